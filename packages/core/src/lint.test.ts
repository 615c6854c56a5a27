import { describe, expect, test } from "vitest";
import { formatProblem } from "./format-problem.ts";
import { type KnownJob, type LintContext, lint, readableJobRef } from "./lint.ts";
import { parseManifestObjects, parseManifests } from "./manifest.ts";
import type { JobSpec } from "./schema/job.ts";
import { DEFAULT_SCOPE } from "./schema/scalars.ts";

/** Problems of a text in which every shape is right. */
function linted(text: string, context: Partial<LintContext> = {}): string[] {
  const { documents, problems } = parseManifests(text);
  expect(problems).toEqual([]);
  return lint(documents, { scope: DEFAULT_SCOPE, findJob: () => undefined, ...context }).map(formatProblem);
}

const shellJob = (name: string, rest = "") =>
  `kind: Job\npublish: true\nmetadata: {name: ${name}}\nspec: {runnerType: SHELL, runnerSpec: {steps: [{run: "true"}]}${rest}}\n`;

/** A store that holds these jobs, by the full form of their references. */
function store(jobs: Record<string, Partial<KnownJob>>): Pick<LintContext, "findJob"> {
  const spec: JobSpec = { runnerType: "SHELL", runnerSpec: {} };
  const known = new Map(
    Object.entries(jobs).map(([ref, job]) => [
      ref,
      {
        ...DEFAULT_SCOPE,
        name: "stored",
        version: "v1",
        stage: "PUBLISHED",
        spec,
        ...job,
      } satisfies KnownJob,
    ]),
  );
  return { findJob: (ref) => known.get(ref) };
}

type Case = [rule: string, text: string, problems: string[], context?: Partial<LintContext>];

const check = (_rule: string, text: string, problems: string[], context?: Partial<LintContext>) =>
  expect(linted(text, context)).toEqual(problems);

test("documents that make sense have no problems", () => {
  const text = `kind: Job
publish: true
metadata: {name: build}
spec:
  runnerType: SHELL
  timeout: 10m
  runParams:
    - {name: TARGET, required: true, valueType: ENUM, enumOptions: [web, {value: api, label: API}]}
    - {name: SPEED, valueType: NUMBER, value: 3, usageType: TEMPLATE}
  runnerSpec:
    steps:
      - name: compile
        run: echo "$TARGET \${HOME}"
        timeout: "\${SPEED}s"
        keepProcesses: "\${SPEED}"
---
kind: Pipeline
metadata: {name: release}
spec:
  with: {SPEED: 4}
  stages:
    - name: build
      isParallel: true
      maxParallel: 2
      failFast: true
      tasks:
        - {name: web, job: build, runParams: {TARGET: web}, audit: {auditors: [ann, bob], required: 2}}
        - {name: api, job: "build:v1", runParams: [{name: TARGET, value: api, readOnly: true}]}
        - {name: off, job: build@default.default, skipRun: true, confirm: {checkers: ["@ops"], required: 3}}
`;
  expect(linted(text, { runnerTypes: ["SHELL", "FAKE"] })).toEqual([]);
});

describe("documents", () => {
  const cases: Case[] = [
    [
      "are given once",
      `${shellJob("a")}---\n${shellJob("a")}---\n${shellJob("b")}`,
      [
        "8:18: error: Job `a@default.default:v1` is given twice, first in line 3; remove one, or give it another name or version",
      ],
    ],
    [
      "may share a name when kind, scope or version differ",
      `${shellJob("a")}---\n${shellJob("a, version: v2")}---\n${shellJob("a, namespace: x")}---\nkind: Pipeline\nmetadata: {name: a}\nspec: {stages: [{name: s, tasks: [{name: t, job: a}]}]}\n`,
      [],
    ],
    [
      "are the same when one names the scope that the other is read in",
      `kind: Pipeline\nmetadata: {name: p}\nspec: {stages: [{name: s, tasks: [{name: t, job: a}]}]}\n---\nkind: Pipeline\nmetadata: {name: p, namespace: default}\nspec: {stages: [{name: s, tasks: [{name: t, job: a}]}]}\n---\n${shellJob("a")}`,
      ["6:18: error: Pipeline `p@default.default` is given twice, first in line 2; remove one or rename it"],
    ],
    [
      "have no version `latest`",
      shellJob("a, version: latest"),
      ["3:30: error: `latest` is not a version but a way to refer to one; name it e.g. `v2`"],
    ],
  ];
  test.each(cases)("%s", check);

  test("of several files name the file of the first", () => {
    const documents = ["one.yaml", "two.yaml"].flatMap(
      (file) => parseManifests(shellJob("a"), { file }).documents,
    );
    expect(lint(documents, { scope: DEFAULT_SCOPE }).map(formatProblem)).toEqual([
      "two.yaml:3:18: error: Job `a@default.default:v1` is given twice, first in one.yaml line 3; remove one, or give it another name or version",
    ]);
  });

  test("that are objects have pointers in place of lines", () => {
    const [a, b] = parseManifests(`${shellJob("a")}---\n${shellJob("a")}`).documents.map(
      ({ manifest }) => manifest,
    );
    const { documents } = parseManifestObjects([a, b], "/documents");
    expect(lint(documents, { scope: DEFAULT_SCOPE })).toEqual([
      {
        path: "/documents/1/metadata/name",
        message:
          "Job `a@default.default:v1` is given twice, first in document 1; remove one, or give it another name or version",
        severity: "error",
      },
    ]);
  });

  test("keep the warnings of their text", () => {
    expect(linted(shellJob("a", ", runParams: [{name: A, value: 1.10}]"))).toEqual([
      "4:94: warning: `1.10` is read as the number 1.1; put it in quotes if it is text",
    ]);
  });
});

