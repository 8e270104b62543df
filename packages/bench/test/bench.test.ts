import type { Sample } from "../src/bench/Meter.ts"
import * as Meter from "../src/bench/Meter.ts"
import { busyNote } from "../src/bench/Machine.ts"
import { median, standing } from "../src/bench/Race.ts"
import * as registry from "../src/bench/registry.ts"
import type { Scenario } from "../src/bench/Scenario.ts"
import { find, work } from "../src/bench/Scenario.ts"
import * as Table from "../src/bench/Table.ts"
import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import * as Path from "node:path"
import { promisify } from "node:util"

const implementation = (name: string, version = "1.0.0") => ({
  name,
  version,
  prepare: async () =>
    work(
      () => name.length,
      (length) => length
    )
})

const scenario: Scenario = {
  name: "thing/plain",
  title: "things as they come",
  unit: "things",
  items: 10,
  goal: 50,
  implementations: [implementation("effect-mail"), implementation("peer")]
}

const sample = (wallMicros: number): Sample => ({ runs: 4, wallMicros, cpuMicros: 200, gcMicros: wallMicros / 10 })

const ours = standing(scenario, implementation("effect-mail"), [500_000, 1_000_000, 2_000_000].map(sample), 64.4)

for (const group of registry.names) {
  const scenarios = await registry.load(group)
  describe(`the scenarios of ${group}`, () => {
    it("have names of their own, and ours first", () => {
      assert.strictEqual(new Set(scenarios.map(({ name }) => name)).size, scenarios.length)
      for (const { implementations } of scenarios) assert.strictEqual(implementations[0]?.name, "effect-mail")
    })

    // Those with servers are verified whenever they run.
    for (const { implementations, name } of scenarios.filter(({ stage }) => stage === undefined)) {
      it(`${name}: all implementations do the same work`, async () => {
        const outputs = await Promise.all(
          implementations.map(async ({ name, prepare }) => [name, await Meter.digest(await prepare({}))] as const)
        )
        for (const [name, digest] of outputs) assert.strictEqual(digest, outputs[0]?.[1], name)
      })
    }
  })
}

describe("the bench", () => {
  it("says which groups there are when one is asked for that is none", async () => {
    const error = await registry.load("nothing").catch((error: unknown) => String(error))
    assert.include(error, "There is no group nothing; there are: all message protocol")
  })

  it("finds an implementation, and says when there is none", () => {
    assert.strictEqual(find([scenario], "thing/plain", "peer")[1].name, "peer")
    assert.throws(() => find([scenario], "thing/plain", "stranger"), /There is no stranger in thing\/plain/)
  })

  it("tells work with another result apart", async () => {
    const of = (value: string) =>
      Meter.digest(
        work(
          async () => value,
          (value) => [value]
        )
      )
    assert.strictEqual(await of("a"), await of("a"))
    assert.notStrictEqual(await of("a"), await of("b"))
  })

  it("measures work that is done at once and work that takes turns", async () => {
    let runs = 0
    const count = work(
      () => ++runs,
      () => runs
    )
    const sample = await Meter.make(count).round(5)
    assert.strictEqual(sample.runs, runs)
    assert.isAtLeast(sample.wallMicros, 5000)
    const later = work(
      async () => ++runs,
      () => runs
    )
    assert.isAtLeast((await Meter.make(later).round(1)).runs, 1)
  })

  it("takes medians over rounds", () => {
    assert.strictEqual(median([3, 1, 2]), 2)
    assert.strictEqual(median([4, 1, 2, 3]), 2.5)
    assert.deepStrictEqual(ours, {
      implementation: "effect-mail",
      version: "1.0.0",
      perSecond: 40,
      best: 80,
      cpuMicrosPerItem: 5,
      peakRssMiB: 64.4,
      gcShare: 0.1,
      rounds: 3,
      spread: 1.5,
      gauges: []
    })
  })

  it("prints a line of JSON for each implementation", () => {
    assert.deepStrictEqual(Table.json("group", scenario, [ours]), [
      '{"scenario":"group/thing/plain","implementation":"effect-mail","version":"1.0.0","perSecond":40,' +
        '"cpuMicrosPerItem":5,"peakRssMiB":64,"rounds":3,"spread":1.5}'
    ])
  })

  it("prints a table with ratios first, the fastest on top, and the goal", () => {
    const peer = { ...ours, implementation: "peer", perSecond: 120_000 }
    assert.deepStrictEqual(Table.table("group", scenario, { standings: [ours, peer], note: undefined }).split("\n"), [
      "group/thing/plain: things as they come (things, goal 50/s met)",
      "  ratio  implementation     per second  best  spread  CPU µs/item  peak RSS    GC",
      "  3,000  peer 1.0.0            120,000    80   150 %            5    64 MiB  10 %",
      "      1  effect-mail 1.0.0          40    80   150 %            5    64 MiB  10 %",
      ""
    ])
    const goal = { ...scenario, goal: 81 }
    const shown = (standing: typeof ours) => Table.table("group", goal, { standings: [standing], note: undefined })
    assert.include(shown(ours), "(things, goal 81/s met by processor time)")
    assert.include(shown({ ...ours, cpuMicrosPerItem: 12_346 }), "(things, goal 81/s missed)")
  })

  it("says so when the machine had other things to do", () => {
    assert.isUndefined(busyNote([0.2, 1.1]))
    assert.match(busyNote([0.2, 3.25]) ?? "", /up to 3\.3 processes/)
  })

  it("runs scenarios in processes of their own", { timeout: 60_000 }, async () => {
    const program = Path.resolve(import.meta.dirname, "../src/bench.ts")
    const options = ["protocol", "--json", "--rounds", "2", "--millis", "2", "--only", "address/bare"]
    const { stdout } = await promisify(execFile)(process.execPath, ["--conditions=source", program, ...options])
    const lines = stdout
      .trim()
      .split("\n")
      .map((line): unknown => JSON.parse(line))
    assert.strictEqual(lines.length, 3)
    for (const line of lines) {
      assert.deepNestedInclude(line, { scenario: "protocol/address/bare", rounds: 2 })
      assert.hasAllKeys(line, [
        "scenario",
        "implementation",
        "version",
        "perSecond",
        "cpuMicrosPerItem",
        "peakRssMiB",
        "rounds",
        "spread"
      ])
    }
  })
})
