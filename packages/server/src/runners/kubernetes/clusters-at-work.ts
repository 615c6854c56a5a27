// The clusters in which something runs: those that are set up, by name, and those of kubeconfigs that tasks bring, each
// opened at first use.

import { createHash } from "node:crypto";
import type { KubeJob } from "@mflow/core/kubernetes/kube-objects";
import type { ClusterClient, MayDial } from "./api/cluster-client.ts";
import { type KnownClusters, limitsOf, settingsOf } from "./cluster-choice.ts";
import { ClusterWork } from "./cluster-work.ts";
import type { Where } from "./placement.ts";

/** The cluster of a task's own kubeconfig is left so long after its last task, milliseconds. */
const IDLE_MS = 30_000;

export interface ClustersAtWorkParts {
  clusters: KnownClusters;
  unseal(sealed: string): string;
  /** Says whether the address in a kubeconfig of a task's own may be dialled. */
  mayDial: MayDial;
  /** Of this installation. */
  installation: string;
  /** A namespace is watched from now on. */
  opened(namespace: string, client: ClusterClient): void;
  /** A Job of this installation that nobody follows was found; `left` aborts when its cluster is left. */
  orphan(job: KubeJob, client: ClusterClient, left: AbortSignal): void;
  warn(message: string): void;
}

export class ClustersAtWork {
  readonly #parts: ClustersAtWorkParts;
  readonly #works = new Map<string, ClusterWork>();

  constructor(parts: ClustersAtWorkParts) {
    this.#parts = parts;
  }

  all(): ClusterWork[] {
    return [...this.#works.values()];
  }

  /** The cluster of a task. Throws RetryableStartError when it is not set up any more. */
  of(where: Where): ClusterWork {
    const id = this.idOf(where);
    let work = this.#works.get(id);
    if (!work) {
      work =
        where.kubeconfig === undefined ? this.#named(where.cluster ?? "") : this.#ofText(where.kubeconfig);
      this.#works.set(id, work);
    }
    return work;
  }

  /** Whether there is such a cluster: an admin may have deleted it. */
  isSetUp({ cluster, kubeconfig }: Where): boolean {
    return kubeconfig !== undefined || this.#parts.clusters.open(cluster ?? "") !== undefined;
  }

  /** By which clusters are told apart. */
  idOf({ cluster, kubeconfig }: Where): string {
    if (kubeconfig === undefined) return `cluster ${cluster}`;
    const text = this.#parts.unseal(kubeconfig);
    return `kubeconfig ${createHash("sha256").update(text).digest("hex")}`;
  }

  /** The settings of a cluster have changed, or it was deleted: goes on with them, or leaves it. */
  async changed(name: string): Promise<void> {
    const id = this.idOf({ cluster: name });
    const work = this.#works.get(id);
    const spec = this.#parts.clusters.open(name);
    if (spec) return work?.reconfigure(limitsOf(spec));
    this.#works.delete(id);
    await work?.close();
  }

  /** A kubeconfig of a task's own is seldom used again: its watches end when nothing runs by it any more. */
  leaveSoon(where: Where): void {
    if (where.kubeconfig === undefined) return;
    const id = this.idOf(where);
    const leave = () => {
      const work = this.#works.get(id);
      if (!work?.isIdle) return;
      this.#works.delete(id);
      void work.close();
    };
    setTimeout(leave, IDLE_MS).unref();
  }

  async close(): Promise<void> {
    const works = this.all();
    this.#works.clear();
    await Promise.all(works.map((work) => work.close()));
  }

  #named(name: string): ClusterWork {
    const settings = () => settingsOf(name, this.#parts.clusters);
    const configure = async () => (await import("./api/kube-config.ts")).kubeConfigOf(settings());
    return new ClusterWork({ ...this.#shared, name, configure, limits: limitsOf(settings()) });
  }

  #ofText(sealed: string): ClusterWork {
    const { unseal, mayDial } = this.#parts;
    const path = "/runParams/_kube_config";
    const configure = async () =>
      (await import("./api/kube-config.ts")).kubeConfigOfText(unseal(sealed), undefined, path);
    return new ClusterWork({
      ...{ ...this.#shared, configure, mayDial, limits: limitsOf({}) },
      name: "of the task's kubeconfig",
    });
  }

  get #shared() {
    const { installation, opened, orphan, warn } = this.#parts;
    return { installation, opened, orphan, warn };
  }
}
