/**
 * The server's side of SMTP and LMTP as a dialogue: what a correct receiving server says, and when. It knows the order of
 * commands (RFC 5321 section 4.1.4) and what each extension adds; whom mail is taken for, and what becomes of it, it asks
 * the application.
 *
 * ```
 *   Connect -> Greeted -> Hello -> [StartTls -> Greeted] -> [Auth] -> Mail -> Rcpt+ -> Data | Bdat+ -> Hello
 * ```
 *
 * It is strict where clients must not err: parameters of extensions that it does not offer, commands out of order, anything
 * but RSET after a refused BDAT. So a client that talks to it without being refused keeps to the standard.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type { ForwardPath, ReversePath } from "./Address.ts"
import * as CommandParser from "./CommandParser.ts"
import { onProxy } from "./internal/serverProxy.ts"
import * as session from "./internal/serverSession.ts"
import { consult, type Next, type State, say, tell } from "./internal/serverState.ts"
import * as transaction from "./internal/serverTransaction.ts"
import * as Reply from "./Reply.ts"
import type { Compute } from "./SaslExchange.ts"
import type * as SaslServer from "./SaslServer.ts"

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
  /** Whether binary content may come with BDAT (RFC 3030 section 3); offered with `chunking` only. Off when absent. */
  readonly binaryMime?: boolean | undefined
  readonly startTls: boolean
  /** Who can authenticate (RFC 4954); nobody, and no AUTH is offered, when absent. */
  readonly accounts?: SaslServer.Accounts | undefined
  /** Whether only those who are authenticated may send mail or ask about users; false when absent. */
  readonly authRequired?: boolean | undefined
  /** Whether mechanisms that show the secret, such as PLAIN, may be used without TLS; false when absent. */
  readonly allowSecretsInClearText?: boolean | undefined
  /** Whether SIZE is offered (RFC 1870); true when absent. */
  readonly size?: boolean | undefined
  /** The largest message in octets; it is announced with SIZE and enforced in any case. */
  readonly maxSize: number
  /** Recipients of one transaction beyond this number get 452; announced with LIMITS when `limits` is set. */
  readonly maxRecipients: number
  readonly limits: boolean
  /** Transactions of one session beyond this number get 421; announced with LIMITS when `limits` is set. No limit when absent. */
  readonly maxMails?: number | undefined
  /** Whether nothing but EHLO, NOOP, STARTTLS and QUIT is obeyed without TLS (RFC 3207 section 4); false when absent. */
  readonly tlsRequired?: boolean | undefined
  /** What is not answered: VRFY and EXPN get 252, HELP gets 502. Nothing when absent. */
  readonly withheld?: ReadonlyArray<"VRFY" | "EXPN" | "HELP"> | undefined
  /**
   * Further EHLO lines. What is here is obeyed: `ETRN`, `REQUIRETLS` (announced under TLS only), `DELIVERBY 60`,
   * `FUTURERELEASE 604800 2030-01-01T00:00:00Z`, `MT-PRIORITY MIXER`, `CHECKPOINT`, `XVERP`, and `XCLIENT NAME ADDR` and
   * `XFORWARD NAME ADDR` with the names that may be used. Others are announced, and parameters of their name taken.
   */
  readonly keywords: ReadonlyArray<string>
}

/**
 * A server with every extension but BINARYMIME and AUTH, 32 MiB per message and 1000 recipients.
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
 * Who a client has proved to be.
 *
 * @category models
 * @since 0.1.0
 */
export interface Identity {
  readonly username: string
  /** Whom the user acts as; the user's own name when nobody else was asked for. */
  readonly authzid: string
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
  /** Who submits it, when the client has authenticated. */
  readonly identity?: Identity | undefined
  /** What XCLIENT said about the client, all of this session. */
  readonly client?: CommandParser.AttributeMap | undefined
  /** What XFORWARD said about where this message comes from. */
  readonly forwarded?: CommandParser.AttributeMap | undefined
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
  | {
      readonly _tag: "Mail"
      readonly reversePath: ReversePath
      readonly parameters: CommandParser.ParameterMap
      /** Who asks, when the client has authenticated. */
      readonly identity?: Identity | undefined
    }
  | {
      readonly _tag: "Rcpt"
      readonly forwardPath: ForwardPath
      readonly parameters: CommandParser.ParameterMap
      readonly transaction: Transaction
    }
  | { readonly _tag: "Data"; readonly transaction: Transaction }
  | { readonly _tag: "Message"; readonly transaction: Transaction; readonly content: Uint8Array }
  | {
      readonly _tag: "Ask"
      readonly verb: "VRFY" | "EXPN" | "HELP" | "ETRN"
      readonly argument: string
      /** Whether the reply may be in UTF-8; another one is replaced by 252 then (RFC 6531 section 3.7.4.2). */
      readonly utf8: boolean
    }
  | {
      readonly _tag: "Proxy"
      /** With XCLIENT the answer is the greeting of a new session. */
      readonly verb: "XCLIENT" | "XFORWARD"
      readonly attributes: CommandParser.AttributeMap
    }

/**
 * What the dialogue asks of its driver: to write a reply, to read a command line, to read message content, to start TLS,
 * to ask the application, or to compute something for an authentication. Replies may be held back while more input is
 * there, never longer (RFC 2920 section 3.2).
 *
 * `Receive` with a number reads exactly as many octets. What is beyond `limit` is read, too, and forgotten; the answer is
 * `too-large` then. Before `Upgrade`, input that came ahead of the handshake is thrown away (RFC 3207 section 4.2, TLS-004).
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
  | Compute

/**
 * What a dialogue is resumed with: a line, content, replies, or octets, as the step asked. `undefined` means that the
 * client is gone; a string of content says what is wrong with it.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServerAnswer {
  readonly line?: string | undefined
  readonly content?: Uint8Array | "too-large" | "bare-line-end" | undefined
  readonly replies?: ReadonlyArray<Reply.Reply> | undefined
  readonly upgraded?: boolean | undefined
  /** The line could not be read: too long, not UTF-8, or with a bare CR or LF. */
  readonly unreadable?: string | undefined
  /** Whether the line that could not be read has been read to its end, so that the session can go on. */
  readonly recoverable?: boolean | undefined
  /** What a computation yields. */
  readonly octets?: Uint8Array | undefined
}

