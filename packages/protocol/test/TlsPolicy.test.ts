import { Endpoint, Receipt, ServerUrl, TlsPolicy } from "@effect-mail/protocol"
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"

// SHA-256 of nothing, in the forms that people and tools write.
const hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
const colons = "E3:B0:C4:42:98:FC:1C:14:9A:FB:F4:C8:99:6F:B9:24:27:AE:41:E4:64:9B:93:4C:A4:95:99:1B:78:52:B8:55"
const base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
const octets = Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))

const parsed = (text: string) => Result.getOrThrow(TlsPolicy.parsePin(text))

describe("a pin", () => {
  it("of a key is read as RFC 7469 and curl write it", () => {
    assert.strictEqual(parsed(`sha256/${base64}`), `sha256/${base64}`)
    assert.strictEqual(parsed(`sha256//${base64}`), `sha256/${base64}`)
    assert.strictEqual(TlsPolicy.keyPin(octets), `sha256/${base64}`)
  })
  it("of a certificate is read in hexadecimal of any case, with colons or without", () => {
    for (const text of [hex, hex.toUpperCase(), colons, colons.toLowerCase()]) assert.strictEqual(parsed(text), colons)
  })
  it("that is none is refused, so that no typing error becomes a pin that nothing matches", () => {
    for (const text of [
      "",
      base64,
      `sha1/${base64}`,
      `sha256/${base64.slice(0, -1)}`,
      // The last character must not carry bits that no octet has.
      `sha256/${base64.replace("U=", "V=")}`,
      `sha256/${base64}\n`,
      `sha256///${base64}`,
      hex.slice(2),
      `${hex}00`,
      `${hex}\n`,
      `${colons}:`,
      hex.replace("e3", "g3")
    ]) {
      const error = Result.getOrThrow(Result.flip(TlsPolicy.parsePin(text)))
      assert.strictEqual(error._tag, "PinError", JSON.stringify(text))
      assert.include(error.message, "write the SHA-256 of the public key as sha256/BASE64")
      assert.throws(() => TlsPolicy.pinned([text]), undefined, undefined, JSON.stringify(text))
    }
    assert.throws(() => TlsPolicy.pinned([hex]), undefined, undefined, "a form that `parsePin` has not made canonical")
  })
})

describe("a policy", () => {
  const all = [
    TlsPolicy.none,
    TlsPolicy.opportunistic,
    TlsPolicy.required,
    TlsPolicy.requiredUnverified,
    TlsPolicy.pinned([colons]),
    TlsPolicy.pinned([`sha256/${base64}`, colons], { verify: true })
  ]
  it("survives JSON, alone and in an endpoint", () => {
    for (const tls of all) {
      const codec = Schema.toCodecJson(Endpoint.Endpoint)
      const endpoint = Endpoint.make({ host: "mx.example.com", tls })
      const json = JSON.parse(JSON.stringify(Result.getOrThrow(Schema.encodeResult(codec)(endpoint))))
      assert.deepStrictEqual(Result.getOrThrow(Schema.decodeUnknownResult(codec)(json)), endpoint)
    }
  })
  it("is mandatory or not (CLASS-25)", () => {
    assert.deepStrictEqual(all.map(TlsPolicy.isMandatory), [false, false, true, true, true, true])
  })
  it("without pins is not a pinned one: an empty list would allow nobody, or everybody", () => {
    const decode = Schema.decodeUnknownResult(TlsPolicy.TlsPolicy)
    assert.isTrue(Result.isFailure(decode({ _tag: "Pinned", pins: [], verify: false })))
    assert.isTrue(Result.isFailure(decode({ _tag: "Pinned", pins: [colons] })))
  })
})

describe("the facts of a TLS session", () => {
  it("survive JSON, with and without those that not every platform tells", () => {
    const codec = Schema.toCodecJson(Receipt.TlsInfo)
    const certificate = { subject: "CN=a", issuer: "CN=b", fingerprint: colons, pin: `sha256/${base64}` }
    const least = { protocol: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256", verified: false }
    for (const info of [
      new Receipt.TlsInfo(least),
      new Receipt.TlsInfo({
        ...least,
        problem: "the certificate has expired",
        fingerprint: colons,
        chain: [new Receipt.CertificateInfo(certificate)],
        resumed: true
      })
    ]) {
      const json = JSON.parse(JSON.stringify(Result.getOrThrow(Schema.encodeResult(codec)(info))))
      assert.deepStrictEqual(Result.getOrThrow(Schema.decodeUnknownResult(codec)(json)), info)
    }
  })
})

describe("a Unix domain socket", () => {
  const parse = (url: string) => Result.getOrThrow(ServerUrl.parse(url))
  it("is an endpoint that is called by its path", () => {
    const endpoint = Endpoint.unix("/run/dovecot/lmtp", { protocol: "lmtp" })
    assert.deepInclude(
      { ...endpoint },
      { host: "/run/dovecot/lmtp", path: "/run/dovecot/lmtp", protocol: "lmtp", tls: TlsPolicy.none }
    )
    assert.strictEqual(Endpoint.format(endpoint), "/run/dovecot/lmtp")
  })
  it("is written as a URL", () => {
    assert.deepStrictEqual(
      parse("lmtp+unix:///run/dovecot/lmtp").endpoint,
      Endpoint.unix("/run/dovecot/lmtp", { protocol: "lmtp" })
    )
    assert.deepStrictEqual(parse("SMTP+UNIX:/run/smtp").endpoint, Endpoint.unix("/run/smtp"))
    assert.deepInclude(parse("smtp+unix:///run/smtp"), { username: undefined, password: undefined })
  })
  it("has a path that fits into a socket address and a line of a log", () => {
    const longest = `/${"x".repeat(102)}`
    assert.strictEqual(parse(`smtp+unix://${longest}`).endpoint.path, longest)
    for (const path of ["", "/", "run", "/a b", "/a\n", "/a\0b", "/\u00e9", `${longest}x`]) {
      assert.isFalse(Endpoint.isPath(path), JSON.stringify(path))
      assert.throws(() => Endpoint.unix(path))
    }
    for (const url of [
      "smtp+unix:///",
      "smtp+unix:run",
      "smtp+unix://run/smtp",
      "smtp+unix:///a%00b",
      "smtp+unix:///a%20b",
      "smtp+unix:///%ff",
      "smtp+unix:///a?b",
      "smtp+unix:///a#b",
      `smtp+unix://${longest}x`
    ]) {
      const error = Result.getOrThrow(Result.flip(ServerUrl.parse(url)))
      assert.include(error.reason, "A Unix domain socket is written smtp+unix:///path", url)
    }
  })
})
