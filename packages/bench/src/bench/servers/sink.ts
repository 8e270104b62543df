/**
 * A plain mail server that takes everything, in a process of its own: `sink.ts [certificate and key in PEM [login]]`. With a
 * certificate it speaks TLS at once; with `login` it offers STARTTLS, and AUTH after it, which takes any password. It offers
 * PIPELINING and 8BITMIME, to clients on this machine, on every address of it. It tells its parent its port, and when asked what it received: for each message the recipients,
 * the hash of the octets, and what a reader finds in it.
 */
import { createHash } from "node:crypto"
import { createServer, type Socket } from "node:net"
import { createSecureContext, createServer as createTlsServer, TLSSocket } from "node:tls"
import { contentOf } from "./content.ts"

/** A message as it was received. */
export interface Received {
  readonly recipients: number
  /** Of the message without its stuffing and its last line break. */
  readonly hash: string
  readonly content: ReadonlyArray<string>
}

/** What the parent asks: to begin to keep what comes, or what has come since. */
export type Order = "keep" | "take"

const lineEnd = Buffer.from("\r\n")
const end = Buffer.from("\r\n.\r\n")

let keep = false
let received: Array<Received> = []

const unstuffed = (data: Buffer): Buffer =>
  data.includes("\r\n..") || data[0] === 46 ? Buffer.from(data.toString("latin1").replace(/^\./gm, ""), "latin1") : data

const take = (recipients: number, data: Buffer): void => {
  const message = unstuffed(data)
  received.push({ recipients, hash: createHash("sha256").update(message).digest("hex"), content: contentOf(message) })
}

interface Manner {
  readonly greets?: boolean
  /** A line of the reply to EHLO. */
  readonly offer?: string
  /** What STARTTLS does after its reply. */
  readonly upgrade?: () => void
}

// One session: lines of commands, and data up to the lonely dot.
const serve = (socket: Socket, { greets = true, offer = "", upgrade }: Manner = {}): void => {
  let rest = Buffer.alloc(0)
  let recipients = 0
  let data: Array<Buffer> | undefined
  // What may be the beginning of the end; the data begins as a line does.
  let tail = lineEnd

  const command = (line: string): string => {
    switch (line.slice(0, 4).toUpperCase()) {
      case "EHLO":
        return `250-sink.example\r\n250-PIPELINING\r\n${offer}250 8BITMIME\r\n`
      case "MAIL":
        recipients = 0
        return "250 2.1.0 Ok\r\n"
      case "RCPT":
        recipients++
        return "250 2.1.5 Ok\r\n"
      case "DATA":
        data = []
        tail = lineEnd
        return "354 End data with <CR><LF>.<CR><LF>\r\n"
      case "AUTH":
        return "235 2.7.0 Welcome\r\n"
      case "STAR":
        return "220 2.0.0 Go ahead\r\n"
      case "QUIT":
        return "221 2.0.0 Bye\r\n"
      default:
        return "250 2.0.0 Ok\r\n"
    }
  }

  // Reads data; gives what stands behind its end, or undefined when there is more to come.
  const readData = (chunk: Buffer, pieces: Array<Buffer>): Buffer | undefined => {
    const joined = Buffer.concat([tail, chunk])
    const found = joined.indexOf(end)
    const at = found < 0 ? Math.max(0, joined.length - end.length + 1) : found
    if (keep) pieces.push(joined.subarray(0, at))
    if (found < 0) {
      tail = joined.subarray(at)
      return undefined
    }
    if (keep) take(recipients, Buffer.concat(pieces).subarray(lineEnd.length))
    data = undefined
    return joined.subarray(at + end.length)
  }

  if (!/^(?:::ffff:)?127\./.test(socket.remoteAddress ?? "")) return void socket.destroy()
  socket.setNoDelay(true)
  socket.on("error", () => socket.destroy())
  if (greets) socket.write("220 sink.example ESMTP\r\n")
  socket.on("data", (chunk: Buffer) => {
    let replies = ""
    let left: Buffer | undefined = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    rest = Buffer.alloc(0)
    while (left !== undefined && left.length > 0) {
      if (data !== undefined) {
        left = readData(left, data)
        if (left !== undefined) replies += "250 2.0.0 Ok: queued\r\n"
        continue
      }
      const line = left.indexOf("\r\n")
      if (line < 0) {
        rest = Buffer.from(left)
        break
      }
      replies += command(left.toString("latin1", 0, line))
      left = left.subarray(line + 2)
    }
    if (replies !== "") socket.write(replies)
    if (upgrade !== undefined && replies.endsWith("220 2.0.0 Go ahead\r\n")) upgrade()
    if (replies.endsWith("221 2.0.0 Bye\r\n")) socket.end()
  })
}

// STARTTLS, and the session goes on over TLS with a login.
const serveSubmission = (cert: string, key: string) => {
  const secureContext = createSecureContext({ cert, key })
  return (socket: Socket): void =>
    serve(socket, {
      offer: "250-STARTTLS\r\n",
      upgrade: () => {
        socket.removeAllListeners("data")
        serve(new TLSSocket(socket, { isServer: true, secureContext }), {
          greets: false,
          offer: "250-AUTH PLAIN\r\n"
        })
      }
    })
}

const [certificate, key, login] = process.argv.slice(2)
const server =
  certificate === undefined || key === undefined
    ? createServer((socket) => serve(socket))
    : login === undefined
      ? createTlsServer({ cert: certificate, key }, (socket) => serve(socket))
      : createServer(serveSubmission(certificate, key))

process.on("message", (order: Order) => {
  if (order === "keep") keep = true
  else process.send?.(received)
  received = []
})
process.on("disconnect", () => process.exit(0))

server.listen({ port: 0, host: "0.0.0.0", backlog: 1024 }, () => {
  const address = server.address()
  process.send?.(typeof address === "object" && address !== null ? address.port : 0)
})
