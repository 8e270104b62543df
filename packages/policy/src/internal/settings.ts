import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Backoff from "../Backoff.ts"
import * as Limits from "../Limits.ts"
import type * as Policy from "../Policy.ts"
import { PolicyError } from "../PolicyError.ts"
import { Rule } from "../Rule.ts"
import { type Checked, count, ratio, time, times } from "./checks.ts"

/** The settings that options stand for, or the first mistake in them. */
export const settings = (options: Policy.Options): Checked<Policy.Settings> =>
  Result.gen(function* () {
    return {
      temp: options.temp,
      unreachable: options.unreachable ?? options.temp,
      // The schedule of `temp` is stepped for an uncertain failure anyway.
      uncertain: options.uncertain === options.temp ? undefined : options.uncertain,
      untried: options.untried ?? Backoff.steps(["5 minutes"]),
      giveUpAfter: yield* time("giveUpAfter", options.giveUpAfter ?? "5 days"),
      retries: options.retries === undefined ? undefined : yield* count("retries", options.retries, 0),
      jitter: yield* ratio("jitter", options.jitter ?? 0.15),
      onUncertain: options.onUncertain ?? "retry",
      warnAfter: yield* times("warnAfter", options.warnAfter ?? []),
      atEnd: options.atEnd ?? "bounce",
      greetingGrace: {
        after: yield* time("greetingGrace.after", options.greetingGrace?.after ?? "1 day"),
        attempts: yield* count("greetingGrace.attempts", options.greetingGrace?.attempts ?? 3, 1)
      },
      rules: yield* Result.all((options.rules ?? []).map(rule)),
      overrides: options.overrides ?? [],
      limits: yield* Limits.make(options.limits)
    }
  })

const rule = (value: Rule, index: number): Checked<Rule> =>
  Result.mapError(
    Schema.decodeResult(Schema.toType(Rule))(value),
    (error) => new PolicyError({ setting: `rules[${index}]`, reason: `is not a rule: ${error.message}` })
  )
