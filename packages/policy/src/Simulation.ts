/**
 * Plays a policy against a scripted `World` and says what became of the mail: when each message was attempted, how late it
 * came, and what the destination had to bear. Time is virtual and chance comes from the seed, so the same run gives the same
 * report, and five days pass in seconds. Nothing is sent and nothing sleeps.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { count, mistake, time } from "./internal/checks.ts"
import { report } from "./internal/report.ts"
import * as Stage from "./internal/stage.ts"
import type * as Kind from "./Kind.ts"
import type * as Policy from "./Policy.ts"
import type { PolicyError } from "./PolicyError.ts"
import type * as World from "./World.ts"

/**
 * The mail of a simulation.
 *
 * @category models
 * @since 0.1.0
 */
export interface Mail {
  /** How many messages are sent. */
  readonly messages: number
  /** The time over which they are sent, evenly. Default: 1 hour. */
  readonly over?: Duration.Input | undefined
  /** The seed of all chance, a whole number. Default: 1. */
  readonly seed?: number | undefined
  /** How soon a message should be delivered. Default: 15 minutes. */
  readonly sla?: Duration.Input | undefined
  /** When to stop, from the beginning. Default: when every message has its end. */
  readonly until?: Duration.Input | undefined
  /** Whether the policy's limits hold, breaker included; without them one sees its timetable alone. Default: true. */
  readonly limited?: boolean | undefined
}

/**
 * An attempt: when it began, in milliseconds since the beginning, and what came of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Attempt {
  readonly at: number
  readonly result: "accepted" | "perm" | Kind.Kind
}

/**
 * What became of a message. Times are in milliseconds since the beginning.
 *
 * @category models
 * @since 0.1.0
 */
export interface Course {
  readonly sentAt: number
  readonly attempts: ReadonlyArray<Attempt>
  /** `pending` is a message that still waited when the simulation stopped. */
  readonly end: "delivered" | "failed" | "held" | "pending"
  readonly endedAt: number | undefined
  /** How many copies arrived, which can be more than one after an uncertain attempt (CLASS-52). */
  readonly copies: number
}

/**
 * How long the delivered messages took, in milliseconds: nearest-rank percentiles.
 *
 * @category models
 * @since 0.1.0
 */
export interface Percentiles {
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

/**
 * What a destination had to bear: the attempts in each `bin` milliseconds, the most in one of them, and the most sessions at
 * the same time.
 *
 * @category models
 * @since 0.1.0
 */
export interface Load {
  readonly bin: number
  readonly attempts: ReadonlyArray<number>
  readonly peak: number
  readonly sessions: number
}

/**
 * What a simulation shows.
 *
 * @category models
 * @since 0.1.0
 */
export interface Report {
  readonly world: string
  readonly seed: number
  readonly messages: ReadonlyArray<Course>
  readonly delivered: number
  readonly failed: number
  readonly held: number
  readonly pending: number
  /** The number of attempts for all messages together. */
  readonly attempts: number
  /** How often a limit or a breaker let nothing through, which is no attempt (CLASS-15). */
  readonly heldBack: number
  /** The copies beyond the first one of each message. */
  readonly duplicates: number
  /** The delay that was wanted, in milliseconds, and how many messages kept to it. */
  readonly sla: { readonly within: number; readonly kept: number }
  /** Undefined when nothing was delivered. */
  readonly delay: Percentiles | undefined
  readonly load: Load
}

/**
 * Plays a policy against a world. All messages go to one destination, which is held to the policy's limits as `Throttle` does
 * it. Each message is decided about by `Policy.start` under a seed made of the simulation's and the message's number. Fails
 * with a `PolicyError` when `messages` is not a whole number from 1, `seed` is not a whole number, or a time is not finite
 * and longer than zero.
 *
 * @category running
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(
  function* (policy: Policy.Policy, world: World.World, mail: Mail): Effect.fn.Return<Report, PolicyError> {
    const plan = yield* Effect.fromResult(check(mail))
    return report(world, plan, yield* Stage.play(policy, world, plan))
  },
  (running) => Effect.withSpan(running, "Simulation.run", { captureStackTrace: false })
)

const check = (mail: Mail): Result.Result<Stage.Plan, PolicyError> =>
  Result.gen(function* () {
    const seed = mail.seed ?? 1
    return {
      messages: yield* count("messages", mail.messages, 1),
      over: Duration.toMillis(yield* time("over", mail.over ?? "1 hour")),
      seed: Number.isSafeInteger(seed) ? seed : yield* mistake("seed", `must be a whole number, not ${seed}`),
      sla: Duration.toMillis(yield* time("sla", mail.sla ?? "15 minutes")),
      limited: mail.limited ?? true,
      until: mail.until === undefined ? Infinity : Duration.toMillis(yield* time("until", mail.until))
    }
  })
