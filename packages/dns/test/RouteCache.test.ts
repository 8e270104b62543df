import * as Lifetime from "@effect-mail/dns/Lifetime"
import * as Route from "@effect-mail/dns/Route"
import * as RouteCache from "@effect-mail/dns/RouteCache"
import * as Router from "@effect-mail/dns/Router"
import * as Failure from "@effect-mail/protocol/Failure"
import * as TlsPolicy from "@effect-mail/protocol/TlsPolicy"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as TestClock from "effect/testing/TestClock"
import * as Wire from "./support/wire.ts"
import * as ZoneResolver from "./support/zoneResolver.ts"

const routeTo = (domain: string, address = "192.0.2.1") =>
  Route.make({ domain, hosts: [{ name: `mx.${domain}`, addresses: [address] }] })

const perm = Failure.perm({
  stage: "route",
  scope: "domain",
  next: "never",
  enhanced: "5.1.2",
  reason: "no",
  hint: "no"
})

const unreachable = Failure.unreachable({
  stage: "route",
  scope: "domain",
  next: "later",
  enhanced: "4.4.3",
  reason: "no",
  hint: "no"
})

type Answer = Effect.Effect<Route.Route, Failure.PermFailure | Failure.Unreachable>

/** Runs a test with a cache over a router that says `answer(n)` to its n-th question, counted from 1, for `ttl` seconds. */
const cached = <A, E>(
  answer: (n: number, domain: string) => Answer,
  ttls: ReadonlyArray<number>,
  test: (route: (domain: string) => Answer, lookups: () => ReadonlyArray<string>) => Effect.Effect<A, E>,
  options?: RouteCache.Options
): Effect.Effect<A, E> => {
  const asked: Array<string> = []
  const route = (domain: string): Answer =>
    Effect.suspend(() => {
      asked.push(domain)
      return Effect.andThen(Effect.forEach(ttls, Lifetime.tell), answer(asked.length, domain))
    })
  return Effect.flatMap(Router.Router, (router) => test(router.route, () => asked)).pipe(
    Effect.provide(
      Layer.orDie(
        RouteCache.layer(options).pipe(Layer.provide(Layer.succeed(Router.Router, Router.Router.of({ route }))))
      )
    )
  )
}

const found = (_: number, domain: string): Answer => Effect.succeed(routeTo(domain))

describe("a route is kept", () => {
  const rows: ReadonlyArray<
    readonly [what: string, answer: Answer, ttls: ReadonlyArray<number>, seconds: number, options?: RouteCache.Options]
  > = [
    ["for the least lifetime of its answers", found(1, "example.com"), [300, 60, 900], 60],
    ["for a second at least (DNS-021)", found(1, "example.com"), [0], 1],
    ["for a day at most (DNS-021)", found(1, "example.com"), [1e9], 86_400],
    ["for at most `maxTtl`", found(1, "example.com"), [300], 100, { maxTtl: "100 seconds" }],
    ["for five minutes when nobody told", found(1, "example.com"), [], 300],
    ["or its permanent failure, as the SOA record says (RFC 2308, DNS-020)", Effect.fail(perm), [120], 120],
    ["or its permanent failure, for an hour at most", Effect.fail(perm), [86_400], 3600],
    ["or that nothing is known, for 30 seconds (RFC 2308 section 7)", Effect.fail(unreachable), [], 30],
    ["or that nothing is known, for no longer than that", Effect.fail(unreachable), [300], 30]
  ]
  for (const [what, answer, ttls, seconds, options] of rows) {
    it.effect(what, () =>
      cached(
        () => answer,
        ttls,
        (route, lookups) =>
          Effect.gen(function* () {
            const first = yield* Effect.result(route("example.com"))
            yield* TestClock.adjust(seconds * 1000 - 1)
            assert.deepStrictEqual(yield* Effect.result(route("example.com")), first)
            assert.strictEqual(lookups().length, 1)
            yield* TestClock.adjust(1)
            yield* Effect.result(route("example.com"))
            assert.strictEqual(lookups().length, 2)
          }),
        options
      )
    )
  }

  it.effect("under one name for all spellings of a domain", () =>
    cached(found, [300], (route, lookups) =>
      Effect.gen(function* () {
        for (const spelling of [
          "Bücher.example",
          "bücher.EXAMPLE.",
          "xn--bcher-kva.example",
          "XN--BCHER-KVA.example."
        ]) {
          yield* route(spelling)
        }
        assert.deepStrictEqual(lookups(), ["xn--bcher-kva.example"])
      })
    )
  )

  it.effect("and what is no domain is refused anew, even when a domain is kept that it looks like", () =>
    cached(found, [300], (route, lookups) =>
      Effect.gen(function* () {
        yield* route("k.example")
        const failed = yield* Effect.flip(route("\u212a.example"))
        assert.strictEqual(failed.enhanced, "5.1.3")
        assert.strictEqual(lookups().length, 1)
      })
    )
  )

  it.effect("but not a mistake of the router", () =>
    cached(
      (n, domain) => (n === 1 ? Effect.die(new Error("bug")) : found(n, domain)),
      [300],
      (route) =>
        Effect.gen(function* () {
          assert.strictEqual((yield* Effect.exit(route("example.com")))._tag, "Failure")
          assert.strictEqual((yield* route("example.com")).domain, "example.com")
        })
    )
  )
})

