/** What a process needs of memory: looked at by a gauge, in its own process. */
import { peakOf } from "./Runner.ts"

/** What is in use after a collection, in MiB: the heap, and the buffers that it holds. */
export const retained = (): number => {
  globalThis.gc?.()
  globalThis.gc?.()
  const { external, heapUsed } = process.memoryUsage()
  return (heapUsed + external) / 1024 / 1024
}

// Collections take a fifth of the time, so that what is watched goes on.
const pause = (took: number): number => Math.max(250, 4 * took)

/** How many MiB more are in use at most while something is done, looked at now and then, after a collection. */
export const inUse = async (act: () => Promise<void>): Promise<number> => {
  const before = retained()
  let most = before
  const look = () => {
    const start = performance.now()
    most = Math.max(most, retained())
    watch = setTimeout(look, pause(performance.now() - start))
  }
  let watch = setTimeout(look, pause(0))
  await act()
  clearTimeout(watch)
  return most - before
}

/** By how many MiB the largest resident set of this process grows while something is done. */
export const growth = async (act: () => Promise<void>): Promise<number> => {
  const before = peakOf("self")
  await act()
  return (peakOf("self") - before) / 1024
}
