import { Mailbox } from "@effect-mail/testing"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Failure, Mailer, Message } from "effect-mail"
import { TestClock } from "effect/testing"

// The application's code.
const signUp = (to: string) =>
  Mailer.send(Message.make({ from: "app@example.com", to, subject: "Welcome", text: "Hello, new friend" }))

it.effect("who signs up is welcomed", () =>
  Effect.gen(function* () {
    yield* signUp("bob@example.org")
    const { find } = yield* Mailbox.Mailbox
    const [letter] = yield* find({ to: "bob@example.org", subject: "Welcome" })
    assert.include(letter?.text, "new friend")
  }).pipe(Effect.provide(Mailbox.layerMailer))
)

const full = Failure.temp({ stage: "rcpt", scope: "recipient", next: "later", code: 452, reason: "Mailbox full" })

it.effect("a mailbox that stays full is tried for five days and then given up, in milliseconds", () =>
  Effect.gen(function* () {
    const sending = yield* Effect.forkChild(Effect.flip(signUp("bob@example.org")))
    yield* TestClock.adjust("5 days")
    const failure = yield* Fiber.join(sending)
    assert.strictEqual(failure._tag === "MessageError" ? undefined : failure.enhanced, "5.4.7")
  }).pipe(Effect.provide(Mailer.layerTest(() => full)))
)

it.effect("a mailbox that is full for a day gets it on the next one", () =>
  Effect.gen(function* () {
    const sending = yield* Effect.forkChild(signUp("bob@example.org"))
    yield* TestClock.adjust("2 days")
    assert.strictEqual((yield* Fiber.join(sending)).delivered[0]?.attempts, 10)
  }).pipe(Effect.provide(Mailer.layerTest((_, attempt) => (attempt < 10 ? full : undefined))))
)
