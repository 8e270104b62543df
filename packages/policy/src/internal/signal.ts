import type { Failure } from "@effect-mail/protocol/Failure"
import * as RetryHint from "../RetryHint.ts"

/**
 * What a failure says about the destination: that no session could be had (`down`), that it wants less from us (`slow`),
 * that somebody there is well and has answered about this one message (`well`), nothing but that mail does not get there,
 * because nobody knows the way (`lost`), or nothing at all, because it is our own (CLASS-14, CLASS-15).
 */
export type Signal = "down" | "slow" | "well" | "lost" | "ours"

export const signalOf = (failure: Failure): Signal => {
  if (failure.stage === "policy" || failure.scope === "local") return "ours"
  if (failure.stage === "route") return "lost"
  if (asksForLess(failure)) return "slow"
  return failure._tag !== "PermFailure" && isAboutSession(failure) ? "down" : "well"
}

// Before any mail is named, only a session can fail (CLASS-13, CLASS-16 to CLASS-25). A relay that does not accept our
// login is left alone like one that is down, before it locks us out (CLASS-31, CLASS-32).
const isAboutSession = (failure: Failure): boolean => failure.scope === "relay" || sessionStages.has(failure.stage)

const sessionStages: ReadonlySet<Failure["stage"]> = new Set(["connect", "greeting", "ehlo", "starttls", "tls"])

// A greylister asks one message to wait and not the whole flow, although it often says 4.7.1.
const asksForLess = (failure: Failure): boolean => {
  if (failure._tag !== "TempFailure" || failure.code === undefined) return false
  const text = failure.reason.slice(0, RetryHint.maxLength).toLowerCase()
  if (failure.code === 421 || pressing.some((words) => text.includes(words))) return true
  return failure.enhanced?.startsWith("4.7.") === true && !/gr[ae]y-?list/.test(text) && failure.stage !== "auth"
}

const pressing: ReadonlyArray<string> = [
  "rate limit",
  "rate-limit",
  "ratelimit",
  "too fast",
  "too quickly",
  "too many messages",
  "too many connections",
  "too much mail",
  "throttl",
  "slow down"
]
