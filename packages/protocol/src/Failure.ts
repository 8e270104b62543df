/**
 * The three words for failure, and the one place where a reply or the end of a conversation becomes one of them.
 *
 * - `TempFailure`: a server said "not now", or the verdict is unknown.
 * - `PermFailure`: a verdict or a fact that cannot change for this recipient or message.
 * - `Unreachable`: no verdict, because no server could be talked to under the policy (DNS, network, TLS).
 *
 * A failure says what it is about (`scope`) and what should be tried next (`next`); both follow the project's
 * classification table, whose rows are cited as CLASS-nn. Nothing here performs anything.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Endpoint from "./Endpoint.ts"
import { EnhancedStatus } from "./EnhancedStatus.ts"
import { isPrintable } from "./internal/text.ts"
import * as Reply from "./Reply.ts"
import type { Refusal } from "./SaslExchange.ts"
import { Stage } from "./Stage.ts"

/**
 * What a failure is about: one recipient, the message with all recipients that were still undecided, the host that was
 * tried, all mail for the domain, the relay's own configuration, or this machine.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Scope = Schema.Literals(["recipient", "message", "host", "domain", "relay", "local"])

/**
 * What a failure is about.
 *
 * @category models
 * @since 0.1.0
 */
export type Scope = typeof Scope.Type

/**
 * What should be tried next: the next address of the same host and then the next host, the next host, nothing before the
 * policy's schedule says so, or nothing ever.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Next = Schema.Literals(["address", "host", "later", "never"])

/**
 * What should be tried next.
 *
 * @category models
 * @since 0.1.0
 */
export type Next = typeof Next.Type

const fields = {
  /** Where in the delivery it happened. */
  stage: Stage,
  /** What the failure is about. */
  scope: Scope,
  /** What should be tried next. */
  next: Next,
  /** The server's words, or ours when there was no reply; never with control characters, never with a secret. */
  reason: Schema.String,
  /** How to mend it, where that can be known. */
  hint: Schema.optional(Schema.String),
  /** The reply code, when a server replied. */
  code: Schema.optional(Schema.Int),
  /** The enhanced status code of the reply, or the one that describes our own verdict. */
  enhanced: Schema.optional(EnhancedStatus),
  /** All lines of the reply. */
  lines: Schema.Array(Schema.String),
  /** The command that was answered, with secrets removed. */
  command: Schema.optional(Schema.String),
  /** The server's name, when one was chosen. */
  host: Schema.optional(Schema.String),
  /** The IP address that was tried. */
  address: Schema.optional(Schema.String),
  /** The port that was tried. */
  port: Schema.optional(Schema.Int),
  /** The dialogue as text, secrets removed, when the transport keeps one. */
  transcript: Schema.optional(Schema.String)
}

interface Described {
  readonly stage: Stage
  readonly reason: string
  readonly hint?: string | undefined
  readonly code?: number | undefined
  readonly host?: string | undefined
  readonly port?: number | undefined
}

const describe = ({ code, hint, host, port, reason }: Described): string => {
  const where = host === undefined || port === undefined ? host : Endpoint.format({ host, port })
  const said = code === undefined ? reason : `${where ?? "the server"} answered ${code} ${reason}`.trimEnd()
  const place = code === undefined && where !== undefined ? `${where}: ${said}` : said
  return hint === undefined ? place : `${place.replace(/[.]$/, "")}. ${hint}`
}

/**
 * A server gave a transient verdict, or the verdict is unknown (`uncertain`: the connection was lost after the message's
 * last byte, so it may have been delivered; CLASS-52).
 *
 * @category errors
 * @since 0.1.0
 */
export class TempFailure extends Schema.TaggedError<TempFailure>("@effect-mail/protocol/TempFailure")("TempFailure", {
  ...fields,
  /** Whether the message may have been delivered all the same. */
  uncertain: Schema.Boolean
}) {
  override get message(): string {
    return describe(this)
  }
}

