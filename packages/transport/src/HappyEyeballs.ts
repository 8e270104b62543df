/**
 * How to reach a host that has several addresses (RFC 8305): the families take turns, each attempt has a head start of a
 * quarter of a second before the next one, a failure starts the next one at once, and the first success ends the others. So
 * a host whose IPv6 is broken costs a moment and not a timeout, and nobody's connection is held that is not used.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import { owned } from "./Dialer.ts"

/**
 * The head start of an attempt: RFC 8305 section 5 recommends 250 ms.
 *
 * @category constants
 * @since 0.1.0
 */
export const headStart: Duration.Duration = Duration.millis(250)

/**
 * At most so many addresses of one host are tried.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxAddresses = 10

/**
 * The addresses in the order to try: IPv6 and IPv4 in turn, beginning with the family of the first one, each family in the
 * order it had, no address twice (RFC 8305 section 4); at most `maxAddresses`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const interleave = (addresses: ReadonlyArray<string>): ReadonlyArray<string> => {
  const all = [...new Set(addresses)]
  const isV6 = (address: string): boolean => address.includes(":")
  const leads = all.filter((address) => isV6(address) === isV6(all[0] ?? ""))
  const follows = all.filter((address) => isV6(address) !== isV6(all[0] ?? ""))
  const pairs = Array.from({ length: all.length }, (_, i) => [leads[i], follows[i]])
  return pairs
    .flat()
    .filter((address) => address !== undefined)
    .slice(0, maxAddresses)
}

/**
 * Runs the attempts in this order, each with its head start, until one succeeds; what the others had acquired by then is
 * released at once. When all fail, it fails as the first one did, which is that of the preferred address.
 *
 * @category combinators
 * @since 0.1.0
 */
export const race = <A, E, R>(
  attempts: NonEmptyReadonlyArray<Effect.Effect<A, E, R>>
): Effect.Effect<A, E, R | Scope.Scope> =>
  Effect.suspend(() => {
    const failures: Array<{ readonly error: E } | undefined> = []
    const gates = attempts.map(() => ({ begun: Latch.makeUnsafe(false), failed: Latch.makeUnsafe(false) }))

    const turn = (index: number): Effect.Effect<void> => {
      const before = gates[index - 1]
      if (before === undefined) return Effect.void
      return Effect.andThen(before.begun.await, Effect.raceFirst(before.failed.await, Effect.sleep(headStart)))
    }
    const contestants = attempts.map((attempt, index) =>
      Effect.gen(function* () {
        yield* turn(index)
        yield* gates[index]?.begun.open ?? Effect.void
        return yield* owned(attempt)
      }).pipe(
        Effect.tapError((error) => {
          failures[index] = { error }
          return gates[index]?.failed.open ?? Effect.void
        })
      )
    )
    return Effect.mapError(Effect.raceAll(contestants), (error) => failures[0]?.error ?? error)
  })
