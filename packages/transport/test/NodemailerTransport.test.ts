/** nodemailer's transports, its own and others, and what their errors mean. */
import { Parcel } from "@effect-mail/message"
import { Envelope, Failure, Receipt } from "@effect-mail/protocol"
import { NodemailerTransport, Transport } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Result } from "effect"
import nodemailer from "nodemailer"
import * as Net from "node:net"
import * as Fake from "./support/fake.ts"
import { bytes, message, parcel, pieces, streamed } from "./support/smtp.ts"

const { make } = NodemailerTransport
const to = ["bob@example.org", "carol@example.org"]

const shown = (outcomes: ReadonlyArray<Receipt.Outcome>): string =>
  outcomes
    .map((o) => {
      if (o._tag === "Delivered") return `delivered ${o.code}`
      const { code, scope, stage } = o.failure
      return [Receipt.outcomeWord(o), stage, scope, code].filter((word) => word !== undefined).join(" ")
    })
    .join(", ")

// The message that a transporter was given, and its answer.
const answering = (answer: (mail: NodemailerTransport.Mail) => unknown) => {
  const mails: Array<NodemailerTransport.Mail> = []
  const sendMail = (mail: NodemailerTransport.Mail, done: (error: unknown, info?: unknown) => void) => {
    mails.push(mail)
    const said = answer(mail)
    if (said instanceof Error) done(said)
    else done(null, said)
  }
  return { mails, transporter: { sendMail } }
}

const error = (fields: object) => Object.assign(new Error("as the test says"), fields)

describe("nodemailer's own transports", () => {
  it.effect("the stream transport gives out what was put in, octet for octet", () =>
    Effect.gen(function* () {
      const transporter = nodemailer.createTransport({ streamTransport: true, buffer: true })
      let info: { readonly message: unknown; readonly envelope: unknown } | undefined
      const keeping = {
        sendMail: (mail: { readonly raw: Buffer }, done: (error: unknown, info?: unknown) => void) =>
          transporter.sendMail(mail, (failed, sent) => {
            info = sent
            done(failed, sent)
          })
      }
      const sent = yield* make(keeping).send(streamed(pieces(message, "more\r\n"), {}, ...to))
      assert.strictEqual(shown(sent), "delivered 250, delivered 250")
      assert.deepStrictEqual(info?.envelope, { from: "alice@example.com", to })
      assert.strictEqual(Buffer.isBuffer(info?.message) ? info.message.toString() : "", `${message}more\r\n`)
    })
  )

  it.effect("the JSON transport delivers to everybody", () =>
    Effect.gen(function* () {
      const transport = make(nodemailer.createTransport({ jsonTransport: true }))
      assert.strictEqual(shown(yield* transport.send(parcel(...to))), "delivered 250, delivered 250")
    })
  )

  // A server of a few lines: what it answers to each command, or "hang up".
  const server = (answers: (line: string) => string | undefined) =>
    Effect.acquireRelease(
      Effect.callback<{ readonly port: number; readonly server: Net.Server }>((resume) => {
        const server = Net.createServer((socket) => {
          let data = false
          let rest = ""
          const say = (text: string | undefined) =>
            text === undefined ? socket.destroy() : socket.write(`${text}\r\n`)
          socket.on("error", () => undefined)
          socket.on("data", (chunk) => {
            const lines = (rest + chunk.toString()).split("\r\n")
            rest = lines.pop() ?? ""
            for (const line of lines) {
              if (data && line !== ".") continue
              const answer = answers(line)
              data = !data && line === "DATA" && answer?.startsWith("354") === true
              say(answer)
            }
          })
          say(answers("CONNECT"))
        })
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          resume(Effect.succeed({ server, port: typeof address === "object" && address !== null ? address.port : 0 }))
        })
      }),
      ({ server }) => Effect.sync(() => server.close())
    )

  const polite = (line: string): string =>
    line === "CONNECT"
      ? "220 mx.example ESMTP"
      : line === "DATA"
        ? "354 Go"
        : line === "QUIT"
          ? "221 Bye"
          : "250 2.0.0 Ok"

  for (const [what, expected, answers] of [
    ["all is well", "delivered 250, delivered 250", polite],
    [
      "one recipient is refused (CLASS-43)",
      "delivered 250, perm rcpt recipient 550",
      (line: string) => (line.includes("carol") ? "550 5.1.1 No" : polite(line))
    ],
    [
      "all are, each in his way",
      "temp rcpt recipient 450, perm rcpt recipient 550",
      (line: string) =>
        line.includes("carol") ? "550 5.1.1 No" : line.startsWith("RCPT") ? "450 4.2.1 Later" : polite(line)
    ],
    [
      "MAIL is refused (CLASS-37)",
      "perm mail message 550, perm mail message 550",
      (line: string) => (line.startsWith("MAIL") ? "550 5.7.1 No" : polite(line))
    ],
    [
      "the message is refused (CLASS-51)",
      "perm data-end message 554, perm data-end message 554",
      (line: string) => (line === "." ? "554 5.6.0 No" : polite(line))
    ],
    [
      "the message is put off (CLASS-50)",
      "temp data-end message 451, temp data-end message 451",
      (line: string) => (line === "." ? "451 4.3.0 Later" : polite(line))
    ],
    [
      "it hangs up after the message (CLASS-52)",
      "uncertain data-end message, uncertain data-end message",
      (line: string) => (line === "." ? undefined : polite(line))
    ],
    [
      "it greets with 554 (CLASS-18)",
      "temp greeting host 554, temp greeting host 554",
      (line: string) => (line === "CONNECT" ? "554 5.3.2 No" : polite(line))
    ],
    [
      "it closes with 421",
      "temp mail message 421, temp mail message 421",
      (line: string) => (line.startsWith("MAIL") ? "421 4.3.2 Bye" : polite(line))
    ]
  ] as const) {
    it.live(`over SMTP: ${what}`, () =>
      Effect.gen(function* () {
        const { port } = yield* server(answers)
        const transport = make(nodemailer.createTransport({ host: "127.0.0.1", port, ignoreTLS: true }))
        assert.strictEqual(shown(yield* transport.send(parcel(...to))), expected)
      }).pipe(Effect.scoped)
    )
  }

  it.live("over SMTP: nobody listens, and a fallback takes over (CLASS-13)", () =>
    Effect.gen(function* () {
      const port = yield* Effect.scoped(Effect.map(server(polite), ({ port }) => port))
      const transport = make(nodemailer.createTransport({ host: "127.0.0.1", port, ignoreTLS: true }))
      assert.strictEqual(shown(yield* transport.send(parcel())), "unreachable connect host")
      const second = Fake.make()
      assert.strictEqual(shown(yield* Transport.fallback(transport, second.transport).send(parcel())), "delivered 250")
    })
  )
})

