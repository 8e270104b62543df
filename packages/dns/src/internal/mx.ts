/**
 * From a domain to its route by MX records (RFC 5321 section 5.1, RFC 7505). Reads as the standard does: MX records,
 * else the domain's own address; hosts by preference, equals in random order; addresses; what is left is the route.
 */
import type * as Failure from "@effect-mail/protocol/Failure"
import type * as TlsPolicy from "@effect-mail/protocol/TlsPolicy"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Host from "effect/net/Host"
import * as NetAddress from "effect/net/NetAddress"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import { type Kind, Route } from "../Route.ts"
import * as Domain from "./domain.ts"
import * as Hosts from "./hosts.ts"
import type { Lookup, MxRecord } from "./lookup.ts"
import * as Verdict from "./verdict.ts"

export interface Settings extends Hosts.Settings {
  readonly port: number
  readonly selfNames: ReadonlySet<string>
  readonly selfAddresses: ReadonlySet<string>
  readonly tls: (domain: string) => Effect.Effect<TlsPolicy.TlsPolicy, Failure.Unreachable>
}

// Of a longer list of mail servers no more than this many times `maxHosts` are looked up.
const maxRounds = 4

/** What MX records say, without any question to the DNS. */
export interface Listed {
  /** Whether the domain accepts no mail (RFC 7505 section 3). */
  readonly nullMx: boolean
  readonly candidates: ReadonlyArray<Hosts.Candidate>
  readonly notes: ReadonlyArray<string>
}

/** Reads MX records: every host once, with its best preference, and only hosts (CLASS-07, CLASS-08, DNS-011). */
export const list = (records: ReadonlyArray<MxRecord>): Listed => {
  const real = records.filter(({ exchange }) => exchange !== ".")
  const [candidates, invalid] = Arr.partition(real, ({ exchange, priority }) =>
    Result.match(Host.domainNameFromString(exchange), {
      onFailure: () => Result.fail(Domain.quote(exchange)),
      onSuccess: (name) => Result.succeed({ name: Domain.relative(name), preference: priority })
    })
  )
  return {
    nullMx: records.length > 0 && real.length === 0,
    candidates: once(candidates),
    notes: [
      ...(real.length < records.length ? ["a null MX stands beside other MX records and was ignored (RFC 7505)"] : []),
      ...(invalid.length > 0 ? [`MX records must name a host, ignored: ${Verdict.listed(invalid)}`] : [])
    ]
  }
}

const once = (candidates: ReadonlyArray<Hosts.Candidate>): ReadonlyArray<Hosts.Candidate> => {
  if (candidates.length < 2) return candidates
  const best = new Map<string, number>()
  for (const { name, preference } of candidates) best.set(name, Math.min(preference, best.get(name) ?? preference))
  return Array.from(best, ([name, preference]) => ({ name, preference }))
}

/** Lower preferences first, equal ones in random order, anew at every call (DNS-007). */
export const order = <A extends Hosts.Candidate>(candidates: ReadonlyArray<A>): Effect.Effect<ReadonlyArray<A>> =>
  candidates.length < 2
    ? Effect.succeed(candidates)
    : Effect.map(Random.shuffle(candidates), (shuffled) => shuffled.toSorted((a, b) => a.preference - b.preference))

type Failed = Failure.PermFailure | Failure.Unreachable

/** A route in the making. */
interface Draft {
  readonly domain: string
  readonly kind: Kind
  readonly notes: ReadonlyArray<string>
  /** What it means that none of the hosts can be used; `unasked` of them were not looked up. */
  readonly failure: (problems: ReadonlyArray<Hosts.Problem>, unasked: number) => Failed
}

