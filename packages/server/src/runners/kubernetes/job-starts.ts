// How an attempt gets its Job: it is given a place in its cluster, noted in the store, and created there, once. A start is
// answered as soon as that is decided; who waits for a place is created later, and hears of a refusal by a report.

import { setTimeout } from "node:timers/promises";
import { MflowError } from "@mflow/core/errors";
import type { KubeJob } from "@mflow/core/kubernetes/kube-objects";
import { jobNameOf, LABELS } from "@mflow/core/kubernetes/render-job";
import { attemptKey } from "../attempt-key.ts";
import {
  type AttemptRef,
  RetryableStartError,
  type RunnerHost,
  type StartRequest,
  type StartResult,
  type StopOptions,
  type StopResult,
} from "../runner.ts";
import { KubeError } from "./api/cluster-client.ts";
import { problemOf } from "./api/no-answer.ts";
import { chooseNamespace, type KnownClusters, timesOf } from "./cluster-choice.ts";
import type { ClusterWork } from "./cluster-work.ts";
import type { ClustersAtWork } from "./clusters-at-work.ts";
import { createJob, startError } from "./create-job.ts";
import type { KnownCredentials } from "./known-credentials.ts";
import type { KubeAttempt } from "./kube-attempt.ts";
import { type Placement, tombstone, type Where } from "./placement.ts";
import type { Placements } from "./placements.ts";
import { refusedTrial } from "./refused-trial.ts";
import { renderedJobOf, type Wanted, wantedOf } from "./wanted-job.ts";
import type { RunWorkspaces } from "./workspaces.ts";

export interface JobStartsParts {
  placements: Placements;
  works: ClustersAtWork;
  workspaces: RunWorkspaces;
  clusters: KnownClusters;
  installation: string;
  host: RunnerHost;
  seal(plain: string): string;
  unseal(sealed: string): string;
  /** Follows an attempt whose Job exists. */
  follow(ref: AttemptRef, placement: Placement, isFresh: boolean): Promise<KubeAttempt>;
  /** Nothing of the attempt is left. */
  forget(ref: AttemptRef): Promise<void>;
  warn(message: string): void;
}

const FIRST_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 10_000;
/** A creation that takes longer is not waited for by who wants to stop it, milliseconds. */
const PATIENCE_MS = 5_000;
/** A stop that leaves the pods their own grace. */
const AT_LEISURE: StopOptions = { graceMs: Number.POSITIVE_INFINITY };

export class JobStarts {
  readonly #parts: JobStartsParts;
  /** Creations under way. */
  readonly #creating = new Map<string, Promise<StartResult>>();
  /** Attempts of which was told why they are not there yet. */
  readonly #troubled = new Set<string>();
  readonly #closing = new AbortController();
  #credentials: KnownCredentials | undefined;

  constructor(parts: JobStartsParts) {
    this.#parts = parts;
  }

  /** A Job of the attempt is being created now. */
  isCreating(ref: AttemptRef): boolean {
    return this.#creating.has(attemptKey(ref));
  }

  async start(request: StartRequest): Promise<StartResult> {
    const key = attemptKey(request);
    const under = this.#creating.get(key);
    if (under) return under.then(({ state }) => ({ state: state === "STARTED" ? "EXISTS" : state }));
    const known = this.#parts.placements.find(request);
    if (known?.state === "STOPPED") return { state: "STOPPED" };
    if (known && known.state !== "PLACED") return { state: "EXISTS" };
    return this.#tracked(key, this.#place(request, known));
  }

  /** Takes up an attempt that waited for its place, or whose creation was under way, in an earlier life. */
  resume(ref: AttemptRef, placement: Placement): void {
    if (placement.state === "QUEUED") {
      this.#enterLater(ref, placement);
      return;
    }
    this.#parts.works.of(placement).admission.hold(attemptKey(ref));
    this.#createInBackground(ref);
  }

