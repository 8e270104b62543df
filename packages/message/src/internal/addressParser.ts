/**
 * From tokens to addresses (RFC 5322 section 3.4). One loop over the list, no recursion: a group is a state, not a
 * level.
 */
import * as Protocol from "@effect-mail/protocol/Address"
import * as Result from "effect/Result"
import type { Address, NamedMailbox } from "../AddressList.ts"
import * as EncodedWord from "../EncodedWord.ts"
import type { Problem, Token } from "./addressTokens.ts"
import { quoteHint } from "./addressTokens.ts"

const isWord = (token: Token | undefined): boolean =>
  token !== undefined && (token.kind === "atom" || token.kind === "quoted" || token.kind === ".")

// A phrase as it is meant: encoded-words decoded outside of quotes, white space as one space (MSG-010).
const phrase = (tokens: ReadonlyArray<Token>): string => {
  let out = ""
  let plain = ""
  for (const [i, token] of tokens.entries()) {
    const gap = i > 0 && token.before !== "nothing" ? " " : ""
    if (token.kind !== "quoted") plain += gap + token.text
    else {
      out += EncodedWord.decode(plain) + gap + token.text
      plain = ""
    }
  }
  return out + EncodedWord.decode(plain)
}

/** A text as a quoted string. */
export const quote = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`

interface Found {
  readonly address: Protocol.Mailbox
  /** Index of the token after it. */
  readonly next: number
}

// Whether `tokens` are one or more atoms with dots between them. A comment among them is refused: systems differ in
// what is left when it is taken out.
const isDotAtom = (tokens: ReadonlyArray<Token>): boolean =>
  tokens.length % 2 === 1 && tokens.every((token, i) => (i % 2 === 0 ? token.kind === "atom" : token.kind === "."))

const commentInside = (tokens: ReadonlyArray<Token>): Token | undefined =>
  tokens.find((token, i) => i > 0 && token.before === "comment")

const text = (tokens: ReadonlyArray<Token>): string => tokens.map((token) => token.text).join("")

const wordsFrom = (tokens: ReadonlyArray<Token>, start: number): number => {
  let end = start
  while (isWord(tokens[end])) end++
  return end
}

const localPart = (words: ReadonlyArray<Token>): Result.Result<string, Problem> => {
  const [first] = words
  const position = first?.start ?? 0
  const comment = commentInside(words)
  if (comment !== undefined) return Result.fail({ detail: "a comment inside an address", position: comment.start })
  if (first?.kind === "quoted" && words.length === 1) return Result.succeed(quote(first.text))
  return isDotAtom(words)
    ? Result.succeed(text(words))
    : Result.fail({ detail: "the part before the @ is not valid", position, hint: quoteHint })
}

// The index after the atoms and dots of a domain: two atoms without a dot are not one domain.
const domainEnd = (tokens: ReadonlyArray<Token>, start: number): number => {
  let end = start
  while (tokens[end]?.kind === (end % 2 === start % 2 ? "atom" : ".")) end++
  return end
}

const domainPart = (tokens: ReadonlyArray<Token>, start: number): Result.Result<number, Problem> => {
  const first = tokens[start]
  if (first?.kind === "literal") return Result.succeed(start + 1)
  const end = domainEnd(tokens, start)
  const words = tokens.slice(start, end)
  const comment = commentInside(words)
  if (comment !== undefined) return Result.fail({ detail: "a comment inside an address", position: comment.start })
  return isDotAtom(words)
    ? Result.succeed(end)
    : Result.fail({ detail: "the domain is not valid", position: first?.start ?? tokens[start - 1]?.end ?? 0 })
}

// The addr-spec whose local part is tokens `start` to `at` and whose "@" stands at `at`.
const addressSpec = (tokens: ReadonlyArray<Token>, start: number, at: number): Result.Result<Found, Problem> => {
  const local = localPart(tokens.slice(start, at))
  if (Result.isFailure(local)) return Result.fail(local.failure)
  const quotedLocal = tokens[start]?.kind === "quoted"
  if (quotedLocal && (tokens[at]?.before !== "nothing" || tokens[at + 1]?.before !== "nothing")) {
    return Result.fail({ detail: "white space or a comment beside the @", position: tokens[at]?.start ?? 0 })
  }
  const end = domainPart(tokens, at + 1)
  if (Result.isFailure(end)) return Result.fail(end.failure)
  const parsed = Protocol.parse(`${local.success}@${text(tokens.slice(at + 1, end.success))}`)
  return Result.isFailure(parsed)
    ? Result.fail({ detail: `the address is not valid: ${parsed.failure.reason}`, position: tokens[start]?.start ?? 0 })
    : Result.succeed({ address: parsed.success, next: end.success })
}

const describe = (token: Token | undefined): string =>
  token === undefined ? "the end" : (words.get(token.kind) ?? token.text)

// What is of any length or content is not repeated.
const words: ReadonlyMap<Token["kind"], string> = new Map([
  ["atom", "a word"],
  ["quoted", "a word"],
  ["literal", "an address literal"]
])

const expected = (what: string, token: Token | undefined, end: number): Result.Result<never, Problem> =>
  Result.fail({
    detail: `${what} is missing before ${describe(token)}`,
    position: token?.start ?? end,
    hint: quoteHint
  })

// `<addr-spec>` whose "<" stands at `open`. A source route (`<@relay:ada@example.com>`) is not taken.
const angleAddress = (tokens: ReadonlyArray<Token>, open: number, end: number): Result.Result<Found, Problem> => {
  const at = wordsFrom(tokens, open + 1)
  if (tokens[at]?.kind !== "@" || at === open + 1) return expected("an address", tokens[at], end)
  const found = addressSpec(tokens, open + 1, at)
  if (Result.isFailure(found)) return found
  const close = tokens[found.success.next]
  return close?.kind === ">"
    ? Result.succeed({ address: found.success.address, next: found.success.next + 1 })
    : expected(">", close, end)
}

interface FoundMailbox {
  readonly mailbox: NamedMailbox
  readonly next: number
}

// The mailbox whose words (its name, or its local part) are tokens `start` to `wordsEnd`.
const mailboxAt = (
  tokens: ReadonlyArray<Token>,
  start: number,
  wordsEnd: number,
  end: number
): Result.Result<FoundMailbox, Problem> => {
  const special = tokens[wordsEnd]
  if (special?.kind === "@" && wordsEnd > start) {
    return Result.map(addressSpec(tokens, start, wordsEnd), ({ address, next }) => ({
      mailbox: { _tag: "NamedMailbox", name: undefined, address },
      next
    }))
  }
  if (special?.kind !== "<") return expected("an address", special, end)
  const name = phrase(tokens.slice(start, wordsEnd))
  return Result.map(angleAddress(tokens, wordsEnd, end), ({ address, next }) => ({
    mailbox: { _tag: "NamedMailbox", name: name === "" ? undefined : name, address },
    next
  }))
}

interface OpenGroup {
  readonly name: string
  readonly members: Array<NamedMailbox>
}

/** The addresses of a whole list; `end` is the length of the input, for errors about what is missing there. */
export const parseTokens = (
  tokens: ReadonlyArray<Token>,
  end: number
): Result.Result<ReadonlyArray<Address>, Problem> => {
  const list: Array<Address> = []
  let open: OpenGroup | undefined
  let at = 0
  while (at < tokens.length) {
    const first = tokens[at]
    const wordsEnd = wordsFrom(tokens, at)
    const special = tokens[wordsEnd]
    if (first?.kind === ",") {
      // Empty elements are obsolete, and still met (RFC 5322 section 4.4).
      at++
      continue
    }
    if (special?.kind === ":") {
      if (open !== undefined) return Result.fail({ detail: "a group inside a group", position: special.start })
      if (wordsEnd === at) return expected("the group's name", special, end)
      open = { name: phrase(tokens.slice(at, wordsEnd)), members: [] }
      at = wordsEnd + 1
      continue
    }
    if (first?.kind === ";" && open !== undefined) {
      list.push({ _tag: "Group", ...open })
      open = undefined
      at++
    } else {
      const found = mailboxAt(tokens, at, wordsEnd, end)
      if (Result.isFailure(found)) return Result.fail(found.failure)
      ;(open?.members ?? list).push(found.success.mailbox)
      at = found.success.next
    }
    const separator = tokens[at]
    if (separator !== undefined && separator.kind !== "," && !(open !== undefined && separator.kind === ";")) {
      return expected("a comma", separator, end)
    }
  }
  return open === undefined ? Result.succeed(list) : expected("the ; of a group", undefined, end)
}
