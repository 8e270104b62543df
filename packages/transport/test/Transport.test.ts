/** Transports made of others: who is sent to by whom, and what is reported. */
import { MessageError, type Parcel } from "@effect-mail/message"
import { Failure } from "@effect-mail/protocol"
import { Transport } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, Random, Result, Schema } from "effect"
import * as Fake from "./support/fake.ts"
import { parcel } from "./support/smtp.ts"

const [ann, bob, cy] = ["ann@one.example", "bob@two.example", "cy@two.example"] as const

const fates =
  (table: Readonly<Record<string, Fake.Fate>>) =>
  (recipient: string): Fake.Fate =>
    table[recipient] ?? "delivered"

const always = (fate: Fake.Fate) => () => fate

const whole = (failure: Failure.Failure): Transport.Transport["Service"] => ({ send: () => Effect.fail(failure) })

describe("fallback", () => {
  for (const { fate, second } of [
    { fate: "temp", second: true },
    { fate: "unreachable", second: true },
    { fate: "lacking", second: true },
    { fate: "delivered", second: false },
    { fate: "perm", second: false },
    { fate: "uncertain", second: false }
  ] as const) {
    it.effect(`a recipient whose outcome is "${fate}" ${second ? "moves on" : "stays"} (CLASS-52)`, () =>
      Effect.gen(function* () {
        const [one, two] = [Fake.make(always(fate)), Fake.make()]
        const outcomes = yield* Transport.fallback(one.transport, two.transport).send(parcel(ann))
        assert.deepStrictEqual(two.asked, second ? [ann] : [])
        const word = second ? "delivered" : fate
        assert.deepStrictEqual(Fake.words(outcomes), [`${ann} ${word}`])
      })
    )
  }

  it.effect("each recipient goes his own way, and the order is the envelope's", () =>
    Effect.gen(function* () {
      const one = Fake.make(fates({ [ann]: "temp", [cy]: "perm" }))
      const two = Fake.make()
      const outcomes = yield* Transport.fallback(one.transport, two.transport).send(parcel(ann, bob, cy))
      assert.deepStrictEqual(Fake.words(outcomes), [`${ann} delivered`, `${bob} delivered`, `${cy} perm`])
      assert.deepStrictEqual(two.asked, [ann])
    })
  )

  it.effect("a failure for all moves all of them on", () =>
    Effect.gen(function* () {
      const two = Fake.make()
      const outcomes = yield* Transport.fallback(whole(Fake.failures.unreachable), two.transport).send(parcel(ann, bob))
      assert.deepStrictEqual(Fake.words(outcomes), [`${ann} delivered`, `${bob} delivered`])
    })
  )

  for (const { first, second, word } of [
    { first: "temp", second: "unreachable", word: "temp" },
    { first: "unreachable", second: "temp", word: "temp" },
    { first: "temp", second: "perm", word: "perm" },
    { first: "temp", second: "lacking", word: "temp" },
    { first: "lacking", second: "unreachable", word: "unreachable" },
    { first: "unreachable", second: "uncertain", word: "uncertain" }
  ] as const) {
    it.effect(`"${first}" and then "${second}" is reported as "${word}"`, () =>
      Effect.gen(function* () {
        const both = Transport.fallback(Fake.make(always(first)).transport, Fake.make(always(second)).transport)
        assert.deepStrictEqual(Fake.words(yield* both.send(parcel(ann))), [`${ann} ${word}`])
      })
    )
  }

  it.effect("a message that cannot be read is the error of the whole while nobody has it", () =>
    Effect.gen(function* () {
      const both = Transport.fallback(Fake.make(always("temp")).transport, Fake.make(() => Fake.broken).transport)
      const result = yield* Effect.result(both.send(parcel(ann)))
      assert.strictEqual(Result.isFailure(result) ? result.failure : undefined, Fake.broken)
    })
  )

  for (const fate of ["delivered", "uncertain"] as const) {
    it.effect(
      `the second cannot read the message after the first made it "${fate}" for somebody: a local failure`,
      () =>
        Effect.gen(function* () {
          const one = Fake.make(fates({ [ann]: fate, [bob]: "unreachable" }))
          const outcomes = yield* Transport.fallback(one.transport, Fake.make(() => Fake.broken).transport).send(
            parcel(ann, bob)
          )
          assert.deepStrictEqual(Fake.words(outcomes), [`${ann} ${fate}`, `${bob} unreachable`])
        })
    )
  }

  it.effect("a transport that forgets a recipient may have sent to him", () =>
    Effect.gen(function* () {
      const forgetful: Transport.Transport["Service"] = { send: () => Effect.succeed([]) }
      const two = Fake.make()
      const outcomes = yield* Transport.fallback(forgetful, two.transport).send(parcel(ann))
      assert.deepStrictEqual(Fake.words(outcomes), [`${ann} uncertain`])
      assert.deepStrictEqual(two.asked, [])
    })
  )

  it.effect("is data-last, too, and takes more than two", () =>
    Effect.gen(function* () {
      const [one, two, three] = [Fake.make(always("temp")), Fake.make(always("temp")), Fake.make()]
      const all = Transport.fallback(three.transport)(Transport.fallback(two.transport)(one.transport))
      assert.deepStrictEqual(Fake.words(yield* all.send(parcel(ann))), [`${ann} delivered`])
      assert.deepStrictEqual(
        [one, two, three].map(({ asked }) => asked.length),
        [1, 1, 1]
      )
    })
  )
})

