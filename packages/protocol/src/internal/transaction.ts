/**
 * One mail transaction as a dialogue (RFC 5321 section 3.3): MAIL, RCPT for each recipient, the message. What may ride in one
 * write rides in one write (RFC 2920, RFC 3030); what the server then said is judged recipient by recipient.
 *
 * Two rules keep mail from being lost or sent twice. The message is written only where a 354 or a BDAT command asks for it,
 * and a recipient counts as accepted only by a reply to the message itself. And a connection is given up as soon as it is not
 * certain which reply belongs to which command.
 *
 * Behind the end of a message the envelope of the next one may ride (PIPE-006): the envelope, never a message, so that nothing
 * of the rider is lost or doubled whatever becomes of the connection. BDAT LAST ends a group (RFC 3030), so nothing rides
 * behind it; a message that goes with BDAT takes one flight as it is.
 *
 * @since 0.1.0
 */
import { isReadonlyArrayNonEmpty, type NonEmptyReadonlyArray } from "effect/Array"
import * as Result from "effect/Result"
import type { Capabilities } from "../Capabilities.ts"
import type { Rider, SubmitOptions, Verdict } from "../ClientDialogue.ts"
import * as Command from "../Command.ts"
import * as Dialogue from "../Dialogue.ts"
import type { Envelope, Recipient } from "../Envelope.ts"
import type { Lost, Problem, Unmet } from "../Failure.ts"
import * as Parameters from "../Parameters.ts"
import { isIntermediate, isPositive, type Reply } from "../Reply.ts"
import type { Stage } from "../Stage.ts"

/** What a transaction is made of. */
export interface Transaction {
  readonly envelope: Envelope
  /** The recipients of the envelope that this transaction is for. */
  readonly batch: ReadonlyArray<Recipient>
  readonly facts: Parameters.Body
  readonly capabilities: Capabilities
  readonly options: SubmitOptions
  /** The envelope, when it has gone out behind the message before. */
  readonly sent?: Rider | undefined
  /** Asked at the last flight, when nothing of this transaction is to be said again. */
  readonly next?: (() => Rider | undefined) | undefined
}

/** What came of it. */
export interface Done {
  readonly omitted: ReadonlyArray<string>
  /** One verdict per recipient of the batch, in its order. */
  readonly verdicts: ReadonlyArray<Verdict>
  /** Indices of the recipients that this transaction had no room for; their verdicts mean nothing. */
  readonly again: ReadonlySet<number>
  /** Why no further transaction with this sender need be tried. */
  readonly refusal: Problem | undefined
  /** Whether the connection is at the start of a transaction again. */
  readonly usable: boolean
  /** Whose envelope has gone out behind the message and waits for its replies. */
  readonly rider: Rider | undefined
}

const nobody: ReadonlySet<number> = new Set()

const nothingSaid = { again: nobody, usable: true, rider: undefined }

/** Runs one transaction. */
export function* transaction(tx: Transaction): Dialogue.Dialogue<Done> {
  const prepared = tx.sent === undefined ? prepare(tx) : Result.succeed(tx.sent.prepared)
  if (Result.isFailure(prepared)) {
    const problem = prepared.failure
    return { ...nothingSaid, verdicts: tx.batch.map(() => problem), refusal: problem, omitted: [] }
  }
  const { mail, omitted, recipients } = prepared.success
  const lines = recipients.filter(isLine)
  const done: Done = isReadonlyArrayNonEmpty(lines)
    ? yield* exchange(tx, mail, lines, omitted)
    : { ...nothingSaid, verdicts: [], refusal: undefined, omitted }
  return lines.length === recipients.length ? done : spread(recipients, done)
}

/**
 * Makes the envelope ready to ride behind the end of another message; undefined when it cannot, or need not: without
 * PIPELINING, with BDAT, and when there is nothing to ask.
 */
export const ahead = (tx: Transaction): Rider | undefined => {
  const { chunk, together } = planOf(tx)
  if (!together || chunk !== undefined) return undefined
  const prepared = prepare(tx)
  if (Result.isFailure(prepared)) return undefined
  const lines = prepared.success.recipients.filter(isLine)
  return lines.length === 0
    ? undefined
    : { lines: [prepared.success.mail, ...lines, dataLine], prepared: prepared.success }
}

/** An envelope that is ready to be written. */
export interface Prepared {
  readonly mail: Dialogue.Line
  /** What cannot be asked of this server is a problem of that recipient alone. */
  readonly recipients: ReadonlyArray<Dialogue.Line | Problem>
  readonly omitted: ReadonlyArray<string>
}

const isLine = (line: Dialogue.Line | Problem): line is Dialogue.Line => line._tag === "Line"

const isProblem = (line: Dialogue.Line | Problem): line is Problem => !isLine(line)

