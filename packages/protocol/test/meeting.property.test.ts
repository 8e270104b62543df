/** Our client against our server, in memory: whatever the server takes is what the client sent. */
import * as ClientDialogue from "@effect-mail/protocol/ClientDialogue"
import * as Envelope from "@effect-mail/protocol/Envelope"
import * as Sasl from "@effect-mail/protocol/Sasl"
import type * as ServerDialogue from "@effect-mail/protocol/ServerDialogue"
import { assert, describe, it } from "@effect/vitest"
import { Redacted, Result, Schema } from "effect"
import { connect, type Decide, host } from "./support/host.ts"
import { word } from "./support/submit.ts"

const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

// Most of the time something should happen at all.
const often = Schema.Literals([true, true, true, true, false])
const seldom = Schema.Literals([false, false, false, false, true])

const Extensions = Schema.Struct({
  lmtp: Schema.Boolean,
  pipelining: Schema.Boolean,
  eightBitMime: often,
  smtpUtf8: often,
  dsn: Schema.Boolean,
  chunking: often,
  binaryMime: often,
  limits: Schema.Boolean,
  enhancedStatusCodes: Schema.Boolean
})

const Recipient = Schema.Struct({
  utf8: seldom,
  fate: Schema.Literals([
    "250 2.1.5 ok",
    "250 2.1.5 ok",
    "250 2.1.5 ok",
    "251 2.1.5 ok",
    "450 4.2.1 busy",
    "550 5.1.1 no"
  ]),
  /** In LMTP, where each has a word on the message. */
  stored: Schema.Literals(["250 2.0.0 stored", "250 2.0.0 stored", "452 4.2.2 full", "554 5.6.0 no"]),
  notify: seldom
})

const Lines = Schema.Array(Schema.Literals(["", ".", "..", ".x", "text", "QUIT", "MAIL FROM:<>", "\u00e9\u00e8"]))

const Meeting = Schema.Struct({
  extensions: Extensions,
  recipients: Schema.NonEmptyArray(Recipient).check(Schema.isMaxLength(8)),
  maxRecipients: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 })),
  ours: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 })),
  maxChunk: Schema.Literals([0, 20, 100_000]),
  sender: Schema.Literals(["", "alice@example.com", "bob@example.com", "j\u00f8rgen@example.com"]),
  lines: Lines,
  binary: seldom,
  atMail: Schema.Literals(["250 2.1.0 ok", "250 2.1.0 ok", "250 2.1.0 ok", "451 4.3.0 no", "550 5.7.1 no"]),
  atData: Schema.Literals(["354 go", "354 go", "354 go", "451 4.3.0 no", "554 5.6.0 no"]),
  atMessage: Schema.Literals(["250 2.0.0 taken", "250 2.0.0 taken", "451 4.3.0 no", "554 5.6.0 no"]),
  pieces: Schema.Literals([1, 7, 100_000]),
  omit: often
})

const addressOf = ({ utf8 }: typeof Recipient.Type, index: number): string =>
  `${utf8 ? "\u00f8" : "u"}${index}@example.org`

const run = (meeting: typeof Meeting.Type) => {
  const { extensions, recipients } = meeting
  const fates = new Map(recipients.map((recipient, index) => [addressOf(recipient, index), recipient]))
  const protocol = extensions.lmtp ? "lmtp" : "smtp"
  const decide: Decide = (question) => {
    switch (question._tag) {
      case "Mail":
        return meeting.atMail
      case "Rcpt":
        return fates.get(question.forwardPath)?.fate
      case "Data":
        return meeting.atData
      case "Message":
        return extensions.lmtp
          ? question.transaction.recipients.map(({ forwardPath }) => fates.get(forwardPath)?.stored ?? "")
          : meeting.atMessage
      default:
        return undefined
    }
  }
  const { lmtp: _, ...offered } = extensions
  const server = host({ ...offered, protocol, maxRecipients: meeting.maxRecipients }, decide)
  const content = meeting.lines.join("\r\n")
  const { talk, wrote } = connect(server, content, meeting.pieces)
  const capabilities = Result.getOrThrow(
    talk(ClientDialogue.greet({ name: "client.example", protocol, helo: protocol === "smtp" }))
  )
  const envelope = Result.getOrThrow(
    Envelope.make({
      from: meeting.sender,
      to: recipients.map((recipient, index) => ({
        address: addressOf(recipient, index),
        ...(recipient.notify ? { notify: "NEVER" as const } : {})
      }))
    })
  )
  const facts = {
    size: new TextEncoder().encode(content).length,
    encoding: meeting.binary ? "binary" : content.includes("\u00e9") ? "8bit" : "7bit",
    utf8: false
  } as const
  const options = {
    protocol,
    onMissing: meeting.omit ? "omit" : "refuse",
    maxRecipients: meeting.ours,
    maxChunk: meeting.maxChunk
  } as const
  const submission = talk(ClientDialogue.submit(envelope, facts, capabilities, options))
  return { server, submission, content, wrote, talk, capabilities, envelope, facts, options, fates }
}

