/**
 * Copies octets with a few inserted or left out.
 */

// Below this length a loop is faster than a native copy.
const SHORT = 32

const LF = 10
const CR = 13
const DOT = 46

const copy = (from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void => {
  if (end - start >= SHORT) to.set(from.subarray(start, end), at)
  // The index is below the length.
  else for (let read = start, write = at; read < end; read++, write++) to[write] = from[read] as number
}

/** What is put in, by what it comes to stand before. */
export interface Inserted {
  readonly beforeLf: number
  readonly else: number
}

/** The octets with one more before each of the first `count` positions, and `tail` behind them. */
export const insertAt = (
  bytes: Uint8Array,
  positions: ReadonlyArray<number>,
  count: number,
  inserted: Inserted,
  tail: Uint8Array
): Uint8Array => {
  const result = new Uint8Array(bytes.length + count + tail.length)
  let read = 0
  for (let i = 0; i < count; i++) {
    const position = positions[i] as number // i is below the count
    copy(bytes, read, position, result, read + i)
    result[position + i] = bytes[position] === LF ? inserted.beforeLf : inserted.else
    read = position
  }
  copy(bytes, read, bytes.length, result, read + count)
  result.set(tail, bytes.length + count)
  return result
}

/**
 * The octets with one more dot before each dot that begins a line, the first of which is at `first`, and `tail` behind them;
 * or the index at which a bare CR or LF showed itself behind `first`. In one pass, for text that is full of such dots.
 */
export const doubleDots = (bytes: Uint8Array, first: number, tail: Uint8Array): Uint8Array | number => {
  const length = bytes.length
  // A line with a dot has three octets at least.
  const result = new Uint8Array(length + Math.ceil(length / 3) + 1 + tail.length)
  result.set(bytes.subarray(0, first))
  let write = first
  result[write++] = DOT
  for (let read = first; read < length;) {
    const octet = bytes[read++] as number // below the length
    result[write++] = octet
    if (octet > CR) continue
    if (octet === LF) return read - 1
    if (octet !== CR || read === length) continue
    if (bytes[read] !== LF) return read
    result[write++] = LF
    if (++read < length && bytes[read] === DOT) result[write++] = DOT
  }
  result.set(tail, write)
  return result.subarray(0, write + tail.length)
}

/** The octets up to `end` without those at the first `count` positions; a view when there are none. */
export const removeAt = (
  bytes: Uint8Array,
  end: number,
  positions: ReadonlyArray<number>,
  count: number
): Uint8Array => {
  if (count === 0) return bytes.subarray(0, end)
  const result = new Uint8Array(end - count)
  let read = 0
  for (let i = 0; i < count; i++) {
    const position = positions[i] as number // i is below the count
    copy(bytes, read, position, result, read - i)
    read = position + 1
  }
  copy(bytes, read, end, result, read - count)
  return result
}
