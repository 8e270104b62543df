import * as Address from "@effect-mail/protocol/Address"
import * as Command from "@effect-mail/protocol/Command"
import * as Envelope from "@effect-mail/protocol/Envelope"
import * as Failure from "@effect-mail/protocol/Failure"
import * as Parameters from "@effect-mail/protocol/Parameters"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"

const server = (...lines: ReadonlyArray<string>): Parameters.Offered => {
  const keywords = new Map(lines.map((line) => line.split(" ")).map(([keyword = "", ...words]) => [keyword, words]))
  return { supports: (keyword) => keywords.has(keyword), parameters: (keyword) => keywords.get(keyword) ?? [] }
}
const nothing = server()
const modern = server("SIZE 35882577", "8BITMIME", "SMTPUTF8", "DSN", "CHUNKING", "BINARYMIME", "AUTH PLAIN")

const envelope = (input: Partial<Envelope.Input> = {}): Envelope.Envelope =>
  Result.getOrThrow(Envelope.make({ from: "a@example.com", to: "b@example.com", ...input }))
const text: Parameters.Body = { encoding: "7bit", utf8: false }

const both = ["refuse", "omit"] as const

const sent = (
  input: Partial<Envelope.Input>,
  offered: Parameters.Offered,
  body = text,
  onMissing: Parameters.OnMissing = "refuse"
): string => {
  const { parameters, path } = Result.getOrThrow(Parameters.mail(envelope(input), body, offered, onMissing))
  return Result.getOrThrow(Command.encode(Command.mail(path, parameters))).trimEnd()
}
const unmet = <A>(result: Result.Result<A, Failure.Unmet>): Failure.Unmet =>
  Result.isFailure(result) ? result.failure : assert.fail(`met: ${JSON.stringify(result.success)}`)
const mailUnmet = (
  input: Partial<Envelope.Input>,
  offered: Parameters.Offered,
  body = text,
  onMissing: Parameters.OnMissing = "refuse"
) => unmet(Parameters.mail(envelope(input), body, offered, onMissing))

describe("mail: the facts of the body", () => {
  it("sends nothing to a server without extensions (SMTP-025)", () => {
    for (const onMissing of both) {
      assert.strictEqual(sent({}, nothing, { ...text, size: 100 }, onMissing), "MAIL FROM:<a@example.com>")
    }
  })

  it("V-027, SMTP-120 declares the size, whether or not a limit is stated", () => {
    for (const size of ["SIZE", "SIZE 0", "SIZE abc", "SIZE 1000", "SIZE 99999999999999999999"]) {
      assert.strictEqual(sent({}, server(size), { ...text, size: 1000 }), "MAIL FROM:<a@example.com> SIZE=1000")
    }
    assert.strictEqual(sent({}, server("SIZE 1"), text), "MAIL FROM:<a@example.com>")
  })

  it("SMTP-122, CLASS-34 refuses a message over the limit, always", () => {
    for (const onMissing of both) {
      const problem = mailUnmet({}, server("SIZE 999"), { ...text, size: 1000 }, onMissing)
      assert.include(problem, { _tag: "Unmet", stage: "mail", requirement: "size" })
      assert.include(Failure.fromProblem(problem), { _tag: "PermFailure", enhanced: "5.3.4" })
    }
  })

  it("SMTP-130 declares the encoding", () => {
    assert.strictEqual(sent({}, modern, text), "MAIL FROM:<a@example.com> BODY=7BIT")
    assert.strictEqual(sent({}, modern, { ...text, encoding: "8bit" }), "MAIL FROM:<a@example.com> BODY=8BITMIME")
    assert.strictEqual(sent({}, modern, { ...text, encoding: "binary" }), "MAIL FROM:<a@example.com> BODY=BINARYMIME")
  })

  it("SMTP-131, SMTP-156, CLASS-33 refuses 8-bit and binary content that the server does not take, always", () => {
    for (const onMissing of both) {
      for (const [encoding, offered] of [
        ["8bit", server("SIZE")],
        ["binary", server("8BITMIME")],
        ["binary", server("BINARYMIME")],
        ["binary", server("CHUNKING", "8BITMIME")]
      ] as const) {
        const problem = mailUnmet({}, offered, { ...text, encoding }, onMissing)
        assert.include(problem, { stage: "mail", requirement: "8bitmime" })
        assert.include(Failure.fromProblem(problem), { _tag: "PermFailure", enhanced: "5.6.3" })
      }
    }
  })
})

