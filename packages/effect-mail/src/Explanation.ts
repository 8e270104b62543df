/**
 * What would become of a message: where each recipient's mail would go, and when it would be tried, if nobody took it, under
 * which policy. Nothing is sent and nothing waits; only routes are looked up.
 *
 * @since 0.1.0
 */
import * as Delivery from "@effect-mail/delivery/Delivery"
import type * as Parcel from "@effect-mail/message/Parcel"
import * as Policy from "@effect-mail/policy/Policy"
import type { Endpoint } from "@effect-mail/protocol/Endpoint"
import * as Failure from "@effect-mail/protocol/Failure"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"

/**
 * Recipients whose mail goes the same way under the same policy.
 *
 * @category models
 * @since 0.1.0
 */
export interface Destination {
  readonly recipients: ReadonlyArray<string>
  /** The hosts that would be tried, in their order; undefined when the delivery does not tell. */
  readonly hosts: ReadonlyArray<Endpoint> | undefined
  /** Why there is no route, such as a null MX (CLASS-07). */
  readonly failure: Failure.Failure | undefined
  /** The policy for these recipients, hosts and this priority. */
  readonly policy: Policy.Policy
  /** When attempts would be made, counted from the first one, if each were told "not now"; see `Policy.timetable`. */
  readonly attempts: ReadonlyArray<Duration.Duration>
}

/**
 * What would become of a message.
 *
 * @category models
 * @since 0.1.0
 */
export interface Explanation {
  readonly messageId: string | undefined
  /** The octets that would be sent, when they are known; a server without 8BITMIME is sent more of a text that is not ASCII. */
  readonly size: number | undefined
  readonly destinations: ReadonlyArray<Destination>
}

/**
 * Explains a parcel under the current policy.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  delivery: Delivery.Delivery["Service"],
  parcel: Parcel.Parcel
): Effect.fn.Return<Explanation> {
  const policy = yield* Policy.CurrentPolicy
  const priority = yield* Policy.CurrentPriority
  const destinations = yield* Effect.forEach(
    delivery.split(parcel),
    Effect.fnUntraced(function* (part) {
      const route = delivery.hosts === undefined ? undefined : yield* Effect.result(delivery.hosts(part))
      const hosts = route !== undefined && Result.isSuccess(route) ? route.success : undefined
      const failure = route !== undefined && Result.isFailure(route) ? route.failure : undefined
      const names = hosts?.map(({ host }) => host)
      const groups = Map.groupBy(part.envelope.recipients, ({ address }) =>
        Policy.forDestination(policy, { domain: Delivery.domainOf(address), hosts: names, priority })
      )
      return yield* Effect.forEach(groups, ([own, recipients]) =>
        Effect.map(Policy.timetable(own, failure ?? notNow), (attempts): Destination => ({
          recipients: recipients.map(({ address }) => address),
          hosts,
          failure,
          policy: own,
          attempts
        }))
      )
    }),
    { concurrency: 16 }
  )
  return { messageId: parcel.messageId, size: parcel.body.size, destinations: destinations.flat() }
})

const notNow = Failure.temp({ stage: "rcpt", scope: "recipient", next: "later", code: 450, reason: "not now" })
