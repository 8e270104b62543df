/**
 * The kinds of failure that a policy answers with a schedule. A permanent failure has no kind: no schedule answers it.
 *
 * @since 0.1.0
 */
import type { TempFailure, Unreachable } from "@effect-mail/protocol/Failure"

/**
 * A failure that is not permanent.
 *
 * @category models
 * @since 0.1.0
 */
export type Soft = TempFailure | Unreachable

/**
 * What a schedule answers:
 *
 * - `temp`: a server said "not now".
 * - `unreachable`: no server gave a verdict.
 * - `uncertain`: the connection was lost after the last byte of the message, so it may have been delivered (CLASS-52).
 * - `untried`: nothing was tried, because of this machine (CLASS-14), or because every host is resting or a limit was
 *   reached (CLASS-15). It is not an attempt: it brings neither the end of the retries nor longer waits nearer.
 *
 * @category models
 * @since 0.1.0
 */
export type Kind = "temp" | "unreachable" | "uncertain" | "untried"

/**
 * The kind of a failure that is not permanent.
 *
 * @category getters
 * @since 0.1.0
 */
export const of = (failure: Soft): Kind => {
  if (failure._tag === "TempFailure" && failure.uncertain) return "uncertain"
  if (isUntried(failure)) return "untried"
  return failure._tag === "TempFailure" ? "temp" : "unreachable"
}

// Breakers and limits answer at the stage "policy". Who stands before one of them and has no stage of its own to tell
// says "no answer from a host" (4.4.1) without naming a host, and asks for the schedule (CLASS-15).
const isUntried = (failure: Soft): boolean =>
  failure.scope === "local" ||
  failure.stage === "policy" ||
  (failure._tag === "Unreachable" &&
    failure.enhanced === "4.4.1" &&
    failure.next === "later" &&
    failure.host === undefined &&
    failure.address === undefined)
