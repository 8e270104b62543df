import { assert, describe, it } from "@effect/vitest"
import * as Dkim from "@effect-mail/message/Dkim"
import * as Canonical from "@effect-mail/message/DkimCanonical"
import * as Message from "@effect-mail/message/Message"
import type * as MessageError from "@effect-mail/message/MessageError"
import * as Parcel from "@effect-mail/message/Parcel"
import * as Sha256 from "@effect-mail/message/Sha256"
import { Effect, Redacted, Result, Schema, Stream } from "effect"
import * as CryptoError from "effect/crypto/CryptoError"
import { TestClock } from "effect/testing"
import { dkimVerify } from "mailauth/lib/dkim/verify.js"
import { spawnSync } from "node:child_process"
import * as Crypto from "node:crypto"
import * as Path from "node:path"
import { vi } from "vitest"
import { octets, render } from "./support/render.ts"
import { samples, toMessage } from "./support/samples.ts"
import { bytes, crlf, join, Lines, string } from "./support/texts.ts"

const sha256 = (input: Uint8Array): string => Crypto.createHash("sha256").update(input).digest("base64")

const canonicalBody = (form: Canonical.Form, pieces: ReadonlyArray<Uint8Array>): string => {
  const out: Array<Uint8Array> = []
  const body = Canonical.body(form, (piece) => out.push(Uint8Array.from(piece)))
  for (const piece of pieces) body.write(piece)
  body.end()
  return string(Uint8Array.from(Buffer.concat(out)))
}

// A second, slow definition of RFC 6376 section 3.4.
const expectedBody = (form: Canonical.Form, text: string): string => {
  const lines = text
    .split("\r\n")
    .map((line) => (form === "simple" ? line : line.replace(/[ \t]+/g, " ").replace(/ $/, "")))
  while (lines.at(-1) === "") lines.pop()
  return lines.length === 0 ? (form === "simple" ? "\r\n" : "") : `${lines.join("\r\n")}\r\n`
}

const forms = ["relaxed", "simple"] as const

const total = (numbers: ReadonlyArray<number>): number => numbers.reduce((sum, number) => sum + number, 0)

