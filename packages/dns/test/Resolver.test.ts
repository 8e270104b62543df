import type * as DnsMessage from "@effect-mail/dns/DnsMessage"
import * as Resolver from "@effect-mail/dns/Resolver"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as TestClock from "effect/testing/TestClock"
import * as Wire from "./support/wire.ts"

type Say = Wire.Reply | "silence" | "down" | Uint8Array

/** An exchange in which `say` decides what a server answers; `asked` keeps the record. */
const exchangeOf = (say: (asked: string, query: Uint8Array) => Say) => {
  const asked: Array<string> = []
  const via =
    (protocol: "udp" | "tcp"): Resolver.Exchange["udp"] =>
    (server, query) =>
      Effect.suspend(() => {
        const said = say(`${protocol} ${server.address}`, query)
        asked.push(`${protocol} ${server.address}`)
        if (said === "silence") return Effect.never
        if (said === "down") return Effect.fail(new Resolver.ExchangeError({ detail: "connection refused" }))
        return Effect.succeed(said instanceof Uint8Array ? said : Wire.reply(query, said))
      })
  return { asked, exchange: { udp: via("udp"), tcp: via("tcp") } satisfies Resolver.Exchange }
}

const made = (say: (asked: string, query: Uint8Array) => Say, options: Partial<Resolver.ResolverOptions> = {}) => {
  const { asked, exchange } = exchangeOf(say)
  const resolver = Result.getOrThrow(Resolver.make(exchange, { servers: ["127.0.0.1"], ...options }))
  return { asked, resolver }
}

const one: Wire.Reply = { answers: [Wire.a("example.com", "192.0.2.1", 60)] }

const query = (reply: Wire.Reply, name = "example.com", type: DnsMessage.RecordType = "A") =>
  made(() => reply).resolver.query(name, type)

describe("the answer", () => {
  it.effect("holds the records of the name, and holds as long as the least of them", () =>
    Effect.gen(function* () {
      const answer = yield* query({
        answers: [Wire.a("example.com", "192.0.2.1", 60), Wire.a("Example.com", "192.0.2.2", 50)]
      })
      assert.strictEqual(answer.records.length, 2)
      assert.deepInclude(answer, { rcode: "NOERROR", ttl: 50, alias: undefined })
    })
  )

  it.effect("follows aliases within it, and holds no longer than they do (DNS-002)", () =>
    Effect.gen(function* () {
      const answer = yield* query({
        answers: [
          Wire.a("c.example", "192.0.2.1", 60),
          Wire.cname("b.example", "c.example", 7),
          Wire.cname("example.com", "b.example", 50)
        ]
      })
      assert.deepInclude(answer, { alias: "c.example", ttl: 7 })
      assert.strictEqual(answer.records.length, 1)
    })
  )

  it.effect("has nothing of other names, other types, or of an alias that is not the name's", () =>
    Effect.gen(function* () {
      const answer = yield* query({
        answers: [
          Wire.a("evil.example", "192.0.2.66"),
          Wire.mx("example.com", 10, "mx.example.com"),
          Wire.cname("other.example", "example.com")
        ]
      })
      assert.deepInclude(answer, { records: [], alias: undefined, rcode: "NOERROR" })
    })
  )

  for (const [ttl, minimum, expected] of [
    [60, 30, 30],
    [20, 30, 20],
    [0, 30, 0]
  ] as const) {
    it.effect(
      `that there is nothing holds ${expected} seconds by a SOA record with ${ttl} and ${minimum} (RFC 2308)`,
      () =>
        Effect.gen(function* () {
          const authority = [Wire.soa("example.com", ttl, minimum)]
          assert.deepInclude(yield* query({ rcode: 3, authority }), { rcode: "NXDOMAIN", records: [], ttl: expected })
          assert.deepInclude(yield* query({ authority }), { rcode: "NOERROR", records: [], ttl: expected })
        })
    )
  }

  it.effect("that there is nothing must not be kept without a SOA record (RFC 2308 section 5)", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* query({ rcode: 3 })).ttl, 0)
    })
  )

  it.effect("to a question for an alias is the alias itself", () =>
    Effect.gen(function* () {
      const { records } = yield* query({ answers: [Wire.cname("example.com", "b.example")] }, "EXAMPLE.com.", "CNAME")
      assert.deepStrictEqual(
        records.map((record) => record.name),
        ["example.com"]
      )
    })
  )

  it.effect("is no answer when the aliases go round, or are more than 16", () =>
    Effect.gen(function* () {
      const chain = (length: number) =>
        Array.from({ length }, (_, n) => Wire.cname(n === 0 ? "example.com" : `a${n}.example`, `a${n + 1}.example`))
      assert.strictEqual((yield* query({ answers: chain(16) })).alias, "a16.example")
      assert.strictEqual((yield* Effect.flip(query({ answers: chain(17) }))).reason, "Malformed")
      const loop = [Wire.cname("example.com", "b.example"), Wire.cname("b.example", "example.com")]
      assert.strictEqual((yield* Effect.flip(query({ answers: loop }))).reason, "Malformed")
    })
  )

  it.effect("is proved when a resolver on this machine says so, and nobody else (AD)", () =>
    Effect.gen(function* () {
      const say = () => ({ ...one, authenticated: true })
      const proved = (servers: ReadonlyArray<string>, trustAd?: "always" | "never") =>
        Effect.map(made(say, { servers, trustAd }).resolver.query("example.com", "A"), (answer) => answer.authenticated)
      assert.isTrue(yield* proved(["127.0.0.1"]))
      assert.isTrue(yield* proved(["[::1]:5353"]))
      assert.isTrue(yield* proved(["localhost:53"]))
      assert.isFalse(yield* proved(["192.0.2.53"]))
      assert.isFalse(yield* proved(["127.0.0.1"], "never"))
      assert.isTrue(yield* proved(["192.0.2.53"], "always"))
      assert.isFalse((yield* query(one)).authenticated)
    })
  )
})

