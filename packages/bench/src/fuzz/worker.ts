/**
 * The thread in which parsers run, so that one that hangs can be seen and stopped from outside: before each input the
 * thread writes down where it is.
 */
import { parentPort, workerData } from "node:worker_threads"
import * as Growth from "./Growth.ts"
import type { Limits, Tally } from "./Session.ts"
import * as Session from "./Session.ts"
import { targets } from "./targets/index.ts"

/** What the thread is to do. */
export interface Task {
  readonly seed: number
  /** A part of the names of targets; empty for all. */
  readonly only: string
  readonly limits: Pick<Limits, "inputs" | "millis" | "slowMillis">
  /** How many shapes are timed for each target. */
  readonly shapes: number
  /** Where the thread is: the number of the target, the index of the input, and how often it has moved. */
  readonly place: Int32Array
}

/** What the thread says. */
export type Message =
  | { readonly _tag: "Tally"; readonly tally: Tally }
  | { readonly _tag: "Grown"; readonly grown: Growth.Grown }

const task = workerData as Task // from the one who starts this thread

const tell = (message: Message) => parentPort?.postMessage(message, [])

const move = (target: number, index: number): void => {
  task.place[0] = target
  task.place[1] = index
  Atomics.add(task.place, 2, 1)
}

const chosen = Array.from(targets.entries()).filter(([, { name }]) => name.includes(task.only))

for (const [number, target] of chosen) {
  const limits = { ...task.limits, onInput: (index: number) => move(number, index) }
  tell({ _tag: "Tally", tally: await Session.run(target, task.seed, limits) })
}
for (const [number, target] of chosen) {
  for (const way of Growth.ways(target)) {
    for (const shape of Growth.shapes(target, task.seed, task.shapes)) {
      move(number, -1)
      tell({ _tag: "Grown", grown: Growth.time(target, way, shape) })
    }
  }
}