describe("canonical bodies", () => {
  it("V-082: hash an empty body as everyone does", () => {
    assert.strictEqual(sha256(bytes(canonicalBody("simple", []))), "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=")
    assert.strictEqual(sha256(bytes(canonicalBody("relaxed", []))), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
  })

  it("V-083: are the example's", () => {
    const body = bytes(" C \r\nD \t E\r\n\r\n\r\n")
    assert.strictEqual(canonicalBody("relaxed", [body]), " C\r\nD E\r\n")
    assert.strictEqual(canonicalBody("simple", [body]), " C \r\nD \t E\r\n")
  })

  it("DKIM-005: end in one line end", () => {
    for (const form of forms) {
      for (const text of ["a", "a\r\n", "a\r\n\r\n", "\r\n\r\n", "  \r\n\t\r\n", "\r\n a\r\n \r\n"]) {
        assert.strictEqual(canonicalBody(form, [bytes(text)]), expectedBody(form, text), JSON.stringify([form, text]))
      }
    }
  })

  it.prop(
    "are the same in pieces of any size",
    [Lines, Schema.Literals(forms), Schema.Literals([1, 2, 3, 7, 64, 10_000])],
    ([parts, form, size]) => {
      const body = bytes(crlf(join(parts)))
      const pieces = Array.from({ length: Math.ceil(body.length / size) }, (_, i) =>
        body.subarray(i * size, (i + 1) * size)
      )
      assert.strictEqual(canonicalBody(form, pieces), expectedBody(form, string(body)))
    }
  )

  it("hold back a long run of line ends without building it", () => {
    const ends = bytes("\r\n".repeat(30_000))
    for (const form of forms) {
      assert.strictEqual(canonicalBody(form, [bytes("a"), ends, bytes("b")]), `a${string(ends)}b\r\n`)
      assert.strictEqual(canonicalBody(form, [bytes("a"), ends]), "a\r\n")
    }
  })
})

it("V-083: header fields in relaxed form are the example's, in simple form unchanged", () => {
  assert.strictEqual(Canonical.field("relaxed", "A: X\r\n"), "a:X\r\n")
  assert.strictEqual(Canonical.field("relaxed", "B : Y\t\r\n\tZ  \r\n"), "b:Y Z\r\n")
  assert.strictEqual(Canonical.field("simple", "B : Y\t\r\n\tZ  \r\n"), "B : Y\t\r\n\tZ  \r\n")
})

const joe = {
  from: "From: Joe SixPack <joe@football.example.com>\r\n",
  to: "To: Suzie Q <suzie@shopping.example.net>\r\n",
  subject: "Subject: Is dinner ready?\r\n",
  date: "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n",
  "message-id": "Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
}
const joesBody = "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n"
const joesHash = "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="
const joesNames = ["from", "to", "subject", "date", "message-id", "from", "subject", "date"]
const joesFields = new Map(Object.entries(joe).map(([name, text]) => [name, [text]]))
const joesSignature = (algorithm: string, selector: string) =>
  `DKIM-Signature: v=1; a=${algorithm}; c=relaxed/relaxed; d=football.example.com; i=@football.example.com; q=dns/txt; s=${selector}; t=1528637909; h=${joesNames.join(" : ")}; bh=${joesHash}; b=\r\n`
const joesSeed = Redacted.make("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")

describe("RFC 8463", () => {
  it("V-084: hashes the body", () => {
    assert.strictEqual(sha256(bytes(canonicalBody("relaxed", [bytes(joesBody)]))), joesHash)
  })

  it.effect("V-085, DKIM-003, DKIM-007: signs with Ed25519, byte for byte", () =>
    Effect.gen(function* () {
      const signature = joesSignature("ed25519-sha256", "brisbane")
      const data = Canonical.signedOctets("relaxed", joesFields, joesNames, signature)
      assert.strictEqual(data.length, 478)
      assert.strictEqual(sha256(data), "SM6aLHEOzhcQ/xVplrg2p/RUcOQ+/lZDB01uFpDtYuc=")
      const signer = yield* Dkim.signer({ domain: "football.example.com", selector: "brisbane", key: joesSeed })
      assert.strictEqual(signer.record, "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
      assert.strictEqual(signer.recordName, "brisbane._domainkey.football.example.com")
      assert.strictEqual(
        Buffer.from(yield* signer.sign(data)).toString("base64"),
        "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw=="
      )
    })
  )

  it("V-086: prepares what the RSA signature of the example was made over", () => {
    const data = Canonical.signedOctets("relaxed", joesFields, joesNames, joesSignature("rsa-sha256", "test"))
    const key = Crypto.createPublicKey({
      key: Buffer.from(
        "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB",
        "base64"
      ),
      format: "der",
      type: "spki"
    })
    const signature = Buffer.from(
      "F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2JzdA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=",
      "base64"
    )
    assert.isTrue(Crypto.verify("sha256", data, key, signature))
  })
})

const pems = (type: "rsa", bits: number) => Crypto.generateKeyPairSync(type, { modulusLength: bits }).privateKey
const pem = (key: Crypto.KeyObject, type: "pkcs8" | "pkcs1" = "pkcs8") =>
  Redacted.make(key.export({ format: "pem", type }).toString())
const rsaKey = pems("rsa", 2048)
const ed25519Key = Crypto.generateKeyPairSync("ed25519").privateKey

const rsaSigner = Dkim.signer({ domain: "example.com", selector: "2030a", key: pem(rsaKey) })
const edSigner = Dkim.signer({ domain: "example.com", selector: "2030b.ed", key: pem(ed25519Key) })
const otherSigner = Dkim.signer({ domain: "Bücher.example", selector: "x", key: joesSeed })
const signers = Effect.all([rsaSigner, edSigner, otherSigner])

const signed = (message: Message.Message, options?: Partial<Dkim.Options>) =>
  Effect.gen(function* () {
    const all = yield* signers
    return yield* Dkim.sign({ signers: all, ...options })(yield* render(message))
  })

const records = Effect.map(signers, (all): Readonly<Record<string, string>> =>
  Object.fromEntries(all.map(({ record, recordName }) => [recordName, record]))
)

// The verdicts of mailauth, one for each signature from the first field on.
const mailauth = (message: Uint8Array, changed: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function* () {
    const known = { ...(yield* records), ...changed }
    const { results } = yield* Effect.promise(() =>
      dkimVerify(Buffer.from(message), { resolver: async (name: string) => [[known[name] ?? ""]] })
    )
    return results.map(({ status }) => status.result).toSorted()
  })

const passed = ["pass", "pass", "pass"]

const text = (parcel: Parcel.Parcel) => Effect.map(octets(parcel), string)

const hello = Message.make({ from: "ada@example.com", to: "bob@example.net", subject: "Grüße", text: "Hi  there \n" })

const unfolded = (text: string): string => text.replace(/\r\n(?=[ \t])/g, "")

const signatures = (text: string): ReadonlyArray<string> =>
  unfolded(text)
    .split("\r\n")
    .filter((line) => line.startsWith("DKIM-Signature:"))

const tag = (line: string | undefined, name: string): string | undefined =>
  new RegExp(`[ ;]${name}=([^;]*)`).exec(line ?? "")?.[1]?.replace(/\s/g, "")

const large = Message.make({
  from: "ada@example.com",
  to: "bob@example.net",
  text: "see below",
  attachments: [{ name: "a.bin", content: new Uint8Array(300_000).map((_, i) => (i * 7919) >> 3) }]
})

describe("sign", () => {
  it.effect("DKIM-002: adds a field for each signer, RSA and Ed25519, several domains", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_893_456_000_000)
      const plain = yield* text(yield* render(hello))
      const all = yield* text(yield* signed(hello))
      assert.isTrue(all.endsWith(plain))
      const lines = signatures(all)
      assert.deepStrictEqual(
        lines.map((line) => ["v", "a", "c", "d", "s", "t", "x", "l"].map((name) => tag(line, name))),
        [
          ["1", "rsa-sha256", "relaxed/relaxed", "example.com", "2030a", "1893456000", undefined, undefined],
          ["1", "ed25519-sha256", "relaxed/relaxed", "example.com", "2030b.ed", "1893456000", undefined, undefined],
          ["1", "ed25519-sha256", "relaxed/relaxed", "xn--bcher-kva.example", "x", "1893456000", undefined, undefined]
        ]
      )
      for (const line of all.slice(0, -plain.length).split("\r\n")) assert.isAtMost(line.length, 78)
    })
  )

  it.effect("DKIM-008, DKIM-009: covers what is there, and some names once more", () =>
    Effect.gen(function* () {
      const message = hello.pipe(
        Message.header("List-Id", "<news.example.com>"),
        Message.header("X-Queue", "7"),
        Message.header("Comments", "none")
      )
      const [line] = signatures(yield* text(yield* signed(message)))
      assert.deepStrictEqual(
        tag(line, "h")?.split(":").toSorted(),
        "cc:content-transfer-encoding:content-type:content-type:date:date:from:from:list-id:message-id:mime-version:reply-to:subject:subject:to:to".split(
          ":"
        )
      )
      const [own] = signatures(
        yield* text(yield* signed(message, { headers: ["Subject", "X-Queue"], oversign: ["To"] }))
      )
      assert.strictEqual(tag(own, "h"), "subject:x-queue:from:from:to:to")
    })
  )

  it.effect("is verified by mailauth, every sample in every canonical form", () =>
    Effect.gen(function* () {
      for (const canonicalization of [
        "relaxed/relaxed",
        "simple/simple",
        "relaxed/simple",
        "simple/relaxed"
      ] as const) {
        for (const sample of samples) {
          const all = yield* octets(yield* signed(toMessage(sample), { canonicalization }))
          assert.deepStrictEqual(yield* mailauth(all), passed, `${canonicalization} ${sample.name}`)
        }
      }
    })
  )

  it.effect("is broken by a change of body, of header, by an added field, and by another key", () =>
    Effect.gen(function* () {
      const all = yield* text(yield* signed(hello))
      const verdicts = (changed: string) => mailauth(bytes(changed))
      assert.deepStrictEqual(yield* verdicts(all), passed)
      assert.deepStrictEqual(yield* verdicts(all.replace("there", "you")), ["neutral", "neutral", "neutral"])
      assert.deepStrictEqual(yield* verdicts(all.replace("To: bob", "To: eve")), ["fail", "fail", "fail"])
      for (const name of ["From", "Reply-To", "Subject", "Cc", "To", "Date", "Content-Type"]) {
        assert.deepStrictEqual(yield* verdicts(`${name}: eve@example.org\r\n${all}`), ["fail", "fail", "fail"], name)
      }
      assert.deepStrictEqual(yield* verdicts(`X-Trace: a\r\n${all}`), passed)
      const [, other] = yield* signers
      const wrongKey = yield* mailauth(bytes(all), { "x._domainkey.xn--bcher-kva.example": other.record })
      assert.deepStrictEqual(wrongKey, ["fail", "pass", "pass"])
    })
  )

  it.effect("hashes a streamed body in pieces", () =>
    Effect.gen(function* () {
      const parcel = yield* signed(large)
      assert.isUndefined(parcel.body.bytes)
      const all = yield* octets(parcel)
      assert.strictEqual(parcel.body.size, all.length)
      assert.deepStrictEqual(yield* mailauth(all), passed)
    })
  )

  it.effect("looks at and copies each octet of a header a bounded number of times, in pieces of one octet, too", () =>
    Effect.gen(function* () {
      const parcel = yield* render(hello)
      const received = "Received: by mx.example.com with a rather long line\r\n".repeat(400)
      const whole = bytes(received + (yield* text(parcel)))
      const pieces = Array.from(whole, (octet) => Uint8Array.of(octet))
      const stream = Stream.fromIterable(pieces).pipe(Stream.rechunk(1))
      const slow: Parcel.Parcel = { ...parcel, body: { ...parcel.body, bytes: undefined, stream } }
      const [, ed] = yield* signers
      const copied = vi.spyOn(Uint8Array.prototype, "set")
      const searched = vi.spyOn(Uint8Array.prototype, "indexOf")
      try {
        yield* Dkim.sign({ signers: [ed], headers: ["From"] })(slow)
        assert.isBelow(total(copied.mock.calls.map(([from]) => from.length)), 8 * whole.length)
        // What a method of octets is called on is octets.
        const contexts = searched.mock.contexts as ReadonlyArray<Uint8Array>
        const lengths = searched.mock.calls.map(([, from = 0], i) => (contexts[i]?.length ?? 0) - from)
        assert.isBelow(
          total(searched.mock.results.map(({ value }, i) => (value === -1 ? (lengths[i] ?? 0) : 0))),
          8 * whole.length
        )
      } finally {
        copied.mockRestore()
        searched.mockRestore()
      }
    })
  )

  it.effect("gives the same facts and bytes whether a body is one array or a stream of single octets", () =>
    Effect.gen(function* () {
      const parcel = yield* render(hello)
      const whole = yield* octets(parcel)
      const slow: Parcel.Parcel = {
        ...parcel,
        body: {
          ...parcel.body,
          bytes: undefined,
          stream: Stream.fromIterable(Array.from(whole, (octet) => Uint8Array.of(octet)))
        }
      }
      const [, ed] = yield* signers
      const sign = Dkim.sign({ signers: [ed] })
      const one = yield* sign(parcel)
      const other = yield* sign(slow)
      assert.strictEqual(yield* text(one), yield* text(other))
      assert.deepStrictEqual(one.body.bytes, yield* octets(one))
      assert.strictEqual(one.body.size, one.body.bytes?.length)
      for (const line of (yield* text(one)).split("\r\n")) assert.isAtMost(line.length, one.body.longestLine ?? 0)
      assert.isUndefined(other.body.bytes)
      assert.strictEqual(other.body.size, one.body.size)
    })
  )

  it.effect(
    "DKIM-007: signs a ready message, folded, with octets that are no text and a name twice, and one of a header alone",
    () =>
      Effect.gen(function* () {
        const odd = Buffer.concat([
          Buffer.from("From: ada@example.com\r\nSubject:  a \r\n\t b\r\nX: first\r\nX: "),
          Buffer.from([0xff, 0xfe]),
          Buffer.from("\r\nResent-From: a@example.com\r\n\r\nbody")
        ])
        for (const content of [
          odd,
          Buffer.from("From: ada@example.com\r\n"),
          Buffer.from("From: ada@example.com\r\n\r\n")
        ]) {
          for (const canonicalization of ["relaxed/relaxed", "simple/simple"] as const) {
            const eml = Message.eml(Uint8Array.from(content), { envelope: { to: "bob@example.net" } })
            const options = { canonicalization, headers: ["from", "subject", "x", "resent-from"] }
            assert.deepStrictEqual(yield* mailauth(yield* octets(yield* signed(eml, options))), passed)
          }
        }
      })
  )

  it.effect("DKIM-010: says until when the signature holds, if it is asked to", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000_999)
      const [line] = signatures(yield* text(yield* signed(hello, { expiresAfter: "2 days" })))
      assert.deepStrictEqual([tag(line, "t"), tag(line, "x")], ["1000", "173800"])
    })
  )

  it.effect("fails with the error of a body that cannot be read", () =>
    Effect.gen(function* () {
      const parcel = yield* render(hello)
      const failure: MessageError.MessageError = yield* Effect.flip(render(Message.make({})))
      const body = { ...parcel.body, bytes: undefined, stream: Stream.fail(failure) }
      const [, ed] = yield* signers
      const result = yield* Effect.flip(Dkim.sign({ signers: [ed] })({ ...parcel, body }))
      assert.strictEqual(result, failure)
    })
  )

  it.effect("DKIM-008: refuses a message without From, or with two", () =>
    Effect.gen(function* () {
      const [, ed] = yield* signers
      const { envelope } = yield* render(hello)
      for (const header of ["Subject: x\r\n", "From: a@example.com\r\nFrom: b@example.com\r\n"]) {
        const parcel = Result.getOrThrow(Parcel.fromBytes(bytes(`${header}\r\n`), envelope))
        const error = yield* Effect.flip(Dkim.sign({ signers: [ed] })(parcel))
        assert.strictEqual("reason" in error ? error.reason : "", "no-author")
      }
    })
  )

  it.effect("refuses names that would break the list of names", () =>
    Effect.gen(function* () {
      for (const name of ["a;b", "a b", "a:b", "", "a\r\n", "é"]) {
        for (const options of [{ headers: [name] }, { oversign: [name] }]) {
          const error = yield* Effect.flip(signed(hello, options))
          assert.strictEqual("reason" in error ? error.reason : "", "bad-option", JSON.stringify(name))
        }
      }
    })
  )

  it.effect("fails with a typed error where there is no SHA-256", () =>
    Effect.gen(function* () {
      const unsupported = new CryptoError.CryptoError({
        module: "Digest",
        method: "digest",
        reason: new CryptoError.Unsupported({ description: "no SHA-256" })
      })
      const broken = () => ({ update: () => {}, digest: Effect.fail(unsupported) })
      const error = yield* Effect.flip(Effect.provideService(signed(hello), Sha256.Sha256, broken))
      assert.strictEqual("reason" in error ? error.reason : "", "platform")
    })
  )
})

