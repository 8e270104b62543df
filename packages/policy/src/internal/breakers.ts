import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as Limits from "../Limits.ts"

/** Gives the circuit breaker for these numbers; all of them share the store, so a key has one circuit whoever asks. */
export const breakers = Effect.fnUntraced(function* (
  onChange: (change: CircuitBreaker.Transition) => Effect.Effect<void>
) {
  const scope = yield* Effect.scope
  const store = yield* CircuitBreaker.CircuitBreakerStore
  const made = new Map<string, CircuitBreaker.CircuitBreaker>()
  return Effect.fnUntraced(function* (limits: Limits.Breaker): Effect.fn.Return<CircuitBreaker.CircuitBreaker> {
    const numbers = JSON.stringify(limits)
    const known = made.get(numbers)
    if (known !== undefined) return known
    const breaker = yield* create(limits).pipe(
      Scope.provide(scope),
      Effect.provideService(CircuitBreaker.CircuitBreakerStore, store)
    )
    made.set(numbers, breaker)
    yield* Stream.runForEach(breaker.transitions, onChange).pipe(Effect.forkIn(scope, { startImmediately: true }))
    return breaker
  })
})

const create = (limits: Limits.Breaker) =>
  CircuitBreaker.make({
    tripPolicy: CircuitBreaker.consecutive(limits.failures),
    openDuration: rests(limits),
    maxOpenDuration: limits.longestRest
  })

const rests = (limits: Limits.Breaker): Schedule.Schedule<Duration.Duration> =>
  Schedule.fromStepWithMetadata(
    Effect.succeed(({ attempt }) => {
      const rest = Limits.restFor(limits, attempt)
      return Effect.succeed<[Duration.Duration, Duration.Duration]>([rest, rest])
    })
  )
