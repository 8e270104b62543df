/**
 * Real sockets, files and processes under `TestClock`: a test that expects a timeout need not wait for it. While an effect
 * runs, real events get their turns, and between them the clock moves on.
 *
 * ```ts
 * it.effect("a server that never speaks is given up after 5 minutes", () =>
 *   Effect.map(TimeLapse.run(sendOverTcp), (outcome) => assert.strictEqual(outcome, "timeout")))
 * ```
 *
 * The clock runs faster than the network, so that whatever has a time limit in the effect will reach it unless real events
 * come at once. Run only what is meant to reach one.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"

/**
 * How fast the time passes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** By how much the clock moves at once; 1 second by default. */
  readonly step?: Duration.Input | undefined
  /** How many turns of the event loop real events get before each step; 20 by default. */
  readonly turns?: number | undefined
}

/**
 * Runs an effect and moves the test's clock until it ends.
 *
 * @category running
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>, options: Options = {}) {
  const { step = "1 second", turns = 20 } = options
  const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
  for (let turn = 1; fiber.pollUnsafe() === undefined; turn++) {
    yield* Effect.yieldNow
    if (turn % turns === 0) yield* TestClock.adjust(step)
  }
  return yield* Fiber.join(fiber)
})