describe("signer", () => {
  const reason = (options: Dkim.SignerOptions) => Effect.map(Effect.flip(Dkim.signer(options)), ({ reason }) => reason)
  const make = (key: Redacted.Redacted) => Dkim.signer({ domain: "example.com", selector: "a", key })

  it.effect("reads RSA in both its PEM forms, and the public key of each", () =>
    Effect.gen(function* () {
      const expected = `v=DKIM1; k=rsa; p=${Crypto.createPublicKey(rsaKey).export({ format: "der", type: "spki" }).toString("base64")}`
      for (const type of ["pkcs8", "pkcs1"] as const) {
        const signer = yield* make(pem(rsaKey, type))
        assert.deepStrictEqual([signer.algorithm, signer.record], ["rsa-sha256", expected])
      }
    })
  )

  it.effect("refuses what is no key, without a word of it", () =>
    Effect.gen(function* () {
      const ec = Crypto.generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey
      const publicKey = Crypto.createPublicKey(rsaKey).export({ format: "pem", type: "spki" }).toString()
      const cut = Redacted.value(pem(rsaKey)).slice(0, -200)
      const secret = "c2VjcmV0LXNlY3JldA=="
      for (const key of [
        secret,
        "",
        "-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----",
        Redacted.value(pem(ec)),
        publicKey,
        cut
      ]) {
        const error = yield* Effect.flip(make(Redacted.make(key)))
        assert.strictEqual(error.reason, "bad-key")
        assert.notInclude(JSON.stringify(error), secret)
      }
    })
  )

  it.effect("RFC 8301: refuses an RSA key of less than 1024 bits", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(make(pem(pems("rsa", 768))))
      assert.strictEqual(error.reason, "bad-key")
      assert.include(error.message, "768 bits")
      assert.strictEqual((yield* make(pem(pems("rsa", 1024)))).algorithm, "rsa-sha256")
    })
  )

  it.effect("refuses domains and selectors that are none", () =>
    Effect.gen(function* () {
      const key = pem(ed25519Key)
      for (const domain of ["", "a b", "a;b", "[192.0.2.1]", "a..b", "a\r\nb", "exa_mple.com"]) {
        assert.strictEqual(yield* reason({ domain, selector: "x", key }), "bad-domain", domain)
      }
      for (const selector of ["", "a b", "a;", "a..b", "-a", "a\n", "é", "a".repeat(64)]) {
        assert.strictEqual(yield* reason({ domain: "example.com", selector, key }), "bad-selector", selector)
      }
    })
  )

  it.effect("DKIM-012: says who it is within the domain, and refuses who is not", () =>
    Effect.gen(function* () {
      const options = { domain: "example.com", selector: "2030b.ed", key: pem(ed25519Key) }
      for (const [identity, written] of [
        ["ada@example.com", "ada@example.com"],
        ["@example.com", "@example.com"],
        ["@news.Example.com", "@news.example.com"],
        ["a=b@news.example.com", "a=3Db@news.example.com"],
        ['"a;b c"@example.com', '"a=3Bb=20c"@example.com']
      ] as const) {
        const signer = yield* Dkim.signer({ ...options, identity })
        const parcel = yield* Effect.flatMap(render(hello), Dkim.sign({ signers: [signer] }))
        const [line] = signatures(yield* text(parcel))
        assert.strictEqual(tag(line, "i"), written)
        assert.deepStrictEqual(yield* mailauth(yield* octets(parcel)), ["pass"], identity)
      }
      for (const identity of ["", "@", "ada", "ada@example.org", "@notexample.com", "jürgen@example.com", "a@b; s=x"]) {
        assert.strictEqual(yield* reason({ ...options, identity }), "bad-identity", identity)
      }
    })
  )

  it.effect("RSA signs while the event loop turns", () =>
    Effect.gen(function* () {
      const signer = yield* make(pem(pems("rsa", 4096)))
      // A turn takes microseconds, a signature of this size milliseconds: on the loop's own thread there would be none.
      let turns = 0
      let signed = false
      const turn = () => {
        turns++
        if (!signed) setImmediate(turn)
      }
      setImmediate(turn)
      yield* Effect.forEach(Array.from({ length: 8 }), () => signer.sign(bytes("data")), { concurrency: "unbounded" })
      signed = true
      assert.isAtLeast(turns, 3)
    })
  )

  it.effect("does not show the key", () =>
    Effect.gen(function* () {
      const signer = yield* otherSigner
      assert.notInclude(JSON.stringify(signer), "nWGxne")
    })
  )
})

