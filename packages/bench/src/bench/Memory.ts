/** What a process needs of memory: looked at by a gauge, in its own process. */
import { peakOf } from "./Runner.ts"

/** What is in use after a collection, in MiB: the heap, and the buffers that it holds. */
export const retained = (): number => {
  globalThis.gc?.()
  globalThis.gc?.()
  const { external, heapUsed } = process.memoryUsage()
  return (heapUsed + external) / 1024 / 1024
}

/** By how many MiB the largest resident set of this process grows while something is done. */
export const growth = async (act: () => Promise<void>): Promise<number> => {
  const before = peakOf("self")
  await act()
  return (peakOf("self") - before) / 1024
}
