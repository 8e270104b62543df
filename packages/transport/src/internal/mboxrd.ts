/**
 * The quoting of mboxrd (SEND-011, V-111): a line that begins with `From `, or with that behind any number of `>`, gets one
 * `>` more, so that no line of a message looks like the beginning of the next one, and all of them can be told apart again.
 */

const LF = 10
const GT = 62
const from = new TextEncoder().encode("From ")

/** Quotes lines that end in LF, over any chunking. */
export interface Quoter {
  readonly push: (chunk: Uint8Array) => Uint8Array
  /** The octets that were held back, and whether the last line had an end. */
  readonly end: () => { readonly rest: Uint8Array; readonly lineEnded: boolean }
}

/** Makes a transducer; it holds back four octets at most. */
export const make = (): Quoter => {
  // How much of "From " has come at the beginning of a line; -1 in the middle of one.
  let matched = 0
  let last = LF
  return {
    push: (chunk) => {
      const out = new Uint8Array(Math.ceil(((chunk.length + from.length) * 6) / 5))
      let length = 0
      const release = (count: number) => {
        out.set(from.subarray(0, count), length)
        length += count
      }
      for (const byte of chunk) {
        last = byte
        if (matched >= 0 && byte === from[matched]) {
          matched++
          if (matched < from.length) continue
          out[length++] = GT
          release(from.length)
          matched = -1
          continue
        }
        if (matched > 0) release(matched)
        // Another `>` in front of "From " is the same wherever in the row of them it stands.
        const stillBegins = byte === LF || (matched === 0 && byte === GT)
        matched = stillBegins ? 0 : -1
        out[length++] = byte
      }
      return out.subarray(0, length)
    },
    end: () => ({ rest: from.slice(0, Math.max(matched, 0)), lineEnded: last === LF })
  }
}
