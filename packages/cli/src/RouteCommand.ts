/**
 * `effect-mail route`: the hosts that mail for a domain would be tried at, or why there is none. Nothing is connected to.
 *
 * @since 0.1.0
 */
import type * as Route from "@effect-mail/dns/Route"
import * as Router from "@effect-mail/dns/Router"
import * as NodeResolver from "@effect-mail/node/NodeResolver"
import type * as Failure from "@effect-mail/protocol/Failure"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as ExitStatus from "./ExitStatus.ts"
import { resolverFlag, resolverOptions, wrongResolver } from "./internal/resolver.ts"
import { SendDone } from "./SendCommand.ts"

type Answer = Result.Result<Route.Route, Failure.PermFailure | Failure.Unreachable>

const words = { PermFailure: "perm", Unreachable: "unreachable" } as const

const outcome = (answer: Answer) => (Result.isSuccess(answer) ? "route" : words[answer.failure._tag])

/**
 * One line of JSON for a domain; what does not apply is null.
 *
 * @category formatting
 * @since 0.1.0
 */
export const json = (domain: string, answer: Answer): string =>
  JSON.stringify({
    domain,
    outcome: outcome(answer),
    reason: Result.isFailure(answer) ? answer.failure.reason : null,
    enhanced: Result.isFailure(answer) ? (answer.failure.enhanced ?? null) : null,
    hosts: Result.isSuccess(answer)
      ? answer.success.hosts.map(({ addresses, name, preference }) => ({ host: name, preference, addresses }))
      : []
  })

/**
 * Lines for a domain, for people: its hosts in the order to try, and what is remarkable.
 *
 * @category formatting
 * @since 0.1.0
 */
export const text = (domain: string, answer: Answer): string => {
  if (Result.isFailure(answer)) {
    const { enhanced, message } = answer.failure
    return `${domain}: ${outcome(answer) === "perm" ? "no route" : "no route for now"}: ${message}${enhanced === undefined ? "" : ` (${enhanced})`}`
  }
  const { hosts, notes } = answer.success
  const lines = hosts.map(({ addresses, name, preference }) => `  ${preference} ${name} ${addresses.join(" ")}`)
  return [`${domain}:`, ...lines, ...notes.map((note) => `  note: ${note}`)].join("\n")
}

const status = (answers: ReadonlyArray<Answer>): number => {
  const outcomes = new Set(answers.map(outcome))
  if (outcomes.has("unreachable")) return ExitStatus.temporary
  return outcomes.has("perm") ? ExitStatus.unavailable : ExitStatus.ok
}

/**
 * The command.
 *
 * @category commands
 * @since 0.1.0
 */
export const route = Command.make(
  "route",
  {
    domains: Argument.String("domain").pipe(
      Argument.variadic({ min: 1 }),
      Argument.withDescription("What stands right of the @: a domain or an address literal")
    ),
    resolver: resolverFlag,
    json: Flag.Boolean("json").pipe(Flag.withDefault(false), Flag.withDescription("Print one line of JSON per domain"))
  },
  Effect.fnUntraced(function* (input) {
    const layer = NodeResolver.layerRouter({ resolver: resolverOptions(input.resolver) })
    const router = Context.get(yield* Effect.mapError(Layer.build(layer), wrongResolver), Router.Router)
    const answers = yield* Effect.forEach(
      input.domains,
      (domain) => Effect.map(Effect.result(router.route(domain)), (answer) => ({ domain, answer })),
      { concurrency: 64 }
    )
    yield* Effect.forEach(answers, ({ answer, domain }) => Console.log((input.json ? json : text)(domain, answer)))
    const code = status(answers.map(({ answer }) => answer))
    if (code !== ExitStatus.ok) return yield* new SendDone({ status: code })
  }, Effect.scoped)
).pipe(
  Command.withDescription("Say at which hosts mail for a domain would be tried, in which order"),
  Command.withExamples([
    { command: "effect-mail route example.com example.net", description: "Ask the system's resolver" },
    {
      command: "effect-mail route example.com --resolver 127.0.0.1:5353 --json",
      description: "Ask another resolver, for programs"
    }
  ])
)
