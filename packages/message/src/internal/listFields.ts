/** The fields of a list (RFC 2369, RFC 2919) and the urgency of a message. */
import * as Result from "effect/Result"
import * as AddressList from "../AddressList.ts"
import * as Header from "../Header.ts"
import type { ListInfo, Priority } from "../Message.ts"
import * as MessageError from "../MessageError.ts"
import { checkLine } from "./checkedText.ts"

type Parsed<A> = Result.Result<A, MessageError.MessageError>

const refuse = (field: string, detail: string, hint: string) =>
  Result.fail(MessageError.make("bad-header", detail, { field, hint }))

const validUri = /^[A-Za-z][A-Za-z0-9+.-]*:[!#-;=?-~]+$/

const uri = (field: string, text: string): Parsed<string> =>
  Result.flatMap(checkLine(text, field), () =>
    validUri.test(text)
      ? Result.succeed(`<${text}>`)
      : refuse(field, "the address is no URL", "Give a https: or mailto: URL in ASCII, percent-encoded where needed")
  )

type Uris = ListInfo["help"]

const isList = (uris: NonNullable<Uris>): uris is ReadonlyArray<string> => Array.isArray(uris)

const uris = (name: string, given: Uris): Parsed<Header.Field> => {
  const all = given === undefined ? [] : isList(given) ? given : [given]
  if (all.length === 0) return Result.succeed("")
  return Result.flatMap(Result.all(all.map((one) => uri(name, one))), (all) =>
    Header.structured(
      name,
      all.map((one, i) => (i < all.length - 1 ? `${one},` : one))
    )
  )
}

// RFC 2919 section 3: dot-atoms, at most 255 octets.
const validId = /^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)+$/

const listId = (given: ListInfo["id"]): Parsed<Header.Field> => {
  if (given === undefined) return Result.succeed("")
  const { id, name } = typeof given === "string" ? { id: given, name: "" } : given
  if (id.length > 255 || !validId.test(id)) {
    return refuse("List-Id", "the id of a list is written like a domain name", "For example news.example.com")
  }
  return name === ""
    ? Header.structured("List-Id", [`<${id}>`])
    : Result.flatMap(checkLine(name, "List-Id"), (name) =>
        Header.structured("List-Id", [...AddressList.phrase(name), `<${id}>`])
      )
}

/** All List fields but those of unsubscribing. */
export const list = (info: ListInfo): Parsed<Header.Field> =>
  Header.join([
    listId(info.id),
    uris("List-Help", info.help),
    uris("List-Subscribe", info.subscribe),
    info.post === "NO" ? Header.structured("List-Post", ["NO"]) : uris("List-Post", info.post),
    uris("List-Owner", info.owner),
    uris("List-Archive", info.archive)
  ])

const numbers: Readonly<Record<Priority, string>> = { high: "1", normal: "3", low: "5" }

/** Importance and X-Priority. */
export const priority = (value: Priority): Parsed<Header.Field> =>
  Object.hasOwn(numbers, value)
    ? Result.succeed(`Importance: ${value}\r\nX-Priority: ${numbers[value]}\r\n`)
    : refuse("Importance", "the priority is none of high, normal, low", "Use one of them")
