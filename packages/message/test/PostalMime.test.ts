/**
 * postal-mime, a parser by other people, finds in every message what was put into it.
 */
import * as Message from "@effect-mail/message/Message"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import PostalMime from "postal-mime"
import { octets, render } from "./support/render.ts"
import type { Sample } from "./support/samples.ts"
import { samples, shown, toMessage } from "./support/samples.ts"
import { bytes, join, Line, Lines, Octets } from "./support/texts.ts"

const parse = (message: Message.Message) =>
  Effect.flatMap(Effect.flatMap(render(message), octets), (all) => Effect.promise(() => PostalMime.parse(all)))

const contentOf = (content: ArrayBuffer | Uint8Array | string) =>
  typeof content === "string" ? bytes(content) : new Uint8Array(content)

const found = (email: Awaited<ReturnType<typeof PostalMime.parse>>) => ({
  subject: email.subject ?? "",
  from: email.from?.name ?? "",
  to: (email.to ?? []).map((to) => to.name),
  text: shown(email.text),
  html: shown(email.html),
  files: email.attachments.map(({ content, contentId, filename }) => ({
    name: filename,
    content: Array.from(contentOf(content)),
    cid: contentId
  }))
})

const expected = (sample: Sample) => ({
  subject: sample.subject,
  from: sample.from,
  to: Array.from(sample.to),
  text: shown(sample.text),
  html: shown(sample.html),
  files: sample.files.map(({ cid, content, name }) => ({
    name: name as string | null,
    content: Array.from(bytes(content)),
    cid: cid === undefined ? undefined : `<${cid}>`
  }))
})

// Readers trim what people see, and each in its own way; what must survive is everything else.
const visible = (parts: ReadonlyArray<string>) =>
  join(parts)
    .replace(/[\p{C}\p{Z}]+/gu, " ")
    .trim()

describe("postal-mime reads", () => {
  it.effect.each(samples)("$name", (sample) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(found(yield* parse(toMessage(sample))), expected(sample))
    })
  )
  it.effect.prop(
    "whatever is composed",
    [Line, Line, Lines, Lines, Octets, Line],
    ([subject, name, text, html, content, file]) =>
      Effect.gen(function* () {
        // postal-mime decodes encoded-words in file names whatever form they are written in.
        const base = visible(file).replace(/[/\\]|=\?/g, "")
        const sample: Sample = {
          name: "generated",
          subject: visible(subject),
          from: visible(name),
          to: [visible(name)],
          text: join(text).replaceAll("\0", ""),
          html: join(html).replaceAll("\0", ""),
          files: []
        }
        const message = toMessage(sample).pipe(
          Message.attach({ content: Uint8Array.from(content), name: `${base}.bin`, type: "application/octet-stream" })
        )
        const email = found(yield* parse(message))
        assert.deepStrictEqual(email, {
          ...expected(sample),
          files: [{ name: `${base}.bin`, content: Array.from(content), cid: undefined }]
        })
      })
  )
})
