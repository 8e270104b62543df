/**
 * Questions to the DNS, and what their answers are worth to routing. A question never fails here: an answer is found,
 * absent (with proof, or without), unusable, or there was trouble and nothing is known. Only proof may end a delivery
 * (CLASS-03 to CLASS-06); whatever is not understood is trouble.
 */
import * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Dns from "effect/net/Dns"
import * as NetAddress from "effect/net/NetAddress"
import * as Predicate from "effect/Predicate"
import { relative } from "./domain.ts"

/** An answer that routing can use. */
export interface Found<out A> {
  readonly _tag: "Found"
  readonly value: A
  /** The name at the end of the aliases (CNAME) that led here. */
  readonly alias?: string | undefined
  /** Why one address family is unknown, when it is. */
  readonly lost?: string | undefined
}

/**
 * There is nothing. `nxdomain`: the name does not exist; `nodata`: it exists without such records; `unsaid`: the
 * resolver does not tell which of the two, as Effect's static resolver and the operating system's do not.
 */
export interface Absent {
  readonly _tag: "Absent"
  readonly proof: "nxdomain" | "nodata" | "unsaid"
}

/** There are records, and none of them means anything. */
export interface Unusable {
  readonly _tag: "Unusable"
  readonly why: string
}

/** Nothing is known; the same question may be answered later. */
export interface Trouble {
  readonly _tag: "Trouble"
  readonly why: string
}

export type Answer<A> = Found<A> | Absent | Unusable | Trouble

export interface Settings {
  readonly family: "any" | NetAddress.IpFamily
  readonly timeout: Duration.Duration
}

/** The types of address records of each choice of a family; IPv6 first. */
export const addressTypes = { any: ["AAAA", "A"], IPv4: ["A"], IPv6: ["AAAA"] } as const

// More aliases in a row than this are taken for a loop (DNS-002).
const maxAliases = 16

export const found = <A>(value: A): Found<A> => ({ _tag: "Found", value })

const codeOf = (cause: unknown): unknown => (Predicate.hasProperty(cause, "code") ? cause.code : undefined)

// Bun writes the resolver's codes with a prefix, as in DNS_ENOTFOUND.
const absent = (cause: unknown): Absent => {
  const code = String(codeOf(cause)).replace(/^DNS_/, "")
  return { _tag: "Absent", proof: code === "ENOTFOUND" ? "nxdomain" : code === "ENODATA" ? "nodata" : "unsaid" }
}

const troubles: { readonly [R in Dns.DnsErrorReason]?: string } = {
  Timeout: "the DNS did not answer in time",
  ServerFailure: "the domain's name servers failed: SERVFAIL",
  Temporary: "the DNS could not answer for the moment",
  Refused: "the name server refused the question or could not be reached",
  InvalidResponse: "the DNS answer was malformed",
  Unsupported: "this question is not supported by the resolver"
}

export const trouble = (why: string): Trouble => ({ _tag: "Trouble", why })

const troubleOf = (reason: Dns.DnsErrorReason): Trouble => trouble(troubles[reason] ?? "the question failed")

// `isTemporary` is of no use: a resolver that is down gives `Refused`, which says nothing about the domain (DNS-004).
const fromError = (error: Dns.DnsError): Exclude<Answer<never>, Found<never>> => {
  switch (error.reason) {
    case "NotFound":
      return absent(error.cause)
    case "BadName":
      return { _tag: "Absent", proof: "nxdomain" }
    case "InvalidResponse": // all records were skipped because their data is no name, such as an IP address as text
      return Predicate.isTagged(error.cause, "NetAddressError")
        ? { _tag: "Unusable", why: "its records name no valid host" }
        : troubleOf(error.reason)
    default:
      return troubleOf(error.reason)
  }
}

const answered = <A>(question: Effect.Effect<A, Dns.DnsError>, timeout: Duration.Duration): Effect.Effect<Answer<A>> =>
  question.pipe(
    Effect.match({ onSuccess: found, onFailure: fromError }),
    Effect.timeoutOrElse({ duration: timeout, orElse: () => Effect.succeed(troubleOf("Timeout")) })
  )

