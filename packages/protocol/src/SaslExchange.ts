/**
 * A SASL exchange (RFC 4422) as a value: a generator that yields what the client says, is resumed with the server's
 * challenges, and knows nothing of SMTP, sockets or clocks. Octets go in and out; base64, `334` and `*` belong to
 * `SmtpAuth`.
 *
 * Three rules make every mechanism fit:
 *
 * - A response says whether the server may now announce success (`final`). Success at any other point is a lie: with
 *   SCRAM it comes from a server that has not proved that it knows the password.
 * - What an exchange returns is why it cannot go on. Success is never returned: only the server can say it.
 * - Cryptography is asked for, not performed: a `Compute` step describes it and is answered with octets. So the
 *   exchange runs on a platform whose primitives are asynchronous, and the millions of rounds that a server may demand
 *   need not block the thread that serves all other sessions. Three requests are enough, because HMAC is two digests.
 *
 * @since 0.1.0
 */
import * as Bytes from "effect/Bytes"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Failure from "./Failure.ts"
import * as Octets from "./internal/octets.ts"

/**
 * A mechanism with its credentials, ready to be tried. Whoever needs one that is not here writes an exchange and gives
 * it its registered name.
 *
 * @category models
 * @since 0.1.0
 */
export interface Mechanism {
  /** The name that follows `AUTH`, upper-case. */
  readonly name: string
  /** Begins an exchange; each attempt needs its own. */
  readonly start: () => Exchange
  /** The text of challenges means nothing and need not be base64, as in LOGIN; the exchange gets empty ones. */
  readonly ignoresChallenges?: boolean | undefined
}

/**
 * The client's side of an exchange. It is resumed with the octets of the challenge after a `Respond`, with the octets
 * that were computed after a `Compute`; it returns the reason why it cannot go on. The first `next` takes nothing.
 *
 * @category models
 * @since 0.1.0
 */
export type Exchange = Generator<Respond | Compute, Failure.Problem, Uint8Array>

/**
 * What the client says.
 *
 * @category models
 * @since 0.1.0
 */
export interface Respond {
  readonly _tag: "Respond"
  /** The octets, perhaps none; undefined, as the first step only, where the server has to speak first. */
  readonly data: Redacted.Redacted<Uint8Array> | undefined
  /** Whether success may follow this response. */
  readonly final: boolean
  /** Why the server refuses, where the mechanism has words for it; the reply that ends the exchange comes next. */
  readonly refusal?: Refusal | undefined
}

/**
 * A computation that the exchange needs. It holds secrets, hence redacted.
 *
 * @category models
 * @since 0.1.0
 */
export interface Compute {
  readonly _tag: "Compute"
  readonly request: Redacted.Redacted<Request>
}

/**
 * The hash functions of the mechanisms, by their names in WebCrypto and `effect/crypto`.
 *
 * @category models
 * @since 0.1.0
 */
export type Hash = "MD5" | "SHA-1" | "SHA-256"

/**
 * The computations that an exchange may ask for: the digest of `data`; `length` octets derived by PBKDF2 with HMAC (RFC
 * 8018, never asked with MD5); `length` octets of secure randomness.
 *
 * @category models
 * @since 0.1.0
 */
export type Request =
  | { readonly _tag: "Digest"; readonly hash: Hash; readonly data: Uint8Array }
  | {
      readonly _tag: "Pbkdf2"
      readonly hash: Exclude<Hash, "MD5">
      readonly password: Uint8Array
      readonly salt: Uint8Array
      readonly iterations: number
      readonly length: number
    }
  | { readonly _tag: "Random"; readonly length: number }

/**
 * Why the server refuses, in the words of the mechanism: the error of a token (RFC 7628 section 3.2.2; XOAUTH2 uses the
 * same shape) or of SCRAM (RFC 5802 section 7).
 *
 * @category models
 * @since 0.1.0
 */
