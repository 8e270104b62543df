/** The mail servers of a scenario: Postfix's smtp-sink where it can be used, and the bench's own, which says what it received. */
import { type ChildProcess, fork, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { connect, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { gone, message, stop } from "../Processes.ts"
import type { Stage } from "../Scenario.ts"
import type { Order, Received } from "./sink.ts"

const smtpSink = "/usr/sbin/smtp-sink"

const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** A process that serves. */
interface Server {
  readonly name: string
  readonly child: ChildProcess
}

const start = (name: string, ...args: ReadonlyArray<string>): Server => ({
  name,
  child: fork(script(name), args, { execArgv: ["--conditions=source"] })
})

const portsOf = async ({ child, name }: Server) => {
  const [port = 0, counter = 0] = [await message(child, name)].flat().map(Number)
  return { port, counter }
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  return typeof address === "object" && address !== null ? address.port : 0
}

const listening = async (port: number): Promise<void> => {
  for (let tries = 0; tries < 200; tries++) {
    const socket = connect(port, "127.0.0.1")
    const open = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true))
      socket.once("error", () => resolve(false))
    })
    socket.destroy()
    if (open) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`nobody listens on port ${port}`)
}

const startSmtpSink = (port: number): Server => {
  const user = process.getuid?.() === 0 ? ["-u", "nobody"] : []
  const child = spawn(smtpSink, [...user, "-m", "2000", `127.0.0.1:${port}`, "1000"], { stdio: "ignore" })
  return { name: "smtp-sink", child }
}

/** What the way to the server is like. */
export interface Way {
  /** TLS from the first byte; smtp-sink does not speak it. */
  readonly tls?: boolean | undefined
  /** TLS with STARTTLS, and a login after it, as for submission. */
  readonly login?: boolean | undefined
  /** The round trip in milliseconds. */
  readonly roundTrip?: number | undefined
  /** Whether all are to send the same octets, and not only the same content. */
  readonly exact?: boolean | undefined
  /** Whether the server listens on every address of the loopback network; smtp-sink would listen on all others, too. */
  readonly everyAddress?: boolean | undefined
}

// The messages as they are compared.
const view = (received: ReadonlyArray<Received>, exact: boolean) =>
  received.map(({ content, hash, recipients }) => (exact ? { recipients, hash } : { recipients, content }))

/** Starts the servers, and makes a folder for files; `port` is where the time is taken, `verifyPort` where what was received is kept. */
export const stage = async (way: Way): Promise<Stage> => {
  const folder = mkdtempSync(join(tmpdir(), "effect-mail-bench-"))
  const servers: Array<Server> = []
  const stopAll = async () => {
    await Promise.all(servers.map(({ child }) => stop(child)))
    rmSync(folder, { recursive: true, force: true })
  }
  const begun = (server: Server): Server => {
    servers.push(server)
    return server
  }
  try {
    return { ...(await staged(way, folder, begun)), gone: firstGone(servers), stop: stopAll }
  } catch (error) {
    await stopAll()
    throw error
  }
}

const firstGone = (servers: ReadonlyArray<Server>): Promise<never> => {
  const first = Promise.race(servers.map(({ child, name }) => gone(child, name)))
  // They end with the scenario, too, when nobody waits any more.
  first.catch(() => {})
  return first
}

const staged = async (
  { everyAddress = false, exact = false, login = false, roundTrip = 0, tls = false }: Way,
  folder: string,
  begun: (server: Server) => Server
): Promise<Pick<Stage, "facts" | "note" | "received">> => {
  const certificate = tls || login ? await makeCertificate() : undefined
  const pems = certificate === undefined ? [] : [certificate.certificate, certificate.key, ...(login ? ["login"] : [])]
  const verify = begun(start("./sink.ts", ...pems))
  const { port: verifyPort } = await portsOf(verify)
  verify.child.send("keep" satisfies Order)
  const postfix = !tls && !login && !everyAddress && existsSync(smtpSink)
  const port = postfix ? await freePort() : (await portsOf(begun(start("./sink.ts", ...pems)))).port
  if (postfix) {
    begun(startSmtpSink(port))
    await listening(port)
  }
  const why = tls || login ? "does not speak TLS" : everyAddress ? "would be open to the network" : "is not installed"
  const way =
    roundTrip > 0 ? await portsOf(begun(start("./delay.ts", String(port), String(roundTrip)))) : { counter: 0, port }
  return {
    facts: { folder, port: way.port, counter: way.counter, verifyPort, ca: certificate?.certificate ?? "" },
    note: postfix ? undefined : `To the bench's own sink, in Node.js: smtp-sink ${why}`,
    received: async () => {
      verify.child.send("take" satisfies Order)
      // The sink answers with what it received.
      return view((await message(verify.child, verify.name)) as ReadonlyArray<Received>, exact)
    }
  }
}

const makeCertificate = async () => {
  const { make } = await import("@effect-mail/testing/TestCertificate")
  const { runPromise } = await import("effect/Effect")
  return runPromise(make("localhost", "127.0.0.1"))
}