/** An answer with the name at the end of the aliases that led to it; undefined when there was no alias. */
export interface Followed<A> {
  readonly answer: Answer<A>
  readonly alias: string | undefined
}

/** An MX record, whoever read it. */
export interface MxRecord {
  readonly priority: number
  readonly exchange: string
}

/** The questions of a router by MX records. Names are asked as absolute names (DNS-001). */
export interface Lookup {
  /** The MX records of a name, behind its aliases. */
  readonly mx: (name: string) => Effect.Effect<Followed<Arr.NonEmptyReadonlyArray<MxRecord>>>
  /** The A and AAAA records of a host, behind its aliases; IPv6 first. */
  readonly addresses: (host: string) => Effect.Effect<Answer<Arr.NonEmptyReadonlyArray<NetAddress.IpAddress>>>
}

/** The questions to a `Dns` service, which can ask the operating system, too. */
export interface DnsLookup extends Lookup {
  /** The addresses of a configured host by the system's own means, in its order: hosts file, search list, DNS. */
  readonly system: (host: string) => Effect.Effect<Answer<Arr.NonEmptyReadonlyArray<NetAddress.IpAddress>>>
}

export const make = (dns: Dns.Dns["Service"], { family, timeout }: Settings): DnsLookup => {
  const ask = <T extends Dns.RecordType>(name: string, type: T) =>
    answered(dns.resolve(`${relative(name)}.`, type), timeout)

  // A resolver that talks to the DNS follows aliases itself and says why it found nothing; one that does not say why
  // may be a table, where aliases are followed here.
  const follow = Effect.fnUntraced(function* <A>(name: string, question: (name: string) => Effect.Effect<Answer<A>>) {
    let at = name
    for (let hops = 0; hops <= maxAliases; hops++) {
      const alias = at === name ? undefined : at
      const answer = yield* question(at)
      if (answer._tag !== "Absent" || answer.proof !== "unsaid") return { answer, alias }
      const next = yield* ask(at, "CNAME")
      if (next._tag === "Trouble") return { answer: next, alias }
      if (next._tag !== "Found") return { answer, alias }
      at = relative(next.value[0].target)
    }
    return { answer: trouble(`it is behind more than ${maxAliases} aliases (CNAME), or behind a loop`), alias: at }
  })

  const system = (host: string) => answered(dns.lookup(host, family === "any" ? {} : { family }), timeout)

  const records =
    (type: "A" | "AAAA") =>
    (name: string): Effect.Effect<Answer<ReadonlyArray<NetAddress.IpAddress>>> =>
      Effect.map(ask(name, type), (answer) =>
        answer._tag === "Found" ? found(Arr.map(answer.value, (record) => record.address)) : answer
      )

  const questions = addressTypes[family].map(records)

  const both = (name: string) =>
    Effect.map(
      Effect.forEach(questions, (question) => question(name), { concurrency: "unbounded" }),
      merge
    )

  const addresses = Effect.fnUntraced(function* (host: string) {
    const { answer, alias } = yield* follow(host, both)
    // A table may keep its hosts where only `lookup` finds them, as the static resolver of Effect does.
    const all = answer._tag === "Absent" && answer.proof === "unsaid" ? yield* system(`${alias ?? host}.`) : answer
    return all._tag === "Found" ? { ...all, alias } : all
  })

  return { mx: (name) => follow(name, (at) => ask(at, "MX")), addresses, system }
}

/** One family is enough to go on with (DNS-015); without any, trouble outweighs proof (CLASS-09). */
export const merge = (
  answers: ReadonlyArray<Answer<ReadonlyArray<NetAddress.IpAddress>>>
): Answer<Arr.NonEmptyReadonlyArray<NetAddress.IpAddress>> => {
  const addresses = answers.flatMap((answer) => (answer._tag === "Found" ? answer.value : []))
  const lost = answers.find((answer) => answer._tag === "Trouble")
  if (Arr.isReadonlyArrayNonEmpty(addresses)) return { ...found(addresses), lost: lost?.why }
  const absences = answers.flatMap((answer) => (answer._tag === "Absent" ? [answer] : []))
  return lost ?? absences.find(({ proof }) => proof !== "unsaid") ?? { _tag: "Absent", proof: "unsaid" }
}
