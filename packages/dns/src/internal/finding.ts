/**
 * What the checks of a preflight find, and how they look things up.
 */
import * as Failure from "@effect-mail/protocol/Failure"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { RecordType } from "../DnsMessage.ts"
import { Resolver } from "../Resolver.ts"

/**
 * What a finding is about.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Subject = Schema.Literals(["mx", "spf", "dkim", "dmarc", "ptr"])

/**
 * How much a finding matters: `error` (mail will be refused or mistrusted), `warning` (some receivers may), `unknown` (the
 * DNS did not answer), `info` (worth knowing, or not checked), `ok`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Severity = Schema.Literals(["error", "warning", "unknown", "info", "ok"])

/**
 * How much a finding matters.
 *
 * @category models
 * @since 0.1.0
 */
export type Severity = typeof Severity.Type

/**
 * One thing that was found.
 *
 * @category models
 * @since 0.1.0
 */
export class Finding extends Schema.Class<Finding>("@effect-mail/dns/Finding")({
  subject: Subject,
  severity: Severity,
  /** One or two sentences for people: what there is, and how to mend it. */
  text: Schema.String
}) {}

/** What a check found. */
export type Findings = ReadonlyArray<Finding>

// More than people read; a record may hold names of any length.
const maxText = 1500

const clipped = (text: string): string => (text.length > maxText ? `${text.slice(0, maxText)}…` : text)

/** Makes a finding; what strangers wrote into their records can be shown, and is not repeated at any length. */
export const finding = (subject: Finding["subject"], severity: Severity, text: string): Finding =>
  new Finding({ subject, severity, text: Failure.printable(clipped(text).toWellFormed()) })

/** The records of a name, or the finding that they could not be looked up. */
export const records = Effect.fnUntraced(function* <T extends RecordType>(
  subject: Finding["subject"],
  name: string,
  type: T
) {
  const resolver = yield* Resolver
  return yield* Effect.mapError(resolver.query(name, type), ({ detail }) =>
    finding(subject, "unknown", `The ${type} records of ${name} could not be looked up: ${detail}.`)
  )
})

/** A count with its noun. */
export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`
