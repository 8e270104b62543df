/**
 * The metrics of policies and throttles. The labels have few values: no recipient, domain or host is ever one.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type { PolicyEvent } from "./PolicyEvent.ts"

/**
 * Events, by `event`: `Deferred`, `GaveUp`, `Refused` and so on.
 *
 * @category metrics
 * @since 0.1.0
 */
export const events = Metric.counter("effect_mail_policy_events_total", {
  description: "What policies and throttles have decided, by event",
  incremental: true
})

/**
 * Changes of breakers, by the state `to` which they changed.
 *
 * @category metrics
 * @since 0.1.0
 */
export const breakerChanges = Metric.counter("effect_mail_breaker_changes_total", {
  description: "Changes of circuit breakers, by the new state",
  incremental: true
})

/**
 * How long mail is deferred, in seconds.
 *
 * @category metrics
 * @since 0.1.0
 */
export const deferralSeconds = Metric.histogram("effect_mail_deferral_seconds", {
  description: "How long mail waits for its next attempt",
  boundaries: [1, 10, 60, 300, 900, 3600, 14_400, 86_400]
})

/**
 * How long attempts waited in place for their turn, in seconds. Those that did not wait are not in it.
 *
 * @category metrics
 * @since 0.1.0
 */
export const throttleWaitSeconds = Metric.histogram("effect_mail_throttle_wait_seconds", {
  description: "How long attempts waited for their turn",
  boundaries: [0.01, 0.1, 1, 10, 60]
})

/**
 * Counts an event.
 *
 * @category metrics
 * @since 0.1.0
 */
export const count = (event: PolicyEvent): Effect.Effect<void> => {
  const counted = Metric.update(Metric.withAttributes(events, { event: event._tag }), 1)
  switch (event._tag) {
    case "Deferred":
      return Effect.andThen(counted, Metric.update(deferralSeconds, Duration.toSeconds(event.after)))
    case "BreakerChanged":
      return Effect.andThen(counted, Metric.update(Metric.withAttributes(breakerChanges, { to: event.to }), 1))
    default:
      return counted
  }
}
