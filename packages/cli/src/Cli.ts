/**
 * The program `effect-mail`: its commands, and how it ends. Every end is an exit status of `ExitStatus`; every error is one
 * sentence on standard error that says how to mend it.
 *
 * @since 0.1.0
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Stdio from "effect/Stdio"
import * as ExitStatus from "./ExitStatus.ts"
import { check } from "./CheckCommand.ts"
import { route } from "./RouteCommand.ts"
import { send } from "./SendCommand.ts"
import { simulate } from "./SimulateCommand.ts"

/**
 * The version that `--version` shows.
 *
 * @category constants
 * @since 0.1.0
 */
export const version = "0.1.0"

const root = Command.make("effect-mail").pipe(
  Command.withDescription("Send mail, and see what becomes of it"),
  Command.withSubcommands([send, route, check, simulate])
)

// A wrong command line gets one sentence about its first mistake instead of the whole help page.
const presenter: CliOutput.Presenter = {
  present: (event) => {
    if (event._tag !== "InvalidInvocation") return CliOutput.defaultPresenter.present(event)
    const mistakes = event.errors.map(sentence).slice(0, 1)
    return Console.error(`effect-mail: ${mistakes.join()}; see ${event.commandPath.join(" ")} --help`)
  }
}

const sentence = (error: CliError.CliError): string => {
  switch (error._tag) {
    case "UnrecognizedOption":
      return `there is no flag ${error.option}${meant(error.suggestions)}`
    case "UnknownSubcommand":
      return `there is no command ${JSON.stringify(error.subcommand)}${meant(error.suggestions)}`
    case "MissingOption":
      return `the flag --${error.option} is missing`
    case "InvalidValue":
      if (error.value === "") return `--${error.option} needs a value`
      if (error.expected === "at most 1 value") return `--${error.option} may be given only once`
      return `--${error.option}: ${JSON.stringify(error.value)} cannot be used, expected ${expected(error)}`
    case "MissingArgument":
      return `the ${error.argument} is missing`
    default:
      return error.message.trim()
  }
}

// A schema's words come with words of its own in front.
const expected = (error: CliError.InvalidValue): string =>
  error.expected.replace(/^(?:Schema validation failed: )?(?:Expected )?/, "")

const meant = (suggestions: ReadonlyArray<string>): string =>
  suggestions.length === 0 ? "" : ` (did you mean ${suggestions.join(" or ")}?)`

/**
 * Runs the program with these arguments and gives its exit status. It never fails: what goes wrong is said on standard error.
 *
 * @category running
 * @since 0.1.0
 */
export const runWith = (args: ReadonlyArray<string>): Effect.Effect<number, never, Command.Environment> =>
  Command.runWith(root, { version })(args).pipe(
    Effect.as(ExitStatus.ok),
    Effect.catchTags({
      SendDone: ({ status }) => Effect.succeed(status),
      // Who asks for help succeeds; this is the help for somebody who gave no command.
      ShowHelp: () => Effect.succeed(ExitStatus.usage),
      CliError: ({ message, status }) => Effect.as(Console.error(`effect-mail: ${message}`), status)
    }),
    Effect.catch((error) => Effect.as(Console.error(`effect-mail: ${sentence(error)}`), ExitStatus.usage)),
    Effect.provideService(CliOutput.Presenter, presenter)
  )

/**
 * Runs the program with the arguments of the process and gives its exit status.
 *
 * @category running
 * @since 0.1.0
 */
export const run: Effect.Effect<number, never, Command.Environment> = Effect.flatMap(Stdio.Stdio, (stdio) =>
  Effect.flatMap(stdio.args, runWith)
)
