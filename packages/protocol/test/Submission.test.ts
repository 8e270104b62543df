import type * as ClientDialogue from "@effect-mail/protocol/ClientDialogue"
import * as Envelope from "@effect-mail/protocol/Envelope"
import * as Failure from "@effect-mail/protocol/Failure"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { end, message, play, stuffed } from "./support/play.ts"
import { envelope, people, submission, submit } from "./support/submit.ts"

const mail = "MAIL FROM:<alice@example.com>\r\n"
const rcpt = (...names: ReadonlyArray<string>): string =>
  names.map((name) => `RCPT TO:<${name}@example.org>\r\n`).join("")
const data = "DATA\r\n"
const rset = "RSET\r\n"
const bdat = `BDAT ${message.length} LAST\r\n${message}`

const pipelining = { offers: ["PIPELINING"] }
const chunking = { offers: ["PIPELINING", "CHUNKING"] }
const lmtp = { offers: ["PIPELINING"], options: { protocol: "lmtp" } } as const

const failureOf = (verdict: ClientDialogue.Verdict | undefined): string => {
  if (verdict === undefined || verdict._tag === "Accepted") return "none"
  const failure = Failure.fromProblem(verdict)
  const certainty = failure._tag === "TempFailure" && failure.uncertain ? " uncertain" : ""
  return `${failure._tag} ${failure.scope} ${failure.next}${certainty}`
}

describe("lock-step", () => {
  it("SMTP-004 SMTP-008 SMTP-092 SMTP-031..033: each command waits for its reply", () => {
    const { awaited, usable, words, wrote } = submit(2, ["250 a", "250 b", "250 c", "354 go", "250 queued"])
    assert.deepStrictEqual(wrote, [mail, rcpt("a"), rcpt("b"), data, stuffed])
    assert.deepStrictEqual(awaited, ["mail", "rcpt", "rcpt", "data", "data-end"])
    assert.deepStrictEqual(words, ["accepted 250", "accepted 250"])
    assert.isTrue(usable)
  })
  it("CLS-004 SMTP-054: what logs show are the commands, and every verdict names the one that was refused", () => {
    const lockStep = submit(2, ["250 a", "250 b", "550 c", "451 no", "250 reset"])
    const commands = [mail, rcpt("a"), rcpt("b"), data, rset].map((line) => line.trim())
    assert.deepStrictEqual(lockStep.shown, commands)
    const refusals = lockStep.verdicts.map((verdict) => (verdict._tag === "Refused" ? verdict.command : ""))
    assert.deepStrictEqual(refusals, ["DATA", commands[2]])
    const bdatLine = `BDAT ${message.length} LAST`
    assert.deepStrictEqual(submit(1, ["421 no"], chunking).shown, [mail.trim(), rcpt("a").trim(), bdatLine])
    const [refused] = submit(1, ["550 no"]).verdicts
    assert.strictEqual(refused?._tag === "Refused" ? refused.command : "", commands[0])
  })
  it("CLASS-37 CLASS-36: after a refused MAIL nothing else is said, and the connection is as before", () => {
    for (const code of [451, 452, 550, 552]) {
      const { usable, words, wrote } = submit(2, [`${code} no`])
      assert.deepStrictEqual(wrote, [mail])
      assert.deepStrictEqual(words, [`mail ${code}`, `mail ${code}`])
      assert.isTrue(usable)
    }
  })
  it("CLASS-60: any 2yz takes the sender", () => {
    const { words } = submit(1, ["259 fine", "259 fine", "354 go", "259 fine"])
    assert.deepStrictEqual(words, ["accepted 259"])
  })
  it("CLASS-43 CLASS-40: after refused recipients there is no DATA, but RSET", () => {
    const { usable, words, wrote } = submit(2, ["250 a", "550 no", "450 later", "250 reset"])
    assert.deepStrictEqual(wrote, [mail, rcpt("a"), rcpt("b"), rset])
    assert.deepStrictEqual(words, ["rcpt 550", "rcpt 450"])
    assert.isTrue(usable)
  })
  it("CLASS-39 SMTP-101: 251 takes the recipient, 551 does not", () => {
    const { words } = submit(2, ["250 a", "251 will forward", "551 try elsewhere", "354 go", "250 queued"])
    assert.deepStrictEqual(words, ["accepted 250", "rcpt 551"])
  })
  it("CLASS-45 SMTP-098: DATA refused: no content, RSET, the refused recipients keep their word", () => {
    const { usable, words, wrote } = submit(2, ["250 a", "250 b", "550 no", "451 not now", "250 reset"])
    assert.deepStrictEqual(wrote, [mail, rcpt("a"), rcpt("b"), data, rset])
    assert.deepStrictEqual(words, ["data 451", "rcpt 550"])
    assert.isTrue(usable)
  })
  it("RSET that fails leaves nothing to use", () => {
    for (const last of ["451 no", "421 bye", end()]) {
      assert.isFalse(submit(1, ["250 a", "550 no", last]).usable)
      assert.isFalse(submit(1, ["250 a", "250 b", "554 no", last]).usable)
    }
  })
  it("SMTP-102 CLASS-58: DATA answered with 2yz is out of step: nothing more is said", () => {
    const { usable, verdicts, words, wrote } = submit(1, ["250 a", "250 b", "250 c"])
    assert.deepStrictEqual(wrote, [mail, rcpt("a"), data])
    assert.deepStrictEqual(words, ["data 250"])
    assert.strictEqual(failureOf(verdicts[0]), "TempFailure message host")
    assert.isFalse(usable)
  })
  it("CLASS-58: 3yz to MAIL or RCPT is out of step", () => {
    const atMail = submit(1, ["354 go"])
    assert.deepStrictEqual([atMail.words, atMail.usable, atMail.wrote], [["mail 354"], false, [mail]])
    const atRcpt = submit(3, ["250 a", "250 b", "354 go"])
    assert.deepStrictEqual(atRcpt.wrote, [mail, rcpt("a"), rcpt("b")])
    assert.deepStrictEqual(atRcpt.words, ["rcpt 354", "rcpt 354", "rcpt 354"])
    assert.isFalse(atRcpt.usable)
  })
  it("CLASS-59: 503 to MAIL: the connection is not where we think", () => {
    const { usable, verdicts, wrote } = submit(1, ["503 nested"])
    assert.deepStrictEqual(wrote, [mail])
    assert.strictEqual(failureOf(verdicts[0]), "TempFailure message later")
    assert.isFalse(usable)
  })
})

