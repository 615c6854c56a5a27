// Lists, in a thread of their own, so that a slow one never holds up a commit. The thread starts with
// the first question; a read sees every commit that was acknowledged before it was asked.

import { extname } from "node:path";
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

interface Waiting {
  resolve(found: BodyPage): void;
  reject(error: Error): void;
}

export class Reader {
  readonly #path: string;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #number = 0;
  #closed = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws MflowError BAD_REQUEST for a bad limit, cursor or time */
  async list<T>(kind: RecordKind, query: ListQuery): Promise<Page<T>> {
    const { bodies, ...rest } = await this.#ask(kind, query);
    return { items: bodies.map((body) => JSON.parse(body) as T), ...rest };
  }

  /** Waits for the answers that are under way; later questions are refused. */
  async close(): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    if (!worker) return;
    const ended = new Promise((resolve) => worker.once("exit", resolve));
    worker.ref();
    worker.postMessage("close");
    await ended;
  }

  #ask(kind: RecordKind, query: ListQuery): Promise<BodyPage> {
    if (this.#closed)
      return Promise.reject(new MflowError("UNAVAILABLE", `The database ${this.#path} is closed`));
    this.#worker ??= this.#start();
    const worker = this.#worker;
    const number = ++this.#number;
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
      worker.ref();
      worker.postMessage({ number, kind, query } satisfies Question);
    });
  }

  #start(): Worker {
    const file = new URL(`./reader-worker${extname(import.meta.url)}`, import.meta.url);
    const worker = new Worker(file, { workerData: { path: this.#path } });
    worker.on("message", (answer: Answer) => this.#settle(worker, answer));
    worker.on("error", (error) => this.#lost(worker, error));
    worker.on("exit", () => this.#lost(worker, new Error("the thread ended")));
    return worker;
  }

  #settle(worker: Worker, answer: Answer): void {
    const waiting = this.#waiting.get(answer.number);
    this.#waiting.delete(answer.number);
    // An idle thread does not keep the process alive.
    if (this.#waiting.size === 0) worker.unref();
    if ("found" in answer) waiting?.resolve(answer.found);
    else waiting?.reject(new MflowError(answer.code, answer.message));
  }

  /** The next question starts a new thread. */
  #lost(worker: Worker, cause: Error): void {
    if (this.#worker === worker) this.#worker = undefined;
    for (const [number, { reject }] of this.#waiting) {
      this.#waiting.delete(number);
      reject(new MflowError("INTERNAL", `The lists of ${this.#path} failed: ${cause.message}`));
    }
  }
}
