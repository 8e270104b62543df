import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Result } from "effect"
import { Policy, PolicyDocument, PolicyError, Simulation, SimulationChart, World } from "@effect-mail/policy"
import { day, hour, minute, temp } from "./failures.ts"

const exact = Policy.jitter(0)

const play = (policy: Policy.Policy, world: World.World, mail: Partial<Simulation.Mail> = {}) =>
  Simulation.run(policy, world, { messages: 100, ...mail })

const timesOf = (report: Simulation.Report, message = 0): ReadonlyArray<number> =>
  report.messages[message]?.attempts.map(({ at }) => at / minute) ?? []

describe("Simulation", () => {
  it.effect("delivers everything at once where everything is accepted", () =>
    Effect.gen(function* () {
      const report = yield* play(Policy.standard, World.open)
      assert.strictEqual(report.delivered, 100)
      assert.strictEqual(report.attempts, 100)
      assert.deepStrictEqual(report.delay, { p50: 0, p95: 0, p99: 0, max: 0 })
      assert.deepStrictEqual(report.sla, { within: 15 * minute, kept: 100 })
      assert.deepStrictEqual(report.messages[50]?.sentAt, 30 * minute)
    })
  )

  it.effect("CLASS-40 a greylisted message comes with the first attempt after the time", () =>
    Effect.gen(function* () {
      const report = yield* play(exact(Policy.standard), World.greylist({ after: "6 minutes" }))
      assert.deepStrictEqual(timesOf(report), [0, 5, 15])
      assert.strictEqual(report.delay?.max, 15 * minute)
      assert.strictEqual(report.sla.kept, 100)
    })
  )

  it.effect("CLASS-40 the greylister's hint stretches the wait, so that one retry is enough", () =>
    Effect.gen(function* () {
      const report = yield* play(exact(Policy.standard), World.greylist({ after: "6 minutes", hint: true }))
      assert.deepStrictEqual(timesOf(report), [0, 6])
    })
  )

  it.effect("CLASS-13 an outage of hours is outlived, and the delay is that of the schedule", () =>
    Effect.gen(function* () {
      const report = yield* play(exact(Policy.standard), World.outage({ from: 0, until: "8 hours" }), { messages: 1 })
      assert.deepStrictEqual(timesOf(report), [0, 5, 15, 35, 75, 155, 315, 555])
      assert.deepStrictEqual(
        report.messages[0]?.attempts.map(({ result }) => result),
        [...Array.from({ length: 7 }, () => "unreachable" as const), "accepted"]
      )
    })
  )

  it.effect("an outage that begins later lets through what came before", () =>
    Effect.gen(function* () {
      const world = World.outage({ from: "30 minutes", until: "2 hours" })
      const report = yield* play(Policy.noRetry, world)
      assert.strictEqual(report.delivered, 50)
      assert.strictEqual(report.failed, 50)
    })
  )

  it.effect("CLASS-64 an outage without an end ends the mail with its lifetime", () =>
    Effect.gen(function* () {
      const report = yield* play(Policy.otp, World.outage({ from: 0, until: "100 days" }), { over: "1 minute" })
      assert.strictEqual(report.failed, 100)
      assert.strictEqual(report.delay, undefined)
      for (const { endedAt, sentAt } of report.messages) assert.strictEqual((endedAt ?? 0) - sentAt, 10 * minute)
    })
  )

  it.effect("never accepts more than the rate in any window", () =>
    Effect.gen(function* () {
      const report = yield* play(Policy.standard, World.rateLimit({ limit: 10, window: "1 hour" }))
      const times = report.messages
        .flatMap(({ endedAt }) => (endedAt === undefined ? [] : [endedAt]))
        .toSorted((a, b) => a - b)
      assert.strictEqual(times.length, 100)
      for (const [index, time] of times.entries()) {
        const tenBefore = times[index - 10]
        if (tenBefore !== undefined) assert.isAtLeast(time - tenBefore, hour)
      }
    })
  )

  it.effect("a flapping host takes mail only while it is up", () =>
    Effect.gen(function* () {
      const report = yield* play(Policy.standard, World.flapping({ up: "10 minutes", down: "50 minutes" }))
      assert.strictEqual(report.delivered, 100)
      for (const { endedAt } of report.messages) assert.isBelow((endedAt ?? 0) % hour, 10 * minute)
    })
  )

  it.effect("slow answers delay the mail and keep sessions open", () =>
    Effect.gen(function* () {
      const report = yield* play(Policy.standard, World.slow("2 minutes"), { messages: 60 })
      assert.strictEqual(report.delay?.p50, 2 * minute)
      assert.strictEqual(report.load.sessions, 2)
      const hour = yield* play(Policy.standard, World.slow("1 hour"), { messages: 60, limited: false })
      assert.strictEqual(hour.load.sessions, 60)
    })
  )

  describe("CLASS-15 honours the limits of the policy", () => {
    it.effect("how many at once: the others wait for their turn, which is no attempt", () =>
      Effect.gen(function* () {
        const narrow = Policy.limits(Policy.standard, { concurrency: { initial: 2, maximum: 4 } })
        const report = yield* play(narrow, World.slow("2 minutes"), { messages: 200 })
        assert.strictEqual(report.load.sessions, 4)
        assert.strictEqual(report.delivered, 200)
        assert.strictEqual(report.attempts, 200)
        assert.isAbove(report.heldBack, 0)
        // 4 in 2 minutes, with hardly a pause.
        const last = Math.max(...report.messages.map(({ endedAt }) => endedAt ?? Infinity))
        assert.isTrue(last >= 100 * minute && last < 115 * minute, `${last / minute}`)
      })
    )

    it.effect("rates: no window has more, and a server that would have refused never must", () =>
      Effect.gen(function* () {
        const world = World.rateLimit({ limit: 60, window: "1 hour" })
        const polite = Policy.limits(Policy.standard, { rates: [{ limit: 1, window: "1 minute" }] })
        const report = yield* play(polite, world, { messages: 100, over: "1 minute" })
        assert.strictEqual(report.attempts, 100)
        assert.strictEqual(report.delivered, 100)
        const starts = report.messages.flatMap(({ attempts }) => attempts.map(({ at }) => at)).toSorted((a, b) => a - b)
        starts.forEach((at, index) => assert.isAtLeast((starts[index + 1] ?? Infinity) - at, minute))
        const rude = yield* play(Policy.standard, world, { messages: 100, over: "1 minute", limited: false })
        assert.isAbove(rude.attempts, 140)
      })
    )

    it.effect("the breaker: a host that is down is asked by one message for all", () =>
      Effect.gen(function* () {
        const world = World.outage({ from: 0, until: "8 hours" })
        const kept = yield* play(Policy.standard, world, { messages: 1000 })
        const loose = yield* play(Policy.standard, world, { messages: 1000, limited: false })
        assert.strictEqual(kept.delivered, 1000)
        assert.isBelow(kept.attempts, 1050)
        assert.isAbove(loose.attempts, 7000)
        assert.isBelow(kept.delay?.max ?? Infinity, 9.3 * hour)
      })
    )

    it.effect("a server that asks for less is left alone", () =>
      Effect.gen(function* () {
        const world = World.rateLimit({ limit: 100, window: "1 hour" })
        const kept = yield* play(Policy.standard, world, { messages: 500 })
        const loose = yield* play(Policy.standard, world, { messages: 500, limited: false })
        assert.strictEqual(kept.delivered, 500)
        assert.isBelow(kept.attempts * 2, loose.attempts)
      })
    )

    it.effect("CLASS-64 and what a limit holds back for too long is given up with its lifetime", () =>
      Effect.gen(function* () {
        const closed = Policy.limits(Policy.otp, { rates: [{ limit: 10, window: "1 day" }] })
        const report = yield* play(closed, World.open, { messages: 50, over: "1 second" })
        assert.strictEqual(report.delivered, 10)
        assert.strictEqual(report.failed, 40)
        assert.strictEqual(report.attempts, 10)
        for (const { end, endedAt = 0, sentAt } of report.messages) {
          if (end === "failed") assert.strictEqual(endedAt - sentAt, 10 * minute)
        }
        const once = yield* play(Policy.retries(closed, 0), World.open, { messages: 50, over: "1 second" })
        assert.strictEqual(once.failed, 40)
        assert.isBelow(once.messages[49]?.endedAt ?? 0, 2000)
      })
    )
  })

  it.effect("CLASS-43 a permanent failure is attempted once", () =>
    Effect.gen(function* () {
      const report = yield* play(Policy.standard, World.permanent(0.3), { messages: 1000 })
      assert.isTrue(report.failed > 250 && report.failed < 350, `${report.failed}`)
      assert.strictEqual(report.attempts, 1000)
    })
  )

  it.effect("CLASS-52 a lost end brings duplicates when it is retried, none when it is held", () =>
    Effect.gen(function* () {
      const retried = yield* play(Policy.standard, World.lost(0.5), { messages: 1000 })
      assert.strictEqual(retried.delivered, 1000)
      assert.isAbove(retried.duplicates, 100)
      const held = yield* play(Policy.onUncertain(Policy.standard, "hold"), World.lost(0.5), { messages: 1000 })
      assert.strictEqual(held.duplicates, 0)
      assert.strictEqual(held.delivered + held.held, 1000)
      assert.isAbove(held.held, 400)
    })
  )

  it.effect("worlds follow one another: the second is asked what the first let through", () =>
    Effect.gen(function* () {
      const both = World.and(World.outage({ from: 0, until: "20 minutes" }), World.greylist())
      const report = yield* play(exact(Policy.standard), both, { messages: 1 })
      assert.strictEqual(report.world, "outage+greylist")
      // Greylisting counts from the first attempt of all, which the outage met.
      assert.deepStrictEqual(timesOf(report), [0, 5, 15, 35])
    })
  )

  it.effect("slow answers add up, and the lifetime counts from when the message was sent", () =>
    Effect.gen(function* () {
      const twice = yield* play(Policy.standard, World.and(World.slow("1 minute"), World.slow("2 minutes")))
      assert.strictEqual(twice.delay?.max, 3 * minute)
      const dead = World.make("dead", (contact) => ({
        ...World.outage({ from: 0, until: "1 day" }).answer(contact),
        takes: minute
      }))
      const report = yield* play(Policy.otp, dead, { limited: false })
      // The last attempt begins at the end of the lifetime or earlier, and takes its minute.
      for (const { endedAt = 0, sentAt } of report.messages) {
        assert.isTrue(endedAt - sentAt >= 10 * minute && endedAt - sentAt <= 11 * minute, `${endedAt - sentAt}`)
      }
    })
  )

  it.effect("of messages at the same time the first one goes first", () =>
    Effect.gen(function* () {
      const world = World.rateLimit({ limit: 1, window: "1 hour" })
      const report = yield* play(Policy.noRetry, world, { messages: 9, over: 1 })
      assert.deepStrictEqual(
        report.messages.map(({ end }) => end),
        ["delivered", ...Array.from({ length: 8 }, () => "failed" as const)]
      )
    })
  )

  it.effect("stops when it is told, and what still waits is pending", () =>
    Effect.gen(function* () {
      const world = World.outage({ from: 0, until: "1 day" })
      const report = yield* play(Policy.standard, world, { until: "6 hours" })
      assert.strictEqual(report.pending, 100)
      assert.isTrue(report.messages.every(({ attempts }) => attempts.every(({ at }) => at <= 6 * hour)))
    })
  )

  it.effect("is the same under the same seed, and another under another", () =>
    Effect.gen(function* () {
      const storm = Result.getOrThrow(World.find("storm"))
      const first = yield* play(Policy.standard, storm, { seed: 7 })
      assert.deepStrictEqual(yield* play(Policy.standard, storm, { seed: 7 }), first)
      assert.notDeepEqual((yield* play(Policy.standard, storm, { seed: 8 })).messages, first.messages)
    })
  )

  it.effect("the load adds up to the attempts, in at most 120 bins", () =>
    Effect.gen(function* () {
      const { attempts, load } = yield* play(Policy.standard, World.outage({ from: 0, until: "6 days" }))
      assert.strictEqual(
        load.attempts.reduce((sum, count) => sum + count, 0),
        attempts
      )
      assert.isAtMost(load.attempts.length, 120)
      assert.strictEqual(load.peak, Math.max(...load.attempts))
    })
  )

  it.effect(
    "plays five days for 10,000 messages",
    () =>
      Effect.gen(function* () {
        const report = yield* play(Policy.standard, World.outage({ from: 0, until: "6 days" }), { messages: 10_000 })
        assert.strictEqual(report.failed, 10_000)
        assert.strictEqual(report.messages.at(-1)?.endedAt, (report.messages.at(-1)?.sentAt ?? 0) + 5 * day)
      }),
    60_000
  )

  it.effect("refuses mail that cannot be", () =>
    Effect.gen(function* () {
      const wrong: ReadonlyArray<[string, Partial<Simulation.Mail>]> = [
        ["messages", { messages: 0 }],
        ["messages", { messages: 1.5 }],
        ["seed", { seed: Number.NaN }],
        ["over", { over: 0 }],
        ["sla", { sla: "-1 minutes" }],
        ["until", { until: 0 }]
      ]
      for (const [setting, mail] of wrong) {
        const error = yield* Effect.flip(play(Policy.standard, World.open, mail))
        assert.instanceOf(error, PolicyError.PolicyError)
        assert.strictEqual(error.setting, setting)
      }
    })
  )
})

