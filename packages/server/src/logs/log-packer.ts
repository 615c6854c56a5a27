// Packs finished logs, one after another beside everything else. What is not packed when the process ends
// is packed after the next start; until then readers use the plain file.

import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { packLog } from "./packed-log.ts";
import type { Extent } from "./plain-log.ts";

export interface PackOrder {
  /** The plain file. */
  source: string;
  extent: () => Promise<Extent>;
  /** A name for the packed file while it is incomplete, on the same file system. */
  part: string;
  target: string;
  /** Called when the packed file is in its place, before the plain one is removed. */
  packed: () => void;
  /** Called when the plain file is removed. */
  removed: () => Promise<void>;
}

interface Packing {
  order: PackOrder;
  stop: AbortController;
  done: Promise<void>;
  finish: () => void;
}

export class LogPacker {
  readonly #orders = new Map<string, Packing>();
  readonly #failed: (source: string, error: unknown) => void;
  #running: Promise<void> | undefined;
  #closed = false;

  /** `failed` hears of a log that could not be packed; it stays as it is until the next start. */
  constructor(failed: (source: string, error: unknown) => void) {
    this.#failed = failed;
  }

  add(key: string, order: PackOrder): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#orders.set(key, { order, stop: new AbortController(), done: promise, finish: resolve });
    this.#running ??= this.#run();
  }

  /** Gives up packing a log, which is about to be removed. */
  async cancel(key: string): Promise<void> {
    const packing = this.#orders.get(key);
    packing?.stop.abort();
    await packing?.done;
  }

  /** Resolves when everything that was added is packed, failed or was cancelled. */
  async settled(): Promise<void> {
    while (this.#running) await this.#running;
  }

  /** Stops; what is not packed yet waits for the next start. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { stop } of this.#orders.values()) stop.abort();
    await this.settled();
  }

  async #run(): Promise<void> {
    // So that `#running` is set before it is unset below.
    await undefined;
    for (let next = first(this.#orders); next; next = first(this.#orders)) {
      const [key, packing] = next;
      try {
        if (!packing.stop.signal.aborted) await pack(packing.order, packing.stop.signal);
      } catch (error) {
        if (!packing.stop.signal.aborted) this.#failed(packing.order.source, error);
      }
      this.#orders.delete(key);
      packing.finish();
      if (this.#closed) break;
    }
    this.#running = undefined;
  }
}

function first<V>(map: Map<string, V>): [string, V] | undefined {
  for (const entry of map) return entry;
  return undefined;
}

async function pack(order: PackOrder, signal: AbortSignal): Promise<void> {
  const source = await open(order.source, "r");
  try {
    await packLog(source, await order.extent(), order.part, signal);
    await mkdir(dirname(order.target), { recursive: true, mode: 0o700 });
    await rename(order.part, order.target);
  } catch (error) {
    await rm(order.part, { force: true });
    throw error;
  } finally {
    await source.close();
  }
  order.packed();
  await rm(order.source, { force: true });
  await order.removed();
}
