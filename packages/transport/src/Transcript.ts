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
  readonly text: () => string
}

// Enough for a session with a hundred recipients; what came before is of little help.
const kept = 256

type Entry = { readonly from: "C" | "*"; readonly text: string } | { readonly from: "S"; readonly reply: Reply }

/**
 * An empty record.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): Transcript => {
  let entries: Array<Entry> = []
  const add = (entry: Entry): void => {
    if (entries.length >= 2 * kept) entries = entries.slice(-kept)
    entries.push(entry)
  }
  return {
    client: (text) => add({ from: "C", text }),
    server: (reply) => add({ from: "S", reply }),
    note: (text) => add({ from: "*", text }),
    text: () => entries.slice(-kept).flatMap(format).join("\n")
  }
}

const format = (entry: Entry): ReadonlyArray<string> =>
  entry.from === "S"
    ? entry.reply.lines.map(
        (line, index, all) => `S: ${entry.reply.code}${index === all.length - 1 ? " " : "-"}${printable(line)}`
      )
    : [`${entry.from}: ${printable(entry.text)}`]
