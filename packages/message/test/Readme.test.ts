import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Random } from "effect"
import { readFileSync } from "node:fs"
import { invoiceFor } from "./support/readme.ts"
import { string } from "./support/texts.ts"

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8")

const files = FileSystem.layerNoop({ readFile: () => Effect.succeed(Uint8Array.of(1, 2, 3)) })

describe("README", () => {
  const [, example, output] = read("../README.md")
    .split(/^```(?:ts|text)\n|^```\n/m)
    .filter((_, i) => i % 2 === 1 || i === 0)
  it("shows the example that is compiled and run here", () => {
    assert.strictEqual(example, read("./support/readme.ts"))
  })
  it.effect("shows the header that the example renders", () =>
    Effect.gen(function* () {
      const { body } = yield* invoiceFor("Łukasz", "lukasz@example.net").pipe(Random.withSeed("readme"))
      const message = string(body.bytes ?? new Uint8Array())
      assert.strictEqual(`${message.slice(0, message.indexOf("\r\n\r\n")).replaceAll("\r\n", "\n")}\n`, output)
    }).pipe(Effect.provide(files))
  )
})
