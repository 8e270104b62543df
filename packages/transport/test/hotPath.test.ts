/** What a message costs on a session that is open: writes, wake-ups, timers, fibers. */
import { Mailbox, MailServer, MemoryNetwork } from "@effect-mail/testing"
import { Dialer } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Layer, Metric } from "effect"
import { clockWith, open, parcel, place, shown } from "./support/smtp.ts"

interface Cost {
  writes: number
  reads: number
  sleeps: number
  fibers: number
}

const messages = 20

// The cost of each of some messages on one session, when the server offers these extensions.
const costOf = (server: MailServer.Options["server"], ...to: ReadonlyArray<string>) => {
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
    const session = yield* open()
    const before = { ...cost }
    for (let i = 0; i < messages; i++) {
      const outcomes = yield* session.submit(parcel(...to))
      assert.isTrue(shown(outcomes).every((outcome) => outcome === "delivered 250"))
    }
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
      const { reads, writes } = yield* costOf({ ...plain, pipelining: true }, "bob@example.org", "carol@example.org")
      assert.deepStrictEqual({ reads, writes }, { reads: 2, writes: 2 })
    })
  )

  it.effect("with CHUNKING: one write, one wake-up (RFC 3030)", () =>
    Effect.gen(function* () {
      const { reads, writes } = yield* costOf({ pipelining: true, chunking: true }, "bob@example.org")
      assert.deepStrictEqual({ reads, writes }, { reads: 1, writes: 1 })
    })
  )

  it.effect("in lock-step: a write and a wake-up for each command", () =>
    Effect.gen(function* () {
      const { reads, writes } = yield* costOf(plain, "bob@example.org")
      assert.deepStrictEqual({ reads, writes }, { reads: 4, writes: 4 })
    })
  )

  for (const chunking of [true, false]) {
    it.effect(`costs no timer and no fiber (CHUNKING ${chunking})`, () =>
      Effect.gen(function* () {
        const { fibers, sleeps } = yield* costOf({ pipelining: true, chunking }, "bob@example.org")
        assert.isBelow(sleeps, 0.2)
        assert.isBelow(fibers, 0.5)
      })
    )
  }
})