/**
 * A verdict or a fact that cannot change for this recipient or message.
 *
 * @category errors
 * @since 0.1.0
 */
export class PermFailure extends Schema.TaggedError<PermFailure>("@effect-mail/protocol/PermFailure")(
  "PermFailure",
  fields
) {
  override get message(): string {
    return describe(this)
  }
}

/**
 * No verdict was obtained, because no server could be talked to under the policy.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unreachable extends Schema.TaggedError<Unreachable>("@effect-mail/protocol/Unreachable")(
  "Unreachable",
  fields
) {
  override get message(): string {
    return describe(this)
  }
}

/**
 * Schema of a failure, to store it, send it or show it.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Failure = Schema.Union([TempFailure, PermFailure, Unreachable])

/**
 * Why a delivery failed.
 *
 * @category models
 * @since 0.1.0
 */
export type Failure = TempFailure | PermFailure | Unreachable

/**
 * Whether a value is one of the three failures.
 *
 * @category guards
 * @since 0.1.0
 */
export const isFailure = (u: unknown): u is Failure =>
  u instanceof TempFailure || u instanceof PermFailure || u instanceof Unreachable

/**
 * What a conversation ran into, before it is known what that means: a reply that refuses, a connection that ended, or a
 * requirement that the server's extensions do not meet. Dialogues return problems; `fromProblem` gives them meaning.
 *
 * @category models
 * @since 0.1.0
 */
export type Problem = Refused | Lost | Unmet | Invalid

/**
 * The server replied, and not with what the dialogue needs.
 *
 * @category models
 * @since 0.1.0
 */
export interface Refused {
  readonly _tag: "Refused"
  readonly stage: Stage
  readonly reply: Reply.Reply
  /** The command as shown in logs, secrets removed. */
  readonly command?: string | undefined
  /** What the server said in the words of an authentication mechanism, such as `invalid_token` (RFC 7628). */
  readonly refusal?: Refusal | undefined
}

/**
 * The conversation ended before the reply. `refused` means that nobody took the connection, `protocol` that what came was
 * not SMTP, `proof` that the server broke the rules by which it has to prove who it is (AUTH), `local` that this machine
 * could not go on (no file descriptor, no such source address).
 *
 * @category models
 * @since 0.1.0
 */
export interface Lost {
  readonly _tag: "Lost"
  readonly stage: Stage
  readonly kind: "refused" | "closed" | "reset" | "timeout" | "protocol" | "proof" | "tls" | "local"
  readonly detail: string
  readonly hint?: string | undefined
}

/**
 * What the message or the policy needs and the server does not have.
 *
 * @category models
 * @since 0.1.0
 */
export interface Unmet {
  readonly _tag: "Unmet"
  readonly stage: Stage
  readonly requirement: "tls" | "auth" | "size" | "smtputf8" | "8bitmime" | "requiretls" | "proven-tls" | "extension"
  readonly detail: string
  readonly hint?: string | undefined
}

/**
 * What a caller gave cannot be said in SMTP.
 *
 * @category models
 * @since 0.1.0
 */
export interface Invalid {
  readonly _tag: "Invalid"
  readonly stage: Stage
  readonly detail: string
}

/**
 * Where a conversation took place, for the failure's context.
 *
 * @category models
 * @since 0.1.0
 */
export interface Where {
  readonly host?: string | undefined
  readonly address?: string | undefined
  readonly port?: number | undefined
  /** The dialogue as text, secrets removed. */
  readonly transcript?: string | undefined
}

/**
 * The context of a failure at an endpoint; a Unix domain socket has no port.
 *
 * @category constructors
 * @since 0.1.0
 */
export const at = ({ address, host, path, port }: Endpoint.Endpoint): Where =>
  path === undefined ? { host, address, port } : { host }

/**
 * The fields of a failure; what is absent or undefined is left out.
 *
 * @category models
 * @since 0.1.0
 */
