import { assert, it } from "@effect/vitest"
import { readFileSync } from "node:fs"

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8")

it("README shows the example that is run beside it", () => {
  const example = /```ts\n([^]*?)```/.exec(read("../README.md"))?.[1]
  assert.strictEqual(example, read("./readme.example.test.ts"))
})
