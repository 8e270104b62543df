/**
 * Sends over SMTP or LMTP to a list of endpoints tried in turn: a relay, a submission server, or the hosts of a route.
 *
 * Which endpoint is tried next is what the failure of the last one says (`next`): another address of the same host,
 * another host, or nothing before the policy decides. A recipient that got a verdict keeps it; the rest moves on. After
 * the last byte of a message was written, no other host is tried for it (CLASS-52). A refusal for reasons of policy or
 * security (5.7.x) may be about our address: where there is an endpoint of the other IP family, it is asked once (CLASS-38).
 *
 * @since 0.1.0
 */
import type { MessageError } from "@effect-mail/message/MessageError"
import * as Parcel from "@effect-mail/message/Parcel"
import type { Endpoint } from "@effect-mail/protocol/Endpoint"
import * as Failure from "@effect-mail/protocol/Failure"
import * as Receipt from "@effect-mail/protocol/Receipt"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { Dialer } from "./Dialer.ts"
import * as SmtpSession from "./SmtpSession.ts"
import * as Outcomes from "./internal/outcomes.ts"
import { rescue } from "./internal/rescue.ts"
import * as SmtpPool from "./SmtpPool.ts"
import { CurrentSmtpSettings, type InvalidSetting, make as checked, type SmtpSettings } from "./SmtpSettings.ts"
import { Transport } from "./Transport.ts"
import { monotonicMillis } from "./Watchdog.ts"

/**
 * At most so many addresses are tried in one attempt, and at most so many sessions that got as far as MAIL: one message to
 * a domain with many broken hosts must not keep a worker for hours. The numbers are those that Postfix has used for years.
 *
 * @category constants
 * @since 0.1.0
 */
export const limits = { addresses: 5, sessions: 2 } as const

/**
 * Tries one endpoint: one outcome for every recipient, in the order of the envelope. Nothing goes beyond `until`, in
 * milliseconds of the monotonic clock, but the wait for a verdict. A visit that fails with a failure was not made: it does
 * not count among the `limits`, and the failure says whether another endpoint is tried.
 *
 * @category models
 * @since 0.1.0
 */
export type Visit<R = never> = (
  endpoint: Endpoint,
  parcel: Parcel.Parcel,
  until: number
) => Effect.Effect<ReadonlyArray<Receipt.Outcome>, MessageError | Failure.Failure, R>

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
 * Sends a parcel to the first of these endpoints that takes it, one attempt in all; `visit` tries one of them, such as
 * `SmtpPool.send`, and nothing takes longer than `deadline`, but the wait for a verdict. Every recipient gets an outcome, in the
 * order of the envelope. Fails when the parcel's body cannot be read, unless somebody has got the message before that; then
 * it is a local failure (`Unreachable`) of the others, since a whole second attempt would give him a second copy.
 *
 * @category combinators
 * @since 0.1.0
 */
export const sendWith = <R>(
  endpoints: NonEmptyReadonlyArray<Endpoint>,
  parcel: Parcel.Parcel,
  visit: Visit<R>,
  deadline?: Duration.Duration
): Effect.Effect<ReadonlyArray<Receipt.Outcome>, MessageError, R> => {
  const attempt = (until: number) =>
    // With one endpoint there is nothing to choose and nothing to combine.
    endpoints.length === 1
      ? guarded(visit(endpoints[0], parcel, until), parcel)
      : inTurn(endpoints, parcel, visit, until)
  return deadline === undefined
    ? attempt(Infinity)
    : Effect.flatMap(Clock.Clock, (clock) => attempt(monotonicMillis(clock) + Duration.toMillis(deadline)))
}

