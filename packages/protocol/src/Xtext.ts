/**
 * The two ways in which ESMTP parameters carry text that their grammar does not allow: xtext (RFC 3461 section 4), which
 * escapes octets, and the utf-8 address type of RFC 6533 section 3, which escapes code points. Every encoder here yields
 * the value of one parameter: no space, no control, no `=`. What a decoder yields may have all of these.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { isKind, nameAt, quote, unicodeWidth, XCHAR } from "./internal/text.ts"

/**
 * A parameter's value is not the encoding it should be.
 *
 * @category errors
 * @since 0.1.0
 */
export class XtextError extends Schema.TaggedError<XtextError>("@effect-mail/protocol/XtextError")("XtextError", {
  /** The value as it came; it may have control characters, unlike `message`. */
  input: Schema.String,
  /** Where in `input` the trouble is, as an index of UTF-16 code units. */
  position: Schema.Int,
  /** What is wrong there. */
  reason: Schema.String
}) {
  override get message(): string {
    return `${quote(this.input, this.position)}, position ${this.position}: ${this.reason}`
  }
}

const fail = (input: string, position: number, reason: string) =>
  Result.fail(new XtextError({ input, position, reason }))

const hex = (octet: number): string => octet.toString(16).toUpperCase().padStart(2, "0")

// Replaces the characters that `keeps` does not keep; runs of kept characters are copied as one.
const escape = (
  text: string,
  keeps: (text: string, index: number) => boolean,
  write: (codePoint: number) => string
): string => {
  let output = ""
  let from = 0
  for (let i = 0; i < text.length; i++) {
    if (keeps(text, i)) continue
    const point = text.codePointAt(i) ?? 0
    output += text.slice(from, i) + write(point)
    if (point > 0xffff) i++
    from = i + 1
  }
  return from === 0 ? text : output + text.slice(from)
}

const isSurrogate = (point: number): boolean => point >= 0xd800 && point <= 0xdfff

const octets = (point: number): ReadonlyArray<number> => {
  if (point < 0x80) return [point]
  if (point < 0x800) return [0xc0 | (point >> 6), 0x80 | (point & 63)]
  const end = [0x80 | ((point >> 6) & 63), 0x80 | (point & 63)]
  return point < 0x10000 ? [0xe0 | (point >> 12), ...end] : [0xf0 | (point >> 18), 0x80 | ((point >> 12) & 63), ...end]
}

const keepsXchar = (text: string, index: number): boolean => isKind(text, index, XCHAR)

const writeOctets = (point: number): string =>
  octets(isSurrogate(point) ? 0xfffd : point)
    .map((octet) => `+${hex(octet)}`)
    .join("")

/**
 * Encodes text as xtext, non-ASCII characters by the octets of their UTF-8 form: `e=mc2@example.com` gives
 * `e+3Dmc2@example.com`. Half a surrogate pair becomes U+FFFD.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (text: string): string => escape(text, keepsXchar, writeOctets)

/**
 * Decodes xtext, whose octets are taken for UTF-8. Hexadecimal digits of both letter cases are accepted.
 *
 * Fails with `XtextError` at a `+` without two hexadecimal digits, at a character that xtext does not have, and when the
 * octets are not UTF-8.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (input: string): Result.Result<string, XtextError> => {
  let uri = ""
  for (let i = 0; i < input.length; i++) {
    if (isKind(input, i, XCHAR)) uri += input.charAt(i) === "%" ? "%25" : input.charAt(i)
    else if (input.charAt(i) !== "+") return fail(input, i, `${nameAt(input, i)} must be written as "+" and its octets`)
    else if (!/^[0-9A-Fa-f]{2}$/.test(input.slice(i + 1, i + 3)))
      return fail(input, i, 'two hexadecimal digits follow "+"')
    else {
      uri += `%${input.slice(i + 1, i + 3)}`
      i += 2
    }
  }
  try {
    return Result.succeed(decodeURIComponent(uri))
  } catch {
    return fail(input, 0, "the octets are not UTF-8")
  }
}

// QCHAR of RFC 6533: printable ASCII but "+", "=" and the backslash.
const keepsQchar = (text: string, index: number): boolean => keepsXchar(text, index) && text.charAt(index) !== "\\"

const keepsQuchar = (text: string, index: number): boolean => {
  const code = text.charCodeAt(index)
  if (code < 0x80) return keepsQchar(text, index)
  // The second half of a pair whose first half was kept.
  if (code >= 0xdc00 && code <= 0xdfff && index > 0) return unicodeWidth(text, index - 1) === 2
  return unicodeWidth(text, index) > 0
}

const writePoint = (point: number): string => `\\x{${hex(isSurrogate(point) ? 0xfffd : point)}}`

/**
 * Encodes an address as utf-8-addr-xtext: ASCII only, every other character and `+`, `=`, `\`, space as `\x{HEX}`. The
 * form for `ORCPT=utf-8;` when SMTPUTF8 is not offered (DSN-008).
 *
 * @category encoding
 * @since 0.1.0
 */
export const encodeUtf8Xtext = (text: string): string => escape(text, keepsQchar, writePoint)

/**
 * Encodes an address as utf-8-addr-unitext, which leaves non-ASCII characters as they are. The form for `ORCPT=utf-8;`
 * when SMTPUTF8 is offered (DSN-008).
 *
 * @category encoding
 * @since 0.1.0
 */
export const encodeUnitext = (text: string): string => escape(text, keepsQuchar, writePoint)

// HEXPOINT of RFC 6533: at least two digits, none of them a needless zero in front.
const hexPoint = /^(?:[0-9A-F]{2}|[1-9A-F][0-9A-F]{2,4}|10[0-9A-F]{4})$/
const longest = "\\x{10FFFF}".length

/**
 * Decodes utf-8-addr-xtext and utf-8-addr-unitext.
 *
 * Fails with `XtextError` at a backslash that does not begin `\x{HEX}` with upper-case digits of a code point, and at a
 * character that must be escaped.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeUnitext = (input: string): Result.Result<string, XtextError> => {
  let output = ""
  for (let i = 0; i < input.length; i++) {
    if (keepsQuchar(input, i)) {
      output += input.charAt(i)
      continue
    }
    if (input.charAt(i) !== "\\") return fail(input, i, `${nameAt(input, i)} must be written as \\x{HEX}`)
    const escaped = input.slice(i, i + longest)
    const close = escaped.indexOf("}")
    const digits = escaped.startsWith("\\x{") && close > 0 ? escaped.slice(3, close) : ""
    const point = hexPoint.test(digits) ? Number.parseInt(digits, 16) : -1
    if (point < 0 || isSurrogate(point)) return fail(input, i, "a backslash begins \\x{HEX} with a code point's digits")
    output += String.fromCodePoint(point)
    i += close
  }
  return Result.succeed(output)
}
