import fc from "fast-check";
import { type TSchema, Type } from "typebox";
import { Compile } from "typebox/compile";
import { describe, expect, test } from "vitest";
import { explain } from "./explain.ts";
import { JobManifest } from "./schema/job.ts";
import { ParamValues, RunParam } from "./schema/param.ts";
import { PipelineManifest, PipelineSpec, StageSpec, TaskSpec } from "./schema/pipeline.ts";
import { RunPipelineRequest } from "./schema/request.ts";
import { ShellSpec } from "./schema/runner-spec.ts";
import { closed, Labels, Name, oneOf } from "./schema/scalars.ts";
import type { SchemaNode } from "./schema-node.ts";
import { validateValue } from "./validate.ts";

const nameRule = "Lower-case letters, digits, `_` and `-`, at most 63; starts with a letter or digit";
const durationRule = "A duration such as `90s`, `15m` or `1h30m`";
const jobRule =
  "`name[@namespace[.domain]][:version]` or `#id`; no version means `latest`, the one PUBLISHED last; a range such as `^1.2` the highest PUBLISHED in it";

const stage = { name: "build", tasks: [{ name: "compile", job: "build" }] };
const pipeline = { kind: "Pipeline", metadata: { name: "release" }, spec: { stages: [stage] } };
const job = {
  kind: "Job",
  metadata: { name: "build" },
  spec: { runnerType: "SHELL", runnerSpec: { steps: [{ run: "true" }] } },
};

