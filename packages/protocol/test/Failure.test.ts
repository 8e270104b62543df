import * as Endpoint from "@effect-mail/protocol/Endpoint"
import * as Failure from "@effect-mail/protocol/Failure"
import * as Reply from "@effect-mail/protocol/Reply"
import type { Stage } from "@effect-mail/protocol/Stage"
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"

const refused = (stage: Stage, code: number, text = "words", command?: string): Failure.Refused => ({
  _tag: "Refused",
  stage,
  reply: Reply.make(code, text),
  command
})
const lost = (stage: Stage, kind: Failure.Lost["kind"] = "closed"): Failure.Lost => ({
  _tag: "Lost",
  stage,
  kind,
  detail: "it ended"
})
const unmet = (requirement: Failure.Unmet["requirement"], stage: Stage = "mail"): Failure.Unmet => ({
  _tag: "Unmet",
  stage,
  requirement,
  detail: "it is missing"
})
const invalid = (stage: Stage): Failure.Invalid => ({ _tag: "Invalid", stage, detail: "it has a line end" })

type Expected = readonly [
  tag: Failure.Failure["_tag"],
  scope: Failure.Scope,
  next: Failure.Next,
  enhanced: string | undefined,
  uncertain?: "uncertain"
]

const verdict = (failure: Failure.Failure): Expected => {
  const { _tag, enhanced, next, scope } = failure
  return _tag === "TempFailure" && failure.uncertain
    ? [_tag, scope, next, enhanced, "uncertain"]
    : [_tag, scope, next, enhanced]
}

type Case = readonly [problem: Failure.Problem, expected: Expected]

const each = <A>(all: ReadonlyArray<A>, make: (a: A) => Case): ReadonlyArray<Case> => all.map(make)

