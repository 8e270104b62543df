/**
 * One session with one server, from the connection to QUIT:
 *
 * ```
 *   dial -> greeting -> EHLO -> [STARTTLS -> TLS -> EHLO] -> [AUTH] -> submit* -> QUIT
 * ```
 *
 * What the endpoint's TLS policy demands is reached before anything else is said, or the session fails. A session belongs
 * to one caller at a time. Each message goes in the widest of its encodings that the server offers to take (`Parcel.bodyFor`).
 *
 * @since 0.1.0
 */
import type { MessageError } from "@effect-mail/message/MessageError"
import { type Body, bodyFor, filterRecipients, type Parcel } from "@effect-mail/message/Parcel"
import type { Capabilities } from "@effect-mail/protocol/Capabilities"
import * as ClientDialogue from "@effect-mail/protocol/ClientDialogue"
import type { Endpoint } from "@effect-mail/protocol/Endpoint"
import * as Failure from "@effect-mail/protocol/Failure"
import * as Parameters from "@effect-mail/protocol/Parameters"
import * as Receipt from "@effect-mail/protocol/Receipt"
import * as Reply from "@effect-mail/protocol/Reply"
import * as TlsPolicy from "@effect-mail/protocol/TlsPolicy"
import type * as Sasl from "@effect-mail/protocol/Sasl"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Conversation from "./Conversation.ts"
import { Dialer } from "./Dialer.ts"
import type { SmtpSettings } from "./SmtpSettings.ts"
import type { Transcript } from "./Transcript.ts"
import * as Outcomes from "./internal/outcomes.ts"
import { monotonicMillis } from "./Watchdog.ts"
import { demandOf, type Wire } from "./Wire.ts"

/**
 * A session that is ready for mail.
 *
 * @category models
 * @since 0.1.0
 */
export interface SmtpSession {
  readonly endpoint: Endpoint
  /** What the server offers, as said under TLS when there is TLS. */
  readonly capabilities: Capabilities
  readonly tls: Receipt.TlsInfo | undefined
  /**
   * Submits a parcel: one outcome per recipient, in the order of the envelope. Fails when the parcel's body cannot be read,
   * unless somebody has got the message before that; then the failure is that of the others.
   */
  readonly submit: (parcel: Parcel) => Effect.Effect<ReadonlyArray<Receipt.Outcome>, MessageError>
  /** The same as one of many messages on this session, for whoever shares it out. Fails as `submit` does. */
  readonly carry: (parcel: Parcel, journey?: Journey) => Effect.Effect<Carried, MessageError>
  /** The same as a part of what a fiber does, to be delegated to from its generator: it costs no effect of its own. */
  readonly carrying: (parcel: Parcel, journey?: Journey) => Effect.fn.Return<Carried, MessageError>
  /**
   * Makes a parcel's envelope ready to ride behind the message that is carried at the moment (PIPE-006), when MAIL has been
   * said so often in this session; undefined when it cannot.
   */
  readonly ride: (parcel: Parcel, transactions: number) => ClientDialogue.Rider | undefined
  /** Whether the session can carry another parcel. */
  readonly usable: () => boolean
  /** The conversation so far as text, without secrets; of the messages only the last one. */
  readonly transcript: Transcript["text"]
}

/**
 * How a parcel is carried among others.
 *
 * @category models
 * @since 0.1.0
 */
export interface Journey extends ClientDialogue.Train {
  /** When it has to be over, in milliseconds of the monotonic clock; never by default. */
  readonly until?: number | undefined
  /**
   * Whether it is unknown if the server is still there. Then the message is not sent along with the envelope: lost together,
   * it would count as perhaps delivered.
   */
  readonly unsure?: boolean | undefined
}

/**
 * What became of a parcel.
 *
 * @category models
 * @since 0.1.0
 */
