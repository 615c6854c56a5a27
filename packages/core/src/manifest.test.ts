import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatProblem } from "./format-problem.ts";
import { parseManifestObjects, parseManifests } from "./manifest.ts";

const job = `kind: Job
metadata: {name: build}
spec:
  runnerType: SHELL
  runnerSpec:
    steps:
      - run: "true"
`;
const pipeline = `kind: Pipeline
metadata: {name: release}
spec:
  stages:
    - name: build
      tasks:
        - {name: compile, job: build}
`;
const nameRule = "Lower-case letters, digits, `_` and `-`, at most 63; starts with a letter or digit";

/** All problems as lines for people, and that nothing unreadable came out as a document. */
function problemsIn(text: string | Uint8Array): string[] {
  return parseManifests(text, { file: "a.yaml" }).problems.map(formatProblem);
}

describe("bad text gets all its problems with file, line, column and remedy", () => {
  const cases: [why: string, text: string, problems: string[]][] = [
    [
      "nothing",
      "",
      [
        "a.yaml:1:1: error: the text holds no document; write one with `kind: Job`, `kind: Pipeline`, `kind: Schedule`, `kind: Cluster` or `kind: Limit`",
      ],
    ],
    [
      "only comments and markers",
      "# later\n---\n---\n",
      [
        "a.yaml:1:1: error: the text holds no document; write one with `kind: Job`, `kind: Pipeline`, `kind: Schedule`, `kind: Cluster` or `kind: Limit`",
      ],
    ],
    [
      "a single value",
      "hello",
      [
        "a.yaml:1:1: error: a document must be a map with `kind`, `metadata` and `spec`, but is a single value",
      ],
    ],
    [
      "a list",
      "- kind: Job\n",
      ["a.yaml:1:1: error: a document must be a map with `kind`, `metadata` and `spec`, but is a list"],
    ],
    [
      "no kind",
      "metadata: {}\n",
      [
        "a.yaml:1:1: error: `kind` is missing; add `kind: Job`, `kind: Pipeline`, `kind: Schedule`, `kind: Cluster` or `kind: Limit`",
      ],
    ],
    [
      "mistyped kind",
      "# a job\nkind: job\n",
      [
        "a.yaml:2:7: error: `kind` must be `Job`, `Pipeline`, `Schedule`, `Cluster` or `Limit`, but is `job`; did you mean `Job`?",
      ],
    ],
    [
      "kind of a wrong type",
      "kind: [Job]\n",
      [
        "a.yaml:1:1: error: `kind` must be `Job`, `Pipeline`, `Schedule`, `Cluster` or `Limit`, but is no text",
      ],
    ],
    [
      "kind that is a name of every object",
      "kind: constructor\n",
      [
        "a.yaml:1:7: error: `kind` must be `Job`, `Pipeline`, `Schedule`, `Cluster` or `Limit`, but is `constructor`",
      ],
    ],
    [
      "unknown keys, at the keys",
      pipeline.replace("name: compile, ", "nam: compile, runParms: {A: 1}, "),
      [
        `a.yaml:7:11: error: \`name\` is missing; add it (${nameRule})`,
        "a.yaml:7:12: error: `nam` is not known here; did you mean `name`?",
        "a.yaml:7:26: error: `runParms` is not known here; did you mean `runParams`?",
      ],
    ],
    [
      "a key of a later version",
      `${pipeline}  requiredApproval: true\n`,
      [
        "a.yaml:8:3: error: `requiredApproval` is planned, but this version does not act on it, so it is refused rather than ignored; remove it",
      ],
    ],
    [
      "a single value of a wrong type, at the value",
      pipeline.replace("job: build}", "job: build, skipRun: yes}"),
      ["a.yaml:7:48: error: `skipRun` must be `true` or `false`, but is text; write `true` or `false`"],
    ],
    [
      "a list or map of a wrong type, at its key",
      "kind: Pipeline\nmetadata: {name: a}\nspec:\n  stages:\n    build: 1\n",
      ["a.yaml:4:3: error: `stages` must be a list, but is a map"],
    ],
    [
      "a key without a value, at the key",
      "kind: Pipeline\nmetadata: {name: a}\nspec:\n  stages:\n",
      ["a.yaml:4:3: error: `stages` is empty; it must be a list"],
    ],
    [
      "missing keys, at what lacks them",
      "kind: Job\nmetadata:\n  labels: {}\nspec:\n  runnerType: SHELL\n",
      [
        `a.yaml:2:1: error: \`name\` is missing; add it (${nameRule})`,
        "a.yaml:4:1: error: `runnerSpec` is missing; add it (What the runner executes; an object, or YAML text that is parsed on the way in)",
      ],
    ],
    [
      "problems of several documents at once",
      `kind: Jo\n---\n${pipeline.replace("name: release", "name: Re Lease")}---\n${job.replace("SHELL", "shell")}`,
      [
        "a.yaml:1:7: error: `kind` must be `Job`, `Pipeline`, `Schedule`, `Cluster` or `Limit`, but is `Jo`; did you mean `Job`?",
        `a.yaml:4:18: error: \`name\` cannot be \`Re Lease\`: ${nameRule}`,
        "a.yaml:14:15: error: `runnerType` must be `K8S_JOB`, `SHELL`, `PIPELINE`, `MANUAL` or `FAKE`, but is `shell`; did you mean `SHELL`?",
      ],
    ],
    [
      "a document that does not parse beside one that is wrong",
      "kind: Job\nmetadata: {name: [a}\n---\nkind: Pip\n",
      [
        "a.yaml:2:20: error: this is not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]; indent what belongs together equally, and close brackets",
        "a.yaml:4:7: error: `kind` must be `Job`, `Pipeline`, `Schedule`, `Cluster` or `Limit`, but is `Pip`",
      ],
    ],
    [
      "tabs as indentation",
      "kind: Job\nmetadata:\n\tname: a\n",
      ["a.yaml:3:1: error: this is not valid YAML: Tabs are not allowed as indentation; indent with spaces"],
    ],
    [
      "a quote that is not closed, where it opens",
      'kind: Job\nmetadata: {name: a}\nspec: "Job\nmore: lines\n',
      ['a.yaml:3:7: error: this is not valid YAML: Missing closing "quote; close what was opened'],
    ],
    [
      "text with a colon",
      "kind: Job\nmetadata: {name: a}\ndescription: note: this\n",
      [
        "a.yaml:3:14: error: this is not valid YAML: Nested mappings are not allowed in compact mappings; put text that contains `: ` in quotes, or indent the lines below it",
      ],
    ],
    [
      "duplicate keys",
      "kind: Job\nmetadata: {name: a, name: b}\nkind: Job\n",
      [
        "a.yaml:2:21: error: `name` is given twice, first in line 2; remove one of them",
        "a.yaml:3:1: error: `kind` is given twice, first in line 1; remove one of them",
      ],
    ],
    [
      "tags that would make objects",
      "kind: !!js/function x\nmetadata: !custom {}\n",
      [
        "a.yaml:1:7: error: the tag `!!js/function` is not allowed here; remove it",
        "a.yaml:2:11: error: the tag `!custom` is not allowed here; remove it",
      ],
    ],
    [
      "merge keys",
      "kind: Job\nspec:\n  <<: {a: 1}\n",
      [
        "a.yaml:3:3: error: merge keys `<<` are not part of YAML 1.2; write the keys out, or repeat a whole value with `*`",
      ],
    ],
    [
      "keys that are not text",
      "? [a, b]\n: c\n",
      [
        "a.yaml:1:3: error: this is not valid YAML: With stringKeys, all keys must be strings; use plain text as the key",
      ],
    ],
    [
      "an alias of nothing",
      "kind: *nope\n",
      ["a.yaml:1:7: error: `*nope` repeats what `&nope` marks, which must end before it; mark it first"],
    ],
    [
      "an alias inside of what it repeats",
      "kind: &a [*a]\n",
      ["a.yaml:1:11: error: `*a` repeats what `&a` marks, which must end before it; mark it first"],
    ],
    [
      "numbers that are none",
      "kind: .nan\nspec: -.inf\n",
      [
        "a.yaml:1:7: error: `.nan` is not a finite number; put it in quotes if it is text",
        "a.yaml:2:7: error: `-.inf` is not a finite number; put it in quotes if it is text",
      ],
    ],
    [
      "characters that cannot be kept",
      'kind: "a\\0b"\nspec: "\\ud800"\n',
      [
        "a.yaml:1:7: error: the text holds characters that cannot be kept (NUL or half a surrogate pair)",
        "a.yaml:2:7: error: the text holds characters that cannot be kept (NUL or half a surrogate pair)",
      ],
    ],
    [
      "JSON with a wrong value",
      '{\n\t"kind": "Job",\n\t"metadata": {"name": "a"},\n\t"spec": {"runnerType": 1, "runnerSpec": {}}\n}',
      [
        "a.yaml:4:25: error: `runnerType` must be `K8S_JOB`, `SHELL`, `PIPELINE`, `MANUAL` or `FAKE`, but is a number",
      ],
    ],
    [
      "a byte order mark and lines that end as on Windows",
      "\ufeffkind: Job\r\nmetadata: {name: a}\r\nspec: {runnerType: SHELL, runnerSpec: {}, tmeout: 1s}\r\n",
      ["a.yaml:3:43: error: `tmeout` is not known here; did you mean `timeout`?"],
    ],
    [
      "a wrong value that an alias repeats, at the alias",
      "kind: Pipeline\nmetadata: {name: &n 1 2}\nspec:\n  stages: [{name: *n, tasks: [{name: a, job: b}]}]\n",
      [
        `a.yaml:2:21: error: \`name\` cannot be \`1 2\`: ${nameRule}`,
        `a.yaml:4:19: error: \`name\` cannot be \`1 2\`: ${nameRule}`,
      ],
    ],
    [
      "a wrong value inside of what an alias repeats, where it is written",
      "kind: Pipeline\nmetadata: {name: a, labels: &l {team: 1}, extension: *l}\nspec: {stages: [{name: a, tasks: [{name: a, job: b}]}]}\n",
      [
        "a.yaml:2:39: error: `team` must be text, but is a number; put it in quotes",
        "a.yaml:2:39: error: `team` must be text, but is a number; put it in quotes",
      ],
    ],
    [
      "a runner spec as text that does not parse, at the line inside",
      "kind: Job\nmetadata: {name: a}\nspec:\n  runnerType: SHELL\n  runnerSpec: |\n    # what it does\n\n    steps:\n      - run: true: false\n",
      [
        "a.yaml:9:14: error: this is not valid YAML: Nested mappings are not allowed in compact mappings; put text that contains `: ` in quotes, or indent the lines below it",
      ],
    ],
    [
      "a runner spec as text in quotes that does not parse, at the text",
      'kind: Job\nmetadata: {name: a}\nspec:\n  runnerType: SHELL\n  runnerSpec: "steps: ["\n  colour: red\n',
      [
        "a.yaml:5:15: error: this is not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]; indent what belongs together equally, and close brackets",
        expect.stringMatching(
          /^a\.yaml:6:3: error: `colour` is not known here; remove it \(known are `runnerType`, /,
        ),
      ],
    ],
    [
      "a runner spec as text that is no map",
      "kind: Job\nmetadata: {name: a}\nspec:\n  runnerType: SHELL\n  runnerSpec: echo\n",
      ["a.yaml:5:15: error: `runnerSpec` must be a map, but is text"],
    ],
    [
      "a runner spec as empty text",
      "kind: Job\nmetadata: {name: a}\nspec: {runnerType: SHELL, runnerSpec: ''}\n",
      ["a.yaml:3:39: error: `runnerSpec` is empty; say what the runner executes"],
    ],
    [
      "a runner spec of several documents",
      "kind: Job\nmetadata: {name: a}\nspec:\n  runnerType: SHELL\n  runnerSpec: |\n    a: 1\n    ---\n    b: 1\n",
      ["a.yaml:5:15: error: `runnerSpec` holds more than one YAML document; keep one"],
    ],
  ];
  test.each(cases)("%s", (_why, text, problems) => {
    expect(problemsIn(text)).toEqual(problems);
  });

  test("the pointer into the document is there too", () => {
    expect(parseManifests(pipeline.replace("name: compile, ", ""), { file: "a.yaml" }).problems).toEqual([
      {
        path: "/spec/stages/0/tasks/0/name",
        message: `\`name\` is missing; add it (${nameRule})`,
        file: "a.yaml",
        line: 7,
        column: 11,
        severity: "error",
      },
    ]);
  });

  test("very many problems end with how many more there are", () => {
    const bad =
      `${pipeline}${Array.from({ length: 400 }, (_, index) => `x${index}: 1\n`).join("")}---\n`.repeat(3);
    const many = parseManifests(bad).problems;
    expect(many).toHaveLength(1001);
    expect(many.at(-1)).toEqual({
      path: "",
      message: "and 200 more problems; correct these first",
      severity: "error",
    });
  });
});

describe("good text", () => {
  test("gives its documents in order, with index and file", () => {
    const { documents, problems } = parseManifests(`---\n${job}---\n---\n${pipeline}...\n`, {
      file: "a.yaml",
    });
    expect(problems).toEqual([]);
    expect(documents.map(({ manifest, index, file, path }) => ({ manifest, index, file, path }))).toEqual([
      {
        manifest: {
          kind: "Job",
          metadata: { name: "build" },
          spec: { runnerType: "SHELL", runnerSpec: { steps: [{ run: "true" }] } },
        },
        index: 0,
        file: "a.yaml",
        path: "",
      },
      {
        manifest: {
          kind: "Pipeline",
          metadata: { name: "release" },
          spec: { stages: [{ name: "build", tasks: [{ name: "compile", job: "build" }] }] },
        },
        index: 1,
        file: "a.yaml",
        path: "",
      },
    ]);
  });

  test("is the same as bytes and as JSON", () => {
    const [document] = parseManifests(job).documents;
    const again = [new TextEncoder().encode(job), JSON.stringify(document?.manifest, null, "\t")];
    for (const text of again) {
      expect(parseManifests(text).documents.map(({ manifest }) => manifest)).toEqual([document?.manifest]);
    }
  });

  test("may hold its runner spec as YAML text, whose places are known", () => {
    const text = `kind: Job
metadata: {name: a}
spec:
  runnerType: SHELL
  runnerSpec: |
    steps:
      - name: one
        run: echo
`;
    const { documents, problems } = parseManifests(text);
    expect(problems).toEqual([]);
    const [document] = documents;
    expect(document?.manifest.spec).toEqual({
      runnerType: "SHELL",
      runnerSpec: { steps: [{ name: "one", run: "echo" }] },
    });
    expect(document?.locate("/spec/runnerSpec/steps/0/run")).toEqual({ line: 8, column: 14 });
    expect(document?.locate("/spec/runnerSpec/steps/0/run", true)).toEqual({ line: 8, column: 9 });
    expect(document?.locate("/spec/runnerSpec/steps")).toEqual({ line: 6, column: 5 });
  });

  test("may use anchors and aliases in ordinary amounts", () => {
    const text = `kind: Pipeline
metadata: {name: a}
spec:
  stages:
    - name: one
      tasks:
        - &task {name: a, job: b, runParams: &params {A: "1"}}
        - {name: c, job: d, runParams: *params}
`;
    expect(parseManifests(text).documents[0]?.manifest.spec).toEqual({
      stages: [
        {
          name: "one",
          tasks: [
            { name: "a", job: "b", runParams: { A: "1" } },
            { name: "c", job: "d", runParams: { A: "1" } },
          ],
        },
      ],
    });
  });

  test("is YAML 1.2: `yes`, `on` and times are text", () => {
    const text = `%YAML 1.1
---
kind: Pipeline
metadata: {name: a, labels: {a: yes, b: on, c: 12:30:45, d: 2026-01-01}}
spec: {stages: [{name: a, tasks: [{name: a, job: b}]}]}
`;
    expect(parseManifests(text).documents[0]?.manifest.metadata).toEqual({
      name: "a",
      labels: { a: "yes", b: "on", c: "12:30:45", d: "2026-01-01" },
    });
  });

  test("warns where a number reads otherwise than it is written", () => {
    const text = `kind: Pipeline
metadata: {name: a}
spec:
  with: {A: 1.10, B: 1.1, C: 0x1F, D: 12345678901234567890, E: "1.10", F: -5}
  stages: [{name: a, tasks: [{name: a, job: b}]}]
`;
    expect(parseManifests(text, { file: "a.yaml" }).documents[0]?.warnings.map(formatProblem)).toEqual([
      "a.yaml:4:13: warning: `1.10` is read as the number 1.1; put it in quotes if it is text",
      "a.yaml:4:30: warning: `0x1F` is read as the number 31; put it in quotes if it is text",
      "a.yaml:4:39: warning: `12345678901234567890` is read as the number 12345678901234567000; put it in quotes if it is text",
    ]);
  });

  test("cannot change what objects are with the key `__proto__`", () => {
    const text = `${job}    __proto__: {polluted: true}\n`;
    expect(problemsIn(text)).toEqual(["a.yaml:8:5: error: `__proto__` is not allowed as a key; rename it"]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    const label = pipeline.replace(
      "{name: release}",
      "{name: release, labels: {constructor: a, toString: b}}",
    );
    expect(parseManifests(label).documents[0]?.manifest.metadata).toHaveProperty("labels", {
      constructor: "a",
      toString: "b",
    });
  });
});

describe("hostile text is refused quickly", () => {
  const aliases = (line: (level: number) => string) =>
    `a0: &a0 [x]\n${Array.from({ length: 100 }, (_, index) => line(index + 1)).join("")}`;
  const invalidUtf8 = new Uint8Array([...new TextEncoder().encode("kind: Job\nname: "), 0xc3, 0x28]);
  const cases: [why: string, text: string | Uint8Array, problem: string][] = [
    [
      "10 MB of text",
      "a".repeat(10 * 1024 * 1024),
      "1:1: error: the text is too large (10.0 MiB); at most 1 MiB is read, so split it into several files",
    ],
    [
      "10 MB of bytes",
      new Uint8Array(10 * 1024 * 1024),
      "1:1: error: the text is too large (10.0 MiB); at most 1 MiB is read, so split it into several files",
    ],
    [
      "more than 1 MiB in fewer characters",
      "ü".repeat(600 * 1024),
      "1:1: error: the text is too large (1.2 MiB); at most 1 MiB is read, so split it into several files",
    ],
    ["invalid UTF-8", invalidUtf8, "2:1: error: the text is not valid UTF-8; save the file as UTF-8"],
    [
      "half a surrogate pair",
      "kind: \ud800",
      "1:1: error: the text is not valid Unicode; save the file as UTF-8",
    ],
    [
      "10,000 nested brackets",
      "[".repeat(10_000),
      "1:66: error: the text is nested more than 64 levels deep; make it flatter",
    ],
    [
      "10,000 nested braces",
      "{a: ".repeat(10_000),
      "1:258: error: the text is nested more than 64 levels deep; make it flatter",
    ],
    [
      "10,000 nested dashes",
      "- ".repeat(10_000),
      "1:130: error: the text is nested more than 64 levels deep; make it flatter",
    ],
    [
      "aliases that multiply",
      aliases(
        (level) =>
          `a${level}: &a${level} [${Array(10)
            .fill(`*a${level - 1}`)
            .join(", ")}]\n`,
      ),
      "7:10: error: the aliases make the document larger than 1 MiB; repeat less",
    ],
    [
      "aliases that repeat one long text",
      `a: &a ${"x".repeat(300_000)}\nb: [*a, *a, *a, *a]\n`,
      "2:17: error: the aliases make the document larger than 1 MiB; repeat less",
    ],
    [
      "aliases that nest",
      aliases((level) => `a${level}: &a${level} [*a${level - 1}]\n`),
      "64:12: error: this alias nests the document more than 64 levels deep",
    ],
    [
      "more than 1000 documents",
      "---\na: 1\n".repeat(1100),
      "2003:4: error: the text has more than 1000 documents; split it into several files",
    ],
    [
      "more than 1000 empty documents",
      "---\n".repeat(200_000),
      "1002:4: error: the text has more than 1000 documents; split it into several files",
    ],
  ];
  test.each(cases)("%s", (_why, text, problem) => {
    parseManifests(job);
    const start = performance.now();
    const { documents, problems } = parseManifests(text);
    // Well under 100 ms on an idle machine; without the limits some would take minutes.
    expect(performance.now() - start).toBeLessThan(3000);
    expect({ documents, problems: problems.map(formatProblem) }).toEqual({
      documents: [],
      problems: [problem],
    });
  });

  test("dense text of 1 MiB stops at 250,000 parts", () => {
    const dense = "- [a, b]\n".repeat(116_000);
    expect(problemsIn(dense)).toEqual([
      "a.yaml:22728:4: error: the text has too many parts; split it into several files",
    ]);
  });

  test("64 levels are not too deep", () => {
    const depth = 64 - 3;
    const text = `kind: Job\nmetadata: {name: a}\nspec: {runnerType: FAKE, runnerSpec: {a: ${"[".repeat(depth)}${"]".repeat(depth)}}}`;
    expect(problemsIn(text)).toEqual([]);
  });
});

describe("whatever the text, parsing answers", () => {
  const check = (text: string) => {
    const { documents, problems } = parseManifests(text, { file: "a.yaml" });
    expect(documents.length + problems.length).toBeGreaterThan(0);
    for (const { line, column, message, file } of problems) {
      if (message.startsWith("and ")) continue;
      expect([file, message.includes("\n")]).toEqual(["a.yaml", false]);
      expect(Math.min(line ?? 0, column ?? 0)).toBeGreaterThanOrEqual(1);
    }
  };

  test("to any string", () => {
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), check), { numRuns: 500 });
  });

  test("to pieces of manifests in any order", () => {
    const piece = fc.constantFrom(
      ...[
        "kind: Job",
        "kind: Pipeline",
        "metadata:",
        "spec:",
        "  stages:",
        "    - name: a",
        "      tasks:",
        "name: a",
      ],
      ...[
        "\n",
        "\n",
        "  ",
        "\t",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ": ",
        "&a ",
        "*a",
        "!!js ",
        "|\n",
        ">-\n",
        '"',
        "'",
        "---\n",
      ],
      ...[
        "...\n",
        "# x\n",
        "<<: ",
        "__proto__: ",
        "runnerSpec: ",
        "runnerType: SHELL",
        "%YAML 1.1\n",
        "? ",
        ",",
        "\r\n",
      ],
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join("")),
        check,
      ),
      {
        numRuns: 1000,
      },
    );
  });
});

