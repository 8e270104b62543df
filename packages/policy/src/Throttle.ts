/**
 * Keeps attempts within the limits of their destination: how many in a time, how many at once, and none at all for a while
 * when nobody answers there or a server asks for less. What may not pass now fails at stage "policy", which is no attempt
 * (CLASS-15), and says in its words when to try again. An attempt is any effect, so a throttle stands around a host, a
 * domain, a provider or a relay alike.
 *
 * Everything recovers by itself: the concurrency grows with each success, a rest ends, and then a single attempt is let
 * through to see whether the destination is well again.
 *
 * @since 0.1.0
 */
import * as Failure from "@effect-mail/protocol/Failure"
import type { Outcome } from "@effect-mail/protocol/Receipt"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as PartitionedSemaphore from "effect/PartitionedSemaphore"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as RateLimiter from "effect/persistence/RateLimiter"
import * as Alarm from "./Alarm.ts"
import { type Checked, count } from "./internal/checks.ts"
import { makeGate } from "./internal/gate.ts"
import { signalOf } from "./internal/signal.ts"
import * as Site from "./internal/site.ts"
import type { Limits } from "./Limits.ts"
import * as Policy from "./Policy.ts"
import type { PolicyError } from "./PolicyError.ts"
import * as Provider from "./Provider.ts"

/**
 * What limits are kept for: one host, one recipient domain, one provider or one relay.
 *
 * @category models
 * @since 0.1.0
 */
export type Key = `${"host" | "domain" | "provider" | "relay"}:${string}`

/**
 * The key of a host, by its name, in any case.
 *
 * @category constructors
 * @since 0.1.0
 */
export const host = (name: string): Key => `host:${name.toLowerCase()}`

/**
 * The key of a recipient domain, in any case.
 *
 * @category constructors
 * @since 0.1.0
 */
export const domain = (name: string): Key => `domain:${name.toLowerCase()}`

/**
 * The key of a provider.
 *
 * @category constructors
 * @since 0.1.0
 */
export const provider = ({ name }: Provider.Provider): Key => `provider:${name}`

/**
 * The key of a relay, by any name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const relay = (name: string): Key => `relay:${name.toLowerCase()}`

/**
 * How a destination stands: how many attempts may run at once, how many do or wait, since when it has been failing and
 * until when it rests because it asked for less, in milliseconds since the epoch.
 *
 * @category models
 * @since 0.1.0
 */
export interface Standing {
  readonly concurrency: number
  readonly active: number
  readonly failingSince: number | undefined
  readonly restsUntil: number | undefined
}

/**
 * Where an attempt that succeeds as an effect says that it has failed as a delivery, such as in its outcomes.
 *
 * @category models
 * @since 0.1.0
 */
export interface AroundOptions<A> {
  readonly failureOf?: ((value: A) => Failure.Failure | undefined) | undefined
}

/**
 * What the outcomes of an attempt say about the destination, for `AroundOptions`: the failure that asks for less, if there
 * is one; nothing when somebody was accepted; and else the failure that weighs most (`Failure.combine`).
 *
 * @category getters
 * @since 0.1.0
 */
export const failureOf = (outcomes: ReadonlyArray<Outcome>): Failure.Failure | undefined => {
  const failures = outcomes.flatMap((outcome) => (outcome._tag === "Failed" ? outcome.failure : []))
  const [first, ...others] = failures
  if (first === undefined) return undefined
  const slow = failures.find((failure) => signalOf(failure) === "slow")
  return slow !== undefined || failures.length < outcomes.length ? slow : Failure.combine(first, ...others)
}

/**
 * Keeps attempts within limits.
 *
 * @category services
 * @since 0.1.0
 */
export class Throttle extends Context.Service<
  Throttle,
  {
    /**
     * Makes an attempt when its turn comes, within the patience of the limits. Fails with an `Unreachable` of stage
     * "policy" when it does not come: nothing was tried then. Throttles can stand around each other.
     */
    readonly around: <A>(
      key: Key,
      options?: AroundOptions<A>
    ) => <E, R>(attempt: Effect.Effect<A, E, R>) => Effect.Effect<A, E | Failure.Unreachable, R>
    /** How a destination stands; undefined when nothing is known of it. */
    readonly standing: (key: Key) => Effect.Effect<Standing | undefined>
  }
>()("@effect-mail/policy/Throttle") {}

