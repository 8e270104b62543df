/**
 * Keeps routes, and the failure to find one, as long as the DNS says that they hold. Each domain is looked up once at a
 * time, whoever asks; a domain that is asked for often is looked up again before its route expires, while the old route is
 * still given; the number of domains is bounded, and those that nobody asks for go first.
 *
 * @since 0.1.0
 */
import type * as Failure from "@effect-mail/protocol/Failure"
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Domain from "./internal/domain.ts"
import * as Mx from "./internal/mx.ts"
import * as Check from "./internal/options.ts"
import * as Packed from "./internal/packedRoute.ts"
import * as Verdict from "./internal/verdict.ts"
import * as Lifetime from "./Lifetime.ts"
import { Route } from "./Route.ts"
import { Router } from "./Router.ts"

/**
 * Options of the cache.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** How many domains are kept, 1 to 10 000 000; 10 000 by default. */
  readonly capacity?: number | undefined
  /** The shortest time that anything is kept; 1 second by default (DNS-021). */
  readonly minTtl?: Duration.Input | undefined
  /** The longest time that a route is kept; 1 day by default (DNS-021). */
  readonly maxTtl?: Duration.Input | undefined
  /** The longest time that a permanent failure is kept; 1 hour by default (RFC 2308 section 5, DNS-020). */
  readonly maxNegativeTtl?: Duration.Input | undefined
  /** The longest time that an `Unreachable` is kept, at most 5 minutes; 30 seconds by default (RFC 2308 section 7). */
  readonly maxTroubleTtl?: Duration.Input | undefined
  /** How long a route is kept whose lifetime is not told, as over Effect's `Dns`; 5 minutes by default. */
  readonly unknownTtl?: Duration.Input | undefined
  /**
   * That a domain does not exist counts only when the DNS says so again at least this long after the first time; until then
   * the domain is `Unreachable`, and its mail waits. For domains that were registered a moment ago, or whose DNS is being
   * moved. Without it the first answer counts (CLASS-03, DNS-003); 15 minutes are a good value.
   */
  readonly confirmNxdomain?: Duration.Input | undefined
}

/**
 * Routes that were found in the cache.
 *
 * @category metrics
 * @since 0.1.0
 */
export const hits = Metric.counter("effect_mail_route_cache_hits", {
  description: "Routes that were found in the cache",
  incremental: true
})

/**
 * Routes that had to be looked up while somebody waited.
 *
 * @category metrics
 * @since 0.1.0
 */
export const misses = Metric.counter("effect_mail_route_cache_misses", {
  description: "Routes that had to be looked up",
  incremental: true
})

/**
 * Routes of busy domains that were looked up again before they expired.
 *
 * @category metrics
 * @since 0.1.0
 */
export const refreshes = Metric.counter("effect_mail_route_cache_refreshes", {
  description: "Routes that were looked up again before they expired",
  incremental: true
})

interface Settings {
  readonly capacity: number
  readonly minTtl: number
  readonly maxTtl: number
  readonly maxNegativeTtl: number
  readonly maxTroubleTtl: number
  readonly unknownTtl: number
  readonly confirmNxdomain: number | undefined
}

const fiveMinutes = Duration.minutes(5)

const settingsOf = (options: Options): Result.Result<Settings, Check.InvalidOption> =>
  Result.gen(function* () {
    const millis = (option: keyof Options, value: Duration.Input) =>
      Result.map(Check.duration(option, value), Duration.toMillis)
    const maxTroubleTtl = yield* millis("maxTroubleTtl", options.maxTroubleTtl ?? "30 seconds")
    if (maxTroubleTtl > Duration.toMillis(fiveMinutes)) {
      return yield* Check.invalid("maxTroubleTtl", "it is too long", "Use at most 5 minutes")
    }
    return {
      capacity: yield* Check.integer("capacity", options.capacity ?? 10_000, 10_000_000),
      minTtl: yield* millis("minTtl", options.minTtl ?? "1 second"),
      maxTtl: yield* millis("maxTtl", options.maxTtl ?? "1 day"),
      maxNegativeTtl: yield* millis("maxNegativeTtl", options.maxNegativeTtl ?? "1 hour"),
      maxTroubleTtl,
      unknownTtl: yield* millis("unknownTtl", options.unknownTtl ?? fiveMinutes),
      confirmNxdomain:
        options.confirmNxdomain === undefined ? undefined : yield* millis("confirmNxdomain", options.confirmNxdomain)
    }
  })

