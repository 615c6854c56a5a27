// Queue, pauses, drain and limits from the command line.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createClient } from "@mflow/sdk";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { makeServedWorkplace, type Workplace } from "../testing/command.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const manifests = `
kind: Job
publish: true
metadata: {name: wait}
spec: {runnerType: FAKE, runnerSpec: {duration: 1h}}
---
kind: Pipeline
metadata: {name: release}
spec: {stages: [{name: main, tasks: [{name: one, job: wait}]}]}
---
kind: Pipeline
metadata: {name: other}
spec: {priority: 3, stages: [{name: main, tasks: [{name: one, job: wait}]}]}
---
kind: Pipeline
metadata: {name: lined}
spec: {queue: {}, stages: [{name: main, tasks: [{name: one, job: wait}]}]}
`;

let place: Workplace;
beforeAll(async () => {
  place = await makeServedWorkplace();
  await place.write("all.yaml", manifests);
  expect((await place.mflow(["apply", "-f", "all.yaml"])).exitCode).toBe(0);
});
afterAll(() => place.remove());

const start = async (...args: string[]) => {
  const { stdout, stderr, exitCode } = await place.mflow(["run", "--detach", ...args]);
  return { id: stdout.trim(), stderr: stderr.trim(), exitCode };
};

test("a second run is refused with what can be done, or waits in line and says for whom", async () => {
  const first = await start("release");
  const refused = await start("release");
  expect([refused.exitCode, refused.stderr]).toEqual([
    2,
    [
      `mflow: pipeline \`release\` is running as ${first.id}; wait for its end, wait in line with \`--queue\`, or cancel it with \`mflow cancel ${first.id}\``,
      "So that runs of the pipeline always wait in line say `queue: {}` in it; so that several are under way `isParallel: true`.",
    ].join("\n"),
  ]);
  const second = await start("release", "--queue", "--priority", "7");
  expect(second.stderr).toBe(
    `mflow: ${second.id} waits for the sequence lock of pipeline \`release\`, held by ${first.id}, 0 before it in line`,
  );
  const { stdout } = await place.mflow(["describe", "run", second.id]);
  expect(stdout).toMatch(/Waits +waits for the sequence lock of pipeline `release`/);
  expect(stdout).toMatch(/Priority +7/);
  expect((await place.mflow(["cancel", "--queue", "release", "-m", "not today"])).stdout).toBe(
    `${second.id} release CANCELED\n`,
  );
  expect((await place.mflow(["cancel", "--queue", "release"])).stderr).toBe(
    "mflow: no run of release waits in line\n",
  );
  expect((await place.mflow(["cancel"])).stderr).toContain("nothing says what to cancel");
  const paused = await place.mflow(["pause", first.id, "-m", "look first"]);
  expect(paused.stdout).toMatch(new RegExp(`^${first.id} release is paused by .* since .*Z: look first\n$`));
  expect((await place.mflow(["resume", first.id])).stdout).toBe(`${first.id} release goes on\n`);
  const events = await place.mflow(["events", "--run", first.id]);
  expect(events.stdout).toMatch(new RegExp(`run ${first.id} release paused by .* \\(look first\\)`));
  expect(events.stdout).toMatch(new RegExp(`run ${first.id} release resumed by `));
});

test("a line is said and canceled whole, as a list also when it is short", async () => {
  const [, url = ""] = /^server +(\S+),/m.exec((await place.mflow(["whoami"])).stdout) ?? [];
  const token = (await readFile(join(place.path, ".mflow", "local.token"), "utf8")).trim();
  const client = createClient({ url, token });
  const ids: string[] = [];
  // One more than a page holds.
  for (let runs = 0; runs < 51; runs++) ids.push((await client.runs.start({ pipelineId: "lined" })).run.id);
  const json = async (...args: string[]) => JSON.parse((await place.mflow([...args, "-o", "json"])).stdout);
  const idsOf = ({ items }: { items: { id: string }[] }) => items.map(({ id }) => id).toSorted();
  expect(idsOf(await json("why", "lined"))).toEqual(ids.toSorted());
  expect(idsOf(await json("cancel", "--queue", "lined"))).toEqual(ids.slice(1).toSorted());
  expect(await json("cancel", "--queue", "lined")).toEqual({ items: [] });
  expect(idsOf(await json("why", "lined"))).toEqual(ids.slice(0, 1));
  expect((await json("why", ids[0] as string)).id).toBe(ids[0]);
});

