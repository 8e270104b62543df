/**
 * The one extension point for senders: something that takes a parcel and says what became of each recipient. Everything
 * else (retry, routing, throttling, archiving) is built around it.
 *
 * The functions below make one transport of others. They keep its contract: every recipient has one outcome, in the order of
 * the envelope, and is never sent to by a second transport once he has the message or may have it.
 *
 * @since 0.1.0
 */
import type { MessageError } from "@effect-mail/message/MessageError"
import * as Parcel from "@effect-mail/message/Parcel"
import * as Address from "@effect-mail/protocol/Address"
import * as Failure from "@effect-mail/protocol/Failure"
import * as Receipt from "@effect-mail/protocol/Receipt"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as Outcomes from "./internal/outcomes.ts"

/**
 * Sends parcels. `send` succeeds with one outcome for every recipient, in the order of the envelope, even when all were
 * refused; or it fails with one failure that holds for all of them alike. It makes one attempt: when to try again is the
 * policy's business. The parcel's body may be 8bit or binary; whoever cannot pass that on takes `Parcel.bodyFor`.
 *
 * @category services
 * @since 0.1.0
 */
export class Transport extends Context.Service<
  Transport,
  {
    readonly send: (
      parcel: Parcel.Parcel
    ) => Effect.Effect<ReadonlyArray<Receipt.Outcome>, Failure.Failure | MessageError>
  }
>()("@effect-mail/transport/Transport") {}

/**
 * What one attempt to send a parcel is: one outcome for each recipient, or a failure for all.
 *
 * @category models
 * @since 0.1.0
 */
export type Sending = ReturnType<Transport["Service"]["send"]>

/**
 * The same failure for every recipient of a parcel.
 *
 * @category constructors
 * @since 0.1.0
 */
export const failAll = (parcel: Parcel.Parcel, failure: Failure.Failure): ReadonlyArray<Receipt.Outcome> =>
  Outcomes.allFailed(parcel, failure)

/**
 * Sends through `self`, and what that could not deliver for now through `that`: recipients with a `TempFailure` or an
 * `Unreachable`, and those for whom `self` lacks what the message needs (a permanent fact about a host). A verdict about a
 * recipient or the message is final, and an uncertain outcome never moves on: the first copy may have arrived (CLASS-52).
 *
 * When both fail for a recipient, he keeps the failure that weighs more (`Failure.combine`). Fails when the body cannot be
 * read before anybody has the message.
 *
 * @category combinators
 * @since 0.1.0
 */
export const fallback: {
  /** Adds the transport that is tried second. */
  (that: Transport["Service"]): (self: Transport["Service"]) => Transport["Service"]
  /** Makes one transport of two that are tried in turn. */
  (self: Transport["Service"], that: Transport["Service"]): Transport["Service"]
} = dual(2, (self: Transport["Service"], that: Transport["Service"]): Transport["Service"] => ({
  send: Effect.fnUntraced(function* (parcel) {
    const first = yield* Outcomes.attempt(self.send, parcel)
    const left = new Map(
      first.flatMap((o) => (o._tag === "Failed" && movesOn(o.failure) ? [[o.recipient, o.failure]] : []))
    )
    const rest = Parcel.filterRecipients(parcel, ({ address }) => left.has(address))
    if (rest === undefined) return first
    const sent = yield* Effect.result(Outcomes.attempt(that.send, rest))
    if (Result.isFailure(sent) && !first.some(Outcomes.mayHaveIt)) return yield* sent.failure
    const second = Result.isSuccess(sent) ? sent.success : failAll(rest, Outcomes.unreadable(sent.failure))
    const settled = second.map((outcome) => settle(left.get(outcome.recipient), outcome))
    return Outcomes.inOrder(parcel.envelope, [...first, ...settled])
  })
}))

const movesOn = (failure: Failure.Failure): boolean => {
  switch (failure._tag) {
    case "TempFailure":
      return !failure.uncertain
    case "Unreachable":
      return true
    case "PermFailure":
      return failure.scope === "host"
  }
}

