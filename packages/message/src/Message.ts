/**
 * A message as a value. What an application says is kept as it was said, and checked as a whole when the message is
 * rendered; until then a message is built by functions from message to message, in any order. Functions for recipients,
 * attachments and custom headers add, all others set.
 *
 * A ready RFC 5322 message is a message, too: `eml` takes its bytes, `emlStream` a stream of them.
 *
 * @since 0.1.0
 */
import type * as Envelope from "@effect-mail/protocol/Envelope"
import type * as DateTime from "effect/DateTime"
import { dual } from "effect/Function"
import * as Pipeable from "effect/Pipeable"
import * as Stream from "effect/Stream"
import type * as AddressList from "./AddressList.ts"
import type * as Attachment from "./Attachment.ts"
import * as MessageError from "./MessageError.ts"

/**
 * One or more addresses. A string is always one address; see `AddressList.Input`.
 *
 * @category models
 * @since 0.1.0
 */
export type Addresses = AddressList.Input | ReadonlyArray<AddressList.Input>

/**
 * What SMTP is told beside the header, where it differs from it (MSG-018): sender and recipients as bare addresses, wishes
 * for notifications, options of the transaction. An empty `from` is the null reverse-path, for mail that must not be
 * answered by a bounce; what is left out follows from the header.
 *
 * @category models
 * @since 0.1.0
 */
export interface EnvelopeInput extends Omit<Envelope.Input, "from" | "to"> {
  readonly from?: string | undefined
  readonly to?: Envelope.Input["to"] | undefined
}

/**
 * Where a reader can unsubscribe: an https address that takes a one-click POST (RFC 8058), a mailto address, or both.
 *
 * @category models
 * @since 0.1.0
 */
export interface Unsubscribe {
  readonly url?: string | undefined
  readonly mailto?: string | undefined
}

/**
 * Who writes to the readers of a list, and where they can turn to: the List fields (RFC 2369, RFC 2919). Each value is a
 * URL such as `https:` or `mailto:`, or several, the best first. Unsubscribing has a function of its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface ListInfo {
  /** The list's id, such as `news.example.com`, which never changes; it may come with a name. */
  readonly id?: string | { readonly name: string; readonly id: string } | undefined
  readonly help?: string | ReadonlyArray<string> | undefined
  readonly subscribe?: string | ReadonlyArray<string> | undefined
  /** Where to write to the list; `NO` when nobody can. */
  readonly post?: string | ReadonlyArray<string> | undefined
  readonly owner?: string | ReadonlyArray<string> | undefined
  readonly archive?: string | ReadonlyArray<string> | undefined
}

/**
 * The same content in another form, of which readers show the one they like best (RFC 2046 section 5.1.4).
 *
 * @category models
 * @since 0.1.0
 */
export interface Alternative {
  /** The media type, parameters allowed, such as `text/x-amp-html`. */
  readonly type: string
  /** Text, which is sent as UTF-8. */
  readonly content: string
}

/**
 * What a calendar object asks for (RFC 5546 section 1.4).
 *
 * @category models
 * @since 0.1.0
 */
export type CalendarMethod =
  | "PUBLISH"
  | "REQUEST"
  | "REPLY"
  | "ADD"
  | "CANCEL"
  | "REFRESH"
  | "COUNTER"
  | "DECLINECOUNTER"

/**
 * How urgent the sender thinks it is.
 *
 * @category models
 * @since 0.1.0
 */
export type Priority = "high" | "normal" | "low"

/**
 * Why a machine sent the message (RFC 3834 section 5).
 *
 * @category models
 * @since 0.1.0
 */
export type AutoSubmitted = "no" | "auto-generated" | "auto-replied"

/**
 * A moment; header dates are written in UTC and to the second.
 *
 * @category models
 * @since 0.1.0
 */
export type Moment = DateTime.DateTime | Date

const TypeId = "~@effect-mail/message/Message"

/**
 * A message that is composed here.
 *
 * @category models
 * @since 0.1.0
 */
export interface Composed extends Pipeable.Pipeable {
  readonly [TypeId]: typeof TypeId
  readonly _tag: "Composed"
  readonly from: ReadonlyArray<AddressList.Input>
  readonly sender: AddressList.Input | undefined
  readonly replyTo: ReadonlyArray<AddressList.Input>
  readonly to: ReadonlyArray<AddressList.Input>
  readonly cc: ReadonlyArray<AddressList.Input>
  readonly bcc: ReadonlyArray<AddressList.Input>
  readonly subject: string | undefined
  readonly text: string | undefined
  readonly html: string | undefined
  readonly alternatives: ReadonlyArray<Alternative>
  readonly attachments: ReadonlyArray<Attachment.Attachment>
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  readonly date: Moment | undefined
  readonly messageId: string | undefined
  readonly inReplyTo: ReadonlyArray<string>
  readonly references: ReadonlyArray<string>
  readonly unsubscribe: Unsubscribe | undefined
  readonly list: ListInfo | undefined
  readonly priority: Priority | undefined
  readonly autoSubmitted: AutoSubmitted | undefined
  readonly envelope: EnvelopeInput | undefined
}

