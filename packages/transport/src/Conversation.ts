/**
 * The one loop that drives dialogues over a wire. It writes a flight at once, reads as many replies as the flight awaits,
 * and resumes the dialogue; it decides nothing. A connection that breaks is an answer to the dialogue, not an exception.
 *
 * Per flight it costs one write, the reads that the network needs and two deadlines, which are assignments: no timer, no
 * fiber, no span and no error object. Only a message of more than one block is written with an eye on what the server says.
 *
 * @since 0.1.0
 */
import type { MessageError } from "@effect-mail/message/MessageError"
import type { Body } from "@effect-mail/message/Parcel"
import type * as Dialogue from "@effect-mail/protocol/Dialogue"
import type { Lost } from "@effect-mail/protocol/Failure"
import type { TlsInfo } from "@effect-mail/protocol/Receipt"
import type { Reply } from "@effect-mail/protocol/Reply"
import * as ReplyDecoder from "@effect-mail/protocol/ReplyDecoder"
import type { Compute } from "@effect-mail/protocol/SaslExchange"
import type { Stage } from "@effect-mail/protocol/Stage"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { compute } from "./Computation.ts"
import * as Content from "./internal/content.ts"
import * as Timeouts from "./Timeouts.ts"
import * as Transcript from "./Transcript.ts"
import * as Watchdog from "./Watchdog.ts"
import { type TlsDemand, type Wire, WireError } from "./Wire.ts"

/**
 * A wire with somebody who can talk over it. One dialogue at a time: whoever starts another meanwhile, or after one that
 * was interrupted, is told that the connection is lost, and nothing is written for him.
 *
 * @category models
 * @since 0.1.0
 */
export interface Conversation {
  /** Plays a dialogue that carries no message. */
  readonly talk: <A>(dialogue: Dialogue.Dialogue<A>) => Effect.Effect<A>
  /**
   * Plays a dialogue whose content is `body`. When the body cannot be read, or is not what it was said to be, the connection
   * ends, because half a message is on it; the dialogue is told so, and `fault` tells why.
   */
  readonly submit: <A>(dialogue: Dialogue.Dialogue<A>, body: Body) => Effect.Effect<Submitted<A>>
  /** The same as a part of what a fiber does, to be delegated to from its generator: it costs no effect of its own. */
  readonly submitting: <A>(dialogue: Dialogue.Dialogue<A>, body: Body) => Effect.fn.Return<Submitted<A>>
  /**
   * Says QUIT to a server that still listens and owes no answer, and does not wait for its reply. In the middle of anything
   * else it ends the connection at once, so that nothing more of a message goes out, least of all its end (SMTP-291).
   */
  readonly hangUp: Effect.Effect<void>
  /** Whether the connection has ended, is in the middle of something, or the server has spoken without being asked. */
  readonly broken: () => boolean
  /** Whether the connection has ended, as far as anybody has noticed. */
  readonly ended: () => boolean
  /**
   * No wait goes beyond `until`, in milliseconds of the monotonic clock, but for that for the verdict about a whole message,
   * which is given a minute at least; `Infinity` sets no limit.
   */
  readonly limit: (until: number) => void
  /**
   * What is said from here on is about another message, with a limit of its own: the transcript keeps the beginning of the
   * session and forgets what was said about the message before.
   */
  readonly begin: (until: number) => void
  readonly tls: () => TlsInfo | undefined
  readonly transcript: Transcript.Transcript["text"]
}

/**
 * What came of a dialogue with a message.
 *
 * @category models
 * @since 0.1.0
 */
export interface Submitted<A> {
  readonly value: A
  readonly fault: MessageError | undefined
}

const encoder = new TextEncoder()
const farewell = encoder.encode("QUIT\r\n")

// How long a QUIT may take to be written.
const farewellMillis = 1000

