/**
 * The MIME tree of a message (RFC 2045, RFC 2046): leaves with content in its final encoding, and multiparts around
 * them. A leaf that goes out in base64 keeps its bytes as they are and is encoded while it is written, so that a large
 * attachment never exists twice. Boundaries belong to the rendering, not to the tree.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Attachment from "./Attachment.ts"
import * as Encoding from "./Encoding.ts"
import * as Header from "./Header.ts"
import * as Bytes from "./internal/bytes.ts"
import { checkLine, checkWellFormed } from "./internal/checkedText.ts"
import * as QuotedPrintable from "./internal/quotedPrintable.ts"
import * as Utf8 from "./internal/utf8.ts"
import * as MessageError from "./MessageError.ts"
import * as Parameter from "./Parameter.ts"

/**
 * The content of a leaf: text or octets as they go on the wire, with what is known of them, or bytes still to be
 * encoded, at hand or in a stream.
 *
 * @category models
 * @since 0.1.0
 */
export type Content = Text | Octets | Base64 | Streamed

/**
 * What is known of content that goes out as it is.
 *
 * @category models
 * @since 0.1.0
 */
export interface Facts {
  /** No line is longer than this, in octets. */
  readonly longestLine: number
  /** Whether a line begins with a dot. */
  readonly dotLine: boolean
}

/**
 * ASCII text as it goes on the wire, every line end CRLF. It stays a string until the whole message becomes bytes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Text extends Facts {
  readonly _tag: "Text"
  readonly text: string
}

/**
 * Octets as they go on the wire, every line end CRLF unless they are `binary`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Octets extends Facts {
  readonly _tag: "Octets"
  readonly bytes: Uint8Array
  /** What they take. */
  readonly encoding: Encoding.Identity
}

/**
 * Bytes that are encoded in base64 when they are written.
 *
 * @category models
 * @since 0.1.0
 */
export interface Base64 {
  readonly _tag: "Base64"
  readonly bytes: Uint8Array
}

/**
 * Bytes of a stream, which are encoded when they are written.
 *
 * @category models
 * @since 0.1.0
 */
export interface Streamed {
  readonly _tag: "Streamed"
  readonly stream: Stream.Stream<Uint8Array, MessageError.MessageError>
  /** How many octets there are before they are encoded, when that is known. */
  readonly size: number | undefined
  /** `binary` leaves them as they are; their number must be known then. */
  readonly encoding: "base64" | "binary"
  /** Names the content in errors. */
  readonly field: string
}

/**
 * A part with content: its header fields, and what follows the empty line.
 *
 * @category models
 * @since 0.1.0
 */
export interface Leaf {
  readonly _tag: "Leaf"
  readonly fields: ReadonlyArray<Header.Field>
  readonly content: Content
}

/**
 * A part made of parts.
 *
 * @category models
 * @since 0.1.0
 */
export interface Multipart {
  readonly _tag: "Multipart"
  readonly subtype: "mixed" | "alternative" | "related" | "report"
  /** Parameters of its Content-Type besides the boundary. */
  readonly parameters: ReadonlyArray<readonly [name: string, value: string]>
  readonly parts: Arr.NonEmptyReadonlyArray<Part>
}

/**
 * A node of the MIME tree.
 *
 * @category models
 * @since 0.1.0
 */
export type Part = Leaf | Multipart

type Parsed<A> = Result.Result<A, MessageError.MessageError>

const longestLineOf = (text: string): number => {
  let longest = 0
  let start = 0
  for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
    longest = Math.max(longest, end - 1 - start)
    start = end + 1
  }
  return Math.max(longest, text.length - start)
}

/**
 * Text that goes out as it is, in UTF-8 when it is not ASCII; its line ends must be CRLF already.
 *
 * @category constructors
 * @since 0.1.0
 */
export const identity = (text: string): Text | Octets => (Utf8.isAscii(text) ? ascii(text) : octets(Utf8.encode(text)))

// The platform searches a string faster than anything looks at its octets.
const ascii = (text: string): Text => ({
  _tag: "Text",
  text,
  longestLine: longestLineOf(text),
  dotLine: text.startsWith(".") || text.includes("\r\n.")
})

/**
 * Octets that go out as they are; their line ends must be CRLF already. `facts` saves the scan.
 *
 * @category constructors
 * @since 0.1.0
 */
