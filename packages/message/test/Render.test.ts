import * as Message from "@effect-mail/message/Message"
import * as Render from "@effect-mail/message/Render"
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect } from "effect"
import { TestClock } from "effect/testing"
import PostalMime from "postal-mime"
import { base, field, header, recipients, refused, render, renderings, succeeds, text, upTo } from "./support/render.ts"

const newYear = Date.UTC(2030, 0, 1, 12, 34, 56)

describe("Render: one message, byte by byte", () => {
  it.effect("is the same under the same clock and the same chance", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(newYear)
      const message = Message.make({
        from: { name: "Ada Lovelace", address: "ada@example.com" },
        to: ["bob@example.net", "Zoë <zoe@example.net>"],
        bcc: "carol@example.org",
        subject: "Grüße",
        text: "Hello\n.\nGoodbye",
        html: "<p>Grüße <img src=cid:dot@example.com>",
        attachments: [
          { content: Uint8Array.of(1, 2, 3), name: "dot.png", cid: "dot@example.com", disposition: "inline" },
          { content: "a,b\n", name: "Größe.csv" }
        ],
        headers: { "X-Campaign": "42" }
      })
      const expected = [
        "Date: Tue, 01 Jan 2030 12:34:56 +0000",
        "From: Ada Lovelace <ada@example.com>",
        "To: bob@example.net, =?utf-8?q?Zo=C3=AB?= <zoe@example.net>",
        "Subject: =?utf-8?b?R3LDvMOfZQ==?=",
        "Message-ID: <o5v1s6m8.0b75o6ca8lgkb8437m6svej7@example.com>",
        "X-Campaign: 42",
        "MIME-Version: 1.0",
        "Content-Type: multipart/mixed;",
        ' boundary="=_8g7o02gqljhkrck9lkgj6i5r.1"',
        "",
        "--=_8g7o02gqljhkrck9lkgj6i5r.1",
        "Content-Type: multipart/alternative;",
        ' boundary="=_8g7o02gqljhkrck9lkgj6i5r.2"',
        "",
        "--=_8g7o02gqljhkrck9lkgj6i5r.2",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 7bit",
        "",
        "Hello",
        ".",
        "Goodbye",
        "--=_8g7o02gqljhkrck9lkgj6i5r.2",
        "Content-Type: multipart/related;",
        ' type="text/html";',
        ' boundary="=_8g7o02gqljhkrck9lkgj6i5r.3"',
        "",
        "--=_8g7o02gqljhkrck9lkgj6i5r.3",
        "Content-Type: text/html; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
        "",
        "<p>Gr=C3=BC=C3=9Fe <img src=3Dcid:dot@example.com>",
        "--=_8g7o02gqljhkrck9lkgj6i5r.3",
        "Content-Type: image/png; name=dot.png",
        "Content-Transfer-Encoding: base64",
        "Content-Disposition: inline; filename=dot.png",
        "Content-ID: <dot@example.com>",
        "",
        "AQID",
        "--=_8g7o02gqljhkrck9lkgj6i5r.3--",
        "--=_8g7o02gqljhkrck9lkgj6i5r.2--",
        "--=_8g7o02gqljhkrck9lkgj6i5r.1",
        "Content-Type: text/csv; charset=utf-8; name*=utf-8''Gr%C3%B6%C3%9Fe.csv",
        "Content-Transfer-Encoding: base64",
        "Content-Disposition: attachment; filename*=utf-8''Gr%C3%B6%C3%9Fe.csv",
        "",
        "YSxiCg==",
        "--=_8g7o02gqljhkrck9lkgj6i5r.1--",
        ""
      ]
      assert.strictEqual(yield* upTo("7bit")(text(message)), expected.join("\r\n"))
      const parcel = yield* render(message)
      assert.deepStrictEqual(parcel.envelope, {
        reversePath: "ada@example.com",
        recipients: [{ address: "bob@example.net" }, { address: "zoe@example.net" }, { address: "carol@example.org" }],
        options: {}
      } as unknown as typeof parcel.envelope)
      assert.strictEqual(parcel.messageId, "<o5v1s6m8.0b75o6ca8lgkb8437m6svej7@example.com>")
    })
  )
})

