/**
 * What a failure means and what follows from it, as one immutable value: which schedule answers which kind of failure, for
 * how long, what happens to mail that may have been delivered, and which verdicts are rewritten. `start` and `replay` turn
 * it into decisions.
 *
 * The laws of every policy:
 * - a permanent failure is never retried;
 * - it gives up: the lifetime is finite, and no wait is negative or reaches beyond its end;
 * - the lifetime bounds it, not the number of attempts, unless `retries` says so;
 * - nothing here sleeps, reads a clock or sends anything.
 *
 * @since 0.1.0
 */
import * as Address from "@effect-mail/protocol/Address"
import type { Failure } from "@effect-mail/protocol/Failure"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import * as Pipeable from "effect/Pipeable"
import * as Result from "effect/Result"
import type * as Schedule from "effect/Schedule"
import * as Backoff from "./Backoff.ts"
import type { AtEnd } from "./Decision.ts"
import { mistake } from "./internal/checks.ts"
import { settings } from "./internal/settings.ts"
import * as Limits from "./Limits.ts"
import type { PolicyError } from "./PolicyError.ts"
import * as Provider from "./Provider.ts"
import * as Rule from "./Rule.ts"

export { replay, start, timetable } from "./Decider.ts"
export type { Attempt, Decider, StartOptions } from "./Decider.ts"
export type { AtEnd } from "./Decision.ts"

const TypeId = "~@effect-mail/policy/Policy"

/**
 * A schedule that answers failures. It is stepped with the failure, so it can look at it; what it puts out is ignored,
 * its delay is the wait. When it ends, the policy gives up. `Schedule.recurs` and its like have no delay of their own and
 * would retry at once: `retries` is what limits the attempts.
 *
 * @category models
 * @since 0.1.0
 */
export type RetrySchedule = Schedule.Schedule<unknown, Failure>

/**
 * What to do with a message that may have been delivered, because the connection was lost after its last byte (CLASS-52):
 * send it again after at least twice the usual wait and risk a second copy, keep it for a person to decide, or report it
 * as it is and risk that nobody got it.
 *
 * @category models
 * @since 0.1.0
 */
export type OnUncertain = "retry" | "hold" | "fail"

/**
 * How long a server may turn every session away with a 5xx greeting before that counts as permanent: until it has done so
 * for the time `after` and in this number of `attempts` in a row, whichever comes last (CLASS-18). Three attempts are made
 * within minutes, while a server is restarted or a filter is mended; and after a day without an attempt one refusal is not
 * yet a habit.
 *
 * @category models
 * @since 0.1.0
 */
export interface GreetingGrace {
  readonly after: Duration.Duration
  readonly attempts: number
}

/**
 * How soon a message matters.
 *
 * @category models
 * @since 0.1.0
 */
export type Priority = "high" | "normal" | "low"

/**
 * What mail is about to be sent where, as far as a policy may depend on it: the recipient's domain, the names of the hosts
 * that take its mail, and the message's priority; each when it is known.
 *
 * @category models
 * @since 0.1.0
 */
export interface Destination {
  readonly domain?: string | undefined
  readonly hosts?: ReadonlyArray<string> | undefined
  readonly priority?: Priority | undefined
}

/**
 * What is different for some destinations.
 *
 * @category models
 * @since 0.1.0
 */
export interface Override {
  readonly matches: (destination: Destination) => boolean
  readonly adapt: (policy: Policy) => Policy
}

