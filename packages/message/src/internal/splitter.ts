/** Divides a message that comes in pieces into its header, which is kept, and its body, which passes through. */
import * as Result from "effect/Result"
import * as MessageError from "../MessageError.ts"
import * as Bytes from "./bytes.ts"
import * as HeaderSection from "./headerSection.ts"

// More than any server takes, and little enough to hold.
const maxHeader = 4 * 1024 * 1024

interface Sink {
  readonly write: (octets: Uint8Array) => void
  readonly end: () => void
}

export interface Splitter {
  /** Fails with `too-long` when the header does not end. */
  readonly write: (octets: Uint8Array) => Result.Result<void, MessageError.MessageError>
  /** Whether the whole header was seen. */
  readonly isInBody: () => boolean
  /** Ends the body and gives the header, without the empty line after it. */
  readonly end: () => Uint8Array
}

const tooLong = () =>
  Result.fail(MessageError.make("too-long", `the header is longer than ${maxHeader} octets`, { field: "header" }))

export const makeSplitter = (body: Sink): Splitter => {
  let header: Uint8Array = new Uint8Array(0)
  let done = false
  return {
    write: (octets) => {
      if (done) {
        body.write(octets)
        return Result.void
      }
      header = header.length === 0 ? octets : Bytes.concat([header, octets])
      const stop = HeaderSection.bodyStart(header)
      if (stop > maxHeader) return tooLong()
      if (stop === header.length) return Result.void
      done = true
      body.write(header.subarray(stop + 2))
      header = header.subarray(0, stop)
      return Result.void
    },
    isInBody: () => done,
    end: () => {
      body.end()
      return header
    }
  }
}
