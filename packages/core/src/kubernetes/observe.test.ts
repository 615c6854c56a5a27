// From the objects of Kubernetes to stage, reason and words: a table, with what real clusters said.

import { describe, expect, test } from "vitest";
import { createMasker } from "../mask.ts";
import type { KubeContainerState, KubeJob, KubePod, KubePodStatus } from "./kube-objects.ts";
import { type Observation, type Observed, observe, type Warning } from "./observe.ts";

const BEGIN = "2026-01-01T00:00:01Z";
const END = "2026-01-01T00:00:04Z";
const beginMs = "2026-01-01T00:00:01.000Z";
const endMs = "2026-01-01T00:00:04.000Z";

function job(status: KubeJob["status"] = {}, spec: Partial<KubeJob["spec"]> = {}): KubeJob {
  return {
    metadata: { name: "task-1" },
    spec: { backoffLimit: 0, template: { spec: { containers: [] } }, ...spec },
    status,
  };
}

function pod(status: KubePodStatus, metadata: KubePod["metadata"] = {}): KubePod {
  const containers = [{ name: "main", image: "app:1" }];
  const initContainers = [{ name: "prepare", image: "tools:1" }];
  return {
    metadata: { name: "task-1-abcde", ...metadata },
    spec: { nodeName: "node-1", containers, initContainers },
    status,
  };
}

const main = (state: KubeContainerState, more = {}) => ({
  containerStatuses: [{ name: "main", state, ...more }],
});
const ended = (exitCode: number, more = {}): KubeContainerState => ({
  terminated: { exitCode, startedAt: BEGIN, finishedAt: END, ...more },
});
const running: KubeContainerState = { running: { startedAt: BEGIN } };
const waiting = (reason: string, message?: string): KubeContainerState => ({ waiting: { reason, message } });
const step = (exitCode: number, name = "main") => ({
  ...{ name, startAt: beginMs, endAt: endMs, durationMs: 3000, exitCode },
});
const whole = { startAt: BEGIN, endAt: END };

