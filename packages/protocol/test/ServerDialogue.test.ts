import * as Reply from "@effect-mail/protocol/Reply"
import * as ServerDialogue from "@effect-mail/protocol/ServerDialogue"
import { assert, describe, it } from "@effect/vitest"
import { Redacted, Result } from "effect"
import { b64 } from "./fixtures/sasl.ts"
import { type Decide, host as makeHost, type Host } from "./support/host.ts"

type Options = Partial<ServerDialogue.ServerOptions>

// The codes of the replies, with the enhanced status where there is one; a reply of several lines once.
const codes = (said: string): string =>
  said
    .split("\r\n")
    .filter((line) => /^\d{3}( |$)/.test(line))
    .map((line) => /^\d{3}( [245]\.\d+\.\d+)?/.exec(line)?.[0])
    .join(", ")

const open = (options: Options = {}, decide?: Decide, secure?: boolean) => {
  const server = makeHost(options, decide, secure)
  const greeting = server.hear("")
  return { server, greeting, tell: (...lines: ReadonlyArray<string>) => codes(say(server, ...lines)) }
}
const say = (server: Host, ...lines: ReadonlyArray<string>): string =>
  server.hear(lines.map((line) => `${line}\r\n`).join(""))

// A session that has said EHLO.
const greeted = (options: Options = {}, decide?: Decide, secure?: boolean) => {
  const session = open(options, decide, secure)
  say(session.server, `${options.protocol === "lmtp" ? "LHLO" : "EHLO"} client.example`)
  return session
}
const transaction = ["MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>"]
const message = "Subject: x\r\n\r\n..dot\r\n.\r\n"
const received = "Subject: x\r\n\r\n.dot\r\n"

const offers = (options: Options = {}, secure?: boolean): ReadonlyArray<string> => {
  const { server } = open(options, undefined, secure)
  const said = say(server, `${options.protocol === "lmtp" ? "LHLO" : "EHLO"} client.example`)
  return said
    .split("\r\n")
    .slice(1, -1)
    .map((line) => line.slice(4))
}

describe("the greeting", () => {
  it("SMTP-017 CMD-001: is what the application says", () => {
    const { greeting, server } = open({}, (question) =>
      question._tag === "Connect" ? "220 mx.example.net\r\n220 hello" : undefined
    )
    assert.strictEqual(greeting, "220-mx.example.net\r\n220 hello\r\n")
    assert.isFalse(server.closed())
  })
  it("SMTP-018: after 554 only QUIT is answered", () => {
    const { server, tell } = open({}, ({ _tag }) => (_tag === "Connect" ? "554 no mail here" : undefined))
    assert.strictEqual(
      tell("EHLO client.example", "MAIL FROM:<>", "garbage", "QUITE", "QU\u0131T"),
      "503 5.5.1, 503 5.5.1, 503 5.5.1, 503 5.5.1, 503 5.5.1"
    )
    assert.isFalse(server.closed())
    assert.strictEqual(tell("quit"), "221 2.0.0")
    assert.isTrue(server.closed())
  })
  it("SMTP-018: a client that is turned away may just go", () => {
    const { server } = open({}, ({ _tag }) => (_tag === "Connect" ? "554 no mail here" : undefined))
    server.hangUp()
    assert.isTrue(server.closed())
  })
  it("SMTP-017: 421 ends it", () => {
    const { greeting, server } = open({}, ({ _tag }) => (_tag === "Connect" ? "421 4.3.2 busy" : undefined))
    assert.strictEqual(greeting, "421 4.3.2 busy\r\n")
    assert.isTrue(server.closed())
  })
  it("an application without an answer is a temporary failure", () => {
    const dialogue = ServerDialogue.serve(ServerDialogue.standard)
    dialogue.next({})
    const step = dialogue.next({})
    assert.deepStrictEqual(step.value, { _tag: "Say", reply: Reply.make(451, "4.3.0 No answer") })
  })
})

describe("EHLO", () => {
  it("EHLO-001 SMTP-120: its lines", () => {
    assert.deepStrictEqual(offers(), [
      "PIPELINING",
      "8BITMIME",
      "SMTPUTF8",
      "ENHANCEDSTATUSCODES",
      "DSN",
      "CHUNKING",
      "STARTTLS",
      `SIZE ${32 * 1024 * 1024}`
    ])
  })
  it("each extension can be switched off or on", () => {
    for (const [option, keyword] of [
      ["pipelining", "PIPELINING"],
      ["eightBitMime", "8BITMIME"],
      ["smtpUtf8", "SMTPUTF8"],
      ["enhancedStatusCodes", "ENHANCEDSTATUSCODES"],
      ["dsn", "DSN"],
      ["chunking", "CHUNKING"],
      ["startTls", "STARTTLS"]
    ] as const) {
      assert.include(offers(), keyword)
      assert.notInclude(offers({ [option]: false }), keyword)
    }
    assert.include(offers({ binaryMime: true }), "BINARYMIME")
    assert.notInclude(offers({ binaryMime: true, chunking: false }), "BINARYMIME")
    assert.include(offers({ limits: true, maxRecipients: 7 }), "LIMITS RCPTMAX=7")
    assert.include(offers({ keywords: ["XCLIENT NAME ADDR"] }), "XCLIENT NAME ADDR")
  })
  it("TLS-007: STARTTLS is not offered under TLS", () => {
    assert.notInclude(offers({}, true), "STARTTLS")
  })
  it("SMTP-019 CMD-002: names the server and greets as the application says", () => {
    const { server } = open({ name: "mx.example.net" }, (question) =>
      question._tag === "Hello" ? `250 hello ${question.name}` : undefined
    )
    assert.match(say(server, "EHLO client.example"), /^250-mx\.example\.net hello client\.example\r\n/)
  })
  it("the application may refuse", () => {
    const { tell } = open({}, ({ _tag }) => (_tag === "Hello" ? "550 5.7.1 no" : undefined))
    assert.strictEqual(tell("EHLO client.example", "MAIL FROM:<>"), "550 5.7.1, 503 5.5.1")
  })
  it("SMTP-250: LMTP wants LHLO, SMTP does not know it", () => {
    assert.strictEqual(open().tell("LHLO client.example"), "500 5.5.1")
    const lmtp = open({ protocol: "lmtp" })
    assert.strictEqual(lmtp.tell("EHLO client.example", "HELO client.example"), "500 5.5.1, 500 5.5.1")
    assert.strictEqual(lmtp.tell("LHLO client.example"), "250")
  })
  it("V-127: HELO knows no extensions", () => {
    const { server, tell } = open()
    assert.strictEqual(say(server, "HELO client.example"), "250 mail.example.com\r\n")
    assert.strictEqual(tell("MAIL FROM:<a@b.example> SIZE=1", "MAIL FROM:<a@b.example>"), "555 5.5.4, 250 2.1.0")
  })
})

