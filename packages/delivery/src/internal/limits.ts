/** Attempts within the limits of their domain, their hosts, the hosts' provider or the relay. */
import type { MessageError } from "@effect-mail/message/MessageError"
import type * as Parcel from "@effect-mail/message/Parcel"
import * as Policy from "@effect-mail/policy/Policy"
import * as Provider from "@effect-mail/policy/Provider"
import * as RetryHint from "@effect-mail/policy/RetryHint"
import * as Throttle from "@effect-mail/policy/Throttle"
import * as Trace from "@effect-mail/policy/Trace"
import * as Failure from "@effect-mail/protocol/Failure"
import * as Receipt from "@effect-mail/protocol/Receipt"
import type { Around } from "@effect-mail/transport/SmtpTransport"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"

type Outcomes = ReadonlyArray<Receipt.Outcome>

/** The throttle that is provided, or a new one. */
export const throttle: Effect.Effect<Throttle.Throttle["Service"], never, Scope.Scope> = Effect.flatMap(
  Effect.serviceOption(Throttle.Throttle),
  Option.match({
    onSome: Effect.succeed,
    // The default options are possible ones.
    onNone: () => Effect.orDie(Effect.map(Layer.build(Throttle.layer()), Context.get(Throttle.Throttle)))
  })
)

const judged: Throttle.AroundOptions<Outcomes> = { failureOf: Throttle.failureOf }

/** What stands around attempts and their visits of hosts. */
export const limits = (service: Throttle.Throttle["Service"]) => ({
  /** The attempt for a domain or through a relay; `settled` says what has become of it when it fails, or may not be made now. */
  site: (
    key: Throttle.Key,
    parcel: Parcel.Parcel,
    attempt: Effect.Effect<Outcomes, MessageError | Failure.Failure>,
    settled: (error: MessageError | Failure.Failure) => Effect.Effect<Outcomes>
  ): Effect.Effect<Outcomes> =>
    Trace.withSpan(
      "Delivery.attempt",
      (annotate) => Effect.catch(service.around(key, judged)(traced(attempt, annotate)), settled),
      () => ({ attributes: { "mail.destination": key, "mail.recipients": parcel.envelope.recipients.length } })
    ),

  /** The visits of one attempt under a policy. */
  hosts: (policy: Policy.Policy) => {
    const refusals: Array<Failure.Failure> = []
    const around: Around =
      ({ address, host, port }) =>
      (visit) =>
        Trace.withSpan(
          "Delivery.visit",
          (annotate) =>
            traced(visit, annotate).pipe(
              service.around(Throttle.host(host), judged),
              shared(service, policy, host),
              Effect.tapError((error) => Effect.sync(() => Failure.isFailure(error) && refusals.push(error)))
            ),
          () => ({
            kind: "client",
            attributes: { "server.address": host, "server.port": port, "server.ip": address }
          })
        )
    return { around, settle: (outcomes: Outcomes): Outcomes => settle(outcomes, refusals) }
  }
})

// Thousands of domains share the hosts of a provider. Only who wants something special there pays for it.
const shared =
  (service: Throttle.Throttle["Service"], policy: Policy.Policy, host: string) =>
  <E, R>(visit: Effect.Effect<Outcomes, E, R>): Effect.Effect<Outcomes, E | Failure.Unreachable, R> => {
    const provider = policy.overrides.length === 0 ? undefined : Provider.find(host)
    if (provider === undefined || !policy.overrides.some(({ matches }) => matches({ hosts: provider.hosts })))
      return visit
    return service.around(Throttle.provider(provider), judged)(visit)
  }

// When no host might be visited, the one that may be visited first says when that is (CLASS-15).
const settle = (outcomes: Outcomes, refusals: ReadonlyArray<Failure.Failure>): Outcomes => {
  const [first] = refusals.toSorted((a, b) => waitOf(a) - waitOf(b))
  if (first === undefined || refusals.length === 1) return outcomes
  return outcomes.map((outcome) =>
    outcome._tag === "Failed" && outcome.failure.stage === "policy"
      ? new Receipt.Failed({ ...outcome, failure: first })
      : outcome
  )
}

const waitOf = (failure: Failure.Failure): number =>
  Duration.toMillis(RetryHint.fromFailure(failure) ?? Duration.infinity)

// How it ended, for a trace: numbers and words, and nobody's address.
const traced = <E, R>(
  attempt: Effect.Effect<Outcomes, E, R>,
  annotate: Trace.Annotate | undefined
): Effect.Effect<Outcomes, E, R> =>
  annotate === undefined ? attempt : Effect.tap(attempt, (outcomes) => annotate({ "mail.outcomes": words(outcomes) }))

const words = (outcomes: Outcomes): string =>
  [...Map.groupBy(outcomes, Receipt.outcomeWord)].map(([word, { length }]) => `${word} ${length}`).join(", ")
