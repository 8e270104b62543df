/**
 * What every `Router` must do, whoever wrote it. The layer under test has to route `example.com` and
 * `xn--bcher-kva.example`, to fail with `PermFailure` for `missing.example`, and with `Unreachable` for the domain
 * named in `options`, when it knows such a thing.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Route from "@effect-mail/dns/Route"
import * as Router from "@effect-mail/dns/Router"

export interface ContractOptions {
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

export const routerContract = <E>(
  name: string,
  layer: Layer.Layer<Router.Router, E>,
  options: ContractOptions = {}
): void => {
  const route = (domain: string) =>
    Effect.flatMap(Router.Router, (router) => router.route(domain)).pipe(Effect.provide(Layer.orDie(layer)))
  const failure = (domain: string) => Effect.flip(route(domain))

  describe(`${name} keeps the contract of Router`, () => {
    it.effect("hosts come by preference, each with addresses, none of them twice", () =>
      Effect.gen(function* () {
        const { hosts } = yield* route("example.com")
        const addresses = hosts.flatMap((host) => host.addresses)
        assert.isAbove(hosts.length, 0)
        assert.isTrue(hosts.every((host) => host.addresses.length > 0))
        assert.isTrue(addresses.every((address) => Result.isSuccess(NetAddress.ipFromString(address))))
        assert.strictEqual(new Set(addresses).size, addresses.length)
        const preferences = hosts.map((host) => host.preference)
        assert.deepStrictEqual(
          preferences,
          preferences.toSorted((a, b) => a - b)
        )
      })
    )

    it.effect("a host's name is never written with a trailing dot (DNS-019)", () =>
      Effect.gen(function* () {
        const { hosts } = yield* route("example.com")
        assert.isTrue(hosts.every((host) => !host.name.endsWith(".")))
      })
    )

    it.effect("case, a trailing dot and U-labels make no difference to the destination (DNS-001)", () =>
      Effect.gen(function* () {
        for (const [written, domain] of [
          ["EXAMPLE.com", "example.com"],
          ["example.com.", "example.com"],
          ["Bücher.example", "xn--bcher-kva.example"],
          ["bu\u0308cher.example", "xn--bcher-kva.example"],
          ["XN--BCHER-KVA.example", "xn--bcher-kva.example"]
        ] as const) {
          const [a, b] = [yield* route(written), yield* route(domain)]
          assert.strictEqual(a.domain, domain)
          assert.strictEqual(a.destination, b.destination)
        }
      })
    )

    it.effect("asked twice it has the same hosts and the same destination", () =>
      Effect.gen(function* () {
        const [a, b] = [yield* route("example.com"), yield* route("example.com")]
        assert.sameMembers(
          a.hosts.map((host) => host.name),
          b.hosts.map((host) => host.name)
        )
        assert.strictEqual(a.destination, b.destination)
      })
    )

    it.effect("a route survives being stored", () =>
      Effect.gen(function* () {
        const codec = Schema.fromJsonString(Route.Route)
        const before = yield* route("example.com")
        const after = yield* Schema.decodeEffect(codec)(yield* Schema.encodeEffect(codec)(before))
        assert.deepStrictEqual(after, before)
        assert.deepStrictEqual(Route.endpoints(after), Route.endpoints(before))
      })
    )

    it.effect("a domain without a route is a permanent failure that says why and how to mend it", () =>
      Effect.gen(function* () {
        const failed = yield* failure("missing.example")
        assert.strictEqual(failed._tag, "PermFailure")
        assert.strictEqual(failed.stage, "route")
        assert.strictEqual(failed.scope, "domain")
        assert.strictEqual(failed.next, "never")
        assert.match(failed.enhanced ?? "", /^5\./)
        assert.include(failed.reason, "missing.example")
        assert.isString(failed.hint)
      })
    )

    it.effect("what is not a domain is a permanent failure 5.1.3, never a crash (CLASS-01, DNS-018)", () =>
      Effect.gen(function* () {
        for (const domain of malformed) {
          const failed = yield* failure(domain)
          assert.strictEqual(failed._tag, "PermFailure", domain)
          assert.strictEqual(failed.enhanced, "5.1.3", domain)
          assert.isBelow(failed.message.length, 400)
          assert.notMatch(failed.message, /[\r\n]/)
        }
      })
    )

    const { unreachable } = options
    if (unreachable === undefined) return
    it.effect("a domain about which nothing is known is Unreachable and to be tried later", () =>
      Effect.gen(function* () {
        const failed = yield* failure(unreachable)
        assert.strictEqual(failed._tag, "Unreachable")
        assert.strictEqual(failed.stage, "route")
        assert.strictEqual(failed.next, "later")
        assert.match(failed.enhanced ?? "", /^4\./)
        assert.isString(failed.hint)
      })
    )
  })
}
