import * as Address from "@effect-mail/protocol/Address"
import * as Command from "@effect-mail/protocol/Command"
import { assert, describe, it } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const line = (command: Command.Command): string => Result.getOrThrow(Command.encode(command))
const refused = (command: unknown): Command.CommandError => {
  // Whatever a caller without types may build.
  const result = Command.encode(command as Command.Command)
  return Result.isFailure(result) ? result.failure : assert.fail(`encoded as ${JSON.stringify(result.success)}`)
}
const from = Address.unsafe("sender@example.com")
const to = Address.unsafe("dana@ivory.example")

const everyParameter = (auth: number) => [
  { keyword: "AUTH", value: "a".repeat(auth) },
  { keyword: "SIZE", value: "12345678901234567890" },
  { keyword: "BODY", value: "BINARYMIME" },
  { keyword: "SMTPUTF8" },
  { keyword: "RET", value: "HDRS" },
  { keyword: "ENVID", value: "e".repeat(100) },
  { keyword: "REQUIRETLS" },
  { keyword: "HOLDUNTIL", value: "2030-01-01T00:00:00Z" },
  { keyword: "BY", value: "-999999999;NT" },
  { keyword: "MT-PRIORITY", value: "-9" }
]

describe("encode", () => {
  const cases: ReadonlyArray<readonly [Command.Command, string, string]> = [
    [Command.ehlo("mail.example.com"), "EHLO mail.example.com", "ehlo"],
    [Command.ehlo("[IPv6:2001:db8::1]"), "EHLO [IPv6:2001:db8::1]", "ehlo"],
    [Command.ehlo("münchen.example"), "EHLO xn--mnchen-3ya.example", "ehlo"],
    [Command.helo("mail.example.com"), "HELO mail.example.com", "ehlo"],
    [Command.lhlo("[192.0.2.1]"), "LHLO [192.0.2.1]", "ehlo"],
    [Command.mail(from), "MAIL FROM:<sender@example.com>", "mail"],
    [Command.mail(""), "MAIL FROM:<>", "mail"],
    [Command.send("Send", from), "SEND FROM:<sender@example.com>", "mail"],
    [Command.send("Soml", from), "SOML FROM:<sender@example.com>", "mail"],
    [Command.send("Saml", ""), "SAML FROM:<>", "mail"],
    [Command.rcpt(to), "RCPT TO:<dana@ivory.example>", "rcpt"],
    [Command.rcpt("postmaster"), "RCPT TO:<postmaster>", "rcpt"],
    [Command.rcpt(Address.unsafe('"a>b c"@d')), 'RCPT TO:<"a>b c"@d>', "rcpt"],
    [Command.rcpt(Address.unsafe("jörg@bücher.ch")), "RCPT TO:<jörg@bücher.ch>", "rcpt"],
    [Command.data, "DATA", "data"],
    [Command.bdat(86, true), "BDAT 86 LAST", "data-end"],
    [Command.bdat(65536), "BDAT 65536", "body"],
    [Command.bdat(0, true), "BDAT 0 LAST", "data-end"],
    [Command.rset, "RSET", "rset"],
    [Command.quit, "QUIT", "quit"],
    [Command.noop(), "NOOP", "command"],
    [Command.noop("sync 1"), "NOOP sync 1", "command"],
    [Command.help(), "HELP", "command"],
    [Command.help("MAIL"), "HELP MAIL", "command"],
    [Command.vrfy("Smith"), "VRFY Smith", "command"],
    [Command.vrfy("user@example.com"), "VRFY user@example.com", "command"],
    [Command.vrfy("jörg", true), "VRFY jörg SMTPUTF8", "command"],
    [Command.expn("Staff"), "EXPN Staff", "command"],
    [Command.etrn("Example.com"), "ETRN example.com", "command"],
    [Command.etrn("@bücher.ch"), "ETRN @xn--bcher-kva.ch", "command"],
    [Command.etrn("#queue-1"), "ETRN #queue-1", "command"],
    [Command.startTls, "STARTTLS", "starttls"],
    [Command.turn, "TURN", "command"],
    [Command.auth("plain"), "AUTH PLAIN", "auth"],
    [Command.auth("PLAIN", "dGVzdAB0ZXN0ADEyMzQ="), "AUTH PLAIN dGVzdAB0ZXN0ADEyMzQ=", "auth"],
    [Command.auth("EXTERNAL", Redacted.make("")), "AUTH EXTERNAL =", "auth"],
    [Command.auth("SCRAM-SHA-256-PLUS"), "AUTH SCRAM-SHA-256-PLUS", "auth"],
    [Command.authResponse("YWxpY2U="), "YWxpY2U=", "auth"],
    [Command.authResponse(""), "", "auth"],
    [Command.authCancel, "*", "auth"],
    [
      Command.xclient({ NAME: "spike.example.com", ADDR: "IPV6:2001:db8::1", LOGIN: "[UNAVAILABLE]", helo: "a b+c" }),
      "XCLIENT NAME=spike.example.com ADDR=IPV6:2001:db8::1 LOGIN=[UNAVAILABLE] HELO=a+20b+2Bc",
      "command"
    ],
    [Command.xforward({ SOURCE: "LOCAL", IDENT: "ü" }), "XFORWARD SOURCE=LOCAL IDENT=+C3+BC", "command"]
  ]

  it.each(cases)("V-033, V-034, V-049, SMTP-030 to SMTP-044: %o is %s, at stage %s", (command, text, stage) => {
    assert.strictEqual(line(command), `${text}\r\n`)
    assert.strictEqual(Command.stage(command), stage)
  })

  it("V-029, V-030, V-037, V-073 writes parameters in their order", () => {
    assert.strictEqual(
      line(
        Command.mail("", [
          { keyword: "SIZE", value: "1000" },
          { keyword: "BODY", value: "8BITMIME" },
          { keyword: "SMTPUTF8" },
          { keyword: "RET", value: "HDRS" },
          { keyword: "ENVID", value: "QQ314159" }
        ])
      ),
      "MAIL FROM:<> SIZE=1000 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ314159\r\n"
    )
    assert.strictEqual(
      line(
        Command.rcpt(to, [
          { keyword: "NOTIFY", value: "SUCCESS,FAILURE" },
          { keyword: "ORCPT", value: "rfc822;dana@ivory.example" }
        ])
      ),
      "RCPT TO:<dana@ivory.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;dana@ivory.example\r\n"
    )
    assert.strictEqual(
      line(Command.mail(Address.unsafe("sender@domain"), [{ keyword: "XVERP", value: "+=" }])),
      "MAIL FROM:<sender@domain> XVERP=+=\r\n"
    )
    assert.strictEqual(
      line(Command.mail(Address.unsafe("e=mc2@example.com"), [{ keyword: "AUTH", value: "e+3Dmc2@example.com" }])),
      "MAIL FROM:<e=mc2@example.com> AUTH=e+3Dmc2@example.com\r\n"
    )
    assert.strictEqual(
      line(Command.mail(Address.unsafe("john+@example.org"), [{ keyword: "AUTH", value: "<>" }])),
      "MAIL FROM:<john+@example.org> AUTH=<>\r\n"
    )
  })

  it("SMTP-043 sends non-ASCII text only where SMTPUTF8 allows it", () => {
    const unicode = Address.unsafe("jörg@bücher.ch")
    assert.strictEqual(
      line(Command.mail(unicode, [{ keyword: "SMTPUTF8" }])),
      "MAIL FROM:<jörg@bücher.ch> SMTPUTF8\r\n"
    )
    for (const command of [
      Command.mail(unicode),
      Command.mail(from, [{ keyword: "ENVID", value: "é" }]),
      Command.send("Soml", unicode),
      Command.vrfy("jörg"),
      Command.expn("jörg"),
      Command.noop("é"),
      Command.help("é"),
      Command.etrn("#é")
    ]) {
      assert.isDefined(refused(command))
    }
  })

  it("SMTP-061, SMTP-062 refuses lines that are too long, allowing for what parameters add", () => {
    const path = Address.unsafe(`${"a".repeat(64)}@${"d".repeat(63)}.${"d".repeat(63)}.${"d".repeat(61)}`)
    const orcpt = (length: number) => Command.rcpt(path, [{ keyword: "ORCPT", value: "x".repeat(length) }])
    const rest = "RCPT TO:<".length + path.length + "> ORCPT=\r\n".length
    assert.strictEqual(line(orcpt(1012 - rest)).length, 1012)
    assert.strictEqual(
      refused(orcpt(1013 - rest)).message,
      "RCPT, line, position 1011: has 1013 octets, 1012 are allowed; shorten its arguments"
    )
    assert.strictEqual(line(Command.noop("x".repeat(505))).length, 512)
    assert.isDefined(refused(Command.noop("x".repeat(506))))
    assert.isDefined(refused(Command.vrfy("ü".repeat(250), true)))
    assert.isDefined(refused(Command.xclient({ NAME: "a".repeat(200), HELO: "b".repeat(200), LOGIN: "c".repeat(200) })))
    // 512 octets, and what SMTP-062 adds for each of the parameters.
    const most = 1249
    const others = line(Command.mail(path, everyParameter(1))).length - 1
    assert.strictEqual(line(Command.mail(path, everyParameter(most - others))).length, most)
    assert.include(
      refused(Command.mail(path, everyParameter(most - others + 1))).reason,
      "has 1250 octets, 1249 are allowed"
    )
  })

  it("AUTH-005, SMTP-067 refuses an initial response that makes AUTH too long, but takes it as an answer", () => {
    const response = "QUFB".repeat(130)
    assert.include(refused(Command.auth("XOAUTH2", response)).reason, "when the server asks for it")
    assert.strictEqual(line(Command.authResponse(response)), `${response}\r\n`)
    assert.strictEqual(line(Command.authResponse("QUFB".repeat(3071))).length, 12286)
    assert.isDefined(refused(Command.authResponse("QUFB".repeat(3072))))
  })
})

