/**
 * Signed return paths: a reverse-path that names a message by an id of the application, such as
 * `bounces+m7x4-qbdg5w3ofxq2vktc@example.com`. A bounce that arrives there is about that message, and nobody without the key
 * can make one: what comes to any other address of the kind is forged, or mail that was sent to a scraped address. It says
 * nothing about the recipient, and survives hosts that change the letter case.
 *
 * @since 0.1.0
 */
import * as Address from "@effect-mail/protocol/Address"
import * as Mac from "effect/crypto/Mac"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Utf8 from "./internal/utf8.ts"

/**
 * A return path cannot be made.
 *
 * @category errors
 * @since 0.1.0
 */
export class ReturnPathError extends Schema.TaggedError<ReturnPathError>("@effect-mail/message/ReturnPathError")(
  "ReturnPathError",
  {
    /** `platform` when the cryptography failed. */
    reason: Schema.Literals(["bad-key", "bad-id", "too-long", "platform"]),
    detail: Schema.String
  }
) {
  override get message(): string {
    return this.detail
  }
}

const error = (reason: ReturnPathError["reason"], detail: string) => new ReturnPathError({ reason, detail })

/**
 * Makes and reads the return paths of one sender.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReturnPath {
  /**
   * The reverse-path for an id of lower-case letters, digits and inner hyphens. Fails with `bad-id`, and with `too-long`
   * when sender, id and signature together are longer than a local part's 64 octets.
   */
  readonly sign: (id: string) => Effect.Effect<Address.Mailbox, ReturnPathError>
  /** The id, or undefined when the address was not made with this sender and key. */
  readonly verify: (address: Address.Mailbox) => Effect.Effect<string | undefined, ReturnPathError>
}

const minKey = 16
const validId = /^[a-z0-9]+(?:-[a-z0-9]+)*$/
const alphabet = "abcdefghijklmnopqrstuvwxyz234567"
const signatureLength = 16

// 80 bits: a forger can try addresses only as fast as mail arrives.
const base32 = (octets: Uint8Array): string => {
  let out = ""
  for (let bit = 0; bit < signatureLength * 5; bit += 5) {
    const two = ((octets[bit >> 3] ?? 0) << 8) | (octets[(bit >> 3) + 1] ?? 0)
    out += alphabet.charAt((two >> (11 - (bit & 7))) & 31)
  }
  return out
}

const macLayer = Layer.provide(Mac.layerWebCrypto, SecureRandom.layerWebCrypto)

const platform = (cause: { readonly message: string }) => error("platform", cause.message)

const signerOf = Effect.fnUntraced(function* (secret: Redacted.Redacted, sender: Address.Mailbox) {
  const octets = Utf8.encode(Redacted.value(secret))
  if (octets.length < minKey) return yield* error("bad-key", `The key is shorter than ${minKey} octets`)
  const key = yield* Effect.mapError(Mac.key(Mac.hmacSha256, octets), platform)
  const mac = yield* Effect.provide(Mac.Mac, macLayer)
  return (id: string) =>
    Effect.mapBoth(mac.sign(key, Utf8.encode(`${sender.toLowerCase()}\n${id}`)), {
      onSuccess: base32,
      onFailure: platform
    })
})

/**
 * The return paths of a sender. `key` is a secret of at least 16 octets in UTF-8 that every process which sends or reads
 * bounces knows; 32 random octets, written in hex, are right. Fails with `bad-key`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: {
  readonly sender: Address.Mailbox
  readonly key: Redacted.Redacted
}): Effect.fn.Return<ReturnPath, ReturnPathError> {
  const { key, sender } = options
  const signatureOf = yield* signerOf(key, sender)
  const prefix = `${Address.localPart(sender)}+`
  const addressOf = (id: string, signature: string) =>
    Result.mapError(Address.parse(`${prefix}${id}-${signature}@${Address.domain(sender)}`), (cause) =>
      error("too-long", `Sender and id do not fit into one address: ${cause.message}`)
    )
  return {
    sign: (id) =>
      validId.test(id)
        ? Effect.flatMap(signatureOf(id), (signature) => Effect.fromResult(addressOf(id, signature)))
        : Effect.fail(error("bad-id", "An id is made of lower-case letters, digits and inner hyphens")),
    verify: (address) => {
      const local = Address.localPart(address).toLowerCase()
      const end = local.length - signatureLength
      const id = local.slice(prefix.length, end - 1)
      const ours =
        Address.asciiDomain(address) === Address.asciiDomain(sender) &&
        local.startsWith(prefix.toLowerCase()) &&
        local.charAt(end - 1) === "-" &&
        validId.test(id)
      if (!ours) return Effect.undefined
      const given = Utf8.encode(local.slice(end))
      return Effect.map(signatureOf(id), (signature) =>
        Mac.timingSafeEqual(given, Utf8.encode(signature)) ? id : undefined
      )
    }
  }
})
