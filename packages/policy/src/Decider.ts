/**
 * The decisions of a policy about one destination, as failures come in. A decider keeps where in its schedules the
 * destination is; it takes the time as an argument, so it serves a fiber that waits, a queue that stores the time of the
 * next attempt, and a test alike. Chance comes from `Random` and is asked only for jitter.
 *
 * @since 0.1.0
 */
import type { Failure } from "@effect-mail/protocol/Failure"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Random from "effect/Random"
import * as Decision from "./Decision.ts"
import * as Course from "./internal/course.ts"
import { expired, permanent } from "./internal/verdict.ts"
import { type Wait, waits } from "./internal/waits.ts"
import * as Kind from "./Kind.ts"
import type { Policy } from "./Policy.ts"
import * as Rule from "./Rule.ts"

/**
 * Decides about one destination: one failure after the other, each with the time at which it happened, in milliseconds
 * since the epoch. The failures of a destination are given one at a time and in order.
 *
 * @category models
 * @since 0.1.0
 */
export interface Decider {
  readonly decide: (failure: Failure, now: number) => Effect.Effect<Decision.Decision>
}

/**
 * A recorded failure of an attempt, as it was before any rule: `at` is when it happened, in milliseconds since the epoch.
 *
 * @category models
 * @since 0.1.0
 */
export interface Attempt {
  readonly at: number
  readonly failure: Failure
}

/**
 * Where a decider begins.
 *
 * @category models
 * @since 0.1.0
 */
export interface StartOptions {
  /** When the lifetime began, in milliseconds since the epoch; the time of the first failure when it is not given. */
  readonly since?: number | undefined
  /** The seed of all chance in the decisions, such as the message's id; the surrounding `Random` when it is not given. */
  readonly seed?: string | number | undefined
}

/**
 * Begins to decide about one destination.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start = Effect.fnUntraced(function* (
  policy: Policy,
  options: StartOptions = {}
): Effect.fn.Return<Decider> {
  const seeded = yield* chance(options.seed)
  // What was not tried leaves no trace in later decisions, so a queue need not record it.
  const untried = yield* chance(options.seed === undefined ? undefined : `${options.seed}/untried`)
  const waitFor = waits(policy)
  let course = Course.begin(options.since)
  const decide = (failure: Failure, now: number): Effect.Effect<Decision.Decision> => {
    const rule = Rule.find(policy.rules, failure)
    const ruled = rule === undefined ? failure : Rule.rewrite(rule, failure)
    course = Course.after(course, ruled, now)
    // What an operator says about a greeting stands, whatever the grace (CLASS-65).
    const verdict = rule === undefined ? greeted(policy, course, ruled, now) : ruled
    if (verdict._tag === "PermFailure") return Effect.succeed(Decision.giveUp(verdict, policy.atEnd))
    const final = atOnce(policy, course, verdict, now)
    if (final !== undefined) return Effect.succeed(final)
    const drawing = Kind.of(verdict) === "untried" ? untried : seeded
    return Effect.map(drawing(waitFor(verdict, now)), (wait) => next(policy, course, verdict, now, wait))
  }
  return { decide: (failure, now) => Effect.suspend(() => decide(failure, now)) }
})

/**
 * When attempts are made, counted from the first one, as long as all of them end with this failure; without chance. At most
 * `limit` times are given (default 100), because a policy may make thousands of attempts.
 *
 * @category getters
 * @since 0.1.0
 */
export const timetable = Effect.fnUntraced(function* (
  policy: Policy,
  failure: Failure,
  limit = 100
): Effect.fn.Return<ReadonlyArray<Duration.Duration>> {
  const decider = yield* start({ ...policy, jitter: 0 }, { since: 0 })
  const times = [0]
  while (times.length < limit) {
    const now = times.at(-1) ?? 0
    const decision = yield* decider.decide(failure, now)
    if (decision._tag !== "Retry") break
    times.push(now + Duration.toMillis(decision.after))
  }
  return times.map((time) => Duration.millis(time))
})

