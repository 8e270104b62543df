/**
 * `pnpm bench <group|all> [--only TEXT] [--rounds N] [--millis N] [--patience SECONDS] [--json] [--quick] [--svg]`: measures the
 * scenarios of a group, or those whose names have a text in them. A scenario fails when implementations do not do the same work, and
 * when a server or an implementation ends or gives no answer in time; the others go on, and the bench exits with 1. `--quick` is one
 * short round of what is not slow; `--svg` writes the charts, and the tables of the README.
 */
import { parseArgs } from "node:util"
import * as Machine from "./bench/Machine.ts"
import * as Page from "./bench/Page.ts"
import * as Promises from "./bench/Promises.ts"
import * as Race from "./bench/Race.ts"
import * as registry from "./bench/registry.ts"
import type { Scenario } from "./bench/Scenario.ts"
import * as Table from "./bench/Table.ts"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string", default: "" },
    rounds: { type: "string", default: "5" },
    millis: { type: "string", default: "250" },
    patience: { type: "string", default: "120" },
    json: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    svg: { type: "boolean", default: false }
  }
})

const chosen = positionals.length === 0 || positionals.includes("all") ? registry.names : positionals
const patience = Number(values.patience)
const pace: Race.Pace = values.quick
  ? { rounds: 1, millis: 1, patience }
  : { rounds: Math.max(1, Number(values.rounds)), millis: Math.max(1, Number(values.millis)), patience }
const machine = Machine.describe(new Date())
const loads = [Machine.load()]
const promises: Array<string> = []
const failures: Array<string> = []

// Runs a scenario and shows what came of it; undefined when it failed.
const attempt = async (group: string, scenario: Scenario): Promise<Page.Result | undefined> => {
  try {
    const outcome = await Race.run(group, scenario, pace)
    if (values.json) for (const line of Table.json(group, scenario, outcome.standings)) console.log(line)
    else console.log(Table.table(group, scenario, outcome))
    for (const { found, promise, verdict } of Promises.verdicts(scenario, outcome.standings)) {
      promises.push(`${verdict.padEnd(21)}  ${group}/${scenario.name}: ${promise}; found ${found}`)
    }
    return { scenario, outcome }
  } catch (error) {
    const failure = `${group}/${scenario.name} failed: ${error instanceof Error ? error.message : String(error)}`
    console.error(`${failure}\n`)
    failures.push(failure)
    return undefined
  } finally {
    loads.push(Machine.load())
  }
}

const isWanted = ({ name, slow }: Scenario): boolean => name.includes(values.only) && !(values.quick && slow === true)

if (!values.json) console.log(`${machine}\n`)
for (const group of chosen) {
  const wanted = (await registry.load(group)).filter(isWanted)
  const results: Array<Page.Result> = []
  for (const scenario of wanted) {
    const result = await attempt(group, scenario)
    if (result !== undefined) results.push(result)
  }
  const busy = Machine.busyNote(loads)
  if (values.svg && results.length < wanted.length) console.error(`The page of ${group} is left as it was.`)
  else if (values.svg) Page.write(group, results, busy === undefined ? machine : `${machine} · ${busy}`)
}
if (!values.json) console.log(promises.toSorted().join("\n"))
const note = Machine.busyNote(loads)
if (note !== undefined) console.error(note)
for (const failure of failures) console.error(failure)
// Whatever a scenario that failed has left behind keeps nobody waiting.
process.exit(failures.length > 0 ? 1 : 0)
