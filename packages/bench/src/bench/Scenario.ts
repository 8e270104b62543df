/**
 * What is measured: one job, done by several implementations. All of them do the same work, which is verified before
 * anything is timed.
 */

/** Something that is measured beside rate and cost, such as the memory that is kept. */
export interface Gauge {
  /** What it is, such as `kept by 100,000 domains`. */
  readonly name: string
  readonly value: number
  readonly unit: string
  /** What was promised of ours, where something was: no more than this. */
  readonly atMost?: number | undefined
  /** The same: no less than this. */
  readonly atLeast?: number | undefined
}

/** What was promised of ours beside a peer in the same run. */
export interface Ratio {
  /** Which implementation of ours; the first one by default. */
  readonly who?: string | undefined
  /** The name of its implementation. */
  readonly peer: string
  readonly of: "rate" | "cpu"
  /** Of rates: how many times the peer's ours is. Of processor time: how many times ours goes into the peer's. */
  readonly ratio: number
}

/** Servers that a scenario needs, in processes of their own. */
export interface Stage {
  /** What the implementations are told: addresses and ports, which can be written as JSON. */
  readonly facts: Facts
  /** What people must know of the servers, such as that a program is missing. */
  readonly note?: string | undefined
  /** What the servers have received since this was asked last: it must be the same of all implementations. */
  readonly received?: (() => Promise<unknown>) | undefined
  /** Fails when one of them ends before its time. */
  readonly gone?: Promise<never> | undefined
  readonly stop: () => Promise<void>
}

/** Where the servers of a scenario are. */
export type Facts = Readonly<Record<string, string | number>>

/** One implementation at work on its prepared input. */
export interface Work {
  /** Does all items of the scenario once; what it returns keeps the work from being optimised away. */
  readonly run: () => unknown
  /** Runs once and says what came out, in words that are the same for all implementations. */
  readonly output: () => Promise<unknown>
  /** What else there is to say when all rounds are over. */
  readonly gauges?: (() => Promise<ReadonlyArray<Gauge>>) | undefined
}

/**
 * A program in another language, started once: it says `ready` when it has done the job once, then for each line `MILLIS` does
 * the job for so long and says how often, in how many microseconds, at the cost of how many of the processor's. It ends with its
 * input. Or a program that does a number of items and ends (`batch`), which is started anew for each round.
 */
export interface Foreign {
  readonly file: string
  readonly args: ReadonlyArray<string>
  /** The arguments for so many items; `undefined` is the one that is verified. */
  readonly batch?: ((items: number | undefined) => ReadonlyArray<string>) | undefined
  /** Whether a batch is one item, however many are wanted: then it is started for each. */
  readonly single?: boolean | undefined
  readonly gauges?: (() => ReadonlyArray<Gauge>) | undefined
}

/** One way to do the job. */
export interface Implementation {
  /** `effect-mail`, or what people know the peer by. */
  readonly name: string
  readonly version: string
  /** A program that does the job in place of `prepare`; see `Foreign`. */
  readonly command?: ((facts: Facts) => Foreign) | undefined
  /** Loads what it needs, and nothing else, so that its memory is its own; and makes its input. */
  readonly prepare: (facts: Facts) => Promise<Work>
}

/** One job. */
export interface Scenario {
  /** Unique in its group, such as `reply/one-buffer`. */
  readonly name: string
  /** One line about the input. */
  readonly title: string
  /** What is counted: `replies`. */
  readonly unit: string
  /** How many of them one run does. */
  readonly items: number
  /** Items per second that ours is to reach, where somebody said so. */
  readonly goal?: number | undefined
  /** What ours is to reach as a ratio to peers, where somebody said so. */
  readonly atLeast?: ReadonlyArray<Ratio> | undefined
  /** The most rounds, of work that takes longer than a round should; what it is there for is a gauge. */
  readonly rounds?: number | undefined
  /** How long everybody works before anything is timed, in milliseconds; twice a round at least. */
  readonly warmUp?: number | undefined
  /** Whether it takes its time even when it is done once. */
  readonly slow?: boolean | undefined
  /** Starts the servers. */
  readonly stage?: (() => Promise<Stage>) | undefined
  /** Ours first. */
  readonly implementations: ReadonlyArray<Implementation>
}

/** Makes work of a function and of a view of its result. */
export const work = <A>(run: () => A, view: (result: Awaited<A>) => unknown): Work => ({
  run,
  output: async () => view(await run())
})

/** Finds a scenario of a group by its name, and one of its implementations. */
export const find = (
  scenarios: ReadonlyArray<Scenario>,
  name: string,
  implementation: string
): readonly [Scenario, Implementation] => {
  const scenario = scenarios.find((scenario) => scenario.name === name)
  const found = scenario?.implementations.find(({ name }) => name === implementation)
  if (scenario === undefined || found === undefined) throw new Error(`There is no ${implementation} in ${name}`)
  return [scenario, found]
}
