/**
 * The client's side of SMTP, ESMTP and LMTP as dialogues: greet, upgrade, submit, reset, quit, the questions (verify,
 * expand, help, etrn), and what proxies say (xclient, xforward). Each function reads like the exchange in the RFC that it names. Nothing here waits, writes or
 * throws; a refusal or a lost connection is part of the result.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Address from "./Address.ts"
import * as Capabilities from "./Capabilities.ts"
import * as Command from "./Command.ts"
import * as Dialogue from "./Dialogue.ts"
import type { Envelope, Recipient } from "./Envelope.ts"
import type { Problem } from "./Failure.ts"
import { tellAttributes } from "./internal/attributes.ts"
import { ahead, type Done, type Prepared, transaction } from "./internal/transaction.ts"
import type * as Parameters from "./Parameters.ts"
import { isPermanent, type Reply } from "./Reply.ts"
import * as Sasl from "./Sasl.ts"
import * as SmtpAuth from "./SmtpAuth.ts"

/**
 * How a client introduces itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface Introduction {
  /** The client's domain name or address literal (RFC 5321 section 4.1.1.1). */
  readonly name: string
  /** SMTP says EHLO, LMTP says LHLO (RFC 2033 section 4.1). */
  readonly protocol: "smtp" | "lmtp"
  /** Whether a server that does not know EHLO is good enough: without extensions there is no TLS and no AUTH (CLASS-21). */
  readonly helo: boolean
}

/**
 * Awaits the greeting and introduces the client (RFC 5321 sections 3.1 and 3.2).
 *
 * @category dialogues
 * @since 0.1.0
 */
export function* greet(
  introduction: Introduction
): Dialogue.Dialogue<Result.Result<Capabilities.Capabilities, Problem>> {
  const greeting = yield* Dialogue.listen("greeting")
  if (Result.isFailure(greeting)) return Result.fail(greeting.failure)
  if (greeting.success.code !== 220) return Result.fail(Dialogue.refused("greeting", greeting.success))
  return yield* hello(introduction)
}

/**
 * Says EHLO (or LHLO), and HELO to a server that refuses it (SMTP-022) where that is good enough. Everything learned from an
 * earlier EHLO is to be forgotten (RFC 3207 section 4.2).
 *
 * @category dialogues
 * @since 0.1.0
 */
export function* hello(
  introduction: Introduction
): Dialogue.Dialogue<Result.Result<Capabilities.Capabilities, Problem>> {
  const command = introduction.protocol === "lmtp" ? Command.lhlo(introduction.name) : Command.ehlo(introduction.name)
  const reply = yield* Dialogue.ask(command)
  if (Result.isFailure(reply)) return Result.fail(reply.failure)
  if (reply.success.code === 250) return Result.succeed(Capabilities.fromReply(reply.success))
  const mayFallBack = isPermanent(reply.success) && introduction.protocol === "smtp" && introduction.helo
  if (!mayFallBack) return Result.fail(Dialogue.refused("ehlo", reply.success, Command.redacted(command)))
  const helo = yield* Dialogue.expect(Command.helo(introduction.name), 250)
  return Result.map(helo, (reply) => Capabilities.none(reply.lines[0]?.split(" ")[0]))
}

/**
 * Turns the connection into a TLS session (RFC 3207) and introduces the client again, since the first capabilities came
 * in clear text; HELO would not do.
 *
 * A server that refuses STARTTLS (stage `starttls`) leaves the connection as it was. After a problem of any other stage the
 * connection is useless: the handshake failed (`tls`), or what followed it did (`ehlo`).
 *
 * @category dialogues
 * @since 0.1.0
 */
export function* secure(
  introduction: Introduction
): Dialogue.Dialogue<Result.Result<Capabilities.Capabilities, Problem>> {
  const ready = yield* Dialogue.expect(Command.startTls, 220)
  if (Result.isFailure(ready)) return Result.fail(ready.failure)
  const upgraded = yield { _tag: "Upgrade" }
  if (upgraded.lost !== undefined) return Result.fail(upgraded.lost)
  return yield* hello({ ...introduction, helo: false })
}

