/**
 * Where in a delivery something happened. The stages follow the order of a session (RFC 5321 section 3), with the steps
 * before a connection (`address`, `route`) and the local ones (`policy`) beside them. Nothing here decides anything;
 * `Failure` reads the stage.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * Schema of the stages of a delivery.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Stage = Schema.Literals([
  "address",
  "route",
  "connect",
  "greeting",
  "ehlo",
  "starttls",
  "tls",
  "auth",
  "mail",
  "rcpt",
  "data",
  "body",
  "data-end",
  "rset",
  "quit",
  "command",
  "policy"
])

/**
 * The stage of a delivery at which a reply was awaited or a failure arose. `body` is the time between the 354 (or the
 * BDAT command) and the last byte of the message; `data-end` begins when that byte was written; `command` is any other
 * command (NOOP, VRFY, EXPN, HELP, ETRN, XCLIENT, XFORWARD).
 *
 * @category models
 * @since 0.1.0
 */
export type Stage = typeof Stage.Type