  /** Stops an attempt of which is not known that its Job exists. */
  async stop(ref: AttemptRef, options: StopOptions): Promise<StopResult> {
    await this.#creationOf(ref);
    const { placements, works } = this.#parts;
    const known = placements.find(ref);
    if (known?.state === "PLACED") return this.#stopPlaced(ref, known, options);
    if (known?.state === "CREATED") return this.#stopCreated(ref, known, options);
    if (known && known.state !== "QUEUED") return "GONE";
    if (known) works.of(known).admission.leave(attemptKey(ref));
    await placements.put(ref, tombstone(ref));
    if (known) works.leaveSoon(known);
    return "GONE";
  }

  /** What would be created. Rejects with RUNNER_REFUSED that names each place in the spec. */
  async tryOut(request: StartRequest): Promise<KubeJob> {
    const { works, installation } = this.#parts;
    const wanted = wantedOf(request, this.#parts);
    const work = works.of(wanted.where);
    try {
      const client = await this.#reach(work);
      const namespace = chooseNamespace(wanted.choice, client.contextNamespace);
      const { job } = renderedJobOf(request, wanted, { installation, namespace, claim: "dry-run" });
      await client.create(`/apis/batch/v1/namespaces/${namespace}/jobs`, job, { dryRun: "All" });
      return job;
    } catch (error) {
      throw refusedTrial(request.name, error);
    } finally {
      works.leaveSoon(wanted.where);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#creating.values());
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Resolves when no creation of the attempt is under way; rejects when that takes long. */
  async #creationOf(ref: AttemptRef): Promise<void> {
    if (!this.isCreating(ref)) return;
    const late = new AbortController();
    const isLate = setTimeout(PATIENCE_MS, true, { signal: late.signal }).catch(() => false);
    const isOver = await Promise.race([this.#lastCreationOf(ref).then(() => true), isLate.then(() => false)]);
    late.abort();
    if (!isOver) throw new Error("its creation is under way, and the cluster does not answer");
  }

  /** A start that found no place may be followed at once by the creation for which one came free. */
  async #lastCreationOf(ref: AttemptRef): Promise<void> {
    const creation = this.#creating.get(attemptKey(ref));
    if (!creation) return;
    await creation.catch(() => {});
    await this.#lastCreationOf(ref);
  }

  #tracked(key: string, creation: Promise<StartResult>): Promise<StartResult> {
    this.#creating.set(key, creation);
    const done = () => {
      // Another creation of the attempt may have begun meanwhile.
      if (this.#creating.get(key) === creation) this.#creating.delete(key);
    };
    creation.then(done, done);
    return creation;
  }

  /** Notes where the attempt goes, and creates its Job as soon as the cluster has a place for it. */
  async #place(request: StartRequest, known: Placement | undefined): Promise<StartResult> {
    const { placements, works } = this.#parts;
    const key = attemptKey(request);
    let where: Where | undefined = known;
    try {
      const wanted = wantedOf(request, this.#parts, known);
      where = wanted.where;
      const placement = known ?? (await this.#placementFor(request, wanted));
      const { admission } = works.of(placement);
      if (known || admission.tryEnter(key)) {
        admission.hold(key);
        return await this.#create(request, placement, wanted);
      }
      await placements.put(request, { ...placement, state: "QUEUED" });
      this.#enterLater(request, placement);
      return { state: "STARTED" };
    } catch (error) {
      if (error instanceof RetryableStartError) this.#tellTrouble(request, error.message);
      else if (where) await this.#giveUp(request, where);
      throw error;
    }
  }

  /** Nothing is noted before the cluster was reached once: what cannot have been created can be stopped without it. */
  async #placementFor(request: StartRequest, { choice, spec, where }: Wanted): Promise<Placement> {
    const { works, seal } = this.#parts;
    const client = await this.#reach(works.of(where));
    const kubeconfig = choice.kubeconfig ?? choice.spec.kubeconfig;
    const { KnownCredentials } = await import("./known-credentials.ts");
    this.#credentials ??= new KnownCredentials();
    const secrets = [...request.secrets, ...this.#credentials.of(kubeconfig ?? "")];
    return {
      state: "PLACED",
      since: Date.now(),
      ...where,
      namespace: chooseNamespace(choice, client.contextNamespace),
      jobName: jobNameOf(request.taskId, request.attempt),
      secrets: seal(JSON.stringify(secrets)),
      ...timesOf(spec, choice.spec),
      ...(request.keep && { keep: request.keep }),
    };
  }

  async #reach(work: ClusterWork) {
    try {
      return await work.reach();
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      const { server } = await work.client();
      const message = `cluster ${work.name}: ${problemOf(server, error)}`;
      if (error.isRetryable || error.status === 401) throw new RetryableStartError(message);
      throw new MflowError("RUNNER_REFUSED", message);
    }
  }

  /** Creates the Job of an attempt that has a place. Rejects as `start` does. */
  async #create(request: StartRequest, placed: Placement, wanted: Wanted): Promise<StartResult> {
    const { placements, works, workspaces, installation, follow } = this.#parts;
    const isInWorkspace = wanted.spec.workspace === "run";
    const workspaceOf = aggregateOf(request);
    const placement: Placement = { ...placed, state: "PLACED", ...(isInWorkspace && { workspaceOf }) };
    await placements.put(request, placement);
    const work = works.of(placement);
    const client = await work.client();
    // Watched first: what a creation makes that fails here must be seen.
    await work.watch(placement.namespace);
    const claim = isInWorkspace
      ? await workspaces.ensure(workspaceOf, placement, wanted.choice.spec.workspace)
      : undefined;
    const target = { installation, namespace: placement.namespace, claim };
    const { metadata } = await createJob(client, renderedJobOf(request, wanted, target));
    const created: Placement = { ...placement, state: "CREATED", uid: metadata?.uid };
    await placements.put(request, created);
    this.#tellTrouble(request, undefined);
    await follow(request, created, true);
    return { state: "STARTED" };
  }

  #enterLater(ref: AttemptRef, placement: Placement): void {
    const { admission } = this.#parts.works.of(placement);
    admission.enterLater(attemptKey(ref), () => this.#createInBackground(ref));
  }

  #createInBackground(ref: AttemptRef): void {
    const key = attemptKey(ref);
    this.#tracked(key, this.#createAnswered(ref)).catch((error: unknown) =>
      this.#parts.warn(`${key}: ${(error as Error).message}`),
    );
  }

