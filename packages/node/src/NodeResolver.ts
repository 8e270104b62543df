/**
 * Questions to recursive resolvers over sockets of Node.js: UDP first, TCP for what does not fit. Ids come from the
 * system's secure random source; a port is chosen by the system, serves a few questions and is given up; only what the
 * asked server sends from the asked address with the right id and question is a reply (RFC 5452).
 *
 * @since 0.1.0
 */
import * as DnsMessage from "@effect-mail/dns/DnsMessage"
import * as Resolver from "@effect-mail/dns/Resolver"
import * as RouteCache from "@effect-mail/dns/RouteCache"
import * as Router from "@effect-mail/dns/Router"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as NodeDns from "node:dns"
import * as Tcp from "./internal/dnsTcp.ts"
import * as Udp from "./internal/dnsUdp.ts"

/**
 * Options of the resolver; without `servers`, those that the system is configured with.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Omit<Resolver.ResolverOptions, "servers"> {
  /** The recursive resolvers, in the order to ask: IP addresses or `localhost`, with port 53 unless one is written. */
  readonly servers?: ReadonlyArray<string> | undefined
}

/**
 * The exchange over sockets of Node.js; its ports are closed with the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeExchange: Effect.Effect<Resolver.Exchange, never, Scope.Scope> = Effect.map(Effect.scope, (scope) => {
  const servers = new Map<Resolver.Server, Effect.Success<ReturnType<typeof Udp.make>>>()
  const of = (server: Resolver.Server) =>
    Effect.map(Scope.provide(Udp.make(server), scope), (udp) => {
      servers.set(server, udp)
      return udp
    })
  return {
    udp: (server, query) =>
      Effect.suspend(() => {
        const udp = servers.get(server)
        return udp === undefined ? Effect.flatMap(of(server), (made) => made(query)) : udp(query)
      }),
    tcp: (server, query) => Effect.suspend(() => Tcp.ask(server, DnsMessage.withId(query, Udp.randomId())))
  }
})

/**
 * A resolver over UDP and TCP. Fails with `InvalidOption` when an option is out of range or the system has no resolver.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Resolver.Resolver, Resolver.InvalidOption> =>
  Layer.effect(
    Resolver.Resolver,
    Effect.gen(function* () {
      const servers = options.servers ?? NodeDns.getServers()
      return yield* Effect.fromResult(Resolver.make(yield* makeExchange, { ...options, servers }))
    })
  )

/**
 * What routing over a resolver can be told.
 *
 * @category models
 * @since 0.1.0
 */
export interface RouterOptions {
  readonly resolver?: Options | undefined
  readonly routing?: Omit<Router.MxOptions, "timeout"> | undefined
  readonly cache?: RouteCache.Options | undefined
}

/**
 * Routes by MX records over a resolver, with routes kept as long as their records hold: `Router.layerResolver` and
 * `RouteCache.layer` over `layer`. Fails with `InvalidOption` as they do.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerRouter = (options: RouterOptions = {}): Layer.Layer<Router.Router, Resolver.InvalidOption> =>
  RouteCache.layer(options.cache).pipe(
    Layer.provide(Router.layerResolver(options.routing)),
    Layer.provide(layer(options.resolver))
  )
