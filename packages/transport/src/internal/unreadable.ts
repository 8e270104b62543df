/** A body that cannot be read once more, after somebody has got the message. */
import type { MessageError } from "@effect-mail/message/MessageError"
import type { Parcel } from "@effect-mail/message/Parcel"
import * as Failure from "@effect-mail/protocol/Failure"
import type * as Receipt from "@effect-mail/protocol/Receipt"
import * as Effect from "effect/Effect"
import type { Carried } from "../SmtpSession.ts"
import { failAll } from "../Transport.ts"

/** The failure of those who have not got it: a second attempt for all would give somebody a second copy. */
export const unreadable = (error: MessageError): Failure.Failure =>
  Failure.unreachable({ stage: "body", scope: "local", next: "later", enhanced: "4.3.0", reason: error.message })

export const someDelivered = (outcomes: ReadonlyArray<Receipt.Outcome>): boolean =>
  outcomes.some(({ _tag }) => _tag === "Delivered")

/** The same, but for a body that cannot be read when these outcomes tell that somebody has got the message. */
export const orUnreadable = (
  carrying: Effect.Effect<Carried, MessageError>,
  parcel: Parcel,
  before: ReadonlyArray<Receipt.Outcome>
): Effect.Effect<Carried, MessageError> =>
  Effect.catchIf(
    carrying,
    () => someDelivered(before),
    (error) =>
      Effect.succeed({
        outcomes: failAll(parcel, unreadable(error)),
        left: undefined,
        rider: undefined,
        unheard: false
      })
  )
