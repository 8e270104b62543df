/**
 * Where the mail of a test server ends up, to look into. Messages are kept as the bytes that came over the wire.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as Stream from "effect/Stream"

/**
 * A message that a server took.
 *
 * @category models
 * @since 0.1.0
 */
export interface Mail {
  /** The reverse-path, "" for a bounce. */
  readonly from: string
  readonly recipients: ReadonlyArray<string>
  /** The parameters of MAIL, such as `SIZE` or `BODY`. */
  readonly parameters: ReadonlyMap<string, string | undefined>
  /** The message without dot-stuffing. */
  readonly content: Uint8Array
  /** Whether it came over TLS. */
  readonly secure: boolean
}

/**
 * The mail that was taken, oldest first.
 *
 * @category services
 * @since 0.1.0
 */
export class Mailbox extends Context.Service<
  Mailbox,
  {
    readonly put: (mail: Mail) => Effect.Effect<void>
    readonly all: Effect.Effect<ReadonlyArray<Mail>>
    /** The mail for one recipient. */
    readonly to: (recipient: string) => Effect.Effect<ReadonlyArray<Mail>>
    /** Waits until `count` messages are there and gives them. */
    readonly wait: (count: number) => Effect.Effect<ReadonlyArray<Mail>>
  }
>()("@effect-mail/testing/Mailbox") {}

/**
 * An empty mailbox.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<Mailbox["Service"]> = Effect.map(
  SubscriptionRef.make<ReadonlyArray<Mail>>([]),
  (mails) => ({
    put: (mail) => SubscriptionRef.update(mails, (all) => [...all, mail]),
    all: SubscriptionRef.get(mails),
    to: (recipient) =>
      Effect.map(SubscriptionRef.get(mails), (all) => all.filter((mail) => mail.recipients.includes(recipient))),
    wait: (count) =>
      SubscriptionRef.changes(mails).pipe(
        Stream.filter((all) => all.length >= count),
        Stream.runHead,
        Effect.flatMap(Effect.fromOption),
        // The changes of a reference never end.
        Effect.orDie
      )
  })
)

/**
 * The mailbox as a layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Mailbox> = Layer.effect(Mailbox, make)
