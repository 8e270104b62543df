/**
 * Sends nothing: it writes to the log what would have been sent, for development and for dry runs. By default that is a
 * summary without names, subjects or content; the whole message only when it is asked for.
 *
 * @since 0.1.0
 */
import { bodyFor, type Parcel } from "@effect-mail/message/Parcel"
import * as Address from "@effect-mail/protocol/Address"
import * as Failure from "@effect-mail/protocol/Failure"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as LogLevel from "effect/LogLevel"
import * as Bytes from "./internal/bytes.ts"
import * as Outcomes from "./internal/outcomes.ts"
import { Transport } from "./Transport.ts"

/**
 * What is logged.
 *
 * @category models
 * @since 0.1.0
 */
export interface LogSettings {
  /** The level of the log; `Info`. */
  readonly level: LogLevel.Severity
  /**
   * `summary` (the default): the domains of sender and recipients, how many recipients, the Message-ID's presence and the
   * size. `whole`: the addresses and the message itself, up to `maxOctets` of it.
   */
  readonly show: "summary" | "whole"
  /** As many octets of a message are logged at most; 65,536. */
  readonly maxOctets: number
}

/**
 * The default settings.
 *
 * @category constructors
 * @since 0.1.0
 */
export const standard: LogSettings = { level: "Info", show: "summary", maxOctets: 65_536 }

/**
 * A transport that logs each parcel, its text legible, and says that everybody got it. It reads the message to its end, and fails when that
 * cannot be done.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (settings?: Partial<LogSettings>): Transport["Service"] => {
  const { level, maxOctets, show } = { ...standard, ...settings }
  return {
    send: Effect.fnUntraced(function* (parcel) {
      const content = yield* Bytes.read(bodyFor(parcel, "8bit"))
      const shown = show === "whole" ? whole(parcel, content, maxOctets) : summary(parcel, content)
      yield* Effect.logWithLevel(level)("A message was not sent, but logged", shown)
      return Outcomes.delivered(parcel, "Logged")
    })
  }
}

/**
 * The transport as a layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (settings?: Partial<LogSettings>): Layer.Layer<Transport> =>
  Layer.succeed(Transport, make(settings))

const domainOf = (path: Address.ForwardPath | Address.ReversePath): string =>
  path === "" || path === "postmaster" ? path : Address.domain(path)

const summary = ({ envelope, messageId }: Parcel, content: Uint8Array) => ({
  from: `***@${domainOf(envelope.reversePath)}`,
  to: [...new Set(envelope.recipients.map(({ address }) => `***@${domainOf(address)}`))],
  recipients: envelope.recipients.length,
  hasMessageId: messageId !== undefined,
  octets: content.length
})

// A message's own words must not move a terminal's cursor, or look like another line of the log.
const printable = (content: Uint8Array, maxOctets: number): ReadonlyArray<string> =>
  new TextDecoder().decode(content.subarray(0, maxOctets)).split("\r\n").map(Failure.printable)

const whole = ({ envelope, messageId }: Parcel, content: Uint8Array, maxOctets: number) => ({
  from: `<${envelope.reversePath}>`,
  to: envelope.recipients.map(({ address }) => `<${address}>`),
  messageId: messageId === undefined ? undefined : Failure.printable(messageId),
  octets: content.length,
  lines: printable(content, maxOctets),
  ...(content.length > maxOctets ? { omittedOctets: content.length - maxOctets } : {})
})