describe("Render: who", () => {
  it.effect("MSG-005: a message needs an author", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* refused(Message.to(Message.empty, "a@example.com")), [
        "no-sender",
        "From",
        undefined
      ])
      assert.deepStrictEqual(yield* refused(Message.make({ ...base, from: [] })), ["no-sender", "From", undefined])
    })
  )
  it.effect("MSG-004: several authors need a sender", () =>
    Effect.gen(function* () {
      const both = Message.from(base, ["a@example.com", "b@example.com"])
      assert.deepStrictEqual(yield* refused(both), ["no-sender", "Sender", undefined])
      const sent = Message.sender(both, "c@example.com")
      assert.deepStrictEqual(yield* field(sent, "Sender"), ["Sender: c@example.com"])
      assert.strictEqual((yield* render(sent)).envelope.reversePath, "c@example.com")
    })
  )
  it.effect("MSG-013: a group sends nothing", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* refused(Message.from(base, "G: a@example.com;")), [
        "bad-address",
        "From",
        undefined
      ])
      assert.deepStrictEqual(yield* refused(Message.sender(base, "G:;")), ["bad-address", "Sender", undefined])
    })
  )
  it.effect("a message needs a recipient, visible or not", () =>
    Effect.gen(function* () {
      const alone = Message.make({ from: "a@example.com" })
      assert.deepStrictEqual(yield* refused(alone), ["no-recipients", undefined, undefined])
      assert.deepStrictEqual(yield* refused(Message.to(alone, "G:;")), ["no-recipients", undefined, undefined])
      for (const add of [Message.to, Message.cc, Message.bcc])
        assert.isTrue(yield* succeeds(add(alone, "b@example.com")))
      assert.isTrue(yield* succeeds(Message.envelope(alone, { to: "b@example.com" })))
    })
  )
  it.effect("MSG-015: Bcc is in the envelope only, no byte of it in the message", () =>
    Effect.gen(function* () {
      const message = Message.bcc(base, ["Secret Agent <agent@secret.example>", "G: spy@secret.example;"])
      assert.deepStrictEqual(recipients(yield* render(message)), [
        "bob@example.com",
        "agent@secret.example",
        "spy@secret.example"
      ])
      assert.notMatch(yield* text(message), /secret|agent|spy|bcc/i)
    })
  )
  it.effect("MSG-014: a message without visible recipients says so", () =>
    Effect.gen(function* () {
      const message = Message.make({ from: "a@example.com", bcc: "b@example.com" })
      assert.deepStrictEqual(yield* field(message, "To"), ["To: undisclosed-recipients:;"])
    })
  )
  it.effect("MSG-019: recipients are To, Cc and Bcc with members of groups, each once", () =>
    Effect.gen(function* () {
      const message = Message.make({
        from: "a@example.com",
        to: ["b@example.com", "G: c@example.com, b@EXAMPLE.com;"],
        cc: ["B@example.com", "c@example.com"],
        bcc: "D <d@example.com>"
      })
      assert.deepStrictEqual(recipients(yield* render(message)), [
        "b@example.com",
        "c@example.com",
        "B@example.com",
        "d@example.com"
      ])
    })
  )
  it.effect("MSG-018: the envelope can differ from the header", () =>
    Effect.gen(function* () {
      const message = Message.envelope(base, { from: "bounce+7@example.com", to: ["x@example.net", "x@example.net"] })
      const parcel = yield* render(message)
      assert.strictEqual(parcel.envelope.reversePath, "bounce+7@example.com")
      assert.deepStrictEqual(recipients(parcel), ["x@example.net"])
      assert.deepStrictEqual(yield* field(message, "From"), ["From: ada@example.com"])
      assert.deepStrictEqual(yield* field(message, "To"), ["To: bob@example.com"])
      assert.strictEqual((yield* render(Message.envelope(base, { from: "" }))).envelope.reversePath, "")
    })
  )
  it.effect("MSG-018, SMTP-051: envelope addresses are bare ones", () =>
    Effect.gen(function* () {
      for (const [envelope, where] of [
        [{ from: "Ada <ada@example.com>" }, "envelope.from"],
        [{ from: "ada@example.com> SIZE=1" }, "envelope.from"],
        [{ from: "a@b.c\r\nRCPT TO:<d@e.f>" }, "envelope.from"],
        [{ to: ["a@example.com", "b@example.com,c@example.com"] }, "envelope.to[1]"],
        [{ to: [{ address: "b@example.com\0" }] }, "envelope.to[0]"],
        [{ auth: "a b" }, "envelope"]
      ] as const) {
        const [reason, at] = yield* refused(Message.envelope(base, envelope))
        assert.deepStrictEqual([reason, at], ["bad-address", where])
      }
      assert.deepStrictEqual(yield* refused(Message.envelope(base, { to: [] })), [
        "no-recipients",
        undefined,
        undefined
      ])
    })
  )
  it.effect("the envelope carries wishes and options, and refuses what no parameter can say", () =>
    Effect.gen(function* () {
      const message = base.pipe(
        Message.envelope({ ret: "HDRS", envelopeId: "QQ314" }),
        Message.envelope({ to: { address: "bob@example.net", notify: ["SUCCESS", "FAILURE"] } })
      )
      assert.deepStrictEqual<unknown>((yield* render(message)).envelope, {
        reversePath: "ada@example.com",
        recipients: [{ address: "bob@example.net", notify: ["SUCCESS", "FAILURE"] }],
        options: { ret: "HDRS", envelopeId: "QQ314" }
      })
      assert.deepStrictEqual(yield* refused(Message.envelope(base, { priority: 10 })), [
        "bad-envelope",
        "envelope.priority",
        undefined
      ])
    })
  )
  it.effect("SMTP-171: a local part beyond ASCII makes the header UTF-8, nothing else does", () =>
    Effect.gen(function* () {
      const local = yield* render(Message.cc(base, "Zoë <zoë@example.com>"))
      assert.deepStrictEqual([local.body.utf8Headers, local.body.encoding], [true, "8bit"])
      assert.deepStrictEqual(yield* field(Message.cc(base, "Zoë <zoë@example.com>"), "Cc"), [
        "Cc: =?utf-8?q?Zo=C3=AB?= <zoë@example.com>"
      ])
      const domain = yield* render(
        Message.make({
          from: "Ä <a@bücher.example>",
          to: "b@bücher.example",
          subject: "Ü",
          text: "Ö",
          headers: { "X-A": "ß" }
        })
      )
      assert.deepStrictEqual(
        renderings(domain).map(({ body }) => [body.utf8Headers, body.encoding]),
        [
          [false, "8bit"],
          [false, "7bit"]
        ]
      )
      assert.match(domain.messageId ?? "", /^<[\w.]+@xn--bcher-kva\.example>$/)
    })
  )
})