/**
 * What is asked of a message that was composed elsewhere; see `eml`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ready extends Pipeable.Pipeable {
  readonly [TypeId]: typeof TypeId
  readonly removeBcc: boolean
  readonly addMissing: boolean
  readonly envelope: EnvelopeInput | undefined
}

/**
 * A message that was composed elsewhere, as bytes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Eml extends Ready {
  readonly _tag: "Eml"
  readonly bytes: Uint8Array
}

/**
 * A message that was composed elsewhere, as a stream of bytes that is never held as a whole.
 *
 * @category models
 * @since 0.1.0
 */
export interface StreamedEml extends Ready {
  readonly _tag: "StreamedEml"
  readonly stream: Stream.Stream<Uint8Array, MessageError.MessageError>
}

/**
 * Whatever can be rendered and sent.
 *
 * @category models
 * @since 0.1.0
 */
export type Message = Composed | Eml | StreamedEml

/**
 * The parts of a message all at once; each does what the function of the same name does.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly from?: Addresses | undefined
  readonly sender?: AddressList.Input | undefined
  readonly replyTo?: Addresses | undefined
  readonly to?: Addresses | undefined
  readonly cc?: Addresses | undefined
  readonly bcc?: Addresses | undefined
  readonly subject?: string | undefined
  readonly text?: string | undefined
  readonly html?: string | undefined
  readonly alternatives?: ReadonlyArray<Alternative> | undefined
  readonly attachments?: ReadonlyArray<Attachment.Attachment> | undefined
  readonly headers?:
    | Readonly<Record<string, string>>
    | ReadonlyArray<readonly [name: string, value: string]>
    | undefined
  readonly date?: Moment | undefined
  readonly messageId?: string | undefined
  readonly inReplyTo?: string | ReadonlyArray<string> | undefined
  readonly references?: string | ReadonlyArray<string> | undefined
  readonly unsubscribe?: Unsubscribe | undefined
  readonly list?: ListInfo | undefined
  readonly priority?: Priority | undefined
  readonly autoSubmitted?: AutoSubmitted | undefined
  readonly envelope?: EnvelopeInput | undefined
}

class Base extends Pipeable.Class {
  get [TypeId](): typeof TypeId {
    return TypeId
  }
}

// Filled from the outside, one made by a constructor is as quick to read as a literal, unlike one of Object.create.
const construct = <A extends object>(fields: A): A & Base => Object.assign(new Base(), fields)

const isArray: (u: unknown) => u is ReadonlyArray<unknown> = Array.isArray

const listOf = <A>(input: A | ReadonlyArray<A> | undefined): ReadonlyArray<A> =>
  input === undefined ? [] : isArray(input) ? input : [input]

// Message ids never hold white space, so a whole References value can be given as it was received.
const idsOf = (input: string | ReadonlyArray<string> | undefined): ReadonlyArray<string> =>
  listOf(input).flatMap((ids) => ids.split(/[ \t\r\n]/).filter((id) => id !== ""))

const isPairs = (
  headers: NonNullable<Options["headers"]>
): headers is ReadonlyArray<readonly [name: string, value: string]> => isArray(headers)

const pairsOf = (headers: Options["headers"]): Composed["headers"] =>
  headers === undefined ? [] : isPairs(headers) ? headers : Object.entries(headers)

/**
 * Makes a message from its parts.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Composed =>
  construct({
    _tag: "Composed",
    from: listOf(options.from),
    sender: options.sender,
    replyTo: listOf(options.replyTo),
    to: listOf(options.to),
    cc: listOf(options.cc),
    bcc: listOf(options.bcc),
    subject: options.subject,
    text: options.text,
    html: options.html,
    alternatives: options.alternatives ?? [],
    attachments: options.attachments ?? [],
    headers: pairsOf(options.headers),
    date: options.date,
    messageId: options.messageId,
    inReplyTo: idsOf(options.inReplyTo),
    references: idsOf(options.references),
    unsubscribe: options.unsubscribe,
    list: options.list,
    priority: options.priority,
    autoSubmitted: options.autoSubmitted,
    envelope: options.envelope
  })

/**
 * The message that says nothing to nobody, to start from.
 *
 * @category constructors
 * @since 0.1.0
 */
export const empty: Composed = make({})

