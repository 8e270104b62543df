/** Deliveries within the limits of the policy: by domain, host, provider and relay. */
import { Delivery } from "@effect-mail/delivery"
import { Route, Router } from "@effect-mail/dns"
import { DeliveryEvent, Policy, Provider, RetryHint, Throttle } from "@effect-mail/policy"
import { Endpoint, Failure, Receipt, Reply } from "@effect-mail/protocol"
import { Mailbox, MemoryNetwork } from "@effect-mail/testing"
import { SmtpTransport, Transport } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Layer, Tracer } from "effect"
import { TestClock } from "effect/testing"
import { answering, parcelTo, routeTo, serverAt, summary, world } from "./support/world.ts"

const attempt = Effect.fnUntraced(function* (recipient: string) {
  const { attempt } = yield* Delivery.Delivery
  return yield* attempt(parcelTo(recipient))
})

const failureOf = (outcomes: ReadonlyArray<Receipt.Outcome>): Failure.Failure | undefined =>
  outcomes[0]?._tag === "Failed" ? outcomes[0].failure : undefined

/** `delivered`, or what held it back. */
const word = (outcomes: ReadonlyArray<Receipt.Outcome>): string => {
  const failure = failureOf(outcomes)
  return failure === undefined ? "delivered" : failure.stage
}

const dialed = Effect.flatMap(MemoryNetwork.MemoryNetwork, ({ dialed }) => dialed)

const layer = (
  routes: Readonly<Record<string, Router.TestAnswer>>,
  ...servers: ReadonlyArray<ReturnType<typeof serverAt>>
) => Delivery.layerMx.pipe(Layer.provideMerge(Layer.merge(Router.layerTest(routes), world(...servers))))

const hourly = (limit: number) => Policy.limits({ rates: [{ limit, window: "1 hour" }] })

const one = routeTo("one.example", "192.0.2.1")
const two = routeTo("two.example", "192.0.2.2")
const both = routeTo("one.example", "192.0.2.1", "192.0.2.2")