describe("roundRobin", () => {
  it.effect("takes one after the other, round and round", () =>
    Effect.gen(function* () {
      const all = [Fake.make(), Fake.make(), Fake.make()] as const
      const transport = yield* Transport.roundRobin([all[0].transport, all[1].transport, all[2].transport])
      for (const name of ["a", "b", "c", "d"]) yield* transport.send(parcel(`${name}@x.example`))
      assert.deepStrictEqual(
        all.map(({ asked }) => asked),
        [["a@x.example", "d@x.example"], ["b@x.example"], ["c@x.example"]]
      )
    })
  )
})

describe("weighted", () => {
  it.effect("takes each as often as its weight says, and one without weight never", () =>
    Effect.gen(function* () {
      const [nine, one, none] = [Fake.make(), Fake.make(), Fake.make()]
      const transport = Transport.weighted([
        [0, none.transport],
        [9, nine.transport],
        [1, one.transport],
        [0, none.transport]
      ])
      yield* Effect.forEach(Array.from({ length: 1000 }), () => transport.send(parcel(ann)), { discard: true })
      assert.strictEqual(none.asked.length, 0)
      assert.strictEqual(nine.asked.length + one.asked.length, 1000)
      assert.isTrue(one.asked.length > 60 && one.asked.length < 140, `${one.asked.length} of 1000`)
    }).pipe(Random.withSeed("weights"))
  )

  it("refuses weights that give no choice", () => {
    const { transport } = Fake.make()
    for (const weight of [0, -1, NaN, Infinity]) {
      assert.throws(() => Transport.weighted([[weight, transport]]), /weights/)
    }
  })
})

describe("byRecipientDomain", () => {
  it.effect("each domain goes its way, each way once, and the order is the envelope's", () =>
    Effect.gen(function* () {
      const [self, two] = [Fake.make(), Fake.make(fates({ [cy]: "perm" }))]
      const transport = Transport.byRecipientDomain(self.transport, (domain) =>
        domain === "two.example" ? two.transport : undefined
      )
      const outcomes = yield* transport.send(parcel(cy, ann, "postmaster", bob))
      assert.deepStrictEqual(Fake.words(outcomes), [
        `${cy} perm`,
        `${ann} delivered`,
        "postmaster delivered",
        `${bob} delivered`
      ])
      assert.deepStrictEqual(
        [self.asked, two.asked],
        [
          [ann, "postmaster"],
          [cy, bob]
        ]
      )
      assert.deepStrictEqual([self.parcels.length, two.parcels.length], [1, 1])
    })
  )

  it.effect("a domain is given in lower case and A-labels", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const transport = Transport.byRecipientDomain((domain: string) => {
        seen.push(domain)
        return undefined
      })(Fake.make().transport)
      yield* transport.send(parcel("a@TWO.Example", "b@bücher.example"))
      assert.deepStrictEqual(seen, ["two.example", "xn--bcher-kva.example"])
    })
  )
})

