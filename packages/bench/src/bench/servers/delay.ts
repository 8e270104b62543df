/**
 * A proxy that makes the way longer, in a process of its own: `delay.ts PORT MILLIS`. What comes in on one side goes out on the
 * other after half the round trip, in order, and so does the opening of a connection; bandwidth is not limited.
 */
import { connect, createServer, type Socket } from "node:net"

const [target, millis] = process.argv.slice(2).map(Number)
const half = (millis ?? 0) / 2

const pass = (from: Socket, to: Socket): void => {
  const later = (act: () => void) => setTimeout(act, half)
  from.on("data", (chunk) => later(() => to.writable && to.write(chunk)))
  from.on("end", () => later(() => to.end()))
  from.on("close", () => later(() => to.destroy()))
  from.on("error", () => from.destroy())
}

const server = createServer((client) => {
  const upstream = connect(target ?? 0, "127.0.0.1")
  client.setNoDelay(true)
  upstream.setNoDelay(true)
  pass(client, upstream)
  pass(upstream, client)
})

process.on("disconnect", () => process.exit(0))
server.listen({ port: 0, host: "127.0.0.1", backlog: 1024 }, () => {
  const address = server.address()
  process.send?.(typeof address === "object" && address !== null ? address.port : 0)
})
