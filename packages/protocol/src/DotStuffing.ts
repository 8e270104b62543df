/**
 * Transparency of message data (RFC 5321 section 4.5.2): the sender doubles a dot that begins a line and ends the data
 * with CR LF dot CR LF; the receiver ends at exactly that sequence and takes one dot from each line that begins with
 * one.
 *
 * Lines end in CR LF only. A bare CR or LF is neither sent nor obeyed, so that no text within a message can be taken
 * for the end of it (SMTP smuggling, CVE-2023-51764, -51765, -51766).
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import { LineScan } from "./internal/lineScan.ts"
import { doubleDots, insertAt, removeAt } from "./internal/splice.ts"
import { empty } from "./internal/utf8.ts"
import { BareLineEnd } from "./LineEndings.ts"

const CR = 13
const LF = 10
const DOT = 46
const dot = { beforeLf: DOT, else: DOT }
const afterLine = Uint8Array.of(DOT, CR, LF)
const withinLine = Uint8Array.of(CR, LF, DOT, CR, LF)

/**
 * What is known of a body before it is sent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Facts {
  /**
   * That no line begins with a dot and that every line ends in CR LF (the last one may lack it). Such data is passed on
   * as it is, without being looked at; whoever says so vouches for both. Defaults to false.
   */
  readonly dotFree?: boolean | undefined
}

/**
 * Stuffs message data over any chunking. After a failure it must not be used any more.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stuffer {
  /** The next octets for the wire; the chunk itself when no dot had to be added. Fails at a bare CR or LF. */
  readonly push: (chunk: Uint8Array) => Result.Result<Uint8Array, BareLineEnd>
  /** The end of the data: a CR LF when the last line lacks it, and the dot on its own line. Fails at a final CR. */
  readonly end: () => Result.Result<Uint8Array, BareLineEnd>
}

// `at` is where a bare line end showed itself: the bare LF, or the octet after a bare CR.
const bareEnd = (chunk: Uint8Array, at: number, before: number): BareLineEnd =>
  chunk[at] === LF
    ? new BareLineEnd({ found: "LF", offset: before + at })
    : new BareLineEnd({ found: "CR", offset: before + at - 1 })

// Dots that are closer to each other are doubled octet by octet, which is faster than a copy of what is between them.
const closeDots = 32

// Scans the chunk, doubles its dots and puts the tail behind it; a number is where a bare line end showed itself.
const doubled = (scan: LineScan, chunk: Uint8Array, tail: (scan: LineScan) => Uint8Array): Uint8Array | number => {
  const few = Math.ceil(chunk.length / closeDots)
  scan.scan(chunk, few)
  const { bare, bareCount, dotCount, dots } = scan
  if (bareCount > 0) return bare[0] ?? 0
  const end = tail(scan)
  if (dotCount > few) return doubleDots(chunk, dots[0] ?? 0, end)
  return dotCount === 0 && end.length === 0 ? chunk : insertAt(chunk, dots, dotCount, dot, end)
}

const noTail = () => empty

const endOf = ({ atLineStart }: LineScan): Uint8Array => (atLineStart ? afterLine : withinLine)

const checked = (): Stuffer => {
  const scan = new LineScan(true)
  let before = 0
  return {
    push: (chunk) => {
      const stuffed = doubled(scan, chunk, noTail)
      if (typeof stuffed === "number") return Result.fail(bareEnd(chunk, stuffed, before))
      before += chunk.length
      return Result.succeed(stuffed)
    },
    end: () =>
      scan.afterCr ? Result.fail(new BareLineEnd({ found: "CR", offset: before - 1 })) : Result.succeed(endOf(scan))
  }
}

const passing = (): Stuffer => {
  let last: number | undefined = LF
  return {
    push: (chunk) => {
      last = chunk.at(-1) ?? last
      return Result.succeed(chunk)
    },
    end: () => Result.succeed(last === LF ? afterLine : withinLine)
  }
}

/**
 * Makes a transducer that stuffs message data for DATA (SMTP-092 to SMTP-095). It holds back nothing and remembers one
 * octet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stuffer = (facts: Facts = {}): Stuffer => (facts.dotFree === true ? passing() : checked())

/**
 * The whole body for DATA in one array, stuffed and with the end of the data. Fails at a bare CR or LF.
 *
 * @category encoding
 * @since 0.1.0
 */
export const stuff = (body: Uint8Array, facts: Facts = {}): Result.Result<Uint8Array, BareLineEnd> => {
  if (facts.dotFree === true) {
    const last = body.at(-1) ?? LF
    return Result.succeed(insertAt(body, [], 0, dot, last === LF ? afterLine : withinLine))
  }
  const scan = new LineScan(true)
  const stuffed = doubled(scan, body, endOf)
  if (typeof stuffed === "number") return Result.fail(bareEnd(body, stuffed, 0))
  return scan.afterCr ? Result.fail(new BareLineEnd({ found: "CR", offset: body.length - 1 })) : Result.succeed(stuffed)
}

/**
 * What a chunk of a DATA transfer held.
 *
 * @category models
 * @since 0.1.0
 */
