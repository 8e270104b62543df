import { defineConfig } from "vitest/config"

export default defineConfig({
  // Tests run on the TypeScript sources of every package; nothing is built first.
  ssr: { resolve: { conditions: ["source"] } },
  test: {
    // Generous, so that a busy machine fails no test; nothing waits for it.
    testTimeout: 60_000,
    include: ["packages/*/test/**/*.test.ts", "test/**/*.test.ts", "examples/**/*.test.ts"]
  }
})
