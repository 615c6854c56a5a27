import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { duplicateParams } from "./check-params.ts";
import {
  environmentOf,
  maskParams,
  matchesScope,
  mergeParams,
  type ParamLevel,
  type Place,
  restoreMasked,
  runnerParamsOf,
  SYSTEM_PARAMS,
  searchLabelsOf,
  secretsOf,
} from "./params.ts";
import type { EffectiveParam, ParamScope, ParamValue, RunParam, SetBy } from "./schema/param.ts";

const place: Place = { stageName: "build", stageNumber: 2, taskName: "compile", taskNumber: 1 };

function merge(declared: RunParam[], levels: ParamLevel[] = [], at: Place = place) {
  return mergeParams({ declared, levels, place: at });
}

/** An effective TEXT param of usage ENV. */
function env(name: string, value: string, setBy: SetBy, more: Partial<EffectiveParam> = {}): EffectiveParam {
  return { name, value, usageType: "ENV", valueType: "TEXT", setBy, ...more };
}

describe("matchesScope", () => {
  const cases: [ParamScope | undefined, boolean][] = [
    [undefined, true],
    ["*", true],
    [{}, true],
    [{ stage: "build" }, true],
    [{ stage: "deploy" }, false],
    [{ stage: 2 }, true],
    [{ stage: 1 }, false],
    [{ stage: "2" }, false],
    [{ task: "compile" }, true],
    [{ task: "test" }, false],
    [{ task: 1 }, true],
    [{ task: 2 }, false],
    [{ stage: "build", task: 1 }, true],
    [{ stage: 2, task: "compile" }, true],
    [{ stage: "build", task: "test" }, false],
    [{ stage: "deploy", task: "compile" }, false],
  ];
  test.each(cases)("%j matches task compile, first of the second stage build: %s", (scope, expected) => {
    expect(matchesScope(scope, place)).toBe(expected);
  });

  test("a lone task is in no stage", () => {
    const lone: Place = { taskName: "compile" };
    expect(
      [{ stage: "build" }, { stage: 1 }, { task: 1 }, { task: "compile" }, "*" as const].map((scope) =>
        matchesScope(scope, lone),
      ),
    ).toEqual([false, false, false, true, true]);
  });

  test("a name that consists of digits is matched by the name, not by the number", () => {
    const odd: Place = { stageName: "7", stageNumber: 1, taskName: "8", taskNumber: 2 };
    expect(
      [{ stage: "7" }, { stage: 7 }, { task: "8" }, { task: 8 }].map((scope) => matchesScope(scope, odd)),
    ).toEqual([true, false, true, false]);
  });
});

