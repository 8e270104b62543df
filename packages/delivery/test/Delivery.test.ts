import { Delivery } from "@effect-mail/delivery"
import { Message, MessageError, Render } from "@effect-mail/message"
import { Address, Failure, Receipt } from "@effect-mail/protocol"
import { Transport } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Ref } from "effect"
import { parcelTo, recipientsOf, summary } from "./support/world.ts"

const delivered = (recipient: string) =>
  new Receipt.Delivered({ recipient, attempts: 1, code: 250, enhanced: "2.0.0", text: "taken" })

const details = { stage: "connect", scope: "host", next: "later", enhanced: "4.4.1", reason: "busy" } as const
const later = Failure.temp(details)

describe("domainOf", () => {
  it("is the domain in A-labels and lower case, whatever the local part (DNS-001)", () => {
    for (const [address, domain] of [
      ["Ada@Inbox.EXAMPLE", "inbox.example"],
      ["ada@bücher.example", "xn--bcher-kva.example"],
      ["ада@xn--bcher-kva.example", "xn--bcher-kva.example"],
      ['"a@b"@inbox.example', "inbox.example"],
      ["ada@[192.0.2.1]", "[192.0.2.1]"]
    ] as const) {
      assert.strictEqual(Delivery.domainOf(Address.unsafe(address)), domain)
    }
  })

  it("is nothing for a bare postmaster", () => {
    assert.strictEqual(Delivery.domainOf("postmaster"), "")
  })
})

describe("splitByDomain", () => {
  const split = (...recipients: Parameters<typeof parcelTo>) =>
    Delivery.splitByDomain(parcelTo(...recipients)).map(recipientsOf)

  it("makes one part per domain, in the order in which the domains first occur", () => {
    assert.deepStrictEqual(split("a@one.example", "b@two.example", "c@one.example", "d@three.example"), [
      ["a@one.example", "c@one.example"],
      ["b@two.example"],
      ["d@three.example"]
    ])
  })

  it("takes a domain in U-labels and in A-labels, in upper and in lower case, for one", () => {
    assert.strictEqual(split("a@bücher.example", "b@xn--bcher-kva.example", "c@XN--BCHER-KVA.example").length, 1)
  })

  it("takes local parts that differ in case for two recipients (RFC 5321 section 2.4)", () => {
    assert.deepStrictEqual(split("ada@one.example", "Ada@one.example"), [["ada@one.example", "Ada@one.example"]])
  })

  it("is linear: 20,000 domains are split at once", () => {
    const recipients = Array.from({ length: 20_000 }, (_, index) => `a@d${index}.example`)
    assert.strictEqual(split("a@first.example", ...recipients).length, 20_001)
  })
})

describe("inOrder", () => {
  const parcel = parcelTo("a@one.example", "A@one.example", "b@two.example")

  it("gives the outcomes the order of the envelope, and keeps recipients that differ in case apart", () => {
    const outcomes = [delivered("b@two.example"), delivered("A@one.example"), delivered("a@one.example")]
    assert.deepStrictEqual(
      Delivery.inOrder(parcel, outcomes).map(({ recipient }) => recipient),
      recipientsOf(parcel)
    )
  })

  it("forgets nobody: a recipient without an outcome may have got the message, so it is uncertain (CLASS-52)", () => {
    assert.deepStrictEqual(
      summary(Delivery.inOrder(parcel, [delivered("a@one.example"), delivered("x@one.example")])),
      ["a@one.example delivered 2.0.0", "A@one.example uncertain 4.3.0", "b@two.example uncertain 4.3.0"]
    )
  })
})

