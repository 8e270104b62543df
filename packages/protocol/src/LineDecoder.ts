/**
 * Reads a client's command lines from bytes as they come, for servers. A line is asked for one at a time, because the
 * command decides how the next bytes are to be read: as a line, as message data (`DotStuffing`, `Chunking`) or as TLS.
 * `take` hands over what has not been read as lines.
 *
 * Only CR LF ends a line (RFC 5321 section 2.3.8). Memory is bounded by the limit and what is pushed at once, however
 * long the peer goes on without a line end (CVE-2026-38728); time is linear in the bytes.
 *
 * After STARTTLS whatever `take` returns was sent in clear text and must be thrown away, or the connection be closed
 * (RFC 3207 section 4.2, TLS-004).
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { excerpt, foreignClient } from "./internal/peer.ts"
import { decodeStrict, empty } from "./internal/utf8.ts"

/**
 * How lines are read.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * Octets of a line with its line end; 2048 by default: the 512 of RFC 5321 section 4.5.3.1.4 and what the extensions
   * add to MAIL and RCPT (SMTP-061, SMTP-062).
   */
  readonly lineLength?: number | undefined
  /** Whether a bare LF ends a line, too; false by default. */
  readonly bareLf?: boolean | undefined
}

/**
 * Octets that a line of an AUTH exchange may have (RFC 4954 section 4), for `next`.
 *
 * @category constants
 * @since 0.1.0
 */
export const authLineLength = 12288

/**
 * What came is no command line. After `encoding` the line has been read and the session may go on (500); after the
 * others nothing that follows can be trusted, and the connection should be closed.
 *
 * @category errors
 * @since 0.1.0
 */
export class LineError extends Schema.TaggedError<LineError>("@effect-mail/protocol/LineError")("LineError", {
  /** `encoding`: ill-formed UTF-8. */
  reason: Schema.Literals(["line-too-long", "bare-lf", "bare-cr", "encoding"]),
  /** Where the line begins, in octets since the decoder was made. */
  offset: Schema.Int,
  /**
   * The beginning of the line as far as it came, as printable ASCII with escapes. Only of the first line of a
   * connection, which may be no SMTP at all; a later one may hold a password.
   */
  excerpt: Schema.optional(Schema.String),
  /** What the peer seems to speak instead, where that can be known. */
  hint: Schema.optional(Schema.String)
}) {
  override get message(): string {
    const place = `${words[this.reason]} at octet ${this.offset}`
    const what = this.excerpt === undefined ? place : `${place}: "${this.excerpt}"`
    return this.hint === undefined ? what : `${what}. ${this.hint}`
  }
}

const words = {
  "line-too-long": "The client sent a line that is too long",
  "bare-lf": "The client ended a line with a bare LF instead of CR LF",
  "bare-cr": "The client sent a bare CR within a line",
  encoding: "The client sent a line that is not UTF-8"
} as const

/**
 * Reads command lines from one connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface LineDecoder {
  /** Takes the next octets, which are copied. Read lines until there are none before pushing more. */
  readonly push: (chunk: Uint8Array) => void
  /**
   * The next line without its line end, or undefined when it has not all come. `lineLength` replaces the limit of the
   * decoder for this line. Fails with `LineError`; all reasons but `encoding` are final.
   */
  readonly next: (lineLength?: number) => Result.Result<string | undefined, LineError>
  /** The octets that have not been read as lines, which the decoder forgets. */
  readonly take: () => Uint8Array
  /** How many octets have not been read as lines. */
  readonly buffered: number
}

const LF = 10
const CR = 13

class Decoder implements LineDecoder {
  readonly #limit: number
  readonly #bareLf: boolean
  #failed: Result.Result<string | undefined, LineError> | undefined = undefined
  #buffer = empty
  #start = 0
  // No LF is in what was scanned.
  #scanned = 0
  #end = 0
  #offset = 0

  constructor(options: Options) {
    this.#limit = options.lineLength ?? 2048
    this.#bareLf = options.bareLf ?? false
  }

  get buffered(): number {
    return this.#end - this.#start
  }

  push(chunk: Uint8Array): void {
    if (this.#failed !== undefined) return
    this.#makeRoom(chunk.length)
    this.#buffer.set(chunk, this.#end)
    this.#end += chunk.length
  }

  next(lineLength = this.#limit): Result.Result<string | undefined, LineError> {
    if (this.#failed !== undefined) return this.#failed
    const lf = this.#buffer.subarray(0, this.#end).indexOf(LF, this.#scanned)
    const next = lf === -1 ? this.#end + 1 : lf + 1
    if (next - this.#start > lineLength) return this.#fail("line-too-long", this.#end)
    if (lf !== -1) return this.#line(lf)
    this.#scanned = this.#end
    return Result.succeed(undefined)
  }

  take(): Uint8Array {
    const rest = this.#buffer.subarray(this.#start, this.#end)
    this.#offset += rest.length
    this.#buffer = empty
    this.#start = this.#scanned = this.#end = 0
    return rest
  }

  #line(lf: number): Result.Result<string | undefined, LineError> {
    const hasCr = lf > this.#start && this.#buffer[lf - 1] === CR
    if (!hasCr && !this.#bareLf) return this.#fail("bare-lf", lf + 1)
    const line = this.#buffer.subarray(this.#start, hasCr ? lf - 1 : lf)
    if (line.includes(CR)) return this.#fail("bare-cr", lf + 1)
    const text = decodeStrict(line)
    const error = text === undefined ? this.#error("encoding", lf + 1) : undefined
    this.#offset += lf + 1 - this.#start
    this.#start = this.#scanned = lf + 1
    return error === undefined ? Result.succeed(text) : Result.fail(error)
  }

  #makeRoom(length: number): void {
    const kept = this.buffered
    if (this.#end + length <= this.#buffer.length) return
    const enough = kept + length <= this.#buffer.length
    const buffer = enough ? this.#buffer : new Uint8Array(Math.max(kept + length, 2 * kept, 512))
    buffer.set(this.#buffer.subarray(this.#start, this.#end))
    this.#buffer = buffer
    this.#scanned -= this.#start
    this.#start = 0
    this.#end = kept
  }

  #error(reason: LineError["reason"], end: number): LineError {
    const fault = { reason, offset: this.#offset }
    if (this.#offset > 0) return new LineError(fault)
    const line = this.#buffer.subarray(this.#start, end)
    const hint = foreignClient(line)
    return new LineError({ ...fault, excerpt: excerpt(line), ...(hint === undefined ? {} : { hint }) })
  }

  #fail(reason: LineError["reason"], end: number): Result.Result<string | undefined, LineError> {
    this.#failed = Result.fail(this.#error(reason, end))
    this.take()
    return this.#failed
  }
}

/**
 * Makes a decoder for one connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): LineDecoder => new Decoder(options)
