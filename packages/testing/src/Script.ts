/**
 * What one connection to a `ScriptedServer` must hear and what it is answered. Everything that a correct server never does
 * can be written down: half a reply, garbage, silence, a reset.
 *
 * ```ts
 * const script = [
 *   Script.reply("220 mx.example.com"),
 *   Script.expectPrefix("EHLO "),
 *   Script.reply("250-mx.example.com", "250 PIPELINING"),
 *   Script.expect("MAIL FROM:<a@example.com>"),
 *   Script.reset
 * ]
 * ```
 *
 * @since 0.1.0
 */
import * as DotStuffing from "@effect-mail/protocol/DotStuffing"
import * as LineDecoder from "@effect-mail/protocol/LineDecoder"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Bytes from "./internal/bytes.ts"
import type { ServerWire, ServerWireError } from "./ServerWire.ts"

/**
 * One step of a script.
 *
 * @category models
 * @since 0.1.0
 */
export interface Step {
  /** What is awaited or done, for the report of a script that failed. */
  readonly what: string
  readonly play: (connection: Connection) => Effect.Effect<void, Mismatch | ServerWireError>
  /** Whether nothing can follow. */
  readonly last?: boolean | undefined
  /** Why the step can never be played; undefined when it can. */
  readonly wrong?: string | undefined
  /** Whether the connection is under TLS behind it. */
  readonly secures?: boolean | undefined
}

/**
 * The script of one connection.
 *
 * @category models
 * @since 0.1.0
 */
export type Script = ReadonlyArray<Step>

/**
 * A connection that is being played.
 *
 * @category models
 * @since 0.1.0
 */
export interface Connection {
  readonly wire: ServerWire
  lines: LineDecoder.LineDecoder
  /** Adds a line to the dialogue that a failure reports. */
  readonly note: (entry: string) => void
  /** Says that all is played, although the step itself goes on. */
  readonly done: Effect.Effect<void>
}

/**
 * The client said something else than the script expects.
 *
 * @category errors
 * @since 0.1.0
 */
export class Mismatch extends Data.TaggedError("Mismatch")<{ readonly detail: string }> {}

/**
 * The next line of the client, for steps of one's own. Fails with a `Mismatch` when what came is no line.
 *
 * @category reading
 * @since 0.1.0
 */
export const readLine = Effect.fnUntraced(function* (
  connection: Connection
): Effect.fn.Return<string, Mismatch | ServerWireError> {
  while (true) {
    const line = connection.lines.next()
    if (Result.isFailure(line)) return yield* new Mismatch({ detail: line.failure.message })
    if (line.success !== undefined) {
      connection.note(`C: ${line.success}`)
      return line.success
    }
    connection.lines.push(yield* connection.wire.read)
  }
})

const unsayable = (line: string): string | undefined =>
  /[\r\n]/.test(line) ? "no line has a line end within it; expect each line by a step of its own" : undefined

const hear = (what: string, accepts: (line: string) => boolean, wrong?: string): Step => ({
  what,
  wrong,
  play: Effect.fnUntraced(function* (connection) {
    const line = yield* readLine(connection)
    if (!accepts(line)) return yield* new Mismatch({ detail: `expected ${what}` })
  })
})

/**
 * The client says exactly this line.
 *
 * @category steps
 * @since 0.1.0
 */
export const expect = (line: string): Step => hear(`the line "${line}"`, (said) => said === line, unsayable(line))

/**
 * The client says a line that begins like this.
 *
 * @category steps
 * @since 0.1.0
 */
export const expectPrefix = (prefix: string): Step =>
  hear(`a line that begins with "${prefix}"`, (said) => said.startsWith(prefix), unsayable(prefix))

/**
 * The client sends exactly these octets.
 *
 * @category steps
 * @since 0.1.0
 */
export const expectBytes = (content: Bytes.Input): Step => {
  const wanted = Bytes.from(content)
  return {
    what: `${wanted.length} octets`,
    play: Effect.fnUntraced(function* (connection) {
      let received: Uint8Array = connection.lines.take().slice()
      while (received.length < wanted.length) received = Bytes.concat([received, yield* connection.wire.read])
      connection.lines.push(received.subarray(wanted.length))
      yield* compare(connection, received.subarray(0, wanted.length), wanted)
    })
  }
}

