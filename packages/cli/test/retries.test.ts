/** `--retries`, under the test clock. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Queue } from "effect"
import { TestClock } from "effect/testing"
import { run } from "./support/cli.ts"
import { withServer } from "./support/servers.ts"

/** Runs `send`, and lets the time pass that it says it waits. */
const send = Effect.fnUntraced(function* (port: number, ...args: ReadonlyArray<string>) {
  const waits = yield* Queue.unbounded<number>()
  const sending = yield* run(
    ["send", "--from", "ada@sender.example", "--server", `smtp://127.0.0.1:${port}`, "--tls", "none", ...args],
    { onError: (line) => Queue.offerUnsafe(waits, Number(/next attempt in (\d+)s:/.exec(line)?.[1])) }
  ).pipe(Effect.forkChild)
  const clock = yield* Effect.forkChild(
    Effect.forever(Effect.flatMap(Queue.take(waits), (seconds) => TestClock.adjust(Duration.seconds(seconds))))
  )
  return yield* Effect.ensuring(Fiber.join(sending), Fiber.interrupt(clock))
})

describe("--retries", () => {
  it.effect("tries again, says so meanwhile, and reports the attempts", () =>
    withServer((port) =>
      Effect.gen(function* () {
        const { err, out, status } = yield* send(port, "--to", "greylist@inbox.example", "--retries", "2")
        assert.strictEqual(status, 0)
        assert.deepStrictEqual(out, [
          "greylist@inbox.example: delivered after 2 attempts: 127.0.0.1 answered 250 Taken"
        ])
        assert.strictEqual(err.length, 1)
        assert.match(
          err[0] ?? "",
          /^effect-mail: greylist@inbox\.example: next attempt in (2[5-9]|3[0-5])s: 127\.0\.0\.1:\d+ answered 451 Greylisted/
        )
      })
    )
  )

  it.effect("that are used up end with what the server said last, which is still temporary: 75", () =>
    withServer((port) =>
      Effect.gen(function* () {
        const { err, out, status } = yield* send(port, "--to", "temp@inbox.example", "--retries", "1", "--json")
        assert.deepStrictEqual([status, err.length], [75, 1])
        assert.deepStrictEqual(out, [
          `{"recipient":"temp@inbox.example","outcome":"temp","stage":"rcpt","code":450,"enhanced":"4.2.1",` +
            `"text":"The mailbox is busy","host":"127.0.0.1","attempts":2}`
        ])
      })
    )
  )

  it.effect("are not spent on what cannot change", () =>
    withServer((port) =>
      Effect.gen(function* () {
        const { err, out, status } = yield* send(port, "--to", "perm@inbox.example", "--retries", "5")
        assert.deepStrictEqual([status, err, out.length], [69, [], 1])
      })
    )
  )

  it.effect("are none by default", () =>
    withServer((port) =>
      Effect.gen(function* () {
        const { err, status } = yield* send(port, "--to", "greylist@inbox.example")
        assert.deepStrictEqual([status, err], [75, []])
      })
    )
  )
})
