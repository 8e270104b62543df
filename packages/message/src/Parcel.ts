/**
 * A message ready for the wire: who sends it to whom, and its bytes with what a transport must know of them. A parcel
 * is a value; its stream can be run as often as the message must be sent.
 *
 * @since 0.1.0
 */
import type * as ProtocolEnvelope from "@effect-mail/protocol/Envelope"
import * as Arr from "effect/Array"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Encoding from "./Encoding.ts"
import * as Bytes from "./internal/bytes.ts"
import * as HeaderSection from "./internal/headerSection.ts"
import { once } from "./internal/once.ts"
import { mapLasting, transientOf } from "./internal/transient.ts"
import * as MessageError from "./MessageError.ts"

/**
 * Sender and recipients as SMTP is told them.
 *
 * @category models
 * @since 0.1.0
 */
export type Envelope = ProtocolEnvelope.Envelope

/**
 * The bytes of a message and the facts that decide how they can be sent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Body {
  /** Octets with CRLF line ends unless they are binary, before dot-stuffing, when known (RFC 1870 section 5). */
  readonly size: number | undefined
  /** `7bit`: ASCII; `8bit`: needs 8BITMIME; `binary`: may have NUL, lines above 998 octets, and needs BINARYMIME. */
  readonly encoding: "7bit" | "8bit" | "binary"
  /** Whether a header holds UTF-8 as it is, so that every hop must offer SMTPUTF8 (RFC 6531). */
  readonly utf8Headers: boolean
  /** No line is longer than this, in octets without its CRLF. */
  readonly longestLine: number | undefined
  /** Whether no line begins with a dot, so that nothing has to be stuffed. */
  readonly dotFree: boolean
  /** The whole body, when it is at hand. */
  readonly bytes: Uint8Array | undefined
  /** The body in pieces of moderate size; it can be run again. */
  readonly stream: Stream.Stream<Uint8Array, MessageError.MessageError>
  /**
   * The same message in the next narrower encoding, made when it is first asked for; `bodyFor` asks. Missing, or undefined when
   * asked for, when there is none: of what is 7bit, and of what was given as it is and must not be encoded.
   */
  readonly narrower?: (() => Body | undefined) | undefined
}

/**
 * A message ready for the wire.
 *
 * @category models
 * @since 0.1.0
 */
export interface Parcel {
  readonly envelope: Envelope
  readonly body: Body
  /** The Message-ID with its angle brackets, when the message has one. */
  readonly messageId: string | undefined
}

/**
 * A parcel of its parts.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (envelope: Envelope, body: Body, messageId?: string): Parcel => ({ envelope, body, messageId })

const bareLineEnd = (position: number) =>
  MessageError.make("bare-line-end", "a CR or LF stands alone", {
    position,
    hint: "Every line ends in CRLF; Message.eml makes it so"
  })

/**
 * The octets of `stream` for whoever is done with each piece before he asks for the next: that may come in the same array, so that
 * the largest attachment passes through little memory. Pieces of `stream` may be kept.
 *
 * @category getters
 * @since 0.1.0
 */
export const transientStream = (self: Body): Body["stream"] => transientOf(self.stream)

// About as much as a transport likes to write at once.
const pieceSize = 65_536

const streamOf = (bytes: Uint8Array): Body["stream"] =>
  bytes.length <= pieceSize
    ? Stream.succeed(bytes)
    : Stream.fromIterable({ [Symbol.iterator]: () => Bytes.pieces(bytes, pieceSize) }, { chunkSize: 1 })

const hasHigh = (bytes: Uint8Array, end: number): boolean => {
  for (let i = 0; i < end; i++) if ((bytes[i] ?? 0) > 127) return true
  return false
}

/**
 * The body of a whole message in bytes, its facts found in one pass; `facts` saves it. The header is looked at for UTF-8,
 * headers of parts within the body are not. Fails with `bare-line-end` at a CR or LF that stands alone (SMTP-053).
 *
 * @category constructors
 * @since 0.1.0
 */
