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
import type * as Decider from "./Decider.ts"
import { count, mistake, time } from "./internal/checks.ts"
import * as Heap from "./internal/heap.ts"
import * as Kind from "./Kind.ts"
import * as Policy from "./Policy.ts"
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
  /** The copies beyond the first one of each message. */
  readonly duplicates: number
  /** The delay that was wanted, in milliseconds, and how many messages kept to it. */
  readonly sla: { readonly within: number; readonly kept: number }
  /** Undefined when nothing was delivered. */
  readonly delay: Percentiles | undefined
  readonly load: Load
}

/**
 * Plays a policy against a world. Each message is one destination of its own, decided by `Policy.start` under a seed made
 * of the simulation's and the message's number. Fails with a `PolicyError` when `messages` is not a whole number from 1,
 * `seed` is not a whole number, or a time is not finite and longer than zero.
 *
 * @category running
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(
  function* (policy: Policy.Policy, world: World.World, mail: Mail): Effect.fn.Return<Report, PolicyError> {
    const plan = yield* Effect.fromResult(check(mail))
    const queue = Heap.make<Message>()
    const messages = Array.from({ length: plan.messages }, (_, number) => message(number, plan))
    for (const self of messages) queue.push(self.sentAt, self)
    const site = destination(world, plan.seed)
    for (let next = queue.pop(); next !== undefined && next.at <= plan.until; next = queue.pop()) {
      const self = next.item
      const { failure, takes } = attempt(site, self, next.at)
      const now = next.at + takes
      if (failure === undefined) {
        end(self, "delivered", now)
        continue
      }
      self.decider ??= yield* Policy.start(policy, { since: self.sentAt, seed: `${plan.seed}:${self.number}` })
      const decision = yield* self.decider.decide(failure, now)
      if (decision._tag === "Retry") queue.push(now + Duration.toMillis(decision.after), self)
      else end(self, decision._tag === "Hold" ? "held" : "failed", now)
    }
    return report(world, plan, messages, site.sessions)
  },
  (running) => Effect.withSpan(running, "Simulation.run", { captureStackTrace: false })
)

interface Plan {
  readonly messages: number
  readonly over: number
  readonly seed: number
  readonly sla: number
  readonly until: number
}

const check = (mail: Mail): Result.Result<Plan, PolicyError> =>
  Result.gen(function* () {
    const seed = mail.seed ?? 1
    return {
      messages: yield* count("messages", mail.messages, 1),
      over: Duration.toMillis(yield* time("over", mail.over ?? "1 hour")),
      seed: Number.isSafeInteger(seed) ? seed : yield* mistake("seed", `must be a whole number, not ${seed}`),
      sla: Duration.toMillis(yield* time("sla", mail.sla ?? "15 minutes")),
      until: mail.until === undefined ? Infinity : Duration.toMillis(yield* time("until", mail.until))
    }
  })

// A message on its way; the simulation writes down here what happens to it.
interface Message {
  readonly number: number
  readonly sentAt: number
  readonly attempts: Array<Attempt>
  decider: Decider.Decider | undefined
  end: Course["end"]
  endedAt: number | undefined
  copies: number
}

const message = (number: number, plan: Plan): Message => ({
  number,
  sentAt: Math.floor((number * plan.over) / plan.messages),
  attempts: [],
  decider: undefined,
  end: "pending",
  endedAt: undefined,
  copies: 0
})

const end = (self: Message, how: Course["end"], at: number): void => {
  self.end = how
  self.endedAt = at
  self.decider = undefined
}

const attempt = (site: Site, self: Message, at: number): World.Answer => {
  const answer = site.contact(self, at)
  self.attempts.push({ at, result: resultOf(answer.failure) })
  if (answer.failure === undefined || answer.delivered === true) self.copies++
  return answer
}

const resultOf = (failure: World.Answer["failure"]): Attempt["result"] => {
  if (failure === undefined) return "accepted"
  return failure._tag === "PermFailure" ? "perm" : Kind.of(failure)
}

interface Session {
  readonly at: number
  readonly until: number
}

interface Site {
  readonly sessions: ReadonlyArray<Session>
  readonly contact: (message: Message, at: number) => World.Answer
}

// A destination remembers what it has accepted, in order of time.
const destination = (world: World.World, seed: number): Site => {
  const accepted: Array<number> = []
  const sessions: Array<Session> = []
  return {
    sessions,
    contact: (message, at) => {
      const answer = world.answer({
        message: message.number,
        attempt: message.attempts.length + 1,
        at,
        firstAt: message.attempts[0]?.at ?? at,
        acceptedWithin: (millis) => accepted.length - firstAfter(accepted, at - millis),
        chance: (word) => hash(`${seed}/${message.number}/${word}`)
      })
      if (answer.failure === undefined) accepted.push(at)
      sessions.push({ at, until: at + answer.takes })
      return answer
    }
  }
}

// The index of the first of the sorted times that is later than this one.
const firstAfter = (times: ReadonlyArray<number>, time: number): number => {
  let [low, high] = [0, times.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((times[middle] ?? Infinity) > time) high = middle
    else low = middle + 1
  }
  return low
}

// FNV-1a over the text and the finish of MurmurHash 3: a number from 0 to below 1.
const hash = (text: string): number => {
  let h = 0x811c9dc5
  for (let index = 0; index < text.length; index++) h = Math.imul(h ^ text.charCodeAt(index), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return ((h ^ (h >>> 16)) >>> 0) / 0x1_0000_0000
}

const report = (
  world: World.World,
  plan: Plan,
  messages: ReadonlyArray<Message>,
  sessions: ReadonlyArray<Session>
): Report => {
  const number = (how: Course["end"]) => messages.filter((course) => course.end === how).length
  const delays = messages.flatMap((course) => (course.end === "delivered" ? [delayOf(course)] : [])).toSorted(ascending)
  return {
    world: world.name,
    seed: plan.seed,
    messages: messages.map(({ attempts, copies, end, endedAt, sentAt }) => ({
      sentAt,
      attempts,
      end,
      endedAt,
      copies
    })),
    delivered: delays.length,
    failed: number("failed"),
    held: number("held"),
    pending: number("pending"),
    attempts: sessions.length,
    duplicates: messages.reduce((sum, { copies }) => sum + Math.max(0, copies - 1), 0),
    sla: { within: plan.sla, kept: firstAfter(delays, plan.sla) },
    delay: percentiles(delays),
    load: load(sessions)
  }
}

const delayOf = (self: Message): number => (self.endedAt ?? self.sentAt) - self.sentAt

const ascending = (a: number, b: number): number => a - b

const percentiles = (sorted: ReadonlyArray<number>): Percentiles | undefined => {
  const rank = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? 0
  return sorted.length === 0 ? undefined : { p50: rank(0.5), p95: rank(0.95), p99: rank(0.99), max: rank(1) }
}

// The bins of a chart: as fine as a minute, and never more than 120 of them.
const load = (sessions: ReadonlyArray<Session>): Load => {
  const last = sessions.at(-1)?.at ?? 0
  const bin = Math.max(60_000, Math.ceil((last + 1) / 120))
  const attempts = Array.from({ length: Math.floor(last / bin) + 1 }, () => 0)
  for (const { at } of sessions) {
    const index = Math.floor(at / bin)
    attempts[index] = (attempts[index] ?? 0) + 1
  }
  const peak = attempts.reduce((most, some) => Math.max(most, some), 0)
  return { bin, attempts, peak, sessions: mostAtOnce(sessions) }
}

const mostAtOnce = (sessions: ReadonlyArray<Session>): number => {
  const ends = sessions.map(({ until }) => until).toSorted(ascending)
  let [ended, most] = [0, 0]
  sessions.forEach(({ at }, begun) => {
    while ((ends[ended] ?? Infinity) < at) ended++
    most = Math.max(most, begun + 1 - ended)
  })
  return most
}
