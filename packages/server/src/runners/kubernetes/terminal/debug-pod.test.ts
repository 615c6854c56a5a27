// The copy of a pod as a whole object.

import type { KubePod } from "@mflow/core/kubernetes/kube-objects";
import { describe, expect, test } from "vitest";
import { debugPodOf } from "./debug-pod.ts";

const parts = { container: "main", session: "0123456789abcdef", installation: "abcdefghij0123456789" };

/** A pod as the API server gives it, with all that a copy must not have. */
const pod: KubePod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name: "task-1-abcde",
    namespace: "team",
    uid: "u-1",
    resourceVersion: "7",
    labels: {
      ...{ "app.kubernetes.io/managed-by": "mflow", "mflow.dev/task-id": "task-1", "mflow.dev/attempt": "1" },
      ...{
        "job-name": "task-1",
        "controller-uid": "u-0",
        "batch.kubernetes.io/job-name": "task-1",
        app: "shop",
      },
    },
    annotations: {
      "mflow.dev/task-id": "task-1",
      "container.apparmor.security.beta.kubernetes.io/main": "runtime/default",
    },
    finalizers: ["batch.kubernetes.io/job-tracking"],
    ownerReferences: [{ apiVersion: "batch/v1", kind: "Job", name: "task-1", uid: "u-0", controller: true }],
  },
  spec: {
    nodeName: "node-1",
    serviceAccountName: "builder",
    securityContext: { runAsUser: 1000 },
    priority: 0,
    preemptionPolicy: "PreemptLowerPriority",
    restartPolicy: "OnFailure",
    activeDeadlineSeconds: 60,
    terminationGracePeriodSeconds: 30,
    tolerations: [{ key: "build", operator: "Exists" }],
    initContainers: [{ name: "prepare", image: "prepare:1", restartPolicy: "Always" }],
    containers: [
      {
        ...{ name: "main", image: "build:1", command: ["make"], args: ["all"], workingDir: "/src" },
        env: [
          { name: "COLOR", value: "blue" },
          { name: "TOKEN", valueFrom: { secretKeyRef: { name: "task-1", key: "TOKEN" } } },
          { name: "MODE", valueFrom: { configMapKeyRef: { name: "modes", key: "mode" } } },
          { name: "NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
        ],
        envFrom: [{ prefix: "DB_", secretRef: { name: "db" } }, { configMapRef: { name: "all" } }],
        volumeMounts: [{ name: "work", mountPath: "/src" }],
        resources: { limits: { memory: "1Gi" } },
        ports: [{ containerPort: 80, hostPort: 80 }],
        ...{ livenessProbe: {}, readinessProbe: {}, startupProbe: {}, lifecycle: {}, tty: true, stdin: true },
      },
      { name: "side", image: "side:1" },
    ],
    volumes: [
      { name: "work", emptyDir: {} },
      { name: "keys", secret: { secretName: "keys" } },
      { name: "settings", configMap: { name: "settings" } },
    ],
  },
  status: { phase: "Failed" },
};

describe("the copy of a pod", () => {
  test("has its image, environment and volumes, holds the command, and belongs to nobody", () => {
    const [main] = pod.spec.containers;
    expect(debugPodOf(pod, parts)).toEqual({
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name: "mflow-debug-0123456789abcdef",
        labels: {
          "app.kubernetes.io/managed-by": "mflow",
          "mflow.dev/installation": "abcdefghij0123456789",
          "mflow.dev/debug": "0123456789abcdef",
        },
        annotations: { "container.apparmor.security.beta.kubernetes.io/main": "runtime/default" },
      },
      spec: {
        serviceAccountName: "builder",
        securityContext: { runAsUser: 1000 },
        tolerations: [{ key: "build", operator: "Exists" }],
        restartPolicy: "Never",
        activeDeadlineSeconds: 28_800,
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            ...{ name: "main", image: "build:1", workingDir: "/src" },
            command: ["/bin/sh", "-c", "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done"],
            env: [
              { name: "COLOR", value: "blue" },
              {
                name: "TOKEN",
                valueFrom: { secretKeyRef: { name: "task-1", key: "TOKEN", optional: true } },
              },
              {
                name: "MODE",
                valueFrom: { configMapKeyRef: { name: "modes", key: "mode", optional: true } },
              },
              { name: "NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
            ],
            envFrom: [
              { prefix: "DB_", secretRef: { name: "db", optional: true } },
              { configMapRef: { name: "all", optional: true } },
            ],
            volumeMounts: main?.volumeMounts,
            resources: main?.resources,
          },
        ],
        volumes: [
          { name: "work", emptyDir: {} },
          { name: "keys", secret: { secretName: "keys", optional: true } },
          { name: "settings", configMap: { name: "settings", optional: true } },
        ],
      },
    });
  });

  test("of an init container holds that one", () => {
    const { spec } = debugPodOf(pod, { ...parts, container: "prepare" });
    expect(spec.containers.map(({ name, image }) => [name, image])).toEqual([["prepare", "prepare:1"]]);
    expect(spec.containers[0]).not.toHaveProperty("restartPolicy");
  });

  test("stays on the node of a volume that may be bound to it, beside what the pod asked for", () => {
    const expression = { key: "disk", operator: "In", values: ["ssd"] };
    const required = { nodeSelectorTerms: [{ matchExpressions: [expression] }] };
    const bound: KubePod = {
      ...pod,
      spec: {
        ...pod.spec,
        volumes: [{ name: "work", persistentVolumeClaim: { claimName: "run-1-workspace" } }],
        affinity: {
          nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required },
          podAffinity: {},
        },
      },
    };
    const onNode = { key: "metadata.name", operator: "In", values: ["node-1"] };
    expect(debugPodOf(bound, parts).spec.affinity).toEqual({
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [expression], matchFields: [onNode] }],
        },
      },
      podAffinity: {},
    });
  });
});
