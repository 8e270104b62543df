import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Layer, Result, Schedule } from "effect"
import { Backoff, Deadline, Limits, Policy, PolicyError, Provider } from "@effect-mail/policy"
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
      ["warnAfter[1]", { warnAfter: ["1 hour", 0] }],
      ["limits.rates[0].limit", { limits: { rates: [{ limit: 0, window: "1 minute" }] } }],
      ["limits.rates[0].limit", { limits: { rates: [{ limit: -1, window: "1 minute" }] } }],
      [
        "limits.rates[1].window",
        {
          limits: {
            rates: [
              { limit: 1, window: 1 },
              { limit: 1, window: 0 }
            ]
          }
        }
      ],
      ["limits.concurrency.maximum", { limits: { concurrency: { maximum: 0 } } }],
      ["limits.concurrency.initial", { limits: { concurrency: { initial: 0 } } }],
      ["limits.concurrency.initial", { limits: { concurrency: { initial: 9, maximum: 8 } } }],
      ["limits.breaker.failures", { limits: { breaker: { failures: 0 } } }],
      ["limits.breaker.rest", { limits: { breaker: { rest: 0 } } }],
      ["limits.breaker.longestRest", { limits: { breaker: { longestRest: Duration.infinity } } }],
      ["limits.patience", { limits: { patience: Duration.infinity } }],
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

    it("changes of limits leave every number alone that they do not name", () => {
      const { limits } = Policy.standard.pipe(
        Policy.limits({
          concurrency: { initial: 8, maximum: 50 },
          breaker: { rest: "1 minute" },
          patience: "1 second"
        }),
        Policy.limits({ concurrency: { maximum: 40 }, breaker: { failures: 2 } }),
        Policy.limits({ rates: [{ limit: 1, window: "1 second" }] })
      )
      assert.deepStrictEqual(limits.concurrency, { initial: 8, maximum: 40 })
      assert.deepStrictEqual(limits.breaker, {
        failures: 2,
        rest: Duration.minutes(1),
        longestRest: Duration.hours(1)
      })
      assert.deepStrictEqual(limits.patience, Duration.seconds(1))
      assert.lengthOf(limits.rates, 1)
      const narrow = Policy.limits(Policy.standard, { concurrency: { maximum: 2 } })
      assert.deepStrictEqual(narrow.limits.concurrency, { initial: 2, maximum: 2 })
      assert.throws(
        () => Policy.limits(narrow, { concurrency: { initial: 3 } }),
        /must be at most the maximum of 2, not 3/
      )
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
      [Policy.warnAfter(Policy.standard, []), Policy.standard.pipe(Policy.warnAfter([]))],
      [Policy.atEnd(Policy.standard, "hold"), Policy.standard.pipe(Policy.atEnd("hold"))],
      [Policy.limits(Policy.standard, { patience: 1 }), Policy.standard.pipe(Policy.limits({ patience: 1 }))],
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
          [332_285, 629_280, 1_029_763, 2_706_480, 5_080_105, 9_953_639, 12_799_628, 16_559_373]
        )
        const again = yield* run(Policy.standard, () => temp(), { seed: "message-1", limit: 8 })
        assert.deepStrictEqual(again.waits, waits)
        const other = yield* run(Policy.standard, () => temp(), { seed: "message-2", limit: 8 })
        assert.notDeepEqual(other.waits, waits)
      })
    )

    it.effect("SMTP-075 the first wait is 5 minutes or more, never less: a greylister of 5 minutes is content", () =>
      Effect.gen(function* () {
        const first = new Set<number>()
        for (let seed = 0; seed < 200; seed++) {
          const { waits } = yield* run(Policy.standard, () => temp(), { seed, limit: 1 })
          first.add(waits[0] ?? 0)
        }
        assert.isTrue(Math.min(...first) >= 300_000 && Math.min(...first) < 301_000)
        assert.isTrue(Math.max(...first) <= 345_000 && Math.max(...first) > 344_000)
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

    it.effect("otp: 10, 20, then every 30 seconds for 10 minutes; the operator hears of the end", () =>
      Effect.gen(function* () {
        const { end, times } = yield* run(exact(Policy.otp), () => temp())
        assert.deepStrictEqual(
          times.map((minutes) => minutes * 60),
          [0, 10, ...Array.from({ length: 20 }, (_, n) => 30 * (n + 1)), 600].filter((at, n, all) => at !== all[n - 1])
        )
        assert.isTrue(end?._tag === "GiveUp" && end.atEnd === "alarm")
      })
    )

    it.effect("bulk: 15, 30 minutes, 1, 2 hours, then every 4 hours for 2 days; nobody hears of the end", () =>
      Effect.gen(function* () {
        const { end, times } = yield* run(exact(Policy.bulk), () => temp())
        const every4Hours = Array.from({ length: 11 }, (_, n) => 225 + 240 * (n + 1))
        assert.deepStrictEqual(times, [0, 15, 45, 105, 225, ...every4Hours.filter((at) => at < 2880), 2880])
        assert.isTrue(end?._tag === "GiveUp" && end.atEnd === "discard")
        assert.strictEqual(Policy.bulk.jitter, 0.3)
      })
    )

    it.effect(
      "relay: 1, 2, 5, 10, then every 15 minutes while it cannot be reached, and as standard when it says no",
      () =>
        Effect.gen(function* () {
          const away = yield* run(exact(Policy.relay), unreachable, { limit: 7 })
          assert.deepStrictEqual(away.times, [0, 1, 3, 8, 18, 33, 48])
          const busy = yield* run(exact(Policy.relay), () => temp(), { limit: 4 })
          assert.deepStrictEqual(busy.times, [0, 5, 15, 35])
          assert.strictEqual((yield* run(exact(Policy.relay), unreachable)).times.at(-1), 7200)
        })
    )

    it.effect("SMTP-073 rfc5321: 30 minutes, then every 2 hours for 5 days, never sooner than 30 minutes", () =>
      Effect.gen(function* () {
        const { times } = yield* run(Policy.rfc5321, () => temp())
        const every2Hours = Array.from({ length: 59 }, (_, n) => 30 + 120 * (n + 1))
        assert.deepStrictEqual(times, [0, 30, ...every2Hours, 7200])
      })
    )

    it.effect("postfix: as long as it already lasts, from 300 to 4000 seconds, for 5 days", () =>
      Effect.gen(function* () {
        const { times, waits } = yield* run(Policy.postfix, () => temp())
        assert.deepStrictEqual(
          waits.slice(0, 8).map((wait) => wait / 1000),
          [300, 300, 600, 1200, 2400, 4000, 4000, 4000]
        )
        assert.strictEqual(waits.length, 5 + 106 + 1)
        assert.strictEqual(times.at(-1), 7200)
        assert.deepStrictEqual(Policy.postfix.warnAfter, [])
      })
    )

    it.effect("exim: F,2h,15m; G,16h,1h,1.5; F,4d,6h", () =>
      Effect.gen(function* () {
        const { times } = yield* run(Policy.exim, () => temp())
        const fixed = Array.from({ length: 9 }, (_, n) => 15 * n)
        const growing = [180, 270, 405, 607.5, 911.25, 1366.875]
        const every6Hours = Array.from({ length: 12 }, (_, n) => 1366.875 + 360 * (n + 1))
        assert.deepStrictEqual(times, [...fixed, ...growing, ...every6Hours, 5760])
        assert.deepStrictEqual(Policy.exim.warnAfter, [Duration.hours(24)])
      })
    )

    it("a preset is found by its name, and a name that is none is a PolicyError which lists them", () => {
      for (const [name, policy] of Object.entries(Policy.presets)) {
        assert.strictEqual(Result.getOrThrow(Policy.preset(name)), policy)
      }
      for (const name of ["qmail", "toString", "__proto__", ""]) {
        const found = Policy.preset(name)
        assert.isTrue(Result.isFailure(found) && found.failure instanceof PolicyError.PolicyError)
        if (Result.isFailure(found)) {
          assert.strictEqual(
            found.failure.message,
            "preset must be one of standard, transactional, otp, bulk, relay, rfc5321, postfix, exim, noRetry, " +
              `not ${JSON.stringify(name)}`
          )
        }
      }
    })

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

  describe("forProvider and forPriority", () => {
    const policy = Policy.standard.pipe(
      Policy.forProvider(Provider.google, Policy.limits({ concurrency: { maximum: 10 } })),
      Policy.forPriority("high", Policy.giveUpAfter("1 hour")),
      Policy.forPriority("low", () => Policy.bulk),
      Policy.forDomain("b.test", Policy.giveUpAfter("2 hours"))
    )

    it("say what is different for the hosts of a provider and for messages of a priority", () => {
      const google = Policy.forDestination(policy, { domain: "a.test", hosts: ["ASPMX.l.google.com."] })
      assert.deepStrictEqual(google.limits.concurrency, { initial: 5, maximum: 10 })
      const other = Policy.forDestination(policy, { hosts: ["mx.notgoogle.com", "mx.example.com"] })
      assert.deepStrictEqual(other.limits.concurrency, { initial: 5, maximum: 20 })
      assert.deepStrictEqual(Policy.forDestination(policy, { priority: "high" }).giveUpAfter, Duration.hours(1))
      assert.deepStrictEqual(Policy.forDestination(policy, { priority: "low" }).giveUpAfter, Duration.days(2))
    })

    it("apply together, in the order in which they were said", () => {
      const found = policy.pipe(Policy.forDestination({ domain: "b.test", priority: "high" }))
      assert.deepStrictEqual(found.giveUpAfter, Duration.hours(2))
    })

    it("a message without a priority is normal, and what is unknown matches nothing", () => {
      assert.strictEqual(Policy.forDestination(policy, {}), policy)
      assert.strictEqual(Policy.forDestination(policy, { priority: "normal" }), policy)
      const normal = Policy.standard.pipe(Policy.forPriority("normal", Policy.giveUpAfter("1 hour")))
      assert.deepStrictEqual(Policy.forDestination(normal, {}).giveUpAfter, Duration.hours(1))
    })

    it("destinations for which the same is said get the same value, so that they can be grouped", () => {
      const first = Policy.forDestination(policy, { domain: "a.test", priority: "high" })
      assert.strictEqual(Policy.forDestination(policy, { domain: "c.test", priority: "high" }), first)
      assert.notStrictEqual(Policy.forDestination(policy, { domain: "b.test", priority: "high" }), first)
    })

    it("knows the big providers by their MX hosts", () => {
      const name = (host: string) => Provider.find(host)?.name
      assert.strictEqual(name("alt1.gmail-smtp-in.l.google.com"), "google")
      assert.strictEqual(name("example-com.mail.protection.outlook.com"), "microsoft")
      assert.strictEqual(name("mta5.am0.yahoodns.net."), "yahoo")
      assert.strictEqual(name("mx01.mail.icloud.com"), "apple")
      assert.strictEqual(name("mx.evilgoogle.com"), undefined)
    })
  })

  describe("limits", () => {
    it("keep what is not said", () => {
      const policy = Policy.standard.pipe(
        Policy.limits({ patience: "1 minute" }),
        Policy.limits({ rates: [{ limit: 100, window: "1 minute" }] })
      )
      assert.deepStrictEqual(policy.limits.patience, Duration.minutes(1))
      assert.deepStrictEqual(policy.limits.rates, [
        { limit: 100, window: Duration.minutes(1), algorithm: "token-bucket" }
      ])
    })

    it("rest 15 seconds times the square of how often, and an hour at most (OpenSMTPD)", () => {
      const { breaker } = Policy.standard.limits
      const seconds = (times: number) => Duration.toSeconds(Limits.restFor(breaker, times))
      assert.deepStrictEqual([1, 2, 3, 15, 16, 1000].map(seconds), [15, 60, 135, 3375, 3600, 3600])
    })
  })

  describe("Deadline", () => {
    const policy = Policy.standard.pipe(Policy.warnAfter(["1 day", "4 hours"]))
    const at = (hours: number) => Duration.toMillis(Duration.hours(hours))

    it("SMTP-079 says when warnings are due, in order", () => {
      assert.deepStrictEqual(Deadline.warnAt(policy, 1000), [1000 + at(4), 1000 + at(24)])
      assert.strictEqual(Deadline.warningsDue(policy, 0, at(4) - 1), 0)
      assert.strictEqual(Deadline.warningsDue(policy, 0, at(4)), 1)
      assert.strictEqual(Deadline.warningsDue(policy, 0, at(30)), 2)
      assert.strictEqual(Deadline.giveUpAt(policy, 7), 7 + at(120))
    })

    it("warns nobody at the end, when the end itself is told", () => {
      assert.deepStrictEqual(Deadline.warnAt(Policy.giveUpAfter(policy, "4 hours"), 0), [])
    })

    it("the default warns once after 4 hours", () => {
      assert.deepStrictEqual(Policy.standard.warnAfter, [Duration.hours(4)])
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
