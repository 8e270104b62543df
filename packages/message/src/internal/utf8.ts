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

/** How many octets the UTF-8 form of one code point takes. */
export const octetsOf = (codePoint: number): number =>
  codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4

/** Writes ASCII text, and gives how many octets that were. */
export const writeAscii = (text: string, into: Uint8Array): number => encoder.encodeInto(text, into).written

// Written to and never read: the platform's coder counts many times faster than anything that looks at each character.
const scratch = new Uint8Array(8192)

const isAsciiPiece = (text: string): boolean => {
  const { read, written } = encoder.encodeInto(text, scratch)
  return read === text.length && written === text.length
}

/** Whether every character is below U+0080. */
export const isAscii = (text: string): boolean => {
  if (text.length <= scratch.length) return isAsciiPiece(text)
  for (let at = 0; at < text.length; at += scratch.length) {
    if (!isAsciiPiece(text.slice(at, at + scratch.length))) return false
  }
  return true
}
