/** A fresh process: how long until its first mail is taken, and how much of a program it loads. */
import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { nodemailer, ours, written } from "../Peers.ts"
import type { Facts, Foreign, Gauge, Scenario } from "../Scenario.ts"
import { stage } from "../servers/mail.ts"

const first = fileURLToPath(new URL("./first.ts", import.meta.url))

// What people install is what was built; the sources cost the removal of their types, too.
const built = existsSync(new URL("../../../../effect-mail/dist/index.js", import.meta.url))
const conditions = built ? [] : ["--conditions=source"]

const loaded = (who: string, port: number | string | undefined): ReadonlyArray<Gauge> => {
  const env = { ...process.env, LOADED: "1" }
  const said = execFileSync(process.execPath, [...conditions, first, who, String(port)], { env, encoding: "utf8" })
  const [modules = 0, octets = 0] = said.split(" ").map(Number)
  return [{ name: `${modules} modules are loaded:`, value: octets / 1024, unit: "KiB" }]
}

const program =
  (who: string) =>
  ({ port, verifyPort }: Facts): Foreign => ({
    file: process.execPath,
    args: [...conditions, first, who],
    batch: (items) => [String(items === undefined ? verifyPort : port)],
    single: true,
    gauges: () => loaded(who, port)
  })

const noWorker = () => Promise.reject(new Error("this is a program of its own"))

export const scenarios: ReadonlyArray<Scenario> = [
  {
    name: "cold/first-mail",
    title: `a process from its start to its end, which sends a ready message of 2 kB${built ? ", packages as built" : ""}`,
    unit: "processes",
    items: 1,
    stage: () => stage({ exact: true }),
    implementations: [
      { ...ours, command: program("effect-mail"), prepare: noWorker },
      { ...nodemailer, command: program("nodemailer"), prepare: noWorker },
      { ...written("node:net"), command: program("node:net, pipelined"), prepare: noWorker }
    ]
  }
]
