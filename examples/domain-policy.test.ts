/** A policy is tested by playing it: virtual time, no server, the same result every time. */
import { Policy, Simulation, World } from "@effect-mail/policy"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { policy } from "./domain-policy.ts"

const play = (destination: Policy.Destination, world: World.World) =>
  Simulation.run(Policy.forDestination(policy, destination), world, { messages: 200 })

describe("our policy", () => {
  it.effect("needs two attempts where greylisting takes a quarter of an hour", () =>
    Effect.gen(function* () {
      const world = World.greylist({ after: "13 minutes" })
      const slow = yield* play({ domain: "Slow.example" }, world)
      assert.strictEqual(slow.attempts, 400)
      const other = yield* play({ domain: "other.example" }, world)
      assert.isAbove(other.attempts, 500)
    })
  )

  it.effect("reaches a subsidiary within 20 minutes of the end of an outage", () =>
    Effect.gen(function* () {
      const outage = World.outage({ from: 0, until: "2 hours" })
      const { delay } = yield* play({ domain: "mail.corp.example" }, outage)
      assert.isBelow(delay?.max ?? Infinity, Duration.toMillis("140 minutes"))
    })
  )

  it.effect("lets no code live for longer than ten minutes, wherever it goes", () =>
    Effect.gen(function* () {
      for (const domain of ["slow.example", "mail.corp.example", "example.net"]) {
        const report = yield* play({ domain, priority: "high" }, World.outage({ from: 0, until: "1 day" }))
        assert.strictEqual(report.failed, 200)
        // The last attempt may have waited for its turn, as long as the limits have patience.
        for (const { endedAt = Infinity, sentAt } of report.messages) assert.isAtMost(endedAt - sentAt, 610_000)
      }
    })
  )

  it("keeps to the provider's limits, whatever the domain is", () => {
    const { limits } = Policy.forDestination(policy, { domain: "shop.example", hosts: ["aspmx.l.google.com"] })
    assert.strictEqual(limits.rates[0]?.limit, 1000)
    assert.deepStrictEqual(Policy.forDestination(policy, { domain: "shop.example" }).limits.rates, [])
  })
})