describe("the client and the server", () => {
  it.prop(
    "SMTP-014 SMTP-025 SMTP-026 SMTP-099 SMTP-153 SMTP-250 V-123 V-126 V-129: agree about every message and every recipient",
    { meeting: Meeting },
    ({ meeting }) => {
      const { content, envelope, fates, server, submission, wrote } = run(meeting)
      const delivered = server.mails.flatMap((mail) => mail.recipients)
      assert.strictEqual(new Set(delivered).size, delivered.length, "nobody gets it twice")
      const accepted = new Set<string>(delivered)
      envelope.recipients.forEach(({ address }, index) => {
        const verdict = submission.verdicts[index]
        const told = verdict === undefined ? "nothing" : word(verdict)
        assert.strictEqual(verdict?._tag === "Accepted", accepted.has(address), `${address}: ${told}`)
        const fate = fates.get(address)?.fate ?? ""
        if (told.startsWith("rcpt")) assert.strictEqual(told, `rcpt ${fate.slice(0, 3)}`)
      })
      for (const mail of server.mails) {
        const ending = content === "" || content.endsWith("\r\n") || mail.content === content ? "" : "\r\n"
        assert.strictEqual(mail.content, content + ending, "what was sent is what was taken")
        assert.strictEqual(mail.transaction.reversePath, envelope.reversePath)
        assert.isAtMost(mail.transaction.recipients.length, meeting.maxRecipients)
      }
      if (!meeting.extensions.dsn) assert.notInclude(wrote.join(""), "NOTIFY", "SMTP-025")
      assert.isTrue(submission.usable, "a server that answers everything leaves the connection as it was")
      assert.isFalse(server.closed())
    },
    { arbitrary: { runs: 1500 } }
  )

  it.prop("leave each other ready for the next message", { meeting: Meeting }, ({ meeting }) => {
    const { capabilities, envelope, facts, options, server, submission, talk } = run(meeting)
    const again = talk(ClientDialogue.submit(envelope, facts, capabilities, options))
    assert.deepStrictEqual(again.verdicts.map(word), submission.verdicts.map(word))
    assert.isTrue(Result.isSuccess(talk(ClientDialogue.noop())))
    assert.isTrue(Result.isSuccess(talk(ClientDialogue.quit())))
    assert.isTrue(server.closed())
  })

  it.prop(
    "AUTH-010 AUTH-012 AUTH-029 TLS-002: agree about TLS and who the client is, by every mechanism",
    {
      mechanism: Schema.Literals(["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN"]),
      tls: Schema.Boolean,
      right: Schema.Boolean,
      pieces: upTo(20)
    },
    ({ mechanism, pieces, right, tls }) => {
      const accounts = { password: (name: string) => (name === "alice" ? Redacted.make("s\u00e9cret") : undefined) }
      const options: Partial<ServerDialogue.ServerOptions> = { accounts, authRequired: true }
      const server = host(options)
      const { talk } = connect(server, "x", pieces + 1)
      const introduction = { name: "client.example", protocol: "smtp", helo: false } as const
      const clear = Result.getOrThrow(talk(ClientDialogue.greet(introduction)))
      const capabilities = tls ? Result.getOrThrow(talk(ClientDialogue.secure(introduction))) : clear
      assert.strictEqual(capabilities.supports("STARTTLS"), !tls)
      const password = Redacted.make(right ? "s\u00e9cret" : "wrong")
      const result = talk(
        ClientDialogue.authenticate(
          new Sasl.Password({ username: "alice", password }),
          { offered: capabilities.authMechanisms, encrypted: tls },
          { mechanisms: [mechanism] }
        )
      )
      const possible = tls || (mechanism !== "PLAIN" && mechanism !== "LOGIN")
      assert.strictEqual(Result.isSuccess(result), possible && right)
      const envelope = Result.getOrThrow(Envelope.make({ from: "", to: "bob@example.org" }))
      const submission = talk(
        ClientDialogue.submit(envelope, { encoding: "7bit", utf8: false, size: 1 }, capabilities, {
          protocol: "smtp",
          onMissing: "refuse",
          maxRecipients: 10,
          maxChunk: 1000
        })
      )
      assert.deepStrictEqual(submission.verdicts.map(word), [possible && right ? "accepted 250" : "mail 530"])
      assert.isTrue(submission.usable)
    }
  )

  it.prop(
    "SMTP-011: whatever bytes come, in whatever pieces, the server answers in whole replies and knows when to stop",
    {
      lines: Schema.Array(
        Schema.Union([
          Schema.String,
          Schema.Literals(["EHLO a.example", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA", ".", "RSET"]),
          Schema.Literals([
            "BDAT 3",
            "BDAT 1 LAST",
            "AUTH LOGIN",
            "AUTH CRAM-MD5",
            "*",
            "=",
            "STARTTLS",
            "QUIT",
            "\n.\n"
          ])
        ])
      ),
      size: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 30 }))
    },
    ({ lines, size }) => {
      const accounts = { password: () => Redacted.make("x") }
      const server = host({ accounts, allowSecretsInClearText: true })
      const said = server.hear(lines.map((line) => `${line}\r\n`).join(""), size)
      assert.match(said, /^(\d{3}[ -][^\r\n]*\r\n)*$/)
      server.hangUp()
      assert.isTrue(server.closed())
      for (const { transaction } of server.mails) assert.isAbove(transaction.recipients.length, 0)
    }
  )
})
