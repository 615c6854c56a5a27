// What the checks find in a condition, and where: a table of conditions and of whole sentences.

import { describe, expect, test } from "vitest";
import { SCOPE } from "../testing/conditions.ts";
import { checkCondition } from "./check.ts";
import type { ConditionScope } from "./scope.ts";

/** Offset and sentence of each problem. */
function problemsOf(source: string, scope: ConditionScope = SCOPE): string[] {
  return checkCondition(source, scope).map(({ offset, message }) => `${offset}: ${message}`);
}

const FINE = [
  "true",
  "params.REPLICAS > 2",
  "params.REPLICAS == 3 && params.REPLICAS != 2.5",
  "params.REPLICAS in [1, 2, 3]",
  "params.REPLICAS + 1 >= 2 * params.REPLICAS % 3",
  'params.NAME == "api" || params.NAME.startsWith("web-")',
  "!params.DRY_RUN",
  "params.DRY_RUN == false",
  'params.TARGET == "production"',
  'params["NAME"] == "api"',
  'envs.TAG.matches("^v[0-9]+")',
  'matches(envs.TAG, "^v[0-9]+")',
  'has(envs.TAG) && envs.TAG != ""',
  '"TAG" in envs',
  '"linux" in envs.OSES',
  "envs.OSES.size() == 2 && size(envs.OSES) > 1",
  'envs.OSES.exists(os, os.contains("lin"))',
  'envs.OSES.filter(os, os != "mac").map(os, os.upperAscii()).join(",") == "LINUX"',
  "envs.OSES.map(os, os.size() > 1, os.size()).all(n, n < 9)",
  'envs.OSES[0] == "linux" && envs.OSES[int(params.REPLICAS) - 3] != ""',
  'tasks.build.stage == "SUCCEEDED"',
  'tasks.build.stage in ["SUCCEEDED", "SKIPPED"]',
  'tasks["build-it"].outputs.IMAGE == "a"',
  'tasks["first/lint"].stage != "FAILED"',
  "has(tasks.build.outputs.IMAGE)",
  'tasks.test.stage == "FAILED" && tasks.test.outputs.OS.exists_one(os, os == "mac")',
  'run.labels.team == "web" && run.labels["build-it"] == "yes"',
  'run.labels[params.NAME] == "x" && params.NAME in run.labels',
  'run.runBy == "ada" && run.name != run.id && run.triggerMode == "EVENT"',
  'run.stage == "ACTIVE"',
  'trigger.mode == "SCHEDULE" || trigger.by == "gitlab" || trigger.branch == "main"',
  "params.DRY_RUN ? params.REPLICAS > 1 : envs.TAG == 'x'",
  'int(envs.TAG.split(".")[1]) > 3 && double("1.5") > 1.0 && string(params.REPLICAS) == "3"',
  "// a comment\n  params.NAME == 'api' // and more\n",
];

test.each(FINE)("nothing is wrong with %s", (source) => {
  expect(problemsOf(source)).toEqual([]);
});

const NEVER = "are never equal";
const QUOTES = "leave the quotes out of a number, or convert with `double(...)` or `string(...)`";

