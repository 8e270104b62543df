/** Joining, cutting and searching octets. */
import * as Utf8 from "./utf8.ts"

/** One array of all the others. */
export const concat = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const [first] = parts
  if (first !== undefined && parts.length === 1) return first
  const out = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/**
 * Whether `part`, of at least two octets, occurs in `bytes`. The second is looked for: of a boundary that is `_`, of which there are
 * fewer than of the `=` before it.
 */
export const includes = (bytes: Uint8Array, part: Uint8Array): boolean => {
  const [, second = 0] = part
  const end = bytes.length - part.length + 1
  for (let at = bytes.indexOf(second, 1); at !== -1 && at <= end; at = bytes.indexOf(second, at + 1)) {
    if (part.every((octet, i) => bytes[at - 1 + i] === octet)) return true
  }
  return false
}

/** The same octets in pieces of at most `size`. */
export function* pieces(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** Octets as a string of one character for each. */
export const binary = (octets: Uint8Array): string => {
  let text = ""
  // Called this way it reads the array as it is; a spread would walk through an iterator.
  for (let at = 0; at < octets.length; at += 4096) {
    text += Reflect.apply(String.fromCharCode, undefined, octets.subarray(at, at + 4096))
  }
  return text
}

/** The octets of such a string. */
export const octets = (text: string): Uint8Array => {
  const utf8 = Utf8.borrow(text)
  // What is ASCII is the same in UTF-8, and the platform's coder writes it many times faster.
  if (utf8.length === text.length) return utf8.slice()
  const out = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) out[i] = text.charCodeAt(i)
  return out
}
