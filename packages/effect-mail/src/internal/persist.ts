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
import type { Decision } from "@effect-mail/policy/Decision"
import * as Policy from "@effect-mail/policy/Policy"
import * as Failure from "@effect-mail/protocol/Failure"
import * as Receipt from "@effect-mail/protocol/Receipt"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Semaphore from "effect/Semaphore"

type Outcomes = ReadonlyArray<Receipt.Outcome>

type Group = readonly [Receipt.Failed, ...Array<Receipt.Failed>]

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

  const settle = Effect.fnUntraced(function* (part: Parcel.Parcel, number: number): Effect.fn.Return<Outcomes> {
    const outcomes = yield* attempt(part, number)
    const at = yield* Clock.currentTimeMillis
    const decided = yield* Effect.forEach(outcomes, (outcome) => decide(outcome, at))
    const { final, waiting } = sort(decided)
    const later = yield* Effect.forEach(
      waiting,
      ([millis, group]) => goOn(part, number, Duration.millis(millis), group),
      {
        concurrency: "unbounded"
      }
    )
    return [...final, ...later.flat()]
  })

  const goOn = Effect.fnUntraced(function* (
    part: Parcel.Parcel,
    number: number,
    after: Duration.Duration,
    group: Group
  ) {
    const recipients = group.map(({ recipient }) => recipient)
    const names = new Set(recipients)
    const again = Parcel.filterRecipients(part, ({ address }) => names.has(address))
    if (again === undefined) return group
    const [first, ...others] = group
    const failure = Failure.combine(first.failure, ...others.map((outcome) => outcome.failure))
    yield* observe({ _tag: "Waiting", messageId, recipients, failure, after })
    yield* Effect.sleep(after)
    return yield* settle(again, number + 1)
  })

  return yield* settle(parcel, 1)
})

const numbered =
  (attempts: number) =>
  (outcome: Receipt.Outcome): Receipt.Outcome =>
    outcome._tag === "Delivered"
      ? new Receipt.Delivered({ ...outcome, attempts })
      : new Receipt.Failed({ ...outcome, attempts })

interface Decided {
  readonly outcome: Receipt.Outcome
  readonly decision: Decision | undefined
}

// Each recipient that fails has a decider of its own for all its attempts, by the policy of its domain.
const judge = Effect.fnUntraced(function* (parcel: Parcel.Parcel) {
  const policy = yield* Policy.CurrentPolicy
  const seed = yield* Random.nextInt
  const domains = new Map<string, string>(
    parcel.envelope.recipients.map(({ address }) => [address, Delivery.domainOf(address)])
  )
  const deciders = new Map<string, Policy.Decider>()
  const deciderFor = Effect.fnUntraced(function* (recipient: string) {
    const known = deciders.get(recipient)
    if (known !== undefined) return known
    const decider = yield* Policy.start(Policy.forRecipientDomain(policy, domains.get(recipient) ?? ""), { seed })
    deciders.set(recipient, decider)
    return decider
  })
  return Effect.fnUntraced(function* (outcome: Receipt.Outcome, at: number): Effect.fn.Return<Decided> {
    if (outcome._tag === "Delivered") return { outcome, decision: undefined }
    const decider = yield* deciderFor(outcome.recipient)
    return { outcome, decision: yield* decider.decide(outcome.failure, at) }
  })
})

// What is final, and who goes on after which wait, in milliseconds.
const sort = (decided: ReadonlyArray<Decided>) => {
  const final: Array<Receipt.Outcome> = []
  const waiting = new Map<number, [Receipt.Failed, ...Array<Receipt.Failed>]>()
  for (const { decision, outcome } of decided) {
    if (outcome._tag === "Delivered" || decision === undefined) final.push(outcome)
    else if (decision._tag !== "Retry") final.push(new Receipt.Failed({ ...outcome, failure: decision.failure }))
    else {
      const millis = Duration.toMillis(decision.after)
      const group = waiting.get(millis)
      if (group === undefined) waiting.set(millis, [outcome])
      else group.push(outcome)
    }
  }
  return { final, waiting }
}
