import * as EnhancedStatus from "@effect-mail/protocol/EnhancedStatus"
import * as Registry from "@effect-mail/protocol/EnhancedStatusRegistry"
import * as ReplyCode from "@effect-mail/protocol/ReplyCode"
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { TextOf } from "./chunks.ts"

const isValid = Schema.is(EnhancedStatus.EnhancedStatus)

describe("EnhancedStatus", () => {
  it("V-021, ESC-003, CLASS-61: counts in a reply when the class agrees and a space or the end follows", () => {
    assert.strictEqual(EnhancedStatus.fromReply(550, "5.1.1 no"), "5.1.1")
    assert.strictEqual(EnhancedStatus.fromReply(250, "2.0.0"), "2.0.0")
    assert.strictEqual(EnhancedStatus.fromReply(421, "4.7.123 later"), "4.7.123")
    assert.isUndefined(EnhancedStatus.fromReply(550, "4.1.1 no"))
    assert.isUndefined(EnhancedStatus.fromReply(250, "2.0 ok"))
    assert.isUndefined(EnhancedStatus.fromReply(421, "4.7.0foo"))
    assert.isUndefined(EnhancedStatus.fromReply(354, "3.0.0 go"))
    assert.isUndefined(EnhancedStatus.fromReply(550, "5.1.1.1 no"))
    assert.isUndefined(EnhancedStatus.fromReply(550, " 5.1.1 no"))
    assert.isUndefined(EnhancedStatus.fromReply(550, "5.1.1\tno"))
    assert.isUndefined(EnhancedStatus.fromReply(550, ""))
  })

  it("ESC-002: parses class 2, 4 or 5 and numbers of one to three digits without leading zeros", () => {
    for (const text of ["2.0.0", "4.7.10", "5.123.999"]) assert.strictEqual(EnhancedStatus.parse(text), text)
    for (const text of [
      "",
      "5",
      "5.",
      "5.1",
      "5.1.",
      "3.0.0",
      "5.01.1",
      "5.1.00",
      "5.1234.1",
      "5.1.1 ",
      "5.1.1x",
      "55.1.1"
    ]) {
      assert.isUndefined(EnhancedStatus.parse(text), text)
    }
  })

  it.prop(
    "parses exactly what the schema accepts",
    { pieces: TextOf("2", "4", "5", "3", ".", ".", "0", "1", "12", "999", " ") },
    ({ pieces }) => {
      for (const text of [pieces.join(""), pieces.slice(0, 5).join(""), `5.${pieces.slice(0, 3).join("")}`]) {
        assert.strictEqual(EnhancedStatus.parse(text) !== undefined, isValid(text), text)
      }
    }
  )

  it("ESC-004: tells class and subject", () => {
    assert.deepStrictEqual(["2.1.5", "4.4.2", "5.7.1"].map(EnhancedStatus.classOf), [
      "success",
      "transient",
      "permanent"
    ])
    assert.deepStrictEqual(
      ["5.0.0", "5.1.1", "5.2.2", "5.3.4", "5.4.6", "5.5.2", "5.6.7", "5.7.26", "5.8.0", "5.100.1"].map(
        EnhancedStatus.subjectOf
      ),
      ["other", "address", "mailbox", "system", "network", "protocol", "content", "security", "other", "other"]
    )
  })

  it("ESC-005: describes an unknown detail by its subject and an unknown subject by its class", () => {
    assert.strictEqual(EnhancedStatus.describe("5.1.1"), "permanent failure: no such mailbox")
    assert.strictEqual(EnhancedStatus.describe("4.2.2"), "temporary failure: the mailbox is full")
    assert.strictEqual(EnhancedStatus.describe("2.1.5"), "success: the recipient address is valid")
    assert.strictEqual(EnhancedStatus.describe("5.1.99"), "permanent failure: something is wrong with an address")
    assert.strictEqual(EnhancedStatus.describe("4.9.1"), "temporary failure")
  })
})

const details = (subject: number) => Registry.entries.filter((e) => e.subject === subject).map((e) => e.detail)

const upTo = (last: number) => Array.from({ length: last + 1 }, (_, i) => i)

describe("EnhancedStatusRegistry", () => {
  it("ESC-010 to ESC-086: has every registered code once, with a meaning", () => {
    assert.deepStrictEqual([0, 1, 2, 3, 4, 5, 6, 7].map(details), [0, 10, 4, 6, 7, 6, 9, 30].map(upTo))
    assert.isTrue(Registry.entries.every((e) => e.meaning.length > 0))
    assert.strictEqual(new Set(Registry.entries.map((e) => e.meaning)).size, Registry.entries.length)
  })

  it("lists only reply codes that are known", () => {
    for (const entry of Registry.entries) {
      for (const code of entry.codes) assert.isDefined(ReplyCode.find(code), `${entry.subject}.${entry.detail} ${code}`)
    }
  })

  it("finds by subject and detail", () => {
    assert.deepStrictEqual(Registry.find(1, 10)?.codes, [556])
    assert.deepStrictEqual(Registry.find(7, 8)?.codes, [535, 554])
    assert.isUndefined(Registry.find(8, 0))
    assert.isUndefined(Registry.find(0, 1010))
  })
})
