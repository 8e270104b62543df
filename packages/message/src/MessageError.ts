/**
 * The one error of this package: a message cannot be rendered as it was given. It says what is wrong, where, and how to
 * mend it; nothing is ever mended silently.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * Schema of the kinds of message errors.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Reason = Schema.Literals([
  "no-sender",
  "no-recipients",
  "bad-address",
  "bad-envelope",
  "bad-header",
  "bad-date",
  "bad-attachment",
  "control-character",
  "unpaired-surrogate",
  "bare-line-end",
  "too-long",
  "too-many",
  "unreadable-file",
  "unreadable-stream",
  "cannot-sign"
])

/**
 * What is wrong with a message, as a word to match on.
 *
 * @category models
 * @since 0.1.0
 */
export type Reason = typeof Reason.Type

/**
 * A message, or a part of it, cannot be turned into bytes.
 *
 * @category errors
 * @since 0.1.0
 */
export class MessageError extends Schema.TaggedError<MessageError>("@effect-mail/message/MessageError")(
  "MessageError",
  {
    reason: Reason,
    /** What was being looked at, as its author would name it: `Subject`, `To[1]`, `attachments[0].name`. */
    field: Schema.optional(Schema.String),
    /** Where in that input, in UTF-16 units for text and in octets for bytes. */
    position: Schema.optional(Schema.Int),
    /** What is wrong. */
    detail: Schema.String,
    /** How to mend it, where that can be known. */
    hint: Schema.optional(Schema.String)
  }
) {
  override get message(): string {
    const where = this.position === undefined ? "" : ` at position ${this.position}`
    const said = `${this.field === undefined ? "" : `${this.field}: `}${this.detail}${where}`
    return this.hint === undefined ? said : `${said}. ${this.hint}`
  }
}

/**
 * Makes an error from the parts that are known; `undefined` parts are left out.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  reason: Reason,
  detail: string,
  where?: {
    readonly field?: string | undefined
    readonly position?: number | undefined
    readonly hint?: string | undefined
  }
): MessageError =>
  new MessageError({
    reason,
    detail,
    ...(where?.field === undefined ? {} : { field: where.field }),
    ...(where?.position === undefined ? {} : { position: where.position }),
    ...(where?.hint === undefined ? {} : { hint: where.hint })
  })

/**
 * The error of a stream that a caller gave, whatever it failed with; an error of this module stays what it is.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unreadableStream = (error: unknown): MessageError =>
  error instanceof MessageError
    ? error
    : make("unreadable-stream", error instanceof Error ? error.message : String(error))
