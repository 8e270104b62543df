/** Where the server takes BINARYMIME: what is composed without encoding, what is not, and that it is read as it was. */
import * as Attachment from "@effect-mail/message/Attachment"
import * as Bounce from "@effect-mail/message/Bounce"
import * as Dkim from "@effect-mail/message/Dkim"
import * as Encoding from "@effect-mail/message/Encoding"
import * as Message from "@effect-mail/message/Message"
import type * as Parcel from "@effect-mail/message/Parcel"
import * as Report from "@effect-mail/message/Report"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Result, Schema, Stream } from "effect"
import * as Readers from "./support/readers.ts"
import { base, octets, refused, render, renderings } from "./support/render.ts"
import { bytes, join } from "./support/texts.ts"

const toOurRelay = Effect.provideService(Encoding.CurrentWidest, "binary")

const latin1 = (octets: Uint8Array): string => Buffer.from(octets).toString("latin1")

const rendered = (message: Message.Message) => Effect.flatMap(toOurRelay(render(message)), octets)

const encodings = (all: Uint8Array): ReadonlyArray<string | undefined> =>
  Array.from(latin1(all).matchAll(/^Content-Transfer-Encoding: (.*)\r$/gm), ([, encoding]) => encoding)

const boundaryOf = (all: Uint8Array): string => /boundary="([^"]+)"/.exec(latin1(all))?.[1] ?? ""

const everything = Uint8Array.from({ length: 1024 }, (_, i) => (i * 37) & 255)

const file = { content: everything, name: "a.bin" } as const

const withText = Message.text(base, "Hi")

// What could be taken for the end of a part or of a message, between octets of all kinds.
const Content = Schema.Array(
  Schema.Literals([
    "\r",
    "\n",
    "\r\n",
    "\0",
    "--",
    "\r\n--",
    "=_",
    "\r\n.\r\n",
    "\r\n\r\n",
    "--=_",
    ".1",
    "\xff",
    "é",
    "x"
  ])
).check(Schema.isMaxLength(80))

const Files = Schema.Array(Schema.Struct({ content: Content, streamed: Schema.Boolean })).check(
  Schema.isMinLength(1),
  Schema.isMaxLength(3)
)

const contentsOf = (files: typeof Files.Type) => files.map(({ content }) => Buffer.from(join(content), "latin1"))

const messageOf = (files: typeof Files.Type, text: string | undefined) =>
  contentsOf(files).reduce<Message.Composed>(
    (message, content, i) =>
      Message.attach(
        message,
        files[i]?.streamed === true
          ? Attachment.stream(Stream.fromIterable([content.subarray(0, 7), content.subarray(7)]), {
              name: `${i}.bin`,
              size: content.length
            })
          : { content, name: `${i}.bin` }
      ),
    Message.make({ from: "ada@example.com", to: "bob@example.com", text })
  )

