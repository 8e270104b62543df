/**
 * Attempts a parcel until every recipient has a final outcome. After each attempt the policy decides about each recipient
 * that failed; those that wait equally long go on together. What happens is told to the observer of `DeliveryEvent` and, with
 * the mail, to the `Notifier`.
 */
import * as Delivery from "@effect-mail/delivery/Delivery"
import * as Parcel from "@effect-mail/message/Parcel"
import * as DeliveryEvent from "@effect-mail/policy/DeliveryEvent"
import * as Failure from "@effect-mail/protocol/Failure"
import * as Receipt from "@effect-mail/protocol/Receipt"
import type * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Semaphore from "effect/Semaphore"
import { Notifier } from "../Notice.ts"
import * as Cases from "./cases.ts"

type Outcomes = ReadonlyArray<Receipt.Outcome>

type Failures = Arr.NonEmptyReadonlyArray<Receipt.Failed>

// Attempts of one message that are made at the same time. Any number of its destinations may be waiting meanwhile: one
// that is down for days must not keep the mail from the others.
const concurrency = 16

/**
 * Attempts the parts of a parcel, and again as the current policy says; gives one outcome for each recipient, in any order.
 * It is a part of what its fiber does: a plain generator within its own costs no effect of its own.
 */
export function* persist(
  delivery: Delivery.Delivery["Service"],
  parts: ReadonlyArray<Parcel.Parcel>
): Effect.fn.Return<Outcomes> {
  const [only] = parts
  if (only === undefined || parts.length > 1) return yield* persistAll(delivery, parts)
  // What goes to one destination has nobody to take turns with before its recipients part, and needs no fiber of its own.
  const outcomes = yield* attempt(delivery, only, 1)
  // Most mail is accepted at once, and then nothing needs to be decided.
  return areDelivered(outcomes) ? outcomes : yield* goOn(inTurn(delivery), only, outcomes)
}

const persistAll = (
  delivery: Delivery.Delivery["Service"],
  parts: ReadonlyArray<Parcel.Parcel>
): Effect.Effect<Outcomes> => {
  const attempting = inTurn(delivery)
  const each = (part: Parcel.Parcel) =>
    Effect.flatMap(attempting(part, 1), (outcomes) =>
      areDelivered(outcomes) ? Effect.succeed(outcomes) : goOn(attempting, part, outcomes)
    )
  return Effect.map(Effect.forEach(parts, each, { concurrency: "unbounded" }), (all) => all.flat())
}

type Attempting = (part: Parcel.Parcel, number: number) => Effect.Effect<Outcomes>

// An attempt takes a turn, a wait none.
const inTurn = (delivery: Delivery.Delivery["Service"]): Attempting => {
  const turns = Semaphore.makeUnsafe(concurrency)
  const attempting = Effect.fnUntraced(attempt)
  return (part, number) => turns.withPermit(attempting(delivery, part, number))
}

const areDelivered = (outcomes: Outcomes): boolean => outcomes.every(({ _tag }) => _tag === "Delivered")

function* attempt(
  delivery: Delivery.Delivery["Service"],
  part: Parcel.Parcel,
  number: number
): Effect.fn.Return<Outcomes> {
  const { messageId } = part
  const recipients = part.envelope.recipients.map(({ address }) => address)
  yield* DeliveryEvent.publish(DeliveryEvent.attemptStarted({ messageId, recipients, attempt: number }))
  const outcomes = Delivery.inOrder(part, yield* delivery.attempt(part)).map(numbered(number))
  yield* DeliveryEvent.publish(DeliveryEvent.attemptEnded({ messageId, outcomes, attempt: number }))
  return outcomes
}