describe("a wrong value gets a sentence that names the place and the remedy", () => {
  const cases: [why: string, schema: TSchema, value: unknown, problems: [string, string][]][] = [
    [
      "unknown key near a known one",
      TaskSpec,
      { name: "a", job: "b", runParms: {} },
      [["/runParms", "`runParms` is not known here; did you mean `runParams`?"]],
    ],
    [
      "unknown key far from all",
      closed({ name: Name }),
      { name: "a", colour: 1 },
      [["/colour", "`colour` is not known here; remove it (known are `name`)"]],
    ],
    [
      "keys that other systems have, of a task",
      TaskSpec,
      { name: "a", job: "b", dependsOn: [], allow_failure: true, script: [], VERSION: "1" },
      [
        ["/dependsOn", "`dependsOn` is not known here; it is called `needs`"],
        ["/allow_failure", "`allow_failure` is not known here; it is called `ignoreFailed`"],
        ["/script", "`script` is not known here; what a task does stands in the job that `job` names"],
        ["/VERSION", "`VERSION` is not known here; params stand below `runParams`"],
      ],
    ],
    [
      "keys that other systems have, of a stage and below a task",
      StageSpec,
      { name: "a", parallel: true, jobs: [], tasks: [{ name: "a", job: "b", matrix: { OS: ["x"] } }] },
      [
        ["/parallel", "`parallel` is not known here; it is called `isParallel`"],
        ["/jobs", "`jobs` is not known here; it is called `tasks`"],
        ["/tasks/0/matrix/OS", "`OS` is not known here; params stand below `params`"],
      ],
    ],
    [
      "single values where a list or map of them is wanted",
      PipelineSpec,
      {
        queue: true,
        concurrency: "site",
        retention: "30d",
        stages: [
          {
            name: "a",
            tasks: [{ name: "a", job: "b", needs: "c d", retry: 3, cache: { key: "x", paths: "y" } }],
          },
        ],
      },
      [
        ["/queue", "`queue` must be a map, but is `true`; write `{}`"],
        ["/concurrency", "`concurrency` must be a map, but is text; write `{ group: site }`"],
        ["/retention", "`retention` must be a map, but is text; write `{ maxAge: 30d }`"],
        ["/stages/0/tasks/0/needs", "`needs` must be a list, but is text"],
        ["/stages/0/tasks/0/retry", "`retry` must be a map, but is a number; write `{ limit: 3 }`"],
        ["/stages/0/tasks/0/cache/key", "`key` must be a map, but is text; write `{ prefix: x }`"],
        ["/stages/0/tasks/0/cache/paths", "`paths` must be a list, but is text; write `[y]`"],
      ],
    ],
    [
      "key of a later version",
      TaskSpec,
      { name: "a", job: "b", requiredApproval: true },
      [
        [
          "/requiredApproval",
          "`requiredApproval` is planned, but this version does not act on it, so it is refused rather than ignored; remove it",
        ],
      ],
    ],
    [
      "missing keys, all at once",
      TaskSpec,
      {},
      [
        ["/name", `\`name\` is missing; add it (${nameRule})`],
        ["/job", `\`job\` is missing; add it (${jobRule})`],
      ],
    ],
    [
      "text instead of a list",
      StageSpec,
      { ...stage, tasks: "compile" },
      [["/tasks", "`tasks` must be a list, but is text"]],
    ],
    [
      "map instead of a list",
      StageSpec,
      { ...stage, tasks: { a: 1 } },
      [["/tasks", "`tasks` must be a list, but is a map"]],
    ],
    [
      "a key without a value",
      StageSpec,
      { ...stage, tasks: null },
      [["/tasks", "`tasks` is empty; it must be a list"]],
    ],
    [
      "list item of a wrong type",
      StageSpec,
      { name: "a", tasks: ["compile"] },
      [["/tasks/0", "item 1 of `tasks` must be a map, but is text"]],
    ],
    ["too few items", StageSpec, { name: "a", tasks: [] }, [["/tasks", "`tasks` needs at least 1 item"]]],
    [
      "too many items",
      Type.Array(Type.String(), { maxItems: 2 }),
      ["a", "b", "c"],
      [["", "this has 3 items; at most 2 are allowed"]],
    ],
    [
      "number instead of text",
      TaskSpec,
      { name: 7, job: "b" },
      [["/name", "`name` must be text, but is a number; put it in quotes"]],
    ],
    [
      "number without the unit of a duration",
      TaskSpec,
      { name: "a", job: "b", timeout: 5 },
      [["/timeout", "`timeout` must be text, but is a number; add the unit, e.g. `5s`"]],
    ],
    [
      "text instead of a boolean",
      TaskSpec,
      { name: "a", job: "b", skipRun: "yes" },
      [["/skipRun", "`skipRun` must be `true` or `false`, but is text; write `true` or `false`"]],
    ],
    [
      "quoted boolean",
      TaskSpec,
      { name: "a", job: "b", skipRun: "true" },
      [["/skipRun", "`skipRun` must be `true` or `false`, but is text; remove the quotes"]],
    ],
    [
      "quoted number",
      StageSpec,
      { ...stage, maxParallel: "3" },
      [["/maxParallel", "`maxParallel` must be a whole number, but is text; remove the quotes"]],
    ],
    [
      "fraction instead of a whole number",
      StageSpec,
      { ...stage, maxParallel: 1.5 },
      [["/maxParallel", "`maxParallel` must be a whole number, but is 1.5"]],
    ],
    [
      "number below its range",
      StageSpec,
      { ...stage, maxParallel: 0 },
      [["/maxParallel", "`maxParallel` must be at least 1, but is 0"]],
    ],
    [
      "number above its range",
      StageSpec,
      { ...stage, maxParallel: 10001 },
      [["/maxParallel", "`maxParallel` must be at most 10000, but is 10001"]],
    ],
    [
      "text that breaks its pattern",
      TaskSpec,
      { name: "Big Name", job: "b" },
      [["/name", `\`name\` cannot be \`Big Name\`: ${nameRule}`]],
    ],
    [
      "duration without a unit",
      TaskSpec,
      { name: "a", job: "b", timeout: "90" },
      [["/timeout", `\`timeout\` cannot be \`90\`: ${durationRule}`]],
    ],
    [
      "text that is too long",
      TaskSpec,
      { name: "a".repeat(64), job: "b" },
      [["/name", "`name` is 64 characters long; at most 63 are allowed"]],
    ],
    ["empty text", TaskSpec, { name: "a", job: "" }, [["/job", "`job` is empty; give it a value"]]],
    [
      "value that is none of the options",
      RunParam,
      { name: "A", usageType: "ENVS" },
      [
        [
          "/usageType",
          "`usageType` must be `ENV`, `TEMPLATE`, `RUNNER` or `SYSTEM`, but is `ENVS`; did you mean `ENV`?",
        ],
      ],
    ],
    [
      "wrong type where options are expected",
      closed({ size: oneOf(["S", "L"]) }),
      { size: 3 },
      [["/size", "`size` must be `S` or `L`, but is a number"]],
    ],
    [
      "wrong constant",
      JobManifest,
      { ...job, kind: "job" },
      [["/kind", "`kind` must be `Job`, but is `job`; did you mean `Job`?"]],
    ],
    [
      "map value of a wrong type",
      Labels,
      { team: 3 },
      [["/team", "`team` must be text, but is a number; put it in quotes"]],
    ],
    [
      "map value under a key that is a number",
      Labels,
      { 2: [] },
      [["/2", "`2` must be text, but is a list"]],
    ],
    [
      "item of a list in a list",
      closed({ rows: Type.Array(Type.Array(Type.String())) }),
      { rows: [["a"], ["b", {}]] },
      [["/rows/1/1", "item 2 must be text, but is a map"]],
    ],
    [
      "map key that is not allowed",
      ParamValues,
      { "1b": 1 },
      [["/1b", "`1b` is not allowed as a name here: Letters, digits and `_`; does not start with a digit"]],
    ],
    [
      "label key with a line break",
      Labels,
      { "a\nb": "c" },
      [
        [
          "/a\nb",
          "`a\\nb` is not allowed as a name here: A key has 1 to 128 characters, and no line breaks or other control characters",
        ],
      ],
    ],
    [
      "too many entries",
      Labels,
      Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`k${index}`, "v"])),
      [["", "this has 65 entries; at most 64 are allowed"]],
    ],
    [
      "key with characters that a pointer escapes",
      Labels,
      { "a/b~c": 1 },
      [["/a~1b~0c", "`a/b~c` must be text, but is a number; put it in quotes"]],
    ],
    ["a whole value of a wrong type", JobManifest, [], [["", "this must be a map, but is a list"]]],
    [
      "a value that no branch of a union takes",
      TaskSpec,
      { name: "a", job: "b", runParams: "A=1" },
      [["/runParams", "`runParams` must be a list or a map, but is text"]],
    ],
    [
      "a list for a union: only the list's problems",
      TaskSpec,
      { name: "a", job: "b", runParams: [{ name: "A", valu: 1 }] },
      [
        ["/runParams/0/value", "`value` is missing; add it"],
        ["/runParams/0/valu", "`valu` is not known here; did you mean `value`?"],
      ],
    ],
    [
      "a map for a union: only the map's problems",
      TaskSpec,
      { name: "a", job: "b", runParams: { A: [1] } },
      [["/runParams/A", "`A` must be text, a number, `true` or `false`, but is a list"]],
    ],
    [
      "a scope that is neither the constant nor a map",
      ParamValues,
      [{ name: "A", value: 1, scope: "all" }],
      [["/0/scope", "`scope` must be `*` or a map, but is `all`"]],
    ],
    [
      "a number in a union of text and whole number",
      ParamValues,
      [{ name: "A", value: 1, scope: { stage: 0 } }],
      [["/0/scope/stage", "`stage` must be at least 1, but is 0"]],
    ],
    [
      "a document of an unknown kind among maps that differ by kind",
      RunPipelineRequest,
      { documents: [{ ...pipeline, kind: "Pipelin" }] },
      [
        [
          "/documents/0/kind",
          "`kind` must be `Job` or `Pipeline`, but is `Pipelin`; did you mean `Pipeline`?",
        ],
      ],
    ],
    [
      "a document whose kind says which problems count",
      RunPipelineRequest,
      { documents: [{ ...pipeline, metadata: {} }] },
      [["/documents/0/metadata/name", `\`name\` is missing; add it (${nameRule})`]],
    ],
    [
      "a number that is none",
      closed({ n: Type.Number() }),
      { n: Number.NaN },
      [["/n", "`n` must be a finite number"]],
    ],
  ];
  test.each(cases)("%s", (_why, schema, value, problems) => {
    expect(validateValue(schema, value)).toEqual(problems.map(([path, message]) => ({ path, message })));
  });
});

