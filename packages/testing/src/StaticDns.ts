/**
 * A DNS that answers from a zone written down in the test, and fails where the test wants it to: by name, by type and by
 * time. It is both services that ask for names, `Dns` of Effect and `Resolver` of `@effect-mail/dns`.
 *
 * ```ts
 * const dns = StaticDns.layer(
 *   { "example.com": ["MX 10 mx1.example.com"], "mx1.example.com": ["A 192.0.2.1", "60 AAAA 2001:db8::1"] },
 *   { faults: { "down.example": "SERVFAIL", "slow.example": { delay: "3 seconds", until: "1 hour" } } }
 * )
 * ```
 *
 * As a resolver of the DNS does, it follows aliases and tells a name that does not exist (NXDOMAIN, `ENOTFOUND`) from one
 * that has no such records (NODATA, `ENODATA`).
 *
 * @since 0.1.0
 */
import * as DnsMessage from "@effect-mail/dns/DnsMessage"
import * as Resolver from "@effect-mail/dns/Resolver"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Dns from "effect/net/Dns"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Records from "./internal/zone.ts"

/**
 * By name the records, each as in a zone file behind the name (`MX 10 mx1.example.com`, with a time to live in seconds
 * before the type or 300), or as a value of `effect/net/Dns`. Text may hold A, AAAA, CNAME, MX, PTR, SOA, TLSA and TXT. A name
 * without records exists and has none.
 *
 * @category models
 * @since 0.1.0
 */
export type Zone = Readonly<Record<string, ReadonlyArray<string | Dns.DnsRecord>>>

/**
 * What goes wrong with a question: the name does not exist, has no such records, its servers fail, its signatures are
 * wrong, the resolver refuses, does not answer in time, answers nonsense or an error without any meaning, or there is never
 * an answer (`SILENCE`), so that only the one who asks sets a limit.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault =
  | "NXDOMAIN"
  | "NODATA"
  | "SERVFAIL"
  | "BOGUS"
  | "REFUSED"
  | "TIMEOUT"
  | "MALFORMED"
  | "UNKNOWN"
  | "SILENCE"

/**
 * What happens to a question: a fault, a delay, or both, for all time or between two times, which count from the making of
 * the service by the `Clock`.
 *
 * @category models
 * @since 0.1.0
 */
export type Trouble =
  | Fault
  | {
      readonly fault?: Fault | undefined
      readonly delay?: Duration.Input | undefined
      readonly from?: Duration.Input | undefined
      readonly until?: Duration.Input | undefined
    }

/**
 * A kind of question: a record type, or the lookup of addresses by the system (`Dns.lookup`).
 *
 * @category models
 * @since 0.1.0
 */
export type Question = Dns.RecordType | "lookup"

/**
 * One trouble, or several of which the first that is in force counts.
 *
 * @category models
 * @since 0.1.0
 */
export type Troubles = Trouble | ReadonlyArray<Trouble>

/**
 * What else the DNS does.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** By name: the trouble with every question, or with some kinds of questions. */
  readonly faults?: Readonly<Record<string, Troubles | { readonly [Q in Question]?: Troubles }>> | undefined
  /** The hosts file of the system, which only `Dns.lookup` and `Dns.reverse` read. */
  readonly hosts?: Readonly<Record<string, ReadonlyArray<NetAddress.IpAddressInput>>> | undefined
  /** Whether DNSSEC proves every answer (`Resolver.Answer.authenticated`); false by default. */
  readonly authenticated?: boolean | undefined
  /** Called with every question, as in `MX example.com`; aliases are no questions of their own. */
  readonly onQuestion?: ((question: string) => void) | undefined
}

/**
 * A zone, a hosts file or a trouble that cannot be; it says where and how to mend it.
 *
 * @category errors
 * @since 0.1.0
 */
export class ZoneError extends Data.TaggedError("ZoneError")<{
  /** The name in the zone. */
  readonly name: string
  /** The record or the trouble, as it was written. */
  readonly entry: string
  readonly reason: string
  readonly hint: string
}> {
  override get message(): string {
    return `${this.name}: ${this.entry}: ${this.reason}. ${this.hint}`
  }
}

type Entries = ReadonlyMap<string, ReadonlyArray<Records.Entry>>

const show = (entry: unknown): string =>
  typeof entry === "string" ? JSON.stringify(entry) : Dns.isDnsRecord(entry) ? Dns.formatRecord(entry) : String(entry)

const checkedName = (name: string, entry: string): Result.Result<string, ZoneError> => {
  const key = Records.keyOf(name)
  return key === undefined
    ? Result.fail(
        new ZoneError({ name, entry, reason: "this is not a domain name", hint: "Write a name as mail.example.com" })
      )
    : Result.succeed(key)
}

