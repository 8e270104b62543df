import type { Failure } from "@effect-mail/protocol/Failure"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Kind from "../Kind.ts"
import type { Policy, RetrySchedule } from "../Policy.ts"
import * as RetryHint from "../RetryHint.ts"

/** A wait in milliseconds, and what made it that long. */
export interface Wait {
  readonly millis: number
  readonly because: Kind.Kind | "hint"
}

/** The wait for each failure of one destination; undefined once the schedule for it has ended. */
export const waits = (policy: Policy) => {
  const advance = stepper()
  let first = true
  const answer = Effect.fnUntraced(function* (failure: Kind.Soft, now: number): Effect.fn.Return<Wait | undefined> {
    const kind = Kind.of(failure)
    const usual = yield* advance(policy[kind === "uncertain" ? "temp" : kind], failure, now)
    const uncertain = kind === "uncertain" ? yield* advance(policy.uncertain ?? none, failure, now) : 0
    if (usual === undefined || uncertain === undefined) return undefined
    const own = kind === "uncertain" ? Math.max(usual * 2, uncertain) : 0
    const hint = asked(failure)
    const least = Math.max(hint, own, first ? usual : 0)
    if (kind !== "untried") first = false
    const millis = spread(usual, least, policy.jitter, yield* Random.next)
    return { millis, because: hint > Math.max(usual, own) ? "hint" : kind }
  })
  return (failure: Kind.Soft, now: number): Effect.Effect<Wait | undefined> => {
    const known = failure.stage === "policy" ? asked(failure) : 0
    return known > 0 ? Effect.map(Random.next, (random) => passes(known, policy.jitter, random)) : answer(failure, now)
  }
}

const none: RetrySchedule = Schedule.forever

const asked = (failure: Failure): number => Duration.toMillis(RetryHint.fromFailure(failure) ?? Duration.zero)

// Our own breakers and limits say when they will let something through, so nobody need guess (CLASS-15).
const passes = (millis: number, jitter: number, random: number): Wait => ({
  millis: spread(0, millis, jitter, random),
  because: "hint"
})

// What must be waited at least is only made longer by chance: a server that asked for five minutes turns away whoever
// comes after four. That holds for the first wait, too, because a greylister counts from the first contact and commonly
// asks for just these five minutes (RFC 6647; SMTP-075).
const spread = (usual: number, least: number, jitter: number, random: number): number =>
  Math.ceil(Math.max(usual * (1 + jitter * (2 * random - 1)), least * (1 + jitter * random)))

type Step = Effect.Success<ReturnType<typeof Schedule.toStep<unknown, Failure, never, never>>>

/** Takes the next step of a schedule. Each schedule value has one position, whichever kinds of failure it answers. */
const stepper = () => {
  const steps = new Map<RetrySchedule, Step>()
  return Effect.fnUntraced(function* (schedule: RetrySchedule, failure: Failure, now: number) {
    const step = steps.get(schedule) ?? (yield* Schedule.toStep(schedule))
    steps.set(schedule, step)
    return yield* step(now, failure).pipe(
      Effect.map(([, delay]): number | undefined => Math.max(0, Duration.toMillis(delay))),
      Pull.catchDone(() => Effect.undefined)
    )
  })
}
