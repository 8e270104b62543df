/** What a message costs on a session that is open: writes, wake-ups, timers, fibers. */
import { Mailbox, MailServer, MemoryNetwork } from "@effect-mail/testing"
import { Dialer, SmtpPool } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Layer, Metric, type Scope } from "effect"
import { clockWith, endpoint, open, parcel, place, settings, shown } from "./support/smtp.ts"

interface Cost {
  writes: number
  reads: number
  sleeps: number
  fibers: number
}

const messages = 20

/** Gets ready, and gives what sends all the messages. */
type Sending = Effect.Effect<Effect.Effect<void>, unknown, Dialer.Dialer | Scope.Scope>

const oneByOne = (...to: ReadonlyArray<string>): Sending =>
  Effect.map(open(), (session) =>
    Effect.gen(function* () {
      for (let i = 0; i < messages; i++) {
        const outcomes = yield* Effect.orDie(session.submit(parcel(...to)))
        assert.isTrue(shown(outcomes).every((outcome) => outcome === "delivered 250"))
      }
    })
  )

const pooled: Sending = Effect.gen(function* () {
  const pool = yield* SmtpPool.make({ ...settings, pool: { maxConnections: 1 } })
  const send = Effect.map(Effect.orDie(pool.send(endpoint(), parcel())), (outcomes) =>
    assert.deepStrictEqual(shown(outcomes), ["delivered 250"])
  )
  yield* send
  return Effect.forEach(Array.from({ length: messages }), () => send, { concurrency: "unbounded", discard: true })
})

// The cost of each of some messages, when the server offers these extensions.
const costOf = (server: MailServer.Options["server"], sending: Sending = oneByOne("bob@example.org")) => {
  const cost: Cost = { writes: 0, reads: 0, sleeps: 0, fibers: 0 }
  const counting = Layer.effect(
    Dialer.Dialer,
    Effect.map(Dialer.Dialer, (dialer) => ({
      open: (target) =>
        Effect.map(dialer.open(target), (wire) => ({
          ...wire,
          read: Effect.suspend(() => {
            cost.reads++
            return wire.read
          }),
          write: (chunks) => {
            cost.writes++
            return wire.write(chunks)
          }
        }))
    }))
  )
  const measured = Effect.gen(function* () {
    const sendAll = yield* sending
    const before = { ...cost }
    yield* sendAll
    const each = (kind: keyof Cost) => (cost[kind] - before[kind]) / messages
    return { writes: each("writes"), reads: each("reads"), sleeps: each("sleeps"), fibers: each("fibers") }
  })
  const client = Effect.gen(function* () {
    const clock = yield* Clock.Clock
    return yield* Effect.scoped(measured).pipe(
      Effect.provideService(
        Clock.Clock,
        clockWith(clock, {
          sleep: (duration) => {
            cost.sleeps++
            return clock.sleep(duration)
          }
        })
      ),
      Effect.provideService(Metric.FiberRuntimeMetrics, {
        recordFiberStart: () => {
          cost.fibers++
        },
        recordFiberEnd: () => undefined
      })
    )
  })
  return client.pipe(
    Effect.provide(counting),
    Effect.provide(MailServer.layerMemory(place, { server })),
    Effect.provide(Layer.merge(MemoryNetwork.layer, Mailbox.layer))
  )
}

describe("a message on an open session", () => {
  const plain = { pipelining: false, chunking: false }

  it.effect("with PIPELINING: two writes, two wake-ups (RFC 2920)", () =>
    Effect.gen(function* () {
      const { reads, writes } = yield* costOf(
        { ...plain, pipelining: true },
        oneByOne("bob@example.org", "carol@example.org")
      )
      assert.deepStrictEqual({ reads, writes }, { reads: 2, writes: 2 })
    })
  )

  it.effect("with CHUNKING: one write, one wake-up (RFC 3030)", () =>
    Effect.gen(function* () {
      const { reads, writes } = yield* costOf({ pipelining: true, chunking: true })
      assert.deepStrictEqual({ reads, writes }, { reads: 1, writes: 1 })
    })
  )

  it.effect("in lock-step: a write and a wake-up for each command", () =>
    Effect.gen(function* () {
      const { reads, writes } = yield* costOf(plain)
      assert.deepStrictEqual({ reads, writes }, { reads: 4, writes: 4 })
    })
  )

  for (const chunking of [true, false]) {
    it.effect(`costs no timer and no fiber (CHUNKING ${chunking})`, () =>
      Effect.gen(function* () {
        const { fibers, sleeps } = yield* costOf({ pipelining: true, chunking })
        assert.isBelow(sleeps, 0.2)
        assert.isBelow(fibers, 0.5)
      })
    )
  }
})

describe("a message of a pool while others wait", () => {
  it.effect("with PIPELINING: one write and one wake-up, since the next envelope rides behind the dot (PIPE-006)", () =>
    Effect.gen(function* () {
      const { reads, writes } = yield* costOf({ pipelining: true, chunking: false }, pooled)
      // The first envelope goes alone.
      const each = (messages + 1) / messages
      assert.deepStrictEqual({ reads, writes }, { reads: each, writes: each })
    })
  )

  it.effect("with CHUNKING: one write and one wake-up", () =>
    Effect.gen(function* () {
      const { reads, writes } = yield* costOf({ pipelining: true, chunking: true }, pooled)
      assert.deepStrictEqual({ reads, writes }, { reads: 1, writes: 1 })
    })
  )

  for (const chunking of [true, false]) {
    it.effect(`costs no timer, and no fiber but that of its sender (CHUNKING ${chunking})`, () =>
      Effect.gen(function* () {
        const { fibers, sleeps } = yield* costOf({ pipelining: true, chunking }, pooled)
        assert.isBelow(sleeps, 0.2)
        assert.isBelow(fibers, 1.5)
      })
    )
  }
})
