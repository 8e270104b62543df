import * as Resolver from "@effect-mail/dns/Resolver"
import * as Route from "@effect-mail/dns/Route"
import * as Router from "@effect-mail/dns/Router"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"

const ipv4 = (text: string) => Result.getOrThrow(NetAddress.ipv4FromString(text))

const answers: Resolver.TestAnswers = {
  "MX example.com": { records: [{ priority: 10, exchange: "mx.example.com" }], ttl: 60, authenticated: true },
  "A MX.example.com.": { records: [{ address: ipv4("192.0.2.1") }] },
  "AAAA mx.example.com": "ServerFailure"
}

const query = <T extends "A" | "MX" | "TXT">(name: string, type: T) =>
  Effect.flatMap(Resolver.Resolver, (resolver) => resolver.query(name, type))

describe("Resolver.layerTest", () => {
  it.effect("answers from its table, in every spelling of a name", () =>
    Effect.gen(function* () {
      const answer = yield* query("EXAMPLE.com.", "MX")
      assert.deepStrictEqual(answer, {
        rcode: "NOERROR",
        records: [{ type: "MX", name: "example.com", ttl: 60, priority: 10, exchange: "mx.example.com" }],
        alias: undefined,
        authenticated: true,
        ttl: 60
      })
      assert.strictEqual((yield* query("mx.example.com", "A")).records.length, 1)
    }).pipe(Effect.provide(Resolver.layerTest(answers)))
  )

  it.effect("tells a name that is not in the table from one without such records", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* query("example.com", "TXT"), { rcode: "NOERROR", records: [] })
      assert.deepInclude(yield* query("example.net", "TXT"), { rcode: "NXDOMAIN", records: [] })
    }).pipe(Effect.provide(Resolver.layerTest(answers)))
  )

  it.effect("fails as it is told, and as a resolver does for what cannot be asked for", () =>
    Effect.gen(function* () {
      const resolver = yield* Resolver.Resolver
      const failed = yield* Effect.flip(resolver.query("mx.example.com", "AAAA"))
      assert.deepStrictEqual([failed.reason, failed.question], ["ServerFailure", "AAAA mx.example.com"])
      assert.strictEqual((yield* Effect.flip(query("a..b", "A"))).reason, "BadName")
    }).pipe(Effect.provide(Resolver.layerTest(answers)))
  )

  it.effect("records what it was asked, can be told more, and carries a router", () =>
    Effect.gen(function* () {
      const { answer, asked } = yield* Resolver.TestResolver
      const router = yield* Router.Router
      const before = yield* router.route("example.com")
      assert.deepStrictEqual(
        Route.endpoints(before).map(({ address }) => address),
        ["192.0.2.1"]
      )
      assert.sameMembers([...(yield* asked)], ["MX example.com", "A mx.example.com", "AAAA mx.example.com"])
      yield* answer({ "MX example.com": { rcode: "NXDOMAIN" } })
      assert.strictEqual((yield* Effect.flip(router.route("example.com"))).enhanced, "5.1.2")
    }).pipe(Effect.provide(Router.layerResolver().pipe(Layer.provideMerge(Resolver.layerTest(answers)))))
  )
})
