/**
 * A `Wire` over a socket of Node.js. Reading is paused while nobody asks, so that a peer cannot fill the memory; an error
 * listener stays on each socket for its whole life, because an unheard `error` event ends the process.
 *
 * @since 0.1.0
 */
import type * as Receipt from "@effect-mail/protocol/Receipt"
import { type TlsDemand, type Wire, WireError, type WireErrorReason } from "@effect-mail/transport/Wire"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import { fromSystemError } from "./systemError.ts"
import type { Handshake, TlsClient } from "./tls.ts"

// Bytes that may wait for a reader before the socket is paused.
const highWater = 64 * 1024

// How long a closing socket may take to flush its last bytes, in milliseconds.
const linger = 1000

/**
 * Opens a connection. It is closed with the scope: what was written still goes out, for a short while.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (options: Net.NetConnectOpts, client: TlsClient): Effect.Effect<Wire, WireError, Scope.Scope> =>
  Effect.flatMap(
    Effect.acquireRelease(
      Effect.sync(() => new NodeWire(Net.connect(options), client)),
      (wire) => Effect.sync(() => wire.close())
    ),
    (wire) => Effect.as(wire.connected, wire)
  )

const closed = new WireError({ reason: "closed", detail: "the server closed the connection" })

const closedHere = new WireError({ reason: "closed", detail: "the connection was closed" })

const injected = new WireError({
  reason: "protocol",
  detail: "the server sent clear text before the TLS handshake",
  hint: "Somebody may be tampering with the connection"
})

const ignore = (): void => undefined

const nothing = new Uint8Array()

class NodeWire implements Wire {
  readonly #socket: Net.Socket
  readonly #client: TlsClient
  // The socket that bytes go through: the TLS socket, once there is one.
  #current: Net.Socket
  #tls: Receipt.TlsInfo | undefined
  readonly #chunks: Array<Uint8Array> = []
  #size = 0
  #ended: WireError | undefined
  // Whoever waits for bytes or the end.
  #wake: () => void = ignore
  // What an error means whose code does not tell.
  #during: WireErrorReason = "refused"
  #stopListening: () => void

  constructor(socket: Net.Socket, client: TlsClient) {
    this.#socket = socket
    this.#current = socket
    this.#client = client
    this.#stopListening = this.#listen(socket)
  }

  get localAddress(): string | undefined {
    return this.#socket.localAddress
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress
  }

  readonly tls = (): Receipt.TlsInfo | undefined => this.#tls

  readonly readable = (): boolean => this.#size > 0 || this.#ended !== undefined

  readonly connected: Effect.Effect<void, WireError> = Effect.callback((resume) => {
    this.#wake = () => resume(Effect.fail(this.#ended ?? closed))
    this.#socket.once("connect", () => {
      this.#during = "reset"
      this.#wake = ignore
      resume(Effect.void)
    })
    return this.abort(closedHere)
  })

  // The chunk is taken by the fiber that reads, so that an interruption cannot lose it.
  readonly read: Effect.Effect<Uint8Array, WireError> = Effect.suspend(() => {
    if (this.#size === 0 && this.#ended === undefined) return this.#later
    const chunk = this.#chunks.shift()
    if (chunk === undefined) return Effect.fail(this.#ended ?? closed)
    this.#size -= chunk.length
    if (this.#size < highWater && this.#current.isPaused()) this.#current.resume()
    return Effect.succeed(chunk)
  })

  readonly #later = Effect.callback<Uint8Array, WireError>((resume) => {
    this.#wake = () => resume(this.read)
  })

  readonly write = (chunks: ReadonlyArray<Uint8Array>): Effect.Effect<void, WireError> =>
    Effect.suspend(() => {
      const socket = this.#current
      if (this.#ended !== undefined || !socket.writable) return Effect.fail(this.#ended ?? closed)
      const [only] = chunks
      if (only !== undefined && chunks.length === 1) return socket.write(only) ? Effect.void : this.#drained(socket)
      let free = true
      socket.cork()
      for (const chunk of chunks) free = socket.write(chunk)
      socket.uncork()
      return free ? Effect.void : this.#drained(socket)
    })

  // A platform that could not take all at once holds on to the arrays.
  readonly released: Effect.Effect<void, WireError> = Effect.suspend(() =>
    this.#current.writableLength === 0 ? Effect.void : this.#behind(this.#current)
  )

  // Writes are done in order, so that one of nothing is done when all are that came before it.
  readonly #behind = (socket: Net.Socket): Effect.Effect<void, WireError> =>
    Effect.callback((resume) => {
      const end = (): void => resume(Effect.fail(this.#ended ?? closed))
      if (socket.writable) socket.write(nothing, (error) => (error instanceof Error ? end() : resume(Effect.void)))
      else end()
    })

  readonly #drained = (socket: Net.Socket): Effect.Effect<void, WireError> =>
    Effect.callback((resume) => {
      const onDrain = (): void => settle(Effect.void)
      const onClose = (): void => settle(Effect.fail(this.#ended ?? closed))
      const stop = (): void => {
        socket.off("drain", onDrain)
        socket.off("close", onClose)
      }
      const settle = (result: Effect.Effect<void, WireError>): void => {
        stop()
        resume(result)
      }
      socket.on("drain", onDrain)
      socket.on("close", onClose)
      return Effect.sync(stop)
    })

  readonly secure = (demand: TlsDemand): Effect.Effect<Receipt.TlsInfo, WireError> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      if (this.#size > 0) return Effect.fail(injected)
      return this.#ended === undefined ? this.#handshake(demand, now) : Effect.fail(tlsError(this.#ended))
    }).pipe(
      Effect.tapError(this.abort),
      Effect.onInterrupt(() => this.abort(closedHere))
    )

  readonly #handshake = (demand: TlsDemand, now: number): Effect.Effect<Receipt.TlsInfo, WireError> =>
    Effect.callback((resume) => {
      const fail = (cause: Error): void => resume(Effect.fail(this.#ended ?? tlsError(cause)))
      this.#stopListening()
      this.#socket.on("error", ignore)
      let handshake: Handshake
      try {
        handshake = this.#client.start(this.#socket, demand, now)
      } catch (cause) {
        return resume(Effect.fail(unusable(cause)))
      }
      const { accept, socket } = handshake
      socket.on("error", fail)
      socket.once("close", () => fail(closed))
      socket.once("secureConnect", () => {
        const accepted = accept()
        if (Result.isSuccess(accepted)) {
          this.#tls = accepted.success
          this.#stopListening = this.#listen(socket)
        }
        resume(Effect.fromResult(accepted))
      })
      this.#current = socket
    })

  readonly abort = (error: WireError): Effect.Effect<void> =>
    Effect.sync(() => {
      this.#end(error)
      this.#current.destroy()
      this.#socket.destroy()
    })

  close(): void {
    if (this.#current.destroyed) return
    const destroy = (): void => {
      this.#current.destroy()
      this.#socket.destroy()
    }
    this.#current.destroySoon()
    const timer = setTimeout(destroy, linger).unref()
    this.#current.once("close", () => {
      clearTimeout(timer)
      destroy()
    })
  }

  #end(error: WireError): void {
    this.#ended ??= error
    this.#wake()
  }

  // Takes what a socket has to say until the returned function is called.
  #listen(socket: Net.Socket): () => void {
    const onData = (chunk: Uint8Array): void => {
      this.#chunks.push(chunk)
      this.#size += chunk.length
      if (this.#size >= highWater) socket.pause()
      this.#wake()
    }
    const onError = (cause: Error): void => this.#end(fromSystemError(cause, this.#during))
    const onEnd = (): void => this.#end(closed)
    socket.on("data", onData)
    socket.on("error", onError)
    socket.on("end", onEnd)
    socket.on("close", onEnd)
    return () => {
      socket.off("data", onData)
      socket.off("error", onError)
      socket.off("end", onEnd)
      socket.off("close", onEnd)
    }
  }
}

const unusable = (cause: unknown): WireError =>
  new WireError({
    reason: "local",
    detail: `this machine's TLS settings cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`,
    hint: "Check the certificate authorities, the client certificate and its key that were given",
    cause
  })

// Whatever ends a handshake is a TLS failure, also a reset: the server may have disliked what was offered.
const tlsError = (cause: Error): WireError => {
  const error = cause instanceof WireError ? cause : fromSystemError(cause, "tls")
  if (error.reason === "tls") return error
  return new WireError({ reason: "tls", detail: `during the TLS handshake, ${error.detail}`, cause })
}