/**
 * Authenticates the client (RFC 4954) with the first mechanism that both sides know and the policy allows; see `Sasl`. A
 * server that offers none of them is not asked.
 *
 * @category dialogues
 * @since 0.1.0
 */
export function* authenticate(
  credentials: Sasl.Credentials,
  session: Sasl.Session,
  policy?: Partial<Sasl.Policy>
): Dialogue.Dialogue<Result.Result<SmtpAuth.Authenticated, Problem>> {
  const mechanisms = Sasl.choose(credentials, session, policy)
  if (Result.isFailure(mechanisms)) return Result.fail(mechanisms.failure)
  const exchange = SmtpAuth.authenticate(mechanisms.success)
  let step = exchange.next()
  while (step.done !== true) {
    const answer = yield step.value._tag === "Compute" ? step.value : authLine(step.value)
    const response = step.value._tag === "Compute" ? answer.octets : answer.replies[0]
    if (response === undefined) return Result.fail(answer.lost ?? Dialogue.nothing("auth"))
    step = exchange.next(response)
  }
  return Result.mapError(step.value, ({ problem }) => problem)
}

const authLine = ({ line, shown }: SmtpAuth.Say): Dialogue.Flight =>
  Dialogue.flight([{ _tag: "Line", stage: "auth", wire: Redacted.make(`${Redacted.value(line)}\r\n`), shown }])

/**
 * Discards the transaction (RFC 5321 section 4.1.1.5).
 *
 * @category dialogues
 * @since 0.1.0
 */
export const reset = (): Dialogue.Dialogue<Result.Result<Reply, Problem>> => Dialogue.expect(Command.rset, 250)

/**
 * Does nothing but prove that the server is there (RFC 5321 section 4.1.1.9).
 *
 * @category dialogues
 * @since 0.1.0
 */
export const noop = (): Dialogue.Dialogue<Result.Result<Reply, Problem>> => Dialogue.expect(Command.noop(), 250)

/**
 * Ends the session (RFC 5321 section 4.1.1.10).
 *
 * @category dialogues
 * @since 0.1.0
 */
export const quit = (): Dialogue.Dialogue<Result.Result<Reply, Problem>> => Dialogue.expect(Command.quit, 221)

/**
 * Asks whether a mailbox or a user exists (RFC 5321 section 3.5); 252 means that the server does not tell. With `utf8` both
 * question and reply may be non-ASCII; the server must offer SMTPUTF8 (RFC 6531 section 3.7.4.2).
 *
 * @category dialogues
 * @since 0.1.0
 */
export const verify = (name: string, utf8 = false): Dialogue.Dialogue<Result.Result<Reply, Problem>> =>
  Dialogue.expect(Command.vrfy(name, utf8), 250, 251, 252)

/**
 * Asks for the members of a mailing list, one per line of the reply (RFC 5321 section 3.5); `utf8` as in `verify`.
 *
 * @category dialogues
 * @since 0.1.0
 */
export const expand = (list: string, utf8 = false): Dialogue.Dialogue<Result.Result<Reply, Problem>> =>
  Dialogue.expect(Command.expn(list, utf8), 250, 252)

/**
 * Asks for help, for people to read (RFC 5321 section 4.1.1.8).
 *
 * @category dialogues
 * @since 0.1.0
 */
export const help = (topic?: string): Dialogue.Dialogue<Result.Result<Reply, Problem>> =>
  Dialogue.expect(Command.help(topic), 211, 214, 250)

/**
 * Asks the server to send what waits for a domain (RFC 1985). A server that does not offer ETRN is not asked (SMTP-241).
 *
 * @category dialogues
 * @since 0.1.0
 */
export function* etrn(
  capabilities: Capabilities.Capabilities,
  name: string
): Dialogue.Dialogue<Result.Result<Reply, Problem>> {
  if (!capabilities.supports("ETRN")) {
    return Result.fail({
      _tag: "Unmet",
      stage: "command",
      requirement: "extension",
      detail: "the server does not offer ETRN"
    })
  }
  return yield* Dialogue.expect(Command.etrn(name), 250, 251, 252, 253)
}

