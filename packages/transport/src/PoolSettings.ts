/**
 * How many connections are kept and for how long. A value; `SmtpPool` obeys it.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type * as Result from "effect/Result"
import * as Settings from "./internal/settings.ts"

/**
 * How many connections are kept and for how long.
 *
 * @category models
 * @since 0.1.0
 */
export interface PoolSettings {
  /** Connections to one endpoint at the same time, those that are being opened included. */
  readonly maxConnections: number
  /** Messages on one connection; then it ends with QUIT and another takes its place. */
  readonly maxMessages: number
  /** No message is begun on a connection that is older. */
  readonly lifetime: Duration.Duration
  /** How long a connection that nobody needs is kept; zero ends it at once. */
  readonly idle: Duration.Duration
  /** Connections that are kept although nobody needs them, of all endpoints together; the one unused for longest goes first. */
  readonly maxIdle: number
  /** Sends that wait for a connection, for all endpoints together; one more is refused (`Unreachable`, scope `local`). */
  readonly maxWaiting: number
  /** How long the end of the pool waits for the messages that are on their way. */
  readonly drain: Duration.Duration
}

/**
 * For a relay or a submission server, which is needed again and again: 5 connections, 100 messages on each, 5 minutes long,
 * 30 seconds idle, 10 000 waiting, 10 seconds to drain.
 *
 * @category constructors
 * @since 0.1.0
 */
export const relay: PoolSettings = {
  maxConnections: 5,
  maxMessages: 100,
  lifetime: Duration.minutes(5),
  idle: Duration.seconds(30),
  maxIdle: 100,
  maxWaiting: 10_000,
  drain: Duration.seconds(10)
}

/**
 * For other people's servers: 10 connections to one address, and 2 seconds idle, which is what Postfix has taught them to
 * expect.
 *
 * @category constructors
 * @since 0.1.0
 */
export const mx: PoolSettings = { ...relay, maxConnections: 10, idle: Duration.seconds(2) }

/**
 * The settings, when they can be used. Fails with `InvalidSetting` when a number is no whole number in its range
 * (`maxIdle` and `maxWaiting` may be 0) or a duration is negative or without end.
 *
 * @category constructors
 * @since 0.1.0
 */
export const check = (settings: PoolSettings): Result.Result<PoolSettings, Settings.InvalidSetting> =>
  Settings.all(settings, [
    Settings.integer("pool.maxConnections", settings.maxConnections, 1, 10_000),
    Settings.integer("pool.maxMessages", settings.maxMessages, 1, 1_000_000_000),
    Settings.positive("pool.lifetime", settings.lifetime),
    Settings.notNegative("pool.idle", settings.idle),
    Settings.integer("pool.maxIdle", settings.maxIdle, 0, 100_000),
    Settings.integer("pool.maxWaiting", settings.maxWaiting, 0, 100_000_000),
    Settings.notNegative("pool.drain", settings.drain)
  ])
