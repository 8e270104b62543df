/**
 * The grammar of what stands behind the "@" and in EHLO: a domain name or an address literal (RFC 5321 section 4.1.2 and
 * 4.1.3, RFC 6531 section 3.3), as one pass over the characters between two indices.
 *
 * @since 0.1.0
 */
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import { Fault } from "./fault.ts"
import * as idna from "./idna.ts"
import { isKind, LETDIG, nameAt, unicodeWidth } from "./text.ts"

const HYPHEN = 0x2d
const DOT = 0x2e
const OPEN = 0x5b

// RFC 5321 section 4.5.3.1.2 and RFC 1035 section 2.3.4.
const maxName = 255
/** The longest label of a name. */
export const maxLabel = 63

/** Parses the domain name or address literal between two indices. */
export const parseDomain = (input: string, start: number, end: number): idna.Names | Fault =>
  start < end && input.charCodeAt(start) === OPEN ? parseLiteral(input, start, end) : parseName(input, start, end)

/** Parses the domain name between two indices. */
export const parseName = (input: string, start: number, end: number): idna.Names | Fault => {
  const shape = scanName(input, start, end)
  if (shape instanceof Fault) return shape
  const typed = input.slice(start, end)
  if (shape === UNICODE) return parseUnicode(typed, start)
  if (typed.length > maxName)
    return new Fault(start, `the domain name has ${typed.length} octets; at most 255 are allowed`)
  const name = shape === LOWER ? typed : typed.toLowerCase()
  return { ascii: name, unicode: name }
}

// What a domain name is made of.
const LOWER = 0
const MIXED = 1
const UNICODE = 2

const scanName = (input: string, start: number, end: number): number | Fault => {
  let shape = LOWER
  let label = start
  for (let i = start; i < end; i++) {
    const code = input.charCodeAt(i)
    if (isKind(input, i, LETDIG)) {
      if (code > 0x40 && code < 0x5b && shape === LOWER) shape = MIXED
    } else if (code === DOT) {
      const wrong = labelFault(input, start, label, i, end)
      if (wrong !== undefined) return wrong
      label = i + 1
    } else if (code > 0x7f && unicodeWidth(input, i) > 0) {
      shape = UNICODE
      i += unicodeWidth(input, i) - 1
    } else if (code !== HYPHEN) {
      return new Fault(i, nameReason(input, i))
    }
  }
  return labelFault(input, start, label, end, end) ?? shape
}

const labelFault = (input: string, start: number, label: number, dot: number, end: number): Fault | undefined => {
  if (label === dot) return new Fault(dot === end && dot > start ? dot - 1 : dot, emptyReason(start, dot, end))
  if (input.charCodeAt(label) === HYPHEN) return new Fault(label, "a label must not begin with a hyphen")
  if (input.charCodeAt(dot - 1) === HYPHEN) return new Fault(dot - 1, "a label must not end with a hyphen")
  return dot - label > maxLabel
    ? new Fault(label, `this label has ${dot - label} characters; at most 63 are allowed`)
    : undefined
}

const emptyReason = (start: number, dot: number, end: number): string => {
  if (start === end) return "the domain name is missing"
  if (dot === start) return "a domain name must not begin with a dot; remove it"
  return dot === end ? "a domain name in mail has no dot at its end; remove it" : "two dots in a row; remove one"
}

const nameReasons: Readonly<Record<string, string>> = {
  " ": "a space is not allowed in a domain name; remove it",
  ",": "a comma separates addresses; pass one address",
  ";": "a semicolon separates addresses; pass one address",
  "@": 'this is a second "@"; quote the local part if it has one',
  _: "an underscore is not allowed in a mail domain; use the host's real name",
  "<": "angle brackets are not a part of the address; leave them out",
  ">": "angle brackets are not a part of the address; leave them out",
  "(": "comments are not a part of the address; leave them out",
  ")": "comments are not a part of the address; leave them out",
  ":": "a port or an IPv6 address is not allowed here; an IPv6 address is written [IPv6:2001:db8::1]"
}

const nameReason = (input: string, index: number): string =>
  nameReasons[input.charAt(index)] ??
  `${nameAt(input, index)} is not allowed in a domain name; letters, digits, hyphens and dots are`

const parseUnicode = (typed: string, start: number): idna.Names | Fault => {
  const names = idna.convert(typed)
  if (names instanceof Fault) return new Fault(start + names.position, names.reason)
  // UTS-46 lets more through than a host name may have.
  const wrong = scanName(names.ascii, 0, names.ascii.length)
  return wrong instanceof Fault ? new Fault(start, wrong.reason) : names
}

const longestLiteral = "[IPv6:ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]".length
const tag = "ipv6:"

const parseLiteral = (input: string, start: number, end: number): idna.Names | Fault => {
  if (end - start > longestLiteral) return new Fault(start, "this is too long for an address literal")
  const literal = input.slice(start, end)
  if (!literal.endsWith("]")) return new Fault(end, 'an address literal ends with "]"')
  const ip = literalAddress(literal.slice(1, -1))
  if (ip === undefined) {
    return new Fault(start, "an address literal is written [192.0.2.1] or [IPv6:2001:db8::1]")
  }
  const written = writeLiteral(ip)
  return { ascii: written, unicode: written }
}

const literalAddress = (content: string): NetAddress.IpAddress | undefined =>
  content.toLowerCase().startsWith(tag)
    ? Result.getOrUndefined(NetAddress.ipv6FromString(content.slice(tag.length)))
    : Result.getOrUndefined(NetAddress.ipv4FromString(content))

/** Writes an IP address as address literal; IPv6 in the form of RFC 5952. */
export const writeLiteral = (ip: NetAddress.IpAddress): string =>
  NetAddress.isIpv6Address(ip) ? `[IPv6:${NetAddress.formatIp(ip)}]` : `[${NetAddress.formatIp(ip)}]`
