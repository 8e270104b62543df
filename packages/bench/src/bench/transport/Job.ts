/** What is sent, how, and by whom. */
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Memory from "../Memory.ts"
import type { Facts, Gauge, Work } from "../Scenario.ts"
import { waitsAt } from "./waits.ts"

/** What is sent. */
export interface Job {
  /** A ready message; a letter that is composed; the same with an attachment of so many octets; a letter that is signed. */
  readonly message:
    | { readonly kind: "ready" | "letter" | "signed" }
    | { readonly kind: "attachment"; readonly size: number; readonly onDisk?: boolean | undefined }
  readonly recipients: number
  /** Who gets it, when that is not `recipientsOf` it. */
  readonly to?: ReadonlyArray<string> | undefined
  /** Connections at the same time; all messages of a run are there from the beginning. */
  readonly connections: number
  /** A connection for each message. */
  readonly fresh: boolean
  readonly tls: boolean
  /** STARTTLS and a login, as for submission. */
  readonly login?: boolean | undefined
  /** Messages of a run. */
  readonly items: number
}

/** Where to send to. */
export interface Place {
  readonly port: number
  /** The certificate to trust, in PEM; empty without TLS. */
  readonly ca: string
  /** 127.0.0.1 when there is none. */
  readonly address?: string | undefined
  /** Where files may be written. */
  readonly folder?: string | undefined
}

/** Sends messages to one server. */
export interface Client {
  readonly sendAll: (count: number) => Promise<void>
  readonly close: () => Promise<void> | void
}

/** Makes a client; what it loads is loaded here. */
export type Connect = (job: Job, place: Place) => Promise<Client>

/** The name that everybody introduces himself with. */
export const name = "client.example"

/** Who logs in where a login is wanted. */
export const user = "ada"

export const password = "secret of ada"

export const sender = "ada@example.com"

export const recipientsOf = ({ recipients, to }: Job): ReadonlyArray<string> =>
  to ?? Array.from({ length: recipients }, (_, n) => `bob${n}@example.net`)

const line = "A line of text as people and programs write it, about seventy octets long.\r\n"

const header = [
  "From: Ada Lovelace <ada@example.com>",
  "To: Bob <bob0@example.net>",
  "Subject: Your order of today",
  "Date: Tue, 01 Jan 2030 00:00:00 +0000",
  "Message-ID: <1@example.com>",
  "MIME-Version: 1.0",
  "Content-Type: text/plain; charset=utf-8"
]

/** 2 kB, ready to be sent; the last line is empty, as smtp-source adds one to what it sends. */
export const ready = Buffer.from(`${header.join("\r\n")}\r\n\r\n${line.repeat(23)}\r\n`)

const paragraph = (n: number) => `Paragraph ${n}: the quick brown fox jumps over the lazy dog, and is gone.`

const lines = (count: number, of: (n: number) => string): string =>
  Array.from({ length: count }, (_, n) => `${of(n)}\n`).join("")

/** A letter of 4.4 kB with a text and a page. */
export const letter = {
  subject: "Your order of today",
  text: lines(20, paragraph),
  html: `<html><body>\n${lines(33, (n) => `<p>${paragraph(n)}</p>`)}</body></html>\n`
}

/** A letter of 10 kB without a page, to be signed. */
export const long = { subject: "Your order of today", text: lines(135, paragraph) }

/** Octets of an attachment, which look like a compressed file. */
export const attachment = (size: number): Buffer => {
  const bytes = Buffer.alloc(size)
  let seed = 1
  for (let at = 0; at < size; at++) {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff
    bytes[at] = seed >> 16
  }
  return bytes
}

/** The attachment as a file in the folder of the scenario. */
export const fileOf = ({ message }: Job, { folder = "" }: Place): string => {
  const path = join(folder, "file.bin")
  if (message.kind === "attachment" && !existsSync(path)) writeFileSync(path, attachment(message.size))
  return path
}

/** What is looked at beside rate and cost; the numbers are what was promised of ours, and of no other. */
export interface Watch {
  /** MiB by which a first run of the job lets the process grow that has sent one small message before. */
  readonly growth?: number | undefined
  /** How often a client waits for the server, for each message of a run. */
  readonly waits?: number | undefined
}

// What was promised of ours was promised of no other.
const promised = (gauge: Gauge, atMost: number, isOurs: boolean): Gauge => (isOurs ? { ...gauge, atMost } : gauge)

/** The client at work on a job. */
export const prepare =
  (job: Job, connect: Connect, watch: Watch = {}, isOurs = false) =>
  async (facts: Facts): Promise<Work> => {
    const place = { ca: String(facts["ca"]), folder: String(facts["folder"]) }
    const there = { ...place, port: Number(facts["port"]) }
    const gauges: Array<Gauge> = []
    const send = async (job: Job, port: number | string | undefined) => {
      const client = await connect(job, { ...place, port: Number(port) })
      await client.sendAll(job.items)
      await client.close()
    }
    const { growth, waits } = watch
    if (growth !== undefined) {
      const small: Job = { ...job, message: job.message.kind === "ready" ? job.message : { kind: "letter" }, items: 1 }
      await send(small, there.port)
      const value = await Memory.growth(() => send(job, there.port))
      gauges.push(promised({ name: "the resident set grows by", value, unit: "MiB" }, growth, isOurs))
    }
    if (waits !== undefined) {
      // On a connection that is kept, so that nobody says goodbye before it was counted.
      const client = await connect({ ...job, fresh: false }, there)
      await waitsAt(facts)
      await client.sendAll(job.items)
      const value = (await waitsAt(facts)) / job.items
      await client.close()
      gauges.push(promised({ name: "waits of the client for a message", value, unit: "round trips" }, waits, isOurs))
    }
    const client = await connect(job, there)
    return {
      run: () => client.sendAll(job.items),
      // The server says what it received.
      output: () => send({ ...job, items: 1 }, facts["verifyPort"]),
      gauges: async () => gauges
    }
  }
