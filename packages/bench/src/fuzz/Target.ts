/** What is fuzzed: a parser, inputs to begin with, and the laws that hold for any input. */
import type { Random } from "./Random.ts"

/** A parser under test. */
export interface Target {
  /** As in `Address.parse`. */
  readonly name: string
  /** What the parser reads: text of any UTF-16 units, or octets, which are written as units below 256. */
  readonly reads: "text" | "octets"
  /** Whole inputs that lead deep into the grammar. */
  readonly seeds: ReadonlyArray<string>
  /** What the grammar is made of. */
  readonly tokens: ReadonlyArray<string>
  /** Holds one input against all laws; tells whether the parser accepted it. Throws when a law is broken. */
  readonly check: (input: string, random: Random) => boolean | Promise<boolean>
  /** The parser alone, for inputs that grow; the name says how it is fed. */
  readonly grow?: Readonly<Record<string, (input: string) => unknown>> | undefined
}

/** A law does not hold. */
export class Violation extends Error {
  override readonly name = "Violation"
}

const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 300 ? `${text.slice(0, 300)}…` : text
}

/** Holds a law: throws when it is broken. `law` says what should have been. */
export function ensure(holds: boolean, law: string, ...details: ReadonlyArray<unknown>): asserts holds {
  if (!holds) throw new Violation([law, ...details.map(shown)].join(" | "))
}

/** Holds that two values are the same, by their JSON. */
export const ensureSame = (law: string, actual: unknown, expected: unknown): void => {
  if (actual === expected) return
  ensure(JSON.stringify(actual) === JSON.stringify(expected), law, actual, expected)
}

const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/

/** Holds that a text can be shown to people: nothing that moves the cursor, and not too much. */
export const ensureShowable = (what: string, text: string, limit = 1000): void => {
  ensure(text.isWellFormed() && !controls.test(text), `${what} can be shown`, text)
  ensure(text.length <= limit, `${what} has at most ${limit} characters`, text.length)
}

/** Holds that a position lies within the input or at its end. */
export const ensurePosition = (position: number, input: string): void =>
  ensure(
    Number.isInteger(position) && position >= 0 && position <= input.length,
    "a position is in the input",
    position
  )

/** The octets of an input of that kind. */
export const octetsOf = (input: string): Uint8Array => {
  const buffer = Buffer.from(input, "latin1")
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
}

/** Octets as text, one character for each. */
export const unitsOf = (octets: Uint8Array): string =>
  Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString("latin1")

/** Text as octets of UTF-8, written as an input. */
export const utf8 = (text: string): string => Buffer.from(text, "utf8").toString("latin1")

/** The octets in pieces, some of them empty: octet by octet, at random, or in one. */
export const torn = (octets: Uint8Array, random: Random): ReadonlyArray<Uint8Array> => {
  if (random.once(4)) return single(octets)
  const pieces: Array<Uint8Array> = []
  const largest = 1 + random.below(random.once(2) ? 8 : octets.length + 1)
  for (let at = 0; at < octets.length;) {
    const size = random.below(largest + 1)
    pieces.push(octets.subarray(at, at + size))
    at += size
  }
  return pieces
}

/** All pieces in one array. */
export const joined = (pieces: ReadonlyArray<Uint8Array>): Uint8Array => {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    all.set(piece, at)
    at += piece.length
  }
  return all
}

/** The octets one by one, as a slow peer sends them. */
export const single = (octets: Uint8Array): ReadonlyArray<Uint8Array> =>
  Array.from(octets, (_, i) => octets.subarray(i, i + 1))
