import { TimeLapse } from "@effect-mail/testing"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"

describe("TimeLapse", () => {
  it.effect("moves the clock until the effect ends, and no further than it must", () =>
    Effect.gen(function* () {
      const slept = yield* TimeLapse.run(Effect.as(Effect.sleep("5 days"), "slept"), { step: "1 hour" })
      assert.strictEqual(slept, "slept")
      assert.strictEqual(yield* Clock.currentTimeMillis, 5 * 24 * 3_600_000)
    })
  )

  it.effect("lets real events come first", () =>
    Effect.gen(function* () {
      const real = Effect.promise(() => Promise.resolve("real"))
      assert.strictEqual(yield* TimeLapse.run(Effect.timeout(real, "10 seconds")), "real")
      assert.strictEqual(yield* Clock.currentTimeMillis, 0)
    })
  )

  it.effect("fails as the effect does", () =>
    Effect.gen(function* () {
      const failed = Effect.delay(Effect.fail("no"), "1 minute")
      assert.strictEqual(yield* Effect.flip(TimeLapse.run(failed)), "no")
    })
  )
})
