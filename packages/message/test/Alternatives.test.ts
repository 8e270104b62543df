import * as Message from "@effect-mail/message/Message"
import * as Template from "@effect-mail/message/Template"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import PostalMime from "postal-mime"
import { base, field, octets, refused, render, text } from "./support/render.ts"

const invitation = [
  "BEGIN:VCALENDAR",
  "VERSION:2.0",
  "METHOD:REQUEST",
  "BEGIN:VEVENT",
  "UID:1@example.com",
  "SUMMARY:Über alles",
  "END:VEVENT",
  "END:VCALENDAR",
  ""
].join("\n")

const letter = base.pipe(Message.text("words\n"), Message.html("<p>words</p>"))

const typesOf = (message: Message.Message) =>
  Effect.map(text(message), (all) => [...all.matchAll(/Content-Type: ([^;\r]*)/g)].map(([, type]) => type))

describe("alternatives", () => {
  it.effect("MIME-009: stand behind the HTML, AMP before it", () =>
    Effect.gen(function* () {
      const message = letter.pipe(
        Message.calendar({ method: "REQUEST", content: invitation }),
        Message.alternative({ type: "text/x-amp-html", content: "<html amp4email></html>" }),
        Message.embed({ content: "x", name: "a.png", cid: "a@example.com" })
      )
      assert.deepStrictEqual(yield* typesOf(message), [
        "multipart/alternative",
        "text/plain",
        "text/x-amp-html",
        "multipart/related",
        "text/html",
        "image/png",
        "text/calendar"
      ])
    })
  )

  it.effect("a calendar object has its method, its charset and CRLF, and is read by postal-mime", () =>
    Effect.gen(function* () {
      const message = Message.calendar(letter, { method: "REQUEST", content: invitation })
      assert.include(yield* text(message), "Content-Type: text/calendar; method=REQUEST; charset=utf-8\r\n")
      const { attachments } = yield* Effect.flatMap(Effect.flatMap(render(message), octets), (all) =>
        Effect.promise(() => PostalMime.parse(all, { attachmentEncoding: "utf8" }))
      )
      assert.deepStrictEqual(
        attachments.map(({ content, method, mimeType }) => [
          mimeType,
          method,
          typeof content === "string" && content.replaceAll("\r\n", "\n")
        ]),
        [["text/calendar", "REQUEST", invitation]]
      )
    })
  )

  it.effect("RFC 6047: a calendar object of another method, or of none, is refused", () =>
    Effect.gen(function* () {
      for (const alternative of [
        { type: "text/calendar; method=CANCEL", content: invitation },
        { type: "text/calendar", content: invitation },
        { type: "text/calendar; method=REQUEST", content: "BEGIN:VCALENDAR\nX-METHOD:REQUEST\n" }
      ]) {
        assert.deepStrictEqual(yield* refused(Message.alternative(letter, alternative)), [
          "bad-attachment",
          "alternatives[0]",
          undefined
        ])
      }
      const none = yield* text(Message.alternative(letter, { type: "text/calendar", content: "BEGIN:VCALENDAR\n" }))
      assert.include(none, "text/calendar; charset=utf-8")
    })
  )

  it.effect("alone is the whole message", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* typesOf(Message.alternative(base, { type: "text/markdown; charset=x", content: "*é*" })),
        ["text/markdown"]
      )
    })
  )

  it.effect("SMTP-052: types that are none, parts of mail and halves of characters are refused", () =>
    Effect.gen(function* () {
      const refusal = (type: string, content = "") => refused(Message.alternative(letter, { type, content }))
      for (const type of ["", "text", "multipart/mixed", "message/rfc822"]) {
        assert.deepStrictEqual((yield* refusal(type)).slice(0, 2), ["bad-attachment", "alternatives[0].type"], type)
      }
      assert.strictEqual((yield* refusal("a/b\r\nX: y"))[0], "control-character")
      assert.deepStrictEqual((yield* refusal("a/b", "\ud800")).slice(0, 2), [
        "unpaired-surrogate",
        "alternatives[0].content"
      ])
    })
  )
})

