import { Mailbox, MailServer, MemoryNetwork, Script, ScriptedServer, SpecialAddresses } from "@effect-mail/testing"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { Delivery, Endpoint, Mailer, Message, Policy, SmtpTransport, TlsPolicy } from "effect-mail"
import { TestClock } from "effect/testing"

// The application's code, and the layer it sends with, over a network that stays in memory.
const signUp = (to: string) =>
  Mailer.send(Message.make({ from: "app@example.com", to, subject: "Welcome", text: "Hi" }))

const server = { address: "mail.example.com", port: 25 }
const mailer = Mailer.layer.pipe(
  Layer.provide(Delivery.layerTransport),
  Layer.provide(SmtpTransport.layer([Endpoint.make({ host: server.address, tls: TlsPolicy.none })]))
)

// A correct server, which greylists whoever is called greylist.
it.effect("a welcome mail arrives, although the server greylists us first", () =>
  Effect.gen(function* () {
    const signingUp = yield* Effect.forkChild(signUp("greylist@example.com"))
    yield* TestClock.adjust("1 hour")
    const receipt = yield* Fiber.join(signingUp)
    assert.strictEqual(receipt.delivered[0]?.attempts, 2)
    const mailbox = yield* Mailbox.Mailbox
    assert.strictEqual((yield* mailbox.to("greylist@example.com")).length, 1)
  }).pipe(
    Effect.provide(mailer),
    Effect.provide(
      Layer.unwrap(Effect.map(SpecialAddresses.make, (decide) => MailServer.layerMemory(server, { decide })))
    ),
    Effect.provide(Layer.merge(MemoryNetwork.layer, Mailbox.layer))
  )
)

// A server that is anything but: it takes the message and hangs up without a word.
it.effect("a mail that may have arrived is not sent twice", () =>
  Effect.gen(function* () {
    const failure = yield* Effect.flip(signUp("bob@example.com"))
    assert.isTrue(failure._tag === "TempFailure" && failure.uncertain)
  }).pipe(
    Effect.provide(mailer),
    Effect.provide(
      ScriptedServer.layerMemory(server, [
        Script.reply("220 mail.example.com ESMTP"),
        Script.expectPrefix("EHLO "),
        Script.reply("250-mail.example.com", "250 PIPELINING"),
        Script.expect("MAIL FROM:<app@example.com>"),
        Script.expect("RCPT TO:<bob@example.com>"),
        Script.expect("DATA"),
        Script.send("250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 Go ahead\r\n"),
        Script.expectMessage,
        Script.close
      ])
    ),
    Effect.provide(MemoryNetwork.layer),
    Effect.provideService(Policy.CurrentPolicy, Policy.noRetry)
  )
)
