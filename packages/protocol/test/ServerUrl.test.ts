import * as Endpoint from "@effect-mail/protocol/Endpoint"
import * as ServerUrl from "@effect-mail/protocol/ServerUrl"
import * as TlsPolicy from "@effect-mail/protocol/TlsPolicy"
import { assert, describe, it } from "@effect/vitest"
import { Redacted, Result, Schema } from "effect"
import { format } from "effect/Formatter"

const parse = (input: string) => Result.getOrThrow(ServerUrl.parse(input))
const endpointOf = (input: string): string => {
  const { endpoint } = parse(input)
  const tls = endpoint.tls._tag === "Required" ? (endpoint.tls.verify ? "verified" : "any") : endpoint.tls._tag
  return [Endpoint.format(endpoint), endpoint.implicitTls ? "tls" : "starttls", tls, endpoint.protocol].join(" ")
}
const reason = (input: string): string => Result.getOrThrow(Result.flip(ServerUrl.parse(input))).reason

describe("what a URL says", () => {
  it("SMTP-028 TLS-017: ports and TLS by scheme", () => {
    assert.strictEqual(endpointOf("smtp://mail.example.com"), "mail.example.com:25 starttls Opportunistic smtp")
    assert.strictEqual(endpointOf("smtp://mail.example.com:2525/"), "mail.example.com:2525 starttls Opportunistic smtp")
    assert.strictEqual(endpointOf("smtps://mail.example.com"), "mail.example.com:465 tls verified smtp")
    assert.strictEqual(endpointOf("lmtp://mail.example.com"), "mail.example.com:24 starttls Opportunistic lmtp")
    assert.strictEqual(endpointOf("SMTP://Mail.Example.COM"), "mail.example.com:25 starttls Opportunistic smtp")
  })
  it("SMTP-280 TLS-005: whoever logs in does so at the submission port, under verified TLS", () => {
    assert.strictEqual(endpointOf("smtp://alice@mail.example.com"), "mail.example.com:587 starttls verified smtp")
    assert.strictEqual(endpointOf("smtp://alice@mail.example.com:25"), "mail.example.com:25 starttls verified smtp")
    assert.strictEqual(endpointOf("smtps://alice@mail.example.com"), "mail.example.com:465 tls verified smtp")
    assert.strictEqual(endpointOf("lmtp://alice@mail.example.com"), "mail.example.com:24 starttls verified lmtp")
  })
  it("user name and password, percent-encoded", () => {
    const { password, username } = parse("smtp://alice%40example.com:p%3Aw%40%C3%A9@mail.example.com")
    assert.strictEqual(username, "alice@example.com")
    assert.strictEqual(password === undefined ? "" : Redacted.value(password), "p:w@\u00e9")
    assert.deepInclude(parse("smtp://alice@mail.example.com"), { username: "alice", password: undefined })
    assert.deepInclude(parse("smtp://mail.example.com"), { username: undefined, password: undefined })
  })
  it("SMTP-040: IP addresses", () => {
    assert.strictEqual(parse("smtp://192.0.2.1").endpoint.host, "192.0.2.1")
    assert.strictEqual(parse("smtp://[2001:DB8::0:1]:2525").endpoint.host, "2001:db8::1")
    assert.strictEqual(Endpoint.format(parse("smtp://[2001:db8::1]").endpoint), "[2001:db8::1]:25")
  })
  it("SMTP-182 DNS-019: names become A-labels without a dot at the end", () => {
    assert.strictEqual(parse("smtp://M\u00dcNCHEN.example").endpoint.host, "xn--mnchen-3ya.example")
    assert.strictEqual(parse("smtp://fa\u00df.example").endpoint.host, "xn--fa-hia.example")
    assert.strictEqual(parse("smtp://mail.example.com.").endpoint.host, "mail.example.com")
    assert.strictEqual(parse("smtp://mail_server").endpoint.host, "mail_server")
  })
})

describe("what a URL must not say", () => {
  it("anything that is no URL of a server, so that no typing error leads to clear text", () => {
    for (const [input, expected] of [
      ["", "This is not a URL"],
      ["mail.example.com", "This is not a URL"],
      ["smtp://mail.example.com:99999", "This is not a URL"],
      ["smtp://[2001:db8::1", "This is not a URL"],
      ["mail.example.com:25", 'The scheme "mail.example.com" is not known'],
      ["https://mail.example.com", 'The scheme "https" is not known'],
      ["smtp+tls://mail.example.com", 'The scheme "smtp+tls" is not known'],
      ["constructor://mail.example.com", 'The scheme "constructor" is not known'],
      ["smtp://", "The host is missing or not a host name"],
      ["smtp:mail.example.com", "The host is missing or not a host name"],
      ["smtp://256.1.1.1", "The host is missing or not a host name"],
      ["smtp://-a.example", "The host is missing or not a host name"],
      ["smtp://a%2Fb", "The host is missing or not a host name"],
      ["smtp://mail.example.com:0", "The port must be between 1 and 65535"],
      ["smtps://mail.example.com/x", "There is something behind host and port"],
      ["smtps://mail.example.com?tls=no", "There is something behind host and port"],
      ["smtps://mail.example.com#x", "There is something behind host and port"],
      ["smtp://:secret@mail.example.com", "There is a password without a user name"],
      ["smtp://alice:%ff@mail.example.com", "The user name or the password is not percent-encoded UTF-8"],
      ["smtp://al%zzice:x@mail.example.com", "The user name or the password is not percent-encoded UTF-8"]
    ] as const) {
      assert.strictEqual(reason(input), expected, input)
    }
  })
  it("SMTP-050: spaces and control characters, also encoded ones in the host", () => {
    for (const char of [" ", "\t", "\r\n", "\0", "\x7f"]) {
      assert.strictEqual(reason(`smtp://mail.exam${char}ple.com`), "There is a space or a control character in it")
      const encoded = encodeURIComponent(char)
      assert.strictEqual(reason(`smtp://mail.exam${encoded}ple.com`), "The host is missing or not a host name")
    }
  })
  it("GHSA-wmmp-3585-3rmp: characters that stand for others, or for nothing", () => {
    for (const host of ["a\u00adb.example", "\u24d4xample.com", "b\u00fccher\u3002example", "a\u200db.example"]) {
      assert.strictEqual(reason(`smtp://${host}`), "The host is missing or not a host name", host)
    }
  })
})

