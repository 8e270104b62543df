/**
 * Delivery status notifications (RFC 3464, RFC 6533): what became of a message at each of its recipients, as a program
 * tells a program. `Report.parse` reads them from bounces, `Bounce.compose` writes them.
 *
 * @since 0.1.0
 */
import { EnhancedStatus } from "@effect-mail/protocol/EnhancedStatus"
import * as Schema from "effect/Schema"
import { OriginalMessage } from "./OriginalMessage.ts"

/**
 * Schema of what happened (RFC 3464 section 2.3.3).
 *
 * @category schemas
 * @since 0.1.0
 */
export const Action = Schema.Literals(["failed", "delayed", "delivered", "relayed", "expanded"])

/**
 * What happened; all but `delayed` is final for the host that reports it (DSN-024).
 *
 * @category models
 * @since 0.1.0
 */
export type Action = typeof Action.Type

/**
 * Schema of a value with the name of its kind, such as `rfc822; ada@example.com`, `dns; mx.example.com` or
 * `smtp; 550 5.1.1 No such user`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Typed = Schema.Struct({
  /** In lower case. */
  type: Schema.String,
  value: Schema.String
})

/**
 * A value with the name of its kind.
 *
 * @category models
 * @since 0.1.0
 */
export interface Typed extends Schema.Schema.Type<typeof Typed> {}

/**
 * Schema of what became of a message at one recipient (RFC 3464 section 2.3).
 *
 * @category schemas
 * @since 0.1.0
 */
export const Recipient = Schema.Struct({
  /** The address that was tried last. */
  finalRecipient: Typed,
  /** The address that the sender named, not encoded; absent when nobody knows it. */
  originalRecipient: Schema.optional(Typed),
  action: Action,
  /** The enhanced status code; absent when the report has none that can be read. */
  status: Schema.optional(EnhancedStatus),
  /** The server that said so. */
  remoteMta: Schema.optional(Typed),
  /** What it said. */
  diagnostic: Schema.optional(Typed),
  lastAttempt: Schema.optional(Schema.DateTimeUtc),
  /** Until when it is tried, for `delayed`. */
  willRetryUntil: Schema.optional(Schema.DateTimeUtc),
  /** The name of the attempt in the logs of the reporting host. */
  finalLogId: Schema.optional(Schema.String)
})

/**
 * What became of a message at one recipient.
 *
 * @category models
 * @since 0.1.0
 */
export interface Recipient extends Schema.Schema.Type<typeof Recipient> {}

/**
 * Schema of a delivery status notification.
 *
 * @category schemas
 * @since 0.1.0
 */
export const DeliveryStatus = Schema.TaggedStruct("DeliveryStatus", {
  /** The host that reports; absent only in malformed reports. */
  reportingMta: Schema.optional(Typed),
  /** The sender's name for the transaction, not encoded (RFC 3461 section 4.4). */
  envelopeId: Schema.optional(Schema.String),
  /** The gateway that translated the report. */
  gateway: Schema.optional(Typed),
  /** The host from which the message came. */
  receivedFrom: Schema.optional(Typed),
  /** When the message came to the host that reports. */
  arrival: Schema.optional(Schema.DateTimeUtc),
  recipients: Schema.NonEmptyArray(Recipient),
  /** What came back of the message. */
  original: Schema.optional(OriginalMessage)
})

/**
 * A delivery status notification.
 *
 * @category models
 * @since 0.1.0
 */
export interface DeliveryStatus extends Schema.Schema.Type<typeof DeliveryStatus> {}

/**
 * The recipients who will not get the message.
 *
 * @category getters
 * @since 0.1.0
 */
export const failed = (self: DeliveryStatus): ReadonlyArray<Recipient> =>
  self.recipients.filter(({ action }) => action === "failed")

/**
 * The address that the sender named, as far as the report tells: the original recipient, else the final one.
 *
 * @category getters
 * @since 0.1.0
 */
export const addressOf = (self: Recipient): string => (self.originalRecipient ?? self.finalRecipient).value
