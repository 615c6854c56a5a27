// The rules on order, conditions, matrices, retries and times: a table for each.

import { describe, expect, test } from "vitest";
import { formatProblem } from "../format-problem.ts";
import { lint, namesPutOut } from "../lint.ts";
import { parseManifestObjects, parseManifests } from "../manifest.ts";
import type { JobSpec } from "../schema/job.ts";
import { DEFAULT_SCOPE } from "../schema/scalars.ts";
import { ANYTHING, outputsOf } from "./outputs.ts";

const JOBS = `kind: Job
publish: true
metadata: {name: quiet}
spec: {runnerType: FAKE, runnerSpec: {}}
---
kind: Job
publish: true
metadata: {name: build}
spec:
  runnerType: FAKE
  runParams:
    - {name: TARGET, valueType: ENUM, enumOptions: [web, api], value: web}
    - {name: REPLICAS, valueType: NUMBER, value: 1}
    - {name: FIXED, value: x, readOnly: true}
    - {name: IMAGE, value: none}
  runnerSpec: {runtimeEnvs: {IMAGE: "api:1"}}
---
kind: Job
publish: true
metadata: {name: list}
spec: {runnerType: FAKE, runnerSpec: {runtimeEnvs: {TARGETS: "[]"}}}
---
kind: Job
publish: true
metadata: {name: script}
spec: {runnerType: SHELL, runnerSpec: {steps: [{run: echo A=1 >> "$MFLOW_OUTPUT"}]}}
---
kind: Job
publish: true
metadata: {name: open}
spec: {runnerType: SHELL, runnerSpec: {steps: [{run: printenv >> "$MFLOW_OUTPUT"}]}}
---
kind: Job
publish: true
metadata: {name: manual}
spec: {runnerType: FAKE, runnerSpec: {}, manualUpdateStatus: true}
---
`;
const LINES = JOBS.split("\n").length - 1;

/** What lint says of a pipeline, with lines counted from its own first one; stages one a line. */
function found(stages: string, spec = "", pipelinesRun: string[] | undefined = []): string[] {
  const text = `${JOBS}kind: Pipeline
metadata: {name: p}
spec:
${spec && `  ${spec}\n`}  stages:
${stages.trim().replaceAll(/^\s*/gm, "    - ")}
`;
  const { documents, problems } = parseManifests(text);
  expect(problems).toEqual([]);
  return lint(documents, { scope: DEFAULT_SCOPE, findJob: () => undefined, pipelinesRun })
    .map((problem) => ({ ...problem, line: (problem.line ?? 0) - LINES }))
    .map(formatProblem);
}

type Case = [rule: string, stages: string, problems: string[], spec?: string];

const check = (_rule: string, stages: string, problems: string[], spec?: string) =>
  expect(found(stages, spec)).toEqual(problems);