describe("the order of commands", () => {
  it("SMTP-008 SMTP-005: EHLO, MAIL, RCPT, DATA, and 503 for everything else", () => {
    const { tell } = open()
    assert.strictEqual(
      tell("MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA"),
      "503 5.5.1, 503 5.5.1, 503 5.5.1"
    )
    assert.strictEqual(tell("EHLO client.example", "RCPT TO:<c@d.example>", "DATA"), "250, 503 5.5.1, 503 5.5.1")
    assert.strictEqual(tell("MAIL FROM:<a@b.example>", "DATA"), "250 2.1.0, 554 5.5.1")
    assert.strictEqual(tell("RCPT TO:<c@d.example>", "DATA"), "250 2.1.5, 354")
    assert.strictEqual(codes(say(makeHost(), "")), "220, 500 5.5.1")
  })
  it("SMTP-007: MAIL within a transaction is refused and changes nothing", () => {
    const { server, tell } = greeted()
    assert.strictEqual(tell(...transaction, "MAIL FROM:<x@y.example>", "DATA"), "250 2.1.0, 250 2.1.5, 503 5.5.1, 354")
    server.hear(message)
    assert.strictEqual(server.mails[0]?.transaction.reversePath, "a@b.example")
  })
  it("SMTP-006 SMTP-013: RSET and EHLO forget the transaction", () => {
    for (const forget of ["RSET", "EHLO client.example", "HELO client.example"]) {
      const { tell } = greeted()
      assert.match(tell(...transaction, forget, "RCPT TO:<c@d.example>"), /, 503 5\.5\.1$/)
      assert.strictEqual(tell("MAIL FROM:<a@b.example>"), "250 2.1.0")
    }
  })
  it("SMTP-009: NOOP, HELP, VRFY, EXPN and RSET at any time, also before EHLO", () => {
    const { tell } = open()
    assert.strictEqual(
      tell("NOOP", "HELP", "VRFY a", "EXPN a", "RSET"),
      "250 2.0.0, 252 2.5.2, 252 2.5.2, 252 2.5.2, 250 2.0.0"
    )
    assert.match(greeted().tell(...transaction, "NOOP", "DATA"), /354$/)
  })
  it("SMTP-010: QUIT is answered and ends it", () => {
    const { server, tell } = greeted()
    assert.strictEqual(tell("QUIT", "NOOP"), "221 2.0.0")
    assert.isTrue(server.closed())
  })
  it("SMTP-011: unknown commands do not end it", () => {
    const { server, tell } = greeted()
    assert.strictEqual(
      tell("FOO", "SEND FROM:<a@b.example>", "TURN", "DATA x"),
      "500 5.5.1, 502 5.5.1, 502 5.5.1, 501 5.5.4"
    )
    assert.isFalse(server.closed())
  })
  it("the application may refuse sender and recipient, and 421 of it ends the session", () => {
    const { tell } = greeted({}, (question) => {
      if (question._tag === "Mail") return question.reversePath === "" ? "550 5.7.1 no bounces" : undefined
      return question._tag === "Rcpt" && question.forwardPath === "no@d.example" ? "550 5.1.1 no" : undefined
    })
    assert.strictEqual(tell("MAIL FROM:<>", "RCPT TO:<c@d.example>"), "550 5.7.1, 503 5.5.1")
    assert.strictEqual(
      tell("MAIL FROM:<a@b.example>", "RCPT TO:<no@d.example>", "DATA"),
      "250 2.1.0, 550 5.1.1, 554 5.5.1"
    )
    for (const tag of ["Mail", "Rcpt", "Data", "Message"] as const) {
      const { server, tell } = greeted({}, ({ _tag }) => (_tag === tag ? "421 4.3.2 bye" : undefined))
      assert.match(tell(...transaction, "DATA", "Subject: x", ".", "NOOP"), /421 4\.3\.2$/)
      assert.isTrue(server.closed())
    }
  })
  it("251 takes a recipient, too", () => {
    const { tell } = greeted({}, ({ _tag }) => (_tag === "Rcpt" ? "251 2.1.5 will forward" : undefined))
    assert.match(tell(...transaction, "DATA"), /354$/)
  })
  it("the client may be gone at any time", () => {
    for (const lines of [
      [],
      ["EHLO c"],
      ["EHLO c", ...transaction],
      ["EHLO c", ...transaction, "DATA", "x"],
      ["BDAT 9"]
    ]) {
      const { server } = open()
      say(server, ...lines)
      server.hangUp()
      assert.isTrue(server.closed())
      assert.lengthOf(server.mails, 0)
    }
  })
})

describe("DATA", () => {
  it("SMTP-092 SMTP-093: takes the message without its dots and asks the application", () => {
    const { server, tell } = greeted()
    tell(...transaction, "DATA")
    assert.strictEqual(codes(server.hear(message)), "250 2.0.0")
    const [mail] = server.mails
    assert.strictEqual(mail?.content, received)
    assert.deepStrictEqual(mail?.recipients, ["c@d.example"])
    assert.strictEqual(tell("DATA", "MAIL FROM:<a@b.example>"), "503 5.5.1, 250 2.1.0")
  })
  it("the application may refuse DATA, or the message", () => {
    const early = greeted({}, ({ _tag }) => (_tag === "Data" ? "451 4.3.0 later" : undefined))
    assert.match(early.tell(...transaction, "DATA", "NOOP"), /451 4\.3\.0, 250 2\.0\.0$/)
    const late = greeted({}, ({ _tag }) => (_tag === "Message" ? "554 5.7.1 spam" : undefined))
    assert.match(late.tell(...transaction, "DATA", "x", ".", "DATA"), /354, 554 5\.7\.1, 503 5\.5\.1$/)
  })
  it("SMTP-095 SMTP-097 V-047 V-048 CVE-2023-51764..51766: a bare CR or LF ends nothing, and the message is refused", () => {
    const evil = "MAIL FROM:<evil@b.example>\r\nRCPT TO:<victim@d.example>\r\nDATA\r\nsmuggled\r\n.\r\n"
    for (const end of ["\n.\n", "\n.\r\n", "\r.\r", "\r\n.\r", "\r\n.\n", "\n.\r", "\r.\r\n", "\r\n\0.\r\n"]) {
      for (const size of [1, 2, 3, Infinity]) {
        const { server } = greeted()
        say(server, ...transaction, "DATA")
        const answers = codes(server.hear(`x${end}${evil}`, size))
        const clean = end === "\r\n\0.\r\n"
        assert.strictEqual(answers, clean ? "250 2.0.0" : "554 5.6.0", JSON.stringify(end))
        const asked = server.questions.filter(({ _tag }) => _tag === "Mail")
        assert.lengthOf(asked, 1, "nothing is smuggled")
        assert.strictEqual(codes(say(server, "NOOP")), "250 2.0.0")
      }
    }
  })
  it("SMTP-121 SMTP-123: a message that is too large is read to its end and refused", () => {
    const { server, tell } = greeted({ maxSize: 10 })
    assert.match(tell(...transaction, "DATA", "0123456789", ".", "NOOP"), /354, 552 5\.3\.4, 250 2\.0\.0$/)
    assert.match(tell(...transaction, "DATA", "01234567", "."), /354, 250 2\.0\.0$/)
    assert.lengthOf(server.mails, 1)
  })
})

