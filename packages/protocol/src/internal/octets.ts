/**
 * Octets and text as SASL needs them: UTF-8 and base64 without leniency, and a comparison that does not tell by its
 * time where two secrets differ.
 */
import * as Base64 from "effect/encoding/Base64"
import * as Result from "effect/Result"

// Pure, and in every runtime; declared here because the library types of this package know neither DOM nor Node.
declare const TextEncoder: new () => { readonly encode: (text: string) => Uint8Array }
declare const TextDecoder: new (
  label: "utf-8",
  options: { readonly fatal: true; readonly ignoreBOM: true }
) => { readonly decode: (octets: Uint8Array) => string }

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

export const empty: Uint8Array = new Uint8Array(0)

export const utf8 = (text: string): Uint8Array => encoder.encode(text)

/** The text, or undefined when the octets are not UTF-8. */
export const fromUtf8 = (octets: Uint8Array): string | undefined => {
  try {
    return decoder.decode(octets)
  } catch {
    return undefined
  }
}

/** The octets, or undefined when the text is not base64 (RFC 4648 section 4) from its first to its last character. */
export const fromBase64 = (text: string): Uint8Array | undefined =>
  // Effect's decoder is strict but for line ends, which it skips.
  text.includes("\n") || text.includes("\r") ? undefined : Result.getOrUndefined(Base64.decode(text))

export const xor = (a: Uint8Array, b: Uint8Array): Uint8Array => a.map((octet, i) => octet ^ (b[i] ?? 0))

/** Equality in a time that depends on the lengths only. */
export const constantTimeEquals = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && xor(a, b).reduce((difference, octet) => difference | octet, 0) === 0
