/** Whole bodies in memory, for ways out that cannot take a stream. */
import type { MessageError } from "@effect-mail/message/MessageError"
import type { Body } from "@effect-mail/message/Parcel"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/** One array of many. */
export const concat = (pieces: ReadonlyArray<Uint8Array>): Uint8Array => {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

/** The octets of a body; fails when it cannot be read to its end. */
export const read = (body: Body): Effect.Effect<Uint8Array, MessageError> =>
  body.bytes === undefined ? Effect.map(Stream.runCollect(body.stream), concat) : Effect.succeed(body.bytes)
