/**
 * From a message to a parcel. Everything that was given is checked here, everything that is missing is added: Date,
 * Message-ID, MIME-Version and the boundaries, from the ambient `Clock` and `Random`, so that a rendering can be
 * repeated exactly. What is composed here is 7-bit in its body and, unless a local part is not ASCII, in its header.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as AddressList from "./AddressList.ts"
import * as Header from "./Header.ts"
import type { Ambient } from "./internal/ambient.ts"
import { assemble } from "./internal/assemble.ts"
import { fromEml } from "./internal/eml.ts"
import * as Envelope from "./internal/envelope.ts"
import * as Fields from "./internal/fields.ts"
import { newMessageId } from "./internal/messageId.ts"
import { structure } from "./internal/structure.ts"
import type * as Message from "./Message.ts"
import * as MessageError from "./MessageError.ts"
import * as Parcel from "./Parcel.ts"

type Parsed<A> = Result.Result<A, MessageError.MessageError>

const noSender = (field: string, detail: string, hint: string) =>
  Result.fail(MessageError.make("no-sender", detail, { field, hint }))

interface People {
  readonly from: ReadonlyArray<AddressList.NamedMailbox>
  readonly author: AddressList.NamedMailbox
  readonly sender: AddressList.NamedMailbox | undefined
  readonly replyTo: ReadonlyArray<AddressList.Address>
  readonly to: ReadonlyArray<AddressList.Address>
  readonly cc: ReadonlyArray<AddressList.Address>
  readonly bcc: ReadonlyArray<AddressList.Address>
}

// RFC 6854 lets a group stand in From; receivers do not agree, so none is generated (MSG-013).
const persons = (
  inputs: ReadonlyArray<AddressList.Input>,
  field: string
): Parsed<ReadonlyArray<AddressList.NamedMailbox>> =>
  Result.flatMap(AddressList.fromInputs(inputs, field), (list) => {
    const mailboxes = AddressList.mailboxes(list)
    return list.some((address) => address._tag === "Group")
      ? Result.fail(MessageError.make("bad-address", "a group cannot send", { field }))
      : Result.succeed(mailboxes)
  })

const people = (message: Message.Composed): Parsed<People> =>
  Result.gen(function* () {
    const from = yield* persons(message.from, "From")
    const [author] = from
    if (author === undefined) return yield* noSender("From", "the message has no author", "Use Message.from")
    const [sender] = yield* persons(message.sender === undefined ? [] : [message.sender], "Sender")
    if (from.length > 1 && sender === undefined) {
      return yield* noSender("Sender", "several authors need a sender", "Use Message.sender (RFC 5322 section 3.6.2)")
    }
    return {
      from,
      author,
      sender,
      replyTo: yield* AddressList.fromInputs(message.replyTo, "Reply-To"),
      to: yield* AddressList.fromInputs(message.to, "To"),
      cc: yield* AddressList.fromInputs(message.cc, "Cc"),
      bcc: yield* AddressList.fromInputs(message.bcc, "Bcc")
    }
  })

const envelopeOf = (message: Message.Composed, { author, bcc, cc, sender, to }: People): Parsed<Parcel.Envelope> =>
  Envelope.resolve(message.envelope, {
    from: () => Result.succeed((sender ?? author).address),
    to: () => Result.succeed(AddressList.mailboxes([...to, ...cc, ...bcc]).map(({ address }) => address))
  })

const listField = (name: string, list: ReadonlyArray<AddressList.Address>): Parsed<Header.Field> =>
  list.length === 0 ? Result.succeed("") : AddressList.encode(name, list)

const nothing: Parsed<Header.Field> = Result.succeed("")

const given = <A>(value: A | undefined, encode: (value: A) => Parsed<Header.Field>): Parsed<Header.Field> =>
  value === undefined ? nothing : encode(value)

const idsField = (name: string, ids: ReadonlyArray<string>): Parsed<Header.Field> =>
  ids.length === 0 ? nothing : Fields.ids(name, ids)

// A message must not look as if it had gone to nobody (MSG-014).
const visible = ({ cc, to }: People): ReadonlyArray<AddressList.Address> =>
  to.length === 0 && cc.length === 0 ? [AddressList.undisclosed] : to

const fieldsOf = (
  message: Message.Composed,
  people: People,
  messageId: string,
  now: number
): Parsed<ReadonlyArray<Header.Field>> =>
  Result.gen(function* () {
    return [
      `Date: ${yield* Fields.dateText(message.date === undefined ? now : Fields.millisOf(message.date))}\r\n`,
      yield* listField("From", people.from),
      yield* listField("Sender", people.sender === undefined ? [] : [people.sender]),
      yield* listField("Reply-To", people.replyTo),
      yield* listField("To", visible(people)),
      yield* listField("Cc", people.cc),
      yield* given(message.subject, (subject) => Header.unstructured("Subject", subject)),
      yield* Header.structured("Message-ID", [messageId]),
      yield* idsField("In-Reply-To", message.inReplyTo),
      yield* idsField("References", message.references),
      yield* given(message.unsubscribe, Fields.unsubscribe),
      yield* given(message.autoSubmitted, Fields.autoSubmitted),
      ...(yield* Fields.customs(message.headers)),
      "MIME-Version: 1.0\r\n"
    ]
  })

const fromComposed = (message: Message.Composed, ambient: Ambient): Parsed<Parcel.Parcel> =>
  Result.gen(function* () {
    const all = yield* people(message)
    const envelope = yield* envelopeOf(message, all)
    const root = yield* structure(message)
    const messageId =
      message.messageId === undefined
        ? newMessageId(all.author.address, ambient)
        : yield* Fields.messageIdText(message.messageId)
    const fields = yield* fieldsOf(message, all, messageId, ambient.now)
    return Parcel.make(envelope, assemble(fields, root, ambient), messageId)
  })

/**
 * Renders a message. The parcel's body is in memory when it is small and encoded while it is read when it is large;
 * either way it can be sent again and again and is the same each time. Fails with the first `MessageError` that is
 * found.
 *
 * @category rendering
 * @since 0.1.0
 */
export const render = (message: Message.Message): Effect.Effect<Parcel.Parcel, MessageError.MessageError> =>
  Effect.withFiber((fiber) => {
    const random = fiber.getRef(Random.Random)
    const ambient: Ambient = {
      now: fiber.getRef(Clock.Clock).currentTimeMillisUnsafe(),
      random: () => random.nextDoubleUnsafe()
    }
    return Effect.fromResult(message._tag === "Eml" ? fromEml(message, ambient) : fromComposed(message, ambient))
  })
