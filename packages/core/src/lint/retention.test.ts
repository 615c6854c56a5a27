import { expect, test } from "vitest";
import { formatProblem } from "../format-problem.ts";
import { lint } from "../lint.ts";
import { parseManifests } from "../manifest.ts";
import { DEFAULT_SCOPE } from "../schema/scalars.ts";

/** Problems of a pipeline with this retention, whose job may be rolled back. */
function problemsOf(retention: string): string[] {
  const text = `kind: Pipeline
metadata: {name: p}
spec:
  retention: ${retention}
  stages: [{name: s, tasks: [{name: deploy, job: "#job-1"}]}]
`;
  const { documents, problems } = parseManifests(text);
  const spec = { runnerType: "FAKE" as const, runnerSpec: {}, allowRollback: true };
  const job = { ...DEFAULT_SCOPE, name: "deploy", version: "v1", stage: "PUBLISHED" as const, spec };
  const found = lint(documents, { scope: DEFAULT_SCOPE, findJob: () => job });
  return [...problems, ...found].map(formatProblem);
}

test.each<[what: string, retention: string, problems: string[]]>([
  ["makes sense", "{maxAge: 30d, maxRuns: 100, failed: {maxAge: 90d}}", []],
  ["may keep all", "{}", []],
  [
    "that keeps nothing is an error",
    "{maxAge: 0s, failed: {maxAge: 0h0m}}",
    [
      "4:23: error: a `maxAge` of `0s` keeps nothing; give a longer one such as `30d`, or remove it to keep all",
      "4:44: error: a `maxAge` of `0h0m` keeps nothing; give a longer one such as `30d`, or remove it to keep all",
    ],
  ],
  [
    "below a minute has no effect",
    "{maxAge: 10s}",
    [
      "4:23: warning: a `maxAge` of `10s` has no effect below a minute: ended runs are kept so long; give a longer one such as `30d`",
    ],
  ],
  [
    "of a duration that cannot be counted is an error",
    "{maxAge: 99999999999999999999d}",
    ['4:23: error: "99999999999999999999d" is not a duration; write it like 500ms, 90s, 15m or 1h30m'],
  ],
  [
    "that leaves a rollback nothing is warned of",
    "{maxRuns: 1, failed: {maxRuns: 1}}",
    [
      "4:24: warning: with one run kept there is no success before the last one, and a rollback of `deploy` has nothing to go back to; keep at least 2",
    ],
  ],
])("retention %s", (_what, retention, problems) => {
  expect(problemsOf(retention)).toEqual(problems);
});

test("retention of a wrong shape is refused with its place", () => {
  expect(problemsOf("{maxRuns: 0}")).toEqual([expect.stringMatching(/^4:24: error: .*1/)]);
  expect(problemsOf("{maxAge: month}")).toEqual([expect.stringMatching(/^4:23: error: .*duration/i)]);
  expect(problemsOf("{keepFailed: true}")).toEqual([expect.stringMatching(/^4:15: error: .*keepFailed/)]);
});
