/**
 * `pnpm bench <group|all> [--only TEXT] [--rounds N] [--millis N] [--json] [--quick] [--svg]`: measures the scenarios of a group,
 * or those whose names have a text in them. Exits with 1 when implementations do not do the same work. `--quick` is one short
 * round of what needs no patience; `--svg` writes the charts, and the tables of the README.
 */
import { parseArgs } from "node:util"
import * as Machine from "./bench/Machine.ts"
import * as Page from "./bench/Page.ts"
import * as Promises from "./bench/Promises.ts"
import * as Race from "./bench/Race.ts"
import * as registry from "./bench/registry.ts"
import * as Table from "./bench/Table.ts"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string", default: "" },
    rounds: { type: "string", default: "5" },
    millis: { type: "string", default: "250" },
    json: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    svg: { type: "boolean", default: false }
  }
})

const chosen = positionals.length === 0 || positionals.includes("all") ? registry.names : positionals
const pace: Race.Pace = values.quick
  ? { rounds: 1, millis: 1 }
  : { rounds: Math.max(1, Number(values.rounds)), millis: Math.max(1, Number(values.millis)) }
const machine = Machine.describe(new Date())
const loads = [Machine.load()]
const promises: Array<string> = []

if (!values.json) console.log(`${machine}\n`)
for (const group of chosen) {
  const results: Array<Page.Result> = []
  for (const scenario of await registry.load(group)) {
    if (!scenario.name.includes(values.only) || (values.quick && scenario.slow === true)) continue
    const outcome = await Race.run(group, scenario, pace)
    if (values.json) for (const line of Table.json(group, scenario, outcome.standings)) console.log(line)
    else console.log(Table.table(group, scenario, outcome))
    for (const { found, promise, verdict } of Promises.verdicts(scenario, outcome.standings)) {
      promises.push(`${verdict.padEnd(21)}  ${group}/${scenario.name}: ${promise}; found ${found}`)
    }
    results.push({ scenario, outcome })
    loads.push(Machine.load())
  }
  const busy = Machine.busyNote(loads)
  if (values.svg) Page.write(group, results, busy === undefined ? machine : `${machine} · ${busy}`)
}
if (!values.json) console.log(promises.toSorted().join("\n"))
const note = Machine.busyNote(loads)
if (note !== undefined) console.error(note)
