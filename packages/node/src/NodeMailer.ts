/**
 * Mailers that are ready to run on Node.js: to the recipients' own servers, through a relay, or as the environment says.
 *
 * @since 0.1.0
 */
import * as NodeDns from "@effect/platform-node/NodeDns"
import * as Delivery from "@effect-mail/delivery/Delivery"
import * as Router from "@effect-mail/dns/Router"
import * as Address from "@effect-mail/protocol/Address"
import type { Endpoint } from "@effect-mail/protocol/Endpoint"
import * as Sasl from "@effect-mail/protocol/Sasl"
import * as ServerUrl from "@effect-mail/protocol/ServerUrl"
import { CurrentSmtpSettings, type InvalidSetting, type SmtpSettings } from "@effect-mail/transport/SmtpSettings"
import type { PoolSettings } from "@effect-mail/transport/PoolSettings"
import * as SmtpTransport from "@effect-mail/transport/SmtpTransport"
import * as Mailer from "effect-mail/Mailer"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { parsed } from "./internal/environment.ts"
import * as NodeDialer from "./NodeDialer.ts"
import * as NodeDkim from "./NodeDkim.ts"
import * as NodeSha256 from "./NodeSha256.ts"

/**
 * What the ready-made mailers can be told.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** How this application speaks SMTP; what is absent is as `CurrentSmtpSettings` says when the layer is built. */
  readonly smtp?: Partial<SmtpSettings> | undefined
  /** How connections are opened: certificates, proxy, local address, IP family. */
  readonly dialer?: NodeDialer.Options | undefined
}

const settings = ({ smtp }: Options) =>
  Layer.effect(
    CurrentSmtpSettings,
    Effect.map(CurrentSmtpSettings, (current) => ({ ...current, ...smtp }))
  )

// Where mail is signed, its bodies are hashed without being held.
const mailer = Layer.provide(Mailer.layer, NodeSha256.layer)

