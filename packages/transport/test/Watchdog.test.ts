import { Watchdog } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Exit, Scope } from "effect"
import { TestClock } from "effect/testing"
import { clockWith, settled } from "./support/smtp.ts"

const watched = Effect.gen(function* () {
  const expired: Array<readonly [string, number]> = []
  const watchdog = yield* Watchdog.make((what, millis) => Effect.sync(() => expired.push([what, millis])))
  yield* settled
  return { watchdog, expired }
})

// The test's clock, and how often somebody slept on it.
const counted = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  let sleeps = 0
  const counting = clockWith(clock, {
    sleep: (duration) => {
      sleeps++
      return clock.sleep(duration)
    }
  })
  return { counting, sleeps: () => sleeps }
})

describe("Watchdog", () => {
  it.effect("says once what was being done when the deadline passed, and not a millisecond earlier", () =>
    Effect.gen(function* () {
      const { expired, watchdog } = yield* watched
      watchdog.arm(1000, "mail")
      yield* TestClock.adjust(999)
      assert.deepStrictEqual(expired, [])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(expired, [["mail", 1000]])
      yield* TestClock.adjust("1 day")
      watchdog.arm(1000, "rcpt")
      yield* TestClock.adjust("1 day")
      assert.deepStrictEqual(expired, [["mail", 1000]])
    })
  )

  it.effect("is armed before its fiber has run", () =>
    Effect.gen(function* () {
      const expired: Array<string> = []
      const watchdog = yield* Watchdog.make((what) => Effect.sync(() => expired.push(what)))
      watchdog.arm(1000, "greeting")
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(expired, ["greeting"])
    })
  )

  it.effect("forgets a deadline that was removed, also at the very moment it passes", () =>
    Effect.gen(function* () {
      const { expired, watchdog } = yield* watched
      watchdog.arm(1000, "mail")
      yield* TestClock.adjust(500)
      watchdog.disarm()
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(expired, [])
      // Sleeps that end at the same moment end in the order in which they began.
      yield* Effect.forkChild(
        Effect.delay(
          Effect.sync(() => watchdog.disarm()),
          1000
        )
      )
      yield* settled
      watchdog.arm(1000, "rcpt")
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(expired, [])
    })
  )

  for (const [first, second] of [
    [1000, 2000],
    [2000, 1000],
    [600_000, 1],
    [1, 600_000]
  ] as const) {
    it.effect(`keeps the last deadline alone: ${second} after ${first}`, () =>
      Effect.gen(function* () {
        const { expired, watchdog } = yield* watched
        watchdog.arm(first, "first")
        yield* settled
        watchdog.arm(second, "second")
        yield* settled
        yield* TestClock.adjust(second - 1)
        assert.deepStrictEqual(expired, [])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(expired, [["second", second]])
      })
    )
  }

  it.effect("is woken for an earlier deadline however often it was armed and disarmed before", () =>
    Effect.gen(function* () {
      const { expired, watchdog } = yield* watched
      for (const millis of [5000, 3000, 4000, 2000, 9000]) {
        watchdog.arm(millis, "earlier")
        watchdog.disarm()
      }
      yield* settled
      watchdog.arm(1500, "last")
      yield* TestClock.adjust(1500)
      assert.deepStrictEqual(expired, [["last", 1500]])
    })
  )

  it.effect("costs no timer per flight", () =>
    Effect.gen(function* () {
      const { counting, sleeps } = yield* counted
      const { watchdog } = yield* Effect.provideService(watched, Clock.Clock, counting)
      for (let flight = 0; flight < 10_000; flight++) {
        watchdog.arm(300_000, "mail")
        watchdog.arm(600_000, "data-end")
        watchdog.disarm()
        if (flight % 1000 === 0) yield* settled
      }
      assert.isAtMost(sleeps(), 3)
    })
  )

  it.effect("does not care when somebody sets the machine's clock", () =>
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      let jump = 0
      const jumping = clockWith(clock, { currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + jump })
      const { expired, watchdog } = yield* Effect.provideService(watched, Clock.Clock, jumping)
      watchdog.arm(10_000, "mail")
      jump = Duration.toMillis("1 day")
      yield* TestClock.adjust(9999)
      assert.deepStrictEqual(expired, [])
      jump = -Duration.toMillis("1 day")
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(expired, [["mail", 10_000]])
    })
  )

  it.effect("ends with its scope", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { expired, watchdog } = yield* Scope.provide(watched, scope)
      watchdog.arm(1000, "mail")
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("1 day")
      assert.deepStrictEqual(expired, [])
    })
  )
})
