/**
 * What a report gives back of the message that it is about: a copy of it, or of its header alone. It was written by
 * whoever sent the report; only a signed return path tells that the message was ours.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * Schema of a header field: its name as it was written, and its value without folding.
 *
 * @category schemas
 * @since 0.1.0
 */
export const MessageField = Schema.Tuple([Schema.String, Schema.String])

/**
 * A header field: its name as it was written, and its value without folding.
 *
 * @category models
 * @since 0.1.0
 */
export type MessageField = typeof MessageField.Type

/**
 * Schema of what came back.
 *
 * @category schemas
 * @since 0.1.0
 */
export const OriginalMessage = Schema.Struct({
  /** Its Message-ID with angle brackets. */
  messageId: Schema.optional(Schema.String),
  /** Its header, in order; fields that are not UTF-8 are left out. */
  headers: Schema.Array(MessageField),
  /** Whether it was a bounce itself, so that the report is one of a bounce: nobody must answer that. */
  bounce: Schema.Boolean
})

/**
 * What came back of a message.
 *
 * @category models
 * @since 0.1.0
 */
export interface OriginalMessage extends Schema.Schema.Type<typeof OriginalMessage> {}

/**
 * The value of the first field of a name, in any letter case.
 *
 * @category getters
 * @since 0.1.0
 */
export const header = (self: OriginalMessage, name: string): string | undefined =>
  self.headers.find(([given]) => given.toLowerCase() === name.toLowerCase())?.[1]