const rows: ReadonlyArray<readonly [name: string, ...cases: ReadonlyArray<Case>]> = [
  [
    "CLASS-01: what the grammar does not allow is refused for good",
    [invalid("rcpt"), ["PermFailure", "recipient", "never", "5.1.3"]],
    [invalid("mail"), ["PermFailure", "message", "never", "5.5.4"]]
  ],
  [
    "CLASS-13 CLS-003: nobody answers at this address: the next address, then the next host",
    ...each(["refused", "timeout", "reset", "closed"] as const, (kind) => [
      lost("connect", kind),
      ["Unreachable", "host", "address", "4.4.1"]
    ])
  ],
  [
    "CLASS-14: trouble of this machine is never held against the host or the domain",
    ...each(["connect", "greeting", "ehlo", "tls", "auth", "mail", "rcpt", "data", "body"] as const, (stage) => [
      lost(stage, "local"),
      ["Unreachable", "local", "later", "4.3.0"]
    ])
  ],
  [
    "CLASS-16: no greeting in time",
    ...each(["timeout", "closed", "reset"] as const, (kind) => [
      lost("greeting", kind),
      ["Unreachable", "host", "address", "4.4.2"]
    ])
  ],
  [
    "CLASS-17: a busy host is passed over",
    ...each([421, 450, 454, 499], (code) => [refused("greeting", code), ["TempFailure", "host", "host", undefined]])
  ],
  [
    "CLASS-18 CLS-006 SMTP-270: a host that takes no mail is passed over, and only the policy makes that final",
    ...each([554, 521, 500, 599], (code) => [
      refused("greeting", code, "5.3.2 no"),
      ["TempFailure", "host", "host", "5.3.2"]
    ])
  ],
  [
    "CLASS-19: what listens there is no mail server",
    [lost("greeting", "protocol"), ["Unreachable", "host", "host", "4.5.0"]],
    [refused("greeting", 250), ["Unreachable", "host", "host", "4.5.0"]],
    [refused("greeting", 354), ["Unreachable", "host", "host", "4.5.0"]]
  ],
  ["CLASS-20: 421 to EHLO", [refused("ehlo", 421, "4.3.2 bye"), ["TempFailure", "host", "host", "4.3.2"]]],
  [
    "CLASS-21: EHLO refused, and HELO is not good enough",
    [unmet("tls", "ehlo"), ["Unreachable", "host", "host", "4.7.4"]]
  ],
  [
    "CLASS-22: HELO refused",
    ...each([450, 421, 550, 502], (code) => [refused("ehlo", code), ["TempFailure", "host", "host", undefined]])
  ],
  [
    "CLASS-25 TLS-009: TLS is demanded and not to be had",
    [unmet("tls", "starttls"), ["Unreachable", "host", "host", "4.7.4"]],
    [refused("starttls", 454), ["Unreachable", "host", "host", "4.7.4"]],
    [refused("starttls", 502), ["Unreachable", "host", "host", "4.7.4"]],
    [refused("starttls", 250, "2.0.0 fine"), ["Unreachable", "host", "host", "4.7.4"]],
    [refused("starttls", 454, "4.7.0 later"), ["Unreachable", "host", "host", "4.7.0"]],
    ...each(["tls", "closed", "timeout", "protocol"] as const, (kind) => [
      lost("tls", kind),
      ["Unreachable", "host", "host", "4.7.5"]
    ]),
    [lost("starttls"), ["Unreachable", "host", "host", "4.7.5"]]
  ],
  [
    "TLS-018: a TLS alert that is read behind the handshake is a failure of TLS",
    [lost("greeting", "tls"), ["Unreachable", "host", "host", "4.7.5"]],
    [lost("ehlo", "tls"), ["Unreachable", "host", "host", "4.7.5"]]
  ],
  [
    "CLASS-31 CLS-012: the server cannot check credentials just now",
    ...each([454, 432, 421, 450], (code) => [refused("auth", code), ["TempFailure", "relay", "later", "4.7.0"]]),
    [refused("auth", 432, "4.7.12 password transition"), ["TempFailure", "relay", "later", "4.7.12"]]
  ],
  [
    "CLASS-32 CLS-012: our credentials are wrong: no reason to bounce anybody's mail",
    ...each([535, 534, 530, 538, 504, 501], (code) => [
      refused("auth", code),
      ["Unreachable", "relay", "later", "4.7.8"]
    ]),
    [unmet("auth", "auth"), ["Unreachable", "relay", "later", "4.7.8"]]
  ],
  [
    "AUTH-021: a relay that cannot prove itself is not asked by another name",
    [lost("auth", "proof"), ["Unreachable", "relay", "later", "4.7.8"]],
    [lost("auth", "protocol"), ["TempFailure", "host", "host", "4.5.0"]],
    [refused("auth", 250), ["Unreachable", "relay", "later", "4.7.8"]]
  ],
  [
    "a connection that ends during EHLO or AUTH",
    [lost("ehlo"), ["TempFailure", "host", "host", "4.4.2"]],
    [lost("ehlo", "protocol"), ["TempFailure", "host", "host", "4.5.0"]],
    [lost("auth"), ["TempFailure", "host", "host", "4.4.2"]]
  ],
  [
    "CLASS-30 CLASS-33: the message needs what this host lacks",
    [unmet("smtputf8"), ["PermFailure", "host", "host", "5.6.7"]],
    [unmet("smtputf8", "rcpt"), ["PermFailure", "host", "host", "5.6.7"]],
    [unmet("8bitmime"), ["PermFailure", "host", "host", "5.6.3"]],
    [unmet("requiretls"), ["PermFailure", "host", "host", "5.7.30"]],
    [unmet("extension"), ["PermFailure", "host", "host", "5.3.3"]]
  ],
  ["CLASS-34 SMTP-122: larger than the host's SIZE", [unmet("size"), ["PermFailure", "host", "host", "5.3.4"]]],
  [
    "CLASS-35 CLS-013: 421 to MAIL, or the connection ends there",
    [refused("mail", 421), ["TempFailure", "message", "host", undefined]],
    [lost("mail"), ["TempFailure", "message", "host", "4.4.2"]]
  ],
  [
    "CLASS-36: 4yz to MAIL",
    ...each([450, 451, 452, 455, 400], (code) => [refused("mail", code), ["TempFailure", "message", "host", undefined]])
  ],
  [
    "CLASS-37 CLS-005: 5yz to MAIL is about the message and not about the host",
    ...each([550, 552, 553, 555, 530, 500], (code) => [
      refused("mail", code, "5.1.8 no"),
      ["PermFailure", "message", "never", "5.1.8"]
    ])
  ],
  [
    "CLASS-40 CLS-001 SMTP-075: 4yz to RCPT waits, it does not go to the next host",
    ...each([450, 451, 452, 455], (code) => [
      refused("rcpt", code, "4.7.1 greylisted"),
      ["TempFailure", "recipient", "later", "4.7.1"]
    ])
  ],
  [
    "CLASS-42 CLS-010: 552 to RCPT may mean too many recipients, unless it says what is full",
    [refused("rcpt", 552), ["TempFailure", "recipient", "later", undefined]],
    [refused("rcpt", 552, "5.5.3 too many"), ["TempFailure", "recipient", "later", "5.5.3"]],
    ...each(["5.2.2", "5.2.3", "5.1.1", "5.3.4"], (enhanced) => [
      refused("rcpt", 552, `${enhanced} no`),
      ["PermFailure", "recipient", "never", enhanced]
    ])
  ],
  [
    "CLASS-43 CLS-002 CLS-006: 5yz to RCPT, also 556, where the domain takes no mail",
    ...each([550, 551, 553, 554, 556, 503], (code) => [
      refused("rcpt", code, "5.1.1 unknown"),
      ["PermFailure", "recipient", "never", "5.1.1"]
    ])
  ],
  [
    "CLASS-44 PIPE-015 SMTP-011: 421 to RCPT, or the connection ends there",
    [refused("rcpt", 421), ["TempFailure", "recipient", "host", "4.4.2"]],
    [refused("rcpt", 421, "4.3.2 bye"), ["TempFailure", "recipient", "host", "4.3.2"]],
    ...each(["closed", "reset", "timeout"] as const, (kind) => [
      lost("rcpt", kind),
      ["TempFailure", "recipient", "host", "4.4.2"]
    ])
  ],
  [
    "CLASS-45: DATA refused",
    [refused("data", 451), ["TempFailure", "message", "later", undefined]],
    [refused("data", 421), ["TempFailure", "message", "later", undefined]],
    [refused("data", 554, "5.7.1 no"), ["PermFailure", "message", "never", "5.7.1"]]
  ],
  [
    "CLASS-48: the connection ends before the last byte: certainly not delivered",
    ...each(["data", "body"] as const, (stage) => [lost(stage), ["TempFailure", "message", "host", "4.4.2"]])
  ],
  [
    "CLASS-49: a reply in the middle of the message",
    [refused("body", 452), ["TempFailure", "message", "later", undefined]],
    [refused("body", 552), ["PermFailure", "message", "never", undefined]]
  ],
  [
    "CLASS-50 SMTP-015: 4yz to the message, certainly not delivered",
    ...each([421, 450, 451, 452], (code) => [refused("data-end", code), ["TempFailure", "message", "later", undefined]])
  ],
  [
    "CLASS-51 SMTP-015: 5yz to the message",
    ...each([550, 552, 554], (code) => [
      refused("data-end", code, "5.6.0 no"),
      ["PermFailure", "message", "never", "5.6.0"]
    ])
  ],
  [
    "CLASS-52 CLASS-57 CLS-008 SMTP-012: lost after the last byte: maybe delivered, never to another host",
    ...each(["closed", "reset", "timeout", "tls", "local"] as const, (kind) => [
      lost("data-end", kind),
      ["TempFailure", "message", "later", "4.4.2", "uncertain"]
    ]),
    [lost("data-end", "protocol"), ["TempFailure", "message", "later", "4.5.0", "uncertain"]]
  ],
  [
    "CLASS-58: out of step or unreadable",
    ...each(["mail", "rcpt", "data", "body"] as const, (stage) => [
      refused(stage, 354),
      ["TempFailure", "message", "host", "4.5.0"]
    ]),
    [refused("data", 250, "2.0.0 fine"), ["TempFailure", "message", "host", "4.5.0"]],
    [refused("mail", 199), ["TempFailure", "message", "host", "4.5.0"]],
    [refused("mail", 600), ["TempFailure", "message", "host", "4.5.0"]],
    [refused("ehlo", 220), ["TempFailure", "host", "host", "4.5.0"]],
    [lost("mail", "protocol"), ["TempFailure", "message", "host", "4.5.0"]],
    [lost("rcpt", "protocol"), ["TempFailure", "recipient", "host", "4.5.0"]]
  ],
  [
    "CLASS-58 CLASS-52: an unexpected reply to the message leaves its fate unknown",
    [refused("data-end", 354), ["TempFailure", "message", "later", "4.5.0", "uncertain"]]
  ],
  ["CLASS-59: MAIL out of order is no verdict", [refused("mail", 503), ["TempFailure", "message", "later", undefined]]],
  [
    "CLASS-60 V-019: an unknown code counts by its first digit",
    [refused("rcpt", 471), ["TempFailure", "recipient", "later", undefined]],
    [refused("rcpt", 571), ["PermFailure", "recipient", "never", undefined]],
    [refused("data-end", 471), ["TempFailure", "message", "later", undefined]],
    [refused("data-end", 571), ["PermFailure", "message", "never", undefined]]
  ],
  [
    "CLASS-61 CLS-011: the reply code wins over an enhanced status of another class",
    [refused("rcpt", 550, "4.2.1 busy"), ["PermFailure", "recipient", "never", undefined]],
    [refused("rcpt", 450, "5.1.1 unknown"), ["TempFailure", "recipient", "later", undefined]],
    [refused("data-end", 554, "2.0.0 fine"), ["PermFailure", "message", "never", undefined]]
  ]
]