describe("mergeParams", () => {
  test("declared defaults are the lowest level, ENV and TEXT unless the declaration says otherwise", () => {
    expect(
      merge([
        { name: "A", value: "x" },
        { name: "B", value: 3, usageType: "TEMPLATE", valueType: "NUMBER" },
        { name: "C", value: false, valueType: "BOOLEAN", sensitive: true },
        { name: "D" },
      ]),
    ).toEqual({
      params: [
        env("A", "x", "JOB"),
        env("B", "3", "JOB", { usageType: "TEMPLATE", valueType: "NUMBER" }),
        env("C", "false", "JOB", { valueType: "BOOLEAN", sensitive: true }),
      ],
      undeclared: [],
    });
  });

  test.each<[from: string, usageType: RunParam["usageType"], sensitive: true | undefined]>([
    ["MANUAL", "RUNNER", true],
    ["CLUSTER_REF", "RUNNER", undefined],
    ["MANUAL", "ENV", undefined],
  ])("with _kube_config_from %s a %s param _kube_config is sensitive: %s", (from, usageType, sensitive) => {
    const declared: RunParam[] = [
      { name: "_kube_config", usageType, sensitive: false },
      { name: "_kube_config_from", usageType: "RUNNER", value: "CLUSTER_REF" },
    ];
    const values = [
      { name: "_kube_config", value: "kind: Config" },
      { name: "_kube_config_from", value: from },
    ];
    expect(merge(declared, [{ setBy: "RUN", values }]).params).toEqual([
      env("_kube_config", "kind: Config", "RUN", { usageType, ...(sensitive && { sensitive }) }),
      env("_kube_config_from", from, "RUN", { usageType: "RUNNER" }),
    ]);
  });

  test("deliberate change: the `with` of pipeline and stage are a level, between the job's defaults and the task", () => {
    const names = ["A", "B", "C", "D", "E", "F"];
    const level = (setBy: SetBy, count: number): ParamLevel => ({
      setBy,
      values: names.slice(0, count).map((name) => ({ name, value: setBy.toLowerCase() })),
    });
    expect(
      merge(
        names.map((name) => ({ name, value: "job" })),
        [level("PIPELINE", 5), level("STAGE", 4), level("TASK", 3), level("RUN", 2), level("RUNTIME_ENV", 1)],
      ).params,
    ).toEqual([
      env("A", "runtime_env", "RUNTIME_ENV"),
      env("B", "run", "RUN"),
      env("C", "task", "TASK"),
      env("D", "stage", "STAGE"),
      env("E", "pipeline", "PIPELINE"),
      env("F", "job", "JOB"),
    ]);
  });

  test("only declared names are filled; the others are named once per level", () => {
    const values = [
      { name: "TYPO", value: 1 },
      { name: "A", value: 1 },
      { name: "TYPO", value: 2 },
    ];
    expect(
      merge(
        [{ name: "A" }],
        [
          { setBy: "TASK", values },
          { setBy: "RUN", values },
        ],
      ),
    ).toEqual({
      params: [env("A", "1", "RUN")],
      undeclared: [
        { name: "TYPO", setBy: "TASK" },
        { name: "TYPO", setBy: "RUN" },
      ],
    });
  });

  test("values are trimmed and an empty one never overrides, nor makes anything final", () => {
    expect(
      merge(
        [{ name: "A", value: " a\n" }, { name: "B", value: " ", readOnly: true }, { name: "C" }],
        [
          {
            setBy: "TASK",
            values: [
              { name: "A", value: "  ", readOnly: true },
              { name: "C", value: "" },
            ],
          },
          { setBy: "RUN", values: [{ name: "B", value: "\tb " }] },
        ],
      ).params,
    ).toEqual([env("A", "a", "JOB"), env("B", "b", "RUN")]);
  });

  test("a value set with readOnly is final for all higher levels, whichever level set it", () => {
    const levels: ParamLevel[] = (["PIPELINE", "STAGE", "TASK", "RUN", "RUNTIME_ENV"] as const).map(
      (setBy) => ({
        setBy,
        values: ["JOB", "PIPELINE", "STAGE", "TASK", "RUN"].map((name) => ({
          name,
          value: setBy,
          readOnly: name === setBy,
        })),
      }),
    );
    const declared = ["JOB", "PIPELINE", "STAGE", "TASK", "RUN"].map((name) => ({
      name,
      value: "JOB",
      readOnly: name === "JOB",
    }));
    expect(merge(declared, levels).params.map(({ name, value, setBy }) => [name, value, setBy])).toEqual([
      ["JOB", "JOB", "JOB"],
      ["PIPELINE", "PIPELINE", "PIPELINE"],
      ["STAGE", "STAGE", "STAGE"],
      ["TASK", "TASK", "TASK"],
      ["RUN", "RUN", "RUN"],
    ]);
  });

  test("within a level the last matching value wins, and readOnly of any of them closes the level", () => {
    expect(
      merge(
        [{ name: "A" }],
        [
          {
            setBy: "STAGE",
            values: [
              { name: "A", value: "all", readOnly: true },
              { name: "A", value: "mine", scope: { task: "compile" } },
              { name: "A", value: "other", scope: { task: "test" } },
            ],
          },
          { setBy: "RUN", values: [{ name: "A", value: "run" }] },
        ],
      ).params,
    ).toEqual([env("A", "mine", "STAGE")]);
  });

  test("a value whose scope is another place fills nothing, closes nothing and is not reported", () => {
    expect(
      merge(
        [{ name: "A", value: "default" }],
        [
          {
            setBy: "RUN",
            values: [
              { name: "A", value: "x", readOnly: true, sensitive: true, scope: { stage: "deploy" } },
              { name: "TYPO", value: "x", scope: { stage: 1 } },
            ],
          },
          { setBy: "RUNTIME_ENV", values: [{ name: "A", value: "y" }] },
        ],
      ),
    ).toEqual({ params: [env("A", "y", "RUNTIME_ENV")], undeclared: [] });
  });

  test("the system's names are set by no declaration and no level", () => {
    for (const name of SYSTEM_PARAMS) {
      expect(
        merge(
          [{ name, value: "declared", usageType: "SYSTEM" }],
          [{ setBy: "RUN", values: [{ name, value: "given" }] }],
        ),
      ).toEqual({ params: [], undeclared: [{ name, setBy: "RUN" }] });
    }
  });

  test("a param is sensitive when its declaration or any value given for it says so", () => {
    const given = (name: string, more: Partial<ParamValue> = {}) => ({ name, value: "v", ...more });
    expect(
      merge(
        [
          { name: "DECLARED", sensitive: true },
          { name: "OVERRIDDEN" },
          { name: "FINAL", value: "f", readOnly: true },
          { name: "PLAIN" },
        ],
        [
          { setBy: "STAGE", values: [given("OVERRIDDEN", { sensitive: true }), given("PLAIN")] },
          {
            setBy: "RUN",
            values: [given("DECLARED"), given("OVERRIDDEN"), given("FINAL", { sensitive: true })],
          },
        ],
      ).params,
    ).toEqual([
      env("DECLARED", "v", "RUN", { sensitive: true }),
      env("OVERRIDDEN", "v", "RUN", { sensitive: true }),
      env("FINAL", "f", "JOB", { sensitive: true }),
      env("PLAIN", "v", "STAGE"),
    ]);
  });

  test("the first of two declarations of a name counts", () => {
    const declared: RunParam[] = [
      { name: "A", value: "1" },
      { name: "B" },
      { name: "A", value: "2" },
      { name: "B" },
      { name: "A" },
    ];
    expect(merge(declared).params).toEqual([env("A", "1", "JOB")]);
    expect(duplicateParams(declared)).toEqual(["A", "B"]);
    expect(duplicateParams([{ name: "A" }, { name: "a" }])).toEqual([]);
  });

  const name = fc.constantFrom("A", "B", "C", "__proto__", "constructor", "JOB_ID");
  const declaration: fc.Arbitrary<RunParam> = fc.record(
    {
      name,
      value: fc.oneof(fc.string({ maxLength: 3 }), fc.integer()),
      readOnly: fc.boolean(),
      sensitive: fc.boolean(),
    },
    { requiredKeys: ["name"] },
  );
  const value: fc.Arbitrary<ParamValue> = fc.record(
    {
      name,
      value: fc.oneof(fc.string({ maxLength: 3 }), fc.integer(), fc.boolean()),
      readOnly: fc.boolean(),
      sensitive: fc.boolean(),
      scope: fc.constantFrom<ParamScope[]>("*", { stage: "build" }, { stage: 9 }, { task: 1 }),
    },
    { requiredKeys: ["name", "value"] },
  );
  const setBy = fc.constantFrom<SetBy[]>("PIPELINE", "STAGE", "TASK", "RUN", "RUNTIME_ENV");
  const input = fc.record({
    declared: fc.array(declaration, { maxLength: 6 }),
    levels: fc.array(fc.record({ setBy, values: fc.array(value, { maxLength: 6 }) }), { maxLength: 4 }),
    place: fc.constant(place),
  });

  test("property: merging is deterministic and leaves its input alone", () => {
    fc.assert(
      fc.property(input, (given) => {
        const before = structuredClone(given);
        expect(mergeParams(given)).toEqual(mergeParams(structuredClone(given)));
        expect(given).toEqual(before);
      }),
    );
  });

  test("property: each param is declared, not the system's, has a trimmed value and comes once; levels above a final one change nothing", () => {
    fc.assert(
      fc.property(input, ({ declared, levels }) => {
        const { params, undeclared } = merge(declared, levels);
        const declaredNames = declared.map((param) => param.name).filter((each) => each !== "JOB_ID");
        const names = params.map((param) => param.name);
        expect(names).toEqual([...new Set(declaredNames)].filter((each) => names.includes(each)));
        for (const param of params) {
          expect(param.value).toBe(param.value.trim());
          expect(param.value).not.toBe("");
        }
        expect(undeclared.filter((each) => declaredNames.includes(each.name))).toEqual([]);

        const closed: ParamLevel = {
          setBy: "TASK",
          values: names.map((each) => ({ name: each, value: "final", readOnly: true })),
        };
        const below = merge(declared, [closed]).params;
        const above = merge(declared, [closed, ...levels]).params.filter((each) => names.includes(each.name));
        expect(above.map((each) => [each.name, each.value, each.setBy])).toEqual(
          below
            .filter((each) => names.includes(each.name))
            .map((each) => [each.name, each.value, each.setBy]),
        );
      }),
    );
  });
});

