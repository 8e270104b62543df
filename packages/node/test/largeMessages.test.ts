/** Large messages over real connections, which are sent with little memory: what arrives is what was rendered. */
import * as Attachment from "@effect-mail/message/Attachment"
import * as Encoding from "@effect-mail/message/Encoding"
import * as Message from "@effect-mail/message/Message"
import type * as Parcel from "@effect-mail/message/Parcel"
import * as Render from "@effect-mail/message/Render"
import { NodeDialer } from "@effect-mail/node"
import { Endpoint, TlsPolicy } from "@effect-mail/protocol"
import { Mailbox, MailServer, type ServerWire, TestCertificate, TestTransport } from "@effect-mail/testing"
import { type SmtpSettings, SmtpTransport, Transport } from "@effect-mail/transport"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, type Scope, Stream } from "effect"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Tcp from "./support/tcp.ts"

// No two of the pieces that fit into a buffer are alike.
const content = (size: number): Uint8Array => new Uint8Array(size).map((_, i) => (i * 7919) >> 5)

// More than the buffers of two sockets hold, so that the client has to wait for its server.
const size = 6_000_000

const inOneArray = (bytes: Uint8Array, pieceSize: number): Stream.Stream<Uint8Array> =>
  Stream.suspend(() => {
    const array = new Uint8Array(pieceSize)
    const starts = Array.from({ length: Math.ceil(bytes.length / pieceSize) }, (_, i) => i * pieceSize)
    return Stream.fromIterable(starts, { chunkSize: 1 }).pipe(
      Stream.map((start) => {
        const piece = bytes.subarray(start, start + pieceSize)
        array.fill(0).set(piece)
        return array.subarray(0, piece.length)
      })
    )
  })

// A message with a file, a stream and bytes at hand, one of whose lines begins with a dot.
const letter = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* fs.makeTempFileScoped()
  yield* fs.writeFile(path, content(size))
  return Message.make({
    from: "ada@sender.example",
    to: "bob@inbox.example",
    subject: "Large",
    text: "see below\n.\n..\n",
    attachments: [
      yield* Attachment.file(path, { name: "1.bin" }),
      Attachment.stream(inOneArray(content(size), 30_011), { name: "2.bin", size }),
      { name: "3.bin", content: content(1_000_000) }
    ]
  })
})

const parcelOf = (widest: Encoding.Identity) =>
  Effect.provideService(Effect.flatMap(letter, Render.render), Encoding.CurrentWidest, widest)

const octetsOf = ({ body }: Parcel.Parcel) => Effect.map(Stream.runCollect(body.stream), (all) => Buffer.concat(all))

interface Server {
  readonly server?: MailServer.Options["server"]
  readonly smtp?: Partial<SmtpSettings.SmtpSettings>
  readonly tls?: TlsPolicy.TlsPolicy | undefined
  /** What the server makes of its connections, the first of which has the number 0. */
  readonly wire?: (wire: ServerWire.ServerWire, connection: number) => ServerWire.ServerWire
}

const host = "mail.example.com"

// A transport to a mail server.
const transportTo = Effect.fnUntraced(function* ({
  server,
  smtp,
  tls = TlsPolicy.none,
  wire = (wire) => wire
}: Server) {
  const certificate = yield* TestCertificate.make(host)
  const serve = yield* MailServer.make({ certificate, server: { name: host, ...server } })
  let connections = 0
  const { port } = yield* Tcp.listen((client) => serve(wire(client, connections++)), certificate)
  const endpoint = Endpoint.make({ host, address: Tcp.loopback, port, tls })
  return yield* Effect.provide(SmtpTransport.make([endpoint], smtp), NodeDialer.layer({ ca: certificate.certificate }))
})

const same = (actual: Uint8Array | undefined, expected: Uint8Array) =>
  assert.strictEqual(Buffer.compare(actual ?? new Uint8Array(), expected), 0, "other octets")

const received = Effect.flatMap(Mailbox.Mailbox, ({ all }) => all)

const run = <A, E>(effect: Effect.Effect<A, E, Mailbox.Mailbox | NodeServices.NodeServices | Scope.Scope>) =>
  effect.pipe(Effect.scoped, Effect.provide([Mailbox.layer, NodeServices.layer]))

const outcomesOf = (outcomes: ReadonlyArray<{ readonly _tag: string }>) => outcomes.map(({ _tag }) => _tag)

const ways: Readonly<Record<string, Server & { readonly widest?: Encoding.Identity }>> = {
  "with DATA": { server: { chunking: false } },
  "with DATA over TLS": { server: { chunking: false }, tls: TlsPolicy.required },
  "with BDAT": { smtp: { maxChunk: 100_000_000 } },
  "with BDAT over TLS": { smtp: { maxChunk: 100_000_000 }, tls: TlsPolicy.required },
  "with BDAT, as they are": { server: { binaryMime: true }, widest: "binary" },
  "with BDAT over TLS, as they are": { server: { binaryMime: true }, widest: "binary", tls: TlsPolicy.required }
}

