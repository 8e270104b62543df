/** The next message's envelope behind the end of the message before (PIPE-006), and the limits of a session (RFC 9422). */
import type * as ClientDialogue from "@effect-mail/protocol/ClientDialogue"
import * as Envelope from "@effect-mail/protocol/Envelope"
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { end, type Event, message, play, playAll, stuffed } from "./support/play.ts"
import { envelope, people, rider, type Setting, submission, word } from "./support/submit.ts"

const mail = "MAIL FROM:<alice@example.com>\r\n"
const rcpt = (name: string): string => `RCPT TO:<${name}@example.org>\r\n`
const data = "DATA\r\n"
const opening = (name: string): string => mail + rcpt(name) + data

const pipelining: Setting = { offers: ["PIPELINING"] }

const must = (rider: ClientDialogue.Rider | undefined): ClientDialogue.Rider => {
  if (rider === undefined) throw new Error("it does not ride")
  return rider
}

const first = envelope("a@example.org")
const second = envelope("b@example.org")
const third = envelope("c@example.org")

// Two messages on one connection, the second behind the first where it may be; what is left of the events is its own.
const both = (events: ReadonlyArray<Event>, setting = pipelining) => {
  const next = () => rider(second, setting)
  const before = play(submission(first, setting, { next }), events)
  const { rider: sent, usable } = before.result
  const rest = events.slice(events.length - before.unused)
  const after = sent === undefined ? undefined : playAll(submission(second, setting, { sent }), rest)
  return {
    wrote: [...before.wrote, ...(after?.wrote ?? [])],
    words: [before.result.verdicts.map(word), after?.result.verdicts.map(word)],
    usable: after?.result.usable ?? usable
  }
}