describe("restoreMasked", () => {
  const stored = (name: string) => ({ TOKEN: "old-token" })[name];

  test("defect 8: restoring masked params keeps a sensitive value that the caller supplied", () => {
    expect(restoreMasked([{ name: "TOKEN", value: "new-token", sensitive: true }], stored)).toEqual([
      { name: "TOKEN", value: "new-token", sensitive: true },
    ]);
  });

  test("deliberate change: only a masked value is restored, and it stays sensitive", () => {
    expect(
      restoreMasked(
        [
          { name: "TOKEN", value: "***", scope: { stage: "build" } },
          { name: "TOKEN", value: " ***\n", readOnly: true },
          { name: "TOKEN", value: "a***" },
          { name: "TOKEN", value: "****" },
          { name: "PLAIN", value: 3 },
        ],
        stored,
      ),
    ).toEqual([
      { name: "TOKEN", value: "old-token", sensitive: true, scope: { stage: "build" } },
      { name: "TOKEN", value: "old-token", sensitive: true, readOnly: true },
      { name: "TOKEN", value: "a***" },
      { name: "TOKEN", value: "****" },
      { name: "PLAIN", value: 3 },
    ]);
  });

  test("a masked value of which nothing is stored is left out, so that it never becomes the value", () => {
    expect(restoreMasked([{ name: "UNKNOWN", value: "***" }], stored)).toEqual([]);
  });
});

