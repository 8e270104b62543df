/** Our mail server and a client that nobody here wrote: Python's smtplib. */
import { Mailbox, MailServer, SpecialAddresses, TestCertificate } from "@effect-mail/testing"
import { NodeSocketServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { SocketServer } from "effect/socket"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"

const missing =
  ChildProcess.spawnSync("python3", ["-c", "import smtplib, ssl"]).status === 0
    ? undefined
    : "python3 with smtplib is not installed"

const folder = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mail-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true }))
)

const python = (...args: ReadonlyArray<string>) =>
  Effect.callback<unknown, Error>((resume) => {
    const script = Path.join(import.meta.dirname, "support/smtplibClient.py")
    const child = ChildProcess.execFile("python3", [script, ...args], (error, out, err) =>
      resume(error === null ? Effect.sync(() => JSON.parse(out)) : Effect.fail(new Error(err)))
    )
    return Effect.sync(() => child.kill())
  })

// What the client was told, and what arrived.
const run = (plan: string, options: MailServer.Options = {}) =>
  Effect.gen(function* () {
    const certificate = yield* TestCertificate.make("mail.example.com")
    const decide = yield* SpecialAddresses.make
    const ca = Path.join(yield* folder, "ca.pem")
    Fs.writeFileSync(ca, certificate.certificate)
    return yield* Effect.gen(function* () {
      const { address } = yield* SocketServer.SocketServer
      const port = address._tag === "UnixPathAddress" ? 0 : address.port
      const told = yield* python(String(port), ca, plan)
      return { told, mails: yield* Effect.flatMap(Mailbox.Mailbox, ({ all }) => all) }
    }).pipe(
      Effect.provide(
        MailServer.layer({ certificate, decide, ...options }).pipe(
          Layer.provideMerge(Mailbox.layer),
          Layer.provideMerge(NodeSocketServer.layer({ host: "127.0.0.1", port: 0 }))
        )
      )
    )
  }).pipe(Effect.scoped)

const text = ({ content }: Mailbox.Mail): string => new TextDecoder().decode(content)
const message = "From: Alice <alice@example.com>\r\nSubject: From Python\r\n\r\n.\r\n..dots\r\nend\r\n"

describe.skipIf(missing !== undefined)(`Python's smtplib${missing === undefined ? "" : `: ${missing}`}`, () => {
  it.live("sends two messages in one session, and hears of the recipient that is refused", () =>
    Effect.gen(function* () {
      const { mails, told } = yield* run("plain")
      assert.deepStrictEqual(told, { refused: { "perm@example.com": 550 }, size: String(32 * 1024 * 1024) })
      assert.deepStrictEqual(
        mails.map(({ recipients }) => recipients),
        [["bob@example.com", "carol@example.com"], ["carol@example.com"]]
      )
      assert.deepStrictEqual(mails.map(text), [message, message])
    })
  )

  it.live("shakes hands behind STARTTLS, and finds it gone from the second EHLO", () =>
    Effect.gen(function* () {
      const { mails, told } = yield* run("starttls")
      assert.deepStrictEqual(told, { again: false })
      assert.deepStrictEqual(
        mails.map(({ secure }) => secure),
        [true]
      )
      assert.deepStrictEqual(mails.map(text), [message])
    })
  )

  it.live("logs in under TLS, and not with a wrong password", () =>
    Effect.gen(function* () {
      const password = (user: string) => (user === "alice" ? Redacted.make("secret") : undefined)
      const { mails, told } = yield* run("login", { server: { accounts: { password }, authRequired: true } })
      // The last of the mechanisms it tries is LOGIN, with an initial response that there must not be (AUTH-006).
      assert.deepStrictEqual(told, { wrong: 501 })
      assert.deepStrictEqual(mails.map(text), [message])
    })
  )

  it.live("speaks LMTP to a server that does", () =>
    Effect.gen(function* () {
      const { mails } = yield* run("lmtp", { server: { protocol: "lmtp" } })
      assert.deepStrictEqual(mails.map(text), [message])
    })
  )

  it.live("shakes hands first where TLS is implicit", () =>
    Effect.gen(function* () {
      const { told } = yield* run("implicit", { implicitTls: true })
      assert.deepStrictEqual(told, { codes: [220, 250, 221] })
    })
  )

  it.live("pipelines whole groups, messages with the next envelope among them (RFC 2920)", () =>
    Effect.gen(function* () {
      const { mails, told } = yield* run("pipelining")
      const group = [250, 250, 550, 354]
      assert.deepStrictEqual(told, { codes: [220, 250, ...group, 250, ...group, 250, 221], rest: "" })
      assert.deepStrictEqual(mails.map(text), [message, message])
    })
  )
})