describe("LMTP", () => {
  const lmtp: Options = { protocol: "lmtp" }
  it("SMTP-250 SMTP-252 V-129: one reply for each recipient that was accepted, in order", () => {
    const { server, tell } = greeted(lmtp, (question) => {
      if (question._tag === "Rcpt") return question.forwardPath === "b@d.example" ? "550 5.1.1 no" : undefined
      return question._tag === "Message" ? ["250 2.0.0 stored", "452 4.2.2 full"] : undefined
    })
    tell("MAIL FROM:<>", "RCPT TO:<a@d.example>", "RCPT TO:<b@d.example>", "RCPT TO:<c@d.example>", "DATA")
    assert.strictEqual(codes(server.hear(message)), "250 2.0.0, 452 4.2.2")
    assert.deepStrictEqual(server.mails[0]?.recipients, ["a@d.example"])
  })
  it("one decision of the application holds for all", () => {
    const { server, tell } = greeted(lmtp)
    tell("MAIL FROM:<>", "RCPT TO:<a@d.example>", "RCPT TO:<b@d.example>", "DATA")
    assert.strictEqual(codes(server.hear(message)), "250 2.0.0, 250 2.0.0")
  })
  it("SMTP-250: 503 where nobody was accepted", () => {
    assert.strictEqual(greeted(lmtp).tell("MAIL FROM:<>", "DATA"), "250 2.1.0, 503 5.5.1")
  })
  it("a 421 is the last reply", () => {
    const { server, tell } = greeted(lmtp, ({ _tag }) => (_tag === "Message" ? ["421 4.3.2 bye", "250 x"] : undefined))
    tell("MAIL FROM:<>", "RCPT TO:<a@d.example>", "RCPT TO:<b@d.example>", "DATA")
    assert.strictEqual(codes(server.hear(message)), "421 4.3.2")
    assert.isTrue(server.closed())
  })
  it("SMTP-250 SMTP-251: BDAT LAST has as many replies, a chunk before it one", () => {
    const { server, tell } = greeted(lmtp)
    tell("MAIL FROM:<>", "RCPT TO:<a@d.example>", "RCPT TO:<b@d.example>")
    assert.strictEqual(codes(server.hear("BDAT 2\r\nabBDAT 1 LAST\r\nc")), "250 2.0.0, 250 2.0.0, 250 2.0.0")
    assert.strictEqual(server.mails[0]?.content, "abc")
  })
})

