/**
 * A transcript from production as the script of a server that says the same again. What a `Failure` keeps as its
 * `transcript`, what `SmtpSession.transcript` and `effect-mail` print, and what a failed script shows can all be replayed:
 *
 * ```
 * S: 220 mx.example.com ESMTP
 * C: EHLO app.example.com
 * S: 250-mx.example.com
 * S: 250 PIPELINING
 * C: MAIL FROM:<app@example.com>
 * S: 451 4.7.1 Not now
 * ```
 *
 * Lines of the server are said as they stand, and where the transcript has timings, when they were said. Secrets were removed
 * (`***`), so that a proof which depends on them (SCRAM, CRAM-MD5) cannot be replayed; PLAIN, LOGIN and XOAUTH2 can.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Bytes from "./internal/bytes.ts"
import * as Script from "./Script.ts"

/**
 * A transcript that cannot be replayed; it says which line, and how to mend it.
 *
 * @category errors
 * @since 0.1.0
 */
export class ReplayError extends Data.TaggedError("ReplayError")<{
  /** The number of the line, from 1. */
  readonly line: number
  /** The line itself; at most 200 characters. */
  readonly text: string
  readonly reason: string
  readonly hint: string
}> {
  override get message(): string {
    return `line ${this.line}: ${this.reason}: ${JSON.stringify(this.text)}. ${this.hint}`
  }
}

/**
 * How a transcript is replayed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * What the client must say: the same commands (`verbs`, by default), so that another client with another message can be
   * shown the same server; or the same lines but for secrets (`lines`).
   */
  readonly match?: "verbs" | "lines" | undefined
  /** Whether the server waits as long before each reply as it did, when the transcript has timings; true by default. */
  readonly timings?: boolean | undefined
}

interface Entry {
  readonly line: number
  readonly from: "C" | "S" | "*"
  readonly text: string
  /** Milliseconds since the beginning, when the transcript has timings. */
  readonly at: number | undefined
}

type Parsed<A> = Result.Result<A, ReplayError>

const fail = (
  { line, text }: Pick<Entry, "line" | "text">,
  reason: string,
  hint: string
): Result.Result<never, ReplayError> => Result.fail(new ReplayError({ line, text: text.slice(0, 200), reason, hint }))

const syntax = /^\s*(?:\+(\d{1,9}(?:\.\d{1,9})?)s\s+)?([CS*]):(?: (.*))?$/

const isSpeaker = (text: string | undefined): text is Entry["from"] => text === "C" || text === "S" || text === "*"

const entriesOf = (transcript: string): Parsed<ReadonlyArray<Entry>> =>
  Result.gen(function* () {
    const entries: Array<Entry> = []
    for (const [index, text] of transcript.split(/\r?\n/).entries()) {
      if (text.trim() === "") continue
      const line = index + 1
      const [matched, at, from, said = ""] = syntax.exec(text) ?? []
      if (matched === undefined || !isSpeaker(from)) {
        return yield* fail({ line, text }, "this is no line of a transcript", "Begin each line with C:, S: or *:")
      }
      entries.push({ line, from, text: said, at: at === undefined ? undefined : Number(at) * 1000 })
    }
    return entries
  })

// The lines of one reply, from here on.
const replyAt = (entries: ReadonlyArray<Entry>, start: Entry, index: number): Parsed<ReadonlyArray<string>> => {
  const lines: Array<string> = []
  for (let at = index; ; at++) {
    const entry = entries[at]
    if (entry?.from !== "S") {
      return fail(entries[at - 1] ?? start, "the reply has no last line", "Its last line has a space behind the code")
    }
    const [, code, separator] = /^([2-5]\d\d)(?:([ -])|$)/.exec(entry.text) ?? []
    if (code === undefined) return fail(entry, "this is no reply", "A reply begins with three digits and a space")
    if (lines.length > 0 && !lines[0]?.startsWith(code)) {
      return fail(entry, "the code changes within the reply", "End the reply before with a space behind its code")
    }
    lines.push(entry.text)
    if (separator !== "-") return Result.succeed(lines)
  }
}

