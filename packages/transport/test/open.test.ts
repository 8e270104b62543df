/** From the connection to where mail may flow. */
import { Endpoint, type Failure, Receipt, Sasl, SaslExchange, SaslServer, TlsPolicy } from "@effect-mail/protocol"
import { MemoryNetwork, Script, ScriptedServer } from "@effect-mail/testing"
import { Dialer, SmtpSession, SmtpTransport } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Redacted } from "effect"
import { authenticates } from "./support/auth.ts"
import {
  against,
  data,
  ehlo,
  endpoint,
  endsAfter,
  hello,
  host,
  mail,
  open,
  parcel,
  place,
  quit,
  rcpt,
  send,
  settings,
  shown,
  startTls
} from "./support/smtp.ts"

const { expect, expectPrefix, reply } = Script

const helo: Script.Script = [expect("HELO client.example.com"), reply(`250 ${host}`)]
const greet = reply(`220 ${host} ESMTP`)
const transaction: Script.Script = [...mail, ...rcpt(), ...data(), ...quit]
const delivered = ["delivered 250"]

const refused = (failure: Failure.Failure) =>
  shown([new Receipt.Failed({ recipient: "bob@example.org", attempts: 1, failure })])[0]

// What a whole delivery comes to.
const comesTo = (
  scripts: ReadonlyArray<Script.Script>,
  expected: ReadonlyArray<string>,
  tls?: TlsPolicy.TlsPolicy,
  options?: Partial<MemoryNetwork.ListenOptions>
) =>
  Effect.map(against(scripts, send(undefined, tls), options), (outcomes) =>
    assert.deepStrictEqual(shown(outcomes), expected)
  )

describe("the greeting", () => {
  it.effect("of several lines, in pieces of one octet, is understood", () =>
    comesTo([[Script.send(...`220-${host} ESMTP\r\n220 Welcome\r\n`.split("")), ...ehlo(), ...transaction]], delivered)
  )

  it.effect("554 is a temporary failure of the host, to which we say QUIT (CLASS-18)", () =>
    comesTo([[reply("554 5.3.2 No service"), ...quit]], ["TempFailure greeting host host 554 5.3.2"])
  )

  it.effect("450 is a temporary failure of the host (CLASS-17)", () =>
    comesTo([[reply("450 4.3.2 Later"), ...quit]], ["TempFailure greeting host host 450 4.3.2"])
  )

  const foreign = {
    "a web server's": ["HTTP/1.1 400 Bad Request\r\n\r\n", "the port belongs to HTTP"],
    "an SSH server's": ["SSH-2.0-OpenSSH_9.2\r\n", "the port belongs to SSH"],
    "TLS bytes": [Uint8Array.of(21, 3, 3, 0, 2, 2, 40), "use implicit TLS"],
    noise: [Uint8Array.of(0, 255, 13, 10), ""],
    "a code that changes": ["220-one\r\n250 two\r\n", ""],
    "a line without end": ["2".repeat(5000), ""],
    "a line that is too long": [`220 ${"x".repeat(5000)}\r\n`, ""],
    "too many lines": [`${"220-x\r\n".repeat(501)}220 x\r\n`, ""]
  } as const
  for (const [name, [octets, hint]] of Object.entries(foreign)) {
    it.effect(`${name} is no SMTP: the next host (CLASS-19)`, () =>
      Effect.gen(function* () {
        const failure = yield* against([[Script.send(octets), Script.close]], Effect.flip(open()))
        assert.deepStrictEqual(refused(failure), "Unreachable greeting host host 4.5.0")
        assert.include(failure.message, hint)
        assert.isBelow(failure.message.length, 400)
      })
    )
  }

  it.effect("cut off in the middle is a connection that ended (CLASS-16)", () =>
    comesTo([[Script.send("220-mx.exam"), Script.close]], ["Unreachable greeting host address 4.4.2"])
  )

  it.effect("of a server that never says anything: the failure says what the port may be", () =>
    Effect.gen(function* () {
      const play = against([[Script.stall]], Effect.flip(open()))
      const failure = yield* endsAfter(Duration.minutes(5), play)
      assert.include(failure.message, "use implicit TLS")
    })
  )
})

