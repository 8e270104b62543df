import { assert, describe, it } from "@effect/vitest"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"

const megabyte = 1_000_000

describe("an attachment of 100 MB from a file", () => {
  it("is sent with less than 16 MB of heap, buffers included", { timeout: 120_000 }, () => {
    const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mail-"))
    try {
      const file = Path.join(folder, "large.bin")
      Fs.writeFileSync(file, Buffer.alloc(100 * megabyte, "any octets "))
      const program = Path.join(import.meta.dirname, "support/largeAttachment.ts")
      const { status, stderr, stdout } = ChildProcess.spawnSync(
        process.execPath,
        ["--expose-gc", "--conditions=source", program, file],
        { encoding: "utf8" }
      )
      assert.strictEqual(status, 0, stderr)
      // JSON.parse gives `any`; every field is asserted below.
      const { buffers, heap, octets, size } = JSON.parse(stdout) as Record<
        "buffers" | "heap" | "octets" | "size",
        number
      >
      assert.strictEqual(octets, size)
      assert.isAbove(octets, 136 * megabyte)
      assert.isBelow(heap + buffers, 16 * megabyte, stdout)
    } finally {
      Fs.rmSync(folder, { recursive: true })
    }
  })
})
