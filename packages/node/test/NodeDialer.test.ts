/** What only real sockets can show. */
import { Parcel } from "@effect-mail/message"
import { NodeDialer } from "@effect-mail/node"
import { Endpoint, Envelope, TlsPolicy } from "@effect-mail/protocol"
import { Mailbox, MailServer, Script, ScriptedServer, TestCertificate, TimeLapse } from "@effect-mail/testing"
import { Dialer, SmtpSession, SmtpSettings, SmtpTransport, Timeouts, type Wire } from "@effect-mail/transport"
import { afterAll, assert, beforeAll, describe, it, vi } from "@effect/vitest"
import { Duration, Effect, Fiber, Result, Stream } from "effect"
import * as Fs from "node:fs"
import * as Tls from "node:tls"
import * as Tcp from "./support/tcp.ts"

const host = "mail.example.com"
const certificates = Effect.runPromise(
  Effect.all({
    trusted: TestCertificate.make(host),
    untrusted: TestCertificate.make(host),
    ip: TestCertificate.make("127.0.0.1", "::1")
  })
)
const withCertificates = Effect.promise(() => certificates)

const settings: SmtpSettings.SmtpSettings = { ...SmtpSettings.standard, name: "client.example.com" }
const patience = Duration.seconds(20)

const at = (
  port: number,
  tls: TlsPolicy.TlsPolicy = TlsPolicy.none,
  more: Partial<Parameters<typeof Endpoint.make>[0]> = {}
) => Endpoint.make({ host, address: Tcp.loopback, port, tls, ...more })

const large = (octets: number): Uint8Array => {
  const body = new TextEncoder().encode(`Subject: Large\r\n\r\n${`${"x".repeat(70)}\r\n`.repeat(octets / 72)}`)
  return body
}

const parcel = (content: Uint8Array): Parcel.Parcel =>
  Result.getOrThrow(
    Parcel.fromBytes(content, Result.getOrThrow(Envelope.make({ from: "alice@example.com", to: "bob@example.org" })))
  )

const small = parcel(new TextEncoder().encode("Subject: Hello\r\n\r\nGood morning\r\n"))

const streamed = (content: Uint8Array): Parcel.Parcel => {
  const whole = parcel(content)
  const pieces = Array.from({ length: Math.ceil(content.length / 50_000) }, (_, i) =>
    content.subarray(i * 50_000, (i + 1) * 50_000)
  )
  return { ...whole, body: { ...whole.body, bytes: undefined, stream: Stream.fromIterable(pieces, { chunkSize: 1 }) } }
}

// A mail server on a port of its own, the dialer that trusts it, and its mailbox.
const serving = Effect.fnUntraced(function* (options: MailServer.Options = {}) {
  const { trusted } = yield* withCertificates
  const mailbox = yield* Mailbox.make
  const handler = yield* Effect.provideService(MailServer.make(options), Mailbox.Mailbox, mailbox)
  const { port } = yield* Tcp.listen(handler, options.certificate ?? trusted)
  return { port, mailbox, dialer: NodeDialer.make({ ca: trusted.certificate }) }
})

const scripted = Effect.fnUntraced(function* (...scripts: ReadonlyArray<Script.Script>) {
  const { trusted } = yield* withCertificates
  const server = ScriptedServer.make(...scripts)
  const place = yield* Tcp.listen(server.handler, trusted)
  yield* Effect.addFinalizer(() => Effect.orDie(server.ended))
  return place
})

const open = (
  endpoint: Endpoint.Endpoint,
  dialer: Dialer.Dialer["Service"],
  more: Partial<SmtpSettings.SmtpSettings> = {}
) => Effect.provideService(SmtpSession.open(endpoint, { ...settings, ...more }), Dialer.Dialer, dialer)

const send = (what: Parcel.Parcel, endpoint: Endpoint.Endpoint, dialer: Dialer.Dialer["Service"] = NodeDialer.make()) =>
  Effect.provideService(SmtpTransport.sendVia([endpoint], what, settings), Dialer.Dialer, dialer)