describe("421 and the end of the connection, in lock-step", () => {
  it("V-131 CLASS-35 CLASS-44 CLS-013: after a 421 nothing is said, and nobody is accepted", () => {
    for (const [events, words, wrote] of [
      [["421 bye"], ["mail 421", "mail 421"], [mail]],
      [
        ["250 a", "421 bye"],
        ["rcpt 421", "rcpt 421"],
        [mail, rcpt("a")]
      ],
      [
        ["250 a", "250 b", "421 bye"],
        ["rcpt 421", "rcpt 421"],
        [mail, rcpt("a"), rcpt("b")]
      ],
      [
        ["250 a", "550 b", "421 bye"],
        ["rcpt 550", "rcpt 421"],
        [mail, rcpt("a"), rcpt("b")]
      ],
      [
        ["250 a", "250 b", "250 c", "421 bye"],
        ["data 421", "data 421"],
        [mail, rcpt("a"), rcpt("b"), data]
      ],
      [
        ["250 a", "250 b", "250 c", "354 go", "421 bye"],
        ["data-end 421", "data-end 421"],
        [mail, rcpt("a"), rcpt("b"), data, stuffed]
      ]
    ] as const) {
      const result = submit(2, events)
      assert.deepStrictEqual(result.words, words)
      assert.deepStrictEqual(result.wrote, wrote)
      assert.isFalse(result.usable)
    }
  })
  it("CLASS-44 CLASS-48 CLASS-52 V-125: what a loss means depends on where it happens", () => {
    for (const [events, words, failure] of [
      [[], ["lost mail", "lost mail"], "TempFailure message host"],
      [["250 a"], ["lost rcpt", "lost rcpt"], "TempFailure recipient host"],
      [["250 a", "250 b"], ["lost rcpt", "lost rcpt"], "TempFailure recipient host"],
      [["250 a", "550 b"], ["rcpt 550", "lost rcpt"], "PermFailure recipient never"],
      [["250 a", "250 b", "250 c"], ["lost data", "lost data"], "TempFailure message host"],
      [
        ["250 a", "250 b", "250 c", "354 go", end("reset", true)],
        ["lost body", "lost body"],
        "TempFailure message host"
      ],
      [
        ["250 a", "250 b", "250 c", "354 go"],
        ["lost data-end", "lost data-end"],
        "TempFailure message later uncertain"
      ],
      [["250 a", "250 b", "550 c", "354 go"], ["lost data-end", "rcpt 550"], "TempFailure message later uncertain"]
    ] as const) {
      const result = submit(2, events)
      assert.deepStrictEqual(result.words, words)
      assert.strictEqual(failureOf(result.verdicts[0]), failure)
      assert.isFalse(result.usable)
    }
  })
  it("a loss is told as it was", () => {
    for (let replies = 0; replies < 4; replies++) {
      const events = ["250 a", "250 b", "354 go"].slice(0, replies)
      const [verdict] = submit(1, [...events, end("timeout")]).verdicts
      assert.deepInclude(verdict, { _tag: "Lost", kind: "timeout", detail: "the connection ended" })
    }
  })
  it("V-130 SMTP-014 SMTP-103 CLASS-53 CLASS-54: a 250 to the message stands, its words are kept, nothing is awaited behind it", () => {
    const { usable, verdicts, words } = submit(1, ["250 a", "250 b", "354 go", "250 2.0.0 queued as 4711"])
    assert.deepStrictEqual([words, usable], [["accepted 250"], true])
    const [verdict] = verdicts
    assert.deepStrictEqual(verdict?._tag === "Accepted" ? verdict.reply.lines : [], ["2.0.0 queued as 4711"])
  })
  it("CLASS-58 CLASS-52: 3yz to the message leaves its fate unknown", () => {
    const { usable, verdicts } = submit(1, ["250 a", "250 b", "354 go", "354 go on"])
    assert.strictEqual(failureOf(verdicts[0]), "TempFailure message later uncertain")
    assert.isFalse(usable)
  })
  it("CLASS-50 CLASS-51 SMTP-015: a refused message ends the transaction, not the session", () => {
    for (const code of [451, 452, 550, 554]) {
      const { usable, words, wrote } = submit(1, ["250 a", "250 b", "354 go", `${code} no`])
      assert.deepStrictEqual(words, [`data-end ${code}`])
      assert.strictEqual(wrote.at(-1), stuffed)
      assert.isTrue(usable)
    }
  })
})

