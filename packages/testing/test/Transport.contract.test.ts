import { Parcel } from "@effect-mail/message"
import { Endpoint, Envelope, Failure, Receipt, type ServerDialogue, TlsPolicy } from "@effect-mail/protocol"
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
import { Cause, Duration, Effect, Exit, Layer, Result } from "effect"
import { TestClock } from "effect/testing"

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

  const words = (decide: TestTransport.Decide, ...days: ReadonlyArray<number>) =>
    Effect.gen(function* () {
      const { send } = yield* Transport.Transport
      const envelope = Envelope.make({ from: "alice@example.com", to: ["bob@example.org", "carol@example.org"] })
      const parcelOf = (text: string) =>
        Result.getOrThrow(Parcel.fromBytes(new TextEncoder().encode(text), Result.getOrThrow(envelope)))
      const parcel = parcelOf("Subject: x\r\n\r\n")
      const seen: Array<string> = []
      for (const day of days) {
        yield* TestClock.setTime(Duration.toMillis(Duration.days(day)))
        seen.push((yield* send(parcel)).map(Receipt.outcomeWord).join())
      }
      // Another message to the same recipients.
      seen.push((yield* send(parcelOf("Subject: y\r\n\r\n"))).map(Receipt.outcomeWord).join())
      return seen
    }).pipe(Effect.provide(TestTransport.layer(decide)))

  const later = Failure.temp({ stage: "rcpt", scope: "recipient", next: "later", reason: "not now" })

  it.effect("decides by recipient", () =>
    Effect.gen(function* () {
      const decide = TestTransport.byRecipient({ "carol@example.org": nobody })
      assert.deepStrictEqual(yield* words(decide, 0), ["delivered,perm", "delivered,perm"])
    })
  )

  it.effect("decides by the n-th attempt with a message", () =>
    Effect.gen(function* () {
      const decide = TestTransport.byAttempt(later, later)
      const both = "delivered,delivered"
      assert.deepStrictEqual(yield* words(decide, 0, 1, 2), ["temp,temp", "temp,temp", both, "temp,temp"])
    })
  )

  it.effect("decides by time", () =>
    Effect.gen(function* () {
      const decide = TestTransport.until("2 days", later)
      const both = "delivered,delivered"
      assert.deepStrictEqual(yield* words(decide, 0, 1.99, 2), ["temp,temp", "temp,temp", both, both])
    })
  )

  it.effect("decides by a script, which must foresee everything", () =>
    Effect.gen(function* () {
      const carolLater = TestTransport.byRecipient({ "carol@example.org": later })
      const steps = [later, carolLater, undefined] as const
      assert.deepStrictEqual(yield* words(TestTransport.script(...steps), 0, 1), [
        "temp,temp",
        "delivered,temp",
        "delivered,delivered"
      ])
      const exit = yield* Effect.exit(words(TestTransport.script(later), 0))
      assert.match(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", /foresees 1 parcels, and here is another one/)
    })
  )
})
