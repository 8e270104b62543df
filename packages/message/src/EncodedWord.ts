/**
 * Encoded-words (RFC 2047, with the language tag of RFC 2231 section 5): how text that is not printable ASCII stands in
 * a header. Written in UTF-8 only and in the form that is legal in unstructured fields and in display names alike; read
 * in every charset that the platform's decoder knows.
 *
 * @since 0.1.0
 */
import * as Base64 from "effect/encoding/Base64"
import * as Result from "effect/Result"
import * as Bytes from "./internal/bytes.ts"
import * as Utf8 from "./internal/utf8.ts"

const overhead = "=?utf-8?q??=".length

/**
 * The longest encoded-word (RFC 2047 section 2).
 *
 * @category limits
 * @since 0.1.0
 */
export const maxLength = 75

/**
 * The shortest room in which every character finds place: the longest one takes twelve characters in the Q form.
 *
 * @category limits
 * @since 0.1.0
 */
export const minLength = overhead + 12

// What each octet is in the Q form: of the three sets of RFC 2047 section 5, (3) is the strictest and right in every place.
const qOctets: ReadonlyArray<string> = Array.from({ length: 256 }, (_, octet) => {
  const char = String.fromCharCode(octet)
  if (octet === 32) return "_"
  return /^[0-9A-Za-z!*+\-/]$/.test(char) ? char : `=${octet.toString(16).toUpperCase().padStart(2, "0")}`
})

const qWidth = (codePoint: number): number =>
  codePoint < 128 ? (qOctets[codePoint]?.length ?? 0) : 3 * Utf8.octetsOf(codePoint)

const qWord = (text: string): string => {
  let word = ""
  for (const octet of Utf8.borrow(text)) word += qOctets[octet] ?? ""
  return `=?utf-8?q?${word}?=`
}

const bWord = (text: string): string => `=?utf-8?b?${Base64.encode(text)}?=`

interface Method {
  readonly word: (text: string) => string
  /** What one character adds to the load of a word. */
  readonly weight: (codePoint: number) => number
  /** The load that a word of this length can hold. */
  readonly capacity: (length: number) => number
}

const q: Method = { word: qWord, weight: qWidth, capacity: (length) => length - overhead }

const b: Method = {
  word: bWord,
  weight: Utf8.octetsOf,
  capacity: (length) => Math.floor((length - overhead) / 4) * 3
}

const shorter = (text: string): Method => {
  let quoted = 0
  let octets = 0
  for (let i = 0; i < text.length; i++) {
    const codePoint = text.codePointAt(i) ?? 0
    quoted += qWidth(codePoint)
    octets += Utf8.octetsOf(codePoint)
    if (codePoint > 0xffff) i++
  }
  return quoted <= Math.ceil(octets / 3) * 4 ? q : b
}

/**
 * The encoded-words that together stand for `text`, in order; they are to be separated by white space, which readers
 * drop. Each holds whole characters only (V-090). `first` and `rest` bound the length of the first and of the other
 * words (default 75, never less than 24). An unpaired surrogate becomes U+FFFD.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (
  text: string,
  options?: { readonly first?: number | undefined; readonly rest?: number | undefined }
): ReadonlyArray<string> => {
  const method = shorter(text)
  const capacity = (length = maxLength) => method.capacity(Math.max(minLength, Math.min(length, maxLength)))
  const words: Array<string> = []
  let start = 0
  let at = 0
  let load = 0
  let room = capacity(options?.first)
  for (const char of text) {
    const weight = method.weight(char.codePointAt(0) ?? 0)
    if (load + weight > room) {
      words.push(method.word(text.slice(start, at)))
      start = at
      load = 0
      room = capacity(options?.rest)
    }
    load += weight
    at += char.length
  }
  if (at > start) words.push(method.word(text.slice(start)))
  return words
}

interface Word {
  readonly charset: string
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
}

const qDecode = (text: string): Uint8Array | undefined => {
  const out: Array<number> = []
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 33 || unit > 126) return undefined
    if (unit !== 61) {
      out.push(unit === 95 ? 32 : unit)
      continue
    }
    const digits = text.slice(i + 1, i + 3)
    if (!/^[0-9A-Fa-f]{2}$/.test(digits)) return undefined
    out.push(Number.parseInt(digits, 16))
    i += 2
  }
  return Uint8Array.from(out)
}

const decodeText = (method: string, text: string): Uint8Array | undefined => {
  if (method === "q" || method === "Q") return qDecode(text)
  return method === "b" || method === "B" ? Result.getOrUndefined(Base64.decode(text)) : undefined
}

// The encoded-word whose "=?" stands at `start`. No part of it can hold a "?", so each search ends at the next one.
const wordAt = (text: string, start: number): Word | undefined => {
  const charsetEnd = text.indexOf("?", start + 2)
  if (charsetEnd === -1 || text.charAt(charsetEnd + 2) !== "?") return undefined
  const textEnd = text.indexOf("?", charsetEnd + 3)
  if (textEnd === -1 || text.charAt(textEnd + 1) !== "=") return undefined
  const bytes = decodeText(text.charAt(charsetEnd + 1), text.slice(charsetEnd + 3, textEnd))
  if (bytes === undefined) return undefined
  const [charset = ""] = text.slice(start + 2, charsetEnd).split("*", 1)
  return { charset: charset.toLowerCase(), bytes, start, end: textEnd + 2 }
}

const isBlank = (text: string): boolean => /^[ \t\r\n]*$/.test(text)

/**
 * The text that a header value with encoded-words stands for. White space between adjacent words vanishes, octets of
 * adjacent words of one charset are read together, and what is not a readable encoded-word stays as it is. The result
 * may hold any character, CR and LF included: it is text to show, not a header value.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (value: string): string => {
  if (!value.includes("=?")) return value
  let out = ""
  let done = 0
  // Words of one charset with nothing but white space between them.
  const run: Array<Word> = []
  const flush = () => {
    const [first] = run
    const last = run[run.length - 1]
    if (first === undefined || last === undefined) return
    out += Utf8.decode(Bytes.concat(run.map((word) => word.bytes)), first.charset) ?? value.slice(first.start, last.end)
    done = last.end
    run.length = 0
  }
  for (let at = value.indexOf("=?"); at !== -1;) {
    const word = wordAt(value, at)
    if (word === undefined) {
      at = value.indexOf("=?", at + 2)
      continue
    }
    const [first] = run
    const end = run[run.length - 1]?.end ?? done
    const adjacent = isBlank(value.slice(end, word.start))
    if (first === undefined || !adjacent || first.charset !== word.charset) {
      flush()
      // Between two words white space says nothing; anywhere else it is text.
      if (!(adjacent && first !== undefined)) out += value.slice(done, word.start)
    }
    run.push(word)
    at = value.indexOf("=?", word.end)
  }
  flush()
  return out + value.slice(done)
}
