// How the volume of a run is made, and found again.

import type { KubeObject } from "@mflow/core/kubernetes/kube-objects";
import { LABELS } from "@mflow/core/kubernetes/render-job";
import { expect, test } from "vitest";
import { RetryableStartError } from "../runner.ts";
import { type ClusterClient, KubeError } from "./api/cluster-client.ts";
import type { ClustersAtWork } from "./clusters-at-work.ts";
import type { Placements } from "./placements.ts";
import { RunWorkspaces } from "./workspaces.ts";

const full = new KubeError(403, "exceeded quota: small", { reason: "Forbidden" });
const crowded = new KubeError(409, "Operation cannot be fulfilled on resourcequotas", { reason: "Conflict" });
const taken = new KubeError(409, "it already exists", { reason: "AlreadyExists" });
const gone = new KubeError(404, "not found", { reason: "NotFound" });
const claimOf = (installation: string): KubeObject => ({
  metadata: { name: "claim", labels: { [LABELS.installation]: installation } },
});

/** What `ensure` comes to, when the API server refuses the creation and has, or refuses, the claim. */
function ensured(refusal: KubeError, existing?: KubeObject | KubeError): Promise<string> {
  const client = {
    server: "https://cluster",
    create: async () => {
      throw refusal;
    },
    get: async () => {
      if (existing instanceof Error) throw existing;
      return existing;
    },
  } as unknown as ClusterClient;
  const works = { of: () => ({ client: async () => client }), idOf: () => "one" };
  const placements = { workspacesOf: () => undefined, putWorkspaces: async () => {} };
  const workspaces = new RunWorkspaces({
    works: works as unknown as ClustersAtWork,
    placements: placements as unknown as Placements,
    ...{ installation: "one", warn: () => {} },
  });
  return workspaces.ensure("run-1", { cluster: "one", namespace: "ci" }, undefined);
}

const mayPass = (error: unknown) => error instanceof RetryableStartError;

test("the volume of a run is found when the quota is full by then, also because of it", async () => {
  expect(await ensured(full, claimOf("one"))).toMatch(/run-1/);
  expect(await ensured(taken, claimOf("one"))).toMatch(/run-1/);
});

test("a volume that a quota does not allow now is tried again", async () => {
  for (const creation of [ensured(full, gone), ensured(crowded)]) {
    expect(await creation.catch(mayPass)).toBe(true);
  }
});

test("the volume of another installation is not taken over", async () => {
  await expect(ensured(full, claimOf("two"))).rejects.toThrow("that is not this run's");
});
