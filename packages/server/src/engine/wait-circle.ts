// Two chains of runs may wait for each other: a run below one waits for a sequence lock that the other holds, and the other
// way round. Neither chain shows that alone, so the way is followed from lock to lock before a run below another is made.

import { MflowError } from "@mflow/core/errors";
import { isEnded } from "@mflow/core/transitions";
import type { RunStore } from "../store/store.ts";

type Runs = Pick<RunStore, "lockHolder" | "run" | "tasksOfRun">;

/** Longer ways are not followed; each step of one is a run that waits for its lock. */
const MOST_STEPS = 64;

/** CHAIN_DEADLOCK when whoever holds the lock waits, over other locks, for one of the runs above. */
export async function refuseWaitCircle(runs: Runs, key: string, above: ReadonlySet<string>): Promise<void> {
  const circle = await findCircle(runs, key, above);
  if (!circle) return;
  throw new MflowError(
    "CHAIN_DEADLOCK",
    `its sequence lock is held by ${circle.join(", which waits for ")}, which waits for this: all would wait for ever`,
  );
}

/** The runs from the holder of the lock to one of those above. */
async function findCircle(
  runs: Runs,
  key: string,
  above: ReadonlySet<string>,
): Promise<string[] | undefined> {
  const seen = new Set<string>();
  const open: { key: string; way: string[] }[] = [{ key, way: [] }];
  for (let step = open.pop(); step && seen.size < MOST_STEPS; step = open.pop()) {
    const holder = await runs.lockHolder(step.key);
    if (holder === undefined || seen.has(holder)) continue;
    seen.add(holder);
    const way = [...step.way, holder];
    if (step.way.length > 0 && above.has(holder)) return way;
    for (const lock of await locksAwaitedBelow(runs, holder)) open.push({ key: lock, way });
  }
  return undefined;
}

/** The locks for which runs that a run has started wait in line. */
async function locksAwaitedBelow(runs: Runs, runId: string): Promise<string[]> {
  const locks: string[] = [];
  for (const { status } of await runs.tasksOfRun(runId)) {
    if (!status.child || isEnded(status.stage)) continue;
    const child = await runs.run(status.child.runId);
    if (!child) continue;
    if (child.status.stage === "PENDING" && child.lockKey !== undefined) locks.push(child.lockKey);
    else if (child.status.stage === "ACTIVE") locks.push(...(await locksAwaitedBelow(runs, child.id)));
  }
  return locks;
}
