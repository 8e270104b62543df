/**
 * The canonical forms over which DKIM signs (RFC 6376 section 3.4). Header fields are strings with one character for each
 * octet; bodies pass through in pieces of any size, and only counts are held back.
 *
 * @since 0.1.0
 */
import * as Bytes from "./internal/bytes.ts"
import { blanks, hasTab, isSingleSpaced, viewOf } from "./internal/words.ts"

/**
 * `relaxed` ignores how white space was written, `simple` nothing.
 *
 * @category models
 * @since 0.1.0
 */
export type Form = "relaxed" | "simple"

const TAB = 9
const LF = 10
const CR = 13
const SP = 32

// Most fields are one line with single spaces.
const single = (value: string): string =>
  /[\t\r]|  /.test(value) ? value.replaceAll("\r\n", "").replace(/[ \t]+/g, " ") : value

const relaxedField = (field: string): string => {
  const colon = field.indexOf(":")
  const end = field.endsWith("\r\n") ? -2 : undefined
  const value = single(field.slice(colon + 1, end))
  return `${field.slice(0, colon).trimEnd().toLowerCase()}:${value.replace(/^ | $/g, "")}\r\n`
}

/**
 * The canonical form of a whole header field, its CRLF included (RFC 6376 sections 3.4.1 and 3.4.2, DKIM-004).
 *
 * @category encoding
 * @since 0.1.0
 */
export const field = (form: Form, text: string): string => (form === "simple" ? text : relaxedField(text))

/**
 * A header's fields as strings of one character for each octet, by name in lower case, in order.
 *
 * @category models
 * @since 0.1.0
 */
export type Fields = ReadonlyMap<string, ReadonlyArray<string>>

/**
 * Takes a body in pieces; `end` writes what is left.
 *
 * @category models
 * @since 0.1.0
 */
export interface Body {
  readonly write: (octets: Uint8Array) => void
  readonly end: () => void
}

type Sink = (octets: Uint8Array) => void

const crlf = Uint8Array.of(CR, LF)
const manyLineEnds = Uint8Array.from({ length: 8192 }, (_, i) => (i % 2 === 0 ? CR : LF))

// A run of line ends, given as its number of octets, may be as long as the body; it is never built as a whole.
const lineEnds = (octets: number, sink: Sink): void => {
  for (let left = octets; left > 0; left -= manyLineEnds.length) sink(manyLineEnds.subarray(0, left))
}

const lengthWithoutLineEnds = (octets: Uint8Array): number => {
  let length = octets.length
  while (length > 0 && (octets[length - 1] === LF || octets[length - 1] === CR)) length--
  return length
}

const simple = (sink: Sink): Body => {
  let held = 0
  return {
    write: (octets) => {
      const length = lengthWithoutLineEnds(octets)
      if (length > 0) {
        lineEnds(held, sink)
        sink(octets.subarray(0, length))
        held = 0
      }
      held += octets.length - length
    },
    end: () => sink(crlf)
  }
}

const isSolid = (octet: number): boolean => octet !== SP && octet !== TAB && octet !== CR && octet !== LF

// Copies octets that stay as they are and end with no blank, as far as that is easily told, and gives how many.
const copyWords = (from: DataView, start: number, into: DataView, at: number): number => {
  const most = from.byteLength - start
  let count = 0
  for (; count + 4 <= most; count += 4) {
    const word = from.getInt32(start + count)
    if (!isSingleSpaced(word)) break
    into.setInt32(at + count, word)
  }
  return count
}

// What was read and not written: whether a blank, and how many line ends. They are written when something solid follows.
interface Held {
  readonly blank: boolean
  readonly ends: number
}

interface Relaxed extends Held {
  /** How many octets were written. */
  readonly length: number
}

