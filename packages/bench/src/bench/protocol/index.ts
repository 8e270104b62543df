/** The codec of SMTP: what happens to every octet and every line. */
import type { Scenario } from "../Scenario.ts"
import * as addresses from "./addresses.ts"
import * as dots from "./dots.ts"
import * as envelope from "./envelope.ts"
import * as replies from "./replies.ts"

export const scenarios: ReadonlyArray<Scenario> = [
  ...replies.scenarios,
  ...dots.scenarios,
  ...envelope.scenarios,
  ...addresses.scenarios
]
