import * as Failure from "@effect-mail/protocol/Failure"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as RateLimiter from "effect/persistence/RateLimiter"
import type { Alarm } from "../Alarm.ts"
import * as DeliveryEvent from "../DeliveryEvent.ts"
import type { Rate } from "../Limits.ts"
import * as Metrics from "../PolicyMetrics.ts"
import * as RetryHint from "../RetryHint.ts"
import * as Trace from "../Trace.ts"
import { breakers } from "./breakers.ts"
import { signalOf } from "./signal.ts"
import * as Site from "./site.ts"

/** Where an attempt that succeeds as an effect says that it has failed as a delivery. */
export type FailureOf<A> = ((value: A) => Failure.Failure | undefined) | undefined

/** Runs attempts within the limits of a site, and learns from how they end. */
export const makeGate = Effect.fnUntraced(function* (alarm: Alarm, siteOf: (name: string) => Site.Site | undefined) {
  const limiter = yield* RateLimiter.make
  const scope = yield* Effect.scope
  // A breaker belongs to nobody's attempt; who attempted something there last is told.
  const breakerFor = yield* breakers(({ from, key, to }) => {
    const told = DeliveryEvent.publish(DeliveryEvent.breakerChanged({ about: key, from, to }))
    const observer = siteOf(key)?.observer
    return observer === undefined ? told : Effect.provideService(told, DeliveryEvent.Observer, observer)
  })

  // Enter, run, leave, learn: for one run. This is the hot path: no clock and no lock, and a finalizer that is there before
  // anything is taken, so that no interruption can come between.
  const direct = <A, E, R>(
    site: Site.Site,
    attempt: Effect.Effect<A, E, R>,
    failureOf: FailureOf<A>,
    watched: boolean
  ): Effect.Effect<A, E | Failure.Unreachable, R> => {
    let turn: Site.Turn | undefined
    let begun = false
    const begin = (): Effect.Effect<A, E, R> => {
      begun = true
      return attempt
    }
    return Effect.onExitPrimitive(
      Effect.withFiber((fiber): Effect.Effect<A, E | Failure.Unreachable, R> => {
        if (Site.enter(site)) return begin()
        const now = fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()
        const place = Site.getInLine(site, now + Duration.toMillis(site.limits.patience))
        turn = place
        return Effect.flatMap(itsTurn(site, place, fiber, now), (came): Effect.Effect<A, E | Failure.Unreachable, R> =>
          came ? begin() : tooBusy(site, place)
        )
      }),
      (exit) => {
        if (turn !== undefined) leaveLine(site, turn)
        else if (begun) Site.leave(site)
        return begun ? settle(site, exit, failureOf, watched) : undefined
      }
    )
  }

  // Whether its turn has come. Thousands may be waiting here, so that a wait holds on to as little as possible.
  const itsTurn = (
    site: Site.Site,
    turn: Site.Turn,
    fiber: Fiber.Fiber<unknown, unknown>,
    now: number
  ): Effect.Effect<boolean> => {
    const waiting = Trace.within(fiber, "Throttle.wait", () => Site.comes(turn))
    return turn.until < site.watchedUntil
      ? Effect.andThen(Effect.uninterruptible(watch(site, turn.until, now)), waiting)
      : waiting
  }

  const tooBusy = (site: Site.Site, turn: Site.Turn): Effect.Effect<never, Failure.Unreachable> =>
    refuse(site, "4.4.5", `all connections to ${nameOf(site)} are busy`, Site.busyFor(site, turn))

  // One fiber watches over the patience of the whole line, because a timeout for everybody in it would cost more than the
  // wait. It ends when nobody is left, or when another one watches for an earlier time.
  const watch = (site: Site.Site, until: number, now: number): Effect.Effect<void> => {
    Site.unwatch(site)
    site.watchedUntil = until
    return Effect.map(Effect.forkIn(watching(site, until, now), scope, { startImmediately: true }), (fiber) => {
      site.watcher = fiber
    })
  }

  const leaveLine = (site: Site.Site, turn: Site.Turn): void => {
    Site.leaveLine(site, turn)
    if (site.line.size === 0) Site.unwatch(site)
  }

  const watching = Effect.fnUntraced(function* (site: Site.Site, until: number, from: number) {
    let now = from
    let next = until
    while (next < Infinity) {
      yield* Effect.sleep(Duration.millis(next - now))
      if (site.watchedUntil !== next) return
      now = yield* Clock.currentTimeMillis
      next = Site.dismiss(site, now)
      site.watchedUntil = next
    }
  })

  const guarded = <A, E, R>(
    site: Site.Site,
    attempt: Effect.Effect<A, E, R>,
    failureOf: FailureOf<A>,
    watched: boolean
  ): Effect.Effect<A, E | Failure.Unreachable, R> =>
    Effect.andThen(admit(site), direct(site, attempt, failureOf, watched))

  const careful = Effect.fnUntraced(function* <A, E, R>(
    site: Site.Site,
    attempt: Effect.Effect<A, E, R>,
    failureOf: FailureOf<A>
  ): Effect.fn.Return<A, E | Failure.Unreachable, R> {
    if (!site.troubled) return yield* guarded(site, attempt, failureOf, false)
    site.observer = yield* DeliveryEvent.Observer
    const breaker = yield* breakerFor(site.limits.breaker)
    // The exit is a value, so that the breaker's own errors cannot be taken for the attempt's.
    const exit = yield* guarded(site, attempt, failureOf, true).pipe(
      Effect.exit,
      breaker.execute({
        key: site.name,
        classify: (ended) => (Exit.isSuccess(ended) ? outcomeOf(ended.value, failureOf) : CircuitBreaker.ignored)
      }),
      Effect.catch((error) => closed(site, error))
    )
    return yield* exit
  })

  const closed = (site: Site.Site, { reason }: CircuitBreaker.CircuitBreakerError) =>
    reason._tag === "CircuitOpen"
      ? refuse(
          site,
          "4.4.1",
          `${nameOf(site)} is resting, because of this: ${site.trouble ?? "it cannot be reached"}`,
          reason.retryAfter
        )
      : refuse(site, "4.4.1", `${nameOf(site)} is being tried with one attempt`, site.limits.breaker.rest)

  // What must be waited for before the attempt may get in line; the waits together are no longer than the patience.
  const admit = Effect.fnUntraced(function* (site: Site.Site): Effect.fn.Return<void, Failure.Unreachable> {
    const started = yield* Clock.currentTimeMillis
    const until = started + Duration.toMillis(site.limits.patience)
    yield* rested(site, until)
    for (const rate of site.limits.rates) yield* within(site, rate, until)
  })

  const rested = Effect.fnUntraced(function* (
    site: Site.Site,
    until: number
  ): Effect.fn.Return<void, Failure.Unreachable> {
    // Again after a wait: somebody who woke up earlier may have been asked for less meanwhile.
    while (site.restUntil > 0) {
      const left = Duration.millis(Math.max(0, site.restUntil - (yield* Clock.currentTimeMillis)))
      if (Duration.isZero(left)) site.restUntil = 0
      else yield* pause(site, left, until, `${nameOf(site)} has asked for less mail`)
    }
  })

  const within = Effect.fnUntraced(function* (
    site: Site.Site,
    { algorithm, limit, window }: Rate,
    until: number
  ): Effect.fn.Return<void, Failure.Unreachable> {
    // Mail under another policy has a rate of its own.
    const key = `${site.name}/${limit}/${Duration.toMillis(window)}/${algorithm}`
    while (true) {
      const left = yield* limiter.consume({ key, limit, window, algorithm, onExceeded: "fail" }).pipe(
        Effect.as(Duration.zero),
        // A store that does not answer limits nothing: mail goes on.
        Effect.catch(({ reason }) =>
          reason._tag === "RateLimitExceeded"
            ? Effect.succeed(Duration.max(reason.retryAfter, Duration.millis(1)))
            : Effect.as(Effect.logWarning("The rate limiter's store does not answer", reason), Duration.zero)
        )
      )
      if (Duration.isZero(left)) return
      yield* pause(
        site,
        left,
        until,
        `${nameOf(site)} gets no more than ${limit} messages in ${Duration.format(window)}`
      )
    }
  })

  const pause = Effect.fnUntraced(function* (
    site: Site.Site,
    left: Duration.Duration,
    until: number,
    why: string
  ): Effect.fn.Return<void, Failure.Unreachable> {
    const now = yield* Clock.currentTimeMillis
    if (now + Duration.toMillis(left) > until) return yield* refuse(site, "4.4.5", why, left)
    yield* Metric.update(Metrics.throttleWaitSeconds, Duration.toSeconds(left))
    yield* Trace.withSpan("Throttle.wait", () => Effect.sleep(left))
  })

  const settle = <A, E>(
    site: Site.Site,
    exit: Exit.Exit<A, E>,
    failureOf: FailureOf<A>,
    watched: boolean
  ): Effect.Effect<void> | undefined => {
    const failure = failureIn(exit, failureOf)
    if (failure === undefined) return Exit.isFailure(exit) || site.steady ? undefined : succeeded(site, watched)
    const signal = signalOf(failure)
    if (signal === "ours") return undefined
    if (signal === "lost") return failing(site, failure)
    if (signal !== "well") return failed(site, failure, signal, watched)
    return failure._tag === "PermFailure" ? succeeded(site, watched) : answered(site, failure, watched)
  }

  const succeeded = (site: Site.Site, watched: boolean): Effect.Effect<void> => {
    Site.succeed(site, watched)
    return alarm.succeeded(site.name)
  }

  // Somebody is there, and yet the mail does not get through: nothing to be slow about, but something to be told of.
  const answered = (site: Site.Site, failure: Failure.Failure, watched: boolean): Effect.Effect<void> => {
    Site.succeed(site, watched)
    return failing(site, failure)
  }

  const failing = (site: Site.Site, failure: Failure.Failure): Effect.Effect<void> => {
    site.steady = false
    return Effect.flatMap(Clock.currentTimeMillis, (now) => alarm.failed(site.name, failure, now))
  }

  const failed = Effect.fnUntraced(function* (
    site: Site.Site,
    failure: Failure.Failure,
    signal: "down" | "slow",
    watched: boolean
  ) {
    yield* failing(site, failure)
    if (signal === "slow") return yield* slow(site, failure, yield* Clock.currentTimeMillis)
    site.trouble = failure.reason
    Site.shrink(site)
    if (!watched) yield* trouble(site)
  })

  const slow = (site: Site.Site, failure: Failure.Failure, now: number): Effect.Effect<void> => {
    const rest = Site.slowDown(site, now, RetryHint.fromFailure(failure) ?? Duration.zero)
    if (rest === undefined) return Effect.void
    Site.halve(site)
    return DeliveryEvent.publish(DeliveryEvent.slowedDown({ about: site.name, failure, rest }))
  }

  // From the first failure on the breaker is asked; until then it costs nothing. It hears of this failure now.
  const trouble = Effect.fnUntraced(function* (site: Site.Site) {
    site.troubled = true
    site.observer = yield* DeliveryEvent.Observer
    const breaker = yield* breakerFor(site.limits.breaker)
    const failing = breaker.execute(Effect.void, { key: site.name, classify: () => CircuitBreaker.failure() })
    const state = yield* Effect.option(breaker.state(site.name))
    if (Option.isSome(state) && state.value._tag === "Closed") yield* Effect.ignore(failing)
  })

  const refuse = (site: Site.Site, enhanced: string, why: string, after: Duration.Duration) => {
    const failure = refusal(site, enhanced, why, after)
    return Effect.andThen(
      DeliveryEvent.publish(DeliveryEvent.refused({ about: site.name, failure })),
      Effect.fail(failure)
    )
  }

  return {
    run: <A, E, R>(
      site: Site.Site,
      attempt: Effect.Effect<A, E, R>,
      failureOf: FailureOf<A>
    ): Effect.Effect<A, E | Failure.Unreachable, R> =>
      Site.isFree(site) ? direct(site, attempt, failureOf, false) : careful(site, attempt, failureOf)
  }
})