describe("refusals", () => {
  const hostile: ReadonlyArray<readonly [string, unknown, string]> = [
    ["V-032: a recipient with a command in it", Command.rcpt("a@b.com\r\nRCPT TO:<x@y>" as Address.Mailbox), "path"],
    ["SMTP-051: a path that closes itself", Command.mail("a@b.com> SIZE=1 X=<" as Address.Mailbox), "path"],
    ["SMTP-051: a space in an unquoted local part", Command.rcpt("a b@c" as Address.Mailbox), "path"],
    ["a NUL in a path", Command.mail("a\0@b" as Address.Mailbox), "path"],
    ["an empty forward-path", Command.rcpt("" as Address.Mailbox), "path"],
    ["postmaster as reverse-path", Command.mail("postmaster" as Address.Mailbox), "path"],
    ["a path that is an object", { _tag: "Rcpt", to: { toString: () => "a@b" }, parameters: [] }, "path"],
    ["V-033, GHSA-vvjj-xcjg-gr5g: a name with a command in it", Command.ehlo("a\r\nMAIL FROM:<x@y>"), "name"],
    ["SMTP-019: text behind the name", Command.ehlo("a.example hello"), "name"],
    ["a name that is nothing", Command.helo(undefined as unknown as string), "name"],
    [
      "GHSA-c7w3-x93f-qmm8: a size with a command in it",
      Command.mail(from, [{ keyword: "SIZE", value: "1\r\nRCPT TO:<x@y>" }]),
      "parameter SIZE"
    ],
    ["a value with a space", Command.mail(from, [{ keyword: "ENVID", value: "a b" }]), "parameter ENVID"],
    ["a value with =", Command.mail(from, [{ keyword: "AUTH", value: "e=mc2" }]), "parameter AUTH"],
    ["an empty value", Command.mail(from, [{ keyword: "RET", value: "" }]), "parameter RET"],
    ["a value that is a number", { _tag: "Mail", from, parameters: [{ keyword: "SIZE", value: 5 }] }, "parameter SIZE"],
    ["a keyword with a space", Command.mail(from, [{ keyword: "SIZE=1 X" }]), "parameters"],
    ["a keyword with a line end", Command.mail(from, [{ keyword: "X\r\nQUIT" }]), "parameters"],
    ["an empty keyword", Command.mail(from, [{ keyword: "" }]), "parameters"],
    ["a keyword with a hyphen in front", Command.mail(from, [{ keyword: "-X" }]), "parameters"],
    [
      "DSN-005: a parameter twice",
      Command.mail(from, [
        { keyword: "RET", value: "HDRS" },
        { keyword: "ret", value: "FULL" }
      ]),
      "parameter RET"
    ],
    ["a line end in a comment of NOOP", Command.noop("a\nb"), "text"],
    ["a line end in HELP", Command.help("\rRSET"), "text"],
    ["a question with a command in it", Command.vrfy("a\r\nRSET"), "text"],
    ["a question that is empty", Command.expn(""), "text"],
    ["a C1 control", Command.vrfy("a\u0085b", true), "text"],
    ["half a surrogate pair", Command.vrfy("a\ud800b", true), "text"],
    ["a queue with a line end", Command.etrn("#q\r\nRSET"), "node"],
    ["a queue with a space", Command.etrn("#a b"), "node"],
    ["ETRN of nothing", Command.etrn("@"), "node"],
    ["a mechanism with a line end", Command.auth("PLAIN\r\n"), "mechanism"],
    ["AUTH-001: a mechanism that is too long", Command.auth("A".repeat(21)), "mechanism"],
    ["an initial response with a line end", Command.auth("PLAIN", "AAAA\r\nRSET"), "initial response"],
    ["AUTH-007: an answer that is not base64", Command.authResponse("=AAA"), "response"],
    ["AUTH-007: an answer with padding inside", Command.authResponse("AAA=BBBB"), "response"],
    ["an answer without its padding", Command.authResponse("AAA"), "response"],
    ["an answer that is plain text by mistake", { _tag: "AuthResponse", data: "AAAA" }, "response"],
    ["a chunk of negative size", Command.bdat(-1), "size"],
    ["a chunk of a fractional size", Command.bdat(1.5), "size"],
    ["a chunk whose size is text", { _tag: "Bdat", size: "1\r\nRSET", last: false }, "size"],
    ["an attribute with a line end", Command.xclient({ NAME: "a\r\nb" }), "attribute NAME"],
    ["an attribute without value", Command.xforward({ NAME: "" }), "attribute NAME"],
    ["an attribute with a strange name", Command.xclient({ "A=1 B": "x" }), "attributes"],
    ["SMTP-264: an attribute of 256 characters", Command.xforward({ HELO: "h".repeat(256) }), "attribute HELO"],
    ["no attributes", Command.xclient({}), "attributes"],
    ["a command that does not exist", { _tag: "Shutdown" }, "command"]
  ]

  it.each(hostile)("%s", (_, command, argument) => {
    const error = refused(command)
    assert.strictEqual(error.argument, argument)
    assert.strictEqual(error._tag, "CommandError")
    assert.notMatch(error.message, /[\u0000-\u001f\u007f-\u009f]/)
  })

  it("reads a property once, so that a value cannot change after the check", () => {
    let reads = 0
    const parameter = {
      keyword: "ENVID",
      get value() {
        return reads++ === 0 ? "safe" : "a\r\nRSET"
      }
    }
    assert.strictEqual(line(Command.mail(from, [parameter])), "MAIL FROM:<sender@example.com> ENVID=safe\r\n")
  })

  it("names the command, the argument and the position", () => {
    assert.strictEqual(
      refused(Command.mail(from, [{ keyword: "ENVID", value: "ab c" }])).message,
      "MAIL, parameter ENVID, position 2: a space is not allowed in a value; encode it"
    )
    assert.strictEqual(
      refused(Command.vrfy("a\r\n b")).message,
      "VRFY, text, position 1: the character U+000D is not allowed; remove it"
    )
  })

  it("survives storage", () => {
    const codec = Schema.toCodecJson(Command.CommandError)
    const error = refused(Command.bdat(-1))
    assert.strictEqual(Schema.decodeSync(codec)(Schema.encodeSync(codec)(error)).message, error.message)
  })
})

