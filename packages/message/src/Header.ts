/**
 * Header fields (RFC 5322 section 2.2): the only way from a caller's text into a header. Names and values are checked,
 * values with CR, LF or NUL are refused (SMTP-052, MSG-020), lines are folded at white space before column 78, and no
 * line is ever longer than 998 octets. Every function returns whole fields, ready to be written one after the other.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as EncodedWord from "./EncodedWord.ts"
import * as Encoding from "./Encoding.ts"
import { checkLine } from "./internal/checkedText.ts"
import * as Utf8 from "./internal/utf8.ts"
import * as MessageError from "./MessageError.ts"

/**
 * A complete header field: name, colon, value folded where needed, CRLF.
 *
 * @category models
 * @since 0.1.0
 */
export type Field = string

const softLimit = 78
// RFC 2047 section 2: a line with an encoded-word has at most 76 characters.
const encodedWordLimit = 76

const validName = /^[!-9;-~]+$/

/**
 * The name itself when it is a field name: printable ASCII without the colon (MSG-002). Fails with `bad-header`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const checkName = (name: string): Result.Result<string, MessageError.MessageError> =>
  validName.test(name)
    ? Result.succeed(name)
    : Result.fail(
        MessageError.make("bad-header", "a header name is made of printable ASCII characters without space and colon", {
          field: name.replace(/[^ -~]/g, "?").slice(0, 40),
          position: Math.max(0, name.search(/[^!-9;-~]/))
        })
      )

/**
 * The value itself when it can stand in a header. Fails with `control-character` at the first CR, LF or NUL, and with
 * `unpaired-surrogate` at half of a character.
 *
 * @category constructors
 * @since 0.1.0
 */
export const checkValue = (value: string, field: string): Result.Result<string, MessageError.MessageError> =>
  checkLine(value, field)

const tooLong = (name: string, octets: number) =>
  MessageError.make("too-long", `a line of ${octets} octets is longer than ${Encoding.maxLineLength}`, {
    field: name,
    hint: "Header lines can be folded only at white space"
  })

/**
 * Several fields as one text, the empty ones left out. Fails like the first one that is wrong.
 *
 * @category combinators
 * @since 0.1.0
 */
export const join = (
  fields: ReadonlyArray<Result.Result<Field, MessageError.MessageError>>
): Result.Result<string, MessageError.MessageError> => {
  let text = ""
  for (const field of fields) {
    if (Result.isFailure(field)) return field
    text += field.success
  }
  return Result.succeed(text)
}

const plainLinePattern = /^[!-9;-~]+:(?: [!-~]+)+$/

// Most fields are one short line of printable ASCII with single spaces, in which nothing is to be checked or folded.
const plainLine = (name: string, pieces: ReadonlyArray<string>): Result.Result<Field> | undefined => {
  const line = `${name}: ${pieces.join(" ")}`
  return line.length <= encodedWordLimit && plainLinePattern.test(line) ? Result.succeed(`${line}\r\n`) : undefined
}

/**
 * A field of pieces that must not be changed, folded between them where the line would get too long. A piece begins
 * with its own white space or gets one space before it. The first one stays on the line of the name, where every reader
 * looks for it, unless it is an encoded-word that would not fit. Fails like `checkName` and `checkValue`, and with
 * `too-long` when a piece does not fit into 998 octets.
 *
 * @category encoding
 * @since 0.1.0
 */
export const structured = (
  name: string,
  pieces: ReadonlyArray<string>
): Result.Result<Field, MessageError.MessageError> =>
  plainLine(name, pieces) ?? Result.flatMap(checkName(name), () => folded(name, pieces))

const plainPiece = /^[!-~]+$/

const checkPiece = (piece: string, name: string): Result.Result<string, MessageError.MessageError> =>
  plainPiece.test(piece) ? Result.succeed(` ${piece}`) : Result.map(checkValue(piece, name), withBlank)

const withBlank = (piece: string): string => (/^[ \t]/.test(piece) ? piece : ` ${piece}`)

const folded = (name: string, pieces: ReadonlyArray<string>): Result.Result<Field, MessageError.MessageError> => {
  let done = ""
  let line = `${name}:`
  let hasWord = false
  for (const piece of pieces) {
    const next = checkPiece(piece, name)
    if (Result.isFailure(next)) return next
    const text = next.success
    const word = piece.startsWith("=?")
    const limit = word || hasWord ? encodedWordLimit : softLimit
    if (line.length + text.length > limit && (done !== "" || line.length > name.length + 1 || word)) {
      const octets = lineOctets(line)
      if (octets > Encoding.maxLineLength) return Result.fail(tooLong(name, octets))
      done += `${line}\r\n`
      line = text
      hasWord = text.includes(" =?")
    } else {
      line += text
      hasWord ||= text.includes(" =?")
    }
  }
  const octets = lineOctets(line)
  return octets > Encoding.maxLineLength ? Result.fail(tooLong(name, octets)) : Result.succeed(`${done}${line}\r\n`)
}

// Most lines are far from the limit, whatever their characters take.
const lineOctets = (line: string): number => (line.length * 3 < 998 ? line.length : Utf8.encode(line).length)

// A text in pieces that begin with their own white space; white space at its end is left out.
const split = (text: string): ReadonlyArray<string> => {
  const runs = text.match(/[ \t]+|[^ \t]+/g) ?? []
  const words = runs.map((run, i) => (/^[ \t]/.test(run) ? "" : `${blankBefore(runs, i)}${run}`))
  return words.filter((word) => word !== "")
}

const blankBefore = (runs: ReadonlyArray<string>, i: number): string => {
  const before = runs[i - 1]
  return before !== undefined && /^[ \t]/.test(before) ? before : ""
}

const readsAsItself = (text: string): boolean =>
  /^[\t -~]*$/.test(text) &&
  !/^[ \t]|[ \t]$/.test(text) &&
  !text.includes("=?") &&
  split(text).every((piece) => piece.length < Encoding.maxLineLength / 2)

const encodedWords = (name: string, text: string): ReadonlyArray<string> =>
  EncodedWord.encode(text, {
    first: encodedWordLimit - name.length - 2,
    rest: EncodedWord.maxLength
  })

/**
 * A field of free text, such as Subject: whatever is not printable ASCII, or would not be read as it was given (white
 * space at an end, something that looks like an encoded-word, an endless word), is written in encoded-words, so that
 * every reader gets the same text back. Fails like `checkName` and `checkValue`.
 *
 * @category encoding
 * @since 0.1.0
 */
export const unstructured = (name: string, text: string): Result.Result<Field, MessageError.MessageError> =>
  (text.includes("=?") ? undefined : plainLine(name, [text])) ??
  Result.flatMap(checkValue(text, name), () =>
    structured(name, readsAsItself(text) ? split(text) : encodedWords(name, text))
  )

/**
 * A field whose syntax is not known here: ASCII is written as it is, folded at its own white space; text with other
 * characters is written like free text. Fails like `structured`.
 *
 * @category encoding
 * @since 0.1.0
 */
export const field = (name: string, value: string): Result.Result<Field, MessageError.MessageError> =>
  /^[\t -~]*$/.test(value) ? structured(name, split(value)) : unstructured(name, value)
