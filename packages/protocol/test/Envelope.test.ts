import * as Address from "@effect-mail/protocol/Address"
import * as Envelope from "@effect-mail/protocol/Envelope"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const made = (input: Envelope.Input): Envelope.Envelope => Result.getOrThrow(Envelope.make(input))
const refused = (input: object) => {
  // Callers without types may pass anything.
  const result = Envelope.make(input as Envelope.Input)
  return Result.isFailure(result) ? result.failure : assert.fail("accepted")
}
const plain = { from: "a@example.com", to: "b@example.com" }

describe("make", () => {
  it("takes text or values for the reverse-path and the recipients", () => {
    assert.deepStrictEqual(made({ from: "a@EXAMPLE.com", to: ["b@example.com", { address: '"c"@example.com' }] }), {
      reversePath: Address.unsafe("a@example.com"),
      recipients: [{ address: Address.unsafe("b@example.com") }, { address: Address.unsafe("c@example.com") }],
      options: {}
    })
  })

  it("takes the null reverse-path in both spellings, and postmaster (SMTP-032)", () => {
    for (const from of ["", "<>"]) {
      const envelope = made({ from, to: "PostMaster" })
      assert.strictEqual(envelope.reversePath, "")
      assert.deepStrictEqual(envelope.recipients, [{ address: "postmaster" }])
    }
  })

  it("MSG-019 keeps the first of equal recipients with its options", () => {
    const { recipients } = made({
      from: "",
      to: [
        { address: "b@Example.com", notify: "NEVER" },
        "b@example.com",
        { address: '"b"@EXAMPLE.COM', notify: ["DELAY"] },
        "B@example.com",
        "x@bücher.ch",
        "x@xn--bcher-kva.ch"
      ]
    })
    assert.deepStrictEqual(
      recipients.map((r) => r.address as string),
      ["b@example.com", "B@example.com", "x@bücher.ch"]
    )
    assert.strictEqual(recipients[0].notify, "NEVER")
  })

  it("keeps the options and parses the addresses in them", () => {
    const { options } = made({
      ...plain,
      ret: "HDRS",
      envelopeId: "QQ 314159",
      auth: "User@EXAMPLE.com",
      requireTls: true,
      holdFor: 3600,
      deliverBy: { seconds: -30, mode: "N", trace: true },
      priority: -9,
      transactionId: "17@client.Example",
      verp: "+="
    })
    assert.strictEqual(options.auth, "User@example.com")
    assert.strictEqual(options.transactionId, "17@client.example")
    assert.strictEqual(options.holdFor, 3600)
    assert.strictEqual(made({ ...plain, auth: "<>" }).options.auth, "<>")
  })

  it("refuses an address with the AddressError of the parser", () => {
    for (const input of [
      { ...plain, from: "a@b.com\r\nRCPT TO:<x@y>" },
      { ...plain, to: "b" },
      { ...plain, to: ["b@example.com", "a@x.com,b@x.com"] },
      { ...plain, auth: "a b" },
      { ...plain, transactionId: "17" },
      { ...plain, from: undefined },
      { ...plain, to: "" }
    ]) {
      assert.instanceOf(refused(input), Address.AddressError)
    }
  })

  it("refuses an envelope without recipients, and lists in lists (GHSA-8vvx-rff5-p5rq)", () => {
    for (const to of [[], undefined, null, 5, {}, [["b@example.com"]], [null], [{ address: ["b@example.com"] }]]) {
      const error = refused({ ...plain, to })
      assert.instanceOf(error, Envelope.EnvelopeError)
      assert.include(error.message, "to must")
    }
  })

  it("V-031, DSN-001 refuses NEVER together with anything else, and empty or unknown notifications", () => {
    for (const notify of [["NEVER", "FAILURE"], ["FAILURE", "NEVER"], [], ["never"], ["SUCCESS\r\n"], "failure", 1]) {
      const error = refused({ ...plain, to: { address: "b@example.com", notify } })
      assert.strictEqual(
        error.message,
        "notify must be NEVER alone, or a list of SUCCESS, FAILURE and DELAY",
        JSON.stringify(notify)
      )
    }
    const { recipients } = made({ ...plain, to: { address: "b@c", notify: ["FAILURE", "DELAY", "FAILURE"] } })
    assert.deepStrictEqual(recipients[0].notify, ["FAILURE", "DELAY"])
    assert.deepStrictEqual(made({ ...plain, to: { address: "b@c", notify: "DELAY" } }).recipients[0].notify, ["DELAY"])
    assert.strictEqual(made({ ...plain, to: { address: "b@c", notify: ["NEVER"] } }).recipients[0].notify, "NEVER")
  })

  it("V-035, SMTP-255 knows which deliver-by requests are valid", () => {
    for (const [seconds, mode, trace] of [
      [120, "R"],
      [-30, "N"],
      [0, "N"],
      [60, "R", true],
      [-999_999_999, "N"]
    ] as const) {
      assert.deepInclude(made({ ...plain, deliverBy: { seconds, mode, trace } }).options.deliverBy, { seconds, mode })
    }
    for (const deliverBy of [
      { seconds: 0, mode: "R" },
      { seconds: -1, mode: "R" },
      { seconds: 60 },
      { seconds: 1_000_000_000, mode: "N" },
      { seconds: 1.5, mode: "N" },
      { seconds: 60, mode: "X" },
      { seconds: "60;R\r\n", mode: "R" }
    ]) {
      assert.include(refused({ ...plain, deliverBy }), { _tag: "EnvelopeError", option: "deliverBy" })
    }
  })

  it("V-036, SMTP-257 refuses both holds together", () => {
    const holdUntil = "2030-01-01T00:00:00Z"
    assert.strictEqual(made({ ...plain, holdUntil }).options.holdUntil, holdUntil)
    assert.include(refused({ ...plain, holdFor: 1, holdUntil }), { option: "holdFor" })
  })

  it.each([
    ["ret", "full"],
    ["envelopeId", ""],
    ["envelopeId", "a\tb"],
    ["envelopeId", "é"],
    ["envelopeId", "x".repeat(101)],
    ["envelopeId", "=".repeat(34)],
    ["requireTls", "yes"],
    ["holdFor", 0],
    ["holdFor", 1_000_000_000],
    ["holdFor", 0.5],
    ["holdFor", "1\r\nRCPT TO:<x@y>"],
    ["holdUntil", "2030-01-01"],
    ["holdUntil", "2030-01-01T00:00:00+01:00"],
    ["holdUntil", "2030-13-01T00:00:00Z"],
    ["holdUntil", "2030-01-01T00:00:00Z\r\n"],
    ["priority", 10],
    ["priority", 1.5],
    ["verp", "+"],
    ["verp", "+x"],
    ["verp", "+=\n"]
  ])("refuses %s %j and says what it must be", (option, value) => {
    const error = refused({ ...plain, [option]: value })
    assert.include(error, { _tag: "EnvelopeError", option })
    assert.match(error.message, new RegExp(`^${option} must be `))
  })

  it("refuses an option that it does not know, so that a slip of the pen is not lost", () => {
    assert.strictEqual(refused({ ...plain, retrun: "FULL" }).message, 'options have no "retrun"; remove it')
  })

  it("DSN-003 refuses original recipients that ORCPT cannot carry", () => {
    for (const originalRecipient of [
      { type: "rfc 822", address: "a@b" },
      { type: "", address: "a@b" },
      { type: "rfc822", address: "" },
      { type: "rfc822", address: "jörg@example.com" },
      { type: "rfc822", address: "a@b\r\nBcc: c@d" },
      { type: "rfc822", address: "x".repeat(488) },
      { type: "utf-8", address: "ü".repeat(90) },
      { type: "rfc822" },
      "rfc822;a@b"
    ]) {
      const error = refused({ ...plain, to: { address: "b@example.com", originalRecipient } })
      assert.include(error, { _tag: "EnvelopeError", option: "originalRecipient" }, JSON.stringify(originalRecipient))
    }
    const longest = { type: "rfc822", address: "x".repeat(487) }
    assert.deepStrictEqual(
      made({ ...plain, to: { address: "b@c", originalRecipient: longest } }).recipients[0].originalRecipient,
      longest
    )
  })
})

