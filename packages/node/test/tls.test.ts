/** TLS of real sockets: what is demanded is proved or nothing is sent, and what was proved is told. */
import { NodeDialer } from "@effect-mail/node"
import { Endpoint, TlsPolicy } from "@effect-mail/protocol"
import { Script, ScriptedServer, TestCertificate } from "@effect-mail/testing"
import { Dialer, SmtpSession, SmtpSettings, type Wire } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted } from "effect"
import { TestClock } from "effect/testing"
import * as Net from "node:net"
import * as Tls from "node:tls"
import * as Tcp from "./support/tcp.ts"

const host = "mail.example.com"
const patience = Duration.seconds(20)
const { make, makeWith } = TestCertificate

const certificates = Effect.runPromise(
  Effect.gen(function* () {
    const authority = yield* make("Test Authority")
    const issued = (...names: readonly [string, ...ReadonlyArray<string>]) => makeWith(names, { issuer: authority })
    return {
      authority,
      good: yield* issued(host),
      other: yield* issued("other.example.com"),
      commonNameOnly: yield* makeWith(["other.example.com"], { issuer: authority, commonName: host }),
      wildcard: yield* issued("*.example.com"),
      partial: yield* issued("m*.example.com"),
      wholeDomain: yield* issued("*.com"),
      deep: yield* issued("*.mail.example.com"),
      longer: yield* issued(`${host}.example.org`),
      ip: yield* issued("127.0.0.1", "::1"),
      ipAsName: yield* makeWith(["localhost"], { issuer: authority, commonName: "127.0.0.1" }),
      expired: yield* makeWith([host], { issuer: authority, validTo: new Date(Date.UTC(2020, 0)) }),
      future: yield* makeWith([host], { issuer: authority, validFrom: new Date(Date.UTC(2090, 0)) }),
      selfSigned: yield* make(host),
      unknown: yield* Effect.flatMap(make("Another Authority"), (issuer) => makeWith([host], { issuer })),
      client: yield* issued("client.example.com")
    }
  })
)
type Certificates = Awaited<typeof certificates>
const withCertificates = Effect.promise(() => certificates)

const listening = (server: Net.Server) =>
  Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      server.listen(0, Tcp.loopback, () => {
        const address = server.address()
        resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
      })
    }),
    () => Effect.sync(() => server.close())
  )

/** What a server of `node:tls` has seen. */
interface Seen {
  readonly port: number
  /** For each handshake that ended well, whether it resumed a session. */
  readonly resumed: ReadonlyArray<boolean>
  readonly clients: ReadonlyArray<string | undefined>
  /** Everything that was said to it under TLS. */
  readonly said: ReadonlyArray<string>
}

/** A server that speaks TLS from the first byte, greets and listens. */
const serving = Effect.fnUntraced(function* (options: Tls.TlsOptions) {
  const resumed: Array<boolean> = []
  const clients: Array<string | undefined> = []
  const said: Array<string> = []
  const server = Tls.createServer(options, (socket) => {
    resumed.push(socket.isSessionReused())
    const [name] = [socket.getPeerCertificate().subject?.CN].flat()
    clients.push(name)
    socket.on("error", () => socket.destroy())
    socket.on("data", (chunk: Buffer) => said.push(chunk.toString()))
    socket.write("220 mail.example.com ESMTP\r\n")
  })
  server.on("tlsClientError", () => undefined)
  const port = yield* listening(server)
  const seen: Seen = { port, resumed, clients, said }
  return seen
})

const identity = ({ certificate, key }: TestCertificate.TestCertificate): Tls.TlsOptions => ({ cert: certificate, key })

const target = ({ port }: { readonly port: number }, tls: Wire.TlsDemand): Dialer.Target => ({
  host,
  address: Tcp.loopback,
  port,
  tls,
  timeout: patience
})

const verified: Wire.TlsDemand = { host, verify: true }
const anything: Wire.TlsDemand = { host, verify: false }

/** The facts of a session that is opened, greeted and closed. */
const greeted = (dialer: Dialer.Dialer["Service"], to: Dialer.Target) =>
  Effect.scoped(
    Effect.gen(function* () {
      const wire = yield* dialer.open(to)
      yield* wire.read
      return wire.tls()
    })
  )

