/**
 * The metrics of deliveries, policies and throttles. The labels have few values: no recipient, domain or host is ever one.
 *
 * @since 0.1.0
 */
import * as Receipt from "@effect-mail/protocol/Receipt"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
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
 * Counts an event in the metrics of the running fiber, whose context is given.
 *
 * @category metrics
 * @since 0.1.0
 */
export const countUnsafe = (event: DeliveryEvent, context: Context.Context<never>): void => {
  byEvent(event._tag).updateUnsafe(1, context)
  countDetails(event, context)
}

const countDetails = (event: DeliveryEvent, context: Context.Context<never>): void => {
  switch (event._tag) {
    case "AttemptEnded":
      for (const outcome of event.outcomes) byOutcome(Receipt.outcomeWord(outcome)).updateUnsafe(1, context)
      return
    case "Deferred":
      return deferralSeconds.updateUnsafe(Duration.toSeconds(event.after), context)
    case "BreakerChanged":
      return byState(event.to).updateUnsafe(1, context)
  }
}

// The counters of a metric by the value of its label. Each is made once, and with its label: `Metric.withAttributes` looks
// it up anew at every update.
const labelled = ({ description, id }: Metric.Counter<number>, label: string) => {
  const made = new Map<string, Metric.Counter<number>>()
  return (value: string): Metric.Counter<number> => {
    const known = made.get(value)
    if (known !== undefined) return known
    const counter = Metric.counter(id, { description, incremental: true, attributes: { [label]: value } })
    made.set(value, counter)
    return counter
  }
}

const byEvent = labelled(events, "event")
const byOutcome = labelled(outcomes, "outcome")
const byState = labelled(breakerChanges, "to")
