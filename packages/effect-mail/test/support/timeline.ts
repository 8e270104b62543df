/** Sends under the test clock and writes down what happens when. */
import { Delivery, DeliveryEvent, Failure, Mailer, Message, Policy, Receipt } from "effect-mail"
import { Clock, Duration, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"

export const minute = 60_000
export const hour = 60 * minute
export const day = 24 * hour

export const messageTo = (...to: ReadonlyArray<string>): Message.Composed =>
  Message.make({ from: "ada@sender.example", to, subject: "Hello", text: "Hello\n" })

export const greylisted = (words = "Not now") =>
  Failure.temp({ stage: "rcpt", scope: "recipient", next: "later", code: 451, enhanced: "4.7.1", reason: words })

export const unknownUser = Failure.perm({
  stage: "rcpt",
  scope: "recipient",
  next: "never",
  code: 550,
  enhanced: "5.1.1",
  reason: "No such mailbox"
})

export const nobodyThere = Failure.unreachable({
  stage: "connect",
  scope: "host",
  next: "address",
  enhanced: "4.4.1",
  reason: "connection refused",
  host: "mx.inbox.example"
})

export const lostAfterDot = Failure.temp({
  stage: "data-end",
  scope: "message",
  next: "later",
  enhanced: "4.4.2",
  reason: "the connection was lost",
  uncertain: true
})

/** Fails the first `count` attempts of everybody. */
export const failing =
  (count: number, failure: Failure.Failure = greylisted()) =>
  (_: string, attempt: number): Failure.Failure | undefined =>
    attempt <= count ? failure : undefined

/** `recipient word attempts status`, for each outcome. */
export const summary = (receipt: Receipt.Receipt): ReadonlyArray<string> =>
  receipt.outcomes.map((outcome) => {
    const { enhanced } = outcome._tag === "Delivered" ? outcome : outcome.failure
    return `${outcome.recipient} ${Receipt.outcomeWord(outcome)} ${outcome.attempts} ${enhanced}`
  })

export interface Timeline {
  readonly receipt: Receipt.Receipt
  readonly events: ReadonlyArray<DeliveryEvent.DeliveryEvent>
  /** When each attempt began, in milliseconds, and for whom. */
  readonly attempts: ReadonlyArray<readonly [at: number, recipients: string]>
}

/** Delivers a message under a policy, for as long as it takes. */
export const deliver = (message: Message.Message, policy: Policy.Policy, layer: Layer.Layer<Mailer.Mailer>) =>
  Effect.gen(function* () {
    const events: Array<DeliveryEvent.DeliveryEvent> = []
    const attempts: Array<readonly [number, string]> = []
    const observer = (event: DeliveryEvent.DeliveryEvent) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        events.push(event)
        if (event._tag === "AttemptStarted") attempts.push([now, event.recipients.join(" ")])
      })
    const sending = yield* Effect.forkChild(
      Mailer.deliver(message).pipe(
        Effect.provide(layer),
        Effect.provideService(Policy.CurrentPolicy, policy),
        Effect.provideService(DeliveryEvent.Observer, observer)
      )
    )
    yield* TestClock.adjust(Duration.days(6))
    const receipt = yield* Fiber.join(sending)
    return { receipt, events, attempts } satisfies Timeline
  })

type Decide = (recipient: string, attempt: number) => Failure.Failure | undefined

/** A mailer that has one destination for all domains, as through a relay. */
export const layerRelay = (decide: Decide): Layer.Layer<Mailer.Mailer> =>
  Mailer.layer.pipe(
    Layer.provide(
      Layer.effect(
        Delivery.Delivery,
        Effect.map(Delivery.Delivery, ({ attempt }) => ({ attempt, split: (parcel) => [parcel] }))
      )
    ),
    Layer.provide(Delivery.layerTest(decide))
  )
