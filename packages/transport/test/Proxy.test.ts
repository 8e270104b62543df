/** The handshakes of proxies, octet by octet, over a network in memory. */
import { Endpoint, Receipt, TlsPolicy } from "@effect-mail/protocol"
import { MemoryNetwork, Script, ScriptedServer } from "@effect-mail/testing"
import { Dialer, Proxy, SmtpTransport } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Redacted, Result, type Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Smtp from "./support/smtp.ts"

const { expectBytes, send } = Script

const parse = (url: string): Proxy.Proxy => Result.getOrThrow(Proxy.parse(url))
const socks = parse("socks5://proxy.example.com")
const socksLogin = parse("socks5://ada:s3cret@proxy.example.com")
const http = parse("http://proxy.example.com:3128")
const httpLogin = parse("http://ada:s3cret@proxy.example.com:3128")

const patience = Duration.seconds(30)
const byName = { host: "mx.example.com", port: 25, timeout: patience }
const v4 = { ...byName, address: "192.0.2.25" }
const v6 = { ...byName, address: "2001:db8::19" }

type Open = Effect.Effect<
  Effect.Success<ReturnType<Dialer.Dialer["Service"]["open"]>>,
  Effect.Error<ReturnType<Dialer.Dialer["Service"]["open"]>>,
  Scope.Scope
>

/** Opens a connection through a proxy that plays a script. */
const through = Effect.fnUntraced(function* <A, E>(
  proxy: Proxy.Proxy,
  target: Dialer.Target,
  script: Script.Script,
  use: (open: Open) => Effect.Effect<A, E, Scope.Scope>
) {
  yield* ScriptedServer.listen({ address: proxy.host, port: proxy.port, names: ["mx.example.com"] }, script)
  const dialer = Proxy.through(proxy)(yield* Dialer.Dialer)
  return yield* Effect.scoped(use(dialer.open(target)))
}, Effect.scoped)

const inMemory = <A, E>(effect: Effect.Effect<A, E, MemoryNetwork.MemoryNetwork | Dialer.Dialer>) =>
  Effect.provide(effect, MemoryNetwork.layer)

const text = (octets: Uint8Array): string => new TextDecoder().decode(octets)
const octets = (...values: ReadonlyArray<number | string>): Uint8Array =>
  Uint8Array.from(values.flatMap((value) => (typeof value === "string" ? [...Smtp.bytes(value)] : [value])))

const noLogin = [expectBytes(octets(5, 1, 0)), send(octets(5, 0))]
const bound = [0, 1, 198, 51, 100, 7, 0x9c, 0x40]
const granted = octets(5, 0, ...bound)
const toName = octets(5, 1, 0, 3, 14, "mx.example.com", 0, 25)

const connectHead = "CONNECT mx.example.com:25 HTTP/1.1\r\nHost: mx.example.com:25\r\n"
const established = "HTTP/1.1 200 Connection established\r\n"

// What the client has read when it has read so much.
const reads = (open: Open, count: number) =>
  Effect.gen(function* () {
    const wire = yield* open
    let read = ""
    while (read.length < count) read += text(yield* wire.read)
    return read
  })

const greeting = "220 mx.example.com ESMTP\r\n"

