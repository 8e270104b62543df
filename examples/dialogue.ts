/** A conversation with a mail server as a value: no socket, no clock, no effect; this program plays the server itself. */
import { Console, Effect, Result } from "effect"
import { ClientDialogue, Failure, Reply } from "effect-mail"

const replies = [
  Reply.make(220, "mx.example.net ESMTP"),
  Reply.make(502, "5.5.1 EHLO is not known here"),
  Reply.make(250, "mx.example.net")
]

const dialogue = ClientDialogue.greet({ name: "client.example.com", protocol: "smtp", helo: true })

const program = Effect.gen(function* () {
  let step = dialogue.next({ replies: [], lost: undefined })
  while (step.done !== true) {
    const flight = step.value
    const said = flight._tag === "Flight" ? flight.items.map((item) => (item._tag === "Line" ? item.shown : "")) : []
    for (const line of said) yield* Console.log(`C: ${line}`)
    const reply = replies.shift() ?? Reply.make(421, "4.3.0 Out of words")
    yield* Console.log(`S: ${reply.code} ${reply.lines.join(" ")}`)
    step = dialogue.next({ replies: [reply], lost: undefined })
  }
  yield* Console.log(
    Result.match(step.value, {
      onSuccess: (capabilities) =>
        `greeted by ${capabilities.domain}, which offers ${capabilities.keywords.length} extensions`,
      onFailure: (problem) => Failure.fromProblem(problem).message
    })
  )
})

await Effect.runPromise(program)
