/**
 * Notices what fails for too long: `FailingSince` once, when something has had no success for the allowed time, and
 * `Recovered` when it works again. Whoever makes attempts tells it of each end, for recipients, domains or hosts alike; the
 * time is an argument.
 *
 * @since 0.1.0
 */
import type { Failure } from "@effect-mail/protocol/Failure"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as DeliveryEvent from "./DeliveryEvent.ts"
import { time } from "./internal/checks.ts"
import type { PolicyError } from "./PolicyError.ts"

/**
 * Notices what fails for too long. `about` is any name; times are in milliseconds since the epoch.
 *
 * @category models
 * @since 0.1.0
 */
export interface Alarm {
  /** An attempt has failed. It tells the observer when that has been so since `after` or longer, once. */
  readonly failed: (about: string, failure: Failure, now: number) => Effect.Effect<void>
  /** An attempt has succeeded. It tells the observer when there was an alarm. */
  readonly succeeded: (about: string) => Effect.Effect<void>
  /** Forgets what is known of something, for whoever remembers only so much. */
  readonly forget: (about: string) => void
  /** Since when something has been failing, if it has. */
  readonly failingSince: (about: string) => number | undefined
}

/**
 * Makes an alarm for what has been failing for the time `after`. It remembers what fails now and nothing else. Fails with a
 * `PolicyError` when the time is not finite and longer than zero.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: { readonly after: Duration.Input }): Result.Result<Alarm, PolicyError> =>
  Result.map(time("alarm.after", options.after), (after) => {
    const failing = new Map<string, { readonly since: number; readonly raised: boolean }>()
    return {
      failed: (about, failure, now) => {
        const { raised, since } = failing.get(about) ?? { raised: false, since: now }
        const late = now - since >= Duration.toMillis(after)
        failing.set(about, { since, raised: raised || late })
        return late && !raised
          ? DeliveryEvent.publish(DeliveryEvent.failingSince({ about, since, failure }))
          : Effect.void
      },
      succeeded: (about) => {
        const before = failing.get(about)
        failing.delete(about)
        return before?.raised === true
          ? DeliveryEvent.publish(DeliveryEvent.recovered({ about, since: before.since }))
          : Effect.void
      },
      forget: (about) => void failing.delete(about),
      failingSince: (about) => failing.get(about)?.since
    }
  })
