import * as Policy from "@effect-mail/policy/Policy"
import * as Simulation from "@effect-mail/policy/Simulation"
import * as World from "@effect-mail/policy/World"
import * as Effect from "effect/Effect"

// A server that is down for two hours and greylists after that, and a thousand messages in one hour.
const world = World.and(World.outage({ from: 0, until: "2 hours" }), World.greylist({ after: "5 minutes" }))

export const comparison = Effect.gen(function* () {
  const standard = yield* Simulation.run(Policy.standard, world, { messages: 1000, seed: 7 })
  const postfix = yield* Simulation.run(Policy.postfix, world, { messages: 1000, seed: 7 })
  return { standard: standard.delay?.p95, postfix: postfix.delay?.p95 }
})
