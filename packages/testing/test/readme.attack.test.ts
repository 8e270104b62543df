import { MemoryNetwork, Script, ScriptedServer } from "@effect-mail/testing"
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Delivery, Endpoint, Mailer, Message, Policy, SmtpTransport, TlsPolicy } from "effect-mail"

const server = { address: "mail.example.com", port: 25, names: ["mail.example.com"] }

// Somebody in the middle answers EHLO in clear text, ahead of the handshake, and hopes that it is taken for the answer
// under TLS (RFC 3207 section 6).
const injecting = ScriptedServer.layerMemory(server, [
  Script.reply("220 mail.example.com ESMTP"),
  Script.expectPrefix("EHLO "),
  Script.reply("250-mail.example.com", "250 STARTTLS"),
  Script.expect("STARTTLS"),
  Script.send("220 2.0.0 Go ahead\r\n250-mail.example.com\r\n250 AUTH PLAIN\r\n"),
  Script.expectEnd
])

const mailer = Mailer.layer.pipe(
  Layer.provide(Delivery.layerTransport),
  Layer.provide(SmtpTransport.layer([Endpoint.make({ host: server.address, tls: TlsPolicy.required })]))
)

it.effect("nothing is sent to whoever speaks between STARTTLS and the handshake", () =>
  Effect.gen(function* () {
    const message = Message.make({ from: "app@example.com", to: "bob@example.com", subject: "Secret", text: "Hi" })
    const failure = yield* Effect.flip(Mailer.send(message))
    assert.strictEqual(failure._tag, "Unreachable")
    assert.include(failure.message, "Somebody may be tampering with the connection")
  }).pipe(
    Effect.provide(mailer),
    Effect.provide(injecting),
    Effect.provide(MemoryNetwork.layer),
    Effect.provideService(Policy.CurrentPolicy, Policy.noRetry)
  )
)
