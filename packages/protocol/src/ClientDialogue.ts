/**
 * The client's side of SMTP, ESMTP and LMTP as dialogues: greet, upgrade, submit, reset, quit, and the questions (verify,
 * expand, help, etrn). Each function reads like the exchange in the RFC that it names. Nothing here waits, writes or
 * throws; a refusal or a lost connection is part of the result.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Capabilities from "./Capabilities.ts"
import * as Command from "./Command.ts"
import * as Dialogue from "./Dialogue.ts"
import type { Envelope, Recipient } from "./Envelope.ts"
import type { Lost, Problem } from "./Failure.ts"
import * as Parameters from "./Parameters.ts"
import type { Reply } from "./Reply.ts"
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
 * Says EHLO (or LHLO), and HELO to a server that refuses it (SMTP-022). Everything learned from an earlier EHLO is to be
 * forgotten (RFC 3207 section 4.2).
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
  const mayFallBack = reply.success.code >= 500 && introduction.protocol === "smtp" && introduction.helo
  if (!mayFallBack) return Result.fail(Dialogue.refused("ehlo", reply.success, Command.redacted(command)))
  const helo = yield* Dialogue.expect(Command.helo(introduction.name), 250)
  return Result.map(helo, (reply) => Capabilities.none(reply.lines[0]?.split(" ")[0]))
}

/**
 * Turns the connection into a TLS session (RFC 3207) and introduces the client again, since the first capabilities came
 * in clear text. A server that refuses leaves the connection as it was; one that fails the handshake has ended it.
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
 * Asks whether a mailbox or a user exists (RFC 5321 section 3.5); 252 means that the server does not tell.
 *
 * @category dialogues
 * @since 0.1.0
 */
export const verify = (name: string): Dialogue.Dialogue<Result.Result<Reply, Problem>> =>
  Dialogue.expect(Command.vrfy(name), 250, 251, 252)

/**
 * Asks for the members of a mailing list, one per line of the reply (RFC 5321 section 3.5).
 *
 * @category dialogues
 * @since 0.1.0
 */
export const expand = (list: string): Dialogue.Dialogue<Result.Result<Reply, Problem>> =>
  Dialogue.expect(Command.expn(list), 250, 252)

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
  /** Messages of up to so many octets ride in one write with the envelope when the server offers CHUNKING (RFC 3030). */
  readonly maxChunk: number
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
}

/**
 * Submits a message (RFC 5321 section 3.3): in groups where the server offers PIPELINING (RFC 2920), in one write with BDAT
 * where it offers CHUNKING and the message is small enough (RFC 3030), in lock-step otherwise. Recipients beyond the
 * server's limit, and those it refused with "too many recipients", go in further transactions on the same connection
 * (CLASS-41).
 *
 * @category dialogues
 * @since 0.1.0
 */
export function* submit(
  envelope: Envelope,
  facts: Parameters.Body,
  capabilities: Capabilities.Capabilities,
  options: SubmitOptions
): Dialogue.Dialogue<Submission> {
  const verdicts = new Map<Recipient, Verdict>()
  const limit = Math.max(1, Math.min(options.maxRecipients, capabilities.limits.rcptMax ?? Infinity))
  let omitted: ReadonlyArray<string> = []
  let usable = true
  let waiting: ReadonlyArray<Recipient> = envelope.recipients
  while (waiting.length > 0 && usable) {
    const batch = waiting.slice(0, limit)
    const done = yield* transaction({ envelope, batch, facts, capabilities, options })
    batch.forEach((recipient, index) => verdicts.set(recipient, done.verdicts[index] ?? Dialogue.nothing("rcpt")))
    omitted = done.omitted
    usable = done.usable
    waiting = [...batch.filter((_, index) => done.again.has(index)), ...waiting.slice(limit)]
  }
  const last = [...verdicts.values()].findLast((verdict) => verdict._tag !== "Accepted")
  return {
    verdicts: envelope.recipients.map((recipient) => verdicts.get(recipient) ?? unsent(last)),
    omitted,
    usable
  }
}

// A recipient whose transaction never began because an earlier one broke the connection.
const unsent = (cause: Verdict | undefined): Problem => ({
  _tag: "Lost",
  stage: "mail",
  kind: "closed",
  detail: cause?._tag === "Lost" ? cause.detail : "the connection could not be used for the remaining recipients"
})

