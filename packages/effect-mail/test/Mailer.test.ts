import {
  Attachment,
  Delivery,
  DeliveryEvent,
  Failure,
  Mailer,
  Message,
  MessageError,
  Policy,
  Receipt,
  Signing
} from "effect-mail"
import { Router } from "@effect-mail/dns"
import { Mailbox, MailServer, MemoryNetwork, SpecialAddresses } from "@effect-mail/testing"
import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Redacted, Ref, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { greylisted, messageTo, nobodyThere, summary, unknownUser } from "./support/timeline.ts"

const once = Effect.provideService(Policy.CurrentPolicy, Policy.noRetry)

const by = (failures: Readonly<Record<string, Failure.Failure>>) =>
  Mailer.layerTest((recipient) => failures[recipient.slice(0, recipient.indexOf("@"))])

describe("types", () => {
  it("send gives a receipt, or one of the three words for failure, or the message's mistake", () => {
    expectTypeOf(Mailer.send(Message.empty)).toEqualTypeOf<
      Effect.Effect<
        Receipt.Receipt,
        Failure.TempFailure | Failure.PermFailure | Failure.Unreachable | MessageError.MessageError,
        Mailer.Mailer
      >
    >()
  })

  it("deliver fails only because of the message", () => {
    expectTypeOf(Mailer.deliver(Message.empty)).toEqualTypeOf<
      Effect.Effect<Receipt.Receipt, MessageError.MessageError, Mailer.Mailer>
    >()
  })

  it("the layers need and give what they say", () => {
    expectTypeOf(Mailer.layer).toEqualTypeOf<Layer.Layer<Mailer.Mailer, never, Delivery.Delivery>>()
    expectTypeOf(Mailer.layerTest()).toEqualTypeOf<Layer.Layer<Mailer.Mailer | Delivery.Attempts>>()
  })
})

describe("send", () => {
  it.effect("succeeds when everybody was accepted", () =>
    Effect.gen(function* () {
      const receipt = yield* Mailer.send(messageTo("a@one.example", "b@two.example"))
      assert.isTrue(receipt.complete)
      assert.deepStrictEqual(summary(receipt), ["a@one.example delivered 1 2.0.0", "b@two.example delivered 1 2.0.0"])
    }).pipe(Effect.provide(Mailer.layerTest()))
  )

  it.effect("succeeds when somebody was accepted, and the receipt tells who was not", () =>
    Effect.gen(function* () {
      const receipt = yield* once(Mailer.send(messageTo("perm@one.example", "a@one.example", "temp@two.example")))
      assert.isFalse(receipt.complete)
      assert.deepStrictEqual(summary(receipt), [
        "perm@one.example perm 1 5.1.1",
        "a@one.example delivered 1 2.0.0",
        "temp@two.example temp 1 4.7.1"
      ])
    }).pipe(Effect.provide(by({ perm: unknownUser, temp: greylisted() })))
  )

  it.effect("fails when nobody was accepted, with the failure that weighs most", () =>
    Effect.gen(function* () {
      for (const [recipients, expected] of [
        [["down", "temp", "perm"], unknownUser],
        [["down", "temp"], greylisted()],
        [["down"], nobodyThere]
      ] as const) {
        const message = messageTo(...recipients.map((local, index) => `${local}@d${index}.example`))
        assert.deepStrictEqual(yield* Effect.flip(once(Mailer.send(message))), expected)
      }
    }).pipe(Effect.provide(by({ perm: unknownUser, temp: greylisted(), down: nobodyThere })))
  )

  it.effect("each of the three words can be caught by its tag", () =>
    Effect.gen(function* () {
      const word = Mailer.send(messageTo("a@one.example")).pipe(
        Effect.as("delivered"),
        Effect.catchTags({
          TempFailure: ({ uncertain }) => Effect.succeed(`temp ${uncertain}`),
          PermFailure: ({ code }) => Effect.succeed(`perm ${code}`),
          Unreachable: ({ host }) => Effect.succeed(`unreachable ${host}`)
        }),
        once
      )
      for (const [failure, expected] of [
        [greylisted(), "temp false"],
        [unknownUser, "perm 550"],
        [nobodyThere, "unreachable mx.inbox.example"]
      ] as const) {
        assert.strictEqual(yield* Effect.provide(word, by({ a: failure })), expected)
      }
    })
  )
})

