/**
 * From header fields and a MIME tree to a body. What must be known of the body follows from its pieces, so that a large
 * attachment is encoded only while it is sent.
 */
import * as Stream from "effect/Stream"
import * as Encoding from "../Encoding.ts"
import type { Field } from "../Header.ts"
import * as Parameter from "../Parameter.ts"
import type { Body } from "../Parcel.ts"
import type { Content, Multipart, Part } from "../Part.ts"
import * as Parts from "../Part.ts"
import type { Ambient } from "./ambient.ts"
import { token } from "./ambient.ts"
import * as Bytes from "./bytes.ts"
import * as Utf8 from "./utf8.ts"

// Up to this many octets a body is one array; above, it is encoded while it is read.
const wholeBodyLimit = 65_536

// About as much as a transport likes to write at once; whole lines of base64.
const pieceSize = Encoding.base64LineInput * 1024

interface Piece {
  readonly content: Content
  /** Whether it is header fields and boundaries, not content. */
  readonly header: boolean
}

const headerPiece = (text: string): Piece => ({ content: Parts.identity(text), header: true })

// A token that occurs in no part, so no boundary that begins with it does (RFC 2046 section 5.1.1). Counting the
// attempts ends the search even when the source of randomness is constant.
const boundaryBase = (root: Part, ambient: Ambient): string => {
  for (let attempt = 0; ; attempt++) {
    const base = `=_${token(ambient)}${attempt === 0 ? "" : `_${attempt}`}`
    if (!Parts.contains(root, base)) return base
  }
}

const openMultipart = (part: Multipart, boundary: string): string => {
  const type = Parameter.encodeAll(`multipart/${part.subtype}`, [...part.parameters, ["boundary", boundary]])
  return `Content-Type: ${type.join("\r\n ")}\r\n\r\n`
}

// Puts the pieces of a part into `out`. `before` is text that goes in front of it, the result text that goes after it.
const write = (part: Part, before: string, boundary: () => string, out: Array<Piece>): string => {
  if (part._tag === "Leaf") {
    out.push(headerPiece(`${before}${part.fields.join("")}\r\n`), { content: part.content, header: false })
    return ""
  }
  const delimiter = `--${boundary()}`
  const opened = `${before}${openMultipart(part, delimiter.slice(2))}`
  const text = part.parts.reduce((text, child, i) => {
    const gap = i === 0 ? "" : "\r\n"
    return write(child, `${text}${gap}${delimiter}\r\n`, boundary, out)
  }, opened)
  return `${text}\r\n${delimiter}--`
}

const endsLine = (content: Content | undefined): boolean => {
  switch (content?._tag) {
    case "Text":
      return content.text === "" || content.text.endsWith("\r\n")
    case "Octets":
      return content.bytes.length === 0 || content.bytes[content.bytes.length - 1] === 10
    default:
      return false
  }
}

const sizeOf = (content: Content): number => {
  switch (content._tag) {
    case "Text":
      return content.text.length
    case "Octets":
      return content.bytes.length
    default:
      return Encoding.base64Size(content.bytes.length)
  }
}

const longestOf = (content: Content): number =>
  content._tag === "Base64" ? Math.min(76, Math.ceil(content.bytes.length / 3) * 4) : content.longestLine

const crlf = Uint8Array.of(13, 10)

function* base64Chunks(bytes: Uint8Array): Generator<Uint8Array> {
  let first = true
  for (const piece of Bytes.pieces(bytes, pieceSize)) {
    if (!first) yield crlf
    first = false
    yield Encoding.base64(piece)
  }
}

// Texts in a row become bytes together: that is one call of the encoder for most messages.
function* chunksOf(pieces: ReadonlyArray<Piece>): Generator<Uint8Array> {
  let text = ""
  for (const { content } of pieces) {
    if (content._tag === "Text") {
      text += content.text
      continue
    }
    if (text !== "") yield Utf8.encode(text)
    text = ""
    if (content._tag === "Octets") yield* Bytes.pieces(content.bytes, pieceSize)
    else yield* base64Chunks(content.bytes)
  }
  if (text !== "") yield Utf8.encode(text)
}

const dataOf = (pieces: ReadonlyArray<Piece>, size: number): Pick<Body, "bytes" | "stream"> => {
  if (size > wholeBodyLimit) {
    const chunks = { [Symbol.iterator]: () => chunksOf(pieces) }
    return { bytes: undefined, stream: Stream.fromIterable(chunks, { chunkSize: 1 }) }
  }
  const bytes = Bytes.concat(Array.from(chunksOf(pieces)))
  return { bytes, stream: Stream.succeed(bytes) }
}

const isEightBit = ({ content }: Piece): boolean => content._tag === "Octets" && content.eightBit

/** The body of a message with these header fields in front of those of its root part. */
export const assemble = (fields: ReadonlyArray<Field>, root: Part, ambient: Ambient): Body => {
  const base = root._tag === "Leaf" ? "" : boundaryBase(root, ambient)
  let count = 0
  const pieces: Array<Piece> = []
  const after = write(root, fields.join(""), () => `${base}.${++count}`, pieces)
  if (after !== "" || !endsLine(pieces.at(-1)?.content)) pieces.push(headerPiece(`${after}\r\n`))
  const size = pieces.reduce((sum, { content }) => sum + sizeOf(content), 0)
  return {
    size,
    encoding: pieces.some(isEightBit) ? "8bit" : "7bit",
    utf8Headers: pieces.some((piece) => piece.header && isEightBit(piece)),
    longestLine: Math.max(...pieces.map(({ content }) => longestOf(content))),
    dotFree: !pieces.some(({ content }) => content._tag !== "Base64" && content.dotLine),
    ...dataOf(pieces, size)
  }
}
