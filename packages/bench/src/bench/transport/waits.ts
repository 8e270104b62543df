/** How often clients had to wait for the server, as the proxy counted it that makes the way longer. */
import { connect } from "node:net"
import { text } from "node:stream/consumers"
import type { Facts } from "../Scenario.ts"

/** How often since this was asked last; see `servers/delay.ts`. */
export const waitsAt = async ({ counter }: Facts): Promise<number> =>
  Number(await text(connect(Number(counter), "127.0.0.1")))
