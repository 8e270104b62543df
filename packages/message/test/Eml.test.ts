import * as Message from "@effect-mail/message/Message"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { recipients, refused, render, text } from "./support/render.ts"
import { bytes } from "./support/texts.ts"

const eml = (source: string, options?: Parameters<typeof Message.eml>[1]) => Message.eml(bytes(source), options)

const simple = [
  "From: Ada <ada@example.com>",
  "To: bob@example.com, Team: carol@example.com;",
  "Cc: =?utf-8?q?Zo=C3=AB?= <zoe@example.com>,",
  " dan@example.com",
  "Bcc: eve@example.com",
  "Subject:   kept  as it is  ",
  "Message-ID: <1@example.com>",
  "",
  ".body é",
  ""
].join("\r\n")

describe("Message.eml", () => {
  it.effect("leaves the bytes alone, the array itself when its line ends are CRLF", () =>
    Effect.gen(function* () {
      const message = eml(simple)
      const parcel = yield* render(message)
      assert.strictEqual(parcel.body.bytes, message.bytes)
      assert.deepStrictEqual(
        [parcel.body.encoding, parcel.body.dotFree, parcel.body.utf8Headers, parcel.messageId],
        ["8bit", false, false, "<1@example.com>"]
      )
    })
  )
  it.effect("SMTP-053, V-047: makes CRLF of a lone LF and of a lone CR, and changes nothing else", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* text(eml(simple.replaceAll("\r\n", "\n"))), simple)
      assert.strictEqual(yield* text(eml(simple.replaceAll("\r\n", "\r"))), simple)
      assert.strictEqual(
        yield* text(eml("From: a@x.com\nTo: b@x.com\n\na\n.\r\nb\r\r\n")),
        "From: a@x.com\r\nTo: b@x.com\r\n\r\na\r\n.\r\nb\r\n\r\n"
      )
    })
  )
  it.effect("MSG-018, MSG-019: derives the envelope from the header", () =>
    Effect.gen(function* () {
      const parcel = yield* render(eml(simple))
      assert.strictEqual(parcel.envelope.reversePath, "ada@example.com")
      assert.deepStrictEqual(recipients(parcel), [
        "bob@example.com",
        "carol@example.com",
        "zoe@example.com",
        "dan@example.com",
        "eve@example.com"
      ])
      const sent = yield* render(eml(`Sender: sec@example.com\r\n${simple}`))
      assert.strictEqual(sent.envelope.reversePath, "sec@example.com")
    })
  )
  it.effect("MSG-016, MSG-019: of a resent message, derives it from the latest block", () =>
    Effect.gen(function* () {
      const resent = [
        "Received: by mx.example.com",
        "Resent-From: frank@example.com",
        "Resent-To: grace@example.com",
        "Resent-Bcc: heidi@example.com",
        "Resent-From: old@example.com",
        "Resent-To: older@example.com"
      ].join("\r\n")
      const parcel = yield* render(eml(`${resent}\r\n${simple}`))
      assert.strictEqual(parcel.envelope.reversePath, "frank@example.com")
      assert.deepStrictEqual(recipients(parcel), ["grace@example.com", "heidi@example.com"])
    })
  )
  it.effect("takes the envelope that is given, and does not look at what it replaces", () =>
    Effect.gen(function* () {
      const broken = "From: nobody\r\nTo: everybody\r\n\r\n"
      const parcel = yield* render(eml(broken, { envelope: { from: "", to: "x@example.com" } }))
      assert.deepStrictEqual([parcel.envelope.reversePath, ...recipients(parcel)], ["", "x@example.com"])
      assert.deepStrictEqual(yield* refused(eml(broken, { envelope: { to: "x@example.com" } })), [
        "bad-address",
        "from",
        6
      ])
      assert.deepStrictEqual(yield* refused(eml(broken, { envelope: { from: "" } })), ["bad-address", "to", 9])
    })
  )
  it.effect("V-049: takes a message without a body", () =>
    Effect.gen(function* () {
      const source = "To: Susan@random.com\r\nFrom: Sam@random.com\r\nSubject: This is a bodyless test message\r\n"
      const parcel = yield* render(eml(source))
      assert.strictEqual(parcel.body.size, 86)
    })
  )
  it.effect("MSG-015: removes Bcc and Resent-Bcc when asked, folds included, and no other byte", () =>
    Effect.gen(function* () {
      const source = `bcc : x@secret.example,\r\n y@secret.example\r\nA: 1\r\nResent-Bcc:\r\n\tz@secret.example\r\n${simple}`
      const options = { envelope: { from: "a@example.com", to: "b@example.com" } }
      assert.strictEqual(yield* text(eml(source, options)), source)
      const removed = yield* text(eml(source, { ...options, removeBcc: true }))
      assert.strictEqual(removed, `A: 1\r\n${simple.replace("Bcc: eve@example.com\r\n", "")}`)
    })
  )
  it.effect("MSG-005: adds Date and Message-ID when asked and when they are missing", () =>
    Effect.gen(function* () {
      const source = "From: ada@example.com\r\nTo: b@example.com\r\n\r\nDate: x\r\n"
      const parcel = yield* render(eml(source, { addMissing: true }))
      assert.match(parcel.messageId ?? "", /^<0\.[0-9a-v]{24}@example\.com>$/)
      assert.strictEqual(
        yield* text(eml(source, { addMissing: true })),
        `Date: Thu, 01 Jan 1970 00:00:00 +0000\r\nMessage-ID: ${parcel.messageId}\r\n${source}`
      )
      assert.strictEqual(yield* text(eml(source)), source)
      const dated = `Date: Fri, 1 Nov 2024 10:00:00 +0000\r\n${simple}`
      assert.strictEqual(yield* text(eml(dated, { addMissing: true })), dated)
    })
  )
  it.effect("MSG-027: refuses what does not begin with a header", () =>
    Effect.gen(function* () {
      for (const [source, position] of [
        ["From ada@example.com Fri Nov  1 10:00:00 2024\nFrom: a@x.com\n\n", 0],
        ["Hello\n\nTo: b@x.com\n", 0],
        [" A: b\n", 0],
        ["A: b\nHello\n", 6],
        ["A: b\n: c\n", 6],
        ["A: b\nC: d\0\n\n", 10]
      ] as const) {
        assert.deepStrictEqual(yield* refused(eml(source)), ["bad-header", "header", position], source)
      }
    })
  )
  it.effect("refuses an address field that nobody can read, and a header without people", () =>
    Effect.gen(function* () {
      const latin1 = Uint8Array.from([...bytes("From: a@x.com\r\nTo: "), 0xe9, ...bytes("@x.com\r\n")])
      assert.deepStrictEqual(yield* refused(Message.eml(latin1)), ["bad-header", "header", 18])
      assert.deepStrictEqual(yield* refused(eml("To: b@x.com\r\n")), ["no-sender", undefined, undefined])
      assert.deepStrictEqual(yield* refused(eml("From: a@x.com\r\n")), ["no-recipients", undefined, undefined])
      assert.deepStrictEqual(yield* refused(eml("")), ["no-sender", undefined, undefined])
    })
  )
})
