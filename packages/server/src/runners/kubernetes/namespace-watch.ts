// What happens in one namespace of one cluster: the Jobs and pods of this installation and the warnings about them, each
// watched once for all tasks, and told to the attempt that they belong to.

import type { KubeContainer, KubeJob, KubeObject, KubePod } from "@mflow/core/kubernetes/kube-objects";
import type { Warning } from "@mflow/core/kubernetes/observe";
import { selectorOf } from "@mflow/core/kubernetes/render-job";
import type { ClusterClient, KubeError } from "./api/cluster-client.ts";
import { Informer } from "./api/informer.ts";

interface KubeEvent extends KubeObject {
  involvedObject?: { kind?: string; name?: string };
  reason?: string;
  message?: string;
}

/** Who follows a Job. */
export interface JobListener {
  /** Job, pods or warnings changed. */
  changed(): void;
  /** A pod of it is gone; as it was last. */
  podGone(pod: KubePod): void;
}

export interface Snapshot {
  job?: KubeJob;
  pods: KubePod[];
  warnings: readonly Warning[];
  /** Why nothing new is heard of Jobs or pods now. */
  problem?: string;
}

/** A moment in the life of a watch. */
export interface WatchMark {
  jobs: number;
  pods: number;
}

/** Before everything. */
export const FIRST_MARK: WatchMark = { jobs: 0, pods: 0 };

export interface NamespaceWatchOptions {
  client: ClusterClient;
  namespace: string;
  installation: string;
  /** A Job of this installation that nobody follows was found. */
  orphan(job: KubeJob): void;
  warn(message: string): void;
}

/** Warnings that are kept of one Job. */
const MAX_WARNINGS = 8;

export class NamespaceWatch {
  readonly namespace: string;
  readonly #options: NamespaceWatchOptions;
  readonly #jobs: Informer<KubeJob>;
  readonly #pods: Informer<KubePod>;
  readonly #events: Informer<KubeEvent>;
  readonly #listeners = new Map<string, JobListener>();
  readonly #podsOf = new Map<string, Map<string, KubePod>>();
  readonly #problems = new Map<string, string>();
  readonly #warningsOf = new Map<string, Warning[]>();

