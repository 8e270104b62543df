/**
 * SASL over SMTP (RFC 4954): how the octets of an exchange become `AUTH` lines and are read from replies. Both sides
 * are generators over lines and know nothing of sockets; whatever drives them answers a `Say` with the server's reply,
 * a `Compute` with octets.
 *
 * The server's lines are bounded and read strictly. The exchange is cancelled with `*` as soon as the server breaks the
 * mechanism's rules, and a 235 counts only where the mechanism lets it.
 *
 * @since 0.1.0
 */
import type * as Array from "effect/Array"
import * as Base64 from "effect/encoding/Base64"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type * as Failure from "./Failure.ts"
import * as Octets from "./internal/octets.ts"
import { upperCase } from "./internal/text.ts"
import type { Reply } from "./Reply.ts"
import * as SaslExchange from "./SaslExchange.ts"
import type * as SaslServer from "./SaslServer.ts"

/**
 * A line for the server, without its line end.
 *
 * @category models
 * @since 0.1.0
 */
export interface Say {
  readonly _tag: "Say"
  readonly line: Redacted.Redacted
  /** The line as logs and transcripts may show it: nothing after the mechanism's name. */
  readonly shown: string
}

/**
 * The client's side: yields lines and computations, is resumed with replies and octets, and returns the mechanism that
 * succeeded or the last refusal.
 *
 * @category models
 * @since 0.1.0
 */
export type Dialogue = Generator<Say | SaslExchange.Compute, Result.Result<Authenticated, Rejected>, Reply | Uint8Array>

/**
 * The server accepted the client.
 *
 * @category models
 * @since 0.1.0
 */
export interface Authenticated {
  readonly mechanism: string
  /** The 235. */
  readonly reply: Reply
}

/**
 * The client is not authenticated, and why. After `Lost` the session is out of step or its server not to be trusted.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rejected {
  readonly mechanism: string
  readonly problem: Failure.Problem
  /** What the mechanism said about it, such as `invalid_token`. */
  readonly refusal: SaslExchange.Refusal | undefined
}

/**
 * The longest line of an exchange, in octets with its line end (RFC 4954 section 4).
 *
 * @category constants
 * @since 0.1.0
 */
export const maximumLine = 12288

// The longest command line with its line end (RFC 5321 section 4.5.3.1.4), which an initial response must not exceed.
const maximumCommand = 512

const lineEnd = 2

/**
 * Authenticates with the first mechanism that the server accepts. The next is tried when the credentials cannot be used
 * with one, or when the server does not know it (504) or finds it too weak (534); any other refusal is final, because
 * the secret itself was refused (AUTH-010).
 *
 * @category dialogues
 * @since 0.1.0
 */
export function* authenticate(mechanisms: Array.NonEmptyReadonlyArray<SaslExchange.Mechanism>): Dialogue {
  const [mechanism, ...others] = mechanisms
  let result = yield* attempt(mechanism)
  for (const other of others) {
    if (Result.isSuccess(result) || !mayTryAnother(result.failure.problem)) return result
    result = yield* attempt(other)
  }
  return result
}

const mayTryAnother = (problem: Failure.Problem): boolean =>
  problem._tag === "Unmet" || (problem._tag === "Refused" && [504, 534].includes(problem.reply.code))

function* attempt(mechanism: SaslExchange.Mechanism): Dialogue {
  if (!mechanismName.test(mechanism.name)) return rejected(mechanism, notAName)
  const { exchange, step } = yield* begin(mechanism)
  return step.done === true ? rejected(mechanism, step.value) : yield* converse(mechanism, exchange, step.value)
}

const rejected = ({ name }: SaslExchange.Mechanism, problem: Failure.Problem, refusal?: SaslExchange.Refusal) =>
  Result.fail({ mechanism: name, problem, refusal })