describe("BDAT", () => {
  const chunked = (options: Options = {}, decide?: Decide) => {
    const session = greeted(options, decide)
    session.tell(...transaction)
    return session
  }
  it("SMTP-150 V-050: takes exactly the announced octets, in any pieces", () => {
    for (const size of [1, 2, 7, Infinity]) {
      const { server } = chunked()
      assert.strictEqual(
        codes(server.hear("BDAT 5\r\nab\r\n.BDAT 0 LAST\r\nNOOP\r\n", size)),
        "250 2.0.0, 250 2.0.0, 250 2.0.0"
      )
      assert.strictEqual(server.mails[0]?.content, "ab\r\n.")
    }
  })
  it("SMTP-150: what looks like commands in it is none", () => {
    const { server } = chunked()
    server.hear("BDAT 11 LAST\r\nQUIT\r\n.\r\nab")
    assert.isFalse(server.closed())
    assert.strictEqual(server.mails[0]?.content, "QUIT\r\n.\r\nab")
  })
  it("any number of empty chunks is kept as one, and none is looked at again", () => {
    let looked = 0
    class Watched extends Uint8Array {
      override get length(): number {
        looked++
        return 0
      }
    }
    const lines = ["EHLO c", ...transaction, ...Array.from({ length: 5000 }, () => "BDAT 0"), "BDAT 0 LAST"].values()
    const dialogue = ServerDialogue.serve(ServerDialogue.standard)
    const replies = [Reply.make(250, "2.0.0 ok")]
    let content: Uint8Array | undefined
    let step = dialogue.next({})
    while (step.done !== true) {
      const asked = step.value
      if (asked._tag === "Consult" && asked.question._tag === "Message") content = asked.question.content
      step = dialogue.next(
        asked._tag === "Listen" ? { line: lines.next().value } : { content: new Watched(0), replies }
      )
    }
    assert.strictEqual(content?.length, 0)
    assert.isAtMost(looked, 5 * 5001)
  })
  it("SMTP-151: BDAT after LAST is out of order", () => {
    assert.strictEqual(codes(chunked().server.hear("BDAT 1 LAST\r\naBDAT 1\r\nb")), "250 2.0.0, 503 5.5.1")
  })
  it("SMTP-153: BDAT and DATA do not mix, and only RSET helps", () => {
    const { server, tell } = chunked()
    assert.strictEqual(codes(server.hear("BDAT 1\r\na")), "250 2.0.0")
    assert.strictEqual(tell("DATA", "RCPT TO:<x@y.example>", "MAIL FROM:<>"), "503 5.5.1, 503 5.5.1, 503 5.5.1")
    assert.strictEqual(tell("RSET", ...transaction, "DATA"), "250 2.0.0, 250 2.1.0, 250 2.1.5, 354")
  })
  it("SMTP-152 PIPE-007: a chunk that is refused is read, those behind it, too, and only RSET helps", () => {
    const { server, tell } = chunked({ maxSize: 3 })
    assert.strictEqual(
      codes(server.hear("BDAT 2\r\nabBDAT 2\r\ncdBDAT 1\r\neBDAT 1 LAST\r\nf")),
      "250 2.0.0, 552 5.3.4, 503 5.5.1, 503 5.5.1"
    )
    assert.strictEqual(tell("MAIL FROM:<>", "DATA", "RCPT TO:<x@y.example>"), "503 5.5.1, 503 5.5.1, 503 5.5.1")
    assert.strictEqual(tell("RSET", ...transaction), "250 2.0.0, 250 2.1.0, 250 2.1.5")
    assert.strictEqual(codes(server.hear("BDAT 3 LAST\r\nabc")), "250 2.0.0")
    assert.deepStrictEqual(
      server.mails.map(({ content }) => content),
      ["abc"]
    )
  })
  it("SMTP-152 V-051: so is a message that the application refuses", () => {
    const { server, tell } = chunked({}, ({ _tag }) => (_tag === "Message" ? "554 5.7.1 spam" : undefined))
    assert.strictEqual(codes(server.hear("BDAT 1 LAST\r\na")), "554 5.7.1")
    assert.strictEqual(tell("MAIL FROM:<>", "RSET", "MAIL FROM:<>"), "503 5.5.1, 250 2.0.0, 250 2.1.0")
  })
  it("SMTP-158: with nobody accepted the octets are read all the same", () => {
    const { server, tell } = greeted()
    tell("MAIL FROM:<>")
    assert.strictEqual(codes(server.hear("BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n")), "554 5.5.1, 250 2.0.0")
    assert.strictEqual(codes(greeted().server.hear("BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n")), "503 5.5.1, 250 2.0.0")
  })
  it("SMTP-154: not offered, or not to be read: the session ends before data is taken for commands", () => {
    const off = chunked({ chunking: false })
    assert.strictEqual(codes(off.server.hear("BDAT 6\r\nNOOP\r\n")), "502 5.5.1")
    assert.isTrue(off.server.closed())
    const odd = chunked()
    assert.strictEqual(codes(odd.server.hear("bdat six\r\nNOOP\r\n")), "501 5.5.4")
    assert.isTrue(odd.server.closed())
  })
  it("SMTP-155 SMTP-153: binary content comes with BDAT only", () => {
    const { server, tell } = greeted({ binaryMime: true })
    const binary = ["MAIL FROM:<a@b.example> BODY=BINARYMIME", "RCPT TO:<c@d.example>"]
    assert.strictEqual(tell(...binary, "DATA"), "250 2.1.0, 250 2.1.5, 503 5.5.1")
    assert.strictEqual(codes(server.hear("BDAT 2 LAST\r\n\0\n")), "250 2.0.0")
    assert.strictEqual(server.mails[0]?.content, "\0\n")
    assert.strictEqual(greeted().tell(binary[0] ?? ""), "555 5.5.4")
  })
})

