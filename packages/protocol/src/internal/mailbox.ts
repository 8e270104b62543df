/**
 * The grammar of a mailbox (RFC 5321 section 4.1.2, RFC 6531 section 3.3) as one pass over the characters between two
 * indices. The parser returns the canonical text, or a fault with its position in the input.
 *
 * @since 0.1.0
 */
import { maxLabel, parseDomain } from "./domain.ts"
import { Fault } from "./fault.ts"
import { ATEXT, isKind, LOWER, nameAt, QTEXT, unicodeWidth, utf8Length } from "./text.ts"

const QUOTE = 0x22
const HYPHEN = 0x2d
const DOT = 0x2e
const AT = 0x40
const BACKSLASH = 0x5c

// RFC 5321 section 4.5.3.1: the path has at most 256 octets with its angle brackets.
const maxLocal = 64
const maxMailbox = 254

/** Parses the mailbox between two indices. */
export const parseMailbox = (input: string, start: number, end: number): string | Fault => {
  if (isPlain(input, start, end)) return input.slice(start, end)
  const quoted = start < end && input.charCodeAt(start) === QUOTE
  const at = quoted ? quotedStringEnd(input, start, end) : dotStringEnd(input, start, end)
  if (at instanceof Fault) return at
  const local = quoted ? quoteLocal(unquote(input, start + 1, at - 1)) : input.slice(start, at)
  const octets = utf8Length(local)
  if (octets > maxLocal) return new Fault(start, `the local part has ${octets} octets; at most 64 are allowed`)
  const domain = parseDomain(input, at + 1, end)
  if (domain instanceof Fault) return domain
  // The A-labels must fit, too, so that a server without SMTPUTF8 can be given the same mailbox.
  const length = octets + 1 + Math.max(domain.ascii.length, utf8Length(domain.unicode))
  return length > maxMailbox
    ? new Fault(start, `the address has ${length} octets; at most 254 are allowed`)
    : `${local}@${domain.unicode}`
}

// Nearly every mailbox is canonical as it comes: atoms, "@", a name in lower-case ASCII. This is told in one pass and
// without allocation; whatever it does not recognise, wrong or only unusual, is left to the grammar below.
const isPlain = (input: string, start: number, end: number): boolean => {
  if (end - start > maxMailbox) return false
  let piece = start
  let at = -1
  for (let i = start; i < end; i++) {
    if (isKind(input, i, at === -1 ? ATEXT : LOWER)) continue
    const code = input.charCodeAt(i)
    if (i === piece) return false
    if (at === -1) {
      if (code === AT) at = i
      else if (code !== DOT) return false
      piece = i + 1
    } else if (code === DOT) {
      if (!isPlainLabel(input, piece, i)) return false
      piece = i + 1
    } else if (code !== HYPHEN) return false
  }
  return at !== -1 && at - start <= maxLocal && piece < end && isPlainLabel(input, piece, end)
}

const isPlainLabel = (input: string, start: number, end: number): boolean =>
  end - start <= maxLabel && input.charCodeAt(end - 1) !== HYPHEN

// The index of the "@" behind atoms and dots.
const dotStringEnd = (input: string, start: number, end: number): number | Fault => {
  let atom = start
  for (let i = start; i < end; i++) {
    if (isKind(input, i, ATEXT)) continue
    const code = input.charCodeAt(i)
    if (code === DOT || code === AT) {
      if (i === atom) return emptyAtom(i, start, code)
      if (code === AT) return i
      atom = i + 1
      continue
    }
    const width = code < 0x80 ? 0 : unicodeWidth(input, i)
    if (width === 0) return new Fault(i, localReason(input, i))
    i += width - 1
  }
  return start === end
    ? new Fault(start, "there is no address; it is written like user@example.com")
    : new Fault(end, 'there is no "@"; an address is written like user@example.com')
}

const emptyAtom = (position: number, start: number, code: number): Fault => {
  if (code === AT && position === start) return new Fault(position, 'there is nothing before the "@"')
  const where = position === start ? "begins with a dot" : code === AT ? "ends with a dot" : "has two dots in a row"
  return new Fault(position, `the local part ${where}; remove it, or quote the local part`)
}

const localReasons: Readonly<Record<string, string>> = {
  " ": 'a space is allowed in quotes only, like "funny user"@example.com',
  ",": "a comma separates addresses; pass one address",
  ";": "a semicolon separates addresses; pass one address",
  "<": "angle brackets are not a part of the address; leave them out",
  ">": "angle brackets are not a part of the address; leave them out",
  "(": "comments are not a part of the address; leave them out",
  ")": "comments are not a part of the address; leave them out",
  '"': "quotes stand around the whole local part or not at all"
}

const localReason = (input: string, index: number): string =>
  localReasons[input.charAt(index)] ?? `${nameAt(input, index)} is not allowed in an unquoted local part`

// The index of the "@" behind a quoted string.
const quotedStringEnd = (input: string, start: number, end: number): number | Fault => {
  const close = closingQuote(input, start, end)
  if (close instanceof Fault) return close
  const at = close + 1
  return at < end && input.charCodeAt(at) === AT ? at : new Fault(at, 'behind the closing quote comes "@"')
}

const closingQuote = (input: string, start: number, end: number): number | Fault => {
  for (let i = start + 1; i < end; i++) {
    const code = input.charCodeAt(i)
    if (code === QUOTE) return i
    if (isKind(input, i, QTEXT)) continue
    const width = code === BACKSLASH ? pairWidth(input, i) : code < 0x80 ? 0 : unicodeWidth(input, i)
    if (width === 0) return new Fault(i, `${nameAt(input, i)} is not allowed in a local part, not even in quotes`)
    i += width - 1
  }
  return new Fault(start, "this quote is not closed")
}

const pairWidth = (input: string, index: number): number => {
  const code = input.charCodeAt(index + 1)
  return code >= 0x20 && code < 0x7f ? 2 : 0
}

const unquote = (input: string, start: number, end: number): string => {
  const content = input.slice(start, end)
  return content.includes("\\") ? content.replace(/\\(.)/g, "$1") : content
}

/** Writes the text as local part with the least quoting (SMTP-042). */
export const quoteLocal = (text: string): string =>
  dotStringEnd(`${text}@`, 0, text.length + 1) === text.length ? text : `"${text.replace(/["\\]/g, "\\$&")}"`