// An initial response that would make the command too long is sent when the server asks for it (RFC 4954 section 4).
function* begin(mechanism: SaslExchange.Mechanism) {
  const exchange = mechanism.start()
  const step = yield* spoken(exchange)
  if (step.done === true || openingLine(mechanism.name, step.value).length + lineEnd <= maximumCommand) {
    return { exchange, step }
  }
  const waiting = prompted(mechanism)
  return { exchange: waiting, step: yield* spoken(waiting) }
}

function* prompted(mechanism: SaslExchange.Mechanism): SaslExchange.Exchange {
  const challenge = yield SaslExchange.listen
  return challenge.length === 0 ? yield* mechanism.start() : notEmpty
}

function* converse(
  mechanism: SaslExchange.Mechanism,
  exchange: SaslExchange.Exchange,
  first: SaslExchange.Respond
): Dialogue {
  const command = `AUTH ${mechanism.name}`
  let said = first
  let reply = yield* say(openingLine(mechanism.name, first), first.data === undefined ? command : `${command} ****`)
  while (reply.code === 334) {
    const challenge = readChallenge(mechanism, reply)
    const step = challenge === undefined ? giveUp(notBase64) : yield* spoken(exchange, challenge)
    if (step.done === true) {
      yield* say("*", "*")
      return rejected(mechanism, step.value)
    }
    said = step.value
    reply = yield* say(encoded(said), "****")
  }
  if (reply.code !== 235) {
    const { refusal } = said
    return rejected(mechanism, { _tag: "Refused", stage: "auth", reply, command, refusal }, refusal)
  }
  return said.final ? Result.succeed({ mechanism: mechanism.name, reply }) : rejected(mechanism, tooEarly)
}

// RFC 4422 section 3.1.
const mechanismName = /^[A-Z0-9_-]{1,20}$/

const openingLine = (name: string, { data }: SaslExchange.Respond): string =>
  data === undefined
    ? `AUTH ${name}`
    : `AUTH ${name} ${Redacted.value(data).length === 0 ? "=" : Base64.encode(Redacted.value(data))}`

const encoded = ({ data }: SaslExchange.Respond): string =>
  data === undefined ? "" : Base64.encode(Redacted.value(data))

const readChallenge = (mechanism: SaslExchange.Mechanism, { lines }: Reply): Uint8Array | undefined =>
  mechanism.ignoresChallenges === true ? Octets.empty : lines.length > 1 ? undefined : readLine(lines[0] ?? "")

const readLine = (line: string): Uint8Array | undefined =>
  line.length + lineEnd > maximumLine ? undefined : Octets.fromBase64(line)

const giveUp = (problem: Failure.Problem) => ({ done: true as const, value: problem })

const notBase64 = SaslExchange.badChallenge("the server's challenge is not one line of base64, or is too long")
const notEmpty = SaslExchange.badChallenge("the server's challenge should be empty, to ask for the initial response")
const tooEarly = SaslExchange.badChallenge(
  "the server announced success before the exchange was complete, so it has not proved who it is"
)
const tooLong = SaslExchange.unusable(
  `the response would be longer than SMTP allows (${maximumLine} octets)`,
  "Use a shorter token or password"
)
const notAName = SaslExchange.unusable(
  "the mechanism's name is not one to 20 of A-Z, 0-9, - and _",
  "Give the mechanism the name that it is registered with"
)

type Spoken = IteratorResult<SaslExchange.Respond, Failure.Problem>

// The next thing that the client says; the exchange's end when that would fit no line.
function* spoken(
  exchange: SaslExchange.Exchange,
  challenge = Octets.empty
): Generator<SaslExchange.Compute, Spoken, unknown> {
  const step = yield* computed(exchange, challenge)
  return step.done !== true && encoded(step.value).length + lineEnd > maximumLine ? giveUp(tooLong) : step
}

