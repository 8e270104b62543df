/**
 * What becomes of a message, of the connection and of the next message when a server fails: every stage of a session with
 * every fault in every way to send, generated as data and played in memory under `TestClock`.
 *
 * The expected values come from the project's classification table, whose rows each case cites; none of them is computed by
 * the code under test. A row that names no enhanced status code leaves the server's own.
 *
 * ```ts
 * for (const one of FaultMatrix.cases) it.effect(one.name, () => FaultMatrix.play(one, subject))
 * ```
 *
 * Give every case a `TestClock` of its own, as `it.effect` does.
 *
 * @since 0.1.0
 */
import * as Parcel from "@effect-mail/message/Parcel"
import * as Endpoint from "@effect-mail/protocol/Endpoint"
import * as Envelope from "@effect-mail/protocol/Envelope"
import type * as Receipt from "@effect-mail/protocol/Receipt"
import * as Sasl from "@effect-mail/protocol/Sasl"
import * as TlsPolicy from "@effect-mail/protocol/TlsPolicy"
import type { Dialer } from "@effect-mail/transport/Dialer"
import * as SmtpSettings from "@effect-mail/transport/SmtpSettings"
import type * as Timeouts from "@effect-mail/transport/Timeouts"
import { failAll, type Transport } from "@effect-mail/transport/Transport"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { ContractError, check, equal } from "./Contract.ts"
import * as Bytes from "./internal/bytes.ts"
import * as FaultServer from "./internal/faultServer.ts"
import * as Table from "./internal/faultTable.ts"
import * as MemoryNetwork from "./MemoryNetwork.ts"

/**
 * The stages at which a server fails. `RCPT` and `LMTP recipient` are the replies for the second of three recipients; `body`
 * is the time when a part of the message has arrived; `next transaction` is the time between two messages.
 *
 * @category constants
 * @since 0.1.0
 */
export const stages = [
  "connect",
  "greeting",
  "EHLO",
  "STARTTLS",
  "TLS handshake",
  "TLS EHLO",
  "AUTH",
  "MAIL",
  "RCPT",
  "DATA",
  "body",
  "dot",
  "BDAT chunk",
  "LMTP recipient",
  "next transaction"
] as const

/**
 * A stage at which a server fails.
 *
 * @category models
 * @since 0.1.0
 */
export type Stage = (typeof stages)[number]

/**
 * What a server does wrong: it refuses for now, for good, or with a farewell; closes or resets the connection; falls
 * silent; closes in the middle of its reply; gives its reply and one more; gives a line of 100 000 octets.
 *
 * @category constants
 * @since 0.1.0
 */
export const faults = [
  "4xx",
  "5xx",
  "421",
  "close",
  "reset",
  "stall",
  "half reply",
  "extra reply",
  "huge line"
] as const

/**
 * What a server does wrong.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault = (typeof faults)[number]

/**
 * The ways to send: one command at a time; in groups (RFC 2920); the message in the same write as its envelope (RFC 3030);
 * in groups under TLS that is required, or that is used where it is offered.
 *
 * @category constants
 * @since 0.1.0
 */
export const modes = ["lock-step", "pipelined", "BDAT", "TLS", "opportunistic TLS"] as const

/**
 * A way to send.
 *
 * @category models
 * @since 0.1.0
 */
export type Mode = (typeof modes)[number]

/**
 * What a recipient must get.
 *
 * @category models
 * @since 0.1.0
 */
export type Verdict =
  | "Delivered"
  | {
      readonly _tag: "TempFailure" | "PermFailure" | "Unreachable"
      readonly scope: string
      readonly next: string
      readonly enhanced: string
      readonly uncertain: boolean
    }

/**
 * What must come of a fault.
 *
 * @category models
 * @since 0.1.0
 */
export interface Expected {
  /** The verdicts for the three recipients of the first message. */
  readonly verdicts: readonly [Verdict, Verdict, Verdict]
  /** The rows of the classification table that say so. */
  readonly rows: ReadonlyArray<number>
  /** Whether the connection may carry the next message, where sessions are used again. */
  readonly reused: boolean
  /** How many connections the first message takes: 2 where the server is asked again without TLS. */
  readonly connections: 1 | 2
  /** The timeout that ends the wait for a server which has fallen silent. */
  readonly waits: keyof Timeouts.Timeouts | undefined
}

/**
 * One case of the matrix.
 *
 * @category models
 * @since 0.1.0
 */