  /**
   * Creates the Job of an attempt whose start was answered before: one whose turn has come, or whose creation an earlier
   * life was in. Its params are not kept, but asked for again.
   */
  async #createAnswered(ref: AttemptRef): Promise<StartResult> {
    const { host, placements } = this.#parts;
    for (let backoff = FIRST_BACKOFF_MS; !this.#isClosed; backoff = nextBackoff(backoff)) {
      const placement = placements.find(ref);
      if (!placement) return { state: "STOPPED" };
      try {
        const request = await host.startRequest(ref);
        if (!request) return await this.#notWanted(ref, placement);
        const wanted = wantedOf(request, this.#parts, placement);
        await this.#reach(this.#parts.works.of(placement));
        return await this.#create(request, placement, wanted);
      } catch (error) {
        if (!(error instanceof RetryableStartError)) {
          await this.#refused(ref, (error as Error).message);
          await this.#giveUp(ref, placement);
          throw error;
        }
        this.#tellTrouble(ref, error.message);
        await this.#pause(backoff);
      }
    }
    throw new RetryableStartError("the server is stopping");
  }

  /** Of an attempt that is not to be started any more: what an earlier try may have made of it is brought down. */
  async #notWanted(ref: AttemptRef, placement: Placement): Promise<StartResult> {
    if (placement.state === "PLACED") {
      const isGone = (await this.#stopPlaced(ref, placement, AT_LEISURE)) === "GONE";
      return { state: isGone ? "STOPPED" : "EXISTS" };
    }
    const { placements, works } = this.#parts;
    works.of(placement).admission.leave(attemptKey(ref));
    await placements.put(ref, tombstone(ref));
    works.leaveSoon(placement);
    return { state: "STOPPED" };
  }

