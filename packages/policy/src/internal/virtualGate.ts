/**
 * The limits of one destination as `gate.ts` keeps them, for an event queue with a time of its own instead of fibers that
 * wait: `admit` says how long nothing is let in, and does not wait. A test holds the two against each other.
 */
import type { Failure } from "@effect-mail/protocol/Failure"
import * as Duration from "effect/Duration"
import * as Limits from "../Limits.ts"
import * as RetryHint from "../RetryHint.ts"
import { type Signal, signalOf } from "./signal.ts"
import * as Site from "./site.ts"

/** What an attempt was let in with: whether the breaker watches it, and in which of its lives. */
export interface Ticket {
  readonly watched: boolean
  readonly life: number
}

/** How long nothing is let in, in milliseconds. */
export type Wait = number

export interface VirtualGate {
  readonly site: Site.Site
  readonly admit: (now: number) => Ticket | Wait
  /** Gives back a ticket that was not used. */
  readonly release: (ticket: Ticket, now: number) => void
  /** Ends what a ticket let in, and learns from how it ended. */
  readonly leave: (ticket: Ticket, failure: Failure | undefined, now: number) => void
  /** The time of the last event. */
  readonly now: () => number
}

export const make = (limits: Limits.Limits): VirtualGate => {
  const site = Site.make("destination", limits)
  const breaker = makeBreaker(limits.breaker)
  let clock = 0
  const rates = limits.rates.map((rate) => (rate.algorithm === "token-bucket" ? bucket(rate) : counter(rate)))

  const admit = (now: number): Ticket | Wait => {
    const watched = site.troubled
    const closed = watched ? breaker.admit(now) : 0
    if (closed > 0) return closed
    const ticket = { watched, life: breaker.life() }
    const wait = site.restUntil > now ? site.restUntil - now : consume(now)
    if (wait === 0) return ticket
    release(ticket, now)
    return wait
  }

  // What one rate lets in and a later one refuses is used up, as it is in reality.
  const consume = (now: number): Wait => {
    site.restUntil = 0
    for (const rate of rates) {
      const wait = rate(now)
      if (wait > 0) return Math.max(1, Math.ceil(wait))
    }
    return 0
  }

  const release = (ticket: Ticket, now: number): void => {
    if (ticket.watched) breaker.record(ticket, "ours", now)
  }

  const leave = (ticket: Ticket, failure: Failure | undefined, now: number): void => {
    clock = now
    Site.leave(site)
    const signal = failure === undefined ? "well" : signalOf(failure)
    if (ticket.watched) breaker.record(ticket, signal, now)
    if (signal === "well") return Site.succeed(site, ticket.watched)
    if (signal === "slow" && failure !== undefined) return slow(failure, now)
    if (signal === "down") down(ticket, now)
  }

  const slow = (failure: Failure, now: number): void => {
    const hint = RetryHint.fromFailure(failure) ?? Duration.zero
    if (Site.slowDown(site, now, hint) !== undefined) Site.halve(site)
  }

  const down = (ticket: Ticket, now: number): void => {
    Site.shrink(site)
    if (ticket.watched) return
    site.troubled = true
    if (!breaker.isClosed()) return
    // Whoever is let in has old openings forgotten, once their time is up.
    breaker.admit(now)
    breaker.record({ watched: true, life: breaker.life() }, "down", now)
  }

  return { site, admit, release, leave, now: () => clock }
}

// How long a rate lets nothing in; 0 when it has just let one in. The laws are those of Effect's `RateLimiter`.
const bucket = ({ limit, window }: Limits.Rate) => {
  const interval = Duration.toMillis(window) / limit
  let [tokens, since] = [limit, 0]
  return (now: number): Wait => {
    const gained = Math.floor((now - since) / interval)
    tokens = Math.min(limit, tokens + gained)
    since = tokens === limit ? now : since + gained * interval
    if (tokens === 0) return interval - (now - since)
    tokens--
    return 0
  }
}

const counter = ({ limit, window }: Limits.Rate) => {
  const interval = Duration.toMillis(window) / limit
  let [count, end] = [0, 0]
  return (now: number): Wait => {
    if (end <= now) [count, end] = [0, now]
    if (count === limit) return end - now
    count++
    end += interval
    return 0
  }
}

// Effect's circuit breaker, without its store.
const makeBreaker = (limits: Limits.Breaker) => {
  let state: "Closed" | "Open" | "HalfOpen" = "Closed"
  let [life, streak, openUntil, openings, rest, forgetAt] = [0, 0, 0, 0, 0, 0]
  let probing = false

  const turn = (to: typeof state): void => {
    state = to
    life++
    streak = 0
    probing = false
  }

  const open = (now: number): void => {
    turn("Open")
    openings++
    rest = Duration.toMillis(Limits.restFor(limits, openings))
    openUntil = now + rest
  }

  const close = (now: number): void => {
    turn("Closed")
    forgetAt = now + rest
  }

  return {
    life: () => life,
    isClosed: () => state === "Closed",
    admit: (now: number): Wait => {
      if (state === "Open" && now < openUntil) return openUntil - now
      if (probing) return Duration.toMillis(limits.rest)
      if (state === "Closed") {
        if (now >= forgetAt) openings = 0
        return 0
      }
      turn("HalfOpen")
      probing = true
      return 0
    },
    record: (ticket: Ticket, signal: Signal, now: number): void => {
      if (ticket.life !== life) return
      if (signal === "ours" || signal === "lost") {
        probing = false
        return
      }
      if (state === "HalfOpen") return signal === "down" ? open(now) : close(now)
      streak = signal === "down" ? streak + 1 : 0
      if (streak >= limits.failures) open(now)
    }
  }
}
