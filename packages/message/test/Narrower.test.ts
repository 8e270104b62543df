/** One message in the encodings that different servers take: the same for whoever reads it. */
import * as Attachment from "@effect-mail/message/Attachment"
import * as Dkim from "@effect-mail/message/Dkim"
import type * as Encoding from "@effect-mail/message/Encoding"
import * as Message from "@effect-mail/message/Message"
import * as Parcel from "@effect-mail/message/Parcel"
import * as Arbitraries from "@effect-mail/testing/Arbitraries"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Schema, Stream } from "effect"
import * as Readers from "./support/readers.ts"
import { base, octets, render, renderings, upTo } from "./support/render.ts"
import { bytes, string } from "./support/texts.ts"

const encodings = (parcel: Parcel.Parcel) => renderings(parcel).map(({ body }) => body.encoding)

const text = (parcel: Parcel.Parcel) => Effect.map(octets(parcel), string)

const greeting = Message.text(base, "Gr\u00fc\u00dfe\n.\n")

const raw = { content: "\0\r\n.\r\n\xff", name: "a.bin" }

// What nobody encodes: each boundary, and the fields that tell messages apart.
const marks = (all: string) =>
  Array.from(all.matchAll(/^(?:--=_.*|Date: .*|Message-ID: .*|Subject: .*)\r$/gm), ([line]) => line)

describe("a message in several encodings", () => {
  it.effect("goes down from what is allowed and needed to 7bit, step by step", () =>
    Effect.gen(function* () {
      const file = Message.attach(base, raw)
      const cases: ReadonlyArray<[Message.Message, Encoding.Identity, ReadonlyArray<Encoding.Identity>]> = [
        [Message.text(base, "Hi"), "binary", ["7bit"]],
        [greeting, "7bit", ["7bit"]],
        [greeting, "8bit", ["8bit", "7bit"]],
        [greeting, "binary", ["8bit", "7bit"]],
        [file, "8bit", ["7bit"]],
        [file, "binary", ["binary", "7bit"]],
        [Message.attach(greeting, raw), "binary", ["binary", "8bit", "7bit"]]
      ]
      for (const [message, widest, expected] of cases) {
        assert.deepStrictEqual(encodings(yield* upTo(widest)(render(message))), expected)
      }
    })
  )

  it.effect("MIME-020: keeps an attached message as it is in each", () =>
    Effect.gen(function* () {
      const eightBit = Message.attach(base, { content: "Subject: a\n\n\u00e9\n", type: "message/rfc822" })
      assert.deepStrictEqual(encodings(yield* render(eightBit)), ["8bit", "8bit"])
      assert.deepStrictEqual(encodings(yield* upTo("7bit")(render(eightBit))), ["8bit"])
      const long = { content: `Subject: a\n\n${"x".repeat(999)}\n`, type: "message/rfc822" }
      assert.deepStrictEqual(encodings(yield* upTo("binary")(render(Message.attach(base, long)))), ["binary"])
    })
  )

  it.effect("is sent as it is when it was given as it is", () =>
    Effect.gen(function* () {
      const ready = Message.eml(bytes("From: ada@example.com\r\nTo: bob@example.com\r\n\r\n\u00e9\r\n"))
      assert.deepStrictEqual(encodings(yield* render(ready)), ["8bit"])
    })
  )

  it.effect("has in 7bit the octets that it has where nothing else is allowed", () =>
    Effect.gen(function* () {
      const message = greeting.pipe(Message.html("<p>\u65e5\u672c"), Message.attach({ content: "a", name: "a.txt" }))
      const narrow = Parcel.narrow(yield* upTo("8bit")(render(message)), "7bit")
      assert.strictEqual(yield* text(narrow), yield* upTo("7bit")(Effect.flatMap(render(message), text)))
    })
  )

  it.effect.prop(
    "has the same boundaries, date and Message-ID in each, and its facts are those of its octets",
    [Arbitraries.message],
    ([message]) =>
      Effect.gen(function* () {
        const all = renderings(yield* upTo("binary")(render(message)))
        const wide = yield* text(all[0] ?? (yield* render(message)))
        for (const parcel of all) {
          const sent = yield* octets(parcel)
          assert.strictEqual(parcel.body.size, sent.length)
          assert.strictEqual(parcel.messageId, all[0]?.messageId)
          // A part alone has no boundary, unless it is binary.
          const kept = marks(string(sent))
          assert.deepStrictEqual(
            kept,
            marks(wide).filter((line) => kept.includes(line))
          )
        }
      })
  )

  it.effect.prop(
    "is read as the same message in each",
    [Arbitraries.message],
    ([message]) =>
      Effect.gen(function* () {
        const all = renderings(yield* upTo("binary")(render(message)))
        const found = yield* Effect.forEach(all, (parcel) =>
          Effect.flatMap(octets(parcel), (sent) => Effect.promise(() => Readers.mailparser(sent)))
        )
        for (const one of found) assert.deepStrictEqual(one, found[0])
        assert.deepStrictEqual(
          found[0]?.files.map(({ content }) => content),
          message.attachments.map(({ content }) =>
            Buffer.from(content instanceof Uint8Array ? content : "").toString("hex")
          )
        )
      }),
    { timeout: 60_000 }
  )

  it.effect("has its streams in each", () =>
    Effect.gen(function* () {
      const content = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 7919) >> 5)
      const pieces = Stream.fromIterable([content.subarray(0, 77_777), content.subarray(77_777)], { chunkSize: 1 })
      const message = Message.attach(greeting, Attachment.stream(pieces, { name: "a.bin", size: content.length }))
      const all = renderings(yield* upTo("binary")(render(message)))
      assert.deepStrictEqual(
        all.map(({ body }) => [body.encoding, body.bytes]),
        [
          ["binary", undefined],
          ["8bit", undefined],
          ["7bit", undefined]
        ]
      )
      for (const parcel of all) {
        const sent = yield* octets(parcel)
        assert.strictEqual(parcel.body.size, sent.length)
        const { files, text } = yield* Effect.promise(() => Readers.mailparser(sent))
        assert.deepStrictEqual([files[0]?.content, text], [Buffer.from(content).toString("hex"), "Gr\u00fc\u00dfe\n."])
      }
    })
  )
})

