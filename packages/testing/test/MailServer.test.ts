/** The same server and the same clients, in memory and over real TCP. */
import { Reply } from "@effect-mail/protocol"
import { Mailbox, MailServer } from "@effect-mail/testing"
import { assert, describe, it } from "@effect/vitest"
import { NodeSocketServer } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { SocketServer } from "effect/socket"
import { connect, networks } from "./support/network.ts"

const text = (mail: Mailbox.Mail | undefined): string => new TextDecoder().decode(mail?.content)
const mailbox = Effect.flatMap(Mailbox.Mailbox, ({ all }) => all)

const message = "Subject: Hello\r\n\r\nGood morning\r\n"
const envelope = "MAIL FROM:<alice@example.com> SIZE=40\r\nRCPT TO:<bob@example.com>\r\n"

// Says what a client says until DATA is answered.
const toData = Effect.fnUntraced(function* () {
  const client = yield* connect()
  yield* client.codes(1)
  yield* client.raw(`EHLO client.example.com\r\n${envelope}DATA\r\n`)
  assert.deepStrictEqual(yield* client.codes(4), [250, 250, 250, 354])
  return client
})

const sendNumber = (i: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const client = yield* toData()
      yield* client.raw(`Subject: ${i}\r\n\r\n.\r\nQUIT\r\n`)
      yield* client.end
    })
  )

const decideOn =
  (answers: Partial<Record<string, Reply.Reply>>): MailServer.Decide =>
  (question) =>
    Effect.succeed(answers[question._tag])