describe("World", () => {
  it("is found by its name, and a name that is none is a PolicyError which lists them", () => {
    assert.strictEqual(Result.getOrThrow(World.find("greylist")).name, "greylist")
    const missing = World.find("toString")
    assert.isTrue(
      Result.isFailure(missing) && missing.failure.message.includes("must be one of open, greylist, outage")
    )
  })

  it.each<[string, () => World.World]>([
    ["greylist.after", () => World.greylist({ after: 0 })],
    ["outage.until", () => World.outage({ from: 0, until: 0 })],
    ["outage.from", () => World.outage({ from: "2 hours", until: "1 hour" })],
    ["rateLimit.limit", () => World.rateLimit({ limit: 0, window: "1 hour" })],
    ["rateLimit.window", () => World.rateLimit({ limit: 1, window: 0 })],
    ["flapping.up", () => World.flapping({ up: 0, down: 1 })],
    ["flapping.down", () => World.flapping({ up: 1, down: 0 })],
    ["slow", () => World.slow(0)],
    ["permanent", () => World.permanent(1.1)],
    ["lost", () => World.lost(-0.1)]
  ])("refuses a world that cannot be: %s", (setting, make) => {
    try {
      make()
      assert.fail("it was made")
    } catch (error) {
      assert.instanceOf(error, PolicyError.PolicyError)
      assert.strictEqual(error.setting, setting)
    }
  })
})

