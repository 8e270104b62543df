import type { Sample } from "../src/bench/Meter.ts"
import * as Meter from "../src/bench/Meter.ts"
import { busyNote } from "../src/bench/Machine.ts"
import { chart } from "../src/bench/Chart.ts"
import * as Page from "../src/bench/Page.ts"
import * as Race from "../src/bench/Race.ts"
import { median, standing, verify } from "../src/bench/Race.ts"
import { contentOf } from "../src/bench/servers/content.ts"
import * as registry from "../src/bench/registry.ts"
import { ofGauge, verdicts } from "../src/bench/Promises.ts"
import type { Foreign, Ratio, Scenario, Stage } from "../src/bench/Scenario.ts"
import { find, work } from "../src/bench/Scenario.ts"
import * as Table from "../src/bench/Table.ts"
import { assert, describe, it } from "@effect/vitest"
import { execFile, spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
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
    assert.include(error, `There is no group nothing; there are: all ${registry.names.join(" ")}`)
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
      "group/thing/plain: things as they come (things)",
      "  ratio  implementation     per second  best  spread  CPU µs/item  peak RSS    GC",
      "  3,000  peer 1.0.0            120,000    80   150 %            5    64 MiB  10 %",
      "      1  effect-mail 1.0.0          40    80   150 %            5    64 MiB  10 %",
      "  promised: at least 50 things/s; found 80: met",
      ""
    ])
    const goal = { ...scenario, goal: 81 }
    const shown = (standing: typeof ours) => Table.table("group", goal, { standings: [standing], note: undefined })
    assert.include(shown(ours), "promised: at least 81 things/s; found 80: met by processor time\n")
    assert.include(shown({ ...ours, cpuMicrosPerItem: 12_346 }), "found 80: missed\n")
  })

  it("says whether a ratio to a peer is as promised, by rate, by processor time, and what gauges show", () => {
    const peer = { ...ours, implementation: "peer", perSecond: 10, cpuMicrosPerItem: 30 }
    const found = (...atLeast: ReadonlyArray<Ratio>) =>
      verdicts({ ...scenario, goal: undefined, atLeast }, [ours, peer]).map(
        ({ found, promise, verdict }) => `${promise}; ${found}; ${verdict}`
      )
    assert.deepStrictEqual(found({ peer: "peer", of: "rate", ratio: 4 }), ["rate at least 4 × peer; 4; met"])
    assert.deepStrictEqual(found({ peer: "peer", of: "rate", ratio: 5 }), [
      "rate at least 5 × peer; 4; met by processor time"
    ])
    assert.deepStrictEqual(found({ peer: "peer", of: "rate", ratio: 7 }), ["rate at least 7 × peer; 4; missed"])
    assert.deepStrictEqual(found({ peer: "peer", of: "cpu", ratio: 5 }), ["CPU at most 0.2 × peer; 0.167; met"])
    assert.deepStrictEqual(found({ peer: "peer", of: "cpu", ratio: 10 }), ["CPU at most 0.1 × peer; 0.167; missed"])
    assert.deepStrictEqual(found({ peer: "stranger", of: "cpu", ratio: 10 }), [])
    assert.deepStrictEqual(found({ who: "stranger", peer: "peer", of: "cpu", ratio: 10 }), [])
    assert.deepStrictEqual(found({ who: "peer", peer: "peer", of: "rate", ratio: 1 }), [
      "peer: rate at least 1 × peer; 1; met"
    ])
    const gauge = { name: "waits", value: 3, unit: "times" }
    assert.isUndefined(ofGauge(gauge))
    assert.strictEqual(ofGauge({ ...gauge, atMost: 3 })?.verdict, "met")
    assert.strictEqual(ofGauge({ ...gauge, atMost: 2 })?.verdict, "missed")
    assert.strictEqual(ofGauge({ ...gauge, atLeast: 4 })?.verdict, "missed")
  })

  it("finds the peers of all ratios that were promised, where they are installed", async () => {
    for (const name of registry.names) {
      for (const { atLeast = [], implementations } of await registry.load(name)) {
        const names = implementations.map(({ name }) => name)
        for (const { peer, who = "effect-mail" } of atLeast) assert.includeMembers(names, [peer, who])
      }
    }
  })

  it("says so when the machine had other things to do", () => {
    assert.isUndefined(busyNote([0.2, 1.1]))
    assert.match(busyNote([0.2, 3.25]) ?? "", /up to 3\.3 processes/)
  })

  const keys = [
    "scenario",
    "implementation",
    "version",
    "perSecond",
    "cpuMicrosPerItem",
    "peakRssMiB",
    "rounds",
    "spread"
  ]

  const lines = async (...options: ReadonlyArray<string>) => {
    const program = Path.resolve(import.meta.dirname, "../src/bench.ts")
    const args = ["--conditions=source", program, "--json", ...options]
    const { stdout } = await promisify(execFile)(process.execPath, args)
    return stdout
      .trim()
      .split("\n")
      .map((line): Readonly<Record<string, unknown>> => JSON.parse(line))
  }

  it("runs scenarios in processes of their own, as often as asked for", { timeout: 120_000 }, async () => {
    const found = await lines("protocol", "--rounds", "2", "--millis", "2", "--only", "address/bare")
    assert.strictEqual(found.length, 3)
    for (const line of found) {
      assert.deepNestedInclude(line, { scenario: "protocol/address/bare", rounds: 2 })
      assert.hasAllKeys(line, keys)
    }
  })

  it("--quick runs once, over servers and beside programs of other languages, too", { timeout: 240_000 }, async () => {
    const found = await lines("transport", "--quick", "--only", "ready/2kB")
    assert.includeMembers(
      found.map(({ implementation }) => implementation),
      ["effect-mail", "nodemailer", "node:net, lock-step", "node:net, pipelined across messages"]
    )
    for (const line of found) {
      assert.deepNestedInclude(line, { scenario: "transport/ready/2kB", rounds: 1, spread: 0 })
      assert.hasAllKeys(line, keys)
    }
  })

  it("ends with status 1 when somebody did other work", async () => {
    const odd = {
      ...implementation("peer"),
      prepare: async () =>
        work(
          () => 1,
          () => "something else"
        )
    }
    const result = await Promise.resolve()
      .then(() => verify({ ...scenario, implementations: [implementation("effect-mail"), odd] }, ["a", "b"]))
      .catch((error: unknown) => String(error))
    assert.match(String(result), /thing\/plain: peer did not do the same work as ours/)
  })
})

