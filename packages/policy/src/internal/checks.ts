import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { PolicyError } from "../PolicyError.ts"

/** A setting that was checked, or the mistake in it. */
export type Checked<A> = Result.Result<A, PolicyError>

export const mistake = (setting: string, reason: string): Checked<never> =>
  Result.fail(new PolicyError({ setting, reason }))

export const time = (setting: string, input: Duration.Input): Checked<Duration.Duration> => {
  const duration = Option.getOrUndefined(Duration.fromInput(input))
  return duration !== undefined && Duration.isFinite(duration) && Duration.isPositive(duration)
    ? Result.succeed(duration)
    : mistake(setting, "must be a finite time longer than zero")
}

export const times = (
  setting: string,
  inputs: ReadonlyArray<Duration.Input>
): Checked<ReadonlyArray<Duration.Duration>> =>
  Result.map(Result.all(inputs.map((input, index) => time(`${setting}[${index}]`, input))), (durations) =>
    durations.toSorted(Duration.Order)
  )

export const count = (setting: string, value: number, minimum: number): Checked<number> =>
  Number.isSafeInteger(value) && value >= minimum
    ? Result.succeed(value)
    : mistake(setting, `must be a whole number from ${minimum}, not ${value}`)

export const ratio = (setting: string, value: number): Checked<number> =>
  value >= 0 && value < 1 ? Result.succeed(value) : mistake(setting, `must be at least 0 and below 1, not ${value}`)