const prepare = ({ batch, capabilities, envelope, facts, options }: Transaction): Result.Result<Prepared, Problem> => {
  if (facts.encoding === "binary" && facts.size === undefined) return Result.fail(unknownSize)
  if (envelope.options.requireTls === true && options.proven !== true) return Result.fail(unproven)
  const mail = Parameters.mail(envelope, facts, capabilities, options.onMissing)
  if (Result.isFailure(mail)) return Result.fail(mail.failure)
  const { omitted, parameters, path, utf8 } = mail.success
  const line = Dialogue.line(Command.mail(path, parameters))
  if (Result.isFailure(line)) return Result.fail(line.failure)
  const all = [...omitted]
  const recipients = batch.map((recipient) => {
    const rcpt = Parameters.rcpt(recipient, utf8, capabilities, options.onMissing)
    if (Result.isFailure(rcpt)) return rcpt.failure
    for (const keyword of rcpt.success.omitted) if (!all.includes(keyword)) all.push(keyword)
    return Result.merge(Dialogue.line(Command.rcpt(rcpt.success.path, rcpt.success.parameters)))
  })
  return Result.succeed({ mail: line.success, recipients, omitted: all })
}

const unknownSize: Unmet = {
  _tag: "Unmet",
  stage: "mail",
  requirement: "8bitmime",
  detail: "the content is binary and its size is not known, which BDAT has to announce"
}

const unproven: Unmet = {
  _tag: "Unmet",
  stage: "mail",
  requirement: "proven-tls",
  detail: "the message asks for REQUIRETLS, and the session is not under TLS with a server that has proved who it is",
  hint: "Demand verified or pinned TLS of this server, or send the message without requireTls"
}

// Puts the verdicts of the recipients that were asked for back among those that were not.
const spread = (recipients: Prepared["recipients"], { again, verdicts, ...rest }: Done): Done => {
  const places = recipients.flatMap((line, index) => (isProblem(line) ? [] : [index]))
  const all: Array<Verdict> = recipients.map((line) => (isProblem(line) ? line : Dialogue.nothing("rcpt")))
  verdicts.forEach((verdict, index) => (all[places[index] ?? 0] = verdict))
  return { ...rest, verdicts: all, again: new Set([...again].map((index) => places[index] ?? 0)) }
}

type Recipients = NonEmptyReadonlyArray<Dialogue.Line>

// What the server said until it was, or could be, given the message.
interface Opening {
  readonly mail: Reply | undefined
  readonly recipients: ReadonlyArray<Reply>
  /** The reply to what rode with the envelope: DATA, or BDAT and the whole message. */
  readonly next: Reply | undefined
  readonly lost: Lost | undefined
}

// How the message follows the envelope.
interface Plan {
  /** The octets to announce with BDAT; undefined for DATA. */
  readonly chunk: number | undefined
  /** Whether DATA, or BDAT and the message, ride with the envelope, before it is known who is accepted. */
  readonly together: boolean
}

const planOf = ({ capabilities, facts: { encoding, size = Infinity }, options }: Transaction): Plan => {
  const pipelining = capabilities.supports("PIPELINING")
  const small = size <= options.maxChunk && options.protocol === "smtp" && capabilities.supports("CHUNKING")
  // DATA cannot carry a binary message, however large it is (RFC 3030 section 3).
  if (!small && encoding !== "binary") return { chunk: undefined, together: pipelining }
  // In LMTP the number of replies to the message is known only when the recipients' replies are in.
  return { chunk: size, together: pipelining && small }
}

function* exchange(
  tx: Transaction,
  mail: Dialogue.Line,
  lines: Recipients,
  omitted: ReadonlyArray<string>
): Dialogue.Dialogue<Done> {
  const plan = planOf(tx)
  const opening = tx.capabilities.supports("PIPELINING")
    ? openingOf(yield inOneFlight(plan, mail, lines, tx.sent !== undefined), lines)
    : yield* inLockStep(mail, lines)
  const written = plan.together && plan.chunk !== undefined
  const asked = judge(mail, lines, opening, written)
  const accepted = asked.filter(isAccepted).length
  if (accepted === 0) {
    const usable = yield* abandon(tx, opening, written)
    return { ...nothingSaid, verdicts: asked, refusal: mailRefusal(asked, opening), usable, omitted }
  }
  const again = tooMany(asked)
  const replies = tx.options.protocol === "lmtp" ? accepted : 1
  const { inStep, reset, rider, verdicts } =
    plan.chunk === undefined
      ? yield* finishData(asked, opening, replies, again.size === 0 ? tx.next : undefined)
      : finishChunk(asked, written ? riding(opening) : yield bdat(plan.chunk, replies), replies)
  const usable = inStep && !breaksOff(opening) && (!reset || (yield* forgotten()))
  return { verdicts, again, refusal: undefined, usable, rider: usable ? rider : undefined, omitted }
}

