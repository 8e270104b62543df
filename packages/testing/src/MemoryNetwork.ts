/**
 * A network that stays in memory: the `Dialer` of tests. Servers listen at an address and a port; clients reach them
 * without sockets, ports or real time, so that whole deliveries run under `TestClock`. Nobody listening is "connection
 * refused", as in the real world.
 *
 * @since 0.1.0
 */
import { TlsInfo } from "@effect-mail/protocol/Receipt"
import { Dialer, type Target } from "@effect-mail/transport/Dialer"
import { type TlsDemand, type Wire, WireError } from "@effect-mail/transport/Wire"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { type ServerWire, ServerWireError } from "./ServerWire.ts"

/**
 * What a server of the network does with a connection; the connection ends when the effect does.
 *
 * @category models
 * @since 0.1.0
 */
export type Handler = (wire: ServerWire) => Effect.Effect<void>

/**
 * How a listener takes connections.
 *
 * @category models
 * @since 0.1.0
 */
export interface ListenOptions {
  /** The host name or the IP address that clients dial. */
  readonly address: string
  readonly port: number
  /** The names in the server's certificate; it is trusted unless `trusted` is false. */
  readonly names?: ReadonlyArray<string> | undefined
  readonly trusted?: boolean | undefined
  /** Never answers the connection request, as a firewall that drops packets. */
  readonly silent?: boolean | undefined
}

/**
 * The servers of the network.
 *
 * @category services
 * @since 0.1.0
 */
export class MemoryNetwork extends Context.Service<
  MemoryNetwork,
  {
    /** Takes connections for as long as the scope lives. */
    readonly listen: (options: ListenOptions, handler: Handler) => Effect.Effect<void, never, Scope.Scope>
    /** Every connection that was asked for, as `address:port`, refused ones included. */
    readonly dialed: Effect.Effect<ReadonlyArray<string>>
  }
>()("@effect-mail/testing/MemoryNetwork") {}

interface Listener {
  readonly options: ListenOptions
  readonly handler: Handler
}

const refused = new WireError({
  reason: "refused",
  detail: "connection refused",
  hint: "No server of this test listens there"
})

/**
 * An empty network and the dialer that reaches its servers.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<MemoryNetwork | Dialer> = Layer.effectContext(
  Effect.sync(() => {
    const listeners = new Map<string, Listener>()
    const dialed: Array<string> = []
    const open = Effect.fnUntraced(function* (target: Target) {
      const key = `${target.address ?? target.host}:${target.port}`
      dialed.push(key)
      const listener = listeners.get(key)
      if (listener === undefined) return yield* refused
      if (listener.options.silent === true) {
        yield* Effect.sleep(target.timeout)
        return yield* new WireError({ reason: "timeout", detail: "no connection within the time allowed" })
      }
      const { client, server } = yield* connect(listener.options)
      yield* Effect.forkScoped(Effect.ensuring(listener.handler(server), server.close))
      if (target.tls !== undefined) yield* client.secure(target.tls)
      return client
    })
    const listen = (options: ListenOptions, handler: Handler) => {
      const key = `${options.address}:${options.port}`
      return Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => listeners.set(key, { options, handler })),
          () => Effect.sync(() => listeners.delete(key))
        )
      )
    }
    return Context.make(MemoryNetwork, { listen, dialed: Effect.sync(() => dialed.slice()) }).pipe(
      Context.add(Dialer, { open })
    )
  })
)

const gone = new WireError({ reason: "closed", detail: "the server closed the connection" })

/**
 * The two ends of a connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const connect = Effect.fnUntraced(function* (
  options: Pick<ListenOptions, "names" | "trusted">
): Effect.fn.Return<{ readonly client: Wire; readonly server: ServerWire }, never, Scope.Scope> {
  const toServer = yield* Queue.unbounded<Uint8Array, ServerWireError>()
  const toClient = yield* Queue.unbounded<Uint8Array, WireError>()
  const serverReady = yield* Deferred.make<void, WireError>()
  const clientReady = yield* Deferred.make<void, ServerWireError>()
  let tls: TlsInfo | undefined

  const hangUp = (error: WireError) =>
    Effect.gen(function* () {
      yield* Queue.fail(toClient, error)
      yield* Queue.fail(toServer, new ServerWireError({ reason: "closed" }))
      yield* Deferred.fail(serverReady, error)
      yield* Deferred.fail(clientReady, new ServerWireError({ reason: "closed" }))
    })

  const secure = Effect.fnUntraced(function* (demand: TlsDemand) {
    if ((yield* Queue.size(toClient)) > 0) {
      return yield* new WireError({ reason: "protocol", detail: "the server sent clear text before the TLS handshake" })
    }
    yield* Deferred.await(serverReady)
    const names = options.names ?? []
    const named = names.includes(demand.host)
    const verified = named && options.trusted !== false
    if (demand.verify && !verified) {
      const detail = named ? "the certificate is self-signed" : "the certificate is for another host name"
      const error = new WireError({ reason: "tls", detail })
      yield* hangUp(error)
      return yield* error
    }
    yield* Deferred.succeed(clientReady, undefined)
    tls = new TlsInfo({ protocol: "TLSv1.3", cipher: "TLS_MEMORY", verified })
    return tls
  })

  yield* Effect.addFinalizer(() => hangUp(gone))
  const client: Wire = {
    read: Queue.take(toClient),
    write: (chunks) =>
      Effect.flatMap(
        Queue.offerAll(
          toServer,
          chunks.map((chunk) => chunk.slice())
        ),
        (left) => (left.length === chunks.length && chunks.length > 0 ? Effect.fail(gone) : Effect.void)
      ),
    secure,
    abort: hangUp,
    tls: () => tls,
    localAddress: "192.0.2.1",
    remoteAddress: "192.0.2.2"
  }
  const server: ServerWire = {
    read: Queue.take(toServer),
    write: (bytes) => Effect.asVoid(Queue.offer(toClient, bytes.slice())),
    secure: Effect.andThen(
      // What came in clear text behind STARTTLS is forgotten (RFC 3207 section 4.2).
      Effect.andThen(Queue.clear(toServer), Deferred.succeed(serverReady, undefined)),
      Deferred.await(clientReady)
    ),
    close: hangUp(gone)
  }
  return { client, server }
})
