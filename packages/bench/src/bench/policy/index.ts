/** What a policy costs: around an attempt when nothing is limited, and in a simulation of days. */
import { ours, written } from "../Peers.ts"
import type { Scenario, Work } from "../Scenario.ts"
import { work } from "../Scenario.ts"

const attempts = 1000

const throttled = async (): Promise<Work> => {
  const Throttle = await import("@effect-mail/policy/Throttle")
  const Effect = await import("effect/Effect")
  const ManagedRuntime = await import("effect/ManagedRuntime")
  const runtime = ManagedRuntime.make(Throttle.layer())
  const attempt = Effect.succeed("sent")
  const key = Throttle.domain("example.com")
  const program = Effect.gen(function* () {
    const throttle = yield* Throttle.Throttle
    let sent = 0
    for (let n = 0; n < attempts; n++) if ((yield* throttle.around(key)(attempt)) === "sent") sent++
    return sent
  })
  return work(
    () => runtime.runPromise(program),
    (sent) => sent
  )
}

// The least that limits for each domain can be: a Map, a counter, and a promise.
const counter = async (): Promise<Work> => {
  const running = new Map<string, number>()
  const around = async (domain: string, attempt: () => Promise<string>): Promise<string> => {
    const now = running.get(domain) ?? 0
    if (now >= 20) throw new Error("too many")
    running.set(domain, now + 1)
    try {
      return await attempt()
    } finally {
      running.set(domain, (running.get(domain) ?? 1) - 1)
    }
  }
  const attempt = async () => "sent"
  return work(
    async () => {
      let sent = 0
      for (let n = 0; n < attempts; n++) if ((await around("example.com", attempt)) === "sent") sent++
      return sent
    },
    (sent) => sent
  )
}

const messages = 10_000

const simulated = async (): Promise<Work> => {
  const Policy = await import("@effect-mail/policy/Policy")
  const Simulation = await import("@effect-mail/policy/Simulation")
  const World = await import("@effect-mail/policy/World")
  const Effect = await import("effect/Effect")
  const program = Simulation.run(Policy.standard, World.outage({ from: 0, until: "6 days" }), { messages })
  return work(
    () => Effect.runPromise(program),
    () => messages
  )
}

export const scenarios: ReadonlyArray<Scenario> = [
  {
    name: "throttle/open",
    title: "a throttle around an attempt when nothing is limited",
    unit: "attempts",
    items: attempts,
    // 2 microseconds each.
    goal: 500_000,
    implementations: [
      { ...ours, prepare: throttled },
      { ...written("Map of counters"), prepare: counter }
    ]
  },
  {
    name: "simulation/five-days",
    title: `the standard policy while a destination is down for longer than it waits, ${messages.toLocaleString("en-US")} messages`,
    unit: "messages",
    items: messages,
    // 10 seconds for all of them.
    goal: 1000,
    implementations: [{ ...ours, prepare: simulated }]
  }
]