describe("one lookup at a time for each domain", () => {
  it.effect("serves all who ask meanwhile", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      yield* cached(
        (n, domain) => Effect.andThen(Deferred.await(gate), found(n, domain)),
        [300],
        (route, lookups) =>
          Effect.gen(function* () {
            const fibers = yield* Effect.forEach(Array.from({ length: 100 }), () =>
              Effect.forkChild(route("example.com"))
            )
            yield* Effect.yieldNow
            yield* Deferred.succeed(gate, undefined)
            const routes = yield* Effect.forEach(fibers, Fiber.join)
            assert.strictEqual(new Set(routes).size, 1)
            assert.strictEqual(lookups().length, 1)
          })
      )
    })
  )

  it.effect("goes on for the others when the first who asked gives up", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      yield* cached(
        (n, domain) => Effect.andThen(Deferred.await(gate), found(n, domain)),
        [300],
        (route, lookups) =>
          Effect.gen(function* () {
            const first = yield* Effect.forkChild(route("example.com"))
            const second = yield* Effect.forkChild(route("example.com"))
            yield* Effect.yieldNow
            yield* Fiber.interrupt(first)
            yield* Deferred.succeed(gate, undefined)
            assert.strictEqual((yield* Fiber.join(second)).domain, "example.com")
            assert.strictEqual(lookups().length, 1)
          })
      )
    })
  )
})

describe("a busy domain", () => {
  const often = (route: (domain: string) => Answer) =>
    Effect.andThen(
      Effect.forEach([1, 2, 3, 4], () => route("example.com")),
      Effect.yieldNow
    )

  it.effect("is looked up again in the last fifth of its time, while the old route is still given", () =>
    cached(
      (n, domain) => Effect.succeed(routeTo(domain, `192.0.2.${n}`)),
      [100],
      (route, lookups) =>
        Effect.gen(function* () {
          yield* often(route)
          yield* TestClock.adjust("79 seconds")
          yield* often(route)
          assert.strictEqual(lookups().length, 1)
          yield* TestClock.adjust("1 seconds")
          assert.deepStrictEqual((yield* route("example.com")).hosts[0]?.addresses, ["192.0.2.1"])
          yield* Effect.yieldNow
          assert.strictEqual(lookups().length, 2)
          assert.deepStrictEqual((yield* route("example.com")).hosts[0]?.addresses, ["192.0.2.2"])
        })
    )
  )

  it.effect("keeps its route when that lookup finds out nothing, and does not ask at once again", () =>
    cached(
      (n, domain) => (n === 1 ? found(n, domain) : Effect.fail(unreachable)),
      [1000],
      (route, lookups) =>
        Effect.gen(function* () {
          yield* often(route)
          yield* TestClock.adjust("900 seconds")
          yield* often(route)
          yield* often(route)
          assert.strictEqual(lookups().length, 2)
          yield* TestClock.adjust("100 seconds")
          assert.strictEqual((yield* Effect.flip(route("example.com")))._tag, "Unreachable")
        })
    )
  )

  it.effect("that is asked for seldom is left to expire", () =>
    cached(found, [100], (route, lookups) =>
      Effect.gen(function* () {
        yield* route("example.com")
        yield* TestClock.adjust("90 seconds")
        yield* route("example.com")
        yield* Effect.yieldNow
        assert.strictEqual(lookups().length, 1)
      })
    )
  )
})

