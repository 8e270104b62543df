/** Attachments: base64 of what is in memory, and of a file that never is as a whole. */
import { createHash } from "node:crypto"
import { appendFileSync, rmSync } from "node:fs"
import { mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { retained } from "../Memory.ts"
import { nodemailer, ours, written } from "../Peers.ts"
import type { Gauge, Scenario, Work } from "../Scenario.ts"
import { work } from "../Scenario.ts"

const pieceSize = 57 * 1024
const pieceCount = 64
const megabytes = (pieceSize * pieceCount) / 1_000_000

const pieces = Array.from({ length: pieceCount }, (_, i) => Buffer.alloc(pieceSize, `${i} any octets \0\xff`, "latin1"))

const digest = (text: string): string => createHash("sha256").update(text).digest("hex")

const linesOf = (all: ReadonlyArray<Uint8Array>) => digest(Buffer.concat(all).toString("latin1").replaceAll("\r\n", ""))

const effectMail = async (): Promise<Work> => {
  const Encoding = await import("@effect-mail/message/Encoding")
  return work(() => pieces.map((piece) => Encoding.base64(piece)), linesOf)
}

// nodemailer's transform without the stream around it, which would cost something, too.
const encoder = async (): Promise<Work> => {
  const { Encoder } = await import("nodemailer/lib/base64")
  return work(() => {
    const all: Array<Uint8Array> = []
    const stream = new Encoder()
    stream.push = (piece: Uint8Array | string | null) =>
      piece !== null && all.push(typeof piece === "string" ? Buffer.from(piece, "latin1") : piece) > 0
    for (const piece of pieces) stream._transform(piece, "binary", () => {})
    stream._flush(() => {})
    return all
  }, linesOf)
}

// What everybody writes first.
const regex = async (): Promise<Work> =>
  work(
    () => pieces.map((piece) => Buffer.from(piece.toString("base64").replace(/.{76}(?=.)/g, "$&\r\n"), "latin1")),
    linesOf
  )

const fileSize = 100_000_000

const folder = async (): Promise<string> => {
  const path = await mkdtemp(join(tmpdir(), "effect-mail-bench-"))
  process.on("exit", () => {
    rmSync(path, { recursive: true, force: true })
  })
  const file = join(path, "large.bin")
  // In pieces, so that the peak of memory is that of the work.
  const piece = Buffer.alloc(fileSize / 100, "any octets \0\xff of a file ", "latin1")
  for (let i = 0; i < 100; i++) appendFileSync(file, piece)
  return file
}

const people = { from: "ada@example.com", to: "bob@example.net", text: "see below\n" }

// The length of the message would tell nothing: boundaries and header fields differ.
const encodedSize = (octets: number) => ({ encoded: Math.round(octets / 1_000_000) })

// A collection for so many octets of the message.
const lookEvery = 4_000_000

// What lives while the message passes. Between collections there is more on the heap, as much as the collector likes.
const watched = () => {
  const before = retained()
  let most = before
  let since = 0
  return {
    pass: (octets: number): void => {
      since += octets
      if (since < lookEvery) return
      since = 0
      most = Math.max(most, retained())
    },
    gauge: (): Gauge => ({ name: "heap and buffers in use", value: most - before, unit: "MiB" })
  }
}

const effectMailFile = async (): Promise<Work> => {
  const Attachment = await import("@effect-mail/message/Attachment")
  const Message = await import("@effect-mail/message/Message")
  const Render = await import("@effect-mail/message/Render")
  const NodeFileSystem = await import("@effect/platform-node/NodeFileSystem")
  const Effect = await import("effect/Effect")
  const Stream = await import("effect/Stream")
  const file = await folder()
  const send = (pass: (octets: number) => void) =>
    Effect.gen(function* () {
      const attachment = yield* Attachment.file(file)
      const { body } = yield* Render.render(Message.make({ ...people, attachments: [attachment] }))
      return yield* Stream.runFold(
        body.stream,
        () => 0,
        (sum, piece) => {
          pass(piece.length)
          return sum + piece.length
        }
      )
    }).pipe(Effect.provide(NodeFileSystem.layer))
  return {
    ...work(() => Effect.runPromise(send(() => {})), encodedSize),
    gauges: async () => {
      const { gauge, pass } = watched()
      await Effect.runPromise(send(pass))
      return [{ ...gauge(), atMost: 16 }]
    }
  }
}

const mailComposerFile = async (): Promise<Work> => {
  const { default: MailComposer } = await import("nodemailer/lib/mail-composer")
  const file = await folder()
  const send = async (pass: (octets: number) => void) => {
    const stream = new MailComposer({ ...people, attachments: [{ path: file }] }).compile().createReadStream()
    let sum = 0
    for await (const piece of stream) {
      const octets = Buffer.byteLength(piece as string | Buffer)
      pass(octets)
      sum += octets
    }
    return sum
  }
  return {
    ...work(() => send(() => {}), encodedSize),
    gauges: async () => {
      const { gauge, pass } = watched()
      await send(pass)
      return [gauge()]
    }
  }
}

export const scenarios: ReadonlyArray<Scenario> = [
  {
    name: "base64/memory",
    title: "base64 in lines, in pieces of 58 kB",
    unit: "MB",
    items: megabytes,
    goal: 400,
    implementations: [
      { ...ours, prepare: effectMail },
      { ...nodemailer, prepare: encoder },
      { ...written("Buffer and a regular expression"), prepare: regex }
    ]
  },
  {
    name: "attachment/file",
    title: "a file of 100 MB from the disk to the last octet of the message",
    unit: "MB",
    items: fileSize / 1_000_000,
    implementations: [
      { ...ours, prepare: effectMailFile },
      { ...nodemailer, prepare: mailComposerFile }
    ]
  }
]