/**
 * The decision that stands after a history of failed attempts: what `start` would have decided about them one after the
 * other, the last wait shortened by the time that went by until `now`. So a queue can go on after a restart, and under the
 * same `seed` it decides what it had decided before. What was not tried (CLASS-14, CLASS-15) may be in the history or not. An
 * attempt that became due meanwhile is still made, even when the
 * lifetime ended while nobody was there to make it. An empty history says to try at once.
 *
 * @category constructors
 * @since 0.1.0
 */
export const replay = Effect.fnUntraced(function* (
  policy: Policy,
  history: ReadonlyArray<Attempt>,
  now: number,
  options: StartOptions = {}
): Effect.fn.Return<Decision.Decision> {
  const decider = yield* start(policy, options)
  let decision = Decision.retry(Duration.zero, "new")
  for (const { at, failure } of history) {
    decision = remaining(yield* decider.decide(failure, at), now - at)
  }
  return decision
})

const remaining = (decision: Decision.Decision, passed: number): Decision.Decision =>
  decision._tag === "Retry" && passed > 0
    ? Decision.retry(Duration.millis(Math.max(0, Duration.toMillis(decision.after) - passed)), decision.because)
    : decision

// One source of chance for the whole life of a decider, so that every decision goes on where the last one stopped.
const chance = (seed: StartOptions["seed"]): Effect.Effect<<A>(effect: Effect.Effect<A>) => Effect.Effect<A>> =>
  seed === undefined
    ? Effect.succeed(identity)
    : Effect.map(Random.withSeed(Random.Random, seed), (random) => Effect.provideService(Random.Random, random))

const greeted = (policy: Policy, course: Course.Course, failure: Failure, now: number): Failure => {
  if (course.refusals === undefined || !Course.isRefusal(failure)) return failure
  const { after, attempts } = policy.greetingGrace
  const { count, since } = course.refusals
  if (count < attempts || now - since < Duration.toMillis(after)) return failure
  return permanent(
    failure,
    `The server turned every session away: ${count} in a row, for ${Duration.format(Duration.millis(now - since))}`
  )
}

// What follows without a look at the schedules, if anything does.
const atOnce = (
  policy: Policy,
  course: Course.Course,
  failure: Kind.Soft,
  now: number
): Decision.Decision | undefined => {
  if (policy.onUncertain === "hold" && Kind.of(failure) === "uncertain") return Decision.hold(failure)
  if (policy.onUncertain === "fail" && Kind.of(failure) === "uncertain") return Decision.giveUp(failure, policy.atEnd)
  if (policy.retries === 0) return Decision.giveUp(failure, policy.atEnd)
  if (left(policy, course, now) <= 0)
    return expiry(policy, course, failure, `after ${Duration.format(policy.giveUpAfter)}`)
  const exhausted = policy.retries !== undefined && course.attempts > policy.retries
  return exhausted ? expiry(policy, course, failure, attempted(course)) : undefined
}

// What follows from a wait; from none, when the schedule has ended. A wait that reaches beyond the lifetime is cut for a
// last attempt at its end, but not when that could be a second copy of a message which is still being worked on.
const next = (
  policy: Policy,
  course: Course.Course,
  failure: Kind.Soft,
  now: number,
  wait: Wait | undefined
): Decision.Decision => {
  if (wait === undefined) return expiry(policy, course, failure, attempted(course))
  const rest = left(policy, course, now)
  if (wait.millis <= rest) return Decision.retry(Duration.millis(wait.millis), wait.because)
  return Kind.of(failure) === "uncertain"
    ? expiry(policy, course, failure, `${attempted(course)}, with no time for another one`)
    : Decision.retry(Duration.millis(rest), "end")
}

const left = (policy: Policy, course: Course.Course, now: number): number =>
  Duration.toMillis(policy.giveUpAfter) - Course.age(course, now)

const attempted = ({ attempts }: Course.Course): string => `after ${attempts} attempt${attempts === 1 ? "" : "s"}`

const expiry = (policy: Policy, course: Course.Course, failure: Kind.Soft, because: string): Decision.Decision =>
  Decision.giveUp(expired(course.last ?? failure, because, course.maybeDelivered), policy.atEnd)
