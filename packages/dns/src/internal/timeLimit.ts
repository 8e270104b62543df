/**
 * One time limit for many effects. All have the same, so they run out in the order in which they began, and one fiber that
 * sleeps until the first of them does for all: a timer and a fiber more for each would cost more than a question to a
 * resolver. Time is the `Clock`'s, and monotonic.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as MutableList from "effect/MutableList"

interface Running {
  /** When it runs out, in milliseconds. */
  readonly until: number
  /** Ends it; undefined when it is over. */
  expire: (() => void) | undefined
}

const now = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe() / 1000n) / 1000

/** Makes the function that limits the time of effects; the error says that it is over. */
export const make = (limit: Duration.Duration) => {
  const millis = Duration.toMillis(limit)
  const line = MutableList.make<Running>()
  let running = 0
  let watch: Fiber.Fiber<void> | undefined

  // Lets those expire whose time has come, and sleeps until that of the next.
  const look = (clock: Clock.Clock): Effect.Effect<void> =>
    Effect.suspend(() => {
      for (let next = MutableList.take(line); next !== MutableList.Empty; next = MutableList.take(line)) {
        if (next.expire === undefined) continue
        const left = next.until - now(clock)
        if (left > 0) {
          MutableList.prepend(line, next)
          return Effect.andThen(clock.sleep(Duration.millis(left)), look(clock))
        }
        next.expire()
      }
      watch = undefined
      return Effect.void
    })

  // The last one turns out the light, so that no timer keeps the process.
  const end = (entry: Running): void => {
    entry.expire = undefined
    if (--running > 0) return
    MutableList.clear(line)
    watch?.interruptUnsafe()
    watch = undefined
  }

  const settled = <A, E, E2>(fiber: Fiber.Fiber<A, E>, clock: Clock.Clock, error: () => E2): Effect.Effect<A, E | E2> =>
    Effect.callback((resume) => {
      const entry: Running = {
        until: now(clock) + millis,
        expire: () => {
          end(entry)
          fiber.interruptUnsafe()
          resume(Effect.fail(error()))
        }
      }
      running++
      MutableList.append(line, entry)
      // It is nobody's child, as it sleeps for all of them, and needs nothing but the clock.
      watch ??= Effect.runForkWith(Context.empty())(look(clock))
      fiber.addObserver((exit) => {
        if (entry.expire === undefined) return
        end(entry)
        resume(exit)
      })
      return Effect.suspend(() => {
        if (entry.expire !== undefined) end(entry)
        return Fiber.interrupt(fiber)
      })
    })

  return <A, E, R, E2>(self: Effect.Effect<A, E, R>, error: () => E2): Effect.Effect<A, E | E2, R> =>
    Clock.clockWith((clock) =>
      Effect.flatMap(Effect.forkChild(self, { startImmediately: true }), (fiber) => {
        return fiber.pollUnsafe() ?? settled(fiber, clock, error)
      })
    )
}
