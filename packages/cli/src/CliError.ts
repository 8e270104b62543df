/**
 * What ends the program before a delivery: one sentence for people and an exit status for programs.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * The program cannot do what it was asked.
 *
 * @category errors
 * @since 0.1.0
 */
export class CliError extends Data.TaggedError("CliError")<{
  readonly status: number
  readonly message: string
}> {}
