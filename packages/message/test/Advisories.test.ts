/**
 * Flaws that were published of other mail libraries, each as a test under its id: none of them is possible here.
 */
import * as AddressList from "@effect-mail/message/AddressList"
import type * as Attachment from "@effect-mail/message/Attachment"
import * as Message from "@effect-mail/message/Message"
import * as Render from "@effect-mail/message/Render"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, type Stream } from "effect"
import { refusal, string } from "./support/texts.ts"

const domains = (input: string) =>
  Result.map(AddressList.parse(input), (list) =>
    AddressList.mailboxes(list).map(({ address }) => address.slice(address.lastIndexOf("@") + 1))
  )

/** The domains to which the input leads: those that are expected, or none at all. */
const leadsOnlyTo = (input: string, expected: ReadonlyArray<string>) => {
  const found = domains(input)
  if (Result.isSuccess(found)) assert.deepStrictEqual(found.success, expected, input)
}

const base = Message.make({ from: "ada@example.com", to: "bob@example.com", text: "Hi" })

const rendering = (message: Message.Message) => Effect.result(Render.render(message))

/**
 * Parses an input of the greatest length that is looked at. Whatever took more than linear time would take hours, so that the
 * test runner's limit is all the measure that is needed.
 */
const parsesAtOnce = (piece: string, before = "", after = "") => {
  const room = AddressList.maxLength - before.length - after.length
  return Result.isResult(AddressList.parse(before + piece.repeat(Math.floor(room / piece.length)) + after))
}

// Callers without types pass such things.
const untyped = (value: unknown) => value as AddressList.Input

describe("addresses", () => {
  it("GHSA-mm7p-fcc7-pg87, GHSA-g839-f65j-c574 (CVE-2025-13033): a quoted local part with @ never leads to the domain in the quotes", () => {
    leadsOnlyTo('"xclow3n@evil.example x"@internal.example', ["internal.example"])
    leadsOnlyTo('"a@evil.example"@internal.example', ["internal.example"])
    leadsOnlyTo('"a@evil.example>, <b@evil.example"@internal.example', ["internal.example"])
    leadsOnlyTo('"a" <"b@evil.example"@internal.example>', ["internal.example"])
    assert.isTrue(Result.isFailure(domains('"a@evil.example" b@internal.example')))
    assert.deepStrictEqual(Result.getOrThrow(domains('"a@evil.example" <b@internal.example>')), ["internal.example"])
  })
  it("GHSA-rcmh-qjqh-p98v (CVE-2025-14874): nested groups and comments need no stack", () => {
    assert.isTrue(Result.isFailure(domains("g0:".repeat(100_000))))
    assert.isTrue(Result.isFailure(domains("(".repeat(100_000))))
    const nested = `${"(".repeat(50_000)}${")".repeat(50_000)}a@example.com`
    assert.deepStrictEqual(Result.getOrThrow(domains(nested)), ["example.com"])
  })
  it("GHSA-2x7j-588g-ccc2, GHSA-v53p-9fqp-m79j, GHSA-prgh-xp8r-p3m5: a megabyte of anything is parsed or refused at once", () => {
    for (const piece of [
      "a ",
      "<",
      "(",
      "()",
      ",",
      '"',
      '"" ',
      "a@b.c,",
      "a <a@b.c>,",
      ":",
      "a:;,",
      "=?",
      "\\",
      ".",
      "@",
      "[",
      " "
    ]) {
      assert.isTrue(parsesAtOnce(piece))
    }
    assert.isTrue(parsesAtOnce("=?utf-8?q?a?= ", "", "<a@b.c>"))
    assert.isTrue(parsesAtOnce("b.", "a@", "c"))
  }, 300_000)
  it("GHSA-cc9r-2j5m-2m83: a comment in the domain is dropped at its ends and refused inside", () => {
    assert.deepStrictEqual(Result.getOrThrow(domains("a@(evil.example)internal.example")), ["internal.example"])
    assert.deepStrictEqual(Result.getOrThrow(domains("a@internal.example(.evil.example)")), ["internal.example"])
    for (const input of [
      "a@internal.example(x).evil.example",
      "a@internal(x).example",
      "a@internal.(x)example",
      "a(x).b@internal.example",
      "a@internal.example(x)evil"
    ]) {
      assert.isTrue(Result.isFailure(domains(input)), input)
    }
  })
  it("GHSA-g57g-f23g-4646: a quoted local part and a comment together are refused", () => {
    for (const input of [
      '"a@evil.example"(x)@internal.example',
      '"a"@(@evil.example)internal.example',
      '(x)"a"(y)@b.example'
    ]) {
      assert.isTrue(Result.isFailure(domains(input)), input)
    }
  })
  it("GHSA-wmmp-3585-3rmp: a domain with invisible or mapped characters is refused", () => {
    for (const domain of [
      "exam\u00adple.com",
      "exam\u200bple.com",
      "exam\u2060ple.com",
      "example\u3002com",
      "example\uff0ecom",
      "ｅxample.com",
      "example.com\u200e",
      "exam\u202eple.com"
    ]) {
      assert.isTrue(Result.isFailure(domains(`a@${domain}`)), JSON.stringify(domain))
      assert.isTrue(Result.isFailure(AddressList.fromInput({ address: `a@${domain}` })), JSON.stringify(domain))
    }
  })
  it("GHSA-8vvx-rff5-p5rq: arrays within arrays are refused, however deep", () => {
    let deep: unknown = "a@example.com"
    for (let i = 0; i < 100_000; i++) deep = [deep]
    assert.deepStrictEqual(refusal(AddressList.fromInput(untyped(deep))), ["bad-address", "address", 0])
    assert.deepStrictEqual(refusal(AddressList.fromInput(untyped(null))), ["bad-address", "address", 0])
    assert.deepStrictEqual(refusal(AddressList.fromInput(untyped({ address: ["a@example.com"] }))), [
      "bad-address",
      "address",
      0
    ])
  })
  it("CVE-2020-7769: an address that begins like an option of a program is an address, and only that", () => {
    assert.isTrue(Result.isFailure(domains("-be ${run{/bin/true}} -x@example.com y")))
  })
})

