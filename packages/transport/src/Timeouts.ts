/**
 * How long each stage of a session may take. The defaults are the minima of RFC 5321 section 4.5.3.2 where it names one,
 * and what the trusted servers use where it does not.
 *
 * @since 0.1.0
 */
import { Stage } from "@effect-mail/protocol/Stage"
import * as Duration from "effect/Duration"

/**
 * The longest wait at each stage.
 *
 * @category models
 * @since 0.1.0
 */
export interface Timeouts {
  /** Opening the connection, TLS from the first byte included; 30 seconds. */
  readonly connect: Duration.Duration
  /** The 220 greeting; 5 minutes. */
  readonly greeting: Duration.Duration
  /** EHLO, HELO, LHLO; 5 minutes. */
  readonly ehlo: Duration.Duration
  /** The reply to STARTTLS, and then the handshake; 1 minute each. */
  readonly tls: Duration.Duration
  /** Each round of the authentication; 2 minutes. */
  readonly auth: Duration.Duration
  /** MAIL and each RCPT; 5 minutes. */
  readonly envelope: Duration.Duration
  /** The 354 after DATA; 2 minutes. */
  readonly data: Duration.Duration
  /** Each block of the message that is written; 3 minutes. */
  readonly block: Duration.Duration
  /** The verdict after the message; 10 minutes. Shorter ones cause duplicates (RFC 1047). */
  readonly verdict: Duration.Duration
  /** RSET and any other command; 20 seconds. */
  readonly command: Duration.Duration
}

/**
 * The default timeouts.
 *
 * @category constructors
 * @since 0.1.0
 */
export const standard: Timeouts = {
  connect: Duration.seconds(30),
  greeting: Duration.minutes(5),
  ehlo: Duration.minutes(5),
  tls: Duration.minutes(1),
  auth: Duration.minutes(2),
  envelope: Duration.minutes(5),
  data: Duration.minutes(2),
  block: Duration.minutes(3),
  verdict: Duration.minutes(10),
  command: Duration.seconds(20)
}

/**
 * Shortens every timeout to at most `limit`, except that of the verdict: giving up on a verdict early is how mail gets
 * delivered twice, so it is never made shorter than a minute.
 *
 * @category combinators
 * @since 0.1.0
 */
export const atMost = (self: Timeouts, limit: Duration.Duration): Timeouts => ({
  connect: Duration.min(self.connect, limit),
  greeting: Duration.min(self.greeting, limit),
  ehlo: Duration.min(self.ehlo, limit),
  tls: Duration.min(self.tls, limit),
  auth: Duration.min(self.auth, limit),
  envelope: Duration.min(self.envelope, limit),
  data: Duration.min(self.data, limit),
  block: Duration.min(self.block, limit),
  verdict: Duration.min(self.verdict, Duration.max(limit, Duration.minutes(1))),
  command: Duration.min(self.command, limit)
})

/**
 * The timeout of a stage, in milliseconds.
 *
 * @category getters
 * @since 0.1.0
 */
export const millis = (self: Timeouts, stage: Stage): number => Duration.toMillis(of(self, stage))

/**
 * The timeouts of all stages, in milliseconds.
 *
 * @category getters
 * @since 0.1.0
 */
export const table = (self: Timeouts): Readonly<Record<Stage, number>> =>
  // Every stage is one of these.
  Object.fromEntries(Stage.literals.map((stage) => [stage, millis(self, stage)])) as Record<Stage, number>

const of = (self: Timeouts, stage: Stage): Duration.Duration => {
  switch (stage) {
    case "connect":
    case "greeting":
    case "ehlo":
    case "auth":
    case "data":
      return self[stage]
    case "starttls":
    case "tls":
      return self.tls
    case "mail":
    case "rcpt":
      return self.envelope
    case "body":
      return self.block
    case "data-end":
      return self.verdict
    default:
      return self.command
  }
}