const endpoint = Endpoint.make({ host: "mx.example.com", address: "192.0.2.1" })

describe("Failure.fromProblem", () => {
  it.each(rows.map(([name, ...cases]) => ({ name, cases })))("$name", ({ cases }) => {
    assert.isAbove(cases.length, 0)
    for (const [problem, expected] of cases) {
      assert.deepStrictEqual(verdict(Failure.fromProblem(problem)), expected, JSON.stringify(problem))
    }
  })

  it("ESC-090 CLS-009: what no server said has a code of its own, in one of three kinds", () => {
    for (const [problem, kind, enhanced] of [
      [invalid("rcpt"), "PermFailure", "5.1.3"],
      [unmet("size"), "PermFailure", "5.3.4"],
      [unmet("smtputf8"), "PermFailure", "5.6.7"],
      [unmet("8bitmime"), "PermFailure", "5.6.3"],
      [unmet("requiretls"), "PermFailure", "5.7.30"],
      [lost("connect", "refused"), "Unreachable", "4.4.1"],
      [lost("greeting", "timeout"), "Unreachable", "4.4.2"],
      [lost("tls", "tls"), "Unreachable", "4.7.5"],
      [unmet("tls"), "Unreachable", "4.7.4"],
      [lost("mail", "closed"), "TempFailure", "4.4.2"],
      [lost("mail", "protocol"), "TempFailure", "4.5.0"]
    ] as const) {
      const failure = Failure.fromProblem(problem)
      assert.deepStrictEqual([failure._tag, failure.enhanced], [kind, enhanced])
    }
  })
  it("SMTP-012: no failure is uncertain before the last byte", () => {
    const stages: ReadonlyArray<Stage> = ["connect", "greeting", "ehlo", "tls", "auth", "mail", "rcpt", "data", "body"]
    for (const stage of stages) {
      for (const problem of [lost(stage), lost(stage, "protocol"), refused(stage, 354), refused(stage, 421)]) {
        assert.lengthOf(verdict(Failure.fromProblem(problem)), 4, JSON.stringify(problem))
      }
    }
  })

  it("CLS-004: keeps place, command, code, status and every line", () => {
    const reply = Reply.make(550, "5.7.26 first", "5.7.26 second")
    const problem = { _tag: "Refused", stage: "rcpt", reply, command: "RCPT TO:<a@example.com>" } as const
    const failure = Failure.fromProblem(problem, { ...Failure.at(endpoint), transcript: "C: QUIT" })
    assert.deepInclude(failure, {
      stage: "rcpt",
      host: "mx.example.com",
      address: "192.0.2.1",
      port: 25,
      code: 550,
      enhanced: "5.7.26",
      reason: "first second",
      lines: ["5.7.26 first", "5.7.26 second"],
      command: "RCPT TO:<a@example.com>",
      transcript: "C: QUIT"
    })
  })

  it("CLASS-61: keeps the contradicting status in the words", () => {
    const failure = Failure.fromProblem(refused("rcpt", 550, "4.2.1 busy"))
    assert.strictEqual(failure.reason, "4.2.1 busy")
  })

  it("SMTP-054 GHSA-4gxg-q43p-hfr2: nothing a peer said can forge a line or move a cursor", () => {
    const nasty = "a\r\nb\0c\x1b[2Jd\x7fe\x9bf\u2028g\u2029h\u202ei\u2066j"
    const shown = "a\ufffd\ufffdb\ufffdc\ufffd[2Jd\ufffde\ufffdf\ufffdg\ufffdh\ufffdi\ufffdj"
    const reply: Reply.Reply = { code: 550, enhanced: undefined, lines: [nasty, "b\u00fccher \u{1f4e7}"] }
    const failure = Failure.fromProblem({ _tag: "Refused", stage: "rcpt", reply })
    assert.strictEqual(failure.reason, `${shown} b\u00fccher \u{1f4e7}`)
    assert.deepStrictEqual(failure.lines, [shown, "b\u00fccher \u{1f4e7}"])
    assert.strictEqual(Failure.fromProblem({ ...lost("mail"), detail: nasty }).reason, shown)
    assert.strictEqual(Failure.fromProblem({ ...unmet("tls"), detail: nasty }).reason, shown)
    assert.strictEqual(Failure.fromProblem({ ...refused("data", 250, nasty) }).reason.includes(shown), true)
    assert.include(failure.message, shown)
  })
})

