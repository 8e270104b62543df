import * as DeliveryEvent from "@effect-mail/policy/DeliveryEvent"
import * as Policy from "@effect-mail/policy/Policy"
import * as Throttle from "@effect-mail/policy/Throttle"
import type { Failure } from "@effect-mail/protocol/Failure"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

// An attempt at a domain, by one of its hosts: both have limits, and so has the whole machine.
export const polite = Effect.fnUntraced(function* <A>(
  domain: string,
  host: string,
  attempt: Effect.Effect<A, Failure>
) {
  const throttle = yield* Throttle.Throttle
  return yield* attempt.pipe(throttle.around(Throttle.host(host)), throttle.around(Throttle.domain(domain)))
})

const policy = Policy.standard.pipe(
  Policy.forDomain("slow.example", Policy.limits({ rates: [{ limit: 10, window: "1 minute" }] }))
)

// Everything that happens in the application, as one stream, and an alarm after an hour without success.
export const Live = Throttle.layer({ total: 500, alarmAfter: "1 hour" }).pipe(
  Layer.provideMerge(Layer.merge(DeliveryEvent.layer(), Layer.succeed(Policy.CurrentPolicy, policy)))
)

// Tells whoever is on duty, for as long as it runs.
export const alarms = (page: (text: string) => Effect.Effect<void>) =>
  DeliveryEvent.stream.pipe(
    Stream.filter(DeliveryEvent.is("FailingSince")),
    Stream.runForEach(({ about, failure }) => page(`${about} has been failing: ${failure.message}`))
  )