describe("EHLO", () => {
  it.effect("refused with 5xx: HELO on the same connection when nothing is required (CLASS-21, SMTP-022)", () =>
    comesTo(
      [[greet, expectPrefix("EHLO "), reply("502 5.5.1 What?"), ...helo, ...transaction]],
      delivered,
      TlsPolicy.opportunistic
    )
  )

  it.effect("and HELO refused: a temporary failure of the host (CLASS-22)", () =>
    comesTo(
      [[greet, expectPrefix("EHLO "), reply("500 What?"), expectPrefix("HELO "), reply("504 No"), ...quit]],
      ["TempFailure ehlo host host 504"]
    )
  )

  it.effect("refused with 4xx: no HELO, the next host (CLASS-20)", () =>
    comesTo([[greet, expectPrefix("EHLO "), reply("450 4.7.1 No"), ...quit]], ["TempFailure ehlo host host 450 4.7.1"])
  )

  it.effect("refused with 4xx where TLS is required is no lack of TLS (CLASS-20)", () =>
    comesTo(
      [[greet, expectPrefix("EHLO "), reply("450 4.7.1 No"), ...quit]],
      ["TempFailure ehlo host host 450 4.7.1"],
      TlsPolicy.required
    )
  )

  it.effect("refused where TLS is required: no HELO, no mail (CLASS-21)", () =>
    comesTo(
      [[greet, expectPrefix("EHLO "), reply("502 5.5.1 What?"), ...quit]],
      ["Unreachable starttls host host 4.7.4"],
      TlsPolicy.required
    )
  )

  it.effect("refused where somebody must authenticate: no HELO, no mail (CLASS-21)", () =>
    Effect.gen(function* () {
      const script = [greet, expectPrefix("EHLO "), reply("502 5.5.1 What?"), ...quit]
      const failure = yield* against([script], Effect.flip(open(TlsPolicy.none, { credentials: alice })))
      assert.strictEqual(refused(failure), "Unreachable ehlo relay later 4.7.8")
    })
  )

  it.effect("is LHLO in LMTP (RFC 2033)", () =>
    Effect.gen(function* () {
      const lmtp = Endpoint.make({
        host,
        address: place.address,
        port: place.port,
        protocol: "lmtp",
        tls: TlsPolicy.none
      })
      const script = [greet, expect("LHLO client.example.com"), reply(`250 ${host}`), ...quit]
      yield* against([script], SmtpSession.open(lmtp, settings))
    })
  )

  const names = { "192.0.2.1": "[192.0.2.1]", "2001:db8::1": "[IPv6:2001:db8::1]", "fe80::1%eth0": "[IPv6:fe80::1]" }
  for (const [address, literal] of Object.entries(names)) {
    it.effect(`without a name of our own says the literal ${literal} (SMTP-021, RFC 5321 section 4.1.4)`, () => {
      const elsewhere = Layer.effect(
        Dialer.Dialer,
        Effect.map(Dialer.Dialer, ({ open }) => ({
          open: (target) => Effect.map(open(target), (wire) => ({ ...wire, localAddress: address }))
        }))
      )
      const script = [greet, expect(`EHLO ${literal}`), reply(`250 ${host}`), ...quit]
      return against([script], Effect.provide(open(TlsPolicy.none, { name: undefined }), elsewhere))
    })
  }
})

describe("TLS that is not wanted", () => {
  it.effect("is not asked for", () => comesTo([[...hello("STARTTLS"), ...transaction]], delivered, TlsPolicy.none))
})

