import { describe, expect, test } from "vitest";
import { MAX_EXTENDED, type PipelineSource, putTogether } from "./extend-pipeline.ts";
import type { ExtendingPipelineSpec, GivenPipelineSpec, PipelineSpec } from "./schema/pipeline.ts";
import { DEFAULT_SCOPE } from "./schema/scalars.ts";

const base: PipelineSpec = {
  isTemplate: true,
  visibility: "DOMAIN",
  with: { REGION: "eu", SIZE: "s" },
  failFast: true,
  stages: [
    {
      name: "build",
      isParallel: true,
      maxParallel: 2,
      with: { CPU: 1 },
      tasks: [
        { name: "compile", job: "compile", timeout: "5m", labels: { lang: "ts", team: "a" } },
        { name: "lint", job: "lint", runParams: { STRICT: true } },
      ],
    },
    {
      name: "deploy",
      tasks: [{ name: "apply", job: "deploy:^1", audit: { auditors: ["ada"], required: 1 } }],
    },
  ],
};

function source(name: string, spec: GivenPipelineSpec, namespace = "default"): PipelineSource {
  return { name, scope: { ...DEFAULT_SCOPE, namespace }, spec };
}

function together(spec: Partial<ExtendingPipelineSpec>, ...others: PipelineSource[]) {
  const known = new Map(
    [source("base", base), ...others].map((one) => [`${one.name}@${one.scope.namespace}.default`, one]),
  );
  return putTogether(source("site", { extends: "base", ...spec }), (name) => known.get(name));
}

/** What a pipeline that extends `base` is put together to, without a problem. */
function whole(spec: Partial<ExtendingPipelineSpec>, ...others: PipelineSource[]): PipelineSpec | undefined {
  const { whole: made, problems } = together(spec, ...others);
  expect(problems).toEqual([]);
  return made?.spec;
}

/** Problems as `path message`. */
function problems(spec: Partial<ExtendingPipelineSpec>, ...others: PipelineSource[]): string[] {
  return together(spec, ...others).problems.map(({ path, message, severity }) =>
    [severity === "warning" ? "warning" : "", path, message].filter(Boolean).join(" "),
  );
}

const { isTemplate: _template, visibility: _visibility, ...plain } = base;
const [build, deploy] = plain.stages as [PipelineSpec["stages"][0], PipelineSpec["stages"][0]];
const [compile, lint] = build.tasks as [(typeof build.tasks)[0], (typeof build.tasks)[0]];
const [apply] = deploy.tasks as [(typeof deploy.tasks)[0]];
const check = { name: "check", job: "check" };

