/**
 * A transport that sends nothing: it keeps what it is given, to look into, and says what the test decides. It reads a body
 * to its end, as every transport does, so that a message which cannot be read fails here, too.
 *
 * ```ts
 * const layer = TestTransport.layer(({ address }) => (address === "full@example.com" ? mailboxFull : undefined))
 * ```
 *
 * @since 0.1.0
 */
import type * as Parcel from "@effect-mail/message/Parcel"
import type * as Failure from "@effect-mail/protocol/Failure"
import * as Receipt from "@effect-mail/protocol/Receipt"
import { Transport } from "@effect-mail/transport/Transport"
import * as Context from "effect/Context"
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
  /** The message as it would have been written, before dot-stuffing. */
  readonly content: Uint8Array
  readonly outcomes: ReadonlyArray<Receipt.Outcome>
}

/**
 * What becomes of a recipient: this failure, or delivery when it is undefined.
 *
 * @category models
 * @since 0.1.0
 */
export type Decide = (
  recipient: Parcel.Envelope["recipients"][number],
  parcel: Parcel.Parcel
) => Failure.Failure | undefined

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
    Effect.sync(() => {
      let sent: ReadonlyArray<Sent> = []
      const send = Effect.fnUntraced(function* (parcel: Parcel.Parcel) {
        const content = Bytes.concat(yield* Stream.runCollect(parcel.body.stream))
        const outcomes = parcel.envelope.recipients.map((recipient) => outcome(recipient, decide(recipient, parcel)))
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

const outcome = (recipient: Parcel.Envelope["recipients"][number], failure: Failure.Failure | undefined) =>
  failure === undefined
    ? new Receipt.Delivered({ recipient: recipient.address, attempts: 1, code: 250, text: "Kept by the test" })
    : new Receipt.Failed({ recipient: recipient.address, attempts: 1, failure })
