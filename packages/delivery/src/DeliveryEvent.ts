/**
 * What happens during a delivery, as it happens: for timelines, logs and metrics. Events describe; nothing depends on
 * anybody listening.
 *
 * @since 0.1.0
 */
import type { Outcome } from "@effect-mail/protocol/Receipt"
import type { Failure } from "@effect-mail/protocol/Failure"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

interface OfMessage {
  /** The Message-ID of the message it is about, with its angle brackets, when it has one. */
  readonly messageId: string | undefined
}

/**
 * An attempt for these recipients begins; `attempt` counts from 1.
 *
 * @category models
 * @since 0.1.0
 */
export interface AttemptStarted extends OfMessage {
  readonly _tag: "AttemptStarted"
  readonly recipients: ReadonlyArray<string>
  readonly attempt: number
}

/**
 * An attempt has ended, with one outcome for each of its recipients, in their order: what the servers said, before any
 * rule of the policy.
 *
 * @category models
 * @since 0.1.0
 */
export interface AttemptEnded extends OfMessage {
  readonly _tag: "AttemptEnded"
  readonly outcomes: ReadonlyArray<Outcome>
  readonly attempt: number
}

/**
 * The policy decided to try these recipients again after a while. When they failed in different ways, `failure` is the
 * one that weighs most (`Failure.combine`).
 *
 * @category models
 * @since 0.1.0
 */
export interface Waiting extends OfMessage {
  readonly _tag: "Waiting"
  readonly recipients: ReadonlyArray<string>
  readonly failure: Failure
  readonly after: Duration.Duration
}

/**
 * What happens during a delivery.
 *
 * @category models
 * @since 0.1.0
 */
export type DeliveryEvent = AttemptStarted | AttemptEnded | Waiting

/**
 * Who is told about deliveries; nobody by default. It is called in the delivery's own fiber, so it should be quick.
 *
 * @category services
 * @since 0.1.0
 */
export const Observer = Context.Reference<(event: DeliveryEvent) => Effect.Effect<void>>(
  "@effect-mail/delivery/Observer",
  { defaultValue: () => () => Effect.void }
)