type Failed = Failure.PermFailure | Failure.Unreachable

type Found = Exit.Exit<Route, Failed>

interface Entry {
  readonly found: Packed.PackedRoute | Exit.Failure<Route, Failed>
  /** When it is gone, in milliseconds. */
  readonly expiresAt: number
  /** From when on it is looked up again when it is asked for often, in milliseconds. */
  refreshAt: number
  /** How often it was asked for since it was looked up. */
  hits: number
  /** Whether it was asked for since it was last looked at for removal. */
  used: boolean
}

// A domain is busy when its route was given this often since it was looked up.
const busy = 3

// The part of its lifetime after which the route of a busy domain is looked up again.
const refreshAfter = 0.8

// In milliseconds; 0 for what must not be kept: a mistake of the router, an interruption.
const lifetime = (found: Found, told: number | undefined, settings: Settings): number => {
  const most = Exit.isSuccess(found) ? settings.maxTtl : maxOfFailure(found, settings)
  if (most === 0) return 0
  const millis = told === undefined ? Math.min(settings.unknownTtl, most) : told * 1000
  return Math.max(settings.minTtl, Math.min(millis, most))
}

const maxOfFailure = (found: Exit.Failure<Route, Failed>, settings: Settings): number => {
  const failed = Exit.findError(found)
  if (Result.isFailure(failed)) return 0
  return failed.success._tag === "PermFailure" ? settings.maxNegativeTtl : settings.maxTroubleTtl
}

// CLASS-03: the domain does not exist.
const isNxdomain = (found: Found): boolean => {
  const failed = Exit.isFailure(found) ? Exit.findError(found) : undefined
  return failed !== undefined && Result.isSuccess(failed) && failed.success.enhanced === "5.1.2"
}

// Holds back the verdict that a domain does not exist until it was given twice.
const makeConfirm = ({ capacity, confirmNxdomain: wait }: Settings) => {
  // When a domain was first said not to exist, oldest first.
  const doubts = new Map<string, number>()
  return (domain: string, found: Found, now: number): Found => {
    if (wait === undefined) return found
    const since = doubts.get(domain)
    if (!isNxdomain(found)) {
      if (Exit.isSuccess(found)) doubts.delete(domain)
      return found
    }
    if (since !== undefined) return now - since >= wait ? found : Exit.fail(Verdict.notConfirmed(domain))
    const [oldest] = doubts.keys()
    if (doubts.size >= capacity && oldest !== undefined) doubts.delete(oldest)
    doubts.set(domain, now)
    return Exit.fail(Verdict.notConfirmed(domain))
  }
}

