// The import rules of the architecture: who may know whom. `npm run check` enforces them.
// Each rule names the folder, and what it may not reach.

const core = "^packages/core/src";
const server = "^packages/server/src";
const contracts = `${server}/(store/store|runners/runner|runners/work-files|listeners/channel|logs/log-store)\\.ts$`;
const test = "\\.(test|conformance|bench)\\.ts$|/testing/";

/** A rule that forbids everything in this repository but what is listed. */
function only(name, from, allowed, comment) {
  return {
    name,
    comment,
    severity: "error",
    from: { path: from, pathNot: test },
    to: { path: "^(packages|e2e|bench)/", pathNot: [from, "package\\.json$", ...allowed] },
  };
}

module.exports = {
  forbidden: [
    { name: "no-unresolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
    {
      name: "core-is-pure",
      comment: "No I/O, no clock, no randomness: pure libraries only.",
      severity: "error",
      from: { path: core, pathNot: test },
      to: {
        pathNot: [
          core,
          "node_modules/(typebox|yaml|mustache|@types/mustache|semver|@types/semver|picomatch|re2js|@noble/hashes|@marcbachmann/cel-js|croner)/",
        ],
      },
    },
    {
      name: "mask-imports-nothing",
      comment: "The supervisor loads it.",
      severity: "error",
      from: { path: `${core}/mask\\.ts$` },
      to: {},
    },
    only("store-and-logs", `${server}/(store|logs)/`, [core], "They keep bytes; they decide nothing."),
    only("runners", `${server}/runners/`, [
      core,
      `${server}/named-settings\\.ts$`,
      `${server}/store/store\\.ts$`,
      `${server}/logs/log-store\\.ts$`,
      `${server}/auth/keys\\.ts$`,
    ]),
    only("artifacts", `${server}/artifacts/`, [core, contracts, `${server}/runners/attempt-key\\.ts$`]),
    only("listeners", `${server}/listeners/`, [
      core,
      `${server}/named-settings\\.ts$`,
      `${server}/store/store\\.ts$`,
      `${server}/logs/log-store\\.ts$`,
      `${server}/auth/keys\\.ts$`,
    ]),
    {
      name: "supervisor-is-small",
      comment: "It lives as long as the work it started and must stay small: Node and the masking alone.",
      severity: "error",
      from: { path: `${server}/runners/shell/supervisor/`, pathNot: test },
      to: {
        path: ".",
        pathNot: [`${server}/runners/shell/supervisor/`, `${core}/mask\\.ts$`],
        dependencyTypesNot: ["core"],
      },
    },
    only("engine", `${server}/engine/`, [core, `${server}/named-settings\\.ts$`, contracts]),
    only("catalog", `${server}/catalog/`, [core, `${server}/store/store\\.ts$`]),
    only("auth", `${server}/auth/`, [core, `${server}/store/store\\.ts$`]),
    only("triggers", `${server}/triggers/`, [
      core,
      `${server}/engine/(submit|clock)\\.ts$`,
      `${server}/store/store\\.ts$`,
    ]),
    only("retention", `${server}/retention/`, [
      core,
      `${server}/engine/(submit|clock|timers)\\.ts$`,
      `${server}/store/store\\.ts$`,
    ]),
    only("http", `${server}/http/`, [
      core,
      `${server}/(engine|triggers|auth|catalog|listeners|retention|artifacts)/`,
      contracts,
      `${server}/runners/kubernetes/clusters/clusters\\.ts$`,
    ]),
    only("sdk", "^packages/sdk/src", [core]),
    only("cli", "^packages/cli/src", [core, "^packages/sdk/src", `${server}/(index|main)\\.ts$`]),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    parser: "swc",
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "default"] },
  },
};
