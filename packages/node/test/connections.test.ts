/** From where, to where and for how long: addresses, Unix domain sockets, injected bytes, and what is left when it fails. */
import { NodeDialer } from "@effect-mail/node"
import { Endpoint, TlsPolicy } from "@effect-mail/protocol"
import { Script, ScriptedServer, ServerWire, TestCertificate } from "@effect-mail/testing"
import { Dialer, Proxy, SmtpSession, SmtpSettings, Timeouts, type Wire } from "@effect-mail/transport"
import { NodeSocketServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Tls from "node:tls"
import * as Tcp from "./support/tcp.ts"

const host = "mail.example.com"
const patience = Duration.seconds(30)
const certificate = Effect.runPromise(TestCertificate.make(host))
const withCertificate = Effect.promise(() => certificate)
const settings = { ...SmtpSettings.standard, name: "client.example.com" }

/** A server of `node:net`; ends with its scope, and its connections with it. */
const listening = Effect.fnUntraced(function* (
  onConnection: (socket: Net.Socket) => void,
  where: Net.ListenOptions = { host: Tcp.loopback, port: 0 }
) {
  const sockets = new Set<Net.Socket>()
  let accepted = 0
  const server = Net.createServer((socket) => {
    accepted++
    sockets.add(socket)
    socket.on("error", () => socket.destroy())
    socket.on("close", () => sockets.delete(socket))
    onConnection(socket)
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen({ backlog: 2000, ...where }, () => resume(Effect.void))),
    () =>
      Effect.callback<void>((resume) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resume(Effect.void))
      })
  )
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return { port, sockets, accepted: () => accepted }
})

const remote = (socket: Net.Socket): void =>
  void socket.end(`220 ${socket.remoteAddress ?? "?"} ${socket.remotePort ?? "?"}\r\n`)

const text = (octets: Uint8Array): string => new TextDecoder().decode(octets)

/** What a server says first. */
const greeting = (dialer: Dialer.Dialer["Service"], target: Omit<Dialer.Target, "timeout">) =>
  Effect.scoped(Effect.flatMap(dialer.open({ ...target, timeout: patience }), (wire) => Effect.map(wire.read, text)))

describe("where connections come from", () => {
  it.live("is the local address and port that were chosen", () =>
    Effect.gen(function* () {
      const { port } = yield* listening(remote)
      const localPort = yield* Tcp.freePort
      const dialer = NodeDialer.make({ localAddress: "127.0.0.7", localPort })
      assert.strictEqual(
        yield* greeting(dialer, { host, address: Tcp.loopback, port }),
        `220 127.0.0.7 ${localPort}\r\n`
      )
    }).pipe(Effect.scoped)
  )

  it.live("is the local address of the server's family, and a family without one is not used (CLASS-13)", () =>
    Effect.gen(function* () {
      const { port } = yield* listening(remote)
      const both = NodeDialer.make({ localAddress: ["::1", "127.0.0.8"] })
      assert.match(yield* greeting(both, { host, address: Tcp.loopback, port }), /^220 127\.0\.0\.8 /)
      for (const dialer of [NodeDialer.make({ localAddress: "::1" }), NodeDialer.make({ family: "IPv6" })]) {
        const error = yield* Effect.flip(greeting(dialer, { host, address: Tcp.loopback, port }))
        assert.deepStrictEqual(
          [error.reason, error.detail],
          ["refused", "the host has no address of the IP family that connections are made with"]
        )
      }
    }).pipe(Effect.scoped)
  )

  it.live("that cannot be used is this machine's own trouble (CLASS-14)", () =>
    Effect.gen(function* () {
      const { port } = yield* listening(remote)
      for (const [options, detail] of [
        [{ localAddress: "mail.example.com" }, '"mail.example.com" is no IP address to connect from'],
        [{ localAddress: ["127.0.0.1", ""] }, '"" is no IP address to connect from'],
        [{ localPort: 0 }, "0 is no port to connect from"],
        [{ localPort: 65536 }, "65536 is no port to connect from"],
        [{ localAddress: "192.0.2.1" }, "the local address is not available on this machine"],
        [{ localAddress: Tcp.loopback, localPort: port }, "the local port is in use"]
      ] as const) {
        const error = yield* Effect.flip(greeting(NodeDialer.make(options), { host, address: Tcp.loopback, port }))
        assert.deepStrictEqual([error.reason, error.detail], ["local", detail])
      }
    }).pipe(Effect.scoped)
  )
})