const unsubscribeLines = (unsubscribe: Message.Unsubscribe) =>
  Effect.map(header(Message.listUnsubscribe(base, unsubscribe)), (all) =>
    all.filter((line) => line.startsWith("List-"))
  )

describe("Render: header", () => {
  it.effect("MSG-006: the date is written in UTC, from the clock when none is given", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* field(base, "Date"), ["Date: Thu, 01 Jan 1970 00:00:00 +0000"])
      const moment = DateTime.makeUnsafe({ year: 2024, month: 2, day: 29, hour: 9 })
      for (const date of [moment, DateTime.setZoneOffset(moment, 3_600_000), DateTime.toDateUtc(moment)]) {
        assert.deepStrictEqual(yield* field(Message.date(base, date), "Date"), [
          "Date: Thu, 29 Feb 2024 09:00:00 +0000"
        ])
      }
    })
  )
  it.effect("MSG-006: a date outside of 1900 to 9999 is refused", () =>
    Effect.gen(function* () {
      for (const date of [new Date(Number.NaN), new Date(Date.UTC(1899, 11, 31)), new Date(Date.UTC(10000, 0, 1))]) {
        assert.deepStrictEqual(yield* refused(Message.date(base, date)), ["bad-date", "Date", undefined])
      }
    })
  )
  it.effect("MSG-007: a new Message-ID is at the author's domain, and another one each time", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(newYear)
      const [line] = yield* field(base, "Message-ID")
      assert.match(line ?? "", /^Message-ID: <o5v1s6m8\.[0-9a-v]{24}@example\.com>$/)
      assert.strictEqual((yield* render(base)).messageId, line?.slice("Message-ID: ".length))
      const ids = yield* Effect.all([Render.render(base), Render.render(base)])
      assert.notStrictEqual(ids[0].messageId, ids[1].messageId)
    })
  )
  it.effect("MSG-007: a Message-ID can be given, with brackets or without", () =>
    Effect.gen(function* () {
      for (const id of ["1.a+b@example.com", "<1.a+b@example.com>", "1@[192.0.2.1]"]) {
        const bare = id.replace(/^<|>$/g, "")
        assert.deepStrictEqual(yield* field(Message.messageId(base, id), "Message-ID"), [`Message-ID: <${bare}>`])
        assert.strictEqual((yield* render(Message.messageId(base, id))).messageId, `<${bare}>`)
      }
      for (const id of ["", "a", "a@", "@a", "a b@c", "<a@b", "a@b>", "<<a@b>>", "é@example.com", "a@b@c"]) {
        assert.deepStrictEqual(yield* refused(Message.messageId(base, id)), ["bad-header", "Message-ID", undefined], id)
      }
      assert.deepStrictEqual(yield* refused(Message.messageId(base, "a@b\r\nX: y")), [
        "control-character",
        "Message-ID",
        3
      ])
    })
  )
  it.effect("MSG-008: answers name their parents", () =>
    Effect.gen(function* () {
      const reply = base.pipe(Message.inReplyTo("b@x"), Message.references(["<a@x>", "<b@x>"]))
      assert.deepStrictEqual(yield* field(reply, "In-Reply-To"), ["In-Reply-To: <b@x>"])
      assert.deepStrictEqual(yield* field(reply, "References"), ["References: <a@x> <b@x>"])
      const many = Array.from({ length: 200 }, (_, i) => `<${"a".repeat(40)}${i}@example.com>`)
      assert.deepStrictEqual(yield* field(Message.references(base, many.join("\r\n\t")), "References"), [
        `References: ${many.join(" ")}`
      ])
      assert.deepStrictEqual(yield* refused(Message.references(base, ["a>b"])), ["bad-header", "References", undefined])
    })
  )
  it.effect("MSG-025: List-Unsubscribe, by one click when there is an https address", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* unsubscribeLines({ url: "https://example.com/u?a=1,2", mailto: "mailto:u@example.com?subject=x" }),
        [
          "List-Unsubscribe: <https://example.com/u?a=1,2>, <mailto:u@example.com?subject=x>",
          "List-Unsubscribe-Post: List-Unsubscribe=One-Click"
        ]
      )
      assert.deepStrictEqual(yield* unsubscribeLines({ mailto: "mailto:u@example.com" }), [
        "List-Unsubscribe: <mailto:u@example.com>"
      ])
    })
  )
  it.effect("MSG-023: Auto-Submitted", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* field(Message.autoSubmitted(base, "auto-replied"), "Auto-Submitted"), [
        "Auto-Submitted: auto-replied"
      ])
      assert.deepStrictEqual(yield* refused(Message.autoSubmitted(base, "x\r\n" as "no")), [
        "bad-header",
        "Auto-Submitted",
        undefined
      ])
    })
  )
  it.effect("MSG-004, MSG-015, MSG-017: a field with a function of its own cannot be a custom header", () =>
    Effect.gen(function* () {
      for (const name of [
        "From",
        "BCC",
        "Resent-Bcc",
        "Return-Path",
        "subject",
        "Message-Id",
        "Content-Type",
        "MIME-Version",
        "content-x"
      ]) {
        assert.deepStrictEqual(yield* refused(Message.header(base, name, "a")), ["bad-header", name, undefined])
      }
    })
  )
  it.effect("has limits", () =>
    Effect.gen(function* () {
      const headers = Array.from({ length: 1001 }, () => ["X-A", "a"] as const)
      assert.deepStrictEqual(yield* refused(Message.make({ ...base, headers })), ["too-many", "headers", undefined])
      const to = Array.from({ length: 10_001 }, () => "a@example.com")
      assert.deepStrictEqual(yield* refused(Message.to(base, to)), ["too-many", "To", undefined])
    })
  )
})

