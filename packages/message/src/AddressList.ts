/**
 * The addresses of a header (RFC 5322 section 3.4): mailboxes with display names, and groups. The parser is linear and
 * bounded and never guesses: what is not an address list is an error with its position, and each mailbox must be one
 * that SMTP takes as well, so that what is shown and what is routed are the same. The encoder writes the generate-side
 * grammar only, with encoded-words for names that are not ASCII.
 *
 * @since 0.1.0
 */
import * as Protocol from "@effect-mail/protocol/Address"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as EncodedWord from "./EncodedWord.ts"
import * as Header from "./Header.ts"
import { parseTokens, quote } from "./internal/addressParser.ts"
import type { Problem } from "./internal/addressTokens.ts"
import { tokenize } from "./internal/addressTokens.ts"
import { checkLine } from "./internal/checkedText.ts"
import * as MessageError from "./MessageError.ts"

/**
 * An address such as `ada@example.com`, known to be well formed.
 *
 * @category models
 * @since 0.1.0
 */
export type Mailbox = Protocol.Mailbox

/**
 * A mailbox with the name that is shown for it.
 *
 * @category models
 * @since 0.1.0
 */
export interface NamedMailbox {
  readonly _tag: "NamedMailbox"
  readonly name: string | undefined
  readonly address: Mailbox
}

/**
 * A named group of mailboxes; an empty one hides its members, as in `undisclosed-recipients:;`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Group {
  readonly _tag: "Group"
  readonly name: string
  readonly members: ReadonlyArray<NamedMailbox>
}

/**
 * One element of an address list.
 *
 * @category models
 * @since 0.1.0
 */
export type Address = NamedMailbox | Group

/**
 * One address as an application gives it: `"ada@example.com"`, `"Ada Lovelace <ada@example.com>"`, a name and an
 * address apart, or a parsed one. A string is always one address; a list in one string is how recipients are smuggled
 * in, so it has to be parsed on purpose, with `parse`.
 *
 * @category models
 * @since 0.1.0
 */
export type Input = string | { readonly name?: string | undefined; readonly address: string } | Address

/**
 * The longest list that is parsed, in UTF-16 units: memory must not grow with what a peer sends.
 *
 * @category limits
 * @since 0.1.0
 */
export const maxLength = 1_048_576

/**
 * The most addresses in one list.
 *
 * @category limits
 * @since 0.1.0
 */
export const maxAddresses = 10_000

/**
 * A mailbox with an optional display name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const named = (address: Mailbox, name?: string): NamedMailbox => ({ _tag: "NamedMailbox", name, address })

/**
 * A group with its members, none by default.
 *
 * @category constructors
 * @since 0.1.0
 */
export const group = (name: string, members: ReadonlyArray<NamedMailbox> = []): Group => ({
  _tag: "Group",
  name,
  members
})

/**
 * `undisclosed-recipients:;`, for a message whose recipients are all hidden (MSG-014).
 *
 * @category constructors
 * @since 0.1.0
 */
export const undisclosed: Group = group("undisclosed-recipients")

type Parsed<A> = Result.Result<A, MessageError.MessageError>

const refuse = (field: string, problem: Problem): Result.Result<never, MessageError.MessageError> =>
  Result.fail(
    MessageError.make("bad-address", problem.detail, { field, position: problem.position, hint: problem.hint })
  )

const countOf = (list: ReadonlyArray<Address>): number =>
  list.reduce((sum, address) => sum + (address._tag === "Group" ? Math.max(1, address.members.length) : 1), 0)

const tooMany = (field: string) =>
  Result.fail(MessageError.make("too-many", `more than ${maxAddresses} addresses`, { field }))

// SMTP-052 and MSG-020 for CR, LF and NUL; other controls have no place in an address list either.
const checkList = (input: string, field: string): Parsed<string> =>
  Result.flatMap(checkLine(input, field), (line) => {
    const position = line.search(/[\x01-\x08\x0b-\x1f\x7f]/)
    if (position !== -1) {
      return Result.fail(
        MessageError.make("control-character", "a control character is not allowed", { field, position })
      )
    }
    return line.length > maxLength
      ? Result.fail(MessageError.make("too-long", `an address list of more than ${maxLength} characters`, { field }))
      : Result.succeed(line)
  })

