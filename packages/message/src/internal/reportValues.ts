/** The values of report fields (RFC 3464, RFC 5965, RFC 8098), read as they come from real hosts. */
import * as EnhancedStatus from "@effect-mail/protocol/EnhancedStatus"
import * as Xtext from "@effect-mail/protocol/Xtext"
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as DeliveryStatus from "../DeliveryStatus.ts"

/** `type; value`; a value without a type is of the type that the field usually has. */
export const typed = (text: string | undefined, usual: string): DeliveryStatus.Typed | undefined => {
  if (text === undefined) return undefined
  const semicolon = text.indexOf(";")
  const type = text.slice(0, Math.max(0, semicolon)).trim().toLowerCase()
  return /^[a-z0-9-]+$/.test(type)
    ? { type, value: text.slice(semicolon + 1).trim() }
    : { type: usual, value: text.trim() }
}

/** Without angle brackets. */
export const bare = (text: string): string => text.trim().replace(/^<([^<>]*)>$/, "$1")

// Hosts write what ORCPT held, decoded or not (DSN-023): it was encoded when encoding gives back what is there, or when there is no
// address in it before.
const decodedXtext = (text: string): string => {
  const decoded = Result.getOrElse(Xtext.decode(text), () => text)
  const encoded = Xtext.encode(decoded) === text || (!text.includes("@") && decoded.includes("@"))
  return encoded ? decoded : text
}

const decodedUnitext = (text: string): string => Result.getOrElse(Xtext.decodeUnitext(text), () => text)

/** A recipient's address; a type without an address is none. */
export const recipient = (text: string | undefined): DeliveryStatus.Typed | undefined => {
  const given = typed(text, "rfc822")
  const value = bare(given?.value ?? "")
  return given === undefined || value === ""
    ? undefined
    : { type: given.type, value: given.type === "utf-8" ? decodedUnitext(value) : value }
}

/** The address of ORCPT. */
export const originalRecipient = (text: string | undefined): DeliveryStatus.Typed | undefined => {
  const given = recipient(text)
  return given?.type === "rfc822" ? { type: given.type, value: decodedXtext(given.value) } : given
}

/** A date as RFC 5322 writes it. */
export const date = (text: string | undefined): DateTime.Utc | undefined =>
  text === undefined ? undefined : Option.getOrUndefined(DateTime.make(new Date(text)))

/** The enhanced status code at the beginning, whatever comment follows (DSN-025). */
export const status = (text: string | undefined): string | undefined =>
  EnhancedStatus.parse(/^[\d.]{5,9}/.exec(text ?? "")?.[0] ?? "")

/** The first word in lower case, whatever comment follows. */
export const word = (text: string | undefined): string => /^[A-Za-z-]+/.exec(text ?? "")?.[0].toLowerCase() ?? ""

/** The fields that are there. */
export const defined = <A extends object>(fields: A): { [K in keyof A]?: Exclude<A[K], undefined> } =>
  // The entries are those of `fields`; their type is lost on the way through Object.entries.
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof A]?: Exclude<A[K], undefined>
  }
