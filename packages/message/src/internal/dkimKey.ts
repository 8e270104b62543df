/** Private keys for DKIM (RFC 8301, RFC 8463), read from the forms in which tools write them. */
import type * as CryptoError from "effect/crypto/CryptoError"
import * as KeyFormat from "effect/crypto/KeyFormat"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Signature from "effect/crypto/Signature"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as DkimError from "../DkimError.ts"
import * as Encoding from "../Encoding.ts"
import * as Bytes from "./bytes.ts"

type RsaKey = Signature.PrivateKey<Signature.RsaPkcs1v15>

export type PrivateKey = Signature.PrivateKey<Signature.Ed25519> | RsaKey

const isRsa = (key: PrivateKey): key is RsaKey => key.algorithm._tag === "RsaPkcs1v15"

const rsa = Signature.rsaPkcs1v15Sha256

const unreadable = () =>
  DkimError.make(
    "bad-key",
    "The key is neither an RSA nor an Ed25519 private key in PEM (PRIVATE KEY, RSA PRIVATE KEY), nor the base64 of an Ed25519 seed of 32 octets"
  )

const decode = (text: string): Effect.Effect<PrivateKey, CryptoError.CryptoError> => {
  if (text.includes("BEGIN RSA PRIVATE KEY")) return KeyFormat.decodePrivate(KeyFormat.pem(KeyFormat.pkcs1), rsa, text)
  if (!text.includes("-----")) return Signature.privateKey(Signature.ed25519, Encoding.decodeBase64(Bytes.octets(text)))
  const pkcs8 = KeyFormat.pem(KeyFormat.pkcs8)
  return Effect.catch(
    KeyFormat.decodePrivate(pkcs8, Signature.ed25519, text),
    (): Effect.Effect<PrivateKey, CryptoError.CryptoError> => KeyFormat.decodePrivate(pkcs8, rsa, text)
  )
}

export const read = (text: string): Effect.Effect<PrivateKey, DkimError.DkimError> =>
  Effect.mapError(decode(text.trim()), unreadable)

/** The platform's signatures; one value for each signer, because it keeps the imported key. */
export const service: Effect.Effect<Signature.Signature["Service"]> = Effect.provide(
  Signature.Signature,
  Layer.provide(Signature.layerWebCrypto, SecureRandom.layerWebCrypto)
)

const base64 = (octets: Uint8Array): string => Bytes.binary(Encoding.base64(octets)).replaceAll("\r\n", "")

// Four base64url characters hold three octets of the modulus.
const bitsOf = (modulus: string): number => Math.floor((modulus.length * 3) / 4) * 8

const checkStrength = (
  key: Signature.PublicKey<Signature.RsaPkcs1v15>
): Effect.Effect<void, CryptoError.CryptoError | DkimError.DkimError> =>
  Effect.flatMap(KeyFormat.encode(KeyFormat.jwk, key), ({ n = "" }) => {
    const bits = bitsOf(n)
    return bits >= 1024 && bits <= 4096
      ? Effect.void
      : Effect.fail(
          DkimError.make(
            "bad-key",
            `The RSA key has ${bits} bits; verifiers take 1024 to 4096, 2048 are right (RFC 8301)`
          )
        )
  })

/** The p= of the key record (RFC 6376 section 3.6.1, RFC 8463 section 4). Fails with `bad-key` for an RSA key of a size that nobody verifies. */
export const publicPart = Effect.fnUntraced(
  function* (signature: Signature.Signature["Service"], key: PrivateKey) {
    if (!isRsa(key)) return base64(yield* Signature.toBytes(yield* signature.publicKeyOf(key)))
    const publicKey = yield* signature.publicKeyOf(key)
    yield* checkStrength(publicKey)
    return base64(yield* KeyFormat.encode(KeyFormat.spki, publicKey))
  },
  Effect.catchTag("CryptoError", () => Effect.fail(unreadable()))
)
