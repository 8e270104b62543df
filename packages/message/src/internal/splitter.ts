/** Divides a message that comes in pieces into its header, which is kept, and its body, which passes through. */
import * as Result from "effect/Result"
import * as MessageError from "../MessageError.ts"

// More than any server takes, and little enough to hold.
const maxHeader = 4 * 1024 * 1024

const CR = 13
const LF = 10

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

/** Looks at each octet of the header once and copies it a bounded number of times, however small the pieces are. */
export const makeSplitter = (body: Sink): Splitter => {
  // A first piece is kept as it is; it is full, so that nothing is ever written into it.
  let kept: Uint8Array = new Uint8Array(0)
  let length = 0
  // Where the line begins whose end has not come; in the body, where the header ends.
  let line = 0
  let done = false

  const keep = (octets: Uint8Array): void => {
    if (length === 0) kept = octets
    else if (length + octets.length > kept.length) {
      const larger = new Uint8Array(Math.max(2 * kept.length, length + octets.length))
      larger.set(kept.subarray(0, length))
      kept = larger
    }
    if (length > 0) kept.set(octets, length)
    length += octets.length
  }

  const findBody = (from: number): boolean => {
    const known = kept.subarray(0, length)
    for (let lf = known.indexOf(LF, from); lf !== -1; lf = known.indexOf(LF, lf + 1)) {
      if (lf === line + 1 && known[line] === CR) return true
      line = lf + 1
    }
    return false
  }

  return {
    write: (octets) => {
      if (done) {
        body.write(octets)
        return Result.void
      }
      const from = length
      keep(octets)
      done = findBody(from)
      if ((done ? line : length) > maxHeader) return tooLong()
      if (done) body.write(kept.subarray(line + 2, length))
      return Result.void
    },
    isInBody: () => done,
    end: () => {
      body.end()
      return kept.subarray(0, done ? line : length)
    }
  }
}
