/**
 * Divides a message that comes in pieces into its header, which is kept, and its body, which passes through. Each octet is looked at
 * once, however small the pieces are.
 */
import * as Result from "effect/Result"
import * as MessageError from "../MessageError.ts"

// More than any server takes, and little enough to hold.
const maxHeader = 4 * 1024 * 1024

interface Sink {
  readonly write: (octets: Uint8Array) => void
  readonly end: () => void
}

export interface Splitter {
  /** Fails with `too-long` when the header does not end. */
  readonly write: (octets: Uint8Array) => Result.Result<void, MessageError.MessageError>
  /** Whether the whole header was seen, and the empty line after it. */
  readonly isInBody: () => boolean
  /** Ends the body and gives the header, without the empty line after it. */
  readonly end: () => Uint8Array
}

const tooLong = () =>
  Result.fail(MessageError.make("too-long", `the header is longer than ${maxHeader} octets`, { field: "header" }))

const CR = 13
const LF = 10

// Octets one after the other, in an array that doubles when it is full. Pieces are copied, as one array may do for all of them.
const makeStore = () => {
  let octets: Uint8Array = new Uint8Array(0)
  let size = 0
  return {
    size: () => size,
    last: () => (size === 0 ? undefined : octets[size - 1]),
    push: (more: Uint8Array): void => {
      if (octets.length < size + more.length) {
        const larger = new Uint8Array(Math.max(2 * size, size + more.length))
        larger.set(octets.subarray(0, size))
        octets = larger
      }
      octets.set(more, size)
      size += more.length
    },
    all: (end = size): Uint8Array => octets.subarray(0, end)
  }
}

export const makeSplitter = (body: Sink): Splitter => {
  const store = makeStore()
  let done = false
  let lineLength = 0

  // Where in `octets` the body begins, or -1. A line is empty when there is a CR and nothing else before its LF.
  const findBody = (octets: Uint8Array): number => {
    let from = 0
    for (let at = octets.indexOf(LF); at !== -1; at = octets.indexOf(LF, from)) {
      lineLength += at - from
      const before = at > 0 ? octets[at - 1] : store.last()
      if (lineLength === 1 && before === CR) return at + 1
      lineLength = 0
      from = at + 1
    }
    lineLength += octets.length - from
    return -1
  }

  return {
    write: (octets) => {
      if (done) {
        body.write(octets)
        return Result.void
      }
      const start = findBody(octets)
      done = start !== -1
      store.push(done ? octets.subarray(0, start) : octets)
      if (store.size() > maxHeader) return tooLong()
      if (done) body.write(octets.subarray(start))
      return Result.void
    },
    isInBody: () => done,
    end: () => {
      body.end()
      return done ? store.all(store.size() - 2) : store.all()
    }
  }
}
