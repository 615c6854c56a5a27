// What steps leave running: it ends with them, unless they keep it.

import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Cgroups } from "./supervisor/cgroup.ts";
import { OpenedPlace } from "./testing/opened-place.ts";
import { runs, until } from "./testing/shell-place.ts";

let place: OpenedPlace;
beforeAll(async () => {
  place = await OpenedPlace.open();
});
afterAll(() => place.dispose());

/** The numbers that a script printed. */
function numbers(texts: string[]): number[] {
  return texts.flatMap((line) => /\| ([0-9]+)$/.exec(line)?.[1] ?? []).map(Number);
}

/** A piece of script that waits for a file. */
function untilThere(path: string): string {
  return `until test -e '${path}'; do sleep 0.02; done`;
}

test("a process in the background ends with the step, without delay when it does not hold the pipe", async () => {
  const durations: number[] = [];
  for (let round = 0; round < 3; round++) {
    const { report, texts } = await place.run("sleep 1000 >/dev/null 2>&1 & echo $!");
    expect(report.stage).toBe("SUCCEEDED");
    durations.push(report.steps?.[0]?.durationMs ?? Number.POSITIVE_INFINITY);
    await until(async () => !(await runs(numbers(texts)[0] ?? 0)));
  }
  // Each would take two seconds if the step waited, as in the next test; the machine may be busy in one of them.
  expect(Math.min(...durations)).toBeLessThan(2000);
});

test("a process that holds the pipe has two seconds to let it go", async () => {
  const began = performance.now();
  const { report, texts } = await place.run("(sleep 0.5; echo late) & sleep 1000 & echo $!");
  expect(report.stage).toBe("SUCCEEDED");
  expect(texts.at(-1)).toBe("stdout step-1| late");
  expect(performance.now() - began).toBeGreaterThan(1900);
  await until(async () => !(await runs(numbers(texts)[0] ?? 0)));
});

test("a process that has left the group and the session ends too", async () => {
  const { texts } = await place.run(
    `setsid sh -c 'echo $$; touch there; sleep 1000 >/dev/null 2>&1' & ${untilThere("there")}`,
  );
  const [pid = 0] = numbers(texts);
  expect(pid).toBeGreaterThan(0);
  await until(async () => !(await runs(pid)));
});

test("a process that has thrown its environment away writes into nobody else's log", async () => {
  const daemon = "sleep 0.3; for i in 1 2 3 4 5 6 7 8; do echo $$; sleep 0.1; done";
  await place.run(`setsid env -i sh -c '${daemon}' &`);
  const { texts } = await place.run("sleep 0.5; echo mine");
  expect(texts).toEqual(["stdout step-1| mine"]);
});

test("a step keeps what it wants to keep, for later steps and tasks", async () => {
  const { report, texts } = await place.run({
    workspace: "run",
    steps: [
      { name: "serve", run: "sleep 1000 >/dev/null 2>&1 & echo $! | tee pid", keepProcesses: true },
      { name: "look", run: 'kill -0 "$(cat pid)" && echo sees it' },
    ],
  });
  expect(report.stage).toBe("SUCCEEDED");
  expect(texts.at(-1)).toBe("stdout look| sees it");
  const [pid = 0] = numbers(texts);
  expect((await place.run(`kill -0 ${pid}`)).report.stage).toBe("SUCCEEDED");
  expect((await place.run(`kill ${pid}`)).report.stage).toBe("SUCCEEDED");
  await until(async () => !(await runs(pid)));
});

test("a kept process that writes on does not hang, and nobody's log gets what it writes", async () => {
  const script = "(while :; do head -c 100000 /dev/zero | tr '\\0' x; sleep 0.02; done) & echo $!";
  const { texts } = await place.run({ steps: [{ run: script, keepProcesses: true }] });
  const [pid = 0] = numbers(texts);
  const { texts: others } = await place.run("sleep 0.5; echo mine");
  expect(others).toEqual(["stdout step-1| mine"]);
  const state = await place.run(`kill -0 ${pid} && cat /proc/${pid}/wchan; kill -9 ${pid}`);
  expect(state.texts.join()).not.toContain("pipe_write");
});

test("a stop takes a process that a step wanted to keep", async () => {
  const script = "sleep 1000 >/dev/null 2>&1 & echo $!; sleep 1000";
  const request = await place.start({ steps: [{ run: script, keepProcesses: true }] });
  await place.host.logged(request, "");
  await place.current.stop(request, { graceMs: 500 });
  expect((await place.host.final(request)).stage).toBe("CANCELED");
  const [pid = 0] = numbers(place.host.texts(request));
  await until(async () => !(await runs(pid)));
});

test("a process that has thrown everything away ends with its cgroup, where there are any", async () => {
  const there = join(place.dataDir, "there");
  const daemon = `setsid env -i sh -c 'echo $$; exec >"${there}" 2>&1; sleep 1000' & ${untilThere(there)}`;
  const { texts } = await place.run(`sleep 0.4; ${daemon}`);
  const [pid = 0] = numbers(texts);
  const hasCgroups = Cgroups.open("test") !== undefined;
  expect(await runs(pid)).toBe(!hasCgroups);
  if (!hasCgroups) process.kill(pid, "SIGKILL");
});
