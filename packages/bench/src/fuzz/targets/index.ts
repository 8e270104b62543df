/** Everything that is fuzzed. */
import type { Target } from "../Target.ts"
import * as addresses from "./addresses.ts"
import * as bodies from "./bodies.ts"
import * as commands from "./commands.ts"
import * as data from "./data.ts"
import * as dialogues from "./dialogues.ts"
import * as dns from "./dns.ts"
import * as headers from "./headers.ts"
import * as replies from "./replies.ts"
import * as reports from "./reports.ts"
import * as sasl from "./sasl.ts"

export const targets: ReadonlyArray<Target> = [
  ...addresses.targets,
  ...replies.targets,
  ...data.targets,
  ...commands.targets,
  ...sasl.targets,
  ...dialogues.targets,
  ...headers.targets,
  ...bodies.targets,
  ...reports.targets,
  ...dns.targets
]

/** The target of that name. */
export const named = (name: string): Target => {
  const found = targets.find((target) => target.name === name)
  if (found === undefined) throw new Error(`There is no target ${name}`)
  return found
}
