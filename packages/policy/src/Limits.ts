/**
 * How fast and how much at once, as data: what `Throttle` keeps to for one host, domain, provider or relay. Limits protect
 * the other side and our reputation there; they lose no mail, because what they hold back is no attempt (CLASS-15).
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import { type Checked, count, mistake, time } from "./internal/checks.ts"
import type { PolicyError } from "./PolicyError.ts"

/**
 * At most `limit` attempts in each `window`. A `token-bucket` lets an attempt through every `window / limit` and saves up
 * to `limit` of them; a `fixed-window` counts anew in each window.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rate {
  readonly limit: number
  readonly window: Duration.Duration
  readonly algorithm: "token-bucket" | "fixed-window"
}

/**
 * How many attempts run at once: `initial` ones at first, more with every success up to `maximum`, fewer with every
 * connection that fails, and never less than one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Concurrency {
  readonly initial: number
  readonly maximum: number
}

/**
 * When a destination is left alone: after this number of `failures` in a row to get a session, for `rest` times the square
 * of how often that has happened in a row, up to `longestRest`. Then one attempt is let through to see.
 *
 * @category models
 * @since 0.1.0
 */
export interface Breaker {
  readonly failures: number
  readonly rest: Duration.Duration
  readonly longestRest: Duration.Duration
}

/**
 * The limits for one destination.
 *
 * @category models
 * @since 0.1.0
 */
export interface Limits {
  /** All of them hold at the same time; they are in order of their windows. */
  readonly rates: ReadonlyArray<Rate>
  readonly concurrency: Concurrency
  readonly breaker: Breaker
  /** How long an attempt waits in place for its turn; when its turn is later, it fails at stage "policy" at once. */
  readonly patience: Duration.Duration
}

/**
 * What `make` accepts; everything has a default.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Default: none. The algorithm is a token bucket unless it is said. */
  readonly rates?:
    | ReadonlyArray<{
        readonly limit: number
        readonly window: Duration.Input
        readonly algorithm?: Rate["algorithm"] | undefined
      }>
    | undefined
  /** Default: 5 at first and 20 at most (Postfix). */
  readonly concurrency?:
    | {
        readonly initial?: number | undefined
        readonly maximum?: number | undefined
      }
    | undefined
  /** Default: after 5 failures in a row, for 15 seconds times the square, up to 1 hour (OpenSMTPD). */
  readonly breaker?:
    | {
        readonly failures?: number | undefined
        readonly rest?: Duration.Input | undefined
        readonly longestRest?: Duration.Input | undefined
      }
    | undefined
  /** Default: 10 seconds. */
  readonly patience?: Duration.Input | undefined
}

/**
 * Makes limits. Fails with a `PolicyError` when a number is not whole and from 1, `initial` is above `maximum`, or a time
 * is not finite and longer than zero.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Result.Result<Limits, PolicyError> =>
  Result.gen(function* () {
    return {
      rates: (yield* Result.all((options.rates ?? []).map(rate))).toSorted(byWindow),
      concurrency: yield* concurrency(options.concurrency),
      breaker: {
        failures: yield* count("limits.breaker.failures", options.breaker?.failures ?? 5, 1),
        rest: yield* time("limits.breaker.rest", options.breaker?.rest ?? "15 seconds"),
        longestRest: yield* time("limits.breaker.longestRest", options.breaker?.longestRest ?? "1 hour")
      },
      patience: yield* time("limits.patience", options.patience ?? "10 seconds")
    }
  })

/**
 * What `make` needs for these limits with some of them changed: everything that is not given stays as it was, to the single
 * number. With a lower maximum alone, no more than that run at first.
 *
 * @category combinators
 * @since 0.1.0
 */
export const change = (self: Limits, { breaker, concurrency, patience, rates }: Options): Options => {
  const maximum = concurrency?.maximum ?? self.concurrency.maximum
  return {
    rates: rates ?? self.rates,
    concurrency: { initial: concurrency?.initial ?? Math.min(self.concurrency.initial, maximum), maximum },
    breaker: {
      failures: breaker?.failures ?? self.breaker.failures,
      rest: breaker?.rest ?? self.breaker.rest,
      longestRest: breaker?.longestRest ?? self.breaker.longestRest
    },
    patience: patience ?? self.patience
  }
}

// An attempt that a later rate refuses has used up the earlier ones, which matters least for the short windows.
const byWindow = (a: Rate, b: Rate) => Duration.Order(a.window, b.window)

const rate = (input: NonNullable<Options["rates"]>[number], index: number): Checked<Rate> =>
  Result.gen(function* () {
    return {
      limit: yield* count(`limits.rates[${index}].limit`, input.limit, 1),
      window: yield* time(`limits.rates[${index}].window`, input.window),
      algorithm: input.algorithm ?? "token-bucket"
    }
  })

const concurrency = (input: Options["concurrency"] = {}): Checked<Concurrency> =>
  Result.gen(function* () {
    const maximum = yield* count("limits.concurrency.maximum", input.maximum ?? 20, 1)
    const initial = yield* count("limits.concurrency.initial", input.initial ?? Math.min(5, maximum), 1)
    return initial <= maximum
      ? { initial, maximum }
      : yield* mistake("limits.concurrency.initial", `must be at most the maximum of ${maximum}, not ${initial}`)
  })

/**
 * How long a destination is left alone when that happens for the n-th time in a row, `times` counted from 1.
 *
 * @category getters
 * @since 0.1.0
 */
export const restFor = (breaker: Breaker, times: number): Duration.Duration =>
  Duration.min(Duration.times(breaker.rest, times * times), breaker.longestRest)
