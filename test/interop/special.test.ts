/** What one server alone has, or lacks. */
import { Message, Parcel, Render, Report } from "@effect-mail/message"
import { NodeDialer } from "@effect-mail/node"
import { Endpoint, Envelope, Receipt, TlsPolicy } from "@effect-mail/protocol"
import { TestCertificate } from "@effect-mail/testing"
import { LmtpTransport, SmtpSettings, SmtpTransport } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import * as Peers from "../support/peers.ts"
import * as Jail from "./support/jail.ts"
import { arrived, bytes, copies, header, mark, parcelOf, send, words } from "./support/mail.ts"
import * as Servers from "./support/servers.ts"

const suite = Jail.missing === undefined ? describe : describe.skip

const start = Effect.fnUntraced(function* (server: Servers.Server) {
  const { certificate: authority, ...certificate } = yield* TestCertificate.make(Servers.host)
  const running = yield* server.start({ certificate: authority, ...certificate })
  const door = (name: Servers.Door["name"]) =>
    Effect.fromNullishOr(running.doors.find((one) => one.name === name)).pipe(Effect.orDie)
  return { running, door, authority }
})

const sendTo = (endpoint: Endpoint.Endpoint, authority: string, marker: string) =>
  SmtpTransport.sendVia([endpoint], parcelOf(bytes(`${marker}${header}\r\n`), "bob@inbox.example"), {
    ...SmtpSettings.standard,
    name: "client.example"
  }).pipe(Effect.provide(NodeDialer.layer({ ca: authority })))

suite("OpenSMTPD, whose every handshake fails", () => {
  it.live(
    "is spoken to in clear text where TLS is optional (CLASS-24), and not at all where it is required (CLASS-25)",
    () =>
      Effect.gen(function* () {
        const { authority, door, running } = yield* start(Servers.opensmtpd)
        const { endpoint } = yield* door("clear text")
        const at = (tls: TlsPolicy.TlsPolicy) => Endpoint.make({ ...endpoint, tls })
        const marker = mark()
        const [required] = yield* sendTo(at(TlsPolicy.required), authority, marker)
        assert.strictEqual(required?._tag === "Failed" ? required.failure.enhanced : undefined, "4.7.5")
        const [optional] = yield* sendTo(at(TlsPolicy.opportunistic), authority, marker)
        assert.isTrue(optional?._tag === "Delivered" && optional.tls === undefined)
        const parcel = parcelOf(bytes(`${marker}${header}\r\n`), "bob@inbox.example")
        yield* arrived(Servers.opensmtpd, running, parcel, marker)
        assert.strictEqual((yield* copies(running, marker, 1)).length, 1)
      }).pipe(Effect.scoped)
  )
})

suite("Postfix", () => {
  it.live("turns mail away that is not submitted over TLS by somebody it knows (CLASS-25, CLASS-32)", () =>
    Effect.gen(function* () {
      const { authority, door } = yield* start(Servers.postfix)
      const { endpoint } = yield* door("STARTTLS")
      const plain = Endpoint.make({ ...endpoint, tls: TlsPolicy.none })
      const shown = (outcome: Receipt.Outcome | undefined) =>
        outcome?._tag === "Failed"
          ? `${Receipt.outcomeWord(outcome)} ${outcome.failure.code} ${outcome.failure.stage}`
          : "delivered"
      assert.strictEqual(shown((yield* sendTo(plain, authority, mark()))[0]), "perm 530 mail")
      assert.strictEqual(shown((yield* sendTo(endpoint, authority, mark()))[0]), "perm 554 rcpt")
    }).pipe(Effect.scoped)
  )

  it.live("sends the notification that was asked for, with the names that were given (DSN)", () =>
    Effect.gen(function* () {
      const { authority, door, running } = yield* start(Servers.postfix)
      const envelope = Result.getOrThrow(
        Envelope.make({
          from: "ada@inbox.example",
          envelopeId: "order+42=x",
          ret: "HDRS",
          to: [
            {
              address: "bob@inbox.example",
              notify: ["SUCCESS"],
              originalRecipient: { type: "rfc822", address: "Bob+1@other.example" }
            },
            { address: "carol@inbox.example", notify: "NEVER" }
          ]
        })
      )
      const marker = mark()
      const parcel = { ...parcelOf(bytes(`${marker}${header}\r\nbody\r\n`), "bob@inbox.example"), envelope }
      const outcomes = yield* send(yield* door("clear text"), authority, parcel)
      assert.deepStrictEqual(outcomes.map(Receipt.outcomeWord), ["delivered", "delivered"])
      // Two copies, and the notification that quotes the marker.
      const all = yield* copies(running, marker, 3)
      const notes = all.filter(({ content }) => content.includes("multipart/report"))
      const note = notes[0]?.content.replaceAll("\n", "\r\n") ?? ""
      const report = yield* Report.parse(Uint8Array.from(note, (c) => c.charCodeAt(0)))
      assert.strictEqual(notes.length, 1)
      assert.strictEqual(report._tag, "DeliveryStatus")
      if (report._tag !== "DeliveryStatus") return
      assert.strictEqual(report.envelopeId, "order+42=x")
      assert.deepStrictEqual(
        report.recipients.map(({ action, originalRecipient }) => [action, originalRecipient?.value]),
        [["delivered", "Bob+1@other.example"]]
      )
    }).pipe(Effect.scoped)
  )
})

