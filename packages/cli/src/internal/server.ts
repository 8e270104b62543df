/** The mailer that the flags of `send` describe: through a server, or to the recipients' own. */
import * as NodeMailer from "@effect-mail/node/NodeMailer"
import * as NodeResolver from "@effect-mail/node/NodeResolver"
import * as Address from "@effect-mail/protocol/Address"
import * as Endpoint from "@effect-mail/protocol/Endpoint"
import * as Sasl from "@effect-mail/protocol/Sasl"
import * as ServerUrl from "@effect-mail/protocol/ServerUrl"
import * as TlsPolicy from "@effect-mail/protocol/TlsPolicy"
import * as Proxy from "@effect-mail/transport/Proxy"
import type { SmtpSettings } from "@effect-mail/transport/SmtpSettings"
import * as Timeouts from "@effect-mail/transport/Timeouts"
import * as Arr from "effect/Array"
import * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Terminal from "effect/Terminal"
import * as Prompt from "effect/cli/Prompt"
import { CliError } from "../CliError.ts"
import * as ExitStatus from "../ExitStatus.ts"
import * as File from "./file.ts"
import { resolverOptions, wrongResolver } from "./resolver.ts"

/** What the flags say about the server. */
export interface Input {
  readonly server: Option.Option<string>
  readonly tls: Option.Option<keyof typeof policies>
  readonly pin: ReadonlyArray<string>
  readonly proxy: Option.Option<string>
  readonly ca: Option.Option<string>
  readonly ehlo: Option.Option<string>
  readonly timeout: Option.Option<Duration.Duration>
  readonly resolver: Option.Option<string>
}

/** The words for `--tls`. */
export const policies = {
  opportunistic: TlsPolicy.opportunistic,
  encrypted: TlsPolicy.requiredUnverified,
  required: TlsPolicy.required,
  none: TlsPolicy.none
} as const

const wrong = (status: number, message: string): CliError => new CliError({ status, message })

/** The mailer as a layer; fails with a `CliError` when a flag cannot be used or there is no password. */
export const mailer = Effect.fnUntraced(function* (input: Input) {
  const smtp = yield* settings(input)
  const dialer = { ca: yield* authorities(input.ca), proxy: yield* proxy(input.proxy) }
  const tls = yield* tlsPolicy(input)
  if (Option.isNone(input.server)) {
    const routing = { tls: () => Option.getOrElse(tls, () => TlsPolicy.opportunistic) }
    // A TLS policy is the only routing option, and that one cannot be out of range.
    if (Option.isNone(input.resolver)) return Layer.orDie(NodeMailer.layer({ smtp, dialer, routing }))
    const router = NodeResolver.layerRouter({ resolver: resolverOptions(input.resolver), routing })
    const built = yield* Effect.mapError(Layer.build(router), wrongResolver)
    return Layer.orDie(NodeMailer.layerMx({ smtp, dialer })).pipe(Layer.provide(Layer.succeedContext(built)))
  }
  const { endpoint, username } = yield* serverOf(input.server.value)
  if (endpoint.implicitTls && Option.contains(input.tls, "none")) {
    return yield* wrong(
      ExitStatus.usage,
      "--tls: smtps:// is TLS from the first byte; use smtp:// for a session without"
    )
  }
  const to = new Endpoint.Endpoint({ ...endpoint, tls: Option.getOrElse(tls, () => endpoint.tls) })
  if (username === undefined) return Layer.orDie(NodeMailer.layerRelay([to], { smtp, dialer }))
  const credentials = new Sasl.Password({ username, password: yield* password(`${username} at ${endpoint.host}`) })
  return Layer.orDie(NodeMailer.layerRelay([to], { smtp: { ...smtp, credentials }, dialer }))
})

