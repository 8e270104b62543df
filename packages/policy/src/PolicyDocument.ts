/**
 * A policy written down as JSON, for files and configurations: a preset and what is different.
 *
 * ```json
 * {
 *   "extends": "standard",
 *   "temp": ["5 minutes", "15 minutes", "1 hour"],
 *   "giveUpAfter": "2 days",
 *   "rules": [{ "name": "too fast", "code": 550, "text": "too fast", "verdict": "temp" }],
 *   "domains": { "slow.example": { "temp": ["1 hour"] } }
 * }
 * ```
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import type * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Backoff from "./Backoff.ts"
import * as Limits from "./Limits.ts"
import * as Policy from "./Policy.ts"
import { PolicyError } from "./PolicyError.ts"
import * as Provider from "./Provider.ts"
import { Rule } from "./Rule.ts"

const Time = Schema.NonEmptyString

const LimitsDocument = Schema.Struct({
  /** All of them hold at the same time. */
  rates: Schema.optional(
    Schema.Array(
      Schema.Struct({
        limit: Schema.Finite,
        window: Time,
        algorithm: Schema.optional(Schema.Literals(["token-bucket", "fixed-window"]))
      })
    )
  ),
  /** How many attempts run at once: at first, and at most. */
  concurrency: Schema.optional(
    Schema.Struct({ initial: Schema.optional(Schema.Finite), maximum: Schema.optional(Schema.Finite) })
  ),
  /** After how many failures in a row a destination is left alone, and for how long. */
  breaker: Schema.optional(
    Schema.Struct({
      failures: Schema.optional(Schema.Finite),
      rest: Schema.optional(Time),
      longestRest: Schema.optional(Time)
    })
  ),
  /** How long an attempt waits in place for its turn. */
  patience: Schema.optional(Time)
})

const fields = {
  /** The name of the preset that everything else changes. */
  extends: Schema.optional(Schema.String),
  /** The waits when a server says "not now", one after the other and then the last one again and again. */
  temp: Schema.optional(Schema.NonEmptyArray(Time)),
  /** The waits when no server gave a verdict. */
  unreachable: Schema.optional(Schema.NonEmptyArray(Time)),
  /** The lifetime, such as `"5 days"`. */
  giveUpAfter: Schema.optional(Time),
  /** When the sender is told that the mail is late. */
  warnAfter: Schema.optional(Schema.Array(Time)),
  /** How many attempts may follow the first one. */
  retries: Schema.optional(Schema.Finite),
  /** How far waits are spread by chance, from 0 to below 1. */
  jitter: Schema.optional(Schema.Finite),
  /** What follows when the message may have been delivered. */
  onUncertain: Schema.optional(Schema.Literals(["retry", "hold", "fail"])),
  /** What is done with mail that is given up. */
  atEnd: Schema.optional(Schema.Literals(["bounce", "alarm", "hold", "discard"])),
  /** Rules that rewrite verdicts, asked before those of the preset. */
  rules: Schema.optional(Schema.Array(Rule)),
  /** How fast and how much at once; what is not given stays as it was. */
  limits: Schema.optional(LimitsDocument)
}

const Changes = Schema.Struct(fields)

type Changes = typeof Changes.Type

/**
 * Schema of a policy as JSON. Times are written as Effect writes them: `"30 seconds"`, `"5 minutes"`, `"2 days"`. With
 * `temp` and without `unreachable`, both kinds of failure are answered by `temp`. Without `extends`, the document changes
 * `standard`, and a part of it the rest of the document. Domains come first, then providers, then priorities: what is said
 * later counts.
 *
 * @category schemas
 * @since 0.1.0
 */
export const PolicyDocument = Schema.Struct({
  ...fields,
  /** What is different for the recipients of a domain, by its name. */
  domains: Schema.optional(Schema.Record(Schema.String, Changes)),
  /** What is different for the hosts of a provider, by its name in `Provider`. */
  providers: Schema.optional(
    Schema.Struct({
      google: Schema.optional(Changes),
      microsoft: Schema.optional(Changes),
      yahoo: Schema.optional(Changes),
      apple: Schema.optional(Changes)
    })
  ),
  /** What is different for messages of a priority. */
  priorities: Schema.optional(
    Schema.Struct({
      high: Schema.optional(Changes),
      normal: Schema.optional(Changes),
      low: Schema.optional(Changes)
    })
  )
})

/**
 * A policy as JSON.
 *
 * @category models
 * @since 0.1.0
 */
export type PolicyDocument = typeof PolicyDocument.Type

/**
 * Makes the policy that a document describes. Fails with a `PolicyError` when the preset is unknown or a setting is not
 * possible.
 *
 * @category constructors
 * @since 0.1.0
 */
