/**
 * Variable envelope return paths: the recipient's address within the reverse-path, so that a bounce tells by where it
 * arrives whom it is about, whatever it says (DSN-031). `list@example.com` becomes
 * `list+ada=example.net@example.com`. Anyone can write such an address; `ReturnPath` makes those that nobody can.
 *
 * @since 0.1.0
 */
import * as Address from "@effect-mail/protocol/Address"
import * as Result from "effect/Result"

/**
 * What stands before the recipient's local part and before its domain: `+=` as Postfix writes it, `-=` as qmail does.
 *
 * @category models
 * @since 0.1.0
 */
export type Delimiters = "+=" | "-="

/**
 * The reverse-path of `sender` for mail to `recipient`. Fails with `AddressError` when the two are not one address: one of
 * them is quoted, has an address literal, or the local part gets longer than 64 octets.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (
  sender: Address.Mailbox,
  recipient: Address.Mailbox,
  delimiters: Delimiters = "+="
): Result.Result<Address.Mailbox, Address.AddressError> => {
  const [before, between] = delimiters
  const local = `${Address.localPart(sender)}${before}${Address.localPart(recipient)}${between}${Address.domain(recipient)}`
  return Address.parse(`${local}@${Address.domain(sender)}`)
}

/**
 * The recipient whom `encode` put into `address`, or undefined when it is none of `sender`'s. Letter case is not looked at
 * in the sender's part, because hosts change it.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (
  address: Address.Mailbox,
  sender: Address.Mailbox,
  delimiters: Delimiters = "+="
): Address.Mailbox | undefined => {
  const [before = "", between = ""] = delimiters
  const prefix = `${Address.localPart(sender)}${before}`
  const local = Address.localPart(address)
  if (local.slice(0, prefix.length).toLowerCase() !== prefix.toLowerCase()) return undefined
  if (Address.asciiDomain(address) !== Address.asciiDomain(sender)) return undefined
  const end = local.lastIndexOf(between)
  if (end < prefix.length) return undefined
  return Result.getOrUndefined(Address.parse(`${local.slice(prefix.length, end)}@${local.slice(end + 1)}`))
}