export interface Unstuffed {
  /** Octets of the message, without the stuffed dots; views of the chunk where possible. */
  readonly content: Uint8Array
  /** Whether the end of the data was in this chunk or before it. */
  readonly done: boolean
  /** What came behind the end of the data: the client's next commands. */
  readonly rest: Uint8Array
}

/**
 * Reads a DATA transfer over any chunking. After a failure each push fails the same way.
 *
 * @category models
 * @since 0.1.0
 */
export interface Unstuffer {
  /** Takes the next octets; fails at a bare CR or LF before the end of the data unless they are kept. */
  readonly push: (chunk: Uint8Array) => Result.Result<Unstuffed, BareLineEnd>
  /** The first bare CR or LF of the message so far, when they are kept. */
  readonly bare: BareLineEnd | undefined
}

/**
 * How a server reads message data.
 *
 * @category models
 * @since 0.1.0
 */
export interface UnstuffOptions {
  /**
   * What to do about a bare CR or LF. `refuse` (the default) fails at once, and the connection should be closed as its
   * remaining octets mean nothing. `keep` leaves them in the content and says so in `bare`, so that the message can be
   * refused at its end with the session intact. Neither takes them for a line end.
   */
  readonly bareLineEnds?: "refuse" | "keep" | undefined
}

// What the last chunk ended with that may belong to the end of the data: a dot that begins a line, or such a dot and a
// CR.
type Held = "dot" | "dot-cr" | undefined

const crOnly = Uint8Array.of(CR)

class Receiver implements Unstuffer {
  bare: BareLineEnd | undefined = undefined
  readonly #strict: boolean
  readonly #scan: LineScan
  #held: Held = undefined
  #before = 0
  #done = false

  constructor(strict: boolean) {
    this.#strict = strict
    this.#scan = new LineScan(strict)
  }

  push(chunk: Uint8Array): Result.Result<Unstuffed, BareLineEnd> {
    if (this.#strict && this.bare !== undefined) return Result.fail(this.bare)
    if (this.#done || chunk.length === 0) return Result.succeed(this.#unstuffed(empty, chunk))
    this.#scan.scan(chunk)
    const rest = this.#restAfterHeld(chunk)
    return rest > 0 ? this.#finish(empty, chunk, rest) : this.#content(chunk)
  }

  // Where the rest begins when what was held back turns out to be the end of the data; else 0.
  #restAfterHeld(chunk: Uint8Array): number {
    if (this.#held === "dot-cr") return chunk[0] === LF ? 1 : 0
    return this.#held === "dot" && chunk[0] === CR && chunk[1] === LF ? 2 : 0
  }

  #content(chunk: Uint8Array): Result.Result<Unstuffed, BareLineEnd> {
    const { dotCount, dots } = this.#scan
    const owed = this.#held === "dot-cr" ? crOnly : empty
    for (let i = 0; i < dotCount; i++) {
      const dot = dots[i] ?? 0
      if (chunk[dot + 1] === CR && chunk[dot + 2] === LF) {
        return this.#finish(joined(owed, removeAt(chunk, dot, dots, i)), chunk, dot + 3)
      }
    }
    this.#held = this.#holdBack(chunk)
    const end = this.#held === "dot-cr" ? chunk.length - 1 : chunk.length
    return this.#passOn(joined(owed, removeAt(chunk, end, dots, dotCount)), chunk, chunk.length)
  }

  #holdBack(chunk: Uint8Array): Held {
    const last = chunk.length - 1
    const lastDot = this.#scan.dotCount === 0 ? undefined : this.#scan.dots[this.#scan.dotCount - 1]
    if (lastDot === last) return "dot"
    const dotBefore = last === 0 ? this.#held === "dot" : lastDot === last - 1
    return dotBefore && chunk[last] === CR ? "dot-cr" : undefined
  }

  #finish(content: Uint8Array, chunk: Uint8Array, rest: number): Result.Result<Unstuffed, BareLineEnd> {
    this.#done = true
    return this.#passOn(content, chunk, rest)
  }

  // What a bare line end looks like behind the end of the data is no concern of the message.
  #passOn(content: Uint8Array, chunk: Uint8Array, rest: number): Result.Result<Unstuffed, BareLineEnd> {
    const { bare, bareCount } = this.#scan
    if (bareCount > 0 && (bare[0] ?? 0) < rest) this.bare ??= bareEnd(chunk, bare[0] ?? 0, this.#before)
    this.#before += chunk.length
    return this.#strict && this.bare !== undefined
      ? Result.fail(this.bare)
      : Result.succeed(this.#unstuffed(content, chunk.subarray(rest)))
  }

  #unstuffed(content: Uint8Array, rest: Uint8Array): Unstuffed {
    return { content, done: this.#done, rest }
  }
}

const joined = (first: Uint8Array, second: Uint8Array): Uint8Array => {
  if (first.length === 0) return second
  const both = new Uint8Array(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}

/**
 * Makes a reader of the data behind a 354 reply. Only CR LF dot CR LF ends it (SMTP-095), the first CR LF being that of
 * the DATA command when the message is empty.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unstuffer = (options: UnstuffOptions = {}): Unstuffer => new Receiver(options.bareLineEnds !== "keep")
