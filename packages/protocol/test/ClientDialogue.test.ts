import * as Capabilities from "@effect-mail/protocol/Capabilities"
import * as ClientDialogue from "@effect-mail/protocol/ClientDialogue"
import * as Dialogue from "@effect-mail/protocol/Dialogue"
import * as Failure from "@effect-mail/protocol/Failure"
import * as Sasl from "@effect-mail/protocol/Sasl"
import { assert, describe, it } from "@effect/vitest"
import { Redacted, Result } from "effect"
import { b64 } from "./fixtures/sasl.ts"
import { end, playAll as play } from "./support/play.ts"

const client = { name: "client.example", protocol: "smtp", helo: true } as const
const strict = { ...client, helo: false }
const lmtp = { ...client, protocol: "lmtp" } as const

const failed = (result: Result.Result<unknown, Failure.Problem>): string => {
  const failure = Failure.fromProblem(Result.getOrThrow(Result.flip(result)))
  return [failure._tag, failure.stage, failure.next, failure.code ?? "", failure.enhanced ?? ""].join(" ").trimEnd()
}

const ehlo = "EHLO client.example\r\n"
const offers = (...keywords: ReadonlyArray<string>): string =>
  ["250-mx.example.com", ...keywords.map((keyword) => `250-${keyword}`), "250 HELP"].join("\r\n")

describe("the greeting", () => {
  it("SMTP-001 V-016: nothing is said before it, however many lines it has", () => {
    const { awaited, result, wrote } = play(ClientDialogue.greet(client), [
      "220-one\r\n220-two\r\n220 mx.example.com ESMTP",
      offers("PIPELINING", "SIZE 1000")
    ])
    assert.deepStrictEqual(wrote, [ehlo])
    assert.deepStrictEqual(awaited, ["greeting", "ehlo"])
    const capabilities = Result.getOrThrow(result)
    assert.strictEqual(capabilities.domain, "mx.example.com")
    assert.deepStrictEqual(capabilities.keywords, ["PIPELINING", "SIZE", "HELP"])
  })
  it("CLASS-17 CLASS-18 SMTP-017 SMTP-270 V-128 CMD-001: another code than 220 ends it, and nothing is said", () => {
    for (const [greeting, expected] of [
      ["421 4.3.2 busy", "TempFailure greeting host 421 4.3.2"],
      ["450 later", "TempFailure greeting host 450"],
      ["554 no mail here", "TempFailure greeting host 554"],
      ["521 5.3.2 never", "TempFailure greeting host 521 5.3.2"],
      ["250 mx.example.com", "Unreachable greeting host 250 4.5.0"],
      ["354 go ahead", "Unreachable greeting host 354 4.5.0"]
    ] as const) {
      const { result, wrote } = play(ClientDialogue.greet(client), [greeting])
      assert.deepStrictEqual(wrote, [], greeting)
      assert.strictEqual(failed(result), expected)
    }
  })
  it("CLASS-16 CLASS-19 V-128: no greeting, or garbage", () => {
    for (const [kind, expected] of [
      ["timeout", "Unreachable greeting address  4.4.2"],
      ["closed", "Unreachable greeting address  4.4.2"],
      ["protocol", "Unreachable greeting host  4.5.0"],
      ["tls", "Unreachable greeting host  4.7.5"]
    ] as const) {
      assert.strictEqual(failed(play(ClientDialogue.greet(client), [end(kind)]).result), expected)
    }
  })
})