describe("parameters", () => {
  const mail = (parameters: string, options: Options = {}, secure?: boolean) =>
    greeted(options, undefined, secure).tell(`MAIL FROM:<a@b.example> ${parameters}`)
  const rcpt = (parameters: string, options: Options = {}) =>
    greeted(options).tell("MAIL FROM:<a@b.example>", `RCPT TO:<c@d.example> ${parameters}`).split(", ")[1]

  it("CODE-555 SMTP-025: of an extension that is not offered", () => {
    const off = { eightBitMime: false, smtpUtf8: false, dsn: false }
    for (const parameter of ["BODY=8BITMIME", "SMTPUTF8", "RET=HDRS", "ENVID=x"]) {
      assert.strictEqual(mail(parameter), "250 2.1.0")
      assert.strictEqual(mail(parameter, off), "555 5.5.4")
    }
    for (const parameter of ["NOTIFY=NEVER", "ORCPT=rfc822;a@b.example"]) {
      assert.strictEqual(rcpt(parameter), "250 2.1.5")
      assert.strictEqual(rcpt(parameter, off), "555 5.5.4")
    }
    for (const [parameter, keyword] of [
      ["HOLDFOR=60", "FUTURERELEASE 604800 2030-01-01T00:00:00Z"],
      ["HOLDUNTIL=2030-01-01T00:00:00Z", "FUTURERELEASE"],
      ["BY=120;R", "DELIVERBY"],
      ["MT-PRIORITY=-3", "MT-PRIORITY"],
      ["TRANSID=<a@b.example>", "CHECKPOINT"],
      ["XVERP=+=", "XVERP"],
      ["XVERP", "xverp"],
      ["AUTH=<>", "AUTH PLAIN"],
      ["FOO=bar", "foo"]
    ] as const) {
      assert.strictEqual(mail(parameter), "555 5.5.4", parameter)
      assert.strictEqual(mail(parameter, { keywords: [keyword] }), "250 2.1.0", parameter)
    }
  })
  it("of the other command", () => {
    assert.strictEqual(mail("NOTIFY=NEVER"), "555 5.5.4")
    assert.strictEqual(rcpt("SIZE=1"), "555 5.5.4")
  })
  it("DSN-001 DSN-004 DSN-005 SMTP-120 SMTP-130: with a value that the extension does not know", () => {
    for (const parameter of [
      "SIZE=x",
      "SIZE",
      `SIZE=${"1".repeat(21)}`,
      "BODY=9BIT",
      "BODY",
      "SMTPUTF8=x",
      "RET=ALL",
      "ENVID"
    ]) {
      assert.strictEqual(mail(parameter), "501 5.5.4", parameter)
    }
    for (const parameter of ["NOTIFY=DELAY", "NOTIFY=success,failure,delay", "ORCPT=x;y"]) {
      assert.strictEqual(rcpt(parameter), "250 2.1.5", parameter)
    }
    const four = "NOTIFY=DELAY,DELAY,DELAY,DELAY"
    for (const parameter of ["NOTIFY=NEVER,DELAY", four, "NOTIFY=SOMETIMES", "NOTIFY", "ORCPT=x", "ORCPT=;x"]) {
      assert.strictEqual(rcpt(parameter), "501 5.5.4", parameter)
    }
    assert.strictEqual(mail("BY=0;X", { keywords: ["DELIVERBY"] }), "501 5.5.4")
    assert.strictEqual(mail("RET=HDRS RET=FULL"), "501 5.5.4")
  })
  it("SMTP-258 SMTP-267 SMTP-257 SMTP-255: priorities, delimiters, times", () => {
    for (const [keyword, good, bad] of [
      ["DSN", ["SIZE=1", `ENVID=${"x".repeat(100)}`], [`ENVID=${"x".repeat(101)}`]],
      ["CHECKPOINT", ["TRANSID=<1@a.example>"], ["TRANSID=1@a.example", "TRANSID"]],
      ["MT-PRIORITY", ["MT-PRIORITY=-9", "MT-PRIORITY=9"], ["MT-PRIORITY=10", "MT-PRIORITY"]],
      ["XVERP", ["XVERP=-+", "XVERP"], ["XVERP=ab", "XVERP=+"]],
      ["FUTURERELEASE", ["HOLDFOR=1", "HOLDFOR=123456789"], ["HOLDFOR=1234567890", "HOLDFOR=x", "HOLDUNTIL=tomorrow"]],
      ["DELIVERBY", ["BY=0;N", "BY=-30;N", "BY=60;RT"], ["BY=60", "BY=1234567890;N"]]
    ] as const) {
      for (const parameter of good) assert.strictEqual(mail(parameter, { keywords: [keyword] }), "250 2.1.0", parameter)
      for (const parameter of bad) assert.strictEqual(mail(parameter, { keywords: [keyword] }), "501 5.5.4", parameter)
    }
  })
  it("TLS-020: REQUIRETLS is announced and taken under TLS only", () => {
    const options = { keywords: ["REQUIRETLS"] }
    assert.notInclude(offers(options), "REQUIRETLS")
    assert.include(offers(options, true), "REQUIRETLS")
    assert.strictEqual(mail("REQUIRETLS", options), "555 5.5.4")
    assert.strictEqual(mail("REQUIRETLS", options, true), "250 2.1.0")
    assert.strictEqual(mail("REQUIRETLS=x", options, true), "501 5.5.4")
    assert.strictEqual(mail("REQUIRETLS", {}, true), "555 5.5.4")
  })
  it("SMTP-255 SMTP-257 V-035 V-036: what is beyond the announced limits", () => {
    const held = { keywords: ["FUTURERELEASE 604800 2030-01-01T00:00:00Z"] }
    for (const [parameter, options, expected] of [
      ["HOLDFOR=604800", held, "250 2.1.0"],
      ["HOLDFOR=604801", held, "554 5.5.4"],
      ["HOLDUNTIL=2030-01-01T00:00:00Z", held, "250 2.1.0"],
      ["HOLDUNTIL=2030-01-01t00:00:01z", held, "554 5.5.4"],
      ["HOLDFOR=1 HOLDUNTIL=2029-01-01T00:00:00Z", held, "501 5.5.4"],
      ["BY=119;R", { keywords: ["DELIVERBY 120"] }, "501 5.5.4"],
      ["BY=120;RT", { keywords: ["DELIVERBY 120"] }, "250 2.1.0"],
      ["BY=119;N", { keywords: ["DELIVERBY 120"] }, "250 2.1.0"],
      ["BY=0;r", { keywords: ["DELIVERBY"] }, "501 5.5.4"],
      ["BY=1;R", { keywords: ["DELIVERBY"] }, "250 2.1.0"]
    ] as const) {
      assert.strictEqual(mail(parameter, options), expected, parameter)
    }
  })
  it("DSN-003 DSN-004 DSN-006 DSN-008 AUTH-028: an encoding that is none is 501", () => {
    const options = { keywords: ["AUTH PLAIN"] }
    for (const value of ["ENVID=a+2B", "AUTH=e+3Dmc2@example.com"]) {
      assert.strictEqual(mail(value, options), "250 2.1.0", value)
    }
    for (const value of ["ENVID=a+2", "ENVID=a+zz", "AUTH=a+b", "AUTH=+FF"]) {
      assert.strictEqual(mail(value, options), "501 5.5.4", value)
    }
    for (const value of ["rfc822;a+2Bb@c.example", "utf-8;\\x{F8}@c.example", "UTF-8;a+2Bb@c.example"]) {
      assert.strictEqual(rcpt(`ORCPT=${value}`), "250 2.1.5", value)
    }
    for (const value of ["rfc822;a+2", "utf-8;a+2", `rfc822;${"x".repeat(501)}`]) {
      assert.strictEqual(rcpt(`ORCPT=${value}`), "501 5.5.4", value)
    }
  })
  it("SMTP-245: LIMITS tells how many transactions a session may have, and every MAIL counts", () => {
    const options = { limits: true, maxMails: 2, maxRecipients: 3 }
    assert.include(offers(options), "LIMITS MAILMAX=2 RCPTMAX=3")
    const { server, tell } = greeted(options)
    assert.strictEqual(tell("MAIL FROM:<> X=1", "MAIL FROM:<>", "RSET"), "555 5.5.4, 250 2.1.0, 250 2.0.0")
    assert.strictEqual(tell("MAIL FROM:<>"), "421 4.5.3")
    assert.isTrue(server.closed())
  })
  it("SMTP-121: SIZE over the limit is refused before the message comes", () => {
    assert.strictEqual(mail("SIZE=11", { maxSize: 10 }), "552 5.3.4")
    assert.strictEqual(mail("SIZE=10", { maxSize: 10 }), "250 2.1.0")
  })
  it("SMTP-043 SMTP-176: an address that is not ASCII needs SMTPUTF8", () => {
    const { tell } = greeted()
    assert.strictEqual(
      tell("MAIL FROM:<j\u00f8@b.example>", "MAIL FROM:<j\u00f8@b.example> SMTPUTF8"),
      "550 5.6.7, 250 2.1.0"
    )
    assert.strictEqual(tell("RCPT TO:<j\u00f8@d.example>", "RSET", "MAIL FROM:<>"), "250 2.1.5, 250 2.0.0, 250 2.1.0")
    assert.strictEqual(tell("RCPT TO:<j\u00f8@d.example>", "RCPT TO:<Postmaster>"), "553 5.6.7, 250 2.1.5")
  })
  it("SMTP-065: 100 recipients and 64 KiB are always taken", () => {
    const { server, tell } = greeted()
    tell("MAIL FROM:<>", ...Array.from({ length: 100 }, (_, index) => `RCPT TO:<u${index}@d.example>`), "DATA")
    assert.strictEqual(codes(server.hear(`${`${"x".repeat(998)}\r\n`.repeat(66)}.\r\n`)), "250 2.0.0")
    assert.lengthOf(server.mails[0]?.recipients ?? [], 100)
    assert.lengthOf(server.mails[0]?.content ?? "", 66_000)
  })
  it("SMTP-066: too many recipients", () => {
    const { tell } = greeted({ maxRecipients: 1 })
    assert.strictEqual(tell(...transaction, "RCPT TO:<e@f.example>"), "250 2.1.0, 250 2.1.5, 452 4.5.3")
  })
})