/**
 * The settings of a policy.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings {
  /** Answers a server's "not now". */
  readonly temp: RetrySchedule
  /**
   * Answers when no server gave a verdict. Kinds that are answered by the same schedule value go through it together, so
   * that a destination which fails now this way and now that way is not asked twice as often.
   */
  readonly unreachable: RetrySchedule
  /**
   * Answers when the message may have been delivered. It takes a step together with `temp`, and waits never less than
   * twice as long as that one (CLASS-52); without it, exactly twice as long.
   */
  readonly uncertain: RetrySchedule | undefined
  /** Answers when nothing was tried (`Kind`) and nobody knows how long that will last: breakers and limits say it. */
  readonly untried: RetrySchedule
  /** The lifetime, counted from the first attempt; the last wait is cut so that a last attempt falls on its end. */
  readonly giveUpAfter: Duration.Duration
  /** How many attempts may follow the first one, if that is limited. */
  readonly retries: number | undefined
  /**
   * How far a wait is spread by chance: 0.15 is ±15 %. The first wait, and one that a server asked for, are only ever made
   * longer.
   */
  readonly jitter: number
  /** What follows when the message may have been delivered. */
  readonly onUncertain: OnUncertain
  /** When the sender is told that the mail is late, counted from the first attempt, in order: `Deadline`. */
  readonly warnAfter: ReadonlyArray<Duration.Duration>
  /** What is done with mail that is given up. */
  readonly atEnd: AtEnd
  /** When a 5xx greeting becomes permanent. */
  readonly greetingGrace: GreetingGrace
  /** The rules that rewrite verdicts; the first that matches counts. */
  readonly rules: ReadonlyArray<Rule.Rule>
  /** What is different for some destinations, applied in this order. */
  readonly overrides: ReadonlyArray<Override>
  /** How fast and how much at once; `Throttle` keeps to it. */
  readonly limits: Limits.Limits
}

/**
 * What a failure means and what follows from it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Policy extends Settings, Pipeable.Pipeable {
  readonly [TypeId]: typeof TypeId
}

const Proto = {
  [TypeId]: TypeId,
  ...Pipeable.Prototype
}

/**
 * What `make` accepts; everything but `temp` has a default. Every policy is a set of options, too, so
 * `make({ ...Policy.standard, greetingGrace: { after: "1 hour" } })` changes one setting.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly temp: RetrySchedule
  /** Default: `temp`. */
  readonly unreachable?: RetrySchedule | undefined
  /** Default: twice the wait of `temp`. */
  readonly uncertain?: RetrySchedule | undefined
  /** Default: every 5 minutes. */
  readonly untried?: RetrySchedule | undefined
  /** Default: 5 days (RFC 5321 section 4.5.4.1). */
  readonly giveUpAfter?: Duration.Input | undefined
  /** Default: no limit but the lifetime. */
  readonly retries?: number | undefined
  /** Default: 0.15. */
  readonly jitter?: number | undefined
  /** Default: `retry`. */
  readonly onUncertain?: OnUncertain | undefined
  /** Default: no warning. */
  readonly warnAfter?: ReadonlyArray<Duration.Input> | undefined
  /** Default: `bounce`. */
  readonly atEnd?: AtEnd | undefined
  /** Default: 1 day and 3 attempts. */
  readonly greetingGrace?:
    | {
        readonly after?: Duration.Input | undefined
        readonly attempts?: number | undefined
      }
    | undefined
  /** Default: none. */
  readonly rules?: ReadonlyArray<Rule.Rule> | undefined
  /** Default: none. */
  readonly overrides?: ReadonlyArray<Override> | undefined
  /** Default: `Limits.make()`. */
  readonly limits?: Limits.Options | undefined
}

/**
 * Makes a policy. Fails with a `PolicyError` when `giveUpAfter`, `greetingGrace.after` or one of `warnAfter` is not a
 * finite time longer than zero (a schedule without an end is fine, because the lifetime ends it), `retries` is not a whole
 * number from 0, `jitter` is not at least 0 and below 1, `greetingGrace.attempts` is not a whole number from 1, a rule is
 * not one, or the limits are not possible.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Result.Result<Policy, PolicyError> =>
  Result.map(settings(options), (valid) => Object.assign(Object.create(Proto), valid))

/**
 * Makes a policy as `make` does and throws the `PolicyError`: for options that are written in the source.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeUnsafe = (options: Options): Policy => Result.getOrThrow(make(options))

/**
 * The policy of a mail server, and the default: 5, 10, 20, 40, 80 and 160 minutes, then every 4 hours, spread by ±15 %,
 * for 5 days (RFC 5321 section 4.5.4.1). The first wait is 5 minutes to 5:45 and never less, because a greylister that
 * asks for 5 minutes (RFC 6647) would turn away who comes after 4:50. The sender is warned once after 4 hours.
 *
 * @category policies
 * @since 0.1.0
 */
