/**
 * What a client and a proxy say to each other before the bytes are the caller's, as a value: a generator that yields what
 * to send and how much of what comes is its own. It knows no wire, so that it is tested with bytes alone.
 */
import * as Effect from "effect/Effect"
import type * as Host from "effect/net/Host"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { type Wire, WireError, type WireErrorReason } from "../Wire.ts"

/** Sends, and then takes so many octets of what comes: `take` says how many, or 0 while more must come. */
export interface Step {
  readonly send: Uint8Array
  readonly take: (received: Uint8Array) => number
}

/** Is resumed with the octets that were taken; ends with the reason why the proxy did not connect, if it did not. */
export type Handshake = Generator<Step, Result.Result<void, WireError>, Uint8Array>

/** Where the proxy is to connect to; a name has at most 255 ASCII characters. */
export interface Destination {
  readonly host: Host.DomainName | NetAddress.IpAddress
  readonly port: number
}

/** Who we are to the proxy. */
export interface Login {
  readonly username: string
  readonly password: Redacted.Redacted
}

/** The reason why a proxy did not connect. */
export type Refusal = Result.Result<never, WireError>

/** Makes a refusal; what is wrong with the proxy itself is `local`, and never held against the server (CLASS-14). */
export const fail = (reason: WireErrorReason, detail: string, hint?: string): Refusal =>
  Result.fail(new WireError({ reason, detail, hint }))

/** Takes exactly so many octets. */
export const exactly =
  (count: number) =>
  (received: Uint8Array): number =>
    received.length < count ? 0 : count

/** Nothing to send. */
export const nothing: Uint8Array = new Uint8Array(0)

/** More than this is no answer of a proxy. */
export const limit = 16 * 1024

const tooLong = new WireError({ reason: "local", detail: "the proxy's answer is too long to be one" })

const join = (one: Uint8Array, other: Uint8Array): Uint8Array => {
  if (one.length === 0) return other
  const both = new Uint8Array(one.length + other.length)
  both.set(one)
  both.set(other, one.length)
  return both
}

/** Plays a handshake over a wire; gives the wire as it is behind it, with the octets that have come for the caller. */
export const play = Effect.fnUntraced(function* (wire: Wire, handshake: Handshake): Effect.fn.Return<Wire, WireError> {
  let received: Uint8Array = nothing
  let step = handshake.next(nothing)
  while (step.done !== true) {
    const { send, take } = step.value
    if (send.length > 0) yield* wire.write([send])
    let count = take(received)
    while (count === 0) {
      if (received.length >= limit) return yield* tooLong
      received = join(received, yield* wire.read)
      count = take(received)
    }
    step = handshake.next(received.subarray(0, count))
    received = received.subarray(count)
  }
  if (Result.isFailure(step.value)) return yield* step.value.failure
  return received.length === 0 ? wire : withUnread(wire, received)
})

const injected = new WireError({
  reason: "protocol",
  detail: "clear text came before the TLS handshake",
  hint: "Somebody may be tampering with the connection"
})

// A wire on which these octets were read too early.
const withUnread = (wire: Wire, octets: Uint8Array): Wire => {
  let unread: Uint8Array | undefined = octets
  return {
    read: Effect.suspend(() => {
      if (unread === undefined) return wire.read
      const chunk = unread
      unread = undefined
      return Effect.succeed(chunk)
    }),
    readable: () => unread !== undefined || wire.readable(),
    write: wire.write,
    secure: (demand) =>
      Effect.suspend(() =>
        unread === undefined ? wire.secure(demand) : Effect.andThen(wire.abort(injected), Effect.fail(injected))
      ),
    abort: wire.abort,
    tls: wire.tls,
    localAddress: wire.localAddress,
    remoteAddress: wire.remoteAddress
  }
}
