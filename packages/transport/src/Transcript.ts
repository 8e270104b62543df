/**
 * What was said on one connection, for people: `C:` for the client, `S:` for the server, secrets already removed, message
 * contents only counted. It keeps the last lines and makes text of them only when somebody asks.
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
  /** The last entries as text, one line each. */
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

type Said = { readonly from: "C" | "*"; readonly text: string } | { readonly from: "S"; readonly reply: Reply }

type Entry = Said & { readonly at: number }

/**
 * An empty record. `now` is the time in milliseconds from any point on, for the timings; without it they are all zero.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (now: () => number = () => 0): Transcript => {
  let entries: Array<Entry> = []
  let start: number | undefined
  const add = (said: Said): void => {
    const at = now()
    start ??= at
    if (entries.length >= 2 * kept) entries = entries.slice(-kept)
    entries.push({ ...said, at: at - start })
  }
  return {
    client: (text) => add({ from: "C", text }),
    server: (reply) => add({ from: "S", reply }),
    note: (text) => add({ from: "*", text }),
    text: ({ timings = false } = {}) => {
      const lines = (entry: Entry) => (timings ? format(entry).map((line) => `${time(entry)} ${line}`) : format(entry))
      return entries.slice(-kept).flatMap(lines).join("\n")
    }
  }
}

const time = ({ at }: Entry): string => `+${(at / 1000).toFixed(3)}s`

const format = (entry: Entry): ReadonlyArray<string> =>
  entry.from === "S"
    ? entry.reply.lines.map(
        (line, index, all) => `S: ${entry.reply.code}${index === all.length - 1 ? " " : "-"}${printable(line)}`
      )
    : [`${entry.from}: ${printable(entry.text)}`]
