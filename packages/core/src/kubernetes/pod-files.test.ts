import { expect, test } from "vitest";
import type { Keep } from "../keep.ts";
import { helperAtWork, helperFailure } from "./helper-view.ts";
import type { KubeContainerState, KubeContainerStatus, KubeJob, KubePod } from "./kube-objects.ts";
import { observe } from "./observe.ts";
import { filesProblem } from "./pod-files.ts";
import { type JobToRender, renderJob } from "./render-job.ts";

const NONE: Keep = { artifacts: [], fetch: [], caches: [] };
const KEEPS: Keep = { ...NONE, artifacts: [{ name: "app", path: "app" }] };
const ALL: Keep = {
  artifacts: [{ name: "app", path: "app" }],
  fetch: [{ from: "one", name: "x" }],
  caches: [],
};

function rendered(keep: Keep, pod: object = {}, rest: Partial<JobToRender> = {}, jobSpec: object = {}) {
  const containers = [{ name: "main", image: "tool:1" }];
  return renderJob({
    ...{ taskId: "task-1", attempt: 1, name: "t", job: "j", domain: "d", namespace: "n" },
    ...{ installation: "0123456789abcdefghij", kubeNamespace: "ci", manualUpdateStatus: false, keep },
    spec: { spec: { ...jobSpec, template: { spec: { containers, ...pod } } } },
    env: {
      MFLOW_URL: "https://mflow.test",
      JOB_TASK_ID: "task-1",
      JOB_TASK_UPDATE_TOKEN: "token",
      MONTH: "may",
    },
    secretEnv: ["JOB_TASK_UPDATE_TOKEN"],
    ...rest,
  });
}

const podOf = (...args: Parameters<typeof rendered>) => rendered(...args).job.spec.template.spec;

const token = {
  name: "JOB_TASK_UPDATE_TOKEN",
  valueFrom: { secretKeyRef: { name: "task-1-1", key: "JOB_TASK_UPDATE_TOKEN" } },
};
const known = [
  { name: "MFLOW_URL", value: "https://mflow.test" },
  { name: "JOB_TASK_ID", value: "task-1" },
  token,
];
const workspace = { name: "mflow-workspace", mountPath: "/workspace" };

const helper = (name: string, step: string, more: object = {}) => ({
  name,
  image: "busybox:1.36.1",
  command: ["sh", "-c", expect.stringContaining("wget"), "sh", step],
  workingDir: "/workspace",
  env: known,
  resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { cpu: "1", memory: "256Mi" } },
  volumeMounts: [workspace, { name: "mflow-files", mountPath: "/mflow-files" }],
  ...more,
});

test("a task that fetches and keeps gets a workspace and two containers, which know no more than they need", () => {
  expect(podOf(ALL, { initContainers: [{ name: "prepare", image: "tool:1" }] })).toEqual({
    initContainers: [
      helper("mflow-fetch", "fetch"),
      {
        name: "prepare",
        image: "tool:1",
        env: [...known, { name: "MONTH", value: "may" }],
        volumeMounts: [workspace],
      },
    ],
    containers: [
      {
        name: "main",
        image: "tool:1",
        env: [...known, { name: "MONTH", value: "may" }],
        volumeMounts: [workspace],
      },
      helper("mflow-keep", "keep"),
    ],
    volumes: [
      { name: "mflow-workspace", emptyDir: {} },
      { name: "mflow-files", emptyDir: {} },
    ],
    restartPolicy: "Never",
    terminationGracePeriodSeconds: 10,
    automountServiceAccountToken: false,
  });
});

test.each<[string, string | undefined, string | undefined, object]>([
  ["as the job says", "1Gi", "2Gi", { sizeLimit: "1Gi" }],
  ["else as the cluster says", undefined, "2Gi", { sizeLimit: "2Gi" }],
  ["else not at all", undefined, undefined, {}],
])("the volume of a pod's own is limited %s", (_how, workspaceSizeLimit, ofCluster, emptyDir) => {
  const template = { spec: { containers: [{ name: "main", image: "app:1" }] } };
  const spec = { spec: { template }, ...(workspaceSizeLimit && { workspaceSizeLimit }) };
  const pod = podOf(KEEPS, {}, { spec, ...(ofCluster && { workspaceSizeLimit: ofCluster }) });
  expect(pod.volumes?.[0]).toEqual({ name: "mflow-workspace", emptyDir });
});

