import { NodeDialer, NodeMailer } from "@effect-mail/node"
import { Mailbox, MailServer, TestCertificate } from "@effect-mail/testing"
import { NodeSocketServer } from "@effect/platform-node"
import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Exit, Layer, Redacted } from "effect"
import {
  Endpoint,
  Failure,
  Mailer,
  Message,
  Policy,
  Receipt,
  Router,
  Sasl,
  ServerUrl,
  SmtpSettings,
  TlsPolicy
} from "effect-mail"
import { SocketServer } from "effect/socket"
import { X509Certificate } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as ProxyServer from "./support/proxy.ts"

const message = (to: string) =>
  Message.make({ from: "ada@sender.example", to, subject: "Hello", text: "Hello\n.\nBob\n" })

const send = (to = "bob@inbox.example") =>
  Effect.provideService(Mailer.deliver(message(to)), Policy.CurrentPolicy, Policy.noRetry)

const listening = (options?: MailServer.Options) =>
  MailServer.layer(options).pipe(
    Layer.provideMerge(Layer.merge(Mailbox.layer, NodeSocketServer.layer({ host: "127.0.0.1", port: 0 })))
  )

const portOf = Effect.map(SocketServer.SocketServer, ({ address }) =>
  address._tag === "UnixPathAddress" ? 0 : address.port
)

/** A port that was free a moment ago. */
const closedPort = Effect.provide(portOf, NodeSocketServer.layer({ host: "127.0.0.1", port: 0 }))

/** A server on loopback with a certificate of its own; `use` gets its port and the certificate. */
const withServer = <A, E>(
  use: (port: number, certificate: string) => Effect.Effect<A, E, Mailbox.Mailbox>,
  options?: MailServer.Options
) =>
  Effect.gen(function* () {
    const certificate = yield* TestCertificate.make("127.0.0.1", "localhost")
    return yield* Effect.flatMap(portOf, (port) => use(port, certificate.certificate)).pipe(
      Effect.provide(listening({ certificate, ...options }))
    )
  })

const failureOf = (receipt: Receipt.Receipt): Failure.Failure | undefined => receipt.failed[0]?.failure

type Invalid = SmtpSettings.InvalidSetting

describe("types", () => {
  it("a mailer is all that comes out, and mistakes in options are typed", () => {
    expectTypeOf(NodeMailer.layer()).toEqualTypeOf<Layer.Layer<Mailer.Mailer, Router.InvalidOption | Invalid>>()
    expectTypeOf(NodeMailer.layerUrl("")).toEqualTypeOf<
      Layer.Layer<Mailer.Mailer, ServerUrl.ServerUrlError | Invalid>
    >()
    expectTypeOf(NodeMailer.layerRelay([Endpoint.make({ host: "localhost" })])).toEqualTypeOf<
      Layer.Layer<Mailer.Mailer, Invalid>
    >()
    expectTypeOf(NodeMailer.layerConfig).toEqualTypeOf<Layer.Layer<Mailer.Mailer, Config.ConfigError>>()
  })
})

