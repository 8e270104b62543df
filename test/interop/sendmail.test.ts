/** The mail programs of Postfix and Exim, called by `SendmailTransport`. */
import { Envelope, Receipt } from "@effect-mail/protocol"
import { TestCertificate } from "@effect-mail/testing"
import { SendmailTransport } from "@effect-mail/transport"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import * as Jail from "./support/jail.ts"
import { arrived, bytes, copies, header, mark, mime, parcelOf, words } from "./support/mail.ts"
import * as Servers from "./support/servers.ts"

const suite = Jail.missing === undefined ? describe : describe.skip

const programs = [
  { server: Servers.postfix, command: "/usr/sbin/sendmail", usage: "temp 4.3.0" },
  { server: Servers.exim, command: "/usr/sbin/exim4", usage: "perm 5.3.0" }
]

for (const { command, server, usage } of programs) {
  suite(`${server.name}'s ${command}`, () => {
    it.live("queues what it is given, octet for octet, whatever the lines look like (SEND-003, SEND-005)", () =>
      Effect.gen(function* () {
        const running = yield* server.start(yield* TestCertificate.make(Servers.host))
        const { send } = yield* SendmailTransport.make({ path: "/usr/sbin/chroot", args: [running.root, command] })
        for (const body of ["", ".\r\n..\r\n.\r\nFrom here\r\nGrüße\r\n", `${"x".repeat(900)}\r\n`.repeat(5000)]) {
          const marker = mark()
          const parcel = parcelOf(
            bytes(`${marker}${header}${mime}\r\n${body}`),
            "bob@inbox.example",
            '"-carol"@inbox.example'
          )
          assert.deepStrictEqual(words(yield* send(parcel)), ["delivered", "delivered"])
          yield* arrived(server, running, parcel, marker)
        }
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
    )

    it.live(`refuses by its exit code, which is read as ${usage}, and says why (SEND-001, SEND-006)`, () =>
      Effect.gen(function* () {
        const running = yield* server.start(yield* TestCertificate.make(Servers.host))
        const args = [running.root, command, "--no-such-option"]
        const { send } = yield* SendmailTransport.make({ path: "/usr/sbin/chroot", args })
        const [outcome] = yield* send(parcelOf(bytes(`${header}\r\n`), "bob@inbox.example"))
        if (outcome?._tag !== "Failed") return assert.fail("it took the message")
        assert.strictEqual(`${Receipt.outcomeWord(outcome)} ${outcome.failure.enhanced}`, usage)
        assert.match(outcome.failure.reason, /option|usage/)
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
    )
  })
}

suite("Postfix's sendmail, asked for a notification", () => {
  it.live("sends it (-N, -R, -V)", () =>
    Effect.gen(function* () {
      const running = yield* Servers.postfix.start(yield* TestCertificate.make(Servers.host))
      const args = [running.root, "/usr/sbin/sendmail"]
      const { send } = yield* SendmailTransport.make({ path: "/usr/sbin/chroot", args, dsn: "plain" })
      const envelope = Result.getOrThrow(
        Envelope.make({
          from: "ada@inbox.example",
          envelopeId: "order+42",
          ret: "HDRS",
          to: [
            { address: "bob@inbox.example", notify: ["SUCCESS"] },
            { address: "carol@inbox.example", notify: "NEVER" }
          ]
        })
      )
      const marker = mark()
      const parcel = { ...parcelOf(bytes(`${marker}${header}\r\nbody\r\n`), "bob@inbox.example"), envelope }
      assert.deepStrictEqual(words(yield* send(parcel)), ["delivered", "delivered"])
      const notes = (yield* copies(running, marker, 3)).filter(({ content }) => content.includes("multipart/report"))
      assert.strictEqual(notes.length, 1)
      const note = notes[0]?.content ?? ""
      assert.match(note, /^Final-Recipient: rfc822; bob@inbox.example$/m)
      assert.match(note, /^Action: delivered$/m)
      assert.match(note, /^Original-Envelope-Id: order\+42$/m)
      assert.notInclude(note, "\nbody\n")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})