describe("EHLO", () => {
  it("SMTP-022 V-127 CMD-002: falls back to HELO on the same connection, and knows no extension then", () => {
    for (const refusal of ["502 no", "500 no", "501 no", "503 no", "504 no", "550 no"]) {
      const { result, wrote } = play(ClientDialogue.greet(client), ["220 hi", refusal, "250 old.example.com hello"])
      assert.deepStrictEqual(wrote, [ehlo, "HELO client.example\r\n"])
      assert.deepStrictEqual(Result.getOrThrow(result).keywords, [])
      assert.strictEqual(Result.getOrThrow(result).domain, "old.example.com")
    }
  })
  it("CLASS-21 SMTP-023: not where HELO is not good enough, because TLS or AUTH is needed", () => {
    const { result, wrote } = play(ClientDialogue.greet(strict), ["220 hi", "502 5.5.1 what?"])
    assert.deepStrictEqual(wrote, [ehlo])
    assert.strictEqual(failed(result), "TempFailure ehlo host 502 5.5.1")
  })
  it("CLASS-20 CLASS-22: 4yz is no reason to try HELO, and HELO may be refused, too", () => {
    for (const code of ["421", "451"]) {
      const { result, wrote } = play(ClientDialogue.hello(client), [`${code} not now`])
      assert.deepStrictEqual(wrote, [ehlo])
      assert.strictEqual(failed(result), `TempFailure ehlo host ${code}`)
    }
    const { result } = play(ClientDialogue.hello(client), ["502 no", "554 neither"])
    assert.strictEqual(failed(result), "TempFailure ehlo host 554")
  })
  it("CLASS-58: a greeting that comes late is no answer to EHLO", () => {
    const { result, wrote } = play(ClientDialogue.hello(client), ["220 hello again"])
    assert.deepStrictEqual(wrote, [ehlo])
    assert.strictEqual(failed(result), "TempFailure ehlo host 220 4.5.0")
  })
  it("the connection may end there", () => {
    assert.strictEqual(failed(play(ClientDialogue.hello(client), [end()]).result), "TempFailure ehlo host  4.4.2")
    assert.strictEqual(
      failed(play(ClientDialogue.hello(client), ["502 no", end("timeout")]).result),
      "TempFailure ehlo host  4.4.2"
    )
  })
  it("SMTP-250: LMTP says LHLO and nothing else", () => {
    const { result, wrote } = play(ClientDialogue.hello(lmtp), ["250 lmtp.example.com"])
    assert.deepStrictEqual(wrote, ["LHLO client.example\r\n"])
    assert.strictEqual(Result.getOrThrow(result).domain, "lmtp.example.com")
    const refused = play(ClientDialogue.hello(lmtp), ["500 what?"])
    assert.deepStrictEqual(refused.wrote, ["LHLO client.example\r\n"])
    assert.strictEqual(failed(refused.result), "TempFailure ehlo host 500")
  })
  it("V-033 SMTP-050 SMTP-055 SMTP-174 GHSA-vvjj-xcjg-gr5g: a name that is none is refused before a byte is written", () => {
    for (const name of ["a\r\nMAIL FROM:<x@y.example>", "", "a b", "a\0b"]) {
      const { result, wrote } = play(ClientDialogue.hello({ ...client, name }), [])
      assert.deepStrictEqual(wrote, [])
      assert.strictEqual(failed(result), "PermFailure ehlo never  5.5.4")
    }
    const { wrote } = play(ClientDialogue.hello({ ...client, name: "m\u00fcnchen.example" }), ["250 hi"])
    assert.deepStrictEqual(wrote, ["EHLO xn--mnchen-3ya.example\r\n"])
  })
  it("V-034 SMTP-019: an address literal", () => {
    const { wrote } = play(ClientDialogue.hello({ ...client, name: "[IPv6:2001:db8::1]" }), ["250 hi"])
    assert.deepStrictEqual(wrote, ["EHLO [IPv6:2001:db8::1]\r\n"])
  })
})