describe("STARTTLS", () => {
  it("TLS-002 EHLO-006: everything said in clear text is forgotten", () => {
    const { server, tell } = greeted()
    assert.strictEqual(tell(...transaction, "STARTTLS"), "250 2.1.0, 250 2.1.5, 220 2.0.0")
    assert.strictEqual(server.handshake(), "")
    assert.strictEqual(tell("RCPT TO:<c@d.example>", "MAIL FROM:<>"), "503 5.5.1, 503 5.5.1")
    assert.strictEqual(tell("EHLO client.example", "MAIL FROM:<>"), "250, 250 2.1.0")
  })
  it("TLS-004 PIPE-004: what was sent ahead of the handshake is never obeyed", () => {
    const { server, tell } = greeted()
    assert.strictEqual(tell("STARTTLS", "EHLO injected.example", "MAIL FROM:<evil@b.example>"), "220 2.0.0")
    server.handshake()
    assert.strictEqual(tell("NOOP"), "250 2.0.0")
    assert.notInclude(JSON.stringify(server.questions), "injected")
  })
  it("TLS-001 TLS-007: once, without an argument, and only where it is offered", () => {
    const { server, tell } = greeted()
    assert.strictEqual(tell("STARTTLS now"), "501 5.5.4")
    tell("STARTTLS")
    server.handshake()
    assert.strictEqual(tell("STARTTLS", "EHLO client.example"), "503 5.5.1, 250")
    assert.strictEqual(greeted({ startTls: false }).tell("STARTTLS"), "502 5.5.1")
    assert.strictEqual(greeted({}, undefined, true).tell("STARTTLS"), "503 5.5.1")
  })
  it("TLS-008: mail is taken without it", () => {
    assert.strictEqual(greeted().tell(...transaction), "250 2.1.0, 250 2.1.5")
  })
  it("a failed handshake is the end", () => {
    const { server, tell } = greeted()
    tell("STARTTLS")
    server.handshake(false)
    assert.isTrue(server.closed())
  })
})

describe("AUTH", () => {
  const accounts = {
    password: (username: string) => (username === "alice" ? Redacted.make("secret") : undefined)
  }
  const secure = (options: Options = {}, decide?: Decide) => greeted({ accounts, ...options }, decide, true)
  const plain = (password: string) => `AUTH PLAIN ${b64(`\0alice\0${password}`)}`

  it("AUTH-011 AUTH-027: mechanisms that show the secret are offered under TLS only", () => {
    const line = (options: Options, tls: boolean) => offers(options, tls).find((keyword) => keyword.startsWith("AUTH"))
    const all = "AUTH SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN"
    assert.strictEqual(line({ accounts }, true), all)
    assert.strictEqual(line({ accounts }, false), "AUTH SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5")
    assert.strictEqual(line({ accounts, allowSecretsInClearText: true }, false), all)
    const token = { token: () => undefined }
    assert.strictEqual(line({ accounts: token }, true), "AUTH OAUTHBEARER XOAUTH2")
    assert.isUndefined(line({ accounts: token }, false))
    assert.isUndefined(line({}, true))
    assert.isUndefined(line({ accounts: {} }, true))
  })
  it("V-060 V-063 AUTH-012 CMD-015: PLAIN and LOGIN", () => {
    const { server, tell } = secure()
    assert.strictEqual(tell(plain("secret"), "MAIL FROM:<>"), "235 2.7.0, 250 2.1.0")
    say(server, "RCPT TO:<c@d.example>", "DATA", ".")
    const alice = { username: "alice", authzid: "alice" }
    assert.deepStrictEqual(server.mails[0]?.transaction.identity, alice)
    const asked = server.questions.find(({ _tag }) => _tag === "Mail")
    assert.deepStrictEqual(asked?._tag === "Mail" ? asked.identity : undefined, alice)
    const login = secure()
    assert.strictEqual(say(login.server, "AUTH LOGIN"), `334 ${b64("Username:")}\r\n`)
    assert.strictEqual(say(login.server, b64("alice")), `334 ${b64("Password:")}\r\n`)
    assert.strictEqual(login.tell(b64("secret")), "235 2.7.0")
  })
  it("AUTH-009: once, not within a transaction, not before EHLO", () => {
    assert.strictEqual(secure().tell(plain("secret"), plain("secret")), "235 2.7.0, 503 5.5.1")
    assert.strictEqual(secure().tell("MAIL FROM:<>", plain("secret")), "250 2.1.0, 503 5.5.1")
    assert.strictEqual(open({ accounts }, undefined, true).tell(plain("secret")), "503 5.5.1")
  })
  it("AUTH-010 AUTH-012: a wrong password is 535, and may be tried again", () => {
    const { tell } = secure()
    assert.strictEqual(tell(plain("wrong"), plain("secret")), "535 5.7.8, 235 2.7.0")
  })
  it("AUTH-012: unknown mechanisms, those that need TLS, no AUTH at all", () => {
    assert.strictEqual(secure().tell("AUTH GSSAPI"), "504 5.5.4")
    assert.strictEqual(greeted({ accounts }).tell(plain("secret"), "AUTH GSSAPI"), "538 5.7.11, 504 5.5.4")
    assert.strictEqual(greeted().tell(plain("secret")), "502 5.5.1")
    assert.strictEqual(secure().tell("AUTH", "AUTH PLAIN !"), "501 5.5.4, 501 5.5.2")
  })
  it("AUTH-003: the client may cancel", () => {
    const { tell } = secure()
    assert.strictEqual(tell("AUTH LOGIN", "*", "NOOP"), "334, 501 5.0.0, 250 2.0.0")
  })
  it("CODE-530 SMTP-280: nobody sends mail, or asks about users, who is nobody", () => {
    const { tell } = secure({ authRequired: true, keywords: ["ETRN"] })
    assert.strictEqual(tell("MAIL FROM:<>", "VRFY a", "EXPN a", "ETRN a"), "530 5.7.0, 530 5.7.0, 530 5.7.0, 530 5.7.0")
    assert.strictEqual(tell("NOOP", "HELP", "RSET", "EHLO client.example"), "250 2.0.0, 252 2.5.2, 250 2.0.0, 250")
    assert.strictEqual(tell(plain("secret"), "VRFY a", "MAIL FROM:<>"), "235 2.7.0, 252 2.5.2, 250 2.1.0")
  })
  it("EHLO-006: TLS forgets who the client is, EHLO and RSET do not", () => {
    const { server, tell } = greeted({ accounts, authRequired: true, allowSecretsInClearText: true })
    assert.strictEqual(tell(plain("secret"), "EHLO c", "RSET", "MAIL FROM:<>"), "235 2.7.0, 250, 250 2.0.0, 250 2.1.0")
    tell("STARTTLS")
    server.handshake()
    assert.strictEqual(tell("EHLO c", "MAIL FROM:<>"), "250, 530 5.7.0")
  })
  it("AUTH-028: MAIL AUTH= is understood where AUTH is offered", () => {
    assert.strictEqual(secure().tell("MAIL FROM:<a@b.example> AUTH=<>"), "250 2.1.0")
    assert.strictEqual(greeted().tell("MAIL FROM:<a@b.example> AUTH=<>"), "555 5.5.4")
  })
  it("AUTH-012: a response that cannot be read is 500, and the end", () => {
    const { server, tell } = secure()
    assert.strictEqual(tell("AUTH LOGIN", "A".repeat(13_000)), "334, 500 5.5.6")
    assert.isTrue(server.closed())
  })
  it("the client may be gone in the middle of it", () => {
    const { server, tell } = secure()
    tell("AUTH LOGIN")
    server.hangUp()
    assert.isTrue(server.closed())
  })
})