const cases: [string, { job?: KubeJob; pods: KubePod[]; warnings?: Warning[] }, Observation][] = [
  ["no pod yet", { job: job(), pods: [] }, { stage: "CREATING", steps: [] }],
  [
    "a pod that is being scheduled",
    { job: job(), pods: [pod({ phase: "Pending" })] },
    { stage: "CREATING", steps: [] },
  ],
  [
    "an init container that runs",
    {
      job: job(),
      pods: [pod({ phase: "Pending", initContainerStatuses: [{ name: "prepare", state: running }] })],
    },
    { stage: "ACTIVE", startAt: BEGIN, steps: [{ name: "prepare", startAt: beginMs }] },
  ],
  [
    "a container that runs",
    { job: job(), pods: [pod({ phase: "Running", ...main(running) })] },
    { stage: "ACTIVE", startAt: BEGIN, steps: [{ name: "main", startAt: beginMs }] },
  ],
  [
    "a pod that succeeded, before its Job says so",
    { job: job(), pods: [pod({ phase: "Succeeded", ...main(ended(0)) })] },
    { stage: "SUCCEEDED", ...whole, steps: [step(0)] },
  ],
  [
    "a pod that succeeded, of a Job that wants two",
    { job: job({}, { completions: 2 }), pods: [pod({ phase: "Succeeded", ...main(ended(0)) })] },
    { stage: "ACTIVE", ...whole, steps: [step(0, "main.abcde")] },
  ],
  [
    "a Job that is complete, its pods gone",
    { job: job({ completionTime: END, conditions: [{ type: "Complete", status: "True" }] }), pods: [] },
    { stage: "SUCCEEDED", endAt: END, steps: [] },
  ],
  [
    "an exit code",
    { job: job(), pods: [pod({ phase: "Failed", ...main(ended(3, { message: "no database\n" })) })] },
    {
      stage: "FAILED",
      reason: "EXIT_CODE",
      message: "container `main` exited with code 3: no database",
      ...whole,
      steps: [step(3)],
    },
  ],
  [
    "outputs as the last words of a failure are not repeated",
    { job: job(), pods: [pod({ phase: "Failed", ...main(ended(3, { message: "A=1\n" })) })] },
    {
      stage: "FAILED",
      reason: "EXIT_CODE",
      message: "container `main` exited with code 3",
      ...whole,
      steps: [step(3)],
    },
  ],
  [
    "a signal",
    { job: job(), pods: [pod({ phase: "Failed", ...main(ended(137, { signal: 9 })) })] },
    {
      stage: "FAILED",
      reason: "EXIT_CODE",
      message: "container `main` was ended by signal 9",
      ...whole,
      steps: [step(137)],
    },
  ],
  [
    "an init container that failed",
    {
      job: job(),
      pods: [
        pod({
          phase: "Failed",
          initContainerStatuses: [{ name: "prepare", state: ended(2) }],
          ...main(waiting("PodInitializing")),
        }),
      ],
    },
    {
      stage: "FAILED",
      reason: "EXIT_CODE",
      message: "init container `prepare` exited with code 2",
      ...whole,
      steps: [step(2, "prepare")],
    },
  ],
  [
    "too much memory, whatever else failed before",
    {
      job: job(),
      pods: [
        pod({
          phase: "Failed",
          containerStatuses: [
            { name: "main", state: ended(1) },
            { name: "side", state: ended(137, { reason: "OOMKilled" }) },
          ],
        }),
      ],
    },
    {
      ...{ stage: "FAILED", reason: "OOMKILLED", ...whole, steps: [step(1), step(137, "side")] },
      message: "container `side` used more memory than its limit and was killed",
    },
  ],
  [
    "a program that there is not: the zero time is no begin",
    {
      job: job(),
      pods: [
        pod({
          phase: "Failed",
          ...main(
            ended(128, { reason: "StartError", startedAt: "1970-01-01T00:00:00Z", message: "no such file" }),
          ),
        }),
      ],
    },
    {
      stage: "FAILED",
      reason: "INVALID_CONTAINER",
      message: "container `main` could not be started: no such file",
      startAt: undefined,
      endAt: END,
      steps: [],
    },
  ],
  [
    "a node that ran out of memory",
    {
      job: job(),
      pods: [pod({ phase: "Failed", reason: "Evicted", message: "The node was low on resource: memory." })],
    },
    {
      stage: "FAILED",
      reason: "EVICTED",
      message: "the node evicted the pod: The node was low on resource: memory.",
      steps: [],
    },
  ],
  [
    "a node that was shut down",
    {
      job: job(),
      pods: [
        pod({
          phase: "Failed",
          reason: "Terminated",
          message: "Pod was terminated in response to imminent node shutdown.",
        }),
      ],
    },
    {
      stage: "FAILED",
      reason: "NODE_LOST",
      message: "node node-1 is gone: Pod was terminated in response to imminent node shutdown.",
      steps: [],
    },
  ],
  [
    "a node that does not answer any more",
    {
      job: job(),
      pods: [
        pod(
          {
            phase: "Running",
            ...main(running),
            conditions: [
              {
                type: "DisruptionTarget",
                status: "True",
                reason: "DeletionByTaintManager",
                message: "Taint manager: deleting due to NoExecute taint",
              },
            ],
          },
          { deletionTimestamp: END },
        ),
      ],
    },
    {
      ...{ stage: "FAILED", reason: "NODE_LOST", message: "Taint manager: deleting due to NoExecute taint" },
      ...{ mustStop: true, startAt: BEGIN, steps: [{ name: "main", startAt: beginMs }] },
    },
  ],
  [
    "a pod that somebody deleted: the Job would run a second one",
    {
      job: job(),
      pods: [
        pod(
          { phase: "Running", ...main(running) },
          { deletionTimestamp: END, deletionGracePeriodSeconds: 0 },
        ),
      ],
    },
    {
      ...{
        stage: "FAILED",
        reason: "EVICTED",
        mustStop: true,
        startAt: BEGIN,
        steps: [{ name: "main", startAt: beginMs }],
      },
      message: "its pod was deleted while it ran: by a person, an eviction or a drain of its node",
    },
  ],
  [
    "a second pod",
    {
      job: job(),
      pods: [
        pod({ phase: "Running", ...main(running) }, { name: "task-1-bbbbb", creationTimestamp: END }),
        pod(
          { phase: "Running", ...main(running) },
          { name: "task-1-aaaaa", creationTimestamp: BEGIN, deletionTimestamp: END },
        ),
      ],
    },
    {
      ...{ stage: "FAILED", reason: "EVICTED", mustStop: true, startAt: BEGIN },
      message: "its pod is gone, and Kubernetes began to run the work a second time",
      steps: [
        { name: "main", startAt: beginMs },
        { name: "main.bbbbb", startAt: beginMs },
      ],
    },
  ],
  [
    "a Job past its deadline",
    {
      job: job({
        conditions: [{ type: "Failed", status: "True", reason: "DeadlineExceeded", lastTransitionTime: END }],
      }),
      pods: [],
    },
    {
      stage: "FAILED",
      reason: "DEADLINE",
      message: "the Job was active longer than its `activeDeadlineSeconds`",
      endAt: END,
      steps: [],
    },
  ],
  [
    "the pod of a Job past its deadline, before the Job says so",
    {
      job: job({ startTime: "2026-01-01T00:00:00Z" }, { activeDeadlineSeconds: 4 }),
      pods: [
        pod(
          { phase: "Running", ...main(running) },
          { deletionTimestamp: "2026-01-01T00:00:14Z", deletionGracePeriodSeconds: 10 },
        ),
      ],
    },
    {
      ...{
        stage: "FAILED",
        reason: "DEADLINE",
        mustStop: true,
        startAt: BEGIN,
        steps: [{ name: "main", startAt: beginMs }],
      },
      message: "the Job was active longer than its `activeDeadlineSeconds`",
    },
  ],
  [
    "a Job that failed for another reason",
    {
      job: job({
        conditions: [
          {
            type: "Failed",
            status: "True",
            reason: "PodFailurePolicy",
            message: "rule 0 matched",
            lastTransitionTime: END,
          },
        ],
      }),
      pods: [],
    },
    {
      stage: "FAILED",
      reason: "POD_FAILED",
      message: "the Job failed: rule 0 matched",
      endAt: END,
      steps: [],
    },
  ],
  [
    "a Job that is over while a container still seems to run: its end is the Job's",
    {
      job: job({ completionTime: END, conditions: [{ type: "Complete", status: "True" }] }),
      pods: [pod({ phase: "Running", ...main(running) })],
    },
    {
      ...{ stage: "SUCCEEDED", ...whole },
      steps: [{ name: "main", startAt: beginMs, endAt: endMs, durationMs: 3000 }],
    },
  ],
];

