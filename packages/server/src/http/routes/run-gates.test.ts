// Gates that nobody could pass, or that name people who are not there, are refused where a run is asked for.

import type { LintResult } from "@mflow/core/schema/api";
import { DEFAULT_SCOPE } from "@mflow/core/schema/scalars";
import { afterAll, beforeAll, expect, test } from "vitest";
import { job } from "../testing/manifests.ts";
import { startTestServer, type TestServer } from "../testing/test-server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
  await server.ok("POST", "/jobs", job("work", {}, { publish: true }));
  await server.ok("POST", "/pipelines", {
    kind: "Pipeline",
    metadata: { name: "audited" },
    spec: {
      isParallel: true,
      stages: [{ name: "s", tasks: [{ name: "t", job: "work", audit: { auditors: ["otto"] } }] }],
    },
  });
});
afterAll(() => server.close());

interface Refusal {
  code: string;
  details?: { path: string; message: string }[];
}

async function problems(path: string, body: unknown): Promise<[number, string, string[]]> {
  const { status, body: refusal } = await server.call<Refusal>("POST", path, body);
  const { code, details = [] } = refusal;
  return [status, code, details.map((detail) => `${detail.path}: ${detail.message}`)];
}

test("people who are not there are named with their place, in a lone task and among added auditors", async () => {
  expect(
    await problems("/job-tasks", {
      job: "work",
      audit: { auditors: ["otot", "@everyone"], expiresIn: "1h", onExpire: "ESCALATE" },
      confirm: { checkers: ["vera"], escalateTo: ["@none"], required: 1 },
    }),
  ).toEqual([
    400,
    "INVALID_DOCUMENT",
    [
      "/audit/auditors/0: there is no user `otot`; did you mean `otto`?",
      "/audit/onExpire: `onExpire: ESCALATE` of the audit asks nobody; list people in `escalateTo`, or remove it",
      "/confirm/escalateTo/0: there is no group `@none`; add it first, or correct the name",
    ],
  ]);
  expect(
    await problems("/pipeline-tasks", {
      pipelineId: "audited",
      auditors: [{ name: "vera" }, { name: "nobody" }],
    }),
  ).toEqual([
    400,
    "INVALID_DOCUMENT",
    ["/auditors/1/name: there is no user `nobody`; add it first, or correct the name"],
  ]);
});

test("who alone could decide cannot start the run", async () => {
  const [status, code] = await problems("/job-tasks", { job: "work", audit: { auditors: ["ada"] } });
  expect([status, code]).toEqual([400, "GATE_CANNOT_PASS"]);
});

test("people who are gone since, or have no role there, cannot pass a gate", async () => {
  await server.accounts.addUser("tmp", { grants: [{ role: "viewer", domain: "*", namespace: "*" }] });
  await server.ok("POST", "/pipelines", {
    kind: "Pipeline",
    metadata: { name: "left" },
    spec: {
      isParallel: true,
      stages: [{ name: "s", tasks: [{ name: "t", job: "work", audit: { auditors: ["tmp"] } }] }],
    },
  });
  await server.accounts.removeUser("tmp");
  const why = "the audit of task `t` needs 1 person, and of tmp nobody may decide; tmp: no such user";
  expect(await problems("/pipeline-tasks", { pipelineId: "left" })).toEqual([
    400,
    "GATE_CANNOT_PASS",
    [`: ${why}`],
  ]);
  expect(await problems("/job-tasks", { job: "work", audit: { auditors: ["tim"] } })).toEqual([
    400,
    "INVALID_DOCUMENT",
    [
      "/audit/auditors/0: `tim` cannot decide here: has no role in default/default; give them a role there, or list somebody else",
    ],
  ]);
});

test("lint warns when everybody together is not enough, and the run is refused", async () => {
  const document = {
    kind: "Pipeline",
    metadata: { name: "many-needed" },
    spec: {
      isParallel: true,
      stages: [
        { name: "s", tasks: [{ name: "t", job: "work", audit: { auditors: ["@everyone"], required: 9 } }] },
      ],
    },
  };
  const { problems: found } = await server.ok<LintResult>("POST", "/lint", { documents: [document] });
  expect(found.map(({ severity, message }) => `${severity}: ${message}`)).toEqual([
    expect.stringMatching(
      /^warning: the audit needs 9 people, but those listed, @everyone among them, are [1-8] people now; add users with a role there, or lower `required`$/,
    ),
  ]);
  await server.ok("POST", "/pipelines", document);
  const [status, code] = await problems("/pipeline-tasks", { pipelineId: "many-needed" });
  expect([status, code]).toEqual([400, "GATE_CANNOT_PASS"]);
});

test("lint warns when everybody but who starts the run is not enough, and the run is refused", async () => {
  const required = server.accounts.groupMembers("everyone", DEFAULT_SCOPE).length;
  const gated = (name: string, audit: Record<string, unknown>) => ({
    kind: "Pipeline",
    metadata: { name },
    spec: {
      isParallel: true,
      stages: [
        { name: "s", tasks: [{ name: "t", job: "work", audit: { auditors: ["@everyone"], ...audit } }] },
      ],
    },
  });
  const documents = [
    gated("all-needed", { required }),
    gated("all-but-one-needed", { required: required - 1 }),
    gated("self-allowed", { required, allowSelf: true }),
  ];
  const { problems: found } = await server.ok<LintResult>("POST", "/lint", { documents });
  expect(found.map(({ severity, message }) => `${severity}: ${message}`)).toEqual([
    `warning: the audit needs ${required} people, but those listed, @everyone among them, are ${required} people now, and whoever starts the run does not count; add users with a role there, lower \`required\`, or set \`allowSelf: true\``,
  ]);
  for (const document of documents) await server.ok("POST", "/pipelines", document);
  const [status, code] = await problems("/pipeline-tasks", { pipelineId: "all-needed" });
  expect([status, code]).toEqual([400, "GATE_CANNOT_PASS"]);
  for (const pipelineId of ["all-but-one-needed", "self-allowed"])
    await server.ok("POST", "/pipeline-tasks", { pipelineId });
});
