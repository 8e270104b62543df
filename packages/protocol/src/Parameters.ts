/**
 * From what an envelope asks and what is known about the body to the parameters of MAIL and RCPT that a server
 * understands. Nothing is sent that the server did not offer (RFC 5321 section 4.1.1.3), and nothing that was asked for is
 * left out in silence: it is refused with what is unmet, or listed as omitted. What the message's correctness hangs on is
 * always refused: SMTPUTF8, 8-bit and binary content, REQUIRETLS, a size over the limit, a release time, a delivery time
 * after which the message must come back.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Address from "./Address.ts"
import type { Parameter } from "./Command.ts"
import type { Envelope, MailOptions, Recipient } from "./Envelope.ts"
import type { Unmet } from "./Failure.ts"
import * as originalRecipient from "./internal/originalRecipient.ts"
import * as Xtext from "./Xtext.ts"

/**
 * What a server offered in its reply to EHLO.
 *
 * @category models
 * @since 0.1.0
 */
export interface Offered {
  /** Whether the keyword, in upper case, was offered. */
  readonly supports: (keyword: string) => boolean
  /** The words behind the keyword, in order; empty when it was not offered. */
  readonly parameters: (keyword: string) => ReadonlyArray<string>
}

/**
 * What is known about the message's content.
 *
 * @category models
 * @since 0.1.0
 */
export interface Body {
  /** Octets with CR LF, before dots are stuffed (RFC 1870 section 5). */
  readonly size?: number | undefined
  readonly encoding: "7bit" | "8bit" | "binary"
  /** Whether a header at any level is not ASCII, so that the message needs SMTPUTF8 (RFC 6531 section 3.4). */
  readonly utf8: boolean
}

/**
 * What to do with a wish whose extension was not offered.
 *
 * @category models
 * @since 0.1.0
 */
export type OnMissing = "refuse" | "omit"

/**
 * The argument and the parameters of one command, and the keywords of the parameters that were left out.
 *
 * @category models
 * @since 0.1.0
 */
export interface Arguments<Path> {
  /** The path as this server can be told: with a domain in A-labels unless the transaction uses SMTPUTF8. */
  readonly path: Path
  readonly parameters: ReadonlyArray<Parameter>
  readonly omitted: ReadonlyArray<string>
}

/**
 * The arguments of MAIL, and whether they make it a transaction with SMTPUTF8.
 *
 * @category models
 * @since 0.1.0
 */
export interface MailArguments extends Arguments<Address.ReversePath> {
  readonly utf8: boolean
}

// One parameter that a caller may ask for; `true` stands for a keyword without a value.
interface Rule<A> {
  readonly keyword: string
  readonly extension: string
  readonly value: (asked: A) => string | true | undefined
  /** Whether the message must not go without it. */
  readonly essential?: (asked: A) => boolean
  /** What is unmet without it, where the failure has a name of its own. */
  readonly requirement?: Unmet["requirement"]
  /** How the value breaks the server's limits. */
  readonly breaks?: (asked: A, limits: ReadonlyArray<string>) => string | undefined
}

const always = () => true

const integer = /^\d{1,20}$/
const dateTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/i

const numeric = (text: string | undefined): number | undefined =>
  text !== undefined && integer.test(text) ? Number(text) : undefined

const tooLong = ({ holdFor = 0 }: MailOptions, [max]: ReadonlyArray<string>): string | undefined =>
  holdFor > (numeric(max) ?? Infinity) ? `the server holds messages for ${max} seconds at most` : undefined

// Both are UTC, so the order of their whole seconds is that of their characters.
const tooLate = ({ holdUntil = "" }: MailOptions, [, max = ""]: ReadonlyArray<string>): string | undefined =>
  dateTime.test(max) && seconds(holdUntil) > seconds(max) ? `the server holds messages until ${max} at most` : undefined

const seconds = (time: string): string => time.slice(0, "2030-01-01T00:00:00".length).toUpperCase()

const tooSoon = ({ deliverBy }: MailOptions, [min]: ReadonlyArray<string>): string | undefined =>
  deliverBy?.mode === "R" && deliverBy.seconds < (numeric(min) ?? 0)
    ? `the server promises a delivery within ${min} seconds at best`
    : undefined

