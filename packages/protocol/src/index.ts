// @barrel: every module of this package, in alphabetical order; test/house.test.ts checks it.
export * as Endpoint from "./Endpoint.ts"
export * as EnhancedStatus from "./EnhancedStatus.ts"
export * as Failure from "./Failure.ts"
export * as Receipt from "./Receipt.ts"
export * as Reply from "./Reply.ts"
export * as Stage from "./Stage.ts"
export * as TlsPolicy from "./TlsPolicy.ts"
