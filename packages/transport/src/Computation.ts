/**
 * Answers the computations of SASL exchanges with WebCrypto, which every platform has; MD5, which it lacks, comes with
 * Effect. `effect/crypto/WebCrypto` replaces it, so that a test can fix the randomness.
 *
 * @since 0.1.0
 */
import type { Compute, Hash, Request } from "@effect-mail/protocol/SaslExchange"
import * as Digest from "effect/crypto/Digest"
import * as Kdf from "effect/crypto/Kdf"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"

const hashes: Readonly<Record<Hash, Digest.Algorithm>> = {
  MD5: Digest.md5,
  "SHA-1": Digest.sha1,
  "SHA-256": Digest.sha256
}

const services = Layer.mergeAll(Digest.layerWebCrypto, Kdf.layerWebCrypto, SecureRandom.layerWebCrypto)

const answer = Effect.fnUntraced(function* (request: Request) {
  switch (request._tag) {
    case "Digest":
      return yield* (yield* Digest.Digest).digest(hashes[request.hash], request.data)
    case "Random":
      return yield* (yield* SecureRandom.SecureRandom).randomBytes(request.length)
    case "Pbkdf2": {
      const { iterations, length, password, salt } = request
      const algorithm = Kdf.pbkdf2({ hash: hashes[request.hash], iterations })
      return yield* (yield* Kdf.Kdf).derive(algorithm, password, { salt, length })
    }
  }
})

/**
 * The octets that a computation yields. That the platform cannot compute is a defect: the mechanisms ask for nothing that
 * WebCrypto does not have.
 *
 * @category running
 * @since 0.1.0
 */
export const compute = (step: Compute): Effect.Effect<Uint8Array> =>
  Effect.orDie(Effect.provide(answer(Redacted.value(step.request)), services))