describe("questions", () => {
  it("SMTP-271 SMTP-272 SMTP-273: are the application's", () => {
    const { server, tell } = greeted({}, (question) =>
      question._tag === "Ask" ? `250 2.1.5 ${question.verb} ${question.argument}` : undefined
    )
    assert.strictEqual(say(server, "VRFY alice"), "250 2.1.5 VRFY alice\r\n")
    assert.strictEqual(tell("EXPN staff", "HELP data"), "250 2.1.5, 250 2.1.5")
  })
  it("SMTP-240 CMD-016: ETRN where it is offered", () => {
    assert.strictEqual(greeted().tell("ETRN example.com"), "502 5.5.1")
    const offering = greeted({ keywords: ["ETRN"] }, ({ _tag }) => (_tag === "Ask" ? "250 2.0.0 started" : undefined))
    assert.strictEqual(offering.tell("ETRN @example.com"), "250 2.0.0")
  })
  it("SMTP-240: ETRN is for those who may send mail", () => {
    const accounts = { password: () => undefined }
    const { tell } = greeted({ keywords: ["ETRN"], accounts, authRequired: true })
    assert.strictEqual(tell("ETRN example.com", "ETRN", "ETRN a b"), "530 5.7.0, 501 5.5.4, 501 5.5.4")
  })
  it("SMTP-271 SMTP-272 SMTP-273: what is withheld is 252, which tells nothing, and 502 for HELP", () => {
    const { server, tell } = greeted({ withheld: ["VRFY", "EXPN", "HELP"] })
    assert.strictEqual(tell("VRFY alice", "EXPN staff", "HELP"), "252 2.5.2, 252 2.5.2, 502 5.5.1")
    assert.deepStrictEqual(
      server.questions.filter(({ _tag }) => _tag === "Ask"),
      []
    )
  })
  it("SMTP-176 SMTP-177: UTF-8 in a question and in its answer where the client says so", () => {
    const decide: Decide = ({ _tag }) => (_tag === "Ask" ? "250 2.1.5 <j\u00f8@b.example>" : undefined)
    const { server, tell } = greeted({}, decide)
    assert.strictEqual(tell("VRFY j\u00f8"), "553 5.6.7")
    assert.strictEqual(tell("VRFY alice", "EXPN staff"), "252 2.6.8, 252 2.6.8")
    assert.strictEqual(say(server, "VRFY j\u00f8 SMTPUTF8"), "250 2.1.5 <j\u00f8@b.example>\r\n")
    assert.deepInclude(server.questions.at(-1), { _tag: "Ask", verb: "VRFY", argument: "j\u00f8", utf8: true })
    assert.strictEqual(greeted({ smtpUtf8: false }, decide).tell("EXPN staff SMTPUTF8"), "504 5.5.4")
  })
  it("SMTP-274: NOOP with and without words", () => {
    assert.strictEqual(open().tell("NOOP", "noop hello there"), "250 2.0.0, 250 2.0.0")
  })
})

