/** Measures work in this process: the clock, the processor, the collector. */
import { createHash } from "node:crypto"
import { PerformanceObserver } from "node:perf_hooks"
import type { Work } from "./Scenario.ts"

/** What one round took. */
export interface Sample {
  readonly runs: number
  readonly wallMicros: number
  /** Of all threads of the process, the collector's included. */
  readonly cpuMicros: number
  readonly gcMicros: number
}

/** Measures one piece of work. */
export interface Meter {
  /** The work again and again for about so many milliseconds. */
  readonly round: (millis: number) => Promise<Sample>
}

const now = (): number => Number(process.hrtime.bigint() / 1000n)

// Whoever looks at a result keeps the compiler from dropping the work.
const sink: { last: unknown } = { last: undefined }

/** Makes a meter, and with it the work's prepared input. */
export const make = (work: Work): Meter => {
  let gcMicros = 0
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) gcMicros += duration * 1000
  })
  observer.observe({ entryTypes: ["gc"] })
  return {
    round: async (millis) => {
      gcMicros = 0
      const cpu = process.cpuUsage()
      const start = now()
      const end = start + millis * 1000
      let runs = 0
      let at = start
      while (at < end) {
        const result = work.run()
        sink.last = result instanceof Promise ? await result : result
        runs++
        at = now()
      }
      const { system, user } = process.cpuUsage(cpu)
      // The observer is told of collections in a later turn.
      await new Promise(setImmediate)
      return { runs, wallMicros: at - start, cpuMicros: system + user, gcMicros }
    }
  }
}

/** What the work yields as one short text, to compare implementations by. */
export const digest = async (work: Work): Promise<string> =>
  createHash("sha256")
    .update(JSON.stringify((await work.output()) ?? null))
    .digest("hex")
