import { Delivery } from "@effect-mail/delivery"
import { Router } from "@effect-mail/dns"
import { MessageError, type Parcel } from "@effect-mail/message"
import { Failure, Reply, Sasl } from "@effect-mail/protocol"
import { Mailbox, MailServer, MemoryNetwork, SpecialAddresses } from "@effect-mail/testing"
import { SmtpSettings } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Redacted, Stream } from "effect"
import { Dns } from "effect/net"
import { TestClock } from "effect/testing"
import { answering, content, parcelTo, recipientsOf, routeTo, serverAt, summary, world } from "./support/world.ts"

const attempt = (...recipients: Parameters<typeof parcelTo>) => attemptParcel(parcelTo(...recipients))

const attemptParcel = (parcel: Parcel.Parcel) =>
  Effect.flatMap(Delivery.Delivery, (delivery) => delivery.attempt(parcel))

/** Deliveries in a world of these routes and servers; a test may look at the router, the network and the mailbox. */
const layer = (
  routes: Readonly<Record<string, Router.TestAnswer>>,
  ...servers: ReadonlyArray<ReturnType<typeof serverAt>>
) => Delivery.layerMx.pipe(Layer.provideMerge(Layer.merge(Router.layerTest(routes), world(...servers))))

const silentAt = (address: string) => MailServer.layerMemory({ address, port: 25, silent: true })

const nullMx = Failure.perm({
  stage: "route",
  scope: "domain",
  next: "never",
  enhanced: "5.1.10",
  reason: "the domain accepts no mail"
})

const one = routeTo("one.example", "192.0.2.1")
const two = routeTo("two.example", "192.0.2.2")

