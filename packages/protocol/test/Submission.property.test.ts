import type * as ClientDialogue from "@effect-mail/protocol/ClientDialogue"
import type * as Dialogue from "@effect-mail/protocol/Dialogue"
import * as Failure from "@effect-mail/protocol/Failure"
import * as Reply from "@effect-mail/protocol/Reply"
import type { Stage } from "@effect-mail/protocol/Stage"
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { message, wireOf } from "./support/play.ts"
import { envelope, people, submission, word } from "./support/submit.ts"

const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

const Drawn = Schema.Struct({
  recipients: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 6 })),
  lmtp: Schema.Boolean,
  pipelining: Schema.Boolean,
  chunking: Schema.Boolean,
  binary: Schema.Boolean,
  large: Schema.Boolean,
  maxRecipients: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 7 })),
  mailMax: upTo(4),
  // A number for each reply; when they are over, the connection is.
  luck: Schema.Array(upTo(99)).check(Schema.isMaxLength(60))
})

// What a server says with this luck: mostly what it should, now and then anything else.
const others = [250, 251, 354, 334, 421, 450, 451, 452, 500, 503, 550, 552, 554]
const codeFor = (stage: Stage, luck: number): number => {
  if (stage === "data" && luck < 70) return 354
  if (stage === "rset" && luck < 90) return 250
  if (stage !== "data" && luck < 50) return 250
  if (stage === "rcpt" && luck < 65) return 452
  return others[luck % others.length] ?? 250
}

interface Sent {
  readonly name: string
  /** The code of the reply to RCPT. */
  readonly code: number | undefined
}

interface Written {
  readonly how: Dialogue.Content["framing"]
  /** The command in front of it in the same write. */
  readonly command: string
  readonly to: ReadonlyArray<Sent>
  /** The code of the reply to MAIL, and to DATA where there was one. */
  readonly mail: number | undefined
  readonly data: number | undefined
  readonly complete: boolean
  readonly replies: ReadonlyArray<number>
}

const positive = (code: number | undefined): boolean => code !== undefined && code >= 200 && code < 300

const named = (wire: string): string => /<(\w+)@example\.org>/.exec(wire)?.[1] ?? "?"

// Whether a reply is one that its command can have.
const fits = (stage: string, code: number): boolean =>
  code !== 421 && (stage === "data" ? code === 354 || code >= 400 : code < 300 || code >= 400)

// A server that notes what it hears, and in which state that leaves it.
const listen = (drawn: typeof Drawn.Type) => {
  const written: Array<Written> = []
  const state = { over: false, outOfStep: false, open: false }
  let luck = 0
  let flights = 0
  let mail: number | undefined
  let data: number | undefined
  let asked: Array<Sent> = []

  const answer = (stage: Stage): number | undefined => {
    const number = drawn.luck[luck++]
    if (number === undefined || number === 99) state.over = true
    if (state.over || number === undefined) return undefined
    const code = codeFor(stage, number)
    if (!fits(stage, code)) state.outOfStep = true
    return code
  }

  const note = (stage: Stage, wire: string, code: number | undefined): void => {
    if (stage === "mail") {
      mail = code
      asked = []
    }
    if (stage === "rcpt") asked.push({ name: named(wire), code })
    if (stage === "data") data = code
    if (stage === "rset" && code === 250) state.open = false
  }

  const fly = ({ awaits, items }: Dialogue.Flight): Dialogue.Answer => {
    assert.isBelow(++flights, 200, "it goes on for ever")
    assert.isFalse(state.over, "it goes on after the end of the connection")
    assert.isFalse(state.outOfStep, "it goes on although replies and commands do not match")
    const wires = items.map((item) => wireOf(item, message))
    if (awaits[0] === "mail") {
      assert.isFalse(state.open, "SMTP-007: a transaction is open")
      state.open = true
      data = undefined
    }
    const codes: Array<number> = []
    awaits.forEach((stage, index) => {
      const code = answer(stage)
      note(stage, wires[index] ?? "", code)
      if (code !== undefined) codes.push(code)
    })
    const place = items.findIndex((item) => item._tag === "Content")
    const content = items[place]
    // A connection that ends before the first reply to the message may have ended within the message.
    const complete = codes.length > awaits.indexOf("data-end") || drawn.luck.length % 2 === 0
    if (content?._tag === "Content") {
      const command = place === 0 ? "" : (wires[place - 1] ?? "")
      const replies = codes.slice(awaits.indexOf("data-end"))
      written.push({ how: content.framing, command, to: asked, mail, data, complete, replies })
      // SMTP-152: a BDAT that was refused waits for RSET.
      state.open = content.framing === "octets" && !replies.every(positive)
    }
    if (awaits.length === 1 && awaits[0] === "mail" && !positive(mail)) state.open = false
    const stage = content === undefined ? (awaits[codes.length] ?? "command") : complete ? "data-end" : "body"
    return {
      replies: codes.map((code) => Reply.make(code, code === 452 ? "4.5.3 too many" : "text")),
      lost: codes.length === awaits.length ? undefined : { _tag: "Lost", stage, kind: "closed", detail: "over" }
    }
  }

  return { fly, written, state }
}

