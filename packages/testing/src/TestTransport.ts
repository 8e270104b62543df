/**
 * A transport that sends nothing: it keeps what it is given, to look into, and says what the test decides. It reads a body
 * to its end, as every transport does, so that a message which cannot be read fails here, too.
 *
 * ```ts
 * const layer = TestTransport.layer(TestTransport.byRecipient({ "full@example.com": mailboxFull }))
 * ```
 *
 * @since 0.1.0
 */
import type * as Parcel from "@effect-mail/message/Parcel"
import type * as Failure from "@effect-mail/protocol/Failure"
import * as Receipt from "@effect-mail/protocol/Receipt"
import { Transport } from "@effect-mail/transport/Transport"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Bytes from "./internal/bytes.ts"

/**
 * A parcel that was given to the transport.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sent {
  readonly parcel: Parcel.Parcel
  /** The message as a server would be sent it that takes the widest of its encodings, before dot-stuffing. */
  readonly content: Uint8Array
  readonly outcomes: ReadonlyArray<Receipt.Outcome>
}

/**
 * The circumstances of an attempt.
 *
 * @category models
 * @since 0.1.0
 */
export interface Circumstances {
  /** How many parcels the transport has been given, this one included. */
  readonly parcels: number
  /** How often this recipient has been tried with this message, this time included. Messages are told apart by their bodies. */
  readonly attempt: number
  /** Milliseconds since the layer was built, by the `Clock`. */
  readonly millis: number
}

/**
 * What becomes of a recipient: this failure, or delivery when it is undefined.
 *
 * @category models
 * @since 0.1.0
 */
export type Decide = (
  recipient: Parcel.Envelope["recipients"][number],
  parcel: Parcel.Parcel,
  circumstances: Circumstances
) => Failure.Failure | undefined

type Fate = Failure.Failure | undefined

/**
 * Decides by the recipient's address; who is not named is delivered.
 *
 * @category constructors
 * @since 0.1.0
 */
export const byRecipient =
  (fates: Readonly<Record<string, Fate>>): Decide =>
  ({ address }) =>
    Object.hasOwn(fates, address) ? fates[address] : undefined

/**
 * Decides by attempt: the first fate for the first attempt of a recipient with a message, and so on; delivery after the last.
 *
 * @category constructors
 * @since 0.1.0
 */
export const byAttempt =
  (...fates: ReadonlyArray<Fate>): Decide =>
  (_recipient, _parcel, { attempt }) =>
    fates[attempt - 1]

/**
 * Decides by time: this failure for so long, from the making of the layer on.
 *
 * @category constructors
 * @since 0.1.0
 */
export const until = (end: Duration.Input, failure: Failure.Failure): Decide => {
  const limit = Duration.toMillis(end)
  return (_recipient, _parcel, { millis }) => (millis < limit ? failure : undefined)
}

/**
 * Decides by a script: the first step for the first parcel, and so on. A parcel that the script does not foresee is a defect,
 * so that a test which sends too often fails. A step is a fate of all recipients, or a decision.
 *
 * @category constructors
 * @since 0.1.0
 */
export const script =
  (...steps: ReadonlyArray<Fate | Decide>): Decide =>
  (recipient, parcel, circumstances) => {
    const { parcels } = circumstances
    if (parcels > steps.length) {
      throw new Error(`the script of this TestTransport foresees ${steps.length} parcels, and here is another one`)
    }
    const step = steps[parcels - 1]
    return typeof step === "function" ? step(recipient, parcel, circumstances) : step
  }

/**
 * What was given to the transport, oldest first.
 *
 * @category services
 * @since 0.1.0
 */
export class TestTransport extends Context.Service<
  TestTransport,
  { readonly sent: Effect.Effect<ReadonlyArray<Sent>>; readonly clear: Effect.Effect<void> }
>()("@effect-mail/testing/TestTransport") {}

/**
 * A transport for tests and what it was given; every recipient is delivered unless `decide` says otherwise.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (decide: Decide = () => undefined): Layer.Layer<Transport | TestTransport> =>
  Layer.effectContext(
    Effect.gen(function* () {
      let sent: ReadonlyArray<Sent> = []
      let parcels = 0
      const attempt = counter()
      const started = yield* Clock.currentTimeMillis
      const send = Effect.fnUntraced(function* (parcel: Parcel.Parcel) {
        const content = Bytes.concat(yield* Stream.runCollect(parcel.body.stream))
        const millis = (yield* Clock.currentTimeMillis) - started
        parcels++
        const outcomes = parcel.envelope.recipients.map((recipient) =>
          outcome(
            recipient,
            decide(recipient, parcel, { parcels, attempt: attempt(parcel, recipient.address), millis })
          )
        )
        sent = [...sent, { parcel, content, outcomes }]
        return outcomes
      })
      const clear = Effect.sync(() => {
        sent = []
      })
      return Context.make(Transport, { send }).pipe(
        Context.add(TestTransport, { sent: Effect.sync(() => sent), clear })
      )
    })
  )

// Every attempt for a message has its body, and two messages never share one.
const counter = () => {
  const counts = new WeakMap<Parcel.Body, Map<string, number>>()
  return ({ body }: Parcel.Parcel, recipient: string): number => {
    const ofMessage = counts.get(body) ?? new Map<string, number>()
    counts.set(body, ofMessage)
    const count = (ofMessage.get(recipient) ?? 0) + 1
    ofMessage.set(recipient, count)
    return count
  }
}

const outcome = (recipient: Parcel.Envelope["recipients"][number], failure: Failure.Failure | undefined) =>
  failure === undefined
    ? new Receipt.Delivered({ recipient: recipient.address, attempts: 1, code: 250, text: "Kept by the test" })
    : new Receipt.Failed({ recipient: recipient.address, attempts: 1, failure })
