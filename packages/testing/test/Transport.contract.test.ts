import { Parcel } from "@effect-mail/message"
import { Endpoint, Envelope, Failure, type ServerDialogue, TlsPolicy } from "@effect-mail/protocol"
import {
  Mailbox,
  MailServer,
  MemoryNetwork,
  SpecialAddresses,
  TestTransport,
  TransportContract
} from "@effect-mail/testing"
import { SmtpTransport, Transport } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Result } from "effect"

const place = { address: "192.0.2.25", port: 25, names: ["mail.example.com"] }

const overSmtp = Effect.gen(function* () {
  const mailbox = yield* Mailbox.Mailbox
  return {
    transport: yield* Transport.Transport,
    received: mailbox.all,
    refused: "perm@example.org"
  }
})

const smtp = (server: Partial<ServerDialogue.ServerOptions>) =>
  SmtpTransport.layer([
    Endpoint.make({
      host: "mail.example.com",
      address: place.address,
      port: place.port,
      protocol: server.protocol ?? "smtp",
      tls: TlsPolicy.required
    })
  ]).pipe(
    Layer.provide(
      Layer.unwrap(Effect.map(SpecialAddresses.make, (decide) => MailServer.layerMemory(place, { server, decide })))
    ),
    Layer.provide(MemoryNetwork.layer),
    Layer.provideMerge(Mailbox.layer)
  )

const servers: ReadonlyArray<Partial<ServerDialogue.ServerOptions>> = [
  {},
  { chunking: false },
  { chunking: false, pipelining: false },
  { protocol: "lmtp" }
]

for (const server of servers) {
  describe(`SmtpTransport to a server with ${JSON.stringify(server)}`, () => {
    for (const { effect, name } of TransportContract.cases(overSmtp)) {
      it.effect(name, () => Effect.provide(effect, smtp(server)))
    }
  })
}

const nobody = Failure.perm({ stage: "rcpt", scope: "recipient", next: "never", reason: "nobody of this name" })

const inTest = Effect.gen(function* () {
  const test = yield* TestTransport.TestTransport
  return {
    transport: yield* Transport.Transport,
    received: Effect.map(test.sent, (all) =>
      all.flatMap(({ content, outcomes }) => {
        const recipients = outcomes.filter(({ _tag }) => _tag === "Delivered").map(({ recipient }) => recipient)
        return recipients.length === 0 ? [] : [{ recipients, content }]
      })
    ),
    refused: "perm@example.org"
  }
})

const decide: TestTransport.Decide = ({ address }) => (address === "perm@example.org" ? nobody : undefined)

describe("TestTransport", () => {
  for (const { effect, name } of TransportContract.cases(inTest)) {
    it.effect(name, () => Effect.provide(effect, TestTransport.layer(decide)))
  }

  it.effect("shows what it was given, and forgets it when asked", () =>
    Effect.gen(function* () {
      const { send } = yield* Transport.Transport
      const { clear, sent } = yield* TestTransport.TestTransport
      const envelope = Envelope.make({ from: "alice@example.com", to: ["bob@example.org", "perm@example.org"] })
      const content = new TextEncoder().encode("Subject: x\r\n\r\n")
      const parcel = Result.getOrThrow(Parcel.fromBytes(content, Result.getOrThrow(envelope)))
      const outcomes = yield* send(parcel)
      assert.deepStrictEqual(yield* sent, [{ parcel, content, outcomes }])
      yield* clear
      assert.deepStrictEqual(yield* sent, [])
    }).pipe(Effect.provide(TestTransport.layer(decide)))
  )
})
