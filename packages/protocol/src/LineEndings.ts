/**
 * Line ends of message data. SMTP knows CR LF alone; a CR or an LF that stands by itself is never sent and never
 * obeyed, because two servers that read it differently disagree on where a message ends (RFC 5321 section 2.3.8, SMTP
 * smuggling). Whoever has text with other line ends makes them CR LF here, on purpose and before signing.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { LineScan } from "./internal/lineScan.ts"
import { insertAt } from "./internal/splice.ts"
import { empty } from "./internal/utf8.ts"

const CR = 13
const LF = 10
const lf = Uint8Array.of(LF)

/**
 * Message data has a CR or an LF that stands by itself (SMTP-002, SMTP-053). Nothing of the chunk it is in was passed
 * on.
 *
 * @category errors
 * @since 0.1.0
 */
export class BareLineEnd extends Schema.TaggedError<BareLineEnd>("@effect-mail/protocol/BareLineEnd")("BareLineEnd", {
  /** Which of the two stands alone. */
  found: Schema.Literals(["CR", "LF"]),
  /** Its position in the data, in octets from 0. */
  offset: Schema.Int
}) {
  override get message(): string {
    const what = `The message has a bare ${this.found} at octet ${this.offset}`
    return `${what}: lines must end in CR LF. Use LineEndings to make them so`
  }
}

/**
 * Turns every line end (CR LF, bare LF, bare CR) into CR LF, over any chunking.
 *
 * @category models
 * @since 0.1.0
 */
export interface Normalizer {
  /** The next octets with their line ends mended; the chunk itself when there was nothing to mend. */
  readonly push: (chunk: Uint8Array) => Uint8Array
  /** What is owed after the last chunk: the LF of a final bare CR, or nothing. */
  readonly end: () => Uint8Array
}

// What a bare line end lacks stands before the octet at which it showed: CR before a bare LF, else LF after a bare CR.
const missing = { beforeLf: CR, else: LF }

/**
 * Makes a transducer that turns every line end into CR LF. It holds back nothing and remembers one octet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const normalizer = (): Normalizer => {
  const scan = new LineScan(false)
  return {
    push: (chunk) => {
      scan.scan(chunk)
      return scan.bareCount === 0 ? chunk : insertAt(chunk, scan.bare, scan.bareCount, missing, empty)
    },
    end: () => (scan.afterCr ? lf : empty)
  }
}

/**
 * The octets with every line end (CR LF, bare LF, bare CR) turned into CR LF; the same array when nothing had to
 * change.
 *
 * @category encoding
 * @since 0.1.0
 */
export const normalize = (bytes: Uint8Array): Uint8Array => {
  const scan = new LineScan(false)
  scan.scan(bytes)
  return scan.bareCount === 0 && !scan.afterCr
    ? bytes
    : insertAt(bytes, scan.bare, scan.bareCount, missing, scan.afterCr ? lf : empty)
}