describe("a message behind another one", () => {
  it("PIPE-006: its envelope goes out in one write with the end of the message before", () => {
    const { usable, words, wrote } = both([
      "250 a",
      "250 a",
      "354 go",
      "250 taken",
      "250 b",
      "250 b",
      "354 go",
      "250 taken"
    ])
    assert.deepStrictEqual(wrote, [opening("a"), stuffed + opening("b"), stuffed])
    assert.deepStrictEqual(words, [["accepted 250"], ["accepted 250"]])
    assert.isTrue(usable)
  })

  it("PIPE-014: and so on: each message costs one write and one wait", () => {
    const setting = pipelining
    const next = () => rider(second, setting)
    const start = play(submission(first, setting, { next }), ["250 a", "250 a", "354 go", "250 taken"])
    const sent = must(start.result.rider)
    const middle = playAll(submission(second, setting, { sent, next: () => rider(third, setting) }), [
      "250 b",
      "250 b",
      "354 go",
      "250 taken"
    ])
    assert.deepStrictEqual(middle.wrote, [stuffed + opening("c")])
    assert.deepStrictEqual(middle.awaited, ["mail", "rcpt", "data", "data-end"])
    assert.deepStrictEqual(middle.shown.slice(0, 3), opening("b").trim().split("\r\n"))
    assert.isDefined(middle.result.rider)
  })

  it("is told nothing of a refusal of the message before, whatever it is about", () => {
    for (const verdict of ["451 not now", "550 spam", "554 no"]) {
      const { words } = both(["250 a", "250 a", "354 go", verdict, "250 b", "250 b", "354 go", "250 taken"])
      assert.deepStrictEqual(words, [[`data-end ${verdict.slice(0, 3)}`], ["accepted 250"]])
    }
  })

  it("is refused on its own, and the connection goes on (CLASS-43, CLASS-47)", () => {
    const { usable, words, wrote } = both([
      "250 a",
      "250 a",
      "354 go",
      "250 taken",
      "250 b",
      "550 nobody",
      "354 go",
      "554 nobody",
      "250 reset"
    ])
    assert.deepStrictEqual(words, [["accepted 250"], ["rcpt 550"]])
    assert.deepStrictEqual(wrote.slice(2), [".\r\n", "RSET\r\n"])
    assert.isTrue(usable)
  })

  it("is as if it had never been begun when the message before ends the session", () => {
    const lost: ReadonlyArray<readonly [Event, string]> = [
      ["421 bye", "data-end 421"],
      ["354 what?", "data-end 354"],
      [end(), "lost data-end"],
      [end("timeout"), "lost data-end"],
      [end("reset", true), "lost body"]
    ]
    for (const [event, expected] of lost) {
      const { usable, words } = both(["250 a", "250 a", "354 go", event])
      assert.deepStrictEqual(words, [[expected], undefined])
      assert.isFalse(usable)
    }
  })

  it("rides nowhere when there is no last flight", () => {
    for (const events of [
      ["550 no"],
      ["250 a", "550 no", "554 no", "250 reset"],
      ["250 a", "250 a", "451 no", "250 reset"]
    ]) {
      const padded = events.length === 1 ? ["550 no", "503 no", "503 no", "250 reset"] : events
      const { wrote } = both(padded)
      assert.notInclude(wrote.join(""), rcpt("b"))
    }
  })

  it("CLASS-52: its own loss before MAIL was answered is that of a message that was never sent", () => {
    const { words } = both(["250 a", "250 a", "354 go", "250 taken", end()])
    assert.deepStrictEqual(words, [["accepted 250"], ["lost mail"]])
  })

  it("CLASS-56: rides behind all the verdicts of LMTP", () => {
    const setting: Setting = { offers: ["PIPELINING"], options: { protocol: "lmtp" } }
    const two = envelope("a@example.org", "x@example.org")
    const next = () => rider(second, setting)
    const played = playAll(submission(two, setting, { next }), [
      "250 a",
      "250 a",
      "250 x",
      "354 go",
      "250 taken",
      "452 full"
    ])
    assert.deepStrictEqual(played.result.verdicts.map(word), ["accepted 250", "data-end 452"])
    assert.isDefined(played.result.rider)
  })

  it("waits until nothing of the message before is to be said again (CLASS-41)", () => {
    let asked = 0
    const next = () => {
      asked++
      return rider(second, pipelining)
    }
    const options = { ...pipelining, options: { maxRecipients: 1 } }
    const round = ["250 m", "250 r", "354 go", "250 taken"]
    const played = playAll(submission(envelope(...people(2)), options, { next }), [...round, ...round])
    assert.strictEqual(asked, 1)
    assert.deepStrictEqual(played.wrote[3], stuffed + opening("b"))
    const tooMany = [
      "250 m",
      "250 a",
      "452 4.5.3 enough",
      "354 go",
      "250 taken",
      "250 m",
      "250 b",
      "354 go",
      "250 taken"
    ]
    const again = playAll(submission(envelope(...people(2)), pipelining, { next }), tooMany)
    assert.strictEqual(asked, 2)
    assert.deepStrictEqual(again.wrote, [
      mail + rcpt("a") + rcpt("b") + data,
      stuffed,
      opening("b"),
      stuffed + opening("b")
    ])
  })

  it("cannot ride without PIPELINING, need not with BDAT (PIPE-007), and what cannot be said does not ride", () => {
    assert.isUndefined(rider(second, {}))
    assert.isUndefined(rider(second, { offers: ["PIPELINING", "CHUNKING"] }))
    assert.isDefined(rider(second, { offers: ["PIPELINING", "CHUNKING"], facts: { size: 1_000_000 } }))
    assert.isUndefined(rider(second, { offers: ["PIPELINING", "SIZE 5"] }))
    assert.isUndefined(rider(second, { offers: ["PIPELINING"], facts: { encoding: "8bit" } }))
    const unsayable = Result.getOrThrow(Envelope.make({ from: "alice@example.com", to: "j\u00f6rg@example.org" }))
    assert.isUndefined(rider(unsayable, pipelining))
  })

  it("behind a message with BDAT nothing rides: LAST ends the group (PIPE-007)", () => {
    const chunking: Setting = { offers: ["PIPELINING", "CHUNKING"] }
    const next = () => assert.fail("nobody may be asked")
    const played = playAll(submission(first, chunking, { next }), ["250 a", "250 a", "250 taken"])
    assert.deepStrictEqual(played.wrote, [`${mail}${rcpt("a")}BDAT ${message.length} LAST\r\n${message}`])
  })

  const words = [
    "250 ok",
    "354 go",
    "250 ok",
    "354 go",
    "250 ok",
    "421 bye",
    "451 no",
    "550 no",
    "552 5.5.3 many",
    "252 x"
  ]
  const said: ReadonlyArray<Event> = [...words, end(), end("timeout"), end("reset", true)]
  const luck = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: said.length - 1 })))

  it.prop(
    "whatever is answered and however soon it ends: each gets his own verdict, and no message is written without a 354",
    [luck.check(Schema.isMaxLength(10))],
    ([numbers]) => {
      // The first message gets as far as its end, so that there is something to ride behind.
      const events: ReadonlyArray<Event> = [
        "250 a",
        "250 a",
        "354 go",
        ...numbers.map((number) => said[number] ?? end())
      ]
      const next = () => rider(second, pipelining)
      const before = play(submission(first, pipelining, { next }), events)
      const { rider: sent, usable } = before.result
      const verdict = events[3] ?? end()
      assert.strictEqual(sent !== undefined, typeof verdict === "string" && !/^(421|354)/.test(verdict))
      if (sent === undefined) return
      assert.isTrue(usable)
      assert.strictEqual(before.unused, events.length - 4)
      const own = events.slice(4)
      const { result, wrote } = play(submission(second, pipelining, { sent }), own)
      const whole = wrote.includes(stuffed)
      const took = (event: Event | undefined) => typeof event === "string" && event.startsWith("25")
      assert.strictEqual(whole, took(own[0]) && took(own[1]) && own[2] === "354 go")
      assert.strictEqual(word(result.verdicts[0] ?? assert.fail()).startsWith("accepted"), whole && took(own[3]))
    }
  )
})

