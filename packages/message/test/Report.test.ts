import * as DeliveryStatus from "@effect-mail/message/DeliveryStatus"
import * as Report from "@effect-mail/message/Report"
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Schema } from "effect"
import { report, twoRecipients } from "./support/reports.ts"
import { Anything, bytes, join } from "./support/texts.ts"

const utc = (text: string) => DateTime.makeUnsafe(text)

const expected: DeliveryStatus.DeliveryStatus = {
  _tag: "DeliveryStatus",
  reportingMta: { type: "dns", value: "relay.example.net" },
  envelopeId: "QQ+314",
  arrival: utc("2024-11-01T10:00:00Z"),
  recipients: [
    {
      finalRecipient: { type: "rfc822", value: "ab@example.org" },
      originalRecipient: { type: "rfc822", value: "a+b@example.org" },
      action: "failed",
      status: "5.1.1",
      remoteMta: { type: "dns", value: "mx.example.org" },
      diagnostic: { type: "smtp", value: "550 5.1.1 <ab@example.org>: user unknown" }
    },
    {
      finalRecipient: { type: "rfc822", value: "c@example.org" },
      action: "delayed",
      status: "4.4.1",
      willRetryUntil: utc("2024-11-06T10:00:00Z")
    }
  ],
  original: {
    messageId: "<1@example.com>",
    headers: [
      ["message-id", "<1@example.com>"],
      ["subject", "a b"]
    ],
    bounce: false
  }
}

const status = (lines: ReadonlyArray<string>, options?: Parameters<typeof report>[1]) =>
  Effect.flatMap(Report.parse(report(lines, options)), (value) =>
    value._tag === "DeliveryStatus" ? Effect.succeed(value) : Effect.die(value)
  )

const recipient = (lines: ReadonlyArray<string>) =>
  Effect.map(status(["Reporting-MTA: dns; a.example", "", ...lines]), ({ recipients }) => recipients[0])

const minimal = ["Final-Recipient: rfc822; a@example.org", "Action: failed", "Status: 5.0.0"]

const refusal = (input: Uint8Array) => Effect.map(Effect.flip(Report.parse(input)), ({ reason }) => reason)

