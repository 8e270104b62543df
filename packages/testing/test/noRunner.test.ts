/** Any test runner will do, and none at all. */
import { assert, describe, it } from "@effect/vitest"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"

const folder = Path.resolve(import.meta.dirname, "..")

describe("without a test runner", () => {
  it("no module imports one, and the package does not depend on one", () => {
    const runners = /from "(?:@effect\/vitest|vitest|node:test|@jest\/|mocha|chai)/
    const sources = Fs.readdirSync(Path.join(folder, "src"), { recursive: true, encoding: "utf8" })
    const offenders = sources.filter(
      (file) => file.endsWith(".ts") && runners.test(Fs.readFileSync(Path.join(folder, "src", file), "utf8"))
    )
    assert.deepStrictEqual(offenders, [])
    const manifest = Fs.readFileSync(Path.join(folder, "package.json"), "utf8")
    const [, dependencies = ""] = /"dependencies": \{([^}]*)\}/.exec(manifest) ?? []
    assert.include(dependencies, "postal-mime")
    assert.notInclude(dependencies, "vitest")
  })

  it("servers, mailboxes, contracts and the fault matrix run in plain Node.js", () => {
    const args = ["--conditions=source", Path.join(folder, "test/support/plain.ts")]
    const { status, stderr, stdout } = ChildProcess.spawnSync(process.execPath, args, { encoding: "utf8" })
    assert.strictEqual(status, 0, stderr)
    assert.strictEqual(stdout, "no test runner: 9 laws, 11 faults\n")
  })
})