describe("layerMx", () => {
  it.effect("asks for each domain once and gives each its recipients in one transaction", () =>
    Effect.gen(function* () {
      yield* attempt("a@one.example", "b@two.example", "c@ONE.example")
      assert.deepStrictEqual(yield* (yield* Router.TestRouter).asked, ["one.example", "two.example"])
      const mails = yield* (yield* Mailbox.Mailbox).all
      assert.deepStrictEqual(mails.map((mail) => mail.recipients.join(" ")).toSorted(), [
        "a@one.example c@one.example",
        "b@two.example"
      ])
    }).pipe(
      Effect.provide(layer({ "one.example": one, "two.example": two }, serverAt("192.0.2.1"), serverAt("192.0.2.2")))
    )
  )

  it.effect("what arrives is what was sent, byte for byte (SMTP-092)", () =>
    Effect.gen(function* () {
      yield* attempt("a@one.example")
      const [mail] = yield* (yield* Mailbox.Mailbox).all
      assert.strictEqual(new TextDecoder().decode(mail?.content), content)
    }).pipe(Effect.provide(layer({ "one.example": one }, serverAt("192.0.2.1"))))
  )

  it.effect("the outcomes have the order of the envelope, whichever domain answers first", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(attempt("a@slow.example", "b@one.example", "c@slow.example"))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(summary(yield* Fiber.join(fiber)), [
        "a@slow.example unreachable 4.4.1 mx1.slow.example",
        "b@one.example delivered 2.0.0 mx1.one.example",
        "c@slow.example unreachable 4.4.1 mx1.slow.example"
      ])
    }).pipe(
      Effect.provide(
        layer(
          { "slow.example": routeTo("slow.example", "192.0.2.9"), "one.example": one },
          silentAt("192.0.2.9"),
          serverAt("192.0.2.1")
        )
      )
    )
  )

  it.effect(
    "what routing says of a domain is the outcome of its recipients and of nobody else (CLASS-06, CLASS-07)",
    () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(summary(yield* attempt("a@nomail.example", "b@one.example", "c@unknown.example")), [
          "a@nomail.example perm 5.1.10",
          "b@one.example delivered 2.0.0 mx1.one.example",
          "c@unknown.example perm 5.4.4"
        ])
        assert.deepStrictEqual(yield* (yield* MemoryNetwork.MemoryNetwork).dialed, ["192.0.2.1:25"])
      }).pipe(Effect.provide(layer({ "nomail.example": nullMx, "one.example": one }, serverAt("192.0.2.1"))))
  )

  it.effect("a host where nobody listens is unreachable (CLASS-13)", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(summary(yield* attempt("a@one.example", "b@one.example")), [
        "a@one.example unreachable 4.4.1 mx1.one.example",
        "b@one.example unreachable 4.4.1 mx1.one.example"
      ])
    }).pipe(Effect.provide(layer({ "one.example": one })))
  )

  const both = routeTo("one.example", "192.0.2.1", "192.0.2.2")

  it.effect("behind a dead first MX the second one takes the mail (CLASS-13)", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(summary(yield* attempt("a@one.example")), [
        "a@one.example delivered 2.0.0 mx2.one.example"
      ])
      assert.deepStrictEqual(yield* (yield* MemoryNetwork.MemoryNetwork).dialed, ["192.0.2.1:25", "192.0.2.2:25"])
    }).pipe(Effect.provide(layer({ "one.example": both }, serverAt("192.0.2.2"))))
  )

  it.effect("behind a first MX that never answers the second one takes the mail after 30 seconds (CLASS-13)", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(attempt("a@one.example"))
      yield* TestClock.adjust("29 seconds")
      assert.deepStrictEqual(yield* (yield* MemoryNetwork.MemoryNetwork).dialed, ["192.0.2.1:25"])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(summary(yield* Fiber.join(fiber)), ["a@one.example delivered 2.0.0 mx2.one.example"])
    }).pipe(Effect.provide(layer({ "one.example": both }, silentAt("192.0.2.1"), serverAt("192.0.2.2"))))
  )

  it.effect("behind a first MX that turns the session away the second one takes the mail (CLASS-17, CLASS-18)", () =>
    Effect.gen(function* () {
      for (const code of [421, 554]) {
        const busy = serverAt("192.0.2.1", { decide: answering("Connect", Reply.make(code, "not now")) })
        const outcomes = yield* Effect.provide(
          attempt("a@one.example"),
          layer({ "one.example": both }, busy, serverAt("192.0.2.2"))
        )
        assert.deepStrictEqual(summary(outcomes), ["a@one.example delivered 2.0.0 mx2.one.example"])
      }
    })
  )

  it.effect("a server may take some recipients and refuse others, each for its own reason (CLASS-40, CLASS-43)", () =>
    Effect.gen(function* () {
      const outcomes = yield* attempt(
        "perm@one.example",
        "accept@one.example",
        "temp@one.example",
        "greylist@one.example"
      )
      assert.deepStrictEqual(summary(outcomes), [
        "perm@one.example perm 5.1.1 mx1.one.example",
        "accept@one.example delivered 2.0.0 mx1.one.example",
        "temp@one.example temp 4.2.1 mx1.one.example",
        "greylist@one.example temp 4.7.1 mx1.one.example"
      ])
      const mails = yield* (yield* Mailbox.Mailbox).all
      assert.deepStrictEqual(
        mails.map((mail) => mail.recipients),
        [["accept@one.example"]]
      )
      // A verdict about a recipient is no reason to ask the second host.
      assert.deepStrictEqual(yield* (yield* MemoryNetwork.MemoryNetwork).dialed, ["192.0.2.1:25"])
    }).pipe(
      Effect.provide(
        Layer.unwrap(
          Effect.map(SpecialAddresses.make, (decide) =>
            layer({ "one.example": both }, serverAt("192.0.2.1", { decide }), serverAt("192.0.2.2"))
          )
        )
      )
    )
  )

  it.effect("no verdict after the last byte is uncertain, and the next host never gets a copy (CLASS-52)", () =>
    Effect.gen(function* () {
      const taken = yield* Deferred.make<void>()
      const decide: MailServer.Decide = (question) =>
        question._tag === "Message"
          ? Effect.andThen(Deferred.succeed(taken, undefined), Effect.never)
          : Effect.undefined
      yield* Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(attempt("a@one.example"))
        yield* Deferred.await(taken)
        yield* TestClock.adjust("10 minutes")
        assert.deepStrictEqual(summary(yield* Fiber.join(fiber)), ["a@one.example uncertain 4.4.2 mx1.one.example"])
        assert.deepStrictEqual(yield* (yield* MemoryNetwork.MemoryNetwork).dialed, ["192.0.2.1:25"])
      }).pipe(Effect.provide(layer({ "one.example": both }, serverAt("192.0.2.1", { decide }), serverAt("192.0.2.2"))))
    })
  )

  const domains = Array.from({ length: 17 }, (_, index) => `d${index}.example`)

  it.effect("works on 16 domains at the same time, and then on the others", () =>
    Effect.gen(function* () {
      const { dialed } = yield* MemoryNetwork.MemoryNetwork
      const fiber = yield* Effect.forkChild(attempt("a@d0.example", ...domains.slice(1).map((name) => `a@${name}`)))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* dialed).length, 16)
      yield* TestClock.adjust("29 seconds")
      assert.strictEqual((yield* dialed).length, 17)
      yield* TestClock.adjust("30 seconds")
      assert.isTrue((yield* Fiber.join(fiber)).every((outcome) => outcome._tag === "Failed"))
    }).pipe(
      Effect.provide(
        layer(Object.fromEntries(domains.map((name) => [name, routeTo(name, "192.0.2.9")])), silentAt("192.0.2.9"))
      )
    )
  )

  it.effect(
    "a body that breaks on the way to one domain leaves the others delivered, and half a mail nowhere (CLASS-62)",
    () =>
      Effect.gen(function* () {
        const error = MessageError.make("unreadable-file", "the disk is gone")
        const pieces = [new TextEncoder().encode(content)]
        let runs = 0
        const whole = parcelTo("a@one.example", "b@two.example")
        const stream = Stream.suspend(() => {
          const healthy = Stream.fromIterable(pieces)
          return ++runs === 1 ? healthy : Stream.concat(healthy, Stream.fail(error))
        })
        const parcel = { ...whole, body: { ...whole.body, bytes: undefined, stream } }
        const outcomes = yield* attemptParcel(parcel)
        assert.deepStrictEqual(
          outcomes.map(({ recipient }) => recipient),
          recipientsOf(parcel)
        )
        assert.deepStrictEqual(
          summary(outcomes)
            .map((line) => line.replace(/^\S+ /, ""))
            .toSorted(),
          ["delivered 2.0.0 mx1.one.example", "perm 5.6.0"]
        )
        assert.strictEqual((yield* (yield* Mailbox.Mailbox).all).length, 1)
      }).pipe(
        Effect.provide(layer({ "one.example": one, "two.example": two }, serverAt("192.0.2.1"), serverAt("192.0.2.2")))
      )
  )

  it.effect("introduces itself by the name of the settings, and never logs in to a stranger's server", () => {
    const names: Array<string> = []
    const server = serverAt("192.0.2.1", {
      server: { keywords: ["AUTH PLAIN LOGIN"] },
      decide: (question) => {
        if (question._tag === "Hello") names.push(question.name)
        return Effect.undefined
      }
    })
    const settings = {
      ...SmtpSettings.standard,
      name: "client.example",
      credentials: new Sasl.Password({ username: "ada", password: Redacted.make("secret") })
    }
    return Effect.gen(function* () {
      assert.deepStrictEqual(summary(yield* attempt("a@one.example")), [
        "a@one.example delivered 2.0.0 mx1.one.example"
      ])
      assert.deepStrictEqual([...new Set(names)], ["client.example"])
    }).pipe(
      Effect.provide(
        layer({ "one.example": one }, server).pipe(
          Layer.provide(Layer.succeed(SmtpSettings.CurrentSmtpSettings, settings))
        )
      )
    )
  })

  it.effect("address literals are delivered to the address, without any DNS (DNS-018, SMTP-183)", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(summary(yield* attempt("a@[192.0.2.1]", "b@[IPv6:2001:db8::1]")), [
        "a@[192.0.2.1] delivered 2.0.0 192.0.2.1",
        "b@[IPv6:2001:db8::1] delivered 2.0.0 2001:db8::1"
      ])
    }).pipe(
      Effect.provide(
        Delivery.layerMx.pipe(
          Layer.provide(Router.layerMx({ privateAddresses: "allow" })),
          Layer.provide(Dns.layerStatic({})),
          Layer.provide(world(serverAt("192.0.2.1"), serverAt("2001:db8::1")))
        )
      )
    )
  )

  it.effect("a bare postmaster has no domain to deliver to", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(summary(yield* attempt("postmaster")), ["postmaster perm 5.1.3"])
    }).pipe(
      Effect.provide(
        Delivery.layerMx.pipe(
          Layer.provide(Router.layerMx()),
          Layer.provide(Dns.layerStatic({})),
          Layer.provide(world())
        )
      )
    )
  )
})