describe("a delivery status notification", () => {
  it.effect("V-110, DSN-020..024: is read with all that it says", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Report.parse(report(twoRecipients)), expected)
      assert.deepStrictEqual(DeliveryStatus.failed(expected).map(DeliveryStatus.addressOf), ["a+b@example.org"])
    })
  )

  it.effect("is a value of its schema, which can be stored", () =>
    Effect.gen(function* () {
      const codec = Schema.fromJsonString(Schema.toCodecJson(DeliveryStatus.DeliveryStatus))
      const stored = yield* Schema.encodeEffect(codec)(expected)
      assert.deepStrictEqual(yield* Schema.decodeEffect(codec)(stored), expected)
    })
  )

  it.effect("DSN-026: is the same with bare LF, without report-type, in base64, in quoted-printable, in mixed", () =>
    Effect.gen(function* () {
      const text = twoRecipients.join("\r\n")
      const base64 = Buffer.from(text).toString("base64")
      const quoted = text.replaceAll("=", "=3D").replaceAll("user", "us=\r\ner").split("\r\n")
      for (const input of [
        report(twoRecipients, { lineEnd: "\n" }),
        report(twoRecipients, { kind: "" }),
        report([base64], { encoding: "base64" }),
        report(quoted, { encoding: "quoted-printable" }),
        report(twoRecipients, { statusType: "Message/Delivery-Status; charset=utf-8" }),
        bytes(Buffer.from(report(twoRecipients)).toString().replace("multipart/report", "multipart/mixed"))
      ]) {
        assert.deepStrictEqual(yield* Report.parse(input), expected)
      }
    })
  )

  it.effect("DSN-025, DSN-026: takes fields as real hosts write them", () =>
    Effect.gen(function* () {
      const first = yield* recipient([
        "FINAL-RECIPIENT: RFC822;<a@example.org>",
        "Final-Recipient: rfc822; second@example.org",
        "ACTION: Failed (bounced)",
        "Status: 5.1.1 (user unknown)",
        "Diagnostic-Code: smtp;550 no space",
        "Remote-MTA: mx.example.org",
        "X-Unknown: kept out",
        "no field at all"
      ])
      assert.deepStrictEqual(first, {
        finalRecipient: { type: "rfc822", value: "a@example.org" },
        action: "failed",
        status: "5.1.1",
        diagnostic: { type: "smtp", value: "550 no space" },
        remoteMta: { type: "dns", value: "mx.example.org" }
      })
    })
  )

  it.effect("DSN-024: whose action is missing or strange follows from its status", () =>
    Effect.gen(function* () {
      for (const [code, action] of [
        ["5.1.1", "failed"],
        ["4.4.1", "delayed"],
        ["2.0.0", "delivered"]
      ]) {
        for (const line of ["X: y", "Action: bounced"]) {
          const { action: read } = yield* recipient(["Final-Recipient: rfc822; a@example.org", `Status: ${code}`, line])
          assert.strictEqual(read, action)
        }
      }
      const odd = yield* recipient(["Final-Recipient: rfc822; a@example.org", "Action: failed", "Status: 9.9"])
      assert.isUndefined(odd.status)
    })
  )

  it.effect("DSN-023: has the original recipient as ORCPT held it, encoded or not", () =>
    Effect.gen(function* () {
      for (const [given, read] of [
        ["rfc822;a+2Bb@example.org", "a+b@example.org"],
        ["rfc822;a+b@example.org", "a+b@example.org"],
        ["rfc822;a+41@example.org", "a+41@example.org"],
        ["rfc822;a+3Db@example.org", "a=b@example.org"],
        ["utf-8;\\x{FC}ber@example.org", "über@example.org"],
        ["utf-8;über@example.org", "über@example.org"]
      ]) {
        const { originalRecipient } = yield* recipient([...minimal, `Original-Recipient: ${given}`])
        assert.strictEqual(originalRecipient?.value, read)
      }
    })
  )

  it.effect("DSN-027: is read in its UTF-8 form", () =>
    Effect.gen(function* () {
      const value = yield* status(
        ["Reporting-MTA: dns; a.example", "", "Final-Recipient: utf-8; ü@example.org", "Action: failed"],
        {
          statusType: "message/global-delivery-status",
          originalType: "message/global-headers",
          original: ["Message-ID: <2@example.com>", "Subject: ü"]
        }
      )
      assert.deepStrictEqual(value.recipients[0].finalRecipient, { type: "utf-8", value: "ü@example.org" })
      assert.deepStrictEqual(value.original?.headers[1], ["subject", "ü"])
    })
  )

  it.effect("takes the fields of the message from the same block as those of a recipient", () =>
    Effect.gen(function* () {
      const value = yield* status(["Reporting-MTA: dns; a.example", ...minimal])
      assert.strictEqual(value.reportingMta?.value, "a.example")
      assert.strictEqual(value.recipients.length, 1)
    })
  )

  it.effect("leaves out dates that are none", () =>
    Effect.gen(function* () {
      const read = yield* recipient([...minimal, "Last-Attempt-Date: yesterday", "Final-Log-ID: 7"])
      assert.isUndefined(read.lastAttempt)
      assert.strictEqual(read.finalLogId, "7")
    })
  )

  it.effect("gives back the whole message or its header, or nothing of it", () =>
    Effect.gen(function* () {
      const whole = yield* status(minimal, {
        originalType: "message/rfc822",
        original: ["Message-ID: <3@example.com>", "Content-Type: text/plain", "", "text"]
      })
      assert.strictEqual(whole.original?.messageId, "<3@example.com>")
      const none = yield* status(minimal, { originalType: "text/plain" })
      assert.isUndefined(none.original)
      const odd = yield* status(minimal, { original: ["this is no header"] })
      assert.isUndefined(odd.original)
    })
  )

  it.effect("DSN-028: of a bounce is recognised", () =>
    Effect.gen(function* () {
      for (const header of [
        "Return-Path: <>",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=x",
        'Content-Type: multipart/report;\r\n boundary=x; Report-Type="delivery-status"'
      ]) {
        const value = yield* status(minimal, { originalType: "message/rfc822", original: [header, "", "x"] })
        assert.isTrue(Report.isAboutBounce(value), header)
      }
      for (const header of ["Return-Path: <a@example.com>", "Content-Type: text/plain"]) {
        assert.isFalse(Report.isAboutBounce(yield* status(minimal, { original: [header] })))
      }
      assert.isFalse(Report.isAboutBounce(yield* status(minimal, { originalType: "text/plain" })))
    })
  )
})

it.effect("DSN-032: a feedback report is read", () =>
  Effect.gen(function* () {
    const lines = [
      "Feedback-Type: abuse",
      "User-Agent: SomeGenerator/1.0",
      "Version: 1",
      "Original-Mail-From: <somespammer@example.net>",
      "Original-Rcpt-To: <user@example.com>",
      "Original-Rcpt-To: <other@example.com>",
      "Arrival-Date: Thu, 8 Mar 2005 14:00:00 -0500",
      "Source-IP: 192.0.2.1",
      "Reported-Domain: example.net",
      "Reported-Uri: http://example.net/earn_money.html",
      "Reported-Uri: mailto:user@example.com",
      "Incidents: 3"
    ]
    const kind = {
      kind: " report-type=feedback-report;",
      statusType: "message/feedback-report",
      originalType: "message/rfc822"
    }
    assert.deepStrictEqual(
      yield* Report.parse(report(lines, { ...kind, original: ["Message-ID: <4@example.com>", "", "x"] })),
      {
        _tag: "FeedbackReport",
        feedbackType: "abuse",
        userAgent: "SomeGenerator/1.0",
        version: "1",
        mailFrom: "somespammer@example.net",
        recipients: ["user@example.com", "other@example.com"],
        arrival: utc("2005-03-08T19:00:00Z"),
        sourceIp: "192.0.2.1",
        reportedDomains: ["example.net"],
        reportedUris: ["http://example.net/earn_money.html", "mailto:user@example.com"],
        incidents: 3,
        original: { messageId: "<4@example.com>", headers: [["message-id", "<4@example.com>"]], bounce: false }
      }
    )
    const least = yield* Report.parse(report(["Feedback-Type: not-spam"], kind))
    assert.deepStrictEqual([least._tag, "incidents" in least && least.incidents], ["FeedbackReport", 1])
    assert.strictEqual(yield* refusal(report(["Version: 1"], kind)), "malformed")
  })
)

