/**
 * What happens to mail on its way, as it happens, in one stream: attempts and their outcomes, what the policy decides about
 * them, and who is slowed down, left alone or has been failing for too long. For timelines, logs, metrics and alarms. Events
 * describe; nothing depends on anybody listening.
 *
 * @since 0.1.0
 */
import type { Failure } from "@effect-mail/protocol/Failure"
import type { Outcome } from "@effect-mail/protocol/Receipt"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { AtEnd, Because, Decision } from "./Decision.ts"
import * as Metrics from "./PolicyMetrics.ts"

/**
 * Whose mail an event is about: recipients of one message that share a fate, when this began (the end of their first failed
 * attempt, in milliseconds since the epoch), and the message's Message-ID with its angle brackets, when it has one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Subject {
  readonly messageId: string | undefined
  readonly recipients: ReadonlyArray<string>
  readonly since: number
}

/**
 * An event. Those of a message name it and the recipients; `about` is a key of `Throttle`, such as `domain:example.com`, or
 * whatever else an `Alarm` was told of. Times are in milliseconds since the epoch.
 *
 * - `AttemptStarted`: an attempt for these recipients begins; `attempt` counts from 1. One that the limits let nowhere was
 *   none (CLASS-15): the next one has the same number.
 * - `AttemptEnded`: it has ended, with one outcome for each of its recipients, in their order: what the servers said, before
 *   any rule of the policy.
 * - `Deferred`: these recipients are tried again `after` a while. When they failed in different ways, `failure` is the one
 *   that weighs most (`Failure.combine`).
 * - `Warned`: the mail is late, as `warnAfter` says, and is still tried.
 * - `Held`: a person must decide, because the mail may have been delivered (CLASS-52).
 * - `GaveUp`: never again; `atEnd` is what the policy wants done.
 * - `Refused`: a limit or a breaker let nothing through; it was no attempt (CLASS-15).
 * - `SlowedDown`: a server asked for less; nothing is sent there for `rest`.
 * - `BreakerChanged`: a destination is left alone (`Open`), tried with one attempt (`HalfOpen`), or well again (`Closed`).
 * - `FailingSince`: the alarm, once for each time that nothing has worked for longer than is allowed.
 * - `Recovered`: what the alarm was about has worked again.
 *
 * @category models
 * @since 0.1.0
 */
export type DeliveryEvent = Data.TaggedEnum<{
  AttemptStarted: {
    readonly messageId: string | undefined
    readonly recipients: ReadonlyArray<string>
    readonly attempt: number
  }
  AttemptEnded: {
    readonly messageId: string | undefined
    readonly outcomes: ReadonlyArray<Outcome>
    readonly attempt: number
  }
  Deferred: Subject & { readonly failure: Failure; readonly after: Duration.Duration; readonly because: Because }
  Warned: Subject & { readonly failure: Failure }
  Held: Subject & { readonly failure: Failure }
  GaveUp: Subject & { readonly failure: Failure; readonly atEnd: AtEnd }
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

const event = Data.taggedEnum<DeliveryEvent>()

/**
 * Makes an event of each kind.
 *
 * @category constructors
 * @since 0.1.0
 */
export const {
  AttemptEnded: attemptEnded,
  AttemptStarted: attemptStarted,
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
 * Whether a value of `DeliveryEvent` is of a kind, such as `DeliveryEvent.is("GaveUp")`: for filters.
 *
 * @category guards
 * @since 0.1.0
 */
export const is = event.$is

/**
 * The event that tells of a decision about recipients after this failure.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromDecision = (subject: Subject, failure: Failure, decision: Decision): DeliveryEvent => {
  switch (decision._tag) {
    case "Retry":
      return deferred({ ...subject, failure, after: decision.after, because: decision.because })
    case "Hold":
      return held({ ...subject, failure: decision.failure })
    case "GiveUp":
      return gaveUp({ ...subject, failure: decision.failure, atEnd: decision.atEnd })
  }
}

/**
 * Who is told; nobody by default. It is called in the fiber in which the event happens, so it should be quick.
 *
 * @category services
 * @since 0.1.0
 */
export const Observer = Context.Reference<(event: DeliveryEvent) => Effect.Effect<void>>(
  "@effect-mail/policy/Observer",
  { defaultValue: () => () => Effect.void }
)

/**
 * Counts an event in the metrics and tells the observer.
 *
 * @category running
 * @since 0.1.0
 */
export const publish = (event: DeliveryEvent): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    Metrics.countUnsafe(event, fiber.context)
    return fiber.getRef(Observer)(event)
  })

/**
 * How many events a hub keeps for its slowest reader.
 *
 * @category models
 * @since 0.1.0
 */
export interface HubOptions {
  /** Default: 1024. */
  readonly capacity?: number | undefined
}

/**
 * An observer that passes every event on, and the stream of what it was told. Each reader of the stream sees what happens
 * after it began to read; a slow one loses the oldest events beyond `capacity` and never slows down a delivery. The stream
 * ends with the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const hub = Effect.fnUntraced(function* (options: HubOptions = {}): Effect.fn.Return<
  {
    readonly observer: (event: DeliveryEvent) => Effect.Effect<void>
    readonly events: Stream.Stream<DeliveryEvent>
  },
  never,
  Scope.Scope
> {
  const pubsub = yield* Effect.acquireRelease(PubSub.sliding<DeliveryEvent>(options.capacity ?? 1024), PubSub.shutdown)
  return {
    observer: (event) => Effect.asVoid(PubSub.publish(pubsub, event)),
    events: Stream.fromPubSub(pubsub)
  }
})

/**
 * The stream of everything that happens where `layer` is provided.
 *
 * @category services
 * @since 0.1.0
 */
export class Events extends Context.Service<Events, Stream.Stream<DeliveryEvent>>()("@effect-mail/policy/Events") {}

/**
 * A hub for an application: `Events` for whoever reads, and the `Observer` for everything that happens. Provide it below the
 * mailer, so that the mailer's throttle tells it, too: `Layer.provideMerge(mailer, DeliveryEvent.layer())`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: HubOptions): Layer.Layer<Events> =>
  Layer.effectContext(
    Effect.map(hub(options), ({ events, observer }) =>
      Context.make(Events, events).pipe(Context.add(Observer, observer))
    )
  )

/**
 * The events of the `Events` that are provided, as they happen.
 *
 * @category streams
 * @since 0.1.0
 */
export const stream: Stream.Stream<DeliveryEvent, never, Events> = Stream.unwrap(Effect.map(Events, (events) => events))