export interface Carried {
  /** One outcome for each recipient but those that are left, in the order of the envelope. */
  readonly outcomes: ReadonlyArray<Receipt.Outcome>
  /** The parcel for those recipients that only another session can take, as the server's LIMITS say (RFC 9422). */
  readonly left: Parcel | undefined
  /** The envelope that has gone out behind this message; its parcel is to be carried next, with this as `sent`. */
  readonly rider: ClientDialogue.Rider | undefined
  /**
   * Whether the session ended, or the server ended it with 421, before MAIL was answered: nothing has happened to the
   * parcel, and if the session was an old one, this says nothing about the server either (CLASS-55).
   */
  readonly unheard: boolean
}

/**
 * The servers whose TLS did not work although they offer it.
 *
 * @category models
 * @since 0.1.0
 */
export interface BrokenTls {
  readonly has: (endpoint: Endpoint) => boolean
  readonly add: (endpoint: Endpoint) => void
}

/**
 * Opens a session and brings it to where mail may flow. Fails with what the classification says of the stage that did not
 * succeed. The connection ends with the scope, after a QUIT when the server is still listening. No wait goes beyond `until`,
 * in milliseconds of the monotonic clock.
 *
 * An opportunistic session whose handshake fails, or the EHLO behind it, is opened once more at the same address, in clear
 * text (CLASS-24); `broken` remembers such servers for whoever opens many sessions. So is one whose credentials were refused
 * and come from a source that has others.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (
  endpoint: Endpoint,
  settings: SmtpSettings,
  until = Infinity,
  broken?: BrokenTls
): Effect.Effect<SmtpSession, Failure.Failure, Dialer | Scope.Scope> => {
  const entrance = { endpoint, settings, until, broken }
  return Effect.catchTag(enter({ ...entrance, mayRenew: true }), "RefusedCredentials", () =>
    Effect.catchTag(enter({ ...entrance, mayRenew: false }), "RefusedCredentials", Effect.die)
  )
}

interface Entrance {
  readonly endpoint: Endpoint
  readonly settings: SmtpSettings
  readonly until: number
  readonly broken: BrokenTls | undefined
  /** Whether credentials that are refused may be replaced and tried again. */
  readonly mayRenew: boolean
}

// A server that cannot do the TLS it offers, when clear text will do.
class TlsFailed extends Data.TaggedError("TlsFailed") {}

// Credentials that were good once; there are newer ones.
class RefusedCredentials extends Data.TaggedError("RefusedCredentials") {}

const enter = Effect.fnUntraced(function* (entrance: Entrance) {
  const { broken, endpoint, settings } = entrance
  // A token may take its time, and a server that waits for it may not.
  const who = yield* identity(endpoint, settings.credentials)
  const useTls =
    endpoint.tls._tag !== "None" && !(endpoint.tls._tag === "Opportunistic" && broken?.has(endpoint) === true)
  return yield* Effect.catchTag(attempt(entrance, who, useTls), "TlsFailed", () => {
    broken?.add(endpoint)
    return Effect.catchTag(attempt(entrance, who, false), "TlsFailed", Effect.die)
  })
})

const identity = (endpoint: Endpoint, credentials: SmtpSettings["credentials"]) =>
  credentials?._tag === "Source"
    ? Effect.mapError(credentials.current, ({ reason }) => noCredentials(endpoint, reason))
    : Effect.succeed(credentials)

// As when the server refuses them (CLASS-32): the relay's trouble, and no reason to bounce somebody's mail.
const noCredentials = (endpoint: Endpoint, reason: string): Failure.Failure =>
  Failure.unreachable({
    ...Failure.at(endpoint),
    stage: "auth",
    scope: "relay",
    next: "later",
    enhanced: "4.7.0",
    reason
  })

type Who = Sasl.Credentials | undefined

// A session that was not established must not hold its connection until the caller's scope ends.
const attempt = Effect.fnUntraced(function* (entrance: Entrance, who: Who, useTls: boolean) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  return yield* establish(entrance, who, useTls).pipe(
    Scope.provide(scope),
    Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
  )
})

