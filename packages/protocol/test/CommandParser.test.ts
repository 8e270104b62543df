import * as Address from "@effect-mail/protocol/Address"
import * as Command from "@effect-mail/protocol/Command"
import * as CommandParser from "@effect-mail/protocol/CommandParser"
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"

const parsed = (line: string): CommandParser.ClientCommand => Result.getOrThrow(CommandParser.parse(line))
const fields = (line: string): Record<string, unknown> => ({ ...parsed(line) })
const refusal = (line: string): string =>
  Result.match(CommandParser.parse(line), {
    onSuccess: ({ _tag }) => `taken as ${_tag}`,
    onFailure: ({ code, enhanced }) => `${code} ${enhanced}`
  })
const parameters = (line: string): ReadonlyArray<readonly [string, string | undefined]> => {
  const command = parsed(line)
  return command._tag === "Mail" || command._tag === "Rcpt" ? [...command.parameters] : []
}

describe("verbs", () => {
  it("SMTP-003: are read without case", () => {
    for (const verb of ["EHLO", "ehlo", "eHlO"]) {
      assert.deepStrictEqual(parsed(`${verb} Client.Example`), { _tag: "Hello", verb: "EHLO", name: "Client.Example" })
    }
    assert.deepStrictEqual(parsed("helo c"), { _tag: "Hello", verb: "HELO", name: "c" })
    assert.deepStrictEqual(parsed("lhlo c"), { _tag: "Hello", verb: "LHLO", name: "c" })
  })
  it("SMTP-011 SMTP-275 SMTP-276: an unknown one is 500, one of RFC 821 that nobody should use is 502", () => {
    for (const line of ["", " ", "HELLO x", " EHLO x", "EHLO\u00a0x", "constructor", "__proto__ x"]) {
      assert.strictEqual(refusal(line), "500 5.5.1", line)
    }
    for (const line of ["SEND FROM:<a@b.example>", "SOML x", "saml x", "TURN"]) {
      assert.strictEqual(refusal(line), "502 5.5.1", line)
    }
  })
  it("SMTP-003: a letter whose upper case is one of ASCII makes no verb and no keyword", () => {
    for (const line of ["MA\u0131L FROM:<a@b.example>", "R\u017fET", "M\u0130IL FROM:<>", "\ufb01x", "qu\u0131t"]) {
      assert.strictEqual(refusal(line), "500 5.5.1", line)
      assert.strictEqual(CommandParser.verbOf(line), line.split(" ")[0])
    }
    for (const line of [
      "MAIL FROM:<a@b.example> \u017fIZE=1",
      "MAIL FROM:<a@b.example> S\u0131ZE=1",
      "MAIL FROM:<a@b.example> MT-PR\u0131ORITY=1",
      "RCPT TO:<a@b.example> NOT\u0131FY=NEVER",
      "AUTH PLA\u0131N",
      "AUTH \u017fCRAM-SHA-1",
      "BDAT 1 LA\u017fT"
    ]) {
      assert.strictEqual(refusal(line).slice(0, 3), "501", line)
    }
  })
  it("SMTP-033: DATA, RSET, QUIT and STARTTLS take no argument", () => {
    for (const verb of ["DATA", "RSET", "QUIT", "STARTTLS"]) {
      assert.deepInclude(fields(`${verb.toLowerCase()}  `), { _tag: "Plain", verb })
      assert.strictEqual(refusal(`${verb} x`), "501 5.5.4")
    }
  })
  it("SMTP-095: no control character in a line", () => {
    for (const line of ["NOOP a\0b", "NOOP \t", "EHLO a\rb", "QUIT\x7f", "RCPT TO:<a@b.example>\n"]) {
      assert.strictEqual(refusal(line), "500 5.5.2", JSON.stringify(line))
    }
  })
})

describe("EHLO", () => {
  it("SMTP-019 SMTP-020: takes a name or a literal, even one that no host has, but nothing behind it", () => {
    for (const name of ["client.example", "[192.0.2.1]", "[IPv6:2001:db8::1]", "my_laptop", "localhost"]) {
      assert.deepStrictEqual(parsed(`EHLO ${name}`), { _tag: "Hello", verb: "EHLO", name })
    }
    for (const line of ["EHLO", "EHLO ", "HELO", "EHLO a b", "EHLO m\u00fcnchen.example", `EHLO ${"a".repeat(256)}`]) {
      assert.strictEqual(refusal(line), "501 5.5.4", line)
    }
  })
})