const failure = (
  wire: Effect.Effect<unknown, Wire.WireError, Effect.Services<ReturnType<Dialer.Dialer["Service"]["open"]>>>
) => Effect.scoped(Effect.flip(wire))

const hello: Script.Script = [
  Script.reply("220 mail.example.com"),
  Script.expectPrefix("EHLO "),
  Script.reply("250 mail.example.com")
]
const toData: Script.Script = [
  ...hello,
  Script.expectPrefix("MAIL "),
  Script.reply("250 Ok"),
  Script.expectPrefix("RCPT "),
  Script.reply("250 Ok"),
  Script.expect("DATA"),
  Script.reply("354 Go ahead")
]

// Such as listeners that are forgotten.
const warnings: Array<string> = []
const onWarning = (warning: Error): void => void warnings.push(warning.message)

beforeAll(() => void process.on("warning", onWarning))
afterAll(() => {
  process.off("warning", onWarning)
  assert.deepStrictEqual(warnings, [])
})

describe("what cannot be reached", () => {
  it.live("says in a sentence that nobody listens, and what to look at", () =>
    Effect.gen(function* () {
      const port = yield* Tcp.freePort
      const error = yield* failure(NodeDialer.make().open({ host, address: Tcp.loopback, port, timeout: patience }))
      assert.strictEqual(
        error.message,
        "connection refused. Nobody listens there: is the server running, and are host and port right?"
      )
    })
  )

  it.live("says so of a name that has several addresses, too", () =>
    Effect.gen(function* () {
      const port = yield* Tcp.freePort
      const error = yield* failure(NodeDialer.make().open({ host: "localhost", port, timeout: patience }))
      assert.strictEqual(error.reason, "refused")
    })
  )

  it.live("says that a host name is not known", () =>
    Effect.gen(function* () {
      const error = yield* failure(NodeDialer.make().open({ host: "nowhere.invalid", port: 25, timeout: patience }))
      assert.strictEqual(error.reason, "name")
    })
  )

  it.live("is this machine's own trouble when it has no such address (CLASS-14)", () =>
    Effect.gen(function* () {
      const { port } = yield* serving()
      const dialer = NodeDialer.make({ localAddress: "192.0.2.1" })
      const error = yield* failure(dialer.open({ host, address: Tcp.loopback, port, timeout: patience }))
      assert.strictEqual(error.reason, "local")
      assert.strictEqual(error.detail, "the local address is not available on this machine")
    }).pipe(Effect.scoped)
  )

  it.live("is this machine's own trouble when its certificate authorities are nonsense", () =>
    Effect.gen(function* () {
      const { port } = yield* serving()
      const dialer = NodeDialer.make({ ca: "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----" })
      const session = yield* Effect.flip(open(at(port, TlsPolicy.required), dialer))
      assert.include(session.message, "certificate authorities")
      assert.strictEqual(session.next, "later")
    }).pipe(Effect.scoped)
  )
})

describe("addresses", () => {
  it.live("the local address can be chosen, and is what the literal in EHLO says", () =>
    Effect.gen(function* () {
      const { port } = yield* scripted([
        Script.reply("220 mail.example.com"),
        Script.expect("EHLO [127.0.0.9]"),
        Script.reply("250 mail.example.com"),
        Script.expect("QUIT")
      ])
      yield* Effect.scoped(open(at(port), NodeDialer.make({ localAddress: "127.0.0.9" }), { name: undefined }))
    }).pipe(Effect.scoped)
  )
})

