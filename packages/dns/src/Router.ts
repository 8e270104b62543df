/**
 * From a recipient's domain to the hosts that take its mail. Everything above asks a `Router` and nothing else, so that
 * MX records, a relay, a table and a test's script are the same to it. A router decides where, never whether a host is
 * alive: it opens no connection and remembers nothing.
 *
 * @since 0.1.0
 */
import * as Failure from "@effect-mail/protocol/Failure"
import * as TlsPolicy from "@effect-mail/protocol/TlsPolicy"
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Dns from "effect/net/Dns"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Domain from "./internal/domain.ts"
import * as Lookup from "./internal/lookup.ts"
import * as Mx from "./internal/mx.ts"
import * as Options from "./internal/options.ts"
import * as Relay from "./internal/relay.ts"
import * as Resolved from "./internal/resolved.ts"
import * as Table from "./internal/table.ts"
import { Resolver } from "./Resolver.ts"
import type { Route } from "./Route.ts"

/**
 * Finds the way to a domain.
 *
 * @category services
 * @since 0.1.0
 */
export class Router extends Context.Service<
  Router,
  {
    /**
     * The route to a domain: what stands right of the `@` of a mailbox, which is a name (U-labels or A-labels, any
     * case, with or without a trailing dot) or an address literal (`[192.0.2.1]`, `[IPv6:2001:db8::1]`).
     *
     * Fails with `PermFailure` when the domain is malformed (5.1.3), does not exist (5.1.2), takes no mail (5.1.10),
     * has no host that can be used (5.4.4) or leads back to us (5.4.6), and with `Unreachable` when nothing is known
     * because the DNS does not answer (4.4.3, 4.4.4); CLASS-01, CLASS-03 to CLASS-12.
     */
    readonly route: (domain: string) => Effect.Effect<Route, Failure.PermFailure | Failure.Unreachable>
  }
>()("@effect-mail/dns/Router") {}

export {
  /**
   * An option of a layer, or a row of its table, has a value that cannot be used; the layer fails with it when it is
   * built.
   *
   * @category errors
   * @since 0.1.0
   */
  InvalidOption
} from "./internal/options.ts"

/**
 * Options of `layerMx`.
 *
 * @category models
 * @since 0.1.0
 */
export interface MxOptions {
  /** TCP port of all mail servers; 25 by default. */
  readonly port?: number | undefined
  /** How many hosts a route has at most, 1 to 100; 5 by default (DNS-008). */
  readonly maxHosts?: number | undefined
  /** How many addresses each host has at most, 1 to 100; 4 by default (DNS-008). */
  readonly maxAddressesPerHost?: number | undefined
  /** Names of this server in MX records. It and hosts that are not preferred to it are left out (CLASS-11). */
  readonly selfNames?: ReadonlyArray<string> | undefined
  /** IP addresses of this server, with the same effect as `selfNames`. */
  readonly selfAddresses?: ReadonlyArray<string> | undefined
  /**
   * Whether hosts may have loopback, private, link-local, multicast or reserved addresses; `refuse` by default, since
   * strangers write MX records and could aim them at our own network (CLASS-12).
   */
  readonly privateAddresses?: "refuse" | "allow" | undefined
  /**
   * The address family to look up; `any` by default, which alternates both, IPv6 first (SMTP-284, DNS-015, DNS-016).
   */
  readonly family?: "any" | "IPv4" | "IPv6" | undefined
  /** How long each question to the DNS may take; 30 seconds by default. */
  readonly timeout?: Duration.Input | undefined
  /**
   * The TLS policy of a domain, which is given in A-labels and lower case; opportunistic by default. Here is the place
   * of MTA-STS (RFC 8461) and of whatever else must be looked up by domain: the function may give an effect, and an
   * `Unreachable` of it keeps the mail waiting when a policy cannot be found out.
   */
  readonly tls?:
    | ((domain: string) => TlsPolicy.TlsPolicy | Effect.Effect<TlsPolicy.TlsPolicy, Failure.Unreachable>)
    | undefined
}

const policyOf =
  (tls: NonNullable<MxOptions["tls"]>): Mx.Settings["tls"] =>
  (domain) =>
    Effect.suspend(() => {
      const policy = tls(domain)
      return Effect.isEffect(policy) ? policy : Effect.succeed(policy)
    })

