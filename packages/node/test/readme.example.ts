import { NodeMailer } from "@effect-mail/node"
import { Effect } from "effect"
import { Mailer, Message } from "effect-mail"

const message = Message.make({
  from: "Ada <ada@example.com>",
  to: "bob@example.net",
  subject: "Hello",
  text: "Good morning!\n"
})

// Through the server of a URL, such as smtps://app:secret@smtp.example.com.
export const program = (server: string) =>
  Mailer.send(message).pipe(
    Effect.map((receipt) => receipt.delivered.map(({ host, recipient, text }) => `${recipient}: ${host} said ${text}`)),
    Effect.provide(NodeMailer.layerUrl(server, { smtp: { name: "app.example.com" } }))
  )
