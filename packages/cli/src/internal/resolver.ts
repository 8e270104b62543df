/** The flag `--resolver`, and what it means. */
import type * as Router from "@effect-mail/dns/Router"
import type * as NodeResolver from "@effect-mail/node/NodeResolver"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import { CliError } from "../CliError.ts"
import * as ExitStatus from "../ExitStatus.ts"

/** The flag that names the recursive resolver to ask instead of the system's. */
export const resolverFlag = Flag.String("resolver").pipe(
  Flag.withMetavar("HOST:PORT"),
  Flag.optional,
  Flag.withDescription("The recursive resolver to ask, such as 127.0.0.1:5353, instead of the system's")
)

/** The options of `NodeResolver` for the value of `--resolver`. */
export const resolverOptions = (resolver: Option.Option<string>): NodeResolver.Options =>
  Option.match(resolver, { onNone: () => ({}), onSome: (server) => ({ servers: [server] }) })

/** The error of a wrong `--resolver`. */
export const wrongResolver = (error: Router.InvalidOption): CliError =>
  new CliError({ status: ExitStatus.usage, message: `--resolver: ${error.reason}. ${error.hint}` })