describe("STARTTLS", () => {
  it("TLS-001 TLS-002 PIPE-004 EHLO-006 V-122: EHLO is said again, and only its answer counts", () => {
    const { result, wrote } = play(ClientDialogue.secure(client), ["220 go", "tls", offers("SIZE 5", "STARTTLS")])
    assert.deepStrictEqual(wrote, ["STARTTLS\r\n", "<TLS>", ehlo])
    assert.deepStrictEqual(Result.getOrThrow(result).keywords, ["SIZE", "STARTTLS", "HELP"])
  })
  it("CLASS-25 TLS-009 CMD-014: a refusal leaves the connection as it was", () => {
    for (const [reply, expected] of [
      ["454 4.7.0 not now", "Unreachable starttls host 454 4.7.0"],
      ["501 no", "Unreachable starttls host 501 4.7.4"],
      ["502 no", "Unreachable starttls host 502 4.7.4"],
      ["250 fine", "Unreachable starttls host 250 4.7.4"]
    ] as const) {
      const { result, wrote } = play(ClientDialogue.secure(client), [reply])
      assert.deepStrictEqual(wrote, ["STARTTLS\r\n"])
      assert.strictEqual(Result.getOrThrow(Result.flip(result))._tag, "Refused")
      assert.strictEqual(failed(result), expected)
    }
  })
  it("CLASS-25 TLS-006 V-120: after a failed handshake nothing more is said", () => {
    for (const kind of ["tls", "closed", "timeout", "protocol"] as const) {
      const { result, wrote } = play(ClientDialogue.secure(client), ["220 go", end(kind)])
      assert.deepStrictEqual(wrote, ["STARTTLS\r\n", "<TLS>"])
      assert.strictEqual(failed(result), "Unreachable tls host  4.7.5")
    }
    const { result } = play(ClientDialogue.secure(client), [end("timeout")])
    assert.strictEqual(failed(result), "Unreachable starttls host  4.7.5")
  })
  it("CLASS-24 TLS-018: the EHLO behind it may fail, and HELO is no way out", () => {
    for (const [event, expected] of [
      ["502 no", "TempFailure ehlo host 502"],
      ["421 4.3.2 bye", "TempFailure ehlo host 421 4.3.2"],
      ["220 hi", "TempFailure ehlo host 220 4.5.0"],
      [end("closed"), "TempFailure ehlo host  4.4.2"],
      [end("tls"), "Unreachable ehlo host  4.7.5"]
    ] as const) {
      const { result, wrote } = play(ClientDialogue.secure(client), ["220 go", "tls", event])
      assert.deepStrictEqual(wrote, ["STARTTLS\r\n", "<TLS>", ehlo])
      assert.strictEqual(failed(result), expected)
    }
  })
})

