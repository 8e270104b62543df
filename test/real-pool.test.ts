/** Many messages at once over few connections, to servers that nobody here wrote: each arrives once, unaltered, for whom it was. */
import * as NodeDialer from "@effect-mail/node/NodeDialer"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { Endpoint, Envelope, Parcel, Receipt, SmtpTransport, TlsPolicy } from "effect-mail"
import * as Peers from "./support/peers.ts"

const count = 300

const numbers = Array.from({ length: count }, (_, i) => i)

const contentOf = (i: number): string =>
  `From: ada@sender.example\r\nSubject: ${i}\r\n\r\n${`.line of ${i}\r\nand more of it\r\n`.repeat(1 + (i % 40))}`

const recipientOf = (i: number): string => `user${i}@inbox.example`

const parcelOf = (i: number): Parcel.Parcel =>
  Result.getOrThrow(
    Parcel.fromBytes(
      new TextEncoder().encode(contentOf(i)),
      Result.getOrThrow(Envelope.make({ from: "ada@sender.example", to: [recipientOf(i)] }))
    )
  )

const sendAll = (port: number) =>
  Effect.gen(function* () {
    const transport = yield* SmtpTransport.make([Endpoint.make({ host: "127.0.0.1", port, tls: TlsPolicy.none })], {
      name: "client.example",
      pool: { maxConnections: 3, maxMessages: 40 }
    })
    const outcomes = yield* Effect.forEach(numbers, (i) => transport.send(parcelOf(i)), { concurrency: "unbounded" })
    return outcomes.flat().map(Receipt.outcomeWord)
  }).pipe(Effect.scoped, Effect.provide(NodeDialer.layer()))

const using = (missing: string | undefined) => (missing === undefined ? it.live : it.live.skip)

describe("a pool of three connections for 300 messages (PIPE-006)", () => {
  for (const { missing, name, start } of [
    { name: "Postfix's smtp-sink, pipelined", start: Peers.smtpSink(), missing: Peers.missing.smtpSink },
    { name: "Postfix's smtp-sink, in lock-step", start: Peers.smtpSink("-p"), missing: Peers.missing.smtpSink },
    { name: "aiosmtpd", start: Peers.aiosmtpd, missing: Peers.missing.aiosmtpd }
  ]) {
    using(missing)(`at ${name}`, () =>
      Effect.gen(function* () {
        const { port, received } = yield* start
        const words = yield* sendAll(port)
        assert.deepStrictEqual([...new Set(words)], ["delivered"])
        assert.lengthOf(words, count)
        const arrived = new Map(received().map(({ content, recipients }) => [recipients.join(), content]))
        assert.lengthOf(received(), count)
        for (const i of numbers) assert.strictEqual(arrived.get(recipientOf(i)), contentOf(i))
      }).pipe(Effect.scoped)
    )
  }
})
