/**
 * A server as a program that must end: it plays one `Script` for each connection, in order. A script that was not played to
 * its end, or that was told something else than it expects, fails the test with the dialogue so far.
 *
 * It runs over `ServerWire`, so in memory under `TestClock` and over real TCP alike.
 *
 * @since 0.1.0
 */
import * as LineDecoder from "@effect-mail/protocol/LineDecoder"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type * as SocketServer from "effect/socket/SocketServer"
import { type ListenOptions, MemoryNetwork } from "./MemoryNetwork.ts"
import * as Script from "./Script.ts"
import * as ServerWire from "./ServerWire.ts"
import type { TestCertificate } from "./TestCertificate.ts"

/**
 * A script was not played as it is written, and the message holds the dialogue so far; or it never can be.
 *
 * @category errors
 * @since 0.1.0
 */
export class ScriptError extends Data.TaggedError("ScriptError")<{
  readonly detail: string
  readonly dialogue: ReadonlyArray<string>
}> {
  override get message(): string {
    return [this.detail, ...this.dialogue.map((line) => `  ${line}`)].join("\n")
  }
}

interface Playing {
  readonly script: Script.Script
  readonly dialogue: Array<string>
  readonly outcome: Deferred.Deferred<void, ScriptError>
  /** What the step that is being played waits for; undefined before the connection. */
  step: string | undefined
}

const prepare = (script: Script.Script): Playing => {
  const contradiction = Script.contradiction(script)
  if (contradiction !== undefined) {
    throw new ScriptError({ detail: `this script can never be played: ${contradiction}`, dialogue: [] })
  }
  return {
    script: script.at(-1)?.last === true ? script : [...script, Script.expectEnd],
    dialogue: [],
    outcome: Deferred.makeUnsafe(),
    step: undefined
  }
}

const play = Effect.fnUntraced(function* (playing: Playing, wire: ServerWire.ServerWire) {
  const { dialogue, outcome } = playing
  const connection: Script.Connection = {
    wire,
    lines: LineDecoder.make(),
    note: (entry) => dialogue.push(entry),
    done: Effect.asVoid(Deferred.succeed(outcome, undefined))
  }
  for (const step of playing.script) {
    playing.step = step.what
    const played = yield* Effect.result(step.play(connection))
    if (Result.isSuccess(played)) continue
    const error = played.failure
    const detail =
      error._tag === "Mismatch" ? error.detail : `the connection ended (${error.reason}), expected ${step.what}`
    yield* Deferred.fail(outcome, new ScriptError({ detail, dialogue }))
    return yield* wire.reset
  }
  yield* connection.done
})

// Waits for what the client did last, which may still be on its way.
type Patience = (outcome: Playing["outcome"]) => Effect.Effect<unknown>

// In memory nothing takes time; it only needs its turn.
const someTurns: Patience = Effect.fnUntraced(function* (outcome) {
  for (let turn = 0; turn < 500 && !(yield* Deferred.isDone(outcome)); turn++) yield* Effect.yieldNow
})

// On a real network it takes real time, whatever the clock of the test says.
const aSecond: Patience = (outcome) =>
  Effect.timeoutOption(Effect.exit(Deferred.await(outcome)), "1 second").pipe(
    Effect.provideService(Clock.Clock, Clock.Clock.defaultValue())
  )

const ended = Effect.fnUntraced(function* ({ dialogue, outcome, step }: Playing, patience: Patience) {
  yield* patience(outcome)
  if (yield* Deferred.isDone(outcome)) return yield* Deferred.await(outcome)
  return yield* new ScriptError({ detail: `still waiting, expected ${step ?? "a connection"}`, dialogue })
})

/**
 * Scripts that are being played.
 *
 * @category models
 * @since 0.1.0
 */
export interface ScriptedServer {
  /** Plays the next script with a connection. */
  readonly handler: ServerWire.Handler
  /** Waits until each script was played to its end; fails when one was not, or when there was no script for a connection. */
  readonly ended: Effect.Effect<void, ScriptError>
}

/**
 * Gets scripts ready to be played, one for each connection. `listen` and the layers do so and see to their end; whoever
 * serves the handler in another way waits for `ended` before the server stops. Throws a `ScriptError` when a script
 * contradicts itself (`Script.contradiction`), which `listen` and the layers show as a defect before anybody connects.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (...scripts: ReadonlyArray<Script.Script>): ScriptedServer => playing(scripts, aSecond)

const playing = (scripts: ReadonlyArray<Script.Script>, patience: Patience): ScriptedServer => {
  const all = scripts.map(prepare)
  let surplus = 0
  return {
    handler: (wire) => {
      const next = all.find(({ step }) => step === undefined)
      if (next !== undefined) {
        // Taken now: the next connection may come before the first step is played.
        next.step = "its turn"
        return play(next, wire)
      }
      surplus++
      return wire.reset
    },
    ended: Effect.gen(function* () {
      yield* Effect.forEach(all, (one) => ended(one, patience), { discard: true })
      if (surplus === 0) return
      return yield* new ScriptError({ detail: `${surplus} connections without a script`, dialogue: [] })
    })
  }
}

/**
 * Plays these scripts in a `MemoryNetwork`. When the scope ends, each of them must have been played to its end and no
 * further connection must have come; else the scope ends with a `ScriptError` as a defect. Open the connections after this,
 * or in a scope of their own, so that they are closed by then.
 *
 * @category running
 * @since 0.1.0
 */
export const listen = Effect.fnUntraced(function* (
  options: ListenOptions,
  ...scripts: ReadonlyArray<Script.Script>
): Effect.fn.Return<void, never, MemoryNetwork | Scope.Scope> {
  const network = yield* MemoryNetwork
  const server = playing(scripts, someTurns)
  yield* network.listen(options, server.handler)
  yield* Effect.addFinalizer(() => Effect.orDie(server.ended))
})

/**
 * Plays these scripts in a `MemoryNetwork`; see `listen`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory = (
  options: ListenOptions,
  ...scripts: ReadonlyArray<Script.Script>
): Layer.Layer<never, never, MemoryNetwork> => Layer.effectDiscard(listen(options, ...scripts))

/**
 * Plays these scripts over real TCP, for the connections of the `SocketServer`; the end is that of `listen`. Without a
 * certificate the steps that shake hands fail.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  certificate: TestCertificate | undefined,
  ...scripts: ReadonlyArray<Script.Script>
): Layer.Layer<never, never, SocketServer.SocketServer> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const server = make(...scripts)
      yield* ServerWire.serve(server.handler, certificate)
      yield* Effect.addFinalizer(() => Effect.orDie(server.ended))
    })
  )
