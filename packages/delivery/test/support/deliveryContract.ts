/**
 * What every `Delivery` must do, whoever wrote it. The layer under test knows the domains inbox.example and
 * other.example, and the local parts of `SpecialAddresses`: `accept`, `temp` and `perm`.
 */
import { Delivery } from "@effect-mail/delivery"
import { Receipt } from "@effect-mail/protocol"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer, Schema } from "effect"
import { parcelTo, recipientsOf } from "./world.ts"

const parcel = parcelTo(
  "perm@inbox.example",
  "accept@other.example",
  "accept@inbox.example",
  "temp@other.example",
  "Accept@inbox.example"
)

const words = ["perm", "delivered", "delivered", "temp", "delivered"]

export const deliveryContract = (name: string, layer: Layer.Layer<Delivery.Delivery>): void => {
  const attempt = Effect.flatMap(Delivery.Delivery, (delivery) => delivery.attempt(parcel))

  describe(`${name} keeps the contract of Delivery`, () => {
    it.effect("every recipient has one outcome, in the order of the envelope; a refusal is an outcome", () =>
      Effect.gen(function* () {
        const outcomes = yield* attempt
        assert.deepStrictEqual(
          outcomes.map(({ recipient }) => recipient),
          recipientsOf(parcel)
        )
        assert.deepStrictEqual(outcomes.map(Receipt.outcomeWord), words)
      }).pipe(Effect.provide(layer))
    )

    it.effect("an attempt counts as one, and a parcel can be attempted again", () =>
      Effect.gen(function* () {
        yield* attempt
        const again = yield* attempt
        assert.deepStrictEqual(again.map(Receipt.outcomeWord), words)
        assert.isTrue(again.every(({ attempts }) => attempts === 1))
      }).pipe(Effect.provide(layer))
    )

    it.effect("a split loses nobody, doubles nobody and leaves the message alone", () =>
      Effect.gen(function* () {
        const { split } = yield* Delivery.Delivery
        const parts = split(parcel)
        assert.deepStrictEqual(parts.flatMap(recipientsOf).toSorted(), recipientsOf(parcel).toSorted())
        for (const part of parts) {
          assert.strictEqual(part.body, parcel.body)
          assert.strictEqual(part.messageId, parcel.messageId)
          assert.strictEqual(part.envelope.reversePath, parcel.envelope.reversePath)
          const inEnvelope = recipientsOf(parcel).filter((recipient) => recipientsOf(part).includes(recipient))
          assert.deepStrictEqual(recipientsOf(part), inEnvelope)
        }
      }).pipe(Effect.provide(layer))
    )

    it.effect("a part that is split again is one part", () =>
      Effect.gen(function* () {
        const { split } = yield* Delivery.Delivery
        for (const part of split(parcel)) assert.deepStrictEqual(split(part).map(recipientsOf), [recipientsOf(part)])
      }).pipe(Effect.provide(layer))
    )

    it.effect("the parts attempted on their own come to the same as the whole", () =>
      Effect.gen(function* () {
        const delivery = yield* Delivery.Delivery
        const parts = yield* Effect.forEach(delivery.split(parcel), delivery.attempt)
        assert.deepStrictEqual(Delivery.inOrder(parcel, parts.flat()).map(Receipt.outcomeWord), words)
      }).pipe(Effect.provide(layer))
    )

    it.effect("outcomes survive being stored", () =>
      Effect.gen(function* () {
        const codec = Schema.fromJsonString(Schema.Array(Receipt.Outcome))
        const outcomes = yield* attempt
        const stored = yield* Schema.decodeEffect(codec)(yield* Schema.encodeEffect(codec)(outcomes))
        assert.deepStrictEqual(stored.map(Receipt.outcomeWord), words)
        assert.strictEqual(yield* Schema.encodeEffect(codec)(stored), yield* Schema.encodeEffect(codec)(outcomes))
      }).pipe(Effect.provide(layer))
    )
  })
}
