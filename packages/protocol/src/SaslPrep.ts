/**
 * SASLprep (RFC 4013): the one form in which user names and passwords are compared, so that the same word typed on two
 * keyboards is the same secret. Spaces become SPACE, invisible characters vanish, NFKC unifies the rest; control and
 * private characters, and text whose direction is ambiguous, are refused. Text of printable ASCII is returned as it is.
 *
 * Characters that Unicode 3.2 did not know are allowed, as in the RFC's query strings: refusing them would refuse every
 * script and sign since 2002.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/**
 * A text that SASLprep refuses. It tells the place and the rule, never the character: the text may be a password.
 *
 * @category errors
 * @since 0.1.0
 */
export class SaslPrepError extends Schema.TaggedError<SaslPrepError>("@effect-mail/protocol/SaslPrepError")(
  "SaslPrepError",
  {
    /** A character that must not occur, half a surrogate pair, or left-to-right and right-to-left text mixed. */
    rule: Schema.Literals(["prohibited", "surrogate", "bidi"]),
    /** Where, in UTF-16 units from 0; 0 for `bidi`, which is about the whole text. */
    position: Schema.Int
  }
) {
  override get message(): string {
    return this.rule === "bidi"
      ? "right-to-left text must begin and end with right-to-left letters and have no left-to-right ones between"
      : this.rule === "surrogate"
        ? `half a surrogate pair at position ${this.position}: the text is not Unicode`
        : `a control, private or formatting character at position ${this.position}`
  }
}

const printableAscii = /^[\x20-\x7e]*$/

/**
 * Prepares a user name or a password for comparison or hashing (RFC 4013 section 2). The result may be empty; whether
 * that is allowed is the mechanism's rule.
 *
 * Fails with `SaslPrepError` when the text has a prohibited character or mixes directions.
 *
 * @category constructors
 * @since 0.1.0
 */
export const prepare = (text: string): Result.Result<string, SaslPrepError> => {
  if (printableAscii.test(text)) return Result.succeed(text)
  if (!text.isWellFormed()) return refuse("surrogate", loneSurrogate(text))
  const prepared = text.replace(otherSpaces, " ").replace(invisible, "").normalize("NFKC")
  const forbidden = prohibited.exec(prepared)
  // NFKC makes no prohibited character out of others, so it stands in the caller's own text, too.
  if (forbidden !== null) return refuse("prohibited", text.indexOf(forbidden[0]))
  return mixesDirections(prepared) ? refuse("bidi", 0) : Result.succeed(prepared)
}

const refuse = (rule: SaslPrepError["rule"], position: number) => Result.fail(new SaslPrepError({ rule, position }))

const loneSurrogate = (text: string): number => text.search(/[\ud800-\udfff]/u)

// RFC 4013 section 2.1: spaces first (RFC 3454 table C.1.2), then what is commonly mapped to nothing (table B.1).
const otherSpaces = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g
const invisible = /\u00ad|\u034f|\u1806|[\u180b-\u180d]|\u200c|\u200d|\u2060|[\ufe00-\ufe0f]|\ufeff/g

// RFC 4013 section 2.3: the tables of RFC 3454 appendix C, without the surrogates, which are refused above.
const prohibited = new RegExp(
  `[${[
    "\\u0000-\\u001f\\u007f", // C.2.1 ASCII control characters
    "\\u0080-\\u009f\\u06dd\\u070f\\u180e\\u200c\\u200d\\u2028\\u2029\\u2060-\\u2063\\u206a-\\u206f\\ufeff", // C.2.2
    "\\ufff9-\\ufffc\\u{1d173}-\\u{1d17a}", // C.2.2, further non-ASCII control characters
    "\\p{Co}", // C.3 private use
    "\\p{Noncharacter_Code_Point}", // C.4
    "\\ufff9-\\ufffd", // C.6 inappropriate for plain text
    "\\u2ff0-\\u2ffb", // C.7 inappropriate for canonical representation
    "\\u0340\\u0341\\u200e\\u200f\\u202a-\\u202e", // C.8 change display properties
    "\\u{e0001}\\u{e0020}-\\u{e007f}" // C.9 tagging characters
  ].join("")}]`,
  "u"
)

// RFC 3454 table D.1: characters of bidirectional class R or AL.
const rightToLeft =
  "\\u05be\\u05c0\\u05c3\\u05d0-\\u05ea\\u05f0-\\u05f4\\u061b\\u061f\\u0621-\\u063a\\u0640-\\u064a\\u066d-\\u066f" +
  "\\u0671-\\u06d5\\u06e5\\u06e6\\u06fa-\\u06fe\\u0700-\\u070d\\u0710\\u0712-\\u072c\\u0780-\\u07a5\\u07b1\\ufb1d" +
  "\\ufb1f-\\ufb28\\ufb2a-\\ufb36\\ufb38-\\ufb3c\\ufb3e\\ufb40\\ufb41\\ufb43\\ufb44\\ufb46-\\ufbb1\\ufbd3-\\ufd3d" +
  "\\ufd50-\\ufd8f\\ufd92-\\ufdc7\\ufdf0-\\ufdfc\\ufe70-\\ufe74\\ufe76-\\ufefc"
const anyRightToLeft = new RegExp(`[${rightToLeft}]`, "u")
const framedRightToLeft = new RegExp(`^[${rightToLeft}](?:.*[${rightToLeft}])?$`, "su")

// RFC 3454 table D.2 has 360 ranges; in effect it is the letters outside the blocks that Unicode reserves for
// right-to-left scripts.
const rightToLeftBlocks = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/gu
const letter = /[\p{L}\p{Mc}\p{Nl}]/u

// RFC 3454 section 6, requirements 2 and 3.
const mixesDirections = (text: string): boolean =>
  anyRightToLeft.test(text) && (letter.test(text.replace(rightToLeftBlocks, "")) || !framedRightToLeft.test(text))
