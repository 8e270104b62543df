// Packs every package as it would be published and checks the tarballs with publint and attw.
import { spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
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
  for (const name of readdirSync("packages")) {
    if (JSON.parse(readFileSync(join("packages", name, "package.json"), "utf8")).private === true) continue
    const packed = run(program, [...prefix, "pack", "--pack-destination", target], join("packages", name))
    if (!packed) continue
  }
  for (const tarball of readdirSync(target)) {
    const path = join(target, tarball)
    const ok = run("publint", [path, "--strict"], ".") && run("attw", [path, "--profile", "esm-only"], ".")
    if (ok) console.log(`${tarball}: publint and attw find nothing`)
  }
} finally {
  rmSync(target, { recursive: true, force: true })
}
