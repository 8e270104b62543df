import type { RecordType } from "@effect-mail/dns/DnsMessage"
import * as Resolver from "@effect-mail/dns/Resolver"
import * as Router from "@effect-mail/dns/Router"
import { ResolverContract, RouterContract, StaticDns } from "@effect-mail/testing"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Layer } from "effect"
import { Dns, NetAddress } from "effect/net"
import { TestClock } from "effect/testing"

const world = StaticDns.layer(
  {
    "example.com": ["MX 10 mx1.example.com.", "MX 20 mx2.example.com"],
    "mx1.example.com": ["A 192.0.2.1", "60 AAAA 2001:db8::1"],
    "mx2.example.com": ["CNAME mx3.example.com"],
    "mx3.example.com": ["A 192.0.2.3"],
    "Bücher.example": ["MX 10 mx1.example.com"],
    "_25._tcp.mx1.example.com": ["TLSA 3 1 1 abCD"],
    "text.example": ['TXT "v=spf1 " "-all"', "TXT two  words"],
    "1.2.0.192.in-addr.arpa": ["PTR mx1.example.com"]
  },
  { faults: { "down.example": "SERVFAIL" } }
)

describe("over a static zone", () => {
  describe("layerMx keeps the contract of Router", () => {
    const router = Router.layerMx().pipe(Layer.provide(world))
    for (const { effect, name } of RouterContract.cases(router, { unreachable: "down.example" }))
      it.effect(name, () => effect)
  })

  describe("layerResolver keeps the contract of Router", () => {
    const router = Router.layerResolver().pipe(Layer.provide(world))
    for (const { effect, name } of RouterContract.cases(router, { unreachable: "down.example" }))
      it.effect(name, () => effect)
  })

  describe("the resolver keeps the contract of Resolver", () => {
    const layer = StaticDns.layer(ResolverContract.zone, { faults: { "down.example": "SERVFAIL" } })
    for (const { effect, name } of ResolverContract.cases(layer, { down: "down.example" }))
      it.effect(name, () => effect)
  })
})

const query = <T extends RecordType>(name: string, type: T) =>
  Effect.flatMap(Resolver.Resolver, (resolver) => resolver.query(name, type))

const resolve = (name: string, type: Dns.RecordType) => Effect.flatMap(Dns.Dns, (dns) => dns.resolve(name, type))

describe("the records of a zone", () => {
  it.effect("are read as in a zone file, with a time to live or without", () =>
    Effect.gen(function* () {
      const [tlsa] = (yield* query("_25._tcp.mx1.example.com", "TLSA")).records
      assert.deepInclude(tlsa, { usage: 3, selector: 1, matching: 1, data: Uint8Array.of(0xab, 0xcd), ttl: 300 })
      const texts = (yield* query("text.example", "TXT")).records.map(({ text }) => text)
      assert.deepStrictEqual(texts, ["v=spf1 -all", "two  words"])
      const dns = yield* Dns.Dns
      const addresses = yield* dns.lookup("MX2.example.com")
      assert.deepStrictEqual(addresses.map(NetAddress.formatIp), ["192.0.2.3"])
      assert.deepStrictEqual((yield* dns.reverse("192.0.2.1")).map(String), ["mx1.example.com"])
    }).pipe(Effect.provide(world))
  )

  it.effect("prove nothing, unless the test says so (DNS-024)", () =>
    Effect.gen(function* () {
      const proved = (authenticated?: boolean) =>
        Effect.provide(query("a.example", "A"), StaticDns.layer({ "a.example": ["A 192.0.2.1"] }, { authenticated }))
      assert.isFalse((yield* proved()).authenticated)
      assert.isTrue((yield* proved(true)).authenticated)
    })
  )

  it.effect("of the hosts file are for the system's lookup alone", () =>
    Effect.gen(function* () {
      const dns = yield* Dns.Dns
      assert.deepStrictEqual((yield* dns.lookup("localhost")).map(NetAddress.formatIp), ["127.0.0.1"])
      assert.strictEqual((yield* Effect.flip(dns.resolve("localhost", "A"))).reason, "NotFound")
      assert.deepStrictEqual((yield* dns.reverse("127.0.0.1")).map(String), ["localhost"])
    }).pipe(Effect.provide(StaticDns.layer({}, { hosts: { localhost: ["127.0.0.1"] } })))
  )
})

const faults: ReadonlyArray<readonly [StaticDns.Fault, dns: Dns.DnsErrorReason, resolver: string]> = [
  ["NXDOMAIN", "NotFound", "NXDOMAIN"],
  ["NODATA", "NotFound", "NOERROR"],
  ["SERVFAIL", "ServerFailure", "ServerFailure"],
  ["BOGUS", "ServerFailure", "Bogus"],
  ["REFUSED", "Refused", "Refused"],
  ["TIMEOUT", "Timeout", "Timeout"],
  ["MALFORMED", "InvalidResponse", "Malformed"],
  ["UNKNOWN", "Unknown", "Unsupported"]
]

const zone = { "example.com": ["MX 10 mx.example.com", "A 192.0.2.1"] }

const outcome = (name: string, type: "A" | "MX") =>
  Effect.match(query(name, type), {
    onFailure: ({ reason }): string => reason,
    onSuccess: ({ rcode, records }) => (records.length > 0 ? "records" : rcode)
  })

