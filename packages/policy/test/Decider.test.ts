import * as Failure from "@effect-mail/protocol/Failure"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Random, Schedule, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as Clock from "effect/Clock"
import { Backoff, Decision, Kind, Policy } from "@effect-mail/policy"
import { day, hour, local, minute, perm, refusal, resting, run, temp, uncertain, unreachable } from "./failures.ts"

const exact = Policy.standard.pipe(Policy.jitter(0))

const reported = (decision: Decision.Decision | undefined): Failure.Failure | undefined =>
  decision?._tag === "GiveUp" ? decision.failure : undefined

const kindOf = (failure: Failure.Failure) => (failure._tag === "PermFailure" ? "perm" : Kind.of(failure))

const waitsUnder = (seed: string) =>
  run(Policy.standard, () => temp(), { limit: 5 }).pipe(
    Random.withSeed(seed),
    Effect.map(({ waits }) => waits)
  )

const history = [0, 5, 15].map((at) => ({ at: at * minute, failure: temp() }))

const replayAt = (minutes: number) => Policy.replay(exact, history, minutes * minute)

describe("Decider", () => {
  describe("kinds of failure", () => {
    it("CLASS-14 CLASS-15 tells what was not tried from what failed", () => {
      assert.strictEqual(kindOf(temp()), "temp")
      assert.strictEqual(kindOf(unreachable()), "unreachable")
      assert.strictEqual(kindOf(uncertain()), "uncertain")
      assert.strictEqual(kindOf(resting()), "untried")
      assert.strictEqual(kindOf(local()), "untried")
      const noHost = { stage: "connect", scope: "domain", next: "later", reason: "x" } as const
      assert.strictEqual(kindOf(Failure.unreachable({ ...noHost, enhanced: "4.4.1" })), "untried")
      assert.strictEqual(
        kindOf(Failure.unreachable({ ...noHost, enhanced: "4.4.1", host: "mx.example.com" })),
        "unreachable"
      )
      assert.strictEqual(kindOf(Failure.unreachable({ ...noHost, enhanced: "4.4.3", stage: "route" })), "unreachable")
      assert.strictEqual(kindOf(Failure.temp({ ...noHost, stage: "policy" })), "untried")
      assert.strictEqual(kindOf(Failure.unreachable({ ...noHost, next: "address", enhanced: "4.4.1" })), "unreachable")
    })

    it.effect("answered by one schedule value go through it together", () =>
      Effect.gen(function* () {
        const { times } = yield* run(exact, (n) => (n % 2 === 0 ? temp() : unreachable()), { limit: 5 })
        assert.deepStrictEqual(times, [0, 5, 15, 35, 75])
      })
    )

    it.effect("answered by schedules of their own do not", () =>
      Effect.gen(function* () {
        const policy = exact.pipe(Policy.onUnreachable(Backoff.steps(["1 minute", "2 minutes"])))
        const { times } = yield* run(policy, (n) => (n % 2 === 0 ? temp() : unreachable()), { limit: 5 })
        assert.deepStrictEqual(times, [0, 5, 6, 16, 18])
      })
    )

    it.effect("schedules see the failure they answer", () =>
      Effect.gen(function* () {
        const schedule: Policy.RetrySchedule = Schedule.identity<Failure.Failure>().pipe(
          Schedule.modifyDelay(({ input }) => Effect.succeed(input.code === 450 ? "7 minutes" : "9 minutes"))
        )
        const policy = exact.pipe(Policy.onTemp(schedule), Policy.onUnreachable(schedule))
        const { times } = yield* run(policy, (n) => (n === 0 ? temp() : unreachable()), { limit: 3 })
        assert.deepStrictEqual(times, [0, 7, 16])
      })
    )

    it.effect("a schedule that ends makes the policy give up", () =>
      Effect.gen(function* () {
        const twice = Schedule.spaced("1 minute").pipe(Schedule.upTo({ times: 2 }))
        const { end, times } = yield* run(exact.pipe(Policy.onTemp(twice)), () => temp())
        assert.deepStrictEqual(times, [0, 1, 2])
        assert.strictEqual(
          reported(end)?.reason,
          "gave up after 3 attempts; the last error was: 450 4.2.0 Mailbox is busy"
        )
      })
    )
  })

  describe("CLASS-14 CLASS-15 what was not tried", () => {
    it.effect("is no attempt: it uses up no retries and makes no wait longer", () =>
      Effect.gen(function* () {
        const policy = exact.pipe(Policy.retries(2))
        const { end, times } = yield* run(policy, (n) => (n < 50 ? (n % 2 === 0 ? local() : resting()) : temp()))
        assert.deepStrictEqual(times.slice(50), [250, 255, 265])
        assert.strictEqual(times[49], 245)
        assert.strictEqual(reported(end)?.enhanced, "5.4.7")
      })
    )

    it.effect("is asked again every 5 minutes or when the breaker says, until the lifetime ends", () =>
      Effect.gen(function* () {
        const policy = exact.pipe(Policy.giveUpAfter("1 hour"), Policy.retries(1))
        const often = yield* run(policy, () => local())
        assert.deepStrictEqual(
          often.times,
          Array.from({ length: 13 }, (_, n) => n * 5)
        )
        const later = yield* run(policy, () => resting("every host rests, try again in 20 minutes"))
        assert.deepStrictEqual(later.times, [0, 20, 40, 60])
      })
    )

    it.effect("is asked again as soon as the breaker or the limit lets it, which may be sooner than 5 minutes", () =>
      Effect.gen(function* () {
        const soon = yield* run(exact, () => resting("mx.example.com is resting; try again in 15 seconds"), {
          limit: 3
        })
        assert.deepStrictEqual(soon.waits, [15_000, 15_000, 15_000])
        const spread = yield* run(Policy.standard, () => resting("try again in 100 seconds"), { seed: 1, limit: 100 })
        assert.isTrue(spread.waits.every((wait) => wait >= 100_000 && wait <= 115_000))
      })
    )

    it.effect("CLASS-64 does not hide the last real error", () =>
      Effect.gen(function* () {
        const { end } = yield* run(exact, (n) => (n === 0 ? temp("4.7.1 Not now") : resting()))
        assert.strictEqual(
          reported(end)?.message,
          "mx.example.com:25: gave up after 5d; the last error was: 450 4.7.1 Not now"
        )
      })
    )
  })

  describe("CLASS-18 a 5xx greeting", () => {
    const daily = Policy.makeUnsafe({ ...exact, temp: Backoff.steps(["23 hours", "1 hour"]), unreachable: exact.temp })

    it.effect("becomes permanent when it has been so for a day, and not with the third attempt in a quarter hour", () =>
      Effect.gen(function* () {
        const { end, times } = yield* run(exact, () => refusal())
        assert.deepStrictEqual(times, [0, 5, 15, 35, 75, 155, 315, 555, 795, 1035, 1275, 1515])
        const failure = reported(end)
        assert.strictEqual(failure?._tag, "PermFailure")
        assert.strictEqual(failure?.scope, "domain")
        assert.strictEqual(failure?.next, "never")
        assert.strictEqual(failure?.code, 554)
        assert.deepStrictEqual(failure?.lines, ["No SMTP service here"])
        assert.strictEqual(failure?.hint, "The server turned every session away: 12 in a row, for 1d 1h 15m")
      })
    )

    it.effect("becomes permanent with the third attempt, if that is later", () =>
      Effect.gen(function* () {
        const rare = yield* run(Policy.onTemp(exact, Backoff.steps(["30 hours"])), () => refusal())
        assert.deepStrictEqual(rare.times, [0, 30 * 60, 60 * 60])
        const { end, times } = yield* run(daily, () => refusal())
        assert.deepStrictEqual(times, [0, 23 * 60, 24 * 60])
        assert.strictEqual(reported(end)?.code, 554)
      })
    )

    it.effect("takes as long and as many attempts as the policy says", () =>
      Effect.gen(function* () {
        const policy = Policy.makeUnsafe({ ...exact, greetingGrace: { after: "10 minutes", attempts: 2 } })
        assert.deepStrictEqual((yield* run(policy, () => refusal())).times, [0, 5, 15])
      })
    )

    it.effect("is forgotten when the server lets a session in, and not when it cannot be reached", () =>
      Effect.gen(function* () {
        const welcome = yield* run(daily, (n) => (n === 2 ? temp() : refusal()))
        assert.deepStrictEqual(
          welcome.times,
          [0, 23, 24, 25, 26, 27, ...Array.from({ length: 22 }, (_, n) => 28 + n)].map((n) => n * 60)
        )
        const away = yield* run(daily, (n) => (n === 1 ? unreachable() : refusal()))
        assert.strictEqual(reported(away.end)?.code, 554)
      })
    )

    it.effect("CLASS-17 a 4xx greeting never becomes permanent by itself", () =>
      Effect.gen(function* () {
        const busy = Failure.temp({ stage: "greeting", scope: "host", next: "host", code: 421, reason: "busy" })
        const { end } = yield* run(exact, () => busy)
        assert.strictEqual(reported(end)?.enhanced, "5.4.7")
      })
    )

    it.effect("CLASS-22 holds for a 5xx to HELO", () =>
      Effect.gen(function* () {
        const helo = Failure.temp({ stage: "ehlo", scope: "host", next: "host", code: 550, reason: "go away" })
        const { end, times } = yield* run(exact, () => helo)
        assert.strictEqual(times.at(-1), 1515)
        assert.strictEqual(reported(end)?.code, 550)
      })
    )

    it.effect("CLASS-65 stays temporary where a rule says so", () =>
      Effect.gen(function* () {
        const policy = exact.pipe(Policy.rule({ name: "known to recover", code: 554, verdict: "temp" }))
        const { end, times } = yield* run(policy, () => refusal())
        assert.strictEqual(times.at(-1), 7200)
        assert.strictEqual(reported(end)?.enhanced, "5.4.7")
      })
    )
  })

  describe("CLASS-40 a hint of the server", () => {
    it.effect("stretches a wait that is shorter, and leaves a longer one", () =>
      Effect.gen(function* () {
        const { times } = yield* run(exact, () => temp("4.7.1 Greylisted, please try again in 12 minutes"), {
          limit: 4
        })
        assert.deepStrictEqual(times, [0, 12, 24, 44])
      })
    )

    it.effect("is believed up to 6 hours", () =>
      Effect.gen(function* () {
        const { times } = yield* run(exact, () => temp("try again in 9 days"), { limit: 2 })
        assert.deepStrictEqual(times, [0, 360])
      })
    )

    it.effect("SMTP-075 is never undercut by jitter", () =>
      Effect.gen(function* () {
        const policy = Policy.standard.pipe(Policy.onTemp(Schedule.spaced("5 minutes")))
        const { waits } = yield* run(policy, () => temp("try again in 300 seconds"), { seed: 1, limit: 200 })
        assert.isTrue(waits.every((wait) => wait >= 5 * minute && wait <= 5.75 * minute))
        assert.isAbove(new Set(waits).size, 100)
      })
    )

    it.effect("that reaches beyond the lifetime leaves a last attempt at its end", () =>
      Effect.gen(function* () {
        const policy = Policy.transactional.pipe(Policy.jitter(0))
        const { end, times } = yield* run(policy, () => temp("try again in 5 hours"))
        assert.deepStrictEqual(times, [0, 240])
        assert.strictEqual(reported(end)?._tag, "PermFailure")
      })
    )
  })

  it.effect("every wait says what made it that long", () =>
    Effect.gen(function* () {
      const failures = [
        temp("try again in 2 minutes"),
        temp("try again in 25 minutes"),
        unreachable(),
        uncertain(),
        resting()
      ]
      const policy = Policy.standard.pipe(Policy.jitter(0), Policy.giveUpAfter("7 hours"))
      const { decisions } = yield* run(policy, (attempt) => failures[attempt] ?? temp())
      assert.deepStrictEqual(
        decisions.map((decision) => (decision._tag === "Retry" ? decision.because : decision._tag)),
        ["temp", "hint", "unreachable", "uncertain", "untried", "temp", "temp", "end", "GiveUp"]
      )
    })
  )

  describe("CLASS-52 a message that may have been delivered", () => {
    it.effect("is sent again after at least twice the base, whatever the jitter", () =>
      Effect.gen(function* () {
        const { times } = yield* run(exact, () => uncertain(), { limit: 4 })
        assert.deepStrictEqual(times, [0, 10, 30, 70])
        for (let seed = 0; seed < 50; seed++) {
          const { waits } = yield* run(Policy.standard, () => uncertain(), { seed, limit: 1 })
          assert.isAtLeast(waits[0] ?? 0, 10 * minute)
        }
      })
    )

    it.effect("is answered by a schedule of its own, which cannot fall below twice the base", () =>
      Effect.gen(function* () {
        const policy = Policy.makeUnsafe({
          temp: Backoff.steps(["5 minutes"]),
          uncertain: Backoff.steps(["1 minute", "1 hour"]),
          jitter: 0
        })
        const { times } = yield* run(policy, () => uncertain(), { limit: 3 })
        assert.deepStrictEqual(times, [0, 10, 70])
      })
    )

    it.effect("hold: is kept for a person", () =>
      Effect.gen(function* () {
        const failure = uncertain()
        const { decisions } = yield* run(exact.pipe(Policy.onUncertain("hold")), (n) => (n === 0 ? temp() : failure))
        assert.deepStrictEqual(decisions, [Decision.retry(Duration.minutes(5), "temp"), Decision.hold(failure)])
        const never = yield* run(Policy.noRetry.pipe(Policy.onUncertain("hold")), () => failure)
        assert.deepStrictEqual(never.decisions, [Decision.hold(failure)])
      })
    )

    it.effect("fail: is reported as uncertain, not as undelivered", () =>
      Effect.gen(function* () {
        const failure = uncertain()
        const { decisions } = yield* run(exact.pipe(Policy.onUncertain("fail")), () => failure)
        assert.deepStrictEqual(decisions, [Decision.giveUp(failure, "bounce")])
      })
    )

    it.effect("is not sent again in haste when the lifetime ends", () =>
      Effect.gen(function* () {
        const policy = exact.pipe(Policy.giveUpAfter("12 minutes"))
        const { decisions, times } = yield* run(policy, (n) => (n === 0 ? temp() : uncertain()))
        assert.deepStrictEqual(times, [0, 5])
        assert.strictEqual(decisions[1]?._tag, "GiveUp")
      })
    )

    it.effect("CLASS-64 is still said to be possible when the policy gives up later", () =>
      Effect.gen(function* () {
        const { end } = yield* run(exact, (n) => (n === 0 ? uncertain() : temp()))
        assert.match(reported(end)?.hint ?? "", /may have been delivered all the same/)
        const sure = yield* run(exact, () => temp())
        assert.strictEqual(reported(sure.end)?.hint, undefined)
      })
    )
  })

  describe("CLASS-64 the end of the lifetime", () => {
    it.effect("is a permanent failure 5.4.7 of the policy with the last real error in it", () =>
      Effect.gen(function* () {
        const { end } = yield* run(exact, (n) => (n < 3 ? unreachable() : temp("4.2.2 Over quota")))
        const failure = reported(end)
        assert.strictEqual(failure?._tag, "PermFailure")
        assert.strictEqual(failure?.stage, "policy")
        assert.strictEqual(failure?.scope, "recipient")
        assert.strictEqual(failure?.next, "never")
        assert.strictEqual(failure?.enhanced, "5.4.7")
        assert.strictEqual(failure?.code, undefined)
        assert.strictEqual(failure?.host, "mx.example.com")
        assert.deepStrictEqual(failure?.lines, ["4.2.2 Over quota"])
        assert.strictEqual(failure?.reason, "gave up after 5d; the last error was: 450 4.2.2 Over quota")
      })
    )

    it.effect("says why when no server replied, and keeps the hint how to mend it", () =>
      Effect.gen(function* () {
        const failure = Failure.unreachable({
          stage: "auth",
          scope: "relay",
          next: "later",
          reason: "535 refused",
          hint: "Check the password"
        })
        const { end } = yield* run(exact, () => failure)
        assert.strictEqual(
          reported(end)?.message,
          "gave up after 5d; the last error was: 535 refused. Check the password"
        )
      })
    )

    it.effect("counts from the first attempt, or from where the caller says", () =>
      Effect.gen(function* () {
        const policy = exact.pipe(Policy.giveUpAfter("1 hour"))
        const first = yield* run(policy, () => temp(), { begin: 3 * day })
        assert.strictEqual(first.times.at(-1), 60)
        const given = yield* run(policy, () => temp(), { begin: 3 * day, since: 3 * day - 50 * minute })
        assert.deepStrictEqual(given.times, [0, 5, 10])
      })
    )

    it.effect("does not move when the clock goes back", () =>
      Effect.gen(function* () {
        const decider = yield* Policy.start(exact.pipe(Policy.giveUpAfter("1 minute")))
        yield* decider.decide(temp(), day)
        assert.deepStrictEqual(yield* decider.decide(temp(), 0), Decision.retry(Duration.minutes(1), "end"))
      })
    )
  })

  describe("CLASS-65 a rule", () => {
    it.effect("makes a permanent failure one that is retried, and the other way round", () =>
      Effect.gen(function* () {
        const policy = exact.pipe(
          Policy.rule({ name: "rate", code: 550, text: "rate limit", verdict: "temp" }),
          Policy.rule({ name: "gone", code: 450, enhanced: "4.2.1", verdict: "perm" })
        )
        const { decisions } = yield* run(policy, (n) => (n === 0 ? perm("5.7.1 Rate limit") : temp("4.2.1 Disabled")))
        assert.deepStrictEqual(decisions[0], Decision.retry(Duration.minutes(5), "temp"))
        const failure = reported(decisions[1])
        assert.strictEqual(failure?._tag, "PermFailure")
        assert.strictEqual(failure?.code, 450)
        assert.deepStrictEqual(failure?.lines, ["4.2.1 Disabled"])
      })
    )
  })

  describe("time and chance", () => {
    it.effect("decides in no time at all: the clock is the caller's", () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(123)
        const { times } = yield* run(exact, () => temp())
        assert.strictEqual(times.at(-1), 7200)
        assert.strictEqual(yield* Clock.currentTimeMillis, 123)
      })
    )

    it.effect("a fiber that waits as it is told makes its attempts at the times of the schedule", () =>
      Effect.gen(function* () {
        const times: Array<number> = []
        const decider = yield* Policy.start(exact.pipe(Policy.giveUpAfter("1 hour")))
        const attempt = Effect.gen(function* () {
          const now = yield* Clock.currentTimeMillis
          times.push(now / minute)
          return yield* decider.decide(temp(), now)
        })
        const loop = Effect.gen(function* () {
          let decision = yield* attempt
          while (decision._tag === "Retry") {
            yield* Effect.sleep(decision.after)
            decision = yield* attempt
          }
        })
        yield* Effect.forkChild(loop)
        yield* TestClock.adjust("2 hours")
        assert.deepStrictEqual(times, [0, 5, 15, 35, 60])
      })
    )

    it.effect("without a seed of its own it takes chance from Random", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* waitsUnder("a"), yield* waitsUnder("a"))
        assert.notDeepEqual(yield* waitsUnder("a"), yield* waitsUnder("b"))
      })
    )
  })

  describe("replay", () => {
    it.effect("shortens the last wait by the time that went by", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* replayAt(15), Decision.retry(Duration.minutes(20), "temp"))
        assert.deepStrictEqual(yield* replayAt(25), Decision.retry(Duration.minutes(10), "temp"))
        assert.deepStrictEqual(yield* replayAt(35), Decision.retry(Duration.zero, "temp"))
        assert.deepStrictEqual(yield* replayAt(10), Decision.retry(Duration.minutes(20), "temp"))
      })
    )

    it.effect("still makes the attempt that became due while nobody was there, then gives up", () =>
      Effect.gen(function* () {
        const now = 30 * day
        assert.deepStrictEqual(yield* Policy.replay(exact, history, now), Decision.retry(Duration.zero, "temp"))
        const late = yield* Policy.replay(exact, [...history, { at: now, failure: temp() }], now)
        assert.strictEqual(reported(late)?.enhanced, "5.4.7")
      })
    )

    it.effect("says to try at once when nothing was tried yet", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* Policy.replay(exact, [], hour), Decision.retry(Duration.zero, "new"))
      })
    )

    it.effect("keeps a final decision, however late it is asked", () =>
      Effect.gen(function* () {
        const decision = yield* Policy.replay(exact, [{ at: 0, failure: perm() }], day)
        assert.strictEqual(reported(decision)?.code, 550)
      })
    )

    it.effect("reads a history that was stored as JSON", () =>
      Effect.gen(function* () {
        const codec = Schema.toCodecJson(Schema.Array(Schema.Struct({ at: Schema.Finite, failure: Failure.Failure })))
        const stored = JSON.stringify(yield* Schema.encodeEffect(codec)(history))
        const restored = yield* Schema.decodeUnknownEffect(codec)(JSON.parse(stored))
        const seed = "message-1"
        assert.deepStrictEqual(
          yield* Policy.replay(Policy.standard, restored, 15 * minute, { seed }),
          yield* Policy.replay(Policy.standard, history, 15 * minute, { seed })
        )
      })
    )
  })
})
