/**
 * Which part stands where (MIME-009): `mixed(alternative(text, amp, related(html, embedded...), others...), attachments...)`,
 * each wrapper only where it holds more than one part.
 */
import * as Arr from "effect/Array"
import * as Result from "effect/Result"
import type { TextEncoding } from "../Encoding.ts"
import type { Alternative, Composed } from "../Message.ts"
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

const noFiles: Parsed<Files> = Result.succeed({ embedded: [], attached: [] })

const files = (message: Composed): Parsed<Files> =>
  message.attachments.length === 0
    ? noFiles
    : Result.map(
        Result.all(message.attachments.map((attachment, i) => Part.attachment(attachment, `attachments[${i}]`))),
        (parts) => ({
          embedded: parts.filter((_, i) => isEmbedded(message, i)),
          attached: parts.filter((_, i) => !isEmbedded(message, i))
        })
      )

const isAmp = (alternative: Alternative): boolean => /^text\/x-amp-html\b/i.test(alternative.type)

const others = (message: Composed, amp: boolean, allowed: TextEncoding): ReadonlyArray<Parsed<Part.Part>> =>
  message.alternatives.flatMap((alternative, i) =>
    isAmp(alternative) === amp ? [Part.alternative(alternative, `alternatives[${i}]`, allowed)] : []
  )

const plain = ({ text }: Composed, allowed: TextEncoding): ReadonlyArray<Parsed<Part.Part>> =>
  text === undefined ? [] : [Part.text("plain", text, "text", allowed)]

const html = (
  { html }: Composed,
  embedded: Files["embedded"],
  allowed: TextEncoding
): ReadonlyArray<Parsed<Part.Part>> =>
  html === undefined
    ? []
    : [
        Result.map(Part.text("html", html, "html", allowed), (leaf) =>
          wrap("related", [leaf, ...embedded], [["type", "text/html"]])
        )
      ]

const texts = (
  message: Composed,
  embedded: Files["embedded"],
  allowed: TextEncoding
): Parsed<ReadonlyArray<Part.Part>> =>
  Result.all([
    ...plain(message, allowed),
    ...others(message, true, allowed),
    ...html(message, embedded, allowed),
    ...others(message, false, allowed)
  ])

const join = (alternatives: ReadonlyArray<Part.Part>, attached: Files["attached"]): Parsed<Part.Part> => {
  const parts = Arr.isReadonlyArrayNonEmpty(alternatives) ? [wrap("alternative", alternatives), ...attached] : attached
  return Arr.isReadonlyArrayNonEmpty(parts) ? Result.succeed(wrap("mixed", parts)) : Part.text("plain", "", "text")
}

/** The MIME tree of a message; one without any content has an empty text. */
export const structure = (message: Composed, allowed: TextEncoding): Parsed<Part.Part> =>
  Result.flatMap(files(message), ({ attached, embedded }) =>
    Result.flatMap(texts(message, embedded, allowed), (alternatives) => join(alternatives, attached))
  )