describe("the memory", () => {
  it.effect("has room for `capacity` domains; those that were asked for stay", () =>
    cached(
      found,
      [300],
      (route, lookups) =>
        Effect.gen(function* () {
          for (const domain of ["a.example", "b.example", "c.example"]) yield* route(domain)
          yield* route("a.example")
          yield* route("d.example")
          const before = lookups().length
          for (const domain of ["a.example", "c.example", "d.example"]) yield* route(domain)
          assert.strictEqual(lookups().length, before)
          yield* route("b.example")
          assert.strictEqual(lookups().length, before + 1)
        }),
      { capacity: 3 }
    )
  )

  it.effect("is bounded when every domain in it is asked for all the time", () =>
    cached(
      found,
      [300],
      (route, lookups) =>
        Effect.gen(function* () {
          for (let n = 0; n < 50; n++) {
            yield* route(`d${n}.example`)
            yield* route(`d${n}.example`)
          }
          const before = lookups().length
          assert.strictEqual(before, 50)
          for (let n = 0; n < 50; n++) yield* route(`d${n}.example`)
          assert.isAtLeast(lookups().length, before + 46)
        }),
      { capacity: 4 }
    )
  )
})

describe("what comes out of the cache", () => {
  const hosts = [{ name: "mx.example.com", addresses: ["192.0.2.1", "2001:db8::1"], preference: 10 }] as const
  const routes: Readonly<Record<string, Route.Route>> = {
    "a route": Route.make({ domain: "example.com", kind: "mx", hosts }),
    "two hosts": Route.make({ domain: "example.com", hosts: [...hosts, { name: "b", addresses: ["192.0.2.2"] }] }),
    "another port": Route.make({ domain: "example.com", kind: "mx", hosts, port: 2525 }),
    "implicit TLS": Route.make({ domain: "example.com", kind: "mx", hosts, implicitTls: true }),
    "a policy": Route.make({ domain: "example.com", kind: "mx", hosts, tls: TlsPolicy.required }),
    "a policy of a host": Route.make({ domain: "example.com", hosts: [{ ...hosts[0], tls: TlsPolicy.required }] }),
    "a host with a space": Route.make({ domain: "example.com", hosts: [{ ...hosts[0], name: "a b" }] }),
    "another destination": Route.make({ domain: "example.com", kind: "relay", hosts, destination: "relay:25" }),
    notes: Route.make({ domain: "example.com", kind: "mx", hosts, notes: ["something to know"] })
  }
  for (const [what, route] of Object.entries(routes)) {
    it.effect(`is what went in: ${what}`, () =>
      cached(
        (_, domain) => Effect.succeed(domain === "example.com" ? route : Route.make({ domain, kind: "mx", hosts })),
        [300],
        (ask) =>
          Effect.gen(function* () {
            for (const domain of ["before.example", "example.com", "after.example"]) yield* ask(domain)
            assert.deepStrictEqual(yield* ask("example.com"), route)
            const after = Route.make({ domain: "after.example", kind: "mx", hosts })
            assert.deepStrictEqual(yield* ask("after.example"), after)
          })
      )
    )
  }
})

describe("over a resolver, the lifetime of a route is that of its records", () => {
  const lifetimes = (domain: string) =>
    Effect.gen(function* () {
      const told: Array<number> = []
      const router = yield* Router.Router
      yield* Effect.exit(Lifetime.listen(router.route(domain), (seconds) => told.push(seconds)))
      return told.toSorted((a, b) => a - b)
    }).pipe(
      Effect.provide(
        Layer.orDie(
          Router.layerResolver().pipe(
            Layer.provide(
              ZoneResolver.layer({
                "example.com": [Wire.mx("example.com", 10, "mx.example.com", 100)],
                "mx.example.com": [Wire.a("mx.example.com", "192.0.2.1", 50), Wire.aaaa("mx.example.com", 1, 70)],
                "half.example": [
                  Wire.mx("half.example", 10, "mx.example.com", 900),
                  Wire.mx("half.example", 20, "down.example", 900)
                ],
                "down.example": 2
              })
            )
          )
        )
      )
    )

  it.effect("of its MX and of its address records", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* lifetimes("example.com"), [50, 70, 100])
    })
  )

  it.effect("of the SOA record for a name that does not exist (RFC 2308)", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* lifetimes("missing.example"), [60])
    })
  )

  it.effect("and a minute at most when one host could not be looked up", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* lifetimes("half.example"), [50, 60, 60, 70, 900])
    })
  )
})

