/** A stream of bytes in base64 lines, encoded while it passes; little is held back, and small pieces become larger ones. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as MessageError from "../MessageError.ts"
import type { Streamed } from "../Part.ts"
import * as Base64 from "./base64.ts"
import * as Bytes from "./bytes.ts"

type Parsed<A> = Result.Result<A, MessageError.MessageError>

const nothing = new Uint8Array(0)

interface Encoder {
  readonly write: (octets: Uint8Array) => Parsed<Uint8Array>
  readonly end: () => Parsed<Uint8Array>
}

// A server that was told a size, or a part that was counted, must get what was said.
const wrongSize = ({ field, size }: Streamed, given: string) =>
  Result.fail(MessageError.make("bad-attachment", `the stream gave ${given} octets than ${size}`, { field }))

// As much as is worth a write of its own.
const enough = Base64.lineInput * 256

const makeEncoder = (content: Streamed): Encoder => {
  let count = 0
  let held: Array<Uint8Array> = []
  let heldSize = 0
  let first = true
  const encode = (whole: Uint8Array, octets: Uint8Array): Uint8Array => {
    const lines = Base64.encodeBoth(whole, octets, !first)
    first &&= lines.length === 0
    return lines
  }
  // Of a large piece only the end is copied, so that it neither is moved nor held.
  const takeLines = (octets: Uint8Array): Uint8Array => {
    const missing = (Base64.lineInput - (heldSize % Base64.lineInput)) % Base64.lineInput
    const whole = Bytes.concat([...held, octets.subarray(0, missing)])
    const end = octets.length - ((octets.length - missing) % Base64.lineInput)
    held = [new Uint8Array(octets.subarray(end))]
    heldSize = octets.length - end
    return encode(whole, octets.subarray(missing, end))
  }
  // What is held is copied, as its array may be used again; not by `slice`, which for a Buffer copies nothing.
  const hold = (octets: Uint8Array): Uint8Array => {
    held.push(new Uint8Array(octets))
    heldSize += octets.length
    return nothing
  }
  const join = (octets: Uint8Array): Uint8Array => {
    const all = Bytes.concat([...held, octets])
    held = []
    heldSize = 0
    return all
  }
  return {
    write: (octets) => {
      count += octets.length
      if (content.size !== undefined && count > content.size) return wrongSize(content, "more")
      if (heldSize + octets.length < enough) return Result.succeed(hold(octets))
      return Result.succeed(takeLines(octets.length < Base64.lineInput ? join(octets) : octets))
    },
    end: () =>
      content.size !== undefined && count < content.size
        ? wrongSize(content, "fewer")
        : Result.succeed(encode(nothing, Bytes.concat(held)))
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