describe("schema", () => {
  const codec = Schema.toCodecJson(Envelope.Envelope)
  const store = (envelope: Envelope.Envelope): unknown => JSON.parse(JSON.stringify(Schema.encodeSync(codec)(envelope)))

  it.prop("an envelope survives storage as JSON", [Envelope.Envelope], ([envelope]) => {
    const stored = store(envelope)
    assert.deepStrictEqual(store(Schema.decodeUnknownSync(codec)(stored)), stored)
  })

  it("gives back what was stored", () => {
    const envelope = made({
      from: "a@bücher.ch",
      to: [
        "postmaster",
        { address: "b@c", notify: ["FAILURE"], originalRecipient: { type: "rfc822", address: "B b" } }
      ],
      envelopeId: "id 1",
      deliverBy: { seconds: 60, mode: "R" },
      verp: true
    })
    assert.deepStrictEqual(Schema.decodeUnknownSync(codec)(store(envelope)), envelope)
  })

  it.each([
    { reversePath: "a@EXAMPLE.com", recipients: [{ address: "b@c" }], options: {} },
    { reversePath: "a\r\n@b", recipients: [{ address: "b@c" }], options: {} },
    { reversePath: "", recipients: [], options: {} },
    { reversePath: "", recipients: [{ address: "" }], options: {} },
    { reversePath: "", recipients: [{ address: "b@bücher.ch" }, { address: "b@xn--bcher-kva.ch" }], options: {} },
    { reversePath: "", recipients: [{ address: "b@c", notify: ["NEVER"] }], options: {} },
    { reversePath: "", recipients: [{ address: "b@c" }], options: { holdFor: 1, holdUntil: "2030-01-01T00:00:00Z" } },
    { reversePath: "", recipients: [{ address: "b@c" }], options: { deliverBy: { seconds: 0, mode: "R" } } }
  ])("refuses to read back %j", (stored: unknown) => {
    assert.isTrue(Result.isFailure(Schema.decodeUnknownResult(codec)(stored)))
  })
})
