/**
 * Attempts a parcel until every recipient has a final outcome: after each attempt the policy says of the recipients that
 * were not accepted when to try them again. Recipients whose policy and whose kind of failure are the same go on together,
 * so that they share a transaction; a permanent failure ends a recipient's part at once.
 *
 * @since 0.1.0
 */
import * as Delivery from "@effect-mail/delivery/Delivery"
import { Observer } from "@effect-mail/delivery/DeliveryEvent"
import type { MessageError } from "@effect-mail/message/MessageError"
import * as Parcel from "@effect-mail/message/Parcel"
import type { Attempt } from "@effect-mail/policy/Decider"
import * as Policy from "@effect-mail/policy/Policy"
import type { ForwardPath } from "@effect-mail/protocol/Address"
import * as Failure from "@effect-mail/protocol/Failure"
import * as Receipt from "@effect-mail/protocol/Receipt"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

type Outcomes = ReadonlyArray<Receipt.Outcome>

/**
 * Attempts the parcel, and again as the policies say; gives one outcome for each recipient, in any order.
 *
 * @since 0.1.0
 */
export const persist: (
  delivery: Delivery.Delivery["Service"],
  parcel: Parcel.Parcel,
  history: ReadonlyArray<Attempt>
) => Effect.Effect<Outcomes, MessageError> = Effect.fnUntraced(function* (delivery, parcel, history) {
  const observe = yield* Observer
  const attempt = history.length + 1
  const recipients = parcel.envelope.recipients.map(({ address }) => address)
  yield* observe({ _tag: "AttemptStarted", recipients, attempt })
  const outcomes = (yield* delivery.attempt(parcel)).map(numbered(attempt))
  yield* observe({ _tag: "AttemptEnded", outcomes, attempt })

  const current = yield* Policy.CurrentPolicy
  const policies = new Map(
    recipients.map((recipient) => [recipient as string, Policy.forRecipientDomain(current, domainOf(recipient))])
  )
  const { final, groups } = sort(outcomes, (recipient) => policies.get(recipient) ?? current)
  const settled = yield* Effect.forEach(groups, (group) => goOn(delivery, parcel, history, group), {
    concurrency: "unbounded"
  })
  return [...final, ...settled.flat()]
})

const domainOf = (recipient: ForwardPath): string => Delivery.domainOf(recipient)

const numbered =
  (attempts: number) =>
  (outcome: Receipt.Outcome): Receipt.Outcome =>
    outcome._tag === "Delivered"
      ? new Receipt.Delivered({ ...outcome, attempts })
      : new Receipt.Failed({ ...outcome, attempts })

interface Group {
  readonly policy: Policy.Policy
  readonly failed: [Receipt.Failed, ...Array<Receipt.Failed>]
}

// What is final, and who may be tried again together.
const sort = (outcomes: Outcomes, policyFor: (recipient: string) => Policy.Policy) => {
  const final: Array<Receipt.Outcome> = []
  const groups: Array<Group & { readonly uncertain: boolean }> = []
  for (const outcome of outcomes) {
    if (outcome._tag === "Delivered") {
      final.push(outcome)
      continue
    }
    const policy = policyFor(outcome.recipient)
    const failure = Policy.reclassify(policy, outcome.failure)
    if (failure._tag === "PermFailure") {
      final.push(new Receipt.Failed({ ...outcome, failure }))
      continue
    }
    const uncertain = failure._tag === "TempFailure" && failure.uncertain
    const group = groups.find((other) => other.policy === policy && other.uncertain === uncertain)
    if (group === undefined) groups.push({ policy, uncertain, failed: [outcome] })
    else group.failed.push(outcome)
  }
  return { final, groups }
}

const goOn = Effect.fnUntraced(function* (
  delivery: Delivery.Delivery["Service"],
  parcel: Parcel.Parcel,
  history: ReadonlyArray<Attempt>,
  { failed, policy }: Group
): Effect.fn.Return<Outcomes, MessageError> {
  const at = yield* Clock.currentTimeMillis
  const [first, ...others] = failed
  const failure = Failure.combine(first.failure, ...others.map((outcome) => outcome.failure))
  const lived = [...history, { at, failure }]
  const decision = yield* Policy.replay(policy, lived, at)
  const recipients = failed.map(({ recipient }) => recipient)
  const again = Parcel.filterRecipients(parcel, ({ address }) => recipients.includes(address))
  if (decision._tag !== "Retry" || again === undefined) {
    return yield* Effect.forEach(failed, (outcome) => conclude(policy, history, at, outcome))
  }
  const observe = yield* Observer
  yield* observe({ _tag: "Waiting", recipients, failure, after: decision.after })
  yield* Effect.sleep(decision.after)
  return yield* persist(delivery, again, lived)
})

// Each recipient ends with its own failure, as the policy sees it.
const conclude = Effect.fnUntraced(function* (
  policy: Policy.Policy,
  history: ReadonlyArray<Attempt>,
  at: number,
  outcome: Receipt.Failed
) {
  const decision = yield* Policy.replay(policy, [...history, { at, failure: outcome.failure }], at)
  return decision._tag === "Retry" ? outcome : new Receipt.Failed({ ...outcome, failure: decision.failure })
})
