import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { DeliveryEvent } from "../DeliveryEvent.ts"
import * as Limits from "../Limits.ts"

/** What a throttle knows of one destination. It belongs to one throttle, which writes it in one fiber at a time. */
export interface Site {
  readonly name: string
  /** Those of the last attempt's policy. */
  limits: Limits.Limits
  /** Who waits for room, the first one first. */
  readonly line: Set<Turn>
  /** How many attempts may run at once; the whole part of it counts. */
  window: number
  /** How many run, and how many have ended. */
  running: number
  ended: number
  /** Whether its breaker must be asked, because a session has failed and none has succeeded since. */
  troubled: boolean
  /** Why the last session could not be had. */
  trouble: string | undefined
  /** How often in a row it asked for less, and until when nothing is sent there; 0 for never. */
  slowed: number
  restUntil: number
  /** Whether a success changes nothing. */
  steady: boolean
  /** When the patience of somebody in the line ends first, as far as it is watched; Infinity while it is not. */
  watchedUntil: number
  watcher: Fiber.Fiber<unknown> | undefined
  /** Who was told of the last attempt in trouble. */
  observer: ((event: DeliveryEvent) => Effect.Effect<void>) | undefined
}

export const make = (name: string, limits: Limits.Limits): Site => ({
  name,
  limits,
  line: new Set(),
  window: limits.concurrency.initial,
  running: 0,
  ended: 0,
  troubled: false,
  trouble: undefined,
  slowed: 0,
  restUntil: 0,
  steady: limits.concurrency.initial === limits.concurrency.maximum,
  watchedUntil: Infinity,
  watcher: undefined,
  observer: undefined
})

/** Who may be forgotten: of those with nobody there the first one, rather one with nothing to remember. */
export const expendable = (sites: Iterable<Site>): Site | undefined => {
  let empty: Site | undefined
  for (const site of sites) {
    if (isIdle(site)) return site
    if (empty === undefined && isEmpty(site)) empty = site
  }
  return empty
}

/** Holds the next attempt to other limits. How many run at once is remembered: it is what the destination can bear. */
export const limit = (self: Site, limits: Limits.Limits): void => {
  self.limits = limits
  self.steady = false
}

/** Whether nothing but the concurrency limits an attempt now. */
export const isFree = (self: Site): boolean => !self.troubled && self.restUntil === 0 && self.limits.rates.length === 0

/** Whether nobody is there. */
export const isEmpty = (self: Site): boolean => self.running === 0 && self.line.size === 0

/** Whether nothing would be forgotten with it. */
export const isIdle = (self: Site): boolean => isEmpty(self) && !self.troubled && self.slowed === 0

/**
 * Somebody is there, as an attempt has found out that was `watched` by the breaker or not: more at once, by one with each
 * round of successes (Postfix: + 1/N each).
 */
export const succeed = (self: Site, watched: boolean): void => {
  if (watched) self.troubled = false
  self.slowed = Math.max(0, self.slowed - 1)
  const { maximum } = self.limits.concurrency
  if (self.window < maximum) resize(self, Math.min(self.window + 1 / self.window, maximum))
  self.steady = !self.troubled && self.slowed === 0 && self.window >= maximum
}

/** Less at once: by one with each round of failures. */
export const shrink = (self: Site): void => resize(self, self.window - 1 / self.window)

/** Half of it at once. */
export const halve = (self: Site): void => resize(self, self.window / 2)

const resize = (self: Site, window: number): void => {
  self.window = Math.max(1, window)
  callNext(self)
}

const isFull = (self: Site): boolean => self.running + 1 > Math.min(self.window, self.limits.concurrency.maximum)

/** Enters when there is room; nobody waits then, because room is given away at once. */
export const enter = (self: Site): boolean => {
  if (isFull(self)) return false
  self.running++
  return true
}

/** Makes room. */
export const leave = (self: Site): void => {
  self.running--
  self.ended++
  callNext(self)
}

/** A place in the line; whoever has been called runs. */
export interface Turn {
  /** How many had ended when it got in line. */
  readonly ended: number
  /** When its patience ends, in milliseconds since the epoch. */
  readonly until: number
  called: boolean
  /** Whether its patience has ended. */
  late: boolean
  resume: ((came: boolean) => void) | undefined
}

export const getInLine = (self: Site, until: number): Turn => {
  const turn: Turn = { ended: self.ended, until, called: false, late: false, resume: undefined }
  self.line.add(turn)
  callNext(self)
  return turn
}

/** Waits until a turn comes, or until its patience has ended (`dismiss`): whether it has come. */
export const comes = (turn: Turn): Effect.Effect<boolean> =>
  Effect.callback((resume) => {
    if (turn.called || turn.late) resume(Effect.succeed(turn.called))
    else turn.resume = (came) => resume(Effect.succeed(came))
  })

/** Watches no longer, so that no timer is left behind. */
export const unwatch = (self: Site): void => {
  self.watcher?.interruptUnsafe()
  self.watcher = undefined
  self.watchedUntil = Infinity
}

/** Sends away whose patience has ended; gives when that of somebody else ends, or Infinity. */
export const dismiss = (self: Site, now: number): number => {
  let next = Infinity
  for (const turn of self.line) {
    if (turn.until > now) next = Math.min(next, turn.until)
    else {
      turn.late = true
      turn.resume?.(false)
    }
  }
  return next
}

export const leaveLine = (self: Site, turn: Turn): void => {
  if (turn.called) leave(self)
  else self.line.delete(turn)
}

const callNext = (self: Site): void => {
  for (const turn of self.line) {
    if (isFull(self)) return
    self.line.delete(turn)
    self.running++
    turn.called = true
    turn.resume?.(true)
  }
}

/** It asked for less at `now`: how long it is left alone, unless that is so already. */
export const slowDown = (self: Site, now: number, hint: Duration.Duration): Duration.Duration | undefined => {
  if (now < self.restUntil) return undefined
  self.slowed++
  const rest = Duration.max(hint, Limits.restFor(self.limits.breaker, self.slowed))
  self.restUntil = now + Duration.toMillis(rest)
  return rest
}

/**
 * When a turn will come that has not come within the patience, going by how many have ended meanwhile and how many still
 * wait: an hour at most.
 */
export const busyFor = (self: Site, turn: Turn): Duration.Duration => {
  const rounds = self.line.size / Math.max(1, self.ended - turn.ended)
  return Duration.min(Duration.times(self.limits.patience, Math.max(1, rounds)), Duration.hours(1))
}
