// What an apply would change, and what it deletes with `prune`.

import type { ApplyResult, DiffResult, ErrorBody } from "@mflow/core/schema/api";
import type { JobSpec } from "@mflow/core/schema/job";
import type { PipelineManifest } from "@mflow/core/schema/pipeline";
import type { Schedule, ScheduleManifest, ScheduleSpec } from "@mflow/core/schema/schedule";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { endlessJob, job, pipeline } from "../testing/manifests.ts";
import { startTestServer, type TestServer } from "../testing/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const diff = (...documents: object[]) => server.ok<DiffResult>("POST", "/diff", { documents });

function yearly(
  name: string,
  pipelineName: string,
  spec: Partial<ScheduleSpec> = {},
  labels: Record<string, string> = {},
): ScheduleManifest {
  return {
    kind: "Schedule",
    metadata: { name, labels },
    spec: { pipeline: pipelineName, cron: "@yearly", ...spec },
  };
}

describe("a diff", () => {
  const secret = { name: "TOKEN", sensitive: true, value: "hunter2-x" };
  const spec = { timeout: "90s", runParams: [{ name: "A", value: 1 }, secret] };
  const build = (more: Partial<JobSpec> = {}) =>
    job("build", { ...spec, ...more }, { labels: { team: "a" } });
  const site = (with_: Record<string, string>, timeout?: string): PipelineManifest =>
    pipeline(
      "site",
      [{ name: "one", job: "base", ...(timeout && { timeout }), audit: { auditors: ["ada"] } }],
      {
        with: with_,
      },
    );

  beforeAll(async () => {
    const base = job("base", { runParams: [{ name: "KEY", sensitive: true }] }, { publish: true });
    await server.ok("POST", "/apply", { documents: [base, build(), site({ KEY: "hunter2-y" })] });
  });

  test("of what apply would leave alone tells nothing", async () => {
    const spelledOut = build({
      timeout: "1m30s",
      visibility: "NAMESPACE",
      runParams: [
        { name: "A", value: "1", usageType: "ENV" },
        { ...secret, value: "***" },
      ],
    });
    const same = { domain: "default", namespace: "default", action: "UNCHANGED", changes: [] };
    const ofJob = { kind: "Job", name: "build", version: "v1", ...same };
    const ofPipeline = { kind: "Pipeline", name: "site", ...same };
    expect(await diff(build(), site({ KEY: "hunter2-y" }))).toEqual({
      documents: [ofJob, ofPipeline],
      warnings: [],
    });
    expect(await diff(spelledOut, site({ KEY: "***" }))).toEqual({
      documents: [ofJob, ofPipeline],
      warnings: [],
    });
  });

  test("names each field with what it was and will be", async () => {
    const { documents } = await diff(
      job(
        "build",
        { timeout: "2m", runParams: [{ ...secret, value: "hunter3-x" }, { name: "B" }] },
        { labels: { team: "b" }, publish: true },
      ),
      site({ KEY: "hunter2-z" }, "5m"),
      job("fresh"),
    );
    expect(documents).toEqual([
      {
        kind: "Job",
        domain: "default",
        namespace: "default",
        name: "build",
        version: "v1",
        action: "CHANGED",
        changes: [
          { op: "CHANGED", path: "stage", before: "DRAFT", after: "PUBLISHED" },
          { op: "CHANGED", path: "metadata.labels.team", before: "a", after: "b" },
          { op: "CHANGED", path: "spec.timeout", before: "1m30s", after: "2m" },
          { op: "REMOVED", path: "spec.runParams.A", before: { name: "A", value: "1" } },
          { op: "CHANGED", path: "spec.runParams.TOKEN.value", before: "***", after: "***" },
          { op: "ADDED", path: "spec.runParams.B", after: { name: "B" } },
        ],
      },
      {
        kind: "Pipeline",
        domain: "default",
        namespace: "default",
        name: "site",
        action: "CHANGED",
        changes: [
          { op: "ADDED", path: "spec.stages.main.tasks.one.timeout", after: "5m" },
          { op: "CHANGED", path: "spec.with.KEY.value", before: "***", after: "***" },
        ],
      },
      {
        kind: "Job",
        domain: "default",
        namespace: "default",
        name: "fresh",
        version: "v1",
        action: "CREATED",
        changes: [],
      },
    ]);
    expect(JSON.stringify(documents)).not.toContain("hunter");
    expect(await server.refusal("GET", "/jobs/fresh")).toEqual([404, "NOT_FOUND"]);
  });

  test("compares schedules, with the values that their pipeline takes as secrets", async () => {
    // What makes `KEY` a secret is written in what is extended alone.
    const child = { kind: "Pipeline", metadata: { name: "site-child" }, spec: { extends: "site" } };
    const nightly = (key: string, spec: Partial<ScheduleSpec> = {}, team = "a") =>
      yearly("nightly", "site-child", { runParams: { KEY: key }, ...spec }, { team });
    const same = { kind: "Schedule", domain: "default", namespace: "default", name: "nightly" };
    const before = await diff(child, nightly("hunter2-n"));
    expect(before.documents.at(-1)).toEqual({ ...same, action: "CREATED", changes: [] });
    await server.ok("POST", "/apply", { documents: [child, nightly("hunter2-n")] });
    const stored = await server.store.catalog.findSchedule(
      { domain: "default", namespace: "default" },
      "nightly",
    );
    expect(JSON.stringify(stored)).not.toContain("hunter2");
    for (const key of ["hunter2-n", "***"]) {
      const { documents } = await diff(nightly(key, { timeZone: "UTC", cron: ["@yearly"] }));
      expect(documents).toEqual([{ ...same, action: "UNCHANGED", changes: [] }]);
    }
    const changed = nightly("hunter3-n", { cron: ["@yearly", "@daily"], labels: { a: "1" } }, "b");
    const { documents } = await diff(changed);
    expect(documents).toEqual([
      {
        ...same,
        action: "CHANGED",
        changes: [
          { op: "CHANGED", path: "metadata.labels.team", before: "a", after: "b" },
          { op: "CHANGED", path: "spec.cron", before: "@yearly", after: ["@daily", "@yearly"] },
          { op: "CHANGED", path: "spec.runParams.KEY.value", before: "***", after: "***" },
          { op: "ADDED", path: "spec.labels", after: { a: "1" } },
        ],
      },
    ]);
    expect((await server.ok<Schedule>("GET", "/schedules/nightly")).revision).toBe(1);
  });

  test("of a frozen spec tells what differs, and that apply would refuse it", async () => {
    const { documents } = await diff(job("base", { timeout: "1m" }, { publish: true }));
    expect(documents).toMatchObject([
      {
        action: "CHANGED",
        refusal: "Job base:v1 is PUBLISHED, its spec is frozen; raise `version` to change it.",
        changes: [
          { op: "REMOVED", path: "spec.runParams" },
          { op: "ADDED", path: "spec.timeout", after: "1m" },
        ],
      },
    ]);
  });

  test("needs what the apply needs", async () => {
    const refused = await server.refusal("POST", "/diff", { documents: [job("build")] }, { as: "vera" });
    expect(refused).toEqual([403, "FORBIDDEN"]);
  });

  test("of bad documents is refused as their apply", async () => {
    const documents = [pipeline("bad", [{ name: "one", job: "nothing" }])];
    const { status, body } = await server.call<ErrorBody>("POST", "/diff", { documents });
    expect([status, body.details.map(({ path }) => path)]).toEqual([
      400,
      ["/documents/0/spec/stages/0/tasks/0/job"],
    ]);
  });
});

