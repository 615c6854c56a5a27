// What SHELL tasks keep, fetch and cache, with real steps and real archives.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { MflowError } from "@mflow/core/errors";
import type { Keep } from "@mflow/core/keep";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { KeptFiles } from "../testing/kept-files.ts";
import { OpenedPlace } from "./testing/opened-place.ts";

let place: OpenedPlace;
let files: KeptFiles;
beforeEach(async () => {
  place = await OpenedPlace.open({ artifactBytes: 1024 * 1024 });
  files = new KeptFiles();
  place.host.files = files;
});
afterEach(async () => {
  await place.dispose();
  files.dispose();
});

/** What a task does with files; what is absent is empty. */
function keeping(keep: Partial<Keep>): { keep: Keep } {
  return { keep: { artifacts: [], fetch: [], caches: [], ...keep } };
}

const artifact = (name: string, path: string, more = {}) => ({ name, path, ...more });

describe("artifacts", () => {
  test("files and folders are kept, and put where they were, with their modes and links", async () => {
    const script = [
      "mkdir -p out/site/css && echo hello >out/site/index.html && echo x >out/site/css/a.css",
      "ln -s css/a.css out/site/link && printf '#!/bin/sh\\necho it runs' >out/tool && chmod +x out/tool",
    ].join("\n");
    const artifacts = [artifact("site", "./out/site/"), artifact("tool", "out/tool")];
    const { report, texts } = await place.run(script, keeping({ artifacts }));
    expect(report).toMatchObject({ stage: "SUCCEEDED", steps: [{ name: "step-1", exitCode: 0 }] });
    expect(report).not.toHaveProperty("kept");
    expect(texts).toEqual([]);
    expect([...files.artifacts.values()]).toMatchObject([
      { name: "site", kind: "FOLDER", path: "out/site", executable: false },
      { name: "tool", kind: "FILE", path: "out/tool", executable: true },
    ]);
    const fetch = [
      { from: "a", name: "site" },
      { from: "a", name: "tool", path: "bin" },
    ];
    const fetched = await place.run(
      "cat out/site/index.html; readlink out/site/link; cat out/site/link; bin/tool; ls",
      keeping({ fetch }),
    );
    expect(fetched.report.stage).toBe("SUCCEEDED");
    expect(fetched.texts).toEqual([
      "mflow | fetched artifact `site`",
      "mflow | fetched artifact `tool`",
      ...["hello", "css/a.css", "x", "it runs", "bin", "out"].map((text) => `stdout step-1| ${text}`),
    ]);
  });

  test("a whole workspace may be kept, and a workspace that tasks of a run share", async () => {
    const spec = { workspace: "run", steps: [{ run: "echo 1 >a; mkdir b; echo 2 >b/c" }] };
    const { report } = await place.run(spec, {
      pipelineTaskId: "run-1",
      ...keeping({ artifacts: [artifact("all", ".")] }),
    });
    expect(report.stage).toBe("SUCCEEDED");
    const fetch = [{ from: "a", name: "all", path: "deep/down" }];
    const { texts } = await place.run("find . -type f | sort", keeping({ fetch }));
    expect(texts.slice(1)).toEqual(["stdout step-1| ./deep/down/a", "stdout step-1| ./deep/down/b/c"]);
  });

  test("what is missing fails the task, unless it is optional", async () => {
    const artifacts = [artifact("a", "a", { optional: true }), artifact("b", "b/c"), artifact("d", "d")];
    const { report, texts } = await place.run("touch d", keeping({ artifacts }));
    expect(report).toMatchObject({
      stage: "FAILED",
      reason: "ARTIFACT_MISSING",
      message: "there is no `b/c` in the workspace to keep as artifact `b`",
    });
    expect([...files.artifacts.keys()]).toEqual(["d"]);
    expect(texts).toEqual([
      "mflow | artifact `a`: there is no `a`",
      "mflow | there is no `b/c` in the workspace to keep as artifact `b`",
    ]);
  });

  test("after a failure only those are kept that are always kept, and the failure is that of the step", async () => {
    const artifacts = [
      artifact("app", "app"),
      artifact("report", "report", { when: "ALWAYS" }),
      artifact("none", "none", { when: "ALWAYS" }),
    ];
    const { report } = await place.run("touch app report; exit 3", keeping({ artifacts }));
    expect(report).toMatchObject({
      stage: "FAILED",
      reason: "EXIT_CODE",
      message: "step `step-1` exited with 3",
    });
    expect([...files.artifacts.keys()]).toEqual(["report"]);
  });

  test.each([
    ["a link out of the workspace", "ln -s /etc x", "`x` leads out of the workspace, by a link"],
    [
      "a folder behind such a link",
      "ln -s / y; mkdir -p z; ln -s /etc/hostname x",
      "`x` leads out of the workspace, by a link",
    ],
    ["a pipe", "mkfifo x", "`x` is neither a file nor a folder"],
    [
      "a link to a folder",
      "mkdir d; ln -s d x",
      "`x` is a link to a folder; name the folder that it leads to",
    ],
  ])("%s is refused", async (_what, script, message) => {
    const { report } = await place.run(script, keeping({ artifacts: [artifact("a", "x")] }));
    expect(report).toMatchObject({
      stage: "FAILED",
      reason: "ARTIFACT_REFUSED",
      message: `artifact \`a\`: ${message}`,
    });
    expect(files.artifacts.size).toBe(0);
  });

  test("what is too large is refused, and not left on the disk", async () => {
    const script = "head -c 3000000 /dev/urandom >big; mkdir d; mv big d";
    const artifacts = [artifact("a", "d"), artifact("b", "d/big")];
    const { request, report } = await place.run(script, keeping({ artifacts }));
    expect(report).toMatchObject({
      stage: "FAILED",
      reason: "ARTIFACT_TOO_LARGE",
      message: "artifact `a`: it is larger than 1048576 bytes",
    });
    const tasks = join(place.dataDir, "supervisor", "tasks");
    await expect.poll(() => readdirSync(tasks).filter((name) => name.startsWith(request.taskId))).toEqual([]);
  });

  test("what the store refuses fails the task; one that is away is asked again before the result is told", async () => {
    const artifacts = [artifact("a", "a")];
    files.away = 3;
    const { report, request } = await place.run("touch a", keeping({ artifacts }));
    expect(report.stage).toBe("SUCCEEDED");
    expect(files.kept).toEqual(["a"]);
    await expect.poll(() => files.forgotten).toEqual([request.taskId]);
    files.refusal = new MflowError("ARTIFACT_REFUSED", "artifact `a`: no");
    expect((await place.run("touch a", keeping({ artifacts }))).report).toMatchObject({
      stage: "FAILED",
      reason: "ARTIFACT_REFUSED",
      message: "artifact `a`: no",
    });
  });
});