describe("needs", () => {
  const cases: Case[] = [
    ["that make sense", "{name: s, tasks: [{name: a, job: quiet}, {name: b, job: quiet, needs: [a]}]}", []],
    [
      "that one task has and another comes after anyway are fine",
      `{name: s, tasks: [{name: a, job: quiet}, {name: b, job: quiet, needs: [a]}]}
       {name: t, tasks: [{name: c, job: quiet, needs: [a, b]}]}`,
      [],
    ],
    [
      "name tasks of the pipeline",
      "{name: s, tasks: [{name: alpha, job: quiet}, {name: b, job: quiet, needs: [alhpa, nothing-like-it]}]}",
      [
        "5:82: error: task `b` needs `alhpa`, which the pipeline does not have; did you mean `alpha`?",
        "5:89: error: task `b` needs `nothing-like-it`, which the pipeline does not have; name a task of the pipeline, or remove it",
      ],
    ],
    [
      "name each task once",
      "{name: s, tasks: [{name: a, job: quiet}, {name: b, job: quiet, needs: [a, a]}]}",
      ["5:81: warning: `a` is needed twice here; remove one of them"],
    ],
    [
      "do not name the task itself",
      "{name: s, tasks: [{name: a, job: quiet}, {name: b, job: quiet, needs: [b]}]}",
      ["5:78: error: task `b` needs itself; remove it"],
    ],
    [
      "make no cycle",
      "{name: s, isParallel: true, tasks: [{name: a, job: quiet, needs: [b]}, {name: b, job: quiet, needs: [a]}]}",
      ["5:65: error: tasks wait for each other: `a` needs `b`; `b` needs `a`; remove one of these needs"],
    ],
    [
      "make no cycle with the order of stages",
      `{name: s, tasks: [{name: a, job: quiet, needs: [b]}]}
       {name: t, tasks: [{name: b, job: quiet}]}`,
      [
        "5:47: error: tasks wait for each other: `a` needs `b`; `b`, of stage `t`, comes after `a`; remove one of these needs",
      ],
    ],
    [
      "do not wait for a `finally` stage",
      `{name: s, tasks: [{name: a, job: quiet, needs: [b]}]}
       {name: t, finally: true, tasks: [{name: b, job: quiet}]}`,
      [
        "5:55: error: task `a` needs `b`, but that is of the `finally` stage `t`, which comes after all others; remove it, or move one of the tasks",
      ],
    ],
    [
      "of a `finally` stage are met anyway",
      `{name: s, tasks: [{name: a, job: quiet}]}
       {name: t, finally: true, tasks: [{name: b, job: quiet, needs: [a]}]}`,
      ["6:70: warning: `finally` stages come after all others, so `a` has ended anyway; remove it"],
    ],
    [
      "on a task that is skipped wait for nothing",
      `{name: s, tasks: [{name: a, job: quiet, skipRun: true}]}
       {name: t, tasks: [{name: b, job: quiet, needs: [a]}]}`,
      [
        "6:55: warning: `a` never runs (it has `skipRun`), and a need that is SKIPPED counts as done, so nothing is waited for; let it run, or remove it",
      ],
    ],
    [
      "on a matrix without combinations wait for nothing",
      `{name: s, tasks: [{name: a, job: list}, {name: b, job: quiet, matrix: {fromEnv: TARGETS}}]}
       {name: t, tasks: [{name: c, job: quiet, needs: [b]}]}`,
      [
        "5:87: warning: runtime env `TARGETS` is always an empty list, so the task never runs; let the earlier task put out combinations",
        "6:55: warning: `b` never runs (its matrix has no combination), and a need that is SKIPPED counts as done, so nothing is waited for; let it run, or remove it",
      ],
    ],
    [
      "on a task of a stage whose `when` is always false wait for nothing",
      `{name: s, when: "false", tasks: [{name: a, job: quiet}]}
       {name: t, tasks: [{name: c, job: quiet, needs: [a]}]}`,
      [
        "5:23: warning: `when` is always false, so the tasks of the stage never run; correct it, or remove it",
        "6:55: warning: `a` never runs (`when` of its stage is always false), and a need that is SKIPPED counts as done, so nothing is waited for; let it run, or remove it",
      ],
    ],
  ];
  test.each(cases)("%s", check);
});