describe("what an error means", () => {
  for (const [fields, expected] of [
    [
      { code: "EAUTH", responseCode: 535, response: "535 5.7.8 No", command: "AUTH PLAIN" },
      "unreachable auth relay 535"
    ],
    [{ code: "EAUTH", command: "API" }, "unreachable auth relay"],
    [{ code: "ENOAUTH" }, "unreachable auth relay"],
    [{ code: "EOAUTH2" }, "unreachable auth relay"],
    [{ code: "ETLS", command: "STARTTLS" }, "unreachable tls host"],
    [
      { code: "ETLS", command: "STARTTLS", responseCode: 454, response: "454 4.7.0 No" },
      "unreachable starttls host 454"
    ],
    [{ code: "EDNS", command: "CONN", syscall: "getaddrinfo" }, "unreachable connect host"],
    [{ code: "ESOCKET", command: "CONN", syscall: "connect" }, "unreachable connect host"],
    [{ code: "ECONNREFUSED" }, "unreachable connect host"],
    [{ code: "ETIMEDOUT", command: "CONN", timeoutType: "CONNECT_TIMEOUT" }, "unreachable connect host"],
    [{ code: "ETIMEDOUT", command: "CONN", message: "Greeting never received" }, "unreachable connect host"],
    [{ code: "ETIMEDOUT", command: "CONN", timeoutType: "SOCKET_TIMEOUT" }, "uncertain data-end message"],
    [{ code: "ECONNECTION", command: "CONN" }, "uncertain data-end message"],
    [{ code: "ESOCKET", command: "CONN", syscall: "read" }, "uncertain data-end message"],
    [{ code: "EPROTOCOL", command: "EHLO" }, "temp ehlo host"],
    [{ code: "EENVELOPE", command: "API" }, "perm mail message"],
    [
      { code: "EENVELOPE", command: "MAIL FROM", responseCode: 452, response: "452 4.3.1 Full" },
      "temp mail message 452"
    ],
    [{ code: "EENVELOPE", command: "DATA", responseCode: 554, response: "554 5.5.1 No" }, "perm data message 554"],
    [{ code: "EMESSAGE", command: "MAIL FROM" }, "perm mail host"],
    [{ code: "EMESSAGE", command: "DATA", responseCode: 250, response: "250 what" }, "uncertain data-end message"],
    [{ code: "EREQUIRETLS", command: "MAIL FROM" }, "perm mail host"],
    [{ code: "ECONFIG" }, "unreachable connect local"],
    [{ code: "EPROXY" }, "unreachable connect local"],
    [{ code: "EMAXLIMIT" }, "unreachable connect local"],
    [{ code: "ESES" }, "uncertain data-end message"],
    [{}, "uncertain data-end message"]
  ] as const) {
    it.effect(`${JSON.stringify(fields)} is ${expected}`, () =>
      Effect.gen(function* () {
        const { transporter } = answering(() => error(fields))
        assert.strictEqual(shown(yield* make(transporter).send(parcel())), expected)
      })
    )
  }

  it.effect("a text that is thrown, a rejected promise and an error with control characters are failures, too", () =>
    Effect.gen(function* () {
      const forged = error({ responseCode: 550, response: "550 5.1.1 No\u001b[2J", command: "RCPT TO" })
      for (const sendMail of [
        () => {
          throw "thrown"
        },
        () => Promise.reject(forged),
        async () => {
          throw forged
        }
      ]) {
        const [outcome] = yield* make({ sendMail }).send(parcel())
        assert.strictEqual(outcome?._tag, "Failed")
        assert.notInclude(outcome?._tag === "Failed" ? outcome.failure.message : "\u001b", "\u001b")
      }
    })
  )

  it.effect("`classify` reads the errors of other transports, and leaves the rest", () =>
    Effect.gen(function* () {
      const busy = Failure.temp({ stage: "command", scope: "relay", next: "later", reason: "429" })
      const { transporter } = answering(({ envelope }) =>
        error(envelope.to[0] === "bob@example.org" ? { status: 429 } : {})
      )
      const classify = (u: unknown) => (u instanceof Error && "status" in u && u.status === 429 ? busy : undefined)
      const { send } = make(transporter, { classify })
      assert.strictEqual(shown(yield* send(parcel())), "temp command relay")
      assert.strictEqual(shown(yield* send(parcel("carol@example.org"))), "uncertain data-end message")
    })
  )
})

