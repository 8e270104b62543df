/**
 * Mail through servers that nobody here wrote: in clear text and over TLS, to one and to fifty recipients of whom some are
 * refused, 7-bit, 8-bit and UTF-8, from an empty body to 50 MB. What they deliver is compared with what was sent, octet for
 * octet, behind the trace fields that each of them puts in front.
 */
import { Receipt } from "@effect-mail/protocol"
import { TestCertificate } from "@effect-mail/testing"
import { assert, describe, layer } from "@effect/vitest"
import { Context, Effect, Layer, Stream } from "effect"
import { arrived, bytes, header, mark, mime, parcelOf, send, words } from "./support/mail.ts"
import * as Servers from "./support/servers.ts"

/** A server under test, with what is needed to trust it. */
class Subject extends Context.Service<Subject, { readonly running: Servers.Running; readonly authority: string }>()(
  "interop/Subject"
) {}

const subject = (server: Servers.Server) =>
  Layer.effect(
    Subject,
    Effect.gen(function* () {
      const certificate = yield* TestCertificate.make(Servers.host)
      return { running: yield* server.start(certificate), authority: certificate.certificate }
    })
  )

const bob = "bob@inbox.example"

// Lines that look like the end of a message, like commands, and like the beginning of the next message of an mbox.
const odd = [
  ".",
  "..",
  ".leading",
  "MAIL FROM:<x@y.example>",
  "RSET",
  "From here",
  ">From there",
  "",
  ".",
  "x".repeat(998)
]

const texts: Readonly<Record<string, () => string>> = {
  "an empty body": () => `${header}\r\n`,
  "a body of one empty line": () => `${header}\r\n\r\n`,
  "dots and lines that look like something else": () => `${header}\r\n${odd.join("\r\n")}\r\n`,
  "white space at the ends of lines": () => `${header}\r\n \r\nx \t \r\n\t\r\n\r\n\r\n`,
  "an 8-bit body": () => `${header}${mime}\r\nGrüße aus Köln, 東京 und \u{1f4ee}\r\n.Ä\r\n`
}

const megabytes = (size: number): string => {
  const lines = `${"0123456789".repeat(7)}\r\n.${"x".repeat(71)}\r\nGrüße\r\n${"y".repeat(900)}\r\n`
  const octets = bytes(lines).length
  return lines.repeat(Math.ceil((size * 1024 * 1024) / octets))
}

