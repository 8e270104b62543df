/**
 * What a session must reach before mail flows. Routing yields the policy, the transport obeys it; a policy is never
 * weakened on the way (CLASS-25).
 *
 * A router chooses it for each domain (`Route.tls`) or for each host (`RouteHost.tls`), and that is where MTA-STS and DANE
 * plug in. MTA-STS in enforce mode leaves the hosts out that its policy does not list, and yields `Required` with `verify`
 * for the others (RFC 8461 section 5). DANE with records `3 1 1` and `3 0 1` yields `Pinned` for the host of the TLSA
 * records, and `Required` without `verify` where none of the records can be used (RFC 7672 section 2.2, CLASS-29); trust
 * anchors (`2 x x`) will be a further member of this union, which is then a type error wherever a policy is read and not
 * yet understood. A lookup that fails is the router's `Unreachable`, never a weaker policy (CLASS-28).
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Base64 from "effect/encoding/Base64"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/**
 * Never use TLS.
 *
 * @category models
 * @since 0.1.0
 */
export class None extends Schema.TaggedClass<None>()("None", {}) {}

/**
 * Use STARTTLS when it is offered, with any certificate; fall back to clear text when it is absent, refused or fails
 * (CLASS-23, CLASS-24, RFC 7435). The default between mail servers.
 *
 * @category models
 * @since 0.1.0
 */
export class Opportunistic extends Schema.TaggedClass<Opportunistic>()("Opportunistic", {}) {}

/**
 * No mail and no credentials without TLS (CLASS-25). With `verify`, the certificate chain and the host name must be
 * valid, too; without, any certificate will do.
 *
 * @category models
 * @since 0.1.0
 */
export class Required extends Schema.TaggedClass<Required>()("Required", { verify: Schema.Boolean }) {}

// 32 octets in base64, so that the last character carries four bits; 32 octets in hexadecimal.
const pinPattern = /^(?:sha256\/[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=|(?:[0-9A-F]{2}:){31}[0-9A-F]{2})$/

/**
 * Schema of a pin: SHA-256 of a certificate's public key (its SubjectPublicKeyInfo) as `sha256/` and base64, as curl and
 * RFC 7469 write it, or of the whole certificate in capital hexadecimal with colons, as OpenSSL writes it. `CertificateInfo`
 * of a receipt has both in this form.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Pin = Schema.String.check(Schema.isPattern(pinPattern))

/**
 * A text that is no pin.
 *
 * @category errors
 * @since 0.1.0
 */
export class PinError extends Schema.TaggedError<PinError>("@effect-mail/protocol/PinError")("PinError", {
  /** What was given. */
  text: Schema.String
}) {
  override get message(): string {
    return (
      `${JSON.stringify(this.text)} is no pin: write the SHA-256 of the public key as sha256/BASE64, ` +
      "or that of the certificate as 64 hexadecimal digits"
    )
  }
}

/**
 * Reads a pin as people and tools write it: `sha256/…` or `sha256//…` with the base64 of the public key's SHA-256, or the
 * certificate's SHA-256 in hexadecimal of any case, with colons or without. Gives the form that `Pin` wants, or a
 * `PinError`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parsePin = (text: string): Result.Result<string, PinError> => {
  const digits = /^(?:[0-9a-f]{2}:?){31}[0-9a-f]{2}$/i.test(text) ? text.match(/[0-9a-f]{2}/gi) : null
  const pin = digits === null ? text.replace(/^sha256\/\//, "sha256/") : digits.join(":").toUpperCase()
  return pinPattern.test(pin) ? Result.succeed(pin) : Result.fail(new PinError({ text: text.slice(0, 100) }))
}

/**
 * The pin of a public key, given the SHA-256 of its SubjectPublicKeyInfo (32 octets).
 *
 * @category constructors
 * @since 0.1.0
 */
export const keyPin = (sha256: Uint8Array): string => `sha256/${Base64.encode(sha256)}`

/**
 * No mail and no credentials except under TLS with a server whose own certificate, or the key in it, is one of the pins
 * (CLASS-25). Names and dates in the certificate do not matter then, and no authority has a say, unless `verify` demands
 * them, too. Two pins at least let a server change its key without an interruption.
 *
 * @category models
 * @since 0.1.0
 */
export class Pinned extends Schema.TaggedClass<Pinned>()("Pinned", {
  pins: Schema.NonEmptyArray(Pin),
  verify: Schema.Boolean
}) {}

/**
 * Schema of a TLS policy.
 *
 * @category schemas
 * @since 0.1.0
 */
export const TlsPolicy = Schema.Union([None, Opportunistic, Required, Pinned])

/**
 * What a session must reach before mail flows.
 *
 * @category models
 * @since 0.1.0
 */
export type TlsPolicy = typeof TlsPolicy.Type

/**
 * The policy that never uses TLS.
 *
 * @category constructors
 * @since 0.1.0
 */
export const none: TlsPolicy = new None()

/**
 * The policy that uses TLS when it can.
 *
 * @category constructors
 * @since 0.1.0
 */
export const opportunistic: TlsPolicy = new Opportunistic()

/**
 * The policy that demands TLS with a valid certificate for the host.
 *
 * @category constructors
 * @since 0.1.0
 */
export const required: TlsPolicy = new Required({ verify: true })

/**
 * The policy that demands TLS with whatever certificate the server shows: safe from listening, not from an active
 * attacker.
 *
 * @category constructors
 * @since 0.1.0
 */
export const requiredUnverified: TlsPolicy = new Required({ verify: false })

/**
 * The policy that demands TLS with a certificate or key that is pinned; `verify` defaults to false. Throws when a text is no
 * `Pin`; `parsePin` makes one of what people write.
 *
 * @category constructors
 * @since 0.1.0
 */
export const pinned = (
  pins: Arr.NonEmptyReadonlyArray<string>,
  options: { readonly verify?: boolean | undefined } = {}
): TlsPolicy => new Pinned({ pins, verify: options.verify ?? false })

/**
 * Whether nothing may be sent without TLS.
 *
 * @category guards
 * @since 0.1.0
 */
export const isMandatory = (self: TlsPolicy): self is Required | Pinned =>
  self._tag === "Required" || self._tag === "Pinned"
