import type { PermFailure, TempFailure } from "@effect-mail/protocol/Failure"
import * as Failure from "@effect-mail/protocol/Failure"
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Policy, Rule } from "@effect-mail/policy"
import { perm, temp, uncertain, unreachable } from "./failures.ts"

const rule = (conditions: Omit<Rule.Rule, "name" | "verdict">, verdict: Rule.Rule["verdict"] = "temp"): Rule.Rule => ({
  name: "test",
  verdict,
  ...conditions
})

describe("Rule", () => {
  describe("matches by code, enhanced status, text and host, all that are given", () => {
    const failure = perm("5.7.1 Blocked by Policy, see example.net")
    it.each<[Omit<Rule.Rule, "name" | "verdict">, boolean]>([
      [{ code: 550 }, true],
      [{ code: 551 }, false],
      [{ enhanced: "5.7.1" }, true],
      [{ enhanced: "5.7" }, true],
      [{ enhanced: "5" }, true],
      [{ enhanced: "5.7.10" }, false],
      [{ enhanced: "4.7.1" }, false],
      [{ text: "blocked by policy" }, true],
      [{ text: "blocked by nobody" }, false],
      [{ host: "mx.example.com" }, true],
      [{ host: "MX.Example.Com" }, true],
      [{ host: "example.com" }, true],
      [{ host: "ample.com" }, false],
      [{ host: "mx2.example.com" }, false],
      [{ code: 550, text: "blocked", host: "example.com" }, true],
      [{ code: 550, text: "blocked", host: "example.net" }, false]
    ])("%o: %s", (conditions, expected) => {
      assert.strictEqual(Rule.matches(rule(conditions), failure), expected)
    })

    it("does not take the beginning of a number for the number", () => {
      assert.isFalse(Rule.matches(rule({ enhanced: "5.1" }), perm("5.10.1 Odd")))
    })

    it("matches no failure that lacks what it asks for", () => {
      assert.isFalse(Rule.matches(rule({ code: 550 }), unreachable()))
    })
  })

  it("CLASS-65 rewrites a verdict and keeps the original's words", () => {
    const original = perm("5.7.1 Rate limit")
    const rewritten = Rule.apply([rule({ code: 550 })], original) as TempFailure
    assert.strictEqual(rewritten._tag, "TempFailure")
    assert.isFalse(rewritten.uncertain)
    assert.strictEqual(rewritten.next, "later")
    assert.strictEqual(rewritten.scope, original.scope)
    assert.strictEqual(rewritten.code, 550)
    assert.strictEqual(rewritten.enhanced, "5.7.1")
    assert.deepStrictEqual(rewritten.lines, original.lines)
    assert.strictEqual(
      rewritten.message,
      'mx.example.com:25 answered 550 Rate limit. The rule "test" made this of a PermFailure'
    )
  })

  it("CLASS-65 makes a verdict about one host one about the domain when it becomes permanent", () => {
    const rewritten = Rule.apply([rule({ text: "refused" }, "perm")], unreachable()) as PermFailure
    assert.strictEqual(rewritten._tag, "PermFailure")
    assert.strictEqual(rewritten.scope, "domain")
    assert.strictEqual(rewritten.next, "never")
  })

  it("CLASS-65 can say that there was no verdict", () => {
    assert.strictEqual(Rule.apply([rule({ code: 450 }, "unreachable")], temp())._tag, "Unreachable")
  })

  it("takes the first rule that matches, and changes nothing when it says the same or none matches", () => {
    const failure = temp()
    assert.strictEqual(Rule.apply([rule({ code: 450 }), rule({ code: 450 }, "perm")], failure), failure)
    assert.strictEqual(Rule.apply([rule({ code: 451 }, "perm")], failure), failure)
  })

  it("CLASS-52 never rewrites an uncertain failure, since no server gave a verdict", () => {
    const failure = uncertain()
    assert.strictEqual(Rule.apply([rule({ text: "no reply" }, "perm")], failure), failure)
  })

  it("can be read from a configuration, and needs a condition", () => {
    const decode = Schema.decodeUnknownSync(Rule.Rule)
    assert.deepStrictEqual(decode({ name: "a", code: 421, verdict: "temp" }), {
      name: "a",
      code: 421,
      verdict: "temp"
    })
    assert.throws(() => decode({ name: "a", verdict: "temp" }), /at least one of code, enhanced, text and host/)
    assert.throws(() => decode({ name: "a", enhanced: "7.1", verdict: "temp" }))
    assert.throws(() => decode({ name: "a", text: "", verdict: "temp" }))
  })

  it("CLASS-65 a provider's permanent code for our own used-up account is 'not now' to the relay's policy", () => {
    const said: ReadonlyArray<readonly [code: number, enhanced: string, text: string, tag: string]> = [
      [550, "5.4.5", "Daily sending quota exceeded", "TempFailure"],
      [552, "5.4.5", "Daily user sending limit exceeded", "TempFailure"],
      [550, "5.7.1", "Daily SMTP relay limit exceeded for customer", "TempFailure"],
      [550, "5.7.705", "Access denied, tenant has exceeded threshold", "TempFailure"],
      [550, "5.7.1", "Message rejected", "PermFailure"],
      [550, "5.1.1", "No such user", "PermFailure"]
    ]
    for (const [code, enhanced, text, tag] of said) {
      const failure = Failure.perm({ stage: "data-end", scope: "message", next: "never", code, enhanced, reason: text })
      assert.strictEqual(Policy.reclassify(Policy.relay, failure)._tag, tag, text)
      assert.strictEqual(Policy.reclassify(Policy.standard, failure)._tag, "PermFailure", text)
    }
  })
})
