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
import { settings } from "./internal/settings.ts"
import type { PolicyError } from "./PolicyError.ts"
import * as Rule from "./Rule.ts"

export { replay, start } from "./Decider.ts"
export type { Attempt, Decider, StartOptions } from "./Decider.ts"

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
 * for the time `after`, or in this number of `attempts` in a row, whichever comes first (CLASS-18).
 *
 * @category models
 * @since 0.1.0
 */
export interface GreetingGrace {
  readonly after: Duration.Duration
  readonly attempts: number
}

/**
 * What is different for the recipients of some domains.
 *
 * @category models
 * @since 0.1.0
 */
export interface DomainOverride {
  readonly matches: (domain: string) => boolean
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
  /** Answers when nothing was tried: `Kind`. */
  readonly untried: RetrySchedule
  /** The lifetime, counted from the first attempt; the last wait is cut so that a last attempt falls on its end. */
  readonly giveUpAfter: Duration.Duration
  /** How many attempts may follow the first one, if that is limited. */
  readonly retries: number | undefined
  /** How far a wait is spread by chance: 0.15 is ±15 %. A wait that a server asked for is only ever made longer. */
  readonly jitter: number
  /** What follows when the message may have been delivered. */
  readonly onUncertain: OnUncertain
  /** When a 5xx greeting becomes permanent. */
  readonly greetingGrace: GreetingGrace
  /** The rules that rewrite verdicts; the first that matches counts. */
  readonly rules: ReadonlyArray<Rule.Rule>
  /** What is different for some domains, applied in this order. */
  readonly domains: ReadonlyArray<DomainOverride>
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
 * `make({ ...Policy.standard, greetingGrace: { attempts: 1 } })` changes one setting.
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
  /** Default: 1 day or 3 attempts. */
  readonly greetingGrace?:
    | {
        readonly after?: Duration.Input | undefined
        readonly attempts?: number | undefined
      }
    | undefined
  /** Default: none. */
  readonly rules?: ReadonlyArray<Rule.Rule> | undefined
  /** Default: none. */
  readonly domains?: ReadonlyArray<DomainOverride> | undefined
}

/**
 * Makes a policy. Fails with a `PolicyError` when `giveUpAfter` or `greetingGrace.after` is not a finite time longer than
 * zero (a schedule without an end is fine, because the lifetime ends it), `retries` is not a whole number from 0, `jitter`
 * is not at least 0 and below 1, `greetingGrace.attempts` is not a whole number from 1, or a rule is not one.
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
 * for 5 days (RFC 5321 section 4.5.4.1).
 *
 * @category policies
 * @since 0.1.0
 */
export const standard: Policy = makeUnsafe({ temp: Backoff.standard })

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
 * One attempt. Its failure is passed on as it is, so a caller who retries by other means still sees which of the three it
 * was.
 *
 * @category policies
 * @since 0.1.0
 */
export const noRetry: Policy = makeUnsafe({ temp: Backoff.standard, retries: 0 })

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
    adapt(self)
    const matches = typeof domain === "string" ? isNamed(domain) : domain
    return makeUnsafe({ ...self, domains: [...self.domains, { matches, adapt }] })
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
 * The policy for the recipients of one domain: everything that `forDomain` says about it, applied in the order in which it
 * was said.
 *
 * @category getters
 * @since 0.1.0
 */
export const forRecipientDomain: {
  /** The policy for the recipients of one domain. */
  (domain: string): (self: Policy) => Policy
  /** The policy for the recipients of one domain. */
  (self: Policy, domain: string): Policy
} = dual(2, (self: Policy, domain: string): Policy => {
  const name = canonical(domain)
  const applicable = self.domains.filter((override) => override.matches(name))
  return applicable.reduce((policy, { adapt }) => adapt(policy), makeUnsafe({ ...self, domains: [] }))
})

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
