/**
 * The program `effect-mail`: its commands, and how it ends. Every end is an exit status of `ExitStatus`; every error is one
 * sentence on standard error that says how to mend it.
 *
 * @since 0.1.0
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Stdio from "effect/Stdio"
import * as ExitStatus from "./ExitStatus.ts"
import { check } from "./CheckCommand.ts"
import { route } from "./RouteCommand.ts"
import { send } from "./SendCommand.ts"

/**
 * The version that `--version` shows.
 *
 * @category constants
 * @since 0.1.0
 */
export const version = "0.1.0"

const root = Command.make("effect-mail").pipe(
  Command.withDescription("Send mail, and see what becomes of it"),
  Command.withSubcommands([send, route, check])
)

// A wrong command line gets a sentence instead of the whole help page.
const presenter: CliOutput.Presenter = {
  present: (event) =>
    event._tag === "InvalidInvocation"
      ? Effect.forEach(
          event.errors,
          (error) => Console.error(`effect-mail: ${error.message.trim()}. See ${event.commandPath.join(" ")} --help`),
          { discard: true }
        )
      : CliOutput.defaultPresenter.present(event)
}

/**
 * Runs the program with these arguments and gives its exit status.
 *
 * @category running
 * @since 0.1.0
 */
export const runWith = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
  return yield* Command.runWith(root, { version })(args).pipe(
    Effect.as(ExitStatus.ok),
    Effect.catchTags({
      SendDone: ({ status }) => Effect.succeed(status),
      ShowHelp: ({ errors }) => Effect.succeed(errors.length > 0 ? ExitStatus.usage : ExitStatus.ok),
      CliError: ({ message, status }) => Effect.as(Console.error(`effect-mail: ${message}`), status)
    }),
    Effect.provideService(CliOutput.Presenter, presenter)
  )
})

/**
 * Runs the program with the arguments of the process and gives its exit status.
 *
 * @category running
 * @since 0.1.0
 */
export const run = Effect.gen(function* () {
  const stdio = yield* Stdio.Stdio
  return yield* runWith(yield* stdio.args)
})
