import * as Xtext from "@effect-mail/protocol/Xtext"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const ok = <A>(result: Result.Result<A, Xtext.XtextError>): A => Result.getOrThrow(result)
const fails = <A>(result: Result.Result<A, Xtext.XtextError>): Xtext.XtextError =>
  Result.isFailure(result) ? result.failure : assert.fail(`accepted as ${String(result.success)}`)

describe("xtext", () => {
  it.each([
    ["e=mc2@example.com", "e+3Dmc2@example.com"],
    ["a+b@example.com", "a+2Bb@example.com"],
    ["Bob Smith@x", "Bob+20Smith@x"],
    ["tab\there", "tab+09here"],
    ["é@x", "+C3+A9@x"],
    ["\u{1f600}", "+F0+9F+98+80"],
    ["例", "+E4+BE+8B"],
    ["a\r\nb\0", "a+0D+0Ab+00"],
    ["100%41", "100%41"],
    ["QQ314159", "QQ314159"],
    ["", ""]
  ])("V-055, V-056, DSN-006 encodes %j as %s and back", (text, encoded) => {
    assert.strictEqual(Xtext.encode(text), encoded)
    assert.strictEqual(ok(Xtext.decode(encoded)), text)
  })

  it("DSN-006 accepts hexadecimal digits in lower case", () => {
    assert.strictEqual(ok(Xtext.decode("e+3dmc2")), "e=mc2")
  })

  it.each([
    ["a+2", 1],
    ["a+2G", 1],
    ["a+", 1],
    ["a=b", 1],
    ["a b", 1],
    ["a\r\nb", 1],
    ["é", 0],
    ["a+C3", 0],
    ["+FF", 0],
    ["+ED+A0+80", 0]
  ])("V-057 refuses %j at position %i", (input, position) => {
    const error = fails(Xtext.decode(input))
    assert.strictEqual(error.position, position)
    assert.notMatch(error.message, /[\r\n]/)
  })

  it("writes half a surrogate pair as the replacement character", () => {
    assert.strictEqual(Xtext.encode("\ud800"), "+EF+BF+BD")
  })
})

describe("utf-8 addresses", () => {
  it.each([
    ["dana@example.com", "dana@example.com", "dana@example.com"],
    ["jörg@bücher.ch", "j\\x{F6}rg@b\\x{FC}cher.ch", "jörg@bücher.ch"],
    ["a+b=c\\d e", "a\\x{2B}b\\x{3D}c\\x{5C}d\\x{20}e", "a\\x{2B}b\\x{3D}c\\x{5C}d\\x{20}e"],
    ["\u{1f600}@例", "\\x{1F600}@\\x{4F8B}", "\u{1f600}@例"],
    ["a\r\n\0b", "a\\x{0D}\\x{0A}\\x{00}b", "a\\x{0D}\\x{0A}\\x{00}b"],
    ["\u0085\u2028", "\\x{85}\\x{2028}", "\\x{85}\\x{2028}"]
  ])("DSN-008 encodes %j as %s, or as %j with SMTPUTF8", (text, xtext, unitext) => {
    assert.strictEqual(Xtext.encodeUtf8Xtext(text), xtext)
    assert.strictEqual(Xtext.encodeUnitext(text), unitext)
    assert.strictEqual(ok(Xtext.decodeUnitext(xtext)), text)
    assert.strictEqual(ok(Xtext.decodeUnitext(unitext)), text)
  })

  it.each([
    ["a\\", 1],
    ["a\\x", 1],
    ["\\x{", 0],
    ["\\x{}", 0],
    ["\\x{A}", 0],
    ["\\x{f6}", 0],
    ["\\x{0F6}", 0],
    ["\\x{D800}", 0],
    ["\\x{110000}", 0],
    ["\\x{1F6000", 0],
    ["a b", 1],
    ["a+b", 1],
    ["a=b", 1],
    ["a\n", 1],
    ["\udc00", 0],
    ["\\x{41}\udc00", 6]
  ])("DSN-008 refuses %j at position %i", (input, position) => {
    assert.strictEqual(fails(Xtext.decodeUnitext(input)).position, position)
  })
})

describe("properties", () => {
  const value = /^[!-<>-~]*$/
  const unicodeValue = /^[!-<>-~\u00a0-\u{10ffff}]*$/u

  it.prop("every text comes back, and every encoding is a parameter's value", [Schema.String], ([input]) => {
    const text = input.toWellFormed()
    for (const encoded of [Xtext.encode(input), Xtext.encodeUtf8Xtext(input)]) assert.match(encoded, value)
    assert.match(Xtext.encodeUnitext(input), unicodeValue)
    assert.strictEqual(ok(Xtext.decode(Xtext.encode(input))), text)
    assert.strictEqual(ok(Xtext.decodeUnitext(Xtext.encodeUtf8Xtext(input))), text)
    assert.strictEqual(ok(Xtext.decodeUnitext(Xtext.encodeUnitext(input))), text)
  })

  it.prop(
    "any input is decoded or refused",
    [Schema.String, Schema.String.check(Schema.isPattern(/^[+\\x{}0-9A-Fa =]{0,20}$/))],
    (inputs) => {
      for (const input of inputs) {
        for (const decode of [Xtext.decode, Xtext.decodeUnitext]) {
          const result = decode(input)
          assert.isTrue(Result.isSuccess(result) ? result.success.isWellFormed() : result.failure.position >= 0)
        }
      }
    }
  )
})