describe("layerRelay", () => {
  it.live("delivers over TCP and STARTTLS to a server whose certificate is trusted by the options (CLASS-25)", () =>
    withServer((port, ca) =>
      Effect.gen(function* () {
        const endpoint = Endpoint.make({ host: "localhost", port, tls: TlsPolicy.required })
        const dialer = { ca, family: "IPv4" } as const
        const receipt = yield* Effect.provide(send(), NodeMailer.layerRelay([endpoint], { dialer }))
        const [outcome] = receipt.delivered
        assert.deepStrictEqual([outcome?.host, outcome?.port, outcome?.code], ["localhost", port, 250])
        assert.deepStrictEqual([outcome?.tls?.protocol, outcome?.tls?.verified], ["TLSv1.3", true])
        const [mail] = yield* (yield* Mailbox.Mailbox).all
        assert.isTrue(mail?.secure)
        assert.include(new TextDecoder().decode(mail?.content), "\r\nHello\r\n.\r\nBob\r\n")
      })
    )
  )

  it.live("sends nothing to a server whose certificate nobody vouches for (CLASS-25)", () =>
    withServer((port) =>
      Effect.gen(function* () {
        const endpoint = Endpoint.make({ host: "127.0.0.1", port, tls: TlsPolicy.required })
        const failure = failureOf(yield* Effect.provide(send(), NodeMailer.layerRelay([endpoint])))
        assert.deepStrictEqual([failure?._tag, failure?.stage], ["Unreachable", "tls"])
        assert.deepStrictEqual(yield* (yield* Mailbox.Mailbox).all, [])
      })
    )
  )

  it.live("tries the endpoints in turn", () =>
    withServer((port) =>
      Effect.gen(function* () {
        const endpoints = [
          Endpoint.make({ host: "127.0.0.1", port: yield* closedPort }),
          Endpoint.make({ host: "localhost", address: "127.0.0.1", port })
        ] as const
        const receipt = yield* Effect.provide(send(), NodeMailer.layerRelay(endpoints))
        assert.strictEqual(receipt.delivered[0]?.port, port)
      })
    )
  )

  it.live("uses the current settings, and those of the options before them", () => {
    const names: Array<string> = []
    const decide: MailServer.Decide = (question) =>
      Effect.sync(() => {
        if (question._tag === "Hello") names.push(question.name)
        return undefined
      })
    const current = Layer.succeed(SmtpSettings.CurrentSmtpSettings, {
      ...SmtpSettings.standard,
      name: "current.example"
    })
    return withServer(
      (port) =>
        Effect.gen(function* () {
          const endpoint = Endpoint.make({ host: "127.0.0.1", port, tls: TlsPolicy.none })
          const relay = (options: NodeMailer.Options) =>
            Layer.provide(NodeMailer.layerRelay([endpoint], options), current)
          yield* Effect.provide(send(), relay({}))
          yield* Effect.provide(send(), relay({ smtp: { name: "mine.example" } }))
          assert.deepStrictEqual(names, ["current.example", "mine.example"])
        }),
      { decide }
    )
  })
})

const direct = (port: number, options?: NodeMailer.Options) =>
  NodeMailer.layer({ ...options, routing: { port, privateAddresses: "allow" } })

describe("layer", () => {
  it.live("delivers to the server of the recipient's domain, opportunistically over TLS (CLASS-23)", () =>
    withServer((port) =>
      Effect.gen(function* () {
        // An address literal needs no DNS, so that this test does not depend on one.
        const receipt = yield* Effect.provide(send("bob@[127.0.0.1]"), direct(port))
        assert.strictEqual(receipt.delivered[0]?.address, "127.0.0.1")
        assert.isFalse(receipt.delivered[0]?.tls?.verified)
        const [mail] = yield* (yield* Mailbox.Mailbox).all
        assert.deepStrictEqual([mail?.recipients, mail?.secure], [["bob@[127.0.0.1]"], true])
      })
    )
  )

  it.live("obeys the policy that routing yields for the domain: pinned, it fails closed (CLASS-25, TLS-013)", () =>
    withServer((port, ca) =>
      Effect.gen(function* () {
        const own = new X509Certificate(ca).fingerprint256
        const sent = Effect.fnUntraced(function* (pin: string) {
          const tls = (domain: string) => (domain === "[127.0.0.1]" ? TlsPolicy.pinned([pin]) : TlsPolicy.none)
          const mailer = NodeMailer.layer({ routing: { port, privateAddresses: "allow", tls } })
          return yield* Effect.provide(send("bob@[127.0.0.1]"), mailer)
        })
        const failure = failureOf(yield* sent(Array.from({ length: 32 }, () => "00").join(":")))
        assert.deepInclude(failure, { _tag: "Unreachable", stage: "tls", enhanced: "4.7.5" })
        assert.deepStrictEqual(yield* (yield* Mailbox.Mailbox).all, [])
        const [outcome] = (yield* sent(own)).delivered
        assert.deepStrictEqual([outcome?.tls?.verified, outcome?.tls?.fingerprint], [false, own])
      })
    )
  )

  it.live("refuses addresses of our own network unless it is told otherwise (CLASS-12)", () =>
    Effect.gen(function* () {
      const failure = failureOf(yield* Effect.provide(send("bob@[127.0.0.1]"), NodeMailer.layer()))
      assert.deepStrictEqual([failure?._tag, failure?.enhanced], ["PermFailure", "5.4.4"])
    })
  )

  it.live("uses the current settings, and those of the options before them; never the credentials", () => {
    const names: Array<string> = []
    const decide: MailServer.Decide = (question) =>
      Effect.sync(() => {
        if (question._tag === "Hello") names.push(question.name)
        return undefined
      })
    const credentials = new Sasl.Password({ username: "ada", password: Redacted.make("secret") })
    const current = Layer.succeed(SmtpSettings.CurrentSmtpSettings, {
      ...SmtpSettings.standard,
      name: "current.example",
      credentials
    })
    return withServer(
      (port) =>
        Effect.gen(function* () {
          const options = [{}, { smtp: { name: "mine.example", credentials } }]
          const receipts = yield* Effect.forEach(options, (mine) =>
            Effect.provide(send("bob@[127.0.0.1]"), Layer.provide(direct(port, mine), current))
          )
          assert.isTrue(receipts.every(({ complete }) => complete))
          assert.deepStrictEqual([...new Set(names)], ["current.example", "mine.example"])
        }),
      { decide, server: { keywords: ["AUTH PLAIN"] } }
    )
  })

  it.live("fails when a routing option is out of range", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.scoped(Layer.build(NodeMailer.layer({ routing: { maxHosts: 0 } }))))
      assert.include(error.message, "maxHosts")
    })
  )
})