describe("PIPELINING", () => {
  it("PIPE-001 PIPE-002 PIPE-003 PIPE-014: MAIL, every RCPT and DATA in one write, the message in the next", () => {
    const { awaited, usable, words, wrote } = submit(2, ["250 a", "250 b", "250 c", "354 go", "250 queued"], pipelining)
    assert.deepStrictEqual(wrote, [mail + rcpt("a", "b") + data, stuffed])
    assert.deepStrictEqual(awaited, ["mail", "rcpt", "rcpt", "data", "data-end"])
    assert.deepStrictEqual(words, ["accepted 250", "accepted 250"])
    assert.isTrue(usable)
  })
  it("V-123 PIPE-009: replies belong to commands by their order alone", () => {
    const { words, wrote } = submit(
      2,
      ["250 a", "550 250 is what I do not say", "250 c", "354 go", "250 ok"],
      pipelining
    )
    assert.lengthOf(wrote, 2)
    assert.deepStrictEqual(words, ["rcpt 550", "accepted 250"])
  })
  it("V-124 PIPE-011 SMTP-098 CLASS-47: everybody refused and yet 354: a lone dot, and its reply means nothing", () => {
    for (const answer of ["554 nothing there", "250 queued", "451 later"]) {
      const events = ["250 a", "550 b", "450 c", "354 go", answer, "250 reset"]
      const { usable, words, wrote } = submit(2, events, pipelining)
      assert.deepStrictEqual(wrote, [mail + rcpt("a", "b") + data, ".\r\n", rset])
      assert.deepStrictEqual(words, ["rcpt 550", "rcpt 450"])
      assert.isTrue(usable)
    }
    for (const answer of ["421 bye", end(), "354 go"]) {
      const { usable, words, wrote } = submit(1, ["250 a", "550 b", "354 go", answer], pipelining)
      assert.deepStrictEqual(wrote, [mail + rcpt("a") + data, ".\r\n"])
      assert.deepStrictEqual([words, usable], [["rcpt 550"], false])
    }
  })
  it("V-124 CLASS-46: everybody refused and DATA, too: its reply says nothing about the recipients", () => {
    for (const answer of ["503 no recipients", "554 no recipients"]) {
      const { usable, words, wrote } = submit(2, ["250 a", "550 b", "450 c", answer, "250 reset"], pipelining)
      assert.deepStrictEqual(wrote, [mail + rcpt("a", "b") + data, rset])
      assert.deepStrictEqual([words, usable], [["rcpt 550", "rcpt 450"], true])
    }
  })
  it("PIPE-010: MAIL refused, and the rest came with it", () => {
    const { usable, words, wrote } = submit(2, ["550 a", "503 b", "503 c", "503 d", "250 reset"], pipelining)
    assert.deepStrictEqual(wrote, [mail + rcpt("a", "b") + data, rset])
    assert.deepStrictEqual([words, usable], [["mail 550", "mail 550"], true])
    const eager = submit(1, ["550 a", "503 b", "354 go", "554 no", "250 reset"], pipelining)
    assert.deepStrictEqual(eager.wrote, [mail + rcpt("a") + data, ".\r\n", rset])
    assert.deepStrictEqual([eager.words, eager.usable], [["mail 550"], true])
    assert.isFalse(submit(1, ["503 a", "503 b", "503 c"], pipelining).usable)
  })
  it("a server that takes a recipient without a sender gets no dot, which could be an empty message", () => {
    const { usable, words, wrote } = submit(2, ["550 a", "250 b", "503 c", "354 go"], pipelining)
    assert.deepStrictEqual([wrote.length, words, usable], [1, ["mail 550", "mail 550"], false])
  })
  it("CLASS-45: DATA refused", () => {
    const { usable, words, wrote } = submit(2, ["250 a", "250 b", "550 c", "451 later", "250 reset"], pipelining)
    assert.deepStrictEqual(wrote, [mail + rcpt("a", "b") + data, rset])
    assert.deepStrictEqual([words, usable], [["data 451", "rcpt 550"], true])
  })
  it("CLASS-58: out of step anywhere: no content, no RSET", () => {
    for (const events of [
      ["354 a", "503 b", "503 c", "503 d"],
      ["250 a", "354 b", "250 c", "354 d"],
      ["250 a", "250 b", "250 c", "250 d"],
      ["250 a", "250 b", "250 c", "334 d"],
      ["250 a", "550 b", "550 c", "250 d"]
    ]) {
      const { usable, words, wrote } = submit(2, events, pipelining)
      assert.deepStrictEqual(wrote, [mail + rcpt("a", "b") + data], events.join())
      assert.isFalse(usable)
      assert.notInclude(words, "accepted 250")
    }
  })
  it("V-131 CLASS-44: a 421 among the replies: nobody is accepted, and nothing more is said", () => {
    for (const [events, words] of [
      [["421 a"], ["mail 421", "mail 421"]],
      [
        ["250 a", "421 b"],
        ["rcpt 421", "rcpt 421"]
      ],
      [
        ["250 a", "250 b", "421 c"],
        ["rcpt 421", "rcpt 421"]
      ],
      [
        ["250 a", "250 b", "421 c", "354 d"],
        ["rcpt 421", "rcpt 421"]
      ],
      [
        ["250 a", "550 b", "421 c", "503 d"],
        ["rcpt 550", "rcpt 421"]
      ],
      [
        ["250 a", "250 b", "250 c", "421 d"],
        ["data 421", "data 421"]
      ]
    ] as const) {
      const result = submit(2, events, pipelining)
      assert.deepStrictEqual(result.words, words)
      assert.lengthOf(result.wrote, 1)
      assert.isFalse(result.usable)
    }
  })
  it("PIPE-015 CLASS-44: lost with replies missing", () => {
    for (const [events, words] of [
      [[], ["lost mail", "lost mail"]],
      [["250 a"], ["lost rcpt", "lost rcpt"]],
      [
        ["250 a", "250 b"],
        ["lost rcpt", "lost rcpt"]
      ],
      [
        ["250 a", "550 b"],
        ["rcpt 550", "lost rcpt"]
      ],
      [
        ["250 a", "250 b", "550 c"],
        ["lost data", "rcpt 550"]
      ],
      [
        ["250 a", "250 b", "250 c", "354 d"],
        ["lost data-end", "lost data-end"]
      ]
    ] as const) {
      const result = submit(2, events, pipelining)
      assert.deepStrictEqual(result.words, words)
      assert.isFalse(result.usable)
    }
  })
})

