/**
 * The way to a domain: the hosts to try and in which order, as a value. A route is made by a `Router`, read by whoever
 * delivers, and can be stored, sent and shown; nothing in it changes afterwards. The order was decided when the route
 * was made, so a route is good for one attempt and a new attempt asks for a new one (RFC 5321 section 5.1, DNS-007).
 *
 * @since 0.1.0
 */
import * as Endpoint from "@effect-mail/protocol/Endpoint"
import * as TlsPolicy from "@effect-mail/protocol/TlsPolicy"
import * as Arr from "effect/Array"
import * as Schema from "effect/Schema"

/**
 * One host of a route with the addresses to try, best first.
 *
 * @category models
 * @since 0.1.0
 */
export class RouteHost extends Schema.Class<RouteHost>("@effect-mail/dns/RouteHost")({
  /** The host's name without a trailing dot (an IP address as text when there is no name): SNI and certificates. */
  name: Schema.String,
  /** Preference of the MX record; lower is tried first (RFC 5321 section 5.1). */
  preference: Schema.Int,
  /** IPv4 and IPv6 addresses as text, in the order to try. */
  addresses: Schema.NonEmptyArray(Schema.String),
  /** What a session with this host must reach, when that is not the policy of the route: the place of DANE (RFC 7672). */
  tls: Schema.optional(TlsPolicy.TlsPolicy)
}) {}

/**
 * Schema of where the hosts of a route come from: MX records, the domain's own addresses because it has no MX record
 * (RFC 5321 section 5.1), an address literal such as `[192.0.2.1]`, a configured relay, or a table.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Kind = Schema.Literals(["mx", "implicit", "literal", "relay", "static"])

/**
 * Where the hosts of a route come from.
 *
 * @category models
 * @since 0.1.0
 */
export type Kind = typeof Kind.Type

/**
 * The way to a domain.
 *
 * @category models
 * @since 0.1.0
 */
export class Route extends Schema.Class<Route>("@effect-mail/dns/Route")({
  /** The recipient domain in A-labels and lower case, without a trailing dot; or the address literal with brackets. */
  domain: Schema.String,
  /** The key under which limits and back-off are kept: the domain, or the relay that all domains share. */
  destination: Schema.String,
  kind: Kind,
  /** The hosts, in the order to try. */
  hosts: Schema.NonEmptyArray(RouteHost),
  /** TCP port of every host, 1 to 65535. */
  port: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65535 })),
  /** TLS from the first byte instead of STARTTLS (RFC 8314 section 3.3); only relays want it. */
  implicitTls: Schema.Boolean,
  /** What a session must reach before mail flows, with every host that has no policy of its own. */
  tls: TlsPolicy.TlsPolicy,
  /** Warnings for people: hosts that were left out and why, malformed records. */
  notes: Schema.Array(Schema.String)
}) {}

/**
 * Makes a route, for tables and tests. `destination` defaults to the domain, `kind` to `static`, a host's `preference`
 * to its position, `implicitTls` to false, `port` to 25 (465 with `implicitTls`), `tls` to opportunistic (required and
 * verified with `implicitTls`). Throws when a value does not fit its schema, for example port 0.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly domain: string
  readonly hosts: Arr.NonEmptyReadonlyArray<{
    readonly name: string
    readonly addresses: Arr.NonEmptyReadonlyArray<string>
    readonly preference?: number | undefined
    readonly tls?: TlsPolicy.TlsPolicy | undefined
  }>
  readonly destination?: string | undefined
  readonly kind?: Kind | undefined
  readonly port?: number | undefined
  readonly implicitTls?: boolean | undefined
  readonly tls?: TlsPolicy.TlsPolicy | undefined
  readonly notes?: ReadonlyArray<string> | undefined
}): Route => {
  const implicitTls = options.implicitTls ?? false
  return new Route({
    domain: options.domain,
    destination: options.destination ?? options.domain,
    kind: options.kind ?? "static",
    hosts: Arr.map(options.hosts, (host, index) => new RouteHost({ ...host, preference: host.preference ?? index })),
    port: options.port ?? (implicitTls ? 465 : 25),
    implicitTls,
    tls: options.tls ?? (implicitTls ? TlsPolicy.required : TlsPolicy.opportunistic),
    notes: options.notes ?? []
  })
}

/**
 * The places to connect to, in the order to try: hosts in the route's order, each host's addresses in their order.
 *
 * @category getters
 * @since 0.1.0
 */
export const endpoints = (self: Route): Arr.NonEmptyReadonlyArray<Endpoint.Endpoint> =>
  Arr.flatMap(self.hosts, (host) =>
    Arr.map(host.addresses, (address) =>
      Endpoint.make({
        host: host.name,
        address,
        port: self.port,
        implicitTls: self.implicitTls,
        tls: host.tls ?? self.tls
      })
    )
  )