test.each(cases)("%s", (_name, { warnings = [], ...objects }, expected) => {
  expect(observe({ ...objects, warnings })).toEqual(expected);
});

describe("containers that begin again", () => {
  const LATER = "2026-01-01T00:00:09Z";
  const again = (state: KubeContainerState, more = {}) => main(state, { lastState: ended(3, more) });
  const failed = {
    type: "Failed",
    status: "True",
    reason: "BackoffLimitExceeded",
    lastTransitionTime: LATER,
  };
  const onFailure = (status: KubePodStatus, metadata: KubePod["metadata"] = {}): KubePod => {
    const one = pod(status, metadata);
    return { ...one, spec: { ...one.spec, restartPolicy: "OnFailure" } };
  };
  const runs: KubeContainerState = { running: { startedAt: END } };
  const deleted = { deletionTimestamp: "2026-01-01T00:00:35Z", deletionGracePeriodSeconds: 30 };
  const code3 = { reason: "EXIT_CODE", message: "container `main` exited with code 3" };
  const evicted = {
    reason: "EVICTED",
    message: "its pod was deleted while it ran: by a person, an eviction or a drain of its node",
  };
  const reasonOf = (of: KubeJob, pods: KubePod[]) => {
    const { stage, reason, message, mustStop } = observe({ job: of, pods, warnings: [] });
    return { stage, reason, message, mustStop };
  };
  const overLimit = { ...failed, message: "Job has reached the specified backoff limit" };

  test.each<[string, KubePod[], object]>([
    ["waits to begin again", [onFailure({ phase: "Running", ...again(waiting("CrashLoopBackOff")) })], code3],
    ["runs again", [onFailure({ phase: "Running", ...again(runs) }, deleted)], code3],
    [
      "was killed with its pod after that",
      [onFailure({ phase: "Failed", ...again(ended(143, { startedAt: END, finishedAt: LATER })) }, deleted)],
      code3,
    ],
    [
      "used too much memory",
      [onFailure({ phase: "Running", ...again(runs, { reason: "OOMKilled" }) })],
      { reason: "OOMKILLED", message: "container `main` used more memory than its limit and was killed" },
    ],
    [
      "is in the newest pod that failed by itself",
      [
        pod({ phase: "Failed", ...main(ended(4)) }, { creationTimestamp: BEGIN }),
        pod({ phase: "Failed", ...main(ended(3)) }, { creationTimestamp: END }),
        pod(
          { phase: "Failed", ...main(ended(143, { finishedAt: LATER })) },
          { creationTimestamp: END, name: "task-1-zzzzz", ...deleted },
        ),
      ],
      code3,
    ],
    [
      "came right",
      [onFailure({ phase: "Running", ...again(ended(0)) })],
      { reason: "POD_FAILED", message: "the Job failed: Job has reached the specified backoff limit" },
    ],
  ])("tell why the Job failed: one that %s", (_name, pods, why) => {
    expect(reasonOf(job({ conditions: [overLimit] }, { backoffLimit: 2 }), pods)).toEqual({
      stage: "FAILED",
      ...why,
    });
  });

  test("are shown with the end that was seen last, when the Job is over", () => {
    const pods = [onFailure({ phase: "Running", ...again(waiting("CrashLoopBackOff")) })];
    const { steps, endAt } = observe({ job: job({ conditions: [overLimit] }), pods, warnings: [] });
    expect({ steps, endAt }).toEqual({ steps: [step(3)], endAt: END });
  });

  test.each<[string, KubePod, KubeJob, object]>([
    [
      "its container had failed: the Job controller did it",
      onFailure({ phase: "Running", ...again(runs) }, deleted),
      job(),
      { stage: "FAILED", ...code3, mustStop: true },
    ],
    [
      "its container ended because of that",
      onFailure({ phase: "Running", ...main(ended(143, { finishedAt: LATER })) }, deleted),
      job(),
      { stage: "FAILED", ...evicted, mustStop: true },
    ],
    [
      "its container runs for the first time",
      onFailure({ phase: "Running", ...main(running) }, deleted),
      job(),
      { stage: "FAILED", ...evicted, mustStop: true },
    ],
    [
      "its container began again, although that is never done for its policy",
      pod({ phase: "Running", ...again(runs) }, deleted),
      job(),
      { stage: "FAILED", ...evicted, mustStop: true },
    ],
    [
      "the Job says that it fails: the pod will be gone when it has failed",
      onFailure({ phase: "Running", ...again(runs) }, deleted),
      job({ conditions: [{ ...overLimit, type: "FailureTarget" }] }, { backoffLimit: 2 }),
      { stage: "FAILED", ...code3 },
    ],
    [
      "the Job says that it fails, and the pod does not say why: the Job will",
      onFailure({ phase: "Running", ...main(running) }, deleted),
      job({ conditions: [{ ...overLimit, type: "FailureTarget" }] }),
      { stage: "ACTIVE" },
    ],
    [
      "the Job may yet begin another",
      onFailure({ phase: "Running", ...again(runs) }, deleted),
      job({}, { backoffLimit: 2 }),
      { stage: "ACTIVE" },
    ],
  ])("tell why their pod is deleted: %s", (_name, one, of, expected) => {
    expect(reasonOf(of, [one])).toEqual(expected);
  });
});

