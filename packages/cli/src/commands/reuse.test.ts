// Pipelines that are made from others, compared and pruned: the commands as processes on a server of their own.

import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { makeWorkplace, type Workplace } from "../testing/command.ts";
import { hasTerminal, onTerminal } from "../testing/terminal.ts";

// Many processes one after another; a busy machine takes its time.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

const TEMPLATE = `
kind: Job
metadata: { name: work, version: 1.2.0, labels: { app: shop } }
publish: true
spec: { runnerType: FAKE, runParams: [{ name: WHO }, { name: TOKEN, sensitive: true }], runnerSpec: {} }
---
kind: Job
metadata: { name: draft, labels: { app: shop } }
spec: { runnerType: FAKE, runnerSpec: {} }
---
kind: Pipeline
metadata: { name: service, labels: { app: shop } }
spec:
  isTemplate: true
  stages:
    - name: build
      tasks:
        - { name: test, job: "work:^1" }
        - { name: pack, job: "work:^1" }
`;

const site = (value: string) => `
kind: Pipeline
metadata: { name: site, labels: { app: shop } }
spec:
  extends: service
  with: { WHO: site, TOKEN: ${value} }
  overrides:
    tasks:
      pack: { remove: true }
`;

const nightly = (value: string, more = "") => `
kind: Schedule
metadata: { name: nightly, labels: { app: shop } }
spec: { pipeline: site, cron: "@yearly", runParams: { WHO: clock, TOKEN: ${value} }${more} }
`;

let place: Workplace;
beforeAll(async () => {
  place = await makeWorkplace({ "template.yaml": TEMPLATE, "site.yaml": site("hunter2-x") });
});
afterAll(() => place.remove());

const mflow = async (...args: string[]) => {
  const { stdout, stderr, exitCode } = await place.mflow(args);
  const noted = stderr.replace(/mflow: started a server in the background.*\n/, "");
  return { stdout, stderr: noted, exitCode };
};

test("lint puts together what the files have, and says when it cannot", async () => {
  expect(await mflow("lint", "template.yaml", "site.yaml")).toEqual({
    stdout: "",
    stderr: "mflow: 4 good documents, 0 errors, 0 warnings\n",
    exitCode: 0,
  });
  expect(await mflow("lint", "site.yaml")).toEqual({
    stdout:
      "site.yaml:5:12: warning: pipeline `service@default.default` is not among these documents, so what becomes of it here was not checked\n",
    stderr: "mflow: 1 good document, 0 errors, 1 warning\n",
    exitCode: 0,
  });
});

test("diff, apply and diff again: new, the same, changed", async () => {
  const files = ["-f", "template.yaml", "-f", "site.yaml"];
  const fresh = await mflow("diff", ...files);
  expect(fresh).toEqual({
    stdout: [
      "+ job work:1.2.0 (default.default) is new",
      "+ job draft:v1 (default.default) is new",
      "+ pipeline service (default.default) is new",
      "+ pipeline site (default.default) is new",
      "",
    ].join("\n"),
    stderr: "",
    exitCode: 1,
  });
  expect((await mflow("apply", ...files)).exitCode).toBe(0);
  expect(await mflow("diff", ...files)).toEqual({ stdout: "", stderr: "", exitCode: 0 });
  await place.write("site.yaml", site("hunter3-x").replace("remove: true", "timeout: 5m"));
  expect(await mflow("diff", ...files)).toEqual({
    stdout: [
      "~ pipeline site (default.default)",
      "  ~ spec.with.TOKEN.value: *** -> ***",
      "  - spec.overrides.tasks.pack.remove: true",
      "  + spec.overrides.tasks.pack.timeout: 5m",
      "",
    ].join("\n"),
    stderr: "",
    exitCode: 1,
  });
  const { stdout } = await mflow("diff", ...files, "-o", "json");
  expect(JSON.parse(stdout).documents.at(-1)).toMatchObject({ name: "site", action: "CHANGED" });
  await place.write("site.yaml", `${site("x")}\n  nothing: 1\n`);
  expect((await mflow("diff", ...files)).exitCode).toBe(2);
  await place.write("site.yaml", site('"***"'));
  expect(await mflow("diff", ...files)).toEqual({ stdout: "", stderr: "", exitCode: 0 });
});

test("get shows what is stored, and the whole with --resolved", async () => {
  expect((await mflow("get", "pipeline", "site")).stdout).toMatch(
    /^NAME +STAGES +TASKS +AGE\nsite +extends service /,
  );
  const { stdout } = await mflow("get", "pipeline", "site", "--resolved", "-o", "json");
  expect(JSON.parse(stdout).spec).toEqual({
    with: [
      { name: "WHO", value: "site" },
      { name: "TOKEN", value: "***", sensitive: true },
    ],
    stages: [{ name: "build", tasks: [{ name: "test", job: "work:^1" }] }],
  });
  const described = (await mflow("describe", "pipeline", "site")).stdout;
  expect(described).toContain("service");
  expect(described).toContain("test: work:^1");
  expect(await mflow("get", "pipelines", "--resolved")).toMatchObject({ exitCode: 2 });
});

