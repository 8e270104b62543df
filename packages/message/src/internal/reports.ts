/** From the fields of a report's machine-readable part to its value; nothing when what makes it a report is missing. */
import * as EnhancedStatus from "@effect-mail/protocol/EnhancedStatus"
import * as Arr from "effect/Array"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as AddressList from "../AddressList.ts"
import * as DeliveryStatus from "../DeliveryStatus.ts"
import type { DispositionNotification } from "../DispositionNotification.ts"
import type { FeedbackReport } from "../FeedbackReport.ts"
import type { OriginalMessage } from "../OriginalMessage.ts"
import type { Block } from "./fieldBlocks.ts"
import * as Blocks from "./fieldBlocks.ts"
import * as Values from "./reportValues.ts"

type Original = OriginalMessage | undefined

const isAction = Schema.is(DeliveryStatus.Action)

const byClass = { success: "delivered", transient: "delayed", permanent: "failed" } as const

// The action decides; a host that names none, or one of its own, has at least given a status (DSN-024).
const actionOf = (text: string | undefined, status: string | undefined): DeliveryStatus.Action | undefined => {
  const action = Values.word(text)
  if (isAction(action)) return action
  return status === undefined ? undefined : byClass[EnhancedStatus.classOf(status)]
}

// Some hosts return nothing of the message and name it beside its other fields.
const named = (messageId: string | undefined): Original =>
  messageId === undefined ? undefined : { messageId, headers: [], bounce: false }

const recipientOf = (block: Block): DeliveryStatus.Recipient | undefined => {
  const get = (name: string) => Blocks.value(block, name)
  const finalRecipient = Values.recipient(get("final-recipient") ?? get("original-recipient"))
  const status = Values.status(get("status"))
  const action = actionOf(get("action"), status)
  return finalRecipient === undefined || action === undefined
    ? undefined
    : {
        finalRecipient,
        action,
        ...Values.defined({
          originalRecipient: Values.originalRecipient(get("original-recipient")),
          status,
          remoteMta: Values.typed(get("remote-mta"), "dns"),
          diagnostic: Values.typed(get("diagnostic-code"), "smtp"),
          lastAttempt: Values.date(get("last-attempt-date")),
          willRetryUntil: Values.date(get("will-retry-until")),
          finalLogId: get("final-log-id")
        })
      }
}

/** RFC 3464, and what is sent in its name (DSN-026). */
export const deliveryStatus = (
  blocks: ReadonlyArray<Block>,
  original: Original
): DeliveryStatus.DeliveryStatus | undefined => {
  const recipients = blocks.map(recipientOf).filter((recipient) => recipient !== undefined)
  // Some hosts forget the empty line after the fields of the message.
  const get = (name: string) => Blocks.value(blocks[0] ?? [], name)
  return Arr.isReadonlyArrayNonEmpty(recipients)
    ? {
        _tag: "DeliveryStatus",
        recipients,
        ...Values.defined({
          reportingMta: Values.typed(get("reporting-mta"), "dns"),
          envelopeId: get("original-envelope-id"),
          gateway: Values.typed(get("dsn-gateway"), "dns"),
          receivedFrom: Values.typed(get("received-from-mta"), "dns"),
          arrival: Values.date(get("arrival-date")),
          original: original ?? named(get("x-original-message-id"))
        })
      }
    : undefined
}

/** The header field that some hosts, Exim first of all, put on bounces that are nothing but text. */
export const failedRecipients = (value: string, original: Original): DeliveryStatus.DeliveryStatus | undefined => {
  const list = Result.getOrElse(AddressList.parse(value, "X-Failed-Recipients"), () => [])
  const recipients = AddressList.mailboxes(list).map(({ address }): DeliveryStatus.Recipient => ({
    finalRecipient: { type: "rfc822", value: address },
    action: "failed"
  }))
  return Arr.isReadonlyArrayNonEmpty(recipients)
    ? { _tag: "DeliveryStatus", recipients, ...Values.defined({ original }) }
    : undefined
}

const countOf = (text: string | undefined): number => (/^\d{1,9}$/.test(text ?? "") ? Number(text) : 1)

/** RFC 5965. */
export const feedbackReport = (blocks: ReadonlyArray<Block>, original: Original): FeedbackReport | undefined => {
  const block = blocks.flat()
  const get = (name: string) => Blocks.value(block, name)
  const feedbackType = Values.word(get("feedback-type"))
  const mailFrom = get("original-mail-from")
  return feedbackType === ""
    ? undefined
    : {
        _tag: "FeedbackReport",
        feedbackType,
        recipients: Blocks.values(block, "original-rcpt-to").map(Values.bare),
        reportedDomains: Blocks.values(block, "reported-domain"),
        reportedUris: Blocks.values(block, "reported-uri"),
        incidents: countOf(get("incidents")),
        ...Values.defined({
          userAgent: get("user-agent"),
          version: get("version"),
          mailFrom: mailFrom === undefined ? undefined : Values.bare(mailFrom),
          sourceIp: get("source-ip"),
          arrival: Values.date(get("arrival-date") ?? get("received-date")),
          original
        })
      }
}

// `manual-action/MDN-sent-manually; displayed/error,expired`
const dispositionOf = (text: string) => {
  const [mode = "", what = ""] = text.toLowerCase().split(";")
  const [disposition = "", modifiers = ""] = what.split("/")
  return {
    manual: mode.includes("manual-action"),
    sentManually: mode.includes("mdn-sent-manually"),
    disposition: disposition.trim(),
    modifiers: modifiers
      .split(",")
      .map((modifier) => modifier.trim())
      .filter((modifier) => modifier !== "")
  }
}

/** RFC 8098. */
export const dispositionNotification = (
  blocks: ReadonlyArray<Block>,
  original: Original
): DispositionNotification | undefined => {
  const block = blocks.flat()
  const get = (name: string) => Blocks.value(block, name)
  const finalRecipient = Values.recipient(get("final-recipient"))
  const disposition = get("disposition")
  return finalRecipient === undefined || disposition === undefined
    ? undefined
    : {
        _tag: "DispositionNotification",
        finalRecipient,
        ...dispositionOf(disposition),
        errors: Blocks.values(block, "error"),
        ...Values.defined({
          reportingUa: get("reporting-ua"),
          originalRecipient: Values.originalRecipient(get("original-recipient")),
          originalMessageId: get("original-message-id"),
          original
        })
      }
}
