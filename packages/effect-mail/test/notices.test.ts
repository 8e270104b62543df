/** What people are told about mail that does not get through: events, warnings, bounces. */
import { Delivery, DeliveryEvent, Mailer, Message, Notice, Policy, Receipt, Report } from "effect-mail"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer, Ref } from "effect"
import { TestClock } from "effect/testing"
import {
  day,
  deliver,
  failing,
  greylisted,
  hour,
  lostAfterDot,
  messageTo,
  minute,
  nobodyThere,
  unknownUser
} from "./support/timeline.ts"

const exact = Policy.jitter(Policy.standard, 0)

/** What the notifier heard, with the time of it, while a message was delivered for at most six days. */
const notices = (message: Message.Message, policy: Policy.Policy, decide: Parameters<typeof Mailer.layerTest>[0]) =>
  Effect.gen(function* () {
    const heard: Array<readonly [at: number, notice: Notice.Notice]> = []
    const notify = (notice: Notice.Notice) =>
      Effect.map(Clock.currentTimeMillis, (now) => void heard.push([now, notice]))
    yield* Effect.provideService(deliver(message, policy, Mailer.layerTest(decide)), Notice.Notifier, notify)
    return heard
  })

const shown = (heard: ReadonlyArray<readonly [number, Notice.Notice]>): ReadonlyArray<string> =>
  heard.map(([at, notice]) => {
    const end = notice._tag === "GivenUp" ? ` ${notice.atEnd}` : ""
    const names = notice.parcel.envelope.recipients.map(({ address }): string => address)
    assert.deepStrictEqual(notice.failed.map(({ recipient }) => recipient).toSorted(), [...names].toSorted())
    return `${at / minute} ${notice._tag}${end} ${names.join(" ")}`
  })

describe("events of decisions", () => {
  const tagged = (events: ReadonlyArray<DeliveryEvent.DeliveryEvent>, tag: DeliveryEvent.DeliveryEvent["_tag"]) =>
    events.filter((event) => event._tag === tag)

  it.effect("a warning comes once, when it is due and not with the next attempt", () =>
    Effect.gen(function* () {
      const late: Array<number> = []
      const layer = Mailer.layerTest(failing(8))
      const observer = (event: DeliveryEvent.DeliveryEvent) =>
        event._tag === "Warned" ? Effect.map(Clock.currentTimeMillis, (now) => void late.push(now)) : Effect.void
      const sending = yield* Effect.forkChild(
        Mailer.deliver(messageTo("a@one.example")).pipe(
          Effect.provide(layer),
          Effect.provideService(Policy.CurrentPolicy, exact),
          Effect.provideService(DeliveryEvent.Observer, observer)
        )
      )
      yield* TestClock.adjust("6 days")
      yield* Fiber.join(sending)
      assert.deepStrictEqual(late, [4 * hour])
    })
  )

  it.effect("warnings follow the domain's policy, and none comes for mail that is through or ended", () =>
    Effect.gen(function* () {
      const policy = exact.pipe(
        Policy.warnAfter(["1 hour", "1 day"]),
        Policy.forDomain("two.example", Policy.warnAfter(["30 minutes"])),
        Policy.forDomain("four.example", Policy.giveUpAfter("20 minutes"))
      )
      const decide = (recipient: string, attempt: number) =>
        recipient.endsWith("three.example") && attempt > 1 ? undefined : greylisted()
      const { events } = yield* deliver(
        messageTo("a@one.example", "b@two.example", "c@three.example", "d@four.example"),
        policy,
        Mailer.layerTest(decide)
      )
      assert.deepStrictEqual(
        tagged(events, "Warned").flatMap((event) => ("recipients" in event ? event.recipients : [])),
        ["b@two.example", "a@one.example", "a@one.example"]
      )
    })
  )

  it.effect("what is done at the end is in the event: bounce, alarm, hold, discard", () =>
    Effect.gen(function* () {
      for (const end of ["bounce", "alarm", "hold", "discard"] as const) {
        const policy = Policy.atEnd(exact, end)
        const { events, receipt } = yield* deliver(
          messageTo("a@one.example"),
          policy,
          Mailer.layerTest(() => unknownUser)
        )
        const [event] = tagged(events, "GaveUp")
        assert.isTrue(event?._tag === "GaveUp" && event.atEnd === end)
        assert.strictEqual(event?._tag === "GaveUp" && event.messageId, receipt.messageId)
      }
    })
  )

  it.effect("mail that may have arrived is held, and not given up (CLASS-52)", () =>
    Effect.gen(function* () {
      const { events } = yield* deliver(
        messageTo("a@one.example"),
        Policy.onUncertain(exact, "hold"),
        Mailer.layerTest(() => lostAfterDot)
      )
      assert.strictEqual(events.at(-1)?._tag, "Held")
      assert.lengthOf(tagged(events, "GaveUp"), 0)
    })
  )

  it.effect("every event of mail says since when", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("1 hour")
      const { events } = yield* deliver(
        messageTo("a@one.example"),
        exact,
        Mailer.layerTest(() => nobodyThere)
      )
      const since = new Set(events.flatMap((event) => ("since" in event ? [event.since] : [])))
      assert.deepStrictEqual([...since], [hour])
    })
  )
})

