/**
 * Sends mail: renders the message, signs it, attempts every destination, and tries again as the current policy says, for as
 * long as the calling fiber lives. One message becomes one typed outcome for each recipient.
 *
 * @since 0.1.0
 */
import * as Delivery from "@effect-mail/delivery/Delivery"
import type { Message } from "@effect-mail/message/Message"
import type { MessageError } from "@effect-mail/message/MessageError"
import * as Render from "@effect-mail/message/Render"
import * as Signing from "@effect-mail/message/Signing"
import * as Policy from "@effect-mail/policy/Policy"
import { PolicyError } from "@effect-mail/policy/PolicyError"
import * as Trace from "@effect-mail/policy/Trace"
import type * as Failure from "@effect-mail/protocol/Failure"
import * as Receipt from "@effect-mail/protocol/Receipt"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Explanation from "./Explanation.ts"
import { persist } from "./internal/persist.ts"
import { bounce, type Notice, Notifier } from "./Notice.ts"

/**
 * Sends mail.
 *
 * @category services
 * @since 0.1.0
 */
export class Mailer extends Context.Service<
  Mailer,
  {
    /**
     * Sends a message and succeeds as soon as every recipient has an outcome and at least one was accepted. When nobody
     * was, it fails with the failure that weighs most (`Failure.combine`). It waits between attempts as the current policy
     * says, which can take days; override `CurrentPolicy`, or use `Effect.timeout`, where nobody can wait so long.
     */
    readonly send: (message: Message) => Effect.Effect<Receipt.Receipt, Failure.Failure | MessageError>
    /** The same, but it always ends in a receipt, even when nobody was accepted. */
    readonly deliver: (message: Message) => Effect.Effect<Receipt.Receipt, MessageError>
    /** Says what would become of a message, and sends nothing: its routes, and when it would be tried. */
    readonly explain: (message: Message) => Effect.Effect<Explanation.Explanation, MessageError>
  }
>()("effect-mail/Mailer") {}

/**
 * Sends a message; see `Mailer`. Fails with `TempFailure`, `PermFailure` or `Unreachable` when nobody was accepted, and
 * with `MessageError` when the message cannot be rendered or signed.
 *
 * @category combinators
 * @since 0.1.0
 */
export const send = (message: Message): Effect.Effect<Receipt.Receipt, Failure.Failure | MessageError, Mailer> =>
  Effect.flatMap(Mailer, (mailer) => mailer.send(message))

/**
 * Sends a message and gives a receipt whatever became of it; see `Mailer`. Fails with `MessageError` when the message
 * cannot be rendered or signed.
 *
 * @category combinators
 * @since 0.1.0
 */
export const deliver = (message: Message): Effect.Effect<Receipt.Receipt, MessageError, Mailer> =>
  Effect.flatMap(Mailer, (mailer) => mailer.deliver(message))

/**
 * Says what would become of a message, and sends nothing; see `Explanation`. Fails with `MessageError` when the message cannot
 * be rendered.
 *
 * @category combinators
 * @since 0.1.0
 */
export const explain = (message: Message): Effect.Effect<Explanation.Explanation, MessageError, Mailer> =>
  Effect.flatMap(Mailer, (mailer) => mailer.explain(message))

/**
 * A message of many and what became of it: as `send` says.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sent {
  readonly message: Message
  readonly result: Result.Result<Receipt.Receipt, Failure.Failure | MessageError>
}

/**
 * Sends many messages, each as `send` does, and gives one result for each as soon as it is there, in any order: what becomes
 * of one is never the failure of the stream. At most `concurrency` messages (default 64) are under way; one that waits for a
 * retry is, so give a large number, or a policy with a short lifetime. No more messages are taken from the stream than can be
 * sent. Throws a `PolicyError` unless `concurrency` is a whole number from 1.
 *
 * @category combinators
 * @since 0.1.0
 */
export const sendAll = <E = never, R = never>(
  messages: Stream.Stream<Message, E, R> | Iterable<Message>,
  options: { readonly concurrency?: number | undefined } = {}
): Stream.Stream<Sent, E, R | Mailer> => {
  const { concurrency = 64 } = options
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
    throw new PolicyError({ setting: "concurrency", reason: `must be a whole number from 1, not ${concurrency}` })
  }
  return Stream.mapEffect(
    Stream.isStream(messages) ? messages : Stream.fromIterable(messages),
    (message) => Effect.map(Effect.result(send(message)), (result): Sent => ({ message, result })),
    { concurrency, unordered: true }
  )
}

