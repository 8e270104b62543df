/**
 * What may stand right of the `@` of a mailbox, read into the one form that the DNS and the tables use. Everything that
 * is not plainly a name or an address literal is refused (CLASS-01, DNS-018), in particular text that would silently
 * become another name on its way to the DNS.
 */
import * as Failure from "@effect-mail/protocol/Failure"
import * as Host from "effect/net/Host"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"

/** A domain name in A-labels and lower case, without a trailing dot. */
export interface Name {
  readonly _tag: "Name"
  readonly text: string
}

/** An address literal; `text` is its canonical form with brackets. An IPv4-mapped IPv6 address is an IPv4 address. */
export interface Literal {
  readonly _tag: "Literal"
  readonly text: string
  readonly address: NetAddress.IpAddress
}

export type Domain = Name | Literal

// A domain has at most 253 octets as A-labels and never fewer than it has characters as U-labels, decomposed ones
// aside.
const maxInput = 1024

/** Quotes foreign text for a message: bounded, without control characters. */
export const quote = (text: string): string =>
  `"${Failure.printable(text.length > 64 ? `${text.slice(0, 64)}...` : text)}"`

const refuse = (input: string, why: string, hint: string): Result.Result<never, Failure.PermFailure> =>
  Result.fail(
    Failure.perm({
      stage: "route",
      scope: "domain",
      next: "never",
      enhanced: "5.1.3",
      reason: `${quote(input)} is not a domain: ${why}`,
      hint
    })
  )

/** Reads a domain; fails with 5.1.3 when it is none. */
export const parse = (input: string): Result.Result<Domain, Failure.PermFailure> => {
  if (input.length > maxInput) return refuse(input, "it is too long", "A domain has at most 253 characters")
  return input.startsWith("[") ? parseLiteral(input) : parseName(input)
}

/** The host name of an absolute or relative domain name: without the trailing dot (DNS-019). */
export const relative = (name: string): string => (name.length > 1 && name.endsWith(".") ? name.slice(0, -1) : name)

/** The literal of an address: `[192.0.2.1]`, `[IPv6:2001:db8::1]` (RFC 5321 section 4.1.3). */
export const formatLiteral = (address: NetAddress.IpAddress): string =>
  NetAddress.isIpv4Address(address) ? `[${NetAddress.formatIp(address)}]` : `[IPv6:${NetAddress.formatIp(address)}]`

const literalHint = "Write an IPv4 address as [192.0.2.1] and an IPv6 address as [IPv6:2001:db8::1]"

const parseLiteral = (input: string): Result.Result<Domain, Failure.PermFailure> => {
  if (!input.endsWith("]")) return refuse(input, "the closing bracket is missing", literalHint)
  const content = input.slice(1, -1)
  const parsed: Result.Result<NetAddress.IpAddress, NetAddress.NetAddressError> =
    content.slice(0, 5).toLowerCase() === "ipv6:"
      ? NetAddress.ipv6FromString(content.slice(5))
      : NetAddress.ipv4FromString(content)
  if (Result.isFailure(parsed)) return refuse(input, parsed.failure.message, literalHint)
  const address = NetAddress.toCanonical(parsed.success)
  return Result.succeed({ _tag: "Literal", text: formatLiteral(address), address })
}

// IDNA maps full-width letters, ideographic full stops and invisible characters away, and lower case makes a k of the
// Kelvin sign, so that the name in the DNS is not the one that somebody read or compared with a list. Such names are
// refused instead of mapped.
const mapped = /[\u212a\u3002\p{Default_Ignorable_Code_Point}]/u

const parseName = (input: string): Result.Result<Domain, Failure.PermFailure> => {
  const plain = input.normalize("NFC").toLowerCase()
  if (mapped.test(input) || plain.normalize("NFKC") !== plain) {
    return refuse(
      input,
      "it has characters that stand for others or are not seen",
      "Write it with plain letters, digits, hyphens and full stops, or as A-labels (xn--...)"
    )
  }
  const name = Host.domainNameFromString(plain)
  if (Result.isFailure(name)) return refuse(input, name.failure.message, "Check the spelling of the domain")
  if (name.success === ".") return refuse(input, "it is the root", "Write the name of a domain")
  return Result.succeed({ _tag: "Name", text: relative(name.success) })
}
