/** Every fault at every stage in every way to send, with what the classification table says of it. */
import { FaultMatrix, Script } from "@effect-mail/testing"
import { SmtpTransport } from "@effect-mail/transport"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { against, hello, message, parcel, send, shown } from "./support/smtp.ts"

const fresh: FaultMatrix.Subject = {
  make: (endpoint, settings) => Effect.orDie(SmtpTransport.makeOneShot([endpoint], settings)),
  reuses: false
}

const pooled: FaultMatrix.Subject = {
  make: (endpoint, settings) => Effect.orDie(SmtpTransport.make([endpoint], settings)),
  reuses: true
}

describe("the fault matrix", () => {
  for (const [name, subject] of Object.entries({
    "a session for each message": fresh,
    "the sessions of a pool": pooled
  })) {
    describe(name, () => {
      for (const one of FaultMatrix.cases) it.effect(one.name, () => FaultMatrix.play(one, subject))
    })
  }

  it("has every stage, fault and way to send, and says why what is missing cannot be", () => {
    const { cases, faults, impossible, modes, stages } = FaultMatrix
    for (const stage of stages) assert.isTrue(cases.some((one) => one.stage === stage))
    for (const fault of faults) assert.isTrue(cases.some((one) => one.fault === fault))
    for (const mode of modes) assert.isTrue(cases.some((one) => one.mode === mode))
    const excluded = stages.flatMap((stage) =>
      faults.flatMap((fault) => modes.flatMap((mode) => impossible(stage, fault, mode) ?? []))
    )
    assert.strictEqual(cases.length + excluded.length, stages.length * faults.length * modes.length)
    assert.isTrue(cases.every(({ expected }) => expected.rows.length > 0))
  })

  // Told with every run: how large the matrix is, and what it rests on.
  afterAll(() => {
    process.stdout.write(`fault matrix: ${FaultMatrix.summary}\n`)
  })
})

// The group with its message, in one write; then replies of which nobody can tell what they belong to.
const answering = (...replies: ReadonlyArray<string>): Script.Script => [
  ...hello("PIPELINING", "CHUNKING"),
  Script.expect("MAIL FROM:<alice@example.com>"),
  Script.expect("RCPT TO:<bob@example.org>"),
  Script.expect(`BDAT ${message.length} LAST`),
  Script.expectBytes(message),
  Script.send(replies.map((reply) => `${reply}\r\n`).join("")),
  Script.expectEnd
]

describe("one reply too many to a message that was sent with its envelope", () => {
  it.effect("which refuses: nothing is taken for the verdict, least of all a yes (CLASS-52, CLASS-58)", () =>
    Effect.gen(function* () {
      const outcomes = yield* against([answering("250 Ok", "250 Ok", "250 Ok", "554 5.6.0 Refused")], send())
      assert.deepStrictEqual(shown(outcomes), ["TempFailure data-end message later 4.5.0 uncertain"])
    })
  )

  it.effect("which is a farewell: the message is delivered (CLASS-53, CLASS-54)", () =>
    Effect.gen(function* () {
      const outcomes = yield* against([answering("250 Ok", "250 Ok", "250 Ok", "421 4.3.2 Closing")], send(parcel()))
      assert.deepStrictEqual(shown(outcomes), ["delivered 250"])
    })
  )
})