describe("redacted", () => {
  it("AUTH-031 hides the initial response and every answer", () => {
    assert.strictEqual(Command.redacted(Command.auth("PLAIN", "dGVzdAB0ZXN0ADEyMzQ=")), "AUTH PLAIN ***")
    assert.strictEqual(Command.redacted(Command.auth("PLAIN", "not base64")), "AUTH PLAIN ***")
    assert.strictEqual(Command.redacted(Command.auth("LOGIN")), "AUTH LOGIN")
    assert.strictEqual(Command.redacted(Command.authResponse("c2VjcmV0")), "***")
    assert.strictEqual(Command.redacted(Command.authResponse("")), "***")
    assert.strictEqual(Command.redacted(Command.authCancel), "*")
  })

  it("shows every other command as it is sent", () => {
    assert.strictEqual(
      Command.redacted(Command.mail(from, [{ keyword: "SIZE", value: "1" }])),
      "MAIL FROM:<sender@example.com> SIZE=1"
    )
    assert.strictEqual(Command.redacted(Command.startTls), "STARTTLS")
  })

  it("shows the verb alone of what cannot be encoded", () => {
    assert.strictEqual(Command.redacted(Command.vrfy("a\r\nb")), "VRFY")
    assert.strictEqual(Command.redacted(Command.auth("PLAIN\r\n", "AAAA")), "AUTH")
    assert.strictEqual(Command.redacted({ _tag: "Shutdown" } as unknown as Command.Command), "?")
  })

  it("a command with a secret does not print it", () => {
    const secret = "c2VjcmV0"
    for (const command of [Command.auth("PLAIN", secret), Command.authResponse(secret)]) {
      assert.notInclude(JSON.stringify(command), secret)
    }
    assert.notInclude(refused(Command.auth("PLAIN", `${secret}!`)).message, secret)
    assert.notInclude(refused(Command.authResponse(`${secret}!`)).message, secret)
  })
})

