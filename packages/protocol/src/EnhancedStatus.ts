/**
 * Enhanced mail system status codes (RFC 3463), as the text `class.subject.detail`. A code found in a reply counts only
 * when its class agrees with the reply code (RFC 2034 section 4, CLASS-61).
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Registry from "./EnhancedStatusRegistry.ts"

/**
 * Schema of an enhanced status code: class 2, 4 or 5, subject and detail of one to three digits without leading zeros.
 *
 * @category schemas
 * @since 0.1.0
 */
export const EnhancedStatus = Schema.String.check(Schema.isPattern(/^[245]\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/))

/**
 * An enhanced status code such as `5.1.1`.
 *
 * @category models
 * @since 0.1.0
 */
export type EnhancedStatus = string

/**
 * What the first digit says: 2 success, 4 transient, 5 permanent (RFC 3463 section 3.1).
 *
 * @category models
 * @since 0.1.0
 */
export type Class = "success" | "transient" | "permanent"

/**
 * What a status is about (RFC 3463 section 3.2); `other` for subject 0 and for subjects that are not known (ESC-005).
 *
 * @category models
 * @since 0.1.0
 */
export type Subject = "other" | "address" | "mailbox" | "system" | "network" | "protocol" | "content" | "security"

const DOT = 46
const ZERO = 48

const isDigit = (char: number): boolean => char >= ZERO && char <= 57

const isClass = (char: number): boolean => char === 50 || char === 52 || char === 53

// The end of a number of one to three digits without leading zeros, or -1.
const numberEnd = (text: string, from: number): number => {
  let at = from
  while (at < from + 4 && isDigit(text.charCodeAt(at))) at++
  const digits = at - from
  return digits === 0 || digits > 3 || (digits > 1 && text.charCodeAt(from) === ZERO) ? -1 : at
}

// The length of the status code that the text begins with, or -1.
const prefixLength = (text: string): number => {
  if (!isClass(text.charCodeAt(0)) || text.charCodeAt(1) !== DOT) return -1
  const subjectEnd = numberEnd(text, 2)
  return subjectEnd === -1 || text.charCodeAt(subjectEnd) !== DOT ? -1 : numberEnd(text, subjectEnd + 1)
}

/**
 * Reads a text that is an enhanced status code and nothing else; undefined when it is not one (ESC-002).
 *
 * @category decoding
 * @since 0.1.0
 */
export const parse = (text: string): EnhancedStatus | undefined =>
  text.length > 0 && prefixLength(text) === text.length ? text : undefined

/**
 * The enhanced status code at the beginning of one line of a reply, `line` being its text behind reply code and
 * separator. It counts when its class is the first digit of `code` and a space or the end follows it; else the result
 * is undefined and the reply code decides alone (ESC-003, CLASS-61). Extension or not, nobody has to advertise it.
 *
 * @category decoding
 * @since 0.1.0
 */
export const fromReply = (code: number, line: string): EnhancedStatus | undefined => {
  // Almost every line without a status is told by its second character.
  if (line.charCodeAt(1) !== DOT || line.charCodeAt(0) - ZERO !== Math.trunc(code / 100)) return undefined
  const length = prefixLength(line)
  return length !== -1 && (length === line.length || line.charCodeAt(length) === 32) ? line.slice(0, length) : undefined
}

/**
 * The class of a status.
 *
 * @category getters
 * @since 0.1.0
 */
export const classOf = (status: EnhancedStatus): Class => {
  switch (status.charAt(0)) {
    case "2":
      return "success"
    case "4":
      return "transient"
    default:
      return "permanent"
  }
}

const subjects: ReadonlyArray<Subject> = [
  "other",
  "address",
  "mailbox",
  "system",
  "network",
  "protocol",
  "content",
  "security"
]

/**
 * What a status is about.
 *
 * @category getters
 * @since 0.1.0
 */
export const subjectOf = (status: EnhancedStatus): Subject => subjects[Number(status.split(".")[1])] ?? "other"

const classWords = {
  success: "success",
  transient: "temporary failure",
  permanent: "permanent failure"
} as const

/**
 * A status in words, such as `permanent failure: no such mailbox`. A detail that is not in the registry is described by
 * its subject, an unknown subject by the class alone (ESC-005).
 *
 * @category formatting
 * @since 0.1.0
 */
export const describe = (status: EnhancedStatus): string => {
  const [, subject, detail] = status.split(".").map(Number)
  const entry = Registry.find(subject ?? 0, detail ?? 0) ?? Registry.find(subject ?? 0, 0)
  const words = classWords[classOf(status)]
  return entry === undefined ? words : `${words}: ${entry.meaning}`
}