describe("a fetch", () => {
  test("of what is not there fails the task before its steps", async () => {
    const { report, texts } = await place.run("echo ran", keeping({ fetch: [{ from: "x", name: "a" }] }));
    expect(report).toMatchObject({
      stage: "FAILED",
      reason: "FETCH_FAILED",
      message: "no task `x` keeps `a`",
      steps: [],
    });
    expect(texts).toEqual([]);
  });

  test("waits for a store that is away, and the task can be stopped meanwhile", async () => {
    files.away = Number.POSITIVE_INFINITY;
    const request = await place.start("echo ran", keeping({ fetch: [{ from: "x", name: "a" }] }));
    await place.host.reported(request, "ACTIVE");
    await place.current.stop(request, { graceMs: 100 });
    expect(await place.host.final(request)).toMatchObject({ stage: "CANCELED", steps: [] });
  });

  test("never leads out of the workspace", async () => {
    await place.run("echo x >a", keeping({ artifacts: [artifact("a", "a")] }));
    const spec = { workspace: "run", steps: [{ run: "ln -s /tmp out" }] };
    await place.run(spec, { pipelineTaskId: "run-2" });
    const { report } = await place.run(spec, {
      pipelineTaskId: "run-2",
      ...keeping({ fetch: [{ from: "x", name: "a", path: "out" }] }),
    });
    expect(report).toMatchObject({
      reason: "FETCH_FAILED",
      message: "`out` leads out of the workspace, by a link",
    });
  });
});

