// Follows one attempt from its Job to its end: looks at what the watch knows, reports what changed, brings the logs home,
// and lets the cluster forget the Job once the result is accepted. Everything that is decided here is decided again from
// the same facts after a restart.
//
// An attempt goes through these modes, and never back:
//
//   unseen      the watch does not know the Job yet; nothing can be said
//   followed    CREATING, then ACTIVE; troubles are told, and borne for a while
//   over        Job or pod has said the outcome (#outcome), or
//   brought down  it is stopped (isStopping) or its end was decided here (#verdict): until nothing of it runs
//   reported    the log is whole, and the result is repeated until it is accepted (#isReported)
//   ENDED       the cluster may remove the Job when its time has come; then the attempt is forgotten

import type { KubeJob, KubePod } from "@mflow/core/kubernetes/kube-objects";
import { type Observation, observe } from "@mflow/core/kubernetes/observe";
import { RESULT_FINALIZER } from "@mflow/core/kubernetes/render-job";
import type { AttemptRef, RunnerHost, RunnerReport, StopOptions } from "../runner.ts";
import { type ClusterClient, STRATEGIC_MERGE_PATCH } from "./api/cluster-client.ts";
import { ignoreGone } from "./api/ignore-gone.ts";
import { finalReport, type Result, resultOf, shifted } from "./attempt-result.ts";
import { removeJob } from "./create-job.ts";
import type { AttemptFiles } from "./files/attempt-files.ts";
import { hasEnded, hasPodEnded, isHeld } from "./job-pods.ts";
import { LastPods } from "./last-pods.ts";
import type { AttemptLogs } from "./logs/attempt-logs.ts";
import {
  FIRST_MARK,
  type JobListener,
  type NamespaceWatch,
  type Snapshot,
  type WatchMark,
} from "./namespace-watch.ts";
import type { Placement } from "./placement.ts";
import { PodLosses } from "./pod-losses.ts";
import { TakeDown } from "./take-down.ts";
import { Troubles } from "./troubles.ts";
import { WakeTimer } from "./wake-timer.ts";
import { beginIn, clockShift, endIn } from "./whole-seconds.ts";

export interface KubeAttemptParts {
  host: RunnerHost;
  client: ClusterClient;
  watch: NamespaceWatch;
  logs: AttemptLogs;
  /** Absent: it neither fetches nor keeps files. */
  files?: AttemptFiles;
  /** Keeps a change of the placement. */
  save(placement: Placement): Promise<void>;
  /** How long a node may take to say that a pod has ended whose grace is over, milliseconds. */
  nodeSilenceMs: number;
  /** The result is accepted: the place in the cluster is free. */
  left(): void;
  /** Nothing of the attempt is left to be remembered. */
  forget(): Promise<void>;
  /** Takes out of texts of the cluster what nobody may see. */
  mask(text: string): string;
  warn(message: string): void;
}

const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5_000;
/** The cluster removes what is kept; after so much longer it is done from here, milliseconds. */
const TTL_SLACK_MS = 60_000;
/** `keptUntil` of what goes now, whenever the cluster would remove it. */
const DISCARDED = 0;

export class KubeAttempt implements JobListener {
  readonly ref: AttemptRef;
  readonly files: AttemptFiles | undefined;
  readonly #parts: KubeAttemptParts;
  #placement: Placement;
  /** When the Job is known to have existed: it is gone when everything was listed since without it. */
  readonly #existedAt: WatchMark;
  readonly #losses: PodLosses;
  readonly #takeDown: TakeDown;
  readonly #lastPods: LastPods;
  readonly #troubles = new Troubles();
  readonly #isFresh: boolean;
  #wasSeen = false;
  #startAt: string | undefined;
  /** What the pods or the Job said once stays the result. */
  #outcome: Observation | undefined;
  #lastSeen: Observation | undefined;
  #told = "";
  /** When it ended, as it was said first: a report that is repeated says the same. */
  #endAt: string | undefined;
  #isReported = false;
  readonly #timer = new WakeTimer(() => this.changed());
  #isWorking = false;
  #isWoken = false;
  #isClosed = false;
  #heldBy: string | undefined;
  /** Why the cluster does not do what was asked of it last. */
  #refusal: string | undefined;
  #saving: Promise<void> = Promise.resolve();

  /** `isFresh`: the Job was made or found just now, so that the watch may not know it yet. */
  constructor(ref: AttemptRef, placement: Placement, parts: KubeAttemptParts, isFresh: boolean) {
    this.ref = ref;
    this.#placement = placement;
    this.#parts = parts;
    this.files = parts.files;
    const { jobName, namespace } = placement;
    this.#existedAt = isFresh ? parts.watch.mark() : FIRST_MARK;
    this.#isFresh = isFresh;
    this.#losses = new PodLosses(parts.nodeSilenceMs);
    this.#takeDown = new TakeDown(parts.client, namespace, this.#losses);
    this.#lastPods = new LastPods(parts.client, namespace, ref);
    parts.watch.attach(jobName, this);
    this.changed();
  }