// Resumes an exchange, of the client or of the server, and has everything computed before the next thing that it says.
function* computed<Said extends SaslExchange.Respond | SaslServer.Challenge, End>(
  exchange: Generator<Said | SaslExchange.Compute, End, Uint8Array>,
  octets = Octets.empty
): Generator<SaslExchange.Compute, IteratorResult<Said, End>, unknown> {
  let step = exchange.next(octets)
  while (step.done !== true) {
    const said = step.value
    if (!isCompute(said)) return { done: false, value: said }
    const answer = yield said
    if (!(answer instanceof Uint8Array)) throw new TypeError("A Compute step must be answered with octets")
    step = exchange.next(answer)
  }
  return step
}

const isCompute = (step: { readonly _tag: string }): step is SaslExchange.Compute => step._tag === "Compute"

function* say(line: string, shown: string): Generator<Say, Reply, Reply | Uint8Array> {
  const reply = yield { _tag: "Say", line: Redacted.make(line), shown }
  if (reply instanceof Uint8Array) throw new TypeError("A Say step must be answered with a reply")
  return reply
}

/**
 * The server's side: yields a reply that asks for a line, and computations; is resumed with lines and octets, and
 * returns the reply that ends the exchange.
 *
 * @category models
 * @since 0.1.0
 */
export type ServerDialogue = Generator<Ask | SaslExchange.Compute, Concluded, string | Uint8Array>

/**
 * A 334 that asks the client for a line.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ask {
  readonly _tag: "Ask"
  readonly reply: Reply
}

/**
 * The end of an exchange at the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface Concluded {
  readonly reply: Reply
  /** Who the client is; undefined when it is nobody. */
  readonly identity: { readonly username: string; readonly authzid: string } | undefined
}

/**
 * Answers an `AUTH` command: 235, 535 for wrong credentials, 504 for a mechanism that is not offered, 501 for a line
 * that is not base64, a message that is not the mechanism's, an initial response that must not be, or `*`.
 *
 * `initial` is the initial response as it stands in the command, `=` included; undefined when there is none.
 *
 * @category dialogues
 * @since 0.1.0
 */
export function* serve(
  mechanisms: ReadonlyArray<SaslServer.Mechanism>,
  command: { readonly mechanism: string; readonly initial?: string | undefined }
): ServerDialogue {
  const mechanism = mechanisms.find(({ name }) => name === upperCase(command.mechanism))
  if (mechanism === undefined) return end(504, "5.5.4", "Unrecognized authentication mechanism")
  const exchange = mechanism.start()
  let step = yield* computed(exchange)
  let initial = command.initial === "=" ? "" : command.initial
  if (initial !== undefined && step.done !== true && step.value.data !== undefined) {
    return end(501, "5.7.0", "This mechanism takes no initial response")
  }
  while (step.done !== true) {
    const line = initial ?? (yield* ask(step.value))
    initial = undefined
    if (line === "*") return end(501, "5.0.0", "Authentication cancelled")
    const response = readLine(line)
    if (response === undefined) return end(501, "5.5.2", "That is not base64")
    step = yield* computed(exchange, response)
  }
  return conclude(step.value)
}

function* ask({ data }: SaslServer.Challenge): Generator<Ask, string, string | Uint8Array> {
  const reply = { code: 334, enhanced: undefined, lines: [Base64.encode(data ?? Octets.empty)] }
  const line = yield { _tag: "Ask", reply }
  if (typeof line !== "string") throw new TypeError("An Ask step must be answered with a line")
  return line
}

const conclude = (verdict: SaslServer.Verdict): Concluded => {
  if (verdict._tag === "Granted") {
    const { username, authzid } = verdict
    return { ...end(235, "2.7.0", "Authentication succeeded"), identity: { username, authzid } }
  }
  return verdict.reason === "credentials"
    ? end(535, "5.7.8", "Authentication credentials invalid")
    : end(501, "5.5.2", "The message is not this mechanism's")
}

const end = (code: number, enhanced: string, text: string): Concluded => ({
  reply: { code, enhanced, lines: [`${enhanced} ${text}`] },
  identity: undefined
})
