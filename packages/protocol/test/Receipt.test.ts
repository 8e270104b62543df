import * as Failure from "@effect-mail/protocol/Failure"
import * as Receipt from "@effect-mail/protocol/Receipt"
import * as Reply from "@effect-mail/protocol/Reply"
import { assert, describe, it } from "@effect/vitest"
import { Equal, Result, Schema } from "effect"

const delivered = (recipient: string) =>
  new Receipt.Delivered({
    recipient,
    attempts: 2,
    host: "mx.example.com",
    address: "192.0.2.1",
    port: 25,
    code: 250,
    enhanced: "2.0.0",
    text: "queued as 4711",
    tls: new Receipt.TlsInfo({ protocol: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384", verified: true })
  })
const failed = (recipient: string, failure: Failure.Failure) => new Receipt.Failed({ recipient, attempts: 1, failure })

const perm = Failure.fromProblem({ _tag: "Refused", stage: "rcpt", reply: Reply.make(550, "5.1.1 no such user") })
const temp = Failure.fromProblem({ _tag: "Refused", stage: "rcpt", reply: Reply.make(450, "4.2.1 busy") })
const uncertain = Failure.fromProblem({ _tag: "Lost", stage: "data-end", kind: "timeout", detail: "silence" })
const unreachable = Failure.fromProblem({ _tag: "Lost", stage: "connect", kind: "refused", detail: "refused" })

const receipt = (...outcomes: ReadonlyArray<Receipt.Outcome>) =>
  new Receipt.Receipt({ outcomes, messageId: "<1@example.com>" })

describe("a receipt", () => {
  const a = delivered("a@example.org")
  const b = failed("b@example.org", perm)
  const c = failed("c@example.org", temp)

  it("CLS-007: partial success is a value: who got it, who did not, in order", () => {
    const mixed = receipt(b, a, c)
    assert.deepStrictEqual(mixed.delivered, [a])
    assert.deepStrictEqual(mixed.failed, [b, c])
    assert.isFalse(mixed.complete)
    assert.isTrue(receipt(a, delivered("d@example.org")).complete)
    assert.isTrue(receipt().complete)
  })
  it("has an error only when nobody got it", () => {
    assert.isUndefined(Receipt.strongestFailure(receipt(b, a)))
    assert.isUndefined(Receipt.strongestFailure(receipt()))
    assert.strictEqual(Receipt.strongestFailure(receipt(c, b)), perm)
    assert.strictEqual(Receipt.strongestFailure(receipt(failed("x@example.org", unreachable), c)), temp)
    assert.strictEqual(
      Receipt.strongestFailure(receipt(c, failed("x@example.org", uncertain))),
      uncertain,
      "maybe delivered is not forgotten"
    )
  })
  it("CLASS-52: has a word for each outcome, and one of its own for maybe", () => {
    const words = [
      delivered("a@example.org"),
      ...[temp, perm, unreachable, uncertain].map((f) => failed("b@example.org", f))
    ]
    assert.deepStrictEqual(words.map(Receipt.outcomeWord), ["delivered", "temp", "perm", "unreachable", "uncertain"])
  })
  it("has outcomes of decoded values that are as good as those of the constructor", () => {
    const fields = {
      recipient: "a@example.org",
      attempts: 1,
      host: "mx.example.com",
      code: 250,
      text: "queued as 4711",
      tls: new Receipt.TlsInfo({ protocol: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384", verified: true }),
      omitted: ["NOTIFY"]
    }
    const quick = Receipt.delivered(fields)
    const checked = new Receipt.Delivered(fields)
    assert.instanceOf(quick, Receipt.Delivered)
    assert.deepStrictEqual(quick, checked)
    assert.isTrue(Equal.equals(quick, checked))
    const encode = Schema.encodeSync(Receipt.Outcome)
    assert.deepStrictEqual(encode(quick), encode(checked))
    assert.deepStrictEqual(receipt(quick), receipt(checked))
    const bare = { recipient: "b@example.org", attempts: 2, code: 250, text: "" }
    assert.deepStrictEqual(Receipt.delivered({ ...bare, host: undefined }), new Receipt.Delivered(bare))
    const whole = Receipt.receipt([checked], "<1@example.org>")
    assert.instanceOf(whole, Receipt.Receipt)
    assert.isTrue(Equal.equals(whole, new Receipt.Receipt({ outcomes: [checked], messageId: "<1@example.org>" })))
    assert.isTrue(whole.complete)
    assert.deepStrictEqual(Receipt.receipt([]), new Receipt.Receipt({ outcomes: [] }))
  })

  it("survives JSON, failures and all", () => {
    const codec = Schema.toCodecJson(Receipt.Receipt)
    const mixed = receipt(a, b, c, failed("d@example.org", uncertain), failed("e@example.org", unreachable))
    const json = JSON.parse(JSON.stringify(Result.getOrThrow(Schema.encodeResult(codec)(mixed))))
    const back = Result.getOrThrow(Schema.decodeUnknownResult(codec)(json))
    assert.instanceOf(back, Receipt.Receipt)
    assert.deepStrictEqual(back.outcomes.map(Receipt.outcomeWord), mixed.outcomes.map(Receipt.outcomeWord))
    assert.deepStrictEqual({ ...back.delivered[0] }, { ...a })
    assert.deepStrictEqual(
      back.failed.map(({ failure }) => failure.message),
      mixed.failed.map(({ failure }) => failure.message)
    )
    assert.strictEqual(back.messageId, "<1@example.com>")
  })
  it("refuses what is no receipt", () => {
    const codec = Schema.toCodecJson(Receipt.Receipt)
    for (const json of [{}, { outcomes: [{ _tag: "Lost" }] }, { outcomes: [{ _tag: "Delivered", recipient: "a" }] }]) {
      assert.isTrue(Result.isFailure(Schema.decodeUnknownResult(codec)(json)))
    }
  })
})