const establish = Effect.fnUntraced(function* (entrance: Entrance, who: Who, useTls: boolean) {
  const { endpoint, settings } = entrance
  const wire = yield* dial(entrance)
  const conversation = yield* Conversation.make(wire, settings.timeouts, demandOf(endpoint.host, endpoint.tls))
  yield* Effect.addFinalizer(() => conversation.hangUp)
  conversation.limit(entrance.until)

  const fail = (problem: Failure.Problem): Failure.Failure =>
    Failure.fromProblem(problem, { ...Failure.at(endpoint), transcript: conversation.transcript() })

  const introduction = introduce(endpoint, settings, wire)
  const greeted = yield* conversation.talk(ClientDialogue.greet(introduction))
  if (Result.isFailure(greeted)) return yield* fail(withoutEhlo(greeted.failure, endpoint, settings))
  let capabilities = greeted.success
  if (useTls && !endpoint.implicitTls) {
    const secured = capabilities.supports("STARTTLS")
      ? yield* conversation.talk(ClientDialogue.secure(introduction))
      : Result.fail(noTls)
    if (Result.isSuccess(secured)) capabilities = secured.success
    else if (TlsPolicy.isMandatory(endpoint.tls)) return yield* fail(secured.failure)
    else if (began(secured.failure)) return yield* new TlsFailed()
    else if (!goesOn(secured.failure)) return yield* fail(secured.failure)
  }
  if (who !== undefined) {
    // RFC 4954 section 4 lets a server offer more after AUTH, but none of our mechanisms requires a new EHLO.
    const offer = offerOf(endpoint, capabilities, conversation, who)
    const proven = yield* conversation.talk(ClientDialogue.authenticate(who, offer, settings.sasl))
    if (Result.isFailure(proven)) {
      if (yield* mayDoBetter(entrance, who, proven.failure)) return yield* new RefusedCredentials()
      return yield* fail(proven.failure)
    }
  }
  return session(endpoint, settings, capabilities, conversation, fail)
})

const offerOf = (
  endpoint: Endpoint,
  capabilities: Capabilities,
  conversation: Conversation.Conversation,
  who: Sasl.Credentials
): Sasl.Session => ({
  offered: capabilities.authMechanisms,
  encrypted: conversation.tls() !== undefined,
  // Whoever chooses EXTERNAL has given the dialer a certificate; a server that has not seen it does not offer EXTERNAL.
  clientCertificate: who._tag === "External" && conversation.tls() !== undefined,
  host: endpoint.host,
  port: endpoint.port
})

const mayDoBetter = (
  { mayRenew, settings: { credentials } }: Entrance,
  who: Sasl.Credentials,
  problem: Failure.Problem
) =>
  mayRenew && credentials?._tag === "Source" && problem._tag === "Refused" && problem.reply.code === 535
    ? credentials.refused(who)
    : Effect.succeed(false)

// Whether the server had agreed to TLS before it failed.
const began = (problem: Failure.Problem): boolean => problem.stage === "tls" || problem.stage === "ehlo"

// CLASS-23: a server without TLS gets its mail in clear text where that is allowed, unless it hangs up.
const goesOn = (problem: Failure.Problem): boolean =>
  problem._tag === "Unmet" || (problem._tag === "Refused" && problem.reply.code !== 421)

// A session whose pins did not match was not established.
const isProven = ({ tls: { _tag } }: Endpoint, tls: Receipt.TlsInfo | undefined): boolean =>
  tls !== undefined && (tls.verified || _tag === "Pinned")

