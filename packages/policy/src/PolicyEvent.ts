/**
 * What only a policy and its throttle know, as it happens: who is deferred, warned, held and given up, who is slowed down
 * and left alone, and who has been failing for too long. What happens in an attempt is told by `DeliveryEvent` of
 * `@effect-mail/delivery`. Events describe; nothing depends on anybody listening.
 *
 * @since 0.1.0
 */
import type { Failure } from "@effect-mail/protocol/Failure"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { AtEnd, Because, Decision } from "./Decision.ts"
import * as Metrics from "./PolicyMetrics.ts"

/**
 * An event. `about` is whom it is about: a recipient, or a key of `Throttle` such as `domain:example.com`. Times are in
 * milliseconds since the epoch.
 *
 * - `Deferred`, `Held`, `GaveUp`: what a decision says of a recipient (`fromDecision`).
 * - `Warned`: the sender was told that the mail is late.
 * - `Refused`: a limit or a breaker let nothing through; it was no attempt (CLASS-15).
 * - `SlowedDown`: a server asked for less; nothing is sent there for `rest`.
 * - `BreakerChanged`: a destination is left alone (`Open`), tried with one attempt (`HalfOpen`), or well again (`Closed`).
 * - `FailingSince`: the alarm, once for each time that something fails for longer than is allowed.
 * - `Recovered`: what the alarm was about has worked again.
 *
 * @category models
 * @since 0.1.0
 */
export type PolicyEvent = Data.TaggedEnum<{
  Deferred: {
    readonly about: string
    readonly failure: Failure
    readonly after: Duration.Duration
    readonly because: Because
  }
  Held: { readonly about: string; readonly failure: Failure }
  GaveUp: { readonly about: string; readonly failure: Failure; readonly atEnd: AtEnd }
  Warned: { readonly about: string; readonly since: number; readonly failure: Failure }
  Refused: { readonly about: string; readonly failure: Failure }
  SlowedDown: { readonly about: string; readonly failure: Failure; readonly rest: Duration.Duration }
  BreakerChanged: { readonly about: string; readonly from: BreakerState; readonly to: BreakerState }
  FailingSince: { readonly about: string; readonly since: number; readonly failure: Failure }
  Recovered: { readonly about: string; readonly since: number }
}>

/**
 * How a breaker stands: everything passes, nothing passes, or one attempt passes to see.
 *
 * @category models
 * @since 0.1.0
 */
export type BreakerState = "Closed" | "Open" | "HalfOpen"

const event = Data.taggedEnum<PolicyEvent>()

/**
 * Makes an event of each kind.
 *
 * @category constructors
 * @since 0.1.0
 */
export const {
  BreakerChanged: breakerChanged,
  Deferred: deferred,
  FailingSince: failingSince,
  GaveUp: gaveUp,
  Held: held,
  Recovered: recovered,
  Refused: refused,
  SlowedDown: slowedDown,
  Warned: warned
} = event

/**
 * Handles each kind of event.
 *
 * @category pattern matching
 * @since 0.1.0
 */
export const match = event.$match

/**
 * The event that tells of a decision about a recipient after this failure.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromDecision = (about: string, failure: Failure, decision: Decision): PolicyEvent => {
  switch (decision._tag) {
    case "Retry":
      return deferred({ about, failure, after: decision.after, because: decision.because })
    case "Hold":
      return held({ about, failure: decision.failure })
    case "GiveUp":
      return gaveUp({ about, failure: decision.failure, atEnd: decision.atEnd })
  }
}

/**
 * Who is told; nobody by default. It is called in the fiber in which the event happens, so it should be quick.
 *
 * @category services
 * @since 0.1.0
 */
export const Observer = Context.Reference<(event: PolicyEvent) => Effect.Effect<void>>(
  "@effect-mail/policy/PolicyObserver",
  { defaultValue: () => () => Effect.void }
)

/**
 * Counts an event in the metrics and tells the observer.
 *
 * @category running
 * @since 0.1.0
 */
export const publish = (event: PolicyEvent): Effect.Effect<void> =>
  Effect.andThen(
    Metrics.count(event),
    Effect.flatMap(Observer, (observe) => observe(event))
  )

/**
 * An observer that passes every event on, and the stream of what it was told. Each reader of the stream sees what happens
 * after it began to read; a slow one loses the oldest events beyond `capacity` (default 1024) and never slows down a
 * delivery. The stream ends with the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const hub = Effect.fnUntraced(function* (
  options: { readonly capacity?: number | undefined } = {}
): Effect.fn.Return<
  {
    readonly observer: (event: PolicyEvent) => Effect.Effect<void>
    readonly events: Stream.Stream<PolicyEvent>
  },
  never,
  Scope.Scope
> {
  const pubsub = yield* Effect.acquireRelease(PubSub.sliding<PolicyEvent>(options.capacity ?? 1024), PubSub.shutdown)
  return {
    observer: (event) => Effect.asVoid(PubSub.publish(pubsub, event)),
    events: Stream.fromPubSub(pubsub)
  }
})
