/**
 * What was said on one connection, for people: `C:` for the client, `S:` for the server, secrets already removed, message
 * contents only counted. It keeps how the session began and what was said last about one message, so that nobody reads of
 * another's mail in it, and makes text of it only when somebody asks.
 *
 * @since 0.1.0
 */
import { printable } from "@effect-mail/protocol/Failure"
import type { Reply } from "@effect-mail/protocol/Reply"

/**
 * The record of a conversation.
 *
 * @category models
 * @since 0.1.0
 */
export interface Transcript {
  /** A line that the client wrote, as logs may show it. */
  readonly client: (shown: string) => void
  readonly server: (reply: Reply) => void
  /** Something that happened to the connection. */
  readonly note: (text: string) => void
  /** What follows is about another message: what was said about the one before is forgotten. */
  readonly begin: () => void
  /** The beginning of the session and the last entries about this message as text, one line each. */
  readonly text: (options?: TextOptions) => string
}

/**
 * How a record is written.
 *
 * @category models
 * @since 0.1.0
 */
export interface TextOptions {
  /** Whether each line begins with the time since the first one, as in `+0.120s S: 220 ...`; false by default. */
  readonly timings?: boolean | undefined
}

// Enough for a session with a hundred recipients; what came before is of little help.
const kept = 256

interface Entry {
  readonly from: "C" | "S" | "*"
  /** For other messages that went before, how many. */
  readonly said: string | Reply | number
  /** Milliseconds since the first entry. */
  readonly at: number
}

/**
 * An empty record. `now` is the time in milliseconds from any point on, for the timings; without it they are all zero.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (now: () => number = () => 0): Transcript => {
  let opening: ReadonlyArray<Entry> = []
  let entries: Array<Entry> = []
  let messages = 0
  let start: number | undefined
  const entry = (from: Entry["from"], said: Entry["said"]): Entry => {
    const at = now()
    start ??= at
    return { from, said, at: at - start }
  }
  const add = (from: Entry["from"], said: Entry["said"]): void => {
    if (entries.length >= 2 * kept) entries = entries.slice(-kept)
    entries.push(entry(from, said))
  }
  return {
    client: (text) => add("C", text),
    server: (reply) => add("S", reply),
    note: (text) => add("*", text),
    begin: () => {
      if (messages++ === 0) opening = entries.slice(-kept)
      entries = messages === 1 ? [] : [entry("*", messages - 1)]
    },
    text: ({ timings = false } = {}) => {
      const lines = (entry: Entry) => (timings ? format(entry).map((line) => `${time(entry)} ${line}`) : format(entry))
      return [...opening, ...entries.slice(-kept)].flatMap(lines).join("\n")
    }
  }
}

const skipped = (messages: number): string =>
  messages === 1 ? "another message went before" : `${messages} other messages went before`

const time = ({ at }: Entry): string => `+${(at / 1000).toFixed(3)}s`

const format = ({ from, said }: Entry): ReadonlyArray<string> => {
  if (typeof said === "number") return [`${from}: ${skipped(said)}`]
  if (typeof said === "string") return [`${from}: ${printable(said)}`]
  return said.lines.map(
    (line, index, all) => `${from}: ${said.code}${index === all.length - 1 ? " " : "-"}${printable(line)}`
  )
}