const mailRules: ReadonlyArray<Rule<MailOptions>> = [
  { keyword: "RET", extension: "DSN", value: (o) => o.ret },
  {
    keyword: "ENVID",
    extension: "DSN",
    value: (o) => (o.envelopeId === undefined ? undefined : Xtext.encode(o.envelopeId))
  },
  {
    keyword: "AUTH",
    extension: "AUTH",
    value: (o) => (o.auth === undefined || o.auth === "<>" ? o.auth : Xtext.encode(o.auth))
  },
  {
    keyword: "REQUIRETLS",
    extension: "REQUIRETLS",
    value: (o) => o.requireTls || undefined,
    essential: always,
    requirement: "requiretls"
  },
  {
    keyword: "HOLDFOR",
    extension: "FUTURERELEASE",
    value: (o) => o.holdFor?.toString(),
    essential: always,
    breaks: tooLong
  },
  {
    keyword: "HOLDUNTIL",
    extension: "FUTURERELEASE",
    value: (o) => o.holdUntil,
    essential: always,
    breaks: tooLate
  },
  {
    keyword: "BY",
    extension: "DELIVERBY",
    value: ({ deliverBy: by }) => by && `${by.seconds};${by.mode}${by.trace ? "T" : ""}`,
    essential: (o) => o.deliverBy?.mode === "R",
    breaks: tooSoon
  },
  { keyword: "MT-PRIORITY", extension: "MT-PRIORITY", value: (o) => o.priority?.toString() },
  { keyword: "TRANSID", extension: "CHECKPOINT", value: (o) => o.transactionId && `<${o.transactionId}>` },
  { keyword: "XVERP", extension: "XVERP", value: (o) => o.verp || undefined }
]

interface AskedRecipient {
  readonly recipient: Recipient
  readonly utf8: boolean
}

const rcptRules: ReadonlyArray<Rule<AskedRecipient>> = [
  {
    keyword: "NOTIFY",
    extension: "DSN",
    value: ({ recipient: { notify } }) => (notify === undefined || notify === "NEVER" ? notify : notify.join(","))
  },
  {
    keyword: "ORCPT",
    extension: "DSN",
    value: ({ recipient: { originalRecipient: r }, utf8 }) => r && originalRecipient.write(r, utf8)
  }
]

const unmet = (stage: "mail" | "rcpt", requirement: Unmet["requirement"], detail: string, hint?: string): Unmet => ({
  _tag: "Unmet",
  stage,
  requirement,
  detail,
  hint
})

type Missed = Pick<Rule<never>, "extension" | "keyword" | "requirement">

const missing = (stage: "mail" | "rcpt", { extension, keyword, requirement = "extension" }: Missed): Unmet =>
  unmet(
    stage,
    requirement,
    `the server does not offer ${extension}, which ${keyword} needs`,
    "Ask another server, or send the message without it"
  )

interface Applied {
  readonly parameters: Array<Parameter>
  readonly omitted: Array<string>
}

// Adds what was asked for to what is there.
const apply = <A>(
  into: Applied,
  stage: "mail" | "rcpt",
  rules: ReadonlyArray<Rule<A>>,
  asked: A,
  offered: Offered,
  onMissing: OnMissing
): Unmet | undefined => {
  for (const rule of rules) {
    const value = rule.value(asked)
    if (value === undefined) continue
    if (offered.supports(rule.extension)) {
      const broken = rule.breaks?.(asked, offered.parameters(rule.extension))
      if (broken !== undefined) return unmet(stage, "extension", broken)
      into.parameters.push(value === true ? { keyword: rule.keyword } : { keyword: rule.keyword, value })
    } else {
      if (onMissing === "refuse" || rule.essential?.(asked) === true) return missing(stage, rule)
      into.omitted.push(rule.keyword)
    }
  }
  return undefined
}

const sizeOf = ({ size }: Body, offered: Offered): Parameter | Unmet | undefined => {
  if (size === undefined || !offered.supports("SIZE")) return undefined
  // No number, or 0: no limit is stated (RFC 1870 section 4).
  const limit = numeric(offered.parameters("SIZE")[0]) || Infinity
  return size > limit
    ? unmet("mail", "size", `the message has ${size} octets, the server accepts ${limit} at most`)
    : { keyword: "SIZE", value: size.toString() }
}

// RFC 3030 section 3: binary content goes by BDAT alone.
const takesBinary = (offered: Offered): boolean => offered.supports("BINARYMIME") && offered.supports("CHUNKING")

