/**
 * How this application speaks SMTP: its name, its patience and what it does about missing extensions. A reference with a
 * default, so that nobody has to provide it.
 *
 * @since 0.1.0
 */
import * as Address from "@effect-mail/protocol/Address"
import * as Sasl from "@effect-mail/protocol/Sasl"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import type * as Credentials from "./Credentials.ts"
import * as Settings from "./internal/settings.ts"
import type { PoolSettings } from "./PoolSettings.ts"
import * as Timeouts from "./Timeouts.ts"

export {
  /**
   * A setting has a value that cannot be used.
   *
   * @category errors
   * @since 0.1.0
   */
  InvalidSetting
} from "./internal/settings.ts"

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
  /**
   * How long one message may take in all: waiting for a connection, opening it, every host that is tried. No limit by
   * default, since each wait has its own. The verdict about a message that is on the wire is waited for a minute at least;
   * without one the outcome is `uncertain`.
   */
  readonly deadline?: Duration.Duration | undefined
  /** What becomes of a DSN or other parameter whose extension the server does not offer. */
  readonly onMissing: "refuse" | "omit"
  /** At most so many recipients in one transaction; 100 is what every server must take (RFC 5321 section 4.5.3.1.8). */
  readonly maxRecipients: number
  /** Messages of up to so many octets are sent with BDAT in one write where the server offers CHUNKING. */
  readonly maxChunk: number
  /** Who we are to a relay; not used between mail servers. */
  readonly credentials?: Credentials.Credentials | undefined
  /** Which mechanisms may be used, and whether a secret may be sent without TLS; see `Sasl.standard`. */
  readonly sasl?: Partial<Sasl.Policy> | undefined
  /** How connections are kept; what is absent is as `PoolSettings.relay` or `PoolSettings.mx` say. */
  readonly pool?: Partial<PoolSettings> | undefined
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
 * The settings, when they can be used; what is absent is `standard`. Fails with `InvalidSetting` when the name is neither a
 * domain name nor an address literal, a number is no whole number in its range, or a duration is not positive or without
 * end. `PoolSettings.check` does the same for `pool`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (settings: Partial<SmtpSettings>): Result.Result<SmtpSettings, Settings.InvalidSetting> => {
  const all = { ...standard, ...settings }
  return Settings.all(all, [
    all.name === undefined ? undefined : Settings.parsed("name", Address.parseEhloName(all.name), nameHint),
    ...Object.entries(all.timeouts).map(([stage, timeout]) => Settings.positive(`timeouts.${stage}`, timeout)),
    all.deadline === undefined ? undefined : Settings.positive("deadline", all.deadline),
    Settings.oneOf("onMissing", all.onMissing, ["refuse", "omit"]),
    Settings.integer("maxRecipients", all.maxRecipients, 1, 1_000_000),
    Settings.integer("maxChunk", all.maxChunk, 0, 2 ** 31 - 1),
    ...(all.sasl?.mechanisms ?? []).map((name) => Settings.oneOf("sasl.mechanisms", name, mechanisms)),
    all.sasl?.minimumIterations === undefined
      ? undefined
      : Settings.integer("sasl.minimumIterations", all.sasl.minimumIterations, 1, 2 ** 31 - 1)
  ])
}

const nameHint =
  "Use the name of this machine in DNS, such as mail.example.com, or an address literal such as [192.0.2.1]"

const mechanisms = [...Sasl.standard.mechanisms, "CRAM-MD5"]

/**
 * The settings of every session that is not given its own.
 *
 * @category services
 * @since 0.1.0
 */
export const CurrentSmtpSettings = Context.Reference<SmtpSettings>("@effect-mail/transport/CurrentSmtpSettings", {
  defaultValue: () => standard
})