const mxSettings = (options: MxOptions): Result.Result<Mx.Settings & Lookup.Settings, Options.InvalidOption> =>
  Result.gen(function* () {
    const selfAddresses = yield* Options.each("selfAddresses", options.selfAddresses ?? [], Options.address)
    return {
      port: yield* Options.port("port", options.port ?? 25),
      maxHosts: yield* Options.integer("maxHosts", options.maxHosts ?? 5, 100),
      maxAddressesPerHost: yield* Options.integer("maxAddressesPerHost", options.maxAddressesPerHost ?? 4, 100),
      selfNames: new Set(yield* Options.each("selfNames", options.selfNames ?? [], Options.name)),
      selfAddresses: new Set(selfAddresses.map(NetAddress.formatIp)),
      privateAddresses: yield* Options.oneOf("privateAddresses", options.privateAddresses ?? "refuse", [
        "refuse",
        "allow"
      ]),
      family: yield* Options.oneOf("family", options.family ?? "any", ["any", "IPv4", "IPv6"]),
      timeout: yield* Options.duration("timeout", options.timeout ?? "30 seconds"),
      tls: policyOf(options.tls ?? (() => TlsPolicy.opportunistic))
    }
  })

const fromFunction = (
  route: (domain: string) => Effect.Effect<Route, Failure.PermFailure | Failure.Unreachable>
): Router["Service"] =>
  Router.of({
    route: (domain) =>
      Effect.withSpan(route(domain), "Router.route", {
        attributes: { domain: domain.slice(0, 255) },
        captureStackTrace: false
      })
  })

/**
 * Routes by MX records over the `Dns` service, as RFC 5321 section 5.1 and RFC 7505 say; the domain's own addresses
 * when it has no MX record. Hosts come by preference, equal ones in random order at every call; their addresses are
 * those of their A and AAAA records. Address literals need no DNS.
 *
 * A resolver of the platform tells a name that does not exist from one without records and follows aliases. One that
 * does not tell, as Effect's static one, is asked for the alias (up to 16 in a row) and for hosts that only `lookup`
 * knows; a name of which it has neither MX record nor address counts as one that does not exist (5.1.2).
 *
 * Fails with `InvalidOption` when an option is out of range or a name or an address is malformed.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMx = (options: MxOptions = {}): Layer.Layer<Router, Options.InvalidOption, Dns.Dns> =>
  Layer.effect(
    Router,
    Effect.gen(function* () {
      const settings = yield* Effect.fromResult(mxSettings(options))
      return fromFunction(Mx.make(Lookup.make(yield* Dns.Dns, settings), settings))
    })
  )

/**
 * Routes by MX records as `layerMx` does, over a resolver of one's choice, which says exactly why there is no answer and
 * how long one holds: a cache (`RouteCache`) keeps routes as long as their records. How long a question may take is the
 * resolver's affair. Fails with `InvalidOption` as `layerMx` does.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerResolver = (
  options: Omit<MxOptions, "timeout"> = {}
): Layer.Layer<Router, Options.InvalidOption, Resolver> =>
  Layer.effect(
    Router,
    Effect.gen(function* () {
      const settings = yield* Effect.fromResult(mxSettings(options))
      return fromFunction(Mx.make(Resolved.make(yield* Resolver, settings.family), settings))
    })
  )

/**
 * Options of `layerRelay`.
 *
 * @category models
 * @since 0.1.0
 */
export interface RelayOptions {
  /** TCP port of all hosts; 25 by default, 465 with `implicitTls`. Submission services use 587. */
  readonly port?: number | undefined
  /** TLS from the first byte (RFC 8314 section 3.3); false by default. */
  readonly implicitTls?: boolean | undefined
  /** What sessions must reach; opportunistic by default, required and verified with `implicitTls`. */
  readonly tls?: TlsPolicy.TlsPolicy | undefined
  /** The address family to use; `any` by default. */
  readonly family?: "any" | "IPv4" | "IPv6" | undefined
  /** How many addresses each host has at most, 1 to 100; 4 by default. */
  readonly maxAddressesPerHost?: number | undefined
  /** How long the lookup of a host may take; 30 seconds by default. */
  readonly timeout?: Duration.Input | undefined
}

const relaySettings = (
  hosts: ReadonlyArray<string>,
  options: RelayOptions
): Result.Result<Relay.Settings, Options.InvalidOption> =>
  Result.gen(function* () {
    const parsed = yield* Options.each("hosts", hosts, Relay.parseHost)
    if (!Arr.isReadonlyArrayNonEmpty(parsed)) {
      return yield* Options.invalid("hosts", "there is no host", "Name at least one host of the relay")
    }
    const implicitTls = options.implicitTls ?? false
    return {
      hosts: parsed,
      port: yield* Options.port("port", options.port ?? (implicitTls ? 465 : 25)),
      implicitTls,
      tls: options.tls,
      family: yield* Options.oneOf("family", options.family ?? "any", ["any", "IPv4", "IPv6"]),
      maxHosts: parsed.length,
      maxAddressesPerHost: yield* Options.integer("maxAddressesPerHost", options.maxAddressesPerHost ?? 4, 100),
      privateAddresses: "allow",
      timeout: yield* Options.duration("timeout", options.timeout ?? "30 seconds")
    }
  })