describe("a name with several addresses (RFC 8305)", () => {
  it.live("is reached at the one that answers, whichever family it is", () =>
    Effect.gen(function* () {
      const { port } = yield* listening(remote)
      assert.match(yield* greeting(NodeDialer.make(), { host: "localhost", port }), /^220 127\.0\.0\.1 /)
      assert.match(yield* greeting(NodeDialer.make({ family: "IPv4" }), { host: "localhost", port }), /^220 /)
    }).pipe(Effect.scoped)
  )
})

describe("Unix domain sockets", () => {
  const folder = Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mail-"))),
    (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
  )

  it.live("carry a session, in clear text and with STARTTLS", () =>
    Effect.gen(function* () {
      const path = Path.join(yield* folder, "lmtp")
      const certificate = yield* withCertificate
      const hello = [Script.reply(`220 ${host}`), Script.expect("LHLO client.example.com")]
      const server = ScriptedServer.make(
        [...hello, Script.reply(`250 ${host}`), Script.expect("QUIT")],
        [
          ...hello,
          Script.reply(`250-${host}`, "250 STARTTLS"),
          Script.expect("STARTTLS"),
          Script.reply("220 Go ahead"),
          Script.startTls,
          Script.expect("LHLO client.example.com"),
          Script.reply(`250 ${host}`),
          Script.expect("QUIT")
        ]
      )
      const listener = yield* Layer.build(NodeSocketServer.layer({ path }))
      yield* Effect.provide(ServerWire.serve(server.handler, certificate), listener)
      for (const tls of [TlsPolicy.none, TlsPolicy.requiredUnverified]) {
        const endpoint = Endpoint.unix(path, { protocol: "lmtp", tls })
        const session = Effect.map(SmtpSession.open(endpoint, settings), ({ tls }) => tls?.protocol)
        const protocol = yield* Effect.provideService(Effect.scoped(session), Dialer.Dialer, NodeDialer.make())
        assert.strictEqual(protocol, tls._tag === "None" ? undefined : "TLSv1.3")
      }
      yield* Effect.orDie(server.ended)
    }).pipe(Effect.scoped)
  )

  it.live("that are not there, or that nobody listens at, are refused with their path (CLASS-13)", () =>
    Effect.gen(function* () {
      const directory = yield* folder
      const gone = Path.join(directory, "gone")
      const server = Net.createServer()
      yield* Effect.callback<void>((resume) => void server.listen(gone, () => resume(Effect.void)))
      Fs.renameSync(gone, `${gone}.old`)
      yield* Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
      for (const [path, detail] of [
        [Path.join(directory, "nothing"), "no such socket"],
        [`${gone}.old`, "connection refused"]
      ] as const) {
        const open = Effect.scoped(SmtpSession.open(Endpoint.unix(path), settings))
        const failure = yield* Effect.flip(Effect.provideService(open, Dialer.Dialer, NodeDialer.make()))
        assert.deepInclude(failure, { _tag: "Unreachable", stage: "connect", enhanced: "4.4.1" })
        assert.include(failure.message, `${path}: ${detail}`)
      }
    }).pipe(Effect.scoped)
  )
})

