import { assert, describe, it } from "@effect/vitest"
import { Policy } from "@effect-mail/policy"
import { Clock, Duration, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { readFileSync } from "node:fs"
import { hour, minute, perm, temp } from "./failures.ts"
import { persist, policy } from "./readme.example.ts"

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8")

describe("README", () => {
  it("shows the example that is tested here", () => {
    const example = /```ts\n([^]*?)```/.exec(read("../README.md"))?.[1]
    assert.strictEqual(example, read("./readme.example.ts"))
  })

  it.effect("the example tries until the third attempt works", () =>
    Effect.gen(function* () {
      const times: Array<number> = []
      const attempt = Effect.gen(function* () {
        times.push(yield* Clock.currentTimeMillis)
        if (times.length === 1) return yield* perm("5.7.1 You are sending too fast")
        return times.length === 2 ? yield* temp() : "delivered"
      })
      const fiber = yield* Effect.forkChild(persist("slow.example", attempt))
      yield* TestClock.adjust("3 hours")
      assert.strictEqual(yield* Fiber.join(fiber), "delivered")
      assert.deepStrictEqual(times, [0, hour, 2 * hour])
    }).pipe(Effect.provide(Layer.succeed(Policy.CurrentPolicy, Policy.jitter(policy, 0))))
  )

  it.effect("the example gives up after two days", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Effect.flip(persist("example.com", Effect.fail(temp()))))
      yield* TestClock.adjust(Duration.days(2))
      assert.strictEqual((yield* Fiber.join(fiber)).enhanced, "5.4.7")
      assert.strictEqual(yield* Clock.currentTimeMillis, 48 * 60 * minute)
    }).pipe(Effect.provideService(Policy.CurrentPolicy, policy))
  )
})
