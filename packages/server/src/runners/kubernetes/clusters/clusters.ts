// The clusters that an admin has set up, which tasks name in `_kube_config`. kubeconfig and token are sealed at rest and
// opened only to reach the cluster.

import { type ErrorDetail, MflowError } from "@mflow/core/errors";
import type { Cluster, ClusterSpec } from "@mflow/core/schema/cluster";
import { NamedSettings, type PlannedSettings, type SettingsVault } from "../../../named-settings.ts";
import type { ClusterStore } from "../../../store/store.ts";

export interface ClustersParts {
  store: ClusterStore;
  vault: SettingsVault;
  /** RFC 3339, UTC, milliseconds. */
  now(): string;
  /** How many attempts run in a cluster, which is deleted by force alone then. */
  inUse?(name: string): number;
  /** A cluster that was deleted by force is gone for good: ends the tasks there. Resolves when that is committed. */
  abandon?(name: string): Promise<void>;
}

const SECRETS = ["kubeconfig", "token"] as const;

export class Clusters {
  readonly #settings: NamedSettings<ClusterSpec>;
  readonly #inUse: (name: string) => number;
  readonly #abandon: (name: string) => Promise<void>;
  readonly #listeners = new Set<(name: string) => void>();

  /** Call `load` before anything else. */
  constructor({ inUse = () => 0, abandon = async () => {}, ...parts }: ClustersParts) {
    this.#inUse = inUse;
    this.#abandon = abandon;
    this.#settings = new NamedSettings(
      { ...parts, changed: (name) => this.#tell(name) },
      { noun: "cluster", mapSecrets, addressOf, problems },
    );
  }

  load(): Promise<void> {
    return this.#settings.load();
  }

  /** In order. */
  names(): string[] {
    return [...this.#settings.stored.keys()];
  }

  /** All, by name, secrets masked. */
  list(): Cluster[] {
    return this.#settings.list();
  }

  /** One, secrets masked. Throws NOT_FOUND that names those there are. */
  get(name: string): Cluster {
    return this.#settings.get(name);
  }

  /** The settings with opened secrets; undefined when there is no cluster of this name. */
  open(name: string): ClusterSpec | undefined {
    return this.#settings.open(name);
  }

  /** What `put` would store, for one who writes more than this. Rejects with INVALID_DOCUMENT that names all that is wrong. */
  plan(name: string, spec: ClusterSpec, by: string): Promise<PlannedSettings<ClusterSpec>> {
    return this.#settings.plan(name, spec, by);
  }

  /** A cluster that was planned is stored. */
  written(cluster: Cluster): void {
    this.#settings.written(cluster);
  }

  /**
   * Makes a cluster, or replaces the settings of one; answers with secrets masked. `***` stands for the stored secret, as
   * long as `server` stays. Rejects with INVALID_DOCUMENT that names what is wrong, STALE_REVISION or NAME_TAKEN when
   * `expectedRevision` is given and is another (0: it must not exist).
   */
  put(name: string, spec: ClusterSpec, by: string, expectedRevision?: number): Promise<Cluster> {
    return this.#settings.put(name, spec, by, expectedRevision);
  }

  /**
   * Rejects with NOT_FOUND, and with CONFLICT while attempts run there. With `force` those are given up: for a cluster that
   * is gone for good. That can be repeated until none is left, also once the record is gone.
   */
  async remove(name: string, { force = false }: { force?: boolean } = {}): Promise<void> {
    const running = this.#inUse(name);
    const isHalfDone = force && running > 0 && !this.#settings.stored.has(name);
    if (!isHalfDone) await this.#removeRecord(name, force ? 0 : running);
    if (force) await this.#abandon(name);
  }

  async #removeRecord(name: string, running: number): Promise<void> {
    this.get(name);
    if (running > 0) {
      const [what, them] = running === 1 ? ["1 attempt runs", "it"] : [`${running} attempts run`, "them"];
      throw new MflowError(
        "CONFLICT",
        `${what} in cluster \`${name}\`; wait until nothing runs there, or cancel the tasks; if the cluster will not come back, \`mflow cluster delete ${name} --force\` gives ${them} up`,
      );
    }
    await this.#settings.remove(name);
  }

  /** Calls back with the name of a cluster that was made, changed or deleted; answers with what ends that. */
  onChange(listener: (name: string) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  #tell(name: string): void {
    for (const listener of this.#listeners) listener(name);
  }
}

function mapSecrets(spec: ClusterSpec, replace: (text: string, path: string) => string): ClusterSpec {
  const mapped = { ...spec };
  for (const key of SECRETS) {
    const text = mapped[key];
    if (text !== undefined) mapped[key] = replace(text, `/spec/${key}`);
  }
  return mapped;
}

/** A kubeconfig holds its address itself. */
function addressOf({ server }: ClusterSpec): string {
  return server?.replace(/\/$/, "") ?? "";
}

/**
 * A kept kubeconfig is looked into again: its context may be another one now. The rules are loaded at first use: they
 * bring a parser along.
 */
async function problems(_given: ClusterSpec, whole: ClusterSpec): Promise<ErrorDetail[]> {
  const { clusterRules } = await import("@mflow/core/lint/clusters");
  return [...clusterRules(whole, "/spec")].map(({ path, message }) => ({ path, message }));
}
