/**
 * A message on its way to the wire: in one piece when it is small, else in blocks, framed for DATA or for BDAT. A body that
 * is not what it was said to be is an error of the message; nothing of it is mended.
 */
import * as MessageError from "@effect-mail/message/MessageError"
import { type Body, transientStream } from "@effect-mail/message/Parcel"
import type * as Dialogue from "@effect-mail/protocol/Dialogue"
import * as DotStuffing from "@effect-mail/protocol/DotStuffing"
import type { BareLineEnd } from "@effect-mail/protocol/LineEndings"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"

/** Octets that are written at once. A larger message goes in blocks, each of which the server has to take in time. */
export const blockSize = 65_536

type Framing = Dialogue.Content["framing"]
type Framed = Result.Result<ReadonlyArray<Uint8Array>, MessageError.MessageError>

/** A message that is written at once. */
export interface Whole {
  readonly _tag: "Whole"
  readonly bytes: Uint8Array
  /** What follows it, in ASCII: the lone dot. */
  readonly end: string
}

/** A message that is larger than a block or not at hand. */
export interface Blocks {
  readonly _tag: "Blocks"
  /** The blocks, not yet framed. */
  readonly stream: Stream.Stream<ReadonlyArray<Uint8Array>, MessageError.MessageError>
  readonly framer: Framer
  /** Whether the server has nothing to answer before the end of the message. */
  readonly quiet: boolean
}

const loneDot: Whole = { _tag: "Whole", bytes: new Uint8Array(), end: ".\r\n" }

/**
 * Makes a message ready for one transmission. With `transient`, a block holds until the next is asked for, which is to happen when
 * it was not only written but released.
 */
export const prepare = (
  body: Body | undefined,
  framing: Framing,
  transient: boolean
): Result.Result<Whole | Blocks, MessageError.MessageError> => {
  if (body === undefined || framing === "none") return Result.succeed(loneDot)
  const dotted = framing === "dots"
  const wrong = dotted || body.bytes === undefined ? undefined : wrongLineEnd(body, body.bytes)
  if (wrong !== undefined) return Result.fail(bareLineEnd(wrong))
  if (body.bytes === undefined || body.bytes.length > blockSize) {
    return Result.succeed({
      _tag: "Blocks",
      stream: blocks(body, transient),
      framer: dotted ? dots(body) : octets(body),
      quiet: dotted
    })
  }
  return dotted ? stuffed(body, body.bytes) : counted(body, body.bytes)
}

// Only binary content may have a CR or an LF that stands alone, with BDAT, too (RFC 3030 section 3, SMTP-157).
const lineEnds = (body: Body): DotStuffing.Stuffer | undefined =>
  body.encoding === "binary" ? undefined : DotStuffing.stuffer(body)

const wrongLineEnd = (body: Body, bytes: Uint8Array): BareLineEnd | undefined => {
  const lines = lineEnds(body)
  const checked = lines && Result.flatMap(lines.push(bytes), lines.end)
  return checked !== undefined && Result.isFailure(checked) ? checked.failure : undefined
}

const encoder = new TextEncoder()

// Up to so many octets, copying a message costs less than handing over one more piece.
const copied = 16_384

/** A message between two texts, in as few pieces as pays. */
export const joined = (before: string, bytes: Uint8Array, after: string): ReadonlyArray<Uint8Array> => {
  const all = bytes.length > copied ? undefined : copy(before, bytes, after)
  return all === undefined
    ? [encoder.encode(before), bytes, encoder.encode(after)].filter(({ length }) => length > 0)
    : [all]
}

// Text in ASCII, which it nearly always is, has as many octets as characters; undefined for any other.
const copy = (before: string, bytes: Uint8Array, after: string): Uint8Array | undefined => {
  const all = piece(before.length + bytes.length + after.length)
  all.set(bytes, before.length)
  return putAscii(before, all, 0) && putAscii(after, all, before.length + bytes.length) ? all : undefined
}

const putAscii = (text: string, into: Uint8Array, at: number): boolean => {
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i)
    if (char > 0x7f) return false
    into[at + i] = char
  }
  return true
}

// An array with memory of its own costs more than all that is copied into it, so that small ones share theirs. No octet is
// given out twice: nobody knows when a wire has done with what it was given.
const slabSize = 65_536
let slab = new Uint8Array()
let used = 0

