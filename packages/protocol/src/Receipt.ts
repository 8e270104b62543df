/**
 * What became of a message: one outcome for every recipient. Partial success is a value; whoever wants an error when
 * nobody was accepted takes it from `strongestFailure`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type * as Types from "effect/Types"
import { EnhancedStatus } from "./EnhancedStatus.ts"
import * as Failure from "./Failure.ts"

/**
 * The facts of a certificate that a server showed.
 *
 * @category models
 * @since 0.1.0
 */
export class CertificateInfo extends Schema.Class<CertificateInfo>("@effect-mail/protocol/CertificateInfo")({
  /** Such as `CN=mail.example.com`; several attributes stand with commas between them. */
  subject: Schema.String,
  issuer: Schema.String,
  /** SHA-256 of the certificate, hex with colons: a pin of the certificate. */
  fingerprint: Schema.String,
  /** SHA-256 of its public key, `sha256/` and base64: a pin of the key, when that can be read. */
  pin: Schema.optional(Schema.String)
}) {}

/**
 * The facts of a TLS session.
 *
 * @category models
 * @since 0.1.0
 */
export class TlsInfo extends Schema.Class<TlsInfo>("@effect-mail/protocol/TlsInfo")({
  /** Such as `TLSv1.3`. */
  protocol: Schema.String,
  /** The cipher suite's standard name. */
  cipher: Schema.String,
  /** Whether the certificate chain and the host name were found valid, demanded or not. */
  verified: Schema.Boolean,
  /** Why they were not. */
  problem: Schema.optional(Schema.String),
  /** SHA-256 of the server's certificate, hex with colons, when the platform tells. */
  fingerprint: Schema.optional(Schema.String),
  /** The certificates, the server's own first, when the platform tells. */
  chain: Schema.optional(Schema.Array(CertificateInfo)),
  /** Whether an earlier session was resumed; the certificates are then those that were checked for that one. */
  resumed: Schema.optional(Schema.Boolean)
}) {}

const outcome = {
  recipient: Schema.String,
  /** How many times the delivery to this recipient was tried, this one included. */
  attempts: Schema.Int
}

/**
 * A server took over responsibility for the message (CLASS-53).
 *
 * @category models
 * @since 0.1.0
 */
export class Delivered extends Schema.TaggedClass<Delivered>("@effect-mail/protocol/Delivered")("Delivered", {
  ...outcome,
  host: Schema.optional(Schema.String),
  address: Schema.optional(Schema.String),
  port: Schema.optional(Schema.Int),
  code: Schema.Int,
  enhanced: Schema.optional(EnhancedStatus),
  /** The server's words, often with its queue id. */
  text: Schema.String,
  tls: Schema.optional(TlsInfo),
  /**
   * What was asked for and not passed on, because the server does not offer its extension: keywords of parameters of MAIL and
   * RCPT, such as `NOTIFY`. Absent when everything was.
   */
  omitted: Schema.optional(Schema.Array(Schema.String))
}) {}

/**
 * The outcome of a recipient, of values that are known to be what the schema asks for, as those of a reply and of the
 * connection it came over are; what is undefined is left out. Nothing is looked at again, so that it costs next to nothing
 * beside the constructor of the class, and is equal to what that makes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const delivered = (fields: Omit<Delivered, "_tag">): Delivered => {
  // Field by field, which takes a tenth of the time of `Object.assign`.
  const self: Types.Mutable<Delivered> = Object.create(Delivered.prototype)
  self._tag = "Delivered"
  self.recipient = fields.recipient
  self.attempts = fields.attempts
  if (fields.host !== undefined) self.host = fields.host
  if (fields.address !== undefined) self.address = fields.address
  if (fields.port !== undefined) self.port = fields.port
  self.code = fields.code
  if (fields.enhanced !== undefined) self.enhanced = fields.enhanced
  self.text = fields.text
  if (fields.tls !== undefined) self.tls = fields.tls
  if (fields.omitted !== undefined) self.omitted = fields.omitted
  return self
}

/**
 * The message was not delivered to this recipient; with an `uncertain` failure it may have been (CLASS-52).
 *
 * @category models
 * @since 0.1.0
 */
export class Failed extends Schema.TaggedClass<Failed>("@effect-mail/protocol/Failed")("Failed", {
  ...outcome,
  failure: Failure.Failure
}) {}

/**
 * Schema of a recipient's outcome.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Outcome = Schema.Union([Delivered, Failed])

/**
 * What became of the message for one recipient.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome = Delivered | Failed

/**
 * One outcome for every recipient, in the order of the envelope.
 *
 * @category models
 * @since 0.1.0
 */
export class Receipt extends Schema.Class<Receipt>("@effect-mail/protocol/Receipt")({
  outcomes: Schema.Array(Outcome),
  /** The message's Message-ID, when it has one. */
  messageId: Schema.optional(Schema.String)
}) {
  /** The outcomes of the recipients whose server took the message. */
  get delivered(): ReadonlyArray<Delivered> {
    return this.outcomes.filter((o) => o._tag === "Delivered")
  }
  /** The outcomes of all others. */
  get failed(): ReadonlyArray<Failed> {
    return this.outcomes.filter((o) => o._tag === "Failed")
  }
  /** Whether every recipient's server took the message. */
  get complete(): boolean {
    return this.outcomes.every((o) => o._tag === "Delivered")
  }
}

/**
 * The receipt of outcomes that are known to be such; see `delivered`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const receipt = (outcomes: Receipt["outcomes"], messageId?: string): Receipt => {
  const self: Types.Mutable<Receipt> = Object.create(Receipt.prototype)
  self.outcomes = outcomes
  if (messageId !== undefined) self.messageId = messageId
  return self
}

/**
 * The failure that stands for the whole message, or undefined when somebody was accepted or there was nobody to send to.
 *
 * @category getters
 * @since 0.1.0
 */
export const strongestFailure = (self: Receipt): Failure.Failure | undefined => {
  if (self.outcomes.some(({ _tag }) => _tag === "Delivered")) return undefined
  const [first, ...others] = self.failed
  if (first === undefined) return undefined
  return Failure.combine(first.failure, ...others.map((o) => o.failure))
}

/**
 * The word for an outcome in logs, tables and JSON.
 *
 * @category formatting
 * @since 0.1.0
 */
export const outcomeWord = (self: Outcome): "delivered" | "temp" | "perm" | "unreachable" | "uncertain" => {
  if (self._tag === "Delivered") return "delivered"
  switch (self.failure._tag) {
    case "TempFailure":
      return self.failure.uncertain ? "uncertain" : "temp"
    case "PermFailure":
      return "perm"
    case "Unreachable":
      return "unreachable"
  }
}
