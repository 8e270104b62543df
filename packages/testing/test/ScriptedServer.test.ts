import { MemoryNetwork, Script, ScriptedServer } from "@effect-mail/testing"
import { NodeDialer } from "@effect-mail/node"
import { Dialer, type Wire } from "@effect-mail/transport"
import { NodeSocketServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Exit, Fiber, Layer, type Scope } from "effect"
import { SocketServer } from "effect/socket"
import { TestClock } from "effect/testing"

const { expect, expectPrefix, reply } = Script
const place = { host: "mx.example.com", address: "192.0.2.25", port: 25 }

const dial = Effect.flatMap(Dialer.Dialer, ({ open }) => open({ ...place, timeout: Duration.minutes(1) }))

const say = (wire: Wire.Wire, text: string) => wire.write([new TextEncoder().encode(text)])
const hear = (wire: Wire.Wire) => Effect.map(wire.read, (chunk) => new TextDecoder().decode(chunk))

// What a script makes of a client: undefined when it is content, else what it reports.
const report = <E>(
  scripts: ReadonlyArray<Script.Script>,
  client: Effect.Effect<unknown, E, Dialer.Dialer | Scope.Scope>,
  options: Partial<MemoryNetwork.ListenOptions> = {}
) =>
  Effect.gen(function* () {
    yield* ScriptedServer.listen({ ...place, ...options }, ...scripts)
    yield* Effect.ignore(Effect.scoped(client))
  }).pipe(
    Effect.scoped,
    Effect.provide(MemoryNetwork.layer),
    Effect.exit,
    Effect.map((exit) => {
      if (Exit.isSuccess(exit)) return undefined
      const error = Cause.squash(exit.cause)
      return error instanceof ScriptedServer.ScriptError ? error.message : assert.fail(String(error))
    })
  )

// Hears the greeting, then says lines one by one and hears an answer to each.
const talk = (...lines: ReadonlyArray<string>) => Effect.flatMap(shout(...lines), hear)

// The same, but is gone without the last answer.
const shout = Effect.fnUntraced(function* (...lines: ReadonlyArray<string>) {
  const wire = yield* dial
  for (const line of lines) {
    yield* hear(wire)
    yield* say(wire, `${line}\r\n`)
  }
  return wire
})

const greeting = reply("220 mx.example.com")
const script = [
  greeting,
  expectPrefix("EHLO "),
  reply("250-mx.example.com", "250 SIZE 10"),
  expect("NOOP"),
  reply("250 Ok")
]

describe("a script that is played to its end", () => {
  it.effect("is content", () =>
    Effect.gen(function* () {
      assert.isUndefined(yield* report([script], talk("EHLO client.example.com", "NOOP")))
      assert.isUndefined(yield* report([script, [greeting]], Effect.andThen(talk("EHLO x", "NOOP"), talk())))
    })
  )

  const ends = {
    close: Script.close,
    reset: Script.reset,
    stall: Script.stall,
    expectEnd: Script.expectEnd,
    expectBreakOff: Script.expectBreakOff
  }
  for (const [name, end] of Object.entries(ends)) {
    it.effect(`may end with ${name}`, () =>
      Effect.map(report([[greeting, end]], talk()), (said) => assert.isUndefined(said))
    )
  }

  it.effect("reads messages and octets, and what comes behind them", () =>
    Effect.gen(function* () {
      const reads = [
        Script.expectBytes("a\r\nb"),
        Script.expectContent(".\r\nend\r\n"),
        expect("NOOP"),
        reply("250 Ok")
      ]
      const client = Effect.gen(function* () {
        const wire = yield* dial
        for (const octet of "a\r\nb..\r\nend\r\n.\r\nNOOP\r\n".split("")) yield* say(wire, octet)
        yield* hear(wire)
      })
      assert.isUndefined(yield* report([reads], client))
    })
  )

  it.effect("sends pieces one by one, after pauses", () =>
    Effect.gen(function* () {
      const client = Effect.gen(function* () {
        const wire = yield* dial
        const first = yield* hear(wire)
        assert.strictEqual(first, "22")
        assert.strictEqual(yield* hear(wire), "0 mx\r\n")
        const fiber = yield* Effect.forkChild(hear(wire))
        yield* TestClock.adjust("59 seconds")
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* Fiber.join(fiber), "late\r\n")
      })
      yield* Effect.gen(function* () {
        yield* ScriptedServer.listen(place, [
          Script.send("22", new TextEncoder().encode("0 mx\r\n")),
          Script.pause("1 minute"),
          Script.send("late\r\n")
        ])
        yield* Effect.scoped(client)
      }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer))
    })
  )
})

