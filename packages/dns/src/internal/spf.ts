/**
 * SPF (RFC 7208): the syntax of a record, and what it says of an address. Every question to the DNS that the record causes
 * is counted, as a receiver does, and so the work is bounded whatever a record includes (SPF-003).
 */
import * as Effect from "effect/Effect"
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type { Resolver } from "../Resolver.ts"

export interface Mechanism {
  readonly qualifier: "+" | "-" | "~" | "?"
  readonly name: "all" | "include" | "a" | "mx" | "ptr" | "ip4" | "ip6" | "exists"
  /** The domain or the address behind the colon. */
  readonly target: string | undefined
  readonly prefix4: number
  readonly prefix6: number
}

export interface SpfRecord {
  readonly mechanisms: ReadonlyArray<Mechanism>
  readonly redirect: string | undefined
}

/** Whether a TXT record is meant to be an SPF record (RFC 7208 section 4.5). */
export const isSpf = (text: string): boolean => /^v=spf1(?: |$)/i.test(text)

const mechanismNames: ReadonlySet<string> = new Set(["all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"])

const isName = (name: string): name is Mechanism["name"] => mechanismNames.has(name)

const term = /^([+?~-]?)([a-z0-9]+)(?::([^/]+))?(?:\/(\d{1,3}))?(?:\/\/(\d{1,3}))?$/i

const isQualifier = (text: string | undefined): text is Mechanism["qualifier"] =>
  text === "+" || text === "-" || text === "~" || text === "?"

const needsTarget: ReadonlySet<string> = new Set(["include", "exists", "ip4", "ip6"])

const parseMechanism = (text: string): Result.Result<Mechanism, string> => {
  // An IPv6 network has slashes and colons of its own, and a macro may have a slash.
  const address = /^([+?~-]?)(ip6):([0-9a-f:.]+)(?:\/(\d{1,3}))?$/i.exec(text)
  const found = address ?? term.exec(text)
  const name = found?.[2]?.toLowerCase()
  if (found === null || name === undefined || !isName(name)) return Result.fail(`"${text.slice(0, 40)}" is unknown`)
  const target = found[3]
  if (target === undefined && needsTarget.has(name)) return Result.fail(`"${name}" needs something behind a colon`)
  const [first, second] = [Number(found[4] ?? (name === "ip6" ? 128 : 32)), Number(found[5] ?? 128)]
  const [prefix4, prefix6] = name === "ip6" ? [32, first] : [first, second]
  if (prefix4 > 32 || prefix6 > 128) return Result.fail(`"${text.slice(0, 40)}" has a network that is too long`)
  const wrongAddress =
    (name === "ip4" && Result.isFailure(NetAddress.ipv4FromString(target ?? ""))) ||
    (name === "ip6" && Result.isFailure(NetAddress.ipv6FromString(target ?? "")))
  if (wrongAddress) {
    return Result.fail(`"${text.slice(0, 40)}" has no valid address`)
  }
  return Result.succeed({ qualifier: isQualifier(found[1]) ? found[1] : "+", name, target, prefix4, prefix6 })
}

/** Reads a record; fails with the term that is wrong. */
export const parse = (text: string): Result.Result<SpfRecord, string> => {
  const mechanisms: Array<Mechanism> = []
  let redirect: string | undefined
  for (const word of text.split(" ").slice(1)) {
    if (word === "") continue
    const modifier = /^([a-z][a-z0-9_.-]*)=(.*)$/i.exec(word)
    if (modifier !== null) {
      if (modifier[1]?.toLowerCase() !== "redirect") continue
      if (redirect !== undefined) return Result.fail("redirect stands there twice")
      redirect = modifier[2] ?? ""
      continue
    }
    const mechanism = parseMechanism(word)
    if (Result.isFailure(mechanism)) return Result.fail(mechanism.failure)
    mechanisms.push(mechanism.success)
  }
  return Result.succeed({ mechanisms, redirect })
}

export const maxLookups = 10

export const maxVoids = 2

export type Verdict = "pass" | "fail" | "softfail" | "neutral" | "none" | "permerror" | "temperror"

/** What came out, and why when it is an error; with the counts of the terms that cause questions, and of void answers. */
export interface Outcome {
  readonly verdict: Verdict
  readonly why: string | undefined
  readonly lookups: number
  readonly voids: number
  /** Terms with macros, which are not evaluated here. */
  readonly macros: number
}

const verdicts = { "+": "pass", "-": "fail", "~": "softfail", "?": "neutral" } as const

interface Counts {
  lookups: number
  voids: number
  macros: number
}

class Ended {
  readonly verdict: "permerror" | "temperror"
  readonly why: string
  constructor(verdict: "permerror" | "temperror", why: string) {
    this.verdict = verdict
    this.why = why
  }
}

