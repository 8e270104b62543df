/**
 * The records of a static zone: read from text as it stands in a zone file, checked, and in the form of both DNS services.
 */
import type * as DnsMessage from "@effect-mail/dns/DnsMessage"
import * as Duration from "effect/Duration"
import * as Hex from "effect/encoding/Hex"
import * as Dns from "effect/net/Dns"
import * as Host from "effect/net/Host"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"

/** What is wrong with one record, and how to write it. */
export interface Fault {
  readonly reason: string
  readonly hint: string
}

/** A record with its time to live in seconds. */
export interface Entry {
  readonly ttl: number
  readonly record: Dns.DnsRecord
}

type Parsed<A> = Result.Result<A, Fault>

interface Syntax {
  readonly example: string
  readonly fields: number
  readonly make: (fields: ReadonlyArray<string>) => Parsed<Dns.DnsRecord>
}

const defaultTtl = 300

const maxTtl = 2 ** 31 - 1

const wrong = (example: string) => (error: { readonly message: string }) => ({
  reason: error.message,
  hint: `Write it as "${example}"`
})

const domain = Host.domainNameFromString

const integer = (text: string | undefined): number => (/^\d{1,10}$/.test(text ?? "") ? Number(text) : Number.NaN)

const seconds = (text: string | undefined): Duration.Duration => Duration.seconds(integer(text))

// A record whose fields were read, some of which may have failed.
const record = <T extends Dns.RecordType>(
  example: string,
  type: T,
  fields: Result.Result<Dns.RecordFields<T>, { readonly message: string }>
): Parsed<Dns.DnsRecord> =>
  Result.mapError(
    Result.flatMap(fields, (fields) => Dns.makeRecord(type, fields)),
    wrong(example)
  )

const syntax = (
  fields: number,
  example: string,
  make: (example: string, fields: ReadonlyArray<string>) => Parsed<Dns.DnsRecord>
): Syntax => ({ example, fields, make: (fields) => make(example, fields) })

// The types a mail system asks for. A field that is missing has been counted before.
const types: ReadonlyMap<string, Syntax> = new Map([
  [
    "A",
    syntax(1, "A 192.0.2.1", (example, [ip = ""]) =>
      record(
        example,
        "A",
        Result.map(NetAddress.ipv4FromString(ip), (address) => ({ address }))
      )
    )
  ],
  [
    "AAAA",
    syntax(1, "AAAA 2001:db8::1", (example, [ip = ""]) =>
      record(
        example,
        "AAAA",
        Result.map(NetAddress.ipv6FromString(ip), (address) => ({ address }))
      )
    )
  ],
  [
    "CNAME",
    syntax(1, "CNAME mail.example.com", (example, [name = ""]) =>
      record(
        example,
        "CNAME",
        Result.map(domain(name), (target) => ({ target }))
      )
    )
  ],
  [
    "MX",
    syntax(2, "MX 10 mx1.example.com", (example, [priority, name = ""]) =>
      record(
        example,
        "MX",
        Result.map(domain(name), (exchange) => ({ exchange, priority: integer(priority) }))
      )
    )
  ],
  [
    "PTR",
    syntax(1, "PTR mail.example.com", (example, [name = ""]) =>
      record(
        example,
        "PTR",
        Result.map(domain(name), (host) => ({ host }))
      )
    )
  ],
  [
    "SOA",
    syntax(
      7,
      "SOA ns.example.com admin.example.com 1 3600 600 86400 60",
      (example, [name = "", admin = "", serial, refresh, retry, expire, minimum]) =>
        record(
          example,
          "SOA",
          Result.map(domain(name), (primary) => ({
            primary,
            admin,
            serial: integer(serial),
            refresh: seconds(refresh),
            retry: seconds(retry),
            expire: seconds(expire),
            minimum: seconds(minimum)
          }))
        )
    )
  ],
  [
    "TLSA",
    syntax(4, "TLSA 3 1 1 0123abcd", (example, [certUsage, selector, matchingType, data = ""]) =>
      record(
        example,
        "TLSA",
        Result.map(Hex.decode(data), (data) => ({
          certUsage: integer(certUsage),
          selector: integer(selector),
          matchingType: integer(matchingType),
          data
        }))
      )
    )
  ],
  [
    "TXT",
    syntax(Infinity, "TXT v=spf1 -all", (example, words) =>
      record(example, "TXT", Result.succeed({ chunks: [words.join(" ")] }))
    )
  ]
])

/** Reads a record as it stands in a zone file behind the name: the time to live when there is one, the type, the data. */
export const parse = (text: string): Parsed<Entry> => {
  const words = text.trim().split(/\s+/)
  const first = words[0] ?? ""
  const dated = /^\d/.test(first)
  const ttl = dated ? integer(first) : defaultTtl
  const [type = "", ...fields] = dated ? words.slice(1) : words
  const found = types.get(type.toUpperCase())
  if (!(ttl <= maxTtl)) return Result.fail({ reason: "the time to live is out of range", hint: "Write whole seconds" })
  if (found === undefined) {
    const hint = `Begin with one of ${[...types.keys()].join(", ")}, or give a record of effect/net/Dns`
    return Result.fail({ reason: `${type === "" ? "there is no" : `"${type}" is not a known`} type`, hint })
  }
  if (found.fields === Infinity ? fields.length === 0 : fields.length !== found.fields) {
    const reason = `it has ${fields.length} fields behind the type`
    return Result.fail({ reason, hint: `Write it as "${found.example}"` })
  }
  // White space within a text counts.
  const data = found.fields === Infinity ? [textOf(text)] : fields
  return Result.map(found.make(data), (record) => ({ ttl, record }))
}

// What stands behind TXT: strings in quotes, or the rest as it is.
const textOf = (text: string): string => {
  const rest = text.trim().replace(/^(?:\d+\s+)?\S+\s+/, "")
  return rest.startsWith('"') ? [...rest.matchAll(/"([^"]*)"/g)].map(([, inner]) => inner ?? "").join("") : rest
}

/** The name in the form in which names are compared, or undefined when it is none. */
export const keyOf = (name: string): string | undefined =>
  Result.getOrUndefined(Result.map(Host.domainNameFromString(name), (domain) => Host.toRelative(domain).toLowerCase()))

const dotless = (name: string): string => (name === "." ? name : name.replace(/\.$/, "")).toLowerCase()

/** A record as `Resolver` gives it; undefined for a type that it does not know. */
export const toMessage = (name: string, { record, ttl }: Entry): DnsMessage.DnsRecord | undefined => {
  const common = { name, ttl }
  switch (record._tag) {
    case "A":
      return { ...common, type: "A", address: record.address }
    case "AAAA":
      return { ...common, type: "AAAA", address: record.address }
    case "CNAME":
      return { ...common, type: "CNAME", target: dotless(record.target) }
    case "MX":
      return { ...common, type: "MX", priority: record.priority, exchange: dotless(record.exchange) }
    case "PTR":
      return { ...common, type: "PTR", host: dotless(record.host) }
    case "SOA":
      return {
        ...common,
        type: "SOA",
        primary: dotless(record.primary),
        minimum: Duration.toSeconds(record.minimum)
      }
    case "TLSA":
      return {
        ...common,
        type: "TLSA",
        usage: record.certUsage,
        selector: record.selector,
        matching: record.matchingType,
        data: record.data
      }
    case "TXT":
      return { ...common, type: "TXT", text: record.chunks.join("") }
    default:
      return undefined
  }
}

/** A record of `effect/net/Dns` with the time to live of a zone without one. */
export const entryOf = (record: Dns.DnsRecord): Entry => ({ ttl: defaultTtl, record })
