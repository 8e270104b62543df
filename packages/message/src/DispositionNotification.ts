/**
 * Message disposition notifications (RFC 8098, MDN): what a reader or the reader's program did with a message, most often
 * that it was displayed. `Report.parse` reads them.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { Typed } from "./DeliveryStatus.ts"
import { OriginalMessage } from "./OriginalMessage.ts"

/**
 * Schema of a disposition notification.
 *
 * @category schemas
 * @since 0.1.0
 */
export const DispositionNotification = Schema.TaggedStruct("DispositionNotification", {
  reportingUa: Schema.optional(Schema.String),
  finalRecipient: Typed,
  originalRecipient: Schema.optional(Typed),
  /** The Message-ID of the message, with its angle brackets. */
  originalMessageId: Schema.optional(Schema.String),
  /** What happened, in lower case: `displayed`, `deleted`, `dispatched`, `processed`. */
  disposition: Schema.String,
  /** Modifiers in lower case, such as `error`. */
  modifiers: Schema.Array(Schema.String),
  /** Whether a person did it (`manual-action`) or a program. */
  manual: Schema.Boolean,
  /** Whether a person agreed to the notification (`MDN-sent-manually`). */
  sentManually: Schema.Boolean,
  /** Texts of errors. */
  errors: Schema.Array(Schema.String),
  /** What came back of the message. */
  original: Schema.optional(OriginalMessage)
})

/**
 * A disposition notification.
 *
 * @category models
 * @since 0.1.0
 */
export interface DispositionNotification extends Schema.Schema.Type<typeof DispositionNotification> {}
