import * as Failure from "@effect-mail/protocol/Failure"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Layer, Metric, Result, Stream } from "effect"
import { TestClock } from "effect/testing"
import {
  Alarm,
  Kind,
  Limits,
  Policy,
  PolicyError,
  DeliveryEvent,
  Provider,
  RetryHint,
  Throttle
} from "@effect-mail/policy"
import { local, minute, perm, temp, unreachable } from "./failures.ts"

const key = Throttle.domain("Example.com")

const limits = (options: Limits.Options): Limits.Limits => Result.getOrThrow(Limits.make(options))

const layer = (options: Limits.Options = {}, more: Throttle.Options = {}) =>
  Throttle.layer({ limits: () => limits(options), ...more })

/** Makes an attempt that ends like this. */
const attempt = Effect.fnUntraced(function* (failure?: Failure.Failure, at: Throttle.Key = key) {
  const throttle = yield* Throttle.Throttle
  const end: Effect.Effect<string, Failure.Failure> =
    failure === undefined ? Effect.succeed("sent") : Effect.fail(failure)
  return yield* throttle.around(at)(end)
})

const repeat = (times: number, failure?: Failure.Failure) =>
  Effect.forEach(Array.from({ length: times }), () => Effect.exit(attempt(failure)))

/** The refusal of an attempt that must not pass. */
const refusal = Effect.fnUntraced(function* () {
  const failure = yield* Effect.flip(attempt())
  assert.strictEqual(failure.stage, "policy")
  assert.strictEqual(failure._tag, "Unreachable")
  return failure
})

const waitOf = (failure: Failure.Failure) => Duration.toSeconds(RetryHint.fromFailure(failure) ?? Duration.zero)

const standing = Effect.fnUntraced(function* () {
  const throttle = yield* Throttle.Throttle
  const found = yield* throttle.standing(key)
  assert.isDefined(found)
  return found
})

/** Attempts that run until they are let go, and how many of them run. */
const held = Effect.fnUntraced(function* (count: number, at: Throttle.Key = key) {
  const throttle = yield* Throttle.Throttle
  const gate = yield* Deferred.make<void>()
  let running = 0
  const one = Effect.suspend(() => {
    running++
    return Deferred.await(gate)
  })
  const fibers = yield* Effect.forEach(Array.from({ length: count }), () =>
    Effect.forkChild(throttle.around(at)(one), { startImmediately: true })
  )
  return { fibers, running: () => running, release: Deferred.succeed(gate, undefined) }
})

const busy = (text = "4.7.0 Try again later"): Failure.Failure =>
  Failure.fromProblem(
    { _tag: "Refused", stage: "mail", reply: { code: 421, enhanced: text.split(" ")[0], lines: [text] } },
    { host: "mx.example.com" }
  )

