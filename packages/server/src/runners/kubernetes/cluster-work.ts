// One cluster at work: its client, the watches of the namespaces in use, and who may create Jobs there now.

import type { KubeConfig } from "@kubernetes/client-node";
import type { KubeJob } from "@mflow/core/kubernetes/kube-objects";
import { Admission, type Limits } from "./admission.ts";
import { ClusterClient, type MayDial } from "./api/cluster-client.ts";
import { NamespaceWatch } from "./namespace-watch.ts";

export interface ClusterWorkOptions {
  /** For people and logs. */
  name: string;
  /** Reads the settings as they are now. Rejects with an MflowError that says what is wrong with them. */
  configure(): Promise<KubeConfig>;
  limits: Limits;
  installation: string;
  mayDial?: MayDial;
  /** A namespace is watched from now on. */
  opened(namespace: string, client: ClusterClient): void;
  /** A Job of this installation that nobody follows was found; `left` aborts when the cluster is left. */
  orphan(job: KubeJob, client: ClusterClient, left: AbortSignal): void;
  warn(message: string): void;
}

export class ClusterWork {
  readonly name: string;
  readonly admission: Admission;
  readonly #options: ClusterWorkOptions;
  readonly #watches = new Map<string, NamespaceWatch>();
  readonly #closing = new AbortController();
  #client: Promise<ClusterClient> | undefined;
  #reached: Promise<unknown> | undefined;

  constructor(options: ClusterWorkOptions) {
    this.#options = options;
    this.name = options.name;
    this.admission = new Admission(options.limits);
  }

  /** The client, made at first use. */
  client(): Promise<ClusterClient> {
    this.#client ??= this.#open();
    return this.#client;
  }

  /** Resolves once the API server has taken the credentials; asked once. Rejects with a KubeError. */
  async reach(): Promise<ClusterClient> {
    const client = await this.client();
    this.#reached ??= client.get("/version");
    try {
      await this.#reached;
    } catch (error) {
      this.#reached = undefined;
      throw error;
    }
    return client;
  }

  /** The watch of a namespace, begun at first use. */
  async watch(namespace: string): Promise<NamespaceWatch> {
    const client = await this.client();
    let watch = this.#watches.get(namespace);
    if (!watch) {
      const { name, installation, orphan, warn } = this.#options;
      watch = new NamespaceWatch({
        client,
        namespace,
        installation,
        orphan: (job) => orphan(job, client, this.#closing.signal),
        warn: (message) => warn(`cluster ${name}: ${message}`),
      });
      this.#watches.set(namespace, watch);
      watch.start();
      this.#options.opened(namespace, client);
    }
    return watch;
  }

  /** It is set up by name, not brought by a task. */
  get isNamed(): boolean {
    return this.#options.mayDial === undefined;
  }

  /** Everything in use there can be watched now. */
  get isWatched(): boolean {
    return [...this.#watches.values()].every((watch) => watch.problem === undefined);
  }

  /** The settings have changed: goes on with them. */
  async reconfigure(limits: Limits): Promise<void> {
    this.admission.limits = limits;
    this.#reached = undefined;
    if (!this.#client) return;
    await (await this.#client).reconfigure(await this.#options.configure());
    for (const watch of this.#watches.values()) watch.retry();
  }

  /** Nothing runs here, and nothing is kept. */
  get isIdle(): boolean {
    return this.admission.isIdle && [...this.#watches.values()].every((watch) => watch.isIdle);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.admission.close();
    const client = await this.#client?.catch(() => undefined);
    const watches = [...this.#watches.values()];
    this.#watches.clear();
    await Promise.all(watches.map((watch) => watch.close()));
    await client?.close();
  }

  async #open(): Promise<ClusterClient> {
    try {
      return new ClusterClient(await this.#options.configure(), this.#options.mayDial);
    } catch (error) {
      // Once the settings are mended the next call uses them.
      this.#client = undefined;
      throw error;
    }
  }
}
