import * as EncodedWord from "@effect-mail/message/EncodedWord"
import { assert, describe, it } from "@effect/vitest"
import { Anything, join, Line } from "./support/texts.ts"

const { decode, encode } = EncodedWord

describe("EncodedWord.encode (MIME-015, MIME-017)", () => {
  it("V-090: takes the shorter of the two forms", () => {
    assert.deepStrictEqual(encode("Prüfung 日本語"), ["=?utf-8?b?UHLDvGZ1bmcg5pel5pys6Kqe?="])
    assert.deepStrictEqual(encode("Prüfung am Freitag"), ["=?utf-8?q?Pr=C3=BCfung_am_Freitag?="])
  })
  it("V-090: splits forty é into two words of whole characters", () => {
    const words = encode("é".repeat(40))
    assert.strictEqual(words.length, 2)
    assert.isTrue(words.every((word) => word.length <= 75))
    assert.match(decode(words[0] ?? ""), /^é+$/)
    assert.strictEqual(decode(words.join("\r\n ")), "é".repeat(40))
  })
  it("V-090: never splits a character of four octets, however little room there is", () => {
    const words = encode("😀".repeat(9), { first: 0, rest: 30 })
    assert.strictEqual(words.length, 4)
    for (const word of words) assert.match(decode(word), /^(?:😀)+$/u)
  })
  it("MIME-017: escapes what Q must not hold in a phrase", () => {
    assert.deepStrictEqual(encode("plain words of some length, é_?"), [
      "=?utf-8?q?plain_words_of_some_length=2C_=C3=A9=5F=3F?="
    ])
  })
  it("has no word for no text", () => {
    assert.deepStrictEqual(encode(""), [])
  })
  it.prop("is undone by decoding, in words of printable ASCII of at most 75", [Line], ([parts]) => {
    const text = join(parts)
    const words = encode(text, { first: 40 })
    for (const word of words) {
      assert.match(word, /^=\?utf-8\?[qb]\?[!->@-~]*\?=$/)
      assert.isAtMost(word.length, 75)
    }
    assert.isAtMost(words[0]?.length ?? 0, 40)
    assert.strictEqual(decode(words.join("\r\n ")), text)
    assert.strictEqual(words.map(decode).join(""), text)
  })
  it.prop("is printable ASCII whatever comes in", [Anything], ([parts]) => {
    for (const word of encode(join(parts))) assert.match(word, /^=\?utf-8\?[qb]\?[!->@-~]*\?=$/)
  })
})

describe("EncodedWord.decode", () => {
  it("V-088: drops white space between words and no other", () => {
    assert.strictEqual(decode("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?="), "ab")
    assert.strictEqual(decode("=?ISO-8859-1?Q?a?= b"), "a b")
    assert.strictEqual(decode("=?ISO-8859-1?Q?a_b?="), "a b")
    assert.strictEqual(decode("=?ISO-8859-1?Q?a?=\r\n =?ISO-8859-1?Q?b?="), "ab")
    assert.strictEqual(decode("=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?="), "a b")
    assert.strictEqual(decode(" x =?utf-8?q?a?= y "), " x a y ")
  })
  it("V-089: reads base64 words of several charsets", () => {
    assert.strictEqual(
      decode("=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?= =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?="),
      "If you can read this you understand the example."
    )
  })
  it("V-091: reads words with a language", () => {
    assert.strictEqual(decode("=?utf-8*en?q?hi?="), "hi")
  })
  it("MIME-018: reads other charsets, in any letter case", () => {
    assert.strictEqual(decode("=?Shift_JIS?b?k/qWew==?="), "日本")
    assert.strictEqual(decode("=?KOI8-R?Q?=F0=D2=C9=D7=C5=D4?="), "Привет")
  })
  it("joins a character that somebody split over two words", () => {
    assert.strictEqual(decode("=?utf-8?q?=C3?= =?utf-8?q?=A9?="), "é")
  })
  it("leaves what is no readable word", () => {
    for (const text of [
      "=?",
      "=?utf-8",
      "=?utf-8?x?a?=",
      "=?utf-8?q?a b?=",
      "=?utf-8?q?=ZZ?=",
      "=?utf-8?b?abc?=",
      "=?utf-8?q?=FF?=",
      "=?no-such-charset?q?a?=",
      "a =?utf-8?q?b"
    ]) {
      assert.strictEqual(decode(text), text)
    }
  })
  it("is linear in unfinished and in adjacent words", () => {
    assert.strictEqual(decode("=?utf-8?q?".repeat(50_000)).length, 500_000)
    assert.strictEqual(decode("=?utf-8?q?a?= ".repeat(50_000)), `${"a".repeat(50_000)} `)
  })
})