test("what a task does not do has no container", () => {
  const names = (keep: Keep) => {
    const { containers, initContainers = [] } = podOf(keep);
    return [...initContainers, ...containers].map(({ name }) => name);
  };
  expect(names(KEEPS)).toEqual(["main", "mflow-keep"]);
  expect(names({ ...NONE, fetch: ALL.fetch })).toEqual(["mflow-fetch", "main"]);
  const caches = [{ key: { prefix: "npm" }, paths: ["node_modules"] }];
  expect(names({ ...NONE, caches })).toEqual(["mflow-fetch", "main", "mflow-keep"]);
});

test("the helpers are who the work is, where the work is, of the image that the cluster says", () => {
  const securityContext = { runAsUser: 1000, privileged: true };
  const volumeMounts = [{ name: "own", mountPath: "/src/", subPath: "a", readOnly: true }];
  const spec = {
    workspace: "run" as const,
    workspaceMountPath: "/src",
    spec: {
      template: { spec: { containers: [{ name: "main", image: "tool:1", securityContext, volumeMounts }] } },
    },
  };
  const pod = podOf(KEEPS, {}, { spec, workspaceClaim: "claim", helperImage: "tools/busybox:2" });
  expect(pod.containers[1]).toEqual(
    helper("mflow-keep", "keep", {
      image: "tools/busybox:2",
      workingDir: "/src",
      securityContext: { runAsUser: 1000 },
      volumeMounts: [
        { name: "own", mountPath: "/src", subPath: "a" },
        { name: "mflow-files", mountPath: "/mflow-files" },
      ],
    }),
  );
  expect(pod.volumes).toEqual([
    { name: "mflow-workspace", persistentVolumeClaim: { claimName: "claim" } },
    { name: "mflow-files", emptyDir: {} },
  ]);
});

