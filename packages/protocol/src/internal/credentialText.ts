/**
 * User names, passwords and tokens on their way into a mechanism: what it cannot carry is refused here, by name and
 * position, never by showing it.
 */
import * as Result from "effect/Result"
import type * as Failure from "../Failure.ts"
import * as SaslExchange from "../SaslExchange.ts"
import * as SaslPrep from "../SaslPrep.ts"

const refuse = (what: string, why: string) =>
  Result.fail(SaslExchange.unusable(`the ${what} ${why}`, `Correct the ${what} in the credentials for this server`))

/** The text as it is, unless it is empty, not Unicode, or has one of the characters that the mechanism separates by. */
export const verbatim = (what: string, text: string, separators: RegExp): Result.Result<string, Failure.Unmet> => {
  if (text === "") return refuse(what, "is empty")
  const position = text.isWellFormed() ? text.search(separators) : text.search(/[\ud800-\udfff]/u)
  return position === -1
    ? Result.succeed(text)
    : refuse(what, `has a character at position ${position} that the mechanism cannot carry`)
}

/** The text prepared by SASLprep (RFC 4013), unless that refuses it or nothing is left of it. */
export const prepared = (what: string, text: string): Result.Result<string, Failure.Unmet> => {
  const result = SaslPrep.prepare(text)
  if (Result.isFailure(result)) return refuse(what, `cannot be prepared by SASLprep: ${result.failure.message}`)
  return result.success === "" ? refuse(what, "is empty") : Result.succeed(result.success)
}

/** The identity to act as; undefined, which is common, and the empty text both mean the user's own. */
export const authorization = (authzid: string | undefined): Result.Result<string, Failure.Unmet> =>
  authzid === undefined || authzid === "" ? Result.succeed("") : verbatim("authorization identity", authzid, /\0/)
