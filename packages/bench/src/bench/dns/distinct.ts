/** Domains that nobody asked for before, each with a mail server of its own, through a resolver on this machine. */
import * as DnsPeers from "../../../../../test/support/dnsPeers.ts"
import { ours, written } from "../Peers.ts"
import type { Facts, Scenario, Stage, Work } from "../Scenario.ts"
import { work } from "../Scenario.ts"

const count = 10_000

// As many domains are on their way at once as the resolver is asked questions.
const concurrency = 256

const domains = Array.from({ length: count }, (_, n) => `d${n}.bench.test`)

const zone = domains
  .map(
    (_, n) =>
      `d${n} 3600 MX 10 mx.d${n}\nmx.d${n} 3600 A 192.0.${2 + (n >> 8)}.${n & 255}\nmx.d${n} 3600 AAAA 2001:db8::${(n + 1).toString(16)}`
  )
  .join("\n")

const stage = async (): Promise<Stage> => {
  if (DnsPeers.missing !== undefined) throw new Error(DnsPeers.missing)
  const [Effect, Exit, Scope] = await Promise.all([
    import("effect/Effect"),
    import("effect/Exit"),
    import("effect/Scope")
  ])
  const scope = Scope.makeUnsafe()
  const server = await Effect.runPromise(Scope.provide(DnsPeers.start({ "bench.test": zone }), scope))
  return {
    facts: { server },
    note: "Unbound, which knows all answers after the first run, in front of Knot DNS",
    stop: () => Effect.runPromise(Scope.close(scope, Exit.void))
  }
}

type Found = ReadonlyArray<string>

// What the routes are, in the order of the domains.
const view = (routes: ReadonlyArray<Found>) => routes

const effectMail = async ({ server }: Facts): Promise<Work> => {
  const NodeResolver = await import("@effect-mail/node/NodeResolver")
  const { Router } = await import("@effect-mail/dns/Router")
  const { endpoints } = await import("@effect-mail/dns/Route")
  const Effect = await import("effect/Effect")
  // A cache of its own for every run: it has to be asked for all domains.
  const program = Effect.gen(function* () {
    const router = yield* Router
    return yield* Effect.forEach(domains, (domain) => router.route(domain), { concurrency })
  }).pipe(
    Effect.provide(
      NodeResolver.layerRouter({
        resolver: { servers: [String(server)], concurrency },
        routing: { privateAddresses: "allow" },
        cache: { capacity: count }
      })
    )
  )
  return work(
    () => Effect.runPromise(program),
    (routes) => view(routes.map((route) => endpoints(route).map(({ address, host }) => `${host} ${address}`)))
  )
}

// What people write with the resolver of Node.js: MX records, then both kinds of addresses of the first five hosts.
const nodeDns = async ({ server }: Facts): Promise<Work> => {
  const { Resolver } = await import("node:dns/promises")
  const resolver = new Resolver()
  resolver.setServers([String(server)])
  const route = async (domain: string): Promise<Found> => {
    const records = await resolver.resolveMx(domain)
    const hosts = records.toSorted((a, b) => a.priority - b.priority).slice(0, 5)
    const found = await Promise.all(
      hosts.map(async ({ exchange }) => {
        const [four, six] = await Promise.all([resolver.resolve4(exchange), resolver.resolve6(exchange)])
        return [...six, ...four].map((address) => `${exchange} ${address}`)
      })
    )
    return found.flat()
  }
  const all = async () => {
    const routes: Array<Found> = []
    let next = 0
    const worker = async () => {
      for (let at = next++; at < count; at = next++) routes[at] = await route(domains[at] ?? "")
    }
    await Promise.all(Array.from({ length: concurrency }, worker))
    return routes
  }
  return work(all, view)
}

export const scenarios: ReadonlyArray<Scenario> = [
  {
    name: "route/distinct",
    title: `${count.toLocaleString("en-US")} domains that are not in the cache: MX, A and AAAA of each, ${concurrency} at once`,
    unit: "routes",
    items: count,
    goal: 3000,
    stage,
    implementations: [
      { ...ours, prepare: effectMail },
      { ...written("node:dns"), prepare: nodeDns }
    ]
  }
]
