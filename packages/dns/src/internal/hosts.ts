/**
 * The pure part of routing: which of the hosts that were looked up go into a route, with which of their addresses and
 * in which order, and what was wrong with the others.
 */
import * as Arr from "effect/Array"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import { RouteHost } from "../Route.ts"
import type { Answer, Found } from "./lookup.ts"
import { whyNotPublic } from "./publicAddress.ts"

/** A host to look up. */
export interface Candidate {
  readonly name: string
  readonly preference: number
}

export type Addresses = Arr.NonEmptyReadonlyArray<NetAddress.IpAddress>

/** A host with what the DNS said about its addresses. */
export interface Examined extends Candidate {
  readonly answer: Answer<Addresses>
}

/** Why a host is of no use; only `trouble` may be gone later. */
export interface Problem {
  readonly name: string
  readonly why: string
  readonly cause: "absent" | "refused" | "trouble" | "repeated"
}

export interface Settings {
  readonly family: "any" | NetAddress.IpFamily
  readonly maxHosts: number
  readonly maxAddressesPerHost: number
  readonly privateAddresses: "refuse" | "allow"
}

export interface Chosen {
  readonly hosts: ReadonlyArray<RouteHost>
  readonly problems: ReadonlyArray<Problem>
  readonly notes: ReadonlyArray<string>
}

/**
 * Drops ourselves and everything that is not better than ourselves, since those hosts would send the mail back to us
 * (RFC 5321 section 5.1, CLASS-11). `own` tells whether we were found.
 */
export const withoutSelf = <A extends Candidate>(
  hosts: ReadonlyArray<A>,
  isSelf: (host: A) => boolean
): { readonly hosts: ReadonlyArray<A>; readonly own: boolean } => {
  const limit = hosts.reduce((limit, host) => (isSelf(host) ? Math.min(limit, host.preference) : limit), Infinity)
  return limit === Infinity
    ? { hosts, own: false }
    : { hosts: hosts.filter(({ preference }) => preference < limit), own: true }
}

/** Whether one of the addresses is ours; `own` holds addresses as `NetAddress.formatIp` writes them. */
export const hasAddressOf =
  (own: ReadonlySet<string>) =>
  (host: Examined): boolean =>
    host.answer._tag === "Found" && host.answer.value.some((address) => own.has(format(address)))

const format = (address: NetAddress.IpAddress): string => NetAddress.formatIp(NetAddress.toCanonical(address))

/**
 * Alternates the families, beginning with that of the first address, and keeps the order within each: the next try is
 * of the other family, as often only one of them works (RFC 8305 section 4, DNS-016).
 */
export const interleave = (addresses: ReadonlyArray<NetAddress.IpAddress>): ReadonlyArray<NetAddress.IpAddress> => {
  const [first] = addresses
  if (first === undefined || addresses.length === 1) return addresses
  const family = NetAddress.familyOf(first)
  const same = addresses.filter((address) => NetAddress.familyOf(address) === family)
  const others = addresses.filter((address) => NetAddress.familyOf(address) !== family)
  const shorter = Math.min(same.length, others.length)
  return [...Arr.zip(same, others).flat(), ...same.slice(shorter), ...others.slice(shorter)]
}

/** The hosts of a route out of those that were looked up, in their order; no address is listed twice. */
export const choose = (examined: ReadonlyArray<Examined>, settings: Settings): Chosen => {
  const seen = new Set<string>()
  const hosts: Array<RouteHost> = []
  const problems: Array<Problem> = []
  const notes: Array<string> = []
  for (const host of examined) {
    if (hosts.length === settings.maxHosts) break
    const addresses = usable(host, settings)
    if (Result.isFailure(addresses)) {
      problems.push(addresses.failure)
      continue
    }
    const unseen = Arr.dedupe(addresses.success.filter((address) => !seen.has(address)))
    const fresh = unseen.slice(0, settings.maxAddressesPerHost)
    if (!Arr.isReadonlyArrayNonEmpty(fresh)) {
      problems.push({ name: host.name, cause: "repeated", why: "has only addresses of more preferred hosts" })
      continue
    }
    fresh.forEach((address) => seen.add(address))
    notes.push(...remarks(host))
    hosts.push(new RouteHost({ name: host.name, preference: host.preference, addresses: fresh }))
  }
  return { hosts, problems, notes }
}

/** `a is an alias (CNAME) of b`: people want to know, since an MX record must not point to an alias (DNS-009). */
export const aliasNote = (name: string, alias: string | undefined): ReadonlyArray<string> =>
  alias === undefined ? [] : [`${name} is an alias (CNAME) of ${alias}`]

const remarks = ({ answer, name }: Examined): ReadonlyArray<string> =>
  answer._tag === "Found"
    ? [
        ...aliasNote(name, answer.alias),
        ...(answer.lost === undefined ? [] : [`one address family of ${name} is unknown: ${answer.lost}`])
      ]
    : []

const usable = (host: Examined, settings: Settings): Result.Result<ReadonlyArray<string>, Problem> => {
  const { answer, name } = host
  switch (answer._tag) {
    case "Found":
      return permitted(name, answer, settings)
    case "Absent":
      return Result.fail({
        name,
        cause: "absent",
        why: answer.proof === "nxdomain" ? "does not exist" : none(settings)
      })
    case "Unusable":
      return Result.fail({ name, cause: "absent", why: answer.why })
    default:
      return Result.fail({ name, cause: "trouble", why: answer.why })
  }
}

const none = ({ family }: Settings): string => (family === "any" ? "has no address" : `has no ${family} address`)

// With one family unknown it is not certain that there is no permitted address.
const permitted = (
  name: string,
  answer: Found<Addresses>,
  settings: Settings
): Result.Result<ReadonlyArray<string>, Problem> => {
  const [good, reasons] = Arr.partition(answer.value, (address) => {
    const reason = refusal(address, settings)
    return reason === undefined ? Result.succeed(address) : Result.fail(`${NetAddress.formatIp(address)} ${reason}`)
  })
  if (good.length > 0) return Result.succeed(interleave(good).map(NetAddress.formatIp))
  return Result.fail(
    answer.lost === undefined
      ? { name, cause: "refused", why: reasons.slice(0, 3).join(", ") }
      : { name, cause: "trouble", why: answer.lost }
  )
}

const refusal = (address: NetAddress.IpAddress, { family, privateAddresses }: Settings): string | undefined => {
  // An IPv4-mapped address would get around the choice of a family (DNS-015).
  if (NetAddress.isIpv6Address(address) && NetAddress.isIpv4Mapped(address)) return "is an IPv4-mapped address"
  if (family !== "any" && NetAddress.familyOf(address) !== family) return `is not an ${family} address`
  return privateAddresses === "refuse" ? whyNotPublic(address) : undefined
}
