/**
 * A server's reply (RFC 5321 section 4.2): one code, one or more lines of text. What a reply means for a delivery is
 * decided in `Failure`, how it is read from bytes in `ReplyDecoder`, what each code says in `ReplyCode`.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as EnhancedStatus from "./EnhancedStatus.ts"
import * as ReplyCode from "./ReplyCode.ts"

/**
 * A complete reply. `lines` holds the text of each line without code, separator and line end, the enhanced status code
 * still in it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reply {
  readonly code: number
  readonly enhanced: EnhancedStatus.EnhancedStatus | undefined
  readonly lines: ReadonlyArray<string>
}

/**
 * Makes a reply of a code and the text of its lines (one empty line when there is none). `enhanced` is that of the
 * first line that begins with one of the code's own class (ESC-003).
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (code: number, ...lines: ReadonlyArray<string>): Reply =>
  fromLines(code, lines.length === 0 ? [""] : lines)

/**
 * The same as `make`, of lines that are an array already; the array is kept, not copied.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromLines = (code: number, lines: ReadonlyArray<string>): Reply => {
  let enhanced: EnhancedStatus.EnhancedStatus | undefined
  for (let i = 0; enhanced === undefined && i < lines.length; i++) {
    enhanced = EnhancedStatus.fromReply(code, lines[i] ?? "")
  }
  return { code, enhanced, lines }
}

/**
 * Whether the command was carried out: 2yz.
 *
 * @category guards
 * @since 0.1.0
 */
export const isPositive = (self: Reply): boolean => severity(self) === "positive"

/**
 * Whether the server waits for more before it decides: 3yz.
 *
 * @category guards
 * @since 0.1.0
 */
export const isIntermediate = (self: Reply): boolean => severity(self) === "intermediate"

/**
 * Whether the command was refused for now: 4yz.
 *
 * @category guards
 * @since 0.1.0
 */
export const isTransient = (self: Reply): boolean => severity(self) === "transient"

/**
 * Whether the command was refused for good: 5yz.
 *
 * @category guards
 * @since 0.1.0
 */
export const isPermanent = (self: Reply): boolean => severity(self) === "permanent"

/**
 * What the code's first digit says (SMTP-085), known code or not (V-019); undefined outside 200 to 599, which no
 * decoder lets through.
 *
 * @category getters
 * @since 0.1.0
 */
export const severity = (self: Reply): ReplyCode.Severity | undefined => ReplyCode.severityOf(self.code)

/**
 * What the code's second digit says (SMTP-085).
 *
 * @category getters
 * @since 0.1.0
 */
export const category = (self: Reply): ReplyCode.Category => ReplyCode.categoryOf(self.code)

/**
 * The text of each line without the reply's enhanced status code at its beginning (V-022).
 *
 * @category getters
 * @since 0.1.0
 */
export const texts = (self: Reply): ReadonlyArray<string> => {
  const { enhanced, lines } = self
  return enhanced === undefined ? lines : lines.map((line) => withoutStatus(self, line))
}

const withoutStatus = ({ code, enhanced }: Reply, line: string): string =>
  enhanced !== undefined && EnhancedStatus.fromReply(code, line) === enhanced
    ? line.slice(enhanced.length).trimStart()
    : line

/**
 * The whole text in one line, without the enhanced status codes.
 *
 * @category formatting
 * @since 0.1.0
 */
export const text = (self: Reply): string => {
  const [first = ""] = self.lines
  // Most replies have one line.
  return (self.lines.length === 1 ? withoutStatus(self, first) : texts(self).join(" ")).trim()
}

/**
 * A reply cannot be put on the wire: its code is none, or a line holds a control character, which could forge a line.
 *
 * @category errors
 * @since 0.1.0
 */
export class ReplyFormatError extends Schema.TaggedError<ReplyFormatError>("@effect-mail/protocol/ReplyFormatError")(
  "ReplyFormatError",
  {
    /** As text, as it may be any number. */
    code: Schema.String,
    reason: Schema.Literals(["code", "control-character"]),
    /** The line, from 0, and the position in it; both 0 when the code is at fault. */
    line: Schema.Int,
    position: Schema.Int
  }
) {
  override get message(): string {
    if (this.reason === "code") return `${this.code} is not a reply code: it must be an integer from 200 to 599`
    const place = `line ${this.line + 1} at position ${this.position}`
    return `Reply ${this.code} has a control character in ${place}: remove it, and split texts of several lines`
  }
}

// A tab is text (RFC 5321 section 4.2); CR, LF, NUL, all other C0 and C1 characters and DEL are not.
const isControl = (char: number): boolean => (char < 32 && char !== 9) || (char > 126 && char < 160)

const controlIn = (line: string): number => {
  for (let i = 0; i < line.length; i++) if (isControl(line.charCodeAt(i))) return i
  return -1
}

/**
 * A reply as a server sends it: all lines with their line ends. Lines longer than the 512 octets of RFC 5321 section
 * 4.5.3.1.5 are not folded, as only their author knows where. Fails when the code is not an integer from 200 to 599 or
 * when a line has a control character other than a tab (SMTP-050).
 *
 * @category encoding
 * @since 0.1.0
 */
export const format = (self: Reply): Result.Result<string, ReplyFormatError> => {
  const { code, lines } = self
  if (!Number.isInteger(code) || severity(self) === undefined) {
    return Result.fail(new ReplyFormatError({ code: String(code), reason: "code", line: 0, position: 0 }))
  }
  const faulty = lines.findIndex((line) => controlIn(line) !== -1)
  if (faulty !== -1) {
    const position = controlIn(lines[faulty] ?? "")
    return Result.fail(
      new ReplyFormatError({ code: String(code), reason: "control-character", line: faulty, position })
    )
  }
  const last = lines.length - 1
  return Result.succeed(
    last < 0 ? `${code} \r\n` : lines.map((line, i) => `${code}${i < last ? "-" : " "}${line}\r\n`).join("")
  )
}
