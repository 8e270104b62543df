import * as Failure from "@effect-mail/protocol/Failure"
import * as Sasl from "@effect-mail/protocol/Sasl"
import { assert, describe, it } from "@effect/vitest"
import { Redacted, Result, Schema } from "effect"
import { inspect } from "node:util"
import { play, unb64 } from "./fixtures/sasl.ts"

const password = new Sasl.Password({ username: "user", password: Redacted.make("hunter2") })
const token = new Sasl.Token({ username: "user", token: Redacted.make("hunter2") })
const external = new Sasl.External({})
const binding = { type: "tls-exporter", data: new Uint8Array(32) } as const

const everything = [
  "LOGIN",
  "PLAIN",
  "CRAM-MD5",
  "XOAUTH2",
  "OAUTHBEARER",
  "SCRAM-SHA-1",
  "SCRAM-SHA-256",
  "SCRAM-SHA-1-PLUS",
  "SCRAM-SHA-256-PLUS",
  "EXTERNAL",
  "GSSAPI",
  "NTLM"
]
const tls: Sasl.Session = { offered: everything, encrypted: true }
const clear: Sasl.Session = { offered: everything, encrypted: false }

type Arguments = Parameters<typeof Sasl.choose>
const chosen = (...args: Arguments) => Result.getOrThrow(Sasl.choose(...args)).map(({ name }) => name)
const refusal = (...args: Arguments) => {
  const unmet = Result.getOrThrow(Result.flip(Sasl.choose(...args)))
  assert.deepStrictEqual([unmet._tag, unmet.stage, unmet.requirement], ["Unmet", "auth", "auth"])
  assert.notInclude(JSON.stringify(unmet), "hunter2")
  return [unmet.detail, unmet.hint]
}

const flag = (session: Sasl.Session) => {
  const mechanisms = Result.getOrThrow(Sasl.choose(password, session, { mechanisms: ["SCRAM-SHA-256"] }))
  return unb64(play(mechanisms, ["535 no"]).sent[0]?.split(" ")[2] ?? "").split(",")[0]
}

