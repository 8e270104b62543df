import * as Sasl from "@effect-mail/protocol/Sasl"
import * as SaslExchange from "@effect-mail/protocol/SaslExchange"
import * as SaslMechanism from "@effect-mail/protocol/SaslMechanism"
import * as SaslPrep from "@effect-mail/protocol/SaslPrep"
import * as SaslServer from "@effect-mail/protocol/SaslServer"
import * as Scram from "@effect-mail/protocol/Scram"
import * as SmtpAuth from "@effect-mail/protocol/SmtpAuth"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Result, Schema } from "effect"
import * as Digest from "effect/crypto/Digest"
import * as Kdf from "effect/crypto/Kdf"
import * as SecureRandom from "effect/crypto/SecureRandom"
import { b64, host, listening, meet } from "./fixtures/sasl.ts"

const secret = (text: string) => Redacted.make(text)
const passwords = (accounts: Record<string, string>) =>
  SaslServer.mechanisms({
    password: (username) => (Object.hasOwn(accounts, username) ? secret(accounts[username] ?? "") : undefined)
  })
const binding = { type: "tls-exporter", data: new Uint8Array([1, 2, 3]) } as const

// Letters, separators of every mechanism, composed and decomposed accents, compatibility characters, emoji.
const interesting = Schema.NonEmptyArray(
  Schema.Literals(["a", "Z", "9", " ", ",", "=", "=2C", "é", "e\u0301", "½", "ﬁ", "\u00a0", "🔑", "日", "\u00ad"])
)
const clientsFor = (username: string, password: Redacted.Redacted) => [
  SaslMechanism.plain({ username, password }),
  SaslMechanism.login({ username, password }),
  SaslMechanism.cramMd5({ username, password }),
  Scram.client({ hash: "SHA-1", username, password }),
  Scram.client({ hash: "SHA-256", username, password })
]
const clientsAs = (authzid: string) => [
  SaslMechanism.plain({ username: "u", password: secret("p"), authzid }),
  Scram.client({ hash: "SHA-256", username: "u", password: secret("p"), authzid }),
  SaslMechanism.external({ authzid })
]
const prepared = (text: string) => Result.getOrThrow(SaslPrep.prepare(text))