const run = (drawn: typeof Drawn.Type) => {
  const setting = {
    offers: [
      ...(drawn.pipelining ? ["PIPELINING"] : []),
      ...(drawn.chunking ? ["CHUNKING", "BINARYMIME"] : []),
      ...(drawn.mailMax > 0 ? [`LIMITS MAILMAX=${drawn.mailMax}`] : [])
    ],
    facts: { encoding: drawn.binary ? "binary" : "7bit" },
    options: {
      protocol: drawn.lmtp ? "lmtp" : "smtp",
      maxRecipients: drawn.maxRecipients,
      maxChunk: drawn.large ? 1 : 1000
    }
  } as const
  const server = listen(drawn)
  const dialogue = submission(envelope(...people(drawn.recipients)), setting)
  let step = dialogue.next({ replies: [], lost: undefined })
  while (step.done !== true) {
    assert.strictEqual(step.value._tag, "Flight")
    step = dialogue.next(step.value._tag === "Flight" ? server.fly(step.value) : { replies: [], lost: undefined })
  }
  return { result: step.value, server }
}

// The index of a recipient among those that the server accepted in a transaction.
const placeIn = ({ to }: Written, name: string): number =>
  to.filter(({ code }) => positive(code)).findIndex((sent) => sent.name === name)

const uncertain = (verdict: ClientDialogue.Verdict): boolean => {
  const failure = verdict._tag === "Accepted" ? undefined : Failure.fromProblem(verdict)
  return failure?._tag === "TempFailure" && failure.uncertain
}

describe("whatever the server offers and answers, and however soon it is gone", () => {
  it.prop(
    "CLASS-47 CLASS-52 CLASS-58 PIPE-009 SMTP-154: submit ends, in step, with the truth about everybody",
    { drawn: Drawn },
    ({ drawn }) => {
      const { result, server } = run(drawn)
      const names = people(drawn.recipients).map((address) => address.slice(0, 1))
      assert.lengthOf(result.verdicts, names.length)

      for (const content of server.written) {
        const accepted = content.to.filter(({ code }) => positive(code)).length
        if (content.how === "dots") {
          assert.strictEqual(content.data, 354, "SMTP-098: content is written only after a 354")
          assert.isAbove(accepted, 0, "content is written only when somebody was accepted")
          assert.isFalse(drawn.binary, "SMTP-153: binary content never goes with DATA")
        }
        if (content.how === "none") {
          assert.strictEqual(content.data, 354)
          assert.strictEqual(accepted, 0, "CLASS-47")
        }
        if (content.how === "octets") {
          assert.isTrue(drawn.chunking, "SMTP-154")
          assert.strictEqual(content.command, `BDAT ${message.length} LAST\r\n`)
        }
      }

      const messages = server.written.filter(({ how }) => how !== "none")
      names.forEach((name, index) => {
        const verdict = result.verdicts[index]
        assert.isDefined(verdict)
        if (verdict === undefined) return
        const mine = messages.filter((content) => placeIn(content, name) !== -1 && positive(content.mail))
        // Nothing is sent twice for somebody who was accepted.
        assert.isAtMost(mine.length, 1, name)
        const [content] = mine
        const last = content?.replies[drawn.lmtp ? placeIn(content, name) : 0]
        const told = content !== undefined && positive(last)
        assert.strictEqual(verdict._tag === "Accepted", told, `${name}: ${word(verdict)}`)
        if (uncertain(verdict)) {
          const possible = messages.some(({ complete, to }) => complete && to.some((sent) => sent.name === name))
          assert.isTrue(possible, "uncertain only when the whole message was written for them")
        }
        if (content?.complete === true && last === undefined) assert.isTrue(uncertain(verdict), "CLASS-52")
      })

      if (result.usable) assert.deepStrictEqual(server.state, { over: false, outOfStep: false, open: false })
    },
    { arbitrary: { runs: 2000 } }
  )
})
