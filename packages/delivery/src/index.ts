// @barrel: every module of this package, in alphabetical order; test/house.test.ts checks it.
export * as Delivery from "./Delivery.ts"
