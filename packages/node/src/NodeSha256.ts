/**
 * SHA-256 of octets that come in pieces, by `node:crypto`: nothing is kept, and the digest of a small message needs no
 * thread.
 *
 * @since 0.1.0
 */
import { Sha256 } from "@effect-mail/message/Sha256"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { createHash } from "node:crypto"

/**
 * Replaces `Sha256` for DKIM signatures over large messages (RFC 6376 section 3.7).
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<never> = Layer.succeed(Sha256, () => {
  const hash = createHash("sha256")
  return {
    update: (octets) => {
      hash.update(octets)
    },
    digest: Effect.sync(() => new Uint8Array(hash.digest()))
  }
})
