import * as Failure from "@effect-mail/protocol/Failure"
import { ResolverContract, RouterContract } from "@effect-mail/testing"
import { describe, it } from "@effect/vitest"
import * as Layer from "effect/Layer"
import * as Dns from "effect/net/Dns"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Resolver from "@effect-mail/dns/Resolver"
import * as RouteCache from "@effect-mail/dns/RouteCache"
import * as Route from "@effect-mail/dns/Route"
import * as Router from "@effect-mail/dns/Router"
import * as StaticDns from "./support/faultyDns.ts"
import * as Wire from "./support/wire.ts"
import * as ZoneResolver from "./support/zoneResolver.ts"

const { address, mx } = StaticDns

const routerContract = <E>(name: string, layer: Layer.Layer<Router.Router, E>, options?: RouterContract.Options) => {
  describe(`${name} keeps the contract of Router`, () => {
    for (const { effect, name } of RouterContract.cases(layer, options)) it.effect(name, () => effect)
  })
}

const zone: Dns.StaticZone = {
  records: {
    "example.com": [mx(10, "mx1.example.com."), mx(20, "mx2.example.com."), mx(10, "mx3.example.com.")],
    "mx1.example.com": [address("192.0.2.1"), address("2001:db8::1")],
    "mx2.example.com": [address("192.0.2.2"), address("192.0.2.1")],
    "mx3.example.com": [address("192.0.2.3")],
    "xn--bcher-kva.example": [mx(10, "mx1.example.com.")]
  }
}

const hosts = [
  { name: "mx1.example.com", addresses: ["192.0.2.1", "2001:db8::1"] },
  { name: "mx2.example.com.", addresses: ["192.0.2.2", "192.0.2.1"] }
] as const

routerContract(
  "layerMx over a resolver",
  Router.layerMx().pipe(Layer.provide(StaticDns.layer({ zone, faults: { "down.example": "SERVFAIL" } }))),
  { unreachable: "down.example" }
)

routerContract("layerMx over Effect's static resolver", Router.layerMx().pipe(Layer.provide(Dns.layerStatic(zone))))

routerContract(
  "layerStatic",
  Router.layerStatic({ "example.com": { hosts }, "Bücher.example": { hosts: ["192.0.2.9"] } })
)

routerContract(
  "layerTest",
  Router.layerTest({
    "example.com": Route.make({ domain: "example.com", hosts: [{ name: "mx.example.com", addresses: ["192.0.2.1"] }] }),
    "bücher.example": Route.make({
      domain: "xn--bcher-kva.example",
      hosts: [{ name: "mx.example.com", addresses: ["192.0.2.1"] }]
    }),
    "down.example": Failure.unreachable({
      stage: "route",
      scope: "domain",
      next: "later",
      enhanced: "4.4.3",
      reason: "the DNS does not answer",
      hint: "Try later"
    })
  }),
  { unreachable: "down.example" }
)

const byResolver = Router.layerResolver().pipe(
  Layer.provide(
    ZoneResolver.layer({
      "example.com": [
        Wire.mx("example.com", 10, "mx1.example.com"),
        Wire.mx("example.com", 20, "mx2.example.com"),
        Wire.mx("example.com", 10, "mx3.example.com")
      ],
      "mx1.example.com": [Wire.a("mx1.example.com", "192.0.2.1"), Wire.aaaa("mx1.example.com", 1)],
      "mx2.example.com": [Wire.a("mx2.example.com", "192.0.2.2"), Wire.a("mx2.example.com", "192.0.2.1")],
      "mx3.example.com": [Wire.a("mx3.example.com", "192.0.2.3")],
      "xn--bcher-kva.example": [Wire.mx("xn--bcher-kva.example", 10, "mx1.example.com")],
      "down.example": 2
    })
  )
)

routerContract("layerResolver", byResolver, { unreachable: "down.example" })

routerContract("layerResolver behind a cache", RouteCache.layer().pipe(Layer.provide(byResolver)), {
  unreachable: "down.example"
})

describe("a resolver over an exchange keeps the contract of Resolver", () => {
  const layer = ZoneResolver.layer({
    "contract.example": [
      Wire.a("contract.example", "192.0.2.1", 90),
      Wire.a("contract.example", "192.0.2.2", 90),
      Wire.mx("contract.example", 10, "mx.contract.example"),
      Wire.txt("contract.example", "v=spf1 -all")
    ],
    "alias.contract.example": [Wire.cname("alias.contract.example", "contract.example", 30)],
    "dangling.contract.example": [Wire.cname("dangling.contract.example", "nowhere.contract.example", 30)],
    "loop.contract.example": [Wire.cname("loop.contract.example", "pool.contract.example", 30)],
    "pool.contract.example": [Wire.cname("pool.contract.example", "loop.contract.example", 30)],
    "empty.contract.example": [],
    "mx.contract.example": [Wire.aaaa("mx.contract.example", 1)],
    "down.example": 2
  })
  for (const { effect, name } of ResolverContract.cases(layer, { down: "down.example" })) it.effect(name, () => effect)
})

describe("Resolver.layerTest keeps the contract of Resolver", () => {
  const both = [1, 2].map((n) => ({ address: Result.getOrThrow(NetAddress.ipv4FromString(`192.0.2.${n}`)) }))
  const layer = Resolver.layerTest({
    "A contract.example": { records: both, ttl: 90 },
    "MX contract.example": { records: [{ priority: 10, exchange: "mx.contract.example" }] },
    "TXT contract.example": { records: [{ text: "v=spf1 -all" }] },
    "A alias.contract.example": { records: both, alias: "contract.example", ttl: 30 },
    "A dangling.contract.example": { rcode: "NXDOMAIN", alias: "nowhere.contract.example" },
    "A loop.contract.example": "Malformed",
    "A empty.contract.example": {},
    "A down.example": "ServerFailure"
  })
  for (const { effect, name } of ResolverContract.cases(layer, { down: "down.example" })) it.effect(name, () => effect)
})
