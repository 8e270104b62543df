/**
 * The envelope of a message (RFC 5321 section 2.3.1): whom it is for, where bounces go, and what is asked of the servers
 * on its way. Values only; which of the options a server gets is decided in `Parameters`.
 *
 * An envelope names at least one recipient, none of them twice, and its options can be written as ESMTP parameters. The
 * constructor and the schema follow the same rules.
 *
 * @since 0.1.0
 */
import { isArrayNonEmpty, type NonEmptyReadonlyArray } from "effect/Array"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Address from "./Address.ts"
import * as originalRecipient from "./internal/originalRecipient.ts"
import { isAscii, quote, unsafeIndex } from "./internal/text.ts"
import * as Xtext from "./Xtext.ts"

/**
 * Schema of `Notify`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Notify = Schema.Union([
  Schema.Literal("NEVER"),
  Schema.NonEmptyArray(Schema.Literals(["SUCCESS", "FAILURE", "DELAY"]))
])

/**
 * When the sender of a message wants a notification about a recipient (RFC 3461 section 4.1): never, or in the cases that
 * are listed.
 *
 * @category models
 * @since 0.1.0
 */
export type Notify = typeof Notify.Type

// RFC 3461 section 4.2, the keyword included.
const maxOriginalRecipient = 500 - "ORCPT=".length

/**
 * Schema of `OriginalRecipient`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const OriginalRecipient = Schema.Struct({
  /** `rfc822`, `utf-8`, or another registered address type. */
  type: Schema.String.check(Schema.isPattern(/^[A-Za-z0-9-]{1,40}$/)),
  /** The address as people write it, not encoded; ASCII unless the type is `utf-8`. */
  address: Schema.NonEmptyString
}).check(
  Schema.makeFilter((value) => {
    if (unsafeIndex(value.address) !== -1) return "has a control character; remove it"
    if (!isAscii(value.address) && value.type.toLowerCase() !== "utf-8") return "is not ASCII; give it the type utf-8"
    return originalRecipient.write(value, false).length <= maxOriginalRecipient || "is longer than 500 octets"
  })
)

/**
 * The recipient as the sender knew it, for notifications (RFC 3461 section 4.2).
 *
 * @category models
 * @since 0.1.0
 */
export type OriginalRecipient = typeof OriginalRecipient.Type

/**
 * Schema of a recipient.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Recipient = Schema.Struct({
  address: Address.ForwardPath,
  notify: Schema.optional(Notify),
  originalRecipient: Schema.optional(OriginalRecipient)
})

/**
 * One recipient with its wishes for notifications.
 *
 * @category models
 * @since 0.1.0
 */
export interface Recipient extends Schema.Schema.Type<typeof Recipient> {}

const maxSeconds = 999_999_999

// RFC 3461 section 4.4: at most 100 characters once it is encoded.
const EnvelopeId = Schema.String.check(
  Schema.isPattern(/^[ -~]{1,100}$/),
  Schema.makeFilter((id: string) => Xtext.encode(id).length <= 100)
)

// RFC 2852 section 4: a message that is to be returned has at least a second, a notification may be overdue.
const DeliverBy = Schema.Struct({
  seconds: Schema.Int.check(Schema.isBetween({ minimum: -maxSeconds, maximum: maxSeconds })),
  mode: Schema.Literals(["N", "R"]),
  trace: Schema.optional(Schema.Boolean)
}).check(Schema.makeFilter((by) => by.mode === "N" || by.seconds > 0))

const options = {
  /** How much of the message comes back in a failure notification (RFC 3461 section 4.3). */
  ret: Schema.optional(Schema.Literals(["FULL", "HDRS"])),
  /** The sender's name for this transaction: printable ASCII, not encoded (RFC 3461 section 4.4). */
  envelopeId: Schema.optional(EnvelopeId),
  /** Who submitted the message; `<>` when that is not known or not told (RFC 4954 section 5). */
  auth: Schema.optional(Schema.Union([Schema.Literal("<>"), Address.Mailbox])),
  /**
   * Whether the message must only travel over verified TLS (RFC 8689). That its MX was found securely, which section 4.2.1 asks
   * for as well, is for whoever routes: give such mail to a relay that sees to it, or a `TlsPolicy` that is required or pinned.
   */
  requireTls: Schema.optional(Schema.Boolean),
  /** Seconds for which the server holds the message back, 1 to 999999999 (RFC 4865); not with `holdUntil`. */
  holdFor: Schema.optional(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maxSeconds }))),
  /** When the server releases the message, in UTC and whole seconds: `2030-01-01T00:00:00Z` (RFC 4865). */
  holdUntil: Schema.optional(
    Schema.String.check(
      Schema.isPattern(/^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/)
    )
  ),
  /** Seconds within which the message should arrive, and whether it is returned (`R`) or the sender notified (`N`) else. */
  deliverBy: Schema.optional(DeliverBy),
  /** From -9 to 9; 0 is normal (RFC 6710). */
  priority: Schema.optional(Schema.Int.check(Schema.isBetween({ minimum: -9, maximum: 9 }))),
  /** The id of a transaction that can be resumed, in the form of a mailbox (RFC 1845). */
  transactionId: Schema.optional(Address.Mailbox),
  /** Whether the server makes a reverse-path of its own for each recipient; or its two delimiters, such as `+=`. */
  verp: Schema.optional(Schema.Union([Schema.Boolean, Schema.String.check(Schema.isPattern(/^[-+=]{2}$/))]))
}

