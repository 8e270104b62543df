import * as Attachment from "@effect-mail/message/Attachment"
import * as Bounce from "@effect-mail/message/Bounce"
import type * as DeliveryStatus from "@effect-mail/message/DeliveryStatus"
import * as Message from "@effect-mail/message/Message"
import * as Report from "@effect-mail/message/Report"
import * as Address from "@effect-mail/protocol/Address"
import * as Failure from "@effect-mail/protocol/Failure"
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Random, Schema, Stream } from "effect"
import { header, octets, recipients, render, text, upTo } from "./support/render.ts"
import { string } from "./support/texts.ts"

const noSuchUser = Failure.perm({
  stage: "rcpt",
  scope: "recipient",
  next: "never",
  code: 550,
  reason: "No Such User",
  host: "net.com"
})

const bob = { address: Address.unsafe("bob@net.com") }

const failed = Bounce.recipient(bob, noSuchUser)

const original = Message.make({
  from: "Ada <ada@example.com>",
  to: "bob@net.com",
  subject: "Hello",
  text: "Grüße\n",
  messageId: "1@example.com",
  envelope: { envelopeId: "order 7" }
})

const bounce = (options?: Partial<Bounce.Options> & { readonly message?: Message.Message }) =>
  Effect.flatMap(render(options?.message ?? original), (parcel) =>
    Bounce.compose({ reportingMta: "mail.example.com", original: parcel, recipients: [failed], ...options })
  )

const status = (message: Message.Eml) =>
  Effect.flatMap(Report.parse(message.bytes), (value) =>
    value._tag === "DeliveryStatus" ? Effect.succeed(value) : Effect.die(value)
  )