/** Makes the routing function of `Router.layerMx` and `Router.layerResolver`. */
export const make = (lookup: Lookup, settings: Settings) => {
  const byName = Effect.fnUntraced(function* (domain: string): Effect.fn.Return<Route, Failed> {
    const { alias, answer } = yield* lookup.mx(domain)
    const notes = Hosts.aliasNote(domain, alias)
    switch (answer._tag) {
      case "Found":
        return yield* byRecords(domain, list(answer.value), notes)
      case "Absent":
        if (answer.proof === "nxdomain") return yield* Verdict.noSuchDomain(domain, "does not exist")
        return yield* byHosts(implicit(domain, answer.proof, notes), [{ name: domain, preference: 0 }])
      case "Unusable":
        return yield* Verdict.noHost(domain, answer.why)
      default:
        return yield* Verdict.unknown(domain, answer.why)
    }
  })

  const byRecords = Effect.fnUntraced(function* (domain: string, listed: Listed, notes: ReadonlyArray<string>) {
    if (listed.nullMx) return yield* Verdict.nullMx(domain)
    return yield* byHosts(mx(domain, [...notes, ...listed.notes]), listed.candidates)
  })

  const byHosts = Effect.fnUntraced(function* (draft: Draft, candidates: ReadonlyArray<Hosts.Candidate>) {
    const { hosts, own } = Hosts.withoutSelf(candidates, ({ name }) => settings.selfNames.has(name))
    if (own && hosts.length === 0) return yield* Verdict.loop(draft.domain)
    const examined = yield* examine(yield* order(hosts))
    const notes = own ? [...draft.notes, selfNote] : draft.notes
    return yield* conclude(settings, { ...draft, notes }, examined, hosts.length - examined.length)
  })

  // Looks up as many hosts at a time as a route may have, and goes on as long as there are too few that can be used.
  // Our own address may hide behind any name, so with one the search does not stop early.
  const examine = Effect.fnUntraced(function* (candidates: ReadonlyArray<Hosts.Candidate>) {
    const examined: Array<Hosts.Examined> = []
    const rounds = Arr.chunksOf(candidates, settings.maxHosts).slice(0, maxRounds)
    for (const round of rounds) {
      // One host needs no fiber of its own.
      const concurrency = round.length === 1 ? undefined : "unbounded"
      examined.push(...(yield* Effect.forEach(round, look, { concurrency })))
      const enough = Hosts.choose(examined, settings).hosts.length === settings.maxHosts
      if (enough && settings.selfAddresses.size === 0) break
    }
    return examined
  })

  const look = (candidate: Hosts.Candidate): Effect.Effect<Hosts.Examined> =>
    Effect.map(lookup.addresses(candidate.name), (answer) => ({ ...candidate, answer }))

  return Effect.fnUntraced(function* (input: string): Effect.fn.Return<Route, Failed> {
    const domain = yield* Effect.fromResult(Domain.parse(input))
    return yield* domain._tag === "Name"
      ? byName(domain.text)
      : conclude(settings, literal(domain.text), [known(domain)], 0)
  })
}

const selfNote = "this server is one of the mail servers; it and those not more preferred were left out"

// The last step: our own addresses out, then the first hosts that can be used.
const conclude = (
  settings: Settings,
  draft: Draft,
  examined: ReadonlyArray<Hosts.Examined>,
  unasked: number
): Effect.Effect<Route, Failed> => {
  const others = Hosts.withoutSelf(examined, Hosts.hasAddressOf(settings.selfAddresses))
  if (others.own && others.hosts.length === 0) return Effect.fail(Verdict.loop(draft.domain))
  const { hosts, notes, problems } = Hosts.choose(others.hosts, settings)
  // Those not looked up are not more preferred than any that was.
  const unknown = others.own ? 0 : unasked
  if (!Arr.isReadonlyArrayNonEmpty(hosts)) return Effect.fail(draft.failure(problems, unknown))
  const more = others.hosts.length - hosts.length - problems.length + unknown
  return Effect.map(
    settings.tls(draft.domain),
    (tls) =>
      new Route({
        domain: draft.domain,
        destination: draft.domain,
        kind: draft.kind,
        hosts,
        port: settings.port,
        implicitTls: false,
        tls,
        notes: Arr.dedupe([
          ...draft.notes,
          ...(others.own ? [selfNote] : []),
          ...notes,
          ...(problems.length > 0 ? [`left out: ${Verdict.whys(problems)}`] : []),
          ...(more > 0 ? [`${more} more mail servers are beyond the limits of a route`] : [])
        ])
      })
  )
}

const mx = (domain: string, notes: ReadonlyArray<string>): Draft => ({
  domain,
  kind: "mx",
  notes,
  failure: (problems, unasked) => {
    if (problems.some(({ cause }) => cause === "trouble")) return Verdict.noHostNow(domain, Verdict.whys(problems))
    if (unasked > 0) return Verdict.noHostNow(domain, `${Verdict.whys(problems)}; ${unasked} were not looked up`)
    if (problems.some(({ cause }) => cause === "refused")) return Verdict.refused(domain, Verdict.whys(problems))
    return Verdict.noHost(domain, problems.length === 0 ? notes.join("; ") : Verdict.whys(problems))
  }
})

// The domain is its own and only mail server (RFC 5321 section 5.1). A resolver that proved nothing may know nothing of
// the name at all: then it counts as one that does not exist.
const implicit = (domain: string, proof: "nodata" | "unsaid", notes: ReadonlyArray<string>): Draft => ({
  domain,
  kind: "implicit",
  notes,
  failure: (problems) => {
    const [problem] = problems
    switch (problem?.cause) {
      case "trouble":
        return Verdict.unknown(domain, problem.why)
      case "refused":
        return Verdict.refused(domain, problem.why)
      default:
        return proof === "nodata"
          ? Verdict.noMailServer(domain)
          : Verdict.noSuchDomain(domain, "does not exist, or has neither a mail server nor an address")
    }
  }
})

const literal = (text: string): Draft => ({
  domain: text,
  kind: "literal",
  notes: [],
  failure: (problems) => Verdict.refused(text, Verdict.whys(problems))
})

const known = ({ address }: Domain.Literal): Hosts.Examined => ({
  name: NetAddress.formatIp(address),
  preference: 0,
  answer: { _tag: "Found", value: [address] }
})
