/**
 * Counts work instead of timing it: how often each block of the library's code was executed, as the engine's coverage
 * says it, for hostile inputs that double in length. The counting has to be switched on before the code is loaded, and
 * optimised code does not count, so this is a program of its own, to be run with `--no-opt --no-maglev --no-sparkplug`. It
 * prints one line of JSON for each shape. What built-in functions do within themselves is not counted.
 */
import { Session } from "node:inspector/promises"
import type * as Growth from "./Growth.ts"

const session = new Session()
session.connect()
await session.post("Profiler.enable")
await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true })

const { targets } = await import("./targets/index.ts")
const { at, shapes: makeShapes, ways } = await import("./Growth.ts")

const isOurs = (url: string): boolean => /\/(?:protocol|message|effect)\/src\/|\/effect\/dist\//.test(url)

const count = async (work: () => unknown): Promise<number> => {
  await session.post("Profiler.takePreciseCoverage")
  work()
  const { result } = await session.post("Profiler.takePreciseCoverage")
  let blocks = 0
  for (const { functions, url } of result) {
    if (!isOurs(url)) continue
    for (const { ranges } of functions) for (const range of ranges) blocks += range.count
  }
  return blocks
}

const [seed = "1", shapes = "20", only = ""] = process.argv.slice(2)
const length = 512

// Constant work cancels out in the differences. Some inputs are right by their length alone, so one jump is no growth.
const ratio = async (run: Growth.Way[1], shape: Growth.Shape): Promise<number> => {
  const counts: Array<number> = []
  run(at(shape, length))
  for (let factor = 1; factor <= 8; factor *= 2) counts.push(await count(() => run(at(shape, length * factor))))
  const [one = 0, two = 0, four = 0, eight = 0] = counts
  return Math.min((four - two) / Math.max(two - one, one / 4), (eight - four) / Math.max(four - two, two / 4))
}

for (const target of targets) {
  if (!target.name.includes(only)) continue
  for (const [way, run] of ways(target)) {
    for (const shape of makeShapes(target, Number(seed), Number(shapes))) {
      const grown: Growth.Grown = {
        target: target.name,
        way,
        shape,
        length: length * 8,
        ratio: await ratio(run, shape)
      }
      console.log(JSON.stringify(grown))
    }
  }
}
session.disconnect()
