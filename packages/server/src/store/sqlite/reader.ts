// Lists, in a thread of their own, so that a slow one never holds up a commit. The thread starts with
// the first question; a read sees every commit that was acknowledged before it was asked.

import { getCompileCacheDir } from "node:module";
import { dirname, extname } from "node:path";
import { Worker } from "node:worker_threads";
import { type ErrorCode, MflowError } from "@mflow/core/errors";
import type { BodyPage, ListQuery } from "../lists.ts";
import type { RecordKind } from "../search-entry.ts";
import type { Page } from "../store.ts";

export interface Question {
  number: number;
  kind: RecordKind;
  query: ListQuery;
}

export type Answer =
  | { number: number; found: BodyPage }
  | { number: number; code: ErrorCode; message: string };

/** Room for short-lived objects of the thread; with the default it keeps 16 MB more after a few lists. */
const YOUNG_MB = 4;

interface Waiting {
  worker: Worker;
  resolve(found: BodyPage): void;
  reject(error: Error): void;
}

export class Reader {
  readonly #path: string;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #number = 0;
  #closing: Promise<void> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws MflowError BAD_REQUEST for a bad limit, cursor or time */
  async list<T>(kind: RecordKind, query: ListQuery): Promise<Page<T>> {
    const { bodies, ...rest } = await this.#ask(kind, query);
    return { items: bodies.map((body) => JSON.parse(body) as T), ...rest };
  }

  /** Waits for the answers that are under way; later questions are refused. A second close is the first. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    const worker = this.#worker;
    if (!worker) return;
    const ended = new Promise((resolve) => worker.once("exit", resolve));
    worker.ref();
    worker.postMessage("close");
    await ended;
  }

  #ask(kind: RecordKind, query: ListQuery): Promise<BodyPage> {
    if (this.#closing)
      return Promise.reject(new MflowError("UNAVAILABLE", `The database ${this.#path} is closed`));
    this.#worker ??= this.#start();
    const worker = this.#worker;
    const number = ++this.#number;
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { worker, resolve, reject });
      worker.ref();
      worker.postMessage({ number, kind, query } satisfies Question);
    });
  }

  #start(): Worker {
    const file = new URL(`./reader-worker${extname(import.meta.url)}`, import.meta.url);
    const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_MB };
    // A thread takes its compile cache from its environment alone; without one it strips types, for 0.1 s and 17 MB.
    const cache = getCompileCacheDir();
    const env = cache === undefined ? {} : { NODE_COMPILE_CACHE: dirname(cache) };
    const worker = new Worker(file, { workerData: { path: this.#path }, resourceLimits, env });
    worker.on("message", (answer: Answer) => this.#settle(worker, answer));
    worker.on("error", (error) => this.#lost(worker, error));
    worker.on("exit", () => this.#lost(worker, new Error("the thread ended")));
    return worker;
  }

  #settle(worker: Worker, answer: Answer): void {
    const waiting = this.#waiting.get(answer.number);
    this.#waiting.delete(answer.number);
    // An idle thread does not keep the process alive; one that is being closed does.
    if (this.#waiting.size === 0 && !this.#closing) worker.unref();
    if ("found" in answer) waiting?.resolve(answer.found);
    else waiting?.reject(new MflowError(answer.code, answer.message));
  }

  /** The next question starts a new thread. */
  #lost(worker: Worker, cause: Error): void {
    if (this.#worker === worker) this.#worker = undefined;
    for (const [number, waiting] of this.#waiting) {
      if (waiting.worker !== worker) continue;
      this.#waiting.delete(number);
      waiting.reject(new MflowError("INTERNAL", `The lists of ${this.#path} failed: ${cause.message}`));
    }
  }
}