describe("a condition", () => {
  const when = (condition: string, job = "build") =>
    `{name: s, isParallel: true, tasks: [{name: a, job: build}, {name: m, job: build, matrix: {params: {TARGET: [web, api]}}}]}
     {name: t, isParallel: true, tasks: [{name: x, job: ${job}, when: '${condition}'}, {name: y, job: quiet}]}
     {name: u, tasks: [{name: z, job: quiet}]}`;
  const at = (problem: string, severity = "error") => [`6:71: ${severity}: ${problem}`];
  const cases: Case[] = [
    ["may ask what there is", when('params.TARGET == "api" && params.REPLICAS > 1'), []],
    ["may ask for a task that has ended", when('tasks.a.stage == "SKIPPED"'), []],
    ["may ask for a runtime env", when('has(envs.IMAGE) || tasks.a.outputs.IMAGE == "x"'), []],
    [
      "can be read",
      when("params.TARGET =="),
      ["6:71: error: `when` of task `x`: the condition ends too early; something has to follow (column 17)"],
    ],
    [
      "asks for declared params",
      when('params.TRAGET == "api"'),
      at("no param `TRAGET` is declared here; did you mean `TARGET`? (column 8)"),
    ],
    [
      "compares what fits",
      when('params.REPLICAS == "2"'),
      at(
        '`params.REPLICAS` (a number) and `"2"` (a text) are never equal; leave the quotes out of a number, or convert with `double(...)` or `string(...)` (column 1)',
      ),
    ],
    [
      "that compares an ENUM with no option of it is always false",
      when('params.TARGET == "backend"'),
      at("`when` is always false, so the task never runs; correct it, or remove it", "warning"),
    ],
    [
      "that asks one value to be two is always false",
      when('params.TARGET == "web" && params.TARGET == "api"'),
      at("`when` is always false, so the task never runs; correct it, or remove it", "warning"),
    ],
    [
      "that decides nothing is always true",
      when("1 < 2"),
      at("`when` is always true, so it decides nothing; correct it, or remove it", "warning"),
    ],
    [
      "that waits for a failure which ends the run is always false",
      when('tasks.a.stage == "FAILED"'),
      at(
        "`when` is always false, so the task never runs (a task that fails ends the run, unless it has `ignoreFailed`); correct it, or remove it",
        "warning",
      ),
    ],
    [
      "that asks a task for two endings is always false by itself",
      when('tasks.a.stage == "SUCCEEDED" && tasks.a.stage == "SKIPPED"'),
      at("`when` is always false, so the task never runs; correct it, or remove it", "warning"),
    ],
    [
      "does not ask for a task that comes later",
      when('tasks.z.stage == "SUCCEEDED"'),
      at("task `z` may not have ended by then; name it in `needs`, or use an earlier task (column 7)"),
    ],
    [
      "should not ask for a task that runs beside it",
      when('tasks.y.stage == "SUCCEEDED"'),
      at(
        "task `y` may not have ended by then, and is asked as it stands; name it in `needs`, or use an earlier task",
        "warning",
      ),
    ],
    [
      "asks for tasks that there are",
      when('tasks.b.stage == "SUCCEEDED"'),
      at("there is no task `b` before this place; write `a`, `s/a`, `m`, `s/m`, `y` or `t/y` (column 7)"),
    ],
    [
      "asks for runtime envs that are put out",
      when("has(envs.IMAGES)"),
      at(
        "no earlier task puts out runtime env `IMAGES`, as far as the jobs tell; correct the name, or let a task put it out",
        "warning",
      ),
    ],
    [
      "asks for outputs that its task puts out",
      when("has(tasks.a.outputs.TAG)"),
      at(
        "task `a` puts out no runtime env `TAG`, as far as its job tells; correct the name, or let it put it out",
        "warning",
      ),
    ],
  ];
  test.each(cases)("%s", check);

  const others: Case[] = [
    [
      "on the end of a task that may fail is no constant",
      `{name: s, tasks: [{name: a, job: quiet, ignoreFailed: true}]}
       {name: t, tasks: [{name: b, job: quiet, when: 'tasks.a.stage == "FAILED"'}]}`,
      [],
    ],
    [
      "on a task that never runs is always false",
      `{name: s, tasks: [{name: a, job: quiet, skipRun: true}]}
       {name: t, tasks: [{name: b, job: quiet, when: 'tasks.a.stage == "SUCCEEDED"'}]}`,
      [
        "6:53: warning: `when` is always false, so the task never runs (`a` never runs); correct it, or remove it",
      ],
    ],
    [
      "goes on with tasks that never run",
      `{name: s, tasks: [{name: a, job: quiet, when: "false"}]}
       {name: t, tasks: [{name: b, job: quiet, when: 'tasks.a.stage == "SUCCEEDED"'}]}
       {name: u, tasks: [{name: c, job: quiet, when: 'tasks.b.stage != "SKIPPED" && run.name == "p"'}]}`,
      [
        "5:53: warning: `when` is always false, so the task never runs; correct it, or remove it",
        "6:53: warning: `when` is always false, so the task never runs (`a` never runs); correct it, or remove it",
      ],
    ],
    [
      "of a matrix asks for a value of it",
      `{name: s, tasks: [{name: a, job: build, matrix: {params: {IMAGE: [x, y], TARGET: [web]}}, when: 'params.IMAGE == "z" || params.TARGET == "api"'}]}
       {name: t, tasks: [{name: b, job: quiet, when: 'tasks.a.stage == "SUCCEEDED"'}]}`,
      [
        "5:103: warning: `when` is always false, so the task never runs; correct it, or remove it",
        "6:53: warning: `when` is always false, so the task never runs (`a` never runs); correct it, or remove it",
      ],
    ],
    [
      "of a matrix may ask for what another level gives",
      `{name: s, tasks: [{name: a, job: build, matrix: {params: {IMAGE: [x, y]}, include: [{TARGET: api}]}, when: 'params.IMAGE == "z"'}, {name: b, job: build, matrix: {params: {IMAGE: [x, y]}}, runParams: [{name: IMAGE, value: z, readOnly: true}], when: 'params.IMAGE == "z"'}]}`,
      [
        "5:178: warning: the values of `IMAGE` have no effect: the value of the task is `readOnly`; remove one of them",
      ],
    ],
    [
      "in a `finally` stage may ask for every task and for the outcome",
      `{name: s, tasks: [{name: a, job: quiet}]}
       {name: t, finally: true, tasks: [{name: b, job: quiet, when: 'tasks.a.stage == "CANCELED" || run.stage == "FAILED"'}]}`,
      [],
    ],
    [
      "elsewhere is too early for the outcome",
      `{name: s, tasks: [{name: a, job: quiet, when: 'run.stage == "FAILED"'}]}`,
      [
        "5:53: error: `run.stage` is never `FAILED`, it is ACTIVE; the outcome is known in a `finally` stage; here, ask for the stage of a task (column 14)",
        "5:53: warning: `when` is always false, so the task never runs; correct it, or remove it",
      ],
    ],
    [
      "of a stage asks for given params",
      `{name: s, when: 'params.MODE == "full" && params.OTHER != "" && (!has(params.THIRD) || params.THIRD == "x")', tasks: [{name: a, job: quiet}]}`,
      [
        "6:23: warning: nobody gives param `OTHER` for the stage, and defaults of jobs do not count there; add it to `with`, give it with each run (`-p OTHER=VALUE`), or ask `has(params.OTHER)` first",
      ],
      "with: {MODE: full}",
    ],
    [
      "of a stage sees params as texts",
      `{name: s, when: "params.COUNT > 2", with: {COUNT: 3}, tasks: [{name: a, job: quiet}]}`,
      [
        "5:23: error: `>` compares two numbers or two texts, not `params.COUNT` (a text) with `2` (a number); leave the quotes out of a number, or convert with `double(...)` or `string(...)` (column 1)",
      ],
    ],
    [
      "hears of a runtime env from a task beside it too late",
      `{name: s, isParallel: true, tasks: [{name: a, job: build}, {name: b, job: quiet, when: "has(envs.IMAGE)"}]}`,
      [
        "5:94: warning: runtime env `IMAGE` comes from task `a`, which may not have ended by then; name that in `needs`, or move it to an earlier stage",
      ],
    ],
    [
      "knows what a script may put out only when it runs, unless it says it in lines of their own",
      `{name: s, tasks: [{name: a, job: script}, {name: c, job: open, ignoreFailed: true}, {name: b, job: quiet, when: 'envs.ANY == envs.A'}]}`,
      [],
    ],
    [
      "asks for what no line of a script puts out",
      `{name: s, tasks: [{name: a, job: script}, {name: b, job: quiet, when: 'envs.ANY == envs.A'}, {name: c, job: quiet, when: 'tasks.a.outputs.B == "1"'}]}`,
      [
        "5:77: warning: no earlier task puts out runtime env `ANY`, as far as the jobs tell; correct the name, or let a task put it out",
        "5:128: warning: task `a` puts out no runtime env `B`, as far as its job tells; correct the name, or let it put it out",
      ],
    ],
  ];
  test.each(others)("%s", check);
});

