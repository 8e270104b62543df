/**
 * Whatever an application passes on from its users, a message has the fields, parts and recipients that the application
 * asked for, or it is refused.
 */
import * as Message from "@effect-mail/message/Message"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { base, octets, render } from "./support/render.ts"
import { Anything, join, Lines, string } from "./support/texts.ts"

const known = new Set([
  "Date",
  "From",
  "Reply-To",
  "To",
  "Cc",
  "Subject",
  "Message-ID",
  "In-Reply-To",
  "References",
  "List-Unsubscribe",
  "List-Unsubscribe-Post",
  "X-Custom",
  "MIME-Version",
  "Content-Type",
  "Content-Transfer-Encoding",
  "Content-Disposition",
  "Content-ID"
])

const assertHeader = (header: string) => {
  const names = header.split(/\r\n(?![ \t])/).map((field) => field.slice(0, field.indexOf(":")))
  for (const name of names) assert.isTrue(known.has(name), name)
  assert.strictEqual(new Set(names).size, names.length)
}

const assertLines = (all: string) => {
  assert.notMatch(all, /\r(?!\n)|(?<!\r)\n|\0/)
  for (const line of all.split("\r\n")) assert.isAtMost(line.length, 998)
}

/** A message with a user's text in one of the places where applications put such. */
const placed = (text: string): ReadonlyArray<Message.Composed> => [
  Message.subject(base, text),
  Message.from(base, text),
  Message.from(base, { name: text, address: "ada@example.com" }),
  Message.to(base, { name: text, address: "bob@example.com" }),
  Message.to(base, { name: "Bob", address: text }),
  Message.cc(base, `${text} <bob@example.com>`),
  Message.replyTo(base, { name: text, address: `${text}@example.com` }),
  Message.header(base, "X-Custom", text),
  Message.messageId(base, text),
  Message.inReplyTo(base, text),
  Message.references(base, [text]),
  Message.listUnsubscribe(base, { url: `https://example.com/${text}` }),
  Message.attach(base, { content: "a", name: text }),
  Message.attach(base, { content: "a", type: text }),
  Message.attach(base, { content: "a", type: `text/plain; x=${text}` }),
  Message.attach(base, { content: "a", cid: text }),
  Message.envelope(base, { from: text }),
  Message.envelope(base, { to: text })
]

describe("Injection (SMTP-050, SMTP-052, MSG-020)", () => {
  it.effect.prop("no text makes a header field, a line end or a recipient", [Anything], ([parts]) =>
    Effect.gen(function* () {
      for (const message of placed(join(parts))) {
        const rendered = yield* Effect.result(render(message))
        if (Result.isFailure(rendered)) {
          assert.notStrictEqual(rendered.failure.message, "")
          continue
        }
        const all = string(yield* octets(rendered.success))
        assertLines(all)
        assertHeader(all.slice(0, all.indexOf("\r\n\r\n")))
        const { recipients, reversePath } = rendered.success.envelope
        assert.isAtMost(recipients.length, 2)
        for (const address of [reversePath, ...recipients.map((recipient) => recipient.address)]) {
          assert.notMatch(address, /[\0-\x1f<>]|\x7f/)
        }
      }
    })
  )
  it.effect.prop("MIME-007: no content ends its part", [Lines, Lines, Lines], ([text, html, file]) =>
    Effect.gen(function* () {
      const message = base.pipe(
        Message.text(join(text)),
        Message.html(join(html)),
        Message.attach({ content: join(file).replaceAll("\0", ""), type: "message/rfc822" })
      )
      const all = string(yield* Effect.flatMap(render(message), octets))
      assertLines(all)
      const boundaries = Array.from(all.matchAll(/boundary="([^"]+)"/g), ([, boundary]) => boundary ?? "")
      assert.strictEqual(boundaries.length, 2)
      for (const boundary of boundaries) {
        // Once in its field, once before each of two parts, once at the end.
        assert.strictEqual(all.split(boundary).length - 1, 4)
        assert.strictEqual(all.split(`\r\n--${boundary}\r\n`).length - 1, 2)
        assert.strictEqual(all.split(`\r\n--${boundary}--\r\n`).length - 1, 1)
      }
    })
  )
})
