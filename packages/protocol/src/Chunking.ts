/**
 * Message data in counted chunks (BDAT, RFC 3030): no line ends, no dots, nothing in the data that could end it. To be
 * used with servers that offer CHUNKING only, as any other would take the data for commands (SMTP-154).
 *
 * @since 0.1.0
 */
import { empty, encode as encodeText } from "./internal/utf8.ts"

/**
 * One BDAT command and its data.
 *
 * @category models
 * @since 0.1.0
 */
export interface Chunk {
  /** Octets of data. */
  readonly size: number
  /** Whether it is the last one of the message. */
  readonly last: boolean
  /** The data in order, views of what was pushed. */
  readonly data: ReadonlyArray<Uint8Array>
}

/**
 * Cuts a body of any chunking into chunks of one size.
 *
 * @category models
 * @since 0.1.0
 */
export interface Splitter {
  /** Takes the next octets; returns the full chunks that are not the last one. What was pushed must not change. */
  readonly push: (bytes: Uint8Array) => ReadonlyArray<Chunk>
  /** The last chunk, with all that is left: 1 to `size` octets, or none when the message is empty. */
  readonly end: () => Chunk
}

/**
 * Makes a splitter for chunks of `size` octets, rounded down and at least 1. A full chunk is held back until it is
 * known whether it is the last one, which saves the empty `BDAT 0 LAST` and its round trip (SMTP-150, SMTP-151). Memory
 * is bounded by `size` and what is pushed at once.
 *
 * @category constructors
 * @since 0.1.0
 */
export const splitter = (size: number): Splitter => {
  const full = size >= 1 ? Math.floor(size) : 1
  let data: Array<Uint8Array> = []
  let held = 0
  const take = (last: boolean): Chunk => {
    const chunk = { size: held, last, data }
    data = []
    held = 0
    return chunk
  }
  return {
    push: (bytes) => {
      const chunks: Array<Chunk> = []
      for (let at = 0; at < bytes.length;) {
        if (held === full) chunks.push(take(false))
        const end = Math.min(bytes.length, at + full - held)
        data.push(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end))
        held += end - at
        at = end
      }
      return chunks
    },
    end: () => take(true)
  }
}

/**
 * The BDAT command of a chunk, with its line end.
 *
 * @category encoding
 * @since 0.1.0
 */
export const header = (chunk: Chunk): string => `BDAT ${chunk.size}${chunk.last ? " LAST" : ""}\r\n`

/**
 * A chunk for the wire in one array: the BDAT command and the data as it is.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (chunk: Chunk): Uint8Array => {
  const command = encodeText(header(chunk))
  const bytes = new Uint8Array(command.length + chunk.size)
  bytes.set(command)
  let at = command.length
  for (const part of chunk.data) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/**
 * What of a server's input belongs to a chunk.
 *
 * @category models
 * @since 0.1.0
 */
export interface Received {
  /** Octets of the chunk; a view of the input. */
  readonly content: Uint8Array
  /** Whether the chunk is complete. */
  readonly done: boolean
  /** What came behind the chunk: the client's next commands. */
  readonly rest: Uint8Array
}

/**
 * Reads the data of one BDAT command.
 *
 * @category models
 * @since 0.1.0
 */
export interface Receiver {
  /** Takes the next octets of the input. */
  readonly push: (input: Uint8Array) => Received
  /** Octets of the chunk that have not come yet. */
  readonly missing: number
}

/**
 * Makes a reader for the data of one BDAT command that announced `size` octets. It has to be read to its end also when
 * the chunk is refused (SMTP-152). Push an empty array to learn that a chunk of size 0 is done.
 *
 * @category constructors
 * @since 0.1.0
 */
export const receiver = (size: number): Receiver => {
  let missing = size
  return {
    get missing() {
      return missing
    },
    push: (input) => {
      if (missing === 0) return { content: empty, done: true, rest: input }
      const content = input.subarray(0, missing)
      missing -= content.length
      return { content, done: missing === 0, rest: input.subarray(content.length) }
    }
  }
}
