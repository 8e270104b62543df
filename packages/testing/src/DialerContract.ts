/**
 * What every `Dialer` must do, as a list of named effects that fail with a `ContractError`. Any test runner can run them:
 *
 * ```ts
 * for (const { name, effect } of DialerContract.cases(subject)) it.effect(name, () => effect)
 * ```
 *
 * @since 0.1.0
 */
import * as TlsPolicy from "@effect-mail/protocol/TlsPolicy"
import type { Dialer, Target } from "@effect-mail/transport/Dialer"
import { type TlsDemand, type Wire, WireError } from "@effect-mail/transport/Wire"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import { type Case, check, ContractError, equal } from "./Contract.ts"
import * as Bytes from "./internal/bytes.ts"
import type { Handler, ServerWire } from "./ServerWire.ts"

/**
 * Where to connect to.
 *
 * @category models
 * @since 0.1.0
 */
export type Place = Pick<Target, "host" | "address" | "port">

/**
 * What the contract is tried on. Every case makes its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface Subject {
  readonly dialer: Dialer["Service"]
  /**
   * Starts a server and says where. It shakes hands with a certificate for `serverName`, which the dialer trusts unless
   * `trusted` is false.
   */
  readonly listen: (
    handler: Handler,
    options: { readonly trusted: boolean }
  ) => Effect.Effect<Place, never, Scope.Scope>
  /** Where nobody listens. */
  readonly refusing: Effect.Effect<Place>
  /** Where connection requests get no answer; undefined where that cannot be arranged. */
  readonly silent: Effect.Effect<Place | undefined, never, Scope.Scope>
  /** Lets this time pass: the adjustment of a test's clock, or nothing where time is real. */
  readonly pass: (duration: Duration.Duration) => Effect.Effect<void>
}

/**
 * The name in the certificate of the servers.
 *
 * @category constants
 * @since 0.1.0
 */
export const serverName = "mail.example.com"

// A server whose connection the case plays itself.
const dialled = Effect.fnUntraced(function* (subject: Subject, options = { trusted: true }, tls?: TlsDemand) {
  const accepted = yield* Deferred.make<ServerWire>()
  const place = yield* subject.listen(
    (server) => Effect.andThen(Deferred.succeed(accepted, server), Effect.never),
    options
  )
  const dial = (demand = tls) => subject.dialer.open({ ...place, tls: demand, timeout: patience })
  return { dial, server: Deferred.await(accepted) }
})

// A server for several connections, each of which is had once.
const dialledMany = Effect.fnUntraced(function* (subject: Subject, options: { readonly trusted: boolean }) {
  const accepted = yield* Queue.unbounded<ServerWire>()
  const place = yield* subject.listen((server) => Effect.andThen(Queue.offer(accepted, server), Effect.never), options)
  return { dial: subject.dialer.open({ ...place, timeout: patience }), server: Queue.take(accepted) }
})

const connected = Effect.fnUntraced(function* (subject: Subject, options?: { readonly trusted: boolean }) {
  const { dial, server } = yield* dialled(subject, options)
  return { client: yield* dial(), server: yield* server }
})

const patience = Duration.seconds(30)
const demand = (host: string, verify: boolean, pins?: ReadonlyArray<string>): TlsDemand => ({ host, verify, pins })

// Reads from either side until so many octets are there.
const readOctets = Effect.fnUntraced(function* <E>(read: Effect.Effect<Uint8Array, E>, count: number) {
  const parts: Array<Uint8Array> = []
  for (let left = count; left > 0;) {
    const chunk = yield* read
    parts.push(chunk)
    left -= chunk.length
  }
  return Bytes.concat(parts)
})

const sameOctets = (actual: Uint8Array, expected: Uint8Array) =>
  equal(Bytes.firstDifference(actual, expected), undefined, "the first octet that differs")

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

const ping = Bytes.from("NOOP\r\n")

const failureOf = (effect: Effect.Effect<unknown, WireError, Scope.Scope>) =>
  Effect.matchEffect(effect, {
    onSuccess: () => Effect.fail(new ContractError({ detail: "expected a failure, but got success" })),
    onFailure: (error) => Effect.succeed(error)
  })