/**
 * Routes all domains to the same hosts, tried in the order given: a smart host or a submission service. A host is a
 * name or an IP address, with or without brackets; its addresses come from the system's resolver (`Dns.lookup`, so the
 * hosts file counts, too), never from MX records. All domains share one destination, hence one set of limits.
 *
 * When no host can be found the route fails with `Unreachable` of scope `relay`, whatever the DNS says: a mistake in
 * our own configuration is no verdict about a recipient. Fails with `InvalidOption` as `layerMx` does.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerRelay = (
  hosts: Arr.NonEmptyReadonlyArray<string>,
  options: RelayOptions = {}
): Layer.Layer<Router, Options.InvalidOption, Dns.Dns> =>
  Layer.effect(
    Router,
    Effect.gen(function* () {
      const settings = yield* Effect.fromResult(relaySettings(hosts, options))
      return fromFunction(Relay.make(yield* Dns.Dns, settings))
    })
  )

/**
 * A row of a table of routes.
 *
 * @category models
 * @since 0.1.0
 */
export interface StaticRoute {
  /** The hosts, in the order to try: IP addresses, or names with their addresses. */
  readonly hosts: Arr.NonEmptyReadonlyArray<
    string | { readonly name: string; readonly addresses: Arr.NonEmptyReadonlyArray<string> }
  >
  /** The key under which limits and back-off are kept; the domain by default. */
  readonly destination?: string | undefined
  /** TCP port of all hosts; 25 by default, 465 with `implicitTls`. */
  readonly port?: number | undefined
  /** TLS from the first byte; false by default. */
  readonly implicitTls?: boolean | undefined
  /** What sessions must reach; opportunistic by default, required and verified with `implicitTls`. */
  readonly tls?: TlsPolicy.TlsPolicy | undefined
}

/**
 * Routes by a table from domain (or address literal) to hosts, without any DNS. The row `*` is for all domains that
 * have none of their own; without it they fail with `PermFailure` 5.4.4.
 *
 * Fails with `InvalidOption` when a domain, a name, an address or a port is malformed or a row has no host.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerStatic = (table: Readonly<Record<string, StaticRoute>>): Layer.Layer<Router, Options.InvalidOption> =>
  Layer.effect(
    Router,
    Effect.map(Effect.fromResult(Table.make(table)), (route) =>
      fromFunction((domain) => Effect.fromResult(route(domain)))
    )
  )

/**
 * What a `Router` of `layerTest` answers.
 *
 * @category testing
 * @since 0.1.0
 */
export type TestAnswer = Route | Failure.PermFailure | Failure.Unreachable

/**
 * The test's side of `layerTest`.
 *
 * @category testing
 * @since 0.1.0
 */
export class TestRouter extends Context.Service<
  TestRouter,
  {
    /** The domains that were asked for, as they were given, oldest first. */
    readonly asked: Effect.Effect<ReadonlyArray<string>>
    /** Sets the answer for a domain from now on. */
    readonly answer: (domain: string, answer: TestAnswer) => Effect.Effect<void>
  }
>()("@effect-mail/dns/TestRouter") {}

const testKey = (domain: string): string =>
  Result.match(Domain.parse(domain), { onFailure: () => domain, onSuccess: ({ text }) => text })

/**
 * A router for tests: answers from a table of routes and failures and records what it was asked for, which `TestRouter`
 * tells. Domains that are not in the table fail as they do with `layerStatic`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTest = (table: Readonly<Record<string, TestAnswer>> = {}): Layer.Layer<Router | TestRouter> =>
  Layer.effectContext(
    Effect.sync(() => {
      const answers = new Map(Object.entries(table).map(([domain, answer]) => [testKey(domain), answer]))
      const asked: Array<string> = []
      const route = (domain: string): Effect.Effect<Route, Failure.PermFailure | Failure.Unreachable> =>
        Effect.suspend(() => {
          asked.push(domain)
          const answer = answers.get(testKey(domain)) ?? Table.missing(domain)
          return Failure.isFailure(answer) ? Effect.fail(answer) : Effect.succeed(answer)
        })
      return Context.make(Router, fromFunction(route)).pipe(
        Context.add(TestRouter, {
          asked: Effect.sync(() => [...asked]),
          answer: (domain, answer) => Effect.sync(() => void answers.set(testKey(domain), answer))
        })
      )
    })
  )