for (const [where, network] of Object.entries(networks)) {
  const on = <E>(
    effect: Effect.Effect<void, E, Effect.Services<ReturnType<typeof connect>> | Mailbox.Mailbox>,
    options: MailServer.Options = {}
  ) => Effect.provide(Effect.scoped(effect), network(options))

  describe(`MailServer over ${where}`, () => {
    it.live("takes a message in lock-step, and says goodbye", () =>
      on(
        Effect.gen(function* () {
          const client = yield* connect()
          assert.deepStrictEqual(yield* client.codes(1), [220])
          assert.strictEqual(yield* client.say("HELO client.example.com"), "250 mail.example.com")
          assert.match(yield* client.say("MAIL FROM:<alice@example.com>"), /^250 /)
          assert.match(yield* client.say("RCPT TO:<bob@example.com>"), /^250 /)
          assert.match(yield* client.say("RCPT TO:<carol@example.com>"), /^250 /)
          assert.match(yield* client.say("DATA"), /^354 /)
          assert.match(yield* client.say("Subject: Dots\r\n\r\n..\r\n...\r\nend\r\n."), /^250 /)
          assert.match(yield* client.say("QUIT"), /^221 /)
          assert.deepStrictEqual(yield* client.end, [])
          const [mail] = yield* mailbox
          assert.deepInclude(mail, {
            from: "alice@example.com",
            recipients: ["bob@example.com", "carol@example.com"],
            secure: false
          })
          assert.strictEqual(text(mail), "Subject: Dots\r\n\r\n.\r\n..\r\nend\r\n")
        })
      )
    )

    it.live("takes whole groups of commands in one piece, and messages one after the other (RFC 2920)", () =>
      on(
        Effect.gen(function* () {
          const client = yield* toData()
          yield* client.raw(`${message}.\r\n${envelope}DATA\r\n`)
          assert.deepStrictEqual(yield* client.codes(4), [250, 250, 250, 354])
          yield* client.raw(`${message}.\r\nQUIT\r\n`)
          assert.deepStrictEqual(yield* client.end, [250, 221])
          const mails = yield* mailbox
          assert.deepStrictEqual(mails.map(text), [message, message])
          assert.strictEqual(mails[0]?.parameters.get("SIZE"), "40")
        })
      )
    )

    it.live("takes the same octet by octet", () =>
      on(
        Effect.gen(function* () {
          const client = yield* connect()
          for (const octet of `EHLO client.example.com\r\n${envelope}DATA\r\n`.split("")) yield* client.raw(octet)
          assert.deepStrictEqual(yield* client.codes(5), [220, 250, 250, 250, 354])
          for (const octet of `${message}..\r\n.\r\nQUIT\r\n`.split("")) yield* client.raw(octet)
          assert.deepStrictEqual(yield* client.end, [250, 221])
          assert.deepStrictEqual((yield* mailbox).map(text), [`${message}.\r\n`])
        })
      )
    )

    it.live("takes counted chunks (RFC 3030, SMTP-150, SMTP-151)", () =>
      on(
        Effect.gen(function* () {
          const client = yield* connect()
          yield* client.raw(
            `EHLO client.example.com\r\n${envelope}BDAT 3\r\n.\r\nBDAT 4\r\nab\r\nBDAT 0 LAST\r\nQUIT\r\n`
          )
          assert.deepStrictEqual(yield* client.end, [220, 250, 250, 250, 250, 250, 250, 221])
          assert.deepStrictEqual((yield* mailbox).map(text), [".\r\nab\r\n"])
        })
      )
    )

    it.live("makes a TLS session of the connection, and forgets what was said before (TLS-002, TLS-007)", () =>
      on(
        Effect.gen(function* () {
          const client = yield* connect()
          yield* client.codes(1)
          assert.include(yield* client.say("EHLO client.example.com"), "STARTTLS")
          assert.match(yield* client.say("STARTTLS"), /^220 /)
          assert.isTrue((yield* client.secure).verified)
          assert.match(yield* client.say("MAIL FROM:<alice@example.com>"), /^503 /)
          assert.notInclude(yield* client.say("EHLO client.example.com"), "STARTTLS")
          yield* client.raw(`${envelope}BDAT ${message.length} LAST\r\n${message}QUIT\r\n`)
          assert.deepStrictEqual(yield* client.end, [250, 250, 250, 221])
          const [mail] = yield* mailbox
          assert.isTrue(mail?.secure)
        })
      )
    )

    it.live("obeys nothing that was sent in clear text behind STARTTLS (TLS-004)", () =>
      on(
        Effect.gen(function* () {
          const client = yield* connect()
          yield* client.codes(1)
          yield* client.say("EHLO client.example.com")
          yield* client.raw("STARTTLS\r\nMAIL FROM:<eve@example.com>\r\n")
          assert.deepStrictEqual(yield* client.codes(1), [220])
          const secured = yield* Effect.result(client.secure)
          if (secured._tag === "Success") assert.match(yield* client.say("RCPT TO:<bob@example.com>"), /^503 /)
        })
      )
    )

    it.live("speaks TLS from the first byte", () =>
      on(
        Effect.gen(function* () {
          const client = yield* connect({ tls: true })
          yield* client.codes(1)
          assert.notInclude(yield* client.say("EHLO client.example.com"), "STARTTLS")
          yield* client.raw(`${envelope}BDAT ${message.length} LAST\r\n${message}QUIT\r\n`)
          yield* client.end
          const [mail] = yield* mailbox
          assert.isTrue(mail?.secure)
        }),
        { implicitTls: true }
      )
    )

    it.live("speaks LMTP, with one reply for each recipient (RFC 2033)", () =>
      on(
        Effect.gen(function* () {
          const client = yield* connect()
          yield* client.codes(1)
          assert.match(yield* client.say("EHLO client.example.com"), /^500 /)
          assert.match(yield* client.say("LHLO client.example.com"), /^250 /)
          yield* client.raw(`${envelope}RCPT TO:<carol@example.com>\r\nDATA\r\n`)
          yield* client.codes(4)
          yield* client.raw(`${message}.\r\nQUIT\r\n`)
          assert.deepStrictEqual(yield* client.end, [250, 250, 221])
        }),
        { server: { protocol: "lmtp" } }
      )
    )

    it.live("refuses what is too large and goes on", () =>
      on(
        Effect.gen(function* () {
          const client = yield* toData()
          yield* client.raw(`${"x".repeat(70)}\r\n.\r\n${envelope.replace("40", "51")}NOOP\r\n`)
          assert.deepStrictEqual(yield* client.codes(4), [552, 552, 503, 250])
          assert.deepStrictEqual(yield* mailbox, [])
        }),
        { server: { maxSize: 50 } }
      )
    )

    for (const [name, bare] of Object.entries({ "LF.LF": "\n.\n", "LF.CRLF": "\n.\r\n", "CR.CR": "\r.\r" })) {
      it.live(`does not take ${name} for the end of a message, and refuses the message (CVE-2023-51764)`, () =>
        on(
          Effect.gen(function* () {
            const client = yield* toData()
            yield* client.raw(`${message}${bare}MAIL FROM:<eve@example.com>\r\n.\r\nQUIT\r\n`)
            assert.deepStrictEqual(yield* client.end, [554, 221])
            assert.deepStrictEqual(yield* mailbox, [])
          })
        )
      )
    }

    it.live("keeps nothing of a message whose client is gone", () =>
      on(
        Effect.gen(function* () {
          yield* Effect.scoped(Effect.flatMap(toData(), (client) => client.raw(`${message}.\r`)))
          yield* Effect.scoped(
            Effect.flatMap(toData(), (client) => Effect.andThen(client.raw(`${message}.\r\n`), client.codes(1)))
          )
          assert.deepStrictEqual((yield* mailbox).length, 1)
        })
      )
    )

    it.live("answers what it does not understand, and ends at a line without end", () =>
      on(
        Effect.gen(function* () {
          const client = yield* connect()
          yield* client.codes(1)
          assert.match(yield* client.say("GET / HTTP/1.1"), /^500 /)
          yield* client.raw("x".repeat(20_000))
          assert.deepStrictEqual(yield* client.end, [500])
        })
      )
    )

    it.live("answers as the test decides", () =>
      on(
        Effect.gen(function* () {
          const client = yield* connect()
          yield* client.codes(1)
          assert.strictEqual(
            yield* client.say("EHLO client.example.com").pipe(Effect.map((said) => said.slice(0, 3))),
            "250"
          )
          assert.strictEqual(yield* client.say("MAIL FROM:<>"), "250 2.1.0 Sender ok")
          assert.strictEqual(yield* client.say("RCPT TO:<bob@example.com>"), "450 4.2.1 Busy")
          assert.match(yield* client.say("DATA"), /^554 /)
          assert.strictEqual(yield* client.say("VRFY bob"), "502 5.5.1 No")
        }),
        { decide: decideOn({ Rcpt: Reply.make(450, "4.2.1 Busy"), Ask: Reply.make(502, "5.5.1 No") }) }
      )
    )

    it.live("turns a client away with a 554 greeting, and understands nothing but QUIT then", () =>
      on(
        Effect.gen(function* () {
          const client = yield* connect()
          assert.deepStrictEqual(yield* client.codes(1), [554])
          assert.match(yield* client.say("EHLO client.example.com"), /^503 /)
          assert.match(yield* client.say("QUIT"), /^221 /)
          assert.deepStrictEqual(yield* client.end, [])
        }),
        { decide: decideOn({ Connect: Reply.make(554, "5.3.2 No service") }) }
      )
    )

    it.live("serves many clients at once", () =>
      on(
        Effect.gen(function* () {
          const numbers = Array.from({ length: 20 }, (_, i) => i)
          yield* Effect.forEach(numbers, sendNumber, { concurrency: "unbounded" })
          const box = yield* Mailbox.Mailbox
          const subjects = (yield* box.wait(20)).map(text).toSorted()
          assert.deepStrictEqual(subjects, numbers.map((i) => `Subject: ${i}\r\n\r\n`).toSorted())
        })
      )
    )
  })
}

