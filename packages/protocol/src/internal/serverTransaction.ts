/**
 * MAIL, RCPT, DATA, BDAT and RSET as a server obeys them (RFC 5321 section 3.3, RFC 3030).
 *
 * @since 0.1.0
 */
import * as Reply from "../Reply.ts"
import type { ServerDialogue, Transaction } from "../ServerDialogue.ts"
import { wrongParameter } from "./serverParameters.ts"
import { type CommandOf, consult, forget, type Next, noAnswer, say, type State, tell } from "./serverState.ts"
import { isAscii, upperCase } from "./text.ts"

export function* onMail(state: State, { parameters, reversePath }: CommandOf<"Mail">): ServerDialogue<Next> {
  const { client, forwarded, hello, identity, options, transaction } = state
  if (hello === undefined) return yield* tell(503, "5.5.1 Say EHLO first")
  if (options.authRequired === true && identity === undefined) return yield* tell(530, "5.7.0 Authentication required")
  if (transaction !== undefined) return yield* tell(503, "5.5.1 A transaction is open already")
  // Every MAIL counts, whatever is said to it (RFC 9422 section 4.1).
  if (++state.mails > (options.maxMails ?? Infinity)) return yield* tell(421, "4.5.3 Too many transactions")
  const wrong = wrongParameter(state, "mail", parameters)
  if (wrong !== undefined) return yield* say(wrong)
  if (!isAscii(reversePath) && !parameters.has("SMTPUTF8")) {
    return yield* tell(550, "5.6.7 The sender's address needs SMTPUTF8")
  }
  if (Number(parameters.get("SIZE") ?? 0) > options.maxSize) return yield* tell(552, "5.3.4 The message is too large")
  const reply = yield* consult({ _tag: "Mail", reversePath, parameters, identity })
  if (Reply.isPositive(reply)) {
    state.transaction = { reversePath, parameters, recipients: [], identity, client, forwarded }
  }
  return yield* say(reply)
}

export function* onRcpt(state: State, { forwardPath, parameters }: CommandOf<"Rcpt">): ServerDialogue<Next> {
  const { transaction } = state
  if (transaction === undefined) return yield* tell(503, "5.5.1 Say MAIL first")
  if (state.chunks?.length !== 0) return yield* tell(503, "5.5.1 The message has begun")
  const wrong = wrongParameter(state, "rcpt", parameters)
  if (wrong !== undefined) return yield* say(wrong)
  if (!isAscii(forwardPath) && !transaction.parameters.has("SMTPUTF8")) {
    return yield* tell(553, "5.6.7 The recipient's address needs SMTPUTF8")
  }
  if (transaction.recipients.length >= state.options.maxRecipients) return yield* tell(452, "4.5.3 Too many recipients")
  const reply = yield* consult({ _tag: "Rcpt", forwardPath, parameters, transaction })
  if (Reply.isPositive(reply)) {
    state.transaction = { ...transaction, recipients: [...transaction.recipients, { forwardPath, parameters }] }
  }
  return yield* say(reply)
}

export function* onReset(state: State): ServerDialogue<Next> {
  forget(state)
  return yield* tell(250, "2.0.0 Reset")
}

// RFC 2033 section 4.2 wants 503 where nobody was accepted.
const noRecipients = ({ options }: State): ServerDialogue<Next> =>
  tell(options.protocol === "lmtp" ? 503 : 554, "5.5.1 No valid recipients")

const tooLarge = (): ServerDialogue<Next> => tell(552, "5.3.4 The message is too large")

const isBinary = ({ parameters }: Transaction): boolean => upperCase(parameters.get("BODY") ?? "") === "BINARYMIME"

export function* onData(state: State): ServerDialogue<Next> {
  const { transaction } = state
  if (transaction === undefined || state.chunks?.length !== 0 || isBinary(transaction)) {
    return yield* tell(503, "5.5.1 Bad sequence of commands")
  }
  if (transaction.recipients.length === 0) return yield* noRecipients(state)
  const reply = yield* consult({ _tag: "Data", transaction })
  if ((yield* say(reply)) === "end") return "end"
  if (reply.code !== 354) return "go on"
  const received = yield { _tag: "Receive", framing: "dots", limit: state.options.maxSize }
  forget(state)
  switch (received.content) {
    case undefined:
      return "end"
    case "too-large":
      return yield* tooLarge()
    case "bare-line-end":
      return yield* tell(554, "5.6.0 The message holds a bare CR or LF")
    default:
      return (yield* take(state, transaction, received.content)).next
  }
}

export function* onBdat(state: State, { last, size }: CommandOf<"Bdat">): ServerDialogue<Next> {
  if (!state.options.chunking) {
    // The data would be taken for commands (SMTP-154).
    yield* tell(502, "5.5.1 CHUNKING is not offered")
    return "end"
  }
  const { chunks = [], transaction } = state
  // The octets were announced, so they are read whatever is wrong (RFC 3030 section 2).
  const { content } = yield { _tag: "Receive", framing: size, limit: state.options.maxSize - state.octets }
  if (content === undefined) return "end"
  if (transaction === undefined || state.chunks === undefined) return yield* tell(503, "5.5.1 Bad sequence of commands")
  // Until the chunk is taken nothing but RSET may follow.
  state.chunks = undefined
  if (transaction.recipients.length === 0) return yield* noRecipients(state)
  if (typeof content === "string") return yield* tooLarge()
  // An empty chunk begins a message and adds nothing to one, so that no number of them costs memory.
  if (content.length > 0 || chunks.length === 0) chunks.push(content)
  state.octets += content.length
  if (last) return yield* finish(state, transaction, concat(chunks, state.octets))
  state.chunks = chunks
  return yield* tell(250, `2.0.0 ${size} octets received`)
}

function* finish(state: State, transaction: Transaction, content: Uint8Array): ServerDialogue<Next> {
  const { next, taken } = yield* take(state, transaction, content)
  if (taken) forget(state)
  return next
}

const concat = (chunks: ReadonlyArray<Uint8Array>, octets: number): Uint8Array => {
  const all = new Uint8Array(octets)
  let offset = 0
  for (const chunk of chunks) {
    all.set(chunk, offset)
    offset += chunk.length
  }
  return all
}

interface Taken {
  readonly next: Next
  /** Whether every reply was positive. */
  readonly taken: boolean
}

// One reply for the message; in LMTP one for each recipient, in the order of their RCPT commands (RFC 2033 section 4.2).
function* take(state: State, transaction: Transaction, content: Uint8Array): ServerDialogue<Taken> {
  const { replies = [] } = yield { _tag: "Consult", question: { _tag: "Message", transaction, content } }
  const count = state.options.protocol === "lmtp" ? transaction.recipients.length : 1
  let next: Next = "go on"
  let taken = true
  for (let index = 0; index < count && next === "go on"; index++) {
    const reply = replies[index] ?? replies[0] ?? noAnswer
    taken &&= Reply.isPositive(reply)
    next = yield* say(reply)
  }
  return { next, taken }
}
