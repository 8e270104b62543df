/** Dot-stuffing of message data. */
import type { Facts } from "@effect-mail/protocol/DotStuffing"
import { nodemailer, ours, written } from "../Peers.ts"
import type { Implementation, Scenario, Work } from "../Scenario.ts"
import { work } from "../Scenario.ts"

const chunkSize = 65_536
const chunkCount = 64
const megabytes = (chunkSize * chunkCount) / 1_000_000

// A body in chunks as a file is read, of one line over and over.
const body = (line: string): ReadonlyArray<Buffer> => {
  const bytes = Buffer.from(line.repeat(Math.ceil((chunkSize * chunkCount) / line.length)))
  return Array.from({ length: chunkCount }, (_, i) => bytes.subarray(i * chunkSize, (i + 1) * chunkSize))
}

const view = (pieces: ReadonlyArray<Uint8Array>) => Buffer.concat(pieces).toString("latin1")

type Stuffer = (chunks: ReadonlyArray<Buffer>, facts: Facts) => Promise<Work>

const effectMail: Stuffer = async (chunks, facts) => {
  const DotStuffing = await import("@effect-mail/protocol/DotStuffing")
  const Result = await import("effect/Result")
  return work(() => {
    const stuffer = DotStuffing.stuffer(facts)
    const pieces = chunks.map((chunk): Uint8Array => Result.getOrThrow(stuffer.push(chunk)))
    pieces.push(Result.getOrThrow(stuffer.end()))
    return pieces
  }, view)
}

// nodemailer's transform without the stream around it, which would cost something, too.
const dataStream: Stuffer = async (chunks) => {
  const { default: DataStream } = await import("nodemailer/lib/smtp-connection/data-stream")
  return work(() => {
    const stream = new DataStream()
    const pieces: Array<Uint8Array> = []
    stream.push = (piece: Uint8Array) => pieces.push(piece) > 0
    for (const chunk of chunks) stream._transform(chunk, "binary", () => {})
    stream._flush(() => {})
    return pieces
  }, view)
}

const DOT = 46
const LF = 10

// One octet after the other, with a dot more where a line begins with one; the lines are known to end in CR LF.
const perOctet: Stuffer = async (chunks) =>
  work(() => {
    let last = LF
    const pieces = chunks.map((chunk) => {
      const out = Buffer.allocUnsafe(chunk.length * 2)
      let at = 0
      for (let i = 0; i < chunk.length; i++) {
        const octet = chunk[i] ?? 0
        if (octet === DOT && last === LF) out[at++] = DOT
        out[at++] = octet
        last = octet
      }
      return out.subarray(0, at)
    })
    return [...pieces, Buffer.from(last === LF ? ".\r\n" : "\r\n.\r\n")]
  }, view)

const scenario = (name: string, title: string, line: string, goal: number | undefined, facts: Facts = {}): Scenario => {
  const by = (stuffer: Stuffer): Pick<Implementation, "prepare"> => ({ prepare: () => stuffer(body(line), facts) })
  return {
    name,
    title,
    unit: "MB",
    items: megabytes,
    goal,
    implementations: [
      { ...ours, ...by(effectMail) },
      { ...nodemailer, ...by(dataStream) },
      { ...written("loop over octets"), ...by(perOctet) }
    ]
  }
}

const text = "A line of text as people and programs write it, about seventy octets long.\r\n"

export const scenarios: ReadonlyArray<Scenario> = [
  scenario("dots/text", "text without a dot at the beginning of a line", text, 1000),
  scenario("dots/every-line", "text with a dot before every line", `.${text}`, 300),
  scenario("dots/nothing-else", "lines of one dot and nothing else", ".\r\n", 300),
  scenario("dots/short-lines", "lines of a dot and a letter", ".a\r\n", 300),
  scenario("dots/known-free", "text that is known to need no dot", text, undefined, { dotFree: true })
]
