/**
 * Octets in tests.
 */
const encoder = new TextEncoder()

/** Octets, or text in UTF-8. */
export type Input = string | Uint8Array

/** The octets. */
export const from = (input: Input): Uint8Array => (typeof input === "string" ? encoder.encode(input) : input)

/** One array of all parts. */
export const concat = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}

/** Where two arrays begin to differ, or undefined when they are equal. */
export const firstDifference = (a: Uint8Array, b: Uint8Array): number | undefined => {
  const shorter = Math.min(a.length, b.length)
  for (let i = 0; i < shorter; i++) if (a[i] !== b[i]) return i
  return a.length === b.length ? undefined : shorter
}

/** Some octets from `start` on, for people. */
export const show = (bytes: Uint8Array, start: number): string => {
  const shown = bytes.subarray(start, start + 40)
  const text = Array.from(shown, (octet) => String.fromCharCode(octet)).join("")
  return JSON.stringify(start + shown.length < bytes.length ? `${text}...` : text)
}