// Behind BDAT come as many octets as it says.
const expectChunk: Script.Step = {
  what: "a chunk (BDAT)",
  play: Effect.fnUntraced(function* (connection) {
    const line = yield* Script.readLine(connection)
    const size = Number(/^BDAT (\d{1,10})(?: LAST)?$/i.exec(line)?.[1] ?? "none")
    if (Number.isNaN(size)) return yield* new Script.Mismatch({ detail: "expected a chunk (BDAT)" })
    let received: Uint8Array = connection.lines.take().slice()
    while (received.length < size) received = Bytes.concat([received, yield* connection.wire.read])
    connection.lines.push(received.subarray(size))
    connection.note(`C: (${size} octets)`)
  })
}

// A transcript that a failure keeps was made before the client left, with a QUIT or without.
const farewell: Script.Step = {
  what: "the end of the connection",
  last: true,
  play: Effect.fnUntraced(function* (connection) {
    const line = yield* Effect.result(Script.readLine(connection))
    if (Result.isSuccess(line) ? line.success.toUpperCase() === "QUIT" : line.failure._tag === "ServerWireError") return
    return yield* new Script.Mismatch({ detail: "expected the end of the connection" })
  })
}

const anyLine: Script.Step = Script.expectPrefix("")

const verb = (line: string): string => /^(?:MAIL FROM:|RCPT TO:|AUTH \S+|\S+)/i.exec(line)?.[0] ?? ""

// What is hidden can be anything.
const commandStep = (line: string, match: "verbs" | "lines"): Script.Step => {
  const hidden = line.indexOf("***")
  if (hidden === 0) return anyLine
  if (line.startsWith("BDAT ")) return expectChunk
  if (match === "verbs") return Script.expectPrefix(verb(line))
  return hidden > 0 ? Script.expectPrefix(line.slice(0, hidden)) : Script.expect(line)
}

// Notes of a transcript that are more than words for people, by how they begin.
const notes: ReadonlyArray<readonly [pattern: RegExp, step: Script.Step]> = [
  [/^TLS/, Script.startTls],
  [/\breset the connection|connection was reset/, Script.reset],
  [/\bclosed the connection|has ended the session/, Script.close],
  [/^no answer within|could not be sent within/, Script.stall]
]

const clientGone = /broken off|was closed|in use or was interrupted/

/**
 * The script that replays a transcript, for `ScriptedServer`. Fails with `ReplayError` at the first line that is none, at a
 * reply without a code or without an end, when the beginning is missing, and when something follows the end of the
 * connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const script = (transcript: string, options: Options = {}): Parsed<Script.Script> =>
  Result.gen(function* () {
    const { match = "verbs", timings = true } = options
    const entries = yield* entriesOf(transcript)
    const [first] = entries
    if (first === undefined) {
      return yield* fail({ line: 1, text: "" }, "there is nothing", "Give the transcript of a connection")
    }
    if (first.from === "C") {
      return yield* fail(first, "the beginning is missing", "A connection begins with the server's greeting")
    }
    const steps: Array<Script.Step> = []
    let chunked = false
    for (let index = 0; index < entries.length; index++) {
      const entry = entries[index] ?? first
      if (steps.at(-1)?.last === true) {
        return yield* fail(entry, "the connection has ended before this line", "Replay each connection on its own")
      }
      if (entry.from === "S") {
        const lines = yield* replyAt(entries, entry, index)
        const waited = (entry.at ?? 0) - (entries[index - 1]?.at ?? 0)
        if (timings && waited > 0) steps.push(Script.pause(Duration.millis(waited)))
        steps.push(Script.reply(...lines))
        index += lines.length - 1
      } else if (entry.from === "C") {
        if (/^\(\d+ octets\)$/.test(entry.text)) {
          if (!chunked) steps.push(Script.expectMessage)
        } else if (index < entries.length - 1 || entry.text !== "QUIT") steps.push(commandStep(entry.text, match))
        chunked = entry.text.startsWith("BDAT ")
      } else {
        const step = noteStep(entry.text, chunked)
        if (step !== undefined) steps.push(step)
      }
    }
    return steps.at(-1)?.last === true ? steps : [...steps, farewell]
  })

const noteStep = (text: string, chunked: boolean): Script.Step | undefined => {
  if (/^a message of|^no message$/.test(text)) return chunked ? undefined : Script.expectMessage
  if (clientGone.test(text)) return farewell
  return notes.find(([pattern]) => pattern.test(text))?.[1]
}