const failsWith = Effect.fnUntraced(function* (
  reason: WireError["reason"],
  effect: Effect.Effect<unknown, WireError, Scope.Scope>
) {
  const { detail, reason: actual } = yield* failureOf(effect)
  yield* check(actual === reason, `expected ${reason}, but got ${actual}: ${detail}`)
  yield* check(detail !== "" && !/[.]$/.test(detail), `the detail is no sentence without a full stop: "${detail}"`)
})

// The server reads until its client is gone; how is not the wire's promise.
const seesTheEnd = (server: ServerWire) => Effect.ignore(Effect.forever(server.read))

const isDead = Effect.fnUntraced(function* (client: Wire) {
  yield* failureOf(client.read)
  yield* failureOf(client.write([ping]))
})

const secured = Effect.fnUntraced(function* (subject: Subject, trusted: boolean, wanted: TlsDemand, verified: boolean) {
  const { client, server } = yield* connected(subject, { trusted })
  yield* Effect.forkScoped(Effect.ignore(server.secure))
  const info = yield* client.secure(wanted)
  yield* equal(info.verified, verified, "verified")
  yield* check(info.protocol.startsWith("TLSv1."), `an unknown protocol, ${info.protocol}`)
  yield* equal(client.tls(), info, "tls()")
  yield* equal(info.problem === undefined, verified, "there is a problem exactly when the server is not verified")
  yield* check(info.cipher !== "", "no cipher")
  yield* client.write([ping])
  yield* sameOctets(yield* readOctets(Effect.orDie(server.read), ping.length), ping)
  yield* Effect.orDie(server.write(ping))
  yield* sameOctets(yield* readOctets(client.read, ping.length), ping)
})

const rejected = Effect.fnUntraced(function* (subject: Subject, trusted: boolean, wanted: TlsDemand) {
  const { client, server } = yield* connected(subject, { trusted })
  yield* Effect.forkScoped(Effect.ignore(server.secure))
  yield* failsWith("tls", client.secure(wanted))
  yield* isDead(client)
  yield* equal(client.tls(), undefined, "tls()")
  yield* seesTheEnd(server)
})

// What a server shows, and the pins it satisfies.
const shown = Effect.fnUntraced(function* (subject: Subject) {
  const { client, server } = yield* connected(subject)
  yield* Effect.forkScoped(Effect.ignore(server.secure))
  const { chain = [], fingerprint } = yield* client.secure(demand(serverName, false))
  const [own] = chain
  if (own?.pin === undefined) return yield* new ContractError({ detail: "there is no certificate in the facts" })
  yield* equal(own.fingerprint, fingerprint, "the fingerprint of the first certificate")
  return { ...own, pin: own.pin }
})

const others = { key: `sha256/${"A".repeat(43)}=`, certificate: Array.from({ length: 32 }, () => "00").join(":") }

const timesOut = Effect.fnUntraced(function* (
  subject: Subject,
  target: Target,
  begun: Effect.Effect<void> = Effect.void
) {
  const opening = yield* Effect.forkScoped(subject.dialer.open(target), { startImmediately: true })
  yield* begun
  yield* subject.pass(target.timeout)
  yield* failsWith("timeout", Fiber.join(opening))
})

const brief = Duration.millis(50)

const mine = new WireError({ reason: "timeout", detail: "no answer within the time allowed" })

// Of all sizes, and no two chunks alike.
const pieces = Array.from({ length: 100 }, (_, i) => new Uint8Array((i * 97) % 1500).map((_, j) => (i * 31 + j) % 251))

// More than what the buffers between two sockets can hold.
const flood = (): Uint8Array => {
  const octets = new Uint8Array(16 * 1024 * 1024)
  octets.set(Bytes.concat(pieces))
  for (let size = 65_521; size < octets.length; size *= 2) octets.copyWithin(size, 0, size)
  return octets
}

// Writes all of it with one array, in pieces of which some are too small to be waited for. A wire that says nothing of a
// release gets an array for each.
const writeFromOneArray = Effect.fnUntraced(function* (client: Wire, all: Uint8Array) {
  const { released = Effect.void } = client
  const array = new Uint8Array(70_000)
  for (let at = 0, size = 1; at < all.length; at += size, size = (size * 7919) % array.length) {
    const piece = all.subarray(at, at + size)
    array.fill(0).set(piece)
    const chunk = array.subarray(0, piece.length)
    yield* client.write([client.released === undefined ? Uint8Array.from(chunk) : chunk])
    yield* released
  }
})