  async #stopPlaced(ref: AttemptRef, placement: Placement, options: StopOptions): Promise<StopResult> {
    const { placements, works } = this.#parts;
    const work = works.of(placement);
    // Before it is asked: a creation whose answer was lost may still be under way, and what it makes must be seen.
    await work.watch(placement.namespace).catch(() => {});
    const job = await this.#find(placement);
    if (job) {
      const created: Placement = { ...placement, state: "CREATED", uid: job.metadata?.uid };
      await placements.put(ref, created);
      return this.#stopCreated(ref, created, options);
    }
    work.admission.leave(attemptKey(ref));
    await placements.put(ref, tombstone(ref, placement));
    works.leaveSoon(placement);
    return "GONE";
  }

  async #stopCreated(ref: AttemptRef, placement: Placement, options: StopOptions): Promise<StopResult> {
    await (await this.#parts.follow(ref, placement, true)).stop(options);
    return "STOPPING";
  }

  /** The Job of an attempt whose creation was cut off, if it exists. */
  async #find({ namespace, jobName, ...where }: Placement): Promise<KubeJob | undefined> {
    const client = await this.#parts.works.of(where).client();
    try {
      const job = await client.get<KubeJob>(`/apis/batch/v1/namespaces/${namespace}/jobs/${jobName}`);
      return job.metadata?.labels?.[LABELS.installation] === this.#parts.installation ? job : undefined;
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return undefined;
      throw startError(error, client.server);
    }
  }

  /** Says of an attempt whose start was answered what a start would have said. */
  async #refused(ref: AttemptRef, message: string): Promise<void> {
    const at = new Date().toISOString();
    for (let backoff = FIRST_BACKOFF_MS; !this.#isClosed; backoff = nextBackoff(backoff)) {
      try {
        await this.#parts.host.report({ ...ref, stage: "FAILED", reason: "START_ERROR", message, at });
        return;
      } catch (error) {
        this.#parts.warn(`${attemptKey(ref)}: ${(error as Error).message}; next try in ${backoff} ms`);
        await this.#pause(backoff);
      }
    }
    throw new RetryableStartError("the server is stopping");
  }

  /** Forgets an attempt that was refused for good. */
  async #giveUp(ref: AttemptRef, where: Where): Promise<void> {
    const { placements, works, forget } = this.#parts;
    works.of(where).admission.leave(attemptKey(ref));
    this.#troubled.delete(attemptKey(ref));
    if (placements.find(ref)) await forget(ref);
    else works.leaveSoon(where);
  }

  /** A sentence why an attempt is not there yet, or that there is no trouble any more; not to be waited for. */
  #tellTrouble({ taskId, attempt }: AttemptRef, message: string | undefined): void {
    const key = attemptKey({ taskId, attempt });
    if (message === undefined && !this.#troubled.delete(key)) return;
    if (message !== undefined) this.#troubled.add(key);
    if (this.#isClosed) return;
    const at = new Date().toISOString();
    void this.#parts.host.report({ taskId, attempt, stage: "CREATING", message, at }).catch(() => {});
  }

  async #pause(ms: number): Promise<void> {
    await setTimeout(ms, undefined, { signal: this.#closing.signal }).catch(() => {});
  }
}

function nextBackoff(backoff: number): number {
  return Math.min(backoff * 2, MAX_BACKOFF_MS);
}

/** The run, or the lone task. */
function aggregateOf({ pipelineTaskId, taskId }: StartRequest): string {
  return pipelineTaskId ?? taskId;
}
