/**
 * Sessions that are kept and shared: one owner at a time, first come, first served. Whoever sends gets an idle session, opens
 * one where there may be another, or waits; and while somebody waits, his envelope rides behind the message before
 * (PIPE-006), so that a busy connection waits once for each message.
 *
 * - A server whose TLS does not work although it offers it is spoken to in clear text for an hour, where that is allowed
 *   (CLASS-24).
 * - A session that has ended, has been interrupted or is not where it should be is never used again.
 * - A session that turns out to be dead before MAIL was answered is replaced at once; that is no failure of the mail and none
 *   of the server (CLASS-55).
 * - What becomes of one message never touches another: whoever rides behind a message that breaks the connection has lost
 *   nothing but the ride.
 * - A pool is one client: its name and its credentials are the same for all its sessions.
 *
 * @since 0.1.0
 */
import type { MessageError } from "@effect-mail/message/MessageError"
import type { Parcel } from "@effect-mail/message/Parcel"
import type { Endpoint } from "@effect-mail/protocol/Endpoint"
import * as Failure from "@effect-mail/protocol/Failure"
import type * as Receipt from "@effect-mail/protocol/Receipt"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Conversation from "./Conversation.ts"
import { Dialer } from "./Dialer.ts"
import { BrokenTls } from "./internal/brokenTls.ts"
import { type Held, Lanes, type Seat, type Ticket } from "./internal/lanes.ts"
import { rescue } from "./internal/rescue.ts"
import * as PoolSettings from "./PoolSettings.ts"
import * as SmtpSession from "./SmtpSession.ts"
import * as SmtpSettings from "./SmtpSettings.ts"
import * as Outcomes from "./internal/outcomes.ts"
import { monotonicMillis } from "./Watchdog.ts"

/**
 * What a pool is doing.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stats {
  /** Endpoints that have a connection or somebody waiting for one; no other is remembered. */
  readonly endpoints: number
  /** Connections that are open, or being opened or closed. */
  readonly connections: number
  /** Those of them that nobody uses. */
  readonly idle: number
  /** Sends that wait for a connection. */
  readonly waiting: number
  /** Sends that were refused since the pool was made, because as many as may were waiting already. */
  readonly refused: number
}

/**
 * Sessions that are kept and shared.
 *
 * @category models
 * @since 0.1.0
 */
export interface SmtpPool {
  /**
   * Sends a parcel to an endpoint: one outcome for every recipient, in the order of the envelope. Fails when the parcel's
   * body cannot be read, unless somebody has got the message before that.
   *
   * Nothing goes beyond `until`, in milliseconds of the monotonic clock, but the wait for a verdict; see
   * `SmtpSettings.deadline`. When the pool is full or has ended, the outcomes are `Unreachable` with scope `local`.
   */
  readonly send: (
    endpoint: Endpoint,
    parcel: Parcel,
    until?: number
  ) => Effect.Effect<ReadonlyArray<Receipt.Outcome>, MessageError>
  readonly stats: Effect.Effect<Stats>
}