describe("a matrix", () => {
  const task = (matrix: string, rest = "") =>
    `{name: s, tasks: [{name: a, job: build, matrix: ${matrix}${rest}}]}`;
  const cases: Case[] = [
    ["may be all right", task("{params: {TARGET: [web, api], REPLICAS: [1, 2]}, maxParallel: 2}"), []],
    [
      "has combinations",
      task("{maxParallel: 2}"),
      ["5:47: error: the matrix of task `a` has no combinations; give `params`, `include` or `fromEnv`"],
    ],
    [
      "leaves some combinations in",
      task("{params: {TARGET: [web]}, exclude: [{TARGET: web}]}"),
      ["5:47: error: the matrix of task `a` has no combinations: `exclude` leaves out all of them"],
    ],
    [
      "has at most 256",
      task(
        `{params: {REPLICAS: [${Array.from({ length: 20 }, (_, n) => n).join(", ")}], IMAGE: [${Array.from({ length: 20 }, (_, n) => n).join(", ")}]}}`,
      ),
      ["5:47: error: the matrix of task `a` has 400 combinations; at most 256 are possible"],
    ],
    [
      "leaves out what is there",
      task("{params: {TARGET: [web, api]}, exclude: [{TARGET: app}]}"),
      [
        "5:96: warning: no combination has all of these values, so nothing is left out; correct or remove this",
      ],
    ],
    [
      "has each value once",
      task("{params: {TARGET: [web, api, web]}}"),
      ["5:84: warning: `web` stands here twice and makes one combination; remove one"],
    ],
    [
      "fills declared params",
      task("{params: {TARGTE: [web, api]}, include: [{ODD: 1}]}"),
      [
        "5:65: warning: job `build` declares no param `TARGTE`, so its values make no difference; did you mean `TARGET`?",
        "5:97: warning: job `build` declares no param `ODD`, so its values make no difference; declare it in the job, or remove it",
      ],
    ],
    [
      "gives values that their params take",
      task("{params: {TARGET: [web, app], REPLICAS: [many]}}"),
      [
        '5:79: error: param TARGET (set by MATRIX) is "app", but must be one of: web, api',
        '5:96: error: param REPLICAS (set by MATRIX) is "many", but must be a number such as 3, -1 or 0.5, whole ones at most 9007199254740991',
      ],
    ],
    [
      "does not fill what a job keeps",
      task("{params: {FIXED: [a, b]}}"),
      [
        "5:65: warning: the values of `FIXED` have no effect: the default of job `build` is `readOnly`; remove one of them",
      ],
    ],
    [
      "does not fill what the task keeps",
      task("{params: {TARGET: [web, api]}}", ", runParams: [{name: TARGET, value: web, readOnly: true}]"),
      [
        "5:65: warning: the values of `TARGET` have no effect: the value of the task is `readOnly`; remove one of them",
      ],
    ],
    [
      "is narrower than wide",
      task("{params: {TARGET: [web, api]}, maxParallel: 2}"),
      ["5:99: warning: `maxParallel` has no effect: there are only 2 combinations; lower it, or remove it"],
    ],
    [
      "comes from a runtime env that is put out",
      task("{fromEnv: NOTHING}"),
      [
        "5:65: warning: no earlier task puts out runtime env `NOTHING`, as far as the jobs tell; correct the name, or let a task put it out",
      ],
    ],
    [
      "comes from a runtime env that is handed on",
      task("{fromEnv: nothing}"),
      [
        "5:65: error: runtime env `nothing` is not handed to later tasks; let the task put it out under a name that starts with an upper case letter",
      ],
    ],
    [
      "comes from one place",
      task("{fromEnv: IMAGE, params: {TARGET: [web]}}"),
      [
        "5:47: error: the matrix of task `a` has `fromEnv` and `params`; keep one of them",
        "5:65: warning: no earlier task puts out runtime env `IMAGE`, as far as the jobs tell; correct the name, or let a task put it out",
      ],
    ],
  ];
  test.each(cases)("%s", check);

  test("fills a param that is required", () => {
    const text = `kind: Job
publish: true
metadata: {name: j}
spec: {runnerType: FAKE, runnerSpec: {}, runParams: [{name: OS, required: true}]}
---
kind: Pipeline
metadata: {name: p}
spec: {stages: [{name: s, tasks: [{name: a, job: j, matrix: {params: {OS: [linux, mac]}}}]}]}
`;
    expect(lint(parseManifests(text).documents, { scope: DEFAULT_SCOPE })).toEqual([]);
  });
});

