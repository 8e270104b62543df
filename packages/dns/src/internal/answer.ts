/**
 * What the reply of a resolver is worth: only records of the name that was asked for, or of the name at the end of its
 * aliases, count; whatever else stands in the reply is ignored.
 */
import * as Result from "effect/Result"
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

// More aliases in a row than this are taken for a loop (DNS-002).
const maxAliases = 16

/** The form in which names are compared. */
export const canonical = (name: string): string => {
  const lower = name.toLowerCase()
  return lower.length > 1 && lower.endsWith(".") ? lower.slice(0, -1) : lower
}

const nothing = (reason: ErrorReason, detail: string): Result.Result<never, Trouble> => Result.fail({ reason, detail })

/** Reads a reply; one that is truncated even over TCP tells nothing. `trusted` is whether its AD bit is believed. */
export const read = (
  message: DnsMessage.Message,
  { name, type }: Question,
  trusted: boolean
): Result.Result<Answer, Trouble> => {
  const { answers, authenticated, rcode } = message
  if (message.truncated) return nothing("Malformed", "the reply is not complete")
  if (rcode !== 0 && rcode !== 3) return Result.fail(troubleOf(message))
  const end = type === "CNAME" ? { name, ttl: Infinity } : follow(answers, name)
  if (end === undefined) return nothing("Malformed", "the aliases (CNAME) of the name lead nowhere")
  const records = answers.filter((record) => record.type === type && record.name === end.name)
  const ttl = records.length > 0 ? least(records) : negativeTtl(message.authority)
  return Result.succeed({
    rcode: rcode === 3 ? "NXDOMAIN" : "NOERROR",
    records: rcode === 3 ? [] : records,
    alias: end.name === name ? undefined : end.name,
    authenticated: authenticated && trusted,
    ttl: Math.min(ttl, end.ttl)
  })
}

const least = (records: ReadonlyArray<DnsMessage.DnsRecord>): number =>
  records.reduce((least, { ttl }) => Math.min(least, ttl), Infinity)

const isAlias = (record: DnsMessage.DnsRecord): record is DnsMessage.DnsRecord<"CNAME"> => record.type === "CNAME"

// The name at the end of the aliases, and how long they hold; undefined for a loop.
const follow = (
  answers: ReadonlyArray<DnsMessage.DnsRecord>,
  start: string
): { readonly name: string; readonly ttl: number } | undefined => {
  if (!answers.some(isAlias)) return { name: start, ttl: Infinity }
  const aliases = new Map(answers.filter(isAlias).map((record) => [record.name, record]))
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
