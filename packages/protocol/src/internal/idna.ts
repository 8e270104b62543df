/**
 * Internationalised domain names. The conversion itself is UTS-46 as the platform does it for URLs; this module adds the
 * rule that keeps a reader safe: the name must come back from its A-labels as it was typed, letter case and Unicode
 * composition aside. So no character may be mapped to another one, to a dot or to nothing.
 *
 * @since 0.1.0
 */
import * as Host from "effect/net/Host"
import * as Result from "effect/Result"
import { Fault } from "./fault.ts"
import { isAscii } from "./text.ts"

/** A domain name in its two forms, both in lower case. */
export interface Names {
  readonly ascii: string
  readonly unicode: string
}

// A name of more code units than this has more than 255 octets.
const maxUnits = 255

// What no reader sees: ignorable code points, and the Braille pattern without dots. The joiners are left to UTS-46, which
// admits them only where they change how the letters beside them are written.
const invisible = /(?![\u200c\u200d])[\p{Default_Ignorable_Code_Point}\u2800]/u

/** Converts a domain name with non-ASCII characters. */
export const convert = (domain: string): Names | Fault => {
  if (domain.length > maxUnits) return new Fault(0, "a domain name has at most 255 octets")
  const hidden = domain.search(invisible)
  if (hidden !== -1) return new Fault(hidden, "the domain name has an invisible character here; remove it")
  const converted = Host.domainNameFromString(domain)
  if (Result.isFailure(converted)) return new Fault(0, "no internationalised domain name (UTS-46); check its spelling")
  const ascii = converted.success
  const typed = domain.split(".").map(fold)
  const meant = ascii.split(".")
  return typed.length === meant.length && typed.every((label, i) => isSame(label, meant[i] ?? ""))
    ? { ascii, unicode: typed.join(".") }
    : new Fault(0, `the domain name has characters that stand for others: write ${ascii} if that is meant`)
}

// Letter by letter: the lower case of a word ends in another sigma than UTS-46 gives.
const fold = (label: string): string =>
  isAscii(label) ? label.toLowerCase() : Array.from(label, lower).join("").normalize("NFC")

// The Kelvin sign and its like have a letter of ASCII for their lower case, so that they would hide in any name.
const lower = (char: string): string => {
  const letter = char.toLowerCase()
  return isAscii(letter) && !isAscii(char) ? char : letter
}

const isSame = (typed: string, meant: string): boolean =>
  isAscii(typed) ? typed === meant : decodeLabel(meant) === typed

const prefix = "xn--"

const decodeLabel = (label: string): string | undefined =>
  label.startsWith(prefix) ? punycode(label.slice(prefix.length)) : undefined

const digit = (code: number): number => {
  if (code >= 0x61 && code <= 0x7a) return code - 0x61
  return code >= 0x30 && code <= 0x39 ? code - 0x30 + 26 : 36
}

const threshold = (k: number, bias: number): number => Math.min(26, Math.max(1, k - bias))

const adapt = (delta: number, points: number, first: boolean): number => {
  let rest = first ? Math.floor(delta / 700) : delta >> 1
  rest += Math.floor(rest / points)
  let k = 0
  for (; rest > 455; k += 36) rest = Math.floor(rest / 35)
  return k + Math.floor((36 * rest) / (rest + 38))
}

// RFC 3492 section 6.2, for a label of lower-case ASCII with at most 63 characters; undefined when it is not Punycode.
const punycode = (input: string): string | undefined => {
  const basic = input.lastIndexOf("-")
  const output = basic > 0 ? Array.from(input.slice(0, basic), (c) => c.charCodeAt(0)) : []
  let [point, index, bias] = [128, 0, 72]
  for (let at = basic > 0 ? basic + 1 : 0; at < input.length;) {
    const before = index
    for (let k = 36, weight = 1; ; k += 36) {
      const value = digit(input.charCodeAt(at++))
      if (value > 35) return undefined
      index += value * weight
      const limit = threshold(k, bias)
      if (value < limit) break
      weight *= 36 - limit
    }
    const points = output.length + 1
    bias = adapt(index - before, points, before === 0)
    point += Math.floor(index / points)
    if (point > 0x10ffff) return undefined
    index %= points
    output.splice(index++, 0, point)
  }
  return String.fromCodePoint(...output)
}