describe("MAIL and RCPT", () => {
  it("SMTP-031 SMTP-035: paths, the null path, a space that does not belong there", () => {
    assert.deepInclude(fields("MAIL FROM:<a@b.example>"), { _tag: "Mail", reversePath: "a@b.example" })
    assert.deepInclude(fields("mail from:<a@b.example>"), { reversePath: "a@b.example" })
    assert.deepInclude(fields("MAIL FROM: <a@b.example>"), { reversePath: "a@b.example" })
    assert.deepInclude(fields("MAIL FROM:<>"), { reversePath: "" })
    assert.deepInclude(fields("RCPT TO:<a@b.example>"), { _tag: "Rcpt", forwardPath: "a@b.example" })
  })
  it("SMTP-032: Postmaster without a domain", () => {
    for (const path of ["<Postmaster>", "<postmaster>", "<POSTMASTER>"]) {
      assert.deepInclude(fields(`RCPT TO:${path}`), { forwardPath: "postmaster" })
    }
    assert.strictEqual(refusal("MAIL FROM:<postmaster>"), "553 5.1.7")
  })
  it("SMTP-277: a source route is read and ignored", () => {
    assert.deepInclude(fields("RCPT TO:<@one.example,@two.example:a@b.example>"), { forwardPath: "a@b.example" })
  })
  it("SMTP-051 GHSA-mm7p-fcc7-pg87: a quoted local part may hold what would end the path", () => {
    for (const path of [
      '<"a>b"@c.example>',
      '<"a b"@c.example>',
      '<"a@evil.example"@c.example>',
      '<"\\">"@c.example>'
    ]) {
      assert.strictEqual(refusal(`RCPT TO:${path}`), "taken as Rcpt", path)
      assert.isTrue(String(Object.values(parsed(`RCPT TO:${path}`))[1]).endsWith("@c.example"), path)
    }
    assert.deepStrictEqual(parameters('RCPT TO:<"a> NOTIFY=NEVER"@c.example>'), [])
  })
  it("CMD-003 CMD-004: what is no path is 501, what is no address 553", () => {
    for (const line of [
      "MAIL",
      "MAIL a@b.example",
      "MAIL FROM:a@b.example",
      "MAIL FROM:<a@b.example",
      "MAIL FROM:  <a@b.example>",
      "MAIL FROM:",
      "MAIL TO:<a@b.example>",
      "RCPT FROM:<a@b.example>",
      'MAIL FROM:<"a@b.example>'
    ]) {
      assert.strictEqual(refusal(line), "501 5.5.4", line)
    }
    for (const path of ["<a>", "<a@>", "<@b.example>", "<a b@c.example>", "<a@-b.example>", "<a..b@c.example>"]) {
      assert.strictEqual(refusal(`MAIL FROM:${path}`), "553 5.1.7", path)
      assert.strictEqual(refusal(`RCPT TO:${path}`), "553 5.1.3", path)
    }
    assert.strictEqual(refusal("RCPT TO:<>"), "553 5.1.3")
  })
  it("SMTP-041: parameters by keyword, without case, with and without a value", () => {
    assert.deepStrictEqual(parameters("MAIL FROM:<> size=1000  BODY=8BITMIME SMTPUTF8 "), [
      ["SIZE", "1000"],
      ["BODY", "8BITMIME"],
      ["SMTPUTF8", undefined]
    ])
    assert.deepStrictEqual(parameters("MAIL FROM:<> XVERP=+= ENVID=a+3Db"), [
      ["XVERP", "+="],
      ["ENVID", "a+3Db"]
    ])
  })
  it("DSN-005 SMTP-041: 501 for a parameter that cannot be read or comes twice", () => {
    for (const text of [
      " SIZE=1 SIZE=2",
      " SIZE=1 size=1",
      " SIZE=",
      " =1",
      " -A=1",
      " A_B=1",
      " A=b=c",
      "SIZE=1",
      " __proto__=1"
    ]) {
      assert.strictEqual(refusal(`MAIL FROM:<a@b.example>${text}`), "501 5.5.4", text)
    }
    assert.strictEqual(refusal("RCPT TO:<a@b.example>x"), "501 5.5.4")
  })
})

