/**
 * Text to octets and back, by the platform's own coders. They are declared here, and no more of them than is used,
 * because this package is compiled without the types of any platform.
 */
declare const TextEncoder: new () => { readonly encode: (text: string) => Uint8Array }
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

/** Whether every character is below U+0080. */
export const isAscii = (text: string): boolean => !/[^\0-\x7f]/.test(text)