describe("SOCKS 5 (RFC 1928)", () => {
  it.effect("names a host that has no address, and the proxy resolves it", () =>
    inMemory(
      through(socks, byName, [...noLogin, expectBytes(toName), send(granted), send(greeting)], (open) =>
        Effect.map(reads(open, greeting.length), (read) => assert.strictEqual(read, greeting))
      )
    )
  )

  it.effect("gives the address of a host that has one, in IPv4 and IPv6, and any port", () =>
    inMemory(
      Effect.gen(function* () {
        const four = octets(5, 1, 0, 1, 192, 0, 2, 25, 0x0a, 0x0b)
        yield* through(socks, { ...v4, port: 0x0a0b }, [...noLogin, expectBytes(four), send(granted)], Effect.asVoid)
        const six = octets(5, 1, 0, 4, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x19, 0xff, 0xff)
        yield* through(socks, { ...v6, port: 65535 }, [...noLogin, expectBytes(six), send(granted)], Effect.asVoid)
      })
    )
  )

  it.effect("takes the server's octets that come with the proxy's answer, whatever kind of address is in it", () => {
    const answers = {
      IPv4: octets(5, 0, ...bound),
      IPv6: octets(5, 0, 0, 4, ...Array.from({ length: 16 }, (_, i) => i), 1, 2),
      "a name": octets(5, 0, 0, 3, 5, "proxy", 1, 2),
      "an empty name": octets(5, 0, 0, 3, 0, 1, 2)
    }
    return inMemory(
      Effect.forEach(Object.entries(answers), ([kind, answer]) =>
        through(socks, byName, [...noLogin, expectBytes(toName), send(octets(...answer, greeting))], (open) =>
          Effect.map(reads(open, greeting.length), (read) => assert.strictEqual(read, greeting, kind))
        )
      )
    )
  })

  it.effect("understands an answer however it is cut", () => {
    const answer = octets(...granted, greeting)
    return inMemory(
      Effect.forEach(Array.from(answer.keys()).slice(1), (at) =>
        through(
          socks,
          byName,
          [
            expectBytes(octets(5, 1, 0)),
            send(octets(5), octets(0)),
            expectBytes(toName),
            send(answer.subarray(0, at), answer.subarray(at))
          ],
          (open) =>
            Effect.map(reads(open, greeting.length), (read) => assert.strictEqual(read, greeting, `cut at ${at}`))
        )
      )
    )
  })

  it.effect("logs in when the proxy wants it (RFC 1929), and only then", () =>
    inMemory(
      Effect.gen(function* () {
        const offer = expectBytes(octets(5, 2, 0, 2))
        yield* through(
          socksLogin,
          byName,
          [
            offer,
            send(octets(5, 2)),
            expectBytes(octets(1, 3, "ada", 6, "s3cret")),
            send(octets(1, 0)),
            expectBytes(toName),
            send(granted)
          ],
          Effect.asVoid
        )
        yield* through(
          socksLogin,
          byName,
          [offer, send(octets(5, 0)), expectBytes(toName), send(granted)],
          Effect.asVoid
        )
      })
    )
  )

  const answersTo = (code: number) => [...noLogin, expectBytes(toName), send(octets(5, code, ...bound))]
  const failures: ReadonlyArray<readonly [string, Proxy.Proxy, Script.Script, reason: string, detail: string]> = [
    [
      "no login that it was given",
      socks,
      [expectBytes(octets(5, 1, 0)), send(octets(5, 0xff))],
      "local",
      "the proxy wants a login that it was not given"
    ],
    [
      "a login that was not offered",
      socks,
      [expectBytes(octets(5, 1, 0)), send(octets(5, 2))],
      "local",
      "the proxy wants a login that it was not given"
    ],
    [
      "a wrong password",
      socksLogin,
      [
        expectBytes(octets(5, 2, 0, 2)),
        send(octets(5, 2)),
        expectBytes(octets(1, 3, "ada", 6, "s3cret")),
        send(octets(1, 1))
      ],
      "local",
      "the proxy refused the user name or the password"
    ],
    [
      "SOCKS 4",
      socks,
      [expectBytes(octets(5, 1, 0)), send(octets(0, 0x5b))],
      "local",
      "the proxy does not speak SOCKS 5"
    ],
    [
      "HTTP",
      socks,
      [expectBytes(octets(5, 1, 0)), send("HTTP/1.1 400 Bad Request\r\n\r\n")],
      "local",
      "the proxy does not speak SOCKS 5"
    ],
    [
      "another version in the answer",
      socks,
      [...noLogin, expectBytes(toName), send(octets(4, 0, ...bound))],
      "local",
      "the proxy does not speak SOCKS 5"
    ],
    [
      "an unknown kind of address",
      socks,
      [...noLogin, expectBytes(toName), send(octets(5, 0, 0, 9, 0, 0, 0))],
      "local",
      "the proxy does not speak SOCKS 5"
    ],
    ["a general failure", socks, answersTo(1), "refused", "the proxy could not connect"],
    ["a rule", socks, answersTo(2), "local", "the proxy's rules do not allow the connection"],
    ["an unreachable network", socks, answersTo(3), "refused", "the network is unreachable for the proxy"],
    ["an unreachable host", socks, answersTo(4), "refused", "the host is unreachable for the proxy"],
    ["a refusal", socks, answersTo(5), "refused", "connection refused, says the proxy"],
    ["a lapsed time to live", socks, answersTo(6), "timeout", "the host did not answer the proxy in time"],
    ["an unknown command", socks, answersTo(7), "local", "the proxy makes no connections"],
    ["an unknown address", socks, answersTo(8), "local", "the proxy does not know this kind of address"],
    ["an unknown code", socks, answersTo(9), "local", "the proxy refused with the unknown code 9"],
    [
      "a failure without an address",
      socks,
      [...noLogin, expectBytes(toName), send(octets(5, 5)), Script.close],
      "refused",
      "connection refused, says the proxy"
    ],
    [
      "an end before the answer",
      socks,
      [...noLogin, expectBytes(toName), send(octets(5)), Script.close],
      "local",
      "the proxy hung up before it had connected"
    ],
    [
      "a reset",
      socks,
      [expectBytes(octets(5, 1, 0)), Script.reset],
      "local",
      "the proxy hung up before it had connected"
    ]
  ]
  for (const [what, proxy, script, reason, detail] of failures) {
    it.effect(`${what} is a failure (${reason}), and the connection to the proxy is closed (CLASS-13, CLASS-14)`, () =>
      inMemory(
        Effect.gen(function* () {
          const network = yield* MemoryNetwork.MemoryNetwork
          // At once, and not only with the caller's scope.
          const closed = Effect.map(network.open, (open) => assert.strictEqual(open, 0))
          const error = yield* through(proxy, byName, script, (open) => Effect.tap(Effect.flip(open), closed))
          assert.deepStrictEqual([error.reason, error.detail], [reason, detail])
          assert.notInclude(JSON.stringify(error), "s3cret")
        })
      )
    )
  }
})