interface Transaction {
  readonly envelope: Envelope
  readonly batch: ReadonlyArray<Recipient>
  readonly facts: Parameters.Body
  readonly capabilities: Capabilities.Capabilities
  readonly options: SubmitOptions
}

interface Done {
  readonly verdicts: ReadonlyArray<Verdict>
  readonly omitted: ReadonlyArray<string>
  readonly usable: boolean
  /** Indices of the recipients that this transaction had no room for. */
  readonly again: ReadonlySet<number>
}

interface Prepared {
  readonly mail: Dialogue.Line
  readonly recipients: ReadonlyArray<Dialogue.Line | Problem>
  readonly omitted: ReadonlyArray<string>
}

const isProblem = (line: Dialogue.Line | Problem): line is Problem => line._tag !== "Line"

const prepare = (tx: Transaction): Result.Result<Prepared, Problem> => {
  const mail = Parameters.mail(tx.envelope, tx.facts, tx.capabilities, tx.options.onMissing)
  if (Result.isFailure(mail)) return Result.fail(mail.failure)
  const line = Dialogue.line(Command.mail(mail.success.path, mail.success.parameters))
  if (Result.isFailure(line)) return Result.fail(line.failure)
  const omitted = new Set(mail.success.omitted)
  const recipients = tx.batch.map((recipient): Dialogue.Line | Problem => {
    const parameters = Parameters.rcpt(recipient, mail.success.utf8, tx.capabilities, tx.options.onMissing)
    if (Result.isFailure(parameters)) return parameters.failure
    for (const keyword of parameters.success.omitted) omitted.add(keyword)
    const encoded = Dialogue.line(Command.rcpt(parameters.success.path, parameters.success.parameters))
    return Result.isFailure(encoded) ? encoded.failure : encoded.success
  })
  return Result.succeed({ mail: line.success, recipients, omitted: [...omitted] })
}

function* transaction(tx: Transaction): Dialogue.Dialogue<Done> {
  const prepared = prepare(tx)
  if (Result.isFailure(prepared)) return nobody(tx, prepared.failure)
  const { mail, omitted, recipients } = prepared.success
  const lines = recipients.filter((line): line is Dialogue.Line => !isProblem(line))
  const [first, ...others] = lines
  const done =
    first === undefined
      ? { verdicts: [], usable: true, again: new Set<number>() }
      : yield* exchange(tx, mail, [first, ...others])
  return spread(recipients, done, omitted)
}

const nobody = (tx: Transaction, problem: Problem): Done => ({
  verdicts: tx.batch.map(() => problem),
  omitted: [],
  usable: true,
  again: new Set()
})

// Puts the verdicts of the recipients that were sent back among those that were not.
const spread = (
  recipients: ReadonlyArray<Dialogue.Line | Problem>,
  done: Omit<Done, "omitted">,
  omitted: ReadonlyArray<string>
): Done => {
  let sent = 0
  const again = new Set<number>()
  const verdicts = recipients.map((line, index): Verdict => {
    if (isProblem(line)) return line
    if (done.again.has(sent)) again.add(index)
    return done.verdicts[sent++] ?? Dialogue.nothing("rcpt")
  })
  return { verdicts, omitted, usable: done.usable, again }
}

type Recipients = NonEmptyReadonlyArray<Dialogue.Line>

// What the server said until the message could be sent.
interface Opening {
  readonly mail: Reply | undefined
  readonly recipients: ReadonlyArray<Reply>
  /** The reply to DATA, or to BDAT when the message went with it. */
  readonly data: Reply | undefined
  readonly lost: Lost | undefined
  /** Whether the message itself has been written already. */
  readonly sent: boolean
}

function* exchange(tx: Transaction, mail: Dialogue.Line, lines: Recipients): Dialogue.Dialogue<Omit<Done, "omitted">> {
  const pipelined = tx.capabilities.supports("PIPELINING")
  const opening = pipelined ? yield* inOneFlight(tx, mail, lines) : yield* inLockStep(tx, mail, lines)
  const asked = judge(mail, lines, opening)
  const accepted = asked.filter((verdict) => verdict._tag === "Accepted").length
  if (accepted === 0) return { verdicts: asked, again: new Set(), usable: yield* abandon(opening) }
  const again = tooMany(asked)
  if (opening.sent) return { ...(yield* finishChunk(asked, opening)), again }
  if (opening.data?.code !== 354) return { ...(yield* refuseData(asked, opening)), again }
  const replies = tx.options.protocol === "lmtp" ? accepted : 1
  const answer = yield content("dots", replies)
  return { ...conclude(asked, answer.replies, answer.lost, tx.options.protocol === "lmtp" ? "each" : "one"), again }
}

