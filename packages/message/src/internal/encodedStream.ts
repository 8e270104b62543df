/**
 * A stream of bytes as it goes on the wire: in base64 lines, encoded while it passes, of which little is held back and small pieces
 * become larger ones; or as it is.
 */
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

const makeEncoder = (content: Streamed, room: Base64.Room): Encoder => {
  let count = 0
  let held: Array<Uint8Array> = []
  let heldSize = 0
  let first = true
  const encode = (whole: Uint8Array, octets: Uint8Array): Uint8Array => {
    const lines = Base64.encodeBoth(whole, octets, !first, room)
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

const makeCounter = (content: Streamed, pass: (octets: Uint8Array) => Uint8Array): Encoder => {
  let count = 0
  return {
    write: (octets) => {
      count += octets.length
      return count > (content.size ?? Infinity) ? wrongSize(content, "more") : Result.succeed(pass(octets))
    },
    end: () => (count < (content.size ?? 0) ? wrongSize(content, "fewer") : Result.succeed(nothing))
  }
}

const same = (octets: Uint8Array): Uint8Array => octets

// Whoever gave a piece may fill it anew before a copy is written.
const copy = (octets: Uint8Array): Uint8Array => new Uint8Array(octets)

const encoderOf = (content: Streamed, lasting: boolean): Encoder =>
  content.encoding === "base64"
    ? makeEncoder(content, lasting ? Base64.fresh : Base64.makeReused())
    : makeCounter(content, lasting ? copy : same)

/**
 * What of it goes on the wire, in pieces of moderate size. One that is not `lasting` holds until the next is asked for. Fails
 * with `bad-attachment` when the size was wrong.
 */
export const encodedStream = (
  content: Streamed,
  lasting: boolean
): Stream.Stream<Uint8Array, MessageError.MessageError> =>
  Stream.suspend(() => {
    const encoder = encoderOf(content, lasting)
    const lines = Stream.mapEffect(content.stream, (octets) => Effect.fromResult(encoder.write(octets)))
    const rest = Stream.fromEffect(Effect.suspend(() => Effect.fromResult(encoder.end())))
    return Stream.filter(Stream.concat(lines, rest), (octets) => octets.length > 0)
  })