const trusting = Effect.map(withCertificates, ({ authority }) => NodeDialer.make({ ca: authority.certificate }))

describe("a demand that is not met (CLASS-25)", () => {
  const cases: Readonly<
    Record<string, readonly [keyof Certificates, detail: string, demand?: Wire.TlsDemand, more?: Tls.TlsOptions]>
  > = {
    "TLS-012: another host name": ["other", "the certificate is for another host name"],
    "TLS-014: the name only as common name": ["commonNameOnly", "the certificate is for another host name"],
    "TLS-014: a wildcard for a part of the label": ["partial", "the certificate is for another host name"],
    "TLS-014: a wildcard for two labels": ["wholeDomain", "the certificate is for another host name"],
    "TLS-014: a wildcard for a label below": ["deep", "the certificate is for another host name"],
    "TLS-012: a name that only begins as the host does": ["longer", "the certificate is for another host name"],
    "TLS-015: an IP address that is only a common name": [
      "ipAsName",
      "the certificate is for another host name",
      { host: "127.0.0.1", verify: true }
    ],
    "TLS-012: expired": ["expired", "the certificate has expired"],
    "TLS-012: not valid yet": ["future", "the certificate is not valid yet"],
    "TLS-012: self-signed": ["selfSigned", "the certificate is self-signed"],
    "TLS-012: signed by an unknown authority": ["unknown", "the certificate was issued by an unknown authority"],
    "another pin": [
      "good",
      "neither the certificate nor its key is pinned",
      { ...verified, pins: [`sha256/${"A".repeat(43)}=`] }
    ],
    "TLS-016: TLS 1.1": [
      "good",
      "the server does not speak the TLS versions allowed here",
      anything,
      { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT:@SECLEVEL=0" }
    ]
  }
  for (const [name, [certificate, detail, demand = verified, more]] of Object.entries(cases)) {
    it.live(`${name}: nothing is sent`, () =>
      Effect.gen(function* () {
        const server = yield* serving({ ...identity((yield* withCertificates)[certificate]), ...more })
        const dialer = yield* trusting
        const error = yield* Effect.flip(greeted(dialer, target(server, demand)))
        assert.deepStrictEqual([error.reason, error.detail], ["tls", detail])
        assert.deepStrictEqual(server.said, [])
        if (demand.pins !== undefined || more !== undefined) return
        // Without a demand the same session is good enough, and the facts tell what is wrong with it (TLS-013).
        const info = yield* greeted(dialer, target(server, { ...demand, verify: false }))
        assert.deepStrictEqual([info?.verified, info?.problem], [false, detail])
      }).pipe(Effect.scoped)
    )
  }

  const alerts: Readonly<Record<number, string>> = {
    40: "ssl/tls alert handshake failure",
    70: "the server does not speak the TLS versions allowed here",
    112: "the server has no certificate for this host name"
  }
  for (const [alert, detail] of Object.entries(alerts)) {
    it.live(`TLS-011 TLS-016: a server that refuses the handshake with alert ${alert} says so`, () =>
      Effect.gen(function* () {
        const server = Net.createServer((socket) => {
          socket.on("error", () => socket.destroy())
          socket.once("data", () => socket.end(Buffer.of(21, 3, 3, 0, 2, 2, Number(alert))))
        })
        const port = yield* listening(server)
        const error = yield* Effect.flip(greeted(NodeDialer.make(), target({ port }, anything)))
        assert.deepStrictEqual([error.reason, error.detail], ["tls", detail])
      }).pipe(Effect.scoped)
    )
  }

  it.live("an STARTTLS session with another pin says nothing more, whatever the certificate (TLS-006, TLS-010)", () =>
    Effect.gen(function* () {
      const { authority, good } = yield* withCertificates
      const server = ScriptedServer.make([
        Script.reply("220 mail.example.com"),
        Script.expectPrefix("EHLO "),
        Script.reply("250-mail.example.com", "250 STARTTLS"),
        Script.expect("STARTTLS"),
        Script.reply("220 Go ahead"),
        Script.expectTlsFailure
      ])
      const { port } = yield* Tcp.listen(server.handler, good)
      const tls = TlsPolicy.pinned([Array.from({ length: 32 }, () => "00").join(":")], { verify: true })
      const endpoint = Endpoint.make({ host, address: Tcp.loopback, port, tls })
      const dialer = NodeDialer.make({ ca: authority.certificate })
      const failure = yield* Effect.flip(
        Effect.provideService(
          SmtpSession.open(endpoint, { ...SmtpSettings.standard, name: "client.example.com" }),
          Dialer.Dialer,
          dialer
        )
      )
      assert.deepInclude(failure, { _tag: "Unreachable", stage: "tls", enhanced: "4.7.5", next: "host" })
      assert.include(failure.message, "neither the certificate nor its key is pinned. The key is sha256/")
      yield* Effect.orDie(server.ended)
    }).pipe(Effect.scoped)
  )
})

describe("a demand that is met", () => {
  const cases: Readonly<Record<string, readonly [keyof Certificates, Wire.TlsDemand]>> = {
    "TLS-012: the name of the host": ["good", verified],
    "TLS-012: in any case": ["good", { host: "MAIL.Example.COM", verify: true }],
    "TLS-014: a wildcard for the first label": ["wildcard", verified],
    "TLS-015: an IPv4 address": ["ip", { host: "127.0.0.1", verify: true }],
    "TLS-015: an IPv6 address": ["ip", { host: "::1", verify: true }]
  }
  for (const [name, [certificate, demand]] of Object.entries(cases)) {
    it.live(name, () =>
      Effect.gen(function* () {
        const server = yield* serving(identity((yield* withCertificates)[certificate]))
        const info = yield* greeted(yield* trusting, target(server, demand))
        assert.deepStrictEqual([info?.verified, info?.problem, info?.resumed], [true, undefined, false])
      }).pipe(Effect.scoped)
    )
  }

  it.live("the facts name the whole chain, each certificate with its issuer and its pins", () =>
    Effect.gen(function* () {
      const { authority, good } = yield* withCertificates
      const server = yield* serving({ key: good.key, cert: `${good.certificate}\n${authority.certificate}` })
      const chain = (yield* greeted(yield* trusting, target(server, verified)))?.chain ?? []
      assert.deepStrictEqual(
        chain.map(({ issuer, subject }) => [subject, issuer]),
        [
          [`CN=${host}`, "CN=Test Authority"],
          ["CN=Test Authority", "CN=Test Authority"]
        ]
      )
      const [own] = chain
      assert.isDefined(own)
      for (const pin of [own?.pin ?? "", own?.fingerprint ?? ""]) {
        const pinned = yield* greeted(NodeDialer.make(), target(server, { ...anything, pins: [pin] }))
        assert.strictEqual(pinned?.fingerprint, own?.fingerprint)
      }
      // The authority's key is not the server's own.
      const wrong = target(server, { ...anything, pins: [chain[1]?.pin ?? "", chain[1]?.fingerprint ?? ""] })
      assert.strictEqual((yield* Effect.flip(greeted(NodeDialer.make(), wrong))).reason, "tls")
    }).pipe(Effect.scoped)
  )

  it.live("TLS 1.3 is preferred, TLS 1.2 is good enough unless it is not (TLS-016)", () =>
    Effect.gen(function* () {
      const { authority, good } = yield* withCertificates
      const old = yield* serving({ ...identity(good), maxVersion: "TLSv1.2" })
      const both = yield* serving(identity(good))
      const dialer = yield* trusting
      assert.strictEqual((yield* greeted(dialer, target(both, verified)))?.protocol, "TLSv1.3")
      assert.strictEqual((yield* greeted(dialer, target(old, verified)))?.protocol, "TLSv1.2")
      const strict = NodeDialer.make({ ca: authority.certificate, minVersion: "TLSv1.3" })
      const error = yield* Effect.flip(greeted(strict, target(old, verified)))
      assert.deepStrictEqual(
        [error.reason, error.detail],
        ["tls", "the server does not speak the TLS versions allowed here"]
      )
    }).pipe(Effect.scoped)
  )
})

describe("a client certificate", () => {
  const asking = Effect.flatMap(withCertificates, ({ authority, good }) =>
    serving({ ...identity(good), ca: authority.certificate, requestCert: true, rejectUnauthorized: true })
  )
  it.live("is shown to a server that asks for one", () =>
    Effect.gen(function* () {
      const { authority, client } = yield* withCertificates
      const clientCertificate = { certificate: client.certificate, key: Redacted.make(client.key) }
      const server = yield* asking
      yield* greeted(NodeDialer.make({ ca: authority.certificate, clientCertificate }), target(server, verified))
      assert.deepStrictEqual(server.clients, ["client.example.com"])
    }).pipe(Effect.scoped)
  )
  it.live("that is missing is a failure of TLS when the first byte is read, with a hint (TLS-018)", () =>
    Effect.gen(function* () {
      const server = yield* asking
      const error = yield* Effect.flip(greeted(yield* trusting, target(server, verified)))
      assert.deepStrictEqual([error.reason, error.detail], ["tls", "the server wants a client certificate"])
      assert.strictEqual(error.hint, "Give the dialer a client certificate and its key")
    }).pipe(Effect.scoped)
  )
  it.live("that cannot be used is this machine's own trouble, and its key stays secret (CLASS-14)", () =>
    Effect.gen(function* () {
      const { good, client } = yield* withCertificates
      const server = yield* asking
      for (const key of [good.key, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"]) {
        const clientCertificate = { certificate: client.certificate, key: Redacted.make(key) }
        const error = yield* Effect.flip(greeted(NodeDialer.make({ clientCertificate }), target(server, anything)))
        assert.strictEqual(error.reason, "local")
        assert.include(error.hint ?? "", "the client certificate and its key")
        assert.notInclude(JSON.stringify(error), key.slice(28, 60))
      }
    }).pipe(Effect.scoped)
  )
})

describe("sessions (TLS-024)", () => {
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    const server = Effect.flatMap(withCertificates, ({ good }) => serving({ ...identity(good), maxVersion }))

    it.effect(`${maxVersion}: are resumed for the same host and the same demand, with the facts of the first`, () =>
      Effect.gen(function* () {
        const at = yield* server
        const dialer = yield* trusting
        const first = yield* greeted(dialer, target(at, verified))
        const second = yield* greeted(dialer, target(at, verified))
        const third = yield* greeted(dialer, target(at, verified))
        assert.deepStrictEqual(at.resumed, [false, true, true])
        assert.deepStrictEqual([first?.resumed, second?.resumed, third?.resumed], [false, true, true])
        assert.deepStrictEqual({ ...third, resumed: false }, { ...first, resumed: false })
      }).pipe(Effect.scoped)
    )

    it.effect(`${maxVersion}: are not resumed for any other demand or host, or by another dialer`, () =>
      Effect.gen(function* () {
        const at = yield* server
        const dialer = yield* trusting
        const { chain } = (yield* greeted(dialer, target(at, anything))) ?? {}
        const pins = [chain?.[0]?.pin ?? ""]
        yield* greeted(dialer, target(at, verified))
        yield* greeted(dialer, target(at, { ...verified, pins }))
        yield* greeted(dialer, target(at, { ...anything, pins }))
        yield* greeted(dialer, target(at, { ...anything, host: "other.example.com" }))
        yield* greeted(yield* trusting, target(at, anything))
        // Servers tell names apart by SNI, addresses they cannot.
        for (const host of ["127.0.0.1", "127.0.0.2"]) yield* greeted(dialer, target(at, { ...anything, host }))
        assert.deepStrictEqual(
          at.resumed,
          Array.from({ length: 8 }, () => false)
        )
      }).pipe(Effect.scoped)
    )

    it.effect(`${maxVersion}: are not resumed at another port of the host`, () =>
      Effect.gen(function* () {
        // Two servers that know each other's sessions.
        const shared = { ...identity((yield* withCertificates).good), maxVersion, ticketKeys: Buffer.alloc(48, 7) }
        const [one, other] = [yield* serving(shared), yield* serving(shared)]
        const dialer = yield* trusting
        for (const at of [one, other, one, other]) yield* greeted(dialer, target(at, verified))
        assert.deepStrictEqual(
          [one.resumed, other.resumed],
          [
            [false, true],
            [false, true]
          ]
        )
      }).pipe(Effect.scoped)
    )

    it.effect(
      `${maxVersion}: whose name was wrong stay so when they are resumed, though nobody compares it again`,
      () =>
        Effect.gen(function* () {
          const { other } = yield* withCertificates
          const at = yield* serving({ ...identity(other), maxVersion })
          const dialer = yield* trusting
          yield* greeted(dialer, target(at, anything))
          const info = yield* greeted(dialer, target(at, anything))
          assert.deepStrictEqual(at.resumed, [false, true])
          assert.deepStrictEqual([info?.verified, info?.problem], [false, "the certificate is for another host name"])
        }).pipe(Effect.scoped)
    )

    it.effect(`${maxVersion}: are resumed for an hour after the handshake that proved something`, () =>
      Effect.gen(function* () {
        const at = yield* server
        const dialer = yield* trusting
        yield* greeted(dialer, target(at, verified))
        yield* TestClock.adjust("59 minutes")
        yield* greeted(dialer, target(at, verified))
        // Being resumed does not make it younger.
        yield* TestClock.adjust("1 minute")
        yield* greeted(dialer, target(at, verified))
        assert.deepStrictEqual(at.resumed, [false, true, false])
      }).pipe(Effect.scoped)
    )

    it.effect(`${maxVersion}: are not resumed where that is switched off`, () =>
      Effect.gen(function* () {
        const { authority } = yield* withCertificates
        const at = yield* server
        const dialer = NodeDialer.make({ ca: authority.certificate, resumption: false })
        yield* greeted(dialer, target(at, verified))
        yield* greeted(dialer, target(at, verified))
        assert.deepStrictEqual(at.resumed, [false, false])
      }).pipe(Effect.scoped)
    )
  }
})

// The types of the extensions in a ClientHello (RFC 8446 section 4.1.2), each with its octets.
const extensionsOf = (record: Buffer): ReadonlyMap<number, Buffer> => {
  let at = 5 + 4 + 2 + 32
  at += 1 + record.readUInt8(at)
  at += 2 + record.readUInt16BE(at)
  at += 1 + record.readUInt8(at)
  const end = at + 2 + record.readUInt16BE(at)
  const extensions = new Map<number, Buffer>()
  for (at += 2; at < end; at += 4 + record.readUInt16BE(at + 2)) {
    extensions.set(record.readUInt16BE(at), record.subarray(at + 4, at + 4 + record.readUInt16BE(at + 2)))
  }
  return extensions
}

describe("what a client says first", () => {
  const serverName = 0
  const alpn = 16
  const said = Effect.fnUntraced(function* (name: string) {
    const hello = yield* Effect.sync(() => {
      const { promise, resolve } = Promise.withResolvers<Buffer>()
      const server = Net.createServer((socket) => {
        socket.on("error", () => socket.destroy())
        socket.once("data", (chunk) => {
          resolve(chunk)
          socket.destroy()
        })
      })
      return { server, promise }
    })
    const port = yield* listening(hello.server)
    yield* Effect.flip(greeted(NodeDialer.make(), target({ port }, { host: name, verify: true })))
    return extensionsOf(yield* Effect.promise(() => hello.promise))
  }, Effect.scoped)

  it.live("is the name of the host (TLS-011), and no protocol (TLS-019)", () =>
    Effect.gen(function* () {
      const extensions = yield* said(host)
      assert.strictEqual(extensions.get(serverName)?.subarray(5).toString(), host)
      assert.isFalse(extensions.has(alpn))
    })
  )
  it.live("is no name for an IP address or a path (TLS-011, RFC 6066 section 3)", () =>
    Effect.gen(function* () {
      for (const name of ["127.0.0.1", "::1", "/run/smtp"]) assert.isFalse((yield* said(name)).has(serverName), name)
    })
  )
})
