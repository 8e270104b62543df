/** What a message costs that is accepted at once: the steps of its fiber, which are the same on every machine. */
import { Delivery, Endpoint, Envelope, Mailer, Message, Parcel, SmtpTransport, TlsPolicy, Transport } from "effect-mail"
import { Mailbox, MailServer, MemoryNetwork } from "@effect-mail/testing"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Fiber, Layer, Result, Scheduler } from "effect"

const messages = 50

const text = new TextEncoder().encode("Subject: Hello\r\n\r\nGood morning\r\n")
const envelope = { from: "alice@example.com", to: "bob@example.org" }
const message = Message.eml(text, { envelope })
const parcel = Result.getOrThrow(Parcel.fromBytes(text, Result.getOrThrow(Envelope.make(envelope))))

const place = { address: "192.0.2.25", port: 25, names: ["mx.example.com"] }
const endpoint = Endpoint.make({ host: "mx.example.com", address: place.address, port: 25, tls: TlsPolicy.none })

const transport = SmtpTransport.layer([endpoint], { name: "client.example.com", pool: { maxConnections: 1 } })
const mailer = Mailer.layer.pipe(Layer.provide(Delivery.layerTransport), Layer.provideMerge(transport))
const server = MailServer.layerMemory(place, { server: { pipelining: true, chunking: false } })
const world = mailer.pipe(
  Layer.provideMerge(server),
  Layer.provideMerge(Layer.merge(MemoryNetwork.layer, Mailbox.layer))
)

class Counting extends Scheduler.MixedScheduler {
  steps = 0
  override shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
    this.steps++
    return super.shouldYield(fiber)
  }
}

// The steps for each of many messages that are sent at once, once the connection is open.
const stepsOf = <E, R>(send: Effect.Effect<unknown, E, R>): Effect.Effect<number, E, R> =>
  Effect.gen(function* () {
    yield* send
    const counting = new Counting()
    yield* Effect.forEach(Array.from({ length: messages }), () => send, { concurrency: "unbounded" }).pipe(
      Effect.provideService(Scheduler.Scheduler, counting)
    )
    return counting.steps / messages
  })

describe("a message that is accepted at once", () => {
  it.effect("takes few steps through a transport", () =>
    Effect.gen(function* () {
      const { send } = yield* Transport.Transport
      const steps = yield* stepsOf(send(parcel))
      assert.isBelow(steps, 24)
    }).pipe(Effect.provide(world))
  )

  it.effect("takes few more through a mailer", () =>
    Effect.gen(function* () {
      const steps = yield* stepsOf(Mailer.send(message))
      assert.isBelow(steps, 51)
    }).pipe(Effect.provide(world))
  )
})
