import type { ApplyResult, ErrorBody, LintResult } from "@mflow/core/schema/api";
import type { Pipeline } from "@mflow/core/schema/pipeline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { job, pipeline } from "../testing/manifests.ts";
import { startTestServer, type TestServer } from "../testing/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  await server.ok("POST", "/jobs", job("work", {}, { publish: true }));
});
afterAll(() => server.close());

function actions(result: ApplyResult) {
  return result.documents.map(({ kind, name, version, stage, action }) =>
    [kind, name, version, stage, action].filter((part) => part !== undefined).join(" "),
  );
}

const files = `
kind: Pipeline
metadata: {name: site}
spec:
  stages:
    - name: main
      tasks:
        - {name: build, job: compile}
---
kind: Job
publish: true
metadata: {name: compile}
spec:
  runnerType: FAKE
  runnerSpec: {duration: 1ms}
`;

test("documents are applied together, in any order, and again without a change", async () => {
  const first = await server.ok<ApplyResult>("POST", "/apply", { manifests: files });
  expect(first).toEqual({
    documents: [
      {
        kind: "Pipeline",
        id: expect.stringMatching(/^pipeline-/),
        domain: "default",
        namespace: "default",
        name: "site",
        action: "CREATED",
      },
      {
        kind: "Job",
        id: expect.stringMatching(/^job-/),
        domain: "default",
        namespace: "default",
        name: "compile",
        version: "v1",
        stage: "PUBLISHED",
        action: "CREATED",
      },
    ],
    warnings: [],
  });
  const again = await server.ok<ApplyResult>("POST", "/apply", { manifests: files });
  expect(again.documents).toEqual(first.documents.map((document) => ({ ...document, action: "UNCHANGED" })));
});

test("key order and defaults that are spelled out are no change, anything else is", async () => {
  const documents = [
    job("same", { timeout: "90s", runParams: [{ name: "A", value: 1 }] }, { publish: true }),
    pipeline("same", [{ name: "one", job: "same" }], { with: { A: "2", B: "3" } }),
  ];
  await server.ok("POST", "/apply", { documents });
  const spelledOut = [
    {
      spec: {
        visibility: "NAMESPACE",
        timeout: "1m30s",
        runParams: [{ value: "1", usageType: "ENV", valueType: "TEXT", required: false, name: "A" }],
        allowRollback: false,
        runnerSpec: {},
        runnerType: "FAKE",
      },
      metadata: { version: "v1", name: "same", labels: {}, domain: "default" },
      publish: true,
      kind: "Job",
    },
    {
      kind: "Pipeline",
      metadata: { namespace: "default", name: "same" },
      spec: {
        isParallel: false,
        stages: [
          {
            failFast: false,
            tasks: [{ job: "same:latest", name: "one", skipRun: false, runParams: {} }],
            name: "main",
          },
        ],
        with: [
          { name: "B", value: 3, scope: "*" },
          { name: "A", value: "2", readOnly: false },
        ],
      },
    },
  ];
  expect(actions(await server.ok("POST", "/apply", { documents: spelledOut }))).toEqual([
    "Job same v1 PUBLISHED UNCHANGED",
    "Pipeline same UNCHANGED",
  ]);
  const changed = pipeline("same", [{ name: "one", job: "same" }], { with: { A: "2", B: "4" } });
  expect(actions(await server.ok("POST", "/apply", { documents: [changed] }))).toEqual([
    "Pipeline same UPDATED",
  ]);
});