export const standard: Policy = makeUnsafe({ temp: Backoff.standard, warnAfter: ["4 hours"] })

/**
 * For mail that somebody is waiting for: 30 seconds, 1, 2 and 5 minutes, then every 10 minutes, spread by ±15 %, for 4
 * hours.
 *
 * @category policies
 * @since 0.1.0
 */
export const transactional: Policy = makeUnsafe({
  temp: Backoff.transactional,
  untried: Backoff.steps(["1 minute"]),
  giveUpAfter: "4 hours"
})

/**
 * For codes that expire: 10 and 20 seconds, then every 30 seconds, spread by ±15 %, for 10 minutes. At the end the operator
 * hears of it and not the sender, because nobody reads a bounce of a code.
 *
 * @category policies
 * @since 0.1.0
 */
export const otp: Policy = makeUnsafe({
  temp: Backoff.otp,
  untried: Backoff.steps(["10 seconds"]),
  giveUpAfter: "10 minutes",
  atEnd: "alarm"
})

/**
 * For newsletters and other mail that can wait: 15 and 30 minutes, 1 and 2 hours, then every 4 hours, spread by ±30 %, for 2
 * days. Nobody is warned (Exim warns nobody about bulk mail either), and no bounce is written to whoever sent thousands.
 *
 * @category policies
 * @since 0.1.0
 */
export const bulk: Policy = makeUnsafe({
  temp: Backoff.bulk,
  untried: Backoff.steps(["15 minutes"]),
  giveUpAfter: "2 days",
  jitter: 0.3,
  atEnd: "discard"
})

/**
 * For sending everything through one relay of our own. While it cannot be reached: 1, 2, 5 and 10 minutes, then every 15
 * minutes; to its "not now" as `standard`; spread by ±15 %, for 5 days, with a warning after 4 hours. That our own account
 * there has used up its quota is "not now", whatever code the provider says it with (`Provider.quirks`).
 *
 * @category policies
 * @since 0.1.0
 */
export const relay: Policy = makeUnsafe({
  temp: Backoff.standard,
  unreachable: Backoff.relay,
  untried: Backoff.steps(["1 minute"]),
  warnAfter: ["4 hours"],
  rules: Provider.quirks
})

/**
 * The letter of RFC 5321 section 4.5.4.1: 30 minutes, then every 2 hours, for 5 days. Nothing is spread by chance, because
 * 30 minutes is the least that it allows.
 *
 * @category policies
 * @since 0.1.0
 */
export const rfc5321: Policy = makeUnsafe({ temp: Backoff.rfc5321, jitter: 0 })

/**
 * Postfix with its own defaults: each wait is as long as it already lasts, at least 300 and at most 4000 seconds, for 5
 * days (`minimal_backoff_time`, `maximal_backoff_time`, `maximal_queue_lifetime`); no warning (`delay_warning_time`). What
 * was not tried is looked at again after 300 seconds. Its queue runs every 300 seconds, which rounds waits up, are left out.
 *
 * @category policies
 * @since 0.1.0
 */
export const postfix: Policy = makeUnsafe({ temp: Backoff.postfix, jitter: 0 })

/**
 * Exim with its default retry rule `F,2h,15m; G,16h,1h,1.5; F,4d,6h`: every 15 minutes for 2 hours, then 1 hour and half as
 * long again each time until 16 hours have passed, then every 6 hours, for 4 days; a warning after 24 hours.
 *
 * @category policies
 * @since 0.1.0
 */
export const exim: Policy = makeUnsafe({
  temp: Backoff.exim,
  jitter: 0,
  giveUpAfter: "4 days",
  warnAfter: ["24 hours"]
})

/**
 * One attempt. Its failure is passed on as it is, so a caller who retries by other means still sees which of the three it
 * was.
 *
 * @category policies
 * @since 0.1.0
 */
export const noRetry: Policy = makeUnsafe({ temp: Backoff.standard, retries: 0 })

