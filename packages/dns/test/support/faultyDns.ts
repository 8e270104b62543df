/**
 * A `Dns` service that answers from a zone as a resolver of the DNS does, and fails where a test wants it to. Unlike
 * `Dns.layerStatic` it follows aliases and tells a name that does not exist (`ENOTFOUND`) from one that has no such
 * records (`ENODATA`), with the codes of Node.js in the error's cause.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Dns from "effect/net/Dns"
import * as Host from "effect/net/Host"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"

/**
 * What goes wrong with a question: the name does not exist, has no such records, its servers fail, refuse, do not
 * answer in time, the answer is malformed, an error without any meaning, or there is never an answer.
 */
export type Fault = "NXDOMAIN" | "NODATA" | "SERVFAIL" | "REFUSED" | "TIMEOUT" | "MALFORMED" | "UNKNOWN" | "SILENCE"

/** A kind of question: a record type, or the lookup of addresses by the system. */
export type Question = Dns.RecordType | "lookup"

export interface Options {
  readonly zone: Dns.StaticZone
  /** By name: the fault of every question, or of some kinds of questions. */
  readonly faults?: Readonly<Record<string, Fault | { readonly [Q in Question]?: Fault }>> | undefined
  /** Called with every question, as in `MX example.com`. */
  readonly onQuestion?: ((question: string) => void) | undefined
}

const faults: { readonly [F in Exclude<Fault, "SILENCE">]: readonly [reason: Dns.DnsErrorReason, code: string] } = {
  NXDOMAIN: ["NotFound", "ENOTFOUND"],
  NODATA: ["NotFound", "ENODATA"],
  SERVFAIL: ["ServerFailure", "ESERVFAIL"],
  REFUSED: ["Refused", "ECONNREFUSED"],
  TIMEOUT: ["Timeout", "ETIMEOUT"],
  MALFORMED: ["InvalidResponse", "EBADRESP"],
  UNKNOWN: ["Unknown", "EOTHER"]
}

const maxAliases = 16

const fail = (fault: Fault, hostname: string, question: Question): Effect.Effect<never, Dns.DnsError> => {
  if (fault === "SILENCE") return Effect.never
  const [reason, code] = faults[fault]
  const asked =
    question === "lookup" ? { method: "lookup" as const } : { method: "resolve" as const, recordType: question }
  return Effect.fail(new Dns.DnsError({ reason, hostname, ...asked, cause: Object.assign(new Error(code), { code }) }))
}

const key = (name: string): string =>
  Host.toRelative(Result.getOrElse(Host.domainNameFromString(name), () => Host.domainNameFromStringUnsafe("invalid.")))

/** Makes the service; fails when the zone is malformed. */
export const make = (options: Options): Result.Result<Dns.Dns["Service"], NetAddress.NetAddressError> =>
  Result.map(Dns.makeStatic(options.zone), (zone) => {
    const names = Object.keys({ ...options.zone.records, ...options.zone.hosts }).map(key)
    const wrong = new Map(Object.entries(options.faults ?? {}).map(([name, fault]) => [key(name), fault]))
    const missing = (name: string): Fault =>
      names.some((known) => known === key(name) || known.endsWith(`.${key(name)}`)) ? "NODATA" : "NXDOMAIN"

    const asked = <A>(
      name: string,
      question: Question,
      answer: (name: string) => Effect.Effect<A, Dns.DnsError>
    ): Effect.Effect<A, Dns.DnsError> =>
      Effect.suspend(() => {
        options.onQuestion?.(`${question} ${key(name)}`)
        return behindAliases(name, question, answer, maxAliases)
      })

    const behindAliases = <A>(
      name: string,
      question: Question,
      answer: (name: string) => Effect.Effect<A, Dns.DnsError>,
      left: number
    ): Effect.Effect<A, Dns.DnsError> => {
      const fault = wrong.get(key(name))
      const mine = typeof fault === "object" ? fault[question] : fault
      if (mine !== undefined) return fail(mine, name, question)
      return Effect.catch(answer(name), () =>
        Effect.matchEffect(zone.resolve(name, "CNAME"), {
          onFailure: () => fail(missing(name), name, question),
          onSuccess: ([alias]) =>
            left === 0 ? fail("SERVFAIL", name, question) : behindAliases(alias.target, question, answer, left - 1)
        })
      )
    }

    return Dns.make({
      lookup: (host, family) =>
        asked(host, "lookup", (name) => zone.lookup(name, family === undefined ? {} : { family })),
      resolve: (name, type) => asked<ReadonlyArray<Dns.DnsRecord>>(name, type, (at) => zone.resolve(at, type)),
      reverse: (address) => Effect.map(zone.reverse(address), (hosts) => hosts)
    })
  })

/** A layer with the service. */
export const layer = (options: Options): Layer.Layer<Dns.Dns, NetAddress.NetAddressError> =>
  Layer.effect(Dns.Dns, Effect.fromResult(make(options)))

/** An MX record; `.` makes it a null MX. */
export const mx = (priority: number, exchange: string): Dns.Mx =>
  Dns.makeRecordUnsafe("MX", { priority, exchange: Host.domainNameFromStringUnsafe(exchange) })

/** An A or AAAA record. */
export const address = (text: string): Dns.A | Dns.Aaaa => {
  const ip = NetAddress.ipFromStringUnsafe(text)
  return NetAddress.isIpv4Address(ip)
    ? Dns.makeRecordUnsafe("A", { address: ip })
    : Dns.makeRecordUnsafe("AAAA", { address: ip })
}

/** A CNAME record. */
export const alias = (target: string): Dns.Cname =>
  Dns.makeRecordUnsafe("CNAME", { target: Host.domainNameFromStringUnsafe(target) })

/** A TXT record, for a name that exists and has nothing to do with mail. */
export const text = (value: string): Dns.Txt => Dns.makeRecordUnsafe("TXT", { chunks: [value] })