describe("a notifier", () => {
  it.effect("hears, with the mail for those concerned, that it is late, given up, or held", () =>
    Effect.gen(function* () {
      const decide = (recipient: string) => {
        if (recipient.startsWith("never")) return unknownUser
        if (recipient.startsWith("lost")) return lostAfterDot
        return recipient.startsWith("later") ? greylisted() : undefined
      }
      const message = messageTo(
        "never@one.example",
        "lost@one.example",
        "later@one.example",
        "later2@one.example",
        "now@one.example",
        "never2@one.example"
      )
      assert.deepStrictEqual(shown(yield* notices(message, Policy.onUncertain(exact, "hold"), decide)), [
        "0 GivenUp bounce never@one.example never2@one.example",
        "0 Held lost@one.example",
        "240 Late later@one.example later2@one.example",
        `${(5 * day) / minute} GivenUp bounce later@one.example later2@one.example`
      ])
    })
  )

  it.effect("hears nothing of mail that is through", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* notices(messageTo("a@one.example"), exact, failing(3)), [])
    })
  )
})

describe("bounces", () => {
  const bounces = Mailer.layerBounces({ reportingMta: "mail.sender.example" })

  /** What was attempted: reverse-path and recipients. */
  const attempted = Effect.flatMap(Delivery.Attempts, (attempts) =>
    Effect.map(Ref.get(attempts), (parcels) =>
      parcels.map(
        ({ envelope }) => `<${envelope.reversePath}> ${envelope.recipients.map(({ address }) => address).join(" ")}`
      )
    )
  )

  const play = (
    decide: Parameters<typeof Mailer.layerTest>[0],
    policy: Policy.Policy = exact,
    message: Message.Message = messageTo("a@one.example")
  ) =>
    Effect.gen(function* () {
      const sending = yield* Effect.forkChild(Mailer.deliver(message))
      yield* TestClock.adjust("6 days")
      const receipt = yield* Fiber.join(sending)
      const parcels = yield* Ref.get(yield* Delivery.Attempts)
      return { receipt, parcels, attempted: yield* attempted }
    }).pipe(
      Effect.provide(Layer.provideMerge(bounces, Mailer.layerTest(decide))),
      Effect.provideService(Policy.CurrentPolicy, policy)
    )

  const toSender = (recipient: string) => recipient === "ada@sender.example"

  it.effect("go to the sender with the null reverse-path, and say why (RFC 3464; RFC 5321 section 6.1)", () =>
    Effect.gen(function* () {
      const { attempted, parcels } = yield* play((recipient) => (toSender(recipient) ? undefined : unknownUser))
      assert.deepStrictEqual(attempted, ["<ada@sender.example> a@one.example", "<> ada@sender.example"])
      const report = yield* Report.parse(parcels[1]?.body.bytes ?? new Uint8Array())
      assert.isTrue(report._tag === "DeliveryStatus")
      if (report._tag !== "DeliveryStatus") return
      assert.deepStrictEqual(
        report.recipients.map(({ action, diagnostic, status }) => [action, status, diagnostic?.value]),
        [["failed", "5.1.1", "550 No such mailbox"]]
      )
      assert.strictEqual(report.reportingMta?.value, "mail.sender.example")
    })
  )

  it.effect("warnings are sent when they are due, and the bounce names the last real error (CLASS-64)", () =>
    Effect.gen(function* () {
      const { parcels } = yield* play((recipient) => (toSender(recipient) ? undefined : greylisted()))
      const reports = parcels.filter(({ envelope }) => envelope.reversePath === "")
      const parsed = yield* Effect.forEach(reports, ({ body }) => Report.parse(body.bytes ?? new Uint8Array()))
      assert.deepStrictEqual(
        parsed.flatMap((report) =>
          report._tag === "DeliveryStatus" ? report.recipients.map(({ action, status }) => [action, status]) : []
        ),
        [
          ["delayed", "4.7.1"],
          ["failed", "5.4.7"]
        ]
      )
    })
  )

  it.effect("a bounce that does not arrive is not answered by another (RFC 5321 section 6.1)", () =>
    Effect.gen(function* () {
      const { attempted } = yield* play(() => unknownUser)
      assert.deepStrictEqual(attempted, ["<ada@sender.example> a@one.example", "<> ada@sender.example"])
    })
  )

  it.effect("are not written where the policy wants none: alarm, hold, discard", () =>
    Effect.gen(function* () {
      for (const end of ["alarm", "hold", "discard"] as const) {
        const { attempted } = yield* play(() => unknownUser, Policy.atEnd(exact, end))
        assert.lengthOf(attempted, 1, end)
      }
    })
  )

  it.effect("are not written to who wants none (NOTIFY, RFC 3461 section 4.1), and heed what he wants", () =>
    Effect.gen(function* () {
      const asking = (notify: "NEVER" | "DELAY" | "FAILURE") =>
        Message.make({
          from: "ada@sender.example",
          to: "a@one.example",
          text: "Hello",
          envelope: { to: [{ address: "a@one.example", notify }] }
        })
      const decide = (recipient: string) => (toSender(recipient) ? undefined : greylisted())
      const count = (parcels: ReadonlyArray<{ readonly envelope: { readonly reversePath: string } }>) =>
        parcels.filter(({ envelope }) => envelope.reversePath === "").length
      assert.strictEqual(count((yield* play(decide, exact, asking("NEVER"))).parcels), 0)
      assert.strictEqual(count((yield* play(decide, exact, asking("DELAY"))).parcels), 1)
      assert.strictEqual(count((yield* play(decide, exact, asking("FAILURE"))).parcels), 1)
    })
  )

  it.effect("nobody is warned about mail of a list or of a program, and a bounce comes all the same (RFC 3834)", () =>
    Effect.gen(function* () {
      const actions = Effect.fnUntraced(function* (field: string) {
        const message = Message.eml(
          new TextEncoder().encode(`${field}\r\nFrom: ada@sender.example\r\n\r\nList-Id: no\r\n`),
          {
            envelope: { from: "ada@sender.example", to: ["a@one.example"] }
          }
        )
        const { parcels } = yield* play((recipient) => (toSender(recipient) ? undefined : greylisted()), exact, message)
        return parcels.filter(({ envelope }) => envelope.reversePath === "").length
      })
      for (const field of ["Auto-Submitted: auto-generated", "LIST-ID: <a.example>", "Precedence:\r\n bulk"]) {
        assert.strictEqual(yield* actions(field), 1, field)
      }
      for (const field of ["Auto-Submitted: no", "Subject: List-Id: <a.example>", "Precedence: first-class"]) {
        assert.strictEqual(yield* actions(field), 2, field)
      }
    })
  )

  it.effect("hold up nobody: the receipt comes although the bounce is still waiting", () =>
    Effect.gen(function* () {
      const receipt = yield* Mailer.deliver(messageTo("a@one.example"))
      assert.deepStrictEqual(receipt.outcomes.map(Receipt.outcomeWord), ["perm"])
      assert.strictEqual(yield* Clock.currentTimeMillis, 0)
    }).pipe(
      Effect.provide(
        Layer.provideMerge(
          bounces,
          Mailer.layerTest((recipient) => (toSender(recipient) ? greylisted() : unknownUser))
        )
      ),
      Effect.provideService(Policy.CurrentPolicy, exact)
    )
  )
})
