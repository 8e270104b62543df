/** What becomes of a parcel that goes several ways, or whose way tells the same of all its recipients. */
import type { MessageError } from "@effect-mail/message/MessageError"
import type { Envelope, Parcel } from "@effect-mail/message/Parcel"
import * as Failure from "@effect-mail/protocol/Failure"
import * as Receipt from "@effect-mail/protocol/Receipt"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"

type Outcomes = ReadonlyArray<Receipt.Outcome>
type Send<R> = (parcel: Parcel) => Effect.Effect<Outcomes, Failure.Failure | MessageError, R>

/** The outcome of a recipient. */
export const failed = (recipient: string, failure: Failure.Failure): Receipt.Failed =>
  new Receipt.Failed({ recipient, attempts: 1, failure })

/** All recipients were taken over; the code is ours, as no server spoke. */
export const delivered = ({ envelope }: Parcel, text: string): Outcomes =>
  envelope.recipients.map(
    ({ address }) =>
      new Receipt.Delivered({ recipient: address, attempts: 1, code: 250, text: Failure.printable(text) })
  )

/** The outcomes with what was left out of the parcel's wishes. */
export const withOmitted = (outcomes: Outcomes, omitted: ReadonlyArray<string>): Outcomes =>
  omitted.length === 0
    ? outcomes
    : outcomes.map((outcome) =>
        outcome._tag === "Delivered" ? new Receipt.Delivered({ ...outcome, omitted }) : outcome
      )

/** The same failure for all recipients. */
export const allFailed = ({ envelope }: Parcel, failure: Failure.Failure): Outcomes =>
  envelope.recipients.map(({ address }) => failed(address, failure))

/** Whether the recipient has the message, or may have it: then nobody else may send it to him. */
export const mayHaveIt = (outcome: Receipt.Outcome): boolean =>
  outcome._tag === "Delivered" || (outcome.failure._tag === "TempFailure" && outcome.failure.uncertain)

/** A body that broke off after somebody got the message: an error of the whole would send him a second copy. */
export const unreadable = (error: MessageError): Failure.Failure =>
  Failure.unreachable({ stage: "body", scope: "local", next: "later", enhanced: "4.3.0", reason: error.message })

const unheard = Failure.temp({
  stage: "policy",
  scope: "recipient",
  next: "later",
  enhanced: "4.5.0",
  reason: "the transport gave no outcome for this recipient",
  uncertain: true
})

/** One outcome for each recipient in the order of the envelope, however they came. */
export const inOrder = ({ recipients }: Envelope, outcomes: Outcomes): Outcomes => {
  const byRecipient = new Map(outcomes.map((outcome) => [outcome.recipient, outcome]))
  return recipients.map(({ address }) => byRecipient.get(address) ?? failed(address, unheard))
}

/** Sends, with a failure for all as one for each; what fails is the message. */
export const attempt = <R>(send: Send<R>, parcel: Parcel): Effect.Effect<Outcomes, MessageError, R> =>
  Effect.suspend(() => send(parcel)).pipe(
    Effect.map((outcomes) => inOrder(parcel.envelope, outcomes)),
    Effect.catchIf(Failure.isFailure, (failure) => Effect.succeed(allFailed(parcel, failure)))
  )

/** One way and the parcel that goes it. */
export interface Part<R> {
  readonly parcel: Parcel
  readonly send: Send<R>
}

/**
 * Sends the parts of a parcel one after the other; the outcomes are in their order. Fails with the error of the message only
 * as long as nobody has it.
 */
export const inTurn = Effect.fnUntraced(function* <R>(
  parts: ReadonlyArray<Part<R>>
): Effect.fn.Return<Outcomes, MessageError, R> {
  const all: Array<Receipt.Outcome> = []
  for (const { parcel, send } of parts) {
    const sent = yield* Effect.result(attempt(send, parcel))
    if (Result.isFailure(sent) && !all.some(mayHaveIt)) return yield* sent.failure
    all.push(...(Result.isSuccess(sent) ? sent.success : allFailed(parcel, unreadable(sent.failure))))
  }
  return all
})