const entryOf = (name: string, written: string | Dns.DnsRecord): Result.Result<Records.Entry, ZoneError> => {
  if (typeof written !== "string" && Dns.isDnsRecord(written)) return Result.succeed(Records.entryOf(written))
  return Result.mapError(Records.parse(written), (fault) => new ZoneError({ name, entry: show(written), ...fault }))
}

const entriesOf = (zone: Zone): Result.Result<Entries, ZoneError> =>
  Result.gen(function* () {
    const entries = new Map<string, Array<Records.Entry>>()
    for (const [name, records] of Object.entries(zone)) {
      const key = yield* checkedName(name, "the name of the zone's entry")
      const found = entries.get(key) ?? []
      for (const written of records) found.push(yield* entryOf(name, written))
      if (found.length > 1 && found.some(({ record }) => record._tag === "CNAME")) {
        return yield* Result.fail(
          new ZoneError({
            name,
            entry: "CNAME",
            reason: "an alias stands beside other records (RFC 1034 section 3.6.2)",
            hint: "Leave the alias alone, or put the records at its target"
          })
        )
      }
      entries.set(key, found)
    }
    return entries
  })

interface Rule {
  readonly on: Question | undefined
  readonly fault: Fault | undefined
  readonly delay: Duration.Duration
  readonly from: number
  readonly until: number
}

type Rules = ReadonlyMap<string, ReadonlyArray<Rule>>

const isPerQuestion = (
  troubles: Troubles | { readonly [Q in Question]?: Troubles }
): troubles is { readonly [Q in Question]?: Troubles } =>
  typeof troubles === "object" &&
  !Array.isArray(troubles) &&
  Object.keys(troubles).some((key) => key === "lookup" || Dns.isRecordType(key))

const isSeveral = (troubles: Troubles): troubles is ReadonlyArray<Trouble> => Array.isArray(troubles)

const ruleOf = (name: string, on: Question | undefined, trouble: Trouble): Result.Result<Rule, ZoneError> => {
  const { delay, fault, from, until } = typeof trouble === "string" ? { fault: trouble } : trouble
  const rule = {
    on,
    fault,
    delay: Duration.fromInputUnsafe(delay ?? 0),
    from: Duration.toMillis(from ?? 0),
    until: Duration.toMillis(until ?? Infinity)
  }
  const invalid = (reason: string, hint: string) =>
    Result.fail(new ZoneError({ name, entry: JSON.stringify(trouble), reason, hint }))
  if (fault !== undefined && fault !== "SILENCE" && !Object.hasOwn(faults, fault)) {
    return invalid("this is not a known fault", `Use one of ${Object.keys(faults).join(", ")}, SILENCE`)
  }
  if (fault === undefined && delay === undefined) return invalid("nothing goes wrong", "Give a fault or a delay")
  if (rule.from >= rule.until) return invalid("it is over before it begins", "Let `until` be later than `from`")
  return Result.succeed(rule)
}

const rulesOf = (faults: Options["faults"]): Result.Result<Rules, ZoneError> =>
  Result.gen(function* () {
    const rules = new Map<string, ReadonlyArray<Rule>>()
    for (const [name, troubles] of Object.entries(faults ?? {})) {
      const key = yield* checkedName(name, "the name of a fault")
      const written = isPerQuestion(troubles)
        ? // The keys of the type are these; nobody else can have been written.
          (Object.entries(troubles) as ReadonlyArray<[Question, Troubles]>)
        : [[undefined, troubles] as const]
      const found: Array<Rule> = []
      for (const [on, some] of written) {
        for (const trouble of isSeveral(some) ? some : [some]) found.push(yield* ruleOf(name, on, trouble))
      }
      rules.set(key, [...(rules.get(key) ?? []), ...found])
    }
    return rules
  })

const faults: {
  readonly [F in Exclude<Fault, "SILENCE">]: readonly [
    reason: Dns.DnsErrorReason,
    code: string,
    resolver: Resolver.ErrorReason | "none",
    detail: string
  ]
} = {
  NXDOMAIN: ["NotFound", "ENOTFOUND", "none", ""],
  NODATA: ["NotFound", "ENODATA", "none", ""],
  SERVFAIL: ["ServerFailure", "ESERVFAIL", "ServerFailure", "the domain's name servers failed: SERVFAIL"],
  BOGUS: ["ServerFailure", "ESERVFAIL", "Bogus", "the DNSSEC signatures of the domain are wrong"],
  REFUSED: ["Refused", "ECONNREFUSED", "Refused", "the resolver refused the question: REFUSED"],
  TIMEOUT: ["Timeout", "ETIMEOUT", "Timeout", "no resolver answered in time"],
  MALFORMED: ["InvalidResponse", "EBADRESP", "Malformed", "the reply makes no sense"],
  UNKNOWN: ["Unknown", "EOTHER", "Unsupported", "the resolver answered with the error code 9"]
}

