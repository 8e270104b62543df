/** Many messages at once, and what would become of one. */
import { Backoff, Delivery, Failure, Mailer, Message, Policy, PolicyError, Receipt, Route, Router } from "effect-mail"
import { Mailbox, MailServer, MemoryNetwork } from "@effect-mail/testing"
import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import { Data, Deferred, Duration, Effect, Fiber, Layer, Ref, Result, Stream } from "effect"
import { TestClock } from "effect/testing"
import { greylisted, messageTo, nobodyThere, unknownUser } from "./support/timeline.ts"

class Trouble extends Data.TaggedError("Trouble")<{}> {}

const wordOf = ({ result }: Mailer.Sent): string =>
  Result.match(result, { onSuccess: () => "sent", onFailure: ({ _tag }) => _tag })

const recipientOf = ({ message }: Mailer.Sent): unknown => (message._tag === "Composed" ? message.to : undefined)

const once = Effect.provideService(Policy.CurrentPolicy, Policy.noRetry)

describe("sendAll", () => {
  it.effect("gives one result for each message, and what becomes of one is no failure of the others", () =>
    Effect.gen(function* () {
      const decide: Record<string, Failure.Failure> = {
        "never@one.example": unknownUser,
        "later@one.example": greylisted(),
        "down@one.example": nobodyThere
      }
      const messages = [
        messageTo("never@one.example"),
        messageTo("ada@one.example"),
        messageTo("later@one.example"),
        messageTo(),
        messageTo("down@one.example")
      ]
      const sent = yield* once(Stream.runCollect(Mailer.sendAll(messages))).pipe(
        Effect.provide(Mailer.layerTest((recipient) => decide[recipient]))
      )
      assert.sameMembers(sent.map(wordOf), ["PermFailure", "sent", "TempFailure", "MessageError", "Unreachable"])
      assert.sameMembers(
        sent.map(({ message }) => message),
        messages
      )
    })
  )

  it.effect("has no more under way than it may, and takes no more than that", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      let [taken, running, most] = [0, 0, 0]
      const attempt: Delivery.Delivery["Service"]["attempt"] = (parcel) =>
        Effect.gen(function* () {
          most = Math.max(most, ++running)
          yield* Deferred.await(gate)
          running--
          return Delivery.inOrder(parcel, [])
        })
      const messages = Stream.range(1, 50).pipe(
        Stream.tap(() => Effect.sync(() => void taken++)),
        Stream.map((n) => messageTo(`r${n}@one.example`))
      )
      const sending = yield* Mailer.sendAll(messages, { concurrency: 5 }).pipe(
        Stream.runCollect,
        once,
        Effect.provide(
          Layer.provide(Mailer.layer, Layer.succeed(Delivery.Delivery, { split: Delivery.splitByDomain, attempt }))
        ),
        Effect.forkChild
      )
      yield* TestClock.adjust("1 second")
      assert.strictEqual(running, 5)
      yield* Deferred.succeed(gate, undefined)
      assert.lengthOf(yield* Fiber.join(sending), 50)
      assert.strictEqual(most, 5)
      assert.strictEqual(taken, 50)
    })
  )

  it.effect("a message that waits for days keeps none back that there is room for", () =>
    Effect.gen(function* () {
      const done: Array<unknown> = []
      const messages = ["slow@one.example", "a@one.example", "b@one.example", "c@one.example"].map((to) =>
        messageTo(to)
      )
      const sending = yield* Mailer.sendAll(messages, { concurrency: 2 }).pipe(
        Stream.runForEach((sent) => Effect.sync(() => void done.push(recipientOf(sent)))),
        Effect.forkChild
      )
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(done, 3)
      yield* TestClock.adjust("5 days")
      yield* Fiber.join(sending)
      assert.lengthOf(done, 4)
    }).pipe(Effect.provide(Mailer.layerTest((recipient) => (recipient.startsWith("slow") ? greylisted() : undefined))))
  )

  it.effect("ends with the failure of the stream of messages, in its type", () =>
    Effect.gen(function* () {
      const messages = Stream.concat(Stream.make(messageTo("a@one.example")), Stream.fail(new Trouble()))
      const all = Mailer.sendAll(messages)
      expectTypeOf(all).toEqualTypeOf<Stream.Stream<Mailer.Sent, Trouble, Mailer.Mailer>>()
      assert.instanceOf(yield* Effect.flip(Stream.runDrain(all)), Trouble)
    }).pipe(Effect.provide(Mailer.layerTest()))
  )

  it.effect("an interruption ends all of them (CLASS-63)", () =>
    Effect.gen(function* () {
      const sending = yield* Effect.forkChild(
        Stream.runDrain(Mailer.sendAll([messageTo("a@one.example"), messageTo("b@one.example")]))
      )
      yield* TestClock.adjust("1 minute")
      yield* Fiber.interrupt(sending)
      yield* TestClock.adjust("5 days")
      assert.lengthOf(yield* Ref.get(yield* Delivery.Attempts), 2)
    }).pipe(Effect.provide(Mailer.layerTest(() => greylisted())))
  )

  it("refuses a number that is none", () => {
    for (const concurrency of [0, -1, 1.5, Number.NaN]) {
      assert.throws(() => Mailer.sendAll([], { concurrency }), PolicyError.PolicyError)
    }
  })
})

