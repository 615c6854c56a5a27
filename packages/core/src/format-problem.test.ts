import { expect, test } from "vitest";
import { formatProblem } from "./format-problem.ts";

const problem = { path: "/spec/stages", message: "`stages` must be a list" };

test.each([
  [
    "names file, line and column",
    { ...problem, file: "a.yaml", line: 3, column: 5 },
    "a.yaml:3:5: error: `stages` must be a list",
  ],
  [
    "says that it is a warning",
    { ...problem, file: "a.yaml", line: 3, column: 5, severity: "warning" as const },
    "a.yaml:3:5: warning: `stages` must be a list",
  ],
  [
    "names the line alone when there is no file",
    { ...problem, line: 3, column: 5 },
    "3:5: error: `stages` must be a list",
  ],
  ["names the pointer when there is no line", problem, "/spec/stages: error: `stages` must be a list"],
  [
    "names the file when there is no line",
    { ...problem, file: "a.yaml" },
    "a.yaml: error: `stages` must be a list",
  ],
  [
    "says only what is wrong when there is no place",
    { ...problem, path: "" },
    "error: `stages` must be a list",
  ],
  ["stays on one line", { path: "", message: "two\r\n  lines" }, "error: two lines"],
])("a problem %s", (_what, detail, line) => {
  expect(formatProblem(detail)).toBe(line);
});
