/**
 * Finds the one mailbox in a longer text: in a path of the protocol, or in what people write. Each function looks at each
 * character once, whatever is nested in it.
 *
 * @since 0.1.0
 */
import { parseName } from "./domain.ts"
import { Fault } from "./fault.ts"
import { parseMailbox } from "./mailbox.ts"
import { nameAt, unicodeWidth } from "./text.ts"

const BACKSLASH = "\\"

// The index behind the quoted string at `start`, or -1 when it is not closed.
const quotedEnd = (input: string, start: number): number => {
  for (let i = start + 1; i < input.length; i++) {
    const c = input.charAt(i)
    if (c === '"') return i + 1
    if (c === BACKSLASH) i++
  }
  return -1
}

// The index behind the comment at `start` with all comments in it, or -1 when it is not closed.
const commentEnd = (input: string, start: number): number => {
  let depth = 0
  for (let i = start; i < input.length; i++) {
    const c = input.charAt(i)
    if (c === BACKSLASH) i++
    else if (c === "(") depth++
    else if (c === ")" && --depth === 0) return i + 1
  }
  return -1
}

/** The index behind the ">" of the path whose "<" stands at `start`, or -1 when there is none. */
export const pathEnd = (input: string, start: number): number => {
  for (let i = start + 1; i < input.length; i++) {
    const c = input.charAt(i)
    if (c === ">") return i + 1
    if (c === '"') {
      const end = quotedEnd(input, i)
      if (end === -1) return -1
      i = end - 1
    }
  }
  return -1
}

/** Parses `<mailbox>` with or without a source route, the null path `<>` as the empty string. */
export const parsePath = (input: string): string | Fault => {
  if (input.charAt(0) !== "<") return new Fault(0, 'a path begins with "<"; write <user@example.com>')
  const end = pathEnd(input, 0)
  if (end === -1) return new Fault(input.length, 'the closing ">" of the path is missing')
  if (end < input.length) return new Fault(end, `behind the path stands ${nameAt(input, end)}; nothing may follow it`)
  if (end === 2) return ""
  const start = routeEnd(input, 1, end - 1)
  return start instanceof Fault ? start : parseMailbox(input, start, end - 1)
}

// The index behind the source route "@a,@b:", which is read and ignored (RFC 5321 appendix C).
const routeEnd = (input: string, start: number, end: number): number | Fault => {
  if (input.charAt(start) !== "@") return start
  let host = start
  for (let i = start; i < end; i++) {
    const c = input.charAt(i)
    if (c !== "," && c !== ":") continue
    if (input.charAt(host) !== "@") return new Fault(host, 'each host of a source route begins with "@"')
    const name = parseName(input, host + 1, i)
    if (name instanceof Fault) return name
    if (c === ":") return i + 1
    host = i + 1
  }
  return new Fault(start, 'there is nothing before the "@"')
}

interface Found {
  /** Where the text outside angle brackets and comments begins and ends; -1 when there is none. */
  start: number
  end: number
  /** Where an unquoted "@" or ":" stands in that text; -1 when there is none. */
  special: number
  /** Where "<" stands and the index behind its ">"; -1 when there is none. */
  open: number
  close: number
}

/** Parses what people write: `user@example.com`, `Name <user@example.com>`, either with comments around it. */
export const parseLenient = (input: string): string | Fault => {
  const found = find(input)
  if (found instanceof Fault) return found
  if (found.open === -1) return parseMailbox(input, Math.max(found.start, 0), Math.max(found.end, 0))
  return found.special === -1
    ? parseMailbox(input, found.open + 1, found.close - 1)
    : new Fault(found.special, `${nameAt(input, found.special)} stands in the name before the address; quote the name`)
}

const find = (input: string): Found | Fault => {
  const found: Found = { start: -1, end: -1, special: -1, open: -1, close: -1 }
  for (let i = 0; i < input.length;) {
    const next = step(input, i, found)
    if (next instanceof Fault) return next
    i = next
  }
  return found
}

// Reads the piece at `index` and returns the index behind it.
const step = (input: string, index: number, found: Found): number | Fault => {
  switch (input.charAt(index)) {
    case " ":
    case "\t":
      return index + 1
    case "(":
      return closed(commentEnd(input, index), index, "this comment is not closed")
    case "<":
      return angle(input, index, found)
    case ",":
    case ";":
      return new Fault(index, `${nameAt(input, index)} separates addresses; pass one address, or quote the name`)
    case '"':
      return piece(closed(quotedEnd(input, index), index, "this quote is not closed"), index, found)
    default:
      return plain(input, index, found)
  }
}

const closed = (end: number, start: number, reason: string): number | Fault =>
  end === -1 ? new Fault(start, reason) : end

const angle = (input: string, index: number, found: Found): number | Fault => {
  if (found.open !== -1) return new Fault(index, "this is a second address; pass one address")
  const end = pathEnd(input, index)
  if (end === -1) return new Fault(index, 'the ">" for this "<" is missing')
  found.open = index
  found.close = end
  return end
}

const plain = (input: string, index: number, found: Found): number | Fault => {
  const code = input.charCodeAt(index)
  const width = code < 0x80 ? (code > 0x20 && code < 0x7f ? 1 : 0) : unicodeWidth(input, index)
  if (width === 0) return new Fault(index, `${nameAt(input, index)} is not allowed; remove it`)
  if (found.special === -1 && (code === 0x40 || code === 0x3a)) found.special = index
  return piece(index + width, index, found)
}

const piece = (end: number | Fault, start: number, found: Found): number | Fault => {
  if (end instanceof Fault) return end
  if (found.open !== -1) return new Fault(start, "nothing but a comment may follow the address; remove it")
  if (found.start === -1) found.start = start
  found.end = end
  return end
}