describe("widestEncoding", () => {
  const extensions = ["8BITMIME", "CHUNKING", "BINARYMIME"]
  const subsets = Array.from({ length: 8 }, (_, bits) => extensions.filter((_, i) => (bits >> i) & 1))

  it("SMTP-130, SMTP-155: is what the server offers to take, binary only with all three extensions", () => {
    const found = subsets.map((offered) => Parameters.widestEncoding(server(...offered)))
    assert.deepStrictEqual(found, ["7bit", "8bit", "7bit", "8bit", "7bit", "8bit", "7bit", "binary"])
  })

  it("SMTP-131: is never refused, nor is anything narrower", () => {
    const widths = ["7bit", "8bit", "binary"] as const
    for (const offered of subsets.map((all) => server(...all))) {
      const widest = widths.indexOf(Parameters.widestEncoding(offered))
      for (const encoding of widths.slice(0, widest + 1)) {
        assert.isTrue(Result.isSuccess(Parameters.mail(envelope(), { ...text, encoding }, offered, "refuse")))
      }
    }
  })
})

describe("mail: SMTPUTF8", () => {
  it("SMTP-171 asks for it when a header or the sender's local part is not ASCII", () => {
    assert.strictEqual(sent({}, modern, { ...text, utf8: true }), "MAIL FROM:<a@example.com> BODY=8BITMIME SMTPUTF8")
    assert.strictEqual(sent({ from: "jörg@bücher.ch" }, modern), "MAIL FROM:<jörg@bücher.ch> BODY=7BIT SMTPUTF8")
  })

  it("SMTP-173 sends a domain in A-labels when nothing else needs the extension, offered or not", () => {
    for (const offered of [nothing, server("SMTPUTF8")]) {
      assert.strictEqual(
        sent({ from: "info@bücher.ch", to: "x@bücher.ch" }, offered),
        "MAIL FROM:<info@xn--bcher-kva.ch>"
      )
    }
  })

  it("SMTP-178 leaves the domain readable when the transaction uses the extension", () => {
    assert.strictEqual(
      sent({ from: "info@bücher.ch" }, server("SMTPUTF8"), { ...text, utf8: true }),
      "MAIL FROM:<info@bücher.ch> SMTPUTF8"
    )
  })

  it("SMTP-172, CLASS-33 refuses the message when it is needed and missing, always", () => {
    for (const onMissing of both) {
      for (const problem of [
        mailUnmet({ from: "jörg@example.com" }, nothing, text, onMissing),
        mailUnmet({}, nothing, { ...text, utf8: true }, onMissing)
      ]) {
        assert.include(problem, { stage: "mail", requirement: "smtputf8" })
        assert.include(Failure.fromProblem(problem), { _tag: "PermFailure", enhanced: "5.6.7" })
      }
    }
  })

  it("uses it for a recipient's sake when it is offered, and else leaves the verdict to that recipient", () => {
    const mixed = envelope({ to: ["jörg@bücher.ch", "info@bücher.ch"] })
    const withUtf8 = Result.getOrThrow(Parameters.mail(mixed, text, server("SMTPUTF8"), "refuse"))
    assert.isTrue(withUtf8.utf8)
    assert.deepStrictEqual(withUtf8.parameters, [{ keyword: "SMTPUTF8" }])
    const without = Result.getOrThrow(Parameters.mail(mixed, text, nothing, "refuse"))
    assert.isFalse(without.utf8)
    const [jörg, info] = mixed.recipients.map((r) => Parameters.rcpt(r, without.utf8, nothing, "omit"))
    assert.include(jörg && unmet(jörg), { stage: "rcpt", requirement: "smtputf8" })
    assert.strictEqual(info && Result.getOrThrow(info).path, "info@xn--bcher-kva.ch")
    const names = mixed.recipients.map(
      (r) => Result.getOrThrow(Parameters.rcpt(r, true, nothing, "omit")).path as string
    )
    assert.deepStrictEqual(names, ["jörg@bücher.ch", "info@bücher.ch"])
  })
})

