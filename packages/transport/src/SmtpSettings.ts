/**
 * How this application speaks SMTP: its name, its patience and what it does about missing extensions. A reference with a
 * default, so that nobody has to provide it.
 *
 * @since 0.1.0
 */
import type * as Sasl from "@effect-mail/protocol/Sasl"
import * as Context from "effect/Context"
import * as Timeouts from "./Timeouts.ts"

/**
 * How this application speaks SMTP.
 *
 * @category models
 * @since 0.1.0
 */
export interface SmtpSettings {
  /**
   * The name said in EHLO: a fully qualified domain name or an address literal. Without one, the address literal of the
   * connection's local end is said (RFC 5321 section 4.1.4).
   */
  readonly name?: string | undefined
  readonly timeouts: Timeouts.Timeouts
  /** What becomes of a DSN or other parameter whose extension the server does not offer. */
  readonly onMissing: "refuse" | "omit"
  /** At most so many recipients in one transaction; 100 is what every server must take (RFC 5321 section 4.5.3.1.8). */
  readonly maxRecipients: number
  /** Messages of up to so many octets are sent with BDAT in one write where the server offers CHUNKING. */
  readonly maxChunk: number
  /** Who we are to a relay; not used between mail servers. */
  readonly credentials?: Sasl.Credentials | undefined
  /** Which mechanisms may be used, and whether a secret may be sent without TLS; see `Sasl.standard`. */
  readonly sasl?: Partial<Sasl.Policy> | undefined
}

/**
 * The default settings.
 *
 * @category constructors
 * @since 0.1.0
 */
export const standard: SmtpSettings = {
  timeouts: Timeouts.standard,
  onMissing: "omit",
  maxRecipients: 100,
  maxChunk: 64 * 1024
}

/**
 * The settings of every session that is not given its own.
 *
 * @category services
 * @since 0.1.0
 */
export const CurrentSmtpSettings = Context.Reference<SmtpSettings>("@effect-mail/transport/CurrentSmtpSettings", {
  defaultValue: () => standard
})
