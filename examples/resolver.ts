/** Routes by a resolver of one's choice, remembered as long as the DNS says; a domain given on the command line is looked up. */
import { Preflight, Route, Router } from "@effect-mail/dns"
import { NodeResolver } from "@effect-mail/node"
import { Endpoint } from "@effect-mail/protocol"
import { Effect } from "effect"

// Router.layerResolver over NodeResolver.layer, behind RouteCache.layer.
const RouterLayer = NodeResolver.layerRouter({ resolver: { servers: ["127.0.0.1:53"] } })

const routed = (domain: string) =>
  Effect.gen(function* () {
    const router = yield* Router.Router
    console.log(Route.endpoints(yield* router.route(domain)).map(Endpoint.format))
  }).pipe(Effect.provide(RouterLayer))

const checked = (domain: string) =>
  Effect.gen(function* () {
    const { findings } = yield* Preflight.check(domain)
    for (const { severity, subject, text } of findings) console.log(severity, subject, text)
  }).pipe(Effect.provide(NodeResolver.layer()))

const [domain] = process.argv.slice(2)
await Effect.runPromise(
  domain === undefined
    ? Effect.sync(() => console.log("usage: node --conditions=source examples/resolver.ts DOMAIN"))
    : Effect.andThen(checked(domain), routed(domain))
)
