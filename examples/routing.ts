/** From a domain to the hosts to try, in a world made of a static zone. */
import { Route, Router } from "@effect-mail/dns"
import { Endpoint } from "@effect-mail/protocol"
import { Effect, Layer } from "effect"
import { Dns, Host } from "effect/net"

const mx = (priority: number, exchange: string) =>
  Dns.makeRecordUnsafe("MX", { priority, exchange: Host.domainNameFromStringUnsafe(exchange) })

// In production this is NodeDns.layer of @effect/platform-node.
const DnsLayer = Dns.layerStatic({
  records: { "example.com": [mx(20, "mx2.example.com"), mx(10, "mx1.example.com")], "example.net": [mx(0, ".")] },
  hosts: { "mx1.example.com": ["192.0.2.1", "2001:db8::1"], "mx2.example.com": ["192.0.2.2"] }
})

const program = Effect.gen(function* () {
  const router = yield* Router.Router
  const route = yield* router.route("Example.COM")
  console.log(Route.endpoints(route).map(Endpoint.format))
  // [ 'mx1.example.com[192.0.2.1]:25', 'mx1.example.com[2001:db8::1]:25', 'mx2.example.com[192.0.2.2]:25' ]

  const refused = yield* Effect.flip(router.route("example.net"))
  console.log(refused._tag, refused.enhanced, refused.message)
  // PermFailure 5.1.10 the domain example.net says that it accepts no mail (null MX). Write to another address
})

await Effect.runPromise(program.pipe(Effect.provide(Router.layerMx().pipe(Layer.provide(DnsLayer)))))
