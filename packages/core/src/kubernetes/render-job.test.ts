import { describe, expect, test } from "vitest";
import type { KubeJob } from "./kube-objects.ts";
import { type JobToRender, renderJob } from "./render-job.ts";

const TASK = "task-01jb8h3x7c5f3wz9v0y2m4k6n8";
const NAME = `${TASK}-2`;

/** The labels of the attempt that is rendered here. */
const labels = {
  "app.kubernetes.io/managed-by": "mflow",
  "mflow.dev/installation": "0123456789abcdefghij",
  "mflow.dev/task-id": TASK,
  "mflow.dev/attempt": "2",
  "mflow.dev/run-id": "run-01jb8h3x7c5f3wz9v0y2m4k6n8",
  "mflow.dev/task": "web",
  "mflow.dev/job": "deploy",
  "mflow.dev/domain": "shop",
  "mflow.dev/namespace": "prod",
};

const container = { name: "main", image: "tool:1" };

function toRender(spec: Record<string, unknown>, rest: Partial<JobToRender> = {}): JobToRender {
  return {
    ...{ taskId: TASK, attempt: 2, name: "web", job: "deploy", domain: "shop", namespace: "prod" },
    pipelineTaskId: "run-01jb8h3x7c5f3wz9v0y2m4k6n8",
    spec: { spec },
    env: {},
    secretEnv: [],
    manualUpdateStatus: false,
    kubeNamespace: "ci",
    installation: "0123456789abcdefghij",
    ...rest,
  };
}

/** The input with everything frozen, so that a change of it throws. */
function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const member of Object.values(value)) frozen(member);
    Object.freeze(value);
  }
  return value;
}

/** A spec whose pod has these fields. */
const withPod = (pod: Record<string, unknown>) => ({
  template: { spec: { containers: [container], ...pod } },
});

/** The Job of a pod with these fields, and with what mflow says unless the author does. */
function jobOf(pod: Record<string, unknown> = {}, jobSpec: Record<string, unknown> = {}): KubeJob {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: NAME,
      namespace: "ci",
      labels,
      annotations: { "mflow.dev/task-id": TASK },
      finalizers: ["mflow.dev/result"],
    },
    spec: {
      backoffLimit: 0,
      podReplacementPolicy: "Failed",
      template: {
        metadata: { labels },
        spec: {
          containers: [container],
          restartPolicy: "Never",
          terminationGracePeriodSeconds: 10,
          automountServiceAccountToken: false,
          ...pod,
        },
      },
      ...jobSpec,
    },
  };
}

function rendered(spec: Record<string, unknown>, rest: Partial<JobToRender> = {}) {
  return renderJob(frozen(toRender(spec, rest)));
}

test("the least spec gets a name, labels, the finalizer and mflow's defaults", () => {
  expect(rendered(withPod({}))).toEqual({ job: jobOf() });
});

test("the same input gives the same objects", () => {
  const input = toRender(withPod({}), { env: { A: "1", B: "secret" }, secretEnv: ["B"] });
  expect(JSON.stringify(renderJob(input))).toBe(JSON.stringify(renderJob(structuredClone(input))));
});

test("what the author says stays as it is", () => {
  const pod = {
    restartPolicy: "OnFailure",
    terminationGracePeriodSeconds: 60,
    automountServiceAccountToken: true,
    nodeSelector: { disk: "ssd" },
    volumes: [{ name: "cache", emptyDir: {} }],
    unknownOfTomorrow: [1, { two: null }],
    containers: [
      {
        ...container,
        resources: { requests: { cpu: "100m" }, limits: { memory: "1Gi" } },
        terminationMessagePolicy: "FallbackToLogsOnError",
        volumeMounts: [{ name: "cache", mountPath: "/cache" }],
        envFrom: [{ configMapRef: { name: "settings" } }],
      },
    ],
  };
  const jobSpec = {
    backoffLimit: 2,
    podReplacementPolicy: "TerminatingOrFailed",
    parallelism: 3,
    completions: 3,
    suspend: false,
    podFailurePolicy: { rules: [] },
  };
  expect(rendered({ ...jobSpec, ...withPod(pod) })).toEqual({ job: jobOf(pod, jobSpec) });
});

