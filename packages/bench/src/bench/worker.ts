/**
 * One implementation in a process of its own, so that memory and processor time are its alone and no other code has been
 * compiled beside it. The parent says when it works, so that the implementations take turns.
 */
import type { Sample } from "./Meter.ts"
import * as Meter from "./Meter.ts"
import { peakOf } from "./Runner.ts"
import * as registry from "./registry.ts"
import type { Facts, Gauge } from "./Scenario.ts"
import { find } from "./Scenario.ts"

/** What the parent says: work for so many milliseconds, or make an end. */
export type Order = { readonly millis: number } | "end"

/** What the worker says: what its work yields, what a round took, how much memory it needed at most. */
export type Report =
  | { readonly _tag: "Ready"; readonly digest: string }
  | { readonly _tag: "Round"; readonly sample: Sample }
  | { readonly _tag: "End"; readonly peakRssMiB: number; readonly gauges: ReadonlyArray<Gauge> }

const [group = "", name = "", implementation = "", facts = "{}"] = process.argv.slice(2)
const [, { prepare }] = find(await registry.load(group), name, implementation)
// The parent wrote the facts.
const work = await prepare(JSON.parse(facts) as Facts)
const meter = Meter.make(work)

const tell = (report: Report) => process.send?.(report)

const end = async (): Promise<void> => {
  // What getrusage says counts the parent in, from which this process was forked.
  const peak = peakOf("self") / 1024 || process.resourceUsage().maxRSS / 1024
  tell({ _tag: "End", peakRssMiB: peak, gauges: (await work.gauges?.()) ?? [] })
  process.disconnect()
  // What a scenario opened does not keep it, and what it wrote is removed at its exit.
  process.exit(0)
}

process.once("SIGTERM", () => process.exit(1))

process.on("message", (order: Order) => {
  if (order === "end") void end()
  else void meter.round(order.millis).then((sample) => tell({ _tag: "Round", sample }))
})

tell({ _tag: "Ready", digest: await Meter.digest(work) })