const WRONG: [source: string, ...problems: string[]][] = [
  ["param.NAME == 'x'", "0: there is no variable `param`; did you mean `params`?"],
  ["REPLICAS > 1", "0: there is no variable `REPLICAS`; write `params.REPLICAS`"],
  ['build.stage == "FAILED"', "0: there is no variable `build`; write `tasks.build`"],
  ["tasks.build.stage == FAILED", '21: there is no variable `FAILED`; write a text in quotes: `"FAILED"`'],
  ["params.REPLCAS > 1", "7: no param `REPLCAS` is declared here; did you mean `REPLICAS`?"],
  ['"REPLCAS" in params', "0: no param `REPLCAS` is declared here; did you mean `REPLICAS`?"],
  ["has(params.REPLCAS)", "11: no param `REPLCAS` is declared here; did you mean `REPLICAS`?"],
  [
    "params.PASSWORD == 'x'",
    "7: param `PASSWORD` is sensitive, and no condition sees it; decide by another param",
  ],
  ["params[envs.TAG] == 'x'", '7: the name is computed; write it out, as in `params["NAME"]`'],
  ["envs.TAG in params", '0: the name is computed; write it out, as in `"NAME" in params`'],
  [
    "envs.IMAGE == 'x'",
    "5: no earlier task puts out runtime env `IMAGE`; correct the name, or let a task put it out",
  ],
  [
    "envs.tag == 'x'",
    "5: runtime env `tag` is not handed to later tasks; let the task put it out under a name that starts with an upper case letter",
  ],
  ['tasks.biuld.stage == "FAILED"', "6: there is no task `biuld` before this place; did you mean `build`?"],
  [
    'tasks.deploy.stage == "FAILED"',
    "6: task `deploy` may not have ended by then; name it in `needs`, or use an earlier task",
  ],
  [
    'tasks.build-it.outputs.IMAGE == "x"',
    '6: a name with `-` or `/` stands in quotes; write `tasks["build-it"]`',
  ],
  ['tasks.build.state == "FAILED"', "12: `tasks.build` has no `state`; did you mean `stage`?"],
  ["run.labls.team == 'x'", "4: `run` has no `labls`; did you mean `labels`?"],
  [
    'tasks.build.stage == "SUCCEDED"',
    "21: `tasks.build.stage` is never `SUCCEDED`, it is PENDING, SCHEDULING, CREATING, ACTIVE, CANCELING, CANCELED, " +
      "FAILED, SUCCEEDED or SKIPPED; did you mean `SUCCEEDED`?",
  ],
  [
    'tasks.build.stage in ["FAILED", "DONE"]',
    "32: `tasks.build.stage` is never `DONE`, it is PENDING, SCHEDULING, CREATING, ACTIVE, CANCELING, CANCELED, " +
      "FAILED, SUCCEEDED or SKIPPED; write one of them",
  ],
  [
    '"PUSH" == trigger.mode',
    "0: `trigger.mode` is never `PUSH`, it is MANUAL, EVENT, APPROVAL, SCHEDULE or PIPELINE; write one of them",
  ],
  [
    'run.stage == "FAILED"',
    "13: `run.stage` is never `FAILED`, it is ACTIVE; the outcome is known in a `finally` stage; here, ask for the stage of a task",
  ],
  ['params.REPLICAS == "x"', `0: \`params.REPLICAS\` (a number) and \`"x"\` (a text) ${NEVER}; ${QUOTES}`],
  [
    'params.DRY_RUN == "true"',
    `0: \`params.DRY_RUN\` (a boolean) and \`"true"\` (a text) ${NEVER}; write \`true\` and \`false\` without quotes, ` +
      "or convert with `bool(...)` or `string(...)`",
  ],
  [
    'envs.OSES == "linux"',
    `0: \`envs.OSES\` (a list) and \`"linux"\` (a text) ${NEVER}; look into a list with \`in\` or \`.exists(item, item == "a")\``,
  ],
  [
    'params.REPLICAS > "2"',
    `0: \`>\` compares two numbers or two texts, not \`params.REPLICAS\` (a number) with \`"2"\` (a text); ${QUOTES}`,
  ],
  [
    "params.NAME + 1 == 'api1'",
    `0: \`+\` takes two numbers, two texts or two lists of the same, not \`params.NAME\` (a text) and \`1\` (a number); ${QUOTES}`,
  ],
  [
    '"a" in params.NAME',
    "0: `in` looks into a list or a group of values, not into `params.NAME` (a text); ask a text with `.contains(...)`",
  ],
  [
    'params.REPLICAS in ["1", "2"]',
    `0: \`["1", "2"]\` (a list) never holds \`params.REPLICAS\` (a number); ${QUOTES}`,
  ],
  ["[1, 'a'].size() > 1", "4: a list holds values of one type, not a number and a text; convert one"],
  [
    "params.NAME",
    '0: a condition answers true or false, and this one answers a text; compare it, as in `params.NAME == "..."`',
  ],
  [
    "params.REPLICAS",
    "0: a condition answers true or false, and this one answers a number; compare it, as in `params.REPLICAS > 0`",
  ],
  ["tasks", "0: `tasks` is a group of values; name one of them, as in `tasks.NAME`"],
  [
    "params.NAME && !params.REPLICAS",
    "0: `&&` takes booleans, and `params.NAME` is a text; compare it with something",
    "16: `!` takes booleans, and `params.REPLICAS` is a number; compare it with something",
  ],
  ["params.NAME.contains(1)", "21: `contains` takes a text here, and `1` is a number; convert it"],
  ["params.NAME.contains()", "0: `contains` takes 1 argument, not 0; correct the call"],
  ["params.NAME.trim(1) == ''", "0: `trim` takes no arguments, not 1; correct the call"],
  [
    "params.REPLICAS.matches('3')",
    "0: `matches` takes a text, and `params.REPLICAS` is a number; convert it with `string(...)`",
  ],
  [
    "params.NAME.all(c, c == 'a')",
    "0: `all` goes through a list, and `params.NAME` is a text; name a list, such as the outputs of a matrix",
  ],
  ["envs.OSES.all(os, os)", "18: `all` takes booleans, and `os` is a text; compare it with something"],
  ["params.NAME.first == 'a'", "12: `params.NAME` is a text and has no `first`; compare it as it is"],
  ["envs.OSES['a'] == 'a'", "10: `envs.OSES` is a list and has no `a`; compare it as it is"],
  [
    "envs.OSES[params.REPLICAS] == 'a'",
    "10: the place in a list is a whole number, and `params.REPLICAS` is a number; use `int(...)`",
  ],
  [
    "(params.DRY_RUN ? 1 : 'a') == 1",
    "22: `? :` chooses between `1` (a number) and `'a'` (a text); let both be of one type",
  ],
  [
    "params.A == 'a' && params.B == 'b'",
    "7: no param `A` is declared here; write `NAME`, `REPLICAS`, `DRY_RUN`, `TARGET` or `PASSWORD`",
    "26: no param `B` is declared here; write `NAME`, `REPLICAS`, `DRY_RUN`, `TARGET` or `PASSWORD`",
  ],
];

