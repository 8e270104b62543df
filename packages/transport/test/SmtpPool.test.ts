/** Sessions that are kept and shared: who gets one, what rides, what becomes of the others when something breaks. */
import type { Parcel } from "@effect-mail/message"
import { type Receipt, TlsPolicy } from "@effect-mail/protocol"
import { Mailbox, MailServer, MemoryNetwork, Script } from "@effect-mail/testing"
import { type PoolSettings, SmtpPool, type SmtpSettings, Watchdog } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Exit, Fiber, Layer, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import {
  against,
  bytes,
  data,
  endpoint,
  failureOf,
  hello,
  large,
  mail,
  message,
  parcel,
  pieces,
  place,
  quit,
  rcpt,
  settings,
  settled,
  shown,
  streamed
} from "./support/smtp.ts"

const { close, expect, expectBreakOff, expectBytes, expectContent, expectEnd, reply, send: say, stall } = Script

const stuffed = message.replace(/^\./gm, "..")

type Pool = Partial<PoolSettings.PoolSettings>

const make = (pool: Pool = {}, more: Partial<SmtpSettings.SmtpSettings> = {}) =>
  SmtpPool.make({ ...settings, ...more, pool })

const to = (name: string): Parcel.Parcel => parcel(`${name}@example.org`)

const deliver = (pool: SmtpPool.SmtpPool, what: Parcel.Parcel) => Effect.map(pool.send(endpoint(), what), shown)

const begin = (pool: SmtpPool.SmtpPool, what: Parcel.Parcel) => Effect.forkChild(deliver(pool, what))

const taken = ["delivered 250"]

/** One message in lock-step. */
const one = (name: string): Script.Script => [...mail, ...rcpt(`${name}@example.org`), ...data()]

/** What a message without another before it looks like, with PIPELINING. */
const opening = (name: string): string => `MAIL FROM:<alice@example.com>\r\nRCPT TO:<${name}@example.org>\r\nDATA\r\n`

const opened = (name: string): Script.Script => [expectBytes(opening(name)), say("250 Ok\r\n250 Ok\r\n354 Go\r\n")]

