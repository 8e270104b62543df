/** A delivery status as its machine-readable part (RFC 3464 section 2, RFC 6533 section 3). */
import type * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import type * as DeliveryStatus from "../DeliveryStatus.ts"
import * as Header from "../Header.ts"
import type * as MessageError from "../MessageError.ts"
import * as Part from "../Part.ts"
import { dateText, millisOf } from "./fields.ts"
import * as Utf8 from "./utf8.ts"

type Parsed<A> = Result.Result<A, MessageError.MessageError>

const words = (text: string): ReadonlyArray<string> => text.split(/[ \t]+/).filter((word) => word !== "")

const text = (name: string, value: string | undefined): Parsed<Header.Field> =>
  value === undefined ? Result.succeed("") : Header.structured(name, words(value))

const typed = (name: string, value: DeliveryStatus.Typed | undefined): Parsed<Header.Field> =>
  value === undefined ? Result.succeed("") : Header.structured(name, [`${value.type};`, ...words(value.value)])

const date = (name: string, value: DateTime.Utc | undefined): Parsed<Header.Field> =>
  value === undefined
    ? Result.succeed("")
    : Result.flatMap(dateText(millisOf(value)), (date) => Header.structured(name, [date]))

const messageBlock = (status: DeliveryStatus.DeliveryStatus): Parsed<string> =>
  Header.join([
    text("Original-Envelope-Id", status.envelopeId),
    typed("Reporting-MTA", status.reportingMta),
    typed("DSN-Gateway", status.gateway),
    typed("Received-From-MTA", status.receivedFrom),
    date("Arrival-Date", status.arrival)
  ])

const recipientBlock = (recipient: DeliveryStatus.Recipient): Parsed<string> =>
  Header.join([
    typed("Original-Recipient", recipient.originalRecipient),
    typed("Final-Recipient", recipient.finalRecipient),
    text("Action", recipient.action),
    text("Status", recipient.status),
    typed("Remote-MTA", recipient.remoteMta),
    typed("Diagnostic-Code", recipient.diagnostic),
    date("Last-Attempt-Date", recipient.lastAttempt),
    text("Final-Log-ID", recipient.finalLogId),
    date("Will-Retry-Until", recipient.willRetryUntil)
  ])

/** Fails with `control-character` when a value holds a line end. */
export const statusPart = (status: DeliveryStatus.DeliveryStatus): Parsed<Part.Leaf> =>
  Result.gen(function* () {
    const blocks = yield* Result.all([messageBlock(status), ...status.recipients.map(recipientBlock)])
    const all = blocks.join("\r\n")
    const fields = Utf8.isAscii(all)
      ? ["Content-Type: message/delivery-status\r\n"]
      : ["Content-Type: message/global-delivery-status\r\n", "Content-Transfer-Encoding: 8bit\r\n"]
    return { _tag: "Leaf", fields, content: Part.identity(all) } satisfies Part.Leaf
  })