describe("sidecars", () => {
  const withSidecar = (status: KubePodStatus): KubePod => {
    const one = pod(status);
    const proxy = { name: "proxy", image: "proxy:1", restartPolicy: "Always" };
    return { ...one, spec: { ...one.spec, initContainers: [...(one.spec.initContainers ?? []), proxy] } };
  };
  const proxyEnded = (code: number) => ({ initContainerStatuses: [{ name: "proxy", state: ended(code) }] });

  test.each<[string, KubePodStatus, object]>([
    [
      "are ended when the work has failed, and that is why the pod failed",
      { phase: "Failed", ...proxyEnded(143), ...main(ended(1)) },
      { reason: "EXIT_CODE", message: "container `main` exited with code 1" },
    ],
    [
      "are named when nothing else failed",
      { phase: "Failed", ...proxyEnded(137), ...main(ended(0)) },
      { reason: "EXIT_CODE", message: "sidecar `proxy` exited with code 137" },
    ],
  ])("%s", (_name, status, why) => {
    const { reason, message } = observe({ job: job(), pods: [withSidecar(status)], warnings: [] });
    expect({ reason, message }).toEqual(why);
  });
});

describe("a Job that is suspended", () => {
  test("says that it waits to be let go on", () => {
    expect(observe({ job: job({}, { suspend: true }), pods: [], warnings: [] })).toEqual({
      stage: "CREATING",
      steps: [],
      trouble: {
        reason: "UNSCHEDULABLE",
        message: "the Job is suspended: its author, or a queue of the cluster, has yet to let it begin",
        heals: true,
      },
    });
  });

  test("while it runs has lost its pod by that", () => {
    const one = pod({ phase: "Running", ...main(running) }, { deletionTimestamp: END });
    const { stage, reason, message, mustStop } = observe({
      job: job({}, { suspend: true }),
      pods: [one],
      warnings: [],
    });
    expect({ stage, reason, message, mustStop }).toEqual({
      ...{ stage: "FAILED", reason: "EVICTED", mustStop: true },
      message: "its Job was suspended while it ran",
    });
  });
});