const inTurn = Effect.fnUntraced(function* <R>(
  endpoints: NonEmptyReadonlyArray<Endpoint>,
  parcel: Parcel.Parcel,
  visit: Visit<R>,
  until: number
): Effect.fn.Return<ReadonlyArray<Receipt.Outcome>, MessageError, R> {
  // What each recipient has got so far, one outcome for each session.
  const history = new Map<string, Array<Receipt.Outcome>>(
    parcel.envelope.recipients.map(({ address }) => [address, []])
  )
  const given = new Set<string>()
  // Whom the other IP family is asked about.
  const appealing = new Set<string>()
  let queue: ReadonlyArray<Endpoint> = endpoints
  let rest: Parcel.Parcel | undefined = parcel
  let addresses = 0
  let sessions = 0
  while (rest !== undefined && addresses < limits.addresses && sessions < limits.sessions) {
    const [endpoint, ...later] = queue
    if (endpoint === undefined) break
    queue = later
    if (given.has(endpoint.host)) continue
    const visited: Visited = yield* Effect.result(guarded(visit(endpoint, rest, until), rest))
    if (Result.isFailure(visited) && !someGot(history)) return yield* visited.failure
    const outcomes = Result.isSuccess(visited)
      ? visited.success
      : Outcomes.allFailed(rest, Outcomes.unreadable(visited.failure))
    if (!outcomes.every(wasRefusedHere)) addresses++
    if (outcomes.some(reachedMail)) sessions++
    for (const outcome of outcomes) {
      const said = history.get(outcome.recipient)
      // The other family's answer takes the place of the refusal, if there is one.
      if (appealing.has(outcome.recipient) && !isUnreachable(outcome)) said?.splice(0)
      said?.push(outcome)
      if (outcome._tag === "Failed" && outcome.failure.next === "host") given.add(endpoint.host)
    }
    const others = appealing.size === 0 ? queue.filter((other) => isOfOtherFamily(other, endpoint)) : []
    const appeals = new Set(
      others.length === 0 ? [] : outcomes.filter(isPolicyRefusal).map(({ recipient }) => recipient)
    )
    if (appeals.size > 0) queue = [...others, ...queue.filter((other) => !others.includes(other))]
    for (const recipient of appeals) appealing.add(recipient)
    rest = Parcel.filterRecipients(rest, ({ address }) => appeals.has(address) || movesOn(history.get(address)?.at(-1)))
  }
  return parcel.envelope.recipients.map(({ address }) => settle(address, history.get(address) ?? []))
})

type Visited = Result.Result<ReadonlyArray<Receipt.Outcome>, MessageError>

const guarded = <R>(
  visit: Effect.Effect<ReadonlyArray<Receipt.Outcome>, MessageError | Failure.Failure, R>,
  parcel: Parcel.Parcel
): Effect.Effect<ReadonlyArray<Receipt.Outcome>, MessageError, R> =>
  Effect.catchIf(visit, Failure.isFailure, (failure) => Effect.succeed(Outcomes.allFailed(parcel, failure)))

const wasRefusedHere = (outcome: Receipt.Outcome): boolean =>
  outcome._tag === "Failed" && outcome.failure.stage === "policy"

const isUnreachable = (outcome: Receipt.Outcome): boolean =>
  outcome._tag === "Failed" && outcome.failure._tag === "Unreachable"

const isPolicyRefusal = (outcome: Receipt.Outcome): boolean =>
  outcome._tag === "Failed" &&
  outcome.failure._tag === "PermFailure" &&
  outcome.failure.code !== undefined &&
  outcome.failure.enhanced?.startsWith("5.7.") === true

const isOfOtherFamily = ({ address: one }: Endpoint, { address: other }: Endpoint): boolean =>
  one !== undefined && other !== undefined && one.includes(":") !== other.includes(":")

const someGot = (history: ReadonlyMap<string, ReadonlyArray<Receipt.Outcome>>): boolean =>
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

/**
 * Tries an endpoint over a connection of its own, which ends with the message.
 *
 * @category constructors
 * @since 0.1.0
 */
