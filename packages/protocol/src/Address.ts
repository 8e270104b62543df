/**
 * Mailboxes as SMTP knows them (RFC 5321 section 4.1.2, RFC 6531 section 3.3), never the lists and groups of a header.
 *
 * A `Mailbox` is a string in canonical form, so it can be compared with `===`, stored and printed: the local part as it was
 * typed but with the least quoting, the domain in lower case, an internationalised domain as people read it (NFC), an
 * address literal in its shortest form. It has no character that could end a command or a path, and it fits the limits of
 * RFC 5321 section 4.5.3.1 in both forms of its domain.
 *
 * Parsing takes one pass, allocates nothing that grows faster than the input, never guesses and never throws. A domain with
 * non-ASCII characters is accepted only if its A-labels, decoded again, are what was typed (in lower case and NFC), so that
 * no invisible or mapped character leads mail to another domain than the one that is read. Look-alike letters of another
 * script are not detected.
 *
 * @since 0.1.0
 */
import type * as Brand from "effect/Brand"
import * as Host from "effect/net/Host"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as internal from "./internal/addressText.ts"
import { parseDomain, parseName, writeLiteral } from "./internal/domain.ts"
import { Fault } from "./internal/fault.ts"
import { parseMailbox, quoteLocal } from "./internal/mailbox.ts"
import * as text from "./internal/text.ts"

/**
 * A mailbox in canonical form, such as `user@example.com`.
 *
 * @category models
 * @since 0.1.0
 */
export type Mailbox = Brand.Branded<string, "@effect-mail/protocol/Mailbox">

/**
 * Schema of a stored mailbox: a string that is canonical already. What people type goes through `parse`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Mailbox = Schema.String.check(
  Schema.makeFilter(
    (input: string) => {
      const parsed = parseMailbox(input, 0, input.length)
      if (parsed instanceof Fault) return failure(input, parsed).message
      return parsed === input ? undefined : `${text.quote(input, 0)} is not canonical; it is written ${parsed}`
    },
    {
      expected: "a mailbox",
      arbitraryConstraint: {
        patterns: [{ source: "^[a-z0-9]{1,9}([.+-][a-z0-9]{1,5})?@[a-z]{1,9}\\.(example|test)$", flags: "" }]
      }
    }
  )
).pipe(Schema.brand("@effect-mail/protocol/Mailbox"))

/**
 * Schema of a reverse-path: a mailbox, or the empty string.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ReversePath = Schema.Union([Schema.Literal(""), Mailbox])

/**
 * Where bounces go: a mailbox, or the empty string for the null reverse-path `<>` of messages that must not bounce
 * (RFC 5321 section 4.5.5).
 *
 * @category models
 * @since 0.1.0
 */
export type ReversePath = Mailbox | ""

/**
 * The recipient without a domain that every server knows (RFC 5321 section 4.1.1.3).
 *
 * @category models
 * @since 0.1.0
 */
export type Postmaster = "postmaster"

/**
 * Schema of a forward-path: a mailbox, or `postmaster`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ForwardPath = Schema.Union([Schema.Literal("postmaster"), Mailbox])

/**
 * Whom mail is for: a mailbox, or the server's own `postmaster`.
 *
 * @category models
 * @since 0.1.0
 */
export type ForwardPath = Mailbox | Postmaster

/**
 * A text is not the address or the host name it should be.
 *
 * @category errors
 * @since 0.1.0
 */
export class AddressError extends Schema.TaggedError<AddressError>("@effect-mail/protocol/AddressError")(
  "AddressError",
  {
    /** The text as it was given; it may have control characters, unlike `message`. */
    input: Schema.String,
    /** Where in `input` the trouble is, as an index of UTF-16 code units. */
    position: Schema.Int,
    /** What is wrong there and how to mend it. */
    reason: Schema.String
  }
) {
  override get message(): string {
    return `${text.quote(this.input, this.position)}, position ${this.position}: ${this.reason}`
  }
}

