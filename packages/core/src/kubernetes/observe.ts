// What an attempt does, from what Kubernetes says of its Job, its pods and the warnings about them: the stage, the true
// reason in words, and how each container went. Pure: the same objects give the same answer.

import type { Masker } from "../mask.ts";
import type { StepStatus } from "../schema/job-task.ts";
import { endedStep } from "../step-end.ts";
import { type HelperAtWork, helperAtWork, withoutHelpers } from "./helper-view.ts";
import type { KubeContainerStatus, KubeJob, KubeJobSpec, KubePod, KubeTerminated } from "./kube-objects.ts";
import { conditionOf, outcomeOf } from "./outcome.ts";
import { type Trouble, troubleOf, type Warning } from "./trouble.ts";

export type { Trouble, Warning } from "./trouble.ts";

export interface Observed {
  /** Absent: not created yet, or gone. */
  job?: KubeJob;
  /** Of this Job, in any order. */
  pods: readonly KubePod[];
  /** What Kubernetes warned of Job and pods, oldest first. */
  warnings: readonly Warning[];
  /** Hides secrets in what Job, pods and containers say, before any of it is cut; without it all is told. */
  mask?: Masker;
}

export interface Observation {
  stage: "CREATING" | "ACTIVE" | "SUCCEEDED" | "FAILED";
  /** Why it FAILED. */
  reason?: string;
  message?: string;
  /** What keeps a container from starting. */
  trouble?: Trouble;
  /** FAILED, but the Job does not know yet and might start another pod: it has to be deleted before that is said. */
  mustStop?: boolean;
  /** No container of the author's runs, but one of mflow's that fetches or keeps files. */
  helper?: HelperAtWork;
  /** When the first container began, RFC 3339, whole seconds. */
  startAt?: string;
  /** When the last container ended, the same. */
  endAt?: string;
  steps: StepStatus[];
}

/** What there is to say of an attempt. A Job that is gone, or is being deleted, is the caller's to judge. */
export function observe({ job, pods, warnings, mask = asItIs }: Observed): Observation {
  const whole = pods.toSorted(byAge);
  const sorted = whole.map(withoutHelpers);
  const statuses = sorted.flatMap(statusesOf);
  const startAt = earliest(statuses.map((status) => beginOf(status)));
  const outcome = outcomeOf(job, whole, mask);
  if (outcome) {
    const endAt = endOfAll(statuses, job);
    const steps = stepsOf(job, sorted, finalEnd).map((step) => (endAt ? endedStep(step, endAt) : step));
    return { steps, startAt, ...outcome, endAt, ...masked(outcome, mask) };
  }
  const endAt = latest(statuses.map((status) => presentEnd(status)?.finishedAt));
  const trouble = troubleOf(whole.at(-1), warnings, job);
  const helper = helperAtWork(whole.at(-1));
  return {
    ...{ steps: stepsOf(job, sorted, presentEnd), startAt, endAt },
    stage: startAt === undefined ? "CREATING" : "ACTIVE",
    ...(helper && { helper }),
    ...(trouble && { trouble: { ...trouble, ...masked(trouble, mask) } }),
  };
}

function asItIs(text: string): string {
  return text;
}

function masked({ message }: { message?: string }, mask: Masker): { message?: string } {
  return message === undefined ? {} : { message: mask(message) };
}

/** How a container ended that may begin again. */
function presentEnd({ state }: KubeContainerStatus): KubeTerminated | undefined {
  return state?.terminated;
}

/** How a container ended whose Job is over: one that waited to begin again does not. */
function finalEnd({ state, lastState }: KubeContainerStatus): KubeTerminated | undefined {
  return state?.terminated ?? (state?.running ? undefined : lastState?.terminated);
}

/** When the work ended; of containers whose end was not seen, the Job alone may know. */
function endOfAll(statuses: readonly KubeContainerStatus[], job: KubeJob | undefined): string | undefined {
  const ends = statuses.map((status) => finalEnd(status)?.finishedAt);
  const isOpen = statuses.some((status, index) => ends[index] === undefined && beginOf(status) !== undefined);
  const ofJob = endOfJob(job);
  if (!isOpen) return latest(ends) ?? ofJob;
  return ofJob && latest([...ends, ofJob]);
}

function endOfJob(job: KubeJob | undefined): string | undefined {
  return job?.status?.completionTime ?? conditionOf(job, "Failed")?.lastTransitionTime;
}

/** Init containers first, as they run. */
function statusesOf({ status }: KubePod): KubeContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}

/** The first begin of a container, also before a restart. */
function beginOf({ state, lastState }: KubeContainerStatus): string | undefined {
  const begin = lastState?.terminated?.startedAt ?? state?.running?.startedAt ?? state?.terminated?.startedAt;
  // Of one that could not be started the zero time is told.
  return begin?.startsWith("1970-") ? undefined : begin;
}

/** The containers that began. */
function stepsOf(job: KubeJob | undefined, pods: readonly KubePod[], endOf: typeof finalEnd): StepStatus[] {
  const steps: StepStatus[] = [];
  for (const pod of pods) {
    for (const status of statusesOf(pod)) {
      const begin = beginOf(status);
      if (begin === undefined) continue;
      const ended = endOf(status);
      const step: StepStatus = {
        name: stepName(job, pod, status.name, pod === pods[0]),
        startAt: timestamp(begin),
      };
      if (ended) {
        step.exitCode = ended.exitCode;
        if (ended.finishedAt) {
          step.endAt = timestamp(ended.finishedAt);
          step.durationMs = Date.parse(ended.finishedAt) - Date.parse(begin);
        }
      }
      steps.push(step);
    }
  }
  return steps;
}

/**
 * How a container is called in status and log: by its name, and where a Job has several pods also by the end of its pod's,
 * but in the first pod of a Job that has another only when that one failed. So it is always called the same, whatever
 * other pods are known at the time.
 */
export function stepName(
  job: KubeJob | undefined,
  pod: KubePod,
  container: string,
  isFirst: boolean,
): string {
  const { parallelism = 1, completions = 1 }: Partial<KubeJobSpec> = job?.spec ?? {};
  const isOneAfterOther = parallelism === 1 && completions === 1;
  return isOneAfterOther && isFirst ? container : `${container}.${pod.metadata?.name?.slice(-5)}`;
}

/** The older pod first. */
export function byAge(one: KubePod, other: KubePod): number {
  const begin = (pod: KubePod) => Date.parse(pod.metadata?.creationTimestamp ?? "") || 0;
  return begin(one) - begin(other) || (one.metadata?.name ?? "").localeCompare(other.metadata?.name ?? "");
}

function timestamp(time: string): string {
  return new Date(time).toISOString();
}

/** Kubernetes says whole seconds in UTC, so that texts compare as times do. */
function earliest(times: readonly (string | undefined)[]): string | undefined {
  return times.filter((time) => time !== undefined).toSorted()[0];
}

function latest(times: readonly (string | undefined)[]): string | undefined {
  return times
    .filter((time) => time !== undefined)
    .toSorted()
    .at(-1);
}
