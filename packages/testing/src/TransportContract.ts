/**
 * What every `Transport` must do, as a list of named effects that fail with a `ContractError`. Any test runner can run them:
 *
 * ```ts
 * for (const { name, effect } of TransportContract.cases(subject)) it.effect(name, () => effect)
 * ```
 *
 * @since 0.1.0
 */
import * as MessageError from "@effect-mail/message/MessageError"
import * as Parcel from "@effect-mail/message/Parcel"
import * as Envelope from "@effect-mail/protocol/Envelope"
import type { Failure } from "@effect-mail/protocol/Failure"
import type * as Receipt from "@effect-mail/protocol/Receipt"
import { failAll, type Transport } from "@effect-mail/transport/Transport"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type Case, check, ContractError, equal } from "./Contract.ts"
import * as Bytes from "./internal/bytes.ts"

/**
 * A message that arrived at the other side of the transport.
 *
 * @category models
 * @since 0.1.0
 */
export interface Received {
  readonly recipients: ReadonlyArray<string>
  readonly content: Uint8Array
}

/**
 * What the contract is tried on. Every case makes its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface Subject {
  readonly transport: Transport["Service"]
  /** What has arrived, oldest first. */
  readonly received: Effect.Effect<ReadonlyArray<Received>>
  /** A recipient that is refused for good; undefined where nobody is refused while it is sent. */
  readonly refused: string | undefined
}

const text = [
  "From: Alice <alice@example.com>",
  "Subject: Dots and octets",
  "",
  ".",
  "..",
  ".leading",
  "long ".repeat(100),
  "",
  "the end"
].join("\r\n")

const message = Bytes.from(`${text}\r\n`)

const parcelOf = (content: Uint8Array, ...to: ReadonlyArray<string>): Parcel.Parcel => {
  // The contract's own messages and addresses are valid.
  const envelope = Result.getOrThrow(Envelope.make({ from: "alice@example.com", to }))
  return Result.getOrThrow(Parcel.fromBytes(content, envelope))
}

// The same parcel without its bytes at hand, in pieces of this stream.
const streamed = (parcel: Parcel.Parcel, stream: Parcel.Body["stream"]): Parcel.Parcel => ({
  ...parcel,
  body: { ...parcel.body, bytes: undefined, stream }
})

const cut = (content: Uint8Array, width: number) =>
  Stream.fromIterable(
    Array.from({ length: Math.ceil(content.length / width) }, (_, i) => content.subarray(i * width, (i + 1) * width)),
    { chunkSize: 1 }
  )

type Sending = Effect.Effect<ReadonlyArray<Receipt.Outcome>, Failure | MessageError.MessageError>

// A failure for all alike is the same as one for each.
const outcomesOf = (sending: Sending, parcel: Parcel.Parcel) =>
  Effect.catch(sending, (error) =>
    error._tag === "MessageError"
      ? Effect.fail(new ContractError({ detail: `an unexpected error of the message: ${error.message}` }))
      : Effect.succeed(failAll(parcel, error))
  )

const tagsOf = (outcomes: ReadonlyArray<Receipt.Outcome>) =>
  outcomes.map((outcome) => (outcome._tag === "Delivered" ? outcome._tag : outcome.failure._tag))

const sent = Effect.fnUntraced(function* ({ transport }: Subject, parcel: Parcel.Parcel) {
  const outcomes = yield* outcomesOf(transport.send(parcel), parcel)
  const order = outcomes.map(({ recipient }) => recipient)
  yield* equal(
    order,
    parcel.envelope.recipients.map(({ address }) => address),
    "one outcome for each recipient, in the order of the envelope"
  )
  yield* check(
    outcomes.every(({ attempts }) => attempts === 1),
    "a transport makes one attempt"
  )
  return tagsOf(outcomes)
})

const arrived = Effect.fnUntraced(function* (subject: Subject, ...expected: ReadonlyArray<Received>) {
  const received = yield* subject.received
  yield* equal(
    received.map(({ recipients }) => recipients.toSorted()),
    expected.map(({ recipients }) => recipients.toSorted()),
    "the recipients of what arrived"
  )
  for (const [i, { content }] of received.entries()) {
    const difference = Bytes.firstDifference(content, expected[i]?.content ?? new Uint8Array())
    yield* equal(difference, undefined, "the first octet that differs from what was sent")
  }
})

const bob = "bob@example.org"
const carol = "carol@example.org"