// The answer to a message that rode with the envelope.
const riding = ({ lost, next }: Opening): Dialogue.Answer => ({ replies: next === undefined ? [] : [next], lost })

// MAIL would be refused again, whoever the recipients are.
const mailRefusal = (asked: ReadonlyArray<Verdict>, { mail }: Opening): Problem | undefined =>
  mail === undefined || isPositive(mail) ? undefined : asked.find((verdict) => verdict._tag !== "Accepted")

const dataLine: Dialogue.Line = { _tag: "Line", stage: "data", wire: "DATA\r\n", shown: "DATA" }

const bdatItems = (size: number): ReadonlyArray<Dialogue.Line | Dialogue.Content> => [
  { _tag: "Line", stage: "body", wire: `BDAT ${size} LAST\r\n`, shown: `BDAT ${size} LAST` },
  { _tag: "Content", framing: "octets" }
]

const oneEnd: Dialogue.Flight["awaits"] = ["data-end"]

const dataEnds = (replies: number): Dialogue.Flight["awaits"] =>
  replies === 1 ? oneEnd : ["data-end", ...Array.from({ length: replies - 1 }, () => "data-end" as const)]

const bdat = (size: number, replies: number): Dialogue.Flight => ({
  _tag: "Flight",
  items: bdatItems(size),
  awaits: dataEnds(replies)
})

const content = (
  framing: "dots" | "none",
  replies: number,
  behind?: ReadonlyArray<Dialogue.Line>
): Dialogue.Flight => ({
  _tag: "Flight",
  items: [{ _tag: "Content", framing }],
  awaits: dataEnds(replies),
  behind
})

// One write for the envelope and, where the plan says so, what follows it.
const inOneFlight = (
  { chunk, together }: Plan,
  mail: Dialogue.Line,
  lines: Recipients,
  written: boolean
): Dialogue.Flight => {
  const items: Array<Dialogue.Line | Dialogue.Content> = [mail, ...lines]
  const awaits: [Stage, ...Array<Stage>] = ["mail"]
  for (const { stage } of lines) awaits.push(stage)
  if (together) {
    if (chunk === undefined) items.push(dataLine)
    else items.push(...bdatItems(chunk))
    awaits.push(chunk === undefined ? "data" : "data-end")
  }
  return { _tag: "Flight", items, awaits, written }
}

const openingOf = ({ lost, replies }: Dialogue.Answer, { length }: Recipients): Opening => ({
  mail: replies[0],
  recipients: replies.slice(1, 1 + length),
  next: replies[1 + length],
  lost
})

function* inLockStep(mail: Dialogue.Line, lines: Recipients): Dialogue.Dialogue<Opening> {
  const opened = yield Dialogue.flight([mail])
  const recipients: Array<Reply> = []
  const opening: Opening = { mail: opened.replies[0], recipients, next: undefined, lost: opened.lost }
  if (opening.mail === undefined || !isPositive(opening.mail)) return opening
  for (const line of lines) {
    const { lost, replies } = yield Dialogue.flight([line])
    if (replies[0] === undefined) return { ...opening, lost }
    recipients.push(replies[0])
    if (endsSession(replies[0])) break
  }
  return opening
}

const isAccepted = (verdict: Verdict): boolean => verdict._tag === "Accepted"

// A 421 ends the session; 3yz belongs to another command, so that the session is out of step (CLASS-58).
const endsSession = (reply: Reply): boolean => reply.code === 421 || isIntermediate(reply)

const breaksOff = ({ mail, recipients }: Opening): boolean =>
  mail === undefined ||
  endsSession(mail) ||
  recipients.some(endsSession) ||
  // A server that takes recipients without a sender is not where we think it is: a lone dot could send an empty message.
  (!isPositive(mail) && recipients.some(isPositive))

// 250 and 251 mean that this server takes the recipient (RFC 5321 section 3.4, CLASS-39); any other 2yz is read the same way
// (CLASS-60). Whoever was accepted before the session ended is accepted no more (CLASS-44), except when the message was
// written already: then only the reply to it can tell.
const judge = (mail: Dialogue.Line, lines: Recipients, opening: Opening, written: boolean): ReadonlyArray<Verdict> => {
  const refusal = opening.mail
  if (refusal === undefined) return lines.map(() => opening.lost ?? Dialogue.nothing("mail"))
  if (!isPositive(refusal)) return lines.map(() => Dialogue.refused("mail", refusal, mail.shown))
  const farewell = opening.recipients.find(endsSession)
  return lines.map((line, index): Verdict => {
    const reply = opening.recipients[index]
    if (reply !== undefined && !isPositive(reply)) return Dialogue.refused("rcpt", reply, line.shown)
    if (reply !== undefined && (written || (farewell === undefined && opening.lost === undefined))) {
      return { _tag: "Accepted", reply }
    }
    if (farewell !== undefined && !written) return Dialogue.refused("rcpt", farewell, line.shown)
    return opening.lost ?? Dialogue.nothing("rcpt")
  })
}

