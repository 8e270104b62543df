/**
 * `pnpm bench <group|all> [--only TEXT] [--rounds N] [--millis N] [--json]`: measures the scenarios of a group, or those
 * whose names have a text in them. Exits with 1 when implementations do not do the same work.
 */
import { parseArgs } from "node:util"
import * as Machine from "./bench/Machine.ts"
import * as Race from "./bench/Race.ts"
import * as registry from "./bench/registry.ts"
import * as Table from "./bench/Table.ts"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string", default: "" },
    rounds: { type: "string", default: "7" },
    millis: { type: "string", default: "250" },
    json: { type: "boolean", default: false }
  }
})

const chosen = positionals.length === 0 || positionals.includes("all") ? registry.names : positionals
const pace: Race.Pace = { rounds: Math.max(1, Number(values.rounds)), millis: Math.max(1, Number(values.millis)) }
const loads = [Machine.load()]

if (!values.json) console.log(`${Machine.describe(new Date())}\n`)
for (const group of chosen) {
  for (const scenario of await registry.load(group)) {
    if (!scenario.name.includes(values.only)) continue
    const outcome = await Race.run(group, scenario, pace)
    if (values.json) for (const line of Table.json(group, scenario, outcome.standings)) console.log(line)
    else console.log(Table.table(group, scenario, outcome))
    loads.push(Machine.load())
  }
}
const note = Machine.busyNote(loads)
if (note !== undefined) console.error(note)