const laws: Readonly<Record<string, (subject: Subject) => Effect.Effect<void, ContractError, Scope.Scope>>> = {
  "a message arrives octet for octet": Effect.fnUntraced(function* (subject) {
    yield* equal(yield* sent(subject, parcelOf(message, bob)), ["Delivered"], "the outcomes")
    yield* arrived(subject, { recipients: [bob], content: message })
  }),

  "a message that is a stream arrives octet for octet, and again": Effect.fnUntraced(function* (subject) {
    const parcel = parcelOf(message, bob)
    const pieces = streamed(parcel, cut(message, 7))
    yield* equal(yield* sent(subject, pieces), ["Delivered"], "the outcomes")
    yield* equal(yield* sent(subject, pieces), ["Delivered"], "the outcomes of the second time")
    const once = { recipients: [bob], content: message }
    yield* arrived(subject, once, once)
  }),

  "a large message arrives octet for octet": Effect.fnUntraced(function* (subject) {
    const large = Bytes.concat([message, Bytes.from("x".repeat(70).concat("\r\n").repeat(5000))])
    const parcel = parcelOf(large, bob)
    yield* equal(yield* sent(subject, streamed(parcel, cut(large, 50_000))), ["Delivered"], "the outcomes")
    yield* arrived(subject, { recipients: [bob], content: large })
  }),

  "every recipient has an outcome": Effect.fnUntraced(function* (subject) {
    yield* equal(yield* sent(subject, parcelOf(message, bob, carol)), ["Delivered", "Delivered"], "the outcomes")
    const recipients = (yield* subject.received).flatMap((mail) => mail.recipients)
    yield* equal(recipients.toSorted(), [bob, carol], "who got it")
  }),

  "who is refused has a failure of his own, and the others get it": Effect.fnUntraced(function* (subject) {
    if (subject.refused === undefined) return
    const tags = yield* sent(subject, parcelOf(message, bob, subject.refused, carol))
    yield* equal(tags, ["Delivered", "PermFailure", "Delivered"], "the outcomes")
    const recipients = (yield* subject.received).flatMap((mail) => mail.recipients)
    yield* equal(recipients.toSorted(), [bob, carol], "who got it")
  }),

  "when all are refused, nothing arrives": Effect.fnUntraced(function* (subject) {
    if (subject.refused === undefined) return
    yield* equal(yield* sent(subject, parcelOf(message, subject.refused)), ["PermFailure"], "the outcomes")
    yield* arrived(subject)
    yield* equal(yield* sent(subject, parcelOf(message, bob)), ["Delivered"], "the outcomes afterwards")
  }),

  "a message that cannot be read to its end arrives nowhere": Effect.fnUntraced(function* (subject) {
    const error = MessageError.make("unreadable-file", "the file is gone")
    const stream = Stream.concat(Stream.succeed(message), Stream.fail(error))
    const result = yield* Effect.result(subject.transport.send(streamed(parcelOf(message, bob), stream)))
    const failure = Result.isFailure(result) ? result.failure : undefined
    yield* check(failure === error, "expected the error of the message")
    yield* arrived(subject)
    yield* equal(yield* sent(subject, parcelOf(message, bob)), ["Delivered"], "the outcomes afterwards")
  }),

  "a message whose sending is interrupted arrives nowhere": Effect.fnUntraced(function* (subject) {
    const stream = Stream.concat(Stream.succeed(message), Stream.never)
    const sending = yield* Effect.forkScoped(subject.transport.send(streamed(parcelOf(message, bob), stream)), {
      startImmediately: true
    })
    yield* Effect.forEach(Array.from({ length: 50 }), () => Effect.yieldNow, { discard: true })
    yield* Fiber.interrupt(sending)
    yield* arrived(subject)
    yield* equal(yield* sent(subject, parcelOf(message, bob)), ["Delivered"], "the outcomes afterwards")
  }),

  "messages that are sent at once are not mixed up": Effect.fnUntraced(function* (subject) {
    const numbers = Array.from({ length: 8 }, (_, i) => i)
    const parcels = numbers.map((i) =>
      parcelOf(Bytes.from(`Subject: ${i}\r\n\r\n${`${i}`.repeat(500)}\r\n`), `user${i}@example.org`)
    )
    const tags = yield* Effect.forEach(parcels, (parcel) => sent(subject, parcel), { concurrency: "unbounded" })
    yield* check(
      tags.flat().every((tag) => tag === "Delivered"),
      "expected all to be delivered"
    )
    const received = yield* subject.received
    yield* equal(received.length, parcels.length, "how many messages arrived")
    for (const { content, recipients } of received) {
      const parcel = parcels.find(({ envelope }) => envelope.recipients[0].address === recipients[0])
      const wanted = parcel?.body.bytes ?? new Uint8Array()
      yield* equal(Bytes.firstDifference(content, wanted), undefined, `the octets for ${recipients.join(", ")}`)
    }
  })
}

/**
 * The cases of the contract.
 *
 * @category testing
 * @since 0.1.0
 */
export const cases = <R>(
  subject: Effect.Effect<Subject, never, R>
): ReadonlyArray<Case<ContractError, Exclude<R, Scope.Scope>>> =>
  Object.entries(laws).map(([name, law]) => ({ name, effect: Effect.scoped(Effect.flatMap(subject, law)) }))
