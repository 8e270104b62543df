/** What the mailer does with what a policy says: five days of retries in milliseconds. */
import { Backoff, Delivery, DeliveryEvent, Failure, Mailer, Policy } from "effect-mail"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Duration, Effect, Fiber, Layer, Ref, Schedule } from "effect"
import { TestClock } from "effect/testing"
import {
  day,
  deliver,
  failing,
  greylisted,
  hour,
  layerRelay,
  lostAfterDot,
  messageTo,
  minute,
  nobodyThere,
  summary,
  unknownUser
} from "./support/timeline.ts"

const exact = Policy.jitter(Policy.standard, 0)
const byTheMinute = Policy.makeUnsafe({ temp: Backoff.steps(["1 minute"]), giveUpAfter: "1 day", jitter: 0 })

const alwaysTo = (recipients: Readonly<Record<string, Failure.Failure>>) => (recipient: string) => recipients[recipient]

describe("the standard policy", () => {
  it.effect("tries for five days, at 0, 5, 15, 35, 75, 155 and 315 minutes and then every 4 hours (CLASS-64)", () =>
    Effect.gen(function* () {
      const { attempts, receipt } = yield* deliver(
        messageTo("a@one.example"),
        exact,
        Mailer.layerTest(() => greylisted())
      )
      const times = attempts.map(([at]) => at)
      assert.deepStrictEqual(
        times.slice(0, 9).map((at) => at / minute),
        [0, 5, 15, 35, 75, 155, 315, 555, 795]
      )
      assert.strictEqual(times.at(-1), 5 * day)
      assert.deepStrictEqual(summary(receipt), [`a@one.example perm ${times.length} 5.4.7`])
      assert.include(receipt.failed[0]?.failure.message, "451 4.7.1 Not now")
    })
  )

  it.effect("delivers when the server relents, and counts the attempts (RFC 6647)", () =>
    Effect.gen(function* () {
      const { attempts, receipt } = yield* deliver(messageTo("a@one.example"), exact, Mailer.layerTest(failing(3)))
      assert.deepStrictEqual(
        attempts.map(([at]) => at / minute),
        [0, 5, 15, 35]
      )
      assert.deepStrictEqual(summary(receipt), ["a@one.example delivered 4 2.0.0"])
    })
  )

  it.effect("retries a domain that cannot be reached, and a server that comes back (CLASS-06, CLASS-13)", () =>
    Effect.gen(function* () {
      const decide = (_: string, attempt: number) => [nobodyThere, greylisted()][attempt - 1]
      const { receipt } = yield* deliver(messageTo("a@one.example"), Policy.standard, Mailer.layerTest(decide))
      assert.deepStrictEqual(summary(receipt), ["a@one.example delivered 3 2.0.0"])
    })
  )

  it.effect("chance spreads the waits of different mails, the first one by 15 % upwards (SMTP-075)", () =>
    Effect.gen(function* () {
      const second = Effect.map(
        deliver(messageTo("a@one.example"), Policy.standard, Mailer.layerTest(failing(1))),
        ({ attempts }) => attempts[1]?.[0] ?? 0
      )
      const start = yield* Clock.currentTimeMillis
      const first = (yield* second) - start
      const other = (yield* second) - start - 6 * day
      assert.notStrictEqual(first, other)
      for (const wait of [first, other]) {
        assert.isAtLeast(wait, 5 * minute)
        assert.isAtMost(wait, 5 * minute * 1.15)
      }
    })
  )
})

