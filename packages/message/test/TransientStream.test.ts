import * as Attachment from "@effect-mail/message/Attachment"
import * as Encoding from "@effect-mail/message/Encoding"
import * as Message from "@effect-mail/message/Message"
import * as Parcel from "@effect-mail/message/Parcel"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Pull, Schema, Stream } from "effect"
import { base, octets, render } from "./support/render.ts"

const string = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1")

const content = (size: number): Uint8Array => new Uint8Array(size).map((_, i) => (i * 7919) >> 5)

// As `Attachment.file` reads a file: every piece in the same array, which is filled when it is asked for.
const inOneArray = (bytes: Uint8Array, size: number): Stream.Stream<Uint8Array> =>
  Stream.suspend(() => {
    const array = new Uint8Array(size)
    const starts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => i * size)
    return Stream.fromIterable(starts, { chunkSize: 1 }).pipe(
      Stream.map((start) => {
        const piece = bytes.subarray(start, start + size)
        array.fill(0).set(piece)
        return array.subarray(0, piece.length)
      })
    )
  })

const name = "a.bin"

const withAttachments = (...attachments: ReadonlyArray<Attachment.Attachment>) =>
  attachments.reduce((message, attachment) => Message.attach(message, attachment), Message.text(base, "see below\n"))

// What somebody gets who is done with each piece before he asks for the next.
const passed = (body: Parcel.Body) =>
  Effect.map(
    Stream.runFold(
      Parcel.transientStream(body),
      (): Array<string> => [],
      (all, piece) => {
        all.push(string(piece))
        return all
      }
    ),
    (all) => all.join("")
  )

const large = withAttachments(
  Attachment.stream(inOneArray(content(900_000), 50_000), { name: "1.bin", size: 900_000 }),
  { name: "2.bin", content: content(900_000) },
  { name: "3.txt", content: "held" }
)

describe("the transient stream of a body", () => {
  it.effect.prop(
    "has the octets of the stream, for attachments of any size in pieces of any size",
    [
      Schema.Literals([0, 1, 56, 57, 58, 14_592, 47_879, 47_880, 47_881, 95_760, 200_003]),
      Schema.Literals([57, 1000, 14_592, 50_000])
    ],
    ([size, piece]) =>
      Effect.gen(function* () {
        const bytes = content(size)
        const streamed = Attachment.stream(inOneArray(bytes, piece), { name })
        for (const attachments of [[streamed], [{ name, content: bytes }], [streamed, { name, content: bytes }]]) {
          const parcel = yield* render(withAttachments(...attachments, streamed))
          assert.isTrue((yield* passed(parcel.body)) === string(yield* octets(parcel)))
        }
      })
  )

  it.effect("has them as they are where binary is allowed", () =>
    Effect.gen(function* () {
      const parcel = yield* Effect.provideService(render(large), Encoding.CurrentWidest, "binary")
      assert.strictEqual(parcel.body.encoding, "binary")
      assert.isTrue((yield* passed(parcel.body)) === string(yield* octets(parcel)))
    })
  )

  it.effect("comes in the same memory again", () =>
    Effect.gen(function* () {
      const { body } = yield* render(large)
      const memory = (stream: Parcel.Body["stream"]) =>
        Stream.runFold(
          stream,
          () => new Set<ArrayBufferLike>(),
          (buffers, piece) => buffers.add(piece.buffer)
        )
      const transient = yield* memory(Parcel.transientStream(body))
      const lasting = yield* memory(body.stream)
      assert.isAtMost(
        Array.from(transient).reduce((sum, { byteLength }) => sum + byteLength, 0),
        200_000
      )
      assert.isAbove(
        Array.from(lasting).reduce((sum, { byteLength }) => sum + byteLength, 0),
        2_000_000
      )
    })
  )

  it.effect("leaves the pieces of the stream alone, which can be kept", () =>
    Effect.gen(function* () {
      const parcel = yield* render(large)
      const kept = yield* Stream.runCollect(parcel.body.stream)
      const before = kept.map(string).join("")
      assert.isTrue((yield* passed(parcel.body)) === before)
      assert.isTrue(kept.map(string).join("") === before)
    })
  )

  it.effect("is read by several at a time, each of whom has memory of his own", () =>
    Effect.gen(function* () {
      const { body } = yield* render(large)
      const readers = yield* Effect.all([0, 1].map(() => Stream.toPull(Parcel.transientStream(body))))
      const texts = readers.map(() => "")
      let open = readers.length
      while (open > 0) {
        // All have their pieces before one of them looks at his.
        const pieces = yield* Effect.forEach(readers, (pull) =>
          Pull.catchDone(pull, () => Effect.succeed<ReadonlyArray<Uint8Array>>([]))
        )
        pieces.forEach((piece, i) => (texts[i] += piece.map(string).join("")))
        open = pieces.filter((piece) => piece.length > 0).length
      }
      const all = yield* passed(body)
      assert.deepStrictEqual(
        texts.map((text) => text === all),
        [true, true]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("has the fields that were put in front", () =>
    Effect.gen(function* () {
      const parcel = yield* Effect.provideService(render(large), Encoding.CurrentWidest, "binary")
      const signed = Parcel.prepend(parcel, "X-Signed: yes\r\n")
      for (const widest of ["binary", "7bit"] as const) {
        const [plain, { body }] = [Parcel.narrow(parcel, widest), Parcel.narrow(signed, widest)]
        assert.strictEqual(body.encoding, widest)
        assert.isTrue((yield* passed(body)) === `X-Signed: yes\r\n${string(yield* octets(plain))}`)
        assert.notStrictEqual(Parcel.transientStream(body), body.stream)
      }
    })
  )

  it.effect("is the stream itself when there is another one than the message was rendered with", () =>
    Effect.gen(function* () {
      const { body } = yield* render(large)
      const stream = Stream.map(body.stream, (piece) => piece.map((octet) => octet ^ 1))
      assert.strictEqual(Parcel.transientStream({ ...body, stream }), stream)
      const small = yield* render(Message.text(base, "Hello\n"))
      assert.strictEqual(Parcel.transientStream(small.body), small.body.stream)
    })
  )

  it.effect("fails as the stream does when the size was wrong", () =>
    Effect.gen(function* () {
      for (const size of [99, 101]) {
        const attachment = Attachment.stream(inOneArray(content(100), 30), { name, size })
        const { body } = yield* render(withAttachments(attachment))
        const error = yield* Effect.flip(passed(body))
        assert.deepStrictEqual(error, yield* Effect.flip(Stream.runDrain(body.stream)))
        assert.strictEqual(error.reason, "bad-attachment")
      }
    })
  )
})