describe("a script that is not", () => {
  const failures: ReadonlyArray<readonly [string, Script.Script, ReadonlyArray<string>, string]> = [
    [
      "is told another line",
      script,
      ["EHLO client.example.com", "MAIL FROM:<>"],
      'expected the line "NOOP"\n  S: 220 mx.example.com\n  C: EHLO client.example.com\n  S: 250-mx.example.com\n  S: 250 SIZE 10\n  C: MAIL FROM:<>'
    ],
    ["is told a line with another beginning", script, ["HELO x"], 'expected a line that begins with "EHLO "'],
    ["is left too early", script, ["EHLO x"], 'the connection ended (closed), expected to answer "250 SIZE 10"'],
    ["is told more", [greeting], ["QUIT"], "expected the end of the connection\n  S: 220 mx.example.com\n  C: QUIT"],
    ["is told half a line more", [greeting], ["NO\r"], "expected the end of the connection"],
    [
      "gets other octets",
      [greeting, Script.expectBytes("ab\r\n")],
      ["ax"],
      'expected other octets from 1 on: "b\\r\\n", but got "x\\r\\n"'
    ],
    [
      "gets another message",
      [greeting, Script.expectContent("ab\r\n")],
      ["ax\r\n."],
      "expected other octets from 1 on"
    ],
    ["gets a message with a bare line end", [greeting, Script.expectContent("ab\r\n")], ["a\nb\r\n."], "bare LF"],
    [
      "gets a message that is longer",
      [greeting, Script.expectContent("a\r\n")],
      ["a\r\nb\r\n."],
      "expected other octets from 3 on"
    ],
    ["gets a message to its end", [greeting, Script.expectBreakOff], ["a\r\n."], "expected a message without its end"],
    ["gets a bare line feed", [greeting, expect("a")], ["a\nb"], "bare LF"],
    [
      "hears something before the handshake",
      [greeting, expect("STARTTLS"), Script.startTls],
      ["STARTTLS\r\nEHLO x"],
      "expected nothing before the handshake"
    ],
    [
      "shakes no hands",
      [greeting, expect("STARTTLS"), Script.startTls],
      ["STARTTLS"],
      "the connection ended (tls), expected to shake hands"
    ]
  ]
  for (const [name, script, lines, expected] of failures) {
    it.effect(`${name}: fails the test with the dialogue`, () =>
      Effect.gen(function* () {
        const said = yield* report([script], shout(...lines))
        assert.include(said, expected)
      })
    )
  }

  it.effect("is never begun: fails the test", () =>
    Effect.gen(function* () {
      assert.include(yield* report([script, script], talk("EHLO x", "NOOP")), "still waiting, expected a connection")
    })
  )

  it.effect("is one too few: fails the test", () =>
    Effect.gen(function* () {
      const both = Effect.andThen(talk("EHLO x", "NOOP"), talk())
      assert.include(yield* report([script], both), "1 connections without a script")
    })
  )

  it.effect("waits for a client that does not go: fails the test", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.gen(function* () {
        yield* ScriptedServer.listen(place, [greeting, expect("NOOP")])
        yield* Effect.forkDetach(Effect.scoped(Effect.andThen(talk(), Effect.never)), { startImmediately: true })
        yield* Effect.yieldNow
      }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer), Effect.exit)
      if (Exit.isSuccess(exit)) return assert.fail("expected a failure")
      assert.include(String(Cause.squash(exit.cause)), 'still waiting, expected the line "NOOP"')
    })
  )

  it.effect("accepts a certificate that should be refused: fails the test", () =>
    Effect.gen(function* () {
      const client = Effect.gen(function* () {
        const wire = yield* dial
        yield* wire.secure({ host: "mx.example.com", verify: false })
        yield* say(wire, "EHLO x\r\n")
        yield* Effect.ignore(hear(wire))
      })
      assert.include(yield* report([[Script.expectTlsFailure]], client), "expected the client to refuse the handshake")
    })
  )
})

