// @barrel: every module of this package, in alphabetical order; test/house.test.ts checks it.
export * as DnsMessage from "./DnsMessage.ts"
export * as Lifetime from "./Lifetime.ts"
export * as Preflight from "./Preflight.ts"
export * as Resolver from "./Resolver.ts"
export * as Route from "./Route.ts"
export * as RouteCache from "./RouteCache.ts"
export * as Router from "./Router.ts"
