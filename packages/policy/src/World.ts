/**
 * Scripted destinations for `Simulation`: what a server answers to an attempt, as pure functions of the time, the message
 * and what happened before. Worlds are small and are put together with `and`. Their
 * constructors throw a `PolicyError` when a time is not finite and longer than zero, a limit is not a whole number from 1, or
 * a share is not from 0 to 1.
 *
 * @since 0.1.0
 */
import * as Failure from "@effect-mail/protocol/Failure"
import * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { type Checked, count, mistake, time } from "./internal/checks.ts"
import { PolicyError } from "./PolicyError.ts"

/**
 * An attempt, as a destination sees it. Times are in milliseconds since the beginning of the simulation.
 *
 * @category models
 * @since 0.1.0
 */
export interface Contact {
  /** The number of the message, from 0. */
  readonly message: number
  /** The number of this attempt, from 1. */
  readonly attempt: number
  readonly at: number
  /** When the first attempt for this message was made. */
  readonly firstAt: number
  /** How many messages were accepted within the given time before this attempt, in milliseconds. */
  readonly acceptedWithin: (millis: number) => number
  /** A number from 0 to below 1 for this message and this word, always the same under the same seed. */
  readonly chance: (word: string) => number
}

/**
 * What a destination answers, and how long that takes in milliseconds. An `uncertain` failure may come with the message
 * `delivered` all the same.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer {
  readonly failure?: Failure.Failure | undefined
  readonly delivered?: boolean | undefined
  readonly takes: number
}

/**
 * A world: what it is called, and what it answers.
 *
 * @category models
 * @since 0.1.0
 */
export interface World {
  readonly name: string
  readonly answer: (contact: Contact) => Answer
}

const where = { host: "mx.example.com", address: "192.0.2.1", port: 25 }

const reply = (stage: Failure.Refused["stage"], code: number, enhanced: string, text: string): Failure.Failure =>
  Failure.fromProblem({ _tag: "Refused", stage, reply: { code, enhanced, lines: [`${enhanced} ${text}`] } }, where)

const accepted: Answer = { takes: 0 }

const refused = (failure: Failure.Failure): Answer => ({ failure, takes: 0 })

const valid = <A>(checked: Checked<A>): A => Result.getOrThrow(checked)

const millis = (setting: string, input: Duration.Input): number => Duration.toMillis(valid(time(setting, input)))

const proportion = (setting: string, share: number): number =>
  share >= 0 && share <= 1 ? share : valid(mistake(setting, `must be from 0 to 1, not ${share}`))

/**
 * Makes a world of a pure function. It is asked once for each attempt, in order of time.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (name: string, answer: (contact: Contact) => Answer): World => ({ name, answer })

/**
 * Everything is accepted at once.
 *
 * @category worlds
 * @since 0.1.0
 */
export const open: World = make("open", () => accepted)

/**
 * A message is refused for now (451 4.7.1) until this time has passed since its first attempt (RFC 6647; 5 minutes is the
 * usual one). With `hint` the server says how long that is.
 *
 * @category worlds
 * @since 0.1.0
 */
export const greylist = (
  options: { readonly after?: Duration.Input | undefined; readonly hint?: boolean | undefined } = {}
): World => {
  const after = millis("greylist.after", options.after ?? "5 minutes")
  const later = refused(greylisted("please try again later"))
  return make("greylist", ({ at, firstAt }) => {
    const rest = Math.ceil((after - (at - firstAt)) / 1000)
    if (rest <= 0) return accepted
    return options.hint === true ? refused(greylisted(`try again in ${rest} seconds`)) : later
  })
}

const greylisted = (words: string) => reply("rcpt", 451, "4.7.1", `Greylisted, ${words}`)

/**
 * Nobody takes the connection from one time to another, both counted from the beginning.
 *
 * @category worlds
 * @since 0.1.0
 */
export const outage = (options: { readonly from: Duration.Input; readonly until: Duration.Input }): World => {
  const until = millis("outage.until", options.until)
  const from = Duration.toMillis(Option.getOrElse(Duration.fromInput(options.from), () => Duration.infinity))
  if (from >= until) throw new PolicyError({ setting: "outage.from", reason: "must be a time before its end" })
  return make("outage", ({ at }) => (at >= from && at < until ? noAnswer : accepted))
}

const noAnswer = refused(
  Failure.fromProblem({ _tag: "Lost", stage: "connect", kind: "refused", detail: "connection refused" }, where)
)

/**
 * No more than `limit` messages are accepted in any `window`; the rest is told 421 4.7.0.
 *
 * @category worlds
 * @since 0.1.0
 */