export const octets = (bytes: Uint8Array, facts: Encoding.Facts = Encoding.scan(bytes)): Octets => ({
  _tag: "Octets",
  bytes,
  longestLine: facts.longestLine,
  dotLine: facts.dotLine,
  encoding: Encoding.identity(facts)
})

const withCrlf = (text: string): string => text.replace(/\r\n?|\n/g, "\r\n")

// Base64 and what goes out as it is are kept; the octets that were given are not to be.
const kept = (bytes: Uint8Array, facts: Encoding.Facts): Uint8Array => {
  const lines = Encoding.toCrlf(bytes, facts)
  return lines === bytes ? bytes.slice() : lines
}

// What is not 7bit, in UTF-8. Its line ends are any.
const encodedOctets = (bytes: Uint8Array, widest: Encoding.Identity): readonly [Encoding.TransferEncoding, Content] => {
  const found = Encoding.scan(bytes)
  const facts = { ...found, size: found.size + found.bare }
  const encoding = Encoding.choose(facts, widest)
  if (encoding === "base64") return [encoding, { _tag: "Base64", bytes: kept(bytes, found) }]
  if (encoding !== "quoted-printable") return [encoding, octets(kept(bytes, found), facts)]
  const longestLine = Math.min(76, found.longestLine * 3)
  return [encoding, { _tag: "Text", text: QuotedPrintable.encodeText(bytes), longestLine, dotLine: false }]
}

// Text in the cheapest safe encoding, line ends made CRLF.
const encoded = (text: string, widest: Encoding.Identity): readonly [Encoding.TransferEncoding, Content] => {
  const bytes = Utf8.borrow(text)
  const content = bytes.length === text.length ? ascii(withCrlf(text)) : undefined
  return content !== undefined && content.longestLine <= Encoding.maxLineLength && !text.includes("\0")
    ? ["7bit", content]
    : encodedOctets(bytes, widest)
}

const encodingField = (encoding: Encoding.TransferEncoding): Header.Field =>
  `Content-Transfer-Encoding: ${encoding}\r\n`

/**
 * A text part in UTF-8 and in the cheapest safe encoding; every line end becomes CRLF. `field` names the text in
 * errors. Fails with `unpaired-surrogate`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const text = (
  subtype: "plain" | "html",
  value: string,
  field: string,
  widest: Encoding.Identity = "7bit"
): Parsed<Leaf> =>
  Result.map(checkWellFormed(value, field), () => {
    const [encoding, content] = encoded(value, widest)
    return {
      _tag: "Leaf",
      fields: [`Content-Type: text/${subtype}; charset=utf-8\r\n`, encodingField(encoding)],
      content
    }
  })

const alternativeType = (given: string, field: string): Parsed<Parameter.Parameterized> =>
  Result.flatMap(mediaType(given, field), (type) =>
    type.value.startsWith("message/") ? refuse(field, "an alternative cannot be a message") : Result.succeed(type)
  )

// RFC 6047 section 2.4: readers trust neither when the two differ.
const checkMethod = (type: Parameter.Parameterized, content: string, field: string): Parsed<void> => {
  const method = type.parameters.get("method")
  const inside = /^METHOD:([A-Z]+)[ \t]*$/im.exec(content)?.[1]
  return type.value !== "text/calendar" || method?.toUpperCase() === inside?.toUpperCase()
    ? Result.void
    : refuse(
        field,
        `the calendar object's METHOD is ${inside ?? "missing"}, and the part's is ${method ?? "missing"}`,
        "Give Message.calendar the method that stands in the object"
      )
}

/**
 * Another form of a message's content, in UTF-8 and in the cheapest safe encoding. `field` names it in errors. Fails with
 * `unpaired-surrogate`, and with `bad-attachment` for what is no media type or a calendar object of another method.
 *
 * @category constructors
 * @since 0.1.0
 */
export const alternative = (
  self: { readonly type: string; readonly content: string },
  field: string,
  widest: Encoding.Identity = "7bit"
): Parsed<Leaf> =>
  Result.gen(function* () {
    const type = yield* alternativeType(self.type, `${field}.type`)
    yield* checkMethod(type, self.content, field)
    yield* checkWellFormed(self.content, `${field}.content`)
    const [encoding, content] = encoded(self.content, widest)
    const parameters = [
      ...Array.from(type.parameters).filter(([name]) => name !== "charset"),
      ["charset", "utf-8"] as const
    ]
    return {
      _tag: "Leaf",
      fields: [
        yield* Header.structured("Content-Type", Parameter.encodeAll(type.value, parameters)),
        encodingField(encoding)
      ],
      content
    } satisfies Leaf
  })

