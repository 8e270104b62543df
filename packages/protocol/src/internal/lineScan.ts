/**
 * Finds what matters to line-oriented data, over any chunking: dots at the beginning of lines, and CR and LF that are
 * not a CR LF pair. Lines begin after CR LF and nowhere else (RFC 5321 section 2.3.8).
 *
 * Text is mostly neither CR nor LF, so groups of octets are tested at once and only a group that holds a control octet
 * is looked at octet by octet.
 */
const CR = 13
const LF = 10
const DOT = 46

// Any value that is neither CR nor LF: what came before is the middle of a line.
const OTHER = 0

// Words of four octets that are tested at once.
const GROUP = 4

// The most words that are looked at octet by octet before the next try to skip.
const LONGEST_STRIDE = 256

// Below this length a view of words costs more than it saves.
const SHORT = 64

/** A scan over a sequence of chunks; `dots` and `bare` hold what the last chunk had, up to their counts. */
export class LineScan {
  /** Indices of dots that begin a line. */
  readonly dots: Array<number> = []
  dotCount = 0
  #maxDots = 0
  /**
   * Indices of the octets at which a bare line end showed itself: the bare LF, or the octet after a bare CR (which may
   * be index 0, the CR being in the chunk before).
   */
  readonly bare: Array<number> = []
  bareCount = 0
  readonly #strict: boolean
  #previous = LF

  /** With `strict`, a scan stops at the first bare line end. */
  constructor(strict: boolean) {
    this.#strict = strict
  }

  /** Whether the next octet begins a line. */
  get atLineStart(): boolean {
    return this.#previous === LF
  }

  /** Whether the last octet was a CR, of which it is not known yet whether it is bare. */
  get afterCr(): boolean {
    return this.#previous === CR
  }

  /** Scans the next chunk; stops when there are more than `maxDots` dots. */
  scan(bytes: Uint8Array, maxDots = Infinity): void {
    this.#maxDots = maxDots
    this.dotCount = 0
    this.bareCount = 0
    if (bytes.length === 0) return
    this.#lines(bytes, this.#join(bytes))
    this.#previous = this.#last(bytes)
  }

  #last(bytes: Uint8Array): number {
    const last = bytes[bytes.length - 1]
    if (last === CR) return CR
    const before = bytes.length === 1 ? this.#previous : bytes[bytes.length - 2]
    return last === LF && before === CR ? LF : OTHER
  }

  // Joins the chunk to what came before; returns where to go on.
  #join(bytes: Uint8Array): number {
    const start = this.#previous === CR && bytes[0] === LF ? 1 : 0
    if (this.#previous === CR && start === 0) this.bare[this.bareCount++] = 0
    if ((this.#previous === LF || start === 1) && bytes[start] === DOT) this.dots[this.dotCount++] = start
    return start
  }

  #lines(bytes: Uint8Array, start: number): void {
    if (bytes.length < SHORT) return void this.#octets(bytes, start, bytes.length)
    const head = -bytes.byteOffset & 3
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + head, (bytes.length - head) >> 2)
    const last = words.length - (words.length % GROUP)
    let at = this.#octets(bytes, start, head)
    let from = 0
    let stride = GROUP
    while (from < last) {
      const word = skipText(words, from)
      // Where lines are short there is nothing to skip: look at more octets before trying again.
      stride = word === from && stride < LONGEST_STRIDE ? stride * 2 : GROUP
      from = word + stride < last ? word + stride : last
      const first = head + word * 4
      at = this.#octets(bytes, at > first ? at : first, head + from * 4)
      if (at === bytes.length) return
    }
    this.#octets(bytes, Math.max(at, head + last * 4), bytes.length)
  }

  // Returns where to go on: at `to` or behind its CR LF, or at the end when a strict scan stops.
  #octets(bytes: Uint8Array, from: number, to: number): number {
    const length = bytes.length
    const dots = this.dots
    const max = this.#maxDots
    let count = this.dotCount
    let at = from
    while (at < to) {
      const octet = bytes[at++] as number // below the length
      if (octet > CR) continue
      if (octet === CR) {
        if (at === length) break
        if (bytes[at] === LF) {
          at++
          if (at < length && bytes[at] === DOT) {
            dots[count++] = at++
            if (count > max) at = length
          }
        } else if (this.#stopAt(at)) {
          at = length
        }
      } else if (octet === LF && this.#stopAt(at - 1)) at = length
    }
    this.dotCount = count
    return at
  }

  #stopAt(position: number): boolean {
    this.bare[this.bareCount++] = position
    return this.#strict
  }
}

// Has a top bit set when one of the word's octets is below 14, as CR and LF are: the subtraction borrows into it.
const control = (word: number): number => (word - 0x0e0e0e0e) & ~word

// The first group from `from` on that holds a control octet; `from` and the result are multiples of GROUP.
const skipText = (words: Int32Array, from: number): number => {
  let at = from
  while (at + GROUP <= words.length) {
    // The indices are below the length.
    const first = control(words[at] as number) | control(words[at + 1] as number)
    const second = control(words[at + 2] as number) | control(words[at + 3] as number)
    if (((first | second) & 0x80808080) !== 0) break
    at += GROUP
  }
  return at
}
