// What a task that was placed before asks for: the clusters that there are may have changed since.

import type { ClusterSpec } from "@mflow/core/schema/cluster";
import { expect, test } from "vitest";
import { RetryableStartError } from "../runner.ts";
import { startRequest } from "../testing/start-request.ts";
import { type Placement, tombstone } from "./placement.ts";
import { wantedOf } from "./wanted-job.ts";

const JOB = { spec: { template: { spec: { containers: [{ name: "main", image: "busybox" }] } } } };
const A: ClusterSpec = { helperImage: "tools/a" };

function placed(changes: Partial<Placement>): Placement {
  return { ...tombstone({ taskId: "task-1", attempt: 1 }), state: "QUEUED", namespace: "ci", ...changes };
}

function choiceOf(
  clusters: Record<string, ClusterSpec>,
  placement: Placement,
  runnerParams: Record<string, string> = {},
) {
  const parts = {
    clusters: { names: () => Object.keys(clusters), open: (name: string) => clusters[name] },
    host: {},
    seal: (plain: string) => `sealed ${plain}`,
    unseal: (sealed: string) => sealed.replace("sealed ", ""),
  };
  const { choice, where } = wantedOf(startRequest(JOB, { runnerParams }), parts, placement);
  return { choice, where };
}

test("an attempt stays in the cluster where it was placed, with the settings of that one", () => {
  const inA = { choice: { cluster: "a", spec: A }, where: { cluster: "a" } };
  expect(choiceOf({ a: A, b: {} }, placed({ cluster: "a" }))).toEqual(inA);
  expect(choiceOf({ a: A, default: {} }, placed({ cluster: "a" }))).toEqual(inA);
  expect(choiceOf({ a: A, b: {} }, placed({ cluster: "a" }), { _kube_config: "b" })).toEqual(inA);
});

test("an attempt stays with the kubeconfig with which it was placed", () => {
  const params = { _kube_config_from: "MANUAL", _kube_config: "newer" };
  expect(choiceOf({}, placed({ kubeconfig: "sealed older" }), params)).toEqual({
    choice: { kubeconfig: "older", spec: {} },
    where: { kubeconfig: "sealed older" },
  });
});

test("an attempt whose cluster is not set up now is tried again", () => {
  const choose = () => choiceOf({ b: {} }, placed({ cluster: "a" }));
  expect(choose).toThrow(RetryableStartError);
  expect(choose).toThrow("there is no cluster `a` any more; an admin can add it again");
});

test("a scope that may not use the cluster any more is refused while nothing is made there", () => {
  const a: ClusterSpec = { scopes: [{ domain: "*", namespace: "ops" }] };
  expect(() => choiceOf({ a }, placed({ cluster: "a", state: "QUEUED" }))).toThrow(
    expect.objectContaining({
      code: "RUNNER_REFUSED",
      message:
        "cluster `a` may not be used by tasks of `default.default`; an admin can add it to the cluster's `scopes`",
    }),
  );
  const begun = choiceOf({ a }, placed({ cluster: "a", state: "PLACED" }));
  expect(begun).toEqual({ choice: { cluster: "a", spec: a }, where: { cluster: "a" } });
});