/**
 * Delivers to the recipients' own mail servers: MX lookup with the system's resolver, port 25, opportunistic TLS, and no
 * login, whatever the settings say. Many networks block port 25; use `layerRelay` there. The layer fails with
 * `InvalidOption` when a routing option is out of range, and with `InvalidSetting` when a setting of `smtp` is.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options & { readonly routing?: Router.MxOptions | undefined } = {}
): Layer.Layer<Mailer.Mailer, Router.InvalidOption | InvalidSetting> =>
  layerMx(options).pipe(Layer.provide(Router.layerMx(options.routing)), Layer.provide(NodeDns.layer))

/**
 * The same with a router of one's own, such as that of `NodeResolver.layerRouter`, which asks a resolver of one's choice and
 * keeps the routes. The layer fails with `InvalidSetting` when a setting of `smtp` cannot be used.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMx = (options: Options = {}): Layer.Layer<Mailer.Mailer, InvalidSetting, Router.Router> =>
  mailer.pipe(
    Layer.provide(Delivery.layerMx),
    Layer.provide(NodeDialer.layer(options.dialer)),
    Layer.provide(settings(options))
  )

/**
 * Sends everything to a relay or a submission server, given as endpoints that are tried in turn. Connections are kept as
 * `smtp.pool` says. The layer fails with `InvalidSetting` when a setting of `smtp` cannot be used.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerRelay = (
  endpoints: NonEmptyReadonlyArray<Endpoint>,
  options: Options = {}
): Layer.Layer<Mailer.Mailer, InvalidSetting> =>
  mailer.pipe(
    Layer.provide(Delivery.layerTransport),
    Layer.provide(SmtpTransport.layer(endpoints, options.smtp)),
    Layer.provide(NodeDialer.layer(options.dialer))
  )

/**
 * Sends everything to the server of a URL such as `smtp://localhost:1025` or `smtps://user:password@mail.example.com`; see
 * `ServerUrl.parse`. A URL with a user name logs in, with its password or with the credentials of `options.smtp`. The layer
 * fails with `ServerUrlError` when the URL cannot be used, or names a user for whom there is no password, and with
 * `InvalidSetting` when a setting of `smtp` cannot be used.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerUrl = (
  url: string,
  options: Options = {}
): Layer.Layer<Mailer.Mailer, ServerUrl.ServerUrlError | InvalidSetting> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { endpoint, password, username } = yield* Effect.fromResult(ServerUrl.parse(url))
      if (username === undefined || (password === undefined && options.smtp?.credentials !== undefined)) {
        return layerRelay([endpoint], options)
      }
      if (password === undefined) return yield* noPassword
      return layerRelay([endpoint], { ...options, smtp: { ...options.smtp, ...login(username, password) } })
    })
  )

const noPassword = new ServerUrl.ServerUrlError({ reason: "There is a user name and no password" })

const login = (username: string, password: Redacted.Redacted) => ({
  credentials: new Sasl.Password({ username, password })
})

/**
 * The mailer that the environment asks for:
 *
 * - `EFFECT_MAIL_SERVER`: the URL of a relay; without it, mail goes to the recipients' own servers.
 * - `EFFECT_MAIL_PASSWORD`: the password, when that URL names a user and has none itself.
 * - `EFFECT_MAIL_EHLO`: the name this machine introduces itself with.
 * - `EFFECT_MAIL_CONNECTIONS`: connections to one server at the same time; see `PoolSettings.maxConnections`.
 * - `EFFECT_MAIL_MESSAGES`: messages on one connection; see `PoolSettings.maxMessages`.
 * - `EFFECT_MAIL_IDLE`: how long a connection is kept that nobody needs, such as `30 seconds`; see `PoolSettings.idle`.
 * - `EFFECT_MAIL_WAITING`: messages that may wait for a connection; see `PoolSettings.maxWaiting`.
 * - `EFFECT_MAIL_DEADLINE`: how long one attempt for a message may take, such as `10 minutes`; see `SmtpSettings.deadline`.
 * - what `NodeDialer.config` reads: a proxy, local addresses, certificate authorities, a client certificate.
 * - `EFFECT_MAIL_DKIM_DOMAIN` and what belongs to it: how mail is signed; see `NodeDkim.layerConfig`.
 *
 * The layer fails with a `ConfigError` that says which of them is missing or cannot be used, and why.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig: Layer.Layer<Mailer.Mailer, Config.ConfigError> = Layer.unwrap(
  Effect.gen(function* () {
    const name = yield* Config.option(parsed("EFFECT_MAIL_EHLO", Address.parseEhloName))
    const server = yield* Config.option(parsed("EFFECT_MAIL_SERVER", ServerUrl.parse))
    const deadline = yield* Config.option(span("EFFECT_MAIL_DEADLINE", 1))
    const smtp = {
      pool: yield* pool,
      ...(Option.isSome(name) ? { name: name.value } : {}),
      ...(Option.isSome(deadline) ? { deadline: deadline.value } : {})
    }
    const dialer = yield* NodeDialer.config
    // Each variable has been checked, and there are no routing options that could be wrong.
    if (Option.isNone(server)) return Layer.orDie(layer({ smtp, dialer }))
    const { endpoint, password, username } = server.value
    if (username === undefined) return Layer.orDie(layerRelay([endpoint], { smtp, dialer }))
    const secret = password ?? (yield* Config.Redacted("EFFECT_MAIL_PASSWORD"))
    return Layer.orDie(layerRelay([endpoint], { smtp: { ...smtp, ...login(username, secret) }, dialer }))
  })
).pipe(Layer.provide(NodeDkim.layerConfig))

// The variable as a whole number in a range, which is that of the setting.
const count = (variable: string, least: number, most: number): Config.Config<number> =>
  parsed(variable, (text) => {
    const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : -1
    return value >= least && value <= most
      ? Result.succeed(value)
      : Result.fail({ message: `must be a whole number from ${least} to ${most}` })
  })

// The variable as a duration of so many milliseconds at least.
const span = (variable: string, least: number): Config.Config<Duration.Duration> =>
  parsed(variable, (text) => {
    // What is no duration is found out here.
    const value = Duration.fromInput(text as Duration.Input)
    return Option.isSome(value) && Duration.isFinite(value.value) && Duration.toMillis(value.value) >= least
      ? Result.succeed(value.value)
      : Result.fail({ message: 'must be a duration such as "30 seconds"' })
  })

const pool: Effect.Effect<Partial<PoolSettings>, Config.ConfigError> = Effect.gen(function* () {
  const maxConnections = yield* Config.option(count("EFFECT_MAIL_CONNECTIONS", 1, 10_000))
  const maxMessages = yield* Config.option(count("EFFECT_MAIL_MESSAGES", 1, 999_999_999))
  const idle = yield* Config.option(span("EFFECT_MAIL_IDLE", 0))
  const maxWaiting = yield* Config.option(count("EFFECT_MAIL_WAITING", 0, 100_000_000))
  return {
    ...(Option.isSome(maxConnections) ? { maxConnections: maxConnections.value } : {}),
    ...(Option.isSome(maxMessages) ? { maxMessages: maxMessages.value } : {}),
    ...(Option.isSome(idle) ? { idle: idle.value } : {}),
    ...(Option.isSome(maxWaiting) ? { maxWaiting: maxWaiting.value } : {})
  }
})