const session = (
  endpoint: Endpoint,
  settings: SmtpSettings,
  capabilities: Capabilities,
  conversation: Conversation.Conversation,
  fail: (problem: Failure.Problem) => Failure.Failure
): SmtpSession => {
  const domains = new Set<string>()
  const proven = isProven(endpoint, conversation.tls())
  const counts = capabilities.limits.rcptDomainMax !== undefined
  const widest = Parameters.widestEncoding(capabilities)
  let transactions = 0
  let usable = true
  const optionsFor = (transactions: number, maxChunk: number): ClientDialogue.SubmitOptions => ({
    protocol: endpoint.protocol,
    onMissing: settings.onMissing,
    maxRecipients: settings.maxRecipients,
    maxChunk,
    proven,
    spent: { transactions, domains }
  })
  const outcome = (
    recipient: string,
    verdict: ClientDialogue.Verdict,
    failures: Map<Failure.Problem, Failure.Failure>,
    omitted: ReadonlyArray<string>
  ) => {
    if (verdict._tag === "Accepted") return delivered(endpoint, recipient, verdict.reply, conversation.tls(), omitted)
    const failure = failures.get(verdict) ?? fail(verdict)
    failures.set(verdict, failure)
    return new Receipt.Failed({ recipient, attempts: 1, failure })
  }
  // Recipients that share a problem share the failure.
  const outcomes = ({ recipients }: Parcel["envelope"], { left, omitted, verdicts }: ClientDialogue.Submission) => {
    const failures = new Map<Failure.Problem, Failure.Failure>()
    const all: Array<Receipt.Outcome> = []
    verdicts.forEach((verdict, index) => {
      if (left.includes(index)) return
      all.push(outcome(recipients[index]?.address ?? "", verdict, failures, omitted))
    })
    return all
  }
  // A domain counts from when it may be named, so that what rides behind it knows.
  const count = ({ recipients }: Parcel["envelope"]): void => {
    const { rcptDomainMax = Infinity } = capabilities.limits
    for (const recipient of recipients) {
      if (domains.size < rcptDomainMax) domains.add(ClientDialogue.domainOf(recipient))
    }
  }
  function* carrying(parcel: Parcel, journey: Journey = {}): Effect.fn.Return<Carried, MessageError> {
    const { envelope } = parcel
    const body = bodyFor(parcel, widest)
    if (counts && journey.sent === undefined) count(envelope)
    conversation.begin(journey.until ?? Infinity)
    const options = optionsFor(transactions, journey.unsure === true ? 0 : settings.maxChunk)
    const dialogue = ClientDialogue.submit(envelope, factsOf(body), capabilities, options, journey)
    const { fault, value } = yield* conversation.submitting(dialogue, body)
    usable = value.usable
    transactions += value.transactions
    if (fault !== undefined && !value.verdicts.some(({ _tag }) => _tag === "Accepted")) return yield* fault
    return {
      outcomes: outcomes(envelope, value),
      left: value.left.length === 0 ? undefined : leftOf(parcel, value.left),
      rider: conversation.ended() ? undefined : value.rider,
      unheard: value.transactions > 0 && value.verdicts.every(isUnheard)
    }
  }
  const carry = Effect.fnUntraced(carrying)
  return {
    endpoint,
    capabilities,
    tls: conversation.tls(),
    carry,
    carrying,
    submit: (parcel) =>
      Effect.map(carry(parcel), ({ left, outcomes }) =>
        left === undefined
          ? outcomes
          : Outcomes.inOrder(parcel.envelope, [...outcomes, ...Outcomes.allFailed(left, fail(noRoom))])
      ),
    ride: (parcel, transactions) => {
      const options = optionsFor(transactions, settings.maxChunk)
      const facts = factsOf(bodyFor(parcel, widest))
      const rider = ClientDialogue.ride(parcel.envelope, facts, capabilities, options)
      if (counts && rider !== undefined) count(parcel.envelope)
      return rider
    },
    usable: () => usable && !conversation.broken(),
    transcript: conversation.transcript
  }
}

const factsOf = ({ encoding, size, utf8Headers }: Body): Parameters.Body => ({ size, encoding, utf8: utf8Headers })

const leftOf = (parcel: Parcel, left: ReadonlyArray<number>): Parcel | undefined => {
  const addresses = new Set(left.map((index) => parcel.envelope.recipients[index]?.address))
  return filterRecipients(parcel, ({ address }) => addresses.has(address))
}

