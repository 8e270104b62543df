import type * as Route from "@effect-mail/dns/Route"
import * as Router from "@effect-mail/dns/Router"
import type * as Failure from "@effect-mail/protocol/Failure"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Dns from "effect/net/Dns"
import * as StaticDns from "./faultyDns.ts"

/** Routes a domain by MX records of any `Dns` service. */
export const routeBy = <E>(domain: string, dns: Layer.Layer<Dns.Dns, E>, options?: Router.MxOptions) =>
  Effect.flatMap(Router.Router, (router) => router.route(domain)).pipe(
    Effect.provide(Layer.orDie(Router.layerMx(options).pipe(Layer.provide(dns))))
  )

/** A layer of a service that `Dns.make` makes of these functions. */
export const dnsOf = (impl: Parameters<typeof Dns.make>[0]) => Layer.succeed(Dns.Dns, Dns.make(impl))

/** Routes a domain by MX records of a zone. */
export const route = (domain: string, dns: StaticDns.Options, options?: Router.MxOptions) =>
  routeBy(domain, StaticDns.layer(dns), options)

/** The failure of routing a domain. */
export const failure = (domain: string, dns: StaticDns.Options, options?: Router.MxOptions) =>
  Effect.flip(route(domain, dns, options))

/** The zone of a domain whose mail servers have one address each, by their preferences. */
export const zoneOf = (
  domain: string,
  hosts: Readonly<Record<string, readonly [preference: number, ...addresses: Array<string>]>>
) => ({
  records: {
    [domain]: Object.entries(hosts).map(([name, [preference]]) => StaticDns.mx(preference, name)),
    ...Object.fromEntries(
      Object.entries(hosts).map(([name, [, ...addresses]]) => [name, addresses.map(StaticDns.address)])
    )
  }
})

export const names = (self: Route.Route): ReadonlyArray<string> => self.hosts.map((host) => host.name)

export const addresses = (self: Route.Route): ReadonlyArray<string> => self.hosts.flatMap((host) => host.addresses)

export const assertPerm = (failed: Failure.Failure, enhanced: string, reason: RegExp) => {
  assert.strictEqual(failed._tag, "PermFailure")
  assert.deepInclude(failed, { stage: "route", scope: "domain", next: "never", enhanced })
  assert.match(failed.reason, reason)
  assert.isString(failed.hint)
}

export const assertUnreachable = (failed: Failure.Failure, enhanced: string, reason: RegExp) => {
  assert.strictEqual(failed._tag, "Unreachable")
  assert.deepInclude(failed, { stage: "route", scope: "domain", next: "later", enhanced })
  assert.match(failed.reason, reason)
  assert.isString(failed.hint)
}
