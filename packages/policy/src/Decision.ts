/**
 * What follows from a failure. A decision is only said here; waiting, queueing and bouncing are done by whoever asked.
 *
 * @since 0.1.0
 */
import type { Failure } from "@effect-mail/protocol/Failure"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import type { Kind } from "./Kind.ts"

/**
 * What is done with mail that is given up: tell the sender, tell the operator, keep the message for a person to decide, or
 * nothing. It is only said here and done by whoever asked; the failure stays in the message's record in any case.
 *
 * @category models
 * @since 0.1.0
 */
export type AtEnd = "bounce" | "alarm" | "hold" | "discard"

/**
 * What made a wait as long as it is: that nothing was tried yet (`new`), the schedule for a kind of failure, the server's
 * own words (`hint`, CLASS-40), or the end of the lifetime, at which the last attempt falls (`end`).
 *
 * @category models
 * @since 0.1.0
 */
export type Because = "new" | Kind | "hint" | "end"

/**
 * What follows from a failure.
 *
 * - `Retry`: try again `after` the time of the decision, which is that long `because` of something.
 * - `GiveUp`: never try again, and do what `atEnd` says. `failure` is what to report: a permanent verdict, the expiry with the last real error in it
 *   (CLASS-64), or, when the policy never retries, the failure as it came. It is an `uncertain` `TempFailure` when the
 *   message may have been delivered and the policy does not risk a second copy (CLASS-52).
 * - `Hold`: keep the message and let a person decide, because it may have been delivered (CLASS-52).
 *
 * @category models
 * @since 0.1.0
 */
export type Decision = Data.TaggedEnum<{
  Retry: { readonly after: Duration.Duration; readonly because: Because }
  GiveUp: { readonly failure: Failure; readonly atEnd: AtEnd }
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
 * Makes the decision to try again `after` this time, with what made it that long.
 *
 * @category constructors
 * @since 0.1.0
 */
export const retry = (after: Duration.Duration, because: Because): Decision => decision.Retry({ after, because })

/**
 * Makes the decision never to try again, to report `failure` and to do what `atEnd` says.
 *
 * @category constructors
 * @since 0.1.0
 */
export const giveUp = (failure: Failure, atEnd: AtEnd): Decision => decision.GiveUp({ failure, atEnd })

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
