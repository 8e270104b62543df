/**
 * What follows from a failure. A decision is only said here; waiting, queueing and bouncing are done by whoever asked.
 *
 * @since 0.1.0
 */
import type { Failure } from "@effect-mail/protocol/Failure"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"

/**
 * What follows from a failure.
 *
 * - `Retry`: try again `after` the time of the decision.
 * - `GiveUp`: never try again. `failure` is what to report: a permanent verdict, the expiry with the last real error in it
 *   (CLASS-64), or, when the policy never retries, the failure as it came. It is an `uncertain` `TempFailure` when the
 *   message may have been delivered and the policy does not risk a second copy (CLASS-52).
 * - `Hold`: keep the message and let a person decide, because it may have been delivered (CLASS-52).
 *
 * @category models
 * @since 0.1.0
 */
export type Decision = Data.TaggedEnum<{
  Retry: { readonly after: Duration.Duration }
  GiveUp: { readonly failure: Failure }
  Hold: { readonly failure: Failure }
}>

/**
 * The decision to try again.
 *
 * @category models
 * @since 0.1.0
 */
export type Retry = Data.TaggedEnum.Value<Decision, "Retry">

/**
 * The decision never to try again.
 *
 * @category models
 * @since 0.1.0
 */
export type GiveUp = Data.TaggedEnum.Value<Decision, "GiveUp">

/**
 * The decision to leave it to a person.
 *
 * @category models
 * @since 0.1.0
 */
export type Hold = Data.TaggedEnum.Value<Decision, "Hold">

const decision = Data.taggedEnum<Decision>()

/**
 * Makes the decision to try again `after` this time.
 *
 * @category constructors
 * @since 0.1.0
 */
export const retry = (after: Duration.Duration): Decision => decision.Retry({ after })

/**
 * Makes the decision never to try again and to report `failure`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const giveUp = (failure: Failure): Decision => decision.GiveUp({ failure })

/**
 * Makes the decision to leave it to a person.
 *
 * @category constructors
 * @since 0.1.0
 */
export const hold = (failure: Failure): Decision => decision.Hold({ failure })

/**
 * Handles each of the three decisions.
 *
 * @category pattern matching
 * @since 0.1.0
 */
export const match = decision.$match