/**
 * A ready message (RFC 5322) as a message. Its bytes are sent as they are but for line ends, each of which becomes
 * CRLF.
 *
 * - `envelope` says who sends it and who gets it; what is left out is derived from the header: Sender or the first From
 *   mailbox, and all of To, Cc and Bcc, or the same of the first block of Resent fields (MSG-018, MSG-019).
 * - `removeBcc` takes Bcc and Resent-Bcc out of the header (MSG-015); false by default.
 * - `addMissing` puts Date and Message-ID in front when they are missing (MSG-005); false by default.
 *
 * @category constructors
 * @since 0.1.0
 */
export const eml = (bytes: Uint8Array, options?: ReadyOptions): Eml =>
  construct({ _tag: "Eml", bytes, ...wishes(options) })

/**
 * What can be asked of a ready message; see `eml`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReadyOptions {
  readonly envelope?: EnvelopeInput | undefined
  readonly removeBcc?: boolean | undefined
  readonly addMissing?: boolean | undefined
}

const wishes = (options: ReadyOptions | undefined): Pick<Ready, "addMissing" | "envelope" | "removeBcc"> => ({
  removeBcc: options?.removeBcc ?? false,
  addMissing: options?.addMissing ?? false,
  envelope: options?.envelope
})

/**
 * A ready message that comes as a stream, such as a large file; see `eml`. Rendering reads it once to learn its size and what a
 * server must be able to take, and it is read again each time it is sent: it must give the same bytes each time, or sending fails
 * with `unreadable-stream`. Of the message only the header is held.
 *
 * @category constructors
 * @since 0.1.0
 */
export const emlStream = <E>(source: Stream.Stream<Uint8Array, E>, options?: ReadyOptions): StreamedEml => {
  // Callers without types give whatever they have.
  const stream = Stream.isStream(source)
    ? Stream.mapError(source, MessageError.unreadableStream)
    : Stream.fail(MessageError.make("bad-attachment", "a streamed message is a stream of bytes", { field: "eml" }))
  return construct({ _tag: "StreamedEml" as const, stream, ...wishes(options) })
}

/**
 * Whether a value is a message of this module.
 *
 * @category guards
 * @since 0.1.0
 */
export const isMessage = (u: unknown): u is Message => typeof u === "object" && u !== null && TypeId in u

const change = <M extends Message>(self: M, fields: Partial<M>): M => construct({ ...self, ...fields })

/**
 * A function that changes one thing of a message; it is called in a pipe or with the message first.
 *
 * @category models
 * @since 0.1.0
 */
export interface Change<Value> {
  (value: Value): (self: Composed) => Composed
  (self: Composed, value: Value): Composed
}

const withField = <Value>(f: (self: Composed, value: Value) => Partial<Composed>): Change<Value> =>
  dual(2, (self: Composed, value: Value) => change(self, f(self, value)))

/**
 * Sets who wrote the message. Several authors need a `sender`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const from: Change<Addresses> = withField((_, addresses) => ({ from: listOf(addresses) }))

/**
 * Sets who sent the message on behalf of its authors. Bounces go there unless the envelope says otherwise.
 *
 * @category combinators
 * @since 0.1.0
 */
export const sender: Change<AddressList.Input> = withField((_, sender) => ({ sender }))

/**
 * Sets where answers go.
 *
 * @category combinators
 * @since 0.1.0
 */
export const replyTo: Change<Addresses> = withField((_, addresses) => ({ replyTo: listOf(addresses) }))

/**
 * Adds recipients.
 *
 * @category combinators
 * @since 0.1.0
 */
export const to: Change<Addresses> = withField((self, addresses) => ({ to: [...self.to, ...listOf(addresses)] }))

/**
 * Adds recipients of a copy.
 *
 * @category combinators
 * @since 0.1.0
 */
export const cc: Change<Addresses> = withField((self, addresses) => ({ cc: [...self.cc, ...listOf(addresses)] }))

/**
 * Adds recipients whom nobody sees: they are in the envelope only, never in a header (MSG-015).
 *
 * @category combinators
 * @since 0.1.0
 */
export const bcc: Change<Addresses> = withField((self, addresses) => ({ bcc: [...self.bcc, ...listOf(addresses)] }))

/**
 * Sets the subject: any text on one line.
 *
 * @category combinators
 * @since 0.1.0
 */
export const subject: Change<string> = withField((_, subject) => ({ subject }))

/**
 * Sets the plain text. Line ends of any kind become CRLF.
 *
 * @category combinators
 * @since 0.1.0
 */
export const text: Change<string> = withField((_, text) => ({ text }))