describe("CHUNKING", () => {
  it("SMTP-150 V-049: envelope, BDAT and the message in one write, no dot doubled", () => {
    const { awaited, usable, words, wrote } = submit(2, ["250 a", "250 b", "250 c", "250 queued"], chunking)
    assert.deepStrictEqual(wrote, [mail + rcpt("a", "b") + bdat])
    assert.deepStrictEqual(awaited, ["mail", "rcpt", "rcpt", "data-end"])
    assert.deepStrictEqual([words, usable], [["accepted 250", "accepted 250"], true])
  })
  it("V-049: the example of RFC 3030", () => {
    const content = "To: Susan@random.com\r\nFrom: Sam@random.com\r\nSubject: This is a bodyless test message\r\n"
    const { wrote } = submit(1, ["250 a", "250 b", "250 c"], { ...chunking, content })
    assert.isTrue(wrote[0]?.endsWith(`BDAT 86 LAST\r\n${content}`))
  })
  it("SMTP-154: no BDAT for a server that does not offer it, nor for a message too large for one write", () => {
    const dataWrites = [mail + rcpt("a") + data, stuffed]
    const events = ["250 a", "250 b", "354 go", "250 queued"]
    assert.deepStrictEqual(submit(1, events, pipelining).wrote, dataWrites)
    const limit = message.length
    assert.deepStrictEqual(submit(1, events, { ...chunking, options: { maxChunk: limit - 1 } }).wrote, dataWrites)
    assert.lengthOf(submit(1, ["250 a", "250 b", "250 c"], { ...chunking, options: { maxChunk: limit } }).wrote, 1)
    assert.deepStrictEqual(submit(1, events, { ...chunking, facts: { size: undefined } }).wrote, dataWrites)
  })
  it("SMTP-150: without PIPELINING the message goes with BDAT when somebody was accepted", () => {
    const lockStep = { offers: ["CHUNKING"] }
    const { usable, words, wrote } = submit(2, ["250 a", "250 b", "550 c", "250 queued"], lockStep)
    assert.deepStrictEqual(wrote, [mail, rcpt("a"), rcpt("b"), bdat])
    assert.deepStrictEqual([words, usable], [["accepted 250", "rcpt 550"], true])
    assert.deepStrictEqual(submit(1, ["250 a", "550 b", "250 reset"], lockStep).wrote, [mail, rcpt("a"), rset])
  })
  it("V-051 SMTP-152 CLASS-50 CLASS-51: after a refused BDAT comes RSET", () => {
    for (const code of [452, 552, 503, 554]) {
      const { usable, words, wrote } = submit(2, ["250 a", "250 b", "550 c", `${code} no`, "250 reset"], chunking)
      assert.deepStrictEqual(wrote, [mail + rcpt("a", "b") + bdat, rset])
      assert.deepStrictEqual([words, usable], [[`data-end ${code}`, "rcpt 550"], true])
    }
  })
  it("SMTP-158 CLASS-46: everybody refused: whatever BDAT was answered with, no dot, and RSET", () => {
    for (const answer of ["503 no", "554 no", "250 eaten"]) {
      const { usable, words, wrote } = submit(1, ["250 a", "550 b", answer, "250 reset"], chunking)
      assert.deepStrictEqual(wrote, [mail + rcpt("a") + bdat, rset])
      assert.deepStrictEqual([words, usable], [["rcpt 550"], true])
    }
    const { usable, wrote } = submit(1, ["250 a", "550 b", "354 go"], chunking)
    assert.deepStrictEqual([wrote.length, usable], [1, false])
  })
  it("PIPE-010 SMTP-152: MAIL refused, and the message came with it", () => {
    const { usable, words, wrote } = submit(1, ["550 a", "503 b", "503 c", "250 reset"], chunking)
    assert.deepStrictEqual(wrote, [mail + rcpt("a") + bdat, rset])
    assert.deepStrictEqual([words, usable], [["mail 550"], true])
  })
  it("CLASS-52: lost once the message is written: it may have been delivered, however few replies came", () => {
    for (const [events, words] of [
      [[], ["lost data-end", "lost data-end"]],
      [["250 a"], ["lost data-end", "lost data-end"]],
      [
        ["250 a", "550 b"],
        ["rcpt 550", "lost data-end"]
      ],
      [
        ["250 a", "250 b", "250 c"],
        ["lost data-end", "lost data-end"]
      ]
    ] as const) {
      const result = submit(2, events, chunking)
      assert.deepStrictEqual(result.words, words)
      assert.strictEqual(failureOf(result.verdicts[1]), "TempFailure message later uncertain")
      assert.isFalse(result.usable)
    }
  })
  it("CLASS-48: lost while the message is being written: certainly not delivered", () => {
    const { verdicts, words } = submit(2, ["250 a", "250 b", end("reset", true)], chunking)
    assert.deepStrictEqual(words, ["lost body", "lost body"])
    assert.strictEqual(failureOf(verdicts[0]), "TempFailure message host")
  })
  it("CLASS-44 CLASS-52: a 421 to one RCPT does not unsay what the message itself was answered with", () => {
    const answered = submit(3, ["250 a", "250 b", "421 c", "250 d", "250 queued"], chunking)
    assert.deepStrictEqual(answered.words, ["accepted 250", "rcpt 421", "accepted 250"])
    assert.isFalse(answered.usable)
    const silent = submit(3, ["250 a", "250 b", "421 c"], chunking)
    assert.deepStrictEqual(silent.words, ["lost data-end", "rcpt 421", "lost data-end"])
    assert.isFalse(silent.usable)
  })
  it("CLASS-58 CLASS-52: BDAT answered with 3yz: nothing is known", () => {
    const { usable, verdicts } = submit(1, ["250 a", "250 b", "354 go"], chunking)
    assert.strictEqual(failureOf(verdicts[0]), "TempFailure message later uncertain")
    assert.isFalse(usable)
  })
})