describe("TLS", () => {
  it.live("tells the facts of a session behind STARTTLS", () =>
    Effect.gen(function* () {
      const { dialer, port } = yield* serving()
      const { trusted } = yield* withCertificates
      const { tls } = yield* open(at(port, TlsPolicy.required), dialer)
      const der = trusted.certificate.replace(/-----[A-Z ]+-----|\s/g, "")
      const digest = yield* Effect.promise(() => crypto.subtle.digest("SHA-256", Buffer.from(der, "base64")))
      assert.deepInclude(tls, {
        protocol: "TLSv1.3",
        verified: true,
        fingerprint: Buffer.from(digest).toString("hex").toUpperCase().match(/../g)?.join(":")
      })
      assert.match(tls?.cipher ?? "", /^TLS_/)
    }).pipe(Effect.scoped)
  )

  it.live("from the first byte", () =>
    Effect.gen(function* () {
      const { dialer, mailbox, port } = yield* serving({ implicitTls: true })
      const [outcome] = yield* send(small, at(port, TlsPolicy.required, { implicitTls: true }), dialer)
      assert.strictEqual(outcome?._tag, "Delivered")
      assert.isTrue((yield* mailbox.all)[0]?.secure)
    }).pipe(Effect.scoped)
  )

  it.live("compares an IP address with the certificate (RFC 6066 section 3)", () =>
    Effect.gen(function* () {
      const { ip } = yield* withCertificates
      const { port } = yield* serving({ certificate: ip })
      const dialer = NodeDialer.make({ ca: [ip.certificate] })
      const session = yield* open(at(port, TlsPolicy.required, { host: "127.0.0.1" }), dialer)
      assert.isTrue(session.tls?.verified)
      const error = yield* Effect.flip(open(at(port, TlsPolicy.required), dialer))
      assert.strictEqual(error.reason, "the certificate is for another host name")
    }).pipe(Effect.scoped)
  )

  it.live("of an unknown authority is refused with a sentence that helps (CLASS-25)", () =>
    Effect.gen(function* () {
      const { untrusted } = yield* withCertificates
      const { dialer, port } = yield* serving({ certificate: untrusted })
      const error = yield* Effect.flip(open(at(port, TlsPolicy.required), dialer))
      assert.strictEqual(
        error.message,
        `${host}:${port}: the certificate is self-signed. Trust it with a CA file if it is yours`
      )
      assert.isFalse((yield* open(at(port, TlsPolicy.opportunistic), dialer)).tls?.verified)
    }).pipe(Effect.scoped)
  )

  it.live("at a port that begins in clear text says so (nodemailer#1154)", () =>
    Effect.gen(function* () {
      const { dialer, port } = yield* serving()
      const error = yield* Effect.flip(open(at(port, TlsPolicy.required, { implicitTls: true }), dialer))
      assert.strictEqual(
        error.message,
        `${host}:${port}: the server does not speak TLS from the first byte. Use smtp:// (STARTTLS) for this port instead of smtps://`
      )
    }).pipe(Effect.scoped)
  )

  it.effect("that a server expects from a client who waits for a greeting: the time ends it, and the hint helps", () =>
    Effect.gen(function* () {
      const { dialer, port } = yield* serving({ implicitTls: true })
      const error = yield* TimeLapse.run(Effect.flip(open(at(port), dialer)))
      assert.strictEqual(error.stage, "greeting")
      assert.include(error.message, "use implicit TLS")
    }).pipe(Effect.scoped)
  )

  it.live("below 1.2 is refused, and below 1.3 where that is demanded (RFC 8996)", () =>
    Effect.gen(function* () {
      const { trusted } = yield* withCertificates
      const server = yield* Effect.acquireRelease(
        Effect.callback<Tls.Server>((resume) => {
          const server = Tls.createServer({ key: trusted.key, cert: trusted.certificate, maxVersion: "TLSv1.2" })
          server.on("tlsClientError", () => undefined)
          server.listen(0, Tcp.loopback, () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close())
      )
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const target = { host, address: Tcp.loopback, port, timeout: patience, tls: { host, verify: true } }
      const wire = yield* NodeDialer.make({ ca: trusted.certificate }).open(target)
      assert.strictEqual(wire.tls()?.protocol, "TLSv1.2")
      const error = yield* failure(NodeDialer.make({ ca: trusted.certificate, minVersion: "TLSv1.3" }).open(target))
      assert.strictEqual(error.reason, "tls")
    }).pipe(Effect.scoped)
  )
})

describe("large messages", () => {
  const body = large(20 * 1024 * 1024)
  const shapes = { bytes: parcel(body), "a stream": streamed(body) }
  for (const [shape, what] of Object.entries(shapes)) {
    for (const tls of [TlsPolicy.none, TlsPolicy.required]) {
      it.live(`of 20 MB from ${shape} arrive whole (TLS: ${tls._tag})`, () =>
        Effect.gen(function* () {
          const { dialer, mailbox, port } = yield* serving()
          const [outcome] = yield* send(what, at(port, tls), dialer)
          assert.strictEqual(outcome?._tag, "Delivered")
          const [mail] = yield* mailbox.all
          assert.isTrue(Buffer.from(body).equals(mail?.content ?? new Uint8Array()))
        }).pipe(Effect.scoped)
      )
    }
  }

  it.live("to a server that does not read: the sending waits and can be interrupted", () =>
    Effect.gen(function* () {
      const { port } = yield* scripted([...toData, Script.stall])
      const sending = yield* Effect.forkChild(send(streamed(body), at(port)))
      // Enough turns of the event loop for everything that can still be written.
      yield* Effect.forEach(Array.from({ length: 500 }), () => Effect.yieldNow, { discard: true })
      assert.isUndefined(sending.pollUnsafe())
      yield* Fiber.interrupt(sending)
    }).pipe(Effect.scoped)
  )

  it.live("that a server refuses in the middle are given up at once, with its reply (CLASS-49)", () =>
    Effect.gen(function* () {
      const { port } = yield* scripted([
        ...toData,
        Script.expectBytes("Subject: Large"),
        Script.reply("552 5.3.4 Too large"),
        Script.stall
      ])
      const [outcome] = yield* send(streamed(body), at(port))
      assert.strictEqual(outcome?._tag === "Failed" ? outcome.failure.code : undefined, 552)
    }).pipe(Effect.scoped)
  )

  it.live("whose server resets the connection in the middle: lost, and certainly not delivered (CLASS-48)", () =>
    Effect.gen(function* () {
      const { port } = yield* scripted([...toData, Script.expectBytes("Subject: Large"), Script.reset])
      const [outcome] = yield* send(parcel(body), at(port))
      if (outcome?._tag !== "Failed") return assert.fail("expected a failure")
      assert.deepInclude(outcome.failure, { _tag: "TempFailure", stage: "body", uncertain: false })
    }).pipe(Effect.scoped)
  )
})

describe("a server that hangs up", () => {
  it.live("behind a farewell: the farewell is heard, whatever is being written", () =>
    Effect.gen(function* () {
      for (let round = 0; round < 30; round++) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { port } = yield* scripted([
              ...hello,
              Script.expectPrefix("MAIL "),
              Script.reply("421 4.3.2 Bye"),
              Script.close
            ])
            const [outcome] = yield* send(small, at(port))
            assert.strictEqual(outcome?._tag === "Failed" ? outcome.failure.code : undefined, 421)
          })
        )
      }
    })
  )

  // An unheard `error` event would end the process; the test runner reports it as an error of the run (nodemailer#1801, #1713).
  const points: Readonly<Record<string, Script.Script>> = {
    "at once": [],
    "behind the greeting": [Script.reply("220 mail.example.com")],
    "at EHLO": hello.slice(0, 2),
    "behind EHLO": hello,
    "in the handshake": [...starting(), Script.expect("STARTTLS"), Script.reply("220 Go ahead")],
    "behind the handshake": [...starting(), Script.expect("STARTTLS"), Script.reply("220 Go ahead"), Script.startTls],
    "under TLS": [
      ...starting(),
      Script.expect("STARTTLS"),
      Script.reply("220 Go ahead"),
      Script.startTls,
      Script.expectPrefix("EHLO ")
    ]
  }
  for (const [where, script] of Object.entries(points)) {
    for (const end of [Script.reset, Script.close]) {
      it.live(`${where} (${end.what}): is a failure and nothing else`, () =>
        Effect.gen(function* () {
          const rounds = 10
          const { port } = yield* scripted(...Array.from({ length: rounds }, () => [...script, end]))
          for (let round = 0; round < rounds; round++) {
            const [outcome] = yield* send(small, at(port, TlsPolicy.requiredUnverified))
            assert.strictEqual(outcome?._tag, "Failed")
          }
        }).pipe(Effect.scoped)
      )
    }
  }
})

