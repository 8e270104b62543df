/** A body that cannot be read once more, when somebody may have got the message already. */
import type { MessageError } from "@effect-mail/message/MessageError"
import type { Parcel } from "@effect-mail/message/Parcel"
import type * as Receipt from "@effect-mail/protocol/Receipt"
import * as Effect from "effect/Effect"
import type { Carried } from "../SmtpSession.ts"
import * as Outcomes from "./outcomes.ts"

/** The failure of those who have not got it: an error of the whole would send somebody a second copy. */
export const rescue = (
  carrying: Effect.Effect<Carried, MessageError>,
  parcel: Parcel,
  before: ReadonlyArray<Receipt.Outcome>
): Effect.Effect<Carried, MessageError> =>
  Effect.catchIf(
    carrying,
    () => before.some(Outcomes.mayHaveIt),
    (error) =>
      Effect.succeed({
        outcomes: Outcomes.allFailed(parcel, Outcomes.unreadable(error)),
        left: undefined,
        rider: undefined,
        unheard: false
      })
  )
