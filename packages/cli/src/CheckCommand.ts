/**
 * `effect-mail check`: what receivers will find when mail comes from a domain. Nothing is sent.
 *
 * @since 0.1.0
 */
import * as Preflight from "@effect-mail/dns/Preflight"
import * as NodeResolver from "@effect-mail/node/NodeResolver"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { CliError } from "./CliError.ts"
import * as ExitStatus from "./ExitStatus.ts"
import { resolverFlag, resolverOptions, wrongResolver } from "./internal/resolver.ts"
import { SendDone } from "./SendCommand.ts"

const marks = { error: "ERROR  ", warning: "warning", unknown: "unknown", info: "info   ", ok: "ok     " } as const

/**
 * A report as one line of JSON: `{"domain","worst","findings":[{"subject","severity","text"}]}`.
 *
 * @category formatting
 * @since 0.1.0
 */
export const json = (report: Preflight.Report): string =>
  JSON.stringify({ domain: report.domain, worst: Preflight.worst(report), findings: report.findings })

/**
 * A report for people, one line per finding.
 *
 * @category formatting
 * @since 0.1.0
 */
export const text = ({ domain, findings }: Preflight.Report): string =>
  [`${domain}:`, ...findings.map(({ severity, subject, text }) => `  ${marks[severity]} ${subject}: ${text}`)].join(
    "\n"
  )

const status = (report: Preflight.Report): number => {
  if (Preflight.worst(report) === "error") return ExitStatus.unavailable
  return report.findings.some(({ severity }) => severity === "unknown") ? ExitStatus.temporary : ExitStatus.ok
}

/**
 * The command. It ends with 69 when there is an error, with 75 when something could not be looked up, else with 0.
 *
 * @category commands
 * @since 0.1.0
 */
export const check = Command.make(
  "check",
  {
    domain: Argument.String("domain").pipe(Argument.withDescription("The domain that mail is sent from")),
    selector: Flag.String("selector").pipe(
      Flag.withMetavar("NAME"),
      Flag.optional,
      Flag.withDescription("The selector that mail is signed with (DKIM s=)")
    ),
    ip: Flag.String("ip").pipe(
      Flag.withMetavar("ADDRESS"),
      Flag.optional,
      Flag.withDescription("The address that mail is sent from")
    ),
    resolver: resolverFlag,
    json: Flag.Boolean("json").pipe(Flag.withDefault(false), Flag.withDescription("Print one line of JSON"))
  },
  Effect.fnUntraced(function* (input) {
    const resolver = yield* Effect.mapError(
      Layer.build(NodeResolver.layer(resolverOptions(input.resolver))),
      wrongResolver
    )
    const report = yield* Preflight.check(input.domain, {
      selector: Option.getOrUndefined(input.selector),
      ip: Option.getOrUndefined(input.ip)
    }).pipe(
      Effect.provideContext(resolver),
      Effect.mapError(
        ({ hint, option, reason }) =>
          new CliError({
            status: ExitStatus.usage,
            message: `${option === "domain" ? "" : `--${option}: `}${reason}. ${hint}`
          })
      )
    )
    yield* Console.log((input.json ? json : text)(report))
    const code = status(report)
    if (code !== ExitStatus.ok) return yield* new SendDone({ status: code })
  }, Effect.scoped)
).pipe(
  Command.withDescription("Say what receivers will find when mail comes from a domain: SPF, DKIM, DMARC, MX, PTR"),
  Command.withExamples([
    {
      command: "effect-mail check example.com --selector s1 --ip 192.0.2.1",
      description: "Check everything about a domain"
    }
  ])
)
