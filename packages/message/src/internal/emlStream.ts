/**
 * A ready message that comes as a stream, as a parcel. It is read once to know what it is, of which the header is kept and the rest
 * is counted, and then each time it is sent.
 */
import * as LineEndings from "@effect-mail/protocol/LineEndings"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Encoding from "../Encoding.ts"
import type { StreamedEml } from "../Message.ts"
import * as MessageError from "../MessageError.ts"
import * as Parcel from "../Parcel.ts"
import type { Ambient } from "./ambient.ts"
import { withAmbient } from "./ambient.ts"
import * as Bytes from "./bytes.ts"
import { edit, envelopeOf } from "./eml.ts"
import * as HeaderSection from "./headerSection.ts"
import { makeSplitter } from "./splitter.ts"

type Octets = Stream.Stream<Uint8Array, MessageError.MessageError>

const nothing = new Uint8Array(0)
const crlf = Uint8Array.of(13, 10)

// The message with CRLF at the end of each line.
const normalized = (message: StreamedEml): Octets =>
  Stream.suspend(() => {
    const lines = LineEndings.normalizer()
    return Stream.concat(Stream.map(message.stream, lines.push), Stream.fromEffect(Effect.sync(() => lines.end())))
  })

interface Counter {
  readonly write: (octets: Uint8Array) => void
  readonly end: () => void
  /** What is known of all that was written. */
  readonly facts: () => Encoding.Facts
}

const CR = 13
const LF = 10
const DOT = 46

// The facts of octets that come in pieces with CRLF line ends. A line that is cut is counted by what its pieces tell.
const makeCounter = (): Counter => {
  let { bare, dotLine, firstBare, high, longestLine, nul, size } = Encoding.scan(nothing)
  let open = 0
  return {
    write: (octets) => {
      if (octets.length === 0) return
      const facts = Encoding.scan(octets)
      const firstEnd = octets.indexOf(LF)
      const lastEnd = octets.lastIndexOf(LF)
      dotLine ||= (open === 0 && octets[0] === DOT) || hasDotLine(octets)
      open += firstEnd === -1 ? octets.length : firstEnd + 1
      const ends = firstEnd === -1 ? (octets[octets.length - 1] === CR ? 1 : 0) : 2
      longestLine = Math.max(longestLine, facts.longestLine, open - ends)
      if (lastEnd !== -1) open = octets.length - lastEnd - 1
      high += facts.high
      nul ||= facts.nul
      size += octets.length
    },
    end: () => {},
    facts: () => ({ bare, dotLine, firstBare, high, longestLine, nul, size })
  }
}

const hasDotLine = (octets: Uint8Array): boolean => {
  for (let at = octets.indexOf(DOT, 1); at !== -1; at = octets.indexOf(DOT, at + 1))
    if (octets[at - 1] === LF) return true
  return false
}

interface Survey {
  readonly section: HeaderSection.Section
  /** Undefined when the message is a header alone. */
  readonly body: Encoding.Facts | undefined
}

const survey = (message: StreamedEml): Effect.Effect<Survey, MessageError.MessageError> =>
  Effect.suspend(() => {
    const counter = makeCounter()
    const splitter = makeSplitter(counter)
    const read = Stream.runForEach(normalized(message), (octets) => Effect.fromResult(splitter.write(octets)))
    return Effect.flatMap(read, () =>
      Effect.fromResult(
        Result.map(HeaderSection.parse(splitter.end()), (section) => ({
          section,
          body: splitter.isInBody() ? counter.facts() : undefined
        }))
      )
    )
  })

const changed = MessageError.make("unreadable-stream", "the message is not what it was when it was first read", {
  hint: "Its stream must give the same octets each time"
})

// The body of the message behind its empty line.
const bodyOf = (message: StreamedEml, size: number): Octets =>
  Stream.suspend(() => {
    let pieces: Array<Uint8Array> = []
    let left = size
    const splitter = makeSplitter({ write: (octets) => pieces.push(octets), end: () => {} })
    const take = (octets: Uint8Array): Result.Result<Uint8Array, MessageError.MessageError> => {
      pieces = []
      return Result.flatMap(splitter.write(octets), () => {
        const all = Bytes.concat(pieces)
        left -= all.length
        return left < 0 ? Result.fail(changed) : Result.succeed(all)
      })
    }
    return Stream.concat(
      Stream.mapEffect(normalized(message), (octets) => Effect.fromResult(take(octets))),
      Stream.suspend(() => (left === 0 ? Stream.empty : Stream.fail(changed)))
    ).pipe(Stream.filter((octets) => octets.length > 0))
  })

const join = (header: Encoding.Facts, body: Encoding.Facts): Parcel.Body["encoding"] => {
  if (header.nul || body.nul || Math.max(header.longestLine, body.longestLine) > Encoding.maxLineLength) return "binary"
  return header.high + body.high > 0 ? "8bit" : "7bit"
}

const parcelBody = (message: StreamedEml, header: Uint8Array, body: Encoding.Facts | undefined): Parcel.Body => {
  const front = body === undefined ? header : Bytes.concat([header, crlf])
  const facts = Encoding.scan(header)
  const rest = body ?? Encoding.scan(nothing)
  return {
    size: front.length + rest.size,
    encoding: join(facts, rest),
    utf8Headers: facts.high > 0,
    longestLine: Math.max(facts.longestLine, rest.longestLine),
    dotFree: !facts.dotLine && !rest.dotLine,
    bytes: undefined,
    stream: Stream.concat(Stream.succeed(front), body === undefined ? Stream.empty : bodyOf(message, rest.size))
  }
}

const parcelOf = (
  message: StreamedEml,
  { body, section }: Survey,
  ambient: Ambient
): Result.Result<Parcel.Parcel, MessageError.MessageError> =>
  Result.gen(function* () {
    const envelope = yield* envelopeOf(message, section)
    const header = yield* edit(message, section, ambient)
    const edited = yield* HeaderSection.parse(header)
    return Parcel.make(envelope, parcelBody(message, header, body), HeaderSection.messageId(edited))
  })

/** The parcel of a ready message that is streamed. */
export const fromStream = (message: StreamedEml): Effect.Effect<Parcel.Parcel, MessageError.MessageError> =>
  Effect.flatMap(survey(message), (survey) => withAmbient((ambient) => parcelOf(message, survey, ambient)))
