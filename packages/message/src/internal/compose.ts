/** The header of a composed message, its envelope, and both with a MIME tree as a parcel. */
import * as Result from "effect/Result"
import * as AddressList from "../AddressList.ts"
import * as Encoding from "../Encoding.ts"
import * as Header from "../Header.ts"
import type { Ambient } from "./ambient.ts"
import { assemble, boundaryBase } from "./assemble.ts"
import * as Envelope from "./envelope.ts"
import * as Fields from "./fields.ts"
import * as ListFields from "./listFields.ts"
import { newMessageId } from "./messageId.ts"
import { once } from "./once.ts"
import type * as Message from "../Message.ts"
import * as MessageError from "../MessageError.ts"
import * as Parcel from "../Parcel.ts"
import type * as Part from "../Part.ts"

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

const isGroup = (address: AddressList.Address): address is AddressList.Group => address._tag === "Group"

// RFC 6854 lets a group stand in From; receivers do not agree, so none is generated (MSG-013).
const persons = (
  inputs: ReadonlyArray<AddressList.Input>,
  field: string
): Parsed<ReadonlyArray<AddressList.NamedMailbox>> => {
  const list = AddressList.fromInputs(inputs, field)
  if (Result.isFailure(list)) return Result.fail(list.failure)
  return list.success.some(isGroup)
    ? Result.fail(MessageError.make("bad-address", "a group cannot send", { field }))
    : Result.succeed(AddressList.mailboxes(list.success))
}

const person = (input: AddressList.Input | undefined): Parsed<AddressList.NamedMailbox | undefined> =>
  input === undefined ? nobody : Result.map(persons([input], "Sender"), ([sender]) => sender)

const nobody: Parsed<undefined> = Result.succeed(undefined)

const people = (message: Message.Composed): Parsed<People> => {
  const from = persons(message.from, "From")
  if (Result.isFailure(from)) return Result.fail(from.failure)
  const sender = person(message.sender)
  if (Result.isFailure(sender)) return Result.fail(sender.failure)
  const [author] = from.success
  if (author === undefined) return noSender("From", "the message has no author", "Use Message.from")
  if (from.success.length > 1 && sender.success === undefined) {
    return noSender("Sender", "several authors need a sender", "Use Message.sender (RFC 5322 section 3.6.2)")
  }
  const replyTo = AddressList.fromInputs(message.replyTo, "Reply-To")
  if (Result.isFailure(replyTo)) return Result.fail(replyTo.failure)
  const to = AddressList.fromInputs(message.to, "To")
  if (Result.isFailure(to)) return Result.fail(to.failure)
  const cc = AddressList.fromInputs(message.cc, "Cc")
  if (Result.isFailure(cc)) return Result.fail(cc.failure)
  const bcc = AddressList.fromInputs(message.bcc, "Bcc")
  if (Result.isFailure(bcc)) return Result.fail(bcc.failure)
  return Result.succeed({
    from: from.success,
    author,
    sender: sender.success,
    replyTo: replyTo.success,
    to: to.success,
    cc: cc.success,
    bcc: bcc.success
  })
}

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

const dateField = (date: Message.Moment | undefined, now: number): Parsed<Header.Field> =>
  Result.map(Fields.dateText(date === undefined ? now : Fields.millisOf(date)), (text) => `Date: ${text}\r\n`)

const subjectField = (subject: string): Parsed<Header.Field> => Header.unstructured("Subject", subject)

const mimeVersion: Parsed<Header.Field> = Result.succeed("MIME-Version: 1.0\r\n")

const headerOf = (message: Message.Composed, people: People, messageId: string, now: number): Parsed<string> =>
  Header.join([
    dateField(message.date, now),
    listField("From", people.from),
    listField("Sender", people.sender === undefined ? [] : [people.sender]),
    listField("Reply-To", people.replyTo),
    listField("To", visible(people)),
    listField("Cc", people.cc),
    given(message.subject, subjectField),
    Header.structured("Message-ID", [messageId]),
    idsField("In-Reply-To", message.inReplyTo),
    idsField("References", message.references),
    given(message.unsubscribe, Fields.unsubscribe),
    given(message.list, ListFields.list),
    given(message.priority, ListFields.priority),
    given(message.autoSubmitted, Fields.autoSubmitted),
    Fields.customs(message.headers),
    mimeVersion
  ])

const messageIdOf = (message: Message.Composed, { author }: People, ambient: Ambient): Parsed<string> =>
  message.messageId === undefined
    ? Result.succeed(newMessageId(author.address, ambient))
    : Fields.messageIdText(message.messageId)

/** The MIME tree of a message, in which nothing is wider than `widest` but what must go out as it is. */
type Root = (widest: Encoding.Identity) => Parsed<Part.Part>

interface Letter {
  readonly header: string
  readonly root: Root
  readonly base: string
}

const bodyOf = (letter: Letter, tree: Part.Part, widest: Encoding.Identity): Parcel.Body =>
  assemble(letter.header, tree, letter.base, (width) => narrowerOf(letter, width, widest))

// What is wider than it was allowed to be must go out as it is, and is no narrower where less is allowed. So must an attached message
// that is binary, with which there is no tree where less is allowed.
const narrowerOf = (letter: Letter, width: Encoding.Identity, widest: Encoding.Identity): Parcel.Body["narrower"] => {
  if (width === "7bit" || !Encoding.isWithin(width, widest)) return undefined
  const next = width === "binary" ? "8bit" : "7bit"
  return once(() => Result.getOrUndefined(Result.map(letter.root(next), (tree) => bodyOf(letter, tree, next))))
}

/** The parcel of a message whose MIME tree is `root`. */
export const compose = (message: Message.Composed, root: Root, ambient: Ambient): Parsed<Parcel.Parcel> => {
  const all = people(message)
  if (Result.isFailure(all)) return Result.fail(all.failure)
  const envelope = envelopeOf(message, all.success)
  if (Result.isFailure(envelope)) return Result.fail(envelope.failure)
  const tree = root(ambient.widest)
  if (Result.isFailure(tree)) return Result.fail(tree.failure)
  const messageId = messageIdOf(message, all.success, ambient)
  if (Result.isFailure(messageId)) return Result.fail(messageId.failure)
  const header = headerOf(message, all.success, messageId.success, ambient.now)
  if (Result.isFailure(header)) return Result.fail(header.failure)
  const letter = { header: header.success, root, base: boundaryBase(tree.success, ambient) }
  return Result.succeed(Parcel.make(envelope.success, bodyOf(letter, tree.success, ambient.widest), messageId.success))
}
