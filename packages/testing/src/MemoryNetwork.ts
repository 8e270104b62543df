/**
 * A network that stays in memory: the `Dialer` of tests. Servers listen at an address and a port; clients reach them
 * without sockets, ports or real time, so that whole deliveries run under `TestClock`. Nobody listening is "connection
 * refused", as in the real world, a server that does not read makes its client wait, and a handshake fails for the reasons
 * a real one has; `DialerContract` holds for both.
 *
 * @since 0.1.0
 */
import { CertificateInfo, TlsInfo } from "@effect-mail/protocol/Receipt"
import * as TlsPolicy from "@effect-mail/protocol/TlsPolicy"
import { Dialer, make as makeDialer, type Target } from "@effect-mail/transport/Dialer"
import { type TlsDemand, unpinned, type Wire, WireError } from "@effect-mail/transport/Wire"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Pipe from "./internal/pipe.ts"
import { type Handler, type ServerWire, ServerWireError } from "./ServerWire.ts"

/**
 * How a listener takes connections.
 *
 * @category models
 * @since 0.1.0
 */
export interface ListenOptions {
  /** The host name, the IP address or the path of the Unix domain socket that clients dial. */
  readonly address: string
  readonly port: number
  /** The names in the server's certificate; it is trusted unless `trusted` is false. */
  readonly names?: ReadonlyArray<string> | undefined
  readonly trusted?: boolean | undefined
  /** Never answers the connection request, as a firewall that drops packets. */
  readonly silent?: boolean | undefined
  /** Octets that may wait for a peer which does not read before its writer has to wait; 65536 by default. */
  readonly window?: number | undefined
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
    /** Takes connections for as long as the scope lives. An address that is taken is a defect, `AddressInUse`. */
    readonly listen: (options: ListenOptions, handler: Handler) => Effect.Effect<void, never, Scope.Scope>
    /** Every connection that was asked for, as `address:port` or the path of a socket, refused ones included. */
    readonly dialed: Effect.Effect<ReadonlyArray<string>>
    /** How many connections the clients have not closed. */
    readonly open: Effect.Effect<number>
  }
>()("@effect-mail/testing/MemoryNetwork") {}

/**
 * Two servers of a test listen at the same address and port.
 *
 * @category errors
 * @since 0.1.0
 */
export class AddressInUse extends Data.TaggedError("AddressInUse")<{
  readonly address: string
  readonly port: number
}> {
  override get message(): string {
    return `${this.address}:${this.port} is in use: another server of this test listens there. Give one of them another address or port`
  }
}

interface Listener {
  readonly options: ListenOptions
  readonly handler: Handler
}

const refused = new WireError({
  reason: "refused",
  detail: "connection refused",
  hint: "No server of this test listens there"
})

const keyOf = (target: Target): string =>
  target.path === undefined ? `${target.address ?? target.host}:${target.port}` : target.path

/**
 * An empty network and the dialer that reaches its servers. A server goes on when its client is gone, until its handler or
 * the layer's scope ends.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<MemoryNetwork | Dialer> = Layer.effectContext(
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const listeners = new Map<string, Listener>()
    const dialed: Array<string> = []
    let open = 0

    const dialer = makeDialer(
      Effect.fnUntraced(function* (target) {
        const key = keyOf(target)
        dialed.push(key)
        const listener = listeners.get(key)
        if (listener === undefined) return yield* refused
        if (listener.options.silent === true) return yield* Effect.never
        const { client, close, server } = connect(listener.options)
        yield* Effect.acquireRelease(
          Effect.sync(() => open++),
          () =>
            Effect.andThen(
              close,
              Effect.sync(() => open--)
            )
        )
        yield* Effect.forkIn(Effect.ensuring(listener.handler(server), server.close), scope)
        return client
      })
    )
    const listen = (options: ListenOptions, handler: Handler) => {
      const key = options.address.startsWith("/") ? options.address : `${options.address}:${options.port}`
      const take = Effect.suspend(() =>
        listeners.has(key)
          ? Effect.die(new AddressInUse({ address: options.address, port: options.port }))
          : Effect.sync(() => listeners.set(key, { options, handler }))
      )
      return Effect.asVoid(Effect.acquireRelease(take, () => Effect.sync(() => listeners.delete(key))))
    }
    const network = {
      listen,
      dialed: Effect.sync(() => dialed.slice()),
      open: Effect.sync(() => open)
    }
    return Context.add(Context.make(MemoryNetwork, network), Dialer, dialer)
  })
)

const closedByServer = new WireError({ reason: "closed", detail: "the server closed the connection" })
const resetByServer = new WireError({ reason: "reset", detail: "the server reset the connection" })
const closedHere = new WireError({ reason: "closed", detail: "the connection was closed" })
const closedByClient = new ServerWireError({ reason: "closed" })
const handshakeFailed = new ServerWireError({ reason: "tls" })

const injected = new WireError({
  reason: "protocol",
  detail: "the server sent clear text before the TLS handshake",
  hint: "Somebody may be tampering with the connection"
})

const tlsError = (detail: string) => new WireError({ reason: "tls", detail })

// A chain is checked before a name.
const problemOf = ({ names = [], trusted }: Identity, host: string): string | undefined => {
  if (trusted === false) return "the certificate is self-signed"
  return names.includes(host) ? undefined : "the certificate is for another host name"
}

type Identity = Pick<ListenOptions, "names" | "trusted">

const infoOf = (identity: Identity, host: string): TlsInfo => {
  const certificate = certificateOf(identity)
  const problem = problemOf(identity, host)
  return new TlsInfo({
    protocol: "TLSv1.3",
    cipher: "TLS_MEMORY",
    verified: problem === undefined,
    ...(problem === undefined ? {} : { problem }),
    fingerprint: certificate.fingerprint,
    chain: [certificate],
    resumed: false
  })
}

/**
 * The facts of the certificate that a listener with these options shows: the same for the same names, another one for other
 * names and for one that nobody trusts. Its `pin` and `fingerprint` can be pinned.
 *
 * @category getters
 * @since 0.1.0
 */
