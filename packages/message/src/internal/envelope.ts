/** Who sends a message and who gets it, from what the caller said and what the header says (MSG-018, MSG-019). */
import * as Address from "@effect-mail/protocol/Address"
import type { Envelope } from "@effect-mail/protocol/Envelope"
import * as Arr from "effect/Array"
import * as Result from "effect/Result"
import type { EnvelopeInput } from "../Message.ts"
import * as MessageError from "../MessageError.ts"
import { checkLine } from "./checkedText.ts"

type Parsed<A> = Result.Result<A, MessageError.MessageError>

const bare = (input: string, field: string): Parsed<Address.Mailbox> =>
  Result.flatMap(checkLine(input, field), () =>
    Result.mapError(Address.parse(input), ({ position, reason }) =>
      MessageError.make("bad-address", `the address is not valid: ${reason}`, {
        field,
        position,
        hint: "An envelope address is a bare one, such as ada@example.com"
      })
    )
  )

const all = (inputs: ReadonlyArray<string>): Parsed<ReadonlyArray<Address.Mailbox>> =>
  Result.all(inputs.map((input, i) => bare(input, `envelope.to[${i}]`)))

const distinct = (addresses: ReadonlyArray<Address.Mailbox>): ReadonlyArray<Address.Mailbox> => {
  const seen = new Map<string, Address.Mailbox>()
  for (const address of addresses) if (!seen.has(Address.key(address))) seen.set(Address.key(address), address)
  return Array.from(seen.values())
}

/** What the header says; asked only for what the caller did not say. */
export interface Derived {
  readonly from: () => Parsed<Address.Mailbox>
  readonly to: () => Parsed<ReadonlyArray<Address.Mailbox>>
}

const reversePath = (input: string | undefined, derived: Derived): Parsed<Address.Mailbox | ""> => {
  if (input === undefined) return derived.from()
  return input === "" ? Result.succeed("") : bare(input, "envelope.from")
}

const recipients = (input: EnvelopeInput["to"], derived: Derived): Parsed<ReadonlyArray<Address.Mailbox>> => {
  if (input === undefined) return derived.to()
  return typeof input === "string" ? all([input]) : all(input)
}

/** The envelope. Fails with `no-recipients` when nobody gets the message, and with `bad-address`. */
export const resolve = (input: EnvelopeInput | undefined, derived: Derived): Parsed<Envelope> =>
  Result.gen(function* () {
    const from = yield* reversePath(input?.from, derived)
    const to = distinct(yield* recipients(input?.to, derived)).map((address) => ({ address }))
    return Arr.isReadonlyArrayNonEmpty(to)
      ? { reversePath: from, recipients: to, options: {} }
      : yield* Result.fail(
          MessageError.make("no-recipients", "nobody would get the message", { hint: "Add to, cc, bcc or an envelope" })
        )
  })
