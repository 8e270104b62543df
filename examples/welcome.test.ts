/** How an application tests the code that sends its mail: one layer is swapped, nothing is mocked. */
import { assert, it } from "@effect/vitest"
import { Effect, Ref } from "effect"
import { Delivery, Mailer, Message } from "effect-mail"

// The application's code.
const signUp = (address: string) =>
  Mailer.send(Message.make({ from: "app@sender.example", to: address, subject: "Welcome", text: `Hello ${address}` }))

it.effect("signing up sends one welcome mail", () =>
  Effect.gen(function* () {
    yield* signUp("ada@inbox.example")
    const sent = yield* Ref.get(yield* Delivery.Attempts)
    assert.deepStrictEqual(
      sent.flatMap((parcel) => parcel.envelope.recipients.map(({ address }) => String(address))),
      ["ada@inbox.example"]
    )
  }).pipe(Effect.provide(Mailer.layerTest()))
)