const arrivesFromOneArray = Effect.fnUntraced(function* (client: Wire, server: ServerWire) {
  const all = flood()
  yield* Effect.forkScoped(writeFromOneArray(client, all), { startImmediately: true })
  yield* sameOctets(yield* readOctets(Effect.orDie(server.read), all.length), all)
})

const laws: Readonly<
  Record<string, (subject: Subject) => Effect.Effect<void, ContractError | WireError, Scope.Scope>>
> = {
  "where nobody listens, the connection is refused (CLASS-13)": Effect.fnUntraced(function* (subject) {
    yield* failsWith("refused", subject.dialer.open({ ...(yield* subject.refusing), timeout: patience }))
  }),

  "where nobody answers, the time allowed ends the attempt (CLASS-13)": Effect.fnUntraced(function* (subject) {
    const silent = yield* subject.silent
    if (silent !== undefined) yield* timesOut(subject, { ...silent, timeout: brief })
  }),

  "the time allowed includes a handshake that never comes": Effect.fnUntraced(function* (subject) {
    const accepted = yield* Deferred.make<void>()
    const place = yield* subject.listen(() => Effect.andThen(Deferred.succeed(accepted, undefined), Effect.never), {
      trusted: true
    })
    const target = { ...place, tls: demand(serverName, true), timeout: brief }
    yield* timesOut(subject, target, Deferred.await(accepted))
  }),

  "bytes arrive in order, however they were written": Effect.fnUntraced(function* (subject) {
    const { client, server } = yield* connected(subject)
    const all = Bytes.concat(pieces)
    yield* Effect.forkScoped(client.write(pieces))
    yield* sameOctets(yield* readOctets(Effect.orDie(server.read), all.length), all)
    yield* Effect.forkScoped(Effect.ignore(Effect.forEach(pieces, server.write, { discard: true })))
    yield* sameOctets(yield* readOctets(client.read, all.length), all)
  }),

  "a written chunk belongs to its writer again": Effect.fnUntraced(function* (subject) {
    const { client, server } = yield* connected(subject)
    const chunk = Bytes.from("NOOP\r\n")
    yield* client.write([chunk])
    yield* sameOctets(yield* readOctets(Effect.orDie(server.read), chunk.length), ping)
    chunk.fill(0)
    yield* client.write([ping])
    yield* sameOctets(yield* readOctets(Effect.orDie(server.read), chunk.length), ping)
  }),

  "a chunk that is released can be filled anew, however late the server reads": Effect.fnUntraced(function* (subject) {
    const { client, server } = yield* connected(subject)
    yield* arrivesFromOneArray(client, server)
  }),
  "a chunk that is released can be filled anew, over TLS, too": Effect.fnUntraced(function* (subject) {
    const { client, server } = yield* connected(subject)
    yield* Effect.forkScoped(Effect.ignore(server.secure))
    yield* client.secure(demand(serverName, false))
    yield* arrivesFromOneArray(client, server)
  }),
  "a reset ends the wait for a release": Effect.fnUntraced(function* (subject) {
    const { client, server } = yield* connected(subject)
    const writing = yield* Effect.forkScoped(writeFromOneArray(client, flood()), { startImmediately: true })
    yield* server.reset
    if (client.released !== undefined) yield* failureOf(Fiber.join(writing))
  }),

  "an end in order comes behind the last byte, and stays": Effect.fnUntraced(function* (subject) {
    const { client, server } = yield* connected(subject)
    yield* Effect.orDie(server.write(ping))
    yield* server.close
    yield* sameOctets(yield* readOctets(client.read, ping.length), ping)
    yield* failsWith("closed", client.read)
    yield* failsWith("closed", client.read)
    yield* check(client.readable(), "an end can be read without waiting")
    yield* failureOf(client.write([ping]))
  }),

  "a server that has nothing more to say still hears what was said to it": Effect.fnUntraced(function* (subject) {
    const { client, server } = yield* connected(subject)
    yield* client.write([ping])
    yield* server.close
    yield* failsWith("closed", client.read)
    yield* sameOctets(yield* readOctets(Effect.orDie(server.read), ping.length), ping)
  }),

  "a reset ends the write that waits": Effect.fnUntraced(function* (subject) {
    const { client, server } = yield* connected(subject)
    const writing = yield* Effect.forkScoped(client.write([flood()]), { startImmediately: true })
    yield* server.reset
    const { reason } = yield* failureOf(Fiber.join(writing))
    yield* check(reason === "reset" || reason === "closed", `expected reset, but got ${reason}`)
    yield* isDead(client)
  }),

  "a reset ends the handshake that waits, and is a failure of TLS": Effect.fnUntraced(function* (subject) {
    const { client, server } = yield* connected(subject)
    const shaking = yield* Effect.forkScoped(client.secure(demand(serverName, false)), { startImmediately: true })
    yield* server.reset
    yield* failsWith("tls", Fiber.join(shaking))
    yield* isDead(client)
  }),

  "a reset ends the read that waits": Effect.fnUntraced(function* (subject) {
    const { client, server } = yield* connected(subject)
    const reading = yield* Effect.forkScoped(client.read, { startImmediately: true })
    yield* server.reset
    yield* failsWith("reset", Fiber.join(reading))
    yield* isDead(client)
  }),

  "a read that is interrupted loses nothing": Effect.fnUntraced(function* (subject) {
    const { client, server } = yield* connected(subject)
    for (let round = 0; round < 20; round++) {
      const reading = yield* Effect.forkScoped(client.read, { startImmediately: true })
      yield* Fiber.interrupt(reading)
      const sent = Bytes.from(`250 round ${round}\r\n`)
      yield* Effect.orDie(server.write(sent))
      yield* equal(text(yield* readOctets(client.read, sent.length)), text(sent), "what was read")
    }
  }),

  "a wire is readable when bytes have come": Effect.fnUntraced(function* (subject) {
    const { client, server } = yield* connected(subject)
    yield* equal(client.readable(), false, "readable before")
    yield* Effect.orDie(server.write(Bytes.from("250 one\r\n250 two\r\n")))
    yield* client.read
    yield* equal(client.readable(), false, "readable when all is read")
  }),

  "a valid certificate for the name is verified": (subject) => secured(subject, true, demand(serverName, true), true),
  "a valid certificate is verified although nobody demands it": (subject) =>
    secured(subject, true, demand(serverName, false), true),
  "an unknown authority is good enough when nothing is demanded": (subject) =>
    secured(subject, false, demand(serverName, false), false),
  "another name is good enough when nothing is demanded": (subject) =>
    secured(subject, true, demand("other.example.com", false), false),
  "an unknown authority fails a demand (CLASS-25)": (subject) => rejected(subject, false, demand(serverName, true)),
  "another name fails a demand (CLASS-25)": (subject) => rejected(subject, true, demand("other.example.com", true)),

  "the facts of a session name the certificates, the server's own first": Effect.fnUntraced(function* (subject) {
    const own = yield* shown(subject)
    yield* equal(own.subject, `CN=${serverName}`, "the subject")
    yield* check(own.issuer !== "", "no issuer")
    yield* check(Result.isSuccess(TlsPolicy.parsePin(own.fingerprint)), `no fingerprint: ${own.fingerprint}`)
    yield* check(Result.isSuccess(TlsPolicy.parsePin(own.pin)), `no pin: ${own.pin}`)
  }),

  "a pinned key is good enough, whoever vouches for it and whatever its name (CLASS-25)": Effect.fnUntraced(
    function* (subject) {
      const { pin } = yield* shown(subject)
      yield* secured(subject, true, demand("other.example.com", false, [others.key, pin]), false)
    }
  ),
  "a pinned certificate is good enough (CLASS-25)": Effect.fnUntraced(function* (subject) {
    const { fingerprint } = yield* shown(subject)
    yield* secured(subject, true, demand(serverName, true, [others.certificate, fingerprint]), true)
  }),
  "another pin fails a demand, however valid the certificate (CLASS-25)": (subject) =>
    rejected(subject, true, demand(serverName, true, [others.key, others.certificate])),
  "no pins at all are satisfied by nobody": (subject) => rejected(subject, true, demand(serverName, false, [])),
  "a pinned key does not make another name good where that is demanded, too": Effect.fnUntraced(function* (subject) {
    const { pin } = yield* shown(subject)
    yield* rejected(subject, true, demand("other.example.com", true, [pin]))
  }),

  "another connection is asked for the same again, and nothing that was proved for less counts (TLS-024)":
    Effect.fnUntraced(function* (subject) {
      const { dial, server } = yield* dialledMany(subject, { trusted: false })
      const open = Effect.fnUntraced(function* (wanted: TlsDemand) {
        const client = yield* dial
        yield* Effect.forkScoped(
          Effect.ignore(Effect.flatMap(server, (wire) => Effect.andThen(wire.secure, wire.write(ping))))
        )
        const info = yield* client.secure(wanted)
        // A session can be resumed once its server has spoken.
        yield* client.read
        return info
      })
      const weak = demand(serverName, false)
      const first = yield* open(weak)
      const second = yield* open(weak)
      yield* equal(second.verified, false, "verified")
      yield* equal(second.fingerprint, first.fingerprint, "the fingerprint")
      yield* failsWith("tls", open(demand(serverName, true)))
      yield* failsWith("tls", open(demand(serverName, false, [others.key])))
      yield* equal((yield* open(weak)).verified, false, "verified")
    }),

  "TLS from the first byte": Effect.fnUntraced(function* (subject) {
    const { dial, server } = yield* dialled(subject)
    yield* Effect.forkScoped(Effect.ignore(Effect.flatMap(server, (wire) => wire.secure)))
    const client = yield* dial(demand(serverName, true))
    yield* equal(client.tls()?.verified, true, "verified")
    yield* client.write([ping])
    yield* sameOctets(yield* readOctets(Effect.orDie((yield* server).read), ping.length), ping)
  }),

  "TLS from the first byte with an unknown authority leaves no connection": Effect.fnUntraced(function* (subject) {
    const { dial, server } = yield* dialled(subject, { trusted: false })
    yield* Effect.forkScoped(Effect.ignore(Effect.flatMap(server, (wire) => wire.secure)))
    yield* failsWith("tls", dial(demand(serverName, true)))
    yield* seesTheEnd(yield* server)
  }),

  "clear text from a server that should shake hands": Effect.fnUntraced(function* (subject) {
    const { dial, server } = yield* dialled(subject)
    yield* Effect.forkScoped(
      Effect.ignore(Effect.flatMap(server, (wire) => wire.write(Bytes.from("220 mail.example.com ESMTP\r\n"))))
    )
    const { detail } = yield* failureOf(dial(demand(serverName, true)))
    yield* equal(detail, "the server does not speak TLS from the first byte", "the detail")
  }),

  "clear text before the handshake fails it (TLS-003, V-120)": Effect.fnUntraced(function* (subject) {
    const { client, server } = yield* connected(subject)
    yield* Effect.orDie(server.write(Bytes.from("220 go ahead\r\n")))
    yield* readOctets(client.read, 14)
    yield* Effect.orDie(server.write(Bytes.from("250 injected\r\n")))
    // The bytes are there as soon as a read that is given up has seen them.
    while (!client.readable()) yield* Effect.yieldNow
    yield* failsWith("protocol", client.secure(demand(serverName, false)))
    yield* seesTheEnd(server)
    yield* failureOf(client.write([ping]))
  }),

  "a server that hangs up in the handshake": Effect.fnUntraced(function* (subject) {
    const { client, server } = yield* connected(subject)
    yield* server.close
    yield* failsWith("tls", client.secure(demand(serverName, false)))
    yield* isDead(client)
  }),

  "an abort ends the read that waits, and everything later": Effect.fnUntraced(function* (subject) {
    const { client, server } = yield* connected(subject)
    const reading = yield* Effect.forkScoped(client.read, { startImmediately: true })
    yield* client.abort(mine)
    yield* equal(yield* failureOf(Fiber.join(reading)), mine, "the error of the read that waited")
    yield* equal(yield* failureOf(client.read), mine, "the error of the next read")
    yield* equal(yield* failureOf(client.write([ping])), mine, "the error of the next write")
    yield* seesTheEnd(server)
  }),

  "an abort ends the write that waits": Effect.fnUntraced(function* (subject) {
    const { client } = yield* connected(subject)
    const writing = yield* Effect.forkScoped(client.write([flood()]), { startImmediately: true })
    yield* client.abort(mine)
    yield* equal(yield* failureOf(Fiber.join(writing)), mine, "the error of the write that waited")
  }),

  "an abort ends the handshake that waits": Effect.fnUntraced(function* (subject) {
    const { client } = yield* connected(subject)
    const shaking = yield* Effect.forkScoped(client.secure(demand(serverName, false)), { startImmediately: true })
    yield* client.abort(mine)
    yield* equal(yield* failureOf(Fiber.join(shaking)), mine, "the error of the handshake that waited")
  }),

  "an interruption ends the handshake that waits, and the connection": Effect.fnUntraced(function* (subject) {
    const { client, server } = yield* connected(subject)
    const shaking = yield* Effect.forkScoped(client.secure(demand(serverName, false)), { startImmediately: true })
    yield* Fiber.interrupt(shaking)
    yield* isDead(client)
    yield* seesTheEnd(server)
  }),

  "an opening that is interrupted leaves no connection": Effect.fnUntraced(function* (subject) {
    const { dial, server } = yield* dialled(subject, { trusted: true }, demand(serverName, true))
    const opening = yield* Effect.forkScoped(dial(), { startImmediately: true })
    const wire = yield* server
    yield* Fiber.interrupt(opening)
    yield* seesTheEnd(wire)
  }),

  "under TLS, a write waits for a server that does not read, and then all arrives": Effect.fnUntraced(
    function* (subject) {
      const { client, server } = yield* connected(subject)
      const shaking = yield* Effect.forkScoped(Effect.orDie(server.secure))
      yield* client.secure(demand(serverName, true))
      yield* Fiber.join(shaking)
      const octets = flood()
      const writing = yield* Effect.forkScoped(client.write([octets]), { startImmediately: true })
      yield* equal(writing.pollUnsafe(), undefined, "the write that waits")
      yield* sameOctets(yield* readOctets(Effect.orDie(server.read), octets.length), octets)
      yield* Fiber.join(writing)
      yield* server.reset
      yield* isDead(client)
    }
  ),

  "a write waits for a server that does not read, and then all arrives": Effect.fnUntraced(function* (subject) {
    const { client, server } = yield* connected(subject)
    const octets = flood()
    const writing = yield* Effect.forkScoped(client.write([octets]), { startImmediately: true })
    yield* equal(writing.pollUnsafe(), undefined, "the write that waits")
    yield* sameOctets(yield* readOctets(Effect.orDie(server.read), octets.length), octets)
    yield* Fiber.join(writing)
  }),

  "a server waits for a client that does not read, and then all arrives": Effect.fnUntraced(function* (subject) {
    const { client, server } = yield* connected(subject)
    const octets = flood()
    const writing = yield* Effect.forkScoped(server.write(octets), { startImmediately: true })
    // Enough for a client that keeps whatever comes.
    yield* Effect.forEach(Array.from({ length: 2000 }), () => Effect.yieldNow, { discard: true })
    yield* equal(writing.pollUnsafe(), undefined, "the write that waits")
    yield* sameOctets(yield* readOctets(client.read, octets.length), octets)
    yield* Effect.orDie(Fiber.join(writing))
  }),

  "a write that waits can be interrupted": Effect.fnUntraced(function* (subject) {
    const { client } = yield* connected(subject)
    const writing = yield* Effect.forkScoped(client.write([flood()]), { startImmediately: true })
    yield* Fiber.interrupt(writing)
    const exit = yield* Fiber.await(writing)
    yield* check(Exit.hasInterrupts(exit), "the write was not interrupted")
  }),

  "the end of the scope closes the connection behind the last byte": Effect.fnUntraced(function* (subject) {
    const { dial, server } = yield* dialled(subject)
    const scope = yield* Scope.make()
    const client = yield* Scope.provide(dial(), scope)
    yield* client.write([ping])
    yield* Scope.close(scope, Exit.void)
    const wire = yield* server
    yield* sameOctets(yield* readOctets(Effect.orDie(wire.read), ping.length), ping)
    yield* seesTheEnd(wire)
    yield* isDead(client)
  })
}

/**
 * The cases of the contract.
 *
 * @category testing
 * @since 0.1.0
 */
export const cases = <R>(
  subject: Effect.Effect<Subject, never, R>
): ReadonlyArray<Case<ContractError | WireError, Exclude<R, Scope.Scope>>> =>
  Object.entries(laws).map(([name, law]) => ({ name, effect: Effect.scoped(Effect.flatMap(subject, law)) }))
