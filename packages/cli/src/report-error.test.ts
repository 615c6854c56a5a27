import { MflowError } from "@mflow/core/errors";
import { ApiError, ConnectionError } from "@mflow/sdk";
import { expect, test } from "vitest";
import { makeStyle } from "./display/style.ts";
import { errorExitCode, errorLines } from "./report-error.ts";
import { UsageError } from "./usage-error.ts";

const plain = makeStyle({ color: false, unicode: true });

function report(error: unknown): { lines: string[]; exitCode: number } {
  return { lines: errorLines(error, plain), exitCode: errorExitCode(error) };
}

test("what is wrong with files is said with its places, as editors read them", () => {
  const error = new UsageError("pipeline.yaml has 2 errors", "", [
    {
      path: "/spec",
      message: "unknown key `stags`",
      file: "pipeline.yaml",
      line: 3,
      column: 5,
      severity: "error",
    },
    { path: "/documents/0/kind", message: "is missing" },
  ]);
  expect(report(error)).toEqual({
    lines: [
      "mflow: pipeline.yaml has 2 errors",
      "pipeline.yaml:3:5: error: unknown key `stags`",
      "/documents/0/kind: error: is missing",
    ],
    exitCode: 2,
  });
});

const body = { code: "CONFLICT", message: "it runs", remedy: "Wait.", details: [], requestId: "req-1" };

test("a refusal says what to do; a failure of the server names the request", () => {
  expect(report(new ApiError(409, body))).toEqual({ lines: ["mflow: it runs", "Wait."], exitCode: 2 });
  expect(report(new ApiError(500, { ...body, code: "INTERNAL" }))).toEqual({
    lines: ["mflow: it runs", "Wait.", "Request id: req-1"],
    exitCode: 5,
  });
});

test("details that the message repeats are not said twice, unless they have a place", () => {
  const details = [
    { path: "/spec/a", message: "`A` is missing" },
    { path: "/spec/b", message: "`B` is missing", file: "p.yaml", line: 4, column: 2 },
    { path: "/spec/c", message: "`C` is odd" },
  ];
  const error = new ApiError(400, {
    ...body,
    message: "`A` is missing; `B` is missing",
    details,
    remedy: "",
  });
  expect(errorLines(error, plain)).toEqual([
    "mflow: `A` is missing; `B` is missing",
    "p.yaml:4:2: error: `B` is missing",
    "/spec/c: error: `C` is odd",
  ]);
});

test("a wrong token is answered with what the command line can do", () => {
  expect(report(new ApiError(401, { ...body, code: "UNAUTHORIZED", message: "no valid token" }))).toEqual({
    lines: [
      "mflow: no valid token",
      "Give a token with `--token` or `MFLOW_TOKEN`; an admin makes one with `mflow token create`.",
    ],
    exitCode: 2,
  });
});

test("a server that does not answer is named", () => {
  const cause = Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
  expect(report(new ConnectionError("http://x:1", "cannot reach http://x:1", cause))).toEqual({
    lines: [
      "mflow: cannot reach http://x:1: ECONNREFUSED",
      "Check the address, and that an mflow server runs there.",
    ],
    exitCode: 5,
  });
});

test("refusals of core are reported like those of the server", () => {
  expect(report(new MflowError("BAD_REQUEST", "--port is `x`")).lines).toEqual([
    "mflow: --port is `x`",
    "Correct what the message names.",
  ]);
});

test("a data folder that another server has is told apart, for whoever starts servers", () => {
  expect(errorExitCode(new MflowError("DATA_FOLDER_IN_USE", "another mflow server runs"))).toBe(6);
});

test("a defect shows no stack unless it is asked for, and no control characters", () => {
  const error = new TypeError("x is\u001b[2J not a function");
  expect(errorLines(error, plain)).toEqual([
    "mflow: internal error: x is not a function",
    "This is a defect of mflow; `--debug` shows where.",
  ]);
  expect(errorLines(error, plain, true).at(-1)).toContain("report-error.test.ts");
});
