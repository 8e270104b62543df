/** The rules of the house, checked on its own sources: floors, barrels, purity, package manifests. */
import { assert, describe, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Path from "node:path"

const root = Path.resolve(import.meta.dirname, "..")

// The floor of each package: an import may only go to a lower one. `testing` stands beside the floors: it imports what it
// fakes; `node` is the only one that knows the platform. `bench` may import all, and nobody may import it.
const floors: Readonly<Record<string, number>> = {
  protocol: 0,
  message: 1,
  dns: 2,
  transport: 2,
  policy: 2,
  delivery: 3,
  "effect-mail": 5,
  testing: 6,
  node: 6,
  cli: 7,
  bench: 8
}

// Tools of this workspace: they are not published, so they need no barrel and may use the platform as it is. No package
// gets here by a field in its own manifest.
const tools: ReadonlySet<string> = new Set(["bench"])

const packages = Fs.readdirSync(Path.join(root, "packages")).toSorted()
const published = packages.filter((name) => !tools.has(name))

interface Manifest {
  readonly name: string
  readonly private?: boolean
  readonly type: string
  readonly sideEffects: unknown
  readonly license: string
  readonly exports: Readonly<Record<string, unknown>>
  readonly publishConfig: { readonly exports: Readonly<Record<string, unknown>> }
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

// JSON.parse gives `any`; the manifests are our own files and every field read here is asserted below.
const manifest = (name: string): Manifest =>
  JSON.parse(Fs.readFileSync(Path.join(root, "packages", name, "package.json"), "utf8")) as Manifest

const folderOf = (specifier: string): string | undefined => {
  if (specifier === "effect-mail" || specifier.startsWith("effect-mail/")) return "effect-mail"
  return /^@effect-mail\/([^/]+)/.exec(specifier)?.[1]
}

const filesBelow = (folder: string): ReadonlyArray<string> =>
  Fs.existsSync(folder)
    ? Fs.readdirSync(folder, { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(".ts"))
        .map((file) => Path.join(folder, file))
    : []

const sources = (name: string) => filesBelow(Path.join(root, "packages", name, "src"))

const codeOf = (file: string): string =>
  Fs.readFileSync(file, "utf8")
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/\/\/.*$/gm, "")

const importsOf = (file: string): ReadonlyArray<string> =>
  [...codeOf(file).matchAll(/\bfrom\s+"([^"]+)"|^import\s+"([^"]+)"|\bimport\("([^"]+)"\)/gm)].map(
    (m) => m[1] ?? m[2] ?? m[3] ?? ""
  )

describe("the house", () => {
  it("has a floor for every package", () => {
    assert.deepStrictEqual(packages, Object.keys(floors).toSorted())
  })

  for (const name of packages) {
    describe(`packages/${name}`, () => {
      const floor = floors[name] ?? -1

      it("lists only packages of lower floors", () => {
        const upward = Object.keys(manifest(name).dependencies ?? {}).filter((dependency) => {
          const folder = folderOf(dependency)
          return folder !== undefined && (floors[folder] ?? Infinity) >= floor
        })
        assert.deepStrictEqual(upward, [])
      })

      it("imports no package of its own or a higher floor", () => {
        const upward = sources(name).flatMap((file) =>
          importsOf(file)
            .filter((specifier) => {
              const folder = folderOf(specifier)
              return folder !== undefined && (floors[folder] ?? Infinity) >= floor
            })
            .map((specifier) => `${Path.relative(root, file)} imports ${specifier}`)
        )
        assert.deepStrictEqual(upward, [])
      })

      it("says what it is, and has a page, sources, tests and a project", () => {
        const { license, name: full, private: hidden, type } = manifest(name)
        assert.strictEqual(full, name === "effect-mail" ? name : `@effect-mail/${name}`)
        assert.strictEqual(type, "module")
        assert.strictEqual(license, "MIT")
        assert.strictEqual(hidden, tools.has(name) ? true : undefined)
        for (const file of ["README.md", "src", "test", "tsconfig.json"]) {
          assert.isTrue(Fs.existsSync(Path.join(root, "packages", name, file)), `packages/${name}/${file} is missing`)
        }
      })
    })
  }

  for (const name of published) {
    describe(`packages/${name}, which is published`, () => {
      it("has a barrel that names every module, in alphabetical order", () => {
        const folder = Path.join(root, "packages", name, "src")
        const modules = Fs.readdirSync(folder)
          .filter((file) => /^[A-Z].*\.ts$/.test(file))
          .map((file) => file.slice(0, -3))
          .toSorted()
        const barrel = Fs.readFileSync(Path.join(folder, "index.ts"), "utf8")
        const named = [...barrel.matchAll(/^export \* as (\w+) from "\.\/(\w+)\.ts"$/gm)]
        assert.deepStrictEqual(
          named.map((m) => m[1]),
          modules
        )
        assert.isTrue(named.every((m) => m[1] === m[2]))
      })

      it("has the manifest of a package of this house", () => {
        const { dependencies, ...pack } = manifest(name)
        assert.deepStrictEqual(pack.sideEffects, [])
        assert.strictEqual(pack.peerDependencies?.["effect"], "^4.1.0")
        assert.isUndefined(dependencies?.["effect"])
        assert.include(JSON.stringify(pack.exports), `"source"`)
        assert.notInclude(JSON.stringify(pack.publishConfig.exports), `"source"`)
      })
    })
  }

  it("imports node:* in packages/node alone", () => {
    const offenders = published
      .filter((name) => name !== "node")
      .flatMap(sources)
      .filter((file) => importsOf(file).some((specifier) => specifier.startsWith("node:")))
    assert.deepStrictEqual(offenders, [])
  })

  it("takes time, chance and the console only from services, outside packages/node", () => {
    const forbidden =
      /\b(?:Date\.now|new Date\(\)|Math\.random|setTimeout|setInterval|setImmediate|console\.|process\.)/
    const offenders = published
      .filter((name) => name !== "node")
      .flatMap(sources)
      .filter((file) => forbidden.test(codeOf(file)))
      .map((file) => Path.relative(root, file))
    assert.deepStrictEqual(offenders, [])
  })

  it("documents every export with a category and a version", () => {
    const undocumented = published.flatMap(sources).flatMap((file) => {
      const text = Fs.readFileSync(file, "utf8")
      if (file.endsWith("index.ts") || file.includes("/internal/")) return []
      return [
        ...text.matchAll(
          /(\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?^export (?:declare )?(?:abstract )?(?:const|class|interface|type|function\*?|namespace) (\w+)/gm
        )
      ]
        .filter((m) => m[1] === undefined || !/@category/.test(m[1]) || !/@since/.test(m[1]))
        .map((m) => `${Path.relative(root, file)}: ${m[2]}`)
    })
    // A type and a value of the same name share one documentation when they stand together.
    assert.deepStrictEqual(undocumented, [])
  })

  it("keeps the top level to what tools need", () => {
    const allowed = [
      ".changeset",
      ".ci",
      ".git",
      ".gitattributes",
      ".gitignore",
      ".oxfmtrc.json",
      ".oxlintrc.json",
      "LICENSE",
      "README.md",
      "examples",
      "node_modules",
      "package.json",
      "packages",
      "pnpm-lock.yaml",
      "pnpm-workspace.yaml",
      "test",
      "tsconfig.base.json",
      "tsconfig.json",
      "vitest.config.ts"
    ]
    const extra = Fs.readdirSync(root).filter((entry) => !allowed.includes(entry))
    assert.deepStrictEqual(extra, [])
  })
})