export const toPolicy = (document: PolicyDocument): Result.Result<Policy.Policy, PolicyError> =>
  Result.gen(function* () {
    let policy = yield* change(Policy.standard, document)
    for (const [changes, override] of overrides(document)) {
      yield* change(policy, changes)
      // Just tried on this policy. On one that others have changed it cannot fail either: it sets the same to the same.
      policy = override(policy, (self) => Result.getOrThrow(change(self, changes)))
    }
    return policy
  })

type Override = (self: Policy.Policy, adapt: (self: Policy.Policy) => Policy.Policy) => Policy.Policy

const overrides = ({ domains, priorities, providers }: PolicyDocument): ReadonlyArray<readonly [Changes, Override]> => [
  ...Object.entries(domains ?? {}).map(([domain, changes]): [Changes, Override] => [
    changes,
    (self, adapt) => Policy.forDomain(self, domain, adapt)
  ]),
  ...Provider.all.flatMap((provider): ReadonlyArray<[Changes, Override]> => {
    const changes = Object.entries(providers ?? {}).find(([name]) => name === provider.name)?.[1]
    return changes === undefined ? [] : [[changes, (self, adapt) => Policy.forProvider(self, provider, adapt)]]
  }),
  ...priorityNames.flatMap((priority): ReadonlyArray<[Changes, Override]> => {
    const changes = priorities?.[priority]
    return changes === undefined ? [] : [[changes, (self, adapt) => Policy.forPriority(self, priority, adapt)]]
  })
]

const priorityNames = ["high", "normal", "low"] as const

const change = (before: Policy.Policy, changes: Changes): Result.Result<Policy.Policy, PolicyError> =>
  Result.gen(function* () {
    const self = changes.extends === undefined ? before : yield* Policy.preset(changes.extends)
    const temp = changes.temp === undefined ? self.temp : yield* steps("temp", changes.temp)
    const unreachable =
      changes.unreachable === undefined
        ? changes.temp === undefined
          ? self.unreachable
          : temp
        : yield* steps("unreachable", changes.unreachable)
    return yield* Policy.make({
      ...self,
      temp,
      unreachable,
      giveUpAfter: changes.giveUpAfter === undefined ? self.giveUpAfter : input(changes.giveUpAfter),
      warnAfter: changes.warnAfter === undefined ? self.warnAfter : changes.warnAfter.map(input),
      retries: changes.retries ?? self.retries,
      jitter: changes.jitter ?? self.jitter,
      onUncertain: changes.onUncertain ?? self.onUncertain,
      atEnd: changes.atEnd ?? self.atEnd,
      rules: [...(changes.rules ?? []), ...self.rules],
      limits: changes.limits === undefined ? self.limits : Limits.change(self.limits, limits(changes.limits))
    })
  })

const limits = ({ breaker, concurrency, patience, rates }: typeof LimitsDocument.Type): Limits.Options => ({
  ...(rates === undefined ? {} : { rates: rates.map((rate) => ({ ...rate, window: input(rate.window) })) }),
  ...(concurrency === undefined ? {} : { concurrency }),
  ...(breaker === undefined
    ? {}
    : { breaker: { ...breaker, rest: optional(breaker.rest), longestRest: optional(breaker.longestRest) } }),
  ...(patience === undefined ? {} : { patience: input(patience) })
})

const optional = (text: string | undefined): Duration.Input | undefined =>
  text === undefined ? undefined : input(text)

// Any text may be tried as a time: what is none is refused by whoever takes it.
const input = (text: string): Duration.Input => text as Duration.Input

const steps = (
  setting: string,
  waits: Arr.NonEmptyReadonlyArray<string>
): Result.Result<Policy.RetrySchedule, PolicyError> =>
  Result.try({
    try: (): Policy.RetrySchedule => Backoff.steps([input(waits[0]), ...waits.slice(1).map(input)]),
    catch: (error) =>
      error instanceof PolicyError
        ? new PolicyError({ setting: error.setting.replace("steps", setting), reason: error.reason })
        : new PolicyError({ setting, reason: "must be a list of times" })
  })

/**
 * Reads a policy from JSON text. Fails with a `PolicyError` whose setting is `document` when the text is no JSON or has not
 * this shape; unknown settings are refused, so that a misspelt one is not simply ignored.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (text: string): Result.Result<Policy.Policy, PolicyError> =>
  Result.flatMap(
    Result.mapError(
      decode(text, { onExcessProperty: "error" }),
      (error) => new PolicyError({ setting: "document", reason: `is not a policy: ${error.message}` })
    ),
    toPolicy
  )

const decode = Schema.decodeUnknownResult(Schema.fromJsonString(PolicyDocument))
