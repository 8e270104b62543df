/**
 * The one extension point for senders: something that takes a parcel and says what became of each recipient. Everything
 * else (retry, routing, throttling, archiving) is built around it.
 *
 * @since 0.1.0
 */
import type { MessageError } from "@effect-mail/message/MessageError"
import type { Parcel } from "@effect-mail/message/Parcel"
import type { Failure } from "@effect-mail/protocol/Failure"
import * as Receipt from "@effect-mail/protocol/Receipt"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

/**
 * Sends parcels. `send` succeeds with one outcome for every recipient, in the order of the envelope, even when all were
 * refused; or it fails with one failure that holds for all of them alike. It makes one attempt: when to try again is the
 * policy's business.
 *
 * @category services
 * @since 0.1.0
 */
export class Transport extends Context.Service<
  Transport,
  { readonly send: (parcel: Parcel) => Effect.Effect<ReadonlyArray<Receipt.Outcome>, Failure | MessageError> }
>()("@effect-mail/transport/Transport") {}

/**
 * The same failure for every recipient of a parcel.
 *
 * @category constructors
 * @since 0.1.0
 */
export const failAll = (parcel: Parcel, failure: Failure): ReadonlyArray<Receipt.Outcome> =>
  parcel.envelope.recipients.map(
    (recipient) => new Receipt.Failed({ recipient: recipient.address, attempts: 1, failure })
  )

/**
 * Outcomes in the order of a parcel's envelope; those of others are left out.
 *
 * @category combinators
 * @since 0.1.0
 */
export const inOrder = (parcel: Parcel, outcomes: ReadonlyArray<Receipt.Outcome>): ReadonlyArray<Receipt.Outcome> => {
  const byRecipient = new Map(outcomes.map((outcome) => [outcome.recipient, outcome]))
  return parcel.envelope.recipients.flatMap(({ address }) => byRecipient.get(address) ?? [])
}
