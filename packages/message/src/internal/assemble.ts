/**
 * From header fields and a MIME tree to a body. What must be known of the body follows from its pieces, so that a large
 * attachment is encoded only while it is sent.
 */
import * as Stream from "effect/Stream"
import * as Encoding from "../Encoding.ts"
import * as Parameter from "../Parameter.ts"
import type { Body } from "../Parcel.ts"
import type { Content, Multipart, Part, Streamed } from "../Part.ts"
import * as Parts from "../Part.ts"
import type { Ambient } from "./ambient.ts"
import { token } from "./ambient.ts"
import * as Base64 from "./base64.ts"
import * as Bytes from "./bytes.ts"
import { encodedStream } from "./encodedStream.ts"
import { lasting } from "./transient.ts"
import * as Utf8 from "./utf8.ts"

// Up to this many octets a body is one array; above, it is encoded while it is read.
const wholeBodyLimit = 65_536

// Whole lines of base64, which a transport writes at once.
const pieceSize = Encoding.base64LineInput * 840

interface Piece {
  readonly content: Content
  /** Whether it is header fields and boundaries, not content. */
  readonly header: boolean
}

const headerPiece = (text: string): Piece => ({ content: Parts.identity(text), header: true })

// A token that occurs in no part, so no boundary that begins with it does (RFC 2046 section 5.1.1); of a stream that goes
// out as it is, nothing but its 120 random bits says so. Counting the attempts ends the search even when the source of
// randomness is constant.
const newBase = (root: Part, ambient: Ambient): string => {
  for (let attempt = 0; ; attempt++) {
    const base = `=_${token(ambient)}${attempt === 0 ? "" : `_${attempt}`}`
    if (!Parts.contains(root, base)) return base
  }
}

/** What the boundaries of a tree begin with, in each of its encodings (`Parts.contains`). */
export const boundaryBase = (root: Part, ambient: Ambient): string =>
  root._tag === "Leaf" ? "" : newBase(root, ambient)

// Without the field it would claim to be 7bit, which its parts must not exceed (RFC 2045 section 6.4).
const encodingField = (part: Multipart): string => {
  const width = Parts.widthOf(part)
  return width === "7bit" ? "" : `Content-Transfer-Encoding: ${width}\r\n`
}

