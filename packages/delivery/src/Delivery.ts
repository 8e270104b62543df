/**
 * One attempt: the recipients grouped by destination, each destination routed, its hosts tried in the order that the
 * classification gives and within the limits of the policy, one outcome for every recipient. When to attempt again is the
 * policy's business; `Mailer` and the outbox both stand on this.
 *
 * @since 0.1.0
 */
import * as Route from "@effect-mail/dns/Route"
import { Router } from "@effect-mail/dns/Router"
import type { MessageError } from "@effect-mail/message/MessageError"
import * as Parcel from "@effect-mail/message/Parcel"
import * as Policy from "@effect-mail/policy/Policy"
import * as Throttle from "@effect-mail/policy/Throttle"
import * as Address from "@effect-mail/protocol/Address"
import type { Endpoint } from "@effect-mail/protocol/Endpoint"
import * as Failure from "@effect-mail/protocol/Failure"
import * as Receipt from "@effect-mail/protocol/Receipt"
import type { Dialer } from "@effect-mail/transport/Dialer"
import * as PoolSettings from "@effect-mail/transport/PoolSettings"
import * as SmtpPool from "@effect-mail/transport/SmtpPool"
import * as SmtpTransport from "@effect-mail/transport/SmtpTransport"
import { CurrentSmtpSettings, type InvalidSetting } from "@effect-mail/transport/SmtpSettings"
import { failAll, Transport } from "@effect-mail/transport/Transport"
import { isReadonlyArrayNonEmpty } from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Result from "effect/Result"
import { limits, throttle } from "./internal/limits.ts"

/**
 * Attempts deliveries.
 *
 * @category services
 * @since 0.1.0
 */
