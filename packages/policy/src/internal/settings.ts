import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Backoff from "../Backoff.ts"
import type * as Policy from "../Policy.ts"
import { PolicyError } from "../PolicyError.ts"
import { Rule } from "../Rule.ts"

type Checked<A> = Result.Result<A, PolicyError>

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
      greetingGrace: {
        after: yield* time("greetingGrace.after", options.greetingGrace?.after ?? "1 day"),
        attempts: yield* count("greetingGrace.attempts", options.greetingGrace?.attempts ?? 3, 1)
      },
      rules: yield* Result.all((options.rules ?? []).map(rule)),
      domains: options.domains ?? []
    }
  })

const mistake = (setting: string, reason: string): Checked<never> => Result.fail(new PolicyError({ setting, reason }))

const time = (setting: string, input: Duration.Input): Checked<Duration.Duration> => {
  const duration = Option.getOrUndefined(Duration.fromInput(input))
  return duration !== undefined && Duration.isFinite(duration) && Duration.isPositive(duration)
    ? Result.succeed(duration)
    : mistake(setting, "must be a finite time longer than zero")
}

const count = (setting: string, value: number, minimum: number): Checked<number> =>
  Number.isSafeInteger(value) && value >= minimum
    ? Result.succeed(value)
    : mistake(setting, `must be a whole number from ${minimum}, not ${value}`)

const ratio = (setting: string, value: number): Checked<number> =>
  value >= 0 && value < 1 ? Result.succeed(value) : mistake(setting, `must be at least 0 and below 1, not ${value}`)

const rule = (value: Rule, index: number): Checked<Rule> =>
  Result.mapError(
    Schema.decodeResult(Schema.toType(Rule))(value),
    (error) => new PolicyError({ setting: `rules[${index}]`, reason: `is not a rule: ${error.message}` })
  )