test("nothing is stored when one document is bad, and each problem has file, line and column", async () => {
  const manifests = `kind: Job
metadata: {name: good}
spec: {runnerType: FAKE, runnerSpec: {}}
---
kind: Job
metadata:
  name: bad
  lable: x
spec:
  runnerType: FAKE
  runnerSpec: {}
  timeout: soon
`;
  const { status, body } = await server.call<ErrorBody>("POST", "/apply", { manifests, file: "all.yaml" });
  expect([status, body.code]).toEqual([400, "INVALID_DOCUMENT"]);
  expect(body.message).toMatch(/^all\.yaml:8:3: .*and 1 more/);
  expect(body.details.map(({ path, file, line, column }) => ({ path, file, line, column }))).toEqual([
    { path: "/metadata/lable", file: "all.yaml", line: 8, column: 3 },
    { path: "/spec/timeout", file: "all.yaml", line: 12, column: 12 },
  ]);
  expect(await server.refusal("GET", "/jobs/good")).toEqual([404, "NOT_FOUND"]);
});

test("a changed spec of a PUBLISHED version is refused with its line, and nothing else is stored", async () => {
  await server.ok("POST", "/apply", { documents: [job("fixed", {}, { publish: true })] });
  const manifests = `kind: Job
metadata: {name: beside}
spec: {runnerType: FAKE, runnerSpec: {}}
---
kind: Job
metadata: {name: fixed}
spec: {runnerType: FAKE, runnerSpec: {duration: 2s}}
`;
  const { status, body } = await server.call<ErrorBody>("POST", "/apply", { manifests, file: "f.yaml" });
  expect([status, body.code]).toEqual([409, "ALREADY_PUBLISHED"]);
  expect(body.message).toContain("raise `version`");
  expect(body.details).toEqual([
    { path: "", message: body.message, file: "f.yaml", line: expect.any(Number), column: expect.any(Number) },
  ]);
  expect(await server.refusal("GET", "/jobs/beside")).toEqual([404, "NOT_FOUND"]);
});

test("what describes a PUBLISHED job stays editable, and `publish` publishes a DRAFT", async () => {
  const draft = job("stages");
  expect(actions(await server.ok("POST", "/apply", { documents: [draft] }))).toEqual([
    "Job stages v1 DRAFT CREATED",
  ]);
  const published = { ...draft, publish: true };
  expect(actions(await server.ok("POST", "/apply", { documents: [published] }))).toEqual([
    "Job stages v1 PUBLISHED UPDATED",
  ]);
  const described = job("stages", {}, { readme: "# Stages", labels: { a: "b" } });
  expect(actions(await server.ok("POST", "/apply", { documents: [described] }))).toEqual([
    "Job stages v1 PUBLISHED UPDATED",
  ]);
  await server.ok("POST", "/jobs/stages/deprecate");
  const result = await server.ok<ApplyResult>("POST", "/apply", {
    documents: [{ ...described, publish: true }],
  });
  expect(actions(result)).toEqual(["Job stages v1 DEPRECATED UNCHANGED"]);
  expect(result.warnings).toEqual([
    {
      path: "/documents/0/publish",
      message: "job `stages:v1` is DEPRECATED and stays so",
      severity: "warning",
    },
  ]);
});

test("a dry run says what would happen and stores nothing", async () => {
  const documents = [job("dry", {}, { publish: true }), pipeline("dry", [{ name: "one", job: "dry" }])];
  const result = await server.ok<ApplyResult>("POST", "/apply", { documents, dryRun: true });
  expect(result.documents.map(({ id, action }) => [id, action])).toEqual([
    ["", "CREATED"],
    ["", "CREATED"],
  ]);
  expect(await server.refusal("GET", "/jobs/dry")).toEqual([404, "NOT_FOUND"]);
});

test("YAML may be the body itself, with what else is to be said in the query", async () => {
  const answer = await server.ok<ApplyResult>("POST", "/apply?namespace=yaml&dryRun=true", files, {
    headers: { "content-type": "application/yaml" },
  });
  expect(answer.documents.map(({ namespace, action }) => [namespace, action])).toEqual([
    ["yaml", "CREATED"],
    ["yaml", "CREATED"],
  ]);
  const { body } = await server.call<LintResult>("POST", "/lint?file=x.yml", "kind: Jbo\n", {
    headers: { "content-type": "text/yaml" },
  });
  expect(body.problems).toEqual([
    {
      path: "/kind",
      message: expect.stringContaining("did you mean `Job`"),
      file: "x.yml",
      line: 1,
      column: 7,
      severity: "error",
    },
  ]);
});

