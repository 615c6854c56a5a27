// The logs of all containers of one attempt, each followed from its first line to its last, in one numbered log; and what
// the containers said when they ended.

import { isHelper } from "@mflow/core/kubernetes/helper-names";
import type {
  KubeContainerStatus,
  KubeJob,
  KubePod,
  KubeTerminated,
} from "@mflow/core/kubernetes/kube-objects";
import { byAge, stepName } from "@mflow/core/kubernetes/observe";
import { parseTerminationOutput } from "@mflow/core/kubernetes/termination-output";
import type { ClusterClient } from "../api/cluster-client.ts";
import type { AttemptLog } from "./attempt-log.ts";
import { ContainerLog } from "./container-log.ts";

/** A log that stands still for so long after its container ended is not waited for any more, milliseconds. */
const STILL_MS = 30_000;

export interface AttemptLogsParts {
  client: ClusterClient;
  namespace: string;
  log: AttemptLog;
  /** Lines of the attempt may be stored already. */
  isResumed: boolean;
  warn(message: string): void;
}

export class AttemptLogs {
  readonly #parts: AttemptLogsParts;
  /** By pod, container and restart. */
  readonly #followed = new Map<string, ContainerLog>();
  readonly #messages = new Map<string, string>();
  #job: KubeJob | undefined;
  #firstPod: string | undefined;
  #isFinished = false;

  constructor(parts: AttemptLogsParts) {
    this.#parts = parts;
  }

  /** What containers put out with their last words; of a name that several say the last one seen counts. */
  get runtimeEnvs(): Record<string, string> {
    const envs = [...this.#messages.values()].map(parseTerminationOutput);
    return Object.assign({}, ...envs.filter((each) => each !== undefined));
  }

  /** Follows every container that has begun. `pods`: of the Job, in any order. */
  follow(job: KubeJob | undefined, pods: readonly KubePod[]): void {
    if (this.#isFinished) return;
    this.#job ??= job;
    for (const pod of pods.toSorted(byAge)) {
      this.#firstPod ??= keyOf(pod);
      const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
      for (const status of [...initContainerStatuses, ...containerStatuses]) this.#container(pod, status);
    }
  }

  #container(pod: KubePod, status: KubeContainerStatus): void {
    const { name, state, lastState, restartCount = 0 } = status;
    // What could not be asked for a moment later: the log of a container that is started again is that of its next life.
    const isLeaving = pod.metadata?.deletionTimestamp !== undefined || pod.spec.restartPolicy !== "Never";
    const key = `${keyOf(pod)}/${name}/${restartCount}`;
    if (!state?.running && !state?.terminated) {
      // It waits to be started again.
      if (lastState?.terminated) this.#followed.get(key)?.ended(endOf(lastState.terminated), isLeaving);
      return;
    }
    this.#followed.get(`${keyOf(pod)}/${name}/${restartCount - 1}`)?.replaced();
    const { terminated } = state;
    let followed = this.#followed.get(key);
    if (!followed) {
      const { client, namespace, log, isResumed, warn } = this.#parts;
      followed = new ContainerLog({
        ...{ client, namespace, log, warn },
        pod: pod.metadata?.name ?? "",
        container: name,
        step: stepName(this.#job, pod, name, keyOf(pod) === this.#firstPod),
        ...(isHelper(name) && { stream: "mflow" as const }),
        isResumed: isResumed || restartCount > 0,
        begunAt: Date.parse((state.running ?? terminated)?.startedAt ?? "") || 0,
        ...(terminated && { endedAt: endOf(terminated) }),
      });
      this.#followed.set(key, followed);
    }
    if (!terminated) return;
    followed.ended(endOf(terminated), isLeaving);
    if (terminated.message && !isHelper(name) && !isLog(pod, name, terminated.exitCode))
      this.#messages.set(`${keyOf(pod)}/${name}`, terminated.message);
  }

  /** No more can be read of a pod that is gone. */
  podGone(job: KubeJob | undefined, pod: KubePod): void {
    this.follow(job, [pod]);
    for (const [key, followed] of this.#followed)
      if (key.startsWith(`${keyOf(pod)}/`)) followed.ended(0, true);
  }

  /**
   * Resolves once the log is whole, as far as it can be had, and the host knows that it is. A node that does not answer is
   * not waited for; a cluster that cannot be asked is, as its pods stay until it was.
   */
  async finish(): Promise<void> {
    const { log } = this.#parts;
    let stored = -1;
    while (!(await settledWithin(this.#allDone(), STILL_MS))) {
      const isAway = [...this.#followed.values()].some((followed) => followed.isAway);
      if (log.stored === stored && !isAway) {
        const text = "the log could not be read to its end: the node does not answer";
        await log.append("", [{ time: Date.now(), text }], "mflow");
        break;
      }
      stored = log.stored;
    }
    this.#isFinished = true;
    for (const followed of this.#followed.values()) followed.close();
    await log.finish();
  }

  /** Resolves once all are done, those as well that are heard of meanwhile. */
  async #allDone(): Promise<boolean> {
    for (let known = -1; known < this.#followed.size; ) {
      known = this.#followed.size;
      await Promise.all([...this.#followed.values()].map(({ done }) => done));
    }
    return true;
  }

  close(): void {
    this.#parts.log.close();
    for (const followed of this.#followed.values()) followed.close();
  }
}

/** With this policy the message of a container that failed and wrote none is the end of its log. */
function isLog({ spec }: KubePod, container: string, exitCode: number): boolean {
  const found = [...spec.containers, ...(spec.initContainers ?? [])].find(({ name }) => name === container);
  return exitCode !== 0 && found?.terminationMessagePolicy === "FallbackToLogsOnError";
}

function endOf({ finishedAt = "" }: KubeTerminated): number {
  return Date.parse(finishedAt) || 0;
}

function keyOf({ metadata }: KubePod): string {
  return metadata?.uid ?? metadata?.name ?? "";
}

/** Whether it settles within `ms`. */
async function settledWithin(what: Promise<boolean>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const isSettled = await Promise.race([what, late]);
  clearTimeout(timer);
  return isSettled;
}
