import { expect, test } from "vitest";
import { formatProblem } from "../format-problem.ts";
import { type LintContext, lint } from "../lint.ts";
import { parseManifests } from "../manifest.ts";
import { DEFAULT_SCOPE } from "../schema/scalars.ts";

/** `4:3: error: ...` of everything that is wrong with a file. */
function linted(text: string, context: Partial<LintContext> = {}): string[] {
  const { documents, problems } = parseManifests(text);
  return [...problems, ...lint(documents, { scope: DEFAULT_SCOPE, ...context })].map(formatProblem);
}

const cluster = `kind: Cluster
metadata: { name: prod }
spec:
  server: https://10.0.0.1:6443
  token: "***"
`;

test("a cluster that makes sense has no problems", () => {
  expect(linted(cluster)).toEqual([]);
  expect(linted(`${cluster}  keepFor: 5m\n  workspace: { size: 10Gi }\n`)).toEqual([]);
  expect(linted("kind: Cluster\nmetadata: {name: a}\nspec: {inCluster: true}\n")).toEqual([]);
});

test("what the schema cannot say has its place in the file", () => {
  expect(linted(`${cluster}  inCluster: true\n  keepFor: ${"9".repeat(20)}d\n`)).toEqual([
    expect.stringMatching(/^3:1: error: more than one way to the cluster is given/),
    expect.stringMatching(/^7:12: error: .* is not a duration/),
  ]);
});

test("a kubeconfig is looked into without a server", () => {
  const text = `kind: Cluster
metadata: { name: prod }
spec:
  kubeconfig: |
    current-context: a
    contexts: [{name: a, context: {cluster: c, user: u}}]
    clusters: [{name: c, cluster: {server: "https://10.0.0.1"}}]
    users: [{name: u, user: {exec: {command: aws}}}]
`;
  expect(linted(text)).toEqual([
    "4:15: error: user `u` has `exec`, which is refused in a kubeconfig that is handed in; give a token or a client certificate",
  ]);
});

test("a cluster is given once in a file, and not for a run", () => {
  expect(linted(`${cluster}---\n${cluster}`)).toEqual([
    "8:19: error: Cluster `prod` is given twice, first in line 2; remove one or rename it",
  ]);
  expect(linted(cluster, { overlay: true })).toEqual([
    "1:7: error: a run cannot bring a cluster along, and `prod` is one; apply it first (`mflow apply`) and leave it out",
  ]);
});
