/**
 * Schedules of waits between attempts. They are plain Effect schedules without an end and without jitter: the policy
 * brings the end (`giveUpAfter`), spreads the waits (`jitter`) and stretches them when a server asks for it.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { PolicyError } from "./PolicyError.ts"

/**
 * A schedule that waits for the listed times, one after the other, and then for the last one again and again. Throws a
 * `PolicyError` when one of them is zero, negative or infinite.
 *
 * @category constructors
 * @since 0.1.0
 */
export const steps = (waits: Arr.NonEmptyReadonlyArray<Duration.Input>): Schedule.Schedule<Duration.Duration> => {
  const durations = waits.map(positive)
  return Schedule.fromStepWithMetadata(
    Effect.succeed(({ attempt }) => {
      const wait = durations[Math.min(attempt, durations.length) - 1] ?? Duration.zero
      return Effect.succeed<[Duration.Duration, Duration.Duration]>([wait, wait])
    })
  )
}

const positive = (input: Duration.Input, index: number): Duration.Duration => {
  const wait = Option.getOrUndefined(Duration.fromInput(input))
  if (wait !== undefined && Duration.isFinite(wait) && Duration.isPositive(wait)) return wait
  throw new PolicyError({ setting: `steps[${index}]`, reason: "must be a finite time longer than zero" })
}

/**
 * 5, 10, 20, 40, 80 and 160 minutes, then every 4 hours: what mail servers are used to (RFC 5321 section 4.5.4.1). The
 * first wait suits greylisting, which commonly asks for 5 minutes (RFC 6647).
 *
 * @category schedules
 * @since 0.1.0
 */
export const standard: Schedule.Schedule<Duration.Duration> = steps([
  "5 minutes",
  "10 minutes",
  "20 minutes",
  "40 minutes",
  "80 minutes",
  "160 minutes",
  "4 hours"
])

/**
 * 30 seconds, 1, 2 and 5 minutes, then every 10 minutes: for mail that somebody is waiting for.
 *
 * @category schedules
 * @since 0.1.0
 */
export const transactional: Schedule.Schedule<Duration.Duration> = steps([
  "30 seconds",
  "1 minute",
  "2 minutes",
  "5 minutes",
  "10 minutes"
])