/**
 * The policies that have a name.
 *
 * @category policies
 * @since 0.1.0
 */
export const presets = { standard, transactional, otp, bulk, relay, rfc5321, postfix, exim, noRetry } as const

/**
 * The policy of this name. Fails with a `PolicyError` that lists the names when there is none.
 *
 * @category getters
 * @since 0.1.0
 */
export const preset = (name: string): Result.Result<Policy, PolicyError> =>
  Object.hasOwn(presets, name)
    ? Result.succeed(presets[name as keyof typeof presets]) // its own property, as was just asked
    : mistake("preset", `must be one of ${Object.keys(presets).join(", ")}, not ${JSON.stringify(name)}`)

/**
 * The policy that applies where no other is given: `standard`, unless a layer provides another one.
 *
 * @category services
 * @since 0.1.0
 */
export const CurrentPolicy: Context.Reference<Policy> = Context.Reference<Policy>("@effect-mail/policy/CurrentPolicy", {
  defaultValue: () => standard
})

/**
 * How soon the messages matter that are sent here, where they do not say so themselves: undefined, which is `normal`, unless
 * it is provided. `forPriority` goes by it.
 *
 * @category services
 * @since 0.1.0
 */
export const CurrentPriority: Context.Reference<Priority | undefined> = Context.Reference<Priority | undefined>(
  "@effect-mail/policy/CurrentPriority",
  { defaultValue: () => undefined }
)

/**
 * Sets the lifetime, counted from the first attempt. Throws a `PolicyError` unless it is finite and longer than zero.
 *
 * @category combinators
 * @since 0.1.0
 */
export const giveUpAfter: {
  /** Sets the lifetime, counted from the first attempt. */
  (lifetime: Duration.Input): (self: Policy) => Policy
  /** Sets the lifetime, counted from the first attempt. */
  (self: Policy, lifetime: Duration.Input): Policy
} = dual(2, (self: Policy, lifetime: Duration.Input): Policy => makeUnsafe({ ...self, giveUpAfter: lifetime }))

/**
 * Limits how many attempts may follow the first one, within the lifetime; with 0 the failure of the only attempt is passed
 * on as it is. Throws a `PolicyError` unless it is a whole number from 0.
 *
 * @category combinators
 * @since 0.1.0
 */
export const retries: {
  /** Limits how many attempts may follow the first one. */
  (times: number): (self: Policy) => Policy
  /** Limits how many attempts may follow the first one. */
  (self: Policy, times: number): Policy
} = dual(2, (self: Policy, times: number): Policy => makeUnsafe({ ...self, retries: times }))

/**
 * Sets how far waits are spread by chance: 0 not at all, 0.15 by ±15 %. Throws a `PolicyError` unless it is at least 0 and
 * below 1.
 *
 * @category combinators
 * @since 0.1.0
 */
export const jitter: {
  /** Sets how far waits are spread by chance. */
  (ratio: number): (self: Policy) => Policy
  /** Sets how far waits are spread by chance. */
  (self: Policy, ratio: number): Policy
} = dual(2, (self: Policy, ratio: number): Policy => makeUnsafe({ ...self, jitter: ratio }))

/**
 * Sets the schedule that answers a server's "not now".
 *
 * @category combinators
 * @since 0.1.0
 */
export const onTemp: {
  /** Sets the schedule that answers a server's "not now". */
  (schedule: RetrySchedule): (self: Policy) => Policy
  /** Sets the schedule that answers a server's "not now". */
  (self: Policy, schedule: RetrySchedule): Policy
} = dual(2, (self: Policy, schedule: RetrySchedule): Policy => makeUnsafe({ ...self, temp: schedule }))

/**
 * Sets the schedule that answers when no server gave a verdict.
 *
 * @category combinators
 * @since 0.1.0
 */
export const onUnreachable: {
  /** Sets the schedule that answers when no server gave a verdict. */
  (schedule: RetrySchedule): (self: Policy) => Policy
  /** Sets the schedule that answers when no server gave a verdict. */
  (self: Policy, schedule: RetrySchedule): Policy
} = dual(2, (self: Policy, schedule: RetrySchedule): Policy => makeUnsafe({ ...self, unreachable: schedule }))