describe("the sentence of a failure", () => {
  const at = Failure.at(endpoint)
  it("of a reply: who answered what", () => {
    assert.strictEqual(
      Failure.fromProblem(refused("rcpt", 550, "5.1.1 No such user"), at).message,
      "mx.example.com:25 answered 550 No such user"
    )
    assert.strictEqual(Failure.fromProblem(refused("rcpt", 450, "Busy")).message, "the server answered 450 Busy")
    assert.strictEqual(Failure.fromProblem(refused("rcpt", 450, ""), { host: "mx" }).message, "mx answered 450")
  })
  it("of a host that is an IPv6 address", () => {
    const where = { host: "2001:db8::1", port: 25 }
    assert.strictEqual(Failure.fromProblem(lost("mail"), where).message, "[2001:db8::1]:25: it ended")
  })
  it("of a reply that does not fit", () => {
    assert.strictEqual(
      Failure.fromProblem(refused("data", 250, "2.0.0 Ok"), at).message,
      "mx.example.com:25 answered 250 Ok (unexpected at this point)"
    )
    assert.strictEqual(
      Failure.fromProblem(refused("data", 250, "")).message,
      "the server answered 250 (unexpected at this point)"
    )
  })
  it("of a connection that ended, with how to mend it", () => {
    assert.strictEqual(Failure.fromProblem(lost("mail"), at).message, "mx.example.com:25: it ended")
    assert.strictEqual(Failure.fromProblem(lost("mail")).message, "it ended")
    const problem = { ...lost("greeting"), detail: "It ended.", hint: "Use port 465" }
    assert.strictEqual(Failure.fromProblem(problem, at).message, "mx.example.com:25: It ended. Use port 465")
  })
  it("of what is missing or invalid", () => {
    assert.strictEqual(
      Failure.fromProblem({ ...unmet("tls"), hint: "Use port 465" }).message,
      "it is missing. Use port 465"
    )
    assert.strictEqual(Failure.fromProblem(invalid("mail")).message, "it has a line end")
    assert.strictEqual(
      Failure.fromProblem(refused("auth", 535, "5.7.8 Error"), at).message,
      "mx.example.com:25 answered 535 Error. Check the user name and the password for this server"
    )
  })
})

