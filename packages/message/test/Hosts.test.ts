/** Bounces in the manner of well-known hosts: what each says for programs, and how it strays from the standard. */
import * as DeliveryStatus from "@effect-mail/message/DeliveryStatus"
import * as Report from "@effect-mail/message/Report"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { bytes } from "./support/texts.ts"

const mail = (...lines: ReadonlyArray<string>) => bytes(lines.join("\r\n"))

const read = (message: Uint8Array) =>
  Effect.flatMap(Report.parse(message), (report) =>
    report._tag === "DeliveryStatus" ? Effect.succeed(report) : Effect.die(report)
  )

const summary = ({ original, recipients, reportingMta }: DeliveryStatus.DeliveryStatus) => ({
  by: reportingMta?.value,
  about: original?.messageId,
  recipients: recipients.map((recipient) => [
    DeliveryStatus.addressOf(recipient),
    recipient.action,
    recipient.status,
    recipient.remoteMta?.value,
    recipient.diagnostic?.value
  ])
})

describe("bounces in the manner of (DSN-026, DSN-034)", () => {
  it.effect("Postfix: fields of its own, an empty line at the end of the part, the whole message back", () =>
    Effect.gen(function* () {
      const message = mail(
        "Return-Path: <>",
        "From: MAILER-DAEMON@relay.example.net (Mail Delivery System)",
        "Subject: Undelivered Mail Returned to Sender",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status;",
        '\tboundary="B1.1/relay.example.net"',
        "",
        "This is a MIME-encapsulated message.",
        "",
        "--B1.1/relay.example.net",
        "Content-Description: Notification",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        "This is the mail system at host relay.example.net.",
        "",
        "--B1.1/relay.example.net",
        "Content-Description: Delivery report",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; relay.example.net",
        "X-Postfix-Queue-ID: 4XyZ",
        "X-Postfix-Sender: rfc822; ada@example.com",
        "Arrival-Date: Tue,  5 Nov 2024 10:00:00 +0000 (UTC)",
        "",
        "Final-Recipient: rfc822; bob@net.example",
        "Original-Recipient: rfc822;Bob+40net.example",
        "Action: failed",
        "Status: 5.1.1",
        "Remote-MTA: dns; mx.net.example",
        "Diagnostic-Code: smtp; 550 5.1.1 <bob@net.example>: Recipient address rejected:",
        "    User unknown in virtual mailbox table",
        "",
        "--B1.1/relay.example.net",
        "Content-Description: Undelivered Message",
        "Content-Type: message/rfc822",
        "",
        "Message-ID: <1@example.com>",
        "",
        "Hello",
        "--B1.1/relay.example.net--"
      )
      const report = yield* read(message)
      assert.deepStrictEqual(summary(report), {
        by: "relay.example.net",
        about: "<1@example.com>",
        recipients: [
          [
            "Bob@net.example",
            "failed",
            "5.1.1",
            "mx.net.example",
            "550 5.1.1 <bob@net.example>: Recipient address rejected: User unknown in virtual mailbox table"
          ]
        ]
      })
      assert.isFalse(Report.isAboutBounce(report))
    })
  )

  it.effect("Gmail: words in a related part, comments behind the host, codes in every line of the diagnostic", () =>
    Effect.gen(function* () {
      const message = mail(
        "From: Mail Delivery Subsystem <mailer-daemon@googlemail.example>",
        "X-Failed-Recipients: bob@net.example",
        "Auto-Submitted: auto-replied",
        'Content-Type: multipart/report; boundary="000000000000aa"; report-type=delivery-status',
        "",
        "--000000000000aa",
        'Content-Type: multipart/related; boundary="000000000000bb"',
        "",
        "--000000000000bb",
        'Content-Type: multipart/alternative; boundary="000000000000cc"',
        "",
        "--000000000000cc",
        'Content-Type: text/plain; charset="UTF-8"',
        "",
        "** Address not found **",
        "--000000000000cc--",
        "--000000000000bb",
        'Content-Type: image/png; name="icon.png"',
        "Content-Transfer-Encoding: base64",
        "Content-ID: <icon.png>",
        "",
        "AAAA",
        "--000000000000bb--",
        "--000000000000aa",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; googlemail.example",
        "Received-From-MTA: dns; ada@example.com",
        "Arrival-Date: Tue, 05 Nov 2024 02:00:00 -0800 (PST)",
        "X-Original-Message-ID: <1@example.com>",
        "",
        "Final-Recipient: rfc822; bob@net.example",
        "Action: failed",
        "Status: 5.1.1",
        "Remote-MTA: dns; mx.net.example. (192.0.2.1, the server for the domain net.example.)",
        "Diagnostic-Code: smtp; 550-5.1.1 The account that you tried to reach does not exist. Please try",
        " 550-5.1.1 double-checking the address for typos.",
        " 550 5.1.1  Learn more",
        "Last-Attempt-Date: Tue, 05 Nov 2024 02:00:01 -0800 (PST)",
        "",
        "--000000000000aa--"
      )
      assert.deepStrictEqual(summary(yield* read(message)), {
        by: "googlemail.example",
        about: "<1@example.com>",
        recipients: [
          [
            "bob@net.example",
            "failed",
            "5.1.1",
            "mx.net.example. (192.0.2.1, the server for the domain net.example.)",
            "550-5.1.1 The account that you tried to reach does not exist. Please try 550-5.1.1 double-checking the address for typos. 550 5.1.1  Learn more"
          ]
        ]
      })
    })
  )

  it.effect("Exchange: no space behind the types, an empty original recipient, fields of its own, LF alone", () =>
    Effect.gen(function* () {
      const lines = [
        "From: <postmaster@exchange.example>",
        'Content-Type: multipart/report; report-type=delivery-status;\n\tboundary="_ab_"',
        "",
        "--_ab_",
        'Content-Type: multipart/alternative; differences=Content-Type; boundary="_cd_"',
        "",
        "--_cd_",
        "Content-Type: text/html",
        "",
        "<p>Delivery has failed to these recipients or groups:</p>",
        "--_cd_--",
        "--_ab_",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns;MAIL01.exchange.example",
        "Received-From-MTA: dns;relay.example.net",
        "",
        "Original-Recipient: rfc822;",
        "Final-Recipient: RFC822;bob@net.example",
        "Action: Failed",
        "Status: 5.1.10",
        "Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
        "X-Display-Name: Bob",
        "",
        "--_ab_",
        "Content-Type: message/rfc822",
        "",
        "Message-ID: <1@example.com>",
        "",
        "x",
        "--_ab_--"
      ]
      assert.deepStrictEqual(summary(yield* read(bytes(lines.join("\n")))), {
        by: "MAIL01.exchange.example",
        about: "<1@example.com>",
        recipients: [
          [
            "bob@net.example",
            "failed",
            "5.1.10",
            undefined,
            "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"
          ]
        ]
      })
    })
  )

  it.effect("Exim: nothing but text, and a field that names who failed", () =>
    Effect.gen(function* () {
      const message = mail(
        "Return-path: <>",
        "X-Failed-Recipients: bob@net.example,",
        "  carol@net.example",
        "Auto-Submitted: auto-replied",
        "From: Mail Delivery System <Mailer-Daemon@exim.example>",
        "Subject: Mail delivery failed: returning message to sender",
        "",
        "This message was created automatically by mail delivery software.",
        "",
        "  bob@net.example",
        "    host mx.net.example [192.0.2.1]",
        "    SMTP error from remote mail server after RCPT TO:<bob@net.example>:",
        "    550 No Such User"
      )
      assert.deepStrictEqual(summary(yield* read(message)), {
        by: undefined,
        about: undefined,
        recipients: [
          ["bob@net.example", "failed", undefined, undefined, undefined],
          ["carol@net.example", "failed", undefined, undefined, undefined]
        ]
      })
      const bounced = mail(
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
        "",
        "--b",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; a.example",
        "",
        "Final-Recipient: rfc822; mailer-daemon@exim.example",
        "Action: failed",
        "Status: 5.0.0",
        "",
        "--b",
        "Content-Type: message/rfc822",
        "",
        "X-Failed-Recipients: bob@net.example",
        "",
        "x",
        "--b--"
      )
      assert.isTrue(Report.isAboutBounce(yield* read(bounced)))
    })
  )

  it.effect("anybody who writes that field and no address into it, and qmail: no report", () =>
    Effect.gen(function* () {
      for (const message of [
        mail("X-Failed-Recipients: unknown", "", "It failed."),
        mail("X-Failed-Recipients:", "", "It failed."),
        mail(
          "Subject: failure notice",
          "",
          "Hi. This is the qmail-send program at qmail.example.",
          "",
          "<bob@net.example>:",
          "Sorry."
        )
      ]) {
        assert.strictEqual((yield* Effect.flip(Report.parse(message))).reason, "not-a-report")
      }
    })
  )
})
