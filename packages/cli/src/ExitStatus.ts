/**
 * The exit status of the program, from sysexits: what scripts and mail systems act on.
 *
 * @since 0.1.0
 */
import * as Receipt from "@effect-mail/protocol/Receipt"

/**
 * Everybody was accepted, or there was nothing to do.
 *
 * @category constants
 * @since 0.1.0
 */
export const ok = 0

/**
 * The command line is wrong (EX_USAGE).
 *
 * @category constants
 * @since 0.1.0
 */
export const usage = 64

/**
 * The message or an address cannot be used (EX_DATAERR).
 *
 * @category constants
 * @since 0.1.0
 */
export const data = 65

/**
 * Somebody was refused for good, and nobody may still be accepted later (EX_UNAVAILABLE).
 *
 * @category constants
 * @since 0.1.0
 */
export const unavailable = 69

/**
 * Trying again later may help (EX_TEMPFAIL).
 *
 * @category constants
 * @since 0.1.0
 */
export const temporary = 75

/**
 * The server refused the user name or the password (EX_NOPERM).
 *
 * @category constants
 * @since 0.1.0
 */
export const noPermission = 77

/**
 * The configuration is wrong (EX_CONFIG).
 *
 * @category constants
 * @since 0.1.0
 */
export const configuration = 78

/**
 * The exit status for what became of a message: the authentication that was refused counts before everything, then what
 * may still succeed, then what cannot.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromReceipt = (receipt: Receipt.Receipt): number => {
  if (receipt.failed.some(refusedLogin)) return noPermission
  const words = new Set(receipt.outcomes.map(Receipt.outcomeWord))
  if (words.has("temp") || words.has("unreachable") || words.has("uncertain")) return temporary
  return words.has("perm") ? unavailable : ok
}

const refusedLogin = ({ failure }: Receipt.Failed): boolean =>
  failure.stage === "auth" && failure._tag === "Unreachable" && failure.scope === "relay"
