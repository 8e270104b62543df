import { Mailbox } from "@effect-mail/testing"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"

const mail = (...recipients: ReadonlyArray<string>): Mailbox.Mail => ({
  from: "alice@example.com",
  recipients,
  parameters: new Map(),
  content: new Uint8Array(),
  secure: false
})

describe("Mailbox", () => {
  it.effect("gives the mail of one recipient, in order", () =>
    Effect.gen(function* () {
      const box = yield* Mailbox.make
      const [first, second, third] = [
        mail("bob@example.com"),
        mail("carol@example.com"),
        mail("x@example.com", "bob@example.com")
      ] as const
      yield* Effect.forEach([first, second, third], box.put)
      assert.deepStrictEqual(yield* box.all, [first, second, third])
      assert.deepStrictEqual(yield* box.to("bob@example.com"), [first, third])
      assert.deepStrictEqual(yield* box.to("nobody@example.com"), [])
    })
  )

  it.effect("waits until so many messages are there, and not when they are there already", () =>
    Effect.gen(function* () {
      const box = yield* Mailbox.make
      assert.deepStrictEqual(yield* box.wait(0), [])
      const waiting = yield* Effect.forkChild(box.wait(2), { startImmediately: true })
      yield* box.put(mail("bob@example.com"))
      yield* Effect.yieldNow
      assert.isUndefined(waiting.pollUnsafe())
      yield* box.put(mail("carol@example.com"))
      assert.strictEqual((yield* Fiber.join(waiting)).length, 2)
      assert.strictEqual((yield* box.wait(1)).length, 2)
    })
  )

  it.effect("throws everything away when asked", () =>
    Effect.gen(function* () {
      const box = yield* Mailbox.make
      yield* box.put(mail("bob@example.com"))
      yield* box.clear
      assert.deepStrictEqual(yield* box.all, [])
    })
  )
})

const letter = (to: string, subject: string, ...more: ReadonlyArray<string>): Mailbox.Mail => ({
  ...mail(to),
  content: new TextEncoder().encode(
    [
      "From: Alice <alice@example.com>",
      `Subject: ${subject}`,
      "X-Tag: one",
      "x-tag: =?utf-8?q?two?=",
      'Content-Type: multipart/mixed; boundary="b"',
      ...more,
      "",
      "--b",
      "Content-Type: multipart/alternative; boundary=a",
      "",
      "--a",
      "Content-Type: text/plain; charset=utf-8",
      "Content-Transfer-Encoding: base64",
      "",
      "R3LDvMOfZSBhdXMgQmVybGlu",
      "--a",
      "Content-Type: text/html",
      "",
      "<p>Greetings from Bern</p>",
      "--a--",
      "--b",
      "Content-Type: text/csv",
      "Content-Disposition: attachment; filename*=utf-8''bill%20%E2%82%AC.csv",
      "",
      "sum;42",
      "--b--",
      ""
    ].join("\r\n")
  )
})

describe("the messages in a mailbox", () => {
  const filled = Effect.gen(function* () {
    const box = yield* Mailbox.make
    yield* box.put(letter("bob@example.org", "=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "X-Only: first"))
    yield* box.put(letter("carol@example.org", "Hello"))
    yield* box.put({ ...letter("bob@example.org", "Hello"), from: "" })
    return box
  })

  it.effect("are read by a parser of others", () =>
    Effect.gen(function* () {
      const box = yield* filled
      const [first] = yield* box.find()
      if (first === undefined) return assert.fail("expected a message")
      assert.strictEqual(first.subject, "Gr\u00fc\u00dfe")
      assert.strictEqual(first.header("x-TAG"), "one")
      assert.isUndefined(first.header("Bcc"))
      assert.strictEqual(first.text?.trim(), "Gr\u00fc\u00dfe aus Berlin")
      assert.strictEqual(first.html?.trim(), "<p>Greetings from Bern</p>")
      assert.deepStrictEqual(
        first.attachments.map(({ content, name, type }) => [name, type, new TextDecoder().decode(content).trim()]),
        [["bill \u20ac.csv", "text/csv", "sum;42"]]
      )
    })
  )

  const queries: ReadonlyArray<readonly [what: string, query: Mailbox.Query, found: ReadonlyArray<number>]> = [
    ["everything", {}, [0, 1, 2]],
    ["a recipient", { to: "bob@example.org" }, [0, 2]],
    ["a recipient, exactly", { to: "bob@example" }, []],
    ["a bounce", { from: "" }, [2]],
    ["a subject, decoded", { subject: "Gr\u00fc" }, [0]],
    ["a subject by an expression", { subject: /^hello$/i }, [1, 2]],
    ["a header", { headers: { "X-ONLY": "first" } }, [0]],
    ["one of several fields of a name", { headers: { "X-Tag": /two/ } }, [0, 1, 2]],
    ["two headers", { headers: { "X-Tag": "one", "X-Only": "second" } }, []],
    ["a text part", { part: "aus Berlin" }, [0, 1, 2]],
    ["an HTML part", { part: /from\s+Bern/ }, [0, 1, 2]],
    ["an attached text", { part: "sum;42" }, [0, 1, 2]],
    ["no part", { part: "Zurich" }, []],
    ["a file name", { attachment: "\u20ac.csv" }, [0, 1, 2]],
    ["all of it at once", { to: "bob@example.org", subject: "Hello", attachment: /csv$/ }, [2]]
  ]
  for (const [what, query, expected] of queries) {
    it.effect(`are found by ${what}`, () =>
      Effect.gen(function* () {
        const box = yield* filled
        const all = yield* box.all
        const found = yield* box.find(query)
        assert.deepStrictEqual(
          found.map(({ mail }) => all.indexOf(mail)),
          expected
        )
      })
    )
  }

  it.effect("can be waited for, one after the other", () =>
    Effect.gen(function* () {
      const box = yield* Mailbox.make
      const waiting = yield* Effect.forkChild(box.waitFor({ subject: "Hello" }, 2), { startImmediately: true })
      yield* box.put(letter("bob@example.org", "Hello"))
      yield* box.put(letter("bob@example.org", "Other"))
      yield* box.put(letter("carol@example.org", "Hello again"))
      assert.strictEqual((yield* Fiber.join(waiting)).subject, "Hello again")
      assert.strictEqual((yield* box.waitFor({ subject: "Hello" })).mail.recipients[0], "bob@example.org")
    })
  )

  it.effect("that nobody can read are an error to whoever reads them, and are never found", () =>
    Effect.gen(function* () {
      const box = yield* Mailbox.make
      const deep = {
        ...mail("bob@example.org"),
        content: new TextEncoder().encode("X: ".concat("x".repeat(3_000_000)))
      }
      yield* box.put(deep)
      yield* box.put(letter("bob@example.org", "Hello"))
      assert.match(
        (yield* Effect.flip(Mailbox.read(deep))).message,
        /^the mail from <alice@example\.com> cannot be read: /
      )
      assert.strictEqual((yield* box.find()).length, 1)
    })
  )
})
