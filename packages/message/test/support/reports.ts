/** Reports as hosts send them. */
import { bytes } from "./texts.ts"

interface Options {
  readonly kind?: string
  readonly statusType?: string
  readonly encoding?: string
  readonly original?: ReadonlyArray<string>
  readonly originalType?: string
  readonly lineEnd?: string
}

/** A multipart/report with the lines of its machine-readable part. */
export const report = (status: ReadonlyArray<string>, options: Options = {}): Uint8Array =>
  bytes(
    [
      "From: MAILER-DAEMON@relay.example.net",
      "To: ada@example.com",
      "Subject: Undelivered",
      "MIME-Version: 1.0",
      `Content-Type: multipart/report;${options.kind ?? " report-type=delivery-status;"} boundary="b1"`,
      "",
      "--b1",
      "Content-Type: text/plain",
      "",
      "It could not be delivered.",
      "--b1",
      `Content-Type: ${options.statusType ?? "message/delivery-status"}`,
      ...(options.encoding === undefined ? [] : [`Content-Transfer-Encoding: ${options.encoding}`]),
      "",
      ...status,
      "--b1",
      `Content-Type: ${options.originalType ?? "text/rfc822-headers"}`,
      "",
      ...(options.original ?? ["Message-ID: <1@example.com>", "Subject: a", " b"]),
      "--b1--",
      ""
    ].join(options.lineEnd ?? "\r\n")
  )

/** V-110. */
export const twoRecipients = [
  "Reporting-MTA: dns; relay.example.net",
  "Original-Envelope-Id: QQ+314",
  "Arrival-Date: Fri, 01 Nov 2024 10:00:00 +0000",
  "",
  "Original-Recipient: rfc822;a+2Bb@example.org",
  "Final-Recipient: rfc822; ab@example.org",
  "Action: failed",
  "Status: 5.1.1",
  "Remote-MTA: dns; mx.example.org",
  "Diagnostic-Code: smtp; 550 5.1.1 <ab@example.org>:",
  " user unknown",
  "",
  "Final-Recipient: rfc822; c@example.org",
  "Action: delayed",
  "Status: 4.4.1",
  "Will-Retry-Until: Wed, 06 Nov 2024 10:00:00 +0000",
  ""
]