/**
 * A multipart of at least one part.
 *
 * @category constructors
 * @since 0.1.0
 */
export const multipart = (
  subtype: Multipart["subtype"],
  parts: Arr.NonEmptyReadonlyArray<Part>,
  parameters: Multipart["parameters"] = []
): Multipart => ({ _tag: "Multipart", subtype, parameters, parts })

const refuse = (field: string, detail: string, hint?: string) =>
  Result.fail(MessageError.make("bad-attachment", detail, { field, hint }))

const contentHint = "Read files with Attachment.file, give streams with Attachment.stream; URLs are never fetched"

// Callers without types give whatever they have.
const streamOf = (content: Partial<Attachment.Streamed> | null, field: string): Parsed<Streamed> => {
  if (!Stream.isStream(content?.stream)) return refuse(field, "content is bytes, text or a stream", contentHint)
  const { size, stream } = content
  return size === undefined || (Number.isSafeInteger(size) && size >= 0)
    ? Result.succeed({ _tag: "Streamed", stream, size, encoding: "base64", field })
    : refuse(field, "the size of a stream is a whole number of octets")
}

const bytesOf = (bytes: Uint8Array): Base64 => ({ _tag: "Base64", bytes })

const contentOf = ({ content }: Attachment.Attachment, field: string): Parsed<Base64 | Streamed> => {
  if (typeof content === "string") {
    return Result.map(checkWellFormed(content, field), (text) => bytesOf(Utf8.encode(text)))
  }
  return content instanceof Uint8Array ? Result.succeed(bytesOf(content)) : streamOf(content, field)
}

// A path would be a suggestion where to write, so only the last segment goes out (MIME-012).
const nameOf = (attachment: Attachment.Attachment, field: string): Parsed<string | undefined> => {
  const { name } = attachment
  if (name === undefined) return Result.succeed(undefined)
  return Result.flatMap(checkLine(name, `${field}.name`), () => {
    const base = Attachment.baseName(name)
    return base === "" ? refuse(`${field}.name`, "the file name is empty") : Result.succeed(base)
  })
}

const validType = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/

const mediaType = (given: string, field: string): Parsed<Parameter.Parameterized> =>
  Result.flatMap(checkLine(given, field), () =>
    Result.flatMap(Parameter.parse(given, field), (type) => {
      const value = type.value.toLowerCase()
      if (!validType.test(value)) return refuse(field, "a media type is written type/subtype")
      return value.startsWith("multipart/")
        ? refuse(field, "an attachment cannot be a multipart")
        : Result.succeed({ value, parameters: type.parameters })
    })
  )

const typeOf = (attachment: Attachment.Attachment, field: string): Parsed<Parameter.Parameterized> =>
  mediaType(attachment.type ?? Attachment.typeOf(attachment.name ?? ""), `${field}.type`)