describe("explain", () => {
  const nullMx = Failure.perm({ stage: "route", scope: "domain", next: "never", enhanced: "5.1.10", reason: "null MX" })

  const network = MemoryNetwork.layer
  const mailer = Mailer.layer.pipe(
    Layer.provide(Delivery.layerMx),
    Layer.provide(
      Router.layerTest({
        "one.example": Route.make({
          domain: "one.example",
          hosts: [
            { name: "mx1.google.com", addresses: ["192.0.2.1"] },
            { name: "mx2.google.com", addresses: ["192.0.2.2"] }
          ]
        }),
        "nomail.example": nullMx
      })
    ),
    Layer.provideMerge(network)
  )

  const policy = Policy.standard.pipe(
    Policy.giveUpAfter("1 hour"),
    Policy.forProvider({ name: "google", hosts: ["google.com"] }, Policy.onTemp(Backoff.steps(["20 minutes"]))),
    Policy.forPriority("high", Policy.giveUpAfter("30 minutes"))
  )

  const minutes = (times: ReadonlyArray<Duration.Duration>) => times.map(Duration.toMinutes)

  it.effect("says where the mail goes and when it is tried, and sends nothing", () =>
    Effect.gen(function* () {
      const message = messageTo("a@one.example", "b@nomail.example", "c@one.example")
      const { destinations, messageId, size } = yield* Mailer.explain(message)
      assert.isString(messageId)
      assert.isAbove(size ?? 0, 100)
      const [one, nomail] = destinations
      assert.deepStrictEqual(one?.recipients, ["a@one.example", "c@one.example"])
      assert.deepStrictEqual(
        one?.hosts?.map(({ address, host }) => `${host} ${address}`),
        ["mx1.google.com 192.0.2.1", "mx2.google.com 192.0.2.2"]
      )
      assert.deepStrictEqual(minutes(one?.attempts ?? []), [0, 20, 40, 60])
      assert.strictEqual(nomail?.failure, nullMx)
      assert.deepStrictEqual(minutes(nomail?.attempts ?? []), [0])
      const urgent = yield* Mailer.explain(Message.priority(messageTo("a@one.example"), "high"))
      assert.deepStrictEqual(minutes(urgent.destinations[0]?.attempts ?? []), [0, 20, 30])
      assert.deepStrictEqual(yield* (yield* MemoryNetwork.MemoryNetwork).dialed, [])
    }).pipe(Effect.provide(mailer), Effect.provideService(Policy.CurrentPolicy, policy))
  )

  it.effect("tells recipients apart who share a way and not a policy, and does not know the hosts of a relay", () =>
    Effect.gen(function* () {
      const { destinations } = yield* Mailer.explain(messageTo("a@one.example", "b@two.example", "c@one.example"))
      assert.deepStrictEqual(
        destinations.map(({ attempts, hosts, recipients }) => [recipients, hosts, attempts.length]),
        [
          [["a@one.example", "c@one.example"], undefined, 1],
          [["b@two.example"], undefined, 36]
        ]
      )
    }).pipe(
      Effect.provide(
        Layer.provide(
          Mailer.layer,
          Layer.succeed(Delivery.Delivery, { split: (parcel) => [parcel], attempt: () => Effect.die("not asked") })
        )
      ),
      Effect.provideService(Policy.CurrentPolicy, Policy.forDomain(Policy.standard, "one.example", Policy.retries(0)))
    )
  )

  it.effect("refuses a message that cannot be sent", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Effect.flip(Mailer.explain(messageTo()))).reason, "no-recipients")
    }).pipe(Effect.provide(Mailer.layerTest()))
  )
})