describe("a declared param", () => {
  const declared = (params: string) =>
    `kind: Job\nmetadata: {name: a}\nspec:\n  runnerType: SHELL\n  runnerSpec: {steps: [{run: "true"}]}\n  runParams:\n${params}`;
  const cases: Case[] = [
    [
      "has a name of its own",
      declared("    - {name: A}\n    - {name: B}\n    - {name: A}\n"),
      ["9:14: error: param `A` is declared twice; remove one of them"],
    ],
    [
      "does not take a name of the system",
      declared("    - {name: JOB_ID}\n    - {name: MFLOW_URL, value: x}\n"),
      [
        "7:14: error: `JOB_ID` is set by mflow itself and cannot be declared; remove it",
        "8:14: error: `MFLOW_URL` is set by mflow itself and cannot be declared; remove it",
      ],
    ],
    [
      "has a default that parses",
      declared(
        "    - {name: A, valueType: NUMBER, value: ten}\n    - {name: B, valueType: BOOLEAN, value: yes}\n    - {name: C, valueType: ENUM, enumOptions: [x, y], value: z}\n",
      ),
      [
        `7:43: error: the default does not fit: param A (set by JOB) is "ten", but must be a number such as 3, -1 or 0.5, whole ones at most 9007199254740991`,
        `8:44: error: the default does not fit: param B (set by JOB) is "yes", but must be one of: true, false`,
        `9:62: error: the default does not fit: param C (set by JOB) is "z", but must be one of: x, y`,
      ],
    ],
    [
      "does not show its default when it is sensitive",
      declared("    - {name: A, valueType: NUMBER, value: hunter2, sensitive: true}\n"),
      [
        "7:43: error: the default does not fit: param A (set by JOB) is ***, but must be a number such as 3, -1 or 0.5, whole ones at most 9007199254740991",
      ],
    ],
    [
      "of type ENUM has options",
      declared(
        "    - {name: A, valueType: ENUM, value: x}\n    - {name: B, valueType: ENUM, enumOptions: []}\n",
      ),
      [
        "7:28: error: the ENUM param `A` has no options; list them in `enumOptions`",
        "8:28: error: the ENUM param `B` has no options; list them in `enumOptions`",
      ],
    ],
    [
      "has options that count",
      declared("    - {name: A, enumOptions: [x]}\n    - {name: B, valueType: HTTP_ENUM}\n"),
      [
        "7:17: warning: the options of `A` count for ENUM params only; add `valueType: ENUM`",
        "8:28: warning: `B` says nowhere where its options come from; add `httpEnumConfig`",
      ],
    ],
    [
      "becomes an environment variable",
      declared("    - {name: version}\n    - {name: _under}\n    - {name: lower, usageType: RUNNER}\n"),
      [
        "7:14: warning: `version` starts with a lower-case letter, so it does not become an environment variable; write it in upper case",
      ],
    ],
    [
      "for rollback follows the same rules",
      declared("    - {name: A}\n").replace("runParams", "rollbackParams").concat("    - {name: A}\n"),
      [
        "6:3: warning: no rollback fills `rollbackParams` without `allowRollback: true`; add it, or remove them",
        "8:14: error: param `A` is declared twice; remove one of them",
      ],
    ],
  ];
  test.each(cases)("%s", check);
});

describe("a template", () => {
  const job = (spec: string, params = "[{name: T, usageType: TEMPLATE}, {name: E}]", type = "SHELL") =>
    `kind: Job\nmetadata: {name: a}\nspec:\n  runnerType: ${type}\n  runParams: ${params}\n  runnerSpec:\n${spec}`;
  const cases: Case[] = [
    [
      "in a key is an error",
      job("    runtimeEnvs: {A: x}\n    message: ${T}\n", undefined, "FAKE").replace("A: x", '"${T}": x'),
      [
        "7:19: error: `${T}` is not allowed as a name here: Letters, digits and `_`; does not start with a digit",
        "7:19: error: `${T}` stands in a key, where nothing is replaced; write the key out",
      ],
    ],
    [
      "that is not declared, or not as TEMPLATE, is replaced by nothing",
      job("    steps: [{run: x, workdir: '${T}/${X}', env: {A: '${E}', B: '$${X}'}}]\n"),
      [
        "7:31: warning: nothing replaces `${X}`: no such param is declared; declare `X` with `usageType: TEMPLATE`, or write `$${X}`",
        "7:53: warning: nothing replaces `${E}`: `E` is declared as ENV; declare it with `usageType: TEMPLATE`",
      ],
    ],
    [
      "in a script can change what the script does; other names are the shell's",
      job('    steps:\n      - run: echo "${T} ${HOME} ${E}"\n'),
      [
        "8:14: warning: `${T}` becomes part of the script, so a value can change what it does; declare `T` with `usageType: ENV` instead",
      ],
    ],
    [
      "in the argument after `sh -c` is in a script too",
      job(
        "    log:\n      - ok ${T}\n      - sh\n      - -e\n      - -c\n      - echo ${T} ${HOME}\n      - after ${T}\n      - /bin/bash\n      - -ec\n      - echo ${T}\n",
        "[{name: T, usageType: TEMPLATE}]",
        "FAKE",
      ),
      [
        "12:9: warning: `${T}` becomes part of the script, so a value can change what it does; declare `T` with `usageType: ENV` instead",
        "16:9: warning: `${T}` becomes part of the script, so a value can change what it does; declare `T` with `usageType: ENV` instead",
      ],
    ],
    [
      "param that is used nowhere has no effect",
      job("    steps: [{run: x}]\n"),
      [
        "5:22: warning: the runner spec holds no `${T}`, so this TEMPLATE param has no effect; use or remove it",
      ],
    ],
    [
      "is found in a runner spec that is YAML text",
      'kind: Job\nmetadata: {name: a}\nspec:\n  runnerType: SHELL\n  runnerSpec: |\n    steps:\n      - run: x\n        workdir: "${X}"\n',
      [
        "8:18: warning: nothing replaces `${X}`: no such param is declared; declare `X` with `usageType: TEMPLATE`, or write `$${X}`",
      ],
    ],
  ];
  test.each(cases)("%s", check);
});

