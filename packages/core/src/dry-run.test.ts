import { describe, expect, test } from "vitest";
import { createState } from "./decide.ts";
import { renderRun, unusedRunParams } from "./dry-run.ts";
import type { JobSpec } from "./schema/job.ts";
import type { RunState } from "./state.ts";
import { pipelineOf } from "./testing/documents.ts";
import { refusal, STARTER } from "./testing/play.ts";
import { creationOf, type PlayOptions, playPipeline } from "./testing/start.ts";
import { World } from "./testing/world.ts";

const world = new World();

const build: Partial<JobSpec> = {
  runnerSpec: { image: "build:${TAG}", replicas: "${N}", key: "${KEY}", left: "${OPTIONAL}." },
  runParams: [
    { name: "TAG", usageType: "TEMPLATE", value: "v1" },
    { name: "N", usageType: "TEMPLATE", valueType: "NUMBER", value: 2 },
    { name: "KEY", usageType: "TEMPLATE", sensitive: true, value: "k3y-value" },
    { name: "OPTIONAL", usageType: "TEMPLATE" },
  ],
};
const deploy: Partial<JobSpec> = {
  runnerSpec: { args: ["${VERSION}"] },
  runParams: [
    { name: "VERSION", usageType: "TEMPLATE", valueType: "NUMBER", required: true },
    { name: "MODE", valueType: "ENUM", enumOptions: ["fast", "safe"] },
  ],
};

function stateOf(shape: string, options: PlayOptions = {}): RunState {
  const jobs = { build, deploy };
  const creation = creationOf(world, pipelineOf(shape, options.tasks), { jobs, ...options });
  return createState(creation, world.context(STARTER));
}

const tasks = { b: { job: "build" }, d: { job: "deploy" } };

describe("a dry run", () => {
  test("renders each task with the values that are known, secrets masked, and unknown outputs as placeholders", () => {
    const state = stateOf("b > d", { tasks, request: { runParams: { TAG: "v2", MODE: "safe" } } });
    expect(renderRun(state, world.context(STARTER))).toEqual([
      {
        name: "b",
        stageName: "s1",
        job: "build@default.default:v1",
        spec: { image: "build:v2", replicas: 2, key: "***", left: "." },
        params: [
          { name: "TAG", value: "v2", setBy: "RUN" },
          { name: "N", value: "2", setBy: "JOB" },
          { name: "KEY", value: "***", setBy: "JOB" },
        ],
      },
      {
        name: "d",
        stageName: "s2",
        job: "deploy@default.default:v1",
        spec: { args: ["<VERSION>"] },
        params: [
          { name: "MODE", value: "safe", setBy: "RUN" },
          { name: "VERSION", value: "<VERSION>", setBy: "RUNTIME_ENV" },
        ],
      },
    ]);
  });

  test("refuses a value that does not parse, in later tasks too", () => {
    const options = { tasks, request: { runParams: { MODE: "slow" } } };
    expect(refusal(() => renderRun(stateOf("b > d", options), world.context(STARTER)))).toBe(
      'INVALID_PARAMS: task `d`: param MODE (set by RUN) is "slow", but must be one of: fast, safe',
    );
  });

  test("says which tasks are skipped, and does not mind their values", () => {
    const state = stateOf("b > d", {
      tasks: { ...tasks, d: { job: "deploy", skipRun: true, runParams: { MODE: "slow" } } },
    });
    const shown = renderRun(state, world.context(STARTER)).map(({ name, skipped }) => [name, skipped]);
    expect(shown).toEqual([
      ["b", undefined],
      ["d", true],
    ]);
  });

  test("does not warn of run params that the `when` of a stage names", () => {
    const stages = { s2: { when: 'params.SMOKE == "yes"' } };
    const runParams = { SMOKE: "yes", SMOK: "yes" };
    const jobs = { build, deploy };
    const { state } = playPipeline("b > d", { jobs, tasks, stages, request: { runParams } });
    expect(unusedRunParams(state)).toEqual([
      "no task declares the run param SMOK, so it is ignored; did you mean SMOKE?",
    ]);
  });

  test("does not warn of run params that a concurrency group or `nextPipeline` names", () => {
    const spec = {
      concurrency: { group: "site-${SITE}" },
      nextPipeline: { pipeline: "next", runParams: { TO: "${WHERE}" } },
    };
    const runParams = { SITE: "eu", WHERE: "test", WHO: "me" };
    const { state } = playPipeline("b > d", { jobs: { build, deploy }, tasks, spec, request: { runParams } });
    expect(unusedRunParams(state)).toEqual(["no task declares the run param WHO, so it is ignored"]);
  });

  test("warns of run params that no task declares where they are meant for", () => {
    const runParams = [
      { name: "TAGG", value: "v2" },
      { name: "TAG", value: "v2", scope: { stage: "s2" } },
      { name: "MODE", value: "safe", scope: { task: "d" } },
      { name: "TAG", value: "v3", scope: { stage: "ss2" } },
      { name: "TAG", value: "v4", scope: { stage: "s1", task: "nothing" } },
    ];
    expect(unusedRunParams(stateOf("b > d", { tasks, request: { runParams } }))).toEqual([
      "no task declares the run param TAGG, so it is ignored; did you mean TAG?",
      "no task in its scope declares the run param TAG, so it is ignored",
      "there is no stage `ss2` (did you mean `s2`?), so the run param TAG for it is ignored",
      "there is no task `nothing`, so the run param TAG for it is ignored",
    ]);
  });
});
