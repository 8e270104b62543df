/** The quoted-printable encoder (RFC 2045 section 6.7). */
import * as Utf8 from "./utf8.ts"
import { isPlain, viewOf } from "./words.ts"

const TAB = 9
const LF = 10
const CR = 13
const SP = 32
const DOT = 46
const EQUALS = 61

// Longer lines are broken softly.
const maxLine = 76

const hex = Uint8Array.from("0123456789ABCDEF", (char) => char.charCodeAt(0))

// What may stand for itself: 33-60 and 62-126 anywhere, SP and TAB unless they end a line.
const literal = new Uint8Array(256)
for (let octet = 33; octet < 127; octet++) literal[octet] = octet === EQUALS ? 0 : 1

const isLineEnd = (bytes: Uint8Array, at: number): boolean => at >= bytes.length || bytes[at] === CR || bytes[at] === LF

const startsFrom = (bytes: Uint8Array, at: number): boolean =>
  at + 4 < bytes.length &&
  bytes[at] === 70 &&
  bytes[at + 1] === 114 &&
  bytes[at + 2] === 111 &&
  bytes[at + 3] === 109 &&
  bytes[at + 4] === SP

// What may not stand at the beginning of a line, where servers and mailboxes look for it.
const isMark = (bytes: Uint8Array, at: number, octet: number): boolean => octet === DOT || startsFrom(bytes, at)

// Copies octets that stand for themselves wherever they are, at most `most`, and gives how many. A space at the end is left to
// who looks at what follows it.
const copyPlain = (from: DataView, start: number, into: DataView, at: number, most: number): number => {
  let count = 0
  for (; count + 4 <= most; count += 4) {
    const word = from.getInt32(start + count)
    if (!isPlain(word)) break
    into.setInt32(at + count, word)
  }
  for (; count < most; count++) {
    const octet = from.getUint8(start + count)
    if (octet !== SP && literal[octet] === 0) break
    into.setUint8(at + count, octet)
  }
  return count > 0 && from.getUint8(start + count - 1) === SP ? count - 1 : count
}

/** How many octets there are at most: three for one, and a soft break of three after every 73. */
const limitOf = (size: number): number => size * 3 + Math.ceil(size / 24) * 3

// Writes the encoded form, and gives how many octets that were.
const write = (bytes: Uint8Array, out: Uint8Array): number => {
  const size = bytes.length
  const from = viewOf(bytes)
  const into = viewOf(out)
  let at = 0
  let lineStart = 0
  for (let i = 0; i < size; i++) {
    const octet = bytes[i] ?? 0
    if (octet === CR || octet === LF) {
      if (octet === CR && i + 1 < size && bytes[i + 1] === LF) i++
      out[at++] = CR
      out[at++] = LF
      lineStart = at
      continue
    }
    const last = isLineEnd(bytes, i + 1)
    const plain = octet === SP || octet === TAB ? !last : literal[octet] === 1
    // The last column is free for an octet that ends its line, and else needed by the soft break.
    if (at - lineStart + (plain ? 1 : 3) > (last ? maxLine : maxLine - 1)) {
      out[at++] = EQUALS
      out[at++] = CR
      out[at++] = LF
      lineStart = at
    }
    if (plain && !(at === lineStart && isMark(bytes, i, octet))) {
      out[at++] = octet
      // Most text goes this way.
      const copied = copyPlain(from, i + 1, into, at, Math.min(lineStart + maxLine - 1 - at, size - i - 1))
      at += copied
      i += copied
    } else {
      out[at++] = EQUALS
      out[at++] = hex[octet >> 4] ?? 0
      out[at++] = hex[octet & 15] ?? 0
    }
  }
  return at
}

// For what is as long as most texts: a large array costs more than what is written to it.
const kept = new Uint8Array(limitOf(16_384))

const written = (bytes: Uint8Array): Uint8Array => {
  const limit = limitOf(bytes.length)
  const out = limit <= kept.length ? kept : new Uint8Array(limit)
  return out.subarray(0, write(bytes, out))
}

/** The encoded form as octets. */
export const encode = (bytes: Uint8Array): Uint8Array => written(bytes).slice()

/** The encoded form as a text. */
export const encodeText = (bytes: Uint8Array): string => Utf8.ascii(written(bytes))