describe("a session", () => {
  it.effect("carries one message after the other, and ends with QUIT when the pool does", () =>
    against(
      [[...hello(), ...one("a"), ...one("b"), ...one("c"), ...quit]],
      Effect.gen(function* () {
        const pool = yield* make()
        for (const name of ["a", "b", "c"]) assert.deepStrictEqual(yield* deliver(pool, to(name)), taken)
        assert.deepStrictEqual(yield* pool.stats, { endpoints: 1, connections: 1, idle: 1, waiting: 0, refused: 0 })
      })
    )
  )

  it.effect("carries so many messages and no more", () =>
    against(
      [
        [...hello(), ...one("a"), ...one("b"), ...quit],
        [...hello(), ...one("c"), ...quit]
      ],
      Effect.gen(function* () {
        const pool = yield* make({ maxMessages: 2 })
        for (const name of ["a", "b", "c"]) assert.deepStrictEqual(yield* deliver(pool, to(name)), taken)
      })
    )
  )

  it.effect("is not used when it is too old", () =>
    against(
      [
        [...hello(), ...one("a"), ...quit],
        [...hello(), ...one("b"), ...quit]
      ],
      Effect.gen(function* () {
        const pool = yield* make({ lifetime: Duration.seconds(10), idle: Duration.minutes(5) })
        yield* deliver(pool, to("a"))
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(yield* deliver(pool, to("b")), taken)
      })
    )
  )

  it.effect("says QUIT when nobody has needed it for so long, and its endpoint is forgotten", () =>
    against(
      [[...hello(), ...one("a"), ...one("b"), ...quit]],
      Effect.gen(function* () {
        const network = yield* MemoryNetwork.MemoryNetwork
        const pool = yield* make({ idle: Duration.seconds(30) })
        yield* deliver(pool, to("a"))
        yield* TestClock.adjust("29 seconds")
        yield* deliver(pool, to("b"))
        yield* TestClock.adjust("29 seconds")
        assert.strictEqual(yield* network.open, 1)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* network.open, 0)
        assert.deepStrictEqual(yield* pool.stats, { endpoints: 0, connections: 0, idle: 0, waiting: 0, refused: 0 })
      })
    )
  )

  it.effect("is not kept at all when the idle time is zero", () =>
    against(
      [[...hello(), ...one("a"), ...quit]],
      Effect.gen(function* () {
        const network = yield* MemoryNetwork.MemoryNetwork
        yield* deliver(yield* make({ idle: Duration.zero }), to("a"))
        assert.strictEqual(yield* network.open, 0)
      })
    )
  )

  it.effect("that has failed is never used again", () =>
    against(
      [
        [...hello(), ...mail, ...rcpt("a@example.org"), expect("DATA"), reply("354 Go"), expectContent(message), close],
        [...hello(), ...one("b"), ...quit]
      ],
      Effect.gen(function* () {
        const pool = yield* make()
        assert.deepStrictEqual(yield* deliver(pool, to("a")), ["TempFailure data-end message later 4.4.2 uncertain"])
        assert.deepStrictEqual(yield* deliver(pool, to("b")), taken)
      })
    )
  )

  it.effect("whose message cannot be read is broken off, and the next one gets another", () =>
    against(
      [
        [...hello(), ...mail, ...rcpt("bob@example.org"), expect("DATA"), reply("354 Go"), expectBreakOff],
        [...hello(), ...one("b"), ...quit]
      ],
      Effect.gen(function* () {
        const pool = yield* make()
        const error = yield* Effect.flip(deliver(pool, streamed(pieces("a bare \n"))))
        assert.strictEqual(error.reason, "bare-line-end")
        assert.deepStrictEqual(yield* deliver(pool, to("b")), taken)
      })
    )
  )

  it.effect("tells in a failure what was said about this message, and nothing of another's", () =>
    against(
      [
        [
          ...hello(),
          ...one("a"),
          ...mail,
          ...rcpt("b@example.org", "550 5.1.1 No"),
          expect("RSET"),
          reply("250 Ok"),
          ...quit
        ]
      ],
      Effect.gen(function* () {
        const pool = yield* make()
        yield* deliver(pool, to("a"))
        const { transcript = "" } = failureOf(yield* pool.send(endpoint(), to("b")))
        assert.include(transcript, "EHLO client.example.com")
        assert.include(transcript, "C: RCPT TO:<b@example.org>\nS: 550 5.1.1 No")
        assert.include(transcript, "*: another message went before")
        assert.notInclude(transcript, "a@example.org")
      })
    )
  )
})

describe("a server whose TLS does not work (CLASS-24)", () => {
  const offered = hello("STARTTLS")
  const failing: Script.Script = [...offered, expect("STARTTLS"), reply("220 2.0.0 Go ahead"), close]
  const inClear = (name: string): Script.Script => [...offered, ...one(name), ...quit]
  const fresh = { maxMessages: 1 }

  it.effect("is spoken to in clear text for an hour, and then asked again", () =>
    against(
      [failing, inClear("a"), inClear("b"), failing, inClear("c")],
      Effect.gen(function* () {
        const pool = yield* make(fresh)
        const opportunistic = endpoint(TlsPolicy.opportunistic)
        const send = (name: string) => Effect.map(pool.send(opportunistic, to(name)), shown)
        assert.deepStrictEqual(yield* send("a"), taken)
        yield* TestClock.adjust("59 minutes")
        assert.deepStrictEqual(yield* send("b"), taken)
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(yield* send("c"), taken)
      })
    )
  )

  it.effect("is never spoken to in clear text where TLS is required, whatever is remembered", () =>
    against(
      [failing, inClear("a"), failing],
      Effect.gen(function* () {
        const pool = yield* make(fresh)
        assert.deepStrictEqual(yield* Effect.map(pool.send(endpoint(TlsPolicy.opportunistic), to("a")), shown), taken)
        const refused = yield* Effect.map(pool.send(endpoint(TlsPolicy.requiredUnverified), to("b")), shown)
        assert.deepStrictEqual(refused, ["Unreachable tls host host 4.7.5"])
      })
    )
  )
})

