/** Joining, cutting and searching octets. */

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

/** Whether `part` occurs in `bytes`. */
export const includes = (bytes: Uint8Array, part: Uint8Array): boolean => {
  const first = part[0]
  if (first === undefined) return true
  for (let at = bytes.indexOf(first); at !== -1; at = bytes.indexOf(first, at + 1)) {
    if (part.every((octet, i) => bytes[at + i] === octet)) return true
  }
  return false
}

/** The same octets in pieces of at most `size`. */
export function* pieces(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
