/**
 * Sends over SMTP or LMTP to a list of endpoints tried in turn: a relay, a submission server, or the hosts of a route.
 *
 * Which endpoint is tried next is what the failure of the last one says (`next`): another address of the same host,
 * another host, or nothing before the policy decides. A recipient that got a verdict keeps it; the rest moves on. After
 * the last byte of a message was written, no other host is tried for it (CLASS-52).
 *
 * @since 0.1.0
 */
import type { MessageError } from "@effect-mail/message/MessageError"
import * as Parcel from "@effect-mail/message/Parcel"
import type { Endpoint } from "@effect-mail/protocol/Endpoint"
import * as Failure from "@effect-mail/protocol/Failure"
import * as Receipt from "@effect-mail/protocol/Receipt"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { Dialer } from "./Dialer.ts"
import * as SmtpSession from "./SmtpSession.ts"
import { CurrentSmtpSettings, type SmtpSettings } from "./SmtpSettings.ts"
import { failAll, Transport } from "./Transport.ts"

/**
 * At most so many addresses are tried in one attempt, and at most so many sessions that got as far as MAIL: one message to
 * a domain with many broken hosts must not keep a worker for hours. The numbers are those that Postfix has used for years.
 *
 * @category constants
 * @since 0.1.0
 */
export const limits = { addresses: 5, sessions: 2 } as const

/**
 * What stands around each visit of an endpoint, such as a throttle. A visit that it refuses with a failure was not made: it
 * does not count among the `limits`, and the failure says whether another endpoint is tried.
 *
 * @category models
 * @since 0.1.0
 */
export type Around = (
  endpoint: Endpoint
) => <R>(
  visit: Effect.Effect<ReadonlyArray<Receipt.Outcome>, MessageError, R>
) => Effect.Effect<ReadonlyArray<Receipt.Outcome>, MessageError | Failure.Failure, R>

/**
 * Sends a parcel to the first of these endpoints that takes it, one attempt in all. Every recipient gets an outcome, in the
 * order of the envelope. Fails when the parcel's body cannot be read, unless somebody has got the message before that; then
 * it is a local failure (`Unreachable`) of the others, since a whole second attempt would give him a second copy.
 *
 * @category combinators
 * @since 0.1.0
 */
export const sendVia = Effect.fnUntraced(function* (
  endpoints: NonEmptyReadonlyArray<Endpoint>,
  parcel: Parcel.Parcel,
  settings: SmtpSettings,
  around?: Around
): Effect.fn.Return<ReadonlyArray<Receipt.Outcome>, MessageError, Dialer> {
  // What each recipient has got so far, one outcome for each session.
  const history = new Map<string, Array<Receipt.Outcome>>(
    parcel.envelope.recipients.map(({ address }) => [address, []])
  )
  const given = new Set<string>()
  let rest: Parcel.Parcel | undefined = parcel
  let addresses = 0
  let sessions = 0
  for (const endpoint of endpoints) {
    if (rest === undefined || addresses >= limits.addresses || sessions >= limits.sessions) break
    if (given.has(endpoint.host)) continue
    const plain = visit(endpoint, rest, settings)
    const visited: Visited = yield* Effect.result(around === undefined ? plain : guarded(around(endpoint)(plain), rest))
    if (Result.isFailure(visited) && !someDelivered(history)) return yield* visited.failure
    const outcomes = Result.isSuccess(visited) ? visited.success : failAll(rest, unreadable(visited.failure))
    if (!outcomes.every(wasRefusedHere)) addresses++
    if (outcomes.some(reachedMail)) sessions++
    for (const outcome of outcomes) {
      history.get(outcome.recipient)?.push(outcome)
      if (outcome._tag === "Failed" && outcome.failure.next === "host") given.add(endpoint.host)
    }
    rest = Parcel.filterRecipients(rest, ({ address }) => movesOn(history.get(address)?.at(-1)))
  }
  return parcel.envelope.recipients.map(({ address }) => settle(address, history.get(address) ?? []))
})

type Visited = Result.Result<ReadonlyArray<Receipt.Outcome>, MessageError>

const guarded = <R>(
  visit: Effect.Effect<ReadonlyArray<Receipt.Outcome>, MessageError | Failure.Failure, R>,
  parcel: Parcel.Parcel
): Effect.Effect<ReadonlyArray<Receipt.Outcome>, MessageError, R> =>
  Effect.catchIf(visit, Failure.isFailure, (failure) => Effect.succeed(failAll(parcel, failure)))

const wasRefusedHere = (outcome: Receipt.Outcome): boolean =>
  outcome._tag === "Failed" && outcome.failure.stage === "policy"

const someDelivered = (history: ReadonlyMap<string, ReadonlyArray<Receipt.Outcome>>): boolean =>
  [...history.values()].some((outcomes) => outcomes.some(({ _tag }) => _tag === "Delivered"))

const movesOn = (outcome: Receipt.Outcome | undefined): boolean =>
  outcome?._tag === "Failed" && (outcome.failure.next === "address" || outcome.failure.next === "host")

const reachedMail = (outcome: Receipt.Outcome): boolean =>
  outcome._tag === "Delivered" || ["mail", "rcpt", "data", "body", "data-end"].includes(outcome.failure.stage)

// What several hosts said about a recipient, as one outcome. The last word ends the search, but what an earlier host said
// weighs in when that word is weaker. A host that was not tried (CLASS-15) has nothing to say beside one that was.
const settle = (recipient: string, outcomes: ReadonlyArray<Receipt.Outcome>): Receipt.Outcome => {
  const last = outcomes.at(-1)
  if (last?._tag === "Delivered") return last
  if (last?.failure._tag === "TempFailure" && last.failure.uncertain) return last
  const heard = outcomes.every(wasRefusedHere) ? outcomes : outcomes.filter((outcome) => !wasRefusedHere(outcome))
  const [first = notTried, ...others] = heard.flatMap((outcome) => (outcome._tag === "Failed" ? outcome.failure : []))
  return new Receipt.Failed({ recipient, attempts: 1, failure: Failure.combine(first, ...others) })
}

const notTried = Failure.unreachable({
  stage: "connect",
  scope: "domain",
  next: "later",
  enhanced: "4.4.1",
  reason: "no host was tried"
})

const unreadable = (error: MessageError) =>
  Failure.unreachable({ stage: "body", scope: "local", next: "later", enhanced: "4.3.0", reason: error.message })

// One session with one endpoint.
const visit = (endpoint: Endpoint, parcel: Parcel.Parcel, settings: SmtpSettings) =>
  Effect.scoped(
    Effect.gen(function* () {
      const session = yield* Effect.result(SmtpSession.open(endpoint, settings))
      return Result.isFailure(session) ? failAll(parcel, session.failure) : yield* session.success.submit(parcel)
    })
  )

/**
 * A transport to these endpoints, tried in turn, with the settings that are current when it is made.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  endpoints: NonEmptyReadonlyArray<Endpoint>,
  settings?: Partial<SmtpSettings>
): Effect.fn.Return<Transport["Service"], never, Dialer> {
  const dialer = yield* Dialer
  const all = { ...(yield* CurrentSmtpSettings), ...settings }
  return {
    send: (parcel) => Effect.provideService(sendVia(endpoints, parcel, all), Dialer, dialer)
  }
})

/**
 * The transport to these endpoints as a layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  endpoints: NonEmptyReadonlyArray<Endpoint>,
  settings?: Partial<SmtpSettings>
): Layer.Layer<Transport, never, Dialer> => Layer.effect(Transport, make(endpoints, settings))