export class Delivery extends Context.Service<
  Delivery,
  {
    /**
     * Splits a parcel into the parts whose fates are independent: each recipient is in exactly one of them, in the order
     * of the envelope, and each part may be attempted and retried on its own.
     */
    readonly split: (parcel: Parcel.Parcel) => ReadonlyArray<Parcel.Parcel>
    /**
     * Makes one attempt for all recipients of a parcel: one outcome each, in the order of the envelope. It never fails,
     * because what happens to some recipients must not hide that others were accepted: a refusal is an outcome, and so
     * is a body that cannot be read (`PermFailure` 5.6.0 at stage `body`).
     */
    readonly attempt: (parcel: Parcel.Parcel) => Effect.Effect<ReadonlyArray<Receipt.Outcome>>
    /**
     * The hosts that would be tried for a part, in their order, for people who want to know; fails as the attempt would for
     * want of a route. Absent where it is not known.
     */
    readonly hosts?: (parcel: Parcel.Parcel) => Effect.Effect<ReadonlyArray<Endpoint>, Failure.Failure>
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
export const splitByDomain = (parcel: Parcel.Parcel): ReadonlyArray<Parcel.Parcel> =>
  [...Map.groupBy(parcel.envelope.recipients, ({ address }) => domainOf(address)).values()].flatMap((recipients) =>
    isReadonlyArrayNonEmpty(recipients) ? [Parcel.withRecipients(parcel, recipients)] : []
  )

/**
 * Puts outcomes into the order of a parcel's envelope. A recipient without an outcome gets one that says so: nobody knows
 * whether the message was delivered to it, so it counts as `uncertain` (CLASS-52) and is not forgotten.
 *
 * @category combinators
 * @since 0.1.0
 */
export const inOrder = (
  parcel: Parcel.Parcel,
  outcomes: ReadonlyArray<Receipt.Outcome>
): ReadonlyArray<Receipt.Outcome> => {
  const { recipients } = parcel.envelope
  if (isInOrder(recipients, outcomes)) return outcomes
  const byRecipient = new Map(outcomes.map((outcome) => [outcome.recipient, outcome]))
  return recipients.map(
    ({ address }) =>
      byRecipient.get(address) ?? new Receipt.Failed({ recipient: address, attempts: 1, failure: notTold })
  )
}

// As nearly all are.
const isInOrder = (recipients: Parcel.Envelope["recipients"], outcomes: ReadonlyArray<Receipt.Outcome>): boolean =>
  outcomes.length === recipients.length &&
  outcomes.every(({ recipient }, index) => recipient === recipients[index]?.address)

const notTold = Failure.temp({
  stage: "data-end",
  scope: "message",
  next: "later",
  enhanced: "4.3.0",
  reason: "the transport did not say what became of this recipient",
  hint: "That is a mistake in the transport: it owes every recipient an outcome",
  uncertain: true
})

// What became of an attempt that ended in an error, or was not made.
const settled =
  (parcel: Parcel.Parcel) =>
  (error: Failure.Failure | MessageError): Effect.Effect<ReadonlyArray<Receipt.Outcome>> =>
    Effect.succeed(error._tag === "MessageError" ? unreadable(parcel, error) : failAll(parcel, error))

const unreadable = (parcel: Parcel.Parcel, error: MessageError): ReadonlyArray<Receipt.Outcome> =>
  failAll(
    parcel,
    Failure.perm({
      stage: "body",
      scope: "message",
      next: "never",
      enhanced: "5.6.0",
      reason: `the message cannot be read: ${error.message}`
    })
  )

// Domains of one attempt that are worked on at the same time.
const concurrency = 16

/**
 * Delivers to the hosts that the `Router` gives for each recipient's domain. It speaks SMTP with the settings that are
 * current when the layer is built, but for their credentials: strangers' servers are never told who we are to a relay. A
 * connection is kept for a moment (`PoolSettings.mx`), in case there is more mail for the same host. The layer fails with
 * `InvalidSetting` when one of these settings cannot be used.
 *
 * Each domain and each host is held to the limits of the current policy (CLASS-15), and so are the hosts of a provider for
 * which the policy says something; `Throttle` keeps to them. A `Throttle` that is provided, such as one with the stores of a
 * fleet, is used; else this layer has its own.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMx: Layer.Layer<Delivery, InvalidSetting, Router | Dialer> = Layer.effect(
  Delivery,
  Effect.gen(function* () {
    const router = yield* Router
    const limited = limits(yield* throttle)
    const { deadline } = yield* CurrentSmtpSettings
    const pool = yield* SmtpPool.make({ credentials: undefined }, PoolSettings.mx)
    const one = (parcel: Parcel.Parcel) => {
      const domain = domainOf(parcel.envelope.recipients[0].address)
      const attempt = Effect.fnUntraced(function* (): Effect.fn.Return<ReadonlyArray<Receipt.Outcome>, MessageError> {
        const route = yield* Effect.result(router.route(domain))
        if (Result.isFailure(route)) return failAll(parcel, route.failure)
        const hosts = limited.hosts(yield* Policy.CurrentPolicy)
        const visit: SmtpTransport.Visit = (endpoint, part, until) =>
          hosts.around(endpoint)(pool.send(endpoint, part, until))
        return hosts.settle(yield* SmtpTransport.sendWith(Route.endpoints(route.success), parcel, visit, deadline))
      })
      return limited.site(Throttle.domain(domain), parcel, attempt(), settled(parcel))
    }
    return {
      split: splitByDomain,
      attempt: (parcel) =>
        Effect.map(Effect.forEach(splitByDomain(parcel), one, { concurrency }), (outcomes) =>
          inOrder(parcel, outcomes.flat())
        ),
      hosts: (parcel) =>
        Effect.map(router.route(domainOf(parcel.envelope.recipients[0].address)), (route) => Route.endpoints(route))
    }
  })
)

/**
 * Delivers everything through one `Transport`, such as a relay: one destination, whatever the recipients' domains are, held
 * to the limits of the current policy under the key `relay:default` (see `layerMx`). A failure of the transport is the
 * outcome of every recipient.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTransport: Layer.Layer<Delivery, never, Transport> = Layer.effect(
  Delivery,
  Effect.gen(function* () {
    const transport = yield* Transport
    const limited = limits(yield* throttle)
    const key = Throttle.relay("default")
    return {
      split: (parcel) => [parcel],
      attempt: (parcel) => {
        // Thousands may be waiting for their turn: nothing is put together before it has come.
        const attempt = Effect.suspend(() =>
          Effect.map(transport.send(parcel), (outcomes) => inOrder(parcel, outcomes))
        )
        return limited.site(key, parcel, attempt, settled(parcel))
      }
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
 * A delivery that sends nothing and records every attempt. `decide` says what becomes of a recipient at the n-th attempt
 * for a message (from 1, each message on its own): a failure, or undefined for "accepted", which is what everybody gets
 * without it.
 *
 * @category testing
 * @since 0.1.0
 */
export const layerTest = (
  decide: (recipient: string, attempt: number) => Failure.Failure | undefined = () => undefined
): Layer.Layer<Delivery | Attempts> =>
  Layer.effect(
    Delivery,
    Effect.map(Attempts, (attempts) => {
      const count = counter()
      const outcome = (parcel: Parcel.Parcel, recipient: string): Receipt.Outcome => {
        const failure = decide(recipient, count(parcel, recipient))
        return failure === undefined
          ? new Receipt.Delivered({ recipient, attempts: 1, code: 250, enhanced: "2.0.0", text: "taken by the test" })
          : new Receipt.Failed({ recipient, attempts: 1, failure })
      }
      return {
        split: splitByDomain,
        attempt: (parcel) =>
          Effect.map(
            Ref.update(attempts, (all) => [...all, parcel]),
            () => parcel.envelope.recipients.map(({ address }) => outcome(parcel, address))
          )
      }
    })
  ).pipe(Layer.provideMerge(Layer.effect(Attempts, Ref.make<ReadonlyArray<Parcel.Parcel>>([]))))

// All parts of a message, in every attempt, have its body; two messages never share one.
const counter = () => {
  const messages = new WeakMap<Parcel.Body, Map<string, number>>()
  return ({ body }: Parcel.Parcel, recipient: string): number => {
    const counts = messages.get(body) ?? new Map<string, number>()
    const attempt = (counts.get(recipient) ?? 0) + 1
    messages.set(body, counts.set(recipient, attempt))
    return attempt
  }
}
