/**
 * Text to octets and back, by the platform's own coders. They are declared here, and no more of them than is used,
 * because this package is compiled without the types of any platform.
 */
declare const TextEncoder: new () => {
  readonly encode: (text: string) => Uint8Array
  readonly encodeInto: (text: string, into: Uint8Array) => { readonly read: number; readonly written: number }
}
declare const TextDecoder: new (
  charset: string,
  options: { readonly fatal: boolean; readonly ignoreBOM: boolean }
) => { readonly decode: (bytes: Uint8Array) => string }

const encoder = new TextEncoder()

/** UTF-8; an unpaired surrogate becomes U+FFFD. */
export const encode = (text: string): Uint8Array => encoder.encode(text)

/** The text, or undefined when the charset is unknown or the octets are malformed in it. */
export const decode = (bytes: Uint8Array, charset = "utf-8"): string | undefined => {
  try {
    return new TextDecoder(charset, { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

const plainDecoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true })

/** Octets of ASCII as text. */
export const ascii = (bytes: Uint8Array): string => plainDecoder.decode(bytes)

/** How many octets the UTF-8 form of one code point takes. */
export const octetsOf = (codePoint: number): number =>
  codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4

/** Writes a text as far as there is room, and gives how many octets that were. */
export const write = (text: string, into: Uint8Array): number => encoder.encodeInto(text, into).written

// A large array costs more than what is written to it, and no text takes more than three octets for each of its units.
const kept = new Uint8Array(49_152)

/** UTF-8, of most texts in an array that the next call writes to again: to be looked at, or to be encoded further, at once. */
export const borrow = (text: string): Uint8Array =>
  text.length * 3 > kept.length ? encode(text) : kept.subarray(0, write(text, kept))

const isAsciiPiece = (text: string): boolean => {
  const { read, written } = encoder.encodeInto(text, kept)
  return read === text.length && written === text.length
}

/** Whether every character is below U+0080: the platform's coder counts many times faster than anything that looks at each. */
export const isAscii = (text: string): boolean => {
  if (text.length <= kept.length) return isAsciiPiece(text)
  for (let at = 0; at < text.length; at += kept.length) {
    if (!isAsciiPiece(text.slice(at, at + kept.length))) return false
  }
  return true
}
