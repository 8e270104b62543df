/**
 * A `Wire` over a socket of Node.js. Reading is paused while nobody asks, so that a peer cannot fill the memory; an error
 * listener stays on the socket for its whole life, because an unheard `error` event ends the process.
 *
 * @since 0.1.0
 */
import * as Receipt from "@effect-mail/protocol/Receipt"
import { type TlsDemand, type Wire, WireError } from "@effect-mail/transport/Wire"
import * as Effect from "effect/Effect"
import * as Net from "node:net"
import * as Tls from "node:tls"
import type { Options } from "../NodeDialer.ts"
import { fromSystemError } from "./systemError.ts"

// Bytes that may wait for a reader before the socket is paused.
const highWater = 64 * 1024

// How long a closing socket may take to flush its last bytes, in milliseconds.
const linger = 1000

/**
 * Closes a socket: what was written still goes out, for a short while.
 *
 * @category finalizers
 * @since 0.1.0
 */
export const release = (socket: Net.Socket): Effect.Effect<void> =>
  Effect.sync(() => {
    socket.destroySoon()
    setTimeout(() => socket.destroy(), linger).unref()
  })

interface Inbox {
  readonly chunks: Array<Uint8Array>
  size: number
  ended: WireError | undefined
  wake: (() => void) | undefined
}

const closed = (): WireError => new WireError({ reason: "closed", detail: "the server closed the connection" })

// Fills the inbox from a socket until the returned function is called.
const listen = (socket: Net.Socket, inbox: Inbox): (() => void) => {
  const end = (error: WireError): void => {
    inbox.ended ??= error
    inbox.wake?.()
  }
  const onData = (chunk: Uint8Array): void => {
    inbox.chunks.push(chunk)
    inbox.size += chunk.length
    if (inbox.size >= highWater) socket.pause()
    inbox.wake?.()
  }
  const onError = (cause: Error): void => end(fromSystemError(cause, "reset"))
  const onEnd = (): void => end(closed())
  socket.on("data", onData)
  socket.on("error", onError)
  socket.on("end", onEnd)
  socket.on("close", onEnd)
  return () => {
    socket.off("data", onData)
    socket.off("end", onEnd)
    socket.off("close", onEnd)
  }
}

/**
 * The wire over a connected socket.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (socket: Net.Socket, options: Options): Effect.Effect<Wire> =>
  Effect.sync(() => {
    const inbox: Inbox = { chunks: [], size: 0, ended: undefined, wake: undefined }
    let current: Net.Socket = socket
    let ignore = listen(socket, inbox)
    let tls: Receipt.TlsInfo | undefined

    const take = (): Effect.Effect<Uint8Array, WireError> | undefined => {
      const chunk = inbox.chunks.shift()
      if (chunk === undefined) return inbox.ended === undefined ? undefined : Effect.fail(inbox.ended)
      inbox.size -= chunk.length
      if (inbox.size < highWater && current.isPaused()) current.resume()
      return Effect.succeed(chunk)
    }

    const read = Effect.suspend(
      () =>
        take() ??
        Effect.callback<Uint8Array, WireError>((resume) => {
          inbox.wake = () => {
            inbox.wake = undefined
            resume(take() ?? read)
          }
          return Effect.sync(() => {
            inbox.wake = undefined
          })
        })
    )

    const write = (chunks: ReadonlyArray<Uint8Array>): Effect.Effect<void, WireError> =>
      Effect.suspend(() => {
        if (inbox.ended !== undefined && !current.writable) return Effect.fail(inbox.ended)
        return flush(current, chunks)
      })

    const secure = Effect.fnUntraced(function* (demand: TlsDemand) {
      ignore()
      if (inbox.size > 0) return yield* injected
      const secured = yield* handshake(current, demand, options)
      current = secured
      tls = info(secured, demand)
      ignore = listen(secured, inbox)
      return tls
    })

    const abort = (error: WireError): Effect.Effect<void> =>
      Effect.sync(() => {
        inbox.ended ??= error
        current.destroy()
        socket.destroy()
        inbox.wake?.()
      })

    return {
      read,
      write,
      secure,
      abort,
      tls: () => tls,
      localAddress: socket.localAddress,
      remoteAddress: socket.remoteAddress
    }
  })

const injected = new WireError({
  reason: "protocol",
  detail: "the server sent clear text before the TLS handshake",
  hint: "Somebody may be tampering with the connection"
})

const flush = (socket: Net.Socket, chunks: ReadonlyArray<Uint8Array>): Effect.Effect<void, WireError> => {
  socket.cork()
  let free = true
  for (const chunk of chunks) free = socket.write(chunk)
  socket.uncork()
  return free ? Effect.void : drained(socket)
}

const drained = (socket: Net.Socket): Effect.Effect<void, WireError> =>
  Effect.callback<void, WireError>((resume) => {
    const onDrain = (): void => settle(Effect.void)
    const onClose = (): void => settle(Effect.fail(closed()))
    const settle = (result: Effect.Effect<void, WireError>): void => {
      socket.off("drain", onDrain)
      socket.off("close", onClose)
      resume(result)
    }
    socket.on("drain", onDrain)
    socket.on("close", onClose)
    return Effect.sync(() => {
      socket.off("drain", onDrain)
      socket.off("close", onClose)
    })
  })

const handshake = (socket: Net.Socket, demand: TlsDemand, options: Options): Effect.Effect<Tls.TLSSocket, WireError> =>
  Effect.callback<Tls.TLSSocket, WireError>((resume) => {
    const secured = Tls.connect({
      socket,
      host: demand.host,
      // An IP address is compared with the certificate but never sent as SNI (RFC 6066 section 3).
      servername: Net.isIP(demand.host) === 0 ? demand.host : "",
      rejectUnauthorized: demand.verify,
      minVersion: options.minVersion ?? "TLSv1.2",
      ...(options.ca === undefined ? {} : { ca: [options.ca].flat() })
    })
    const failed = (cause: Error): void => resume(Effect.fail(tlsError(cause)))
    const gone = (): void => resume(Effect.fail(tlsError(closed())))
    secured.on("error", failed)
    secured.once("close", gone)
    secured.once("secureConnect", () => {
      secured.off("error", failed)
      secured.off("close", gone)
      resume(Effect.succeed(secured))
    })
    return Effect.sync(() => secured.destroy())
  })

// Whatever ends a handshake is a TLS failure, also a reset: the server may have disliked what was offered.
const tlsError = (cause: Error): WireError => {
  const error = cause instanceof WireError ? cause : fromSystemError(cause, "tls")
  if (error.reason === "tls") return error
  return new WireError({ reason: "tls", detail: `during the TLS handshake, ${error.detail}`, cause })
}

const info = (socket: Tls.TLSSocket, demand: TlsDemand): Receipt.TlsInfo => {
  const certificate = socket.getPeerCertificate()
  const cipher = socket.getCipher()
  const named = Tls.checkServerIdentity(demand.host, certificate) === undefined
  return new Receipt.TlsInfo({
    protocol: socket.getProtocol() ?? "TLS",
    cipher: cipher.standardName ?? cipher.name,
    verified: socket.authorized && named,
    fingerprint: certificate.fingerprint256
  })
}