describe("CLASS-15 a delivery to the recipients' own servers", () => {
  it.effect("keeps to the rate of the domain; what it holds back was not tried, and is told when", () =>
    Effect.gen(function* () {
      const words = yield* Effect.forEach([1, 2, 3], () => Effect.map(attempt("a@one.example"), word))
      assert.deepStrictEqual(words, ["delivered", "delivered", "policy"])
      // Both went over one connection, and nothing else was opened.
      assert.strictEqual((yield* dialed).length, 1)
      assert.lengthOf(yield* (yield* Mailbox.Mailbox).all, 2)
      assert.strictEqual(word(yield* attempt("b@two.example")), "delivered")
      const failure = failureOf(yield* attempt("a@one.example"))
      assert.strictEqual(failure?._tag, "Unreachable")
      assert.strictEqual(failure?.enhanced, "4.4.5")
      assert.deepStrictEqual(failure && RetryHint.fromFailure(failure), Duration.minutes(30))
      yield* TestClock.adjust("30 minutes")
      assert.strictEqual(word(yield* attempt("a@one.example")), "delivered")
    }).pipe(
      Effect.provide(layer({ "one.example": one, "two.example": two }, serverAt("192.0.2.1"), serverAt("192.0.2.2"))),
      Effect.provideService(Policy.CurrentPolicy, Policy.forDomain(Policy.standard, "one.example", hourly(2)))
    )
  )

  it.effect(
    "remembers a dead host: after five failures the mail goes straight to the next one, and back when it is well",
    () =>
      Effect.gen(function* () {
        for (let n = 0; n < 7; n++) assert.strictEqual(word(yield* attempt("a@one.example")), "delivered")
        const asked = yield* dialed
        assert.strictEqual(asked.filter((place) => place === "192.0.2.1:25").length, 5)
        // All seven went over one connection.
        assert.strictEqual(asked.filter((place) => place === "192.0.2.2:25").length, 1)
        assert.lengthOf(yield* (yield* Mailbox.Mailbox).all, 7)
        yield* TestClock.adjust("15 seconds")
        yield* attempt("a@one.example")
        assert.strictEqual((yield* dialed).filter((place) => place === "192.0.2.1:25").length, 6)
      }).pipe(Effect.provide(layer({ "one.example": both }, serverAt("192.0.2.2"))))
  )

  it.effect("when every host is resting, nothing is dialed, and the one that is up first says when", () =>
    Effect.gen(function* () {
      const throttle = yield* Throttle.Throttle
      const dead = Failure.unreachable({ stage: "connect", scope: "host", next: "address", reason: "refused" })
      const down = (name: string) =>
        Effect.repeat(Effect.exit(throttle.around(Throttle.host(name))(Effect.fail(dead))), { times: 4 })
      yield* down("mx1.one.example")
      yield* TestClock.adjust("10 seconds")
      yield* down("mx2.one.example")
      const failure = failureOf(yield* attempt("a@one.example"))
      assert.strictEqual(failure?.stage, "policy")
      assert.strictEqual(failure?.host, "mx1.one.example")
      assert.deepStrictEqual(failure && RetryHint.fromFailure(failure), Duration.seconds(5))
      assert.include(failure?.message, "refused")
      assert.deepStrictEqual(yield* dialed, [])
    }).pipe(
      Effect.provide(layer({ "one.example": both }, serverAt("192.0.2.2")).pipe(Layer.provideMerge(Throttle.layer())))
    )
  )

  it.effect("a domain that cannot be reached is left alone as a whole, even its DNS, and told of as failing", () =>
    Effect.gen(function* () {
      for (let n = 0; n < 5; n++) assert.strictEqual(word(yield* attempt("a@one.example")), "connect")
      const asked = yield* (yield* Router.TestRouter).asked
      assert.strictEqual(word(yield* attempt("a@one.example")), "policy")
      assert.deepStrictEqual(yield* (yield* Router.TestRouter).asked, asked)
    }).pipe(Effect.provide(layer({ "one.example": one })))
  )

  it.effect("a resolver that does not answer opens no breaker (CLASS-06)", () => {
    const noDns = Failure.unreachable({
      stage: "route",
      scope: "domain",
      next: "later",
      enhanced: "4.4.3",
      reason: "SERVFAIL"
    })
    return Effect.gen(function* () {
      for (let n = 0; n < 9; n++) assert.strictEqual(word(yield* attempt("a@one.example")), "route")
    }).pipe(Effect.provide(layer({ "one.example": noDns })))
  })

  it.effect("a server that asks for less is left alone, with all its domains (CLASS-17, CLASS-35)", () =>
    Effect.gen(function* () {
      yield* attempt("a@one.example")
      assert.strictEqual(word(yield* attempt("b@other.example")), "policy")
      assert.strictEqual((yield* dialed).length, 1)
    }).pipe(
      Effect.provide(
        layer(
          {
            "one.example": Route.make({
              domain: "one.example",
              hosts: [{ name: "mx.shared.example", addresses: ["192.0.2.1"] }]
            }),
            "other.example": Route.make({
              domain: "other.example",
              hosts: [{ name: "mx.shared.example", addresses: ["192.0.2.1"] }]
            })
          },
          serverAt("192.0.2.1", { decide: answering("Mail", Reply.make(421, "4.7.0 Try again later")) })
        )
      )
    )
  )

  const atGoogle = (domain: string, n: number) =>
    Route.make({ domain, hosts: [{ name: `mx${n}.google.com`, addresses: ["192.0.2.1"] }] })

  it.effect("what the policy says of a provider holds for all its hosts and domains together", () =>
    Effect.gen(function* () {
      assert.strictEqual(word(yield* attempt("a@one.example")), "delivered")
      assert.strictEqual(word(yield* attempt("b@two.example")), "policy")
    }).pipe(
      Effect.provide(
        layer(
          { "one.example": atGoogle("one.example", 1), "two.example": atGoogle("two.example", 2) },
          serverAt("192.0.2.1")
        )
      ),
      Effect.provideService(Policy.CurrentPolicy, Policy.forProvider(Policy.standard, Provider.google, hourly(1)))
    )
  )

  it.effect("what the policy says of a priority holds for the mail of that priority", () =>
    Effect.gen(function* () {
      const low = Effect.provideService(Policy.CurrentPriority, "low")
      assert.strictEqual(word(yield* low(attempt("a@one.example"))), "delivered")
      assert.strictEqual(word(yield* low(attempt("a@one.example"))), "policy")
      assert.strictEqual(word(yield* attempt("a@one.example")), "delivered")
    }).pipe(
      Effect.provide(layer({ "one.example": one }, serverAt("192.0.2.1"))),
      Effect.provideService(Policy.CurrentPolicy, Policy.forPriority(Policy.standard, "low", hourly(1)))
    )
  )

  it.effect("the limits are those of the caller's policy", () =>
    Effect.gen(function* () {
      const strict = Effect.provideService(Policy.CurrentPolicy, Policy.standard.pipe(hourly(1)))
      assert.strictEqual(word(yield* strict(attempt("a@one.example"))), "delivered")
      assert.strictEqual(word(yield* strict(attempt("a@one.example"))), "policy")
      assert.strictEqual(word(yield* attempt("a@one.example")), "delivered")
    }).pipe(Effect.provide(layer({ "one.example": one }, serverAt("192.0.2.1"))))
  )
})

