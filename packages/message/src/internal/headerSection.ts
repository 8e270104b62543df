/**
 * The header of a ready message, as far as sending needs it: where each field stands, and its name and value when asked for.
 * Works on bytes whose line ends are CRLF, in one pass that ends where the header does.
 */
import * as Result from "effect/Result"
import * as MessageError from "../MessageError.ts"
import * as Utf8 from "./utf8.ts"

export interface Field {
  /** Offset of its first octet. */
  readonly start: number
  /** Offset after its name. */
  readonly nameEnd: number
  /** Offset of the first octet of its value. */
  readonly valueStart: number
  /** Offset after its last CRLF. */
  readonly end: number
}

export interface Section {
  readonly bytes: Uint8Array
  readonly fields: ReadonlyArray<Field>
}

const CR = 13
const LF = 10
const COLON = 58
const LESS = 60
const GREATER = 62

const isBlank = (octet: number | undefined): boolean => octet === 32 || octet === 9

// Printable ASCII without the colon (RFC 5322 section 2.2).
const isNameOctet = (octet: number): boolean => octet > 32 && octet < 127 && octet !== COLON

const lineEnd = (bytes: Uint8Array, from: number): number => {
  const at = bytes.indexOf(LF, from)
  return at === -1 ? bytes.length : at + 1
}

const isEmptyLine = (bytes: Uint8Array, at: number): boolean =>
  bytes[at] === CR && at + 1 < bytes.length && bytes[at + 1] === LF

/** The offset after the header fields: of the empty line, or of the end. */
export const bodyStart = (bytes: Uint8Array): number => {
  let at = 0
  while (at < bytes.length && !isEmptyLine(bytes, at)) at = lineEnd(bytes, at)
  return at
}

const fail = (detail: string, position: number, hint?: string) =>
  Result.fail(MessageError.make("bad-header", detail, { field: "header", position, hint }))

// What is short and ASCII; undefined for anything else. A view of the bytes would cost more than the text.
const asciiAt = (bytes: Uint8Array, start: number, end: number): string | undefined => {
  if (end - start > 200) return undefined
  const octets: Array<number> = []
  for (let at = start; at < end; at++) {
    const octet = bytes[at] ?? 0
    if (octet > 127) return undefined
    octets.push(octet)
  }
  return String.fromCharCode(...octets)
}

// What is known to be ASCII.
const asciiText = (bytes: Uint8Array, start: number, end: number): string =>
  asciiAt(bytes, start, end) ?? Utf8.ascii(bytes.subarray(start, end))

const notAField = (bytes: Uint8Array, start: number) => {
  const nul = bytes.indexOf(0)
  if (nul !== -1 && nul < bodyStart(bytes)) return fail("NUL is not allowed", nul)
  const isMbox = asciiAt(bytes, start, Math.min(bytes.length, start + 5))?.toLowerCase() === "from "
  return fail(
    "a header line is not a field",
    start,
    isMbox || start === 0
      ? "The message must begin with a header field, not with an mbox line or with text"
      : "The header ends with an empty line"
  )
}

// The offset after the field of which `from` is within the first line: a line that begins with a blank continues it. -1 when it
// has NUL.
const fieldEnd = (bytes: Uint8Array, from: number): number => {
  const size = bytes.length
  for (let at = from; at < size; at++) {
    const octet = bytes[at] ?? 0
    if (octet > LF) continue
    if (octet === 0) return -1
    if (octet === LF && (at + 1 === size || !isBlank(bytes[at + 1]))) return at + 1
  }
  return size
}

/** The fields of a message's header. */
export const parse = (bytes: Uint8Array): Result.Result<Section, MessageError.MessageError> => {
  const fields: Array<Field> = []
  const size = bytes.length
  for (let start = 0; start < size && !isEmptyLine(bytes, start);) {
    let nameEnd = start
    while (nameEnd < size && isNameOctet(bytes[nameEnd] ?? 0)) nameEnd++
    let colon = nameEnd
    // White space before the colon is obsolete, and still met (RFC 5322 section 4.5).
    while (colon < size && isBlank(bytes[colon])) colon++
    if (nameEnd === start || colon === size || bytes[colon] !== COLON) return notAField(bytes, start)
    const end = fieldEnd(bytes, colon)
    if (end === -1) return fail("NUL is not allowed", bytes.indexOf(0))
    fields.push({ start, nameEnd, valueStart: colon + 1, end })
    start = end
  }
  return Result.succeed({ bytes, fields })
}

/** The name of a field in lower case. */
export const nameOf = ({ bytes }: Section, { nameEnd, start }: Field): string =>
  asciiText(bytes, start, nameEnd).toLowerCase()

/** The name of a field when it begins with a prefix, which is given in lower case. Most names begin with another letter. */
export const nameWith = (prefix: string, section: Section, field: Field): string | undefined => {
  if (((section.bytes[field.start] ?? 0) | 32) !== prefix.charCodeAt(0)) return undefined
  const name = nameOf(section, field)
  return name.startsWith(prefix) ? name : undefined
}

/** Whether a field has a name, which is given in lower case. Most fields have another length. */
export const isNamed = (section: Section, field: Field, name: string): boolean =>
  field.nameEnd - field.start === name.length && nameOf(section, field) === name

/** The unfolded value. Fails with `bad-header` when it is not UTF-8: nobody can tell whom such an address means. */
export const value = (section: Section, field: Field): Result.Result<string, MessageError.MessageError> => {
  const { end, valueStart } = field
  const text = asciiAt(section.bytes, valueStart, end) ?? Utf8.decode(section.bytes.subarray(valueStart, end))
  return text === undefined
    ? fail(`the field ${nameOf(section, field)} is not UTF-8`, field.valueStart)
    : Result.succeed(text.replaceAll("\r\n", "").trim())
}

// The first text in angle brackets of printable ASCII, brackets included. A folded one has a blank in it.
const bracketed = (bytes: Uint8Array, start: number, end: number): string | undefined => {
  let open = -1
  for (let at = start; at < end; at++) {
    const octet = bytes[at] ?? 0
    if (octet === LESS) open = at
    else if (octet === GREATER && open !== -1 && at > open + 1) return asciiText(bytes, open, at + 1)
    else if (octet === GREATER || octet < 33 || octet > 126) open = -1
  }
  return undefined
}

/** The Message-ID with its angle brackets; only what is safe to log and to send in a command. */
export const messageId = (section: Section): string | undefined => {
  const field = section.fields.find((field) => isNamed(section, field, "message-id"))
  return field === undefined ? undefined : bracketed(section.bytes, field.valueStart, field.end)
}
