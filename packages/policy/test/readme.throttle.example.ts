import * as Policy from "@effect-mail/policy/Policy"
import * as DeliveryEvent from "@effect-mail/policy/DeliveryEvent"
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

export const ThrottleLive = Throttle.layer({ total: 500 }).pipe(
  Layer.provide(Layer.succeed(Policy.CurrentPolicy, policy))
)

// The alarms of whatever runs inside, as they come.
export const alarms = Effect.fnUntraced(function* <A, E, R>(
  program: Effect.Effect<A, E, R>,
  page: (text: string) => Effect.Effect<void>
) {
  const hub = yield* DeliveryEvent.hub()
  const paging = Stream.runForEach(hub.events, (event) =>
    event._tag === "FailingSince" ? page(`${event.about} has been failing: ${event.failure.message}`) : Effect.void
  )
  yield* Effect.forkScoped(paging, { startImmediately: true })
  return yield* Effect.provideService(program, DeliveryEvent.Observer, hub.observer)
}, Effect.scoped)
