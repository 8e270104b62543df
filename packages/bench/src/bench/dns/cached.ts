/** Domains whose routes are known. */
import type { DnsRecord, RecordType } from "@effect-mail/dns/DnsMessage"
import type * as ResolverModule from "@effect-mail/dns/Resolver"
import { retained } from "../Memory.ts"
import { ours, written } from "../Peers.ts"
import type { Gauge, Scenario, Work } from "../Scenario.ts"
import { work } from "../Scenario.ts"

const many = 100_000

// Two hosts of the same preference, each with an address of both families, as large domains have them.
const hostsIn = (n: number) => [1, 2].map((host) => `mx${host}.d${n}.example`)

const addressesOf = (n: number, host: string) => ({
  A: `192.${host}.${(n >> 8) & 255}.${n & 255}`,
  AAAA: `2001:db8:${host}::${((n >> 8) + 1).toString(16)}:${((n & 255) + 1).toString(16)}`
})

// A resolver that has all answers at once, so that nothing but the routes and their cache is measured.
const cachedRouter = async (capacity: number) => {
  const Resolver = await import("@effect-mail/dns/Resolver")
  const RouteCache = await import("@effect-mail/dns/RouteCache")
  const Router = await import("@effect-mail/dns/Router")
  const Effect = await import("effect/Effect")
  const Layer = await import("effect/Layer")
  const NetAddress = await import("effect/net/NetAddress")
  const Result = await import("effect/Result")
  const records = (name: string, type: RecordType): ReadonlyArray<DnsRecord> => {
    const [, host = "", n = ""] = /^(?:mx(\d)\.)?d(\d+)\.example$/.exec(name) ?? []
    const { A, AAAA } = addressesOf(Number(n), host)
    const common = { name, ttl: 3600 }
    switch (type) {
      case "MX":
        return hostsIn(Number(n)).map((exchange) => ({ ...common, type, exchange, priority: 10 }))
      case "A":
        return [{ ...common, type, address: Result.getOrThrow(NetAddress.ipv4FromString(A)) }]
      case "AAAA":
        return [{ ...common, type, address: Result.getOrThrow(NetAddress.ipv6FromString(AAAA)) }]
      default:
        return []
    }
  }
  const query = (name: string, type: RecordType) =>
    Effect.succeed<ResolverModule.Answer>({
      rcode: "NOERROR",
      records: records(name, type),
      alias: undefined,
      authenticated: false,
      ttl: 3600
    })
  // The records are of the type that is asked for.
  const resolver = Layer.succeed(Resolver.Resolver, {
    query: query as ResolverModule.Resolver["Service"]["query"]
  })
  const layer = RouteCache.layer({ capacity }).pipe(
    Layer.provide(Router.layerResolver({ privateAddresses: "allow" })),
    Layer.provide(resolver)
  )
  const scope = await import("effect/Scope").then((Scope) => Scope.makeUnsafe())
  const context = await Effect.runPromise(Layer.buildWithScope(layer, scope))
  const { get } = await import("effect/Context")
  return { Effect, router: get(context, Router.Router) }
}

const repeats = 1000

const hostsOf = (hosts: ReadonlyArray<{ readonly name: string; readonly addresses: ReadonlyArray<string> }>) =>
  hosts.map(({ addresses, name }) => `${name} ${addresses.join(" ")}`).toSorted()

const effectMail = async (): Promise<Work> => {
  const { Effect, router } = await cachedRouter(10)
  const route = router.route("d1.example")
  const program = Effect.gen(function* () {
    let found = yield* route
    for (let n = 1; n < repeats; n++) found = yield* router.route("d1.example")
    return found
  })
  return work(
    () => Effect.runPromise(program),
    ({ hosts }) => hostsOf(hosts)
  )
}

interface Known {
  readonly hosts: Array<{ name: string; preference: number; addresses: ReadonlyArray<string> }>
  readonly until: number
}

const known = (n: number): Known => ({
  hosts: hostsIn(n).map((name, at) => {
    const { A, AAAA } = addressesOf(n, String(at + 1))
    return { name, preference: 10, addresses: [AAAA, A] }
  }),
  until: Date.now() + 3_600_000
})

// The least that a cache can be: a Map, a look at the clock, and a promise, since the route may not be there.
const plainMap = async (): Promise<Work> => {
  const routes = new Map([["d1.example", known(1)]])
  const route = async (domain: string) => {
    const found = routes.get(domain)
    if (found === undefined || found.until < Date.now()) throw new Error("unknown")
    return { ...found, hosts: found.hosts.toSorted((a, b) => a.preference - b.preference || Math.random() - 0.5) }
  }
  const all = async () => {
    let found = await route("d1.example")
    for (let n = 1; n < repeats; n++) found = await route("d1.example")
    return found
  }
  return work(all, ({ hosts }) => hostsOf(hosts))
}

const kept = (before: number): Gauge => ({
  name: `${many.toLocaleString("en-US")} domains keep`,
  value: retained() - before,
  unit: "MiB"
})

const domains = Array.from({ length: many }, (_, n) => `d${n}.example`)

const fill = async (): Promise<Work> => {
  const { Effect, router } = await cachedRouter(many)
  const before = retained()
  const program = Effect.forEach(domains, (domain) => router.route(domain), { discard: true })
  return {
    ...work(
      () => Effect.runPromise(program),
      () => many
    ),
    gauges: async () => [{ ...kept(before), atMost: 60 }]
  }
}

const fillMap = async (): Promise<Work> => {
  const routes = new Map<string, Known>()
  const before = retained()
  return {
    ...work(
      () => domains.forEach((domain, n) => routes.has(domain) || routes.set(domain, known(n))),
      () => many
    ),
    gauges: async () => [kept(before)]
  }
}

export const scenarios: ReadonlyArray<Scenario> = [
  {
    name: "route/cached",
    title: "a domain whose route is in the cache",
    unit: "routes",
    items: repeats,
    goal: 200_000,
    implementations: [
      { ...ours, prepare: effectMail },
      { ...written("Map and promise"), prepare: plainMap }
    ]
  },
  {
    name: "route/many-cached",
    title: `${many.toLocaleString("en-US")} domains in the cache, all asked for one after the other`,
    unit: "routes",
    items: many,
    implementations: [
      { ...ours, prepare: fill },
      { ...written("Map of objects"), prepare: fillMap }
    ]
  }
]
