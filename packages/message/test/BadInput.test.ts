/** Input as nobody means it: too much of everything, and halves of characters everywhere. */
import * as Message from "@effect-mail/message/Message"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import PostalMime from "postal-mime"
import { base, octets, recipients, refused, render, text } from "./support/render.ts"
import { bytes, string } from "./support/texts.ts"

describe("unpaired surrogates", () => {
  const half = "a\ud83d b"
  const places: ReadonlyArray<readonly [string, Message.Composed]> = [
    ["From[0]", Message.from(base, half)],
    ["From", Message.from(base, { name: half, address: "a@example.com" })],
    ["From[0]", Message.from(base, { address: `${half}@example.com` })],
    ["To", Message.to(base, { name: half, address: "a@example.com" })],
    ["Subject", Message.subject(base, half)],
    ["text", Message.text(base, half)],
    ["html", Message.html(base, half)],
    ["alternatives[0].content", Message.alternative(base, { type: "text/markdown", content: half })],
    ["attachments[0].content", Message.attach(base, { content: half })],
    ["attachments[0].name", Message.attach(base, { content: "", name: half })],
    ["X-Custom", Message.header(base, "X-Custom", half)],
    ["Message-ID", Message.messageId(base, `${half}@example.com`)],
    ["List-Id", Message.list(base, { id: { name: half, id: "a.example.com" } })]
  ]

  it.effect.each(places)("are refused in %s, with their place", ([place, message]) =>
    Effect.gen(function* () {
      const [reason, field, position] = yield* refused(message)
      assert.deepStrictEqual([reason, field], ["unpaired-surrogate", place])
      assert.strictEqual(position, 1)
    })
  )
})

describe("too much", () => {
  const addresses = Array.from({ length: 10_000 }, (_, i) => `recipient${i}@domain${i % 100}.example`)

  it.effect("10,000 recipients get a message with a header that any server takes; one more is refused", () =>
    Effect.gen(function* () {
      const message = Message.make({ from: "ada@example.com", to: addresses, text: "Hi" })
      const parcel = yield* render(message)
      assert.strictEqual(recipients(parcel).length, 10_000)
      const all = string(yield* octets(parcel))
      for (const line of all.split("\r\n")) assert.isAtMost(line.length, 998)
      const email = yield* Effect.promise(() => PostalMime.parse(all))
      assert.deepStrictEqual(
        email.to?.map(({ address }) => address),
        addresses
      )
      const hidden = yield* render(Message.make({ from: "ada@example.com", bcc: addresses, text: "Hi" }))
      assert.strictEqual(recipients(hidden).length, 10_000)
      assert.isBelow(hidden.body.size ?? 0, 1000)
      const more = Message.to(message, "one@more.example")
      assert.deepStrictEqual((yield* refused(more)).slice(0, 2), ["too-many", "To"])
    })
  )

  it.effect("1,000 attachments are all there, and none twice", () =>
    Effect.gen(function* () {
      const attachments = Array.from({ length: 1000 }, (_, i) => ({ name: `${i}.txt`, content: `content ${i}` }))
      const all = yield* Effect.flatMap(render(Message.make({ ...plain, attachments })), octets)
      const email = yield* Effect.promise(() => PostalMime.parse(all))
      assert.deepStrictEqual(
        email.attachments.map(({ content, filename }) => [
          filename,
          string(new Uint8Array(content instanceof ArrayBuffer ? content : bytes(String(content))))
        ]),
        attachments.map(({ content, name }) => [name, content])
      )
    })
  )

  const plain: Message.Options = { from: "ada@example.com", to: "bob@example.com", text: "Hi" }

  it.effect("a megabyte in one header is folded, encoded, or refused, and never a line that is too long", () =>
    Effect.gen(function* () {
      const words = `${"some words ".repeat(95_000)}end`
      for (const [message, value] of [
        [Message.subject(base, words), words],
        [Message.subject(base, "x".repeat(1_000_000)), "x".repeat(1_000_000)],
        [Message.subject(base, "é".repeat(500_000)), "é".repeat(500_000)]
      ] as const) {
        const all = yield* text(message)
        for (const line of all.split("\r\n")) assert.isAtMost(line.length, 78)
        const { subject } = yield* Effect.promise(() => PostalMime.parse(all, { maxHeadersSize: 8_000_000 }))
        assert.strictEqual(subject, value)
      }
      assert.deepStrictEqual((yield* refused(Message.header(base, "X-A", "x".repeat(1_000_000)))).slice(0, 2), [
        "too-long",
        "X-A"
      ])
      assert.deepStrictEqual((yield* refused(Message.header(base, "x".repeat(1_000_000), "a"))).slice(0, 1), [
        "too-long"
      ])
      assert.deepStrictEqual(
        (yield* refused(Message.from(base, `${"x".repeat(2_000_000)} <a@example.com>`))).slice(0, 2),
        ["too-long", "From[0]"]
      )
      const name = { name: "x".repeat(1_000_000), address: "a@example.com" }
      for (const line of (yield* text(Message.from(base, name))).split("\r\n")) assert.isAtMost(line.length, 78)
    })
  )

  it.effect("a ready message may have a header of a megabyte", () =>
    Effect.gen(function* () {
      const source = `From: ada@example.com\r\nTo: bob@example.com\r\n${"X-Trace: some words\r\n".repeat(50_000)}\r\nHi\r\n`
      assert.strictEqual(yield* text(Message.eml(bytes(source))), source)
    })
  )
})
