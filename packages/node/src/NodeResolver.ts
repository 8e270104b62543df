/**
 * Questions to recursive resolvers over sockets of Node.js: UDP first, TCP for what does not fit. Ids come from the
 * system's secure random source; a port is chosen by the system, serves a few questions and is given up; only what the
 * asked server sends from the asked address with the right id and question is a reply (RFC 5452).
 *
 * @since 0.1.0
 */
import * as NodeDatagramSocket from "@effect/platform-node/NodeDatagramSocket"
import * as DnsMessage from "@effect-mail/dns/DnsMessage"
import * as Resolver from "@effect-mail/dns/Resolver"
import * as RouteCache from "@effect-mail/dns/RouteCache"
import * as Router from "@effect-mail/dns/Router"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type * as DatagramSocket from "effect/socket/DatagramSocket"
import * as NodeCrypto from "node:crypto"
import * as NodeDns from "node:dns"
import * as Tcp from "./internal/dnsTcp.ts"

/**
 * Options of the resolver; without `servers`, those that the system is configured with.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Omit<Resolver.ResolverOptions, "servers"> {
  /** The recursive resolvers, in the order to ask: IP addresses or `localhost`, with port 53 unless one is written. */
  readonly servers?: ReadonlyArray<string> | undefined
}

// A forger has to guess the port anew after so many questions; a socket for each would cost more than the question.
const questionsPerPort = 32

const ids = 0x10000

interface Waiting {
  readonly query: Uint8Array
  readonly reply: Deferred.Deferred<Uint8Array, Resolver.ExchangeError>
}

/** A socket that is connected to a server, so that the system drops what others send to it. */
class Port {
  readonly waiting = new Map<number, Waiting>()
  readonly writer: DatagramSocket.Writer
  readonly scope: Scope.Closeable
  left = questionsPerPort

  constructor(writer: DatagramSocket.Writer, scope: Scope.Closeable) {
    this.writer = writer
    this.scope = scope
  }

  freeId(): number {
    let id = NodeCrypto.randomInt(ids)
    while (this.waiting.has(id)) id = NodeCrypto.randomInt(ids)
    return id
  }

  receive(reply: Uint8Array): void {
    const id = (reply[0] ?? 0) * 0x100 + (reply[1] ?? 0)
    const question = this.waiting.get(id)
    if (question === undefined || !DnsMessage.isReplyTo(question.query, reply)) return
    this.waiting.delete(id)
    Deferred.doneUnsafe(question.reply, Exit.succeed(reply))
  }

  fail(error: Resolver.ExchangeError): void {
    this.left = 0
    for (const { reply } of this.waiting.values()) Deferred.doneUnsafe(reply, Exit.fail(error))
    this.waiting.clear()
  }
}

const errorOf = ({ reason }: DatagramSocket.DatagramSocketError): Resolver.ExchangeError =>
  new Resolver.ExchangeError({
    detail: "kind" in reason ? (details[reason.kind] ?? "the socket failed") : "the socket failed"
  })

const details: Readonly<Record<string, string>> = {
  ConnectionRefused: "connection refused; is a resolver running there?",
  Unreachable: "there is no way to it",
  PermissionDenied: "this process may not connect there",
  AddressNotAvailable: "there is no local address to ask from"
}

const openPort = Effect.fnUntraced(function* (server: Resolver.Server, parent: Scope.Scope) {
  const scope = yield* Scope.fork(parent)
  const open = Effect.gen(function* () {
    const ports: Array<Port> = []
    const socket = yield* NodeDatagramSocket.make({
      connect: server,
      onError: (error) => ports.forEach((port) => port.fail(errorOf(error)))
    })
    const reader = yield* socket.reader
    const port = new Port(yield* socket.writer, scope)
    ports.push(port)
    yield* reader.pull.pipe(
      Effect.map((datagrams) => datagrams.forEach(({ payload }) => port.receive(payload))),
      Effect.forever({ disableYield: true }),
      Effect.catch((error) => Effect.sync(() => port.fail(errorOf(error)))),
      Effect.forkIn(scope)
    )
    return port
  })
  return yield* open.pipe(
    Scope.provide(scope),
    Effect.mapError(errorOf),
    Effect.onError(() => Scope.close(scope, Exit.void))
  )
})

