// Runs that other runs start: the work of a PIPELINE task, and what follows a run that SUCCEEDED. Both run with the
// rights of whoever started the run above, in the scope of their own pipeline. Each has its id before it is started, from
// the transaction that wanted it, so that however often a start is tried, one run comes of it.

import { heldByRun, heldByTask } from "@mflow/core/admission-keys";
import { refuseChain } from "@mflow/core/chain";
import { type HeldAbove, refuseDeadlock } from "@mflow/core/chain-deadlock";
import { MflowError } from "@mflow/core/errors";
import { formatPipelineRef, parsePipelineRef } from "@mflow/core/reference";
import type { RunOrigin } from "@mflow/core/schema/chain";
import type { ParamValue } from "@mflow/core/schema/param";
import type { RunDefinition } from "@mflow/core/schema/pipeline-task";
import type { RunPipelineRequest } from "@mflow/core/schema/request";
import type { Labels, Scope } from "@mflow/core/schema/scalars";
import type { Store } from "../store/store.ts";
import type { EngineOptions } from "./options.ts";
import type { RunRequests } from "./run-requests.ts";

export interface ChainedRunsParts {
  store: Pick<Store, "runs" | "catalog">;
  runRequests: Pick<RunRequests, "runChained">;
  rightsOf: EngineOptions["rightsOf"];
  unseal(sealed: string): string;
}

export interface ChainedRun {
  id: string;
  /** The pipeline as it was written, in a scope. */
  pipeline: string;
  from: Scope;
  /** Who started the run above. */
  by: string;
  origin: RunOrigin;
  /** Of the run above. */
  definition: Pick<RunDefinition, "documents">;
  /** Values for the params that its jobs declare; the others are left out. */
  offered?: ParamValue[];
  given: ParamValue[];
  labels?: Labels;
  queue?: boolean;
}

type Documents = NonNullable<RunPipelineRequest["documents"]>;

export class ChainedRuns {
  readonly #parts: ChainedRunsParts;

  constructor(parts: ChainedRunsParts) {
    this.#parts = parts;
  }

  /** Starts the run unless it is there. Rejects with the refusal, as a request of a person would be refused. */
  async start(wanted: ChainedRun): Promise<"STARTED" | "EXISTS"> {
    const { runs } = this.#parts.store;
    if (await runs.run(wanted.id)) return "EXISTS";
    const { id, pipeline, from, by, origin, labels, queue } = wanted;
    const documents = this.#documentsOf(wanted);
    const scope = await this.#homeOf(pipeline, from);
    this.#demandRights(by, pipeline, scope);
    const request: RunPipelineRequest = {
      pipelineId: pipeline,
      triggerMode: "PIPELINE",
    };
    request.runParams = wanted.given;
    if (documents) request.documents = documents;
    if (labels) request.labels = labels;
    if (queue) request.queue = true;
    const above = await this.#heldAbove(origin.parent);
    try {
      await this.#parts.runRequests.runChained({
        ...{ id, request, from, scope, origin },
        actor: { name: by, operator: true },
        offered: wanted.offered ?? [],
        checkState: (state) => refuseDeadlock(state, above),
        check: (name) => refuseChain(origin.chain ?? [], formatPipelineRef({ name, ...scope })),
      });
    } catch (error) {
      // Another try was quicker.
      if (await runs.run(id)) return "EXISTS";
      throw error;
    }
    return "STARTED";
  }

  /** What the tasks and runs above, which wait for this one, hold meanwhile. */
  async #heldAbove(parent: RunOrigin["parent"]): Promise<HeldAbove[]> {
    const { runs } = this.#parts.store;
    const above: HeldAbove[] = [];
    for (let next = parent; next; ) {
      const task = await runs.task(next.taskId);
      const run = next.runId === undefined ? undefined : await runs.run(next.runId);
      const definition = await runs.definition(next.runId ?? next.taskId);
      if (task && definition) above.push({ id: task.id, needs: heldByTask(task, run, definition) });
      if (run) above.push({ id: run.id, needs: heldByRun(run) });
      next = run?.parent;
    }
    return above;
  }

  /** What the request of the run above brought along; documents that name no scope are in that of the run. */
  #documentsOf({ definition, from }: ChainedRun): Documents | undefined {
    if (definition.documents === undefined) return undefined;
    const documents = JSON.parse(this.#parts.unseal(definition.documents)) as Documents;
    return documents.map((document) => ({
      ...document,
      metadata: { ...document.metadata, ...scopeIn(document.metadata, from) },
    })) as Documents;
  }

  /** The scope of the pipeline, and so of its run. */
  async #homeOf(reference: string, from: Scope): Promise<Scope> {
    const ref = parsePipelineRef(reference, from);
    if (!("id" in ref)) return { domain: ref.domain, namespace: ref.namespace };
    const stored = await this.#parts.store.catalog.pipeline(ref.id);
    if (!stored) throw unknownPipeline(reference);
    return { domain: stored.domain, namespace: stored.namespace };
  }

  #demandRights(by: string, pipeline: string, scope: Scope): void {
    const rights = this.#parts.rightsOf?.(by, scope) ?? "RUNS";
    if (rights === "NONE") throw unknownPipeline(pipeline);
    if (rights === "RUNS") return;
    throw new MflowError(
      "FORBIDDEN",
      `${by}, who started the run, needs the role operator in namespace ${scope.namespace} of domain ${scope.domain} to run \`${pipeline}\``,
    );
  }
}

/** To who may not see it, it does not exist. */
function unknownPipeline(reference: string): MflowError {
  return new MflowError("NOT_FOUND", `there is no pipeline \`${reference}\``);
}

function scopeIn({ domain, namespace }: Partial<Scope>, from: Scope): Scope {
  return { domain: domain ?? from.domain, namespace: namespace ?? from.namespace };
}
