/**
 * The tokens of an address list (RFC 5322 sections 3.2 and 3.4). One pass, no recursion: comments nest by counting.
 * White space and comments are not tokens; the token after them says that they were there.
 */
import * as Result from "effect/Result"

export type Kind = "atom" | "quoted" | "literal" | Special

export type Special = "<" | ">" | "," | ";" | ":" | "@" | "."

export interface Token {
  readonly kind: Kind
  /** The text it stands for: a quoted string without its quotes and backslashes, everything else as written. */
  readonly text: string
  /** Offset of its first character. */
  readonly start: number
  /** Offset after its last character. */
  readonly end: number
  /** What stands between it and the token before it. */
  readonly before: "nothing" | "blank" | "comment"
}

export interface Problem {
  readonly detail: string
  readonly position: number
  readonly hint?: string | undefined
}

type Step = { readonly text: string; readonly end: number } | Problem

const isProblem = (step: Step): step is Problem => "detail" in step

// Characters of an atom; all above ASCII belong to it (RFC 6532 section 3.2).
const isAtomUnit = (unit: number): boolean =>
  unit > 127 ||
  (unit >= 97 && unit <= 122) ||
  (unit >= 48 && unit <= 57) ||
  (unit >= 63 && unit <= 90 && unit !== 64) ||
  (unit >= 94 && unit <= 126) ||
  (unit >= 35 && unit <= 39) ||
  unit === 33 ||
  unit === 42 ||
  unit === 43 ||
  unit === 45 ||
  unit === 47 ||
  unit === 61

const specials = new Map<string, Special>(
  (["<", ">", ",", ";", ":", "@", "."] as const).map((special) => [special, special])
)

const atom = (input: string, start: number): Step => {
  let end = start
  while (end < input.length && isAtomUnit(input.charCodeAt(end))) end++
  return { text: input.slice(start, end), end }
}

const quoted = (input: string, start: number): Step => {
  const pieces: Array<string> = []
  let from = start + 1
  for (let at = from; at < input.length; at++) {
    const char = input.charAt(at)
    if (char === '"') return { text: pieces.join("") + input.slice(from, at), end: at + 1 }
    if (char === "\\") {
      pieces.push(input.slice(from, at))
      from = ++at
    }
  }
  return { detail: "a quoted string has no end", position: start, hint: 'Close it with "' }
}

const literal = (input: string, start: number): Step => {
  const end = input.indexOf("]", start)
  return end === -1
    ? { detail: "an address literal has no end", position: start, hint: "Close it with ]" }
    : { text: input.slice(start, end + 1), end: end + 1 }
}

const comment = (input: string, start: number): Step => {
  let depth = 0
  for (let at = start; at < input.length; at++) {
    const char = input.charAt(at)
    if (char === "\\") at++
    else if (char === "(") depth++
    else if (char === ")" && --depth === 0) return { text: "", end: at + 1 }
  }
  return { detail: "a comment has no end", position: start, hint: "Close it with )" }
}

interface Reader {
  readonly kind: Kind
  readonly read: typeof atom
}

const quotedReader: Reader = { kind: "quoted", read: quoted }
const literalReader: Reader = { kind: "literal", read: literal }
const atomReader: Reader = { kind: "atom", read: atom }

const reader = (char: string): Reader | undefined => {
  if (char === '"') return quotedReader
  if (char === "[") return literalReader
  return isAtomUnit(char.charCodeAt(0)) ? atomReader : undefined
}

/** The tokens of an unfolded header value. */
export const tokenize = (input: string): Result.Result<ReadonlyArray<Token>, Problem> => {
  const tokens: Array<Token> = []
  let before: Token["before"] = "nothing"
  let start = 0
  while (start < input.length) {
    const char = input.charAt(start)
    if (char === " " || char === "\t") {
      if (before === "nothing") before = "blank"
      start++
      continue
    }
    if (char === "(") {
      const skipped = comment(input, start)
      if (isProblem(skipped)) return Result.fail(skipped)
      before = "comment"
      start = skipped.end
      continue
    }
    const special = specials.get(char)
    if (special !== undefined) {
      tokens.push({ kind: special, text: char, start, end: start + 1, before })
      before = "nothing"
      start++
      continue
    }
    const found = reader(char)
    if (found === undefined) {
      return Result.fail({ detail: `${JSON.stringify(char)} is not allowed here`, position: start, hint: quoteHint })
    }
    const step: Step = found.read(input, start)
    if (isProblem(step)) return Result.fail(step)
    tokens.push({ kind: found.kind, text: step.text, start, end: step.end, before })
    before = "nothing"
    start = step.end
  }
  return Result.succeed(tokens)
}

/** What to do about characters with a meaning of their own. */
export const quoteHint =
  'A display name with special characters is written in quotes, as in "Lovelace, Ada" <ada@example.com>'