export interface Case {
  readonly name: string
  readonly stage: Stage
  readonly fault: Fault
  readonly mode: Mode
  readonly expected: Expected
}

/**
 * Why a combination cannot be, or undefined when it can.
 *
 * @category getters
 * @since 0.1.0
 */
export const impossible = (stage: Stage, fault: Fault, mode: Mode): string | undefined =>
  Table.impossible(stage, fault, mode)

const combinations = stages.flatMap((stage) =>
  faults.flatMap((fault) => modes.map((mode) => ({ stage, fault, mode }) as const))
)

/**
 * All cases that can be.
 *
 * @category testing
 * @since 0.1.0
 */
export const cases: ReadonlyArray<Case> = combinations.flatMap(({ fault, mode, stage }) => {
  if (Table.impossible(stage, fault, mode) !== undefined) return []
  const expected = Table.expected(stage, fault, mode)
  const rows = expected.rows.map((row) => `CLASS-${String(row).padStart(2, "0")}`).join(", ")
  return [{ name: `${stage}: ${fault}, ${mode} (${rows})`, stage, fault, mode, expected }]
})

/**
 * The matrix in one line: how many cases, of how many combinations, and which rows of the classification table they cite.
 *
 * @category testing
 * @since 0.1.0
 */
export const summary: string = (() => {
  const rows = [...new Set(cases.flatMap(({ expected }) => expected.rows))].toSorted((a, b) => a - b)
  const cited = rows.map((row) => String(row).padStart(2, "0")).join(" ")
  return `${cases.length} cases of ${combinations.length} combinations; CLASS rows ${cited}`
})()

/**
 * What the matrix is played on: makes a transport to an endpoint, with these settings.
 *
 * @category models
 * @since 0.1.0
 */
export interface Subject {
  readonly make: (
    endpoint: Endpoint.Endpoint,
    settings: SmtpSettings.SmtpSettings
  ) => Effect.Effect<Transport["Service"], never, Dialer | Scope.Scope>
  /** Whether a connection that may be used again is. */
  readonly reuses: boolean
}

const place = { address: "192.0.2.25", port: 25, names: ["mx.example.com"] }

const policies: { readonly [M in Mode]: TlsPolicy.TlsPolicy } = {
  "lock-step": TlsPolicy.none,
  pipelined: TlsPolicy.none,
  BDAT: TlsPolicy.none,
  TLS: TlsPolicy.required,
  "opportunistic TLS": TlsPolicy.opportunistic
}

const endpointOf = ({ mode, stage }: Case): Endpoint.Endpoint =>
  Endpoint.make({
    host: "mx.example.com",
    address: place.address,
    port: place.port,
    tls: policies[mode],
    protocol: stage === "LMTP recipient" ? "lmtp" : "smtp"
  })

const settingsOf = ({ stage }: Case): SmtpSettings.SmtpSettings => ({
  ...SmtpSettings.standard,
  name: "client.example.com",
  // So that the large message goes in one chunk, too.
  maxChunk: 1024 * 1024,
  ...(stage === "AUTH"
    ? {
        credentials: new Sasl.Password({ username: "alice", password: Redacted.make("secret") }),
        sasl: { allowSecretsInClearText: true }
      }
    : {})
})

// Larger than what is on the way to a server that does not read.
const large = `${"x".repeat(70)}\r\n`.repeat(4000)

const parcelOf = (subject: string, body: string): Parcel.Parcel => {
  const to = ["bob@example.org", "carol@example.org", "dave@example.org"]
  // The matrix's own messages and addresses are valid.
  const envelope = Result.getOrThrow(Envelope.make({ from: "alice@example.com", to }))
  return Result.getOrThrow(Parcel.fromBytes(Bytes.from(`Subject: ${subject}\r\n\r\n${body}`), envelope))
}

const verdictOf = (outcome: Receipt.Outcome): Verdict => {
  if (outcome._tag === "Delivered") return "Delivered"
  const { failure } = outcome
  const { _tag, enhanced = "none", next, scope } = failure
  return { _tag, scope, next, enhanced, uncertain: failure._tag === "TempFailure" && failure.uncertain }
}

const send = (transport: Transport["Service"], parcel: Parcel.Parcel) =>
  Effect.catch(transport.send(parcel), (error) =>
    error._tag === "MessageError"
      ? Effect.fail(new ContractError({ detail: `an unexpected error of the message: ${error.message}` }))
      : Effect.succeed(failAll(parcel, error))
  ).pipe(Effect.map((outcomes) => outcomes.map(verdictOf)))