describe("deliver", () => {
  it.effect("gives a receipt even when nobody was accepted", () =>
    Effect.gen(function* () {
      const receipt = yield* once(Mailer.deliver(messageTo("a@one.example", "b@two.example")))
      assert.deepStrictEqual(summary(receipt), ["a@one.example perm 1 5.1.1", "b@two.example unreachable 1 4.4.1"])
    }).pipe(Effect.provide(by({ a: unknownUser, b: nobodyThere })))
  )

  it.effect("the receipt has the order of the envelope: To, Cc, Bcc, whatever the domains", () =>
    Effect.gen(function* () {
      const receipt = yield* Mailer.deliver(
        Message.make({
          from: "ada@sender.example",
          to: ["Bob <b@two.example>", "a@one.example"],
          cc: "c@TWO.example",
          bcc: ["d@three.example", "e@one.example"],
          text: "Hello"
        })
      )
      assert.deepStrictEqual(
        receipt.outcomes.map(({ recipient }) => recipient),
        ["b@two.example", "a@one.example", "c@two.example", "d@three.example", "e@one.example"]
      )
    }).pipe(Effect.provide(Mailer.layerTest()))
  )

  it.effect("somebody who is named twice gets the message once (MSG-018)", () =>
    Effect.gen(function* () {
      const receipt = yield* Mailer.deliver(
        Message.make({
          from: "ada@sender.example",
          to: ["b@bücher.example", "B@one.example"],
          cc: ["b@XN--BCHER-KVA.example", "b@one.example"],
          text: "Hello"
        })
      )
      assert.deepStrictEqual(
        receipt.outcomes.map(({ recipient }) => recipient),
        ["b@bücher.example", "B@one.example", "b@one.example"]
      )
    }).pipe(Effect.provide(Mailer.layerTest()))
  )

  it.effect("the receipt names the message, and can be stored", () =>
    Effect.gen(function* () {
      const message = messageTo("a@one.example", "b@one.example")
      const receipt = yield* once(Mailer.deliver(message))
      assert.match(receipt.messageId ?? "", /^<[^<>@\s]+@sender\.example>$/)
      const codec = Schema.fromJsonString(Receipt.Receipt)
      const stored = yield* Schema.decodeEffect(codec)(yield* Schema.encodeEffect(codec)(receipt))
      assert.deepStrictEqual(summary(stored), summary(receipt))
    }).pipe(Effect.provide(by({ b: unknownUser })))
  )
})

describe("a message that cannot be sent", () => {
  const eml = (text: string, envelope?: Message.EnvelopeInput) =>
    Message.eml(new TextEncoder().encode(text), { envelope })

  const mistakes: ReadonlyArray<readonly [string, Message.Message, MessageError.Reason, string]> = [
    ["no author", Message.make({ to: "a@one.example", text: "" }), "no-sender", "From"],
    ["no recipient", Message.make({ from: "ada@sender.example", text: "" }), "no-recipients", "nobody"],
    ["an address that is none", messageTo("a@one.example", "nonsense"), "bad-address", "To[1]"],
    ["a line end in an address", messageTo("a@one.example\r\nRCPT TO:<x@two.example>"), "control-character", "To[0]"],
    [
      "a line end in the subject",
      Message.make({ from: "ada@sender.example", to: "a@one.example", subject: "Hi\r\nBcc: x@two.example" }),
      "control-character",
      "Subject"
    ],
    ["a ready message to nobody", eml("From: ada@sender.example\r\n\r\nHello\r\n"), "no-recipients", "nobody"],
    ["a ready message to an empty list", eml("From: a@b.example\r\n\r\n", { to: [] }), "no-recipients", "nobody"],
    ["a ready message from nobody", eml("To: a@one.example\r\n\r\nHello\r\n"), "no-sender", "no sender"]
  ]

  for (const [name, message, reason, mention] of mistakes) {
    it.effect(`${name}: a MessageError that says where, from both, and nothing is attempted`, () =>
      Effect.gen(function* () {
        const send = yield* Effect.flip(Mailer.send(message))
        const deliver = yield* Effect.flip(Mailer.deliver(message))
        assert.isTrue(send._tag === "MessageError" && send.reason === reason, String(send))
        assert.deepStrictEqual(deliver, send)
        assert.include(send.message, mention)
        assert.notMatch(send.message, /[\r\n]/)
        assert.deepStrictEqual(yield* Ref.get(yield* Delivery.Attempts), [])
      }).pipe(Effect.provide(Mailer.layerTest()))
    )
  }
})

