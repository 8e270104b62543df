/** Our mail server and clients that nobody here wrote: swaks, and nodemailer. (Python's smtplib has a file of its own.) */
import { Mailbox, MailServer, SpecialAddresses, TestCertificate } from "@effect-mail/testing"
import { NodeSocketServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { SocketServer } from "effect/socket"
import * as ChildProcess from "node:child_process"
import { createTransport } from "./support/nodemailer.ts"

const name = "mail.example.com"

const accounts = { password: (user: string) => (user === "alice" ? Redacted.make("secret") : undefined) }

interface World {
  readonly port: number
  readonly ca: string
  readonly mails: Effect.Effect<ReadonlyArray<Mailbox.Letter>>
}

// A server on a port of its own, for as long as the client talks to it.
const serving = <A, E>(
  client: (world: World) => Effect.Effect<A, E>,
  { server, ...options }: MailServer.Options & { readonly plain?: boolean } = {}
) =>
  Effect.gen(function* () {
    const certificate = yield* TestCertificate.make(name)
    const decide = yield* SpecialAddresses.make
    const layer = MailServer.layer({
      certificate: options.plain === true ? undefined : certificate,
      decide,
      server: { name, ...server },
      ...options
    }).pipe(
      Layer.provideMerge(Mailbox.layer),
      Layer.provideMerge(NodeSocketServer.layer({ host: "127.0.0.1", port: 0 }))
    )
    return yield* Effect.gen(function* () {
      const { address } = yield* SocketServer.SocketServer
      const port = address._tag === "UnixPathAddress" ? 0 : address.port
      const { find } = yield* Mailbox.Mailbox
      return yield* client({ port, ca: certificate.certificate, mails: find() })
    }).pipe(Effect.provide(layer))
  })

const probe = ChildProcess.spawnSync("swaks", ["--version"], { encoding: "utf8" })
const withTls = ChildProcess.spawnSync("perl", ["-MNet::SSLeay", "-e", "1"]).status === 0
const missing =
  probe.error !== undefined
    ? "swaks is not installed (Debian package swaks)"
    : withTls
      ? undefined
      : "swaks has no TLS (Debian package libnet-ssleay-perl)"

if (missing !== undefined) process.stderr.write(`Tests are skipped, because ${missing}\n`)

interface Told {
  readonly status: number
  readonly dialogue: string
}

const swaks = ({ port }: World, ...args: ReadonlyArray<string>) =>
  Effect.callback<Told>((resume) => {
    const always = ["--server", "127.0.0.1", "--port", String(port), "--ehlo", "client.example.com"]
    const envelope = ["--from", "alice@example.com", "--to", "bob@example.com,carol@example.com"]
    const content = ["--header", "Subject: From swaks", "--body", ".dot\n..dots\nend"]
    const child = ChildProcess.execFile("swaks", [...always, ...envelope, ...content, ...args], (error, out, err) =>
      resume(Effect.succeed({ status: typeof error?.code === "number" ? error.code : 0, dialogue: out + err }))
    )
    return Effect.sync(() => child.kill())
  })

interface SwaksCase {
  readonly args: ReadonlyArray<string>
  readonly options?: MailServer.Options & { readonly plain?: boolean }
  readonly secure?: boolean
  readonly says: RegExp
}

const swaksCases: Readonly<Record<string, SwaksCase>> = {
  "in lock-step": { args: [], options: { plain: true }, says: /250 2\.0\.0 Taken/ },
  "in groups (RFC 2920)": { args: ["--pipeline"], options: { plain: true }, says: /250 2\.0\.0 Taken/ },
  "with no extension but the commands of 1982": {
    args: ["--protocol", "SMTP"],
    options: {
      plain: true,
      server: {
        pipelining: false,
        eightBitMime: false,
        smtpUtf8: false,
        enhancedStatusCodes: false,
        dsn: false,
        chunking: false,
        size: false
      }
    },
    says: /HELO client/
  },
  "behind STARTTLS": { args: ["--tls"], secure: true, says: /TLS started/ },
  "under TLS from the first byte": {
    args: ["--tls-on-connect"],
    options: { implicitTls: true },
    secure: true,
    says: /TLS started/
  },
  "with PLAIN under TLS": {
    args: ["--tls", "--auth", "PLAIN", "--auth-user", "alice", "--auth-password", "secret"],
    options: { server: { accounts, authRequired: true } },
    secure: true,
    says: /235 /
  },
  "with LOGIN under TLS": {
    args: ["--tls", "--auth", "LOGIN", "--auth-user", "alice", "--auth-password", "secret"],
    options: { server: { accounts, authRequired: true } },
    secure: true,
    says: /235 /
  },
  "over LMTP": {
    args: ["--protocol", "LMTP"],
    options: { plain: true, server: { protocol: "lmtp" } },
    says: /LHLO client/
  }
}

describe.skipIf(missing !== undefined)(`swaks${missing === undefined ? "" : `: ${missing}`}`, () => {
  for (const [how, { args, options = {}, says, secure = false }] of Object.entries(swaksCases)) {
    it.live(`delivers ${how}`, () =>
      Effect.gen(function* () {
        const { dialogue, mails, status } = yield* serving(
          (world) =>
            Effect.gen(function* () {
              const told = yield* swaks(world, ...args)
              return { ...told, mails: yield* world.mails }
            }),
          options
        )
        assert.strictEqual(status, 0, dialogue)
        assert.match(dialogue, says)
        assert.deepStrictEqual(
          mails.map(({ mail, subject, text }) => [mail.recipients, mail.secure, subject, text?.trim()]),
          [[["bob@example.com", "carol@example.com"], secure, "From swaks", ".dot\n..dots\nend"]]
        )
      })
    )
  }

  it.live("hears of every recipient that is refused, and of a wrong password", () =>
    Effect.gen(function* () {
      const refused = yield* serving((world) => swaks(world, "--to", "perm@example.com"))
      assert.strictEqual(refused.status, 24)
      assert.match(refused.dialogue, /550 5\.1\.1 No such mailbox/)
      const wrong = yield* serving(
        (world) => swaks(world, "--tls", "--auth", "PLAIN", "--auth-user", "alice", "--auth-password", "wrong"),
        { server: { accounts, authRequired: true } }
      )
      assert.strictEqual(wrong.status, 28)
      assert.match(wrong.dialogue, /535 /)
    })
  )
})

const nodemailer = ({ ca, port }: World, options: Readonly<Record<string, unknown>> = {}) => {
  const transport = createTransport({
    host: "127.0.0.1",
    port,
    name: "client.example.com",
    tls: { ca, servername: name },
    ...options
  })
  return Effect.ensuring(
    Effect.promise(() =>
      transport.sendMail({
        from: "Alice <alice@example.com>",
        to: "bob@example.com, perm@example.com",
        subject: "Gr\u00fc\u00dfe from nodemailer",
        text: ".dot\n..dots\nend",
        attachments: [{ filename: "data.csv", content: "a;b\n1;2\n" }]
      })
    ),
    Effect.sync(() => transport.close())
  )
}

interface NodemailerCase {
  readonly client?: Readonly<Record<string, unknown>>
  readonly options?: MailServer.Options & { readonly plain?: boolean }
  readonly secure: boolean
}

const auth = { user: "alice", pass: "secret" }

const nodemailerCases: Readonly<Record<string, NodemailerCase>> = {
  "in clear text": { client: { ignoreTLS: true }, secure: false },
  "behind STARTTLS": { client: { requireTLS: true }, secure: true },
  "under TLS from the first byte": { client: { secure: true }, options: { implicitTls: true }, secure: true },
  "with a password under TLS": {
    client: { requireTLS: true, auth },
    options: { server: { accounts, authRequired: true } },
    secure: true
  },
  "over LMTP": {
    client: { lmtp: true, ignoreTLS: true },
    options: { plain: true, server: { protocol: "lmtp" } },
    secure: false
  }
}

describe("nodemailer", () => {
  for (const [how, { client, options, secure }] of Object.entries(nodemailerCases)) {
    it.live(`delivers ${how}, and hears of the recipient that is refused`, () =>
      serving(
        (world) =>
          Effect.gen(function* () {
            const { accepted, rejected } = yield* nodemailer(world, client)
            assert.deepStrictEqual([accepted, rejected], [["bob@example.com"], ["perm@example.com"]])
            const [letter, ...others] = yield* world.mails
            if (letter === undefined) return assert.fail("expected a message")
            assert.deepStrictEqual(others, [])
            assert.deepStrictEqual([letter.mail.recipients, letter.mail.secure], [["bob@example.com"], secure])
            assert.strictEqual(letter.subject, "Gr\u00fc\u00dfe from nodemailer")
            assert.strictEqual(letter.text?.trim(), ".dot\n..dots\nend")
            assert.deepStrictEqual(
              letter.attachments.map((file) => [file.name, new TextDecoder().decode(file.content)]),
              [["data.csv", "a;b\n1;2\n"]]
            )
          }),
        options
      )
    )
  }
})