// Lost before it was answered, and not by our own doing. A server that keeps the connection and says nothing has heard.
const isUnheard = (verdict: ClientDialogue.Verdict): boolean => {
  if (verdict._tag === "Lost") return verdict.stage === "mail" && verdict.kind !== "local" && verdict.kind !== "timeout"
  return verdict._tag === "Refused" && verdict.stage === "mail" && verdict.reply.code === 421
}

const delivered = (
  { address, host, path, port }: Endpoint,
  recipient: string,
  reply: Reply.Reply,
  tls: Receipt.TlsInfo | undefined,
  omitted: ReadonlyArray<string>
) =>
  // One for each recipient of each message; what it is made of has been decoded.
  Receipt.delivered({
    recipient,
    attempts: 1,
    host,
    address: path === undefined ? address : undefined,
    port: path === undefined ? port : undefined,
    code: reply.code,
    enhanced: reply.enhanced,
    text: Failure.printable(Reply.text(reply)),
    tls,
    // Never silent (SMTP-025).
    omitted: omitted.length === 0 ? undefined : omitted
  })

const dial = Effect.fnUntraced(function* ({ endpoint, settings, until }: Entrance) {
  const dialer = yield* Dialer
  const left = until === Infinity ? Infinity : until - monotonicMillis(yield* Clock.Clock)
  if (left <= 0)
    return yield* Failure.fromProblem(Conversation.lostBy(Conversation.tooLate, "connect"), Failure.at(endpoint))
  const target = {
    host: endpoint.host,
    address: endpoint.address,
    path: endpoint.path,
    port: endpoint.port,
    tls: endpoint.implicitTls ? demandOf(endpoint.host, endpoint.tls) : undefined,
    timeout: Duration.min(settings.timeouts.connect, Duration.millis(left))
  }
  return yield* Effect.mapError(dialer.open(target), (error) =>
    Failure.fromProblem(Conversation.lostBy(error, error.reason === "tls" ? "tls" : "connect"), Failure.at(endpoint))
  )
})

const noRoom: Failure.Lost = {
  _tag: "Lost",
  stage: "mail",
  kind: "closed",
  detail: "the server takes no more mail in one session (LIMITS)"
}

const noTls: Failure.Unmet = {
  _tag: "Unmet",
  stage: "starttls",
  requirement: "tls",
  detail: "TLS is required and the server does not offer STARTTLS",
  hint: "Use the port that speaks TLS from the first byte (465), or allow opportunistic TLS"
}

// CLASS-21: a server without EHLO has no extensions, so it is good enough only when none is needed (SMTP-023).
const introduce = (endpoint: Endpoint, settings: SmtpSettings, wire: Wire): ClientDialogue.Introduction => ({
  name: settings.name ?? literal(wire.localAddress),
  protocol: endpoint.protocol,
  helo: !TlsPolicy.isMandatory(endpoint.tls) && settings.credentials === undefined
})

const withoutEhlo = (problem: Failure.Problem, endpoint: Endpoint, settings: SmtpSettings): Failure.Problem => {
  if (problem._tag !== "Refused" || problem.stage !== "ehlo" || problem.reply.code < 500) return problem
  if (TlsPolicy.isMandatory(endpoint.tls) && !endpoint.implicitTls) return noTls
  return settings.credentials === undefined ? problem : noAuth
}

const noAuth: Failure.Unmet = {
  _tag: "Unmet",
  stage: "ehlo",
  requirement: "auth",
  detail: "the server does not know EHLO, so it cannot authenticate anybody"
}

// An IPv6 address may name its zone, which is nobody else's business (RFC 4007 section 11.2).
const literal = (address = "127.0.0.1"): string => {
  const [bare] = address.split("%")
  return address.includes(":") ? `[IPv6:${bare}]` : `[${bare}]`
}