export class Refusal extends Schema.Class<Refusal>("@effect-mail/protocol/Refusal")({
  /** Such as `invalid_token`, `401` or `invalid-proof`. */
  status: Schema.String,
  /** What a token must be good for, separated by spaces. */
  scope: Schema.optional(Schema.String),
  /** The kinds of token that the server takes, separated by spaces. */
  schemes: Schema.optional(Schema.String),
  /** Where the server's OpenID configuration is published. */
  openidConfiguration: Schema.optional(Schema.String)
}) {}

/**
 * Says something after which the server may not announce success yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const respond = (data: Uint8Array | string, refusal?: Refusal): Respond => ({
  _tag: "Respond",
  data: Redacted.make(octets(data)),
  final: false,
  refusal
})

/**
 * Says the last word; the server may announce success.
 *
 * @category constructors
 * @since 0.1.0
 */
export const conclude = (data: Uint8Array | string): Respond => ({
  _tag: "Respond",
  data: Redacted.make(octets(data)),
  final: true
})

/**
 * Says nothing, because in this mechanism the server speaks first.
 *
 * @category constructors
 * @since 0.1.0
 */
export const listen: Respond = { _tag: "Respond", data: undefined, final: false }

const octets = (data: Uint8Array | string): Uint8Array => (typeof data === "string" ? Octets.utf8(data) : data)

/**
 * A computation inside an exchange, of the client or of the server: `yield*` it and get octets.
 *
 * @category models
 * @since 0.1.0
 */
export type Computation = Generator<Compute, Uint8Array, Uint8Array>

function* compute(request: Request): Computation {
  return yield { _tag: "Compute", request: Redacted.make(request, { label: request._tag }) }
}

/**
 * Asks for the digest of octets.
 *
 * @category computations
 * @since 0.1.0
 */
export const digest = (hash: Hash, data: Uint8Array): Computation => compute({ _tag: "Digest", hash, data })

/**
 * Asks for `length` octets of secure randomness.
 *
 * @category computations
 * @since 0.1.0
 */
export const random = (length: number): Computation => compute({ _tag: "Random", length })

/**
 * Asks for a key derived from a password by PBKDF2, as long as the hash's output.
 *
 * @category computations
 * @since 0.1.0
 */
export const pbkdf2 = (
  hash: Exclude<Hash, "MD5">,
  options: { readonly password: Uint8Array; readonly salt: Uint8Array; readonly iterations: number }
): Computation => compute({ _tag: "Pbkdf2", hash, ...options, length: hash === "SHA-1" ? 20 : 32 })

// In octets, and the same for MD5, SHA-1 and SHA-256.
const blockLength = 64

/**
 * HMAC (RFC 2104) by two digests.
 *
 * @category computations
 * @since 0.1.0
 */
export function* hmac(hash: Hash, key: Uint8Array, data: Uint8Array): Computation {
  const block = new Uint8Array(blockLength)
  block.set(key.length > blockLength ? yield* digest(hash, key) : key)
  const pad = (octet: number): Uint8Array => block.map((keyOctet) => keyOctet ^ octet)
  const inner = yield* digest(hash, Bytes.concat([pad(0x36), data]))
  return yield* digest(hash, Bytes.concat([pad(0x5c), inner]))
}

/**
 * What the server said breaks the mechanism's rules: the exchange is given up, nothing about the credentials is known.
 *
 * @category errors
 * @since 0.1.0
 */
export const badChallenge = (detail: string, hint?: string): Failure.Lost => ({
  _tag: "Lost",
  stage: "auth",
  kind: "proof",
  detail,
  hint
})

/**
 * The credentials cannot be used with this mechanism or this server. Neither text may hold a secret.
 *
 * @category errors
 * @since 0.1.0
 */
export const unusable = (detail: string, hint: string): Failure.Unmet => ({
  _tag: "Unmet",
  stage: "auth",
  requirement: "auth",
  detail,
  hint
})

/**
 * The server asks on after the last word.
 *
 * @category errors
 * @since 0.1.0
 */
export const askedAgain: Failure.Lost = badChallenge("the server asked for more after everything was said")