describe("Throttle", () => {
  describe("when nothing is limited", () => {
    it.effect("passes an attempt and what becomes of it", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* attempt(), "sent")
        const failure = perm()
        assert.strictEqual(yield* Effect.flip(attempt(failure)), failure)
        const throttle = yield* Throttle.Throttle
        const defect = yield* Effect.exit(throttle.around(key)(Effect.die("defect")))
        assert.deepStrictEqual(defect, Exit.die("defect"))
        assert.strictEqual((yield* standing()).active, 0)
      }).pipe(Effect.provide(layer()))
    )
  })

  describe("rates", () => {
    it.effect("CLASS-15 lets through what the rate allows; the rest was not tried, and is told when", () =>
      Effect.gen(function* () {
        const exits = yield* repeat(12)
        assert.strictEqual(exits.filter(Exit.isSuccess).length, 10)
        const failure = yield* refusal()
        assert.strictEqual(waitOf(failure), 6)
        if (failure._tag !== "PermFailure") assert.strictEqual(Kind.of(failure), "untried")
        assert.include(failure.message, "example.com gets no more than 10 messages in 1m")
      }).pipe(Effect.provide(layer({ rates: [{ limit: 10, window: "1 minute" }], patience: "1 second" })))
    )

    it.effect("a token bucket lets one through every window / limit, and saves up the limit", () =>
      Effect.gen(function* () {
        yield* repeat(10)
        yield* TestClock.adjust("6 seconds")
        assert.strictEqual(yield* attempt(), "sent")
        yield* refusal()
        yield* TestClock.adjust("1 hour")
        assert.strictEqual((yield* repeat(12)).filter(Exit.isSuccess).length, 10)
      }).pipe(Effect.provide(layer({ rates: [{ limit: 10, window: "1 minute" }], patience: "1 second" })))
    )

    it.effect("a fixed window counts anew in each window", () =>
      Effect.gen(function* () {
        yield* repeat(10)
        yield* TestClock.adjust("30 seconds")
        assert.strictEqual(waitOf(yield* refusal()), 30)
        yield* TestClock.adjust("30 seconds")
        assert.strictEqual((yield* repeat(12)).filter(Exit.isSuccess).length, 10)
      }).pipe(
        Effect.provide(
          layer({ rates: [{ limit: 10, window: "1 minute", algorithm: "fixed-window" }], patience: "1 second" })
        )
      )
    )

    it.effect("waits in place when the turn comes within the patience", () =>
      Effect.gen(function* () {
        yield* repeat(10)
        const fiber = yield* Effect.forkChild(attempt(), { startImmediately: true })
        yield* TestClock.adjust("5 seconds")
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* Fiber.join(fiber), "sent")
      }).pipe(Effect.provide(layer({ rates: [{ limit: 10, window: "1 minute" }], patience: "10 seconds" })))
    )

    it.effect("keys do not share a rate", () =>
      Effect.gen(function* () {
        yield* attempt()
        yield* refusal()
        assert.strictEqual(yield* attempt(undefined, Throttle.domain("example.net")), "sent")
        assert.strictEqual(yield* attempt(undefined, Throttle.host("example.com")), "sent")
      }).pipe(Effect.provide(layer({ rates: [{ limit: 1, window: "1 minute" }], patience: "1 second" })))
    )

    it.effect("all rates hold at the same time", () =>
      Effect.gen(function* () {
        const passed = Effect.map(repeat(5), (exits) => exits.filter(Exit.isSuccess).length)
        assert.strictEqual(yield* passed, 2)
        yield* TestClock.adjust("10 seconds")
        // What the short window has refused is not counted in the long one.
        assert.strictEqual(yield* passed, 1)
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(yield* passed, 0)
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(yield* passed, 2)
      }).pipe(
        Effect.provide(
          layer({
            rates: [
              { limit: 3, window: "1 hour", algorithm: "fixed-window" },
              { limit: 2, window: "10 seconds", algorithm: "fixed-window" }
            ],
            patience: "1 second"
          })
        )
      )
    )
  })

  describe("concurrency", () => {
    it.effect("runs no more at once than the window, and the others when their turn comes", () =>
      Effect.gen(function* () {
        const { fibers, release, running } = yield* held(8)
        assert.strictEqual(running(), 5)
        assert.strictEqual((yield* standing()).active, 8)
        yield* release
        yield* Fiber.awaitAll(fibers)
        assert.strictEqual(running(), 8)
        assert.strictEqual((yield* standing()).active, 0)
      }).pipe(Effect.provide(layer()))
    )

    it.effect("everybody in the line leaves when his own patience ends, whoever came first", () => {
      const under = (patience: Duration.Input) =>
        attempt().pipe(
          Effect.provideService(
            Policy.CurrentPolicy,
            Policy.limits(Policy.standard, { concurrency: { maximum: 1 }, patience })
          ),
          Effect.forkChild({ startImmediately: true })
        )
      const round = Effect.gen(function* () {
        const { fibers, release } = yield* held(1)
        const line = [yield* under("10 seconds"), yield* under("1 second")]
        yield* TestClock.adjust("5 seconds")
        line.push(yield* under("10 seconds"), yield* under("2 seconds"))
        const left = () => line.map((fiber) => fiber.pollUnsafe() !== undefined)
        assert.deepStrictEqual(left(), [false, true, false, false])
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(left(), [false, true, false, true])
        yield* TestClock.adjust("3 seconds")
        assert.deepStrictEqual(left(), [true, true, false, true])
        yield* release
        yield* Fiber.joinAll(fibers)
        assert.deepStrictEqual((yield* Fiber.awaitAll(line)).map(Exit.isSuccess), [false, false, true, false])
      })
      const one = Policy.limits(Policy.standard, { concurrency: { maximum: 1 } })
      return Effect.gen(function* () {
        yield* round
        yield* TestClock.adjust("1 minute")
        yield* round
        assert.strictEqual((yield* standing()).active, 0)
      }).pipe(Effect.provideService(Policy.CurrentPolicy, one), Effect.provide(Throttle.layer()))
    })

    it.effect("CLASS-15 who waits longer than the patience was not tried, and leaves no permit behind", () =>
      Effect.gen(function* () {
        const { fibers, release, running } = yield* held(3)
        yield* TestClock.adjust("10 seconds")
        const last = yield* Fiber.await(fibers[2] ?? (yield* Effect.die("no fiber")))
        assert.isTrue(Exit.isFailure(last))
        assert.strictEqual(running(), 2)
        yield* release
        yield* Fiber.awaitAll(fibers)
        assert.strictEqual((yield* standing()).active, 0)
        const again = yield* held(2)
        assert.strictEqual(again.running(), 2)
        yield* again.release
      }).pipe(Effect.provide(layer({ concurrency: { initial: 2, maximum: 2 } })))
    )

    it.effect("an interrupted attempt gives its permit back", () =>
      Effect.gen(function* () {
        const { fibers } = yield* held(4)
        yield* Fiber.interruptAll(fibers)
        assert.strictEqual((yield* standing()).active, 0)
        const again = yield* held(2)
        assert.strictEqual(again.running(), 2)
        yield* again.release
      }).pipe(Effect.provide(layer({ concurrency: { initial: 2, maximum: 2 } })))
    )

    it.effect("CLASS-63 attempts that a shutdown interrupts are held against nobody", () =>
      Effect.gen(function* () {
        for (let round = 0; round < 3; round++) yield* Fiber.interruptAll((yield* held(5)).fibers)
        assert.deepStrictEqual(yield* standing(), {
          concurrency: 5,
          active: 0,
          failingSince: undefined,
          restsUntil: undefined
        })
        assert.strictEqual(yield* attempt(), "sent")
      }).pipe(Effect.provide(layer()))
    )

    it.effect("Postfix: one more with each round of successes, up to the maximum", () =>
      Effect.gen(function* () {
        yield* repeat(6)
        assert.strictEqual((yield* standing()).concurrency, 6)
        yield* repeat(400)
        assert.strictEqual((yield* standing()).concurrency, 20)
        const { fibers, release, running } = yield* held(30)
        assert.strictEqual(running(), 20)
        yield* release
        yield* Fiber.awaitAll(fibers)
      }).pipe(Effect.provide(layer()))
    )

    it.effect("CLASS-13 CLASS-17 fewer with sessions that fail, never less than one", () =>
      Effect.gen(function* () {
        yield* repeat(4, unreachable())
        assert.strictEqual((yield* standing()).concurrency, 4)
      }).pipe(Effect.provide(layer()))
    )

    it.effect("CLASS-36 CLASS-40 CLASS-43 a refused message or recipient is no failure of the destination", () =>
      Effect.gen(function* () {
        for (const failure of [temp(), perm(), temp("4.7.1 Greylisted, try again in 300 seconds"), local()]) {
          yield* repeat(10, failure)
        }
        assert.isAtLeast((yield* standing()).concurrency, 5)
        assert.strictEqual(yield* attempt(), "sent")
        assert.strictEqual((yield* standing()).failingSince, undefined)
      }).pipe(Effect.provide(layer()))
    )

    it.effect("CLASS-31 CLASS-32 a relay that refuses our login is left alone before it locks us out", () =>
      Effect.gen(function* () {
        const login = Failure.unreachable({ stage: "auth", scope: "relay", next: "later", code: 535, reason: "no" })
        yield* repeat(5, login)
        assert.strictEqual(waitOf(yield* refusal()), 15)
      }).pipe(Effect.provide(layer()))
    )

    it.effect("in all, an attempt inside two throttles counts once: a total of one lets it through", () =>
      Effect.gen(function* () {
        const throttle = yield* Throttle.Throttle
        const both = Effect.succeed("sent").pipe(
          throttle.around(Throttle.host("mx.example.com")),
          throttle.around(Throttle.domain("example.com"))
        )
        const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(both, { startImmediately: true }))
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(yield* Effect.forEach(fibers, Fiber.join), ["sent", "sent", "sent"])
      }).pipe(Effect.provide(layer({}, { total: 1 })))
    )

    it.effect("in all, no more at once than the total", () =>
      Effect.gen(function* () {
        const one = yield* held(2)
        const other = yield* held(2, Throttle.domain("example.net"))
        assert.strictEqual(one.running() + other.running(), 3)
        yield* one.release
        yield* other.release
        yield* Fiber.awaitAll([...one.fibers, ...other.fibers])
      }).pipe(Effect.provide(layer({}, { total: 3 })))
    )
  })

  describe("the breaker", () => {
    it.effect("CLASS-15 SMTP-074 opens after 5 failures in a row, rests 15 seconds, and tries with one attempt", () =>
      Effect.gen(function* () {
        yield* repeat(5, unreachable())
        const failure = yield* refusal()
        assert.strictEqual(waitOf(failure), 15)
        assert.strictEqual(failure.enhanced, "4.4.1")
        yield* TestClock.adjust("15 seconds")
        const probe = yield* held(2)
        assert.strictEqual(probe.running(), 1)
        yield* probe.release
        yield* Fiber.awaitAll(probe.fibers)
        assert.strictEqual(yield* attempt(), "sent")
      }).pipe(Effect.provide(layer()))
    )

    it.effect("OpenSMTPD: rests 15 seconds times the square of the failures of the probe, up to an hour", () =>
      Effect.gen(function* () {
        yield* repeat(5, unreachable())
        const rests: Array<number> = []
        for (let probe = 0; probe < 18; probe++) {
          const rest = waitOf(yield* refusal())
          rests.push(rest)
          yield* TestClock.adjust(Duration.seconds(rest))
          yield* Effect.flip(attempt(unreachable()))
        }
        assert.deepStrictEqual(
          rests,
          [15, 60, 135, 240, 375, 540, 735, 960, 1215, 1500, 1815, 2160, 2535, 2940, 3375, 3600, 3600, 3600]
        )
      }).pipe(Effect.provide(layer()))
    )

    it.effect("a success in between starts the count anew", () =>
      Effect.gen(function* () {
        yield* repeat(4, unreachable())
        yield* attempt()
        yield* repeat(4, unreachable())
        assert.strictEqual(yield* attempt(), "sent")
      }).pipe(Effect.provide(layer()))
    )

    it.effect("failures at the same time count each", () =>
      Effect.gen(function* () {
        yield* Effect.forEach(Array.from({ length: 5 }), () => Effect.exit(attempt(unreachable())), { concurrency: 5 })
        yield* refusal()
      }).pipe(Effect.provide(layer()))
    )

    it.effect("a session that was begun before the rest and fails after it is not taken for the probe", () =>
      Effect.gen(function* () {
        const throttle = yield* Throttle.Throttle
        const gate = yield* Deferred.make<void>()
        const late = throttle.around(key)(Effect.andThen(Deferred.await(gate), Effect.fail(unreachable())))
        const fiber = yield* Effect.forkChild(late, { startImmediately: true })
        yield* repeat(5, unreachable())
        yield* TestClock.adjust("15 seconds")
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.await(fiber)
        assert.strictEqual(yield* attempt(), "sent")
      }).pipe(Effect.provide(layer()))
    )

    it.effect("CLASS-14 our own trouble is never held against a destination", () =>
      Effect.gen(function* () {
        yield* repeat(20, local())
        assert.strictEqual((yield* standing()).concurrency, 5)
        assert.strictEqual(yield* attempt(), "sent")
        assert.strictEqual((yield* standing()).failingSince, undefined)
      }).pipe(Effect.provide(layer()))
    )

    it.effect("CLASS-14 a probe that fails by our own trouble neither closes the breaker nor opens it", () =>
      Effect.gen(function* () {
        yield* repeat(5, unreachable())
        yield* TestClock.adjust("15 seconds")
        yield* Effect.flip(attempt(local()))
        assert.strictEqual((yield* Effect.flip(attempt(unreachable()))).stage, "connect")
        assert.strictEqual(waitOf(yield* refusal()), 60)
      }).pipe(Effect.provide(layer()))
    )

    it.effect("CLASS-43 a refused recipient shows that the destination is well", () =>
      Effect.gen(function* () {
        yield* repeat(4, unreachable())
        yield* Effect.flip(attempt(perm()))
        yield* repeat(4, unreachable())
        yield* Effect.flip(attempt(busy()))
        yield* TestClock.adjust("15 seconds")
        yield* repeat(4, unreachable())
        assert.strictEqual(yield* attempt(), "sent")
      }).pipe(Effect.provide(layer()))
    )

    it.effect("an attempt that succeeds with failed outcomes is judged by them", () =>
      Effect.gen(function* () {
        const throttle = yield* Throttle.Throttle
        const outcomes = throttle.around<ReadonlyArray<Failure.Failure>>(key, { failureOf: ([first]) => first })
        for (let n = 0; n < 5; n++) assert.strictEqual((yield* outcomes(Effect.succeed([unreachable()]))).length, 1)
        yield* refusal()
      }).pipe(Effect.provide(layer()))
    )

    it.effect("a refusal of one throttle is no failure for the one around it", () =>
      Effect.gen(function* () {
        const throttle = yield* Throttle.Throttle
        const host = Throttle.host("mx.example.com")
        const nested = Effect.fail(unreachable()).pipe(throttle.around(host), throttle.around(key))
        for (let n = 0; n < 5; n++) yield* Effect.flip(nested)
        // The domain has seen 5 failures too; another host of it is refused by the domain's breaker, not by its own.
        const failure = yield* Effect.flip(Effect.succeed("sent").pipe(throttle.around(host)))
        assert.strictEqual(failure.scope, "host")
        assert.strictEqual(failure.next, "host")
        assert.strictEqual(failure.host, "mx.example.com")
        const before = yield* standing()
        yield* TestClock.adjust("15 seconds")
        const refused = Effect.fail(failure).pipe(throttle.around(Throttle.relay("smart")))
        for (let n = 0; n < 9; n++) yield* Effect.flip(refused)
        assert.strictEqual(yield* attempt(undefined, Throttle.relay("smart")), "sent")
        assert.isDefined(before.failingSince)
      }).pipe(Effect.provide(layer()))
    )
  })

  describe("a server that asks for less", () => {
    it.effect.each([
      busy(),
      busy("4.3.2 Service shutting down"),
      temp("4.7.28 Our system has detected an unusual rate of mail"),
      temp("Rate limit exceeded"),
      temp("You are sending too many messages")
    ])("is left alone for 15 seconds, and gets half at once after that: %s", (failure) =>
      Effect.gen(function* () {
        yield* Effect.flip(attempt(failure))
        assert.strictEqual((yield* standing()).concurrency, 2)
        assert.strictEqual(waitOf(yield* refusal()), 15)
        yield* TestClock.adjust("15 seconds")
        assert.strictEqual((yield* standing()).restsUntil, 15_000)
        assert.strictEqual(yield* attempt(), "sent")
        assert.strictEqual((yield* standing()).restsUntil, undefined)
        yield* repeat(400)
        assert.strictEqual((yield* standing()).concurrency, 20)
      }).pipe(Effect.provide(layer()))
    )

    it.effect("is left alone for as long as it says", () =>
      Effect.gen(function* () {
        yield* Effect.flip(attempt(busy("4.7.0 Too many messages, try again in 10 minutes")))
        assert.strictEqual(waitOf(yield* refusal()), 600)
      }).pipe(Effect.provide(layer()))
    )

    it.effect("is left alone for longer each time, and a success takes that back", () =>
      Effect.gen(function* () {
        const rests: Array<number> = []
        const ask = Effect.gen(function* () {
          yield* Effect.flip(attempt(busy()))
          const rest = waitOf(yield* refusal())
          rests.push(rest)
          yield* TestClock.adjust(Duration.seconds(rest))
        })
        yield* ask
        yield* ask
        yield* ask
        yield* repeat(3)
        yield* ask
        assert.deepStrictEqual(rests, [15, 60, 135, 15])
      }).pipe(Effect.provide(layer()))
    )

    it.effect("attempts that were under way and hear the same do not make it longer", () =>
      Effect.gen(function* () {
        const throttle = yield* Throttle.Throttle
        const gate = yield* Deferred.make<void>()
        const end = Effect.andThen(Deferred.await(gate), Effect.fail(busy()))
        const fibers = yield* Effect.forEach(Array.from({ length: 5 }), () =>
          Effect.forkChild(throttle.around(key)(end), { startImmediately: true })
        )
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.awaitAll(fibers)
        assert.strictEqual(waitOf(yield* refusal()), 15)
        assert.strictEqual((yield* standing()).concurrency, 2)
      }).pipe(Effect.provide(layer()))
    )

    it.effect("what is asked for in the instant in which a rest ends is heeded", () =>
      Effect.gen(function* () {
        yield* Effect.flip(attempt(busy()))
        yield* TestClock.adjust("6 seconds")
        // All wake together at the end of the rest; the first one is asked for less again.
        const first = yield* Effect.forkChild(Effect.exit(attempt(busy())), { startImmediately: true })
        const second = yield* Effect.forkChild(Effect.exit(attempt()), { startImmediately: true })
        yield* TestClock.adjust("9 seconds")
        yield* Fiber.join(first)
        assert.isTrue(Exit.isFailure(yield* Fiber.join(second)))
        assert.strictEqual(waitOf(yield* refusal()), 60)
      }).pipe(Effect.provide(layer()))
    )

    it.effect("an attempt waits in place when the rest ends within the patience", () =>
      Effect.gen(function* () {
        yield* Effect.flip(attempt(busy()))
        yield* TestClock.adjust("6 seconds")
        const fiber = yield* Effect.forkChild(attempt(), { startImmediately: true })
        yield* TestClock.adjust("9 seconds")
        assert.strictEqual(yield* Fiber.join(fiber), "sent")
      }).pipe(Effect.provide(layer()))
    )
  })

  it.effect("takes the limits from the policy: by domain, by the host's provider, by provider", () =>
    Effect.gen(function* () {
      const passed = Effect.fnUntraced(function* (at: Throttle.Key) {
        const exits = yield* Effect.forEach(Array.from({ length: 9 }), () => Effect.exit(attempt(undefined, at)))
        return exits.filter(Exit.isSuccess).length
      })
      assert.strictEqual(yield* passed(Throttle.domain("slow.example")), 1)
      assert.strictEqual(yield* passed(Throttle.host("mx1.google.com")), 2)
      assert.strictEqual(yield* passed(Throttle.provider(Provider.google)), 2)
      assert.strictEqual(yield* passed(Throttle.relay("mine")), 9)
    }).pipe(
      Effect.provide(Throttle.layer()),
      Effect.provideService(
        Policy.CurrentPolicy,
        Policy.standard.pipe(
          Policy.forDomain("slow.example", Policy.limits({ rates: [{ limit: 1, window: "1 hour" }] })),
          Policy.forProvider(Provider.google, Policy.limits({ rates: [{ limit: 2, window: "1 hour" }] }))
        )
      )
    )
  )

  it.effect("holds each attempt to the limits of its own policy", () =>
    Effect.gen(function* () {
      const passed = Effect.fnUntraced(function* (policy: Policy.Policy) {
        const exits = yield* Effect.provideService(repeat(9), Policy.CurrentPolicy, policy)
        return exits.filter(Exit.isSuccess).length
      })
      const hourly = (limit: number) => Policy.limits(Policy.standard, { rates: [{ limit, window: "1 hour" }] })
      assert.strictEqual(yield* passed(hourly(2)), 2)
      assert.strictEqual(yield* passed(Policy.standard), 9)
      assert.strictEqual(yield* passed(hourly(5)), 5)
      assert.strictEqual(yield* passed(hourly(2)), 0)
      const narrow = Policy.limits(Policy.standard, { concurrency: { initial: 1, maximum: 1 } })
      const one = yield* Effect.provideService(held(3), Policy.CurrentPolicy, narrow)
      assert.strictEqual(one.running(), 1)
      assert.isAbove((yield* standing()).concurrency, 4)
      yield* one.release
      yield* Fiber.awaitAll(one.fibers)
    }).pipe(Effect.provide(Throttle.layer()))
  )

  it.effect("what may not pass at a host or a provider goes to another host; at a domain, a relay it waits", () =>
    Effect.gen(function* () {
      const closed = { rates: [{ limit: 1, window: "1 hour" }] } as const
      const next = Effect.fnUntraced(function* (at: Throttle.Key) {
        yield* attempt(undefined, at)
        return (yield* Effect.flip(attempt(undefined, at))).next
      })
      const keys = [
        Throttle.host("mx.example.com"),
        Throttle.provider(Provider.google),
        Throttle.domain("example.com"),
        Throttle.relay("mine")
      ]
      assert.deepStrictEqual(yield* Effect.provide(Effect.forEach(keys, next), layer(closed)), [
        "host",
        "host",
        "later",
        "later"
      ])
    })
  )

  it.effect("remembers no more destinations than it is told, even when all of them are in trouble", () =>
    Effect.gen(function* () {
      const throttle = yield* Throttle.Throttle
      const dead = (n: number) => Throttle.domain(`dead${n}.example`)
      for (let n = 0; n < 10; n++) yield* Effect.ignore(attempt(unreachable(), dead(n)))
      assert.isUndefined(yield* throttle.standing(dead(6)))
      assert.isDefined(yield* throttle.standing(dead(7)))
    }).pipe(Effect.provide(layer({}, { remembered: 3 })))
  )

  it.effect("remembers no more destinations than it is told, and forgets none that is in trouble", () =>
    Effect.gen(function* () {
      const throttle = yield* Throttle.Throttle
      yield* attempt(unreachable(), key).pipe(Effect.ignore)
      for (let n = 0; n < 10; n++) yield* attempt(undefined, Throttle.domain(`d${n}.example`))
      assert.isDefined(yield* throttle.standing(key))
      assert.isUndefined(yield* throttle.standing(Throttle.domain("d0.example")))
      assert.isDefined(yield* throttle.standing(Throttle.domain("d9.example")))
      yield* attempt()
      for (let n = 0; n < 10; n++) yield* attempt(undefined, Throttle.domain(`e${n}.example`))
      assert.isUndefined(yield* throttle.standing(key))
    }).pipe(Effect.provide(layer({}, { remembered: 3 })))
  )

  it.effect.each<[string, Throttle.Options]>([
    ["total", { total: 0 }],
    ["remembered", { remembered: -1 }],
    ["alarm.after", { alarmAfter: 0 }]
  ])("refuses settings that cannot be: %s", ([setting, options]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Layer.build(Throttle.layer(options)))
      assert.instanceOf(error, PolicyError.PolicyError)
      assert.strictEqual(error.setting, setting)
    }).pipe(Effect.scoped)
  )
})