const python = "/usr/bin/python3"
const hasDkimpy = spawnSync(python, ["-c", "import dkim, nacl"]).status === 0
if (!hasDkimpy) process.stderr.write("DKIM is not verified by dkimpy: install python3-dkim and python3-nacl\n")

describe.skipIf(!hasDkimpy)("dkimpy (skipped where python3-dkim or python3-nacl is missing)", () => {
  it.effect("verifies every sample in every canonical form, and a large message", () =>
    Effect.gen(function* () {
      const messages = yield* Effect.forEach(
        (["relaxed/relaxed", "simple/simple"] as const).flatMap((canonicalization) =>
          [...samples.map(toMessage), large].map((message) => ({ canonicalization, message }))
        ),
        ({ canonicalization, message }) => Effect.flatMap(signed(message, { canonicalization }), octets)
      )
      const tampered = messages.slice(0, 1).map((message) => bytes(string(message).replace("Subject: H", "Subject: J")))
      const { stderr, stdout } = spawnSync(python, [Path.join(import.meta.dirname, "support/verifyDkim.py")], {
        input: JSON.stringify({
          records: yield* records,
          messages: [...messages, ...tampered].map((message) => Buffer.from(message).toString("base64"))
        }),
        encoding: "utf8"
      })
      assert.strictEqual(stderr, "")
      assert.deepStrictEqual(JSON.parse(stdout), [
        ...messages.map(() => [true, true, true]),
        ...tampered.map(() => [false, false, false])
      ])
    })
  )
})