// Lets everything run that does not wait for the clock, until a fiber has ended.
const settled = Effect.fnUntraced(function* (fiber?: Fiber.Fiber<unknown, unknown>) {
  for (let turn = 0; turn < 200 && fiber?.pollUnsafe() === undefined; turn++) yield* Effect.yieldNow
})

// The result of something that ends after exactly this time. What does not end in time gets more of it before the case
// fails, so that nothing is left which the end of the case would wait for.
const after = Effect.fnUntraced(function* <A, E, R>(millis: number, effect: Effect.Effect<A, E, R>) {
  const fiber = yield* Effect.forkChild(effect)
  const time = millis === 0 ? "at once" : `after ${Duration.format(Duration.millis(millis))}`
  yield* settled(fiber)
  if (millis > 0) {
    yield* TestClock.adjust(millis - 1)
    yield* check(fiber.pollUnsafe() === undefined, `it did not end ${time}, but before`)
    yield* TestClock.adjust(1)
    yield* settled(fiber)
  }
  if (fiber.pollUnsafe() === undefined) {
    yield* TestClock.adjust("1 hour")
    yield* settled(fiber)
    return yield* new ContractError({ detail: `it did not end ${time}` })
  }
  return yield* Fiber.join(fiber)
})

const counted = (subjects: ReadonlyArray<string>, subject: string): number =>
  subjects.filter((one) => one === subject).length

// Nobody gets a message twice, and nobody who has it is told otherwise.
const once = Effect.fnUntraced(function* (
  { received, taken }: FaultServer.FaultServer,
  subject: string,
  verdicts: ReadonlyArray<Verdict>
) {
  yield* check(counted(received, subject) <= 1, `the ${subject} message came ${counted(received, subject)} times`)
  const delivered = verdicts.includes("Delivered")
  const uncertain = verdicts.some((verdict) => typeof verdict === "object" && verdict.uncertain)
  if (delivered || !uncertain)
    yield* equal(counted(taken, subject), delivered ? 1 : 0, `how often the server took the ${subject} message`)
})

/**
 * Plays a case: a message to three recipients, then another one. Fails with a `ContractError` when a verdict, the time it
 * took, the number of connections or what the server got is not as expected.
 *
 * @category testing
 * @since 0.1.0
 */
export const play = (one: Case, subject: Subject): Effect.Effect<void, ContractError> =>
  Effect.gen(function* () {
    const { expected, fault, stage } = one
    const settings = settingsOf(one)
    const server = FaultServer.make(one)
    const network = yield* MemoryNetwork.MemoryNetwork
    const unanswered = stage === "connect" && fault === "stall"
    const until = yield* Effect.scope.pipe(Effect.flatMap(Scope.fork))
    const listening = network.listen({ ...place, silent: unanswered }, server.handler)
    if (stage !== "connect" || unanswered) yield* Scope.provide(listening, until)
    const transport = yield* subject.make(endpointOf(one), settings)

    const waits = expected.waits === undefined ? 0 : Duration.toMillis(settings.timeouts[expected.waits])
    const between = stage === "next transaction"
    const first = parcelOf("first", stage === "body" ? large : "Hello\r\n")
    const verdicts = yield* after(between ? 0 : waits, send(transport, first))
    yield* equal(verdicts, expected.verdicts, "the verdicts")

    yield* server.idle.open
    yield* settled()
    // A server that could not be reached is back.
    if (stage === "connect") {
      yield* Scope.close(until, Exit.void)
      yield* network.listen(place, server.handler)
    }
    // Silence between two messages is found out by the next one, on the connection that has fallen silent.
    const silenced = between && fault === "stall" && subject.reuses
    const again = yield* after(silenced ? waits : 0, send(transport, parcelOf("second", "Hello again\r\n")))
    const secondly = silenced ? Table.silence(one.mode) : "Delivered"
    yield* equal(again, [secondly, secondly, secondly], "the verdicts on the second message")

    const reused = expected.reused && subject.reuses
    const dialed = (yield* network.dialed).length
    yield* equal(dialed, expected.connections + (reused ? 0 : 1), "the number of connections")
    yield* once(server, "first", verdicts)
    yield* once(server, "second", again)
  }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer))
