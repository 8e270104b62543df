/**
 * Content transfer encodings (RFC 2045 section 6): what is known of a run of octets, which encoding carries it safely
 * at the least cost, and the encoders and decoders themselves. Everything works on octets and is linear; encoders never
 * write a bare CR or LF, a line longer than 76 octets or, at the beginning of a line, a dot.
 *
 * @since 0.1.0
 */

import * as Context from "effect/Context"
import * as Base64 from "./internal/base64.ts"
import * as QuotedPrintable from "./internal/quotedPrintable.ts"
import { countHigh, hasControl, viewOf } from "./internal/words.ts"

/**
 * The encodings that this package writes.
 *
 * @category models
 * @since 0.1.0
 */
export type TransferEncoding = Identity | "quoted-printable" | "base64"

/**
 * The encodings that change nothing and say what the content takes (RFC 2045 section 6.2): `7bit`, lines of ASCII, which every server
 * takes; `8bit`, lines of any octets but NUL; `binary`, any octets at all.
 *
 * @category models
 * @since 0.1.0
 */
export type Identity = "7bit" | "8bit" | "binary"

/**
 * The widest encoding that rendering may use where the server takes it; `8bit` by default. Each wider one is shorter and saves the
 * encoding; a server that does not take it is given the same message in a narrower one (`Parcel.bodyFor`), and so is whoever signs
 * (DKIM-015).
 *
 * With `8bit`, text in UTF-8 goes out unencoded to servers that offer 8BITMIME (RFC 6152). With `binary`, attachments do too, and so
 * does text with NUL or long lines, to servers that offer CHUNKING and BINARYMIME as well (RFC 3030). BDAT announces the size of the
 * message: one with a stream of unknown size is composed as with `8bit`. With `7bit`, every server is given the same octets.
 *
 * @category references
 * @since 0.1.0
 */
export const CurrentWidest: Context.Reference<Identity> = Context.Reference("@effect-mail/message/CurrentWidest", {
  defaultValue: (): Identity => "8bit"
})

/**
 * What one pass over octets tells. CR, LF and CRLF all count as one line end.
 *
 * @category models
 * @since 0.1.0
 */
export interface Facts {
  /** How many octets there are. */
  readonly size: number
  /** How many of them are above 127. */
  readonly high: number
  /** Whether there is an octet 0. */
  readonly nul: boolean
  /** How many line ends are a lone CR or a lone LF. */
  readonly bare: number
  /** The offset of the first of those, or -1. */
  readonly firstBare: number
  /** Octets of the longest line, its line end not counted. */
  readonly longestLine: number
  /** Whether any line begins with a dot (RFC 5321 section 4.5.2). */
  readonly dotLine: boolean
}

const CR = 13
const LF = 10
const SP = 32
const TAB = 9
const DOT = 46
const EQUALS = 61

/**
 * The longest line that may be sent, in octets without CRLF (RFC 5322 section 2.1.1).
 *
 * @category limits
 * @since 0.1.0
 */
export const maxLineLength = 998

/**
 * Looks at every octet once.
 *
 * @category getters
 * @since 0.1.0
 */
export const scan = (bytes: Uint8Array): Facts => {
  const size = bytes.length
  const words = viewOf(bytes)
  let high = 0
  let nul = false
  let bare = 0
  let firstBare = -1
  let longestLine = 0
  let lineStart = 0
  let dotLine = size > 0 && bytes[0] === DOT
  for (let i = 0; i < size; i++) {
    for (; i + 4 <= size; i += 4) {
      const word = words.getInt32(i)
      if (hasControl(word)) break
      high += countHigh(word)
    }
    if (i === size) break
    const octet = bytes[i] ?? 0
    if (octet > CR) {
      high += octet >> 7
      continue
    }
    if (octet === CR || octet === LF) {
      if (i - lineStart > longestLine) longestLine = i - lineStart
      // Reading past the end of an array is slow, then and ever after.
      if (octet === CR && i + 1 < size && bytes[i + 1] === LF) i++
      else {
        bare++
        if (firstBare === -1) firstBare = i
      }
      lineStart = i + 1
      if (lineStart < size && bytes[lineStart] === DOT) dotLine = true
    } else if (octet === 0) nul = true
  }
  return { size, high, nul, bare, firstBare, longestLine: Math.max(longestLine, size - lineStart), dotLine }
}

/**
 * The encoding in which text travels unharmed through any server at the least cost (MIME-004): `7bit`, as it is, for
 * ASCII without NUL and without a line above 998 octets; quoted-printable, which stays legible, when at most a quarter
 * of the octets are not ASCII; else base64, which is shorter then. Where they are allowed, `8bit` and `binary` go before
 * the two; `widest` says up to which.
 *
 * @category combinators
 * @since 0.1.0
 */
export const choose = (facts: Facts, widest: Identity = "7bit"): TransferEncoding => {
  const needed = identity(facts)
  if (isWithin(needed, widest)) return needed
  return facts.high * 4 <= facts.size ? "quoted-printable" : "base64"
}

/**
 * Whether content that takes `needed` can go where nothing wider than `widest` can.
 *
 * @category guards
 * @since 0.1.0
 */
export const isWithin = (needed: Identity, widest: Identity): boolean =>
  needed === "7bit" || needed === widest || widest === "binary"

