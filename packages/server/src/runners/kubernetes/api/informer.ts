// What there is of one kind in one namespace, kept up to date by one watch however many tasks there are: a list, then
// a watch from where the list stood. Bookmarks keep that place fresh, so that a watch that breaks goes on without a new
// list; when the server has forgotten the place (410), everything is listed again and compared.

import type { KubeObject } from "@mflow/core/kubernetes/kube-objects";
import { type CallOptions, type ClusterClient, KubeError } from "./cluster-client.ts";
import { linesOf } from "./stream-lines.ts";

export interface InformerOptions<T extends KubeObject> {
  /** Path of the list, e.g. `/apis/batch/v1/namespaces/default/jobs`. */
  path: string;
  /** Of list and watch: `labelSelector`, `fieldSelector`. */
  query: CallOptions["query"];
  /** What is kept of an object: the less, the less memory. */
  trim(object: T): T;
  /** The object is new or has changed. */
  changed(object: T): void;
  /** The object is gone; as it was last. */
  removed(object: T): void;
  /** Every object that there was when it was listed has been told. Called after each list. */
  listed?(): void;
  /** The server cannot be asked; called once for each time that it goes wrong. */
  failed(error: KubeError): void;
  /** The server answers again. */
  recovered?(): void;
}

interface List<T> {
  metadata: { resourceVersion: string; continue?: string };
  items: T[];
}

interface WatchEvent<T> {
  type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  object: T & { code?: number; message?: string; reason?: string };
}

const PAGE = 250;
/** A watch is asked for anew after so long, seconds; spread, so that many do not come at once. */
const WATCH_SECONDS = [240, 360] as const;
/** Bookmarks come every minute: a watch that is silent for longer is dead, milliseconds. */
const SILENCE_MS = 150_000;
const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5_000;
/** Somebody has to grant a permission first. */
const FORBIDDEN_BACKOFF_MS = 20_000;

export class Informer<T extends KubeObject> {
  readonly #client: ClusterClient;
  readonly #options: InformerOptions<T>;
  readonly #items = new Map<string, T>();
  readonly #closing = new AbortController();
  #wake: (() => void) | undefined;
  #begun = 0;
  #done = 0;
  #isFailing = false;
  #running: Promise<void> | undefined;

  constructor(client: ClusterClient, options: InformerOptions<T>) {
    this.#client = client;
    this.#options = options;
  }

  /** Begins; a second start does nothing. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Lists begun so far. What exists now is in each list with a higher number than this. */
  get listsBegun(): number {
    return this.#begun;
  }

  /** Number of the last list that was told whole, from 1. */
  get lastList(): number {
    return this.#done;
  }

  get(name: string): T | undefined {
    return this.#items.get(name);
  }

  /** Does not wait any longer before the next try: what was wrong may be mended. */
  retry(): void {
    this.#wake?.();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    let version: string | undefined;
    let backoff = FIRST_BACKOFF_MS;
    while (!signal.aborted) {
      try {
        if (version === undefined) {
          version = await this.#list();
          this.#recovered();
        }
        const before: string = version;
        version = await this.#watch(before);
        // A server that ends each watch at once is not asked without a pause.
        backoff = version === before ? backoff : FIRST_BACKOFF_MS;
        if (version === before) await this.#pause(backoff);
      } catch (error) {
        if (signal.aborted) return;
        const refused = error instanceof KubeError ? error : new KubeError(0, String(error));
        // The server has forgotten the place; a list that is refused so is asked for again like any other.
        if (refused.status === 410 && version !== undefined) {
          version = undefined;
          continue;
        }
        this.#failed(refused);
        const isForbidden = refused.status === 401 || refused.status === 403;
        await this.#pause(Math.max(refused.retryAfterMs ?? 0, isForbidden ? FORBIDDEN_BACKOFF_MS : backoff));
        backoff = Math.min(backoff * 2, MAX_BACKOFF_MS);
      }
    }
  }

  /** Everything that there is, told as changes of what was known. */
  async #list(): Promise<string> {
    const { path, query } = this.#options;
    const seen = new Set<string>();
    const number = ++this.#begun;
    let next: string | undefined;
    let version = "";
    do {
      const page: List<T> = await this.#client.get(
        path,
        { ...query, limit: PAGE, continue: next },
        this.#closing.signal,
      );
      for (const object of page.items) {
        seen.add(nameOf(object));
        this.#put(object);
      }
      next = page.metadata.continue || undefined;
      version = page.metadata.resourceVersion;
    } while (next !== undefined);
    for (const name of this.#items.keys()) if (!seen.has(name)) this.#drop(name);
    this.#done = number;
    this.#options.listed?.();
    return version;
  }

  /** Tells what happens until the server ends the watch; answers from where to go on. */
  async #watch(from: string): Promise<string> {
    const { path, query } = this.#options;
    const [least, most] = WATCH_SECONDS;
    const timeoutSeconds = Math.round(least + Math.random() * (most - least));
    const silent = new AbortController();
    const signal = AbortSignal.any([this.#closing.signal, silent.signal]);
    const timer = setTimeout(() => silent.abort(), SILENCE_MS);
    let version = from;
    try {
      const body = await this.#client.stream(path, {
        query: { ...query, watch: true, allowWatchBookmarks: true, resourceVersion: from, timeoutSeconds },
        signal,
      });
      this.#recovered();
      for await (const lines of linesOf(body)) {
        timer.refresh();
        for (const line of lines) version = this.#tell(JSON.parse(line) as WatchEvent<T>) ?? version;
      }
      return version;
    } catch (error) {
      // What was told was told: the next watch goes on behind it.
      if (silent.signal.aborted || (version !== from && !(error instanceof KubeError))) return version;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Answers the place behind the event. */
  #tell({ type, object }: WatchEvent<T>): string | undefined {
    if (type === "ERROR") {
      const { code = 500, message = "the watch failed", reason } = object;
      throw new KubeError(code, message, { reason });
    }
    if (type === "DELETED") this.#drop(nameOf(object), object);
    else if (type !== "BOOKMARK") this.#put(object);
    return object.metadata?.resourceVersion;
  }

  #put(object: T): void {
    const name = nameOf(object);
    const { resourceVersion } = object.metadata ?? {};
    if (this.#items.get(name)?.metadata?.resourceVersion === resourceVersion) return;
    const kept = this.#options.trim(object);
    this.#items.set(name, kept);
    this.#options.changed(kept);
  }

  #drop(name: string, last?: T): void {
    const object = last ? this.#options.trim(last) : this.#items.get(name);
    if (this.#items.delete(name) && object) this.#options.removed(object);
  }

  #failed(error: KubeError): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    this.#options.failed(error);
  }

  #recovered(): void {
    if (!this.#isFailing) return;
    this.#isFailing = false;
    this.#options.recovered?.();
  }

  /** Resolves after a while, or at once when it is closed or shall try again. */
  async #pause(ms: number): Promise<void> {
    const { signal } = this.#closing;
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms * (0.75 + Math.random() / 2));
    const wake = () => {
      clearTimeout(timer);
      resolve();
    };
    signal.addEventListener("abort", wake, { once: true });
    this.#wake = wake;
    await promise;
    this.#wake = undefined;
    signal.removeEventListener("abort", wake);
  }
}

function nameOf({ metadata }: KubeObject): string {
  return metadata?.name ?? "";
}
