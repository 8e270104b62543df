/** From a domain to its hosts: over a resolver, and out of the cache. */
import type { Scenario } from "../Scenario.ts"
import * as cached from "./cached.ts"
import * as distinct from "./distinct.ts"

export const scenarios: ReadonlyArray<Scenario> = [...distinct.scenarios, ...cached.scenarios]