describe("list fields", () => {
  it.effect("MSG-024: are written as RFC 2369 and RFC 2919 want them", () =>
    Effect.gen(function* () {
      const message = Message.list(letter, {
        id: { name: "Ada's, news", id: "news.example.com" },
        help: "https://example.com/help",
        subscribe: ["https://example.com/in", "mailto:news-request@example.com?subject=subscribe"],
        post: "NO",
        owner: "mailto:ada@example.com",
        archive: "https://example.com/archive/"
      })
      assert.deepStrictEqual(
        (yield* Effect.all(
          ["Id", "Help", "Subscribe", "Post", "Owner", "Archive"].map((name) => field(message, `List-${name}`))
        )).flat(),
        [
          'List-Id: "Ada\'s, news" <news.example.com>',
          "List-Help: <https://example.com/help>",
          "List-Subscribe: <https://example.com/in>, <mailto:news-request@example.com?subject=subscribe>",
          "List-Post: NO",
          "List-Owner: <mailto:ada@example.com>",
          "List-Archive: <https://example.com/archive/>"
        ]
      )
      assert.deepStrictEqual(yield* field(Message.list(letter, { id: "a.example" }), "List-Id"), [
        "List-Id: <a.example>"
      ])
      const named = Message.list(letter, { id: { name: "Grüße", id: "a.example" } })
      assert.match((yield* field(named, "List-Id"))[0] ?? "", /^List-Id: =\?utf-8\?[^ ]+\?= <a\.example>$/)
    })
  )

  it.effect("MSG-024, SMTP-052: refuse what is no id and no URL", () =>
    Effect.gen(function* () {
      for (const id of ["", "news", "a..b", "a b.example", "<a.example>", "ä.example", `${"a".repeat(250)}.example`]) {
        assert.deepStrictEqual(
          (yield* refused(Message.list(letter, { id }))).slice(0, 2),
          ["bad-header", "List-Id"],
          id
        )
      }
      for (const help of ["example.com", "https://a b", "https://a>,<https://b", "https://ü.example", ""]) {
        assert.deepStrictEqual((yield* refused(Message.list(letter, { help }))).slice(0, 2), [
          "bad-header",
          "List-Help"
        ])
      }
      const evil = { id: { name: "a\r\nBcc: eve@example.net", id: "a.example" } }
      assert.strictEqual((yield* refused(Message.list(letter, evil)))[0], "control-character")
      assert.strictEqual((yield* refused(Message.list(letter, { owner: "https://a\r\nX: y" })))[0], "control-character")
    })
  )
})

it.effect("priority is written for both kinds of readers", () =>
  Effect.gen(function* () {
    const message = Message.priority(letter, "high")
    assert.deepStrictEqual(
      [...(yield* field(message, "Importance")), ...(yield* field(message, "X-Priority"))],
      ["Importance: high", "X-Priority: 1"]
    )
    // What a caller without types may give.
    const wrong = "toString" as Message.Priority
    assert.strictEqual((yield* refused(Message.priority(letter, wrong)))[0], "bad-header")
  })
)

describe("a template", () => {
  const Data = Schema.Struct({ name: Schema.NonEmptyString, count: Schema.FiniteFromString })
  const plain = Template.make(Data, ({ count, name }) => ({
    subject: `${count} new letters`,
    html: Template.html`<p title="${name}">Dear ${name}</p>`.html
  }))

  it.effect("fills a message with words made of checked data", () =>
    Effect.gen(function* () {
      const message = yield* letter.pipe(Template.fill(plain, { name: '<Ada & "Co\'s">', count: "3" }))
      assert.deepStrictEqual(
        [message.subject, message.text, message.html],
        [
          "3 new letters",
          "words\n",
          '<p title="&lt;Ada &amp; &quot;Co&#39;s&quot;&gt;">Dear &lt;Ada &amp; &quot;Co&#39;s&quot;&gt;</p>'
        ]
      )
    })
  )

  it.effect("refuses data that is not as the schema says", () =>
    Effect.gen(function* () {
      for (const data of [
        { name: "", count: "3" },
        { name: "Ada", count: "many" }
      ]) {
        const error = yield* Effect.flip(Template.fill(plain, data)(letter))
        assert.strictEqual(error._tag, "SchemaError")
      }
    })
  )

  it.effect("may be an Effect, and fails as it does", () =>
    Effect.gen(function* () {
      const slow = Template.make(Data, ({ name }) =>
        name === "nobody" ? Effect.fail("unknown" as const) : Effect.succeed({ text: `Dear ${name}\n` })
      )
      assert.strictEqual((yield* Template.fill(slow, { name: "Ada", count: "1" })(letter)).text, "Dear Ada\n")
      assert.strictEqual(yield* Effect.flip(Template.fill(slow, { name: "nobody", count: "1" })(letter)), "unknown")
    })
  )

  it.effect("takes its plain text from the HTML where it has none of its own", () =>
    Effect.gen(function* () {
      const tagless = Template.withText((html) => html.replace(/<[^>]*>/g, ""))
      const html = tagless(Template.make(Data, ({ name }) => ({ html: Template.html`<p>Dear ${name}</p>`.html })))
      const own = tagless(Template.make(Data, ({ name }) => ({ text: "mine", html: `<p>${name}</p>` })))
      const words = tagless(Template.make(Data, () => ({ subject: "s" })))
      const filled = (template: typeof html) => Template.fill(template, { name: "Ada", count: "1" })(letter)
      assert.strictEqual((yield* filled(html)).text, "Dear Ada")
      assert.strictEqual((yield* filled(own)).text, "mine")
      assert.strictEqual((yield* filled(words)).text, letter.text)
    })
  )

  it("nests HTML without escaping it twice", () => {
    const items = ["a", "<b>"].map((item) => Template.html`<li>${item}</li>`)
    assert.strictEqual(
      Template.html`<ul>${items}</ul>${Template.html`<hr>`}${7}`.html,
      "<ul><li>a</li><li>&lt;b&gt;</li></ul><hr>7"
    )
  })
})
