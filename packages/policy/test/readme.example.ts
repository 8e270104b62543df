import * as Policy from "@effect-mail/policy/Policy"
import type { Failure } from "@effect-mail/protocol/Failure"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"

// What the standard policy says, changed in three places.
export const policy = Policy.standard.pipe(
  Policy.giveUpAfter("2 days"),
  Policy.rule({ name: "rate limit", code: 550, text: "sending too fast", verdict: "temp" }),
  Policy.forDomain("slow.example", Policy.onTemp(Schedule.spaced("1 hour")))
)

// Tries until it works or the policy ends it. A queue would store the time of the next attempt instead of sleeping.
export const persist = Effect.fnUntraced(function* <A>(domain: string, attempt: Effect.Effect<A, Failure>) {
  const decider = yield* Policy.start(Policy.forRecipientDomain(yield* Policy.CurrentPolicy, domain))
  const answer = Effect.fnUntraced(function* (failure: Failure): Effect.fn.Return<A, Failure> {
    const decision = yield* decider.decide(failure, yield* Clock.currentTimeMillis)
    if (decision._tag === "Retry") return yield* Effect.delay(persistent, decision.after)
    return yield* decision.failure
  })
  const persistent: Effect.Effect<A, Failure> = Effect.catch(attempt, answer)
  return yield* persistent
})