describe("opportunistic TLS", () => {
  const under = [...hello("STARTTLS"), ...startTls, ...ehlo(), ...transaction]
  const policy = TlsPolicy.opportunistic

  it.effect("is used where it is offered", () => comesTo([under], delivered, policy))

  it.effect("takes any certificate", () =>
    comesTo([under], delivered, policy, { names: ["other.example"], trusted: false })
  )

  it.effect("is done without where it is not offered (CLASS-23)", () =>
    comesTo([[...hello(), ...transaction]], delivered, policy)
  )

  for (const answer of ["454 4.7.0 Not now", "502 5.5.1 Not at all"]) {
    it.effect(`goes on in clear text after ${answer.slice(0, 3)} (CLASS-23)`, () =>
      comesTo([[...hello("STARTTLS"), expect("STARTTLS"), reply(answer), ...transaction]], delivered, policy)
    )
  }

  const beginnings = [...hello("STARTTLS"), expect("STARTTLS"), reply("220 Go ahead")]
  const plain = [...hello("STARTTLS"), ...transaction]
  const broken: Readonly<Record<string, Script.Script>> = {
    "a server that hangs up in the handshake": [...beginnings, Script.close],
    "a server that resets in the handshake": [...beginnings, Script.reset],
    "a server that goes on in clear text": [...beginnings, Script.pause(0), reply("250 What?"), Script.close],
    "a server that refuses EHLO under TLS": [
      ...beginnings,
      Script.startTls,
      expectPrefix("EHLO "),
      reply("500 What?"),
      ...quit
    ],
    "a server that hangs up after EHLO under TLS": [
      ...beginnings,
      Script.startTls,
      expectPrefix("EHLO "),
      Script.close
    ],
    "words that were injected behind the reply to STARTTLS (V-120)": [
      ...beginnings.slice(0, -1),
      Script.send("220 Go ahead\r\n250 injected\r\n"),
      Script.close
    ]
  }
  for (const [name, script] of Object.entries(broken)) {
    it.effect(`${name}: once more at the same address, in clear text (CLASS-24)`, () =>
      Effect.gen(function* () {
        const dialed = yield* against(
          [script, plain],
          Effect.gen(function* () {
            assert.deepStrictEqual(shown(yield* send(undefined, policy)), delivered)
            return yield* Effect.flatMap(MemoryNetwork.MemoryNetwork, ({ dialed }) => dialed)
          })
        )
        assert.deepStrictEqual(dialed, ["192.0.2.25:25", "192.0.2.25:25"])
      })
    )
  }

  it.effect("and only once", () =>
    comesTo(
      [
        [...beginnings, Script.close],
        [greet, Script.close]
      ],
      ["TempFailure ehlo host host 4.4.2"],
      policy
    )
  )

  it.effect("the connection that failed is closed before the next one is opened", () =>
    against(
      [
        [...beginnings, Script.close],
        [...hello("STARTTLS"), ...quit]
      ],
      Effect.gen(function* () {
        yield* open(policy)
        const { open: connections } = yield* MemoryNetwork.MemoryNetwork
        assert.strictEqual(yield* connections, 1)
      })
    )
  )

  it.effect("a 421 to STARTTLS is no leave to go on", () =>
    comesTo(
      [[...hello("STARTTLS"), expect("STARTTLS"), reply("421 4.3.2 Bye"), Script.close]],
      ["Unreachable starttls host host 421 4.3.2"],
      policy
    )
  )
})

const mandatory = {
  "required TLS": TlsPolicy.required,
  "pinned TLS": TlsPolicy.pinned([MemoryNetwork.certificateOf(place).pin ?? ""]),
  "pinned TLS, by certificate": TlsPolicy.pinned([MemoryNetwork.certificateOf(place).fingerprint])
}

