/**
 * The server's side of SMTP and LMTP as a dialogue: what a correct receiving server says, and when. It knows the order of
 * commands (RFC 5321 section 4.1.4) and what each extension adds; whom mail is taken for, and what becomes of it, it asks
 * the application.
 *
 * ```
 *   Connect -> Greeted -> Hello -> [StartTls -> Greeted] -> [Auth] -> Mail -> Rcpt+ -> Data | Bdat+ -> Hello
 * ```
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as CommandParser from "./CommandParser.ts"
import type { ForwardPath, ReversePath } from "./Address.ts"
import * as Reply from "./Reply.ts"

/**
 * What the server offers; each extension can be switched off.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServerOptions {
  /** The server's domain name, said in the greeting and in the reply to EHLO. */
  readonly name: string
  readonly protocol: "smtp" | "lmtp"
  readonly pipelining: boolean
  readonly eightBitMime: boolean
  readonly smtpUtf8: boolean
  readonly enhancedStatusCodes: boolean
  readonly dsn: boolean
  readonly chunking: boolean
  readonly startTls: boolean
  /** The largest message in octets; it is announced with SIZE and enforced. */
  readonly maxSize: number
  /** Recipients of one transaction beyond this number get 452; announced with LIMITS when `limits` is set. */
  readonly maxRecipients: number
  readonly limits: boolean
  /** Further EHLO lines, such as `XCLIENT NAME ADDR`. */
  readonly keywords: ReadonlyArray<string>
}

/**
 * A server with every extension, 32 MiB per message and 1000 recipients.
 *
 * @category constructors
 * @since 0.1.0
 */
export const standard: ServerOptions = {
  name: "mail.example.com",
  protocol: "smtp",
  pipelining: true,
  eightBitMime: true,
  smtpUtf8: true,
  enhancedStatusCodes: true,
  dsn: true,
  chunking: true,
  startTls: true,
  maxSize: 32 * 1024 * 1024,
  maxRecipients: 1000,
  limits: false,
  keywords: []
}

/**
 * A transaction as far as it has come.
 *
 * @category models
 * @since 0.1.0
 */
export interface Transaction {
  readonly reversePath: ReversePath
  readonly parameters: CommandParser.ParameterMap
  readonly recipients: ReadonlyArray<{
    readonly forwardPath: ForwardPath
    readonly parameters: CommandParser.ParameterMap
  }>
}

/**
 * What the dialogue asks the application, which answers with a reply; to `Message` in LMTP with one for each recipient.
 *
 * @category models
 * @since 0.1.0
 */
export type Question =
  | { readonly _tag: "Connect" }
  | { readonly _tag: "Hello"; readonly name: string }
  | { readonly _tag: "Mail"; readonly reversePath: ReversePath; readonly parameters: CommandParser.ParameterMap }
  | {
      readonly _tag: "Rcpt"
      readonly forwardPath: ForwardPath
      readonly parameters: CommandParser.ParameterMap
      readonly transaction: Transaction
    }
  | { readonly _tag: "Data"; readonly transaction: Transaction }
  | { readonly _tag: "Message"; readonly transaction: Transaction; readonly content: Uint8Array }
  | { readonly _tag: "Ask"; readonly verb: "VRFY" | "EXPN" | "HELP" | "ETRN"; readonly argument: string }

/**
 * What the dialogue asks of its driver: to write a reply, to read a command line, to read message content, to start TLS,
 * to ask the application, or to end the connection. Replies may be held back while more input is there, never longer (RFC
 * 2920 section 3.2).
 *
 * @category models
 * @since 0.1.0
 */
export type ServerStep =
  | { readonly _tag: "Say"; readonly reply: Reply.Reply }
  | { readonly _tag: "Listen" }
  | { readonly _tag: "Receive"; readonly framing: "dots" | number; readonly limit: number }
  | { readonly _tag: "Consult"; readonly question: Question }
  | { readonly _tag: "Upgrade" }