describe("no answer", () => {
  const edns = (code: number) => [Wire.record(".", 41, Wire.bytes(Wire.u16(15), Wire.u16(2), Wire.u16(code)), 0, 1232)]
  const rows: ReadonlyArray<readonly [Resolver.ErrorReason, Wire.Reply | "down" | Uint8Array]> = [
    ["ServerFailure", { rcode: 2 }],
    ["ServerFailure", { rcode: 2, additional: edns(22) }],
    ["Bogus", { rcode: 2, additional: edns(6) }],
    ["Bogus", { rcode: 2, additional: edns(12) }],
    ["Refused", { rcode: 5 }],
    ["Unsupported", { rcode: 1 }],
    ["Unsupported", { rcode: 4 }],
    ["Malformed", Wire.bytes(1, 2, 3)],
    ["Network", "down"]
  ]
  for (const [reason, said] of rows) {
    it.effect(`is ${reason} for ${said instanceof Uint8Array ? "garbage" : JSON.stringify(said)} (CLASS-06)`, () =>
      Effect.gen(function* () {
        const { asked, resolver } = made(() => said)
        const failed = yield* Effect.flip(resolver.query("example.com", "A"))
        assert.strictEqual(failed.reason, reason)
        assert.match(failed.message, /^A example\.com: /)
        assert.strictEqual(asked.length, 1)
      })
    )
  }

  it.effect("comes for a name that cannot be asked for, before anybody is asked", () =>
    Effect.gen(function* () {
      const { asked, resolver } = made(() => one)
      const failed = yield* Effect.flip(resolver.query("a..b", "A"))
      assert.strictEqual(failed.reason, "BadName")
      assert.deepStrictEqual(asked, [])
    })
  )
})

describe("several servers", () => {
  const servers = ["192.0.2.1", "192.0.2.2"]

  for (const said of [{ rcode: 2 }, { rcode: 5 }, "down"] as const) {
    it.effect(`the next one is asked at once when the first says ${JSON.stringify(said)}`, () =>
      Effect.gen(function* () {
        const { asked, resolver } = made((asked) => (asked.endsWith(".1") ? said : one), { servers })
        assert.strictEqual((yield* resolver.query("example.com", "A")).records.length, 1)
        assert.deepStrictEqual(asked, ["udp 192.0.2.1", "udp 192.0.2.2"])
      })
    )
  }

  it.effect("a silent one is given its time, and another turn after the others; each as often as `tries`", () =>
    Effect.gen(function* () {
      const { asked, resolver } = made(() => "silence", { servers, timeout: "3 seconds", tries: 2 })
      const fiber = yield* Effect.forkChild(Effect.flip(resolver.query("example.com", "A")))
      yield* TestClock.adjust("11999 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      const failed = yield* Fiber.join(fiber)
      assert.strictEqual(failed.reason, "Timeout")
      assert.deepStrictEqual(asked, ["udp 192.0.2.1", "udp 192.0.2.2", "udp 192.0.2.1", "udp 192.0.2.2"])
    })
  )

  it.effect("what one said counts more than that the other is silent", () =>
    Effect.gen(function* () {
      const { asked, resolver } = made((asked) => (asked.endsWith(".1") ? "silence" : { rcode: 2 }), { servers })
      const fiber = yield* Effect.forkChild(Effect.flip(resolver.query("example.com", "A")))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(fiber)).reason, "ServerFailure")
      assert.deepStrictEqual(asked, ["udp 192.0.2.1", "udp 192.0.2.2", "udp 192.0.2.1"])
    })
  )
})

