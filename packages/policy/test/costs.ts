/**
 * What a throttle costs an attempt when nothing is limited, and how long a large simulation takes:
 * `node --conditions=source packages/policy/test/costs.ts`. No test asserts these times; a machine that does other things
 * at the same time would fail it.
 */
import { Policy, Simulation, Throttle, World } from "@effect-mail/policy"
import { Console, Effect } from "effect"

const cpuMillis = Effect.fnUntraced(function* <A, E, R>(program: Effect.Effect<A, E, R>) {
  const before = process.cpuUsage()
  yield* program
  const { system, user } = process.cpuUsage(before)
  return (system + user) / 1000
})

const count = 300_000

const throttled = Effect.gen(function* () {
  const throttle = yield* Throttle.Throttle
  const attempt = Effect.succeed("sent")
  const key = Throttle.domain("example.com")
  const many = Effect.gen(function* () {
    for (let n = 0; n < count; n++) yield* throttle.around(key)(attempt)
  })
  yield* many
  return yield* cpuMillis(many)
}).pipe(Effect.provide(Throttle.layer()))

const simulated = cpuMillis(
  Simulation.run(Policy.standard, World.outage({ from: 0, until: "6 days" }), { messages: 10_000 })
)

await Effect.runPromise(
  Effect.gen(function* () {
    yield* Console.log(`a throttled attempt: ${(((yield* throttled) / count) * 1000).toFixed(2)} µs`)
    yield* Console.log(`five days for 10,000 messages: ${((yield* simulated) / 1000).toFixed(1)} s`)
  })
)