describe("HTTP CONNECT (RFC 9110)", () => {
  const asks = (head: string) => expectBytes(`${head}\r\n`)

  it.effect("names a host that has no address", () =>
    inMemory(
      through(http, byName, [asks(connectHead), send(`${established}\r\n`), send(greeting)], (open) =>
        Effect.map(reads(open, greeting.length), (read) => assert.strictEqual(read, greeting))
      )
    )
  )

  it.effect("gives the address of a host that has one, an IPv6 address in brackets", () => {
    const asked = (authority: string) => asks(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n`)
    return inMemory(
      Effect.gen(function* () {
        yield* through(http, v4, [asked("192.0.2.25:25"), send(`${established}\r\n`)], Effect.asVoid)
        yield* through(http, v6, [asked("[2001:db8::19]:25"), send(`${established}\r\n`)], Effect.asVoid)
      })
    )
  })

  it.effect("logs in with the first request (RFC 7617)", () =>
    inMemory(
      through(
        httpLogin,
        byName,
        [asks(`${connectHead}Proxy-Authorization: Basic YWRhOnMzY3JldA==\r\n`), send(`${established}\r\n`)],
        Effect.asVoid
      )
    )
  )

  it.effect(
    "leaves everything behind the head to the caller, whatever the head says of its length, and however it is cut",
    () => {
      const answer = `HTTP/1.0 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${greeting}`
      return inMemory(
        Effect.forEach(
          Array.from(answer.slice(1), (_, i) => i),
          (at) =>
            through(http, byName, [asks(connectHead), send(answer.slice(0, at + 1), answer.slice(at + 1))], (open) =>
              Effect.map(reads(open, greeting.length), (read) => assert.strictEqual(read, greeting, `cut at ${at + 1}`))
            )
        )
      )
    }
  )

  it.effect("takes lines that end in LF alone, a status without words, and interim responses", () => {
    const answers = [
      "HTTP/1.1 200\n\n",
      "HTTP/1.1 200\r\n\r\n",
      "HTTP/1.1 204 \r\nA: b\n\r\n",
      "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 Ok\r\n\r\n"
    ]
    return inMemory(
      Effect.forEach(answers, (answer) =>
        through(http, byName, [asks(connectHead), send(`${answer}${greeting}`)], (open) =>
          Effect.map(reads(open, greeting.length), (read) => assert.strictEqual(read, greeting, JSON.stringify(answer)))
        )
      )
    )
  })

  const failures: ReadonlyArray<readonly [string, ...ReadonlyArray<string>]> = [
    [
      "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
      "local",
      "the proxy wants a user name and a password, or refused them (407)"
    ],
    ["HTTP/1.1 403 Forbidden\r\nServer: x\r\n\r\nno", "local", "the proxy refused the connection (403)"],
    [
      "HTTP/1.1 301 Moved\r\nLocation: http://elsewhere.example/\r\n\r\n",
      "local",
      "the proxy refused the connection (301)"
    ],
    ["HTTP/1.1 502 Bad Gateway\r\n\r\n", "refused", "the proxy could not connect (502)"],
    ["HTTP/1.1 503 Service Unavailable\r\n\r\n", "refused", "the proxy could not connect (503)"],
    ["HTTP/1.1 504 Gateway Timeout\r\n\r\n", "timeout", "the host did not answer the proxy in time (504)"],
    ["HTTP/1.1 100 Continue\r\n\r\n".repeat(20), "local", "the proxy refused the connection (100)"],
    ["HTTP/1.1 2000 OK\r\n\r\n", "local", "the proxy does not speak HTTP"],
    ["HTTP/2 200\r\n\r\n", "local", "the proxy does not speak HTTP"],
    ["220 mx.example.com ESMTP\r\n\r\n", "local", "the proxy does not speak HTTP"],
    [
      `HTTP/1.1 200 OK\r\n${"X-Padding: 0123456789\r\n".repeat(1000)}`,
      "local",
      "the proxy's answer is too long to be one"
    ],
    ["x".repeat(100_000), "local", "the proxy's answer is too long to be one"]
  ]
  for (const [answer, reason, detail] of failures) {
    it.effect(`${JSON.stringify(answer.slice(0, 20))}…: ${detail} (CLASS-13, CLASS-14)`, () =>
      inMemory(
        Effect.gen(function* () {
          const script = [asks(connectHead), Script.send(answer), Script.close]
          // A proxy that sends more than anybody reads is cut off.
          yield* ScriptedServer.listen({ address: http.host, port: http.port, window: 1_000_000 }, script)
          const dialer = Proxy.through(http)(yield* Dialer.Dialer)
          const error = yield* Effect.scoped(Effect.flip(dialer.open(byName)))
          assert.deepStrictEqual([error.reason, error.detail], [reason, detail])
          assert.strictEqual(yield* (yield* MemoryNetwork.MemoryNetwork).open, 0)
        }).pipe(Effect.scoped)
      )
    )
  }
})

describe("through either proxy", () => {
  const answers = {
    "SOCKS 5": [socks, [...noLogin, expectBytes(toName)], granted],
    "HTTP CONNECT": [http, [expectBytes(`${connectHead}\r\n`)], Smtp.bytes(`${established}\r\n`)]
  } as const
  for (const [name, [proxy, asks, granting]] of Object.entries(answers)) {
    it.effect(`${name}: TLS is with the server, whose name is checked (CLASS-25)`, () =>
      inMemory(
        Effect.gen(function* () {
          const tls = (host: string) => ({ ...byName, tls: { host, verify: true } })
          const script = [...asks, send(granting), Script.startTls]
          const wire = yield* through(proxy, tls("mx.example.com"), script, (open) =>
            Effect.map(open, (wire) => wire.tls())
          )
          assert.isTrue(wire?.verified)
          const refused = [...asks, send(granting), Script.expectTlsFailure]
          const error = yield* through(proxy, tls("other.example.com"), refused, Effect.flip)
          assert.deepStrictEqual([error.reason, error.detail], ["tls", "the certificate is for another host name"])
        })
      )
    )

    it.effect(
      `${name}: clear text behind the proxy's answer and before the handshake is an attack (TLS-003, V-120)`,
      () =>
        inMemory(
          Effect.gen(function* () {
            const script = [...asks, send(octets(...granting, "220 injected\r\n")), Script.expectEnd]
            const tls = { host: "mx.example.com", verify: false }
            const secure = (open: Open) => Effect.flatMap(open, (wire) => wire.secure(tls))
            const error = yield* through(proxy, byName, script, (open) => Effect.flip(secure(open)))
            assert.deepStrictEqual(
              [error.reason, error.detail],
              ["protocol", "clear text came before the TLS handshake"]
            )
            const greeted = yield* through(proxy, { ...byName, tls }, script, Effect.flip)
            assert.strictEqual(greeted.detail, "the server does not speak TLS from the first byte")
          })
        )
    )

    it.effect(`${name}: a proxy that stalls is our own trouble, a server that stalls behind it is not (CLASS-14)`, () =>
      inMemory(
        Effect.gen(function* () {
          const stalls = Effect.fnUntraced(function* (script: Script.Script, target: Dialer.Target) {
            return yield* through(proxy, target, script, (open) =>
              Effect.gen(function* () {
                const opening = yield* Effect.forkScoped(open, { startImmediately: true })
                yield* TestClock.adjust(patience)
                return yield* Effect.flip(Fiber.join(opening))
              })
            )
          })
          const atServer = yield* stalls([...asks, Script.stall], byName)
          assert.deepStrictEqual([atServer.reason, atServer.detail], ["timeout", "no connection within 30s"])
          const tls = { ...byName, tls: { host: "mx.example.com", verify: true } }
          const inHandshake = yield* stalls([...asks, send(granting), Script.stall], tls)
          assert.strictEqual(inHandshake.reason, "timeout")

          const network = yield* MemoryNetwork.MemoryNetwork
          yield* network.listen({ address: proxy.host, port: proxy.port, silent: true }, () => Effect.void)
          const dialer = Proxy.through(proxy)(yield* Dialer.Dialer)
          const opening = yield* Effect.forkScoped(dialer.open(byName), { startImmediately: true })
          yield* TestClock.adjust(patience)
          const atProxy = yield* Effect.flip(Fiber.join(opening))
          assert.strictEqual(atProxy.reason, "local")
          assert.include(
            atProxy.detail,
            `the proxy at proxy.example.com:${proxy.port} cannot be used: no connection within`
          )
          assert.strictEqual(yield* network.open, 0)
        }).pipe(Effect.scoped)
      )
    )

    it.effect(`${name}: a proxy that is not there is our own trouble, and the message waits (CLASS-14)`, () =>
      inMemory(
        Effect.gen(function* () {
          const dialer = Proxy.through(proxy)(yield* Dialer.Dialer)
          const [outcome] = yield* Effect.provideService(
            SmtpTransport.sendVia([Smtp.endpoint()], Smtp.parcel(), Smtp.settings),
            Dialer.Dialer,
            dialer
          )
          const failure = outcome?._tag === "Failed" ? outcome.failure : undefined
          assert.deepInclude(failure, { _tag: "Unreachable", scope: "local", next: "later", enhanced: "4.3.0" })
          assert.include(failure?.message ?? "", "the proxy at proxy.example.com")
        })
      )
    )

    it.effect(`${name}: a message goes through it, by STARTTLS`, () =>
      inMemory(
        Effect.gen(function* () {
          const named = Smtp.endpoint(TlsPolicy.required)
          const script = [
            ...asks,
            send(granting),
            ...Smtp.hello("STARTTLS"),
            ...Smtp.startTls,
            ...Smtp.ehlo(),
            ...Smtp.mail,
            ...Smtp.rcpt(),
            Script.expect("DATA"),
            Script.reply("354 Go ahead"),
            Script.expectContent(Smtp.message),
            Script.reply("250 2.0.0 Queued"),
            Script.expect("QUIT")
          ]
          yield* ScriptedServer.listen({ address: proxy.host, port: proxy.port, names: [Smtp.host] }, script)
          const dialer = Proxy.through(proxy)(yield* Dialer.Dialer)
          const { address: _, ...endpoint } = named
          const sending = SmtpTransport.sendVia([new Endpoint.Endpoint(endpoint)], Smtp.parcel(), Smtp.settings)
          const [outcome] = yield* Effect.provideService(sending, Dialer.Dialer, dialer)
          assert.strictEqual(outcome === undefined ? undefined : Receipt.outcomeWord(outcome), "delivered")
        }).pipe(Effect.scoped)
      )
    )
  }

  it.effect("a place that no proxy can be asked for never reaches the wire: no CR LF in a CONNECT line", () =>
    inMemory(
      Effect.gen(function* () {
        const network = yield* MemoryNetwork.MemoryNetwork
        const hosts = ["a\r\nX: y", "a b", "", "a/b", "fe80::1%eth0", `${"a".repeat(64)}.example`, "256.1.1.1", "a\0"]
        for (const proxy of [socks, http]) {
          const dialer = Proxy.through(proxy)(yield* Dialer.Dialer)
          for (const host of hosts) {
            const error = yield* Effect.scoped(Effect.flip(dialer.open({ ...byName, host })))
            assert.deepStrictEqual(
              [error.reason, error.detail],
              ["local", "a proxy cannot be asked for this place"],
              host
            )
          }
          for (const port of [0, 65536, 1.5]) {
            assert.strictEqual((yield* Effect.scoped(Effect.flip(dialer.open({ ...byName, port })))).reason, "local")
          }
        }
        assert.deepStrictEqual(yield* network.dialed, [])
      })
    )
  )

  it.effect("a Unix domain socket is not the proxy's business", () =>
    inMemory(
      Effect.gen(function* () {
        const network = yield* MemoryNetwork.MemoryNetwork
        yield* network.listen({ address: "/run/smtp", port: 25 }, () => Effect.never)
        const dialer = Proxy.through(socks)(yield* Dialer.Dialer)
        yield* dialer.open({ ...byName, path: "/run/smtp" })
        assert.deepStrictEqual(yield* network.dialed, ["/run/smtp"])
      }).pipe(Effect.scoped)
    )
  )
})

describe("the URL of a proxy", () => {
  const shown = (url: string): string => {
    const { host, login, port, protocol } = parse(url)
    const who = login === undefined ? "" : `${login.username}:${Redacted.value(login.password)}@`
    return `${protocol} ${who}${host} ${port}`
  }
  it("says the protocol, the host, the port and the login", () => {
    assert.strictEqual(shown("socks5://proxy.example.com"), "socks5 proxy.example.com 1080")
    assert.strictEqual(shown("socks5h://192.0.2.1:9050"), "socks5 192.0.2.1 9050")
    assert.strictEqual(shown("socks5://[2001:db8::1]:1081/"), "socks5 2001:db8::1 1081")
    assert.strictEqual(shown("http://proxy.example.com"), "http proxy.example.com 80")
    assert.strictEqual(
      shown("http://a%40b:p%3Aw%C3%A9@proxy.example.com:3128"),
      "http a@b:p:w\u00e9@proxy.example.com 3128"
    )
    assert.strictEqual(shown("socks5://ada:x@proxy"), "socks5 ada:x@proxy 1080")
  })
  it("that says anything else is refused, without repeating the password", () => {
    for (const [url, reason] of [
      ["proxy.example.com:1080", 'The scheme "proxy.example.com" is not known'],
      ["", "This is not a URL"],
      ["socks5://proxy .example.com", "This is not a URL"],
      ["socks4://proxy.example.com", 'The scheme "socks4" is not known'],
      ["https://proxy.example.com", 'The scheme "https" is not known'],
      ["socks5://", "The host is missing or not a host name, or the port is none"],
      ["socks5://a%2Fb", "The host is missing or not a host name, or the port is none"],
      ["socks5://proxy.example.com:0", "The host is missing or not a host name, or the port is none"],
      ["socks5://proxy.example.com/x", "There is something behind host and port"],
      ["http://proxy.example.com?x", "There is something behind host and port"],
      ["socks5://a:%ff@proxy.example.com", "The user name or the password is not percent-encoded UTF-8"],
      ["socks5://ada@proxy.example.com", "The user name or the password cannot be said in the protocol of the proxy"],
      [
        `socks5://ada:${"s3cret".repeat(50)}@proxy`,
        "The user name or the password cannot be said in the protocol of the proxy"
      ],
      ["http://a%3Ab:s3cret@proxy", "The user name or the password cannot be said in the protocol of the proxy"],
      ["http://a:s3cret%0d%0aX:y@proxy", "The user name or the password cannot be said in the protocol of the proxy"]
    ] as const) {
      const error = Result.getOrThrow(Result.flip(Proxy.parse(url)))
      assert.strictEqual(error.reason, reason, url)
      assert.include(error.message, "a proxy is written socks5://")
      assert.notInclude(error.message, "s3cret")
    }
  })
  it("keeps its password to itself", () => {
    assert.notInclude(JSON.stringify(socksLogin), "s3cret")
  })
})