/**
 * Sets what follows when the message may have been delivered (CLASS-52).
 *
 * @category combinators
 * @since 0.1.0
 */
export const onUncertain: {
  /** Sets what follows when the message may have been delivered. */
  (mode: OnUncertain): (self: Policy) => Policy
  /** Sets what follows when the message may have been delivered. */
  (self: Policy, mode: OnUncertain): Policy
} = dual(2, (self: Policy, mode: OnUncertain): Policy => makeUnsafe({ ...self, onUncertain: mode }))

/**
 * Adds a rule that rewrites a verdict (CLASS-65). The rule that was added last is asked first, so a domain's own rule
 * outranks the general ones. Throws a `PolicyError` when it is not a rule.
 *
 * @category combinators
 * @since 0.1.0
 */
export const rule: {
  /** Adds a rule that rewrites a verdict. */
  (rule: Rule.Rule): (self: Policy) => Policy
  /** Adds a rule that rewrites a verdict. */
  (self: Policy, rule: Rule.Rule): Policy
} = dual(2, (self: Policy, rule: Rule.Rule): Policy => makeUnsafe({ ...self, rules: [rule, ...self.rules] }))

/**
 * Sets when the sender is told that the mail is late, counted from the first attempt; none for never. Throws a `PolicyError`
 * unless each time is finite and longer than zero.
 *
 * @category combinators
 * @since 0.1.0
 */
export const warnAfter: {
  /** Sets when the sender is told that the mail is late. */
  (times: ReadonlyArray<Duration.Input>): (self: Policy) => Policy
  /** Sets when the sender is told that the mail is late. */
  (self: Policy, times: ReadonlyArray<Duration.Input>): Policy
} = dual(2, (self: Policy, times: ReadonlyArray<Duration.Input>): Policy => makeUnsafe({ ...self, warnAfter: times }))

/**
 * Sets what is done with mail that is given up.
 *
 * @category combinators
 * @since 0.1.0
 */
export const atEnd: {
  /** Sets what is done with mail that is given up. */
  (end: AtEnd): (self: Policy) => Policy
  /** Sets what is done with mail that is given up. */
  (self: Policy, end: AtEnd): Policy
} = dual(2, (self: Policy, end: AtEnd): Policy => makeUnsafe({ ...self, atEnd: end }))

/**
 * Sets how fast and how much at once; what is not given stays as it was. Throws a `PolicyError` when that is not possible.
 *
 * @category combinators
 * @since 0.1.0
 */
export const limits: {
  /** Sets how fast and how much at once. */
  (limits: Limits.Options): (self: Policy) => Policy
  /** Sets how fast and how much at once. */
  (self: Policy, limits: Limits.Options): Policy
} = dual(2, (self: Policy, changed: Limits.Options): Policy =>
  makeUnsafe({ ...self, limits: Limits.change(self.limits, changed) })
)

/**
 * Changes the policy for the recipients of a domain (this very name, in U-labels or A-labels, in upper or lower case) or of
 * all domains for which a predicate holds; it is asked in A-labels, in lower case and without a dot at the end. `adapt` is
 * tried once here, so that what it throws is thrown early.
 *
 * @category combinators
 * @since 0.1.0
 */
export const forDomain: {
  /** Changes the policy for the recipients of some domains. */
  (domain: string | ((domain: string) => boolean), adapt: (policy: Policy) => Policy): (self: Policy) => Policy
  /** Changes the policy for the recipients of some domains. */
  (self: Policy, domain: string | ((domain: string) => boolean), adapt: (policy: Policy) => Policy): Policy
} = dual(
  3,
  (self: Policy, domain: string | ((domain: string) => boolean), adapt: (policy: Policy) => Policy): Policy => {
    const matches = typeof domain === "string" ? isNamed(domain) : domain
    return override(self, (destination) => isSome(destination.domain) && matches(canonical(destination.domain)), adapt)
  }
)

const isNamed = (domain: string): ((name: string) => boolean) => {
  const name = canonical(domain)
  return (other) => other === name
}