describe("who is tried again", () => {
  it.effect("only the refused recipients: a server that took the message never gets it again", () =>
    Effect.gen(function* () {
      const decide = (recipient: string, attempt: number) =>
        recipient.startsWith("slow") && attempt < 3 ? greylisted() : undefined
      const { attempts, receipt } = yield* deliver(
        messageTo("slow@one.example", "a@one.example", "slow@two.example", "b@two.example"),
        exact,
        Mailer.layerTest(decide)
      )
      assert.deepStrictEqual(attempts, [
        [0, "slow@one.example a@one.example"],
        [0, "slow@two.example b@two.example"],
        [5 * minute, "slow@one.example"],
        [5 * minute, "slow@two.example"],
        [15 * minute, "slow@one.example"],
        [15 * minute, "slow@two.example"]
      ])
      assert.deepStrictEqual(summary(receipt), [
        "slow@one.example delivered 3 2.0.0",
        "a@one.example delivered 1 2.0.0",
        "slow@two.example delivered 3 2.0.0",
        "b@two.example delivered 1 2.0.0"
      ])
    })
  )

  it.effect("a permanent refusal is final at once, while others are still tried (CLASS-43)", () =>
    Effect.gen(function* () {
      const decide = alwaysTo({ "never@one.example": unknownUser, "later@one.example": greylisted() })
      const message = messageTo("never@one.example", "later@one.example", "now@one.example")
      const { attempts, receipt } = yield* deliver(message, exact, Mailer.layerTest(decide))
      assert.deepStrictEqual(
        new Set(attempts.slice(1).map(([, recipients]) => recipients)),
        new Set(["later@one.example"])
      )
      assert.deepStrictEqual(summary(receipt), [
        "never@one.example perm 1 5.1.1",
        `later@one.example perm ${attempts.length} 5.4.7`,
        "now@one.example delivered 1 2.0.0"
      ])
    })
  )

  it.effect("recipients that failed alike go on together, in one transaction, whatever chance does to the waits", () =>
    Effect.gen(function* () {
      const recipients = ["a@one.example", "b@one.example", "c@one.example"]
      const policy = Policy.forDomain(Policy.standard, "other.example", Policy.giveUpAfter("1 day"))
      const { attempts } = yield* deliver(
        messageTo(...recipients),
        policy,
        Mailer.layerTest(() => greylisted())
      )
      assert.isAbove(attempts.length, 20)
      for (const [, together] of attempts) assert.strictEqual(together, recipients.join(" "))
    })
  )

  it.effect("recipients whose server asks for different waits each get theirs (CLASS-40)", () =>
    Effect.gen(function* () {
      const words: Readonly<Record<string, string>> = {
        "a@one.example": "Greylisted, try again in 600 seconds",
        "b@one.example": "Greylisted, try again in 20 minutes",
        "c@one.example": "Greylisted, try again in 10 minutes"
      }
      const decide = (recipient: string, attempt: number) => (attempt > 1 ? undefined : greylisted(words[recipient]))
      const { attempts } = yield* deliver(messageTo(...Object.keys(words)), exact, Mailer.layerTest(decide))
      assert.deepStrictEqual(attempts.slice(1), [
        [10 * minute, "a@one.example c@one.example"],
        [20 * minute, "b@one.example"]
      ])
    })
  )

  it.effect("addresses that differ in case are two recipients to the end (RFC 5321 section 2.4)", () =>
    Effect.gen(function* () {
      const decide = (recipient: string, attempt: number) =>
        recipient.startsWith("A") && attempt < 3 ? greylisted() : undefined
      const { receipt } = yield* deliver(
        messageTo("ada@one.example", "Ada@one.example"),
        exact,
        Mailer.layerTest(decide)
      )
      assert.deepStrictEqual(summary(receipt), [
        "ada@one.example delivered 1 2.0.0",
        "Ada@one.example delivered 3 2.0.0"
      ])
    })
  )

  it.effect("every attempt carries the same message: its bytes and its Message-ID", () =>
    Effect.gen(function* () {
      const sending = yield* Effect.forkChild(Mailer.deliver(messageTo("a@one.example", "b@two.example")))
      yield* TestClock.adjust("1 day")
      const receipt = yield* Fiber.join(sending)
      const parcels = yield* Ref.get(yield* Delivery.Attempts)
      assert.strictEqual(parcels.length, 6)
      assert.strictEqual(new Set(parcels.map(({ body }) => body)).size, 1)
      assert.deepStrictEqual(new Set(parcels.map(({ messageId }) => messageId)), new Set([receipt.messageId]))
    }).pipe(Effect.provide(Mailer.layerTest(failing(2))))
  )
})

