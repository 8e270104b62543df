/**
 * Decides about the recipients of a parcel as they fail: who is final, and who is tried again when. Each recipient has a
 * decider of its own for all its attempts, under the policy for its domain, the host that takes its mail and the message's
 * priority. Those for whom the same is decided stay together, so that they share a transaction.
 *
 * All decisions about a parcel draw on one seed: chance spreads the waits of different mails, never those of recipients
 * that failed alike.
 */
import * as Delivery from "@effect-mail/delivery/Delivery"
import type * as Parcel from "@effect-mail/message/Parcel"
import * as Deadline from "@effect-mail/policy/Deadline"
import type * as Decision from "@effect-mail/policy/Decision"
import * as Kind from "@effect-mail/policy/Kind"
import * as Policy from "@effect-mail/policy/Policy"
import type * as Failure from "@effect-mail/protocol/Failure"
import * as Receipt from "@effect-mail/protocol/Receipt"
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

// What is known of a recipient that has failed.
interface Case {
  readonly policy: Policy.Policy
  readonly decider: Policy.Decider
  /** When its first attempt failed, in milliseconds since the epoch. */
  readonly since: number
  /** Whether its policy knows the host. */
  readonly placed: boolean
  /** How many warnings were sent or have lapsed. */
  warned: number
}

/** A failed recipient and what was decided about it. */
interface Judged<out D extends Decision.Decision = Decision.Decision> {
  readonly known: Case
  readonly failed: Receipt.Failed
  readonly decision: D
}

type Failures = Arr.NonEmptyReadonlyArray<Receipt.Failed>

/** Recipients that are not tried again, with what to report. */
export interface Ended {
  readonly failed: Failures
  readonly since: number
  readonly decision: Decision.GiveUp | Decision.Hold
}

/** Recipients that are tried again at the same time. */
export interface Waiting {
  readonly failed: Failures
  readonly since: number
  readonly decision: Decision.Retry
  /** When they are tried again, in milliseconds since the epoch. */
  readonly until: number
  /** Whether it was an attempt that failed (CLASS-15). */
  readonly tried: boolean
  /** Who is told when that the mail is late, in order of time. */
  readonly warnings: ReadonlyArray<{ readonly at: number; readonly failed: Failures }>
}

/** What was decided about the outcomes of an attempt. */
export interface Verdict {
  readonly final: ReadonlyArray<Receipt.Outcome>
  readonly ended: ReadonlyArray<Ended>
  readonly waiting: ReadonlyArray<Waiting>
}

/** Whether a failure is that of an attempt, and not of this machine or of a limit that held it back (CLASS-14, CLASS-15). */
export const wasTried = (failure: Failure.Failure): boolean =>
  failure._tag === "PermFailure" || Kind.of(failure) !== "untried"

/** Begins to decide about a parcel under the current policy. */
export const make = Effect.fnUntraced(function* (parcel: Parcel.Parcel) {
  const judge = yield* judges(parcel)
  return Effect.fnUntraced(function* (outcomes: ReadonlyArray<Receipt.Outcome>): Effect.fn.Return<Verdict> {
    const now = yield* Clock.currentTimeMillis
    const final: Array<Receipt.Outcome> = []
    const ended: Array<Judged<Decision.GiveUp | Decision.Hold>> = []
    const retried: Array<Judged<Decision.Retry>> = []
    for (const outcome of outcomes) {
      if (outcome._tag === "Delivered") final.push(outcome)
      else {
        const { decision, known } = yield* judge(outcome, now)
        if (decision._tag === "Retry") retried.push({ known, failed: outcome, decision })
        else {
          const failed = new Receipt.Failed({ ...outcome, failure: decision.failure })
          ended.push({ known, failed, decision })
          final.push(failed)
        }
      }
    }
    return {
      final,
      ended: groups(ended, ({ decision }) => (decision._tag === "Hold" ? "" : decision.atEnd)).map(endedOf),
      waiting: groups(retried, howLong).map((group) => waitingOf(group, now))
    }
  })
})

