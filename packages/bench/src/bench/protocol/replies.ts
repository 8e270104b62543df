/** Decoding the replies of a server. */
import type { Reply } from "@effect-mail/protocol/Reply"
import { nodemailer, ours, written } from "../Peers.ts"
import type { Implementation, Scenario, Work } from "../Scenario.ts"
import { work } from "../Scenario.ts"

const count = 600

// Two lines each, as a server says them that tells more than it must; together about what one read of a socket holds.
const said = (): Buffer =>
  Buffer.from(
    Array.from(
      { length: count },
      (_, i) => `250-2.1.5 <user${i}@example.com> recipient accepted\r\n250 2.1.5 queued as 4F8Xy${i}\r\n`
    ).join("")
  )

const inChunks = (bytes: Buffer, size: number): ReadonlyArray<Buffer> =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))

interface Spoken {
  readonly code: number
  readonly lines: ReadonlyArray<string>
}

const view = (replies: ReadonlyArray<Spoken>) => replies.map(({ code, lines }) => ({ code, lines }))

type Decoder = (chunks: ReadonlyArray<Buffer>) => Promise<Work>

const effectMail: Decoder = async (chunks) => {
  const ReplyDecoder = await import("@effect-mail/protocol/ReplyDecoder")
  const Result = await import("effect/Result")
  return work(() => {
    const decoder = ReplyDecoder.make()
    const replies: Array<Reply> = []
    for (const chunk of chunks) Result.getOrThrow(decoder.push(chunk, replies))
    return replies
  }, view)
}

// The parser that everybody writes first: text, split at line ends, a regular expression for each line.
const splitAndRegex: Decoder = async (chunks) =>
  work(() => {
    const replies: Array<Spoken> = []
    let rest = ""
    let texts: Array<string> = []
    for (const chunk of chunks) {
      const lines = (rest + chunk.toString()).split(/\r?\n/)
      rest = lines.pop() ?? ""
      for (const line of lines) {
        const match = /^(\d{3})([ -])(.*)$/.exec(line)
        if (match === null) throw new Error(`This is no reply: ${line}`)
        texts.push(match[3] ?? "")
        if (match[2] === "-") continue
        replies.push({ code: Number(match[1]), lines: texts })
        texts = []
      }
    }
    return replies
  }, view)

// What nodemailer's connection is to its socket: it takes chunks and calls the action that waits for the next reply with
// the reply's text. Neither member is in its types.
interface Listener {
  readonly _onData: (chunk: Buffer) => void
  _responseActions: Array<(reply: string) => void>
}

// An action gets the whole reply in one text; whoever wants its lines takes them apart, as is done here.
const read = (reply: string): Spoken => ({
  code: Number(reply.slice(0, 3)),
  lines: reply.split("\n").map((line) => line.slice(4))
})

const connection: Decoder = async (chunks) => {
  const { default: SMTPConnection } = await import("nodemailer/lib/smtp-connection")
  const converse = (resolve: (replies: ReadonlyArray<Spoken>) => void): void => {
    const replies: Array<Spoken> = []
    // Listener says why.
    const listener = new SMTPConnection({}) as InstanceType<typeof SMTPConnection> & Listener
    listener._responseActions = Array.from({ length: count }, () => (reply) => {
      if (replies.push(read(reply)) === count) resolve(replies)
    })
    for (const chunk of chunks) listener._onData(chunk)
  }
  return work(() => new Promise<ReadonlyArray<Spoken>>(converse), view)
}

const scenario = (name: string, title: string, chunkSize: number): Scenario => {
  const by = (decoder: Decoder): Pick<Implementation, "prepare"> => ({
    prepare: () => decoder(inChunks(said(), chunkSize))
  })
  return {
    name,
    title,
    unit: "replies",
    items: count,
    goal: 1_000_000,
    implementations: [
      { ...ours, ...by(effectMail) },
      { ...written("split+regex"), ...by(splitAndRegex) },
      { ...nodemailer, ...by(connection) }
    ]
  }
}

export const scenarios: ReadonlyArray<Scenario> = [
  scenario("reply/one-buffer", "replies of two lines in one buffer", 65_536),
  scenario("reply/chunks-of-64", "the same in chunks of 64 octets", 64),
  scenario("reply/chunks-of-16", "the same in chunks of 16 octets", 16)
]