// Questions to one server. A port that has served its questions is closed with the last of them.
const makeUdp = (server: Resolver.Server, scope: Scope.Scope) => {
  const gate = Semaphore.makeUnsafe(1)
  let current: Port | undefined

  const usable = (): Port | undefined => (current !== undefined && current.left > 0 ? current : undefined)

  const renew = gate.withPermits(1)(
    Effect.suspend(() =>
      usable() === undefined
        ? Effect.map(Effect.uninterruptible(openPort(server, scope)), (port) => {
            current = port
          })
        : Effect.void
    )
  )

  const ask = (port: Port, question: Uint8Array): Effect.Effect<Uint8Array, Resolver.ExchangeError> => {
    const id = port.freeId()
    const query = DnsMessage.withId(question, id)
    const reply = Deferred.makeUnsafe<Uint8Array, Resolver.ExchangeError>()
    port.left--
    port.waiting.set(id, { query, reply })
    return port.writer.write({ payload: query }).pipe(
      Effect.mapError(errorOf),
      Effect.andThen(Deferred.await(reply)),
      Effect.ensuring(
        Effect.suspend(() => {
          port.waiting.delete(id)
          return port.left === 0 && port.waiting.size === 0 ? Scope.close(port.scope, Exit.void) : Effect.void
        })
      )
    )
  }

  const udp = (question: Uint8Array): Effect.Effect<Uint8Array, Resolver.ExchangeError> =>
    Effect.suspend(() => {
      const port = usable()
      return port === undefined ? Effect.andThen(renew, udp(question)) : ask(port, question)
    })
  return udp
}

/**
 * The exchange over sockets of Node.js; its ports are closed with the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeExchange: Effect.Effect<Resolver.Exchange, never, Scope.Scope> = Effect.map(Effect.scope, (scope) => {
  const servers = new Map<Resolver.Server, ReturnType<typeof makeUdp>>()
  const of = (server: Resolver.Server) => {
    const known = servers.get(server)
    if (known !== undefined) return known
    const made = makeUdp(server, scope)
    servers.set(server, made)
    return made
  }
  return {
    udp: (server, query) => Effect.suspend(() => of(server)(query)),
    tcp: (server, query) => Effect.suspend(() => Tcp.ask(server, DnsMessage.withId(query, NodeCrypto.randomInt(ids))))
  }
})

/**
 * A resolver over UDP and TCP. Fails with `InvalidOption` when an option is out of range or the system has no resolver.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Resolver.Resolver, Resolver.InvalidOption> =>
  Layer.effect(
    Resolver.Resolver,
    Effect.gen(function* () {
      const servers = options.servers ?? NodeDns.getServers()
      return yield* Effect.fromResult(Resolver.make(yield* makeExchange, { ...options, servers }))
    })
  )

/**
 * What routing over a resolver can be told.
 *
 * @category models
 * @since 0.1.0
 */
export interface RouterOptions {
  readonly resolver?: Options | undefined
  readonly routing?: Omit<Router.MxOptions, "timeout"> | undefined
  readonly cache?: RouteCache.Options | undefined
}

/**
 * Routes by MX records over a resolver, with routes kept as long as their records hold: `Router.layerResolver` and
 * `RouteCache.layer` over `layer`. Fails with `InvalidOption` as they do.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerRouter = (options: RouterOptions = {}): Layer.Layer<Router.Router, Resolver.InvalidOption> =>
  RouteCache.layer(options.cache).pipe(
    Layer.provide(Router.layerResolver(options.routing)),
    Layer.provide(layer(options.resolver))
  )