describe("a truncated reply (DNS-025)", () => {
  it.effect("is asked for again over TCP, of the same server", () =>
    Effect.gen(function* () {
      const { asked, resolver } = made((asked) => (asked.startsWith("udp") ? { ...one, truncated: true } : one))
      assert.strictEqual((yield* resolver.query("example.com", "A")).records.length, 1)
      assert.deepStrictEqual(asked, ["udp 127.0.0.1", "tcp 127.0.0.1"])
    })
  )

  it.effect("whose server does not answer over TCP is no answer", () =>
    Effect.gen(function* () {
      const { resolver } = made((asked) => (asked.startsWith("udp") ? { truncated: true } : "down"))
      assert.strictEqual((yield* Effect.flip(resolver.query("example.com", "A"))).reason, "Network")
    })
  )

  it.effect("that is truncated over TCP, too, is nothing to ask for ever", () =>
    Effect.gen(function* () {
      const { asked, resolver } = made(() => ({ ...one, truncated: true }))
      assert.strictEqual((yield* Effect.flip(resolver.query("example.com", "A"))).reason, "Malformed")
      assert.strictEqual(asked.length, 2)
    })
  )
})

describe("many questions", () => {
  it.effect(
    "no more than `concurrency` are on their way; the others wait in line, and whoever gives up leaves it",
    () =>
      Effect.gen(function* () {
        const gates = Array.from({ length: 4 }, () => Deferred.makeUnsafe<void>())
        const started: Array<number> = []
        const answers = (_: Resolver.Server, bytes: Uint8Array) =>
          Effect.suspend(() => {
            const n = Number(Wire.questionOf(bytes).name.slice(1, 2))
            started.push(n)
            return Effect.as(Deferred.await(gates[n] ?? Deferred.makeUnsafe<void>()), Wire.reply(bytes))
          })
        const exchange = { udp: answers, tcp: answers }
        const resolver = Result.getOrThrow(Resolver.make(exchange, { servers: ["127.0.0.1"], concurrency: 1 }))
        const fibers = yield* Effect.forEach([0, 1, 2, 3], (n) =>
          Effect.forkChild(resolver.query(`q${n}.example`, "A"))
        )
        yield* Effect.yieldNow
        assert.deepStrictEqual(started, [0])
        const [first, second, third, fourth] = fibers
        if (first === undefined || second === undefined || third === undefined || fourth === undefined) return
        yield* Fiber.interrupt(second)
        yield* Fiber.interrupt(first)
        yield* Effect.yieldNow
        assert.deepStrictEqual(started, [0, 2])
        yield* Deferred.succeed(gates[2] ?? Deferred.makeUnsafe<void>(), undefined)
        yield* Fiber.join(third)
        yield* Deferred.succeed(gates[3] ?? Deferred.makeUnsafe<void>(), undefined)
        yield* Fiber.join(fourth)
        assert.deepStrictEqual(started, [0, 2, 3])
      })
  )
})

describe("options", () => {
  const wrong: ReadonlyArray<readonly [string, Partial<Resolver.ResolverOptions>]> = [
    ["servers", { servers: [] }],
    ["servers[1]", { servers: ["127.0.0.1", "resolver.example:53"] }],
    ["servers[0]", { servers: ["127.0.0.1:99999"] }],
    ["servers[0]", { servers: ["127.0.0.1:0"] }],
    ["servers[0]", { servers: ["localhostile"] }],
    ["timeout", { timeout: 0 }],
    ["tries", { tries: 0 }],
    ["concurrency", { concurrency: 0 }]
  ]
  for (const [option, options] of wrong) {
    it(`${JSON.stringify(options)} is refused`, () => {
      const { exchange } = exchangeOf(() => one)
      const result = Resolver.make(exchange, { servers: ["127.0.0.1"], ...options })
      assert.strictEqual(Result.getOrThrow(Result.flip(result)).option, option)
    })
  }
})
