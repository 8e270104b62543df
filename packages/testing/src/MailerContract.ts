/**
 * What every `Mailer` must do, whoever wrote it, as a list of named effects that fail with a `ContractError`:
 *
 * ```ts
 * for (const { name, effect } of MailerContract.cases(layer)) it.effect(name, () => effect)
 * ```
 *
 * The mailer under test has to reach `inbox.example`, where the local parts of `SpecialAddresses` mean what they say:
 * `accept`, `temp` and `perm`. The policy of each case retries nothing.
 *
 * @since 0.1.0
 */
import * as Message from "@effect-mail/message/Message"
import * as Policy from "@effect-mail/policy/Policy"
import * as Receipt from "@effect-mail/protocol/Receipt"
import * as Mailer from "effect-mail/Mailer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { type Case, check, ContractError, equal } from "./Contract.ts"

const messageTo = (...locals: ReadonlyArray<string>): Message.Message =>
  Message.make({
    from: "ada@sender.example",
    to: locals.map((local) => `${local}@inbox.example`),
    subject: "Hello",
    text: "Hello\n"
  })

const delivered = (message: Message.Message) =>
  Effect.mapError(Mailer.deliver(message), (error) => new ContractError({ detail: `no receipt: ${error.message}` }))

const wordsOf = ({ outcomes }: Receipt.Receipt) => outcomes.map(Receipt.outcomeWord)

const mixed = messageTo("perm", "accept", "temp")
const words = ["perm", "delivered", "temp"]

const laws = {
  "every recipient has an outcome, in the order of the message": Effect.gen(function* () {
    const receipt = yield* delivered(mixed)
    const recipients = receipt.outcomes.map(({ recipient }) => recipient)
    yield* equal(recipients, ["perm@inbox.example", "accept@inbox.example", "temp@inbox.example"], "the recipients")
    yield* equal(wordsOf(receipt), words, "the outcomes")
  }),

  "partial success is a value, of send, too": Effect.gen(function* () {
    const sent = yield* Effect.result(Mailer.send(mixed))
    if (Result.isFailure(sent)) return yield* new ContractError({ detail: `it failed: ${sent.failure.message}` })
    yield* equal(wordsOf(sent.success), words, "the outcomes")
  }),

  "when nobody is accepted, send fails with what weighs most, and deliver has a receipt": Effect.gen(function* () {
    const message = messageTo("temp", "perm")
    const sent = yield* Effect.result(Mailer.send(message))
    const tag = Result.isFailure(sent) ? sent.failure._tag : "success"
    yield* equal(tag, "PermFailure", "the failure of send")
    yield* equal(wordsOf(yield* delivered(message)), ["temp", "perm"], "the outcomes of deliver")
  }),

  "a message that cannot be rendered is sent to nobody": Effect.gen(function* () {
    const subject = "a line\r\nBcc: mallory@example.net"
    const message = Message.make({ from: "ada@sender.example", to: "accept@inbox.example", subject, text: "x" })
    const nobody = Message.make({ from: "ada@sender.example", subject: "x", text: "x" })
    for (const wrong of [message, nobody]) {
      const sent = yield* Effect.result(Mailer.deliver(wrong))
      const tag = Result.isFailure(sent) ? sent.failure._tag : "success"
      yield* equal(tag, "MessageError", "the failure")
    }
  }),

  "to explain a message is not to send it: it can be sent afterwards, with the same outcomes": Effect.gen(function* () {
    yield* Effect.mapError(
      Mailer.explain(mixed),
      (error) => new ContractError({ detail: `it failed: ${error.message}` })
    )
    yield* equal(wordsOf(yield* delivered(mixed)), words, "the outcomes")
  }),

  "a receipt survives being stored": Effect.gen(function* () {
    const codec = Schema.fromJsonString(Receipt.Receipt)
    const json = yield* Schema.encodeEffect(codec)(yield* delivered(mixed))
    const stored = yield* Schema.decodeEffect(codec)(json)
    yield* equal(wordsOf(stored), words, "the outcomes")
    yield* equal(yield* Schema.encodeEffect(codec)(stored), json, "the JSON")
  }).pipe(Effect.catchTag("SchemaError", ({ message }) => new ContractError({ detail: `no JSON: ${message}` }))),

  "messages that are sent at once are not mixed up": Effect.gen(function* () {
    const locals = ["accept", "perm", "accept", "temp", "accept"] as const
    const receipts = yield* Effect.forEach(locals, (local) => delivered(messageTo(local)), { concurrency: "unbounded" })
    yield* equal(
      receipts.flatMap(wordsOf),
      locals.map((local) => (local === "accept" ? "delivered" : local)),
      "the outcomes"
    )
    const ids = receipts.map(({ messageId }) => messageId)
    yield* check(new Set(ids).size === ids.length, "two messages have the same Message-ID")
  })
}

/**
 * The cases of the contract. The layer is built anew for each of them; one that fails to build is a defect.
 *
 * @category testing
 * @since 0.1.0
 */
export const cases = <E, R>(layer: Layer.Layer<Mailer.Mailer, E, R>): ReadonlyArray<Case<ContractError, R>> =>
  Object.entries<Effect.Effect<void, ContractError, Mailer.Mailer>>(laws).map(([name, law]) => ({
    name,
    effect: law.pipe(Effect.provide(Layer.orDie(layer)), Effect.provideService(Policy.CurrentPolicy, Policy.noRetry))
  }))