const hearMessage = (
  what: string,
  accepts: (connection: Connection, content: Uint8Array) => Effect.Effect<void, Mismatch>
): Step => ({
  what,
  play: Effect.fnUntraced(function* (connection) {
    const unstuffer = DotStuffing.unstuffer()
    const parts: Array<Uint8Array> = []
    let chunk: Uint8Array = connection.lines.take().slice()
    while (true) {
      const read = unstuffer.push(chunk)
      if (Result.isFailure(read)) return yield* new Mismatch({ detail: read.failure.message })
      parts.push(read.success.content.slice())
      if (read.success.done) {
        connection.lines.push(read.success.rest)
        return yield* accepts(connection, Bytes.concat(parts))
      }
      chunk = yield* connection.wire.read
    }
  })
})

/**
 * The client sends exactly this message, dot-stuffed and ended by a lone dot.
 *
 * @category steps
 * @since 0.1.0
 */
export const expectContent = (content: Bytes.Input): Step =>
  hearMessage("this message, ended by a lone dot", (connection, received) =>
    compare(connection, received, Bytes.from(content))
  )

/**
 * The client sends a message, dot-stuffed and ended by a lone dot.
 *
 * @category steps
 * @since 0.1.0
 */
export const expectMessage: Step = hearMessage("a message, ended by a lone dot", (connection, received) =>
  Effect.sync(() => connection.note(`C: (${received.length} octets)`))
)

const compare = (connection: Connection, received: Uint8Array, wanted: Uint8Array) => {
  connection.note(`C: (${received.length} octets)`)
  const at = Bytes.firstDifference(received, wanted)
  if (at === undefined) return Effect.void
  const detail = `expected other octets from ${at} on: ${Bytes.show(wanted, at)}, but got ${Bytes.show(received, at)}`
  return Effect.fail(new Mismatch({ detail }))
}

/**
 * The client breaks off: it sends what it wants, but no lone dot, and is gone.
 *
 * @category steps
 * @since 0.1.0
 */
export const expectBreakOff: Step = {
  what: "the client to break off within its message",
  last: true,
  play: Effect.fnUntraced(function* (connection) {
    const unstuffer = DotStuffing.unstuffer({ bareLineEnds: "keep" })
    let chunk: Result.Result<Uint8Array, ServerWireError> = Result.succeed(connection.lines.take().slice())
    let size = 0
    let done = false
    while (Result.isSuccess(chunk)) {
      size += chunk.success.length
      // With `keep` nothing fails.
      done = Result.getOrThrow(unstuffer.push(chunk.success)).done
      chunk = yield* Effect.result(connection.wire.read)
    }
    connection.note(`C: (${size} octets)`)
    if (done) return yield* new Mismatch({ detail: "expected a message without its end" })
  })
}

/**
 * The client ends the connection and says nothing more. Every script that does not end with `close`, `reset` or `stall`
 * ends like this.
 *
 * @category steps
 * @since 0.1.0
 */
export const expectEnd: Step = {
  what: "the end of the connection",
  last: true,
  play: Effect.fnUntraced(function* (connection) {
    const line = yield* Effect.result(readLine(connection))
    const silent = connection.lines.buffered === 0
    if (silent && Result.isFailure(line) && line.failure._tag === "ServerWireError") return
    return yield* new Mismatch({ detail: "expected the end of the connection" })
  })
}

// What a reply is not; whoever wants to say such a thing says it with `send`.
const noReply = (lines: ReadonlyArray<string>): string | undefined => {
  if (lines.length === 0) return "a reply has at least one line"
  const code = /^\d{3}/.exec(lines[0] ?? "")?.[0]
  const wrong = lines.find((line, index) => {
    const separators = index === lines.length - 1 ? [" ", ""] : ["-"]
    return code === undefined || !line.startsWith(code) || !separators.includes(line.charAt(3)) || /[\r\n]/.test(line)
  })
  if (wrong === undefined) return undefined
  return `${JSON.stringify(wrong)} is no line of such a reply, whose lines are "250-..." but for the last, "250 ..."; use send for what is none`
}

/**
 * Answers with one reply of these lines, which are given whole: `reply("250-mx.example.com", "250 PIPELINING")`.
 *
 * @category steps
 * @since 0.1.0
 */
