/**
 * The questions of a router, asked of a `Resolver`. Every answer tells its lifetime; what is unknown is soon worth
 * another question (RFC 2308 section 7).
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import type { DnsRecord, RecordType } from "../DnsMessage.ts"
import * as Lifetime from "../Lifetime.ts"
import type { Resolver } from "../Resolver.ts"
import * as Lookup from "./lookup.ts"

// How long a route is good for when one of its questions had no answer, in seconds.
const troubleTtl = 60

/** Makes the questions of `Router.layerResolver`. */
export const make = (resolver: Resolver["Service"], family: Lookup.Settings["family"]): Lookup.Lookup => {
  const ask = <T extends RecordType>(name: string, type: T) =>
    Effect.matchEffect(resolver.query(name, type), {
      onFailure: ({ detail }) =>
        Effect.as(Lifetime.tell(troubleTtl), { answer: Lookup.trouble(detail), alias: undefined }),
      onSuccess: ({ alias, rcode, records, ttl }) =>
        Effect.as(Lifetime.tell(ttl), { answer: answerOf(rcode, records), alias })
    })

  const addresses = (host: string): Effect.Effect<Lookup.Answer<Arr.NonEmptyReadonlyArray<NetAddress.IpAddress>>> =>
    Effect.map(
      Effect.forEach(Lookup.addressTypes[family], (type) => ask(host, type), { concurrency: "unbounded" }),
      (asked) => {
        const merged = Lookup.merge(asked.map(({ answer }) => addressesOf(answer)))
        return merged._tag === "Found" ? { ...merged, alias: asked.find(({ alias }) => alias)?.alias } : merged
      }
    )

  return { mx: (name) => ask(name, "MX"), addresses }
}

const answerOf = <R>(
  rcode: "NOERROR" | "NXDOMAIN",
  records: ReadonlyArray<R>
): Lookup.Answer<Arr.NonEmptyReadonlyArray<R>> =>
  Arr.isReadonlyArrayNonEmpty(records)
    ? Lookup.found(records)
    : { _tag: "Absent", proof: rcode === "NXDOMAIN" ? "nxdomain" : "nodata" }

const addressesOf = (
  answer: Lookup.Answer<Arr.NonEmptyReadonlyArray<DnsRecord<"A" | "AAAA">>>
): Lookup.Answer<ReadonlyArray<NetAddress.IpAddress>> =>
  answer._tag === "Found" ? Lookup.found(answer.value.map(({ address }) => address)) : answer