describe("secrets", () => {
  const secret = "hunter2"
  it("emailjs#339: no error repeats the URL", () => {
    for (const input of [
      `alice:${secret}@mail.example.com`,
      `http://alice:${secret}@mail.example.com`,
      `smtp://alice:${secret}@mail.example.com:0`,
      `smtp://alice:${secret}@mail .example.com`,
      `smtp://alice:${secret}@mail.example.com/${secret}`,
      `smtp://alice:${secret}%zz@mail.example.com`,
      `smtp://:${secret}@mail.example.com`,
      `smtp://alice:${secret}@`
    ]) {
      const error = Result.getOrThrow(Result.flip(ServerUrl.parse(input)))
      for (const shown of [error.message, String(error), JSON.stringify(error), error.stack ?? ""]) {
        assert.notInclude(shown, secret, input)
      }
    }
  })
  it("an unknown scheme is not repeated at any length", () => {
    const error = Result.getOrThrow(Result.flip(ServerUrl.parse(`${"a".repeat(100_000)}://mail.example.com`)))
    assert.isBelow(error.message.length, 300)
    const short = Result.getOrThrow(Result.flip(ServerUrl.parse("http://mail.example.com")))
    assert.include(short.message, 'The scheme "http" is not known')
  })
  it("what was parsed does not show the password", () => {
    const parsed = parse(`smtp://alice:${secret}@mail.example.com`)
    assert.notInclude(JSON.stringify(parsed), secret)
    assert.notInclude(format(parsed), secret)
  })
  it("the error says how a server is written, and survives JSON", () => {
    const error = Result.getOrThrow(Result.flip(ServerUrl.parse("mail.example.com")))
    assert.strictEqual(
      error.message,
      "This is not a URL; a server is written smtp://[user@]host[:port] or smtps://[user@]host[:port]"
    )
    const codec = Schema.toCodecJson(ServerUrl.ServerUrlError)
    const json = JSON.parse(JSON.stringify(Result.getOrThrow(Schema.encodeResult(codec)(error))))
    assert.strictEqual(Result.getOrThrow(Schema.decodeUnknownResult(codec)(json)).message, error.message)
  })
})

describe("Endpoint", () => {
  it("SMTP-028: defaults by protocol", () => {
    const host = "mx.example.com"
    const plain = Endpoint.make({ host })
    assert.deepStrictEqual(
      { ...plain },
      {
        host,
        port: 25,
        implicitTls: false,
        tls: TlsPolicy.opportunistic,
        protocol: "smtp"
      }
    )
    assert.deepInclude({ ...Endpoint.make({ host, implicitTls: true }) }, { port: 465, tls: TlsPolicy.required })
    assert.deepInclude({ ...Endpoint.make({ host, protocol: "lmtp" }) }, { port: 24, protocol: "lmtp" })
    const all = { host, address: "192.0.2.1", port: 26, tls: TlsPolicy.none } as const
    assert.deepInclude({ ...Endpoint.make(all) }, all)
  })
  it("a port or a host that cannot be is refused", () => {
    for (const port of [0, -1, 65_536, 1.5, Number.NaN]) assert.throws(() => Endpoint.make({ host: "a.example", port }))
    for (const host of ["", "a b", "a\r\nb", "a\0", "a".repeat(256)]) assert.throws(() => Endpoint.make({ host }))
  })
  it("is written with its address where that is another", () => {
    assert.strictEqual(Endpoint.format({ host: "mx.example.com", port: 25 }), "mx.example.com:25")
    assert.strictEqual(
      Endpoint.format({ host: "mx.example.com", address: "192.0.2.1", port: 25 }),
      "mx.example.com[192.0.2.1]:25"
    )
    assert.strictEqual(Endpoint.format({ host: "192.0.2.1", address: "192.0.2.1", port: 25 }), "192.0.2.1:25")
    const ipv6 = "2001:db8::1"
    assert.strictEqual(Endpoint.format({ host: ipv6, address: ipv6, port: 25 }), "[2001:db8::1]:25")
    assert.strictEqual(
      Endpoint.format({ host: "mx.example.com", address: ipv6, port: 25 }),
      "mx.example.com[2001:db8::1]:25"
    )
  })
  it("survives JSON with its policy", () => {
    const codec = Schema.toCodecJson(Endpoint.Endpoint)
    for (const tls of [TlsPolicy.none, TlsPolicy.opportunistic, TlsPolicy.required, TlsPolicy.requiredUnverified]) {
      const endpoint = Endpoint.make({ host: "mx.example.com", tls })
      const json = JSON.parse(JSON.stringify(Result.getOrThrow(Schema.encodeResult(codec)(endpoint))))
      const back = Result.getOrThrow(Schema.decodeUnknownResult(codec)(json))
      assert.deepStrictEqual(back, endpoint)
      assert.strictEqual(back.tls._tag, tls._tag)
    }
    assert.isTrue(Result.isFailure(Schema.decodeUnknownResult(codec)({ host: "a b", port: 25 })))
  })
})