/**
 * Tells a server that trusts this client whom it speaks for: `NAME`, `ADDR`, `PORT`, `PROTO`, `HELO`, `LOGIN`, `DESTADDR`,
 * `DESTPORT` as plain values, an IPv6 address as `IPV6:2001:db8::1`, `[UNAVAILABLE]` for what is not known (Postfix
 * XCLIENT_README). The session begins again with that, so the client is introduced again, and what was learned before is to be
 * forgotten. Not within a transaction.
 *
 * A server that does not offer XCLIENT, or not for one of the attributes, is not asked; what does not fit one line is said in
 * several.
 *
 * @category dialogues
 * @since 0.1.0
 */
export function* xclient(
  capabilities: Capabilities.Capabilities,
  attributes: Readonly<Record<string, string>>,
  introduction: Introduction
): Dialogue.Dialogue<Result.Result<Capabilities.Capabilities, Problem>> {
  const told = yield* tellAttributes("XCLIENT", capabilities, attributes)
  return Result.isFailure(told) ? Result.fail(told.failure) : yield* hello({ ...introduction, helo: false })
}

/**
 * Tells a server behind a filter where the next message came from: `NAME`, `ADDR`, `PORT`, `PROTO`, `HELO`, `IDENT`, `SOURCE`
 * as `xclient` has them (Postfix XFORWARD_README). It is forgotten after the transaction. Not within one.
 *
 * @category dialogues
 * @since 0.1.0
 */
export const xforward = (
  capabilities: Capabilities.Capabilities,
  attributes: Readonly<Record<string, string>>
): Dialogue.Dialogue<Result.Result<Reply, Problem>> => tellAttributes("XFORWARD", capabilities, attributes)

/**
 * How a message is submitted.
 *
 * @category models
 * @since 0.1.0
 */
export interface SubmitOptions {
  readonly protocol: "smtp" | "lmtp"
  /** What becomes of a parameter whose extension the server does not offer. */
  readonly onMissing: "refuse" | "omit"
  /** At most so many recipients in one transaction, unless the server's LIMITS say less (RFC 9422). */
  readonly maxRecipients: number
  /**
   * Messages of up to so many octets are sent with BDAT where the server offers CHUNKING (RFC 3030), in one write with the
   * envelope where it offers PIPELINING, too. Binary content is always sent with BDAT; LMTP uses it for nothing else.
   */
  readonly maxChunk: number
  /**
   * Whether this session is under TLS with a server that has proved who it is. A message that asks for REQUIRETLS is sent in
   * no other (RFC 8689 section 4.2); false by default.
   */
  readonly proven?: boolean | undefined
  /** What earlier messages have used up of the limits of this session (RFC 9422); nothing by default. */
  readonly spent?: Spent | undefined
}

/**
 * What the messages of one session have used up of the limits that the server states for a session (LIMITS, RFC 9422).
 *
 * @category models
 * @since 0.1.0
 */
export interface Spent {
  /** How often MAIL was said. */
  readonly transactions: number
  /** The domains of the recipients that were named, in lower case. */
  readonly domains: ReadonlySet<string>
}

/**
 * The server took the message for this recipient.
 *
 * @category models
 * @since 0.1.0
 */
export interface Accepted {
  readonly _tag: "Accepted"
  readonly reply: Reply
}

/**
 * What the server made of one recipient.
 *
 * @category models
 * @since 0.1.0
 */
export type Verdict = Accepted | Problem

/**
 * What came of a submission.
 *
 * @category models
 * @since 0.1.0
 */
export interface Submission {
  /** One verdict per recipient, in the order of the envelope. */
  readonly verdicts: ReadonlyArray<Verdict>
  /** The parameters that were left out because the server does not offer their extension. */
  readonly omitted: ReadonlyArray<string>
  /** Whether the connection is at the start of a transaction again and can carry the next message. */
  readonly usable: boolean
  /** How often MAIL was said. */
  readonly transactions: number
  /**
   * Places of the recipients that this session has no room for any more (LIMITS): another session with the same server can
   * take them. Their verdicts say as much.
   */
  readonly left: ReadonlyArray<number>
  /** The next message's envelope, when it has gone out: `submit` that message next, with this as `sent`. */
  readonly rider: Rider | undefined
}

