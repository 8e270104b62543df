import * as Failure from "@effect-mail/protocol/Failure"
import * as Layer from "effect/Layer"
import * as Dns from "effect/net/Dns"
import * as Route from "@effect-mail/dns/Route"
import * as Router from "@effect-mail/dns/Router"
import * as StaticDns from "./support/faultyDns.ts"
import { routerContract } from "./support/routerContract.ts"

const { address, mx } = StaticDns

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
