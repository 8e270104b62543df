import { Parcel } from "@effect-mail/message"
import { Endpoint, Reply, ReplyDecoder, TlsPolicy } from "@effect-mail/protocol"
import { Arbitraries, Mailbox, MailServer, MemoryNetwork, StaticDns } from "@effect-mail/testing"
import { SmtpTransport, Transport } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Delivery, Mailer } from "effect-mail"
import { Arbitrary, Effect, Layer, Result, Stream } from "effect"

const place = { address: "192.0.2.25", port: 25, names: ["mail.example.com"] }

const endpoint = Endpoint.make({ host: "mail.example.com", address: place.address, tls: TlsPolicy.none })

const smtp = (server: MailServer.Options["server"]) =>
  SmtpTransport.layer([endpoint]).pipe(
    Layer.provide(MailServer.layerMemory(place, { server })),
    Layer.provide(MemoryNetwork.layer),
    Layer.provideMerge(Mailbox.layer)
  )

describe("whatever is sent arrives", () => {
  const servers: Readonly<Record<string, MailServer.Options["server"]>> = {
    "with BDAT": {},
    "in groups": { chunking: false },
    "in lock-step": { chunking: false, pipelining: false },
    "in two transactions": { maxRecipients: 2, limits: true }
  }
  for (const [how, server] of Object.entries(servers)) {
    it.effect.prop(
      `octet for octet, in whatever pieces it is read, ${how}`,
      [Arbitraries.parcel, Arbitraries.chunking],
      ([parcel, cut]) =>
        Effect.gen(function* () {
          const { send } = yield* Transport.Transport
          const { all } = yield* Mailbox.Mailbox
          const { bytes = new Uint8Array() } = parcel.body
          const pieces = Stream.fromIterable(cut(bytes), { chunkSize: 1 })
          const streamed: Parcel.Parcel = { ...parcel, body: { ...parcel.body, bytes: undefined, stream: pieces } }
          yield* send(parcel)
          yield* send(streamed)
          const recipients = parcel.envelope.recipients.map(({ address }) => address)
          const mails = yield* all
          assert.deepStrictEqual(
            mails.flatMap((mail) => mail.recipients),
            [...recipients, ...recipients]
          )
          for (const mail of mails) assert.deepStrictEqual(mail.content, bytes)
        }).pipe(Effect.provide(smtp(server))),
      { arbitrary: { runs: 40 } }
    )
  }

  it.effect.prop(
    "and is found in the mailbox as it was composed",
    [Arbitraries.message],
    ([message]) =>
      Effect.gen(function* () {
        const receipt = yield* Mailer.deliver(message)
        assert.strictEqual(receipt.delivered.length, message.to.length)
        const [letter] = yield* Effect.flatMap(Mailbox.Mailbox, ({ find }) => find())
        const files = (letter?.attachments ?? []).map(({ content }) => content)
        assert.deepStrictEqual(
          files,
          message.attachments.map(({ content }) => content)
        )
        // Readers trim what people see, each in its own way.
        const visible = (words = "") => words.replace(/[\p{C}\p{Z}]+/gu, " ").trim()
        assert.strictEqual(visible(letter?.subject), visible(message.subject))
        if (typeof message.text === "string") assert.strictEqual(visible(letter?.text), visible(message.text))
        if (typeof message.html === "string") assert.strictEqual(visible(letter?.html), visible(message.html))
      }).pipe(Effect.provide(Mailer.layer.pipe(Layer.provide(Delivery.layerTransport), Layer.provideMerge(smtp({}))))),
    { arbitrary: { runs: 40 } }
  )
})

describe("arbitraries are what they say", () => {
  it.prop("content has lines that end in CR LF", [Arbitraries.content], ([content]) => {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(content)
    assert.isFalse(/\r(?!\n)|(?<!\r)\n/.test(text))
    assert.isTrue(text === "" || text.endsWith("\r\n"))
  })

  it.prop(
    "a chunking loses nothing and gives nothing empty",
    [Arbitraries.content, Arbitraries.chunking],
    ([all, cut]) => {
      const chunks = cut(all)
      assert.isTrue(chunks.every((chunk) => chunk.length > 0))
      assert.deepStrictEqual(Uint8Array.from(chunks.flatMap((chunk) => [...chunk])), all)
    }
  )

  it.prop(
    "a reply can be written, and read in any pieces",
    [Arbitraries.reply, Arbitraries.chunking],
    ([reply, cut]) => {
      const wire = new TextEncoder().encode(Result.getOrThrow(Reply.format(reply)))
      const decoder = ReplyDecoder.make()
      const replies: Array<Reply.Reply> = []
      for (const chunk of cut(wire)) Result.getOrThrow(decoder.push(chunk, replies))
      assert.deepStrictEqual(replies, [reply])
    }
  )

  it.effect.prop("a zone is well-formed", [Arbitraries.zone], ([zone]) => Effect.asVoid(StaticDns.make(zone)))

  it.effect("and they reach what is rare", () =>
    Effect.gen(function* () {
      const sample = <A>(arbitrary: Arbitrary.Arbitrary<A>) =>
        Arbitrary.sampleEffect(arbitrary, { count: 300, seed: 1 })
      const envelopes = yield* sample(Arbitraries.envelope)
      assert.isTrue(envelopes.some(({ reversePath }) => reversePath === ""))
      assert.isTrue(envelopes.some(({ recipients }) => recipients.length > 1))
      const addresses = yield* sample(Arbitraries.address)
      assert.isTrue(addresses.some((address) => address.startsWith('"')))
      const contents = yield* sample(Arbitraries.content)
      assert.isTrue(contents.some((content) => /(?:^|\r\n)\.\r\n/.test(new TextDecoder().decode(content))))
      const zones = (yield* sample(Arbitraries.zone)).map((zone) => JSON.stringify(zone))
      for (const rare of ["MX 0 .", "CNAME", "AAAA"]) assert.isTrue(zones.some((zone) => zone.includes(rare)))
    })
  )
})