const failure = (input: string, fault: Fault): AddressError =>
  new AddressError({ input, position: fault.position, reason: fault.reason })

// A caller without types may pass anything.
const run = <A>(input: string, parser: (input: string) => A | Fault): Result.Result<A, AddressError> => {
  if (typeof input !== "string") return Result.fail(failure("", new Fault(0, "an address is a string")))
  const parsed = parser(input)
  return parsed instanceof Fault ? Result.fail(failure(input, parsed)) : Result.succeed(parsed)
}

// The parsers return canonical mailboxes; this is the one place where they get their brand.
const mailbox = (input: string, parser: (input: string) => string | Fault) =>
  run(input, parser) as Result.Result<Mailbox, AddressError>

const exact = (input: string): string | Fault => parseMailbox(input, 0, input.length)

/**
 * Parses exactly one mailbox: no name, no comment, no angle brackets, no space around it. Addresses that need SMTPUTF8
 * are accepted; `isAscii` tells.
 *
 * Fails with `AddressError` when the text is anything else (CLASS-1).
 *
 * @category parsing
 * @since 0.1.0
 */
export const parse = (input: string): Result.Result<Mailbox, AddressError> => mailbox(input, exact)

/**
 * Parses what people write: `user@example.com`, `<user@example.com>`, `Name <user@example.com>`, with comments around it.
 * Display names are dropped, whatever they say.
 *
 * Fails with `AddressError` when there is no address, or when there could be two: `a@example.com,b@example.com`,
 * `a@example.com <b@example.com>`.
 *
 * @category parsing
 * @since 0.1.0
 */
export const parseLenient = (input: string): Result.Result<Mailbox, AddressError> =>
  mailbox(input, internal.parseLenient)

/**
 * Parses the path of a MAIL command for a server: `<user@example.com>`, or `<>` which gives the empty string. A source
 * route is read and ignored (RFC 5321 appendix C).
 *
 * Fails with `AddressError` when the text is anything else; `pathEnd` finds where the path ends in a command.
 *
 * @category parsing
 * @since 0.1.0
 */
export const parsePath = (input: string): Result.Result<ReversePath, AddressError> => mailbox(input, internal.parsePath)

/**
 * Parses the path of a RCPT command for a server: like `parsePath`, but `<Postmaster>` in any letter case gives
 * `postmaster`, and the null path is refused.
 *
 * @category parsing
 * @since 0.1.0
 */
export const parseForwardPath = (input: string): Result.Result<ForwardPath, AddressError> =>
  mailbox(input, (path) => {
    if (path.length === 12 && path.toLowerCase() === "<postmaster>") return "postmaster"
    return path === "<>" ? new Fault(1, "a recipient cannot be empty") : internal.parsePath(path)
  })

/**
 * The index behind the `>` of the path whose `<` stands at `start`, quoted local parts understood, or -1 when there is
 * none. What follows are the parameters of the command.
 *
 * @category parsing
 * @since 0.1.0
 */
export const pathEnd = (input: string, start = 0): number =>
  input.charAt(start) === "<" ? internal.pathEnd(input, start) : -1

/**
 * Makes a mailbox of a local part as plain text, which is quoted where that is needed, and a domain.
 *
 * Fails with `AddressError`, whose positions count in the address that would result.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (local: string, domain: string): Result.Result<Mailbox, AddressError> =>
  typeof local === "string" ? parse(`${quoteLocal(local)}@${domain}`) : parse(local)

/**
 * Parses a literal of the program's own text, and throws the `AddressError` when it is not a mailbox.
 *
 * @category unsafe
 * @since 0.1.0
 */
export const unsafe = (literal: string): Mailbox => Result.getOrThrow(parse(literal))

// A domain has no "@", a quoted local part may.
const at = (self: Mailbox): number => self.lastIndexOf("@")