const stages: ReadonlyArray<Stage> = ["connect", "greeting", "ehlo", "starttls", "auth", "mail", "rcpt", "data-end"]

const AnyFailure = Schema.Struct({
  tag: Schema.Literals(["temp", "perm", "unreachable"]),
  stage: Schema.Literals(stages),
  scope: Failure.Scope,
  next: Failure.Next,
  reason: Schema.String,
  uncertain: Schema.Boolean
})

const failureOf = ({ tag, uncertain, ...details }: typeof AnyFailure.Type): Failure.Failure =>
  tag === "temp"
    ? Failure.temp({ ...details, uncertain })
    : tag === "perm"
      ? Failure.perm(details)
      : Failure.unreachable(details)

describe("stored and shown", () => {
  const codec = Schema.toCodecJson(Failure.Failure)
  const roundTrip = (failure: Failure.Failure) => {
    const json = JSON.stringify(Result.getOrThrow(Schema.encodeResult(codec)(failure)))
    return Result.getOrThrow(Schema.decodeUnknownResult(codec)(JSON.parse(json)))
  }

  it("every row of the table survives JSON", () => {
    for (const [, ...cases] of rows) {
      for (const [problem] of cases) {
        const failure = Failure.fromProblem(problem, Failure.at(endpoint))
        const back = roundTrip(failure)
        assert.strictEqual(back._tag, failure._tag)
        assert.deepStrictEqual(verdict(back), verdict(failure))
        assert.strictEqual(back.message, failure.message)
        assert.deepStrictEqual(back.lines, failure.lines)
        assert.isTrue(Failure.isFailure(back))
      }
    }
  })
  it.prop("any failure survives JSON", { drawn: AnyFailure }, ({ drawn }) => {
    const failure = failureOf(drawn)
    const back = roundTrip(failure)
    assert.deepStrictEqual({ ...back }, { ...failure })
    assert.strictEqual(back.message, failure.message)
  })
  it("nothing else is a failure", () => {
    for (const other of [undefined, null, {}, new Error("x"), { _tag: "TempFailure" }, lost("mail")]) {
      assert.isFalse(Failure.isFailure(other))
    }
  })
})

