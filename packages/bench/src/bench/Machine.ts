/** Where and when something was measured. */
import { availableParallelism, cpus, loadavg, platform, release } from "node:os"

/** The machine, the runtime and the date in one line. */
export const describe = (date: Date): string =>
  [
    `${cpus()[0]?.model.trim() ?? "unknown processor"}, ${availableParallelism()} cores`,
    `${platform()} ${release()}`,
    `Node.js ${process.versions.node}`,
    date.toISOString().slice(0, 10)
  ].join(" · ")

/** How many processes want a core, on average of the last minute. */
export const load = (): number => loadavg()[0] ?? 0

/** What is to be said about a machine that had other things to do; undefined when it had not. */
export const busyNote = (loads: ReadonlyArray<number>): string | undefined => {
  const most = Math.max(...loads)
  // The bench itself is one of them: its processes take turns.
  return most > 1.5
    ? `The machine was busy with other things: up to ${most.toFixed(1)} processes wanted one of ${availableParallelism()} cores.`
    : undefined
}
