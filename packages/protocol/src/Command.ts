/**
 * SMTP and LMTP commands as values, and the one place where they become lines. `encode` is the gate to the wire: whatever
 * a value holds, and whatever its type was bypassed with, a line that leaves it has one command of the grammar, no
 * control character before its CR LF, and a length that servers must accept. What does not fit is refused with a typed
 * error; nothing is stripped or escaped behind the caller's back. Secrets are `Redacted` in the value and hidden in
 * `redacted`.
 *
 * @since 0.1.0
 */
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { ForwardPath, ReversePath } from "./Address.ts"
import { check, Refusal, verbOf, write } from "./internal/commandLine.ts"
import { unsafeIndex } from "./internal/text.ts"
import type { Stage } from "./Stage.ts"

/**
 * One parameter of MAIL or RCPT (RFC 5321 section 4.1.2); the value as it goes on the wire, xtext and the like applied.
 *
 * @category models
 * @since 0.1.0
 */
export interface Parameter {
  readonly keyword: string
  readonly value?: string | undefined
}

/**
 * The client's greeting with its own name, a domain name or an address literal: EHLO (RFC 5321 section 4.1.1.1), its
 * forerunner HELO, and LHLO of LMTP (RFC 2033 section 4.1).
 *
 * @category models
 * @since 0.1.0
 */
export interface Greeting {
  readonly _tag: "Ehlo" | "Helo" | "Lhlo"
  readonly name: string
}

/**
 * The beginning of a transaction: MAIL (RFC 5321 section 4.1.1.2), and SEND, SOML and SAML that nobody implements any
 * more (RFC 821 section 3.4).
 *
 * @category models
 * @since 0.1.0
 */
export interface Mail {
  readonly _tag: "Mail" | "Send" | "Soml" | "Saml"
  readonly from: ReversePath
  readonly parameters: ReadonlyArray<Parameter>
}

/**
 * One recipient of the transaction: RCPT (RFC 5321 section 4.1.1.3).
 *
 * @category models
 * @since 0.1.0
 */
export interface Rcpt {
  readonly _tag: "Rcpt"
  readonly to: ForwardPath
  readonly parameters: ReadonlyArray<Parameter>
}

/**
 * A command without arguments: DATA, RSET, QUIT, STARTTLS (RFC 3207), TURN (RFC 821), and `*`, which cancels an
 * authentication (RFC 4954 section 4).
 *
 * @category models
 * @since 0.1.0
 */
export interface Bare {
  readonly _tag: "Data" | "Rset" | "Quit" | "StartTls" | "Turn" | "AuthCancel"
}

/**
 * A chunk of the message of `size` octets, which follow the line at once: BDAT (RFC 3030 section 2).
 *
 * @category models
 * @since 0.1.0
 */
export interface Bdat {
  readonly _tag: "Bdat"
  readonly size: number
  readonly last: boolean
}

/**
 * A command with free text that needs none: NOOP and HELP (RFC 5321 section 4.1.1.8 and 4.1.1.9).
 *
 * @category models
 * @since 0.1.0
 */
export interface Remark {
  readonly _tag: "Noop" | "Help"
  readonly text?: string | undefined
}

/**
 * A question about a mailbox or a list: VRFY and EXPN (RFC 5321 section 3.5). `utf8` allows non-ASCII characters in the
 * question and in its reply; the server must offer SMTPUTF8 (RFC 6531 section 3.7.4.2).
 *
 * @category models
 * @since 0.1.0
 */
export interface Query {
  readonly _tag: "Vrfy" | "Expn"
  readonly text: string
  readonly utf8: boolean
}

/**
 * A request to send the mail that waits for a domain (`example.com`), a domain with its subdomains (`@example.com`) or a
 * queue (`#name`): ETRN (RFC 1985).
 *
 * @category models
 * @since 0.1.0
 */
export interface Etrn {
  readonly _tag: "Etrn"
  readonly node: string
}

/**
 * The beginning of an authentication: AUTH (RFC 4954 section 4), with the initial response in base64, empty when it has
 * no octets.
 *
 * @category models
 * @since 0.1.0
 */
export interface Auth {
  readonly _tag: "Auth"
  readonly mechanism: string
  readonly initialResponse?: Redacted.Redacted | undefined
}

/**
 * The answer to a challenge, in base64 (RFC 4954 section 4).
 *
 * @category models
 * @since 0.1.0
 */
