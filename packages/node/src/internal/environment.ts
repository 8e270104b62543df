/** Settings from the environment; whatever is wrong with one is a `ConfigError` under the name of its variable. */
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs/promises"

/** What the value of a variable stands for. */
export const parsed = <A>(
  variable: string,
  parse: (text: string) => Result.Result<A, { readonly message: string }>
): Config.Config<A> => {
  const valid = Schema.makeFilter((text: string) =>
    Result.match(parse(text), { onSuccess: () => true, onFailure: ({ message }) => message })
  )
  return Config.map(Config.schema(Schema.String.check(valid), variable), (text) => Result.getOrThrow(parse(text)))
}

/** A `ConfigError` under the name of a variable. */
export const wrong = (variable: string, message: string, cause?: unknown): Config.ConfigError =>
  new Config.ConfigError(new ConfigProvider.SourceError({ message: `${variable}: ${message}`, cause }))

/** The text of the file whose path the variable has, if it has one; `check` says what is wrong with it. */
export const file = Effect.fnUntraced(function* (
  variable: string,
  check: (text: string) => string | undefined
): Effect.fn.Return<string | undefined, Config.ConfigError> {
  const path = yield* Config.option(Config.NonEmptyString(variable))
  if (Option.isNone(path)) return undefined
  const text = yield* Effect.tryPromise({
    try: () => Fs.readFile(path.value, "utf8"),
    catch: (cause) => wrong(variable, `the file ${JSON.stringify(path.value)} cannot be read`, cause)
  })
  const fault = check(text)
  return fault === undefined ? text : yield* Effect.fail(wrong(variable, `${JSON.stringify(path.value)} ${fault}`))
})