const openMultipart = (part: Multipart, boundary: string): string => {
  const type = Parameter.encodeAll(`multipart/${part.subtype}`, [...part.parameters, ["boundary", boundary]])
  return `Content-Type: ${type.join("\r\n ")}\r\n${encodingField(part)}\r\n`
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

const streamedSize = ({ encoding, size = Number.NaN }: Streamed): number =>
  encoding === "binary" ? size : Encoding.base64Size(size)

// Octets on the wire; NaN when a stream does not tell its size.
const sizeOf = (content: Content): number => {
  switch (content._tag) {
    case "Text":
      return content.text.length
    case "Octets":
      return content.bytes.length
    case "Base64":
      return Encoding.base64Size(content.bytes.length)
    case "Streamed":
      return streamedSize(content)
  }
}

const longestOf = (content: Content): number => {
  switch (content._tag) {
    case "Base64":
      return Math.min(76, Math.ceil(content.bytes.length / 3) * 4)
    case "Streamed":
      return content.encoding === "binary" ? (content.size ?? Infinity) : 76
    default:
      return content.longestLine
  }
}

type Held = Exclude<Content, { readonly _tag: "Streamed" }>

function* base64Chunks(bytes: Uint8Array, room: Base64.Room): Generator<Uint8Array> {
  let first = true
  for (const piece of Bytes.pieces(bytes, pieceSize)) {
    yield Base64.encode(piece, !first, room)
    first = false
  }
}

function* textChunks(text: string): Generator<Uint8Array> {
  for (let at = 0; at < text.length; at += pieceSize) yield Utf8.encode(text.slice(at, at + pieceSize))
}

// Texts in a row become bytes together: that is one call of the encoder for most messages.
function* chunksOf(contents: ReadonlyArray<Held>, room: Base64.Room): Generator<Uint8Array> {
  let text = ""
  for (const content of contents) {
    if (content._tag === "Text") {
      text += content.text
      continue
    }
    if (text !== "") yield* textChunks(text)
    text = ""
    if (content._tag === "Octets") yield* Bytes.pieces(content.bytes, pieceSize)
    else yield* base64Chunks(content.bytes, room)
  }
  if (text !== "") yield* textChunks(text)
}

const put = (octets: Uint8Array, into: Uint8Array): number => {
  into.set(octets)
  return octets.length
}

// Writes a content and gives how many octets that were.
const writeHeld = (content: Held, into: Uint8Array): number => {
  switch (content._tag) {
    case "Text":
      return Utf8.write(content.text, into)
    case "Octets":
      return put(content.bytes, into)
    case "Base64":
      return put(Encoding.base64(content.bytes), into)
  }
}

const wholeOf = (contents: ReadonlyArray<Held>, size: number): Uint8Array => {
  const out = new Uint8Array(size)
  let at = 0
  for (const content of contents) at += writeHeld(content, out.subarray(at))
  return out
}

const roomOf = (lasting: boolean): Base64.Room => (lasting ? Base64.fresh : Base64.makeReused())

const heldStream = (contents: ReadonlyArray<Held>, lasting: boolean): Body["stream"] =>
  Stream.fromIterable({ [Symbol.iterator]: () => chunksOf(contents, roomOf(lasting)) }, { chunkSize: 1 })

const isHeld = (content: Content): content is Held => content._tag !== "Streamed"

// What is at hand goes out in runs between the streams. Pieces that are not lasting hold until the next is asked for.
const streamOf = (contents: ReadonlyArray<Content>, lasting: boolean): Body["stream"] => {
  const streams: Array<Body["stream"]> = []
  let run: Array<Held> = []
  for (const content of contents) {
    if (content._tag !== "Streamed") {
      run.push(content)
      continue
    }
    streams.push(heldStream(run, lasting), encodedStream(content, lasting))
    run = []
  }
  const rest = heldStream(run, lasting)
  return streams.length === 0 ? rest : Stream.flatten(Stream.fromIterable([...streams, rest]))
}

const dataOf = (contents: ReadonlyArray<Content>, size: number): Pick<Body, "bytes" | "stream"> => {
  if (size > wholeBodyLimit || !contents.every(isHeld)) {
    return { bytes: undefined, stream: lasting(streamOf(contents, true), streamOf(contents, false)) }
  }
  const bytes = wholeOf(contents, size)
  return { bytes, stream: Stream.succeed(bytes) }
}

const hasDotLine = (content: Content): boolean => "dotLine" in content && content.dotLine

// Header fields and boundaries are octets only where they are UTF-8.
const isUtf8 = ({ content, header }: Piece): boolean => header && content._tag === "Octets"

const encodingOf = (width: Encoding.Identity, utf8Headers: boolean): Body["encoding"] =>
  width === "7bit" && utf8Headers ? "8bit" : width

/**
 * The body of a message with these header fields in front of those of its root part, and with what is narrower than a root part of
 * its width.
 */
export const assemble = (
  header: string,
  root: Part,
  base: string,
  narrower: (width: Encoding.Identity) => Body["narrower"]
): Body => {
  const width = Parts.widthOf(root)
  let count = 0
  const pieces: Array<Piece> = []
  const after = write(root, header, () => `${base}.${++count}`, pieces)
  if (after !== "" || !endsLine(pieces.at(-1)?.content)) pieces.push(headerPiece(`${after}\r\n`))
  const utf8Headers = pieces.some(isUtf8)
  const size = pieces.reduce((sum, { content }) => sum + sizeOf(content), 0)
  return {
    size: Number.isNaN(size) ? undefined : size,
    encoding: encodingOf(width, utf8Headers),
    utf8Headers,
    longestLine: Math.max(...pieces.map(({ content }) => longestOf(content))),
    dotFree: !pieces.some(({ content }) => hasDotLine(content)),
    narrower: narrower(width),
    ...dataOf(
      pieces.map(({ content }) => content),
      size
    )
  }
}