describe("DeliveryEvent", () => {
  const ada = { messageId: "<1@example.com>", recipients: ["ada@example.com"], since: 0 }

  const recorded = Effect.fnUntraced(function* <A, E, R>(program: Effect.Effect<A, E, R>) {
    const seen: Array<DeliveryEvent.DeliveryEvent> = []
    const observer = (event: DeliveryEvent.DeliveryEvent) => Effect.sync(() => void seen.push(event))
    yield* Effect.provideService(program, DeliveryEvent.Observer, observer)
    return seen
  })

  it.effect("tells of refusals, of slowing down, and of every change of a breaker", () =>
    Effect.gen(function* () {
      const seen = yield* recorded(
        Effect.gen(function* () {
          yield* repeat(6, unreachable())
          yield* Effect.yieldNow
          yield* TestClock.adjust("15 seconds")
          yield* attempt()
          yield* Effect.yieldNow
          yield* Effect.flip(attempt(busy()))
        }).pipe(Effect.provide(layer()))
      )
      const told = seen.map((event) => (event._tag === "BreakerChanged" ? `${event.from} ${event.to}` : event._tag))
      assert.sameMembers(told, ["Closed Open", "Refused", "Open HalfOpen", "HalfOpen Closed", "SlowedDown"])
      for (const event of seen) assert.isTrue("about" in event && event.about === "domain:example.com")
    })
  )

  it.effect("raises one alarm for what fails for an hour, and says when it works again", () =>
    Effect.gen(function* () {
      const seen = yield* recorded(
        Effect.gen(function* () {
          yield* TestClock.adjust("1 minute")
          for (let n = 0; n < 9; n++) {
            yield* Effect.exit(attempt(unreachable()))
            yield* TestClock.adjust("15 minutes")
          }
          yield* attempt()
          yield* attempt()
        }).pipe(Effect.provide(layer()))
      )
      const alarms = seen.filter(({ _tag }) => _tag === "FailingSince" || _tag === "Recovered")
      assert.deepStrictEqual(
        alarms.map((event) => [event._tag, "since" in event && event.since]),
        [
          ["FailingSince", minute],
          ["Recovered", minute]
        ]
      )
    })
  )

  it.effect("raises the alarm for a domain that only ever says 'not now', and not for one that takes some mail", () =>
    Effect.gen(function* () {
      const alarms = Effect.fnUntraced(function* (other: Failure.Failure | undefined) {
        const seen = yield* recorded(
          Effect.gen(function* () {
            for (let n = 0; n < 9; n++) {
              yield* Effect.exit(attempt(temp()))
              yield* Effect.exit(attempt(n === 4 ? other : temp()))
              yield* TestClock.adjust("10 minutes")
            }
          }).pipe(Effect.provide(layer()))
        )
        return seen.map(({ _tag }) => _tag)
      })
      assert.deepStrictEqual(yield* alarms(temp()), ["FailingSince"])
      assert.deepStrictEqual(yield* alarms(undefined), [])
      assert.deepStrictEqual(yield* alarms(perm()), [])
    })
  )

  it.effect("tells of a breaker whoever attempted something there last", () =>
    Effect.gen(function* () {
      yield* recorded(repeat(5, unreachable()))
      yield* TestClock.adjust("15 seconds")
      const seen = yield* recorded(Effect.andThen(attempt(), TestClock.adjust("1 second")))
      assert.deepStrictEqual(
        seen.map((event) => (event._tag === "BreakerChanged" ? event.to : event._tag)),
        ["HalfOpen", "Closed"]
      )
    }).pipe(Effect.provide(layer()))
  )

  it.effect("an application hears of everything through one layer", () =>
    Effect.gen(function* () {
      const seen = yield* Effect.forkChild(Stream.runCollect(Stream.take(DeliveryEvent.stream, 3)), {
        startImmediately: true
      })
      yield* repeat(6, unreachable())
      yield* TestClock.adjust("15 seconds")
      yield* attempt()
      const events = yield* Fiber.join(seen)
      assert.deepStrictEqual(
        events.map((event) => (event._tag === "BreakerChanged" ? event.to : event._tag)),
        ["Open", "Refused", "HalfOpen"]
      )
    }).pipe(Effect.provide(Layer.provideMerge(layer(), DeliveryEvent.layer())))
  )

  it.effect("an alarm for recipients: since when, once, and again after it worked", () =>
    Effect.gen(function* () {
      const alarm = yield* Effect.fromResult(Alarm.make({ after: "10 minutes" }))
      const seen = yield* recorded(
        Effect.gen(function* () {
          yield* alarm.failed("ada@example.com", temp(), 0)
          yield* alarm.failed("ada@example.com", temp(), 10 * minute - 1)
          assert.strictEqual(alarm.failingSince("ada@example.com"), 0)
          yield* alarm.failed("ada@example.com", temp(), 10 * minute)
          yield* alarm.failed("ada@example.com", temp(), 11 * minute)
          yield* alarm.succeeded("ada@example.com")
          yield* alarm.succeeded("ada@example.com")
          assert.isUndefined(alarm.failingSince("ada@example.com"))
          yield* alarm.failed("ada@example.com", temp(), 20 * minute)
        })
      )
      assert.deepStrictEqual(
        seen.map(({ _tag }) => _tag),
        ["FailingSince", "Recovered"]
      )
      assert.isTrue(Result.isFailure(Alarm.make({ after: 0 })))
    })
  )

  it.effect("tells of a decision", () =>
    Effect.gen(function* () {
      const failure = temp()
      const decider = yield* Policy.start(Policy.standard.pipe(Policy.jitter(0), Policy.giveUpAfter("5 minutes")))
      const first = DeliveryEvent.fromDecision(ada, failure, yield* decider.decide(failure, 0))
      assert.deepStrictEqual(
        first,
        DeliveryEvent.deferred({ ...ada, failure, after: Duration.minutes(5), because: "temp" })
      )
      const last = DeliveryEvent.fromDecision(ada, failure, yield* decider.decide(failure, 5 * minute))
      assert.isTrue(last._tag === "GaveUp" && last.atEnd === "bounce" && last.failure.enhanced === "5.4.7")
    })
  )

  it.effect("is a stream through a hub, which ends with its scope", () =>
    Effect.gen(function* () {
      const collected = yield* Effect.scoped(
        Effect.gen(function* () {
          const hub = yield* DeliveryEvent.hub()
          const reader = yield* Effect.forkDetach(Stream.runCollect(hub.events), { startImmediately: true })
          yield* Effect.provideService(
            DeliveryEvent.publish(DeliveryEvent.recovered({ about: "relay:mine", since: 0 })),
            DeliveryEvent.Observer,
            hub.observer
          )
          yield* Effect.yieldNow
          return reader
        })
      )
      const events = yield* Fiber.join(collected)
      assert.deepStrictEqual(events, [DeliveryEvent.recovered({ about: "relay:mine", since: 0 })])
    })
  )

  it.effect("counts in the metrics, without a recipient or a domain in any label", () =>
    Effect.gen(function* () {
      const registry = new Map()
      yield* Effect.gen(function* () {
        yield* DeliveryEvent.publish(DeliveryEvent.breakerChanged({ about: "host:a", from: "Closed", to: "Open" }))
        yield* DeliveryEvent.publish(
          DeliveryEvent.deferred({ ...ada, failure: temp(), after: Duration.minutes(5), because: "temp" })
        )
        const snapshot = yield* Metric.snapshot
        const names = snapshot.map(({ attributes, id }) => `${id} ${JSON.stringify(attributes ?? {})}`).toSorted()
        assert.deepStrictEqual(names, [
          `effect_mail_breaker_changes_total {"to":"Open"}`,
          `effect_mail_deferral_seconds {}`,
          `effect_mail_events_total {"event":"BreakerChanged"}`,
          `effect_mail_events_total {"event":"Deferred"}`
        ])
      }).pipe(Effect.provideService(Metric.MetricRegistry, registry))
    })
  )
})