describe("a retry", () => {
  const task = (retry: string, job = "quiet", rest = "") =>
    `{name: s, tasks: [{name: a, job: ${job}, retry: ${retry}${rest}}]}`;
  const cases: Case[] = [
    ["may be all right", task("{limit: 2, backoff: {initial: 1s, max: 10s, factor: 3}}"), []],
    [
      "tries again",
      task("{limit: 0}"),
      ["5:62: warning: `limit: 0` tries nothing again; raise it, or remove `retry`"],
    ],
    [
      "waits for a time that can be counted",
      task("{limit: 1, backoff: {initial: 99999999999999999999d}}"),
      ['5:84: error: "99999999999999999999d" is not a duration; write it like 500ms, 90s, 15m or 1h30m'],
    ],
    [
      "waits when it says so",
      task("{limit: 1, backoff: {factor: 2}}"),
      ["5:65: warning: without a time in `initial` nothing is waited for; give one, or remove `backoff`"],
    ],
    [
      "may wait as long as it begins",
      task("{limit: 1, backoff: {initial: 10s, max: 1s}}"),
      ["5:94: warning: no wait is as long as `initial: 10s`, because of this; raise it, or lower `initial`"],
    ],
    [
      "after LOST may do work twice",
      task("{limit: 1, on: [FAILED, LOST, FAILED]}"),
      [
        "5:78: warning: after LOST nobody knows whether the work was done, so it may be done twice; keep this only for work that may",
        "5:84: warning: `FAILED` is listed twice; remove one of them",
      ],
    ],
    [
      "of a job with `manualUpdateStatus` needs its worker",
      task("{limit: 1}", "manual"),
      [
        "5:48: warning: the job has `manualUpdateStatus`: each try waits for status calls of its own, with a new update token; make sure that its worker sends them, or remove `retry`",
      ],
    ],
    [
      "is of a task that runs",
      `{name: s, tasks: [{name: a, job: quiet, skipRun: true, retry: {limit: 1}}, {name: b, job: quiet}]}`,
      ["5:62: warning: `retry` has no effect: the task has `skipRun`; remove one of them"],
    ],
  ];
  test.each(cases)("%s", check);

  test("of a job is checked where the job is", () => {
    const text = `kind: Job
metadata: {name: j}
spec:
  runnerType: FAKE
  runnerSpec: {}
  manualUpdateStatus: true
  retry: {limit: 2, backoff: {initial: 0s, max: 99999999999999999999d}}
`;
    const { documents } = parseManifests(text);
    expect(lint(documents, { scope: DEFAULT_SCOPE }).map(formatProblem)).toEqual([
      "7:3: warning: the job has `manualUpdateStatus`: each try waits for status calls of its own, with a new update token; make sure that its worker sends them, or remove `retry`",
      "7:40: warning: without a time in `initial` nothing is waited for; give one, or remove `backoff`",
      '7:49: error: "99999999999999999999d" is not a duration; write it like 500ms, 90s, 15m or 1h30m',
    ]);
  });
});

