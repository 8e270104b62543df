/**
 * One connection as a server sees it: the counterpart of `Wire`. A server written against it runs over TCP and in memory
 * alike.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"
import * as SocketServer from "effect/socket/SocketServer"
import type { TestCertificate } from "./TestCertificate.ts"

/**
 * The client is gone, or the connection could not be made secure.
 *
 * @category errors
 * @since 0.1.0
 */
export class ServerWireError extends Data.TaggedError("ServerWireError")<{
  readonly reason: "closed" | "tls"
  readonly cause?: unknown
}> {}

/**
 * One open connection, from the server's side.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServerWire {
  /** The next bytes of the client, at least one. */
  readonly read: Effect.Effect<Uint8Array, ServerWireError>
  /** Writes at once and returns when more may be written. */
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, ServerWireError>
  /** Makes a TLS session of the connection, with the server's certificate. */
  readonly secure: Effect.Effect<void, ServerWireError>
  /** Ends the connection in order: what was written still arrives, and what the client has sent can still be read. */
  readonly close: Effect.Effect<void>
  /** Ends the connection at once, as a server that crashes; what is on the way may be lost. */
  readonly reset: Effect.Effect<void>
}

/**
 * What a server does with a connection; the connection ends when the effect does.
 *
 * @category models
 * @since 0.1.0
 */
export type Handler = (wire: ServerWire) => Effect.Effect<void>

const encoder = new TextEncoder()

const failed = (reason: "closed" | "tls") => (cause: unknown) => new ServerWireError({ reason, cause })

// The platform's own socket, which Effect's server for Node.js leaves in the context of a connection.
class NetSocket extends Context.Service<NetSocket, { readonly resetAndDestroy: () => void }>()(
  "@effect/platform-node/NodeSocket/NetSocket"
) {}

/**
 * The wire over a connection that Effect's `SocketServer` accepted. Without a certificate, `secure` fails. Where the
 * platform has no way to reset a connection, `reset` closes it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSocket = Effect.fnUntraced(function* (
  socket: Socket.Socket,
  certificate: TestCertificate | undefined
): Effect.fn.Return<ServerWire, ServerWireError, Scope.Scope> {
  const reader = yield* Effect.mapError(socket.reader, failed("closed"))
  // The end of this scope ends our side of the connection alone.
  const ours = yield* Scope.fork(yield* Effect.scope)
  const writer = yield* Scope.provide(socket.writer, ours)
  const platform = Option.getOrUndefined(yield* Effect.serviceOption(NetSocket))
  const waiting: Array<Uint8Array> = []
  const read = Effect.suspend(() => {
    const chunk = waiting.shift()
    if (chunk !== undefined) return Effect.succeed(chunk)
    return Effect.map(Effect.mapError(reader.pull, failed("closed")), ([first, ...rest]) => {
      waiting.push(...rest.map(toBytes))
      return toBytes(first)
    })
  })
  const secure = Effect.suspend(() => {
    // What a client sent behind STARTTLS was sent in clear text and is forgotten (RFC 3207 section 4.2).
    waiting.length = 0
    return certificate === undefined
      ? Effect.fail(new ServerWireError({ reason: "tls" }))
      : Effect.mapError(
          reader.upgrade({ key: Redacted.make(certificate.key), cert: certificate.certificate }),
          failed("tls")
        )
  })
  const close = Scope.close(ours, Exit.void)
  return {
    read,
    write: (bytes) => Effect.mapError(writer.write(bytes), failed("closed")),
    secure,
    close,
    reset: platform === undefined ? close : Effect.sync(() => platform.resetAndDestroy())
  }
})

const toBytes = (chunk: Uint8Array | string): Uint8Array => (typeof chunk === "string" ? encoder.encode(chunk) : chunk)

/**
 * Gives every connection of the `SocketServer` to a handler, for as long as the scope lives.
 *
 * @category running
 * @since 0.1.0
 */
export const serve = Effect.fnUntraced(function* (
  handler: Handler,
  certificate?: TestCertificate
): Effect.fn.Return<void, never, SocketServer.SocketServer | Scope.Scope> {
  const server = yield* SocketServer.SocketServer
  const connection = (socket: Socket.Socket) =>
    Effect.scoped(
      Effect.flatMap(fromSocket(socket, certificate), (wire) => Effect.andThen(handler(wire), lingering(wire)))
    )
  yield* Effect.forkScoped(server.run((socket) => Effect.ignore(connection(socket))))
})

// What was written last would be lost with a connection that is destroyed while its client still sends, and a TLS client
// does: so our side ends, and the client gets a second of real time to end its own.
const lingering = (wire: ServerWire): Effect.Effect<void> =>
  Effect.andThen(wire.close, Effect.timeoutOption(Effect.forever(wire.read), "1 second")).pipe(
    Effect.ignore,
    Effect.provideService(Clock.Clock, Clock.Clock.defaultValue())
  )