test("the question holds nothing that Kubernetes would replace", () => {
  expect(podOf(KEEPS).containers[1]?.command?.join(" ")).not.toMatch(/\$\(|\$\$/);
});

test.each([
  [{ parallelism: 2 }, {}, "remove `parallelism`"],
  [{ completions: 3 }, {}, "remove `completions`"],
  [{ backoffLimit: 1 }, {}, "remove `backoffLimit`, and say `retry` on the task"],
  [{ podFailurePolicy: {} }, {}, "remove `podFailurePolicy`"],
  [{}, { restartPolicy: "OnFailure" }, "remove `restartPolicy`"],
])("a Job that begins again is refused: %j %j", (jobSpec, pod, remedy) => {
  expect(filesProblem(jobSpec, pod)).toMatch(
    new RegExp(`^a task that keeps or fetches files runs .*${remedy}$`),
  );
  expect(() => rendered(KEEPS, pod, {}, jobSpec)).toThrow(remedy);
});

test("a server that is on its own machine alone is refused, but for pods of that machine", () => {
  const env = { MFLOW_URL: "http://127.0.0.1:8080" };
  expect(() => rendered(KEEPS, {}, { env })).toThrow(
    "its pod cannot reach this server at http://127.0.0.1:8080; start the server with a `--public-url` that pods reach",
  );
  expect(podOf(KEEPS, { hostNetwork: true }, { env }).containers.length).toBe(2);
});

test("no container of an author is called like one of mflow's", () => {
  const containers = [{ name: "mflow-keep", image: "tool:1" }];
  expect(() => rendered(NONE, { containers })).toThrow(/containers\[0\]\.name` of the Job must be another/);
});

const BEGIN = "2026-01-01T00:00:01Z";
const END = "2026-01-01T00:00:04Z";
const job: KubeJob = { spec: { backoffLimit: 0, template: { spec: { containers: [] } } } };
const running: KubeContainerState = { running: { startedAt: BEGIN } };
const ended = (exitCode: number, message?: string): KubeContainerState => ({
  terminated: { exitCode, startedAt: BEGIN, finishedAt: END, ...(message !== undefined && { message }) },
});

function pod(
  phase: string,
  containers: Record<string, KubeContainerState>,
  fetch?: KubeContainerState,
): KubePod {
  const statuses = Object.entries(containers).map(([name, state]): KubeContainerStatus => ({ name, state }));
  return {
    metadata: { name: "task-1-1-abcde" },
    spec: { containers: [], restartPolicy: "Never" },
    status: {
      phase,
      containerStatuses: statuses,
      ...(fetch && { initContainerStatuses: [{ name: "mflow-fetch", state: fetch }] }),
    },
  };
}

const seen = (one: KubePod) => observe({ job, pods: [one], warnings: [] });
const main = { name: "main", startAt: "2026-01-01T00:00:01.000Z" };
const mainEnd = { ...main, endAt: "2026-01-01T00:00:04.000Z", durationMs: 3000 };

test("while it fetches, nothing has begun", () => {
  expect(seen(pod("Pending", {}, running))).toEqual({
    stage: "CREATING",
    helper: { step: "fetch" },
    steps: [],
  });
});

test("while the work goes on, it is the work's turn", () => {
  expect(seen(pod("Running", { main: running, "mflow-keep": running }))).toEqual({
    ...{ stage: "ACTIVE", startAt: BEGIN, steps: [main] },
  });
});

test.each([
  [0, "SUCCEEDED" as const],
  [3, "FAILED" as const],
])("work that has ended with %d is ACTIVE until its files are kept", (exitCode, workEnd) => {
  expect(seen(pod("Running", { main: ended(exitCode), "mflow-keep": running }))).toEqual({
    ...{ stage: "ACTIVE", startAt: BEGIN, endAt: END, helper: { step: "keep", workEnd } },
    steps: [{ ...mainEnd, exitCode }],
  });
});

test("of several containers all have to end", () => {
  const two = pod("Running", { one: ended(1), two: running, "mflow-keep": running });
  expect(helperAtWork(two)).toBeUndefined();
});

test("the end is that of the work once its files are kept", () => {
  const late = { terminated: { exitCode: 0, startedAt: BEGIN, finishedAt: "2026-01-01T00:09:00Z" } };
  expect(seen(pod("Succeeded", { main: ended(0), "mflow-keep": late }, ended(0)))).toEqual({
    ...{ stage: "SUCCEEDED", startAt: BEGIN, endAt: END, steps: [{ ...mainEnd, exitCode: 0 }] },
  });
});

test.each([
  [
    "what is missing fails the task",
    pod("Failed", { main: ended(0), "mflow-keep": ended(1, "ARTIFACT_MISSING\nthere is no `app`") }),
    { reason: "ARTIFACT_MISSING", message: "there is no `app`" },
  ],
  [
    "a failure of the work counts more",
    pod("Failed", { "mflow-keep": ended(1, "ARTIFACT_MISSING\nthere is no `app`"), main: ended(2) }),
    { reason: "EXIT_CODE", message: "container `main` exited with code 2" },
  ],
  [
    "what cannot be fetched fails it before",
    pod("Failed", {}, ended(1, "FETCH_FAILED\nno such artifact")),
    { reason: "FETCH_FAILED", message: "no such artifact" },
  ],
  [
    "a helper that is killed",
    pod("Failed", { main: ended(0), "mflow-keep": ended(137) }),
    { reason: "RUNNER_ERROR", message: "mflow's own container `mflow-keep` exited with code 137" },
  ],
  [
    "words that are no reason of ours",
    pod("Failed", { main: ended(0), "mflow-keep": ended(1, "OOMKILLED\nno") }),
    { reason: "RUNNER_ERROR", message: "mflow's own container `mflow-keep` exited with code 1" },
  ],
])("%s", (_what, one, why) => {
  const { stage, reason, message } = seen(one);
  expect({ stage, reason, message }).toEqual({ stage: "FAILED", ...why });
});

test("an image without a shell says what to set", () => {
  const state = { terminated: { exitCode: 128, reason: "StartError", message: "sh: not found" } };
  expect(helperFailure(pod("Failed", { "mflow-keep": state }), (text) => text)?.message).toBe(
    "mflow's own container `mflow-keep` could not be started: sh: not found; an admin can set `helperImage` of the cluster",
  );
});
