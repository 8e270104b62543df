import { Effect } from "effect"
import { Mailer, Message } from "effect-mail"

const welcome = Message.make({
  from: "Ada Lovelace <ada@example.com>",
  to: ["bob@example.net", "Zoë <zoe@example.org>"],
  subject: "Willkommen ☃",
  text: "Good to have you here."
})
const program = Mailer.send(welcome).pipe(
  Effect.tap((receipt) => Effect.log(`${receipt.delivered.length} accepted, ${receipt.failed.length} not`)),
  Effect.catchTags({
    TempFailure: (failure) => Effect.log(`not now: ${failure.message}`),
    PermFailure: (failure) => Effect.log(`never: ${failure.message}`),
    Unreachable: (failure) => Effect.log(`nobody there: ${failure.message}`)
  })
)
// The test layer accepts everything and sends nothing; NodeMailer.layerConfig of @effect-mail/node sends for real.
await Effect.runPromise(Effect.provide(program, Mailer.layerTest()))