describe("a message with large attachments", () => {
  for (const [way, { widest = "7bit", ...server }] of Object.entries(ways)) {
    it.live(`arrives octet for octet ${way}`, () =>
      run(
        Effect.gen(function* () {
          const parcel = yield* parcelOf(widest)
          const transport = yield* transportTo(server)
          assert.deepStrictEqual(outcomesOf(yield* transport.send(parcel)), ["Delivered"])
          const [mail] = yield* received
          same(mail?.content, yield* octetsOf(parcel))
          assert.strictEqual(mail?.parameters.get("BODY"), widest === "binary" ? "BINARYMIME" : "7BIT")
        })
      )
    )
  }

  it.live("arrives when it is sent again after a connection that broke in its middle", () =>
    run(
      Effect.gen(function* () {
        let octets = 0
        const breaking = (wire: ServerWire.ServerWire): ServerWire.ServerWire => ({
          ...wire,
          read: Effect.tap(wire.read, ({ length }) => ((octets += length) > 1_000_000 ? wire.reset : Effect.void))
        })
        const transport = yield* transportTo({ wire: (wire, n) => (n === 0 ? breaking(wire) : wire) })
        const parcel = yield* parcelOf("7bit")
        assert.deepStrictEqual(outcomesOf(yield* transport.send(parcel)), ["Failed"])
        assert.deepStrictEqual(outcomesOf(yield* transport.send(parcel)), ["Delivered"])
        same((yield* received)[0]?.content, yield* octetsOf(parcel))
      })
    )
  )

  it.live("arrives at each when it is sent over several connections at the same time", () =>
    run(
      Effect.gen(function* () {
        const transport = yield* transportTo({})
        const parcel = yield* parcelOf("7bit")
        const all = yield* Effect.all(
          [1, 2, 3].map(() => transport.send(parcel)),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(all.map(outcomesOf), [["Delivered"], ["Delivered"], ["Delivered"]])
        const octets = yield* octetsOf(parcel)
        for (const { content } of yield* received) same(content, octets)
      })
    )
  )

  it.live("is archived as it arrives, also while somebody looks on", () =>
    run(
      Effect.gen(function* () {
        const server = yield* transportTo({})
        const copies = yield* Transport.Transport
        const seen: Array<Uint8Array> = []
        // Keeps what passes, as whoever counts or copies might.
        const watched: Transport.Transport["Service"] = {
          send: (parcel) => {
            const stream = Stream.tap(parcel.body.stream, (piece) => Effect.sync(() => seen.push(piece)))
            return server.send({ ...parcel, body: { ...parcel.body, stream } })
          }
        }
        const parcel = yield* parcelOf("7bit")
        const transport = Transport.archive(watched, copies, { required: true })
        assert.deepStrictEqual(outcomesOf(yield* transport.send(parcel)), ["Delivered"])
        const octets = yield* octetsOf(parcel)
        const [copy] = yield* Effect.flatMap(TestTransport.TestTransport, ({ sent }) => sent)
        same((yield* received)[0]?.content, octets)
        same(copy?.content, octets)
        same(Buffer.concat(seen), octets)
      }).pipe(Effect.provide(TestTransport.layer()))
    )
  )
})

// A server that takes everything and keeps nothing, for a client that says one thing at a time.
const sink: ServerWire.Handler = (wire) => {
  const say = (line: string) => wire.write(Buffer.from(`${line}\r\n`))
  let end: Buffer | undefined
  const hear = (chunk: Uint8Array) => {
    if (end === undefined) {
      const line = Buffer.from(chunk).toString("latin1")
      end = line === "DATA\r\n" ? Buffer.from("") : undefined
      return say(end === undefined ? "250 yes" : "354 go on")
    }
    end = Buffer.concat([end, chunk.subarray(-5)]).subarray(-5)
    if (end.toString("latin1") !== "\r\n.\r\n") return Effect.void
    end = undefined
    return say("250 taken")
  }
  return Effect.ignore(Effect.andThen(say("220 sink"), Effect.forever(Effect.flatMap(wire.read, hear))))
}

// What a program of this folder prints.
const printed = (name: string, ...args: ReadonlyArray<string>) =>
  Effect.callback<string, Error>((resume) => {
    const program = Path.join(import.meta.dirname, "support", name)
    const child = ChildProcess.execFile(process.execPath, ["--conditions=source", program, ...args], (error, stdout) =>
      resume(error === null ? Effect.succeed(stdout) : Effect.fail(error))
    )
    return Effect.sync(() => child.kill())
  })

describe("a message with a file of 100 MB", () => {
  it.live.skipIf(!Fs.existsSync("/proc/self/status"))(
    "is sent by a process that grows by less than 32 MiB",
    () =>
      run(
        Effect.gen(function* () {
          const fs = yield* FileSystem.FileSystem
          const path = yield* fs.makeTempFileScoped()
          yield* fs.writeFile(path, Buffer.alloc(100_000_000, "any octets "))
          const { port } = yield* Tcp.listen(sink)
          const growth = Number(yield* printed("sendLarge.ts", String(port), path))
          assert.isAtLeast(growth, 0)
          assert.isBelow(growth, 32)
        })
      ),
    { timeout: 120_000 }
  )
})