describe("AUTH", () => {
  const credentials = new Sasl.Password({ username: "alice", password: Redacted.make("secret") })
  const session = (...offered: ReadonlyArray<string>) => ({ offered, encrypted: true })
  const authenticate = (mechanisms: ReadonlyArray<string>, events: Parameters<typeof play>[1], encrypted = true) =>
    play(ClientDialogue.authenticate(credentials, { ...session(...mechanisms), encrypted }), events)

  it("V-060 AUTH-014 CMD-015: PLAIN", () => {
    const { result, shown, wrote } = authenticate(["PLAIN"], ["235 2.7.0 welcome"])
    assert.deepStrictEqual(wrote, [`AUTH PLAIN ${b64("\0alice\0secret")}\r\n`])
    assert.deepStrictEqual(shown, ["AUTH PLAIN ****"])
    assert.strictEqual(Result.getOrThrow(result).mechanism, "PLAIN")
  })
  it("V-063 AUTH-015 AUTH-031 PIPE-005: LOGIN, a line at a time, and nothing of it in a log", () => {
    const events = ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 welcome"]
    const { awaited, result, shown, wrote } = authenticate(["LOGIN"], events)
    assert.deepStrictEqual(wrote, ["AUTH LOGIN\r\n", `${b64("alice")}\r\n`, `${b64("secret")}\r\n`])
    assert.deepStrictEqual(shown, ["AUTH LOGIN", "****", "****"])
    assert.deepStrictEqual(awaited, ["auth", "auth", "auth"])
    assert.strictEqual(Result.getOrThrow(result).mechanism, "LOGIN")
  })
  it("V-066 AUTH-019 AUTH-020: SCRAM, with the computations answered", () => {
    const user = new Sasl.Password({ username: "user", password: Redacted.make("pencil") })
    // The nonce of the RFC's example is text; chance gives octets, whose base64 is used.
    const nonce = "rOprNGfwEbeRWgbNEkqO"
    const { result, wrote } = play(
      ClientDialogue.authenticate(user, session("SCRAM-SHA-256")),
      [
        `334 ${b64("r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")}`,
        `334 ${b64("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")}`,
        "235 2.7.0 welcome"
      ],
      "",
      nonce
    )
    assert.deepStrictEqual(wrote, [
      `AUTH SCRAM-SHA-256 ${b64("n,,n=user,r=rOprNGfwEbeRWgbNEkqO")}\r\n`,
      `${b64("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")}\r\n`,
      "\r\n"
    ])
    assert.strictEqual(Result.getOrThrow(result).reply.code, 235)
  })
  it("CLASS-32 AUTH-010: a wrong password is our trouble, and asked about once", () => {
    const { result, wrote } = authenticate(["PLAIN", "LOGIN"], ["535 5.7.8 no"])
    assert.lengthOf(wrote, 1)
    assert.strictEqual(failed(result), "Unreachable auth later 535 5.7.8")
  })
  it("AUTH-012: another mechanism after 534 or 504", () => {
    for (const code of ["534", "504"]) {
      const { result } = authenticate(["PLAIN", "LOGIN"], [`${code} no`, "334 ", "334 ", "235 fine"])
      assert.strictEqual(Result.getOrThrow(result).mechanism, "LOGIN")
    }
  })
  it("V-069 AUTH-023 AUTH-024: what the server says about a token stays with the failure, without the token", () => {
    const token = "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"
    const bearer = new Sasl.Token({ username: "user@example.com", token: Redacted.make(token) })
    for (const [mechanism, acknowledgement] of [
      ["OAUTHBEARER", "AQ=="],
      ["XOAUTH2", ""]
    ] as const) {
      const json = { status: "invalid_token", schemes: "bearer mac", scope: `https://mail.example.com/ ${token}` }
      const { result, wrote } = play(ClientDialogue.authenticate(bearer, session(mechanism)), [
        `334 ${b64(JSON.stringify(json))}`,
        "535 5.7.1 no"
      ])
      assert.strictEqual(wrote[1], `${acknowledgement}\r\n`)
      const problem = Result.getOrThrow(Result.flip(result))
      assert.deepInclude(problem, { _tag: "Refused", stage: "auth" })
      if (problem._tag === "Refused") {
        assert.deepInclude({ ...problem.refusal }, { status: "invalid_token", scope: "https://mail.example.com/ ***" })
      }
      const failure = Failure.fromProblem(problem)
      assert.strictEqual(
        failure.reason,
        "no (status invalid_token, scope https://mail.example.com/ ***, schemes bearer mac)"
      )
      assert.deepInclude({ ...failure }, { _tag: "Unreachable", code: 535, enhanced: "5.7.1", lines: ["5.7.1 no"] })
      assert.notInclude(JSON.stringify(failure), token)
    }
  })
  it("CLASS-31 CLS-012: 454 and 432 may pass", () => {
    assert.strictEqual(failed(authenticate(["PLAIN"], ["454 later"]).result), "TempFailure auth later 454 4.7.0")
    assert.strictEqual(failed(authenticate(["PLAIN"], ["432 4.7.12 x"]).result), "TempFailure auth later 432 4.7.12")
  })
  it("CLASS-32 TLS-006 V-121 AUTH-011: without a mechanism that may be used nothing is said at all", () => {
    for (const [offered, encrypted] of [
      [[], true],
      [["GSSAPI"], true],
      [["PLAIN", "LOGIN"], false]
    ] as const) {
      const { result, wrote } = authenticate(offered, [], encrypted)
      assert.deepStrictEqual(wrote, [])
      assert.strictEqual(failed(result), "Unreachable auth later  4.7.8")
    }
  })
  it("V-072: gives the exchange up when the server does not keep to it", () => {
    const { result, wrote } = authenticate(["CRAM-MD5", "SCRAM-SHA-256"], ["334 !", "501 cancelled"])
    assert.strictEqual(wrote[1], "*\r\n")
    assert.strictEqual(failed(result), "Unreachable auth later  4.7.8")
  })
  it("the connection may end at any point of the exchange", () => {
    const { result } = authenticate(["LOGIN"], [end("reset")])
    assert.deepInclude(Result.getOrThrow(Result.flip(result)), { _tag: "Lost", kind: "reset" })
    assert.strictEqual(failed(result), "TempFailure auth host  4.4.2")
    assert.strictEqual(failed(authenticate(["LOGIN"], ["334 ", end("timeout")]).result), "TempFailure auth host  4.4.2")
  })
  it("no step shows the secret", () => {
    const dialogue = ClientDialogue.authenticate(credentials, session("PLAIN"))
    const step = dialogue.next({ replies: [], lost: undefined })
    assert.notMatch(JSON.stringify(step), new RegExp(`secret|${b64("\0alice\0secret")}`))
  })
})

