// What a task hands to later ones when it ends. Of a matrix it is handed on once, when the last way has ended: each
// runtime env as a list in JSON, in the order of the ways.

import { nodeOf } from "../plan/progress.ts";
import type { JobTask } from "../schema/job-task.ts";
import { isExportedName } from "../state.ts";
import type { Draft } from "./draft.ts";
import { taskSpecOf } from "./freeze.ts";

/** Hands on the runtime envs of a task that has ended. */
export function exportOf(draft: Draft, task: JobTask): void {
  if (taskSpecOf(draft.definition, task).matrix) {
    fanIn(draft, task);
    return;
  }
  const { stage, runtimeEnvs = {} } = task.status;
  const hasExports = Object.keys(runtimeEnvs).some(isExportedName);
  if (hasExports && (stage === "SUCCEEDED" || stage === "FAILED")) draft.exportEnvs(task);
}

function fanIn(draft: Draft, task: JobTask): void {
  const node = nodeOf(draft.plan.graph, task);
  if (!draft.plan.isDone(node)) return;
  const lists = listsOf(draft.tasksOf(node), draft);
  if (Object.keys(lists).length === 0) return;
  draft.exportEnvs(draft.updateTask(task, { fanIn: lists }));
}

/** The exported runtime envs of all ways, each as a list; a list with a secret is sealed. */
function listsOf(ways: readonly JobTask[], { context }: Draft): Record<string, string> {
  const values = new Map<string, string[]>();
  const secret = new Set<string>();
  for (const { status } of ways) {
    if (status.stage !== "SUCCEEDED" && status.stage !== "FAILED") continue;
    for (const [name, value] of Object.entries(status.runtimeEnvs ?? {})) {
      if (!isExportedName(name)) continue;
      const isSealed = context.isSealed(value);
      if (isSealed) secret.add(name);
      const list = values.get(name) ?? [];
      list.push(isSealed ? context.unseal(value) : value);
      values.set(name, list);
    }
  }
  return Object.fromEntries(
    Array.from(values, ([name, list]) => {
      const text = JSON.stringify(list);
      return [name, secret.has(name) ? context.seal(text) : text];
    }),
  );
}
