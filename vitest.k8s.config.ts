import { defineConfig } from "vitest/config";

// Tests against a real Kubernetes, the one that KUBECONFIG names: `npm run test:k8s`.
export default defineConfig({
  test: {
    include: ["packages/*/src/**/*.k8s.test.ts", "e2e/**/*.k8s.test.ts", "deploy/**/*.k8s.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
    pool: "forks",
    // One after another: the node of a test cluster is small.
    maxWorkers: 1,
  },
});