describe("client against server", () => {
  it.prop(
    "any user with any password is authenticated by every mechanism, and with another password by none",
    [interesting, interesting],
    ([name, letters]) => {
      const typed = name.join("")
      const username = prepared(typed)
      const password = letters.join("")
      if (username === "" || prepared(password) === "") return
      const server = passwords({ [username]: password })
      for (const client of clientsFor(typed, secret(password))) {
        const { identity, result } = meet([client], server)
        assert.isTrue(Result.isSuccess(result), client.name)
        assert.deepStrictEqual(identity, { username, authzid: username }, client.name)
      }
      for (const client of clientsFor(typed, secret(`${password}x`))) {
        const { identity, result } = meet([client], server)
        assert.isTrue(Result.isFailure(result), client.name)
        assert.isUndefined(identity, client.name)
      }
    },
    { arbitrary: { runs: 40 } }
  )
  it("a password typed in another composition is the same one (SASLprep)", () => {
    const server = passwords({ user: "s3cr\u00e9t IX" })
    for (const client of clientsFor("user", secret("s3cre\u0301t\u00a0\u2168"))) {
      assert.isTrue(Result.isSuccess(meet([client], server).result), client.name)
    }
  })
  it("a stranger gets the answer of a wrong password", () => {
    const server = passwords({ user: "p" })
    for (const client of clientsFor("toString", secret("p"))) {
      const { problem } = Result.getOrThrow(Result.flip(meet([client], server).result))
      assert.strictEqual(problem._tag === "Refused" ? problem.reply.code : 0, 535, client.name)
    }
  })
  it("AUTH-022: binds to the TLS session, and fails when the two ends see different ones", () => {
    const accounts = { password: () => secret("p") }
    const server = SaslServer.mechanisms({ ...accounts, channelBinding: binding })
    for (const hash of ["SHA-1", "SHA-256"] as const) {
      const client = (bound: Scram.ClientOptions["binding"]) =>
        Scram.client({ hash, username: "u", password: secret("p"), binding: bound })
      assert.isTrue(Result.isSuccess(meet([client(binding)], server).result))
      assert.isTrue(Result.isSuccess(meet([client(undefined)], server).result))
      const other = { ...binding, data: new Uint8Array([1, 2, 4]) }
      assert.isTrue(Result.isFailure(meet([client(other)], server).result))
      assert.isTrue(Result.isFailure(meet([client({ ...binding, type: "tls-unique" })], server).result))
      // A client that could bind and was told that the server cannot: somebody removed the offer.
      assert.isTrue(Result.isFailure(meet([client("unadvertised")], server).result))
      assert.isTrue(Result.isSuccess(meet([client("unadvertised")], SaslServer.mechanisms(accounts)).result))
    }
  })
  it("AUTH-018: rounds below what the client accepts end the exchange", () => {
    const server = SaslServer.mechanisms({ password: () => secret("p"), iterations: 4095 })
    const client = Scram.client({ hash: "SHA-256", username: "u", password: secret("p") })
    const { problem } = Result.getOrThrow(Result.flip(meet([client], server).result))
    assert.strictEqual(problem._tag, "Lost")
  })
  it("acts as somebody else where that is allowed", () => {
    const server = SaslServer.mechanisms({
      password: () => secret("p"),
      certificate: "u",
      mayActAs: (username, authzid) => username === "u" && authzid === "a,b"
    })
    for (const client of clientsAs("a,b")) {
      assert.deepStrictEqual(meet([client], server).identity, { username: "u", authzid: "a,b" }, client.name)
    }
    for (const client of clientsAs("other")) assert.isUndefined(meet([client], server).identity, client.name)
  })
  it("tokens: accepted, or refused with a reason that the client can read", () => {
    const refusal = new SaslExchange.Refusal({
      status: "invalid_token",
      scope: "mail",
      openidConfiguration: "https://example.com/.well-known/openid-configuration"
    })
    const server = SaslServer.mechanisms({
      token: (username, token) => (username === "a,b=c" && Redacted.value(token) === "good" ? undefined : refusal)
    })
    for (const make of [SaslMechanism.oauthBearer, SaslMechanism.xoauth2]) {
      const good = meet([make({ username: "a,b=c", token: secret("good") })], server)
      assert.deepStrictEqual(good.identity, { username: "a,b=c", authzid: "a,b=c" })
      const bad = Result.getOrThrow(
        Result.flip(meet([make({ username: "a,b=c", token: secret("bad") })], server).result)
      )
      assert.deepStrictEqual(bad.refusal, refusal)
      assert.strictEqual(bad.problem._tag === "Refused" ? bad.problem.reply.code : 0, 535)
    }
  })
  it("what the server offers is what the client chooses from", () => {
    const server = SaslServer.mechanisms({ password: () => secret("p"), channelBinding: binding })
    const session = { offered: server.map(({ name }) => name), encrypted: true, channelBinding: binding }
    const credentials = new Sasl.Password({ username: "u", password: secret("p") })
    const { result } = meet(Result.getOrThrow(Sasl.choose(credentials, session)), server)
    assert.strictEqual(Result.getOrThrow(result).mechanism, "SCRAM-SHA-256-PLUS")
  })
})