describe("headers", () => {
  it.effect("CVE-2021-23400: CR LF in an address object does not make a header", () =>
    Effect.gen(function* () {
      for (const input of [
        { name: "Bob\r\nBcc: mallory@example.net", address: "bob@example.com" },
        { name: "Bob", address: "bob@example.com\r\nBcc: mallory@example.net" },
        { name: "Bob", address: "bob@example.com>\r\nBcc: <mallory@example.net" }
      ]) {
        for (const message of [Message.to(base, input), Message.from(base, input), Message.replyTo(base, input)]) {
          assert.strictEqual(refusal(yield* rendering(message))[0], "control-character")
        }
      }
    })
  )
  it.effect("GHSA-268h-hp4c-crq3: CR LF does not come in through List-Unsubscribe", () =>
    Effect.gen(function* () {
      for (const unsubscribe of [
        { url: "https://example.com/\r\nBcc: mallory@example.net" },
        { url: "https://example.com/>, <https://evil.example/" },
        { url: "https://example.com/ (comment\r\n)" },
        { url: "http://example.com/" },
        { url: "javascript:alert(1)" },
        { mailto: "mailto:a@example.com\n" },
        { mailto: "https://example.com" },
        {}
      ]) {
        assert.isTrue(Result.isFailure(yield* rendering(Message.listUnsubscribe(base, unsubscribe))))
      }
    })
  )
  it.effect("GHSA-268h-hp4c-crq3: nor through any other List field, its name or its comment", () =>
    Effect.gen(function* () {
      const evil = "x\r\nBcc: mallory@example.net"
      for (const list of [
        { id: evil },
        { id: `news.example.com>${evil}` },
        { id: { name: evil, id: "news.example.com" } },
        { help: `mailto:${evil}` },
        { subscribe: [`https://example.com/`, `https://example.com/${evil}`] },
        { post: evil },
        { owner: `mailto:a@example.com (${evil})` },
        { archive: `https://example.com/>, <${evil}` }
      ]) {
        assert.isTrue(Result.isFailure(yield* rendering(Message.list(base, list))), JSON.stringify(list))
      }
    })
  )
  it.effect("CVE-2026-34752: a header named __proto__ is a header", () =>
    Effect.gen(function* () {
      const parcel = yield* Render.render(Message.header(base, "__proto__", "x"))
      assert.include(string(parcel.body.bytes ?? new Uint8Array()), "\r\n__proto__: x\r\n")
    })
  )
})

describe("content", () => {
  it.effect(
    "GHSA-wqvq-jvpq-h66f, GHSA-p6gq-j5cr-w38f, GHSA-8m3c-c648-2xjj: nothing reads a file or a URL by itself",
    () =>
      Effect.gen(function* () {
        for (const content of [
          { path: "/etc/passwd" },
          { href: "http://169.254.169.254/" },
          undefined,
          7,
          ["/etc/passwd"]
        ]) {
          const attachment = { content, path: "/etc/passwd", name: "a" } as unknown as Attachment.Attachment
          assert.strictEqual(refusal(yield* rendering(Message.attach(base, attachment)))[0], "bad-attachment")
        }
        const parcel = yield* Render.render(Message.attach(base, { content: "file:///etc/passwd", name: "a.txt" }))
        assert.include(
          string(parcel.body.bytes ?? new Uint8Array()),
          Buffer.from("file:///etc/passwd").toString("base64")
        )
      })
  )
  it.effect("GHSA-p6gq-j5cr-w38f: a ready message is bytes or a stream, and never the path or the URL of one", () =>
    Effect.gen(function* () {
      const options = { envelope: { from: "ada@example.com", to: "bob@example.com" } }
      for (const raw of ["/etc/passwd", { path: "/etc/passwd" }, { href: "http://169.254.169.254/" }, null, [70, 58]]) {
        const message = Message.eml(raw as unknown as Uint8Array, options)
        assert.strictEqual(refusal(yield* rendering(message))[0], "bad-attachment")
        const streamed = Message.emlStream(raw as unknown as Stream.Stream<Uint8Array>, options)
        assert.strictEqual(refusal(yield* rendering(streamed))[0], "bad-attachment")
      }
    })
  )
  it.effect("GHSA-9h6g-pr28-7cqp: HTML is not searched for data URIs", () =>
    Effect.gen(function* () {
      const html = `<img src="data:image/png;base64,${"A".repeat(900)}">`.repeat(100)
      const parcel = yield* Render.render(Message.html(base, html.replaceAll(">", ">\n")))
      assert.isUndefined(parcel.body.bytes)
      assert.strictEqual(parcel.body.encoding, "7bit")
    })
  )
})