describe("a cache", () => {
  const lock = (text: string) => `echo ${text} >lock`;
  const caches = [{ key: { prefix: "npm", files: ["lock"] }, paths: ["modules", "more/.store"] }];
  const spec = (run: string) => ({ workspace: "run", steps: [{ run }] });
  const inRun = (n: number) => ({ pipelineTaskId: `run-${n}`, ...keeping({ caches }) });

  /** A run whose first task writes the lock file, and whose second uses the cache. */
  async function runWith(n: number, text: string, script: string) {
    await place.run(spec(lock(text)), { pipelineTaskId: `run-${n}` });
    return place.run(spec(script), inRun(n));
  }

  test("is saved when there is none of its key, and restored from the newest of its prefix", async () => {
    const first = await runWith(1, "one", "mkdir modules more && echo 1 >modules/a && echo s >more/.store");
    expect(first.texts).toEqual([
      expect.stringMatching(/^mflow \| cache npm-[0-9a-f]{40}: there is none yet$/),
    ]);
    expect(files.kept).toHaveLength(1);
    const [key] = files.kept as [string];
    const second = await runWith(2, "one", "cat modules/a more/.store; echo changed >modules/a");
    expect(second.texts).toEqual([`mflow | cache ${key}: restored`, "stdout step-1| 1", "stdout step-1| s"]);
    expect(files.kept).toEqual([key]);
    const third = await runWith(3, "two", "cat modules/a");
    const other = files.kept[1] as string;
    expect(other).not.toBe(key);
    expect(third.texts).toEqual([`mflow | cache ${other}: restored from ${key}`, "stdout step-1| 1"]);
  });

  test("is not saved after a failure, unless it always is", async () => {
    await runWith(1, "one", "mkdir modules; exit 1");
    expect(files.kept).toEqual([]);
    const always = keeping({ caches: [{ key: { prefix: "x" }, paths: ["m"], when: "ALWAYS" as const }] });
    await place.run("mkdir m; exit 1", always);
    expect(files.kept).toEqual(["x"]);
  });

  test("of a prefix alone is saved each time", async () => {
    const keep = keeping({ caches: [{ key: { prefix: "x" }, paths: ["m"] }] });
    await place.run("echo 1 >m", keep);
    await place.run("cat m; echo 2 >m", keep);
    const { texts } = await place.run("cat m; rm m", keep);
    expect(texts).toEqual([
      "mflow | cache x: restored",
      "stdout step-1| 2",
      "mflow | cache x: not saved: none of its paths is there",
    ]);
    expect(files.kept).toEqual(["x", "x"]);
  });

  test("whose files are not there says so, and has a key of its own", async () => {
    const { texts } = await place.run("mkdir modules", keeping({ caches }));
    expect(texts).toEqual([
      "mflow | cache npm-default: no file fits `lock`",
      "mflow | cache npm-default: there is none yet",
    ]);
  });

  test("is no reason to fail: not when it is broken, and not when it cannot be packed", async () => {
    files.caches.set("x", { key: "x", paths: "", file: join(place.dataDir, "nothing") });
    const keep = keeping({ caches: [{ key: { prefix: "x" }, paths: ["m"] }] });
    await place.run("echo 1 >m", keep);
    const [broken] = [...files.caches.values()];
    files.caches.set("x", {
      ...(broken as { key: string; paths: string }),
      file: join(place.dataDir, "nothing"),
    });
    const { report, texts } = await place.run("ln -s /etc m", keep);
    expect(report.stage).toBe("SUCCEEDED");
    expect(texts).toEqual([
      expect.stringContaining("cache x: not restored: ENOENT"),
      "mflow | cache x: not saved: `m` leads out of the workspace, by a link",
    ]);
  });
});