describe("a runner spec", () => {
  const job = (spec: string, params = "[]", type = "SHELL") =>
    `kind: Job\nmetadata: {name: a}\nspec:\n  runnerType: ${type}\n  runParams: ${params}\n  runnerSpec:\n${spec}`;
  const cases: Case[] = [
    [
      "of SHELL has the shape of SHELL, all problems at once",
      job("    step: []\n    steps:\n      - {run: 5, tmeout: 3s}\n      - {name: A B, run: x}\n      - x\n"),
      [
        "7:5: error: `step` is not known here; did you mean `steps`?",
        "9:15: error: `run` must be text, but is a number; put it in quotes",
        "9:18: error: `tmeout` is not known here; did you mean `timeout`?",
        "10:16: error: `name` cannot be `A B`: Lower-case letters, digits, `_` and `-`, at most 63; starts with a letter or digit",
        "11:9: error: item 3 of `steps` must be a map, but is text; write `{ run: x }`",
      ],
    ],
    [
      "of FAKE has the shape of FAKE",
      job("    outcome: DONE\n    duration: 0s\n    delay: 1s\n", "[]", "FAKE"),
      [
        "7:14: error: `outcome` must be `SUCCEEDED`, `FAILED` or `NONE`, but is `DONE`; did you mean `NONE`?",
        "9:5: error: `delay` is not known here; remove it (known are `duration`, `outcome`, `failsFirst`, `reason`, `message`, `runtimeEnvs`, `markdownOutput`, `log`, `startErrors`, `startRefused`, `lost`, `doubled`, `lateReport`, `reportsBeforeStart`, `ignoreStop`)",
      ],
    ],
    [
      "takes a declared template for a single value, not for a list, and no other text",
      job(
        "    steps:\n      - {run: x, continueOnError: '${B}', timeout: '${B}s', keepProcesses: '${C}', env: '${B}'}\n",
        "[{name: B, usageType: TEMPLATE}]",
      ),
      [
        "8:76: error: `keepProcesses` must be `true` or `false`, but is text; write `true` or `false`",
        "8:76: warning: nothing replaces `${C}`: no such param is declared; declare `C` with `usageType: TEMPLATE`, or write `$${C}`",
        "8:89: error: `env` must be a map, but is text",
      ],
    ],
    [
      "has steps with names of their own",
      job(
        "    steps:\n      - {name: a, run: x}\n      - {run: x}\n      - {run: x}\n      - {name: a, run: x}\n",
      ),
      ["11:16: error: another step is called `a` too; rename one of them"],
    ],
    [
      "has timeouts longer than nothing",
      job("    steps:\n      - {run: x, timeout: 0s}\n"),
      ["8:27: error: a timeout of `0s` ends everything at once; give a longer one or remove it"],
    ],
    [
      "has steps that fit into the time of its job",
      "kind: Job\nmetadata: {name: a}\nspec:\n  runnerType: SHELL\n  timeout: 5m\n  runnerSpec:\n    steps:\n      - {name: b, run: x, timeout: 10m}\n      - {run: x, timeout: 5m}\n      - {run: x, timeout: 301s}\n",
      [
        "8:36: warning: step `b` may take 10m, but the job ends after 5m; raise that one, or lower this",
        "10:27: warning: step 3 may take 301s, but the job ends after 5m; raise that one, or lower this",
      ],
    ],
    [
      "works in a workspace that there is",
      job("    workspace: build\n    steps: [{run: x}]\n"),
      ["7:16: error: `workspace` must be `task`, `run` or an absolute path, but is `build`"],
    ],
    [
      "may work in an absolute or templated path",
      job(
        "    workspace: '${W}'\n    steps: [{run: x, timeout: '${W}'}]\n---\nkind: Job\nmetadata: {name: b}\nspec: {runnerType: SHELL, runnerSpec: {workspace: /srv, steps: [{run: x}]}}\n",
        "[{name: W, usageType: TEMPLATE}]",
      ),
      [],
    ],
    [
      "is for a runner that the server has",
      shellJob("a"),
      ["4:20: warning: this server has no runner for `SHELL` jobs (it has `FAKE`)"],
      { runnerTypes: ["FAKE"] },
    ],
    [
      "belongs to a job whose timeout can be",
      `${shellJob("a", ", timeout: 0ms")}---\n${shellJob("b", ", timeout: 999999999999999d")}`,
      [
        "4:74: error: a timeout of `0ms` ends everything at once; give a longer one or remove it",
        '9:74: error: "999999999999999d" is not a duration; write it like 500ms, 90s, 15m or 1h30m',
      ],
    ],
  ];
  test.each(cases)("%s", check);
});