const types = (message: Message.Message) =>
  Effect.map(text(message), (all) => Array.from(all.matchAll(/^Content-Type: ([a-z/]+)/gm), ([, type]) => type))

const dotFree = (content: string) =>
  Effect.map(upTo("7bit")(render(Message.text(base, content))), ({ body }) => body.dotFree)

const boundaryOf = (all: string) => /boundary="([^"]+)\.1"/.exec(all)?.[1] ?? ""

describe("Render: body", () => {
  it.effect("MIME-009: has no wrapper around a single part", () =>
    Effect.gen(function* () {
      const file = { content: "a", name: "a.pdf" }
      const picture = { content: "a", name: "a.png", cid: "a@b" }
      assert.deepStrictEqual(yield* types(base), ["text/plain"])
      assert.deepStrictEqual(yield* types(Message.text(base, "a")), ["text/plain"])
      assert.deepStrictEqual(yield* types(Message.html(base, "a")), ["text/html"])
      assert.deepStrictEqual(yield* types(Message.attach(base, file)), ["application/pdf"])
      const both = base.pipe(Message.html("a"), Message.text("a"))
      assert.deepStrictEqual(yield* types(both), ["multipart/alternative", "text/plain", "text/html"])
      assert.deepStrictEqual(yield* types(Message.embed(Message.html(base, "a"), picture)), [
        "multipart/related",
        "text/html",
        "image/png"
      ])
      assert.deepStrictEqual(yield* types(Message.embed(Message.text(base, "a"), picture)), [
        "multipart/mixed",
        "text/plain",
        "image/png"
      ])
      assert.deepStrictEqual(yield* types(both.pipe(Message.attach(file), Message.embed(picture))), [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/pdf"
      ])
    })
  )
  it.effect("SMTP-094: always ends its last line, and never adds an empty one", () =>
    Effect.gen(function* () {
      for (const [content, end] of [
        ["a", "\r\n\r\na\r\n"],
        ["a\n", "\r\n\r\na\r\n"],
        ["", "\r\n\r\n"],
        ["é", "\r\n\r\nw6k=\r\n"],
        ["aaaaaaaaaé", "\r\n\r\naaaaaaaaa=C3=A9\r\n"]
      ] as const) {
        const all = yield* upTo("7bit")(text(Message.text(base, content)))
        assert.strictEqual(all.slice(all.indexOf("\r\n\r\n")), end)
      }
    })
  )
  it.effect("MIME-004: a dot at a line start is told of in 7bit and escaped in quoted-printable", () =>
    Effect.gen(function* () {
      assert.isFalse(yield* dotFree("a\n.b"))
      assert.isFalse(yield* dotFree("."))
      assert.isTrue(yield* dotFree("a.\n b."))
      assert.isTrue(yield* dotFree(".\nGrüße\n..\n"))
      assert.isTrue(yield* dotFree(".日本語"))
      assert.isFalse((yield* render(Message.header(base, ".dot", "a"))).body.dotFree)
    })
  )
  it.effect("refuses half of a character in a text", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* refused(Message.text(base, "ab\ud83d")), ["unpaired-surrogate", "text", 2])
      assert.deepStrictEqual(yield* refused(Message.html(base, "\ude00")), ["unpaired-surrogate", "html", 0])
      assert.deepStrictEqual(yield* refused(Message.subject(base, "\ude00")), ["unpaired-surrogate", "Subject", 0])
    })
  )
  it.effect("MIME-007: chooses another boundary when a text holds the first one", () =>
    Effect.gen(function* () {
      const both = base.pipe(Message.text("a"), Message.html("b"))
      const first = boundaryOf(yield* text(both))
      const message = Message.text(both, `${first}.1\n--${first}.1--\n`)
      const second = boundaryOf(yield* text(message))
      assert.notStrictEqual(second, first)
      assert.strictEqual((yield* text(message)).split(`\r\n--${second}.1`).length, 4)
      const inMessage = Message.attach(both, { content: `Subject: a\n\n--${first}.1\n`, type: "message/rfc822" })
      assert.notStrictEqual(boundaryOf(yield* text(inMessage)), first)
    })
  )
})