describe("binary content", () => {
  const offers = ["PIPELINING", "CHUNKING", "BINARYMIME", "8BITMIME"]
  const binary = { facts: { encoding: "binary" }, content: "\0.\n" } as const
  const mailLine = "MAIL FROM:<alice@example.com> BODY=BINARYMIME\r\n"
  const chunk = "BDAT 3 LAST\r\n\0.\n"

  it("SMTP-155: goes with BDAT", () => {
    const { words, wrote } = submit(1, ["250 a", "250 b", "250 c"], { ...binary, offers })
    assert.deepStrictEqual([wrote, words], [[mailLine + rcpt("a") + chunk], ["accepted 250"]])
  })
  it("SMTP-155 SMTP-153: also when it is large, or there is no PIPELINING: never with DATA", () => {
    const large = submit(2, ["250 a", "250 b", "550 c", "250 d"], { ...binary, offers, options: { maxChunk: 2 } })
    assert.deepStrictEqual(large.wrote, [mailLine + rcpt("a", "b"), chunk])
    assert.deepStrictEqual(large.words, ["accepted 250", "rcpt 550"])
    const lockStep = submit(1, ["250 a", "250 b", "250 c"], { ...binary, offers: offers.slice(1) })
    assert.deepStrictEqual(lockStep.wrote, [mailLine, rcpt("a"), chunk])
    const refused = submit(1, ["250 a", "550 b", "250 reset"], { ...binary, offers, options: { maxChunk: 2 } })
    assert.deepStrictEqual(refused.wrote, [mailLine + rcpt("a"), rset])
  })
  it("SMTP-155 SMTP-250: in LMTP BDAT waits until it is known how many replies there will be", () => {
    const events = ["250 a", "250 b", "550 c", "250 d", "250 stored", "452 full", "250 reset"]
    const { awaited, usable, words, wrote } = submit(3, events, { ...binary, offers, options: { protocol: "lmtp" } })
    assert.deepStrictEqual(wrote, [mailLine + rcpt("a", "b", "c"), chunk, rset])
    assert.deepStrictEqual(awaited.slice(4), ["data-end", "data-end", "rset"])
    assert.deepStrictEqual([words, usable], [["accepted 250", "rcpt 550", "data-end 452"], true])
  })
  it("SMTP-156: a server that cannot take it is not asked", () => {
    for (const offered of [[], ["CHUNKING"], ["BINARYMIME"], ["8BITMIME"]]) {
      const { usable, verdicts, words, wrote } = submit(2, [], { ...binary, offers: offered })
      assert.deepStrictEqual([wrote, words, usable], [[], ["unmet 8bitmime", "unmet 8bitmime"], true])
      assert.strictEqual(failureOf(verdicts[0]), "PermFailure host host")
    }
  })
  it("is refused when its size is not known", () => {
    const { verdicts, words, wrote } = submit(1, [], { offers, facts: { encoding: "binary", size: undefined } })
    assert.deepStrictEqual([wrote, words], [[], ["unmet 8bitmime"]])
    assert.deepInclude(verdicts[0], { stage: "mail" })
  })
})