describe("secrets", () => {
  const mask = createMasker(["s3cret-value"]);
  const messageOf = (one: Observed) => {
    const { message, trouble } = observe({ ...one, mask });
    return message ?? trouble?.message;
  };

  test("are masked in a termination message before it is cut, so that no half of one is left", () => {
    const message = `${"x".repeat(600)}s3cret-value${"y".repeat(506)}`;
    const pods = [pod({ phase: "Failed", ...main(ended(3, { message })) })];
    expect(messageOf({ job: job(), pods, warnings: [] })).toBe(
      `container \`main\` exited with code 3: ${"x".repeat(3)}***${"y".repeat(506)}`,
    );
  });

  test.each<[string, Observed, string]>([
    [
      "a pod says",
      {
        job: job(),
        pods: [pod({ phase: "Failed", reason: "Evicted", message: "s3cret-value" })],
        warnings: [],
      },
      "the node evicted the pod: ***",
    ],
    [
      "a Job says",
      {
        job: job({ conditions: [{ type: "Failed", status: "True", message: "s3cret-value" }] }),
        pods: [],
        warnings: [],
      },
      "the Job failed: ***",
    ],
    [
      "a trouble says",
      {
        job: job(),
        pods: [],
        warnings: [{ kind: "Job", reason: "FailedCreate", message: "s3cret-value" }],
      },
      "no pod can be made: ***",
    ],
  ])("are masked in what %s", (_name, one, expected) => {
    expect(messageOf(one)).toBe(expected);
  });
});

