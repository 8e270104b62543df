/**
 * The one loop that drives dialogues over a wire. It writes a flight at once, reads as many replies as the flight awaits,
 * and resumes the dialogue; it decides nothing. A connection that breaks is an answer to the dialogue, not an exception.
 *
 * Per flight it costs one write, the reads that the network needs and two assignments for the deadline: no timer, no
 * fiber, no span and no error object.
 *
 * @since 0.1.0
 */
import type { MessageError } from "@effect-mail/message/MessageError"
import type { Body } from "@effect-mail/message/Parcel"
import type * as Dialogue from "@effect-mail/protocol/Dialogue"
import * as DotStuffing from "@effect-mail/protocol/DotStuffing"
import type { Lost } from "@effect-mail/protocol/Failure"
import type { BareLineEnd } from "@effect-mail/protocol/LineEndings"
import type { TlsInfo } from "@effect-mail/protocol/Receipt"
import type { Reply } from "@effect-mail/protocol/Reply"
import * as ReplyDecoder from "@effect-mail/protocol/ReplyDecoder"
import type { Stage } from "@effect-mail/protocol/Stage"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { compute } from "./internal/compute.ts"
import * as Timeouts from "./Timeouts.ts"
import * as Transcript from "./Transcript.ts"
import * as Watchdog from "./Watchdog.ts"
import { type TlsDemand, type Wire, WireError } from "./Wire.ts"

/**
 * A wire with somebody who can talk over it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Conversation {
  /** Plays a dialogue that carries no message. */
  readonly talk: <A>(dialogue: Dialogue.Dialogue<A>) => Effect.Effect<A>
  /**
   * Plays a dialogue whose content is `body`. Fails when the body itself cannot be read; the connection is useless then,
   * because half a message is on it.
   */
  readonly submit: <A>(dialogue: Dialogue.Dialogue<A>, body: Body) => Effect.Effect<A, MessageError>
  /** Says QUIT to a server that still listens, and does not wait for its answer. */
  readonly hangUp: Effect.Effect<void>
  /** Whether the connection has ended or is in the middle of a message. */
  readonly broken: () => boolean
  readonly tls: () => TlsInfo | undefined
  readonly transcript: () => string
}