test.each(WRONG)("what is wrong with %s is told with its place and the remedy", (source, ...problems) => {
  expect(problemsOf(source)).toEqual(problems);
});

const UNREADABLE: [source: string, problem: string][] = [
  ["  ", "0: the condition is empty; say when it shall run, or leave it out"],
  ['params.NAME = "x"', "12: `=` says nothing in CEL; write `==` to compare (column 13)"],
  ["true & false", "5: `&` says nothing in CEL; write `&&` for and (column 6)"],
  ["${NAME} == 'x'", "0: `$` says nothing in CEL; write the name alone, as in `params.NAME` (column 1)"],
  ["true and false", "5: CEL writes `&&`, `||` and `!` for and, or and not (column 6)"],
  ["true ||", "7: the condition ends too early; something has to follow (column 8)"],
  ["(true", "5: the condition ends too early; something has to follow (column 6)"],
  ["true)", "4: `)` cannot stand here; see the parts of a condition in CEL (column 5)"],
  [
    "true ||\n  && false",
    "10: `&&` cannot stand here; see the parts of a condition in CEL (line 2, column 3)",
  ],
  ["'abc", "0: the quotes are not closed; end the text with the same quote (column 1)"],
  ["'a\nb' == 'c'", "2: a text in quotes ends on its line; write \\n for a line break (line 1, column 3)"],
  ["while == 1", "0: CEL keeps the word `while` for itself; use another name (column 1)"],
  ["'\\q' == 'q'", "1: invalid escape sequence: \\q; correct it (column 2)"],
  ["null == null", "0: a condition has no `null`; ask with `has(...)` whether there is a value (column 1)"],
  ["{'a': 1} == {'a': 1}", "0: a condition has no maps; compare the values one by one (column 1)"],
  [
    "b'a' == b'a'",
    "0: a condition has texts, numbers, booleans and lists; write a text without `b`, a number without `u` (column 1)",
  ],
  ["9223372036854775808 > 1", "0: the number is too large; whole numbers have 64 bits (column 1)"],
  ["has(params)", "0: `has` asks for one name, as in `has(envs.NAME)` (column 1)"],
  ["params.NAME.contain('a')", "0: there is no function `contain` here; did you mean `contains`? (column 1)"],
  [
    "length(params.NAME) > 1",
    "0: there is no function `length` here; write `size`, `bool`, `int`, `double`, `string` or `has` (column 1)",
  ],
  [
    "timestamp('2026-01-01T00:00:00Z') == 1",
    "0: there is no function `timestamp` here; write `size`, `bool`, `int`, `double`, `string` or `has` (column 1)",
  ],
  [
    "envs.OSES.all(os == 'a')",
    '0: `all` takes a name for the item and what to look at, as in `list.all(item, item != "")` (column 1)',
  ],
  [
    "envs.OSES.all('a', true)",
    '14: the first argument names the item, as in `list.exists(item, item == "a")` (column 15)',
  ],
  [
    "envs.OSES.all(params, true)",
    "14: `params`, `envs`, `run`, `trigger` or `tasks` cannot name an item; take another name (column 15)",
  ],
  [
    "envs.TAG.matches(params.NAME)",
    '17: `matches` takes a pattern in quotes, as in `envs.TAG.matches("^v[0-9]+$")` (column 18)',
  ],
  [
    "envs.TAG.matches('a(?=b)')",
    "17: the pattern `a(?=b)` is not one of RE2: invalid or unsupported Perl syntax: `(?=`; correct it (column 18)",
  ],
  [
    "envs.TAG.matches('((a{30}){30}){9}')",
    "17: the patterns of a condition are too large with `((a{30}){30}){9}`; repeat less, or write fewer of them (column 18)",
  ],
];

