import * as Chunking from "@effect-mail/protocol/Chunking"
import type * as Dialogue from "@effect-mail/protocol/Dialogue"
import * as DotStuffing from "@effect-mail/protocol/DotStuffing"
import * as LineDecoder from "@effect-mail/protocol/LineDecoder"
import * as Reply from "@effect-mail/protocol/Reply"
import * as ReplyDecoder from "@effect-mail/protocol/ReplyDecoder"
import * as ServerDialogue from "@effect-mail/protocol/ServerDialogue"
import { Bytes, Result } from "effect"
import { compute } from "../fixtures/sasl.ts"
import { reply, wireOf } from "./play.ts"

/** What the application says; undefined is a yes. */
export type Decide = (question: ServerDialogue.Question) => string | ReadonlyArray<string> | undefined

const consent: Readonly<Record<ServerDialogue.Question["_tag"], string>> = {
  Connect: "220 mx.example.com ESMTP",
  Hello: "250 at your service",
  Mail: "250 2.1.0 ok",
  Rcpt: "250 2.1.5 ok",
  Data: "354 go on",
  Message: "250 2.0.0 taken",
  Ask: "252 2.5.2 perhaps",
  Proxy: "220 mx.example.com ESMTP"
}

/** A message that the server took, and for whom it said so. */
export interface Mail {
  readonly transaction: ServerDialogue.Transaction
  readonly content: string
  readonly recipients: ReadonlyArray<string>
}

/** A server in memory: it is given bytes and gives its replies as text. */
export interface Host {
  /** Takes bytes, in pieces of `size` octets, and tells what is answered. */
  readonly hear: (text: string | Uint8Array, size?: number) => string
  /** What is answered when the TLS handshake is over. */
  readonly handshake: (upgraded?: boolean) => string
  /** The client hangs up. */
  readonly hangUp: () => void
  readonly closed: () => boolean
  readonly questions: ReadonlyArray<ServerDialogue.Question>
  readonly mails: ReadonlyArray<Mail>
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const octets = (text: string | Uint8Array): Uint8Array => (typeof text === "string" ? encoder.encode(text) : text)

export const host = (
  options: Partial<ServerDialogue.ServerOptions> = {},
  decide: Decide = () => undefined,
  secure?: boolean
): Host => {
  const questions: Array<ServerDialogue.Question> = []
  const mails: Array<Mail> = []
  const dialogue = ServerDialogue.serve({ ...ServerDialogue.standard, ...options }, secure)
  let lines = LineDecoder.make()
  let said = ""
  let step = dialogue.next({})
  let receiving: ((input: Uint8Array) => ServerDialogue.ServerAnswer | undefined) | undefined
  const resume = (answer: ServerDialogue.ServerAnswer): void => {
    step = dialogue.next(answer)
  }

  const listen = (): boolean => {
    const line = lines.next(LineDecoder.authLineLength)
    if (Result.isFailure(line)) {
      resume({ unreadable: line.failure.message, recoverable: line.failure.reason === "encoding" })
    } else if (line.success === undefined) return false
    else resume({ line: line.success })
    return true
  }

  const receiver = (framing: "dots" | number, limit: number) => {
    const unstuffer = DotStuffing.unstuffer({ bareLineEnds: "keep" })
    const counted = Chunking.receiver(framing === "dots" ? 0 : framing)
    const parts: Array<Uint8Array> = []
    return (input: Uint8Array): ServerDialogue.ServerAnswer | undefined => {
      const read = framing === "dots" ? Result.getOrThrow(unstuffer.push(input)) : counted.push(input)
      parts.push(read.content.slice())
      if (!read.done) return undefined
      lines.push(read.rest)
      const content = Bytes.concat(parts)
      if (framing === "dots" && unstuffer.bare !== undefined) return { content: "bare-line-end" }
      return { content: content.length > limit ? "too-large" : content }
    }
  }

  const receive = (framing: "dots" | number, limit: number): boolean => {
    receiving ??= receiver(framing, limit)
    const answer = receiving(lines.take())
    if (answer === undefined) return false
    receiving = undefined
    resume(answer)
    return true
  }

  const consult = (question: ServerDialogue.Question): void => {
    questions.push(question)
    const decided = decide(question) ?? consent[question._tag]
    const replies = (typeof decided === "string" ? [decided] : decided).map(reply)
    resume({ replies })
    if (question._tag !== "Message") return
    const taken = question.transaction.recipients.filter((_, i) => (replies[i] ?? replies[0])?.code === 250)
    mails.push({
      transaction: question.transaction,
      content: decoder.decode(question.content),
      recipients: taken.map(({ forwardPath }) => forwardPath)
    })
  }

  // Goes on until more input is needed.
  const perform = (value: ServerDialogue.ServerStep): boolean => {
    switch (value._tag) {
      case "Say":
        said += Result.getOrThrow(Reply.format(value.reply))
        resume({})
        return true
      case "Listen":
        return listen()
      case "Receive":
        return receive(value.framing, value.limit)
      case "Consult":
        consult(value.question)
        return true
      case "Compute":
        resume({ octets: compute(value) })
        return true
      case "Upgrade":
        return false
    }
  }
  const run = (): string => {
    while (step.done !== true && perform(step.value));
    const all = said
    said = ""
    return all
  }

  return {
    hear: (text, size = Infinity) => {
      const bytes = octets(text)
      let answers = ""
      for (let at = 0; at < bytes.length || at === 0; at += Math.min(size, Math.max(bytes.length, 1))) {
        lines.push(bytes.subarray(at, at + Math.min(size, bytes.length)))
        answers += run()
      }
      return answers
    },
    handshake: (upgraded = true) => {
      // What came ahead of the handshake is thrown away (TLS-004).
      lines = LineDecoder.make()
      resume({ upgraded })
      return run()
    },
    hangUp: () => {
      while (step.done !== true) resume({})
    },
    closed: () => step.done === true,
    questions,
    mails
  }
}

/**
 * Lets a client's dialogue talk to a server, what it writes coming in pieces of `size` octets. Throws when both wait for
 * each other, and when the server says more than the client awaits.
 */
export const connect = (server: Host, content: string, size = Infinity) => {
  const replies: Array<Reply.Reply> = []
  const wrote: Array<string> = []
  const reading = ReplyDecoder.make()
  const take = (text: string): void => {
    Result.getOrThrow(reading.push(encoder.encode(text), replies))
  }
  const fly = ({ awaits, items }: Dialogue.Flight): Dialogue.Answer => {
    if (replies.length > 0) throw new Error(`nobody asked for ${JSON.stringify(replies)}`)
    const text = items.map((item) => wireOf(item, content)).join("")
    if (items.length > 0) wrote.push(text)
    take(server.hear(text, size))
    const answers = replies.splice(0, awaits.length)
    const stage = awaits[answers.length]
    if (stage === undefined) return { replies: answers, lost: undefined }
    if (!server.closed()) throw new Error(`both wait: ${stage} after ${wrote.join("")}`)
    return { replies: answers, lost: { _tag: "Lost", stage, kind: "closed", detail: "the server hung up" } }
  }
  const perform = (value: Dialogue.Step): Dialogue.Answer => {
    if (value._tag === "Flight") return fly(value)
    if (value._tag === "Compute") return { replies: [], lost: undefined, octets: compute(value) }
    take(server.handshake())
    return { replies: [], lost: undefined }
  }
  const talk = <A>(dialogue: Dialogue.Dialogue<A>): A => {
    let step = dialogue.next({ replies: [], lost: undefined })
    while (step.done !== true) step = dialogue.next(perform(step.value))
    return step.value
  }
  return { talk, wrote }
}
