/** From the value of a message to its bytes: composing, encoding, signing. */
import type { Scenario } from "../Scenario.ts"
import * as attachments from "./attachments.ts"
import * as compose from "./compose.ts"
import * as dkim from "./dkim.ts"

export const scenarios: ReadonlyArray<Scenario> = [...compose.scenarios, ...attachments.scenarios, ...dkim.scenarios]
