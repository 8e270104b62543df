import type { Failure } from "@effect-mail/protocol/Failure"
import * as Kind from "../Kind.ts"

/**
 * What one destination has been through so far, as far as decisions depend on it. Failures where nothing was tried leave
 * no trace but the beginning of the lifetime (CLASS-14, CLASS-15).
 */
export interface Course {
  /** When the lifetime began, in milliseconds since the epoch. */
  readonly since: number | undefined
  /** How many attempts have failed. */
  readonly attempts: number
  /** The failure of the last real attempt. */
  readonly last: Failure | undefined
  /** Whether any attempt may have delivered the message. */
  readonly maybeDelivered: boolean
  /** The 5xx greetings in a row (CLASS-18). */
  readonly refusals: { readonly since: number; readonly count: number } | undefined
}

export const begin = (since: number | undefined): Course => ({
  since,
  attempts: 0,
  last: undefined,
  maybeDelivered: false,
  refusals: undefined
})

/** The course after a failure at `now`. */
export const after = (self: Course, failure: Failure, now: number): Course => {
  const since = self.since ?? now
  const kind = failure._tag === "PermFailure" ? undefined : Kind.of(failure)
  if (kind === "untried") return { ...self, since }
  return {
    since,
    attempts: self.attempts + 1,
    last: failure,
    maybeDelivered: self.maybeDelivered || kind === "uncertain",
    refusals: refusalsAfter(self.refusals, failure, now)
  }
}

// A host that cannot be reached does not contradict one that turned us away; every other answer does.
const refusalsAfter = (refusals: Course["refusals"], failure: Failure, now: number): Course["refusals"] => {
  if (isRefusal(failure)) return { since: refusals?.since ?? now, count: (refusals?.count ?? 0) + 1 }
  return failure._tag === "Unreachable" ? refusals : undefined
}

/** Whether a server turned every session away with a 5xx before any mail was named (CLASS-18, CLASS-22). */
export const isRefusal = (failure: Failure): boolean =>
  failure._tag === "TempFailure" &&
  (failure.stage === "greeting" || failure.stage === "ehlo") &&
  failure.code !== undefined &&
  failure.code >= 500 &&
  failure.code <= 599

/** How long the lifetime has lasted, in milliseconds; never negative, even when the clock went back. */
export const age = (self: Course, now: number): number => Math.max(0, now - (self.since ?? now))
