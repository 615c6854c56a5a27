// What conditions answer on facts, and what is said when they cannot be decided.

import { describe, expect, test } from "vitest";
import { MflowError } from "../errors.ts";
import { factsWith } from "../testing/conditions.ts";
import { evaluateCondition } from "./evaluate.ts";
import { type ConditionFacts, type Fact, paramFact, SENSITIVE } from "./facts.ts";

const HOLDS = [
  "true",
  'params.NAME == "api"',
  "params.REPLICAS == 3 && params.REPLICAS > 2 && params.REPLICAS <= 3.0",
  "params.REPLICAS in [1, 2, 3]",
  "params.REPLICAS / 2 == 1.5",
  "5 / 2 == 2 && -5 / 2 == -2 && 5 % 3 == 2 && params.REPLICAS % 2 == 1",
  "1 + 2 * 3 == 7 && (1 + 2) * 3 == 9 && 10 - 2 - 3 == 5",
  "!params.DRY_RUN",
  'params.TARGET != "production"',
  'envs.TAG.startsWith("v1.") && envs.TAG.endsWith(".0") && envs.TAG.contains("4")',
  'envs.TAG.matches("^v[0-9]+[.]") && envs.TAG.matches("4") && !envs.TAG.matches("^4")',
  'has(envs.TAG) && !has(envs.LATE) && "TAG" in envs && !("LATE" in envs)',
  'has(run.labels["build-it"]) && !has(run.labels.other) && has(run.id) && has(tasks.build) && !has(tasks.deploy)',
  'envs.OSES == ["linux", "mac"] && envs.OSES[1] == "mac" && size(envs.OSES) == 2',
  'envs.OSES.exists(os, os == "mac") && envs.OSES.all(os, os != "") && envs.OSES.exists_one(os, os == "mac")',
  'envs.OSES.filter(os, os != "mac") == ["linux"] && envs.OSES.map(os, os.size()) == [5, 3]',
  'envs.OSES.map(os, os != "mac", os.upperAscii()) + ["X"] == ["LINUX", "X"]',
  '"linux" in envs.OSES && !("win" in envs.OSES) && [1.0] == [1]',
  'tasks.build.stage == "SUCCEEDED" && tasks["build-it"].outputs.IMAGE == "api:v1.4.0"',
  'tasks.test.stage == "FAILED" && tasks.test.outputs.OS.size() == 2 && tasks["first/lint"].stage == "SUCCEEDED"',
  'run.id == "run-1" && run.name == "release" && run.stage == "ACTIVE" && run.runBy == "ada"',
  'run.labels.team == "web" && trigger.mode == "EVENT" && trigger.by == "gitlab" && trigger.branch == "main"',
  'int("42") == 42 && int(2.9) == 2 && double("1.5") == 1.5 && string(3) == "3" && string(params.REPLICAS) == "3"',
  'bool("true") && !bool("0") && string(true) == "true"',
  'size("aé😀") == 3 && "A".lowerAscii() == "a" && "É".lowerAscii() == "É" && " a ".trim() == "a"',
  '"a,b".split(",").join("-") == "a-b"',
  'params.DRY_RUN ? false : "a" < "b"',
  // As in CEL, a side that decides makes up for one that fails.
  'true || envs.LATE == "x"',
  'envs.LATE == "x" || true',
  '!(envs.LATE == "x" && false)',
  "[0, 1].exists(n, 1 / n == 1) && ![0, 1].all(n, 1 / n == 2)",
];

test.each(HOLDS)("%s holds", (source) => {
  expect(evaluateCondition(source, factsWith())).toBe(true);
  expect(evaluateCondition(`!(${source})`, factsWith())).toBe(false);
});

/** The sentence with which a condition is refused. */
function refusalOf(source: string, facts: ConditionFacts = factsWith()): string {
  try {
    return `answered ${evaluateCondition(source, facts)}`;
  } catch (error) {
    if (error instanceof MflowError && error.code === "CONDITION_FAILED") return error.message;
    throw error;
  }
}

