/** The kit without any test runner: run by Node.js itself, with its own assertions. */
import {
  DialerContract,
  FaultMatrix,
  Mailbox,
  MailServer,
  MemoryNetwork,
  TransportContract
} from "@effect-mail/testing"
import { SmtpTransport, Transport } from "@effect-mail/transport"
import { Effect, Layer } from "effect"
import { Endpoint, Mailer, Message, TlsPolicy } from "effect-mail"
import { TestClock } from "effect/testing"
import { strict as assert } from "node:assert"

const place = { address: "192.0.2.25", port: 25, names: ["mail.example.com"] }
const endpoint = Endpoint.make({ host: "mail.example.com", address: place.address, tls: TlsPolicy.required })

const subject = Effect.gen(function* () {
  const { all } = yield* Mailbox.Mailbox
  return { transport: yield* Transport.Transport, received: all, refused: undefined }
})
const smtp = SmtpTransport.layer([endpoint]).pipe(
  Layer.provide(MailServer.layerMemory(place)),
  Layer.provide(MemoryNetwork.layer),
  Layer.provideMerge(Mailbox.layer)
)

for (const { effect } of TransportContract.cases(subject)) await Effect.runPromise(Effect.provide(effect, smtp))

const fresh: FaultMatrix.Subject = {
  make: (endpoint, settings) => Effect.orDie(SmtpTransport.makeOneShot([endpoint], settings)),
  reuses: false
}
const stalls = FaultMatrix.cases.filter(({ fault, mode }) => fault === "stall" && mode === "lock-step")
for (const one of stalls) await Effect.runPromise(Effect.provide(FaultMatrix.play(one, fresh), TestClock.layer()))

const letter = await Effect.runPromise(
  Effect.gen(function* () {
    yield* Mailer.send(Message.make({ from: "a@example.com", to: "b@example.com", subject: "Plain", text: "Hi" }))
    return yield* Effect.flatMap(Mailbox.Mailbox, ({ waitFor }) => waitFor())
  }).pipe(Effect.provide(Mailbox.layerMailer))
)
assert.equal(letter.subject, "Plain")
assert.equal(typeof DialerContract.cases, "function")

process.stdout.write(`no test runner: ${TransportContract.cases(subject).length} laws, ${stalls.length} faults\n`)