describe("a pipeline", () => {
  const pipeline = (spec: string) =>
    `${shellJob("a")}---\nkind: Pipeline\nmetadata: {name: p}\nspec:\n${spec}`;
  const cases: Case[] = [
    [
      "has stages and tasks with names of their own",
      pipeline(
        "  stages:\n    - {name: one, tasks: [{name: t, job: a}, {name: u, job: a}]}\n    - {name: one, tasks: [{name: t, job: a}]}\n    - {name: two, tasks: [{name: v, job: a}, {name: v, job: a}]}\n",
      ),
      [
        "11:14: error: another stage is called `one` too; rename one of them",
        "11:34: error: another task, in stage `one`, is called `t` too; task names are unique in the whole pipeline, so rename one of them",
        "12:53: error: another task, in stage `two`, is called `v` too; task names are unique in the whole pipeline, so rename one of them",
      ],
    ],
    [
      "does not stop what runs in any case",
      pipeline(
        "  stages:\n    - {name: one, tasks: [{name: t, job: a}]}\n    - {name: two, finally: true, failFast: true, tasks: [{name: u, job: a}]}\n",
      ),
      ["11:44: warning: `failFast` has no effect in a `finally` stage, whose tasks all run; remove it"],
    ],
    [
      "sets limits on parallelism where there is some",
      pipeline("  stages:\n    - {name: one, maxParallel: 2, failFast: true, tasks: [{name: t, job: a}]}\n"),
      [
        "10:32: warning: `maxParallel` has no effect in a serial stage; add `isParallel: true` or remove it",
        "10:45: warning: `failFast` has no effect in a serial stage; add `isParallel: true` or remove it",
      ],
    ],
    [
      "is not both parallel and in sequence",
      pipeline(
        "  isParallel: true\n  sequenceLabelKey: env\n  stages:\n    - {name: one, tasks: [{name: t, job: a}]}\n",
      ),
      ["10:21: warning: `sequenceLabelKey` has no effect with `isParallel: true`; remove one of them"],
    ],
    [
      "limits and queues what can be limited and queued",
      pipeline(
        "  isParallel: true\n  queue: {}\n  holdLock: false\n  stages:\n    - {name: one, tasks: [{name: t, job: a}]}\n",
      ),
      [
        "10:3: warning: `queue` has no effect with `isParallel: true`: no run waits; add `maxRuns` or remove one of them",
        "11:13: warning: `holdLock` has no effect with `isParallel: true`: there is no sequence lock; remove one of them",
      ],
    ],
    [
      "has a queue in a parallel pipeline where runs may have to wait",
      pipeline(
        "  isParallel: true\n  maxRuns: 2\n  queue: {maxLength: 3}\n  stages:\n    - {name: one, tasks: [{name: t, job: a}]}\n",
      ),
      [],
    ],
    [
      "limits its runs only where there can be several",
      pipeline("  maxRuns: 2\n  stages:\n    - {name: one, tasks: [{name: t, job: a}]}\n"),
      [
        "9:12: warning: `maxRuns` has no effect without `isParallel: true`: at most one run is under way; add it or remove `maxRuns`",
      ],
    ],
    [
      "has groups whose names can be made, and that can be waited for",
      pipeline(
        `  concurrency: {group: "a-\${ENV", limit: 2, cancelInProgress: true}
  stages:
    - name: one
      tasks:
        - {name: t, job: a, concurrency: {group: "a-\${ENV"}}
        - {name: u, job: a, concurrency: {group: "\${}-x"}}
        - {name: v, job: a, concurrency: {group: "-\${ENV}"}}
`,
      ),
      [
        "9:24: error: `a-${ENV` has a `$`, `{` or `}` that is not part of `${NAME}`",
        "9:42: warning: `limit` has no effect with `cancelInProgress: true`, which cancels all older ones; remove one of them",
        "13:29: warning: the whole run holds the group `a-${ENV` already; remove it here or from the pipeline",
        "13:50: error: `a-${ENV` has a `$`, `{` or `}` that is not part of `${NAME}`",
        "14:29: warning: the run holds `a-${ENV` while this task waits for `${}-x`; a pipeline that takes them the other way round would wait for this one for ever, and this one for it: one of the two is FAILED then",
        "14:50: error: `${}` names no value; write `${NAME}` with the name of a param or label",
        "15:29: warning: the run holds `a-${ENV` while this task waits for `-${ENV}`; a pipeline that takes them the other way round would wait for this one for ever, and this one for it: one of the two is FAILED then",
        "15:50: error: `-${ENV}` cannot be the name of a group: it starts with a letter or digit, and has letters, digits, `.`, `_` and `-`",
      ],
    ],
    [
      "has something to run",
      pipeline("  stages:\n    - {name: one, tasks: [{name: t, job: a, skipRun: true}]}\n"),
      ["9:3: error: every task has `skipRun: true`, so there is nothing to run; remove it from at least one"],
    ],
    [
      "has timeouts longer than nothing",
      pipeline("  stages:\n    - {name: one, tasks: [{name: t, job: a, timeout: 0h0m}]}\n"),
      ["10:54: error: a timeout of `0h0m` ends everything at once; give a longer one or remove it"],
    ],
    [
      "has gates that somebody needs to pass, and that enough people can",
      pipeline(`  stages:
    - name: one
      tasks:
        - {name: t, job: a, audit: {}, confirm: {checkers: []}}
        - {name: u, job: a, audit: {required: 2, auditors: [ann, ann]}}
        - {name: v, job: a, confirm: {required: 3, checkers: [ann, bob]}}
        - {name: w, job: a, confirm: {required: 3, checkers: [ann, "@ops"]}}
        - {name: x, job: a, audit: {enable: false, required: 3}}
        - {name: y, job: a, audit: {auditors: [ann]}, confirm: {checkers: [ann]}}
`),
      [
        "12:29: warning: the audit lists nobody, so it is passed at once; list people in `auditors`",
        "12:40: warning: the confirm lists nobody, so it is passed at once; list people in `checkers`",
        "13:47: error: the audit needs 2 people, but only 1 person is listed; list more, or lower `required`",
        "14:49: error: the confirm needs 3 people, but only 2 people are listed; list more, or lower `required`",
      ],
    ],
    [
      "has gates whose times make sense",
      pipeline(`  stages:
    - name: one
      tasks:
        - {name: t, job: a, audit: {auditors: [ann], expiresIn: 0s, remindEvery: 10ms}}
        - {name: u, job: a, audit: {auditors: [ann], expiresIn: 1h, onExpire: ESCALATE}}
        - {name: v, job: a, confirm: {checkers: [ann], expiresIn: 1h, onExpire: ESCALATE, escalateTo: [bob], required: 2}}
        - {name: w, job: a, confirm: {checkers: [ann], expiresIn: 99999999999999999d}}
`),
      [
        "12:65: error: `expiresIn: 0s` of the audit is too short; nobody could decide; give a longer one or remove it",
        "12:82: error: `remindEvery: 10ms` of the audit is too short; give at least 1s, or remove it",
        "13:79: error: `onExpire: ESCALATE` of the audit asks nobody; list people in `escalateTo`, or remove it",
        '15:67: error: `expiresIn` of the confirm: "99999999999999999d" is not a duration; write it like 500ms, 90s, 15m or 1h30m',
      ],
    ],
    [
      "has gates whose rules have an effect",
      pipeline(`  stages:
    - name: one
      tasks:
        - {name: t, job: a, audit: {auditors: [ann], onExpire: DENY, escalateTo: [bob]}}
        - {name: u, job: a, audit: {auditors: [ann], expiresIn: 1h, remindEvery: 60m}}
        - {name: v, job: a, confirm: {enable: false, checkers: [ann], expiresIn: 1h, maxPushBacks: 1}}
        - {name: w, job: a, confirm: {checkers: [ann], remindEvery: 1h, maxPushBacks: 1}}
`),
      [
        "12:64: warning: `onExpire` has no effect: the audit never expires; add `expiresIn`, or remove it",
        "12:70: warning: `escalateTo` has no effect without `onExpire: ESCALATE`; add that, or remove it",
        "13:82: warning: nobody is reminded: the audit ends after `expiresIn: 1h`; remind sooner, or remove it",
        "14:82: warning: `expiresIn` has no effect: the confirm is not enabled; enable it, or remove this",
        "14:100: warning: `maxPushBacks` has no effect: the confirm is not enabled; enable it, or remove this",
      ],
    ],
    [
      "has gates of people who exist, as many as are required",
      pipeline(`  stages:
    - name: one
      tasks:
        - {name: t, job: a, audit: {auditors: [an, bob, "@led"]}}
        - {name: u, job: a, audit: {auditors: [ann, "@leads"], required: 3}}
        - {name: v, job: a, audit: {auditors: ["@none"]}}
        - {name: w, job: a, audit: {auditors: ["@everyone"], required: 9}}
        - {name: x, job: a, confirm: {checkers: ["@leads"], expiresIn: 1h, onExpire: ESCALATE, escalateTo: [zoe]}}
`),
      [
        "12:48: error: there is no user `an`; did you mean `ann`?",
        "12:57: error: there is no group `@led`; did you mean `@leads`?",
        "13:74: error: the audit needs 3 people, but only 2 people are listed; list more, or lower `required`",
        "14:37: error: the audit lists @none alone, which has no members who may decide here; add some, or list others",
        "16:109: error: there is no user `zoe`; add it first, or correct the name",
      ],
      {
        people: {
          users: new Set(["ann", "bob"]),
          groups: new Map([
            ["leads", ["ann", "bob"]],
            ["none", []],
          ]),
        },
      },
    ],
    [
      "has gates of people who can decide in its scope",
      pipeline(`  stages:
    - name: one
      tasks:
        - {name: t, job: a, audit: {auditors: [ann, bob]}}
        - {name: u, job: a, audit: {auditors: ["@leads"], required: 2}}
`),
      [
        "12:53: error: `bob` cannot decide here: has no role in default/default; give them a role there, or list somebody else",
        "13:69: error: the audit needs 2 people, but only 1 person is listed; list more, or lower `required`",
      ],
      {
        people: {
          users: new Set(["ann", "bob"]),
          groups: new Map([["leads", ["ann", "bob"]]]),
          cannotDecide: (user, { domain, namespace }) =>
            user === "bob" ? `has no role in ${domain}/${namespace}` : undefined,
        },
      },
    ],
    [
      "has gates that everybody together can pass",
      pipeline(`  stages:
    - name: one
      tasks:
        - {name: t, job: a, audit: {auditors: ["@everyone"], required: 2, allowSelf: true}}
        - {name: u, job: a, audit: {auditors: ["@everyone", ann], required: 3}}
        - {name: v, job: a, confirm: {checkers: ["@everyone", zoe], required: 3, allowSelf: true}}
        - {name: w, job: a, confirm: {checkers: ["@everyone", zoe], required: 2}}
`),
      [
        "13:77: warning: the audit needs 3 people, but those listed, @everyone among them, are 2 people now; add users with a role there, or lower `required`",
      ],
      {
        people: {
          users: new Set(["ann", "bob", "zoe"]),
          groups: new Map(),
          everyone: () => ["ann", "bob"],
        },
      },
    ],
    [
      "has gates that everybody but who starts the run can pass",
      pipeline(`  stages:
    - name: one
      tasks:
        - {name: t, job: a, audit: {auditors: ["@everyone"], required: 2}}
        - {name: u, job: a, audit: {auditors: ["@everyone"]}}
        - {name: v, job: a, confirm: {checkers: [zoe], required: 3, expiresIn: 1h, onExpire: ESCALATE, escalateTo: ["@everyone"]}}
`),
      [
        "12:72: warning: the audit needs 2 people, but those listed, @everyone among them, are 2 people now, and whoever starts the run does not count; add users with a role there, lower `required`, or set `allowSelf: true`",
        "14:66: warning: the confirm needs 3 people, but those listed, @everyone among them, are 3 people now, and whoever starts the run does not count; add users with a role there, lower `required`, or set `allowSelf: true`",
      ],
      {
        people: {
          users: new Set(["ann", "bob", "zoe"]),
          groups: new Map(),
          everyone: () => ["ann", "bob"],
        },
      },
    ],
    [
      "has gates that others than the only one who starts runs can pass",
      pipeline(`  stages:
    - name: one
      tasks:
        - {name: t, job: a, audit: {auditors: ["@everyone"]}}
        - {name: u, job: a, audit: {auditors: ["@everyone"], allowSelf: true}}
        - {name: v, job: a, audit: {auditors: ["@everyone", bob]}}
`),
      [
        "12:37: warning: the audit needs 1 person, but those listed, @everyone among them, are 1 person now, and whoever starts the run does not count; add users with a role there, or set `allowSelf: true`",
      ],
      {
        people: {
          users: new Set(["ann", "bob"]),
          groups: new Map(),
          everyone: () => ["ann"],
        },
      },
    ],
  ];
  test.each(cases)("%s", check);
});

