/**
 * Questions to one server over UDP. A port is connected, so that the system drops what others send to it, is chosen by the
 * system, serves a few questions and is closed with the last of them; ids come from the system's secure random source
 * (RFC 5452). Sockets are used as Node.js has them: each question is one datagram, and anything around it would cost more
 * than the question itself.
 */
import * as DnsMessage from "@effect-mail/dns/DnsMessage"
import * as Resolver from "@effect-mail/dns/Resolver"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as NodeCrypto from "node:crypto"
import * as Dgram from "node:dgram"
import * as Net from "node:net"

// A forger has to guess the port anew after so many questions; a socket for each would cost more than the question.
const questionsPerPort = 32

const ids = 0x10000

/** An id that cannot be guessed, 0 to 65535. */
export const randomId = (): number => NodeCrypto.randomInt(ids)

type Reply = Effect.Effect<Uint8Array, Resolver.ExchangeError>

interface Waiting {
  readonly query: Uint8Array
  readonly resume: (reply: Reply) => void
}

class Port {
  readonly #socket: Dgram.Socket
  readonly #waiting = new Map<number, Waiting>()
  readonly #closed: () => void
  // What is to be sent as soon as the port is connected.
  #unsent: Array<Uint8Array> | undefined = []
  #left = questionsPerPort
  #over = false

  constructor(server: Resolver.Server, closed: () => void) {
    this.#closed = closed
    this.#socket = Dgram.createSocket({
      type: Net.isIPv6(server.address) ? "udp6" : "udp4",
      lookup: (address, _, found) => found(null, address, Net.isIP(address))
    })
    this.#socket.on("message", (reply) => this.#receive(reply))
    this.#socket.on("error", (error) => this.#fail(error))
    this.#socket.connect(server.port, server.address, (error?: Error) =>
      error ? this.#fail(error) : this.#connected()
    )
  }

  get usable(): boolean {
    return this.#left > 0
  }

  /** Asks, and resumes with the reply; gives what takes the question back. */
  ask(question: Uint8Array, resume: (reply: Reply) => void): () => void {
    let id = randomId()
    while (this.#waiting.has(id)) id = randomId()
    const query = DnsMessage.withId(question, id)
    this.#left--
    this.#waiting.set(id, { query, resume })
    if (this.#unsent === undefined) this.#socket.send(query)
    else this.#unsent.push(query)
    return () => this.#forget(id)
  }

  /** Closes the port; nobody waits for it any more. */
  close(): void {
    if (this.#over) return
    this.#over = true
    this.#left = 0
    this.#socket.close()
    this.#closed()
  }

  #connected(): void {
    // Whoever closed the port before it was connected wants nothing more of it.
    if (this.#over) return
    for (const query of this.#unsent ?? []) this.#socket.send(query)
    this.#unsent = undefined
  }

  #receive(reply: Uint8Array): void {
    const id = (reply[0] ?? 0) * 0x100 + (reply[1] ?? 0)
    const question = this.#waiting.get(id)
    if (question === undefined || !DnsMessage.isReplyTo(question.query, reply)) return
    this.#forget(id)
    question.resume(Effect.succeed(reply))
  }

  #forget(id: number): void {
    if (this.#waiting.delete(id) && this.#waiting.size === 0 && this.#left === 0) this.close()
  }

  #fail(error: Error): void {
    const failed = Effect.fail(new Resolver.ExchangeError({ detail: detailOf(error) }))
    const questions = [...this.#waiting.values()]
    this.#waiting.clear()
    this.close()
    for (const { resume } of questions) resume(failed)
  }
}

const details: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused; is a resolver running there?",
  EHOSTUNREACH: "there is no way to it",
  ENETUNREACH: "there is no way to it",
  EACCES: "this process may not connect there",
  EPERM: "this process may not connect there",
  EADDRNOTAVAIL: "there is no local address to ask from",
  EMFILE: "this process has too many open files",
  ENFILE: "this machine has too many open files"
}

const detailOf = (error: NodeJS.ErrnoException): string => details[error.code ?? ""] ?? "the socket failed"

/** The questions to a server; their ports are closed with the scope. */
export const make = (server: Resolver.Server): Effect.Effect<(question: Uint8Array) => Reply, never, Scope.Scope> =>
  Effect.gen(function* () {
    const ports = new Set<Port>()
    let current: Port | undefined
    yield* Effect.addFinalizer(() => Effect.sync(() => ports.forEach((port) => port.close())))

    const open = (): Port => {
      const port = new Port(server, () => ports.delete(port))
      ports.add(port)
      current = port
      return port
    }

    return (question) =>
      Effect.callback((resume) => {
        const port = current?.usable === true ? current : open()
        const takeBack = port.ask(question, resume)
        return Effect.sync(takeBack)
      })
  })
