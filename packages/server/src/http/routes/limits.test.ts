// Limits as manifests over real HTTP: applied beside others, compared, and who may do so. By command they are tested in
// the command line.

import type { ApplyResult, DiffResult } from "@mflow/core/schema/api";
import type { Limit } from "@mflow/core/schema/limit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { job } from "../testing/manifests.ts";
import { startTestServer, type TestServer } from "../testing/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const limit = (name: string, maxTasks: number) => ({ kind: "Limit", metadata: { name }, spec: { maxTasks } });
const stored = async () =>
  (await server.ok<{ items: Limit[] }>("GET", "/limits")).items.map(({ name, spec, revision }) => [
    name,
    spec.maxTasks,
    revision,
  ]);

test("limits are applied beside other documents, in any order, and again without a change", async () => {
  const documents = [limit("runner/FAKE", 1), job("beside", {}, { publish: true })];
  const dry = await server.ok<ApplyResult>("POST", "/apply", { documents, dryRun: true });
  expect(dry.documents[0]).toEqual({ kind: "Limit", id: "", name: "runner/FAKE", action: "CREATED" });
  expect(await stored()).toEqual([]);
  const first = await server.ok<ApplyResult>("POST", "/apply", { documents });
  expect(first.documents.map(({ kind, name, action }) => [kind, name, action])).toEqual([
    ["Limit", "runner/FAKE", "CREATED"],
    ["Job", "beside", "CREATED"],
  ]);
  const again = await server.ok<ApplyResult>("POST", "/apply", { documents });
  expect(again.documents[0]).toEqual({
    kind: "Limit",
    id: "runner/FAKE",
    name: "runner/FAKE",
    action: "UNCHANGED",
  });
  expect(await stored()).toEqual([["runner/FAKE", 1, 1]]);
});

test("what an apply would change of a limit is said, and the change is in the history", async () => {
  const documents = [limit("runner/FAKE", 3), limit("scope/corp", 7)];
  const diff = await server.ok<DiffResult>("POST", "/diff", { documents });
  expect(diff.documents).toEqual([
    {
      kind: "Limit",
      name: "runner/FAKE",
      action: "CHANGED",
      changes: [{ op: "CHANGED", path: "spec.maxTasks", before: 1, after: 3 }],
    },
    { kind: "Limit", name: "scope/corp", action: "CREATED", changes: [] },
  ]);
  expect(await stored()).toEqual([["runner/FAKE", 1, 1]]);
  await server.ok("POST", "/apply", { documents });
  expect(await stored()).toEqual([
    ["runner/FAKE", 3, 2],
    ["scope/corp", 7, 1],
  ]);
  const events = await server.store.history.list({ after: 0, limit: 500 });
  const told = events.filter(({ type }) => type === "LIMIT_SET");
  expect(told.map(({ name, actor, message }) => [name, actor, message])).toEqual([
    ["runner/FAKE", "ada", "1 task at once"],
    ["runner/FAKE", "ada", "3 tasks at once"],
    ["scope/corp", "ada", "7 tasks at once"],
  ]);
});

test("applying and comparing limits needs admin everywhere, and a bad one keeps the others from being stored", async () => {
  const documents = [job("unstored"), limit("scope/other", 2)];
  expect(await server.refusal("POST", "/apply", { documents }, { as: "otto" })).toEqual([403, "FORBIDDEN"]);
  expect(await server.refusal("POST", "/diff", { documents }, { as: "otto" })).toEqual([403, "FORBIDDEN"]);
  for (const bad of [limit("web", 2), limit("scope/other", 0)]) {
    const given = { documents: [job("unstored"), bad] };
    expect(await server.refusal("POST", "/apply", given)).toEqual([400, "INVALID_DOCUMENT"]);
  }
  const twice = [limit("scope/other", 2), limit("scope/other", 3)];
  expect(await server.refusal("POST", "/apply", { documents: twice })).toEqual([400, "INVALID_DOCUMENT"]);
  expect(await server.refusal("GET", "/jobs/unstored")).toEqual([404, "NOT_FOUND"]);
  expect((await stored()).map(([name]) => name)).not.toContain("scope/other");
});
