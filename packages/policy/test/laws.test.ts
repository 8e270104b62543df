import type * as Failure from "@effect-mail/protocol/Failure"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Schedule, Schema } from "effect"
import { Backoff, Kind, Policy } from "@effect-mail/policy"
import { local, minute, perm, refusal, resting, run, temp, uncertain, unreachable } from "./failures.ts"

const failures = {
  temp: () => temp(),
  greylisted: () => temp("try again in 25 minutes"),
  unreachable,
  uncertain,
  refusal,
  resting: () => resting(),
  local
}

const int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const Names = Schema.NonEmptyArray(
  Schema.Literals(["temp", "greylisted", "unreachable", "uncertain", "refusal", "resting", "local"])
)

const Settings = Schema.Struct({
  schedule: Schema.Literals(["standard", "transactional", "spaced", "exponential", "jittered", "endless", "ending"]),
  lifetime: int(1, 6 * 24 * 60),
  jitter: Schema.Literals([0, 0.15, 0.9]),
  retries: Schema.UndefinedOr(Schema.Literals([1, 5])),
  uncertain: Schema.Literals(["retry", "hold", "fail"]),
  attempts: int(1, 4)
})

const schedules: Record<(typeof Settings.Type)["schedule"], Policy.RetrySchedule> = {
  standard: Backoff.standard,
  transactional: Backoff.transactional,
  spaced: Schedule.spaced("17 minutes"),
  exponential: Schedule.exponential("1 minute"),
  jittered: Schedule.jittered(Schedule.exponential("3 minutes", 1.5)),
  endless: Schedule.spaced(Duration.infinity),
  ending: Schedule.spaced("1 minute").pipe(Schedule.upTo({ times: 4 }))
}

const policyOf = (settings: typeof Settings.Type, lifetime = settings.lifetime): Policy.Policy =>
  Policy.makeUnsafe({
    temp: schedules[settings.schedule],
    unreachable: Backoff.standard,
    giveUpAfter: Duration.minutes(lifetime),
    jitter: settings.jitter,
    retries: settings.retries,
    onUncertain: settings.uncertain,
    greetingGrace: { attempts: settings.attempts }
  })

// The named failures one after the other, then from the first one again.
const cycle =
  (names: typeof Names.Type) =>
  (attempt: number): Failure.Failure =>
    failures[names[attempt % names.length] ?? names[0]]()

const everyOtherUncertain =
  (names: typeof Names.Type) =>
  (attempt: number): Failure.Failure =>
    attempt % 2 === 0 ? uncertain() : cycle(names)(attempt)

const inputs = { settings: Settings, names: Names, seed: Schema.Int }