export interface AuthResponse {
  readonly _tag: "AuthResponse"
  readonly data: Redacted.Redacted
}

/**
 * Facts about the client that a proxy tells a Postfix server, plain values under upper-case names: XCLIENT, XFORWARD.
 *
 * @category models
 * @since 0.1.0
 */
export interface Attributes {
  readonly _tag: "XClient" | "XForward"
  readonly attributes: Readonly<Record<string, string>>
}

/**
 * Any command of a client.
 *
 * @category models
 * @since 0.1.0
 */
export type Command = Greeting | Mail | Rcpt | Bare | Bdat | Remark | Query | Etrn | Auth | AuthResponse | Attributes

/**
 * A command cannot be written as it is.
 *
 * @category errors
 * @since 0.1.0
 */
export class CommandError extends Schema.TaggedError<CommandError>("@effect-mail/protocol/CommandError")(
  "CommandError",
  {
    /** The command's verb, such as `MAIL`. */
    command: Schema.String,
    /** Which of its arguments is wrong, such as `from` or `parameter SIZE`. */
    argument: Schema.String,
    /** Where in that argument the trouble is, as an index of UTF-16 code units. */
    position: Schema.Int,
    /** What is wrong there and how to mend it; never with the argument itself, which may be a secret. */
    reason: Schema.String
  }
) {
  override get message(): string {
    return `${this.command}, ${this.argument}, position ${this.position}: ${this.reason}`
  }
}

/**
 * Makes EHLO; `name` is a domain name or an address literal.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ehlo = (name: string): Greeting => ({ _tag: "Ehlo", name })

/**
 * Makes HELO, for servers that know no EHLO.
 *
 * @category constructors
 * @since 0.1.0
 */
export const helo = (name: string): Greeting => ({ _tag: "Helo", name })

/**
 * Makes LHLO, the EHLO of LMTP.
 *
 * @category constructors
 * @since 0.1.0
 */
export const lhlo = (name: string): Greeting => ({ _tag: "Lhlo", name })

/**
 * Makes MAIL; the empty string is the null reverse-path.
 *
 * @category constructors
 * @since 0.1.0
 */
export const mail = (from: ReversePath, parameters: ReadonlyArray<Parameter> = []): Mail => ({
  _tag: "Mail",
  from,
  parameters
})

/**
 * Makes SEND, SOML or SAML, for servers of the last century.
 *
 * @category constructors
 * @since 0.1.0
 */
export const send = (verb: "Send" | "Soml" | "Saml", from: ReversePath): Mail => ({ _tag: verb, from, parameters: [] })

/**
 * Makes RCPT.
 *
 * @category constructors
 * @since 0.1.0
 */
export const rcpt = (to: ForwardPath, parameters: ReadonlyArray<Parameter> = []): Rcpt => ({
  _tag: "Rcpt",
  to,
  parameters
})

/**
 * DATA: the message follows once the server says 354.
 *
 * @category constructors
 * @since 0.1.0
 */
export const data: Bare = { _tag: "Data" }

/**
 * RSET: forget the transaction.
 *
 * @category constructors
 * @since 0.1.0
 */
export const rset: Bare = { _tag: "Rset" }

/**
 * QUIT: the server answers and closes the connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const quit: Bare = { _tag: "Quit" }

/**
 * STARTTLS: the TLS handshake follows the server's 220.
 *
 * @category constructors
 * @since 0.1.0
 */
export const startTls: Bare = { _tag: "StartTls" }

/**
 * TURN: swap the roles; servers refuse it (RFC 5321 appendix F.1).
 *
 * @category constructors
 * @since 0.1.0
 */
export const turn: Bare = { _tag: "Turn" }

/**
 * The line `*`: give up the authentication that is under way.
 *
 * @category constructors
 * @since 0.1.0
 */
export const authCancel: Bare = { _tag: "AuthCancel" }

/**
 * Makes BDAT for a chunk of `size` octets.
 *
 * @category constructors
 * @since 0.1.0
 */
export const bdat = (size: number, last = false): Bdat => ({ _tag: "Bdat", size, last })

/**
 * Makes NOOP.
 *
 * @category constructors
 * @since 0.1.0
 */
export const noop = (text?: string): Remark => ({ _tag: "Noop", text })