describe("what an answer means", () => {
  it.effect("by a promise alone", () =>
    Effect.gen(function* () {
      const sendMail = () => Promise.resolve({ response: "250 2.6.0 <id> Queued" })
      const [outcome] = yield* make({ sendMail }).send(parcel())
      const { enhanced, text } = outcome?._tag === "Delivered" ? outcome : { enhanced: undefined, text: undefined }
      assert.deepStrictEqual([enhanced, text], ["2.6.0", "<id> Queued"])
    })
  )

  it.effect("a recipient that is listed as rejected, in any spelling, was refused; pending is uncertain", () =>
    Effect.gen(function* () {
      const { transporter } = answering(() => ({
        accepted: ["dave@example.org"],
        rejected: ["bob@EXAMPLE.org", { address: "erin@xn--bcher-kva.example" }],
        pending: ["carol@example.org"]
      }))
      const { send } = make(transporter)
      const outcomes = yield* send(parcel(...to, "dave@example.org", "erin@bücher.example"))
      assert.deepStrictEqual(outcomes.map(Receipt.outcomeWord), ["perm", "uncertain", "delivered", "perm"])
    })
  )
})

describe("what is handed over", () => {
  it.effect("the envelope and the message as octets, nothing else", () =>
    Effect.gen(function* () {
      const { mails, transporter } = answering(() => ({}))
      const nobody = Result.getOrThrow(Envelope.make({ from: "", to: ["bob@example.org"] }))
      yield* make(transporter).send({ ...parcel(), envelope: nobody })
      assert.deepStrictEqual(
        mails.map(({ envelope, raw }) => ({ envelope, raw })),
        [{ envelope: { from: "", to: ["bob@example.org"] }, raw: bytes(message) }]
      )
      assert.deepStrictEqual(Object.keys(mails[0] ?? {}).toSorted(), ["envelope", "raw", "signal"])
    })
  )

  it.effect("wishes for notifications, when the transporter takes them, in a call for each kind", () =>
    Effect.gen(function* () {
      const { mails, transporter } = answering(() => ({}))
      const envelope = Result.getOrThrow(
        Envelope.make({
          from: "alice@example.com",
          ret: "FULL",
          envelopeId: "order+42",
          to: [
            { address: "bob@example.org", notify: ["FAILURE"] },
            { address: "carol@example.org", notify: "NEVER" }
          ]
        })
      )
      assert.strictEqual(
        shown(yield* make(transporter, { dsn: true }).send({ ...parcel(), envelope })),
        "delivered 250, delivered 250"
      )
      const common = { id: "order+42", return: "full" as const }
      assert.deepStrictEqual(
        mails.map(({ dsn }) => dsn),
        [
          { ...common, notify: ["failure"] },
          { ...common, notify: ["never"] }
        ]
      )
      const strict = make(transporter, { onMissing: "refuse" })
      assert.strictEqual(shown(yield* strict.send({ ...parcel(), envelope })), "perm mail host, perm mail host")
      assert.strictEqual(mails.length, 2)
    })
  )

  it.effect("REQUIRETLS is refused, since an old transporter would forget it", () =>
    Effect.gen(function* () {
      const { mails, transporter } = answering(() => ({}))
      const secret: Parcel.Parcel = { ...parcel(), envelope: { ...parcel().envelope, options: { requireTls: true } } }
      assert.strictEqual(shown(yield* make(transporter).send(secret)), "perm mail host")
      assert.strictEqual(mails.length, 0)
    })
  )

  it.effect("a signal that an interruption aborts", () =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<AbortSignal>()
      const sendMail = ({ signal }: NodemailerTransport.Mail) => {
        Deferred.doneUnsafe(started, Effect.succeed(signal))
        return new Promise(() => undefined)
      }
      const fiber = yield* Effect.forkChild(make({ sendMail }).send(parcel()))
      const signal = yield* Deferred.await(started)
      assert.isFalse(signal.aborted)
      yield* Fiber.interrupt(fiber)
      assert.isTrue(signal.aborted)
    })
  )
})
