/**
 * Lets the implementations of a scenario take turns: A B C, A B C, each in its own process. What disturbs the machine
 * for a while disturbs all of them.
 */
import type { ChildProcess } from "node:child_process"
import { fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import type { Sample } from "./Meter.ts"
import type { Facts, Gauge, Implementation, Scenario, Stage } from "./Scenario.ts"
import type { Order, Report } from "./worker.ts"

/** How long and how often. */
export interface Pace {
  readonly rounds: number
  /** Of one round of one implementation. */
  readonly millis: number
}

/** How one implementation did; rates and times are medians over the rounds. */
export interface Standing {
  readonly implementation: string
  readonly version: string
  readonly perSecond: number
  /** The rate of the best round. */
  readonly best: number
  readonly cpuMicrosPerItem: number
  /** Of the whole process, the runtime included. */
  readonly peakRssMiB: number
  /** Share of the time that the collector took. */
  readonly gcShare: number
  readonly rounds: number
  /** Distance between the best and the worst round, as a share of the median. */
  readonly spread: number
  readonly gauges: ReadonlyArray<Gauge>
}

/** What came out of a race. */
export interface Outcome {
  readonly standings: ReadonlyArray<Standing>
  /** What people must know of the servers. */
  readonly note: string | undefined
}

const worker = fileURLToPath(new URL("./worker.ts", import.meta.url))

const start = (group: string, { name }: Scenario, implementation: Implementation, facts: Facts): ChildProcess =>
  fork(worker, [group, name, implementation.name, JSON.stringify(facts)], {
    execArgv: ["--conditions=source", "--expose-gc"]
  })

const hear = async <Tag extends Report["_tag"]>(
  child: ChildProcess,
  tag: Tag
): Promise<Extract<Report, { readonly _tag: Tag }>> => {
  const gone = new AbortController()
  const exit = once(child, "exit", { signal: gone.signal }).then(([code]) => {
    throw new Error(`A worker ended with ${code}`)
  })
  // The race is over before the other side of it.
  exit.catch(() => {})
  const [report] = await Promise.race([once(child, "message"), exit])
  gone.abort()
  // The worker answers each order with its own report.
  if ((report as Report)._tag !== tag) throw new Error(`A worker said ${(report as Report)._tag} instead of ${tag}`)
  return report as Extract<Report, { readonly _tag: Tag }>
}

const order = (child: ChildProcess, order: Order) => child.send(order)

const round = async (child: ChildProcess, millis: number): Promise<Sample> => {
  order(child, { millis })
  return (await hear(child, "Round")).sample
}

/** The middle of the values; the mean of both when there are two middles. */
export const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length / 2
  return ((sorted[Math.ceil(half) - 1] ?? 0) + (sorted[Math.floor(half)] ?? 0)) / 2
}

/** What the samples of one implementation say. */
export const standing = (
  scenario: Scenario,
  { name, version }: Implementation,
  samples: ReadonlyArray<Sample>,
  peakRssMiB: number,
  gauges: ReadonlyArray<Gauge> = []
): Standing => {
  const rates = samples.map(({ runs, wallMicros }) => (runs * scenario.items * 1_000_000) / wallMicros)
  const perSecond = median(rates)
  return {
    implementation: name,
    version,
    perSecond,
    best: Math.max(...rates),
    cpuMicrosPerItem: median(samples.map(({ cpuMicros, runs }) => cpuMicros / (runs * scenario.items))),
    peakRssMiB,
    gcShare: median(samples.map(({ gcMicros, wallMicros }) => gcMicros / wallMicros)),
    rounds: samples.length,
    spread: (Math.max(...rates) - Math.min(...rates)) / perSecond,
    gauges
  }
}

const verify = (scenario: Scenario, digests: ReadonlyArray<string>): void => {
  const odd = scenario.implementations.filter((_, i) => digests[i] !== digests[0])
  if (odd.length > 0) {
    throw new Error(`${scenario.name}: ${odd.map(({ name }) => name).join(", ")} did not do the same work as ours`)
  }
}

const noStage: Stage = { facts: {}, stop: async () => {} }

/** Runs a scenario: starts its servers, verifies that all do the same work, warms up, and measures. */
export const run = async (group: string, scenario: Scenario, pace: Pace): Promise<Outcome> => {
  const stage = (await scenario.stage?.()) ?? noStage
  const children = scenario.implementations.map((implementation) => start(group, scenario, implementation, stage.facts))
  try {
    const ready = await Promise.all(children.map((child) => hear(child, "Ready")))
    verify(
      scenario,
      ready.map(({ digest }) => digest)
    )
    for (const child of children) await round(child, pace.millis * 2)
    const samples = children.map((): Array<Sample> => [])
    for (let i = 0; i < pace.rounds; i++) {
      for (const [index, child] of children.entries()) samples[index]?.push(await round(child, pace.millis))
    }
    for (const child of children) order(child, "end")
    const ends = await Promise.all(children.map((child) => hear(child, "End")))
    const standings = scenario.implementations.map((implementation, i) =>
      standing(scenario, implementation, samples[i] ?? [], ends[i]?.peakRssMiB ?? 0, ends[i]?.gauges)
    )
    return { standings, note: stage.note }
  } finally {
    for (const child of children) child.kill()
    await stage.stop()
  }
}