describe("XCLIENT and XFORWARD", () => {
  const keywords = ["XCLIENT NAME ADDR LOGIN PORT PROTO", "XFORWARD NAME ADDR SOURCE"]
  const mail = (server: Host): ServerDialogue.Transaction | undefined => {
    server.hear([...transaction, "DATA\r\n"].join("\r\n") + message)
    return server.mails.at(-1)?.transaction
  }
  it("SMTP-260 SMTP-261 CMD-017: XCLIENT greets again, and what it said holds for the session", () => {
    const { server, tell } = greeted({ keywords, authRequired: true })
    assert.strictEqual(
      say(server, "XCLIENT NAME=spike.example PROTO=smtp", "XCLIENT ADDR=IPV6:2001:db8::1 LOGIN=alice"),
      "220 mx.example.com ESMTP\r\n220 mx.example.com ESMTP\r\n"
    )
    assert.strictEqual(tell("MAIL FROM:<>", "EHLO proxied.example"), "503 5.5.1, 250")
    for (let session = 0; session < 2; session++) {
      const { client, identity } = mail(server) ?? {}
      assert.deepStrictEqual(identity, { username: "alice", authzid: "alice" })
      assert.deepStrictEqual(Object.fromEntries(client ?? []), {
        NAME: "spike.example",
        PROTO: "smtp",
        ADDR: "IPV6:2001:db8::1",
        LOGIN: "alice"
      })
    }
    assert.strictEqual(tell("XCLIENT LOGIN=[UNAVAILABLE]", "EHLO c", "MAIL FROM:<>"), "220, 250, 530 5.7.0")
  })
  it("EHLO-006: TLS forgets what XCLIENT said", () => {
    const { server } = greeted({ keywords })
    assert.strictEqual(codes(say(server, "XCLIENT LOGIN=mallory", "STARTTLS")), "220, 220 2.0.0")
    server.handshake()
    say(server, "EHLO c")
    assert.deepInclude(mail(server), { client: undefined, identity: undefined })
  })
  it("SMTP-264 CMD-018: XFORWARD holds for one transaction", () => {
    const { server, tell } = greeted({ keywords }, ({ _tag }) => (_tag === "Proxy" ? "250 2.0.0 noted" : undefined))
    assert.strictEqual(tell("XFORWARD NAME=a.example SOURCE=LOCAL", "XFORWARD ADDR=192.0.2.1"), "250 2.0.0, 250 2.0.0")
    assert.deepStrictEqual(Object.fromEntries(mail(server)?.forwarded ?? []), {
      NAME: "a.example",
      SOURCE: "LOCAL",
      ADDR: "192.0.2.1"
    })
    assert.isUndefined(mail(server)?.forwarded)
  })
  it("SMTP-260 SMTP-261 SMTP-264: only where it is offered, with the names and values it knows, and not within a transaction", () => {
    assert.strictEqual(greeted().tell("XCLIENT NAME=a", "XFORWARD NAME=a"), "502 5.5.1, 502 5.5.1")
    const { server, tell } = greeted({ keywords })
    for (const line of [
      "XCLIENT DESTADDR=192.0.2.1",
      "XFORWARD IDENT=1",
      "XCLIENT PORT=x",
      "XCLIENT PROTO=LMTP",
      "XCLIENT ADDR=2001:db8::1",
      "XFORWARD ADDR=spike.example",
      "XFORWARD SOURCE=HERE"
    ]) {
      assert.strictEqual(tell(line), "501 5.5.4", line)
    }
    assert.deepStrictEqual(
      server.questions.filter(({ _tag }) => _tag === "Proxy"),
      []
    )
    assert.strictEqual(tell(...transaction, "XCLIENT NAME=a", "XFORWARD NAME=a").slice(-20), "503 5.5.1, 503 5.5.1")
    assert.strictEqual(tell("DATA"), "354")
  })
  it("CMD-017: the application may refuse it, and nothing changes", () => {
    const { tell } = greeted({ keywords }, ({ _tag }) => (_tag === "Proxy" ? "550 5.7.0 who are you" : undefined))
    assert.strictEqual(tell("XCLIENT LOGIN=alice", ...transaction), "550 5.7.0, 250 2.1.0, 250 2.1.5")
  })
})

describe("what is switched off", () => {
  it("TLS-008 TLS-010 CODE-530: a server that wants TLS obeys nothing but EHLO, NOOP, STARTTLS and QUIT without it", () => {
    const { server, tell } = greeted({ tlsRequired: true })
    assert.strictEqual(
      tell("NOOP", "MAIL FROM:<>", "AUTH PLAIN", "RSET", "VRFY a", "FOO").slice(0, 21),
      "250 2.0.0, 530 5.7.0,"
    )
    assert.strictEqual(tell("RSET", "VRFY a", "FOO"), "530 5.7.0, 530 5.7.0, 530 5.7.0")
    assert.strictEqual(tell("STARTTLS"), "220 2.0.0")
    server.handshake()
    assert.strictEqual(tell("EHLO c", ...transaction), "250, 250 2.1.0, 250 2.1.5")
    const chunk = greeted({ tlsRequired: true })
    assert.strictEqual(codes(chunk.server.hear("BDAT 6\r\nQUIT\r\n")), "530 5.7.0")
    assert.isTrue(chunk.server.closed())
  })
  it("ESC-001: without ENHANCEDSTATUSCODES no reply has one", () => {
    const { server } = greeted({ enhancedStatusCodes: false })
    const said = say(server, "FOO", ...transaction, "NOOP", "BDAT 0", "BDAT 0 LAST", "QUIT")
    assert.notMatch(said, /\d\.\d\.\d/)
    assert.strictEqual(codes(said), "500, 250, 250, 250, 250, 250, 221")
    const codesOf = say(greeted().server, ...transaction, "NOOP", "BDAT 0", "BDAT 0 LAST", "QUIT")
    for (const line of codesOf.trim().split("\r\n")) assert.match(line, /^(\d)\d\d[ -]\1\.\d\.\d /)
  })
})

describe("lines that cannot be read", () => {
  it("SMTP-002 SMTP-095: a bare LF or CR is 500 and the end: nothing behind it is obeyed", () => {
    for (const line of ["NOOP\nMAIL FROM:<>\r\n", "NO\rOP\r\n", `${"x".repeat(13_000)}\r\n`]) {
      const { server } = greeted()
      assert.strictEqual(codes(server.hear(`${line}NOOP\r\n`)), "500 5.5.2")
      assert.isTrue(server.closed())
    }
  })
  it("ill-formed UTF-8 is 500, and the session goes on", () => {
    const { server, tell } = greeted()
    assert.strictEqual(codes(server.hear(Uint8Array.of(0x4e, 0xff, 0x0d, 0x0a))), "500 5.5.2")
    assert.strictEqual(tell("NOOP"), "250 2.0.0")
  })
  it("nothing a client sends comes back in a reply", () => {
    const { server } = greeted()
    const said = say(
      server,
      "FOO <script>",
      "MAIL FROM:<secret@b.example> X=<script>",
      "RCPT TO:<script",
      "AUTH <script>"
    )
    assert.notMatch(said, /script/)
  })
})

describe("PIPELINING", () => {
  it("PIPE-013: a group gets its replies in order, however it is cut", () => {
    const group = `${["EHLO c", ...transaction, "RCPT TO:<Postmaster>", "DATA"].join("\r\n")}\r\n`
    const again = `${["RSET", ...transaction, "QUIT"].join("\r\n")}\r\n`
    const expected = "250, 250 2.1.0, 250 2.1.5, 250 2.1.5, 354, 250 2.0.0, 250 2.0.0, 250 2.1.0, 250 2.1.5, 221 2.0.0"
    for (let size = 1; size < 40; size++) {
      const { server } = open()
      assert.strictEqual(codes(server.hear(group + message + again, size)), expected)
      assert.strictEqual(server.mails[0]?.content, received)
    }
  })
  it("a keyword with a line end is not written", () => {
    const { server } = open({ keywords: ["X\r\nY"] })
    assert.throws(() => say(server, "EHLO c"))
    assert.isTrue(Result.isFailure(Reply.format(Reply.make(250, "X\r\nY"))))
  })
})
