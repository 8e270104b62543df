import * as Capabilities from "@effect-mail/protocol/Capabilities"
import * as Greeting from "@effect-mail/protocol/Greeting"
import * as Reply from "@effect-mail/protocol/Reply"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { TextOf } from "./chunks.ts"

const ehlo = (...lines: ReadonlyArray<string>) => Capabilities.fromReply(Reply.make(250, "mx.example.com", ...lines))

const noLimits = { mailMax: undefined, rcptMax: undefined, rcptDomainMax: undefined }

describe("Capabilities", () => {
  it("V-025: reads the reply to EHLO", () => {
    const server = Capabilities.fromReply(
      Reply.make(
        250,
        "mx.example.com Hello [192.0.2.9]",
        "PIPELINING",
        "SIZE 35882577",
        "8bitmime",
        "AUTH PLAIN LOGIN",
        "AUTH=LOGIN",
        "STARTTLS",
        "SMTPUTF8 junk",
        "ENHANCEDSTATUSCODES",
        "LIMITS MAILMAX=10 RCPTMAX=100",
        "XCLIENT NAME ADDR"
      )
    )
    assert.strictEqual(server.domain, "mx.example.com")
    assert.strictEqual(server.greeting, "Hello [192.0.2.9]")
    assert.deepStrictEqual(server.keywords, [
      "PIPELINING",
      "SIZE",
      "8BITMIME",
      "AUTH",
      "STARTTLS",
      "SMTPUTF8",
      "ENHANCEDSTATUSCODES",
      "LIMITS",
      "XCLIENT"
    ])
    assert.strictEqual(server.size, 35882577)
    assert.deepStrictEqual(server.authMechanisms, ["PLAIN", "LOGIN"])
    assert.deepStrictEqual(server.limits, { mailMax: 10, rcptMax: 100, rcptDomainMax: undefined })
    assert.deepStrictEqual(server.parameters("xclient"), ["NAME", "ADDR"])
    assert.isTrue(server.supports("smtputf8"))
    assert.isTrue(server.supports("8BITMIME"))
    assert.isFalse(server.supports("CHUNKING"))
    assert.deepStrictEqual(server.parameters("CHUNKING"), [])
  })

  it("V-026, EHLO-005: a reply of one line offers nothing", () => {
    const server = ehlo()
    assert.strictEqual(server.domain, "mx.example.com")
    assert.strictEqual(server.greeting, "")
    assert.deepStrictEqual(server.keywords, [])
    assert.deepStrictEqual(Capabilities.none("mx.example.com"), server)
    assert.strictEqual(Capabilities.none().domain, "")
  })

  it("V-027: knows no size limit from SIZE alone, 0, or what is no number", () => {
    for (const line of ["SIZE", "SIZE 0", "SIZE abc", "SIZE -1", "SIZE 1e9", `SIZE ${"9".repeat(21)}`]) {
      assert.isTrue(ehlo(line).supports("SIZE"))
      assert.isUndefined(ehlo(line).size, line)
    }
    assert.strictEqual(ehlo("SIZE 1").size, 1)
    assert.isUndefined(ehlo().size)
  })

  it("V-028, SMTP-245: ignores one malformed number, and the whole list when an item is malformed", () => {
    assert.deepStrictEqual(ehlo("LIMITS RCPTMAX=abc MAILMAX=5").limits, { ...noLimits, mailMax: 5 })
    assert.deepStrictEqual(ehlo("LIMITS =5").limits, noLimits)
    assert.deepStrictEqual(ehlo("LIMITS MAILMAX=5 junk").limits, noLimits)
    assert.deepStrictEqual(ehlo("LIMITS").limits, noLimits)
    assert.deepStrictEqual(ehlo("LIMITS RCPTMAX=0 MAILMAX=1000000 rcptdomainmax=3 OTHER=7").limits, {
      ...noLimits,
      rcptDomainMax: 3
    })
  })

  it("EHLO-002, EHLO-003: merges mechanisms of several AUTH lines, the last of other keywords wins", () => {
    const server = ehlo("AUTH=plain", "AUTH LOGIN PLAIN", "AUTH\tXOAUTH2  CRAM-MD5 ", "SIZE 1", "SIZE 2")
    assert.deepStrictEqual(server.authMechanisms, ["PLAIN", "LOGIN", "XOAUTH2", "CRAM-MD5"])
    assert.strictEqual(server.size, 2)
  })

  it("SMTP-255, SMTP-257: reads what DELIVERBY and FUTURERELEASE allow", () => {
    assert.strictEqual(ehlo("DELIVERBY 240").deliverByMinimum, 240)
    assert.strictEqual(ehlo("DELIVERBY 0").deliverByMinimum, 0)
    assert.isUndefined(ehlo("DELIVERBY").deliverByMinimum)
    assert.deepStrictEqual(ehlo("FUTURERELEASE 604800 2030-01-01T00:00:00Z").futureRelease, {
      maxSeconds: 604800,
      maxDateTime: "2030-01-01T00:00:00Z"
    })
    for (const line of [
      "FUTURERELEASE",
      "FUTURERELEASE 604800",
      "FUTURERELEASE x 2030-01-01T00:00:00Z",
      "FUTURERELEASE 1 soon"
    ]) {
      assert.isUndefined(ehlo(line).futureRelease, line)
    }
  })

  it("CVE-2026-34752: no keyword reaches a prototype", () => {
    const server = ehlo("__proto__ x", "constructor", "AUTH __proto__ constructor", "LIMITS constructor=1")
    assert.isFalse(server.supports("toString"))
    assert.isFalse(server.supports("__proto__"))
    assert.isTrue(server.supports("constructor"))
    assert.deepStrictEqual(server.parameters("hasOwnProperty"), [])
    assert.deepStrictEqual(server.authMechanisms, ["__PROTO__", "CONSTRUCTOR"])
    assert.deepStrictEqual(server.limits, noLimits)
    assert.isFalse(ehlo().supports("constructor"))
  })

  it("leaves out lines that are no keyword", () => {
    assert.deepStrictEqual(ehlo("", "  ", "-X", "B\u00dcCHER", "<html>", "a".repeat(65), "OK").keywords, ["OK"])
  })

  it("keeps a bounded number of keywords and mechanisms", () => {
    const many = Array.from({ length: 500 }, (_, i) => `X${i}`)
    assert.strictEqual(ehlo(...many).keywords.length, 128)
    assert.strictEqual(ehlo(...many.map((name) => `AUTH ${name}`)).authMechanisms.length, 128)
    assert.strictEqual(ehlo(`AUTH ${many.join(" ")}`).authMechanisms.length, 128)
    assert.strictEqual(ehlo(`X=a ${many.join(" ")}`).parameters("X").length, 128)
    assert.strictEqual(ehlo(...many, "X5 last").parameters("X5")[0], "last")
  })

  it("EHLO-001: a letter whose upper case is one of ASCII makes no keyword and no mechanism", () => {
    const server = ehlo("\u017fTARTTLS", "P\u0131PELINING", "AUTH PLA\u0131N \u017fCRAM-\u017fHA-1", "SIZE 1")
    assert.deepStrictEqual(server.keywords, ["AUTH", "SIZE"])
    assert.deepStrictEqual(server.authMechanisms, ["PLA\u0131N", "\u017fCRAM-\u017fHA-1"])
    assert.isFalse(server.supports("\u017fIZE"))
    assert.deepStrictEqual(server.parameters("S\u0131ZE"), [])
  })

  it("EHLO-004 SMTP-170: parameters that a keyword should not have do not hide it", () => {
    const server = ehlo("SMTPUTF8 junk", "STARTTLS now", "PIPELINING yes", "8BITMIME 1", "LIMITS =5")
    for (const keyword of ["SMTPUTF8", "STARTTLS", "PIPELINING", "8BITMIME"]) assert.isTrue(server.supports(keyword))
    assert.deepStrictEqual(server.limits, noLimits)
  })

  it("EHLO-007 EHLO-008 SMTP-024 SMTP-259: every keyword can be asked for, known or not, with its raw parameters", () => {
    const known: ReadonlyArray<Capabilities.Keyword> = [
      "8BITMIME",
      "ATRN",
      "AUTH",
      "BINARYMIME",
      "BURL",
      "CHECKPOINT",
      "CHUNKING",
      "CONNEG",
      "CONPERM",
      "DELIVERBY",
      "DSN",
      "ENHANCEDSTATUSCODES",
      "ETRN",
      "EXPN",
      "FUTURERELEASE",
      "HELP",
      "LIMITS",
      "MT-PRIORITY",
      "MTRK",
      "NO-SOLICITING",
      "PIPELINING",
      "REQUIRETLS",
      "RRVS",
      "SAML",
      "SEND",
      "SIZE",
      "SMTPUTF8",
      "SOML",
      "STARTTLS",
      "SUBMITTER",
      "TURN",
      "UTF8SMTP",
      "VERB",
      "VRFY",
      "XCLIENT",
      "XFORWARD",
      "XVERP"
    ]
    const server = ehlo(...known.map((keyword) => `${keyword.toLowerCase()} one Two`), "X-Mine  a=b  C")
    assert.deepStrictEqual(server.keywords, [...known, "X-MINE"])
    for (const keyword of known) assert.deepStrictEqual(server.parameters(keyword), ["one", "Two"])
    assert.deepStrictEqual(server.parameters("x-mine"), ["a=b", "C"])
    assert.isTrue(server.supports("x-mine"))
    assert.isFalse(server.supports("X-OTHER"))
  })

  it("GHSA-4ffr-jq9g-5ffx: a line padded with blanks costs no more than its length", () => {
    const server = ehlo("AUTH" + " ".repeat(1_000_000) + "PLAIN" + " \t".repeat(500_000) + "x")
    assert.deepStrictEqual(server.authMechanisms, ["PLAIN", "X"])
  })

  it("is what a server replies, and reads back the same", () => {
    const server = Capabilities.make({
      domain: "mx.example.com",
      greeting: "at your service",
      keywords: ["PIPELINING", "size 1000", "AUTH PLAIN", "AUTH LOGIN"]
    })
    const reply = Capabilities.toReply(server)
    assert.deepStrictEqual(
      Reply.format(reply),
      Result.succeed(
        "250-mx.example.com at your service\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250 AUTH PLAIN LOGIN\r\n"
      )
    )
    assert.deepStrictEqual(Capabilities.toReply(Capabilities.fromReply(reply)), reply)
    assert.deepStrictEqual(
      Reply.format(Capabilities.toReply(Capabilities.none("a.example"))),
      Result.succeed("250 a.example\r\n")
    )
  })

  it.prop(
    "reads any lines without throwing, and its own reply as itself",
    {
      lines: TextOf(
        "AUTH",
        "AUTH=X",
        "SIZE 1",
        "SIZE",
        " ",
        "=",
        "LIMITS a=1",
        "LIMITS RCPTMAX=4",
        "__proto__",
        "x y  z"
      )
    },
    ({ lines }) => {
      const server = ehlo(...lines)
      const again = Capabilities.fromReply(Capabilities.toReply(server))
      assert.deepStrictEqual(again, server)
      assert.deepStrictEqual(
        again.keywords.map((keyword) => again.parameters(keyword)),
        server.keywords.map((keyword) => server.parameters(keyword))
      )
    }
  )
})

