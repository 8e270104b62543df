/** The limits of a simulation are those of reality: of the same attempts at the same times, both let the same ones in. */
import type * as Failure from "@effect-mail/protocol/Failure"
import { Policy, Simulation, Throttle, World } from "@effect-mail/policy"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Schema } from "effect"
import { TestClock } from "effect/testing"
import { busy, local, perm, temp, unreachable } from "./failures.ts"

const endings = { ok: undefined, temp: temp(), perm: perm(), down: unreachable(), busy: busy(), local: local() }

const Ending = Schema.Literals(["ok", "temp", "perm", "down", "down", "down", "busy", "local"])

const int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const Settings = Schema.Struct({
  failures: int(1, 5),
  rate: Schema.Literals(["none", "token-bucket", "fixed-window", "both"]),
  limit: int(1, 4),
  /** The time between two attempts, in milliseconds. */
  gap: Schema.Literals([1, 1000, 5000, 15_000, 61_000, 240_000]),
  endings: Schema.NonEmptyArray(Ending).check(Schema.isMaxLength(60))
})

// Nobody waits in place or tries again, so that there is one attempt for each message, or none.
const policyOf = ({ failures, limit, rate }: typeof Settings.Type): Policy.Policy => {
  const bucket = { limit, window: "1 minute", algorithm: "token-bucket" } as const
  const window = { limit: limit * 3, window: "1 hour", algorithm: "fixed-window" } as const
  const rates = { none: [], "token-bucket": [bucket], "fixed-window": [window], both: [bucket, window] }[rate]
  return Policy.noRetry.pipe(Policy.limits({ breaker: { failures }, rates, patience: 1 }))
}

const isRefusal = (exit: Exit.Exit<unknown, Failure.Failure>): boolean => {
  const error = Exit.findErrorOption(exit)
  return error._tag === "Some" && error.value.stage === "policy"
}

const compare = (settings: typeof Settings.Type) =>
  Effect.gen(function* () {
    const failures = settings.endings.map((ending) => endings[ending])
    const messages = failures.length
    const world = World.make("scripted", ({ message }) => ({ failure: failures[message], takes: 0 }))
    const policy = policyOf(settings)
    const report = yield* Simulation.run(policy, world, { messages, over: messages * settings.gap })

    const real = yield* Effect.gen(function* () {
      const throttle = yield* Throttle.Throttle
      return yield* Effect.forEach(failures, (failure) =>
        Effect.gen(function* () {
          const attempt = failure === undefined ? Effect.void : Effect.fail(failure)
          const exit = yield* Effect.exit(throttle.around(Throttle.host("mx.example.com"))(attempt))
          yield* TestClock.adjust(settings.gap)
          return !isRefusal(exit)
        })
      )
    }).pipe(Effect.provide(Throttle.layer()), Effect.provideService(Policy.CurrentPolicy, policy))

    assert.deepStrictEqual(
      report.messages.map(({ attempts }) => attempts.length === 1),
      real
    )
    assert.strictEqual(report.heldBack, real.filter((passed) => !passed).length)
  })

const downs = (count: number) => Array.from({ length: count }, () => "down" as const)

describe("the limits of a simulation", () => {
  it.effect.prop("CLASS-15 let in what the throttle lets in", { settings: Settings }, ({ settings }) =>
    compare(settings)
  )

  it.effect.each<[string, typeof Settings.Type]>([
    ["rests that grow", { failures: 1, rate: "none", limit: 1, gap: 15_000, endings: ["down", ...downs(59)] }],
    [
      "a success in between",
      { failures: 3, rate: "none", limit: 1, gap: 1, endings: ["down", "down", "ok", ...downs(9)] }
    ],
    [
      "a host that flaps",
      {
        failures: 1,
        rate: "none",
        limit: 1,
        gap: 5000,
        endings: ["down", "down", "down", "down", "down", "ok", ...downs(9)]
      }
    ],
    [
      "trouble that comes back after it was forgotten",
      { failures: 1, rate: "none", limit: 1, gap: 15_000, endings: ["down", "ok", "down", "perm", ...downs(9)] }
    ],
    [
      "our own trouble",
      { failures: 2, rate: "both", limit: 4, gap: 15_000, endings: ["down", "down", "local", "local", ...downs(9)] }
    ]
  ])("CLASS-15 let in what the throttle lets in: %s", ([, settings]) => compare(settings))
})
