/**
 * Why a message cannot be signed. What is wrong with a key is said without a word of the key.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * Schema of the kinds of signing errors.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Reason = Schema.Literals([
  "bad-key",
  "bad-domain",
  "bad-selector",
  "bad-identity",
  "bad-option",
  "no-author",
  "bare-line-end",
  "platform"
])

/**
 * What is wrong, as a word to match on: `no-author` is a message without exactly one From field, `bare-line-end` one with a
 * binary part that is not made of lines, `platform` one whose cryptography failed.
 *
 * @category models
 * @since 0.1.0
 */
export type Reason = typeof Reason.Type

/**
 * A signer cannot be made, or a message cannot be signed.
 *
 * @category errors
 * @since 0.1.0
 */
export class DkimError extends Schema.TaggedError<DkimError>("@effect-mail/message/DkimError")("DkimError", {
  reason: Reason,
  /** What is wrong, and how to mend it where that can be known. */
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

/**
 * Makes an error.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (reason: Reason, detail: string): DkimError => new DkimError({ reason, detail })
