/**
 * Bounces: messages that tell a sender, in words and as a delivery status notification (RFC 3464), what became of a
 * message. A bounce has the null reverse-path and says that a program wrote it, and there is none for a message that has
 * the null reverse-path itself: two mail systems never answer each other (RFC 5321 section 6.1, RFC 3834).
 *
 * @since 0.1.0
 */
import type * as Envelope from "@effect-mail/protocol/Envelope"
import type * as Failure from "@effect-mail/protocol/Failure"
import type { NonEmptyReadonlyArray } from "effect/Array"
import type * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type * as AddressList from "./AddressList.ts"
import type * as DeliveryStatus from "./DeliveryStatus.ts"
import { withAmbient } from "./internal/ambient.ts"
import * as Bytes from "./internal/bytes.ts"
import { bounceText } from "./internal/bounceText.ts"
import { compose as composeParcel } from "./internal/compose.ts"
import { returned } from "./internal/returned.ts"
import { statusPart } from "./internal/statusPart.ts"
import * as Message from "./Message.ts"
import * as MessageError from "./MessageError.ts"
import type * as Parcel from "./Parcel.ts"
import * as Part from "./Part.ts"

/**
 * What a bounce says.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The host that reports, as a domain name. */
  readonly reportingMta: string
  /** The message, with its envelope: the bounce goes to its reverse-path. */
  readonly original: Parcel.Parcel
  /** What became of it at each recipient that is reported; see `recipient`. */
  readonly recipients: NonEmptyReadonlyArray<DeliveryStatus.Recipient>
  /** When the message came to the host. */
  readonly arrival?: DateTime.Utc | undefined
  /** Who writes; `MAILER-DAEMON` of the host by default. */
  readonly from?: AddressList.Input | undefined
  readonly subject?: string | undefined
  /** The words for people; by default they name each recipient and quote what its server said. */
  readonly text?: string | undefined
  /**
   * How much of the message goes back: what the envelope's RET asks for, else its header. A message that is streamed, is
   * binary or must only travel over TLS always gives its header alone (RFC 3461 section 6.2, RFC 8689 section 5).
   */
  readonly returns?: "full" | "headers" | undefined
}

const typeOf = (address: string): string => (/^[\0-\x7f]*$/.test(address) ? "rfc822" : "utf-8")

const diagnosticOf = ({ code, lines, reason }: Failure.Failure): DeliveryStatus.Typed => {
  const said = lines.length === 0 ? reason : lines.join(" ")
  return code === undefined ? { type: "x-local", value: reason } : { type: "smtp", value: `${code} ${said}` }
}

/**
 * What a failure means for a recipient: `failed` when it was given up, which is the default, or `delayed` when it is tried
 * again, until `willRetryUntil` if that is known. The status is the failure's, else 5.0.0 or, when time ran out, 4.0.0 (DSN-028).
 *
 * @category constructors
 * @since 0.1.0
 */
export const recipient = (
  recipient: Envelope.Recipient,
  failure: Failure.Failure,
  options?: {
    readonly action?: "failed" | "delayed" | undefined
    readonly willRetryUntil?: DateTime.Utc | undefined
    readonly lastAttempt?: DateTime.Utc | undefined
  }
): DeliveryStatus.Recipient => {
  const { address, originalRecipient: original } = recipient
  return {
    finalRecipient: { type: typeOf(address), value: address },
    ...(original === undefined ? {} : { originalRecipient: { type: original.type, value: original.address } }),
    action: options?.action ?? "failed",
    status: failure.enhanced ?? (failure._tag === "PermFailure" ? "5.0.0" : "4.0.0"),
    ...(failure.host === undefined ? {} : { remoteMta: { type: "dns", value: failure.host } }),
    diagnostic: diagnosticOf(failure),
    ...(options?.lastAttempt === undefined ? {} : { lastAttempt: options.lastAttempt }),
    ...(options?.willRetryUntil === undefined ? {} : { willRetryUntil: options.willRetryUntil })
  }
}

const statusOf = ({ arrival, original, recipients, reportingMta }: Options): DeliveryStatus.DeliveryStatus => {
  const { envelopeId } = original.envelope.options
  return {
    _tag: "DeliveryStatus",
    reportingMta: { type: "dns", value: reportingMta },
    ...(envelopeId === undefined ? {} : { envelopeId }),
    ...(arrival === undefined ? {} : { arrival }),
    recipients
  }
}

const treeOf = (
  status: DeliveryStatus.DeliveryStatus,
  text: string,
  original: Part.Leaf
): Result.Result<Part.Part, MessageError.MessageError> =>
  Result.gen(function* () {
    const words = yield* Part.text("plain", text, "text")
    return Part.multipart("report", [words, yield* statusPart(status), original], [["report-type", "delivery-status"]])
  })

const subjectOf = (recipients: Options["recipients"]): string => {
  if (recipients.some(({ action }) => action === "failed")) return "Undelivered mail returned to sender"
  return recipients.some(({ action }) => action === "delayed") ? "Delayed mail (still being tried)" : "Delivery report"
}

const noBounce = () =>
  Effect.fail(
    MessageError.make("no-recipients", "the message has the null reverse-path and must not bounce", {
      field: "original",
      hint: "Drop it, or tell a postmaster"
    })
  )

const bytesOf = ({ bytes, stream }: Parcel.Body): Effect.Effect<Uint8Array, MessageError.MessageError> =>
  bytes === undefined
    ? Effect.map(Stream.runCollect(stream), (pieces) => Bytes.concat(Array.from(pieces)))
    : Effect.succeed(bytes)

const wantedOf = ({ original, returns }: Options): "full" | "headers" =>
  returns ?? (original.envelope.options.ret === "FULL" ? "full" : "headers")

/**
 * The bounce as a message, ready to be sent like any other. Date, Message-ID and boundary come from `Clock` and `Random`.
 *
 * Fails with `no-recipients` for a message with the null reverse-path (DSN-028), with `bad-address` when `reportingMta` is no
 * domain name, with `control-character` when a value holds a line end, and with the error of a body that cannot be read.
 *
 * @category constructors
 * @since 0.1.0
 */
export const compose = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Message.Eml, MessageError.MessageError> {
  const { from, original, recipients, reportingMta, subject, text } = options
  const { reversePath } = original.envelope
  if (reversePath === "") return yield* noBounce()
  const bounce = Message.make({
    from: from ?? { name: "Mail Delivery System", address: `MAILER-DAEMON@${reportingMta}` },
    to: reversePath,
    subject: subject ?? subjectOf(recipients),
    autoSubmitted: "auto-replied",
    references: original.messageId,
    envelope: { from: "", to: reversePath }
  })
  const leaf = yield* returned(original, wantedOf(options))
  const words = text ?? bounceText(reportingMta, recipients)
  const parcel = yield* withAmbient((ambient) =>
    composeParcel(bounce, () => treeOf(statusOf(options), words, leaf), ambient)
  )
  return Message.eml(yield* bytesOf(parcel.body), { envelope: { from: "", to: reversePath } })
})
