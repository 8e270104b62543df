/** Runs the program: in this process with its console captured, or as its users do, in a process of its own. */
import { Cli } from "@effect-mail/cli"
import { NodeServices } from "@effect/platform-node"
import {
  type Cause,
  ConfigProvider,
  Console,
  Effect,
  Layer,
  Option,
  Queue,
  Sink,
  Stdio,
  Stream,
  Terminal
} from "effect"
import { TestConsole } from "effect/testing"
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"

export interface Surroundings {
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly stdin?: string | Uint8Array | undefined
  /** Keys that a person at a terminal presses when asked; without them there is no terminal. */
  readonly keys?: ReadonlyArray<string> | undefined
  /** Told of each line on standard error. */
  readonly onError?: ((line: string) => void) | undefined
}

export interface Ended {
  readonly status: number | null
  readonly out: ReadonlyArray<string>
  readonly err: ReadonlyArray<string>
}

const bytesOf = (input: string | Uint8Array): Uint8Array =>
  typeof input === "string" ? new TextEncoder().encode(input) : input

// What is asked at the terminal goes to `asked`.
const stdio = ({ keys, stdin }: Surroundings, asked: Array<string>) =>
  Stdio.layerTest({
    ...(stdin === undefined ? {} : { stdin: Stream.make(bytesOf(stdin)) }),
    stdinIsTerminal: Effect.succeed(keys !== undefined),
    stderr: () => Sink.forEach((text) => Effect.sync(() => asked.push(String(text))))
  })

const noDisplay = Effect.die("Standard output is for outcomes")

const keyboard = (keys: ReadonlyArray<string>) =>
  Layer.succeed(
    Terminal.Terminal,
    Terminal.make({
      columns: Effect.succeed(80),
      rows: Effect.succeed(24),
      size: Effect.never,
      display: () => noDisplay,
      readLine: Effect.never,
      readInput: Effect.gen(function* () {
        const queue = yield* Queue.make<Terminal.UserInput, Cause.Done>()
        for (const key of keys) {
          const input = key.length === 1 ? Option.some(key) : Option.none()
          yield* Queue.offer(queue, { input, key: { name: key, ctrl: false, meta: false, shift: false } })
        }
        yield* Queue.end(queue)
        return queue
      })
    })
  )

/** Runs the program in this process. */
export const run = Effect.fnUntraced(function* (args: ReadonlyArray<string>, surroundings: Surroundings = {}) {
  const console = yield* TestConsole.make
  const error = (line: string): void => {
    console.error(line)
    surroundings.onError?.(line)
  }
  const asked: Array<string> = []
  const services = Layer.mergeAll(
    NodeServices.layer,
    stdio(surroundings, asked),
    ...(surroundings.keys === undefined ? [] : [keyboard(surroundings.keys)])
  )
  const status = yield* Cli.runWith(args).pipe(
    Effect.provide(services),
    Effect.provideService(Console.Console, { ...console, error }),
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(surroundings.env ?? {}))
  )
  const [out, err] = [yield* console.logLines, yield* console.errorLines]
  return { status, out: out.map(String), err: err.map(String), asked: asked.join("") }
})

const bin = Path.resolve(import.meta.dirname, "../../src/bin.ts")

/** The program as a process, killed when the scope ends. */
export const start = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      ChildProcess.spawn(process.execPath, ["--conditions=source", bin, ...args], {
        env: { PATH: process.env["PATH"], ...env },
        stdio: "pipe"
      })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

const lines = (chunks: ReadonlyArray<Buffer>): ReadonlyArray<string> =>
  Buffer.concat(chunks)
    .toString()
    .split("\n")
    .filter((line) => line !== "")

/** What a process has printed when it has ended. */
export const ended = (child: ChildProcess.ChildProcessWithoutNullStreams): Effect.Effect<Ended> =>
  Effect.callback((resume) => {
    const out: Array<Buffer> = []
    const err: Array<Buffer> = []
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk))
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk))
    child.once("close", (status) => resume(Effect.succeed({ status, out: lines(out), err: lines(err) })))
  })

/** Runs the program in a process of its own, with this on standard input. */
export const spawn = (args: ReadonlyArray<string>, surroundings: Pick<Surroundings, "env" | "stdin"> = {}) =>
  Effect.scoped(
    Effect.gen(function* () {
      const child = yield* start(args, surroundings.env)
      child.stdin.end(surroundings.stdin)
      return yield* ended(child)
    })
  )