describe("an idle session that is dead (CLASS-55)", () => {
  const dies: Readonly<Record<string, Script.Script>> = {
    "was closed": [close],
    "said 421 and was closed": [reply("421 4.4.2 Idle for too long"), close],
    "says 421 to MAIL": [expect("MAIL FROM:<alice@example.com>"), reply("421 4.3.2 Going down"), ...quit],
    "is closed at MAIL": [expect("MAIL FROM:<alice@example.com>"), close],
    "was reset": [Script.reset],
    "spoke without being asked": [reply("250 Hello?"), expectEnd]
  }
  for (const [name, death] of Object.entries(dies)) {
    it.effect(`${name}: another one takes its place at once, and nothing is a failure`, () =>
      against(
        [
          [...hello(), ...one("a"), ...death],
          [...hello(), ...one("b"), ...quit]
        ],
        Effect.gen(function* () {
          const pool = yield* make()
          yield* deliver(pool, to("a"))
          yield* settled
          assert.deepStrictEqual(yield* deliver(pool, to("b")), taken)
        })
      )
    )
  }

  it.effect("was closed and is a new one: that is a failure (CLASS-35)", () =>
    against(
      [[...hello(), expect("MAIL FROM:<alice@example.com>"), reply("421 4.3.2 Going down"), ...quit]],
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* deliver(yield* make(), to("a")), ["TempFailure mail message host 421 4.3.2"])
      })
    )
  )

  it.effect("all of them: each is tried no more than once, and three deaths are a failure", () =>
    against(
      [
        ...["a", "b", "c", "d"].map((name) => [
          ...hello(),
          ...one(name),
          expect("MAIL FROM:<alice@example.com>"),
          reply("421 Bye"),
          ...quit
        ]),
        [...hello(), ...one("f"), ...quit]
      ],
      Effect.gen(function* () {
        const pool = yield* make()
        const four = yield* Effect.forEach(["a", "b", "c", "d"], (name) => deliver(pool, to(name)), { concurrency: 4 })
        assert.deepStrictEqual(four.flat(), [...taken, ...taken, ...taken, ...taken])
        assert.deepStrictEqual(yield* deliver(pool, to("e")), ["TempFailure mail message host 421"])
        assert.deepStrictEqual(yield* deliver(pool, to("f")), taken)
      })
    )
  )

  it.effect("is not trusted with a message before it has answered, when it was idle for a second", () => {
    const chunk = (name: string) => [
      expectBytes(
        `MAIL FROM:<alice@example.com>\r\nRCPT TO:<${name}@example.org>\r\nBDAT ${message.length} LAST\r\n${message}`
      ),
      say("250 Ok\r\n250 Ok\r\n250 Taken\r\n")
    ]
    const script = [...hello("PIPELINING", "CHUNKING"), ...chunk("a"), ...chunk("b")]
    const careful = [...opened("c"), expectBytes(`${stuffed}.\r\n`), reply("250 Taken")]
    return against(
      [[...script, ...careful, ...quit]],
      Effect.gen(function* () {
        const pool = yield* make()
        yield* deliver(pool, to("a"))
        yield* TestClock.adjust("999 millis")
        yield* deliver(pool, to("b"))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* deliver(pool, to("c")), taken)
      })
    )
  })
})