test("a task waits for artifacts while the store is away, but not for a cache", async () => {
  await place.run("echo x >a", keeping({ artifacts: [artifact("a", "a")] }));
  const runner = place.current;
  files.away = Number.POSITIVE_INFINITY;
  const request = await place.start("cat a", keeping({ fetch: [{ from: "a", name: "a" }] }));
  await expect
    .poll(() => runner.waitingFor?.(request))
    .toBe("waits for files that it fetches: the store is away");
  files.away = 0;
  expect((await place.host.final(request)).stage).toBe("SUCCEEDED");
  expect(runner.waitingFor?.(request)).toBeUndefined();
  files.away = Number.POSITIVE_INFINITY;
  const keeper = await place.start("echo x >a", keeping({ artifacts: [artifact("a", "a")] }));
  await expect
    .poll(() => runner.waitingFor?.(keeper))
    .toBe("its steps have ended; waits until its result and what it keeps are stored: the store is away");
  files.away = 0;
  expect((await place.host.final(keeper)).stage).toBe("SUCCEEDED");
  const { texts } = await place.run("cat a", keeping({ fetch: [{ from: "a", name: "a" }] }));
  expect(texts).toEqual(["mflow | fetched artifact `a`", "stdout step-1| x"]);
  files.away = Number.POSITIVE_INFINITY;
  const { report, texts: told } = await place.run(
    "echo made",
    keeping({ caches: [{ key: { prefix: "x" }, paths: ["m"] }] }),
  );
  expect(report.stage).toBe("SUCCEEDED");
  expect(told).toEqual([
    "mflow | no cache is restored: the store is away",
    "stdout step-1| made",
    "mflow | cache x: not saved: none of its paths is there",
  ]);
});

test("a task that is canceled while it waits for the store ends without it, and keeps nothing", async () => {
  files.away = Number.POSITIVE_INFINITY;
  const request = await place.start("echo x >a", keeping({ artifacts: [artifact("a", "a")] }));
  await expect.poll(() => place.current.waitingFor?.(request)).toContain("the store is away");
  place.host.stopped.add(`${request.taskId}.1`);
  await place.current.stop(request, { graceMs: 0 });
  expect(await place.host.final(request)).not.toHaveProperty("kept");
  expect(files.kept).toEqual([]);
});

test("a server that is closed while files are packed leaves that to the next one, and nothing is kept twice", async () => {
  const artifacts = [artifact("a", "a")];
  files.away = Number.POSITIVE_INFINITY;
  const request = await place.start("echo x >a", keeping({ artifacts }));
  await expect.poll(() => place.warnings.some((text) => text.includes("the store is away"))).toBe(true);
  await place.current.close();
  files.away = 0;
  await place.openRunner({ artifactBytes: 1024 * 1024 });
  expect((await place.host.final(request)).stage).toBe("SUCCEEDED");
  expect(files.kept).toEqual(["a"]);
  expect(readFileSync(files.artifacts.get("a")?.file ?? "", "utf8")).toBe("x\n");
});

test("a supervisor that is killed before it has told what is kept loses nothing of it", async () => {
  files.away = Number.POSITIVE_INFINITY;
  const request = await place.start("echo x >a", keeping({ artifacts: [artifact("a", "a")] }));
  await expect.poll(() => place.warnings.some((text) => text.includes("the store is away"))).toBe(true);
  await place.current.close();
  await place.killSupervisor();
  files.away = 0;
  await place.openRunner({ artifactBytes: 1024 * 1024 });
  expect((await place.host.final(request)).stage).toBe("SUCCEEDED");
  expect(files.kept).toEqual(["a"]);
});

test("a supervisor that is killed before it has packed leaves that to the next one", async () => {
  const wait = `echo ready; until test -e '${place.dataDir}/go'; do sleep 0.02; done`;
  const artifacts = [artifact("a", "a"), artifact("b", "b", { optional: true })];
  const request = await place.start(`mkdir a; echo x >a/x; ${wait}`, keeping({ artifacts }));
  await place.host.logged(request, "ready");
  const supervisor = place.supervisorPid;
  process.kill(supervisor, "SIGSTOP");
  place.touch("go");
  await expect.poll(() => place.exits().get(`${request.taskId}.1.0`)).toBe(0);
  process.kill(supervisor, "SIGKILL");
  expect(await place.host.final(request)).toMatchObject({ stage: "SUCCEEDED" });
  expect(files.kept).toEqual(["a"]);
});
