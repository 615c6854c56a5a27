import { Compile } from "typebox/schema";
import { describe, expect, test } from "vitest";
import { manifestJsonSchema } from "./json-schema.ts";
import { parseManifestObjects } from "./manifest.ts";

const schema = manifestJsonSchema();
const validator = Compile(schema as Record<string, unknown>);

const job = (spec: unknown, runnerType = "SHELL") => ({
  kind: "Job",
  metadata: { name: "a" },
  spec: { runnerType, runnerSpec: spec },
});
const pipeline = (task: object) => ({
  kind: "Pipeline",
  metadata: { name: "a" },
  spec: { stages: [{ name: "s", tasks: [{ name: "t", job: "j", ...task }] }] },
});

describe("the JSON Schema for editors", () => {
  test("is plain JSON that names its draft", () => {
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
    expect(schema).toMatchObject({ $schema: "https://json-schema.org/draft/2020-12/schema" });
  });

  const accepted: [string, unknown][] = [
    ["a job", job({ steps: [{ run: "true", timeout: "3s", env: { A: 1 } }] })],
    ["a job whose runner spec is text", job("steps:\n  - run: true\n")],
    [
      "a job with templates in place of values",
      job({ steps: [{ run: "x", timeout: "${T}s", keepProcesses: "${K}" }] }),
    ],
    ["a job of another runner", job({ outcome: "FAILED", startErrors: "${N}" }, "FAKE")],
    ["a pipeline", pipeline({ runParams: { A: 1 }, audit: { auditors: ["@ops"] } })],
    ["a pipeline with values as a list", pipeline({ runParams: [{ name: "A", value: true, scope: "*" }] })],
  ];
  const cluster = (spec: object) => ({ kind: "Cluster", metadata: { name: "a" }, spec });
  accepted.push(["a cluster", cluster({ server: "https://a", token: "***", workspace: { size: "1Gi" } })]);
  const limit = (name: string) => ({ kind: "Limit", metadata: { name }, spec: { maxTasks: 3 } });
  accepted.push(["a limit", limit("scope/corp/web")]);
  test.each(accepted)("accepts %s, as mflow does", (_what, value) => {
    expect(validator.Check(value)).toBe(true);
    expect(parseManifestObjects([value]).problems).toEqual([]);
  });

  test.each([
    ["a document without a kind", { metadata: { name: "a" } }],
    ["an unknown kind", { ...pipeline({}), kind: "Pipe" }],
    ["an unknown key", pipeline({ need: [] })],
    ["a name that is not allowed", pipeline({ name: "A B" })],
    ["a value name that is not allowed", pipeline({ runParams: { "1": 1 } })],
    ["a runner spec of another runner", job({ outcome: "FAILED" })],
    ["a runner spec with a wrong value", job({ steps: [{ run: "x", keepProcesses: "yes" }] })],
    ["a cluster at a plain address", cluster({ server: "http://a", token: "***" })],
    ["a list where a map belongs", job([])],
    ["a limit of what cannot be limited", limit("web")],
  ])("refuses %s", (_what, value) => {
    expect(validator.Check(value)).toBe(false);
  });
});