describe("who waits", () => {
  it.effect("for one of so many connections is served first come, first served", () =>
    Effect.gen(function* () {
      const mailbox = yield* Mailbox.Mailbox
      const network = yield* MemoryNetwork.MemoryNetwork
      const pool = yield* make({ maxConnections: 1 })
      const names = Array.from({ length: 30 }, (_, i) => `u${i}`)
      yield* Effect.forEach(names, (name) => deliver(pool, to(name)), { concurrency: "unbounded" })
      assert.deepStrictEqual(
        (yield* mailbox.all).flatMap(({ recipients }) => recipients),
        names.map((name) => `${name}@example.org`)
      )
      assert.lengthOf(yield* network.dialed, 1)
    }).pipe(Effect.scoped, Effect.provide(server({ chunking: false })))
  )

  it.effect("never shares a transaction: everybody's message goes to his own recipients (nodemailer #265)", () =>
    Effect.gen(function* () {
      const mailbox = yield* Mailbox.Mailbox
      const network = yield* MemoryNetwork.MemoryNetwork
      const pool = yield* make({ maxConnections: 3, maxMessages: 7 })
      const own = (i: number) => bytes(`Subject: ${i}\r\n\r\n${`line ${i}\r\n.${i}\r\n`.repeat(1 + (i % 9))}`)
      const parcels = Array.from({ length: 200 }, (_, i) =>
        streamed(Stream.succeed(own(i)), i % 5 === 0 ? {} : { bytes: own(i), size: own(i).length }, `u${i}@example.org`)
      )
      const sent = yield* Effect.forEach(parcels, (what) => deliver(pool, what), { concurrency: "unbounded" })
      assert.isTrue(sent.flat().every((outcome) => outcome === "delivered 250"))
      const all = yield* mailbox.all
      assert.lengthOf(all, 200)
      for (const { content, recipients } of all) {
        const [, i = ""] = /^u([0-9]+)@/.exec(recipients.join()) ?? []
        assert.deepStrictEqual(new TextDecoder().decode(content), new TextDecoder().decode(own(Number(i))))
      }
      assert.isAtLeast((yield* network.dialed).length, Math.ceil(200 / 7))
    }).pipe(Effect.scoped, Effect.provide(server({ chunking: false })))
  )

  it.effect("and gives up leaves no trace, and the others are served", () =>
    against(
      [[...hello(), ...one("a"), ...one("c"), ...quit]],
      Effect.gen(function* () {
        const pool = yield* make({ maxConnections: 1 })
        const [a, b, c] = [yield* begin(pool, to("a")), yield* begin(pool, to("b")), yield* begin(pool, to("c"))]
        yield* Effect.yieldNow
        yield* Fiber.interrupt(b)
        assert.deepStrictEqual([yield* Fiber.join(a), yield* Fiber.join(c)], [taken, taken])
        assert.strictEqual((yield* pool.stats).waiting, 0)
      })
    )
  )

  it.effect("is one of so many; the next one is refused, typed and counted", () =>
    against(
      [[...hello(), ...one("a"), ...one("b"), ...one("c"), ...quit]],
      Effect.gen(function* () {
        const pool = yield* make({ maxConnections: 1, maxWaiting: 2 })
        const all = yield* Effect.forEach(["a", "b", "c"], (name) => begin(pool, to(name)))
        yield* Effect.yieldNow
        assert.strictEqual((yield* pool.stats).waiting, 2)
        const failure = failureOf(yield* pool.send(endpoint(), to("d")))
        assert.deepInclude(failure, { _tag: "Unreachable", scope: "local", next: "later", enhanced: "4.3.2" })
        assert.include(failure.reason, "the pool is full")
        assert.strictEqual((yield* pool.stats).refused, 1)
        for (const fiber of all) assert.deepStrictEqual(yield* Fiber.join(fiber), taken)
      })
    )
  )

  it.effect("is not touched by somebody else's connection that could not be opened", () =>
    against(
      [
        [reply("554 5.3.2 Not today"), ...quit],
        [...hello(), ...one("b"), ...quit]
      ],
      Effect.gen(function* () {
        const pool = yield* make({ maxConnections: 1 })
        const [a, b] = [yield* begin(pool, to("a")), yield* begin(pool, to("b"))]
        assert.deepStrictEqual(yield* Fiber.join(a), ["TempFailure greeting host host 554 5.3.2"])
        assert.deepStrictEqual(yield* Fiber.join(b), taken)
      })
    )
  )

  it.effect("ten thousand of them, for a server that refuses every connection, all get an answer", () =>
    Effect.gen(function* () {
      const pool = yield* make()
      const names = Array.from({ length: 10_000 }, () => to("a"))
      const sent = yield* Effect.forEach(names, (what) => deliver(pool, what), { concurrency: "unbounded" })
      assert.deepStrictEqual([...new Set(sent.flat())], ["Unreachable connect host address 4.4.1"])
      assert.deepStrictEqual(yield* pool.stats, { endpoints: 0, connections: 0, idle: 0, waiting: 0, refused: 0 })
    }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer))
  )
})