/**
 * The mailer over a `Delivery`. It signs as `Signing.CurrentSigning` says when the layer is built: once, before the first
 * attempt. What it signs goes out as 7bit, whatever `Encoding.CurrentWidest` allows.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Mailer, never, Delivery.Delivery> = Layer.effect(
  Mailer,
  Effect.gen(function* () {
    const delivery = yield* Delivery.Delivery
    const sign = yield* Signing.current
    const { signers } = yield* Signing.CurrentSigning
    const render =
      signers.length === 0 ? Render.render : (message: Message) => Effect.flatMap(Render.render(message), sign)
    // Generators that delegate to each other are one effect.
    function* delivering(message: Message, annotate: Trace.Annotate | undefined) {
      const parcel = yield* render(message)
      const { envelope, messageId } = parcel
      if (annotate !== undefined) {
        yield* annotate({ "mail.message_id": messageId, "mail.recipients": envelope.recipients.length })
      }
      const outcomes = yield* persist(delivery, delivery.split(parcel))
      return Receipt.receipt(Delivery.inOrder(parcel, outcomes), messageId)
    }
    const deliver = Effect.fnUntraced(delivering)
    const send = Effect.fnUntraced(function* (message: Message, annotate: Trace.Annotate | undefined) {
      const receipt = yield* delivering(message, annotate)
      const failure = Receipt.strongestFailure(receipt)
      return failure === undefined ? receipt : yield* Effect.fail(failure)
    })
    const traced =
      <E>(run: (message: Message, annotate: Trace.Annotate | undefined) => Effect.Effect<Receipt.Receipt, E>) =>
      (message: Message): Effect.Effect<Receipt.Receipt, E> =>
        Trace.withSpan("Mailer.deliver", (annotate) => prioritized(message, run(message, annotate)))
    return {
      deliver: traced(deliver),
      send: traced(send),
      explain: (message) =>
        prioritized(
          message,
          Effect.flatMap(render(message), (parcel) => Explanation.make(delivery, parcel))
        )
    }
  })
)

// The policy goes by the message's own priority, if it has one.
const prioritized = <A, E, R>(message: Message, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  message._tag === "Composed" && message.priority !== undefined
    ? Effect.provideService(effect, Policy.CurrentPriority, message.priority)
    : effect

/**
 * A mailer for tests: renders for real, sends nothing and records every attempt in `Delivery.Attempts`. `decide` says what
 * becomes of a recipient at its n-th attempt; without it everybody is accepted. Retries follow the current policy, so that
 * five days of them pass in an instant under `TestClock`.
 *
 * @category testing
 * @since 0.1.0
 */
export const layerTest = (
  decide?: (recipient: string, attempt: number) => Failure.Failure | undefined
): Layer.Layer<Mailer | Delivery.Attempts> => layer.pipe(Layer.provideMerge(Delivery.layerTest(decide)))

/**
 * A `Notifier` that writes to the senders: a bounce when mail is given up and the policy wants one, a warning when it is late
 * (`Notice.bounce`). They are sent by the mailer with the null reverse-path, while other mail goes on. What cannot be written
 * or sent is logged: nobody is told that he could not be told. `Layer.provideMerge(Mailer.layerBounces(…), mailer)` puts it
 * beside the mailer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerBounces = (options: {
  /** The name of this host, which reports. */
  readonly reportingMta: string
}): Layer.Layer<never, never, Mailer> =>
  Layer.effect(
    Notifier,
    Effect.gen(function* () {
      const mailer = yield* Mailer
      const scope = yield* Effect.scope
      return (notice: Notice) =>
        bounce(notice, options.reportingMta).pipe(
          Effect.flatMap((message) => (message === undefined ? Effect.void : mailer.send(message))),
          Effect.catch((error) => Effect.logWarning("A bounce was not sent", error)),
          Effect.forkIn(scope),
          Effect.asVoid
        )
    })
  )