const make = (router: Router["Service"], settings: Settings, scope: Scope.Scope) => {
  const entries = new Map<string, Entry>()
  const pending = new Map<string, Deferred.Deferred<Route, Failed>>()
  const pack = Packed.makePack()
  const confirm = makeConfirm(settings)

  const keep = (domain: string, found: Found, told: number | undefined, now: number): void => {
    const ttl = lifetime(found, told, settings)
    const old = entries.get(domain)
    // Trouble is no reason to give up a route that still holds, nor to ask again at once.
    if (old !== undefined && old.expiresAt > now && isTrouble(found)) {
      old.refreshAt = now + settings.maxTroubleTtl
      return
    }
    entries.delete(domain)
    if (ttl === 0) return
    if (entries.size >= settings.capacity) evict()
    entries.set(domain, {
      found: Exit.isSuccess(found) ? pack(domain, found.value) : withoutStack(found),
      refreshAt: now + ttl * refreshAfter,
      expiresAt: now + ttl,
      hits: 0,
      used: false
    })
  }

  // Second chance: the oldest that nobody asked for since it was last here. To move an entry to the end at every hit
  // would be simpler and slow, as a Map keeps what was deleted until it is rebuilt.
  const evict = (): void => {
    for (const [domain, entry] of entries) {
      entries.delete(domain)
      if (!entry.used) return
      entry.used = false
      entries.set(domain, entry)
    }
  }

  // One lookup for all who ask meanwhile; it goes on when they do not wait any longer.
  const begin = (domain: string): Effect.Effect<Deferred.Deferred<Route, Failed>> => {
    const deferred = Deferred.makeUnsafe<Route, Failed>()
    pending.set(domain, deferred)
    let told: number | undefined
    return Lifetime.listen(router.route(domain), (seconds) => {
      told = Math.min(told ?? Infinity, seconds)
    }).pipe(
      Effect.onExit((answered) =>
        Clock.clockWith((clock) =>
          Effect.sync(() => {
            const now = clock.currentTimeMillisUnsafe()
            const found = confirm(domain, answered, now)
            keep(domain, found, told, now)
            pending.delete(domain)
            Deferred.doneUnsafe(deferred, found)
          })
        )
      ),
      Effect.forkIn(scope),
      Effect.as(deferred)
    )
  }

  const lookup = (domain: string): Effect.Effect<Route, Failed> =>
    Effect.suspend(() => {
      const running = pending.get(domain)
      return running === undefined ? Effect.flatMap(begin(domain), Deferred.await) : Deferred.await(running)
    })

  const hit = (domain: string, entry: Entry, now: number): Effect.Effect<Route, Failed> => {
    entry.hits++
    entry.used = true
    const refresh = now >= entry.refreshAt && entry.hits >= busy && !pending.has(domain)
    const given = Exit.isExit(entry.found) ? entry.found : redrawn(domain, entry.found)
    const counted = Effect.andThen(Metric.update(hits, 1), given)
    return refresh ? Metric.update(refreshes, 1).pipe(Effect.andThen(begin(domain)), Effect.andThen(counted)) : counted
  }

  const ask = (domain: string): Effect.Effect<Route, Failed> =>
    Clock.clockWith((clock) => {
      const now = clock.currentTimeMillisUnsafe()
      const entry = entries.get(domain)
      return entry !== undefined && entry.expiresAt > now
        ? hit(domain, entry, now)
        : Effect.andThen(Metric.update(misses, 1), lookup(domain))
    })

  return (input: string): Effect.Effect<Route, Failed> =>
    Effect.suspend(() => {
      // The keys are domains in their one form, so that only other spellings have to be read.
      if (entries.has(input)) return ask(input)
      return Result.match(Domain.parse(input), {
        onFailure: Effect.fail<Failed>,
        onSuccess: ({ text }) => ask(text)
      })
    })
}

// The stack of a kept failure is that of whoever asked first, and takes ten times the memory of all the rest.
const withoutStack = (found: Exit.Failure<Route, Failed>): Exit.Failure<Route, Failed> => {
  const failed = Exit.findError(found)
  if (Result.isSuccess(failed)) failed.success.stack = `${failed.success.name}: ${failed.success.message}`
  return found
}

const isTrouble = (found: Found): boolean => {
  const failed = Exit.isFailure(found) ? Exit.findError(found) : undefined
  return failed !== undefined && Result.isSuccess(failed) && failed.success._tag === "Unreachable"
}

// The order of equal hosts is drawn anew at every call (DNS-007).
const redrawn = (domain: string, packed: Packed.PackedRoute): Effect.Effect<Route> => {
  const hosts = Packed.hostsOf(packed)
  return hasEquals(hosts)
    ? Effect.map(Mx.order(hosts), (ordered) =>
        Packed.unpack(domain, packed, Arr.isReadonlyArrayNonEmpty(ordered) ? ordered : hosts)
      )
    : Effect.succeed(Packed.unpack(domain, packed, hosts))
}

const hasEquals = (hosts: Route["hosts"]): boolean =>
  hosts.some(({ preference }, index) => index > 0 && preference === hosts[index - 1]?.preference)

/**
 * Puts a cache in front of a router. A route is kept for the least lifetime of the answers it is made of (`Lifetime`); the
 * order of equal hosts is drawn anew at every call. Fails with `InvalidOption` when an option is out of range.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Router, Check.InvalidOption, Router> =>
  Layer.effect(
    Router,
    Effect.gen(function* () {
      const settings = yield* Effect.fromResult(settingsOf(options))
      return Router.of({ route: make(yield* Router, settings, yield* Effect.scope) })
    })
  )
