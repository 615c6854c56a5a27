import { describe, expect, test } from "vitest";
import { formatProblem } from "../format-problem.ts";
import { lint } from "../lint.ts";
import { parseManifests } from "../manifest.ts";
import { DEFAULT_SCOPE } from "../schema/scalars.ts";

const CLUSTER = "{name: _kube_config_from, usageType: RUNNER, value: CLUSTER_REF}";

/** Problems of a K8S_JOB. Line 5 holds the params; the runner spec begins in line 7, indented by 4. */
function linted(runnerSpec: string, params = CLUSTER): string[] {
  const { documents, problems } = parseManifests(`kind: Job
metadata: {name: deploy}
spec:
  runnerType: K8S_JOB
  runParams: [${params}]
  runnerSpec:
${runnerSpec.replace(/^/gm, "    ")}
`);
  expect(problems).toEqual([]);
  return lint(documents, { scope: DEFAULT_SCOPE }).map(formatProblem);
}

/** A spec with this pod. */
const pod = (fields: string) => `spec:\n  template:\n    spec:\n${fields.replace(/^/gm, "      ")}`;
const GOOD = pod("containers: [{name: main, image: 'app:1'}]");

test("a Job that makes sense has no problems, wherever templates stand in it", () => {
  const spec = `apiVersion: batch/v1
kind: Job
metadata:
  labels: {team: web, build: "\${N}"}
  annotations: {mflow.dev/kube-config-mount: "\${PATH_OF}"}
workspace: run
workspaceMountPath: /src
creationGrace: "\${GRACE}"
keepFor: 10m
spec:
  backoffLimit: "\${N}"
  template:
    metadata: {labels: {tier: 1}, annotations: {scrape: "false"}}
    spec:
      restartPolicy: "\${POLICY}"
      initContainers:
        - {name: "\${NAME_OF}", image: "registry:5000/team/tool@sha256:0123", restartPolicy: Always}
      containers:
        - name: main
          image: "registry:5000/team/app:\${TAG}"
          env: [{name: "\${NAME_OF}", value: 1}, {name: B, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]
        - {name: side-1, image: "\${TAG}"}`;
  const templates = ["N", "PATH_OF", "GRACE", "POLICY", "NAME_OF", "TAG"].map(
    (name) => `{name: ${name}, usageType: TEMPLATE, required: true}`,
  );
  expect(linted(spec, [CLUSTER, ...templates].join(", "))).toEqual([]);
});

type Case = [what: string, spec: string, problems: string[]];