test("a dry run of a delete refuses what the delete would refuse", async () => {
  const { id } = await start("--queue", "lined");
  const stays = async (kind: string, name: string) =>
    (await place.mflow(["delete", kind, name, "--dry-run"])).stderr;
  expect([
    await stays("run", id),
    await stays("run", "lined"),
    await stays("pipeline", "lined"),
    await stays("job", "wait:v1"),
  ]).toEqual([
    expect.stringMatching(`^mflow: run ${id} is (ACTIVE|PENDING), and stays\n`),
    expect.stringContaining("There is no run `lined`"),
    expect.stringMatching(/^mflow: pipeline lined stays: run run-\w+ has not ended\n/),
    expect.stringContaining("job wait:v1 is PUBLISHED, not a DRAFT, and stays"),
  ]);
});

test("a paused pipeline and a drained server hold runs back, and say why", async () => {
  const paused = await place.mflow(["pause", "other", "-m", "frozen"]);
  expect(paused.stdout).toMatch(/^pipeline other is paused by .* since .*Z: frozen\n$/);
  const run = await start("other");
  expect(run.stderr).toMatch(/ waits: pipeline `other` is paused by .*: frozen$/);
  expect((await place.mflow(["describe", "pipeline", "other"])).stdout).toMatch(/Paused +by .*: frozen/);
  const drained = await place.mflow(["drain", "--message", "upgrade at noon"]);
  expect(drained.stdout).toMatch(/^the server is drained by .* since .*Z: upgrade at noon\n$/);
  expect((await place.mflow(["whoami"])).stdout).toMatch(/\n +drained by .* since .*Z: upgrade at noon\n$/);
  expect((await place.mflow(["resume", "other"])).stdout).toBe("pipeline other goes on\n");
  const { stdout } = await place.mflow(["get", "run", run.id, "-o", "wide"]);
  expect(stdout).toMatch(/PENDING .* 3 .*waits: the server is drained/s);
  expect((await place.mflow(["resume", "--server"])).stdout).toBe("the server goes on\n");
  expect((await place.mflow(["resume"])).stderr).toContain("nothing says what to resume");
});

test("limits are set, listed and deleted", async () => {
  expect((await place.mflow(["limit", "set", "scope/default/web", "10"])).stdout).toBe(
    "limit scope/default/web: 10 tasks at once\n",
  );
  await place.mflow(["limit", "set", "runner/FAKE", "4"]);
  expect((await place.mflow(["limit", "list"])).stdout.trimEnd().split("\n")).toEqual([
    "NAME               TASKS",
    "runner/FAKE        4",
    "scope/default/web  10",
  ]);
  expect((await place.mflow(["limit", "set", "web", "3"])).stderr).toContain(
    "`web` cannot be limited; name `scope/DOMAIN`",
  );
  expect((await place.mflow(["limit", "set", "runner/FAKE", "0"])).exitCode).toBe(2);
  expect((await place.mflow(["limit", "delete", "runner/FAKE", "scope/default/web"])).stdout).toBe(
    "limit runner/FAKE deleted\nlimit scope/default/web deleted\n",
  );
  expect((await place.mflow(["limit", "list"])).stderr).toContain("no limits; set one with");
});

test("limits are kept in files, too", async () => {
  const text = (maxTasks: number) =>
    `kind: Limit\nmetadata: { name: scope/default/web }\nspec: { maxTasks: ${maxTasks} }\n`;
  await place.write("limits.yaml", text(10));
  expect((await place.mflow(["lint", "limits.yaml"])).exitCode).toBe(0);
  const apply = async () => (await place.mflow(["apply", "-f", "limits.yaml"])).stdout;
  expect([await apply(), await apply()]).toEqual([
    "limit scope/default/web created\n",
    "limit scope/default/web unchanged\n",
  ]);
  await place.write("limits.yaml", text(12));
  const diff = await place.mflow(["diff", "-f", "limits.yaml"]);
  expect([diff.exitCode, diff.stdout]).toEqual([
    1,
    "~ limit scope/default/web\n  ~ spec.maxTasks: 10 -> 12\n",
  ]);
  expect(await apply()).toBe("limit scope/default/web updated\n");
  expect((await place.mflow(["limit", "list"])).stdout).toContain("scope/default/web  12");
});
