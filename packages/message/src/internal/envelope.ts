/** Who sends a message and who gets it, from what the caller said and what the header says (MSG-018, MSG-019). */
import * as Address from "@effect-mail/protocol/Address"
import * as Envelope from "@effect-mail/protocol/Envelope"
import * as Arr from "effect/Array"
import * as Result from "effect/Result"
import type { EnvelopeInput } from "../Message.ts"
import * as MessageError from "../MessageError.ts"

type Parsed<A> = Result.Result<A, MessageError.MessageError>

const distinct = (addresses: ReadonlyArray<Address.Mailbox>): ReadonlyArray<Address.Mailbox> => {
  if (addresses.length < 2) return addresses
  const seen = new Map<string, Address.Mailbox>()
  for (const address of addresses) if (!seen.has(Address.key(address))) seen.set(Address.key(address), address)
  return Array.from(seen.values())
}

/** What the header says; asked only for what the caller did not say. */
export interface Derived {
  readonly from: () => Parsed<Address.Mailbox>
  readonly to: () => Parsed<ReadonlyArray<Address.Mailbox>>
}

const noRecipients = () =>
  Result.fail(
    MessageError.make("no-recipients", "nobody would get the message", { hint: "Add to, cc, bcc or an envelope" })
  )

const fromHeader = (derived: Derived): Parsed<Envelope.Envelope> =>
  Result.flatMap(derived.from(), (reversePath) =>
    Result.flatMap(derived.to(), (to) => {
      const recipients = distinct(to).map((address) => ({ address }))
      return Arr.isReadonlyArrayNonEmpty(recipients)
        ? Result.succeed({ reversePath, recipients, options: {} })
        : noRecipients()
    })
  )

const placeOf = (input: Envelope.Input, text: string): string => {
  if (input.from === text) return "envelope.from"
  const to = Array.isArray(input.to) ? input.to : [input.to]
  const index = to.findIndex((one) => one === text || one?.address === text)
  return index === -1 ? "envelope" : `envelope.to[${index}]`
}

const asMessageError = (
  input: Envelope.Input,
  error: Address.AddressError | Envelope.EnvelopeError
): MessageError.MessageError =>
  error._tag === "EnvelopeError"
    ? MessageError.make("bad-envelope", error.reason, { field: `envelope.${error.option}` })
    : MessageError.make("bad-address", error.reason, {
        field: placeOf(input, error.input),
        position: error.position,
        hint: "An envelope address is a bare one, such as ada@example.com"
      })

// Callers without types may have null for what they do not say.
const orElse = <A, B>(given: A | null | undefined, derive: () => Parsed<B>): Parsed<A | B> =>
  given === undefined || given === null ? derive() : Result.succeed(given)

/**
 * The envelope. Fails with `no-recipients` when nobody gets the message, with `bad-address`, and with `bad-envelope` for
 * an option that cannot be.
 */
export const resolve = (given: EnvelopeInput | undefined, derived: Derived): Parsed<Envelope.Envelope> => {
  if (given === undefined) return fromHeader(derived)
  const from = orElse(given.from, derived.from)
  if (Result.isFailure(from)) return Result.fail(from.failure)
  const to = orElse(given.to, derived.to)
  if (Result.isFailure(to)) return Result.fail(to.failure)
  if (Array.isArray(to.success) && to.success.length === 0) return noRecipients()
  const input = { ...given, from: from.success, to: to.success }
  const made = Envelope.make(input)
  return Result.isFailure(made) ? Result.fail(asMessageError(input, made.failure)) : Result.succeed(made.success)
}