// CLASS-41: after somebody was accepted, "too many recipients" is not a verdict about the recipient.
const tooMany = (verdicts: ReadonlyArray<Verdict>): ReadonlySet<number> => {
  const first = verdicts.findIndex(isAccepted)
  if (verdicts.every(isAccepted)) return nobody
  return new Set(
    verdicts.flatMap((verdict, index) =>
      index > first && verdict._tag === "Refused" && saysTooMany(verdict.reply) ? [index] : []
    )
  )
}

const saysTooMany = ({ code, enhanced }: Reply): boolean =>
  enhanced === undefined
    ? code === 452 || code === 552
    : enhanced.endsWith(".5.3") || (code === 452 && enhanced.startsWith("4.3."))

// Nobody was accepted: end what may be open, and tell whether the connection is at the start of a transaction again. A server
// that wants data all the same gets a lone dot (CLASS-47); its answer to DATA says nothing about the recipients (CLASS-46).
function* abandon(tx: Transaction, opening: Opening, written: boolean): Dialogue.Dialogue<boolean> {
  const { lost, mail, next, recipients } = opening
  // CLASS-59: a server to which MAIL comes at the wrong time is not where we think it is.
  if (lost !== undefined || breaksOff(opening) || mail?.code === 503) return false
  if (recipients.length === 0) return true
  if (next?.code === 354 && !written) {
    // RFC 2033 section 4.2: nobody was accepted, so it is not defined whether the dot is answered.
    if (tx.options.protocol === "lmtp") return false
    const [answer] = (yield content("none", 1)).replies
    if (answer === undefined || endsSession(answer)) return false
  } else if (next !== undefined && (endsSession(next) || (!written && isPositive(next)))) {
    return false
  }
  return yield* forgotten()
}

function* forgotten(): Dialogue.Dialogue<boolean> {
  return Result.isSuccess(yield* Dialogue.expect(Command.rset, 250))
}

interface Concluded {
  readonly verdicts: ReadonlyArray<Verdict>
  /** Whether every command has had the one reply that belongs to it. */
  readonly inStep: boolean
  /** Whether the transaction is still open. */
  readonly reset: boolean
  readonly rider?: Rider | undefined
}

// Somebody was accepted, and the message goes with DATA. Not answered with 354 it is refused (CLASS-45) or out of step
// (SMTP-102).
function* finishData(
  asked: ReadonlyArray<Verdict>,
  opening: Opening,
  replies: number,
  next: Transaction["next"]
): Dialogue.Dialogue<Concluded> {
  const answer = opening.next === undefined ? yield Dialogue.flight([dataLine]) : riding(opening)
  const [data] = answer.replies
  if (data?.code === 354) {
    const rider = next?.()
    const { inStep, reset, verdicts } = conclude(asked, yield content("dots", replies, rider?.lines), replies)
    return { inStep, reset, rider, verdicts }
  }
  const problem =
    data === undefined ? (answer.lost ?? Dialogue.nothing("data")) : Dialogue.refused("data", data, dataLine.shown)
  return {
    verdicts: asked.map((verdict) => (isAccepted(verdict) ? problem : verdict)),
    inStep: data !== undefined && !isPositive(data) && !endsSession(data),
    reset: true
  }
}

// The message went with BDAT; after a refusal nothing but RSET may follow (RFC 3030 section 2).
const finishChunk = (asked: ReadonlyArray<Verdict>, answer: Dialogue.Answer, replies: number): Concluded => ({
  ...conclude(asked, answer, replies),
  reset: !answer.replies.every(isPositive)
})

// Replaces "accepted so far" by what the server said about the message: one word for all, or one for each in LMTP (RFC 2033,
// CLASS-56). Without a word the message may have been delivered or not (CLASS-52, CLASS-57).
const conclude = (asked: ReadonlyArray<Verdict>, answer: Dialogue.Answer, replies: number): Concluded => {
  let next = 0
  const verdicts = asked.map((verdict): Verdict => {
    if (!isAccepted(verdict)) return verdict
    const reply = answer.replies[replies === 1 ? 0 : next++]
    if (reply === undefined) return answer.lost ?? Dialogue.nothing("data-end")
    return isPositive(reply) ? { _tag: "Accepted", reply } : Dialogue.refused("data-end", reply)
  })
  const inStep = answer.replies.length === replies && !answer.replies.some(endsSession)
  return { verdicts, inStep, reset: false }
}