describe("laws of every policy", () => {
  it.effect.prop("a permanent failure is never retried, whatever went before", inputs, ({ names, seed, settings }) =>
    Effect.gen(function* () {
      const decider = yield* Policy.start(policyOf(settings), { seed })
      for (const [attempt] of names.entries()) yield* decider.decide(cycle(names)(attempt), attempt * minute)
      const verdict = perm()
      const decision = yield* decider.decide(verdict, names.length * minute)
      assert.isTrue(decision._tag === "GiveUp" && decision.failure === verdict)
    })
  )

  it.effect.prop("no wait is negative or reaches beyond the lifetime", inputs, ({ names, seed, settings }) =>
    Effect.gen(function* () {
      const { history, waits } = yield* run(policyOf(settings), cycle(names), { seed })
      waits.forEach((wait, attempt) => {
        assert.isAtLeast(wait, 0)
        assert.isAtMost((history[attempt]?.at ?? Infinity) + wait, settings.lifetime * minute)
      })
    })
  )

  it.effect.prop("it ends, and with something to report", inputs, ({ names, seed, settings }) =>
    Effect.gen(function* () {
      const { end } = yield* run(policyOf(settings), cycle(names), { seed, limit: 50_000 })
      assert.isTrue(end !== undefined && end._tag !== "Retry" && end.failure.reason !== "")
    })
  )

  it.effect.prop(
    "a longer lifetime never gives up earlier",
    { ...inputs, more: int(0, 10_000) },
    ({ more, names, seed, settings }) =>
      Effect.gen(function* () {
        const shorter = yield* run(policyOf(settings), cycle(names), { seed })
        const longer = yield* run(policyOf(settings, settings.lifetime + more), cycle(names), { seed })
        assert.isAtLeast(longer.times.at(-1) ?? 0, shorter.times.at(-1) ?? 0)
        assert.isAtLeast(longer.times.length, shorter.times.length)
      })
  )

  it.effect.prop("a replay decides what was decided live, after every attempt", inputs, ({ names, seed, settings }) =>
    Effect.gen(function* () {
      const policy = policyOf(settings)
      const { decisions, history } = yield* run(policy, cycle(names), { seed, limit: 12 })
      for (const [attempt, { at }] of history.entries()) {
        const again = yield* Policy.replay(policy, history.slice(0, attempt + 1), at, { seed })
        assert.deepStrictEqual(again, decisions[attempt])
      }
    })
  )

  it.effect.prop(
    "CLASS-14 CLASS-15 what was not tried never ends a delivery before its lifetime",
    { settings: Settings, names: Schema.NonEmptyArray(Schema.Literals(["resting", "local"])), seed: Schema.Int },
    ({ names, seed, settings }) =>
      Effect.gen(function* () {
        const { end, times } = yield* run(policyOf(settings), cycle(names), { seed, limit: 50_000 })
        assert.strictEqual(times.at(-1), settings.lifetime)
        assert.strictEqual(end?._tag, "GiveUp")
      }),
    20_000
  )

  it.effect.prop(
    "a restart at any time neither shortens a wait nor draws it anew",
    { ...inputs, share: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })) },
    ({ names, seed, settings, share }) =>
      Effect.gen(function* () {
        const policy = policyOf(settings)
        const { history, waits } = yield* run(policy, cycle(names), { seed, limit: 12 })
        for (const [attempt, wait] of waits.entries()) {
          const before = history.slice(0, attempt + 1)
          const passed = Math.floor(wait * share)
          const now = (before.at(-1)?.at ?? 0) + passed
          const again = yield* Policy.replay(policy, before, now, { seed })
          assert.isTrue(again._tag === "Retry" && Duration.toMillis(again.after) === wait - passed)
        }
      })
  )

  it.effect.prop(
    "CLASS-14 CLASS-15 what was not tried changes nothing about later decisions, recorded or not",
    inputs,
    ({ names, seed, settings }) =>
      Effect.gen(function* () {
        const policy = policyOf(settings)
        const { decisions, history } = yield* run(policy, cycle(names), { seed, since: 0, limit: 20 })
        const tried = history.filter(({ failure }) => failure._tag === "PermFailure" || Kind.of(failure) !== "untried")
        for (const [index, attempt] of history.entries()) {
          if (!tried.includes(attempt)) continue
          const before = tried.slice(0, tried.indexOf(attempt) + 1)
          const again = yield* Policy.replay(policy, before, attempt.at, { seed, since: 0 })
          assert.deepStrictEqual(again, decisions[index])
        }
      })
  )

  it.effect.prop("a policy composed with itself is itself", inputs, ({ names, seed, settings }) =>
    Effect.gen(function* () {
      const policy = policyOf(settings)
      const twice = Policy.makeUnsafe({ ...policy, ...policy })
      assert.deepStrictEqual({ ...twice }, { ...policy })
      const same = Policy.forRecipientDomain(
        Policy.forDomain(policy, "a.test", () => policy),
        "a.test"
      )
      const course = yield* run(policy, cycle(names), { seed, limit: 20 })
      for (const other of [twice, same]) {
        assert.deepStrictEqual((yield* run(other, cycle(names), { seed, limit: 20 })).decisions, course.decisions)
      }
    })
  )

  it.effect.prop("every wait says why, and says the end only of the last one", inputs, ({ names, seed, settings }) =>
    Effect.gen(function* () {
      const { decisions } = yield* run(policyOf(settings), cycle(names), { seed })
      const because = decisions.flatMap((decision) => (decision._tag === "Retry" ? [decision.because] : []))
      assert.notInclude(because, "new")
      // What is not an attempt may end the lifetime several times over, at the same instant.
      const ends = because.indexOf("end")
      if (ends >= 0)
        assert.deepStrictEqual(
          because.slice(ends).filter((word) => word !== "end"),
          []
        )
    })
  )

  it.effect.prop(
    "CLASS-52 after an uncertain attempt the next one comes no sooner than twice the base",
    { settings: Settings, names: Names, seed: Schema.Int },
    ({ names, seed, settings }) =>
      Effect.gen(function* () {
        const policy = Policy.makeUnsafe({ ...policyOf(settings), temp: schedules.spaced })
        const { waits } = yield* run(policy, everyOtherUncertain(names), { seed })
        for (const wait of waits.filter((_, attempt) => attempt % 2 === 0)) assert.isAtLeast(wait, 34 * minute)
      })
  )
})