const piece = (length: number): Uint8Array => {
  if (used + length > slab.length) {
    slab = new Uint8Array(Math.max(slabSize, length))
    used = 0
  }
  const start = used
  used += length
  return slab.subarray(start, used)
}

const counted = (body: Body, bytes: Uint8Array): Result.Result<Whole, MessageError.MessageError> =>
  bytes.length === body.size ? Result.succeed({ _tag: "Whole", bytes, end: "" }) : Result.fail(otherSize(body))

// Nothing is copied when nothing has to be stuffed.
const stuffed = (body: Body, bytes: Uint8Array): Result.Result<Whole, MessageError.MessageError> => {
  const stuffer = DotStuffing.stuffer(body)
  const all = stuffer.push(bytes)
  if (Result.isFailure(all)) return Result.fail(bareLineEnd(all.failure))
  const end = stuffer.end()
  if (Result.isFailure(end)) return Result.fail(bareLineEnd(end.failure))
  return Result.succeed({ _tag: "Whole", bytes: all.success, end: end.success.length === 3 ? ".\r\n" : "\r\n.\r\n" })
}

const framed = (stuffed: Result.Result<Uint8Array, BareLineEnd>): Framed =>
  Result.mapBoth(stuffed, { onSuccess: (bytes) => [bytes], onFailure: bareLineEnd })

const bareLineEnd = (error: BareLineEnd): MessageError.MessageError =>
  MessageError.make("bare-line-end", `a ${error.found} stands alone`, {
    position: error.offset,
    hint: "Every line ends in CRLF; Message.eml makes it so"
  })

const otherSize = ({ size }: Body): MessageError.MessageError =>
  MessageError.make("unreadable-file", `the message is not the ${size ?? 0} octets long that were announced`, {
    hint: "Did a file change while it was sent?"
  })

const sourceOf = (body: Body, transient: boolean): Body["stream"] => {
  if (body.bytes !== undefined) return Stream.succeed(body.bytes)
  return transient ? transientStream(body) : body.stream
}

const blocks = (body: Body, transient: boolean): Blocks["stream"] =>
  sourceOf(body, transient).pipe(
    Stream.chunks,
    Stream.flatMap((chunks) => Stream.fromIterable(cut(chunks), { chunkSize: 1 }))
  )

// Small chunks go together, large ones are cut.
function* cut(chunks: ReadonlyArray<Uint8Array>): Generator<ReadonlyArray<Uint8Array>> {
  let block: Array<Uint8Array> = []
  let room = blockSize
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      const piece = chunk.subarray(at, at + room)
      block.push(piece)
      at += piece.length
      room -= piece.length
      if (room > 0) continue
      yield block
      block = []
      room = blockSize
    }
  }
  if (block.length > 0) yield block
}

/** Frames a message block by block. */
export interface Framer {
  readonly push: (block: ReadonlyArray<Uint8Array>) => Framed
  readonly end: () => Framed
}

const dots = (body: Body): Framer => {
  const stuffer = DotStuffing.stuffer(body)
  return {
    push: (block) => Result.mapError(Result.all(block.map(stuffer.push)), bareLineEnd),
    end: () => framed(stuffer.end())
  }
}

// An octet too many would be read as a command, one too few would swallow the next (SMTP-154). The last octet is held back
// until the body has ended well: the server takes the message with it, whatever becomes of the body then.
const octets = (body: Body): Framer => {
  const lines = lineEnds(body)
  let left = body.size ?? 0
  let held = new Uint8Array()
  return {
    push: (block) => {
      const checked = lines && Result.all(block.map(lines.push))
      if (checked !== undefined && Result.isFailure(checked)) return Result.fail(bareLineEnd(checked.failure))
      left -= block.reduce((sum, piece) => sum + piece.length, 0)
      const last = block.at(-1) ?? held
      const ready = [held, ...block.slice(0, -1), last.subarray(0, -1)]
      held = new Uint8Array(last.subarray(-1))
      return left < 0 ? Result.fail(otherSize(body)) : Result.succeed(ready.filter(({ length }) => length > 0))
    },
    end: () => {
      const last = lines?.end()
      if (last !== undefined && Result.isFailure(last)) return Result.fail(bareLineEnd(last.failure))
      return left === 0 ? Result.succeed([held]) : Result.fail(otherSize(body))
    }
  }
}