describe("Sasl.choose", () => {
  it("AUTH-013: prefers proofs to secrets, bound to unbound, SHA-256 to SHA-1, PLAIN to LOGIN; no CRAM-MD5", () => {
    assert.deepStrictEqual(chosen(password, { ...tls, channelBinding: binding }), [
      "SCRAM-SHA-256-PLUS",
      "SCRAM-SHA-1-PLUS",
      "SCRAM-SHA-256",
      "SCRAM-SHA-1",
      "PLAIN",
      "LOGIN"
    ])
    assert.deepStrictEqual(chosen(password, tls), ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"])
    assert.deepStrictEqual(chosen(token, tls), ["OAUTHBEARER", "XOAUTH2"])
    assert.deepStrictEqual(chosen(external, { ...tls, clientCertificate: true }), ["EXTERNAL"])
  })
  it("AUTH-001: takes what the server offers in any case and order", () => {
    assert.deepStrictEqual(chosen(password, { offered: ["login", "Plain"], encrypted: true }), ["PLAIN", "LOGIN"])
  })
  it("AUTH-011: sends no password and no token readably without TLS", () => {
    assert.deepStrictEqual(chosen(password, clear), ["SCRAM-SHA-256", "SCRAM-SHA-1"])
    assert.deepStrictEqual(refusal(password, { offered: ["PLAIN", "LOGIN"], encrypted: false }), [
      "the server offers PLAIN LOGIN, and PLAIN LOGIN would send the password readably over a connection without TLS",
      "Use TLS (port 465, or STARTTLS on port 587), or set allowSecretsInClearText if nobody can listen on this connection"
    ])
    assert.include(refusal(token, clear)[0], "OAUTHBEARER XOAUTH2 would send the token readably")
  })
  it("AUTH-011: sends them when told so in words", () => {
    const policy = { allowSecretsInClearText: true }
    assert.deepStrictEqual(chosen(token, clear, policy), ["OAUTHBEARER", "XOAUTH2"])
    assert.deepStrictEqual(chosen(password, { offered: ["PLAIN"], encrypted: false }, policy), ["PLAIN"])
  })
  it("takes the policy's mechanisms in the policy's order, and no other", () => {
    const mechanisms = ["LOGIN", "CRAM-MD5"] as const
    assert.deepStrictEqual(chosen(password, tls, { mechanisms }), ["LOGIN", "CRAM-MD5"])
    assert.deepStrictEqual(chosen(password, clear, { mechanisms }), ["CRAM-MD5"])
  })
  it("CLASS-32: what the refusal means is the relay's configuration, never the mail", () => {
    const unmet = Result.getOrThrow(Result.flip(Sasl.choose(password, { offered: [], encrypted: true })))
    const failure = Failure.fromProblem(unmet)
    assert.deepStrictEqual([failure._tag, failure.scope, failure.next], ["Unreachable", "relay", "later"])
  })
  it("says what the server offers, what we have and what would help", () => {
    assert.deepStrictEqual(refusal(password, { offered: [], encrypted: true }), [
      "the server offers no authentication, and there are credentials for it",
      "Use the server's submission port (465 or 587), or remove the credentials for this server"
    ])
    assert.include(refusal(password, { offered: [], encrypted: false })[1], "under TLS only")
    assert.deepStrictEqual(refusal(token, { offered: ["PLAIN", "LOGIN"], encrypted: true }), [
      "the server offers PLAIN LOGIN, and the token that we have can be used with OAUTHBEARER XOAUTH2",
      "Give credentials that fit one of the server's mechanisms"
    ])
    assert.include(refusal(password, { offered: ["CRAM-MD5"], encrypted: true })[1], "Add CRAM-MD5 to the policy")
    assert.include(refusal(external, tls)[0], "no client certificate was shown")
    assert.include(refusal(external, { offered: ["PLAIN"], encrypted: true, clientCertificate: true })[0], "EXTERNAL")
  })
  it("cuts a hostile server's list", () => {
    const offered = Array.from({ length: 10_000 }, () => "X".repeat(1000))
    assert.isBelow(refusal(password, { offered, encrypted: true })[0]?.length ?? 0, 600)
  })
  it("passes over mechanisms that have no place for the identity to act as", () => {
    const other = new Sasl.Password({ username: "user", password: Redacted.make("p"), authzid: "other" })
    assert.deepStrictEqual(chosen(other, { offered: ["LOGIN", "PLAIN", "CRAM-MD5"], encrypted: true }), ["PLAIN"])
  })
  it("AUTH-017: says that it could have bound only to a server that offers no binding", () => {
    assert.strictEqual(flag({ offered: ["SCRAM-SHA-256"], encrypted: true, channelBinding: binding }), "y")
    assert.strictEqual(flag({ ...tls, channelBinding: binding }), "n")
    assert.strictEqual(flag(tls), "n")
  })
  it("AUTH-023: tells OAUTHBEARER host and port", () => {
    const session = { ...tls, host: "mail.example.com", port: 465 }
    const [line = ""] = play(Result.getOrThrow(Sasl.choose(token, session)), ["535 no"]).sent
    assert.include(unb64(line.split(" ")[2] ?? ""), "\x01host=mail.example.com\x01port=465\x01")
  })
})

describe("Credentials", () => {
  it("show no secret when printed", () => {
    for (const credentials of [password, token]) {
      assert.notInclude(`${inspect(credentials)} ${JSON.stringify(credentials)}`, "hunter2")
    }
  })
  it("are read from data that is redacted already", () => {
    const read = Schema.decodeUnknownSync(Sasl.Credentials)({
      _tag: "Password",
      username: "user",
      password: Redacted.make("hunter2")
    })
    assert.deepStrictEqual(read, password)
  })
})
