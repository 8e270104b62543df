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
  readonly from: string
  readonly recipients: ReadonlyArray<string>
  /** The octets of the message, in latin1. */
  readonly content: string
}

/** A running peer. */
export interface Peer {
  readonly port: number
  /** The messages received so far, in no order. */
  readonly received: () => ReadonlyArray<Received>
}

const systemPython = "/usr/bin/python3"

const sink = "/usr/sbin/smtp-sink"

const microsocksPath = "/usr/bin/microsocks"

const tinyproxyPath = "/usr/bin/tinyproxy"

const hasAiosmtpd = (): boolean =>
  ChildProcess.spawnSync(systemPython, ["-c", "import aiosmtpd"], { stdio: "ignore" }).status === 0

/** Why a peer cannot be used here, or undefined when it can. */
export const missing = {
  smtpSink: Fs.existsSync(sink) ? undefined : "smtp-sink is not installed (Debian package postfix)",
  microsocks: Fs.existsSync(microsocksPath) ? undefined : "microsocks is not installed (Debian package microsocks)",
  tinyproxy: Fs.existsSync(tinyproxyPath) ? undefined : "tinyproxy is not installed (Debian package tinyproxy)",
  aiosmtpd: hasAiosmtpd() ? undefined : "aiosmtpd is not installed (Debian package python3-aiosmtpd)"
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

/** A process that ends with the scope; `died` ends with what it said when it ends before that. */
export const start = Effect.fnUntraced(function* (command: string, args: ReadonlyArray<string>, cwd: string) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => ChildProcess.spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"] })),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  let said = ""
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()))
  const died = Effect.callback<never>((resume) => {
    const gone = (status: unknown) => resume(Effect.die(new Error(`${command} ended: ${String(status)} ${said}`)))
    child.once("error", gone)
    child.once("close", gone)
  })
  return { child, died }
})

/** A port nobody listens on at the moment. */
export const freePort = Effect.callback<number>((resume) => {
  const server = Net.createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})

const connectsTo = (port: number) =>
  Effect.callback<void, Error>((resume) => {
    const socket = Net.connect(port, "127.0.0.1", () => {
      socket.destroy()
      resume(Effect.void)
    })
    socket.once("error", (error) => resume(Effect.fail(error)))
  })

/** Waits until somebody listens on a TCP port of 127.0.0.1. */
export const listening = (port: number) =>
  connectsTo(port).pipe(Effect.retry(Schedule.upTo(Schedule.spaced("20 millis"), { times: 500 })), Effect.orDie)

const read = (path: string, isMessage: RegExp): ReadonlyArray<string> =>
  Fs.readdirSync(path)
    .filter((name) => isMessage.test(name))
    .map((name) => Fs.readFileSync(Path.join(path, name), "latin1"))

/**
 * aiosmtpd: no PIPELINING, no CHUNKING; keeps every octet. It speaks TLS with a certificate and its key, both of them files,
 * `starttls` or from the first byte (`tls`).
 */
export const aiosmtpdWith = Effect.fnUntraced(function* (
  ...tls: readonly [] | readonly [certificate: string, key: string, how: "starttls" | "tls"]
) {
  const path = yield* folder
  const script = Path.join(import.meta.dirname, "aiosmtpd-sink.py")
  const { child, died } = yield* start(systemPython, [script, path, ...tls], path)
  const announced = Effect.callback<number>((resume) => {
    child.stdout.once("data", (chunk: Buffer) => resume(Effect.succeed(Number(chunk.toString()))))
  })
  const port = yield* Effect.raceFirst(announced, died)
  const received = () =>
    read(path, /\.eml$/).map((text): Received => {
      const [, from = "", to = "", content = ""] = /^(.*)\n(.*)\n([^]*)$/.exec(text) ?? []
      return { from, recipients: to.split(" "), content }
    })
  return { port, received } satisfies Peer
})

/** aiosmtpd in clear text. */
export const aiosmtpd = aiosmtpdWith()

// smtp-sink writes lines of its own in front of a message and an empty one behind it, all with LF.
const fromDump = (dump: string): Received => {
  const [header = ""] = /^(?:X-[A-Z][A-Za-z-]*: .*\n)+Received: .*\n(?:\t.*\n)*/.exec(dump) ?? []
  const paths = (name: string) =>
    [...header.matchAll(new RegExp(`^X-${name}-Args: <(.*?)>`, "gm"))].map((m) => m[1] ?? "")
  const content = dump.slice(header.length).replace(/\n$/, "").replaceAll("\n", "\r\n")
  return { from: paths("Mail").join(), recipients: paths("Rcpt"), content }
}

/** Postfix's smtp-sink: PIPELINING and 8BITMIME. `options` are its own, such as `-q .`. */
export const smtpSink = Effect.fnUntraced(function* (...options: ReadonlyArray<string>) {
  const path = yield* folder
  const port = yield* freePort
  const user = process.getuid?.() === 0 ? ["-u", "nobody"] : []
  const { died } = yield* start(sink, [...user, ...options, "-d", "mail.", `127.0.0.1:${port}`, "100"], path)
  yield* Effect.raceFirst(listening(port), died)
  return { port, received: () => read(path, /^mail\./).map(fromDump) } satisfies Peer
})

/** A login that a proxy wants. */
export interface Login {
  readonly username: string
  readonly password: string
}

/** The SOCKS 5 proxy microsocks. */
export const microsocks = Effect.fnUntraced(function* (login?: Login) {
  const port = yield* freePort
  const wanted = login === undefined ? [] : ["-u", login.username, "-P", login.password]
  const { died } = yield* start(microsocksPath, ["-i", "127.0.0.1", "-p", String(port), ...wanted], yield* folder)
  yield* Effect.raceFirst(listening(port), died)
  return { port }
})

/** The HTTP proxy tinyproxy, which connects to every port. */
export const tinyproxy = Effect.fnUntraced(function* (login?: Login) {
  const port = yield* freePort
  const path = yield* folder
  const wanted = login === undefined ? [] : [`BasicAuth ${login.username} ${login.password}`]
  const settings = [`Port ${port}`, "Listen 127.0.0.1", "Timeout 60", "MaxClients 20", ...wanted, ""]
  Fs.writeFileSync(Path.join(path, "tinyproxy.conf"), settings.join("\n"))
  const { died } = yield* start(tinyproxyPath, ["-d", "-c", Path.join(path, "tinyproxy.conf")], path)
  yield* Effect.raceFirst(listening(port), died)
  return { port }
})
