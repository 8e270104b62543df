/** Mail servers that nobody here wrote, started on loopback in a temporary folder. */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"

/** A message as the peer received it. */
export interface Received {
  readonly content: Uint8Array
}

/** A running peer. */
export interface Peer {
  readonly port: number
  /** The messages received so far, in order. */
  readonly received: () => ReadonlyArray<Received>
}

const runs = (command: string, args: ReadonlyArray<string>): boolean =>
  ChildProcess.spawnSync(command, args, { stdio: "ignore" }).error === undefined &&
  ChildProcess.spawnSync(command, args, { stdio: "ignore" }).status === 0

const systemPython = "/usr/bin/python3"

/** Why a peer cannot be used here, or undefined when it can. */
export const missing = {
  smtpSink: Fs.existsSync("/usr/sbin/smtp-sink") ? undefined : "smtp-sink is not installed (Debian package postfix)",
  aiosmtpd: runs(systemPython, ["-c", "import aiosmtpd"])
    ? undefined
    : "aiosmtpd is not installed (Debian package python3-aiosmtpd)"
}

/** A temporary folder that is gone with the scope. */
export const folder = Effect.acquireRelease(
  Effect.sync(() => {
    const path = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mail-"))
    // smtp-sink gives up its privileges and must still be able to write here.
    Fs.chmodSync(path, 0o777)
    return path
  }),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
)

/** A process that is killed with the scope. */
export const start = (command: string, args: ReadonlyArray<string>, cwd: string) =>
  Effect.acquireRelease(
    Effect.sync(() => ChildProcess.spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"] })),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

/** A port nobody listens on at the moment. */
export const freePort = Effect.callback<number>((resume) => {
  const server = Net.createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})

/** Waits until somebody listens on a TCP port of 127.0.0.1. */
export const listening = (port: number) =>
  Effect.callback<void, Error>((resume) => {
    const socket = Net.connect(port, "127.0.0.1", () => {
      socket.destroy()
      resume(Effect.void)
    })
    socket.once("error", (error) => resume(Effect.fail(error)))
  }).pipe(Effect.retry(Schedule.upTo(Schedule.spaced("20 millis"), { times: 500 })), Effect.orDie)

const messages = (path: string, isMessage: RegExp) =>
  Fs.readdirSync(path)
    .filter((name) => isMessage.test(name))
    .toSorted()
    .map((name): Received => ({ content: Fs.readFileSync(Path.join(path, name)) }))

/** aiosmtpd: no PIPELINING, no CHUNKING; keeps every byte. */
export const aiosmtpd = Effect.gen(function* () {
  const path = yield* folder
  const script = Path.join(import.meta.dirname, "aiosmtpd-sink.py")
  const child = yield* start(systemPython, [script, path], path)
  const port = yield* Effect.callback<number>((resume) => {
    child.stdout.once("data", (data: Buffer) => resume(Effect.succeed(Number(data.toString()))))
  })
  return { port, received: () => messages(path, /\.eml$/) } satisfies Peer
})

// What smtp-sink writes in front of a message: header lines of its own about the session.
const sinkHeader = /^(?:X-(?:Client-Addr|Client-Proto|Helo-Args|Mail-Args|Rcpt-Args): .*\n)+Received: .*\n(?:\t.*\n)*/

// smtp-sink writes LF line ends and one empty line behind the message.
const asSent = ({ content }: Received): Received => {
  const text = Buffer.from(content).toString("latin1").replace(sinkHeader, "").replace(/\n$/, "")
  return { content: Buffer.from(text.replaceAll("\n", "\r\n"), "latin1") }
}

/** Postfix's smtp-sink: PIPELINING and 8BITMIME. `options` are its own, such as `-q .`. */
export const smtpSink = Effect.fnUntraced(function* (...options: ReadonlyArray<string>) {
  const path = yield* folder
  const port = yield* freePort
  const user = process.getuid?.() === 0 ? ["-u", "nobody"] : []
  yield* start("/usr/sbin/smtp-sink", [...user, ...options, "-d", "mail.", `127.0.0.1:${port}`, "100"], path)
  yield* listening(port)
  return { port, received: () => messages(path, /^mail\./).map(asSent) } satisfies Peer
})
