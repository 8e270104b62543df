import { ExitStatus, Report } from "@effect-mail/cli"
import { Failure, Receipt } from "@effect-mail/protocol"
import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"

const delivered = new Receipt.Delivered({
  recipient: "ada@example.com",
  attempts: 1,
  host: "mx.example.com",
  address: "192.0.2.1",
  port: 25,
  code: 250,
  enhanced: "2.0.0",
  text: "queued as 1",
  tls: new Receipt.TlsInfo({ protocol: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256", verified: true })
})

const at = { host: "mx.example.com", port: 25 }

const failures = {
  temp: Failure.temp({ ...at, stage: "rcpt", scope: "recipient", next: "later", code: 450, reason: "busy" }),
  perm: Failure.perm({
    ...at,
    stage: "rcpt",
    scope: "recipient",
    next: "never",
    code: 550,
    enhanced: "5.1.1",
    reason: "unknown"
  }),
  unreachable: Failure.unreachable({
    ...at,
    stage: "connect",
    scope: "host",
    next: "host",
    enhanced: "4.4.1",
    reason: "connection refused",
    hint: "Is it running?"
  }),
  uncertain: Failure.temp({
    ...at,
    stage: "data-end",
    scope: "message",
    next: "later",
    enhanced: "4.4.2",
    reason: "the connection was lost",
    uncertain: true
  }),
  login: Failure.unreachable({ ...at, stage: "auth", scope: "relay", next: "later", code: 535, reason: "wrong" }),
  busyLogin: Failure.temp({ ...at, stage: "auth", scope: "relay", next: "later", code: 454, reason: "later" })
}

const failed = (word: keyof typeof failures, attempts = 1) =>
  new Receipt.Failed({ recipient: "bob@example.net", attempts, failure: failures[word] })

describe("json", () => {
  it("has the same eight keys for every outcome, and null where nothing is known", () => {
    for (const [outcome, expected] of [
      [
        delivered,
        `{"recipient":"ada@example.com","outcome":"delivered","stage":"data-end","code":250,"enhanced":"2.0.0",` +
          `"text":"queued as 1","host":"mx.example.com","attempts":1}`
      ],
      [
        failed("temp", 3),
        `{"recipient":"bob@example.net","outcome":"temp","stage":"rcpt","code":450,"enhanced":null,` +
          `"text":"busy","host":"mx.example.com","attempts":3}`
      ],
      [
        failed("perm"),
        `{"recipient":"bob@example.net","outcome":"perm","stage":"rcpt","code":550,"enhanced":"5.1.1",` +
          `"text":"unknown","host":"mx.example.com","attempts":1}`
      ],
      [
        failed("unreachable"),
        `{"recipient":"bob@example.net","outcome":"unreachable","stage":"connect","code":null,"enhanced":"4.4.1",` +
          `"text":"connection refused","host":"mx.example.com","attempts":1}`
      ],
      [
        failed("uncertain"),
        `{"recipient":"bob@example.net","outcome":"uncertain","stage":"data-end","code":null,"enhanced":"4.4.2",` +
          `"text":"the connection was lost","host":"mx.example.com","attempts":1}`
      ]
    ] as const) {
      assert.strictEqual(Report.json(outcome), expected)
    }
  })

  it("is one line, whatever the server said", () => {
    const failure = Failure.perm({ stage: "rcpt", scope: "recipient", next: "never", reason: "two\r\nlines\u2028" })
    const line = Report.json(new Receipt.Failed({ recipient: "bob@example.net", attempts: 1, failure }))
    assert.notMatch(line, /[\r\n\u2028]/)
  })
})

describe("line", () => {
  it("says who, what became of it, and why", () => {
    assert.deepStrictEqual(
      [delivered, failed("temp", 3), failed("perm"), failed("unreachable"), failed("uncertain")].map(Report.line),
      [
        "ada@example.com: delivered: mx.example.com answered 250 queued as 1 (TLSv1.3)",
        "bob@example.net: refused for now after 3 attempts: mx.example.com:25 answered 450 busy",
        "bob@example.net: refused: mx.example.com:25 answered 550 unknown",
        "bob@example.net: unreachable: mx.example.com:25: connection refused. Is it running?",
        "bob@example.net: maybe delivered, because the answer to the message never came: " +
          "mx.example.com:25: the connection was lost"
      ]
    )
  })

  it("of a wait says when the next attempt is, in whole seconds", () => {
    const line = Report.waiting({
      _tag: "Deferred",
      since: 0,
      because: "temp",
      messageId: undefined,
      recipients: ["ada@example.com", "bob@example.net"],
      failure: failures.temp,
      after: Duration.millis(90_001)
    })
    assert.strictEqual(
      line,
      "ada@example.com, bob@example.net: next attempt in 1m 31s: mx.example.com:25 answered 450 busy"
    )
  })
})

describe("fromReceipt", () => {
  const status = (...outcomes: ReadonlyArray<Receipt.Outcome>) =>
    ExitStatus.fromReceipt(new Receipt.Receipt({ outcomes }))

  it("is 0 when everybody was accepted", () => {
    assert.strictEqual(status(delivered, delivered), 0)
  })

  it("is 75 when anybody may still be accepted later, whoever else was refused", () => {
    for (const word of ["temp", "unreachable", "uncertain", "busyLogin"] as const) {
      assert.strictEqual(status(failed(word)), 75, word)
      assert.strictEqual(status(delivered, failed("perm"), failed(word)), 75, word)
    }
  })

  it("is 69 when somebody was refused for good and nobody may still be accepted", () => {
    assert.strictEqual(status(failed("perm")), 69)
    assert.strictEqual(status(delivered, failed("perm")), 69)
  })

  it("is 77 when the login was refused", () => {
    assert.strictEqual(status(failed("login")), 77)
    assert.strictEqual(status(failed("login"), failed("temp")), 77)
  })
})
