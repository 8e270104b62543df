/**
 * Where the mail of a test server ends up, to look into. Messages are kept as the bytes that came over the wire.
 *
 * @since 0.1.0
 */
import * as Delivery from "@effect-mail/delivery/Delivery"
import type * as Parcel from "@effect-mail/message/Parcel"
import * as Receipt from "@effect-mail/protocol/Receipt"
import { Transport } from "@effect-mail/transport/Transport"
import * as Mailer from "effect-mail/Mailer"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as Stream from "effect/Stream"
import PostalMime from "postal-mime"
import * as Bytes from "./internal/bytes.ts"

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
 * A file that hangs on a message, or a part that is not shown.
 *
 * @category models
 * @since 0.1.0
 */
export interface Attachment {
  readonly name: string | undefined
  /** The MIME type in lower case, as in `application/pdf`. */
  readonly type: string
  readonly content: Uint8Array
}

/**
 * A message as its reader sees it: decoded by `postal-mime`, which nobody here wrote.
 *
 * @category models
 * @since 0.1.0
 */
export interface Letter {
  readonly mail: Mail
  /** The decoded subject, "" without one. */
  readonly subject: string
  /** Every header field in order, unfolded but not decoded. */
  readonly headers: ReadonlyArray<{ readonly name: string; readonly value: string }>
  /** The value of the first header field of this name, in whatever case. */
  readonly header: (name: string) => string | undefined
  readonly text: string | undefined
  readonly html: string | undefined
  readonly attachments: ReadonlyArray<Attachment>
}

/**
 * The message is no message that a MIME parser can read.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnreadableMail extends Data.TaggedError("UnreadableMail")<{
  readonly mail: Mail
  readonly cause: unknown
}> {
  override get message(): string {
    return `the mail from <${this.mail.from}> cannot be read: ${String(this.cause)}`
  }
}

/**
 * What to look for; all of it must hold. A string is looked for within the words, a regular expression is tried on them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Query {
  /** One of the recipients of the envelope, exactly. */
  readonly to?: string | undefined
  /** The reverse-path, exactly; "" for bounces. */
  readonly from?: string | undefined
  readonly subject?: string | RegExp | undefined
  /** Header fields by their names, each with words of one of its values. */
  readonly headers?: Readonly<Record<string, string | RegExp>> | undefined
  /** Words of the text, of the HTML or of an attachment that is text. */
  readonly part?: string | RegExp | undefined
  /** The file name of an attachment. */
  readonly attachment?: string | RegExp | undefined
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
    /** The messages that a query is true of, as their readers see them; what cannot be read is not among them. */
    readonly find: (query?: Query) => Effect.Effect<ReadonlyArray<Letter>>
    /** Waits for the `nth` message, from 1, that a query is true of. It waits for ever; give it an `Effect.timeout`. */
    readonly waitFor: (query?: Query, nth?: number) => Effect.Effect<Letter>
    /** Throws everything away. */
    readonly clear: Effect.Effect<void>
  }
>()("@effect-mail/testing/Mailbox") {}

