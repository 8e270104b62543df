import * as Capabilities from "@effect-mail/protocol/Capabilities"
import * as ClientDialogue from "@effect-mail/protocol/ClientDialogue"
import * as Envelope from "@effect-mail/protocol/Envelope"
import type * as Parameters from "@effect-mail/protocol/Parameters"
import { Result } from "effect"
import { type Event, message, playAll } from "./play.ts"

export const envelope = (...to: ReadonlyArray<string>): Envelope.Envelope =>
  Result.getOrThrow(Envelope.make({ from: "alice@example.com", to }))

/** `a@example.org`, `b@example.org` and so on. */
export const people = (count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, index) => `${"abcdefgh"[index] ?? `u${index}`}@example.org`)

export const offering = (...keywords: ReadonlyArray<string>): Capabilities.Capabilities =>
  Capabilities.make({ domain: "mx.example.com", keywords })

export interface Setting {
  readonly offers?: ReadonlyArray<string>
  readonly facts?: Partial<Parameters.Body>
  readonly options?: Partial<ClientDialogue.SubmitOptions>
  readonly content?: string
}

/** A verdict in a word or two: the code and its stage, how it was lost, what is unmet. */
export const word = (verdict: ClientDialogue.Verdict): string => {
  switch (verdict._tag) {
    case "Accepted":
      return `accepted ${verdict.reply.code}`
    case "Refused":
      return `${verdict.stage} ${verdict.reply.code}`
    case "Lost":
      return `lost ${verdict.stage}`
    case "Unmet":
      return `unmet ${verdict.requirement}`
    case "Invalid":
      return "invalid"
  }
}

const given = (to: Envelope.Envelope, { content = message, facts, offers = [], options }: Setting) =>
  [
    to,
    { encoding: "7bit", utf8: false, size: new TextEncoder().encode(content).length, ...facts },
    offering(...offers),
    { protocol: "smtp", onMissing: "omit", maxRecipients: 100, maxChunk: 1000, ...options }
  ] as const

/** The dialogue for a message, with everything that a test does not say. */
export const submission = (to: Envelope.Envelope, setting: Setting = {}, train: ClientDialogue.Train = {}) =>
  ClientDialogue.submit(...given(to, setting), train)

/** The envelope of a message that would ride behind another one. */
export const rider = (to: Envelope.Envelope, setting: Setting = {}) => ClientDialogue.ride(...given(to, setting))

/** Submits a message to as many people as asked for, and tells it in words. */
export const submit = (
  to: number | Envelope.Envelope,
  events: ReadonlyArray<Event>,
  setting: Setting = {}
): {
  readonly wrote: ReadonlyArray<string>
  readonly awaited: ReadonlyArray<string>
  readonly shown: ReadonlyArray<string>
  readonly words: ReadonlyArray<string>
  readonly usable: boolean
  readonly omitted: ReadonlyArray<string>
  readonly verdicts: ReadonlyArray<ClientDialogue.Verdict>
} => {
  const recipients = typeof to === "number" ? envelope(...people(to)) : to
  const { awaited, result, shown, wrote } = playAll(submission(recipients, setting), events, setting.content ?? message)
  const { omitted, usable, verdicts } = result
  return { wrote, awaited, shown, words: verdicts.map(word), usable, omitted, verdicts }
}
