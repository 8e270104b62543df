/**
 * Lets so many pass at once and keeps the others in line. `effect/Semaphore` looks at everyone who waits whenever somebody
 * leaves, which is too slow for a line of thousands.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as MutableList from "effect/MutableList"

interface Waiter {
  readonly turn: Deferred.Deferred<void>
  gone: boolean
}

/** Makes a gate; the function it gives runs an effect when there is room, in the order of the calls. */
export const make = (room: number) => {
  const line = MutableList.make<Waiter>()
  let free = room

  // Whoever leaves hands the place to the next in line, so that nobody can slip in between.
  const leave = (): void => {
    for (let next = MutableList.take(line); next !== MutableList.Empty; next = MutableList.take(line)) {
      if (next.gone) continue
      Deferred.doneUnsafe(next.turn, Effect.void)
      return
    }
    free++
  }

  const enter = Effect.suspend(() => {
    if (free > 0) {
      free--
      return Effect.void
    }
    const waiter: Waiter = { turn: Deferred.makeUnsafe(), gone: false }
    MutableList.append(line, waiter)
    const give = Effect.sync(() => {
      if (Deferred.isDoneUnsafe(waiter.turn)) leave()
      else waiter.gone = true
    })
    return Effect.onInterrupt(Deferred.await(waiter.turn), () => give)
  })

  return <A, E>(self: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.andThen(restore(enter), Effect.ensuring(restore(self), Effect.sync(leave)))
    )
}
