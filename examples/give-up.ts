/**
 * Mail that does not get through, from the first "not now" to the bounce: a relay is down for five days and two hours. The alarm rings after
 * an hour, the sender is warned after four, and after five days he gets his bounce, as soon as the relay is back. All of it
 * happens in an instant, because time is a service.
 */
import { Clock, Console, Duration, Effect, Fiber, Layer, Ref, Stream } from "effect"
import {
  Delivery,
  DeliveryEvent,
  Failure,
  Mailer,
  Message,
  Policy,
  Receipt,
  Report,
  Throttle,
  Transport
} from "effect-mail"
import type { Parcel } from "effect-mail"
import { TestClock } from "effect/testing"

const outage = Failure.unreachable({
  stage: "connect",
  scope: "host",
  next: "address",
  enhanced: "4.4.1",
  reason: "connection refused",
  host: "relay.example.com"
})

// What the relay has taken.
const taken = Ref.makeUnsafe<ReadonlyArray<Parcel.Parcel>>([])

const relay = Layer.succeed(Transport.Transport, {
  send: Effect.fnUntraced(function* (parcel: Parcel.Parcel) {
    if ((yield* Clock.currentTimeMillis) < Duration.toMillis("122 hours")) return yield* outage
    yield* Ref.update(taken, (all) => [...all, parcel])
    return parcel.envelope.recipients.map(
      ({ address }) => new Receipt.Delivered({ recipient: address, attempts: 1, code: 250, text: "Ok" })
    )
  })
})

// The mailer, the bounces that it writes, and one stream of all that happens in them.
const mailer = Mailer.layerBounces({ reportingMta: "mail.example.com" }).pipe(
  Layer.provideMerge(Mailer.layer),
  Layer.provide(Delivery.layerTransport),
  Layer.provide(Throttle.layer({ alarmAfter: "1 hour" })),
  Layer.provide(relay),
  Layer.provideMerge(DeliveryEvent.layer())
)

const at = (millis: number) => Duration.format(Duration.seconds(Math.floor(millis / 1000)))

const say = (text: string) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => Console.log(`${at(now).padStart(12)}  ${text}`))

const watch = Stream.runForEach(DeliveryEvent.stream, (event) => {
  switch (event._tag) {
    case "FailingSince":
      return say(`ALARM: ${event.about} has been failing since ${at(event.since)}: ${event.failure.message}`)
    case "Recovered":
      return say(`${event.about} works again`)
    case "Warned":
      return say(`${event.recipients.join(", ")}: late, and told so`)
    case "GaveUp":
      return say(`${event.recipients.join(", ")}: given up, and then: ${event.atEnd}`)
    default:
      return Effect.void
  }
})

const program = Effect.gen(function* () {
  yield* Effect.forkChild(watch, { startImmediately: true })
  const order = Message.make({
    from: "shop@example.com",
    to: "bob@example.net",
    subject: "Your order",
    text: "It is on its way.\n"
  })
  const sending = yield* Effect.forkChild(Mailer.deliver(order))
  yield* TestClock.adjust("7 days")
  const receipt = yield* Fiber.join(sending)
  yield* Console.log(`\nthe receipt: ${receipt.failed.map(({ failure }) => failure.message).join()}`)

  for (const { body, envelope } of yield* Ref.get(taken)) {
    const report = yield* Report.parse(body.bytes ?? new Uint8Array())
    const words =
      report._tag === "DeliveryStatus" ? report.recipients.map(({ action, status }) => `${action} ${status}`) : []
    yield* Console.log(`from <${envelope.reversePath}> to ${envelope.recipients[0].address}: ${words.join()}`)
  }
})

await Effect.runPromise(
  program.pipe(
    Effect.provide(mailer),
    Effect.provideService(Policy.CurrentPolicy, Policy.standard),
    Effect.provide(TestClock.layer())
  )
)
