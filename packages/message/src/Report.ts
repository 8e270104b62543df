/**
 * Messages that come back: delivery status notifications (RFC 3464), feedback reports (RFC 5965) and disposition
 * notifications (RFC 8098) as typed values. They are found by their machine-readable part, wherever in the message it
 * stands and however it is encoded, or by the header field in which some hosts name who did not get the message. A bounce that is
 * nothing but text is no report, and nobody guesses what it means (DSN-034).
 *
 * MIME is taken apart by postal-mime, within limits: nothing here trusts what it reads.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import PostalMime from "postal-mime"
import type { DeliveryStatus } from "./DeliveryStatus.ts"
import type { DispositionNotification } from "./DispositionNotification.ts"
import type { FeedbackReport } from "./FeedbackReport.ts"
import * as Blocks from "./internal/fieldBlocks.ts"
import * as Bytes from "./internal/bytes.ts"
import * as Original from "./internal/originalMessage.ts"
import * as Reports from "./internal/reports.ts"
import * as Utf8 from "./internal/utf8.ts"

/**
 * What can come back; match on `_tag`.
 *
 * @category models
 * @since 0.1.0
 */
export type Report = DeliveryStatus | FeedbackReport | DispositionNotification

/**
 * A message cannot be read as a report.
 *
 * @category errors
 * @since 0.1.0
 */
export class ReportError extends Schema.TaggedError<ReportError>("@effect-mail/message/ReportError")("ReportError", {
  /**
   * `not-a-report`: there is no machine-readable part; `malformed`: there is one, without the fields that make it a
   * report; `too-large`: the message exceeds a limit.
   */
  reason: Schema.Literals(["not-a-report", "malformed", "too-large"]),
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

const fail = (reason: ReportError["reason"], detail: string) => Effect.fail(new ReportError({ reason, detail }))

interface Part {
  readonly type: string
  readonly content: Uint8Array
}

const bytesOf = (content: ArrayBuffer | Uint8Array | string): Uint8Array => {
  if (typeof content === "string") return Utf8.encode(content)
  return content instanceof Uint8Array ? content : new Uint8Array(content)
}

const maxHeaders = 1024 * 1024
const maxDepth = 32

interface Taken {
  readonly parts: ReadonlyArray<Part>
  /** The value of X-Failed-Recipients. */
  readonly failed: string | undefined
}

const take = (bytes: Uint8Array): Effect.Effect<Taken, ReportError> =>
  Effect.tryPromise({
    try: () =>
      PostalMime.parse(bytes, {
        forceRfc822Attachments: true,
        maxHeadersSize: maxHeaders,
        maxNestingDepth: maxDepth
      }),
    catch: (error) =>
      new ReportError({ reason: "too-large", detail: error instanceof Error ? error.message : String(error) })
  }).pipe(
    Effect.map(({ attachments, headers }) => ({
      parts: attachments.map(({ content, mimeType }) => ({ type: mimeType.toLowerCase(), content: bytesOf(content) })),
      failed: headers.find(({ key }) => key === "x-failed-recipients")?.value
    }))
  )

const readers = new Map<
  string,
  (blocks: ReadonlyArray<Blocks.Block>, original: Report["original"]) => Report | undefined
>([
  ["message/delivery-status", Reports.deliveryStatus],
  ["message/global-delivery-status", Reports.deliveryStatus],
  ["message/feedback-report", Reports.feedbackReport],
  ["message/disposition-notification", Reports.dispositionNotification],
  ["message/global-disposition-notification", Reports.dispositionNotification]
])

const originalTypes: ReadonlySet<string> = new Set([
  "message/rfc822",
  "message/global",
  "text/rfc822-headers",
  "message/rfc822-headers",
  "message/global-headers"
])

const textOf = (bytes: Uint8Array): string => Utf8.decode(bytes) ?? Bytes.binary(bytes)

const maxOctets = 4 * 1024 * 1024
const maxLines = 100_000
const LF = 10

// What is read of a message: its end is the returned message, of which the header is enough.
const readLength = (bytes: Uint8Array): number => {
  const limit = Math.min(bytes.length, maxOctets)
  let lines = 0
  for (let i = 0; i < limit; i++) if (bytes[i] === LF && ++lines === maxLines) return i + 1
  return limit
}

const noReport = (whole: boolean) =>
  whole
    ? fail("not-a-report", "No part of the message is a report for programs")
    : fail("too-large", `There is no whole report within the first ${maxLines} lines or ${maxOctets} octets`)

/**
 * Reads a message that may be a report, in bytes with line ends of any kind. Of a large one the first 4 MiB and 100 000 lines
 * are read, which is everything but the end of the returned message.
 *
 * Fails with `not-a-report` when there is no machine-readable part or field (most bounces of hosts that follow no standard), with
 * `malformed` when there is one that names no recipient, and with `too-large` when it does not end within these limits.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = Effect.fnUntraced(function* (bytes: Uint8Array): Effect.fn.Return<Report, ReportError> {
  const length = readLength(bytes)
  const whole = length === bytes.length
  const { failed, parts } = yield* take(bytes.subarray(0, length))
  const at = parts.findIndex(({ type }) => readers.has(type))
  const returned = parts.slice(at + 1).find(({ type }) => originalTypes.has(type))
  const original = returned === undefined ? undefined : Original.read(returned.content)
  const part = parts[at]
  const named = failed === undefined || part !== undefined ? undefined : Reports.failedRecipients(failed, original)
  if (named !== undefined) return named
  if (part === undefined || (!whole && at === parts.length - 1)) return yield* noReport(whole)
  const report = readers.get(part.type)?.(Blocks.parse(textOf(part.content)), original)
  return report ?? (yield* fail("malformed", `The part ${part.type} lacks the fields that make it a report`))
})

/**
 * Whether a report is about a message that was a bounce itself. Answering it would start a loop; a queue drops it.
 *
 * @category guards
 * @since 0.1.0
 */
export const isAboutBounce = (self: Report): boolean => self.original?.bounce === true
