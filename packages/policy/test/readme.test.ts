import { assert, describe, it } from "@effect/vitest"
import { Policy, PolicyDocument, World } from "@effect-mail/policy"
import { Clock, Duration, Effect, Exit, Fiber, Layer, Result, Schema } from "effect"
import { TestClock } from "effect/testing"
import { readFileSync } from "node:fs"
import { hour, minute, perm, temp, unreachable } from "./failures.ts"
import { persist, policy } from "./readme.example.ts"
import { comparison } from "./readme.simulation.example.ts"
import { alarms, Live, polite } from "./readme.throttle.example.ts"

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8")

describe("README", () => {
  it("shows the examples that are tested here", () => {
    const examples = [...read("../README.md").matchAll(/```ts\n([^]*?)```/g)].map(([, code]) => code)
    const files = ["./readme.example.ts", "./readme.simulation.example.ts", "./readme.throttle.example.ts"]
    assert.deepStrictEqual(examples, files.map(read))
  })

  it("shows a document that is a policy, with every setting there is", () => {
    const json = /```json\n([^]*?)```/.exec(read("../README.md"))?.[1] ?? ""
    const document = Schema.decodeSync(Schema.fromJsonString(PolicyDocument.PolicyDocument))(json)
    assert.isTrue(Result.isSuccess(PolicyDocument.parse(json)))
    assert.sameMembers(Object.keys(document), Object.keys(PolicyDocument.PolicyDocument.fields))
  })

  it("names every preset and every world", () => {
    const page = read("../README.md")
    for (const name of [...Object.keys(Policy.presets), ...Object.keys(World.worlds)])
      assert.include(page, `\`${name}\``)
  })

  it.effect("the simulation says that Postfix's timetable brings the mail sooner", () =>
    Effect.gen(function* () {
      const { postfix = 0, standard = 0 } = yield* comparison
      assert.isBelow(postfix, standard)
    })
  )

  it.effect("the throttled attempt passes ten times a minute, and an alarm rings once", () =>
    Effect.gen(function* () {
      const pages: Array<string> = []
      const page = (text: string) => Effect.sync(() => void pages.push(text))
      const passed = Effect.forEach(Array.from({ length: 12 }), () =>
        Effect.exit(polite("slow.example", "mx.slow.example", Effect.succeed("sent")))
      )
      const sent = yield* Effect.gen(function* () {
        yield* Effect.forkChild(alarms(page), { startImmediately: true })
        const exits = yield* Effect.forkChild(passed, { startImmediately: true })
        yield* TestClock.adjust("1 minute")
        for (let n = 0; n < 3; n++) {
          yield* Effect.exit(polite("away.example", "mx.away.example", Effect.fail(unreachable())))
          yield* TestClock.adjust("1 hour")
        }
        return (yield* Fiber.join(exits)).filter(Exit.isSuccess).length
      }).pipe(Effect.provide(Live))
      assert.strictEqual(sent, 12)
      assert.deepStrictEqual(
        pages.map((text) => text.split(" ")[0]),
        ["host:mx.away.example", "domain:away.example"]
      )
    })
  )

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
