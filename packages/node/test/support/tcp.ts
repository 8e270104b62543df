/** Servers on loopback, at ports that the system chooses. */
import { DialerContract, ServerWire, type TestCertificate } from "@effect-mail/testing"
import { NodeSocketServer } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { SocketServer } from "effect/socket"
import * as ChildProcess from "node:child_process"
import * as Net from "node:net"

export const loopback = "127.0.0.1"

const portOf = Effect.map(SocketServer.SocketServer, ({ address }) =>
  address._tag === "UnixPathAddress" ? 0 : address.port
)

/** Starts a server and says where it is. */
export const listen = (handler: ServerWire.Handler, certificate?: TestCertificate.TestCertificate) =>
  Effect.gen(function* () {
    const server = yield* Effect.orDie(Layer.build(NodeSocketServer.layer({ host: loopback, port: 0 })))
    yield* Effect.provide(ServerWire.serve(handler, certificate), server)
    const port = yield* Effect.provide(portOf, server)
    return { host: DialerContract.serverName, address: loopback, port }
  })

/** A port that was free a moment ago. */
export const freePort = Effect.callback<number>((resume) => {
  const server = Net.createServer()
  server.listen(0, loopback, () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})

// Node.js accepts whatever comes, so the server that does not is another program, with a queue that is full.
const program = `
import socket, sys
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen(0)
waiting = [socket.socket() for _ in range(4)]
for s in waiting:
    s.setblocking(False)
    s.connect_ex(server.getsockname())
print(server.getsockname()[1], flush=True)
sys.stdin.read()
`

/** A port whose server accepts nobody; undefined without Python. */
export const silentPort = Effect.acquireRelease(
  Effect.sync(() => ChildProcess.spawn("python3", ["-c", program], { stdio: ["pipe", "pipe", "ignore"] })),
  (child) => Effect.sync(() => child.kill())
).pipe(
  Effect.flatMap((child) =>
    Effect.callback<number | undefined>((resume) => {
      child.once("error", () => resume(Effect.undefined))
      child.stdout.once("data", (port: Buffer) => resume(Effect.succeed(Number(port.toString()))))
    })
  )
)