describe("faults", () => {
  for (const [fault, reason, told] of faults) {
    it.effect(`${fault} is told by both services in their own words`, () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* Effect.flip(resolve("example.com", "MX"))).reason, reason)
        assert.strictEqual(yield* outcome("example.com", "MX"), told)
        assert.strictEqual(yield* outcome("example.com", "A"), "records")
      }).pipe(Effect.provide(StaticDns.layer(zone, { faults: { "Example.com": { MX: fault } } })))
    )
  }

  it.effect("SILENCE is for ever", () =>
    Effect.gen(function* () {
      const asking = yield* Effect.forkChild(Effect.timeoutOption(query("example.com", "A"), "1000 days"))
      yield* TestClock.adjust("1000 days")
      assert.strictEqual((yield* Fiber.join(asking))._tag, "None")
    }).pipe(Effect.provide(StaticDns.layer(zone, { faults: { "example.com": "SILENCE" } })))
  )

  it.effect("come and go by the clock, and the first that is in force counts", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      for (let hour = 0; hour < 5; hour++) {
        seen.push(yield* outcome("example.com", "A"))
        yield* TestClock.adjust("1 hour")
      }
      assert.deepStrictEqual(seen, ["records", "ServerFailure", "NXDOMAIN", "NXDOMAIN", "records"])
    }).pipe(
      Effect.provide(
        StaticDns.layer(zone, {
          faults: {
            "example.com": [
              { fault: "SERVFAIL", from: "1 hour", until: "2 hours" },
              { fault: "NXDOMAIN", from: "90 minutes", until: "4 hours" }
            ]
          }
        })
      )
    )
  )

  it.effect("may be slow, or nothing but slow", () =>
    Effect.gen(function* () {
      const asking = yield* Effect.forkChild(outcome("example.com", "A"))
      const failing = yield* Effect.forkChild(outcome("gone.example", "A"))
      yield* TestClock.adjust("2999 millis")
      assert.isUndefined(asking.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Fiber.join(asking), "records")
      assert.strictEqual(yield* Fiber.join(failing), "Timeout")
    }).pipe(
      Effect.provide(
        StaticDns.layer(zone, {
          faults: {
            "example.com": { delay: Duration.seconds(3) },
            "gone.example": { delay: "3 seconds", fault: "TIMEOUT" }
          }
        })
      )
    )
  )
})

const mistakes: ReadonlyArray<readonly [string, StaticDns.Zone, StaticDns.Options, RegExp]> = [
  ["a name", { "a..b": ["A 192.0.2.1"] }, {}, /^a\.\.b: .*this is not a domain name/],
  ["an address", { "a.example": ["A 192.0.2.256"] }, {}, /^a\.example: "A 192\.0\.2\.256": .*255.*"A 192\.0\.2\.1"$/],
  ["an address of the other family", { "a.example": ["A 2001:db8::1"] }, {}, /Write it as "A 192/],
  ["a preference", { "a.example": ["MX ten mx.example"] }, {}, /priority.*"MX 10 mx1\.example\.com"$/],
  ["a missing field", { "a.example": ["MX mx.example"] }, {}, /it has 1 fields behind the type/],
  ["a field too many", { "a.example": ["A 192.0.2.1 192.0.2.2"] }, {}, /it has 2 fields/],
  ["a text without text", { "a.example": ["TXT"] }, {}, /0 fields/],
  ["an exchange", { "a.example": ["MX 10 a..b"] }, {}, /empty/],
  ["a hexadecimal number", { "a.example": ["TLSA 3 1 1 0x12"] }, {}, /"TLSA 3 1 1/],
  ["a type", { "a.example": ["SPF v=spf1"] }, {}, /"SPF" is not a known type\. Begin with one of A, AAAA/],
  ["nothing", { "a.example": [" "] }, {}, /there is no type/],
  ["a time to live", { "a.example": ["9999999999 A 192.0.2.1"] }, {}, /time to live is out of range/],
  ["an alias beside an address", { "a.example": ["CNAME b.example", "A 192.0.2.1"] }, {}, /RFC 1034 section 3\.6\.2/],
  ["a host's address", {}, { hosts: { localhost: ["::1", "1.2.3"] } }, /localhost: "1\.2\.3"/],
  ["the name of a fault", {}, { faults: { "a..b": "SERVFAIL" } }, /the name of a fault/],
  // A fault that TypeScript would refuse can stand in a file.
  ["a fault", {}, { faults: { "a.example": JSON.parse('"SERVFALL"') } }, /Use one of NXDOMAIN, .*SILENCE/],
  ["a trouble without trouble", {}, { faults: { "a.example": {} } }, /nothing goes wrong/],
  [
    "a trouble that is never in force",
    {},
    { faults: { "a.example": { MX: [{ fault: "SERVFAIL", from: "2 hours", until: "1 hour" }] } } },
    /over before it begins/
  ]
]

describe("a zone that is not well-formed is refused when the layer is built", () => {
  for (const [what, zone, options, says] of mistakes) {
    it.effect(what, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(StaticDns.layer(zone, options))))
        assert.instanceOf(error, StaticDns.ZoneError)
        assert.match(error.message, says)
      })
    )
  }

  it.effect("and one that is well-formed is not", () =>
    Effect.map(Effect.exit(Effect.scoped(Layer.build(StaticDns.layer({ "a.example": [] })))), (exit) =>
      assert.isTrue(Exit.isSuccess(exit))
    )
  )
})
