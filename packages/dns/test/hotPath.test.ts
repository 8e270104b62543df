/** What a route costs, counted: questions, fibers, timers. A count is the same on a busy machine. */
import * as Resolver from "@effect-mail/dns/Resolver"
import * as RouteCache from "@effect-mail/dns/RouteCache"
import * as Router from "@effect-mail/dns/Router"
import { assert, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Result from "effect/Result"
import * as Wire from "./support/wire.ts"

const domains = 20

interface Cost {
  questions: number
  fibers: number
  sleeps: number
}

// Every domain has one host with both kinds of addresses; replies come in a later turn, as they do from a network.
const exchangeOf = (cost: Cost): Resolver.Exchange => {
  const udp: Resolver.Exchange["udp"] = (_, query) =>
    Effect.callback((resume) => {
      cost.questions++
      const { name, type } = Wire.questionOf(query)
      const answer =
        type === 15 ? Wire.mx(name, 10, `mx.${name}`) : type === 1 ? Wire.a(name, "192.0.2.1", 300) : Wire.aaaa(name, 1)
      setImmediate(() => resume(Effect.succeed(Wire.reply(query, { answers: [answer] }))))
    })
  return { udp, tcp: udp }
}

const costOf = <A, E>(cost: Cost, use: (route: Router.Router["Service"]["route"]) => Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    // The same clock but for its sleep.
    const counted = Object.assign(Object.create(clock) as Clock.Clock, {
      sleep: (duration: Duration.Duration) => {
        cost.sleeps++
        return clock.sleep(duration)
      }
    })
    return yield* Effect.flatMap(Router.Router, ({ route }) => use(route)).pipe(
      Effect.provide(
        RouteCache.layer().pipe(
          Layer.provide(Router.layerResolver()),
          Layer.provide(
            Layer.succeed(
              Resolver.Resolver,
              Result.getOrThrow(Resolver.make(exchangeOf(cost), { servers: ["127.0.0.1"] }))
            )
          )
        )
      ),
      Effect.provideService(Clock.Clock, counted),
      Effect.provideService(Metric.FiberRuntimeMetrics, {
        recordFiberStart: () => {
          cost.fibers++
        },
        recordFiberEnd: () => undefined
      })
    )
  })

const all = (route: Router.Router["Service"]["route"]) =>
  Effect.forEach(
    Array.from({ length: domains }, (_, n) => `d${n}.example`),
    route,
    { concurrency: "unbounded" }
  )

it.live("a new route costs three questions, a fiber for each of them and three more, and hardly a timer", () =>
  Effect.gen(function* () {
    const cost: Cost = { questions: 0, fibers: 0, sleeps: 0 }
    yield* costOf(cost, all)
    assert.strictEqual(cost.questions, domains * 3)
    // One more for each domain is that of `forEach` in this test.
    assert.isAtMost(cost.fibers / domains, 3 + 3 + 1 + 0.5)
    assert.isAtMost(cost.sleeps / domains, 0.5)
  })
)

it.live("a route out of the cache costs neither a question nor a fiber nor a timer", () =>
  Effect.gen(function* () {
    const cost: Cost = { questions: 0, fibers: 0, sleeps: 0 }
    yield* costOf(cost, (route) =>
      Effect.gen(function* () {
        yield* route("d1.example")
        Object.assign(cost, { questions: 0, fibers: 0, sleeps: 0 })
        for (let n = 0; n < 100; n++) yield* route("d1.example")
      })
    )
    assert.deepStrictEqual(cost, { questions: 0, fibers: 0, sleeps: 0 })
  })
)
