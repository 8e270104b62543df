/**
 * There and back: a message leaves under a signed return path, a server refuses it, the bounce is composed, read, and matched
 * with the message it is about. A bounce of the bounce is not written.
 */
import { Console, Effect, Redacted } from "effect"
import { Address, Bounce, DeliveryStatus, Failure, Message, Render, Report, ReturnPath } from "effect-mail"

const program = Effect.gen(function* () {
  const returnPath = yield* ReturnPath.make({
    sender: Address.unsafe("bounces@example.com"),
    key: Redacted.make("a secret of at least sixteen octets")
  })
  const from = yield* returnPath.sign("order-7")
  yield* Console.log(`sent from ${from}`)

  const order = Message.make({
    from: "shop@example.com",
    to: "bob@net.com",
    subject: "Your order",
    text: "It is on its way.\n",
    envelope: { from }
  })
  const parcel = yield* Render.render(order)

  // What the server of net.com said, as a transport reports it.
  const refusal = Failure.perm({
    stage: "rcpt",
    scope: "recipient",
    next: "never",
    code: 550,
    reason: "No Such User",
    host: "net.com"
  })
  const [recipient] = parcel.envelope.recipients
  const bounce = yield* Bounce.compose({
    reportingMta: "mail.example.com",
    original: parcel,
    recipients: [Bounce.recipient(recipient, refusal)]
  })
  yield* Console.log(new TextDecoder().decode(bounce.bytes).split("--=_")[1]?.split("\r\n\r\n").slice(1).join("\n\n"))

  // Where it arrives says which message it is about; what it says says why.
  const arrived = yield* Render.render(bounce)
  const [mailbox] = arrived.envelope.recipients
  const id = yield* returnPath.verify(Address.unsafe(mailbox.address))
  const report = yield* Report.parse(bounce.bytes)
  if (report._tag === "DeliveryStatus") {
    for (const failed of DeliveryStatus.failed(report)) {
      const { diagnostic, remoteMta, status } = failed
      yield* Console.log(
        `${id}: ${DeliveryStatus.addressOf(failed)} failed (${status}), ${remoteMta?.value}: ${diagnostic?.value}`
      )
    }
  }
  const forged = yield* returnPath.verify(Address.unsafe(mailbox.address.replace("order-7", "order-8")))
  yield* Console.log(`a forged return path names: ${forged}`)

  const none = yield* Effect.flip(
    Bounce.compose({
      reportingMta: "mail.example.com",
      original: arrived,
      recipients: [Bounce.recipient(recipient, refusal)]
    })
  )
  yield* Console.log(none.message)
})

await Effect.runPromise(program)
