/**
 * Attempts a parcel until every recipient has a final outcome. After each attempt the policy of a recipient's domain
 * decides about its failure; recipients that wait equally long go on together, so that they share a transaction.
 *
 * All decisions about a parcel draw on one seed: chance spreads the waits of different mails, never those of recipients
 * that failed alike.
 *
 * @since 0.1.0
 */
import * as Delivery from "@effect-mail/delivery/Delivery"
import { Observer } from "@effect-mail/delivery/DeliveryEvent"
import * as Parcel from "@effect-mail/message/Parcel"
import * as Policy from "@effect-mail/policy/Policy"
import * as Failure from "@effect-mail/protocol/Failure"
import * as Receipt from "@effect-mail/protocol/Receipt"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import type * as Semaphore from "effect/Semaphore"

type Outcomes = ReadonlyArray<Receipt.Outcome>

/**
 * Attempts the parcel, and again as the current policy says; gives one outcome for each recipient, in any order. An
 * attempt takes one permit of `turns`, a wait none.
 *
 * @since 0.1.0
 */
export const persist = Effect.fnUntraced(function* (
  delivery: Delivery.Delivery["Service"],
  turns: Semaphore.Semaphore,
  parcel: Parcel.Parcel
): Effect.fn.Return<Outcomes> {
  const observe = yield* Observer
  const decide = yield* judge(parcel)
  const { messageId } = parcel

  const attempt = Effect.fnUntraced(function* (part: Parcel.Parcel, attempt: number) {
    const recipients = part.envelope.recipients.map(({ address }) => address)
    yield* observe({ _tag: "AttemptStarted", messageId, recipients, attempt })
    const outcomes = Delivery.inOrder(part, yield* delivery.attempt(part)).map(numbered(attempt))
    yield* observe({ _tag: "AttemptEnded", messageId, outcomes, attempt })
    return outcomes
  }, turns.withPermit)

  // The recipients of a group, once their time has come.
  const wait = Effect.fnUntraced(function* (part: Parcel.Parcel, { after, failed }: Group) {
    const [first, ...others] = failed
    const failure = Failure.combine(first.failure, ...others.map((outcome) => outcome.failure))
    const recipients = failed.map(({ recipient }) => recipient)
    yield* observe({ _tag: "Waiting", messageId, recipients, failure, after })
    yield* Effect.sleep(after)
    const names = new Set(recipients)
    return Parcel.filterRecipients(part, ({ address }) => names.has(address))
  })

  // A loop, not a recursion: there may be thousands of attempts. Only those who part from the others get a fiber.
  const settle = Effect.fnUntraced(function* (
    whole: Parcel.Parcel | undefined,
    from: number
  ): Effect.fn.Return<Outcomes> {
    const settled: Array<Outcomes> = []
    const parted: Array<Fiber.Fiber<Outcomes>> = []
    let rest = whole
    for (let number = from; rest !== undefined; number++) {
      const part = rest
      const { final, groups } = yield* decide(yield* attempt(part, number))
      settled.push(final)
      const [next, ...others] = groups.map((group) => wait(part, group))
      for (const other of others) {
        parted.push(yield* Effect.forkChild(Effect.flatMap(other, (later) => settle(later, number + 1))))
      }
      rest = next && (yield* next)
    }
    return [...settled, ...(yield* Fiber.joinAll(parted))].flat()
  })
  return yield* settle(parcel, 1)
})

const numbered =
  (attempts: number) =>
  (outcome: Receipt.Outcome): Receipt.Outcome =>
    outcome._tag === "Delivered"
      ? new Receipt.Delivered({ ...outcome, attempts })
      : new Receipt.Failed({ ...outcome, attempts })

/** Recipients that are tried again at the same time. */
interface Group {
  readonly after: Duration.Duration
  readonly failed: [Receipt.Failed, ...Array<Receipt.Failed>]
}

// Tells what is final from who is tried again. Each recipient that fails has a decider of its own for all its attempts.
const judge = Effect.fnUntraced(function* (parcel: Parcel.Parcel) {
  const deciderFor = yield* deciders(parcel)
  return Effect.fnUntraced(function* (outcomes: Outcomes) {
    const at = yield* Clock.currentTimeMillis
    const final: Array<Receipt.Outcome> = []
    const groups = new Map<number, Group>()
    for (const outcome of outcomes) {
      if (outcome._tag === "Delivered") {
        final.push(outcome)
        continue
      }
      const decision = yield* (yield* deciderFor(outcome.recipient)).decide(outcome.failure, at)
      if (decision._tag === "Retry") join(groups, decision.after, outcome)
      else final.push(new Receipt.Failed({ ...outcome, failure: decision.failure }))
    }
    return { final, groups: [...groups.values()] }
  })
})

const join = (groups: Map<number, Group>, after: Duration.Duration, outcome: Receipt.Failed): void => {
  const millis = Duration.toMillis(after)
  const group = groups.get(millis)
  if (group === undefined) groups.set(millis, { after, failed: [outcome] })
  else group.failed.push(outcome)
}

const deciders = Effect.fnUntraced(function* (parcel: Parcel.Parcel) {
  const policy = yield* Policy.CurrentPolicy
  const seed = yield* Random.nextInt
  const domains = new Map<string, string>(
    parcel.envelope.recipients.map(({ address }) => [address, Delivery.domainOf(address)])
  )
  const known = new Map<string, Policy.Decider>()
  return Effect.fnUntraced(function* (recipient: string) {
    const decider =
      known.get(recipient) ??
      (yield* Policy.start(Policy.forRecipientDomain(policy, domains.get(recipient) ?? ""), { seed }))
    known.set(recipient, decider)
    return decider
  })
})
