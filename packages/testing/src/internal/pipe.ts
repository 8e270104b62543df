/**
 * One direction of a connection in memory: chunks in order, a window that makes a writer wait for a slow reader, and an end
 * that readers see after the last chunk.
 */
import * as Effect from "effect/Effect"
import * as Bytes from "./bytes.ts"

/** Bytes on their way to one reader; `E` is what it is told at the end. */
export interface Pipe<E> {
  /** The next chunk; it can be called again after an interruption without losing bytes. */
  readonly read: Effect.Effect<Uint8Array, E>
  /** Hands chunks over and waits while more is on the way than the window allows; false when nobody reads any more. */
  readonly write: (chunks: ReadonlyArray<Uint8Array>) => Effect.Effect<boolean>
  /** Waits until there is something to read or the end. */
  readonly readable: Effect.Effect<void>
  readonly buffered: () => number
  readonly ended: () => E | undefined
  /** Forgets what is on the way. */
  readonly clear: () => void
  /** Forgets what does not fit into the window, as the writer's machine has not sent it yet. */
  readonly cut: () => void
  /** Readers get what is on the way and then this error; writers are told at once. Only the first end counts. */
  readonly end: (error: E) => void
}

/** A pipe that lets a writer go on while fewer than `window` octets are on the way. */
export const make = <E>(window: number): Pipe<E> => {
  let chunks: Array<Uint8Array> = []
  let size = 0
  let ended: E | undefined
  const waiting = new Set<() => void>()

  // Whoever waits looks again after every change.
  const changed = (): void => {
    for (const wake of waiting) wake()
  }
  const until = (condition: () => boolean): Effect.Effect<void> =>
    Effect.suspend(() =>
      condition()
        ? Effect.void
        : Effect.callback<void>((resume) => {
            const wake = (): void => {
              if (condition() && waiting.delete(wake)) resume(Effect.void)
            }
            waiting.add(wake)
            return Effect.sync(() => waiting.delete(wake))
          })
    )

  const readable = until(() => size > 0 || ended !== undefined)
  const take = (): Effect.Effect<Uint8Array, E> => {
    const chunk = chunks.shift()
    if (chunk === undefined) return ended === undefined ? read : Effect.fail(ended)
    size -= chunk.length
    changed()
    return Effect.succeed(chunk)
  }
  const read: Effect.Effect<Uint8Array, E> = Effect.andThen(readable, Effect.suspend(take))

  const room = until(() => size < window || ended !== undefined)
  const write = (added: ReadonlyArray<Uint8Array>): Effect.Effect<boolean> =>
    Effect.suspend(() => {
      if (ended !== undefined) return Effect.succeed(false)
      // What is written at once travels together, and an empty chunk does not exist on a wire. Whoever wrote it may fill its
      // array anew, as nothing but a copy leaves a machine.
      const segment = added.length === 1 ? Uint8Array.from(added[0] ?? []) : Bytes.concat(added)
      if (segment.length > 0) chunks.push(segment)
      size += segment.length
      changed()
      return Effect.map(room, () => size < window)
    })

  return {
    read,
    write,
    readable,
    buffered: () => size,
    ended: () => ended,
    clear: () => {
      chunks = []
      size = 0
      changed()
    },
    cut: () => {
      const sent = Bytes.concat(chunks).subarray(0, window)
      chunks = sent.length === 0 ? [] : [sent]
      size = sent.length
    },
    end: (error) => {
      ended ??= error
      changed()
    }
  }
}
