import { Parcel } from "@effect-mail/message"
import { Endpoint, Envelope, Failure, Sasl, TlsPolicy } from "@effect-mail/protocol"
import { MemoryNetwork, Replay, type Script, ScriptedServer } from "@effect-mail/testing"
import { SmtpSession, SmtpSettings } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Effect, Exit, Fiber, Redacted, Result } from "effect"
import { TestClock } from "effect/testing"

const place = { address: "192.0.2.25", port: 25, names: ["mx.example.com"] }

const parcel = (size = 10) =>
  Result.getOrThrow(
    Parcel.fromBytes(
      new TextEncoder().encode(`Subject: Hello\r\n\r\n${"x".repeat(size)}\r\n`),
      Result.getOrThrow(Envelope.make({ from: "alice@example.com", to: ["bob@example.org", "carol@example.org"] }))
    )
  )

interface Client {
  readonly tls?: TlsPolicy.TlsPolicy
  readonly settings?: Partial<SmtpSettings.SmtpSettings>
  readonly size?: number
}

/** What a client ends with, and its transcript. */
const sending = Effect.fnUntraced(function* ({ settings, size, tls = TlsPolicy.none }: Client) {
  const endpoint = Endpoint.make({ host: "mx.example.com", address: place.address, port: place.port, tls })
  const session = yield* Effect.result(
    SmtpSession.open(endpoint, { ...SmtpSettings.standard, name: "client.example.com", ...settings })
  )
  if (Result.isFailure(session))
    return { words: [words(session.failure)], transcript: session.failure.transcript ?? "" }
  const outcomes = yield* session.success.submit(parcel(size))
  return {
    words: outcomes.map((outcome) => (outcome._tag === "Delivered" ? "Delivered" : words(outcome.failure))),
    transcript: session.success.transcript({ timings: true })
  }
})

const send = (client: Client = {}) => Effect.scoped(sending(client))

const words = ({ _tag, code, stage }: Failure.Failure) =>
  [_tag, stage, code].filter((word) => word !== undefined).join(" ")

const against = <A, E, R>(script: Script.Script, client: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    yield* ScriptedServer.listen(place, script)
    const fiber = yield* Effect.forkChild(client)
    yield* Effect.forEach(Array.from({ length: 50 }), () => Effect.yieldNow, { discard: true })
    yield* TestClock.adjust("1 hour")
    return yield* Fiber.join(fiber)
  }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer))

const replayed = (transcript: string, client?: Client, options?: Replay.Options) =>
  against(Result.getOrThrow(Replay.script(transcript, options)), send(client))

const greeting = "S: 220 mx.example.com ESMTP\nC: EHLO app.example.com\nS: 250-mx.example.com\n"

const transcripts: Readonly<
  Record<string, readonly [transcript: string, words: ReadonlyArray<string>, client?: Client]>
> = {
  "in lock-step, with a refusal": [
    `${greeting}S: 250 8BITMIME
C: MAIL FROM:<app@example.com>
S: 250 2.1.0 Ok
C: RCPT TO:<one@example.net>
S: 250 2.1.5 Ok
C: RCPT TO:<two@example.net>
S: 550 5.1.1 No such mailbox
C: DATA
S: 354 Go ahead
*: a message of 4711 octets
S: 250 2.0.0 Taken
C: QUIT`,
    ["Delivered", "PermFailure rcpt 550"]
  ],
  "in groups": [
    `${greeting}S: 250 PIPELINING
C: MAIL FROM:<app@example.com>
C: RCPT TO:<one@example.net>
C: RCPT TO:<two@example.net>
C: DATA
S: 250 2.1.0 Ok
S: 451 4.7.1 Greylisted
S: 451 4.7.1 Greylisted
S: 354 Go ahead
*: no message
S: 554 5.5.1 No valid recipients
C: RSET
S: 250 2.0.0 Ok
C: QUIT`,
    ["TempFailure rcpt 451", "TempFailure rcpt 451"]
  ],
  "with chunks, lost behind the last one": [
    `${greeting}S: 250-PIPELINING
S: 250 CHUNKING
C: MAIL FROM:<app@example.com>
C: RCPT TO:<one@example.net>
C: RCPT TO:<two@example.net>
C: BDAT 86 LAST
*: a message of 86 octets
S: 250 2.1.0 Ok
S: 250 2.1.5 Ok
S: 250 2.1.5 Ok
*: the server closed the connection`,
    ["TempFailure data-end", "TempFailure data-end"]
  ],
  "under TLS, with a password": [
    `${greeting}S: 250 STARTTLS
C: STARTTLS
S: 220 2.0.0 Go ahead
*: TLSv1.3 TLS_AES_256_GCM_SHA384
C: EHLO app.example.com
S: 250-mx.example.com
S: 250 AUTH LOGIN
C: AUTH LOGIN ***
S: 334 UGFzc3dvcmQ6
C: ***
S: 535 5.7.8 Wrong
*: the connection was broken off`,
    ["Unreachable auth 535"],
    {
      tls: TlsPolicy.required,
      settings: { credentials: new Sasl.Password({ username: "alice", password: Redacted.make("secret") }) }
    }
  ],
  "with a reset": [
    `${greeting}S: 250 8BITMIME\nC: MAIL FROM:<>\n*: the server reset the connection\n`,
    ["TempFailure mail", "TempFailure mail"]
  ],
  "with silence": ["S: 220 mx.example.com\r\nC: EHLO x\r\n*: no answer within 5m (ehlo)\r\n", ["TempFailure ehlo"]]
}

