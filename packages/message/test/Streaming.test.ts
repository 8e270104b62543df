import * as Attachment from "@effect-mail/message/Attachment"
import * as Message from "@effect-mail/message/Message"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Random, Schema, Stream } from "effect"
import PostalMime from "postal-mime"
import { files } from "./support/files.ts"
import { base, octets, refused, render } from "./support/render.ts"
import { refusal, string } from "./support/texts.ts"

const content = (size: number): Uint8Array => new Uint8Array(size).map((_, i) => (i * 7919) >> 5)

const inPieces = (bytes: Uint8Array, size: number): Stream.Stream<Uint8Array> =>
  Stream.fromIterable(
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
  )

const withText = Message.text(base, "see below\n")

const attached = (attachment: Attachment.Attachment) => render(Message.attach(withText, attachment))

const name = "a.bin"

describe("an attachment of a stream", () => {
  it.effect.prop(
    "is written as the same bytes at hand would be, in pieces of any size",
    [
      Schema.Literals([0, 1, 56, 57, 58, 113, 114, 400, 14_591, 14_592, 14_593, 14_650, 29_184, 40_001]),
      Schema.Literals([57, 58, 1000, 14_592, 14_593, 50_000])
    ],
    ([size, piece]) =>
      Effect.gen(function* () {
        const bytes = content(size)
        const held = yield* attached({ name, content: bytes })
        for (const known of [size, undefined]) {
          const streamed = yield* attached(Attachment.stream(inPieces(bytes, piece), { name, size: known }))
          assert.strictEqual(string(yield* octets(streamed)), string(yield* octets(held)))
          assert.strictEqual(streamed.body.size, known === undefined ? undefined : held.body.size)
        }
      })
  )

  it.effect("is the same when it comes in single octets", () =>
    Effect.gen(function* () {
      const bytes = content(400)
      const streamed = yield* attached(Attachment.stream(inPieces(bytes, 1), { name }))
      assert.strictEqual(
        string(yield* octets(streamed)),
        string(yield* octets(yield* attached({ name, content: bytes })))
      )
    })
  )

  it.effect("is the same when all its pieces come in one buffer", () =>
    Effect.gen(function* () {
      const bytes = content(100_000)
      const sizes = [57, 56, 1000, 14_593, 50_000, 50_001]
      for (const [i, size] of sizes.entries()) {
        const reused = Stream.suspend(() => {
          const buffer = i % 2 === 0 ? new Uint8Array(size) : Buffer.alloc(size)
          return inPieces(bytes, size).pipe(
            Stream.rechunk(1),
            Stream.map((piece) => {
              buffer.fill(0).set(piece)
              return buffer.subarray(0, piece.length)
            })
          )
        })
        const streamed = yield* attached(Attachment.stream(reused, { name }))
        const held = yield* attached({ name, content: bytes })
        assert.strictEqual(string(yield* octets(streamed)), string(yield* octets(held)))
      }
    })
  )

  it.effect("has the facts of base64, and can be sent again", () =>
    Effect.gen(function* () {
      const { body } = yield* attached(Attachment.stream(inPieces(content(100_000), 4096), { name }))
      const { bytes, dotFree, encoding, longestLine, size, utf8Headers } = body
      assert.deepStrictEqual(
        { bytes, dotFree, encoding, longestLine: longestLine === undefined ? 0 : longestLine <= 78, size, utf8Headers },
        { bytes: undefined, dotFree: true, encoding: "7bit", longestLine: true, size: undefined, utf8Headers: false }
      )
      const parcel = yield* attached(Attachment.stream(inPieces(content(100_000), 4096), { name }))
      assert.strictEqual(string(yield* octets(parcel)), string(yield* octets(parcel)))
    })
  )

  it.effect("is read by postal-mime, among others and twice", () =>
    Effect.gen(function* () {
      const big = content(200_000)
      const message = withText.pipe(
        Message.attach(Attachment.stream(inPieces(big, 1000), { name: "1.bin" })),
        Message.attach({ name: "2.txt", content: "held" }),
        Message.attach(Attachment.stream(Stream.empty, { name: "3.bin" })),
        Message.attach(Attachment.stream(inPieces(big, 65_536), { name: "4.bin", size: big.length }))
      )
      const all = yield* Effect.flatMap(render(message), octets)
      const { attachments, text } = yield* Effect.promise(() => PostalMime.parse(all))
      assert.strictEqual(text?.trimEnd(), "see below")
      assert.deepStrictEqual(
        attachments.map(({ content, filename }) => [
          filename,
          content instanceof ArrayBuffer ? content.byteLength : -1
        ]),
        [
          ["1.bin", 200_000],
          ["2.txt", 4],
          ["3.bin", 0],
          ["4.bin", 200_000]
        ]
      )
      for (const i of [0, 3]) {
        const read = attachments[i]?.content
        assert.isTrue(read instanceof ArrayBuffer && Buffer.from(read).equals(Buffer.from(big)))
      }
    })
  )

  it.effect("that fails half-way fails the body, typed, each time", () =>
    Effect.gen(function* () {
      class Gone extends Error {}
      const stream = Stream.concat(inPieces(content(5000), 1000), Stream.fail(new Gone("the disk is gone")))
      const parcel = yield* attached(Attachment.stream(stream, { name }))
      for (let run = 0; run < 2; run++) {
        const result = yield* Effect.result(octets(parcel))
        assert.deepStrictEqual(refusal(result), ["unreadable-stream", undefined, undefined])
      }
      assert.include((yield* Effect.flip(octets(parcel))).message, "the disk is gone")
      const odd = yield* attached(Attachment.stream(Stream.fail("no reason"), { name }))
      assert.strictEqual((yield* Effect.flip(octets(odd))).message, "no reason")
    })
  )

  it.effect("that gives more or less than it said fails before the message seems whole", () =>
    Effect.gen(function* () {
      for (const size of [0, 99, 101]) {
        const parcel = yield* attached(Attachment.stream(inPieces(content(100), 30), { name, size }))
        const error = yield* Effect.flip(octets(parcel))
        assert.deepStrictEqual([error.reason, error.field], ["bad-attachment", "attachments[0].content"])
      }
    })
  )

  it.effect("is not held: no more than 20 KB is ahead of what was sent, and small pieces are sent together", () =>
    Effect.gen(function* () {
      for (const size of [100, 5000, 60_000]) {
        let produced = 0
        const piece = content(size)
        const endless = Stream.fromEffectRepeat(
          Effect.sync(() => {
            produced += size
            return piece
          })
        )
        const { body } = yield* attached(Attachment.stream(endless, { name }))
        const sizes = yield* body.stream.pipe(
          Stream.map((octets) => octets.length),
          Stream.take(30),
          Stream.runCollect
        )
        const sent = sizes.reduce((sum, size) => sum + size, 0)
        assert.isAtMost(produced - (sent * 57) / 78, Math.max(20_000, size + 1000))
        for (const octets of sizes.slice(1)) assert.isAtLeast(octets, 14_000)
      }
    })
  )

  it.effect("refuses sizes that are none, and what is no stream", () =>
    Effect.gen(function* () {
      for (const size of [-1, 1.5, Number.NaN, Infinity]) {
        assert.deepStrictEqual(yield* refused(Message.attach(base, Attachment.stream(Stream.empty, { size }))), [
          "bad-attachment",
          "attachments[0].content",
          undefined
        ])
      }
      // What a caller without types may give.
      for (const wrong of [null, undefined, 7, {}, { path: "/etc/passwd" }, { href: "https://example.com/" }]) {
        const attachment = { content: wrong } as unknown as Attachment.Attachment
        assert.deepStrictEqual(yield* refused(Message.attach(base, attachment)), [
          "bad-attachment",
          "attachments[0].content",
          undefined
        ])
      }
    })
  )

  it.effect("MIME-020: cannot be a message, which must not be encoded", () =>
    Effect.gen(function* () {
      const eml = Attachment.stream(Stream.empty, { name: "a.eml" })
      assert.deepStrictEqual(yield* refused(Message.attach(base, eml)), ["bad-attachment", "attachments[0]", undefined])
    })
  )

  it.effect("a thousand of them are sent", () =>
    Effect.gen(function* () {
      const attachments = Array.from({ length: 1000 }, (_, i) =>
        Attachment.stream(inPieces(content(100), 60), { name: `${i}.bin` })
      )
      const message = Message.make({ from: "ada@example.com", to: "bob@example.com", attachments })
      const all = yield* Effect.flatMap(render(message), octets)
      const read = yield* Effect.promise(() => PostalMime.parse(all))
      assert.strictEqual(read.attachments.length, 1000)
    })
  )
})

