/**
 * What every `Resolver` must do, whoever wrote it, as a list of named effects that fail with a `ContractError`:
 *
 * ```ts
 * for (const { name, effect } of ResolverContract.cases(layer, { down: "down.example" })) it.effect(name, () => effect)
 * ```
 *
 * The resolver under test has to know `zone`.
 *
 * @since 0.1.0
 */
import type { RecordType } from "@effect-mail/dns/DnsMessage"
import { Resolver } from "@effect-mail/dns/Resolver"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import { type Case, check, ContractError, equal } from "./Contract.ts"
import type { Zone } from "./StaticDns.ts"

/**
 * What the resolver under test has to know; as text it can be given to `StaticDns` and to a real name server.
 *
 * @category testing
 * @since 0.1.0
 */
export const zone = {
  "contract.example": [
    "300 SOA ns.invalid hostmaster.invalid 1 3600 600 86400 120",
    "90 A 192.0.2.1",
    "90 A 192.0.2.2",
    "300 MX 10 mx.contract.example",
    '300 TXT "v=spf1 -all"'
  ],
  "mx.contract.example": ["300 AAAA 2001:db8::1"],
  "alias.contract.example": ["30 CNAME contract.example"],
  "dangling.contract.example": ["30 CNAME nowhere.contract.example"],
  "loop.contract.example": ["30 CNAME pool.contract.example"],
  "pool.contract.example": ["30 CNAME loop.contract.example"],
  "deep.empty.contract.example": ["30 A 192.0.2.3"]
} satisfies Zone

/**
 * What else the resolver under test knows.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** A domain whose name servers fail. */
  readonly down?: string | undefined
}

const ask = Effect.fnUntraced(function* <T extends RecordType>(name: string, type: T) {
  const resolver = yield* Resolver
  const result = yield* Effect.result(resolver.query(name, type))
  if (Result.isSuccess(result)) return result.success
  return yield* new ContractError({ detail: `no answer to ${type} ${name}: ${result.failure.message}` })
})

const refused = Effect.fnUntraced(function* (name: string) {
  const resolver = yield* Resolver
  const result = yield* Effect.result(resolver.query(name, "A"))
  if (Result.isFailure(result)) return result.failure
  return yield* new ContractError({ detail: `A ${name.slice(0, 80)} has an answer` })
})

const addressesOf = Effect.fnUntraced(function* (name: string) {
  const { records } = yield* ask(name, "A")
  return records.map(({ address }) => NetAddress.formatIp(address)).toSorted()
})

const both = ["192.0.2.1", "192.0.2.2"]

const laws = {
  "the answer holds all records of the type and no others, as long as the least of them": Effect.gen(function* () {
    const answer = yield* ask("contract.example", "A")
    yield* equal(yield* addressesOf("contract.example"), both, "the addresses")
    yield* equal([answer.rcode, answer.alias], ["NOERROR", undefined], "the code and the alias")
    yield* check(answer.ttl > 0 && answer.ttl <= 90, `the time to live is ${answer.ttl}`)
    const [mx] = (yield* ask("contract.example", "MX")).records
    yield* equal([mx?.priority, mx?.exchange], [10, "mx.contract.example"], "the mail server, without a trailing dot")
    const [txt] = (yield* ask("contract.example", "TXT")).records
    yield* equal(txt?.text, "v=spf1 -all", "the text")
  }),

  "case and a trailing dot make no difference (DNS-001)": Effect.gen(function* () {
    yield* equal(yield* addressesOf("CONTRACT.example."), both, "the addresses")
  }),

  "an alias is followed and named, and holds no longer than itself (DNS-002)": Effect.gen(function* () {
    const answer = yield* ask("alias.contract.example", "A")
    yield* equal(yield* addressesOf("alias.contract.example"), both, "the addresses")
    yield* equal(answer.alias, "contract.example", "the name at the end")
    yield* check(answer.ttl <= 30, `the time to live is ${answer.ttl}`)
  }),

  "an alias of nothing does not exist": Effect.gen(function* () {
    yield* equal((yield* ask("dangling.contract.example", "A")).rcode, "NXDOMAIN", "the code")
  }),

  "aliases in a circle are no answer": Effect.gen(function* () {
    const { reason } = yield* refused("loop.contract.example")
    yield* check(reason === "ServerFailure" || reason === "Malformed", `the reason is ${reason}`)
  }),

  "a name that does not exist is told from one without such records, and both hold by the SOA record (RFC 2308)":
    Effect.gen(function* () {
      const gone = yield* ask("nowhere.contract.example", "A")
      const empty = yield* ask("contract.example", "AAAA")
      const between = yield* ask("empty.contract.example", "A")
      yield* equal([gone.rcode, empty.rcode, between.rcode], ["NXDOMAIN", "NOERROR", "NOERROR"], "the codes")
      for (const { records, ttl } of [gone, empty, between]) {
        yield* equal(records, [], "the records")
        yield* check(ttl > 0 && ttl <= 120, `the time to live is ${ttl}`)
      }
    }),

  "what cannot be asked for is BadName, never a crash": Effect.gen(function* () {
    for (const name of ["", "a..b", "bücher.example", `${"a".repeat(64)}.example`, "x".repeat(100_000)]) {
      const error = yield* refused(name)
      yield* equal(error.reason, "BadName", `the reason for ${JSON.stringify(name.slice(0, 40))}`)
      yield* check(error.message.length < 600, `the message is ${error.message.length} characters long`)
    }
  })
}

/**
 * The cases of the contract. The layer is built anew for each of them; one that fails to build is a defect.
 *
 * @category testing
 * @since 0.1.0
 */
export const cases = <E, R>(
  layer: Layer.Layer<Resolver, E, R>,
  options: Options = {}
): ReadonlyArray<Case<ContractError, R>> => {
  const all = Object.entries<Effect.Effect<void, ContractError, Resolver>>(laws)
  const { down } = options
  if (down !== undefined) {
    const law = Effect.flatMap(refused(down), ({ reason }) => equal(reason, "ServerFailure", "the reason"))
    all.push(["name servers that fail are no answer", law])
  }
  return all.map(([name, law]) => ({ name, effect: Effect.provide(law, Layer.orDie(layer)) }))
}
