import * as Failure from "@effect-mail/protocol/Failure"
import * as SaslExchange from "@effect-mail/protocol/SaslExchange"
import * as SaslMechanism from "@effect-mail/protocol/SaslMechanism"
import * as Scram from "@effect-mail/protocol/Scram"
import * as SmtpAuth from "@effect-mail/protocol/SmtpAuth"
import { assert, describe, it } from "@effect/vitest"
import { Redacted, Result } from "effect"
import { b64, play, unb64 } from "./fixtures/sasl.ts"

const ok = "235 2.7.0 Authentication successful"
const secret = (text: string) => Redacted.make(text)

const accepted = (played: ReturnType<typeof play>) => {
  assert.strictEqual(played.unused, 0, "all replies were awaited")
  return Result.getOrThrow(played.result)
}
const rejected = (played: ReturnType<typeof play>) => {
  assert.strictEqual(played.unused, 0, "all replies were awaited")
  return Result.getOrThrow(Result.flip(played.result))
}
const lost = (played: ReturnType<typeof play>) => {
  const { problem } = rejected(played)
  assert.strictEqual(problem._tag, "Lost")
  return problem._tag === "Lost" ? [problem.stage, problem.kind, problem.detail].join(": ") : ""
}
const unmet = (played: ReturnType<typeof play>) => {
  const { problem } = rejected(played)
  assert.strictEqual(problem._tag, "Unmet")
  return problem._tag === "Unmet" ? `${problem.requirement}: ${problem.detail}` : ""
}

describe("PLAIN", () => {
  it("V-060 AUTH-014: sends authorization identity, user and password at once", () => {
    const plain = SaslMechanism.plain({ authzid: "test", username: "test", password: secret("1234") })
    const played = play([plain], [ok])
    assert.deepStrictEqual(played.sent, ["AUTH PLAIN dGVzdAB0ZXN0ADEyMzQ="])
    const { mechanism, reply } = accepted(played)
    assert.deepStrictEqual([mechanism, reply.code], ["PLAIN", 235])
  })
  it("V-061: carries UTF-8", () => {
    const plain = SaslMechanism.plain({ username: "alice@example.com", password: secret("s3cr\u00e9t") })
    assert.deepStrictEqual(play([plain], [ok]).sent, ["AUTH PLAIN AGFsaWNlQGV4YW1wbGUuY29tAHMzY3LDqXQ="])
  })
  it("V-062 AUTH-005: waits for an empty 334 when the command line would pass 512 octets, and only then", () => {
    // "AUTH PLAIN " + base64(user NUL ...) + CR LF: 372 octets of message make 496 of base64 and a line of 509.
    const longest = SaslMechanism.plain({ username: "u", password: secret("p".repeat(369)) })
    assert.strictEqual(play([longest], [ok]).sent[0]?.length, 507)
    const longer = SaslMechanism.plain({ username: "u", password: secret("p".repeat(370)) })
    const played = play([longer], ["334 ", ok])
    assert.deepStrictEqual(played.sent, ["AUTH PLAIN", b64(`\0u\0${"p".repeat(370)}`)])
    accepted(played)
  })
  it("AUTH-005: cancels when that 334 is not empty", () => {
    const plain = SaslMechanism.plain({ username: "u", password: secret("p".repeat(400)) })
    const played = play([plain], ["334 eA==", "501 5.0.0 cancelled"])
    assert.deepStrictEqual(played.sent, ["AUTH PLAIN", "*"])
    assert.include(lost(played), "auth: proof: the server's challenge should be empty")
  })
  it("does not count a 235 before the response that did not fit was sent", () => {
    const plain = SaslMechanism.plain({ username: "u", password: secret("p".repeat(400)) })
    assert.include(lost(play([plain], [ok])), "before the exchange was complete")
  })
  it("tolerates 334 without a space (AUTH-002)", () => {
    const plain = SaslMechanism.plain({ username: "u", password: secret("p".repeat(400)) })
    assert.strictEqual(accepted(play([plain], ["334", ok])).mechanism, "PLAIN")
  })
  it("says nothing when user or password is empty, has a NUL or is not Unicode", () => {
    const cases = [
      ["", "p", "the user name is empty"],
      ["u", "", "the password is empty"],
      ["u\0v", "p", "the user name has a character at position 1"],
      ["u", "hunter\0", "the password has a character at position 6"],
      ["u", "hunter2\ud800", "the password has a character at position 7"]
    ] as const
    for (const [username, password, detail] of cases) {
      const played = play([SaslMechanism.plain({ username, password: secret(password) })], [])
      assert.deepStrictEqual(played.sent, [])
      assert.include(unmet(played), `auth: ${detail}`)
      assert.notInclude(JSON.stringify(played.result), "hunter")
    }
  })
  it("says nothing when the response fits no line at all", () => {
    const played = play([SaslMechanism.plain({ username: "u", password: secret("p".repeat(9300)) })], [])
    assert.deepStrictEqual(played.sent, [])
    assert.include(unmet(played), "longer than SMTP allows (12288 octets)")
  })
  it("cancels when the server asks for more", () => {
    const played = play([SaslMechanism.plain({ username: "u", password: secret("p") })], ["334 ", "501 cancelled"])
    assert.deepStrictEqual(played.sent, [`AUTH PLAIN ${b64("\0u\0p")}`, "*"])
    assert.include(lost(played), "asked for more")
  })
})

