/** Proxies on loopback: they speak as little of their protocol as it takes, and relay bytes, ends and resets. */
import { Proxy } from "@effect-mail/transport"
import { Effect, Result } from "effect"
import * as Net from "node:net"
import { loopback } from "./tcp.ts"

/** What a proxy does with a client: when it knows where to, it connects. */
type Protocol = (client: Net.Socket, connect: (host: string, port: number) => void) => Answers

interface Answers {
  readonly connected: () => void
  readonly refused: () => void
}

// Hands on what comes, waits when the other side does, and ends as the other side does.
const relay = (from: Net.Socket, to: Net.Socket): void => {
  from.pipe(to)
  from.on("error", () => to.resetAndDestroy())
  from.on("close", () => (to.writableEnded ? undefined : to.destroy()))
}

const start = (protocol: "socks5" | "http", speak: Protocol, login?: Proxy.Proxy["login"]) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly server: Net.Server; readonly sockets: Set<Net.Socket> }>((resume) => {
      const sockets = new Set<Net.Socket>()
      const server = Net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
        sockets.add(client)
        client.on("close", () => sockets.delete(client))
        client.on("error", () => client.destroy())
        const answers = speak(client, (host, port) => {
          const upstream = Net.connect({ host, port, allowHalfOpen: true, noDelay: true })
          upstream.once("error", answers.refused)
          upstream.once("connect", () => {
            upstream.off("error", answers.refused)
            answers.connected()
            relay(client, upstream)
            relay(upstream, client)
          })
          client.on("close", () => upstream.destroy())
        })
      })
      server.listen(0, loopback, () => resume(Effect.succeed({ server, sockets })))
    }),
    ({ server, sockets }) =>
      Effect.sync(() => {
        for (const socket of sockets) socket.destroy()
        server.close()
      })
  ).pipe(
    Effect.map(({ server }) => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      return Result.getOrThrow(Proxy.make({ protocol, host: loopback, port, login }))
    })
  )

// Gives the caller each whole message that comes: `length` says how long one is, or 0 while more must come.
const messages = (client: Net.Socket, length: (bytes: Buffer) => number, take: (message: Buffer) => boolean): void => {
  let bytes = Buffer.alloc(0)
  const onData = (chunk: Buffer): void => {
    bytes = Buffer.concat([bytes, chunk])
    for (let size = length(bytes); size > 0; size = length(bytes)) {
      const message = bytes.subarray(0, size)
      bytes = bytes.subarray(size)
      if (take(message)) continue
      // The rest is for the server.
      client.pause()
      client.off("data", onData)
      if (bytes.length > 0) client.unshift(bytes)
      return
    }
  }
  client.on("data", onData)
}

/** A SOCKS 5 proxy that wants no login, on loopback. */
export const socks5 = start("socks5", (client, connect) => {
  let greeted = false
  const size = (bytes: Buffer): number => {
    const whole = greeted ? (bytes[3] === 1 ? 10 : bytes[3] === 4 ? 22 : 7 + (bytes[4] ?? 0)) : 2 + (bytes[1] ?? 0)
    return bytes.length > 4 || !greeted ? (bytes.length >= whole ? whole : 0) : 0
  }
  messages(client, size, (message) => {
    if (!greeted) {
      greeted = true
      return client.write(Buffer.of(5, 0))
    }
    const [kind] = message.subarray(3)
    const address = message.subarray(kind === 3 ? 5 : 4, -2)
    const host =
      kind === 1
        ? address.join(".")
        : kind === 3
          ? address.toString()
          : (address.toString("hex").match(/.{4}/g)?.join(":") ?? "")
    connect(host, message.readUInt16BE(message.length - 2))
    return false
  })
  const bound = [0, 1, 127, 0, 0, 1, 0, 0]
  return {
    connected: () => client.write(Buffer.of(5, 0, ...bound)),
    refused: () => client.end(Buffer.of(5, 5, ...bound))
  }
})

/** An HTTP proxy on loopback; with a login it takes nobody else. */
export const http = (login?: Proxy.Proxy["login"], basic?: string) =>
  start(
    "http",
    (client, connect) => {
      const size = (bytes: Buffer): number => {
        const end = bytes.indexOf("\r\n\r\n")
        return end === -1 ? 0 : end + 4
      }
      messages(client, size, (message) => {
        const head = message.toString("latin1")
        const [, host = "", port = ""] = /^CONNECT \[?(.*?)\]?:(\d+) HTTP/.exec(head) ?? []
        if (basic !== undefined && !head.includes(`\r\nProxy-Authorization: Basic ${basic}\r\n`)) {
          client.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
        } else {
          connect(host, Number(port))
        }
        return false
      })
      return {
        connected: () => client.write("HTTP/1.1 200 Connection established\r\n\r\n"),
        refused: () => client.end("HTTP/1.1 502 Bad Gateway\r\n\r\n")
      }
    },
    login
  )