type Option = keyof typeof options

const reasons: Readonly<Record<Option, string>> = {
  ret: "must be FULL or HDRS",
  envelopeId: "must be printable ASCII, at most 100 characters as xtext",
  auth: 'must be a mailbox or "<>"',
  requireTls: "must be true or false",
  holdFor: "must be seconds from 1 to 999999999",
  holdUntil: "must be a date and time in UTC like 2030-01-01T00:00:00Z",
  deliverBy: 'must be seconds of at most nine digits with mode "N", or "R" and at least 1 second',
  priority: "must be a whole number from -9 to 9",
  transactionId: "must have the form of a mailbox",
  verp: 'must be true, false or two characters of "-", "+" and "="'
}

const bothHolds = "cannot be used together with holdUntil; choose one"

/**
 * Schema of the options of a transaction.
 *
 * @category schemas
 * @since 0.1.0
 */
export const MailOptions = Schema.Struct(options).check(
  Schema.makeFilter((o) =>
    o.holdFor === undefined || o.holdUntil === undefined ? undefined : { path: ["holdFor"], issue: bothHolds }
  )
)

/**
 * What a transaction asks of the server, beside the delivery itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface MailOptions extends Schema.Schema.Type<typeof MailOptions> {}

const keyOf = ({ address }: Recipient): string => Address.key(address)

const distinct = Schema.makeFilter(
  (recipients: ReadonlyArray<Recipient>) => new Set(recipients.map(keyOf)).size === recipients.length,
  { expected: "recipients that are named once", arbitraryConstraint: { uniqueBy: keyOf } }
)

/**
 * Schema of an envelope, to store it or to hand it to another process.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Envelope = Schema.Struct({
  reversePath: Address.ReversePath,
  recipients: Schema.NonEmptyArray(Recipient).check(distinct),
  options: MailOptions
})

/**
 * From where, to whom, and how.
 *
 * @category models
 * @since 0.1.0
 */
export interface Envelope extends Schema.Schema.Type<typeof Envelope> {}

/**
 * A message cannot be sent as it was asked for.
 *
 * @category errors
 * @since 0.1.0
 */
export class EnvelopeError extends Schema.TaggedError<EnvelopeError>("@effect-mail/protocol/EnvelopeError")(
  "EnvelopeError",
  {
    /** The field in question, such as `holdFor`. */
    option: Schema.String,
    /** What is wrong with it and how to mend it. */
    reason: Schema.String
  }
) {
  override get message(): string {
    return `${this.option} ${this.reason}`
  }
}

const fail = (option: string, reason: string) => Result.fail(new EnvelopeError({ option, reason }))

type NotifyWord = "NEVER" | "SUCCESS" | "FAILURE" | "DELAY"

/**
 * A recipient as callers write it.
 *
 * @category models
 * @since 0.1.0
 */
export interface RecipientInput {
  /** A mailbox, or `postmaster` in any letter case. */
  readonly address: string
  readonly notify?: NotifyWord | ReadonlyArray<NotifyWord> | undefined
  readonly originalRecipient?: OriginalRecipient | undefined
}

/**
 * An envelope as callers write it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Input extends Omit<MailOptions, "auth" | "transactionId"> {
  /** The reverse-path; the empty string or `<>` when the message must not bounce. */
  readonly from: string
  readonly to: string | RecipientInput | ReadonlyArray<string | RecipientInput>
  readonly auth?: string | undefined
  readonly transactionId?: string | undefined
}