describe("what params turn into", () => {
  const params: EffectiveParam[] = [
    env("APP", "shop", "RUN"),
    env("_LOW", "l", "RUN"),
    env("lower", "x", "RUN"),
    env("__proto__", "p", "RUN"),
    env("TOKEN", "s3cret", "RUN", { sensitive: true }),
    env("URL", "https://u:s3cret@host", "RUN"),
    env("IMAGE", "node", "JOB", { usageType: "TEMPLATE" }),
    env("_namespace", "ci", "JOB", { usageType: "RUNNER" }),
    env("_kube_config", "s3cret-too", "JOB", { usageType: "RUNNER", sensitive: true }),
  ];

  test("ENV params whose name starts with an upper case letter or _ are the environment", () => {
    expect(Object.entries(environmentOf(params))).toEqual([
      ["APP", "shop"],
      ["_LOW", "l"],
      ["__proto__", "p"],
      ["TOKEN", "s3cret"],
      ["URL", "https://u:s3cret@host"],
    ]);
  });

  test("RUNNER params configure the runner", () => {
    expect(runnerParamsOf(params)).toEqual({ _namespace: "ci", _kube_config: "s3cret-too" });
  });

  test("sensitive values are masked, also inside the values of other params", () => {
    expect(secretsOf(params)).toEqual(["s3cret", "s3cret-too"]);
    const before = structuredClone(params);
    expect(maskParams(params)).toEqual(
      params.map((param) => ({
        ...param,
        value: param.sensitive ? "***" : param.value.replace("s3cret", "***"),
      })),
    );
    expect(params).toEqual(before);
  });

  test("search labels are the values of searchLabel params, never sensitive or over-long ones", () => {
    const declared: RunParam[] = [
      { name: "APP", searchLabel: true },
      { name: "lower" },
      { name: "TOKEN", searchLabel: true },
      { name: "URL", searchLabel: true },
      { name: "LONG", searchLabel: true },
      { name: "UNSET", searchLabel: true },
    ];
    expect(searchLabelsOf(declared, [...params, env("LONG", "x".repeat(513), "RUN")])).toEqual({
      APP: "shop",
    });
    expect(searchLabelsOf([], params)).toEqual({});
  });
});
