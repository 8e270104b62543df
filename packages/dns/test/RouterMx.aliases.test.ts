import * as Route from "@effect-mail/dns/Route"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Dns from "effect/net/Dns"
import { address, alias, mx, text } from "./support/faultyDns.ts"
import { addresses, assertPerm, assertUnreachable, dnsOf, names, route, routeBy } from "./support/route.ts"

const routed = (domain: string, zone: Dns.StaticZone) => routeBy(domain, Dns.layerStatic(zone))

const chain = (length: number): Dns.StaticZone => ({
  records: {
    ...Object.fromEntries(
      Array.from({ length }, (_, index) => [`a${index}.example`, [alias(`a${index + 1}.example`)]])
    ),
    [`a${length}.example`]: [mx(10, "mx.example")],
    "mx.example": [address("192.0.2.1")]
  }
})

describe("aliases", () => {
  it.effect("DNS-002: a resolver that follows aliases is asked once", () =>
    Effect.gen(function* () {
      const zone = {
        records: {
          "alias.example": [alias("example.com")],
          "example.com": [mx(10, "mx.example.com")],
          "mx.example.com": [address("192.0.2.1")]
        }
      }
      const asked: Array<string> = []
      const found = yield* route("alias.example", { zone, onQuestion: (question) => asked.push(question) })
      assert.deepInclude(found, { domain: "alias.example", destination: "alias.example", kind: "mx" })
      assert.deepStrictEqual(asked.slice(0, 1), ["MX alias.example"])
      assert.isFalse(asked.some((question) => question.startsWith("CNAME")))
    })
  )
})

describe("over a resolver that neither follows aliases nor tells why it has nothing", () => {
  it.effect("nothing at all is 5.1.2", () =>
    Effect.gen(function* () {
      assertPerm(yield* Effect.flip(routed("gone.example", {})), "5.1.2", /does not exist, or has neither/)
      const exists = { records: { "example.com": [text("exists")] } }
      assertPerm(yield* Effect.flip(routed("example.com", exists)), "5.1.2", /does not exist, or has neither/)
    })
  )

  it.effect("no MX record means the domain's own address", () =>
    Effect.gen(function* () {
      const found = yield* routed("example.com", { records: { "example.com": [address("192.0.2.1")] } })
      assert.strictEqual(found.kind, "implicit")
      assert.deepStrictEqual(addresses(found), ["192.0.2.1"])
    })
  )

  it.effect("hosts that only `lookup` knows are found", () =>
    Effect.gen(function* () {
      const found = yield* routed("example.com", {
        records: { "example.com": [mx(10, "mx.example.com.")] },
        hosts: { "mx.example.com": ["192.0.2.1", "2001:db8::1"] }
      })
      assert.deepStrictEqual(addresses(found), ["192.0.2.1", "2001:db8::1"])
    })
  )

  it.effect("DNS-002, DNS-009: aliases of the domain and of its mail servers are followed, with notes", () =>
    Effect.gen(function* () {
      const found = yield* routed("a.example", {
        records: {
          "a.example": [alias("b.example.")],
          "b.example": [alias("c.example")],
          "c.example": [mx(10, "mx.c.example")],
          "mx.c.example": [alias("host.c.example")],
          "host.c.example": [address("192.0.2.1")]
        }
      })
      assert.strictEqual(found.domain, "a.example")
      assert.deepStrictEqual(found.hosts, [
        new Route.RouteHost({ name: "mx.c.example", preference: 10, addresses: ["192.0.2.1"] })
      ])
      assert.deepStrictEqual(found.notes, [
        "a.example is an alias (CNAME) of c.example",
        "mx.c.example is an alias (CNAME) of host.c.example"
      ])
    })
  )

  it.effect("DNS-002: an alias without MX records leads to its target's address under the domain's name", () =>
    Effect.gen(function* () {
      const found = yield* routed("a.example", {
        records: { "a.example": [alias("b.example")], "b.example": [address("192.0.2.1")] }
      })
      assert.deepInclude(found, { kind: "implicit", domain: "a.example" })
      assert.deepStrictEqual(names(found), ["a.example"])
      assert.deepStrictEqual(found.notes, ["a.example is an alias (CNAME) of b.example"])
    })
  )

  it.effect("CLASS-06: trouble with the question for an alias is no proof of anything", () =>
    Effect.gen(function* () {
      const dns = dnsOf({
        lookup: () => Effect.succeed([]),
        resolve: (hostname, recordType) =>
          recordType === "CNAME"
            ? Effect.fail(new Dns.DnsError({ reason: "ServerFailure", method: "resolve", hostname, recordType }))
            : Effect.succeed([])
      })
      assertUnreachable(yield* Effect.flip(routeBy("example.com", dns)), "4.4.3", /SERVFAIL/)
    })
  )

  it.effect("DNS-002: sixteen aliases in a row are followed, seventeen are not", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(names(yield* routed("a0.example", chain(16))), ["mx.example"])
      assertUnreachable(yield* Effect.flip(routed("a0.example", chain(17))), "4.4.3", /more than 16 aliases/)
    })
  )

  it.effect("DNS-002: a loop of aliases ends, as Unreachable", () =>
    Effect.gen(function* () {
      const zone = { records: { "a.example": [alias("b.example")], "b.example": [alias("a.example")] } }
      assertUnreachable(yield* Effect.flip(routed("a.example", zone)), "4.4.3", /loop/)
      const self = { records: { "a.example": [mx(1, "mx.example")], "mx.example": [alias("mx.example")] } }
      assertUnreachable(yield* Effect.flip(routed("a.example", self)), "4.4.4", /loop/)
    })
  )
})