describe("the mailer over SMTP in memory", () => {
  const world = Layer.unwrap(
    Effect.map(SpecialAddresses.make, (decide) =>
      MailServer.layerMemory({ address: "192.0.2.1", port: 25 }, { decide })
    )
  ).pipe(Layer.provideMerge(Layer.merge(MemoryNetwork.layer, Mailbox.layer)))

  const mailer = Mailer.layer.pipe(
    Layer.provide(Delivery.layerMx),
    Layer.provide(
      Router.layerStatic({ "inbox.example": { hosts: ["192.0.2.1"] }, "asleep.example": { hosts: ["192.0.2.9"] } })
    ),
    Layer.provideMerge(world)
  )

  it.effect("those who are greylisted together are delivered together, in one transaction of their own", () =>
    Effect.gen(function* () {
      const waiting = yield* Deferred.make<void>()
      const sending = yield* Mailer.deliver(
        messageTo("greylist@inbox.example", "accept@inbox.example", "Greylist@inbox.example")
      ).pipe(
        Effect.provideService(Policy.CurrentPolicy, Policy.jitter(Policy.standard, 0)),
        Effect.provideService(DeliveryEvent.Observer, (event) =>
          event._tag === "Deferred" ? Effect.asVoid(Deferred.succeed(waiting, undefined)) : Effect.void
        ),
        Effect.forkChild
      )
      yield* Deferred.await(waiting)
      yield* TestClock.adjust("5 minutes")
      const receipt = yield* Fiber.join(sending)
      assert.deepStrictEqual(summary(receipt), [
        "greylist@inbox.example delivered 2 2.0.0",
        "accept@inbox.example delivered 1 2.0.0",
        "Greylist@inbox.example delivered 2 2.0.0"
      ])
      const mails = yield* (yield* Mailbox.Mailbox).all
      assert.deepStrictEqual(
        mails.map(({ recipients }) => recipients),
        [["accept@inbox.example"], ["greylist@inbox.example", "Greylist@inbox.example"]]
      )
      assert.deepStrictEqual(mails[0]?.content, mails[1]?.content)
    }).pipe(Effect.provide(mailer))
  )

  it.effect("an attachment that breaks off half-way fails its message alone; nothing of it is delivered", () =>
    Effect.gen(function* () {
      const piece = new Uint8Array(60_000)
      const broken = Attachment.stream(
        Stream.concat(Stream.fromIterable([piece, piece, piece]), Stream.fail(new Error("the disk is gone"))),
        { name: "a.bin" }
      )
      for (const attachment of [broken, Attachment.stream(Stream.succeed(piece), { name: "a.bin", size: 59_999 })]) {
        const message = Message.make({
          from: "ada@sender.example",
          to: "accept@inbox.example",
          text: "see below\n",
          attachments: [attachment]
        })
        const error = yield* Effect.flip(once(Mailer.send(message)))
        assert.deepStrictEqual([error._tag, "stage" in error && error.stage], ["PermFailure", "body"])
        const receipt = yield* Mailer.send(messageTo("accept@inbox.example"))
        assert.isTrue(receipt.complete)
      }
      const mails = yield* (yield* Mailbox.Mailbox).all
      assert.deepStrictEqual(
        mails.map(({ content }) => content.length < 1000),
        [true, true]
      )
    }).pipe(Effect.provide(mailer))
  )

  it.effect("a domain that sleeps for five days does not keep the others waiting", () =>
    Effect.gen(function* () {
      const sending = yield* Effect.forkChild(Mailer.deliver(messageTo("a@asleep.example", "accept@inbox.example")))
      const [mail] = yield* (yield* Mailbox.Mailbox).wait(1)
      assert.deepStrictEqual(mail?.recipients, ["accept@inbox.example"])
      yield* TestClock.adjust("5 days")
      const receipt = yield* Fiber.join(sending)
      assert.deepStrictEqual(receipt.outcomes.map(Receipt.outcomeWord), ["perm", "delivered"])
    }).pipe(Effect.provide(mailer))
  )
})