it.effect("DSN-033: a disposition notification is read", () =>
  Effect.gen(function* () {
    const kind = { kind: " report-type=disposition-notification;", statusType: "message/disposition-notification" }
    const lines = [
      "Reporting-UA: joes-pc.cs.example.com; Foomail 97.1",
      "Original-Recipient: rfc822;Joe_Recipient@example.com",
      "Final-Recipient: rfc822;Joe_Recipient@example.com",
      "Original-Message-ID: <199509192301.23456@example.org>",
      "Disposition: manual-action/MDN-sent-manually; Displayed/error,expired",
      "Error: the disk is full"
    ]
    assert.deepStrictEqual(yield* Report.parse(report(lines, { ...kind, originalType: "text/plain" })), {
      _tag: "DispositionNotification",
      reportingUa: "joes-pc.cs.example.com; Foomail 97.1",
      originalRecipient: { type: "rfc822", value: "Joe_Recipient@example.com" },
      finalRecipient: { type: "rfc822", value: "Joe_Recipient@example.com" },
      originalMessageId: "<199509192301.23456@example.org>",
      manual: true,
      sentManually: true,
      disposition: "displayed",
      modifiers: ["error", "expired"],
      errors: ["the disk is full"]
    })
    const automatic = [
      "Final-Recipient: rfc822; a@example.com",
      "Disposition: automatic-action/MDN-sent-automatically; deleted"
    ]
    const read = yield* Report.parse(report(automatic, kind))
    assert.deepStrictEqual(
      read._tag === "DispositionNotification" && [read.manual, read.sentManually, read.disposition, read.modifiers],
      [false, false, "deleted", []]
    )
  })
)

describe("what is no report", () => {
  it.effect("DSN-034: is said to be none", () =>
    Effect.gen(function* () {
      const qmail =
        "From: MAILER-DAEMON@a.example\r\nSubject: failure notice\r\n\r\nHi. This is the qmail-send program at a.example.\r\n"
      for (const input of [
        qmail,
        "",
        "\r\n",
        "no mail at all",
        "Content-Type: multipart/report; boundary=x\r\n\r\n--x--"
      ]) {
        assert.strictEqual(yield* refusal(bytes(input)), "not-a-report")
      }
    })
  )

  it.effect("is malformed when it names no recipient", () =>
    Effect.gen(function* () {
      for (const lines of [[], ["Reporting-MTA: dns; a.example"], ["Final-Recipient: rfc822; a@example.org"]]) {
        assert.strictEqual(yield* refusal(report(lines)), "malformed")
      }
    })
  )

  it.effect("is refused beyond its limits", () =>
    Effect.gen(function* () {
      const deep = Array.from(
        { length: 40 },
        (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n`
      ).join("")
      assert.strictEqual(yield* refusal(bytes(deep)), "too-large")
      assert.strictEqual(yield* refusal(bytes(`X: ${"a".repeat(2_000_000)}\r\n\r\n`)), "too-large")
    })
  )
})

describe("a report of many lines", () => {
  const many = Array.from({ length: 101_000 }, () => "")

  it.effect(
    "is read as far as the header of the returned message",
    () =>
      Effect.gen(function* () {
        const whole = { originalType: "message/rfc822", original: ["Message-ID: <5@example.com>", ...many] }
        assert.strictEqual((yield* status(minimal, whole)).original?.messageId, "<5@example.com>")
      }),
    60_000
  )

  it.effect(
    "is too large when its machine-readable part does not end",
    () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* refusal(report([...minimal, ...many])), "too-large")
        assert.strictEqual(yield* refusal(bytes(`From: a@example.com\n${many.join("\n")}`)), "too-large")
      }),
    60_000
  )

  it.effect.prop(
    "never crashes, whatever the machine-readable part holds",
    [Anything, Anything],
    ([status, original]) =>
      Effect.gen(function* () {
        const result = yield* Effect.result(
          Report.parse(report([...minimal, join(status)], { original: [join(original)] }))
        )
        assert.include(["Success", "Failure"], result._tag)
      })
  )
})
