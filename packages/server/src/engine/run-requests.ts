// Requests that bring new runs and lone tasks: names are resolved, the same Idempotency-Key is recognised, a dry
// run is rendered, and everything else is created through the committer.

import { UNLIMITED } from "@mflow/core/admission";
import { againTasks } from "@mflow/core/again";
import type { Context, MadeOf, RunJobChange, RunPipelineChange } from "@mflow/core/change";
import { createState } from "@mflow/core/decide";
import { changeOf } from "@mflow/core/decide/run-of";
import { renderRun, unusedRunParams } from "@mflow/core/dry-run";
import { MflowError } from "@mflow/core/errors";
import type { RunOrigin } from "@mflow/core/schema/chain";
import type { JobTask } from "@mflow/core/schema/job-task";
import { type ParamValue, paramValueList } from "@mflow/core/schema/param";
import type { PipelineTask } from "@mflow/core/schema/pipeline-task";
import type { RunPipelineRequest } from "@mflow/core/schema/request";
import type { Scope } from "@mflow/core/schema/scalars";
import type { RunState } from "@mflow/core/state";
import type { IdempotencyKey, Store } from "../store/store.ts";
import type { Committer } from "./committer.ts";
import { IdempotencyRace, idempotencyOf, sameRequest } from "./idempotency.ts";
import { type KeepsArtifact, refuseMissingArtifacts } from "./refuse-missing-artifacts.ts";
import { resolveJobs, resolveLoneJob, resolvePipeline } from "./resolve.ts";
import { findLastSuccesses, loadRun, refuseDeprecatedJobs } from "./run-records.ts";
import type {
  Actor,
  RerunInput,
  RollbackInput,
  RunJobInput,
  RunJobResult,
  RunPipelineInput,
  RunPipelineResult,
} from "./submit.ts";
import { type TryOutParts, tryOutTasks } from "./try-out.ts";

export interface RunRequestsParts extends TryOutParts {
  store: Store;
  committer: Committer;
  newId(prefix: string): string;
  /** For checking and rendering; the committer makes its own for deciding. */
  makeContext(actor: Actor): Context;
  refuseWhenDraining(): void;
  /** Keeps a run or lone task from being deleted until the answer is called; throws when it is just being deleted. */
  hold(aggregateId: string): () => void;
  /** Absent: the server keeps nothing. */
  files?: { keeps: KeepsArtifact } | undefined;
}

/** A run that another one starts. */
export interface ChainedInput {
  id: string;
  request: RunPipelineRequest;
  /** Where the pipeline was named. */
  from: Scope;
  /** Where the run is. */
  scope: Scope;
  actor: Actor;
  origin: RunOrigin;
  /** Values for the params that the jobs declare. */
  offered: readonly ParamValue[];
  check(pipeline: string): void;
  /** Refuses the run as it would begin. */
  checkState(state: RunState): void;
}

export class RunRequests {
  readonly #parts: RunRequestsParts;

  constructor(parts: RunRequestsParts) {
    this.#parts = parts;
  }

