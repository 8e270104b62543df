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

/**
 * An attempt for these recipients begins; `attempt` counts from 1.
 *
 * @category models
 * @since 0.1.0
 */
export interface AttemptStarted {
  readonly _tag: "AttemptStarted"
  readonly recipients: ReadonlyArray<string>
  readonly attempt: number
}

/**
 * An attempt has ended, with one outcome for each of its recipients.
 *
 * @category models
 * @since 0.1.0
 */
export interface AttemptEnded {
  readonly _tag: "AttemptEnded"
  readonly outcomes: ReadonlyArray<Outcome>
  readonly attempt: number
}

/**
 * The policy decided to try these recipients again after a while.
 *
 * @category models
 * @since 0.1.0
 */
export interface Waiting {
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