test("lint knows what is stored and stores nothing", async () => {
  const documents = [pipeline("linted", [{ name: "one", job: "wok" }])];
  const { problems } = await server.ok<LintResult>("POST", "/lint", { documents }, { as: "vera" });
  expect(problems).toEqual([
    {
      path: "/documents/0/spec/stages/0/tasks/0/job",
      message: expect.stringContaining("did you mean `work`"),
      severity: "error",
    },
  ]);
  expect(await server.ok("POST", "/lint", { documents: [pipeline("linted")] })).toEqual({ problems: [] });
});

test("lint warns of outputs that nobody reads until a stored job runs the pipeline", async () => {
  const talker = { runnerSpec: { runtimeEnvs: { IMAGE: "api:1" } } };
  const documents = [
    job("talker", talker, { publish: true }),
    pipeline("talks", [{ name: "one", job: "talker" }]),
  ];
  const messages = async () => {
    const { problems } = await server.ok<LintResult>("POST", "/lint", { documents });
    return problems.map(({ message }) => message);
  };
  expect(await messages()).toEqual([
    expect.stringContaining("nothing reads the runtime env `IMAGE` that task `one` puts out"),
  ]);
  const parent = { runnerType: "PIPELINE" as const, runnerSpec: { pipeline: "talks" } };
  await server.ok("POST", "/jobs", job("parent-of-talks", parent));
  expect(await messages()).toEqual([]);
});

test("an apply needs operator in the scope of every document", async () => {
  const documents = [job("mine", {}, { namespace: "team" }), job("not-mine", {}, { namespace: "default" })];
  const tim = { as: "tim" };
  expect(await server.refusal("POST", "/apply", { documents }, tim)).toEqual([403, "FORBIDDEN"]);
  expect(await server.refusal("GET", "/jobs/mine?namespace=team")).toEqual([404, "NOT_FOUND"]);
  await server.ok("POST", "/apply", { documents: [documents[0]] }, tim);
  expect(await server.refusal("POST", "/apply", { documents }, { as: "vera" })).toEqual([403, "FORBIDDEN"]);
});

test("an apply says what to send when it has no manifests or both kinds", async () => {
  expect(await server.refusal("POST", "/apply", {})).toEqual([400, "BAD_REQUEST"]);
  expect(await server.refusal("POST", "/apply", { documents: [] })).toEqual([400, "BAD_REQUEST"]);
  expect(await server.refusal("POST", "/apply", { manifests: files, documents: [] })).toEqual([
    400,
    "BAD_REQUEST",
  ]);
});

test("a document that is there twice is refused", async () => {
  const documents = [job("double"), job("double")];
  expect(await server.refusal("POST", "/apply", { documents })).toEqual([400, "INVALID_DOCUMENT"]);
});

test("concurrent applies of one new job make one job", async () => {
  const results = await Promise.all(
    Array.from({ length: 8 }, () =>
      server.ok<ApplyResult>("POST", "/apply", { documents: [job("raced", {}, { publish: true })] }),
    ),
  );
  expect(new Set(results.map(({ documents }) => documents[0]?.id)).size).toBe(1);
  expect(results.flatMap(actions).sort()).toEqual([
    "Job raced v1 PUBLISHED CREATED",
    ...Array(7).fill("Job raced v1 PUBLISHED UNCHANGED"),
  ]);
});

const secret = { name: "PASSWORD", sensitive: true };

function secretPipeline(value: string, isMap: boolean) {
  const values = isMap ? { PASSWORD: value } : [{ name: "PASSWORD", value }];
  return {
    kind: "Pipeline",
    metadata: { name: "secret" },
    spec: {
      with: values,
      stages: [{ name: "main", with: values, tasks: [{ name: "one", job: "login", runParams: values }] }],
    },
  };
}