describe("Failure.combine", () => {
  const perm = Failure.fromProblem(refused("rcpt", 550))
  const mailPerm = Failure.fromProblem(refused("mail", 550))
  const uncertain = Failure.fromProblem(lost("data-end"))
  const temp = Failure.fromProblem(refused("rcpt", 450))
  const unreachable = Failure.fromProblem(lost("connect"))
  const hostPerm = Failure.fromProblem(unmet("size"))

  it("a verdict, then maybe delivered, then not now, then no answer, then a fact about one host", () => {
    const strongestFirst = [perm, uncertain, temp, unreachable, hostPerm]
    for (const [i, stronger] of strongestFirst.entries()) {
      for (const weaker of strongestFirst.slice(i + 1)) {
        assert.strictEqual(Failure.combine(stronger, weaker), stronger)
        assert.strictEqual(Failure.combine(weaker, stronger), stronger)
      }
    }
  })
  it("of equals the first stays: the text of the preferred host", () => {
    assert.strictEqual(Failure.combine(perm, mailPerm), perm)
    assert.strictEqual(Failure.combine(mailPerm, perm), mailPerm)
  })
  it("an unreachable second host does not hide what the first one said", () => {
    assert.strictEqual(Failure.combine(temp, unreachable, hostPerm).reason, "words")
  })
  it.prop("is associative, and one of its arguments", { drawn: Schema.Array(AnyFailure) }, ({ drawn }) => {
    const [first, ...others] = drawn.map(failureOf)
    if (first === undefined) return
    const all = Failure.combine(first, ...others)
    assert.include([first, ...others], all)
    for (let cut = 1; cut <= others.length; cut++) {
      const [second, ...rest] = others.slice(cut - 1)
      if (second === undefined) continue
      const right = Failure.combine(second, ...rest)
      assert.strictEqual(Failure.combine(Failure.combine(first, ...others.slice(0, cut - 1)), right), all)
    }
  })
})
