/**
 * A tour of effect-mail that needs nothing but this repository: a mail server of our own on a free loopback port, a DNS zone
 * with several domains, and real messages that travel over TCP and STARTTLS to recipients of every kind.
 *
 *     pnpm start
 */
import { NodeDialer } from "@effect-mail/node"
import { Mailbox, MailServer, SpecialAddresses, TestCertificate } from "@effect-mail/testing"
import { NodeFileSystem, NodeSocketServer } from "@effect/platform-node"
import { Clock, Console, Duration, Effect, FileSystem, Layer } from "effect"
import {
  Backoff,
  Delivery,
  DeliveryEvent,
  Mailer,
  Message,
  Policy,
  Receipt,
  Router,
  SmtpSettings,
  Timeouts
} from "effect-mail"
import { Dns, Host } from "effect/net"
import { SocketServer } from "effect/socket"

// The world: who answers for which domain.
const mx = (exchange: string, priority: number) =>
  Dns.makeRecordUnsafe("MX", { exchange: Host.domainNameFromStringUnsafe(exchange), priority })

const zone = Dns.layerStatic({
  hosts: {
    "mx.inbox.example": ["127.0.0.1"],
    "mx1.twohosts.example": ["127.0.0.2"], // nobody listens there
    "mx2.twohosts.example": ["127.0.0.1"],
    "mx.asleep.example": ["127.0.0.3"] // nor there
  },
  records: {
    "inbox.example": [mx("mx.inbox.example", 10)],
    "twohosts.example": [mx("mx1.twohosts.example", 10), mx("mx2.twohosts.example", 20)],
    "asleep.example": [mx("mx.asleep.example", 10)],
    "nomail.example": [mx(".", 0)] // the null MX of RFC 7505
  }
})

// The server: takes what it is sent, but greets `greylist@` with 451 first and refuses `perm@` with 550.
const server = Effect.gen(function* () {
  const certificate = yield* TestCertificate.make("mx.inbox.example", "mx2.twohosts.example")
  return MailServer.layer({ certificate, decide: yield* SpecialAddresses.make, server: { name: "mx.inbox.example" } })
}).pipe(Layer.unwrap)

// The policy: a real one waits minutes and gives up after days; this one waits a second and gives up after three.
const policy = Policy.makeUnsafe({ temp: Backoff.steps(["1 second"]), giveUpAfter: "3 seconds", jitter: 0 })

const recipients = {
  "accept@inbox.example": "is accepted",
  "greylist@inbox.example": "is greylisted, and accepted on the retry that the policy decides",
  "perm@inbox.example": "is refused by the server",
  "accept@twohosts.example": "lives behind a dead first MX and a living second",
  "accept@nomail.example": "has a domain that takes no mail (null MX)",
  "accept@asleep.example": "has no server that answers, and is given up when the policy's time is over"
}

const composed = Message.make({
  from: "Zoë Müller <zoe@sender.example>",
  to: Object.keys(recipients).map((address) => ({ name: "Dear reader in Köln", address })),
  subject: "Grüße, 日本語 and ☃",
  text: "Good morning!\n\nThis text travels as it is where the server offers 8BITMIME: grüß Gott.\n",
  html: "<p>Good <b>morning</b>!</p>",
  attachments: [{ name: "naïve plan.txt", content: "1. Send mail\n2. Lose none\n" }]
})

const readyMade = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  const bytes = yield* files.readFile(new URL("messages/mime.eml", import.meta.url).pathname)
  return Message.eml(bytes, { envelope: { from: "zoe@sender.example", to: ["accept@inbox.example"] } })
})

