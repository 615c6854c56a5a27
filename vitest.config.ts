import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/*/src/**/*.test.ts", "e2e/**/*.test.ts", "bench/**/*.test.ts", "deploy/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/*.k8s.test.ts"],
    // What a test waits for is there in a moment; only a machine that is very busy needs more of this.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 20_000 } },
    pool: "forks",
    maxWorkers: 2,
  },
});