test("sensitive values of a pipeline are sealed, masked, restored when they come back masked, and compared", async () => {
  const login = job("login", { runParams: [secret] }, { publish: true });
  await server.ok("POST", "/apply", { documents: [login, secretPipeline("hunter2-x", true)] });
  const stored = async () => {
    const found = await server.store.catalog.findPipeline(
      { domain: "default", namespace: "default" },
      "secret",
    );
    const { spec } = found as Pipeline;
    expect(JSON.stringify(spec)).not.toContain("hunter");
    const lists = [spec.with, spec.stages?.[0]?.with, spec.stages?.[0]?.tasks[0]?.runParams];
    return lists.map((list) => (Array.isArray(list) ? server.keys.unseal(String(list[0]?.value)) : list));
  };
  expect(await stored()).toEqual(["hunter2-x", "hunter2-x", "hunter2-x"]);
  const shown = await server.ok<Pipeline>("GET", "/pipelines/secret");
  const masked = [{ name: "PASSWORD", value: "***", sensitive: true }];
  expect([
    shown.spec.with,
    shown.spec.stages?.[0]?.with,
    shown.spec.stages?.[0]?.tasks[0]?.runParams,
  ]).toEqual([masked, masked, masked]);
  for (const isMap of [true, false]) {
    for (const value of ["***", "hunter2-x"]) {
      const result = await server.ok("POST", "/apply", { documents: [secretPipeline(value, isMap)] });
      expect(actions(result as unknown as ApplyResult)).toEqual(["Pipeline secret UNCHANGED"]);
    }
  }
  const changed = { ...secretPipeline("***", true), metadata: { name: "secret", description: "new" } };
  await server.ok("POST", "/apply", { documents: [changed] });
  expect(await stored()).toEqual(["hunter2-x", "hunter2-x", "hunter2-x"]);
  await server.ok("POST", "/apply", { documents: [secretPipeline("hunter3-y", false)] });
  expect(await stored()).toEqual(["hunter3-y", "hunter3-y", "hunter3-y"]);
});

test("a masked value that stands for nothing is refused with its place", async () => {
  await server.ok("POST", "/apply", {
    documents: [job("login2", { runParams: [secret] }, { publish: true })],
  });
  const tasks = [{ name: "one", job: "login2", runParams: { PASSWORD: "***" } }];
  const { status, body } = await server.call<ErrorBody>("POST", "/apply", {
    documents: [pipeline("unmasked", tasks), job("unmasked", { runParams: [{ ...secret, value: "***" }] })],
  });
  expect([status, body.code]).toEqual([400, "INVALID_DOCUMENT"]);
  expect(body.details.map(({ path }) => path).sort()).toEqual([
    "/documents/0/spec/stages/0/tasks/0/runParams/PASSWORD",
    "/documents/1/spec/runParams/0/value",
  ]);
});

test("a ciphertext is never taken, whichever way it comes", async () => {
  const sealed = server.keys.seal("stolen");
  const documents = [job("forged", { runParams: [{ ...secret, value: sealed }] })];
  expect(await server.refusal("POST", "/apply", { documents })).toEqual([400, "BAD_REQUEST"]);
  const hidden = JSON.stringify({ documents }).replace("sealed:", "se\\u0061led:");
  expect(await server.refusal("POST", "/apply", hidden)).toEqual([400, "BAD_REQUEST"]);
  const yaml = `kind: Job
metadata: {name: forged}
spec: {runnerType: FAKE, runnerSpec: {}, runParams: [{name: A, sensitive: true, value: "\\x73${sealed.slice(1)}"}]}
`;
  const headers = { "content-type": "application/yaml" };
  expect(await server.refusal("POST", "/apply", yaml, { headers })).toEqual([400, "INVALID_DOCUMENT"]);
});