describe("Parcel.bodyFor and narrow", () => {
  const all = Effect.map(upTo("binary")(render(Message.attach(greeting, raw))), renderings)

  it.effect("give the widest that fits", () =>
    Effect.gen(function* () {
      const [binary, eightBit, sevenBit] = yield* all
      assert.isDefined(binary)
      assert.strictEqual(Parcel.narrow(binary, "binary"), binary)
      assert.strictEqual(Parcel.bodyFor(binary, "8bit"), eightBit?.body)
      assert.strictEqual(Parcel.bodyFor(binary, "7bit"), sevenBit?.body)
      assert.deepStrictEqual(Parcel.narrow(binary, "7bit"), sevenBit)
    })
  )

  it.effect("give the narrowest when none fits, and it says so", () =>
    Effect.gen(function* () {
      const message = greeting.pipe(
        Message.attach(raw),
        Message.attach({ content: "Subject: a\n\n\u00e9\n", type: "message/rfc822" })
      )
      const body = Parcel.bodyFor(yield* upTo("binary")(render(message)), "7bit")
      assert.deepStrictEqual([body.encoding, body.narrower?.()], ["8bit", undefined])
      assert.include(string(body.bytes ?? bytes("")), Buffer.from("Gr\u00fc\u00dfe\r\n.\r\n").toString("base64"))
    })
  )

  it.effect("make each no more than once, and none that nobody asks for", () =>
    Effect.gen(function* () {
      const parcel = yield* render(greeting)
      let made = 0
      const narrower = () => {
        made++
        return parcel.body.narrower?.()
      }
      const counted = Parcel.prepend({ ...parcel, body: { ...parcel.body, narrower } }, "X-A: b\r\n")
      Parcel.bodyFor(counted, "8bit")
      const { recipients } = counted.envelope
      const part = Parcel.withRecipients(counted, recipients)
      assert.strictEqual(made, 0)
      assert.strictEqual(Parcel.bodyFor(counted, "7bit"), Parcel.bodyFor(part, "7bit"))
      assert.strictEqual(made, 1)
    })
  )

  it.effect("know of fields that were put in front, and of those who are left of the recipients", () =>
    Effect.gen(function* () {
      const [binary] = yield* all
      assert.isDefined(binary)
      const field = `X-Long: ${"x".repeat(80)}\r\n`
      const more = Parcel.filterRecipients(Parcel.prepend(binary, field), () => true)
      assert.isDefined(more)
      for (const [i, parcel] of renderings(more).entries()) {
        const before: Parcel.Parcel | undefined = renderings(binary)[i]
        assert.isDefined(before)
        const sent = yield* text(parcel)
        assert.strictEqual(sent, `${field}${yield* text(before)}`)
        assert.strictEqual(string(parcel.body.bytes ?? bytes("")), sent)
        assert.deepStrictEqual(
          [parcel.body.size, parcel.body.encoding],
          [(before.body.size ?? 0) + field.length, before.body.encoding]
        )
        assert.isAtLeast(parcel.body.longestLine ?? 0, 88)
      }
      assert.lengthOf(renderings(more), 3)
    })
  )
})

describe("DKIM-015: a signature", () => {
  const sign = (parcel: Parcel.Parcel) =>
    Effect.flatMap(
      Dkim.signer({
        domain: "example.com",
        selector: "2030a",
        key: Redacted.make(Buffer.alloc(32, 7).toString("base64"))
      }),
      (signer) => Dkim.sign({ signers: [signer] })(parcel)
    )

  it.effect.prop("is over 7bit, and nothing else is sent", [Schema.Literals(["7bit", "8bit", "binary"])], ([widest]) =>
    Effect.gen(function* () {
      const parcel = yield* upTo(widest)(render(Message.attach(greeting, raw)))
      const signed = yield* sign(parcel)
      assert.deepStrictEqual(encodings(signed), ["7bit"])
      const [field = "", rest] = (yield* text(signed)).split(/(?<=\r\n)(?=Date: )/)
      assert.match(field, /^DKIM-Signature: /)
      assert.strictEqual(rest, yield* upTo("7bit")(Effect.flatMap(render(Message.attach(greeting, raw)), text)))
    })
  )

  it.effect("of a message that was given in 8bit leaves it as it is", () =>
    Effect.gen(function* () {
      const given = "From: ada@example.com\r\nTo: bob@example.com\r\n\r\n\u00e9\r\n"
      const signed = yield* sign(yield* render(Message.eml(bytes(given))))
      assert.strictEqual(signed.body.encoding, "8bit")
      assert.isTrue((yield* text(signed)).endsWith(given))
    })
  )
})