describe("mail: the wishes of the envelope", () => {
  const wishes: ReadonlyArray<readonly [string, string, Partial<Envelope.Input>]> = [
    ["RET=HDRS", "DSN", { ret: "HDRS" }],
    ["ENVID=QQ+20314159", "DSN", { envelopeId: "QQ 314159" }],
    ["AUTH=e+3Dmc2@example.com", "AUTH PLAIN", { auth: "e=mc2@example.com" }],
    ["AUTH=<>", "AUTH PLAIN", { auth: "<>" }],
    ["REQUIRETLS", "REQUIRETLS", { requireTls: true }],
    ["HOLDFOR=3600", "FUTURERELEASE 604800 2030-01-01T00:00:00Z", { holdFor: 3600 }],
    ["HOLDFOR=604800", "FUTURERELEASE 604800", { holdFor: 604800 }],
    [
      "HOLDUNTIL=2030-01-01T00:00:00Z",
      "FUTURERELEASE 604800 2030-01-01T00:00:00Z",
      { holdUntil: "2030-01-01T00:00:00Z" }
    ],
    ["HOLDFOR=9", "FUTURERELEASE x y", { holdFor: 9 }],
    ["BY=120;R", "DELIVERBY 120", { deliverBy: { seconds: 120, mode: "R" } }],
    ["BY=-30;N", "DELIVERBY 120", { deliverBy: { seconds: -30, mode: "N" } }],
    ["BY=60;RT", "DELIVERBY", { deliverBy: { seconds: 60, mode: "R", trace: true } }],
    ["MT-PRIORITY=-9", "MT-PRIORITY", { priority: -9 }],
    ["MT-PRIORITY=0", "MT-PRIORITY MIXER", { priority: 0 }],
    ["TRANSID=<17@client.example>", "CHECKPOINT", { transactionId: "17@client.example" }],
    ["XVERP", "XVERP", { verp: true }],
    ["XVERP=+=", "XVERP", { verp: "+=" }]
  ]

  it.each(wishes)("V-029, V-035 to V-037, V-073, AUTH-028: writes %s for %s", (parameter, offer, input) => {
    assert.strictEqual(sent(input, server(offer)), `MAIL FROM:<a@example.com> ${parameter}`)
  })

  it("DSN-011: the envelope's id and the submitter are plain text here, and encoded once", () => {
    assert.strictEqual(
      sent({ envelopeId: "a+b =c", auth: "a+b@example.com" }, server("DSN", "AUTH PLAIN")),
      "MAIL FROM:<a@example.com> ENVID=a+2Bb+20+3Dc AUTH=a+2Bb@example.com"
    )
    assert.strictEqual(sent({ envelopeId: "a+2Bb" }, server("DSN")), "MAIL FROM:<a@example.com> ENVID=a+2B2Bb")
  })

  it("asks for nothing that is turned off", () => {
    assert.strictEqual(sent({ requireTls: false, verp: false }, nothing), "MAIL FROM:<a@example.com>")
  })

  it.each(wishes)("SMTP-025, DSN-007: %s is refused without its extension", (parameter, offer, input) => {
    const problem = mailUnmet(input, modern.supports(offer.split(" ")[0] ?? "") ? nothing : modern)
    const requirement = input.requireTls === true ? "requiretls" : "extension"
    assert.include(problem, { stage: "mail", requirement })
    assert.include(problem.detail, `${parameter.split("=")[0]} needs`)
    assert.isDefined(problem.hint)
  })

  it("SMTP-025, DSN-007: what may be left out is listed when it is", () => {
    const input = {
      ret: "FULL",
      envelopeId: "1",
      auth: "<>",
      priority: 1,
      transactionId: "1@a",
      verp: true,
      deliverBy: { seconds: 1, mode: "N" }
    } as const
    const { omitted, parameters } = Result.getOrThrow(Parameters.mail(envelope(input), text, nothing, "omit"))
    assert.deepStrictEqual(parameters, [])
    assert.deepStrictEqual(omitted, ["RET", "ENVID", "AUTH", "BY", "MT-PRIORITY", "TRANSID", "XVERP"])
  })

  it.each([
    ["SMTP-257", { holdFor: 60 }],
    ["SMTP-257", { holdUntil: "2030-01-01T00:00:00Z" }],
    ["SMTP-256", { deliverBy: { seconds: 60, mode: "R" } }]
  ] as const)("%s: %o is never left out", (_, input) => {
    assert.include(mailUnmet(input, modern, text, "omit"), { requirement: "extension" })
  })

  it("CLASS-30 TLS-020 TLS-021: REQUIRETLS is never left out, and a server without it is 5.7.30 after the last host", () => {
    for (const onMissing of both) {
      const problem = mailUnmet({ requireTls: true }, modern, text, onMissing)
      assert.include(problem, { requirement: "requiretls" })
      assert.include(
        { ...Failure.fromProblem(problem) },
        { _tag: "PermFailure", stage: "mail", enhanced: "5.7.30", scope: "host", next: "host" }
      )
    }
  })

  it("SMTP-025 DSN-007: each wish is a refusal or is listed, as the caller chose, and none is in what is sent", () => {
    for (const [parameter, , input] of wishes) {
      const [keyword = ""] = parameter.split("=")
      assert.isTrue(Result.isFailure(Parameters.mail(envelope(input), text, nothing, "refuse")), parameter)
      const omitting = Parameters.mail(envelope(input), text, nothing, "omit")
      if (Result.isFailure(omitting)) assert.match(parameter, /^(REQUIRETLS|HOLD.*|BY=.*;RT?)$/)
      else assert.deepInclude(omitting.success, { parameters: [], omitted: [keyword] })
    }
  })

  it.each([
    ["V-036", "FUTURERELEASE 604800 2030-01-01T00:00:00Z", { holdFor: 604801 }],
    ["SMTP-257", "FUTURERELEASE 604800 2030-01-01T00:00:00Z", { holdUntil: "2030-01-01T00:00:01Z" }],
    ["SMTP-257", "FUTURERELEASE 604800 2030-01-01t00:00:00.5z", { holdUntil: "2030-01-01T00:00:01Z" }],
    ["SMTP-255", "DELIVERBY 120", { deliverBy: { seconds: 119, mode: "R" } }]
  ] as const)("%s: with %s, %o is over the limit, always", (_, offer, input) => {
    for (const onMissing of both) {
      const problem = mailUnmet(input, server(offer), text, onMissing)
      assert.include(problem, { stage: "mail", requirement: "extension" })
      assert.match(problem.detail, /^the server /)
    }
  })

  it("V-029 writes everything together", () => {
    assert.strictEqual(
      sent({ from: "", ret: "HDRS", envelopeId: "QQ314159" }, modern, { size: 1000, encoding: "8bit", utf8: true }),
      "MAIL FROM:<> SIZE=1000 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ314159"
    )
  })
})

