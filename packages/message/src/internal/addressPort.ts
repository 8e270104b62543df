/**
 * What this package needs of `@effect-mail/protocol`'s `Address` and `Envelope`, in one place: a mailbox as SMTP takes
 * it (RFC 5321 section 4.1.2), its parser, and the A-labels of its domain.
 */
import type * as Arr from "effect/Array"
import type * as Brand from "effect/Brand"
import * as Host from "effect/net/Host"
import * as Result from "effect/Result"
import * as Utf8 from "./utf8.ts"

/** An address such as `ada@example.com`, known to be well formed. */
export type Mailbox = string & Brand.Brand<"Mailbox">

/** Why a text is not a mailbox; `position` counts UTF-16 units of the input. */
export interface AddressProblem {
  readonly reason: string
  readonly position: number
}

/** Sender and recipients as SMTP is told them. */
export interface Envelope {
  /** Where bounces go; empty for mail that must never be answered by one. */
  readonly reversePath: Mailbox | ""
  readonly recipients: Arr.NonEmptyReadonlyArray<{ readonly address: Mailbox }>
  readonly options: {}
}

const atoms = /^[\w!#$%&'*+\-/=?^`{|}~\u0080-\u{10ffff}]+(?:\.[\w!#$%&'*+\-/=?^`{|}~\u0080-\u{10ffff}]+)*$/u
const quoted = /^"(?:[ !#-[\]-~\u0080-\u{10ffff}]|\\[ -~])*"$/u
const label = /^[a-z0-9\u0080-\u{10ffff}](?:[a-z0-9\-\u0080-\u{10ffff}]*[a-z0-9\u0080-\u{10ffff}])?$/iu
// Code points that a reader does not see, or that IDNA would map to others: the domain would not be the one that was
// read.
const deceptive = /[\p{Default_Ignorable_Code_Point}\p{C}\p{Z}\u3002\uff0e\uff61]/u

const problem = (reason: string, position: number) => Result.fail({ reason, position })

/** The mailbox, when the input is exactly one: `dot-atom@domain` or `"quoted string"@domain`, its domain in lower case. */
export const parseMailbox = (input: string): Result.Result<Mailbox, AddressProblem> => {
  const at = input.lastIndexOf("@")
  if (at === -1) return problem("there is no @", input.length)
  const local = input.slice(0, at)
  const typed = input.slice(at + 1)
  const domain = typed.toLowerCase()
  if (local.length > 256 || domain.length > 256) return problem("it is too long", 256)
  if (local.length > 21 && Utf8.encode(local).length > 64)
    return problem("the part before the @ is longer than 64 octets", 64)
  if (!atoms.test(local) && !quoted.test(local)) return problem("the part before the @ is not valid", 0)
  if (deceptive.test(domain) || typed.normalize("NFKC") !== typed) {
    return problem("the domain has characters that could be read as others", at + 1)
  }
  if (!domain.split(".").every((part) => part.length < 64 && label.test(part)) || aLabels(domain) === undefined) {
    return problem("the domain is not valid", at + 1)
  }
  // The checks above are what the brand stands for.
  return Result.succeed(`${local}@${domain}` as Mailbox)
}

const aLabels = (domain: string): string | undefined =>
  Utf8.isAscii(domain) ? domain : Result.getOrUndefined(Host.domainNameFromString(domain))

/** The domain in A-labels. */
export const asciiDomain = (self: Mailbox): string => {
  const domain = self.slice(self.lastIndexOf("@") + 1)
  return aLabels(domain) ?? domain
}

/** The same mailbox with its domain in A-labels, or undefined when the local part has no ASCII form. */
export const toAscii = (self: Mailbox): Mailbox | undefined => {
  const local = self.slice(0, self.lastIndexOf("@"))
  return Utf8.isAscii(local) ? (`${local}@${asciiDomain(self)}` as Mailbox) : undefined
}

/** The text by which mailboxes are the same recipient. */
export const key = (self: Mailbox): string => toAscii(self) ?? self