describe("a transcript is replayed", () => {
  for (const [name, [transcript, expected, client]] of Object.entries(transcripts)) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const first = yield* replayed(transcript, client)
        assert.deepStrictEqual(first.words, expected)
        // What came of it can be replayed once more, line by line.
        const second = yield* replayed(first.transcript, client, { match: "lines", timings: false })
        assert.deepStrictEqual(second.words, expected)
      })
    )
  }

  it.effect("at its own pace, when it has timings", () =>
    Effect.gen(function* () {
      const transcript = "+0.000s S: 220 mx.example.com\n+1.000s C: EHLO x\n+61.500s S: 421 4.3.2 Closing"
      const timed = (options?: Replay.Options) =>
        Effect.gen(function* () {
          const started = yield* Clock.currentTimeMillis
          yield* send()
          return (yield* Clock.currentTimeMillis) - started
        }).pipe((client) => against(Result.getOrThrow(Replay.script(transcript, options)), client))
      assert.strictEqual(yield* timed(), 60_500)
      assert.strictEqual(yield* timed({ timings: false }), 0)
    })
  )

  it.effect("and fails the test when the client says something else", () =>
    Effect.gen(function* () {
      const transcript = `${greeting}S: 250 8BITMIME\nC: MAIL FROM:<app@example.com>\nS: 250 Ok\nC: NOOP\nS: 250 Ok`
      const exit = yield* Effect.exit(replayed(transcript, {}, { match: "verbs" }))
      const cause = Exit.isFailure(exit) ? Cause.pretty(exit.cause) : ""
      assert.include(cause, 'expected a line that begins with "NOOP"')
    })
  )
})

const mistakes: ReadonlyArray<readonly [what: string, transcript: string, says: RegExp]> = [
  ["nothing at all", " \n\n", /^line 1: there is nothing/],
  ["no transcript", "S: 220 mx\nhello\n", /^line 2: this is no line of a transcript: "hello"\. Begin each line/],
  ["a transcript without its beginning", "\nC: EHLO x\nS: 250 mx", /^line 2: the beginning is missing: "EHLO x"/],
  ["a reply without a code", "S: 220 mx\nC: EHLO x\nS: 25 mx", /^line 3: this is no reply: "25 mx"/],
  ["a code that no reply has", "S: 720 mx", /^line 1: this is no reply/],
  [
    "a reply without an end",
    "S: 220 mx\nC: EHLO x\nS: 250-mx\nC: QUIT",
    /^line 3: the reply has no last line: "250-mx"/
  ],
  ["a reply that changes its code", "S: 220-mx\nS: 250 mx", /^line 2: the code changes within the reply/],
  ["two connections", "S: 220 mx\n*: the server closed the connection\nS: 220 mx", /^line 3: the connection has ended/]
]

describe("a transcript that is not well-formed is an error that names the line", () => {
  for (const [what, transcript, says] of mistakes) {
    it(`${what}: is refused`, () => {
      const result = Replay.script(transcript)
      assert.isTrue(Result.isFailure(result))
      if (Result.isFailure(result)) assert.match(result.failure.message, says)
    })
  }

  it("and a very long line is not repeated in it", () => {
    const result = Replay.script(`S: 220 ok\n${"x".repeat(100_000)}`)
    if (Result.isFailure(result)) assert.isBelow(result.failure.message.length, 400)
    else assert.fail("expected a failure")
  })
})