const server = (options: MailServer.Options["server"]) =>
  MailServer.layerMemory(place, { server: options }).pipe(
    Layer.provideMerge(Layer.merge(MemoryNetwork.layer, Mailbox.layer))
  )

describe("who rides behind the message before (PIPE-006)", () => {
  const begun = [...hello("PIPELINING"), ...opened("a"), expectBytes(`${stuffed}.\r\n${opening("b")}`)]
  const finished = [expectBytes(`${stuffed}.\r\n`), reply("250 Taken"), ...quit]

  // Sends to a and b at once over one connection.
  const both = (scripts: ReadonlyArray<Script.Script>) =>
    against(
      scripts,
      Effect.gen(function* () {
        const pool = yield* make({ maxConnections: 1 })
        return yield* Effect.forEach(["a", "b"], (name) => deliver(pool, to(name)), { concurrency: "unbounded" })
      })
    )

  it.effect("gets his own verdict, after one write and one wait", () =>
    Effect.gen(function* () {
      const script = [...begun, say("250 Taken\r\n250 Ok\r\n250 Ok\r\n354 Go\r\n"), ...finished]
      assert.deepStrictEqual(yield* both([script]), [taken, taken])
    })
  )

  it.effect("is not what the verdict before is about", () =>
    Effect.gen(function* () {
      const script = [...begun, reply("550 5.7.1 Spam"), say("250 Ok\r\n250 Ok\r\n354 Go\r\n"), ...finished]
      assert.deepStrictEqual(yield* both([script]), [["PermFailure data-end message never 550 5.7.1"], taken])
    })
  )

  it.effect("can be refused on his own, and the session goes on", () =>
    Effect.gen(function* () {
      const script = [...begun, say("250 Taken\r\n250 Ok\r\n550 5.1.1 No\r\n554 Nobody\r\n")]
      const rest = [expect("RSET"), reply("250 Ok"), ...quit]
      assert.deepStrictEqual(yield* both([[...script, ...rest]]), [
        taken,
        ["PermFailure rcpt recipient never 550 5.1.1"]
      ])
    })
  )

  for (const [name, end, outcome] of [
    ["says 421 to the message before", [reply("421 Bye"), expectEnd], "TempFailure data-end message later 421"],
    ["is gone after the message before", [close], "TempFailure data-end message later 4.4.2 uncertain"],
    ["is gone after the verdict", [reply("250 Taken"), close], "delivered 250"],
    ["is gone in the middle of his envelope", [say("250 Taken\r\n250 O"), close], "delivered 250"],
    ["says 421 to him", [say("250 Taken\r\n421 Enough\r\n"), close], "delivered 250"]
  ] as const) {
    it.effect(`has lost nothing when the server ${name}: he is sent once, on another connection`, () =>
      Effect.gen(function* () {
        const again = [...hello("PIPELINING"), ...opened("b"), ...finished]
        assert.deepStrictEqual(yield* both([[...begun, ...end], again]), [[outcome], taken])
      })
    )
  }

  it.effect("is a failure of his own when the session ends later than that (CLASS-44, CLASS-48)", () =>
    Effect.gen(function* () {
      const script = [...begun, say("250 Taken\r\n250 Ok\r\n250 Ok\r\n"), close]
      assert.deepStrictEqual(yield* both([script]), [taken, ["TempFailure data message host 4.4.2"]])
    })
  )

  it.effect("nobody does behind a message that cannot be read to its end, or that is large", () =>
    against(
      [
        [...hello("PIPELINING"), ...opened("bob"), expectBreakOff],
        [
          ...hello("PIPELINING"),
          ...opened("b"),
          expectBytes(`${stuffed}.\r\n${opening("bob")}`),
          say("250 Taken\r\n250 Ok\r\n250 Ok\r\n354 Go\r\n"),
          expectBytes(`${large(70_000)}.\r\n`),
          reply("250 Taken"),
          ...opened("c"),
          ...finished
        ]
      ],
      Effect.gen(function* () {
        const pool = yield* make({ maxConnections: 1 })
        const lie = streamed(pieces("a bare \n"), { size: 8 })
        const bad = yield* Effect.forkChild(Effect.exit(deliver(pool, lie)))
        const big = streamed(pieces(), { bytes: bytes(large(70_000)), size: 70_000 })
        const rest = yield* Effect.forEach([to("b"), big, to("c")], (what) => begin(pool, what))
        assert.isTrue(Exit.isFailure(yield* Fiber.join(bad)))
        for (const fiber of rest) assert.deepStrictEqual(yield* Fiber.join(fiber), taken)
      })
    )
  )

  it.effect("and gives up does not hurt the message before, and the session is given up, too", () =>
    against(
      [
        [...begun, Script.pause("1 second"), say("250 Taken\r\n250 Ok\r\n250 Ok\r\n354 Go\r\n"), expectEnd],
        [...hello("PIPELINING"), ...opened("c"), ...finished]
      ],
      Effect.gen(function* () {
        const pool = yield* make({ maxConnections: 1 })
        const [a, b, c] = [yield* begin(pool, to("a")), yield* begin(pool, to("b")), yield* begin(pool, to("c"))]
        yield* settled
        yield* Fiber.interrupt(b)
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual([yield* Fiber.join(a), yield* Fiber.join(c)], [taken, taken])
      })
    )
  )

  it.effect("is sent on another connection when the one before him gives up", () =>
    against(
      [
        [...begun, expectEnd],
        [...hello("PIPELINING"), ...opened("b"), ...finished]
      ],
      Effect.gen(function* () {
        const pool = yield* make({ maxConnections: 1 })
        const [a, b] = [yield* begin(pool, to("a")), yield* begin(pool, to("b"))]
        yield* settled
        yield* Fiber.interrupt(a)
        assert.deepStrictEqual(yield* Fiber.join(b), taken)
      })
    )
  )

  it.effect("once was lost on the way: behind this server's messages nobody rides any more", () =>
    against(
      [
        [...begun, reply("250 Taken"), close],
        [
          ...hello("PIPELINING"),
          ...opened("b"),
          expectBytes(`${stuffed}.\r\n`),
          reply("250 Taken"),
          ...opened("c"),
          ...finished
        ]
      ],
      Effect.gen(function* () {
        const pool = yield* make({ maxConnections: 1 })
        const sent = yield* Effect.forEach(["a", "b", "c"], (name) => deliver(pool, to(name)), {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual(sent, [taken, taken, taken])
      })
    )
  )
})

describe("the server's LIMITS (RFC 9422)", () => {
  it.effect("MAILMAX: the connection is replaced, also in the middle of a message's recipients", () =>
    against(
      [
        [...hello("LIMITS MAILMAX=2"), ...one("a"), ...one("b"), ...quit],
        [...hello("LIMITS MAILMAX=2"), ...one("c"), ...one("d"), ...quit]
      ],
      Effect.gen(function* () {
        const pool = yield* make({}, { maxRecipients: 1 })
        assert.deepStrictEqual(yield* deliver(pool, to("a")), taken)
        const three = yield* pool.send(endpoint(), parcel("b@example.org", "c@example.org", "d@example.org"))
        assert.deepStrictEqual(shown(three), [...taken, ...taken, ...taken])
        assert.deepStrictEqual(
          three.map(({ recipient }) => recipient),
          ["b@example.org", "c@example.org", "d@example.org"]
        )
      })
    )
  )

  it.effect("MAILMAX: who would be one too many does not ride", () =>
    against(
      [
        [
          ...hello("PIPELINING", "LIMITS MAILMAX=2"),
          ...opened("a"),
          expectBytes(`${stuffed}.\r\n${opening("b")}`),
          say("250 Taken\r\n250 Ok\r\n250 Ok\r\n354 Go\r\n"),
          expectBytes(`${stuffed}.\r\n`),
          reply("250 Taken"),
          ...quit
        ],
        [...hello("PIPELINING"), ...opened("c"), expectBytes(`${stuffed}.\r\n`), reply("250 Taken"), ...quit]
      ],
      Effect.gen(function* () {
        const pool = yield* make({ maxConnections: 1 })
        const sent = yield* Effect.forEach(["a", "b", "c"], (name) => deliver(pool, to(name)), {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual(sent, [taken, taken, taken])
      })
    )
  )

  it.effect("RCPTDOMAINMAX: other domains go over another connection", () => {
    const session = (...domains: ReadonlyArray<string>) => [
      ...hello("LIMITS RCPTDOMAINMAX=1"),
      ...domains.flatMap((domain) => [...mail, ...rcpt(`bob@${domain}`), ...data()]),
      ...quit
    ]
    return against(
      [session("one.example"), session("two.example", "two.example")],
      Effect.gen(function* () {
        const pool = yield* make({ maxConnections: 1 })
        const both = yield* pool.send(endpoint(), parcel("bob@one.example", "bob@two.example"))
        assert.deepStrictEqual(shown(both), [...taken, ...taken])
        assert.deepStrictEqual(yield* deliver(pool, parcel("bob@two.example")), taken)
      })
    )
  })
})

describe("the end of the pool", () => {
  it.effect("waits for the messages on their way and those that wait, and refuses new ones", () =>
    against(
      [
        [...hello(), ...mail, ...rcpt("a@example.org"), expect("DATA"), reply("354 Go"), expectContent(message)].concat(
          [Script.pause("5 seconds"), reply("250 Taken"), ...one("b"), ...quit]
        )
      ],
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const pool = yield* Scope.provide(make({ maxConnections: 1 }), scope)
        const [a, b] = [yield* begin(pool, to("a")), yield* begin(pool, to("b"))]
        yield* settled
        const ending = yield* Effect.forkChild(Scope.close(scope, Exit.void))
        yield* settled
        const late = failureOf(yield* pool.send(endpoint(), to("c")))
        assert.deepStrictEqual([late._tag, late.scope, late.reason], ["Unreachable", "local", "the pool has ended"])
        assert.isUndefined(ending.pollUnsafe())
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual([yield* Fiber.join(a), yield* Fiber.join(b)], [taken, taken])
        yield* Fiber.join(ending)
      })
    )
  )

  it.effect("waits so long and no longer: what is on its way then is uncertain, what waits is refused", () =>
    against(
      [[...hello(), ...mail, ...rcpt("a@example.org"), expect("DATA"), reply("354 Go"), expectContent(message), stall]],
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const pool = yield* Scope.provide(make({ maxConnections: 1, drain: Duration.seconds(3) }), scope)
        const [a, b] = [yield* begin(pool, to("a")), yield* begin(pool, to("b"))]
        yield* settled
        const ending = yield* Effect.forkChild(Scope.close(scope, Exit.void))
        yield* TestClock.adjust("3 seconds")
        yield* Fiber.join(ending)
        assert.deepStrictEqual(yield* Fiber.join(a), ["TempFailure data-end message later 4.4.2 uncertain"])
        assert.deepStrictEqual(yield* Fiber.join(b), ["Unreachable connect local later 4.3.2"])
      })
    )
  )
})

