import { join } from "node:path";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/*/src/**/*.test.ts", "e2e/**/*.test.ts", "bench/**/*.test.ts", "deploy/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/*.k8s.test.ts"],
    // What a test waits for is there in a moment; only a machine that is very busy needs more of this.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 20_000 } },
    // Threads and servers that tests start do not strip types each time anew: that takes 0.1 s, and V8 of Node 24 now and then
    // dies of it in a process that has had hundreds of such threads.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, "node_modules", ".cache", "mflow-tests") },
    pool: "forks",
    maxWorkers: 2,
  },
});
