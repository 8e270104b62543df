/**
 * A correct mail server inside the test: SMTP or LMTP over `ServerDialogue`, in memory or over real TCP, delivering into a
 * `Mailbox`. The same handler serves both, so that a test can move from one to the other without a change.
 *
 * @since 0.1.0
 */
import * as Chunking from "@effect-mail/protocol/Chunking"
import * as LineDecoder from "@effect-mail/protocol/LineDecoder"
import * as DotStuffing from "@effect-mail/protocol/DotStuffing"
import * as Reply from "@effect-mail/protocol/Reply"
import * as ServerDialogue from "@effect-mail/protocol/ServerDialogue"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as SocketServer from "effect/socket/SocketServer"
import * as Bytes from "./internal/bytes.ts"
import { compute } from "@effect-mail/transport/Computation"
import { Mailbox } from "./Mailbox.ts"
import { type ListenOptions, MemoryNetwork } from "./MemoryNetwork.ts"
import * as ServerWire from "./ServerWire.ts"
import type { TestCertificate } from "./TestCertificate.ts"

/**
 * What the test says to the dialogue's questions; undefined leaves the answer to the server, which says yes.
 *
 * @category models
 * @since 0.1.0
 */
export type Decide = (question: ServerDialogue.Question) => Effect.Effect<Reply.Reply | undefined>

/**
 * How the server behaves.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** What the server offers; everything unless said otherwise. */
  readonly server?: Partial<ServerDialogue.ServerOptions> | undefined
  /** What it refuses; nothing by default. */
  readonly decide?: Decide | undefined
  /** The certificate for TLS over TCP; without it STARTTLS is not offered there. */
  readonly certificate?: TestCertificate | undefined
  /** TLS from the first byte instead of STARTTLS; false by default. */
  readonly implicitTls?: boolean | undefined
}