for (const server of Servers.servers) {
  if (server.missing !== undefined) process.stderr.write(`Tests are skipped, because ${server.missing}\n`)
  const suite = server.missing === undefined ? describe : describe.skip

  suite(server.name, () => {
    layer(subject(server), { excludeTestServices: true, timeout: "60 seconds" })((it) => {
      it.effect(`offers ${server.offers.join(", ")}`, () =>
        Effect.gen(function* () {
          const { running } = yield* Subject
          assert.deepStrictEqual(
            running.doors.map(({ name }) => name),
            server.doors
          )
          const [door] = running.doors
          const offered = door === undefined ? [] : yield* Servers.keywords(door.endpoint)
          assert.deepStrictEqual(
            server.offers.filter((keyword) => !offered.includes(keyword)),
            []
          )
        })
      )

      for (const name of server.doors) {
        const at = Effect.flatMap(Subject, ({ authority, running }) => {
          const door = running.doors.find((door) => door.name === name)
          return door === undefined
            ? Effect.die(new Error("no such door"))
            : Effect.succeed({ authority, running, door })
        })

        for (const [what, text] of Object.entries(texts)) {
          it.effect(`${name}: ${what} arrives`, () =>
            Effect.gen(function* () {
              const { authority, door, running } = yield* at
              const marker = mark()
              const parcel = parcelOf(bytes(marker + text()), bob)
              assert.deepStrictEqual(words(yield* send(door, authority, parcel)), ["delivered"])
              yield* arrived(server, running, parcel, marker)
            })
          )
        }

        it.effect(`${name}: fifty recipients, and each has his own verdict`, () =>
          Effect.gen(function* () {
            const { authority, door, running } = yield* at
            const marker = mark()
            const to = Array.from(
              { length: 50 },
              (_, i) => `${i % 5 === 1 ? "perm" : i % 7 === 3 ? "temp" : "user"}${i}@inbox.example`
            )
            const parcel = parcelOf(bytes(`${marker}${header}\r\nTo fifty\r\n`), ...to)
            const outcomes = yield* send(door, authority, parcel)
            assert.deepStrictEqual(
              outcomes.map(({ recipient }) => recipient),
              to
            )
            assert.deepStrictEqual(
              outcomes.map(Receipt.outcomeWord),
              to.map((address) => (address.startsWith("user") ? "delivered" : address.slice(0, 4)))
            )
            yield* arrived(server, running, parcel, marker)
          })
        )

        it.effect(
          `${name}: UTF-8 in a header and in an address ${server.smtputf8 ? "arrives" : "is refused with 5.6.7"}`,
          () =>
            Effect.gen(function* () {
              const { authority, door, running } = yield* at
              const marker = mark()
              const parcel = parcelOf(
                bytes(`${marker}${header.replace("Interop", "Grüße")}${mime}\r\nÄ\r\n`),
                "jürgen@inbox.example"
              )
              const [outcome] = yield* send(door, authority, parcel)
              if (server.smtputf8) {
                assert.strictEqual(outcome?._tag, "Delivered")
                yield* arrived(server, running, parcel, marker)
              } else {
                assert.strictEqual(outcome?._tag === "Failed" ? outcome.failure.enhanced : undefined, "5.6.7")
              }
            })
        )

        it.effect(`${name}: binary content is refused with 5.6.3, since the server does not offer BINARYMIME`, () =>
          Effect.gen(function* () {
            const { authority, door } = yield* at
            const parcel = parcelOf(bytes(`${mark()}${header}\r\n\0\r\n`), bob)
            const [outcome] = yield* send(door, authority, parcel)
            assert.strictEqual(outcome?._tag === "Failed" ? outcome.failure.enhanced : undefined, "5.6.3")
          })
        )

        // In LMTP it is DATA, unless the content is binary.
        if (server.offers.includes("CHUNKING") && server !== Servers.dovecotLmtp) {
          it.effect(`${name}: 4 MB arrive in one chunk (RFC 3030)`, () =>
            Effect.gen(function* () {
              const { authority, door, running } = yield* at
              const marker = mark()
              const content = bytes(`${marker}${header}${mime}\r\n${megabytes(4)}`)
              const parcel = parcelOf(content, bob, "perm1@inbox.example")
              const sent = yield* send(door, authority, parcel, { maxChunk: 8 * 1024 * 1024 })
              assert.deepStrictEqual(sent.map(Receipt.outcomeWord), ["delivered", "perm"])
              // Who was refused can tell how it was done.
              const { transcript } = sent[1]?._tag === "Failed" ? sent[1].failure : { transcript: "" }
              assert.include(transcript, `C: BDAT ${content.length} LAST`)
              yield* arrived(server, running, parcel, marker)
            })
          )
        }

        it.effect(`${name}: 50 MB arrive, in pieces`, () =>
          Effect.gen(function* () {
            const { authority, door, running } = yield* at
            const marker = mark()
            const whole = parcelOf(bytes(`${marker}${header}${mime}\r\n${megabytes(50)}`), bob)
            const { bytes: content = new Uint8Array() } = whole.body
            const cut = Array.from({ length: Math.ceil(content.length / 50_000) }, (_, i) =>
              content.subarray(i * 50_000, (i + 1) * 50_000)
            )
            const streamed = { ...whole, body: { ...whole.body, bytes: undefined, stream: Stream.fromIterable(cut) } }
            assert.deepStrictEqual(words(yield* send(door, authority, streamed)), ["delivered"])
            yield* arrived(server, running, whole, marker)
          })
        )
      }
    })
  })
}
