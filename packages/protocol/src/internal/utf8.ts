/**
 * Text of octets, with nothing but what the web platform and Node.js have in common.
 */

// The compiler knows no web API here, because this floor must not grow used to one: these two are all it has.
declare const TextEncoder: new () => { readonly encode: (text: string) => Uint8Array }
declare const TextDecoder: new (
  label: "utf-8",
  options: { readonly fatal: boolean; readonly ignoreBOM: true }
) => { readonly decode: (bytes: Uint8Array) => string }

const encoder = new TextEncoder()
const lenient = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true })
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

export const encode = (text: string): Uint8Array => encoder.encode(text)

/** Decodes UTF-8; each ill-formed sequence becomes U+FFFD. */
export const decode = (bytes: Uint8Array): string => lenient.decode(bytes)

/** Decodes UTF-8, or returns undefined when it is ill-formed. */
export const decodeStrict = (bytes: Uint8Array): string | undefined => {
  try {
    return strict.decode(bytes)
  } catch {
    return undefined
  }
}

export const empty: Uint8Array = new Uint8Array(0)