const writeRelaxed = (octets: Uint8Array, held: Held, out: Uint8Array): Relaxed => {
  const from = viewOf(octets)
  const into = viewOf(out)
  let { blank, ends } = held
  let at = 0
  for (let i = 0; i < octets.length; i++) {
    const octet = octets[i] ?? 0
    if (octet === LF) {
      ends++
      blank = false
    } else if (octet === SP || octet === TAB) blank = true
    else if (octet !== CR) {
      for (; ends > 0; ends--) {
        out[at++] = CR
        out[at++] = LF
      }
      if (blank) out[at++] = SP
      blank = false
      out[at++] = octet
      // Most of a body is words.
      const copied = copyWords(from, i + 1, into, at)
      at += copied
      i += copied
    }
  }
  return { blank, ends, length: at }
}

// Whether an octet between two offsets does not stay as it is: a TAB, or a space before a blank, a line end or the end of the piece.
const hasChange = (octets: Uint8Array, start: number, end: number): boolean => {
  for (let at = start; at < end; at++) {
    const octet = octets[at] ?? 0
    if (octet === TAB) return true
    if (octet === SP && (at + 1 === octets.length || !isSolid(octets[at + 1] ?? 0))) return true
  }
  return false
}

// Whether the relaxed form of a piece is the piece but for line ends at its end, as it is with most texts. Only where two octets in a
// row may be blanks or line ends is it looked at each.
const isRelaxed = (octets: Uint8Array): boolean => {
  if (octets[0] === LF) return false
  const words = viewOf(octets)
  let at = 0
  for (; at + 5 <= octets.length; at += 4) {
    const word = words.getInt32(at)
    const suspect = hasTab(word) || (blanks(word) & blanks(words.getInt32(at + 1))) !== 0
    if (suspect && hasChange(octets, at, at + 4)) return false
  }
  return !hasChange(octets, at, octets.length)
}

const countLines = (octets: Uint8Array, start: number): number => {
  let lines = 0
  for (let at = start; at < octets.length; at++) if (octets[at] === LF) lines++
  return lines
}

const relaxed = (sink: Sink): Body => {
  let empty = true
  let held: Held = { blank: false, ends: 0 }
  const writeHeld = () => {
    lineEnds(held.ends * 2, sink)
    held = { blank: held.blank, ends: 0 }
  }
  const writeAsItIs = (octets: Uint8Array) => {
    const length = lengthWithoutLineEnds(octets)
    if (length > 0) {
      writeHeld()
      sink(octets.subarray(0, length))
      empty = false
    }
    held = { blank: false, ends: held.ends + countLines(octets, length) }
  }
  return {
    write: (octets) => {
      if (!held.blank && isRelaxed(octets)) return writeAsItIs(octets)
      if (held.ends > 0 && octets.some(isSolid)) writeHeld()
      const out = new Uint8Array(octets.length + 1)
      const written = writeRelaxed(octets, held, out)
      held = written
      empty &&= written.length === 0
      sink(out.subarray(0, written.length))
    },
    end: () => {
      if (!empty) sink(crlf)
    }
  }
}

/**
 * Writes the canonical form of a body to `sink` in pieces, each of which holds until `sink` returns; every line end of the body
 * must be CRLF (RFC 6376 sections 3.4.3 and 3.4.4, DKIM-005).
 *
 * @category encoding
 * @since 0.1.0
 */
export const body = (form: Form, sink: Sink): Body => (form === "simple" ? simple(sink) : relaxed(sink))

/**
 * The octets that are signed: the fields of `names`, of those with one name the last first, then the signature's own field
 * `signature` with an empty b= and without its CRLF (RFC 6376 section 3.7, DKIM-007).
 *
 * @category encoding
 * @since 0.1.0
 */
export const signedOctets = (
  form: Form,
  fields: Fields,
  names: ReadonlyArray<string>,
  signature: string
): Uint8Array => {
  const taken = new Map<string, number>()
  let data = ""
  for (const name of names) {
    const count = (taken.get(name) ?? 0) + 1
    taken.set(name, count)
    const text = fields.get(name)?.at(-count)
    if (text !== undefined) data += field(form, text)
  }
  return Bytes.octets(data + field(form, signature).slice(0, -2))
}
