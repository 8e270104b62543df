/**
 * Mailers that are ready to run on Node.js: to the recipients' own servers, through a relay, or as the environment says.
 *
 * @since 0.1.0
 */
import * as NodeDns from "@effect/platform-node/NodeDns"
import * as Delivery from "@effect-mail/delivery/Delivery"
import * as Router from "@effect-mail/dns/Router"
import type { Endpoint } from "@effect-mail/protocol/Endpoint"
import type { Credentials } from "@effect-mail/protocol/Sasl"
import * as Sasl from "@effect-mail/protocol/Sasl"
import * as ServerUrl from "@effect-mail/protocol/ServerUrl"
import { CurrentSmtpSettings, type SmtpSettings, standard } from "@effect-mail/transport/SmtpSettings"
import * as SmtpTransport from "@effect-mail/transport/SmtpTransport"
import * as Mailer from "effect-mail/Mailer"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as NodeDialer from "./NodeDialer.ts"

/**
 * What the ready-made mailers can be told.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** How this application speaks SMTP; what is absent keeps its default. */
  readonly smtp?: Partial<SmtpSettings> | undefined
  /** How connections are opened: certificate authorities, local address, IP family. */
  readonly dialer?: NodeDialer.Options | undefined
}

const settings = (options: Options) => Layer.succeed(CurrentSmtpSettings, { ...standard, ...options.smtp })

/**
 * Delivers to the recipients' own mail servers: MX lookup with the system's resolver, port 25, opportunistic TLS. Many
 * networks block port 25; use `layerRelay` there. The layer fails with `InvalidOption` when a routing option is out of range.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options & { readonly routing?: Router.MxOptions | undefined } = {}
): Layer.Layer<Mailer.Mailer, Router.InvalidOption> =>
  Mailer.layer.pipe(
    Layer.provide(Delivery.layerMx),
    Layer.provide(Router.layerMx(options.routing)),
    Layer.provide(NodeDns.layer),
    Layer.provide(NodeDialer.layer(options.dialer)),
    Layer.provide(settings(options))
  )

/**
 * Sends everything to a relay or a submission server, given as endpoints that are tried in turn.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerRelay = (
  endpoints: NonEmptyReadonlyArray<Endpoint>,
  options: Options = {}
): Layer.Layer<Mailer.Mailer> =>
  Mailer.layer.pipe(
    Layer.provide(Delivery.layerTransport),
    Layer.provide(SmtpTransport.layer(endpoints, options.smtp)),
    Layer.provide(NodeDialer.layer(options.dialer))
  )

/**
 * Sends everything to the server of a URL such as `smtp://localhost:1025` or `smtps://user@mail.example.com`; see
 * `ServerUrl.parse`. The layer fails with `ServerUrlError` when the URL cannot be used.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerUrl = (url: string, options: Options = {}): Layer.Layer<Mailer.Mailer, ServerUrl.ServerUrlError> =>
  Layer.unwrap(
    Effect.fromResult(ServerUrl.parse(url)).pipe(
      Effect.map(({ endpoint, password, username }) => {
        const smtp = { ...options.smtp, ...login(username, password) }
        return layerRelay([endpoint], { ...options, smtp })
      })
    )
  )

const login = (
  username: string | undefined,
  password: Redacted.Redacted | undefined
): { readonly credentials?: Credentials } =>
  username === undefined || password === undefined ? {} : { credentials: new Sasl.Password({ username, password }) }

/**
 * The mailer that the environment asks for:
 *
 * - `EFFECT_MAIL_SERVER`: the URL of a relay; without it, mail goes to the recipients' own servers.
 * - `EFFECT_MAIL_PASSWORD`: the password for the user of that URL.
 * - `EFFECT_MAIL_EHLO`: the name this machine introduces itself with.
 *
 * The layer fails with `ConfigError` or `ServerUrlError` when they cannot be used.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig: Layer.Layer<Mailer.Mailer, Config.ConfigError | ServerUrl.ServerUrlError> = Layer.unwrap(
  Effect.gen(function* () {
    const server = yield* Config.option(Config.String("EFFECT_MAIL_SERVER"))
    const password = yield* Config.option(Config.Redacted("EFFECT_MAIL_PASSWORD"))
    const name = yield* Config.option(Config.String("EFFECT_MAIL_EHLO"))
    const smtp = Option.isSome(name) ? { name: name.value } : {}
    // Without routing options there is none that could be wrong.
    if (Option.isNone(server)) return Layer.orDie(layer({ smtp }))
    const url = yield* Effect.fromResult(ServerUrl.parse(server.value))
    const secret = Option.getOrUndefined(password) ?? url.password
    return layerRelay([url.endpoint], { smtp: { ...smtp, ...login(url.username, secret) } })
  })
)
