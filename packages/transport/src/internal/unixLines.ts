/**
 * A message with LF line ends, as mailboxes and local mail programs keep it (SEND-005). Only CR LF becomes LF: a CR or an LF
 * that stands alone is an error of the message, never mended.
 */
import * as MessageError from "@effect-mail/message/MessageError"
import type { Body } from "@effect-mail/message/Parcel"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"

const CR = 13
const LF = 10

/** Turns CR LF into LF, over any chunking. */
export interface UnixLines {
  /** The next octets, at most one more than came in. */
  readonly push: (chunk: Uint8Array) => Result.Result<Uint8Array, MessageError.MessageError>
  /** Fails when a CR was last. */
  readonly end: () => Result.Result<void, MessageError.MessageError>
}

const bare = (position: number) =>
  Result.fail(
    MessageError.make("bare-line-end", "a CR or LF stands alone", {
      position,
      hint: "Every line ends in CRLF; Message.eml makes it so"
    })
  )

/** Makes a transducer. */
export const make = (): UnixLines => {
  let offset = 0
  let afterCr = false
  return {
    push: (chunk) => {
      const out = new Uint8Array(chunk.length)
      let length = 0
      for (let i = 0; i < chunk.length; i++) {
        const byte = chunk[i] ?? 0
        if ((byte === LF) !== afterCr) return bare(offset + i - (afterCr ? 1 : 0))
        afterCr = byte === CR
        if (!afterCr) out[length++] = byte
      }
      offset += chunk.length
      return Result.succeed(out.subarray(0, length))
    },
    end: () => (afterCr ? bare(offset - 1) : Result.void)
  }
}

/** The body with LF line ends. */
export const stream = (body: Body): Stream.Stream<Uint8Array, MessageError.MessageError> =>
  Stream.suspend(() => {
    const lines = make()
    const pieces = Stream.mapEffect(body.stream, (chunk) => Effect.fromResult(lines.push(chunk)))
    return Stream.concat(pieces, Stream.fromEffectDrain(Effect.suspend(() => Effect.fromResult(lines.end()))))
  })
