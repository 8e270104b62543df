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
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Conversation from "./Conversation.ts"
import { Dialer } from "./Dialer.ts"
import type { SmtpSettings } from "./SmtpSettings.ts"
import type { Wire } from "./Wire.ts"

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
  /** Submits a parcel: one outcome per recipient. Fails when the parcel's body cannot be read. */
  readonly submit: (parcel: Parcel) => Effect.Effect<ReadonlyArray<Receipt.Outcome>, MessageError>
  /** Whether the session can carry another parcel. */
  readonly usable: () => boolean
  /** The conversation so far as text, without secrets. */
  readonly transcript: () => string
}

/**
 * Opens a session and brings it to where mail may flow. Fails with what the classification says of the stage that did not
 * succeed. The connection ends with the scope, after a QUIT when the server is still listening.
 *
 * An opportunistic session whose handshake fails is opened once more, in clear text, at the same address (CLASS-24).
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = Effect.fnUntraced(function* (
  endpoint: Endpoint,
  settings: SmtpSettings
): Effect.fn.Return<SmtpSession, Failure.Failure, Dialer | Scope.Scope> {
  const first = yield* Effect.result(attempt(endpoint, settings, endpoint.tls._tag !== "None"))
  if (Result.isSuccess(first)) return first.success
  const brokenTls = first.failure._tag === "Unreachable" && first.failure.stage === "tls"
  if (!brokenTls || endpoint.tls._tag !== "Opportunistic") return yield* first.failure
  return yield* attempt(endpoint, settings, false)
})

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
  const conversation = yield* Conversation.make(wire, settings.timeouts, tlsDemand(endpoint))
  yield* Effect.addFinalizer(() => conversation.hangUp)

  const fail = (problem: Failure.Problem): Failure.Failure =>
    Failure.fromProblem(problem, { ...Failure.at(endpoint), transcript: conversation.transcript() })
  const must = <A>(dialogue: Dialogue.Dialogue<Result.Result<A, Failure.Problem>>) =>
    Effect.flatMap(
      conversation.talk(dialogue),
      Result.match({
        onSuccess: (value) => Effect.succeed(value),
        onFailure: (problem) => Effect.fail(fail(problem))
      })
    )

  const introduction = introduce(endpoint, settings, wire)
  let capabilities = yield* must(ClientDialogue.greet(introduction))
  if (useTls && !endpoint.implicitTls) {
    if (capabilities.supports("STARTTLS")) {
      const secured = yield* conversation.talk(ClientDialogue.secure(introduction))
      if (Result.isSuccess(secured)) capabilities = secured.success
      // CLASS-23: a server that offers STARTTLS and then refuses it gets its mail in clear text, if that was allowed at all.
      else if (endpoint.tls._tag === "Required" || secured.failure._tag !== "Refused" || conversation.broken()) {
        return yield* fail(secured.failure)
      }
    } else if (endpoint.tls._tag === "Required") {
      return yield* fail(noTls)
    }
  }
  if (settings.credentials !== undefined) {
    yield* must(
      ClientDialogue.authenticate(
        settings.credentials,
        {
          offered: capabilities.authMechanisms,
          encrypted: conversation.tls() !== undefined,
          host: endpoint.host,
          port: endpoint.port
        },
        settings.sasl
      )
    )
    // RFC 4954 section 4 lets a server offer more after AUTH, but none of our mechanisms requires a new EHLO.
  }
  return session(endpoint, settings, capabilities, conversation, fail)
})

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
      const submission = yield* conversation.submit(ClientDialogue.submit(envelope, facts, capabilities, options), body)
      usable = submission.usable
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
    host: endpoint.host,
    address: endpoint.address,
    port: endpoint.port,
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
    port: endpoint.port,
    tls: endpoint.implicitTls ? tlsDemand(endpoint) : undefined,
    timeout: settings.timeouts.connect
  }
  return yield* Effect.mapError(dialer.open(target), (error) =>
    Failure.fromProblem(Conversation.lostBy(error, error.reason === "tls" ? "tls" : "connect"), Failure.at(endpoint))
  )
})

const tlsDemand = (endpoint: Endpoint) => ({
  host: endpoint.host,
  verify: endpoint.tls._tag === "Required" && endpoint.tls.verify
})

const noTls: Failure.Problem = {
  _tag: "Unmet",
  stage: "starttls",
  requirement: "tls",
  detail: "TLS is required and the server does not offer STARTTLS",
  hint: "Use the port that speaks TLS from the first byte (465), or allow opportunistic TLS"
}

// A server without EHLO has no extensions, so it can only be good enough when none is needed (CLASS-21, SMTP-023).
const introduce = (endpoint: Endpoint, settings: SmtpSettings, wire: Wire): ClientDialogue.Introduction => ({
  name: settings.name ?? literal(wire.localAddress),
  protocol: endpoint.protocol,
  helo: endpoint.tls._tag !== "Required" && settings.credentials === undefined
})

const literal = (address: string | undefined): string => {
  if (address === undefined) return "[127.0.0.1]"
  return address.includes(":") ? `[IPv6:${address}]` : `[${address}]`
}
