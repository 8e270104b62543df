/**
 * Values with parameters, such as `text/plain; charset=utf-8` (RFC 2045 section 5.1), with the charsets and
 * continuations of RFC 2231. The writer uses the shortest legal form; the reader is linear, takes all forms and prefers
 * the extended ones (V-094).
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Bytes from "./internal/bytes.ts"
import * as Utf8 from "./internal/utf8.ts"
import * as MessageError from "./MessageError.ts"

/**
 * A value and its parameters, names in lower case, in order.
 *
 * @category models
 * @since 0.1.0
 */
export interface Parameterized {
  readonly value: string
  readonly parameters: ReadonlyMap<string, string>
}

// A segment of this length and the longest usual name stay within one line of 78 columns.
const segmentLength = 50

const token = /^[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+$/

// RFC 2231 section 7, attribute-char: a token's characters without "*", "'" and "%".
const attributeCharacter = /^[!#$&+\-.0-9A-Z^_`a-z{|}~]$/

// What is written bare. The other three may stand in a token, but Python's reader ends a bare value at them.
const bare = /^[!#$&+\-.0-9A-Z^_`a-z{|}~]+$/

const percent = (octet: number): string => `%${octet.toString(16).toUpperCase().padStart(2, "0")}`

const extendedChar = (char: string): string =>
  attributeCharacter.test(char) ? char : Array.from(Utf8.encode(char), percent).join("")

// Pieces of whole characters, so that a reader that decodes each by itself is right as well.
const segments = (value: string): ReadonlyArray<string> => {
  const out: Array<string> = []
  let segment = ""
  for (const char of value) {
    const next = extendedChar(char)
    if (segment.length + next.length > segmentLength) {
      out.push(segment)
      segment = ""
    }
    segment += next
  }
  return [...out, segment]
}

const extended = (name: string, value: string): ReadonlyArray<string> => {
  const [first = "", ...others] = segments(value)
  return others.length === 0
    ? [`${name}*=utf-8''${first}`]
    : [`${name}*0*=utf-8''${first}`, ...others.map((segment, i) => `${name}*${i + 1}*=${segment}`)]
}

/**
 * One parameter as it is written, in one piece or, when it is long, in several to be joined by `;` and white space:
 * `name=token`, `name="quoted string"`, or the extended form with UTF-8 for all that is long or not printable ASCII.
 * `name` is a token of the program, not a text of its users.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (name: string, value: string): ReadonlyArray<string> => {
  // Many readers decode encoded-words here, although RFC 2047 section 5 forbids them: keep them from finding one.
  const plain = value.length <= segmentLength && /^[ -~]*$/.test(value) && !value.includes("=?")
  if (!plain) return extended(name, value)
  return bare.test(value) ? [`${name}=${value}`] : [`${name}="${value.replace(/["\\]/g, "\\$&")}"`]
}

/**
 * A value with parameters as the pieces between which a header can be folded, each but the last ending in `;`.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encodeAll = (value: string, parameters: Iterable<readonly [string, string]>): ReadonlyArray<string> => {
  const pieces = [value, ...Array.from(parameters).flatMap(([name, text]) => encode(name, text))]
  return pieces.map((piece, i) => (i < pieces.length - 1 ? `${piece};` : piece))
}

interface Raw {
  readonly name: string
  readonly value: string
}

// Names with asterisks: `name*`, `name*0`, `name*0*` (RFC 2231 section 7). Numbers have no leading zero.
const starred = /^([^*]+)(?:\*(0|[1-9]\d{0,2}))?(\*)?$/

interface Piece {
  readonly extended: boolean
  readonly value: string
}

const unpercent = (text: string): Uint8Array => {
  const raw = Utf8.encode(text)
  const out: Array<number> = []
  for (let i = 0; i < raw.length; i++) {
    const digits = raw[i] === 37 ? String.fromCharCode(raw[i + 1] ?? 0, raw[i + 2] ?? 0) : ""
    if (/^[0-9A-Fa-f]{2}$/.test(digits)) {
      out.push(Number.parseInt(digits, 16))
      i += 2
    } else out.push(raw[i] ?? 0)
  }
  return Uint8Array.from(out)
}

// The pieces from number 0 on, as far as none is missing.
const inOrder = (pieces: ReadonlyMap<number, Piece>): ReadonlyArray<Piece> => {
  const out: Array<Piece> = []
  for (let piece = pieces.get(0); piece !== undefined; piece = pieces.get(out.length)) out.push(piece)
  return out
}

const joinPieces = (used: ReadonlyArray<Piece>): string => {
  const [first] = used
  const parts = first?.extended === true ? first.value.split("'") : []
  const charset = parts.length > 2 ? (parts[0] ?? "") : ""
  const bytes = used.map((piece, i) => {
    const text = i === 0 && parts.length > 2 ? parts.slice(2).join("'") : piece.value
    return piece.extended ? unpercent(text) : Utf8.encode(text)
  })
  return (
    Utf8.decode(Bytes.concat(bytes), charset === "" ? "utf-8" : charset) ?? used.map((piece) => piece.value).join("")
  )
}

// What is said of one name: in one piece, and in numbered ones. Of what is said twice the first counts.
interface Said {
  plain: string | undefined
  readonly pieces: Map<number, Piece>
}

const combine = (raws: ReadonlyArray<Raw>): ReadonlyMap<string, string> => {
  const all = new Map<string, Said>()
  for (const raw of raws) {
    const [, base = raw.name, number, star] = starred.exec(raw.name) ?? []
    const said = all.get(base) ?? { plain: undefined, pieces: new Map() }
    all.set(base, said)
    if (number === undefined && star === undefined) said.plain ??= raw.value
    else if (!said.pieces.has(Number(number ?? 0))) {
      said.pieces.set(Number(number ?? 0), { extended: star !== undefined, value: raw.value })
    }
  }
  const out = new Map<string, string>()
  for (const [name, { pieces, plain }] of all) {
    const used = inOrder(pieces)
    const value = used.length > 0 ? joinPieces(used) : plain
    if (value !== undefined) out.set(name, value)
  }
  return out
}

const fail = (field: string, detail: string, position: number) =>
  Result.fail(MessageError.make("bad-header", detail, { field, position }))

/**
 * Reads a value with parameters. Fails with `bad-header` where it is not one: a parameter without name or `=`, or a
 * quoted string without end. Of parameters that are given twice the first one counts.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (input: string, field = "value"): Result.Result<Parameterized, MessageError.MessageError> => {
  const end = input.indexOf(";")
  const value = (end === -1 ? input : input.slice(0, end)).trim()
  const raws: Array<Raw> = []
  let at = end === -1 ? input.length : end + 1
  const skip = () => {
    while (/[ \t\r\n]/.test(input.charAt(at))) at++
  }
  while (at < input.length) {
    skip()
    if (at >= input.length) break
    if (input.charAt(at) === ";") {
      at++
      continue
    }
    const nameStart = at
    while (token.test(input.charAt(at))) at++
    const name = input.slice(nameStart, at).toLowerCase()
    skip()
    if (name === "" || input.charAt(at) !== "=") return fail(field, "a parameter is written name=value", at)
    at++
    skip()
    const text = input.charAt(at) === '"' ? quotedAt(input, at) : tokenAt(input, at)
    if (text === undefined) return fail(field, "a quoted string has no end", at)
    raws.push({ name, value: text.value })
    at = text.end
    skip()
    if (at < input.length && input.charAt(at) !== ";") return fail(field, "a ; is missing between parameters", at)
  }
  return Result.succeed({ value, parameters: combine(raws) })
}

interface Read {
  readonly value: string
  readonly end: number
}

const quotedAt = (input: string, start: number): Read | undefined => {
  const pieces: Array<string> = []
  let from = start + 1
  for (let at = from; at < input.length; at++) {
    const char = input.charAt(at)
    if (char === '"') return { value: pieces.join("") + input.slice(from, at), end: at + 1 }
    if (char === "\\") {
      pieces.push(input.slice(from, at))
      from = ++at
    }
  }
  return undefined
}

const tokenAt = (input: string, start: number): Read => {
  let end = start
  while (end < input.length && !/[; \t\r\n]/.test(input.charAt(end))) end++
  return { value: input.slice(start, end), end }
}