describe("stages", () => {
  const cases: Case[] = [
    [
      "that are `finally` stand at the end",
      `{name: s, finally: true, tasks: [{name: a, job: quiet}]}
       {name: t, tasks: [{name: b, job: quiet}]}`,
      ["5:26: warning: the `finally` stage `s` stands before `t`, but comes after it; move it to the end"],
    ],
    [
      "are not all `finally`",
      `{name: s, finally: true, tasks: [{name: a, job: quiet}]}`,
      [
        "4:3: error: every stage is `finally`, so there is nothing that they come after; remove it from at least one",
      ],
    ],
    [
      "have time for their tasks",
      `{name: s, timeout: 1m, tasks: [{name: a, job: quiet, timeout: 2m}, {name: b, job: quiet, timeout: 1m}]}`,
      ["5:69: warning: task `a` may take 2m, but its stage ends after 1m; raise that one, or lower this"],
    ],
    [
      "fit into the run",
      `{name: s, timeout: 2h, tasks: [{name: a, job: quiet, timeout: 90m}]}
       {name: t, finally: true, timeout: 3h, tasks: [{name: b, job: quiet, timeout: 3h}]}`,
      [
        "6:26: warning: stage `s` may take 2h, but the run ends after 1h; raise that one, or lower this",
        "6:69: warning: task `a` may take 90m, but the run ends after 1h; raise that one, or lower this",
      ],
      "timeout: 1h",
    ],
    [
      "take some time",
      `{name: s, timeout: 0s, tasks: [{name: a, job: quiet}]}`,
      [
        "4:12: error: a timeout of `0s` ends everything at once; give a longer one or remove it",
        "6:26: error: a timeout of `0s` ends everything at once; give a longer one or remove it",
      ],
      "timeout: 0s",
    ],
    [
      "have a time that can be counted",
      `{name: s, timeout: 99999999999999999999d, tasks: [{name: a, job: quiet}]}`,
      ['5:26: error: "99999999999999999999d" is not a duration; write it like 500ms, 90s, 15m or 1h30m'],
    ],
  ];
  test.each(cases)("%s", check);
});

describe("outputs", () => {
  const cases: Case[] = [
    [
      "are read by somebody",
      `{name: s, tasks: [{name: a, job: list}]}`,
      [
        "5:40: warning: nothing reads the runtime env `TARGETS` that task `a` puts out; declare a param of this name in the job of a later task, begin it with a lower-case letter when it is for people alone, or remove it",
      ],
    ],
    [
      "are read by somebody, also those of scripts",
      `{name: s, tasks: [{name: a, job: script}]}`,
      [
        "5:40: warning: nothing reads the runtime env `A` that task `a` puts out; declare a param of this name in the job of a later task, begin it with a lower-case letter when it is for people alone, or remove it",
      ],
    ],
    [
      "are read by conditions",
      `{name: s, tasks: [{name: a, job: list}, {name: b, job: quiet, when: 'envs.TARGETS != "[]"'}]}`,
      [],
    ],
    ["are read by params", `{name: s, tasks: [{name: a, job: build}, {name: b, job: build}]}`, []],
  ];
  test.each(cases)("%s", check);
});

test("outputs are not missed by readers of a pipeline that tasks of others run, or may", () => {
  const unread = "{name: s, tasks: [{name: a, job: list}]}";
  const parents = (...all: string[]) => found(unread, "", all).length;
  expect(parents("other", "other@team")).toBe(1);
  expect([parents("p"), parents("p@team.web"), parents("${WHICH}"), parents("#pipeline-1")]).toEqual([
    0, 0, 0, 0,
  ]);
  const text = `${JOBS}kind: Job
metadata: {name: parent}
spec: {runnerType: PIPELINE, runnerSpec: {pipeline: p}}
---
kind: Pipeline
metadata: {name: p}
spec: {stages: [${unread}]}
`;
  const { documents } = parseManifests(text);
  expect(lint(documents, { scope: DEFAULT_SCOPE, findJob: () => undefined, pipelinesRun: [] })).toEqual([]);
  const alone = parseManifests(text.replace("pipeline: p}", "pipeline: q}")).documents;
  expect(lint(alone, { scope: DEFAULT_SCOPE, findJob: () => undefined })).toEqual([]);
  expect(lint(alone, { scope: DEFAULT_SCOPE, findJob: () => undefined, pipelinesRun: [] })).toHaveLength(1);
});

