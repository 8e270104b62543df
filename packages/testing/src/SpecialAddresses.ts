/**
 * Recipients whose local part says what becomes of them, for tests that want every outcome without a script:
 *
 * | local part  | what the server does                                        |
 * | ----------- | ----------------------------------------------------------- |
 * | `accept`    | takes the message, as it does for every other local part    |
 * | `temp`      | answers RCPT with 450                                       |
 * | `perm`      | answers RCPT with 550                                       |
 * | `greylist`  | answers the first RCPT with 451, later ones with 250        |
 * | `full`      | answers RCPT with 452 and 4.2.2                             |
 * | `slow`      | takes a minute for the answer to RCPT, by the `Clock`       |
 * | `refused`   | takes the recipient and answers the message with 554        |
 * | `later`     | takes the recipient and answers the message with 451        |
 *
 * A message with several recipients is refused when one of them asks for it.
 *
 * @since 0.1.0
 */
import * as Address from "@effect-mail/protocol/Address"
import * as Reply from "@effect-mail/protocol/Reply"
import type { Question } from "@effect-mail/protocol/ServerDialogue"
import * as Effect from "effect/Effect"
import type { Decide } from "./MailServer.ts"

const atRcpt: ReadonlyMap<string, Reply.Reply> = new Map([
  ["temp", Reply.make(450, "4.2.1 The mailbox is busy")],
  ["perm", Reply.make(550, "5.1.1 No such mailbox here")],
  ["full", Reply.make(452, "4.2.2 The mailbox is full")]
])

const atMessage: ReadonlyMap<string, Reply.Reply> = new Map([
  ["refused", Reply.make(554, "5.6.0 The message is not wanted")],
  ["later", Reply.make(451, "4.3.0 Not now")]
])

const greylisted = Reply.make(451, "4.7.1 Greylisted, please try again later")

const localPart = (recipient: Address.ForwardPath): string =>
  recipient === "postmaster" ? recipient : Address.localPart(recipient).toLowerCase()

/**
 * A decision for `MailServer` that follows the table; each one remembers on its own whom it has greylisted.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<Decide> = Effect.sync(() => {
  const seen = new Set<string>()
  const decide = (question: Question): Reply.Reply | undefined => {
    if (question._tag === "Rcpt") {
      const local = localPart(question.forwardPath)
      if (local !== "greylist" || seen.has(question.forwardPath)) return atRcpt.get(local)
      seen.add(question.forwardPath)
      return greylisted
    }
    if (question._tag !== "Message") return undefined
    const locals = question.transaction.recipients.map(({ forwardPath }) => localPart(forwardPath))
    return locals.flatMap((local) => atMessage.get(local) ?? [])[0]
  }
  return (question) =>
    Effect.delay(
      Effect.sync(() => decide(question)),
      isSlow(question) ? "1 minute" : 0
    )
})

const isSlow = (question: Question): boolean => question._tag === "Rcpt" && localPart(question.forwardPath) === "slow"