test("valid values have no problems", () => {
  expect(validateValue(PipelineManifest, pipeline)).toEqual([]);
  expect(validateValue(JobManifest, job)).toEqual([]);
  expect(
    validateValue(RunPipelineRequest, { documents: [job, pipeline], runParams: { A: 1, B: true } }),
  ).toEqual([]);
});

test("paths start with the base path", () => {
  expect(validateValue(closed({ a: Type.String() }), {}, "/body")).toEqual([
    { path: "/body/a", message: "`a` is missing; add it" },
  ]);
});

test("a key of a later version is refused at every level of a manifest", () => {
  const value = {
    ...pipeline,
    spec: {
      requiredApproval: true,
      stages: [{ ...stage, approval: {}, tasks: [{ name: "a", job: "b", buildConfig: {} }] }],
    },
  };
  expect(validateValue(PipelineManifest, value).map(({ path }) => path)).toEqual([
    "/spec/requiredApproval",
    "/spec/stages/0/tasks/0/buildConfig",
    "/spec/stages/0/approval",
  ]);
});

test("a value with very many problems answers quickly with the first 500", () => {
  const keys = Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`stage${index}`, index]));
  const few = Object.fromEntries(Object.entries(keys).slice(0, 1000));
  /** The shortest of three, because other programs share the processor. */
  const time = (value: object) => {
    const taken = [1, 2, 3].map(() => {
      const start = performance.now();
      expect(validateValue(StageSpec, value)).toHaveLength(500);
      return performance.now() - start;
    });
    return Math.min(...taken);
  };
  time({ ...stage, ...few });
  // Fifty times the keys cost far less than fifty times the time: the first 500 problems end the search.
  expect(time({ ...stage, ...keys })).toBeLessThan(50 * Math.max(time({ ...stage, ...few }), 10));
});