describe("BDAT", () => {
  it("SMTP-150 SMTP-151: a size and perhaps LAST", () => {
    assert.deepStrictEqual(parsed("BDAT 86 LAST"), { _tag: "Bdat", size: 86, last: true })
    assert.deepStrictEqual(parsed("bdat 0 last"), { _tag: "Bdat", size: 0, last: true })
    assert.deepStrictEqual(parsed("BDAT 86"), { _tag: "Bdat", size: 86, last: false })
    for (const argument of [
      "",
      "LAST",
      "-1",
      "1.5",
      "0x10",
      "1e3",
      "86 LAST x",
      "86  LAST",
      "86 FIRST",
      "9".repeat(16)
    ]) {
      assert.strictEqual(refusal(`BDAT ${argument}`), "501 5.5.4", argument)
    }
  })
})

describe("AUTH", () => {
  it("AUTH-001 AUTH-004: a mechanism and perhaps a response", () => {
    assert.deepStrictEqual(parsed("auth plain"), { _tag: "Auth", mechanism: "PLAIN", initial: undefined })
    assert.deepStrictEqual(parsed("AUTH EXTERNAL ="), { _tag: "Auth", mechanism: "EXTERNAL", initial: "=" })
    assert.deepStrictEqual(parsed("AUTH PLAIN dGVzdA=="), { _tag: "Auth", mechanism: "PLAIN", initial: "dGVzdA==" })
    for (const argument of ["", "PLAIN a b", "PL.AIN", "A".repeat(21), "PLAIN  "]) {
      const expected = argument === "PLAIN  " ? "taken as Auth" : "501 5.5.4"
      assert.strictEqual(refusal(`AUTH ${argument}`), expected, argument)
    }
  })
})

describe("questions", () => {
  it("SMTP-034 CMD-009..012: an argument where there has to be one", () => {
    for (const verb of ["VRFY", "EXPN"] as const) {
      const query = { _tag: "Query", verb, argument: "J\u00f8rgen", utf8: false } as const
      assert.deepStrictEqual(parsed(`${verb.toLowerCase()} J\u00f8rgen`), query)
      assert.deepStrictEqual(parsed(`${verb} J\u00f8rgen  smtputf8`), { ...query, utf8: true })
      assert.deepStrictEqual(parsed(`${verb} SMTPUTF8`), { ...query, argument: "SMTPUTF8" })
      assert.deepStrictEqual(parsed(`${verb} a \u017fMTPUTF8`), { ...query, argument: "a \u017fMTPUTF8" })
      assert.strictEqual(refusal(verb), "501 5.5.4")
    }
    for (const verb of ["NOOP", "HELP"] as const) {
      assert.deepStrictEqual(parsed(verb), { _tag: "Ask", verb, argument: "" })
      assert.deepStrictEqual(parsed(`${verb} a b`), { _tag: "Ask", verb, argument: "a b" })
    }
  })
})

describe("ETRN", () => {
  it("SMTP-240: a domain, one with its subdomains, or a queue", () => {
    for (const argument of ["example.com", "@example.com", "#queue_1"]) {
      assert.deepStrictEqual(parsed(`ETRN ${argument}`), { _tag: "Ask", verb: "ETRN", argument })
    }
    for (const argument of ["", "@", "#", "a b", "J\u00f8rgen", "#a b", "a@b", "@#a", "a".repeat(256)]) {
      assert.strictEqual(refusal(`ETRN ${argument}`), "501 5.5.4", argument)
    }
  })
})

describe("XCLIENT and XFORWARD", () => {
  const attributes = (line: string): ReadonlyArray<readonly [string, string]> => {
    const command = parsed(line)
    return command._tag === "Proxy" ? [...command.attributes] : []
  }
  it("SMTP-260 SMTP-264: names and xtext", () => {
    assert.deepInclude(fields("xclient addr=192.0.2.1"), { _tag: "Proxy", verb: "XCLIENT" })
    assert.deepInclude(fields("XFORWARD SOURCE=LOCAL"), { _tag: "Proxy", verb: "XFORWARD" })
    assert.deepStrictEqual(attributes("XCLIENT name=spike.example  ADDR=IPV6:2001:db8::1 LOGIN=a+2Bb+20c"), [
      ["NAME", "spike.example"],
      ["ADDR", "IPV6:2001:db8::1"],
      ["LOGIN", "a+b c"]
    ])
    assert.deepStrictEqual(attributes("XCLIENT NAME=[UNAVAILABLE]"), [["NAME", "[UNAVAILABLE]"]])
  })
  it("SMTP-260 SMTP-264: what cannot be read is 501", () => {
    for (const argument of [
      "",
      "NAME",
      "NAME=",
      "=x",
      "N4ME=x",
      "NAME=a=b",
      "NAME=a+2",
      "NAME=a+0g",
      "NAME=+FF",
      "NAME=a NAME=b",
      "NAME=a name=b",
      `NAME=${"x".repeat(256)}`,
      "H\u0065LO=x \u017fOURCE=x",
      "NAME=\u00f8"
    ]) {
      assert.strictEqual(refusal(`XCLIENT ${argument}`), "501 5.5.4", argument)
      assert.strictEqual(refusal(`XFORWARD ${argument}`), "501 5.5.4", argument)
    }
    assert.lengthOf(attributes(`XFORWARD IDENT=${"x".repeat(255)}`), 1)
  })
})