// What follows on the first attempt, in which not everybody was accepted.
const goOn = Effect.fnUntraced(function* (
  attempting: Attempting,
  parcel: Parcel.Parcel,
  first: Outcomes
): Effect.fn.Return<Outcomes> {
  const notify = yield* Notifier
  const decide = yield* Cases.make(parcel)
  const { messageId } = parcel

  const subject = (failed: Failures, since: number): DeliveryEvent.Subject => ({
    messageId,
    recipients: failed.map(({ recipient }) => recipient),
    since
  })

  const end = Effect.fnUntraced(function* (part: Parcel.Parcel, { decision, failed, since }: Cases.Ended) {
    for (const one of failed) {
      const own = { ...decision, failure: one.failure }
      yield* DeliveryEvent.publish(DeliveryEvent.fromDecision(subject([one], since), one.failure, own))
    }
    const about = { parcel: only(part, failed), failed, since }
    yield* notify(
      decision._tag === "Hold" ? { _tag: "Held", ...about } : { _tag: "GivenUp", atEnd: decision.atEnd, ...about }
    )
  })

  const warn = Effect.fnUntraced(function* (part: Parcel.Parcel, failed: Failures, since: number) {
    yield* DeliveryEvent.publish(DeliveryEvent.warned({ ...subject(failed, since), failure: strongest(failed) }))
    yield* notify({ _tag: "Late", parcel: only(part, failed), failed, since })
  })

  // The recipients of a group, once their time has come.
  const wait = Effect.fnUntraced(function* (part: Parcel.Parcel, group: Cases.Waiting) {
    const { decision, failed, since } = group
    yield* DeliveryEvent.publish(DeliveryEvent.fromDecision(subject(failed, since), strongest(failed), decision))
    for (const warning of group.warnings) {
      yield* sleepUntil(warning.at)
      yield* warn(part, warning.failed, since)
    }
    yield* sleepUntil(group.until)
    return only(part, failed)
  })

  const partWays = Effect.fnUntraced(function* (
    whole: Parcel.Parcel,
    group: Cases.Waiting,
    number: number
  ): Effect.fn.Return<Outcomes> {
    const part = yield* wait(whole, group)
    return yield* settle(part, number, yield* attempting(part, number))
  })

  // A loop, not a recursion: there may be thousands of attempts. Only those who part from the others get a fiber.
  const settle = Effect.fnUntraced(function* (
    whole: Parcel.Parcel,
    from: number,
    first: Outcomes
  ): Effect.fn.Return<Outcomes> {
    const settled: Array<Outcomes> = []
    const parted: Array<Fiber.Fiber<Outcomes>> = []
    let part = whole
    let number = from
    let outcomes = first
    while (true) {
      const now = part
      const { ended, final, waiting } = yield* decide(outcomes)
      settled.push(final)
      for (const group of ended) yield* end(now, group)
      const [next, ...others] = waiting
      for (const other of others) {
        const later = number + (other.tried ? 1 : 0)
        parted.push(yield* Effect.forkChild(partWays(now, other, later)))
      }
      if (next === undefined) break
      part = yield* wait(now, next)
      if (next.tried) number++
      outcomes = yield* attempting(part, number)
    }
    return [...settled, ...(yield* Fiber.joinAll(parted))].flat()
  })
  return yield* settle(parcel, 1, first)
})

// What was not tried is no attempt (CLASS-14, CLASS-15).
const numbered =
  (attempt: number) =>
  (outcome: Receipt.Outcome): Receipt.Outcome => {
    const attempts = outcome._tag === "Delivered" || Cases.wasTried(outcome.failure) ? attempt : attempt - 1
    if (outcome.attempts === attempts) return outcome
    return outcome._tag === "Delivered"
      ? new Receipt.Delivered({ ...outcome, attempts })
      : new Receipt.Failed({ ...outcome, attempts })
  }

const sleepUntil = (at: number): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.sleep(Duration.millis(Math.max(0, at - now))))

const strongest = ([first, ...others]: Failures): Failure.Failure =>
  Failure.combine(first.failure, ...others.map(({ failure }) => failure))

const only = (part: Parcel.Parcel, failed: Failures): Parcel.Parcel => {
  const names = new Set(failed.map(({ recipient }) => recipient))
  return Parcel.filterRecipients(part, ({ address }) => names.has(address)) ?? part
}