describe("LOGIN", () => {
  const login = SaslMechanism.login({ username: "alice", password: secret("secret") })

  it("V-063 AUTH-006 AUTH-015: sends no initial response, then user and password", () => {
    const played = play([login], ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", ok])
    assert.deepStrictEqual(played.sent, ["AUTH LOGIN", "YWxpY2U=", "c2VjcmV0"])
    accepted(played)
  })
  it("V-063 AUTH-008: never reads the prompts, whatever they are", () => {
    for (const prompt of ["334 VXNlciBOYW1lAA==", "334 Username:", "334 ", "334"]) {
      assert.strictEqual(accepted(play([login], [prompt, prompt, ok])).mechanism, "LOGIN", prompt)
    }
  })
  it("does not count a 235 before the password was sent, and cancels a third question", () => {
    assert.include(lost(play([login], [ok])), "before the exchange was complete")
    assert.include(lost(play([login], ["334 ", ok])), "before the exchange was complete")
    assert.deepStrictEqual(play([login], ["334 ", "334 ", "334 ", "501 no"]).sent.at(-1), "*")
  })
})

describe("CRAM-MD5", () => {
  const cram = SaslMechanism.cramMd5({ username: "tim", password: secret("tanstaaftanstaaf") })

  it("V-064 AUTH-016: answers with user and lower-case HMAC-MD5", () => {
    const challenge = "334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+"
    const played = play([cram], [challenge, ok])
    assert.deepStrictEqual(played.sent, ["AUTH CRAM-MD5", "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw"])
    accepted(played)
  })
  it("hashes a password longer than the block, as HMAC demands", () => {
    const long = SaslMechanism.cramMd5({ username: "tim", password: secret("\u00e9".repeat(40)) })
    // HMAC-MD5 of "<1@example.com>", computed with another implementation.
    const played = play([long], [`334 ${b64("<1@example.com>")}`, ok])
    assert.strictEqual(unb64(played.sent[1] ?? ""), "tim 959943c1fdb7add5fae21c0d9d09a187")
  })
  it("refuses an empty challenge, because its answer could be replayed", () => {
    const played = play([cram], ["334 ", "501 cancelled"])
    assert.deepStrictEqual(played.sent, ["AUTH CRAM-MD5", "*"])
    assert.include(lost(played), "challenge is empty")
  })
})

describe("EXTERNAL", () => {
  it("V-071 AUTH-026 AUTH-004: sends = for the identity of the certificate", () => {
    const played = play([SaslMechanism.external()], [ok])
    assert.deepStrictEqual(played.sent, ["AUTH EXTERNAL ="])
    accepted(played)
  })
  it("sends the identity to act as", () => {
    const external = SaslMechanism.external({ authzid: "alice@example.com" })
    assert.deepStrictEqual(play([external], [ok]).sent, [`AUTH EXTERNAL ${b64("alice@example.com")}`])
  })
})

describe("SCRAM", () => {
  const sha1 = Scram.client({ hash: "SHA-1", username: "user", password: secret("pencil") })
  const sha256 = Scram.client({ hash: "SHA-256", username: "user", password: secret("pencil") })
  const vector1 = {
    nonce: "fyko+d2lbbFgONRv9qkxdawL",
    replies: [
      "334 cj1meWtvK2QybGJiRmdPTlJ2OXFreGRhd0wzcmZjTkhZSlkxWlZ2V1ZzN2oscz1RU1hDUitRNnNlazhiZjkyLGk9NDA5Ng==",
      "334 dj1ybUY5cHFWOFM3c3VBb1pXamE0ZEpSa0ZzS1E9"
    ]
  }
  const vector256 = {
    nonce: "rOprNGfwEbeRWgbNEkqO",
    replies: [
      "334 cj1yT3ByTkdmd0ViZVJXZ2JORWtxTyVodllEcFdVYTJSYVRDQWZ1eEZJbGopaE5sRiRrMCxzPVcyMlphSjBTTlk3c29Fc1VFamI2Z1E9PSxpPTQwOTY=",
      "334 dj02cnJpVFJCaTIzV3BSUi93dHVwK21NaFVaVW4vZEI1bkxUSlJzamw5NUc0PQ=="
    ]
  }
  const nonce = vector256.nonce
  const againstFirst = (message: string, ...more: ReadonlyArray<string>) =>
    play([sha256], [`334 ${b64(message)}`, ...more, "501 5.0.0 cancelled"], nonce)

  it("V-065 AUTH-017..021: SCRAM-SHA-1 to the letter", () => {
    const played = play([sha1], [...vector1.replies, ok], vector1.nonce)
    assert.deepStrictEqual(played.sent, [
      "AUTH SCRAM-SHA-1 biwsbj11c2VyLHI9ZnlrbytkMmxiYkZnT05Sdjlxa3hkYXdM",
      "Yz1iaXdzLHI9ZnlrbytkMmxiYkZnT05Sdjlxa3hkYXdMM3JmY05IWUpZMVpWdldWczdqLHA9djBYOHYzQnoyVDBDSkdiSlF5RjBYK0hJNFRzPQ==",
      ""
    ])
    accepted(played)
  })
  it("V-066 AUTH-017..021: SCRAM-SHA-256 to the letter", () => {
    const played = play([sha256], [...vector256.replies, ok], nonce)
    assert.deepStrictEqual(played.sent, [
      "AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=",
      "Yz1iaXdzLHI9ck9wck5HZndFYmVSV2diTkVrcU8laHZZRHBXVWEyUmFUQ0FmdXhGSWxqKWhObEYkazAscD1kSHpiWmFwV0lrNGpVaE4rVXRlOXl0YWc5empmTUhnc3FtbWl6N0FuZFZRPQ==",
      ""
    ])
    accepted(played)
  })
  it("AUTH-031: shows nothing but the mechanism in logs", () => {
    const { shown } = play([sha256], [...vector256.replies, ok], nonce)
    assert.deepStrictEqual(shown, ["AUTH SCRAM-SHA-256 ****", "****", "****"])
  })
  it("AUTH-017: escapes , and = in names and says which identity to act as", () => {
    const options = { hash: "SHA-256", username: "a=b,c", authzid: "x,y", password: secret("p") } as const
    const [line = ""] = play([Scram.client(options)], ["535 no"], nonce).sent
    assert.strictEqual(unb64(line.split(" ")[2] ?? ""), `n,a=x=2Cy,n=a=3Db=2Cc,r=${nonce}`)
  })
  it("AUTH-017 AUTH-020 AUTH-022: binds to the channel, or says that it could have", () => {
    const binding = { type: "tls-exporter", data: new Uint8Array([1, 2, 255]) } as const
    const plus = Scram.client({ hash: "SHA-256", username: "user", password: secret("pencil"), binding })
    const played = play([plus], [vector256.replies[0] ?? "", "535 no"], nonce)
    assert.strictEqual(played.sent[0], `AUTH SCRAM-SHA-256-PLUS ${b64(`p=tls-exporter,,n=user,r=${nonce}`)}`)
    const bound = Buffer.concat([Buffer.from("p=tls-exporter,,"), binding.data]).toString("base64")
    assert.include(unb64(played.sent[1] ?? ""), `c=${bound},r=${nonce}%hvY`)

    const could = Scram.client({ hash: "SHA-1", username: "user", password: secret("pencil"), binding: "unadvertised" })
    const said = play([could], [vector1.replies[0] ?? "", "535 no"], vector1.nonce).sent
    assert.match(said[0] ?? "", /^AUTH SCRAM-SHA-1 eSws/)
    assert.match(unb64(said[1] ?? ""), /^c=eSws,/)
  })
  it("V-067 AUTH-018: cancels when the nonce is not a continuation of ours", () => {
    for (const theirs of [nonce, `x${nonce}`, "", `${nonce}\u00e9`, `${nonce} `]) {
      const played = againstFirst(`r=${theirs},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`)
      assert.strictEqual(played.sent[1], "*", theirs)
      assert.include(lost(played), "nonce")
    }
  })
  it("V-067 AUTH-018: cancels for too few rounds and for too many", () => {
    for (const i of ["1", "4095", "0", "10000001", "99999999999999999999"]) {
      const played = againstFirst(`r=${nonce}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=${i}`)
      assert.strictEqual(played.sent[1], "*", i)
      assert.include(lost(played), "outside 4096 to 10000000")
    }
  })
  it("accepts fewer rounds when told so", () => {
    const weak = Scram.client({ hash: "SHA-1", username: "user", password: secret("pencil"), minimumIterations: 1 })
    const played = play([weak], [`334 ${b64(`r=${nonce}x,s=AAAA,i=1`)}`, "535 no"], nonce)
    assert.notStrictEqual(played.sent[1], "*")
  })
  it("V-067 AUTH-018: cancels for an unknown mandatory extension, ignores optional ones", () => {
    const first = `r=${nonce}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`
    const played = againstFirst(`m=x,${first}`)
    assert.strictEqual(played.sent[1], "*")
    assert.include(lost(played), "extension")
    assert.notStrictEqual(play([sha256], [`334 ${b64(`${first},x=y`)}`, "535 no"], nonce).sent[1], "*")
  })
  it("cancels for a first message that is not one", () => {
    const messages = [
      "",
      "r=,s=,i=",
      `r=${nonce}x`,
      `r=${nonce}x,s=,i=4096`,
      `r=${nonce}x,s=!,i=4096`,
      `r=${nonce}x,i=4096,s=AAAA`,
      `s=AAAA,r=${nonce}x,i=4096`,
      ",".repeat(9000)
    ]
    for (const message of messages) assert.strictEqual(againstFirst(message).sent[1], "*", message.slice(0, 60))
    for (const count of ["4096x", "+4096", "04096", "4e3", ""]) {
      assert.strictEqual(againstFirst(`r=${nonce}x,s=AAAA,i=${count}`).sent[1], "*", count)
    }
    const notUtf8 = Buffer.from([0xff, 0xfe]).toString("base64")
    assert.strictEqual(play([sha256], [`334 ${notUtf8}`, "501 no"], nonce).sent[1], "*")
  })
  it("V-067 AUTH-021: cancels when the server's proof differs by one bit, is cut, empty or missing", () => {
    const signature = Buffer.from("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", "base64")
    const flipped = Buffer.from(signature.map((octet, i) => (i === 31 ? octet ^ 1 : octet)))
    const proofs = [
      `v=${flipped.toString("base64")}`,
      `v=${signature.subarray(0, 31).toString("base64")}`,
      "v=",
      "",
      "v"
    ]
    for (const proof of proofs) {
      const played = play([sha256], [vector256.replies[0] ?? "", `334 ${b64(proof)}`, "501 cancelled"], nonce)
      assert.strictEqual(played.sent[2], "*", proof)
      assert.include(lost(played), "did not prove")
    }
  })
  it("V-067 AUTH-021: a 235 before the verified proof is a failure, at every point", () => {
    assert.include(lost(play([sha256], [ok], nonce)), "before the exchange was complete")
    assert.include(lost(play([sha256], [vector256.replies[0] ?? "", ok], nonce)), "before the exchange was complete")
  })
  it("AUTH-021: reports the server's error, which is a refusal whatever follows", () => {
    const played = play([sha256], [vector256.replies[0] ?? "", `334 ${b64("e=invalid-proof")}`, "535 5.7.8 no"], nonce)
    const { problem, refusal } = rejected(played)
    assert.strictEqual(played.sent[2], "")
    assert.strictEqual(refusal?.status, "invalid-proof")
    assert.strictEqual(problem._tag, "Refused")
    const lied = play([sha256], [vector256.replies[0] ?? "", `334 ${b64("e=other-error")}`, ok], nonce)
    assert.include(lost(lied), "before the exchange was complete")
  })
  it("AUTH-030: prepares user and password, and says nothing when that is impossible", () => {
    const soft = Scram.client({ hash: "SHA-256", username: "us\u00ader", password: secret("penc\u00adil") })
    accepted(play([soft], [...vector256.replies, ok], nonce))
    const bell = Scram.client({ hash: "SHA-256", username: "user", password: secret("hunter2\u0007") })
    const played = play([bell], [])
    assert.include(unmet(played), "the password cannot be prepared by SASLprep")
    assert.notInclude(JSON.stringify(played.result), "hunter2")
    const empty = Scram.client({ hash: "SHA-256", username: "\u00ad", password: secret("x") })
    assert.include(unmet(play([empty], [])), "the user name is empty")
  })
})

describe("OAUTHBEARER and XOAUTH2", () => {
  const bearer = SaslMechanism.oauthBearer({
    username: "user@example.com",
    token: secret("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="),
    host: "server.example.com",
    port: 587
  })
  const xoauth2 = SaslMechanism.xoauth2({
    username: "someuser@example.com",
    token: secret("ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg")
  })

  it("V-068 AUTH-023: OAUTHBEARER to the letter", () => {
    const played = play([bearer], [ok])
    assert.deepStrictEqual(played.sent, [
      "AUTH OAUTHBEARER bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9NTg3AWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB"
    ])
    accepted(played)
  })
  it("V-069 AUTH-023: the refusal of a token is a value; it is acknowledged and the reply awaited", () => {
    const json =
      "eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NoZW1lcyI6ImJlYXJlciBtYWMiLCJzY29wZSI6Imh0dHBzOi8vbWFpbC5leGFtcGxlLmNvbS8ifQ=="
    const played = play([bearer], [`334 ${json}`, "535-5.7.1 Username and Password not accepted\r\n535 5.7.1 more"])
    assert.strictEqual(played.sent[1], "AQ==")
    const { mechanism, problem, refusal } = rejected(played)
    assert.strictEqual(mechanism, "OAUTHBEARER")
    assert.deepStrictEqual(
      refusal,
      new SaslExchange.Refusal({
        status: "invalid_token",
        schemes: "bearer mac",
        scope: "https://mail.example.com/"
      })
    )
    assert.deepStrictEqual(problem._tag === "Refused" ? [problem.reply.code, problem.command] : [], [
      535,
      "AUTH OAUTHBEARER"
    ])
  })
  it("AUTH-023: reads where the OpenID configuration is", () => {
    const url = "https://example.com/.well-known/openid-configuration"
    const json = b64(JSON.stringify({ status: "invalid_token", "openid-configuration": url }))
    const { refusal } = rejected(play([bearer], [`334 ${json}`, "535 no"]))
    assert.strictEqual(refusal?.openidConfiguration, url)
  })
  it("V-070 AUTH-024: XOAUTH2 to the letter", () => {
    assert.deepStrictEqual(play([xoauth2], [ok]).sent, [
      "AUTH XOAUTH2 dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ=="
    ])
  })
  it("V-070 AUTH-024: XOAUTH2 acknowledges a refusal with an empty line", () => {
    const json = b64(JSON.stringify({ status: "401", schemes: "bearer", scope: "https://mail.example.com/" }))
    const played = play([xoauth2], [`334 ${json}`, "535 5.7.8 no"])
    assert.deepStrictEqual(played.sent.slice(1), [""])
    assert.strictEqual(rejected(played).refusal?.status, "401")
  })
  it("does without the server's words when they are no such JSON", () => {
    for (const said of ["", "not json", "{}", "[1]", '{"status":401}', '{"status":"4\\u000a01"}']) {
      const { problem, refusal } = rejected(play([xoauth2], [`334 ${b64(said)}`, "535 5.7.8 no"]))
      assert.deepStrictEqual([problem._tag, refusal], ["Refused", undefined], said)
    }
  })
  it("does not count a 235 after a refusal", () => {
    assert.include(lost(play([xoauth2], ["334 e30=", ok])), "before the exchange was complete")
  })
  it("escapes the user of OAUTHBEARER and refuses what would end a field", () => {
    const [line = ""] = play([SaslMechanism.oauthBearer({ username: "a,b=c", token: secret("t") })], ["535 no"]).sent
    assert.strictEqual(unb64(line.split(" ")[2] ?? ""), "n,a=a=2Cb=3Dc,\x01auth=Bearer t\x01\x01")
    for (const make of [SaslMechanism.oauthBearer, SaslMechanism.xoauth2]) {
      assert.include(unmet(play([make({ username: "u\x01auth=Bearer x", token: secret("t") })], [])), "user name")
      for (const token of ["t\x01", "t t", "t\r\n", "t\u00e9", ""]) {
        const played = play([make({ username: "u", token: secret(token) })], [])
        assert.include(unmet(played), "the token", token)
      }
    }
    const host = SaslMechanism.oauthBearer({ username: "u", token: secret("t"), host: "a\x01b" })
    assert.include(unmet(play([host], [])), "the server's name")
  })
})

const anonymous = (name: string): SaslExchange.Mechanism => ({
  name,
  *start() {
    yield SaslExchange.conclude("trace@example.com")
    return SaslExchange.askedAgain
  }
})

describe("SmtpAuth.authenticate", () => {
  const plain = SaslMechanism.plain({ username: "u", password: secret("p") })
  const login = SaslMechanism.login({ username: "u", password: secret("p") })
  const cram = SaslMechanism.cramMd5({ username: "u", password: secret("p") })
  const scram = Scram.client({ hash: "SHA-256", username: "u", password: secret("p") })

  it("V-072 AUTH-007: cancels with * when the challenge is not base64, and reports a protocol failure", () => {
    for (const text of [
      "!!!notbase64",
      "=AAA",
      "AAA=BBB",
      "AAA",
      "QUFB\r\n334 QUFB",
      " QUFB",
      "QUFB ",
      "QU-_",
      "QUFB\n",
      "QU\rFB",
      "QUFB\u017f"
    ]) {
      const played = play([cram], [`334 ${text}`, "501 5.5.2 cancelled"])
      assert.deepStrictEqual(played.sent, ["AUTH CRAM-MD5", "*"], text)
      const failure = Failure.fromProblem(rejected(played).problem)
      assert.deepStrictEqual([failure._tag, failure.enhanced, failure.stage], ["Unreachable", "4.7.8", "auth"])
    }
  })
  it("whatever the server answers to the cancellation, the exchange has failed", () => {
    for (const last of ["501 no", "235 2.7.0 welcome", "334 QUFB", "421 bye"]) {
      assert.include(lost(play([cram], ["334 !", last])), "base64")
    }
  })
  it("GHSA-4ffr-jq9g-5ffx: refuses a challenge padded with spaces, or too long, at once", () => {
    for (const text of [
      " ".repeat(10_000_000),
      `QUFB${" ".repeat(12_000)}`,
      "A".repeat(12_288),
      "A".repeat(10_000_000)
    ]) {
      assert.include(lost(play([cram], [`334 ${text}`, "501 no"])), "too long")
    }
    accepted(play([cram], [`334 ${"A".repeat(12_284)}`, ok]))
  })
  it("AUTH-010: goes on to the next mechanism after 504 and 534", () => {
    for (const refusal of ["504 5.5.4 unknown", "534 5.7.9 too weak"]) {
      const played = play([scram, plain], [refusal, ok])
      assert.strictEqual(played.sent[1], `AUTH PLAIN ${b64("\0u\0p")}`)
      assert.strictEqual(accepted(played).mechanism, "PLAIN")
    }
  })
  it("AUTH-010: stops at 535 and at everything else, with the server's reply", () => {
    for (const code of [535, 432, 454, 421, 500, 501, 503, 530, 538, 250]) {
      const played = play([scram, plain], [`${code} no`])
      const { mechanism, problem } = rejected(played)
      assert.strictEqual(mechanism, "SCRAM-SHA-256")
      assert.deepStrictEqual(problem._tag === "Refused" ? [problem.stage, problem.reply.code, problem.command] : [], [
        "auth",
        code,
        "AUTH SCRAM-SHA-256"
      ])
    }
  })
  it("never falls back to another mechanism when the server broke the protocol", () => {
    const played = play([scram, plain], [`334 ${b64("m=x")}`, "501 cancelled"])
    assert.strictEqual(played.sent.length, 2)
    lost(played)
  })
  it("passes over a mechanism that cannot carry the credentials", () => {
    const username = "user\u0007"
    const scram = Scram.client({ hash: "SHA-256", username, password: secret("p") })
    const played = play([scram, SaslMechanism.plain({ username, password: secret("p") })], [ok])
    assert.strictEqual(accepted(played).mechanism, "PLAIN")
  })
  it("tries each mechanism once and returns the last refusal", () => {
    const { mechanism, problem } = rejected(play([scram, plain, login], ["504 a", "534 b", "504 c"]))
    assert.deepStrictEqual([mechanism, problem._tag === "Refused" && problem.reply.lines[0]], ["LOGIN", "c"])
  })
  it("runs a mechanism that somebody else wrote, under a registered form of name only", () => {
    assert.deepStrictEqual(play([anonymous("ANONYMOUS")], [ok]).sent, [`AUTH ANONYMOUS ${b64("trace@example.com")}`])
    for (const name of ["", "anonymous", "X\r\nRSET", "X Y", "A".repeat(21)]) {
      const played = play([anonymous(name)], [])
      assert.deepStrictEqual(played.sent, [])
      assert.include(unmet(played), "mechanism's name")
    }
  })
  it("shows no secret in its steps, even when they are printed", () => {
    const dialogue = SmtpAuth.authenticate([
      Scram.client({ hash: "SHA-256", username: "user", password: secret("hunter2") }),
      plain
    ])
    const step = dialogue.next()
    assert.notMatch(JSON.stringify(step), /hunter2|aHVudGVyMg/)
    assert.strictEqual(step.done === true ? "" : step.value._tag, "Compute")
  })
  it("takes a wrongly driven dialogue for the defect that it is", () => {
    assert.throws(() => {
      const dialogue = SmtpAuth.authenticate([plain])
      dialogue.next()
      dialogue.next(new Uint8Array(0))
    }, TypeError)
    assert.throws(() => {
      const dialogue = SmtpAuth.authenticate([scram])
      dialogue.next()
      dialogue.next({ code: 235, enhanced: undefined, lines: [] })
    }, TypeError)
  })
})