describe("mail that may have been delivered (CLASS-52)", () => {
  const message = messageTo("a@one.example")
  const uncertainOnce = failing(1, lostAfterDot)

  it.effect("is retried after twice the usual wait", () =>
    Effect.gen(function* () {
      const { attempts, receipt } = yield* deliver(message, exact, Mailer.layerTest(uncertainOnce))
      assert.deepStrictEqual(
        attempts.map(([at]) => at),
        [0, 10 * minute]
      )
      assert.deepStrictEqual(summary(receipt), ["a@one.example delivered 2 2.0.0"])
    })
  )

  it.effect("is not retried under `hold` and `fail`, and stays uncertain", () =>
    Effect.gen(function* () {
      for (const mode of ["hold", "fail"] as const) {
        const policy = Policy.onUncertain(exact, mode)
        const { attempts, receipt } = yield* deliver(message, policy, Mailer.layerTest(uncertainOnce))
        assert.strictEqual(attempts.length, 1, mode)
        assert.deepStrictEqual(summary(receipt), ["a@one.example uncertain 1 4.4.2"], mode)
      }
    })
  )

  it.effect("waits on its own: recipients refused for certain go on before it", () =>
    Effect.gen(function* () {
      const decide = (recipient: string, attempt: number) =>
        attempt > 1 ? undefined : recipient.startsWith("a@") ? lostAfterDot : greylisted()
      const { attempts } = yield* deliver(messageTo("a@one.example", "b@one.example"), exact, Mailer.layerTest(decide))
      assert.deepStrictEqual(attempts, [
        [0, "a@one.example b@one.example"],
        [5 * minute, "b@one.example"],
        [10 * minute, "a@one.example"]
      ])
    })
  )

  it.effect("says so when it expires", () =>
    Effect.gen(function* () {
      const decide = (_: string, attempt: number) => (attempt === 1 ? lostAfterDot : greylisted())
      const { receipt } = yield* deliver(message, exact, Mailer.layerTest(decide))
      assert.strictEqual(receipt.failed[0]?.failure.enhanced, "5.4.7")
      assert.include(receipt.failed[0]?.failure.message, "may have been delivered")
    })
  )
})