describe("CLASS-15 a delivery through a relay", () => {
  const relay = (...servers: ReadonlyArray<ReturnType<typeof serverAt>>) =>
    Delivery.layerTransport.pipe(
      Layer.provide(SmtpTransport.layer([Endpoint.make({ host: "relay.example", port: 25 })])),
      Layer.provideMerge(world(...servers))
    )

  it.effect("is held to one limit, whatever the domains are", () =>
    Effect.gen(function* () {
      assert.strictEqual(word(yield* attempt("a@one.example")), "delivered")
      assert.strictEqual(word(yield* attempt("b@two.example")), "policy")
    }).pipe(
      Effect.provide(relay(serverAt("relay.example"))),
      Effect.provideService(Policy.CurrentPolicy, Policy.standard.pipe(hourly(1)))
    )
  )

  it.effect("leaves a relay alone that is down", () =>
    Effect.gen(function* () {
      const words = yield* Effect.forEach([1, 2, 3, 4, 5, 6], () => Effect.map(attempt("a@one.example"), word))
      assert.deepStrictEqual(words, ["connect", "connect", "connect", "connect", "connect", "policy"])
    }).pipe(Effect.provide(relay()))
  )

  it.effect("what a transport throws passes through, and holds no place", () =>
    Effect.gen(function* () {
      const narrow = Policy.limits(Policy.standard, { concurrency: { initial: 1, maximum: 1 } })
      for (let n = 0; n < 3; n++) {
        const exit = yield* Effect.exit(Effect.provideService(attempt("a@one.example"), Policy.CurrentPolicy, narrow))
        assert.isTrue(Exit.isFailure(exit) && Exit.hasDies(exit))
      }
    }).pipe(
      Effect.provide(
        Layer.provide(
          Delivery.layerTransport,
          Layer.succeed(Transport.Transport, { send: () => Effect.die("a mistake") })
        )
      )
    )
  )
})

describe("what a delivery tells", () => {
  it.effect("events of the throttle, to the observer of the attempt", () => {
    const seen: Array<string> = []
    const observer = (event: DeliveryEvent.DeliveryEvent) =>
      Effect.sync(() => void seen.push("about" in event ? `${event._tag} ${event.about}` : event._tag))
    return Effect.gen(function* () {
      for (let n = 0; n < 6; n++) yield* attempt("a@one.example")
      yield* TestClock.adjust("1 second")
      assert.sameMembers(seen, [
        "BreakerChanged host:mx1.one.example",
        "BreakerChanged domain:one.example",
        "Refused domain:one.example"
      ])
    }).pipe(Effect.provide(layer({ "one.example": one })), Effect.provideService(DeliveryEvent.Observer, observer))
  })

  it.effect("spans: the attempt and each visit, with numbers and hosts, and nobody's address", () => {
    const spans: Array<Tracer.NativeSpan> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    return Effect.gen(function* () {
      assert.deepStrictEqual(summary(yield* attempt("ada@one.example")), [
        "ada@one.example delivered 2.0.0 mx2.one.example"
      ])
      const named = (name: string) =>
        spans.flatMap((span) => (span.name === name ? [Object.fromEntries(span.attributes)] : []))
      assert.deepStrictEqual(named("Delivery.attempt"), [
        { "mail.destination": "domain:one.example", "mail.recipients": 1, "mail.outcomes": "delivered 1" }
      ])
      assert.deepStrictEqual(named("Delivery.visit"), [
        {
          "server.address": "mx1.one.example",
          "server.port": 25,
          "server.ip": "192.0.2.1",
          "mail.outcomes": "unreachable 1"
        },
        {
          "server.address": "mx2.one.example",
          "server.port": 25,
          "server.ip": "192.0.2.2",
          "mail.outcomes": "delivered 1"
        }
      ])
      assert.notInclude(JSON.stringify(spans.map(({ attributes, name }) => [name, ...attributes])), "ada@")
    }).pipe(Effect.provide(layer({ "one.example": both }, serverAt("192.0.2.2"))), Effect.withTracer(tracer))
  })
})
