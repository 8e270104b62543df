/** The server's side of AUTH, as a step of a script. */
import { Reply, type SaslExchange, type SaslServer, SmtpAuth } from "@effect-mail/protocol"
import { Script } from "@effect-mail/testing"
import { Effect, Redacted, Result } from "effect"
import { createHash, pbkdf2Sync, randomBytes } from "node:crypto"
import { bytes } from "./smtp.ts"

const compute = (step: SaslExchange.Compute): Uint8Array => {
  const request = Redacted.value(step.request)
  if (request._tag === "Random") return randomBytes(request.length)
  const algorithm = request.hash.replace("-", "").toLowerCase()
  return request._tag === "Digest"
    ? createHash(algorithm).update(request.data).digest()
    : pbkdf2Sync(request.password, request.salt, request.iterations, request.length, algorithm)
}

/** Authenticates the client by one of these mechanisms, or refuses to. */
export const authenticates = (mechanisms: ReadonlyArray<SaslServer.Mechanism>): Script.Step => ({
  what: "AUTH",
  play: Effect.fnUntraced(function* (connection) {
    const answer = (reply: Reply.Reply) => connection.wire.write(bytes(Result.getOrThrow(Reply.format(reply))))
    const [, mechanism = "", initial] = (yield* Script.readLine(connection)).split(" ")
    const exchange = SmtpAuth.serve(mechanisms, { mechanism, initial })
    let step = exchange.next()
    while (step.done !== true) {
      if (step.value._tag === "Compute") step = exchange.next(compute(step.value))
      else {
        yield* answer(step.value.reply)
        step = exchange.next(yield* Script.readLine(connection))
      }
    }
    yield* answer(step.value.reply)
  })
})