const encodingOf = ({ encoding, utf8 }: Body, offered: Offered): Parameter | Unmet | undefined => {
  const eightBit = offered.supports("8BITMIME")
  if (encoding === "binary") {
    return takesBinary(offered)
      ? { keyword: "BODY", value: "BINARYMIME" }
      : unmet("mail", "8bitmime", "the content is binary and the server does not offer BINARYMIME with CHUNKING")
  }
  if (encoding === "8bit" && !eightBit) {
    return unmet("mail", "8bitmime", "the content is 8-bit and the server does not offer 8BITMIME")
  }
  if (!eightBit) return undefined
  return { keyword: "BODY", value: encoding === "8bit" || utf8 ? "8BITMIME" : "7BIT" }
}

/**
 * The widest encoding in which a server takes a body: what `encoding` of `Body` may be without being refused.
 *
 * @category getters
 * @since 0.1.0
 */
export const widestEncoding = (offered: Offered): Body["encoding"] => {
  if (!offered.supports("8BITMIME")) return "7bit"
  return takesBinary(offered) ? "binary" : "8bit"
}

type Path = Address.ReversePath | Address.ForwardPath

const needsUtf8 = (path: Path): boolean => asciiPath(path) === undefined

const asciiPath = <P extends Path>(path: P): P | undefined =>
  // The null path and `postmaster` are ASCII as they are; every other path is a mailbox and stays one.
  (path === "" || path === "postmaster" ? path : Address.toAscii(path)) as P | undefined

const noUtf8 = (stage: "mail" | "rcpt", what: string): Unmet =>
  unmet(stage, "smtputf8", `${what} needs SMTPUTF8, which the server does not offer for this transaction`)

const utf8Of = ({ recipients, reversePath }: Envelope, body: Body, offered: Offered): boolean | Unmet => {
  const what = body.utf8 ? "a header of the message" : needsUtf8(reversePath) ? "the sender's address" : undefined
  if (offered.supports("SMTPUTF8")) return what !== undefined || recipients.some(({ address }) => needsUtf8(address))
  return what === undefined ? false : noUtf8("mail", what)
}

const isUnmet = (value: object | boolean | undefined): value is Unmet => typeof value === "object" && "_tag" in value

/**
 * The arguments of MAIL for an envelope. SIZE and BODY are told to servers that know them. SMTPUTF8 is used when a header,
 * the sender's local part or, if it is offered, a recipient's local part is not ASCII; otherwise every domain goes in
 * A-labels (RFC 6531 section 3.2 and 3.4), so that no relay on the way needs the extension.
 *
 * Fails with `Unmet` for what must not be left out, for what breaks a limit of the server, and with `refuse` for every
 * wish whose extension was not offered (CLASS-30, CLASS-33, CLASS-34).
 *
 * @category constructors
 * @since 0.1.0
 */
export const mail = (
  envelope: Envelope,
  body: Body,
  offered: Offered,
  onMissing: OnMissing
): Result.Result<MailArguments, Unmet> => {
  const size = sizeOf(body, offered)
  if (isUnmet(size)) return Result.fail(size)
  const encoding = encodingOf(body, offered)
  if (isUnmet(encoding)) return Result.fail(encoding)
  const utf8 = utf8Of(envelope, body, offered)
  if (isUnmet(utf8)) return Result.fail(utf8)
  const facts = [size, encoding, utf8 ? { keyword: "SMTPUTF8" } : undefined]
  const applied: Applied = { parameters: facts.filter((fact) => fact !== undefined), omitted: [] }
  const wrong = apply(applied, "mail", mailRules, envelope.options, offered, onMissing)
  if (wrong !== undefined) return Result.fail(wrong)
  const path = utf8 ? envelope.reversePath : (asciiPath(envelope.reversePath) ?? envelope.reversePath)
  return Result.succeed({ path, utf8, ...applied })
}

/**
 * The arguments of RCPT for one recipient; `utf8` is what `mail` said about the transaction.
 *
 * Fails with `Unmet` when the recipient's local part is not ASCII and the transaction is without SMTPUTF8, which is no
 * obstacle for the other recipients, and with `refuse` for every wish whose extension was not offered.
 *
 * @category constructors
 * @since 0.1.0
 */
export const rcpt = (
  recipient: Recipient,
  utf8: boolean,
  offered: Offered,
  onMissing: OnMissing
): Result.Result<Arguments<Address.ForwardPath>, Unmet> => {
  const path = utf8 ? recipient.address : asciiPath(recipient.address)
  if (path === undefined) return Result.fail(noUtf8("rcpt", "the recipient's address"))
  const applied: Applied = { parameters: [], omitted: [] }
  const wrong = apply(applied, "rcpt", rcptRules, { recipient, utf8 }, offered, onMissing)
  return wrong === undefined ? Result.succeed({ path, ...applied }) : Result.fail(wrong)
}