  constructor(options: NamespaceWatchOptions) {
    this.#options = options;
    const { client, namespace, installation } = options;
    this.namespace = namespace;
    const query = { labelSelector: selectorOf(installation) };
    const failed = (what: string) => (error: KubeError) => {
      const problem = `${what} in namespace ${namespace} of ${client.server} cannot be watched now: ${error.message}`;
      options.warn(problem);
      // Without the permission for events there are fewer reasons; everything else goes on.
      if (what !== "events") this.#setProblem(what, problem);
    };
    this.#jobs = new Informer<KubeJob>(client, {
      path: `/apis/batch/v1/namespaces/${namespace}/jobs`,
      query,
      trim: trimmedJob,
      changed: (job) => this.#jobChanged(job),
      removed: (job) => this.#tell(nameOf(job)),
      listed: () => this.#tellAll(),
      failed: failed("Jobs"),
      recovered: () => this.#setProblem("Jobs", undefined),
    });
    this.#pods = new Informer<KubePod>(client, {
      path: `/api/v1/namespaces/${namespace}/pods`,
      query,
      trim: trimmedPod,
      changed: (pod) => this.#podChanged(pod),
      removed: (pod) => this.#podRemoved(pod),
      listed: () => this.#tellAll(),
      failed: failed("pods"),
      recovered: () => this.#setProblem("pods", undefined),
    });
    this.#events = new Informer<KubeEvent>(client, {
      path: `/api/v1/namespaces/${namespace}/events`,
      query: { fieldSelector: "type=Warning" },
      trim: ({ metadata, involvedObject, reason, message }) => ({
        metadata: { name: metadata?.name, resourceVersion: metadata?.resourceVersion },
        involvedObject: { kind: involvedObject?.kind, name: involvedObject?.name },
        reason,
        message,
      }),
      changed: (event) => this.#warned(event),
      removed: () => {},
      failed: failed("events"),
    });
  }

  start(): void {
    this.#jobs.start();
    this.#pods.start();
    this.#events.start();
  }

  /** Tells what happens to a Job from now on. */
  attach(jobName: string, listener: JobListener): void {
    this.#listeners.set(jobName, listener);
  }

  /** The Job is nobody's from now on. */
  detach(jobName: string): void {
    this.#listeners.delete(jobName);
    this.#warningsOf.delete(jobName);
  }

  get isIdle(): boolean {
    return this.#listeners.size === 0;
  }

  /** Why Jobs or pods cannot be watched now. */
  get problem(): string | undefined {
    return [...this.#problems.values()][0];
  }

  snapshot(jobName: string): Snapshot {
    return {
      job: this.#jobs.get(jobName),
      pods: [...(this.#podsOf.get(jobName)?.values() ?? [])],
      warnings: this.#warningsOf.get(jobName) ?? [],
      problem: this.problem,
    };
  }

  /** Now: see `isListedSince`. */
  mark(): WatchMark {
    return { jobs: this.#jobs.listsBegun, pods: this.#pods.listsBegun };
  }

  /**
   * Whether what existed at a moment was listed since: if it is not here by now, it is gone. A list that was under way at
   * that moment does not count, it may have been taken before.
   */
  isListedSince(mark: WatchMark): boolean {
    return this.#jobs.lastList > mark.jobs && this.#pods.lastList > mark.pods;
  }

  /** Tries again at once what is waiting for its next try. */
  retry(): void {
    for (const informer of [this.#jobs, this.#pods, this.#events]) informer.retry();
  }

  async close(): Promise<void> {
    await Promise.all([this.#jobs.close(), this.#pods.close(), this.#events.close()]);
  }

  #jobChanged(job: KubeJob): void {
    if (this.#listeners.has(nameOf(job))) this.#tell(nameOf(job));
    else this.#options.orphan(job);
  }

  #podChanged(pod: KubePod): void {
    const jobName = jobOf(pod);
    if (jobName === undefined) return;
    let pods = this.#podsOf.get(jobName);
    if (!pods) {
      pods = new Map();
      this.#podsOf.set(jobName, pods);
    }
    pods.set(nameOf(pod), pod);
    this.#tell(jobName);
  }

  #podRemoved(pod: KubePod): void {
    const jobName = jobOf(pod);
    if (jobName === undefined) return;
    const pods = this.#podsOf.get(jobName);
    pods?.delete(nameOf(pod));
    if (pods?.size === 0) this.#podsOf.delete(jobName);
    this.#listeners.get(jobName)?.podGone(pod);
    this.#tell(jobName);
  }

  #warned({ involvedObject, reason = "", message = "" }: KubeEvent): void {
    const { kind, name = "" } = involvedObject ?? {};
    if (kind !== "Job" && kind !== "Pod") return;
    const jobName = kind === "Job" ? name : this.#jobOfPodName(name);
    if (jobName === undefined || !this.#listeners.has(jobName)) return;
    const warnings = this.#warningsOf.get(jobName) ?? [];
    this.#warningsOf.set(jobName, [...warnings, { kind, reason, message } as const].slice(-MAX_WARNINGS));
    this.#tell(jobName);
  }

  /** A pod's name is that of its Job and five characters; of an indexed Job the index is in between. */
  #jobOfPodName(name: string): string | undefined {
    const [, job = "", index = ""] = /^(.+?)(-\d+)?-[a-z0-9]{1,8}$/.exec(name) ?? [];
    return [job + index, job].find((jobName) => this.#listeners.has(jobName));
  }

  #setProblem(what: string, problem: string | undefined): void {
    if (problem === undefined) this.#problems.delete(what);
    else this.#problems.set(what, problem);
    this.#tellAll();
  }

  #tell(jobName: string): void {
    this.#listeners.get(jobName)?.changed();
  }

  #tellAll(): void {
    for (const listener of this.#listeners.values()) listener.changed();
  }
}

function nameOf({ metadata }: KubeObject): string {
  return metadata?.name ?? "";
}

/**
 * Name of the Job that a pod belongs to; none for the copies that people work in. By the label of the Job controller,
 * which stays when somebody deletes the Job and leaves its pods.
 */
function jobOf({ metadata }: KubePod): string | undefined {
  return metadata?.labels?.["batch.kubernetes.io/job-name"] ?? metadata?.labels?.["job-name"];
}

const NO_TEMPLATE = { spec: { containers: [] } };

/** What is looked at later, and no more: there may be thousands. */
function trimmedJob({ metadata, spec, status }: KubeJob): KubeJob {
  const { backoffLimit, backoffLimitPerIndex, parallelism, completions, podFailurePolicy } = spec;
  const { ttlSecondsAfterFinished, activeDeadlineSeconds, suspend } = spec;
  return {
    metadata: metadataOf({ metadata }),
    spec: {
      backoffLimit,
      backoffLimitPerIndex,
      parallelism,
      completions,
      podFailurePolicy,
      ttlSecondsAfterFinished,
      activeDeadlineSeconds,
      suspend,
      template: NO_TEMPLATE,
    },
    status: {
      conditions: status?.conditions,
      startTime: status?.startTime,
      completionTime: status?.completionTime,
      succeeded: status?.succeeded,
      failed: status?.failed,
    },
  };
}

function trimmedPod({ metadata, spec, status }: KubePod): KubePod {
  const named = ({ name, image, terminationMessagePolicy, restartPolicy }: KubeContainer) => ({
    ...{ name, image, terminationMessagePolicy, restartPolicy },
  });
  return {
    metadata: {
      ...metadataOf({ metadata }),
      deletionGracePeriodSeconds: metadata?.deletionGracePeriodSeconds,
    },
    spec: {
      nodeName: spec.nodeName,
      restartPolicy: spec.restartPolicy,
      containers: spec.containers.map(named),
      ...(spec.initContainers && { initContainers: spec.initContainers.map(named) }),
    },
    status: {
      phase: status?.phase,
      reason: status?.reason,
      message: status?.message,
      conditions: status?.conditions,
      containerStatuses: status?.containerStatuses,
      initContainerStatuses: status?.initContainerStatuses,
    },
  };
}

function metadataOf({ metadata = {} }: KubeObject): NonNullable<KubeObject["metadata"]> {
  const { name, namespace, uid, labels, finalizers, deletionTimestamp, creationTimestamp, resourceVersion } =
    metadata;
  return { name, namespace, uid, labels, finalizers, deletionTimestamp, creationTimestamp, resourceVersion };
}
