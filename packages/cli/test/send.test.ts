/** `effect-mail send` in this process, against servers on loopback. */
import { Mailbox, TestCertificate, TimeLapse } from "@effect-mail/testing"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, FileSystem } from "effect"
import { NodeServices } from "@effect/platform-node"
import { X509Certificate } from "node:crypto"
import { run, type Surroundings } from "./support/cli.ts"
import { closedPort, loginServer, saying, withHandler, withServer } from "./support/servers.ts"

const from = ["--from", "ada@sender.example"]
const to = (...recipients: ReadonlyArray<string>) => recipients.flatMap((recipient) => ["--to", recipient])
const toBob = [...from, ...to("bob@inbox.example")]
const at = (port: number, user = "") => ["--server", `smtp://${user}127.0.0.1:${port}`]

const send = (args: ReadonlyArray<string>, surroundings?: Surroundings) => run(["send", ...args], surroundings)

const mails = Effect.flatMap(Mailbox.Mailbox, ({ all }) => all)
const textOf = (mail: Mailbox.Mail | undefined): string => new TextDecoder().decode(mail?.content)

interface Folder {
  readonly path: string
  /** Puts a file there and gives its path. */
  readonly write: (name: string, content: string) => Effect.Effect<string>
}

/** `use` gets a temporary folder. */
const inFolder = <A, E, R>(use: (folder: Folder) => Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* fs.makeTempDirectoryScoped()
    const write = (name: string, content: string) => {
      const file = `${path}/${name}`
      return Effect.orDie(Effect.as(fs.writeFileString(file, content), file))
    }
    return yield* use({ path, write })
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

describe("a message of flags", () => {
  it.live("arrives as it was described", () =>
    withServer((port) =>
      inFolder(({ write }) =>
        Effect.gen(function* () {
          const empty = yield* write("empty.txt", "")
          const plan = yield* write("plan.txt", "1. Send mail\n")
          const { err, out, status } = yield* send(
            [
              ["--from", "Zoë <zoe@sender.example>", "--to", "Bob <bob@inbox.example>"],
              ["--subject", "Hi ☃", "--text", "Hello\n.\nBob", "--html", "<p>Hello</p>"],
              ["--attach", plan, "--attach", empty],
              at(port)
            ].flat()
          )
          assert.deepStrictEqual([status, err], [0, []])
          assert.deepStrictEqual(out, ["bob@inbox.example: delivered: 127.0.0.1 answered 250 Taken"])
          const [mail] = yield* mails
          assert.deepStrictEqual([mail?.from, mail?.recipients], ["zoe@sender.example", ["bob@inbox.example"]])
          for (const part of [
            "To: Bob <bob@inbox.example>\r\n",
            "\r\nHello\r\n.\r\nBob\r\n",
            "<p>Hello</p>",
            "filename=plan.txt",
            "filename=empty.txt",
            btoa("1. Send mail\n")
          ]) {
            assert.include(textOf(mail), part)
          }
        })
      )
    )
  )

  it.live("goes to everybody who is named: by --to, in lists, and at the end", () =>
    withServer((port) =>
      Effect.gen(function* () {
        const recipients = [`"Doe, Bob" <b@inbox.example>, c@inbox.example`, "d@inbox.example"]
        const { out, status } = yield* send(
          [from, to(...recipients), "e@inbox.example", at(port), "f@inbox.example"].flat()
        )
        assert.strictEqual(status, 0)
        assert.deepStrictEqual(
          out.map((line) => line.charAt(0)),
          ["b", "c", "d", "e", "f"]
        )
        assert.strictEqual((yield* mails).length, 1)
      })
    )
  )

  it.live("without a text is sent all the same", () =>
    withServer((port) =>
      Effect.gen(function* () {
        assert.strictEqual((yield* send([...toBob, ...at(port)])).status, 0)
        assert.match(textOf((yield* mails)[0]), /\r\n\r\n$/)
      })
    )
  )
})

describe("a ready message", () => {
  // Without CHUNKING, so that it has to be dot-stuffed.
  const withPlainServer: typeof withServer = (use) => withServer(use, { server: { chunking: false } })
  const eml = "From: x@other.example\nTo: nobody@other.example\nSubject: =?utf-8?q?a?=\n\n.dot\n\n  kept \n.\nend"
  const arrived = eml.replaceAll("\n", "\r\n") + "\r\n"

  it.live(
    "from a file or from standard input is sent as it is, but for its line ends, to the envelope of the flags",
    () =>
      withPlainServer((port) =>
        inFolder(({ write }) =>
          Effect.gen(function* () {
            const file = yield* write("message.eml", eml)
            const one = yield* send([...toBob, "--eml", file, ...at(port)])
            const two = yield* send([...toBob, "--eml", "-", ...at(port)], { stdin: eml })
            assert.deepStrictEqual([one.status, two.status], [0, 0])
            for (const mail of yield* mails) {
              assert.strictEqual(textOf(mail), arrived)
              assert.deepStrictEqual([mail.from, mail.recipients], ["ada@sender.example", ["bob@inbox.example"]])
            }
            assert.strictEqual((yield* mails).length, 2)
          })
        )
      )
  )

  it.live("with octets that are no UTF-8 arrives octet by octet", () =>
    withServer((port) =>
      Effect.gen(function* () {
        const stdin = Uint8Array.of(...new TextEncoder().encode("Subject: x\r\n\r\n"), 0xff, 0xe9, 0x80, 13, 10)
        assert.strictEqual((yield* send([...toBob, "--eml", "-", ...at(port)], { stdin })).status, 0)
        assert.deepStrictEqual((yield* mails)[0]?.content, stdin)
      })
    )
  )

  it.live("with a Bcc field is sent as it is, with a word of warning", () =>
    withServer((port) =>
      Effect.gen(function* () {
        for (const stdin of ["From: a@b.example\r\nbCC: x@y.example\r\n\r\n", "Resent-Bcc : x@y.example\n\n"]) {
          const { err, status } = yield* send([...toBob, "--eml", "-", ...at(port)], { stdin })
          assert.strictEqual(status, 0)
          assert.match(err.join(), /^effect-mail: the message has a Bcc field/)
        }
        assert.match(textOf((yield* mails)[0]), /bCC: x@y\.example\r\n/)
        const innocent = yield* send([...toBob, "--eml", "-", ...at(port)], { stdin: "X: y\n\nBcc: x@y.example\n" })
        assert.deepStrictEqual(innocent.err, [])
      })
    )
  )
})

describe("what cannot be sent", () => {
  for (const [name, args, sentence] of [
    ["a recipient that is no address", [...from, ...to("nonsense")], /^effect-mail: --to: .* at position 8/],
    ["an empty recipient", [...from, ...to("")], /^effect-mail: --to: there is no address in ""$/],
    ["a sender that is no address", ["--from", "nonsense", ...to("b@inbox.example")], /^effect-mail: --from: /],
    ["two senders", ["--from", "a@b.example, c@d.example", ...to("b@inbox.example")], /--from: exactly one address/],
    ["a line end in an address", [...from, ...to("b@c.example\r\nRCPT TO:<x@y.example>")], /--to: CR is not allowed/],
    ["a NUL in an address", [...from, ...to("b@c.example\0")], /--to: NUL is not allowed/],
    ["a line end in the subject", [...toBob, "--subject", "a\nBcc: x@y.example"], /Subject: LF is not allowed/],
    ["a file to attach that is missing", [...toBob, "--attach", "nothere.pdf"], /"nothere\.pdf" does not exist/],
    ["a folder to attach", [...toBob, "--attach", "."], /--attach: "\." is not a file/],
    ["a ready message that is missing", [...toBob, "--eml", "nothere.eml"], /--eml: "nothere\.eml" does not exist/],
    ["an empty ready message", [...toBob, "--eml", "-"], /--eml: the message is empty/]
  ] as const) {
    it.live(`${name}: one sentence that says so, and 65`, () =>
      withServer((port) =>
        Effect.gen(function* () {
          const { err, out, status } = yield* send([...args, ...at(port), "--json"])
          assert.deepStrictEqual([status, out, err.length], [65, [], 1])
          assert.match(err[0] ?? "", sentence)
          assert.notMatch(err[0] ?? "", /[\r\n\0]|To\[|From\[|FileSystem|NotFound/)
          assert.deepStrictEqual(yield* mails, [])
        })
      )
    )
  }
})

describe("outcomes", () => {
  for (const [recipients, status] of [
    [["accept"], 0],
    [["accept", "temp"], 75],
    [["temp", "perm"], 75],
    [["accept", "perm"], 69],
    [["perm"], 69],
    [["refused"], 69],
    [["later"], 75],
    [["full", "accept"], 75]
  ] as const) {
    it.live(`${recipients.join(" and ")}: ${status}`, () =>
      withServer((port) =>
        Effect.gen(function* () {
          const ended = yield* send([
            ...from,
            ...to(...recipients.map((local) => `${local}@inbox.example`)),
            ...at(port)
          ])
          assert.strictEqual(ended.status, status)
          assert.deepStrictEqual([ended.out.length, ended.err], [recipients.length, []])
        })
      )
    )
  }

  it.live("as JSON: one line per recipient in their order, and nothing else on standard output", () =>
    withServer((port) =>
      Effect.gen(function* () {
        const { err, out } = yield* send(
          [from, to("perm@inbox.example", "accept@inbox.example", "temp@inbox.example"), "--json", at(port)].flat()
        )
        const host = "127.0.0.1"
        assert.deepStrictEqual(err, [])
        assert.deepStrictEqual(
          out.map((line): unknown => JSON.parse(line)),
          [
            {
              recipient: "perm@inbox.example",
              outcome: "perm",
              stage: "rcpt",
              code: 550,
              enhanced: "5.1.1",
              text: "No such mailbox here",
              host,
              attempts: 1
            },
            {
              recipient: "accept@inbox.example",
              outcome: "delivered",
              stage: "data-end",
              code: 250,
              enhanced: "2.0.0",
              text: "Taken",
              host,
              attempts: 1
            },
            {
              recipient: "temp@inbox.example",
              outcome: "temp",
              stage: "rcpt",
              code: 450,
              enhanced: "4.2.1",
              text: "The mailbox is busy",
              host,
              attempts: 1
            }
          ]
        )
      })
    )
  )

  const problem = (port: number, ...more: ReadonlyArray<string>) =>
    Effect.map(send([...toBob, ...at(port), ...more]), ({ err, out, status }) => {
      assert.deepStrictEqual([status, err, out.length], [75, [], 1])
      return out[0] ?? ""
    })

  it.live("nobody listens: unreachable, and where (CLASS-13)", () =>
    Effect.gen(function* () {
      const port = yield* closedPort
      const line = yield* problem(port)
      assert.match(
        line,
        new RegExp(`^bob@inbox\\.example: unreachable: 127\\.0\\.0\\.1:${port}: connection refused\\.`)
      )
    })
  )

  it.effect("a server that never speaks: unreachable, when --timeout says so (CLASS-16)", () =>
    withHandler(saying(""), (port) =>
      Effect.gen(function* () {
        const line = yield* TimeLapse.run(problem(port, "--timeout", "20s"))
        assert.match(line, /: unreachable: .*: no answer within 20s/)
      })
    )
  )

  it.effect("a server that greets and then falls silent: not now, when --timeout says so (CLASS-20)", () =>
    withHandler(saying("220 slow.example ESMTP\r\n"), (port) =>
      Effect.gen(function* () {
        assert.match(yield* TimeLapse.run(problem(port, "--timeout", "20s")), /no answer within 20s/)
      })
    )
  )

  it.live("a server that talks nonsense: unreachable, with what it said (CLASS-19)", () =>
    Effect.gen(function* () {
      for (const nonsense of [
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\n",
        "ready when you are\r\n"
      ]) {
        const line = yield* withHandler(saying(nonsense), problem)
        assert.match(line, /: unreachable: .*no SMTP reply/)
        assert.notMatch(line, /[\x00-\x1f]/)
      }
    })
  )

  it.live("a server that hangs up: unreachable", () =>
    withHandler(
      () => Effect.void,
      (port) => Effect.map(problem(port), (line) => assert.match(line, /unreachable/))
    )
  )

  it.live("what a server says cannot play with the terminal", () =>
    Effect.gen(function* () {
      for (const json of [[], ["--json"]]) {
        const line = yield* withHandler(saying("554 \u001b[31mno\u0007\r\n"), (port) => problem(port, ...json))
        assert.include(line, "[31mno")
        assert.notMatch(line, /[\x00-\x1f\x7f-\x9f]|\\u00/)
      }
    })
  )
})

describe("--ehlo", () => {
  it.live("is the name that is said; an IP address is put into brackets", () => {
    const names: Array<string> = []
    return withServer(
      (port) =>
        Effect.gen(function* () {
          for (const name of ["client.example", "192.0.2.7"]) yield* send([...toBob, ...at(port), "--ehlo", name])
          assert.deepStrictEqual(names, ["client.example", "[192.0.2.7]"])
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

  it.effect("that is no name: 78", () =>
    Effect.gen(function* () {
      for (const name of ["two words", "a.example\r\nMAIL FROM:<>"]) {
        const { err, status } = yield* send([...toBob, "--ehlo", name])
        assert.deepStrictEqual([status, err.length], [78, 1])
        assert.match(err[0] ?? "", /^effect-mail: --ehlo: [^\r\n]*$/)
      }
    })
  )
})

describe("TLS", () => {
  const secured = <A, E, R>(use: (port: number, certificate: string) => Effect.Effect<A, E, R | Mailbox.Mailbox>) =>
    Effect.gen(function* () {
      const certificate = yield* TestCertificate.make("127.0.0.1")
      return yield* withServer((port) => use(port, certificate.certificate), { certificate })
    })

  it.live("is used where it is offered, and shown (CLASS-23)", () =>
    secured((port) =>
      Effect.gen(function* () {
        const { out } = yield* send([...toBob, ...at(port)])
        assert.deepStrictEqual(out, ["bob@inbox.example: delivered: 127.0.0.1 answered 250 Taken (TLSv1.3)"])
        assert.isTrue((yield* mails)[0]?.secure)
      })
    )
  )

  it.live("--tls none does without", () =>
    secured((port) =>
      Effect.gen(function* () {
        yield* send([...toBob, ...at(port), "--tls", "none"])
        assert.isFalse((yield* mails)[0]?.secure)
      })
    )
  )

  it.live("--tls required takes a certificate that --ca vouches for, and no other (CLASS-25)", () =>
    secured((port, certificate) =>
      inFolder(({ write }) =>
        Effect.gen(function* () {
          const other = yield* TestCertificate.make("127.0.0.1")
          const required = [...toBob, ...at(port), "--tls", "required"]
          const statuses = [
            yield* send(required),
            yield* send([...required, "--ca", yield* write("other.pem", other.certificate)]),
            yield* send([...required, "--ca", yield* write("mine.pem", certificate)])
          ].map(({ status }) => status)
          assert.deepStrictEqual(statuses, [75, 75, 0])
          assert.strictEqual((yield* mails).length, 1)
        })
      )
    )
  )

  it.live("--tls required sends nothing to a server without TLS (CLASS-25)", () =>
    withServer((port) =>
      Effect.gen(function* () {
        const { out, status } = yield* send([...toBob, ...at(port), "--tls", "required"])
        assert.strictEqual(status, 75)
        assert.match(out[0] ?? "", /does not offer STARTTLS/)
        assert.deepStrictEqual(yield* mails, [])
      })
    )
  )

  it.live("--tls encrypted takes any certificate, and nothing without TLS (CLASS-25)", () =>
    Effect.gen(function* () {
      const args = (port: number) => [...toBob, ...at(port), "--tls", "encrypted"]
      assert.strictEqual((yield* secured((port) => send(args(port)))).status, 0)
      assert.strictEqual((yield* withServer((port) => send(args(port)))).status, 75)
    })
  )

  it.live("--pin takes that certificate and no other; with --tls required it must be valid, too (CLASS-25)", () =>
    secured((port, certificate) =>
      inFolder(({ write }) =>
        Effect.gen(function* () {
          const own = new X509Certificate(certificate).fingerprint256
          const other = Array.from({ length: 32 }, () => "00").join(":")
          const pinned = (...args: ReadonlyArray<string>) => send([...toBob, ...at(port), ...args])
          const statuses = [
            yield* pinned("--pin", other),
            yield* pinned("--pin", own, "--tls", "required"),
            yield* pinned("--pin", other, "--pin", own.replaceAll(":", "").toLowerCase()),
            yield* pinned("--pin", own, "--tls", "required", "--ca", yield* write("mine.pem", certificate))
          ].map(({ status }) => status)
          assert.deepStrictEqual(statuses, [75, 75, 0, 0])
        })
      )
    )
  )

  it.live("a --pin that is none, or that is not obeyed everywhere: 64, and why", () =>
    Effect.gen(function* () {
      for (const [args, sentence] of [
        [["--pin", "secret"], /"secret" is no pin: write the SHA-256/],
        [["--pin", "00".repeat(32), "--tls", "opportunistic"], /mail would go without TLS/],
        [["--pin", "00".repeat(32), "--tls", "none"], /mail would go without TLS/]
      ] as const) {
        const { err, status } = yield* send([...toBob, "--server", "smtp://127.0.0.1:1", ...args])
        assert.strictEqual(status, 64)
        assert.match(err[0] ?? "", sentence)
      }
    })
  )

  it.live("--proxy, or EFFECT_MAIL_PROXY, is what mail goes through; its failure is our own (CLASS-14)", () =>
    withServer((port) =>
      Effect.gen(function* () {
        const args = [...toBob, ...at(port)]
        for (const { out, status } of [
          yield* send([...args, "--proxy", "socks5://127.0.0.1:1"]),
          yield* send(args, { env: { EFFECT_MAIL_PROXY: "http://ada:s3cr3t@127.0.0.1:1" } })
        ]) {
          assert.strictEqual(status, 75)
          assert.include(out[0], "the proxy at 127.0.0.1:1 cannot be used: connection refused")
        }
        for (const [proxy, sentence] of [
          ["ftp://127.0.0.1", /The scheme "ftp" is not known/],
          ["socks5://ada:s3cr3t@127.0.0.1", /put the URL into EFFECT_MAIL_PROXY/]
        ] as const) {
          const { err, status } = yield* send([...args, "--proxy", proxy])
          assert.strictEqual(status, 64)
          assert.match(err[0] ?? "", sentence)
          assert.notInclude(err[0], "s3cr3t")
        }
        assert.deepStrictEqual(yield* mails, [])
      })
    )
  )

  it.live("a --ca without a certificate in it: 78, with any --tls", () =>
    inFolder(({ path, write }) =>
      Effect.gen(function* () {
        for (const [file, sentence] of [
          [yield* write("notes.txt", "no certificate"), /holds no certificate in PEM/],
          [path, /is not a file/],
          [`${path}/nothere.pem`, /does not exist/]
        ] as const) {
          for (const tls of ["required", "opportunistic"]) {
            const { err, status } = yield* send([
              ...toBob,
              "--server",
              "smtp://127.0.0.1:1",
              "--ca",
              file,
              "--tls",
              tls
            ])
            assert.deepStrictEqual([status, err.length], [78, 1], file)
            assert.match(err[0] ?? "", sentence)
          }
        }
      })
    )
  )

  it.live("smtps:// to a server without TLS from the first byte: unreachable, and which scheme to use", () =>
    withServer((port) =>
      Effect.gen(function* () {
        const { out, status } = yield* send([...toBob, "--server", `smtps://127.0.0.1:${port}`])
        assert.strictEqual(status, 75)
        assert.match(out[0] ?? "", /Use smtp:\/\//)
      })
    )
  )
})

describe("a login", () => {
  const login = <A, E, R>(use: (args: ReadonlyArray<string>) => Effect.Effect<A, E, R>) =>
    inFolder(({ write }) =>
      Effect.gen(function* () {
        const certificate = yield* TestCertificate.make("127.0.0.1")
        const ca = yield* write("ca.pem", certificate.certificate)
        return yield* withHandler(loginServer, (port) => use([...toBob, ...at(port, "ada@"), "--ca", ca]), certificate)
      })
    )

  it.live("takes its password from EFFECT_MAIL_PASSWORD", () =>
    login((args) =>
      Effect.gen(function* () {
        const { err, out, status } = yield* send(args, { env: { EFFECT_MAIL_PASSWORD: "s3cr3t" } })
        assert.deepStrictEqual([status, err], [0, []])
        assert.match(out[0] ?? "", /delivered/)
      })
    )
  )

  it.live("that is refused: 77, and the password is not shown (CLASS-32)", () =>
    login((args) =>
      Effect.gen(function* () {
        for (const json of [[], ["--json"]]) {
          const { err, out, status } = yield* send([...args, ...json], { env: { EFFECT_MAIL_PASSWORD: "wr0ng" } })
          assert.deepStrictEqual([status, err], [77, []])
          assert.match(out[0] ?? "", /Wrong user name or password/)
          assert.notInclude(out.join() + err.join(), "wr0ng")
          assert.notInclude(out.join() + err.join(), btoa("\0ada\0wr0ng"))
        }
      })
    )
  )

  it.live("without a password where nobody can be asked: 78", () =>
    login((args) =>
      Effect.gen(function* () {
        const { err, out, status } = yield* send(args)
        assert.deepStrictEqual([status, out], [78, []])
        assert.deepStrictEqual(err, [
          "effect-mail: There is no password for ada at 127.0.0.1; put it into EFFECT_MAIL_PASSWORD"
        ])
      })
    )
  )

  it.live("asks a person at a terminal, and shows nothing of the answer", () =>
    login((args) =>
      Effect.gen(function* () {
        const { asked, err, out, status } = yield* send([...args, "--json"], { keys: [..."s3cr3t", "enter"] })
        assert.deepStrictEqual([status, err, out.length], [0, [], 1])
        assert.include(asked, "Password for ada at 127.0.0.1")
        assert.notMatch(asked, /s3cr3t|\*/)
      })
    )
  )

  it.live("sends nothing when the person breaks off at the question", () =>
    login((args) =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(send(args, { keys: ["x"] }))
        assert.isTrue(Exit.hasInterrupts(exit))
      })
    )
  )

  it.live("never sends a password over a connection without TLS (CLASS-32)", () =>
    withServer(
      (port) =>
        Effect.gen(function* () {
          const args = [...toBob, ...at(port, "ada@"), "--tls", "none"]
          const { out, status } = yield* send(args, { env: { EFFECT_MAIL_PASSWORD: "s3cr3t" } })
          assert.strictEqual(status, 77)
          assert.match(out[0] ?? "", /TLS/)
          assert.deepStrictEqual(yield* mails, [])
        }),
      { server: { keywords: ["AUTH PLAIN LOGIN"] } }
    )
  )
})

describe("without --server", () => {
  it.live("mail goes to the recipients' own servers, never to our own network (CLASS-12)", () =>
    Effect.gen(function* () {
      const { out, status } = yield* send([...from, ...to("bob@[127.0.0.1]"), "--json"])
      assert.strictEqual(status, 69)
      assert.include(out[0], `"outcome":"perm","stage":"route"`)
    })
  )
})
