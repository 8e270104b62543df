import * as Encoding from "@effect-mail/message/Encoding"
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { bytes, crlf, join, Lines, Octets, string } from "./support/texts.ts"

const octets = (numbers: ReadonlyArray<number>) => Uint8Array.from(numbers)
const qp = (text: string) => string(Encoding.quotedPrintable(bytes(text)))
const lines = (encoded: Uint8Array) => string(encoded).split("\r\n")

describe("Encoding.scan", () => {
  it("tells size, high octets, NUL, lone line ends, the longest line and dots at line starts", () => {
    assert.deepStrictEqual(Encoding.scan(bytes("ab\r\n.c\n\0é\rlonger\r\n")), {
      size: 19,
      high: 2,
      nul: true,
      bare: 2,
      firstBare: 6,
      longestLine: 6,
      dotLine: true
    })
  })
  it("counts a last line without end, and knows of nothing in nothing", () => {
    assert.strictEqual(Encoding.scan(bytes("a\r\nbcd")).longestLine, 3)
    assert.deepStrictEqual(Encoding.scan(new Uint8Array()), {
      size: 0,
      high: 0,
      nul: false,
      bare: 0,
      firstBare: -1,
      longestLine: 0,
      dotLine: false
    })
  })
  it("SMTP-093: a dot counts only after CRLF or at the very beginning", () => {
    assert.isTrue(Encoding.scan(bytes(".a")).dotLine)
    assert.isTrue(Encoding.scan(bytes("a\r\n.")).dotLine)
    assert.isFalse(Encoding.scan(bytes("a.\r\nb.")).dotLine)
  })
})

// What the facts of octets are is a law of the fuzzing; four are looked at at once, and may stand at any place in memory.
it.prop(
  "Encoding.scan tells the same of octets wherever they stand",
  [Octets, Schema.Literals([1, 2, 3])],
  ([input, offset]) => {
    const moved = octets([...Array.from({ length: offset }, () => 13), ...input]).subarray(offset)
    assert.deepStrictEqual(Encoding.scan(moved), Encoding.scan(octets(input)))
  }
)

const chosen = (text: string) => Encoding.choose(Encoding.scan(bytes(text)))

describe("Encoding.choose (MIME-004)", () => {
  it("leaves ASCII alone up to lines of 998 octets", () => {
    assert.strictEqual(chosen(""), "7bit")
    assert.strictEqual(chosen("a".repeat(998)), "7bit")
    assert.strictEqual(chosen("a".repeat(999)), "quoted-printable")
    assert.strictEqual(chosen("a\0b"), "quoted-printable")
  })
  it("takes quoted-printable for text that is mostly ASCII, base64 for the rest", () => {
    assert.strictEqual(chosen("Schöne Grüße, und bis bald"), "quoted-printable")
    assert.strictEqual(chosen("日本語のメール"), "base64")
  })
})

describe("Encoding.toCrlf", () => {
  it("makes CRLF of every line end and returns clean input itself", () => {
    assert.strictEqual(string(Encoding.toCrlf(bytes("a\nb\rc\r\nd\r\r\n\n"))), "a\r\nb\r\nc\r\nd\r\n\r\n\r\n")
    const clean = bytes("a\r\n")
    assert.strictEqual(Encoding.toCrlf(clean), clean)
  })
  it.prop("leaves no lone CR or LF, whatever the input", [Octets], ([input]) => {
    const out = Encoding.toCrlf(octets(input))
    assert.strictEqual(Encoding.scan(out).bare, 0)
    assert.deepStrictEqual(Array.from(Encoding.toCrlf(out)), Array.from(out))
  })
})

