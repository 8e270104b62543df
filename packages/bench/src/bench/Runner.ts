/** One implementation in a process of its own: a worker of Node.js, or a program in another language. */
import { type ChildProcess, fork, spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import type { Sample } from "./Meter.ts"
import type { Facts, Foreign, Gauge, Implementation, Scenario } from "./Scenario.ts"
import { childrenOf, message, stop, stopShell } from "./Processes.ts"
import type { Order, Report } from "./worker.ts"

/** What an implementation says at its end. */
export interface End {
  readonly peakRssMiB: number
  readonly gauges: ReadonlyArray<Gauge>
}

/** An implementation that works when it is told to. */
export interface Runner {
  /** Waits until it has done its work once, and gives the digest of what that yields. */
  readonly ready: () => Promise<string>
  readonly round: (millis: number) => Promise<Sample>
  readonly end: () => Promise<End>
  /** Makes an end of it, whatever it does. */
  readonly stop: () => Promise<void>
}

const worker = fileURLToPath(new URL("./worker.ts", import.meta.url))

const hear = async <Tag extends Report["_tag"]>(
  child: ChildProcess,
  tag: Tag
): Promise<Extract<Report, { readonly _tag: Tag }>> => {
  // The worker says nothing but reports, and answers each order with its own.
  const report = (await message(child, "its process")) as Report
  if (report._tag !== tag) throw new Error(`its process said ${report._tag} instead of ${tag}`)
  return report as Extract<Report, { readonly _tag: Tag }>
}

const startWorker = (group: string, scenario: string, { name }: Implementation, facts: Facts): Runner => {
  const child = fork(worker, [group, scenario, name, JSON.stringify(facts)], {
    execArgv: ["--conditions=source", "--expose-gc"]
  })
  const order = (order: Order) => child.send(order)
  return {
    ready: async () => (await hear(child, "Ready")).digest,
    round: async (millis) => {
      order({ millis })
      return (await hear(child, "Round")).sample
    },
    end: async () => {
      const gone = once(child, "exit")
      order("end")
      const end = await hear(child, "End")
      await gone
      return end
    },
    stop: () => stop(child)
  }
}

/** The largest resident set of a process, in kB; 0 when it is gone. */
export const peakOf = (pid: number | "self"): number => {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0)
  } catch {
    return 0
  }
}

// It says `ready`, and a line of numbers for each line of milliseconds.
const startProgram = ({ args, file }: Foreign): Runner => {
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] })
  // What could not be started says nothing, and what has ended hears nothing.
  child.on("error", () => {})
  child.stdin.on("error", () => {})
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<string> => {
    const { done, value } = await lines.next()
    if (done === true) throw new Error(`${file} ended`)
    return value
  }
  let peak = 0
  return {
    ready: async () => {
      const said = await next()
      if (said !== "ready") throw new Error(`${file} said ${said}`)
      return ""
    },
    round: async (millis) => {
      child.stdin.write(`${millis}\n`)
      const [runs = 0, wallMicros = 0, cpuMicros = 0, kilobytes = 0] = (await next()).split(" ").map(Number)
      peak = kilobytes
      return { runs, wallMicros, cpuMicros, gcMicros: 0 }
    },
    end: async () => {
      child.stdin.end()
      return { peakRssMiB: peak / 1024, gauges: [] }
    },
    stop: () => stop(child)
  }
}

interface Ended {
  readonly wallMicros: number
  readonly cpuMicros: number
  readonly kilobytes: number
}

const timed = (file: string, args: ReadonlyArray<string>) => {
  const script = `TIMEFORMAT='%R %U %S'; time "$@" >/dev/null`
  return spawn("/bin/bash", ["-c", script, "bash", file, ...args], { stdio: ["ignore", "ignore", "pipe"] })
}

// The shell knows the time of the program alone; its memory is looked at while it runs.
const measured = async (file: string, child: ReturnType<typeof timed>): Promise<Ended> => {
  let said = ""
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()))
  let kilobytes = 0
  const look = () => {
    const [program] = childrenOf(child.pid)
    kilobytes = Math.max(kilobytes, program === undefined ? 0 : peakOf(program))
  }
  const watch = setInterval(look, 10)
  const [status, killer] = await once(child, "close")
  clearInterval(watch)
  if (status !== 0) throw new Error(`${file} ended with ${killer ?? status}: ${said}`)
  const [real = 0, user = 0, system = 0] = (said.trim().split("\n").at(-1) ?? "").split(" ").map(Number)
  return { wallMicros: real * 1e6, cpuMicros: (user + system) * 1e6, kilobytes }
}

// A program that does a number of items and ends: so many as take the time of a round, as it was in the round before.
const startBatch = (
  { args, file, gauges, single = false }: Foreign,
  batch: NonNullable<Foreign["batch"]>,
  items: number
): Runner => {
  let child: ReturnType<typeof timed> | undefined
  let perSecond = 0
  let peak = 0
  const run = (count: number | undefined): Promise<Ended> => {
    child = timed(file, [...args, ...batch(count)])
    return measured(file, child)
  }
  return {
    ready: async () => {
      await run(undefined)
      return ""
    },
    round: async (millis) => {
      const runs = Math.max(1, Math.round((perSecond * millis) / 1000 / items))
      const sample = { runs, wallMicros: 0, cpuMicros: 0, gcMicros: 0 }
      for (let left = single ? runs : 1; left > 0; left--) {
        const ended = await run(runs * items)
        sample.wallMicros += ended.wallMicros
        sample.cpuMicros += ended.cpuMicros
        peak = Math.max(peak, ended.kilobytes)
      }
      perSecond = (runs * items * 1e6) / sample.wallMicros
      return sample
    },
    end: async () => ({ peakRssMiB: peak / 1024, gauges: gauges?.() ?? [] }),
    stop: async () => {
      if (child !== undefined) await stopShell(child)
    }
  }
}

/** Starts an implementation, which does its work once. */
export const start = (group: string, scenario: Scenario, implementation: Implementation, facts: Facts): Runner => {
  const foreign = implementation.command?.(facts)
  if (foreign === undefined) return startWorker(group, scenario.name, implementation, facts)
  return foreign.batch === undefined ? startProgram(foreign) : startBatch(foreign, foreign.batch, scenario.items)
}
