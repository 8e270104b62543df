/**
 * SHA-256 of octets that come in pieces. WebCrypto only knows whole inputs, so what is here by default keeps all pieces
 * until the digest is asked for: a signature over a message of 100 MB then needs 100 MB. A platform with incremental
 * hashing replaces it, as `@effect-mail/node/NodeSha256` does, and no memory is needed.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as CryptoError from "effect/crypto/CryptoError"
import * as Digest from "effect/crypto/Digest"
import * as Effect from "effect/Effect"
import * as Bytes from "./internal/bytes.ts"

/**
 * One computation. Octets that were given to `update` may be changed when it has returned; after `digest` it is over.
 *
 * @category models
 * @since 0.1.0
 */
export interface Hash {
  readonly update: (octets: Uint8Array) => void
  /** The 32 octets; fails with `CryptoError` where the platform has no SHA-256. */
  readonly digest: Effect.Effect<Uint8Array, CryptoError.CryptoError>
}

const digest = (octets: Uint8Array): Hash["digest"] =>
  Effect.provide(
    Effect.flatMap(Digest.Digest, (service) => service.digest(Digest.sha256, octets)),
    Digest.layerWebCrypto
  )

const buffered = (): Hash => {
  const held: Array<Uint8Array> = []
  return {
    update: (octets) => {
      held.push(new Uint8Array(octets))
    },
    digest: Effect.suspend(() => digest(Bytes.concat(held)))
  }
}

/**
 * Begins a computation; by default over WebCrypto, with everything held in memory.
 *
 * @category references
 * @since 0.1.0
 */
export const Sha256: Context.Reference<() => Hash> = Context.Reference("@effect-mail/message/Sha256", {
  defaultValue: () => buffered
})
