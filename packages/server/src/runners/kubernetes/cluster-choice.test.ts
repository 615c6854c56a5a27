import type { ClusterSpec } from "@mflow/core/schema/cluster";
import { describe, expect, test } from "vitest";
import { startRequest } from "../testing/start-request.ts";
import { chooseCluster, chooseNamespace, limitsOf, timesOf } from "./cluster-choice.ts";

function clusters(specs: Record<string, ClusterSpec>) {
  return { names: () => Object.keys(specs).sort(), open: (name: string) => specs[name] };
}
const asking = (runnerParams: Record<string, string>) => startRequest({}, { runnerParams });
const choose = (specs: Record<string, ClusterSpec>, params: Record<string, string> = {}) =>
  chooseCluster(asking(params), clusters(specs));

describe("the cluster of a task", () => {
  test("is the one that it names, the only one, the one called `default`, or its own", () => {
    const [one, two] = [{ maxTasks: 1 }, { maxTasks: 2 }];
    expect([
      choose({ one, two }, { _kube_config: "two", _namespace: "web" }),
      choose({ one }),
      choose({ default: two, one }),
      choose({ one, two }, { _kube_config_from: "MANUAL", _kube_config: "apiVersion: v1" }),
    ]).toEqual([
      { cluster: "two", spec: two, namespace: "web" },
      { cluster: "one", spec: one },
      { cluster: "default", spec: two },
      { kubeconfig: "apiVersion: v1", spec: {} },
    ]);
  });

  test.each<[string, Record<string, ClusterSpec>, Record<string, string>, string]>([
    [
      "none is there",
      {},
      {},
      "param `_kube_config` must name the cluster; no cluster is set up; an admin can add one with `mflow cluster add`",
    ],
    [
      "several are there",
      { a: {}, b: {} },
      {},
      "param `_kube_config` must name the cluster; there are `a`, `b`",
    ],
    [
      "it is not there",
      { a: {} },
      { _kube_config: "b" },
      "param `_kube_config`: there is no cluster `b`; there is `a`",
    ],
    [
      "the source is none",
      { a: {} },
      { _kube_config_from: "FILE" },
      "param `_kube_config_from` must be `MANUAL` or `CLUSTER_REF`, but is `FILE`",
    ],
    [
      "a kubeconfig is missing",
      { a: {} },
      { _kube_config_from: "MANUAL" },
      "param `_kube_config` must hold the kubeconfig, because `_kube_config_from` is MANUAL",
    ],
    [
      "its scope may not use it",
      { a: { scopes: [{ domain: "*", namespace: "ops" }] } },
      {},
      "cluster `a` may not be used by tasks of `default.default`; an admin can add it to the cluster's `scopes`",
    ],
  ])("is refused when %s", (_why, specs, params, message) => {
    expect(() => choose(specs, params)).toThrow(expect.objectContaining({ code: "RUNNER_REFUSED", message }));
  });

  test("may be used by the scopes that it lists", () => {
    const scopes = [{ domain: "default", namespace: "*" }];
    expect(choose({ a: { scopes } })).toEqual({ cluster: "a", spec: { scopes } });
  });
});

describe("the namespace of a task", () => {
  const spec: ClusterSpec = { defaultNamespace: "ci", allowedNamespaces: ["web"] };

  test("is the one that it names, when the cluster allows it, else the usual one", () => {
    expect([
      chooseNamespace({ cluster: "a", spec }, "from-context"),
      chooseNamespace({ cluster: "a", spec, namespace: "web" }, undefined),
      chooseNamespace({ cluster: "a", spec: {} }, "from-context"),
      chooseNamespace({ cluster: "a", spec: {} }, undefined),
      chooseNamespace({ kubeconfig: "...", spec: {}, namespace: "any" }, undefined),
    ]).toEqual(["ci", "web", "from-context", "default", "any"]);
  });

  test("is refused when the cluster does not list it, or it is none", () => {
    expect(() => chooseNamespace({ cluster: "a", spec, namespace: "kube-system" }, undefined)).toThrow(
      "param `_namespace`: tasks may not run in namespace `kube-system` of cluster `a`, only in `ci`, `web`; an admin can add it to `allowedNamespaces`",
    );
    expect(() => chooseNamespace({ kubeconfig: "...", spec: {}, namespace: "a/b" }, undefined)).toThrow(
      "param `_namespace` is `a/b`, which is no name of a namespace of Kubernetes",
    );
  });
});

test("times and limits are the job's, else the cluster's, else the usual ones", () => {
  expect([
    timesOf({ spec: {}, keepFor: "5m" }, { keepFor: "1m", creationGrace: "10s" }),
    limitsOf({ maxTasks: 5 }),
  ]).toEqual([
    { creationGraceMs: 10_000, keepForMs: 300_000, keepFailedForMs: 3_600_000 },
    { maxTasks: 5, createRate: 50 },
  ]);
});