describe("what is extended and what is given come together", () => {
  const cases: [rule: string, given: Partial<ExtendingPipelineSpec>, expected: PipelineSpec][] = [
    ["nothing differs but what a pipeline says of itself alone", {}, plain],
    [
      "a field that is given replaces",
      { failFast: false, isParallel: true },
      { ...plain, failFast: false, isParallel: true },
    ],
    [
      "values are merged by name",
      { with: { SIZE: "l", NEW: 1 } },
      { ...plain, with: { REGION: "eu", SIZE: "l", NEW: 1 } },
    ],
    [
      "all values of a name are replaced, when one is a list",
      {
        with: [
          { name: "SIZE", value: "l", scope: { task: "lint" } },
          { name: "SIZE", value: "m" },
        ],
      },
      {
        ...plain,
        with: [
          { name: "REGION", value: "eu" },
          { name: "SIZE", value: "l", scope: { task: "lint" } },
          { name: "SIZE", value: "m" },
        ],
      },
    ],
    [
      "a task's fields replace, its values and labels are merged by name",
      {
        overrides: {
          tasks: {
            compile: { job: "compile:v2", labels: { team: "b" } },
            lint: { runParams: { DEPTH: 2 }, timeout: "1m" },
          },
        },
      },
      {
        ...plain,
        stages: [
          {
            ...build,
            tasks: [
              { ...compile, job: "compile:v2", labels: { lang: "ts", team: "b" } },
              { ...lint, timeout: "1m", runParams: { STRICT: true, DEPTH: 2 } },
            ],
          },
          deploy,
        ],
      },
    ],
    [
      "a gate is replaced as a whole",
      { overrides: { tasks: { "deploy/apply": { audit: { auditors: ["bob"] } } } } },
      { ...plain, stages: [build, { ...deploy, tasks: [{ ...apply, audit: { auditors: ["bob"] } }] }] },
    ],
    [
      "a stage's fields replace, its values are merged",
      { overrides: { stages: { build: { maxParallel: 8, with: { RAM: 2 } } } } },
      { ...plain, stages: [{ ...build, maxParallel: 8, with: { CPU: 1, RAM: 2 } }, deploy] },
    ],
    [
      "tasks and stages are removed",
      { overrides: { tasks: { lint: { remove: true } }, stages: { deploy: { remove: true } } } },
      { ...plain, stages: [{ ...build, tasks: [compile] }] },
    ],
    [
      "fields are unset, and what is given with it counts",
      {
        with: { ONLY: 1 },
        overrides: {
          unset: ["with", "failFast"],
          stages: { build: { unset: ["maxParallel"] } },
          tasks: { apply: { unset: ["audit"] } },
        },
      },
      {
        with: { ONLY: 1 },
        stages: [
          { name: "build", isParallel: true, with: { CPU: 1 }, tasks: build.tasks },
          { ...deploy, tasks: [{ name: "apply", job: "deploy:^1" }] },
        ],
      },
    ],
    [
      "what is added stands at the end, or where it says",
      {
        stages: [
          { name: "last", tasks: [check] },
          { name: "between", tasks: [check], before: "deploy" },
          { name: "after-last", tasks: [check], after: "last" },
        ],
        overrides: {
          stages: {
            build: {
              tasks: [
                { name: "third", job: "x" },
                { name: "first", job: "x", before: "compile" },
                { name: "second", job: "x", after: "compile" },
              ],
            },
          },
        },
      },
      {
        ...plain,
        stages: [
          {
            ...build,
            tasks: [
              { name: "first", job: "x" },
              compile,
              { name: "second", job: "x" },
              lint,
              { name: "third", job: "x" },
            ],
          },
          { name: "between", tasks: [check] },
          deploy,
          { name: "last", tasks: [check] },
          { name: "after-last", tasks: [check] },
        ],
      },
    ],
    [
      "a task that is removed makes room for another of its name",
      {
        overrides: {
          tasks: { lint: { remove: true } },
          stages: { build: { tasks: [{ name: "lint", job: "other" }] } },
        },
      },
      { ...plain, stages: [{ ...build, tasks: [compile, { name: "lint", job: "other" }] }, deploy] },
    ],
  ];
  test.each(cases)("%s", (_rule, given, expected) => {
    expect(whole(given)).toEqual(expected);
  });

  test("a field is merged whatever it is called", () => {
    const given = { extends: "base", timeoutOfTomorrow: "1h" } as ExtendingPipelineSpec;
    const { whole: made } = putTogether(source("site", given), () => source("base", base));
    expect(made?.spec).toMatchObject({ timeoutOfTomorrow: "1h" });
  });

  test("the pipelines that are put together stay as they were", () => {
    const before = structuredClone(base);
    whole({
      overrides: { tasks: { lint: { remove: true } }, stages: { build: { tasks: [check] } } },
      stages: [{ name: "x", tasks: [check] }],
    });
    expect(base).toEqual(before);
  });

  test("a chain is laid over from the far end", () => {
    const middle = source("middle", {
      extends: "base",
      isTemplate: true,
      with: { SIZE: "m", MIDDLE: 1 },
      stages: [{ name: "check", tasks: [check] }],
      overrides: { stages: { deploy: { remove: true } } },
    });
    const given: Partial<ExtendingPipelineSpec> = {
      extends: "middle",
      with: { SIZE: "l" },
      overrides: { tasks: { check: { timeout: "1m" } } },
    };
    expect(whole(given, middle)).toEqual({
      ...plain,
      with: { REGION: "eu", SIZE: "l", MIDDLE: 1 },
      stages: [build, { name: "check", tasks: [{ ...check, timeout: "1m" }] }],
    });
    expect(together(given, middle).whole?.extended).toEqual([
      "middle@default.default",
      "base@default.default",
    ]);
  });

  test("references of a pipeline of another namespace are those of its namespace", () => {
    const shared = source("shared", { ...base, visibility: "DOMAIN" }, "platform");
    const made = whole({ extends: "shared@platform", stages: [{ name: "own", tasks: [check] }] }, shared);
    expect(made?.stages.flatMap(({ tasks }) => tasks.map(({ job }) => job))).toEqual([
      "compile@platform.default:latest",
      "lint@platform.default:latest",
      "deploy@platform.default:^1",
      "check",
    ]);
  });
});

