// Runs the Effect diagnostics over every project of the workspace. In sources and examples a warning counts, too; tests may
// provide their layers one by one.
import { spawnSync } from "node:child_process"
import { globSync } from "node:fs"

let failed = 0
const projects = globSync([
  "packages/*/tsconfig.json",
  "packages/*/tsconfig.test.json",
  "examples/tsconfig.json",
  "test/tsconfig.json"
])
for (const project of projects.toSorted()) {
  const strict = project.endsWith("test.json") || project.startsWith("test/") ? [] : ["--strict"]
  const run = spawnSync("effect-tsgo", ["diagnostics", "--project", project, "--format", "text", ...strict], {
    encoding: "utf8"
  })
  if (run.status === 0) continue
  failed++
  console.log(`${project}\n${run.stdout}${run.stderr}`)
}
console.log(
  failed === 0 ? `Effect diagnostics: ${projects.length} projects are clean` : `${failed} projects have diagnostics`
)
process.exitCode = failed === 0 ? 0 : 1