describe("bytes in clear text at the change to TLS (CVE-2011-0411, TLS-003, V-120)", () => {
  const wire = (port: number) => NodeDialer.make().open({ host, address: Tcp.loopback, port, timeout: patience })
  const anything: Wire.TlsDemand = { host, verify: false }

  it.live("from the server, in the segment of its reply: the session ends before the handshake", () =>
    Effect.gen(function* () {
      let hello = 0
      const { port } = yield* listening((socket) => {
        socket.write("220 mail.example.com\r\n")
        socket.on("data", (chunk: Buffer) => {
          const said = chunk.toString("latin1")
          if (said.startsWith("EHLO")) socket.write("250-mail.example.com\r\n250 STARTTLS\r\n")
          else if (said.startsWith("STARTTLS")) socket.write("220 Go ahead\r\n250 injected\r\n")
          else if (chunk[0] === 22) hello++
        })
      })
      const endpoint = Endpoint.make({ host, address: Tcp.loopback, port, tls: TlsPolicy.required })
      const open = Effect.scoped(SmtpSession.open(endpoint, settings))
      const failure = yield* Effect.flip(Effect.provideService(open, Dialer.Dialer, NodeDialer.make()))
      assert.deepInclude(failure, { _tag: "Unreachable", stage: "tls", enhanced: "4.7.5" })
      assert.include(failure.message, "Somebody may be tampering with the connection")
      assert.strictEqual(hello, 0)
    }).pipe(Effect.scoped)
  )

  it.live("from the server, still in the system's buffer: the handshake fails", () =>
    Effect.gen(function* () {
      const { authority, key } = { authority: (yield* withCertificate).certificate, key: (yield* withCertificate).key }
      const { port } = yield* listening((socket) => {
        socket.once("data", () => {
          socket.write("250 injected\r\n")
          const secured = new Tls.TLSSocket(socket, { isServer: true, cert: authority, key })
          secured.on("error", () => socket.destroy())
        })
      })
      const client = yield* wire(port)
      const error = yield* Effect.flip(client.secure(anything))
      assert.include(["tls", "protocol"], error.reason)
      yield* Effect.flip(client.read)
    }).pipe(Effect.scoped)
  )

  it.live("from the client: a server of ours forgets them (TLS-004)", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const handler: ServerWire.Handler = (server) =>
        Effect.ignore(
          Effect.gen(function* () {
            heard.push(text(yield* server.read).split("\r\n")[0] ?? "")
            yield* server.write(new TextEncoder().encode("220 Go ahead\r\n"))
            yield* server.secure
            heard.push(text(yield* server.read))
          })
        )
      const { port } = yield* Tcp.listen(handler, yield* withCertificate)
      const client = yield* wire(port)
      yield* client.write([new TextEncoder().encode("STARTTLS\r\nEHLO injected.example\r\n")])
      yield* client.read
      yield* client.secure(anything)
      yield* client.write([new TextEncoder().encode("EHLO client.example.com\r\n")])
      while (heard.length < 2) yield* Effect.yieldNow
      assert.deepStrictEqual(heard, ["STARTTLS", "EHLO client.example.com\r\n"])
    }).pipe(Effect.scoped)
  )
})