describe("SMTP-155: where binary is allowed", () => {
  it.effect("attachments go out as they are, every multipart around them says so, and text stays what it takes", () =>
    Effect.gen(function* () {
      const { body } = yield* toOurRelay(render(Message.attach(withText, file)))
      const all = body.bytes ?? new Uint8Array()
      assert.deepStrictEqual(encodings(all), ["binary", "7bit", "binary"])
      assert.include(latin1(all), `\r\n\r\n${latin1(everything)}\r\n--${boundaryOf(all)}--\r\n`)
      assert.deepStrictEqual(
        [body.encoding, body.utf8Headers, body.dotFree, body.size],
        ["binary", false, false, all.length]
      )
    })
  )

  it.effect("text with NUL or a line above 998 octets does, too; other text is 7bit or 8bit", () =>
    Effect.gen(function* () {
      for (const [text, encoding] of [
        ["Hi", "7bit"],
        ["é", "8bit"],
        ["NUL: \0", "binary"],
        ["x".repeat(999), "binary"],
        [`é${"x".repeat(996)}`, "8bit"]
      ] as const) {
        const parcel = yield* toOurRelay(render(Message.text(base, text)))
        assert.deepStrictEqual(encodings(parcel.body.bytes ?? new Uint8Array()), [encoding])
        assert.strictEqual(parcel.body.encoding, encoding)
      }
    })
  )

  it.effect("a multipart of nothing but 8bit is 8bit", () =>
    Effect.gen(function* () {
      const all = yield* rendered(base.pipe(Message.text("é"), Message.html("<p>x</p>")))
      assert.deepStrictEqual(encodings(all), ["8bit", "8bit", "7bit"])
    })
  )

  it.effect("MIME-022: a text file whose lines do not end in CRLF stays in base64, and arrives as it was", () =>
    Effect.gen(function* () {
      const encodingOf = (content: string, streamed = false) =>
        Effect.map(
          rendered(
            Message.attach(
              withText,
              streamed
                ? Attachment.stream(Stream.succeed(bytes(content)), { name: "a.txt", size: content.length })
                : { content, name: "a.txt" }
            )
          ),
          (all) => encodings(all).at(-1)
        )
      assert.strictEqual(yield* encodingOf("a\nb"), "base64")
      assert.strictEqual(yield* encodingOf("a\rb"), "base64")
      assert.strictEqual(yield* encodingOf("a\r\nb"), "binary")
      // Nobody has looked at it.
      assert.strictEqual(yield* encodingOf("a\r\nb", true), "base64")
    })
  )

  it.effect("an empty file stays in base64, as mailparser and postal-mime would give it a line end", () =>
    Effect.gen(function* () {
      const message = base.pipe(
        Message.attach({ content: "", name: "a.bin" }),
        Message.attach(Attachment.stream(Stream.empty, { name: "b.bin", size: 0 }))
      )
      assert.deepStrictEqual(encodings(yield* rendered(message)), ["base64", "base64"])
    })
  )

  it.effect("MIME-020: a message with NUL or long lines can be attached as a message", () =>
    Effect.gen(function* () {
      const message = Message.attach(base, { content: `Subject: a\n\n${"x".repeat(999)}\0`, type: "message/rfc822" })
      assert.deepStrictEqual(encodings(yield* rendered(message)), ["binary", "binary"])
      assert.deepStrictEqual(yield* refused(message), ["bad-attachment", "attachments[0]", undefined])
    })
  )

  it.effect("SMTP-154: with one stream of unknown size nothing is binary, since BDAT announces the size", () =>
    Effect.gen(function* () {
      const message = withText.pipe(
        Message.attach(file),
        Message.attach(Attachment.stream(Stream.succeed(everything), { name: "b.bin" }))
      )
      const { body } = yield* toOurRelay(render(message))
      assert.deepStrictEqual([body.encoding, body.size], ["7bit", undefined])
      assert.deepStrictEqual(encodings(yield* rendered(message)), ["7bit", "base64", "base64"])
    })
  )

  it.effect("a stream is sent as it came, its pieces copied, as they may be filled anew", () =>
    Effect.gen(function* () {
      const piece = new Uint8Array(100_000)
      const pieces = Stream.map(Stream.fromIterable([1, 2, 3], { chunkSize: 1 }), (value) => piece.fill(value))
      const parcel = yield* toOurRelay(
        render(Message.attach(withText, Attachment.stream(pieces, { name: "b.bin", size: 300_000 })))
      )
      const all = yield* octets(parcel)
      assert.deepStrictEqual([parcel.body.encoding, parcel.body.size], ["binary", all.length])
      assert.include(latin1(all), ["\x01", "\x02", "\x03"].map((char) => char.repeat(100_000)).join(""))
    })
  )

  it.effect("a stream that gives more or less than it said fails", () =>
    Effect.gen(function* () {
      for (const size of [1023, 1025]) {
        const attachment = Attachment.stream(Stream.succeed(everything), { name: "b.bin", size })
        const parcel = yield* toOurRelay(render(Message.attach(withText, attachment)))
        const error = yield* Effect.flip(octets(parcel))
        assert.deepStrictEqual([error.reason, error.field], ["bad-attachment", "attachments[0].content"])
      }
    })
  )

  it.effect("a file alone has a boundary behind it, so that a server may end the last line", () =>
    Effect.gen(function* () {
      const all = yield* rendered(Message.attach(base, file))
      assert.deepStrictEqual(encodings(all), ["binary", "binary"])
      assert.isTrue(latin1(all).endsWith(`\r\n--${boundaryOf(all)}--\r\n`))
      assert.deepStrictEqual(encodings(Uint8Array.from((yield* render(Message.attach(base, file))).body.bytes ?? [])), [
        "base64"
      ])
    })
  )

  it.effect("MIME-007: another boundary is taken when a file holds the first one", () =>
    Effect.gen(function* () {
      const first = boundaryOf(yield* rendered(Message.attach(withText, file)))
      const content = Buffer.concat([everything, Buffer.from(`\r\n--${first}--\r\n`), everything])
      const all = yield* rendered(Message.attach(withText, { content, name: "a.bin" }))
      assert.notStrictEqual(boundaryOf(all), first)
      assert.deepStrictEqual(
        (yield* Effect.promise(() => Readers.mailparser(all))).files.map(({ content }) => content),
        [content.toString("hex")]
      )
    })
  )
})