describe("Attachment.file", () => {
  const large = content(65_537)

  it.effect("streams what is larger than 64 KiB, with its size", () =>
    Effect.gen(function* () {
      const attachment = yield* Attachment.file("/a/large.bin")
      assert.strictEqual(attachment.name, "large.bin")
      assert.isFalse(attachment.content instanceof Uint8Array)
      const streamed = yield* attached(attachment)
      const held = yield* attached({ name: "large.bin", content: large })
      assert.strictEqual(streamed.body.size, held.body.size)
      assert.isUndefined(streamed.body.bytes)
      assert.strictEqual(string(yield* octets(streamed)), string(yield* octets(held)))
    }).pipe(Effect.provide(files(() => large)))
  )

  it.effect("holds one buffer of 256 KiB for as long as a file is sent, and a new one when it is sent again", () => {
    const buffers = new Set<ArrayBufferLike>()
    let reads = 0
    const onRead = ({ buffer }: Uint8Array): void => {
      reads++
      buffers.add(buffer)
    }
    return Effect.gen(function* () {
      const parcel = yield* attached(yield* Attachment.file("/a/large.bin"))
      for (const sent of [1, 2]) {
        yield* Stream.runDrain(parcel.body.stream)
        assert.deepStrictEqual([buffers.size, reads], [sent, sent * 8])
      }
      assert.deepStrictEqual(new Set([...buffers].map(({ byteLength }) => byteLength)), new Set([262_144]))
    }).pipe(Effect.provide(files(() => large, "File", onRead)))
  })

  it.effect("reads what is smaller, and what is no plain file", () =>
    Effect.gen(function* () {
      const read = (bytes: Uint8Array, type: "File" | "FIFO") =>
        Effect.provide(
          Attachment.file("/a"),
          files(() => bytes, type)
        )
      const small = large.subarray(1)
      assert.deepStrictEqual((yield* read(small, "File")).content, small)
      assert.deepStrictEqual((yield* read(large, "FIFO")).content, large)
    })
  )

  it.effect("fails typed when the file changes or goes before the message is sent", () =>
    Effect.gen(function* () {
      let now: Uint8Array | undefined = large
      const attachment = yield* Effect.provide(
        Attachment.file("/a/large.bin"),
        files(() => now)
      )
      const parcel = yield* attached(attachment).pipe(Random.withSeed("x"))
      now = large.subarray(2)
      assert.strictEqual((yield* Effect.flip(octets(parcel))).reason, "bad-attachment")
      now = undefined
      assert.deepStrictEqual(refusal(yield* Effect.result(octets(parcel))), [
        "unreadable-file",
        "/a/large.bin",
        undefined
      ])
    })
  )
})