test("a wide pipeline with a condition at each task is checked in little time", () => {
  const tasks = Array.from({ length: 5000 }, (_, index) => ({
    name: `t${index}`,
    job: "j",
    when: 'tasks.first.stage == "SUCCEEDED"',
  }));
  const needing = Array.from({ length: 2000 }, (_, index) => ({
    name: `n${index}`,
    job: "j",
    needs: [`t${index}`],
  }));
  const stages = [
    { name: "f", tasks: [{ name: "first", job: "j" }] },
    { name: "s", isParallel: true, tasks },
    { name: "n", isParallel: true, tasks: needing },
  ];
  const { documents } = parseManifestObjects(
    [
      { kind: "Job", publish: true, metadata: { name: "j" }, spec: { runnerType: "FAKE", runnerSpec: {} } },
      { kind: "Pipeline", metadata: { name: "p" }, spec: { stages } },
    ],
    "",
  );
  const startedAt = performance.now();
  expect(lint(documents, { scope: DEFAULT_SCOPE })).toEqual([]);
  // Quadratic cost would take minutes.
  expect(performance.now() - startedAt).toBeLessThan(15_000);
});

test("a matrix of secrets would show them in the names of its tasks", () => {
  const text = `kind: Job
metadata: {name: j}
spec: {runnerType: SHELL, runParams: [{name: TOKEN, sensitive: true}, {name: LIST, sensitive: true}], runnerSpec: {steps: [{run: 'echo "LIST=[1]" >> $MFLOW_OUTPUT'}]}}
publish: true
---
kind: Pipeline
metadata: {name: p}
spec: {stages: [{name: s, tasks: [{name: a, job: j, matrix: {params: {TOKEN: [x]}}}, {name: b, job: j, matrix: {fromEnv: LIST}}]}]}
`;
  const seen =
    "is sensitive, and the values of a matrix are seen by everybody, in the names of its tasks; use names instead, and let each task look its secret up";
  const problems = lint(parseManifests(text).documents, { scope: DEFAULT_SCOPE });
  expect(problems.map(formatProblem)).toEqual([
    `8:71: error: param \`TOKEN\` of job \`j\` ${seen}`,
    `8:122: error: runtime env \`LIST\` ${seen}`,
  ]);
});

test("a matrix with a value that its schema refuses is not said to have no combinations as well", () => {
  const many = Array.from({ length: 300 }, (_, index) => index).join(", ");
  const { documents, problems } = parseManifests(`${JOBS}kind: Pipeline
metadata: {name: p}
spec: {stages: [{name: s, tasks: [{name: a, job: build, matrix: {params: {REPLICAS: [${many}]}}}]}]}
`);
  const findings = lint(documents, { scope: DEFAULT_SCOPE, findJob: () => undefined });
  expect([...problems, ...findings].map(({ message }) => message)).toEqual([
    "`REPLICAS` has 300 items; at most 256 are allowed",
  ]);
});

test("the outputs of a script are those that its lines write for later tasks", () => {
  const run = [
    'echo "TAG=v1" >> "$MFLOW_OUTPUT"',
    "  printf 'URL=%s\\n' \"$url\" >> ${MFLOW_OUTPUT}",
    'echo note=1 >> "$MFLOW_OUTPUT"',
    'echo "OTHER=1" >> file',
    '# echo "OLD=1" >> "$MFLOW_OUTPUT"',
  ].join("\n");
  const spec = {
    runnerType: "SHELL" as const,
    runnerSpec: { steps: [{ run }, { run: 'echo "TAG=v2" >>$MFLOW_OUTPUT' }] },
  };
  expect(namesPutOut(spec)).toEqual(["TAG", "URL"]);
});