describe("a port of the other kind (nodemailer#1154)", () => {
  const session = (port: number, options: Partial<Parameters<typeof Endpoint.make>[0]>) =>
    Effect.provideService(
      Effect.flip(
        Effect.scoped(SmtpSession.open(Endpoint.make({ host, address: Tcp.loopback, port, ...options }), settings))
      ),
      Dialer.Dialer,
      NodeDialer.make()
    )

  it.live("that answers a client in clear text with a TLS alert is recognised (CLASS-19)", () =>
    Effect.gen(function* () {
      const { port } = yield* listening((socket) => socket.end(Buffer.of(21, 3, 3, 0, 2, 2, 80)))
      const failure = yield* session(port, { tls: TlsPolicy.opportunistic })
      assert.deepInclude(failure, { _tag: "Unreachable", stage: "greeting", enhanced: "4.5.0" })
      assert.include(failure.message, "this port speaks TLS from the first byte, so use implicit TLS")
    }).pipe(Effect.scoped)
  )

  it.live("that hangs up without a greeting may be one, and the hint says so", () =>
    Effect.gen(function* () {
      const { port } = yield* listening((socket) => socket.end())
      const failure = yield* session(port, { tls: TlsPolicy.opportunistic })
      assert.deepInclude(failure, { _tag: "Unreachable", stage: "greeting", enhanced: "4.4.2" })
      assert.include(failure.message, "If this port speaks TLS from the first byte, as 465 does, use implicit TLS")
    }).pipe(Effect.scoped)
  )

  it.live("that greets a client of TLS in clear text, before it has said anything or after, is recognised", () =>
    Effect.gen(function* () {
      const greet = (socket: Net.Socket): void => void socket.write("220 mail.example.com ESMTP\r\n")
      const atOnce = yield* listening(greet)
      const late = yield* listening((socket) => socket.once("data", () => greet(socket)))
      for (const { port } of [atOnce, late]) {
        const failure = yield* session(port, { implicitTls: true })
        assert.deepInclude(failure, { _tag: "Unreachable", stage: "tls", enhanced: "4.7.5" })
        assert.include(
          failure.message,
          "the server does not speak TLS from the first byte. Use smtp:// (STARTTLS) for this port instead of smtps://"
        )
      }
    }).pipe(Effect.scoped)
  )
})

// File descriptors of this process that are sockets, and the handles that Node.js keeps alive.
const sockets = (): number =>
  Fs.readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return Fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket:")
    } catch {
      return false
    }
  }).length
const handles = (): number => process.getActiveResourcesInfo().filter((name) => name.startsWith("TCP")).length

// A turn of the event loop, which the test's clock does not know.
const turn = Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))
const turns = (count: number) => Effect.repeat(turn, { times: count })
const until = (condition: () => boolean) =>
  Effect.suspend(() => turn).pipe(Effect.repeat({ until: () => Effect.sync(condition) }))