/** More aliases in a row than this are taken for a loop (DNS-002). */
const maxAliases = 16

/** What the zone says about a name behind its aliases. */
interface Found {
  /** The name at the end of the aliases. */
  readonly name: string
  readonly entries: ReadonlyArray<Records.Entry>
  readonly fault: Exclude<Fault, "SILENCE"> | undefined
  /** How long the aliases hold, in seconds. */
  readonly ttl: number
}

interface World {
  readonly entries: Entries
  readonly names: ReadonlySet<string>
  readonly rules: Rules
  readonly started: number
  readonly options: Options
}

// A name exists when it or a name below it has an entry (RFC 8020).
const withParents = (names: Iterable<string>): ReadonlySet<string> => {
  const all = new Set<string>()
  for (const name of names) {
    for (let rest = name; rest !== "" && !all.has(rest); rest = rest.replace(/^[^.]*\.?/, "")) all.add(rest)
  }
  return all
}

const troubleWith = (world: World, name: string, question: Question) =>
  Effect.gen(function* () {
    const rules = world.rules.get(name) ?? []
    const at = (yield* Clock.currentTimeMillis) - world.started
    const rule = rules.find(({ from, on, until }) => (on === undefined || on === question) && at >= from && at < until)
    if (rule === undefined) return undefined
    if (Duration.toMillis(rule.delay) > 0) yield* Effect.sleep(rule.delay)
    return rule.fault === "SILENCE" ? yield* Effect.never : rule.fault
  })

const find = Effect.fnUntraced(function* (world: World, asked: string, question: Question) {
  world.options.onQuestion?.(`${question} ${asked}`)
  let name = asked
  let ttl = Infinity
  for (let hops = 0; hops <= maxAliases; hops++) {
    const fault = yield* troubleWith(world, name, question)
    const entries = world.entries.get(name) ?? []
    const found: Found = { name, entries, fault, ttl }
    if (fault !== undefined) return found
    const alias = question === "CNAME" ? undefined : entries.find(({ record }) => record._tag === "CNAME")
    if (alias?.record._tag !== "CNAME") return world.names.has(name) ? found : { ...found, fault: "NXDOMAIN" as const }
    name = Records.keyOf(alias.record.target) ?? alias.record.target
    ttl = Math.min(ttl, alias.ttl)
  }
  return { name, entries: [], fault: "SERVFAIL", ttl } satisfies Found
})

const dnsError = (fault: keyof typeof faults, hostname: string, question: Question): Dns.DnsError => {
  const [reason, code] = faults[fault]
  const asked =
    question === "lookup" ? { method: "lookup" as const } : { method: "resolve" as const, recordType: question }
  return new Dns.DnsError({ reason, hostname, ...asked, cause: Object.assign(new Error(code), { code }) })
}

const makeDns = (world: World, hosts: ReadonlyMap<string, ReadonlyArray<NetAddress.IpAddress>>): Dns.Dns["Service"] => {
  const answer = Effect.fnUntraced(function* (hostname: string, question: Question, types: ReadonlyArray<string>) {
    const { entries, fault, name } = yield* find(world, Records.keyOf(hostname) ?? hostname, question)
    if (fault !== undefined) return yield* dnsError(fault, name, question)
    const records = entries.flatMap(({ record }) => (types.includes(record._tag) ? [record] : []))
    return records.length === 0 ? yield* dnsError("NODATA", name, question) : records
  })
  return Dns.make({
    lookup: (host) =>
      Effect.suspend(() => {
        const local = hosts.get(Records.keyOf(host) ?? host)
        if (local !== undefined) {
          world.options.onQuestion?.(`lookup ${Records.keyOf(host) ?? host}`)
          return Effect.succeed(local)
        }
        return Effect.map(answer(host, "lookup", ["A", "AAAA"]), (records) =>
          records.flatMap((record) => (record._tag === "A" || record._tag === "AAAA" ? [record.address] : []))
        )
      }),
    resolve: (name, type) => answer(name, type, [type]),
    reverse: (address) =>
      Effect.suspend(() => {
        const text = NetAddress.formatIp(address)
        const local = [...hosts].filter(([, ips]) => ips.some((ip) => NetAddress.formatIp(ip) === text))
        if (local.length > 0) return Effect.succeed(local.map(([name]) => name))
        return Effect.map(answer(Dns.reverseName(address), "PTR", ["PTR"]), (records) =>
          records.flatMap((record) => (record._tag === "PTR" ? [record.host] : []))
        )
      })
  })
}

