/**
 * The limit: a client that knows this one job. It writes prepared octets to a socket of Node.js and counts replies; nothing is
 * parsed, checked, timed or logged, and a refusal ends it.
 */
import { once } from "node:events"
import { connect as connectTcp, type Socket } from "node:net"
import { connect as connectTls } from "node:tls"
import { type Client, type Connect, type Job, name, password, type Place, user } from "./Job.ts"
import * as jobs from "./Job.ts"

const LF = 10
const space = 32

class Session {
  socket: Socket
  #awaited = 0
  #resume: (() => void) | undefined
  #line: Array<number> = []

  constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on("data", (chunk: Buffer) => this.#read(chunk))
  }

  // STARTTLS: what is written goes out as soon as the handshake is done.
  upgrade(ca: string): void {
    this.socket.removeAllListeners("data")
    this.socket = connectTls({ socket: this.socket, host: "localhost", ca })
    this.socket.on("data", (chunk: Buffer) => this.#read(chunk))
  }

  // Of a line no more than the code and what stands behind it is of interest.
  #read(chunk: Buffer): void {
    for (const octet of chunk) {
      if (octet !== LF) {
        if (this.#line.length < 4) this.#line.push(octet)
        continue
      }
      const [first = 0, , , behind] = this.#line
      this.#line = []
      if (behind !== space) continue
      if (first > 51) throw new Error("refused")
      if (--this.#awaited === 0) this.#resume?.()
    }
  }

  replies(count: number): Promise<void> {
    this.#awaited += count
    return new Promise((resolve) => {
      this.#resume = resolve
    })
  }

  ask(octets: string | Buffer, replies = 1): Promise<void> {
    const heard = this.replies(replies)
    this.socket.write(octets)
    return heard
  }
}

const open = async (job: Job, { address = "127.0.0.1", ca, port }: Place): Promise<Session> => {
  const socket = job.tls ? connectTls({ port, host: "localhost", ca }) : connectTcp(port, address)
  const session = new Session(socket)
  const greeted = session.replies(1)
  await once(socket, job.tls ? "secureConnect" : "connect")
  await greeted
  await session.ask(`EHLO ${name}\r\n`)
  if (job.login === true) {
    await session.ask("STARTTLS\r\n")
    session.upgrade(ca)
    await session.ask(`EHLO ${name}\r\n`)
    await session.ask(`AUTH PLAIN ${btoa(`\0${user}\0${password}`)}\r\n`)
  }
  return session
}

type Way = (session: Session, next: () => boolean, job: Job) => Promise<void>

const commandsOf = (job: Job): ReadonlyArray<string> => [
  `MAIL FROM:<${jobs.sender}>\r\n`,
  ...jobs.recipientsOf(job).map((address) => `RCPT TO:<${address}>\r\n`),
  "DATA\r\n"
]

// The message ends with a line break, and no line of it begins with a dot.
const dotted = Buffer.concat([jobs.ready, Buffer.from(".\r\n")])

const lockStep: Way = async (session, next, job) => {
  const commands = commandsOf(job)
  while (next()) {
    for (const command of commands) await session.ask(command)
    await session.ask(dotted)
  }
}

const pipelined: Way = async (session, next, job) => {
  const commands = commandsOf(job)
  const envelope = commands.join("")
  while (next()) {
    await session.ask(envelope, commands.length)
    await session.ask(dotted)
  }
}

const across: Way = async (session, next, job) => {
  const commands = commandsOf(job)
  const envelope = commands.join("")
  const both = Buffer.concat([dotted, Buffer.from(envelope)])
  if (!next()) return
  await session.ask(envelope, commands.length)
  while (next()) await session.ask(both, commands.length + 1)
  await session.ask(dotted)
}

const client =
  (way: Way): Connect =>
  async (job, place): Promise<Client> => {
    const idle: Array<Session> = []
    const lane = async (next: () => boolean) => {
      const session = idle.pop() ?? (await open(job, place))
      await way(session, next, job)
      idle.push(session)
    }
    const anew = async (next: () => boolean) => {
      while (next()) {
        const session = await open(job, place)
        await way(session, once1(), job)
        await session.ask("QUIT\r\n")
        session.socket.destroy()
      }
    }
    return {
      sendAll: async (count) => {
        let left = count
        const next = () => left-- > 0
        const lanes = Math.min(count, job.connections)
        await Promise.all(Array.from({ length: lanes }, () => (job.fresh ? anew : lane)(next)))
      },
      close: async () => {
        for (const session of idle) {
          await session.ask("QUIT\r\n")
          session.socket.destroy()
        }
      }
    }
  }

// Says yes once.
const once1 = () => {
  let done = false
  return () => (done ? false : (done = true))
}

export const byHand = {
  "node:net, lock-step": client(lockStep),
  "node:net, pipelined": client(pipelined),
  "node:net, pipelined across messages": client(across)
}
