/** The router that the package's page wraps around another one. */
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Dns } from "effect/net"
import { Route, Router } from "@effect-mail/dns"

const special = Route.make({
  domain: "example.org",
  kind: "static",
  hosts: [new Route.RouteHost({ name: "special.example.org", preference: 0, addresses: ["192.0.2.7"] })]
})

const mine = Layer.effect(
  Router.Router,
  Effect.map(Router.Router, (mx) => ({
    route: (domain: string) => (domain === "example.org" ? Effect.succeed(special) : mx.route(domain))
  }))
).pipe(Layer.provide(Router.layerMx()))

it.effect("a router of one's own answers for one domain and leaves the rest to the router by MX records", () =>
  Effect.gen(function* () {
    const router = yield* Router.Router
    assert.strictEqual(yield* router.route("example.org"), special)
    const failure = yield* Effect.flip(router.route("nowhere.example"))
    assert.strictEqual(failure._tag, "PermFailure")
  }).pipe(Effect.provide(mine.pipe(Layer.provide(Dns.layerStatic({})))))
)
