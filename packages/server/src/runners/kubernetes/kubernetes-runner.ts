// The K8S_JOB runner: runs each attempt of a task as a Job of a Kubernetes cluster. What it knows of an attempt is in the
// store before anything is made in a cluster (placements.ts); how it gets its Job is in job-starts.ts, what becomes of it
// in kube-attempt.ts. Clusters may be away at any time: starts and stops are tried again, and nothing is believed to be
// gone that was not seen to be.

import { MflowError } from "@mflow/core/errors";
import type { KubeJob } from "@mflow/core/kubernetes/kube-objects";
import { byAge } from "@mflow/core/kubernetes/observe";
import { LABELS, RESULT_FINALIZER } from "@mflow/core/kubernetes/render-job";
import type { RunnerAttemptStore } from "../../store/store.ts";
import { attemptKey } from "../attempt-key.ts";
import {
  type AttemptRef,
  RetryableStartError,
  type Runner,
  type RunnerHost,
  type StartRequest,
  type StartResult,
  type StopOptions,
  type StopResult,
  type Terminal,
  type TerminalRequest,
} from "../runner.ts";
import type { ClusterClient, MayDial } from "./api/cluster-client.ts";
import type { KnownClusters } from "./cluster-choice.ts";
import { ClustersAtWork } from "./clusters-at-work.ts";
import { AttemptFiles, type PodFilesCall } from "./files/attempt-files.ts";
import { OVER } from "./files/pod-script.ts";
import { idleMasker } from "./idle-masker.ts";
import { JobStarts } from "./job-starts.ts";
import { KubeAttempt } from "./kube-attempt.ts";
import { AttemptLog } from "./logs/attempt-log.ts";
import { AttemptLogs } from "./logs/attempt-logs.ts";
import { Orphans } from "./orphans.ts";
import { hasJob, isOpen, type Placement } from "./placement.ts";
import { type Placed, Placements } from "./placements.ts";
import { CleanUps } from "./terminal/clean-ups.ts";
import { sweepDebugCopies } from "./terminal/debug-copy.ts";
import { RunWorkspaces } from "./workspaces.ts";

export interface KubernetesRunnerOptions {
  clusters: KnownClusters & { onChange(listener: (name: string) => void): () => void };
  attempts: RunnerAttemptStore;
  vault: { seal(plain: string): string; unseal(sealed: string): string };
  /** Bytes that the log of one attempt keeps. */
  logBytesPerTask: number;
  /** Bytes of one artifact or cache. */
  artifactBytes: number;
  /** Says whether the address in a kubeconfig of a task's own may be dialled. */
  mayDial: MayDial;
  /** How long a node may take to say that a pod has ended whose grace is over, milliseconds (default 60,000). */
  nodeSilenceMs?: number;
  log: { warn(message: string): void };
}

const TYPE = "K8S_JOB";
const NODE_SILENCE_MS = 60_000;

/** The runner, and what the server asks of this one alone. */
export interface ClusterRunner extends Required<Omit<Runner, "resume">> {
  /** Attempts that are under way in a cluster. */
  attemptsIn(cluster: string): number;
  /**
   * The cluster is gone for good: ends what is under way there, CANCELED what was being stopped, else FAILED as LOST, and
   * forgets all that is there.
   */
  abandon(cluster: string): Promise<void>;
  /** Answers what mflow's own containers in the pod of an attempt ask. Rejects with UNAVAILABLE when that may pass. */
  podFiles(ref: AttemptRef, call: PodFilesCall): Promise<string>;
  /** Path of a file that they get. Rejects with NOT_FOUND, and UNAVAILABLE. */
  podFile(ref: AttemptRef, step: string, number: number): Promise<string>;
  /** How it stands with the clusters in use, for metrics. */
  figures(): ClusterFigures[];
}

export interface ClusterFigures {
  cluster: string;
  /** Tasks that have a place there, and those that wait for one. */
  held: number;
  waiting: number;
  /** It can be watched. */
  isWatched: boolean;
}

export function createKubernetesRunner(options: KubernetesRunnerOptions): ClusterRunner {
  return new KubernetesRunner(options);
}