describe("properties", () => {
  const builders: ReadonlyArray<(a: string, b: string) => Command.Command> = [
    (a) => Command.ehlo(a),
    (a) => Command.helo(a),
    (a) => Command.lhlo(a),
    (a, b) => Command.mail(a as Address.Mailbox, [{ keyword: "X", value: b }]),
    (a, b) => Command.mail(`a@${a}` as Address.Mailbox, [{ keyword: b }, { keyword: "SMTPUTF8" }]),
    (a, b) => Command.rcpt(`"${a}"@example.com` as Address.Mailbox, [{ keyword: `X${a}`, value: b }]),
    (a) => Command.send("Saml", `${a}@example.com` as Address.Mailbox),
    (a) => Command.bdat(a as unknown as number),
    (a) => Command.noop(a),
    (a) => Command.help(a),
    (a) => Command.vrfy(a, true),
    (a) => Command.expn(a),
    (a) => Command.etrn(a),
    (a) => Command.etrn(`#${a}`),
    (a) => Command.auth(a),
    (a, b) => Command.auth("PLAIN", a + b),
    (a) => Command.authResponse(a),
    (a, b) => Command.xclient({ [a]: b, NAME: a }),
    (a, b) => Command.xforward({ HELO: a, IDENT: b })
  ]
  const Tricky = Schema.String.check(Schema.isPattern(/^[a@"\\<> =+;\r\n\0\t\u0085\u00fc]{0,16}$/))

  const holds = (a: string, b: string) => {
    for (const build of builders) {
      const command = build(a, b)
      const result = Command.encode(command)
      const text = Result.isSuccess(result) ? result.success.slice(0, -2) : result.failure.message
      assert.notMatch(text, /[\u0000-\u001f\u007f-\u009f]/)
      if (Result.isSuccess(result)) assert.isTrue(text.isWellFormed() && result.success.endsWith("\r\n"))
      assert.notMatch(Command.redacted(command), /[\u0000-\u001f\u007f-\u009f]/)
    }
  }

  it.prop("SMTP-050 no string makes a line with a control character in it", [Schema.String, Schema.String], ([a, b]) =>
    holds(a, b)
  )

  it.prop("SMTP-050 no string made to hurt does, either", [Tricky, Tricky], ([a, b]) => holds(a, b))

  it.prop("every mailbox is written between its brackets as it is", [Address.Mailbox], ([mailbox]) => {
    assert.strictEqual(line(Command.rcpt(mailbox)), `RCPT TO:<${mailbox}>\r\n`)
    assert.strictEqual(line(Command.mail(mailbox)), `MAIL FROM:<${mailbox}>\r\n`)
  })
})
