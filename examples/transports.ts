/**
 * Transports are values that can be put together: a second way out for when the first cannot be reached, a list of those
 * who want no more mail, a copy in a log. Here nobody listens at the first provider, and the second way is a Maildir.
 */
import { NodeDialer } from "@effect-mail/node"
import { FileTransport, LogTransport, SmtpTransport, Transport } from "@effect-mail/transport"
import { NodeServices } from "@effect/platform-node"
import { Console, Effect, FileSystem, Layer, pipe } from "effect"
import { Endpoint, Message, Receipt, Render } from "effect-mail"

const newsletter = Message.make({
  from: "news@sender.example",
  to: ["ada@quick.example", "bob@slow.example"],
  subject: "What is new",
  text: "A way out, and another one.\n"
})

const program = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped()

  const provider = yield* SmtpTransport.make([Endpoint.make({ host: "127.0.0.1", port: 1 })])
  const maildir = yield* FileTransport.makeMaildir(folder)
  const unsubscribed = yield* Effect.fromResult(Transport.suppressionList(["bob@slow.example"]))

  const transport = pipe(
    provider,
    Transport.fallback(maildir),
    Transport.suppress(unsubscribed),
    Transport.archive(LogTransport.make())
  )

  for (const outcome of yield* transport.send(yield* Render.render(newsletter))) {
    yield* Console.log(`${outcome.recipient}: ${Receipt.outcomeWord(outcome)}`)
  }
  yield* Console.log(`${(yield* fs.readDirectory(`${folder}/new`)).length} message in the Maildir`)
})

await Effect.runPromise(
  Effect.scoped(program).pipe(Effect.provide(Layer.mergeAll(NodeDialer.layer(), NodeServices.layer)))
)
