// A dry run asks where the work would run whether it would be taken there: the runner's part of it.

import type { Context } from "@mflow/core/change";
import { taskSpecOf } from "@mflow/core/decide/freeze";
import { paramsToCome } from "@mflow/core/dry-run";
import { type ErrorDetail, MflowError } from "@mflow/core/errors";
import type { RunState } from "@mflow/core/state";
import type { Runner } from "../runners/runner.ts";
import { makeStartRequest } from "./start-request.ts";

export interface TryOutParts {
  runners: ReadonlyMap<string, Runner>;
  /** Address of this server as tasks reach it. */
  mflowUrl(): string;
}

/** Nothing is sealed before a run is stored, and no attempt exists that a token could speak for. */
const PLAIN = { unseal: (text: string) => text, updateToken: () => "dry-run" };

/** Rejects with RUNNER_REFUSED that names every task whose work would be refused, and why. */
export async function tryOutTasks(state: RunState, context: Context, parts: TryOutParts): Promise<void> {
  const refusals: MflowError[] = [];
  for (const task of state.tasks.values()) {
    const runner = parts.runners.get(task.runnerType);
    if (!runner?.tryOut || taskSpecOf(state.definition, task).skipRun) continue;
    const { known } = paramsToCome(state, task, context);
    const plain = known.map((param) =>
      context.isSealed(param.value) ? { ...param, value: context.unseal(param.value) } : param,
    );
    const first = { ...task, attempt: 1, params: plain };
    try {
      await runner.tryOut(makeStartRequest(first, state.definition, PLAIN, parts.mflowUrl()));
    } catch (error) {
      if (!(error instanceof MflowError)) throw error;
      refusals.push(error);
    }
  }
  if (refusals.length === 0) return;
  const details: ErrorDetail[] = refusals.flatMap((refusal) => refusal.details);
  throw new MflowError("RUNNER_REFUSED", refusals.map(({ message }) => message).join("; "), details);
}