describe("SmtpAuth.serve", () => {
  const server = SaslServer.mechanisms({
    password: (username) => (username === "test" ? secret("1234") : undefined),
    certificate: "cert@example.com"
  })

  it("V-060 V-062 AUTH-004: PLAIN with the initial response, and without", () => {
    const at = { mechanism: "plain", initial: "dGVzdAB0ZXN0ADEyMzQ=" }
    const once = host(server, at)
    assert.deepStrictEqual([once.asked, once.reply.code, once.reply.enhanced], [[], 235, "2.7.0"])
    assert.deepStrictEqual(once.identity, { username: "test", authzid: "test" })
    const asked = host(server, { mechanism: "PLAIN" }, ["dGVzdAB0ZXN0ADEyMzQ="])
    assert.deepStrictEqual([asked.asked, asked.reply.code], [[""], 235])
  })
  it("V-063: LOGIN prompts as deployed servers do", () => {
    const { asked, reply } = host(server, { mechanism: "LOGIN" }, [b64("test"), b64("1234")])
    assert.deepStrictEqual([asked, reply.code], [["VXNlcm5hbWU6", "UGFzc3dvcmQ6"], 235])
  })
  it("V-071 AUTH-026: EXTERNAL = is the identity of the certificate", () => {
    const { identity } = host(server, { mechanism: "EXTERNAL", initial: "=" })
    assert.deepStrictEqual(identity, { username: "cert@example.com", authzid: "cert@example.com" })
  })
  it("AUTH-012: 535 for wrong credentials, 504 for an unknown mechanism", () => {
    for (const message of ["\0test\x001235", "other\0test\x001234", "\0test\0", "\0\x001234"]) {
      const { identity, reply } = host(server, { mechanism: "PLAIN", initial: b64(message) })
      assert.deepStrictEqual([reply.code, reply.enhanced, identity], [535, "5.7.8", undefined])
    }
    const { identity, reply } = host(server, { mechanism: "GSSAPI", initial: "AAAA" })
    assert.deepStrictEqual([reply.code, reply.enhanced, identity], [504, "5.5.4", undefined])
  })
  it("AUTH-006: no initial response where the server speaks first", () => {
    for (const mechanism of ["CRAM-MD5", "LOGIN"]) {
      const { reply } = host(server, { mechanism, initial: "dGVzdA==" })
      assert.deepStrictEqual([reply.code, reply.enhanced], [501, "5.7.0"])
    }
  })
  it("AUTH-003 AUTH-007 V-072: 501 for * and for what is not base64, wherever it comes", () => {
    for (const line of ["*", "!!!", "=AAA", "AAA=BBB", "AAA", " dGVz", "A".repeat(12_288), " ".repeat(1_000_000)]) {
      assert.strictEqual(host(server, { mechanism: "PLAIN", initial: line }).reply.code, 501, line.slice(0, 9))
      assert.strictEqual(host(server, { mechanism: "PLAIN" }, [line]).reply.code, 501, line.slice(0, 9))
      assert.strictEqual(host(server, { mechanism: "LOGIN" }, [b64("test"), line]).reply.code, 501, line.slice(0, 9))
    }
  })
  it("501 for a message that is not the mechanism's", () => {
    const cases = [
      ["PLAIN", b64("")],
      ["PLAIN", b64("test")],
      ["PLAIN", b64("a\0b\0c\0d")],
      ["PLAIN", "/w=="],
      ["EXTERNAL", "/w=="],
      ["SCRAM-SHA-256", b64("n,,r=x")],
      ["SCRAM-SHA-256", b64("n,,n=,r=x")],
      ["SCRAM-SHA-256", b64("n,,n=a=b,r=x")],
      ["SCRAM-SHA-256", b64("n,x,n=a,r=x")],
      ["SCRAM-SHA-256", b64("n,,m=x,n=a,r=x")]
    ]
    for (const [mechanism = "", initial] of cases) {
      const { reply } = host(server, { mechanism, initial: initial === "" ? "=" : initial })
      assert.strictEqual(reply.code, 501, `${mechanism} ${initial}`)
    }
    assert.strictEqual(host(server, { mechanism: "CRAM-MD5" }, [b64("test")]).reply.code, 501)
  })
  it("SCRAM: a proof for another nonce or another header is refused", () => {
    const first = { mechanism: "SCRAM-SHA-256", initial: b64("n,,n=test,r=abc") }
    assert.strictEqual(host(server, first, [b64("c=biws,r=abc,p=AAAA")]).reply.code, 535)
    assert.strictEqual(host(server, first, [b64("c=biws,r=abc")]).reply.code, 501)
    assert.strictEqual(host(server, first, [b64("c=biws,r=abc,p=!")]).reply.code, 501)
  })
})

// What a session does: every computation is an Effect, so nothing blocks while PBKDF2 runs.
const hashes = { MD5: Digest.md5, "SHA-1": Digest.sha1, "SHA-256": Digest.sha256 }
const perform = Effect.fnUntraced(function* (step: SaslExchange.Compute) {
  const request = Redacted.value(step.request)
  if (request._tag === "Random") return yield* (yield* SecureRandom.SecureRandom).randomBytes(request.length)
  if (request._tag === "Digest") return yield* (yield* Digest.Digest).digest(hashes[request.hash], request.data)
  const { hash, iterations, length, password, salt } = request
  return yield* (yield* Kdf.Kdf).derive(Kdf.pbkdf2({ hash: hashes[hash], iterations }), password, { salt, length })
})
const authenticate = Effect.fnUntraced(function* (client: SaslExchange.Mechanism) {
  const dialogue = SmtpAuth.authenticate([client])
  const { hear } = listening(passwords({ user: "pencil" }))
  let step = dialogue.next()
  while (step.done !== true) {
    step = dialogue.next(
      step.value._tag === "Compute" ? yield* perform(step.value) : hear(Redacted.value(step.value.line))
    )
  }
  return Result.isSuccess(step.value)
})

describe("computations by effect/crypto", () => {
  const layer = Layer.mergeAll(Digest.layerWebCrypto, Kdf.layerWebCrypto, SecureRandom.layerWebCrypto)

  it.effect("give the same results as node:crypto", () =>
    Effect.gen(function* () {
      const good = yield* Effect.forEach(clientsFor("user", secret("pencil")), authenticate)
      assert.deepStrictEqual(good, [true, true, true, true, true])
      const bad = yield* Effect.forEach(clientsFor("user", secret("pencil2")), authenticate)
      assert.deepStrictEqual(bad, [false, false, false, false, false])
    }).pipe(Effect.provide(layer))
  )
})