const permerror = (why: string) => Effect.fail(new Ended("permerror", why))

/** The SPF record of a domain: exactly one, none, or an error. */
const recordOf = Effect.fnUntraced(function* (resolver: Resolver["Service"], domain: string) {
  const { records } = yield* Effect.mapError(
    resolver.query(domain, "TXT"),
    ({ detail }) => new Ended("temperror", `${domain} could not be looked up: ${detail}`)
  )
  const spf = records.map(({ text }) => text).filter(isSpf)
  if (spf.length > 1) return yield* permerror(`${domain} has ${spf.length} SPF records, and may have one`)
  const [text] = spf
  if (text === undefined) return undefined
  return yield* Effect.mapError(
    Effect.fromResult(parse(text)),
    (why) => new Ended("permerror", `in the record of ${domain}, ${why}`)
  )
})

/**
 * What the record of a domain says of an address. Without an address nothing matches, so that everything the record may
 * cause is looked up and counted; as one address family is asked for then, only names that do not exist count as void.
 */
export const evaluate = (
  resolver: Resolver["Service"],
  domain: string,
  ip: NetAddress.IpAddress | undefined
): Effect.Effect<Outcome> => {
  const counts: Counts = { lookups: 0, voids: 0, macros: 0 }

  const count = Effect.suspend(() =>
    ++counts.lookups > maxLookups ? permerror(`it causes more than ${maxLookups} lookups`) : Effect.void
  )

  const ask = <T extends "A" | "AAAA" | "MX">(name: string, type: T) =>
    resolver.query(name, type).pipe(
      Effect.mapError(({ detail }) => new Ended("temperror", `${name} could not be looked up: ${detail}`)),
      Effect.flatMap((answer) =>
        answer.records.length === 0 && (ip !== undefined || answer.rcode === "NXDOMAIN") && ++counts.voids > maxVoids
          ? permerror(`more than ${maxVoids} of its names have no records`)
          : Effect.succeed(answer.records)
      )
    )

  const within = (address: NetAddress.IpAddress, { prefix4, prefix6 }: Mechanism): boolean => {
    if (ip === undefined || NetAddress.familyOf(address) !== NetAddress.familyOf(ip)) return false
    const prefix = NetAddress.isIpv4Address(address) ? prefix4 : prefix6
    return IpNetwork.contains(networkOf(address, prefix), ip)
  }

  const type = ip !== undefined && NetAddress.isIpv6Address(ip) ? "AAAA" : "A"

  const hostMatches = (name: string, mechanism: Mechanism) =>
    Effect.map(ask(name, type), (records) => records.some(({ address }) => within(address, mechanism)))

  const matches = Effect.fnUntraced(function* (at: string, mechanism: Mechanism): Effect.fn.Return<boolean, Ended> {
    const { name, target = at } = mechanism
    if (name === "all") return ip !== undefined
    if (name === "ip4" || name === "ip6") return within(NetAddress.ipFromStringUnsafe(target), mechanism)
    yield* count
    if (target.includes("%")) {
      counts.macros++
      return false
    }
    if (name === "ptr") return false
    if (name === "a") return yield* hostMatches(target, mechanism)
    if (name === "exists") return (yield* ask(target, "A")).length > 0 && ip !== undefined
    if (name === "include") {
      const verdict = yield* check(target)
      if (verdict === "none") return yield* permerror(`it includes ${target}, which has no SPF record`)
      return verdict === "pass"
    }
    const exchanges = yield* ask(target, "MX")
    if (exchanges.length > 10) return yield* permerror(`${target} has more than 10 mail servers`)
    for (const { exchange } of exchanges) if (yield* hostMatches(exchange, mechanism)) return true
    return false
  })

  const check = Effect.fnUntraced(function* (at: string): Effect.fn.Return<Verdict, Ended> {
    const record = yield* recordOf(resolver, at)
    if (record === undefined) return "none"
    for (const mechanism of record.mechanisms) {
      if (yield* matches(at, mechanism)) return verdicts[mechanism.qualifier]
    }
    // With `all` a redirect is never reached (RFC 7208 section 6.1).
    if (record.redirect === undefined || record.mechanisms.some(({ name }) => name === "all")) return "neutral"
    yield* count
    const verdict = yield* check(record.redirect)
    if (verdict === "none") return yield* permerror(`it redirects to ${record.redirect}, which has no SPF record`)
    return verdict
  })

  return Effect.match(check(domain), {
    onFailure: ({ verdict, why }) => ({ verdict, why, ...counts }),
    onSuccess: (verdict) => ({ verdict, why: undefined, ...counts })
  })
}

const networkOf = (address: NetAddress.IpAddress, prefix: number): IpNetwork.IpNetwork =>
  IpNetwork.fromAddressUnsafe(address, prefix)
