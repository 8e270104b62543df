import { Message, Render } from "@effect-mail/message"
import { Endpoint, Receipt, Sasl } from "@effect-mail/protocol"
import { SmtpTransport, Transport } from "@effect-mail/transport"
import { Effect, Redacted } from "effect"

// A submission server that speaks TLS from the first byte, and who we are to it.
export const layer = SmtpTransport.layer([Endpoint.make({ host: "smtp.example.com", implicitTls: true })], {
  name: "app.example.com",
  credentials: new Sasl.Password({ username: "app", password: Redacted.make("secret") })
})

const message = Message.make({
  from: "Ada <ada@example.com>",
  to: ["bob@example.net", "carol@example.org"],
  subject: "Hello",
  text: "Good morning!\n"
})

// One attempt, and what became of each recipient.
export const program = Effect.gen(function* () {
  const transport = yield* Transport.Transport
  const outcomes = yield* transport.send(yield* Render.render(message))
  return outcomes.map((outcome) => `${outcome.recipient}: ${Receipt.outcomeWord(outcome)}`)
})