describe("MIME-004: text where 8bit is allowed", () => {
  const message = base.pipe(
    Message.text("Grüße\n.\n"),
    Message.html("<p>日本</p>"),
    Message.alternative({ type: "text/markdown", content: "é" }),
    Message.attach({ content: "é", name: "a.txt" })
  )

  it.effect("goes out as it is, and the facts say what it takes", () =>
    Effect.gen(function* () {
      const { body } = yield* upTo("8bit")(render(message))
      const all = new TextDecoder().decode(body.bytes)
      assert.deepStrictEqual(
        Array.from(all.matchAll(/^Content-Transfer-Encoding: (.*)\r$/gm), ([, encoding]) => encoding),
        ["8bit", "8bit", "8bit", "8bit", "8bit", "base64"]
      )
      assert.include(all, "\r\n\r\nGrüße\r\n.\r\n")
      assert.deepStrictEqual(
        [body.encoding, body.utf8Headers, body.dotFree, body.size],
        ["8bit", false, false, body.bytes?.length]
      )
      const email = yield* Effect.promise(() => PostalMime.parse(body.bytes ?? ""))
      assert.deepStrictEqual([email.text?.trimEnd(), email.html?.trimEnd()], ["Grüße\n.", "<p>日本</p>"])
    })
  )

  it.effect("is 7bit when it is ASCII, and encoded when it has NUL or a line that is too long", () =>
    Effect.gen(function* () {
      for (const [content, encoding] of [
        ["Hi", "7bit"],
        ["é and NUL: \0", "quoted-printable"],
        [`é${"x".repeat(997)}`, "quoted-printable"],
        [`é${"x".repeat(996)}`, "8bit"]
      ] as const) {
        const all = yield* upTo("8bit")(text(Message.text(base, content)))
        assert.include(all, `Content-Transfer-Encoding: ${encoding}\r\n`)
      }
    })
  )

  it.effect("is what is allowed unless somebody says otherwise", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* render(message)).body.encoding, "8bit")
      assert.strictEqual((yield* upTo("7bit")(render(message))).body.encoding, "7bit")
    })
  )
})