/**
 * The settings of a throttle.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The limits for a key, asked for once. Default: what the attempt's `CurrentPolicy` says for that destination. */
  readonly limits?: ((key: Key) => Limits) | undefined
  /**
   * How many attempts run at once everywhere; they are shared out fairly among the keys. An attempt inside throttles around
   * each other counts once, under the key of the outermost. Default: no limit.
   */
  readonly total?: number | undefined
  /** How long nothing may get through somewhere before there is an alarm. Default: 1 hour. */
  readonly alarmAfter?: Duration.Input | undefined
  /** How many destinations are remembered; beyond it, one is forgotten for each new one, first those with nothing to remember. Default: 10,000. */
  readonly remembered?: number | undefined
}

/**
 * A throttle whose breakers and rates are kept in the given stores, such as Redis for a whole fleet. Fails with a
 * `PolicyError` when `total` or `remembered` is not a whole number from 1, or `alarmAfter` is not a finite time longer than
 * zero.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerNoDeps = (
  options: Options = {}
): Layer.Layer<Throttle, PolicyError, CircuitBreaker.CircuitBreakerStore | RateLimiter.RateLimiterStore> =>
  Layer.effect(Throttle, make(options))

/**
 * A throttle that keeps everything in the memory of this process.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Throttle, PolicyError> =>
  layerNoDeps(options).pipe(Layer.provide([CircuitBreaker.layerStoreMemory(), RateLimiter.layerStoreMemory]))

const limitsBy = (policy: Policy.Policy, key: Key, priority: Policy.Priority | undefined): Limits => {
  if (policy.overrides.length === 0) return policy.limits
  const [kind, name] = [key.slice(0, key.indexOf(":")), key.slice(key.indexOf(":") + 1)]
  if (kind === "domain") return Policy.forDestination(policy, { domain: name, priority }).limits
  if (kind === "host") return Policy.forDestination(policy, { hosts: [name], priority }).limits
  const hosts = kind === "provider" ? Provider.all.find((known) => known.name === name)?.hosts : undefined
  return Policy.forDestination(policy, { hosts, priority }).limits
}

// Whether a throttle further out has counted the attempt among its total.
const Counted = Context.Reference("@effect-mail/policy/Throttle/Counted", { defaultValue: () => false })

const make = Effect.fnUntraced(function* (options: Options) {
  const total = options.total === undefined ? undefined : yield* checked(count("total", options.total, 1))
  const remembered = yield* checked(count("remembered", options.remembered ?? 10_000, 1))
  const alarm = yield* checked(Alarm.make({ after: options.alarmAfter ?? "1 hour" }))
  const sites = new Map<string, Site.Site>()
  const gate = yield* makeGate(alarm, (name) => sites.get(name))
  const siteFor = (key: Key, fiber: Fiber.Fiber<unknown, unknown>): Site.Site => {
    const known = sites.get(key)
    if (known !== undefined && options.limits !== undefined) return known
    const policy = fiber.getRef(Policy.CurrentPolicy)
    const limits = options.limits?.(key) ?? limitsBy(policy, key, fiber.getRef(Policy.CurrentPriority))
    if (known === undefined) return newSite(key, limits)
    if (limits !== known.limits) Site.limit(known, limits)
    return known
  }
  const newSite = (key: Key, limits: Limits): Site.Site => {
    const old = sites.size < remembered ? undefined : Site.expendable(sites.values())
    if (old !== undefined) sites.delete(old.name)
    if (old !== undefined) alarm.forget(old.name)
    const site = Site.make(key, limits)
    sites.set(key, site)
    return site
  }
  const shared = total === undefined ? undefined : PartitionedSemaphore.makeUnsafe<Key>({ permits: total })
  const counted = <A, E, R>(key: Key, attempt: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    shared === undefined ? attempt : shared.withPermit(key)(Effect.provideService(attempt, Counted, true))
  return Throttle.of({
    around: (key, around) => {
      const failureOf = around?.failureOf
      return (attempt) =>
        Effect.withFiber((fiber) =>
          gate.run(siteFor(key, fiber), fiber.getRef(Counted) ? attempt : counted(key, attempt), failureOf)
        )
    },
    standing: (key) =>
      Effect.sync(() => {
        const site = sites.get(key)
        return site === undefined ? undefined : standing(site, alarm)
      })
  })
})

const standing = (site: Site.Site, alarm: Alarm.Alarm): Standing => ({
  concurrency: Math.floor(site.window),
  active: site.running + site.line.size,
  failingSince: alarm.failingSince(site.name),
  restsUntil: site.restUntil === 0 ? undefined : site.restUntil
})

const checked = <A>(result: Checked<A>): Effect.Effect<A, PolicyError> => Effect.fromResult(result)
