/**
 * Characters and their names, for the parsers and encoders of this package. Every function looks at each character once.
 *
 * @since 0.1.0
 */
import { printable } from "../Failure.ts"

/** May stand in an unquoted local part (RFC 5322 section 3.2.3). */
export const ATEXT = 1
/** May stand in a quoted local part without a backslash (RFC 5321 section 4.1.2, qtextSMTP). */
export const QTEXT = 2
/** A letter or a digit. */
export const LETDIG = 4
/** May stand in the value of an ESMTP parameter (RFC 5321 section 4.1.2, esmtp-value). */
export const VALUE = 8
/** Stands for itself in xtext (RFC 3461 section 4). */
export const XCHAR = 16
/** May stand in base64 (RFC 4648 section 4), padding aside. */
export const BASE64 = 32

/** A lower-case letter or a digit. */
export const LOWER = 64

const lower = "abcdefghijklmnopqrstuvwxyz0123456789"
const letdig = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
const printing = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i))
const without = (characters: string): string => printing.filter((c) => !characters.includes(c)).join("")

const table = (): Uint8Array => {
  const kinds = new Uint8Array(128)
  const mark = (characters: string, kind: number) => {
    for (const c of characters) kinds[c.charCodeAt(0)] = (kinds[c.charCodeAt(0)] ?? 0) | kind
  }
  mark(`${letdig}!#$%&'*+-/=?^_\`{|}~`, ATEXT)
  mark(` ${without('"\\')}`, QTEXT)
  mark(letdig, LETDIG)
  mark(lower, LOWER)
  mark(without("="), VALUE)
  mark(without("+="), XCHAR)
  mark(`${letdig}+/`, BASE64)
  return kinds
}

const kinds = table()

/** Whether the character at `index` is ASCII and of the kind; false behind the end. */
export const isKind = (text: string, index: number, kind: number): boolean => {
  const code = text.charCodeAt(index)
  return code < 128 && ((kinds[code] ?? 0) & kind) !== 0
}

/** Whether every character is printable ASCII, which is safe in every command. */
export const isPrintable = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || code > 0x7e) return false
  }
  return true
}

/** Whether every character is ASCII. */
export const isAscii = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false
  return true
}

/**
 * The text with its letters of ASCII in upper case, for names that are compared without case. Text that is not ASCII stays as
 * it is: the upper case of some of its letters is a letter of ASCII, so that `\u017fIZE` would pass for SIZE.
 */
export const upperCase = (text: string): string => (isAscii(text) ? text.toUpperCase() : text)

/** The number of octets of the text in UTF-8; half a surrogate pair counts as the replacement character it becomes. */
export const utf8Length = (text: string): number => {
  let octets = text.length
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7ff) octets += code >= 0xd800 && code <= 0xdfff && unicodeWidth(text, i) === 2 ? (i++, 2) : 2
    else if (code > 0x7f) octets += 1
  }
  return octets
}

/**
 * How many code units the non-ASCII character at `index` takes: 1 or 2, or 0 when it may not stand in a command: a C1
 * control, a line or paragraph separator, half a surrogate pair.
 */
export const unicodeWidth = (text: string, index: number): 0 | 1 | 2 => {
  const code = text.charCodeAt(index)
  if (code < 0xa0 || code === 0x2028 || code === 0x2029) return 0
  if (code < 0xd800 || code > 0xdfff) return 1
  const low = text.charCodeAt(index + 1)
  return code < 0xdc00 && low >= 0xdc00 && low <= 0xdfff ? 2 : 0
}

/** The index of the first character that must not reach the wire (a control, half a surrogate pair), or -1. */
export const unsafeIndex = (text: string): number => {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code >= 0x20 && code < 0x7f) continue
    const width = code < 0x80 ? 0 : unicodeWidth(text, i)
    if (width === 0) return i
    i += width - 1
  }
  return -1
}

/** The character at `index` in words that are safe to print. */
export const nameAt = (text: string, index: number): string => {
  const code = text.codePointAt(index)
  if (code === undefined) return "the end"
  if (code === 0x20) return "a space"
  const character = String.fromCodePoint(code)
  const shows = code < 0x7f ? code > 0x20 : /^[\p{L}\p{N}\p{P}\p{S}]$/u.test(character)
  return shows ? `"${character}"` : `the character U+${code.toString(16).toUpperCase().padStart(4, "0")}`
}

const clip = 80

/** The text in quotes for a message: what cannot be seen replaced, and of a long text only the part around `position`. */
export const quote = (text: string, position: number): string => {
  const start = Math.max(0, Math.min(position - clip / 2, text.length - clip))
  const end = start + clip
  return `"${start > 0 ? "…" : ""}${visible(text.slice(start, end))}${end < text.length ? "…" : ""}"`
}

const hidden = /[\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\u2800]/gu

const visible = (text: string): string => printable(text).toWellFormed().replace(hidden, "\ufffd")