  async runPipeline({ request, scope, actor, idempotencyKey }: RunPipelineInput): Promise<RunPipelineResult> {
    const { store, newId, makeContext } = this.#parts;
    const idempotency = idempotencyOf("pipeline-tasks", request, scope, actor, idempotencyKey);
    const repeated = await this.#repeated(idempotency);
    if (repeated) return this.#repeatedRun(repeated);
    const { pipeline, told } = await resolvePipeline(request, scope, store.catalog);
    const jobs = await resolveJobs(pipeline.spec, request.documents, scope, store.catalog, told);
    const id = newId("run");
    const change: RunPipelineChange = { type: "runPipeline", id, request, scope, pipeline, jobs };
    // A lock that somebody holds does not matter to a dry run.
    if (request.dryRun) return dryRun(change, { ...makeContext(actor), admission: UNLIMITED }, this.#parts);
    return this.#startRun(change, actor, idempotency);
  }

  async rerun({ runId, request, actor, idempotencyKey }: RerunInput): Promise<RunPipelineResult> {
    const madeOf = async (): Promise<MadeOf> => ({
      how: "RERUN",
      old: await loadRun(runId, this.#parts.store.runs),
      request,
    });
    return this.#startRunOf(`rerun/${runId}`, request, madeOf, actor, idempotencyKey);
  }

  async rollback({ runId, request, actor, idempotencyKey }: RollbackInput): Promise<RunPipelineResult> {
    const madeOf = async (): Promise<MadeOf> => {
      const old = await loadRun(runId, this.#parts.store.runs);
      const lastSuccesses = await findLastSuccesses(old, this.#parts.store.runs);
      return { how: "ROLLBACK", old, request, lastSuccesses };
    };
    return this.#startRunOf(`rollback/${runId}`, request, madeOf, actor, idempotencyKey);
  }

  async #startRunOf(
    verb: string,
    request: unknown,
    madeOf: () => Promise<MadeOf>,
    actor: Actor,
    idempotencyKey: string | undefined,
  ): Promise<RunPipelineResult> {
    const made = await madeOf();
    const idempotency = idempotencyOf(verb, request, made.old.run, actor, idempotencyKey);
    const repeated = await this.#repeated(idempotency);
    if (repeated) return this.#repeatedRun(repeated);
    const change = changeOf(this.#parts.newId("run"), made);
    await this.#refuseAgain(change, made, actor);
    if (!change.request.dryRun) return this.#startRun(change, actor, idempotency);
    return dryRun(change, { ...this.#parts.makeContext(actor), admission: UNLIMITED }, this.#parts);
  }

  /** Refuses a run that is made of another one for what the store tells, as it would begin. */
  async #refuseAgain(change: RunPipelineChange, { old }: MadeOf, actor: Actor): Promise<void> {
    const { store, makeContext, files } = this.#parts;
    // A state of its own: the one that is decided on is made when its turn in the mailbox comes.
    const state = createState(change, { ...makeContext(actor), admission: UNLIMITED });
    await refuseDeprecatedJobs(state, store.catalog);
    if (files) await refuseMissingArtifacts(state, old.run.id, files.keeps);
  }

  /** A run that another one starts. Its id is given, so that it comes once; `check` refuses by the pipeline's name. */
  async runChained({
    from,
    scope,
    actor,
    offered,
    check,
    checkState,
    ...input
  }: ChainedInput): Promise<RunPipelineResult> {
    const { catalog } = this.#parts.store;
    const { id, origin } = input;
    const { pipeline, told } = await resolvePipeline(input.request, from, catalog);
    if (pipeline.name !== undefined) check(pipeline.name);
    const jobs = await resolveJobs(pipeline.spec, input.request.documents, scope, catalog, told);
    const declared = new Set(
      Array.from(jobs.values(), ({ spec }) => spec.runParams ?? []).flatMap((params) =>
        params.map(({ name }) => name),
      ),
    );
    const runParams = [
      ...offered.filter(({ name }) => declared.has(name)),
      ...paramValueList(input.request.runParams),
    ];
    const request = { ...input.request, runParams };
    const change = { type: "runPipeline", id, request, scope, pipeline, jobs, origin } as const;
    return this.#startRun(change, actor, undefined, checkState);
  }

  async #startRun(
    change: RunPipelineChange,
    actor: Actor,
    idempotency?: IdempotencyKey,
    checkState?: (state: RunState) => void,
  ): Promise<RunPipelineResult> {
    const { makeContext } = this.#parts;
    let warnings: string[] = [];
    let again: RunPipelineResult["again"];
    const holds: (() => void)[] = [];
    const create = (): RunState => {
      const context = makeContext(actor);
      const state = createState(change, context);
      if (change.madeOf) {
        for (const id of runsUsed(change.madeOf.old.run.id, state)) holds.push(this.#parts.hold(id));
        again = againTasks(change.madeOf, state, context);
      }
      checkState?.(state);
      warnings = unusedRunParams(state);
      return state;
    };
    const made = await this.#create(change.id, create, actor, idempotency).finally(() => {
      for (const letGo of holds) letGo();
    });
    if (typeof made === "string") return this.#repeatedRun(made);
    return {
      run: made.run as PipelineTask,
      tasks: [...made.tasks.values()],
      ...(again && { again }),
      warnings,
    };
  }

  async runJob({ request, scope, actor, idempotencyKey }: RunJobInput): Promise<RunJobResult> {
    const { store, newId, makeContext } = this.#parts;
    const idempotency = idempotencyOf("job-tasks", request, scope, actor, idempotencyKey);
    const repeated = await this.#repeated(idempotency);
    if (repeated) return { task: await this.#requireTask(repeated), repeated: true };
    const existing = request.id === undefined ? undefined : await store.runs.task(request.id);
    if (existing) return this.#runAgain(existing, request, scope, actor, idempotency);
    const job = await resolveLoneJob(request, scope, store.catalog);
    const id = request.id ?? newId("task");
    const change: RunJobChange = { type: "runJob", request: { ...request, id }, scope, job };
    if (request.dryRun) {
      const context = makeContext(actor);
      const state = createState(change, context);
      const [rendered] = await tryOutTasks(state, renderRun(state, context), context, this.#parts);
      return { task: state.tasks.get(id) as JobTask, rendered };
    }
    const create = () => createState(change, makeContext(actor));
    const made = await this.#create(id, create, actor, idempotency);
    if (typeof made === "string") return { task: await this.#requireTask(made), repeated: true };
    return { task: made.tasks.get(id) as JobTask };
  }

  /** A new attempt of a task that ended; it runs what the task ran. */
  async #runAgain(
    task: JobTask,
    request: RunJobInput["request"],
    scope: Scope,
    actor: Actor,
    idempotency?: IdempotencyKey,
  ): Promise<RunJobResult> {
    if (task.domain !== scope.domain || task.namespace !== scope.namespace) {
      throw new MflowError("NOT_FOUND", `there is no task ${task.id} in ${scope.namespace}.${scope.domain}`);
    }
    const extra = Object.keys(request).filter((key) => key !== "id");
    if (extra.length > 0) {
      const names = extra.map((key) => `\`${key}\``).join(", ");
      throw new MflowError(
        "BAD_REQUEST",
        `task ${task.id} exists; a new attempt runs what it ran, so leave out ${names}`,
      );
    }
    const aggregateId = task.pipelineTaskId ?? task.id;
    const change = { type: "runJob", request, scope } as const;
    const submit = () => this.#parts.committer.submit(aggregateId, change, actor, idempotency);
    const letGo = this.#parts.hold(aggregateId);
    const made = await this.#once(submit, idempotency).finally(letGo);
    if (typeof made === "string") return { task: await this.#requireTask(made), repeated: true };
    return { task: made.tasks.get(task.id) as JobTask };
  }

  #create(
    id: string,
    create: () => RunState,
    actor: Actor,
    idempotency?: IdempotencyKey,
  ): Promise<RunState | string> {
    return this.#once(() => this.#parts.committer.create(id, create, actor, idempotency), idempotency);
  }

  /** What is committed; the id of a run or lone task instead when the Idempotency-Key was used at the same moment. */
  async #once(commit: () => Promise<RunState>, idempotency?: IdempotencyKey): Promise<RunState | string> {
    this.#parts.refuseWhenDraining();
    try {
      return await commit();
    } catch (error) {
      if (error instanceof IdempotencyRace) return sameRequest(error, idempotency);
      // The same request was faster, and what it made is what refuses this one: a lock, or a task that runs.
      const made = error instanceof MflowError ? await this.#repeated(idempotency) : undefined;
      if (made !== undefined) return made;
      throw error;
    }
  }

  async #repeated(idempotency: IdempotencyKey | undefined): Promise<string | undefined> {
    if (!idempotency) return undefined;
    const used = await this.#parts.store.runs.findIdempotency(idempotency.key);
    return used && sameRequest(used, idempotency);
  }

  async #repeatedRun(runId: string): Promise<RunPipelineResult> {
    const { runs } = this.#parts.store;
    const run = await runs.run(runId);
    if (!run) throw keyOfDeleted(`run ${runId}`);
    return { run, tasks: await runs.tasksOfRun(runId), repeated: true };
  }

  async #requireTask(id: string): Promise<JobTask> {
    const task = await this.#parts.store.runs.task(id);
    if (!task) throw keyOfDeleted(`task ${id}`);
    return task;
  }
}

function keyOfDeleted(what: string): MflowError {
  const message = `${what} of this Idempotency-Key was deleted; to start another one, use another key`;
  return new MflowError("NOT_FOUND", message);
}

/** The runs whose rows a run needs that is made of another one: that one, and those that a rollback goes back to. */
function runsUsed(oldId: string, { tasks }: RunState): Set<string> {
  const before = Array.from(tasks.values(), ({ rollback }) => rollback?.lastSuccess?.runId);
  return new Set([oldId, ...before.filter((id) => id !== undefined)]);
}

/** Everything but saving and creation; a lock that somebody holds does not matter. */
async function dryRun(
  change: RunPipelineChange,
  context: Context,
  parts: RunRequestsParts,
): Promise<RunPipelineResult> {
  const state = createState(change, context);
  const rendered = await tryOutTasks(state, renderRun(state, context), context, parts);
  return {
    run: state.run as PipelineTask,
    tasks: [...state.tasks.values()],
    rendered,
    ...(change.madeOf && { again: againTasks(change.madeOf, state, context) }),
    warnings: unusedRunParams(state),
  };
}