describe.each(Object.entries(mandatory))("%s", (_, policy) => {
  const under = [...hello("STARTTLS"), ...startTls, ...ehlo(), ...transaction]

  it.effect("is used", () => comesTo([under], delivered, policy))

  // What is not in the script must not be said: no MAIL, no AUTH.
  const refusals: Readonly<Record<string, readonly [Script.Script, string]>> = {
    "not offered (V-121, CLASS-25, TLS-005)": [
      [...hello("AUTH PLAIN"), ...quit],
      "Unreachable starttls host host 4.7.4"
    ],
    "refused for now (TLS-009)": [
      [...hello("STARTTLS", "AUTH PLAIN"), expect("STARTTLS"), reply("454 4.7.0 Not now"), ...quit],
      "Unreachable starttls host host 454 4.7.0"
    ],
    "refused for good": [
      [...hello("STARTTLS", "AUTH PLAIN"), expect("STARTTLS"), reply("502 5.5.1 No"), ...quit],
      "Unreachable starttls host host 502 5.5.1"
    ],
    "broken (TLS-006)": [
      [...hello("STARTTLS"), expect("STARTTLS"), reply("220 Go ahead"), Script.close],
      "Unreachable tls host host 4.7.5"
    ],
    "tampered with (V-120, TLS-003)": [
      [...hello("STARTTLS"), expect("STARTTLS"), Script.send("220 Go ahead\r\n250 injected\r\n"), Script.close],
      "Unreachable tls host host 4.7.5"
    ],
    "tampered with by somebody who shakes hands then (TLS-003)": [
      [
        ...hello("STARTTLS"),
        expect("STARTTLS"),
        Script.send("220 Go ahead\r\n250 injected\r\n"),
        Script.expectTlsFailure
      ],
      "Unreachable tls host host 4.7.5"
    ],
    "tampered with by half a line, and shaking hands then (TLS-003)": [
      [...hello("STARTTLS"), expect("STARTTLS"), Script.send("220 Go ahead\r\n25"), Script.expectTlsFailure],
      "Unreachable tls host host 4.7.5"
    ],
    "tampered with by half a line (TLS-003)": [
      [...hello("STARTTLS"), expect("STARTTLS"), Script.send("220 Go ahead\r\n25"), Script.close],
      "Unreachable tls host host 4.7.5"
    ]
  }
  for (const [name, [script, expected]] of Object.entries(refusals)) {
    it.effect(`${name}: fails closed, without a second connection`, () =>
      Effect.gen(function* () {
        const failure = yield* against([script], Effect.flip(open(policy, { credentials: alice })))
        assert.strictEqual(refused(failure), expected)
      })
    )
  }

  const certificates = { "an unknown authority": { trusted: false }, "another name": { names: ["other.example"] } }
  for (const [name, options] of Object.entries(certificates)) {
    const handshake = [...hello("STARTTLS"), expect("STARTTLS"), reply("220 Go ahead"), Script.expectTlsFailure]
    it.effect(`${name} fails closed (CLASS-25)`, () =>
      comesTo([handshake], ["Unreachable tls host host 4.7.5"], policy, options)
    )
    it.effect(`${name} is good enough without verification`, () =>
      comesTo([under], delivered, TlsPolicy.requiredUnverified, options)
    )
  }

  it.effect("without EHLO: no HELO, no mail (CLASS-21)", () =>
    comesTo(
      [[greet, expectPrefix("EHLO "), reply("502 5.5.1 What?"), ...quit]],
      ["Unreachable starttls host host 4.7.4"],
      policy
    )
  )

  it.effect("believes the second EHLO only (V-122, EHLO-006)", () =>
    comesTo(
      [[...hello("STARTTLS", "PIPELINING", "SIZE 10"), ...startTls, ...ehlo("STARTTLS"), ...transaction]],
      delivered,
      policy
    )
  )
})

const implicit = (tls: TlsPolicy.TlsPolicy) => SmtpSession.open(endpoint(tls, true), settings)

describe("TLS from the first byte", () => {
  it.effect("comes before the greeting, and STARTTLS is not asked for (TLS-017)", () =>
    Effect.gen(function* () {
      const session = yield* against([[Script.startTls, ...hello("STARTTLS"), ...quit]], implicit(TlsPolicy.required))
      assert.isTrue(session.tls?.verified)
    })
  )

  it.effect("with a certificate for another name fails closed (CLASS-25)", () =>
    Effect.gen(function* () {
      const options = { names: ["other.example"] }
      const failure = yield* against([[Script.expectTlsFailure]], Effect.flip(implicit(TlsPolicy.required)), options)
      assert.strictEqual(refused(failure), "Unreachable tls host host 4.7.5")
    })
  )

  it.effect("at a port that speaks clear text fails and says so, also when TLS is optional", () =>
    Effect.gen(function* () {
      const failure = yield* against([[greet, Script.close]], Effect.flip(implicit(TlsPolicy.opportunistic)))
      assert.strictEqual(refused(failure), "Unreachable tls host host 4.7.5")
      assert.include(failure.reason, "does not speak TLS from the first byte")
    })
  )
})

const alice = new Sasl.Password({ username: "alice", password: Redacted.make("s3cret-pass") })
const token = new Sasl.Token({ username: "alice", token: Redacted.make("s3cret-token") })