describe("a scenario", { timeout: 60_000 }, () => {
  const program = (name: string, script: string, rest: Partial<Foreign> = {}) => ({
    ...implementation(name),
    command: (): Foreign => ({ file: "/bin/sh", args: ["-c", script], ...rest })
  })

  const working = program("effect-mail", "echo ready; while read millis; do echo 1 1000 1000 1000; done")

  // Why a scenario of one that works and this one fails.
  const failure = async (other: Scenario["implementations"][number], stage?: Stage, patience = 2) => {
    const odd: Scenario = { ...scenario, implementations: [working, other], stage: stage && (async () => stage) }
    return Race.run("group", odd, { rounds: 2, millis: 1, patience }).then(
      () => "nothing failed",
      (error: unknown) => String(error)
    )
  }

  const stageOf = (rest: Partial<Stage>): Stage => ({ facts: {}, stop: async () => {}, ...rest })

  it("is raced by programs that answer", async () => {
    const { standings } = await Race.run(
      "group",
      { ...scenario, implementations: [working] },
      { rounds: 2, millis: 1, patience: 60 }
    )
    assert.deepInclude(standings[0], { implementation: "effect-mail", perSecond: 10_000, rounds: 2 })
  })

  const silent = "no answer within 2 s"
  const cases: Readonly<Record<string, readonly [script: string, reason: string, rest?: Partial<Foreign>]>> = {
    "says nothing at its start": ["exec sleep 1000", `peer, its first run: ${silent}`],
    "says nothing in a round": ["echo ready; read millis; exec sleep 1000", `peer, warming up: ${silent}`],
    "ends at its start": ["exit 3", "peer, its first run: /bin/sh ended"],
    "ends in a round": ["echo ready; read millis; echo 1 1 1 1", "peer, round 1: /bin/sh ended"],
    "cannot be started": ["", "peer, its first run: /nowhere/peer ended", { file: "/nowhere/peer" }],
    "is started anew each time and does not end": [
      "exec sleep 1000",
      `peer, its first run: ${silent}`,
      { batch: () => [] }
    ],
    "is started anew each time and fails": ["exit 3", "peer, its first run: /bin/sh ended with 3", { batch: () => [] }]
  }
  for (const [what, [script, reason, rest]] of Object.entries(cases)) {
    it(`fails when somebody ${what}`, async () => {
      assert.include(await failure(program("peer", script, rest)), reason)
    })
  }

  it("fails when servers do not start, end, or do not say what they received, and stops them", async () => {
    let stopped = 0
    const stop = async () => void stopped++
    const never = new Promise<never>(() => {})
    const dead = Promise.reject(new Error("smtp-sink ended with 1"))
    dead.catch(() => {})
    const odd = { ...scenario, implementations: [working], stage: () => never }
    const start = await Race.run("group", odd, { rounds: 1, millis: 1, patience: 2 }).catch(String)
    assert.include(start, `the servers, their start: ${silent}`)
    const peer = program("peer", "exec sleep 1000")
    assert.include(await failure(peer, stageOf({ received: () => never, stop })), `what effect-mail sent: ${silent}`)
    assert.include(await failure(peer, stageOf({ gone: dead, stop }), 60), "its first run: smtp-sink ended with 1")
    assert.strictEqual(stopped, 2)
  })

  for (const [kind, rest] of Object.entries({ "a program": {}, "one that is started anew": { batch: () => [] } })) {
    it(`leaves no process when it fails: ${kind}`, async () => {
      const folder = mkdtempSync(Path.join(tmpdir(), "effect-mail-bench-"))
      try {
        const file = Path.join(folder, "pid")
        await failure(program("peer", `trap "" TERM; echo $$ > ${file}; while :; do sleep 1; done`, rest))
        const pid = Number(readFileSync(file, "utf8"))
        assert.throws(() => process.kill(pid, 0), /ESRCH/)
      } finally {
        rmSync(folder, { recursive: true })
      }
    })
  }

  it("fails alone: the others go on, and the bench ends with status 1", { timeout: 120_000 }, async () => {
    const bench = Path.resolve(import.meta.dirname, "../src/bench.ts")
    const args = ["--conditions=source", bench, "protocol", "--json", "--only", "address", "--patience", "0.001"]
    const { status, stderr, stdout } = spawnSync(process.execPath, args, { encoding: "utf8" })
    assert.deepStrictEqual([status, stdout], [1, ""])
    const names = (await registry.load("protocol")).map(({ name }) => name).filter((name) => name.includes("address"))
    for (const name of names) {
      assert.include(stderr, `protocol/${name} failed: effect-mail, its first run: no answer within 0.001 s`)
    }
  })
})

