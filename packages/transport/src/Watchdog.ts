/**
 * One deadline for one connection. Arming and disarming are plain assignments, so that a session can do it for every
 * flight; a fiber looks at the deadline only when the earliest one known to it has come. Time is the `Clock`'s, and
 * monotonic: setting the machine's clock ends no session.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"

/**
 * The handle of a watchdog.
 *
 * @category models
 * @since 0.1.0
 */
export interface Watchdog {
  /**
   * Sets the deadline to so many milliseconds from `from`, and what is said when it passes; replaces an earlier one. `from` is
   * now by default; whoever has just read the clock need not have it read again.
   */
  readonly arm: (millis: number, what: string, from?: number) => void
  /** Removes the deadline. */
  readonly disarm: () => void
  /** The monotonic clock that deadlines are measured by, in whole milliseconds. */
  readonly now: () => number
}

/**
 * Starts a watchdog that runs `onExpire` once when an armed deadline passes, and ends with its scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  onExpire: (what: string, millis: number) => Effect.Effect<void>
): Effect.fn.Return<Watchdog, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const now = (): number => monotonicMillis(clock)
  const earlier = Latch.makeUnsafe(false)
  let deadline = Infinity
  let allowed = 0
  let doing = ""
  // When the fiber will look next; Infinity while it waits for the latch alone.
  let looksAt = Infinity
  yield* Effect.forkScoped(
    Effect.gen(function* () {
      while (true) {
        const left = deadline - now()
        if (left <= 0) return yield* onExpire(doing, allowed)
        looksAt = deadline
        earlier.closeUnsafe()
        yield* deadline === Infinity ? earlier.await : Effect.timeoutOption(earlier.await, left)
      }
    })
  )
  return {
    arm: (millis, what, from = now()) => {
      deadline = from + millis
      allowed = millis
      doing = what
      if (deadline < looksAt) earlier.openUnsafe()
    },
    disarm: () => {
      deadline = Infinity
    },
    now
  }
})

/**
 * The reading of a clock that nobody can set, in whole milliseconds.
 *
 * @category getters
 * @since 0.1.0
 */
export const monotonicMillis = (clock: Clock.Clock): number =>
  Math.floor(Number(clock.monotonicTimeNanosUnsafe()) / 1e6)
