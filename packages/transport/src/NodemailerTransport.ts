/**
 * Sends through a nodemailer transporter, so that any transport made for nodemailer can be used here. Nothing of nodemailer
 * is imported: whatever has its `sendMail` will do.
 *
 * ```ts
 * const transport = NodemailerTransport.make(nodemailer.createTransport(anyTransport))
 * ```
 *
 * The rendered message and its envelope are handed over as they are, in memory and never as a path or URL; nodemailer
 * composes nothing. What was composed here is 7bit then: it sends whatever it is given, and does not ask whether the server
 * takes it. Its errors become the three failures. Where its error does not prove that the message was not sent, the failure is
 * uncertain: no other transport is tried for it (CLASS-52).
 *
 * @since 0.1.0
 */
import type { Parcel } from "@effect-mail/message/Parcel"
import * as Address from "@effect-mail/protocol/Address"
import type { Failure } from "@effect-mail/protocol/Failure"
import * as Receipt from "@effect-mail/protocol/Receipt"
import * as Xtext from "@effect-mail/protocol/Xtext"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Bytes from "./internal/bytes.ts"
import * as Handover from "./internal/handover.ts"
import * as NodemailerError from "./internal/nodemailerError.ts"
import * as Outcomes from "./internal/outcomes.ts"
import { Transport } from "./Transport.ts"

/**
 * What is used of a nodemailer transporter: what `nodemailer.createTransport` gives, whichever version.
 *
 * @category models
 * @since 0.1.0
 */
export interface Transporter {
  /** Sends `Mail`; answers by the callback, by a promise, or both. */
  // Its parameters are `never`, since each version of nodemailer declares its own, wider ones.
  readonly sendMail: (mail: never, callback: never) => unknown
}

/**
 * What `sendMail` is given.
 *
 * @category models
 * @since 0.1.0
 */
export interface Mail {
  readonly envelope: { readonly from: string; readonly to: ReadonlyArray<string> }
  /** The message, CRLF line ends. */
  readonly raw: Uint8Array
  /** Aborted when the sending is interrupted; old versions do not look at it. */
  readonly signal: AbortSignal
  readonly dsn?: {
    readonly id?: string | undefined
    readonly return?: "full" | "headers" | undefined
    readonly notify?: ReadonlyArray<string> | undefined
  }
}

/**
 * How a transporter is used.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodemailerSettings {
  /** Whether the transporter takes `dsn`; false. SMTP transports do, in a transaction for each kind of notification. */
  readonly dsn: boolean
  /** What becomes of a wish for notifications when it does not; `omit`. */
  readonly onMissing: "refuse" | "omit"
  /**
   * The failure that an error means, for errors of transports whose codes are not nodemailer's; undefined leaves it to the
   * built-in reading, which takes an unknown error for an uncertain one.
   */
  readonly classify: (error: unknown) => Failure | undefined
}

/**
 * The default settings.
 *
 * @category constructors
 * @since 0.1.0
 */
export const standard: NodemailerSettings = { dsn: false, onMissing: "omit", classify: () => undefined }

