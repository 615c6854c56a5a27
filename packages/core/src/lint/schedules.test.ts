import { describe, expect, test } from "vitest";
import type { PipelineSource } from "../extend-pipeline.ts";
import { formatProblem } from "../format-problem.ts";
import { type LintContext, lint, pipelineRefsOf } from "../lint.ts";
import { parseManifests } from "../manifest.ts";
import { DEFAULT_SCOPE } from "../schema/scalars.ts";

/** `4:3: error: ...` of everything that is wrong with a file. */
function linted(text: string, context: Partial<LintContext> = {}): string[] {
  const { documents, problems } = parseManifests(text);
  return [...problems, ...lint(documents, { scope: DEFAULT_SCOPE, ...context })].map(formatProblem);
}

const schedule = (spec: string) =>
  `kind: Schedule\nmetadata: { name: nightly }\nspec:\n  pipeline: backup\n${spec}`;

const backup = (rest = "") => `---
kind: Job
publish: true
metadata: { name: dump }
spec:
  runnerType: SHELL
  runParams: [{ name: TARGET, value: main }]
  runnerSpec: { steps: [{ run: "true" }] }
---
kind: Pipeline
metadata: { name: backup }
spec:
${rest}  stages: [{ name: main, tasks: [{ name: dump, job: dump }] }]
`;

/** What is wrong with the spec of a schedule whose pipeline stands below it. */
const wrong = (spec: string, pipeline = "") => linted(schedule(spec) + backup(pipeline));

test("a schedule that makes sense has no problems", () => {
  expect(wrong("  cron: 30 2 * * MON-FRI\n")).toEqual([]);
  expect(
    wrong(`  cron: ["@daily", "0 15 12 * * SAT"]
  timeZone: Europe/Berlin
  runParams: { TARGET: other }
  labels: { team: a }
  overlap: QUEUE
  jitter: 5m
  startAt: 2026-01-01T00:00:00Z
  endAt: "2027-01-01T00:00:00+01:00"
  catchUp: { policy: ALL, within: 1d, limit: 3 }
`),
  ).toEqual([]);
});

const MINUTE = "it takes 0 to 59, `*`, lists (`0,4`), ranges (`0-4`) and steps (`*/2`)";

test.each([
  ["60 * * * *", `field 1 (minute) of \`60 * * * *\` is \`60\`; ${MINUTE}`],
  [
    "5-1 * * * *",
    `field 1 (minute) of \`5-1 * * * *\` has the range \`5-1\`, which ends before it begins; ${MINUTE}`,
  ],
  [
    "0 5/2 * * *",
    expect.stringMatching(
      /^field 2 \(hour\) .* has a step after `5`; write `5-23\/2` or `\*\/2`; it takes 0 to 23/,
    ),
  ],
  [
    "0 0 0 * *",
    expect.stringMatching(/^field 3 \(day of month\) of .* is `0`; it takes 1 to 31, .*`L` \(the last day\)/),
  ],
  [
    "0 0 1 JANUARY *",
    expect.stringMatching(/^field 4 \(month\) of .* is `JANUARY`; it takes 1 to 12 or JAN to DEC/),
  ],
  [
    "0 0 * * 8",
    expect.stringMatching(/^field 5 \(day of week\) of .* is `8`; it takes 0 to 7 or SUN to SAT/),
  ],
  ["0 0 * * 1#6", expect.stringMatching(/^field 5 \(day of week\) of .* is `1#6`/)],
  ["99 0 0 * * *", expect.stringMatching(/^field 1 \(second\) of .* is `99`; it takes 0 to 59/)],
  [
    "0 5 * *",
    "`0 5 * *` has 4 fields; a cron expression has 5 (minute, hour, day of month, month, day of week), or 6 with the second first",
  ],
  [
    "@dayly",
    expect.stringMatching(/^`@dayly` stands for no expression; there are .*; did you mean `@daily`\?$/),
  ],
  ["0 0 30 2 *", "`0 0 30 2 *` never fires: there is no such day; correct it"],
])("%s is no cron expression", (cron, message) => {
  const [problem, ...others] = wrong(`  cron: "${cron}"\n`);
  expect([problem?.replace(/^5:9: error: /, ""), others]).toEqual([message, []]);
});

