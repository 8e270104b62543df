/**
 * Which part stands where (MIME-009): `mixed(alternative(text, amp, related(html, embedded...), others...), attachments...)`,
 * each wrapper only where it holds more than one part.
 */
import * as Arr from "effect/Array"
import * as Result from "effect/Result"
import type { Identity } from "../Encoding.ts"
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

const files = (message: Composed, widest: Identity): Parsed<Files> =>
  message.attachments.length === 0
    ? noFiles
    : Result.map(
        Result.all(
          message.attachments.map((attachment, i) => Part.attachment(attachment, `attachments[${i}]`, widest))
        ),
        (parts) => ({
          embedded: parts.filter((_, i) => isEmbedded(message, i)),
          attached: parts.filter((_, i) => !isEmbedded(message, i))
        })
      )

const isAmp = (alternative: Alternative): boolean => /^text\/x-amp-html\b/i.test(alternative.type)

const others = (message: Composed, amp: boolean, widest: Identity): ReadonlyArray<Parsed<Part.Part>> =>
  message.alternatives.flatMap((alternative, i) =>
    isAmp(alternative) === amp ? [Part.alternative(alternative, `alternatives[${i}]`, widest)] : []
  )

const plain = ({ text }: Composed, widest: Identity): ReadonlyArray<Parsed<Part.Part>> =>
  text === undefined ? [] : [Part.text("plain", text, "text", widest)]

const html = ({ html }: Composed, embedded: Files["embedded"], widest: Identity): ReadonlyArray<Parsed<Part.Part>> =>
  html === undefined
    ? []
    : [
        Result.map(Part.text("html", html, "html", widest), (leaf) =>
          wrap("related", [leaf, ...embedded], [["type", "text/html"]])
        )
      ]

const texts = (message: Composed, embedded: Files["embedded"], widest: Identity): Parsed<ReadonlyArray<Part.Part>> =>
  Result.all([
    ...plain(message, widest),
    ...others(message, true, widest),
    ...html(message, embedded, widest),
    ...others(message, false, widest)
  ])

// A server may end the last line of a message, which must not become part of a file: a boundary ends that.
const mixed = (parts: Arr.NonEmptyReadonlyArray<Part.Part>, attached: Files["attached"]): Part.Part =>
  parts[0] === attached[0] && Part.widthOf(parts[0]) === "binary"
    ? Part.multipart("mixed", parts)
    : wrap("mixed", parts)

const join = (alternatives: ReadonlyArray<Part.Part>, attached: Files["attached"]): Parsed<Part.Part> => {
  const parts = Arr.isReadonlyArrayNonEmpty(alternatives) ? [wrap("alternative", alternatives), ...attached] : attached
  return Arr.isReadonlyArrayNonEmpty(parts) ? Result.succeed(mixed(parts, attached)) : Part.text("plain", "", "text")
}

const isUncounted = (part: Part.Part): boolean =>
  part._tag === "Leaf" && part.content._tag === "Streamed" && part.content.size === undefined

/** The MIME tree of a message; one without any content has an empty text. */
export const structure = (message: Composed, widest: Identity): Parsed<Part.Part> =>
  Result.flatMap(files(message, widest), ({ attached, embedded }) => {
    // BDAT, which alone takes what is binary, announces the size of the message.
    const uncounted = widest === "binary" && [...attached, ...embedded].some(isUncounted)
    return uncounted
      ? structure(message, "8bit")
      : Result.flatMap(texts(message, embedded, widest), (alternatives) => join(alternatives, attached))
  })
