/**
 * The canonical forms over which DKIM signs (RFC 6376 section 3.4). Header fields are strings with one character for each
 * octet; bodies pass through in pieces of any size, and only counts are held back.
 *
 * @since 0.1.0
 */
import * as Bytes from "./internal/bytes.ts"

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

const relaxedField = (field: string): string => {
  const colon = field.indexOf(":")
  const value = field
    .slice(colon + 1)
    .replaceAll("\r\n", "")
    .replace(/[ \t]+/g, " ")
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

const relaxed = (sink: Sink): Body => {
  let empty = true
  let blank = false
  let ends = 0
  let memory = new Uint8Array()
  return {
    write: (octets) => {
      if (ends > 0 && octets.some(isSolid)) {
        lineEnds(ends * 2, sink)
        ends = 0
      }
      if (memory.length <= octets.length) memory = new Uint8Array(octets.length + 1)
      const out = memory
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
          empty = false
          out[at++] = octet
          // Most of a body is words.
          while ((octets[i + 1] ?? 0) > SP) out[at++] = octets[++i] ?? 0
        }
      }
      sink(out.subarray(0, at))
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
