/**
 * One session with one server, from the connection to QUIT:
 *
 * ```
 *   dial -> greeting -> EHLO -> [STARTTLS -> TLS -> EHLO] -> [AUTH] -> submit* -> QUIT
 * ```
 *
 * What the endpoint's TLS policy demands is reached before anything else is said, or the session fails. A session belongs
 * to one caller at a time.
 *
 * @since 0.1.0
 */
import type { MessageError } from "@effect-mail/message/MessageError"
import type { Parcel } from "@effect-mail/message/Parcel"
import type { Capabilities } from "@effect-mail/protocol/Capabilities"
import * as ClientDialogue from "@effect-mail/protocol/ClientDialogue"
import type * as Dialogue from "@effect-mail/protocol/Dialogue"
import type { Endpoint } from "@effect-mail/protocol/Endpoint"
import * as Failure from "@effect-mail/protocol/Failure"
import * as Receipt from "@effect-mail/protocol/Receipt"
import * as Reply from "@effect-mail/protocol/Reply"
import * as TlsPolicy from "@effect-mail/protocol/TlsPolicy"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Conversation from "./Conversation.ts"
import { Dialer } from "./Dialer.ts"
import type { SmtpSettings } from "./SmtpSettings.ts"
import type { Transcript } from "./Transcript.ts"
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
  /** Whether the session can carry another parcel. */
  readonly usable: () => boolean
  /** The conversation so far as text, without secrets. */
  readonly transcript: Transcript["text"]
}

/**
 * Opens a session and brings it to where mail may flow. Fails with what the classification says of the stage that did not
 * succeed. The connection ends with the scope, after a QUIT when the server is still listening.
 *
 * An opportunistic session whose handshake fails, or the EHLO behind it, is opened once more at the same address, in clear
 * text (CLASS-24).
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (
  endpoint: Endpoint,
  settings: SmtpSettings
): Effect.Effect<SmtpSession, Failure.Failure, Dialer | Scope.Scope> =>
  Effect.catchTag(attempt(endpoint, settings, endpoint.tls._tag !== "None"), "BrokenTls", () =>
    Effect.catchTag(attempt(endpoint, settings, false), "BrokenTls", Effect.die)
  )

// A server that cannot do the TLS it offers, when clear text will do.
class BrokenTls extends Data.TaggedError("BrokenTls") {}

// A session that was not established must not hold its connection until the caller's scope ends.
const attempt = Effect.fnUntraced(function* (endpoint: Endpoint, settings: SmtpSettings, useTls: boolean) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  return yield* establish(endpoint, settings, useTls).pipe(
    Scope.provide(scope),
    Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
  )
})

const establish = Effect.fnUntraced(function* (endpoint: Endpoint, settings: SmtpSettings, useTls: boolean) {
  const wire = yield* dial(endpoint, settings)
  const conversation = yield* Conversation.make(wire, settings.timeouts, demandOf(endpoint.host, endpoint.tls))
  yield* Effect.addFinalizer(() => conversation.hangUp)

  const fail = (problem: Failure.Problem): Failure.Failure =>
    Failure.fromProblem(problem, { ...Failure.at(endpoint), transcript: conversation.transcript() })
  const must = <A>(dialogue: Dialogue.Dialogue<Result.Result<A, Failure.Problem>>) =>
    Effect.flatMap(conversation.talk(dialogue), (result) => Effect.fromResult(Result.mapError(result, fail)))

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
    else if (began(secured.failure)) return yield* new BrokenTls()
    else if (!goesOn(secured.failure)) return yield* fail(secured.failure)
  }
  if (settings.credentials !== undefined) {
    const offer = {
      offered: capabilities.authMechanisms,
      encrypted: conversation.tls() !== undefined,
      host: endpoint.host,
      port: endpoint.port
    }
    // RFC 4954 section 4 lets a server offer more after AUTH, but none of our mechanisms requires a new EHLO.
    yield* must(ClientDialogue.authenticate(settings.credentials, offer, settings.sasl))
  }
  return session(endpoint, settings, capabilities, conversation, fail)
})

// Whether the server had agreed to TLS before it failed.
const began = (problem: Failure.Problem): boolean => problem.stage === "tls" || problem.stage === "ehlo"

// CLASS-23: a server without TLS gets its mail in clear text where that is allowed, unless it hangs up.
const goesOn = (problem: Failure.Problem): boolean =>
  problem._tag === "Unmet" || (problem._tag === "Refused" && problem.reply.code !== 421)

const session = (
  endpoint: Endpoint,
  settings: SmtpSettings,
  capabilities: Capabilities,
  conversation: Conversation.Conversation,
  fail: (problem: Failure.Problem) => Failure.Failure
): SmtpSession => {
  const options = { ...settings, protocol: endpoint.protocol }
  let usable = true
  const outcome = (
    recipient: string,
    verdict: ClientDialogue.Verdict,
    failures: Map<Failure.Problem, Failure.Failure>
  ) => {
    if (verdict._tag === "Accepted") return delivered(endpoint, recipient, verdict.reply, conversation.tls())
    const failure = failures.get(verdict) ?? fail(verdict)
    failures.set(verdict, failure)
    return new Receipt.Failed({ recipient, attempts: 1, failure })
  }
  return {
    endpoint,
    capabilities,
    tls: conversation.tls(),
    submit: Effect.fnUntraced(function* (parcel: Parcel) {
      const { body, envelope } = parcel
      const facts = { size: body.size, encoding: body.encoding, utf8: body.utf8Headers }
      const dialogue = ClientDialogue.submit(envelope, facts, capabilities, options)
      const { fault, value: submission } = yield* conversation.submit(dialogue, body)
      usable = submission.usable
      if (fault !== undefined && !submission.verdicts.some(({ _tag }) => _tag === "Accepted")) return yield* fault
      // Recipients that share a problem share the failure.
      const failures = new Map<Failure.Problem, Failure.Failure>()
      return submission.verdicts.map((verdict, index) =>
        outcome(envelope.recipients[index]?.address ?? "", verdict, failures)
      )
    }),
    usable: () => usable && !conversation.broken(),
    transcript: conversation.transcript
  }
}

const delivered = (endpoint: Endpoint, recipient: string, reply: Reply.Reply, tls: Receipt.TlsInfo | undefined) =>
  new Receipt.Delivered({
    recipient,
    attempts: 1,
    ...Failure.at(endpoint),
    code: reply.code,
    enhanced: reply.enhanced,
    text: Failure.printable(Reply.text(reply)),
    tls
  })

const dial = Effect.fnUntraced(function* (endpoint: Endpoint, settings: SmtpSettings) {
  const dialer = yield* Dialer
  const target = {
    host: endpoint.host,
    address: endpoint.address,
    path: endpoint.path,
    port: endpoint.port,
    tls: endpoint.implicitTls ? demandOf(endpoint.host, endpoint.tls) : undefined,
    timeout: settings.timeouts.connect
  }
  return yield* Effect.mapError(dialer.open(target), (error) =>
    Failure.fromProblem(Conversation.lostBy(error, error.reason === "tls" ? "tls" : "connect"), Failure.at(endpoint))
  )
})

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
