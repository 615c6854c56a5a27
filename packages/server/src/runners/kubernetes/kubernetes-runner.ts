// The K8S_JOB runner: runs each attempt of a task as a Job of a Kubernetes cluster. What it knows of an attempt is in the
// store before anything is made in a cluster; what happens there it hears from one watch per namespace. Clusters may be
// away at any time: starts and stops are tried again, and nothing is believed to be gone that was not seen to be.

import { createHash } from "node:crypto";
import { setTimeout as setIdleTimeout } from "node:timers";
import { setTimeout } from "node:timers/promises";
import { MflowError } from "@mflow/core/errors";
import type { KubeJob } from "@mflow/core/kubernetes/kube-objects";
import { byAge } from "@mflow/core/kubernetes/observe";
import {
  jobNameOf,
  LABELS,
  RESULT_FINALIZER,
  type RenderedJob,
  renderJob,
  workspaceClaimOf,
} from "@mflow/core/kubernetes/render-job";
import { createMasker } from "@mflow/core/mask";
import { K8sJobSpec } from "@mflow/core/schema/runner-spec";
import type { RunnerAttemptStore } from "../../store/store.ts";
import { attemptKey } from "../attempt-key.ts";
import { checkedSpec } from "../checked-spec.ts";
import {
  type AttemptRef,
  RetryableStartError,
  type Runner,
  type RunnerHost,
  type StartRequest,
  type StartResult,
  type StopResult,
  type Terminal,
  type TerminalRequest,
} from "../runner.ts";
import type { ClusterClient, MayDial } from "./api/cluster-client.ts";
import { KubeError } from "./api/cluster-client.ts";
import {
  type ClusterChoice,
  chooseCluster,
  chooseNamespace,
  type KnownClusters,
  limitsOf,
  timesOf,
} from "./cluster-choice.ts";
import { ClusterWork } from "./cluster-work.ts";
import { createJob, startError } from "./create-job.ts";
import { KubeAttempt } from "./kube-attempt.ts";
import { AttemptLog } from "./logs/attempt-log.ts";
import { AttemptLogs } from "./logs/attempt-logs.ts";
import { sweepOrphan } from "./orphans.ts";
import { isOpen, type Placement, WORKSPACES_ATTEMPT, type Workspaces } from "./placement.ts";
import { ensureWorkspace, removeWorkspace } from "./workspaces.ts";

export interface KubernetesRunnerOptions {
  clusters: KnownClusters & { onChange(listener: (name: string) => void): () => void };
  attempts: RunnerAttemptStore;
  vault: { seal(plain: string): string; unseal(sealed: string): string };
  /** Bytes that the log of one attempt keeps. */
  logBytesPerTask: number;
  /** Says whether the address in a kubeconfig of a task's own may be dialled. */
  mayDial: MayDial;
  log: { warn(message: string): void };
}

const TYPE = "K8S_JOB";
const FIRST_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 10_000;
/** The cluster of a task's own kubeconfig is left so long after its last task, milliseconds. */
const IDLE_MS = 30_000;
/** Longer than any start can be under way, milliseconds. */
const TOMBSTONE_MS = 7 * 24 * 3600 * 1000;

/** The runner, and what the server asks of this one alone. */
export interface ClusterRunner extends Required<Runner> {
  /** Attempts that are under way or kept in a cluster. */
  attemptsIn(cluster: string): number;
  /** The cluster is gone for good: what is known to be there is given up, and tasks that ran there end. */
  abandon(cluster: string): Promise<void>;
}

export function createKubernetesRunner(options: KubernetesRunnerOptions): ClusterRunner {
  return new KubernetesRunner(options);
}

class KubernetesRunner implements ClusterRunner {
  readonly type = TYPE;
  readonly #options: KubernetesRunnerOptions;
  readonly #placements = new Map<string, { ref: AttemptRef; placement: Placement }>();
  readonly #workspaces = new Map<string, Workspaces>();
  /** Those that are known to exist, by run, namespace and cluster. */
  readonly #madeWorkspaces = new Set<string>();
  readonly #followed = new Map<string, KubeAttempt>();
  /** Creations under way. */
  readonly #creating = new Map<string, Promise<StartResult>>();
  /** Attempts of which was told why they are not there yet. */
  readonly #troubled = new Set<string>();
  readonly #clusters = new Map<string, ClusterWork>();
  readonly #closing = new AbortController();
  #installation = "";
  #host: RunnerHost | undefined;
  #stopListening: (() => void) | undefined;