/**
 * The part before the `@` as it goes on the wire, quotes included.
 *
 * @category getters
 * @since 0.1.0
 */
export const localPart = (self: Mailbox): string => self.slice(0, at(self))

/**
 * The domain name or address literal as it is kept: an internationalised name in Unicode.
 *
 * @category getters
 * @since 0.1.0
 */
export const domain = (self: Mailbox): string => self.slice(at(self) + 1)

/**
 * The domain name in A-labels, as DNS and servers without SMTPUTF8 need it; an address literal unchanged.
 *
 * @category getters
 * @since 0.1.0
 */
export const asciiDomain = (self: Mailbox): string => {
  const kept = domain(self)
  return text.isAscii(kept) ? kept : Result.getOrElse(Host.domainNameFromString(kept), () => kept)
}

/**
 * Whether mail goes to an IP address in brackets, without DNS (RFC 5321 section 4.1.3).
 *
 * @category guards
 * @since 0.1.0
 */
export const isLiteral = (self: Mailbox): boolean => self.endsWith("]")

const tagLength = "IPv6:".length

/**
 * The IP address of an address literal, without brackets and tag, or undefined for a domain name.
 *
 * @category getters
 * @since 0.1.0
 */
export const literalIp = (self: Mailbox): string | undefined => {
  if (!isLiteral(self)) return undefined
  const ip = domain(self).slice(1, -1)
  return ip.startsWith("IPv6:") ? ip.slice(tagLength) : ip
}

/**
 * Whether the mailbox can be sent without SMTPUTF8 as it is.
 *
 * @category guards
 * @since 0.1.0
 */
export const isAscii = (self: Mailbox): boolean => text.isAscii(self)

/**
 * The same mailbox with its domain in A-labels, or undefined when the local part has no ASCII form (RFC 6531
 * section 3.2).
 *
 * @category converting
 * @since 0.1.0
 */
export const toAscii = (self: Mailbox): Mailbox | undefined => {
  if (isAscii(self)) return self
  const local = localPart(self)
  // A-labels of a valid domain: canonical again.
  return text.isAscii(local) ? (`${local}@${asciiDomain(self)}` as Mailbox) : undefined
}

/**
 * The text by which mailboxes are the same recipient: the local part exactly, the domain in lower-case A-labels
 * (RFC 5321 section 2.4).
 *
 * @category getters
 * @since 0.1.0
 */
export const key = (self: ForwardPath): string =>
  self === "postmaster" || isAscii(self) ? self : `${localPart(self)}@${asciiDomain(self)}`

/**
 * Parses a domain name into lower-case A-labels: letters, digits and inner hyphens, labels of at most 63 and a name of
 * at most 255 octets. An underscore, a dot at the end and an IP address with colons are refused.
 *
 * Fails with `AddressError` when the text is anything else.
 *
 * @category parsing
 * @since 0.1.0
 */
export const domainName = (input: string): Result.Result<string, AddressError> => run(input, nameOf)

const nameOf = (input: string): string | Fault => {
  const names = parseName(input, 0, input.length)
  return names instanceof Fault ? names : names.ascii
}

/**
 * Parses the name with which a client greets (RFC 5321 section 4.1.1.1): a domain name, which is given in A-labels, or an
 * address literal. A bare IP address is put into brackets, since that is what the socket's own address looks like.
 *
 * Fails with `AddressError` when the text is anything else.
 *
 * @category parsing
 * @since 0.1.0
 */
export const parseEhloName = (input: string): Result.Result<string, AddressError> =>
  run(input, (name) => {
    const ip = /^[\d.]+$|:/.test(name) ? NetAddress.ipFromString(name) : undefined
    if (ip !== undefined && Result.isSuccess(ip)) return writeLiteral(ip.success)
    const names = parseDomain(name, 0, name.length)
    return names instanceof Fault ? names : names.ascii
  })
