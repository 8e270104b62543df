/**
 * A policy of our own: invoices may come late but must not get lost, and nobody is to get one twice. Before it goes live it
 * is played against an outage of eight hours and laid beside the standard policy, in an instant and without a network.
 */
import { Policy, Simulation, SimulationChart, World } from "@effect-mail/policy"
import { Console, Effect, Schedule } from "effect"

const invoices = Policy.standard.pipe(
  // Any Effect schedule that accepts a failure is one for a policy: 2, 4, 8 … minutes, and every hour from then on.
  Policy.onTemp(Schedule.min([Schedule.exponential("2 minutes"), Schedule.spaced("1 hour")])),
  // A server that cannot be reached is asked every 10 minutes.
  Policy.onUnreachable(Schedule.spaced("10 minutes")),
  // A second copy would be paid twice, so a person decides; and a person keeps what could not be delivered at all.
  Policy.onUncertain("hold"),
  Policy.atEnd("hold"),
  Policy.giveUpAfter("3 days"),
  Policy.warnAfter(["2 hours", "1 day"]),
  // Verdicts can be rewritten: what this provider calls permanent is not.
  Policy.rule({ name: "sent too fast", code: 550, text: "sending too fast", verdict: "temp" }),
  Policy.limits({ rates: [{ limit: 600, window: "1 minute" }], concurrency: { maximum: 10 } })
)

const program = Effect.gen(function* () {
  const world = World.outage({ from: "10 minutes", until: "8 hours" })
  for (const [name, policy] of Object.entries({ invoices, standard: Policy.standard })) {
    const report = yield* Simulation.run(policy, world, { messages: 500, sla: "9 hours" })
    yield* Console.log(`${SimulationChart.text({ name, report })}\n`)
  }
})

await Effect.runPromise(program)