describe("the Job", () => {
  test.each<Case>([
    [
      "has a template with a pod",
      "spec: {}",
      ["7:5: error: `template` is missing; add it with the `spec` of the pod"],
    ],
    [
      "has a template that is a map",
      "spec: {template: [x]}",
      ["7:12: error: `template` must be a map with the `spec` of the pod"],
    ],
    [
      "has a pod in its template",
      "spec: {template: {metadata: x}}",
      [
        "7:12: error: `spec` of the pod is missing; add it with `containers`",
        "7:33: error: `metadata` must be a map with `labels` and `annotations`",
      ],
    ],
    [
      "takes labels and annotations, no other metadata",
      `metadata:\n  name: mine\n  namespace: ci\n  finalizers: [x]\n  labels: [x]\n${GOOD}`,
      [
        "8:7: warning: `name` is ignored: the name is made of the task's id; remove it",
        "9:7: warning: `namespace` is ignored: say it with the param `_namespace`, and remove it here",
        "10:7: warning: `finalizers` is ignored: of the metadata labels and annotations are taken; remove it",
        "11:7: error: `labels` must be a map of names to texts",
      ],
    ],
    [
      "leaves the names of mflow to mflow",
      `metadata:\n  labels: {mflow.dev/job: x, a: [b]}\n  annotations:\n    mflow.dev/task-id: x\n    mflow.dev/kube-config-mount: etc/config\n${GOOD}`,
      [
        "8:16: warning: `mflow.dev/job` is set by mflow itself; remove it",
        "8:34: error: `a` must be text; write it in quotes",
        "10:9: warning: `mflow.dev/task-id` is set by mflow itself; remove it",
        "11:38: error: `mflow.dev/kube-config-mount` must be the absolute path of a file, such as `/etc/kube/config`",
      ],
    ],
    [
      "has fields that Kubernetes knows",
      `spec:\n  backofLimit: 0\n  zzz: 1\n  template:\n    kind: x\n    spec:\n      containers: [{name: main, image: 'app:1', comand: [x]}]\n      serviceAcountName: x`,
      [
        "8:7: warning: Kubernetes knows no `backofLimit` here and drops or refuses it; did you mean `backoffLimit`?",
        "9:7: warning: Kubernetes knows no `zzz` here and drops or refuses it; correct or remove it",
        "11:9: warning: Kubernetes knows no `kind` here and drops or refuses it; correct or remove it",
        "13:53: warning: Kubernetes knows no `comand` here and drops or refuses it; did you mean `command`?",
        "14:11: warning: Kubernetes knows no `serviceAcountName` here and drops or refuses it; did you mean `serviceAccountName`?",
      ],
    ],
    [
      "leaves repeating and removing to mflow",
      `spec:\n  backoffLimit: 3\n  ttlSecondsAfterFinished: 60\n  template: {spec: {containers: [{name: main, image: 'app:1'}]}}`,
      [
        "8:21: warning: `backoffLimit: 3` makes Kubernetes run the work again, and mflow counts no attempt of it; remove it",
        "9:7: warning: `ttlSecondsAfterFinished` is ignored: mflow removes the Job; say with `keepFor` and `keepFailedFor` how long the Job stays",
      ],
    ],
    [
      "has a workspace when it says where, and grants some time",
      `workspaceMountPath: /src\ncreationGrace: 0s\n${GOOD}`,
      [
        "7:25: warning: `workspaceMountPath` has no effect without a workspace, but for tasks that keep or fetch files; add `workspace: run`, or remove it",
        "8:20: error: a timeout of `0s` ends everything at once; give a longer one or remove it",
      ],
    ],
    [
      "limits no workspace but a pod's own, in bytes",
      `workspace: run\nworkspaceSizeLimit: 2 GB\n${GOOD}`,
      [
        "8:25: warning: `workspaceSizeLimit` has no effect with `workspace: run`: the size of that is the cluster's; remove it",
        "8:25: error: `workspaceSizeLimit` must be an amount of bytes, such as `2Gi` or `500Mi`",
      ],
    ],
    [
      "limits no workspace that there is not",
      `workspaceSizeLimit: 2Gi\n${GOOD}`,
      [
        "7:25: warning: `workspaceSizeLimit` has no effect on a task that neither keeps nor fetches files; remove it",
      ],
    ],
  ])("%s", (_what, spec, problems) => {
    expect(linted(spec)).toEqual(problems);
  });
});

