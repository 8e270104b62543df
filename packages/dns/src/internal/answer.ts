/**
 * What the reply of a resolver is worth: only records of the name that was asked for, or of the name at the end of its
 * aliases, count; whatever else stands in the reply is ignored.
 */
import type * as DnsMessage from "../DnsMessage.ts"
import type { Answer, ErrorReason } from "../Resolver.ts"

interface Question {
  /** In the form of `canonical`. */
  readonly name: string
  readonly type: DnsMessage.RecordType
}

interface Trouble {
  readonly reason: ErrorReason
  readonly detail: string
}

export type Reading = Answer & { readonly trouble?: Trouble | undefined }

// More aliases in a row than this are taken for a loop (DNS-002).
const maxAliases = 16

/** The form in which names are compared. */
export const canonical = (name: string): string => {
  const lower = name.toLowerCase()
  return lower.length > 1 && lower.endsWith(".") ? lower.slice(0, -1) : lower
}

/** Reads a reply; one that is truncated even over TCP tells nothing. */
export const read = (message: DnsMessage.Message, { name, type }: Question): Reading => {
  const { answers, authenticated, rcode } = message
  const nothing = { rcode: "NOERROR", records: [], alias: undefined, authenticated: false, ttl: 0 } as const
  if (message.truncated) return { ...nothing, trouble: { reason: "Malformed", detail: "the reply is not complete" } }
  if (rcode !== 0 && rcode !== 3) return { ...nothing, trouble: troubleOf(message) }
  const end = type === "CNAME" ? { name, ttl: Infinity } : follow(answers, name)
  if (end === undefined) {
    return { ...nothing, trouble: { reason: "Malformed", detail: "the aliases (CNAME) of the name lead nowhere" } }
  }
  const records = answers.filter((record) => record.type === type && record.name === end.name)
  const ttl = records.length > 0 ? least(records.map((record) => record.ttl)) : negativeTtl(message.authority)
  return {
    rcode: rcode === 3 ? "NXDOMAIN" : "NOERROR",
    records: rcode === 3 ? [] : records,
    alias: end.name === name ? undefined : end.name,
    authenticated,
    ttl: Math.min(ttl, end.ttl)
  }
}

const least = (ttls: ReadonlyArray<number>): number => ttls.reduce((a, b) => Math.min(a, b), Infinity)

// The name at the end of the aliases, and how long they hold; undefined for a loop.
const follow = (
  answers: ReadonlyArray<DnsMessage.DnsRecord>,
  start: string
): { readonly name: string; readonly ttl: number } | undefined => {
  const aliases = new Map(
    answers.flatMap((record) => (record.type === "CNAME" ? [[record.name, record] as const] : []))
  )
  let name = start
  let ttl = Infinity
  for (let hops = 0; hops <= maxAliases; hops++) {
    const alias = aliases.get(name)
    if (alias === undefined) return { name, ttl }
    name = alias.target
    ttl = Math.min(ttl, alias.ttl)
  }
  return undefined
}

// RFC 2308 section 5: without a SOA record a negative answer must not be kept.
const negativeTtl = (authority: ReadonlyArray<DnsMessage.DnsRecord>): number => {
  const soa = authority.find((record) => record.type === "SOA")
  return soa === undefined ? 0 : Math.min(soa.ttl, soa.minimum)
}

const troubleOf = ({ extendedError, rcode }: DnsMessage.Message): Trouble => {
  // RFC 8914 section 4: 5 to 12 tell what is wrong with the DNSSEC of the domain.
  const dnssec = extendedError !== undefined && extendedError >= 5 && extendedError <= 12
  switch (rcode) {
    case 2:
      return dnssec
        ? { reason: "Bogus", detail: "the DNSSEC signatures of the domain are wrong" }
        : { reason: "ServerFailure", detail: "the domain's name servers failed: SERVFAIL" }
    case 5:
      return { reason: "Refused", detail: "the resolver refused the question: REFUSED" }
    default:
      return { reason: "Unsupported", detail: `the resolver answered with the error code ${rcode}` }
  }
}
