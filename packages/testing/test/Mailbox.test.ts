import { Mailbox } from "@effect-mail/testing"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"

const mail = (...recipients: ReadonlyArray<string>): Mailbox.Mail => ({
  from: "alice@example.com",
  recipients,
  parameters: new Map(),
  content: new Uint8Array(),
  secure: false
})

describe("Mailbox", () => {
  it.effect("gives the mail of one recipient, in order", () =>
    Effect.gen(function* () {
      const box = yield* Mailbox.make
      const [first, second, third] = [
        mail("bob@example.com"),
        mail("carol@example.com"),
        mail("x@example.com", "bob@example.com")
      ] as const
      yield* Effect.forEach([first, second, third], box.put)
      assert.deepStrictEqual(yield* box.all, [first, second, third])
      assert.deepStrictEqual(yield* box.to("bob@example.com"), [first, third])
      assert.deepStrictEqual(yield* box.to("nobody@example.com"), [])
    })
  )

  it.effect("waits until so many messages are there, and not when they are there already", () =>
    Effect.gen(function* () {
      const box = yield* Mailbox.make
      assert.deepStrictEqual(yield* box.wait(0), [])
      const waiting = yield* Effect.forkChild(box.wait(2), { startImmediately: true })
      yield* box.put(mail("bob@example.com"))
      yield* Effect.yieldNow
      assert.isUndefined(waiting.pollUnsafe())
      yield* box.put(mail("carol@example.com"))
      assert.strictEqual((yield* Fiber.join(waiting)).length, 2)
      assert.strictEqual((yield* box.wait(1)).length, 2)
    })
  )
})
