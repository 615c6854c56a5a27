// Jobs and pipelines: guards, names, versions, lists.

import type { Job } from "@mflow/core/schema/job";
import type { Pipeline } from "@mflow/core/schema/pipeline";
import { describe, expect, test } from "vitest";
import type { CatalogChange } from "../store.ts";
import type { Bench } from "./bench.ts";
import { aJob, anEvent, aPipeline, timeOf } from "./records.ts";

const scope = { domain: "default", namespace: "default" };
const putJob = (job: Job, expectedRevision = 0): CatalogChange => ({ put: "job", job, expectedRevision });
const putPipeline = (pipeline: Pipeline, expectedRevision = 0): CatalogChange => ({
  put: "pipeline",
  pipeline,
  expectedRevision,
});

export function describeCatalog(bench: Bench): void {
  const commit = (...changes: CatalogChange[]) => bench.store.catalog.commit(changes, []);

  describe("the catalogue", () => {
    test("keeps jobs and pipelines, found by id and by full name", async () => {
      const job = aJob(1, { labels: { app: "web" }, readme: "# ünïcødé 🚀" });
      const pipeline = aPipeline(1, { namespace: "ops" });
      expect(await commit(putJob(job), putPipeline(pipeline))).toEqual([]);
      const { catalog } = bench.store;
      expect(await catalog.job(job.id)).toEqual(job);
      expect(await catalog.findJob(scope, "compile", "v1")).toEqual(job);
      expect(await catalog.pipeline(pipeline.id)).toEqual(pipeline);
      expect(await catalog.findPipeline({ domain: "default", namespace: "ops" }, "release")).toEqual(
        pipeline,
      );
    });

    test("does not find what is not there", async () => {
      await commit(putJob(aJob(1)), putPipeline(aPipeline(1)));
      const { catalog } = bench.store;
      const elsewhere = { domain: "default", namespace: "ops" };
      expect(await catalog.job("job-unknown")).toBeUndefined();
      expect(await catalog.findJob(scope, "compile", "v2")).toBeUndefined();
      expect(await catalog.findJob(elsewhere, "compile", "v1")).toBeUndefined();
      expect(await catalog.latestJob(scope, "compile")).toBeUndefined();
      expect(await catalog.pipeline("pipeline-unknown")).toBeUndefined();
      expect(await catalog.findPipeline(elsewhere, "release")).toBeUndefined();
    });

    test("writes history with the change", async () => {
      const event = anEvent({ type: "JOB_STAGE", name: "compile", stage: "PUBLISHED" });
      const events = await bench.store.catalog.commit([putJob(aJob(1))], [event]);
      expect(events).toEqual([{ seq: 1, ...event }]);
      expect(await bench.store.history.list({ after: 0, limit: 10 })).toEqual(events);
    });

    test("writes clusters and limits with the rest, or nothing of it", async () => {
      const told = { createdBy: "ana", createdAt: timeOf(0), updatedAt: timeOf(0), revision: 1 };
      const limit = { ...told, name: "scope/corp", spec: { maxTasks: 2 } };
      const cluster = { ...told, name: "edge", spec: { kubeconfig: "sealed" } };
      const settings: CatalogChange[] = [
        { put: "cluster", cluster, expectedRevision: 0 },
        { put: "limit", limit, expectedRevision: 0 },
      ];
      const { catalog, clusters, limits } = bench.store;
      await commit(...settings);
      await expect(commit(putJob(aJob(1)), ...settings)).rejects.toMatchObject({ code: "NAME_TAKEN" });
      expect([await clusters.list(), await limits.list()]).toEqual([[cluster], [limit]]);
      expect(await catalog.job(aJob(1).id)).toBeUndefined();
    });

    test("replaces a record on the revision that was read, and refuses any other", async () => {
      await commit(putJob(aJob(1)), putPipeline(aPipeline(1)));
      const job = aJob(1, { revision: 2, displayName: "new" });
      const pipeline = aPipeline(1, { revision: 2, displayName: "new" });
      await commit(putJob(job, 1), putPipeline(pipeline, 1));
      const stale = {
        code: "STALE_REVISION",
        message: expect.stringContaining("compile@default.default:v1"),
      };
      for (const expected of [0, 1, 3])
        await expect(commit(putJob(aJob(1, { revision: 9 }), expected))).rejects.toMatchObject(stale);
      await expect(commit(putPipeline(aPipeline(1, { revision: 9 }), 1))).rejects.toMatchObject({
        code: "STALE_REVISION",
        message: expect.stringContaining("release@default.default"),
      });
      await expect(commit(putJob(aJob(2), 1))).rejects.toMatchObject({ code: "STALE_REVISION" });
      expect(await bench.store.catalog.job(job.id)).toEqual(job);
      expect(await bench.store.catalog.pipeline(pipeline.id)).toEqual(pipeline);
    });

    test("has one job per scope, name and version, and one pipeline per scope and name", async () => {
      await commit(
        putJob(aJob(1)),
        putJob(aJob(2, { version: "v2" })),
        putJob(aJob(3, { namespace: "ops" })),
        putJob(aJob(4, { domain: "acme" })),
        putPipeline(aPipeline(1)),
        putPipeline(aPipeline(2, { namespace: "ops" })),
      );
      await expect(commit(putJob(aJob(5)))).rejects.toMatchObject({
        code: "NAME_TAKEN",
        message: expect.stringContaining("compile@default.default:v1"),
      });
      await expect(commit(putPipeline(aPipeline(3)))).rejects.toMatchObject({
        code: "NAME_TAKEN",
        message: expect.stringContaining("release@default.default"),
      });
      await expect(commit(putJob(aJob(2, { version: "v1", revision: 2 }), 1))).rejects.toMatchObject({
        code: "NAME_TAKEN",
      });
    });

    test("writes all changes of a commit or none", async () => {
      await commit(putJob(aJob(1)), putPipeline(aPipeline(1)));
      const event = anEvent({ type: "JOB_STAGE" });
      const changes = [
        putJob(aJob(1, { revision: 2 }), 1),
        putPipeline(aPipeline(2, { name: "other" })),
        { remove: "pipeline", id: aPipeline(1).id, expectedRevision: 1 },
        putJob(aJob(3)),
      ] satisfies CatalogChange[];
      await expect(bench.store.catalog.commit(changes, [event])).rejects.toMatchObject({
        code: "NAME_TAKEN",
      });
      const { catalog, history } = bench.store;
      expect(await catalog.job(aJob(1).id)).toEqual(aJob(1));
      expect((await catalog.listPipelines({ limit: 10 })).items).toEqual([aPipeline(1)]);
      expect((await catalog.listPipelines({ limit: 10, name: "other" })).items).toEqual([]);
      expect(await history.lastSeq()).toBe(0);
      await commit(putPipeline(aPipeline(2, { name: "other" })));
      expect((await catalog.listPipelines({ limit: 10, name: "other" })).items).toHaveLength(1);
    });

    test("removes a record on the revision that was read; then its name is free", async () => {
      await commit(putJob(aJob(1)), putPipeline(aPipeline(1)));
      const remove = (kind: "job" | "pipeline", id: string, expectedRevision: number) =>
        commit({ remove: kind, id, expectedRevision });
      const stale = { code: "STALE_REVISION" };
      await expect(remove("job", aJob(1).id, 2)).rejects.toMatchObject(stale);
      await expect(remove("pipeline", aPipeline(1).id, 2)).rejects.toMatchObject(stale);
      await expect(remove("job", "job-unknown", 1)).rejects.toMatchObject(stale);
      await remove("job", aJob(1).id, 1);
      await remove("pipeline", aPipeline(1).id, 1);
      expect(await bench.store.catalog.job(aJob(1).id)).toBeUndefined();
      expect((await bench.store.catalog.listJobs({ limit: 10 })).items).toEqual([]);
      expect((await bench.store.catalog.listPipelines({ limit: 10 })).items).toEqual([]);
      await commit(putJob(aJob(2)), putPipeline(aPipeline(2)));
      expect(await bench.store.catalog.findJob(scope, "compile", "v1")).toEqual(aJob(2));
    });

    test("latest is the version that was published last, never a draft or a deprecated one", async () => {
      const published = (n: number, version: string, at: number, stage: Job["stage"] = "PUBLISHED") =>
        aJob(n, { version, stage, publishedAt: timeOf(at) });
      const [old, newest, gone] = [
        published(2, "v3", 10),
        published(1, "v2", 30),
        published(3, "v11", 50, "DEPRECATED"),
      ];
      await commit(putJob(old), putJob(newest), putJob(gone), putJob(aJob(4, { version: "v99" })));
      await commit(putJob(aJob(5, { ...published(5, "v50", 60), name: "other" })));
      const { catalog } = bench.store;
      expect(await catalog.latestJob(scope, "compile")).toEqual(newest);
      expect(await catalog.publishedVersions(scope, "compile")).toEqual([newest.version, old.version]);
      expect(await catalog.publishedVersions({ ...scope, namespace: "ops" }, "compile")).toEqual([]);
      await commit(putJob({ ...newest, stage: "DEPRECATED", revision: 2 }, 1));
      expect(await catalog.latestJob(scope, "compile")).toEqual(old);
      expect(await catalog.latestJob({ ...scope, namespace: "ops" }, "compile")).toBeUndefined();
    });

    test("lists jobs and pipelines, newest first, by every filter", async () => {
      const jobs = [
        aJob(1, { stage: "PUBLISHED", publishedAt: timeOf(1), labels: { lang: "ts" } }),
        aJob(2, { version: "v2", labels: { lang: "ts", team: "a" } }),
        aJob(3, { name: "lint-code", stage: "DEPRECATED" }),
        aJob(4, { namespace: "ops" }),
      ];
      const pipelines = [aPipeline(1, { labels: { team: "a" } }), aPipeline(2, { name: "nightly" })];
      await commit(...jobs.map((job) => putJob(job)), ...pipelines.map((each) => putPipeline(each)));
      const { catalog } = bench.store;
      const found = async (query: Partial<Parameters<typeof catalog.listJobs>[0]>) =>
        (await catalog.listJobs({ limit: 10, ...query })).items.map(
          (job) => jobs.indexOf(jobs.find((each) => each.id === job.id) as Job) + 1,
        );
      expect((await catalog.listJobs({ limit: 10 })).items).toEqual(jobs.toReversed());
      expect(await found({ scope })).toEqual([3, 2, 1]);
      expect(await found({ name: "compile" })).toEqual([4, 2, 1]);
      expect(await found({ stages: ["DRAFT", "DEPRECATED"] })).toEqual([4, 3, 2]);
      expect(await found({ labels: { lang: "ts" } })).toEqual([2, 1]);
      expect(await found({ labels: { lang: "ts", team: "a" } })).toEqual([2]);
      expect(await found({ text: "CODE" })).toEqual([3]);
      expect(await found({ createdFrom: timeOf(2), createdTo: timeOf(4) })).toEqual([3, 2]);
      const first = await catalog.listJobs({ limit: 3 });
      expect(first.items).toEqual(jobs.slice(1).toReversed());
      expect(await catalog.listJobs({ limit: 3, cursor: first.nextCursor })).toEqual({ items: [jobs[0]] });
      const named = async (query: Partial<Parameters<typeof catalog.listPipelines>[0]>) =>
        (await catalog.listPipelines({ limit: 10, ...query })).items;
      expect(await named({})).toEqual(pipelines.toReversed());
      expect(await named({ name: "nightly" })).toEqual([pipelines[1]]);
      expect(await named({ text: "eas", labels: { team: "a" } })).toEqual([pipelines[0]]);
    });

    test("finds a changed record by what it is now", async () => {
      await commit(putJob(aJob(1, { labels: { lang: "ts" } })));
      await commit(putJob(aJob(1, { labels: { lang: "go" }, stage: "PUBLISHED", revision: 2 }), 1));
      const count = async (query: Partial<Parameters<typeof bench.store.catalog.listJobs>[0]>) =>
        (await bench.store.catalog.listJobs({ limit: 10, ...query })).items.length;
      expect(await count({ labels: { lang: "ts" } })).toBe(0);
      expect(await count({ stages: ["DRAFT"] })).toBe(0);
      expect(await count({ labels: { lang: "go" }, stages: ["PUBLISHED"] })).toBe(1);
    });
  });
}