describe("a prune", () => {
  const labels = { app: "shop" };
  const labelled = (name: string, publish?: boolean) =>
    job(name, {}, { labels, version: "v1", ...(publish && { publish }) });
  const prune = { labels };
  const outcome = ({ pruned = [] }: ApplyResult) =>
    pruned.map(({ kind, name, action, reason }) => [kind, name, action, reason].filter(Boolean).join(" "));
  const exists = async (kind: string, name: string) =>
    (await server.call("GET", `/${kind}/${name}`)).status === 200;

  test("deletes what has the label and is in no document, and keeps what cannot be deleted", async () => {
    await server.ok("POST", "/apply", {
      documents: [
        ...[
          labelled("stays"),
          labelled("goes"),
          labelled("published", true),
          job("unlabelled"),
          endlessJob("endless"),
        ],
        pipeline("pipe-goes", [{ name: "one", job: "published" }], {}, { labels }),
        pipeline("pipe-runs", [{ name: "one", job: "endless" }], {}, { labels }),
        job("elsewhere", {}, { labels, namespace: "team" }),
      ],
    });
    const { run } = await server.ok<{ run: { id: string } }>("POST", "/pipeline-tasks", {
      pipelineId: "pipe-runs",
    });
    const documents = [labelled("stays"), labelled("new")];
    const expected = [
      "Pipeline pipe-goes DELETED",
      `Pipeline pipe-runs KEPT Run ${run.id} of pipeline pipe-runs has not ended; wait for it or cancel it.`,
      "Job goes DELETED",
      "Job published KEPT Job published:v1 is PUBLISHED, not a DRAFT; deprecate it instead.",
    ];
    const dry = await server.ok<ApplyResult>("POST", "/apply", { documents, prune, dryRun: true });
    expect(outcome(dry)).toEqual(expected);
    expect(await exists("jobs", "goes")).toBe(true);
    expect(outcome(await server.ok<ApplyResult>("POST", "/apply", { documents, prune }))).toEqual(expected);
    const found = await Promise.all(
      ["stays", "goes", "published", "unlabelled", "new", "elsewhere@team"].map((name) =>
        exists("jobs", name),
      ),
    );
    expect(found).toEqual([true, false, true, true, true, true]);
    expect([await exists("pipelines", "pipe-goes"), await exists("pipelines", "pipe-runs")]).toEqual([
      false,
      true,
    ]);
    await server.ok("POST", `/pipeline-tasks/${run.id}/cancel`, {});
  });

  test("keeps what a document extends", async () => {
    const labelsOfBase = { app: "base" };
    await server.ok("POST", "/apply", {
      documents: [
        pipeline("base", [{ name: "one", job: "published" }], { isTemplate: true }, { labels: labelsOfBase }),
      ],
    });
    const documents = [{ kind: "Pipeline", metadata: { name: "child" }, spec: { extends: "base" } }];
    const result = await server.ok<ApplyResult>("POST", "/apply", {
      documents,
      prune: { labels: labelsOfBase },
    });
    expect(outcome(result)).toEqual([
      "Pipeline base KEPT Pipeline child extends it; keep its document, or change that one first.",
    ]);
  });

  test("keeps what a document starts, and takes the pause of what it deletes away", async () => {
    const ofStarted = { app: "started" };
    const own = [{ name: "one", job: "published" }];
    const started = (name: string) => pipeline(name, own, {}, { labels: ofStarted });
    const childJob = job(
      "child",
      { runnerType: "PIPELINE", runnerSpec: { pipeline: "started-child" } },
      { publish: true },
    );
    await server.ok("POST", "/apply", {
      documents: [started("started-child"), started("started-next"), started("started-not"), childJob],
    });
    await server.ok("POST", "/pipelines/started-not/pause", {});
    const next = { nextPipeline: { pipeline: "started-next" } };
    const documents = [pipeline("starter", [{ name: "one", job: "child" }], next)];
    const request = { documents, prune: { labels: ofStarted } };
    const reason = "Pipeline starter starts it; keep its document, or change that one first.";
    expect(outcome(await server.ok<ApplyResult>("POST", "/apply", request))).toEqual([
      `Pipeline started-child KEPT ${reason}`,
      `Pipeline started-next KEPT ${reason}`,
      "Pipeline started-not DELETED",
    ]);
    await server.ok("POST", "/apply", { documents: [started("started-not")] });
    expect(await server.ok("GET", "/pipelines/started-not")).not.toHaveProperty("paused");
  });

  test("deletes schedules with their pipelines, by their own labels, and keeps what a schedule of the documents needs", async () => {
    const [ofBase, own] = [{ app: "clock" }, [{ name: "one", job: "published" }]];
    const child = (name: string) => ({
      kind: "Pipeline",
      metadata: { name, labels: ofBase },
      spec: { extends: "clock-base" },
    });
    await server.ok("POST", "/apply", {
      documents: [
        pipeline("clock-base", own, { isTemplate: true }, { labels: ofBase }),
        pipeline("clock-old", own, {}, { labels: ofBase }),
        child("clock-child"),
        yearly("clock-old", "clock-old", {}, ofBase),
        yearly("clock-stays", "clock-child", {}, ofBase),
        yearly("clock-runs", "clock-child", { labels: ofBase }),
      ],
    });
    const documents = [yearly("clock-stays", "clock-child", {}, ofBase)];
    const request = { documents, prune: { labels: ofBase } };
    const reason = "Schedule clock-stays needs it; keep its document, or change that one first.";
    const expected = [
      "Schedule clock-old DELETED",
      `Pipeline clock-base KEPT ${reason}`,
      `Pipeline clock-child KEPT ${reason}`,
      "Pipeline clock-old DELETED",
    ];
    const dry = await server.ok<ApplyResult>("POST", "/apply", { ...request, dryRun: true });
    expect(outcome(dry)).toEqual(expected);
    expect(await exists("schedules", "clock-old")).toBe(true);
    expect(outcome(await server.ok<ApplyResult>("POST", "/apply", request))).toEqual(expected);
    const left = await Promise.all(
      ["clock-old", "clock-stays", "clock-runs"].map((name) => exists("schedules", name)),
    );
    expect(left).toEqual([false, true, true]);
    expect(await exists("pipelines", "clock-old")).toBe(false);
  });

  test("keeps a pipeline that a schedule starts which stays, and lets one go whose schedule moves on", async () => {
    const labels = { app: "moves" };
    const own = [{ name: "one", job: "published" }];
    await server.ok("POST", "/apply", {
      documents: [
        ...["moves-from", "moves-to", "moves-kept"].map((name) => pipeline(name, own, {}, { labels })),
        yearly("moving", "moves-from"),
        yearly("moves-not", "moves-kept"),
      ],
    });
    const documents = [yearly("moving", "moves-to")];
    const result = await server.ok<ApplyResult>("POST", "/apply", { documents, prune: { labels } });
    expect(outcome(result)).toEqual([
      "Pipeline moves-from DELETED",
      "Pipeline moves-kept KEPT Schedule moves-not@default.default starts pipeline moves-kept; delete it first, or let it start another one.",
      "Pipeline moves-to KEPT Schedule moving needs it; keep its document, or change that one first.",
    ]);
  });

  test("stores and deletes nothing when a document is bad", async () => {
    await server.ok("POST", "/apply", { documents: [labelled("survivor")] });
    const documents = [labelled("other"), pipeline("bad", [{ name: "one", job: "nothing" }])];
    expect(await server.refusal("POST", "/apply", { documents, prune })).toEqual([400, "INVALID_DOCUMENT"]);
    expect([await exists("jobs", "survivor"), await exists("jobs", "other")]).toEqual([true, false]);
  });

  test("needs a label, and the role that deletes", async () => {
    const documents = [labelled("stays")];
    const without = await server.call<ErrorBody>("POST", "/apply", { documents, prune: { labels: {} } });
    expect([without.status, without.body.message]).toEqual([
      400,
      "`prune.labels` is empty; name at least one label, or everything here would be deleted",
    ]);
    expect(await server.refusal("POST", "/apply", { documents, prune }, { as: "tim" })).toEqual([
      403,
      "FORBIDDEN",
    ]);
  });
});