const settle = (first: Failure.Failure | undefined, second: Receipt.Outcome): Receipt.Outcome =>
  first === undefined || Outcomes.mayHaveIt(second) || second._tag === "Delivered"
    ? second
    : Outcomes.failed(second.recipient, Failure.combine(first, second.failure))

/**
 * Sends each parcel through the next of these transports, in turn and round again. Each application of the effect has a
 * turn of its own.
 *
 * @category constructors
 * @since 0.1.0
 */
export const roundRobin = (
  transports: NonEmptyReadonlyArray<Transport["Service"]>
): Effect.Effect<Transport["Service"]> =>
  Effect.sync(() => {
    let turn = 0
    return { send: (parcel) => Effect.suspend(() => at(transports, turn++ % transports.length).send(parcel)) }
  })

const at = <A>(all: NonEmptyReadonlyArray<A>, index: number): A => all[index] ?? all[0]

/**
 * Sends each parcel through one of these transports, taken by chance (`Random`) as often as its weight says: `[9, a]` and
 * `[1, b]` send one parcel in ten through `b`. A weight of 0 is never taken. A weight that is negative or not finite, and
 * weights that are all 0, are a defect of the caller: it throws.
 *
 * @category constructors
 * @since 0.1.0
 */
export const weighted = (
  choices: NonEmptyReadonlyArray<readonly [weight: number, transport: Transport["Service"]]>
): Transport["Service"] => {
  const total = choices.reduce((sum, [weight]) => sum + weight, 0)
  if (!choices.every(([weight]) => weight >= 0) || !(total > 0 && total < Infinity)) {
    throw new RangeError("weights must be finite numbers from 0, and one of them above 0")
  }
  const pick = (share: number) => {
    let left = share * total
    // The last one that has a weight takes what rounding leaves.
    const possible = choices.filter(([weight]) => weight > 0)
    return (possible.find(([weight]) => (left -= weight) < 0) ?? possible.at(-1) ?? choices[0])[1]
  }
  return { send: (parcel) => Effect.flatMap(Random.next, (share) => pick(share).send(parcel)) }
}

/**
 * Sends to recipients of some domains another way: `choose` gives the transport for a domain (in lower case and A-labels),
 * or undefined for `self`, which `postmaster` without a domain takes, too. The ways are gone one after the other, each once.
 *
 * Fails when the body cannot be read before anybody has the message.
 *
 * @category combinators
 * @since 0.1.0
 */
export const byRecipientDomain: {
  /** Chooses the transport by the recipient's domain. */
  (choose: (domain: string) => Transport["Service"] | undefined): (self: Transport["Service"]) => Transport["Service"]
  /** Chooses the transport by the recipient's domain, and takes `self` for the others. */
  (self: Transport["Service"], choose: (domain: string) => Transport["Service"] | undefined): Transport["Service"]
} = dual(
  2,
  (self: Transport["Service"], choose: (domain: string) => Transport["Service"] | undefined): Transport["Service"] => {
    const wayOf = (to: Address.ForwardPath) =>
      to === "postmaster" ? self : (choose(Address.asciiDomain(to).toLowerCase()) ?? self)
    return {
      send: (parcel) =>
        Effect.suspend(() => {
          const ways = new Map(parcel.envelope.recipients.map(({ address }) => [address, wayOf(address)]))
          const parts = [...new Set(ways.values())].flatMap((way) => {
            const part = Parcel.filterRecipients(parcel, ({ address }) => ways.get(address) === way)
            return part === undefined ? [] : [{ parcel: part, send: way.send }]
          })
          return Effect.map(Outcomes.inTurn(parts), (outcomes) => Outcomes.inOrder(parcel.envelope, outcomes))
        })
    }
  }
)

/**
 * How `archive` makes its copies.
 *
 * @category models
 * @since 0.1.0
 */