describe("a job that a task names", () => {
  const pipeline = (job: string, metadata = "name: p") =>
    `kind: Pipeline\nmetadata: {${metadata}}\nspec:\n  stages:\n    - {name: s, tasks: [{name: t, job: ${job}}]}\n`;
  const draft = shellJob("a").replace("publish: true\n", "");
  const cases: Case[] = [
    [
      "exists",
      `${pipeline("biuld")}---\n${shellJob("build")}`,
      [
        "5:40: error: there is no PUBLISHED job `biuld` in the pipeline's namespace `default.default`; did you mean `build`?",
      ],
    ],
    [
      "exists among the stored ones, whose names are suggested",
      pipeline("biuld"),
      [
        "5:40: error: there is no PUBLISHED job `biuld` in the pipeline's namespace `default.default`; did you mean `build`?",
      ],
      { jobNames: ["test", "build"] },
    ],
    [
      "exists in the version",
      `${pipeline("a:v3")}---\n${shellJob("a")}---\n${shellJob("a, version: v2")}`,
      ["5:40: error: job `a:v3` has no version `v3`; this file has `v1`, `v2`"],
    ],
    [
      "exists in the version among the stored ones",
      pipeline("a:v3"),
      [
        "5:40: error: there is no job `a` version `v3` in the pipeline's namespace `default.default`; apply and publish it first, or correct the name",
      ],
      { jobNames: ["a"] },
    ],
    [
      "exists in the namespace it is looked for in",
      `${pipeline("a@ops")}---\n${shellJob("a")}`,
      [
        "5:40: error: there is no PUBLISHED job `a` in namespace `ops.default`; apply and publish it first, or correct the name",
      ],
    ],
    [
      "exists with the id",
      pipeline('"#job-1"'),
      ["5:40: error: there is no job with the id `job-1`; check the id, or name the job"],
    ],
    [
      "is named by a reference that can be read",
      pipeline("Build"),
      [
        "5:40: error: `Build` is not a reference: the name `Build` is not made of lower-case letters, digits, `_` and `-`, starting with a letter or digit; write `name[@namespace[.domain]][:version]` or `#id`",
      ],
    ],
    [
      "is PUBLISHED",
      `${pipeline("a:v1")}    - {name: s2, tasks: [{name: t2, job: "#job-2"}]}\n`,
      [
        "5:40: error: job `a:v1` (version `v1`) is a DRAFT and does not run; publish it (`mflow publish`)",
        "6:42: error: job `#job-2` (version `v7`) is DEPRECATED: no new run may start; name another version",
      ],
      store({ "a@default.default:v1": { stage: "DRAFT" }, "#job-2": { stage: "DEPRECATED", version: "v7" } }),
    ],
    [
      "is the newest PUBLISHED one without a version",
      pipeline("a"),
      [],
      store({ "a@default.default:latest": {} }),
    ],
    [
      "may be a DRAFT of the same file, which a pipeline that is applied cannot run yet",
      `${pipeline("a")}---\n${draft}`,
      [
        "5:40: warning: job `a` is a DRAFT in this file and cannot run yet; add `publish: true` to its document, or publish it before a run",
      ],
    ],
    [
      "may be a DRAFT of the same file when the file is laid over the stored jobs for one run",
      `${pipeline("a")}---\n${draft}`,
      [],
      { overlay: true },
    ],
    [
      "may be a version of the same file that is PUBLISHED already",
      `${pipeline("a:v1")}---\n${draft}`,
      [],
      store({ "a@default.default:v1": {} }),
    ],
    [
      "is not the DRAFT of the same file when an older version is PUBLISHED",
      `${pipeline("a")}---\n${draft.replace("name: a", "name: a, version: v2")}`,
      [],
      store({ "a@default.default:latest": {} }),
    ],
    [
      "is visible from where the pipeline lives",
      `${pipeline("a@default")}---\n${pipeline("b@default.default", "name: q, namespace: web, domain: shop")}---\n${shellJob("a")}---\n${shellJob("b", ", visibility: DOMAIN")}---\n${pipeline("a@default", "name: r, namespace: web")}---\n${pipeline("b@default", "name: u, namespace: web")}`,
      [
        "11:40: error: job `b@default.default` is visible in its domain only, and the pipeline lives in `web.shop`; its `visibility` must be `GLOBAL`",
        "27:40: error: job `a@default` is visible in its namespace only, and the pipeline lives in `web.default`; its `visibility` must be `DOMAIN` or `GLOBAL`",
      ],
    ],
    [
      "is visible when it is stored",
      pipeline('"#job-3"'),
      [
        "5:40: error: job `#job-3` is visible in its namespace only, and the pipeline lives in `default.default`; its `visibility` must be `DOMAIN` or `GLOBAL`",
      ],
      store({ "#job-3": { namespace: "ops" } }),
    ],
    [
      "is the highest version of the file in the range",
      `${pipeline('"a:^1"')}---\n${[
        shellJob("a, version: 1.2.0"),
        shellJob("a, version: v1.10.0", ", visibility: DOMAIN"),
        shellJob("a, version: 2.0.0"),
      ].join("---\n")}---\n${pipeline('"a@default:^1"', "name: q, namespace: web")}`,
      [],
    ],
    [
      "is in no range that cannot be read or that nothing is in",
      `${pipeline('"a:^one"')}---\n${pipeline('"a:^2"', "name: q")}---\n${pipeline('"b:~3"', "name: r")}---\n${shellJob("a")}`,
      [
        "5:40: error: `^one` is not a version range; write one like `^1.2`, `~1.2.3`, `1.x` or `>=1.2 <2`",
        "11:40: error: no PUBLISHED version of job `a:^2` is in the range `^2`; this file has `v1`",
        "17:40: error: no PUBLISHED version of job `b:~3` is in the range `~3`; it has `2.0.0`, `1.0.0`",
      ],
      { publishedVersions: () => ["2.0.0", "1.0.0"] },
    ],
    [
      "has no version that reads as a range",
      shellJob("a, version: 1.x"),
      ["3:30: error: `1.x` reads as a range of versions; name one, e.g. `1.2.0`"],
    ],
    [
      "is not checked when there is no store to ask and it is not in the file",
      `${pipeline("a")}---\n${pipeline("b", "name: q")}---\n${shellJob("a")}`,
      [
        "11:40: warning: job `b` is not among these documents, so whether it exists and which params it has was not checked",
      ],
      { findJob: undefined },
    ],
    [
      "is left to the server when there is no store to ask and the file is laid over the stored jobs",
      pipeline("a"),
      [],
      { findJob: undefined, overlay: true },
    ],
  ];
  test.each(cases)("%s", check);

  test("has a full form for a caller that looks it up before, if it can be read", () => {
    const from = { domain: "shop", namespace: "ops" };
    const texts = ["a", "a:latest", "a@web:^1.2", "#job-1", "A", "a:^1.2.3.4"];
    expect(texts.map((text) => readableJobRef(text, from))).toEqual([
      "a@ops.shop:latest",
      "a@ops.shop:latest",
      "a@web.shop:^1.2",
      "#job-1",
      undefined,
      undefined,
    ]);
  });
});