const refusesLogin: MailServer.Options = { server: { keywords: ["AUTH PLAIN"] } }

describe("layerUrl", () => {
  it.live("sends to the server of the URL", () =>
    withServer((port) =>
      Effect.gen(function* () {
        const receipt = yield* Effect.provide(send(), NodeMailer.layerUrl(`smtp://127.0.0.1:${port}`))
        assert.isTrue(receipt.complete)
      })
    )
  )

  it.live("logs in when there is a user name, under TLS only, and never shows the password (CLASS-32)", () =>
    withServer(
      (port, ca) =>
        Effect.gen(function* () {
          const url = `smtp://ada:s3cr3t@127.0.0.1:${port}`
          const refused = failureOf(yield* Effect.provide(send(), NodeMailer.layerUrl(url, { dialer: { ca } })))
          assert.deepStrictEqual([refused?._tag, refused?.stage, refused?.scope], ["Unreachable", "auth", "relay"])
          assert.include(refused?.transcript, "AUTH PLAIN")
          assert.notInclude(JSON.stringify(refused), "s3cr3t")
          assert.notInclude(JSON.stringify(refused), btoa("\0ada\0s3cr3t"))
          const untrusted = failureOf(yield* Effect.provide(send(), NodeMailer.layerUrl(url)))
          assert.strictEqual(untrusted?.stage, "tls")
        }),
      refusesLogin
    )
  )

  it.live("takes the credentials of the options for a user without a password", () =>
    withServer(
      (port, ca) =>
        Effect.gen(function* () {
          const credentials = new Sasl.Password({ username: "ada", password: Redacted.make("s3cr3t") })
          const url = `smtp://ada@127.0.0.1:${port}`
          const layer = NodeMailer.layerUrl(url, { dialer: { ca }, smtp: { credentials } })
          assert.strictEqual(failureOf(yield* Effect.provide(send(), layer))?.stage, "auth")
        }),
      refusesLogin
    )
  )

  it.live("fails when the URL cannot be used, or names a user without a password", () =>
    Effect.gen(function* () {
      for (const [url, words] of [
        ["mail.example.com", "not a URL"],
        ["http://mail.example.com", "http"],
        ["smtp://ada@mail.example.com", "no password"]
      ] as const) {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(NodeMailer.layerUrl(url))))
        assert.strictEqual(error._tag, "ServerUrlError")
        assert.include(error.message, words)
      }
    })
  )
})

