/** A stream of bytes in base64 lines, encoded while it passes; little is held back, and small pieces become larger ones. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Encoding from "../Encoding.ts"
import * as MessageError from "../MessageError.ts"
import type { Streamed } from "../Part.ts"
import * as Bytes from "./bytes.ts"

type Parsed<A> = Result.Result<A, MessageError.MessageError>

const crlf = Uint8Array.of(13, 10)
const nothing = new Uint8Array(0)

interface Encoder {
  readonly write: (octets: Uint8Array) => Parsed<Uint8Array>
  readonly end: () => Parsed<Uint8Array>
}

// A server that was told a size, or a part that was counted, must get what was said.
const wrongSize = ({ field, size }: Streamed, given: string) =>
  Result.fail(MessageError.make("bad-attachment", `the stream gave ${given} octets than ${size}`, { field }))

// As much as is worth a write of its own.
const enough = Encoding.base64LineInput * 256

const makeEncoder = (content: Streamed): Encoder => {
  let count = 0
  let held: Array<Uint8Array> = []
  let heldSize = 0
  let first = true
  const encode = (octets: Uint8Array): Uint8Array => {
    if (octets.length === 0) return octets
    const lines = Encoding.base64(octets)
    const joined = first ? lines : Bytes.concat([crlf, lines])
    first = false
    return joined
  }
  const takeLines = (): Uint8Array => {
    const all = Bytes.concat(held)
    const whole = all.length - (all.length % Encoding.base64LineInput)
    // A copy: the rest of a large piece must not keep all of it.
    held = [all.slice(whole)]
    heldSize = all.length - whole
    return all.subarray(0, whole)
  }
  return {
    write: (octets) => {
      count += octets.length
      if (content.size !== undefined && count > content.size) return wrongSize(content, "more")
      held.push(octets)
      heldSize += octets.length
      return Result.succeed(heldSize < enough ? nothing : encode(takeLines()))
    },
    end: () =>
      content.size !== undefined && count < content.size
        ? wrongSize(content, "fewer")
        : Result.succeed(encode(Bytes.concat(held)))
  }
}

/** The lines, in pieces of moderate size. Fails with `bad-attachment` when the size was wrong. */
export const base64Stream = (content: Streamed): Stream.Stream<Uint8Array, MessageError.MessageError> =>
  Stream.suspend(() => {
    const encoder = makeEncoder(content)
    const lines = Stream.mapEffect(content.stream, (octets) => Effect.fromResult(encoder.write(octets)))
    const rest = Stream.fromEffect(Effect.suspend(() => Effect.fromResult(encoder.end())))
    return Stream.filter(Stream.concat(lines, rest), (octets) => octets.length > 0)
  })