describe("SimulationChart", () => {
  it.effect("draws the deliveries and the load for a terminal", () =>
    Effect.gen(function* () {
      const report = yield* play(exact(Policy.standard), World.greylist(), { messages: 60 })
      const lines = SimulationChart.text({ name: "standard", report }).split("\n")
      assert.strictEqual(lines[0], "standard against greylist, 60 messages, seed 1")
      assert.strictEqual(lines[2], `    1 s ${"·".repeat(40)}   0.0 %`)
      assert.strictEqual(lines[4], `  5 min ${"█".repeat(40)} 100.0 %`)
      assert.include(lines.join("\n"), "60 delivered, 0 failed, 0 pending, 2.0 attempts each, p50 5m, p99 5m")
      assert.isTrue(lines.every((line) => line.length <= 80))
    })
  )

  it.effect("draws an SVG in which policies lie side by side, and escapes their names", () =>
    Effect.gen(function* () {
      const world = World.greylist()
      const one = yield* play(Policy.standard, world)
      const other = yield* play(Policy.otp, world)
      const svg = SimulationChart.svg([
        { name: "standard", report: one },
        { name: '<&">', report: other }
      ])
      assert.isTrue(svg.startsWith("<svg xmlns="))
      assert.strictEqual(svg.match(/<polyline/g)?.length, 4)
      assert.include(svg, "&lt;&amp;&quot;&gt;")
      assert.notInclude(svg, "NaN")
      assert.notInclude(svg, "Infinity")
    })
  )
})