function starting(): Script.Script {
  return [
    Script.reply("220 mail.example.com"),
    Script.expectPrefix("EHLO "),
    Script.reply("250-mail.example.com", "250 STARTTLS")
  ]
}

// File descriptors that are sockets, and the handles that Node.js keeps alive.
const sockets = (): number =>
  Fs.existsSync("/proc/self/fd")
    ? Fs.readdirSync("/proc/self/fd").filter((fd) => {
        try {
          return Fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket:")
        } catch {
          return false
        }
      }).length
    : 0
const handles = (): number => process.getActiveResourcesInfo().filter((name) => name.startsWith("TCP")).length

// Closing takes a few turns of the event loop.
const back = Effect.fnUntraced(function* (before: ReturnType<typeof counted>) {
  while (sockets() > before.sockets || handles() > before.handles) yield* Effect.yieldNow
})
const counted = () => ({ sockets: sockets(), handles: handles() })

describe("connections", () => {
  it.effect("that are given up are closed at once, not with their scope", () =>
    Effect.gen(function* () {
      const port = yield* Tcp.silentPort
      if (port === undefined) return
      const before = counted()
      const target = { host, address: Tcp.loopback, port, timeout: Duration.seconds(20) }
      const error = yield* TimeLapse.run(Effect.flip(NodeDialer.make().open(target)))
      assert.strictEqual(
        error.message,
        `no connection within 20s. Is a firewall between this machine and port ${port}? Many networks block port 25`
      )
      yield* back(before)
    }).pipe(Effect.scoped)
  )

  it.live("to a server that never reads are closed a second after their scope", () =>
    Effect.gen(function* () {
      const { port } = yield* Tcp.listen(() => Effect.never)
      const before = counted()
      yield* Effect.scoped(
        Effect.gen(function* () {
          const wire = yield* NodeDialer.make().open({ host, address: Tcp.loopback, port, timeout: patience })
          yield* Effect.forkScoped(wire.write([large(16 * 1024 * 1024)]), { startImmediately: true })
          yield* Effect.forEach(Array.from({ length: 100 }), () => Effect.yieldNow, { discard: true })
          // Only the platform's own timers, whose second need not be waited for.
          vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })
        })
      )
      vi.advanceTimersByTime(1000)
      // The server's end of the connection stays.
      yield* back({ sockets: before.sockets + 1, handles: before.handles + 1 })
    }).pipe(Effect.ensuring(Effect.sync(() => vi.useRealTimers())), Effect.scoped)
  )

  it.effect("that fail in several ways leave no socket and no handle behind", () =>
    Effect.gen(function* () {
      const { untrusted } = yield* withCertificates
      const before = counted()
      yield* Effect.gen(function* () {
        const { dialer, port } = yield* serving({ certificate: untrusted })
        const stalling = yield* Tcp.listen(() => Effect.never)
        const resetting = yield* Tcp.listen((wire) => wire.reset)
        const closed = yield* Tcp.freePort
        const short = { ...settings, timeouts: Timeouts.atMost(Timeouts.standard, Duration.seconds(20)) }
        const attempt = (endpoint: Endpoint.Endpoint) =>
          Effect.provideService(SmtpTransport.sendVia([endpoint], small, short), Dialer.Dialer, dialer)
        const ways = [
          attempt(at(port)),
          attempt(at(port, TlsPolicy.required)),
          attempt(at(port, TlsPolicy.required, { implicitTls: true })),
          attempt(at(stalling.port)),
          attempt(at(stalling.port, TlsPolicy.required, { implicitTls: true })),
          attempt(at(resetting.port)),
          attempt(at(resetting.port, TlsPolicy.required, { implicitTls: true })),
          attempt(at(closed)),
          Effect.timeoutOption(attempt(at(stalling.port)), "5 seconds"),
          Effect.timeoutOption(attempt(at(port)), "1 second")
        ]
        const often = Effect.forEach(Array.from({ length: 50 }), () => Effect.all(ways, { concurrency: "unbounded" }), {
          concurrency: 2
        })
        yield* TimeLapse.run(often)
      }).pipe(Effect.scoped)
      yield* back(before)
    })
  )
})