describe("a `readOnly` value of what is extended", () => {
  const fixed = source("fixed", {
    ...base,
    with: [
      { name: "REGION", value: "eu", readOnly: true },
      { name: "SIZE", value: "s" },
    ],
  });

  test("stays, with a warning", () => {
    const { whole: made, problems: found } = together(
      { extends: "fixed", with: { REGION: "us", SIZE: "l" } },
      fixed,
    );
    expect(made?.spec.with).toEqual([
      { name: "REGION", value: "eu", readOnly: true },
      { name: "SIZE", value: "l" },
    ]);
    const message =
      "`REGION` is `readOnly` in the pipeline that is extended, so this value has no effect; remove it";
    expect(found).toEqual([{ path: "/spec/with/REGION", message, severity: "warning" }]);
  });

  test("is not unset", () => {
    expect(whole({ extends: "fixed", overrides: { unset: ["with"] } }, fixed)?.with).toEqual([
      { name: "REGION", value: "eu", readOnly: true },
    ]);
  });
});

describe("what cannot be put together is told with its place", () => {
  const cases: [rule: string, given: Partial<ExtendingPipelineSpec>, expected: string[]][] = [
    [
      "a pipeline that there is not",
      { extends: "bsae" },
      [
        "/spec/extends there is no pipeline `bsae@default.default` to extend; apply it first, or correct the name",
      ],
    ],
    [
      "a task that there is not",
      { overrides: { tasks: { complie: { timeout: "1m" }, "deploy/lint": { timeout: "1m" } } } },
      [
        "/spec/overrides/tasks/complie the pipeline that is extended has no task `complie`; did you mean `compile`?",
        "/spec/overrides/tasks/deploy~1lint the pipeline that is extended has no task `deploy/lint`; it has `build/compile`, `build/lint`, `deploy/apply`",
      ],
    ],
    [
      "a stage that there is not",
      { overrides: { stages: { biuld: { isParallel: false } } } },
      [
        "/spec/overrides/stages/biuld the pipeline that is extended has no stage `biuld`; did you mean `build`?",
      ],
    ],
    [
      "a stage and a task that are there already",
      {
        stages: [{ name: "deploy", tasks: [check] }],
        overrides: { stages: { build: { tasks: [{ name: "lint", job: "x" }] } } },
      },
      [
        "/spec/overrides/stages/build/tasks/0/name the pipeline that is extended has a task `lint`; to change it, write `overrides.tasks.lint`, or rename this one",
        "/spec/stages/0/name the pipeline that is extended has a stage `deploy`; to change it, write `overrides.stages.deploy`, or rename this one",
      ],
    ],
    [
      "a place that there is not, and two places",
      {
        stages: [
          { name: "a", tasks: [check], before: "deplyo" },
          { name: "b", tasks: [check], before: "build", after: "deploy" },
        ],
      },
      [
        "/spec/stages/0/before there is no stage `deplyo` to stand beside; did you mean `deploy`?",
        "/spec/stages/1/after `before` and `after` exclude each other; keep one",
      ],
    ],
    [
      "a change of what is removed",
      { overrides: { tasks: { lint: { remove: true, timeout: "1m" } } } },
      [
        "/spec/overrides/tasks/lint/timeout task `lint` is removed, so `timeout` has no effect; keep one of both",
      ],
    ],
    [
      "a field that cannot be unset",
      { overrides: { unset: ["failfast"], tasks: { lint: { unset: ["job"] } } } },
      [
        "/spec/overrides/unset/0 `failfast` is no field that can be unset here; did you mean `failFast`?",
        expect.stringMatching(
          /^\/spec\/overrides\/tasks\/lint\/unset\/0 `job` is no field that can be unset here; it can be `displayName`/,
        ) as unknown as string,
      ],
    ],
    [
      "a stage without tasks",
      { overrides: { tasks: { apply: { remove: true } } } },
      [
        "/spec/overrides/tasks stage `deploy` has no task left; remove the stage itself (`overrides.stages.deploy.remove: true`)",
      ],
    ],
    [
      "pipelines that extend each other",
      { extends: "a" },
      [
        "/spec/extends pipelines extend each other in a circle: `a@default.default` extends `b@default.default` extends `a@default.default`; break it",
      ],
    ],
    [
      "a pipeline that extends itself",
      { extends: "site" },
      [
        "/spec/extends pipelines extend each other in a circle: `site@default.default` extends `site@default.default`; break it",
      ],
    ],
    [
      "a pipeline that others may not extend",
      { extends: "hidden@ops" },
      [
        "/spec/extends pipeline `hidden@ops.default` cannot be extended from `default.default`; its `visibility` must be `DOMAIN` or `GLOBAL`",
      ],
    ],
    [
      "what is wrong in a pipeline on the way",
      { extends: "wrong" },
      [
        "/spec/extends in pipeline `wrong@default.default` at `/spec/overrides/tasks/nothing`: the pipeline that is extended has no task `nothing`; it has `compile`, `lint`, `apply`",
      ],
    ],
  ];
  test.each(cases)("%s", (_rule, given, expected) => {
    const others = [
      source("a", { extends: "b" }),
      source("b", { extends: "a" }),
      source("hidden", { stages: base.stages }, "ops"),
      source("wrong", { extends: "base", overrides: { tasks: { nothing: { timeout: "1m" } } } }),
    ];
    expect(problems(given, ...others)).toEqual(expected);
  });

  test(`more than ${MAX_EXTENDED} in a row`, () => {
    const chain = (length: number) => [
      ...Array.from({ length: length - 1 }, (_, index) =>
        source(`p${index + 1}`, { extends: `p${index + 2}` }),
      ),
      source(`p${length}`, { stages: base.stages }),
    ];
    expect(whole({ extends: "p1" }, ...chain(MAX_EXTENDED))).toEqual({ stages: base.stages });
    expect(problems({ extends: "p1" }, ...chain(MAX_EXTENDED + 1))).toEqual([
      expect.stringMatching(
        /^\/spec\/extends at most 8 pipelines can be extended in a row, but `site@default.default` extends `p1@/,
      ),
    ]);
  });

  test("what makes the whole wrong, where it was written", () => {
    const long = "x".repeat(200);
    expect(problems({ overrides: { tasks: { lint: { displayName: long } } } })).toEqual([
      "/spec/overrides/tasks/lint/displayName `displayName` is 200 characters long; at most 128 are allowed",
    ]);
  });
});

test("the place of every part of the whole is known", () => {
  const { whole: made } = together({
    with: { SIZE: "l" },
    stages: [{ name: "first", tasks: [check], before: "build" }],
    overrides: {
      tasks: { lint: { runParams: { DEPTH: 1 }, timeout: "1m" } },
      stages: { build: { tasks: [check] } },
    },
  });
  const places = (pointer: string) => {
    const { source: number, pointer: at } = made?.origin(pointer) ?? { source: -1, pointer: "" };
    return `${number} ${at}`;
  };
  expect(
    [
      "/spec/stages/0/tasks/0/job",
      "/spec/stages/1/tasks/1/timeout",
      "/spec/stages/1/tasks/1/job",
      "/spec/stages/1/tasks/1/runParams/DEPTH",
      "/spec/stages/1/tasks/1/runParams/STRICT",
      "/spec/stages/1/tasks/2/name",
      "/spec/stages/2/tasks/0/audit/auditors/0",
      "/spec/with/SIZE",
      "/spec/with/REGION",
      "/spec/stages",
    ].map(places),
  ).toEqual([
    "0 /spec/stages/0/tasks/0/job",
    "0 /spec/overrides/tasks/lint/timeout",
    "1 /spec/stages/0/tasks/1/job",
    "0 /spec/overrides/tasks/lint/runParams/DEPTH",
    "1 /spec/stages/0/tasks/1/runParams/STRICT",
    "0 /spec/overrides/stages/build/tasks/0/name",
    "1 /spec/stages/1/tasks/0/audit/auditors/0",
    "0 /spec/with/SIZE",
    "1 /spec/with/REGION",
    "0 /spec",
  ]);
});
