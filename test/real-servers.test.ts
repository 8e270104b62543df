/** Real messages to servers that nobody here wrote; what arrives is compared with what was sent, byte for byte. */
import * as NodeMailer from "@effect-mail/node/NodeMailer"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Endpoint, Mailer, Message, Policy } from "effect-mail"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Peers from "./support/peers.ts"

const folder = Path.resolve(import.meta.dirname, "../examples/messages")
const examples = Fs.readdirSync(folder).toSorted()

// What must arrive: CR LF everywhere, and at the end.
const onTheWire = (bytes: Uint8Array): Buffer => {
  const text = Buffer.from(bytes)
    .toString("latin1")
    .replace(/\r\n|\r|\n/g, "\r\n")
  return Buffer.from(text.endsWith("\r\n") ? text : `${text}\r\n`, "latin1")
}

const sendAll = (port: number) =>
  Effect.forEach(examples, (name) =>
    Mailer.send(
      Message.eml(Fs.readFileSync(Path.join(folder, name)), {
        envelope: { from: "ada@sender.example", to: ["bob@inbox.example", "carol@inbox.example"] }
      })
    )
  ).pipe(
    Effect.provide(
      NodeMailer.layerRelay([Endpoint.make({ host: "127.0.0.1", port })], { smtp: { name: "client.example" } })
    ),
    Effect.provideService(Policy.CurrentPolicy, Policy.noRetry)
  )

const peers = [
  { name: "Postfix's smtp-sink, pipelined", start: Peers.smtpSink(), missing: Peers.missing.smtpSink },
  { name: "Postfix's smtp-sink, in lock-step (-p)", start: Peers.smtpSink("-p"), missing: Peers.missing.smtpSink },
  { name: "aiosmtpd", start: Peers.aiosmtpd, missing: Peers.missing.aiosmtpd }
]

for (const peer of peers) {
  describe.skipIf(peer.missing !== undefined)(peer.missing ?? peer.name, () => {
    it.live(`takes every message of examples/messages unaltered from us (SMTP-092, SMTP-093, SMTP-094)`, () =>
      Effect.scoped(
        Effect.gen(function* () {
          const { port, received } = yield* peer.start
          const receipts = yield* sendAll(port)
          for (const receipt of receipts) {
            assert.isTrue(receipt.complete)
            assert.strictEqual(receipt.delivered.length, 2)
          }
          const arrived = received()
          assert.strictEqual(arrived.length, examples.length)
          const sent = examples.map((name) => onTheWire(Fs.readFileSync(Path.join(folder, name))))
          // The sink numbers its files by chance, so the messages are compared as a set.
          for (const bytes of sent) {
            assert.isTrue(
              arrived.some(({ content }) => bytes.equals(content)),
              bytes.subarray(0, 200).toString()
            )
          }
        })
      )
    )
  })
}
