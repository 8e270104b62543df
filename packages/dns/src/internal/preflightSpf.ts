/**
 * Whether the SPF record of a domain is in order, and what it says of an address (SPF-001 to SPF-005).
 */
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import { Resolver } from "../Resolver.ts"
import { finding, type Findings, plural, records } from "./finding.ts"
import * as Spf from "./spf.ts"

export const spfFindings = Effect.fnUntraced(function* (domain: string, ip: NetAddress.IpAddress | undefined) {
  const found = (yield* records("spf", domain, "TXT")).records.map(({ text }) => text).filter(Spf.isSpf)
  const [text] = found
  if (text === undefined) {
    return [
      finding(
        "spf",
        "error",
        `${domain} has no SPF record. Publish a TXT record such as "v=spf1 mx -all" that names all servers that send for the domain.`
      )
    ]
  }
  if (found.length > 1) {
    return [
      finding(
        "spf",
        "error",
        `${domain} has ${found.length} SPF records; receivers ignore them all then (permerror). Join them into one.`
      )
    ]
  }
  const parsed = Spf.parse(text)
  if (Result.isFailure(parsed)) {
    return [finding("spf", "error", `The SPF record of ${domain} is malformed: ${parsed.failure}. Correct it.`)]
  }
  const all = yield* evaluated(domain, undefined)
  return [
    ...wholeFindings(domain, all),
    ...policyFindings(domain, parsed.success),
    ...(yield* addressFindings(domain, ip))
  ]
})

const evaluated = (domain: string, ip: NetAddress.IpAddress | undefined) =>
  Effect.flatMap(Resolver, (resolver) => Spf.evaluate(resolver, domain, ip))

const wholeFindings = (domain: string, { lookups, macros, verdict, why }: Spf.Outcome): Findings => {
  if (verdict === "permerror") {
    return [
      finding(
        "spf",
        "error",
        `The SPF record of ${domain} fails for all receivers (permerror): ${why}. Take out includes that are not needed, or write addresses.`
      )
    ]
  }
  if (verdict === "temperror")
    return [finding("spf", "unknown", `The SPF record of ${domain} is not all known: ${why}.`)]
  return [
    finding("spf", "ok", `${domain} has an SPF record that causes ${lookups} of at most ${Spf.maxLookups} lookups.`),
    ...(macros > 0 ? [finding("spf", "info", `${plural(macros, "term")} with macros were not evaluated.`)] : [])
  ]
}

const policyFindings = (domain: string, { mechanisms, redirect }: Spf.SpfRecord): Findings => {
  const last = mechanisms.find(({ name }) => name === "all")
  const ptr = mechanisms.some(({ name }) => name === "ptr")
    ? [
        finding(
          "spf",
          "warning",
          `The SPF record of ${domain} uses ptr, which is slow and ignored by many (RFC 7208 section 5.5).`
        )
      ]
    : []
  if (last === undefined && redirect === undefined) {
    return [
      ...ptr,
      finding(
        "spf",
        "warning",
        `The SPF record of ${domain} does not say what of all others; end it with -all or ~all.`
      )
    ]
  }
  if (last?.qualifier === "+") {
    return [
      ...ptr,
      finding("spf", "error", `The SPF record of ${domain} allows everybody to send (+all). End it with -all or ~all.`)
    ]
  }
  if (last?.qualifier === "?") {
    return [
      ...ptr,
      finding(
        "spf",
        "warning",
        `The SPF record of ${domain} says nothing of all others (?all). End it with -all or ~all.`
      )
    ]
  }
  return ptr
}

const addressFindings = Effect.fnUntraced(function* (domain: string, ip: NetAddress.IpAddress | undefined) {
  if (ip === undefined) return []
  const { verdict, why } = yield* evaluated(domain, ip)
  const address = NetAddress.formatIp(ip)
  switch (verdict) {
    case "pass":
      return [finding("spf", "ok", `${address} may send for ${domain} (SPF pass).`)]
    case "fail":
    case "softfail":
      return [
        finding(
          "spf",
          verdict === "fail" ? "error" : "warning",
          `${address} may not send for ${domain} (SPF ${verdict}). Add it to the SPF record.`
        )
      ]
    case "temperror":
      return [finding("spf", "unknown", `Whether ${address} may send for ${domain} is not known: ${why}.`)]
    case "permerror":
      return [finding("spf", "error", `Receivers cannot tell whether ${address} may send for ${domain}: ${why}.`)]
    default:
      return [finding("spf", "warning", `The SPF record of ${domain} says nothing about ${address}. Add it.`)]
  }
})
