/**
 * What every `Router` must do, whoever wrote it, as a list of named effects that fail with a `ContractError`:
 *
 * ```ts
 * for (const { name, effect } of RouterContract.cases(layer, { unreachable: "down.example" })) it.effect(name, () => effect)
 * ```
 *
 * The router under test has to route `example.com` and `xn--bcher-kva.example`, and to know no route to `missing.example`.
 *
 * @since 0.1.0
 */
import * as Route from "@effect-mail/dns/Route"
import { Router } from "@effect-mail/dns/Router"
import type { Failure } from "@effect-mail/protocol/Failure"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { type Case, check, ContractError, equal } from "./Contract.ts"

/**
 * What else the router under test knows.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** A domain about which nothing can be found out. */
  readonly unreachable?: string | undefined
}

const malformed = [
  "",
  ".",
  "..",
  ".example.com",
  "a..b",
  "exa mple.com",
  "example.com\r\nRCPT TO:<x@example.net>",
  "-a.example",
  `${"a".repeat(64)}.example`,
  `${"a.".repeat(127)}example`,
  "x".repeat(100_000),
  "user@example.com",
  "192.0.2.1",
  "[",
  "[]",
  "[192.0.2.1",
  "[300.0.2.1]",
  "[2001:db8::1]",
  "[IPv6:192.0.2.1]",
  "[IPv6:fe80::1%eth0]"
]

const spellings = [
  ["EXAMPLE.com", "example.com"],
  ["example.com.", "example.com"],
  ["Bücher.example", "xn--bcher-kva.example"],
  ["bu\u0308cher.example", "xn--bcher-kva.example"],
  ["XN--BCHER-KVA.example", "xn--bcher-kva.example"]
] as const

const route = Effect.fnUntraced(function* (domain: string) {
  const router = yield* Router
  const result = yield* Effect.result(router.route(domain))
  if (Result.isSuccess(result)) return result.success
  return yield* new ContractError({ detail: `no route to ${domain}: ${result.failure.message}` })
})

const failure = Effect.fnUntraced(function* (domain: string) {
  const router = yield* Router
  const result = yield* Effect.result(router.route(domain))
  if (Result.isFailure(result)) return result.failure
  return yield* new ContractError({ detail: `${domain.slice(0, 80)} has a route` })
})

// The tag, the stage, the scope and the next step of a failure.
const facts = ({ _tag, next, scope, stage }: Failure) => ({ _tag, stage, scope, next })

const sayable = (failed: Failure, digit: "4" | "5") =>
  Effect.gen(function* () {
    yield* check((failed.enhanced ?? "").startsWith(`${digit}.`), `the status is ${failed.enhanced}`)
    yield* check(failed.hint !== undefined, "the failure does not say how to mend it")
    yield* check(failed.message.length < 400, `the message is ${failed.message.length} characters long`)
    yield* check(!/[\r\n]/.test(failed.message), "the message has line ends")
  })

const laws = {
  "hosts come by preference, each with addresses, none of them twice": Effect.gen(function* () {
    const { hosts } = yield* route("example.com")
    const addresses = hosts.flatMap((host) => host.addresses)
    yield* check(hosts.length > 0, "there are no hosts")
    yield* check(
      hosts.every((host) => host.addresses.length > 0),
      "a host has no address"
    )
    yield* check(
      addresses.every((address) => Result.isSuccess(NetAddress.ipFromString(address))),
      "an address is no IP address"
    )
    yield* equal(new Set(addresses).size, addresses.length, "the number of different addresses")
    const preferences = hosts.map((host) => host.preference)
    yield* equal(
      preferences,
      preferences.toSorted((a, b) => a - b),
      "the preferences"
    )
  }),

  "a host's name is never written with a trailing dot (DNS-019)": Effect.gen(function* () {
    const { hosts } = yield* route("example.com")
    yield* check(
      hosts.every((host) => !host.name.endsWith(".")),
      "a name ends with a dot"
    )
  }),

  "case, a trailing dot and U-labels make no difference to the destination (DNS-001)": Effect.gen(function* () {
    for (const [written, domain] of spellings) {
      const [a, b] = [yield* route(written), yield* route(domain)]
      yield* equal(a.domain, domain, `the domain of ${written}`)
      yield* equal(a.destination, b.destination, `the destination of ${written}`)
    }
  }),

  "asked twice it has the same hosts and the same destination": Effect.gen(function* () {
    const [a, b] = [yield* route("example.com"), yield* route("example.com")]
    const names = ({ hosts }: Route.Route) => hosts.map((host) => host.name).toSorted()
    yield* equal(names(b), names(a), "the hosts")
    yield* equal(b.destination, a.destination, "the destination")
  }),

  "a route survives being stored": Effect.gen(function* () {
    const codec = Schema.fromJsonString(Route.Route)
    const before = yield* route("example.com")
    const stored = yield* Effect.result(Effect.flatMap(Schema.encodeEffect(codec)(before), Schema.decodeEffect(codec)))
    if (Result.isFailure(stored)) return yield* new ContractError({ detail: `no JSON: ${stored.failure.message}` })
    yield* equal(stored.success, before, "the route")
    yield* equal(Route.endpoints(stored.success), Route.endpoints(before), "the endpoints")
  }),

  "a domain without a route is a permanent failure that says why and how to mend it": Effect.gen(function* () {
    const failed = yield* failure("missing.example")
    const expected = { _tag: "PermFailure", stage: "route", scope: "domain", next: "never" }
    yield* equal(facts(failed), expected, "the failure")
    yield* sayable(failed, "5")
    yield* check(failed.reason.includes("missing.example"), `the reason does not name the domain: ${failed.reason}`)
  }),

  "what is not a domain is a permanent failure 5.1.3, never a crash (CLASS-01, DNS-018)": Effect.gen(function* () {
    for (const domain of malformed) {
      const failed = yield* failure(domain)
      const what = `the failure of ${JSON.stringify(domain.slice(0, 40))}`
      yield* equal([failed._tag, failed.enhanced], ["PermFailure", "5.1.3"], what)
      yield* sayable(failed, "5")
    }
  })
}

const down = (domain: string) =>
  Effect.gen(function* () {
    const failed = yield* failure(domain)
    yield* equal([failed._tag, failed.stage, failed.next], ["Unreachable", "route", "later"], "the failure")
    yield* sayable(failed, "4")
  })

/**
 * The cases of the contract. The layer is built anew for each of them; one that fails to build is a defect.
 *
 * @category testing
 * @since 0.1.0
 */
export const cases = <E, R>(
  layer: Layer.Layer<Router, E, R>,
  options: Options = {}
): ReadonlyArray<Case<ContractError, R>> => {
  const all = Object.entries<Effect.Effect<void, ContractError, Router>>(laws)
  const { unreachable } = options
  if (unreachable !== undefined) {
    all.push(["a domain about which nothing is known is Unreachable and to be tried later", down(unreachable)])
  }
  return all.map(([name, law]) => ({ name, effect: Effect.provide(law, Layer.orDie(layer)) }))
}
