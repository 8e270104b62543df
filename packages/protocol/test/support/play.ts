import type * as Dialogue from "@effect-mail/protocol/Dialogue"
import * as DotStuffing from "@effect-mail/protocol/DotStuffing"
import type * as Failure from "@effect-mail/protocol/Failure"
import * as Reply from "@effect-mail/protocol/Reply"
import { Redacted, Result } from "effect"
import { compute } from "../fixtures/sasl.ts"

/** A reply as it stands on the wire, its lines separated by CR LF; `tls` for a handshake; or the end of the connection. */
export type Event = string | End

export interface End {
  readonly kind: Failure.Lost["kind"]
  /** Whether the connection broke while the message was being written. */
  readonly partial: boolean
}

export const end = (kind: Failure.Lost["kind"] = "closed", partial = false): End => ({ kind, partial })

export const reply = (text: string): Reply.Reply =>
  Reply.make(Number(text.slice(0, 3)), ...text.split("\r\n").map((line) => line.slice(4)))

export interface Played<A> {
  /** What was written, one entry per write; `<TLS>` for a handshake. */
  readonly wrote: ReadonlyArray<string>
  /** The lines as logs would show them. */
  readonly shown: ReadonlyArray<string>
  /** The stages that were awaited, in order. */
  readonly awaited: ReadonlyArray<string>
  /** Events that nobody asked for. */
  readonly unused: number
  /** Flights after the connection had ended. */
  readonly afterEnd: number
  readonly result: A
}

export const message = "Subject: x\r\n\r\n.hi\r\n"
export const stuffed = "Subject: x\r\n\r\n..hi\r\n.\r\n"

const decoder = new TextDecoder()
const encoder = new TextEncoder()

/** What an item looks like on the wire. */
export const wireOf = (item: Dialogue.Line | Dialogue.Content, content: string): string => {
  if (item._tag === "Line") return Redacted.isRedacted(item.wire) ? Redacted.value(item.wire) : item.wire
  switch (item.framing) {
    case "none":
      return ".\r\n"
    case "octets":
      return content
    case "dots":
      return decoder.decode(Result.getOrThrow(DotStuffing.stuff(encoder.encode(content))))
  }
}

/**
 * Plays a dialogue against a list of events, one for each reply that it awaits and for each handshake; when the list is
 * over, the connection is. The stage of a loss is that of the session's rule: once the message is written, its fate is
 * unknown whatever was awaited.
 */
export const play = <A>(
  dialogue: Dialogue.Dialogue<A>,
  events: ReadonlyArray<Event>,
  content = message,
  nonce?: string
): Played<A> => {
  const wrote: Array<string> = []
  const shown: Array<string> = []
  const awaited: Array<string> = []
  let used = 0
  let ended: End | undefined
  let afterEnd = 0
  const next = (): string | undefined => {
    if (ended !== undefined) return undefined
    const event = events[used] ?? end()
    used = Math.min(used + 1, events.length)
    if (typeof event === "string") return event
    ended = event
    return undefined
  }
  const lost = (stage: Failure.Lost["stage"]): Failure.Lost => ({
    _tag: "Lost",
    stage,
    kind: ended?.kind ?? "closed",
    detail: "the connection ended"
  })
  const fly = ({ awaits, behind = [], items, written }: Dialogue.Flight): Dialogue.Answer => {
    if (ended !== undefined) afterEnd++
    else if (items.length > 0 && written !== true) {
      wrote.push([...items, ...behind].map((item) => wireOf(item, content)).join(""))
    }
    shown.push(...items.flatMap((item) => (item._tag === "Line" ? [item.shown] : [])))
    const replies: Array<Reply.Reply> = []
    for (const stage of awaits) {
      awaited.push(stage)
      const event = next()
      if (event !== undefined) {
        replies.push(reply(event))
        continue
      }
      const hasContent = items.some(({ _tag }) => _tag === "Content")
      return { replies, lost: lost(!hasContent ? stage : ended?.partial === true ? "body" : "data-end") }
    }
    return { replies, lost: undefined }
  }
  const perform = (step: Dialogue.Step): Dialogue.Answer => {
    if (step._tag === "Flight") return fly(step)
    if (step._tag === "Compute") return { replies: [], lost: undefined, octets: compute(step, nonce) }
    wrote.push("<TLS>")
    return { replies: [], lost: next() === "tls" ? undefined : lost("tls") }
  }
  let step = dialogue.next({ replies: [], lost: undefined })
  while (step.done !== true) step = dialogue.next(perform(step.value))
  return { wrote, shown, awaited, unused: events.length - used, afterEnd, result: step.value }
}

/** Plays and expects that every event was needed and nothing was said to a connection that had ended. */
export const playAll = <A>(...args: Parameters<typeof play<A>>): Played<A> => {
  const played = play<A>(...args)
  if (played.unused > 0) throw new Error(`${played.unused} events were not needed; wrote ${played.wrote.join(" | ")}`)
  if (played.afterEnd > 0) throw new Error("the dialogue goes on after the end of the connection")
  return played
}
