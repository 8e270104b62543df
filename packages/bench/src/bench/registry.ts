/**
 * All groups of scenarios by name. A group is loaded when it is asked for, so that one whose peers are missing does not
 * stand in the way of the others. To add a group, write a module that exports `scenarios` and name it here.
 */
import type { Scenario } from "./Scenario.ts"

interface Group {
  readonly scenarios: ReadonlyArray<Scenario>
}

const groups: ReadonlyMap<string, () => Promise<Group>> = new Map([
  ["protocol", () => import("./protocol/index.ts")],
  ["message", () => import("./message/index.ts")],
  ["transport", () => import("./transport/index.ts")],
  ["dns", () => import("./dns/index.ts")],
  ["policy", () => import("./policy/index.ts")]
])

/** The names of the groups. */
export const names: ReadonlyArray<string> = [...groups.keys()]

/** The scenarios of a group; fails for a name that is none. */
export const load = async (name: string): Promise<ReadonlyArray<Scenario>> => {
  const group = groups.get(name)
  if (group === undefined) throw new Error(`There is no group ${name}; there are: all ${names.join(" ")}`)
  return (await group()).scenarios
}
