// What lint says of limits.

import { expect, test } from "vitest";
import { formatProblem } from "../format-problem.ts";
import { type LintContext, lint } from "../lint.ts";
import { parseManifests } from "../manifest.ts";
import { DEFAULT_SCOPE } from "../schema/scalars.ts";

function linted(text: string, context: Partial<LintContext> = {}): string[] {
  const { documents, problems } = parseManifests(text);
  return [...problems, ...lint(documents, { scope: DEFAULT_SCOPE, ...context })].map(formatProblem);
}

const limit = (name: string, maxTasks = 4) =>
  `kind: Limit\nmetadata: { name: ${name} }\nspec: { maxTasks: ${maxTasks} }\n`;

test("a limit names what can be limited, and how many", () => {
  expect(linted([limit("scope/corp"), limit("scope/corp/web"), limit("runner/SHELL")].join("---\n"))).toEqual(
    [],
  );
  expect(linted(limit("web"))).toEqual([
    "2:19: error: `name` cannot be `web`: `scope/DOMAIN`, `scope/DOMAIN/NAMESPACE`, or `runner/TYPE` with one of `K8S_JOB`, `SHELL`, `FAKE` and `MANUAL`",
  ]);
  expect(linted(limit("runner/PIPELINE"))).toHaveLength(1);
  expect(linted(limit("scope/corp", 0))).toEqual([expect.stringMatching(/^3:19: error: .*at least 1/)]);
});

test("a limit is given once in a file, and not for a run", () => {
  expect(linted(`${limit("scope/corp")}---\n${limit("scope/corp", 5)}`)).toEqual([
    "6:19: error: Limit `scope/corp` is given twice, first in line 2; remove one or rename it",
  ]);
  expect(linted(limit("scope/corp"), { overlay: true })).toEqual([
    "1:7: error: a run cannot bring a limit along, and `scope/corp` is one; apply it first (`mflow apply`) and leave it out",
  ]);
});