describe("layerTransport", () => {
  const parcel = parcelTo("a@one.example", "b@two.example")

  const attemptVia = (send: Transport.Transport["Service"]["send"]) =>
    Effect.flatMap(Delivery.Delivery, (delivery) => delivery.attempt(parcel)).pipe(
      Effect.provide(Layer.provide(Delivery.layerTransport, Layer.succeed(Transport.Transport, { send })))
    )

  it.effect("a relay is one destination: nothing is split", () =>
    Effect.gen(function* () {
      const { split } = yield* Delivery.Delivery
      assert.deepStrictEqual(split(parcel), [parcel])
    }).pipe(
      Effect.provide(
        Layer.provide(Delivery.layerTransport, Layer.succeed(Transport.Transport, { send: () => Effect.fail(later) }))
      )
    )
  )

  it.effect("a failure of the transport is the outcome of every recipient", () =>
    Effect.gen(function* () {
      for (const failure of [
        later,
        Failure.perm({ ...details, next: "never", enhanced: "5.0.0" }),
        Failure.unreachable(details)
      ]) {
        const outcomes = yield* attemptVia(() => Effect.fail(failure))
        assert.deepStrictEqual(
          outcomes,
          recipientsOf(parcel).map((recipient) => new Receipt.Failed({ recipient, attempts: 1, failure }))
        )
      }
    })
  )

  it.effect("a message that cannot be read is a permanent failure of every recipient that says why", () =>
    Effect.gen(function* () {
      const error = MessageError.make("unreadable-file", "the disk is gone", { field: "plan.pdf" })
      const outcomes = yield* attemptVia(() => Effect.fail(error))
      assert.deepStrictEqual(summary(outcomes), ["a@one.example perm 5.6.0", "b@two.example perm 5.6.0"])
      for (const outcome of outcomes) {
        assert.isTrue(outcome._tag === "Failed" && outcome.failure.stage === "body")
        assert.include(outcome._tag === "Failed" ? outcome.failure.message : "", "plan.pdf: the disk is gone")
      }
    })
  )

  it.effect("a transport that answers out of order, or not for everybody, does not lose a recipient", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        summary(yield* attemptVia(() => Effect.succeed([delivered("b@two.example"), delivered("a@one.example")]))),
        ["a@one.example delivered 2.0.0", "b@two.example delivered 2.0.0"]
      )
      assert.deepStrictEqual(summary(yield* attemptVia(() => Effect.succeed([delivered("b@two.example")]))), [
        "a@one.example uncertain 4.3.0",
        "b@two.example delivered 2.0.0"
      ])
    })
  )

  it.effect("what a transport throws is not taken for a refusal", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(attemptVia(() => Effect.die("a mistake")))
      assert.isTrue(exit._tag === "Failure")
    })
  )
})

describe("layerTest", () => {
  it.effect("takes everything and records what it was asked for", () =>
    Effect.gen(function* () {
      const { attempt } = yield* Delivery.Delivery
      const parcel = parcelTo("a@one.example", "b@two.example")
      assert.deepStrictEqual(summary(yield* attempt(parcel)), [
        "a@one.example delivered 2.0.0",
        "b@two.example delivered 2.0.0"
      ])
      assert.deepStrictEqual(yield* Ref.get(yield* Delivery.Attempts), [parcel])
    }).pipe(Effect.provide(Delivery.layerTest()))
  )

  it.effect("counts the attempts of each recipient for each message on its own", () => {
    const asked: Array<string> = []
    return Effect.gen(function* () {
      const { attempt } = yield* Delivery.Delivery
      const render = Render.render(
        Message.make({ from: "ada@sender.example", to: ["a@one.example", "b@one.example"], text: "Hello" })
      )
      const [first, second] = [yield* render, yield* render]
      yield* attempt(first)
      for (const part of Delivery.splitByDomain(first)) yield* attempt(part)
      yield* attempt(second)
      assert.deepStrictEqual(asked, [
        "a@one.example 1",
        "b@one.example 1",
        "a@one.example 2",
        "b@one.example 2",
        "a@one.example 1",
        "b@one.example 1"
      ])
    }).pipe(
      Effect.provide(
        Delivery.layerTest((recipient, attempt) => {
          asked.push(`${recipient} ${attempt}`)
          return undefined
        })
      )
    )
  })
})
