// @barrel: every module of this package, in alphabetical order; test/house.test.ts checks it.
export * as Route from "./Route.ts"
export * as Router from "./Router.ts"