/**
 * Starts a conversation over an open wire. `demand` is what a handshake must prove when a dialogue asks for one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  wire: Wire,
  timeouts: Timeouts.Timeouts,
  demand: TlsDemand
): Effect.fn.Return<Conversation, never, Scope.Scope> {
  // The time of what happens now: the clock is read once for each flight and once for each read, not for each line.
  let time = 0
  const transcript = Transcript.make(() => time)
  const decoder = ReplyDecoder.make()
  const allowed = Timeouts.table(timeouts)
  // Replies that have come and that no flight has taken.
  const inbox: Array<Reply> = []
  let ended: WireError | undefined
  // Set while a dialogue is played, and for ever when it was interrupted or failed.
  let busy = false
  // What was wrong with a message, which has ended the conversation.
  let fault: MessageError | undefined
  // Whether the next message's envelope is on the wire, so that its dialogue and no other may go on.
  let ahead = false
  let until = Infinity

  const watchdog = yield* Watchdog.make((what, millis) => wire.abort(expired(what, millis)))
  // What begins at once need not have the clock read again: `now` is `time` then.
  const allow = (stage: Stage, now = watchdog.now()): void => {
    time = now
    const millis = allowed[stage]
    const left = until - time
    if (millis <= left) watchdog.arm(millis, stage, time)
    else watchdog.arm(stage === "data-end" ? Math.max(left, Math.min(millis, leastVerdict)) : left, deadline, time)
  }

  const end = (error: WireError): void => {
    if (ended !== undefined) return
    ended = error
    time = watchdog.now()
    transcript.note(error.detail)
  }
  const endNow = (error: WireError) => {
    end(error)
    return wire.abort(error)
  }

  // What comes next from the server; a part of a reply is as good as nothing.
  const hear: Effect.Effect<void> = Effect.matchEffect(wire.read, {
    onFailure: (error) => Effect.sync(() => end(error)),
    onSuccess: (chunk) => {
      time = watchdog.now()
      const decoded = decoder.push(chunk, inbox)
      return Result.isSuccess(decoded) ? Effect.void : endNow(protocolError(decoded.failure.message))
    }
  })

  // Reads until a reply is there or the connection has ended.
  const listen = Effect.fnUntraced(function* () {
    while (inbox.length === 0 && ended === undefined) yield* hear
  })

  // What a server says without being asked would be taken for the answer to the next command, and so would every later
  // reply: a message could pass for delivered that was refused. Only a farewell is understood, by whoever speaks next.
  const hearUnasked = Effect.fnUntraced(function* () {
    yield* listen()
    if (inbox[0]?.code === 421) end(closing)
    else if (inbox.length > 0) {
      inbox.length = 0
      yield* endNow(outOfTurn)
    }
  })

  // A write that fails does not end the conversation: what the server said before it hung up is still to be read.
  const write = (chunks: ReadonlyArray<Uint8Array>): Effect.Effect<boolean> =>
    chunks.length > 0 && ended === undefined
      ? Effect.isSuccess(wire.write(chunks))
      : Effect.succeed(ended === undefined)

  // Until then nothing of a body that comes in the same memory again may be read.
  const released: Effect.Effect<boolean> =
    wire.released === undefined ? Effect.succeed(true) : Effect.isSuccess(wire.released)

  // All blocks but for the end of the message; undefined when the server did not take them.
  const writeBlocks = Effect.fnUntraced(function* ({ framer, quiet, stream }: Content.Blocks) {
    let taken = true
    const writeBlock = Effect.fnUntraced(function* (block: ReadonlyArray<Uint8Array>) {
      allow("body")
      taken = (yield* write(yield* Effect.fromResult(framer.push(block)))) && (yield* released)
      return taken
    })
    const all = Stream.runForEachWhile(stream, writeBlock)
    // A server that speaks now wants no more of the message (CLASS-49).
    yield* quiet ? Effect.raceFirst(all, listen()) : all
    if (!taken || (quiet && (inbox.length > 0 || ended !== undefined))) return undefined
    return yield* Effect.fromResult(framer.end())
  })

  // Writes a message that is larger than a block, or not at hand.
  const writeLarge = Effect.fnUntraced(function* (before: string, message: Content.Blocks, behind: string) {
    if (before !== "" && !(yield* write([encoder.encode(before)]))) return "partial"
    const end = yield* writeBlocks(message)
    if (end === undefined) return "partial"
    return wrote(yield* write(behind === "" ? end : [...end, encoder.encode(behind)]), behind)
  })

  // Says how much of the message is on the wire: "complete" from its very last byte on. A write that fails has not handed
  // over its last byte, which is not that of the message when something rides behind it.
  const wrote = (whole: boolean, behind: string): Sent => {
    ahead = whole && behind !== ""
    return whole || behind !== "" ? "complete" : "partial"
  }

  const show = (items: Dialogue.Flight["items"]): void => {
    for (const item of items) if (item._tag === "Line") transcript.client(item.shown)
  }

  function* writeMessage(lines: string, content: Dialogue.Content, behind: string, body: Body | undefined): Writing {
    transcript.note(content.framing === "none" ? "no message" : `a message of ${body?.size ?? "some"} octets`)
    const message = Content.prepare(body, content.framing, wire.released !== undefined)
    if (Result.isFailure(message)) return message.failure
    allow("body", time)
    if (message.success._tag === "Blocks") {
      return Result.merge(yield* Effect.result(writeLarge(lines, message.success, behind)))
    }
    const { bytes, end } = message.success
    return wrote(yield* write(Content.joined(lines, bytes, end + behind)), behind)
  }

  function* writeLines(lines: string): Writing {
    yield* write([encoder.encode(lines)])
    return "absent"
  }

  const writeFlight = ({ behind, items }: Dialogue.Flight, body: Body | undefined): Writing => {
    const last = items.at(-1)
    // A flight ends with its message, but for an envelope; what else came behind it would be silently left out.
    if (items.some((item) => item._tag === "Content" && item !== last)) {
      return wrongFlight()
    }
    show(items)
    const lines = wireText(items)
    return last?._tag === "Content" ? writeMessage(lines, last, wireText(behind), body) : writeLines(lines)
  }

  // What was written behind the message before is a part of this one's story.
  const takeOver = (flight: Dialogue.Flight): void => {
    ahead = false
    show(flight.items)
  }

  function* fly(flight: Dialogue.Flight, body: Body | undefined): Playing<Dialogue.Answer> {
    const { awaits, items } = flight
    let content: Sent | MessageError = "absent"
    if (items.length > 0) {
      allow(awaits[0])
      if (inbox.length > 0 || decoder.pending || wire.readable()) yield* hearUnasked()
      if (ended === undefined) content = yield* writeFlight(flight, body)
    }
    return typeof content === "string" ? yield* land(flight, content) : yield* spoil(content)
  }

  // Reads what a flight awaits.
  function* land(flight: Dialogue.Flight, content: Sent): Playing<Dialogue.Answer> {
    const replies = take(flight, [])
    while (replies.length < flight.awaits.length && ended === undefined) {
      allow(flight.awaits[replies.length] ?? "command")
      while (inbox.length === 0 && ended === undefined) yield* hear
      take(flight, replies)
    }
    watchdog.disarm()
    return meaning(flight, content, replies)
  }

  const take = ({ awaits }: Dialogue.Flight, replies: Array<Reply>): Array<Reply> => {
    while (replies.length < awaits.length) {
      const reply = inbox.shift()
      if (reply === undefined) break
      transcript.server(reply)
      replies.push(reply)
    }
    return replies
  }

  const meaning = (flight: Dialogue.Flight, content: Sent, replies: Array<Reply>): Dialogue.Answer => {
    if (content === "partial") {
      // Nobody can have taken a message whose end was never sent.
      const verdict = replies[flight.awaits.length - 1]
      const impossible = verdict !== undefined && verdict.code < 400
      if (impossible) replies.pop()
      end(impossible ? outOfTurn : brokenOff)
    }
    // With an envelope behind the message there are more replies, and a shift among them shows at its DATA.
    if (content === "complete" && !ahead && isOutOfStep(flight, inbox)) {
      end(outOfTurn)
      replies.length = Math.min(replies.length, flight.awaits.indexOf("data-end"))
    }
    const awaited = flight.awaits[replies.length]
    if (awaited === undefined) return { replies, lost: undefined }
    // Once the last byte of the message is written, its fate is unknown whatever was awaited (RFC 1047); until then it is
    // certain, also when nothing of it was written although its verdict would have been the next reply (CLASS-48).
    const before = content === "partial" || awaited === "data-end" ? "body" : awaited
    return { replies, lost: lostBy(ended, content === "complete" ? "data-end" : before) }
  }

  function* upgrade(): Playing<Dialogue.Answer> {
    // Whatever came ahead of the handshake was said by somebody in the middle (RFC 3207 section 6).
    if (inbox.length > 0 || decoder.pending) yield* endNow(injected)
    allow("tls")
    const secured = ended === undefined ? yield* Effect.result(wire.secure(demand)) : Result.fail(ended)
    watchdog.disarm()
    if (Result.isFailure(secured)) {
      end(secured.failure)
      return { replies: [], lost: lostBy(secured.failure, "tls") }
    }
    time = watchdog.now()
    transcript.note(`${secured.success.protocol} ${secured.success.cipher}`)
    return { replies: [], lost: undefined }
  }

  const perform = (step: Dialogue.Step, body: Body | undefined): Playing<Dialogue.Answer> => {
    switch (step._tag) {
      case "Flight":
        return fly(step, body)
      case "Upgrade":
        return upgrade()
      case "Compute":
        return computed(step)
    }
  }

  function* spoil(error: MessageError): Playing<Dialogue.Answer> {
    watchdog.disarm()
    fault = error
    const reason = new WireError({ reason: "local", detail: error.message })
    yield* endNow(reason)
    return { replies: [], lost: lostBy(reason, "body") }
  }

  function* playing<A>(dialogue: Dialogue.Dialogue<A>, body?: Body): Playing<Submitted<A>> {
    let step = dialogue.next({ replies: [], lost: undefined })
    const mine = !busy && ahead === goesOn(step)
    busy = true
    // The replies to what was written behind the message before have often come with those to that message.
    if (mine && ahead && step.done !== true && step.value._tag === "Flight") {
      takeOver(step.value)
      const replies = inbox.length < step.value.awaits.length ? undefined : take(step.value, [])
      step = dialogue.next(replies === undefined ? yield* land(step.value, "absent") : { replies, lost: undefined })
    }
    while (step.done !== true) {
      step = dialogue.next(mine ? yield* perform(step.value, body) : inUse(step.value))
    }
    if (mine) busy = false
    return { value: step.value, fault: mine ? fault : undefined }
  }
  const run = Effect.fnUntraced(playing)

  const broken = (): boolean =>
    ended !== undefined || busy || ahead || inbox.length > 0 || decoder.pending || wire.readable()

  return {
    talk: (dialogue) => Effect.map(run(dialogue), ({ value }) => value),
    submit: run,
    submitting: playing,
    hangUp: Effect.suspend(() => {
      if (broken()) return wire.abort(brokenOff)
      time = watchdog.now()
      transcript.client("QUIT")
      // A finalizer cannot be interrupted, so it is the watchdog that ends a write which does not.
      watchdog.arm(farewellMillis, "quit", time)
      return Effect.asVoid(write([farewell]))
    }),
    broken,
    ended: () => ended !== undefined,
    limit: (limit) => {
      until = limit
    },
    begin: (limit) => {
      until = limit
      transcript.begin()
    },
    tls: wire.tls,
    transcript: transcript.text
  }
})

type Sent = "absent" | "partial" | "complete"

// One reply too many among several, and one of them refuses: nobody can tell which of them is about the message, so that
// none is taken for its verdict (CLASS-52, CLASS-58). A farewell behind the verdict is no verdict (CLASS-54).
const isOutOfStep = ({ awaits }: Dialogue.Flight, surplus: ReadonlyArray<Reply>): boolean =>
  awaits.length > 1 && surplus.some(({ code }) => code >= 400 && code !== 421)

// A part of what the fiber of a dialogue does: a plain generator within its own costs no effect of its own.
type Playing<A> = Effect.fn.Return<A>

// What is wrong with the message is a value.
type Writing = Playing<Sent | MessageError>

function* wrongFlight(): Playing<never> {
  return yield* Effect.die(new Error("a flight goes on after its message"))
}

function* computed(step: Compute): Playing<Dialogue.Answer> {
  return { replies: [], lost: undefined, octets: yield* compute(step) }
}

const wireText = (items: Dialogue.Flight["items"] = []): string => {
  let text = ""
  for (const item of items) if (item._tag === "Line") text += textOf(item)
  return text
}

const textOf = ({ wire }: Dialogue.Line): string => (Redacted.isRedacted(wire) ? Redacted.value(wire) : wire)

// Whether a dialogue begins with what was written behind the message before.
const goesOn = (step: IteratorResult<Dialogue.Step>): boolean =>
  step.done !== true && step.value._tag === "Flight" && step.value.written === true

// Giving up on a verdict early is how mail gets delivered twice (RFC 1047).
const leastVerdict = 60_000

// What the watchdog says of a wait that the time for the whole message has ended.
const deadline = "deadline"

const protocolError = (detail: string, hint?: string): WireError => new WireError({ reason: "protocol", detail, hint })

const outOfTurn = protocolError("the server spoke without being asked")

const injected = protocolError(
  "the server sent clear text between its reply to STARTTLS and the handshake",
  "Somebody may be tampering with the connection"
)

const closing = new WireError({ reason: "closed", detail: "the server has ended the session" })

const brokenOff = new WireError({ reason: "closed", detail: "the connection was broken off" })

const expired = (what: string, millis: number): WireError => {
  if (what === deadline) return tooLate
  const within = `within ${Duration.format(Duration.millis(millis))}`
  return new WireError({
    reason: "timeout",
    detail: what === "body" ? `a part of the message could not be sent ${within}` : `no answer ${within} (${what})`,
    hint: what === "greeting" ? silentServer : undefined
  })
}

const silentServer = "If this port speaks TLS from the first byte, as 465 does, use implicit TLS"

const inUse = (step: Dialogue.Step): Dialogue.Answer => ({
  replies: [],
  lost: {
    _tag: "Lost",
    stage: step._tag === "Flight" ? step.awaits[0] : "command",
    kind: "local",
    detail: "the connection is in use or was interrupted"
  }
})

/**
 * The problem that the end of a connection is at a stage.
 *
 * @category constructors
 * @since 0.1.0
 */
export const lostBy = (error: WireError | undefined, stage: Stage): Lost => ({
  _tag: "Lost",
  stage,
  kind: error === undefined ? "closed" : error.reason === "name" ? "refused" : error.reason,
  detail: error?.detail ?? "the connection ended",
  // A server that waits for TLS says nothing to a client that waits for its greeting, until it has had enough.
  hint: error?.hint ?? (stage === "greeting" && error?.reason === "closed" ? silentServer : undefined)
})

/**
 * The time that was allowed for a message is over. Our own impatience is not held against the server.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tooLate = new WireError({ reason: "local", detail: "the time for this message is over" })