describe("the pod", () => {
  test.each<Case>([
    [
      "has a container",
      pod("containers: []"),
      ["10:11: error: the pod has no container; add one with `name`, `image` and what it runs"],
    ],
    [
      "ends with its work",
      pod("restartPolicy: Always\ncontainers: [{name: main, image: 'app:1'}]"),
      [
        "10:26: error: `restartPolicy` must be `Never` (the default) or `OnFailure` in a Job, but is `Always`",
      ],
    ],
    [
      "has lists where lists are wanted",
      pod(
        "initContainers: {name: a}\ncontainers:\n  - x\n  - {name: a, image: 'b:1', env: {A: 1}, volumeMounts: x}\nvolumes: x",
      ),
      [
        "10:11: error: `initContainers` must be a list of containers; put `- ` before each",
        "12:15: error: a container must be a map with `name` and `image`",
        "13:39: error: `env` must be a list of `{name, value}`",
        "13:66: error: `volumeMounts` must be a list of `{name, mountPath}`",
        "14:20: error: `volumes` must be a list",
      ],
    ],
    [
      "has containers with names of their own and images",
      pod(
        "initContainers:\n  - {name: a, image: 'b:1'}\ncontainers:\n  - {name: a}\n  - {image: 'b:1'}\n  - {name: A_b, image: 7}",
      ),
      [
        "13:15: error: the container has no `image`; add one",
        "13:22: error: another container is called `a` too; rename one of them",
        "14:15: error: the container has no `name`; add one",
        "15:22: error: `A_b` is no name of a container: one is made of lower-case letters, digits and `-`, at most 63, and neither begins nor ends with `-`",
        "15:34: error: `image` must be text; put it in quotes",
      ],
    ],
    [
      "has images whose tags do not move",
      pod(
        "containers:\n  - {name: a, image: app}\n  - {name: b, image: 'r:5000/app:latest'}\n  - {name: c, image: 'r:5000/app'}",
      ),
      [
        "11:32: warning: image `app` names no tag, so it is `latest`, which moves; name a version or a digest",
        "12:32: warning: image `r:5000/app:latest` has a tag that moves; name a version or a digest",
        "13:32: warning: image `r:5000/app` names no tag, so it is `latest`, which moves; name a version or a digest",
      ],
    ],
    [
      "has variables with names",
      pod(
        "containers:\n  - name: a\n    image: b:1\n    env:\n      - A\n      - {value: x}\n      - {name: C, value: [x]}",
      ),
      [
        "14:19: error: a variable must be a map `{name, value}`",
        "15:19: error: the variable has no `name`; add one",
        "16:29: error: the value of a variable must be text; put it in quotes",
      ],
    ],
  ])("%s", (_what, spec, problems) => {
    expect(linted(spec)).toEqual(problems);
  });
});

describe("the params", () => {
  test.each<[what: string, params: string, problems: string[]]>([
    [
      "that choose it are RUNNER params",
      "{name: _kube_config_from}, {name: _kube_config, usageType: TEMPLATE}",
      [
        "5:22: error: `_kube_config_from` is declared as ENV, and only RUNNER params choose the cluster; declare it with `usageType: RUNNER`",
        "5:49: warning: the runner spec holds no `${_kube_config}`, so this TEMPLATE param has no effect; use or remove it",
        "5:74: error: `_kube_config` is declared as TEMPLATE, and only RUNNER params choose the cluster; declare it with `usageType: RUNNER`",
      ],
    ],
    [
      "choose it in one of two ways",
      "{name: _kube_config_from, usageType: RUNNER, value: manual}",
      ["5:67: error: `_kube_config_from` must be `MANUAL` or `CLUSTER_REF`, but is `manual`"],
    ],
    [
      "of the runner have an effect",
      `${CLUSTER}, {name: _namespce, usageType: RUNNER}, {name: other, usageType: RUNNER}`,
      [
        "5:88: warning: a K8S_JOB does nothing with the RUNNER param `_namespce`; did you mean `_namespace`?",
        "5:126: warning: a K8S_JOB does nothing with the RUNNER param `other`; known are `_kube_config_from`, `_kube_config`, `_namespace`",
      ],
    ],
    [
      "keep a kubeconfig secret without being told",
      "{name: _kube_config_from, usageType: RUNNER, value: MANUAL}, {name: _kube_config, usageType: RUNNER}",
      [],
    ],
    [
      "may hold the name of a cluster for all to see",
      `${CLUSTER}, {name: _kube_config, usageType: RUNNER}, {name: _namespace, usageType: RUNNER}`,
      [],
    ],
  ])("%s", (_what, params, problems) => {
    expect(linted(GOOD, params)).toEqual(problems);
  });

  test("that are sensitive do not stand in the Job", () => {
    const params = `${CLUSTER}, {name: PASS, usageType: TEMPLATE, sensitive: true}, {name: TAG, usageType: TEMPLATE}`;
    const spec = pod("containers: [{name: main, image: 'app:${TAG}', args: [x, '--pass=${PASS}']}]");
    expect(linted(spec, params)).toEqual([
      "10:68: warning: `PASS` is sensitive, and as a TEMPLATE its value stands in the Job, where all see it who may read Jobs; declare it with `usageType: ENV` instead",
    ]);
  });
});