describe("archive", () => {
  it.effect("the copy has those who got the message, or may have", () =>
    Effect.gen(function* () {
      const mail = Fake.make(fates({ [bob]: "perm", [cy]: "uncertain" }))
      const copies = Fake.make()
      const outcomes = yield* Transport.archive(mail.transport, copies.transport).send(parcel(ann, bob, cy))
      assert.deepStrictEqual(Fake.words(outcomes), [`${ann} delivered`, `${bob} perm`, `${cy} uncertain`])
      assert.deepStrictEqual(copies.asked, [ann, cy])
    })
  )

  it.effect("what nobody got is not archived", () =>
    Effect.gen(function* () {
      const copies = Fake.make()
      yield* Transport.archive(Fake.make(always("temp")).transport, copies.transport).send(parcel(ann))
      assert.deepStrictEqual(copies.asked, [])
    })
  )

  const failing: Readonly<Record<string, Transport.Transport["Service"]>> = {
    "a refusal": Fake.make(always("perm")).transport,
    "a failure for all": whole(Fake.failures.unreachable),
    "an unreadable message": Fake.make(() => Fake.broken).transport,
    "a defect": { send: () => Effect.die(new Error("a bug")) }
  }
  for (const [what, copies] of Object.entries(failing)) {
    it.effect(`${what} of the archive is logged, and the mail is delivered all the same`, () => {
      const logged: Array<unknown> = []
      const logger = Logger.make(({ message }) => logged.push(message))
      return Effect.gen(function* () {
        const transport = Transport.archive(Fake.make().transport, copies)
        assert.deepStrictEqual(Fake.words(yield* transport.send(parcel(ann))), [`${ann} delivered`])
        assert.strictEqual(logged.length, 1)
      }).pipe(Effect.provide(Logger.layer([logger])))
    })
  }

  it.effect("with `required`, the copy comes first, and without it nothing is sent", () =>
    Effect.gen(function* () {
      const mail = Fake.make()
      const strict = (copies: Transport.Transport["Service"]) =>
        Transport.archive(copies, { required: true })(mail.transport)
      const outcomes = yield* strict(whole(Fake.failures.perm)).send(parcel(ann, bob))
      assert.deepStrictEqual(Fake.words(outcomes), [`${ann} temp`, `${bob} temp`])
      assert.deepStrictEqual(mail.asked, [])
      assert.deepStrictEqual(Fake.words(yield* strict(Fake.make().transport).send(parcel(ann))), [`${ann} delivered`])
      assert.deepStrictEqual(mail.asked, [ann])
    })
  )

  it.effect("the copy can have another envelope", () =>
    Effect.gen(function* () {
      const copies = Fake.make()
      const journal = parcel("journal@archive.example").envelope
      const toJournal = (copy: Parcel.Parcel) => ({ ...copy, envelope: journal })
      yield* Transport.archive(Fake.make().transport, copies.transport, { parcel: toJournal }).send(parcel(ann, bob))
      assert.deepStrictEqual(copies.asked, ["journal@archive.example"])
    })
  )
})

describe("suppress", () => {
  it.effect("those on the list are never sent to, and refused with 5.7.1 (CLASS-02)", () =>
    Effect.gen(function* () {
      const mail = Fake.make()
      const list = Result.getOrThrow(Transport.suppressionList(["bob@TWO.Example"]))
      const outcomes = yield* Transport.suppress(mail.transport, list).send(parcel(ann, bob, cy))
      assert.deepStrictEqual(Fake.words(outcomes), [`${ann} delivered`, `${bob} perm`, `${cy} delivered`])
      assert.strictEqual(outcomes[1]?._tag === "Failed" ? outcomes[1].failure.enhanced : undefined, "5.7.1")
      assert.deepStrictEqual(mail.asked, [ann, cy])
    })
  )

  it.effect("when all are on the list, the transport is not asked", () =>
    Effect.gen(function* () {
      const mail = Fake.make()
      const transport = Transport.suppress(() => Effect.succeed(true))(mail.transport)
      assert.deepStrictEqual(Fake.words(yield* transport.send(parcel(ann))), [`${ann} perm`])
      assert.strictEqual(mail.parcels.length, 0)
    })
  )

  it("a list with something that is no address is refused, since it would never match", () => {
    assert.isTrue(Result.isFailure(Transport.suppressionList(["bob@two.example", "not an address"])))
  })
})

describe("tap and around", () => {
  it.effect("tap sees one outcome for each, even of a failure for all", () =>
    Effect.gen(function* () {
      const seen: Array<ReadonlyArray<string>> = []
      const transport = Transport.tap(whole(Fake.failures.unreachable), (outcomes) =>
        Effect.sync(() => seen.push(Fake.words(outcomes)))
      )
      yield* transport.send(parcel(ann, bob))
      assert.deepStrictEqual(seen, [[`${ann} unreachable`, `${bob} unreachable`]])
    })
  )

  it.effect("around runs the attempt within the wrapper, which may turn it away", () =>
    Effect.gen(function* () {
      const mail = Fake.make()
      const transport = Transport.around(mail.transport, (sending, { envelope }) =>
        envelope.recipients.length > 1 ? Effect.fail(Fake.failures.temp) : sending
      )
      assert.deepStrictEqual(Fake.words(yield* transport.send(parcel(ann))), [`${ann} delivered`])
      const result = yield* Effect.result(transport.send(parcel(ann, bob)))
      assert.strictEqual(Result.isFailure(result) ? result.failure : undefined, Fake.failures.temp)
      assert.deepStrictEqual(mail.asked, [ann])
    })
  )
})