describe("metadata", () => {
  test("keeps the author's labels and annotations, and nothing else of it; names of mflow are mflow's", () => {
    const metadata = {
      name: "mine",
      namespace: "kube-system",
      finalizers: ["mine/forever"],
      ownerReferences: [{ uid: "1" }],
      labels: { team: "web", build: 7, "mflow.dev/attempt": "9" },
      annotations: { note: "x", sampled: true, "mflow.dev/task-id": "other" },
    };
    const templateMeta = { labels: { tier: 1, "mflow.dev/job": "other" }, annotations: { scrape: false } };
    const spec = {
      metadata,
      spec: { template: { metadata: templateMeta, spec: { containers: [container] } } },
    };
    const job = jobOf({}, {});
    job.metadata = {
      ...job.metadata,
      labels: { team: "web", build: "7", ...labels },
      annotations: { note: "x", sampled: "true", "mflow.dev/task-id": TASK },
    };
    job.spec.template.metadata = { labels: { tier: "1", ...labels }, annotations: { scrape: "false" } };
    expect(rendered({}, { spec })).toEqual({ job });
  });

  test("of a task that runs alone names no run, whatever the author wrote", () => {
    const spec = { metadata: { labels: { "mflow.dev/run-id": "run-2" } }, spec: withPod({}) };
    const { "mflow.dev/run-id": _, ...alone } = labels;
    const job = jobOf();
    job.metadata = { ...job.metadata, labels: alone };
    job.spec.template.metadata = { labels: alone };
    expect(rendered({}, { spec, pipelineTaskId: undefined })).toEqual({ job });
  });

  test("has no task id among the annotations when the stage comes from the status call alone", () => {
    const annotations = { note: "x", "mflow.dev/task-id": TASK };
    const job = jobOf();
    const { annotations: _, ...metadata } = job.metadata ?? {};
    const manual = { manualUpdateStatus: true };
    expect(rendered(withPod({}), manual)).toEqual({ job: { ...job, metadata } });
    expect(rendered({}, { ...manual, spec: { metadata: { annotations }, spec: withPod({}) } })).toEqual({
      job: { ...job, metadata: { ...metadata, annotations: { note: "x" } } },
    });
  });

  test("has safe labels whatever the task is called", () => {
    const { job } = rendered(withPod({}), { taskId: "Task_1", name: "web_", job: "x".repeat(64) });
    const safe = {
      ...labels,
      "mflow.dev/task-id": "Task_1",
      "mflow.dev/task": "web-a2a7447b6d",
      "mflow.dev/job": `${"x".repeat(52)}-7ce100971f`,
    };
    expect(job.metadata).toEqual({
      name: "task-1-eea8835c16-2",
      namespace: "ci",
      labels: safe,
      annotations: { "mflow.dev/task-id": "Task_1" },
      finalizers: ["mflow.dev/result"],
    });
    expect(job.spec.template.metadata).toEqual({ labels: safe });
  });
});

