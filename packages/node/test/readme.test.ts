import { Mailbox, MailServer, TestCertificate } from "@effect-mail/testing"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Mailer, Message } from "effect-mail"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { direct, options, relay, tls } from "./dialer.example.ts"
import { program } from "./readme.example.ts"
import * as ProxyServer from "./support/proxy.ts"
import * as Tcp from "./support/tcp.ts"

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8")

describe("README", () => {
  it("shows the example that is tested here", () => {
    const example = /```ts\n([^]*?)```/.exec(read("../README.md"))?.[1]
    assert.strictEqual(example, read("./readme.example.ts"))
  })

  it.live("the example sends a message over TCP", () =>
    Effect.gen(function* () {
      const mailbox = yield* Mailbox.make
      const handler = yield* Effect.provideService(
        MailServer.make({ server: { startTls: false } }),
        Mailbox.Mailbox,
        mailbox
      )
      const { port } = yield* Tcp.listen(handler)
      const said = yield* program(`smtp://127.0.0.1:${port}`)
      assert.deepStrictEqual(said, ["bob@example.net: 127.0.0.1 said Taken"])
      assert.strictEqual((yield* mailbox.to("bob@example.net")).length, 1)
    }).pipe(Effect.scoped)
  )

  it("shows the settings of connections that are tested here", () => {
    const [, example] = [...read("../README.md").matchAll(/```ts\n([^]*?)```/g)]
    assert.strictEqual(example?.[1], read("./dialer.example.ts"))
  })

  it.live("with those settings, a message goes through a proxy to a server that is verified", () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-mail-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
      )
      const authority = yield* TestCertificate.make("Test Authority")
      const client = yield* TestCertificate.makeWith(["client.example.com"], { issuer: authority })
      writeFileSync(join(folder, "ca.pem"), authority.certificate)
      writeFileSync(join(folder, "client.pem"), client.certificate)
      writeFileSync(join(folder, "client.key"), client.key)
      const certificate = yield* TestCertificate.makeWith(["127.0.0.1"], { issuer: authority })
      const server = MailServer.make({ certificate, implicitTls: true })
      const mailbox = yield* Mailbox.make
      const handler = yield* Effect.provideService(server, Mailbox.Mailbox, mailbox)
      const { port } = yield* Tcp.listen(handler, certificate)
      const proxy = yield* ProxyServer.socks5
      const mailer = relay(`smtps://127.0.0.1:${port}`, options(`socks5://${proxy.host}:${proxy.port}`, folder))
      const message = Message.make({ from: "ada@example.com", to: "bob@example.net", subject: "Hi", text: "Hi\n" })
      const receipt = yield* Effect.provide(Mailer.send(message), mailer)
      const [outcome] = receipt.delivered
      assert.isTrue(outcome?.tls?.verified)
      assert.strictEqual(outcome?.tls?.chain?.[0]?.issuer, "CN=Test Authority")
    }).pipe(Effect.scoped)
  )

  it.live("with those policies, each domain gets its own (CLASS-25)", () =>
    Effect.gen(function* () {
      const words = ["bank.example", "partner.example", "example.net"].map((domain) => tls(domain)._tag)
      assert.deepStrictEqual(words, ["Pinned", "Required", "Opportunistic"])
      yield* Layer.build(direct)
    }).pipe(Effect.scoped)
  )
})
