/** A ready message as a parcel: its line ends made CRLF, its envelope derived, and nothing else changed unasked. */
import type { Mailbox } from "@effect-mail/protocol/Address"
import * as Result from "effect/Result"
import * as AddressList from "../AddressList.ts"
import * as Encoding from "../Encoding.ts"
import type { Eml, Ready } from "../Message.ts"
import * as MessageError from "../MessageError.ts"
import * as Parcel from "../Parcel.ts"
import type { Ambient } from "./ambient.ts"
import * as Bytes from "./bytes.ts"
import * as Envelope from "./envelope.ts"
import { dateText } from "./fields.ts"
import * as HeaderSection from "./headerSection.ts"
import { newMessageId } from "./messageId.ts"
import * as Utf8 from "./utf8.ts"

type Parsed<A> = Result.Result<A, MessageError.MessageError>

// The fields of the latest resending: blocks are put in front of each other, and none repeats a name (RFC 5322 section
// 3.6.6).
const resentBlock = (section: HeaderSection.Section): ReadonlyArray<HeaderSection.Field> => {
  const names = new Set<string>()
  const block: Array<HeaderSection.Field> = []
  for (const field of section.fields) {
    const name = HeaderSection.nameWith("resent-", section, field)
    const isNew = name !== undefined && !names.has(name)
    if (!isNew && block.length > 0) break
    if (!isNew) continue
    names.add(name)
    block.push(field)
  }
  return block
}

const addresses = (
  section: HeaderSection.Section,
  fields: ReadonlyArray<HeaderSection.Field>,
  name: string
): Parsed<ReadonlyArray<Mailbox>> => {
  const all: Array<Mailbox> = []
  for (const field of fields) {
    if (!HeaderSection.isNamed(section, field, name)) continue
    const list = Result.flatMap(HeaderSection.value(section, field), (value) => AddressList.parse(value, name))
    if (Result.isFailure(list)) return Result.fail(list.failure)
    for (const { address } of AddressList.mailboxes(list.success)) all.push(address)
  }
  return Result.succeed(all)
}

const noSender = () =>
  Result.fail(
    MessageError.make("no-sender", "the header names no sender", {
      hint: "Give the envelope's from, or add a From field"
    })
  )

// Most envelopes are given, and then nothing is looked up.
const derive = (section: HeaderSection.Section): Envelope.Derived => {
  let block: ReadonlyArray<HeaderSection.Field> | undefined
  const of = (name: string) => {
    block ??= resentBlock(section)
    return block.length > 0 ? addresses(section, block, `resent-${name}`) : addresses(section, section.fields, name)
  }
  return {
    from: () =>
      Result.flatMap(of("sender"), ([sender]) =>
        sender === undefined
          ? Result.flatMap(of("from"), ([author]) => (author === undefined ? noSender() : Result.succeed(author)))
          : Result.succeed(sender)
      ),
    to: () => Result.map(Result.all([of("to"), of("cc"), of("bcc")]), (lists) => lists.flat())
  }
}

const hiddenNames: ReadonlySet<string> = new Set(["bcc", "resent-bcc"])

const withoutBcc = (section: HeaderSection.Section): ReadonlyArray<Uint8Array> => {
  const { bytes, fields } = section
  const kept: Array<Uint8Array> = []
  let start = 0
  for (const field of fields) {
    if (!hiddenNames.has(HeaderSection.nameOf(section, field))) continue
    kept.push(bytes.subarray(start, field.start))
    start = field.end
  }
  return start === 0 ? [bytes] : [...kept, bytes.subarray(start)]
}

const missing = (section: HeaderSection.Section, ambient: Ambient): Parsed<string> => {
  const has = (name: string) => section.fields.some((field) => HeaderSection.isNamed(section, field, name))
  const date = has("date") ? nothing : Result.map(dateText(ambient.now), (text) => `Date: ${text}\r\n`)
  if (has("message-id")) return date
  return Result.flatMap(date, (date) =>
    Result.flatMap(addresses(section, section.fields, "from"), ([author]) =>
      author === undefined ? noSender() : Result.succeed(`${date}Message-ID: ${newMessageId(author, ambient)}\r\n`)
    )
  )
}

const nothing: Parsed<string> = Result.succeed("")

/** The octets of a message or of its header, with what was to be added and without what was to be left out. */
export const edit = (message: Ready, section: HeaderSection.Section, ambient: Ambient): Parsed<Uint8Array> => {
  const added = message.addMissing ? missing(section, ambient) : nothing
  if (Result.isFailure(added)) return Result.fail(added.failure)
  const kept = message.removeBcc ? withoutBcc(section) : [section.bytes]
  return Result.succeed(
    added.success === "" && kept.length === 1 ? section.bytes : Bytes.concat([Utf8.encode(added.success), ...kept])
  )
}

/** The envelope, as it was given or as the header says. */
export const envelopeOf = (message: Ready, section: HeaderSection.Section): Parsed<Parcel.Envelope> =>
  Envelope.resolve(message.envelope, derive(section))

// Callers without types give whatever they have, and a path must not be taken for what lies there.
const bytesOf = ({ bytes }: Eml): Parsed<Uint8Array> =>
  bytes instanceof Uint8Array
    ? Result.succeed(bytes)
    : Result.fail(
        MessageError.make("bad-attachment", "a ready message is bytes", {
          field: "eml",
          hint: "Nothing is read because a string looks like a path or a URL"
        })
      )

// Most messages are sent as they are, and all is known of them.
const bodyOf = (bytes: Uint8Array, given: Uint8Array, facts: Encoding.Facts): Parsed<Parcel.Body> =>
  Parcel.bodyFromBytes(bytes, bytes === given ? facts : undefined)

const sectionOf = (bytes: Uint8Array, section: HeaderSection.Section): Parsed<HeaderSection.Section> =>
  bytes === section.bytes ? Result.succeed(section) : HeaderSection.parse(bytes)

/** The parcel of a ready message. */
export const fromEml = (message: Eml, ambient: Ambient): Parsed<Parcel.Parcel> => {
  const given = bytesOf(message)
  if (Result.isFailure(given)) return Result.fail(given.failure)
  const facts = Encoding.scan(given.success)
  const section = HeaderSection.parse(Encoding.toCrlf(given.success, facts))
  if (Result.isFailure(section)) return Result.fail(section.failure)
  const envelope = envelopeOf(message, section.success)
  if (Result.isFailure(envelope)) return Result.fail(envelope.failure)
  const bytes = edit(message, section.success, ambient)
  if (Result.isFailure(bytes)) return Result.fail(bytes.failure)
  const body = bodyOf(bytes.success, given.success, facts)
  if (Result.isFailure(body)) return Result.fail(body.failure)
  const edited = sectionOf(bytes.success, section.success)
  if (Result.isFailure(edited)) return Result.fail(edited.failure)
  return Result.succeed(Parcel.make(envelope.success, body.success, HeaderSection.messageId(edited.success)))
}