/** What a runner is made of once it is open. */
interface Opened {
  host: RunnerHost;
  works: ClustersAtWork;
  workspaces: RunWorkspaces;
  starts: JobStarts;
  /** Of what terminals leave. */
  cleanUps: CleanUps;
  installation: string;
}

class KubernetesRunner implements ClusterRunner {
  readonly type = TYPE;
  readonly #options: KubernetesRunnerOptions;
  readonly #placements: Placements;
  readonly #followed = new Map<string, KubeAttempt>();
  readonly #orphans = new Orphans((message) => this.#warn(message));
  #opened: Opened | undefined;
  #stopListening: (() => void) | undefined;

  constructor(options: KubernetesRunnerOptions) {
    this.#options = options;
    this.#placements = new Placements(options.attempts, TYPE);
  }

  async open(host: RunnerHost): Promise<void> {
    const { attempts, clusters, vault, mayDial } = this.#options;
    const installation = await attempts.installationId();
    await this.#placements.load();
    const warn = (message: string) => this.#warn(message);
    const works = new ClustersAtWork({
      ...{ clusters, mayDial, installation, warn },
      unseal: (sealed) => vault.unseal(sealed),
      opened: (namespace, client) => this.#sweepCopies(namespace, client),
      orphan: (job, client, left) => this.#orphan(job, client, left),
    });
    const workspaces = new RunWorkspaces({ placements: this.#placements, works, installation, warn });
    const starts = new JobStarts({
      ...{ placements: this.#placements, works, workspaces, clusters, installation, host, warn },
      seal: (plain) => vault.seal(plain),
      unseal: (sealed) => vault.unseal(sealed),
      follow: (ref, placement, isFresh) => this.#follow(ref, placement, isFresh),
      forget: (ref) => this.#forget(ref),
    });
    const cleanUps = new CleanUps(warn);
    this.#opened = { host, works, workspaces, starts, cleanUps, installation };
    this.#stopListening = clusters.onChange((name) => void this.#clusterChanged(name));
    for (const placed of this.#placements.all()) this.#resume(placed);
    for (const aggregateId of this.#placements.releasedWorkspaces()) workspaces.left(aggregateId);
  }

  async start(request: StartRequest): Promise<StartResult> {
    return this.#open.starts.start(request);
  }

  async stop(ref: AttemptRef, options: StopOptions): Promise<StopResult> {
    const known = this.#placements.find(ref);
    if (known?.state === "STOPPED" || known?.state === "ENDED") return "GONE";
    if (known?.state !== "CREATED") return this.#open.starts.stop(ref, options);
    const attempt = this.#followed.get(attemptKey(ref)) ?? (await this.#follow(ref, known, false));
    await attempt.stop(options);
    return "STOPPING";
  }

  async list(): Promise<AttemptRef[]> {
    return this.#placements.all().flatMap(({ ref, placement }) => (isOpen(placement) ? [ref] : []));
  }

  release(aggregateId: string): Promise<void> {
    return this.#open.workspaces.release(aggregateId);
  }

  async discard(taskId: string): Promise<void> {
    for (const { ref, placement } of this.#placements.all()) {
      if (ref.taskId !== taskId || placement.state !== "ENDED") continue;
      const attempt = this.#followed.get(attemptKey(ref));
      if (attempt) await attempt.discard();
      else await this.#placements.put(ref, { ...placement, keptUntil: 0 });
    }
  }

  async tryOut(request: StartRequest): Promise<Record<string, unknown>> {
    return { ...(await this.#open.starts.tryOut(request)) };
  }

  async openTerminal(ref: AttemptRef, request: TerminalRequest): Promise<Terminal> {
    const { works, cleanUps, installation } = this.#open;
    const placement = this.#placements.find(ref);
    const refuse = (why: string) =>
      new MflowError("CONFLICT", `Attempt ${ref.attempt} of ${ref.taskId} cannot be entered: ${why}.`);
    if (placement && isOpen(placement) && !hasJob(placement)) throw refuse("its Job is not created yet");
    if (!placement || !hasJob(placement)) throw refuse(REMOVED);
    const work = works.of(placement);
    const watch = await work.watch(placement.namespace);
    const newest = watch.snapshot(placement.jobName).pods.toSorted(byAge).at(-1);
    if (!newest) throw refuse(placement.state === "ENDED" ? REMOVED : "there is no pod yet");
    const { openPodTerminal } = await import("./terminal/terminal.ts");
    const pod = newest.metadata?.name ?? "";
    return openPodTerminal(
      await work.client(),
      { namespace: placement.namespace, pod, installation },
      request,
      cleanUps,
    );
  }

  async podFiles(ref: AttemptRef, call: PodFilesCall): Promise<string> {
    return (await this.#filesOf(ref)?.ask(call)) ?? OVER;
  }

  async podFile(ref: AttemptRef, step: string, number: number): Promise<string> {
    const file = await this.#filesOf(ref)?.file(step, number);
    if (file !== undefined) return file;
    throw new MflowError("NOT_FOUND", `Attempt ${ref.attempt} of ${ref.taskId} has no ${step} ${number}.`);
  }

  /** Undefined when the attempt is over. */
  #filesOf(ref: AttemptRef): AttemptFiles | undefined {
    const placement = this.#placements.find(ref);
    if (!placement || !isOpen(placement)) return undefined;
    const files = this.#followed.get(attemptKey(ref))?.files;
    if (files) return files;
    // Its Job was made a moment ago, or its cluster is away since the server started.
    throw new MflowError("UNAVAILABLE", `Attempt ${ref.attempt} of ${ref.taskId} is not followed yet.`);
  }

  waitingFor(ref: AttemptRef): string | undefined {
    const placement = this.#placements.find(ref);
    if (placement?.isStopping || placement?.verdict) return this.#followed.get(attemptKey(ref))?.heldBy;
    if (placement?.state !== "QUEUED") return undefined;
    return this.#opened?.works.of(placement).admission.waitingFor(attemptKey(ref));
  }

  attemptsIn(cluster: string): number {
    return this.#placements
      .all()
      .filter(({ placement }) => placement.cluster === cluster && isOpen(placement)).length;
  }

  figures(): ClusterFigures[] {
    const named = this.#opened?.works.all().filter((work) => work.isNamed) ?? [];
    return named.map(({ name, admission, isWatched }) => ({
      ...{ cluster: name, isWatched },
      ...{ held: admission.held, waiting: admission.waiting },
    }));
  }

  async abandon(cluster: string): Promise<void> {
    const { host } = this.#open;
    for (const { ref, placement } of this.#placements.all()) {
      if (placement.cluster !== cluster) continue;
      this.#followed.get(attemptKey(ref))?.close();
      if (isOpen(placement)) {
        const at = new Date().toISOString();
        const message = `cluster \`${cluster}\` was deleted although the work was under way there; what became of it is unknown`;
        // Of a task that is being stopped every end is CANCELED.
        await host.report({ ...ref, stage: "FAILED", reason: "LOST", message, at });
      }
      await this.#forget(ref);
    }
  }

  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    this.#stopListening?.();
    for (const attempt of this.#followed.values()) attempt.close();
    this.#followed.clear();
    // What is being created may wait for an answer that does not come before its connection ends.
    opened?.workspaces.close();
    opened?.cleanUps.close();
    await Promise.all([opened?.starts.close(), opened?.works.close()]);
  }

  get #open(): Opened {
    if (!this.#opened) throw new RetryableStartError("the server is stopping");
    return this.#opened;
  }

  /** Takes up what an earlier life left. The cluster may be away: nothing here waits for it. */
  #resume({ ref, placement }: Placed): void {
    const resumed = async () => {
      const { works, starts } = this.#open;
      // One that was never placed anywhere has nothing to be watched.
      if (placement.state === "STOPPED" && placement.namespace === "") return;
      if (placement.state === "STOPPED") await works.of(placement).watch(placement.namespace);
      else if (!hasJob(placement)) starts.resume(ref, placement);
      else {
        if (placement.state === "CREATED") works.of(placement).admission.hold(attemptKey(ref));
        await this.#follow(ref, placement, false);
      }
    };
    resumed().catch((error: unknown) => {
      this.#warn(`${attemptKey(ref)} cannot be taken up: ${(error as Error).message}`);
    });
  }

  async #follow(given: AttemptRef, placement: Placement, isFresh: boolean): Promise<KubeAttempt> {
    const { host, works } = this.#open;
    const key = attemptKey(given);
    const ref = { taskId: given.taskId, attempt: given.attempt };
    const work = works.of(placement);
    const client = await work.client();
    const watch = await work.watch(placement.namespace);
    const before = this.#followed.get(key);
    if (before) return before;
    if (!this.#opened) throw new RetryableStartError("the server is stopping");
    const warn = (message: string) => this.#warn(message);
    const { vault, logBytesPerTask: maxBytes } = this.#options;
    const mask = idleMasker(() => JSON.parse(vault.unseal(placement.secrets)) as string[]);
    const log = new AttemptLog(ref, { logs: host.logs, warn, mask, maxBytes });
    const { namespace } = placement;
    const logs = new AttemptLogs({ client, log, warn, namespace, isResumed: !isFresh });
    const { keep } = placement;
    const { files } = host;
    const limit = this.#options.artifactBytes;
    const parts = {
      ...{ host, client, watch, logs, mask, warn },
      nodeSilenceMs: this.#options.nodeSilenceMs ?? NODE_SILENCE_MS,
      ...(keep &&
        files && {
          files: new AttemptFiles({ ref, keep, files, limit, graceMs: placement.creationGraceMs }),
        }),
      save: (changed: Placement) => this.#placements.put(ref, changed),
      left: () => work.admission.leave(key),
      forget: () => this.#forget(ref),
    };
    const attempt = new KubeAttempt(ref, placement, parts, isFresh);
    this.#followed.set(key, attempt);
    return attempt;
  }

  async #forget(ref: AttemptRef): Promise<void> {
    const placement = this.#placements.find(ref);
    await this.#placements.remove(ref);
    this.#followed.delete(attemptKey(ref));
    if (placement?.workspaceOf !== undefined) this.#opened?.workspaces.left(placement.workspaceOf);
    if (placement) this.#opened?.works.leaveSoon(placement);
  }

  async #clusterChanged(name: string): Promise<void> {
    try {
      await this.#opened?.works.changed(name);
    } catch (error) {
      this.#warn(`cluster ${name}: ${(error as Error).message}`);
    }
    if (this.#options.clusters.open(name) === undefined) return this.#leaveKept(name);
    // What could not be followed with the settings that were.
    for (const placed of this.#placements.all()) {
      const isFollowed = this.#followed.has(attemptKey(placed.ref));
      if (this.#opened && placed.placement.cluster === name && hasJob(placed.placement) && !isFollowed)
        this.#resume(placed);
    }
  }

  /** A cluster was deleted in which nothing runs: what is kept there is removed by the cluster itself. */
  async #leaveKept(name: string): Promise<void> {
    for (const { ref, placement } of this.#placements.all()) {
      if (placement.cluster !== name || isOpen(placement)) continue;
      this.#followed.get(attemptKey(ref))?.close();
      await this.#forget(ref);
    }
  }

  /** A Job of this installation that nobody follows. */
  #orphan(job: KubeJob, client: ClusterClient, left: AbortSignal): void {
    const { [LABELS.taskId]: taskId, [LABELS.attempt]: attempt } = job.metadata?.labels ?? {};
    if (!this.#opened || taskId === undefined || !job.metadata?.finalizers?.includes(RESULT_FINALIZER))
      return;
    const { host, starts } = this.#opened;
    const ref = { taskId, attempt: Number(attempt) };
    const known = this.#placements.find(ref);
    if (starts.isCreating(ref) || (known && known.state !== "STOPPED")) return;
    this.#orphans.sweep(job, ref, { client, host, left });
  }

  /** Removes copies of pods that sessions of an earlier life left. */
  #sweepCopies(namespace: string, client: ClusterClient): void {
    if (!this.#opened) return;
    const { installation, cleanUps } = this.#opened;
    void sweepDebugCopies(client, namespace, installation, cleanUps);
  }

  #warn(message: string): void {
    this.#options.log.warn(message);
  }
}

const REMOVED =
  "its pod is removed; pods of ended tasks stay as long as `keepFor` and `keepFailedFor` of the job or the cluster say";
