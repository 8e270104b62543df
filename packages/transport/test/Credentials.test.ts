/** Who we are to a relay: secrets, tokens that are refreshed, certificates; and what is never said in clear text. */
import { Endpoint, Sasl, TlsPolicy } from "@effect-mail/protocol"
import { Script } from "@effect-mail/testing"
import { Credentials, SmtpSession, SmtpTransport } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Duration, Effect, Fiber, Redacted } from "effect"
import { TestClock } from "effect/testing"
import {
  against,
  data,
  ehlo,
  failureOf,
  hello,
  host,
  mail,
  parcel,
  place,
  quit,
  rcpt,
  settings,
  shown
} from "./support/smtp.ts"

const { expect, reply } = Script

// TLS from the first byte, so that a secret may be sent.
const relay = Endpoint.make({
  host,
  address: place.address,
  port: place.port,
  implicitTls: true,
  tls: TlsPolicy.required
})

const tokens = (...names: ReadonlyArray<string>) => {
  let asked = 0
  const token = Effect.sync(() => ({
    token: Redacted.make(names[asked++] ?? "none"),
    expiresIn: Duration.minutes(60)
  }))
  return { token, asked: () => asked }
}

const named = (credentials: Sasl.Credentials): string =>
  credentials._tag === "Token" ? Redacted.value(credentials.token) : credentials._tag

const bearer = (token: string): string =>
  `AUTH XOAUTH2 ${Buffer.from(`user=ada\u0001auth=Bearer ${token}\u0001\u0001`).toString("base64")}`

const session = (...answer: ReadonlyArray<Script.Step>): Script.Script => [
  Script.startTls,
  ...hello("AUTH XOAUTH2"),
  ...answer
]

describe("oauth", () => {
  it.effect("keeps a token until a minute before its end", () =>
    Effect.gen(function* () {
      const { asked, token } = tokens("one", "two")
      const source = yield* Credentials.oauth({ username: "ada", token })
      for (const [minutes, name] of [
        [0, "one"],
        [58.9, "one"],
        [0.1, "two"],
        [50, "two"]
      ] as const) {
        yield* TestClock.adjust(Duration.minutes(minutes))
        assert.strictEqual(named(yield* source.current), name)
      }
      assert.strictEqual(asked(), 2)
    })
  )

  it.effect("keeps a token that is good for a moment for half of it, and one without an end for good", () =>
    Effect.gen(function* () {
      let asked = 0
      const brief = Effect.sync(() => ({ token: Redacted.make(`${++asked}`), expiresIn: Duration.seconds(40) }))
      const source = yield* Credentials.oauth({ username: "ada", token: brief })
      const seen: Array<string> = []
      for (const seconds of [0, 19, 1, 19, 1]) {
        yield* TestClock.adjust(Duration.seconds(seconds))
        seen.push(named(yield* source.current))
      }
      assert.deepStrictEqual(seen, ["1", "1", "2", "2", "3"])
      const lasting = yield* Credentials.oauth({
        username: "ada",
        token: Effect.sync(() => ({ token: Redacted.make(`${++asked}`) }))
      })
      yield* lasting.current
      yield* TestClock.adjust("365 days")
      assert.strictEqual(named(yield* lasting.current), "4")
    })
  )

  it.effect("gets one token however many want it, also when the first of them gives up", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      let asked = 0
      const token = Effect.suspend(() => {
        asked++
        return Effect.as(Deferred.await(gate), { token: Redacted.make(`${asked}`), expiresIn: Duration.minutes(5) })
      })
      const source = yield* Credentials.oauth({ username: "ada", token })
      const first = yield* Effect.forkChild(source.current, { startImmediately: true })
      const others = yield* Effect.forEach([1, 2, 3], () =>
        Effect.forkChild(source.current, { startImmediately: true })
      )
      assert.strictEqual(asked, 1)
      yield* Fiber.interrupt(first)
      yield* Deferred.succeed(gate, undefined)
      for (const fiber of others) assert.strictEqual(named(yield* Fiber.join(fiber)), "2")
      assert.strictEqual(asked, 2)
    })
  )

  it.effect("takes its services from where it is made", () => {
    class Vault extends Context.Service<Vault, string>()("test/Vault") {}
    return Effect.gen(function* () {
      const token = Effect.map(Vault, (text) => ({ token: Redacted.make(text) }))
      const source = yield* Effect.provideService(Credentials.oauth({ username: "ada", token }), Vault, "kept")
      assert.strictEqual(named(yield* source.current), "kept")
    })
  })

  it.effect("logs in with the token of the moment", () => {
    const { token } = tokens("fresh")
    const script = session(expect(bearer("fresh")), reply("235 2.7.0 Welcome"), ...mail, ...rcpt(), ...data(), ...quit)
    return against(
      [script],
      Effect.gen(function* () {
        const credentials = yield* Credentials.oauth({ username: "ada", token })
        const transport = yield* SmtpTransport.make([relay], { ...settings, credentials })
        assert.deepStrictEqual(shown(yield* transport.send(parcel())), ["delivered 250"])
      })
    )
  })

  const refusal = [reply("535 5.7.8 No"), ...quit]

  it.effect("after a 535 gets another token, once, and tries it over a new connection (AUTH-025)", () => {
    const { asked, token } = tokens("stale", "fresh")
    const welcome = [expect(bearer("fresh")), reply("235 2.7.0 Welcome"), ...mail, ...rcpt(), ...data(), ...quit]
    return against(
      [session(expect(bearer("stale")), ...refusal), session(...welcome)],
      Effect.gen(function* () {
        const credentials = yield* Credentials.oauth({ username: "ada", token })
        yield* credentials.current
        yield* TestClock.adjust("5 minutes")
        const transport = yield* SmtpTransport.make([relay], { ...settings, credentials })
        assert.deepStrictEqual(shown(yield* transport.send(parcel())), ["delivered 250"])
        assert.strictEqual(asked(), 2)
      })
    )
  })

  it.effect("does not replace a token that is refused when it is new, nor a second one (CLASS-32)", () =>
    Effect.gen(function* () {
      for (const [wait, scripts, count] of [
        ["0 seconds", [session(expect(bearer("one")), ...refusal)], 1],
        ["5 minutes", [session(expect(bearer("one")), ...refusal), session(expect(bearer("two")), ...refusal)], 2]
      ] as const) {
        const { asked, token } = tokens("one", "two", "three")
        const sent = yield* against(
          scripts,
          Effect.gen(function* () {
            const credentials = yield* Credentials.oauth({ username: "ada", token })
            yield* credentials.current
            yield* TestClock.adjust(wait)
            return yield* SmtpTransport.sendVia([relay], parcel(), { ...settings, credentials })
          })
        )
        assert.deepStrictEqual(shown(sent), ["Unreachable auth relay later 535 5.7.8"])
        assert.strictEqual(asked(), count)
      }
    })
  )

  it.effect("that has no token is the relay's trouble, and nobody is connected to", () =>
    against(
      [],
      Effect.gen(function* () {
        const token = Effect.fail(new Error("the authorization server answered 503"))
        const credentials = yield* Credentials.oauth({ username: "ada", token })
        const sent = yield* SmtpTransport.sendVia([relay], parcel(), { ...settings, credentials })
        assert.deepStrictEqual(shown(sent), ["Unreachable auth relay later 4.7.0"])
        assert.include(failureOf(sent).reason, "answered 503")
      })
    )
  )

  it.effect("shows no token in a failure", () => {
    const { token } = tokens("t0ps3cret")
    return against(
      [session(expect(bearer("t0ps3cret")), ...refusal)],
      Effect.gen(function* () {
        const credentials = yield* Credentials.oauth({ username: "ada", token })
        const sent = yield* SmtpTransport.sendVia([relay], parcel(), { ...settings, credentials })
        const text = JSON.stringify(sent)
        assert.include(text, "AUTH XOAUTH2 ***")
        assert.notInclude(text, "t0ps3cret")
        assert.notInclude(text, Buffer.from("t0ps3cret").toString("base64").slice(0, 8))
      })
    )
  })
})