test.each<[script: string, names: string[] | "ANYTHING"]>([
  ['echo "A=1" >> "$MFLOW_OUTPUT"\n  echo B=$(date +%s) >>${MFLOW_OUTPUT}\ntrue', ["A", "B"]],
  [
    '# What it is.\nset -eu\n\necho "made" >&2\n\tprintf "%s\\n" "$A"\necho "A=1" >> "$MFLOW_OUTPUT"\n',
    ["A"],
  ],
  ['printf \'A=%s\\n\' "$a" >> "$MFLOW_OUTPUT"', ["A"]],
  ['echo "low=1" >> "$MFLOW_OUTPUT"', []],
  ["printf 'A=1\\nB=2\\n' >> $MFLOW_OUTPUT", "ANYTHING"],
  ['echo A=1 >> $MFLOW_OUTPUT; echo B=2 >> "$MFLOW_OUTPUT"', "ANYTHING"],
  ['echo A=1 | tee log; ./more >> "$MFLOW_OUTPUT"', "ANYTHING"],
  ['for n in A B; do echo "$n=1" >> "$MFLOW_OUTPUT"; done', "ANYTHING"],
  ['echo "A=1" >> "$MFLOW_OUTPUT"\nexport OUT=$MFLOW_OUTPUT', "ANYTHING"],
  ['cat <<END >> "$MFLOW_OUTPUT"\nA=1\nEND', "ANYTHING"],
  ["true", []],
  ...[
    "./ci/build.sh",
    "/opt/build",
    "make",
    "npm ci",
    "sh more.sh",
    ". ./more.sh",
    'eval "$SCRIPT"',
    "$COMMAND",
    "PATH=. true",
    "true; ./build.sh",
    "true && ./build.sh",
    "true & ./build.sh",
    "false || ./build.sh",
    "echo | ./build.sh",
    "echo $(./build.sh)",
    "echo `./build.sh`",
    "(./build.sh)",
    "{ ./build.sh; }",
    "if ./build.sh",
    "! ./build.sh",
    "echo() {\n  ./build.sh\n}",
    'echo "B=2" >> "$OUT"',
    "echo a\\\n#; ./build.sh",
    'echo "\n# " ; ./build.sh',
    'echo "B=$(./build.sh)" >> "$MFLOW_OUTPUT"',
    'echo "B=`./build.sh`" >> "$MFLOW_OUTPUT"',
    'echo "B=$(date; ./build.sh)" >> "$MFLOW_OUTPUT"',
    'echo "B=$(date $(./build.sh))" >> "$MFLOW_OUTPUT"',
    'echo "B=$(date -d `./build.sh`)" >> "$MFLOW_OUTPUT"',
  ].map((line): [string, "ANYTHING"] => [`echo "A=1" >> "$MFLOW_OUTPUT"\n${line}`, "ANYTHING"]),
  ['curl -H "Authorization: Bearer $JOB_TASK_UPDATE_TOKEN" "$MFLOW_URL/api"', "ANYTHING"],
])(
  "a script that writes in lines of their own and runs nothing that may write puts out nothing else: %j",
  (run, names) => {
    const outputs = outputsOf({ runnerType: "SHELL", runnerSpec: { steps: [{ run }] } });
    expect(outputs === ANYTHING ? outputs : [...outputs.keys()]).toEqual(names);
  },
);

test.each<[what: string, spec: Partial<JobSpec>]>([
  [
    "another shell",
    { runnerSpec: { steps: [{ shell: "./wrapped", run: 'echo "A=1" >> "$MFLOW_OUTPUT"' }] } },
  ],
  [
    "a step without a mention beside one that puts out",
    { runnerSpec: { steps: [{ run: 'echo "A=1" >> "$MFLOW_OUTPUT"' }, { run: "./ci/build.sh" }] } },
  ],
  [
    "a template",
    {
      runParams: [{ name: "MORE", usageType: "TEMPLATE" }],
      runnerSpec: { steps: [{ run: "echo ${MORE}" }] },
    },
  ],
])("anything may come of a script with %s", (_, spec) => {
  expect(outputsOf({ runnerType: "SHELL", runnerSpec: {}, ...spec })).toBe(ANYTHING);
});

test("what a script shows is no reason to say that nobody else gives a value", () => {
  const more = `kind: Job
publish: true
metadata: {name: wants}
spec: {runnerType: FAKE, runParams: [{name: IMAGE, required: true}], runnerSpec: {}}
---
kind: Job
publish: true
metadata: {name: builds}
spec: {runnerType: SHELL, runnerSpec: {steps: [{run: 'echo A=1 >> "$MFLOW_OUTPUT"'}, {run: ./ci/build.sh}]}}
---
`;
  const messages = (jobs: string[], rest = "") => {
    const tasks = jobs.map((job, index) => `{name: t${index}, job: ${job}}`);
    const text = `${JOBS}${more}kind: Pipeline
metadata: {name: p}
spec: {stages: [{name: s, tasks: [${tasks.join(", ")}]}]${rest}}
`;
    const { documents } = parseManifests(text);
    return lint(documents, { scope: DEFAULT_SCOPE, findJob: () => undefined, pipelinesRun: [] })
      .map(({ message }) => message)
      .filter((message) => !message.includes("nothing reads"));
  };
  const next = ", nextPipeline: {pipeline: q, runParams: {X: '${IMAGE}'}}";
  const nobody = [
    "nobody fills the required param `IMAGE` of job `wants`; add it to `runParams`, or give it with each run (`-p IMAGE=VALUE`)",
  ];
  expect(messages(["builds", "wants"])).toEqual([]);
  expect(messages(["script", "wants"])).toEqual([]);
  expect(messages(["quiet", "wants"])).toEqual(nobody);
  const inVain = (found: string[]) => found.filter((message) => message.startsWith("nothing here can give"));
  expect(inVain(messages(["script"], next))).toEqual([]);
  expect(inVain(messages(["quiet"], next))).toHaveLength(1);
});