export const reply = (...lines: ReadonlyArray<string>): Step => ({
  what: `to answer "${lines.at(-1) ?? ""}"`,
  wrong: noReply(lines),
  play: (connection) => {
    for (const line of lines) connection.note(`S: ${line}`)
    return connection.wire.write(Bytes.from(lines.map((line) => `${line}\r\n`).join("")))
  }
})

/**
 * Sends these octets as they are, each piece in a write of its own.
 *
 * @category steps
 * @since 0.1.0
 */
export const send = (...pieces: ReadonlyArray<Bytes.Input>): Step => ({
  what: "to send octets",
  play: ({ note, wire }) =>
    Effect.forEach(
      pieces,
      (piece) => {
        note(`S: (octets) ${Bytes.show(Bytes.from(piece), 0)}`)
        return wire.write(Bytes.from(piece))
      },
      { discard: true }
    )
})

/**
 * Shakes hands, for which the client waits without a further word (PIPE-004); as the first step it is TLS from the first byte, after `expect("STARTTLS")` and its reply it is STARTTLS.
 *
 * @category steps
 * @since 0.1.0
 */
export const startTls: Step = {
  what: "to shake hands",
  secures: true,
  play: Effect.fnUntraced(function* (connection) {
    if (connection.lines.buffered > 0) return yield* new Mismatch({ detail: "expected nothing before the handshake" })
    yield* connection.wire.secure
    connection.lines = LineDecoder.make()
    connection.note("*: TLS")
  })
}

/**
 * Shakes hands with a client that does not like the certificate and is gone.
 *
 * @category steps
 * @since 0.1.0
 */
export const expectTlsFailure: Step = {
  what: "the client to refuse the handshake",
  last: true,
  play: Effect.fnUntraced(function* ({ note, wire }) {
    const secured = yield* Effect.result(Effect.andThen(wire.secure, wire.read))
    note(`*: ${Result.isSuccess(secured) ? "TLS" : "no TLS"}`)
    if (Result.isSuccess(secured)) return yield* new Mismatch({ detail: "expected the client to refuse the handshake" })
  })
}

/**
 * Waits on the `Clock` before the next step.
 *
 * @category steps
 * @since 0.1.0
 */
export const pause = (duration: Duration.Input): Step => ({ what: "to wait", play: () => Effect.sleep(duration) })

/**
 * Neither reads nor writes any more and does not close the connection. Nothing can follow.
 *
 * @category steps
 * @since 0.1.0
 */
export const stall: Step = {
  what: "to stall",
  play: (connection) => Effect.andThen(connection.done, Effect.never),
  last: true
}

/**
 * Ends the connection in order, and ignores what else the client has to say. Nothing can follow.
 *
 * @category steps
 * @since 0.1.0
 */
export const close: Step = {
  what: "to close the connection",
  last: true,
  play: ({ done, note, wire }) => {
    note("S: (closes the connection)")
    return Effect.andThen(Effect.andThen(wire.close, done), Effect.ignore(Effect.forever(wire.read)))
  }
}

/**
 * Ends the connection as a server that crashes. Nothing can follow.
 *
 * @category steps
 * @since 0.1.0
 */
export const reset: Step = {
  what: "to reset the connection",
  last: true,
  play: ({ note, wire }) => {
    note("S: (resets the connection)")
    return wire.reset
  }
}

/**
 * Why a script can never be played to its end, or undefined when it can: a step that nothing can do, steps behind the end of
 * the connection, a second handshake under TLS.
 *
 * @category guards
 * @since 0.1.0
 */
export const contradiction = (script: Script): string | undefined => {
  let ended: Step | undefined
  let secure = false
  for (const [index, step] of script.entries()) {
    const where = `step ${index + 1} of ${script.length} (${step.what.replace(/\r?\n/g, "\\n")})`
    if (step.wrong !== undefined) return `${where}: ${step.wrong}`
    if (ended !== undefined) return `${where}: nothing can follow "${ended.what}", which ends the connection`
    if (step.secures === true && secure) return `${where}: the connection is under TLS already`
    if (step.last === true) ended = step
    secure ||= step.secures === true
  }
  return undefined
}
