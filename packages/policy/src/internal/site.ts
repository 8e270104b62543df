import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Limits from "../Limits.ts"

/** What a throttle knows of one destination. It belongs to one throttle, which writes it in one fiber at a time. */
export interface Site {
  readonly name: string
  readonly limits: Limits.Limits
  /** Who waits for room, the first one first. */
  readonly line: Set<Turn>
  /** How many attempts may run at once; the whole part of it counts. */
  window: number
  /** How many run. */
  running: number
  /** Whether its breaker must be asked, because a session has failed and none has succeeded since. */
  troubled: boolean
  /** How often in a row it asked for less, and until when nothing is sent there; 0 for never. */
  slowed: number
  restUntil: number
  /** Whether a success changes nothing. */
  steady: boolean
}

export const make = (name: string, limits: Limits.Limits): Site => ({
  name,
  limits,
  line: new Set(),
  window: limits.concurrency.initial,
  running: 0,
  troubled: false,
  slowed: 0,
  restUntil: 0,
  steady: limits.concurrency.initial === limits.concurrency.maximum
})

/** Whether nothing but the concurrency limits an attempt now. */
export const isFree = (self: Site): boolean => !self.troubled && self.restUntil === 0 && self.limits.rates.length === 0

/** Whether nothing would be forgotten with it. */
export const isIdle = (self: Site): boolean =>
  self.running === 0 && self.line.size === 0 && !self.troubled && self.slowed === 0

/** More at once: by one with each round of successes (Postfix: + 1/N each). */
export const grow = (self: Site): void => resize(self, self.window + 1 / self.window)

/** Less at once: by one with each round of failures. */
export const shrink = (self: Site): void => resize(self, self.window - 1 / self.window)

/** Half of it at once. */
export const halve = (self: Site): void => resize(self, self.window / 2)

const resize = (self: Site, window: number): void => {
  self.window = Math.min(Math.max(1, window), self.limits.concurrency.maximum)
  callNext(self)
}

/** Enters when there is room; nobody waits then, because room is given away at once. */
export const enter = (self: Site): boolean => {
  if (self.running + 1 > self.window) return false
  self.running++
  return true
}

/** Makes room. */
export const leave = (self: Site): void => {
  self.running--
  callNext(self)
}

/** A place in the line; whoever has been called runs. */
export interface Turn {
  called: boolean
  resume: (() => void) | undefined
}

export const getInLine = (self: Site): Turn => {
  const turn: Turn = { called: false, resume: undefined }
  self.line.add(turn)
  callNext(self)
  return turn
}

/** Waits until a turn comes. */
export const comes = (turn: Turn): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (turn.called) resume(Effect.void)
    else turn.resume = () => resume(Effect.void)
  })

export const leaveLine = (self: Site, turn: Turn): void => {
  if (turn.called) leave(self)
  else self.line.delete(turn)
}

const callNext = (self: Site): void => {
  for (const turn of self.line) {
    if (self.running + 1 > self.window) return
    self.line.delete(turn)
    self.running++
    turn.called = true
    turn.resume?.()
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