const recipient = (input: Envelope.RecipientInput) => envelope({ to: input }).recipients[0]

const rcptSent = (input: Envelope.RecipientInput, utf8 = false): string => {
  const { parameters, path } = Result.getOrThrow(Parameters.rcpt(recipient(input), utf8, server("DSN"), "refuse"))
  return Result.getOrThrow(Command.encode(Command.rcpt(path, parameters))).trimEnd()
}

describe("rcpt", () => {
  it("V-030, DSN-001 writes NOTIFY and ORCPT", () => {
    assert.strictEqual(
      rcptSent({
        address: "dana@ivory.example",
        notify: ["SUCCESS", "FAILURE"],
        originalRecipient: { type: "rfc822", address: "dana@ivory.example" }
      }),
      "RCPT TO:<dana@ivory.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;dana@ivory.example"
    )
    assert.strictEqual(rcptSent({ address: "postmaster", notify: "NEVER" }), "RCPT TO:<postmaster> NOTIFY=NEVER")
  })

  it("DSN-003, DSN-008 encodes the original recipient for its type and the transaction", () => {
    const rfc822 = { type: "rfc822", address: "e=mc2 + x@example.com" }
    assert.strictEqual(
      rcptSent({ address: "b@c", originalRecipient: rfc822 }),
      "RCPT TO:<b@c> ORCPT=rfc822;e+3Dmc2+20+2B+20x@example.com"
    )
    const utf8 = { type: "utf-8", address: "jörg+x@bücher.ch" }
    assert.strictEqual(
      rcptSent({ address: "b@c", originalRecipient: utf8 }),
      "RCPT TO:<b@c> ORCPT=utf-8;j\\x{F6}rg\\x{2B}x@b\\x{FC}cher.ch"
    )
    assert.strictEqual(
      rcptSent({ address: "b@c", originalRecipient: utf8 }, true),
      "RCPT TO:<b@c> ORCPT=utf-8;jörg\\x{2B}x@bücher.ch"
    )
  })

  it("V-026, DSN-007 refuses or lists what a server without DSN does not get", () => {
    const wish = recipient({
      address: "b@c",
      notify: "NEVER",
      originalRecipient: { type: "rfc822", address: "b@c" }
    })
    assert.include(unmet(Parameters.rcpt(wish, false, nothing, "refuse")), { stage: "rcpt", requirement: "extension" })
    assert.deepStrictEqual(Result.getOrThrow(Parameters.rcpt(wish, false, nothing, "omit")), {
      path: Address.unsafe("b@c"),
      parameters: [],
      omitted: ["NOTIFY", "ORCPT"]
    })
  })
})