describe("the limits of a session (SMTP-245, RFC 9422)", () => {
  const spent = (transactions: number, ...domains: ReadonlyArray<string>) => ({
    spent: { transactions, domains: new Set(domains) }
  })
  const round = ["250 m", "250 r", "354 go", "250 taken"]

  it("MAILMAX counts what the session has said before; whoever is left is named", () => {
    const offers = ["PIPELINING", "LIMITS MAILMAX=3"]
    const two = { offers, options: { maxRecipients: 1, ...spent(2) } }
    const { result } = playAll(submission(envelope(...people(2)), two), round)
    assert.deepStrictEqual(result.verdicts.map(word), ["accepted 250", "lost mail"])
    assert.deepStrictEqual([result.left, result.transactions, result.usable], [[1], 1, false])
    const none = playAll(submission(first, { offers, options: spent(3) }), []).result
    assert.deepStrictEqual([none.left, none.transactions, none.usable], [[0], 0, false])
    const last = playAll(submission(first, { offers, options: spent(1) }), round).result
    assert.deepStrictEqual([last.left, last.usable], [[], true])
  })

  it("MAILMAX keeps a message from riding that the session has no room for", () => {
    const offers = ["PIPELINING", "LIMITS MAILMAX=3"]
    assert.isDefined(rider(second, { offers, options: spent(2) }))
    assert.isUndefined(rider(second, { offers, options: spent(3) }))
  })

  it("next is told how often MAIL has been said", () => {
    const told: Array<number> = []
    const next = (transactions: number) => {
      told.push(transactions)
      return undefined
    }
    const setting = { offers: ["PIPELINING"], options: { maxRecipients: 1, ...spent(4) } }
    playAll(submission(envelope(...people(2)), setting, { next }), [...round, ...round])
    assert.deepStrictEqual(told, [6])
  })

  it("RCPTDOMAINMAX leaves the recipients of further domains to another session", () => {
    const offers = ["PIPELINING", "LIMITS RCPTDOMAINMAX=2"]
    const to = envelope("a@one.example", "b@TWO.example", "c@three.example", "d@one.example")
    const { result, wrote } = playAll(submission(to, { offers }), [
      "250 m",
      "250 a",
      "250 b",
      "250 d",
      "354 go",
      "250 ok"
    ])
    assert.deepStrictEqual(result.verdicts.map(word), ["accepted 250", "accepted 250", "lost mail", "accepted 250"])
    assert.deepStrictEqual(result.left, [2])
    assert.notInclude(wrote.join(""), "three.example")
    const later = { offers, options: spent(1, "one.example", "two.example") }
    assert.deepStrictEqual(playAll(submission(envelope("c@three.example"), later), []).result.left, [0])
    assert.isUndefined(rider(envelope("c@three.example"), later))
    assert.isDefined(rider(envelope("c@two.example"), later))
  })
})
