/**
 * Lets the implementations of a scenario take turns: A B C, A B C, each in its own process. What disturbs the machine
 * for a while disturbs all of them.
 */
import type { Sample } from "./Meter.ts"
import { within } from "./Processes.ts"
import * as Runner from "./Runner.ts"
import type { Gauge, Implementation, Scenario, Stage } from "./Scenario.ts"

/** How long and how often. */
export interface Pace {
  readonly rounds: number
  /** Of one round of one implementation. */
  readonly millis: number
  /** In seconds: what takes longer, a round or the start of a server, fails the scenario. */
  readonly patience: number
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

/** Fails when what implementations yield is not the same. */
export const verify = (scenario: Scenario, digests: ReadonlyArray<string>): void => {
  const odd = scenario.implementations.filter((_, i) => digests[i] !== digests[0])
  if (odd.length > 0) {
    const names = odd.map(({ name }) => name).join(", ")
    throw new Error(
      `${scenario.name}: ${names} did not do the same work as ours: ${digests.join(" / ").slice(0, 2000)}`
    )
  }
}

const noStage: Stage = { facts: {}, stop: async () => {} }

// Waits for one step of a scenario. What fails says where, and whose step it was.
type Wait = <A>(who: string, what: string, act: Promise<A>) => Promise<A>

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const waitFor =
  ({ patience }: Pace, gone: Stage["gone"] = never): Wait =>
  async (who, what, act) => {
    try {
      return await within(patience, Promise.race([act, gone]))
    } catch (error) {
      throw new Error(`${who}, ${what}: ${reason(error)}`, { cause: error })
    }
  }

const never = new Promise<never>(() => {})

const servers = "the servers"

// One after the other, as the servers say what they have received since the one before.
const startAll = async (
  group: string,
  scenario: Scenario,
  stage: Stage,
  runners: Array<Runner.Runner>,
  wait: Wait
): Promise<ReadonlyArray<string>> => {
  const digests: Array<string> = []
  for (const implementation of scenario.implementations) {
    const { name } = implementation
    const runner = Runner.start(group, scenario, implementation, stage.facts)
    runners.push(runner)
    const digest = await wait(name, "its first run", runner.ready())
    // What a server received says more than what the client thinks of it.
    const received =
      stage.received === undefined ? undefined : await wait(servers, `what ${name} sent`, stage.received())
    digests.push(received === undefined ? digest : JSON.stringify(received))
  }
  return digests
}

const race = async (
  group: string,
  scenario: Scenario,
  stage: Stage,
  runners: Array<Runner.Runner>,
  pace: Pace
): Promise<Outcome> => {
  const wait = waitFor(pace, stage.gone)
  verify(scenario, await startAll(group, scenario, stage, runners, wait))
  const nameOf = (index: number): string => scenario.implementations[index]?.name ?? ""
  const rounds = Math.min(pace.rounds, scenario.rounds ?? Infinity)
  // What is done but once has been done for the verification.
  if (rounds > 1) {
    const millis = Math.max(pace.millis * 2, scenario.warmUp ?? 0)
    for (const [i, runner] of runners.entries()) await wait(nameOf(i), "warming up", runner.round(millis))
  }
  const samples = runners.map((): Array<Sample> => [])
  for (let n = 1; n <= rounds; n++) {
    for (const [i, runner] of runners.entries()) {
      samples[i]?.push(await wait(nameOf(i), `round ${n}`, runner.round(pace.millis)))
    }
  }
  const ends: Array<Runner.End> = []
  for (const [i, runner] of runners.entries()) ends.push(await wait(nameOf(i), "its end", runner.end()))
  const standings = scenario.implementations.map((implementation, i) =>
    standing(scenario, implementation, samples[i] ?? [], ends[i]?.peakRssMiB ?? 0, ends[i]?.gauges)
  )
  return { standings, note: stage.note }
}

/**
 * Runs a scenario: starts its servers, verifies that all do the same work, warms up, and measures. Fails when somebody did other
 * work, when a process ended, and when one had no answer in time; none is left then.
 */
export const run = async (group: string, scenario: Scenario, pace: Pace): Promise<Outcome> => {
  const stage = await waitFor(pace)(servers, "their start", scenario.stage?.() ?? Promise.resolve(noStage))
  const runners: Array<Runner.Runner> = []
  try {
    return await race(group, scenario, stage, runners, pace)
  } finally {
    await Promise.all(runners.map((runner) => runner.stop()))
    await stage.stop()
  }
}
