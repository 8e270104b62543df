/** Has work counted, in a process that was started for it. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import type { Grown } from "./Growth.ts"

const program = fileURLToPath(new URL("./countedWork.ts", import.meta.url))

// Optimised code leaves blocks uncounted.
const flags = ["--conditions=source", "--no-opt", "--no-maglev", "--no-sparkplug"]

/** Counts so many shapes for each target whose name has a text in it. */
export const count = async (seed: number, shapes: number, only: string): Promise<ReadonlyArray<Grown>> => {
  const child = spawn(process.execPath, [...flags, program, String(seed), String(shapes), only], {
    stdio: ["ignore", "pipe", "inherit"]
  })
  const exit = once(child, "exit")
  const printed = await text(child.stdout)
  const [code] = await exit
  if (code !== 0) throw new Error(`The counting ended with ${code}`)
  // The program prints what this is. A line separator within JSON is no line end, so the lines are not left to readline.
  return printed
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Grown)
}
