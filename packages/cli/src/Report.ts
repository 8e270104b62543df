/**
 * What became of a message, for people and for programs.
 *
 * @since 0.1.0
 */
import type { DeliveryEvent } from "@effect-mail/policy/DeliveryEvent"
import * as Receipt from "@effect-mail/protocol/Receipt"
import * as Duration from "effect/Duration"

type Deferred = Extract<DeliveryEvent, { readonly _tag: "Deferred" }>

/**
 * One line of JSON for a recipient; what does not apply is null.
 *
 * @category formatting
 * @since 0.1.0
 */
export const json = (outcome: Receipt.Outcome): string => {
  const { recipient, attempts } = outcome
  const word = Receipt.outcomeWord(outcome)
  const details =
    outcome._tag === "Delivered"
      ? { stage: "data-end", code: outcome.code, enhanced: outcome.enhanced, text: outcome.text, host: outcome.host }
      : {
          stage: outcome.failure.stage,
          code: outcome.failure.code,
          enhanced: outcome.failure.enhanced,
          text: outcome.failure.reason,
          host: outcome.failure.host
        }
  return JSON.stringify({
    recipient,
    outcome: word,
    stage: details.stage,
    code: details.code ?? null,
    enhanced: details.enhanced ?? null,
    text: details.text,
    host: details.host ?? null,
    attempts
  })
}

const words = {
  delivered: "delivered",
  temp: "refused for now",
  perm: "refused",
  unreachable: "unreachable",
  uncertain: "maybe delivered, because the answer to the message never came"
} as const

/**
 * One line for a recipient, for people.
 *
 * @category formatting
 * @since 0.1.0
 */
export const line = (outcome: Receipt.Outcome): string => {
  const word = words[Receipt.outcomeWord(outcome)]
  const said =
    outcome._tag === "Delivered"
      ? `${outcome.host ?? "the server"} answered ${outcome.code} ${outcome.text}`.trimEnd()
      : outcome.failure.message
  const tls = outcome._tag === "Delivered" && outcome.tls !== undefined ? ` (${outcome.tls.protocol})` : ""
  const tries = outcome.attempts > 1 ? ` after ${outcome.attempts} attempts` : ""
  return `${outcome.recipient}: ${word}${tries}: ${said}${tls}`
}

/**
 * One line for recipients that are tried again, for people.
 *
 * @category formatting
 * @since 0.1.0
 */
export const waiting = ({ after, failure, recipients }: Deferred): string => {
  const seconds = Duration.seconds(Math.ceil(Duration.toSeconds(after)))
  return `${recipients.join(", ")}: next attempt in ${Duration.format(seconds)}: ${failure.message}`
}
