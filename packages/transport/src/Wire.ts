/**
 * One connection as a session sees it: bytes in, bytes out, and the change to TLS. A wire knows nothing of SMTP. Whoever
 * writes another platform's wire keeps three promises: bytes are delivered in order and never dropped; every end of the
 * connection is a typed failure of `read`; `abort` makes whatever is pending fail at once.
 *
 * @since 0.1.0
 */
import type { TlsInfo } from "@effect-mail/protocol/Receipt"
import type { TlsPolicy } from "@effect-mail/protocol/TlsPolicy"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"

/**
 * Why a connection could not be opened or has ended.
 *
 * - `refused`: nobody listens there, or there is no way to the host.
 * - `name`: the host name has no address.
 * - `timeout`: nothing happened for as long as was allowed.
 * - `closed`: the peer ended the connection in order; `reset`: not in order.
 * - `tls`: the handshake failed, or the certificate is not the one that was demanded.
 * - `protocol`: what came was not what the protocol allows.
 * - `local`: this machine's own trouble (no file descriptor, no such source address).
 *
 * @category models
 * @since 0.1.0
 */
export type WireErrorReason = "refused" | "name" | "timeout" | "closed" | "reset" | "tls" | "protocol" | "local"

/**
 * A connection could not be opened, or it ended.
 *
 * @category errors
 * @since 0.1.0
 */
export class WireError extends Data.TaggedError("WireError")<{
  readonly reason: WireErrorReason
  /** One sentence without a full stop, such as "connection refused". */
  readonly detail: string
  /** How to mend it, where that can be known. */
  readonly hint?: string | undefined
  readonly cause?: unknown
}> {
  override get message(): string {
    return this.hint === undefined ? this.detail : `${this.detail}. ${this.hint}`
  }
}

/**
 * What a TLS handshake must prove. Certificate authorities and client certificates belong to the dialer's settings.
 *
 * @category models
 * @since 0.1.0
 */
export interface TlsDemand {
  /** The name sent as SNI and compared with the certificate; an IP address is compared but not sent. */
  readonly host: string
  /** Whether an invalid chain or another name ends the connection. */
  readonly verify: boolean
  /** When there are some, the server's own certificate or its key must be one of them (`TlsPolicy.Pin`). */
  readonly pins?: ReadonlyArray<string> | undefined
}

/**
 * What a handshake must prove to satisfy a policy at this host.
 *
 * @category constructors
 * @since 0.1.0
 */
export const demandOf = (host: string, policy: TlsPolicy): TlsDemand => {
  switch (policy._tag) {
    case "None":
    case "Opportunistic":
      return { host, verify: false }
    case "Required":
      return { host, verify: policy.verify }
    case "Pinned":
      return { host, verify: policy.verify, pins: policy.pins }
  }
}

/**
 * Why a server's certificate does not satisfy the pins of a demand, or undefined when it does: for whoever writes a wire,
 * which must ask this before a byte goes over the TLS session.
 *
 * @category combinators
 * @since 0.1.0
 */
export const unpinned = (demand: TlsDemand, info: TlsInfo): WireError | undefined => {
  if (demand.pins === undefined) return undefined
  const [own] = info.chain ?? []
  if (own !== undefined && demand.pins.some((pin) => pin === own.pin || pin === own.fingerprint)) return undefined
  return new WireError({
    reason: "tls",
    detail: "neither the certificate nor its key is pinned",
    hint: own?.pin === undefined ? undefined : `The key is ${own.pin}; pin it if you know that it is the server's`
  })
}

/**
 * One open connection. It belongs to the scope it was opened in.
 *
 * @category models
 * @since 0.1.0
 */
export interface Wire {
  /** The next bytes, at least one; it can be called again after an interruption without losing bytes. */
  readonly read: Effect.Effect<Uint8Array, WireError>
  /** Whether a read would not have to wait: bytes have come, or the end. */
  readonly readable: () => boolean
  /**
   * Writes the chunks in order, at once where the platform can, and returns when more may be written. A write that fails
   * has not handed over its last byte. Chunks are only read: each may be a part of an array whose other parts are somebody
   * else's, so that none is changed, transferred or detached. They stay as they are: for good, or where there is
   * `released`, until it has returned.
   */
  readonly write: (chunks: ReadonlyArray<Uint8Array>) => Effect.Effect<void, WireError>
  /**
   * Waits until no chunk that was written is needed any more, be it that the operating system has it or that there is a
   * copy: then its array may be filled anew. With it a large message passes through little memory. A wire that keeps chunks
   * for longer than that, or around another one that keeps them, leaves it out.
   */
  readonly released?: Effect.Effect<void, WireError> | undefined
  /**
   * Makes a TLS session of the connection. Bytes that came in clear text and were not read yet must fail it. A handshake
   * that fails or is interrupted ends the connection.
   */
  readonly secure: (demand: TlsDemand) => Effect.Effect<TlsInfo, WireError>
  /**
   * Ends the connection at once: whatever is pending, and every later write and handshake, fails with this error. Bytes
   * that had come before can still be read.
   */
  readonly abort: (error: WireError) => Effect.Effect<void>
  /** The facts of the TLS session, when there is one. */
  readonly tls: () => TlsInfo | undefined
  readonly localAddress: string | undefined
  readonly remoteAddress: string | undefined
}
