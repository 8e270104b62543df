/**
 * What contract suites are made of: named effects that fail with a clear error, so that any test runner can run them.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import { format } from "effect/Formatter"

/**
 * An implementation does not do what its contract says.
 *
 * @category errors
 * @since 0.1.0
 */
export class ContractError extends Data.TaggedError("ContractError")<{ readonly detail: string }> {
  override get message(): string {
    return this.detail
  }
}

/**
 * One law of a contract; the effect fails when it is broken.
 *
 * @category models
 * @since 0.1.0
 */
export interface Case<out E, out R> {
  readonly name: string
  readonly effect: Effect.Effect<void, E, R>
}

/**
 * Fails with this detail unless the condition holds.
 *
 * @category testing
 * @since 0.1.0
 */
export const check = (condition: boolean, detail: string): Effect.Effect<void, ContractError> =>
  condition ? Effect.void : Effect.fail(new ContractError({ detail }))

/**
 * Fails unless two values are equal.
 *
 * @category testing
 * @since 0.1.0
 */
export const equal = (actual: unknown, expected: unknown, what: string): Effect.Effect<void, ContractError> =>
  Effect.suspend(() =>
    check(Equal.equals(actual, expected), `${what}: expected ${format(expected)}, but got ${format(actual)}`)
  )
