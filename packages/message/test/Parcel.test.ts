import * as Message from "@effect-mail/message/Message"
import * as Parcel from "@effect-mail/message/Parcel"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema, Stream } from "effect"
import { base, octets, render, renderings, upTo } from "./support/render.ts"
import { bytes, join, Lines, Octets, refusal } from "./support/texts.ts"

const facts = (text: string) => {
  const { bytes: _bytes, stream: _stream, ...rest } = Result.getOrThrow(Parcel.bodyFromBytes(bytes(text)))
  return rest
}

describe("Parcel.bodyFromBytes", () => {
  it("V-052: counts octets before dot-stuffing", () => {
    assert.deepStrictEqual(facts("Subject: x\r\n\r\n.hi\r\n"), {
      size: 19,
      encoding: "7bit",
      utf8Headers: false,
      longestLine: 10,
      dotFree: false
    })
  })
  it("SMTP-130, SMTP-155: tells 7bit, 8bit and binary apart", () => {
    assert.strictEqual(facts(`A: b\r\n\r\n${"a".repeat(998)}`).encoding, "7bit")
    assert.strictEqual(facts(`A: b\r\n\r\n${"a".repeat(999)}`).encoding, "binary")
    assert.strictEqual(facts("A: b\r\n\r\né").encoding, "8bit")
    assert.strictEqual(facts("A: b\r\n\r\n\0").encoding, "binary")
  })
  it("SMTP-171: tells UTF-8 in the header from UTF-8 in the body", () => {
    assert.isTrue(facts("A: é\r\n\r\nb").utf8Headers)
    assert.isTrue(facts("A: b\r\nC: é").utf8Headers)
    assert.isFalse(facts("A: b\r\n\r\né").utf8Headers)
  })
  it("V-047, SMTP-053: refuses a CR or LF that stands alone, and tells where", () => {
    for (const text of ["a\n.\n", "a\n.\r\n", "a\r.\r", "a\r\n.\r", "a\r\n.\n", "a\n.\r", "a\r\r\n", "a\r"]) {
      const [reason, , position] = refusal(Parcel.bodyFromBytes(bytes(text)))
      assert.strictEqual(reason, "bare-line-end")
      assert.strictEqual(position, text.search(/\r(?!\n)|(?<!\r)\n/))
    }
  })
})

describe("Parcel.bodyFromBytes of much", () => {
  it.effect("can be read in pieces, again and again", () =>
    Effect.gen(function* () {
      const body = Result.getOrThrow(Parcel.bodyFromBytes(bytes(`A: b\r\n\r\n${"0123456789\r\n".repeat(20_000)}`)))
      for (let i = 0; i < 2; i++) {
        const pieces = yield* Stream.runCollect(body.stream)
        assert.deepStrictEqual(
          Array.from(pieces, (piece) => piece.length),
          [65_536, 65_536, 65_536, 43_400]
        )
        assert.isTrue(Buffer.concat(Array.from(pieces)).equals(body.bytes ?? new Uint8Array()))
      }
    })
  )
})

describe("Parcel.fromBytes and withRecipients", () => {
  it.effect("knows the Message-ID, and narrows the recipients alone", () =>
    Effect.gen(function* () {
      const { envelope } = yield* render(Message.cc(base, "carol@example.com"))
      const parcel = Result.getOrThrow(
        Parcel.fromBytes(bytes("A: b\r\nMESSAGE-ID :\r\n  <1@example.com> (x)\r\n\r\n"), envelope)
      )
      assert.strictEqual(parcel.messageId, "<1@example.com>")
      const [, carol] = envelope.recipients
      const narrowed = Parcel.withRecipients(parcel, [carol ?? envelope.recipients[0]])
      assert.deepStrictEqual(narrowed, {
        ...parcel,
        envelope: { ...envelope, recipients: [{ address: carol?.address }] }
      } as typeof parcel)
      assert.strictEqual(narrowed.body, parcel.body)
    })
  )
  it.effect("GHSA-4gxg-q43p-hfr2: a Message-ID that is not safe to log is none", () =>
    Effect.gen(function* () {
      const { envelope } = yield* render(base)
      for (const id of ["<a b>", "a@b", "<\x1b[2J@b>", "<é@b>", ""]) {
        assert.isUndefined(
          Result.getOrThrow(Parcel.fromBytes(bytes(`Message-ID: ${id}\r\n\r\n`), envelope)).messageId,
          id
        )
      }
    })
  )
})

describe("The facts of what is composed", () => {
  const Disposition = Schema.Literals(["attachment", "inline"])
  it.effect.prop(
    "SMTP-064, SMTP-132: are those that a look at its bytes would find, in each encoding, and at last in 7bit and lines of 998 octets at most",
    [Lines, Lines, Lines, Octets, Disposition, Schema.Boolean, Schema.Literals(["7bit", "8bit"])],
    ([subject, text, html, attached, disposition, asMessage, widest]) =>
      Effect.gen(function* () {
        const message = Message.make({
          from: "Zoë <zoe@example.com>",
          to: "bob@example.com",
          subject: join(subject).replace(/[\r\n\0]/g, ""),
          ...(text.length === 0 ? {} : { text: join(text) }),
          ...(html.length === 0 ? {} : { html: join(html) }),
          attachments: attached.length === 0 ? [] : [{ content: Uint8Array.from(attached), disposition, cid: "a@b" }],
          ...(asMessage ? { headers: { ".dot": "a" } } : {})
        })
        const all = renderings(yield* upTo(widest)(render(message)))
        for (const { body } of all) {
          const seen = Result.getOrThrow(Parcel.bodyFromBytes(body.bytes ?? new Uint8Array()))
          assert.deepStrictEqual(
            [body.size, body.encoding, body.utf8Headers, body.dotFree],
            [seen.size, seen.encoding, seen.utf8Headers, seen.dotFree]
          )
          assert.isAtLeast(body.longestLine ?? 0, seen.longestLine ?? 0)
          assert.isAtMost(body.longestLine ?? 0, 998)
        }
        const encodings = all.map(({ body }) => body.encoding)
        assert.deepStrictEqual(encodings, all.length === 1 ? ["7bit"] : ["8bit", "7bit"])
        if (widest === "7bit") assert.lengthOf(encodings, 1)
      })
  )
})

describe("A large body", () => {
  const large = Message.attach(Message.text(base, "a"), { content: new Uint8Array(1_000_000).fill(7), name: "a.bin" })
  it.effect("is not in memory, has the announced size and is the same each time it is read", () =>
    Effect.gen(function* () {
      const parcel = yield* render(large)
      assert.isUndefined(parcel.body.bytes)
      const once = yield* octets(parcel)
      const twice = yield* octets(parcel)
      assert.isTrue(Buffer.from(once).equals(twice))
      const seen = Result.getOrThrow(Parcel.bodyFromBytes(once))
      assert.deepStrictEqual(
        [parcel.body.size, parcel.body.longestLine, parcel.body.dotFree],
        [seen.size, seen.longestLine, seen.dotFree]
      )
    })
  )
  it.effect("has the same bytes as a small one around the attachment", () =>
    Effect.gen(function* () {
      const small = yield* render(Message.attach(Message.text(base, "a"), { content: new Uint8Array(3000).fill(7) }))
      assert.isDefined(small.body.bytes)
      assert.deepStrictEqual(yield* octets(small), small.body.bytes)
    })
  )
})
