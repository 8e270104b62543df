/**
 * Which part stands where (MIME-009): `mixed(alternative(text, related(html, embedded...)), attachments...)`, each
 * wrapper only where it holds more than one part.
 */
import * as Arr from "effect/Array"
import * as Result from "effect/Result"
import type { Composed } from "../Message.ts"
import type { MessageError } from "../MessageError.ts"
import * as Part from "../Part.ts"

type Parsed<A> = Result.Result<A, MessageError>

const wrap = (
  subtype: Part.Multipart["subtype"],
  parts: Arr.NonEmptyReadonlyArray<Part.Part>,
  parameters?: Part.Multipart["parameters"]
): Part.Part => (parts.length === 1 ? parts[0] : Part.multipart(subtype, parts, parameters))

interface Files {
  readonly embedded: ReadonlyArray<Part.Part>
  readonly attached: ReadonlyArray<Part.Part>
}

// Only HTML can refer to a content id; without HTML everything is an attachment.
const isEmbedded = (message: Composed, i: number): boolean =>
  message.html !== undefined && message.attachments[i]?.cid !== undefined

const files = (message: Composed): Parsed<Files> =>
  Result.map(
    Result.all(message.attachments.map((attachment, i) => Part.attachment(attachment, `attachments[${i}]`))),
    (parts) => ({
      embedded: parts.filter((_, i) => isEmbedded(message, i)),
      attached: parts.filter((_, i) => !isEmbedded(message, i))
    })
  )

const texts = (message: Composed, embedded: Files["embedded"]): Parsed<ReadonlyArray<Part.Part>> =>
  Result.gen(function* () {
    const parts: Array<Part.Part> = []
    if (message.text !== undefined) parts.push(yield* Part.text("plain", message.text, "text"))
    if (message.html !== undefined) {
      const html = yield* Part.text("html", message.html, "html")
      parts.push(wrap("related", [html, ...embedded], [["type", "text/html"]]))
    }
    return parts
  })

/** The MIME tree of a message; one without any content has an empty text. */
export const structure = (message: Composed): Parsed<Part.Part> =>
  Result.gen(function* () {
    const { attached, embedded } = yield* files(message)
    const alternatives = yield* texts(message, embedded)
    const parts = Arr.isReadonlyArrayNonEmpty(alternatives)
      ? [wrap("alternative", alternatives), ...attached]
      : attached
    return Arr.isReadonlyArrayNonEmpty(parts) ? wrap("mixed", parts) : yield* Part.text("plain", "", "text")
  })