/**
 * What a dialogue is resumed with: a line, content, or replies, as the step asked. `undefined` means that the client is
 * gone; a string of content says what is wrong with it.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServerAnswer {
  readonly line?: string | undefined
  readonly content?: Uint8Array | "too-large" | "bare-line-end" | undefined
  readonly replies?: ReadonlyArray<Reply.Reply> | undefined
  readonly upgraded?: boolean | undefined
  /** The line could not be read: too long, or a bare CR or LF. */
  readonly unreadable?: string | undefined
}

/**
 * A server's conversation.
 *
 * @category models
 * @since 0.1.0
 */
export type ServerDialogue<A> = Generator<ServerStep, A, ServerAnswer>

interface State {
  readonly options: ServerOptions
  secure: boolean
  greeted: string | undefined
  transaction: Transaction | undefined
  /** Chunks of a BDAT transaction, or undefined when none has come. */
  chunks: Array<Uint8Array> | undefined
}

type Handler<C> = (state: State, command: C) => ServerDialogue<"go on" | "end">
type CommandOf<Tag extends CommandParser.ClientCommand["_tag"]> = Extract<CommandParser.ClientCommand, { _tag: Tag }>

function* say(reply: Reply.Reply): ServerDialogue<"go on" | "end"> {
  yield { _tag: "Say", reply }
  return reply.code === 421 ? "end" : "go on"
}

const tell = (code: number, ...lines: ReadonlyArray<string>) => say(Reply.make(code, ...lines))

function* consult(question: Question): ServerDialogue<Reply.Reply> {
  const answer = yield { _tag: "Consult", question }
  return answer.replies?.[0] ?? Reply.make(451, "4.3.0 No answer")
}

/**
 * Serves one connection, from the greeting to QUIT or the client's end. `secure` says whether the connection is a TLS
 * session already.
 *
 * @category dialogues
 * @since 0.1.0
 */
export function* serve(options: ServerOptions, secure = false): ServerDialogue<void> {
  const greeting = yield* consult({ _tag: "Connect" })
  if ((yield* say(greeting)) === "end") return
  if (greeting.code >= 400) return yield* turnAway()
  const state: State = { options, secure, greeted: undefined, transaction: undefined, chunks: undefined }
  while (true) {
    const input = yield { _tag: "Listen" }
    if (input.unreadable !== undefined) {
      yield* tell(500, `5.5.2 ${input.unreadable}`)
      return
    }
    if (input.line === undefined) return
    const command = CommandParser.parse(input.line)
    const next = Result.isFailure(command) ? yield* say(command.failure) : yield* obey(state, command.success)
    if (next === "end") return
  }
}

// After a 554 greeting only QUIT is answered (RFC 5321 section 3.1).
function* turnAway(): ServerDialogue<void> {
  while (true) {
    const input = yield { _tag: "Listen" }
    if (input.line === undefined) return
    if (input.line.trim().toUpperCase() === "QUIT") {
      yield* tell(221, "2.0.0 Bye")
      return
    }
    yield* tell(503, "5.5.1 No mail service here")
  }
}

const obey = (state: State, command: CommandParser.ClientCommand): ServerDialogue<"go on" | "end"> => {
  switch (command._tag) {
    case "Hello":
      return onHello(state, command)
    case "Mail":
      return onMail(state, command)
    case "Rcpt":
      return onRcpt(state, command)
    case "Bdat":
      return onBdat(state, command)
    case "Ask":
      return onAsk(state, command)
    case "Auth":
      return tell(502, "5.5.1 AUTH is not offered")
    case "Plain":
      return onPlain(state, command)
  }
}

const onPlain: Handler<CommandOf<"Plain">> = (state, command) => {
  switch (command.verb) {
    case "DATA":
      return onData(state, command)
    case "RSET":
      forget(state)
      return tell(250, "2.0.0 Reset")
    case "QUIT":
      return onQuit(state, command)
    case "STARTTLS":
      return onStartTls(state, command)
  }
}