// RFC 2308 section 5: what the SOA record of the nearest zone above says, and nothing is kept without one.
const negativeTtl = ({ entries }: World, name: string): number => {
  for (let rest = name; rest !== ""; rest = rest.replace(/^[^.]*\.?/, "")) {
    for (const { record, ttl } of entries.get(rest) ?? []) {
      if (record._tag === "SOA") return Math.min(ttl, Duration.toSeconds(record.minimum))
    }
  }
  return 0
}

const makeResolver = (world: World): Resolver.Resolver["Service"] => {
  const failed = (reason: Resolver.ErrorReason, question: string, detail: string) =>
    new Resolver.ResolverError({ reason, question, detail })
  const answered = (asked: string, type: DnsMessage.RecordType, { entries, fault, name, ttl }: Found) => {
    const [, , reason, detail] = faults[fault ?? "NODATA"]
    if (reason !== "none") return Effect.fail(failed(reason, `${type} ${asked}`, detail))
    const records = fault === undefined ? entries.flatMap((entry) => Records.toMessage(name, entry) ?? []) : []
    const wanted = records.filter((record) => record.type === type)
    const least = wanted.reduce((sum, record) => Math.min(sum, record.ttl), Infinity)
    return Effect.succeed<Resolver.Answer>({
      rcode: fault === "NXDOMAIN" ? "NXDOMAIN" : "NOERROR",
      records: wanted,
      alias: name === asked ? undefined : name,
      authenticated: world.options.authenticated === true,
      ttl: Math.min(ttl, wanted.length === 0 ? negativeTtl(world, name) : least)
    })
  }
  const query = Effect.fnUntraced(function* (name: string, type: DnsMessage.RecordType) {
    const encoded = DnsMessage.encodeQuery(name, type)
    if (Result.isFailure(encoded)) {
      return yield* failed("BadName", `${type} ${name.slice(0, 255)}`, encoded.failure.message)
    }
    const key = name.length > 1 && name.endsWith(".") ? name.slice(0, -1).toLowerCase() : name.toLowerCase()
    return yield* answered(key, type, yield* find(world, key, type))
  })
  // The records of an answer are those of the type that was asked for.
  return Resolver.Resolver.of({ query: query as Resolver.Resolver["Service"]["query"] })
}

const hostsOf = (hosts: Options["hosts"]) =>
  Result.gen(function* () {
    const all = new Map<string, ReadonlyArray<NetAddress.IpAddress>>()
    for (const [name, addresses] of Object.entries(hosts ?? {})) {
      const key = yield* checkedName(name, "the name of a host")
      const ips: Array<NetAddress.IpAddress> = []
      for (const address of addresses) {
        const hint = "Write an IP address such as 192.0.2.1"
        const invalid = ({ message: reason }: { readonly message: string }) =>
          new ZoneError({ name, entry: show(address), reason, hint })
        ips.push(yield* Result.mapError(NetAddress.ipFromInput(address), invalid))
      }
      all.set(key, ips)
    }
    return all
  })

/**
 * Both services over one zone. Fails with `ZoneError` when a name, a record or a fault is not well-formed, when an alias
 * stands beside other records, or when a fault is never in force.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  zone: Zone,
  options: Options = {}
): Effect.fn.Return<{ readonly dns: Dns.Dns["Service"]; readonly resolver: Resolver.Resolver["Service"] }, ZoneError> {
  const entries = yield* Effect.fromResult(entriesOf(zone))
  const rules = yield* Effect.fromResult(rulesOf(options.faults))
  const hosts = yield* Effect.fromResult(hostsOf(options.hosts))
  const started = yield* Clock.currentTimeMillis
  const world = { entries, names: withParents([...entries.keys(), ...hosts.keys()]), rules, started, options }
  return { dns: makeDns(world, hosts), resolver: makeResolver(world) }
})

/**
 * Both services over one zone, as a layer; see `make` for what it fails with.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (zone: Zone, options?: Options): Layer.Layer<Dns.Dns | Resolver.Resolver, ZoneError> =>
  Layer.effectContext(
    Effect.map(make(zone, options), ({ dns, resolver }) =>
      Context.make(Dns.Dns, dns).pipe(Context.add(Resolver.Resolver, resolver))
    )
  )