export const oneShot = (settings: SmtpSettings, dialer: Dialer["Service"]): SmtpPool.SmtpPool["send"] => {
  const once = (endpoint: Endpoint, parcel: Parcel.Parcel, until: number) =>
    Effect.scoped(
      Effect.gen(function* () {
        const session = yield* Effect.result(SmtpSession.open(endpoint, settings, until))
        return Result.isFailure(session)
          ? { outcomes: Outcomes.allFailed(parcel, session.failure), left: undefined, rider: undefined, unheard: false }
          : yield* session.success.carry(parcel, { until })
      })
    )
  return Effect.fnUntraced(function* (endpoint, parcel, until = Infinity) {
    let { left, outcomes } = yield* Effect.provideService(once(endpoint, parcel, until), Dialer, dialer)
    while (left !== undefined) {
      const again = Effect.provideService(once(endpoint, left, until), Dialer, dialer)
      const more = yield* rescue(again, left, outcomes)
      outcomes = [...outcomes, ...more.outcomes]
      left = more.left
    }
    return Outcomes.inOrder(parcel.envelope, outcomes)
  })
}

/**
 * `sendWith` over a connection for each endpoint that is tried, which ends with the message; `around` stands around each
 * visit.
 *
 * @category combinators
 * @since 0.1.0
 */
export const sendVia = (
  endpoints: NonEmptyReadonlyArray<Endpoint>,
  parcel: Parcel.Parcel,
  settings: SmtpSettings,
  around?: Around
): Effect.Effect<ReadonlyArray<Receipt.Outcome>, MessageError, Dialer> =>
  Effect.flatMap(Dialer, (dialer) => {
    const once = oneShot(settings, dialer)
    const visit: Visit = (endpoint, part, until) =>
      around === undefined ? once(endpoint, part, until) : around(endpoint)(once(endpoint, part, until))
    return sendWith(endpoints, parcel, visit, settings.deadline)
  })

/**
 * A transport to these endpoints, tried in turn, with the settings over those that are current. It keeps its connections in
 * an `SmtpPool`, which ends with the scope. Fails with `InvalidSetting` when a setting cannot be used.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  endpoints: NonEmptyReadonlyArray<Endpoint>,
  settings?: Partial<SmtpSettings>
): Effect.fn.Return<Transport["Service"], InvalidSetting, Dialer | Scope.Scope> {
  const { deadline } = { ...(yield* CurrentSmtpSettings), ...settings }
  const pool = yield* SmtpPool.make(settings)
  const [only] = endpoints
  // A pool that is all there is to choose says by itself what `sendWith` would say.
  return endpoints.length === 1 && deadline === undefined
    ? { send: (parcel) => pool.send(only, parcel) }
    : { send: (parcel) => sendWith(endpoints, parcel, pool.send, deadline) }
})

/**
 * The same with a connection for each message.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeOneShot = Effect.fnUntraced(function* (
  endpoints: NonEmptyReadonlyArray<Endpoint>,
  settings?: Partial<SmtpSettings>
): Effect.fn.Return<Transport["Service"], InvalidSetting, Dialer> {
  const all = yield* Effect.fromResult(checked({ ...(yield* CurrentSmtpSettings), ...settings }))
  const visit = oneShot(all, yield* Dialer)
  return { send: (parcel) => sendWith(endpoints, parcel, visit, all.deadline) }
})

/**
 * The transport to these endpoints as a layer, with a pool of its own. Fails with `InvalidSetting` when a setting cannot be
 * used.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  endpoints: NonEmptyReadonlyArray<Endpoint>,
  settings?: Partial<SmtpSettings>
): Layer.Layer<Transport, InvalidSetting, Dialer> => Layer.effect(Transport, make(endpoints, settings))

/**
 * The same with a connection for each message: for a program that sends one and ends.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerOneShot = (
  endpoints: NonEmptyReadonlyArray<Endpoint>,
  settings?: Partial<SmtpSettings>
): Layer.Layer<Transport, InvalidSetting, Dialer> => Layer.effect(Transport, makeOneShot(endpoints, settings))
