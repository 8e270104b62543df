/** Dialogues that no session plays. */
import { ClientDialogue, Dialogue } from "@effect-mail/protocol"
import { Script } from "@effect-mail/testing"
import { Conversation, Dialer } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit } from "effect"
import { against, host, parcel, place, quit, settings } from "./support/smtp.ts"

const { expect, expectEnd, reply } = Script

const conversation = Effect.gen(function* () {
  const { open } = yield* Dialer.Dialer
  const wire = yield* open({ host, ...place, timeout: Duration.minutes(1) })
  const conversation = yield* Conversation.make(wire, settings.timeouts, { host, verify: true })
  yield* Effect.addFinalizer(() => conversation.hangUp)
  return conversation
})

describe("Conversation", () => {
  it.effect("answers questions, one after the other", () =>
    against(
      [[expect("VRFY bob"), reply("252 2.5.2 Cannot say"), expect("NOOP"), reply("250 2.0.0 Ok"), ...quit]],
      Effect.gen(function* () {
        const { broken, talk, transcript } = yield* conversation
        assert.strictEqual((yield* talk(ClientDialogue.verify("bob")))._tag, "Success")
        assert.strictEqual((yield* talk(ClientDialogue.noop()))._tag, "Success")
        assert.isFalse(broken())
        assert.strictEqual(transcript(), "C: VRFY bob\nS: 252 2.5.2 Cannot say\nC: NOOP\nS: 250 2.0.0 Ok")
      })
    )
  )

  it.effect("with a dialogue that throws is a defect, and is not used again", () =>
    against(
      [[expect("NOOP"), reply("250 2.0.0 Ok"), expectEnd]],
      Effect.gen(function* () {
        const { broken, talk } = yield* conversation
        const thrown = new Error("a dialogue's own mistake")
        const exit = yield* Effect.exit(
          talk(
            (function* (): Dialogue.Dialogue<void> {
              yield* ClientDialogue.noop()
              throw thrown
            })()
          )
        )
        assert.deepStrictEqual(exit, Exit.die(thrown))
        assert.isTrue(broken())
        assert.strictEqual((yield* talk(ClientDialogue.noop()))._tag, "Failure")
      })
    )
  )

  it.effect("leaves out no line behind a message: such a flight is a defect, and nothing of it is written", () =>
    against(
      [[expectEnd]],
      Effect.gen(function* () {
        const { submit } = yield* conversation
        const line: Dialogue.Line = { _tag: "Line", stage: "rset", wire: "RSET\r\n", shown: "RSET" }
        const items = [{ _tag: "Content", framing: "octets" }, line] as const
        const exit = yield* Effect.exit(
          submit(
            (function* (): Dialogue.Dialogue<void> {
              yield { _tag: "Flight", items, awaits: ["data-end", "rset"] }
            })(),
            parcel().body
          )
        )
        assert.isTrue(Exit.hasDies(exit))
      })
    )
  )
})
