/**
 * One implementation in a process of its own, so that memory and processor time are its alone and no other code has been
 * compiled beside it. The parent says when it works, so that the implementations take turns.
 */
import type { Sample } from "./Meter.ts"
import * as Meter from "./Meter.ts"
import * as registry from "./registry.ts"
import { find } from "./Scenario.ts"

/** What the parent says: work for so many milliseconds, or make an end. */
export type Order = { readonly millis: number } | "end"

/** What the worker says: what its work yields, what a round took, how much memory it needed at most. */
export type Report =
  | { readonly _tag: "Ready"; readonly digest: string }
  | { readonly _tag: "Round"; readonly sample: Sample }
  | { readonly _tag: "End"; readonly peakRssMiB: number }

const [group = "", name = "", implementation = ""] = process.argv.slice(2)
const [, { prepare }] = find(await registry.load(group), name, implementation)
const work = await prepare()
const meter = Meter.make(work)

const tell = (report: Report) => process.send?.(report)

process.on("message", (order: Order) => {
  if (order === "end") {
    tell({ _tag: "End", peakRssMiB: process.resourceUsage().maxRSS / 1024 })
    process.disconnect()
    return
  }
  void meter.round(order.millis).then((sample) => tell({ _tag: "Round", sample }))
})

tell({ _tag: "Ready", digest: await Meter.digest(work) })