const forget = (state: State): void => {
  state.transaction = undefined
  state.chunks = undefined
}

const onHello: Handler<CommandOf<"Hello">> = function* (state, { name, verb }) {
  const lmtp = state.options.protocol === "lmtp"
  if (lmtp !== (verb === "LHLO"))
    return yield* tell(500, lmtp ? "5.5.1 This is LMTP: say LHLO" : "5.5.1 This is not LMTP")
  const reply = yield* consult({ _tag: "Hello", name })
  if (reply.code !== 250) return yield* say(reply)
  forget(state)
  state.greeted = name
  return yield* verb === "HELO"
    ? tell(250, state.options.name)
    : tell(250, `${state.options.name} ${reply.lines[0] ?? ""}`.trim(), ...keywords(state))
}

const keywords = ({ options, secure }: State): ReadonlyArray<string> => [
  ...(options.pipelining ? ["PIPELINING"] : []),
  ...(options.eightBitMime ? ["8BITMIME"] : []),
  ...(options.smtpUtf8 ? ["SMTPUTF8"] : []),
  ...(options.enhancedStatusCodes ? ["ENHANCEDSTATUSCODES"] : []),
  ...(options.dsn ? ["DSN"] : []),
  ...(options.chunking ? ["CHUNKING"] : []),
  ...(options.startTls && !secure ? ["STARTTLS"] : []),
  ...(options.limits ? [`LIMITS RCPTMAX=${options.maxRecipients}`] : []),
  ...options.keywords,
  `SIZE ${options.maxSize}`
]

const onMail: Handler<CommandOf<"Mail">> = function* (state, { parameters, reversePath }) {
  if (state.greeted === undefined) return yield* tell(503, "5.5.1 Say EHLO first")
  if (state.transaction !== undefined) return yield* tell(503, "5.5.1 A transaction is open already")
  const unknown = [...parameters.keys()].find((keyword) => !knows(state.options, keyword))
  if (unknown !== undefined) return yield* tell(555, `5.5.4 ${unknown} is not offered`)
  const size = parameters.get("SIZE")
  if (size !== undefined && Number(size) > state.options.maxSize)
    return yield* tell(552, "5.3.4 The message is too large")
  const reply = yield* consult({ _tag: "Mail", reversePath, parameters })
  if (reply.code === 250) state.transaction = { reversePath, parameters, recipients: [] }
  return yield* say(reply)
}

// A parameter is understood only when its extension is offered (RFC 5321 section 4.1.1.11).
const knows = (options: ServerOptions, keyword: string): boolean => {
  switch (keyword) {
    case "SIZE":
      return true
    case "BODY":
      return options.eightBitMime
    case "SMTPUTF8":
      return options.smtpUtf8
    case "RET":
    case "ENVID":
    case "NOTIFY":
    case "ORCPT":
      return options.dsn
    default:
      return options.keywords.some((line) => line.toUpperCase().split(" ")[0] === keyword)
  }
}

const onRcpt: Handler<CommandOf<"Rcpt">> = function* (state, { forwardPath, parameters }) {
  const { transaction } = state
  if (transaction === undefined) return yield* tell(503, "5.5.1 Say MAIL first")
  const unknown = [...parameters.keys()].find((keyword) => !knows(state.options, keyword))
  if (unknown !== undefined) return yield* tell(555, `5.5.4 ${unknown} is not offered`)
  if (transaction.recipients.length >= state.options.maxRecipients) return yield* tell(452, "4.5.3 Too many recipients")
  const reply = yield* consult({ _tag: "Rcpt", forwardPath, parameters, transaction })
  if (reply.code === 250 || reply.code === 251) {
    state.transaction = { ...transaction, recipients: [...transaction.recipients, { forwardPath, parameters }] }
  }
  return yield* say(reply)
}

