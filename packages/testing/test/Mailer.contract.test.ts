import { MailerContract, MailServer, MemoryNetwork, Mailbox, SpecialAddresses } from "@effect-mail/testing"
import { describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Delivery, Endpoint, Failure, Mailer, SmtpTransport } from "effect-mail"

const place = { address: "relay.example", port: 25 }

const world = Layer.unwrap(
  Effect.map(SpecialAddresses.make, (decide) => MailServer.layerMemory(place, { decide }))
).pipe(Layer.provideMerge(MemoryNetwork.layer), Layer.provide(Mailbox.layer))

const overSmtp = Mailer.layer.pipe(
  Layer.provide(Delivery.layerTransport),
  Layer.provide(SmtpTransport.layer([Endpoint.make({ host: place.address })])),
  Layer.provide(world)
)

const refusal = { stage: "rcpt", scope: "recipient", next: "later", reason: "no" } as const

const fake = Mailer.layerTest((recipient) => {
  if (recipient.startsWith("perm@")) return Failure.perm({ ...refusal, code: 550 })
  return recipient.startsWith("temp@") ? Failure.temp({ ...refusal, code: 450 }) : undefined
})

describe("Mailer.layer over SMTP", () => {
  for (const { effect, name } of MailerContract.cases(overSmtp)) it.effect(name, () => effect)
})

describe("Mailer.layerTest", () => {
  for (const { effect, name } of MailerContract.cases(fake)) it.effect(name, () => effect)
})
