// @barrel: every module of this package, in alphabetical order; test/house.test.ts checks it.
export * as NodeArc from "./NodeArc.ts"
export * as NodeDialer from "./NodeDialer.ts"
export * as NodeDkim from "./NodeDkim.ts"
export * as NodeMailer from "./NodeMailer.ts"
export * as NodeResolver from "./NodeResolver.ts"
export * as NodeSha256 from "./NodeSha256.ts"