test("what somebody wrote is shown on one line and shortened", () => {
  const [problem] = validateValue(Name, `Two\nlines ${"x".repeat(40)}`);
  expect(problem?.message).toBe(`this cannot be \`Two\\nlines ${"x".repeat(40)}\`: ${nameRule}`);
  const long = validateValue(oneOf(["A"]), "y".repeat(9000));
  expect(long).toEqual([{ path: "", message: `this must be \`A\`, but is \`${"y".repeat(60)}...\`` }]);
});

test("the value of a param is never part of a message", () => {
  const secret = "hunter2hunter2";
  const problems = validateValue(ParamValues, [{ name: "PASSWORD", value: [secret], sensitive: true }]);
  expect(problems).not.toEqual([]);
  expect(JSON.stringify(problems)).not.toContain(secret);
});

describe("explanations and validation agree", () => {
  const good: [TSchema, unknown][] = [
    [JobManifest, job],
    [
      PipelineManifest,
      {
        ...pipeline,
        spec: {
          with: [{ name: "A", value: "b", scope: { stage: "build", task: 1 } }],
          stages: [
            { ...stage, isParallel: true, maxParallel: 2, with: { B: true, C: 1 } },
            {
              name: "b",
              tasks: [
                { name: "c", job: "#job-1", timeout: "1m", audit: { required: 2, auditors: ["@all"] } },
              ],
            },
          ],
        },
      },
    ],
    [ShellSpec, { steps: [{ name: "a", run: "true", env: { A: 1 }, timeout: "1s" }], workspace: "run" }],
    [RunPipelineRequest, { documents: [job], runParams: { A: 1 }, auditors: [{ name: "ann", scope: "*" }] }],
  ];
  const junk = fc.oneof(
    fc.constantFrom(null, true, 0, 1.5, -1, "", "*", "a", "A b", "90s", "PASS", "Job"),
    fc.constant([]),
    fc.constant({}),
    fc.constant({ name: "a" }),
    fc.constant([{ name: "a" }]),
  );

  /** The value with one place of it replaced, removed or added to. */
  function broken(value: unknown, steps: number[], replacement: unknown): unknown {
    const [step, ...rest] = steps;
    if (step === undefined || typeof value !== "object" || value === null) return replacement;
    const entries = Object.entries(value);
    const index = step % (entries.length + 2);
    const entry = entries[index];
    const next = Array.isArray(value) ? [...value] : { ...value };
    if (index === entries.length)
      return Array.isArray(next) ? [...next, replacement] : { ...next, extra: replacement };
    if (!entry) return Array.isArray(next) ? next.slice(1) : Object.fromEntries(entries.slice(1));
    return Object.assign(next, { [entry[0]]: broken(entry[1], rest, replacement) });
  }

  test("a value is explained exactly when it is invalid", () => {
    const change = fc.tuple(fc.array(fc.nat(), { maxLength: 8 }), junk);
    fc.assert(
      fc.property(
        fc.nat(good.length - 1),
        fc.array(change, { minLength: 1, maxLength: 3 }),
        (which, changes) => {
          const [schema, value] = good[which] as [TSchema, unknown];
          const changed = changes.reduce<unknown>((now, [steps, with_]) => broken(now, steps, with_), value);
          const explained = explain(schema as SchemaNode, changed, "");
          expect(explained.length === 0).toBe(Compile(schema).Check(changed));
        },
      ),
      { numRuns: 400 },
    );
  });
});