const onData: Handler<CommandOf<"Plain">> = function* (state) {
  const { transaction } = state
  if (transaction === undefined || state.chunks !== undefined) return yield* tell(503, "5.5.1 Bad sequence of commands")
  if (transaction.recipients.length === 0) return yield* tell(554, "5.5.1 No valid recipients")
  const reply = yield* consult({ _tag: "Data", transaction })
  if ((yield* say(reply)) === "end") return "end"
  if (reply.code !== 354) return "go on"
  const received = yield { _tag: "Receive", framing: "dots", limit: state.options.maxSize }
  forget(state)
  switch (received.content) {
    case undefined:
      return "end"
    case "too-large":
      return yield* tell(552, "5.3.4 The message is too large")
    case "bare-line-end":
      return yield* tell(554, "5.6.0 The message holds a bare CR or LF")
    default:
      return yield* take(state, transaction, received.content)
  }
}

const onBdat: Handler<CommandOf<"Bdat">> = function* (state, { last, size }) {
  if (!state.options.chunking) {
    yield* tell(503, "5.5.1 CHUNKING is not offered")
    return "end"
  }
  // The octets were announced, so they are read whatever is wrong (RFC 3030 section 2).
  const received = yield { _tag: "Receive", framing: size, limit: state.options.maxSize }
  const { transaction } = state
  if (received.content === undefined) return "end"
  if (transaction === undefined) return yield* tell(503, "5.5.1 Say MAIL first")
  if (transaction.recipients.length === 0) return yield* tell(554, "5.5.1 No valid recipients")
  if (typeof received.content === "string" || total(state.chunks) + size > state.options.maxSize) {
    forget(state)
    return yield* tell(552, "5.3.4 The message is too large")
  }
  state.chunks = [...(state.chunks ?? []), received.content]
  if (!last) return yield* tell(250, `2.0.0 ${size} octets received`)
  const content = concat(state.chunks)
  forget(state)
  return yield* take(state, transaction, content)
}

const total = (chunks: ReadonlyArray<Uint8Array> | undefined): number =>
  (chunks ?? []).reduce((sum, chunk) => sum + chunk.length, 0)

const concat = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const all = new Uint8Array(total(chunks))
  let offset = 0
  for (const chunk of chunks) {
    all.set(chunk, offset)
    offset += chunk.length
  }
  return all
}

// One reply for the message; in LMTP one for each recipient, in the order of their RCPT commands (RFC 2033 section 4.2).
function* take(state: State, transaction: Transaction, content: Uint8Array): ServerDialogue<"go on" | "end"> {
  const answer = yield { _tag: "Consult", question: { _tag: "Message", transaction, content } }
  const given = answer.replies ?? []
  const count = state.options.protocol === "lmtp" ? transaction.recipients.length : 1
  let next: "go on" | "end" = "go on"
  for (let index = 0; index < count && next === "go on"; index++) {
    next = yield* say(given[index] ?? given[0] ?? Reply.make(451, "4.3.0 No answer"))
  }
  return next
}

const onAsk: Handler<CommandOf<"Ask">> = function* (_state, { argument, verb }) {
  if (verb === "NOOP") return yield* tell(250, "2.0.0 OK")
  return yield* say(yield* consult({ _tag: "Ask", verb, argument }))
}

const onQuit: Handler<CommandOf<"Plain">> = function* () {
  yield* tell(221, "2.0.0 Bye")
  return "end"
}

const onStartTls: Handler<CommandOf<"Plain">> = function* (state) {
  if (!state.options.startTls) return yield* tell(502, "5.5.1 STARTTLS is not offered")
  if (state.secure) return yield* tell(503, "5.5.1 TLS is active already")
  yield* tell(220, "2.0.0 Ready to start TLS")
  const answer = yield { _tag: "Upgrade" }
  if (answer.upgraded !== true) return "end"
  // Everything learned in clear text is forgotten (RFC 3207 section 4.2).
  forget(state)
  state.secure = true
  state.greeted = undefined
  return "go on"
}