describe("parsed objects", () => {
  test("are checked like text, with pointers in place of lines", () => {
    const good = parseManifests(job).documents[0]?.manifest;
    const bad = { kind: "Pipeline", metadata: { name: "a" }, spec: { stages: 3 } };
    const { documents, problems } = parseManifestObjects([good, bad, null], "/documents");
    expect(problems).toEqual([
      {
        path: "/documents/1/spec/stages",
        message: "`stages` must be a list, but is a number",
        severity: "error",
      },
      {
        path: "/documents/2",
        message: "a document must be a map with `kind`, `metadata` and `spec`, but is empty",
        severity: "error",
      },
    ]);
    const whole = documents.filter((document) => !document.broken);
    expect(whole.map(({ manifest, index, path }) => ({ manifest, index, path }))).toEqual([
      { manifest: good, index: 0, path: "/documents/0" },
    ]);
    expect(documents[0]?.locate("/spec")).toBeUndefined();
  });

  test("may hold a runner spec as YAML text", () => {
    const value = {
      kind: "Job",
      metadata: { name: "a" },
      spec: { runnerType: "SHELL", runnerSpec: "steps:\n  - run: echo\n" },
    };
    expect(parseManifestObjects([value]).documents[0]?.manifest.spec).toEqual({
      runnerType: "SHELL",
      runnerSpec: { steps: [{ run: "echo" }] },
    });
    expect(parseManifestObjects([{ ...value, spec: { ...value.spec, runnerSpec: "[" } }]).problems).toEqual([
      {
        path: "/0/spec/runnerSpec",
        message: "this is not valid YAML: Flow sequence must end with a ]; close what was opened",
        severity: "error",
      },
    ]);
  });

  test("are refused when they hold what cannot be kept", () => {
    let deep: unknown = 1;
    for (let level = 0; level < 5000; level++) deep = [deep];
    const polluted: unknown = JSON.parse('{"kind": "Job", "__proto__": {"a": 1}}');
    const { problems } = parseManifestObjects([deep, polluted, { kind: "a\0" }, { "\ud800": 1 }]);
    const unkept = "the text holds characters that cannot be kept (NUL or half a surrogate pair)";
    expect(problems).toEqual([
      {
        path: `/0${"/0".repeat(64)}`,
        message: "this is nested more than 64 levels deep; make it flatter",
        severity: "error",
      },
      { path: "/1/__proto__", message: "`__proto__` is not allowed as a key; rename it", severity: "error" },
      { path: "/2/kind", message: unkept, severity: "error" },
      { path: "/3/\ud800", message: unkept, severity: "error" },
    ]);
  });

  test("are at most 1000", () => {
    expect(parseManifestObjects(Array(1001).fill({}), "/documents").problems).toEqual([
      {
        path: "/documents",
        message: "more than 1000 documents; split them into several requests",
        severity: "error",
      },
    ]);
  });
});
