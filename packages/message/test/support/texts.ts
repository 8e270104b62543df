/** Texts that break mail software: generators and small helpers for the tests. */
import { Result, Schema } from "effect"
import type * as MessageError from "@effect-mail/message/MessageError"

const pieces = [
  "a",
  "B",
  "7",
  "word",
  " ",
  "  ",
  "\t",
  ".",
  ",",
  ";",
  ":",
  "@",
  "<",
  ">",
  "(",
  ")",
  "[",
  "]",
  '"',
  "\\",
  "'",
  "=",
  "_",
  "?",
  "=?",
  "?=",
  "=?utf-8?q?x?=",
  "%",
  "*",
  "-",
  "--",
  "=_",
  "From ",
  "é",
  "ß",
  "日本",
  "語",
  "😀",
  "\u00a0",
  "\u00ad",
  "\u200b",
  "\u2028",
  "\u0085",
  "\u{10ffff}",
  "\x7f",
  "\x1b",
  "long-word-without-any-space-in-it-to-fold-at"
] as const

const lineEnds = ["\r", "\n", "\r\n", "\r\n\r\n", "\n.\n", "\r\n.\r\n", "\0", "\r\nBcc: mallory@example.net"] as const

/** One line of text, every character whole. */
export const Line = Schema.Array(Schema.Literals(pieces)).check(Schema.isMaxLength(60))

/** Text with line ends of all kinds and NUL. */
export const Lines = Schema.Array(Schema.Literals([...pieces, ...lineEnds])).check(Schema.isMaxLength(120))

/** Anything at all, halves of characters included. */
export const Anything = Schema.Array(Schema.Literals([...pieces, ...lineEnds, "\ud83d", "\ude00"])).check(
  Schema.isMaxLength(60)
)

/** Octets of all kinds, line ends in plenty. */
export const Octets = Schema.Array(
  Schema.Union([
    Schema.Literals([13, 10, 46, 61, 32, 9, 0]),
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))
  ])
).check(Schema.isMaxLength(400))

export const join = (parts: ReadonlyArray<string>): string => parts.join("")

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true })

export const bytes = (text: string): Uint8Array => encoder.encode(text)

export const string = (octets: Uint8Array): string => decoder.decode(octets)

/** Line ends as they are after the wire. */
export const crlf = (text: string): string => text.replace(/\r\n?|\n/g, "\r\n")

/** What an error says, without its words. */
export const refusal = <A>(
  result: Result.Result<A, MessageError.MessageError>
): readonly [MessageError.Reason, string | undefined, number | undefined] => {
  const { field, position, reason } = Result.getOrThrow(Result.flip(result))
  return [reason, field, position]
}
