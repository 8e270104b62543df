/**
 * `pnpm fuzz [--seconds N] [--inputs N] [--seed S] [--target TEXT] [--shapes N]`: holds every parser against its laws on
 * random and mutated inputs, and its work against the growth of hostile shapes. `--inputs` is for each target; without it
 * the seconds (60 when not given) are shared among the targets. `--replay JSON` tries one finding again. Exits with 1 when
 * anything was found.
 */
import { parseArgs } from "node:util"
import { Worker } from "node:worker_threads"
import * as Counter from "./fuzz/Counter.ts"
import type { Grown } from "./fuzz/Growth.ts"
import { steep } from "./fuzz/Growth.ts"
import * as Mutation from "./fuzz/Mutation.ts"
import type { Finding, Tally } from "./fuzz/Session.ts"
import * as Session from "./fuzz/Session.ts"
import { named, targets } from "./fuzz/targets/index.ts"
import type { Message, Task } from "./fuzz/worker.ts"

const { values } = parseArgs({
  options: {
    seconds: { type: "string" },
    inputs: { type: "string" },
    seed: { type: "string", default: String(Math.trunc(performance.timeOrigin) % 1_000_000) },
    target: { type: "string", default: "" },
    shapes: { type: "string", default: "10" },
    replay: { type: "string" }
  }
})

const seed = Number(values.seed)
const chosen = targets.filter(({ name }) => name.includes(values.target))
const slowMillis = 50
const hangMillis = 20_000

let findings = 0

const report = (finding: Finding): void => {
  findings++
  process.exitCode = 1
  console.log(JSON.stringify(finding))
}

const replay = async (text: string): Promise<void> => {
  // What `report` printed; a replay by hand may leave out what it does not need.
  const { index, input, seed, target } = JSON.parse(text) as Finding
  const outcome = await Session.attempt(named(target), input, seed, index)
  console.log(
    typeof outcome === "string" ? outcome : outcome ? "accepted, and no law is broken" : "refused, as is right"
  )
  process.exitCode = typeof outcome === "string" ? 1 : 0
}

const thousands = (value: number): string => Math.round(value).toLocaleString("en-US")

const tallyLine = ({ accepted, inputs, micros, slowestMicros, target }: Tally): string =>
  [
    target.padEnd(26),
    thousands(inputs).padStart(11),
    `${thousands((inputs * 1_000_000) / micros)}/s`.padStart(11),
    `${Math.round((accepted * 100) / Math.max(inputs, 1))} %`.padStart(9),
    `${(slowestMicros / 1000).toFixed(1)} ms`.padStart(9)
  ].join(" ")

const shapeText = ({ length, ratio, shape, target, way }: Grown): string =>
  `${ratio.toFixed(2)} for each doubling up to ${thousands(length)}: ${target}, ${way}, ${JSON.stringify(shape)}`

// The steepest of all, and of each way to feed a target that is too steep the steepest.
const growthLine = (what: string, grown: ReadonlyArray<Grown>, limit: number): void => {
  const sorted = grown.toSorted((a, b) => b.ratio - a.ratio)
  const [first] = sorted
  if (first === undefined) return
  console.log(`${thousands(grown.length)} shapes ${what}; the steepest is ${shapeText(first)}`)
  const named = new Set<string>()
  for (const one of sorted) {
    const name = `${one.target}, ${one.way}`
    if (one.ratio <= limit || named.has(name)) continue
    named.add(name)
    findings++
    process.exitCode = 1
    console.log(`not linear: ${shapeText(one)}`)
  }
}

// The input at which a thread stands still, made again; for a shape that grows, its target.
const stuck = (place: Int32Array): Finding => {
  const target = targets[place[0] ?? 0]
  const index = place[1] ?? 0
  const input = target === undefined || index < 0 ? "a shape that grows" : Mutation.input(target, seed, index)
  return { target: target?.name ?? "", seed, index, input, law: `an input takes less than ${hangMillis} ms` }
}

interface Outcome {
  readonly tallies: ReadonlyArray<Tally>
  readonly grown: ReadonlyArray<Grown>
}

const watched = (task: Task): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    const tallies: Array<Tally> = []
    const grown: Array<Grown> = []
    const worker = new Worker(new URL("./fuzz/worker.ts", import.meta.url), { workerData: task })
    let moves = -1
    const watchdog = setInterval(() => {
      const now = Atomics.load(task.place, 2)
      if (now !== moves) {
        moves = now
        return
      }
      report(stuck(task.place))
      void worker.terminate()
    }, hangMillis)
    worker.on("message", (message: Message) => {
      if (message._tag === "Grown") {
        grown.push(message.grown)
        return
      }
      tallies.push(message.tally)
      console.log(tallyLine(message.tally))
      for (const finding of message.tally.findings) report(finding)
    })
    worker.once("error", reject)
    worker.once("exit", (code) => {
      clearInterval(watchdog)
      // 13: what it waited for never comes.
      if (code === 13) report(stuck(task.place))
      resolve({ tallies, grown })
    })
  })

const fuzz = async (): Promise<void> => {
  const millis = (Number(values.seconds ?? 60) * 1000) / Math.max(chosen.length, 1)
  const limits = {
    inputs: Number(values.inputs ?? Infinity),
    millis: values.seconds === undefined && values.inputs !== undefined ? undefined : millis,
    slowMillis
  }
  const shapes = Number(values.shapes)
  console.log(
    `seed ${seed}\n${"target".padEnd(26)} ${"inputs".padStart(11)} ${"rate".padStart(11)}  accepted   slowest`
  )
  const place = new Int32Array(new SharedArrayBuffer(12))
  const { grown, tallies } = await watched({ seed, only: values.target, limits, shapes, place })
  const inputs = tallies.reduce((sum, tally) => sum + tally.inputs, 0)
  const seconds = tallies.reduce((sum, tally) => sum + tally.micros, 0) / 1_000_000
  console.log(`${thousands(inputs)} inputs for ${tallies.length} targets in ${thousands(seconds)} s`)
  growthLine("timed", grown, steep.time)
  growthLine("counted", await Counter.count(seed, shapes, values.target), steep.count)
  console.log(findings === 0 ? "nothing found" : `${findings} found`)
}

if (values.replay === undefined) await fuzz()
else await replay(values.replay)