const describe = (event: DeliveryEvent.DeliveryEvent): ReadonlyArray<string> => {
  switch (event._tag) {
    case "AttemptStarted":
      return [`attempt ${event.attempt} for ${event.recipients.join(", ")}`]
    case "AttemptEnded":
      return event.outcomes.map((outcome) =>
        outcome._tag === "Delivered"
          ? `  ✓ ${outcome.recipient}: ${outcome.host} said ${outcome.code} ${outcome.text} (${outcome.tls?.protocol ?? "no TLS"})`
          : `  ✗ ${outcome.recipient}: ${outcome.failure._tag}: ${outcome.failure.message}`
      )
    case "Deferred":
      return [`  … ${event.recipients.join(", ")} again in ${Duration.format(event.after)}`]
    default:
      return []
  }
}

const row = (recipient: string, outcome: string, code: string, status: string, attempts: string, who: string) =>
  `  ${recipient.padEnd(25)} ${outcome.padEnd(12)} ${code.padEnd(4)} ${status.padEnd(7)} ${attempts.padEnd(9)} ${who}`

const who = (recipient: string): string => recipients[recipient as keyof typeof recipients] ?? ""

const table = (receipt: Receipt.Receipt): ReadonlyArray<string> => [
  row("recipient", "outcome", "code", "status", "attempts", "who"),
  ...receipt.outcomes.map((outcome) => {
    const { code = "-", enhanced = "-" } = outcome._tag === "Delivered" ? outcome : outcome.failure
    const { attempts, recipient } = outcome
    return row(recipient, Receipt.outcomeWord(outcome), `${code}`, enhanced, `${attempts}`, who(recipient))
  })
]

const tour = Effect.gen(function* () {
  const { address } = yield* SocketServer.SocketServer
  const port = address._tag === "UnixPathAddress" ? 0 : address.port
  const started = yield* Clock.currentTimeMillis
  const timeline = (text: string) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Console.log(`${((now - started) / 1000).toFixed(3).padStart(7)} s  ${text}`)
    )
  const observer = (event: DeliveryEvent.DeliveryEvent) => Effect.forEach(describe(event), timeline, { discard: true })

  const mailer = Mailer.layer.pipe(
    Layer.provide(Delivery.layerMx),
    // The zone's hosts are on loopback, which is refused unless it is asked for.
    Layer.provide(Router.layerMx({ port, privateAddresses: "allow" })),
    Layer.provide(NodeDialer.layer()),
    Layer.provide(
      Layer.succeed(SmtpSettings.CurrentSmtpSettings, {
        ...SmtpSettings.standard,
        name: "client.sender.example",
        timeouts: Timeouts.atMost(Timeouts.standard, Duration.seconds(1))
      })
    )
  )

  yield* timeline(`a mail server listens on 127.0.0.1:${port}, with STARTTLS and a certificate made a moment ago`)
  const receipt = yield* Effect.gen(function* () {
    yield* timeline("one: a ready-made message goes out as it is")
    yield* Mailer.send(yield* readyMade)
    yield* timeline("two: a composed one goes to recipients of every kind")
    return yield* Mailer.send(composed)
  }).pipe(
    Effect.provide(mailer),
    Effect.provideService(Policy.CurrentPolicy, policy),
    Effect.provideService(DeliveryEvent.Observer, observer)
  )

  const mailbox = yield* Mailbox.Mailbox
  const mails = yield* mailbox.all
  const secure = mails.filter((mail) => mail.secure).length
  yield* timeline(`the server holds ${mails.length} messages, ${secure} of which came over TLS`)

  yield* Console.log("\nThe receipt of the second message, one typed outcome for every recipient:\n")
  for (const line of table(receipt)) yield* Console.log(line)
  yield* Console.log(`
Now with a real server:  pnpm effect-mail send --from you@example.com --to you@example.com --text Hello --server smtp://localhost:25
and without one, to the recipient's own: leave --server out.`)
})

const world = Layer.provideMerge(
  server,
  Layer.mergeAll(Mailbox.layer, NodeSocketServer.layer({ host: "127.0.0.1", port: 0 }), zone, NodeFileSystem.layer)
)

await Effect.runPromise(Effect.scoped(Effect.provide(tour, world)))
