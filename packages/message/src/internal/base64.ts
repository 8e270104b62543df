/**
 * The base64 encoder (RFC 2045 section 6.8). Three octets are four characters, a line of 76 characters is 57 octets and a line
 * end is two: whatever is written, it is written in pairs, and a pair is looked up.
 */
/** The 64 characters. */
export const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

/** Octets of a full line. */
export const lineInput = 57

// Pairs of characters as the platform's own 16-bit words, whatever the order of their octets.
const wordOf = (first: number, second: number): number => new Uint16Array(Uint8Array.of(first, second).buffer)[0] ?? 0

const words = Uint16Array.from({ length: 4096 }, (_, i) =>
  wordOf(alphabet.charCodeAt(i >> 6), alphabet.charCodeAt(i & 63))
)

const lineEnd = wordOf(13, 10)
const PAD = 61

/** The characters with CRLF between the lines; how many octets they take. */
export const sizeOf = (size: number): number => {
  const characters = Math.ceil(size / 3) * 4
  return size === 0 ? 0 : characters + (Math.ceil(characters / 76) - 1) * 2
}

// The characters of octets `from` to `end`, a multiple of three. A read gives four octets, so one more must follow; two reads give six.
const writeLine = (octets: DataView, from: number, end: number, out: Uint16Array, start: number): number => {
  // Looked up in the loop, the table is looked up each time.
  const table = words
  let at = start
  let i = from
  for (; i + 6 <= end; i += 6, at += 4) {
    const first = octets.getUint32(i)
    const last = octets.getUint32(i + 2)
    out[at] = table[first >>> 20] ?? 0
    out[at + 1] = table[(first >>> 8) & 4095] ?? 0
    out[at + 2] = table[(last >>> 12) & 4095] ?? 0
    out[at + 3] = table[last & 4095] ?? 0
  }
  if (i >= end) return at
  const four = octets.getUint32(i)
  out[at] = table[four >>> 20] ?? 0
  out[at + 1] = table[(four >>> 8) & 4095] ?? 0
  return at + 2
}

const octetAt = (bytes: Uint8Array, at: number): number => (at < bytes.length ? (bytes[at] ?? 0) : 0)

// The last one to three octets are three with zeros; padding replaces the digits of those that are missing.
const writeRest = (bytes: Uint8Array, from: number, out: Uint16Array, at: number): number => {
  const three = (octetAt(bytes, from) << 16) | (octetAt(bytes, from + 1) << 8) | octetAt(bytes, from + 2)
  out[at] = words[three >> 12] ?? 0
  out[at + 1] = words[three & 4095] ?? 0
  return at + 2
}

// Writes lines to `out` from word `start` on, and gives where the next word goes.
const write = (bytes: Uint8Array, out: Uint16Array, start: number, before: boolean): number => {
  const { byteOffset, length } = bytes
  if (length === 0) return start
  const octets = new DataView(bytes.buffer, byteOffset, length)
  const whole = length - (((length - 1) % 3) + 1)
  let at = start
  for (let from = 0; from < length; from += lineInput) {
    if (before || at > 0) out[at++] = lineEnd
    at = writeLine(octets, from, Math.min(from + lineInput, whole), out, at)
  }
  return writeRest(bytes, whole, out, at)
}

/** Gives the memory for so many pairs of characters. */
export type Room = (pairs: number) => Uint16Array

/** New memory each time, which whoever gets the characters may keep. */
export const fresh: Room = (pairs) => new Uint16Array(pairs)

// Pieces of the same size may differ by a line and its end.
const spare = 40

/** Gives the same memory each time, for whoever is done with the characters before there are more. */
export const makeReused = (): Room => {
  let memory = fresh(0)
  return (pairs) => {
    if (memory.length < pairs) memory = fresh(pairs + spare)
    return memory.subarray(0, pairs)
  }
}

/**
 * The octets of `first`, which are whole lines or nothing, and of `rest`, in lines. `before` puts a line end in front, for what
 * follows other lines.
 */
export const encodeBoth = (first: Uint8Array, rest: Uint8Array, before: boolean, room: Room): Uint8Array => {
  const size = first.length + rest.length
  if (size === 0) return nothing
  const length = sizeOf(size) + (before ? 2 : 0)
  const out = room(length / 2)
  write(rest, out, write(first, out, 0, before), before)
  const octets = new Uint8Array(out.buffer, out.byteOffset, length)
  return octets.fill(PAD, length - ((3 - (size % 3)) % 3))
}

const nothing = new Uint8Array(0)

/** The same of one array. */
export const encode = (bytes: Uint8Array, before: boolean, room = fresh): Uint8Array =>
  encodeBoth(nothing, bytes, before, room)
