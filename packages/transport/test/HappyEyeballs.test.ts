import { HappyEyeballs } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"

describe("the order of addresses (RFC 8305 section 4)", () => {
  const order = HappyEyeballs.interleave
  it("alternates the families, beginning with that of the first", () => {
    assert.deepStrictEqual(order(["::1", "::2", "::3", "192.0.2.1", "192.0.2.2"]), [
      "::1",
      "192.0.2.1",
      "::2",
      "192.0.2.2",
      "::3"
    ])
    assert.deepStrictEqual(order(["192.0.2.1", "192.0.2.2", "::1"]), ["192.0.2.1", "::1", "192.0.2.2"])
  })
  it("keeps one family as it is, has nothing for nobody, and no address twice", () => {
    assert.deepStrictEqual(order(["192.0.2.2", "192.0.2.1", "192.0.2.2"]), ["192.0.2.2", "192.0.2.1"])
    assert.deepStrictEqual(order([]), [])
  })
  it("is bounded, and still has both families then", () => {
    const many = [...Array.from({ length: 100 }, (_, i) => `2001:db8::${i + 1}`), "192.0.2.1"]
    assert.lengthOf(order(many), HappyEyeballs.maxAddresses)
    assert.include(order(many), "192.0.2.1")
  })
})

// Attempts that a test ends when it likes; `log` has what became of each.
const race = Effect.fnUntraced(function* (count: number) {
  const log: Array<string> = []
  const resumes = new Map<number, (exit: Exit.Exit<string, string>) => void>()
  const attempt = (index: number) =>
    Effect.gen(function* () {
      yield* Effect.acquireRelease(
        Effect.sync(() => log.push(`${index} opens`)),
        () => Effect.sync(() => log.push(`${index} closes`))
      )
      return yield* Effect.callback<string, string>((resume) => void resumes.set(index, resume))
    })
  const attempts = Array.from({ length: count }, (_, index) => attempt(index))
  if (!Arr.isArrayNonEmpty(attempts)) return yield* Effect.die("no attempts")
  const scope = yield* Scope.make()
  const racing = yield* Effect.forkScoped(Scope.provide(HappyEyeballs.race(attempts), scope), {
    startImmediately: true
  })
  const settleAll = (...exits: ReadonlyArray<readonly [index: number, exit: Exit.Exit<string, string>]>) =>
    Effect.andThen(
      Effect.sync(() => exits.forEach(([index, exit]) => resumes.get(index)?.(exit))),
      Effect.repeat(Effect.yieldNow, { times: 10 })
    )
  const settle = (index: number, exit: Exit.Exit<string, string>) => settleAll([index, exit])
  return { log, racing, scope, settle, settleAll }
})

const halfway = "125 millis"

describe("the race (RFC 8305 section 5)", () => {
  it.effect("begins with the first address alone", () =>
    Effect.gen(function* () {
      const { log, racing, settle } = yield* race(2)
      yield* TestClock.adjust("249 millis")
      yield* settle(0, Exit.succeed("first"))
      assert.strictEqual(yield* Fiber.join(racing), "first")
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(log, ["0 opens"])
    })
  )

  it.effect("gives each attempt 250 ms before the next one, and does not give it up then", () =>
    Effect.gen(function* () {
      const { log, racing, settle } = yield* race(3)
      yield* TestClock.adjust("250 millis")
      assert.deepStrictEqual(log, ["0 opens", "1 opens"])
      yield* TestClock.adjust(halfway)
      assert.lengthOf(log, 2)
      yield* TestClock.adjust(halfway)
      assert.deepStrictEqual(log.slice(2), ["2 opens"])
      yield* settle(0, Exit.succeed("first, late"))
      assert.strictEqual(yield* Fiber.join(racing), "first, late")
    })
  )

  it.effect("goes on at once when an attempt fails, with a head start for the next one", () =>
    Effect.gen(function* () {
      const { log, racing, settle } = yield* race(3)
      yield* TestClock.adjust(halfway)
      yield* settle(0, Exit.fail("refused"))
      assert.deepStrictEqual(log, ["0 opens", "0 closes", "1 opens"])
      yield* TestClock.adjust("249 millis")
      assert.lengthOf(log, 3)
      yield* settle(1, Exit.succeed("second"))
      assert.strictEqual(yield* Fiber.join(racing), "second")
    })
  )

  it.effect("closes what it does not use at once, and the winner with the scope", () =>
    Effect.gen(function* () {
      const { log, racing, scope, settle } = yield* race(3)
      yield* TestClock.adjust("1 second")
      yield* settle(1, Exit.succeed("second"))
      assert.strictEqual(yield* Fiber.join(racing), "second")
      assert.sameMembers(log.slice(3), ["0 closes", "2 closes"])
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(log.slice(5), ["1 closes"])
    })
  )

  it.effect("uses one of two that arrive at the same time, and closes the other", () =>
    Effect.gen(function* () {
      const { log, racing, scope, settleAll } = yield* race(2)
      yield* TestClock.adjust("1 second")
      yield* settleAll([0, Exit.succeed("first")], [1, Exit.succeed("second")])
      const winner = yield* Fiber.join(racing)
      const loser = winner === "first" ? 1 : 0
      assert.deepStrictEqual(log.slice(2), [`${loser} closes`])
      yield* Scope.close(scope, Exit.void)
      assert.lengthOf(log, 4)
    })
  )

  it.effect("fails as the preferred address did when all fail, whichever failed last", () =>
    Effect.gen(function* () {
      const { log, racing, settle } = yield* race(2)
      yield* TestClock.adjust("1 second")
      yield* settle(1, Exit.fail("second refused"))
      yield* settle(0, Exit.fail("first refused"))
      assert.strictEqual(yield* Effect.flip(Fiber.join(racing)), "first refused")
      assert.sameMembers(log.slice(2), ["0 closes", "1 closes"])
    })
  )

  it.effect("ends with an interruption, and closes everything", () =>
    Effect.gen(function* () {
      const { log, racing } = yield* race(2)
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(racing)
      assert.sameMembers(log.slice(2), ["0 closes", "1 closes"])
    })
  )
})