// Pins alone are enough; whoever wants the authorities' word, too, says so.
const tlsPolicy = Effect.fnUntraced(function* ({ pin, tls }: Input) {
  const pins = yield* Effect.forEach(pin, (text) =>
    Effect.mapError(Effect.fromResult(TlsPolicy.parsePin(text)), ({ message }) =>
      wrong(ExitStatus.usage, `--pin: ${message}`)
    )
  )
  const word = Option.getOrUndefined(tls)
  if (!Arr.isReadonlyArrayNonEmpty(pins)) return Option.map(tls, (word) => policies[word])
  if (word === "none" || word === "opportunistic") {
    return yield* wrong(ExitStatus.usage, `--pin: with --tls ${word}, mail would go without TLS, too`)
  }
  return Option.some(TlsPolicy.pinned(pins, { verify: word === "required" }))
})

const proxy = Effect.fnUntraced(function* (url: Option.Option<string>) {
  const configured = yield* Effect.orDie(Config.option(Config.NonEmptyString(proxyVariable)))
  const [name, text] = Option.isSome(url) ? ["--proxy", url] : [proxyVariable, configured]
  if (Option.isNone(text)) return undefined
  const proxy = yield* Effect.mapError(Effect.fromResult(Proxy.parse(text.value)), ({ message }) =>
    wrong(ExitStatus.usage, `${name}: ${message}`)
  )
  if (proxy.login === undefined || Option.isNone(url)) return proxy
  return yield* wrong(
    ExitStatus.usage,
    `--proxy: everybody on this machine can read a password on the command line; put the URL into ${proxyVariable}`
  )
})

const proxyVariable = "EFFECT_MAIL_PROXY"

const settings = Effect.fnUntraced(function* (input: Input): Effect.fn.Return<Partial<SmtpSettings>, CliError> {
  const name = Option.isSome(input.ehlo) ? { name: yield* ehloName(input.ehlo.value) } : {}
  if (Option.isNone(input.timeout)) return name
  return { ...name, timeouts: Timeouts.atMost(Timeouts.standard, input.timeout.value) }
})

const ehloName = (name: string) =>
  Effect.mapError(Effect.fromResult(Address.parseEhloName(name)), ({ message }) =>
    wrong(ExitStatus.configuration, `--ehlo: ${message}`)
  )

const authorities = Effect.fnUntraced(function* (path: Option.Option<string>) {
  if (Option.isNone(path)) return undefined
  const pem = new TextDecoder().decode(yield* File.read(path.value, "--ca", ExitStatus.configuration))
  if (pem.includes("-----BEGIN CERTIFICATE-----")) return pem
  return yield* wrong(
    ExitStatus.configuration,
    `--ca: ${JSON.stringify(path.value)} holds no certificate in PEM (-----BEGIN CERTIFICATE-----)`
  )
})

const serverOf = Effect.fnUntraced(function* (text: string) {
  const url = yield* Effect.mapError(Effect.fromResult(ServerUrl.parse(text)), ({ message }) =>
    wrong(ExitStatus.usage, `--server: ${message}`)
  )
  if (url.password === undefined) return url
  return yield* wrong(
    ExitStatus.usage,
    "--server: everybody on this machine can read a password on the command line; put it into EFFECT_MAIL_PASSWORD"
  )
})

const password = Effect.fnUntraced(function* (who: string) {
  const configured = yield* Effect.orDie(Config.option(Config.Redacted("EFFECT_MAIL_PASSWORD")))
  if (Option.isSome(configured)) return configured.value
  const stdio = yield* Stdio.Stdio
  if (!(yield* stdio.stdinIsTerminal)) {
    return yield* wrong(ExitStatus.configuration, `There is no password for ${who}; put it into EFFECT_MAIL_PASSWORD`)
  }
  const terminal = yield* Terminal.Terminal
  // Standard output belongs to the outcomes, so the question goes to standard error.
  const display = (text: string) => Stream.run(Stream.make(text), stdio.stderr())
  return yield* Prompt.run(Prompt.Hidden({ message: `Password for ${who}` })).pipe(
    Effect.provideService(Terminal.Terminal, { ...terminal, display }),
    // Who breaks off at the question wants nothing more.
    Effect.catchTag("QuitError", () => Effect.interrupt)
  )
})