test.each(UNREADABLE)("that %s cannot be read is told with its place and the remedy", (source, problem) => {
  expect(problemsOf(source)).toEqual([problem]);
});

test("what is too long or too deep to be read is told so", () => {
  expect(problemsOf("x".repeat(4097))).toEqual([
    "4096: the condition has 4097 characters, and at most 4096 are allowed; let a task compute it and hand on the answer",
  ]);
  const deep = "256: the condition is too deep; split it (column 257)";
  expect(problemsOf(`${"!".repeat(4000)}true`)).toEqual([deep]);
  expect(problemsOf(`${"-".repeat(4000)}1`)).toEqual([deep]);
  expect(problemsOf(`${"(".repeat(4000)}true`)).toEqual([
    "256: the condition is too deep or has too many parts; split it (column 257)",
  ]);
  expect(problemsOf(`true${" || true".repeat(500)}`)).toEqual([
    "0: the condition is too deep; split it (column 1)",
  ]);
  expect(problemsOf(`true${" || true".repeat(250)}`)).toEqual([]);
});

describe("a place", () => {
  test("in a finally stage compares the outcome of the run, and nothing else", () => {
    const scope = { ...SCOPE, isFinally: true };
    expect(problemsOf('run.stage == "FAILED"', scope)).toEqual([]);
    expect(problemsOf('run.stage == "ACTIVE"', scope)).toEqual([
      "13: `run.stage` is never `ACTIVE`, it is SUCCEEDED, FAILED or CANCELED; write one of them",
    ]);
  });

  test("without params and tasks says so", () => {
    const scope: ConditionScope = { params: new Map(), tasks: new Map(), isFinally: false };
    expect(problemsOf('params.NAME == "x"', scope)).toEqual([
      "7: no param `NAME` is declared here; decide by `run.labels` or `envs`",
    ]);
    expect(problemsOf('tasks.build.stage == "FAILED"', scope)).toEqual([
      "6: there is no task `build` before this place; no task ends before this place",
    ]);
  });

  test("whose job is not known takes params of any name and type", () => {
    const scope: ConditionScope = { tasks: new Map(), isFinally: false };
    expect(problemsOf('params.A == "x" && params.A > 1 && params.B', scope)).toEqual([]);
  });

  test("that does not know the runtime envs takes them as texts, and after a matrix as either", () => {
    const plain: ConditionScope = { tasks: new Map([["build", { isMatrix: false }]]), isFinally: false };
    const matrix: ConditionScope = { tasks: new Map([["build", { isMatrix: true }]]), isFinally: false };
    expect(problemsOf("envs.OS.exists(os, os == 'a')", plain)).toEqual([
      "0: `exists` goes through a list, and `envs.OS` is a text; name a list, such as the outputs of a matrix",
    ]);
    expect(problemsOf("envs.OS.exists(os, os == 'a') || envs.OS == 'a'", matrix)).toEqual([]);
  });
});
