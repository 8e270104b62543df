/**
 * Sends a message with a file attached to a server on this machine, and prints by how many MiB the largest resident set of the
 * process grew, which had sent a small one before: `sendLarge.ts PORT FILE`.
 */
import { NodeMailer } from "@effect-mail/node"
import { NodeServices } from "@effect/platform-node"
import { Effect } from "effect"
import { Attachment, Mailer, Message } from "effect-mail"
import { readFileSync } from "node:fs"

const [port = "", file = ""] = process.argv.slice(2)

const peak = Effect.sync(
  () => Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) / 1024
)

const small = Message.make({ from: "ada@sender.example", to: "bob@inbox.example", text: "see below\n" })

const program = Effect.gen(function* () {
  yield* Mailer.send(small)
  const before = yield* peak
  yield* Mailer.send(Message.attach(small, yield* Attachment.file(file)))
  process.stdout.write(String((yield* peak) - before))
})

await Effect.runPromise(Effect.provide(program, [NodeMailer.layerUrl(`smtp://127.0.0.1:${port}`), NodeServices.layer]))