suite("Postfix, with 8BITMIME and without", () => {
  const endpoint = (port: number) =>
    Endpoint.make({ host: Servers.host, address: "127.0.0.1", port, tls: TlsPolicy.none })

  it.live("gets one message as 8bit where it offers that, and as 7bit where it does not (MIME-004)", () =>
    Effect.gen(function* () {
      const certificate = yield* TestCertificate.make(Servers.host)
      const { jail, ...running } = yield* Servers.jailed(certificate)
      const [wide, narrow] = [yield* Peers.freePort, yield* Peers.freePort]
      const smtpd = (port: number, options: string) => `127.0.0.1:${port} inet n - n - - smtpd ${options}`
      const services = [smtpd(wide, ""), smtpd(narrow, "-o smtpd_discard_ehlo_keywords=8bitmime")]
      yield* Servers.postfixIn(jail, services, [wide, narrow])
      for (const [port, encoding] of [
        [wide, "8bit"],
        [narrow, "7bit"]
      ] as const) {
        assert.strictEqual((yield* Servers.keywords(endpoint(port))).includes("8BITMIME"), encoding === "8bit")
        const marker = mark()
        const message = Message.make({
          from: "ada@sender.example",
          to: "bob@inbox.example",
          text: "Gr\u00fc\u00dfe aus K\u00f6ln\n.\nund weiter\n"
        })
        const parcel = Parcel.prepend(yield* Render.render(message), marker)
        assert.deepStrictEqual(
          words(yield* send({ name: "clear text", endpoint: endpoint(port), auth: false }, "", parcel)),
          ["delivered"]
        )
        assert.strictEqual(Parcel.bodyFor(parcel, encoding).encoding, encoding)
        yield* arrived(Servers.postfix, running, Parcel.narrow(parcel, encoding), marker)
      }
    }).pipe(Effect.scoped)
  )
})

suite("Dovecot's LMTP", () => {
  it.live("says behind the message whose mailbox is full, and the others get it (CLASS-56)", () =>
    Effect.gen(function* () {
      const { door, running } = yield* start(Servers.dovecotLmtp)
      const { endpoint } = yield* door("clear text")
      const marker = mark()
      const parcel = parcelOf(
        bytes(`${marker}${header}\r\n`),
        "bob@inbox.example",
        "temp1@inbox.example",
        "user1@inbox.example"
      )
      const transport = yield* LmtpTransport.make([endpoint], { name: "client.example" })
      assert.deepStrictEqual(words(yield* transport.send(parcel)), ["delivered", "temp 452 data-end", "delivered"])
      yield* arrived(Servers.dovecotLmtp, running, parcel, marker, 2)
    }).pipe(Effect.scoped, Effect.provide(NodeDialer.layer()))
  )
})