describe("LMTP", () => {
  it("V-129 CLASS-56 CLS-007 SMTP-250 SMTP-252: one reply to the message for each accepted recipient, in order", () => {
    const events = ["250 a", "250 b", "550 c", "250 d", "354 go", "250 stored", "452 full"]
    const { awaited, usable, words, wrote } = submit(3, events, lmtp)
    assert.deepStrictEqual(wrote, [mail + rcpt("a", "b", "c") + data, stuffed])
    assert.deepStrictEqual(awaited.slice(5), ["data-end", "data-end"])
    assert.deepStrictEqual([words, usable], [["accepted 250", "rcpt 550", "data-end 452"], true])
  })
  it("in lock-step, too", () => {
    const events = ["250 a", "250 b", "250 c", "354 go", "554 no", "250 stored"]
    const { words, wrote } = submit(2, events, { options: { protocol: "lmtp" } })
    assert.deepStrictEqual(wrote, [mail, rcpt("a"), rcpt("b"), data, stuffed])
    assert.deepStrictEqual(words, ["data-end 554", "accepted 250"])
  })
  it("never uses BDAT for text, whose replies could not be counted in advance", () => {
    const events = ["250 a", "250 b", "354 go", "250 stored"]
    const { wrote } = submit(1, events, { ...lmtp, offers: ["PIPELINING", "CHUNKING"] })
    assert.deepStrictEqual(wrote, [mail + rcpt("a") + data, stuffed])
  })
  it("CLASS-57: lost after k of n replies: the first k stand, the rest may have been delivered", () => {
    const events = ["250 a", "250 b", "250 c", "250 d", "354 go", "250 stored"]
    const { usable, verdicts, words } = submit(3, events, lmtp)
    assert.deepStrictEqual([words, usable], [["accepted 250", "lost data-end", "lost data-end"], false])
    assert.strictEqual(failureOf(verdicts[2]), "TempFailure message later uncertain")
  })
  it("a 421 for one recipient ends the session", () => {
    const { usable, words } = submit(2, ["250 a", "250 b", "250 c", "354 go", "250 stored", "421 bye"], lmtp)
    assert.deepStrictEqual([words, usable], [["accepted 250", "data-end 421"], false])
  })
  it("SMTP-250: everybody refused: DATA fails with 503; after a 354 it is not known what would come", () => {
    const refused = submit(1, ["250 a", "550 b", "503 c", "250 reset"], lmtp)
    assert.deepStrictEqual([refused.wrote.at(-1), refused.usable], [rset, true])
    const odd = submit(1, ["250 a", "550 b", "354 go"], lmtp)
    assert.deepStrictEqual([odd.wrote.length, odd.usable, odd.words], [1, false, ["rcpt 550"]])
  })
})

describe("more recipients than one transaction has room for", () => {
  it("V-126 CLASS-41 SMTP-066: those beyond the server's limit go in the next transaction of the same connection", () => {
    const events = ["250 a", "250 b", "250 c", "452 4.5.3 too many", "452 too many", "354 go", "250 q1"]
    const again = ["250 d", "250 e", "250 f", "354 go", "250 q2"]
    const { usable, words, wrote } = submit(4, [...events, ...again], pipelining)
    assert.deepStrictEqual(wrote, [
      mail + rcpt("a", "b", "c", "d") + data,
      stuffed,
      mail + rcpt("c", "d") + data,
      stuffed
    ])
    assert.deepStrictEqual([words, usable], [Array.from({ length: 4 }, () => "accepted 250"), true])
  })
  it("CLASS-41: the next transaction is no larger than what there was room for", () => {
    const first = ["250 m", "250 a", ...Array.from({ length: 3 }, () => "452 4.5.3 too many"), "354 go", "250 q1"]
    const single = (q: string) => ["250 m", "250 r", "354 go", `250 ${q}`]
    const { wrote } = submit(4, [...first, ...single("q2"), ...single("q3"), ...single("q4")], pipelining)
    assert.deepStrictEqual(
      wrote.filter((write) => write !== stuffed),
      [
        mail + rcpt("a", "b", "c", "d") + data,
        mail + rcpt("b") + data,
        mail + rcpt("c") + data,
        mail + rcpt("d") + data
      ]
    )
  })
  it("CLASS-41 CLS-010: 452, 552 and x.5.3 mean it; a status about the mailbox or the size does not", () => {
    for (const reply of ["452 no", "552 no", "452 4.5.3 no", "452 4.3.1 no", "451 4.5.3 no", "550 5.5.3 no"]) {
      const events = ["250 m", "250 a", reply, "354 go", "250 q", "250 m", "250 b", "354 go", "250 q"]
      assert.deepStrictEqual(submit(2, events, pipelining).words, ["accepted 250", "accepted 250"], reply)
    }
    for (const reply of ["452 4.2.2 full", "552 5.2.2 full", "552 5.3.4 large", "450 4.2.1 busy", "550 no"]) {
      const { words } = submit(2, ["250 m", "250 a", reply, "354 go", "250 q"], pipelining)
      assert.deepStrictEqual(words, ["accepted 250", `rcpt ${reply.slice(0, 3)}`], reply)
    }
  })
  it("CLASS-42: before anybody was accepted it is a verdict", () => {
    const { words, wrote } = submit(2, ["250 m", "452 no", "250 b", "354 go", "250 q"], pipelining)
    assert.deepStrictEqual(words, ["rcpt 452", "accepted 250"])
    assert.lengthOf(wrote, 2)
    assert.deepStrictEqual(submit(1, ["250 m", "552 no", "503 x", "250 reset"], pipelining).words, ["rcpt 552"])
  })
  it("SMTP-245 SMTP-246: LIMITS RCPTMAX and our own limit make groups", () => {
    const one = ["250 m", "250 a", "250 b", "354 go", "250 q"]
    const two = ["250 m", "250 c", "354 go", "250 q"]
    const expected = [mail + rcpt("a", "b") + data, stuffed, mail + rcpt("c") + data, stuffed]
    for (const setting of [
      { offers: ["PIPELINING", "LIMITS RCPTMAX=2"] },
      { offers: ["PIPELINING", "LIMITS RCPTMAX=50"], options: { maxRecipients: 2 } }
    ]) {
      assert.deepStrictEqual(submit(3, [...one, ...two], setting).wrote, expected)
    }
    assert.lengthOf(submit(2, [...two, ...two], { ...pipelining, options: { maxRecipients: 0 } }).wrote, 4)
  })
  it("SMTP-246: LIMITS MAILMAX ends the session in time", () => {
    const one = ["250 m", "250 a", "354 go", "250 q"]
    const setting = { offers: ["PIPELINING", "LIMITS RCPTMAX=1 MAILMAX=2"] }
    const { usable, verdicts, words } = submit(3, [...one, ...one], setting)
    assert.deepStrictEqual([words, usable], [["accepted 250", "accepted 250", "lost mail"], false])
    assert.strictEqual(failureOf(verdicts[2]), "TempFailure message host")
  })
  it("a connection that is lost leaves the rest unsent: they may go to another host at once", () => {
    const setting = { ...pipelining, options: { maxRecipients: 1 } }
    const { usable, verdicts, words } = submit(3, ["250 m", "250 a", "354 go"], setting)
    assert.deepStrictEqual([words, usable], [["lost data-end", "lost mail", "lost mail"], false])
    assert.strictEqual(failureOf(verdicts[0]), "TempFailure message later uncertain")
    assert.strictEqual(failureOf(verdicts[1]), "TempFailure message host")
    const [, second] = verdicts
    assert.strictEqual(second?._tag === "Lost" ? second.detail : "", "the connection ended")
  })
  it("those who are to be asked again are unsent, too, when there is no connection for that", () => {
    const events = ["250 m", "250 a", "452 4.5.3 too many", "354 go", end()]
    const { words } = submit(2, events, pipelining)
    assert.deepStrictEqual(words, ["lost data-end", "lost mail"])
    const farewell = submit(2, ["250 m", "250 a", "452 4.5.3 too many", "354 go", "421 bye"], pipelining)
    assert.deepStrictEqual(farewell.words, ["data-end 421", "lost mail"])
  })
  it("a sender that is refused is refused for everybody, and asked about once", () => {
    const setting = { ...pipelining, options: { maxRecipients: 1 } }
    const { usable, words, wrote } = submit(3, ["550 no", "503 b", "503 c", "250 reset"], setting)
    assert.deepStrictEqual(wrote, [mail + rcpt("a") + data, rset])
    assert.deepStrictEqual([words, usable], [["mail 550", "mail 550", "mail 550"], true])
  })
  it("a message that is refused for one group is offered to the next", () => {
    const setting = { ...pipelining, options: { maxRecipients: 1 } }
    const events = ["250 m", "250 a", "354 go", "554 no", "250 m", "250 b", "354 go", "250 q"]
    assert.deepStrictEqual(submit(2, events, setting).words, ["data-end 554", "accepted 250"])
  })
  it("the same recipient twice is two recipients with a verdict each", () => {
    const [recipient] = envelope("a@example.org").recipients
    const twice: Envelope.Envelope = { ...envelope("a@example.org"), recipients: [recipient, recipient] }
    const { words } = submit(twice, ["250 m", "250 a", "550 no", "354 go", "250 q"], pipelining)
    assert.deepStrictEqual(words, ["accepted 250", "rcpt 550"])
  })
})