const validCid = /^[!#-'*+\-./0-9=?@A-Z^-~]+$/

const cidFields = (attachment: Attachment.Attachment, field: string): Parsed<ReadonlyArray<Header.Field>> => {
  const { cid } = attachment
  if (cid === undefined) return Result.succeed([])
  return validCid.test(cid)
    ? Result.map(Header.structured("Content-ID", [`<${cid}>`]), (line) => [line])
    : refuse(`${field}.cid`, "a content id is made of letters, digits and some signs", "For example logo@example.com")
}

// RFC 2046 section 5.2 forbids to encode a message, RFC 6532 section 3.7 allows it for message/global.
const isPlainMessage = (type: string): boolean => type.startsWith("message/") && !type.startsWith("message/global")

const unencodable = (field: string, detail: string) =>
  refuse(field, `a message must not be encoded, and ${detail}`, "Attach it as application/octet-stream")

const messageContent = (content: Base64 | Streamed, field: string, widest: Encoding.Identity): Parsed<Octets> => {
  if (content._tag === "Streamed") return unencodable(field, "a stream cannot be looked at before it is sent")
  const facts = Encoding.scan(content.bytes)
  return Encoding.identity(facts) === "binary" && widest !== "binary"
    ? unencodable(field, "has NUL or a line above 998 octets")
    : Result.succeed(octets(Encoding.toCrlf(content.bytes, facts), facts))
}

// Nothing is known of raw octets, and nothing has to be: who takes them takes anything.
const raw = (content: Base64 | Streamed): Octets | Streamed =>
  content._tag === "Streamed"
    ? { ...content, encoding: "binary" }
    : { _tag: "Octets", bytes: content.bytes, longestLine: content.bytes.length, dotLine: true, encoding: "binary" }

// The lines of a text part end in CRLF, in a binary message, too (SMTP-155); in base64 others arrive as they were. Of a part
// without any octets readers make one with a line end.
const isRaw = (content: Base64 | Streamed, type: string, widest: Encoding.Identity): boolean => {
  const size = content._tag === "Base64" ? content.bytes.length : content.size
  if (widest !== "binary" || size === undefined || size === 0) return false
  return !type.startsWith("text/") || (content._tag === "Base64" && Encoding.scan(content.bytes).bare === 0)
}

const outgoing = (
  content: Base64 | Streamed,
  type: string,
  field: string,
  widest: Encoding.Identity
): Parsed<Base64 | Octets | Streamed> => {
  if (isPlainMessage(type)) return messageContent(content, field, widest)
  return Result.succeed(isRaw(content, type, widest) ? raw(content) : content)
}

const encodingOf = (content: Base64 | Octets | Streamed): Encoding.TransferEncoding =>
  content._tag === "Base64" ? "base64" : content.encoding

const optional = (name: string, value: string | undefined): ReadonlyArray<readonly [string, string]> =>
  value === undefined ? [] : [[name, value]]

const contentParameters = (
  attachment: Attachment.Attachment,
  type: Parameter.Parameterized,
  name: string | undefined
) => {
  const isText = typeof attachment.content === "string" && type.value.startsWith("text/")
  const charset = isText && !type.parameters.has("charset") ? "utf-8" : undefined
  const given = Array.from(type.parameters).filter(([key]) => key !== "name")
  return [...given, ...optional("charset", charset), ...optional("name", name ?? type.parameters.get("name"))]
}

/**
 * The part of an attachment. Bytes go out in base64, or as they are where `binary` is allowed and their number is known, and
 * arrive as they were; a message goes out as it is, line ends made CRLF (MIME-020). `field` names the attachment in errors.
 * Fails with `bad-attachment`, `control-character`, `unpaired-surrogate`, or `bad-header` for a media type that cannot be read.
 *
 * @category constructors
 * @since 0.1.0
 */
export const attachment = (
  self: Attachment.Attachment,
  field: string,
  widest: Encoding.Identity = "7bit"
): Parsed<Leaf> =>
  Result.gen(function* () {
    const given = yield* contentOf(self, `${field}.content`)
    const name = yield* nameOf(self, field)
    const type = yield* typeOf(self, field)
    const content = yield* outgoing(given, type.value, field, widest)
    const contentType = Parameter.encodeAll(type.value, contentParameters(self, type, name))
    const disposition = Parameter.encodeAll(self.disposition ?? "attachment", optional("filename", name))
    return {
      _tag: "Leaf",
      fields: [
        yield* Header.structured("Content-Type", contentType),
        encodingField(encodingOf(content)),
        yield* Header.structured("Content-Disposition", disposition),
        ...(yield* cidFields(self, field))
      ],
      content
    } satisfies Leaf
  })

const widths: ReadonlyArray<Encoding.Identity> = ["7bit", "8bit", "binary"]

/**
 * What the content of a part takes: of a multipart, what its parts take, which it has to say itself (RFC 2045 section 6.4).
 *
 * @category getters
 * @since 0.1.0
 */
export const widthOf = (self: Part): Encoding.Identity => {
  if (self._tag === "Multipart") return widest(self.parts.map(widthOf))
  const { content } = self
  return "encoding" in content && content.encoding !== "base64" ? content.encoding : "7bit"
}

const widest = (all: ReadonlyArray<Encoding.Identity>): Encoding.Identity =>
  widths.findLast((width) => all.includes(width)) ?? "7bit"

/**
 * Whether an ASCII text occurs in a content that goes out as it is and is at hand. For one that begins with `=_` this is to
 * ask whether it occurs anywhere but in a binary stream: in quoted-printable and in base64 no `=` is followed by `_`.
 *
 * @category guards
 * @since 0.1.0
 */
export const contains = (self: Part, text: string): boolean => {
  if (self._tag === "Multipart") return self.parts.some((part) => contains(part, text))
  switch (self.content._tag) {
    case "Text":
      return self.content.text.includes(text)
    case "Octets":
      return Bytes.includes(self.content.bytes, Utf8.encode(text))
    default:
      return false
  }
}
