import * as Attachment from "@effect-mail/message/Attachment"
import * as Message from "@effect-mail/message/Message"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, PlatformError } from "effect"
import { base, refused, render, text } from "./support/render.ts"
import { bytes, refusal } from "./support/texts.ts"

/** The header lines of a message that is nothing but this attachment. */
const described = (attachment: Attachment.Attachment) =>
  Effect.map(text(Message.attach(base, attachment)), (all) =>
    all
      .slice(all.indexOf("Content-Type"), all.indexOf("\r\n\r\n"))
      .replace(/\r\n(?=[ \t])/g, "")
      .split("\r\n")
  )

const first = (attachment: Attachment.Attachment) => Effect.map(described(attachment), ([line]) => line)

const refusedAs = (attachment: Attachment.Attachment) => refused(Message.attach(base, attachment))

const eml = (content: string) => Message.attach(Message.text(base, "a"), { content, name: "a.eml" })

describe("Attachment.file", () => {
  const files = FileSystem.layerNoop({
    readFile: (path) =>
      path.endsWith("report.pdf")
        ? Effect.succeed(bytes(path))
        : Effect.fail(
            PlatformError.systemError({
              _tag: "NotFound",
              module: "FileSystem",
              method: "readFile",
              pathOrDescriptor: path
            })
          )
  })
  it.effect("reads a file and is named after it", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Attachment.file("/a/b/report.pdf"), {
        name: "report.pdf",
        content: bytes("/a/b/report.pdf")
      })
      assert.deepStrictEqual(yield* Attachment.file("C:\\a\\report.pdf", { name: "x.bin", type: "a/b" }), {
        name: "x.bin",
        type: "a/b",
        content: bytes("C:\\a\\report.pdf")
      })
    }).pipe(Effect.provide(files))
  )
  it.effect("fails with what the file system says", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(refusal(yield* Effect.result(Attachment.file("/missing"))), [
        "unreadable-file",
        "/missing",
        undefined
      ])
    }).pipe(Effect.provide(files))
  )
})

describe("Attachments", () => {
  it.effect("MIME-012: are described by type, disposition, name and id", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* described({ content: "a", name: "My file.PDF" }), [
        'Content-Type: application/pdf; name="My file.PDF"',
        "Content-Transfer-Encoding: base64",
        'Content-Disposition: attachment; filename="My file.PDF"'
      ])
      assert.deepStrictEqual(yield* described({ content: "a", type: "image/png", cid: "a@b", disposition: "inline" }), [
        "Content-Type: image/png",
        "Content-Transfer-Encoding: base64",
        "Content-Disposition: inline",
        "Content-ID: <a@b>"
      ])
    })
  )
  it.effect("take their type from the name unless it is given, parameters included", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* first({ content: bytes("a") }), "Content-Type: application/octet-stream")
      assert.strictEqual(
        yield* first({ content: bytes("a"), name: "a.tar.gz" }),
        "Content-Type: application/gzip; name=a.tar.gz"
      )
      assert.strictEqual(
        yield* first({ content: bytes("a"), name: "txt" }),
        "Content-Type: application/octet-stream; name=txt"
      )
      assert.strictEqual(
        yield* first({ content: "a", type: 'Text/Calendar; method=REQUEST; charset="us-ascii"' }),
        "Content-Type: text/calendar; method=REQUEST; charset=us-ascii"
      )
      assert.strictEqual(
        yield* first({ content: "a", name: "a.csv" }),
        "Content-Type: text/csv; charset=utf-8; name=a.csv"
      )
      assert.strictEqual(yield* first({ content: bytes("a"), name: "a.csv" }), "Content-Type: text/csv; name=a.csv")
    })
  )
  it.effect("MIME-012: lose the directory of their name", () =>
    Effect.gen(function* () {
      for (const name of ["/etc/x.bin", "..\\..\\x.bin", "C:\\a/b\\x.bin"]) {
        assert.strictEqual(yield* first({ content: "a", name }), "Content-Type: application/octet-stream; name=x.bin")
      }
      assert.deepStrictEqual(yield* refusedAs({ content: "a", name: "a/" }), [
        "bad-attachment",
        "attachments[0].name",
        undefined
      ])
    })
  )
  it.effect("SMTP-052: refuse CR, LF and NUL in name, type and id", () =>
    Effect.gen(function* () {
      for (const char of ["\r\nX: y", "\n", "\0"]) {
        assert.deepStrictEqual(yield* refusedAs({ content: "a", name: `a${char}` }), [
          "control-character",
          "attachments[0].name",
          1
        ])
        assert.deepStrictEqual(yield* refusedAs({ content: "a", type: `a/b${char}` }), [
          "control-character",
          "attachments[0].type",
          3
        ])
        assert.deepStrictEqual(yield* refusedAs({ content: "a", cid: `a${char}` }), [
          "bad-attachment",
          "attachments[0].cid",
          undefined
        ])
      }
    })
  )
  it.effect("refuse what is no media type, and types that are parts of mail", () =>
    Effect.gen(function* () {
      for (const type of ["", "text", "text/", "a b/c", "multipart/mixed; boundary=x"]) {
        assert.deepStrictEqual(yield* refusedAs({ content: "a", type }), [
          "bad-attachment",
          "attachments[0].type",
          undefined
        ])
      }
      assert.deepStrictEqual(yield* refusedAs({ content: "a", type: "a/b; c" }), [
        "bad-header",
        "attachments[0].type",
        6
      ])
      assert.deepStrictEqual(yield* refusedAs({ content: "a\ud800" }), [
        "unpaired-surrogate",
        "attachments[0].content",
        1
      ])
    })
  )
  it.effect("MIME-020: send a message as it is", () =>
    Effect.gen(function* () {
      const all = yield* text(eml("Subject: é\n\n.\n"))
      assert.include(
        all,
        "Content-Transfer-Encoding: 8bit\r\nContent-Disposition: attachment; filename=a.eml\r\n\r\nSubject: é\r\n\r\n.\r\n\r\n--"
      )
      const { body } = yield* render(eml("Subject: é\n\n.\n"))
      assert.deepStrictEqual([body.encoding, body.dotFree, body.utf8Headers], ["8bit", false, false])
      assert.include(yield* text(eml("Subject: e\n\n")), "Content-Transfer-Encoding: 7bit\r\nContent-Disposition")
      for (const content of ["a\0", "a".repeat(999)]) {
        assert.deepStrictEqual(yield* refused(eml(content)), ["bad-attachment", "attachments[0]", undefined])
      }
    })
  )
})
