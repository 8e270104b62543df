/** The header fields of a composed message, one function for each kind. */
import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import * as Header from "../Header.ts"
import type { AutoSubmitted, Composed, Moment, Unsubscribe } from "../Message.ts"
import * as MessageError from "../MessageError.ts"
import { checkLine } from "./checkedText.ts"

type Parsed<A> = Result.Result<A, MessageError.MessageError>

const refuse = (field: string, detail: string, hint?: string) =>
  Result.fail(MessageError.make("bad-header", detail, { field, hint }))

const year1900 = -2_208_988_800_000
const year10000 = 253_402_300_800_000

/** A date as RFC 5322 section 3.3 writes it, in UTC. */
export const dateText = (millis: number): Parsed<string> =>
  millis >= year1900 && millis < year10000
    ? Result.succeed(new Date(millis).toUTCString().replace("GMT", "+0000"))
    : Result.fail(
        MessageError.make("bad-date", "a date lies between the years 1900 and 9999", {
          field: "Date",
          hint: "Check that it is a valid date"
        })
      )

/** Milliseconds since 1970. */
export const millisOf = (moment: Moment): number =>
  moment instanceof Date ? moment.getTime() : DateTime.toEpochMillis(moment)

const ownId = /^[\w!#$%&'*+\-/=?^`{|}~.]+@(?:[\w!#$%&'*+\-/=?^`{|}~.]+|\[[!-Z^-~]*\])$/

// Ids of others are passed on as they were given, whatever their makers thought of the grammar.
const anyId = /^[!-;=?-~]+$/

const bracketed = (pattern: RegExp, field: string, id: string): Parsed<string> =>
  Result.flatMap(checkLine(id, field), () => {
    const bare = id.startsWith("<") && id.endsWith(">") ? id.slice(1, -1) : id
    return pattern.test(bare)
      ? Result.succeed(`<${bare}>`)
      : refuse(field, "a message id is written left@right in ASCII", "For example 20240229.1@example.com")
  })

/** A Message-ID given by the application, in its angle brackets. */
export const messageIdText = (id: string): Parsed<string> => bracketed(ownId, "Message-ID", id)

/** In-Reply-To or References. */
export const ids = (name: string, all: ReadonlyArray<string>): Parsed<Header.Field> =>
  Result.flatMap(Result.all(all.map((id) => bracketed(anyId, name, id))), (pieces) => Header.structured(name, pieces))

const uri = (pattern: RegExp, field: string, text: string): Parsed<string> =>
  Result.flatMap(checkLine(text, field), () =>
    pattern.test(text) ? Result.succeed(`<${text}>`) : refuse(field, "the address is not valid", uriHint)
  )

const uriHint = "Give an https: URL and a mailto: URL in ASCII, percent-encoded where needed"

/** List-Unsubscribe, and List-Unsubscribe-Post when there is an https address (RFC 2369, RFC 8058). */
export const unsubscribe = (options: Unsubscribe): Parsed<Header.Field> =>
  Result.gen(function* () {
    const name = "List-Unsubscribe"
    const uris: Array<string> = []
    if (options.url !== undefined) uris.push(yield* uri(/^https:\/\/[!#-;=?-~]+$/i, name, options.url))
    if (options.mailto !== undefined) uris.push(yield* uri(/^mailto:[!#-;=?-~]+$/i, name, options.mailto))
    if (uris.length === 0) return yield* refuse(name, "there is no address to unsubscribe at", uriHint)
    const list = yield* Header.structured(
      name,
      uris.map((one, i) => (i < uris.length - 1 ? `${one},` : one))
    )
    return options.url === undefined ? list : `${list}List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n`
  })

const autoSubmittedValues: ReadonlySet<string> = new Set(["no", "auto-generated", "auto-replied"])

/** Auto-Submitted. */
export const autoSubmitted = (value: AutoSubmitted): Parsed<Header.Field> =>
  autoSubmittedValues.has(value)
    ? Result.succeed(`Auto-Submitted: ${value}\r\n`)
    : refuse("Auto-Submitted", "the value is not one of no, auto-generated, auto-replied")

// Fields that have a place of their own in a message, that describe the body, or that must not be sent (MSG-015,
// MSG-017).
const managed = new Map<string, string>([
  ["from", "Use Message.from"],
  ["sender", "Use Message.sender"],
  ["reply-to", "Use Message.replyTo"],
  ["to", "Use Message.to"],
  ["cc", "Use Message.cc"],
  ["bcc", "Use Message.bcc"],
  ["resent-bcc", "Use Message.envelope"],
  ["return-path", "Use Message.envelope"],
  ["subject", "Use Message.subject"],
  ["date", "Use Message.date"],
  ["message-id", "Use Message.messageId"],
  ["in-reply-to", "Use Message.inReplyTo"],
  ["references", "Use Message.references"],
  ["list-unsubscribe", "Use Message.listUnsubscribe"],
  ["list-unsubscribe-post", "Use Message.listUnsubscribe"],
  ["auto-submitted", "Use Message.autoSubmitted"],
  ["mime-version", "It is written by itself"]
])

const ownerOf = (name: string): string | undefined =>
  name.startsWith("content-") ? "It follows from the body" : managed.get(name)

/** A field that the application named itself. */
export const custom = (name: string, value: string): Parsed<Header.Field> => {
  const owner = ownerOf(name.toLowerCase())
  return owner === undefined ? Header.field(name, value) : refuse(name, "the field cannot be set as a header", owner)
}

// Nobody means more; somebody's loop does.
const maxCustom = 1000

/** All custom fields, in order. */
export const customs = (headers: Composed["headers"]): Parsed<string> =>
  headers.length > maxCustom
    ? Result.fail(MessageError.make("too-many", `more than ${maxCustom} header fields`, { field: "headers" }))
    : Header.join(headers.map(([name, value]) => custom(name, value)))