describe("PolicyDocument", () => {
  const text = JSON.stringify({
    extends: "transactional",
    temp: ["1 minute", "10 minutes"],
    giveUpAfter: "1 day",
    warnAfter: ["1 hour"],
    jitter: 0,
    onUncertain: "hold",
    atEnd: "alarm",
    rules: [{ name: "too fast", code: 550, text: "too fast", verdict: "temp" }],
    domains: { "slow.example": { temp: ["1 hour"], retries: 2 } }
  })

  it.effect("reads a preset and what is different, for all domains and for some", () =>
    Effect.gen(function* () {
      const policy = yield* Effect.fromResult(PolicyDocument.parse(text))
      const world = World.outage({ from: 0, until: "2 days" })
      const general = yield* play(policy, world, { messages: 1 })
      assert.deepStrictEqual(timesOf(general).slice(0, 4), [0, 1, 11, 21])
      const slow = yield* play(Policy.forRecipientDomain(policy, "slow.example"), world, { messages: 1 })
      assert.deepStrictEqual(timesOf(slow), [0, 60, 120])
      assert.strictEqual(policy.untried, Policy.transactional.untried)
      assert.strictEqual(policy.rules.length, 1)
      assert.strictEqual(policy.atEnd, "alarm")
    })
  )

  it("asks the rules of a domain before the general ones", () => {
    const rules = (verdict: string) => [{ name: verdict, code: 450, verdict }]
    const document = { rules: rules("perm"), domains: { "a.test": { rules: rules("unreachable") } } }
    const policy = Result.getOrThrow(PolicyDocument.parse(JSON.stringify(document)))
    assert.strictEqual(Policy.reclassify(policy, temp())._tag, "PermFailure")
    assert.strictEqual(Policy.reclassify(Policy.forRecipientDomain(policy, "a.test"), temp())._tag, "Unreachable")
  })

  it("says what is different for a provider and for a priority, and lets limits stand that it does not name", () => {
    const document = {
      limits: { patience: "1 minute", rates: [{ limit: 5, window: "1 minute" }] },
      providers: { google: { limits: { concurrency: { maximum: 3 } } } },
      priorities: { high: { extends: "otp", jitter: 0 }, low: { limits: { breaker: { rest: "1 minute" } } } }
    }
    const policy = Result.getOrThrow(PolicyDocument.parse(JSON.stringify(document)))
    const google = Policy.forDestination(policy, { hosts: ["mx.google.com"] }).limits
    assert.deepStrictEqual(google.concurrency, { initial: 3, maximum: 3 })
    assert.strictEqual(google.rates[0]?.limit, 5)
    assert.deepStrictEqual(google.patience, Duration.minutes(1))
    const high = Policy.forDestination(policy, { priority: "high" })
    assert.deepStrictEqual({ ...high }, { ...Policy.jitter(Policy.otp, 0) })
    const low = Policy.forDestination(policy, { priority: "low" }).limits
    assert.deepStrictEqual(low.breaker, { failures: 5, rest: Duration.minutes(1), longestRest: Duration.hours(1) })
  })

  it("without anything it is the standard policy", () => {
    assert.deepStrictEqual({ ...Result.getOrThrow(PolicyDocument.parse("{}")) }, { ...Policy.standard })
  })

  it.each([
    ["document", "{"],
    ["document", "[]"],
    ["document", `{ "giveUpAftre": "1 day" }`],
    ["document", `{ "temp": [] }`],
    ["document", `{ "atEnd": "explode" }`],
    ["document", `{ "rules": [{ "name": "a", "verdict": "perm" }] }`],
    ["preset", `{ "extends": "qmail" }`],
    ["temp[1]", `{ "temp": ["1 minute", "soon"] }`],
    ["unreachable[0]", `{ "unreachable": ["0 minutes"] }`],
    ["giveUpAfter", `{ "giveUpAfter": "forever" }`],
    ["giveUpAfter", `{ "giveUpAfter": "Infinity" }`],
    ["warnAfter[0]", `{ "warnAfter": ["-1 hours"] }`],
    ["preset", `{ "domains": { "a.test": { "extends": "qmail" } } }`],
    ["document", `{ "providers": { "nobody": {} } }`],
    ["document", `{ "priorities": { "urgent": {} } }`],
    ["limits.rates[0].limit", `{ "limits": { "rates": [{ "limit": 0, "window": "1 minute" }] } }`],
    ["limits.rates[0].window", `{ "limits": { "rates": [{ "limit": 1, "window": "soon" }] } }`],
    ["limits.patience", `{ "priorities": { "low": { "limits": { "patience": "forever" } } } }`],
    ["retries", `{ "retries": -1 }`],
    ["jitter", `{ "domains": { "a.test": { "jitter": 1 } } }`]
  ])("refuses a document that cannot be: %s %s", (setting, json) => {
    const parsed = PolicyDocument.parse(json)
    assert.isTrue(Result.isFailure(parsed) && parsed.failure instanceof PolicyError.PolicyError)
    if (Result.isFailure(parsed)) assert.strictEqual(parsed.failure.setting, setting)
  })
})