describe("Encoding.quotedPrintable (MIME-005)", () => {
  it("V-095: escapes =, line-end blanks and non-ASCII", () => {
    assert.strictEqual(
      qp("a=b \nline with trailing space \né.\n"),
      "a=3Db=20\r\nline with trailing space=20\r\n=C3=A9.\r\n"
    )
  })
  it("V-095: escapes blanks at the very end, and TAB", () => {
    assert.strictEqual(qp("a \t"), "a =09")
    assert.strictEqual(qp("a\tb "), "a\tb=20")
  })
  it("breaks softly so that no line is longer than 76", () => {
    assert.strictEqual(qp("a".repeat(76)), "a".repeat(76))
    assert.strictEqual(qp("a".repeat(77)), `${"a".repeat(75)}=\r\naa`)
    assert.strictEqual(qp("é".repeat(20)), `${"=C3=A9".repeat(12)}=C3=\r\n${"=A9" + "=C3=A9".repeat(7)}`)
  })
  it("MIME-004: a dot or `From ` never begins a line, not even after a soft break", () => {
    assert.strictEqual(qp(".\n..a\nFrom b\nFromage\n>From"), "=2E\r\n=2E.a\r\n=46rom b\r\nFromage\r\n>From")
    assert.strictEqual(qp(`${"a".repeat(75)}.b`), `${"a".repeat(75)}=\r\n=2Eb`)
    assert.strictEqual(qp(`${"a".repeat(75)}From b`), `${"a".repeat(75)}=\r\n=46rom b`)
  })
  it.prop("is undone by decoding, in lines of at most 76 that begin with no dot", [Lines], ([parts]) => {
    const text = join(parts)
    const encoded = Encoding.quotedPrintable(bytes(text))
    assert.strictEqual(string(Encoding.decodeQuotedPrintable(encoded)), crlf(text))
    for (const line of lines(encoded)) {
      assert.isAtMost(line.length, 76)
      assert.match(line, /^(?!\.|From )[\t -~]*(?<![ \t])$/)
    }
  })
  it.prop("carries every octet but line ends as it is", [Octets], ([input]) => {
    const solid = octets(input.map((octet) => (octet === 13 || octet === 10 ? 0 : octet)))
    assert.deepStrictEqual(Encoding.decodeQuotedPrintable(Encoding.quotedPrintable(solid)), solid)
  })
})

const decoded = (text: string) => string(Encoding.decodeQuotedPrintable(bytes(text)))

describe("Encoding.decodeQuotedPrintable", () => {
  it("drops blanks before line ends and soft breaks with blanks after the =", () => {
    assert.strictEqual(decoded("a \t\r\nb = \t\r\nc=\nd"), "a\r\nb cd")
    assert.strictEqual(decoded("a="), "a")
    assert.strictEqual(decoded("a  "), "a")
  })
  it("takes small hex digits and leaves what is no escape", () => {
    assert.strictEqual(decoded("=c3=a9 =3d =G1 =4 ="), "é = =G1 =4 ")
  })
  it("is linear in blanks and equals signs", () => {
    assert.strictEqual(decoded(`${"= ".repeat(200_000)}x`).length, 400_001)
    assert.strictEqual(decoded(`${" ".repeat(400_000)}x`).length, 400_001)
  })
})

const encoded = (text: string) => string(Encoding.base64(bytes(text)))

describe("Encoding.base64 (MIME-006)", () => {
  it("pads, and breaks lines after 76 characters", () => {
    assert.deepStrictEqual(["", "f", "fo", "foo", "foobar"].map(encoded), ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYmFy"])
    assert.strictEqual(encoded("a".repeat(57)).length, 76)
    assert.strictEqual(encoded("a".repeat(58)), `${"YWFh".repeat(19)}\r\nYQ==`)
  })
  it.prop("agrees with the platform, is undone by decoding and is as long as announced", [Octets], ([input]) => {
    const raw = octets(input)
    const out = Encoding.base64(raw)
    assert.strictEqual(lines(out).join(""), Buffer.from(raw).toString("base64"))
    assert.isTrue(lines(out).every((line) => line.length <= 76))
    assert.strictEqual(out.length, Encoding.base64Size(raw.length))
    assert.deepStrictEqual(Array.from(Encoding.decodeBase64(out)), input)
  })
  it("skips foreign characters when decoding and stops at the padding", () => {
    assert.strictEqual(string(Encoding.decodeBase64(bytes("Zm 9!v\r\nYg==Zm9v"))), "foob")
  })
})
