import * as SaslPrep from "@effect-mail/protocol/SaslPrep"
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"

const prepared = (text: string) => Result.getOrUndefined(SaslPrep.prepare(text))
const refused = (text: string) => {
  const { rule, position } = Result.getOrThrow(Result.flip(SaslPrep.prepare(text)))
  return [rule, position]
}

describe("SaslPrep.prepare (RFC 4013, AUTH-030)", () => {
  it("returns printable ASCII as it is, case included", () => {
    assert.strictEqual(prepared("user"), "user")
    assert.strictEqual(prepared("USER name, =!~"), "USER name, =!~")
    assert.strictEqual(prepared(""), "")
  })
  it("maps the RFC's examples", () => {
    assert.strictEqual(prepared("I\u00adX"), "IX")
    assert.strictEqual(prepared("\u00aa"), "a")
    assert.strictEqual(prepared("\u2168"), "IX")
  })
  it("refuses the RFC's examples, with rule and position", () => {
    assert.deepStrictEqual(refused("\u0007"), ["prohibited", 0])
    assert.deepStrictEqual(refused("\u0627\u0031"), ["bidi", 0])
  })
  it("makes every other space a SPACE and composes accents", () => {
    assert.strictEqual(prepared("a\u00a0b\u3000c\u200bd"), "a b c d")
    assert.strictEqual(prepared("s3cre\u0301t"), "s3cr\u00e9t")
  })
  it("drops what is invisible", () => {
    assert.strictEqual(prepared("a\u034f\u1806\u180b\u200c\u200d\u2060\ufe0f\ufeffb"), "ab")
    assert.strictEqual(prepared("\u00ad"), "")
  })
  it("refuses control, private, non-character and formatting characters where they stand", () => {
    for (const c of ["\0", "\r", "\n", "\x7f", "\u0085", "\u06dd", "\u2028", "\u206a", "\ue000", "\u{10fffd}"]) {
      assert.deepStrictEqual(refused(`\u00e9a${c}`), ["prohibited", 2], c)
    }
    for (const c of ["\ufdd0", "\u{1ffff}", "\ufffd", "\u2ff0", "\u200e", "\u202e", "\u{e0001}", "\u{1d173}"]) {
      assert.deepStrictEqual(refused(`\u00e9a${c}`), ["prohibited", 2], c)
    }
  })
  it("refuses half a surrogate pair", () => {
    assert.deepStrictEqual(refused("\u{1f511}a\ud800"), ["surrogate", 3])
  })
  it("takes right-to-left text that begins and ends so, and no other", () => {
    assert.strictEqual(prepared("\u05d0\u05d1 1\u05d2"), "\u05d0\u05d1 1\u05d2")
    assert.strictEqual(prepared("\u05d0"), "\u05d0")
    assert.deepStrictEqual(refused("1\u05d0"), ["bidi", 0])
    assert.deepStrictEqual(refused("\u05d0\u05d11"), ["bidi", 0])
    assert.deepStrictEqual(refused("\u05d0a\u05d0"), ["bidi", 0])
  })
  it("takes characters that Unicode 3.2 did not know", () => {
    assert.strictEqual(prepared("\u{1f511}\u07ca"), "\u{1f511}\u07ca")
  })
  it("never shows the text in its error", () => {
    const error = Result.getOrThrow(Result.flip(SaslPrep.prepare("hunter2\u0007")))
    assert.notInclude(`${error.toString()} ${error.message} ${JSON.stringify(error)}`, "hunter2")
    assert.include(error.message, "position 7")
  })
  it.prop("what it returns is prepared already", [Schema.String], ([text]) => {
    const once = SaslPrep.prepare(text)
    if (Result.isSuccess(once)) assert.deepStrictEqual(SaslPrep.prepare(once.success), once)
  })
})