describe("a secret without TLS", () => {
  const clear = Endpoint.make({ host, address: place.address, port: place.port, tls: TlsPolicy.none })
  const credentials = new Sasl.Password({ username: "ada", password: Redacted.make("s3cr3t") })
  const greeting = [reply(`220 ${host} ESMTP`), ...ehlo("AUTH PLAIN LOGIN")]

  it.effect("is not said (RFC 4954 section 4)", () =>
    against(
      [[...greeting, ...quit]],
      Effect.gen(function* () {
        const error = yield* Effect.flip(SmtpSession.open(clear, { ...settings, credentials }))
        assert.deepInclude(error, { _tag: "Unreachable", stage: "auth", scope: "relay" })
        assert.include(error.hint, "allowSecretsInClearText")
      })
    )
  )

  it.effect("is said when the settings say so in words", () =>
    against(
      [
        [
          ...greeting,
          expect(`AUTH PLAIN ${Buffer.from("\0ada\0s3cr3t").toString("base64")}`),
          reply("235 2.7.0 Welcome"),
          ...quit
        ]
      ],
      SmtpSession.open(clear, { ...settings, credentials, sasl: { allowSecretsInClearText: true } })
    )
  )
})

describe("a client certificate", () => {
  it.effect("is what EXTERNAL stands on, under TLS only", () =>
    Effect.gen(function* () {
      const credentials = new Sasl.External({})
      const external = [Script.startTls, ...hello("AUTH EXTERNAL PLAIN")]
      yield* against(
        [[...external, expect("AUTH EXTERNAL ="), reply("235 2.7.0 Welcome"), ...quit]],
        SmtpSession.open(relay, { ...settings, credentials })
      )
      const clear = Endpoint.make({ host, address: place.address, port: place.port, tls: TlsPolicy.none })
      const error = yield* against(
        [[...hello("AUTH EXTERNAL PLAIN"), ...quit]],
        Effect.flip(SmtpSession.open(clear, { ...settings, credentials }))
      )
      assert.include(error.reason, "client certificate")
    })
  )
})
