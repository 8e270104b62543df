// Packs every package as it would be published, checks the tarballs with publint and attw, and runs the first program in a
// project that has installed them.
import { spawnSync } from "node:child_process"
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const run = (command, args, cwd) => {
  const result = spawnSync(command, args, { cwd, encoding: "utf8" })
  if (result.status !== 0) {
    console.log(`${command} ${args.join(" ")}\n${result.stdout}${result.stderr}`)
    process.exitCode = 1
  }
  return result.status === 0
}

// pnpm says how it was started; `npx pnpm` puts no pnpm on the PATH.
const pnpm = process.env["npm_execpath"] ?? "pnpm"
const [program, ...prefix] = /\.[cm]?js$/.test(pnpm) ? [process.execPath, pnpm] : [pnpm]
const target = mkdtempSync(join(tmpdir(), "effect-mail-pack-"))
try {
  const published = readdirSync("packages").filter(
    (name) => JSON.parse(readFileSync(join("packages", name, "package.json"), "utf8")).private !== true
  )
  for (const name of published) run(program, [...prefix, "pack", "--pack-destination", target], join("packages", name))
  const tarballs = readdirSync(target)
  for (const tarball of tarballs) {
    const path = join(target, tarball)
    const ok = run("publint", [path, "--strict"], ".") && run("attw", [path, "--profile", "esm-only"], ".")
    if (ok) console.log(`${tarball}: publint and attw find nothing`)
  }
  const project = join(target, "project")
  mkdirSync(project)
  writeFileSync(join(project, "package.json"), JSON.stringify({ type: "module", private: true }))
  copyFileSync("examples/first.ts", join(project, "first.ts"))
  const catalog = readFileSync("pnpm-workspace.yaml", "utf8")
  const version = (name) => new RegExp(`^  "?${name}"?: (.*)$`, "m").exec(catalog)?.[1]
  const peers = ["effect", "@effect/platform-node"].map((name) => `${name}@${version(name)}`)
  const files = tarballs.map((tarball) => join("..", tarball))
  const installed = run("npm", ["install", "--no-audit", "--no-fund", ...files, ...peers], project)
  if (installed && run("node", ["first.ts"], project)) console.log("the first program runs on the packed packages")
} finally {
  rmSync(target, { recursive: true, force: true })
}