  constructor(options: KubernetesRunnerOptions) {
    this.#options = options;
  }

  async open(host: RunnerHost): Promise<void> {
    const { attempts, clusters } = this.#options;
    this.#host = host;
    this.#installation = await attempts.installationId();
    const expired: AttemptRef[] = [];
    for (const { taskId, attempt, body } of await attempts.list(TYPE)) {
      if (attempt === WORKSPACES_ATTEMPT) {
        this.#workspaces.set(taskId, body as Workspaces);
        continue;
      }
      const ref = { taskId, attempt };
      const placement = body as Placement;
      if (placement.state === "STOPPED" && Date.now() - placement.since > TOMBSTONE_MS) expired.push(ref);
      else this.#placements.set(attemptKey(ref), { ref, placement });
    }
    await attempts.remove(TYPE, expired);
    this.#stopListening = clusters.onChange((name) => this.#clusterChanged(name));
    for (const { ref, placement } of this.#placements.values()) this.#resume(ref, placement);
  }

  async start(request: StartRequest): Promise<StartResult> {
    const key = attemptKey(request);
    const under = this.#creating.get(key);
    if (under) return under.then(({ state }) => ({ state: state === "STARTED" ? "EXISTS" : state }));
    const known = this.#placements.get(key)?.placement;
    if (known?.state === "STOPPED") return { state: "STOPPED" };
    if (known && known.state !== "PLACED") return { state: "EXISTS" };
    const placed = this.#place(request, known).catch(async (error: unknown) => {
      if (!(error instanceof RetryableStartError)) await this.#giveUp(request);
      throw error;
    });
    return this.#tracked(key, placed);
  }

  async stop(ref: AttemptRef): Promise<StopResult> {
    const key = attemptKey(ref);
    // What is being created is stopped once it is known to exist, or not to.
    await this.#creating.get(key)?.catch(() => {});
    const known = this.#placements.get(key)?.placement;
    if (!known || known.state === "QUEUED") {
      if (known) (await this.#clusterOf(known)).admission.leave(key);
      await this.#save(ref, tombstone(ref));
      return "GONE";
    }
    if (known.state === "STOPPED" || known.state === "ENDED") return "GONE";
    if (known.state === "PLACED") return this.#stopPlaced(ref, known);
    const attempt = this.#followed.get(key) ?? (await this.#follow(ref, known, false));
    await attempt.stop();
    return "STOPPING";
  }

  async list(): Promise<AttemptRef[]> {
    return [...this.#placements.values()].filter(({ placement }) => isOpen(placement)).map(({ ref }) => ref);
  }

  async release(aggregateId: string): Promise<void> {
    const workspaces = this.#workspaces.get(aggregateId);
    if (!workspaces) return;
    for (const claim of workspaces.claims) {
      const cluster = await this.#clusterOf(claim);
      await removeWorkspace(await cluster.client(), claim.namespace, claim.name);
      if (claim.kubeconfig !== undefined) this.#closeLater(this.#idOf(claim));
    }
    await this.#options.attempts.remove(TYPE, [{ taskId: aggregateId, attempt: WORKSPACES_ATTEMPT }]);
    this.#workspaces.delete(aggregateId);
    for (const made of this.#madeWorkspaces)
      if (made.startsWith(`${aggregateId} `)) this.#madeWorkspaces.delete(made);
  }

  async tryOut(request: StartRequest): Promise<Record<string, unknown>> {
    const { choice, spec } = this.#chosen(request);
    const cluster = await this.#clusterOf(this.#whereOf(choice));
    const client = await cluster.client();
    const namespace = chooseNamespace(choice, client.contextNamespace);
    const { job } = this.#rendered(request, spec, choice, namespace, "dry-run");
    try {
      await client.create(`/apis/batch/v1/namespaces/${namespace}/jobs`, job, { dryRun: "All" });
      return { ...job };
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      throw refusedTrial(request.name, error);
    }
  }

  async openTerminal(ref: AttemptRef, request: TerminalRequest): Promise<Terminal> {
    const placement = this.#placements.get(attemptKey(ref))?.placement;
    const cluster = placement && hasJob(placement) ? await this.#clusterOf(placement) : undefined;
    const watch = placement && (await cluster?.watch(placement.namespace));
    const pods = watch?.snapshot(placement?.jobName ?? "").pods ?? [];
    const newest = pods.toSorted(byAge).at(-1);
    if (!placement || !cluster || !newest) {
      const why = placement && isOpen(placement) ? "there is no pod yet" : "its pod is removed";
      const remedy =
        "pods of ended tasks stay as long as `keepFor` and `keepFailedFor` of the job or the cluster say";
      throw new MflowError(
        "CONFLICT",
        `Attempt ${ref.attempt} of ${ref.taskId} cannot be entered: ${why}; ${remedy}.`,
      );
    }
    const { openPodTerminal } = await import("./terminal/terminal.ts");
    const pod = newest.metadata?.name ?? "";
    const place = { namespace: placement.namespace, pod, installation: this.#installation };
    return openPodTerminal(await cluster.client(), place, request);
  }

  waitingFor(ref: AttemptRef): string | undefined {
    const key = attemptKey(ref);
    if (this.#placements.get(key)?.placement.state !== "QUEUED") return undefined;
    for (const { admission } of this.#clusters.values()) {
      const waits = admission.waitingFor(key);
      if (waits !== undefined) return waits;
    }
    return undefined;
  }

  attemptsIn(cluster: string): number {
    return [...this.#placements.values()].filter(
      ({ placement }) => placement.cluster === cluster && placement.state !== "STOPPED",
    ).length;
  }

  async discard(): Promise<void> {}

  async abandon(): Promise<void> {}

  async close(): Promise<void> {
    this.#host = undefined;
    this.#closing.abort();
    this.#stopListening?.();
    for (const attempt of this.#followed.values()) attempt.close();
    this.#followed.clear();
    await Promise.allSettled(this.#creating.values());
    await Promise.all([...this.#clusters.values()].map((cluster) => cluster.close()));
    this.#clusters.clear();
  }

  #tracked(key: string, creation: Promise<StartResult>): Promise<StartResult> {
    this.#creating.set(key, creation);
    const done = () => this.#creating.delete(key);
    creation.then(done, done);
    return creation;
  }

  /** Notes where the attempt goes, and creates its Job as soon as the cluster has a place for it. */
  async #place(request: StartRequest, known: Placement | undefined): Promise<StartResult> {
    const { choice, spec } = this.#chosen(request);
    const where = this.#whereOf(choice);
    const cluster = await this.#clusterOf(where);
    const client = await cluster.client();
    const key = attemptKey(request);
    const placement: Placement = known ?? {
      state: "PLACED",
      since: Date.now(),
      ...where,
      namespace: chooseNamespace(choice, client.contextNamespace),
      jobName: jobNameOf(request.taskId, request.attempt),
      secrets: this.#options.vault.seal(JSON.stringify(request.secrets)),
      ...timesOf(spec, choice.spec),
    };
    if (known || cluster.admission.tryEnter(key)) {
      cluster.admission.hold(key);
      await this.#save(request, placement);
      return this.#create(request, placement, choice, spec);
    }
    await this.#save(request, { ...placement, state: "QUEUED" });
    this.#enterLater(request, cluster);
    return { state: "STARTED" };
  }

  /** Creates the Job of an attempt that has a place. Rejects as `start` does. */
  async #create(
    request: StartRequest,
    placement: Placement,
    choice: ClusterChoice,
    spec: K8sJobSpec,
  ): Promise<StartResult> {
    const cluster = await this.#clusterOf(placement);
    try {
      const client = await cluster.client();
      // Watched first: what a creation makes that fails here must be seen.
      await cluster.watch(placement.namespace);
      const claim =
        spec.workspace === "run" ? await this.#workspaceFor(request, placement, choice, client) : undefined;
      const rendered = this.#rendered(request, spec, choice, placement.namespace, claim);
      await createJob(client, rendered);
      const created: Placement = { ...placement, state: "CREATED" };
      await this.#save(request, created);
      this.#tellTrouble(request, undefined);
      await this.#follow(request, created, true);
      return { state: "STARTED" };
    } catch (error) {
      if (error instanceof RetryableStartError) this.#tellTrouble(request, error.message);
      throw error;
    }
  }

  #enterLater(ref: AttemptRef, cluster: ClusterWork): void {
    const key = attemptKey(ref);
    cluster.admission.enterLater(key, () => {
      void this.#tracked(key, this.#createAnswered(ref)).catch((error: unknown) =>
        this.#options.log.warn(`${key}: ${(error as Error).message}`),
      );
    });
  }

  /**
   * Creates the Job of an attempt whose start was answered before: one whose turn has come, or whose creation an earlier
   * life was in. Its params are not kept, but asked for again.
   */
  async #createAnswered(ref: AttemptRef): Promise<StartResult> {
    const key = attemptKey(ref);
    const before = this.#placementOf(key);
    const placement: Placement = { ...before, state: "PLACED" };
    let backoff = FIRST_BACKOFF_MS;
    while (this.#host) {
      try {
        const request = await this.#host.startRequest(ref);
        if (!request) return await this.#notWanted(ref, this.#placementOf(key));
        const { choice, spec } = this.#chosen(request);
        await this.#save(ref, placement);
        return await this.#create(request, placement, choice, spec);
      } catch (error) {
        if (!(error instanceof RetryableStartError)) {
          // Its start was answered long ago: it hears the refusal by a report, and is forgotten then.
          await this.#refused(ref, (error as Error).message);
          await this.#giveUp(ref);
          throw error;
        }
        await setTimeout(backoff, undefined, { signal: this.#closing.signal }).catch(() => {});
        backoff = Math.min(backoff * 2, MAX_BACKOFF_MS);
      }
    }
    throw new RetryableStartError("the server is stopping");
  }

  /** Of an attempt that is not to be started any more: what an earlier try may have made of it is brought down. */
  async #notWanted(ref: AttemptRef, placement: Placement): Promise<StartResult> {
    if (placement.state === "PLACED") {
      const isGone = (await this.#stopPlaced(ref, placement)) === "GONE";
      return { state: isGone ? "STOPPED" : "EXISTS" };
    }
    (await this.#clusterOf(placement)).admission.leave(attemptKey(ref));
    await this.#save(ref, tombstone(ref));
    return { state: "STOPPED" };
  }

  /** Stops an attempt of which is not known whether its Job exists. */
  async #stopPlaced(ref: AttemptRef, placement: Placement): Promise<StopResult> {
    const cluster = await this.#clusterOf(placement);
    // Before it is asked: a creation whose answer was lost may still be under way, and what it makes must be seen.
    await cluster.watch(placement.namespace).catch(() => {});
    if (await this.#exists(placement)) {
      const created: Placement = { ...placement, state: "CREATED" };
      await this.#save(ref, created);
      await (await this.#follow(ref, created, true)).stop();
      return "STOPPING";
    }
    cluster.admission.leave(attemptKey(ref));
    await this.#save(ref, tombstone(ref, placement));
    return "GONE";
  }

  /** Says of an attempt that waited and was refused what a start would have said. */
  async #refused(ref: AttemptRef, message: string): Promise<void> {
    const at = new Date().toISOString();
    for (let backoff = FIRST_BACKOFF_MS; this.#host; backoff = Math.min(backoff * 2, MAX_BACKOFF_MS)) {
      try {
        await this.#host.report({ ...ref, stage: "FAILED", reason: "START_ERROR", message, at });
        return;
      } catch (error) {
        this.#options.log.warn(`${attemptKey(ref)}: ${(error as Error).message}; next try in ${backoff} ms`);
        await setTimeout(backoff, undefined, { signal: this.#closing.signal }).catch(() => {});
      }
    }
    throw new RetryableStartError("the server is stopping");
  }

  /** Forgets an attempt that was refused for good. */
  async #giveUp(ref: AttemptRef): Promise<void> {
    const known = this.#placements.get(attemptKey(ref))?.placement;
    if (!known) return;
    const cluster = await this.#clusterOf(known).catch(() => undefined);
    cluster?.admission.leave(attemptKey(ref));
    await this.#forget(ref);
  }

  /** A sentence why an attempt is not there yet, or that there is no trouble any more; not to be waited for. */
  #tellTrouble({ taskId, attempt }: AttemptRef, message: string | undefined): void {
    const key = attemptKey({ taskId, attempt });
    if (message === undefined && !this.#troubled.delete(key)) return;
    if (message !== undefined) this.#troubled.add(key);
    const at = new Date().toISOString();
    void this.#host?.report({ taskId, attempt, stage: "CREATING", message, at }).catch(() => {});
  }

  /** Whether the Job of an attempt whose creation was cut off exists. */
  async #exists({ namespace, jobName, ...where }: Placement): Promise<boolean> {
    const client = await (await this.#clusterOf(where)).client();
    try {
      const job = await client.get<KubeJob>(`/apis/batch/v1/namespaces/${namespace}/jobs/${jobName}`);
      return job.metadata?.labels?.[LABELS.installation] === this.#installation;
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return false;
      throw startError(error);
    }
  }

  /** Takes up what an earlier life left. The cluster may be away: nothing here waits for it. */
  #resume(ref: AttemptRef, placement: Placement): void {
    const key = attemptKey(ref);
    const resumed = async () => {
      // One that was never placed anywhere has nothing to be watched.
      if (placement.state === "STOPPED" && placement.namespace === "") return;
      const cluster = await this.#clusterOf(placement);
      if (placement.state === "STOPPED") await cluster.watch(placement.namespace);
      else if (placement.state === "QUEUED") this.#enterLater(ref, cluster);
      else if (placement.state === "PLACED") {
        cluster.admission.hold(key);
        await this.#tracked(key, this.#createAnswered(ref));
      } else {
        if (placement.state === "CREATED") cluster.admission.hold(key);
        await this.#follow(ref, placement, false);
      }
    };
    resumed().catch((error: unknown) => {
      this.#options.log.warn(`${key} cannot be taken up: ${(error as Error).message}`);
    });
  }

  async #follow(given: AttemptRef, placement: Placement, isFresh: boolean): Promise<KubeAttempt> {
    const key = attemptKey(given);
    const ref = { taskId: given.taskId, attempt: given.attempt };
    const cluster = await this.#clusterOf(placement);
    const client = await cluster.client();
    const watch = await cluster.watch(placement.namespace);
    const before = this.#followed.get(key);
    if (before) return before;
    const host = this.#host;
    if (!host) throw new RetryableStartError("the server is stopping");
    const warn = (message: string) => this.#options.log.warn(message);
    const secrets = JSON.parse(this.#options.vault.unseal(placement.secrets)) as string[];
    const log = new AttemptLog(ref, {
      ...{ logs: host.logs, warn },
      mask: createMasker(secrets),
      maxBytes: this.#options.logBytesPerTask,
    });
    const logs = new AttemptLogs({
      ...{ client, log, warn },
      namespace: placement.namespace,
      isResumed: !isFresh,
    });
    const attempt = new KubeAttempt(
      ref,
      placement,
      {
        ...{ host, client, watch, logs, warn },
        save: (changed) => this.#save(ref, changed),
        left: () => cluster.admission.leave(key),
        forget: () => this.#forget(ref),
      },
      isFresh,
    );
    this.#followed.set(key, attempt);
    return attempt;
  }

  /** What a task asks for, checked. Throws RUNNER_REFUSED. */
  #chosen(request: StartRequest): { choice: ClusterChoice; spec: K8sJobSpec } {
    const spec = checkedSpec(K8sJobSpec, request.spec);
    return { choice: chooseCluster(request, this.#options.clusters), spec };
  }

  #whereOf({ cluster, kubeconfig }: ClusterChoice): Pick<Placement, "cluster" | "kubeconfig"> {
    return kubeconfig === undefined ? { cluster } : { kubeconfig: this.#options.vault.seal(kubeconfig) };
  }

  #rendered(
    request: StartRequest,
    spec: K8sJobSpec,
    choice: ClusterChoice,
    kubeNamespace: string,
    workspaceClaim: string | undefined,
  ): RenderedJob {
    const { taskId, attempt, name, job, domain, namespace, pipelineTaskId, env, secretEnv } = request;
    return renderJob({
      ...{ taskId, attempt, name, job, domain, namespace, pipelineTaskId, env, secretEnv, spec },
      ...{ kubeNamespace, workspaceClaim, installation: this.#installation },
      timeoutMs: request.timeoutMs,
      manualUpdateStatus: request.manualUpdateStatus,
      kubeconfig: choice.kubeconfig ?? choice.spec.kubeconfig,
    });
  }

  async #workspaceFor(
    request: StartRequest,
    { cluster, kubeconfig, namespace }: Placement,
    choice: ClusterChoice,
    client: ClusterClient,
  ): Promise<string> {
    const aggregateId = request.pipelineTaskId ?? request.taskId;
    const of = { aggregateId, namespace, installation: this.#installation };
    const where = cluster === undefined ? { kubeconfig } : { cluster };
    const claims = this.#workspaces.get(aggregateId)?.claims ?? [];
    const name = workspaceClaimOf(aggregateId);
    const isSame = (claim: Workspaces["claims"][number]) =>
      claim.namespace === namespace && this.#idOf(claim) === this.#idOf(where);
    // Known here at once, so that tasks that begin together do not forget each other's; stored before it is made.
    if (!claims.some(isSame)) {
      const claim = { ...where, namespace, name };
      this.#workspaces.set(aggregateId, { state: "WORKSPACES", claims: [...claims, claim] });
    }
    const made = `${aggregateId} ${namespace} ${this.#idOf(where)}`;
    if (this.#madeWorkspaces.has(made)) return name;
    const body = this.#workspaces.get(aggregateId);
    await this.#options.attempts.put(TYPE, { taskId: aggregateId, attempt: WORKSPACES_ATTEMPT, body });
    await ensureWorkspace(client, of, choice.spec.workspace);
    this.#madeWorkspaces.add(made);
    return name;
  }

  /** By which clusters are told apart. */
  #idOf({ cluster, kubeconfig }: Pick<Placement, "cluster" | "kubeconfig">): string {
    if (kubeconfig === undefined) return `cluster ${cluster}`;
    const text = this.#options.vault.unseal(kubeconfig);
    return `kubeconfig ${createHash("sha256").update(text).digest("hex")}`;
  }

  /** The cluster that a placement names. */
  async #clusterOf({ cluster, kubeconfig }: Pick<Placement, "cluster" | "kubeconfig">): Promise<ClusterWork> {
    const { clusters, vault, mayDial, log } = this.#options;
    const text = kubeconfig === undefined ? undefined : vault.unseal(kubeconfig);
    const id = this.#idOf({ cluster, kubeconfig });
    let work = this.#clusters.get(id);
    if (!work) {
      const settings = () => {
        const spec = clusters.open(cluster ?? "");
        if (!spec)
          throw new RetryableStartError(
            `there is no cluster \`${cluster}\` any more; an admin can add it again`,
          );
        return spec;
      };
      work = new ClusterWork({
        name: cluster ?? "of the task's kubeconfig",
        configure: async () => {
          const { kubeConfigOf, kubeConfigOfText } = await import("./api/kube-config.ts");
          return text === undefined
            ? kubeConfigOf(settings())
            : kubeConfigOfText(text, undefined, "/runParams/_kube_config");
        },
        limits: limitsOf(text === undefined ? settings() : {}),
        installation: this.#installation,
        ...(text !== undefined && { mayDial }),
        opened: (namespace, client) => this.#sweepCopies(namespace, client),
        orphan: (job, client) => this.#orphan(job, client),
        warn: (message) => log.warn(message),
      });
      this.#clusters.set(id, work);
    }
    return work;
  }

  #clusterChanged(name: string): void {
    const work = this.#clusters.get(`cluster ${name}`);
    const spec = this.#options.clusters.open(name);
    if (!spec) return;
    const changed = work?.reconfigure(limitsOf(spec)) ?? Promise.resolve();
    changed
      .catch((error: unknown) => this.#options.log.warn(`cluster ${name}: ${(error as Error).message}`))
      .then(() => this.#resumeIn(name));
  }

  /** Takes up what could not be followed with the settings that were. */
  #resumeIn(name: string): void {
    if (!this.#host) return;
    for (const [key, { ref, placement }] of this.#placements) {
      const isFollowable = placement.state === "CREATED" || placement.state === "ENDED";
      if (placement.cluster === name && isFollowable && !this.#followed.has(key))
        this.#resume(ref, placement);
    }
  }

  /** A Job of this installation that nobody follows. */
  #orphan(job: KubeJob, client: ClusterClient): void {
    const { [LABELS.taskId]: taskId, [LABELS.attempt]: attempt } = job.metadata?.labels ?? {};
    const host = this.#host;
    if (!host || taskId === undefined || !job.metadata?.finalizers?.includes(RESULT_FINALIZER)) return;
    const ref = { taskId, attempt: Number(attempt) };
    const known = this.#placements.get(attemptKey(ref))?.placement;
    if (this.#creating.has(attemptKey(ref)) || (known && known.state !== "STOPPED")) return;
    sweepOrphan(job, ref, { client, host, warn: (message) => this.#options.log.warn(message) });
  }

  /** Copies of pods that sessions of an earlier life left. */
  #sweepCopies(namespace: string, client: ClusterClient): void {
    const swept = async () => {
      const { sweepDebugCopies } = await import("./terminal/debug-copy.ts");
      await sweepDebugCopies(client, namespace, this.#installation);
    };
    swept().catch((error: unknown) => {
      this.#options.log.warn(`copies of pods in namespace ${namespace}: ${(error as Error).message}`);
    });
  }

  #placementOf(key: string): Placement {
    const known = this.#placements.get(key);
    if (!known) throw new Error(`attempt ${key} is not known`);
    return known.placement;
  }

  async #save({ taskId, attempt }: AttemptRef, placement: Placement): Promise<void> {
    const ref = { taskId, attempt };
    await this.#options.attempts.put(TYPE, { ...ref, body: placement });
    this.#placements.set(attemptKey(ref), { ref, placement });
  }

  async #forget(ref: AttemptRef): Promise<void> {
    const key = attemptKey(ref);
    const kubeconfig = this.#placements.get(key)?.placement.kubeconfig;
    await this.#options.attempts.remove(TYPE, [ref]);
    this.#placements.delete(key);
    this.#followed.delete(key);
    this.#troubled.delete(key);
    if (kubeconfig !== undefined) this.#closeLater(this.#idOf({ kubeconfig }));
  }

  /** A kubeconfig of a task's own is seldom used again: its watches end when nothing runs by it any more. */
  #closeLater(id: string): void {
    const close = () => {
      const work = this.#clusters.get(id);
      if (!work?.isIdle) return;
      this.#clusters.delete(id);
      void work.close();
    };
    setIdleTimeout(close, IDLE_MS).unref();
  }
}

/** What a trial came to: the sentence of the API server, and the place of each cause in the runner spec. */
function refusedTrial(task: string, error: KubeError): MflowError {
  if (error.status === 0) return new MflowError("RUNNER_REFUSED", `task \`${task}\`: ${error.message}`);
  const details = error.causes.map(({ field, message }) => ({
    path: `/runnerSpec/${field
      .replace(/\[(\d+)\]/g, "/$1")
      .replace(/\[.*?\]/g, "")
      .replaceAll(".", "/")}`,
    message: `Kubernetes would refuse this: ${message}`,
  }));
  return new MflowError(
    "RUNNER_REFUSED",
    `task \`${task}\`: Kubernetes would refuse the Job: ${error.message}`,
    details,
  );
}

/** Whether a Job may be there, with pods. */
function hasJob({ state }: Placement): boolean {
  return state === "CREATED" || state === "ENDED";
}

/** That an attempt never starts; `placement`: where a late creation might still make its Job. */
function tombstone({ taskId, attempt }: AttemptRef, placement?: Placement): Placement {
  const { cluster, namespace = "" } = placement?.kubeconfig === undefined ? (placement ?? {}) : {};
  return {
    state: "STOPPED",
    since: Date.now(),
    ...(cluster !== undefined && { cluster }),
    namespace,
    jobName: jobNameOf(taskId, attempt),
    secrets: "",
    creationGraceMs: 0,
    keepForMs: 0,
    keepFailedForMs: 0,
  };
}