describe("MailServer", () => {
  it.live("offers no STARTTLS over TCP without a certificate", () =>
    Effect.gen(function* () {
      const client = yield* connect()
      yield* client.codes(1)
      assert.notInclude(yield* client.say("EHLO client.example.com"), "STARTTLS")
      assert.match(yield* client.say("STARTTLS"), /^502 /)
    }).pipe(Effect.scoped, Effect.provide(networks.TCP({ certificate: undefined })))
  )
})

const extensions: ReadonlyArray<
  readonly [keyword: string, off: MailServer.Options["server"], on: MailServer.Options["server"], parameter: string]
> = [
  ["PIPELINING", { pipelining: false }, {}, ""],
  ["CHUNKING", { chunking: false }, {}, ""],
  ["8BITMIME", { eightBitMime: false }, {}, " BODY=8BITMIME"],
  ["SMTPUTF8", { smtpUtf8: false }, {}, " SMTPUTF8"],
  ["DSN", { dsn: false }, {}, " RET=HDRS"],
  ["SIZE", { size: false }, {}, " SIZE=10"],
  ["STARTTLS", { startTls: false }, {}, ""],
  ["AUTH", {}, { accounts: { password: () => undefined }, allowSecretsInClearText: true }, ""],
  ["LIMITS", {}, { limits: true, maxRecipients: 3 }, ""],
  ["ENHANCEDSTATUSCODES", { enhancedStatusCodes: false }, {}, ""]
]

describe("every extension of MailServer can be switched on and off", () => {
  const hello = (server: MailServer.Options["server"], parameter: string) =>
    Effect.gen(function* () {
      const client = yield* connect()
      yield* client.codes(1)
      const said = yield* client.say("EHLO client.example.com")
      const offered = said.split(" | ").map((line) => line.split(" ")[0])
      const mail = yield* client.say(`MAIL FROM:<alice@example.com>${parameter}`)
      return { offered, mail: mail.slice(0, 3) }
    }).pipe(Effect.scoped, Effect.provide(networks.memory({ server })))

  for (const [keyword, off, on, parameter] of extensions) {
    it.effect(keyword, () =>
      Effect.gen(function* () {
        const without = yield* hello(off, parameter)
        assert.notInclude(without.offered, keyword)
        // What is not offered is not taken, either.
        assert.strictEqual(without.mail, parameter === "" ? "250" : "555")
        const withIt = yield* hello(on, parameter)
        assert.include(withIt.offered, keyword)
        assert.strictEqual(withIt.mail, "250")
      })
    )
  }
})

describe("a port that is in use", () => {
  it.live("is an error that says so when the layer is built", () =>
    Effect.gen(function* () {
      const { address } = yield* SocketServer.SocketServer
      const port = address._tag === "UnixPathAddress" ? 0 : address.port
      const second = MailServer.layer().pipe(
        Layer.provide(Mailbox.layer),
        Layer.provide(NodeSocketServer.layer({ host: "127.0.0.1", port }))
      )
      const error = yield* Effect.flip(Effect.scoped(Layer.build(second)))
      assert.strictEqual(error._tag, "SocketServerError")
      assert.match(`${error.message} ${String(error.reason.cause)}`, /EADDRINUSE.*127\.0\.0\.1/)
    }).pipe(Effect.provide(NodeSocketServer.layer({ host: "127.0.0.1", port: 0 })))
  )
})