describe("the policy of one message", () => {
  const playing = (decide: Parameters<typeof Mailer.layerTest>[0], policy: Policy.Policy, message: Message.Message) =>
    Effect.gen(function* () {
      const sending = yield* Effect.forkChild(Mailer.deliver(message))
      yield* TestClock.adjust("6 days")
      return yield* Fiber.join(sending)
    }).pipe(Effect.provide(Mailer.layerTest(decide)), Effect.provideService(Policy.CurrentPolicy, policy))

  it.effect("depends on its priority", () =>
    Effect.gen(function* () {
      const policy = Policy.standard.pipe(Policy.jitter(0), Policy.forPriority("high", Policy.retries(1)))
      const attempts = (message: Message.Message) =>
        Effect.map(
          playing(() => greylisted(), policy, message),
          ({ outcomes }) => outcomes[0]?.attempts
        )
      assert.strictEqual(yield* attempts(Message.priority(messageTo("a@one.example"), "high")), 2)
      assert.strictEqual(yield* attempts(Message.priority(messageTo("a@one.example"), "low")), 36)
      assert.strictEqual(yield* attempts(messageTo("a@one.example")), 36)
      // A ready message has none, so it is that of the call.
      const eml = Message.eml(new TextEncoder().encode("From: ada@sender.example\r\n\r\nHello\r\n"), {
        envelope: { from: "ada@sender.example", to: ["a@one.example"] }
      })
      const urgent = Effect.provideService(Policy.CurrentPriority, "high")
      assert.strictEqual(yield* urgent(attempts(eml)), 2)
      assert.strictEqual(yield* urgent(attempts(Message.priority(messageTo("a@one.example"), "low"))), 36)
    })
  )

  it.effect("depends on the host that takes the mail, from the failure on that names one", () =>
    Effect.gen(function* () {
      const policy = Policy.forProvider(Policy.standard, { name: "google", hosts: ["google.com"] }, Policy.retries(3))
      const atGoogle = Failure.temp({ ...greylisted(), host: "mx1.google.com" })
      const noDns = Failure.unreachable({
        stage: "route",
        scope: "domain",
        next: "later",
        enhanced: "4.4.3",
        reason: "no"
      })
      const first = yield* playing(() => atGoogle, policy, messageTo("a@one.example"))
      assert.strictEqual(first.outcomes[0]?.attempts, 4)
      const later = yield* playing((_, attempt) => (attempt < 3 ? noDns : atGoogle), policy, messageTo("a@one.example"))
      assert.strictEqual(later.outcomes[0]?.attempts, 4)
    })
  )
})

describe("CLASS-15 limits on the way", () => {
  const relay = (
    policy: Policy.Policy,
    ...servers: ReadonlyArray<Layer.Layer<never, never, MemoryNetwork.MemoryNetwork | Mailbox.Mailbox>>
  ) =>
    Mailer.layer.pipe(
      Layer.provide(Delivery.layerMx),
      Layer.provide(Router.layerStatic({ "one.example": { hosts: ["192.0.2.1"] } })),
      Layer.provideMerge(Layer.mergeAll(Layer.empty, ...servers)),
      Layer.provideMerge(Layer.merge(MemoryNetwork.layer, Mailbox.layer)),
      Layer.provideMerge(Layer.succeed(Policy.CurrentPolicy, policy))
    )

  it.effect("what a rate holds back is no attempt, and goes out when the rate lets it", () =>
    Effect.gen(function* () {
      const sending = yield* Stream.runCollect(
        Mailer.sendAll([1, 2, 3].map((n) => messageTo(`r${n}@one.example`)))
      ).pipe(Effect.forkChild)
      const mailbox = yield* Mailbox.Mailbox
      yield* mailbox.wait(2)
      yield* TestClock.adjust("29 minutes")
      assert.lengthOf(yield* mailbox.all, 2)
      yield* TestClock.adjust("2 minutes")
      const sent = yield* Fiber.join(sending)
      assert.deepStrictEqual(
        sent.map(({ result }) => Result.getOrThrow(result).outcomes.map(({ attempts }) => attempts)),
        [[1], [1], [1]]
      )
    }).pipe(
      Effect.provide(
        relay(
          Policy.standard.pipe(
            Policy.jitter(0),
            Policy.retries(1),
            Policy.limits({ rates: [{ limit: 2, window: "1 hour" }] })
          ),
          MailServer.layerMemory({ address: "192.0.2.1", port: 25 })
        )
      )
    )
  )

  it.effect("an open breaker neither uses up retries nor makes waits longer; the mail ends with its lifetime", () =>
    Effect.gen(function* () {
      const dead = Effect.forEach([1, 2, 3, 4, 5], () => once(Effect.flip(Mailer.send(messageTo("x@one.example")))))
      assert.deepStrictEqual(
        (yield* dead).map(({ _tag }) => _tag),
        Array.from({ length: 5 }, () => "Unreachable")
      )
      const sending = yield* Effect.forkChild(Mailer.deliver(messageTo("a@one.example")))
      yield* TestClock.adjust("2 hours")
      const [outcome] = (yield* Fiber.join(sending)).outcomes
      assert.strictEqual(outcome && Receipt.outcomeWord(outcome), "perm")
      assert.isTrue(outcome?._tag === "Failed" && outcome.failure.enhanced === "5.4.7")
      // The probe after 15 seconds was its first attempt, and the only retry came when the policy said.
      assert.strictEqual(outcome?.attempts, 2)
    }).pipe(
      Effect.provide(relay(Policy.standard.pipe(Policy.jitter(0), Policy.retries(1), Policy.giveUpAfter("1 hour"))))
    )
  )
})