// Any composition of any transports.
const domains = ["one.example", "two.example", "three.example"] as const
const Recipients = Schema.NonEmptyArray(
  Schema.Struct({ name: Schema.Literals(["a", "b", "c", "d"]), domain: Schema.Literals(domains) })
)
const Way = Schema.Union([
  Schema.Array(Fake.Fate).check(Schema.isMinLength(1)),
  Schema.Literals(["unreachable", "unreadable", "silent"])
])
const inputs = {
  recipients: Recipients,
  ways: Schema.Tuple([Way, Way, Way, Way]),
  shape: Schema.Literals(["fallback", "byRecipientDomain", "archive", "suppress", "weighted", "all"])
}

// Stable, so that the same recipient meets the same fate at the same transport.
const fateAt = (way: ReadonlyArray<Fake.Fate>, recipient: string): Fake.Fate =>
  way[[...recipient].reduce((sum, c) => sum + c.charCodeAt(0), 0) % way.length] ?? "temp"

const transportOf = (way: typeof Way.Type, hasIt: Map<string, number>): Transport.Transport["Service"] => {
  if (way === "unreachable") return whole(Fake.failures.unreachable)
  if (way === "unreadable") return Fake.make(() => Fake.broken).transport
  if (way === "silent")
    return {
      send: ({ envelope }) =>
        Effect.sync(() => {
          for (const { address } of envelope.recipients) hasIt.set(address, (hasIt.get(address) ?? 0) + 1)
          return []
        })
    }
  return Fake.make((recipient) => {
    const fate = fateAt(way, recipient)
    if (fate === "delivered" || fate === "uncertain") hasIt.set(recipient, (hasIt.get(recipient) ?? 0) + 1)
    return fate
  }).transport
}

it.effect.prop(
  "every recipient has exactly one outcome, and nobody is sent to twice",
  inputs,
  ({ recipients, shape, ways }) =>
    Effect.gen(function* () {
      const names = [...new Set(recipients.map(({ domain, name }) => `${name}@${domain}`))]
      const hasIt = new Map<string, number>()
      const [a, b, c, d] = [
        transportOf(ways[0], hasIt),
        transportOf(ways[1], hasIt),
        transportOf(ways[2], hasIt),
        transportOf(ways[3], hasIt)
      ] as const
      const copies = Fake.make(always("temp")).transport
      const two = (domain: string) => (domain === "two.example" ? b : domain === "three.example" ? c : undefined)
      const listed = (recipient: string) => Effect.succeed(recipient.startsWith("a"))
      const shapes = {
        fallback: Transport.fallback(Transport.fallback(a, b), c),
        byRecipientDomain: Transport.byRecipientDomain(a, two),
        archive: Transport.archive(a, copies),
        suppress: Transport.suppress(a, listed),
        weighted: Transport.weighted([
          [1, a],
          [2, b]
        ]),
        all: Transport.fallback(
          Transport.byRecipientDomain(Transport.suppress(a, listed), two),
          Transport.archive(d, copies)
        )
      }
      const result = yield* Effect.result(
        Effect.catchIf(shapes[shape].send(parcel(...names)), Failure.isFailure, (failure) =>
          Effect.succeed(Transport.failAll(parcel(...names), failure))
        )
      )
      for (const [name, count] of hasIt) assert.strictEqual(count, 1, name)
      if (Result.isFailure(result)) {
        assert.instanceOf(result.failure, MessageError.MessageError)
        // Sending it all again would not double anything.
        assert.strictEqual(hasIt.size, 0)
        return
      }
      // Where a transport is only chosen, its answer is handed on as it is.
      if (shape !== "weighted")
        assert.deepStrictEqual(
          result.success.map(({ recipient }) => recipient),
          names
        )
      for (const outcome of result.success) {
        if (outcome._tag === "Delivered") assert.isTrue(hasIt.has(outcome.recipient))
        else if (hasIt.has(outcome.recipient)) {
          assert.isTrue(outcome.failure._tag === "TempFailure" && outcome.failure.uncertain)
        }
      }
    })
)