  /** Why work that is stopped does not end, when that is known: a node is silent, or the cluster refuses. */
  get heldBy(): string | undefined {
    return this.#heldBy ?? (this.#isToEnd ? this.#refusal : undefined);
  }

  /** The end that was decided here; said once nothing runs any more. */
  get #verdict(): Result | undefined {
    return this.#placement.verdict;
  }

  /** Its Job is to be taken down. */
  get #isToEnd(): boolean {
    return this.#placement.isStopping === true || this.#verdict !== undefined;
  }

  changed(): void {
    this.#isWoken = true;
    if (this.#isWorking || this.#isClosed) return;
    this.#isWorking = true;
    void this.#work();
  }

  podGone(pod: KubePod): void {
    this.#losses.gone(pod);
    this.#parts.logs.podGone(this.#snapshot().job, pod);
  }

  /** Stops the work, with the pods' own grace unless that is to be 0; the report CANCELED follows once nothing of it runs. */
  async stop({ graceMs }: StopOptions): Promise<void> {
    const { isStopping, isForced } = this.#placement;
    const forces = graceMs <= 0 && !isForced;
    if (!isStopping || forces) await this.#save({ isStopping: true, ...(forces && { isForced: true }) });
    this.changed();
  }

  /** The task is deleted: what is kept goes now, as soon as the cluster answers. */
  async discard(): Promise<void> {
    await this.#save({ keptUntil: DISCARDED });
    this.changed();
  }

  /** Stops following; leaves the work alone. */
  close(): void {
    this.#isClosed = true;
    this.#timer.close();
    this.files?.close();
    this.#parts.logs.close();
    this.#parts.watch.detach(this.#placement.jobName);
  }

  async #work(): Promise<void> {
    let backoff = FIRST_BACKOFF_MS;
    while (this.#isWoken && !this.#isClosed) {
      this.#isWoken = false;
      try {
        await this.#advance();
        this.#refusal = undefined;
        backoff = FIRST_BACKOFF_MS;
      } catch (error) {
        if (this.#isClosed) break;
        const { taskId, attempt } = this.ref;
        const { message } = error as Error;
        this.#refusal = `the cluster does not end it: ${message}; that is tried again`;
        this.#parts.warn(`${taskId}, attempt ${attempt}: ${message}; next try in ${backoff} ms`);
        await new Promise((resolve) => setTimeout(resolve, backoff));
        backoff = Math.min(backoff * 2, MAX_BACKOFF_MS);
        this.#isWoken = true;
      }
    }
    this.#isWorking = false;
  }

  /** Does what follows from what is known now. */
  async #advance(): Promise<void> {
    const now = this.#snapshot();
    const { job } = now;
    if (this.#placement.state === "ENDED") return this.#settle(job);
    // Of work that was there before all is known at once, or the first of its pods would be mistaken.
    if (!this.#isFresh && !this.#parts.watch.isListedSince(FIRST_MARK)) return this.#tellProblem(now);
    if (job) this.#wasSeen = true;
    else if (this.#isUnseen) return this.#tellProblem(now);
    const known = job && !this.#outcome ? await this.#lastPods.of(job, now.pods) : now.pods;
    if (typeof known === "number") return this.#timer.at(known);
    const snapshot = { ...now, pods: this.#losses.withGone(job, known) };
    const seen = observe({ ...snapshot, mask: this.#parts.mask });
    this.#noteFacts(seen, snapshot);
    if (this.#outcome) return this.#end(resultOf(this.#outcome), job);
    if (!job) return this.#end(this.#endOfGone(), undefined);
    if (!this.#isToEnd) {
      const verdict = await this.#judge(seen, job);
      // Its Job goes for it now, which a later life would take for somebody else's doing.
      if (verdict) await this.#save({ verdict });
    }
    if (this.#isToEnd) return this.#bringDown(job, now.pods, seen);
    await this.#report(seen, snapshot);
  }

  /** What the watch knows. A Job that somebody made under the name of one that is gone is not ours. */
  #snapshot(): Snapshot {
    const { jobName, uid } = this.#placement;
    const snapshot = this.#parts.watch.snapshot(jobName);
    const isOther = uid !== undefined && snapshot.job !== undefined && snapshot.job.metadata?.uid !== uid;
    return isOther ? { ...snapshot, job: undefined } : snapshot;
  }

  /** Nothing can be said yet: before the first list nothing is known, and a Job that was just made was not listed yet. */
  get #isUnseen(): boolean {
    return !this.#wasSeen && !this.#parts.watch.isListedSince(this.#existedAt);
  }

  /** Keeps what must not be forgotten when pods and Job go. */
  #noteFacts(seen: Observation, { job, pods }: Snapshot): void {
    if (seen.steps.length > 0) this.#lastSeen = seen;
    if (seen.startAt !== undefined) this.#startAt ??= beginIn(seen.startAt, this.#placement.since);
    this.#parts.logs.follow(job, pods);
    this.files?.seen(seen.helper);
    const isOver = seen.stage === "SUCCEEDED" || seen.stage === "FAILED";
    if (isOver && !seen.mustStop && !this.#isToEnd && job) this.#outcome ??= seen;
  }

  #endOfGone(): Result {
    if (this.#placement.isStopping) return { stage: "CANCELED" };
    const message = `Job ${this.#placement.jobName} in namespace ${this.#placement.namespace} is gone: somebody deleted it`;
    return this.#verdict ?? { stage: "FAILED", reason: "DELETED_OUTSIDE", message };
  }

  /** The end that follows from what is seen, although neither Job nor pod has ended by itself. */
  async #judge(seen: Observation, job: KubeJob): Promise<Result | undefined> {
    // Of a pod that goes with its Job, or that ended, may be heard before the Job.
    const present = seen.mustStop ? await ignoreGone(this.#parts.client.get<KubeJob>(this.#jobPath)) : job;
    if (!present || present.metadata?.uid !== job.metadata?.uid || present.metadata?.deletionTimestamp) {
      const { jobName, namespace } = this.#placement;
      const message = `somebody deleted Job ${jobName} in namespace ${namespace} while it ran`;
      return { stage: "FAILED", reason: "DELETED_OUTSIDE", message };
    }
    if (seen.mustStop) return hasEnded(present) ? undefined : resultOf(seen);
    const silence = this.files?.silence();
    if (silence?.failure) return { stage: "FAILED", ...silence.failure };
    if (silence) this.#timer.at(silence.until);
    const trouble = this.#troubles.look(seen, this.#placement);
    if (trouble && trouble.until > Date.now()) this.#timer.at(trouble.until);
    else if (trouble) return { stage: "FAILED", reason: trouble.reason, message: trouble.message };
    return undefined;
  }

  /** Deletes the Job with its pods, and says the end once they are gone. */
  async #bringDown(job: KubeJob, pods: readonly KubePod[], seen: Observation): Promise<void> {
    this.files?.over();
    const { deletionTimestamp, finalizers = [] } = job.metadata ?? {};
    await this.#takeDown.remove(job, pods, seen.trouble !== undefined && seen.stage === "CREATING");
    const { isForced = false } = this.#placement;
    const again = await this.#takeDown.press(pods, isForced);
    if (again !== undefined) this.#timer.at(again);
    if (deletionTimestamp === undefined) return;
    // What has ended and is held by a finalizer of somebody else's does not run any more.
    const isDone = isForced && pods.length > 0 && pods.every(isHeld);
    if (isDone) return this.#end(this.#endOfGone(), job);
    if (pods.length > 0) return this.#waitForNode(pods, job);
    // While the cluster sees to the pods it holds the Job; the watch of pods tells of each that is not known yet.
    if (finalizers.includes("foregroundDeletion") || !(await this.#lastPods.areGone(job))) return;
    await this.#end(this.#endOfGone(), job);
  }

  /** A node that is lost never says that its pods have ended; who cancels asks for certainty, and can force it. */
  async #waitForNode(pods: readonly KubePod[], job: KubeJob): Promise<void> {
    const silent = this.#losses.silentNode(pods);
    if (!silent) return;
    if (Date.now() < silent.until) return this.#timer.at(silent.until);
    const { message } = silent;
    if (this.#placement.isStopping || !this.#verdict) {
      this.#heldBy = `${message}; \`mflow cancel --force\` does not wait for it`;
      return;
    }
    await this.#end(
      this.#verdict.reason === "EVICTED" && !pods.every(hasPodEnded)
        ? { stage: "FAILED", reason: "NODE_LOST", message }
        : { ...this.#verdict, message: `${this.#verdict.message}; ${message}` },
      job,
    );
  }

  async #report(seen: Observation, snapshot: Snapshot): Promise<void> {
    if (seen.stage === "ACTIVE") return this.#tell({ stage: "ACTIVE", startAt: this.#startAt });
    if (!seen.trouble) return this.#tellProblem(snapshot);
    const { reason, message } = seen.trouble;
    await this.#tell({ stage: "CREATING", reason, message });
  }

  /** Says why nothing is heard of it; that there is no trouble is said only where there was some. */
  async #tellProblem({ problem }: Snapshot): Promise<void> {
    if (problem !== undefined || this.#told !== "") await this.#tell({ stage: "CREATING", message: problem });
  }

  /** Reports what was not reported last. */
  async #tell(what: Pick<RunnerReport, "stage" | "reason" | "message" | "startAt">): Promise<void> {
    const told = JSON.stringify(what);
    if (told === this.#told) return;
    await this.#parts.host.report({ ...this.ref, ...what, at: what.startAt ?? new Date().toISOString() });
    this.#told = told;
  }

  /** Says the result, after the whole log, until it is accepted. */
  async #end(result: Result, job: KubeJob | undefined): Promise<void> {
    const { host, logs } = this.#parts;
    if (!this.#isReported) {
      this.files?.over();
      await logs.finish();
      await host.report(this.#finalReport(result));
      this.#isReported = true;
      if (this.files) await host.files?.forget(this.ref);
    }
    const { keepForMs, keepFailedForMs } = this.#placement;
    const keepMs = { SUCCEEDED: keepForMs, FAILED: keepFailedForMs, CANCELED: 0 }[result.stage];
    await this.#save({ state: "ENDED", keptUntil: Date.now() + keepMs });
    this.#parts.left();
    await this.#settle(job);
  }

  #finalReport(result: Result): RunnerReport {
    const { since } = this.#placement;
    const facts = this.#outcome ?? this.#lastSeen;
    const startAt = this.#startAt;
    const least = Math.max(since, Date.parse(startAt ?? "") || 0);
    const shift = facts?.startAt && startAt ? clockShift(facts.startAt, startAt) : 0;
    this.#endAt ??= facts?.endAt === undefined ? new Date().toISOString() : endIn(facts.endAt, least, shift);
    const { runtimeEnvs } = this.#parts.logs;
    const steps = facts?.steps.map((step) => shifted(step, shift));
    return finalReport({ ...this.ref, ...result, at: this.#endAt, startAt }, steps, runtimeEnvs);
  }

  /** The result is accepted: lets the cluster remove the Job when its time has come, and forgets it then. */
  async #settle(job: KubeJob | undefined): Promise<void> {
    const keptUntil = this.#placement.keptUntil ?? 0;
    if (!job) {
      return this.#isUnseen ? undefined : this.#forget();
    }
    this.#wasSeen = true;
    const isBeingDeleted = job.metadata?.deletionTimestamp !== undefined;
    const ttl = Math.max(Math.ceil((keptUntil - Date.now()) / 1000), 0);
    let isLeftToCluster = isBeingDeleted || job.spec.ttlSecondsAfterFinished !== undefined;
    if (job.metadata?.finalizers?.includes(RESULT_FINALIZER)) {
      const patch = {
        metadata: { "$deleteFromPrimitiveList/finalizers": [RESULT_FINALIZER], uid: job.metadata.uid },
        ...(isBeingDeleted ? {} : { spec: { ttlSecondsAfterFinished: ttl } }),
      };
      const patched = await ignoreGone(
        this.#parts.client.patch<KubeJob>(this.#jobPath, patch, STRATEGIC_MERGE_PATCH),
      );
      if (!patched) return this.#forget();
      isLeftToCluster ||= patched.spec?.ttlSecondsAfterFinished !== undefined;
    }
    if (keptUntil === DISCARDED) {
      await ignoreGone(removeJob(this.#parts.client, job));
      return this.#forget();
    }
    if (isLeftToCluster && Date.now() >= keptUntil) return this.#forget();
    const deadline = keptUntil + (isLeftToCluster ? TTL_SLACK_MS : 0);
    if (Date.now() < deadline) return this.#timer.at(deadline);
    const { uid } = job.metadata ?? {};
    await ignoreGone(
      this.#parts.client.delete(this.#jobPath, { propagationPolicy: "Background", preconditions: { uid } }),
    );
    await this.#forget();
  }

  async #forget(): Promise<void> {
    await this.#parts.forget();
    this.close();
  }

  /** Keeps changes one after another: a stop may come while another one is being kept. */
  #save(change: Partial<Placement>): Promise<void> {
    this.#saving = this.#saving
      .catch(() => {})
      .then(async () => {
        const placement = { ...this.#placement, ...change };
        await this.#parts.save(placement);
        this.#placement = placement;
      });
    return this.#saving;
  }

  get #jobPath(): string {
    const { namespace, jobName } = this.#placement;
    return `/apis/batch/v1/namespaces/${namespace}/jobs/${jobName}`;
  }
}