describe("the small dialogues", () => {
  const said = (
    dialogue: Dialogue.Dialogue<Result.Result<unknown, Failure.Problem>>,
    events: Parameters<typeof play>[1]
  ) => {
    const { result, wrote } = play(dialogue, events)
    return [...wrote, Result.isSuccess(result) ? "ok" : failed(result)]
  }

  it("CMD-008 SMTP-013: RSET", () => {
    assert.deepStrictEqual(said(ClientDialogue.reset(), ["250 ok"]), ["RSET\r\n", "ok"])
    assert.deepStrictEqual(said(ClientDialogue.reset(), ["421 bye"]), ["RSET\r\n", "TempFailure rset later 421"])
  })
  it("CMD-012 SMTP-274: NOOP", () => {
    assert.deepStrictEqual(said(ClientDialogue.noop(), ["250 ok"]), ["NOOP\r\n", "ok"])
    assert.deepStrictEqual(said(ClientDialogue.noop(), [end()]), ["NOOP\r\n", "TempFailure command host  4.4.2"])
  })
  it("CMD-013 SMTP-010: QUIT", () => {
    assert.deepStrictEqual(said(ClientDialogue.quit(), ["221 bye"]), ["QUIT\r\n", "ok"])
    assert.deepStrictEqual(said(ClientDialogue.quit(), [end()]), ["QUIT\r\n", "TempFailure quit host  4.4.2"])
  })
  it("CMD-009 SMTP-271: VRFY takes 250, 251 and 252", () => {
    for (const code of ["250", "251", "252"]) {
      assert.deepStrictEqual(said(ClientDialogue.verify("alice"), [`${code} x`]), ["VRFY alice\r\n", "ok"])
    }
    assert.deepStrictEqual(said(ClientDialogue.verify("alice"), ["550 5.1.1 no"]), [
      "VRFY alice\r\n",
      "PermFailure command never 550 5.1.1"
    ])
  })
  it("SMTP-177: VRFY and EXPN in UTF-8 only when that is asked for", () => {
    assert.deepStrictEqual(said(ClientDialogue.verify("J\u00f8rgen", true), ["252 x"]), [
      "VRFY J\u00f8rgen SMTPUTF8\r\n",
      "ok"
    ])
    assert.deepStrictEqual(said(ClientDialogue.expand("\u00f8", true), ["250 x"]), ["EXPN \u00f8 SMTPUTF8\r\n", "ok"])
    assert.deepStrictEqual(said(ClientDialogue.verify("J\u00f8rgen"), []), ["PermFailure command never  5.5.4"])
  })
  it("CMD-010 SMTP-272: EXPN gives a member per line", () => {
    const { result, wrote } = play(ClientDialogue.expand("staff"), ["250-<a@example.com>\r\n250 <b@example.com>"])
    assert.deepStrictEqual(wrote, ["EXPN staff\r\n"])
    assert.deepStrictEqual(Result.getOrThrow(result).lines, ["<a@example.com>", "<b@example.com>"])
    assert.deepStrictEqual(said(ClientDialogue.expand("staff"), ["252 x"]), ["EXPN staff\r\n", "ok"])
    assert.deepStrictEqual(said(ClientDialogue.expand("staff"), ["251 x"]), [
      "EXPN staff\r\n",
      "TempFailure command host 251 4.5.0"
    ])
  })
  it("CMD-011 SMTP-273: HELP", () => {
    for (const code of ["211", "214", "250"]) {
      assert.deepStrictEqual(said(ClientDialogue.help(), [`${code} x`]), ["HELP\r\n", "ok"])
    }
    assert.deepStrictEqual(said(ClientDialogue.help("DATA"), ["214 x"]), ["HELP DATA\r\n", "ok"])
  })
  it("CMD-016 SMTP-240 SMTP-241: ETRN, and only where it is offered", () => {
    const offered = Capabilities.make({ domain: "mx.example.com", keywords: ["ETRN"] })
    for (const code of ["250", "251", "252", "253"]) {
      assert.deepStrictEqual(said(ClientDialogue.etrn(offered, "@example.com"), [`${code} x`]), [
        "ETRN @example.com\r\n",
        "ok"
      ])
    }
    assert.deepStrictEqual(said(ClientDialogue.etrn(offered, "example.com"), ["458 x"]), [
      "ETRN example.com\r\n",
      "TempFailure command later 458"
    ])
    assert.deepStrictEqual(said(ClientDialogue.etrn(Capabilities.none(), "example.com"), []), [
      "PermFailure command host  5.3.3"
    ])
  })
  it("CMD-017 SMTP-260 SMTP-261: XCLIENT begins the session again, so EHLO follows and HELO does not do", () => {
    const proxied = Capabilities.make({ domain: "mx.example.com", keywords: ["XCLIENT NAME addr LOGIN PROTO"] })
    const attributes = { ADDR: "IPV6:2001:db8::1", NAME: "[UNAVAILABLE]", LOGIN: "a+b c" }
    const { awaited, result, wrote } = play(ClientDialogue.xclient(proxied, attributes, client), [
      "220 mx.example.com ESMTP",
      offers("SIZE 1")
    ])
    assert.deepStrictEqual(wrote, ["XCLIENT NAME=[UNAVAILABLE] LOGIN=a+2Bb+20c ADDR=IPV6:2001:db8::1\r\n", ehlo])
    assert.deepStrictEqual(awaited, ["command", "ehlo"])
    assert.deepStrictEqual(Result.getOrThrow(result).keywords, ["SIZE", "HELP"])
    assert.deepStrictEqual(said(ClientDialogue.xclient(proxied, attributes, client), ["220 x", "502 no"]).slice(2), [
      "TempFailure ehlo host 502"
    ])
    for (const [answer, expected] of [
      ["550 5.7.0 no", "PermFailure command never 550 5.7.0"],
      ["503 5.5.1 no", "PermFailure command never 503 5.5.1"],
      ["421 4.3.2 bye", "TempFailure command later 421 4.3.2"],
      ["250 ok", "TempFailure command host 250 4.5.0"]
    ] as const) {
      const [, outcome] = said(ClientDialogue.xclient(proxied, attributes, client), [answer])
      assert.strictEqual(outcome, expected)
    }
  })
  it("SMTP-261: what does not fit a line is said in several, the address last", () => {
    const all = Capabilities.make({ domain: "mx.example.com", keywords: ["XCLIENT NAME ADDR HELO LOGIN"] })
    const long = "x".repeat(200)
    const attributes = { ADDR: "192.0.2.1", NAME: long, HELO: long, LOGIN: long }
    const events = ["220 x", "220 x", offers()]
    const { wrote } = play(ClientDialogue.xclient(all, attributes, client), events)
    assert.deepStrictEqual(wrote, [
      `XCLIENT NAME=${long} HELO=${long}\r\n`,
      `XCLIENT LOGIN=${long} ADDR=192.0.2.1\r\n`,
      ehlo
    ])
    const stopped = said(ClientDialogue.xclient(all, attributes, client), ["220 x", "550 5.7.0 no"])
    assert.deepStrictEqual(stopped.slice(2), ["PermFailure command never 550 5.7.0"])
  })
  it("CMD-018 SMTP-264 PIPE-008: XFORWARD, in one write where the server offers PIPELINING", () => {
    const long = "x".repeat(243)
    const attributes = { NAME: long, HELO: long, IDENT: "1", SOURCE: "LOCAL" }
    for (const [keywords, writes] of [
      [["XFORWARD NAME HELO IDENT SOURCE"], 2],
      [["XFORWARD NAME HELO IDENT SOURCE", "PIPELINING"], 1]
    ] as const) {
      const offered = Capabilities.make({ domain: "mx.example.com", keywords })
      const { result, wrote } = play(ClientDialogue.xforward(offered, attributes), ["250 ok", "250 fine"])
      assert.lengthOf(wrote, writes)
      assert.strictEqual(wrote.join(""), `XFORWARD NAME=${long} HELO=${long}\r\nXFORWARD IDENT=1 SOURCE=LOCAL\r\n`)
      assert.strictEqual(Result.getOrThrow(result).lines[0], "fine")
      assert.strictEqual(
        failed(play(ClientDialogue.xforward(offered, attributes), ["250 ok", end()]).result),
        "TempFailure command host  4.4.2"
      )
    }
  })
  it("SMTP-025 SMTP-260 SMTP-264: neither is said to a server that does not offer it, or not for that attribute", () => {
    const offered = Capabilities.make({ domain: "mx.example.com", keywords: ["XCLIENT NAME", "XFORWARD NAME"] })
    for (const dialogue of [
      ClientDialogue.xclient(Capabilities.none(), { NAME: "a" }, client),
      ClientDialogue.xclient(offered, { NAME: "a", ADDR: "192.0.2.1" }, client),
      ClientDialogue.xforward(Capabilities.none(), { NAME: "a" }),
      ClientDialogue.xforward(offered, { IDENT: "a" })
    ]) {
      assert.deepStrictEqual(said(dialogue, []), ["PermFailure command host  5.3.3"])
    }
    for (const dialogue of [
      ClientDialogue.xclient(offered, {}, client),
      ClientDialogue.xclient(offered, { NAME: "a\r\nRSET" }, client),
      ClientDialogue.xforward(offered, { NAME: "x".repeat(256) })
    ]) {
      assert.deepStrictEqual(said(dialogue, []), ["PermFailure command never  5.5.4"])
    }
  })
  it("SMTP-050 V-032: an argument with a line end is refused before a byte is written", () => {
    for (const dialogue of [
      ClientDialogue.verify("a\r\nRSET"),
      ClientDialogue.expand("a\nRSET"),
      ClientDialogue.help("a\0"),
      ClientDialogue.etrn(Capabilities.make({ domain: "x", keywords: ["ETRN"] }), "#a\r\nQUIT")
    ]) {
      assert.deepStrictEqual(said(dialogue, []), ["PermFailure command never  5.5.4"])
    }
  })
})

describe("Dialogue", () => {
  it("a driver that answers with neither a reply nor a reason is taken for a closed connection", () => {
    const dialogue = Dialogue.listen("greeting")
    dialogue.next({ replies: [], lost: undefined })
    const step = dialogue.next({ replies: [], lost: undefined })
    assert.isTrue(step.done)
    if (step.done) assert.strictEqual(failed(step.value), "Unreachable greeting address  4.4.2")
  })
  it("a line holds its bytes, what logs may show, and its stage", () => {
    const line = Result.getOrThrow(Dialogue.line({ _tag: "Rcpt", to: "postmaster", parameters: [] }))
    assert.deepStrictEqual(line, {
      _tag: "Line",
      stage: "rcpt",
      wire: "RCPT TO:<postmaster>\r\n",
      shown: "RCPT TO:<postmaster>"
    })
  })
})
