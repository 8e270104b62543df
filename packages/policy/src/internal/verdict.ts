import * as Failure from "@effect-mail/protocol/Failure"

/** What happened, without the word for it. */
export const detailsOf = (failure: Failure.Failure): Failure.Details => ({
  stage: failure.stage,
  scope: failure.scope,
  next: failure.next,
  reason: failure.reason,
  hint: failure.hint,
  code: failure.code,
  enhanced: failure.enhanced,
  lines: failure.lines,
  command: failure.command,
  host: failure.host,
  address: failure.address,
  port: failure.port,
  transcript: failure.transcript
})

/**
 * The same event as a permanent verdict. What was about one host is now about the whole domain, because a permanent
 * verdict about one host only sends the mail on to the next (CLASS-18).
 */
export const permanent = (failure: Failure.Failure, hint: string): Failure.PermFailure =>
  Failure.perm({
    ...detailsOf(failure),
    hint,
    scope: failure.scope === "host" ? "domain" : failure.scope,
    next: "never"
  })

/** The end of the retries, with the last real error in it (CLASS-64). */
export const expired = (last: Failure.Failure, because: string, maybeDelivered: boolean): Failure.PermFailure =>
  Failure.perm({
    ...detailsOf(last),
    stage: "policy",
    scope: "recipient",
    next: "never",
    code: undefined,
    enhanced: "5.4.7",
    reason: `gave up ${because}; the last error was: ${said(last)}`,
    hint: [last.hint, maybeDelivered ? copies : undefined].filter((hint) => hint !== undefined).join(". ") || undefined
  })

const copies = "It may have been delivered all the same: the connection was lost after its last byte"

const said = (failure: Failure.Failure): string => {
  const status = failure.enhanced !== undefined && failure.code !== undefined ? ` ${failure.enhanced}` : ""
  return failure.code === undefined ? failure.reason : `${failure.code}${status} ${failure.reason}`.trimEnd()
}