describe("a bounce", () => {
  it.effect(
    "DSN-009, DSN-028: has the null reverse-path, asks for no notification, goes to the sender, and says that a program wrote it",
    () =>
      Effect.gen(function* () {
        const message = yield* bounce()
        const parcel = yield* render(message)
        assert.strictEqual(parcel.envelope.reversePath, "")
        assert.deepStrictEqual(recipients(parcel), ["ada@example.com"])
        assert.deepStrictEqual([parcel.envelope.recipients[0].notify, { ...parcel.envelope.options }], [undefined, {}])
        const lines = yield* header(message)
        assert.deepStrictEqual(
          lines.filter((line) => /^(?:From|To|Subject|Auto-Submitted|References|MIME-Version)/.test(line)),
          [
            "From: Mail Delivery System <MAILER-DAEMON@mail.example.com>",
            "To: ada@example.com",
            "Subject: Undelivered mail returned to sender",
            "References: <1@example.com>",
            "Auto-Submitted: auto-replied",
            "MIME-Version: 1.0"
          ]
        )
        assert.match(lines.at(-1) ?? "", /^Content-Type: multipart\/report; report-type=delivery-status; boundary="/)
      })
  )

  it.effect('DSN-022, DSN-029: quotes the server: "550 No Such User" of net.com, and it is read back', () =>
    Effect.gen(function* () {
      const message = yield* bounce()
      assert.include(
        yield* text(message),
        "This is the mail system of mail.example.com.\r\n\r\nYour message could not be delivered to:\r\n\r\n<bob@net.com>: net.com said: 550 No Such User\r\n"
      )
      assert.include(
        yield* text(message),
        [
          "Content-Type: message/delivery-status",
          "",
          "Original-Envelope-Id: order 7",
          "Reporting-MTA: dns; mail.example.com",
          "",
          "Final-Recipient: rfc822; bob@net.com",
          "Action: failed",
          "Status: 5.0.0",
          "Remote-MTA: dns; net.com",
          "Diagnostic-Code: smtp; 550 No Such User",
          ""
        ].join("\r\n")
      )
      const value = yield* status(message)
      assert.deepStrictEqual(value.recipients, [failed])
      assert.deepStrictEqual([value.envelopeId, value.original?.messageId], ["order 7", "<1@example.com>"])
      assert.isFalse(Report.isAboutBounce(value))
    })
  )

  it.effect("SMTP-076: is not written for a message with the null reverse-path", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(bounce({ message: yield* bounce() }))
      assert.deepStrictEqual([error.reason, error.field], ["no-recipients", "original"])
    })
  )

  it.effect("of a bounce, as others send it, is recognised", () =>
    Effect.gen(function* () {
      const inner = yield* render(yield* bounce())
      const envelope = { ...inner.envelope, reversePath: Address.unsafe("mailer-daemon@example.net") }
      const outer = yield* Bounce.compose({
        reportingMta: "b.example",
        original: { ...inner, envelope },
        recipients: [failed]
      })
      assert.isTrue(Report.isAboutBounce(yield* status(outer)))
    })
  )

  it.effect("DSN-004: gives back the header, or the whole message when RET or the caller asks for it", () =>
    Effect.gen(function* () {
      const whole = yield* octets(yield* upTo("7bit")(render(original)))
      const only = yield* text(yield* bounce())
      assert.include(only, "Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: 7bit\r\n\r\nDate:")
      assert.notInclude(only, "Gr=C3=BC=C3=9Fe")
      const wanting = Message.envelope(original, { ret: "FULL" })
      for (const message of [yield* bounce({ returns: "full" }), yield* bounce({ message: wanting })]) {
        assert.include(
          yield* text(message),
          `Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\n${string(whole)}`
        )
      }
    })
  )

  it.effect(
    "DSN-010, TLS-022: gives back the header alone of what must travel over TLS, is binary, or is streamed",
    () =>
      Effect.gen(function* () {
        const streamed = Message.attach(
          original,
          Attachment.stream(Stream.succeed(new Uint8Array(90_000)), { name: "a" })
        )
        const binary = Message.eml(
          new TextEncoder().encode(`From: ada@example.com\r\nX: y\r\n\r\n${"a".repeat(999)}`),
          {
            envelope: { to: "bob@net.com" }
          }
        )
        for (const message of [Message.envelope(original, { requireTls: true }), streamed, binary]) {
          const back = yield* bounce({ message, returns: "full" })
          // It goes to servers without REQUIRETLS, too (RFC 8689 section 5).
          assert.isUndefined((yield* render(back)).envelope.options.requireTls)
          const all = yield* text(back)
          assert.include(all, "Content-Type: text/rfc822-headers")
          assert.isBelow(all.length, 5000)
        }
      })
  )

  it.effect("reads no more of a stream than the header", () =>
    Effect.gen(function* () {
      const endless = Attachment.stream(Stream.forever(Stream.succeed(new Uint8Array(5700))), { name: "a" })
      const value = yield* status(yield* bounce({ message: Message.attach(original, endless) }))
      assert.strictEqual(value.original?.messageId, "<1@example.com>")
    })
  )

  it.effect("DSN-027: is in UTF-8 when an address is", () =>
    Effect.gen(function* () {
      const address = Address.unsafe("jürgen@example.org")
      const message = Message.make({ from: "ädä@example.com", to: "jürgen@example.org", subject: "x" })
      const composed = yield* bounce({
        message,
        recipients: [Bounce.recipient({ address }, noSuchUser)],
        returns: "full"
      })
      const all = yield* text(composed)
      assert.include(all, "Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n")
      assert.include(all, "Final-Recipient: utf-8; jürgen@example.org\r\n")
      assert.include(all, "Content-Type: message/global\r\nContent-Transfer-Encoding: 8bit\r\n")
      const { body } = yield* render(composed)
      assert.deepStrictEqual([body.encoding, body.utf8Headers], ["8bit", true])
      const value = yield* status(composed)
      assert.deepStrictEqual(value.recipients[0].finalRecipient, { type: "utf-8", value: "jürgen@example.org" })
      assert.include(yield* text(yield* bounce({ message })), "Content-Type: message/global-headers\r\n")
    })
  )

  it.effect("tells of delays and relaying in other words", () =>
    Effect.gen(function* () {
      const willRetryUntil = DateTime.makeUnsafe("2030-01-05T00:00:00Z")
      const busy = Failure.temp({ stage: "rcpt", scope: "recipient", next: "later", code: 451, reason: "Busy" })
      const delayed = Bounce.recipient(bob, busy, { action: "delayed", willRetryUntil })
      const waiting = yield* bounce({ recipients: [delayed] })
      assert.include(yield* header(waiting), "Subject: Delayed mail (still being tried)")
      assert.include(yield* text(waiting), "You need not send it again")
      assert.deepStrictEqual((yield* status(waiting)).recipients, [delayed])
      assert.deepStrictEqual([delayed.status, delayed.willRetryUntil], ["4.0.0", willRetryUntil])
      const relayed: DeliveryStatus.Recipient = {
        finalRecipient: failed.finalRecipient,
        action: "relayed",
        status: "2.0.0"
      }
      const passed = yield* bounce({ recipients: [relayed] })
      assert.include(yield* header(passed), "Subject: Delivery report")
      assert.include(yield* text(passed), "passed on to mail systems that send no reports")
      assert.deepStrictEqual((yield* status(passed)).recipients, [relayed])
    })
  )

  it.effect("SMTP-052: refuses values that would break out of their line", () =>
    Effect.gen(function* () {
      const broken = (change: Partial<DeliveryStatus.Recipient>) =>
        Effect.flip(bounce({ recipients: [{ ...failed, ...change }] }))
      const evil = "x\r\nAction: delivered"
      for (const change of [
        { diagnostic: { type: "smtp", value: evil } },
        { remoteMta: { type: evil, value: "a" } },
        { finalRecipient: { type: "rfc822", value: evil } },
        { finalLogId: evil }
      ]) {
        assert.strictEqual((yield* broken(change)).reason, "control-character")
      }
      assert.strictEqual((yield* Effect.flip(bounce({ reportingMta: "a b" }))).reason, "bad-address")
    })
  )

  it.effect("takes the sender's words, and the original recipient of the envelope", () =>
    Effect.gen(function* () {
      const named = Bounce.recipient(
        { ...bob, originalRecipient: { type: "rfc822", address: "b+x@example.net" } },
        noSuchUser
      )
      const message = yield* bounce({
        from: "postmaster@example.com",
        subject: "Oh",
        text: "It did not work.\n",
        recipients: [named],
        arrival: DateTime.makeUnsafe("2030-01-01T00:00:00Z")
      })
      assert.include(yield* text(message), "It did not work.\r\n")
      assert.include(yield* header(message), "From: postmaster@example.com")
      const value = yield* status(message)
      assert.deepStrictEqual(value.recipients, [named])
      assert.strictEqual(value.recipients[0].originalRecipient?.value, "b+x@example.net")
      assert.strictEqual(DateTime.formatIso(value.arrival ?? DateTime.makeUnsafe(0)), "2030-01-01T00:00:00.000Z")
    })
  )

  const Word = Schema.Literals(["550", "5.1.1", "<a@example.com>:", "unknown", "(x;y)", "=", "x".repeat(60), "\u00fc"])
  const Words = Schema.NonEmptyArray(Word).check(Schema.isMaxLength(30))
  it.effect.prop(
    "is read as it was written, whatever the server said",
    [Words, Schema.Literals(["smtp", "x-local"])],
    ([words, type]) =>
      Effect.gen(function* () {
        const recipient = { ...failed, diagnostic: { type, value: words.join(" ") } }
        assert.deepStrictEqual((yield* status(yield* bounce({ recipients: [recipient, recipient] }))).recipients, [
          recipient,
          recipient
        ])
      })
  )

  it.effect("is the same twice under the same clock and chance", () =>
    Effect.gen(function* () {
      const parcel = yield* render(original)
      const once = () => Random.withSeed(bounce({ original: parcel }), "seed")
      assert.strictEqual(yield* text(yield* once()), yield* text(yield* once()))
    })
  )
})
