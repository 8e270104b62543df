import { Delivery } from "@effect-mail/delivery"
import { Router } from "@effect-mail/dns"
import { Endpoint, Failure } from "@effect-mail/protocol"
import { DeliveryContract, MailServer, SpecialAddresses } from "@effect-mail/testing"
import { SmtpTransport } from "@effect-mail/transport"
import { describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { routeTo, serverAt, world } from "./support/world.ts"

const deliveryContract = (name: string, layer: Layer.Layer<Delivery.Delivery>) => {
  describe(`${name} keeps the contract of Delivery`, () => {
    for (const { effect, name } of DeliveryContract.cases(layer)) it.effect(name, () => effect)
  })
}

const special = (address: string) =>
  Layer.unwrap(Effect.map(SpecialAddresses.make, (decide: MailServer.Decide) => serverAt(address, { decide })))

deliveryContract(
  "layerMx",
  Delivery.layerMx.pipe(
    Layer.provide(
      Router.layerTest({
        "inbox.example": routeTo("inbox.example", "192.0.2.1"),
        "other.example": routeTo("other.example", "192.0.2.2")
      })
    ),
    Layer.provide(world(special("192.0.2.1"), special("192.0.2.2"))),
    Layer.orDie
  )
)

deliveryContract(
  "layerTransport",
  Delivery.layerTransport.pipe(
    Layer.provide(SmtpTransport.layer([Endpoint.make({ host: "relay.example" })])),
    Layer.provide(world(special("relay.example"))),
    Layer.orDie
  )
)

const refusal = (code: number) => ({
  stage: "rcpt" as const,
  scope: "recipient" as const,
  next: "later" as const,
  code,
  reason: "no"
})

deliveryContract(
  "layerTest",
  Delivery.layerTest((recipient) => {
    if (recipient.startsWith("perm@")) return Failure.perm(refusal(550))
    return recipient.startsWith("temp@") ? Failure.temp(refusal(450)) : undefined
  })
)