export interface Details extends Where {
  readonly stage: Stage
  readonly scope: Scope
  readonly next: Next
  readonly reason: string
  readonly hint?: string | undefined
  readonly code?: number | undefined
  readonly enhanced?: string | undefined
  readonly lines?: ReadonlyArray<string> | undefined
  readonly command?: string | undefined
}

/**
 * Replaces control characters and those that turn the direction of text, so that a peer's words can neither forge a line of
 * a log, nor move a terminal's cursor, nor show something else than they say.
 *
 * @category formatting
 * @since 0.1.0
 */
export const printable = (text: string): string =>
  isPrintable(text) ? text : text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, "\ufffd")

const clean = <A extends Details>(details: A) => ({
  ...details,
  reason: printable(details.reason),
  lines: (details.lines ?? []).map(printable)
})

/**
 * Makes a `TempFailure`; `uncertain` defaults to false.
 *
 * @category constructors
 * @since 0.1.0
 */
export const temp = (details: Details & { readonly uncertain?: boolean | undefined }): TempFailure =>
  new TempFailure({ ...clean(details), uncertain: details.uncertain ?? false })

/**
 * Makes a `PermFailure`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const perm = (details: Details): PermFailure => new PermFailure(clean(details))

/**
 * Makes an `Unreachable`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unreachable = (details: Details): Unreachable => new Unreachable(clean(details))

/**
 * Gives a problem its meaning: which of the three failures it is, what it is about and what should be tried next.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromProblem = (problem: Problem, where: Where = {}): Failure => {
  switch (problem._tag) {
    case "Refused":
      return fromReply(problem, where)
    case "Lost":
      return fromLost(problem, where)
    case "Unmet":
      return fromUnmet(problem, where)
    case "Invalid": // CLASS-01
      return perm({
        ...where,
        stage: problem.stage,
        scope: problem.stage === "rcpt" ? "recipient" : "message",
        next: "never",
        enhanced: problem.stage === "rcpt" ? "5.1.3" : "5.5.4",
        reason: problem.detail
      })
  }
}

const fromReply = (refused: Refused, where: Where): Failure => {
  const { reply, stage } = refused
  const base = {
    ...where,
    stage,
    reason: [Reply.text(reply), ...wordsOf(refused.refusal)].join(" ").trim(),
    code: reply.code,
    enhanced: reply.enhanced,
    lines: reply.lines,
    command: refused.command
  }
  if (reply.code < 400 || reply.code > 599) return unexpected(stage, base)
  return reply.code < 500 ? transient(stage, reply, base) : permanent(stage, reply, base)
}

// Enough for a scope of several URLs.
const maxWords = 150

// The reply to a refused token says that it is refused, the exchange before it says why.
const wordsOf = (refusal: Refusal | undefined): ReadonlyArray<string> => {
  if (refusal === undefined) return []
  const { openidConfiguration, schemes, scope, status } = refusal
  const words = Object.entries({ status, scope, schemes, "openid-configuration": openidConfiguration })
  const shown = words.flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value.slice(0, maxWords)}`]))
  return [`(${shown.join(", ")})`]
}

type Base = Omit<Details, "scope" | "next">

// A code that nothing at this stage is answered with: the conversation is out of step, so that nothing is known (CLASS-58).
const unexpected = (stage: Stage, reply: Base): Failure => {
  const base = { ...reply, enhanced: "4.5.0", reason: `${reply.reason} (unexpected at this point)`.trimStart() }
  switch (stage) {
    case "greeting": // CLASS-19: whatever listens there, it is no mail server
      return unreachable({ ...base, scope: "host", next: "host" })
    case "starttls": // CLASS-25
      return unreachable({ ...base, enhanced: "4.7.4", scope: "host", next: "host" })
    case "auth":
      return unreachable({ ...base, enhanced: "4.7.8", scope: "relay", next: "later" })
    case "ehlo":
      return temp({ ...base, scope: "host", next: "host" })
    case "data-end": // The verdict about a message that has arrived is unknown, as in CLASS-52
      return temp({ ...base, scope: "message", next: "later", uncertain: true })
    default:
      return temp({ ...base, scope: "message", next: "host" })
  }
}

const transient = (stage: Stage, reply: Reply.Reply, base: Base): Failure => {
  switch (stage) {
    case "greeting": // CLASS-17
    case "ehlo": // CLASS-20, CLASS-22
      return temp({ ...base, scope: "host", next: "host" })
    case "starttls": // CLASS-25; an opportunistic session goes on in clear text and makes no failure of it
      return unreachable({ ...base, enhanced: base.enhanced ?? "4.7.4", scope: "host", next: "host" })
    case "auth": // CLASS-31
      return temp({ ...base, enhanced: base.enhanced ?? "4.7.0", scope: "relay", next: "later" })
    case "mail": // CLASS-35, CLASS-36
      return temp({ ...base, scope: "message", next: "host" })
    case "rcpt": // CLASS-40, CLASS-44
      return reply.code === 421
        ? temp({ ...base, enhanced: base.enhanced ?? "4.4.2", scope: "recipient", next: "host" })
        : temp({ ...base, scope: "recipient", next: "later" })
    default: // CLASS-45, CLASS-49, CLASS-50: the end of the message never goes on to another host
      return temp({ ...base, scope: "message", next: "later" })
  }
}

const permanent = (stage: Stage, reply: Reply.Reply, base: Base): Failure => {
  switch (stage) {
    case "greeting": // CLASS-18: final only by the policy, once the last host has said so for long enough
    case "ehlo": // CLASS-22
      return temp({ ...base, scope: "host", next: "host" })
    case "starttls": // CLASS-25
      return unreachable({ ...base, enhanced: base.enhanced ?? "4.7.4", scope: "host", next: "host" })
    case "auth": // CLASS-32: our own configuration, never a reason to bounce somebody's mail
      return unreachable({
        ...base,
        enhanced: base.enhanced ?? "4.7.8",
        scope: "relay",
        next: "later",
        hint: "Check the user name and the password for this server"
      })
    case "mail": // CLASS-37; 503 says that the session is out of step, not that the mail is bad (CLASS-59)
      return reply.code === 503
        ? temp({ ...base, scope: "message", next: "later" })
        : perm({ ...base, scope: "message", next: "never" })
    case "rcpt": // CLASS-42, CLASS-43
      return reply.code === 552 && !aboutThisRecipient(reply)
        ? temp({ ...base, scope: "recipient", next: "later" })
        : perm({ ...base, scope: "recipient", next: "never" })
    default: // CLASS-45, CLASS-49, CLASS-51
      return perm({ ...base, scope: "message", next: "never" })
  }
}

// 552 to RCPT is the old way to say "too many recipients" (RFC 5321 section 4.5.3.1.10), unless the enhanced code says
// that it is about this address, this mailbox or the size of the message (RFC 1870 section 6).
const aboutThisRecipient = ({ enhanced }: Reply.Reply): boolean =>
  enhanced !== undefined && (enhanced.startsWith("5.1.") || enhanced.startsWith("5.2.") || enhanced === "5.3.4")

const fromLost = (lost: Lost, where: Where): Failure => {
  const base = { ...where, stage: lost.stage, reason: lost.detail, hint: lost.hint }
  // CLASS-52, CLASS-57: whatever ended it, the message may have been delivered, so never on to another host.
  if (lost.stage === "data-end") {
    return temp({ ...base, enhanced: lostStatus(lost), scope: "message", next: "later", uncertain: true })
  }
  // CLASS-14: our own trouble is never held against the remote side.
  if (lost.kind === "local") return unreachable({ ...base, enhanced: "4.3.0", scope: "local", next: "later" })
  switch (lost.stage) {
    case "connect":
    case "greeting": // CLASS-13, CLASS-16, CLASS-19; a client that a server turns away by TLS often reads it here (TLS-018)
      return lost.kind === "tls" ? brokenTls(base) : notReached(lost, base)
    case "starttls":
    case "tls": // CLASS-25
      return brokenTls(base)
    case "rcpt": // CLASS-44
      return temp({ ...base, enhanced: lostStatus(lost), scope: "recipient", next: "host" })
    case "auth": // A server that cannot prove who it is must not be asked by another name (AUTH-021)
      if (lost.kind === "proof") return unreachable({ ...base, enhanced: "4.7.8", scope: "relay", next: "later" })
      return temp({ ...base, enhanced: lostStatus(lost), scope: "host", next: "host" })
    case "ehlo":
      if (lost.kind === "tls") return brokenTls(base)
      return temp({ ...base, enhanced: lostStatus(lost), scope: "host", next: "host" })
    default: // CLASS-35, CLASS-48, CLASS-58
      return temp({ ...base, enhanced: lostStatus(lost), scope: "message", next: "host" })
  }
}

const brokenTls = (base: Base): Failure => unreachable({ ...base, enhanced: "4.7.5", scope: "host", next: "host" })

const notReached = ({ kind, stage }: Lost, base: Base): Failure =>
  kind === "protocol"
    ? unreachable({ ...base, enhanced: "4.5.0", scope: "host", next: "host" })
    : unreachable({ ...base, enhanced: stage === "connect" ? "4.4.1" : "4.4.2", scope: "host", next: "address" })

const lostStatus = (lost: Lost): EnhancedStatus => (lost.kind === "protocol" ? "4.5.0" : "4.4.2")

const fromUnmet = (unmet: Unmet, where: Where): Failure => {
  const base = { ...where, stage: unmet.stage, reason: unmet.detail, hint: unmet.hint }
  switch (unmet.requirement) {
    case "tls": // CLASS-25
      return unreachable({ ...base, enhanced: "4.7.4", scope: "host", next: "host" })
    case "auth": // CLASS-32
      return unreachable({ ...base, enhanced: "4.7.8", scope: "relay", next: "later" })
    case "size": // CLASS-34
      return perm({ ...base, enhanced: "5.3.4", scope: "host", next: "host" })
    case "smtputf8": // CLASS-33
      return perm({ ...base, enhanced: "5.6.7", scope: "host", next: "host" })
    case "8bitmime": // CLASS-33
      return perm({ ...base, enhanced: "5.6.3", scope: "host", next: "host" })
    case "requiretls": // CLASS-30
      return perm({ ...base, enhanced: "5.7.30", scope: "host", next: "host" })
    case "proven-tls": // CLASS-30
      return perm({ ...base, enhanced: "5.7.10", scope: "host", next: "host" })
    case "extension":
      return perm({ ...base, enhanced: "5.3.3", scope: "host", next: "host" })
  }
}

// A verdict of a server about the recipient or the message outweighs everything. A 5xx that is only about one host does
// not, as long as another host may still say yes; and "maybe delivered" must not be forgotten for a plain "not now".
const weight = (failure: Failure): number => {
  if (failure._tag === "PermFailure") return failure.scope === "host" ? 0 : 4
  if (failure._tag === "Unreachable") return 1
  return failure.uncertain ? 3 : 2
}

/**
 * Of the failures that several hosts gave for the same recipient, the one to report and act on: a permanent verdict about
 * the recipient or the message, else an uncertain failure, else another temporary one, else `Unreachable`, else a permanent
 * fact about each of the hosts. Of equals the first one stays, so that the text of the preferred host is what people read.
 *
 * @category combinators
 * @since 0.1.0
 */
export const combine = (first: Failure, ...others: ReadonlyArray<Failure>): Failure =>
  others.reduce((best, failure) => (weight(failure) > weight(best) ? failure : best), first)