describe("what a policy says otherwise", () => {
  it.effect("a rule turns a 550 into something that is retried, and the last words stay the server's (CLASS-65)", () =>
    Effect.gen(function* () {
      const limit = Failure.perm({ ...unknownUser, enhanced: "5.7.1", reason: "You are sending too fast" })
      const policy = Policy.rule(exact, { name: "rate limit", code: 550, text: "too fast", verdict: "temp" })
      const once = yield* deliver(messageTo("a@one.example"), policy, Mailer.layerTest(failing(1, limit)))
      assert.deepStrictEqual(summary(once.receipt), ["a@one.example delivered 2 2.0.0"])
      const forever = yield* deliver(
        messageTo("a@one.example"),
        policy,
        Mailer.layerTest(() => limit)
      )
      assert.include(forever.receipt.failed[0]?.failure.message, "You are sending too fast")
    })
  )

  it.effect("a rule turns a 451 into the end, at once (CLASS-65)", () =>
    Effect.gen(function* () {
      const policy = Policy.rule(exact, { name: "no patience", code: 451, verdict: "perm" })
      const { attempts, receipt } = yield* deliver(messageTo("a@one.example"), policy, Mailer.layerTest(failing(1)))
      assert.strictEqual(attempts.length, 1)
      assert.deepStrictEqual(summary(receipt), ["a@one.example perm 1 4.7.1"])
    })
  )

  const patient = exact.pipe(
    Policy.forDomain("slow.example", Policy.onTemp(Backoff.steps(["1 hour"]))),
    Policy.forDomain("bücher.example", Policy.onTemp(Backoff.steps(["2 hours"])))
  )
  const everywhere = messageTo("a@quick.example", "b@slow.example", "c@quick.example", "d@bücher.example")

  it.effect("each domain has its own waits", () =>
    Effect.gen(function* () {
      const { attempts } = yield* deliver(everywhere, patient, Mailer.layerTest(failing(1)))
      assert.deepStrictEqual(attempts.slice(3), [
        [5 * minute, "a@quick.example c@quick.example"],
        [hour, "b@slow.example"],
        [2 * hour, "d@bücher.example"]
      ])
    })
  )

  it.effect("also through a relay, where all domains share the first attempt", () =>
    Effect.gen(function* () {
      const { attempts, receipt } = yield* deliver(everywhere, patient, layerRelay(failing(1)))
      assert.deepStrictEqual(attempts, [
        [0, "a@quick.example b@slow.example c@quick.example d@bücher.example"],
        [5 * minute, "a@quick.example c@quick.example"],
        [hour, "b@slow.example"],
        [2 * hour, "d@bücher.example"]
      ])
      assert.deepStrictEqual(summary(receipt), [
        "a@quick.example delivered 2 2.0.0",
        "b@slow.example delivered 2 2.0.0",
        "c@quick.example delivered 2 2.0.0",
        "d@bücher.example delivered 2 2.0.0"
      ])
    })
  )

  it.effect("a server that turns every session away for a day is given up (CLASS-18)", () =>
    Effect.gen(function* () {
      const refusal = Failure.temp({
        stage: "greeting",
        scope: "host",
        next: "host",
        code: 554,
        reason: "No mail from you"
      })
      const { receipt } = yield* deliver(
        messageTo("a@one.example"),
        exact,
        Mailer.layerTest(() => refusal)
      )
      assert.deepStrictEqual(
        receipt.failed.map(({ attempts, failure }) => [failure._tag, attempts, failure.code]),
        [["PermFailure", 12, 554]]
      )
    })
  )

  it.effect("what this machine could not even try does not use up the retries (CLASS-14)", () =>
    Effect.gen(function* () {
      const local = Failure.unreachable({ ...nobodyThere, scope: "local", next: "later", enhanced: "4.3.0" })
      const { receipt } = yield* deliver(
        messageTo("a@one.example"),
        Policy.retries(exact, 1),
        Mailer.layerTest((_, attempt) => (attempt <= 3 ? local : attempt === 4 ? greylisted() : undefined))
      )
      assert.deepStrictEqual(summary(receipt), ["a@one.example delivered 2 2.0.0"])
    })
  )

  it.effect("the policy is that of the caller at the time of the call", () =>
    Effect.gen(function* () {
      const receipt = yield* Effect.provideService(
        Mailer.deliver(messageTo("a@one.example")),
        Policy.CurrentPolicy,
        Policy.noRetry
      )
      assert.deepStrictEqual(summary(receipt), ["a@one.example temp 1 4.7.1"])
    }).pipe(
      Effect.provide(Layer.provide(Mailer.layerTest(failing(1)), Layer.succeed(Policy.CurrentPolicy, byTheMinute)))
    )
  )
})