describe("the deadline", () => {
  const send = Effect.fnUntraced(function* (pool: SmtpPool.SmtpPool, name: string) {
    const now = Watchdog.monotonicMillis(yield* Clock.Clock)
    return yield* pool.send(endpoint(), to(name), now + 5000)
  })

  it.effect("ends the wait for a connection", () =>
    against(
      [[...hello(), ...mail, ...rcpt("a@example.org"), expect("DATA"), reply("354 Go"), expectContent(message), stall]],
      Effect.gen(function* () {
        const pool = yield* make({ maxConnections: 1, drain: Duration.zero })
        yield* begin(pool, to("a"))
        const b = yield* Effect.forkChild(send(pool, "b"))
        yield* TestClock.adjust("5 seconds")
        const failure = failureOf(yield* Fiber.join(b))
        assert.deepInclude(failure, { _tag: "Unreachable", scope: "local", next: "later" })
        assert.strictEqual((yield* pool.stats).waiting, 0)
      })
    )
  )

  it.effect("ends the opening, and every stage before the message is whole, without a word against the server", () =>
    Effect.gen(function* () {
      for (const script of [
        [stall],
        [...hello(), expect("MAIL FROM:<alice@example.com>"), stall],
        [...hello(), ...mail, ...rcpt("a@example.org"), expect("DATA"), stall]
      ]) {
        const sent = yield* against(
          [script],
          Effect.gen(function* () {
            const pool = yield* make()
            const fiber = yield* Effect.forkChild(send(pool, "a"))
            yield* settled
            yield* TestClock.adjust("4999 millis")
            assert.isUndefined(fiber.pollUnsafe())
            yield* TestClock.adjust("1 millis")
            return yield* Fiber.join(fiber)
          })
        )
        const failure = failureOf(sent)
        assert.deepInclude(failure, { _tag: "Unreachable", scope: "local", next: "later", enhanced: "4.3.0" })
        assert.include(failure.reason, "the time for this message is over")
      }
    })
  )

  it.effect("leaves the verdict a minute, and then the outcome is uncertain (RFC 1047)", () =>
    against(
      [[...hello(), ...mail, ...rcpt("a@example.org"), expect("DATA"), reply("354 Go"), expectContent(message), stall]],
      Effect.gen(function* () {
        const pool = yield* make()
        const fiber = yield* Effect.forkChild(send(pool, "a"))
        yield* settled
        yield* TestClock.adjust("59 seconds")
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(shown(yield* Fiber.join(fiber)), ["TempFailure data-end message later 4.4.2 uncertain"])
      })
    )
  )
})