/**
 * Makes HELP, about a command when `text` names one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const help = (text?: string): Remark => ({ _tag: "Help", text })

/**
 * Makes VRFY; the text goes on the wire as it is.
 *
 * @category constructors
 * @since 0.1.0
 */
export const vrfy = (text: string, utf8 = false): Query => ({ _tag: "Vrfy", text, utf8 })

/**
 * Makes EXPN; the text goes on the wire as it is.
 *
 * @category constructors
 * @since 0.1.0
 */
export const expn = (text: string, utf8 = false): Query => ({ _tag: "Expn", text, utf8 })

/**
 * Makes ETRN.
 *
 * @category constructors
 * @since 0.1.0
 */
export const etrn = (node: string): Etrn => ({ _tag: "Etrn", node })

const secret = (text: string | Redacted.Redacted): Redacted.Redacted =>
  Redacted.isRedacted(text) ? text : Redacted.make(text)

/**
 * Makes AUTH; the initial response is base64, and empty when it has no octets.
 *
 * @category constructors
 * @since 0.1.0
 */
export const auth = (mechanism: string, initialResponse?: string | Redacted.Redacted): Auth => ({
  _tag: "Auth",
  mechanism,
  initialResponse: initialResponse === undefined ? undefined : secret(initialResponse)
})

/**
 * Makes the answer to a challenge; base64, and empty when it has no octets.
 *
 * @category constructors
 * @since 0.1.0
 */
export const authResponse = (response: string | Redacted.Redacted): AuthResponse => ({
  _tag: "AuthResponse",
  data: secret(response)
})

/**
 * Makes XCLIENT; `[UNAVAILABLE]` stands for an unknown value, and an IPv6 address is written `IPV6:2001:db8::1`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const xclient = (attributes: Readonly<Record<string, string>>): Attributes => ({ _tag: "XClient", attributes })

/**
 * Makes XFORWARD; `[UNAVAILABLE]` stands for an unknown value, and an IPv6 address is written `IPV6:2001:db8::1`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const xforward = (attributes: Readonly<Record<string, string>>): Attributes => ({ _tag: "XForward", attributes })

const stages: Partial<Record<Command["_tag"], Stage>> = {
  Ehlo: "ehlo",
  Helo: "ehlo",
  Lhlo: "ehlo",
  StartTls: "starttls",
  Auth: "auth",
  AuthResponse: "auth",
  AuthCancel: "auth",
  Mail: "mail",
  Send: "mail",
  Soml: "mail",
  Saml: "mail",
  Rcpt: "rcpt",
  Data: "data",
  Rset: "rset",
  Quit: "quit"
}

/**
 * The stage of a delivery at which the command's reply is awaited. The reply to the last BDAT decides about the message.
 *
 * @category getters
 * @since 0.1.0
 */
export const stage = (command: Command): Stage =>
  command._tag === "Bdat" ? (command.last ? "data-end" : "body") : (stages[command._tag] ?? "command")

/**
 * The command's line with its CR LF, to be written as UTF-8.
 *
 * Fails with `CommandError` when an argument is not what the grammar of the command asks for, whatever its static type
 * said; when a text that is not ASCII meets a command without SMTPUTF8; and when the line is longer than servers must
 * accept: 512 octets and what the parameters add (RFC 5321 section 4.5.3.1.4), 12288 for an answer to a challenge
 * (RFC 4954 section 4).
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (command: Command): Result.Result<string, CommandError> => {
  const line = write(command)
  if (line instanceof Refusal) return Result.fail(failure(command, line))
  const wrong = check(command, line)
  return wrong === undefined ? Result.succeed(`${line}\r\n`) : Result.fail(failure(command, wrong))
}

const failure = (command: Command, { argument, position, reason }: Refusal): CommandError =>
  new CommandError({ command: verbOf(command), argument, position, reason })

/**
 * The command as logs and transcripts may show it: without CR LF, and with `***` for what an authentication sends
 * (AUTH-031). Of a command that cannot be encoded only the verb is shown.
 *
 * @category formatting
 * @since 0.1.0
 */
export const redacted = (command: Command): string => {
  if (command._tag === "AuthResponse") return "***"
  const hidden = command._tag === "Auth" && command.initialResponse !== undefined
  const line = write(hidden ? { _tag: "Auth", mechanism: command.mechanism } : command)
  if (line instanceof Refusal || unsafeIndex(line) !== -1) return verbOf(command)
  return hidden ? `${line} ***` : line
}