describe("of a schedule it is said", () => {
  test.each([
    [
      "which of several expressions is wrong",
      '  cron: ["@daily", "x * * * *"]\n',
      [`5:20: error: field 1 (minute) of \`x * * * *\` is \`X\`; ${MINUTE}`],
    ],
    [
      "that its time zone is unknown",
      "  cron: '@daily'\n  timeZone: Europe/Berln\n",
      ["6:13: error: `Europe/Berln` is no time zone of the IANA list; did you mean `Europe/Berlin`?"],
    ],
    [
      "that it ends before it begins",
      "  cron: '@daily'\n  startAt: 2026-02-01T00:00:00Z\n  endAt: 2026-01-01T00:00:00Z\n",
      ["7:10: error: `endAt` is not after `startAt`, so the schedule never fires; correct one of them"],
    ],
    [
      "that it ends before its first time",
      "  cron: '@yearly'\n  startAt: 2026-02-01T00:00:00Z\n  endAt: 2026-03-01T00:00:00Z\n",
      ["5:9: error: `@yearly` never fires: there is no such time before `endAt`; correct it"],
    ],
    [
      "that a day is on no calendar",
      "  cron: '@daily'\n  startAt: 2026-13-01T00:00:00Z\n",
      ["6:12: error: `2026-13-01T00:00:00Z` is on no calendar; write it like `2026-03-01T12:00:00Z`"],
    ],
    [
      "that it fires too often",
      '  cron: "*/5 * * * * *"\n',
      [
        "5:9: warning: this fires every 5s; what runs more often than each 10s is better a service of its own",
      ],
    ],
    [
      "that its jitter is too long",
      "  cron: '@hourly'\n  jitter: 2h\n",
      ["6:11: error: a jitter of `2h` is longer than the 1h00m between two times; make it shorter"],
    ],
    [
      "that what it says of missed times does nothing",
      "  cron: '@hourly'\n  catchUp: { within: 1h, limit: 3 }\n",
      [
        "6:22: warning: `within` does nothing with `policy: SKIP`; say `LAST` or `ALL`",
        "6:33: warning: `limit` is for `policy: ALL` alone; remove it",
      ],
    ],
    [
      "that of the times that it catches up with one runs alone",
      "  cron: '@hourly'\n  catchUp: { policy: ALL }\n",
      [
        "6:22: warning: times that are caught up with come at once, so by `overlap: SKIP` those after the first are skipped while it runs; say `overlap: QUEUE`, or `policy: LAST`",
      ],
    ],
    [
      "that those times cancel each other",
      "  cron: '@hourly'\n  overlap: CANCEL_RUNNING\n  catchUp: { policy: ALL }\n",
      [
        "7:22: warning: times that are caught up with come at once, so by `overlap: CANCEL_RUNNING` each cancels the one before; say `overlap: QUEUE`, or `policy: LAST`",
      ],
    ],
    [
      "that nobody declares a param",
      "  cron: '@hourly'\n  runParams: { TARGT: a, JOB_ID: b }\n",
      [
        "6:16: warning: no job of the pipeline declares a param `TARGT`, so it is ignored; did you mean `TARGET`?",
        "6:26: error: `JOB_ID` is set by mflow itself; remove it",
      ],
    ],
    [
      "that its runs are refused while one is under way",
      "  cron: '@hourly'\n  overlap: ALLOW\n",
      [
        "6:12: warning: the pipeline has one run at a time, so that a run is refused while one has not ended; set `isParallel: true` in the pipeline, or `overlap: QUEUE`",
      ],
    ],
  ])("%s", (_what, spec, problems) => {
    expect(wrong(spec)).toEqual(problems);
  });

  test("that there is no line in a parallel pipeline, and that a template does not run", () => {
    expect(wrong("  cron: '@hourly'\n  overlap: QUEUE\n", "  isParallel: true\n")).toEqual([
      expect.stringMatching(/^6:12: warning: runs of this pipeline never wait for each other/),
    ]);
    expect(wrong("  cron: '@hourly'\n", "  isTemplate: true\n")).toEqual([
      "4:13: error: this pipeline is a template and cannot run; name one that is not",
    ]);
  });

  test("nothing of runs that wait in line by what the pipeline says", () => {
    expect(wrong("  cron: '@hourly'\n  overlap: ALLOW\n", "  queue: {}\n")).toEqual([]);
    expect(wrong("  cron: '@hourly'\n  overlap: QUEUE\n", "  isParallel: true\n  maxRuns: 2\n")).toEqual([]);
  });

  test("that it is given twice, and that a run does not store it", () => {
    const text = schedule("  cron: '@daily'\n");
    expect(linted(`${text}---\n${text}${backup()}`)).toEqual([
      "8:19: error: Schedule `nightly@default.default` is given twice, first in line 2; remove one or rename it",
    ]);
    expect(linted(text + backup(), { overlay: true })).toEqual([
      "1:7: warning: a run does not store the schedule `nightly`; apply it (`mflow apply`)",
    ]);
  });
});

