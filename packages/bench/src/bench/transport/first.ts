/** Sends one message and ends: `first.ts NAME PORT`; with `LOADED` in the environment it says how many octets of modules it has loaded. */
import { registerHooks } from "node:module"
import type { Connect, Job } from "./Job.ts"

let modules = 0
let octets = 0
if (process.env["LOADED"] !== undefined) {
  registerHooks({
    load: (url, context, next) => {
      const result = next(url, context)
      if (!url.startsWith("node:")) modules++
      if (result.source !== undefined && result.source !== null) octets += Buffer.from(result.source as string).length
      return result
    }
  })
}

const clients: Readonly<Record<string, () => Promise<Connect>>> = {
  "effect-mail": async () => (await import("./effectMail.ts")).connect,
  nodemailer: async () => (await import("./peers.ts")).nodemailer,
  "node:net, pipelined": async () => (await import("./byHand.ts")).byHand["node:net, pipelined"]
}

const job: Job = {
  message: { kind: "ready" },
  recipients: 1,
  connections: 1,
  fresh: true,
  tls: false,
  items: 1
}

const [name = "", port] = process.argv.slice(2)
const connect = await clients[name]?.()
const client = await connect?.(job, { port: Number(port), ca: "" })
await client?.sendAll(1)
await client?.close()
if (modules > 0) console.log(modules, octets)
