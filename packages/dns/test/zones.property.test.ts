/** Two ways to route by the same zone, over the system's resolver and over one of one's choice, must agree. */
import * as Route from "@effect-mail/dns/Route"
import * as Router from "@effect-mail/dns/Router"
import { Arbitraries, StaticDns } from "@effect-mail/testing"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Result } from "effect"

const routed = Effect.fnUntraced(function* (router: Router.Router["Service"]) {
  const route = yield* Effect.result(router.route("example.com"))
  if (Result.isFailure(route)) return [route.failure._tag, route.failure.enhanced]
  // Of hosts with the same preference and the same address, one of them has it, by chance (DNS-007).
  return route.success.hosts
    .flatMap(({ addresses, preference }) => addresses.map((address) => `${preference} ${address}`))
    .toSorted()
})

const limits = { maxHosts: 20, maxAddressesPerHost: 20 }

const by = <E>(layer: Layer.Layer<Router.Router, E>) =>
  Effect.provide(Effect.flatMap(Router.Router, routed), Layer.orDie(layer))

describe("over any zone", () => {
  it.effect.prop(
    "layerMx and layerResolver have the same addresses by preference, or fail alike",
    [Arbitraries.zone],
    ([zone]) =>
      Effect.gen(function* () {
        const dns = StaticDns.layer(zone)
        const one = yield* by(Router.layerMx(limits).pipe(Layer.provide(dns)))
        const other = yield* by(Router.layerResolver(limits).pipe(Layer.provide(dns)))
        assert.deepStrictEqual(one, other)
      })
  )

  it.effect.prop("a route has no address twice and hosts by preference", [Arbitraries.zone], ([zone]) =>
    Effect.gen(function* () {
      const router = yield* Router.Router
      const route = yield* Effect.result(router.route("example.com"))
      if (Result.isFailure(route)) return
      const addresses = Route.endpoints(route.success).map(({ address }) => address)
      assert.strictEqual(new Set(addresses).size, addresses.length)
      const preferences = route.success.hosts.map(({ preference }) => preference)
      assert.deepStrictEqual(
        preferences,
        preferences.toSorted((a, b) => a - b)
      )
    }).pipe(Effect.provide(Layer.orDie(Router.layerResolver().pipe(Layer.provide(StaticDns.layer(zone))))))
  )
})
