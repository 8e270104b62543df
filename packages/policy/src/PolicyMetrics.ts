/**
 * The metrics of deliveries, policies and throttles. The labels have few values: no recipient, domain or host is ever one.
 *
 * @since 0.1.0
 */
import * as Receipt from "@effect-mail/protocol/Receipt"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type { DeliveryEvent } from "./DeliveryEvent.ts"

/**
 * Events, by `event`: `AttemptStarted`, `Deferred`, `GaveUp` and so on.
 *
 * @category metrics
 * @since 0.1.0
 */
export const events = Metric.counter("effect_mail_events_total", {
  description: "What happened to mail on its way, by event",
  incremental: true
})

/**
 * Outcomes of attempts, one for each recipient, by `outcome`: `delivered`, `temp`, `uncertain`, `unreachable` or `perm`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const outcomes = Metric.counter("effect_mail_outcomes_total", {
  description: "What became of recipients in an attempt, by outcome",
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
export const count = (event: DeliveryEvent): Effect.Effect<void> => {
  const counted = Metric.update(labelled(events, "event", event._tag), 1)
  switch (event._tag) {
    case "AttemptEnded":
      return Effect.andThen(counted, Effect.forEach(event.outcomes, countOutcome, { discard: true }))
    case "Deferred":
      return Effect.andThen(counted, Metric.update(deferralSeconds, Duration.toSeconds(event.after)))
    case "BreakerChanged":
      return Effect.andThen(counted, Metric.update(labelled(breakerChanges, "to", event.to), 1))
    default:
      return counted
  }
}

const countOutcome = (outcome: Receipt.Outcome) =>
  Metric.update(labelled(outcomes, "outcome", Receipt.outcomeWord(outcome)), 1)

// A metric with a label is looked up anew in its registry whenever it is a new value, so each one is made once.
const made = new Map<string, Metric.Counter<number>>()

const labelled = (metric: Metric.Counter<number>, label: string, value: string): Metric.Counter<number> => {
  const key = `${metric.id} ${value}`
  const known = made.get(key) ?? Metric.withAttributes(metric, { [label]: value })
  made.set(key, known)
  return known
}