const groups = <A>(all: ReadonlyArray<A>, key: (one: A) => string): ReadonlyArray<Arr.NonEmptyReadonlyArray<A>> =>
  [...Map.groupBy(all, key).values()].flatMap((group) => (Arr.isReadonlyArrayNonEmpty(group) ? [group] : []))

const howLong = ({ decision, failed }: Judged<Decision.Retry>): string =>
  `${Duration.toMillis(decision.after)} ${wasTried(failed.failure)}`

const endedOf = (group: Arr.NonEmptyReadonlyArray<Judged<Decision.GiveUp | Decision.Hold>>): Ended => ({
  failed: Arr.map(group, ({ failed }) => failed),
  since: group[0].known.since,
  decision: group[0].decision
})

const waitingOf = (group: Arr.NonEmptyReadonlyArray<Judged<Decision.Retry>>, now: number): Waiting => {
  const [{ decision, failed, known }] = group
  const until = now + Duration.toMillis(decision.after)
  return {
    failed: Arr.map(group, (one) => one.failed),
    since: known.since,
    decision,
    until,
    tried: wasTried(failed.failure),
    warnings: warnings(group, now, until)
  }
}

// Of the warnings that have become due meanwhile one is sent (`Deadline.warningsDue`). One that is due with the next attempt
// waits for what becomes of that.
const warnings = (group: ReadonlyArray<Judged>, now: number, until: number): Waiting["warnings"] => {
  const due = group.flatMap(({ failed, known }) => {
    const missed = Deadline.warningsDue(known.policy, known.since, now)
    const all = Deadline.warnAt(known.policy, known.since).filter((at) => at < until)
    const times = [...(missed > known.warned ? [now] : []), ...all.slice(Math.max(missed, known.warned))]
    known.warned = Math.max(known.warned, all.length)
    return times.map((at) => ({ at, failed }))
  })
  return [...Map.groupBy(due, ({ at }) => at)]
    .toSorted(([a], [b]) => a - b)
    .flatMap(([at, late]) => {
      const failed = late.map((one) => one.failed)
      return Arr.isReadonlyArrayNonEmpty(failed) ? [{ at, failed }] : []
    })
}

// Decides about one recipient after the other.
const judges = Effect.fnUntraced(function* (parcel: Parcel.Parcel) {
  const policy = yield* Policy.CurrentPolicy
  const priority = yield* Policy.CurrentPriority
  const seed = yield* Random.nextInt
  const domains = new Map<string, string>(
    parcel.envelope.recipients.map(({ address }) => [address, Delivery.domainOf(address)])
  )
  const known = new Map<string, Case>()
  // What happened before the host was known, for the policy that holds for this host.
  const histories = new Map<string, Array<Policy.Attempt>>()

  const caseFor = Effect.fnUntraced(function* (recipient: string, host: string | undefined, now: number) {
    const before = known.get(recipient)
    if (before !== undefined && (before.placed || host === undefined)) return before
    const destination = { domain: domains.get(recipient), hosts: host === undefined ? [] : [host], priority }
    const own = Policy.forDestination(policy, destination)
    const placed = host !== undefined || policy.overrides.length === 0
    const since = before?.since ?? now
    if (own === before?.policy) return { ...before, placed }
    const decider = yield* Policy.start(own, { seed, since })
    for (const { at, failure } of histories.get(recipient) ?? []) yield* decider.decide(failure, at)
    return { policy: own, decider, since, placed, warned: before?.warned ?? 0 }
  })

  return Effect.fnUntraced(function* ({ failure, recipient }: Receipt.Failed, now: number) {
    const own = yield* caseFor(recipient, failure.host, now)
    known.set(recipient, own)
    if (own.placed) histories.delete(recipient)
    else histories.set(recipient, [...(histories.get(recipient) ?? []), { at: now, failure }])
    return { known: own, decision: yield* own.decider.decide(failure, now) }
  })
})
