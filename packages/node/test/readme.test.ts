import { Mailbox, MailServer } from "@effect-mail/testing"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { program } from "./readme.example.ts"
import * as Tcp from "./support/tcp.ts"

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8")

describe("README", () => {
  it("shows the example that is tested here", () => {
    const example = /```ts\n([^]*?)```/.exec(read("../README.md"))?.[1]
    assert.strictEqual(example, read("./readme.example.ts"))
  })

  it.live("the example sends a message over TCP", () =>
    Effect.gen(function* () {
      const mailbox = yield* Mailbox.make
      const handler = yield* Effect.provideService(
        MailServer.make({ server: { startTls: false } }),
        Mailbox.Mailbox,
        mailbox
      )
      const { port } = yield* Tcp.listen(handler)
      const said = yield* program(`smtp://127.0.0.1:${port}`)
      assert.deepStrictEqual(said, ["bob@example.net: 127.0.0.1 said Taken"])
      assert.strictEqual((yield* mailbox.to("bob@example.net")).length, 1)
    }).pipe(Effect.scoped)
  )
})