const failureIn = <A, E>(exit: Exit.Exit<A, E>, failureOf: FailureOf<A>): Failure.Failure | undefined => {
  if (Exit.isSuccess(exit)) return failureOf?.(exit.value)
  const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  return Failure.isFailure(error) ? error : undefined
}

// What is not a failure of the destination says nothing about it: our own refusal, a defect, an interruption.
const outcomeOf = <A, E>(exit: Exit.Exit<A, E>, failureOf: FailureOf<A>): CircuitBreaker.Outcome => {
  const failure = failureIn(exit, failureOf)
  if (failure === undefined) return Exit.isSuccess(exit) ? CircuitBreaker.success : CircuitBreaker.ignored
  return outcomes[signalOf(failure)]
}

const outcomes = {
  down: CircuitBreaker.failure(),
  slow: CircuitBreaker.success,
  well: CircuitBreaker.success,
  lost: CircuitBreaker.ignored,
  ours: CircuitBreaker.ignored
}

const nameOf = ({ name }: Site.Site): string => name.slice(name.indexOf(":") + 1)

const refusal = (site: Site.Site, enhanced: string, why: string, after: Duration.Duration): Failure.Unreachable => {
  const kind = site.name.slice(0, site.name.indexOf(":"))
  return Failure.unreachable({
    stage: "policy",
    scope: kind === "host" || kind === "relay" ? kind : "domain",
    // Another host of the domain may belong to somebody else.
    next: kind === "host" || kind === "provider" ? "host" : "later",
    enhanced,
    // The time comes first, because what follows may quote a server that names another one.
    reason: `not tried, try again in ${Math.max(1, Math.ceil(Duration.toSeconds(after)))} seconds: ${why}`,
    host: kind === "host" ? nameOf(site) : undefined
  })
}
