/**
 * Domain names and numbers in DNS messages. The reader never throws and never reads past the end: after the first fault
 * it stands still and gives zeros, so that whoever reads asks once at the end.
 */

/** What is wrong, and where. */
export interface Fault {
  readonly reason: string
  readonly position: number
}

const maxName = 255

const maxLabel = 63
const maxJumps = 127

// Whether an octet of a label stands for itself: letters, digits, hyphens and underscores.
const plain = Uint8Array.from({ length: 256 }, (_, octet) => (/[A-Za-z0-9_-]/.test(String.fromCharCode(octet)) ? 1 : 0))

/** Reads a message from its start. */
export class Reader {
  readonly bytes: Uint8Array
  at = 0
  fault: Fault | undefined
  // The name that was read last at a place, since most records are about the name of the question.
  #known = -1
  #knownName = ""

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  fail(reason: string): 0 {
    this.fault ??= { reason, position: this.at }
    return 0
  }

  u8(): number {
    const octet = this.bytes[this.at]
    if (octet === undefined || this.fault !== undefined) return this.fail("the message ends too early")
    this.at++
    return octet
  }

  u16(): number {
    return this.u8() * 0x100 + this.u8()
  }

  u32(): number {
    return this.u16() * 0x10000 + this.u16()
  }

  skip(count: number): void {
    if (this.at + count > this.bytes.length) this.fail("the message ends too early")
    else this.at += count
  }

  /** The next octets, as a view. */
  take(count: number): Uint8Array {
    const from = this.at
    this.skip(count)
    return this.bytes.subarray(from, this.at)
  }

  /** A name in lower case without a trailing dot; `.` is the root. */
  name(): string {
    const start = this.at
    const target = this.#pointer()
    if (target !== undefined && target === this.#known) {
      this.at = start + 2
      return this.#knownName
    }
    const name = this.#labels()
    if (target === undefined && this.fault === undefined) {
      this.#known = start
      this.#knownName = name
    }
    return name
  }

  // Where the name at this place points to, when it is nothing but a pointer.
  #pointer(): number | undefined {
    const octet = this.bytes[this.at] ?? 0
    const next = this.bytes[this.at + 1]
    return octet >= 0xc0 && next !== undefined && this.fault === undefined ? (octet - 0xc0) * 0x100 + next : undefined
  }

  #labels(): string {
    const labels: Array<string> = []
    let behind: number | undefined
    // A pointer must go before everything that was read of this name, so that there is no loop.
    let floor = this.at
    let jumps = 0
    for (let size = 1; this.fault === undefined;) {
      const length = this.u8()
      if (length === 0) break
      if (length >= 0xc0) {
        const target = (length - 0xc0) * 0x100 + this.u8()
        if (target >= floor) return this.refuse("a name points forwards or to itself")
        // A name has no more labels than this; pointers to pointers would make many names of a large message costly.
        if (++jumps > maxJumps) return this.refuse("a name follows too many pointers")
        behind ??= this.at
        this.at = floor = target
      } else {
        size += length + 1
        if (length > maxLabel) return this.refuse("a label of an unknown kind")
        if (size > maxName) return this.refuse("a name is longer than 255 octets")
        labels.push(this.#label(length))
      }
    }
    if (behind !== undefined) this.at = behind
    return labels.length === 0 ? "." : labels.join(".")
  }

  #label(length: number): string {
    const from = this.at
    this.skip(length)
    for (let at = from; at < this.at; at++) {
      if (plain[this.bytes[at] ?? 0] === 0)
        return Array.from(this.bytes.subarray(from, this.at), escaped).join("").toLowerCase()
    }
    return asciiOf(this.bytes, from, this.at)
  }

  private refuse(reason: string): string {
    this.fail(reason)
    return "."
  }
}

// In lower case. Of a label, which is short enough for the arguments of a call.
const asciiOf = (bytes: Uint8Array, from: number, to: number): string => {
  const octets: Array<number> = []
  for (let at = from; at < to; at++) {
    const octet = bytes[at] ?? 0
    octets.push(octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet)
  }
  return String.fromCharCode(...octets)
}

const escaped = (octet: number): string => {
  if (octet === 0x2e || octet === 0x5c) return `\\${String.fromCharCode(octet)}`
  return octet > 0x20 && octet < 0x7f ? String.fromCharCode(octet) : `\\${octet.toString().padStart(3, "0")}`
}

/** Writes a name at a position; gives the position behind it, or what is wrong. A trailing dot makes no difference. */
export const writeName = (bytes: Uint8Array, start: number, name: string): number | Fault => {
  const end = name.endsWith(".") ? name.length - 1 : name.length
  if (end > maxName) return { reason: "the name is longer than 255 octets", position: maxName }
  let length = start
  let at = start + 1
  for (let index = 0; index < end; index++) {
    const code = name.charCodeAt(index)
    if (code === 0x2e) {
      const fault = close(bytes, length, at, index)
      if (fault !== undefined) return fault
      length = at++
    } else if (code <= 0x20 || code >= 0x7f || code === 0x5c) {
      return { reason: "the name has a character that cannot be asked for", position: index }
    } else bytes[at++] = code
  }
  if (end === 0) return name === "." ? start + 1 : { reason: "the name is empty", position: 0 }
  const fault = close(bytes, length, at, end)
  if (fault !== undefined) return fault
  return at + 1 - start > maxName ? { reason: "the name is longer than 255 octets", position: end } : at + 1
}

const close = (bytes: Uint8Array, length: number, at: number, position: number): Fault | undefined => {
  const size = at - length - 1
  if (size === 0) return { reason: "the name has an empty label", position }
  if (size > maxLabel) return { reason: "a label is longer than 63 octets", position }
  bytes[length] = size
  return undefined
}