/**
 * A pool with these settings, over those that are current; it ends with its scope. The messages that are on their way then
 * have the `drain` time to arrive, and those that wait to be sent; idle sessions end with QUIT at once.
 *
 * Fails with `InvalidSetting`; see `SmtpSettings.make` and `PoolSettings.check`. What `settings.pool` leaves out is as in
 * `base`, which is `PoolSettings.relay` by default.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  settings: Partial<SmtpSettings.SmtpSettings> = {},
  base: PoolSettings.PoolSettings = PoolSettings.relay
): Effect.fn.Return<SmtpPool, SmtpSettings.InvalidSetting, Dialer | Scope.Scope> {
  const current = yield* SmtpSettings.CurrentSmtpSettings
  const smtp = yield* Effect.fromResult(SmtpSettings.make({ ...current, ...settings }))
  const pool = yield* Effect.fromResult(PoolSettings.check({ ...base, ...smtp.pool }))
  const dialer = yield* Dialer
  const clock = yield* Clock.Clock
  const now = (): number => monotonicMillis(clock)
  const lanes = new Lanes(pool, now)
  const broken = new BrokenTls(now)
  const scope = yield* Scope.make()
  const services = Context.make(Dialer, dialer).pipe(Context.add(Scope.Scope, scope))

  // A connection that ends says QUIT, which may take a moment; nobody waits for it but the end of the pool.
  const close = (held: Held): Effect.Effect<void> =>
    Effect.asVoid(
      Effect.forkIn(
        Effect.uninterruptible(
          Effect.andThen(
            Scope.close(held.scope, Exit.void),
            Effect.sync(() => lanes.closed(held.lane))
          )
        ),
        scope,
        { startImmediately: true }
      )
    )
  const cleanUp: Effect.Effect<void> = Effect.suspend(() => {
    const held = lanes.closing.pop()
    return held === undefined ? Effect.void : Effect.andThen(close(held), cleanUp)
  })

  const sweeper = yield* makeSweeper(lanes, now, cleanUp)
  yield* Effect.forkIn(sweeper.run, scope)

  const open = Effect.fnUntraced(function* (seat: Seat, until: number) {
    const own = yield* Scope.fork(scope)
    const opened = yield* Effect.result(
      Effect.onError(
        Effect.provideContext(
          SmtpSession.open(seat.endpoint, smtp, until, broken),
          Context.add(services, Scope.Scope, own)
        ),
        (cause) => Scope.close(own, Exit.failCause(cause))
      )
    )
    if (Result.isFailure(opened)) return opened.failure
    lanes.opened(seat, opened.success, own)
    return undefined
  })

  // Brings a seat to where it holds a session, or says why not.
  const settle = Effect.fnUntraced(function* (seat: Seat, ticket: Ticket, until: number) {
    if (ticket === "full") return full(pool)
    if (ticket === "ended") return hasEnded
    if (lanes.closing.length > 0) yield* cleanUp
    if (seat.state === "waiting") {
      const inTime = yield* waitUntil(seat, until, now)
      if (!inTime) return tooLate
    }
    if (seat.state === "refused") return hasEnded
    return seat.state === "opening" ? yield* open(seat, until) : undefined
  })

  const travel = Effect.fnUntraced(function* (seat: Seat, until: number) {
    ending.came()
    seat.begun = true
    const whole = seat.parcel
    let outcomes: ReadonlyArray<Receipt.Outcome> = []
    let deaths = 0
    let ticket = lanes.acquire(seat)
    while (true) {
      // What happens most is done without a detour: to wait, and to be given a session.
      if (ticket === "waiting" && until === Infinity && lanes.closing.length === 0) yield* woken(seat)
      const failure = seat.state === "holding" ? undefined : yield* settle(seat, ticket, until)
      const { held } = seat
      if (held === undefined) {
        return Outcomes.inOrder(whole.envelope, [...outcomes, ...Outcomes.allFailed(seat.parcel, failure ?? hasEnded)])
      }
      const { sent } = seat
      const used = held.messages > 0
      const journey = {
        sent,
        next: (transactions: number) => lanes.next(held, seat, transactions),
        until,
        unsure: seat.idled >= unsureAfter
      }
      const carried =
        outcomes.length === 0
          ? yield* held.session.carrying(seat.parcel, journey)
          : yield* rescue(held.session.carry(seat.parcel, journey), seat.parcel, outcomes)
      if (sent !== undefined && carried.outcomes.every(isUnanswered)) held.lane.rides = false
      lanes.release(seat, carried.rider, carried.left !== undefined)
      sweeper.look()
      if (carried.unheard && used && deaths++ < maxDeaths) {
        ticket = lanes.acquireAgain(seat)
        continue
      }
      if (carried.left === undefined) {
        return outcomes.length === 0
          ? carried.outcomes
          : Outcomes.inOrder(whole.envelope, [...outcomes, ...carried.outcomes])
      }
      outcomes = [...outcomes, ...carried.outcomes]
      seat.parcel = carried.left
      ticket = lanes.acquireAgain(seat)
    }
  })

  const leave = (seat: Seat): Effect.Effect<void> | undefined => {
    lanes.release(seat)
    if (seat.begun) ending.left()
    return lanes.closing.length === 0 ? undefined : cleanUp
  }

  const ending = makeEnding()
  yield* Effect.addFinalizer(() =>
    Effect.gen(function* () {
      lanes.end()
      yield* cleanUp
      yield* Effect.timeoutOption(Effect.interruptible(ending.quiet), pool.drain)
      lanes.refuseAll()
      yield* Scope.close(scope, Exit.void)
    })
  )

  return {
    send: (endpoint, parcel, until = Infinity) =>
      Effect.suspend(() => {
        const seat = lanes.seat(endpoint, parcel)
        return Effect.onExitPrimitive(travel(seat, until), () => leave(seat))
      }),
    stats: Effect.sync(() => ({
      endpoints: lanes.endpoints,
      connections: lanes.connections,
      idle: lanes.idle,
      waiting: lanes.waiting,
      refused: lanes.refused
    }))
  }
})

// A session that nobody has used for so many milliseconds may be dead without a sign.
const unsureAfter = 1000

// Dead sessions that one send meets before it takes it for a failure.
const maxDeaths = 3

// MAIL got no answer, or a farewell.
const isUnanswered = (outcome: Receipt.Outcome): boolean =>
  outcome._tag === "Failed" &&
  outcome.failure.stage === "mail" &&
  (outcome.failure.code === undefined || outcome.failure.code === 421)

const woken = (seat: Seat): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (seat.state === "waiting" || seat.state === "riding") seat.wake = () => resume(Effect.void)
    else resume(Effect.void)
  })

const waitUntil = (seat: Seat, until: number, now: () => number): Effect.Effect<boolean> =>
  until === Infinity
    ? Effect.as(woken(seat), true)
    : Effect.map(Effect.timeoutOption(woken(seat), Math.max(0, until - now())), ({ _tag }) => _tag === "Some")

const local = (reason: string, hint?: string): Failure.Failure =>
  Failure.unreachable({ stage: "connect", scope: "local", next: "later", enhanced: "4.3.2", reason, hint })

const full = ({ maxWaiting }: PoolSettings.PoolSettings): Failure.Failure =>
  local(
    `the pool is full: ${maxWaiting} messages are waiting for a connection`,
    "Send fewer at the same time, or raise pool.maxWaiting"
  )

const hasEnded = local("the pool has ended")

const tooLate = local(Conversation.tooLate.detail, "No connection was free in time")

// Ends idle sessions when their time has come. It sleeps until the oldest's time, and while there is none it costs nothing.
const makeSweeper = (lanes: Lanes, now: () => number, cleanUp: Effect.Effect<void>) =>
  Effect.sync(() => {
    const some = Latch.makeUnsafe(false)
    let resting = false
    const run = Effect.gen(function* () {
      while (true) {
        lanes.sweep()
        yield* cleanUp
        resting = lanes.nextExpiry === Infinity
        some.closeUnsafe()
        yield* resting ? some.await : Effect.sleep(Duration.millis(Math.max(1, lanes.nextExpiry - now())))
      }
    })
    return {
      run,
      // To be called when there may be an idle session.
      look: () => {
        if (resting && lanes.idle > 0) some.openUnsafe()
      }
    }
  })

// Tells when nobody sends any more.
const makeEnding = () => {
  const quiet = Latch.makeUnsafe(true)
  let senders = 0
  return {
    came: () => {
      if (senders++ === 0) quiet.closeUnsafe()
    },
    left: () => {
      if (--senders === 0) quiet.openUnsafe()
    },
    quiet: quiet.await
  }
}
