/** What holds for every message, every policy and everything that servers may say. */
import { Delivery, Failure, Mailer, Policy, Receipt } from "effect-mail"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import {
  deliver,
  greylisted,
  layerRelay,
  lostAfterDot,
  messageTo,
  nobodyThere,
  unknownUser
} from "./support/timeline.ts"

const said = { ok: undefined, temp: greylisted(), perm: unknownUser, down: nobodyThere, lost: lostAfterDot } as const

// What the server says to a recipient at each attempt; then it says yes.
const Script = Schema.Array(Schema.Literals(["ok", "temp", "perm", "down", "lost"])).check(Schema.isMaxLength(6))

const Scripts = Schema.NonEmptyArray(Script).check(Schema.isMaxLength(8))

const World = Schema.Struct({
  scripts: Scripts,
  domains: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3 })),
  relay: Schema.Boolean,
  retries: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4 }))),
  onUncertain: Schema.Literals(["retry", "hold", "fail"])
})

type World = typeof World.Type

const play = Effect.fnUntraced(function* ({ domains, onUncertain, relay, retries, scripts }: World) {
  const recipients = scripts.map((_, index) => `r${index}@d${index % domains}.example`)
  const asked = new Map<string, Array<Failure.Failure | undefined>>(recipients.map((recipient) => [recipient, []]))
  const decide = (recipient: string, attempt: number) => {
    const script = scripts[recipients.indexOf(recipient)] ?? []
    const failure = said[script[attempt - 1] ?? "ok"]
    asked.get(recipient)?.push(failure)
    return failure
  }
  const policy = Policy.makeUnsafe({ ...Policy.standard, retries, onUncertain })
  const layer = relay ? layerRelay(decide) : Mailer.layerTest(decide)
  const { events, receipt } = yield* deliver(messageTo(...recipients), policy, layer)
  return { recipients, asked, events, receipt }
})

describe("every delivery", () => {
  it.effect.prop("gives each recipient one outcome, in the order of the envelope", [World], ([world]) =>
    Effect.gen(function* () {
      const { receipt, recipients } = yield* play(world)
      assert.deepStrictEqual(
        receipt.outcomes.map(({ recipient }) => recipient),
        recipients
      )
    })
  )

  it.effect.prop("asks nobody again after a yes or a never, and reports what was said last", [World], ([world]) =>
    Effect.gen(function* () {
      const { asked, receipt } = yield* play(world)
      for (const outcome of receipt.outcomes) {
        const answers = asked.get(outcome.recipient) ?? []
        assert.strictEqual(outcome.attempts, answers.length)
        for (const early of answers.slice(0, -1)) assert.isTrue(early !== undefined && early._tag !== "PermFailure")
        const last = answers.at(-1)
        if (last === undefined) assert.strictEqual(outcome._tag, "Delivered")
        else if (last._tag === "PermFailure") assert.isTrue(outcome._tag === "Failed" && outcome.failure === last)
        else assert.strictEqual(outcome._tag, "Failed")
      }
    })
  )

  it.effect.prop(
    "keeps to the number of retries, and to what is said of mail that may have arrived",
    [World],
    ([world]) =>
      Effect.gen(function* () {
        const { asked, receipt } = yield* play(world)
        for (const { attempts, recipient } of receipt.outcomes) {
          if (world.retries !== undefined) assert.isAtMost(attempts, world.retries + 1)
          if (world.onUncertain === "retry") continue
          const doubtful = asked.get(recipient)?.indexOf(lostAfterDot) ?? -1
          if (doubtful !== -1) assert.strictEqual(attempts, doubtful + 1)
        }
      })
  )

  it.effect.prop("tells of every attempt, of every wait, of the late warning, and of the end", [World], ([world]) =>
    Effect.gen(function* () {
      const { asked, events, receipt } = yield* play(world)
      for (const [recipient, answers] of asked) {
        const own = events.flatMap((event) => {
          if (event._tag === "AttemptEnded") {
            return event.outcomes.some((outcome) => outcome.recipient === recipient) ? [event._tag] : []
          }
          return "recipients" in event && event.recipients.includes(recipient) ? [event._tag] : []
        })
        const attempt = ["AttemptStarted", "AttemptEnded"]
        const failed = receipt.failed.some((outcome) => outcome.recipient === recipient)
        const doubtful = answers.at(-1) === lostAfterDot && world.onUncertain === "hold"
        assert.deepStrictEqual(
          own.filter((tag) => tag !== "Warned"),
          [
            ...answers.flatMap((_, index) => (index === 0 ? attempt : ["Deferred", ...attempt])),
            ...(failed ? [doubtful ? "Held" : "GaveUp"] : [])
          ]
        )
        assert.isAtMost(own.filter((tag) => tag === "Warned").length, 1)
      }
    })
  )

  it.effect.prop(
    "send fails exactly when nobody was accepted, with the failure that weighs most",
    [Scripts],
    ([scripts]) =>
      Effect.gen(function* () {
        const recipients = scripts.map((_, index) => `r${index}@one.example`)
        const decide = (recipient: string) => said[scripts[recipients.indexOf(recipient)]?.[0] ?? "ok"]
        const both = Effect.all([
          Effect.result(Mailer.send(messageTo(...recipients))),
          Mailer.deliver(messageTo(...recipients))
        ]).pipe(
          Effect.provide(Layer.provide(Mailer.layer, Delivery.layerTest(decide))),
          Effect.provideService(Policy.CurrentPolicy, Policy.noRetry)
        )
        const [sent, receipt] = yield* both
        assert.strictEqual(sent._tag, receipt.delivered.length > 0 ? "Success" : "Failure")
        if (sent._tag === "Failure") assert.strictEqual(sent.failure, Receipt.strongestFailure(receipt))
      })
  )
})