/**
 * Makes an envelope. Addresses are parsed by `Address.parse`; of recipients that are the same by `Address.key`, the first
 * one stays with its options.
 *
 * Fails with `AddressError` for an address, with `EnvelopeError` for everything else: no recipient, a notification that
 * is never and yet wanted, an option that no ESMTP parameter can express.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (input: Input): Result.Result<Envelope, Address.AddressError | EnvelopeError> => {
  const reversePath = reversePathOf(input.from)
  if (Result.isFailure(reversePath)) return Result.fail(reversePath.failure)
  const recipients = recipientsOf(input.to)
  if (Result.isFailure(recipients)) return Result.fail(recipients.failure)
  const options = optionsOf(input)
  return Result.isFailure(options)
    ? Result.fail(options.failure)
    : Result.succeed({ reversePath: reversePath.success, recipients: recipients.success, options: options.success })
}

// Most envelopes say from where and to whom, and nothing else.
const isShort = (input: Input): boolean => Object.keys(input).length === 2 && "from" in input && "to" in input

const optionsOf = (input: Input): Result.Result<MailOptions, Address.AddressError | EnvelopeError> => {
  if (isShort(input)) return Result.succeed({})
  const { auth, from: _from, to: _to, transactionId, ...options } = input
  return Result.gen(function* () {
    yield* check(options)
    return {
      ...options,
      ...(auth === undefined ? {} : { auth: auth === "<>" ? auth : yield* Address.parse(auth) }),
      ...(transactionId === undefined ? {} : { transactionId: yield* Address.parse(transactionId) })
    }
  })
}

const reversePathOf = (from: string): Result.Result<Address.ReversePath, Address.AddressError> =>
  from === "" || from === "<>" ? Result.succeed("") : Address.parse(from)

const forwardPathOf = (to: string): Result.Result<Address.ForwardPath, Address.AddressError> =>
  typeof to === "string" && to.toLowerCase() === "postmaster" ? Result.succeed("postmaster") : Address.parse(to)

const recipientsOf = (
  to: Input["to"]
): Result.Result<NonEmptyReadonlyArray<Recipient>, Address.AddressError | EnvelopeError> => {
  if (!isList(to)) return Result.map(recipientOf(to), (recipient) => [recipient])
  const list: Array<Recipient> = []
  for (const input of to) {
    const recipient = recipientOf(input)
    if (Result.isFailure(recipient)) return Result.fail(recipient.failure)
    list.push(recipient.success)
  }
  const recipients = list.length < 2 ? list : firstOfEach(list)
  return isArrayNonEmpty(recipients) ? Result.succeed(recipients) : fail("to", "must name at least one recipient")
}

const firstOfEach = (recipients: ReadonlyArray<Recipient>): Array<Recipient> => {
  const byKey = new Map<string, Recipient>()
  for (const recipient of recipients) {
    const key = keyOf(recipient)
    if (!byKey.has(key)) byKey.set(key, recipient)
  }
  return [...byKey.values()]
}

const isList = (to: Input["to"]): to is ReadonlyArray<string | RecipientInput> => Array.isArray(to)

const recipientOf = (input: string | RecipientInput): Result.Result<Recipient, Address.AddressError | EnvelopeError> =>
  typeof input === "string"
    ? Result.map(forwardPathOf(input), (address) => ({ address }))
    : Result.gen(function* () {
        if (typeof input?.address !== "string") return yield* fail("to", "must be a mailbox or a value with an address")
        const { notify, originalRecipient } = input
        return {
          address: yield* forwardPathOf(input.address),
          ...(notify === undefined ? {} : { notify: yield* notifyOf(notify) }),
          ...(originalRecipient === undefined
            ? {}
            : { originalRecipient: yield* originalRecipientOf(originalRecipient) })
        }
      })

const isNotify = Schema.is(Notify)
const isOriginalRecipient = Schema.is(OriginalRecipient)

const notifyOf = (input: unknown): Result.Result<Notify, EnvelopeError> => {
  const words = Array.isArray(input) ? [...new Set<unknown>(input)] : [input]
  const notify = words.length === 1 && words[0] === "NEVER" ? "NEVER" : words
  return isNotify(notify)
    ? Result.succeed(notify)
    : fail("notify", "must be NEVER alone, or a list of SUCCESS, FAILURE and DELAY")
}

const originalRecipientOf = (input: unknown): Result.Result<OriginalRecipient, EnvelopeError> =>
  isOriginalRecipient(input)
    ? Result.succeed(input)
    : fail(
        "originalRecipient",
        'must be text that fits 500 octets with a type: "rfc822", or "utf-8" for a non-ASCII address'
      )

const isOption = (name: string): name is Option => Object.hasOwn(options, name)

const guards: Readonly<Record<Option, (u: unknown) => boolean>> = {
  ret: Schema.is(options.ret),
  envelopeId: Schema.is(options.envelopeId),
  auth: Schema.is(options.auth),
  requireTls: Schema.is(options.requireTls),
  holdFor: Schema.is(options.holdFor),
  holdUntil: Schema.is(options.holdUntil),
  deliverBy: Schema.is(options.deliverBy),
  priority: Schema.is(options.priority),
  transactionId: Schema.is(options.transactionId),
  verp: Schema.is(options.verp)
}

const check = (input: MailOptions): Result.Result<void, EnvelopeError> => {
  for (const [option, value] of Object.entries(input)) {
    if (!isOption(option)) return fail("options", `have no ${quote(option, 0)}; remove it`)
    if (!guards[option](value)) return fail(option, reasons[option])
  }
  return input.holdFor === undefined || input.holdUntil === undefined ? Result.void : fail("holdFor", bothHolds)
}
