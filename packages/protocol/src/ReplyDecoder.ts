/**
 * Reads replies from bytes as they come, in any chunking. Strict where leniency would let a client and a server
 * disagree about what was said (a line without a code, codes that differ, a wrong separator), lenient where real
 * servers are sloppy and nothing hangs on it (LF alone as line end, trailing blanks, ill-formed UTF-8). Memory is
 * bounded by the limits, time is linear in the bytes.
 *
 * A decoder does not know what was asked. After STARTTLS and before the handshake the caller must see to it that
 * nothing follows the reply: no further reply came out of the same bytes and nothing is `pending`. Else somebody may
 * have injected plaintext into the session, and the connection must not be used (RFC 3207 section 4.2, TLS-003).
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { excerpt, foreignServer } from "./internal/peer.ts"
import { decode } from "./internal/utf8.ts"
import * as Reply from "./Reply.ts"

/**
 * How much a server may say.
 *
 * @category models
 * @since 0.1.0
 */
export interface Limits {
  /** Octets of one line with its code and line end; 4096 by default, where RFC 5321 section 4.5.3.1.5 has 512. */
  readonly lineLength?: number | undefined
  /** Octets of one reply; 65536 by default. */
  readonly replyLength?: number | undefined
  /** Lines of one reply; 500 by default. */
  readonly lines?: number | undefined
}

/**
 * What came is not a reply, or more than a reply may be (SMTP-063, SMTP-086, SMTP-088). The conversation cannot go on.
 *
 * @category errors
 * @since 0.1.0
 */
export class ReplyError extends Schema.TaggedError<ReplyError>("@effect-mail/protocol/ReplyError")("ReplyError", {
  /** `syntax`: no code, no separator behind it; `mismatched-codes`: a code other than that of the lines before. */
  reason: Schema.Literals(["syntax", "line-too-long", "too-many-lines", "too-large", "mismatched-codes"]),
  /** Where the faulty line begins, in octets since the decoder was made or reset. */
  offset: Schema.Int,
  /** The beginning of the faulty line as far as it came, as printable ASCII with escapes. */
  excerpt: Schema.String,
  /** What the peer seems to speak instead, where that can be known. */
  hint: Schema.optional(Schema.String)
}) {
  override get message(): string {
    const what = `${words[this.reason]} at octet ${this.offset}: "${this.excerpt}"`
    return this.hint === undefined ? what : `${what}. ${this.hint}`
  }
}

const words = {
  syntax: "The server sent a line that is no SMTP reply",
  "line-too-long": "The server sent a reply with a line that is too long",
  "too-many-lines": "The server sent a reply with too many lines",
  "too-large": "The server sent a reply that is too large",
  "mismatched-codes": "The server changed the code within one reply"
} as const

/**
 * Reads replies from one connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReplyDecoder {
  /**
   * Takes the next octets and appends the replies they complete to `into`. When it fails, the replies that were
   * complete before the fault have been appended all the same. A decoder that has failed fails the same way until it is
   * reset.
   */
  readonly push: (chunk: Uint8Array, into: Array<Reply.Reply>) => Result.Result<void, ReplyError>
  /** Whether a part of a reply is waiting for its end; at the end of the stream that means that a reply was cut off. */
  readonly pending: boolean
  /** The octets that came after the last complete reply. */
  readonly buffered: number
  /** Forgets everything: what is pending, the failure, the offset. For the new session after a TLS handshake. */
  readonly reset: () => void
}

const TAB = 9
const LF = 10
const CR = 13
const SP = 32
const HYPHEN = 45

const digitAt = (bytes: Uint8Array, at: number): number => {
  const digit = (bytes[at] ?? 0) - 48
  return digit > 9 ? -1 : digit
}

const isBlank = (octet: number | undefined): boolean => octet === SP || octet === TAB || octet === CR

// The code at the beginning of a line, or 0: the first digit from 2 to 5, the others any (SMTP-084, V-019).
const codeAt = (bytes: Uint8Array, start: number): number => {
  const first = digitAt(bytes, start)
  const second = digitAt(bytes, start + 1)
  const third = digitAt(bytes, start + 2)
  return first < 2 || first > 5 || second < 0 || third < 0 ? 0 : first * 100 + second * 10 + third
}

const isSeparator = (octet: number | undefined): boolean =>
  octet === SP || octet === HYPHEN || octet === CR || octet === LF

const noBytes = new Uint8Array(0)

// Up to this length a loop is faster than a native search or copy.
const SHORT = 64

const lineFeed = (bytes: Uint8Array, from: number): number => {
  if (bytes.length - from > SHORT) return bytes.indexOf(LF, from)
  for (let at = from; at < bytes.length; at++) if (bytes[at] === LF) return at
  return -1
}

const copy = (from: Uint8Array, start: number, length: number, to: Uint8Array, at: number): void => {
  if (length > SHORT) to.set(from.subarray(start, start + length), at)
  // The index is below the length.
  else for (let i = 0; i < length; i++) to[at + i] = from[start + i] as number
}

class Decoder implements ReplyDecoder {
  readonly #lineLimit: number
  readonly #replyLimit: number
  readonly #linesLimit: number
  #failed: Result.Result<void, ReplyError> | undefined = undefined
  // Octets of the stream before the current line, and those of them that belong to the current reply.
  #offset = 0
  #replyLength = 0
  #code = 0
  #lines: Array<string> = []
  // The beginning of a line whose end has not come.
  #carry: Uint8Array = noBytes
  #carried = 0

