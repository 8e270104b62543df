import * as Reply from "@effect-mail/protocol/Reply"
import * as ReplyCode from "@effect-mail/protocol/ReplyCode"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"

const failureOf = (reply: Reply.Reply): Reply.ReplyFormatError | undefined => {
  const result = Reply.format(reply)
  return Result.isFailure(result) ? result.failure : undefined
}

const judge = (code: number) => {
  const reply = Reply.make(code, "new")
  return [Reply.isPositive, Reply.isIntermediate, Reply.isTransient, Reply.isPermanent].map((is) => is(reply))
}

describe("Reply", () => {
  it("V-019, SMTP-085: is understood by its first digit, known or not", () => {
    assert.deepStrictEqual(judge(299), [true, false, false, false])
    assert.deepStrictEqual(judge(354), [false, true, false, false])
    assert.deepStrictEqual(judge(471), [false, false, true, false])
    assert.deepStrictEqual(judge(571), [false, false, false, true])
    assert.deepStrictEqual(judge(600), [false, false, false, false])
    assert.deepStrictEqual(judge(199), [false, false, false, false])
  })

  it("SMTP-085: is sorted by its second digit", () => {
    assert.deepStrictEqual(
      [500, 214, 421, 535, 346, 550, 569].map((code) => Reply.category(Reply.make(code))),
      ["syntax", "information", "connections", "unspecified", "unspecified", "mail-system", "unspecified"]
    )
  })

  it("ESC-003: takes the enhanced status from the first line that has one", () => {
    assert.strictEqual(Reply.make(550, "5.1.1 no").enhanced, "5.1.1")
    assert.strictEqual(Reply.make(550, "see below", "5.7.1 no", "5.7.2 no").enhanced, "5.7.1")
    assert.isUndefined(Reply.make(550, "4.1.1 no").enhanced)
    assert.isUndefined(Reply.make(354, "3.0.0 go").enhanced)
    assert.deepStrictEqual(Reply.make(250), { code: 250, enhanced: undefined, lines: [""] })
  })

  it("V-022: gives its text without the enhanced status", () => {
    const reply = Reply.make(550, "5.7.26 first", "5.7.26 second", "5.7.26 third")
    assert.deepStrictEqual(Reply.texts(reply), ["first", "second", "third"])
    assert.strictEqual(Reply.text(reply), "first second third")
    assert.strictEqual(Reply.text(Reply.make(250, "2.0.0")), "")
  })

  it("keeps in its text what only looks like its enhanced status", () => {
    assert.strictEqual(Reply.text(Reply.make(550, "5.1.1 no", "5.1.10 is another")), "no 5.1.10 is another")
    assert.strictEqual(Reply.text(Reply.make(550, "4.1.1 no")), "4.1.1 no")
  })

  it("is formatted as a server sends it", () => {
    assert.deepStrictEqual(Reply.format(Reply.make(250, "2.0.0 OK")), Result.succeed("250 2.0.0 OK\r\n"))
    assert.deepStrictEqual(Reply.format(Reply.make(250, "a", "", "c")), Result.succeed("250-a\r\n250-\r\n250 c\r\n"))
    assert.deepStrictEqual(Reply.format({ code: 250, enhanced: undefined, lines: [] }), Result.succeed("250 \r\n"))
    assert.deepStrictEqual(Reply.format(Reply.make(250, "a\tb \u00e9")), Result.succeed("250 a\tb \u00e9\r\n"))
  })

  it("SMTP-050: refuses control characters, and says where", () => {
    for (const bad of ["\r", "\n", "\r\n250 x", "\0", "\x1b", "\x7f", "\x85"]) {
      const error = failureOf(Reply.make(250, "fine", `ab${bad}`))
      assert.deepStrictEqual([error?.reason, error?.line, error?.position], ["control-character", 1, 2])
    }
    assert.include(failureOf(Reply.make(250, "a\nb"))?.message ?? "", "line 1 at position 1")
  })

  it("SMTP-084: refuses codes that are none", () => {
    for (const code of [0, 199, 600, 250.5, Number.NaN, -250, 2500]) {
      assert.strictEqual(failureOf(Reply.make(code, "x"))?.reason, "code", String(code))
    }
  })
})

describe("ReplyCode", () => {
  it("CODE-211 to CODE-556: knows every code once, in order, by severity", () => {
    const codes = ReplyCode.entries.map((entry) => entry.code)
    assert.deepStrictEqual(
      codes,
      codes.toSorted((a, b) => a - b)
    )
    assert.strictEqual(new Set(codes).size, 45)
    for (const { code, meaning, severity } of ReplyCode.entries) {
      assert.strictEqual(severity, ReplyCode.severityOf(code))
      assert.isNotEmpty(meaning)
    }
    assert.strictEqual(ReplyCode.find(421)?.occasions, "any")
    assert.isUndefined(ReplyCode.find(999))
  })

  it("describes an unknown code by its first digit, SMTP-083", () => {
    assert.strictEqual(ReplyCode.describe(354), "the server waits for the message")
    assert.strictEqual(ReplyCode.describe(299), "success")
    assert.strictEqual(ReplyCode.describe(399), "the server waits for more")
    assert.strictEqual(ReplyCode.describe(471), "temporary failure")
    assert.strictEqual(ReplyCode.describe(571), "permanent failure")
    assert.strictEqual(ReplyCode.describe(650), "not an SMTP reply code")
  })

  it("CMD-001 to CMD-020: says which codes a command may get", () => {
    assert.isTrue(ReplyCode.isExpected("connect", 554))
    assert.isFalse(ReplyCode.isExpected("connect", 250))
    assert.isTrue(ReplyCode.isExpected("RCPT", 251))
    assert.isFalse(ReplyCode.isExpected("MAIL", 251))
    assert.isTrue(ReplyCode.isExpected("DATA", 354))
    assert.isFalse(ReplyCode.isExpected("DATA", 250)) // SMTP-102
    assert.isTrue(ReplyCode.isExpected("AUTH", 334))
    assert.isFalse(ReplyCode.isExpected("RSET", 503))
    assert.isTrue(ReplyCode.always.every((code) => ReplyCode.isExpected("NOOP", code)))
  })

  it("agrees with itself: the usual occasions of a code may get it, and every expected code is known", () => {
    for (const { code, occasions } of ReplyCode.entries) {
      if (occasions === "any") continue
      for (const occasion of occasions) assert.isTrue(ReplyCode.isExpected(occasion, code), `${occasion} ${code}`)
    }
    for (const { failure, intermediate, success } of Object.values(ReplyCode.expected)) {
      const severities = [success, intermediate].map((codes) => codes.map(ReplyCode.severityOf))
      assert.isTrue(severities[0]?.every((severity) => severity === "positive"))
      assert.isTrue(severities[1]?.every((severity) => severity === "intermediate"))
      for (const code of failure) assert.isDefined(ReplyCode.find(code), String(code))
    }
  })
})