const dataLine: Dialogue.Line = { _tag: "Line", stage: "data", wire: "DATA\r\n", shown: "DATA" }

const content = (framing: "dots" | "none", replies: number): Dialogue.Flight => ({
  _tag: "Flight",
  items: [{ _tag: "Content", framing }],
  awaits: ["data-end", ...Array.from({ length: replies - 1 }, () => "data-end" as const)]
})

// One write for the envelope and DATA (RFC 2920 section 3.1), or for the envelope and the whole message (RFC 3030).
function* inOneFlight(tx: Transaction, mail: Dialogue.Line, lines: Recipients): Dialogue.Dialogue<Opening> {
  const size = chunkSize(tx)
  const items: ReadonlyArray<Dialogue.Line | Dialogue.Content> =
    size === undefined
      ? [mail, ...lines, dataLine]
      : [mail, ...lines, bdatLine(size), { _tag: "Content", framing: "octets" }]
  const answer = yield {
    _tag: "Flight",
    items,
    awaits: ["mail", ...lines.map(() => "rcpt" as const), size === undefined ? "data" : "data-end"]
  }
  return {
    mail: answer.replies[0],
    recipients: answer.replies.slice(1, 1 + lines.length),
    data: answer.replies[1 + lines.length],
    lost: answer.lost,
    sent: size !== undefined
  }
}

const bdatLine = (size: number): Dialogue.Line => ({
  _tag: "Line",
  stage: "body",
  wire: `BDAT ${size} LAST\r\n`,
  shown: `BDAT ${size} LAST`
})

// In LMTP the number of replies after the message is known only when the recipients' replies are in.
const chunkSize = ({ capabilities, facts, options }: Transaction): number | undefined => {
  if (facts.size === undefined || options.protocol === "lmtp" || !capabilities.supports("CHUNKING")) return undefined
  // DATA cannot carry a binary message, however large it is (RFC 3030 section 3).
  return facts.size <= options.maxChunk || facts.encoding === "binary" ? facts.size : undefined
}

function* inLockStep(_tx: Transaction, mail: Dialogue.Line, lines: Recipients): Dialogue.Dialogue<Opening> {
  const recipients: Array<Reply> = []
  const opened = yield Dialogue.flight([mail])
  const begun = opened.replies[0]
  const opening = (data: Reply | undefined, lost: Lost | undefined): Opening => ({
    mail: begun,
    recipients,
    data,
    lost,
    sent: false
  })
  if (begun?.code !== 250) return opening(undefined, opened.lost)
  for (const line of lines) {
    const answer = yield Dialogue.flight([line])
    const reply = answer.replies[0]
    if (reply === undefined) return opening(undefined, answer.lost)
    recipients.push(reply)
    if (reply.code === 421) return opening(undefined, undefined)
  }
  if (!recipients.some(accepts)) return opening(undefined, undefined)
  const answer = yield Dialogue.flight([dataLine])
  return opening(answer.replies[0], answer.lost)
}

// 250 and 251 mean that this server takes the recipient (RFC 5321 section 3.4); any other 2yz is read the same way.
const accepts = (reply: Reply): boolean => reply.code >= 200 && reply.code < 300

const judge = (mail: Dialogue.Line, lines: Recipients, opening: Opening): ReadonlyArray<Verdict> => {
  const broken = opening.lost ?? Dialogue.nothing("mail")
  if (opening.mail === undefined) return lines.map(() => broken)
  const refusal = opening.mail
  if (!accepts(refusal)) return lines.map(() => Dialogue.refused("mail", refusal, mail.shown))
  // After a 421 nothing that was said before counts, and what was not said yet never will be (CLASS-44).
  const closing = opening.recipients.findIndex((reply) => reply.code === 421)
  const farewell = closing < 0 ? undefined : opening.recipients[closing]
  return lines.map((line, index): Verdict => {
    const reply = opening.recipients[index]
    if (farewell !== undefined && (reply === undefined || accepts(reply))) {
      return Dialogue.refused("rcpt", farewell, line.shown)
    }
    if (reply === undefined) return opening.lost ?? Dialogue.nothing("rcpt")
    return accepts(reply) ? { _tag: "Accepted", reply } : Dialogue.refused("rcpt", reply, line.shown)
  })
}