export interface ArchiveOptions {
  /**
   * Whether the message only goes out once its copy is kept: the copy is made first, for all recipients, and when it cannot
   * be made the mail fails for now. Without it (the default) the copy is made afterwards, for those recipients who have the
   * message or may have it, and a copy that fails is only logged. A message that is tried again is copied again.
   */
  readonly required?: boolean | undefined
  /** The parcel that is archived, such as the same with another envelope; by default the parcel as it is. */
  readonly parcel?: ((parcel: Parcel.Parcel) => Parcel.Parcel) | undefined
}

/**
 * Sends a copy of each message to another transport: a folder, a journal mailbox. What becomes of the copy never touches
 * what becomes of the mail, unless `required` asks for it. The copy may be in another encoding than the mail (`Parcel.bodyFor`); the
 * octets are the same for what is signed, for what was composed elsewhere, and where `Encoding.CurrentWidest` is `7bit`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const archive: {
  /** Adds an archive. */
  (copies: Transport["Service"], options?: ArchiveOptions): (self: Transport["Service"]) => Transport["Service"]
  /** Makes a transport that archives what it sends. */
  (self: Transport["Service"], copies: Transport["Service"], options?: ArchiveOptions): Transport["Service"]
} = dual(
  (args) => isTransport(args[0]) && isTransport(args[1]),
  (self: Transport["Service"], copies: Transport["Service"], options: ArchiveOptions = {}): Transport["Service"] => {
    const { parcel: copyOf = (parcel: Parcel.Parcel) => parcel, required = false } = options
    const keep = (parcel: Parcel.Parcel) =>
      Effect.suspend(() => Outcomes.attempt(copies.send, copyOf(parcel))).pipe(
        Effect.map((outcomes) => outcomes.flatMap((o) => (o._tag === "Failed" ? o.failure : [])).at(0))
      )
    return { send: (parcel) => (required ? keptFirst(self, keep, parcel) : keptAfter(self, keep, parcel)) }
  }
)

const isTransport = (u: unknown): u is Transport["Service"] => typeof u === "object" && u !== null && "send" in u

type Keep = (parcel: Parcel.Parcel) => Effect.Effect<Failure.Failure | undefined, MessageError>

const keptFirst = Effect.fnUntraced(function* (self: Transport["Service"], keep: Keep, parcel: Parcel.Parcel) {
  const failure = yield* keep(parcel)
  return failure === undefined ? yield* self.send(parcel) : failAll(parcel, notArchived(failure))
})

const notArchived = (failure: Failure.Failure) =>
  Failure.temp({
    stage: "policy",
    scope: "local",
    next: "later",
    enhanced: "4.3.0",
    reason: `the message could not be archived: ${failure.message}`
  })

const keptAfter = Effect.fnUntraced(function* (self: Transport["Service"], keep: Keep, parcel: Parcel.Parcel) {
  const outcomes = yield* Outcomes.attempt(self.send, parcel)
  const got = new Set(outcomes.filter(Outcomes.mayHaveIt).map(({ recipient }) => recipient))
  const copy = Parcel.filterRecipients(parcel, ({ address }) => got.has(address))
  if (copy !== undefined) {
    const kept = Effect.tap(keep(copy), (failure) => (failure === undefined ? Effect.void : Effect.fail(failure)))
    yield* Effect.catchCause(kept, (cause) => Effect.logWarning("A copy could not be archived", cause))
  }
  return outcomes
})

/**
 * Never sends to recipients on a list: each gets a `PermFailure` 5.7.1 without being sent to (CLASS-02), the others are
 * sent to. `isSuppressed` is asked for each recipient, one after the other.
 *
 * @category combinators
 * @since 0.1.0
 */