describe("what the client writes", () => {
  const text = (pattern: RegExp) => Schema.String.check(Schema.isPattern(pattern))
  const Value = text(/^[!-<>-~]{1,12}$/)
  const Parameters = Schema.Record(text(/^[A-Z][A-Z0-9-]{0,6}$/), Schema.UndefinedOr(Value))
  const lineOf = (command: Command.Command): string => Result.getOrThrow(Command.encode(command)).slice(0, -2)
  const listed = (drawn: typeof Parameters.Type) =>
    Object.entries(drawn).map(([keyword, value]) => ({ keyword, value }))

  it.prop(
    "SMTP-041 SMTP-051: is read as it was meant: MAIL and RCPT",
    { local: text(/^[a-z"\\ >@<.,]{1,12}$/), null_: Schema.Boolean, drawn: Parameters },
    ({ drawn, local, null_ }) => {
      const address = Address.make(local, "c.example")
      if (Result.isFailure(address)) return
      const from = null_ ? "" : address.success
      const expected = new Map(Object.entries(drawn))
      assert.deepStrictEqual(parsed(lineOf(Command.mail(from, listed(drawn)))), {
        _tag: "Mail",
        reversePath: from,
        parameters: expected
      })
      const to = null_ ? "postmaster" : address.success
      assert.deepStrictEqual(parsed(lineOf(Command.rcpt(to, listed(drawn)))), {
        _tag: "Rcpt",
        forwardPath: to,
        parameters: expected
      })
    }
  )
  it.prop("BDAT", { size: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)), last: Schema.Boolean }, (drawn) => {
    const { last, size } = drawn
    const command = CommandParser.parse(lineOf(Command.bdat(size, last)))
    if (size <= 999_999_999_999_999) assert.deepStrictEqual(Result.getOrThrow(command), { _tag: "Bdat", size, last })
  })
  it("everything else", () => {
    for (const [command, tag] of [
      [Command.ehlo("m\u00fcnchen.example"), "Hello"],
      [Command.helo("[192.0.2.1]"), "Hello"],
      [Command.lhlo("a.example"), "Hello"],
      [Command.data, "Plain"],
      [Command.rset, "Plain"],
      [Command.quit, "Plain"],
      [Command.startTls, "Plain"],
      [Command.noop("x"), "Ask"],
      [Command.help(), "Ask"],
      [Command.vrfy("a", true), "Query"],
      [Command.expn("a"), "Query"],
      [Command.xclient({ NAME: "a b", ADDR: "192.0.2.1" }), "Proxy"],
      [Command.xforward({ SOURCE: "LOCAL" }), "Proxy"],
      [Command.etrn("#queue"), "Ask"],
      [Command.auth("PLAIN", ""), "Auth"]
    ] as const) {
      assert.strictEqual(parsed(lineOf(command))._tag, tag)
    }
  })
  it.prop("whatever comes, there is an answer", { line: Schema.String }, ({ line }) => {
    const result = CommandParser.parse(line)
    if (Result.isFailure(result)) assert.isAbove(result.failure.code, 499)
  })
  it("GHSA-4ffr-jq9g-5ffx: a line of any length is read in one pass", () => {
    // Quadratic time would be many hours.
    const length = 500_000
    for (const filler of [" ", "<", '"', "\\", " A=b", "=", "a.", "@", ">"]) {
      for (const start of ["MAIL FROM:<", "RCPT TO:<a@b.example> ", "BDAT ", "AUTH ", "EHLO "]) {
        const line = start + filler.repeat(length / filler.length)
        assert.match(refusal(`${line}x`), /^5|^taken/)
      }
    }
  })
})