const contradictions: ReadonlyArray<readonly [what: string, script: Script.Script, says: RegExp]> = [
  [
    "goes on behind its end",
    [greeting, Script.close, expect("QUIT")],
    /step 3 of 3 .*"to close the connection", which ends/
  ],
  ["ends twice", [greeting, Script.stall, Script.expectEnd], /step 3 of 3/],
  ["expects two lines in one", [greeting, expect("RSET\r\nQUIT")], /step 2 of 2 .*a step of its own/],
  ["expects a line to begin with a line end", [greeting, expectPrefix("\n")], /step 2 of 2/],
  ["answers nothing", [reply()], /step 1 of 1 .*a reply has at least one line/],
  ["answers without a code", [reply("hello")], /"hello" is no line of such a reply.*use send/],
  ["changes the code within a reply", [reply("250-a", "251 b")], /"251 b" is no line/],
  ["ends a reply too early", [reply("250 a", "250 b")], /"250 a" is no line/],
  ["does not end a reply", [reply("250-a", "250-b")], /"250-b" is no line/],
  ["answers two lines in one", [reply("250 a\r\n250 b")], /is no line/],
  ["shakes hands twice", [Script.startTls, greeting, Script.startTls], /step 3 of 3 .*under TLS already/]
]

describe("a script that contradicts itself", () => {
  for (const [what, script, says] of contradictions) {
    it.effect(`${what}: is refused before anybody connects`, () =>
      Effect.gen(function* () {
        const client = Effect.die("nobody should connect")
        assert.match((yield* report([[greeting], script], client)) ?? "", /^this script can never be played: step/)
        assert.match((yield* report([script], client)) ?? "", says)
        assert.throws(() => ScriptedServer.make(script), says)
      })
    )
  }
})

describe("over real TCP", () => {
  it.live("a script is the same", () => {
    const server = Layer.provideMerge(
      ScriptedServer.layer(undefined, script, [greeting, expect("NOOP"), Script.reset]),
      Layer.orDie(NodeSocketServer.layer({ host: "127.0.0.1", port: 0 }))
    )
    return Effect.gen(function* () {
      const { address } = yield* SocketServer.SocketServer
      const port = address._tag === "UnixPathAddress" ? 0 : address.port
      const real = NodeDialer.make()
      const dialer = {
        open: (target: Parameters<typeof real.open>[0]) => real.open({ ...target, address: "127.0.0.1", port })
      }
      const client = <A, E>(effect: Effect.Effect<A, E, Dialer.Dialer | Scope.Scope>) =>
        Effect.provideService(Effect.scoped(effect), Dialer.Dialer, dialer)
      yield* client(talk("EHLO client.example.com", "NOOP"))
      const error = yield* client(
        Effect.gen(function* () {
          const wire = yield* dial
          yield* hear(wire)
          yield* say(wire, "NOOP\r\n")
          return yield* Effect.flip(wire.read)
        })
      )
      assert.strictEqual(error.reason, "reset")
    }).pipe(Effect.provide(server))
  })
})