export const suppress: {
  /** Adds a list. */
  (
    isSuppressed: (recipient: Address.ForwardPath) => Effect.Effect<boolean>
  ): (self: Transport["Service"]) => Transport["Service"]
  /** Makes a transport that never sends to those on a list. */
  (
    self: Transport["Service"],
    isSuppressed: (recipient: Address.ForwardPath) => Effect.Effect<boolean>
  ): Transport["Service"]
} = dual(
  2,
  (
    self: Transport["Service"],
    isSuppressed: (recipient: Address.ForwardPath) => Effect.Effect<boolean>
  ): Transport["Service"] => ({
    send: Effect.fnUntraced(function* (parcel) {
      const listed = yield* Effect.filter(parcel.envelope.recipients, ({ address }) => isSuppressed(address))
      const names = new Set(listed.map(({ address }) => address))
      const rest = Parcel.filterRecipients(parcel, ({ address }) => !names.has(address))
      const sent = rest === undefined ? [] : yield* Outcomes.attempt(self.send, rest)
      return Outcomes.inOrder(parcel.envelope, [
        ...[...names].map((name) => Outcomes.failed(name, suppressed)),
        ...sent
      ])
    })
  })
)

const suppressed = Failure.perm({
  stage: "policy",
  scope: "recipient",
  next: "never",
  enhanced: "5.7.1",
  reason: "the recipient is on the suppression list"
})

/**
 * A list of addresses for `suppress`, compared as `Address.key` does. Fails with `AddressError` for one that cannot be an
 * address, since it would never match.
 *
 * @category constructors
 * @since 0.1.0
 */
export const suppressionList = (
  addresses: Iterable<string>
): Result.Result<(recipient: Address.ForwardPath) => Effect.Effect<boolean>, Address.AddressError> => {
  const keys = new Set<string>()
  for (const address of addresses) {
    const parsed = Address.parse(address)
    if (Result.isFailure(parsed)) return Result.fail(parsed.failure)
    keys.add(Address.key(parsed.success))
  }
  return Result.succeed((recipient) => Effect.succeed(keys.has(Address.key(recipient))))
}

/**
 * Looks at the outcomes of each parcel, for logs and metrics; a failure for all is shown as one for each. What is done with
 * them changes nothing, and a message that cannot be read is not shown.
 *
 * @category combinators
 * @since 0.1.0
 */
export const tap: {
  /** Adds an observer. */
  (
    observe: (outcomes: ReadonlyArray<Receipt.Outcome>, parcel: Parcel.Parcel) => Effect.Effect<void>
  ): (self: Transport["Service"]) => Transport["Service"]
  /** Makes a transport that is observed. */
  (
    self: Transport["Service"],
    observe: (outcomes: ReadonlyArray<Receipt.Outcome>, parcel: Parcel.Parcel) => Effect.Effect<void>
  ): Transport["Service"]
} = dual(
  2,
  (
    self: Transport["Service"],
    observe: (outcomes: ReadonlyArray<Receipt.Outcome>, parcel: Parcel.Parcel) => Effect.Effect<void>
  ): Transport["Service"] => ({
    send: (parcel) => Effect.tap(Outcomes.attempt(self.send, parcel), (outcomes) => observe(outcomes, parcel))
  })
)

/**
 * Wraps each attempt in an effect: a throttle, a circuit breaker, a time limit, a span. The wrapper must run the attempt at
 * most once; retrying is the policy's business, which knows what is uncertain.
 *
 * ```ts
 * const limited = Transport.around(transport, (sending) => Semaphore.withPermit(semaphore, sending))
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const around: {
  /** Adds a wrapper. */
  (wrap: (sending: Sending, parcel: Parcel.Parcel) => Sending): (self: Transport["Service"]) => Transport["Service"]
  /** Makes a transport each of whose attempts is wrapped. */
  (self: Transport["Service"], wrap: (sending: Sending, parcel: Parcel.Parcel) => Sending): Transport["Service"]
} = dual(
  2,
  (self: Transport["Service"], wrap: (sending: Sending, parcel: Parcel.Parcel) => Sending): Transport["Service"] => ({
    send: (parcel) => wrap(self.send(parcel), parcel)
  })
)
