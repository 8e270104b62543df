import type { Course, Load, Percentiles, Report } from "../Simulation.ts"
import type * as World from "../World.ts"
import { firstAfter } from "./sorted.ts"
import type { Message, Plan, Session, Story } from "./stage.ts"

/** What the story of a simulation comes to. */
export const report = (world: World.World, plan: Plan, { heldBack, messages, sessions }: Story): Report => {
  const number = (how: Course["end"]) => messages.filter((course) => course.end === how).length
  const delays = messages.flatMap((course) => (course.end === "delivered" ? [delayOf(course)] : [])).toSorted(ascending)
  return {
    world: world.name,
    seed: plan.seed,
    messages: messages.map(({ attempts, copies, end, endedAt, sentAt }) => ({
      sentAt,
      attempts,
      end,
      endedAt,
      copies
    })),
    delivered: delays.length,
    failed: number("failed"),
    held: number("held"),
    pending: number("pending"),
    attempts: sessions.length,
    heldBack,
    duplicates: messages.reduce((sum, { copies }) => sum + Math.max(0, copies - 1), 0),
    sla: { within: plan.sla, kept: firstAfter(delays, plan.sla) },
    delay: percentiles(delays),
    load: load(sessions)
  }
}

const delayOf = (self: Message): number => (self.endedAt ?? self.sentAt) - self.sentAt

const ascending = (a: number, b: number): number => a - b

const percentiles = (sorted: ReadonlyArray<number>): Percentiles | undefined => {
  const rank = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? 0
  return sorted.length === 0 ? undefined : { p50: rank(0.5), p95: rank(0.95), p99: rank(0.99), max: rank(1) }
}

// The bins of a chart: as fine as a minute, and never more than 120 of them.
const load = (sessions: ReadonlyArray<Session>): Load => {
  const last = sessions.at(-1)?.at ?? 0
  const bin = Math.max(60_000, Math.ceil((last + 1) / 120))
  const attempts = Array.from({ length: Math.floor(last / bin) + 1 }, () => 0)
  for (const { at } of sessions) {
    const index = Math.floor(at / bin)
    attempts[index] = (attempts[index] ?? 0) + 1
  }
  const peak = attempts.reduce((most, some) => Math.max(most, some), 0)
  return { bin, attempts, peak, sessions: mostAtOnce(sessions) }
}

const mostAtOnce = (sessions: ReadonlyArray<Session>): number => {
  const ends = sessions.map(({ until }) => until).toSorted(ascending)
  let [ended, most] = [0, Math.min(1, sessions.length)]
  sessions.forEach(({ at }, begun) => {
    while ((ends[ended] ?? Infinity) <= at) ended++
    most = Math.max(most, begun + 1 - ended)
  })
  return most
}