describe("layerConfig", () => {
  const configured = <A, E>(
    effect: Effect.Effect<A, E, Mailer.Mailer>,
    environment: Readonly<Record<string, string>>
  ): Effect.Effect<A, E | Config.ConfigError> =>
    Effect.provide(effect, NodeMailer.layerConfig).pipe(
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(environment))
    )

  const inFolder = Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-mail-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  )

  it.live("EFFECT_MAIL_CA_FILE is trusted, EFFECT_MAIL_LOCAL_ADDRESS is where connections come from", () =>
    withServer((port, ca) =>
      Effect.gen(function* () {
        const file = join(yield* inFolder, "ca.pem")
        writeFileSync(file, ca)
        const environment = {
          EFFECT_MAIL_SERVER: `smtp://ada@127.0.0.1:${port}`,
          EFFECT_MAIL_PASSWORD: "s3cr3t",
          EFFECT_MAIL_CA_FILE: file
        }
        // Only a login is missing now.
        const untrusted = failureOf(yield* configured(send(), { ...environment, EFFECT_MAIL_CA_FILE: "" }))
        const trusted = failureOf(yield* configured(send(), environment))
        assert.deepStrictEqual([untrusted?.stage, trusted?.stage], ["tls", "auth"])
        const local = { EFFECT_MAIL_SERVER: `smtp://127.0.0.1:${port}`, EFFECT_MAIL_LOCAL_ADDRESS: "::1, 192.0.2.1" }
        const elsewhere = failureOf(yield* configured(send(), local))
        assert.deepStrictEqual([elsewhere?.scope, elsewhere?.enhanced], ["local", "4.3.0"])
      }).pipe(Effect.scoped)
    )
  )

  it.live("EFFECT_MAIL_PROXY is what mail goes through, with its login (RFC 7617)", () =>
    withServer((port) =>
      Effect.gen(function* () {
        const proxy = yield* ProxyServer.http(undefined, "YWRhOnMzY3IzdA==")
        const through = (login: string) =>
          configured(send(), {
            EFFECT_MAIL_SERVER: `smtp://127.0.0.1:${port}`,
            EFFECT_MAIL_PROXY: `http://${login}${proxy.host}:${proxy.port}`
          })
        assert.isTrue((yield* through("ada:s3cr3t@")).complete)
        const failure = failureOf(yield* through("ada:other@"))
        assert.deepStrictEqual([failure?._tag, failure?.scope], ["Unreachable", "local"])
        assert.include(failure?.message ?? "", "the proxy wants a user name and a password, or refused them (407)")
        assert.notInclude(JSON.stringify(failure), "other")
      }).pipe(Effect.scoped)
    )
  )

  it.live("EFFECT_MAIL_CERTIFICATE_FILE is the client certificate, with its key or with EFFECT_MAIL_KEY_FILE", () =>
    Effect.gen(function* () {
      const folder = yield* inFolder
      const { certificate, key } = yield* TestCertificate.make("client.example.com")
      const files = { both: `${certificate}\n${key}`, certificate, key, neither: "no certificate" }
      for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
      const configure = (environment: Readonly<Record<string, string>>) =>
        Effect.provideService(NodeDialer.config, ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(environment))
      const at = (name: string) => join(folder, name)
      const together = yield* configure({ EFFECT_MAIL_CERTIFICATE_FILE: at("both") })
      const apart = yield* configure({
        EFFECT_MAIL_CERTIFICATE_FILE: at("certificate"),
        EFFECT_MAIL_KEY_FILE: at("key")
      })
      assert.include(Redacted.value(together.clientCertificate?.key ?? Redacted.make("")), key)
      assert.strictEqual(Redacted.value(apart.clientCertificate?.key ?? Redacted.make("")), key)
      for (const [variable, name, words] of [
        ["EFFECT_MAIL_CERTIFICATE_FILE", "neither", "holds no certificate in PEM"],
        ["EFFECT_MAIL_CA_FILE", "neither", "holds no certificate in PEM"],
        ["EFFECT_MAIL_CA_FILE", "nowhere", "cannot be read"],
        ["EFFECT_MAIL_KEY_FILE", "nowhere", "cannot be read"]
      ] as const) {
        const error = yield* Effect.flip(configure({ [variable]: at(name) }))
        assert.strictEqual(error._tag, "ConfigError")
        assert.include(error.message, variable)
        assert.include(error.message, words)
      }
    }).pipe(Effect.scoped)
  )

  it.live("sends through EFFECT_MAIL_SERVER, and introduces itself as EFFECT_MAIL_EHLO", () => {
    const names: Array<string> = []
    return withServer(
      (port) =>
        Effect.gen(function* () {
          const receipt = yield* configured(send(), {
            EFFECT_MAIL_SERVER: `smtp://127.0.0.1:${port}`,
            EFFECT_MAIL_EHLO: "client.example"
          })
          assert.isTrue(receipt.complete)
          assert.deepStrictEqual([...new Set(names)], ["client.example"])
        }),
      {
        decide: (question) =>
          Effect.sync(() => {
            if (question._tag === "Hello") names.push(question.name)
            return undefined
          })
      }
    )
  })

  it.live("without EFFECT_MAIL_SERVER, or with an empty one, mail goes to the recipients' own servers", () =>
    Effect.gen(function* () {
      for (const environment of [{}, { EFFECT_MAIL_SERVER: "", EFFECT_MAIL_EHLO: "" }]) {
        const failure = failureOf(yield* configured(send("bob@[127.0.0.1]"), environment))
        assert.deepStrictEqual([failure?.stage, failure?.enhanced], ["route", "5.4.4"])
      }
    })
  )

  it.live("EFFECT_MAIL_PASSWORD is the password of the URL's user", () =>
    withServer(
      (port) =>
        Effect.gen(function* () {
          const failure = failureOf(
            yield* configured(send(), {
              EFFECT_MAIL_SERVER: `smtp://ada@127.0.0.1:${port}`,
              EFFECT_MAIL_PASSWORD: "s3cr3t"
            })
          )
          // It would log in, if the certificate were one that the system trusts.
          assert.deepStrictEqual([failure?._tag, failure?.stage], ["Unreachable", "tls"])
        }),
      refusesLogin
    )
  )

  it.live("what is missing or cannot be used is named, and no password is shown", () =>
    Effect.gen(function* () {
      for (const [environment, variable] of [
        [{ EFFECT_MAIL_SERVER: "mail.example.com" }, "EFFECT_MAIL_SERVER"],
        [{ EFFECT_MAIL_SERVER: "smtp://ada:s3cr3t@mail.example.com/x" }, "EFFECT_MAIL_SERVER"],
        [{ EFFECT_MAIL_SERVER: "smtp://ada@mail.example.com" }, "EFFECT_MAIL_PASSWORD"],
        [{ EFFECT_MAIL_SERVER: "smtp://ada@mail.example.com", EFFECT_MAIL_PASSWORD: "" }, "EFFECT_MAIL_PASSWORD"],
        [{ EFFECT_MAIL_EHLO: "two words" }, "EFFECT_MAIL_EHLO"],
        [{ EFFECT_MAIL_PROXY: "socks5://ada:s3cr3t@proxy.example.com/x" }, "EFFECT_MAIL_PROXY"],
        [{ EFFECT_MAIL_PROXY: "http://ada%3A:s3cr3t@proxy.example.com" }, "EFFECT_MAIL_PROXY"],
        [{ EFFECT_MAIL_LOCAL_ADDRESS: "192.0.2.1,host.example" }, "EFFECT_MAIL_LOCAL_ADDRESS"],
        [{ EFFECT_MAIL_CONNECTIONS: "0" }, "EFFECT_MAIL_CONNECTIONS"],
        [{ EFFECT_MAIL_MESSAGES: "many" }, "EFFECT_MAIL_MESSAGES"],
        [{ EFFECT_MAIL_IDLE: "a while" }, "EFFECT_MAIL_IDLE"],
        [{ EFFECT_MAIL_WAITING: "-1" }, "EFFECT_MAIL_WAITING"],
        [{ EFFECT_MAIL_DEADLINE: "0 seconds" }, "EFFECT_MAIL_DEADLINE"],
        [{ EFFECT_MAIL_EHLO: "name.example\r\nMAIL FROM:<>" }, "EFFECT_MAIL_EHLO"]
      ] as const) {
        const exit = yield* Effect.exit(configured(send(), environment))
        const error = Exit.isFailure(exit) ? String(exit.cause) : ""
        assert.include(error, "ConfigError")
        assert.include(error, variable)
        assert.notInclude(error, "s3cr3t")
      }
    })
  )
})