describe("waiting", () => {
  const domains = Array.from({ length: 40 }, (_, index) => `a@d${index}.example`)

  it.effect("holds up nobody: the mail for the last domain goes out while all others are down", () =>
    Effect.gen(function* () {
      const decide = (recipient: string) => (recipient === "a@d39.example" ? undefined : nobodyThere)
      const { attempts } = yield* deliver(messageTo(...domains), exact, Mailer.layerTest(decide))
      assert.deepStrictEqual(
        attempts.slice(0, 40).map(([at]) => at),
        domains.map(() => 0)
      )
      assert.isTrue(attempts.slice(0, 40).some(([, recipient]) => recipient === "a@d39.example"))
    })
  )

  it.effect("at most 16 attempts of one message are made at the same time", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      let running = 0
      let most = 0
      const delivery = yield* Delivery.Delivery
      const attempt: Delivery.Delivery["Service"]["attempt"] = (parcel) =>
        Effect.gen(function* () {
          most = Math.max(most, ++running)
          yield* Deferred.await(gate)
          running--
          return yield* delivery.attempt(parcel)
        })
      const sending = yield* Effect.forkChild(
        Mailer.deliver(messageTo(...domains)).pipe(
          Effect.provide(Layer.provide(Mailer.layer, Layer.succeed(Delivery.Delivery, { ...delivery, attempt })))
        )
      )
      yield* TestClock.adjust("1 second")
      assert.strictEqual(running, 16)
      yield* Deferred.succeed(gate, undefined)
      assert.isTrue((yield* Fiber.join(sending)).complete)
      assert.strictEqual(most, 16)
    }).pipe(Effect.provide(Delivery.layerTest()))
  )

  it.effect("can be interrupted, and nothing is tried after that (CLASS-63)", () =>
    Effect.gen(function* () {
      const sending = yield* Effect.forkChild(Mailer.send(messageTo("a@one.example", "b@two.example")))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.interrupt(sending)
      yield* TestClock.adjust("5 days")
      assert.strictEqual((yield* Ref.get(yield* Delivery.Attempts)).length, 2)
    }).pipe(Effect.provide(Mailer.layerTest(() => greylisted())))
  )

  it.effect("ends with the patience of the caller", () =>
    Effect.gen(function* () {
      const sending = yield* Effect.forkChild(
        Mailer.send(messageTo("a@one.example")).pipe(Effect.timeoutOption("10 minutes"))
      )
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual((yield* Fiber.join(sending))._tag, "None")
    }).pipe(Effect.provide(Mailer.layerTest(() => greylisted())))
  )

  it.effect("goes on for thousands of attempts", () =>
    Effect.gen(function* () {
      const policy = Policy.makeUnsafe({ temp: Schedule.spaced("1 second"), giveUpAfter: Duration.hours(1), jitter: 0 })
      const { attempts } = yield* deliver(
        messageTo("a@one.example"),
        policy,
        Mailer.layerTest(() => greylisted())
      )
      assert.strictEqual(attempts.length, 3601)
    })
  )
})

describe("events", () => {
  it.effect("tell what happens in the order in which it happens, and of which message", () =>
    Effect.gen(function* () {
      const decide = (recipient: string, attempt: number) => {
        if (recipient === "never@one.example") return unknownUser
        return attempt === 1 && recipient === "later@one.example" ? greylisted() : undefined
      }
      const message = messageTo("never@one.example", "later@one.example", "now@one.example")
      const { events, receipt } = yield* deliver(message, exact, Mailer.layerTest(decide))
      assert.deepStrictEqual(
        events.map((event) => {
          switch (event._tag) {
            case "AttemptStarted":
              return `${event.attempt} started: ${event.recipients.join(" ")}`
            case "AttemptEnded":
              return `${event.attempt} ended: ${event.outcomes.map((o) => `${o.recipient} ${o._tag} ${o.attempts}`).join(", ")}`
            case "Deferred":
              return `${event.recipients.join(" ")} waits ${Duration.format(event.after)}: ${event.failure.reason}`
            case "GaveUp":
              return `${event.recipients.join(" ")} given up, ${event.atEnd}: ${event.failure.reason}`
            default:
              return event._tag
          }
        }),
        [
          "1 started: never@one.example later@one.example now@one.example",
          "1 ended: never@one.example Failed 1, later@one.example Failed 1, now@one.example Delivered 1",
          "never@one.example given up, bounce: No such mailbox",
          "later@one.example waits 5m: Not now",
          "2 started: later@one.example",
          "2 ended: later@one.example Delivered 2"
        ]
      )
      assert.isString(receipt.messageId)
      assert.isTrue(events.every((event) => "messageId" in event && event.messageId === receipt.messageId))
    })
  )

  it.effect("of recipients that failed in different ways, a wait names the failure that weighs most", () =>
    Effect.gen(function* () {
      const decide = (recipient: string, attempt: number) =>
        attempt > 1 ? undefined : recipient.startsWith("a@") ? nobodyThere : greylisted()
      const { events } = yield* deliver(messageTo("a@one.example", "b@one.example"), exact, Mailer.layerTest(decide))
      const waits = events.filter(DeliveryEvent.is("Deferred"))
      assert.deepStrictEqual(
        waits.map(({ failure, recipients }) => [failure._tag, recipients]),
        [["TempFailure", ["a@one.example", "b@one.example"]]]
      )
    })
  )
})