// The form in which domains are compared: A-labels in lower case. An address literal is no domain name and stays itself.
const canonical = (domain: string): string => {
  const name = domain.toLowerCase().replace(/\.$/, "")
  return Result.getOrElse(Address.domainName(name), () => name)
}

/**
 * Changes the policy for mail that a provider's hosts take, whatever the domain is: one of `Provider`, or your own.
 *
 * @category combinators
 * @since 0.1.0
 */
export const forProvider: {
  /** Changes the policy for mail that a provider's hosts take. */
  (provider: Provider.Provider, adapt: (policy: Policy) => Policy): (self: Policy) => Policy
  /** Changes the policy for mail that a provider's hosts take. */
  (self: Policy, provider: Provider.Provider, adapt: (policy: Policy) => Policy): Policy
} = dual(3, (self: Policy, provider: Provider.Provider, adapt: (policy: Policy) => Policy): Policy => {
  return override(self, ({ hosts = [] }) => hosts.some((host) => Provider.owns(provider, host)), adapt)
})

/**
 * Changes the policy for messages of a priority. A message without one is `normal`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const forPriority: {
  /** Changes the policy for messages of a priority. */
  (priority: Priority, adapt: (policy: Policy) => Policy): (self: Policy) => Policy
  /** Changes the policy for messages of a priority. */
  (self: Policy, priority: Priority, adapt: (policy: Policy) => Policy): Policy
} = dual(3, (self: Policy, priority: Priority, adapt: (policy: Policy) => Policy): Policy => {
  return override(self, (destination) => (destination.priority ?? "normal") === priority, adapt)
})

const override = (self: Policy, matches: Override["matches"], adapt: Override["adapt"]): Policy => {
  adapt(self)
  return makeUnsafe({ ...self, overrides: [...self.overrides, { matches, adapt }] })
}

const isSome = <A>(value: A | undefined): value is A => value !== undefined

/**
 * The policy for one destination: everything that `forDomain`, `forProvider` and `forPriority` say about it, applied in the
 * order in which it was said. Destinations for which the same is said get the same value.
 *
 * @category getters
 * @since 0.1.0
 */
export const forDestination: {
  /** The policy for one destination. */
  (destination: Destination): (self: Policy) => Policy
  /** The policy for one destination. */
  (self: Policy, destination: Destination): Policy
} = dual(2, (self: Policy, destination: Destination): Policy => {
  const applicable = self.overrides.map(({ matches }) => matches(destination))
  if (!applicable.includes(true)) return self
  const known = resolved.get(self) ?? new Map<string, Policy>()
  resolved.set(self, known)
  const policy = known.get(applicable.join()) ?? resolve(self, applicable)
  known.set(applicable.join(), policy)
  return policy
})

// Whoever groups recipients by their policy compares values, so the same overrides give the same value.
const resolved = new WeakMap<Policy, Map<string, Policy>>()

const resolve = (self: Policy, applicable: ReadonlyArray<boolean>): Policy =>
  self.overrides
    .filter((_, index) => applicable[index])
    .reduce((policy, { adapt }) => adapt(policy), makeUnsafe({ ...self, overrides: [] }))

/**
 * The policy for the recipients of one domain, when nothing else is known about the destination: `forDestination`.
 *
 * @category getters
 * @since 0.1.0
 */
export const forRecipientDomain: {
  /** The policy for the recipients of one domain. */
  (domain: string): (self: Policy) => Policy
  /** The policy for the recipients of one domain. */
  (self: Policy, domain: string): Policy
} = dual(2, (self: Policy, domain: string): Policy => forDestination(self, { domain }))

/**
 * What a failure means under the rules of a policy (CLASS-65); the same value when no rule matches. The 5xx greeting, whose
 * meaning depends on time, is decided with the course of the delivery: `start`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const reclassify: {
  /** What a failure means under the rules of a policy. */
  (failure: Failure): (self: Policy) => Failure
  /** What a failure means under the rules of a policy. */
  (self: Policy, failure: Failure): Failure
} = dual(2, (self: Policy, failure: Failure): Failure => Rule.apply(self.rules, failure))
