/**
 * One attempt: the recipients grouped by destination, each destination routed, its hosts tried in the order that the
 * classification gives, one outcome for every recipient. When to attempt again is the policy's business; `Mailer` and the
 * outbox both stand on this.
 *
 * @since 0.1.0
 */
import * as Route from "@effect-mail/dns/Route"
import { Router } from "@effect-mail/dns/Router"
import type { MessageError } from "@effect-mail/message/MessageError"
import * as Parcel from "@effect-mail/message/Parcel"
import * as Address from "@effect-mail/protocol/Address"
import type { Failure } from "@effect-mail/protocol/Failure"
import * as Receipt from "@effect-mail/protocol/Receipt"
import type { Dialer } from "@effect-mail/transport/Dialer"
import * as SmtpTransport from "@effect-mail/transport/SmtpTransport"
import { CurrentSmtpSettings } from "@effect-mail/transport/SmtpSettings"
import { failAll, Transport } from "@effect-mail/transport/Transport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Result from "effect/Result"

/**
 * Attempts deliveries.
 *
 * @category services
 * @since 0.1.0
 */
export class Delivery extends Context.Service<
  Delivery,
  {
    /** Splits a parcel into the parts whose fates are independent: they may be attempted and retried on their own. */
    readonly split: (parcel: Parcel.Parcel) => ReadonlyArray<Parcel.Parcel>
    /**
     * Makes one attempt for all recipients of a parcel: one outcome each, in the order of the envelope. A refusal is an
     * outcome; it fails only when the parcel's body cannot be read.
     */
    readonly attempt: (parcel: Parcel.Parcel) => Effect.Effect<ReadonlyArray<Receipt.Outcome>, MessageError>
  }
>()("@effect-mail/delivery/Delivery") {}

/**
 * The domain a recipient is delivered to: A-labels in lower case, or an address literal. A bare `postmaster` has none.
 *
 * @category getters
 * @since 0.1.0
 */
export const domainOf = (recipient: Address.ForwardPath): string =>
  recipient === "postmaster" ? "" : Address.asciiDomain(recipient).toLowerCase()

/**
 * Splits a parcel by recipient domain, in the order in which the domains first occur.
 *
 * @category combinators
 * @since 0.1.0
 */
export const splitByDomain = (parcel: Parcel.Parcel): ReadonlyArray<Parcel.Parcel> => {
  const domains = new Set(parcel.envelope.recipients.map(({ address }) => domainOf(address)))
  if (domains.size === 1) return [parcel]
  return [...domains].flatMap((domain) => {
    const part = Parcel.filterRecipients(parcel, (recipient) => domainOf(recipient.address) === domain)
    return part === undefined ? [] : [part]
  })
}

// Domains of one attempt that are worked on at the same time.
const concurrency = 16

/**
 * Delivers to the hosts that the `Router` gives for each recipient's domain.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMx: Layer.Layer<Delivery, never, Router | Dialer> = Layer.effect(
  Delivery,
  Effect.gen(function* () {
    const router = yield* Router
    const context = yield* Effect.context<Dialer>()
    const settings = yield* CurrentSmtpSettings
    const one = Effect.fnUntraced(function* (parcel: Parcel.Parcel) {
      const route = yield* Effect.result(router.route(domainOf(parcel.envelope.recipients[0].address)))
      if (Result.isFailure(route)) return failAll(parcel, route.failure)
      return yield* SmtpTransport.sendVia(Route.endpoints(route.success), parcel, settings)
    })
    return {
      split: splitByDomain,
      attempt: Effect.fnUntraced(function* (parcel) {
        const outcomes = yield* Effect.forEach(splitByDomain(parcel), one, { concurrency })
        return inOrder(parcel, outcomes.flat())
      }, Effect.provide(context))
    }
  })
)

/**
 * Delivers everything through one `Transport`, such as a relay: one destination, whatever the recipients' domains are.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTransport: Layer.Layer<Delivery, never, Transport> = Layer.effect(
  Delivery,
  Effect.gen(function* () {
    const transport = yield* Transport
    return {
      split: (parcel) => [parcel],
      attempt: (parcel) =>
        Effect.catchTags(transport.send(parcel), {
          TempFailure: (failure) => Effect.succeed(failAll(parcel, failure)),
          PermFailure: (failure) => Effect.succeed(failAll(parcel, failure)),
          Unreachable: (failure) => Effect.succeed(failAll(parcel, failure))
        })
    }
  })
)

/**
 * The parcels that a test's delivery was asked to attempt, oldest first.
 *
 * @category testing
 * @since 0.1.0
 */
export class Attempts extends Context.Service<Attempts, Ref.Ref<ReadonlyArray<Parcel.Parcel>>>()(
  "@effect-mail/delivery/Attempts"
) {}

/**
 * A delivery that sends nothing and records every attempt. `decide` says what becomes of a recipient at its n-th attempt
 * (from 1): a failure, or undefined for "accepted", which is what everybody gets without it.
 *
 * @category testing
 * @since 0.1.0
 */
export const layerTest = (
  decide: (recipient: string, attempt: number) => Failure | undefined = () => undefined
): Layer.Layer<Delivery | Attempts> =>
  Layer.effect(
    Delivery,
    Effect.gen(function* () {
      const attempts = yield* Attempts
      const counts = new Map<string, number>()
      const outcome = (recipient: string): Receipt.Outcome => {
        const attempt = (counts.get(recipient) ?? 0) + 1
        counts.set(recipient, attempt)
        const failure = decide(recipient, attempt)
        return failure === undefined
          ? new Receipt.Delivered({
              recipient,
              attempts: 1,
              code: 250,
              enhanced: "2.0.0",
              text: "accepted by the test"
            })
          : new Receipt.Failed({ recipient, attempts: 1, failure })
      }
      return {
        split: splitByDomain,
        attempt: (parcel) =>
          Effect.map(
            Ref.update(attempts, (all) => [...all, parcel]),
            () => parcel.envelope.recipients.map(({ address }) => outcome(address))
          )
      }
    })
  ).pipe(Layer.provideMerge(Layer.effect(Attempts, Ref.make<ReadonlyArray<Parcel.Parcel>>([]))))

/**
 * Puts outcomes into the order of a parcel's envelope.
 *
 * @category combinators
 * @since 0.1.0
 */
export const inOrder = (
  parcel: Parcel.Parcel,
  outcomes: ReadonlyArray<Receipt.Outcome>
): ReadonlyArray<Receipt.Outcome> => {
  const byRecipient = new Map(outcomes.map((outcome) => [outcome.recipient, outcome]))
  return parcel.envelope.recipients.flatMap(({ address }) => byRecipient.get(address) ?? [])
}