  constructor(limits: Limits) {
    this.#lineLimit = limits.lineLength ?? 4096
    this.#replyLimit = limits.replyLength ?? 65536
    this.#linesLimit = limits.lines ?? 500
  }

  get buffered(): number {
    return this.#replyLength + this.#carried
  }

  get pending(): boolean {
    return this.buffered > 0
  }

  reset(): void {
    this.#failed = undefined
    this.#offset = 0
    this.#carried = 0
    this.#startReply()
  }

  push(chunk: Uint8Array, into: Array<Reply.Reply>): Result.Result<void, ReplyError> {
    if (this.#failed === undefined && chunk.length > 0) this.#take(chunk, into)
    return this.#failed ?? Result.void
  }

  #take(chunk: Uint8Array, into: Array<Reply.Reply>): void {
    let end = lineFeed(chunk, 0)
    let start = 0
    if (this.#carried > 0 && end !== -1) {
      this.#keep(chunk, 0, end + 1)
      const length = this.#carried
      this.#carried = 0
      if (!this.#line(this.#carry, 0, length, undefined, into)) return
      start = end + 1
      end = lineFeed(chunk, start)
    }
    if (end !== -1) start = this.#whole(chunk, start, end, into)
    if (this.#failed === undefined && start < chunk.length) this.#rest(chunk, start)
  }

  // Reads the lines that are all in this chunk; returns where the last one ends.
  #whole(chunk: Uint8Array, from: number, firstEnd: number, into: Array<Reply.Reply>): number {
    const text = decode(chunk)
    // Every octet became one character of its own, so that positions in bytes are positions in the text.
    const aligned = text.length === chunk.length ? text : undefined
    let start = from
    for (let end = firstEnd; end !== -1; end = chunk.indexOf(LF, start)) {
      if (!this.#line(chunk, start, end + 1, aligned, into)) break
      start = end + 1
    }
    return start
  }

  // Reads the line from `start` to `next`, its line end included.
  #line(bytes: Uint8Array, start: number, next: number, text: string | undefined, into: Array<Reply.Reply>): boolean {
    if (!this.#begins(bytes, start, next) || !this.#fits(bytes, start, next, next - start)) return false
    let end = next - 1
    while (end > start + 3 && isBlank(bytes[end - 1])) end--
    const separator = bytes[start + 3]
    if (end > start + 3 && separator === CR) return this.#fail("syntax", bytes, start, next)
    const from = Math.min(start + 4, end)
    this.#lines.push(text === undefined ? decode(bytes.subarray(from, end)) : text.slice(from, end))
    if (separator === HYPHEN) return this.#goesOn(bytes, start, next)
    this.#offset += next - start
    into.push(Reply.fromLines(this.#code, this.#lines))
    this.#startReply()
    return true
  }

  // Whether a line begins as it must; to be asked when four octets or the whole line are there.
  #begins(bytes: Uint8Array, start: number, next: number): boolean {
    const code = codeAt(bytes, start)
    if (code === 0 || !isSeparator(bytes[start + 3])) return this.#fail("syntax", bytes, start, next)
    if (this.#lines.length > 0 && code !== this.#code) return this.#fail("mismatched-codes", bytes, start, next)
    this.#code = code
    return true
  }

  // Whether a line of this length fits; one that has not ended yet counts as one octet longer than what came.
  #fits(bytes: Uint8Array, start: number, next: number, length: number): boolean {
    const room = this.#replyLimit - this.#replyLength
    if (length <= this.#lineLimit && length <= room) return true
    return this.#fail(room < this.#lineLimit ? "too-large" : "line-too-long", bytes, start, next)
  }

  // Whether a reply may have another line, which takes four octets at least.
  #goesOn(bytes: Uint8Array, start: number, next: number): boolean {
    const length = this.#replyLength + next - start
    if (this.#lines.length >= this.#linesLimit) return this.#fail("too-many-lines", bytes, start, next)
    if (length + 4 > this.#replyLimit) return this.#fail("too-large", bytes, start, next)
    this.#offset += next - start
    this.#replyLength = length
    return true
  }

  // Keeps the beginning of a line whose end has not come, unless it is wrong or too long already.
  #rest(chunk: Uint8Array, start: number): void {
    this.#keep(chunk, start, chunk.length)
    if (this.#carried >= 4 && !this.#begins(this.#carry, 0, this.#carried)) return
    this.#fits(this.#carry, 0, this.#carried, this.#carried + 1)
  }

  // What is beyond the limit need not be kept to be refused.
  #keep(chunk: Uint8Array, start: number, end: number): void {
    const length = Math.min(end - start, this.#lineLimit + 1 - this.#carried)
    const needed = this.#carried + length
    if (needed > this.#carry.length) {
      const larger = new Uint8Array(Math.max(needed, Math.min(this.#carry.length * 2, this.#lineLimit + 1), 128))
      larger.set(this.#carry.subarray(0, this.#carried))
      this.#carry = larger
    }
    copy(chunk, start, length, this.#carry, this.#carried)
    this.#carried = needed
  }

  #startReply(): void {
    this.#replyLength = 0
    this.#lines = []
  }

  #fail(reason: ReplyError["reason"], bytes: Uint8Array, start: number, next: number): false {
    const line = bytes.subarray(start, next)
    const hint = this.#offset === 0 ? foreignServer(line) : undefined
    const error = new ReplyError({
      reason,
      offset: this.#offset,
      excerpt: excerpt(line),
      ...(hint === undefined ? {} : { hint })
    })
    this.#failed = Result.fail(error)
    return false
  }
}

/**
 * Makes a decoder for one connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (limits: Limits = {}): ReplyDecoder => new Decoder(limits)
