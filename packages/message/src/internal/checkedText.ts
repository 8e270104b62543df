/** What no header, name or address may hold: CR, LF and NUL (SMTP-052, MSG-020), and halves of characters. */
import * as Result from "effect/Result"
import * as MessageError from "../MessageError.ts"

const names: Record<string, string> = { "\r": "CR", "\n": "LF", "\0": "NUL" }

/** The position of the first half of a surrogate pair without its other half, or -1. */
export const unpairedSurrogate = (text: string): number => {
  if (text.isWellFormed()) return -1
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0xd800 || unit > 0xdfff) continue
    const next = text.charCodeAt(i + 1)
    if (unit > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) return i
    i++
  }
  return -1
}

/** The text itself when each of its characters is whole; line ends and NUL are allowed. */
export const checkWellFormed = (text: string, field: string): Result.Result<string, MessageError.MessageError> => {
  const position = unpairedSurrogate(text)
  return position === -1
    ? Result.succeed(text)
    : Result.fail(
        MessageError.make("unpaired-surrogate", "half of a surrogate pair without the other half", {
          field,
          position,
          hint: "The text was cut inside a character"
        })
      )
}

/** The text itself when it can stand in one header field. */
export const checkLine = (text: string, field: string): Result.Result<string, MessageError.MessageError> => {
  const position = text.search(/[\r\n\0]/)
  return position === -1
    ? checkWellFormed(text, field)
    : Result.fail(
        MessageError.make("control-character", `${names[text.charAt(position)]} is not allowed`, {
          field,
          position,
          hint: "Take line ends and NUL out of it before it goes into a header"
        })
      )
}