const FAILS: [source: string, cause: string][] = [
  [
    'envs.LATE == "x"',
    "no earlier task handed on runtime env `LATE`; ask first, as in `has(envs.LATE) && ...`",
  ],
  ['params.GONE == "x"', "param `GONE` has no value; ask first, as in `has(params.GONE) && ...`"],
  [
    'run.labels["a-b"] == "x"',
    'the run has no label `a-b`; ask first, as in `has(run.labels["a-b"]) && ...`',
  ],
  ['trigger.tag == "x"', "the trigger tells no `tag`; ask first, as in `has(trigger.tag) && ...`"],
  [
    'tasks["build-it"].outputs.URL == "x"',
    'task `build-it` put out no runtime env `URL`; ask first, as in `has(tasks["build-it"].outputs.URL) && ...`',
  ],
  [
    'tasks.gone.stage == "FAILED"',
    "there is no task `gone` before this place; correct the name, or ask first, as in `has(tasks.gone) && ...`",
  ],
  [
    "run.state == 'x'",
    "there is no `state`; a run has `id`, `name`, `stage`, `labels`, `runBy`, `triggerMode`",
  ],
  ["1 / 0 == 1", "a number is divided by zero; ask first whether it is 0"],
  ["1 % 0 == 1", "a number is divided by zero; ask first whether it is 0"],
  ["9223372036854775807 + 1 > 0", "a whole number grows beyond 64 bits; compute with smaller ones"],
  ["envs.OSES[2] == 'x'", "the list has 2 items and no item 2, from 0; ask for its `.size()` first"],
  [
    "int(envs.TAG) > 1",
    '`int(...)` makes nothing of "v1.4.0"; it takes whole numbers such as `42`, so ask with `.matches(...)` first',
  ],
  [
    "params.NAME > 1",
    "`>` does not work on a text and a number; convert one of them, as with `double(...)` or `string(...)`",
  ],
  ["params.NAME", "a condition answers true or false, and this is a text; compare it with something"],
  ["params", "`params` is a group of values; name one of them"],
  ["other == 1", "there is no variable `other`; `mflow lint` tells which there are"],
  ["true &&", "the condition ends too early; something has to follow (column 8)"],
];

test.each(FAILS)("%s cannot be decided, and the sentence says why and what helps", (source, cause) => {
  expect(refusalOf(source)).toBe(`the condition \`${source}\` cannot be decided: ${cause}`);
});

test("a condition does not see sensitive values, but whether they are there", () => {
  const secret = factsWith({ env: () => SENSITIVE, param: () => SENSITIVE });
  expect(evaluateCondition('has(envs.KEY) && "KEY" in params', secret)).toBe(true);
  expect(refusalOf('envs.KEY == "x"', secret)).toBe(
    'the condition `envs.KEY == "x"` cannot be decided: `envs.KEY` is sensitive, and no condition sees it; decide by another value',
  );
});

test("names that objects have by themselves are not there", () => {
  for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty"]) {
    expect(evaluateCondition(`has(run["${name}"]) || has(run.labels["${name}"])`, factsWith())).toBe(false);
  }
});

test("only facts that decide are asked for", () => {
  const asked: string[] = [];
  const ask = (kind: string, fact: Fact) => (name: string) => {
    asked.push(`${kind} ${name}`);
    return fact;
  };
  const facts = factsWith({
    param: ask("param", "a"),
    env: ask("env", "b"),
    task: (name) => {
      asked.push(`task ${name}`);
      return { stage: "SUCCEEDED", output: ask("output", "c") };
    },
  });
  const source = 'params.A == "a" || envs.B == "b" || tasks.c.outputs.C == "c"';
  expect(evaluateCondition(source, facts)).toBe(true);
  expect(evaluateCondition('params.A != "a" || tasks.c.outputs.C == "c"', facts)).toBe(true);
  expect(asked).toEqual(["param A", "param A", "task c", "output C"]);
});

describe("a condition that would take too long", () => {
  const big = factsWith({ env: () => "a".repeat(32_768) });
  const sources = {
    "a loop in a loop": 'envs.A.split("").all(x, envs.A.split("").all(y, x == y))',
    "a pattern in a loop": 'envs.A.split("").all(x, !envs.A.matches("[a-z]*[0-9]"))',
    "a search of a long text": 'envs.A.split("").all(x, envs.A.contains(envs.A + "b") || true)',
    "loops many deep": `${"[1,2,3,4,5,6,7,8,9].all(x, ".repeat(9)}true${")".repeat(9)}`,
    "a text that grows": `size(envs.A${'.split("").join("bb")'.repeat(40)}) > 1`,
    "a list that doubles": `[[1]]${".map(x, x + x)".repeat(200)}.size() > 1`,
  };

  test.each(Object.entries(sources))("stops: %s", (_, source) => {
    expect(refusalOf(source, big)).toMatch(
      /cannot be decided: it takes too much work; let a task compute it and hand on the answer$/,
    );
  });

  test("is not saved by a side that decides", () => {
    expect(refusalOf(`${sources["a loop in a loop"]} || true`, big)).toMatch(/too much work/);
  });
});

test("params come with the type that their job declares", () => {
  const param = { name: "A", value: "3", usageType: "ENV", setBy: "JOB" } as const;
  expect(paramFact({ ...param, valueType: "NUMBER" })).toBe(3);
  expect(paramFact({ ...param, value: "true", valueType: "BOOLEAN" })).toBe(true);
  expect(paramFact({ ...param, valueType: "TEXT" })).toBe("3");
  expect(paramFact({ ...param, valueType: "ENUM" })).toBe("3");
  expect(paramFact({ ...param, valueType: "TEXT", sensitive: true })).toBe(SENSITIVE);
  expect(paramFact(undefined)).toBeUndefined();
});