describe("what the sink finds in a message", () => {
  const message = (...lines: ReadonlyArray<string>) => Buffer.from(lines.join("\r\n"))
  const plain = contentOf(message("Content-Type: text/plain", "", "Caf\u00e9", ""))

  it("is the same whoever encoded it", () => {
    const quoted = message(
      "content-type: TEXT/plain; charset=utf-8",
      "Content-Transfer-Encoding: quoted-printable",
      "",
      "Caf=C3=",
      "=A9"
    )
    const base64 = message("Content-Type: text/plain", "Content-Transfer-Encoding: base64", "", "Q2Fmw6kK")
    const inParts = message(
      "Content-Type: multipart/mixed;",
      ' boundary="b=1"',
      "",
      "--b=1",
      "Content-Type: text/plain",
      "",
      "Caf\u00e9",
      "--b=1--"
    )
    for (const other of [quoted, base64, inParts]) assert.deepStrictEqual(contentOf(other), plain)
    assert.notDeepEqual(contentOf(message("Content-Type: text/plain", "", "Cafe")), plain)
  })

  it("tells whether it is signed", () => {
    assert.include(contentOf(message("DKIM-Signature: v=1", "", "x")), "signed")
  })
})

describe("the page", () => {
  const result = { scenario, outcome: { standings: [ours, { ...ours, implementation: "<peer>" }], note: undefined } }

  it("has a bar for each implementation, ours in colour, and nothing that is not escaped", () => {
    const svg = chart("group", scenario, result.outcome.standings, "a machine & a day")
    assert.strictEqual(svg.match(/<rect class="bar/g)?.length, 2)
    assert.strictEqual(svg.match(/<rect class="bar ours"/g)?.length, 1)
    assert.include(svg, "&#60;peer&#62;")
    assert.include(svg, "a machine &#38; a day")
  })

  it("replaces what stands between the marks of a group, and nothing else", () => {
    const text = "a\n<!-- results: group -->\nold\n<!-- end of results: group -->\nz"
    const part = Page.table("group", [result], "a day")
    const page = Page.replaced(text, "group", part)
    assert.match(page, /^a\n<!-- results: group -->\n\na day\n\n\| Scenario [^]*<!-- end of results: group -->\nz$/)
    assert.include(page, "| [thing/plain](charts/group-thing-plain.svg): things as they come (things) | 40 |")
    assert.strictEqual(Page.replaced(page, "group", part), page)
    assert.strictEqual(Page.replaced(text, "other", part), text)
  })
})