describe("a binary message is read as it was written", () => {
  const hexes = (files: typeof Files.Type) => contentsOf(files).map((content) => content.toString("hex"))
  const Text = Schema.UndefinedOr(Schema.Literals(["Hi", "Grüße", "x".repeat(1200)]))

  it.effect.prop("by mailparser", [Files, Text], ([files, text]) =>
    Effect.gen(function* () {
      const parcel = yield* toOurRelay(render(messageOf(files, text)))
      const all = yield* octets(parcel)
      assert.strictEqual(parcel.body.size, all.length)
      const found = yield* Effect.promise(() => Readers.mailparser(all))
      assert.deepStrictEqual([found.text, found.files.map(({ content }) => content)], [text ?? "", hexes(files)])
    })
  )

  it.effect.prop(
    "by Python's email (skipped where there is no python3)",
    [Schema.Array(Files).check(Schema.isMinLength(30), Schema.isMaxLength(40)), Text],
    ([all, text]) =>
      Effect.gen(function* () {
        if (!Readers.hasPython) return
        const found = Readers.python(yield* Effect.forEach(all, (files) => rendered(messageOf(files, text))))
        assert.deepStrictEqual(
          found.map(({ files, text }) => [text, files.map(({ content }) => content)]),
          all.map((files) => [text ?? "", hexes(files)])
        )
      }),
    { arbitrary: { runs: 3, maxShrinks: 0 }, timeout: 60_000 }
  )

  // It divides every part into lines, binary ones too, and ends each with LF: a reason why nothing is binary by itself.
  it.effect.prop("by postal-mime, but for its line ends", [Files, Text], ([files, text]) =>
    Effect.gen(function* () {
      const all = yield* rendered(messageOf(files, text))
      const found = yield* Effect.promise(() => Readers.postalMime(all))
      const unbroken = (hex: string) => latin1(Buffer.from(hex, "hex")).replace(/[\r\n]/g, "")
      assert.deepStrictEqual(
        [found.text, found.files.map(({ content }) => unbroken(content))],
        [text ?? "", hexes(files).map(unbroken)]
      )
    })
  )
})

describe("what else happens to a binary message", () => {
  const signer = Dkim.signer({
    domain: "example.com",
    selector: "2030a",
    key: Redacted.make(Buffer.alloc(32, 7).toString("base64"))
  })
  const signed = (parcel: Parcel.Parcel) =>
    Effect.flatMap(signer, (one) => Effect.result(Dkim.sign({ signers: [one] })(parcel)))

  it.effect("DKIM-015: it is signed as 7bit, and sent so", () =>
    Effect.gen(function* () {
      for (const content of ["a\nb", "a\rb", "\r", "a\0b"]) {
        for (const attachment of [
          { content, name: "a.bin" },
          Attachment.stream(Stream.fromIterable(Array.from(content, bytes)), { name: "a.bin", size: content.length })
        ]) {
          const parcel = Result.getOrThrow(
            yield* signed(yield* toOurRelay(render(Message.attach(withText, attachment))))
          )
          assert.deepStrictEqual(
            renderings(parcel).map(({ body }) => body.encoding),
            ["7bit"]
          )
          assert.deepStrictEqual(encodings(yield* octets(parcel)), ["7bit", "base64"])
        }
      }
    })
  )

  const longMessage = { content: `Subject: a\n\n${"x".repeat(999)}`, type: "message/rfc822" }

  it.effect(
    "DKIM-015: it is not signed when a CR or an LF stands alone beside a message that must not be encoded",
    () =>
      Effect.gen(function* () {
        for (const [content, found] of [
          ["a\nb", "LF"],
          ["a\rb", "CR"]
        ] as const) {
          const message = withText.pipe(Message.attach(longMessage), Message.attach({ content, name: "a.bin" }))
          const error = Result.getOrThrow(Result.flip(yield* signed(yield* toOurRelay(render(message)))))
          assert.strictEqual(error._tag === "DkimError" && error.reason, "bare-line-end")
          assert.match(error.message, new RegExp(`^A ${found} stands alone at octet \\d+ of the message`))
        }
      })
  )

  it.effect("DKIM-015: one that is made of lines is signed, and so is a ready one", () =>
    Effect.gen(function* () {
      const ready = bytes(`From: ada@example.com\r\nTo: bob@example.com\r\n\r\n${"x".repeat(1200)}\r\n`)
      for (const message of [Message.attach(withText, longMessage), Message.eml(ready)]) {
        const parcel = yield* toOurRelay(render(message))
        assert.strictEqual(parcel.body.encoding, "binary")
        assert.strictEqual(Result.getOrThrow(yield* signed(parcel)).body.encoding, "binary")
      }
    })
  )

  it.effect("a bounce about it goes to any server, whatever its header holds", () =>
    Effect.gen(function* () {
      const ready = bytes(`From: ada@example.com\r\nTo: bob@example.com\r\nX-Long: ${"x".repeat(1200)}\r\n\r\nHi\r\n`)
      const about = yield* render(Message.eml(ready))
      assert.strictEqual(about.body.encoding, "binary")
      const bounce = yield* render(
        yield* Bounce.compose({
          reportingMta: "mail.example.com",
          original: about,
          recipients: [
            { finalRecipient: { type: "rfc822", value: "bob@example.com" }, action: "failed", status: "5.6.3" }
          ]
        })
      )
      assert.strictEqual(bounce.body.encoding, "7bit")
      const all = yield* octets(bounce)
      assert.include(encodings(all), "quoted-printable")
      const report = yield* Report.parse(all)
      assert.include(JSON.stringify(report), `"${"x".repeat(1200)}"`)
    })
  )
})