export const bodyFromBytes = (
  bytes: Uint8Array,
  facts: Encoding.Facts = Encoding.scan(bytes)
): Result.Result<Body, MessageError.MessageError> => {
  if (facts.bare > 0) return Result.fail(bareLineEnd(facts.firstBare))
  return Result.succeed({
    size: facts.size,
    encoding: Encoding.identity(facts),
    utf8Headers: facts.high > 0 && hasHigh(bytes, HeaderSection.bodyStart(bytes)),
    longestLine: facts.longestLine,
    dotFree: !facts.dotLine,
    bytes,
    stream: streamOf(bytes)
  })
}

/**
 * A parcel of a whole message in bytes, which are sent as they are. Fails with `bare-line-end`, and with `bad-header`
 * when the bytes do not begin with header fields.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromBytes = (bytes: Uint8Array, envelope: Envelope): Result.Result<Parcel, MessageError.MessageError> =>
  Result.gen(function* () {
    const body = yield* bodyFromBytes(bytes)
    const section = yield* HeaderSection.parse(bytes)
    return make(envelope, body, HeaderSection.messageId(section))
  })

/**
 * The body for whoever takes nothing wider than `widest`: the widest rendering of the message that fits, else the narrowest that
 * there is, whose `encoding` says that it does not fit. Its Message-ID, Date and boundaries are the same in each, and a narrower one is
 * made no more than once.
 *
 * @category getters
 * @since 0.1.0
 */
export const bodyFor = ({ body }: Pick<Parcel, "body">, widest: Encoding.Identity): Body => {
  let chosen = body
  while (!Encoding.isWithin(chosen.encoding, widest)) {
    const narrower = chosen.narrower?.()
    if (narrower === undefined) return chosen
    chosen = narrower
  }
  return chosen
}

/**
 * The same parcel for whoever takes nothing wider than `widest`, with the body that `bodyFor` gives: `7bit` for a way on which nobody
 * knows what the next server takes.
 *
 * @category combinators
 * @since 0.1.0
 */
export const narrow = (self: Parcel, widest: Encoding.Identity): Parcel => {
  const body = bodyFor(self, widest)
  return body === self.body ? self : { ...self, body }
}

/**
 * The same parcel with more header fields in front, such as signatures: whole fields in ASCII that were folded already, as those of
 * `Header` are. Narrower renderings of it get them, too.
 *
 * @category combinators
 * @since 0.1.0
 */
export const prepend = (self: Parcel, fields: string): Parcel => {
  const added = Bytes.octets(fields)
  return { ...self, body: behind(added, Encoding.scan(added), self.body) }
}

const behind = (added: Uint8Array, facts: Encoding.Facts, body: Body): Body => {
  const { bytes, longestLine, narrower, size, stream } = body
  return {
    ...body,
    size: size === undefined ? undefined : size + added.length,
    longestLine: longestLine === undefined ? undefined : Math.max(facts.longestLine, longestLine),
    bytes: bytes === undefined ? undefined : Bytes.concat([added, bytes]),
    stream: mapLasting(stream, (rest) => Stream.concat(Stream.succeed(added), rest)),
    narrower: narrower === undefined ? undefined : once(() => maybe(narrower(), (body) => behind(added, facts, body)))
  }
}

const maybe = <A, B>(value: A | undefined, map: (value: A) => B): B | undefined =>
  value === undefined ? undefined : map(value)

/**
 * The same parcel for some of its recipients.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withRecipients = (
  self: Parcel,
  recipients: Arr.NonEmptyReadonlyArray<Envelope["recipients"][number]>
): Parcel => ({ ...self, envelope: { ...self.envelope, recipients } })

/**
 * The same parcel for the recipients that a predicate keeps, or undefined when it keeps nobody.
 *
 * @category combinators
 * @since 0.1.0
 */
export const filterRecipients = (
  self: Parcel,
  keep: (recipient: Envelope["recipients"][number]) => boolean
): Parcel | undefined => {
  const kept = self.envelope.recipients.filter(keep)
  return Arr.isReadonlyArrayNonEmpty(kept) ? withRecipients(self, kept) : undefined
}