/**
 * A server's conversation.
 *
 * @category models
 * @since 0.1.0
 */
export type ServerDialogue<A> = Generator<ServerStep, A, ServerAnswer>

/**
 * Serves one connection, from the greeting to QUIT or the client's end. `secure` says whether the connection is a TLS
 * session already.
 *
 * @category dialogues
 * @since 0.1.0
 */
export function* serve(options: ServerOptions, secure = false): ServerDialogue<void> {
  const dialogue = converse(options, secure)
  let step = dialogue.next({})
  while (step.done !== true) step = dialogue.next(yield options.enhancedStatusCodes ? step.value : plain(step.value))
}

// Enhanced status codes are for clients that were told of them (RFC 2034 section 3).
const plain = (step: ServerStep): ServerStep =>
  step._tag === "Say" ? { _tag: "Say", reply: Reply.make(step.reply.code, ...Reply.texts(step.reply)) } : step

function* converse(options: ServerOptions, secure: boolean): ServerDialogue<void> {
  const greeting = yield* consult({ _tag: "Connect" })
  if ((yield* say(greeting)) === "end") return
  if (greeting.code >= 400) return yield* turnAway()
  const state: State = {
    options,
    secure,
    hello: undefined,
    identity: undefined,
    transaction: undefined,
    chunks: [],
    octets: 0,
    mails: 0,
    client: undefined,
    forwarded: undefined
  }
  let next: Next = "go on"
  while (next === "go on") {
    const input = yield { _tag: "Listen" }
    if (input.unreadable !== undefined) {
      yield* tell(500, `5.5.2 ${input.unreadable}`)
      if (input.recoverable !== true) return
    } else if (input.line === undefined) return
    else next = yield* hear(state, input.line)
  }
}

// After a 554 greeting only QUIT is answered (RFC 5321 section 3.1).
function* turnAway(): ServerDialogue<void> {
  while (true) {
    const { line } = yield { _tag: "Listen" }
    if (line === undefined) return
    if (CommandParser.verbOf(line) === "QUIT") {
      yield* tell(221, "2.0.0 Bye")
      return
    }
    yield* tell(503, "5.5.1 No mail service here")
  }
}

function* hear(state: State, line: string): ServerDialogue<Next> {
  const verb = CommandParser.verbOf(line)
  if (state.options.tlsRequired === true && !state.secure && !withoutTls.has(verb)) {
    const next = yield* tell(530, "5.7.0 Must issue a STARTTLS command first")
    return verb === "BDAT" ? "end" : next
  }
  const command = CommandParser.parse(line)
  if (Result.isSuccess(command)) return yield* obey(state, command.success)
  const next = yield* say(command.failure)
  // Of a BDAT that cannot be read it is not known how much data follows, which must not be taken for commands.
  return verb === "BDAT" ? "end" : next
}

const withoutTls = new Set(["EHLO", "LHLO", "NOOP", "STARTTLS", "QUIT"])

const obey = (state: State, command: CommandParser.ClientCommand): ServerDialogue<Next> => {
  switch (command._tag) {
    case "Hello":
      return session.onHello(state, command)
    case "Mail":
      return transaction.onMail(state, command)
    case "Rcpt":
      return transaction.onRcpt(state, command)
    case "Bdat":
      return transaction.onBdat(state, command)
    case "Ask":
      return session.onAsk(state, command)
    case "Query":
      return session.onQuery(state, command)
    case "Proxy":
      return onProxy(state, command)
    case "Auth":
      return session.onAuth(state, command)
    case "Plain":
      return obeyPlain(state, command.verb)
  }
}

const obeyPlain = (state: State, verb: "DATA" | "RSET" | "QUIT" | "STARTTLS"): ServerDialogue<Next> => {
  switch (verb) {
    case "DATA":
      return transaction.onData(state)
    case "RSET":
      return transaction.onReset(state)
    case "QUIT":
      return session.onQuit()
    case "STARTTLS":
      return session.onStartTls(state)
  }
}
