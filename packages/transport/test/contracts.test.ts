/** The transports that are no SMTP client, held to the same contract as it. */
import { MailServer, Mailbox, MemoryNetwork, SpecialAddresses, TransportContract } from "@effect-mail/testing"
import { Endpoint, TlsPolicy } from "@effect-mail/protocol"
import {
  FileTransport,
  LmtpTransport,
  LogTransport,
  NodemailerTransport,
  SendmailTransport,
  Transport
} from "@effect-mail/transport"
import { NodeServices } from "@effect/platform-node"
import { describe, it } from "@effect/vitest"
import { Effect, Layer, type Scope, type FileSystem, type Path } from "effect"
import type { ChildProcessSpawner } from "effect/process"
import nodemailer from "nodemailer"
import * as NodePath from "node:path"
import { filesIn, folder, read } from "./support/folder.ts"
import { program } from "./support/sendmail.ts"

type Services = FileSystem.FileSystem | Path.Path | ChildProcessSpawner.ChildProcessSpawner | Scope.Scope
type Subject = Effect.Effect<TransportContract.Subject, never, Services>

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0))
const crlf = (text: string): string => text.replaceAll("\n", "\r\n")

// What the trace fields in front say, and the message behind them.
const traced = (text: string): TransportContract.Received => {
  const [head = ""] = /^Return-Path: .*\r\n(?:Delivered-To: .*\r\n)*/.exec(text) ?? []
  return {
    recipients: [...head.matchAll(/^Delivered-To: (.*)\r$/gm)].map((m) => m[1] ?? ""),
    content: latin1(text.slice(head.length))
  }
}

// Whatever is there for a reader to see, half a message included.
const eml = (path: string) => filesIn(path).map((file) => traced(read(file)))
const maildir = (path: string) => filesIn(path).map((file) => traced(crlf(read(file))))
const mbox = (path: string) =>
  filesIn(path).flatMap((file) => {
    const entries = read(file).split(/^From .*\n/m)
    return entries.slice(1).map((text) => traced(crlf(text.replace(/\n$/, "").replace(/^>(>*From )/gm, "$1"))))
  })

const kept = (
  make: (path: string) => Effect.Effect<Transport.Transport["Service"], never, FileSystem.FileSystem | Path.Path>,
  received: (path: string) => ReadonlyArray<TransportContract.Received>
): Subject =>
  Effect.gen(function* () {
    const path = yield* folder
    return { transport: yield* make(path), received: Effect.sync(() => received(path)), refused: undefined }
  })

const sendmail: Subject = Effect.gen(function* () {
  const { path, received } = yield* program()
  return { transport: yield* SendmailTransport.make({ path }), received: Effect.sync(received), refused: undefined }
})

// A transport plugin of nodemailer that keeps what it is given and knows whom it refuses.
const overNodemailer: Subject = Effect.sync(() => {
  const received: Array<TransportContract.Received> = []
  const transporter = nodemailer.createTransport({
    name: "keeps",
    version: "1",
    send: (mail, done) => {
      const { from, to } = mail.message.getEnvelope()
      const accepted = to.filter((address) => address !== "perm@example.org")
      const rejected = to.filter((address) => address === "perm@example.org")
      const refusal = (recipient: string) =>
        Object.assign(new Error("no such user"), {
          recipient,
          responseCode: 550,
          response: "550 5.1.1 No",
          command: "RCPT TO"
        })
      const chunks: Array<Buffer> = []
      const stream = mail.message.createReadStream()
      stream.on("data", (chunk: Buffer) => chunks.push(chunk))
      stream.on("end", () => {
        const rejectedErrors = rejected.map(refusal)
        if (accepted.length === 0) {
          return done(Object.assign(new Error("all rejected"), { code: "EENVELOPE", rejected, rejectedErrors }))
        }
        received.push({ recipients: accepted, content: Uint8Array.from(Buffer.concat(chunks)) })
        done(null, {
          envelope: { from, to },
          messageId: "",
          accepted,
          rejected,
          rejectedErrors,
          response: "250 2.0.0 Ok"
        })
      })
    }
  })
  return {
    transport: NodemailerTransport.make(transporter),
    received: Effect.succeed(received),
    refused: "perm@example.org"
  }
})

const subjects: Readonly<Record<string, Subject>> = {
  "FileTransport, .eml": kept((path) => FileTransport.makeEml(path, { trace: true }), eml),
  "FileTransport, Maildir": kept((path) => FileTransport.makeMaildir(path, { trace: true }), maildir),
  "FileTransport, mbox": kept((path) => FileTransport.makeMbox(NodePath.join(path, "mbox"), { trace: true }), mbox),
  SendmailTransport: sendmail,
  "NodemailerTransport, with a plugin": overNodemailer
}

for (const [name, subject] of Object.entries(subjects)) {
  describe(name, () => {
    for (const { effect, name } of TransportContract.cases(subject)) {
      it.effect(name, () => Effect.provide(effect, NodeServices.layer))
    }
  })
}

const place = { address: "192.0.2.24", port: 24, names: ["store.example.com"] }

const overLmtp = Effect.gen(function* () {
  const endpoint = Endpoint.make({
    host: "store.example.com",
    address: place.address,
    port: place.port,
    tls: TlsPolicy.none
  })
  return {
    transport: yield* Effect.orDie(LmtpTransport.make([endpoint])),
    received: (yield* Mailbox.Mailbox).all,
    refused: "perm@example.org"
  }
})

const store = Layer.unwrap(
  Effect.map(SpecialAddresses.make, (decide) => MailServer.layerMemory(place, { server: { protocol: "lmtp" }, decide }))
).pipe(Layer.provideMerge(MemoryNetwork.layer), Layer.provideMerge(Mailbox.layer))

describe("LmtpTransport", () => {
  for (const { effect, name } of TransportContract.cases(overLmtp)) {
    it.effect(name, () => Effect.provide(effect, store))
  }
})

// It keeps nothing, but must read a message to its end and answer for everybody.
describe("LogTransport", () => {
  const silent = Effect.succeed({ transport: LogTransport.make(), received: Effect.succeed([]), refused: undefined })
  for (const { effect, name } of TransportContract.cases(silent)) {
    if (!/cannot be read|interrupted/.test(name)) continue
    it.effect(name, () => effect)
  }
})