describe("properties", () => {
  const everything = server(
    "SIZE",
    "8BITMIME",
    "SMTPUTF8",
    "DSN",
    "AUTH",
    "REQUIRETLS",
    "FUTURERELEASE",
    "DELIVERBY",
    "MT-PRIORITY",
    "CHECKPOINT",
    "XVERP"
  )

  it.prop(
    "every envelope can be written to a server that offers all, and nothing is omitted",
    [Envelope.Envelope],
    ([e]) => {
      const mail = Result.getOrThrow(Parameters.mail(e, { ...text, size: 1 }, everything, "refuse"))
      assert.isTrue(Result.isSuccess(Command.encode(Command.mail(mail.path, mail.parameters))))
      assert.deepStrictEqual(mail.omitted, [])
      for (const recipient of e.recipients) {
        const { omitted, parameters, path } = Result.getOrThrow(
          Parameters.rcpt(recipient, mail.utf8, everything, "refuse")
        )
        assert.isTrue(Result.isSuccess(Command.encode(Command.rcpt(path, parameters))))
        assert.deepStrictEqual(omitted, [])
      }
    }
  )

  it.prop("SMTP-025 a server without extensions gets no parameter, whatever is asked", [Envelope.Envelope], ([e]) => {
    const mail = Parameters.mail(e, text, nothing, "omit")
    if (Result.isSuccess(mail)) assert.deepStrictEqual(mail.success.parameters, [])
    for (const recipient of e.recipients) {
      const rcpt = Parameters.rcpt(recipient, false, nothing, "omit")
      if (Result.isSuccess(rcpt)) assert.deepStrictEqual(rcpt.success.parameters, [])
    }
  })
})
