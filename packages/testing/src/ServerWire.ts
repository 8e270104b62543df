/**
 * One connection as a server sees it: the counterpart of `Wire`. A server written against it runs over TCP and in memory
 * alike.
 *
 * @since 0.1.0
 */
import * as Redacted from "effect/Redacted"
import * as Socket from "effect/socket/Socket"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
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
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, ServerWireError>
  /** Makes a TLS session of the connection, with the server's certificate. */
  readonly secure: Effect.Effect<void, ServerWireError>
  /** Ends the connection in order. */
  readonly close: Effect.Effect<void>
}

const encoder = new TextEncoder()

const failed = (reason: "closed" | "tls") => (cause: unknown) => new ServerWireError({ reason, cause })

/**
 * The wire over a connection that Effect's `SocketServer` accepted. Without a certificate, `secure` fails.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSocket = Effect.fnUntraced(function* (
  socket: Socket.Socket,
  certificate: TestCertificate | undefined
): Effect.fn.Return<ServerWire, ServerWireError, Scope.Scope> {
  const reader = yield* Effect.mapError(socket.reader, failed("closed"))
  const writer = yield* socket.writer
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
  return {
    read,
    write: (bytes) => Effect.mapError(writer.write(bytes), failed("closed")),
    secure,
    close: Effect.ignore(writer.write(new Socket.CloseEvent()))
  }
})

const toBytes = (chunk: Uint8Array | string): Uint8Array => (typeof chunk === "string" ? encoder.encode(chunk) : chunk)