/**
 * A transport that sends through a nodemailer transporter.
 *
 * It fails when the message cannot be read, before anything is handed over. An interruption aborts the sending where the
 * transporter allows it; else it goes on unheard, and may deliver. REQUIRETLS, FUTURERELEASE and binary content are refused.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (transporter: Transporter, settings?: Partial<NodemailerSettings>): Transport["Service"] => {
  const { classify, dsn, onMissing } = { ...standard, ...settings }
  const failureOf = (error: unknown): Failure => classify(error) ?? NodemailerError.failure(error)
  return {
    send: Effect.fnUntraced(function* (parcel) {
      const plan = Handover.plan(parcel, dsn, onMissing)
      const [first] = plan.groups
      const raw = first === undefined ? new Uint8Array() : yield* Bytes.read(first.parcel.body)
      const parts = plan.groups.map((group) => ({
        parcel: group.parcel,
        send: (part: Parcel) =>
          Effect.match(sendMail(transporter, raw, group), {
            onSuccess: (info) => part.envelope.recipients.map(({ address }) => accepted(address, info, failureOf)),
            onFailure: (error) => part.envelope.recipients.map(({ address }) => refused(address, error, failureOf))
          })
      }))
      const sent = Outcomes.withOmitted(yield* Outcomes.inTurn(parts), plan.omitted)
      return Outcomes.inOrder(parcel.envelope, [...plan.refused, ...sent])
    })
  }
}

/**
 * The transport as a layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (transporter: Transporter, settings?: Partial<NodemailerSettings>): Layer.Layer<Transport> =>
  Layer.succeed(Transport, make(transporter, settings))

const mailOf = (raw: Uint8Array, { envelopeId, notify, parcel, ret }: Handover.Group, signal: AbortSignal): Mail => {
  const dsn = {
    // It is encoded again by nodemailer.
    ...(envelopeId === undefined ? {} : { id: Result.getOrElse(Xtext.decode(envelopeId), () => envelopeId) }),
    ...(ret === undefined ? {} : { return: ret === "FULL" ? ("full" as const) : ("headers" as const) }),
    ...(notify === undefined ? {} : { notify: notify.toLowerCase().split(",") })
  }
  const { recipients, reversePath } = parcel.envelope
  return {
    envelope: { from: reversePath, to: recipients.map(({ address }) => address) },
    raw,
    signal,
    ...(Object.keys(dsn).length === 0 ? {} : { dsn })
  }
}

type Callback = (error: unknown, info?: unknown) => void

// What every version's `sendMail` can be called with; see `Transporter`.
type Send = (mail: Mail, callback: Callback) => unknown

const sendMail = (transporter: Transporter, raw: Uint8Array, group: Handover.Group): Effect.Effect<unknown, unknown> =>
  Effect.callback((resume, signal) => {
    const failed = (error: unknown) => resume(Effect.fail(error))
    const done = (info: unknown) => resume(Effect.succeed(info))
    const callback: Callback = (error, info) => (error ? failed(error) : done(info))
    try {
      // The interface names no parameters, so that every version fits; these are those that all of them take.
      const send = transporter.sendMail.bind(transporter) as Send
      const promise = send(mailOf(raw, group, signal), callback)
      if (Predicate.isPromiseLike(promise)) promise.then(done, failed)
    } catch (error) {
      failed(error)
    }
  })

const property = (u: unknown, name: string): unknown =>
  typeof u === "object" && u !== null && name in u ? (u as Record<string, unknown>)[name] : undefined

const list = (u: unknown, name: string): ReadonlyArray<unknown> => {
  const value = property(u, name)
  return Array.isArray(value) ? value : []
}

// nodemailer gives back addresses in its own spelling.
const keyOf = (address: unknown): unknown => {
  if (typeof address !== "string") return keyOfObject(address)
  const parsed = Address.parse(address)
  return Result.isSuccess(parsed) ? Address.key(parsed.success) : address.toLowerCase()
}

const keyOfObject = (address: unknown): unknown => {
  const inner = property(address, "address")
  return typeof inner === "string" ? keyOf(inner) : undefined
}

const names = (all: ReadonlyArray<unknown>, recipient: string): boolean => {
  const key = keyOf(recipient)
  return all.some((one) => keyOf(one) === key)
}

// The error about one recipient, when there is one.
const errorAbout = (recipient: string, told: unknown): unknown => {
  const key = keyOf(recipient)
  return list(told, "rejectedErrors").find((error) => keyOf(property(error, "recipient")) === key)
}

const accepted = (recipient: string, info: unknown, failureOf: (error: unknown) => Failure): Receipt.Outcome => {
  if (names(list(info, "rejected"), recipient)) {
    return Outcomes.failed(recipient, failureOf(errorAbout(recipient, info) ?? NodemailerError.rejected))
  }
  if (names(list(info, "pending"), recipient)) return Outcomes.failed(recipient, NodemailerError.pending)
  const response = property(info, "response")
  const text = typeof response === "string" ? response : "Sent"
  return NodemailerError.delivered(recipient, text)
}

const refused = (recipient: string, error: unknown, failureOf: (error: unknown) => Failure): Receipt.Outcome =>
  Outcomes.failed(recipient, failureOf(errorAbout(recipient, error) ?? error))
