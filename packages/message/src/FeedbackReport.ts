/**
 * Feedback reports (RFC 5965, ARF): a mailbox provider passes on what a reader said of a message, most often that it is
 * spam. `Report.parse` reads them.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { OriginalMessage } from "./OriginalMessage.ts"

/**
 * Schema of a feedback report.
 *
 * @category schemas
 * @since 0.1.0
 */
export const FeedbackReport = Schema.TaggedStruct("FeedbackReport", {
  /** In lower case, such as `abuse`, `fraud`, `virus`, `not-spam`, `auth-failure`, `other`. */
  feedbackType: Schema.String,
  userAgent: Schema.optional(Schema.String),
  version: Schema.optional(Schema.String),
  /** The reverse-path of the message, without angle brackets. */
  mailFrom: Schema.optional(Schema.String),
  /** The recipients, without angle brackets; most providers leave them out. */
  recipients: Schema.Array(Schema.String),
  /** The IP address from which the message came. */
  sourceIp: Schema.optional(Schema.String),
  arrival: Schema.optional(Schema.DateTimeUtc),
  reportedDomains: Schema.Array(Schema.String),
  reportedUris: Schema.Array(Schema.String),
  /** How many messages the report is about. */
  incidents: Schema.Int,
  /** What came back of the message. */
  original: Schema.optional(OriginalMessage)
})

/**
 * A feedback report.
 *
 * @category models
 * @since 0.1.0
 */
export interface FeedbackReport extends Schema.Schema.Type<typeof FeedbackReport> {}