describe("a value", () => {
  const job = shellJob(
    "a",
    `, runParams: [{name: SIZE, valueType: ENUM, enumOptions: [s, l]}, {name: COUNT, valueType: NUMBER}, {name: FIXED, value: x, readOnly: true}, {name: OLD, deprecated: true}, {name: FLAG, valueType: BOOLEAN, sensitive: true}]`,
  );
  const pipeline = (spec: string) => `${job}---\nkind: Pipeline\nmetadata: {name: p}\nspec:\n${spec}`;
  const cases: Case[] = [
    [
      "parses as its param says, at every level",
      pipeline(
        "  with: {SIZE: m}\n  stages:\n    - {name: s, with: {COUNT: many}, tasks: [{name: t, job: a, runParams: [{name: FLAG, value: 'no'}]}, {name: u, job: a}]}\n",
      ),
      [
        '9:16: error: param SIZE (set by PIPELINE) is "m", but must be one of: s, l',
        '11:31: error: param COUNT (set by STAGE) is "many", but must be a number such as 3, -1 or 0.5, whole ones at most 9007199254740991',
        "11:96: error: param FLAG (set by TASK) is ***, but must be one of: true, false",
      ],
    ],
    [
      "of the task is for a param that its job declares",
      pipeline(
        "  stages:\n    - {name: s, tasks: [{name: t, job: a, runParams: {SIZES: s, COLOUR: red}}]}\n",
      ),
      [
        "10:55: warning: job `a` declares no param `SIZES`, so it is ignored; did you mean `SIZE`?",
        "10:65: warning: job `a` declares no param `COLOUR`, so it is ignored; declare it in the job, or remove it",
      ],
    ],
    [
      "of the pipeline or a stage is for a param that one of the jobs declares",
      `${shellJob("b")}---\n${pipeline("  with: {SIZE: s, SIZ: s}\n  stages:\n    - {name: s, with: {COUNT: 1}, tasks: [{name: t, job: a}]}\n    - {name: u, with: {COUNT: 1}, tasks: [{name: v, job: b}, {name: w, job: b}]}\n")}`,
      [
        "14:19: warning: no job here declares a param `SIZ`, so it is ignored; did you mean `SIZE`?",
        "17:24: warning: no job here declares a param `COUNT`, so it is ignored; declare it in the job, or remove it",
      ],
    ],
    [
      "of a pipeline with jobs that are not known is not judged",
      pipeline(
        "  with: {ANY: s}\n  stages:\n    - {name: s, tasks: [{name: t, job: a}, {name: u, job: z, runParams: {X: 1}}]}\n",
      ),
      [
        "11:59: warning: job `z` is not among these documents, so whether it exists and which params it has was not checked",
      ],
      { findJob: undefined },
    ],
    [
      "never sets what mflow sets itself",
      pipeline(
        "  with: {JOB_ID: s}\n  stages:\n    - {name: s, with: [{name: MFLOW_URL, value: x}], tasks: [{name: t, job: a, runParams: {JOB_TASK_ID: 1}}]}\n",
      ),
      [
        "9:10: error: `JOB_ID` is set by mflow itself; remove it",
        "11:31: error: `MFLOW_URL` is set by mflow itself; remove it",
        "11:92: error: `JOB_TASK_ID` is set by mflow itself; remove it",
      ],
    ],
    [
      "of a deprecated param gets a warning",
      pipeline("  stages:\n    - {name: s, tasks: [{name: t, job: a, runParams: {OLD: 1}}]}\n"),
      ["10:55: warning: param `OLD` of job `a` is deprecated; stop giving it"],
    ],
    [
      "does not change what is read-only below it",
      pipeline(
        "  with: [{name: COUNT, value: 1, readOnly: true}]\n  stages:\n    - {name: s, with: {COUNT: 2, FIXED: y}, tasks: [{name: t, job: a, runParams: [{name: OLD, value: ''}]}]}\n",
      ),
      [
        "11:31: warning: this value has no effect: the value of the pipeline is `readOnly`; remove one of them",
        "11:41: warning: this value has no effect: the default of job `a` is `readOnly`; remove one of them",
        "11:90: warning: param `OLD` of job `a` is deprecated; stop giving it",
        "11:102: warning: `OLD` is empty here, and an empty value never overrides; remove it",
      ],
    ],
    [
      "is given once for the same scope",
      pipeline(
        "  with:\n    - {name: COUNT, value: 1}\n    - {name: COUNT, value: 2, scope: {stage: s}}\n    - {name: COUNT, value: 3}\n  stages:\n    - {name: s, tasks: [{name: t, job: a}]}\n",
      ),
      ["12:14: warning: `COUNT` is given twice here; the last one counts, so remove the others"],
    ],
    [
      "has a scope that some task matches",
      pipeline(
        "  with:\n    - {name: COUNT, value: 1, scope: {stage: buidl}}\n    - {name: COUNT, value: 2, scope: {task: tset}}\n    - {name: COUNT, value: 3, scope: {stage: 2}}\n    - {name: COUNT, value: 4, scope: {stage: 1, task: test}}\n    - {name: COUNT, value: 5, scope: '*'}\n  stages:\n    - {name: build, tasks: [{name: test, job: a}]}\n",
      ),
      [
        "10:14: warning: the scope of `COUNT` matches no task here, so nobody gets the value; did you mean `build`?",
        "11:14: warning: the scope of `COUNT` matches no task here, so nobody gets the value; did you mean `test`?",
        "12:14: warning: the scope of `COUNT` matches no task here, so nobody gets the value",
      ],
    ],
  ];
  test.each(cases)("%s", check);

  test("that is required and that nobody gives is asked for, because a run may still give it", () => {
    const text = `${shellJob("a", ", runParams: [{name: WHO, required: true}, {name: HOW, required: true, value: fast}]")}---
kind: Pipeline
metadata: {name: p}
spec:
  stages:
    - name: s
      with: [{name: WHO, value: ann, scope: {task: given}}]
      tasks:
        - {name: asked, job: a}
        - {name: given, job: a}
        - {name: empty, job: a, runParams: {WHO: " "}}
        - {name: off, job: a, skipRun: true}
`;
    expect(linted(text)).toEqual([
      "13:30: warning: nobody fills the required param `WHO` of job `a`; add it to `runParams`, or give it with each run (`-p WHO=VALUE`)",
      "15:30: warning: nobody fills the required param `WHO` of job `a`; add it to `runParams`, or give it with each run (`-p WHO=VALUE`)",
      "15:50: warning: `WHO` is empty here, and an empty value never overrides; remove it",
    ]);
  });

  test("that is required may come from an earlier task that puts something out", () => {
    const jobs = [
      shellJob("use", ", runParams: [{name: WHO, required: true}]"),
      shellJob("low", ", runParams: [{name: who, required: true, usageType: TEMPLATE}]").replace(
        '"true"',
        "echo",
      ),
      shellJob("out").replace('"true"', "date >> $MFLOW_OUTPUT"),
      shellJob("manual", ", manualUpdateStatus: true"),
      shellJob("quiet"),
      "kind: Job\npublish: true\nmetadata: {name: fake}\nspec: {runnerType: FAKE, runnerSpec: {runtimeEnvs: {WHO: ann}}}\n",
    ].join("---\n");
    const pipeline = (name: string, stages: string) =>
      `---\nkind: Pipeline\nmetadata: {name: ${name}}\nspec:\n  stages:\n${stages}`;
    const stage = (name: string, tasks: string[], rest = "") =>
      `    - {name: ${name}${rest}, tasks: [${tasks.map((job, index) => `{name: ${name}${index}, job: ${job}}`).join(", ")}]}\n`;
    const asked = (pipelines: string) =>
      linted(jobs + pipelines).filter((line) => line.includes("nobody fills")).length;
    expect(asked(pipeline("serial", stage("a", ["out", "use"])))).toBe(0);
    expect(asked(pipeline("before", stage("a", ["use", "out"])))).toBe(1);
    expect(asked(pipeline("parallel", stage("a", ["out", "use"], ", isParallel: true")))).toBe(1);
    expect(
      asked(pipeline("later", stage("a", ["quiet", "fake"], ", isParallel: true") + stage("b", ["use"]))),
    ).toBe(0);
    expect(asked(pipeline("elsewhere", stage("a", ["manual"]) + stage("b", ["use"])))).toBe(0);
    expect(asked(pipeline("none", stage("a", ["quiet"]) + stage("b", ["use"])))).toBe(1);
    expect(asked(pipeline("skipped", stage("a", ["out, skipRun: true"]) + stage("b", ["use"])))).toBe(1);
    expect(asked(pipeline("lower", stage("a", ["out"]) + stage("b", ["low"])))).toBe(1);
  });

  test("that is required and that the run request gives is not asked for", () => {
    const text = `${shellJob("a", ", runParams: [{name: WHO, required: true}, {name: HOW, required: true}]")}---\nkind: Pipeline\nmetadata: {name: p}\nspec: {stages: [{name: s, tasks: [{name: t, job: a}]}]}\n`;
    expect(linted(text, { givenParams: new Set(["WHO"]) })).toEqual([
      "8:50: warning: nobody fills the required param `HOW` of job `a`; add it to `runParams`, or give it with each run (`-p HOW=VALUE`)",
    ]);
  });

  test("of a wide pipeline is checked in little time", () => {
    const tasks = Array.from({ length: 2000 }, (_, index) => `        - {name: t${index}, job: a}\n`).join(
      "",
    );
    const values = Array.from({ length: 500 }, (_, index) => `V${index}: 1`).join(", ");
    const text = `${job}---\nkind: Pipeline\nmetadata: {name: p}\nspec:\n  with: {${values}, SIZE: l}\n  stages:\n    - name: s\n      tasks:\n${tasks}`;
    const { documents } = parseManifests(text);
    // The shortest of three, because other programs share the processor.
    const taken = [1, 2, 3].map(() => {
      const start = performance.now();
      expect(lint(documents, { scope: DEFAULT_SCOPE })).toHaveLength(500);
      return performance.now() - start;
    });
    expect(Math.min(...taken)).toBeLessThan(2000);
  });
});