describe("what other people's deliveries do wrong", () => {
  const mailerOver = (service: Delivery.Delivery["Service"]) =>
    Layer.provide(Mailer.layer, Layer.succeed(Delivery.Delivery, service))

  it.effect("a delivery that forgets a recipient does not make the receipt forget it", () =>
    Effect.gen(function* () {
      const receipt = yield* once(Mailer.deliver(messageTo("a@one.example", "b@one.example")))
      assert.deepStrictEqual(receipt.outcomes.map(Receipt.outcomeWord), ["uncertain", "uncertain"])
    }).pipe(Effect.provide(mailerOver({ split: Delivery.splitByDomain, attempt: () => Effect.succeed([]) })))
  )

  it.effect("a defect is not taken for a failure of the mail", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Mailer.deliver(messageTo("a@one.example")))
      assert.isTrue(Exit.isFailure(exit))
    }).pipe(Effect.provide(mailerOver({ split: Delivery.splitByDomain, attempt: () => Effect.die("a mistake") })))
  )
})

describe("signing", () => {
  const key = Redacted.make("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
  const signing = Signing.layer({ signers: [{ domain: "sender.example", selector: "a", key }] })
  const sent = Effect.flatMap(Delivery.Attempts, Ref.get)
  const firstLines = Effect.map(sent, (parcels) =>
    parcels.map(({ body }) => new TextDecoder().decode(body.bytes).split("\r\n", 1)[0])
  )
  const from = (address: string) => Message.make({ from: address, to: "a@one.example", text: "Hi\n" })

  it.effect("happens between rendering and the first attempt, for the domains that are ours", () =>
    Effect.gen(function* () {
      yield* Mailer.send(from("ada@sender.example"))
      yield* Mailer.send(from("ada@other.example"))
      const [ours, other] = yield* firstLines
      assert.match(ours ?? "", /^DKIM-Signature: v=1; a=ed25519-sha256; .* d=sender\.example;/)
      assert.match(other ?? "", /^Date: /)
    }).pipe(Effect.provide(Layer.provide(Mailer.layerTest(), signing)))
  )

  it.effect("happens once: all attempts carry the same signature", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Mailer.send(from("ada@sender.example")))
      // The cryptography takes turns of the real event loop, whatever the clock says.
      while (fiber.pollUnsafe() === undefined) {
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        yield* TestClock.adjust("1 day")
      }
      const lines = (yield* sent).map(({ body }) => new TextDecoder().decode(body.bytes))
      assert.strictEqual(lines.length, 3)
      assert.strictEqual(new Set(lines).size, 1)
    }).pipe(
      Effect.provide(
        Layer.provide(
          Mailer.layerTest((_, attempt) => (attempt < 3 ? greylisted() : undefined)),
          signing
        )
      )
    )
  )

  it.effect("is off by default, and follows the mailer's layer rather than the caller", () =>
    Effect.gen(function* () {
      const mine = yield* Signing.make({ signers: [{ domain: "sender.example", selector: "b", key }] })
      yield* Effect.provideService(Mailer.send(from("ada@sender.example")), Signing.CurrentSigning, mine)
      assert.match((yield* firstLines)[0] ?? "", /^Date: /)
    }).pipe(Effect.provide(Mailer.layerTest()))
  )

  it.effect("fails as the message's mistake when it cannot be done, and nothing is sent", () =>
    Effect.gen(function* () {
      const twice = new TextEncoder().encode("From: a@sender.example\r\nFrom: b@sender.example\r\n\r\nHi\r\n")
      const envelope = { from: "a@sender.example", to: "a@one.example" }
      const error = yield* Effect.flip(Mailer.send(Message.eml(twice, { envelope })))
      assert.deepStrictEqual([error._tag, error.reason], ["MessageError", "cannot-sign"])
      assert.deepStrictEqual(yield* sent, [])
    }).pipe(Effect.provide(Layer.provide(Mailer.layerTest(), signing)))
  )
})
