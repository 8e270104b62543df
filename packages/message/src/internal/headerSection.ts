/**
 * The header of a ready message, as far as sending needs it: where each field stands, and its value when asked for.
 * Works on bytes whose line ends are CRLF, in one pass.
 */
import * as Result from "effect/Result"
import * as MessageError from "../MessageError.ts"
import * as Utf8 from "./utf8.ts"

export interface Field {
  /** In lower case. */
  readonly name: string
  /** Offset of its first octet. */
  readonly start: number
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

const isBlank = (octet: number | undefined): boolean => octet === 32 || octet === 9

const lineEnd = (bytes: Uint8Array, from: number): number => {
  const at = bytes.indexOf(LF, from)
  return at === -1 ? bytes.length : at + 1
}

const isEmptyLine = (bytes: Uint8Array, at: number): boolean => bytes[at] === CR && bytes[at + 1] === LF

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

// In lower case, and no longer than anybody's; empty when it is not ASCII.
const nameAt = (bytes: Uint8Array, start: number, colon: number): string =>
  asciiAt(bytes, start, Math.min(colon, start + 100))?.toLowerCase() ?? ""

/** The fields of a message's header. */
export const parse = (bytes: Uint8Array): Result.Result<Section, MessageError.MessageError> => {
  const fields: Array<Field> = []
  const stop = bodyStart(bytes)
  const nul = bytes.indexOf(0)
  if (nul !== -1 && nul < stop) return fail("NUL is not allowed", nul)
  for (let start = 0; start < stop;) {
    let end = lineEnd(bytes, start)
    const found = bytes.indexOf(COLON, start)
    const colon = found < end ? found : -1
    // White space before the colon is obsolete, and still met (RFC 5322 section 4.5).
    const name = nameAt(bytes, start, colon < 0 ? end : colon).trimEnd()
    if (colon < start || !/^[!-9;-~]+$/.test(name)) {
      return fail(
        "a header line is not a field",
        start,
        name.startsWith("from ") || start === 0
          ? "The message must begin with a header field, not with an mbox line or with text"
          : "The header ends with an empty line"
      )
    }
    while (end < stop && isBlank(bytes[end])) end = lineEnd(bytes, end)
    fields.push({ name, start, valueStart: colon + 1, end })
    start = end
  }
  return Result.succeed({ bytes, fields })
}

/** The unfolded value. Fails with `bad-header` when it is not UTF-8: nobody can tell whom such an address means. */
export const value = (section: Section, field: Field): Result.Result<string, MessageError.MessageError> => {
  const { end, valueStart } = field
  const text = asciiAt(section.bytes, valueStart, end) ?? Utf8.decode(section.bytes.subarray(valueStart, end))
  return text === undefined
    ? fail(`the field ${field.name} is not UTF-8`, field.valueStart)
    : Result.succeed(text.replaceAll("\r\n", "").trim())
}

/** The Message-ID with its angle brackets; only what is safe to log and to send in a command. */
export const messageId = (section: Section): string | undefined => {
  const field = section.fields.find(({ name }) => name === "message-id")
  const text = field === undefined ? "" : Result.getOrElse(value(section, field), () => "")
  return /<[!-;=?-~]+>/.exec(text)?.[0]
}
