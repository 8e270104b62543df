// @barrel: every module of this package, in alphabetical order; test/house.test.ts checks it.
export * as Backoff from "./Backoff.ts"
export * as Decider from "./Decider.ts"
export * as Decision from "./Decision.ts"
export * as Kind from "./Kind.ts"
export * as Policy from "./Policy.ts"
export * as PolicyError from "./PolicyError.ts"
export * as RetryHint from "./RetryHint.ts"
export * as Rule from "./Rule.ts"
