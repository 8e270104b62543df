/**
 * A delivery policy is a value: composed from Effect schedules, different per domain, and played through in an instant
 * because time is a service. This one is for one-time passwords, which nobody wants after ten minutes.
 */
import { Console, Duration, Effect, Fiber } from "effect"
import { Backoff, DeliveryEvent, Failure, Mailer, Message, Policy } from "effect-mail"
import { TestClock } from "effect/testing"

const otp = Policy.makeUnsafe({
  temp: Backoff.steps(["10 seconds", "30 seconds", "1 minute"]),
  giveUpAfter: "10 minutes",
  jitter: 0
}).pipe(
  // This provider greylists for five minutes; asking earlier only annoys it.
  Policy.forDomain("slow.example", Policy.onTemp(Backoff.steps(["5 minutes"])))
)

// A world in which everybody greylists twice.
const greylisting = Mailer.layerTest((_, attempt) =>
  attempt > 2
    ? undefined
    : Failure.temp({ stage: "rcpt", scope: "recipient", next: "later", code: 451, reason: "4.7.1 Greylisted" })
)

const observer = (event: DeliveryEvent.DeliveryEvent) =>
  event._tag === "Deferred"
    ? Console.log(`${event.recipients.join(", ")} waits ${Duration.format(event.after)}`)
    : Effect.void

const program = Effect.gen(function* () {
  const code = Message.make({
    from: "login@sender.example",
    to: ["ada@quick.example", "bob@slow.example"],
    subject: "Your code",
    text: "123 456\n"
  })
  const sending = yield* Effect.forkChild(Mailer.deliver(code))
  yield* TestClock.adjust("10 minutes")
  const receipt = yield* Fiber.join(sending)
  for (const outcome of receipt.outcomes) {
    yield* Console.log(`${outcome.recipient}: ${outcome._tag} after ${outcome.attempts} attempts`)
  }
})

await Effect.runPromise(
  program.pipe(
    Effect.provide(greylisting),
    Effect.provideService(Policy.CurrentPolicy, otp),
    Effect.provideService(DeliveryEvent.Observer, observer),
    Effect.provide(TestClock.layer())
  )
)