// Printable ASCII words with single spaces between them, which stand for themselves.
const atoms = /^[\w!#$%&'*+\-/=?^`{|}~]+(?: [\w!#$%&'*+\-/=?^`{|}~]+)*$/

const plainAddress = /^[\w.+-]+@[\w.-]+$/

const addressAlone = (text: string, name?: string): NamedMailbox | undefined => {
  if (!plainAddress.test(text)) return undefined
  const parsed = Protocol.parse(text)
  return Result.isSuccess(parsed) ? named(parsed.success, name) : undefined
}

// Nearly every list is `ada@example.com` or `Ada Lovelace <ada@example.com>`. This takes such a one without tokens; whatever it
// does not recognise, wrong or only unusual, is left to the grammar.
const plainMailbox = (input: string): NamedMailbox | undefined => {
  if (input.length > 400) return undefined
  if (!input.endsWith(">")) return addressAlone(input)
  const open = input.indexOf(" <")
  const name = input.slice(0, Math.max(open, 0))
  return atoms.test(name) && !name.includes("=?") ? addressAlone(input.slice(open + 2, -1), name) : undefined
}

const parseList = (input: string, field: string): Parsed<ReadonlyArray<Address>> => {
  const checked = checkList(input, field)
  if (Result.isFailure(checked)) return Result.fail(checked.failure)
  const parsed = Result.flatMap(tokenize(input), (tokens) => parseTokens(tokens, input.length))
  if (Result.isFailure(parsed)) return refuse(field, parsed.failure)
  return countOf(parsed.success) > maxAddresses ? tooMany(field) : Result.succeed(parsed.success)
}

/**
 * Parses an unfolded header value that is a list of addresses: `Ada <ada@example.com>, team:bob@example.com;`. Comments
 * are dropped, empty elements skipped. `field` names the input in errors. Fails with `bad-address`,
 * `control-character`, `unpaired-surrogate`, `too-long` or `too-many`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (input: string, field = "address list"): Parsed<ReadonlyArray<Address>> => {
  const plain = plainMailbox(input)
  return plain === undefined ? parseList(input, field) : Result.succeed([plain])
}

/**
 * Parses a text that is exactly one address or one group. Fails like `parse`, and with `bad-address` when there is none
 * or more than one.
 *
 * @category decoding
 * @since 0.1.0
 */
export const parseOne = (input: string, field = "address"): Parsed<Address> => {
  const list = parse(input, field)
  if (Result.isFailure(list)) return Result.fail(list.failure)
  const [first] = list.success
  const count = list.success.length
  return first !== undefined && count === 1
    ? Result.succeed(first)
    : refuse(field, {
        detail: count === 0 ? "there is no address" : `there are ${count} addresses in one string`,
        position: 0,
        hint: "Give each address as its own array element, or parse a list on purpose with AddressList.parse"
      })
}

const fromNamed = (
  input: { readonly name?: string | undefined; readonly address: string },
  field: string
): Parsed<NamedMailbox> => {
  if (!Predicate.hasProperty(input, "address") || typeof input.address !== "string") {
    return refuse(field, { detail: "an address is a string or { name, address }", position: 0 })
  }
  return Result.flatMap(checkLine(input.address, field), () => {
    const parsed = Protocol.parse(input.address)
    return Result.isSuccess(parsed)
      ? Result.succeed(named(parsed.success, input.name))
      : refuse(field, {
          detail: `the address is not valid: ${parsed.failure.reason}`,
          position: parsed.failure.position,
          hint: "An address beside a name is a bare one, such as ada@example.com"
        })
  })
}

/**
 * One address from what an application gave. Fails like `parseOne`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromInput = (input: Input, field = "address"): Parsed<Address> => {
  if (typeof input === "string") return parseOne(input, field)
  if (!isGroup(input)) return fromNamed(input, field)
  const members = Result.all(input.members.map((member, i) => fromNamed(member, `${field}.members[${i}]`)))
  return Result.map(members, (members) => group(input.name, members))
}

// A caller without types may pass anything.
const isGroup = (input: Exclude<Input, string>): input is Group => Predicate.hasProperty(input, "members")

/**
 * The addresses of several inputs, in order; errors name the element, as in `To[1]`. Fails like `parseOne` and with
 * `too-many`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromInputs = (inputs: ReadonlyArray<Input>, field: string): Parsed<ReadonlyArray<Address>> => {
  const list: Array<Address> = []
  for (const [i, input] of inputs.entries()) {
    const parsed = fromInput(input, `${field}[${i}]`)
    if (Result.isFailure(parsed)) return Result.fail(parsed.failure)
    list.push(parsed.success)
  }
  return countOf(list) > maxAddresses ? tooMany(field) : Result.succeed(list)
}

/**
 * All mailboxes of a list, those of groups included, in order.
 *
 * @category getters
 * @since 0.1.0
 */
export const mailboxes = (list: ReadonlyArray<Address>): ReadonlyArray<NamedMailbox> =>
  list.flatMap((address) => (address._tag === "Group" ? address.members : [address]))

// Encoded-words are kept short enough to stand on the first line after the longest usual name.
const wordLength = 64

/**
 * A display name (RFC 5322 section 3.2.5) as the pieces of a header field: atoms as they are, quotes where they help,
 * encoded-words for all else. Line ends are for `Header.structured` to refuse.
 *
 * @category encoding
 * @since 0.1.0
 */
export const phrase = (name: string): ReadonlyArray<string> => {
  if (atoms.test(name) && !name.includes("=?") && name.length < 200) return name.split(" ")
  return /^[ -~]{0,60}$/.test(name) && !name.includes("=?")
    ? [quote(name)]
    : EncodedWord.encode(name, { first: wordLength, rest: wordLength })
}

/**
 * The address as it stands in a header: a domain that is not ASCII is written in A-labels when the local part is ASCII,
 * so that any server can take the message (RFC 6531 section 3.2, SMTP-173); else the whole address is UTF-8.
 *
 * @category encoding
 * @since 0.1.0
 */
export const addressText = (address: Mailbox): string => Protocol.toAscii(address) ?? address

const mailboxPieces = (mailbox: NamedMailbox, field: string): Parsed<ReadonlyArray<string>> => {
  const address = addressText(mailbox.address)
  const { name = "" } = mailbox
  if (name === "") return Result.succeed([address])
  const checked = checkLine(name, field)
  return Result.isFailure(checked)
    ? Result.fail(checked.failure)
    : Result.succeed([...phrase(checked.success), `<${address}>`])
}

const closed = (pieces: ReadonlyArray<string>, mark: string): ReadonlyArray<string> =>
  mark === "" ? pieces : [...pieces.slice(0, -1), `${pieces[pieces.length - 1] ?? ""}${mark}`]

const listPieces = <A extends Address>(
  list: ReadonlyArray<A>,
  one: (address: A) => Parsed<ReadonlyArray<string>>,
  end: string
): Parsed<ReadonlyArray<string>> => {
  const pieces: Array<string> = []
  for (const [i, address] of list.entries()) {
    const result = one(address)
    if (Result.isFailure(result)) return result
    const all = closed(result.success, i === list.length - 1 ? end : ",")
    for (const piece of all) pieces.push(piece)
  }
  return Result.succeed(pieces)
}

// An encoded-word needs white space around it (RFC 2047 section 5 (3)).
const groupName = (name: string, mark: string): ReadonlyArray<string> => {
  const words = phrase(name)
  return words.some((word) => word.startsWith("=?")) ? [...words, mark] : closed(words, mark)
}

const groupPieces = (self: Group, field: string): Parsed<ReadonlyArray<string>> =>
  Result.flatMap(checkLine(self.name, field), (name) =>
    self.members.length === 0
      ? Result.succeed(groupName(name, ":;"))
      : Result.map(
          listPieces(self.members, (member) => mailboxPieces(member, field), ";"),
          (members) => [...groupName(name, ":"), ...members]
        )
  )

const pieces = (list: ReadonlyArray<Address>, field: string): Parsed<ReadonlyArray<string>> =>
  listPieces(
    list,
    (address) => (address._tag === "Group" ? groupPieces(address, field) : mailboxPieces(address, field)),
    ""
  )

/**
 * The header field of a list, folded. A local part that is not ASCII makes the field UTF-8 (RFC 6532), all else is
 * ASCII. Fails with `control-character` or `unpaired-surrogate` for a name.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (name: string, list: ReadonlyArray<Address>): Parsed<Header.Field> => {
  const all = pieces(list, name)
  return Result.isFailure(all) ? Result.fail(all.failure) : Header.structured(name, all.success)
}

/**
 * A list as one line to show to people, names as they are.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = (list: ReadonlyArray<Address>): string => list.map(formatOne).join(", ")

const formatName = (name: string): string =>
  /^[\w!#$%&'*+\-/=?^`{|}~ \u0080-\uffff]+$/.test(name) ? name : quote(name)

const formatOne = (address: Address): string => {
  if (address._tag === "Group") return `${formatName(address.name)}:${format(address.members)};`
  return address.name === undefined || address.name === ""
    ? address.address
    : `${formatName(address.name)} <${address.address}>`
}
