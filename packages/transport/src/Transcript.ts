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
  let opening: ReadonlyArray<Entry> = []
  let entries: Array<Entry> = []
  let messages = 0
  const add = (entry: Entry): void => {
    if (entries.length >= 2 * kept) entries = entries.slice(-kept)
    entries.push(entry)
  }
  return {
    client: (text) => add({ from: "C", text }),
    server: (reply) => add({ from: "S", reply }),
    note: (text) => add({ from: "*", text }),
    begin: () => {
      if (messages++ === 0) opening = entries.slice(-kept)
      entries = []
    },
    text: () =>
      [...opening, ...(messages > 1 ? [skipped(messages - 1)] : []), ...entries.slice(-kept)].flatMap(format).join("\n")
  }
}

const skipped = (messages: number): Entry => ({
  from: "*",
  text: messages === 1 ? "another message went before" : `${messages} other messages went before`
})

const format = (entry: Entry): ReadonlyArray<string> =>
  entry.from === "S"
    ? entry.reply.lines.map(
        (line, index, all) => `S: ${entry.reply.code}${index === all.length - 1 ? " " : "-"}${printable(line)}`
      )
    : [`${entry.from}: ${printable(entry.text)}`]
