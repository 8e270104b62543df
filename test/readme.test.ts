/** What the README prints is what runs. */
import { assert, describe, it } from "@effect/vitest"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"

const root = Path.resolve(import.meta.dirname, "..")
const readme = Fs.readFileSync(Path.join(root, "README.md"), "utf8")
const first = Fs.readFileSync(Path.join(root, "examples/first.ts"), "utf8")

describe("README.md", () => {
  it("prints the first program as it stands in examples/first.ts, in at most 20 lines", () => {
    const blocks = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map((m) => m[1])
    assert.strictEqual(blocks[0], first)
    assert.isAtMost(first.trimEnd().split("\n").length, 20)
  })

  it("prints a first program that runs", () => {
    const run = ChildProcess.spawnSync(process.execPath, ["--conditions=source", "examples/first.ts"], {
      cwd: root,
      encoding: "utf8"
    })
    assert.strictEqual(run.status, 0, run.stderr)
    assert.include(run.stdout, "2 accepted, 0 not")
  })

  it("names scripts that exist", () => {
    // JSON.parse gives `any`; only the names of the scripts are read.
    const { scripts } = JSON.parse(Fs.readFileSync(Path.join(root, "package.json"), "utf8")) as {
      readonly scripts: Readonly<Record<string, string>>
    }
    const named = [...readme.matchAll(/^(?:npx -y )?pnpm(?:@12)? ([a-z:-]+)/gm)].flatMap((m) => m[1] ?? [])
    assert.isNotEmpty(named)
    assert.deepStrictEqual(
      named.filter((name) => !(name in scripts)),
      []
    )
  })

  it("links to files that exist", () => {
    const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].flatMap((m) => m[1] ?? [])
    assert.deepStrictEqual(
      links.filter((link) => !Fs.existsSync(Path.join(root, link))),
      []
    )
  })
})

const filesBelow = (folder: string): ReadonlyArray<string> =>
  Fs.globSync("**/*.ts", { cwd: folder, exclude: (name) => name === "node_modules" }).map((file) =>
    Path.join(folder, file)
  )

const flat = (text: string): string =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .join("\n")

describe("the pages of the packages", () => {
  for (const name of Fs.readdirSync(Path.join(root, "packages"))) {
    it(`packages/${name}/README.md prints code that stands in an example or a test, and so is compiled and run`, () => {
      const page = Path.join(root, "packages", name, "README.md")
      const blocks = [...Fs.readFileSync(page, "utf8").matchAll(/```ts\n([\s\S]*?)```/g)].map((m) => flat(m[1] ?? ""))
      const homes = [Path.join(root, "examples"), Path.join(root, "packages", name, "test")]
      const code = homes.flatMap(filesBelow).map((file) => flat(Fs.readFileSync(file, "utf8")))
      const homeless = blocks.filter((block) => !code.some((text) => text.includes(block)))
      assert.deepStrictEqual(homeless, [])
    })
  }

  it("packages/protocol/README.md prints what examples/dialogue.ts prints", () => {
    const page = Fs.readFileSync(Path.join(root, "packages/protocol/README.md"), "utf8")
    const run = ChildProcess.spawnSync(process.execPath, ["--conditions=source", "examples/dialogue.ts"], {
      cwd: root,
      encoding: "utf8"
    })
    assert.include(page, `\`\`\`\n${run.stdout}\`\`\``)
  })
})
