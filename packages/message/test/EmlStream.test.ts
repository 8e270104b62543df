import * as Dkim from "@effect-mail/message/Dkim"
import * as Message from "@effect-mail/message/Message"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Random, Redacted, Schema, Stream } from "effect"
import { octets, recipients, refused, render, text } from "./support/render.ts"
import { bytes, join, Lines, refusal, string } from "./support/texts.ts"

const inPieces = (source: Uint8Array, size: number) =>
  Stream.fromIterable(
    Array.from({ length: Math.ceil(source.length / size) }, (_, i) => source.subarray(i * size, (i + 1) * size))
  )

const header = ["From: Ada <ada@example.com>", "To: bob@example.com", "Bcc: eve@example.com", "Subject: a"]

const facts = ({ body, envelope, messageId }: Effect.Success<ReturnType<typeof render>>) => ({
  dotFree: body.dotFree,
  encoding: body.encoding,
  longestLine: body.longestLine,
  size: body.size,
  utf8Headers: body.utf8Headers,
  envelope,
  messageId
})

describe("Message.emlStream", () => {
  it.effect.prop(
    "is the same message as Message.eml makes of its bytes, in pieces of any size, twice",
    [Lines, Schema.Literals(["\r\n", "\n", "\r"]), Schema.Literals([1, 2, 3, 7, 60, 4096]), Schema.Boolean],
    ([lines, lineEnd, size, changes]) =>
      Effect.gen(function* () {
        const source = bytes([...header, "", join(lines)].join(lineEnd))
        const options = { removeBcc: changes, addMissing: changes }
        const whole = yield* render(Message.eml(source, options))
        const streamed = yield* render(Message.emlStream(inPieces(source, size), options))
        assert.isUndefined(streamed.body.bytes)
        assert.deepStrictEqual(facts(streamed), facts(whole))
        const expected = string(yield* octets(whole))
        assert.strictEqual(string(yield* octets(streamed)), expected)
        assert.strictEqual(string(yield* octets(streamed)), expected)
      })
  )

  it.effect("knows a line of 998 octets from one of 999, wherever it is cut", () =>
    Effect.gen(function* () {
      for (const [length, encoding] of [
        [998, "7bit"],
        [999, "binary"]
      ] as const) {
        const source = bytes([...header, "", "x".repeat(length), ""].join("\r\n"))
        for (const size of [1, 100, 499, 998, 999, 1000, 2000]) {
          const { body } = yield* render(Message.emlStream(inPieces(source, size)))
          assert.deepStrictEqual([body.longestLine, body.encoding], [length, encoding], `${length} in ${size}`)
        }
      }
    })
  )

  it.effect("may be a header alone, with or without its empty line", () =>
    Effect.gen(function* () {
      for (const end of ["", "\r\n", "\r\n\r\n"]) {
        const source = `${header.join("\r\n")}${end}`
        assert.strictEqual(yield* text(Message.emlStream(inPieces(bytes(source), 5))), source)
      }
    })
  )

  it.effect("is never held: of a large message the header and little more is in memory", () =>
    Effect.gen(function* () {
      let open = 0
      let most = 0
      const piece = bytes(`${"x".repeat(70)}\r\n`.repeat(1000))
      const pieces = Stream.fromIterable(
        Array.from({ length: 100 }, () => piece),
        { chunkSize: 1 }
      ).pipe(
        Stream.map((octets) => {
          most = Math.max(most, ++open)
          return octets
        })
      )
      const parcel = yield* render(
        Message.emlStream(Stream.concat(Stream.succeed(bytes(`${header.join("\r\n")}\r\n\r\n`)), pieces))
      )
      assert.strictEqual(parcel.body.size, piece.length * 100 + header.join("\r\n").length + 4)
      open = 0
      most = 0
      yield* Stream.runForEach(parcel.body.stream, () => Effect.sync(() => open--))
      assert.isAtMost(most, 2)
    })
  )

  it.effect("derives its envelope, and can be given one", () =>
    Effect.gen(function* () {
      const source = inPieces(bytes([...header, "", "x", ""].join("\n")), 10)
      assert.deepStrictEqual(recipients(yield* render(Message.emlStream(source))), [
        "bob@example.com",
        "eve@example.com"
      ])
      const given = yield* render(Message.emlStream(source, { envelope: { from: "", to: "x@example.org" } }))
      assert.deepStrictEqual([given.envelope.reversePath, recipients(given)], ["", ["x@example.org"]])
      const piped = yield* render(Message.envelope(Message.emlStream(source), { to: "y@example.org" }))
      assert.deepStrictEqual(recipients(piped), ["y@example.org"])
    })
  )

  it.effect("can be signed", () =>
    Effect.gen(function* () {
      const key = Redacted.make("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
      const signer = yield* Dkim.signer({ domain: "example.com", selector: "a", key })
      const source = bytes([...header, "", "Hi", ""].join("\n"))
      const sign = Dkim.sign({ signers: [signer] })
      const [streamed, whole] = yield* Effect.all([
        Effect.flatMap(render(Message.emlStream(inPieces(source, 3))), sign),
        Effect.flatMap(render(Message.eml(source)), sign)
      ])
      assert.strictEqual(string(yield* octets(streamed)), string(yield* octets(whole)))
    })
  )

  it.effect("fails typed when its stream does, at first or later, or gives another message", () =>
    Effect.gen(function* () {
      const source = bytes([...header, "", "Hi", ""].join("\n"))
      const broken = Message.emlStream(Stream.concat(inPieces(source, 5), Stream.fail(new Error("the disk is gone"))))
      assert.deepStrictEqual(yield* refused(broken), ["unreadable-stream", undefined, undefined])
      let now = source
      const parcel = yield* render(Message.emlStream(Stream.suspend(() => inPieces(now, 5)))).pipe(Random.withSeed("x"))
      for (const other of ["Hi\nthere", "H"]) {
        now = bytes([...header, "", other, ""].join("\n"))
        assert.deepStrictEqual(refusal(yield* Effect.result(octets(parcel))), [
          "unreadable-stream",
          undefined,
          undefined
        ])
      }
    })
  )

  it.effect("MSG-027: is refused when it begins with no header, or with one that does not end", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* refused(Message.emlStream(inPieces(bytes("Hello\n\nTo: b@x.com\n"), 4))), [
        "bad-header",
        "header",
        0
      ])
      const endless = Stream.forever(Stream.succeed(bytes("X: y\r\n".repeat(10_000))))
      assert.deepStrictEqual(yield* refused(Message.emlStream(endless)), ["too-long", "header", undefined])
    })
  )

  it.effect(
    "finds the end of a header of 3 MB in single octets: what took more than linear time would take hours",
    () =>
      Effect.gen(function* () {
        const source = bytes(`${header.join("\r\n")}\r\n${"X: y\r\n".repeat(500_000)}\r\nHi\r\n`)
        const singles = Stream.fromIterable({
          *[Symbol.iterator]() {
            for (let i = 0; i < source.length; i++) yield source.subarray(i, i + 1)
          }
        })
        assert.strictEqual((yield* render(Message.emlStream(singles))).body.size, source.length)
      }),
    120_000
  )
})