describe("troubles", () => {
  const scheduled = (message: string): KubePodStatus => ({
    phase: "Pending",
    conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message }],
  });
  const failedMount: Warning = {
    kind: "Pod",
    reason: "FailedMount",
    message: 'MountVolume.SetUp failed for volume "v" : configmap "m" not found',
  };
  const pull: Warning = {
    kind: "Pod",
    reason: "Failed",
    message: 'Failed to pull image "app:1": not authorized',
  };
  const create = (message: string): Warning => ({
    kind: "Job",
    reason: "FailedCreate",
    message: `Error creating: ${message}`,
  });
  const quota =
    'pods "x" is forbidden: exceeded quota: team, requested: pods=1, used: pods=5, limited: pods=5';

  test.each<[string, KubePodStatus | undefined, Warning[], unknown]>([
    [
      "resources that are in use",
      scheduled("0/3 nodes are available: 3 Insufficient cpu."),
      [],
      {
        reason: "UNSCHEDULABLE",
        message: "no node takes the pod: 0/3 nodes are available: 3 Insufficient cpu.",
        heals: true,
      },
    ],
    ...[
      "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
      "0/2 nodes are available: 2 node(s) had untolerated taint {nvidia.com/gpu: present}. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
      'persistentvolumeclaim "data" not found',
    ].map((said): [string, KubePodStatus, Warning[], object] => [
      `what no time mends, as newer schedulers say it: ${said.slice(0, 60)}`,
      scheduled(said),
      [],
      { reason: "UNSCHEDULABLE", message: `no node takes the pod: ${said}`, heals: false },
    ]),
    ...[
      "0/1 nodes are available: 1 Insufficient memory. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
      "0/1 nodes are available: 1 node(s) were unschedulable.",
      "0/1 nodes are available: 1 node(s) had taint {node.kubernetes.io/unreachable: }, that the pod didn't tolerate.",
      "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }.",
      "no nodes available to schedule pods",
      "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules.",
      "0/1 nodes are available: 1 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode.",
    ].map((said): [string, KubePodStatus, Warning[], object] => [
      `what may pass: ${said.slice(0, 60)}`,
      scheduled(said),
      [],
      { reason: "UNSCHEDULABLE", message: `no node takes the pod: ${said}`, heals: true },
    ]),
    [
      "gates of its scheduling",
      {
        phase: "Pending",
        conditions: [
          {
            ...{ type: "PodScheduled", status: "False", reason: "SchedulingGated" },
            message: "Scheduling is blocked due to non-empty scheduling gates",
          },
        ],
      },
      [],
      {
        reason: "UNSCHEDULABLE",
        message:
          "the pod has scheduling gates that somebody has yet to remove: Scheduling is blocked due to non-empty scheduling gates",
        heals: true,
      },
    ],
    [
      "the pod's network",
      { phase: "Pending", ...main(waiting("ContainerCreating")) },
      [{ kind: "Pod", reason: "FailedCreatePodSandBox", message: "network: no address left" }],
      { reason: "POD_FAILED", message: "network: no address left", heals: true },
    ],
    [
      "a volume that another node has",
      { phase: "Pending", ...main(waiting("ContainerCreating")) },
      [{ kind: "Pod", reason: "FailedAttachVolume", message: "Multi-Attach error: volume not found" }],
      { reason: "POD_FAILED", message: "Multi-Attach error: volume not found", heals: true },
    ],
    [
      "a label that no node has",
      scheduled("0/3 nodes are available: 3 node(s) didn't match node selector."),
      [],
      {
        reason: "UNSCHEDULABLE",
        message: "no node takes the pod: 0/3 nodes are available: 3 node(s) didn't match node selector.",
        heals: false,
      },
    ],
    [
      "an image, first try",
      { phase: "Pending", ...main(waiting("ErrImagePull", "rpc error: not found")) },
      [],
      {
        reason: "IMAGE_PULL",
        message: "container `main`: image `app:1` cannot be pulled: rpc error: not found",
        heals: false,
      },
    ],
    [
      "an image, between tries",
      { phase: "Pending", ...main(waiting("ImagePullBackOff", "Back-off pulling image")) },
      [pull],
      {
        reason: "IMAGE_PULL",
        message:
          'container `main`: image `app:1` cannot be pulled: Failed to pull image "app:1": not authorized',
        heals: false,
      },
    ],
    [
      "a Secret as a variable",
      { phase: "Pending", ...main(waiting("CreateContainerConfigError", 'secret "s" not found')) },
      [],
      {
        reason: "CONFIG_MISSING",
        message: 'container `main` lacks its configuration: secret "s" not found',
        heals: false,
      },
    ],
    [
      "a Secret that the node has not heard of yet",
      {
        phase: "Pending",
        ...main(
          waiting(
            "CreateContainerConfigError",
            "failed to sync secret cache: timed out waiting for the condition",
          ),
        ),
      },
      [],
      {
        reason: "CONFIG_MISSING",
        message:
          "container `main` lacks its configuration: failed to sync secret cache: timed out waiting for the condition",
        heals: true,
      },
    ],
    [
      "a ConfigMap as a volume",
      { phase: "Pending", ...main(waiting("ContainerCreating")) },
      [failedMount],
      { reason: "CONFIG_MISSING", message: failedMount.message, heals: false },
    ],
    ["a mount that came right", { phase: "Running", ...main(running) }, [failedMount], undefined],
    [
      "a quota",
      undefined,
      [create(quota)],
      { reason: "QUOTA", message: `no pod may be made: ${quota}`, heals: true },
    ],
    [
      "a service account",
      undefined,
      [
        create(
          'pods "x" is forbidden: error looking up service account ns/robot: serviceaccount "robot" not found',
        ),
      ],
      {
        reason: "CONFIG_MISSING",
        message:
          'pods "x" is forbidden: error looking up service account ns/robot: serviceaccount "robot" not found',
        heals: false,
      },
    ],
    [
      "an admission",
      undefined,
      [create('pods "x" is forbidden: violates PodSecurity "restricted"')],
      {
        reason: "POD_FAILED",
        message: 'no pod can be made: pods "x" is forbidden: violates PodSecurity "restricted"',
        heals: false,
      },
    ],
    [
      "an image that goes wrong once the init containers are done",
      {
        phase: "Pending",
        initContainerStatuses: [{ name: "prepare", state: ended(0) }],
        ...main(waiting("InvalidImageName", "invalid reference format")),
      },
      [],
      {
        reason: "IMAGE_PULL",
        message: "container `main`: image `app:1` cannot be pulled: invalid reference format",
        heals: false,
      },
    ],
  ])("%s", (_name, status, warnings, trouble) => {
    expect(observe({ job: job(), pods: status ? [pod(status)] : [], warnings }).trouble).toEqual(trouble);
  });
});
