/** `effect-mail send --resolver`: mail goes where the named resolver says, and nowhere when it does not answer. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { run } from "./support/cli.ts"
import { closedPort } from "./support/servers.ts"

const letter = ["send", "--from", "ada@sender.example", "--to", "bob@inbox.example", "--text", "Hello"]

describe("send --resolver", () => {
  it.live("says that the resolver cannot be asked, and that trying later may help (CLASS-06)", () =>
    Effect.gen(function* () {
      const ended = yield* run([...letter, "--json", "--resolver", `127.0.0.1:${yield* closedPort}`])
      assert.strictEqual(ended.status, 75)
      const outcome: unknown = JSON.parse(ended.out.join(""))
      assert.deepInclude(outcome, { outcome: "unreachable", stage: "route", enhanced: "4.4.3", attempts: 1 })
    })
  )

  it.live("says how a resolver is written", () =>
    Effect.gen(function* () {
      const ended = yield* run([...letter, "--resolver", "nonsense:x"])
      assert.strictEqual(ended.status, 64)
      assert.include(ended.err.join(""), "--resolver: it is no address of a resolver")
    })
  )
})
