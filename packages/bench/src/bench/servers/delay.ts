/**
 * A proxy that makes the way longer, in a process of its own: `delay.ts PORT MILLIS`. What comes in on one side goes out on the
 * other after half the round trip, in order, and so does the opening of a connection; bandwidth is not limited. It tells its
 * parent its port, and another one where everybody who connects is told how often a client had to wait since the last time: how
 * often one spoke that had heard something since it spoke before.
 */
import { connect, createServer, type Server, type Socket } from "node:net"

const [target, millis] = process.argv.slice(2).map(Number)
const half = (millis ?? 0) / 2

let waits = 0

const pass = (from: Socket, to: Socket, sent: () => void): void => {
  const later = (act: () => void) => setTimeout(act, half)
  from.on("data", (chunk) =>
    later(() => {
      if (to.writable) to.write(chunk)
      sent()
    })
  )
  from.on("end", () => later(() => to.end()))
  from.on("close", () => later(() => to.destroy()))
  from.on("error", () => from.destroy())
}

const server = createServer((client) => {
  const upstream = connect(target ?? 0, "127.0.0.1")
  client.setNoDelay(true)
  upstream.setNoDelay(true)
  // It waited for the connection.
  let heard = true
  client.on("data", () => {
    if (heard) waits++
    heard = false
  })
  pass(client, upstream, () => {})
  pass(upstream, client, () => {
    heard = true
  })
})

const counter = createServer((socket) => {
  socket.on("error", () => socket.destroy())
  socket.end(String(waits))
  waits = 0
})

const listening = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    server.listen({ port: 0, host: "127.0.0.1", backlog: 1024 }, () => {
      const address = server.address()
      resolve(typeof address === "object" && address !== null ? address.port : 0)
    })
  })

process.on("disconnect", () => process.exit(0))
process.send?.([await listening(server), await listening(counter)])