// CLASS-41: after somebody was accepted, "too many recipients" is not a verdict about the recipient.
const tooMany = (verdicts: ReadonlyArray<Verdict>): ReadonlySet<number> => {
  const again = new Set<number>()
  let accepted = false
  verdicts.forEach((verdict, index) => {
    if (verdict._tag === "Accepted") accepted = true
    if (accepted && verdict._tag === "Refused" && saysTooMany(verdict.reply)) again.add(index)
  })
  return again
}

const saysTooMany = (reply: Reply): boolean =>
  reply.code === 452
    ? reply.enhanced === undefined || reply.enhanced === "4.5.3" || reply.enhanced.startsWith("4.3.")
    : (reply.code === 552 && reply.enhanced === undefined) || (reply.enhanced?.endsWith(".5.3") ?? false)

// Nobody was accepted: end what may be open. A server that wants data all the same gets a lone dot (CLASS-47); its answer
// to DATA says nothing about the recipients (CLASS-46).
function* abandon(opening: Opening): Dialogue.Dialogue<boolean> {
  if (opening.lost !== undefined || closes(opening)) return false
  if (opening.data?.code === 354) {
    const answer = yield content("none", 1)
    if (answer.lost !== undefined) return false
  }
  if (opening.mail !== undefined && !accepts(opening.mail)) return opening.mail.code !== 503
  return Result.isSuccess(yield* reset())
}

const closes = (opening: Opening): boolean =>
  opening.mail?.code === 421 || opening.data?.code === 421 || opening.recipients.some((reply) => reply.code === 421)

// Somebody was accepted, and then DATA was not answered with 354 (CLASS-45); a 2yz or 3yz there is out of step (SMTP-102).
function* refuseData(
  asked: ReadonlyArray<Verdict>,
  opening: Opening
): Dialogue.Dialogue<Pick<Done, "verdicts" | "usable">> {
  const { data } = opening
  const problem =
    data === undefined ? (opening.lost ?? Dialogue.nothing("data")) : Dialogue.refused("data", data, "DATA")
  const verdicts = asked.map((verdict): Verdict => (verdict._tag === "Accepted" ? problem : verdict))
  const inStep = data !== undefined && data.code >= 400 && !closes(opening)
  return { verdicts, usable: inStep && Result.isSuccess(yield* reset()) }
}

// The message went with BDAT; after a refusal nothing but RSET may follow (RFC 3030 section 2).
function* finishChunk(
  asked: ReadonlyArray<Verdict>,
  opening: Opening
): Dialogue.Dialogue<Pick<Done, "verdicts" | "usable">> {
  const concluded = conclude(asked, [opening.data], opening.lost, "one")
  if (!concluded.usable || opening.data === undefined || accepts(opening.data)) return concluded
  return { verdicts: concluded.verdicts, usable: Result.isSuccess(yield* reset()) }
}

// Replaces "accepted so far" by what the server said about the message: one word for all, or one for each in LMTP (RFC 2033).
const conclude = (
  asked: ReadonlyArray<Verdict>,
  replies: ReadonlyArray<Reply | undefined>,
  lost: Lost | undefined,
  words: "one" | "each"
): Pick<Done, "verdicts" | "usable"> => {
  let next = 0
  const verdicts = asked.map((verdict): Verdict => {
    if (verdict._tag !== "Accepted") return verdict
    const reply = replies[words === "one" ? 0 : next++]
    if (reply === undefined) return lost ?? Dialogue.nothing("data-end")
    return accepts(reply) ? { _tag: "Accepted", reply } : Dialogue.refused("data-end", reply)
  })
  const inStep = replies.every(
    (reply) => reply !== undefined && reply.code !== 421 && !(reply.code >= 300 && reply.code < 400)
  )
  return { verdicts, usable: lost === undefined && inStep }
}