const accounts = SaslServer.mechanisms({
  password: (username) => (username === "alice" ? alice.password : undefined),
  token: (_, given) => (Redacted.value(given) === "s3cret-token" ? undefined : refusal)
})

const refusal = new SaslExchange.Refusal({ status: "401" })

const offering = (mechanism: string) => [...hello("STARTTLS"), ...startTls, ...ehlo(`AUTH ${mechanism}`)]

describe("AUTH", () => {
  const mechanisms = {
    PLAIN: alice,
    LOGIN: alice,
    "CRAM-MD5": alice,
    "SCRAM-SHA-1": alice,
    "SCRAM-SHA-256": alice,
    OAUTHBEARER: token,
    XOAUTH2: token
  } as const
  for (const [name, credentials] of Object.entries(mechanisms)) {
    const policy = { credentials, sasl: { mechanisms: [name as Sasl.Name] } }

    it.effect(`${name} proves who we are, and the transcript does not tell how`, () =>
      Effect.gen(function* () {
        const session = yield* against(
          [[...offering(name), authenticates(accounts), ...quit]],
          open(TlsPolicy.required, policy)
        )
        const transcript = session.transcript()
        assert.include(transcript, `C: AUTH ${name}`)
        assert.include(transcript, "S: 235 2.7.0")
        assert.notMatch(transcript, /s3cret|czNjcmV0/)
        assert.notInclude(transcript, Buffer.from("\0alice\0s3cret-pass").toString("base64"))
      })
    )

    it.effect(`${name} with the wrong secret is our own trouble, not the mail's (CLASS-32)`, () =>
      Effect.gen(function* () {
        const wrong =
          credentials._tag === "Password"
            ? new Sasl.Password({ username: "alice", password: Redacted.make("s3cret-wrong") })
            : new Sasl.Token({ username: "alice", token: Redacted.make("s3cret-wrong") })
        const script = [...offering(name), authenticates(accounts), ...quit]
        const failure = yield* against(
          [script],
          Effect.flip(open(TlsPolicy.required, { ...policy, credentials: wrong }))
        )
        assert.strictEqual(refused(failure), "Unreachable auth relay later 535 5.7.8")
        assert.notMatch(JSON.stringify(failure), /s3cret|czNjcmV0/)
      })
    )
  }

  it.effect("does not send a password in clear text, whatever the server offers (TLS-006)", () =>
    Effect.gen(function* () {
      const script = [...hello("AUTH PLAIN LOGIN"), ...quit]
      for (const tls of [TlsPolicy.none, TlsPolicy.opportunistic]) {
        const failure = yield* against([script], Effect.flip(open(tls, { credentials: alice })))
        assert.strictEqual(refused(failure), "Unreachable auth relay later 4.7.8")
      }
    })
  )

  it.effect("454 is a temporary failure of the relay (CLASS-31)", () =>
    Effect.gen(function* () {
      const script = [...offering("PLAIN"), expectPrefix("AUTH PLAIN "), reply("454 4.7.0 Later"), ...quit]
      const failure = yield* against([script], Effect.flip(open(TlsPolicy.required, { credentials: alice })))
      assert.strictEqual(refused(failure), "TempFailure auth relay later 454 4.7.0")
    })
  )
})

describe("a Unix domain socket", () => {
  it.effect("carries a message; its path is its name, and there is no port", () =>
    Effect.gen(function* () {
      const path = "/run/smtp"
      yield* ScriptedServer.listen({ address: path, port: 25 }, [...hello(), ...transaction])
      const to = Endpoint.unix(path)
      const [outcome] = yield* SmtpTransport.sendVia([to], parcel(), settings)
      const { address, host, port } = outcome?._tag === "Delivered" ? outcome : {}
      assert.deepStrictEqual([host, address, port], [path, undefined, undefined])
      const [failed] = yield* SmtpTransport.sendVia([Endpoint.unix("/run/nothing")], parcel(), settings)
      const failure = failed?._tag === "Failed" ? failed.failure : undefined
      assert.match(failure?.message ?? "", /^\/run\/nothing: connection refused/)
    }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer))
  )
})
