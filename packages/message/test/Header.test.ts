import * as EncodedWord from "@effect-mail/message/EncodedWord"
import * as Header from "@effect-mail/message/Header"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { Anything, bytes, join, Line, refusal } from "./support/texts.ts"

const text = (name: string, value: string) => Result.getOrThrow(Header.unstructured(name, value))
const field = (name: string, value: string) => Result.getOrThrow(Header.field(name, value))

/** What a reader makes of a field: unfolded, the space after the colon left out, encoded-words decoded. */
const readBack = (line: string) =>
  EncodedWord.decode(
    line
      .slice(line.indexOf(":") + 1, -2)
      .replace(/\r\n(?=[ \t])/g, "")
      .replace(/^ /, "")
  )

const assertWellFormed = (line: string) => {
  assert.match(line, /^[!-9;-~]+:(?:[^\r\n\0]*\r\n)(?:[ \t][^\r\n\0]*\r\n)*$/)
  for (const part of line.slice(0, -2).split("\r\n")) {
    assert.isAtMost(bytes(part).length, 998)
    assert.notMatch(part, /^[ \t]*$/)
  }
}

describe("Header names (MSG-002)", () => {
  it("takes printable ASCII without the colon", () => {
    assert.strictEqual(field("X-!#$~", "a"), "X-!#$~: a\r\n")
  })
  it("SMTP-052: refuses everything else, with its position", () => {
    assert.deepStrictEqual(refusal(Header.field("", "a")), ["bad-header", "", 0])
    assert.deepStrictEqual(refusal(Header.field("X Y", "a")), ["bad-header", "X Y", 1])
    assert.deepStrictEqual(refusal(Header.field("X:", "a")), ["bad-header", "X:", 1])
    assert.deepStrictEqual(refusal(Header.field("Xé", "a")), ["bad-header", "X?", 1])
    assert.deepStrictEqual(refusal(Header.field("X\r\nBcc", "a")), ["bad-header", "X??Bcc", 1])
  })
})

describe("Header values (SMTP-052, MSG-020)", () => {
  it("refuses CR, LF and NUL, with their position", () => {
    for (const char of ["\r", "\n", "\0", "\r\n "]) {
      for (const make of [Header.unstructured, Header.field]) {
        assert.deepStrictEqual(refusal(make("X", `ab${char}c`)), ["control-character", "X", 2])
        assert.deepStrictEqual(refusal(make("X", `é${char}c`)), ["control-character", "X", 1])
        assert.deepStrictEqual(refusal(make("X", `ab${char}`)), ["control-character", "X", 2])
      }
      assert.deepStrictEqual(refusal(Header.structured("X", ["a", `b${char}`])), ["control-character", "X", 1])
    }
  })
  it("refuses half of a character, with its position", () => {
    assert.deepStrictEqual(refusal(Header.unstructured("X", "a😀\ud83d")), ["unpaired-surrogate", "X", 3])
    assert.deepStrictEqual(refusal(Header.unstructured("X", "\ude00😀")), ["unpaired-surrogate", "X", 0])
  })
  it.prop("never has a CR or LF but in a fold, whatever comes in", [Anything, Anything], ([name, value]) => {
    for (const make of [Header.unstructured, Header.field]) {
      for (const made of [make("X", join(value)), make(join(name), "a")]) {
        if (Result.isSuccess(made)) assertWellFormed(made.success)
      }
    }
  })
})

describe("Header.unstructured", () => {
  it("writes printable ASCII as it is", () => {
    assert.strictEqual(text("Subject", "Hello, world!"), "Subject: Hello, world!\r\n")
    assert.strictEqual(text("Subject", ""), "Subject:\r\n")
  })
  it("MSG-003: folds before column 78, at white space, which it keeps", () => {
    const long = `${"word ".repeat(14)}a  b${" word".repeat(5)}`
    const line = text("Subject", long)
    assert.strictEqual(line, `Subject:${" word".repeat(14)}\r\n a  b${" word".repeat(5)}\r\n`)
    assert.strictEqual(readBack(line), long)
  })
  it("MIME-015: writes the rest in encoded-words, each line at most 76", () => {
    const line = text("Subject", "Grüße ".repeat(30))
    assertWellFormed(line)
    for (const part of line.split("\r\n")) assert.isAtMost(part.length, 76)
    assert.strictEqual(readBack(line), "Grüße ".repeat(30))
  })
  it("encodes ASCII that would be read as something else", () => {
    for (const value of [" a", "a ", "\ta", "=?utf-8?q?x?=", "a =? b", "   ", "a\x1bb", "x".repeat(998)]) {
      const line = text("Subject", value)
      assertWellFormed(line)
      assert.match(line, /=\?utf-8\?/)
      assert.strictEqual(readBack(line), value)
    }
  })
  it("keeps encoded-words off the line of a long name", () => {
    const line = text(`X-${"N".repeat(70)}`, "é")
    assert.strictEqual(line, `X-${"N".repeat(70)}:\r\n =?utf-8?b?w6k=?=\r\n`)
  })
  it.prop("is read back as it was given", [Line], ([parts]) => {
    const line = text("Subject", join(parts))
    assertWellFormed(line)
    assert.match(line, /^[\t -~\r\n]*$/)
    assert.strictEqual(readBack(line), join(parts))
  })
  it("is linear in white space", () => {
    const blank = " ".repeat(100_000)
    assert.strictEqual(readBack(text("Subject", `a${blank}b`)), `a${blank}b`)
    assert.strictEqual(field("X", `a${blank}`), "X: a\r\n")
  })
})

describe("Header.field and Header.structured", () => {
  it("writes ASCII as it is, encoded-words included", () => {
    assert.strictEqual(field("X-A", "=?utf-8?q?x?= <a@b>"), "X-A: =?utf-8?q?x?= <a@b>\r\n")
    assert.strictEqual(field("X-A", "  a  "), "X-A:  a\r\n")
  })
  it("writes other text in encoded-words", () => {
    assert.strictEqual(field("X-A", "é"), "X-A: =?utf-8?b?w6k=?=\r\n")
  })
  it("V-096: a line of 998 octets passes, one of 999 does not, unless it can be folded", () => {
    assert.strictEqual(field("X", "a".repeat(995)), `X: ${"a".repeat(995)}\r\n`)
    assert.deepStrictEqual(refusal(Header.field("X", "a".repeat(996))), ["too-long", "X", undefined])
    assert.strictEqual(field("X", `b ${"a".repeat(997)}`), `X: b\r\n ${"a".repeat(997)}\r\n`)
    assert.deepStrictEqual(refusal(Header.field("X", `b ${"a".repeat(998)}`)), ["too-long", "X", undefined])
  })
  it("V-096: counts octets, not characters", () => {
    assert.isTrue(Result.isSuccess(Header.structured("X", ["é".repeat(497)])))
    assert.deepStrictEqual(refusal(Header.structured("X", ["é".repeat(498)])), ["too-long", "X", undefined])
  })
  it("leaves the first piece on the line of the name", () => {
    assert.strictEqual(
      Result.getOrThrow(Header.structured("References", [`<${"a".repeat(80)}@b>`, "<c@d>"])),
      `References: <${"a".repeat(80)}@b>\r\n <c@d>\r\n`
    )
  })
})
