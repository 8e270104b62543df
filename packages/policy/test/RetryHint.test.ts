import * as Failure from "@effect-mail/protocol/Failure"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Schema } from "effect"
import { RetryHint } from "@effect-mail/policy"
import { perm, resting, temp } from "./failures.ts"

const seconds = (text: string): number | undefined => {
  const wait = RetryHint.fromText(text)
  return wait === undefined ? undefined : Duration.toSeconds(wait)
}

describe("RetryHint", () => {
  describe("CLASS-40 reads the wait that a server asks for", () => {
    it.each<[string, number]>([
      ["Greylisted, please try again in 300 seconds", 300],
      ["4.7.1 <a@example.com>: Recipient address rejected: Greylisted for 5 minutes", 300],
      ["Greylisting in action, please come back in 00:04:59", 299],
      ["Try again after 10 min.", 600],
      ["TRY AGAIN IN 2 HOURS", 7200],
      ["retry after 60s", 60],
      ["Retry-After: 120 seconds", 120],
      ["please retry in 4m59s", 299],
      ["wait at least 15 minutes before the next attempt", 900],
      ["come back in 1 hour and 30 minutes", 5400],
      ["try again in 1 hour, 30 minutes", 5400],
      ["try again in an hour", 3600],
      ["please wait a minute", 60],
      ["back off for 90 sec", 90],
      ["try again in 5-10 minutes", 600],
      ["try again in 5 to 10 minutes", 600],
      ["deferred for (300 seconds)", 300],
      ["graylisted for 5 minutes (300 seconds)", 300],
      ["try again later, in 1.5 hours", 5400],
      ["try again in 1 day", 86_400],
      ["try again in 5 minutes 00:10:00", 300],
      ["try again in 10 minutes, or retry in 60 minutes", 600],
      ["Too many messages: 100 in 60 minutes. Try again in 5 minutes", 300]
    ])("%s", (text, expected) => {
      assert.strictEqual(seconds(text), expected)
    })
  })

  describe("finds none where none is asked for", () => {
    it.each([
      "",
      "4.2.0 Mailbox is busy, try again later",
      "Greylisted, see https://greylist.example.com/help/5-minutes/again.html",
      "Too many messages: 500 in 60 minutes, try again later",
      "try again later; the limit is 500 in 60 minutes",
      "try again at 14:30:00",
      "try again after 2026-05-01 10:00",
      "try again after 3 attempts",
      "try again in 300",
      "try again in a few minutes",
      "retry in 4.7.1 seconds",
      "try again in 12345678901234567890 seconds",
      "you have 5 minutes"
    ])("%s", (text) => {
      assert.strictEqual(seconds(text), undefined)
    })
  })

  it.each<[string, number]>([
    ["try again in 1 second", 60],
    ["try again in 0 seconds", 60],
    ["try again in 999999999 days", 6 * 3600]
  ])("CLASS-40 believes from 1 minute to 6 hours: %s", (text, expected) => {
    assert.deepStrictEqual(RetryHint.fromFailure(temp(text)), Duration.seconds(expected))
  })

  it("reads a wait that goes over two lines of the reply", () => {
    const failure = Failure.temp({
      stage: "rcpt",
      scope: "recipient",
      next: "later",
      reason: "Greylisted",
      lines: ["Greylisted, try again", "in 7 minutes"]
    })
    assert.deepStrictEqual(RetryHint.fromFailure(failure), Duration.minutes(7))
  })

  it("finds none in a permanent failure", () => {
    assert.strictEqual(RetryHint.fromFailure(perm("try again in 5 minutes")), undefined)
  })

  it("reads no more than its limit, so that a long reply costs no more than a short one", () => {
    assert.strictEqual(seconds(`${" ".repeat(RetryHint.maxLength)}try again in 5 minutes`), undefined)
    assert.strictEqual(seconds("again 1 ".repeat(200_000)), undefined)
  })

  it("CLASS-15 what breakers and limits of our own say is exact, and no longer than 6 hours", () => {
    const wait = (text: string) => RetryHint.fromFailure(resting(`example.com is resting; try again in ${text}`))
    assert.deepStrictEqual(wait("7 seconds"), Duration.seconds(7))
    assert.deepStrictEqual(wait("9 hours"), Duration.hours(6))
    assert.deepStrictEqual(RetryHint.fromFailure(temp("Greylisted, try again in 7 seconds")), Duration.minutes(1))
  })

  it.prop("reads any text at all without failing", { text: Schema.String }, ({ text }) => {
    const wait = RetryHint.fromText(`try again in ${text}`)
    assert.isTrue(wait === undefined || (Duration.isFinite(wait) && !Duration.isNegative(wait)))
  })

  it.prop(
    "reads what it is told, in every unit",
    {
      amount: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 999_999 })),
      unit: Schema.Literals(["s", "m", "h", "d"])
    },
    ({ amount, unit }) => {
      const factor = { s: 1, m: 60, h: 3600, d: 86_400 }[unit]
      assert.strictEqual(seconds(`Greylisted for ${amount}${unit}`), amount * factor)
      assert.strictEqual(seconds(`Greylisted for ${amount} ${unit}.`), amount * factor)
    }
  )
})