describe("interruption", () => {
  for (const options of [{ chunking: false }, { chunking: false, pipelining: false }, {}]) {
    it.effect(`at any step loses nothing, doubles nothing and leaves nothing open: ${JSON.stringify(options)}`, () =>
      Effect.gen(function* () {
        for (let step = 0; step < 60; step++) {
          const [mailbox, open] = yield* Effect.gen(function* () {
            const mailbox = yield* Mailbox.Mailbox
            const network = yield* MemoryNetwork.MemoryNetwork
            yield* Effect.scoped(
              Effect.gen(function* () {
                const pool = yield* make({ maxConnections: 1 })
                const fibers = yield* Effect.forEach(["a", "b", "c", "d"], (name) => begin(pool, to(name)))
                const victim = fibers[step % 3] ?? assert.fail()
                for (let i = 0; i < step; i++) yield* Effect.yieldNow
                yield* Fiber.interrupt(victim)
                for (const fiber of fibers) {
                  const exit = yield* Fiber.await(fiber)
                  if (fiber !== victim) assert.deepStrictEqual(exit, Exit.succeed(taken))
                }
                const { connections, waiting } = yield* pool.stats
                assert.isAtMost(connections, 1)
                assert.strictEqual(waiting, 0)
              })
            )
            return [yield* mailbox.all, yield* network.open] as const
          }).pipe(Effect.provide(server(options)))
          assert.strictEqual(open, 0)
          const got = mailbox.flatMap(({ recipients }) => recipients)
          assert.strictEqual(new Set(got).size, got.length, `nobody gets it twice (${step})`)
          const victim = `${["a", "b", "c"][step % 3] ?? ""}@example.org`
          const rest = ["a", "b", "c", "d"].map((name) => `${name}@example.org`).filter((name) => name !== victim)
          assert.includeMembers(got, rest)
          for (const { content } of mailbox) assert.strictEqual(new TextDecoder().decode(content), message)
        }
      })
    )
  }
})

describe("idle connections of many endpoints", () => {
  it.effect("are bounded: the one unused for longest ends first", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.MemoryNetwork
      const pool = yield* make({ maxIdle: 3 })
      for (let i = 0; i < 10; i++) {
        const sent: ReadonlyArray<Receipt.Outcome> = yield* pool.send(
          { ...endpoint(), host: `mx${i}.example.com` },
          to("a")
        )
        assert.deepStrictEqual(shown(sent), taken)
        yield* settled
        assert.isAtMost(yield* network.open, 3)
      }
      assert.deepStrictEqual(yield* pool.stats, { endpoints: 3, connections: 3, idle: 3, waiting: 0, refused: 0 })
    }).pipe(Effect.scoped, Effect.provide(server({})))
  )
})
