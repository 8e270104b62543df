/**
 * What every `Delivery` must do, whoever wrote it, as a list of named effects that fail with a `ContractError`:
 *
 * ```ts
 * for (const { name, effect } of DeliveryContract.cases(layer)) it.effect(name, () => effect)
 * ```
 *
 * The delivery under test has to reach the domains `inbox.example` and `other.example`, where the local parts of
 * `SpecialAddresses` mean what they say: `accept`, `temp` and `perm`.
 *
 * @since 0.1.0
 */
import * as Delivery from "@effect-mail/delivery/Delivery"
import * as Parcel from "@effect-mail/message/Parcel"
import * as Envelope from "@effect-mail/protocol/Envelope"
import * as Receipt from "@effect-mail/protocol/Receipt"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { type Case, check, ContractError, equal } from "./Contract.ts"
import * as Bytes from "./internal/bytes.ts"

const content = "From: Ada <ada@sender.example>\r\nMessage-ID: <1@sender.example>\r\n\r\n.Hello\r\n"

const addresses = [
  "perm@inbox.example",
  "accept@other.example",
  "accept@inbox.example",
  "temp@other.example",
  "Accept@inbox.example"
]

const words = ["perm", "delivered", "delivered", "temp", "delivered"]

// The contract's own message and addresses are valid.
const parcel = Result.getOrThrow(
  Parcel.fromBytes(Bytes.from(content), Result.getOrThrow(Envelope.make({ from: "ada@sender.example", to: addresses })))
)

const recipientsOf = ({ envelope }: Parcel.Parcel): ReadonlyArray<string> =>
  envelope.recipients.map(({ address }) => address)

const attempt = Effect.flatMap(Delivery.Delivery, (delivery) => delivery.attempt(parcel))

const wordsOf = (outcomes: ReadonlyArray<Receipt.Outcome>) => outcomes.map(Receipt.outcomeWord)

const laws = {
  "every recipient has one outcome, in the order of the envelope; a refusal is an outcome": Effect.gen(function* () {
    const outcomes = yield* attempt
    const recipients = outcomes.map(({ recipient }) => recipient)
    yield* equal(recipients, recipientsOf(parcel), "the recipients")
    yield* equal(wordsOf(outcomes), words, "the outcomes")
  }),

  "an attempt counts as one, and a parcel can be attempted again": Effect.gen(function* () {
    yield* attempt
    const again = yield* attempt
    yield* equal(wordsOf(again), words, "the outcomes of the second time")
    yield* check(
      again.every(({ attempts }) => attempts === 1),
      "an attempt counts as more than one"
    )
  }),

  "a split loses nobody, doubles nobody and leaves the message alone": Effect.gen(function* () {
    const { split } = yield* Delivery.Delivery
    const parts = split(parcel)
    yield* equal(parts.flatMap(recipientsOf).toSorted(), recipientsOf(parcel).toSorted(), "the recipients of all parts")
    for (const part of parts) {
      yield* check(part.body === parcel.body, "a part has another body")
      yield* equal(part.messageId, parcel.messageId, "the Message-ID of a part")
      yield* equal(part.envelope.reversePath, parcel.envelope.reversePath, "the reverse-path of a part")
      const inEnvelope = recipientsOf(parcel).filter((recipient) => recipientsOf(part).includes(recipient))
      yield* equal(recipientsOf(part), inEnvelope, "the order within a part")
    }
  }),

  "a part that is split again is one part": Effect.gen(function* () {
    const { split } = yield* Delivery.Delivery
    for (const part of split(parcel)) yield* equal(split(part).map(recipientsOf), [recipientsOf(part)], "the parts")
  }),

  "the parts attempted on their own come to the same as the whole": Effect.gen(function* () {
    const delivery = yield* Delivery.Delivery
    const parts = yield* Effect.forEach(delivery.split(parcel), delivery.attempt)
    yield* equal(wordsOf(Delivery.inOrder(parcel, parts.flat())), words, "the outcomes")
  }),

  "outcomes survive being stored": Effect.gen(function* () {
    const codec = Schema.fromJsonString(Schema.Array(Receipt.Outcome))
    const json = yield* Schema.encodeEffect(codec)(yield* attempt)
    const stored = yield* Schema.decodeEffect(codec)(json)
    yield* equal(wordsOf(stored), words, "the outcomes")
    yield* equal(yield* Schema.encodeEffect(codec)(stored), json, "the JSON")
  }).pipe(Effect.catchTag("SchemaError", ({ message }) => new ContractError({ detail: `no JSON: ${message}` })))
}

/**
 * The cases of the contract. The layer is built anew for each of them; one that fails to build is a defect.
 *
 * @category testing
 * @since 0.1.0
 */
export const cases = <E, R>(layer: Layer.Layer<Delivery.Delivery, E, R>): ReadonlyArray<Case<ContractError, R>> =>
  Object.entries<Effect.Effect<void, ContractError, Delivery.Delivery>>(laws).map(([name, law]) => ({
    name,
    effect: Effect.provide(law, Layer.orDie(layer))
  }))