/**
 * The narrowest of the encodings that change nothing in which octets with these facts can go out.
 *
 * @category getters
 * @since 0.1.0
 */
export const identity = ({ high, longestLine, nul }: Pick<Facts, "high" | "longestLine" | "nul">): Identity => {
  if (nul || longestLine > maxLineLength) return "binary"
  return high > 0 ? "8bit" : "7bit"
}

/**
 * The same lines with CRLF at the end of each, whatever they ended with. Returns the input itself when nothing is to be
 * done; `facts` saves the scan.
 *
 * @category encoding
 * @since 0.1.0
 */
export const toCrlf = (bytes: Uint8Array, facts: Facts = scan(bytes)): Uint8Array => {
  if (facts.bare === 0) return bytes
  const size = bytes.length
  const out = new Uint8Array(size + facts.bare)
  const from = viewOf(bytes)
  const into = viewOf(out)
  let at = 0
  for (let i = 0; i < size; i++) {
    for (; i + 4 <= size; i += 4, at += 4) {
      const word = from.getInt32(i)
      if (hasControl(word)) break
      into.setInt32(at, word)
    }
    if (i === size) break
    const octet = bytes[i] ?? 0
    if (octet !== CR && octet !== LF) {
      out[at++] = octet
      continue
    }
    if (octet === CR && i + 1 < size && bytes[i + 1] === LF) i++
    out[at++] = CR
    out[at++] = LF
  }
  return out
}

const base64Values = new Uint8Array(256).fill(255)
Array.from(Base64.alphabet).forEach((character, value) => {
  base64Values[character.charCodeAt(0)] = value
})

/**
 * How many octets of input one full line of base64 holds: 76 characters.
 *
 * @category limits
 * @since 0.1.0
 */
export const base64LineInput = Base64.lineInput

/**
 * How many octets `base64` writes for an input of `size` octets.
 *
 * @category getters
 * @since 0.1.0
 */
export const base64Size = (size: number): number => Base64.sizeOf(size)

/**
 * Base64 in lines of 76 characters, with CRLF between the lines and none after the last (RFC 2045 section 6.8). Pieces
 * whose input is a multiple of 57 octets can be joined by CRLF.
 *
 * @category encoding
 * @since 0.1.0
 */
export const base64 = (bytes: Uint8Array): Uint8Array => Base64.encode(bytes, false)

/**
 * The octets of a base64 body. Foreign characters are skipped, as RFC 2045 section 6.8 asks of bodies; what follows the
 * padding is not read.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeBase64 = (bytes: Uint8Array): Uint8Array => {
  const out = new Uint8Array(Math.ceil(bytes.length / 4) * 3)
  let at = 0
  let bits = 0
  let held = 0
  for (const octet of bytes) {
    if (octet === EQUALS) break
    const value = base64Values[octet] ?? 255
    if (value === 255) continue
    held = ((held << 6) | value) & 0xffff
    bits += 6
    if (bits >= 8) {
      bits -= 8
      out[at++] = held >> bits
    }
  }
  return out.subarray(0, at)
}

/**
 * Quoted-printable (RFC 2045 section 6.7): every line end of the input becomes CRLF, no line is longer than 76 octets,
 * SP and TAB at the end of a line are escaped, and so are, at the beginning of a line, a dot and the `F` of `From `
 * (MIME-004).
 *
 * @category encoding
 * @since 0.1.0
 */
export const quotedPrintable = (bytes: Uint8Array): Uint8Array => QuotedPrintable.encode(bytes)

const hexValue = (octet: number | undefined): number => {
  if (octet === undefined) return -1
  if (octet >= 48 && octet <= 57) return octet - 48
  const upper = octet & 0xdf
  return upper >= 65 && upper <= 70 ? upper - 55 : -1
}

/**
 * The octets of a quoted-printable body. SP and TAB before a line end are dropped, as RFC 2045 section 6.7 rule 3 asks;
 * an `=` that begins no escape stands for itself.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeQuotedPrintable = (bytes: Uint8Array): Uint8Array => {
  const out = new Uint8Array(bytes.length)
  let at = 0
  // The end of what a line end may not take away: everything but literal SP and TAB.
  let solid = 0
  for (let i = 0; i < bytes.length; i++) {
    const octet = bytes[i] ?? 0
    if (octet === EQUALS) {
      const skipped = softBreak(bytes, i + 1)
      if (skipped > 0) {
        i += skipped
        solid = at
        continue
      }
      const high = hexValue(bytes[i + 1])
      const low = hexValue(bytes[i + 2])
      const escaped = high !== -1 && low !== -1
      out[at++] = escaped ? high * 16 + low : octet
      if (escaped) i += 2
      solid = at
    } else if (octet === SP || octet === TAB) out[at++] = octet
    else {
      if (octet === CR || octet === LF) at = solid
      out[at++] = octet
      solid = at
    }
  }
  return out.subarray(0, solid)
}

// How many octets after an `=` make it a soft line break: optional blanks and a line end (or the end), else 0.
const softBreak = (bytes: Uint8Array, from: number): number => {
  let at = from
  while (bytes[at] === SP || bytes[at] === TAB) at++
  if (bytes[at] === CR && bytes[at + 1] === LF) return at + 2 - from
  if (bytes[at] === LF) return at + 1 - from
  return at >= bytes.length ? Math.max(at - from, 1) : 0
}