export const certificateOf = ({ names = [], trusted }: Identity): CertificateInfo => {
  const text = `${trusted === false ? "untrusted" : "trusted"} ${names.join(" ")}`
  const octets = new Uint8Array(32)
  new TextEncoder().encode(text).forEach((octet, i) => (octets[i % 32] = ((octets[i % 32] ?? 0) * 31 + octet) % 256))
  const hex = Array.from(octets, (octet) => octet.toString(16).toUpperCase().padStart(2, "0"))
  const subject = `CN=${names[0] ?? "nobody"}`
  return new CertificateInfo({ subject, issuer: subject, fingerprint: hex.join(":"), pin: TlsPolicy.keyPin(octets) })
}

/**
 * The two ends of a connection, and how the client ends it in order.
 *
 * @category models
 * @since 0.1.0
 */
export interface Connection {
  readonly client: Wire
  readonly server: ServerWire
  /** Ends the connection; what the client has written still arrives. */
  readonly close: Effect.Effect<void>
}

/**
 * Makes a connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const connect = (options: Pick<ListenOptions, "names" | "trusted" | "window">): Connection => {
  const window = options.window ?? 65_536
  const toServer = Pipe.make<ServerWireError>(window)
  const toClient = Pipe.make<WireError>(window)
  const serverReady = Latch.makeUnsafe(false)
  const clientReady = Latch.makeUnsafe(false)
  let tls: TlsInfo | undefined

  const end = (error: WireError): void => {
    toClient.end(error)
    toServer.end(closedByClient)
  }
  const abort = (error: WireError) =>
    Effect.sync(() => {
      toServer.cut()
      end(error)
    })

  // What ends the handshake before the server's side of it has come.
  const unsecured = Effect.map(
    toClient.readable,
    () => toClient.ended() ?? tlsError("the server does not speak TLS from the first byte")
  )
  const shakeHands = Effect.fnUntraced(function* (demand: TlsDemand) {
    if (toClient.buffered() > 0) return yield* injected
    const error = yield* Effect.raceFirst(Effect.as(serverReady.await, undefined), unsecured)
    if (error !== undefined) {
      const byServer = error.reason === "closed" || error.reason === "reset"
      return yield* byServer ? tlsError(`during the TLS handshake, ${error.detail}`) : error
    }
    const info = infoOf(options, demand.host)
    if (demand.verify && info.problem !== undefined) return yield* tlsError(info.problem)
    const refusal = unpinned(demand, info)
    if (refusal !== undefined) return yield* refusal
    yield* clientReady.open
    tls = info
    return tls
  })

  const client: Wire = {
    read: toClient.read,
    readable: () => toClient.buffered() > 0 || toClient.ended() !== undefined,
    write: (chunks) =>
      Effect.flatMap(toServer.write(chunks), (taken) =>
        taken ? Effect.void : Effect.fail(toClient.ended() ?? closedByServer)
      ),
    // There are copies on the way.
    released: Effect.void,
    secure: (demand) =>
      shakeHands(demand).pipe(
        Effect.tapError(abort),
        Effect.onInterrupt(() => abort(closedHere))
      ),
    abort,
    tls: () => tls,
    localAddress: "192.0.2.1",
    remoteAddress: "192.0.2.2"
  }
  const server: ServerWire = {
    read: toServer.read,
    write: (bytes) =>
      Effect.flatMap(toClient.write([bytes]), (taken) => (taken ? Effect.void : Effect.fail(closedByClient))),
    secure: Effect.gen(function* () {
      // What came in clear text behind STARTTLS is forgotten (RFC 3207 section 4.2).
      toServer.clear()
      yield* serverReady.open
      // Whatever comes before the client's side of the handshake is none.
      yield* Effect.raceFirst(clientReady.await, toServer.readable)
      if (!clientReady.isOpen()) return yield* handshakeFailed
    }),
    close: Effect.sync(() => {
      toClient.end(closedByServer)
      toServer.end(closedByClient)
    }),
    reset: Effect.sync(() => {
      toClient.clear()
      toClient.end(resetByServer)
      toServer.end(closedByClient)
    })
  }
  return { client, server, close: Effect.sync(() => end(closedHere)) }
}
