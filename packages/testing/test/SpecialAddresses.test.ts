import { Parcel } from "@effect-mail/message"
import { Endpoint, Envelope, TlsPolicy } from "@effect-mail/protocol"
import { Mailbox, MailServer, MemoryNetwork, SpecialAddresses } from "@effect-mail/testing"
import { SmtpSettings, SmtpTransport } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Result } from "effect"
import { TestClock } from "effect/testing"

const place = { address: "192.0.2.25", port: 25 }

const send = (...to: ReadonlyArray<string>) => {
  const envelope = Result.getOrThrow(Envelope.make({ from: "alice@example.com", to }))
  const parcel = Result.getOrThrow(Parcel.fromBytes(new TextEncoder().encode("Subject: x\r\n\r\n"), envelope))
  const endpoint = Endpoint.make({ host: "mail.example.com", ...place, tls: TlsPolicy.none })
  return Effect.map(SmtpTransport.sendVia([endpoint], parcel, SmtpSettings.standard), (outcomes) =>
    outcomes.map((outcome) =>
      outcome._tag === "Delivered"
        ? "delivered"
        : `${outcome.failure._tag} ${outcome.failure.stage} ${outcome.failure.code} ${outcome.failure.enhanced}`
    )
  )
}

const world = Layer.unwrap(
  Effect.map(SpecialAddresses.make, (decide) => MailServer.layerMemory(place, { decide }))
).pipe(Layer.provideMerge(MemoryNetwork.layer), Layer.provideMerge(Mailbox.layer))

describe("SpecialAddresses", () => {
  const table = {
    "accept@example.com": "delivered",
    "anybody@example.com": "delivered",
    "temp@example.com": "TempFailure rcpt 450 4.2.1",
    "perm@example.com": "PermFailure rcpt 550 5.1.1",
    "PERM@example.com": "PermFailure rcpt 550 5.1.1",
    "full@example.com": "TempFailure rcpt 452 4.2.2",
    "refused@example.com": "PermFailure data-end 554 5.6.0",
    "later@example.com": "TempFailure data-end 451 4.3.0",
    "greylist@example.com": "TempFailure rcpt 451 4.7.1",
    postmaster: "delivered"
  }
  for (const [address, expected] of Object.entries(table)) {
    it.effect(`${address}: ${expected}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* send(address), [expected])
      }).pipe(Effect.provide(world))
    )
  }

  it.effect("greylist: is accepted the second time, each address on its own", () =>
    Effect.gen(function* () {
      const later = "TempFailure rcpt 451 4.7.1"
      assert.deepStrictEqual(yield* send("greylist@example.com"), [later])
      assert.deepStrictEqual(yield* send("greylist@example.org", "greylist@example.com"), [later, "delivered"])
      assert.deepStrictEqual(yield* send("greylist@example.org"), ["delivered"])
    }).pipe(Effect.provide(world))
  )

  it.effect("slow: is answered after a minute, and everything else at once", () =>
    Effect.gen(function* () {
      const sending = yield* Effect.forkChild(send("accept@example.com", "slow@example.com"))
      yield* Effect.forEach(Array.from({ length: 100 }), () => Effect.yieldNow, { discard: true })
      yield* TestClock.adjust("59999 millis")
      assert.isUndefined(sending.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* Fiber.join(sending), ["delivered", "delivered"])
    }).pipe(Effect.provide(world))
  )

  it.effect("one who wants the message refused speaks for all", () =>
    Effect.gen(function* () {
      const refused = "PermFailure data-end 554 5.6.0"
      assert.deepStrictEqual(yield* send("accept@example.com", "refused@example.com"), [refused, refused])
      assert.deepStrictEqual(yield* Effect.flatMap(Mailbox.Mailbox, ({ all }) => all), [])
    }).pipe(Effect.provide(world))
  )
})
