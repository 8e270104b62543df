/**
 * One question over TCP (RFC 7766): both messages have their length in front. The connection is for this question alone.
 */
import * as DnsMessage from "@effect-mail/dns/DnsMessage"
import * as Resolver from "@effect-mail/dns/Resolver"
import type { Wire, WireError } from "@effect-mail/transport/Wire"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as NodeDialer from "../NodeDialer.ts"

const dialer = NodeDialer.make()

// The resolver's own time limit comes first.
const timeout = Duration.minutes(1)

const framed = (message: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(message.length + 2)
  new DataView(bytes.buffer).setUint16(0, message.length)
  bytes.set(message, 2)
  return bytes
}

// The first message, however the bytes come; what stands behind it is not read.
const receive = Effect.fnUntraced(function* (wire: Wire): Effect.fn.Return<Uint8Array, WireError> {
  const bytes = new Uint8Array(2 + 0xffff)
  let size = 0
  for (let end = 2; size < end;) {
    const chunk = yield* wire.read
    bytes.set(chunk.subarray(0, bytes.length - size), size)
    size += chunk.length
    if (size >= 2) end = 2 + new DataView(bytes.buffer).getUint16(0)
  }
  return bytes.slice(2, 2 + new DataView(bytes.buffer).getUint16(0))
})

/** Asks a server and gives its reply. */
export const ask = (server: Resolver.Server, query: Uint8Array): Effect.Effect<Uint8Array, Resolver.ExchangeError> =>
  Effect.gen(function* () {
    const wire = yield* dialer.open({ host: server.address, address: server.address, port: server.port, timeout })
    yield* wire.write([framed(query)])
    return yield* receive(wire)
  }).pipe(
    Effect.scoped,
    Effect.mapError(({ detail }) => new Resolver.ExchangeError({ detail })),
    Effect.filterOrFail(
      (reply) => DnsMessage.isReplyTo(query, reply),
      () => new Resolver.ExchangeError({ detail: "it answered another question" })
    )
  )
