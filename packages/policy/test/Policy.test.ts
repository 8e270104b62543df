import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Layer, Result, Schedule } from "effect"
import { Backoff, Policy, PolicyError } from "@effect-mail/policy"
import { perm, run, temp, unreachable } from "./failures.ts"

const exact = Policy.jitter(0)

describe("Policy", () => {
  describe("make", () => {
    it("fills in the defaults: 5 days, ±15 %, no limit of attempts, 1 day or 3 attempts for a 5xx greeting", () => {
      const policy = Policy.makeUnsafe({ temp: Backoff.standard })
      assert.deepStrictEqual(policy.giveUpAfter, Duration.days(5))
      assert.strictEqual(policy.jitter, 0.15)
      assert.strictEqual(policy.retries, undefined)
      assert.strictEqual(policy.onUncertain, "retry")
      assert.deepStrictEqual(policy.greetingGrace, { after: Duration.days(1), attempts: 3 })
      assert.strictEqual(policy.unreachable, policy.temp)
    })

    it.each<[string, Partial<Policy.Options>]>([
      ["giveUpAfter", { giveUpAfter: 0 }],
      ["giveUpAfter", { giveUpAfter: "-1 hours" }],
      ["giveUpAfter", { giveUpAfter: Duration.infinity }],
      ["giveUpAfter", { giveUpAfter: Number.NaN }],
      ["retries", { retries: -1 }],
      ["retries", { retries: 1.5 }],
      ["retries", { retries: Infinity }],
      ["jitter", { jitter: -0.1 }],
      ["jitter", { jitter: 1 }],
      ["jitter", { jitter: Number.NaN }],
      ["greetingGrace.after", { greetingGrace: { after: 0 } }],
      ["greetingGrace.attempts", { greetingGrace: { attempts: 0 } }],
      [
        "rules[1]",
        {
          rules: [
            { name: "a", code: 450, verdict: "perm" },
            { name: "b", verdict: "perm" }
          ]
        }
      ],
      ["rules[0]", { rules: [{ name: "a", enhanced: "9.9.9", verdict: "perm" }] }]
    ])("refuses a policy that cannot be: %s %o", (setting, options) => {
      const made = Policy.make({ temp: Backoff.standard, ...options })
      assert.isTrue(Result.isFailure(made))
      if (Result.isFailure(made)) {
        assert.instanceOf(made.failure, PolicyError.PolicyError)
        assert.strictEqual(made.failure.setting, setting)
        assert.isTrue(made.failure.message.startsWith(`${setting} `))
      }
    })

    it("takes a policy as options, so that one setting can be changed", () => {
      const changed = Policy.makeUnsafe({ ...Policy.transactional, greetingGrace: { attempts: 1 } })
      assert.deepStrictEqual(changed.giveUpAfter, Duration.hours(4))
      assert.strictEqual(changed.temp, Policy.transactional.temp)
      assert.strictEqual(changed.greetingGrace.attempts, 1)
    })
  })

  it("a combinator throws the PolicyError and leaves the policy it was given as it was", () => {
    assert.throws(
      () => Policy.standard.pipe(Policy.giveUpAfter(0)),
      /giveUpAfter must be a finite time longer than zero/
    )
    assert.throws(() => Policy.standard.pipe(Policy.retries(-1)), /retries must be a whole number from 0, not -1/)
    assert.throws(() => Policy.standard.pipe(Policy.jitter(2)), /jitter must be at least 0 and below 1, not 2/)
    assert.throws(
      () => Policy.standard.pipe(Policy.rule({ name: "", code: 450, verdict: "temp" })),
      /rules\[0\] is not a rule/
    )
    assert.throws(() => Backoff.steps(["1 minute", 0]), /steps\[1\] must be a finite time longer than zero/)
    const before = { ...Policy.standard }
    Policy.standard.pipe(Policy.giveUpAfter("1 hour"), Policy.retries(1), Policy.onUncertain("hold"))
    assert.deepStrictEqual({ ...Policy.standard }, before)
  })

  it("every combinator takes the policy first or last", () => {
    const schedule = Schedule.spaced("1 minute")
    const same: ReadonlyArray<[Policy.Policy, Policy.Policy]> = [
      [Policy.giveUpAfter(Policy.standard, "1 hour"), Policy.standard.pipe(Policy.giveUpAfter("1 hour"))],
      [Policy.retries(Policy.standard, 2), Policy.standard.pipe(Policy.retries(2))],
      [Policy.onTemp(Policy.standard, schedule), Policy.standard.pipe(Policy.onTemp(schedule))],
      [Policy.onUnreachable(Policy.standard, schedule), Policy.standard.pipe(Policy.onUnreachable(schedule))],
      [Policy.onUncertain(Policy.standard, "fail"), Policy.standard.pipe(Policy.onUncertain("fail"))]
    ]
    for (const [first, last] of same) {
      assert.deepStrictEqual({ ...first }, { ...last })
      assert.notDeepEqual({ ...first }, { ...Policy.standard })
    }
  })

  describe("the timetables", () => {
    it.effect("SMTP-073 standard: 5, 10, 20, 40, 80, 160 minutes, then every 4 hours for 5 days", () =>
      Effect.gen(function* () {
        const { end, times } = yield* run(exact(Policy.standard), () => temp())
        const every4Hours = Array.from({ length: 28 }, (_, n) => 315 + 240 * (n + 1))
        assert.deepStrictEqual(times, [0, 5, 15, 35, 75, 155, 315, ...every4Hours, 7200])
        assert.strictEqual(end?._tag, "GiveUp")
      })
    )

    it.effect("SMTP-077 standard spreads its waits by at most 15 %, and by the same under the same seed", () =>
      Effect.gen(function* () {
        const { waits } = yield* run(Policy.standard, () => temp(), { seed: "message-1", limit: 8 })
        assert.deepStrictEqual(
          waits,
          [319_569, 629_280, 1_029_763, 2_706_480, 5_080_105, 9_953_639, 12_799_628, 16_559_373]
        )
        const again = yield* run(Policy.standard, () => temp(), { seed: "message-1", limit: 8 })
        assert.deepStrictEqual(again.waits, waits)
        const other = yield* run(Policy.standard, () => temp(), { seed: "message-2", limit: 8 })
        assert.notDeepEqual(other.waits, waits)
      })
    )

    it.effect("SMTP-077 the waits reach to both ends of the ±15 %, and not beyond", () =>
      Effect.gen(function* () {
        const policy = Policy.standard.pipe(Policy.onTemp(Schedule.spaced("100 seconds")))
        const { waits } = yield* run(policy, () => temp(), { seed: 7, limit: 1000 })
        const [least, most] = [Math.min(...waits), Math.max(...waits)]
        assert.isTrue(least >= 85_000 && least < 86_000, `${least}`)
        assert.isTrue(most <= 115_000 && most > 114_000, `${most}`)
      })
    )

    it.effect("transactional: 30 seconds, 1, 2, 5 minutes, then every 10 minutes for 4 hours", () =>
      Effect.gen(function* () {
        const { end, times } = yield* run(exact(Policy.transactional), () => unreachable())
        const every10Minutes = Array.from({ length: 23 }, (_, n) => 8.5 + 10 * (n + 1))
        assert.deepStrictEqual(times, [0, 0.5, 1.5, 3.5, 8.5, ...every10Minutes, 240])
        assert.strictEqual(end?._tag, "GiveUp")
      })
    )

    it.effect("noRetry: passes the first failure on as it is", () =>
      Effect.gen(function* () {
        const failure = temp()
        const { decisions, end } = yield* run(Policy.noRetry, () => failure)
        assert.strictEqual(decisions.length, 1)
        assert.isTrue(end?._tag === "GiveUp" && end.failure === failure)
      })
    )

    it.effect("retries(n): n attempts after the first one", () =>
      Effect.gen(function* () {
        const { end, times } = yield* run(Policy.standard.pipe(exact, Policy.retries(3)), () => temp())
        assert.deepStrictEqual(times, [0, 5, 15, 35])
        assert.strictEqual(end?._tag, "GiveUp")
      })
    )
  })

  describe("forDomain", () => {
    const hourly = Policy.onTemp(Schedule.spaced("1 hour"))

    it("SMTP domains are the same in upper and lower case and with a dot at the end", () => {
      const policy = Policy.standard.pipe(Policy.forDomain("Slow.Example", Policy.giveUpAfter("1 day")))
      for (const domain of ["slow.example", "SLOW.example", "slow.example."]) {
        assert.deepStrictEqual(Policy.forRecipientDomain(policy, domain).giveUpAfter, Duration.days(1))
      }
      for (const domain of ["sub.slow.example", "example", "slow.example.com", ""]) {
        assert.deepStrictEqual(Policy.forRecipientDomain(policy, domain).giveUpAfter, Duration.days(5))
      }
    })

    it("a domain in U-labels and in A-labels is the same (DNS-001), and a predicate is asked in A-labels", () => {
      for (const written of ["bücher.example", "Bücher.Example.", "xn--bcher-kva.example"]) {
        const policy = Policy.standard.pipe(Policy.forDomain(written, Policy.giveUpAfter("1 day")))
        for (const domain of ["xn--bcher-kva.example", "BÜCHER.example"]) {
          assert.deepStrictEqual(Policy.forRecipientDomain(policy, domain).giveUpAfter, Duration.days(1), written)
        }
      }
      const asked: Array<string> = []
      const spy = Policy.forDomain((domain) => asked.push(domain) < 0, hourly)
      Policy.forRecipientDomain(spy(Policy.standard), "Bücher.example.")
      assert.deepStrictEqual(asked, ["xn--bcher-kva.example"])
    })

    it("an address literal is matched as it is", () => {
      const policy = Policy.standard.pipe(Policy.forDomain("[IPv6:2001:db8::1]", Policy.giveUpAfter("1 day")))
      assert.deepStrictEqual(Policy.forRecipientDomain(policy, "[ipv6:2001:db8::1]").giveUpAfter, Duration.days(1))
    })

    it("takes a predicate, and applies all that match in the order they were given", () => {
      const policy = Policy.standard.pipe(
        Policy.forDomain((domain) => domain.endsWith(".test"), Policy.giveUpAfter("1 day")),
        Policy.forDomain("a.test", (self) => self.pipe(hourly, Policy.giveUpAfter("2 days"))),
        Policy.giveUpAfter("3 days")
      )
      assert.deepStrictEqual(Policy.forRecipientDomain(policy, "B.Test").giveUpAfter, Duration.days(1))
      assert.deepStrictEqual(policy.pipe(Policy.forRecipientDomain("a.test")).giveUpAfter, Duration.days(2))
      assert.deepStrictEqual(Policy.forRecipientDomain(policy, "example.com").giveUpAfter, Duration.days(3))
    })

    it("a domain's own rule is asked before the general ones", () => {
      const policy = Policy.standard.pipe(
        Policy.rule({ name: "general", code: 450, verdict: "unreachable" }),
        Policy.forDomain("strict.example", Policy.rule({ name: "strict", code: 450, verdict: "perm" }))
      )
      assert.strictEqual(Policy.reclassify(policy, temp())._tag, "Unreachable")
      assert.strictEqual(
        Policy.reclassify(Policy.forRecipientDomain(policy, "strict.example"), temp())._tag,
        "PermFailure"
      )
    })

    it("a mistake in what is said for a domain is thrown when it is said", () => {
      assert.throws(() => Policy.standard.pipe(Policy.forDomain("a.test", Policy.giveUpAfter(0))), /giveUpAfter/)
    })
  })

  it("CLASS-65 reclassify says what a failure means, and the same value where no rule matches", () => {
    const policy = Policy.standard.pipe(Policy.rule({ name: "limit", code: 550, text: "limit", verdict: "temp" }))
    assert.strictEqual(Policy.reclassify(policy, perm("5.7.1 Rate limit"))._tag, "TempFailure")
    const other = perm()
    assert.strictEqual(policy.pipe(Policy.reclassify(other)), other)
  })

  describe("CurrentPolicy", () => {
    const oneAttempt = Layer.succeed(Policy.CurrentPolicy, Policy.noRetry)

    it.effect("is the standard policy when nobody provides one", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* Policy.CurrentPolicy, Policy.standard)
      })
    )

    it.effect("is what a layer provides", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* Policy.CurrentPolicy, Policy.noRetry)
      }).pipe(Effect.provide(oneAttempt))
    )

    it("has the name that the package gives it", () => {
      assert.strictEqual(Policy.CurrentPolicy.key, "@effect-mail/policy/CurrentPolicy")
      assert.strictEqual(Context.get(Context.empty(), Policy.CurrentPolicy), Policy.standard)
    })
  })
})
