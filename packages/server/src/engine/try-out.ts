// A dry run asks where the work would run whether it would be taken there: the runner's part of it.

import type { Context } from "@mflow/core/change";
import { isSkipped, paramsToCome, type RenderedTask } from "@mflow/core/dry-run";
import { type ErrorDetail, MflowError } from "@mflow/core/errors";
import { createMasker, MASK } from "@mflow/core/mask";
import { secretsOf } from "@mflow/core/params";
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

/**
 * Adds to each rendered task what its runner would make, sensitive values masked. `rendered` has the tasks in the order of
 * the state. Rejects with RUNNER_REFUSED that names every task whose work would be refused, and why.
 */
export async function tryOutTasks(
  state: RunState,
  rendered: readonly RenderedTask[],
  context: Context,
  parts: TryOutParts,
): Promise<RenderedTask[]> {
  const refusals: MflowError[] = [];
  const tried = [...rendered];
  for (const [index, task] of [...state.tasks.values()].entries()) {
    const runner = parts.runners.get(task.runnerType);
    if (!runner?.tryOut || isSkipped(state, task) || task.keptFrom) continue;
    const { known } = paramsToCome(state, task, context);
    const plain = known.map((param) =>
      context.isSealed(param.value) ? { ...param, value: context.unseal(param.value) } : param,
    );
    const first = { ...task, attempt: 1, params: plain };
    try {
      const made = await runner.tryOut(makeStartRequest(first, state.definition, PLAIN, parts.mflowUrl()));
      if (made) tried[index] = { ...(rendered[index] as RenderedTask), made: masked(made, secretsOf(plain)) };
    } catch (error) {
      if (!(error instanceof MflowError)) throw error;
      refusals.push(error);
    }
  }
  if (refusals.length === 0) return tried;
  const details: ErrorDetail[] = refusals.flatMap((refusal) => refusal.details);
  throw new MflowError("RUNNER_REFUSED", refusals.map(({ message }) => message).join("; "), details);
}

/** TEMPLATE params bring sensitive values to any place, as numbers and booleans too. */
function masked(made: Record<string, unknown>, sensitive: readonly string[]): Record<string, unknown> {
  const secrets = sensitive.filter((text) => text !== "");
  const mask = createMasker(secrets);
  const maskNode = (node: unknown): unknown => {
    if (typeof node === "string") return secrets.includes(node) ? MASK : mask(node);
    if (typeof node === "number" || typeof node === "boolean")
      return secrets.includes(String(node)) ? MASK : node;
    if (Array.isArray(node)) return node.map(maskNode);
    if (typeof node !== "object" || node === null) return node;
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, maskNode(value)]));
  };
  return maskNode(made) as Record<string, unknown>;
}