/**
 * An envelope that is ready to go out behind the end of the message before (PIPE-006); `ride` makes it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rider {
  /** MAIL, RCPT for each recipient, DATA. */
  readonly lines: NonEmptyReadonlyArray<Dialogue.Line>
  readonly prepared: Prepared
}

/**
 * A message's place among others on one connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface Train {
  /** This message's own envelope, when it has gone out behind the message before. */
  readonly sent?: Rider | undefined
  /**
   * What is to ride behind this message; asked at most once, when its end is about to be written, and told how often MAIL
   * has been said in this session.
   */
  readonly next?: ((transactions: number) => Rider | undefined) | undefined
}

/**
 * Makes a message's envelope ready to go out behind the end of the message before it on the same connection, so that
 * neither waits for the other's replies (RFC 2920, PIPE-006); `options.spent` counts that message, too. Undefined when the
 * message cannot ride: the server does not offer PIPELINING, it goes with BDAT, which takes one flight as it is, it cannot
 * be said to this server, or the session has no room for it.
 *
 * @category dialogues
 * @since 0.1.0
 */
export const ride = (
  envelope: Envelope,
  facts: Parameters.Body,
  capabilities: Capabilities.Capabilities,
  options: SubmitOptions
): Rider | undefined => {
  const { mailMax = Infinity, rcptDomainMax } = capabilities.limits
  if ((options.spent?.transactions ?? 0) >= mailMax) return undefined
  if (rcptDomainMax !== undefined && admit(envelope, capabilities, options).left.length > 0) return undefined
  const batch = upTo(roomOf(capabilities, options), envelope.recipients)
  return ahead({ envelope, batch, facts, capabilities, options })
}

/**
 * Submits a message (RFC 5321 section 3.3): in groups where the server offers PIPELINING (RFC 2920), in one write with BDAT
 * where it offers CHUNKING and the message is small enough (RFC 3030), in lock-step otherwise. Recipients beyond the
 * server's limit, and those it refused with "too many recipients", go in further transactions on the same connection
 * (CLASS-41).
 *
 * With a `train`, the envelope of the next message goes out in one write with the end of this one. It is only told of when
 * this message has come to its end and the connection can go on; otherwise the next message is as if it had never been
 * begun, and is to be submitted anew.
 *
 * @category dialogues
 * @since 0.1.0
 */
export function* submit(
  envelope: Envelope,
  facts: Parameters.Body,
  capabilities: Capabilities.Capabilities,
  options: SubmitOptions,
  train: Train = {}
): Dialogue.Dialogue<Submission> {
  const { mailMax = Infinity, rcptDomainMax } = capabilities.limits
  const before = options.spent?.transactions ?? 0
  const batch = envelope.recipients
  const roomy = rcptDomainMax === undefined && batch.length <= roomOf(capabilities, options)
  if (!roomy || before >= mailMax) return yield* inGroups(envelope, facts, capabilities, options, train)
  // All go in one transaction, as nearly always.
  const next = () => train.next?.(before + 1)
  const done = yield* transaction({ envelope, batch, facts, capabilities, options, sent: train.sent, next })
  if (done.again.size > 0) return yield* inGroups(envelope, facts, capabilities, options, train, done)
  const { omitted, rider, verdicts } = done
  return { verdicts, omitted, usable: done.usable && before + 1 < mailMax, transactions: 1, left: noneLeft, rider }
}

const noneLeft: ReadonlyArray<number> = []