/**
 * Reads a message as its recipient does.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (mail: Mail): Effect.Effect<Letter, UnreadableMail> =>
  Effect.map(
    Effect.tryPromise({
      try: () => PostalMime.parse(mail.content, { attachmentEncoding: "arraybuffer" }),
      catch: (cause) => new UnreadableMail({ mail, cause })
    }),
    (email) => {
      const headers = email.headers.map(({ originalKey, value }) => ({ name: originalKey, value }))
      return {
        mail,
        subject: email.subject ?? "",
        headers,
        header: (name) => headers.find((header) => isNamed(header, name))?.value,
        text: email.text,
        html: email.html,
        attachments: email.attachments.map(({ content, filename, mimeType }) => ({
          name: filename ?? undefined,
          type: mimeType,
          content: typeof content === "string" ? Bytes.from(content) : new Uint8Array(content)
        }))
      }
    }
  )

const isNamed = (header: { readonly name: string }, name: string): boolean =>
  header.name.toLowerCase() === name.toLowerCase()

const says = (text: string | undefined, words: string | RegExp): boolean =>
  text !== undefined && (typeof words === "string" ? text.includes(words) : text.search(words) >= 0)

const partsOf = ({ attachments, html, text }: Letter): ReadonlyArray<string> => [
  ...(text === undefined ? [] : [text]),
  ...(html === undefined ? [] : [html]),
  ...attachments.flatMap(({ content, type }) => (type.startsWith("text/") ? [new TextDecoder().decode(content)] : []))
]

const isAddressed = ({ from, recipients }: Mail, query: Query): boolean =>
  (query.to === undefined || recipients.includes(query.to)) && (query.from === undefined || from === query.from)

const isWanted = (letter: Letter, { attachment, headers, part, subject }: Query): boolean =>
  (subject === undefined || says(letter.subject, subject)) &&
  (part === undefined || partsOf(letter).some((text) => says(text, part))) &&
  (attachment === undefined || letter.attachments.some(({ name }) => says(name, attachment))) &&
  Object.entries(headers ?? {}).every(([name, words]) =>
    letter.headers.some((header) => isNamed(header, name) && says(header.value, words))
  )

const findIn = (mails: ReadonlyArray<Mail>, query: Query): Effect.Effect<ReadonlyArray<Letter>> =>
  Effect.map(
    Effect.forEach(
      mails.filter((mail) => isAddressed(mail, query)),
      (mail) => Effect.option(read(mail))
    ),
    (letters) => letters.flatMap(Option.toArray).filter((letter) => isWanted(letter, query))
  )

/**
 * An empty mailbox.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<Mailbox["Service"]> = Effect.map(
  SubscriptionRef.make<ReadonlyArray<Mail>>([]),
  (mails) => {
    // The changes of a reference never end.
    const first = <A>(changes: Stream.Stream<A>) =>
      changes.pipe(Stream.runHead, Effect.flatMap(Effect.fromOption), Effect.orDie)
    return {
      put: (mail) => SubscriptionRef.update(mails, (all) => [...all, mail]),
      all: SubscriptionRef.get(mails),
      to: (recipient) =>
        Effect.map(SubscriptionRef.get(mails), (all) => all.filter((mail) => mail.recipients.includes(recipient))),
      wait: (count) => first(SubscriptionRef.changes(mails).pipe(Stream.filter((all) => all.length >= count))),
      find: (query = {}) => Effect.flatMap(SubscriptionRef.get(mails), (all) => findIn(all, query)),
      waitFor: (query = {}, nth = 1) =>
        first(
          SubscriptionRef.changes(mails).pipe(
            Stream.mapEffect((all) => findIn(all, query)),
            Stream.flatMap((letters) => Stream.fromIterable(letters.slice(nth - 1, nth)))
          )
        ),
      clear: SubscriptionRef.set(mails, [])
    }
  }
)

/**
 * The mailbox as a layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Mailbox> = Layer.effect(Mailbox, make)

// What is sent is put into the mailbox; nobody is refused.
const transport = Layer.effect(
  Transport,
  Effect.map(Mailbox, ({ put }) => ({
    send: Effect.fnUntraced(function* ({ body, envelope }: Parcel.Parcel) {
      const content = Bytes.concat(yield* Stream.runCollect(body.stream))
      const recipients = envelope.recipients.map(({ address }) => address)
      yield* put({ from: envelope.reversePath, recipients, parameters: new Map(), content, secure: false })
      return recipients.map(
        (recipient) => new Receipt.Delivered({ recipient, attempts: 1, code: 250, text: "Kept by the test" })
      )
    })
  }))
)

/**
 * A mailer whose mail ends up in the mailbox, without a server in between: the one line with which the mail code of an
 * application becomes testable. The mail is rendered for real, and nobody is refused; `Mailer.layerTest` refuses whom the
 * test wants.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMailer: Layer.Layer<Mailer.Mailer | Mailbox> = Mailer.layer.pipe(
  Layer.provide(Delivery.layerTransport),
  Layer.provide(transport),
  Layer.provideMerge(layer)
)