test("a schedule of what extends is linted, compared and left alone like other records", async () => {
  await place.write("nightly.yaml", nightly("hunter2-n", ", labels: { a: b }"));
  const files = ["-f", "template.yaml", "-f", "site.yaml", "-f", "nightly.yaml"];
  expect(await mflow("lint", "template.yaml", "site.yaml", "nightly.yaml")).toEqual({
    stdout: "",
    stderr: "mflow: 5 good documents, 0 errors, 0 warnings\n",
    exitCode: 0,
  });
  expect((await mflow("diff", ...files)).stdout).toBe("+ schedule nightly (default.default) is new\n");
  expect((await mflow("apply", ...files)).stdout).toContain("schedule nightly created\n");
  expect(await mflow("diff", ...files)).toEqual({ stdout: "", stderr: "", exitCode: 0 });
  await place.write("nightly.yaml", nightly("hunter3-n", ", overlap: QUEUE"));
  expect(await mflow("diff", "-f", "nightly.yaml")).toEqual({
    stdout: [
      "~ schedule nightly (default.default)",
      "  ~ spec.runParams.TOKEN.value: *** -> ***",
      "  - spec.labels:",
      "    - a: b",
      "  + spec.overlap: QUEUE",
      "",
    ].join("\n"),
    stderr: "",
    exitCode: 1,
  });
});

test("a run of what extends is that of the whole", async () => {
  const { stdout, exitCode } = await mflow("run", "site");
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/task build\/test SUCCEEDED/);
  expect(stdout).not.toContain("build/pack");
});

const OWN = "kind: Job\nmetadata: { name: own }\nspec: { runnerType: FAKE, runnerSpec: {} }\n";
const pruneOwn = ["apply", "-f", "own.yaml", "--prune", "-l", "app=shop"];

test("--prune needs a label, and a label needs --prune", async () => {
  await place.write("own.yaml", OWN);
  expect(await mflow("apply", "-f", "own.yaml", "--prune")).toEqual({
    stdout: "",
    stderr:
      "mflow: --prune needs a label\nSay what belongs to these files, e.g. -l app=shop; everything else is left alone.\n",
    exitCode: 2,
  });
  expect(await mflow("apply", "-f", "own.yaml", "-l", "app=shop")).toEqual({
    stdout: "",
    stderr: "mflow: --label goes with --prune\nAdd --prune, or leave it out.\n",
    exitCode: 2,
  });
});

test.skipIf(!hasTerminal)("at a terminal --prune asks first, and a no changes nothing", async () => {
  const terminal = onTerminal(place, pruneOwn);
  const lines = await terminal.shows(/Delete these 4 records\? \[y\/N\]/);
  expect(lines).toContain("pipeline site deleted (dry run)");
  terminal.press("n\r");
  expect(await terminal.ended).toBe(2);
  expect(await mflow("get", "job", "own")).toMatchObject({ exitCode: 2 });
  expect(await mflow("get", "pipeline", "site")).toMatchObject({ exitCode: 0 });
});

test("apply --prune deletes what the files have no more, and says what it keeps", async () => {
  const outcome = (dry: string) =>
    [
      `job own:v1 created (DRAFT)${dry}`,
      `schedule nightly deleted${dry}`,
      `pipeline service deleted${dry}`,
      `pipeline site deleted${dry}`,
      `job draft:v1 deleted (DRAFT)${dry}`,
      `job work:1.2.0 kept (PUBLISHED)${dry}: Job work:1.2.0 is PUBLISHED, not a DRAFT; deprecate it instead.`,
      "",
    ].join("\n");
  expect(await mflow(...pruneOwn, "--dry-run")).toEqual({
    stdout: outcome(" (dry run)"),
    stderr: "",
    exitCode: 0,
  });
  expect(await mflow(...pruneOwn)).toMatchObject({
    stderr: expect.stringContaining("nobody can be asked here: Delete these 4 records?"),
    exitCode: 2,
  });
  expect((await mflow("get", "pipelines", "-o", "json")).stdout).toContain('"site"');
  if (hasTerminal) {
    const terminal = onTerminal(place, pruneOwn);
    await terminal.shows(/Delete these 4 records\?/);
    terminal.press("y\r");
    expect(await terminal.ended).toBe(0);
    expect(terminal.screen()).toContain("pipeline site deleted");
  } else expect(await mflow(...pruneOwn, "--yes")).toEqual({ stdout: outcome(""), stderr: "", exitCode: 0 });
  expect(JSON.parse((await mflow("get", "pipelines", "-o", "json")).stdout).items).toEqual([]);
});
