/**
 * Settings are checked when a layer is built, so that a mistake shows at start-up and not at the first mail.
 */
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/**
 * A setting has a value that cannot be used.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidSetting extends Schema.TaggedError<InvalidSetting>("@effect-mail/transport/InvalidSetting")(
  "InvalidSetting",
  {
    /** The setting's name, such as `pool.maxConnections`. */
    setting: Schema.String,
    /** What is wrong with its value. */
    reason: Schema.String,
    /** How to mend it. */
    hint: Schema.String
  }
) {
  override get message(): string {
    return `setting ${this.setting}: ${this.reason}. ${this.hint}`
  }
}

type Checked = InvalidSetting | undefined

const invalid = (setting: string, reason: string, hint: string): InvalidSetting =>
  new InvalidSetting({ setting, reason, hint })

/** A whole number in a range. */
export const integer = (setting: string, value: number, least: number, most: number): Checked =>
  Number.isInteger(value) && value >= least && value <= most
    ? undefined
    : invalid(setting, `${value} is out of range`, `Use a whole number from ${least} to ${most}`)

/** A duration with an end, longer than nothing. */
export const positive = (setting: string, value: Duration.Duration): Checked =>
  Duration.isFinite(value) && Duration.isPositive(value)
    ? undefined
    : invalid(setting, "it is no positive, finite duration", "Use for example Duration.seconds(30)")

/** A duration with an end, or none. */
export const notNegative = (setting: string, value: Duration.Duration): Checked =>
  Duration.isZero(value) ? undefined : positive(setting, value)

/** One of some words. */
export const oneOf = (setting: string, value: string, known: ReadonlyArray<string>): Checked =>
  known.includes(value) ? undefined : invalid(setting, "it is unknown", `Use one of ${known.join(", ")}`)

/** What a parser takes. */
export const parsed = (
  setting: string,
  result: Result.Result<unknown, { readonly message: string }>,
  hint: string
): Checked => (Result.isSuccess(result) ? undefined : invalid(setting, result.failure.message, hint))

/** The value, unless something is wrong; then the first thing that is. */
export const all = <A>(value: A, checks: ReadonlyArray<Checked>): Result.Result<A, InvalidSetting> => {
  const wrong = checks.find((check) => check !== undefined)
  return wrong === undefined ? Result.succeed(value) : Result.fail(wrong)
}
