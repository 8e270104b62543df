/** The matrix itself: a table that is not the code's, and cases that fail. That our transports pass is shown beside them. */
import { FaultMatrix } from "@effect-mail/testing"
import { SmtpTransport } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Receipt } from "@effect-mail/protocol"
import { Effect } from "effect"

// Says yes to everything, as a mailer does that does not listen to its server.
const careless: FaultMatrix.Subject = {
  make: () =>
    Effect.succeed({
      send: (parcel) =>
        Effect.succeed(
          parcel.envelope.recipients.map(
            ({ address }) => new Receipt.Delivered({ recipient: address, attempts: 1, code: 250, text: "Ok" })
          )
        )
    }),
  reuses: false
}

describe("the fault matrix", () => {
  it.effect("fails for a transport that does not listen, in every case", () =>
    Effect.gen(function* () {
      for (const one of FaultMatrix.cases) {
        const error = yield* Effect.flip(FaultMatrix.play(one, careless))
        assert.strictEqual(error._tag, "ContractError", one.name)
      }
    })
  )

  it.effect("says what was expected, also of a connection that should not have been used again", () =>
    Effect.gen(function* () {
      const pooled: FaultMatrix.Subject = {
        make: (endpoint, settings) => Effect.orDie(SmtpTransport.make([endpoint], settings)),
        reuses: false
      }
      const named = (name: string) => FaultMatrix.cases.filter((one) => one.name.startsWith(name))
      for (const one of named("MAIL: 4xx, lock-step")) {
        const { message } = yield* Effect.flip(FaultMatrix.play(one, pooled))
        assert.strictEqual(message, "the number of connections: expected 2, but got 1")
      }
      for (const one of named("next transaction: stall, pipelined")) {
        const { message } = yield* Effect.flip(FaultMatrix.play(one, pooled))
        assert.strictEqual(message, "it did not end at once")
      }
    })
  )

  it("cites rows, and is told in one line", () => {
    assert.match(FaultMatrix.summary, /^\d{3} cases of 675 combinations; CLASS rows (?:\d\d ?)+$/)
    assert.strictEqual(new Set(FaultMatrix.cases.map(({ name }) => name)).size, FaultMatrix.cases.length)
  })
})
