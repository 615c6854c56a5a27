// What runners remember of work that is elsewhere, and what tells this installation from others.

import { describe, expect, test } from "vitest";
import type { RunnerAttempt, Store } from "../store.ts";
import type { Bench, Database } from "./bench.ts";

const anAttempt = (taskId: string, attempt = 1, body: unknown = { job: taskId }): RunnerAttempt => ({
  taskId,
  attempt,
  body,
});

/** `prepare` makes another empty database. */
export function describeRunnerAttempts(bench: Bench, prepare: () => Promise<Database>): void {
  describe("attempts of runners", () => {
    test("are listed for their runner alone, the oldest first", async () => {
      const { runnerAttempts } = bench.store;
      const kept = [anAttempt("task-c"), anAttempt("task-a", 2), anAttempt("task-a"), anAttempt("task-b")];
      for (const one of kept) await runnerAttempts.put("K8S_JOB", one);
      await runnerAttempts.put("OTHER", anAttempt("task-a", 1, "of another"));
      expect(await runnerAttempts.list("K8S_JOB")).toEqual(kept);
      expect(await runnerAttempts.list("OTHER")).toEqual([anAttempt("task-a", 1, "of another")]);
      expect(await runnerAttempts.list("NONE")).toEqual([]);
    });

    test("are written over what is there for the same attempt, and keep their place", async () => {
      const { runnerAttempts } = bench.store;
      await runnerAttempts.put("K8S_JOB", anAttempt("task-a"));
      await runnerAttempts.put("K8S_JOB", anAttempt("task-b"));
      await runnerAttempts.put(
        "K8S_JOB",
        anAttempt("task-a", 1, { committed: true, list: ["🚀", null, 1.5] }),
      );
      expect(await runnerAttempts.list("K8S_JOB")).toEqual([
        anAttempt("task-a", 1, { committed: true, list: ["🚀", null, 1.5] }),
        anAttempt("task-b"),
      ]);
    });

    test("are removed together, and those that are not known are passed over", async () => {
      const { runnerAttempts } = bench.store;
      for (const taskId of ["task-a", "task-b", "task-c"])
        await runnerAttempts.put("K8S_JOB", anAttempt(taskId));
      await runnerAttempts.put("OTHER", anAttempt("task-a"));
      const gone = [
        { taskId: "task-a", attempt: 1 },
        { taskId: "task-b", attempt: 7 },
        { taskId: "task-z", attempt: 1 },
        { taskId: "task-c", attempt: 1 },
      ];
      await runnerAttempts.remove("K8S_JOB", gone);
      await runnerAttempts.remove("K8S_JOB", []);
      expect(await runnerAttempts.list("K8S_JOB")).toEqual([anAttempt("task-b")]);
      expect(await runnerAttempts.list("OTHER")).toEqual([anAttempt("task-a")]);
    });

    test("survive that the store is opened again, in their order", async () => {
      const { runnerAttempts } = bench.store;
      for (const taskId of ["task-b", "task-a"]) await runnerAttempts.put("K8S_JOB", anAttempt(taskId));
      await bench.store.close();
      const reopened = await bench.another();
      await reopened.runnerAttempts.put("K8S_JOB", anAttempt("task-0"));
      expect(await reopened.runnerAttempts.list("K8S_JOB")).toEqual(
        ["task-b", "task-a", "task-0"].map((taskId) => anAttempt(taskId)),
      );
    });
  });

  test("the id of an installation stays when the store is opened again, and is another for another database", async () => {
    const id = await bench.store.runnerAttempts.installationId();
    expect(id).toMatch(/^[0-9a-z]{20}$/);
    await bench.store.close();
    expect(await (await bench.another()).runnerAttempts.installationId()).toBe(id);
    const other = await prepare();
    const opened: Store = await other.open();
    const otherId = await opened.runnerAttempts.installationId();
    await opened.close();
    await other.dispose();
    expect(otherId).not.toBe(id);
  });
}
