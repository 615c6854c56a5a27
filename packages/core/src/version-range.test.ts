import { describe, expect, test } from "vitest";
import { referredJob, versionsToName } from "./find-job.ts";
import { isVersionRange, parseJobRef } from "./reference.ts";
import type { Job, Visibility } from "./schema/job.ts";
import { DEFAULT_SCOPE } from "./schema/scalars.ts";
import { rangeProblem, versionsInRange } from "./version-range.ts";

describe("a range matches versions, highest first", () => {
  const many = [
    "1.0.0",
    "1.2.0",
    "1.2.9",
    "1.10.0",
    "2.0.0",
    "v1.4.0",
    "v3",
    "stable",
    "2024-01-31",
    "1.2.3.4",
  ];
  test.each([
    ["^1.2", many, ["1.10.0", "v1.4.0", "1.2.9", "1.2.0"]],
    ["~1.2.0", many, ["1.2.9", "1.2.0"]],
    ["1.x", many, ["1.10.0", "v1.4.0", "1.2.9", "1.2.0", "1.0.0"]],
    ["1.2.x", many, ["1.2.9", "1.2.0"]],
    [">=1.2 <2", many, ["1.10.0", "v1.4.0", "1.2.9", "1.2.0"]],
    ["*", many, ["v3", "2.0.0", "1.10.0", "v1.4.0", "1.2.9", "1.2.0", "1.0.0"]],
    ["^1.10 || 3.x", many, ["v3", "1.10.0"]],
    ["1.0.0 - 1.4.0", many, ["v1.4.0", "1.2.9", "1.2.0", "1.0.0"]],
    ["^v1.4", many, ["1.10.0", "v1.4.0"]],
    [">=v2", many, ["v3", "2.0.0"]],
    ["^9", many, []],
    ["^1", ["v1", "v2", "v10"], ["v1"]],
    [">=1", ["v1", "v2", "v10"], ["v10", "v2", "v1"]],
    ["^1.2", ["1.2", "1.02.1"], ["1.02.1", "1.2"]],
    ["^1.2", ["1.3.0-rc.1", "1.2.0"], ["1.2.0"]],
    [">=1.3.0-rc.1", ["1.3.0-rc.1", "1.3.0-rc.2", "1.2.0"], ["1.3.0-rc.2", "1.3.0-rc.1"]],
    ["^1.2", ["v1.2.0", "1.2.0", "1.2"], ["v1.2.0", "1.2.0", "1.2"]],
    ["^1", ["1.0.0+a", "1.0.0+b"], ["1.0.0+b", "1.0.0+a"]],
  ])("`%s` among %j", (range, versions, matching) => {
    expect(versionsInRange(range, versions)).toEqual(matching);
  });
});

test.each([
  ["^1.2", true],
  ["~1", true],
  ["1.x", true],
  ["v1.X", true],
  ["1.2.x", true],
  [">=1 <2", true],
  ["1 || 2", true],
  ["*", true],
  ["=1.2.0", true],
  ["v1", false],
  ["1.2", false],
  ["1.2.0-rc.1", false],
  ["latest", false],
  ["x", false],
  ["linux.x", false],
])("whether `%s` is a range is seen without the versions: %s", (version, is) => {
  expect(isVersionRange(version)).toBe(is);
});

test("a range that cannot be read says so and shows how one looks", () => {
  expect(rangeProblem("^1.2")).toBeUndefined();
  expect(rangeProblem("^one")).toBe(
    "`^one` is not a version range; write one like `^1.2`, `~1.2.3`, `1.x` or `>=1.2 <2`",
  );
});

describe("a reference with a range", () => {
  function job(version: string, visibility?: Visibility, namespace = "default"): Job {
    const spec = { runnerType: "FAKE", runnerSpec: {}, ...(visibility && { visibility }) } as const;
    const times = { createdBy: "ada", createdAt: "", updatedAt: "" };
    const place = { domain: "default", namespace, name: "build", version };
    return { id: `job-${version}`, ...place, stage: "PUBLISHED", spec, revision: 1, ...times };
  }
  function shelf(jobs: readonly Job[]) {
    return {
      job: async (id: string) => jobs.find((one) => one.id === id),
      findJob: async (_scope: object, _name: string, version: string) =>
        jobs.find((one) => one.version === version),
      latestJob: async () => jobs[0],
      publishedVersions: async () => jobs.map(({ version }) => version),
    };
  }
  const resolve = async (text: string, jobs: readonly Job[]) =>
    (await referredJob(shelf(jobs), parseJobRef(text, DEFAULT_SCOPE), DEFAULT_SCOPE))?.version;

  test("means the highest version, not the one that was published last", async () => {
    const jobs = [job("1.2.5"), job("1.3.0"), job("2.0.0")];
    expect(await resolve("build:^1.2", jobs)).toBe("1.3.0");
    expect(await resolve("build", jobs)).toBe("1.2.5");
    expect(await resolve("build:1.2.5", jobs)).toBe("1.2.5");
  });

  test("passes over versions that cannot be seen from there", async () => {
    const jobs = [job("1.4.0", "NAMESPACE", "ops"), job("1.3.0", "DOMAIN", "ops")];
    expect(await resolve("build@ops:^1.2", jobs)).toBe("1.3.0");
    const ref = { ...DEFAULT_SCOPE, namespace: "ops", name: "build", version: "^9" };
    expect(await versionsToName(shelf(jobs), ref, DEFAULT_SCOPE)).toEqual(["1.3.0"]);
    expect(await resolve("build@ops:^9", jobs)).toBeUndefined();
  });
});