describe("Greeting", () => {
  it("SMTP-017: has the server's name first", () => {
    assert.deepStrictEqual(Greeting.fromReply(Reply.make(220, "mx.example.com ESMTP Postfix")), {
      domain: "mx.example.com",
      text: "mx.example.com ESMTP Postfix",
      esmtp: true
    })
    assert.deepStrictEqual(Greeting.fromReply(Reply.make(220, "[192.0.2.1] Simple Mail Transfer")), {
      domain: "[192.0.2.1]",
      text: "[192.0.2.1] Simple Mail Transfer",
      esmtp: false
    })
    assert.strictEqual(Greeting.fromReply(Reply.make(220, "localhost ready")).domain, "localhost")
    assert.strictEqual(Greeting.fromReply(Reply.make(220)).domain, "")
  })

  it("V-016: finds the name among several lines", () => {
    assert.deepStrictEqual(Greeting.fromReply(Reply.make(220, "one", "two", "mx.example.com ESMTP")), {
      domain: "mx.example.com",
      text: "one two mx.example.com ESMTP",
      esmtp: true
    })
  })

  it("is what a server says first", () => {
    assert.deepStrictEqual(Greeting.toReply("mx.example.com", "ready").lines, ["mx.example.com ESMTP ready"])
    assert.strictEqual(Greeting.fromReply(Greeting.toReply("mx.example.com")).domain, "mx.example.com")
  })
})
