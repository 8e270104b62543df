import * as Parameter from "@effect-mail/message/Parameter"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { join, Line, refusal } from "./support/texts.ts"

const read = (input: string) => {
  const { parameters, value } = Result.getOrThrow(Parameter.parse(input))
  return [value, Object.fromEntries(parameters)]
}

describe("Parameter.encode (MIME-002, MIME-013, MIME-014)", () => {
  it("writes a token bare, other ASCII in quotes", () => {
    assert.deepStrictEqual(Parameter.encode("name", "report.pdf"), ["name=report.pdf"])
    assert.deepStrictEqual(Parameter.encode("name", 'my "best" \\ file.txt'), ['name="my \\"best\\" \\\\ file.txt"'])
    assert.deepStrictEqual(Parameter.encode("name", ""), ['name=""'])
    assert.deepStrictEqual(Parameter.encode("type", "text/html"), ['type="text/html"'])
  })
  it("V-094: writes the rest percent-encoded with its charset", () => {
    assert.deepStrictEqual(Parameter.encode("filename", "€ rates"), ["filename*=utf-8''%E2%82%AC%20rates"])
    assert.deepStrictEqual(Parameter.encode("filename", "50%*'"), [`filename="50%*'"`])
    assert.deepStrictEqual(Parameter.encode("filename", "é50%*'"), ["filename*=utf-8''%C3%A950%25%2A%27"])
  })
  it("MIME-014: writes long values in numbered pieces of whole characters, the charset in the first", () => {
    assert.deepStrictEqual(Parameter.encode("filename", `${"é".repeat(12)}.pdf`), [
      `filename*0*=utf-8''${"%C3%A9".repeat(8)}`,
      `filename*1*=${"%C3%A9".repeat(4)}.pdf`
    ])
  })
  it("MIME-013: keeps readers from taking a value for an encoded-word", () => {
    assert.deepStrictEqual(Parameter.encode("filename", "=?utf-8?q?x?="), [
      "filename*=utf-8''%3D%3Futf-8%3Fq%3Fx%3F%3D"
    ])
  })
  it.prop("is undone by parsing, in printable ASCII pieces that fit a line", [Line], ([parts]) => {
    const value = join(parts)
    const pieces = Parameter.encodeAll("attachment", [["filename", value]])
    for (const piece of pieces) {
      assert.match(piece, /^[ -~]*$/)
      assert.isAtMost(piece.length, 130)
    }
    assert.deepStrictEqual(read(pieces.join("\r\n ")), ["attachment", { filename: value }])
  })
})

describe("Parameter.parse", () => {
  it("MIME-014: keeps the order in which the names came first, extended or not", () => {
    const input = "a; z*=utf-8''1; b=2; y*1=4; y*0=3; a=5; b=6; x*1=7; z=8; a*=utf-8''9"
    const { parameters } = Result.getOrThrow(Parameter.parse(input))
    assert.deepStrictEqual(
      [...parameters],
      [
        ["z", "1"],
        ["b", "2"],
        ["y", "34"],
        ["a", "9"]
      ]
    )
  })
  it("reads values without and with parameters, names in any case", () => {
    assert.deepStrictEqual(read("text/plain"), ["text/plain", {}])
    assert.deepStrictEqual(read('Text/Plain ; Charset=utf-8;format="flowed; \\"x\\"" ;'), [
      "Text/Plain",
      { charset: "utf-8", format: 'flowed; "x"' }
    ])
  })
  it("V-092: joins continuations, extended and plain, with charset and language", () => {
    assert.deepStrictEqual(
      read(
        "application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\""
      ),
      ["application/x-stuff", { title: "This is even more ***fun*** isn't it!" }]
    )
  })
  it("V-093: joins plain continuations without separator, in the order of their numbers", () => {
    assert.deepStrictEqual(
      read('message/external-body; URL*1="cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar"; URL*0="ftp://"'),
      ["message/external-body", { url: "ftp://cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar" }]
    )
  })
  it("V-094: prefers the extended form", () => {
    assert.deepStrictEqual(read("attachment; filename*=UTF-8''na%C3%AFve%20file.txt; filename=\"naive file.txt\""), [
      "attachment",
      { filename: "naïve file.txt" }
    ])
    assert.deepStrictEqual(read("attachment; filename*=UTF-8''%e2%82%ac%20rates"), [
      "attachment",
      { filename: "€ rates" }
    ])
  })
  it("MIME-014: an empty charset is UTF-8, a piece after a gap is left out, other charsets are read", () => {
    assert.deepStrictEqual(read("a; n*=''%C3%A9"), ["a", { n: "é" }])
    assert.deepStrictEqual(read("a; n*0=x; n*2=z"), ["a", { n: "x" }])
    assert.deepStrictEqual(read("a; n*=iso-8859-1''%E9"), ["a", { n: "é" }])
  })
  it("refuses what is no parameter, and tells where", () => {
    assert.deepStrictEqual(refusal(Parameter.parse("a; =b")), ["bad-header", "value", 3])
    assert.deepStrictEqual(refusal(Parameter.parse("a; b")), ["bad-header", "value", 4])
    assert.deepStrictEqual(refusal(Parameter.parse('a; b="c')), ["bad-header", "value", 5])
    assert.deepStrictEqual(refusal(Parameter.parse('a; b="c" d', "type")), ["bad-header", "type", 9])
  })
  it("CVE-2026-34752: a parameter named __proto__ is a parameter", () => {
    assert.strictEqual(Result.getOrThrow(Parameter.parse("a; __proto__=x")).parameters.get("__proto__"), "x")
  })
  it("gives parameters in the order of their first mention, whatever form they have", () => {
    const { parameters } = Result.getOrThrow(Parameter.parse("a; b*0=1; c=2; d*=utf-8''3; b*1=4; c*=utf-8''5; e*1=6"))
    assert.deepStrictEqual(Array.from(parameters), [
      ["b", "14"],
      ["c", "5"],
      ["d", "3"]
    ])
  })
  it("is linear in pieces of any number, in any order and again and again, and in what is quoted", () => {
    // What took more than linear time would take hours.
    const numbers = Array.from({ length: 1000 }, (_, i) => 999 - i)
    const all = numbers.map((number) => `; n*${number}=x`).join("")
    const again = "; n*999=y".repeat(100_000)
    assert.strictEqual(Result.getOrThrow(Parameter.parse(`a${all}${again}`)).parameters.get("n"), "x".repeat(1000))
    const quoted = '\\"'.repeat(300_000)
    assert.strictEqual(Result.getOrThrow(Parameter.parse(`a; n="${quoted}"`)).parameters.get("n"), '"'.repeat(300_000))
  })
  it("is linear in numbered pieces and blanks", () => {
    const many = Array.from({ length: 20_000 }, (_, i) => `; n*${i}=x`).join("")
    assert.strictEqual(Result.getOrThrow(Parameter.parse(`a${many}`)).parameters.get("n")?.length, 1000)
    assert.strictEqual(Result.isSuccess(Parameter.parse(`a;${" ".repeat(200_000)}`)), true)
  })
})
