/**
 * EHLO, STARTTLS, AUTH, QUIT and the questions as a server obeys them.
 *
 * @since 0.1.0
 */
import * as Reply from "../Reply.ts"
import * as SaslServer from "../SaslServer.ts"
import type { ServerDialogue, ServerOptions } from "../ServerDialogue.ts"
import * as SmtpAuth from "../SmtpAuth.ts"
import { verbOf } from "../CommandParser.ts"
import { isAscii } from "./text.ts"
import { announced, type CommandOf, consult, forget, type Next, say, type State, tell } from "./serverState.ts"

export function* onHello(state: State, { name, verb }: CommandOf<"Hello">): ServerDialogue<Next> {
  const lmtp = state.options.protocol === "lmtp"
  if (lmtp !== (verb === "LHLO")) {
    return yield* tell(500, lmtp ? "5.5.1 This is LMTP: say LHLO" : "5.5.1 This is not LMTP")
  }
  const reply = yield* consult({ _tag: "Hello", name })
  if (reply.code !== 250) return yield* say(reply)
  forget(state)
  state.hello = verb
  return yield* verb === "HELO"
    ? tell(250, state.options.name)
    : tell(250, `${state.options.name} ${reply.lines[0] ?? ""}`.trim(), ...keywords(state))
}

const keywords = (state: State): ReadonlyArray<string> => {
  const { options, secure } = state
  const mechanisms = offered(state).map(({ name }) => name)
  return [
    ...(options.pipelining ? ["PIPELINING"] : []),
    ...(options.eightBitMime ? ["8BITMIME"] : []),
    ...(options.smtpUtf8 ? ["SMTPUTF8"] : []),
    ...(options.enhancedStatusCodes ? ["ENHANCEDSTATUSCODES"] : []),
    ...(options.dsn ? ["DSN"] : []),
    ...(options.chunking ? ["CHUNKING"] : []),
    ...(options.chunking && options.binaryMime === true ? ["BINARYMIME"] : []),
    ...(options.startTls && !secure ? ["STARTTLS"] : []),
    ...(mechanisms.length > 0 ? [`AUTH ${mechanisms.join(" ")}`] : []),
    ...(options.limits ? [limitsOf(options)] : []),
    ...options.keywords.filter((line) => announced(state, verbOf(line)) !== undefined),
    ...(options.size === false ? [] : [`SIZE ${options.maxSize}`])
  ]
}

const limitsOf = ({ maxMails, maxRecipients }: ServerOptions): string =>
  `LIMITS${maxMails === undefined ? "" : ` MAILMAX=${maxMails}`} RCPTMAX=${maxRecipients}`

export function* onStartTls(state: State): ServerDialogue<Next> {
  if (!state.options.startTls) return yield* tell(502, "5.5.1 STARTTLS is not offered")
  if (state.secure) return yield* tell(503, "5.5.1 TLS is active already")
  yield* tell(220, "2.0.0 Ready to start TLS")
  const answer = yield { _tag: "Upgrade" }
  if (answer.upgraded !== true) return "end"
  // Everything learned in clear text is forgotten (RFC 3207 section 4.2).
  forget(state)
  state.secure = true
  state.hello = undefined
  state.identity = undefined
  state.client = undefined
  return "go on"
}

const known = ({ accounts }: ServerOptions): ReadonlyArray<SaslServer.Mechanism> =>
  accounts === undefined ? [] : SaslServer.mechanisms(accounts)

const showsSecret = new Set(["OAUTHBEARER", "XOAUTH2", "PLAIN", "LOGIN"])

// The mechanisms that may be used on this connection as it is (RFC 4954 section 4).
const offered = ({ options, secure }: State): ReadonlyArray<SaslServer.Mechanism> =>
  known(options).filter(({ name }) => secure || options.allowSecretsInClearText === true || !showsSecret.has(name))

export function* onAuth(state: State, command: CommandOf<"Auth">): ServerDialogue<Next> {
  const mechanisms = offered(state)
  if (state.options.accounts === undefined) return yield* tell(502, "5.5.1 AUTH is not offered")
  if (state.hello === undefined) return yield* tell(503, "5.5.1 Say EHLO first")
  if (state.identity !== undefined) return yield* tell(503, "5.5.1 You are authenticated already")
  if (state.transaction !== undefined) return yield* tell(503, "5.5.1 A transaction is open")
  const needsTls = ({ name }: SaslServer.Mechanism) =>
    name === command.mechanism && !mechanisms.some((m) => m.name === name)
  if (known(state.options).some(needsTls)) return yield* tell(538, "5.7.11 This mechanism needs TLS")
  const concluded = yield* converse(SmtpAuth.serve(mechanisms, command))
  if (concluded === undefined) return "end"
  state.identity = concluded.identity
  return yield* say(concluded.reply)
}

// Undefined when the client is gone or what it sent cannot be read.
function* converse(exchange: SmtpAuth.ServerDialogue): ServerDialogue<SmtpAuth.Concluded | undefined> {
  let step = exchange.next()
  while (step.done !== true) {
    const answer = step.value._tag === "Compute" ? (yield step.value).octets : yield* response(step.value.reply)
    if (answer === undefined) return undefined
    step = exchange.next(answer)
  }
  return step.value
}

function* response(challenge: Reply.Reply): ServerDialogue<string | undefined> {
  yield* say(challenge)
  const { line, unreadable } = yield { _tag: "Listen" }
  if (unreadable !== undefined) yield* tell(500, `5.5.6 ${unreadable}`)
  return line
}

export function* onAsk(state: State, { argument, verb }: CommandOf<"Ask">): ServerDialogue<Next> {
  if (verb === "NOOP") return yield* tell(250, "2.0.0 OK")
  if (verb === "ETRN" && announced(state, "ETRN") === undefined) return yield* tell(502, "5.5.1 ETRN is not offered")
  if (verb === "HELP" && withholds(state, "HELP")) return yield* tell(502, "5.5.1 There is no help")
  if (verb === "ETRN" && isNobody(state)) return yield* tell(530, "5.7.0 Authentication required")
  return yield* say(yield* consult({ _tag: "Ask", verb, argument, utf8: false }))
}

const isNobody = ({ identity, options }: State): boolean => options.authRequired === true && identity === undefined

const withholds = ({ options }: State, verb: "VRFY" | "EXPN" | "HELP"): boolean =>
  options.withheld?.includes(verb) === true

export function* onQuery(state: State, { argument, utf8, verb }: CommandOf<"Query">): ServerDialogue<Next> {
  if (isNobody(state)) return yield* tell(530, "5.7.0 Authentication required")
  if (utf8 && !state.options.smtpUtf8) return yield* tell(504, "5.5.4 SMTPUTF8 is not offered")
  if (!utf8 && !isAscii(argument)) return yield* tell(553, "5.6.7 The argument needs SMTPUTF8")
  // Not to be taken for an answer (RFC 5321 section 7.3).
  if (withholds(state, verb)) return yield* tell(252, "2.5.2 Cannot say, but will take mail")
  const reply = yield* consult({ _tag: "Ask", verb, argument, utf8 })
  return yield* utf8 || reply.lines.every(isAscii) ? say(reply) : tell(252, "2.6.8 The answer needs SMTPUTF8")
}

export function* onQuit(): ServerDialogue<Next> {
  yield* tell(221, "2.0.0 Bye")
  return "end"
}
