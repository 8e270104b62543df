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

/**
 * 10 and 20 seconds, then every 30 seconds: for codes that expire in minutes.
 *
 * @category schedules
 * @since 0.1.0
 */
export const otp: Schedule.Schedule<Duration.Duration> = steps(["10 seconds", "20 seconds", "30 seconds"])

/**
 * 15 and 30 minutes, 1 and 2 hours, then every 4 hours: for mail that can wait, so that its retries do not stand in the way
 * of other mail.
 *
 * @category schedules
 * @since 0.1.0
 */
export const bulk: Schedule.Schedule<Duration.Duration> = steps([
  "15 minutes",
  "30 minutes",
  "1 hour",
  "2 hours",
  "4 hours"
])

/**
 * 1, 2, 5 and 10 minutes, then every 15 minutes: for a relay of our own, which is one host for all mail, so that the mail
 * flows again soon after it is back.
 *
 * @category schedules
 * @since 0.1.0
 */
export const relay: Schedule.Schedule<Duration.Duration> = steps([
  "1 minute",
  "2 minutes",
  "5 minutes",
  "10 minutes",
  "15 minutes"
])

/**
 * 30 minutes, then every 2 hours: two attempts in the first hour, then one every two to three hours (RFC 5321 section
 * 4.5.4.1; SMTP-073).
 *
 * @category schedules
 * @since 0.1.0
 */
export const rfc5321: Schedule.Schedule<Duration.Duration> = steps(["30 minutes", "2 hours"])

/**
 * Waits for as long as it already lasts, but at least 300 and at most 4000 seconds: Postfix with its own defaults
 * (`minimal_backoff_time`, `maximal_backoff_time`), without the rounding to its queue runs.
 *
 * @category schedules
 * @since 0.1.0
 */
export const postfix: Schedule.Schedule<Duration.Duration> = Schedule.fromStepWithMetadata(
  Effect.succeed(({ elapsed }) => waiting(Math.min(Math.max(elapsed, 300_000), 4_000_000)))
)

/**
 * Every 15 minutes for 2 hours, then 1 hour and half as long again each time until 16 hours have passed, then every 6
 * hours: Exim's default retry rule `F,2h,15m; G,16h,1h,1.5; F,4d,6h`. Exim takes the rule for the time that has passed since
 * the first failure, and the growing wait from the last one.
 *
 * @category schedules
 * @since 0.1.0
 */
export const exim: Schedule.Schedule<Duration.Duration> = Schedule.fromStepWithMetadata(
  Effect.sync(() => {
    let last = 0
    return ({ elapsed }) => {
      last = eximWait(elapsed, last)
      return waiting(last)
    }
  })
)

const hour = 3_600_000

const eximWait = (elapsed: number, last: number): number => {
  if (elapsed < 2 * hour) return hour / 4
  if (elapsed >= 16 * hour) return 6 * hour
  return last < hour ? hour : last * 1.5
}

const waiting = (millis: number): Effect.Effect<[Duration.Duration, Duration.Duration]> => {
  const wait = Duration.millis(millis)
  return Effect.succeed([wait, wait])
}