/**
 * Sets the HTML. Together with a plain text it is the preferred one of two alternatives.
 *
 * @category combinators
 * @since 0.1.0
 */
export const html: Change<string> = withField((_, html) => ({ html }))

/**
 * Adds another form of the content. It stands behind the HTML and so is preferred to it, but for AMP (`text/x-amp-html`),
 * which stands before it, because readers that do not know AMP would take the last form they find.
 *
 * @category combinators
 * @since 0.1.0
 */
export const alternative: Change<Alternative> = withField((self, alternative) => ({
  alternatives: [...self.alternatives, alternative]
}))

/**
 * Adds a calendar object (RFC 5545), such as an invitation, as an alternative: calendars show it with buttons to answer
 * (RFC 6047). Its own `METHOD` must be `method`; that is checked when the message is rendered.
 *
 * @category combinators
 * @since 0.1.0
 */
export const calendar: Change<{ readonly method: CalendarMethod; readonly content: string }> = withField(
  (self, { content, method }) => ({
    alternatives: [...self.alternatives, { type: `text/calendar; method=${method}`, content }]
  })
)

/**
 * Adds an attachment.
 *
 * @category combinators
 * @since 0.1.0
 */
export const attach: Change<Attachment.Attachment> = withField((self, attachment) => ({
  attachments: [...self.attachments, attachment]
}))

/**
 * Adds a picture (or anything else) that the HTML shows with `cid:`, for example `<img src="cid:logo@example.com">`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const embed: Change<Attachment.Attachment & { readonly cid: string }> = withField((self, attachment) => ({
  attachments: [...self.attachments, { ...attachment, disposition: attachment.disposition ?? "inline" }]
}))

/**
 * Adds a header field. ASCII is written as it is, other text in encoded-words. Fields that have a function of their own
 * here, and those that describe the body, are refused when the message is rendered.
 *
 * @category combinators
 * @since 0.1.0
 */
export const header: {
  (name: string, value: string): (self: Composed) => Composed
  (self: Composed, name: string, value: string): Composed
} = dual(3, (self: Composed, name: string, value: string) =>
  change(self, { headers: [...self.headers, [name, value]] })
)

/**
 * Sets the date; by default it is the time of rendering.
 *
 * @category combinators
 * @since 0.1.0
 */
export const date: Change<Moment> = withField((_, date) => ({ date }))

/**
 * Sets the Message-ID, with or without its angle brackets; by default a new one is made when the message is rendered.
 *
 * @category combinators
 * @since 0.1.0
 */
export const messageId: Change<string> = withField((_, messageId) => ({ messageId }))

/**
 * Sets the Message-ID of what this message answers.
 *
 * @category combinators
 * @since 0.1.0
 */
export const inReplyTo: Change<string | ReadonlyArray<string>> = withField((_, ids) => ({ inReplyTo: idsOf(ids) }))

/**
 * Sets the Message-IDs of the thread, oldest first (MSG-008). A whole References value can be given as it was received.
 *
 * @category combinators
 * @since 0.1.0
 */
export const references: Change<string | ReadonlyArray<string>> = withField((_, ids) => ({ references: idsOf(ids) }))

/**
 * Sets where the reader can unsubscribe; with a `url`, by one click (RFC 2369, RFC 8058, MSG-025).
 *
 * @category combinators
 * @since 0.1.0
 */
export const listUnsubscribe: Change<Unsubscribe> = withField((_, unsubscribe) => ({ unsubscribe }))

/**
 * Sets what a list tells of itself (RFC 2369, RFC 2919, MSG-024).
 *
 * @category combinators
 * @since 0.1.0
 */
export const list: Change<ListInfo> = withField((_, list) => ({ list }))

/**
 * Sets how urgent the sender thinks it is, in the two fields that readers look at (Importance, X-Priority).
 *
 * @category combinators
 * @since 0.1.0
 */
export const priority: Change<Priority> = withField((_, priority) => ({ priority }))

/**
 * Sets why a machine sent the message, so that other machines do not answer it (RFC 3834, MSG-023).
 *
 * @category combinators
 * @since 0.1.0
 */
export const autoSubmitted: Change<AutoSubmitted> = withField((_, autoSubmitted) => ({ autoSubmitted }))

/**
 * Sets what SMTP is told beside the header (MSG-018), such as another sender, other recipients or a wish for
 * notifications; what is left out stays as it was.
 *
 * @category combinators
 * @since 0.1.0
 */
export const envelope: {
  (envelope: EnvelopeInput): <M extends Message>(self: M) => M
  <M extends Message>(self: M, envelope: EnvelopeInput): M
} = dual(2, (self: Message, envelope: EnvelopeInput) =>
  construct({ ...self, envelope: { ...self.envelope, ...envelope } })
)