// One transaction after the other, for whom there is room in each; `first` is the one that is done already.
function* inGroups(
  envelope: Envelope,
  facts: Parameters.Body,
  capabilities: Capabilities.Capabilities,
  options: SubmitOptions,
  train: Train,
  first?: Done
): Dialogue.Dialogue<Submission> {
  const { mailMax = Infinity } = capabilities.limits
  const verdicts: Array<Verdict | undefined> = envelope.recipients.map(() => undefined)
  const omitted: Array<string> = []
  const before = options.spent?.transactions ?? 0
  let { left, waiting } = admit(envelope, capabilities, options)
  let room = roomOf(capabilities, options)
  let count = 0
  let usable = true
  let rider: Rider | undefined
  let stopped: Problem | undefined
  while (waiting.length > 0 && stopped === undefined && before + count < mailMax) {
    const group = upTo(room, waiting)
    const batch = group.map(({ recipient }) => recipient)
    const sent = count === 0 ? train.sent : undefined
    const said = before + count + 1
    const next = group.length === waiting.length ? () => train.next?.(said) : undefined
    const done =
      count === 0 && first !== undefined
        ? first
        : yield* transaction({ envelope, batch, facts, capabilities, options, sent, next })
    count++
    for (const keyword of done.omitted) if (!omitted.includes(keyword)) omitted.push(keyword)
    group.forEach(({ index }, place) => (verdicts[index] = done.again.has(place) ? undefined : done.verdicts[place]))
    const again = group.filter((_, place) => done.again.has(place))
    waiting = group.length === waiting.length ? again : [...again, ...waiting.slice(group.length)]
    // A server without room for all says how many it has room for.
    if (again.length > 0) room = group.length - again.length
    usable = done.usable
    rider = done.rider
    stopped = done.refusal ?? (usable ? undefined : unsent(done.verdicts))
  }
  if (stopped === undefined) left = [...waiting.map(({ index }) => index), ...left]
  return {
    verdicts: verdicts.map((verdict) => verdict ?? stopped ?? noRoom),
    omitted,
    usable: usable && before + count < mailMax,
    transactions: count,
    left,
    rider
  }
}

interface Waiting {
  readonly recipient: Recipient
  readonly index: number
}

const upTo = <A>(room: number, all: ReadonlyArray<A>): ReadonlyArray<A> =>
  all.length <= room ? all : all.slice(0, room)

const roomOf = ({ limits: { rcptMax = Infinity } }: Capabilities.Capabilities, { maxRecipients }: SubmitOptions) =>
  Math.max(1, Math.min(maxRecipients, rcptMax))

// Whom the session has room for: a server may take mail for so many domains in one session only (RFC 9422).
const admit = (
  { recipients }: Envelope,
  { limits: { rcptDomainMax } }: Capabilities.Capabilities,
  { spent }: SubmitOptions
): { waiting: ReadonlyArray<Waiting>; left: ReadonlyArray<number> } => {
  const all = recipients.map((recipient, index): Waiting => ({ recipient, index }))
  if (rcptDomainMax === undefined) return { waiting: all, left: [] }
  const domains = new Set(spent?.domains)
  const waiting = all.filter(({ recipient }) => {
    const domain = domainOf(recipient)
    if (domains.size < rcptDomainMax) domains.add(domain)
    return domains.has(domain)
  })
  const admitted = new Set(waiting)
  return { waiting, left: all.filter((one) => !admitted.has(one)).map(({ index }) => index) }
}

/**
 * The domain of a recipient as a server counts it (RCPTDOMAINMAX, RFC 9422): A-labels in lower case; none for the bare
 * `postmaster`.
 *
 * @category getters
 * @since 0.1.0
 */
export const domainOf = ({ address }: Recipient): string =>
  address === "postmaster" ? "" : Address.asciiDomain(address).toLowerCase()

const noRoom: Problem = {
  _tag: "Lost",
  stage: "mail",
  kind: "closed",
  detail: "the server takes no more mail in one session (LIMITS)"
}

// A recipient whose transaction never began, because an earlier one ended the session.
const unsent = (verdicts: ReadonlyArray<Verdict>): Problem => ({
  _tag: "Lost",
  stage: "mail",
  kind: "closed",
  detail:
    verdicts.find((verdict) => verdict._tag === "Lost")?.detail ??
    "the connection could not be used for the remaining recipients"
})