describe("what the server does not offer", () => {
  const wanting = Result.getOrThrow(
    Envelope.make({
      from: "alice@example.com",
      to: [
        { address: "a@example.org", notify: ["SUCCESS", "FAILURE"] },
        { address: "b@example.org", originalRecipient: { type: "rfc822", address: "b+c@example.net" } }
      ],
      ret: "HDRS",
      envelopeId: "QQ314159"
    })
  )
  const ok = ["250 m", "250 a", "250 b", "354 go", "250 q"]

  it("DSN-001 DSN-003 DSN-004 V-029 V-030: the parameters where DSN is offered", () => {
    const { omitted, wrote } = submit(wanting, ok, { offers: ["PIPELINING", "DSN"] })
    assert.deepStrictEqual(
      wrote[0],
      "MAIL FROM:<alice@example.com> RET=HDRS ENVID=QQ314159\r\n" +
        "RCPT TO:<a@example.org> NOTIFY=SUCCESS,FAILURE\r\n" +
        "RCPT TO:<b@example.org> ORCPT=rfc822;b+2Bc@example.net\r\n" +
        data
    )
    assert.deepStrictEqual(omitted, [])
  })
  it("DSN-007 SMTP-025 V-026: left out, and told so, also when they were asked for in different transactions", () => {
    const { omitted, words, wrote } = submit(wanting, ok, pipelining)
    assert.strictEqual(wrote[0], mail + rcpt("a", "b") + data)
    assert.deepStrictEqual([...omitted].toSorted(), ["ENVID", "NOTIFY", "ORCPT", "RET"])
    assert.deepStrictEqual(words, ["accepted 250", "accepted 250"])
    const single = ["250 m", "250 a", "354 go", "250 q"]
    const apart = submit(wanting, [...single, ...single], { ...pipelining, options: { maxRecipients: 1 } })
    assert.deepStrictEqual([...apart.omitted].toSorted(), ["ENVID", "NOTIFY", "ORCPT", "RET"])
  })
  it("DSN-007: or refused, before anything is said", () => {
    const { usable, words, wrote } = submit(wanting, [], { ...pipelining, options: { onMissing: "refuse" } })
    assert.deepStrictEqual([wrote, words, usable], [[], ["unmet extension", "unmet extension"], true])
  })
  it("DSN-007: what only one recipient asks for is refused to that one", () => {
    const one = Result.getOrThrow(
      Envelope.make({ from: "", to: [{ address: "a@example.org", notify: "NEVER" }, "b@example.org"] })
    )
    const { words, wrote } = submit(one, ["250 m", "250 b", "354 go", "250 q"], {
      ...pipelining,
      options: { onMissing: "refuse" }
    })
    assert.deepStrictEqual(words, ["unmet extension", "accepted 250"])
    assert.strictEqual(wrote[0], `MAIL FROM:<>\r\n${rcpt("b")}${data}`)
  })
  it("CLASS-33 SMTP-172: SMTPUTF8 for a header or the sender: nobody can be asked", () => {
    const { verdicts, words, wrote } = submit(2, [], { ...pipelining, facts: { utf8: true } })
    assert.deepStrictEqual([wrote, words], [[], ["unmet smtputf8", "unmet smtputf8"]])
    assert.strictEqual(failureOf(verdicts[0]), "PermFailure host host")
  })
  it("CLASS-33 SMTP-173: SMTPUTF8 for one recipient: the others are asked", () => {
    const mixed = envelope("j\u00f8rgen@example.org", "b@example.org", "c@b\u00fccher.example")
    const { words, wrote } = submit(mixed, ["250 m", "250 b", "250 c", "354 go", "250 q"], pipelining)
    assert.deepStrictEqual(words, ["unmet smtputf8", "accepted 250", "accepted 250"])
    assert.strictEqual(wrote[0], `${mail}${rcpt("b")}RCPT TO:<c@xn--bcher-kva.example>\r\n${data}`)
  })
  it("CLASS-33: nobody who can be asked: nothing is said", () => {
    const { usable, words, wrote } = submit(envelope("j\u00f8rgen@example.org"), [], pipelining)
    assert.deepStrictEqual([wrote, words, usable], [[], ["unmet smtputf8"], true])
  })
  it("SMTP-171 SMTP-178: with SMTPUTF8 offered, everybody as they are", () => {
    const { wrote } = submit(envelope("j\u00f8rgen@b\u00fccher.example"), ["250 m", "250 a", "354 go", "250 q"], {
      offers: ["PIPELINING", "SMTPUTF8", "8BITMIME"]
    })
    assert.strictEqual(
      wrote[0],
      `MAIL FROM:<alice@example.com> BODY=7BIT SMTPUTF8\r\nRCPT TO:<j\u00f8rgen@b\u00fccher.example>\r\n${data}`
    )
  })
  it("CLASS-33 SMTP-130 SMTP-131: 8-bit content only to a server with 8BITMIME", () => {
    const facts = { encoding: "8bit" } as const
    assert.deepStrictEqual(submit(1, [], { ...pipelining, facts }).words, ["unmet 8bitmime"])
    const { wrote } = submit(1, ["250 m", "250 a", "354 go", "250 q"], { offers: ["PIPELINING", "8BITMIME"], facts })
    assert.strictEqual(wrote[0], `MAIL FROM:<alice@example.com> BODY=8BITMIME\r\n${rcpt("a")}${data}`)
  })
  it("CLASS-34 SMTP-120 SMTP-122 SMTP-100 V-052: SIZE counts before the dots are doubled, and may be over the limit", () => {
    const size = message.length
    const over = submit(2, [], { offers: [`SIZE ${size - 1}`] })
    assert.deepStrictEqual([over.wrote, over.words], [[], ["unmet size", "unmet size"]])
    const { wrote } = submit(1, ["250 m", "250 a", "354 go", "250 q"], { offers: [`SIZE ${size}`] })
    assert.strictEqual(wrote[0], `MAIL FROM:<alice@example.com> SIZE=${size}\r\n`)
  })
  it("SMTP-003 SMTP-179 SMTP-278 DSN-002: local parts go as they are, and nothing is added that nobody asked for", () => {
    const odd = envelope("John.DOE+Tag%x@example.org", "#1@example.org", '"a b"@example.org')
    const { wrote } = submit(odd, ["250 m", "250 a", "250 b", "250 c", "354 go", "250 q"], {
      offers: ["PIPELINING", "DSN"]
    })
    assert.strictEqual(
      wrote[0],
      `${mail}RCPT TO:<John.DOE+Tag%x@example.org>\r\nRCPT TO:<#1@example.org>\r\nRCPT TO:<"a b"@example.org>\r\n${data}`
    )
  })
  it("SMTP-016: one transaction for many recipients", () => {
    const many = envelope(...people(60))
    const events = ["250 m", ...Array.from({ length: 60 }, () => "250 r"), "354 go", "250 q"]
    assert.lengthOf(submit(many, events, pipelining).wrote, 2)
  })
})

describe("a dialogue whose driver breaks the contract", () => {
  it("too few replies and no reason are a closed connection", () => {
    const dialogue = submission(envelope("a@example.org"), pipelining)
    dialogue.next({ replies: [], lost: undefined })
    const step = dialogue.next({ replies: [], lost: undefined })
    assert.isTrue(step.done)
    if (!step.done) return
    assert.isFalse(step.value.usable)
    assert.strictEqual(step.value.verdicts[0]?._tag, "Lost")
  })
  it("the player of these tests notices a dialogue that goes on after the end", () => {
    const two = function* () {
      yield { _tag: "Flight", items: [], awaits: ["greeting"] } as const
      yield { _tag: "Flight", items: [], awaits: ["greeting"] } as const
    }
    assert.strictEqual(play(two(), [end()]).afterEnd, 1)
  })
})
