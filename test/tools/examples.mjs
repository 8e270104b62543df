// Runs every example program as its reader would; fails when one of them does.
import { spawnSync } from "node:child_process"
import { globSync } from "node:fs"

for (const file of globSync("examples/*.ts").toSorted()) {
  // The tour is `pnpm start`, and tests are run by the tests.
  if (file.endsWith(".test.ts") || file.endsWith("tour.ts")) continue
  console.log(`-- ${file}`)
  const { status } = spawnSync("node", ["--conditions=source", file], { stdio: "inherit" })
  if (status !== 0) process.exitCode = 1
}