describe("params", () => {
  const env = { VERSION: "1.4", TOKEN: "s3cret", JOB_TASK_ID: TASK };
  const secretKeyRef = { name: NAME, key: "TOKEN" };
  const params = [
    { name: "VERSION", value: "1.4" },
    { name: "TOKEN", valueFrom: { secretKeyRef } },
    { name: "JOB_TASK_ID", value: TASK },
  ];
  const secretOf = (stringData: Record<string, string>) => ({
    apiVersion: "v1",
    kind: "Secret",
    type: "Opaque",
    immutable: true,
    metadata: { name: NAME, namespace: "ci", labels },
    stringData,
  });

  test("reach all containers, before their own variables and in place of those of the same name", () => {
    const own = [
      { name: "FIRST", value: "$(VERSION)-a" },
      { name: "VERSION", value: "latest" },
      { name: "TOKEN", valueFrom: { secretKeyRef: { name: "other", key: "token" } } },
      { name: "PORT", value: 8080 },
      { name: "NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
    ];
    const kept = [
      { name: "FIRST", value: "$(VERSION)-a" },
      { name: "PORT", value: "8080" },
      { name: "NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
    ];
    const spec = withPod({
      containers: [
        { ...container, env: own },
        { name: "side", image: "side:1" },
      ],
      initContainers: [{ name: "init", image: "init:1", env: [{ name: "X", value: "y" }] }],
    });
    const pod = {
      containers: [
        { ...container, env: [...params, ...kept] },
        { name: "side", image: "side:1", env: params },
      ],
      initContainers: [{ name: "init", image: "init:1", env: [...params, { name: "X", value: "y" }] }],
    };
    expect(rendered(spec, { env, secretEnv: ["TOKEN"] })).toEqual({
      job: jobOf(pod),
      secret: secretOf({ TOKEN: "s3cret" }),
    });
  });

  test("without a secret among them need no Secret", () => {
    const pod = { containers: [{ ...container, env: [{ name: "A", value: "1" }] }] };
    expect(rendered(withPod({}), { env: { A: "1" }, secretEnv: ["ABSENT"] })).toEqual({ job: jobOf(pod) });
  });

  test("that contain a secret are secret too", () => {
    const both = { URL: "https://ann:s3cret@host", TOKEN: "s3cret" };
    const pod = {
      containers: [
        {
          ...container,
          env: [
            { name: "URL", valueFrom: { secretKeyRef: { name: NAME, key: "URL" } } },
            { name: "TOKEN", valueFrom: { secretKeyRef } },
          ],
        },
      ],
    };
    expect(rendered(withPod({}), { env: both, secretEnv: ["TOKEN"] })).toEqual({
      job: jobOf(pod),
      secret: secretOf(both),
    });
  });

  test("mean what they say: `$` is doubled, because Kubernetes reads `$(NAME)` and `$$` in a value", () => {
    const dollars = { A: "$(B) $$(B) $x $" };
    const pod = { containers: [{ ...container, env: [{ name: "A", value: "$$(B) $$$$(B) $$x $$" }] }] };
    expect(rendered(withPod({}), { env: dollars })).toEqual({ job: jobOf(pod) });
    expect(rendered(withPod({}), { env: dollars, secretEnv: ["A"] }).secret).toEqual(secretOf(dollars));
  });

  test("of templates that became numbers are text where Kubernetes takes text alone", () => {
    const spec = withPod({
      containers: [{ ...container, command: ["serve", true], args: ["--port", 8080] }],
    });
    const pod = { containers: [{ ...container, command: ["serve", "true"], args: ["--port", "8080"] }] };
    expect(rendered(spec)).toEqual({ job: jobOf(pod) });
  });
});

describe("defaults of the Job", () => {
  const cases: [what: string, spec: Record<string, unknown>, timeoutMs: number | undefined, job: KubeJob][] =
    [
      ["the deadline is the timeout and half a minute", {}, 60_001, jobOf({}, { activeDeadlineSeconds: 91 })],
      [
        "an earlier deadline of the author stays",
        { activeDeadlineSeconds: 90 },
        60_001,
        jobOf({}, { activeDeadlineSeconds: 90 }),
      ],
      [
        "a later deadline of the author does not",
        { activeDeadlineSeconds: 92 },
        60_001,
        jobOf({}, { activeDeadlineSeconds: 91 }),
      ],
      [
        "without a timeout the author's deadline counts",
        { activeDeadlineSeconds: 3600 },
        undefined,
        jobOf({}, { activeDeadlineSeconds: 3600 }),
      ],
      ["no time to live: mflow removes what it made", { ttlSecondsAfterFinished: 0 }, undefined, jobOf()],
      ["what is empty is not said", { backoffLimit: null, podReplacementPolicy: null }, undefined, jobOf()],
    ];
  test.each(cases)("%s", (_what, spec, timeoutMs, job) => {
    expect(rendered({ ...spec, ...withPod({}) }, { timeoutMs })).toEqual({ job });
  });

  test("a limit per index leaves the limit of the whole to Kubernetes", () => {
    const job = jobOf({}, { backoffLimitPerIndex: 1 });
    delete job.spec.backoffLimit;
    expect(rendered({ backoffLimitPerIndex: 1, ...withPod({}) })).toEqual({ job });
  });

  test.each(["serviceAccountName", "serviceAccount"])("a pod with `%s` gets its token", (key) => {
    const job = jobOf({ [key]: "deployer" });
    delete job.spec.template.spec.automountServiceAccountToken;
    expect(rendered(withPod({ [key]: "deployer" }))).toEqual({ job });
  });
});

describe("the workspace of the run", () => {
  const volumes = [{ name: "mflow-workspace", persistentVolumeClaim: { claimName: "run-1-workspace" } }];
  const render = (pod: Record<string, unknown>, path?: string) =>
    rendered(
      {},
      {
        spec: { workspace: "run", workspaceMountPath: path, spec: withPod(pod) },
        workspaceClaim: "run-1-workspace",
      },
    );

  test("is mounted in all containers", () => {
    const volumeMounts = [{ name: "mflow-workspace", mountPath: "/workspace" }];
    const init = { name: "init", image: "init:1" };
    expect(render({ initContainers: [init] })).toEqual({
      job: jobOf({
        containers: [{ ...container, volumeMounts }],
        initContainers: [{ ...init, volumeMounts }],
        volumes,
      }),
    });
  });

  test("is mounted where the author says, but over no mount of the author", () => {
    const own = [{ name: "mine", mountPath: "/src/" }];
    const mine = { name: "mine", emptyDir: {} };
    const other = { name: "other", image: "o:1", volumeMounts: [{ name: "mine", mountPath: "/x" }] };
    const containers = [{ ...container, volumeMounts: own }, other];
    expect(render({ containers, volumes: [mine] }, "/src")).toEqual({
      job: jobOf({
        containers: [
          containers[0],
          { ...other, volumeMounts: [...other.volumeMounts, { name: "mflow-workspace", mountPath: "/src" }] },
        ],
        volumes: [mine, ...volumes],
      }),
    });
  });
});

describe("a kubeconfig", () => {
  const annotations = { "mflow.dev/kube-config-mount": "/etc/kube/config" };
  const kubeconfig = "apiVersion: v1\nkind: Config\n";
  const mounts = [
    { name: "mflow-kubeconfig", mountPath: "/etc/kube/config", subPath: "kubeconfig", readOnly: true },
  ];
  const volumesWith = (mode: number) => [
    {
      name: "mflow-kubeconfig",
      secret: { secretName: NAME, items: [{ key: "kubeconfig", path: "kubeconfig", mode }] },
    },
  ];
  const variable = { name: "KUBECONFIG", value: "/etc/kube/config" };
  const secret = {
    apiVersion: "v1",
    kind: "Secret",
    type: "Opaque",
    immutable: true,
    metadata: { name: NAME, namespace: "ci", labels },
    stringData: { kubeconfig },
  };

  test("that the Job asks for is a file in all containers, and KUBECONFIG names it", () => {
    const own = { name: "own", image: "o:1", env: [{ name: "KUBECONFIG", value: "/mine" }] };
    const job = jobOf({
      containers: [
        { ...container, env: [variable], volumeMounts: mounts },
        { ...own, volumeMounts: mounts },
      ],
      volumes: volumesWith(0o400),
    });
    job.metadata = { ...job.metadata, annotations: { ...annotations, ...job.metadata?.annotations } };
    const spec = { metadata: { annotations }, spec: withPod({ containers: [container, own] }) };
    expect(rendered({}, { spec, kubeconfig })).toEqual({ job, secret });
  });

  test("may be asked for by the pod template, and a param KUBECONFIG wins", () => {
    const job = jobOf({
      containers: [{ ...container, env: [{ name: "KUBECONFIG", value: "/a" }], volumeMounts: mounts }],
      volumes: volumesWith(0o400),
    });
    job.spec.template.metadata = { labels, annotations };
    const template = { metadata: { annotations }, spec: { containers: [container] } };
    expect(rendered({ template }, { kubeconfig, env: { KUBECONFIG: "/a" } })).toEqual({ job, secret });
  });

  test("stays out of pods that do not ask for it", () => {
    expect(rendered(withPod({}), { kubeconfig })).toEqual({ job: jobOf() });
  });

  test.each<[what: string, pod: Record<string, unknown>, mode: number]>([
    ["a pod of another user than root", { securityContext: { runAsUser: 1000 } }, 0o444],
    ["a pod of root", { securityContext: { runAsUser: 0 } }, 0o400],
    [
      "a container of another user than root",
      { containers: [{ ...container, securityContext: { runAsNonRoot: true } }] },
      0o444,
    ],
    ["a group that gets the file", { securityContext: { runAsUser: 1000, fsGroup: 1000 } }, 0o400],
  ])("is readable for %s", (_what, pod, mode) => {
    const spec = { metadata: { annotations }, spec: withPod(pod) };
    expect(rendered({}, { spec, kubeconfig }).job.spec.template.spec.volumes).toEqual(volumesWith(mode));
  });
});

describe("refused is", () => {
  const annotated = (path: unknown) => ({
    metadata: { annotations: { "mflow.dev/kube-config-mount": path } },
    spec: withPod({}),
  });
  test.each<[what: string, rest: Partial<JobToRender>, message: string]>([
    [
      "a kubeconfig where there is none",
      { spec: annotated("/kube") },
      "annotation `mflow.dev/kube-config-mount` asks for a kubeconfig, but the task's cluster has none to give; use a cluster with a `kubeconfig`, or remove the annotation and set `serviceAccountName`",
    ],
    [
      "a folder for it",
      { spec: annotated("/kube/"), kubeconfig: "x" },
      "annotation `mflow.dev/kube-config-mount` must be the absolute path of a file, but is `/kube/`; write e.g. `/etc/kube/config`",
    ],
    [
      "no path for it",
      { spec: annotated(7), kubeconfig: "x" },
      "annotation `mflow.dev/kube-config-mount` must be the absolute path of a file, but is no text; write e.g. `/etc/kube/config`",
    ],
    [
      "a Job without template",
      { spec: { spec: {} } },
      "`spec.template` of the Job must be a map with the pod's `spec`; correct the runner spec",
    ],
    [
      "a template without pod",
      { spec: { spec: { template: { spec: "x" } } } },
      "`spec.template.spec` of the Job must be a map with `containers`; correct the runner spec",
    ],
    [
      "a pod without containers",
      { spec: { spec: { template: { spec: {} } } } },
      "`spec.template.spec.containers` of the Job must be a list of containers; correct the runner spec",
    ],
    [
      "a list that is none",
      { spec: { spec: withPod({ containers: [{ ...container, env: { A: "1" } }] }) } },
      "`spec.template.spec.containers[0].env` of the Job must be a list; correct the runner spec",
    ],
  ])("%s", (_what, rest, message) => {
    expect(() => rendered({}, rest)).toThrow(expect.objectContaining({ code: "RUNNER_REFUSED", message }));
  });
});