describe("10,000 connections that fail in ten ways", () => {
  const rounds = 10
  const batch = 100
  const here = { host, address: Tcp.loopback }

  it.effect.skipIf(!Fs.existsSync("/proc/self/fd"))(
    "end at their deadline where they stall, and leave no file descriptor and no handle (CLASS-13, 16, 19, 25)",
    () =>
      Effect.gen(function* () {
        const pem = yield* withCertificate
        const closed = yield* Tcp.freePort
        const silent = yield* listening((socket) => void socket.resume())
        const resets = yield* listening((socket) => void socket.resetAndDestroy())
        const closes = yield* listening((socket) => void socket.resume().end())
        const greets = yield* listening((socket) => void socket.resume().write(`220 ${host}\r\n`))
        const injects = yield* listening((socket) => {
          socket.write(`220 ${host}\r\n`)
          socket.on("data", (said: Buffer) =>
            socket.write(said.includes("EHLO") ? `250-${host}\r\n250 STARTTLS\r\n` : "220 Go\r\n250 injected\r\n")
          )
        })
        const refuses = yield* listening((socket) => {
          socket.once("data", () => {
            socket.write(Buffer.of(5, 0))
            socket.once("data", () => socket.end(Buffer.of(5, 5, 0, 1, 0, 0, 0, 0, 0, 0)))
          })
        })
        // Another authority than the one that is trusted.
        const secure = Tls.createSecureContext({ key: pem.key, cert: pem.certificate })
        const untrusted = yield* listening((socket) => {
          const secured = new Tls.TLSSocket(socket, { isServer: true, secureContext: secure })
          secured.on("error", () => socket.destroy())
        })
        const servers = [silent, resets, closes, greets, injects, refuses, untrusted]

        const plain = NodeDialer.make()
        const proxied = (port: number) =>
          NodeDialer.make({ proxy: { protocol: "socks5", host: Tcp.loopback, port, login: undefined } })
        const session = (port: number, options: Partial<Parameters<typeof Endpoint.make>[0]> = {}, dialer = plain) =>
          SmtpSession.open(Endpoint.make({ ...here, port, tls: TlsPolicy.opportunistic, ...options }), {
            ...settings,
            timeouts: Timeouts.atMost(Timeouts.standard, patience)
          }).pipe(
            Effect.provideService(Dialer.Dialer, dialer),
            Effect.flip,
            Effect.map(({ reason, stage }) => `${stage}: ${reason}`)
          )
        const late = "no answer within 30s (greeting)"
        const ways: Readonly<Record<string, Effect.Effect<string, unknown, Scope.Scope>>> = {
          "connect: connection refused": session(closed),
          // How far the client had come by then is not the same each time.
          "the server reset the connection": Effect.map(session(resets.port), (said) =>
            said.replace(/^(?:connect|greeting): /, "")
          ),
          "greeting: the server closed the connection": session(closes.port),
          [`greeting: ${late}`]: session(silent.port),
          "tls: the server does not speak TLS from the first byte": session(greets.port, { implicitTls: true }),
          "tls: the certificate is self-signed": session(untrusted.port, {
            implicitTls: true,
            tls: TlsPolicy.required
          }),
          "connect: no connection within 30s": session(silent.port, { implicitTls: true }),
          "connect: connection refused, says the proxy": session(1, {}, proxied(refuses.port)),
          "connect: no connection within 30s, by a proxy": session(1, {}, proxied(silent.port)),
          "tls: the server sent clear text between its reply to STARTTLS and the handshake": session(injects.port, {
            tls: TlsPolicy.required
          })
        }
        assert.lengthOf(Object.keys(ways), 10)

        // What is loaded at the first use stays.
        yield* Effect.scoped(session(closed))
        const before = { sockets: sockets(), handles: handles() }
        for (const [expected, attempt] of Object.entries(ways)) {
          for (let round = 0; round < rounds; round++) {
            const stalls = expected.includes("30s")
            const accepted = silent.accepted()
            const fibers = yield* Effect.forEach(Array.from({ length: batch }), () =>
              Effect.forkScoped(Effect.scoped(attempt), { startImmediately: true })
            )
            if (stalls) {
              yield* until(() => silent.accepted() === accepted + batch)
              // The client hears of it a little later.
              yield* turns(20)
              yield* TestClock.adjust(patience)
            }
            for (const fiber of fibers) {
              assert.strictEqual(yield* Fiber.join(fiber), expected.replace(", by a proxy", ""))
            }
          }
        }
        // The servers are still there, so that none of their ends has closed a connection for us.
        yield* until(() => servers.every((server) => server.sockets.size === 0))
        yield* until(() => sockets() <= before.sockets && handles() <= before.handles)
        assert.strictEqual(
          servers.reduce((sum, server) => sum + server.accepted(), 0),
          9 * rounds * batch
        )
      }).pipe(Effect.scoped),
    180_000
  )

  it.effect("are closed at once when their opening is interrupted, wherever it stands", () =>
    Effect.gen(function* () {
      const silent = yield* listening((socket) => void socket.resume())
      const target = { ...here, port: silent.port, timeout: patience }
      const proxy: Proxy.Proxy = { protocol: "http", host: Tcp.loopback, port: silent.port, login: undefined }
      const opens = {
        "in the handshake": NodeDialer.make().open({ ...target, tls: { host, verify: true } }),
        "at the proxy": NodeDialer.make({ proxy }).open(target)
      }
      const scope = yield* Scope.make()
      for (const open of Object.values(opens)) {
        const accepted = silent.accepted()
        const opening = yield* Effect.forkScoped(Scope.provide(open, scope), { startImmediately: true })
        yield* until(() => silent.accepted() > accepted)
        yield* turns(20)
        yield* Fiber.interrupt(opening)
        yield* until(() => silent.sockets.size === 0)
      }
      yield* Scope.close(scope, Exit.void)
    }).pipe(Effect.scoped)
  )
})