const encoder = new TextEncoder()
const terminator = encoder.encode(".\r\n")
const farewell = encoder.encode("QUIT\r\n")

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
  const transcript = Transcript.make()
  const decoder = ReplyDecoder.make()
  // Replies that came before anybody awaited them, such as a 421 to an idle client; they answer the next command.
  const inbox: Array<Reply> = []
  let ended: WireError | undefined
  let sending = false

  const watchdog = yield* Watchdog.make((what, millis) => wire.abort(expired(what, millis)))
  const expect = (stage: Stage): void => watchdog.arm(Timeouts.millis(timeouts, stage), stage)

  const end = (error: WireError): void => {
    if (ended === undefined) transcript.note(error.detail)
    ended ??= error
  }

  // Reads until a reply is there; undefined when the connection ended first.
  const receive = Effect.fnUntraced(function* () {
    while (inbox.length === 0 && ended === undefined) {
      const chunk = yield* Effect.result(wire.read)
      if (Result.isFailure(chunk)) {
        end(chunk.failure)
        break
      }
      const decoded = decoder.push(chunk.success, inbox)
      if (Result.isFailure(decoded)) {
        const error = new WireError({ reason: "protocol", detail: decoded.failure.message })
        end(error)
        yield* wire.abort(error)
      }
    }
    const reply = inbox.shift()
    if (reply !== undefined) transcript.server(reply)
    return reply
  })

  const write = Effect.fnUntraced(function* (chunks: ReadonlyArray<Uint8Array>) {
    if (ended !== undefined) return false
    const written = yield* Effect.result(wire.write(chunks))
    // What the server said before it hung up is still to be read, so a failed write does not end the conversation.
    return Result.isSuccess(written)
  })

  const stream = (body: Body, framing: "dots" | "octets") =>
    Effect.gen(function* () {
      const stuffer = framing === "dots" ? DotStuffing.stuffer({ dotFree: body.dotFree }) : undefined
      const stuff = (chunk: Uint8Array) => (stuffer === undefined ? chunk : stuffed(stuffer.push(chunk)))
      let intact = true
      yield* Stream.runForEachArray(body.stream, (chunks) => {
        expect("body")
        return Effect.map(write(chunks.map(stuff)), (ok) => {
          intact &&= ok
        })
      })
      return intact && (stuffer === undefined || (yield* write([stuffed(stuffer.end())])))
    })

  // The message in one piece, ready to be written with the lines around it; undefined when it has to be streamed.
  const inOnePiece = (framing: Dialogue.Content["framing"], body: Body | undefined) => {
    if (framing === "none" || body === undefined) return [terminator]
    if (body.bytes === undefined) return undefined
    return [framing === "octets" ? body.bytes : stuffed(DotStuffing.stuff(body.bytes, { dotFree: body.dotFree }))]
  }

  const writeItems = Effect.fnUntraced(function* (items: Dialogue.Flight["items"], body: Body | undefined) {
    let ready: Array<Uint8Array> = []
    let content: "absent" | "partial" | "complete" = "absent"
    for (const item of items) {
      if (item._tag === "Line") {
        transcript.client(item.shown)
        ready.push(encoder.encode(Redacted.isRedacted(item.wire) ? Redacted.value(item.wire) : item.wire))
        continue
      }
      content = "partial"
      transcript.note(
        item.framing === "none" ? "nothing, ended by a dot" : `the message, ${body?.size ?? "some"} octets`
      )
      const piece = inOnePiece(item.framing, body)
      if (piece !== undefined || body === undefined) {
        ready.push(...(piece ?? []))
        continue
      }
      sending = true
      const begun = yield* write(ready)
      ready = []
      if (!begun || !(yield* stream(body, item.framing === "octets" ? "octets" : "dots"))) return content
    }
    if (content === "partial") {
      sending = true
      expect("body")
    }
    const written = ready.length === 0 || (yield* write(ready))
    sending &&= !written
    return content === "partial" && written ? "complete" : content
  })

  const fly = Effect.fnUntraced(function* (flight: Dialogue.Flight, body: Body | undefined) {
    const replies: Array<Reply> = []
    expect(flight.awaits[0])
    const content = flight.items.length === 0 ? "absent" : yield* writeItems(flight.items, body)
    for (const stage of flight.awaits) {
      expect(stage)
      const reply = yield* receive()
      if (reply === undefined) break
      replies.push(reply)
    }
    watchdog.disarm()
    const awaited = flight.awaits[replies.length]
    if (awaited === undefined) return { replies, lost: undefined }
    // Once the last byte of the message is written, its fate is unknown whatever was awaited (RFC 1047).
    const stage = content === "complete" ? "data-end" : content === "partial" ? "body" : awaited
    return { replies, lost: lostBy(ended, stage) }
  })

  const upgrade = Effect.fnUntraced(function* () {
    // Whatever came ahead of the handshake was said by somebody in the middle (RFC 3207 section 6).
    if (inbox.length > 0 || decoder.pending) {
      const error = new WireError({
        reason: "protocol",
        detail: "the server sent clear text between its reply to STARTTLS and the handshake",
        hint: "Somebody may be tampering with the connection"
      })
      end(error)
      yield* wire.abort(error)
      return { replies: [], lost: lostBy(error, "tls") }
    }
    watchdog.arm(Timeouts.millis(timeouts, "tls"), "tls")
    const secured = yield* Effect.result(wire.secure(demand))
    watchdog.disarm()
    if (Result.isFailure(secured)) {
      end(secured.failure)
      return { replies: [], lost: lostBy(secured.failure, "tls") }
    }
    transcript.note(`${secured.success.protocol} ${secured.success.cipher}`)
    return { replies: [], lost: undefined }
  })

  const perform = (step: Dialogue.Step, body: Body | undefined): Effect.Effect<Dialogue.Answer, MessageError> => {
    switch (step._tag) {
      case "Flight":
        return fly(step, body)
      case "Upgrade":
        return upgrade()
      case "Compute":
        return Effect.map(compute(step), (octets) => ({ replies: [], lost: undefined, octets }))
    }
  }

  const run = <A>(dialogue: Dialogue.Dialogue<A>, body?: Body): Effect.Effect<A, MessageError> =>
    Effect.gen(function* () {
      let step = dialogue.next({ replies: [], lost: undefined })
      while (step.done !== true) {
        step = dialogue.next(yield* perform(step.value, body))
      }
      return step.value
    })

  const broken = (): boolean => ended !== undefined || sending
  const hangUp = Effect.suspend(() => {
    if (broken()) return Effect.void
    transcript.client("QUIT")
    return write([farewell]).pipe(Effect.timeoutOption("1 second"), Effect.asVoid)
  })

  return {
    // Only a body can fail a dialogue, and there is none here.
    talk: (dialogue) => Effect.orDie(run(dialogue)),
    submit: run,
    hangUp,
    broken,
    tls: wire.tls,
    transcript: transcript.text
  }
})

// A parcel's body has been checked for bare line ends when it was made, so that this is a defect of whoever made it.
const stuffed = (result: Result.Result<Uint8Array, BareLineEnd>): Uint8Array => Result.getOrThrow(result)

const expired = (what: string, millis: number): WireError =>
  new WireError({
    reason: "timeout",
    detail: `no answer within ${Duration.format(Duration.millis(millis))} (${what})`
  })

const kinds = {
  refused: "refused",
  name: "refused",
  timeout: "timeout",
  closed: "closed",
  reset: "reset",
  tls: "tls",
  protocol: "protocol",
  local: "local"
} as const

/**
 * The problem that the end of a connection is at a stage.
 *
 * @category constructors
 * @since 0.1.0
 */
export const lostBy = (error: WireError | undefined, stage: Stage): Lost => ({
  _tag: "Lost",
  stage,
  kind: error === undefined ? "closed" : kinds[error.reason],
  detail: error?.detail ?? "the connection ended",
  hint: error?.hint
})
