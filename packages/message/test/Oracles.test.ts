/**
 * Whatever is composed, three parsers by other people read what was put into it: postal-mime, mailparser and Python's `email`.
 */
import * as Message from "@effect-mail/message/Message"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as Readers from "./support/readers.ts"
import { octets, render, renderings } from "./support/render.ts"
import type { Sample } from "./support/samples.ts"
import * as Samples from "./support/samples.ts"
import { join, Line, Lines, Octets } from "./support/texts.ts"

const File = Schema.Struct({ name: Line, content: Octets, embedded: Schema.Boolean })

const Draft = Schema.Struct({
  subject: Line,
  from: Line,
  to: Schema.NonEmptyArray(Line).check(Schema.isMaxLength(4)),
  text: Schema.UndefinedOr(Lines),
  html: Schema.UndefinedOr(Lines),
  files: Schema.Array(File).check(Schema.isMaxLength(3))
})

const shownText = (parts: ReadonlyArray<string> | undefined) => join(parts ?? []).replaceAll("\0", "")

// Readers decode encoded-words wherever they find them in file names, although none may stand there.
const fileName = (parts: ReadonlyArray<string>, i: number) =>
  `${Readers.visible(join(parts).replace(/[/\\]|=\?/g, ""))}${i}.bin`

const toMessage = (draft: typeof Draft.Type): Message.Composed =>
  Message.make({
    from: { name: Readers.visible(join(draft.from)), address: "from@example.com" },
    to: draft.to.map((name, i) => ({ name: Readers.visible(join(name)), address: `to${i}@example.com` })),
    subject: Readers.visible(join(draft.subject)),
    text: draft.text === undefined ? undefined : shownText(draft.text),
    html: draft.html === undefined ? undefined : shownText(draft.html),
    attachments: draft.files.map(({ content, embedded, name }, i) => ({
      name: fileName(name, i),
      content: Uint8Array.from(content),
      type: "application/octet-stream",
      ...(embedded ? { cid: `${i}@example.com`, disposition: "inline" as const } : {})
    }))
  })

// Within the HTML stand first those to which it can refer.
const inOrder = (draft: typeof Draft.Type) => {
  const files = draft.files.map(({ content, embedded, name }, i) => ({
    name: fileName(name, i),
    content: Buffer.from(content).toString("hex"),
    cid: embedded ? `${i}@example.com` : ""
  }))
  if (draft.html === undefined) return files
  return [...files.filter(({ cid }) => cid !== ""), ...files.filter(({ cid }) => cid === "")]
}

const expected = (draft: typeof Draft.Type): Readers.Found => ({
  subject: Readers.visible(join(draft.subject)),
  from: Readers.visible(join(draft.from)),
  to: draft.to.map((name) => Readers.visible(join(name))),
  addresses: draft.to.map((_, i) => `to${i}@example.com`),
  text: Readers.lines(shownText(draft.text)),
  html: Readers.lines(shownText(draft.html)),
  files: inOrder(draft)
})

// Python leaves the space between the encoded-words of a display name, which says nothing (RFC 2047 section 6.2).
const withoutSpaces = (found: Readers.Found): Readers.Found => ({
  ...found,
  from: found.from.replaceAll(" ", ""),
  to: found.to.map((name) => name.replaceAll(" ", ""))
})

// In 8bit, when it holds such text, and in 7bit.
const composed = (draft: typeof Draft.Type) =>
  Effect.flatMap(render(toMessage(draft)), (parcel) => Effect.forEach(renderings(parcel), octets))

const arbitrary = { runs: 100 }

describe("every composed message is read as it was written", () => {
  it.effect.prop(
    "by postal-mime",
    [Draft],
    ([draft]) =>
      Effect.gen(function* () {
        for (const message of yield* composed(draft)) {
          assert.deepStrictEqual(yield* Effect.promise(() => Readers.postalMime(message)), expected(draft))
        }
      }),
    { arbitrary }
  )

  it.effect.prop(
    "by mailparser",
    [Draft],
    ([draft]) =>
      Effect.gen(function* () {
        for (const message of yield* composed(draft)) {
          assert.deepStrictEqual(yield* Effect.promise(() => Readers.mailparser(message)), expected(draft))
        }
      }),
    { arbitrary, timeout: 60_000 }
  )

  it.effect.prop(
    "by Python's email (skipped where there is no python3)",
    [Schema.Array(Draft).check(Schema.isMinLength(50), Schema.isMaxLength(60))],
    ([drafts]) =>
      Effect.gen(function* () {
        if (!Readers.hasPython) return
        const written = yield* Effect.forEach(drafts, (draft) =>
          Effect.map(composed(draft), (all) => all.map((message) => ({ draft, message })))
        )
        const messages = written.flat()
        const found = Readers.python(messages.map(({ message }) => message))
        assert.lengthOf(found, messages.length)
        // One by one, so that a difference is shown.
        found.forEach((one, i) => {
          const draft = messages[i]?.draft
          if (draft !== undefined) assert.deepStrictEqual(withoutSpaces(one), withoutSpaces(expected(draft)))
        })
      }),
    { arbitrary: { runs: 3, maxShrinks: 0 }, timeout: 60_000 }
  )
})

const written = (sample: Sample) => ({
  subject: sample.subject,
  from: sample.from,
  to: sample.to,
  addresses: sample.to.map((_, i) => `to${i}@example.com`),
  text: Samples.shown(sample.text),
  html: Samples.shown(sample.html),
  files: sample.files.map(({ cid, content, name }) => ({
    name,
    content: Buffer.from(content).toString("hex"),
    cid: cid === undefined ? "" : `<${cid}>`
  })),
  defects: []
})

describe.skipIf(!Readers.hasPython)("Python's email (skipped where there is no python3)", () => {
  it.effect("reads every sample word for word and finds nothing wrong with it", () =>
    Effect.gen(function* () {
      const messages = yield* Effect.forEach(Samples.samples, (sample) =>
        Effect.flatMap(render(Samples.toMessage(sample)), octets)
      )
      assert.deepStrictEqual(
        Readers.pythonAnswers(messages).map((answer) => ({
          ...answer,
          text: Samples.shown(answer.text),
          html: Samples.shown(answer.html)
        })),
        Samples.samples.map(written)
      )
    })
  )
})