/**
 * The handler of one connection: speaks until the client says QUIT or is gone.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<ServerWire.Handler, never, Mailbox> {
  const mailbox = yield* Mailbox
  const server = { ...ServerDialogue.standard, ...options.server }
  const decide = options.decide ?? accept
  return (wire) =>
    Effect.ignore(
      options.implicitTls === true
        ? Effect.andThen(wire.secure, converse(wire, server, decide, mailbox, true))
        : converse(wire, server, decide, mailbox, false)
    )
})

const accept: Decide = () => Effect.undefined

/**
 * Listens in a `MemoryNetwork` for as long as the scope lives.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory = (
  listen: ListenOptions,
  options: Options = {}
): Layer.Layer<never, never, MemoryNetwork | Mailbox> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const network = yield* MemoryNetwork
      yield* network.listen(listen, yield* make(options))
    })
  )

/**
 * Listens over real TCP, on the port of the `SocketServer` that is provided.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<never, never, SocketServer.SocketServer | Mailbox> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const startTls = options.certificate !== undefined && (options.server?.startTls ?? true)
      const handler = yield* make({ ...options, server: { ...options.server, startTls } })
      yield* ServerWire.serve(handler, options.certificate)
    })
  )

const converse = Effect.fnUntraced(function* (
  wire: ServerWire.ServerWire,
  options: ServerDialogue.ServerOptions,
  decide: Decide,
  mailbox: Mailbox["Service"],
  implicitTls: boolean
) {
  const encoder = new TextEncoder()
  let lines = LineDecoder.make()
  let secure = implicitTls
  // Replies wait until the input is empty, so that a group of commands gets its replies in one write (RFC 2920).
  let pending = ""

  const flush = Effect.suspend(() => {
    const bytes = encoder.encode(pending)
    pending = ""
    return bytes.length === 0 ? Effect.void : wire.write(bytes)
  })
  const more = Effect.andThen(flush, wire.read)

  const listen = Effect.fnUntraced(function* (): Effect.fn.Return<ServerDialogue.ServerAnswer> {
    while (true) {
      const line = lines.next(LineDecoder.authLineLength)
      if (Result.isFailure(line)) {
        return { unreadable: line.failure.message, recoverable: line.failure.reason === "encoding" }
      }
      if (line.success !== undefined) return { line: line.success }
      const chunk = yield* Effect.result(more)
      if (Result.isFailure(chunk)) return {}
      lines.push(chunk.success)
    }
  })

  const receive = Effect.fnUntraced(function* (
    framing: "dots" | number,
    limit: number
  ): Effect.fn.Return<ServerDialogue.ServerAnswer> {
    const reader = framing === "dots" ? dotted() : counted(framing)
    const parts: Array<Uint8Array> = []
    let size = 0
    let chunk: Result.Result<Uint8Array, unknown> = Result.succeed(lines.take())
    while (Result.isSuccess(chunk)) {
      const read = reader(chunk.success)
      size += read.content.length
      // What is too large is read to its end and forgotten, so that the session stays in step.
      if (size <= limit) parts.push(read.content.slice())
      if (read.done) {
        lines.push(read.rest)
        return { content: read.bare ? "bare-line-end" : size > limit ? "too-large" : Bytes.concat(parts) }
      }
      chunk = yield* Effect.result(more)
    }
    return {}
  })

  const upgrade = Effect.gen(function* () {
    yield* flush
    yield* wire.secure
    lines = LineDecoder.make()
    secure = true
    return { upgraded: true }
  })

  const consult = Effect.fnUntraced(function* (question: ServerDialogue.Question) {
    const decided = yield* decide(question)
    const replies = decided === undefined ? consent(question) : answers(question, decided)
    if (question._tag === "Message") yield* keep(question, replies)
    return { replies }
  })

  const keep = (
    question: Extract<ServerDialogue.Question, { _tag: "Message" }>,
    replies: ReadonlyArray<Reply.Reply>
  ) => {
    const { content, transaction } = question
    const taken = transaction.recipients.filter((_, index) => (replies[index] ?? replies[0])?.code === 250)
    if (taken.length === 0) return Effect.void
    const recipients = taken.map(({ forwardPath }) => forwardPath)
    return mailbox.put({
      from: transaction.reversePath,
      recipients,
      parameters: transaction.parameters,
      content,
      secure
    })
  }

  const perform = (
    step: ServerDialogue.ServerStep
  ): Effect.Effect<ServerDialogue.ServerAnswer, ServerWire.ServerWireError> => {
    switch (step._tag) {
      case "Say":
        pending += Result.getOrThrow(Reply.format(step.reply))
        return Effect.succeed({})
      case "Listen":
        return listen()
      case "Receive":
        return receive(step.framing, step.limit)
      case "Consult":
        return consult(step.question)
      case "Upgrade":
        return upgrade
      case "Compute":
        return Effect.map(compute(step), (octets) => ({ octets }))
    }
  }

  const dialogue = ServerDialogue.serve(options, implicitTls)
  let step = dialogue.next({})
  while (step.done !== true) step = dialogue.next(yield* perform(step.value))
  yield* flush
})

// In LMTP every recipient gets a reply of its own; one decision holds for all of them.
const answers = (question: ServerDialogue.Question, reply: Reply.Reply): ReadonlyArray<Reply.Reply> =>
  question._tag === "Message" ? question.transaction.recipients.map(() => reply) : [reply]

const consent = (question: ServerDialogue.Question): ReadonlyArray<Reply.Reply> => {
  switch (question._tag) {
    case "Connect":
      return [Reply.make(220, "mail.example.com ESMTP effect-mail test server")]
    case "Hello":
      return [Reply.make(250, `greets ${question.name}`)]
    case "Mail":
      return [Reply.make(250, "2.1.0 Sender ok")]
    case "Rcpt":
      return [Reply.make(250, "2.1.5 Recipient ok")]
    case "Data":
      return [Reply.make(354, "End data with <CR><LF>.<CR><LF>")]
    case "Message":
      return answers(question, Reply.make(250, "2.0.0 Taken"))
    case "Ask":
      return [
        question.verb === "HELP" ? Reply.make(214, "2.0.0 This is a test server") : Reply.make(252, "2.5.2 Cannot say")
      ]
    case "Proxy":
      return [question.verb === "XCLIENT" ? Reply.make(220, "mail.example.com ESMTP") : Reply.make(250, "2.0.0 Noted")]
  }
}

interface Read {
  readonly content: Uint8Array
  readonly done: boolean
  readonly rest: Uint8Array
  readonly bare: boolean
}

const dotted = () => {
  const unstuffer = DotStuffing.unstuffer({ bareLineEnds: "keep" })
  return (chunk: Uint8Array): Read => ({
    // With `keep` nothing fails.
    ...Result.getOrThrow(unstuffer.push(chunk)),
    bare: unstuffer.bare !== undefined
  })
}

const counted = (size: number) => {
  const receiver = Chunking.receiver(size)
  return (chunk: Uint8Array): Read => ({ ...receiver.push(chunk), bare: false })
}