test("a job that may be rolled back declares what its runner spec needs then", () => {
  const job = (more: string) =>
    [
      "kind: Job",
      "metadata: { name: a }",
      "spec:",
      "  runnerType: FAKE",
      '  runnerSpec: { log: ["${WHAT}"] }',
      "  allowRollback: true",
      "  runParams: [{ name: WHAT, usageType: TEMPLATE }]",
      more,
    ].join("\n");
  expect(linted(job(""))).toEqual([]);
  expect(linted(job("  rollbackParams: [{ name: WHAT, usageType: TEMPLATE }]"))).toEqual([]);
  expect(linted(job("  rollbackParams: [{ name: WHAT }]"))).toEqual([
    "8:3: warning: a rollback does not replace `${WHAT}` of the runner spec; declare `WHAT` in `rollbackParams` too, with `usageType: TEMPLATE`",
  ]);
});

describe("a pipeline that extends another", () => {
  const template = (rest = "") =>
    `kind: Pipeline\nmetadata: {name: base}\nspec:\n  isTemplate: true${rest}\n  stages: [{name: s, tasks: [{name: t, job: a}, {name: u, job: a, skipRun: true}]}]\n`;
  const child = (spec: string, metadata = "name: p") =>
    `kind: Pipeline\nmetadata: {${metadata}}\nspec:\n  extends: base\n${spec}`;
  const jobA = shellJob("a", ", runParams: [{name: NEEDED, required: true}]");
  const stored = (spec: string) => {
    const manifest = parseManifests(`kind: Pipeline\nmetadata: {name: base}\nspec: ${spec}`).documents[0]
      ?.manifest;
    const found =
      manifest?.kind === "Pipeline" ? { name: "base", scope: DEFAULT_SCOPE, spec: manifest.spec } : undefined;
    return { findPipeline: () => found };
  };
  const cases: Case[] = [
    ["is checked as the whole", `${jobA}---\n${template()}---\n${child("  with: {NEEDED: x}\n")}`, []],
    [
      "is told of what it gives itself where it gives it",
      `${jobA}---\n${template()}---\n${child("  with: {NEDEED: x}\n  overrides:\n    tasks:\n      t: {job: b}\n      v: {remove: true}\n")}`,
      ["20:7: error: the pipeline that is extended has no task `v`; it has `t`, `u`"],
    ],
    [
      "has values that are declared, and jobs that exist",
      `${jobA}---\n${template()}---\n${child("  with: {NEEDED: x, NEDEED: x}\n  overrides:\n    tasks:\n      t: {job: b}\n")}`,
      [
        "19:16: error: there is no PUBLISHED job `b` in the pipeline's namespace `default.default`; apply and publish it first, or correct the name",
      ],
    ],
    [
      "is told of what it makes of the extended one, and not of what is wrong there already",
      `${jobA}---\n${template("\n  with: {X: 1}").replace("name: t, job: a", "name: t, job: c")}---\n${child("  overrides:\n    tasks: {t: {remove: true}}\n")}---\n${child("", "name: q")}`,
      [
        "11:45: error: there is no PUBLISHED job `c` in the pipeline's namespace `default.default`; apply and publish it first, or correct the name",
        "15:1: error: every task has `skipRun: true`, so there is nothing to run; remove it from at least one",
      ],
    ],
    [
      "is told of what nobody fills in a job that the extended one runs",
      `${jobA}---\n${template()}---\n${child("  with: {NEDEED: x}\n")}`,
      [
        "15:12: warning: in pipeline `base@default.default` at `/spec/stages/0/tasks/0/job`: nobody fills the required param `NEEDED` of job `a`; add it to `runParams`, or give it with each run (`-p NEEDED=VALUE`)",
        "16:10: warning: no job here declares a param `NEDEED`, so it is ignored; did you mean `NEEDED`?",
      ],
    ],
    [
      "is told of the errors of a stored one",
      child(""),
      [
        "4:12: error: in pipeline `base@default.default` at `/spec/stages/0/tasks/0/job`: there is no PUBLISHED job `gone` in the pipeline's namespace `default.default`; apply and publish it first, or correct the name",
      ],
      stored("{with: {UNUSED: 1}, stages: [{name: s, tasks: [{name: t, job: gone}]}]}"),
    ],
    [
      "extends one that there is",
      child(""),
      [
        "4:12: error: there is no pipeline `base@default.default` to extend; apply it first, or correct the name",
      ],
      { findPipeline: () => undefined },
    ],
    [
      "is not checked when there is no store to ask and what it extends is not in the file",
      child(""),
      [
        "4:12: warning: pipeline `base@default.default` is not among these documents, so what becomes of it here was not checked",
      ],
    ],
    ["is left to the server when the file is laid over the stored records", child(""), [], { overlay: true }],
    [
      "does not extend itself over others",
      `${child("")}---\n${child("", "name: base").replace("extends: base", "extends: p")}`,
      [
        "4:12: error: pipelines extend each other in a circle: `p@default.default` extends `base@default.default` extends `p@default.default`; break it",
        "9:12: error: pipelines extend each other in a circle: `base@default.default` extends `p@default.default` extends `base@default.default`; break it",
      ],
    ],
  ];
  test.each(cases)("%s", check);

  test("is not checked while what it extends is broken", () => {
    const broken = template().replace("name: u,", "nmae: u,");
    const { documents, problems } = parseManifests(
      `${broken}---\n${child("  overrides: {tasks: {t: {remove: true}}}\n")}`,
    );
    expect(problems).toHaveLength(2);
    expect(lint(documents, { scope: DEFAULT_SCOPE, overlay: true })).toEqual([]);
  });

  test("has stages, or says what it extends", () => {
    const problemsOf = (spec: string) =>
      parseManifests(`kind: Pipeline\nmetadata: {name: p}\nspec: ${spec}`).problems.map(formatProblem);
    expect(problemsOf("{isParallel: true}")).toEqual([
      expect.stringMatching(/^3:1: error: `stages` is missing; add it/),
    ]);
    expect(
      problemsOf("{extend: base, overrides: {}, stages: [{name: s, tasks: [{name: t, job: a}]}]}"),
    ).toEqual([
      "3:8: error: `extend` is not known here; did you mean `extends`?",
      "3:22: error: `overrides` goes with `extends`; add that, or remove this",
    ]);
    expect(
      problemsOf("{extends: base, stages: [{name: s, tasks: []}], overrides: {tasks: {A: {}}}}"),
    ).toEqual([
      expect.stringMatching(/^3:42: error: `tasks` needs at least 1 item/),
      expect.stringMatching(
        /^3:75: error: `A` is not allowed as a name here: Name of a task, or `stage\/task`/,
      ),
    ]);
  });
});