it.effect("equal hosts come in another order every time, also from the cache (DNS-007)", () =>
  cached(
    () =>
      Effect.succeed(
        Route.make({
          domain: "example.com",
          hosts: [
            { name: "a", addresses: ["192.0.2.1"], preference: 10 },
            { name: "b", addresses: ["192.0.2.2"], preference: 10 },
            { name: "c", addresses: ["192.0.2.3"], preference: 20 }
          ]
        })
      ),
    [300],
    (route) =>
      Effect.gen(function* () {
        const orders = yield* Effect.forEach(Array.from({ length: 60 }), () =>
          Effect.map(route("example.com"), (route) => {
            assert.instanceOf(route, Route.Route)
            return route.hosts.map((host) => host.name).join("")
          })
        )
        assert.sameMembers([...new Set(orders)], ["abc", "bac"])
      })
  )
)

describe("confirmNxdomain (CLASS-03, DNS-003)", () => {
  const options = { confirmNxdomain: "15 minutes", maxNegativeTtl: "10 minutes" } as const
  const outcome = (answer: Answer) =>
    Effect.map(Effect.result(answer), (result) => (result._tag === "Success" ? "route" : result.failure._tag))

  it.effect("that a domain does not exist is believed when it is said again after the time", () =>
    cached(
      () => Effect.fail(perm),
      [60],
      (route, lookups) =>
        Effect.gen(function* () {
          const failed = yield* Effect.flip(route("new.example"))
          assert.deepStrictEqual([failed._tag, failed.enhanced], ["Unreachable", "4.4.4"])
          assert.match(failed.reason, /new\.example does not exist, which counts only when/)
          yield* TestClock.adjust("14 minutes")
          assert.strictEqual(yield* outcome(route("new.example")), "Unreachable")
          yield* TestClock.adjust("1 minute")
          assert.strictEqual(yield* outcome(route("new.example")), "PermFailure")
          assert.strictEqual(lookups().length, 3)
        }),
      options
    )
  )

  it.effect("a domain that came to be in between starts anew, and other verdicts are not held back", () => {
    const says = [perm, "route", perm, unreachable, perm] as const
    return cached(
      (n, domain) => {
        const said = says[n - 1] ?? unreachable
        return said === "route" ? Effect.succeed(routeTo(domain)) : Effect.fail(said)
      },
      [1],
      (route) =>
        Effect.gen(function* () {
          const seen: Array<string> = []
          for (let n = 0; n < says.length; n++) {
            seen.push(yield* outcome(route("new.example")))
            yield* TestClock.adjust("16 minutes")
          }
          assert.deepStrictEqual(seen, ["Unreachable", "route", "Unreachable", "Unreachable", "PermFailure"])
        }),
      options
    )
  })

  it.effect("no more domains are remembered than the cache has room for", () =>
    cached(
      () => Effect.fail(perm),
      [1],
      (route) =>
        Effect.gen(function* () {
          for (const domain of ["a.example", "b.example", "c.example"]) yield* Effect.exit(route(domain))
          yield* TestClock.adjust("16 minutes")
          // The oldest was forgotten and starts anew.
          assert.strictEqual(yield* outcome(route("c.example")), "PermFailure")
          assert.strictEqual(yield* outcome(route("a.example")), "Unreachable")
        }),
      { ...options, capacity: 2 }
    )
  )
})

it.effect("hits, misses and refreshes are counted", () =>
  Effect.gen(function* () {
    const count = (metric: typeof RouteCache.hits) => Effect.map(Metric.value(metric), (state) => state.count)
    const all = Effect.all([count(RouteCache.hits), count(RouteCache.misses), count(RouteCache.refreshes)])
    const before = yield* all
    yield* cached(found, [100], (route) =>
      Effect.gen(function* () {
        for (let n = 0; n < 4; n++) yield* route("example.com")
        yield* TestClock.adjust("80 seconds")
        yield* route("example.com")
        yield* Effect.yieldNow
      })
    )
    const after = yield* all
    assert.deepStrictEqual(
      after.map((value, index) => value - (before[index] ?? 0)),
      [4, 1, 1]
    )
  })
)

const wrong: ReadonlyArray<readonly [string, RouteCache.Options]> = [
  ["capacity", { capacity: 0 }],
  ["maxTtl", { maxTtl: 0 }],
  ["maxTroubleTtl", { maxTroubleTtl: "6 minutes" }],
  ["confirmNxdomain", { confirmNxdomain: 0 }]
]
for (const [option, options] of wrong) {
  it.effect(`${JSON.stringify(options)} is refused`, () =>
    Effect.gen(function* () {
      const layer = RouteCache.layer(options).pipe(Layer.provide(Router.layerTest()))
      const failed = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
      assert.strictEqual(failed.option, option)
    })
  )
}
