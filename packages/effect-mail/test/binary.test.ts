/** Binary content through the whole mailer, to servers that take it and to those that do not (RFC 3030). */
import { Attachment, Delivery, Encoding, Mailer, Message, Policy, Receipt, Signing } from "effect-mail"
import { Router } from "@effect-mail/dns"
import { Mailbox, MailServer, MemoryNetwork } from "@effect-mail/testing"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Stream } from "effect"
import { createHash } from "node:crypto"

const mailerFor = (server: MailServer.Options["server"]) =>
  Mailer.layer.pipe(
    Layer.provide(Delivery.layerMx),
    Layer.provide(Router.layerStatic({ "inbox.example": { hosts: ["192.0.2.1"] } })),
    Layer.provideMerge(
      MailServer.layerMemory({ address: "192.0.2.1", port: 25 }, { server }).pipe(
        Layer.provideMerge(Layer.merge(MemoryNetwork.layer, Mailbox.layer))
      )
    )
  )

const small = Uint8Array.from({ length: 2048 }, (_, i) => (i * 37) & 255)
const large = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7919) >> 5)
const troublesome = new TextEncoder().encode("\r\n.\r\n\r.\n.\n\0QUIT\r\n--\r\n\r")

const message = Message.make({
  from: "ada@sender.example",
  to: "bob@inbox.example",
  text: "see below\n",
  attachments: [
    { content: small, name: "a.bin" },
    Attachment.stream(Stream.rechunk(Stream.fromIterable([large.subarray(0, 99_999), large.subarray(99_999)]), 1), {
      name: "b.bin",
      size: large.length
    }),
    { content: troublesome, name: "c.bin" }
  ]
})

const toOurRelay = Effect.provideService(Encoding.CurrentWidest, "binary")

const sendBinary = (message: Message.Message) =>
  toOurRelay(Effect.provideService(Mailer.deliver(message), Policy.CurrentPolicy, Policy.noRetry))

// A failed test shows these instead of a screen of octets.
const digest = (octets: Uint8Array): string => `${octets.length} ${createHash("sha256").update(octets).digest("hex")}`

// The BODY parameter and what stands between the boundaries, decoded, the text left out.
const received = Effect.gen(function* () {
  const [mail] = yield* (yield* Mailbox.Mailbox).all
  const all = Buffer.from(mail?.content ?? "").toString("latin1")
  const boundary = /boundary="([^"]+)"/.exec(all)?.[1] ?? ""
  const parts = all.split(`\r\n--${boundary}`).slice(2, -1)
  return {
    all,
    body: mail?.parameters.get("BODY"),
    files: parts.map((part) => {
      const start = part.indexOf("\r\n\r\n") + 4
      const base64 = part.slice(0, start).includes("Transfer-Encoding: base64")
      return digest(Buffer.from(part.slice(start), base64 ? "base64" : "latin1"))
    })
  }
})

describe("attachments composed as binary", () => {
  it.effect("SMTP-155: reach a server that offers BINARYMIME by BDAT, octet for octet", () =>
    Effect.gen(function* () {
      const receipt = yield* sendBinary(message)
      assert.isTrue(receipt.complete)
      const { body, files } = yield* received
      assert.strictEqual(body, "BINARYMIME")
      assert.deepStrictEqual(files, [small, large, troublesome].map(digest))
    }).pipe(Effect.provide(mailerFor({ binaryMime: true })))
  )

  it.effect("so does a small message, which rides with its envelope", () =>
    Effect.gen(function* () {
      const one = { ...message, attachments: [{ content: troublesome, name: "c.bin" }] }
      assert.isTrue((yield* sendBinary(one)).complete)
      const { body, files } = yield* received
      assert.deepStrictEqual([body, files], ["BINARYMIME", [digest(troublesome)]])
    }).pipe(Effect.provide(mailerFor({ binaryMime: true })))
  )

  for (const [name, server] of [
    ["BINARYMIME", {}],
    ["CHUNKING", { binaryMime: true, chunking: false }]
  ] as const) {
    it.effect(`SMTP-156: reach a server without ${name} in base64`, () =>
      Effect.gen(function* () {
        assert.isTrue((yield* sendBinary(message)).complete)
        const { body, files } = yield* received
        assert.deepStrictEqual([body, files], ["7BIT", [small, large, troublesome].map(digest)])
      }).pipe(Effect.provide(mailerFor(server)))
    )

    it.effect(`SMTP-156: are refused with 5.6.3 at a server without ${name}, when they were composed elsewhere`, () =>
      Effect.gen(function* () {
        const composed = Message.eml(
          new TextEncoder().encode("From: ada@sender.example\r\nTo: bob@inbox.example\r\n\r\n\0\r\n")
        )
        const failure = Receipt.strongestFailure(yield* sendBinary(composed))
        assert.deepStrictEqual([failure?._tag, failure?.enhanced], ["PermFailure", "5.6.3"])
        assert.deepStrictEqual(yield* (yield* Mailbox.Mailbox).all, [])
      }).pipe(Effect.provide(mailerFor(server)))
    )
  }

  it.effect("SMTP-154: are in base64 beside a stream of unknown size, which any server takes", () =>
    Effect.gen(function* () {
      const one = Message.attach(message, Attachment.stream(Stream.succeed(small), { name: "d.bin" }))
      assert.isTrue((yield* sendBinary(one)).complete)
      const { body, files } = yield* received
      assert.deepStrictEqual([body, files], ["7BIT", [small, large, troublesome, small].map(digest)])
    }).pipe(Effect.provide(mailerFor({})))
  )

  it.effect("DKIM-015: are in base64 when the mailer signs", () =>
    Effect.gen(function* () {
      assert.isTrue((yield* sendBinary(message)).complete)
      const { all, body, files } = yield* received
      assert.deepStrictEqual([body, files], ["7BIT", [small, large, troublesome].map(digest)])
      assert.match(all, /^DKIM-Signature: /)
    }).pipe(
      Effect.provide(
        Layer.provide(
          mailerFor({ binaryMime: true }),
          Signing.layer({
            signers: [{ domain: "sender.example", selector: "a", key: Redacted.make(btoa("k".repeat(32))) }]
          })
        )
      )
    )
  )
})
