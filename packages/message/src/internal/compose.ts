/** The header of a composed message, its envelope, and both with a MIME tree as a parcel. */
import * as Result from "effect/Result"
import * as AddressList from "../AddressList.ts"
import * as Header from "../Header.ts"
import type { Ambient } from "./ambient.ts"
import { assemble } from "./assemble.ts"
import * as Envelope from "./envelope.ts"
import * as Fields from "./fields.ts"
import * as ListFields from "./listFields.ts"
import { newMessageId } from "./messageId.ts"
import type * as Message from "../Message.ts"
import * as MessageError from "../MessageError.ts"
import * as Parcel from "../Parcel.ts"
import type { Part } from "../Part.ts"

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
      yield* given(message.list, ListFields.list),
      yield* given(message.priority, ListFields.priority),
      yield* given(message.autoSubmitted, Fields.autoSubmitted),
      ...(yield* Fields.customs(message.headers)),
      "MIME-Version: 1.0\r\n"
    ]
  })

/** The parcel of a message whose MIME tree is `root`. */
export const compose = (message: Message.Composed, root: () => Parsed<Part>, ambient: Ambient): Parsed<Parcel.Parcel> =>
  Result.gen(function* () {
    const all = yield* people(message)
    const envelope = yield* envelopeOf(message, all)
    const tree = yield* root()
    const messageId =
      message.messageId === undefined
        ? newMessageId(all.author.address, ambient)
        : yield* Fields.messageIdText(message.messageId)
    const fields = yield* fieldsOf(message, all, messageId, ambient.now)
    return Parcel.make(envelope, assemble(fields, tree, ambient), messageId)
  })
