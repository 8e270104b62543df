/** One server in memory, and what a client does with it. */
import { Parcel } from "@effect-mail/message"
import { Endpoint, Envelope, type Receipt, TlsPolicy } from "@effect-mail/protocol"
import { MemoryNetwork, Script, ScriptedServer } from "@effect-mail/testing"
import { type Dialer, SmtpSession, SmtpSettings, SmtpTransport } from "@effect-mail/transport"
import { assert } from "@effect/vitest"
import { type Clock, Duration, Effect, Fiber, Result, type Scope, Stream } from "effect"
import { TestClock } from "effect/testing"

const { expect, expectContent, reply } = Script

export const host = "mx.example.com"
export const place = { address: "192.0.2.25", port: 25, names: [host] }

/** The endpoint of the server, in clear text unless a policy says otherwise. */
export const endpoint = (tls: TlsPolicy.TlsPolicy = TlsPolicy.none, implicitTls = false): Endpoint.Endpoint =>
  Endpoint.make({ host, address: place.address, port: place.port, tls, implicitTls })

export const settings: SmtpSettings.SmtpSettings = { ...SmtpSettings.standard, name: "client.example.com" }

export const message = "Subject: Hello\r\n\r\nGood morning\r\n.\r\n..and good night\r\n"

const envelope = (to: ReadonlyArray<string>): Envelope.Envelope =>
  Result.getOrThrow(Envelope.make({ from: "alice@example.com", to }))

/** A parcel of a small message. */
export const parcel = (...to: ReadonlyArray<string>): Parcel.Parcel =>
  Result.getOrThrow(
    Parcel.fromBytes(new TextEncoder().encode(message), envelope(to.length === 0 ? ["bob@example.org"] : to))
  )

/** A parcel whose body is a stream with these facts, which it need not keep. */
export const streamed = (
  stream: Parcel.Body["stream"],
  facts: Partial<Parcel.Body> = {},
  ...to: ReadonlyArray<string>
): Parcel.Parcel => ({
  ...parcel(...to),
  body: {
    size: undefined,
    encoding: "7bit",
    utf8Headers: false,
    longestLine: undefined,
    dotFree: false,
    bytes: undefined,
    stream,
    ...facts
  }
})

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** A stream of these pieces, each pulled on its own. */
export const pieces = (...texts: ReadonlyArray<string>): Parcel.Body["stream"] =>
  Stream.fromIterable(texts.map(bytes), { chunkSize: 1 })

/** A message of this size, without a line that begins with a dot. */
export const large = (octets: number): string =>
  `Subject: Large\r\n\r\n${`${"x".repeat(70)}\r\n`.repeat(octets / 72)}`.slice(0, octets - 2).padEnd(octets, "\r\n")

export const ehlo = (...keywords: ReadonlyArray<string>): Script.Script => [
  expect("EHLO client.example.com"),
  reply(...[host, ...keywords].map((line, i, all) => `250${i === all.length - 1 ? " " : "-"}${line}`))
]

/** The greeting and EHLO, with these keywords offered. */
export const hello = (...keywords: ReadonlyArray<string>): Script.Script => [
  reply(`220 ${host} ESMTP`),
  ...ehlo(...keywords)
]

export const startTls: Script.Script = [expect("STARTTLS"), reply("220 2.0.0 Go ahead"), Script.startTls]

export const mail: Script.Script = [expect("MAIL FROM:<alice@example.com>"), reply("250 2.1.0 Ok")]

export const rcpt = (to = "bob@example.org", answer = "250 2.1.5 Ok"): Script.Script => [
  expect(`RCPT TO:<${to}>`),
  reply(answer)
]

export const data = (content = message, answer = "250 2.0.0 Taken"): Script.Script => [
  expect("DATA"),
  reply("354 Go ahead"),
  expectContent(content),
  reply(answer)
]

// The client does not wait for the answer.
export const quit: Script.Script = [expect("QUIT")]

/** A whole session for one recipient. */
export const taken: Script.Script = [...hello(), ...mail, ...rcpt(), ...data(), ...quit]

/**
 * Plays scripts against a client, and sees to it that no connection is left and that the scripts are played to their ends.
 */
export const against = <A, E>(
  scripts: ReadonlyArray<Script.Script>,
  client: Effect.Effect<A, E, Dialer.Dialer | MemoryNetwork.MemoryNetwork | Scope.Scope>,
  options: Partial<MemoryNetwork.ListenOptions> = {}
): Effect.Effect<A, E> =>
  Effect.gen(function* () {
    const network = yield* MemoryNetwork.MemoryNetwork
    yield* ScriptedServer.listen({ ...place, ...options }, ...scripts)
    const result = yield* Effect.scoped(client)
    assert.strictEqual(yield* network.open, 0, "connections that are left open")
    return result
  }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer))

/** Opens a session as the settings say. */
export const open = (tls?: TlsPolicy.TlsPolicy, more: Partial<SmtpSettings.SmtpSettings> = {}) =>
  SmtpSession.open(endpoint(tls), { ...settings, ...more })

/** Sends a parcel through one session to the server. */
export const send = (
  what: Parcel.Parcel = parcel(),
  tls?: TlsPolicy.TlsPolicy,
  more: Partial<SmtpSettings.SmtpSettings> = {}
) => SmtpTransport.sendVia([endpoint(tls)], what, { ...settings, ...more })

/** The outcomes as short lines: "delivered 250 2.0.0", "TempFailure mail host 421". */
export const shown = (outcomes: ReadonlyArray<Receipt.Outcome>): ReadonlyArray<string> =>
  outcomes.map((outcome) => {
    if (outcome._tag === "Delivered") return `delivered ${outcome.code}`
    const { _tag, code, enhanced, next, scope, stage } = outcome.failure
    const uncertain = _tag === "TempFailure" && outcome.failure.uncertain ? "uncertain" : undefined
    return [_tag, stage, scope, next, code, enhanced, uncertain].filter((word) => word !== undefined).join(" ")
  })

/** The failure of the only recipient. */
export const failureOf = (outcomes: ReadonlyArray<Receipt.Outcome>) => {
  const [outcome] = outcomes
  if (outcome?._tag !== "Failed") return assert.fail("expected a failure")
  return outcome.failure
}

/** Lets everything run that does not wait for the clock. */
export const settled = Effect.forEach(Array.from({ length: 50 }), () => Effect.yieldNow, { discard: true })

/** What an effect gives when it ends at this very moment of the test's clock, not a millisecond before. */
export const endsAfter = <A, E, R>(duration: Duration.Duration, effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect)
    yield* settled
    yield* TestClock.adjust(Duration.toMillis(duration) - 1)
    assert.isUndefined(fiber.pollUnsafe(), "ended before its time")
    yield* TestClock.adjust(1)
    assert.isDefined(fiber.pollUnsafe(), "did not end in time")
    return yield* Fiber.join(fiber)
  })

/** A clock that differs from another one in this. */
export const clockWith = (clock: Clock.Clock, change: Partial<Clock.Clock>): Clock.Clock => ({
  currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe(),
  currentTimeMillis: clock.currentTimeMillis,
  currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
  currentTimeNanos: clock.currentTimeNanos,
  monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
  monotonicTimeNanos: clock.monotonicTimeNanos,
  sleep: (duration) => clock.sleep(duration),
  ...change
})