export const rateLimit = (options: { readonly limit: number; readonly window: Duration.Input }): World => {
  const window = millis("rateLimit.window", options.window)
  const limit = valid(count("rateLimit.limit", options.limit, 1))
  return make("ratelimit", ({ acceptedWithin }) => (acceptedWithin(window) < limit ? accepted : tooFast))
}

const tooFast = refused(reply("mail", 421, "4.7.0", "Rate limit exceeded, try again later"))

/**
 * The host answers for the time `up`, then does not for the time `down`, and so on.
 *
 * @category worlds
 * @since 0.1.0
 */
export const flapping = (options: { readonly up: Duration.Input; readonly down: Duration.Input }): World => {
  const up = millis("flapping.up", options.up)
  const period = up + millis("flapping.down", options.down)
  return make("flapping", ({ at }) => (at % period < up ? accepted : noAnswer))
}

/**
 * Every answer takes this long.
 *
 * @category worlds
 * @since 0.1.0
 */
export const slow = (takes: Duration.Input): World => {
  const answer = { takes: millis("slow", takes) }
  return make("slow", () => answer)
}

/**
 * This share of the messages, from 0 to 1, goes to mailboxes that do not exist (550 5.1.1).
 *
 * @category worlds
 * @since 0.1.0
 */
export const permanent = (share: number): World => {
  const affected = proportion("permanent", share)
  return make("permanent", ({ chance }) => (chance("permanent") < affected ? noSuchUser : accepted))
}

const noSuchUser = refused(reply("rcpt", 550, "5.1.1", "No such user"))

/**
 * In this share of the attempts, from 0 to 1, the connection is lost after the last byte; half of these messages have been
 * delivered all the same (CLASS-52).
 *
 * @category worlds
 * @since 0.1.0
 */
export const lost = (share: number): World => {
  const affected = proportion("lost", share)
  return make("lost", ({ attempt, chance }) =>
    chance(`lost ${attempt}`) < affected
      ? { ...lostAtTheEnd, delivered: chance(`delivered ${attempt}`) < 0.5 }
      : accepted
  )
}

const lostAtTheEnd = refused(
  Failure.fromProblem({ _tag: "Lost", stage: "data-end", kind: "timeout", detail: "no reply to the message" }, where)
)

/**
 * Two worlds in a row, as a gateway and the server behind it: the second is asked when the first has accepted. The times
 * they take add up.
 *
 * @category combinators
 * @since 0.1.0
 */
export const and: {
  /** Two worlds in a row. */
  (that: World): (self: World) => World
  /** Two worlds in a row. */
  (self: World, that: World): World
} = dual(2, (self: World, that: World): World =>
  make(`${self.name}+${that.name}`, (contact) => {
    const first = self.answer(contact)
    if (first.failure !== undefined) return first
    const second = that.answer(contact)
    return first.takes === 0 ? second : { ...second, takes: first.takes + second.takes }
  })
)

/**
 * The worlds that have a name:
 *
 * - `open`: everything is accepted;
 * - `greylist`: 5 minutes from the first attempt;
 * - `outage`: nobody answers for the first 8 hours;
 * - `ratelimit`: 1000 messages an hour;
 * - `flapping`: up for 10 minutes, down for 50;
 * - `slow`: every answer takes 2 minutes;
 * - `permanent`: 5 % of the mailboxes do not exist;
 * - `lost`: 10 % of the connections are lost after the last byte;
 * - `storm`: an outage of 2 hours, then greylisting, 2000 messages an hour and 1 % unknown mailboxes.
 *
 * @category worlds
 * @since 0.1.0
 */
export const worlds: { readonly [name: string]: World } = {
  open,
  greylist: greylist(),
  outage: outage({ from: 0, until: "8 hours" }),
  ratelimit: rateLimit({ limit: 1000, window: "1 hour" }),
  flapping: flapping({ up: "10 minutes", down: "50 minutes" }),
  slow: slow("2 minutes"),
  permanent: permanent(0.05),
  lost: lost(0.1),
  storm: {
    ...and(
      and(outage({ from: 0, until: "2 hours" }), greylist()),
      and(permanent(0.01), rateLimit({ limit: 2000, window: "1 hour" }))
    ),
    name: "storm"
  }
}

/**
 * The world of this name. Fails with a `PolicyError` that lists the names when there is none.
 *
 * @category getters
 * @since 0.1.0
 */
export const find = (name: string): Result.Result<World, PolicyError> => {
  const world = Object.hasOwn(worlds, name) ? worlds[name] : undefined
  return world === undefined
    ? mistake("world", `must be one of ${Object.keys(worlds).join(", ")}, not ${JSON.stringify(name)}`)
    : Result.succeed(world)
}
