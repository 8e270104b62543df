/** Mail to many domains, each with a server of its own as far as anybody can tell: an address of the loopback network. */
import { nodemailer, ours, written } from "../Peers.ts"
import type { Facts, Implementation, Scenario, Work } from "../Scenario.ts"
import { stage } from "../servers/mail.ts"
import { byHand } from "./byHand.ts"
import { inTurn } from "./inTurn.ts"
import { type Job, name, ready, sender } from "./Job.ts"

// Messages on their way at the same time.
const atOnce = 50

const domainOf = (n: number): string => `d${n}.example`

const addressOf = (n: number): string => `127.${1 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`

const recipientOf = (n: number): string => `bob@${domainOf(n)}`

/** Sends a message to a domain. */
type Send = (n: number) => Promise<unknown>

type Connect = (port: number) => Promise<Send>

const effectMail: Connect = async (port) => {
  const NodeMailer = await import("@effect-mail/node/NodeMailer")
  const Route = await import("@effect-mail/dns/Route")
  const { Router } = await import("@effect-mail/dns/Router")
  const { Message } = await import("effect-mail")
  const { Mailer } = await import("effect-mail/Mailer")
  const Effect = await import("effect/Effect")
  const Layer = await import("effect/Layer")
  const ManagedRuntime = await import("effect/ManagedRuntime")
  const router = Layer.succeed(Router, {
    route: (domain: string) => {
      const address = addressOf(Number(/\d+/.exec(domain)?.[0]))
      return Effect.succeed(Route.make({ domain, port, hosts: [{ name: `mx.${domain}`, addresses: [address] }] }))
    }
  })
  const runtime = ManagedRuntime.make(NodeMailer.layerMx({ smtp: { name } }).pipe(Layer.provide(router)))
  const mailer = await runtime.runPromise(Mailer)
  return (n) => runtime.runPromise(mailer.send(Message.eml(ready, { envelope: { from: sender, to: recipientOf(n) } })))
}

const byNodemailer: Connect = async (port) => {
  const { createTransport } = await import("nodemailer")
  return async (n) => {
    const transport = createTransport({ host: addressOf(n), port, name, ignoreTLS: true })
    await transport.sendMail({ raw: ready, envelope: { from: sender, to: [recipientOf(n)] } })
    transport.close()
  }
}

const byNode: Connect = async (port) => {
  const job: Job = { message: { kind: "ready" }, recipients: 1, connections: 1, fresh: true, tls: false, items: 1 }
  const connect = byHand["node:net, pipelined"]
  return async (n) => {
    const client = await connect({ ...job, to: [recipientOf(n)] }, { port, ca: "", address: addressOf(n) })
    await client.sendAll(1)
  }
}

const prepare =
  (domains: number, items: number, connect: Connect) =>
  async ({ port, verifyPort }: Facts): Promise<Work> => {
    const send = await connect(Number(port))
    let next = 0
    return {
      run: () => inTurn(items, atOnce, async () => void (await send(next++ % domains))),
      output: async () => {
        const once = await connect(Number(verifyPort))
        await once(0)
      }
    }
  }

const scenario = (domains: number, items: number, title: string): Scenario => {
  const by = (who: Pick<Implementation, "name" | "version">, connect: Connect): Implementation => ({
    ...who,
    prepare: prepare(domains, items, connect)
  })
  return {
    name: `domains/${domains}`,
    title: `${title}, ${atOnce} on their way at once`,
    unit: "messages",
    items,
    slow: items > 1000,
    stage: () => stage({ exact: true, everyAddress: true }),
    implementations: [by(ours, effectMail), by(nodemailer, byNodemailer), by(written("node:net, pipelined"), byNode)]
  }
}

export const scenarios: ReadonlyArray<Scenario> = [
  scenario(1, 200, "messages to one domain"),
  scenario(1000, 1000, "a message to each of 1,000 domains"),
  scenario(100_000, 2000, "a message to each of the next 2,000 of 100,000 domains, another 2,000 in every run")
]
