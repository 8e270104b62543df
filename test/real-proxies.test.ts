/** Messages through proxies that nobody here wrote. */
import * as NodeMailer from "@effect-mail/node/NodeMailer"
import { Mailbox, MailServer, ServerWire, TestCertificate } from "@effect-mail/testing"
import { NodeSocketServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Result } from "effect"
import { Endpoint, Mailer, Message, Policy, Proxy, TlsPolicy } from "effect-mail"
import { SocketServer } from "effect/socket"
import * as Peers from "./support/peers.ts"

const message = Message.make({
  from: "ada@sender.example",
  to: "bob@inbox.example",
  subject: "Hello",
  text: `${"Good morning. ".repeat(20_000)}\n`
})

const login: Peers.Login = { username: "ada", password: "s3cr3t" }

// A mail server that offers STARTTLS, and who vouches for it.
const serving = Effect.gen(function* () {
  const certificate = yield* TestCertificate.make("mail.example.com")
  const mailbox = yield* Mailbox.make
  const handler = yield* Effect.provideService(MailServer.make({ certificate }), Mailbox.Mailbox, mailbox)
  const server = yield* Effect.orDie(Layer.build(NodeSocketServer.layer({ host: "127.0.0.1", port: 0 })))
  yield* Effect.provide(ServerWire.serve(handler, certificate), server)
  const { address } = yield* Effect.provide(SocketServer.SocketServer, server)
  return { ca: certificate.certificate, port: address._tag === "UnixPathAddress" ? 0 : address.port, mailbox }
})

const deliver = (
  proxy: Proxy.Proxy,
  to: { readonly address?: string; readonly host: string },
  port: number,
  ca: string
) => {
  const endpoint = Endpoint.make({ ...to, port, tls: TlsPolicy.required })
  const mailer = NodeMailer.layerRelay([endpoint], { dialer: { proxy, ca }, smtp: { name: "client.example" } })
  return Mailer.deliver(message).pipe(
    Effect.provide(mailer),
    Effect.provideService(Policy.CurrentPolicy, Policy.noRetry)
  )
}

const proxyAt = (protocol: "socks5" | "http", port: number, login?: Peers.Login): Proxy.Proxy =>
  Result.getOrThrow(
    Proxy.make({
      protocol,
      host: "127.0.0.1",
      port,
      login: login && { username: login.username, password: Redacted.make(login.password) }
    })
  )

for (const { missing, name, protocol, start } of [
  { name: "microsocks (SOCKS 5)", protocol: "socks5", start: Peers.microsocks, missing: Peers.missing.microsocks },
  { name: "tinyproxy (HTTP CONNECT)", protocol: "http", start: Peers.tinyproxy, missing: Peers.missing.tinyproxy }
] as const) {
  const using = missing === undefined ? it.live : it.live.skip
  if (missing !== undefined) process.stderr.write(`Tests are skipped, because ${missing}\n`)
  const place = { host: "mail.example.com", address: "127.0.0.1" }

  describe(`through ${name}`, () => {
    using("a message arrives under TLS that was verified behind the proxy", () =>
      Effect.gen(function* () {
        const { ca, mailbox, port } = yield* serving
        const receipt = yield* deliver(proxyAt(protocol, (yield* start()).port), place, port, ca)
        assert.isTrue(receipt.delivered[0]?.tls?.verified)
        const [mail] = yield* mailbox.all
        assert.deepStrictEqual([mail?.secure, mail?.recipients], [true, ["bob@inbox.example"]])
        assert.isAbove(mail?.content.length ?? 0, 280_000)
      }).pipe(Effect.scoped)
    )

    using("the proxy resolves a name that has no address", () =>
      Effect.gen(function* () {
        const { ca, port } = yield* serving
        const proxy = proxyAt(protocol, (yield* start()).port)
        const receipt = yield* deliver(proxy, { host: "localhost" }, port, ca)
        // It got there: the certificate is for another name.
        assert.strictEqual(receipt.failed[0]?.failure.reason, "the certificate is for another host name")
      }).pipe(Effect.scoped)
    )

    using("a login is given, and a wrong one is our own trouble (CLASS-14)", () =>
      Effect.gen(function* () {
        const { ca, mailbox, port } = yield* serving
        const proxy = yield* start(login)
        const right = yield* deliver(proxyAt(protocol, proxy.port, login), place, port, ca)
        assert.isTrue(right.complete)
        for (const other of [undefined, { ...login, password: "wrong" }]) {
          const receipt = yield* deliver(proxyAt(protocol, proxy.port, other), place, port, ca)
          assert.deepInclude(receipt.failed[0]?.failure, { _tag: "Unreachable", scope: "local", enhanced: "4.3.0" })
        }
        assert.lengthOf(yield* mailbox.all, 1)
      }).pipe(Effect.scoped)
    )

    using("a server that is not there is unreachable", () =>
      Effect.gen(function* () {
        const receipt = yield* deliver(proxyAt(protocol, (yield* start()).port), place, yield* Peers.freePort, "")
        assert.strictEqual(receipt.failed[0]?.failure._tag, "Unreachable")
        assert.include(receipt.failed[0]?.failure.reason ?? "", "proxy")
      }).pipe(Effect.scoped)
    )
  })
}