describe("the pipeline of a schedule", () => {
  const text = schedule("  cron: '@daily'\n  runParams: { ANY: 1 }\n");
  const spec = { stages: [{ name: "main", tasks: [{ name: "dump", job: "dump" }] }] };
  const runnerSpec = { runnerType: "SHELL" as const, runnerSpec: {} };

  test("is not checked without a store, and that is said", () => {
    expect(linted(text)).toEqual([
      "4:13: warning: pipeline `backup` is not among these documents, so whether it exists and which params it takes was not checked",
    ]);
  });

  test("must be stored, or in the file", () => {
    const known = { findPipeline: () => undefined, pipelineNames: ["backups"] };
    expect(linted(text, known)).toEqual([
      "4:13: error: there is no pipeline `backup` in namespace `default.default`; did you mean `backups`?",
    ]);
    expect(linted(text.replace("backup", "'#pipeline-1'"), known)).toEqual([
      "4:13: error: there is no pipeline with the id `pipeline-1`; name the pipeline",
    ]);
    expect(linted(text.replace("backup", "back up"), known)).toEqual([
      expect.stringMatching(/^4:13: error: `back up` is not a reference/),
    ]);
  });

  test("is looked at with its jobs when it is stored elsewhere", () => {
    const elsewhere = { domain: "default", namespace: "ops" };
    const stored = { name: "backup", scope: elsewhere, spec };
    const { documents } = parseManifests(text.replace("backup", "backup@ops"));
    expect(pipelineRefsOf(documents, DEFAULT_SCOPE)).toEqual(["backup@ops.default"]);
    const problems = linted(text.replace("backup", "backup@ops"), {
      findPipeline: (ref) => (ref === "backup@ops.default" ? stored : undefined),
      findJob: (ref) =>
        ref === "dump@ops.default:latest"
          ? { ...elsewhere, name: "dump", version: "v1", stage: "PUBLISHED", spec: runnerSpec }
          : undefined,
    });
    expect(problems).toEqual([
      "6:16: warning: no job of the pipeline declares a param `ANY`, so it is ignored; declare it in a job, or remove it",
    ]);
  });

  const extending = (rest = "") =>
    `---\nkind: Pipeline\nmetadata: { name: nightly-backup }\nspec:\n  extends: backup\n${rest}`;
  const ofExtending = schedule(
    "  cron: '@daily'\n  overlap: ALLOW\n  runParams: { TARGET: a, ANY: 1 }\n",
  ).replace("backup", "nightly-backup");
  const unknownParam =
    "7:27: warning: no job of the pipeline declares a param `ANY`, so it is ignored; declare it in a job, or remove it";

  test("is looked at as the whole when it extends another one, in the file or stored", () => {
    const isWhole = [unknownParam];
    expect(linted(ofExtending + extending() + backup("  isParallel: true\n  isTemplate: true\n"))).toEqual(
      isWhole,
    );
    const scope = DEFAULT_SCOPE;
    const stored = new Map<string, PipelineSource>([
      ["nightly-backup@default.default", { name: "nightly-backup", scope, spec: { extends: "backup" } }],
      ["backup@default.default", { name: "backup", scope, spec: { ...spec, isParallel: true } }],
    ]);
    const findPipeline = (ref: string) => stored.get(ref);
    const dump = { ...runnerSpec, runParams: [{ name: "TARGET" }] };
    const findJob = () => ({
      ...scope,
      name: "dump",
      version: "v1",
      stage: "PUBLISHED" as const,
      spec: dump,
    });
    expect(linted(ofExtending, { findPipeline, findJob })).toEqual(isWhole);
    stored.delete("backup@default.default");
    expect(linted(ofExtending, { findPipeline, findJob })).toEqual([
      "4:13: error: pipeline `nightly-backup` cannot be put together: there is no pipeline `backup@default.default` to extend; apply it first, or correct the name",
    ]);
  });

  test("that cannot be put together is told of once, at its own document", () => {
    expect(linted(ofExtending + extending("  isTemplate: true\n") + backup("  isParallel: true\n"))).toEqual([
      "4:13: error: this pipeline is a template and cannot run; name one that is not",
      unknownParam,
    ]);
    expect(linted(ofExtending + extending())).toEqual([
      expect.stringMatching(
        /^12:12: warning: pipeline `backup@default.default` is not among these documents/,
      ),
    ]);
  });
});
